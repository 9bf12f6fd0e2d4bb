/**
 * Whether switches and recoveries depend on how many VMs and tasks there are, and on the size of
 * their memory: one axis at a time, and the slope where there is one.
 *
 * @module
 */

import { mean, type TimedRow, timedRow } from "./bench.ts";
import { benchLab, type BenchSetting, fidelityOf, resized, setTick } from "./bench_lab.ts";
import { benchRecovery, type RecoveryRow } from "./bench_recovery.ts";
import { GUEST_REGION, type SwitchGuests, TURN_NS } from "./bench_switch.ts";
import { InputError } from "./errors.ts";
import type { BackupStrategy, GuestSpec, Lab } from "./lab.ts";
import { GLOBAL, MAP } from "./layout.ts";
import { SwitchMeter } from "./switch_meter.ts";
import { PAGE } from "./vmi.ts";

/** What is varied: VMs, tasks, or bytes of a guest's data. */
export type ScaleAxis = "vms" | "tasks" | "region";

/** Whether all that run have their domains, or get one that is taken from another at each switch. */
export type DomainState = "resident" | "recycled";

/** One point of a line. */
export interface ScaleRow extends TimedRow {
  /** Which measurement. */
  bench: "scale";
  /** What is varied. */
  axis: ScaleAxis;
  /** Its value. */
  value: number;
  /** VMs that there are. */
  vms: number;
  /** What is measured. */
  measure: "vm-switch" | "task-switch" | "guest-recovery";
  /** Domains of who is switched to. */
  domain: DomainState;
  /** Checkpoint strategy; checkpoints are taken at every switch. */
  strategy: BackupStrategy;
  /** Mean, ns. */
  mean_ns: number;
}

/** A straight line through the points of a measurement. */
export interface ScaleLine {
  /** Which measurement. */
  bench: "scale";
  /** What is varied. */
  axis: ScaleAxis;
  /** What is measured. */
  measure: ScaleRow["measure"];
  /** Domains of who is switched to. */
  domain: DomainState;
  /** Checkpoint strategy. */
  strategy: BackupStrategy;
  /** Nanoseconds more for each VM, task or kilobyte: least squares over the medians. */
  slope_ns: number;
  /** Nanoseconds where the line begins. */
  start_ns: number;
  /** Difference between the largest and the smallest median, ns. */
  range_ns: number;
  /** No dependence: all medians are within 5 % of each other. */
  constant: boolean;
}

/** What was measured. */
export interface ScaleBench {
  /** The points. */
  readonly rows: readonly ScaleRow[];
  /** The lines through them. */
  readonly lines: readonly ScaleLine[];
}

/** How the measurement is done. */
export interface ScaleBenchOptions extends BenchSetting {
  /** Axes; default: all. */
  readonly axes?: readonly ScaleAxis[];
  /** Strategies; default: off and cow, for regions also full and dirty. */
  readonly strategies?: readonly BackupStrategy[];
  /** Values of the axes: VMs 2 to 64, tasks 2 to 64, bytes 16 KB to 4 MB. */
  readonly sizes?: readonly number[];
  /** Switches; default 50. */
  readonly samples?: number;
  /** Told after each step of the measurement, of how many. */
  readonly onStep?: ((done: number, of: number) => void) | undefined;
}

/** Values of the axes in the default measurement. One VM or task has nobody to switch to. */
export const SCALE_SIZES: Readonly<Record<ScaleAxis, readonly number[]>> = {
  vms: [2, 4, 8, 16, 32, 64],
  tasks: [2, 4, 8, 16, 32, 64],
  region: [0x4000, 0x1_0000, 0x4_0000, 0x10_0000, 0x40_0000],
};

/** Range of the axes. */
export const SCALE_RANGE: Readonly<Record<ScaleAxis, readonly [number, number]>> = {
  vms: [2, 64],
  tasks: [2, 64],
  region: [0x4000, 0x40_0000],
};

/** Tasks of a VM in the measurement; each has a megabyte of the VM's slot. */
export const TASKS_A_VM = 16;
/** Switches that are not counted. */
const WARM_UP = 10;
/** Bytes of a region from which `full` is measured at few switches. */
const LARGE = 0x4_0000;
const FEW = 4;
/** Board time after which a measurement is given up, ns. */
const LIMIT_NS = 120e9;
/** Medians so close to each other are taken for the same. */
const CONSTANT = 0.05;

/** A point that is to be measured. */
interface Point {
  readonly axis: ScaleAxis;
  readonly value: number;
  readonly measure: ScaleRow["measure"];
  readonly domain: DomainState;
  readonly strategy: BackupStrategy;
}

/**
 * Measures along the axes.
 *
 * VMs: so many that write to one page in their turns; `resident`: all but two of them wait, so that
 * these two keep their domains; `recycled`: all run, where that is more than have domains. Tasks: a ring of so many, or of two among so many.
 * Region: two VMs with so much data, of which they write to one page, and the recovery of one.
 *
 * @param guests The guests.
 * @throws {InputError} On bad options.
 */
export async function benchScale(
  guests: SwitchGuests,
  options: ScaleBenchOptions = {},
): Promise<ScaleBench> {
  const { axes = ["vms", "tasks", "region"], samples = 50, onStep } = options;
  const points = axes.flatMap((axis) => pointsOf(axis, options));
  const rows: ScaleRow[] = [];
  for (const [i, point] of points.entries()) {
    const row = await measure(guests, point, samples, options);
    if (row !== undefined) rows.push(row);
    onStep?.(i + 1, points.length);
  }
  return { rows, lines: linesOf(rows) };
}

function pointsOf(axis: ScaleAxis, options: ScaleBenchOptions): Point[] {
  const [least, most] = SCALE_RANGE[axis];
  const sizes = options.sizes ?? SCALE_SIZES[axis];
  for (const value of sizes) {
    if (Number.isInteger(value) && value >= least && value <= most) continue;
    throw new InputError(axis, `${value} is not allowed`, `allowed: ${least} to ${most}`);
  }
  if (axis !== "region") {
    const strategies = options.strategies ?? ["off", "cow"];
    const measure = axis === "vms" ? "vm-switch" : "task-switch";
    return (["resident", "recycled"] as const).flatMap((domain) =>
      strategies.flatMap((strategy) =>
        sizes.map((value): Point => ({ axis, value, measure, domain, strategy }))
      )
    );
  }
  const strategies = options.strategies ?? ["off", "full", "dirty", "cow"];
  return (["vm-switch", "guest-recovery"] as const).flatMap((measure) =>
    strategies.filter((strategy) => measure === "vm-switch" || strategy !== "off").flatMap((
      strategy,
    ) => sizes.map((value): Point => ({ axis, value, measure, domain: "resident", strategy })))
  );
}

async function measure(
  guests: SwitchGuests,
  point: Point,
  samples: number,
  setting: BenchSetting,
): Promise<ScaleRow | undefined> {
  if (point.measure === "guest-recovery") return await measureRecovery(guests, point, setting);
  const lab = await scaleLab(guests, point, setting);
  const epoch = () => lab.board.peek(MAP.GLOBAL + GLOBAL.DOMAIN_EPOCH, 4);
  // Copies of megabytes take their time, and one is as long as the other.
  const few = point.strategy === "full" && point.axis === "region" && point.value > LARGE;
  const { found, before } = collect(lab, point, few ? FEW : samples, epoch);
  // There are domains enough for so few: nothing was taken from anybody.
  if (point.domain === "recycled" && epoch() === before) return undefined;
  const totals = found.map((s) => s.save + s.switch + s.restore);
  return rowOf(lab, point, totals);
}

function rowOf(lab: Lab, point: Point, cycles: readonly number[]): ScaleRow {
  const { fclk } = lab.board.clock;
  const vms = lab.summary().vms.length;
  return {
    bench: "scale",
    ...point,
    vms,
    ...timedRow(cycles, fclk, fidelityOf(lab)),
    mean_ns: mean(cycles) * 1e9 / fclk,
  };
}

/** The recovery of a guest of this size after it has written to one page. */
async function measureRecovery(
  guests: SwitchGuests,
  point: Point,
  setting: BenchSetting,
): Promise<ScaleRow> {
  const strategy = point.strategy as Exclude<BackupStrategy, "off">;
  const found = await benchRecovery(guests, {
    ...setting,
    units: ["guest"],
    resumes: ["immediate"],
    checksums: [false],
    pages: [1],
    strategies: [strategy],
    region: point.value / PAGE,
    samples: 5,
  });
  const row = found.find(({ part }) => part === "total") as RecoveryRow;
  const { count, cycles, ns, fidelity, mean_ns } = row;
  return { bench: "scale", ...point, vms: 1, count, cycles, ns, fidelity, mean_ns };
}

async function scaleLab(
  { sweep, relay }: SwitchGuests,
  { axis, value, domain, strategy }: Point,
  setting: BenchSetting,
): Promise<Lab> {
  const options = { backup: strategy, period: 0, sdramMB: 128 } as const;
  if (axis === "tasks") {
    // No more than fit in a slot: the others are in other VMs, whose turns come in between.
    const guests: GuestSpec[] = [];
    for (let left = value; left > 0; left -= TASKS_A_VM) {
      const count = Math.min(TASKS_A_VM, left);
      const ring = domain === "resident" ? Math.min(2, count) : count;
      const arg = `${count} 1 0 ${ring}`;
      guests.push({ name: `relay${guests.length}`, image: relay, arg });
    }
    return await benchLab({ ...options, guests }, setting);
  }
  const region = axis === "region" ? value / PAGE : GUEST_REGION;
  const image = resized(sweep, region);
  const count = axis === "vms" ? value : 2;
  const guests = Array.from(
    { length: count },
    (_, i) => ({ name: `vm${i + 1}`, image, arg: `1 0 0 0 ${region}` }),
  );
  const lab = await benchLab({ ...options, guests, slice: "1ms" }, setting);
  setTick(lab, TURN_NS);
  if (domain === "resident" && axis === "vms") {
    // All but the first two wait for ever: they have been stopped before their first turn.
    for (const { name } of guests.slice(2)) {
      lab.vmm.request(() => lab.vmm.stopVm(lab.vmRecord(name)));
    }
  }
  return lab;
}

function collect(
  lab: Lab,
  point: Point,
  samples: number,
  epoch: () => number,
): { found: SwitchMeter["samples"]; before: number } {
  // Every VM has run before, and some checkpoints of each have been taken.
  lab.runAll({ for: 3e6 + 4 * TURN_NS * lab.summary().vms.length });
  const meter = new SwitchMeter(lab, point.axis === "tasks" ? "task" : "vm");
  const until = lab.time + LIMIT_NS;
  const before = epoch();
  const warmUp = samples < WARM_UP ? 2 : WARM_UP;
  while (meter.samples.length < samples + warmUp) {
    lab.runAll({ for: "1ms" });
    if (lab.time > until || lab.stopped) throw new InputError("guests", "they do not switch");
  }
  meter.stop();
  return { found: meter.samples.slice(warmUp, warmUp + samples), before };
}

function linesOf(rows: readonly ScaleRow[]): ScaleLine[] {
  const groups = new Map<string, ScaleRow[]>();
  for (const row of rows) {
    const key = [row.axis, row.measure, row.domain, row.strategy].join();
    groups.set(key, [...groups.get(key) ?? [], row]);
  }
  return [...groups.values()].map((group) => {
    const { axis, measure, domain, strategy } = group[0];
    const x = group.map(({ value }) => axis === "region" ? value / 1024 : value);
    const y = group.map(({ ns }) => ns.median);
    const { slope, start } = fitLine(x, y);
    const range = Math.max(...y) - Math.min(...y);
    return {
      bench: "scale",
      axis,
      measure,
      domain,
      strategy,
      slope_ns: slope,
      start_ns: start,
      range_ns: range,
      constant: range <= CONSTANT * Math.min(...y),
    };
  });
}

/** The straight line with the least squares. */
export function fitLine(
  x: readonly number[],
  y: readonly number[],
): { slope: number; start: number } {
  const [mx, my] = [mean(x), mean(y)];
  const sxx = x.reduce((sum, value) => sum + (value - mx) ** 2, 0);
  const sxy = x.reduce((sum, value, i) => sum + (value - mx) * (y[i] - my), 0);
  const slope = sxx === 0 ? 0 : sxy / sxx;
  return { slope, start: my - slope * mx };
}
