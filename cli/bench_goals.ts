/**
 * `understudy bench goals`: the figures that were to be reached, beside those that were measured.
 *
 * @module
 */

import type { BenchRow, CallRow, CowRow, RecoveryRow } from "../mod.ts";
import { measureCall } from "./bench_call.ts";
import { measureCow } from "./bench_cow.ts";
import { measureRecovery } from "./bench_recovery.ts";
import {
  type BenchOptions,
  type BenchSection,
  FIDELITY_NOTES,
  type OnStep,
  percentText,
  timeOf,
} from "./bench_section.ts";
import { measureSwitch } from "./bench_switch.ts";

/** A figure that was to be reached. */
export interface GoalRow {
  /** Which measurement. */
  readonly bench: "goals";
  /** What it is the figure of. */
  readonly goal: string;
  /** Nanoseconds, or a share. */
  readonly unit: "ns" | "share";
  /** At most. */
  readonly limit: number;
  /** What was measured. */
  readonly measured: number;
  /** It is reached. */
  readonly met: boolean;
}

/** The measured rows, whatever they are of. */
interface Measured {
  readonly switches: readonly BenchRow[];
  readonly calls: readonly CallRow[];
  readonly recoveries: readonly RecoveryRow[];
  readonly cow: readonly CowRow[];
}

function switchNs({ switches }: Measured, bench: "switch" | "task", strategy: string): number {
  return switches.find((row) =>
    row.bench === bench && row.strategy === strategy && row.part === "total" &&
    row.cache === "warm" && row.by === "cycles"
  )!.ns.median;
}

function recoveryNs({ recoveries }: Measured, unit: string, pages: number, sums: boolean): number {
  const found = recoveries.filter((row) =>
    row.unit === unit && row.strategy === "cow" && row.checksums === sums &&
    row.resume === "immediate" && row.part === "total" && row.written <= pages
  );
  return Math.max(...found.map(({ ns }) => ns.median));
}

function callNs({ calls }: Measured, part: string): number {
  return calls.find((row) =>
    row.call === "OSTimeGet" && row.strategy === "off" && row.cache === "warm" && row.part === part
  )!.ns.median;
}

/** The figures: name, unit, limit, how they come from the rows. */
const GOALS: readonly (readonly [string, "ns" | "share", number, (m: Measured) => number])[] = [
  ["VM switch, off, warm", "ns", 240, (m) => switchNs(m, "switch", "off")],
  ["task switch, off, warm", "ns", 180, (m) => switchNs(m, "task", "off")],
  ["VM switch, cow at every switch, warm", "ns", 290, (m) => switchNs(m, "switch", "cow")],
  [
    "the same over our plain VM switch",
    "share",
    0.208,
    (m) => switchNs(m, "switch", "cow") / switchNs(m, "switch", "off") - 1,
  ],
  ["task switch, cow at every switch, warm", "ns", 210, (m) => switchNs(m, "task", "cow")],
  [
    "the same over our plain task switch",
    "share",
    0.167,
    (m) => switchNs(m, "task", "cow") / switchNs(m, "task", "off") - 1,
  ],
  ["kernel call round trip, OSTimeGet, warm", "ns", 320, (m) => callNs(m, "total")],
  ["of it the monitor's, in and out", "ns", 320, (m) => callNs(m, "monitor")],
  ["task recovery, up to 8 pages", "ns", 20_000, (m) => recoveryNs(m, "task", 8, false)],
  ["guest recovery, 1 MB, 8 pages", "ns", 100_000, (m) => recoveryNs(m, "guest", 8, false)],
  [
    "cow every 10 ms, 16 pages, overhead",
    "share",
    0.05,
    ({ cow }) => cow.find(({ pages }) => pages === 16)!.overhead_with_walks,
  ],
];

/** The goals beside the measured rows. */
export function goalRows(measured: Measured): GoalRow[] {
  return GOALS.map(([goal, unit, limit, of]) => {
    const value = of(measured);
    return { bench: "goals", goal, unit, limit, measured: value, met: value <= limit };
  });
}

/** Measures what the goals are about. */
export async function measureGoals(options: BenchOptions, onStep: OnStep): Promise<BenchSection> {
  const { fidelity } = options;
  const of = 5;
  const quiet = () => {};
  const warm = { fidelity, caches: ["warm"], strategies: ["off", "cow"], samples: 50 } as const;
  const vm = await measureSwitch("switch", warm, quiet);
  onStep(1, of);
  const task = await measureSwitch("task", warm, quiet);
  onStep(2, of);
  const calls = await measureCall({ ...warm, strategies: ["off"] }, quiet);
  onStep(3, of);
  const recoveries = await measureRecovery({ fidelity, pages: [1, 2, 4, 8], samples: 3 }, quiet);
  onStep(4, of);
  const cow = await measureCow({ fidelity, pages: [16], time: 30e6 }, quiet);
  onStep(5, of);
  return goalsSection(
    goalRows({
      switches: [...vm.rows, ...task.rows] as readonly BenchRow[],
      calls: calls.rows as readonly CallRow[],
      recoveries: recoveries.rows as readonly RecoveryRow[],
      cow: cow.rows as readonly CowRow[],
    }),
    fidelity ?? "timed",
  );
}

function goalsSection(rows: readonly GoalRow[], fidelity: "fast" | "timed"): BenchSection {
  const text = ({ unit }: GoalRow, value: number) =>
    unit === "ns" ? timeOf(value) : percentText(value);
  return {
    name: "goals",
    title: "Figures to reach",
    rows,
    tables: [{
      title: "At most, and measured",
      columns: [
        { head: "figure" },
        { head: "at most", right: true },
        { head: "measured", right: true },
        { head: "" },
      ],
      rows: rows.map((row) => [
        row.goal,
        text(row, row.limit),
        text(row, row.measured),
        row.met ? "reached" : "not reached",
      ]),
    }],
    notes: [
      "Where a figure is not reached, bench switch, task, call, recovery and cow account for its cycles, part by part.",
      FIDELITY_NOTES[fidelity],
    ],
    figures: [],
  };
}
