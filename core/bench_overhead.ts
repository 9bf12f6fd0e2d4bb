/**
 * What checkpoints cost programs that do their work without any error, by strategy and period; and
 * what they cost and save when errors come at a given rate.
 *
 * @module
 */

import { benchLab, type BenchSetting, fidelityOf, resized } from "./bench_lab.ts";
import { InputError } from "./errors.ts";
import { parseFault } from "./fault_text.ts";
import type { BackupStrategy, GuestSpec, Lab } from "./lab.ts";
import { UNIT, VM } from "./layout.ts";
import { Random } from "./random.ts";
import { parseTime } from "./time.ts";
import type { Fidelity } from "./timing.ts";

/** One row of the overhead. */
export interface OverheadRow {
  /** Which measurement. */
  bench: "overhead";
  /** The workload. */
  work: string;
  /** Checkpoint strategy. */
  strategy: BackupStrategy;
  /** Checkpoint period, ns; null: no checkpoints. */
  period_ns: number | null;
  /** Cycles of the same work, without those in which nobody had work. */
  cycles: number;
  /** Nanoseconds of them. */
  ns: number;
  /** Board time of the work, ns: with the time in which nobody had work. */
  elapsed_ns: number;
  /** CPU time more than without checkpoints, as a share of the board time without them. */
  overhead: number;
  /** The same as a share of the CPU time without them. */
  own: number;
  /** Checkpoints of tasks and guests. */
  checkpoints: number;
  /** Pages copied. */
  copies: number;
  /** How the machine was simulated. */
  fidelity: Fidelity;
}

/** A workload: a guest, and how much of it is done. */
export interface Workload {
  /** Its name in the rows. */
  readonly name: string;
  /** The guest. */
  readonly guest: Omit<GuestSpec, "name">;
  /** The work is done at this line of its console; 0: when it halts. */
  readonly lines: number;
}

/** How the overhead is measured. */
export interface OverheadBenchOptions extends BenchSetting {
  /** Strategies; default: full, dirty, cow. */
  readonly strategies?: readonly Exclude<BackupStrategy, "off">[];
  /** Periods (ns or "10ms"); default: {@linkcode OVERHEAD_PERIODS}. */
  readonly periods?: readonly (number | string)[];
  /** Told after each step of the measurement, of how many. */
  readonly onStep?: ((done: number, of: number) => void) | undefined;
}

/** Periods of the default measurement, ns. */
export const OVERHEAD_PERIODS: readonly number[] = [2e6, 10e6, 50e6];
/** Board time after which a run is given up, ns. */
const LIMIT_NS = 60e9;
/** Name of the guest in a measurement. */
const NAME = "work";

/** What a run came to when its work was done. */
interface Work {
  readonly busy: number;
  readonly elapsed: number;
  readonly checkpoints: number;
  readonly copies: number;
  readonly fidelity: Fidelity;
  readonly fclk: number;
}

/**
 * Measures the overhead of checkpoints while nothing goes wrong: the same work, with and without.
 *
 * @param works The workloads.
 * @throws {InputError} On bad options, or when a workload does not end.
 */
export async function benchOverhead(
  works: readonly Workload[],
  options: OverheadBenchOptions = {},
): Promise<OverheadRow[]> {
  const { strategies = ["full", "dirty", "cow"], onStep } = options;
  const periods = (options.periods ?? OVERHEAD_PERIODS).map((p) => parseTime(p, "period"));
  for (const period of periods) {
    if (period < 1e6) throw new InputError("period", `${period} ns`, "allowed: 1ms and more");
  }
  const steps = works.length * (1 + strategies.length * periods.length);
  const rows: OverheadRow[] = [];
  for (const work of works) {
    const plain = await runWork(work, "off", 0, options);
    const add = (strategy: BackupStrategy, period: number | null, run: Work) => {
      rows.push({
        bench: "overhead",
        work: work.name,
        strategy,
        period_ns: period,
        cycles: run.busy,
        ns: run.busy * 1e9 / run.fclk,
        elapsed_ns: run.elapsed * 1e9 / run.fclk,
        overhead: (run.busy - plain.busy) / plain.elapsed,
        own: run.busy / plain.busy - 1,
        checkpoints: run.checkpoints,
        copies: run.copies,
        fidelity: run.fidelity,
      });
      onStep?.(rows.length, steps);
    };
    add("off", null, plain);
    for (const strategy of strategies) {
      for (const period of periods) {
        add(strategy, period, await runWork(work, strategy, period, options));
      }
    }
  }
  return rows;
}

async function runWork(
  { guest, lines }: Workload,
  backup: BackupStrategy,
  period: number,
  setting: BenchSetting,
): Promise<Work> {
  const options = { guests: [{ ...guest, name: NAME }], backup, period: 0, slice: "1ms" } as const;
  const lab = await benchLab(options, setting, { period });
  const { board } = lab;
  let said = 0;
  let checkpoints = 0;
  let busy = -1;
  let ended = 0;
  let copied = 0;
  const copiesBefore = copies(lab);
  lab.recorder.onEvent = (event) => {
    if (busy >= 0) return;
    if (event.type === "checkpoint") checkpoints++;
    if (event.type === "console") said++;
    const done = lines === 0
      ? event.type === "vm" && event.state === "halted"
      : event.type === "console" && said === lines;
    if (!done) return;
    ended = board.clock.now;
    copied = copies(lab) - copiesBefore;
    busy = ended - board.idleCycles;
  };
  const start = board.clock.now;
  const began = start - board.idleCycles;
  while (busy < 0) {
    lab.runAll({ for: "2ms" });
    if (lab.time > LIMIT_NS || lab.stopped) throw new InputError(NAME, "the work does not end");
  }
  return {
    busy: busy - began,
    elapsed: ended - start,
    checkpoints,
    copies: copied,
    fidelity: fidelityOf(lab),
    fclk: board.clock.fclk,
  };
}

/** Pages of the guest copied so far. */
function copies(lab: Lab): number {
  const word = (address: number) => lab.board.peek(address, 4);
  const vm = lab.vmRecord(NAME);
  let count = 0;
  for (let i = 0; i < word(vm + VM.UNIT_COUNT); i++) {
    count += word(word(vm + VM.UNITS) + i * UNIT.SIZE + UNIT.COPIES);
  }
  return count;
}

/** One row of the loss. */
export interface LossRow {
  /** Which measurement. */
  bench: "loss";
  /** Checkpoint strategy. */
  strategy: BackupStrategy;
  /** Checkpoint period that was asked for, ns. */
  period_ns: number;
  /** Errors a second of board time. */
  rate: number;
  /** Runs of the work, each with its own errors. */
  runs: number;
  /** Errors that struck, in all runs. */
  errors: number;
  /** Board time that the work took longer than without checkpoints and errors, as a share of that. */
  loss: number;
  /** The part of it that is there without errors. */
  overhead: number;
  /** Work done again and recoveries: the other part. */
  lost: number;
  /** What Daly's model says, without the cost of a recovery: M / T (exp((T + C) / M) - 1) - 1. */
  model: number;
  /** How the machine was simulated. */
  fidelity: Fidelity;
}

/** The best period, measured and estimated. */
export interface BestPeriod {
  /** Which measurement. */
  bench: "loss";
  /** Checkpoint strategy. */
  strategy: BackupStrategy;
  /** Errors a second. */
  rate: number;
  /** What a checkpoint costs, first writes and all, ns: C. */
  checkpoint_ns: number;
  /** Mean time between errors, ns: M. */
  between_ns: number;
  /** Period with the least loss that was measured, ns. */
  best_ns: number;
  /** Young 1974: the root of 2 C M, ns. */
  young_ns: number;
  /** Daly 2006, of higher order, ns. */
  daly_ns: number;
}

/** How the loss is measured. */
export interface LossBenchOptions extends BenchSetting {
  /** Strategy; default: cow. */
  readonly strategy?: Exclude<BackupStrategy, "off">;
  /** Errors a second of board time; default 500. */
  readonly rate?: number;
  /** Periods (ns or "1ms"); default: {@linkcode LOSS_PERIODS}. */
  readonly periods?: readonly (number | string)[];
  /** Runs of the work at each period; default 3. */
  readonly runs?: number;
  /** Board time of the work without checkpoints and errors (ns or "30ms"); default 20 ms. */
  readonly work?: number | string;
  /** Pages that the work writes again and again; default 2. */
  readonly pages?: number;
  /** Seed of the errors' times; default 1. */
  readonly seed?: number;
  /** Told after each step of the measurement, of how many. */
  readonly onStep?: ((done: number, of: number) => void) | undefined;
}

/** Periods of the default measurement, ns. */
export const LOSS_PERIODS: readonly number[] = [2e5, 3e5, 4e5, 6e5, 1e6, 2e6, 4e6];
/** Tick of the monitor, and so the grain of the period, ns. */
const LOSS_TICK = 100_000;
/** What is computed in a round of the work. */
const ROUND_WORK = 500;
/** Cycles from an error to the next that are drawn at most. */
const SAFE = 4e9;

/** What a run with errors came to. */
interface LossRun {
  readonly ns: number;
  readonly errors: number;
  readonly checkpoints: number;
  readonly fidelity: Fidelity;
}

/**
 * Measures what a given rate of errors costs at each period: the overhead of checkpoints and the work
 * that is done again, beside what Young's and Daly's formulas say of the best period.
 *
 * The work computes and writes to some pages. Each error moves its PC out of its text, so that it is
 * found at once and the guest rolled back; the times between errors are exponential.
 *
 * @param sweep The guest `sweep`.
 * @throws {InputError} On bad options.
 */
export async function benchLoss(
  sweep: Uint8Array,
  options: LossBenchOptions = {},
): Promise<{ rows: LossRow[]; best: BestPeriod }> {
  const { strategy = "cow", rate = 500, runs = 3, pages = 2, seed = 1, onStep } = options;
  if (!(rate > 0 && rate <= 5000)) {
    throw new InputError("rate", `${rate} is not allowed`, "allowed: above 0, up to 5000 a second");
  }
  const periods = (options.periods ?? LOSS_PERIODS).map((period) => {
    const ns = parseTime(period, "period");
    if (ns >= LOSS_TICK) return ns;
    throw new InputError("period", `${period} is not allowed`, "allowed: 100us and more");
  });
  const length = parseTime(options.work ?? "20ms", "work");
  const image = resized(sweep, pages);
  const run = (rounds: number, backup: BackupStrategy, period: number, errors: Errors) =>
    lossRun(image, `${pages} ${rounds} ${ROUND_WORK} 0 ${pages}`, backup, period, errors, options);
  const trial = await run(100, "off", 0, NO_ERRORS);
  const rounds = Math.max(1, Math.round(100 * length / trial.ns));
  const plain = await run(rounds, "off", 0, NO_ERRORS);
  const steps = periods.length * (runs + 1) + 1;
  let done = 1;
  onStep?.(done, steps);
  const measured: (Omit<LossRow, "model"> & { readonly cost: number })[] = [];
  for (const period of periods) {
    const quiet = await run(rounds, strategy, period, NO_ERRORS);
    onStep?.(++done, steps);
    const withErrors: LossRun[] = [];
    for (let i = 0; i < runs; i++) {
      const random = new Random(seed, i);
      const wait = () => Math.min(SAFE, -Math.log(1 - random.fraction()) * 1e9 / rate);
      withErrors.push(await run(rounds, strategy, period, wait));
      onStep?.(++done, steps);
    }
    const loss = withErrors.reduce((sum, { ns }) => sum + ns, 0) / runs / plain.ns - 1;
    const overhead = quiet.ns / plain.ns - 1;
    measured.push({
      bench: "loss",
      strategy,
      period_ns: period,
      rate,
      runs,
      errors: withErrors.reduce((sum, { errors }) => sum + errors, 0),
      loss,
      overhead,
      lost: loss - overhead,
      fidelity: plain.fidelity,
      cost: (quiet.ns - plain.ns) / Math.max(1, quiet.checkpoints),
    });
  }
  const between = 1e9 / rate;
  // All that a checkpoint costs is paid at the shortest period as well: the mean over all of them.
  const cost = measured.reduce((sum, row) => sum + row.cost, 0) / measured.length;
  const rows = measured.map(({ cost: _, ...row }): LossRow => ({
    ...row,
    model: between / row.period_ns * Math.expm1((row.period_ns + cost) / between) - 1,
  }));
  const least = rows.reduce((a, b) => b.loss < a.loss ? b : a);
  return {
    rows,
    best: {
      bench: "loss",
      strategy,
      rate,
      checkpoint_ns: cost,
      between_ns: between,
      best_ns: least.period_ns,
      young_ns: youngPeriod(cost, between),
      daly_ns: dalyPeriod(cost, between),
    },
  };
}

/** Gives the time to the next error, ns. */
type Errors = () => number;

const NO_ERRORS: Errors = () => Infinity;

/**
 * The best period by J. W. Young, "A first order approximation to the optimum checkpoint interval",
 * CACM 17(9), 1974.
 *
 * @param cost Of a checkpoint.
 * @param between Mean time between errors, in the same unit.
 */
export function youngPeriod(cost: number, between: number): number {
  return Math.sqrt(2 * cost * between);
}

/**
 * The best period by J. T. Daly, "A higher order estimate of the optimum checkpoint interval for
 * restart dumps", FGCS 22(3), 2006, equation 37.
 *
 * @param cost Of a checkpoint.
 * @param between Mean time between errors, in the same unit.
 */
export function dalyPeriod(cost: number, between: number): number {
  if (cost >= 2 * between) return between;
  const ratio = cost / (2 * between);
  return Math.sqrt(2 * cost * between) * (1 + Math.sqrt(ratio) / 3 + ratio / 9) - cost;
}

async function lossRun(
  image: Uint8Array,
  arg: string,
  backup: BackupStrategy,
  period: number,
  errors: Errors,
  setting: BenchSetting,
): Promise<LossRun> {
  // An error that came just before a checkpoint is in it: that one is passed over after some tries.
  const guest = [
    { action: "swap", limit: 3 },
    { action: "older", limit: 3 },
    { action: "restart", limit: 1000 },
    { action: "stop" },
  ] as const;
  const lab = await benchLab(
    {
      guests: [{ name: NAME, image, arg }],
      backup,
      period: 0,
      slice: "1ms",
      policy: { guest, window: "1ms" },
    },
    setting,
    { period, tick: LOSS_TICK },
  );
  const began = lab.time;
  let ended = -1;
  let checkpoints = 0;
  let struck = 0;
  lab.recorder.onEvent = (event) => {
    if (event.type === "checkpoint") checkpoints++;
    if (event.type === "recovery") struck++;
    if (event.type === "vm" && event.state === "halted") ended = event.t;
  };
  let next = errors();
  while (ended < 0) {
    const stop = Math.min(next, lab.time - began + 2e6);
    if (began + stop > lab.time) lab.runAll({ until: began + Math.ceil(stop) });
    if (stop === next && ended < 0) {
      // Past its text: the next fetch is an abort.
      lab.inject(NAME, parseFault(`reg:pc:24@t=${Math.ceil(lab.time)}ns`));
      next += errors();
    }
    if (lab.time > LIMIT_NS || lab.stopped) throw new InputError(NAME, "the work does not end");
  }
  return { ns: ended - began, errors: struck, checkpoints, fidelity: fidelityOf(lab) };
}
