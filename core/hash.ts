/**
 * A 64-bit hash of a stream, for trace hashes and content hashes: fast, the same on every host,
 * and not meant against an adversary.
 *
 * Two 32-bit lanes are mixed with each other after every word; no BigInt and no allocation on the
 * way. The value depends on the bytes of the stream only, not on how they were cut into calls.
 *
 * @module
 */

const SEED_A = 0x243f6a88;
const SEED_B = 0x85a308d3 | 0;
const MUL_A = 0x9e3779b1 | 0;
const MUL_B = 0x85ebca77 | 0;
const MUL_C = 0xc2b2ae3d | 0;

const encoder = new TextEncoder();

/** Saved form of {@linkcode Hash64}. */
export interface HashState {
  /** First lane. */
  a: number;
  /** Second lane. */
  b: number;
  /** Bytes not yet mixed, little endian. */
  pending: number;
  /** Bytes taken so far. */
  length: number;
}

/** Final avalanche of one lane, so that every input bit reaches every output bit. */
function finish(h: number): number {
  h = Math.imul(h ^ (h >>> 16), MUL_B);
  h = Math.imul(h ^ (h >>> 13), MUL_C);
  return (h ^ (h >>> 16)) >>> 0;
}

/**
 * An incremental 64-bit hash.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { Hash64 } from "./hash.ts";
 *
 * const hash = new Hash64();
 * hash.update32(0x64636261);
 * const other = new Hash64();
 * other.updateBytes(new TextEncoder().encode("abcd"));
 * assert.equal(hash.hex(), other.hex());
 * ```
 */
export class Hash64 {
  #a = SEED_A;
  #b = SEED_B;
  #pending = 0;
  #length = 0;

  #mix(word: number): void {
    let a = Math.imul(this.#a ^ word, MUL_A);
    a = (a << 15) | (a >>> 17);
    let b = Math.imul((this.#b + word) | 0, MUL_B);
    b = (b << 13) | (b >>> 19);
    this.#a = (a + b) | 0;
    this.#b = (b ^ Math.imul(this.#a, MUL_C)) | 0;
  }

  /** Takes a 32-bit number: the same as its four bytes, lowest first. */
  update32(n: number): void {
    const used = (this.#length & 3) << 3;
    this.#length += 4;
    if (used === 0) {
      this.#mix(n | 0);
    } else {
      this.#mix(this.#pending | (n << used));
      this.#pending = n >>> (32 - used);
    }
  }

  /** Takes bytes. */
  updateBytes(bytes: Uint8Array): void {
    const end = bytes.length;
    let i = 0;
    while (i < end && (this.#length & 3) !== 0) this.#byte(bytes[i++]);
    for (; i + 4 <= end; i += 4) {
      this.#mix(bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24));
      this.#length += 4;
    }
    while (i < end) this.#byte(bytes[i++]);
  }

  #byte(byte: number): void {
    const shift = (this.#length & 3) << 3;
    const word = this.#pending | (byte << shift);
    this.#length++;
    if (shift === 24) {
      this.#mix(word);
      this.#pending = 0;
    } else {
      this.#pending = word;
    }
  }

  /**
   * Takes a text as UTF-8, closed by a byte 0xff that UTF-8 never holds, so that "ab" + "c" and
   * "a" + "bc" differ. Use {@linkcode updateBytes} for a stream that may be cut anywhere.
   */
  updateText(text: string): void {
    this.updateBytes(encoder.encode(text));
    this.#byte(0xff);
  }

  /** The hash so far as 16 hexadecimal digits; the stream can go on. */
  hex(): string {
    // What is not yet mixed and the length go into both halves, the length's high word into one.
    const length = this.#length | 0;
    const over = Math.floor(this.#length / 0x1_0000_0000);
    const high = finish(this.#a ^ this.#pending ^ Math.imul(length, MUL_A));
    const low = finish(this.#b + Math.imul(high ^ this.#pending, MUL_C) + Math.imul(over, MUL_A));
    return high.toString(16).padStart(8, "0") + low.toString(16).padStart(8, "0");
  }

  /** The state as plain data. */
  state(): HashState {
    return { a: this.#a, b: this.#b, pending: this.#pending, length: this.#length };
  }

  /** Goes on from a saved state. */
  restore(state: HashState): void {
    this.#a = state.a;
    this.#b = state.b;
    this.#pending = state.pending;
    this.#length = state.length;
  }
}

/** Hash of one run of bytes, as 16 hexadecimal digits. */
export function hashBytes(bytes: Uint8Array): string {
  const hash = new Hash64();
  hash.updateBytes(bytes);
  return hash.hex();
}
