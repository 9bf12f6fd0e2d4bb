/**
 * `understudy bench cow`: what copy on write costs, by the pages that are written in a period.
 *
 * @module
 */

import { loadGuest } from "../guests/mod.ts";
import {
  benchCow,
  benchHost,
  COW_PAGES,
  type CowRow,
  type HostRow,
  InputError,
  parseTime,
  WALK_CYCLES,
} from "../mod.ts";
import type { Io } from "./io.ts";
import { painter } from "./paint.ts";
import { count } from "./story.ts";
import { table } from "./tables.ts";
import { paragraph } from "./view.ts";

/** The guest that writes to so many pages a round. */
const SWEEP = "sweep";
/** The guest whose task is checkpointed and swapped for the host's time. */
const TASKS = "ucos-1";
const DEFAULT_PERIOD = "10ms";
/** The monitor's tick, ns. */
const LEAST_PERIOD = 1_000_000;
/** Periods of a run. */
const DEFAULT_PERIODS = 10;
const MOST_PERIODS = 1000;

/** Options of the measurement, where they were given. */
export interface CowOptions {
  /** Checkpoint period. */
  readonly period?: string | undefined;
  /** Board time of a run. */
  readonly for?: string | undefined;
}

/** What was measured. */
export interface CowBench {
  /** Checkpoint period that was asked for. */
  readonly period: string;
  /** Board time, by pages. */
  readonly rows: readonly CowRow[];
  /** Host time. */
  readonly host: readonly HostRow[];
}

/**
 * Measures.
 *
 * @param options What was given on the command line.
 * @throws {InputError} With the option and what is allowed.
 */
export async function measureCow(options: CowOptions): Promise<CowBench> {
  const period = options.period ?? DEFAULT_PERIOD;
  const ns = parseTime(period, "--period");
  if (ns < LEAST_PERIOD) {
    throw new InputError("--period", `"${period}" is not allowed`, "allowed: 1ms and more");
  }
  const time = options.for === undefined ? ns * DEFAULT_PERIODS : parseTime(options.for, "--for");
  const periods = Math.round(time / ns);
  if (!(periods >= 2 && periods <= MOST_PERIODS)) {
    const allowed = `allowed: 2 to ${MOST_PERIODS} periods`;
    throw new InputError("--for", `"${options.for}" is ${count(periods, "period")}`, allowed);
  }
  const rows = await benchCow(await loadGuest(SWEEP), COW_PAGES, ns, periods);
  const host = await benchHost(await loadGuest(TASKS), () => performance.now());
  return { period, rows, host };
}

/** A share as a percentage. */
function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`;
}

/** Prints what was measured. */
export function showCow({ period, rows, host }: CowBench, json: boolean, io: Io): void {
  if (json) {
    for (const row of [...rows, ...host]) io.out(`${JSON.stringify(row)}\n`);
    return;
  }
  const paint = painter(io.color);
  const style = { paint, columns: io.columns };
  const asked = parseTime(period, "--period");
  io.out(`${paint("bold", `What cow costs at a period of ${period}`)}\n\n`);
  io.out(table(
    [
      { head: "pages\nwritten", right: true },
      { head: "check-\npoints", right: true },
      { head: "measured\nperiod ms", right: true },
      { head: "pages\ncopied", right: true },
      { head: "cycles\na period", right: true },
      { head: "walks\na period", right: true },
      { head: "overhead", right: true },
      { head: "with\nwalks", right: true },
      { head: `at exactly\n${period}`, right: true },
    ],
    rows.map((row) => [
      row.pages,
      row.checkpoints,
      (row.period_ns / 1e6).toFixed(2),
      row.copies.toFixed(1),
      row.cycles,
      row.walks,
      percent(row.overhead),
      percent(row.overhead_with_walks),
      percent(row.overhead_with_walks * row.period_ns / asked),
    ]),
    style,
  ));
  io.out(`\n${
    paragraph(
      "The guest does the same work with cow and without a backup; overhead is what it takes longer, as " +
        "a share of the board time: checkpoints, first writes with their copies, and repairs, deferred " +
        `work and all. Walks are TLB refills, which nobody charges yet; they count ${WALK_CYCLES} cycles ` +
        "each here. The monitor looks at the period at its tick of 1 ms, so the measured one is longer.",
      io.columns,
    )
  }`);
  io.out(`\n${paint("bold", "Host time of one task's checkpoint and swap, one page written")}\n\n`);
  io.out(table(
    [
      { head: "operation" },
      { head: "samples", right: true },
      { head: "min µs", right: true },
      { head: "median µs", right: true },
      { head: "max µs", right: true },
    ],
    host.map(({ operation, count, us }) => [
      operation,
      count,
      us.min.toFixed(1),
      us.median.toFixed(1),
      us.max.toFixed(1),
    ]),
    style,
  ));
}
