/**
 * One experiment: the run with a fault, held against the golden run. It branches from the golden run
 * where the fault strikes and ends as soon as the golden run is reached again; or it runs from reset to
 * the end, which must come to the same.
 *
 * @module
 */

import type { Fault, Strike } from "./fault.ts";
import { ArmedFault } from "./fault_trigger.ts";
import {
  addStretch,
  follow,
  type Followed,
  isOnGolden,
  newTrail,
  observedOf,
  ShadowTape,
  type Trail,
} from "./follow.ts";
import { sdramWords } from "./fork.ts";
import type { GoldenRun, Reference } from "./golden.ts";
import { Hash64 } from "./hash.ts";
import type { Lab } from "./lab.ts";
import { guestsDiffer } from "./memory_diff.ts";
import {
  joinObservations,
  type Observation,
  Observer,
  partOf,
  sameObservation,
} from "./observe.ts";
import { type EndState, judge, type Judgement, type OutputJudge } from "./outcome.ts";
import { callCounts, endState } from "./run_end.ts";
import type { FaultClass } from "./trace.ts";

/** What an experiment is. */
export interface ExperimentSpec {
  /** Name of the guest that the fault is aimed at. */
  readonly vm: string;
  /** The fault. */
  readonly fault: Fault;
}

/** How experiments are judged and run. */
export interface ExperimentRules {
  /** Judges the output of the struck guest. */
  readonly output: OutputJudge;
  /** Output that is later by more is late, ns. */
  readonly lateness: number;
  /** End an experiment when it has come back to the golden run; default true. */
  readonly earlyStop?: boolean;
}

/** How an experiment ended. */
export type ExperimentEnd =
  /** At the end of its board time. */
  | "end"
  /** It had come back to the golden run. */
  | "golden"
  /** All that was left of the fault were words that nobody looked at any more. */
  | "dormant"
  /** The monitor stopped the system. */
  | "stopped";

/** What came of an experiment. */
export interface ExperimentResult extends Judgement {
  /** The fault struck. */
  readonly fired: boolean;
  /** Value before and after, or why it did not strike. */
  readonly detail: string;
  /** Whose state was struck. */
  readonly party: FaultClass;
  /** The task struck, `""` where it is none. */
  readonly task: string;
  /** Board time of the strike, ns; -1 when it did not strike. */
  readonly struckAt: number;
  /** How it ended. */
  readonly ended: ExperimentEnd;
  /** Board time simulated for it, cycles. */
  readonly simulated: number;
  /** Hash of output, calls, errors, recoveries and of the end, times included. */
  readonly hash: string;
}

/**
 * Runs an experiment as a branch of a golden run, which is put back afterwards.
 *
 * @param golden The golden run; experiments in the order of their times are the fastest.
 * @param spec What is run; a time before the first look counts as that of the first look.
 */
export function runBranch(
  golden: GoldenRun,
  spec: ExperimentSpec,
  rules: ExperimentRules,
): ExperimentResult {
  const { lab } = golden;
  golden.seek(strikeCycle(golden, spec));
  const branch = golden.branch();
  const trail = newTrail(lab.time);
  const tape = new ShadowTape(golden);
  try {
    const armed = new ArmedFault(lab, spec.vm, spec.fault);
    const followed = follow(golden, trail, armed, tape, {
      earlyStop: rules.earlyStop ?? true,
      dormant: 0,
    });
    return finish(golden, spec.vm, rules, trail, followed);
  } finally {
    tape.undo();
    golden.back(branch);
  }
}

/** Board time, cycles, at which a fault is armed: inside the golden run. */
export function strikeCycle(golden: GoldenRun, { fault }: ExperimentSpec): number {
  const { lab, plan, firstLook } = golden;
  const first = golden.look(firstLook).now;
  return Math.min(plan.end, Math.max(first, lab.board.clock.cycleAt(fault.time)));
}

/**
 * Judges an experiment at its end, while the laboratory and the golden run's shadow are as it left
 * them.
 */
export function finish(
  golden: GoldenRun,
  vm: string,
  rules: ExperimentRules,
  trail: Trail,
  { ended, end }: Followed,
): ExperimentResult {
  const { lab } = golden;
  if (isOnGolden({ ended })) addStretch(trail, trail.since, golden.endNs);
  const left = ended === "end" || ended === "dormant";
  const differs = left && guestsDiffer(sdramWords(lab), golden.shadow);
  return conclude(golden, vm, rules, {
    strike: trail.strike!,
    observed: joinObservations(observedOf(golden, trail)),
    end: end!,
    differs,
    ended,
    simulated: trail.simulated,
    lab,
  });
}

/** What is known at the end of an experiment. */
interface Finished {
  readonly strike: Strike;
  readonly observed: Observation;
  readonly end: EndState;
  readonly differs: boolean;
  readonly ended: ExperimentEnd;
  readonly simulated: number;
  readonly lab: Lab;
}

function conclude(
  golden: Reference,
  vm: string,
  rules: ExperimentRules,
  finished: Finished,
): ExperimentResult {
  const { strike, observed, end, differs, lab } = finished;
  const struckAt = strike.fired ? lab.board.clock.ns(strike.cycle) : -1;
  const judgement = judge({
    vm,
    fired: strike.fired,
    changed: strike.changed,
    struckAt,
    end: golden.endNs,
    lateness: rules.lateness,
    golden: { observed: golden.observation, end: golden.end },
    faulty: { observed, end },
    differs,
  }, rules.output);
  return {
    ...judgement,
    fired: strike.fired,
    detail: strike.detail,
    party: strike.party,
    task: strike.task,
    struckAt,
    ended: finished.ended,
    simulated: finished.simulated,
    hash: hashFor(golden, observed, end),
  };
}

/** What a golden run itself comes to. */
interface Sameness {
  readonly observed: Observation;
  readonly hash: string;
}

const SAMENESS: WeakMap<Reference, Sameness> = new WeakMap();

/** {@linkcode hashOf}, known beforehand when all is as without the fault: that is what most come to. */
function hashFor(golden: Reference, observed: Observation, end: EndState): string {
  let same = SAMENESS.get(golden);
  if (same === undefined) {
    const all = partOf(golden.observation, -Infinity, golden.endNs);
    SAMENESS.set(golden, same = { observed: all, hash: hashOf(all, golden.end) });
  }
  const known = endTexts(end).join() === endTexts(golden.end).join() &&
    sameObservation(observed, same.observed);
  return known ? same.hash : hashOf(observed, end);
}

/** Hash of all that was observed, and of the end. */
function hashOf(observed: Observation, end: EndState): string {
  const hash = new Hash64();
  const names = [...observed.vms.keys()].sort();
  for (const name of names) {
    const { lines, calls } = observed.vms.get(name)!;
    hash.updateText(name);
    for (const task of [...lines.keys()].sort()) {
      const stream = lines.get(task)!;
      if (stream.length === 0) continue;
      hash.updateText(task);
      for (const { t, text } of stream) hash.updateText(`${t} ${text}`);
    }
    for (const { t, text } of calls) hash.updateText(`${t} ${text}`);
  }
  for (const event of observed.events) hash.updateText(JSON.stringify(event));
  for (const text of endTexts(end)) hash.updateText(text);
  return hash.hex();
}

/** The end as texts, a VM each. */
function endTexts({ vms }: EndState): string[] {
  return [...vms].map(([name, vm]) => {
    const tasks = [...vm.tasks].map(([task, { state, calls }]) => [task, state, calls]);
    return JSON.stringify([name, vm.state, vm.calls, tasks]);
  });
}

/**
 * Runs an experiment on a laboratory of its own, from its start to the end of board time: no branch
 * and no early stop. Class and hash are those of {@linkcode runBranch}.
 *
 * @param golden The run without the fault, of the same laboratory options.
 * @param lab A laboratory of these options fresh from its start.
 */
export function runWhole(
  golden: Reference,
  lab: Lab,
  spec: ExperimentSpec,
  rules: ExperimentRules,
): ExperimentResult {
  const { plan, endNs } = golden;
  const { clock } = lab.board;
  const start = clock.now;
  const observer = new Observer(lab.recorder, () => lab.time);
  const armed = new ArmedFault(lab, spec.vm, spec.fault);
  armed.run(plan.lastStretch);
  const before = callCounts(lab);
  armed.run(plan.end);
  armed.disarm();
  observer.stop();
  return conclude(golden, spec.vm, rules, {
    strike: armed.strike!,
    observed: partOf(observer, -Infinity, lab.stopped ? Infinity : endNs),
    end: endState(lab, lab.stopped ? new Map() : before),
    differs: !lab.stopped && guestsDiffer(sdramWords(lab), golden.endMemory),
    ended: lab.stopped ? "stopped" : "end",
    simulated: clock.now - start,
    lab,
  });
}

/**
 * Runs a guest whose image has a bug, chosen by its boot argument, and judges it against the run
 * without. A bug comes back after every rollback: that is another question than a transient fault.
 *
 * @param golden The run without the bug.
 * @param lab A laboratory with the bug fresh from its start.
 * @param vm Name of the guest with the bug.
 */
export function runPlanted(
  golden: Reference,
  lab: Lab,
  vm: string,
  rules: ExperimentRules,
): ExperimentResult {
  const { plan, endNs } = golden;
  const { board } = lab;
  const start = board.clock.now;
  const observer = new Observer(lab.recorder, () => lab.time);
  const run = (until: number) => {
    while (board.clock.now < until && !lab.stopped) board.run(until);
  };
  run(plan.lastStretch);
  const before = callCounts(lab);
  run(plan.end);
  observer.stop();
  const error = observer.events.find((event) => event.type === "fault" && event.vm === vm);
  const party = error?.type === "fault" ? error.class : "task";
  return conclude(golden, vm, rules, {
    strike: {
      fired: true,
      changed: true,
      detail: "planted bug",
      party,
      task: error?.type === "fault" ? error.task ?? "" : "",
      pa: -1,
      cycle: start,
    },
    observed: partOf(observer, -Infinity, lab.stopped ? Infinity : endNs),
    end: endState(lab, lab.stopped ? new Map() : before),
    differs: !lab.stopped && guestsDiffer(sdramWords(lab), golden.endMemory),
    ended: lab.stopped ? "stopped" : "end",
    simulated: board.clock.now - start,
    lab,
  });
}
