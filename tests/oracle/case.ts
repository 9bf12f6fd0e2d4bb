/**
 * One random case: a processor state, a memory window and a few instructions.
 *
 * @module
 */

import * as a from "./encode.ts";
import { MODE } from "./encode.ts";
import { INPUT, LAYOUT, PIECE } from "./harness.ts";
import type { DeviationId } from "./deviations.ts";
import type { Random } from "./random.ts";
import { ARENA, ARENA_MB, CODE_AT, type PageTables, SCRATCH_ALIAS } from "./tables.ts";

/** Bits of the CP15 control register. */
export const CONTROL = {
  /** MMU on. */
  M: 1,
  /** Alignment faults on. */
  A: 1 << 1,
  /** Bits that read as one. */
  ones: 0x78,
  /** System protection. */
  S: 1 << 8,
  /** ROM protection. */
  R: 1 << 9,
  /** High vectors. */
  V: 1 << 13,
} as const;

/** Control register of the harness and of plain cases. */
export const PLAIN_CONTROL: number = CONTROL.M | CONTROL.ones | CONTROL.R;

/** Word offsets in the pool of window contents. */
export const POOL = {
  /** Random words. */
  data: 0,
  /** Words of that part. */
  dataWords: 0x20000,
  /** Addresses in the ARM landing field. */
  jumps: 0x20000,
  /** The same with the MMU off. */
  flatJumps: 0x21000,
  /** ARM SWIs. */
  swis: 0x22000,
  /** Thumb SWIs. */
  thumbSwis: 0x23000,
  /** Words of each of these parts. */
  smallWords: 0x1000,
} as const;

/** Landing fields at the start of the code area: every instruction a SWI with its own number. */
export const LANDING = {
  /** Offset of the ARM field. */
  arm: 0,
  /** Instructions in it. */
  armCount: 0x2000,
  /** Offset of the Thumb field. */
  thumb: 0x8000,
  /** Instructions in it. */
  thumbCount: 0x4000,
  /** Thumb instructions from one free spot for a case to the next. */
  spotStride: 64,
  /** End of both. */
  end: 0x10000,
} as const;

/** What surrounds the generator: addresses and allocation. */
export interface World {
  /** Physical address of RAM. */
  readonly ram: number;
  /** Architecture version that the other side implements. */
  readonly arch: 4 | 5;
  /** Translation tables. */
  readonly tables: PageTables;
  /** Next free byte of the code area, relative to it. */
  codeUsed: number;
  /** Next free spot in the Thumb landing field. */
  spotsUsed: number;
}

/** How memory is set up for a case. */
export interface Environment {
  /** MMU on. */
  readonly mmu: boolean;
  /** The window is in the arena. */
  readonly arena: boolean;
  /** Alignment faults. */
  readonly align: boolean;
}

/** How a case starts. */
export interface StartState {
  /** In Thumb state. */
  readonly thumb?: boolean;
  /** In one of these modes. */
  readonly modes?: readonly number[];
  /** From code that can be stored to. */
  readonly writable?: boolean;
  /** In the Thumb landing field. */
  readonly spot?: boolean;
  /** From code that stays executable when S and R change. */
  readonly anyRs?: boolean;
}

/** What the other side is known to do otherwise in this case. */
export interface Adjustment {
  /** The deviation of docs/deviations.md that the twin gets around. */
  deviation?: DeviationId;
  /** Code for the other side, of the same length, that says in other words what the manual says. */
  twin?: number[];
  /** The other side stores PC + 8 where this core stores PC + 12: the value to look for. */
  storedPc?: number;
  /** Flags in SPSR_svc that the twin spoils. */
  flagsMasked?: number;
  /** A register among r0 to r7 that the twin spoils. */
  registerMasked?: number;
  /** The instruction at this address sets the FCSE process identifier. */
  newPid?: { address: number; pid: number };
  /** Base register, not banked, of an LDM of the user bank that loads it too. */
  userBase?: number;
}

/** A finished case. */
export interface Case {
  /** The template that made it. */
  readonly kind: string;
  /** Its input record. */
  readonly input: Uint32Array;
  /** Where its code lies in physical memory. */
  readonly address: number;
  /** Its code in halfwords. */
  readonly code: readonly number[];
  /** Known deviations. */
  readonly adjust: Adjustment;
}

const BANK_13: Readonly<Record<number, number>> = {
  [MODE.USR]: INPUT.usr,
  [MODE.SYS]: INPUT.usr,
  [MODE.FIQ]: INPUT.fiq + 5,
  [MODE.IRQ]: INPUT.irq,
  [MODE.SVC]: INPUT.svc,
  [MODE.ABT]: INPUT.abt,
  [MODE.UND]: INPUT.und,
};

const SPSR_WORD: Readonly<Record<number, number>> = {
  [MODE.FIQ]: INPUT.fiq + 7,
  [MODE.IRQ]: INPUT.irq + 2,
  [MODE.SVC]: INPUT.svc + 2,
  [MODE.ABT]: INPUT.abt + 2,
  [MODE.UND]: INPUT.und + 2,
};

const MODES = Object.values(MODE);

/** Builds one case. */
export class CaseBuilder {
  /** Random source. */
  readonly random: Random;
  /** Surroundings. */
  readonly world: World;
  /** The input record. */
  readonly input: Uint32Array = new Uint32Array(INPUT.words);
  /** Code in halfwords. */
  readonly code: number[] = [];
  /** Known deviations of the other side. */
  readonly adjust: Adjustment = {};
  /** Memory set-up. */
  readonly env: Environment;
  /** Mode in which the case starts. */
  readonly mode: number;
  /** Middle of the window as the case sees it. */
  readonly window: number;
  /** Physical address of the code. */
  readonly address: number;
  /** Added to a physical code address to get the one the case runs at. */
  readonly alias: number;
  #cpsr: number;

  /**
   * @param world Surroundings.
   * @param random Random source.
   * @param env Memory set-up.
   * @param state How it starts.
   */
  constructor(
    world: World,
    random: Random,
    env: Environment,
    state: StartState = {},
  ) {
    this.world = world;
    this.random = random;
    this.env = env;
    for (let i = 0; i < INPUT.entryMode; i++) this.input[i] = random.operand();
    this.mode = state.modes !== undefined
      ? random.pick(state.modes)
      : random.chance(0.25)
      ? MODE.USR
      : random.pick(MODES);
    this.#cpsr = (random.below(16) << 28 | random.below(4) << 6 | (state.thumb ? 0x20 : 0) |
      this.mode) >>> 0;
    for (const m of MODES) if (SPSR_WORD[m]) this.setSpsr(m, this.randomStatus());

    const arenaControl = random.pick([CONTROL.R, CONTROL.R, CONTROL.S, 0]);
    let control = CONTROL.ones;
    if (env.mmu) control |= CONTROL.M | (env.arena ? arenaControl : CONTROL.R);
    if (env.align) control |= CONTROL.A;
    let pid = 0;
    let middle = world.ram + LAYOUT.scratch + 0x10000;
    let dacr = 1 | 1 << 4;
    if (env.arena) {
      middle = ARENA + (random.below(ARENA_MB) << 20) +
        random.pick([
          random.below(256) << 12,
          random.below(1024) << 10,
          random.below(16) << 16,
          0,
        ]);
      if (middle === ARENA) middle += 0x1000;
      for (let d = 3; d < 16; d++) dacr |= random.pick([0, 1, 1, 1, 1, 1, 2, 3]) << 2 * d;
      this.#pieces(
        world.tables.physical(middle - 64) ?? world.ram + LAYOUT.scratch + 0x3c0,
        world.tables.physical(middle) ?? world.ram + LAYOUT.scratch + 0x400,
      );
      if (random.chance(0.2) && (middle & 0x1ffffff) !== 0) {
        pid = middle & 0xfe000000;
        middle &= 0x1ffffff;
        control |= CONTROL.V;
      }
    } else {
      this.#pieces(middle - 64, middle);
    }
    if (random.chance(0.2) && env.mmu) control |= CONTROL.V;
    this.window = middle >>> 0;
    this.input[INPUT.control] = control;
    this.input[INPUT.dacr] = dacr;
    this.input[INPUT.ttb] = env.arena ? world.tables.arena : world.tables.plain;
    this.input[INPUT.pid] = pid;
    this.input[INPUT.flags] = control === PLAIN_CONTROL && !env.arena ? 0 : 1;
    this.input[INPUT.far] = random.u32();
    this.fill("data");

    this.alias = !env.mmu
      ? 0
      : env.arena && (state.anyRs || (control & CONTROL.R) === 0 || random.chance(0.5))
      ? CODE_AT.arena
      : state.writable
      ? CODE_AT.writable
      : CODE_AT.readOnly;
    this.address = world.ram + LAYOUT.code +
      (state.spot ? LANDING.thumb + world.spotsUsed++ * LANDING.spotStride * 2 : world.codeUsed);
  }

  #pieces(a: number, b: number): void {
    const scratch = this.world.ram + LAYOUT.scratch;
    this.input[INPUT.pieceA] = a - scratch + SCRATCH_ALIAS;
    this.input[INPUT.pieceB] = b - scratch + SCRATCH_ALIAS;
  }

  /** Address of the next instruction as the case runs. */
  get here(): number {
    return (this.address + this.alias + this.code.length * 2) >>> 0;
  }

  /** Where the ARM landing field is for this case. */
  landing(index: number): number {
    return (this.world.ram + LAYOUT.code + this.alias + LANDING.arm + 4 * index) >>> 0;
  }

  /** A Thumb instruction of the Thumb landing field that is no spot for a case. */
  thumbLanding(): number {
    const spot = this.random.below(LANDING.thumbCount / LANDING.spotStride);
    const index = spot * LANDING.spotStride + this.random.between(8, LANDING.spotStride - 1);
    return this.landing(0) + LANDING.thumb + 2 * index;
  }

  /** Status register at the start. */
  get cpsr(): number {
    return this.#cpsr;
  }

  /**
   * A status word with a valid mode, no reserved bits, and T now and then. T stays clear on ARMv5:
   * a wild jump in Thumb state could come upon a half of its BLX.
   */
  randomStatus(): number {
    const { random } = this;
    const t = random.chance(0.25) && this.world.arch === 4 ? 0x20 : 0;
    return (random.below(16) << 28 | random.below(4) << 6 | t | random.pick(MODES)) >>> 0;
  }

  /** Sets the flags N, Z, C, V of the start. */
  setFlags(nzcv: number): void {
    this.#cpsr = (this.#cpsr & 0x0fffffff | nzcv << 28) >>> 0;
  }

  /** Whether the mode is privileged. */
  get privileged(): boolean {
    return this.mode !== MODE.USR;
  }

  /** Whether the mode has a saved status register. */
  get hasSpsr(): boolean {
    return SPSR_WORD[this.mode] !== undefined;
  }

  #word(n: number): number {
    if (n >= 13) return BANK_13[this.mode] + n - 13;
    return n >= 8 && this.mode === MODE.FIQ ? INPUT.fiq + n - 8 : INPUT.entry + n;
  }

  /** Initial value of register `n` of the starting mode; PC is not one. */
  reg(n: number): number {
    return this.input[this.#word(n)];
  }

  /** Sets it. */
  setReg(n: number, value: number): void {
    this.input[this.#word(n)] = value;
  }

  /** Sets the saved status register of a mode. */
  setSpsr(mode: number, value: number): void {
    this.input[SPSR_WORD[mode]] = value;
  }

  /** Chooses what the window holds. */
  fill(part: "data" | "jumps" | "swis" | "thumbSwis"): void {
    const words = part === "data" ? POOL.dataWords : POOL.smallWords;
    const index = POOL[part === "jumps" && !this.env.mmu ? "flatJumps" : part] +
      this.random.below(words - 2 * PIECE);
    this.input[INPUT.data] = this.world.ram + LAYOUT.pool + 4 * index;
  }

  /** Appends ARM instructions. */
  arm(...words: number[]): void {
    for (const w of words) this.code.push(w & 0xffff, w >>> 16);
  }

  /** Appends Thumb instructions. */
  thumb(...halfwords: number[]): void {
    this.code.push(...halfwords);
  }

  /** A register number other than those given. */
  other(...taken: number[]): number {
    let n = this.random.below(15);
    while (taken.includes(n)) n = this.random.below(15);
    return n;
  }

  /** A condition of the wanted outcome; sets the flags to bring it about. */
  condition(outcome: "always" | "passed" | "failed"): number {
    if (outcome === "always") return a.COND.AL;
    const cond = this.random.below(14);
    let nzcv = this.#cpsr >>> 28;
    while (a.conditionHolds(cond, nzcv << 28) !== (outcome === "passed")) {
      nzcv = this.random.below(16);
    }
    this.setFlags(nzcv);
    return cond;
  }

  /** Has the other side run other ARM instructions because of a deviation. */
  armTwin(deviation: DeviationId, ...words: number[]): void {
    this.thumbTwin(deviation, ...words.flatMap((w) => [w & 0xffff, w >>> 16]));
  }

  /** Has the other side run other Thumb instructions because of a deviation. */
  thumbTwin(deviation: DeviationId, ...halfwords: number[]): void {
    this.adjust.deviation = deviation;
    this.adjust.twin = halfwords;
  }

  /** Ends the case and takes its room in the code area. */
  finish(kind: string, entry = this.address): Case {
    const x = this.mode === MODE.ABT || (this.mode !== MODE.UND && this.random.chance(0.5))
      ? MODE.UND
      : MODE.ABT;
    this.setSpsr(x, this.#cpsr);
    this.input[INPUT.entryMode] = x | 0xc0;
    this.input[INPUT.entry + 15] = entry + this.alias;
    if (this.address - this.world.ram - LAYOUT.code >= LANDING.end) {
      this.world.codeUsed += Math.ceil(this.code.length / 2) * 4;
    }
    return {
      kind,
      input: this.input,
      address: this.address,
      code: this.code,
      adjust: this.adjust,
    };
  }
}
