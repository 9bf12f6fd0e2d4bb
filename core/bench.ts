/**
 * Measurements of the monitor, from charged cycles.
 *
 * @module
 */

import { type BackupStrategy, Lab, type LabOptions } from "./lab.ts";

/** Minimum, median and maximum. */
export interface Spread {
  /** Smallest sample. */
  min: number;
  /** Middle sample. */
  median: number;
  /** Largest sample. */
  max: number;
}

/** One row of a measurement. */
export interface BenchRow {
  /** Which measurement. */
  bench: "switch" | "task";
  /** Checkpoint strategy. */
  strategy: BackupStrategy;
  /** State of the caches; the fast fidelity charges as if all were warm. */
  cache: "warm";
  /** Part of the switch; "backup" is the copying in switches at which a checkpoint was due. */
  part: "save" | "switch" | "restore" | "total" | "backup";
  /** Samples. */
  count: number;
  /** Cycles of FCLK. */
  cycles: Spread;
  /** Nanoseconds of board time. */
  ns: Spread;
  /** What the paper reports for this part, null where it does not. */
  paper_ns: number | null;
  /** How far to trust it: the fast fidelity's charges are not calibrated. */
  label: "uncalibrated";
}

/** The paper's figures (Fig. 7 and 8), ns: without and with recovery support. */
const PAPER: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  "switch-off": { save: 40, switch: 160, restore: 40, total: 240 },
  "switch-on": { save: 40, switch: 210, restore: 40, total: 290 },
  "task-off": { save: 40, switch: 100, restore: 40, total: 180 },
  "task-on": { save: 40, switch: 130, restore: 40, total: 210 },
};

/** Parts of one switch, cycles. */
interface Sample {
  save: number;
  switch: number;
  restore: number;
  backup: number;
}

/**
 * Measures VM switches (`switch`) or task switches (`task`) of a laboratory under each strategy.
 *
 * @param options Guests and set-up; `backup` is replaced.
 * @param what Which switches.
 * @param forTime Board time of each run.
 * @throws {InputError} On bad options.
 */
export async function benchSwitch(
  options: LabOptions,
  what: "switch" | "task",
  strategies: readonly BackupStrategy[] = ["off", "full"],
  forTime: number | string = "500ms",
): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const strategy of strategies) {
    const lab = await Lab.create({ ...options, backup: strategy });
    const samples = collect(lab, what, forTime);
    rows.push(...rowsOf(lab, what, strategy, samples));
  }
  return rows;
}

function collect(lab: Lab, what: "switch" | "task", forTime: number | string): Sample[] {
  const kind = what === "switch" ? "vm" : "task";
  const samples: Sample[] = [];
  let open: Sample | undefined;
  lab.vmm.probe = (k, part, cycles, backup) => {
    if (k !== kind) return;
    if (part === "save") open = { save: cycles, switch: 0, restore: 0, backup };
    if (open === undefined) return;
    if (part === "switch") open.switch = cycles;
    if (part === "restore") {
      open.restore = cycles;
      // A VM that comes from idle has no save of its own.
      if (open.save > 0) samples.push(open);
      open = undefined;
    }
  };
  lab.runAll({ for: forTime });
  lab.vmm.probe = undefined;
  return samples;
}

function rowsOf(
  lab: Lab,
  what: "switch" | "task",
  strategy: BackupStrategy,
  samples: readonly Sample[],
): BenchRow[] {
  const paper = PAPER[`${what}-${strategy === "off" ? "off" : "on"}`];
  const parts = ["save", "switch", "restore", "total"] as const;
  const row = (part: BenchRow["part"], values: number[], paperNs: number | null): BenchRow => {
    const cycles = spread(values);
    const scale = 1e9 / lab.board.clock.fclk;
    const ns = { min: cycles.min * scale, median: cycles.median * scale, max: cycles.max * scale };
    const label = "uncalibrated";
    const count = values.length;
    return {
      bench: what,
      strategy,
      cache: "warm",
      part,
      count,
      cycles,
      ns,
      paper_ns: paperNs,
      label,
    };
  };
  const rows = parts.map((part) =>
    row(
      part,
      samples.map((s) => part === "total" ? s.save + s.switch + s.restore : s[part]),
      paper[part],
    )
  );
  const copied = samples.map((s) => s.backup).filter((cycles) => cycles > 0);
  if (copied.length > 0) rows.push(row("backup", copied, null));
  return rows;
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
