/**
 * What a VM switch and a task switch cost (the paper's Fig. 7 and 8): save, switch, restore, and what
 * they leave to be paid later.
 *
 * @module
 */

import {
  type BenchCache,
  type BenchClock,
  type BenchPart,
  type BenchRow,
  floorNs,
  mean,
  paperNs,
  spread,
  spreadNs,
} from "./bench.ts";
import {
  benchLab,
  type BenchSetting,
  chill,
  fidelityOf,
  PwmStopwatch,
  setTick,
} from "./bench_lab.ts";
import { InputError } from "./errors.ts";
import { BACKUP_STRATEGIES, type BackupStrategy, type Lab } from "./lab.ts";
import { SwitchMeter, type SwitchSample, type SwitchStep } from "./switch_meter.ts";
import { parseTime } from "./time.ts";

/** How switches are measured. */
export interface SwitchBenchOptions extends BenchSetting {
  /** Checkpoint strategies; default: all. */
  readonly strategies?: readonly BackupStrategy[];
  /** States of the caches; default: warm, and cold where the fidelity has caches. */
  readonly caches?: readonly BenchCache[];
  /** Checkpoint period (ns or "10ms"); default 0: at every switch, as in the paper. */
  readonly period?: number | string;
  /** Switches that the cycle counter measures; default 200. */
  readonly samples?: number;
  /** Switches that the board's timer measures, with warm caches; default 1024; 0: none. */
  readonly timed?: number;
  /** Told after each step of the measurement, of how many. */
  readonly onStep?: ((done: number, of: number) => void) | undefined;
}

/** The cost of the timer's readings, which is subtracted. */
export interface PwmCost {
  /** Nanoseconds of a count. */
  readonly resolution_ns: number;
  /** Nanoseconds of a reading. */
  readonly reading_ns: number;
  /** Readings that it was worked out from. */
  readonly readings: number;
}

/** What was measured. */
export interface SwitchBench {
  /** The rows. */
  readonly rows: readonly BenchRow[];
  /** For each strategy and state of the caches: the way of the switch in the middle, step by step. */
  readonly ways: readonly {
    readonly strategy: BackupStrategy;
    readonly cache: BenchCache;
    readonly steps: readonly SwitchStep[];
  }[];
  /** The timer, when it was used. */
  readonly pwm: PwmCost | undefined;
}

/** Board time between VM switches, ns: more than the copy of a page takes, or no VM would ever get on. */
export const TURN_NS = 100_000;
/** Pages that a VM writes in its turn: one word in each. */
const WRITES = 1;
/** Pages of a guest's data: a region of 16 KB. */
export const GUEST_REGION = 4;
/** Switches that are not counted: until everything has been used once. */
const WARM_UP = 20;
/** Board time after which a measurement is given up, ns. */
const LIMIT_NS = 30e9;

/** Guests of a measurement of switches. */
export interface SwitchGuests {
  /** `sweep`, for VM switches: its image with {@linkcode GUEST_REGION} pages of data. */
  readonly sweep: Uint8Array;
  /** `relay`, for task switches. */
  readonly relay: Uint8Array;
}

/**
 * Measures VM switches (`switch`) or task switches (`task`).
 *
 * Two VMs that write to one page of 16 KB in their turns of 100 µs; two tasks of a VM that hand each
 * other a semaphore and write to one page of theirs.
 *
 * @param guests The guests.
 * @param what Which switches.
 * @throws {InputError} On bad options, or when the guests do not switch.
 */
export async function benchSwitch(
  guests: SwitchGuests,
  what: "switch" | "task",
  options: SwitchBenchOptions = {},
): Promise<SwitchBench> {
  const { strategies = BACKUP_STRATEGIES, samples = 200, timed = 1024, onStep } = options;
  checkCount("samples", samples, 1);
  checkCount("timed", timed, 0);
  const first = await switchLab(guests, what, "off", options);
  const caches = options.caches ??
    (fidelityOf(first) === "timed" ? ["warm", "cold"] as const : ["warm"] as const);
  const byTimer = timed > 0 && caches.includes("warm") ? 1 : 0;
  const total = strategies.length * (caches.length + byTimer) + 1;
  const steady = await steadyState(guests, what, options);
  let done = 1;
  onStep?.(done, total);
  const rows: BenchRow[] = [];
  const ways: SwitchBench["ways"][number][] = [];
  let pwm: PwmCost | undefined;
  for (const strategy of strategies) {
    for (const cache of caches) {
      const lab = await switchLab(guests, what, strategy, options);
      const found = collect(lab, what, cache, samples);
      rows.push(...rowsOf(lab, what, strategy, cache, "cycles", found, steady));
      ways.push({ strategy, cache, steps: middle(found).steps });
      onStep?.(++done, total);
      if (timed === 0 || cache === "cold") continue;
      const again = await switchLab(guests, what, strategy, options);
      const stopwatch = new PwmStopwatch(again);
      const by = collect(again, what, cache, timed, stopwatch);
      rows.push(...rowsOf(again, what, strategy, cache, "pwm", by, steady));
      const { resolution, reading, samples: readings } = stopwatch;
      pwm = { resolution_ns: resolution, reading_ns: reading, readings };
      onStep?.(++done, total);
    }
  }
  return { rows, ways, pwm };
}

function checkCount(where: string, value: number, least: number): void {
  if (Number.isInteger(value) && value >= least && value <= 1_000_000) return;
  throw new InputError(where, `${value} is not allowed`, `allowed: ${least} to 1000000`);
}

/** A laboratory whose guests do nothing but switch. */
async function switchLab(
  { sweep, relay }: SwitchGuests,
  what: "switch" | "task",
  backup: BackupStrategy,
  options: SwitchBenchOptions,
): Promise<Lab> {
  const { period = 0 } = options;
  parseTime(period, "period");
  if (what === "task") {
    const guests = [{ name: "relay", image: relay, arg: `2 ${WRITES}` }];
    // The guest's own checkpoints fall due with its slice: those are another measurement's. A journal
    // would take checkpoints beside those of the period: `bench call` has them.
    return await benchLab({ guests, backup, period, journal: "off", slice: "1s" }, options);
  }
  const guest = { image: sweep, arg: `${WRITES} 0 0 0 ${GUEST_REGION}` };
  const guests = [{ name: "one", ...guest }, { name: "two", ...guest }];
  const lab = await benchLab({ guests, backup, period, slice: "1ms" }, options);
  setTick(lab, TURN_NS);
  return lab;
}

/** Runs until there are so many switches after the warm-up. */
function collect(
  lab: Lab,
  what: "switch" | "task",
  cache: BenchCache,
  samples: number,
  pwm?: PwmStopwatch,
): SwitchSample[] {
  // Guests that have just begun do other things than switching.
  lab.runAll({ for: "3ms" });
  const onEntry = cache === "cold" ? () => chill(lab) : undefined;
  const meter = new SwitchMeter(lab, what === "switch" ? "vm" : "task", { pwm, onEntry });
  const until = lab.time + LIMIT_NS;
  while (meter.samples.length < samples + WARM_UP) {
    lab.runAll({ for: "1ms" });
    if (lab.time > until || lab.stopped) throw new InputError("guests", "they do not switch");
  }
  meter.stop();
  return meter.samples.slice(WARM_UP, WARM_UP + samples);
}

/** Cycles of an instruction of the guests while nobody disturbs them. */
async function steadyState(
  guests: SwitchGuests,
  what: "switch" | "task",
  options: SwitchBenchOptions,
): Promise<number> {
  const { sweep } = guests;
  if (what === "task") {
    const lab = await switchLab(guests, what, "off", options);
    const samples = collect(lab, what, "warm", 100);
    return mean(samples.map(({ guest, instructions }) => guest / instructions));
  }
  const alone = [{ name: "one", image: sweep, arg: `${WRITES} 0 0 0 ${GUEST_REGION}` }];
  const lab = await benchLab({ guests: alone, backup: "off" }, options);
  lab.runAll({ for: "1100us" });
  const { board } = lab;
  const [start, before] = [board.clock.now, board.cpu.instructions];
  // Between two ticks of the monitor: nothing but the guest.
  lab.runAll({ for: "500us" });
  return (board.clock.now - start) / (board.cpu.instructions - before);
}

/** The sample whose total is in the middle. */
function middle(samples: readonly SwitchSample[]): SwitchSample {
  const sorted = [...samples].sort((a, b) => totalOf(a) - totalOf(b));
  return sorted[sorted.length >>> 1];
}

/** Save, switch and restore. */
function totalOf(sample: SwitchSample): number {
  return sample.save + sample.switch + sample.restore;
}

function rowsOf(
  lab: Lab,
  what: "switch" | "task",
  strategy: BackupStrategy,
  cache: BenchCache,
  by: BenchClock,
  samples: readonly SwitchSample[],
  steady: number,
): BenchRow[] {
  const { clock, soc } = lab.board;
  const scale = 1e9 / clock.fclk;
  const pages = spread(samples.map((sample) => sample.pages)).median;
  const row = (part: BenchPart, values: readonly number[]): BenchRow => {
    // By the timer values are nanoseconds already, less what a reading costs on average.
    const cycles = by === "pwm"
      ? values.map((value) => Math.round(value / scale * 100) / 100)
      : values;
    const all = spread(cycles);
    return {
      bench: what,
      strategy,
      cache,
      by,
      part,
      count: values.length,
      cycles: all,
      ns: spreadNs(all, clock.fclk),
      mean_ns: mean(cycles) * scale,
      paper_ns: paperNs(what, strategy, part),
      floor_ns: floorNs(what, part, pages, clock.fclk, soc.clkpwr.hclk),
      fidelity: fidelityOf(lab),
    };
  };
  const of = (part: "entry" | "acknowledge" | "save" | "switch" | "backup" | "restore") =>
    row(part, samples.map((sample) => sample[part]));
  const total = row("total", samples.map(totalOf));
  if (by === "pwm") return [of("save"), of("switch"), of("restore"), total];
  const refills = ({ guest, instructions }: SwitchSample) =>
    Math.max(0, Math.round(guest - instructions * steady));
  return [
    of("entry"),
    ...(samples.some(({ acknowledge }) => acknowledge > 0) ? [of("acknowledge")] : []),
    of("save"),
    of("switch"),
    ...(strategy === "off" ? [] : [of("backup")]),
    of("restore"),
    total,
    row("deferred", samples.map((sample) => sample.firstWrites + refills(sample))),
    row("first-writes", samples.map(({ firstWrites }) => firstWrites)),
    row("refills", samples.map(refills)),
  ];
}
