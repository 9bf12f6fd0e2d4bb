/**
 * The run without a fault, kept so that runs with one can branch from any moment of it and be held
 * against it later: snapshots now and then, and a tape of what changed from look to look.
 *
 * A *look* is taken at the first instruction boundary at or after each multiple of a fixed number of
 * cycles. Two runs in the same state take the same looks at the same cycles.
 *
 * @module
 */

import type { ElfFile } from "./elf.ts";
import { InputError } from "./errors.ts";
import {
  deviceStates,
  FORK_WORDS,
  type ForkState,
  forkState,
  putForkState,
  putPage,
  putPages,
  sdramWords,
  TouchedPages,
} from "./fork.ts";
import type { Lab } from "./lab.ts";
import { type Observation, Observer } from "./observe.ts";
import type { EndState } from "./outcome.ts";
import { type CallCounts, callCounts, endState } from "./run_end.ts";
import { BASE, type DeviceName } from "./s3c2440.ts";
import { MOVING_DEVICES, Signature, tlbsAgree, walkedWords } from "./signature.ts";

/** The times of a run, in cycles of board time. */
export interface RunPlan {
  /** End of the experiments. */
  readonly end: number;
  /** Start of the last stretch, in which progress is looked for. */
  readonly lastStretch: number;
  /** The run without a fault goes on for so long: what is early with one has a counterpart. */
  readonly surplus: number;
}

/** What the runs with a fault are held against. */
export interface Reference {
  /** Its times. */
  readonly plan: RunPlan;
  /** What was observed, with the surplus. */
  readonly observation: Observation;
  /** The state at the end. */
  readonly end: EndState;
  /** Board time at the end, ns. */
  readonly endNs: number;
  /** SDRAM at the end, as words. */
  readonly endMemory: Uint32Array;
}

/**
 * Runs a laboratory fresh from its start without a fault.
 *
 * @param atEnd Called at the end of the experiments, before the surplus.
 * @throws {InputError} When the monitor stops the system without a fault.
 */
export function referenceRun(lab: Lab, plan: RunPlan, atEnd?: () => void): Reference {
  const observer = new Observer(lab.recorder, () => lab.time);
  runTo(lab, plan.lastStretch);
  const before = callCounts(lab);
  runTo(lab, plan.end);
  const end = endState(lab, before);
  const endNs = lab.time;
  const endMemory = sdramWords(lab).slice();
  atEnd?.();
  runTo(lab, plan.end + plan.surplus);
  observer.stop();
  lab.recorder.take();
  return { plan, observation: observer, end, endNs, endMemory };
}

function runTo(lab: Lab, cycle: number): void {
  const { board } = lab;
  while (board.clock.now < cycle && !lab.stopped) board.run(cycle);
  if (lab.stopped) {
    throw new InputError("golden run", "the monitor stops the system without any fault");
  }
}

/** How a golden run is kept; `end` and `lastStretch` are multiples of `look`. */
export interface GoldenPlan extends RunPlan {
  /** Cycles between looks. */
  readonly look: number;
  /** Looks between snapshots. */
  readonly snapshot: number;
}

/** The state at a look. */
export interface Look {
  /** Board time, cycles. */
  readonly now: number;
  /** What is outside memory. */
  readonly signature: Signature;
  /** Every valid TLB entry is what a walk of the tables would give. */
  readonly tlbs: boolean;
  /** Words of SDRAM, by index, that a walk to each of these entries reads. */
  readonly walked: Uint32Array;
  /** Words of SDRAM that changed since the look before: index, value, ... */
  readonly changes: Uint32Array;
  /** Calls made so far; only in the last stretch. */
  readonly counts: CallCounts | undefined;
}

interface Snapshot {
  readonly state: ForkState;
  /** Number of its look. */
  readonly look: number;
}

/** Content of a page from a snapshot on. */
interface PageVersion {
  readonly snapshot: number;
  readonly content: Uint32Array;
}

/** A golden run, and a laboratory that can be put to any moment of it. */
export class GoldenRun implements Reference {
  /** The laboratory. */
  readonly lab: Lab;
  /** How the run is kept. */
  readonly plan: GoldenPlan;
  /** Looks, by their number less {@linkcode firstLook}. */
  readonly looks: Look[] = [];
  /** Number of the first look: its cycle is this times the plan's `look`, or a little later. */
  readonly firstLook: number;
  /** What was observed, with the surplus. */
  readonly observation: Observation;
  /** The state at the end. */
  readonly end: EndState;
  /** Board time at the end, ns. */
  readonly endNs: number;
  /** SDRAM at the end, as words. */
  readonly endMemory: Uint32Array;
  /** Pages touched since {@linkcode shadow} was right. */
  readonly touched: TouchedPages;
  /** SDRAM at the last look before the present moment of the golden run. */
  readonly shadow: Uint32Array;
  /** Devices that nothing in the golden run moves, as text. */
  readonly stillDevices: string;
  /** A guest has Thumb code. */
  readonly thumb: boolean;
  /** Pages that hold instructions which the golden run executes, by their numbers in SDRAM. */
  readonly executed: ReadonlySet<number>;
  readonly #symbols: ReadonlyMap<string, ElfFile | undefined>;
  /** Devices whose state changes, or that have an event waiting. */
  readonly #moving: readonly DeviceName[];
  readonly #still: ForkState["devices"];
  /** A device was written that nothing in the golden run writes. */
  #strange = false;
  readonly #snapshots: Snapshot[] = [];
  readonly #versions: Map<number, PageVersion[]> = new Map();
  /** Content that memory and shadow hold, by page, while it is that of a snapshot. */
  readonly #held: Map<number, Uint32Array> = new Map();
  /** Number of the look that the shadow is of. */
  #at: number;

  /**
   * Makes the golden run of a laboratory fresh from its start.
   *
   * @param lab The laboratory; it belongs to the golden run from now on.
   * @param plan How the run is kept.
   * @throws {InputError} With a cache model or the timed fidelity, or when the monitor stops the system without a fault.
   */
  constructor(lab: Lab, plan: GoldenPlan) {
    if (lab.board.timing !== undefined) {
      throw new InputError("fidelity", "campaigns run in the fast fidelity", "allowed: fast");
    }
    if (!lab.board.mmu.direct) {
      throw new InputError("cache", "campaigns run without the cache model", "allowed: false");
    }
    this.lab = lab;
    this.plan = plan;
    // Nobody asks for the hashes of a laboratory that goes back and forth.
    lab.recorder.hashing = false;
    this.shadow = sdramWords(lab).slice();
    this.touched = new TouchedPages(lab);
    const { board } = lab;
    const observer = new Observer(lab.recorder, () => lab.time);
    this.firstLook = Math.ceil(board.clock.now / plan.look);
    this.#at = this.firstLook;
    const last = plan.end / plan.look;
    let before: CallCounts | undefined;
    const pending = new Set<number>();
    this.stillDevices = Signature.stillDevices(lab);
    const names = Object.keys(board.soc.devices) as DeviceName[];
    const waits = (name: DeviceName) =>
      JSON.stringify(board.soc.devices[name].state()).includes('"deadline":');
    this.#moving = names.filter((name) => MOVING_DEVICES.includes(name) || waits(name));
    this.#still = deviceStates(lab, names.filter((name) => !this.#moving.includes(name)));
    this.#watchDevices();
    for (let number = this.firstLook; number <= last; number++) {
      runTo(lab, number * plan.look);
      for (const page of this.touched.list) pending.add(page);
      const late = number * plan.look >= plan.lastStretch;
      this.looks.push({
        now: board.clock.now,
        signature: new Signature(lab),
        tlbs: tlbsAgree(lab),
        walked: Uint32Array.from(walkedWords(lab)),
        changes: this.#takeChanges(),
        counts: late ? callCounts(lab) : undefined,
      });
      if (late) before ??= this.looks[this.looks.length - 1].counts;
      if ((number - this.firstLook) % plan.snapshot === 0) this.#takeSnapshot(number, pending);
    }
    this.endMemory = this.shadow.slice();
    this.endNs = lab.time;
    this.end = endState(lab, before!);
    if (this.stillDevices !== Signature.stillDevices(lab)) {
      throw new InputError("golden run", "a guest uses devices of the board directly");
    }
    this.#at = last;
    // What is observed later has no counterpart on the tape.
    runTo(lab, plan.end + plan.surplus);
    observer.stop();
    lab.recorder.take();
    this.observation = observer;
    const { codePages } = board.mmu;
    const first = board.sdram.offset / (FORK_WORDS * 4);
    const pages = Array.from({ length: this.shadow.length / FORK_WORDS }, (_, page) => page);
    this.executed = new Set(pages.filter((page) => codePages[first + page] !== 0));
    this.#symbols = new Map(
      lab.recorder.state().vms.map(({ id, name }) => [name, lab.recorder.symbols(id)]),
    );
    this.thumb = [...this.#symbols.values()].some((elf) =>
      elf?.symbols.some(({ kind, thumb }) => kind === "function" && thumb) ?? false
    );
    this.#put(0);
  }

  /** Notes writes to devices that nothing in the golden run writes. */
  #watchDevices(): void {
    const { soc } = this.lab.board;
    const { write } = soc;
    const usual = new Set(this.#moving.map((name) => BASE[name] >>> 12));
    soc.write = (pa, size, value) => {
      if (!usual.has(pa >>> 12)) this.#strange = true;
      write.call(soc, pa, size, value);
    };
  }

  /**
   * Devices that nothing in the golden run writes are as they always are: nothing wrote to them, or
   * what was written was what they held.
   */
  get devicesStill(): boolean {
    return !this.#strange || Signature.stillDevices(this.lab) === this.stillDevices;
  }

  /** The state of the laboratory now, without the memory. */
  state(): ForkState {
    return forkState(this.lab, this.#moving);
  }

  #putState(state: ForkState): void {
    // A core that waits is woken by a reset of the chip.
    const all = this.#strange || (this.lab.board.waiting && !state.waiting);
    const devices = all ? { ...this.#still, ...state.devices } : state.devices;
    putForkState(this.lab, { ...state, devices }, (name) => this.#symbols.get(name));
    this.#strange = false;
    this.lab.recorder.take();
  }

  /** Look number `number`. */
  look(number: number): Look {
    return this.looks[number - this.firstLook];
  }

  /** Number of the look that the shadow is of: the last one before the present moment. */
  get lookNumber(): number {
    return this.#at;
  }

  /** The words that changed since the shadow was right; makes it right. */
  #takeChanges(): Uint32Array {
    const memory = sdramWords(this.lab);
    const { shadow } = this;
    const changes: number[] = [];
    for (const page of this.touched.list) {
      const first = page * FORK_WORDS;
      if (this.#snapshots.length > 0 && !this.#versions.has(page)) {
        // Up to its first touch it held what it held at the first snapshot.
        const content = shadow.slice(first, first + FORK_WORDS);
        this.#versions.set(page, [{ snapshot: 0, content }]);
      }
      for (let i = first; i < first + FORK_WORDS; i++) {
        if (memory[i] === shadow[i]) continue;
        shadow[i] = memory[i];
        changes.push(i, memory[i]);
      }
    }
    this.touched.clear();
    return Uint32Array.from(changes);
  }

  #takeSnapshot(look: number, pages: Set<number>): void {
    const snapshot = this.#snapshots.length;
    for (const page of pages) {
      const at = page * FORK_WORDS;
      const content = this.shadow.slice(at, at + FORK_WORDS);
      const versions = this.#versions.get(page) ?? [];
      this.#versions.set(page, versions);
      versions.push({ snapshot, content });
    }
    pages.clear();
    this.#snapshots.push({ state: this.state(), look });
  }

  /** Puts the laboratory to a snapshot. */
  #put(snapshot: number): void {
    const { state, look } = this.#snapshots[snapshot];
    putPages(this.lab, this.shadow, this.touched.list);
    for (const [page, versions] of this.#versions) {
      let i = versions.length - 1;
      while (i > 0 && versions[i].snapshot > snapshot) i--;
      const { content } = versions[i];
      if (this.#held.get(page) === content) continue;
      const at = page * FORK_WORDS;
      this.shadow.set(content, at);
      this.#held.set(page, content);
      putPages(this.lab, this.shadow, [page]);
    }
    this.#putState(state);
    this.touched.clear();
    this.#at = look;
  }

  /**
   * Puts the laboratory to a moment of the golden run: forward from where it is, or from a snapshot
   * when that is nearer.
   *
   * @param cycle Board time, cycles, not before the first look; it stops at the first instruction
   * boundary at or after it.
   */
  seek(cycle: number): void {
    const { lab } = this;
    const { board, recorder } = lab;
    let best = 0;
    for (let i = 0; i < this.#snapshots.length; i++) {
      if (this.looks[this.#snapshots[i].look - this.firstLook].now <= cycle) best = i;
    }
    if (board.clock.now > cycle || this.#snapshots[best].look > this.#at) this.#put(best);
    const target = Math.floor(cycle / this.plan.look);
    while (this.#at < target) {
      runTo(lab, (this.#at + 1) * this.plan.look);
      this.completeLook();
    }
    runTo(lab, cycle);
    recorder.take();
  }

  /** The golden run has come to its next look: the shadow is of that look from now on. */
  completeLook(): void {
    const memory = sdramWords(this.lab);
    for (const page of this.touched.list) {
      const at = page * FORK_WORDS;
      this.#held.delete(page);
      this.shadow.set(memory.subarray(at, at + FORK_WORDS), at);
    }
    this.touched.clear();
    this.#at++;
  }

  /** The present moment, to come back to by {@linkcode back}. */
  branch(): Branch {
    const memory = sdramWords(this.lab);
    const pages = new Map<number, Uint32Array>();
    for (const page of this.touched.list) {
      const at = page * FORK_WORDS;
      pages.set(page, memory.slice(at, at + FORK_WORDS));
    }
    return { state: this.state(), pages };
  }

  /**
   * Back to the moment of a branch. The shadow must be as it was then.
   */
  back({ state, pages }: Branch): void {
    const { lab, touched } = this;
    putPages(lab, this.shadow, touched.list.filter((page) => !pages.has(page)));
    for (const [page, content] of pages) putPage(lab, page, content);
    this.#putState(state);
    touched.clear();
    for (const page of pages.keys()) touched.addPage(page);
  }
}

/** A moment of the golden run. */
export interface Branch {
  /** State without the memory. */
  readonly state: ForkState;
  /** Pages that may differ from the shadow, with their content. */
  readonly pages: ReadonlyMap<number, Uint32Array>;
}
