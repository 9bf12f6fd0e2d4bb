/**
 * `understudy bench cow`: what copy on write costs, by the pages that are written in a period.
 *
 * @module
 */

import { loadGuest } from "../guests/mod.ts";
import { benchCow, benchHost, COW_PAGES, InputError, WALK_CYCLES } from "../mod.ts";
import { cowFigure } from "./bench_figures.ts";
import {
  type BenchOptions,
  type BenchSection,
  FIDELITY_NOTES,
  type OnStep,
  percentText,
  timeOf,
} from "./bench_section.ts";
import { count } from "./story.ts";

/** The guest that writes to so many pages a round. */
const SWEEP = "sweep";
/** The guest whose task is checkpointed and swapped for the host's time. */
const TASKS = "ucos-1";
const DEFAULT_PERIOD = 10e6;
/** Periods of a run. */
const DEFAULT_PERIODS = 5;
const MOST_PERIODS = 1000;
/** What is measured when it has to be short. */
const BRIEF = { pages: [1, 4, 16, 64], periods: 2 } as const;

/**
 * How many periods a run has.
 *
 * @throws {InputError} When the time asked for is too short or too long.
 */
export function cowPeriods(time: number | undefined, period = DEFAULT_PERIOD): number {
  if (time === undefined) return DEFAULT_PERIODS;
  const periods = Math.round(time / period);
  if (periods >= 2 && periods <= MOST_PERIODS) return periods;
  const allowed = `allowed: 2 to ${MOST_PERIODS} periods`;
  throw new InputError("--for", `${timeOf(time)} is ${count(periods, "period")}`, allowed);
}

/** Measures. */
export async function measureCow(options: BenchOptions, onStep: OnStep): Promise<BenchSection> {
  const { period = DEFAULT_PERIOD, time, brief, fidelity } = options;
  const pages = options.pages ?? (brief ? BRIEF.pages : COW_PAGES);
  const periods = brief ? BRIEF.periods : cowPeriods(time, period);
  const rows = await benchCow(await loadGuest(SWEEP), pages, period, periods, {
    fidelity,
    onStep,
  });
  const host = await benchHost(await loadGuest(TASKS), () => performance.now());
  const asked = timeOf(period);
  const fast = rows.some((row) => row.fidelity === "fast");
  return {
    name: "cow",
    title: `What cow costs at a period of ${asked}`,
    rows: [...rows, ...host],
    tables: [
      {
        title: "By distinct pages written in a period",
        columns: [
          { head: "pages\nwritten", right: true },
          { head: "check-\npoints", right: true },
          { head: "measured\nperiod ms", right: true },
          { head: "pages\ncopied", right: true },
          { head: "cycles\na period", right: true },
          { head: "walks\na period", right: true },
          { head: "overhead", right: true },
          ...(fast ? [{ head: "with\nwalks", right: true }] : []),
          { head: `at exactly\n${asked}`, right: true },
        ],
        rows: rows.map((row) => [
          row.pages,
          row.checkpoints,
          (row.period_ns / 1e6).toFixed(2),
          row.copies.toFixed(1),
          row.cycles,
          row.walks,
          percentText(row.overhead, 2),
          ...(fast ? [percentText(row.overhead_with_walks, 2)] : []),
          percentText(row.overhead_with_walks * row.period_ns / period, 2),
        ]),
      },
      {
        title: "Host time of one task's checkpoint and swap, one page written",
        columns: [
          { head: "operation" },
          { head: "samples", right: true },
          { head: "min µs", right: true },
          { head: "median µs", right: true },
          { head: "max µs", right: true },
        ],
        rows: host.map(({ operation, count, us }) => [
          operation,
          count,
          us.min.toFixed(1),
          us.median.toFixed(1),
          us.max.toFixed(1),
        ]),
      },
    ],
    notes: [
      "The guest does the same work with cow and without a backup; overhead is what it takes longer, as " +
      "a share of the board time: checkpoints, first writes with their copies, and repairs, deferred " +
      "work and all. Checkpoints fall due at a tick of the monitor, so the period is one of whole milliseconds.",
      ...(fast
        ? [
          `Walks are TLB refills, which the fast fidelity does not charge; they count ${WALK_CYCLES} cycles ` +
          "each here.",
        ]
        : []),
      ...[...new Set(rows.map((row) => row.fidelity))].map((f) => FIDELITY_NOTES[f]),
    ],
    figures: [cowFigure(rows, asked)],
  };
}
