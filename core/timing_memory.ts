/**
 * What the core waits for: line fills, write buffer, table walks, accesses that are not cached. The
 * caches and TLBs themselves are the functional ones; what they miss, displace and write back is told to
 * this module, which charges the time that the core stands still.
 *
 * @module
 */

import { type BusRegisters, BusTiming, type BusTimingState } from "./timing_bus.ts";
import type { TimingValues } from "./timing_table.ts";

/** Whose time it is. */
export interface TimeAccount {
  /** Board time, FCLK cycles. */
  readonly time: number;
  /** Lets FCLK cycles pass in which no instruction is done. */
  stall(cycles: number): void;
}

/** Clocking of the core, by the bits iA and nF of c1. */
export const CLOCKING = {
  /** The core runs at the bus clock. */
  FAST_BUS: 0,
  /** FCLK is a multiple of the bus clock. */
  SYNCHRONOUS: 1,
  /** FCLK and the bus clock are unrelated. */
  ASYNCHRONOUS: 2,
} as const;

/** What the core stood still for since reset, FCLK cycles, and how often. */
export interface StallCounts {
  /** Instruction lines filled. */
  instructionFills: number;
  /** Their time. */
  instructionFillCycles: number;
  /** Data lines filled. */
  dataFills: number;
  /** Their time, with that of lines written back before. */
  dataFillCycles: number;
  /** Words read in table walks. */
  walkReads: number;
  /** Their time. */
  walkCycles: number;
  /** Reads and instruction fetches that were not cached. */
  reads: number;
  /** Their time. */
  readCycles: number;
  /** Writes that were not buffered. */
  writes: number;
  /** Their time. */
  writeCycles: number;
  /** Stores, STMs and lines that went to the write buffer. */
  buffered: number;
  /** Waits for room in the write buffer. */
  bufferFullCycles: number;
  /** Waits for the write buffer to be empty, on request. */
  drainCycles: number;
  /** Lines cleaned on request. */
  cleanCycles: number;
}

/** Saved form of a {@linkcode MemoryTiming}. */
export interface MemoryTimingState {
  /** The bus. */
  bus: BusTimingState;
  /** Entries of the write buffer, oldest first: address, words, bytes of each, ready at. */
  buffer: number[][];
  /** Board time at which the write of the oldest entry has ended; -1 when it has not begun. */
  draining: number;
  /** Board time at which the core went back to its own clock. */
  coreAt: number;
  /** Board time of the bus then. */
  busAt: number;
  /** Address that would go on with the burst of the core. */
  burst: number;
  /** Counts. */
  counts: StallCounts;
}

/** An entry of the write buffer. */
interface Entry {
  /** Address of its first word. */
  pa: number;
  /** Words. */
  words: number;
  /** Bytes of each. */
  bytes: number;
  /** Board time at which its write can begin. */
  ready: number;
}

const LINE_WORDS = 8;
/** Bursts of the core do not cross a boundary of 1 KB. */
const BURST_END = 0x3ff;

/** Counts at zero. */
export function zeroStallCounts(): StallCounts {
  return {
    instructionFills: 0,
    instructionFillCycles: 0,
    dataFills: 0,
    dataFillCycles: 0,
    walkReads: 0,
    walkCycles: 0,
    reads: 0,
    readCycles: 0,
    writes: 0,
    writeCycles: 0,
    buffered: 0,
    bufferFullCycles: 0,
    drainCycles: 0,
    cleanCycles: 0,
  };
}

/** The memory system in time. */
export class MemoryTiming {
  /** The costs. */
  readonly values: TimingValues;
  /** The bus. */
  readonly bus: BusTiming;
  /** A value of {@linkcode CLOCKING}. */
  clocking: number = CLOCKING.FAST_BUS;
  /** The access that comes next goes on with the burst of the one before (LDM, STM). */
  sequential = false;
  /** Set when a load was not aligned. */
  unaligned = false;
  /** What the core stood still for. */
  counts: StallCounts = zeroStallCounts();
  #account: TimeAccount = { time: 0, stall: () => {} };
  #buffer: Entry[] = [];
  /** End of the write of the oldest entry, -1 while it has not begun. */
  #draining = -1;
  // When the core last came from the bus, in its time and in that of the bus.
  #coreAt = -1;
  #busAt = 0;
  #burst = -1;
  #victimPa = 0;
  #victimWords = 0;

  /**
   * A memory system at rest.
   *
   * @param values The costs.
   * @param registers The chip's registers.
   */
  constructor(values: TimingValues, registers: BusRegisters) {
    this.values = values;
    this.bus = new BusTiming(values, registers);
  }

  /** Names whose time is charged. */
  attach(account: TimeAccount): void {
    this.#account = account;
  }

  /** FCLK cycles of a cycle of the core. */
  get coreCycle(): number {
    return this.clocking === CLOCKING.FAST_BUS ? this.bus.hclk : 1;
  }

  /** A line fill. */
  fill(pa: number, instruction: boolean): void {
    const { values, counts } = this;
    const time = this.#account.time;
    let at = this.#toBus(time);
    if (values.fillDrainsBuffer !== 0) at = this.#empty(at);
    else this.#advance(at, 0);
    const first = (pa & -32) >>> 0;
    const end = this.bus.transfer(at, first, LINE_WORDS, 4, false);
    const ahead = values.fillWholeLine !== 0 ? 0 : 7 - ((pa >>> 2) & 7);
    const spent = this.#waitFor(end - ahead * this.bus.hclk, time);
    if (instruction) {
      counts.instructionFills++;
      counts.instructionFillCycles += spent;
    } else {
      counts.dataFills++;
      counts.dataFillCycles += spent;
    }
    if (this.#victimWords > 0) {
      this.#push(this.#victimPa, this.#victimWords, 4);
      this.#victimWords = 0;
    }
  }

  /**
   * Dirty halves of a line leave the cache.
   *
   * @param pa Physical address of the line.
   * @param dirty Bit 0 the lower half, bit 1 the upper.
   * @param displaced True before a fill into its place, false for a clean on request.
   */
  writeBack(pa: number, dirty: number, displaced: boolean): void {
    const first = dirty === 2 ? pa + 16 : pa;
    const words = dirty === 3 ? 8 : 4;
    if (displaced) {
      this.#victimPa = first;
      this.#victimWords = words;
      return;
    }
    const spent = words * this.values.cleanWord * this.coreCycle;
    this.#account.stall(spent);
    this.counts.cleanCycles += spent;
    this.#push(first, words, 4);
  }

  /** One read of a table walk. */
  walk(pa: number): void {
    const time = this.#account.time;
    let at = this.#toBus(time);
    if (this.values.walkDrainsBuffer !== 0) at = this.#empty(at);
    else this.#advance(at, 0);
    this.counts.walkReads++;
    this.counts.walkCycles += this.#waitFor(this.bus.transfer(at, pa, 1, 4, false), time);
  }

  /** A read or instruction fetch that is not cached. */
  read(pa: number, bytes: number): void {
    const time = this.#account.time;
    const going = this.#goOn(pa, false);
    let end = going;
    if (going < 0) {
      let at = this.#toBus(time);
      if (this.values.readDrainsBuffer !== 0) at = this.#empty(at);
      else this.#advance(at, 0);
      end = this.bus.transfer(at, pa, 1, bytes, false);
    }
    this.#burst = bytes === 4 ? pa + 4 : -1;
    this.counts.reads++;
    this.counts.readCycles += this.#waitFor(end, time);
  }

  /**
   * A write to memory or a device.
   *
   * @param pa Physical address.
   * @param bytes Bytes.
   * @param buffered True when it goes to the write buffer.
   */
  write(pa: number, bytes: number, buffered: boolean): void {
    if (buffered) {
      this.#store(pa, bytes);
      return;
    }
    const time = this.#account.time;
    const going = this.#goOn(pa, true);
    const end = going >= 0
      ? going
      : this.bus.transfer(this.#empty(this.#toBus(time)), pa, 1, bytes, true);
    this.#burst = bytes === 4 ? pa + 4 : -1;
    this.counts.writes++;
    this.counts.writeCycles += this.#waitFor(end, time);
  }

  /** Waits until the write buffer is empty. */
  drain(): void {
    const time = this.#account.time;
    const end = this.#empty(time);
    if (end > time) this.counts.drainCycles += this.#waitFor(end, time);
  }

  /** The core does something between two accesses that nobody tells here: it has left the bus. */
  leaveBus(): void {
    this.#coreAt = -1;
  }

  /** A c7 operation. */
  cacheOperation(): void {
    const cycles = this.values.cacheOperation * this.coreCycle;
    if (cycles > 0) this.#account.stall(cycles);
  }

  /** A c8 operation. */
  tlbOperation(): void {
    const cycles = this.values.tlbOperation * this.coreCycle;
    if (cycles > 0) this.#account.stall(cycles);
  }

  /** When the bus could begin with what the core asks for now. */
  #toBus(time: number): number {
    if (this.clocking !== CLOCKING.ASYNCHRONOUS) return time;
    // A core that has just been on the bus has not changed its clock yet.
    if (time === this.#coreAt) return this.#busAt;
    return this.bus.edge(time) + this.values.syncToBus * this.bus.hclk;
  }

  /** Lets the core stand still from `time` until the bus has done something, and change its clock. */
  #waitFor(end: number, time: number): number {
    const back = this.clocking === CLOCKING.ASYNCHRONOUS ? end + this.values.syncToCore : end;
    const spent = Math.max(0, back - time);
    this.#account.stall(spent);
    this.#coreAt = time + spent;
    this.#busAt = end;
    return spent;
  }

  /** The next word of an LDM or STM, if the bus is still at it; otherwise -1. */
  #goOn(pa: number, write: boolean): number {
    if (!this.sequential || pa !== this.#burst || (pa & BURST_END) === 0) return -1;
    return this.#busAt === this.bus.free ? this.bus.goOn(pa, write) : -1;
  }

  /** A store to the write buffer. */
  #store(pa: number, bytes: number): void {
    const buffer = this.#buffer;
    const last = buffer[buffer.length - 1];
    // The words of an STM share an address.
    if (this.sequential && last !== undefined && pa === this.#burst && (pa & BURST_END) !== 0) {
      if (!(buffer.length === 1 && this.#draining >= 0) && this.#room(1, 0, 1)) {
        last.words++;
        last.ready = this.#toBus(this.#account.time);
        this.#burst = pa + 4;
        return;
      }
    }
    this.#push(pa, 1, bytes);
    this.#burst = bytes === 4 ? pa + 4 : -1;
  }

  /** Puts an entry into the write buffer, when there is room. */
  #push(pa: number, words: number, bytes: number): void {
    const time = this.#account.time;
    if (!this.#room(words, 1, 0)) this.#waitForRoom(words, time);
    const ready = this.#toBus(this.#account.time);
    this.#buffer.push({ pa, words, bytes, ready });
    this.counts.buffered++;
  }

  /** True when the write buffer has room now. */
  #room(words: number, addresses: number, keep: number): boolean {
    const time = this.#account.time;
    this.#advance(time, keep);
    const { writeBufferWords, writeBufferAddresses } = this.values;
    return this.#buffer.length + addresses <= writeBufferAddresses &&
      this.#words(time) + words <= Math.max(words, writeBufferWords);
  }

  /** Words in the write buffer. Those of the entry being written leave it one by one. */
  #words(time: number): number {
    let words = 0;
    for (const entry of this.#buffer) words += entry.words;
    if (this.#draining >= 0) {
      const all = this.#buffer[0].words;
      const left = Math.ceil((this.#draining - time) / this.bus.hclk);
      words -= all - Math.min(all, left);
    }
    return words;
  }

  /** Lets the core stand still until there is room for an entry. */
  #waitForRoom(words: number, time: number): void {
    const { writeBufferWords, writeBufferAddresses } = this.values;
    let at = time;
    while (
      this.#buffer.length >= writeBufferAddresses ||
      this.#words(at) + words > Math.max(words, writeBufferWords)
    ) {
      if (this.#draining < 0) this.#begin();
      const next = this.#buffer.length >= writeBufferAddresses
        ? this.#draining
        : Math.min(this.#draining, this.bus.edge(at + 1));
      at = Math.max(at, next);
      this.#advance(at, 0);
    }
    this.#account.stall(at - time);
    this.counts.bufferFullCycles += at - time;
  }

  /** Begins to write the oldest entry. */
  #begin(): void {
    const { pa, words, bytes, ready } = this.#buffer[0];
    this.#draining = this.bus.transfer(ready, pa, words, bytes, true);
  }

  /**
   * Lets the write buffer work up to a board time.
   *
   * @param keep Newest entries that are not to be begun, as an STM is still adding to them.
   */
  #advance(time: number, keep: number): void {
    const buffer = this.#buffer;
    while (buffer.length > 0) {
      if (this.#draining < 0) {
        if (buffer.length <= keep) return;
        const { ready } = buffer[0];
        if (Math.max(this.bus.edge(ready), this.bus.free) > time) return;
        this.#begin();
      }
      if (this.#draining > time) return;
      buffer.shift();
      this.#draining = -1;
    }
  }

  /** Board time, at or after `time`, at which all that is in the write buffer now is written. */
  #empty(time: number): number {
    let end = time;
    while (this.#buffer.length > 0) {
      if (this.#draining < 0) this.#begin();
      end = Math.max(end, this.#draining);
      this.#buffer.shift();
      this.#draining = -1;
    }
    return end;
  }

  /** As after a reset: an empty write buffer, counts at zero. */
  reset(): void {
    this.#buffer.length = 0;
    this.#draining = -1;
    this.#coreAt = -1;
    this.#burst = -1;
    this.#victimWords = 0;
    this.sequential = false;
    this.unaligned = false;
    this.counts = zeroStallCounts();
    this.bus.reset();
  }

  /** The state as plain data. */
  state(): MemoryTimingState {
    return {
      bus: this.bus.state(),
      buffer: this.#buffer.map(({ pa, words, bytes, ready }) => [pa, words, bytes, ready]),
      draining: this.#draining,
      coreAt: this.#coreAt,
      busAt: this.#busAt,
      burst: this.#burst,
      counts: { ...this.counts },
    };
  }

  /** Takes what {@linkcode state} gave. */
  restore(s: MemoryTimingState): void {
    this.bus.restore(s.bus);
    this.#buffer = s.buffer.map(([pa, words, bytes, ready]) => ({ pa, words, bytes, ready }));
    this.#draining = s.draining;
    this.#coreAt = s.coreAt;
    this.#busAt = s.busAt;
    this.#burst = s.burst;
    this.#victimWords = 0;
    this.sequential = false;
    this.unaligned = false;
    this.counts = { ...s.counts };
  }
}
