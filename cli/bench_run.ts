/**
 * Runs measurements: one here, or the whole set on workers.
 *
 * @module
 */

import { InputError } from "../mod.ts";
import { measureCalibrate } from "./bench_calibrate.ts";
import { measureCall } from "./bench_call.ts";
import { measureCow } from "./bench_cow.ts";
import { measureCpuSection } from "./bench_cpu.ts";
import { measureGoals } from "./bench_goals.ts";
import { measureLoss, measureOverhead } from "./bench_overhead.ts";
import { measurePeriod } from "./bench_period.ts";
import { measureRecovery } from "./bench_recovery.ts";
import { measureScale } from "./bench_scale.ts";
import {
  BENCH_SET,
  type BenchName,
  type BenchOptions,
  type BenchSection,
  type OnStep,
} from "./bench_section.ts";
import { sensitivitySection } from "./bench_sensitivity.ts";
import { measureSwitch } from "./bench_switch.ts";

const MEASURE: Readonly<
  Record<BenchName, (options: BenchOptions, onStep: OnStep) => Promise<BenchSection>>
> = {
  switch: (options, onStep) => measureSwitch("switch", options, onStep),
  task: (options, onStep) => measureSwitch("task", options, onStep),
  period: measurePeriod,
  call: measureCall,
  recovery: measureRecovery,
  scale: measureScale,
  cow: measureCow,
  overhead: measureOverhead,
  loss: measureLoss,
  cpu: measureCpuSection,
  calibrate: measureCalibrate,
  sensitivity: sensitivitySection,
  goals: measureGoals,
};

/**
 * Makes one measurement.
 *
 * @throws {InputError} On bad options.
 */
export function runBench(
  name: BenchName,
  options: BenchOptions,
  onStep: OnStep = () => {},
): Promise<BenchSection> {
  return MEASURE[name](options, onStep);
}

/** What a worker of {@linkcode runBenches} is told. */
export interface BenchJob {
  /** The measurement. */
  readonly name: BenchName;
  /** Its options. */
  readonly options: BenchOptions;
}

/** What it tells. */
export type BenchNews =
  | { readonly type: "step"; readonly name: BenchName; readonly done: number; readonly of: number }
  | { readonly type: "section"; readonly section: BenchSection }
  | { readonly type: "refused"; readonly where: string; readonly what: string }
  | { readonly type: "failed"; readonly message: string };

/** Share of each measurement in the whole set's time, the longest first: how the work is dealt out. */
const WEIGHTS: Readonly<Record<BenchName, number>> = {
  scale: 24,
  recovery: 17,
  switch: 15,
  cow: 12,
  task: 8,
  period: 8,
  loss: 8,
  overhead: 6,
  cpu: 6,
  call: 1,
  calibrate: 5,
  sensitivity: 20,
  goals: 8,
};

/** Told how far the whole set is, from 0 to 1, and what is being measured. */
export type OnShare = (share: number, names: readonly BenchName[]) => void;

/**
 * Makes all measurements, on workers that share them; that of the host's speed comes last and alone.
 *
 * @param options Options of all of them.
 * @param workers How many.
 * @param onShare Told how far it is.
 * @returns The sections in their order.
 * @throws {InputError} On bad options.
 */
export async function runBenches(
  options: BenchOptions,
  workers: number,
  onShare: OnShare,
  names: readonly BenchName[] = BENCH_SET,
): Promise<BenchSection[]> {
  const shares = new Map<BenchName, number>(names.map((name) => [name, 0]));
  const running = new Set<BenchName>();
  const all = names.reduce((sum, name) => sum + WEIGHTS[name], 0);
  const tell = () => {
    let sum = 0;
    for (const [name, share] of shares) sum += WEIGHTS[name] * share;
    onShare(sum / all, [...running]);
  };
  const sections = new Map<BenchName, BenchSection>();
  const waiting = names.filter((name) => name !== "cpu").sort((a, b) => WEIGHTS[b] - WEIGHTS[a]);
  const take = async (): Promise<void> => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      running.add(name);
      tell();
      const which = name;
      const section = await onWorker({ name, options }, (done, of) => {
        shares.set(which, done / of);
        tell();
      });
      sections.set(name, section);
      shares.set(name, 1);
      running.delete(name);
    }
  };
  await Promise.all(Array.from({ length: Math.min(workers, waiting.length) }, take));
  if (names.includes("cpu")) {
    running.add("cpu");
    tell();
    sections.set(
      "cpu",
      await runBench("cpu", options, (done, of) => {
        shares.set("cpu", done / of);
        tell();
      }),
    );
  }
  return names.map((name) => sections.get(name)!);
}

/** Makes a measurement on a worker of its own. */
function onWorker(job: BenchJob, onStep: OnStep): Promise<BenchSection> {
  const worker = new Worker(import.meta.resolve("./bench_worker.ts"), { type: "module" });
  return new Promise<BenchSection>((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<BenchNews>) => {
      switch (data.type) {
        case "step":
          return onStep(data.done, data.of);
        case "section":
          return resolve(data.section);
        case "refused":
          return reject(new InputError(data.where, data.what));
        case "failed":
          return reject(new Error(data.message));
      }
    };
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(event.message));
    };
    worker.postMessage(job);
  }).finally(() => worker.terminate());
}
