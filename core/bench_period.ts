/**
 * Switches against the backup period (the paper's Fig. 9): what a switch costs on average, and at
 * worst.
 *
 * @module
 */

import { mean, type TimedRow, timedRow } from "./bench.ts";
import { benchLab, type BenchSetting, fidelityOf } from "./bench_lab.ts";
import { GUEST_REGION, type SwitchGuests, TURN_NS } from "./bench_switch.ts";
import { InputError } from "./errors.ts";
import type { BackupStrategy, Lab } from "./lab.ts";
import { SwitchMeter } from "./switch_meter.ts";
import { parseTime } from "./time.ts";

/** One row. */
export interface PeriodRow extends TimedRow {
  /** Which measurement. */
  bench: "period";
  /** Which switches. */
  kind: "vm" | "task";
  /** Checkpoint strategy; "off" has no period. */
  strategy: BackupStrategy;
  /** Checkpoint period, ns; 0: at every switch; null: no checkpoints. */
  period_ns: number | null;
  /** What is measured: save, switch with the checkpoints in it, restore. */
  part: "total";
  /** Switches in which a checkpoint was taken. */
  checkpoints: number;
  /** Mean, ns. */
  mean_ns: number;
  /** The paper's curve has no figures in its text. */
  paper_ns: null;
}

/** How the measurement is done. */
export interface PeriodBenchOptions extends BenchSetting {
  /** Periods (ns or "1ms"); default: {@linkcode PERIODS}. */
  readonly periods?: readonly (number | string)[];
  /** Strategies; default: full, dirty, cow, and off beside them. */
  readonly strategies?: readonly BackupStrategy[];
  /** Which switches; default: both. */
  readonly kinds?: readonly ("vm" | "task")[];
  /** Switches at least; default 100. */
  readonly samples?: number;
  /** Told after each step of the measurement, of how many. */
  readonly onStep?: ((done: number, of: number) => void) | undefined;
}

/** Periods of the measurement, ns; 0: at every switch. */
export const PERIODS: readonly number[] = [0, 1e5, 2e5, 5e5, 1e6, 2e6, 5e6, 10e6];
/** Longest period that is measured, ns. */
const MOST_PERIOD = 1e9;
/** Checkpoints of a unit in a run, at least. */
const LEAST_CHECKPOINTS = 5;
/** Switches until a checkpoint that was declared at one of them has been taken. */
const PENDING = 2;

/**
 * Measures VM and task switches at several periods, as {@linkcode benchSwitch} does at one.
 *
 * @param guests The guests.
 * @throws {InputError} On bad options.
 */
export async function benchPeriod(
  guests: SwitchGuests,
  options: PeriodBenchOptions = {},
): Promise<PeriodRow[]> {
  const { kinds = ["vm", "task"], strategies = ["off", "full", "dirty", "cow"], onStep } = options;
  const { samples = 100 } = options;
  const periods = (options.periods ?? PERIODS).map((period) => {
    const ns = parseTime(period, "period");
    if (ns <= MOST_PERIOD) return ns;
    throw new InputError("period", `"${period}" is not allowed`, "allowed: 0 to 1s");
  });
  const points = strategies.flatMap((
    strategy,
  ): { strategy: BackupStrategy; period: number | null }[] =>
    strategy === "off"
      ? [{ strategy, period: null }]
      : periods.map((period) => ({ strategy, period }))
  );
  const rows: PeriodRow[] = [];
  for (const kind of kinds) {
    for (const { strategy, period } of points) {
      rows.push(await measure(guests, kind, strategy, period, samples, options));
      onStep?.(rows.length, kinds.length * points.length);
    }
  }
  return rows;
}

async function measure(
  guests: SwitchGuests,
  kind: "vm" | "task",
  strategy: BackupStrategy,
  period: number | null,
  samples: number,
  setting: BenchSetting,
): Promise<PeriodRow> {
  const lab = await periodLab(guests, kind, strategy, period ?? 0, setting);
  lab.runAll({ for: "3ms" });
  const meter = new SwitchMeter(lab, kind);
  // Whole periods, so that the mean has as many checkpoints as there are in a long run.
  const span = Math.max(LEAST_CHECKPOINTS * (period ?? 0), 1e6);
  do lab.runAll({ for: span }); while (meter.samples.length < samples + PENDING && !lab.stopped);
  meter.stop();
  const found = meter.samples.slice(PENDING);
  const scale = 1e9 / lab.board.clock.fclk;
  const totals = found.map((s) => s.save + s.switch + s.restore);
  const checkpoints = found.reduce((sum, s) => sum + s.checkpoints, 0);
  return {
    bench: "period",
    kind,
    strategy,
    period_ns: period,
    part: "total",
    checkpoints,
    ...timedRow(totals, lab.board.clock.fclk, fidelityOf(lab)),
    mean_ns: mean(totals) * scale,
    paper_ns: null,
  };
}

async function periodLab(
  { sweep, relay }: SwitchGuests,
  kind: "vm" | "task",
  backup: BackupStrategy,
  period: number,
  setting: BenchSetting,
): Promise<Lab> {
  if (kind === "task") {
    const guests = [{ name: "relay", image: relay, arg: "2 1" }];
    // A journal would take checkpoints beside those of the period, and the end of a slice the guest's.
    const options = { guests, backup, period: 0, journal: "off" } as const;
    return await benchLab(options, setting, { period, tick: TURN_NS, slice: 1e9 / TURN_NS });
  }
  const guest = { image: sweep, arg: `1 0 0 0 ${GUEST_REGION}` };
  const guests = [{ name: "one", ...guest }, { name: "two", ...guest }];
  return await benchLab({ guests, backup, period: 0 }, setting, { period, tick: TURN_NS });
}
