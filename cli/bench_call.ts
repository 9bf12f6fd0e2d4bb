/**
 * `understudy bench call`: the round trip of a kernel call.
 *
 * @module
 */

import { loadGuest } from "../guests/mod.ts";
import { benchCall } from "../mod.ts";
import { callFigure } from "./bench_figures.ts";
import { nativeImage } from "./bench_native_image.ts";
import {
  type BenchOptions,
  type BenchSection,
  FIDELITY_NOTES,
  nsText,
  type OnStep,
} from "./bench_section.ts";

/** Measures. */
export async function measureCall(options: BenchOptions, onStep: OnStep): Promise<BenchSection> {
  const { strategies, caches, samples, fidelity } = options;
  const native = nativeImage();
  const rows = await benchCall(await loadGuest("relay"), {
    ...(strategies === undefined ? {} : { strategies }),
    ...(caches === undefined ? {} : { caches }),
    ...(samples === undefined ? {} : { samples }),
    ...("why" in native ? {} : { native: native.bytes }),
    fidelity,
    onStep,
  });
  return {
    name: "call",
    title: "What a kernel call costs",
    rows,
    tables: [{
      title: "From the SWI to the task's next instruction",
      columns: [
        { head: "call" },
        { head: "strategy" },
        { head: "cache" },
        { head: "part" },
        { head: "calls", right: true },
        { head: "cycles", right: true },
        { head: "min ns", right: true },
        { head: "median ns", right: true },
        { head: "max ns", right: true },
      ],
      rows: rows.map((row) => [
        row.call,
        row.strategy,
        row.cache,
        row.part,
        row.count,
        row.cycles.median,
        nsText(row.ns.min),
        nsText(row.ns.median),
        nsText(row.ns.max),
      ]),
    }],
    notes: [
      "in: from the SWI to the guest's vector; kernel: the guest's own kernel, with the hypercalls that it " +
      "makes; out: from its HC_DISPATCH to the task; monitor: in and out. OSSemPost is a call that " +
      "others may see: with cow and the journal in mode commit a checkpoint of the task is in its out.",
      ..."why" in native ? [`native: left out, ${native.why}`] : [],
      ...[...new Set(rows.map((row) => row.fidelity))].map((f) => FIDELITY_NOTES[f]),
    ],
    figures: [callFigure(rows)],
  };
}
