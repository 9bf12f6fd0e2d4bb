/**
 * A run with a fault beside the golden run: how far it goes until it is back, or until all that is
 * left of the fault are words that nobody looks at.
 *
 * @module
 */

import type { Strike } from "./fault.ts";
import type { ArmedFault } from "./fault_trigger.ts";
import { FORK_WORDS, sdramWords } from "./fork.ts";
import type { GoldenRun, Look } from "./golden.ts";
import type { Lab } from "./lab.ts";
import { countingWords, differences, scratchWords } from "./memory_diff.ts";
import {
  type Observation,
  Observer,
  partOf,
  sameObservation,
  type VmObservation,
} from "./observe.ts";
import type { EndState } from "./outcome.ts";
import { type CallCounts, callCounts, endState } from "./run_end.ts";
import { tlbsAgree, walkedWords } from "./signature.ts";

/** Words of SDRAM that are not the golden run's: index to value. */
export type Difference = ReadonlyMap<number, number>;

/** What the golden run did after one board time and until another, ns. */
export interface Stretch {
  /** What happened at this time or before is left out. */
  readonly after: number;
  /** What happened after this time is left out. */
  readonly until: number;
}

/** What an experiment has left behind so far. */
export interface Trail {
  /** What was observed of it up to {@linkcode since}: by itself, or on the golden run. */
  readonly parts: (Observation | Stretch)[];
  /** Board time, ns, from which on it is on the golden run. */
  since: number;
  /** Calls at the start of the last stretch, as counted on the golden run. */
  before: CallCounts | undefined;
  /** Cycles simulated for it. */
  simulated: number;
  /** Look at which it became dormant last. */
  slept: number;
  /** How often it woke soon after it became dormant, less how often it did not. */
  restless: number;
  /** The strike. */
  strike: Strike | undefined;
}

/** How a stretch of an experiment ended. */
export interface Followed {
  /** "dormant": it is on the golden run but for a difference that may not matter. */
  readonly ended: "end" | "golden" | "stopped" | "dormant";
  /** The look at which it ended. */
  readonly look: number;
  /** The end of the run, unless it is dormant. */
  readonly end: EndState | undefined;
  /** What differs, when it is dormant. */
  readonly difference: Difference | undefined;
}

/** How an experiment is followed. */
export interface FollowRules {
  /** End when the golden run is reached again. */
  readonly earlyStop: boolean;
  /** Most words of a difference with which an experiment becomes dormant; 0: none does. */
  readonly dormant: number;
}

/** Most words that may differ for a search for their meaning. */
const MOST_DIFFERENCES = 4096;
/** Most looks between two comparisons of memory. */
const MOST_WAIT = 64;
/** Looks of sleep that were worth it. */
const WORTH = 8;

/** An experiment that has not begun: on the golden run, at a board time (ns). */
export function newTrail(now: number): Trail {
  return {
    parts: [{ after: -Infinity, until: now }],
    since: now,
    before: undefined,
    simulated: 0,
    slept: 0,
    restless: 0,
    strike: undefined,
  };
}

/** All that was observed of an experiment up to {@linkcode Trail.since}. */
export function observedOf(golden: GoldenRun, { parts }: Trail): Observation[] {
  return parts.map((part) =>
    "vms" in part ? part : partOf(golden.observation, part.after, part.until)
  );
}

/** What an observer would have heard of a part of the golden run: nothing of who was silent. */
function heardOf(golden: GoldenRun, after: number, until: number): Observation {
  const { vms, events } = partOf(golden.observation, after, until);
  const heard = new Map<string, VmObservation>();
  for (const [name, { lines, calls }] of vms) {
    const spoken = new Map([...lines].filter(([, stream]) => stream.length > 0));
    if (spoken.size > 0 || calls.length > 0) heard.set(name, { lines: spoken, calls });
  }
  return { vms: heard, events };
}

/** True when the rest of an experiment is the golden run's, as far as can be seen. */
export function isOnGolden({ ended }: Pick<Followed, "ended">): boolean {
  return ended === "golden" || ended === "dormant";
}

/** What happened from `after` to `until`, ns, is what the golden run has there. */
export function addStretch({ parts }: Trail, after: number, until: number): void {
  const last = parts.at(-1);
  if (last !== undefined && "until" in last && last.until === after) {
    parts[parts.length - 1] = { after: last.after, until };
  } else parts.push({ after, until });
}

/** A dormant experiment has been woken at a look. */
export function wakeUp(trail: Trail, look: number): void {
  trail.restless = Math.max(0, trail.restless + (look - trail.slept < WORTH ? 1 : -1));
}

/** Applies the golden run's changes to its shadow, and takes them back. */
export class ShadowTape {
  /** Pages that the golden run has changed. */
  readonly pages: Set<number> = new Set();
  readonly #golden: GoldenRun;
  readonly #old: number[] = [];

  /**
   * A tape at the golden run's present look.
   *
   * @param golden The golden run.
   */
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

/**
 * Runs an experiment from the present moment of the golden run's laboratory. The caller puts
 * laboratory and shadow back.
 *
 * @param golden The golden run; its laboratory is the experiment's now.
 * @param trail What it has left behind so far; is carried on.
 * @param armed Its fault; undefined when that has struck before.
 * @param tape Moves the golden run's shadow.
 */
export function follow(
  golden: GoldenRun,
  trail: Trail,
  armed: ArmedFault | undefined,
  tape: ShadowTape,
  rules: FollowRules,
): Followed {
  const { lab } = golden;
  const { clock } = lab.board;
  const observer = new Observer(lab.recorder, () => lab.time);
  const start = clock.now;
  try {
    const followed = run(golden, trail, armed, tape, rules);
    const until = clock.ns(golden.look(followed.look).now);
    const same = isOnGolden(followed) &&
      sameObservation(observer, heardOf(golden, trail.since, until));
    // Who wakes often would keep much of what the golden run has, too.
    if (same) addStretch(trail, trail.since, until);
    else trail.parts.push(observer);
    trail.since = until;
    return followed;
  } finally {
    trail.simulated += clock.now - start;
    observer.stop();
    armed?.disarm();
    if (armed?.strike !== undefined) trail.strike = armed.strike;
  }
}

function run(
  golden: GoldenRun,
  trail: Trail,
  armed: ArmedFault | undefined,
  tape: ShadowTape,
  rules: FollowRules,
): Followed {
  const { lab, plan } = golden;
  const { board } = lab;
  const last = plan.end / plan.look;
  const lastStretch = plan.lastStretch / plan.look;
  const start = golden.lookNumber;
  // One that wakes soon again and again is given more time before it is dormant again.
  let patience = trail.restless === 0 ? 0 : Math.min(MOST_WAIT, 2 ** (trail.restless - 1));
  let wait = 0;
  let fails = 0;
  if (start >= lastStretch) trail.before ??= golden.look(lastStretch).counts;
  for (let number = start + 1; number <= last; number++) {
    const until = number * plan.look;
    if (armed !== undefined) armed.run(until);
    else while (board.clock.now < until && !lab.stopped) board.run(until);
    if (lab.stopped) {
      return {
        ended: "stopped",
        look: last,
        end: endState(lab, new Map()),
        difference: undefined,
      };
    }
    const look = golden.look(number);
    tape.advance(look);
    if (number === lastStretch) trail.before = callCounts(lab);
    patience--;
    if (!rules.earlyStop || armed?.done === false || --wait > 0 || !look.tlbs) continue;
    // A long step of the monitor may end later than in the golden run, in the same state otherwise.
    if (board.clock.now !== look.now || !look.signature.isOf(lab)) continue;
    const difference = differenceFrom(golden, tape);
    if (difference?.size === 0) {
      return { ended: "golden", look: number, end: endOnGolden(golden, look, trail), difference };
    }
    const small = difference !== undefined && difference.size <= rules.dormant;
    if (small && patience <= 0 && canSleep(lab, look, difference)) {
      settleCounts(golden, look, trail);
      trail.slept = number;
      return { ended: "dormant", look: number, end: undefined, difference };
    }
    wait = Math.min(MOST_WAIT, 2 ** fails++);
  }
  return {
    ended: "end",
    look: last,
    end: endState(lab, trail.before ?? new Map()),
    difference: undefined,
  };
}

/**
 * The first word of a page is looked at by the host itself now and then. Words of tables that stand in a
 * TLB are in use without being read: the TLBs of the two runs are not the same where such a word differs.
 */
function canSleep(lab: Lab, look: Look, difference: Difference): boolean {
  for (const index of difference.keys()) if (index % FORK_WORDS === 0) return false;
  for (const index of look.walked) if (difference.has(index)) return false;
  for (const index of walkedWords(lab)) if (difference.has(index)) return false;
  return true;
}

/**
 * The end of an experiment that is back on the golden run.
 *
 * @param look Where it came back; the laboratory is there.
 */
export function endOnGolden(golden: GoldenRun, look: Look, { before }: Trail): EndState {
  if (before === undefined || look.counts === undefined) return golden.end;
  const now = golden.look(golden.plan.end / golden.plan.look).counts!;
  return endState(golden.lab, before, { end: golden.end, now, then: look.counts });
}

/** Makes counts of the experiment's laboratory counts of the golden run. */
function settleCounts(golden: GoldenRun, look: Look, trail: Trail): void {
  if (trail.before === undefined || look.counts === undefined) return;
  const now = callCounts(golden.lab);
  trail.before = new Map(
    [...trail.before].map(([key, count]) => [
      key,
      count - (now.get(key) ?? 0) + (look.counts!.get(key) ?? 0),
    ]),
  );
}

/**
 * What the memory holds that the golden run's does not, without what means nothing.
 *
 * @returns Undefined when it is too much, or when more than memory differs.
 */
function differenceFrom(golden: GoldenRun, tape: ShadowTape): Difference | undefined {
  const { lab, shadow, touched } = golden;
  const memory = sdramWords(lab);
  const pages = new Set([...tape.pages, ...touched.list]);
  const found = differences(memory, shadow, pages, MOST_DIFFERENCES);
  if (found.length > MOST_DIFFERENCES) return undefined;
  const difference = new Map(found.map((index) => [index, memory[index]]));
  if (found.length > 0) {
    for (const index of countingWords(shadow)) difference.delete(index);
    for (const index of scratchWords()) difference.delete(index);
  }
  if (!golden.devicesStill || !tlbsAgree(lab)) return undefined;
  return difference;
}
