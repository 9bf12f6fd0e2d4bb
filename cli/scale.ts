/**
 * Plans campaigns that are larger than one machine from what a smaller one measured.
 *
 * @module
 */

import { InputError } from "../mod.ts";
import { QUEUE_RANGE } from "./campaign_spec.ts";
import { mergeStores, Store } from "./store.ts";

/** What is to be run, and on what. */
export interface ScaleOptions {
  /** Experiments. */
  readonly experiments: number;
  /** Cores. */
  readonly cores: number;
  /** Longest time of a job, hours. */
  readonly hours: number;
}

/** What the smaller campaign measured. */
export interface Measured {
  /** Experiments in it. */
  readonly experiments: number;
  /** Experiments a second of a worker, golden runs included. */
  readonly rate_per_core: number;
  /** Bytes of the store for an experiment. */
  readonly bytes_per_row: number;
  /** Experiments a second that are merged on one core. */
  readonly merge_per_s: number;
  /** Experiments a second that a report takes in on one core. */
  readonly read_per_s: number;
}

/** A plan. */
export interface ScalePlan {
  /** What it rests on. */
  readonly measured: Measured;
  /** Experiments. */
  readonly experiments: number;
  /** Cores. */
  readonly cores: number;
  /** Core hours. */
  readonly core_hours: number;
  /** Hours by the clock on these cores. */
  readonly hours: number;
  /** Parts of one core each that fit into the longest time of a job. */
  readonly shards: number;
  /** Experiments of a part. */
  readonly shard_experiments: number;
  /** Bytes of a part's store. */
  readonly shard_bytes: number;
  /** Bytes of all stores, and once more for the merged one. */
  readonly bytes: number;
  /** Hours to merge, on one core. */
  readonly merge_hours: number;
  /** Hours of a report, on one core. */
  readonly report_hours: number;
  /** Ranges of the queue. */
  readonly ranges: number;
  /** Experiments a second that the queue takes in with all cores at work. */
  readonly queue_per_s: number;
}

/**
 * Measures a store: its rate as it was run, its size, and how fast it is read and merged.
 *
 * @param path The store.
 * @param scratch A file that may be made, and is removed.
 */
export function measureStore(path: string, scratch: string): Measured {
  let rate = 0;
  let experiments = 0;
  let read = 0;
  {
    using store = Store.open(path, "read");
    const sessions = store.sessions();
    const work = sessions.reduce((sum, { seconds, workers }) => sum + seconds * workers, 0);
    const timed = sessions.reduce((sum, session) => sum + session.experiments, 0);
    if (work === 0 || timed === 0) {
      throw new InputError(path, "holds no measured rate", "allowed: a store that has been run");
    }
    rate = timed / work;
    const start = performance.now();
    for (const _ of store.rows()) experiments++;
    read = experiments / Math.max(1e-6, (performance.now() - start) / 1000);
  }
  const start = performance.now();
  let merged = 0;
  let bytes = 0;
  try {
    mergeStores(scratch, [path]);
    merged = experiments / Math.max(1e-6, (performance.now() - start) / 1000);
    bytes = Deno.statSync(scratch).size;
  } finally {
    removeStore(scratch);
  }
  return {
    experiments,
    rate_per_core: rate,
    bytes_per_row: bytes / experiments,
    merge_per_s: merged,
    read_per_s: read,
  };
}

/** Removes a store, with what SQLite left beside it. */
function removeStore(path: string): void {
  for (const suffix of ["", "-journal"]) {
    try {
      Deno.removeSync(path + suffix);
    } catch {
      // It was not there.
    }
  }
}

/** Plans a campaign. */
export function planScale(measured: Measured, options: ScaleOptions): ScalePlan {
  const { experiments, cores, hours } = options;
  const { rate_per_core, bytes_per_row, merge_per_s, read_per_s } = measured;
  const seconds = experiments / rate_per_core;
  const shards = Math.max(1, Math.ceil(seconds / (hours * 3600)));
  return {
    measured,
    experiments,
    cores,
    core_hours: seconds / 3600,
    hours: seconds / 3600 / cores,
    shards,
    shard_experiments: Math.ceil(experiments / shards),
    shard_bytes: experiments / shards * bytes_per_row,
    bytes: experiments * bytes_per_row,
    merge_hours: experiments / merge_per_s / 3600,
    report_hours: experiments / read_per_s / 3600,
    ranges: Math.ceil(experiments / QUEUE_RANGE),
    queue_per_s: rate_per_core * cores,
  };
}

/** Bytes in words. */
export function bytesText(bytes: number): string {
  const units = ["bytes", "KB", "MB", "GB", "TB", "PB"];
  let unit = 0;
  let value = bytes;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${value.toPrecision(3)} ${units[unit]}`;
}

/** Hours in words. */
export function hoursText(hours: number): string {
  if (hours >= 48) return `${(hours / 24).toPrecision(3)} days`;
  if (hours >= 1) return `${hours.toPrecision(3)} hours`;
  if (hours >= 1 / 60) return `${(hours * 60).toPrecision(3)} minutes`;
  return `${(hours * 3600).toPrecision(3)} seconds`;
}

/** A plan as rows: what, and how much. */
export function scaleRows(plan: ScalePlan): [what: string, much: string][] {
  const { measured } = plan;
  const count = (value: number) => Math.round(value).toLocaleString("en-US");
  return [
    [
      "measured: experiments a second and core",
      `${measured.rate_per_core.toFixed(1)} (over ${count(measured.experiments)})`,
    ],
    ["measured: store, an experiment", bytesText(measured.bytes_per_row)],
    ["measured: merged a second, one core", count(measured.merge_per_s)],
    ["measured: read for a report a second, one core", count(measured.read_per_s)],
    ["experiments", count(plan.experiments)],
    ["core hours", count(plan.core_hours)],
    [`time on ${count(plan.cores)} cores`, hoursText(plan.hours)],
    ["shards of one core each", count(plan.shards)],
    ["experiments of a shard", count(plan.shard_experiments)],
    ["store of a shard", bytesText(plan.shard_bytes)],
    ["all stores; as much again when merged", bytesText(plan.bytes)],
    ["time to merge them, one core", hoursText(plan.merge_hours)],
    ["time of a report, one core", hoursText(plan.report_hours)],
    [`ranges of ${QUEUE_RANGE} in the queue`, count(plan.ranges)],
    ["experiments a second through the queue", count(plan.queue_per_s)],
  ];
}
