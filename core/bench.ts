/**
 * What all measurements have in common: the form of their rows, the figures of the paper, and the
 * least that the hardware allows.
 *
 * @module
 */

import type { BackupStrategy } from "./lab.ts";
import type { Fidelity } from "./timing.ts";

/** Minimum, median and maximum. */
export interface Spread {
  /** Smallest sample. */
  min: number;
  /** Middle sample. */
  median: number;
  /** Largest sample. */
  max: number;
}

/** State of caches and TLBs when a measured part begins. */
export type BenchCache = "warm" | "cold";

/** What took the time: the simulation's cycle counter, or PWM timer 3 of the board. */
export type BenchClock = "cycles" | "pwm";

/** Part of a switch. */
export type BenchPart =
  | "entry"
  | "acknowledge"
  | "save"
  | "switch"
  | "backup"
  | "restore"
  | "total"
  | "deferred"
  | "first-writes"
  | "refills";

/** What every row with board time has. */
export interface TimedRow {
  /** Samples. */
  count: number;
  /** Cycles of FCLK. */
  cycles: Spread;
  /** Nanoseconds of board time. */
  ns: Spread;
  /** How the machine was simulated. */
  fidelity: Fidelity;
}

/** One row of the measurement of a switch. */
export interface BenchRow extends TimedRow {
  /** Which measurement. */
  bench: "switch" | "task";
  /** Checkpoint strategy; "native": the kernel on the bare board, without a monitor. */
  strategy: BackupStrategy | "native";
  /** State of caches and TLBs. */
  cache: BenchCache;
  /** What took the time. */
  by: BenchClock;
  /**
   * Part of the switch. `save`, `switch` and `restore` make up `total`; `backup` is inside `switch`.
   * `deferred` is what comes until the next switch and would not be there without this one:
   * `first-writes` with their copies, `refills` of TLBs and caches.
   */
  part: BenchPart;
  /** Mean, ns. */
  mean_ns: number;
  /** What the paper reports for this part, null where it does not. */
  paper_ns: number | null;
  /** The least that the hardware allows for this part, see {@linkcode FLOOR}; null: not worked out. */
  floor_ns: number | null;
}

/** The paper's figures (Fig. 7 and 8), ns: without and with recovery support. */
const PAPER: Readonly<Record<string, Readonly<Partial<Record<BenchPart, number>>>>> = {
  "switch-off": { save: 40, switch: 160, restore: 40, total: 240 },
  "switch-on": { save: 40, switch: 210, restore: 40, total: 290 },
  "task-off": { save: 40, switch: 100, restore: 40, total: 180 },
  "task-on": { save: 40, switch: 130, restore: 40, total: 210 },
};

/**
 * What the paper reports for a part of a switch, ns.
 *
 * @returns Null where it reports nothing.
 */
export function paperNs(
  bench: "switch" | "task",
  strategy: BackupStrategy | "native",
  part: BenchPart,
): number | null {
  if (strategy === "native") return null;
  return PAPER[`${bench}-${strategy === "off" ? "off" : "on"}`][part] ?? null;
}

/** The least that the hardware allows: what no program can be quicker than. */
export const FLOOR = {
  /** Words of a context: r0 to r14, PC, CPSR. One crosses the data bus of the core a cycle. */
  CONTEXT_WORDS: 17,
  /** Cycles of an MCR at least; a VM switch has two, PID and DACR, a task switch one. */
  MCR: 1,
  /** Exception entry: three cycles by the ARM9TDMI's manual, then the vector's load of PC, five. */
  ENTRY: 8,
  /** Words of a page, each written over a bus of 32 bits: bus cycles of a copy whose source is in the cache. */
  PAGE_BUS_CYCLES: 1024,
} as const;

/**
 * The floor of a part of a switch, ns.
 *
 * @param pages Pages copied inside the switch.
 * @param fclk Core clock in hertz.
 * @param hclk Bus clock in hertz.
 */
export function floorNs(
  bench: "switch" | "task",
  part: BenchPart,
  pages: number,
  fclk: number,
  hclk: number,
): number | null {
  const cycle = 1e9 / fclk;
  const context = FLOOR.CONTEXT_WORDS * cycle;
  const copy = pages * FLOOR.PAGE_BUS_CYCLES * 1e9 / hclk;
  const registers = (bench === "switch" ? 2 : 1) * FLOOR.MCR * cycle;
  switch (part) {
    case "entry":
      return FLOOR.ENTRY * cycle;
    case "save":
    case "restore":
      return context;
    case "switch":
      return registers + copy;
    case "backup":
      return copy;
    case "total":
      return 2 * context + registers + copy;
    default:
      return null;
  }
}

/** Minimum, median and maximum of values; zeros for none. */
export function spread(values: readonly number[]): Spread {
  if (values.length === 0) return { min: 0, median: 0, max: 0 };
  const sorted = [...values].sort((a, b) => a - b);
  return {
    min: sorted[0],
    median: sorted[sorted.length >>> 1],
    max: sorted[sorted.length - 1],
  };
}

/** Mean of values; 0 for none. */
export function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((a, b) => a + b, 0) / values.length;
}

/** A spread of cycles in nanoseconds. */
export function spreadNs(cycles: Spread, fclk: number): Spread {
  const scale = 1e9 / fclk;
  return { min: cycles.min * scale, median: cycles.median * scale, max: cycles.max * scale };
}

/** What every row with board time has, of samples in cycles. */
export function timedRow(
  cycles: readonly number[],
  fclk: number,
  fidelity: Fidelity,
): TimedRow {
  const all = spread(cycles);
  return { count: cycles.length, cycles: all, ns: spreadNs(all, fclk), fidelity };
}
