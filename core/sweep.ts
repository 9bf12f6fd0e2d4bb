/**
 * Many experiments along one golden run: it is walked once, each experiment branches off where its
 * fault strikes, and one whose fault has left only words behind that nobody looks at lies *dormant*
 * until the golden run touches one of them.
 *
 * That is sound: as long as no word of the difference is read or written, both runs do the same. All
 * accesses to such words are seen. Pages that hold them are kept out of the host's look-aside tables,
 * so that each access comes past `mmu.host`; in pages with instructions an undefined one stands in for
 * the word, so that executing it is seen too. Copies of whole pages carry a difference along. An
 * experiment whose word is touched goes on from the look before.
 *
 * @module
 */

import { VECTOR } from "./cpu.ts";
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
  type Difference,
  endOnGolden,
  follow,
  type Followed,
  newTrail,
  ShadowTape,
  type Trail,
} from "./follow.ts";
import { FORK_PAGE, FORK_WORDS, sdramWords } from "./fork.ts";
import type { Branch, GoldenRun } from "./golden.ts";
import type { Lab } from "./lab.ts";
import { MAP } from "./layout.ts";
import { ACCESS } from "./mmu.ts";
import { partOf } from "./observe.ts";
import { sumWords } from "./port.ts";
import { endState } from "./run_end.ts";
import { InstructionTriggers } from "./sweep_triggers.ts";

/** Most words of a difference with which an experiment becomes dormant. */
const MOST_WORDS = 64;
/** An instruction that is undefined for ever (ARM ARM, A3.16.5). */
const UNDEFINED = 0xe7f0_00f0;

/** An experiment of a sweep. */
interface Sleeper {
  /** Its place in the list. */
  readonly index: number;
  readonly vm: string;
  readonly trail: Trail;
  difference: Map<number, number>;
}

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
 * @returns Their results, in the order in which they are known; the generator must be run to its end.
 * @throws {SweepCrash} When one fails on the host; the results so far stand.
 */
export function* sweep(
  golden: GoldenRun,
  specs: readonly ExperimentSpec[],
  rules: ExperimentRules,
): Generator<SweepResult> {
  yield* new Sweep(golden, specs, rules).run();
}

class Sweep {
  readonly #golden: GoldenRun;
  readonly #lab: Lab;
  readonly #specs: readonly ExperimentSpec[];
  readonly #rules: ExperimentRules;
  readonly #dormant: number;
  readonly #watch: Watch;
  readonly #triggers: InstructionTriggers;
  /** Experiments that become dormant at a look to come. */
  readonly #later: Map<number, Sleeper[]> = new Map();
  #running = -1;

  constructor(golden: GoldenRun, specs: readonly ExperimentSpec[], rules: ExperimentRules) {
    this.#golden = golden;
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
    for (const { index, vm, trail, difference } of watch.sleepers()) {
      if (difference.size > 0) continue;
      yield* this.#arrived(index, vm, trail);
    }
  }

  /** Nothing is left of the difference: it is on the golden run for good. */
  *#arrived(index: number, vm: string, trail: Trail): Generator<SweepResult> {
    const golden = this.#golden;
    const look = golden.lookNumber;
    const end = endOnGolden(golden, golden.look(look), trail);
    const followed = { ended: "golden", look, end, difference: undefined } as const;
    for (const sleeper of this.#watch.sleepers()) {
      if (sleeper.index === index) this.#watch.remove(sleeper);
    }
    yield { index, result: finish(golden, vm, this.#rules, trail, followed) };
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
    const trail = newTrail(golden, this.#lab.time);
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
    const trail = newTrail(golden, this.#lab.time);
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
    trail.parts.push(partOf(golden.observation, trail.since, now));
    trail.since = now;
    trail.wakes++;
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

/** A whole page was copied over another (-1: filled), or its sum was written to a word. */
type Bulk =
  | { readonly kind: "copy"; readonly from: number; readonly to: number }
  | {
    readonly kind: "sum";
    readonly from: number;
    readonly to: number;
    /** What the page held. */
    readonly content: Uint32Array;
  };

/** Sees to it that no access of the golden run to a dormant word goes unseen. */
class Watch {
  /** An instruction that stands in for a word was met, or its word read. */
  met = false;
  readonly #golden: GoldenRun;
  readonly #memory: Uint32Array;
  readonly #undo: () => void;
  /** Who has a word in its difference. */
  readonly #owners: Map<number, Set<Sleeper>> = new Map();
  readonly #sleepers: Set<Sleeper> = new Set();
  /** Number of watched words of each page. */
  readonly #pages: Uint16Array;
  /** Words that an undefined instruction stands in for, with the golden run's. */
  readonly #planted: Map<number, number> = new Map();
  #on = false;
  #touched: Set<number> = new Set();
  /** Copies and sums of pages in this interval, in their order. */
  #bulk: Bulk[] = [];
  /** Word that a sum is being written to. */
  #stamping = -1;
  /** Words that a copy has made in this interval, with who has them. */
  #copied: Map<number, Set<Sleeper>> = new Map();

  constructor(golden: GoldenRun) {
    this.#golden = golden;
    const { lab } = golden;
    const { board } = lab;
    const { mmu, sdram, memory } = board;
    this.#memory = sdramWords(lab);
    this.#pages = new Uint16Array(sdram.size / FORK_PAGE);
    const pages = this.#pages;
    const first = MAP.SDRAM;
    const pageOf = (pa: number) => Math.floor((pa - first) / FORK_PAGE);
    const watched = (pa: number) => this.#on && pa >= first && pages[pageOf(pa)] > 0;
    const { host, fill } = mmu;
    const { debugWrite, onTrap } = board;
    const { port } = lab.vmm;
    const { sumFrame } = port;
    port.sumFrame = (frame, stamp = 0) => {
      this.#stamping = stamp === 0 ? -1 : (stamp - first) >>> 2;
      try {
        return sumFrame.call(port, frame, stamp);
      } finally {
        this.#stamping = -1;
        if (this.#on) this.#sum(pageOf(frame), stamp === 0 ? -1 : (stamp - first) >>> 2);
      }
    };
    mmu.host = (pa, write) => {
      if (watched(pa)) this.#access((pa - first) >>> 2);
      return host.call(mmu, pa, write);
    };
    mmu.fill = (va, pa) => {
      if (watched(pa)) golden.touched.add(pa);
      else fill.call(mmu, va, pa);
    };
    board.debugWrite = (pa, bytes) => {
      if (this.#on) this.#bulkWrite(pa, bytes, memory.u8.buffer, sdram.offset);
      return debugWrite.call(board, pa, bytes);
    };
    board.onTrap = (vector) => {
      if (this.#on && vector === VECTOR.UNDEFINED && this.#isPlanted()) return;
      onTrap?.(vector);
    };
    this.#undo = () => {
      mmu.host = host;
      mmu.fill = fill;
      board.debugWrite = debugWrite;
      board.onTrap = onTrap;
      port.sumFrame = sumFrame;
    };
  }

  /** Dormant experiments. */
  get size(): number {
    return this.#sleepers.size;
  }

  /** The dormant experiments, in the order in which they fell asleep. */
  sleepers(): Sleeper[] {
    return [...this.#sleepers];
  }

  stop(): void {
    this.clean();
    this.#undo();
  }

  add(sleeper: Sleeper): void {
    this.#sleepers.add(sleeper);
    for (const index of sleeper.difference.keys()) this.#own(index, sleeper);
  }

  remove(sleeper: Sleeper): void {
    this.#sleepers.delete(sleeper);
    for (const index of sleeper.difference.keys()) this.#disown(index, sleeper);
  }

  #own(index: number, sleeper: Sleeper): void {
    let owners = this.#owners.get(index);
    if (owners === undefined) {
      this.#owners.set(index, owners = new Set());
      this.#pages[Math.floor(index / FORK_WORDS)]++;
      this.#plant(index);
    }
    owners.add(sleeper);
  }

  #disown(index: number, sleeper: Sleeper): void {
    const owners = this.#owners.get(index);
    if (owners === undefined || !owners.delete(sleeper) || owners.size > 0) return;
    this.#owners.delete(index);
    this.#pages[Math.floor(index / FORK_WORDS)]--;
    this.#unplant(index);
  }

  // --- an interval -----------------------------------------------------------------------------

  /** An interval begins, or begins anew without the words of `woken`. */
  begin(woken: ReadonlySet<Sleeper>): void {
    this.#forget();
    if (woken.size > 0) {
      for (const index of [...this.#planted.keys()]) {
        const owners = this.#owners.get(index)!;
        if ([...owners].every((sleeper) => woken.has(sleeper))) this.#unplant(index);
      }
    }
    this.resume();
  }

  /** The golden run goes on. */
  resume(): void {
    this.#on = this.#owners.size > 0;
    if (!this.#on) return;
    const { touched, lab } = this.#golden;
    for (const index of this.#planted.keys()) {
      this.#write(index, UNDEFINED);
      // What stands in for words is put back with its page.
      touched.addPage(Math.floor(index / FORK_WORDS));
    }
    lab.board.mmu.flush();
  }

  /** The memory is the golden run's, and nobody watches. */
  pause(): void {
    this.#on = false;
    for (const [index, word] of this.#planted) this.#write(index, word);
  }

  /** Takes away all that stands in for words. */
  clean(): void {
    this.pause();
    this.#planted.clear();
    this.#forget();
  }

  /** The shadow was made from memory in which instructions stand in for words. */
  mend(): void {
    const { shadow } = this.#golden;
    for (const [index, word] of this.#planted) shadow[index] = word;
  }

  /** Those whose words were met wake. */
  wakeMet(woken: Set<Sleeper>): void {
    for (const index of this.#touched) this.#wakeOwners(index, woken);
  }

  /** The interval is over: those whose words were touched wake, those whose pages were copied grow. */
  end(woken: Set<Sleeper>): void {
    this.#on = false;
    for (const index of this.#touched) this.#wakeOwners(index, woken);
    for (const bulk of this.#bulk) {
      if (bulk.kind === "copy") this.#carry(bulk.from, bulk.to, woken);
      else this.#carrySum(bulk.from, bulk.to, bulk.content, woken);
    }
    this.#forget();
  }

  #wakeOwners(index: number, woken: Set<Sleeper>): void {
    for (const sleeper of this.#owners.get(index) ?? []) woken.add(sleeper);
    for (const sleeper of this.#copied.get(index) ?? []) woken.add(sleeper);
  }

  #forget(): void {
    this.met = false;
    this.#touched = new Set();
    this.#bulk = [];
    for (const index of this.#copied.keys()) this.#pages[Math.floor(index / FORK_WORDS)]--;
    this.#copied = new Map();
  }

  /** A page was copied over another: differences with it. */
  #carry(from: number, to: number, woken: ReadonlySet<Sleeper>): void {
    for (const sleeper of this.#sleepers) {
      if (woken.has(sleeper)) continue;
      const words = [...sleeper.difference];
      for (const [index] of words) {
        if (Math.floor(index / FORK_WORDS) !== to) continue;
        sleeper.difference.delete(index);
        this.#disown(index, sleeper);
      }
      for (const [index, value] of words) {
        if (Math.floor(index / FORK_WORDS) !== from) continue;
        const copy = to * FORK_WORDS + index % FORK_WORDS;
        sleeper.difference.set(copy, value);
        this.#own(copy, sleeper);
      }
    }
  }

  /** The sum of a page was written: where the page differs, the sum does. */
  #carrySum(
    from: number,
    to: number,
    content: Uint32Array,
    woken: ReadonlySet<Sleeper>,
  ): void {
    const golden = sumWords(content[0], content.subarray(1));
    for (const sleeper of this.#sleepers) {
      if (woken.has(sleeper)) continue;
      const words = [...sleeper.difference].filter(([index]) =>
        Math.floor(index / FORK_WORDS) === from
      );
      if (sleeper.difference.delete(to)) this.#disown(to, sleeper);
      if (words.length === 0) continue;
      const other = content.slice();
      for (const [index, value] of words) other[index % FORK_WORDS] = value;
      const sum = sumWords(other[0], other.subarray(1));
      if (sum === golden) continue;
      sleeper.difference.set(to, sum);
      this.#own(to, sleeper);
    }
  }

  // --- what is seen ----------------------------------------------------------------------------

  #access(index: number): void {
    if (index === this.#stamping) return;
    if (!this.#owners.has(index) && !this.#copied.has(index)) return;
    this.#touched.add(index);
    if (this.#planted.has(index)) this.#meet();
  }

  #meet(): void {
    this.met = true;
    this.#golden.lab.board.requestStop();
  }

  /** Bytes written past the core: by the monitor, whole pages mostly. */
  #bulkWrite(pa: number, bytes: Uint8Array, memory: ArrayBufferLike, offset: number): void {
    const at = pa - MAP.SDRAM;
    if (at < 0) return;
    const whole = bytes.length === FORK_PAGE && at % FORK_PAGE === 0;
    if (!whole) {
      for (let i = at & ~3; i < at + bytes.length; i += 4) {
        if (this.#pages[Math.floor(i / FORK_PAGE)] > 0) this.#access(i >>> 2);
      }
      return;
    }
    const to = at / FORK_PAGE;
    const inside = bytes.buffer === memory && bytes.byteOffset >= offset;
    const from = inside ? (bytes.byteOffset - offset) / FORK_PAGE : -1;
    const source = from >= 0 && this.#pages[from] > 0;
    if (!source && this.#pages[to] === 0) return;
    this.#bulk.push({ kind: "copy", from, to });
    for (let i = 0; i < FORK_WORDS; i++) {
      const target = to * FORK_WORDS + i;
      // What stands in for a word must not be copied, nor written over.
      const word = from * FORK_WORDS + i;
      if (this.#planted.has(target) || (source && this.#planted.has(word))) {
        this.#touched.add(this.#planted.has(target) ? target : word);
        this.#meet();
      }
      if (source) this.#noteCopied(word, target);
    }
    this.#golden.lab.board.mmu.flush();
  }

  /** A word was made from another: who has that one, has this one too. */
  #noteCopied(word: number, target: number): void {
    const owners = [...this.#owners.get(word) ?? [], ...this.#copied.get(word) ?? []];
    if (owners.length === 0) return;
    const copied = this.#copied.get(target);
    if (copied === undefined) {
      this.#copied.set(target, new Set(owners));
      this.#pages[Math.floor(target / FORK_WORDS)]++;
    } else for (const sleeper of owners) copied.add(sleeper);
  }

  /**
   * The sum of a page was taken.
   *
   * @param to Index of the word that it was written to; -1: it was only looked at.
   */
  #sum(from: number, to: number): void {
    if (this.#pages[from] === 0 && !(to >= 0 && this.#owners.has(to))) return;
    const first = from * FORK_WORDS;
    for (let word = first; word < first + FORK_WORDS; word++) {
      const planted = this.#planted.has(word);
      if (!planted && !this.#owners.has(word) && !this.#copied.has(word)) continue;
      if (to < 0 || planted) this.#touched.add(word);
      else this.#noteCopied(word, to);
      if (planted) this.#meet();
    }
    if (to < 0) return;
    const content = this.#memory.slice(first, first + FORK_WORDS);
    this.#bulk.push({ kind: "sum", from, to, content });
    this.#golden.lab.board.mmu.flush();
  }

  /** Sees to the undefined instruction that was just met; false when it is none of ours. */
  #isPlanted(): boolean {
    const { board } = this.#golden.lab;
    const pc = (board.cpu.reg(14) - 4) >>> 0;
    const pa = board.mmu.probe(pc, ACCESS.FETCH, true);
    const index = pa < MAP.SDRAM ? -1 : (pa - MAP.SDRAM) >>> 2;
    if (!this.#planted.has(index)) return false;
    this.#touched.add(index);
    this.#meet();
    return true;
  }

  // --- stand-ins -------------------------------------------------------------------------------

  /** The instruction is put there when the golden run goes on. */
  #plant(index: number): void {
    const { executed, shadow } = this.#golden;
    if (executed.has(Math.floor(index / FORK_WORDS))) this.#planted.set(index, shadow[index]);
  }

  #unplant(index: number): void {
    const word = this.#planted.get(index);
    if (word === undefined) return;
    this.#planted.delete(index);
    this.#write(index, word);
  }

  #write(index: number, value: number): void {
    if (this.#memory[index] === value) return;
    this.#memory[index] = value;
    this.#golden.lab.board.cpu.invalidateCode(MAP.SDRAM + index * 4, 4);
  }
}
