/**
 * Sees to it that no access of a golden run to a word in which a dormant experiment differs goes unseen.
 *
 * Pages that hold such words are kept out of the host's look-aside tables, so that each access comes
 * past `mmu.host`; in pages with instructions an undefined one stands in for the word, so that executing
 * it is seen too. What the monitor copies in bulk carries a difference along, and so does the sum of a
 * page.
 *
 * @module
 */

import { VECTOR } from "./cpu.ts";
import type { Trail } from "./follow.ts";
import { FORK_PAGE, FORK_WORDS, sdramWords } from "./fork.ts";
import type { GoldenRun } from "./golden.ts";
import { MAP } from "./layout.ts";
import { sliceWords } from "./memory_diff.ts";
import { ACCESS } from "./mmu.ts";
import { sumWords } from "./port.ts";

const PAGE_BITS = 12;
/** An instruction that is undefined for ever (ARM ARM, A3.16.5). */
const UNDEFINED = 0xe7f0_00f0;

/** An experiment that is on the golden run but for some words that nobody looks at. */
export interface Sleeper {
  /** Its place in the list. */
  readonly index: number;
  /** Guest that its fault was aimed at. */
  readonly vm: string;
  /** What it has left behind so far. */
  readonly trail: Trail;
  /** Words of SDRAM that are not the golden run's: index to value. */
  readonly difference: Map<number, number>;
}

/**
 * A whole page was copied over another (-1: filled), words over words, or the sum of a page was written
 * to a word.
 */
type Bulk =
  | { readonly kind: "copy"; readonly from: number; readonly to: number }
  | { readonly kind: "words"; readonly from: number; readonly to: number; readonly count: number }
  | {
    readonly kind: "sum";
    readonly from: number;
    readonly to: number;
    /** What the page held. */
    readonly content: Uint32Array;
  };

/** Sees to it that no access of the golden run to a dormant word goes unseen. */
export class Watch {
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
  /** By word: how often it is among the keys of the maps of owners and of copies. */
  readonly #words: Uint8Array;
  /** Words that an undefined instruction stands in for, with the golden run's. */
  readonly #planted: Map<number, number> = new Map();
  #on = false;
  #touched: Set<number> = new Set();
  /** Copies and sums of pages in this interval, in their order. */
  #bulk: Bulk[] = [];
  /** Words that are copied or written in bulk at this moment: first words and their number. */
  #quiet: { readonly from: number; readonly to: number; readonly count: number } | undefined;
  /** What is left of slices, as last seen, see {@linkcode #wakeBySlices}. */
  readonly #slices: Map<number, number>;
  /** Words that a copy has made in this interval, with who has them. */
  #copied: Map<number, Set<Sleeper>> = new Map();

  /**
   * Watches the laboratory of a golden run, as soon as there is a dormant experiment.
   *
   * @param golden The golden run.
   */
  constructor(golden: GoldenRun) {
    this.#golden = golden;
    const { lab } = golden;
    const { board } = lab;
    const { mmu, sdram, memory } = board;
    this.#memory = sdramWords(lab);
    this.#pages = new Uint16Array(sdram.size / FORK_PAGE);
    this.#words = new Uint8Array(sdram.size / 4);
    const pages = this.#pages;
    const first = MAP.SDRAM;
    const pageOf = (pa: number) => (pa - first) >>> PAGE_BITS;
    const watched = (pa: number) => this.#on && pa >= first && pages[pageOf(pa)] > 0;
    const { host, fill } = mmu;
    const { debugWrite, onTrap } = board;
    const { port } = lab.vmm;
    const words = sliceWords(golden.endMemory);
    this.#slices = new Map(words.map((index) => [index, golden.shadow[index] | 0]));
    const { sumFrame, copyWords } = port;
    port.sumFrame = (frame, stamp = 0) => {
      const to = stamp === 0 ? -1 : (stamp - first) >>> 2;
      this.#quiet = { from: to, to, count: 1 };
      try {
        return sumFrame.call(port, frame, stamp);
      } finally {
        this.#quiet = undefined;
        if (this.#on) this.#sum(pageOf(frame), to);
      }
    };
    port.copyWords = (from, to, bytes) => {
      const seen = watched(from) || watched(to) || watched(from + bytes - 4) ||
        watched(to + bytes - 4);
      if (!seen) return copyWords.call(port, from, to, bytes);
      const range = { from: (from - first) >>> 2, to: (to - first) >>> 2, count: bytes >>> 2 };
      this.#quiet = range;
      try {
        copyWords.call(port, from, to, bytes);
      } finally {
        this.#quiet = undefined;
      }
      this.#bulk.push({ kind: "words", ...range });
      for (let i = 0; i < range.count; i++) this.#noteCopied(range.from + i, range.to + i);
      mmu.flush();
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
      port.copyWords = copyWords;
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

  /** Those of whose difference nothing is left. */
  *settled(): Generator<Sleeper> {
    for (const sleeper of this.#sleepers) if (sleeper.difference.size === 0) yield sleeper;
  }

  /** Watches no more; the laboratory is as it was. */
  stop(): void {
    this.clean();
    this.#undo();
  }

  /** An experiment falls asleep. */
  add(sleeper: Sleeper): void {
    this.#sleepers.add(sleeper);
    for (const index of sleeper.difference.keys()) this.#own(index, sleeper);
  }

  /** An experiment is awake, or has ended. */
  remove(sleeper: Sleeper): void {
    this.#sleepers.delete(sleeper);
    for (const index of sleeper.difference.keys()) this.#disown(index, sleeper);
  }

  #own(index: number, sleeper: Sleeper): void {
    let owners = this.#owners.get(index);
    if (owners === undefined) {
      this.#owners.set(index, owners = new Set());
      this.#count(index, 1);
      this.#plant(index);
    }
    owners.add(sleeper);
  }

  #disown(index: number, sleeper: Sleeper): void {
    const owners = this.#owners.get(index);
    if (owners === undefined || !owners.delete(sleeper) || owners.size > 0) return;
    this.#owners.delete(index);
    this.#count(index, -1);
    this.#unplant(index);
  }

  #count(index: number, change: number): void {
    this.#pages[Math.floor(index / FORK_WORDS)] += change;
    this.#words[index] += change;
  }

  // --- an interval -----------------------------------------------------------------------------

  /** An interval begins, or begins anew without the words of `woken`. */
  begin(woken: ReadonlySet<Sleeper>): void {
    this.#forget();
    for (const index of this.#slices.keys()) {
      this.#slices.set(index, this.#golden.shadow[index] | 0);
    }
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
    this.#wakeBySlices(woken);
    for (const bulk of this.#bulk) {
      if (bulk.kind === "copy") {
        const from = bulk.from < 0 ? -1 : bulk.from * FORK_WORDS;
        this.#carry(from, bulk.to * FORK_WORDS, FORK_WORDS, woken);
      } else if (bulk.kind === "words") this.#carry(bulk.from, bulk.to, bulk.count, woken);
      else this.#carrySum(bulk.from, bulk.to, bulk.content, woken);
    }
    this.#carrySlices(woken);
    this.#forget();
  }

  /**
   * What is left of a slice is counted down, and asked for nothing but whether it is more than 0: as long
   * as it is, with the difference and without it, the difference stays and does nothing. All others wake.
   */
  #wakeBySlices(woken: Set<Sleeper>): void {
    for (const index of this.#slices.keys()) {
      this.#lookAtSlice(index);
      if (this.#touched.has(index)) this.#wakeOwners(index, woken);
      for (const sleeper of this.#owners.get(index) ?? []) {
        if ((this.#memory[index] | 0) <= 0 || this.#sliceOf(sleeper, index) <= 0) {
          woken.add(sleeper);
        }
      }
    }
  }

  /** What is left of a slice is more than before: it was filled up again. */
  #lookAtSlice(index: number): void {
    const now = this.#memory[index] | 0;
    if (now > this.#slices.get(index)!) this.#touched.add(index);
    this.#slices.set(index, now);
  }

  #carrySlices(woken: ReadonlySet<Sleeper>): void {
    for (const index of this.#slices.keys()) {
      for (const sleeper of this.#owners.get(index) ?? []) {
        if (woken.has(sleeper)) continue;
        sleeper.difference.set(index, this.#sliceOf(sleeper, index) >>> 0);
      }
    }
  }

  /** What is left of a slice of an experiment at the end of an interval. */
  #sliceOf({ difference }: Sleeper, index: number): number {
    const before = this.#golden.shadow[index] | 0;
    return (difference.get(index)! | 0) - before + (this.#memory[index] | 0) | 0;
  }

  #wakeOwners(index: number, woken: Set<Sleeper>): void {
    for (const sleeper of this.#owners.get(index) ?? []) woken.add(sleeper);
    for (const sleeper of this.#copied.get(index) ?? []) woken.add(sleeper);
  }

  #forget(): void {
    this.met = false;
    this.#touched = new Set();
    this.#bulk = [];
    for (const index of this.#copied.keys()) this.#count(index, -1);
    this.#copied = new Map();
  }

  /** Words were copied over others (from -1: filled): differences with them. */
  #carry(from: number, to: number, count: number, woken: ReadonlySet<Sleeper>): void {
    for (const [index, sleeper] of this.#owned(to, count, woken)) {
      sleeper.difference.delete(index);
      this.#disown(index, sleeper);
    }
    if (from < 0) return;
    for (const [index, sleeper] of this.#owned(from, count, woken)) {
      const copy = index - from + to;
      sleeper.difference.set(copy, sleeper.difference.get(index)!);
      this.#own(copy, sleeper);
    }
  }

  /** Words of a range that differ, with those that do not wake. */
  #owned(first: number, count: number, woken: ReadonlySet<Sleeper>): [number, Sleeper][] {
    const found: [number, Sleeper][] = [];
    for (let index = first; index < first + count; index++) {
      if (this.#words[index] === 0) continue;
      for (const sleeper of this.#owners.get(index) ?? []) {
        if (!woken.has(sleeper)) found.push([index, sleeper]);
      }
    }
    return found;
  }

  /** The sum of a page was written: where the page differs, the sum does. */
  #carrySum(
    from: number,
    to: number,
    content: Uint32Array,
    woken: ReadonlySet<Sleeper>,
  ): void {
    for (const [index, sleeper] of this.#owned(to, 1, woken)) {
      sleeper.difference.delete(index);
      this.#disown(index, sleeper);
    }
    const owned = this.#owned(from * FORK_WORDS, FORK_WORDS, woken);
    if (owned.length === 0) return;
    const golden = sumWords(content[0], content.subarray(1));
    const others = new Map<Sleeper, Uint32Array>();
    for (const [index, sleeper] of owned) {
      let other = others.get(sleeper);
      if (other === undefined) others.set(sleeper, other = content.slice());
      other[index % FORK_WORDS] = sleeper.difference.get(index)!;
    }
    for (const [sleeper, other] of others) {
      const sum = sumWords(other[0], other.subarray(1));
      if (sum === golden) continue;
      sleeper.difference.set(to, sum);
      this.#own(to, sleeper);
    }
  }

  // --- what is seen ----------------------------------------------------------------------------

  #access(index: number): void {
    if (this.#words[index] === 0 || this.#isQuiet(index)) return;
    if (this.#slices.has(index)) return void this.#lookAtSlice(index);
    this.#touched.add(index);
    if (this.#planted.has(index)) this.#meet();
  }

  #isQuiet(index: number): boolean {
    const range = this.#quiet;
    if (range === undefined) return false;
    const { from, to, count } = range;
    return index >= from && index < from + count || index >= to && index < to + count;
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
    if (this.#words[word] === 0) return;
    const own = this.#owners.get(word);
    const made = this.#copied.get(word);
    const owners = [...own ?? [], ...made ?? []];
    const copied = this.#copied.get(target);
    if (copied === undefined) {
      this.#copied.set(target, new Set(owners));
      this.#count(target, 1);
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
