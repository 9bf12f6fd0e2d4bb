/**
 * Where the registers are: word offsets in {@linkcode HostMemory}, mode numbers, status bits.
 *
 * @module
 */

/** Processor modes, bits 4:0 of a status register. */
export const MODE = {
  /** User. */
  USR: 0x10,
  /** Fast interrupt. */
  FIQ: 0x11,
  /** Interrupt. */
  IRQ: 0x12,
  /** Supervisor. */
  SVC: 0x13,
  /** Abort. */
  ABT: 0x17,
  /** Undefined. */
  UND: 0x1b,
  /** System: privileged, with the registers of User mode. */
  SYS: 0x1f,
} as const;

/** Bits of a program status register. */
export const PSR = {
  /** Negative. */
  N: 1 << 31,
  /** Zero. */
  Z: 1 << 30,
  /** Carry. */
  C: 1 << 29,
  /** Overflow. */
  V: 1 << 28,
  /** IRQ masked. */
  I: 1 << 7,
  /** FIQ masked. */
  F: 1 << 6,
  /** Thumb state. */
  T: 1 << 5,
  /** Mode. */
  MODE: 0x1f,
} as const;

/** Bits that exist in a status register of an ARMv4T core. */
export const PSR_BITS = 0xf00000ff | 0;

/** Word indexes of the machine state at the start of {@linkcode HostMemory}. */
export const STATE = {
  /** r0 to r14 of the present mode; r15 as an operand while an instruction runs. */
  R: 0,
  /** Address of the next instruction. */
  PC: 16,
  /** I, F, T and mode of the CPSR; the flags are apart. */
  CPSR: 17,
  /** N is the sign of this word. */
  N: 18,
  /** Z is set when this word is zero. */
  Z: 19,
  /** C: 0 or 1. */
  C: 20,
  /** V: 0 or 1. */
  V: 21,
  /** r8 to r12 of the modes other than FIQ, while FIQ has the registers. */
  R8_USR: 24,
  /** r8 to r12 of FIQ, while another mode has the registers. */
  R8_FIQ: 29,
  /** r13, r14 and SPSR of each bank: 4 words a bank, see {@linkcode bankOf}. */
  BANK: 36,
} as const;

const BANKS: readonly number[] = /* @__PURE__ */ (() => {
  const banks = new Array<number>(32).fill(-1);
  banks[MODE.USR] = banks[MODE.SYS] = 0;
  [MODE.FIQ, MODE.IRQ, MODE.SVC, MODE.ABT, MODE.UND].forEach((mode, i) => banks[mode] = i + 1);
  return banks;
})();

/**
 * Number of a mode's register bank.
 *
 * @param mode Mode bits.
 * @returns 0 for User and System, 1 to 5 for the exception modes, -1 for what is no mode.
 */
export function bankOf(mode: number): number {
  return BANKS[mode & PSR.MODE];
}

/**
 * Evaluates a condition.
 *
 * @param cond Condition field, 0 to 15.
 * @param n Word whose sign is N.
 * @param z Word that is zero when Z is set.
 * @param c C as 0 or 1.
 * @param v V as 0 or 1.
 * @returns True when the instruction executes. 15 never does.
 */
export function conditionHolds(cond: number, n: number, z: number, c: number, v: number): boolean {
  switch (cond) {
    case 0:
      return z === 0;
    case 1:
      return z !== 0;
    case 2:
      return c !== 0;
    case 3:
      return c === 0;
    case 4:
      return n < 0;
    case 5:
      return n >= 0;
    case 6:
      return v !== 0;
    case 7:
      return v === 0;
    case 8:
      return c !== 0 && z !== 0;
    case 9:
      return c === 0 || z === 0;
    case 10:
      return (n < 0) === (v !== 0);
    case 11:
      return (n < 0) !== (v !== 0);
    case 12:
      return z !== 0 && (n < 0) === (v !== 0);
    case 13:
      return z === 0 || (n < 0) !== (v !== 0);
    case 14:
      return true;
    default:
      return false;
  }
}
