/**
 * Functional model of one cache of the ARM920T: 16 KB, 64-way, eight sets, lines of eight words,
 * tagged by modified virtual address, with the physical address of each line kept for its write-back
 * (TRM DDI 0151C, chapter 4; Samsung S3C2440A manual, appendix 4).
 *
 * It holds data of its own: who forgets to clean or invalidate reads and writes what silicon would.
 * The write buffer is not modelled; what leaves the cache is in memory at once.
 *
 * @module
 */

import { C7 } from "./cp15.ts";

/** Sets ("segments"), selected by MVA bits 7:5. */
export const CACHE_SETS = 8;
/** Lines of a set. */
export const CACHE_WAYS = 64;
/** Bytes of a line. */
export const CACHE_LINE = 32;

const LINES = CACHE_SETS * CACHE_WAYS;
/** Bit of a tag word: the line is valid. */
const VALID = 1;
const HINTS = 1024;

/** Physical memory, by words. */
export interface PhysicalMemory {
  /** Reads the word at a physical address. */
  readWord(pa: number): number;
  /** Writes the word at a physical address. */
  writeWord(pa: number, value: number): void;
}

/** Who is told what a cache asks of the bus. */
export interface CacheTraffic {
  /** A line is filled. */
  fill(pa: number, instruction: boolean): void;
  /** Dirty halves of a line are written back, displaced by a fill or on request. */
  writeBack(pa: number, dirty: number, displaced: boolean): void;
}

/** Saved form of a {@linkcode Cache}. */
export interface CacheState {
  /** Address of each line with bit 0 for valid; way * 8 + set. */
  tag: number[];
  /** Physical address of each line. */
  pa: number[];
  /** Dirty halves of each line: bit 0 the lower, bit 1 the upper. */
  dirty: number[];
  /** Contents, eight words a line. */
  data: number[];
  /** First way that may be displaced. */
  base: number;
  /** The next way to be displaced, by set. */
  victim: number[];
  /** State of the pseudo-random sequence. */
  random: number;
  /** Lines filled. */
  fills: number;
  /** Half lines written back. */
  writeBacks: number;
}

/** An instruction or data cache. */
export class Cache {
  /** Words of the lines: line * 8 + word. */
  readonly i32: Int32Array<ArrayBuffer> = new Int32Array(LINES * CACHE_LINE / 4);
  /** The same as halfwords. */
  readonly u16: Uint16Array<ArrayBuffer> = new Uint16Array(this.i32.buffer);
  /** The same as bytes. */
  readonly u8: Uint8Array<ArrayBuffer> = new Uint8Array(this.i32.buffer);
  /** Replacement is round robin (c1.RR) instead of pseudo-random. */
  roundRobin = false;
  /** Lines filled. */
  fills = 0;
  /** Half lines written back. */
  writeBacks = 0;
  /** Told of fills and write-backs, where time is modelled. */
  traffic: CacheTraffic | null = null;
  readonly #memory: PhysicalMemory;
  readonly #instruction: boolean;
  readonly #tag: Int32Array = new Int32Array(LINES);
  readonly #pa: Int32Array = new Int32Array(LINES);
  readonly #dirty: Uint8Array = new Uint8Array(LINES);
  readonly #victim: Uint8Array = new Uint8Array(CACHE_SETS);
  // Where a line was found lately; only a hint.
  readonly #hint: Uint16Array = new Uint16Array(HINTS);
  #base = 0;
  readonly #seed: number;
  #random: number;

  /**
   * Makes an empty cache.
   *
   * @param memory Where lines come from and go to.
   * @param instruction True for an instruction cache.
   * @param seed Where the pseudo-random sequence starts.
   */
  constructor(memory: PhysicalMemory, instruction = false, seed = 1) {
    this.#memory = memory;
    this.#instruction = instruction;
    // Zero is no state of the sequence.
    this.#seed = (seed + 0xfffe) % 0xffff + 1;
    this.#random = this.#seed;
  }

  /**
   * Looks an address up.
   *
   * @param mva Modified virtual address.
   * @returns Number of the line, or -1.
   */
  find(mva: number): number {
    const tag = (mva & -CACHE_LINE) | VALID;
    const hint = (mva >>> 5) & (HINTS - 1);
    const likely = this.#hint[hint];
    if (this.#tag[likely] === tag) return likely;
    for (let line = (mva >>> 5) & (CACHE_SETS - 1); line < LINES; line += CACHE_SETS) {
      if (this.#tag[line] === tag) {
        this.#hint[hint] = line;
        return line;
      }
    }
    return -1;
  }

  /** True when a line holds an address. */
  holds(line: number, mva: number): boolean {
    return this.#tag[line] === ((mva & -CACHE_LINE) | VALID);
  }

  /**
   * Finds the line that holds a physical address, for debuggers: the core looks by MVA.
   *
   * @param pa Physical address.
   * @returns Number of the line, or -1.
   */
  holder(pa: number): number {
    const first = (pa & -CACHE_LINE) >>> 0;
    for (let line = 0; line < LINES; line++) {
      if (this.#tag[line] !== 0 && this.#pa[line] >>> 0 === first) return line;
    }
    return -1;
  }

  /**
   * Puts what the lines hold over bytes of memory, for debuggers, see {@linkcode holder}.
   *
   * @param pa Physical address of the first byte.
   * @param bytes What is in memory there.
   */
  overlay(pa: number, bytes: Uint8Array): void {
    // From the last: of two lines with the same address the first counts.
    for (let line = LINES - 1; line >= 0; line--) {
      const at = (this.#pa[line] >>> 0) - pa;
      if (this.#tag[line] === 0 || at <= -CACHE_LINE || at >= bytes.length) continue;
      const from = line * CACHE_LINE + Math.max(0, -at);
      const to = line * CACHE_LINE + Math.min(CACHE_LINE, bytes.length - at);
      bytes.set(this.u8.subarray(from, to), Math.max(0, at));
    }
  }

  /**
   * Fills a line in place of the victim, which is written back first.
   *
   * @param mva Modified virtual address.
   * @param pa Its physical address.
   * @returns Number of the line.
   */
  fill(mva: number, pa: number): number {
    const set = (mva >>> 5) & (CACHE_SETS - 1);
    const way = this.#victim[set];
    const line = way * CACHE_SETS + set;
    this.clean(line, true);
    this.traffic?.fill(pa, this.#instruction);
    const first = (pa & -CACHE_LINE) >>> 0;
    for (let i = 0; i < CACHE_LINE / 4; i++) {
      this.i32[line * 8 + i] = this.#memory.readWord(first + 4 * i);
    }
    this.#tag[line] = (mva & -CACHE_LINE) | VALID;
    this.#pa[line] = first;
    this.#victim[set] = this.#next(way);
    this.fills++;
    return line;
  }

  /** Marks the half of a line that holds a byte as dirty. */
  setDirty(line: number, offset: number): void {
    this.#dirty[line] |= (offset & 16) === 0 ? 1 : 2;
  }

  /**
   * Writes the dirty halves of a line to where the line was loaded from; the line stays.
   *
   * @param displaced True when a fill displaces it.
   */
  clean(line: number, displaced = false): void {
    const dirty = this.#dirty[line];
    if (dirty === 0) return;
    this.#dirty[line] = 0;
    const pa = this.#pa[line] >>> 0;
    this.traffic?.writeBack(pa, dirty, displaced);
    for (let half = 0; half < 2; half++) {
      if ((dirty & (1 << half)) === 0) continue;
      this.writeBacks++;
      for (let i = half * 4; i < half * 4 + 4; i++) {
        this.#memory.writeWord(pa + 4 * i, this.i32[line * 8 + i]);
      }
    }
  }

  /** Drops a line; what is dirty is lost. */
  invalidate(line: number): void {
    this.#tag[line] = 0;
    this.#dirty[line] = 0;
  }

  /** Drops all lines; what is dirty is lost. */
  invalidateAll(): void {
    this.#tag.fill(0);
    this.#dirty.fill(0);
  }

  /**
   * The line that an operation by index means.
   *
   * @param operand Index in bits 31:26, segment in bits 7:5.
   */
  lineOf(operand: number): number {
    return (operand >>> 26) * CACHE_SETS + ((operand >>> 5) & (CACHE_SETS - 1));
  }

  /** Sets the first way that may be displaced, and every set's victim to it. */
  lock(way: number): void {
    this.#base = way;
    this.#victim.fill(way);
  }

  /** Sets every set's victim alone. */
  setVictim(way: number): void {
    this.#victim.fill(way);
  }

  /** Empty, unlocked, the pseudo-random sequence at its start. */
  reset(): void {
    this.invalidateAll();
    this.lock(0);
    this.#random = this.#seed;
    this.roundRobin = false;
    this.fills = 0;
    this.writeBacks = 0;
  }

  /** The contents as plain data. */
  state(): CacheState {
    return {
      tag: [...this.#tag],
      pa: [...this.#pa],
      dirty: [...this.#dirty],
      data: [...this.i32],
      base: this.#base,
      victim: [...this.#victim],
      random: this.#random,
      fills: this.fills,
      writeBacks: this.writeBacks,
    };
  }

  /** Takes contents that {@linkcode state} gave. */
  restore(s: CacheState): void {
    this.#tag.set(s.tag);
    this.#pa.set(s.pa);
    this.#dirty.set(s.dirty);
    this.i32.set(s.data);
    this.#base = s.base;
    this.#victim.set(s.victim);
    this.#random = s.random;
    this.fills = s.fills;
    this.writeBacks = s.writeBacks;
  }

  #next(way: number): number {
    if (this.roundRobin) return way === CACHE_WAYS - 1 ? this.#base : way + 1;
    // A maximal sequence of 16 bits (taps 16, 15, 13, 4): silicon has some such register.
    const x = this.#random;
    this.#random = (x >>> 1) ^ (-(x & 1) & 0xd008);
    return this.#base + this.#random % (CACHE_WAYS - this.#base);
  }
}

/**
 * Does a c7 operation other than a prefetch.
 *
 * @param icache Instruction cache.
 * @param dcache Data cache.
 * @param operation A value of {@linkcode C7}; others do nothing.
 * @param operand Modified virtual address, or index and segment.
 */
export function maintainCaches(
  icache: Cache,
  dcache: Cache,
  operation: number,
  operand: number,
): void {
  switch (operation) {
    case C7.INVALIDATE:
      icache.invalidateAll();
      dcache.invalidateAll();
      break;
    case C7.INVALIDATE_I:
      icache.invalidateAll();
      break;
    case C7.INVALIDATE_I_LINE:
      maintain(icache, icache.find(operand), false, true);
      break;
    case C7.INVALIDATE_D:
      dcache.invalidateAll();
      break;
    case C7.INVALIDATE_D_LINE:
      maintain(dcache, dcache.find(operand), false, true);
      break;
    case C7.CLEAN_LINE:
      maintain(dcache, dcache.find(operand), true, false);
      break;
    case C7.CLEAN_INVALIDATE_LINE:
      maintain(dcache, dcache.find(operand), true, true);
      break;
    case C7.CLEAN_INDEX:
      maintain(dcache, dcache.lineOf(operand), true, false);
      break;
    case C7.CLEAN_INVALIDATE_INDEX:
      maintain(dcache, dcache.lineOf(operand), true, true);
      break;
  }
}

function maintain(cache: Cache, line: number, clean: boolean, invalidate: boolean): void {
  if (line < 0) return;
  if (clean) cache.clean(line);
  if (invalidate) cache.invalidate(line);
}
