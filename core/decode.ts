/**
 * Decoder of the fast interpreter: makes of an instruction two words that the loop in `cpu_run.ts` can
 * act on without looking at the instruction again.
 *
 * The first word holds the operation and the register fields, the second an immediate (operand 2, address
 * offset, branch distance, register list) or how to get it. The first word is negative when the
 * loop has something to do before the operation: check a condition, provide r15, shift operand 2.
 *
 * What is rare, UNPREDICTABLE or has side effects beyond registers and RAM is decoded as
 * {@linkcode OP.EXACT} and left to `cpu_exact.ts`.
 *
 * @module
 */
import { popcount, rotateRight } from "./bits.ts";
import { armRow } from "./isa_arm.ts";
import { thumbOffset, thumbRow } from "./isa_thumb.ts";

/**
 * Operations of the fast loop. Its `switch` needs literals to become a jump table, so the numbers
 * appear there again; the comparison of `run()` with `step()` over every row of the instruction
 * table holds the two together.
 */
export const OP = {
  /** Not decoded yet. */
  DECODE: 0,
  /** Past the last instruction of a page. */
  PAGE_END: 1,
  /** For the exact interpreter. */
  EXACT: 2,
  /** Data processing with an immediate or shifted operand, flags untouched: 4 + {@linkcode PLAIN}. */
  PLAIN: 4,
  /** The same setting flags: 16 + opcode. */
  FLAGS: 16,
  /** Data processing with a register shifted left by a constant. */
  AND_R: 32,
  EOR_R: 33,
  SUB_R: 34,
  RSB_R: 35,
  ADD_R: 36,
  ORR_R: 37,
  MOV_R: 38,
  BIC_R: 39,
  MVN_R: 40,
  /** The same setting flags; the logical ones only without a shift. */
  CMP_R: 41,
  ADDS_R: 42,
  SUBS_R: 43,
  MOVS_R: 44,
  TST_R: 45,
  ORRS_R: 46,
  ANDS_R: 47,
  RSBS_R: 48,
  /** Loads and stores at Rn + offset. */
  LDR: 49,
  STR: 50,
  LDRB: 51,
  STRB: 52,
  LDRH: 53,
  STRH: 54,
  LDRSB: 55,
  LDRSH: 56,
  /** At Rn + offset, which is written back. */
  LDR_PRE: 57,
  STR_PRE: 58,
  LDRB_PRE: 59,
  STRB_PRE: 60,
  /** At Rn, which is then moved by the offset. */
  LDR_POST: 61,
  STR_POST: 62,
  LDRB_POST: 63,
  STRB_POST: 64,
  LDRH_POST: 65,
  STRH_POST: 66,
  /** At Rn + (Rm << amount). */
  LDR_R: 67,
  STR_R: 68,
  LDRB_R: 69,
  STRB_R: 70,
  /** At an address relative to the instruction. */
  LDR_LITERAL: 71,
  /** Load of PC at Rn + offset, and at Rn with the base moved. */
  LDR_PC: 72,
  LDR_PC_POST: 73,
  LDM: 74,
  LDM_PC: 75,
  STM: 76,
  /** Rd = address of the instruction + immediate. */
  ADR: 77,
  /** Branches inside the page, and to elsewhere. */
  B: 78,
  BL: 79,
  B_FAR: 80,
  BL_FAR: 81,
  BX: 82,
  /** Second half of the Thumb BL. */
  BL_SUFFIX: 83,
  /** Conditional branches inside the page: 84 + condition. */
  B_COND: 84,
  MUL: 98,
  MLA: 99,
  MULS: 100,
  UMULL: 101,
  SMULL: 102,
  UMLAL: 103,
  SMLAL: 104,
} as const;

/** Fields of the first word. */
export const FIELD = {
  /** Rd. */
  RD: 8,
  /** Rn. */
  RN: 12,
  /** Rm. */
  RM: 16,
  /** Shift amount; number of registers of LDM and STM. */
  AMOUNT: 20,
  /** Condition, in a word that is negative. */
  COND: 27,
  /** Bit: operand 2 gives C. */
  SET_CARRY: 1 << 25,
  /** Bit: the second word says how to shift. */
  SHIFT: 1 << 26,
  /** Bit: there is something to do before the operation. */
  PREFIX: 1 << 31,
} as const;

/** Kinds of shift in bits 6:4 of a second word that says how to shift. */
export const SHIFT_KIND = {
  /** LSL by the amount in bits 12:8. */
  LSL: 0,
  /** LSR by 1 to 31. */
  LSR: 1,
  /** ASR by 1 to 31. */
  ASR: 2,
  /** ROR by 1 to 31. */
  ROR: 3,
  /** A constant shift with another meaning (by 32, RRX); type in bits 14:13. */
  SPECIAL: 4,
  /** By the register in bits 11:8; type in bits 14:13. */
  REGISTER: 5,
} as const;

/** Bit of a second word that says how to shift: the offset is subtracted. */
export const SHIFT_NEGATE: number = 1 << 16;

const AL = 14;
const PC = 15;
/** Number among the operations without flags, by opcode; the comparisons have none. */
const PLAIN: readonly number[] = [0, 1, 2, 3, 4, 5, 6, 7, -1, -1, -1, -1, 8, 9, 10, 11];
/** Operations that set C from the shifter: by opcode. */
const LOGICAL = 0b1111_0011_0000_0011;
const BY_REGISTER: Readonly<Record<number, number>> = {
  0: OP.AND_R,
  1: OP.EOR_R,
  2: OP.SUB_R,
  3: OP.RSB_R,
  4: OP.ADD_R,
  12: OP.ORR_R,
  13: OP.MOV_R,
  14: OP.BIC_R,
  15: OP.MVN_R,
};
const BY_REGISTER_FLAGS: Readonly<Record<number, number>> = {
  0: OP.ANDS_R,
  2: OP.SUBS_R,
  3: OP.RSBS_R,
  4: OP.ADDS_R,
  8: OP.TST_R,
  10: OP.CMP_R,
  12: OP.ORRS_R,
  13: OP.MOVS_R,
};

// The two words being made.
let first = 0;
let second = 0;

/** Where an instruction is. */
interface Place {
  /** Offset in its page. */
  readonly offset: number;
  /** 4 in ARM state, 2 in Thumb state. */
  readonly size: number;
  /** Operand value of PC less the address of the instruction. */
  readonly ahead: number;
}

function emit(op: number, rd = 0, rn = 0, rm = 0, amount = 0): void {
  first = op | (rd << FIELD.RD) | (rn << FIELD.RN) | (rm << FIELD.RM) | (amount << FIELD.AMOUNT);
}

/** Marks the first word: the condition must hold, r15 must be there. */
function prefix(cond: number): void {
  first |= FIELD.PREFIX | (cond << FIELD.COND);
}

function exact(): void {
  first = OP.EXACT;
  second = 0;
}

/** How to shift Rm, as the second word. */
function shiftWord(insn: number): number {
  const type = (insn >>> 5) & 3;
  const rm = insn & 15;
  if ((insn & 0x10) !== 0) {
    return rm | (SHIFT_KIND.REGISTER << 4) | (insn & 0xf00) | (type << 13);
  }
  const amount = (insn >>> 7) & 31;
  if (amount === 0 && type !== 0) return rm | (SHIFT_KIND.SPECIAL << 4) | (type << 13);
  return rm | (type << 4) | (amount << 8);
}

function dataImmediate(insn: number, cond: number, place: Place): void {
  const opcode = (insn >>> 21) & 15;
  const flags = (insn & (1 << 20)) !== 0;
  const rn = (insn >>> 16) & 15;
  const rd = (insn >>> 12) & 15;
  const rotation = (insn >>> 7) & 30;
  second = rotateRight(insn & 0xff, rotation);
  if (!flags && rn === PC && (opcode === 2 || opcode === 4)) {
    emit(OP.ADR, rd);
    second = (opcode === 2 ? -second : second) + place.ahead;
    if (cond !== AL) prefix(cond);
    return;
  }
  emit(flags ? OP.FLAGS + opcode : OP.PLAIN + PLAIN[opcode], rd, rn);
  const carry = flags && rotation !== 0 && ((LOGICAL >>> opcode) & 1) !== 0;
  if (carry) first |= FIELD.SET_CARRY;
  if (carry || cond !== AL || rn === PC) prefix(cond);
}

function dataRegister(insn: number, cond: number): void {
  const opcode = (insn >>> 21) & 15;
  const flags = (insn & (1 << 20)) !== 0;
  const rn = (insn >>> 16) & 15;
  const rd = (insn >>> 12) & 15;
  const rm = insn & 15;
  const byRegister = (insn & 0x10) !== 0;
  if (byRegister && (rn === PC || rm === PC || ((insn >>> 8) & 15) === PC)) return exact();
  const logical = flags && ((LOGICAL >>> opcode) & 1) !== 0;
  const left = (insn & 0x70) === 0;
  const amount = (insn >>> 7) & 31;
  const direct = (flags ? BY_REGISTER_FLAGS : BY_REGISTER)[opcode];
  if (left && direct !== undefined && !(logical && amount !== 0)) {
    emit(direct, rd, rn, rm, amount);
    second = 0;
    if (cond !== AL || rn === PC || rm === PC) prefix(cond);
    return;
  }
  emit(flags ? OP.FLAGS + opcode : OP.PLAIN + PLAIN[opcode], rd, rn);
  first |= FIELD.SHIFT | (logical ? FIELD.SET_CARRY : 0);
  second = shiftWord(insn);
  prefix(cond);
}

/** Operation of a load or store by kind (0 word, 1 byte, 2 half, 3 signed byte, 4 signed half). */
const OFFSET_OPS = [
  [OP.STR, OP.LDR],
  [OP.STRB, OP.LDRB],
  [OP.STRH, OP.LDRH],
  [0, OP.LDRSB],
  [0, OP.LDRSH],
];
const PRE_OPS = [[OP.STR_PRE, OP.LDR_PRE], [OP.STRB_PRE, OP.LDRB_PRE]];
const POST_OPS = [
  [OP.STR_POST, OP.LDR_POST],
  [OP.STRB_POST, OP.LDRB_POST],
  [OP.STRH_POST, OP.LDRH_POST],
];
const REGISTER_OPS = [[OP.STR_R, OP.LDR_R], [OP.STRB_R, OP.LDRB_R]];

/** A load or store; `shift` says how to make the offset from a register, or is -1. */
function transfer(
  insn: number,
  cond: number,
  kind: number,
  offset: number,
  shift: number,
  place: Place,
): void {
  const load = (insn >>> 20) & 1;
  const rn = (insn >>> 16) & 15;
  const rd = (insn >>> 12) & 15;
  const up = (insn & (1 << 23)) !== 0;
  const pre = (insn & (1 << 24)) !== 0;
  const writeback = !pre || (insn & (1 << 21)) !== 0;
  if (writeback && (rn === PC || rn === rd)) return exact();
  if (!pre && (insn & (1 << 21)) !== 0) return exact();
  let op: number | undefined;
  if (rd === PC) {
    if (load === 0 || kind !== 0 || (pre && writeback)) return exact();
    op = pre ? OP.LDR_PC : OP.LDR_PC_POST;
  } else if (!writeback) {
    op = OFFSET_OPS[kind][load];
  } else {
    op = (pre ? PRE_OPS : POST_OPS)[kind]?.[load];
  }
  if (op === undefined) return exact();
  second = up ? offset : -offset;
  if (op === OP.LDR && rn === PC && shift < 0) {
    emit(OP.LDR_LITERAL, rd);
    second += place.ahead;
    if (cond !== AL) prefix(cond);
    return;
  }
  const plain = shift >= 0 && up && (shift & 0x70) === 0;
  if (plain && !writeback && rd !== PC && kind < 2) {
    const rm = shift & 15;
    emit(REGISTER_OPS[kind][load], rd, rn, rm, (shift >>> 8) & 31);
    second = 0;
    if (cond !== AL || rn === PC || rm === PC) prefix(cond);
    return;
  }
  emit(op, rd, rn);
  if (shift >= 0) {
    first |= FIELD.SHIFT;
    second = shift | (up ? 0 : SHIFT_NEGATE);
  }
  if (shift >= 0 || cond !== AL || rn === PC) prefix(cond);
}

function multiple(insn: number, cond: number): void {
  const rn = (insn >>> 16) & 15;
  const list = insn & 0xffff;
  const load = (insn & (1 << 20)) !== 0;
  const writeback = (insn & (1 << 21)) !== 0;
  const withPc = (list & (1 << PC)) !== 0;
  if ((insn & (1 << 22)) !== 0 || rn === PC || list === 0) return exact();
  if ((writeback && ((list >>> rn) & 1) !== 0) || (withPc && !load)) return exact();
  const up = (insn & (1 << 23)) !== 0;
  const count = popcount(list);
  const end = up ? count : -count;
  const start = (up ? 0 : end) + (((insn & (1 << 24)) !== 0) === up ? 1 : 0);
  emit(load ? (withPc ? OP.LDM_PC : OP.LDM) : OP.STM, 0, rn, 0, count);
  second = list | ((start & 0xff) << 16) | ((writeback ? end : 0) << 24);
  if (cond !== AL) prefix(cond);
}

/** A branch by `distance` bytes from the instruction. */
function branch(cond: number, distance: number, link: boolean, place: Place): void {
  const target = place.offset + distance;
  const local = target >= 0 && target < 4096;
  if (local && !link && cond !== AL) {
    first = OP.B_COND + cond;
  } else {
    emit(local ? (link ? OP.BL : OP.B) : (link ? OP.BL_FAR : OP.B_FAR));
    if (cond !== AL) prefix(cond);
  }
  // Inside the page as a distance in the pool of decoded words: two an instruction.
  second = local ? (distance / place.size) * 2 : distance;
}

function multiplication(insn: number, cond: number, long: boolean): void {
  const high = (insn >>> 16) & 15;
  const low = (insn >>> 12) & 15;
  const rs = (insn >>> 8) & 15;
  const rm = insn & 15;
  const flags = (insn & (1 << 20)) !== 0;
  const accumulate = (insn & (1 << 21)) !== 0;
  if (high === PC || rs === PC || rm === PC || (low === PC && (long || accumulate))) return exact();
  if (long) {
    if (flags) return exact();
    const signed = (insn & (1 << 22)) !== 0;
    const op = accumulate ? (signed ? OP.SMLAL : OP.UMLAL) : (signed ? OP.SMULL : OP.UMULL);
    emit(op, high, low, rm, rs);
  } else {
    if (flags && accumulate) return exact();
    emit(accumulate ? OP.MLA : flags ? OP.MULS : OP.MUL, high, low, rm, rs);
  }
  second = 0;
  if (cond !== AL) prefix(cond);
}

function arm(insn: number, place: Place): void {
  const cond = insn >>> 28;
  if (cond === 15) return exact();
  const row = armRow(insn);
  switch (row.form) {
    case "data-imm":
    case "data-shift":
    case "data-reg":
      // Writes of PC, and TSTP and its like.
      if (((insn >>> 12) & 15) === PC) return exact();
      return row.form === "data-imm" ? dataImmediate(insn, cond, place) : dataRegister(insn, cond);
    case "mul":
      return multiplication(insn, cond, false);
    case "mul-long":
      return multiplication(insn, cond, true);
    case "word-imm":
      return transfer(insn, cond, (insn >>> 22) & 1, insn & 0xfff, -1, place);
    case "word-reg":
      return transfer(insn, cond, (insn >>> 22) & 1, 0, shiftWord(insn), place);
    case "half-imm":
    case "half-reg": {
      const kind = (insn & (1 << 20)) === 0 ? 2 : [2, 3, 4][((insn >>> 5) & 3) - 1];
      const immediate = row.form === "half-imm";
      const offset = immediate ? ((insn >>> 4) & 0xf0) | (insn & 15) : 0;
      // P = 0 with W = 1 is not a T form here, but rare enough.
      return transfer(insn, cond, kind, offset, immediate ? -1 : insn & 15, place);
    }
    case "multiple":
      return multiple(insn, cond);
    case "branch":
      return branch(cond, ((insn << 8) >> 6) + place.ahead, (insn & (1 << 24)) !== 0, place);
    case "bx":
      emit(OP.BX, 0, 0, insn & 15);
      second = 0;
      if (cond !== AL || (insn & 15) === PC) prefix(cond);
      return;
    default:
      return exact();
  }
}

/**
 * Decodes an ARM instruction.
 *
 * @param insn The instruction word.
 * @param offset Its offset in its 4 KB page.
 * @param out Where the two words go.
 * @param at Index of the first.
 */
export function decodeArm(insn: number, offset: number, out: Int32Array, at: number): void {
  arm(insn, { offset, size: 4, ahead: 8 });
  out[at] = first;
  out[at + 1] = second;
}

/**
 * Decodes a Thumb instruction.
 *
 * @param insn The halfword.
 * @param offset Its offset in its 4 KB page.
 * @param out Where the two words go.
 * @param at Index of the first.
 */
export function decodeThumb(insn: number, offset: number, out: Int32Array, at: number): void {
  const row = thumbRow(insn);
  const place = { offset, size: 2, ahead: 4 };
  switch (row.form) {
    case "arm":
      arm(row.toArm(insn), place);
      break;
    case "align":
      arm(row.toArm(insn), { offset, size: 2, ahead: 4 - (offset & 2) });
      break;
    case "branch-cond":
      branch((insn >>> 8) & 15, thumbOffset(row.form, insn) + 4, false, place);
      break;
    case "branch":
      branch(AL, thumbOffset(row.form, insn) + 4, false, place);
      break;
    case "bl-prefix":
      emit(OP.ADR, 14);
      second = thumbOffset(row.form, insn) + 4;
      break;
    case "bl-suffix":
      emit(OP.BL_SUFFIX);
      second = thumbOffset(row.form, insn);
      break;
    default:
      exact();
  }
  out[at] = first;
  out[at + 1] = second;
}
