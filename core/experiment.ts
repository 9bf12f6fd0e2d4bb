/**
 * One experiment: the run with a fault, held against the golden run. It branches from the golden run
 * where the fault strikes and ends as soon as the golden run is reached again; or it runs from reset to
 * the end, which must come to the same.
 *
 * @module
 */

import type { Fault, Strike } from "./fault.ts";
import { ArmedFault } from "./fault_trigger.ts";
import { FORK_WORDS, sdramWords } from "./fork.ts";
import type { GoldenRun, Look, Reference } from "./golden.ts";
import { Hash64 } from "./hash.ts";
import type { Lab } from "./lab.ts";
import { countingWords, differences, guestsDiffer, sameMeaning } from "./memory_diff.ts";
import { joinObservations, type Observation, Observer, partOf } from "./observe.ts";
import { type EndState, judge, type Judgement, type OutputJudge } from "./outcome.ts";
import { type CallCounts, callCounts, endState } from "./run_end.ts";
import { Signature, tlbsAgree } from "./signature.ts";
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
  /** Nothing was changed. */
  | "nothing"
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

/** Most words that may differ for a search for their meaning. */
const MOST_DIFFERENCES = 4096;
/** Most looks between two comparisons of memory. */
const MOST_WAIT = 64;

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
  const { lab, plan } = golden;
  const { clock } = lab.board;
  const first = golden.look(golden.firstLook).now;
  golden.seek(Math.min(plan.end, Math.max(first, clock.cycleAt(spec.fault.time))));
  const branch = golden.branch();
  const start = clock.now;
  const observer = new Observer(lab.recorder, () => lab.time);
  const armed = new ArmedFault(lab, spec.vm, spec.fault);
  const shadow = new ShadowTape(golden);
  try {
    const run = follow(golden, armed, shadow, rules.earlyStop ?? true);
    armed.disarm();
    observer.stop();
    const before = partOf(golden.observation, -Infinity, clock.ns(start));
    const parts: Observation[] = [before, observer];
    if (run.back !== undefined) {
      parts.push(partOf(golden.observation, clock.ns(run.back.now), golden.endNs));
    }
    const observed = joinObservations(parts);
    const differs = run.back === undefined && !lab.stopped &&
      guestsDiffer(sdramWords(lab), golden.shadow);
    return conclude(golden, spec.vm, rules, {
      strike: armed.strike!,
      observed,
      end: run.end,
      differs,
      ended: run.ended,
      simulated: clock.now - start,
      lab,
    });
  } finally {
    armed.disarm();
    observer.stop();
    shadow.undo();
    golden.back(branch);
  }
}

/** Applies the golden run's changes to its shadow, and takes them back. */
class ShadowTape {
  /** Pages that the golden run has changed. */
  readonly pages: Set<number> = new Set();
  readonly #golden: GoldenRun;
  readonly #old: number[] = [];

  constructor(golden: GoldenRun) {
    this.#golden = golden;
  }

  /** Goes on to the state of the next look. */
  advance({ changes }: Look): void {
    const { shadow } = this.#golden;
    for (let i = 0; i < changes.length; i += 2) {
      const index = changes[i];
      this.#old.push(index, shadow[index]);
      shadow[index] = changes[i + 1];
      this.pages.add(Math.floor(index / FORK_WORDS));
    }
  }

  /** Back to where it was. */
  undo(): void {
    const { shadow } = this.#golden;
    for (let i = this.#old.length - 2; i >= 0; i -= 2) shadow[this.#old[i]] = this.#old[i + 1];
    this.#old.length = 0;
  }
}

/** How far an experiment went. */
interface Followed {
  readonly ended: ExperimentEnd;
  /** The look at which it had come back to the golden run. */
  readonly back: Look | undefined;
  readonly end: EndState;
}

function follow(
  golden: GoldenRun,
  armed: ArmedFault,
  tape: ShadowTape,
  earlyStop: boolean,
): Followed {
  const { lab, plan } = golden;
  const last = plan.end / plan.look;
  let before: CallCounts | undefined;
  let wait = 0;
  let fails = 0;
  if (golden.lookNumber * plan.look >= plan.lastStretch) {
    before = golden.look(plan.lastStretch / plan.look).counts;
  }
  for (let number = golden.lookNumber + 1; number <= last; number++) {
    armed.run(number * plan.look);
    if (lab.stopped) return { ended: "stopped", back: undefined, end: endState(lab, new Map()) };
    const look = golden.look(number);
    tape.advance(look);
    if (number * plan.look === plan.lastStretch) before = callCounts(lab);
    if (!earlyStop || !armed.done || --wait > 0 || !look.tlbs) continue;
    if (!look.signature.isOf(lab)) continue;
    if (isBack(golden, tape)) {
      return { ended: "golden", back: look, end: endOf(golden, look, before) };
    }
    wait = Math.min(MOST_WAIT, 2 ** fails++);
  }
  return { ended: "end", back: undefined, end: endState(lab, before ?? new Map()) };
}

/** The end of an experiment that is back on the golden run. */
function endOf(golden: GoldenRun, look: Look, before: CallCounts | undefined): EndState {
  if (before === undefined || look.counts === undefined) return golden.end;
  const now = golden.look(golden.plan.end / golden.plan.look).counts!;
  return endState(golden.lab, before, { end: golden.end, now, then: look.counts });
}

/** True when the memory holds what the golden run's does, but for what means nothing. */
function isBack(golden: GoldenRun, tape: ShadowTape): boolean {
  const { lab, shadow, touched } = golden;
  const memory = sdramWords(lab);
  const pages = new Set([...tape.pages, ...touched.list]);
  const found = differences(memory, shadow, pages, MOST_DIFFERENCES);
  if (found.length > MOST_DIFFERENCES) return false;
  if (found.length > 0) {
    const counting = countingWords(shadow);
    const same = sameMeaning(memory, shadow);
    if (!found.every((index) => counting.has(index) || same.has(index))) return false;
  }
  return tlbsAgree(lab) && Signature.stillDevices(lab) === golden.stillDevices;
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
    hash: hashOf(observed, end),
  };
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
  for (const [name, vm] of end.vms) {
    const tasks = [...vm.tasks].map(([task, { state, calls }]) => [task, state, calls]);
    hash.updateText(JSON.stringify([name, vm.state, vm.calls, tasks]));
  }
  return hash.hex();
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
