/**
 * `understudy bench calibrate`: what the monitor is charged, held against its routines as machine code.
 *
 * @module
 */

import { loadGuest, loadMonitor } from "../guests/mod.ts";
import { calibrate, type CalibrationRow, TOLERANCE } from "../mod.ts";
import { type BenchOptions, type BenchSection, type OnStep, percentText } from "./bench_section.ts";

/** Measures. */
export async function measureCalibrate(
  _options: BenchOptions,
  onStep: OnStep,
): Promise<BenchSection> {
  const rows = await calibrate({
    monitor: await loadMonitor(),
    vm0: await loadGuest("vm0"),
    tasks: { name: "relay", image: await loadGuest("relay"), arg: "2 1" },
    busy: { name: "sweep", image: await loadGuest("sweep"), arg: "1 0 0" },
    onStep,
  });
  return calibrationSection(rows);
}

/** The section of some rows. */
export function calibrationSection(rows: readonly CalibrationRow[]): BenchSection {
  const off = rows.filter(({ fits }) => !fits);
  const worst = rows.reduce((a, b) => Math.abs(b.ratio - 1) > Math.abs(a.ratio - 1) ? b : a);
  const limit = percentText(TOLERANCE, 0);
  return {
    name: "calibrate",
    title: "What the monitor's routines are charged, and what they take",
    rows,
    failed: off.length > 0,
    tables: [{
      title: "By routine, everything warm",
      columns: [
        { head: "part" },
        { head: "routine" },
        { head: "executed\ncycles", right: true },
        { head: "charged\ncycles", right: true },
        { head: "charged against\nexecuted", right: true },
        { head: "" },
      ],
      rows: rows.map(({ part, routine, executed, charged, ratio, fits }) => [
        part,
        routine,
        executed,
        charged,
        `${ratio < 1 ? "" : "+"}${percentText(ratio - 1)}`,
        fits ? "" : `off by more than ${limit}`,
      ]),
    }],
    notes: [
      "executed: the machine code of guests/monitor/monitor.S on the timed core, in the state in which the " +
      "emulated monitor does the same; registers, CP15 and memory came out the same. charged: what the " +
      "emulated monitor was charged. A routine that is called has in its cycles what it calls.",
      off.length === 0
        ? `All ${rows.length} are within ${limit}; the worst one is ${worst.routine}, ` +
          `${percentText(Math.abs(worst.ratio - 1))} off.`
        : `Not within ${limit}: ${[...new Set(off.map(({ routine }) => routine))].join(", ")}.`,
      "What the monitor does beside these routines stands for compiled code: three cycles for each word that " +
      "it touches, a call and its instruction fetches for each function (core/routines.ts). Nothing was " +
      "there to be held against.",
    ],
    figures: [],
  };
}
