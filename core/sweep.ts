/**
 * Many experiments along one golden run: it is walked once, each experiment branches off where its
 * fault strikes, and one whose fault has left only words behind that nobody looks at lies *dormant*
 * until the golden run touches one of them.
 *
 * That is sound: as long as no word of the difference is read or written, both runs do the same. All
 * accesses to such words are seen (`sweep_watch`). An experiment whose word is touched goes on from the
 * look before.
 *
 * @module
 */

import {
  type ExperimentResult,
  type ExperimentRules,
  type ExperimentSpec,
  finish,
  strikeCycle,
} from "./experiment.ts";
import { noStrike } from "./fault.ts";
import { ArmedFault } from "./fault_trigger.ts";
import {
  addStretch,
  type Difference,
  endOnGolden,
  follow,
  type Followed,
  newTrail,
  ShadowTape,
  type Trail,
  wakeUp,
} from "./follow.ts";
import type { Branch, GoldenRun } from "./golden.ts";
import type { Lab } from "./lab.ts";
import { MAP } from "./layout.ts";
import { endState } from "./run_end.ts";
import { InstructionTriggers } from "./sweep_triggers.ts";
import { type Sleeper, Watch } from "./sweep_watch.ts";

/** Most words of a difference with which an experiment becomes dormant. */
const MOST_WORDS = 64;

/** An experiment to come: its place in the list, and the cycle at which its time has come. */
interface Task {
  readonly index: number;
  readonly cycle: number;
}

/** A result of a sweep. */
export interface SweepResult {
  /** Place of the experiment in the list. */
  readonly index: number;
  /** What came of it. */
  readonly result: ExperimentResult;
}

/** Emulator or monitor threw in an experiment. The golden run can't be used any more. */
export class SweepCrash extends Error {
  /**
   * A crash.
   *
   * @param index Place of the experiment in the list.
   * @param reason What was thrown.
   */
  constructor(readonly index: number, readonly reason: unknown) {
    super(reason instanceof Error ? `${reason.name}: ${reason.message}` : String(reason));
    this.name = "SweepCrash";
  }
}

/**
 * Runs experiments along a golden run.
 *
 * @param specs The experiments, in any order.
 * @param onLook Told of the dormant experiments at each look that is walked past.
 * @returns Their results, in the order in which they are known; the generator must be run to its end.
 * @throws {SweepCrash} When one fails on the host; the results so far stand.
 */
export function* sweep(
  golden: GoldenRun,
  specs: readonly ExperimentSpec[],
  rules: ExperimentRules,
  onLook?: (look: number, dormant: readonly Sleeper[]) => void,
): Generator<SweepResult> {
  yield* new Sweep(golden, specs, rules, onLook).run();
}

class Sweep {
  readonly #golden: GoldenRun;
  readonly #lab: Lab;
  readonly #specs: readonly ExperimentSpec[];
  readonly #rules: ExperimentRules;
  readonly #dormant: number;
  readonly #watch: Watch;
  readonly #triggers: InstructionTriggers;
  readonly #onLook: ((look: number, dormant: readonly Sleeper[]) => void) | undefined;
  /** Experiments that become dormant at a look to come. */
  readonly #later: Map<number, Sleeper[]> = new Map();
  #running = -1;

  constructor(
    golden: GoldenRun,
    specs: readonly ExperimentSpec[],
    rules: ExperimentRules,
    onLook?: (look: number, dormant: readonly Sleeper[]) => void,
  ) {
    this.#golden = golden;
    this.#onLook = onLook;
    this.#lab = golden.lab;
    this.#specs = specs;
    this.#rules = rules;
    this.#watch = new Watch(golden);
    this.#triggers = new InstructionTriggers(
      golden.lab,
      specs.some(({ fault }) => fault.trigger.event?.kind === "instructions"),
    );
    // Where TLBs disagree with the tables, what they hold would have to be carried along.
    const sound = golden.looks.every(({ tlbs }) => tlbs) && !golden.thumb;
    this.#dormant = (rules.earlyStop ?? true) && sound ? MOST_WORDS : 0;
  }

  *run(): Generator<SweepResult> {
    try {
      yield* this.#walk();
    } catch (error) {
      if (this.#running < 0) throw error;
      throw new SweepCrash(this.#running, error);
    } finally {
      this.#triggers.stop();
      this.#watch.stop();
    }
  }

  *#walk(): Generator<SweepResult> {
    const golden = this.#golden;
    const { plan } = golden;
    const last = plan.end / plan.look;
    const tasks = this.#specs.map((spec, index) => ({ index, cycle: strikeCycle(golden, spec) }));
    tasks.sort((a, b) => b.cycle - a.cycle || b.index - a.index);
    const lookOf = (cycle: number) => Math.min(last, Math.floor(cycle / plan.look));
    for (;;) {
      const next = tasks.length === 0 ? Infinity : lookOf(tasks[tasks.length - 1].cycle);
      const dormant = Math.min(next, ...this.#later.keys());
      if (this.#watch.size === 0 && this.#triggers.size === 0) {
        // Nothing is to be seen before the next strike, or the next that falls asleep.
        if (dormant === Infinity) return;
        if (dormant !== golden.lookNumber || next === Infinity) {
          golden.seek(golden.look(dormant).now);
        }
      }
      const number = golden.lookNumber;
      for (const sleeper of this.#later.get(number) ?? []) this.#watch.add(sleeper);
      this.#later.delete(number);
      if (number === last && tasks.length === 0) break;
      const here: Task[] = [];
      while (tasks.length > 0 && lookOf(tasks[tasks.length - 1].cycle) === number) {
        here.push(tasks.pop()!);
      }
      yield* this.#interval(number, here, number === last);
      if (number === last) break;
    }
    yield* this.#end();
  }

  /** From one look to the next: strikes on the way, and what is touched. */
  *#interval(
    number: number,
    tasks: readonly Task[],
    isLast: boolean,
  ): Generator<SweepResult> {
    const golden = this.#golden;
    const watch = this.#watch;
    const { plan } = golden;
    const state = watch.size > 0 ? golden.state() : undefined;
    const start: Branch | undefined = state === undefined ? undefined : { state, pages: NO_PAGES };
    const counts = this.#triggers.mark();
    const woken = new Set<Sleeper>();
    let done = 0;
    for (;;) {
      watch.begin(woken);
      let complete = true;
      while (complete && done < tasks.length) {
        complete = yield* this.#runTo(tasks[done].cycle);
        if (complete) yield* this.#begin(tasks[done++].index);
      }
      if (isLast) return;
      if (complete && (yield* this.#runTo((number + 1) * plan.look))) break;
      // An instruction that stood in for a word was met: once more, without it.
      watch.wakeMet(woken);
      watch.pause();
      golden.back(start!);
      this.#triggers.back(counts);
    }
    watch.end(woken);
    if (woken.size > 0) {
      watch.pause();
      const next = golden.branch();
      golden.back(start!);
      for (const sleeper of woken) {
        watch.remove(sleeper);
        yield* this.#wake(sleeper, start!);
      }
      golden.back(next);
    }
    golden.completeLook();
    watch.mend();
    this.#onLook?.(golden.lookNumber, watch.sleepers());
    for (const sleeper of watch.settled()) yield this.#arrived(sleeper);
  }

  /** Nothing is left of the difference: it is on the golden run for good. */
  #arrived(sleeper: Sleeper): SweepResult {
    const { index, vm, trail } = sleeper;
    const golden = this.#golden;
    const look = golden.lookNumber;
    const end = endOnGolden(golden, golden.look(look), trail);
    const followed = { ended: "golden", look, end, difference: undefined } as const;
    this.#watch.remove(sleeper);
    return { index, result: finish(golden, vm, this.#rules, trail, followed) };
  }

  /** Walks the golden run on; false when an instruction that stands in for a word was met. */
  *#runTo(cycle: number): Generator<SweepResult, boolean> {
    const { board } = this.#lab;
    while (board.clock.now < cycle) {
      const reached = this.#triggers.run(cycle, () => this.#watch.met);
      if (this.#watch.met) return false;
      for (const index of reached) yield* this.#strike(index);
    }
    return true;
  }

  /** The time of an experiment has come: it strikes, or waits for its trigger on the golden run. */
  *#begin(index: number): Generator<SweepResult> {
    const { vm, fault } = this.#specs[index];
    const { event } = fault.trigger;
    if (event?.kind !== "instructions") yield* this.#strike(index);
    else this.#triggers.arm(index, vm, event.count);
  }

  /** The golden run is at its end, and the trigger has not come. */
  #missed(index: number): SweepResult {
    const golden = this.#golden;
    const trail = newTrail(this.#lab.time);
    trail.strike = noStrike(this.#lab, "the run ended before so many instructions");
    const look = golden.lookNumber;
    const followed = { ended: "golden", look, end: golden.end, difference: undefined } as const;
    const result = finish(golden, this.#specs[index].vm, this.#rules, trail, followed);
    return { index, result };
  }

  /** An experiment begins. */
  *#strike(index: number): Generator<SweepResult> {
    const golden = this.#golden;
    const spec = this.#specs[index];
    this.#watch.pause();
    const branch = golden.branch();
    const trail = newTrail(this.#lab.time);
    const tape = new ShadowTape(golden);
    this.#running = index;
    // Time and trigger have come.
    const waits = spec.fault.trigger.event?.kind !== "instructions";
    const fault = waits ? spec.fault : { ...spec.fault, trigger: { time: spec.fault.time } };
    const armed = new ArmedFault(this.#lab, spec.vm, fault);
    const followed = follow(golden, trail, armed, tape, {
      earlyStop: this.#rules.earlyStop ?? true,
      dormant: this.#dormant,
    });
    const result = this.#finish(index, spec.vm, trail, followed);
    this.#running = -1;
    tape.undo();
    golden.back(branch);
    this.#watch.resume();
    if (result !== undefined) yield result;
  }

  /** A dormant experiment goes on, from the look that the laboratory is at. */
  *#wake(sleeper: Sleeper, start: Branch): Generator<SweepResult> {
    const golden = this.#golden;
    const { trail, index, vm } = sleeper;
    this.#apply(sleeper.difference);
    const now = this.#lab.time;
    addStretch(trail, trail.since, now);
    trail.since = now;
    wakeUp(trail, golden.lookNumber);
    const tape = new ShadowTape(golden);
    this.#running = index;
    const followed = follow(golden, trail, undefined, tape, {
      earlyStop: true,
      dormant: MOST_WORDS,
    });
    const result = this.#finish(index, vm, trail, followed);
    this.#running = -1;
    tape.undo();
    golden.back(start);
    if (result !== undefined) yield result;
  }

  /** Judges an experiment that has ended; one that is dormant is put off. */
  #finish(
    index: number,
    vm: string,
    trail: Trail,
    followed: Followed,
  ): SweepResult | undefined {
    if (followed.ended !== "dormant") {
      return { index, result: finish(this.#golden, vm, this.#rules, trail, followed) };
    }
    const sleeper = { index, vm, trail, difference: new Map(followed.difference!) };
    const others = this.#later.get(followed.look) ?? [];
    others.push(sleeper);
    this.#later.set(followed.look, others);
    return undefined;
  }

  #apply(difference: Difference): void {
    const { board } = this.#lab;
    for (const [index, value] of difference) board.poke(MAP.SDRAM + index * 4, value);
  }

  /** The golden run is at its end: what is dormant ends there. */
  *#end(): Generator<SweepResult> {
    const golden = this.#golden;
    const { plan } = golden;
    const number = golden.lookNumber;
    this.#watch.clean();
    for (const index of this.#triggers.takeAll()) yield this.#missed(index);
    const start: Branch = { state: golden.state(), pages: NO_PAGES };
    const stretch = golden.look(plan.lastStretch / plan.look).counts!;
    for (const { index, vm, trail, difference } of this.#watch.sleepers()) {
      this.#running = index;
      this.#apply(difference);
      const end = endState(this.#lab, trail.before ?? stretch);
      const followed = { ended: "dormant", look: number, end, difference } as const;
      const result = finish(golden, vm, this.#rules, trail, followed);
      this.#running = -1;
      golden.back(start);
      yield { index, result };
    }
  }
}

const NO_PAGES: ReadonlyMap<number, Uint32Array> = new Map();
