/**
 * Instruction timing of the ARM9TDMI: what an instruction costs beyond its first cycle when caches and
 * TLBs hit, and what it waits for results of loads (ARM9TDMI TRM DDI 0145B, chapter 7). The figures are
 * in `timing_table.ts`; here is which instruction has which.
 *
 * @module
 */

import { popcount } from "./bits.ts";
import type { CpuCore } from "./cpu_core.ts";
import { conditionHolds, STATE } from "./cpu_state.ts";
import { type ArmForm, armRow } from "./isa_arm.ts";
import { thumbRow } from "./isa_thumb.ts";
import type { TimingName, TimingValues } from "./timing_table.ts";

/** Saved form of a {@linkcode Pipeline}. */
export interface PipelineState {
  /** Cycles of the core after which each register can be used; 0 for at once. */
  late: number[];
}

/** Where a late result comes from. */
const LATE = { NONE: 0, WORD: 1, NARROW: 2, MULTIPLE: 3, SWAP_BYTE: 4, COPROCESSOR: 5 } as const;

/** What depends on more than the instruction. */
const KIND = { PLAIN: 0, MULTIPLY: 1, MULTIPLY_UNSIGNED: 2, BRANCH_COND: 3 } as const;

/** Fields of a packed timing: registers needed, then these. */
const FIELD = { RD: 16, LATE: 20, KIND: 23, EXTRA: 25 } as const;
/** Packed timings have this bit, so that none is 0. */
const KNOWN = 1 << 31;

const SLOTS = 4096;

/** The pipeline. */
export class Pipeline {
  readonly #values: TimingValues;
  /** Extra cycles until a result can be used, by {@linkcode LATE}. */
  readonly #late: readonly number[];
  /** Timings of ARM instructions met lately. */
  readonly #words = new Int32Array(SLOTS);
  readonly #timings = new Int32Array(SLOTS);
  /** Timings of Thumb instructions. */
  readonly #thumb = new Int32Array(0x10000);
  /** Cycles of the core issued so far. */
  #now = 0;
  /** Cycle at which each register can be used. */
  readonly #ready = new Float64Array(16);
  /** The last of them. */
  #last = 0;
  // The instruction between issue() and finish().
  #timing = 0;
  #holds = true;
  #extra = 0;

  /**
   * A pipeline without anything to wait for.
   *
   * @param values The costs.
   */
  constructor(values: TimingValues) {
    this.#values = values;
    this.#late = [
      0,
      values.loadUse,
      values.loadUseNarrow,
      values.loadMultipleUse,
      values.swapByteUse,
      values.coprocessorUse,
    ];
  }

  /**
   * Looks at an instruction before it is executed.
   *
   * @param core The CPU.
   * @param insn Its word or halfword.
   * @param thumb True in Thumb state.
   * @returns Cycles that it waits for its operands.
   */
  issue(core: CpuCore, insn: number, thumb: boolean): number {
    const timing = thumb ? this.#thumbTiming(insn) : this.#armTiming(insn);
    const r = core.i32;
    this.#timing = timing;
    const kind = (timing >>> FIELD.KIND) & 3;
    const cond = thumb ? (kind === KIND.BRANCH_COND ? (insn >>> 8) & 15 : 14) : insn >>> 28;
    this.#holds = cond === 14 ||
      conditionHolds(cond, r[STATE.N], r[STATE.Z], r[STATE.C], r[STATE.V]);
    let extra = (timing >>> FIELD.EXTRA) & 31;
    if (kind === KIND.MULTIPLY || kind === KIND.MULTIPLY_UNSIGNED) {
      // Rs of a Thumb MUL is its Rd, which is Rs of the ARM instruction too.
      const rs = thumb ? insn & 7 : (insn >>> 8) & 15;
      extra += multiplierCycles(r[rs], kind === KIND.MULTIPLY);
    }
    this.#extra = extra;
    if (this.#now >= this.#last) return 0;
    let ready = this.#now;
    for (let n = 0, sources = timing & 0xffff; sources !== 0; n++, sources >>>= 1) {
      if ((sources & 1) !== 0 && this.#ready[n] > ready) ready = this.#ready[n];
    }
    const wait = ready - this.#now;
    this.#now = ready;
    return wait;
  }

  /**
   * Looks at the instruction after it was executed.
   *
   * @param excepted True when it ended in an exception, which is charged apart.
   * @param unaligned True when it loaded from a misaligned address.
   * @returns Cycles beyond its first.
   */
  finish(excepted: boolean, unaligned: boolean): number {
    if (excepted) {
      this.refill();
      return 0;
    }
    if (!this.#holds) {
      this.#now++;
      return 0;
    }
    this.#now += 1 + this.#extra;
    const late = (this.#timing >>> FIELD.LATE) & 7;
    if (late !== LATE.NONE) {
      const kind = late === LATE.WORD && unaligned ? LATE.NARROW : late;
      const ready = this.#now + this.#late[kind];
      this.#ready[(this.#timing >>> FIELD.RD) & 15] = ready;
      if (ready > this.#last) this.#last = ready;
    }
    return this.#extra;
  }

  /** Forgets what instructions would wait for: the pipeline is filled anew. */
  refill(): void {
    this.#now = 0;
    this.#last = 0;
    this.#ready.fill(0);
  }

  /** The state as plain data. */
  state(): PipelineState {
    return { late: Array.from(this.#ready, (cycle) => Math.max(0, cycle - this.#now)) };
  }

  /** Takes what {@linkcode state} gave. */
  restore(s: PipelineState): void {
    this.refill();
    this.#ready.set(s.late);
    this.#last = Math.max(...s.late);
  }

  #armTiming(insn: number): number {
    const slot = (insn ^ (insn >>> 12) ^ (insn >>> 20)) & (SLOTS - 1);
    if (this.#words[slot] === (insn | 0) && this.#timings[slot] !== 0) return this.#timings[slot];
    const timing = armTiming(insn, this.#values);
    this.#words[slot] = insn;
    this.#timings[slot] = timing;
    return timing;
  }

  #thumbTiming(insn: number): number {
    const known = this.#thumb[insn];
    if (known !== 0) return known;
    return this.#thumb[insn] = thumbTiming(insn, this.#values);
  }
}

/**
 * Cycles of the multiplier, m: by the upper bytes of Rs.
 *
 * @param rs The register, signed.
 * @param signed True when upper bytes of all ones end it too.
 */
export function multiplierCycles(rs: number, signed: boolean): number {
  const value = signed && rs < 0 ? ~rs : rs;
  if ((value & 0xffffff00) === 0) return 1;
  if ((value & 0xffff0000) === 0) return 2;
  return (value & 0xff000000) === 0 ? 3 : 4;
}

function pack(sources: number, extra: number, late = 0, rd = 0, kind = 0): number {
  return KNOWN | (sources & 0xffff) | (rd << FIELD.RD) | (late << FIELD.LATE) |
    (kind << FIELD.KIND) | (extra << FIELD.EXTRA);
}

function thumbTiming(insn: number, values: TimingValues): number {
  const row = thumbRow(insn);
  switch (row.form) {
    case "align":
    case "arm":
      return armTiming(row.toArm(insn), values);
    case "branch-cond":
      return pack(0, values.branch, 0, 0, KIND.BRANCH_COND);
    case "branch":
      return pack(0, values.branch);
    case "bl-suffix":
      return pack(1 << 14, values.branch);
    default:
      return pack(0, 0);
  }
}

const bit = (n: number): number => 1 << (n & 15);

type Rule = (insn: number, values: TimingValues) => number;

function data(
  sources: number,
  insn: number,
  values: TimingValues,
  shift: TimingName | null,
): number {
  const opcode = (insn >>> 21) & 15;
  const compares = (opcode & 12) === 8;
  const rd = (insn >>> 12) & 15;
  // MOV and MVN have no Rn.
  const rn = (opcode & 13) === 13 ? 0 : bit(insn >>> 16);
  const extra = (shift === null ? 0 : values[shift]) + (!compares && rd === 15 ? values.branch : 0);
  return pack(sources | rn, extra);
}

/** LDR, STR, LDRB, STRB and the halfword forms. */
function single(sources: number, narrow: boolean, insn: number, values: TimingValues): number {
  const rn = bit(insn >>> 16);
  const rd = (insn >>> 12) & 15;
  if ((insn & (1 << 20)) === 0) {
    return pack(sources | rn | (values.storeDataUse !== 0 ? bit(rd) : 0), 0);
  }
  if (rd === 15) return pack(sources | rn, values.loadPc);
  return pack(sources | rn, 0, narrow ? LATE.NARROW : LATE.WORD, rd);
}

function multiple(insn: number, values: TimingValues): number {
  const list = insn & 0xffff || 0x8000;
  const words = popcount(list);
  const rn = bit(insn >>> 16);
  const extra = words === 1 ? values.multipleOfOne : words - 1;
  if ((insn & (1 << 20)) === 0) {
    // The first register is needed at the start, the others have time.
    return pack(rn | (values.storeDataUse !== 0 ? list & -list : 0), extra);
  }
  if ((list & 0x8000) !== 0) return pack(rn, words - 1 + values.loadMultiplePc);
  const last = 31 - Math.clz32(list);
  return words === 1 ? pack(rn, extra) : pack(rn, extra, LATE.MULTIPLE, last);
}

function multiply(insn: number, values: TimingValues): number {
  const accumulates = (insn & (1 << 21)) !== 0;
  const sources = bit(insn) | bit(insn >>> 8) | (accumulates ? bit(insn >>> 12) : 0);
  return pack(sources, values.multiply, 0, 0, KIND.MULTIPLY);
}

function multiplyLong(insn: number, values: TimingValues): number {
  const accumulates = (insn & (1 << 21)) !== 0;
  const sources = bit(insn) | bit(insn >>> 8) |
    (accumulates ? bit(insn >>> 12) | bit(insn >>> 16) : 0);
  const kind = (insn & (1 << 22)) !== 0 ? KIND.MULTIPLY : KIND.MULTIPLY_UNSIGNED;
  return pack(sources, values.multiplyLong, 0, 0, kind);
}

function coprocessor(insn: number, values: TimingValues): number {
  const rd = (insn >>> 12) & 15;
  if ((insn & (1 << 20)) === 0) return pack(bit(rd), values.coprocessorBusy);
  return pack(0, values.coprocessorBusy, rd === 15 ? LATE.NONE : LATE.COPROCESSOR, rd);
}

function msr(sources: number, insn: number, values: TimingValues): number {
  return pack(sources, (insn & (7 << 16)) !== 0 ? values.msrControl : 0);
}

const RULES: Readonly<Record<ArmForm, Rule>> = {
  "data-imm": (i, v) => data(0, i, v, null),
  "data-shift": (i, v) => data(bit(i), i, v, null),
  "data-reg": (i, v) => data(bit(i) | bit(i >>> 8), i, v, "shiftByRegister"),
  "mrs": () => pack(0, 0),
  "msr-imm": (i, v) => msr(0, i, v),
  "msr-reg": (i, v) => msr(bit(i), i, v),
  "mul": multiply,
  "mul-long": multiplyLong,
  "swap": (i, v) =>
    (i & (1 << 22)) === 0
      ? pack(bit(i) | bit(i >>> 16), v.swap)
      : pack(bit(i) | bit(i >>> 16), v.swap, LATE.SWAP_BYTE, (i >>> 12) & 15),
  "half-imm": (i, v) => single(0, true, i, v),
  "half-reg": (i, v) => single(bit(i), true, i, v),
  "word-imm": (i, v) => single(0, (i & (1 << 22)) !== 0, i, v),
  "word-reg": (i, v) => single(bit(i), (i & (1 << 22)) !== 0, i, v),
  "multiple": multiple,
  "branch": (_i, v) => pack(0, v.branch),
  "bx": (i, v) => pack(bit(i), v.branch),
  "swi": () => pack(0, 0),
  "cp-data": () => pack(0, 0),
  "cp-memory": () => pack(0, 0),
  "cp-register": coprocessor,
  "undefined": () => pack(0, 0),
};

function armTiming(insn: number, values: TimingValues): number {
  return RULES[armRow(insn).form](insn, values);
}
