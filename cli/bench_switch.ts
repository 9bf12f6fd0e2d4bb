/**
 * `understudy bench switch`, `bench task`: what a VM switch and a task switch cost.
 *
 * @module
 */

import { loadGuest } from "../guests/mod.ts";
import {
  benchNative,
  type BenchPart,
  type BenchRow,
  benchSwitch,
  GUEST_REGION,
  NATIVE_POINTS,
  resized,
  SWITCH_POINTS,
  type SwitchBench,
  type SwitchGuests,
  type SwitchPoint,
} from "../mod.ts";
import { barsOf } from "./bench_figures.ts";
import { nativeImage } from "./bench_native_image.ts";
import {
  type BenchOptions,
  type BenchSection,
  type BenchTable,
  FIDELITY_NOTES,
  nsText,
  type OnStep,
  percentText,
} from "./bench_section.ts";

/** The guests that do nothing but switch. */
export async function switchGuests(): Promise<SwitchGuests> {
  const [sweep, relay] = await Promise.all([loadGuest("sweep"), loadGuest("relay")]);
  return { sweep: resized(sweep, GUEST_REGION), relay };
}

/** Points between which each part lies. */
const PARTS: Readonly<
  Record<"switch" | "task", readonly (readonly [BenchPart, SwitchPoint, SwitchPoint])[]>
> = {
  switch: [
    ["entry", "entry", "handler"],
    ["save", "save", "saved"],
    ["acknowledge", "acknowledge", "acknowledged"],
    ["switch", "choose", "restore"],
    ["backup", "backup", "backedUp"],
    ["restore", "restore", "resumed"],
  ],
  task: [
    ["entry", "entry", "dispatch"],
    ["save", "save", "saved"],
    ["switch", "dispatch", "restore"],
    ["backup", "backup", "backedUp"],
    ["restore", "restore", "resumed"],
  ],
};

/** What the paper's figures grow by with recovery support, ns. */
const PAPER_GROWTH = {
  switch: "+50.0 ns, +20.8 %",
  task: "+30.0 ns, +16.7 %",
} as const;

/** Measures switches. */
export async function measureSwitch(
  what: "switch" | "task",
  options: BenchOptions,
  onStep: OnStep,
): Promise<BenchSection> {
  const { strategies, caches, period, fidelity } = options;
  const samples = options.samples ?? (options.brief ? 100 : 200);
  const native = what === "task" ? nativeImage() : undefined;
  const bench = await benchSwitch(await switchGuests(), what, {
    ...(strategies === undefined ? {} : { strategies }),
    ...(caches === undefined ? {} : { caches }),
    ...(period === undefined ? {} : { period }),
    samples,
    fidelity,
    onStep,
  });
  const rows: BenchRow[] = [...bench.rows];
  const notes: string[] = [];
  if (native !== undefined) {
    if ("why" in native) notes.push(`native: left out, ${native.why}`);
    else {
      rows.push(...benchNative(native.bytes, {
        ...(caches === undefined ? {} : { caches }),
        samples,
        fidelity,
      }));
      notes.push(
        "native is the same kernel on the bare board: flat map, caches on, no monitor. Its switch begins " +
          "when the kernel has chosen, as the monitor's does when the guest's kernel asks for it.",
      );
    }
  }
  notes.push(...growth(what, rows), ...setting(what, bench, options), ...labels(rows));
  return {
    name: what,
    title: what === "switch" ? "What a VM switch costs" : "What a task switch costs",
    rows,
    tables: [
      partTable(rows),
      ...pwmTables(rows),
      pointTable(what, rows),
      ...wayTables(bench),
    ],
    notes,
    figures: [barsOf(what, rows)],
  };
}

/** Parts that are inside the one before them. */
const INNER: ReadonlySet<BenchPart> = new Set<BenchPart>(["backup", "first-writes", "refills"]);

/** What the rows' fidelity is worth. */
function labels(rows: readonly BenchRow[]): string[] {
  return [...new Set(rows.map(({ fidelity }) => fidelity))].map((f) => FIDELITY_NOTES[f]);
}

function partTable(rows: readonly BenchRow[]): BenchTable {
  return {
    title: "By the cycle counter",
    columns: [
      { head: "strategy" },
      { head: "cache" },
      { head: "part" },
      { head: "switches", right: true },
      { head: "cycles", right: true },
      { head: "min ns", right: true },
      { head: "median ns", right: true },
      { head: "max ns", right: true },
      { head: "paper ns", right: true },
      { head: "floor ns", right: true },
    ],
    rows: rows.filter(({ by }) => by === "cycles").map((row) => [
      row.strategy,
      row.cache,
      INNER.has(row.part) ? `  ${row.part}` : row.part,
      row.count,
      row.cycles.median,
      nsText(row.ns.min),
      nsText(row.ns.median),
      nsText(row.ns.max),
      row.paper_ns ?? "-",
      row.floor_ns === null ? "-" : nsText(row.floor_ns),
    ]),
  };
}

function pwmTables(rows: readonly BenchRow[]): BenchTable[] {
  const timer = rows.filter(({ by }) => by === "pwm");
  if (timer.length === 0) return [];
  const counter = (row: BenchRow) =>
    rows.find((r) =>
      r.by === "cycles" && r.strategy === row.strategy && r.cache === row.cache &&
      r.part === row.part
    );
  return [{
    title: "By PWM timer 3 of the board",
    columns: [
      { head: "strategy" },
      { head: "part" },
      { head: "switches", right: true },
      { head: "mean ns", right: true },
      { head: "by the cycle\ncounter", right: true },
    ],
    rows: timer.map((row) => [
      row.strategy,
      row.part,
      row.count,
      nsText(row.mean_ns),
      nsText(counter(row)?.mean_ns ?? 0),
    ]),
  }];
}

/** The instructions between which the parts lie. */
function pointTable(what: "switch" | "task", rows: readonly BenchRow[]): BenchTable {
  const native = rows.some(({ strategy }) => strategy === "native")
    ? [
      ["native save", NATIVE_POINTS.save.instruction, NATIVE_POINTS.saved.instruction],
      ["native switch", NATIVE_POINTS.choose.instruction, NATIVE_POINTS.restore.instruction],
      ["native restore", NATIVE_POINTS.restore.instruction, "behind movs pc, lr"],
    ]
    : [];
  return {
    title: "The instructions at which the parts begin and end",
    columns: [{ head: "part" }, { head: "from" }, { head: "to" }],
    rows: [
      ...PARTS[what].map(([part, from, to]) => [part, SWITCH_POINTS[from], SWITCH_POINTS[to]]),
      ...native,
    ],
  };
}

/** Where the cycles of the switch in the middle go. */
function wayTables({ ways }: SwitchBench): BenchTable[] {
  const warm = ways.filter(({ cache }) => cache === "warm");
  if (warm.length === 0) return [];
  return [{
    title: "The way of the switch in the middle, warm",
    columns: [
      { head: "strategy" },
      { head: "from" },
      { head: "to" },
      { head: "cycles", right: true },
    ],
    rows: warm.flatMap(({ strategy, steps }) =>
      steps.filter(({ cycles }) => cycles > 0).map((step) => [
        strategy,
        step.from,
        step.to,
        step.cycles,
      ])
    ),
  }];
}

/** How much more than without backups. */
function growth(what: "switch" | "task", rows: readonly BenchRow[]): string[] {
  const total = (strategy: string) =>
    rows.find((r) =>
      r.strategy === strategy && r.part === "total" && r.cache === "warm" && r.by === "cycles"
    );
  const off = total("off");
  const cow = total("cow");
  if (off === undefined || cow === undefined) return [];
  const more = cow.ns.median - off.ns.median;
  return [
    `cow against off, warm: +${more.toFixed(1)} ns, +${
      percentText(more / off.ns.median)
    } of our own ` +
    `plain switch; the paper: ${PAPER_GROWTH[what]}. What cow puts off is in the rows "deferred".`,
  ];
}

function setting(what: "switch" | "task", { pwm }: SwitchBench, options: BenchOptions): string[] {
  const period = options.period ?? 0;
  const when = period === 0 ? "at every switch" : `every ${period / 1e6} ms`;
  const guests = what === "switch"
    ? "two VMs with 16 KB of data write to one page of it in turns of 100 µs, which the tick of the " +
      "monitor ends"
    : "two tasks of a VM with 4 KB of data and as much stack hand each other a semaphore and write to " +
      "one page";
  return [
    `The guests: ${guests}. Checkpoints ${when}; backup is the part of switch that they take. total is ` +
    "save, switch and restore. deferred: until the next switch, checkpoints that were declared, first writes with their copies, and " +
    "what instructions of the guests take longer than undisturbed: refills of TLBs and caches. cold: " +
    "caches and TLBs, but for the monitor's locked entries, are emptied before the exception. floor: 17 words of a context at a cycle each, " +
    "the writes of PID and DACR, and a bus cycle for each word of a copy.",
    "warm: nothing is emptied. With a checkpoint at every switch the way finds the caches as the copies and the checkpoint " +
    "before it have left them: what is more than min are its line fills.",
    ...(pwm === undefined ? [] : [
      `The timer counts ${pwm.resolution_ns} ns. A reading takes ${
        pwm.reading_ns.toFixed(1)
      } ns, the ` +
      `mean of ${pwm.readings}, which is subtracted.`,
    ]),
  ];
}
