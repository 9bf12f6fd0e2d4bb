/**
 * `understudy bench scale`: whether switches and recoveries depend on how much there is.
 *
 * @module
 */

import { benchScale, type ScaleAxis, type ScaleLine, TASKS_A_VM } from "../mod.ts";
import { scaleFigure } from "./bench_figures.ts";
import {
  type BenchOptions,
  type BenchSection,
  bytesText,
  FIDELITY_NOTES,
  nsText,
  type OnStep,
} from "./bench_section.ts";
import { switchGuests } from "./bench_switch.ts";

const AXES: readonly ScaleAxis[] = ["vms", "tasks", "region"];
const UNITS: Readonly<Record<ScaleAxis, string>> = { vms: "VM", tasks: "task", region: "KB" };

/** Measures. */
export async function measureScale(options: BenchOptions, onStep: OnStep): Promise<BenchSection> {
  const { axes, sizes, strategies, fidelity } = options;
  const samples = options.samples ?? (options.brief ? 20 : undefined);
  const { rows, lines } = await benchScale(await switchGuests(), {
    ...(axes === undefined ? {} : { axes }),
    ...(sizes === undefined ? {} : { sizes }),
    ...(strategies === undefined ? {} : { strategies }),
    ...(samples === undefined ? {} : { samples }),
    fidelity,
    onStep,
  });
  const measured = AXES.filter((axis) => rows.some((row) => row.axis === axis));
  return {
    name: "scale",
    title: "What depends on how much there is",
    rows: [...rows, ...lines],
    tables: [
      ...measured.map((axis) => ({
        title: { vms: "By VMs", tasks: "By tasks", region: "By data of a guest" }[axis],
        columns: [
          { head: "measure" },
          { head: "domain" },
          { head: "strategy" },
          { head: UNITS[axis] === "KB" ? "data" : axis, right: true },
          { head: "min ns", right: true },
          { head: "median ns", right: true },
          { head: "max ns", right: true },
        ],
        rows: rows.filter((row) => row.axis === axis).map((row) => [
          row.measure,
          row.domain,
          row.strategy,
          axis === "region" ? bytesText(row.value) : row.value,
          nsText(row.ns.min),
          nsText(row.ns.median),
          nsText(row.ns.max),
        ]),
      })),
      {
        title: "Constant, or the slope",
        columns: [
          { head: "axis" },
          { head: "measure" },
          { head: "domain" },
          { head: "strategy" },
          { head: "ns" },
        ],
        rows: lines.map((line) => [
          line.axis,
          line.measure,
          line.domain,
          line.strategy,
          lineText(line),
        ]),
      },
    ],
    notes: [
      "Checkpoints at every switch. resident: two VMs or tasks take turns, all others wait, so that the two " +
      "keep their domains. recycled: all take turns, and there are more than domains. A VM has up to " +
      `${TASKS_A_VM} tasks here, each in a megabyte of its own; more are in several VMs. One VM or task alone ` +
      "has nobody to switch to. Constant: all medians are within 5 % of each other.",
      ...[...new Set(rows.map((row) => row.fidelity))].map((f) => FIDELITY_NOTES[f]),
    ],
    figures: measured.map((axis) => scaleFigure(axis, rows)),
  };
}

function lineText({ constant, slope_ns, start_ns, range_ns, axis }: ScaleLine): string {
  if (constant) return `constant: ${nsText(start_ns)} (within ${range_ns.toFixed(1)})`;
  return `${nsText(start_ns)} + ${slope_ns.toFixed(2)} a ${UNITS[axis]}`;
}
