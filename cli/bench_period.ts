/**
 * `understudy bench period`: switches against the backup period.
 *
 * @module
 */

import { benchPeriod, type PeriodRow } from "../mod.ts";
import { periodFigure } from "./bench_figures.ts";
import {
  type BenchOptions,
  type BenchSection,
  FIDELITY_NOTES,
  nsText,
  type OnStep,
  timeOf,
} from "./bench_section.ts";
import { switchGuests } from "./bench_switch.ts";

/** Periods when the whole set is measured, ns. */
const BRIEF = [0, 1e5, 2e5, 5e5, 1e6, 2e6, 5e6];

/** Measures. */
export async function measurePeriod(options: BenchOptions, onStep: OnStep): Promise<BenchSection> {
  const { strategies, samples, fidelity } = options;
  const periods = options.periods ?? (options.brief ? BRIEF : undefined);
  const rows = await benchPeriod(await switchGuests(), {
    ...(periods === undefined ? {} : { periods }),
    ...(strategies === undefined
      ? {}
      : { strategies: [...new Set(["off" as const, ...strategies])] }),
    ...(samples === undefined ? {} : { samples }),
    fidelity,
    onStep,
  });
  const kinds = ["vm", "task"] as const;
  return {
    name: "period",
    title: "Switches against the backup period",
    rows,
    tables: kinds.map((kind) => ({
      title: kind === "vm" ? "VM switch" : "Task switch",
      columns: [
        { head: "strategy" },
        { head: "period", right: true },
        { head: "switches", right: true },
        { head: "with a\ncheckpoint", right: true },
        { head: "mean ns", right: true },
        { head: "median ns", right: true },
        { head: "worst ns", right: true },
      ],
      rows: rows.filter((row) => row.kind === kind).map((row: PeriodRow) => [
        row.strategy,
        row.period_ns === null ? "-" : row.period_ns === 0 ? "every switch" : timeOf(row.period_ns),
        row.count,
        row.checkpoints,
        nsText(row.mean_ns),
        nsText(row.ns.median),
        nsText(row.ns.max),
      ]),
    })),
    notes: [
      "Warm; save, switch with its checkpoint, restore. The guests are those of bench switch and bench " +
      "task, without a journal of kernel calls: its checkpoints come beside those of the period.",
      ...[...new Set(rows.map((row) => row.fidelity))].map((f) => FIDELITY_NOTES[f]),
    ],
    figures: kinds.map((kind) => periodFigure(kind, rows)),
  };
}
