/**
 * ARM and Thumb encoders, written from the bit layouts of the architecture manual. They share
 * nothing with the emulator's instruction table: that is what makes the oracle an outside one.
 *
 * Every function returns the instruction as an unsigned number (32 bits for ARM, 16 for Thumb).
 *
 * @module
 */

/** Condition codes, bits 31:28. */
export const COND = {
  EQ: 0,
  NE: 1,
  CS: 2,
  CC: 3,
  MI: 4,
  PL: 5,
  VS: 6,
  VC: 7,
  HI: 8,
  LS: 9,
  GE: 10,
  LT: 11,
  GT: 12,
  LE: 13,
  AL: 14,
} as const;

/** Data-processing opcodes, bits 24:21. */
export const OP = {
  AND: 0,
  EOR: 1,
  SUB: 2,
  RSB: 3,
  ADD: 4,
  ADC: 5,
  SBC: 6,
  RSC: 7,
  TST: 8,
  TEQ: 9,
  CMP: 10,
  CMN: 11,
  ORR: 12,
  MOV: 13,
  BIC: 14,
  MVN: 15,
} as const;

/** Shift types, bits 6:5. */
export const SHIFT = { LSL: 0, LSR: 1, ASR: 2, ROR: 3 } as const;

/** Processor modes, CPSR bits 4:0. */
export const MODE = {
  USR: 0x10,
  FIQ: 0x11,
  IRQ: 0x12,
  SVC: 0x13,
  ABT: 0x17,
  UND: 0x1b,
  SYS: 0x1f,
} as const;

/** Whether a condition holds for the flags in bits 31:28 of `cpsr`. */
export function conditionHolds(cond: number, cpsr: number): boolean {
  const n = (cpsr >>> 31 & 1) !== 0;
  const z = (cpsr >>> 30 & 1) !== 0;
  const c = (cpsr >>> 29 & 1) !== 0;
  const v = (cpsr >>> 28 & 1) !== 0;
  const holds = [z, c, n, v, c && !z, n === v, n === v && !z, true][cond >>> 1];
  return (cond & 1) !== 0 && cond !== 15 ? !holds : holds;
}

/** Operand 2: an 8-bit immediate rotated right by twice `rot`. Carries the I bit. */
export function immediate(imm8: number, rot = 0): number {
  return 1 << 25 | rot << 8 | imm8;
}

/** Operand 2: `rm` shifted by a constant; `amount` is the field, 0 to 31. */
export function shiftedBy(rm: number, type = 0, amount = 0): number {
  return amount << 7 | type << 5 | rm;
}

/** Operand 2: `rm` shifted by the low byte of `rs`. */
export function shiftedByRegister(rm: number, type: number, rs: number): number {
  return rs << 8 | type << 5 | 1 << 4 | rm;
}

/** The value of an immediate operand 2. */
export function immediateValue(imm8: number, rot: number): number {
  return (imm8 >>> 2 * rot | imm8 << (32 - 2 * rot & 31)) >>> 0;
}

/** Data processing. */
export function dp(
  op: number,
  s: number,
  rd: number,
  rn: number,
  op2: number,
  cond: number = COND.AL,
): number {
  return (cond << 28 | op << 21 | s << 20 | rn << 16 | rd << 12 | op2) >>> 0;
}

/** MUL and MLA: `rd` = `rm` * `rs` (+ `rn`). */
export function mul(
  accumulate: number,
  s: number,
  rd: number,
  rn: number,
  rs: number,
  rm: number,
  cond: number = COND.AL,
): number {
  return (cond << 28 | accumulate << 21 | s << 20 | rd << 16 | rn << 12 | rs << 8 | 9 << 4 | rm) >>>
    0;
}

/** UMULL, UMLAL, SMULL, SMLAL. */
export function mull(
  signed: number,
  accumulate: number,
  s: number,
  rdHi: number,
  rdLo: number,
  rs: number,
  rm: number,
  cond: number = COND.AL,
): number {
  return (cond << 28 | 1 << 23 | signed << 22 | accumulate << 21 | s << 20 | rdHi << 16 |
    rdLo << 12 | rs << 8 | 9 << 4 | rm) >>> 0;
}

/** The P, U and W bits of a transfer. */
export interface Indexing {
  /** Pre-indexed. */
  readonly p: number;
  /** Up. */
  readonly u: number;
  /** Write back (with P = 0: the user-permission form). */
  readonly w: number;
}

/** LDR, STR, LDRB, STRB and their T forms; `offset` is a 12-bit immediate. */
export function ldrImm(
  load: number,
  byte: number,
  x: Indexing,
  rd: number,
  rn: number,
  offset: number,
  cond: number = COND.AL,
): number {
  return (cond << 28 | 1 << 26 | x.p << 24 | x.u << 23 | byte << 22 | x.w << 21 | load << 20 |
    rn << 16 | rd << 12 | offset) >>> 0;
}

/** The same with a register offset shifted by a constant. */
export function ldrReg(
  load: number,
  byte: number,
  x: Indexing,
  rd: number,
  rn: number,
  shifted: number,
  cond: number = COND.AL,
): number {
  return (ldrImm(load, byte, x, rd, rn, 0, cond) | 1 << 25 | shifted) >>> 0;
}

/** LDRH, STRH, LDRSB, LDRSH with an 8-bit immediate offset; `sh` is bits 6:5. */
export function ldrhImm(
  load: number,
  sh: number,
  x: Indexing,
  rd: number,
  rn: number,
  offset: number,
  cond: number = COND.AL,
): number {
  return (cond << 28 | x.p << 24 | x.u << 23 | 1 << 22 | x.w << 21 | load << 20 | rn << 16 |
    rd << 12 | (offset & 0xf0) << 4 | 1 << 7 | sh << 5 | 1 << 4 | offset & 15) >>> 0;
}

/** The same with a register offset. */
export function ldrhReg(
  load: number,
  sh: number,
  x: Indexing,
  rd: number,
  rn: number,
  rm: number,
  cond: number = COND.AL,
): number {
  return (cond << 28 | x.p << 24 | x.u << 23 | x.w << 21 | load << 20 | rn << 16 | rd << 12 |
    1 << 7 | sh << 5 | 1 << 4 | rm) >>> 0;
}

/** LDM and STM; `s` is the ^ bit. */
export function ldm(
  load: number,
  x: Indexing,
  s: number,
  rn: number,
  list: number,
  cond: number = COND.AL,
): number {
  return (cond << 28 | 4 << 25 | x.p << 24 | x.u << 23 | s << 22 | x.w << 21 | load << 20 |
    rn << 16 | list) >>> 0;
}

/** SWP and SWPB. */
export function swp(
  byte: number,
  rd: number,
  rm: number,
  rn: number,
  cond: number = COND.AL,
): number {
  return (cond << 28 | 1 << 24 | byte << 22 | rn << 16 | rd << 12 | 9 << 4 | rm) >>> 0;
}

/** MRS; `spsr` is the R bit. */
export function mrs(spsr: number, rd: number, cond: number = COND.AL): number {
  return (cond << 28 | 2 << 23 | spsr << 22 | 15 << 16 | rd << 12) >>> 0;
}

/** MSR from operand 2 (register or {@linkcode immediate}); `fields` is c=1, x=2, s=4, f=8. */
export function msr(spsr: number, fields: number, op2: number, cond: number = COND.AL): number {
  return (cond << 28 | 2 << 23 | spsr << 22 | 1 << 21 | fields << 16 | 15 << 12 | op2) >>> 0;
}

/** B and BL; `offset` in words from the instruction + 8. */
export function branch(link: number, offset: number, cond: number = COND.AL): number {
  return (cond << 28 | 5 << 25 | link << 24 | offset & 0xffffff) >>> 0;
}

/** BX. */
export function bx(rm: number, cond: number = COND.AL): number {
  return (cond << 28 | 0x12fff10 | rm) >>> 0;
}

/** SWI. */
export function swi(comment: number, cond: number = COND.AL): number {
  return (cond << 28 | 15 << 24 | comment) >>> 0;
}

/** MRC (`read` = 1) and MCR. */
export function mcr(
  read: number,
  cp: number,
  op1: number,
  rd: number,
  crn: number,
  crm: number,
  op2: number,
  cond: number = COND.AL,
): number {
  return (cond << 28 | 14 << 24 | op1 << 21 | read << 20 | crn << 16 | rd << 12 | cp << 8 |
    op2 << 5 | 1 << 4 | crm) >>> 0;
}

/** CDP. */
export function cdp(
  cp: number,
  op1: number,
  crd: number,
  crn: number,
  crm: number,
  op2: number,
  cond: number = COND.AL,
): number {
  return (cond << 28 | 14 << 24 | op1 << 20 | crn << 16 | crd << 12 | cp << 8 | op2 << 5 | crm) >>>
    0;
}

/** LDC (`load` = 1) and STC; `n` is the long bit, `offset` in words. */
export function ldc(
  load: number,
  n: number,
  x: Indexing,
  cp: number,
  crd: number,
  rn: number,
  offset: number,
  cond: number = COND.AL,
): number {
  return (cond << 28 | 6 << 25 | x.p << 24 | x.u << 23 | n << 22 | x.w << 21 | load << 20 |
    rn << 16 | crd << 12 | cp << 8 | offset) >>> 0;
}

/** What the barrel shifter makes of `value` by a constant field, carry-in `c`; value only. */
export function shiftedValue(value: number, type: number, amount: number, c: number): number {
  switch (type) {
    case SHIFT.LSL:
      return value << amount >>> 0;
    case SHIFT.LSR:
      return amount === 0 ? 0 : value >>> amount;
    case SHIFT.ASR:
      return (value | 0) >> (amount === 0 ? 31 : amount) >>> 0;
    default:
      return (amount === 0 ? c << 31 | value >>> 1 : value >>> amount | value << 32 - amount) >>> 0;
  }
}

/** What a data-processing operation makes of its operands with carry-in `c`; value only. */
export function operationValue(op: number, rn: number, op2: number, c: number): number {
  const { AND, EOR, SUB, RSB, ADD, ADC, SBC, RSC, ORR, MOV, BIC } = OP;
  switch (op) {
    case AND:
      return (rn & op2) >>> 0;
    case EOR:
      return (rn ^ op2) >>> 0;
    case SUB:
      return (rn - op2) >>> 0;
    case RSB:
      return (op2 - rn) >>> 0;
    case ADD:
      return (rn + op2) >>> 0;
    case ADC:
      return (rn + op2 + c) >>> 0;
    case SBC:
      return (rn - op2 - 1 + c) >>> 0;
    case RSC:
      return (op2 - rn - 1 + c) >>> 0;
    case ORR:
      return (rn | op2) >>> 0;
    case MOV:
      return op2 >>> 0;
    case BIC:
      return (rn & ~op2) >>> 0;
    default: // MVN
      return ~op2 >>> 0;
  }
}

/** The Thumb formats of the architecture manual, by number. */
export const thumb = {
  /** Format 1: LSL, LSR, ASR by a constant. */
  shift: (op: number, imm5: number, rs: number, rd: number): number =>
    op << 11 | imm5 << 6 | rs << 3 | rd,
  /** Format 2: ADD, SUB of a register or a 3-bit constant. */
  addSub: (imm: number, sub: number, rn: number, rs: number, rd: number): number =>
    3 << 11 | imm << 10 | sub << 9 | rn << 6 | rs << 3 | rd,
  /** Format 3: MOV, CMP, ADD, SUB of an 8-bit constant. */
  imm8: (op: number, rd: number, imm: number): number => 1 << 13 | op << 11 | rd << 8 | imm,
  /** Format 4: the sixteen register operations. */
  alu: (op: number, rs: number, rd: number): number => 16 << 10 | op << 6 | rs << 3 | rd,
  /** Format 5: ADD, CMP, MOV and BX with high registers. */
  hi: (op: number, rs: number, rd: number): number =>
    17 << 10 | op << 8 | rd >> 3 << 7 | rs << 3 | rd & 7,
  /** Format 6: LDR from the literal pool. */
  ldrPc: (rd: number, imm8: number): number => 9 << 11 | rd << 8 | imm8,
  /** Format 7: STR, STRB, LDR, LDRB with a register offset; op = L:B. */
  ldrReg: (op: number, ro: number, rb: number, rd: number): number =>
    5 << 12 | op << 10 | ro << 6 | rb << 3 | rd,
  /** Format 8: STRH, LDRSB, LDRH, LDRSH with a register offset; op = H:S. */
  ldrhReg: (op: number, ro: number, rb: number, rd: number): number =>
    5 << 12 | op << 10 | 1 << 9 | ro << 6 | rb << 3 | rd,
  /** Format 9: word and byte with a 5-bit offset; op = B:L. */
  ldrImm: (op: number, imm5: number, rb: number, rd: number): number =>
    3 << 13 | op << 11 | imm5 << 6 | rb << 3 | rd,
  /** Format 10: halfword with a 5-bit offset. */
  ldrhImm: (load: number, imm5: number, rb: number, rd: number): number =>
    8 << 12 | load << 11 | imm5 << 6 | rb << 3 | rd,
  /** Format 11: relative to SP. */
  ldrSp: (load: number, rd: number, imm8: number): number => 9 << 12 | load << 11 | rd << 8 | imm8,
  /** Format 12: address of PC or SP plus a constant. */
  adr: (sp: number, rd: number, imm8: number): number => 10 << 12 | sp << 11 | rd << 8 | imm8,
  /** Format 13: moves SP. */
  addSp: (sub: number, imm7: number): number => 0xb0 << 8 | sub << 7 | imm7,
  /** Format 14: PUSH and POP; `r` adds LR or PC. */
  push: (pop: number, r: number, list: number): number =>
    11 << 12 | pop << 11 | 2 << 9 | r << 8 | list,
  /** Format 15: STMIA and LDMIA. */
  ldm: (load: number, rb: number, list: number): number => 12 << 12 | load << 11 | rb << 8 | list,
  /** Format 16: conditional branch; `offset` in halfwords from the instruction + 4. */
  bcond: (cond: number, offset: number): number => 13 << 12 | cond << 8 | offset & 0xff,
  /** Format 17: SWI. */
  swi: (comment: number): number => 0xdf << 8 | comment,
  /** Format 18: branch. */
  b: (offset: number): number => 28 << 11 | offset & 0x7ff,
  /** Format 19: one half of BL; `low` = 1 for the second. */
  bl: (low: number, offset: number): number => 15 << 12 | low << 11 | offset & 0x7ff,
};
