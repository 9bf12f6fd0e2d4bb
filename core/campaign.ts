/**
 * One-shot fault injection: the same run with and without a fault, and what became of it.
 *
 * @module
 */

import { type ExperimentResult, runWhole } from "./experiment.ts";
import type { Fault } from "./fault.ts";
import { referenceRun, type RunPlan } from "./golden.ts";
import { Lab, type LabOptions } from "./lab.ts";
import { DEFAULT_OUTPUT, judgeBy, type Outcome } from "./outcome.ts";
import type { InjectEvent, SummaryEvent, TraceEvent } from "./trace.ts";

/** Result of one experiment. */
export interface FaultResult {
  /** The fault struck. */
  fired: boolean;
  /** Class of what became of it; the rules are in `OUTCOMES`. */
  outcome: Outcome;
  /** In words. */
  detail: string;
  /** All that it was judged by. */
  result: ExperimentResult;
  /** The run without the fault. */
  golden: SummaryEvent;
  /** The run with it. */
  faulty: SummaryEvent;
  /** Faults, recoveries, injections and state changes of the faulty run. */
  events: TraceEvent[];
}

const KEPT: ReadonlySet<string> = new Set(["inject", "fault", "recovery", "vm", "post-mortem"]);
/** Part of the run in which progress is looked for: the last of so many. */
const STRETCHES = 4;

/**
 * The times of runs of a length.
 *
 * @param end End, cycles of board time.
 * @param lateness Output that is later by more is late, cycles.
 * @param look The times are multiples of so many cycles.
 */
export function runPlan(end: number, lateness: number, look = 1): RunPlan {
  const up = (cycles: number) => Math.ceil(cycles / look) * look;
  return { end: up(end), lastStretch: up(end - end / STRETCHES), surplus: up(lateness) };
}

/**
 * Runs a laboratory twice for `forNs` nanoseconds, the second time with a fault, and classes the
 * difference.
 *
 * @param options The laboratory.
 * @param vm Name of the guest that the fault is aimed at.
 * @param fault The fault.
 * @param forNs Board time to run, ns.
 * @throws {InputError} On bad options, or when the run without the fault stops the system.
 */
export async function runFault(
  options: LabOptions,
  vm: string,
  fault: Fault,
  forNs: number,
): Promise<FaultResult> {
  const first = await Lab.create(options);
  const { clock } = first.board;
  const lateness = DEFAULT_OUTPUT.late;
  const plan = runPlan(clock.cycleAt(forNs), Math.ceil(lateness * clock.fclk / 1e9));
  let golden: SummaryEvent | undefined;
  const reference = referenceRun(first, plan, () => golden = first.summary());
  first[Symbol.dispose]();
  const second = await Lab.create(options);
  const rules = { output: judgeBy(DEFAULT_OUTPUT), lateness };
  const result = runWhole(reference, second, { vm, fault }, rules);
  const events = second.recorder.take().filter((event) => KEPT.has(event.type));
  if (result.fired) {
    const { detail, struckAt } = result;
    const inject: InjectEvent = { type: "inject", t: struckAt, vm, fault: fault.text, detail };
    const after = events.findIndex((event) => event.t > struckAt);
    events.splice(after < 0 ? events.length : after, 0, inject);
  }
  const { fired, outcome, detail } = result;
  const faulty = second.summary();
  second[Symbol.dispose]();
  return { fired, outcome, detail, result, golden: golden!, faulty, events };
}
