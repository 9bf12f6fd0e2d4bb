/**
 * Cases of several instructions, in which one's result is the next one's operand: what single
 * instructions cannot show is state kept between them (flags evaluated late, decoded code, mode and
 * state switches).
 *
 * Some registers are set aside so that loads and stores mostly hit the window: in ARM code r10 is
 * its middle, r11 a small index, r13 a stack pointer; in Thumb code r6, r7 and r13.
 *
 * @module
 */

import * as a from "./encode.ts";
import { COND, OP, thumb as t } from "./encode.ts";
import type { CaseBuilder } from "./case.ts";

const PRE = { p: 1, u: 1, w: 0 };

/** Registers that ARM sequences may change. */
function free(b: CaseBuilder): number {
  return b.random.below(10);
}

function anyRegister(b: CaseBuilder): number {
  return b.random.below(15);
}

function sequenceCondition(b: CaseBuilder): number {
  return b.random.chance(0.6) ? COND.AL : b.random.below(14);
}

function operand2(b: CaseBuilder, pcAllowed: boolean): number {
  const r = b.random;
  switch (r.below(3)) {
    case 0:
      return a.immediate(r.below(256), r.below(16));
    case 1:
      return a.shiftedBy(r.below(pcAllowed ? 16 : 15), r.below(4), r.below(32));
    default:
      return a.shiftedByRegister(anyRegister(b), r.below(4), anyRegister(b));
  }
}

function otherFree(b: CaseBuilder, ...taken: number[]): number {
  let n = free(b);
  while (taken.includes(n)) n = free(b);
  return n;
}

/** One ARM instruction of a sequence; `left` is how many follow it before the end. */
function armInstruction(b: CaseBuilder, left: number): number {
  const r = b.random;
  const cond = sequenceCondition(b);
  const x = r.below(100);
  if (x < 52) {
    const op = r.below(16);
    const test = op >= OP.TST && op <= OP.CMN;
    const move = op === OP.MOV || op === OP.MVN;
    const op2 = operand2(b, true);
    const byRegister = (op2 & 1 << 25 | op2 & 1 << 4) === 1 << 4;
    const rn = move ? 0 : r.below(byRegister ? 15 : 16);
    return a.dp(op, test ? 1 : r.below(2), test ? 0 : free(b), rn, op2, cond);
  }
  if (x < 60) {
    const rd = free(b);
    const accumulate = r.below(2);
    if (r.chance(0.5)) {
      const rn = accumulate ? anyRegister(b) : 0;
      return a.mul(accumulate, r.below(2), rd, rn, anyRegister(b), b.other(rd), cond);
    }
    const lo = otherFree(b, rd);
    const rm = b.other(rd, lo);
    return a.mull(r.below(2), accumulate, r.below(2), rd, lo, anyRegister(b), rm, cond);
  }
  if (x < 72) {
    const byte = r.below(2);
    const u = r.below(2);
    if (r.chance(0.3)) {
      return a.ldrReg(r.below(2), byte, PRE, free(b), 10, a.shiftedBy(11, 0, 2), cond);
    }
    const offset = byte ? r.below(60) : 4 * r.below(15);
    return a.ldrImm(r.below(2), byte, { p: 1, u, w: 0 }, free(b), 10, offset, cond);
  }
  if (x < 78) {
    const load = r.below(2);
    const sh = load ? r.between(1, 3) : 1;
    return a.ldrhImm(load, sh, { p: 1, u: r.below(2), w: 0 }, free(b), 10, 2 * r.below(30), cond);
  }
  if (x < 84) {
    // Up to five words either side of the stack pointer, which stays.
    let list = 0;
    for (let i = r.between(1, 5); i > 0; i--) list |= 1 << free(b);
    return a.ldm(r.below(2), { p: r.below(2), u: r.below(2), w: 0 }, 0, 13, list, cond);
  }
  if (x < 86) return a.swp(r.below(2), free(b), free(b), 10, cond);
  if (x < 89) return a.mrs(0, free(b), cond);
  if (x < 92) return a.msr(0, 8, a.immediate(r.below(16) << 4, 4), cond);
  if (x < 98) return a.branch(r.below(2), r.below(Math.max(1, Math.min(left, 4))) - 1, cond);
  if (x < 99) return a.swi(r.below(1 << 24), cond);
  return (cond << 28 | 0x06000010 | r.u32() & 0x01ffffef) >>> 0;
}

/** Prepares the registers that ARM sequences set aside. */
function armPointers(b: CaseBuilder): void {
  b.setReg(10, b.window);
  b.setReg(11, b.random.below(16));
  b.setReg(13, b.window + 4 * b.random.between(-8, 8) >>> 0);
}

/** Makes an ARM sequence of `length` instructions. */
export function armSequence(b: CaseBuilder, length: number): void {
  armPointers(b);
  for (let i = 0; i < length; i++) {
    // Distances are in instructions: a branch over k lands k + 1 further, never past the end.
    b.arm(armInstruction(b, length - 1 - i));
  }
}

function lowFree(b: CaseBuilder): number {
  return b.random.below(6);
}

function thumbInstruction(b: CaseBuilder, left: number): number[] {
  const r = b.random;
  const low = (): number => r.below(8);
  const x = r.below(100);
  if (x < 12) return [t.shift(r.below(3), r.below(32), low(), lowFree(b))];
  if (x < 22) return [t.addSub(r.below(2), r.below(2), low(), low(), lowFree(b))];
  if (x < 32) {
    const op = r.below(4);
    return [t.imm8(op, lowFree(b), r.below(256))];
  }
  if (x < 54) {
    const op = r.below(16);
    const rd = lowFree(b);
    let rs = low();
    while (op === 13 && rs === rd) rs = low();
    return [t.alu(op, rs, rd)];
  }
  if (x < 62) {
    const op = r.below(3);
    // Low with high, high with low; r13 keeps its place.
    return r.chance(0.5)
      ? [t.hi(op, r.between(8, 15), lowFree(b))]
      : [t.hi(op, r.below(16), r.between(8, 12))];
  }
  if (x < 66) return [t.adr(r.below(2), lowFree(b), r.below(256))];
  if (x < 74) {
    const load = r.below(2);
    return [
      r.pick([
        t.ldrImm(load, r.below(15), 6, lowFree(b)),
        t.ldrImm(2 | load, r.below(32), 6, lowFree(b)),
        t.ldrhImm(load, r.below(30), 6, lowFree(b)),
      ]),
    ];
  }
  if (x < 80) {
    return [
      r.chance(0.5)
        ? t.ldrReg(r.below(4), 7, 6, lowFree(b))
        : t.ldrhReg(r.below(4), 7, 6, lowFree(b)),
    ];
  }
  if (x < 84) return [t.ldrSp(r.below(2), lowFree(b), r.below(8))];
  if (x < 90) {
    const list = r.below(63) + 1;
    return [t.push(0, 0, list), t.push(1, 0, list & 0x3f)];
  }
  if (x < 96) return [t.bcond(r.below(14), r.below(Math.max(1, Math.min(left, 4))) - 1)];
  if (x < 98) return [t.b(r.below(Math.max(1, Math.min(left, 4))) - 1)];
  if (x < 99) return [t.swi(r.below(256))];
  return [t.hi(2, 8, 8)];
}

/** Makes a Thumb sequence. */
export function thumbSequence(b: CaseBuilder, length: number): void {
  b.setReg(6, b.window);
  b.setReg(7, 4 * b.random.below(12));
  b.setReg(13, b.window + 4 * b.random.between(-6, 6) >>> 0);
  for (let i = 0; i < length;) {
    const words = thumbInstruction(b, length - 1 - i);
    b.thumb(...words);
    i += words.length;
  }
  // A branch over the last pair may land one past it.
  for (let i = 0; i < 4; i++) b.thumb(t.swi(0xf0 + i));
}

/**
 * ARM code that goes on in Thumb and comes back: r12 and r14 hold the addresses of the parts.
 */
export function mixedSequence(b: CaseBuilder, length: number): void {
  const half = length >> 1;
  armPointers(b);
  b.setReg(6, b.window);
  b.setReg(7, 4 * b.random.below(12));
  const r = b.random;
  for (let i = 0; i < half; i++) {
    // Registers 6 and 7 are Thumb's pointers here, 8 and 9 free for both.
    const op = r.below(16);
    const test = op >= OP.TST && op <= OP.CMN;
    const move = op === OP.MOV || op === OP.MVN;
    const rn = move ? 0 : anyRegister(b);
    b.arm(a.dp(op, 1, test ? 0 : r.below(6), rn, operand2(b, false), sequenceCondition(b)));
  }
  const link = b.here;
  b.setReg(12, link + 4 + 1);
  b.arm(a.bx(12));
  for (let i = 0; i < half; i++) {
    b.thumb(r.pick([
      t.alu(r.pick([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15]), r.below(8), lowFree(b)),
      t.addSub(r.below(2), r.below(2), r.below(8), r.below(8), lowFree(b)),
      t.ldrImm(r.below(2), r.below(15), 6, lowFree(b)),
    ]));
  }
  if ((b.code.length & 1) === 0) b.thumb(t.hi(2, 8, 8));
  // BX r14 in Thumb, a halfword before a word boundary.
  b.thumb(t.hi(3, 14, 0));
  b.setReg(14, b.here);
  b.arm(a.dp(OP.ADC, 1, 0, 1, a.shiftedBy(2)));
}
