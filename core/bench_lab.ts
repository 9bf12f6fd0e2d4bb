/**
 * What measurements do to a laboratory: a quick tick, cold caches, a timer of the board as stopwatch,
 * guests of any size.
 *
 * @module
 */

import type { Board } from "./board.ts";
import { unitOf } from "./domains.ts";
import { InputError } from "./errors.ts";
import { Lab, type LabOptions } from "./lab.ts";
import { GLOBAL, MAP, MAX_VMS, NONE, UNIT, VM } from "./layout.ts";
import type { Mmu } from "./mmu.ts";
import { TICK_NS } from "./monitor_boot.ts";
import { Random } from "./random.ts";
import { TICK_SLICE } from "./scheduler.ts";
import type { Fidelity } from "./timing.ts";
import type { TimingOptions } from "./timing_table.ts";
import { PAGE } from "./vmi.ts";

/** How the machine of a measurement is simulated. */
export interface BenchSetting {
  /** Timed (default), or by fixed costs, which nobody has calibrated. */
  readonly fidelity?: Fidelity | undefined;
  /** Costs of the timed fidelity that differ from the table `TIMING`. */
  readonly timing?: TimingOptions | undefined;
}

/** Times that a measurement chooses freely. */
export interface BenchTimes {
  /**
   * Checkpoint period, ns: not checked against what the strategy needs, as a measurement is to show just
   * that. It is counted in ticks.
   */
  readonly period?: number | undefined;
  /** Period of the monitor's tick, ns, see {@linkcode setTick}. */
  readonly tick?: number | undefined;
  /** Slice of a VM, ticks. */
  readonly slice?: number | undefined;
}

/** The same with what is left out. */
export function machineOf(setting: BenchSetting): { fidelity: Fidelity; timing: TimingOptions } {
  return { fidelity: setting.fidelity ?? "timed", timing: setting.timing ?? {} };
}

/**
 * A laboratory for a measurement, without VM0 unless the options have one.
 *
 * @param times Times in place of those in the options.
 */
export async function benchLab(
  options: LabOptions,
  setting: BenchSetting = {},
  { period, tick, slice }: BenchTimes = {},
): Promise<Lab> {
  const lab = await Lab.create({ scrub: 0, ...options, ...machineOf(setting) });
  if (tick !== undefined) setTick(lab, tick, slice);
  if (period !== undefined) setPeriod(lab, Math.ceil(period / (tick ?? TICK_NS)));
  return lab;
}

/** Sets the checkpoint period of a laboratory that has not run yet, ticks. */
function setPeriod({ board }: Lab, ticks: number): void {
  const g = MAP.GLOBAL;
  const before = board.peek(g + GLOBAL.PERIOD, 4);
  board.poke(g + GLOBAL.PERIOD, ticks);
  const defer = (address: number) => {
    const due = board.peek(address, 4);
    if (due !== 0 && due !== NONE) board.poke(address, (due - before + ticks) >>> 0);
  };
  for (let id = 0; id < MAX_VMS; id++) {
    const vm = board.peek(MAP.VM_TABLE + id * 4, 4);
    if (vm === 0) continue;
    defer(vm + VM.DUE);
    const units = board.peek(vm + VM.UNIT_COUNT, 4);
    for (let i = 0; i < units; i++) defer(unitOf(vm, i) + UNIT.DUE);
  }
}

/** How a board is simulated. */
export function boardFidelity(board: Board): Fidelity {
  return board.timing === undefined ? "fast" : "timed";
}

/** How a laboratory is simulated. */
export function fidelityOf(lab: Lab): Fidelity {
  return boardFidelity(lab.board);
}

const TCFG1 = 0x5100_0004;
const TCON = 0x5100_0008;
const TCNTB3 = 0x5100_0030;
const TCNTO3 = 0x5100_0038;
const TCNTB4 = 0x5100_003c;
const TIMER3_MUX = 12;
const TIMER3 = { START: 1 << 16, UPDATE: 1 << 17, RELOAD: 1 << 19 } as const;
const TIMER4_UPDATE = 1 << 21;

/**
 * Gives the monitor another tick, and VMs a slice that ends with it: more switches in less time. The
 * way that a switch takes is the same as ever.
 *
 * @param lab A laboratory that has not run yet.
 * @param tick Period of the tick, ns.
 * @param slice Slice of a VM, ticks.
 */
export function setTick(lab: Lab, tick: number, slice = 1): void {
  const { board } = lab;
  const { soc, clock } = board;
  const counts = Math.round(soc.clkpwr.pclk / 2 * tick / 1e9);
  if (counts < 1 || counts > 0xffff) throw new RangeError(`a tick of ${tick} ns`);
  const tcon = soc.peek(TCON, 4);
  soc.write(TCNTB4, 4, counts);
  soc.write(TCON, 4, tcon | TIMER4_UPDATE);
  soc.write(TCON, 4, tcon);
  const cycles = Math.round(tick * clock.fclk / 1e9);
  const before = board.peek(MAP.GLOBAL + GLOBAL.TICK_CYCLES, 4);
  board.poke(MAP.GLOBAL + GLOBAL.TICK_CYCLES, cycles);
  setPeriod(lab, Math.round(board.peek(MAP.GLOBAL + GLOBAL.PERIOD, 4) * before / cycles));
  board.poke(MAP.GLOBAL + GLOBAL.SLICE, slice * TICK_SLICE);
  for (let id = 0; id < MAX_VMS; id++) {
    const vm = board.peek(MAP.VM_TABLE + id * 4, 4);
    if (vm !== 0) board.poke(vm + VM.SLICE, slice * TICK_SLICE);
  }
}

/** Makes caches and TLBs cold: dirty lines go to memory, then nothing is left in them. */
export function chill(lab: Lab): void {
  chillMmu(lab.board.mmu);
}

/** The same for a board without a monitor. */
export function chillMmu(mmu: Mmu): void {
  if (mmu.dcache !== null) {
    for (let segment = 0; segment < 8; segment++) {
      for (let index = 0; index < 64; index++) {
        mmu.mcr(7, 14, 2, (index << 26 | segment << 5) >>> 0);
      }
    }
    mmu.mcr(7, 5, 0, 0);
    mmu.mcr(7, 10, 4, 0);
  }
  mmu.mcr(8, 7, 0, 0);
}

/**
 * A guest's image with another number of writable pages in its data segment. The guest does not know:
 * it is to be one that is told how many of them it may touch.
 *
 * @param image ELF file with one writable segment.
 * @param pages Pages of that segment.
 * @throws {InputError} It has none, or its initialised data needs more.
 */
export function resized(image: Uint8Array, pages: number): Uint8Array {
  const copy = image.slice();
  const view = new DataView(copy.buffer);
  const first = view.getUint32(28, true);
  const size = view.getUint16(42, true);
  for (let i = 0; i < view.getUint16(44, true); i++) {
    const header = first + i * size;
    const writable = (view.getUint32(header + 24, true) & 2) !== 0;
    if (view.getUint32(header, true) !== 1 || !writable) continue;
    if (!(pages >= 1) || view.getUint32(header + 16, true) > pages * PAGE) break;
    view.setUint32(header + 20, pages * PAGE, true);
    return copy;
  }
  throw new InputError("image", `its data can't have ${pages} pages`);
}

/** Counts of the timer. */
const WRAP = 0x1_0000;
/** Readings that find out what a reading costs. */
const CALIBRATION = 1024;
/** Cycles of a count: so many different waits there are. */
const PHASES = 16;

/** A reading of the timer. */
export interface PwmReading {
  /** TCNTO3. */
  readonly count: number;
  /** Board time in cycles, for whole rounds of the timer. */
  readonly cycle: number;
  /** Cycles that were waited after earlier ones, all together. */
  readonly waited: number;
}

/**
 * PWM timer 3 as a stopwatch of the monitor, as on the board: a reading is a load of TCNTO3 and takes
 * its time. One count is two PCLK, 40 ns, and a load of a device waits for an edge of PCLK. After each
 * reading some cycles are waited, other ones each time and known, so that what is measured begins
 * anywhere in a count: the mean of many differences is right although each is whole counts.
 */
export class PwmStopwatch {
  /** Nanoseconds of a count. */
  readonly resolution: number;
  /** What a reading takes, ns: the mean of {@linkcode samples} differences of two in a row. */
  readonly reading: number;
  /** Readings that it was worked out from. */
  readonly samples: number = CALIBRATION;
  readonly #lab: Lab;
  readonly #tick: number;
  readonly #random = new Random(1);
  #waited = 0;

  /**
   * Starts the timer and finds out what a reading costs.
   *
   * @param lab The laboratory; the monitor is stopped between two instructions.
   */
  constructor(lab: Lab) {
    this.#lab = lab;
    const { soc, clock } = lab.board;
    this.#tick = clock.fclk / (soc.clkpwr.pclk / 2);
    this.resolution = this.#tick * 1e9 / clock.fclk;
    soc.write(TCFG1, 4, soc.peek(TCFG1, 4) & ~(15 << TIMER3_MUX));
    soc.write(TCNTB3, 4, WRAP - 1);
    const tcon = soc.peek(TCON, 4) & ~(15 << 16);
    soc.write(TCON, 4, tcon | TIMER3.UPDATE | TIMER3.RELOAD);
    soc.write(TCON, 4, tcon | TIMER3.START | TIMER3.RELOAD);
    let sum = 0;
    let last = this.read();
    for (let i = 0; i < CALIBRATION; i++) {
      const next = this.read();
      sum += this.between(last, next);
      last = next;
    }
    this.reading = sum / CALIBRATION;
  }

  /** A reading, and the wait after it. */
  read(): PwmReading {
    const { port } = this.#lab.vmm;
    const count = port.device(TCNTO3);
    const cycle = this.#lab.board.clock.now;
    const waited = this.#waited;
    const wait = this.#random.below(PHASES);
    port.charge(wait);
    this.#waited += wait;
    return { count, cycle, waited };
  }

  /**
   * Nanoseconds between two readings without the waits, the cost of the later reading in them. How often the timer went round
   * is known from the monitor's tick.
   */
  between(from: PwmReading, to: PwmReading): number {
    const counts = (from.count - to.count + WRAP) % WRAP;
    const round = Math.round(((to.cycle - from.cycle) / this.#tick - counts) / WRAP);
    const waits = (to.waited - from.waited) / this.#tick;
    return (counts + round * WRAP - waits) * this.resolution;
  }
}
