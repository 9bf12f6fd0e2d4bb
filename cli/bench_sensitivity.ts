/**
 * `understudy bench sensitivity`: how far the figures of the timed fidelity move when a cost that is
 * assumed is another.
 *
 * @module
 */

import { loadGuest } from "../guests/mod.ts";
import { ASSUMED, measureWork, sensitivity, type SensitivityRow, TIMING } from "../mod.ts";
import type { Io } from "./io.ts";
import { painter } from "./paint.ts";
import { table } from "./tables.ts";
import { paragraph } from "./view.ts";

/** The guests of the demonstration. */
const DEMONSTRATION = ["ucos-1", "ucos-2", "ucos-3"] as const;

/** Measures. */
export async function measureSensitivity(): Promise<SensitivityRow[]> {
  const measure = measureWork({
    compute: await loadGuest("compute"),
    demonstration: await Promise.all(DEMONSTRATION.map((name) => loadGuest(name))),
  });
  return await sensitivity(measure, ASSUMED);
}

/** A change in percent, with its sign. */
export function change(percent: number): string {
  const text = percent.toFixed(2);
  return Number(text) === 0 ? "0" : `${percent > 0 ? "+" : ""}${text} %`;
}

/** Shows what was measured: a row for each value of a cost, a column for each figure. */
export function showSensitivity(rows: readonly SensitivityRow[], json: boolean, io: Io): void {
  if (json) {
    for (const row of rows) io.out(`${JSON.stringify(row)}\n`);
    return;
  }
  const paint = painter(io.color);
  const figures = [...new Set(rows.map(({ figure }) => figure))];
  const lines = rows.filter(({ figure }) => figure === figures[0]);
  io.out(`${paint("bold", "What assumed costs make of the figures")}\n\n`);
  io.out(table(
    [
      { head: "cost" },
      { head: "unit" },
      { head: "from", right: true },
      { head: "to", right: true },
      ...figures.map((head) => ({ head, right: true })),
    ],
    lines.map(({ constant, from, to }) => [
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
    { paint, columns: io.columns },
  ));
  const first = figures.map((name) => {
    const { before } = rows.find(({ figure }) => figure === name)!;
    return `${name} ${before}`;
  });
  io.out(`\n${
    paragraph(
      `With the costs of the table, cycles: ${
        first.join(", ")
      }. compute: one round of the guest, until ` +
        "it has halted. demonstration: the first 100 ms of ucos-1, ucos-2 and ucos-3, without the time " +
        "in which the core waits.",
      io.columns,
    )
  }`);
}
