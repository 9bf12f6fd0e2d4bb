/**
 * `understudy bench overhead`, `bench loss`: what checkpoints cost programs, without errors and with
 * them.
 *
 * @module
 */

import { loadGuest } from "../guests/mod.ts";
import { type BackupStrategy, benchLoss, benchOverhead, type Workload } from "../mod.ts";
import { lossFigure, overheadFigure } from "./bench_figures.ts";
import {
  type BenchOptions,
  type BenchSection,
  FIDELITY_NOTES,
  type OnStep,
  percentText,
  timeOf,
} from "./bench_section.ts";

/** The workloads: how much of each is done. */
const WORKS: readonly (readonly [name: string, arg: string, lines: number])[] = [
  ["compute", "6", 0],
  ["numeric", "", 6],
  ["pipeline", "", 4],
  ["pid", "", 4],
];

/** Measures the overhead. */
export async function measureOverhead(
  options: BenchOptions,
  onStep: OnStep,
): Promise<BenchSection> {
  const { strategies, periods, fidelity } = options;
  const works = await Promise.all(WORKS.map(async ([name, arg, lines]): Promise<Workload> => ({
    name,
    guest: { image: await loadGuest(name), arg },
    lines,
  })));
  const kept = strategies?.filter((s): s is Exclude<BackupStrategy, "off"> => s !== "off");
  const rows = await benchOverhead(works, {
    ...(kept === undefined ? {} : { strategies: kept }),
    ...(periods === undefined ? {} : { periods }),
    fidelity,
    onStep,
  });
  return {
    name: "overhead",
    title: "What checkpoints cost while nothing goes wrong",
    rows,
    tables: [{
      title: "The same work, with and without",
      columns: [
        { head: "work" },
        { head: "strategy" },
        { head: "period", right: true },
        { head: "checkpoints", right: true },
        { head: "pages\ncopied", right: true },
        { head: "CPU time", right: true },
        { head: "board time", right: true },
        { head: "overhead", right: true },
        { head: "of its\nown time", right: true },
      ],
      rows: rows.map((row) => [
        row.work,
        row.strategy,
        row.period_ns === null ? "-" : timeOf(row.period_ns),
        row.checkpoints,
        row.copies,
        timeOf(row.ns),
        timeOf(row.elapsed_ns),
        percentText(row.overhead),
        percentText(row.own, 0),
      ]),
    }],
    notes: [
      "CPU time is what guest and monitor take for it, without idleness. overhead: CPU time more than " +
      "without checkpoints, as a share of the board time of the work; of its own time: as a share of its " +
      "CPU time, which is next to nothing for guests that mostly wait. The tasks of numeric, pipeline and " +
      "pid make calls that others may see, and the journal takes a checkpoint after each.",
      ...[...new Set(rows.map((row) => row.fidelity))].map((f) => FIDELITY_NOTES[f]),
    ],
    figures: [overheadFigure(rows)],
  };
}

/** Measures the loss. */
export async function measureLoss(options: BenchOptions, onStep: OnStep): Promise<BenchSection> {
  const { strategies, periods, rate, samples, fidelity } = options;
  const strategy = strategies?.find((s): s is Exclude<BackupStrategy, "off"> => s !== "off");
  const { rows, best } = await benchLoss(await loadGuest("sweep"), {
    ...(strategy === undefined ? {} : { strategy }),
    ...(periods === undefined ? {} : { periods }),
    ...(rate === undefined ? {} : { rate }),
    ...(samples === undefined ? {} : { runs: samples }),
    fidelity,
    onStep,
  });
  return {
    name: "loss",
    title: `The best period at ${best.rate} errors a second`,
    rows: [...rows, best],
    tables: [
      {
        title: `Time more than without checkpoints and errors, ${best.strategy}`,
        columns: [
          { head: "period", right: true },
          { head: "runs", right: true },
          { head: "errors", right: true },
          { head: "overhead", right: true },
          { head: "work done again,\nrecoveries", right: true },
          { head: "loss", right: true },
          { head: "model", right: true },
        ],
        rows: rows.map((row) => [
          timeOf(row.period_ns),
          row.runs,
          row.errors,
          percentText(row.overhead),
          percentText(row.lost),
          percentText(row.loss),
          percentText(row.model),
        ]),
      },
      {
        title: "The period with the least loss",
        columns: [{ head: "" }, { head: "period", right: true }],
        rows: [
          ["measured", timeOf(best.best_ns)],
          ["Young 1974", timeOf(best.young_ns)],
          ["Daly 2006", timeOf(best.daly_ns)],
        ],
      },
    ],
    notes: [
      `Errors come by chance, on average ${
        timeOf(best.between_ns)
      } apart, and are found at once; the guest ` +
      `is rolled back each time. A checkpoint costs ${
        timeOf(best.checkpoint_ns)
      } here, first writes ` +
      "with their copies and all. The model is Daly's, for errors that are exponential in time.",
      ...[...new Set(rows.map((row) => row.fidelity))].map((f) => FIDELITY_NOTES[f]),
    ],
    figures: [lossFigure(rows, best)],
  };
}
