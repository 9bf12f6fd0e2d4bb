/**
 * The figures of the measurements, in the form of the paper's where it has them: stacked bars for
 * switches (Fig. 7 and 8), lines for the period (Fig. 9). What each shows is data; how it is drawn is
 * the plotting library's business.
 *
 * @module
 */

import type {
  BenchRow,
  BestPeriod,
  CallRow,
  CowRow,
  CpuBenchRow,
  LossRow,
  OverheadRow,
  PeriodRow,
  RecoveryRow,
  ScaleAxis,
  ScaleRow,
} from "../mod.ts";
import { paperNs } from "../mod.ts";
import { type BenchFigure, timeOf } from "./bench_section.ts";

/** Order and colours of the parts of a switch, in every figure. */
const PARTS = { domain: ["save", "switch", "restore"], range: ["#56b4e9", "#0072b2", "#009e73"] };
/** The same of strategies. */
const STRATEGIES = {
  domain: ["native", "off", "full", "dirty", "cow"],
  range: ["#999999", "#000000", "#d55e00", "#e69f00", "#0072b2"],
};
/** What is no strategy of this measurement is left out of the legend. */
function strategies(rows: readonly { readonly strategy: string }[]): typeof STRATEGIES {
  const used = STRATEGIES.domain.map((name) => rows.some(({ strategy }) => strategy === name));
  return {
    domain: STRATEGIES.domain.filter((_, i) => used[i]),
    range: STRATEGIES.range.filter((_, i) => used[i]),
  };
}

/** A bar so many times as high as the lowest would make the others invisible. */
const TALL = 20;
/** Room above the highest bar for its label. */
const ROOM = 1.08;
/** Lines in a legend look like the lines they are. */
const DASHES = {
  symbolType: "stroke",
  symbolSize: 500,
  symbolStrokeWidth: 2,
  symbolFillColor: "transparent",
} as const;

/** Stacked bars of a switch by strategy, warm, the paper's beside them. */
export function barsOf(what: "switch" | "task", rows: readonly BenchRow[]): BenchFigure {
  const title = what === "switch" ? "VM switch" : "Task switch";
  interface Bar {
    readonly bar: string;
    readonly part: string;
    readonly ns: number;
  }
  const bars: Bar[] = [];
  for (const row of rows) {
    if (row.by !== "cycles" || row.cache !== "warm" || !PARTS.domain.includes(row.part)) continue;
    bars.push({ bar: row.strategy, part: row.part, ns: row.ns.median });
  }
  for (const [bar, strategy] of [["paper: without", "off"], ["paper: with", "cow"]] as const) {
    for (const part of ["save", "switch", "restore"] as const) {
      bars.push({ bar, part, ns: paperNs(what, strategy, part) ?? 0 });
    }
  }
  const sums = new Map<string, number>();
  for (const { bar, ns } of bars) sums.set(bar, (sums.get(bar) ?? 0) + ns);
  const order = ["native", "off", "paper: without", "cow", "paper: with", "dirty", "full"];
  const least = Math.min(...sums.values());
  const tall = (bar: string) =>
    (bar === "full" || bar === "dirty") && sums.get(bar)! > TALL * least;
  const panel = (of: (bar: string) => boolean, unit: "ns" | "µs", width: number) => {
    const scale = unit === "ns" ? 1 : 1000;
    const values = bars.filter(({ bar }) => of(bar)).map((b) => ({
      ...b,
      value: b.ns / scale,
      order: PARTS.domain.indexOf(b.part),
    }));
    const totals = [...sums].filter(([bar]) => of(bar)).map(([bar, ns]) => ({
      bar,
      value: ns / scale,
      text: timeOf(ns),
    }));
    const x = {
      field: "bar",
      type: "nominal",
      sort: order,
      title: null,
      axis: { labelAngle: 0, labelPadding: 6, labelExpr: 'split(datum.label, ": ")' },
    };
    return {
      width,
      height: 300,
      layer: [
        {
          data: { values },
          mark: { type: "bar", width: 52 },
          encoding: {
            x,
            y: {
              field: "value",
              type: "quantitative",
              title: unit,
              scale: { domainMax: ROOM * Math.max(...totals.map(({ value }) => value)) },
            },
            color: {
              field: "part",
              type: "nominal",
              scale: PARTS,
              title: null,
              legend: { orient: "bottom" },
            },
            order: { field: "order" },
          },
        },
        {
          data: { values: totals },
          mark: { type: "text", dy: -8, fontSize: 12 },
          encoding: {
            x,
            y: { field: "value", type: "quantitative" },
            text: { field: "text" },
          },
        },
      ],
    };
  };
  const low = order.filter((bar) => sums.has(bar) && !tall(bar));
  const high = order.filter((bar) => sums.has(bar) && tall(bar));
  const panels = [panel((bar) => low.includes(bar), "ns", 96 * low.length)];
  if (high.length > 0) {
    panels.push(panel((bar) => high.includes(bar), "µs", 96 * high.length));
  }
  return {
    name: what,
    title,
    spec: {
      title: {
        text: `${title}, warm`,
        subtitle: "save, switch and restore; checkpoints at every switch are in switch",
      },
      hconcat: panels,
      spacing: 40,
    },
  };
}

/** Mean and worst switch against the backup period. */
export function periodFigure(kind: "vm" | "task", all: readonly PeriodRow[]): BenchFigure {
  const rows = all.filter((row) => row.kind === kind);
  const name = (ns: number | null) => ns === 0 ? "every switch" : timeOf(ns ?? 0);
  const periods = [...new Set(rows.map(({ period_ns }) => period_ns))].filter((p) => p !== null)
    .sort((a, b) => a - b).map(name);
  const values = rows.flatMap((row) =>
    (row.period_ns === null ? periods : [name(row.period_ns)]).flatMap((period) => [
      { strategy: row.strategy, period, which: "mean", ns: row.mean_ns },
      { strategy: row.strategy, period, which: "worst", ns: row.ns.max },
    ])
  );
  const title = kind === "vm" ? "VM switch" : "Task switch";
  return {
    name: `period-${kind}`,
    title: `${title} against the backup period`,
    spec: {
      title: `${title} against the backup period`,
      width: 560,
      height: 340,
      data: { values },
      mark: { type: "line", point: true },
      encoding: {
        x: {
          field: "period",
          type: "ordinal",
          sort: periods,
          title: "backup period",
          axis: { labelAngle: 0, labelExpr: 'split(datum.label, " ")' },
        },
        y: {
          field: "ns",
          type: "quantitative",
          scale: { type: "log" },
          title: "ns a switch",
          axis: { format: "~s", tickCount: 6 },
        },
        color: { field: "strategy", type: "nominal", scale: strategies(rows), title: null },
        strokeDash: {
          field: "which",
          type: "nominal",
          title: null,
          legend: DASHES,
          scale: { domain: ["mean", "worst"], range: [[1, 0], [5, 4]] },
        },
      },
    },
  };
}

/** Parts of kernel calls. */
export function callFigure(rows: readonly CallRow[]): BenchFigure {
  const parts = { domain: ["in", "kernel", "out"], range: ["#56b4e9", "#999999", "#0072b2"] };
  const bars = rows.filter(({ cache, part, strategy }) =>
    cache === "warm" && (part === "in" || part === "kernel" || part === "out" ||
      strategy === "native" && part === "total")
  ).map((row) => ({
    strategy: row.strategy,
    call: row.call,
    part: row.part === "total" ? "kernel" : row.part,
    ns: row.ns.median,
    order: ["in", "kernel", "out"].indexOf(row.part === "total" ? "kernel" : row.part),
  }));
  return {
    name: "call",
    title: "Kernel call",
    spec: {
      title: { text: "Kernel call, warm", subtitle: "from the SWI to the task's next instruction" },
      data: { values: bars },
      facet: {
        column: { field: "call", type: "nominal", sort: ["OSTimeGet", "OSSemPend", "OSSemPost"] },
      },
      spec: {
        width: { step: 70 },
        height: 300,
        mark: { type: "bar", width: 46 },
        encoding: {
          x: {
            field: "strategy",
            type: "nominal",
            sort: STRATEGIES.domain,
            title: null,
            axis: { labelAngle: 0 },
          },
          y: { field: "ns", type: "quantitative", title: "ns" },
          color: {
            field: "part",
            type: "nominal",
            scale: parts,
            title: null,
            legend: { orient: "bottom" },
          },
          order: { field: "order" },
        },
      },
      resolve: { scale: { x: "independent" } },
    },
  };
}

/** Recoveries by pages written. */
export function recoveryFigure(rows: readonly RecoveryRow[]): BenchFigure {
  const values = rows.filter((row) => row.resume === "immediate" && row.part === "total").map((
    row,
  ) => ({
    unit: row.unit === "guest" ? "guest of 1 MB" : "task",
    sums: row.checksums ? "with checksums" : "without",
    written: row.written,
    strategy: row.strategy,
    us: row.ns.median / 1000,
  }));
  const several = new Set(values.map(({ strategy }) => strategy)).size > 1;
  return {
    name: "recovery",
    title: "Recovery",
    spec: {
      title: {
        text: "Recovery, resumed at once",
        subtitle: "from the faulting instruction to the first one of the recovered task or guest",
      },
      data: { values },
      facet: { column: { field: "unit", type: "nominal", sort: "descending" } },
      spec: {
        width: 330,
        height: 300,
        mark: { type: "line", point: true },
        encoding: {
          x: {
            field: "written",
            type: "quantitative",
            scale: { type: "log", base: 2, nice: false },
            title: "pages written since the checkpoint",
            axis: { values: [1, 2, 4, 8, 16, 32, 64, 128, 256], format: "d", grid: false },
          },
          y: {
            field: "us",
            type: "quantitative",
            scale: { type: "log" },
            title: "µs",
            axis: { format: "~r", tickCount: 4 },
          },
          strokeDash: {
            field: "sums",
            type: "nominal",
            title: null,
            legend: DASHES,
            scale: { domain: ["without", "with checksums"], range: [[1, 0], [5, 4]] },
          },
          color: several
            ? { field: "strategy", type: "nominal", scale: strategies(rows), title: null }
            : { value: "#0072b2" },
        },
      },
    },
  };
}

/** What is on the axes of the scale figures. */
const AXES: Readonly<Record<ScaleAxis, { readonly title: string; readonly name: string }>> = {
  vms: { title: "VMs", name: "VM switch by the number of VMs" },
  tasks: { title: "tasks", name: "Task switch by the number of tasks" },
  region: { title: "data of a guest", name: "VM switch and guest recovery by the size of memory" },
};

/** A line for each strategy along one axis. */
export function scaleFigure(axis: ScaleAxis, all: readonly ScaleRow[]): BenchFigure {
  const rows = all.filter((row) => row.axis === axis);
  const kind = (row: ScaleRow) =>
    axis === "region"
      ? row.measure === "guest-recovery" ? "guest recovery" : "VM switch"
      : `domain ${row.domain}`;
  const values = rows.map((row) => ({
    strategy: row.strategy,
    value: row.value,
    ns: row.ns.median,
    kind: kind(row),
  }));
  const ticks = [...new Set(rows.map(({ value }) => value))].sort((a, b) => a - b);
  const kinds = axis === "region"
    ? ["VM switch", "guest recovery"]
    : ["domain resident", "domain recycled"];
  const flat = axis !== "region";
  return {
    name: `scale-${axis}`,
    title: AXES[axis].name,
    spec: {
      title: { text: AXES[axis].name, subtitle: "median; checkpoints at every switch" },
      width: 520,
      height: 320,
      data: { values },
      mark: { type: "line", point: true },
      encoding: {
        x: {
          field: "value",
          type: "quantitative",
          scale: { type: "log", base: 2, nice: false },
          title: AXES[axis].title,
          axis: {
            values: ticks,
            grid: false,
            ...(flat ? { format: "d" } : {
              labelExpr:
                `datum.value >= 1048576 ? datum.value / 1048576 + ' MB' : datum.value / 1024 + ' KB'`,
            }),
          },
        },
        y: {
          field: "ns",
          type: "quantitative",
          scale: flat ? { zero: true } : { type: "log" },
          title: "ns",
          axis: flat ? {} : { format: "~s", tickCount: 6 },
        },
        color: { field: "strategy", type: "nominal", scale: strategies(rows), title: null },
        strokeDash: {
          field: "kind",
          type: "nominal",
          title: null,
          legend: DASHES,
          scale: { domain: kinds, range: [[1, 0], [5, 4]] },
        },
      },
    },
  };
}

/** Overhead of copy on write by the pages written. */
export function cowFigure(rows: readonly CowRow[], period: string): BenchFigure {
  const timed = rows.some(({ fidelity }) => fidelity === "timed");
  return {
    name: "cow",
    title: "Copy on write",
    spec: {
      title: `Overhead of cow at a period of ${period}`,
      width: 480,
      height: 300,
      data: {
        values: rows.map((row) => ({
          pages: row.pages,
          share: timed ? row.overhead : row.overhead_with_walks,
        })),
      },
      mark: { type: "line", point: true },
      encoding: {
        x: {
          field: "pages",
          type: "quantitative",
          scale: { type: "log", base: 2, nice: false },
          title: "distinct pages written in a period",
          axis: { values: rows.map(({ pages }) => pages), format: "d", grid: false },
        },
        y: {
          field: "share",
          type: "quantitative",
          title: "overhead",
          axis: { format: ".0%" },
        },
      },
    },
  };
}

/** Overhead of workloads by strategy and period. */
export function overheadFigure(rows: readonly OverheadRow[]): BenchFigure {
  const values = rows.filter(({ period_ns }) => period_ns !== null).map((row) => ({
    work: row.work,
    strategy: row.strategy,
    period: timeOf(row.period_ns!),
    share: row.overhead,
  }));
  const periods = [...new Set(rows.map(({ period_ns }) => period_ns))].filter((p) => p !== null)
    .sort((a, b) => a - b).map(timeOf);
  return {
    name: "overhead",
    title: "Overhead without errors",
    spec: {
      title: {
        text: "Overhead without errors",
        subtitle: "CPU time that checkpoints take, as a share of the time of the work",
      },
      data: { values },
      facet: { column: { field: "work", type: "nominal" } },
      spec: {
        width: { step: 16 },
        height: 280,
        mark: "bar",
        encoding: {
          x: {
            field: "period",
            type: "ordinal",
            sort: periods,
            title: null,
            axis: { labelAngle: 0, labelPadding: 6 },
          },
          xOffset: { field: "strategy", sort: STRATEGIES.domain },
          y: { field: "share", type: "quantitative", title: "overhead", axis: { format: "~%" } },
          color: { field: "strategy", type: "nominal", scale: strategies(values), title: null },
        },
      },
      resolve: { scale: { y: "independent" } },
    },
  };
}

/** Total loss at an error rate by period, and where the formulas see the least. */
export function lossFigure(rows: readonly LossRow[], best: BestPeriod): BenchFigure {
  const kinds = ["measured", "overhead in it", "model"];
  const values = rows.flatMap(({ period_ns, loss, overhead, model }) => [
    { us: period_ns / 1000, kind: "measured", share: loss },
    { us: period_ns / 1000, kind: "overhead in it", share: overhead },
    { us: period_ns / 1000, kind: "model", share: model },
  ]);
  const rules = [
    { us: best.best_ns / 1000, name: "best measured" },
    { us: best.young_ns / 1000, name: "Young" },
    { us: best.daly_ns / 1000, name: "Daly" },
  ];
  const x = {
    field: "us",
    type: "quantitative",
    scale: { type: "log", nice: false },
    title: "backup period",
    axis: {
      values: rows.map(({ period_ns }) => period_ns / 1000),
      labelExpr: "datum.value >= 1000 ? datum.value / 1000 + ' ms' : datum.value + ' µs'",
      grid: false,
    },
  };
  return {
    name: "loss",
    title: "The best period",
    spec: {
      title: {
        text: `Total loss at ${best.rate} errors a second`,
        subtitle: "time more than without checkpoints and errors",
      },
      width: 520,
      height: 320,
      layer: [
        {
          data: { values },
          mark: { type: "line", point: true },
          encoding: {
            x,
            y: {
              field: "share",
              type: "quantitative",
              scale: { type: "log" },
              title: "loss",
              axis: { format: "~%", tickCount: 4 },
            },
            color: {
              field: "kind",
              type: "nominal",
              title: null,
              scale: { domain: kinds, range: ["#0072b2", "#56b4e9", "#999999"] },
            },
          },
        },
        {
          data: { values: rules },
          mark: { type: "rule", strokeWidth: 1.5 },
          encoding: {
            x: { field: "us", type: "quantitative" },
            strokeDash: {
              field: "name",
              type: "nominal",
              title: null,
              scale: {
                domain: ["best measured", "Young", "Daly"],
                range: [[1, 0], [6, 3], [2, 3]],
              },
            },
          },
        },
      ],
    },
  };
}

/** Speed of the engines. */
export function cpuFigure(rows: readonly CpuBenchRow[]): BenchFigure {
  return {
    name: "cpu",
    title: "Speed of the emulator",
    spec: {
      title: "Millions of guest instructions a second of this host",
      data: {
        values: rows.map(({ engine, work, mips }) => ({
          engine,
          work,
          mips: mips.median,
          text: mips.median.toFixed(mips.median < 10 ? 1 : 0),
        })),
      },
      facet: { row: { field: "work", type: "nominal" } },
      spec: {
        width: 460,
        height: { step: 30 },
        encoding: {
          y: { field: "engine", type: "nominal", sort: null, title: null },
          x: {
            field: "mips",
            type: "quantitative",
            title: "MIPS",
            scale: { domainMax: ROOM * Math.max(...rows.map(({ mips }) => mips.median)) },
          },
        },
        layer: [
          { mark: { type: "bar", height: 20, color: "#0072b2" } },
          {
            mark: { type: "text", align: "left", dx: 5, fontSize: 12 },
            encoding: { text: { field: "text" } },
          },
        ],
      },
      resolve: { scale: { y: "independent" } },
    },
  };
}
