/**
 * Arithmetic on 32-bit words. Words are signed 32-bit integers unless a name says otherwise, as
 * that is the form JavaScript engines keep unboxed.
 *
 * @module
 */

/**
 * Rotates a word right.
 *
 * @param value The word.
 * @param amount Number of places; taken modulo 32.
 * @returns The rotated word, signed.
 */
export function rotateRight(value: number, amount: number): number {
  return (value >>> (amount & 31)) | (value << (-amount & 31));
}

/**
 * Counts the bits that are 1.
 *
 * @param value A word.
 * @returns 0 to 32.
 */
export function popcount(value: number): number {
  value -= (value >>> 1) & 0x55555555;
  value = (value & 0x33333333) + ((value >>> 2) & 0x33333333);
  return Math.imul((value + (value >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/**
 * Upper word of the unsigned 64-bit product of two words.
 *
 * @param a One factor, read as unsigned.
 * @param b The other factor, read as unsigned.
 * @returns Bits 63:32 of the product, as a signed word.
 */
export function mulHighUnsigned(a: number, b: number): number {
  const al = a & 0xffff;
  const ah = a >>> 16;
  const bl = b & 0xffff;
  const bh = b >>> 16;
  const mid = ah * bl + ((al * bl) >>> 16);
  const low = al * bh + (mid & 0xffff);
  return (ah * bh + Math.floor(mid / 0x10000) + Math.floor(low / 0x10000)) | 0;
}

/**
 * Upper word of the signed 64-bit product of two words.
 *
 * @param a One factor, read as signed.
 * @param b The other factor, read as signed.
 * @returns Bits 63:32 of the product, as a signed word.
 */
export function mulHighSigned(a: number, b: number): number {
  return (mulHighUnsigned(a, b) - (a < 0 ? b : 0) - (b < 0 ? a : 0)) | 0;
}

/**
 * Formats a word as eight hexadecimal digits.
 *
 * @param value A word, signed or unsigned.
 * @returns For example `"0x30000000"`.
 */
export function hex32(value: number): string {
  return "0x" + (value >>> 0).toString(16).padStart(8, "0");
}
