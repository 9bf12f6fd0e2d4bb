/**
 * `understudy bench sensitivity`: how far the figures of the timed fidelity move when a cost that is
 * assumed is another.
 *
 * @module
 */

import { loadGuest } from "../guests/mod.ts";
import { ASSUMED, measureWork, sensitivity, type SensitivityRow, TIMING } from "../mod.ts";
import type { BenchOptions, BenchSection, OnStep } from "./bench_section.ts";

/** The guests of the demonstration. */
const DEMONSTRATION = ["ucos-1", "ucos-2", "ucos-3"] as const;

/** A change in percent, with its sign. */
export function change(percent: number): string {
  const text = percent.toFixed(2);
  return Number(text) === 0 ? "0" : `${percent > 0 ? "+" : ""}${text} %`;
}

/** Measures. */
export async function measureSensitivity(onStep?: OnStep): Promise<SensitivityRow[]> {
  const measure = measureWork({
    compute: await loadGuest("compute"),
    demonstration: await Promise.all(DEMONSTRATION.map((name) => loadGuest(name))),
  });
  return await sensitivity(measure, ASSUMED, onStep);
}

/** Measures, for the command: a row for each value of a cost, a column for each figure. */
export async function sensitivitySection(
  _options: BenchOptions,
  onStep: OnStep,
): Promise<BenchSection> {
  const rows = await measureSensitivity(onStep);
  const figures = [...new Set(rows.map(({ figure }) => figure))];
  const lines = rows.filter(({ figure }) => figure === figures[0]);
  const first = figures.map((name) =>
    `${name} ${rows.find(({ figure }) => figure === name)!.before}`
  );
  return {
    name: "sensitivity",
    title: "What assumed costs make of the figures",
    rows,
    tables: [{
      title: "Each cost at both ends of its range",
      columns: [
        { head: "cost" },
        { head: "unit" },
        { head: "from", right: true },
        { head: "to", right: true },
        ...figures.map((head) => ({ head, right: true })),
      ],
      rows: lines.map(({ constant, from, to }) => [
        constant,
        TIMING[constant].unit,
        from,
        to,
        ...figures.map((name) =>
          change(
            rows.find((row) => row.constant === constant && row.to === to && row.figure === name)!
              .percent,
          )
        ),
      ]),
    }],
    notes: [
      `With the costs of the table, cycles: ${
        first.join(", ")
      }. compute: one round of the guest, until ` +
      "it has halted. demonstration: the first 100 ms of ucos-1, ucos-2 and ucos-3, without the time " +
      "in which the core waits.",
    ],
    figures: [],
  };
}
