/**
 * The monitor's port to the machine: each word it reads or writes, each CP15 operation and each
 * instruction it stands for goes through here and is charged to board time.
 *
 * Hand-written routines (`ROUTINES`) are charged word by word and by the cycles that their instructions
 * take beside; all else stands for compiled code, which is charged a share for each word it touches. In
 * the timed fidelity caches, TLBs, write buffer and bus add what they cost, and routines are fetched.
 *
 * @module
 */

import type { Board } from "./board.ts";
import type { Clock } from "./clock.ts";
import type { Cpu } from "./cpu.ts";
import { type MaintenanceCounts, noMaintenance } from "./maintenance.ts";
import { ACCESS } from "./mmu.ts";
import { faultStatusName } from "./pagetable.ts";
import { ROUTINE, type Routine } from "./routines.ts";

/** The monitor's own access failed: a class-3 error. Never leaves the monitor. */
export class MonitorFault extends Error {
  /**
   * A port to a machine.
   *
   * @param message What failed.
   */
  constructor(message: string) {
    super(message);
    this.name = "MonitorFault";
  }
}

/** Charged cycles, where caches and TLBs hit. */
export const COST = {
  /** A data word. */
  WORD: 1,
  /** What compiled code does for each word beside: the instructions around it. */
  CODE: 2,
  /** MCR or MRC. */
  CP15: 2,
  /** Drain of the write buffer (fast fidelity). */
  DRAIN: 16,
  /** A not cached register of a device (fast fidelity). */
  DEVICE: 16,
  /** A word of a bulk copy: half a cached read and a buffered write, ALGORITHMS section 3. */
  COPY_WORD: 12,
  /** A word of a page filled with 0 (fast fidelity). */
  CLEAR_WORD: 4,
  /** A word of a checksum: LDM's, EOR, MUL by 25 bits. */
  SUM_WORD: 6,
} as const;

/** Count of PWM timer 4, the monitor's, S3C2440A manual chapter 10. */
const TCNTO4 = 0x5100_0040;
const LINE = 32;
/** First of the ways of the data cache that the lines of a page being copied go through, of 64. */
const COPY_WAY = 8;
/** Lines of it that are filled before they are stored. */
const COPY_LINES = 8;
/** Lines that a round of cache maintenance takes. */
const UNROLLED = 4;
const ZERO_PAGE = new Uint8Array(4096);
const ZERO_LINE: readonly number[] = new Array(LINE / 4).fill(0);

/** Fault status of a page permission fault. */
export const PERMISSION_PAGE = 0b1111;

/** Sum of a frame: of its first word and the others. */
export function sumWords(first: number, others: Uint32Array): number {
  let sum = Math.imul(1 ^ first, SUM_PRIME);
  for (let i = 0; i < others.length; i++) sum = Math.imul(sum ^ others[i], SUM_PRIME);
  return sum >>> 0;
}

const SUM_PRIME = 0x01000193;

/** The metered port. */
export class Port {
  /** Where {@linkcode charged} ends: damaged records may make a chain of the monitor's go round. */
  limit: number = Infinity;
  /** Maintenance done so far. */
  readonly maintenance: MaintenanceCounts = noMaintenance();
  readonly #cpu: Cpu;
  readonly #clock: Clock;
  /** What devices and copies cost in the fast fidelity; in the timed one the bus says. */
  readonly #timed: boolean;

  /**
   * A port to a machine.
   *
   * @param board The machine.
   */
  constructor(readonly board: Board) {
    this.#cpu = board.cpu;
    this.#clock = board.clock;
    this.#timed = board.timing !== undefined;
  }

  /** Board time, cycles, with everything charged so far: for reports. */
  get now(): number {
    return this.#clock.now;
  }

  /** Cycles charged so far: while the monitor works, all time is its. */
  get charged(): number {
    return this.#clock.now;
  }

  /** Board time, cycles, as the monitor learns it: by the count of its timer and its ticks. */
  time(): number {
    this.routine(ROUTINE.time);
    this.device(TCNTO4);
    return this.#clock.now;
  }

  /** Charges `cycles` for instructions that the caller stands for. */
  charge(cycles: number): void {
    const now = this.#clock.now + cycles;
    if (now > this.limit) throw new MonitorFault("the monitor does not come to an end");
    this.#clock.now = now;
  }

  /**
   * Charges a routine's instructions apart from the words that they load and store.
   *
   * @param rounds How often its loop goes round.
   */
  routine(routine: Routine, rounds = 0): void {
    this.charge(routine.issue + rounds * routine.round);
    this.board.timing?.fetch(routine.address, routine.bytes, true);
  }

  /** Loads a word of the monitor's own memory in a hand-written routine. */
  ldr(va: number): number {
    this.charge(COST.WORD);
    const value = this.#cpu.load(va, 4, true);
    if (this.#cpu.fault !== 0) this.#fail("read of", va);
    return value;
  }

  /** Stores a word of the monitor's own memory in a hand-written routine. */
  str(va: number, value: number): void {
    this.charge(COST.WORD);
    this.#cpu.store(va, 4, value, true);
    if (this.#cpu.fault !== 0) this.#fail("write of", va);
  }

  /** Loads a byte of the monitor's own memory in a hand-written routine. */
  ldrb(va: number): number {
    this.charge(COST.WORD);
    const value = this.#cpu.load(va, 1, true);
    if (this.#cpu.fault !== 0) this.#fail("read of", va);
    return value;
  }

  /** Reads a word of the monitor's own memory, privileged. */
  read(va: number): number {
    this.charge(COST.CODE);
    return this.ldr(va);
  }

  /** Writes a word of the monitor's own memory, privileged. */
  write(va: number, value: number): void {
    this.charge(COST.CODE);
    this.str(va, value);
  }

  /** Reads a word of SDRAM past the core, for an observer: it costs nothing. */
  peek(pa: number): number {
    return this.board.peek(pa, 4);
  }

  /**
   * Reads a count.
   *
   * @param most More than these is damage: nobody counts so far.
   */
  count(va: number, most: number): number {
    const value = this.read(va);
    if (value <= most) return value;
    throw new MonitorFault(`the count at 0x${va.toString(16)} is damaged: ${value}`);
  }

  /** Reads a 64-bit count (a safe integer). */
  read64(va: number): number {
    return this.read(va) + this.read(va + 4) * 0x1_0000_0000;
  }

  /** Writes a 64-bit count. */
  write64(va: number, value: number): void {
    this.write(va, value >>> 0);
    this.write(va + 4, Math.floor(value / 0x1_0000_0000));
  }

  /** Adds to a word and returns the new value. */
  add(va: number, delta: number): number {
    const value = (this.read(va) + delta) >>> 0;
    this.write(va, value);
    return value;
  }

  /** Copies words inside the monitor's memory, several by each LDM and STM. */
  copyWords(from: number, to: number, bytes: number): void {
    for (let i = 0; i < bytes; i += 4) this.str(to + i, this.ldr(from + i));
    this.charge(Math.ceil(bytes / 16));
  }

  /** Fills words of the monitor's memory with 0. */
  clear(va: number, bytes: number): void {
    for (let i = 0; i < bytes; i += 4) this.str(va + i, 0);
    this.charge(Math.ceil(bytes / 16));
  }

  /** Reads a device register. */
  device(va: number): number {
    this.#chargeDevice();
    return this.ldr(va);
  }

  /** Writes a device register. */
  setDevice(va: number, value: number): void {
    this.#chargeDevice();
    this.str(va, value);
  }

  /** Reads a byte-wide device register. */
  deviceByte(va: number): number {
    this.#chargeDevice();
    return this.ldrb(va);
  }

  /** Writes a byte-wide device register. */
  setDeviceByte(va: number, value: number): void {
    this.#chargeDevice();
    this.charge(COST.WORD);
    this.#cpu.store(va, 1, value & 255, true);
    if (this.#cpu.fault !== 0) this.#fail("write of", va);
  }

  #chargeDevice(): void {
    if (!this.#timed) this.charge(COST.DEVICE - COST.WORD);
  }

  /**
   * Reads guest memory with User permission (LDRT).
   *
   * @returns The value, or -1 when the guest may not read there (see {@linkcode guestFault}).
   */
  readUser(va: number, size: 1 | 2 | 4): number {
    this.charge(COST.WORD + COST.CODE);
    const value = this.#cpu.load(va, size, false);
    return this.#cpu.fault === 0 ? value : -1;
  }

  /**
   * Told of a permission fault in {@linkcode writeUser}, with the MVA; true: try again. The monitor
   * sets it, so that its own writes to guest pages can't slip past copy-on-write.
   */
  onProtected: ((mva: number) => boolean) | undefined;

  /** Writes guest memory with User permission (STRT); false when the guest may not. */
  writeUser(va: number, size: 1 | 2 | 4, value: number): boolean {
    this.charge(COST.WORD + COST.CODE);
    this.#cpu.store(va, size, value, false);
    if (this.#cpu.fault === 0) return true;
    if ((this.#cpu.fault & 15) !== PERMISSION_PAGE || !this.onProtected?.(va)) return false;
    this.#cpu.store(va, size, value, false);
    return this.#cpu.fault === 0;
  }

  /** Fault status of the last failed User access. */
  get guestFault(): number {
    return this.#cpu.fault;
  }

  /** Fault address of the last failed User access. */
  get guestFaultAddress(): number {
    return this.#cpu.faultAddress;
  }

  /** Stores words one after the other, as an STM does. */
  stm(va: number, values: readonly number[]): void {
    this.#burst(values.length, (i) => this.str(va + i * 4, values[i]));
  }

  /** Loads words one after the other, as an LDM does. */
  ldm(va: number, count: number): number[] {
    const values: number[] = [];
    this.#burst(count, (i) => values.push(this.ldr(va + i * 4)));
    return values;
  }

  /** Accesses that go on with a burst, where there are bursts. */
  #burst(count: number, access: (i: number) => void): void {
    const memory = this.board.timing?.memory;
    for (let i = 0; i < count; i++) {
      if (memory !== undefined) memory.sequential = i > 0;
      access(i);
    }
    if (memory !== undefined) memory.sequential = false;
  }

  /**
   * Copies a page of the current guest out to a frame: LDRT at the slot's MVA (so that dirty cache
   * lines are seen), not cached stores to the frame. Fails as a class-3 error.
   */
  copyOut(mva: number, frame: number): void {
    const whole = !this.#cpu.mmu.direct;
    this.#lockCache(0, COPY_WAY);
    if (whole) this.#copyAhead(mva, frame);
    else this.#copy(ROUTINE.page_copy, mva, false, frame, true);
    this.#lockCache(0, 0);
    this.#lockCache(1, COPY_WAY);
  }

  /** Eight lines are waited for, then they are stored: see page_copy. */
  #copyAhead(mva: number, frame: number): void {
    if (this.#timed) this.routine(ROUTINE.page_copy);
    else this.charge(1024 * COST.COPY_WORD);
    this.#loadWords([], mva, 4, false);
    for (let i = 0; i < 4096; i += COPY_LINES * LINE) {
      let words: number[] = [];
      this.#loadWords(words, mva + i, LINE, false);
      for (let at = LINE; at < COPY_LINES * LINE; at += LINE) {
        this.#loadWords([], mva + i + at, 4, false);
      }
      for (let at = LINE; at < COPY_LINES * LINE; at += LINE) {
        this.#storeLine(frame + i + at - LINE, words, true);
        if (this.#timed) this.charge(ROUTINE.page_copy.round);
        words = [];
        this.#loadWords(words, mva + i + at, LINE, false);
      }
      this.#storeLine(frame + i + (COPY_LINES - 1) * LINE, words, true);
    }
  }

  /** Data cache lockdown (c9): the first way that may be displaced, or (CRm 1) the next one. */
  #lockCache(crm: number, way: number): void {
    if (this.#timed) this.charge(COST.CP15);
    this.#cpu.mmu.mcr(9, crm, 0, way << 26);
  }

  /** Copies a frame into a page of the current guest that it may write, through the slot's MVA. */
  copyIn(frame: number, mva: number): void {
    this.#copy(ROUTINE.page_restore, frame, true, mva, false);
  }

  /** Copies frame to frame, both through the monitor's not cached mapping. */
  copyFrame(from: number, to: number): void {
    this.#copy(ROUTINE.frame_copy, from, true, to, true);
  }

  #copy(
    routine: Routine,
    from: number,
    fromPrivileged: boolean,
    to: number,
    toPrivileged: boolean,
  ): void {
    const cpu = this.#cpu;
    if (this.#timed) this.routine(routine);
    else this.charge(1024 * COST.COPY_WORD);
    const round = this.#timed ? routine.round : 0;
    // The first line goes word by word: it faults or fills the TLB as all others would.
    const whole = cpu.mmu.direct ? LINE : 4096;
    for (let i = 0; i < whole; i += LINE) {
      const words: number[] = [];
      this.charge(round);
      this.#loadWords(words, from + i, LINE, fromPrivileged);
      this.#storeLine(to + i, words, toPrivileged);
    }
    if (whole < 4096) {
      const source = cpu.mmu.host(cpu.mmu.translate(from, ACCESS.READ, fromPrivileged), false);
      const target = cpu.mmu.translate(to, ACCESS.WRITE, toPrivileged);
      const bytes = this.board.memory.u8;
      this.board.debugWrite(target, bytes.subarray(source, source + 4096));
    }
  }

  /** LDRT takes word by word, LDM goes on with a burst. */
  #loadWords(words: number[], from: number, bytes: number, privileged: boolean): void {
    const cpu = this.#cpu;
    const memory = this.board.timing?.memory;
    for (let i = 0; i < bytes; i += 4) {
      if (this.#timed) this.charge(COST.WORD);
      if (memory !== undefined) memory.sequential = privileged && i > 0;
      words.push(cpu.load(from + i, 4, privileged));
      if (cpu.fault !== 0) this.#fail("copy from", from + i);
    }
    if (memory !== undefined) memory.sequential = false;
  }

  /** The same for STRT and STM. */
  #storeLine(to: number, words: readonly number[], privileged: boolean): void {
    const cpu = this.#cpu;
    const memory = this.board.timing?.memory;
    words.forEach((word, i) => {
      if (this.#timed) this.charge(COST.WORD);
      if (memory !== undefined) memory.sequential = privileged && i > 0;
      cpu.store(to + i * 4, 4, word, privileged);
      if (cpu.fault !== 0) this.#fail("copy to", to + i * 4);
    });
    if (memory !== undefined) memory.sequential = false;
  }

  /**
   * Sum of a frame's content, through the monitor's not cached mapping.
   *
   * @param stamp Address of the word that it is written to; 0: nowhere.
   */
  sumFrame(frame: number, stamp = 0): number {
    const cpu = this.#cpu;
    let words: Uint32Array;
    this.charge(1024 * (COST.SUM_WORD - COST.WORD));
    if (this.#timed) {
      words = new Uint32Array(1024);
      for (let i = 0; i < 4096; i += LINE) words.set(this.ldm(frame + i, LINE / 4), i >>> 2);
    } else {
      this.charge(1024 * COST.WORD);
      cpu.load(frame, 4, true);
      if (cpu.fault !== 0) this.#fail("read of", frame);
      const at = cpu.mmu.host(cpu.mmu.translate(frame, ACCESS.READ, true), false) >>> 2;
      words = this.board.memory.u32.subarray(at, at + 1024);
    }
    const sum = sumWords(words[0], words.subarray(1));
    if (stamp !== 0) this.write(stamp, sum);
    return sum;
  }

  /** Fills a frame with 0 through the monitor's mapping. */
  clearFrame(frame: number): void {
    const cpu = this.#cpu;
    if (this.#timed) {
      this.routine(ROUTINE.page_clear);
      for (let i = 0; i < 4096; i += LINE) {
        this.charge(ROUTINE.page_clear.round);
        this.stm(frame + i, ZERO_LINE);
      }
      return;
    }
    this.charge(1024 * COST.CLEAR_WORD);
    const whole = cpu.mmu.direct ? 4 : 4096;
    for (let i = 0; i < whole; i += 4) cpu.store(frame + i, 4, 0, true);
    if (cpu.fault !== 0) this.#fail("clear of", frame);
    if (whole < 4096) {
      this.board.debugWrite(cpu.mmu.translate(frame, ACCESS.WRITE, true), ZERO_PAGE);
    }
  }

  /** Stores a byte of an image in a frame. */
  storeByte(va: number, value: number): void {
    this.charge(COST.WORD + COST.CODE);
    this.#cpu.store(va, 1, value, true);
    if (this.#cpu.fault !== 0) this.#fail("write of", va);
  }

  /** Stores a halfword of the monitor's memory. */
  storeHalf(va: number, value: number): void {
    this.charge(COST.WORD + COST.CODE);
    this.#cpu.store(va, 2, value, true);
    if (this.#cpu.fault !== 0) this.#fail("write of", va);
  }

  /** Loads a byte of the monitor's memory or the flash. */
  loadByte(va: number): number {
    this.charge(COST.CODE);
    return this.ldrb(va);
  }

  /** Writes a CP15 register as MCR would. */
  mcr(crn: number, crm: number, op2: number, value: number): void {
    this.charge(COST.CP15);
    this.#cpu.mmu.mcr(crn, crm, op2, value);
  }

  /** Reads a CP15 register as MRC would. */
  mrc(crn: number, crm: number, op2: number): number {
    this.charge(COST.CP15);
    return this.#cpu.mmu.mrc(crn, crm, op2) >>> 0;
  }

  /** Domain access control register (c3). */
  setDacr(value: number): void {
    this.mcr(3, 0, 0, value);
  }

  /** Drains the write buffer (c7, c10, 4). */
  drain(): void {
    if (!this.#timed) this.charge(COST.DRAIN - COST.CP15);
    this.maintenance.drain++;
    this.mcr(7, 10, 4, 0);
  }

  /** Descriptors that were written come into force: write buffer, data TLB. */
  publish(): void {
    this.routine(ROUTINE.publish);
    this.drain();
    this.invalidateDataTlb();
  }

  /** Invalidates the whole data TLB (c8, c6, 0). */
  invalidateDataTlb(): void {
    this.maintenance.dTlbAll++;
    this.mcr(8, 6, 0, 0);
  }

  /** Invalidates one data TLB entry (c8, c6, 1). */
  invalidateDataTlbEntry(mva: number): void {
    this.maintenance.dTlbOne++;
    this.mcr(8, 6, 1, mva);
  }

  /** Invalidates the whole instruction TLB (c8, c5, 0). */
  invalidateInstructionTlb(): void {
    this.maintenance.iTlbAll++;
    this.mcr(8, 5, 0, 0);
  }

  /** Invalidates one instruction TLB entry (c8, c5, 1). */
  invalidateInstructionTlbEntry(mva: number): void {
    this.maintenance.iTlbOne++;
    this.mcr(8, 5, 1, mva);
  }

  /** Invalidates, without cleaning, the data and instruction cache lines of a page by MVA. */
  discardPageLines(mva: number): void {
    this.#pageLines(ROUTINE.discard_lines, mva, 6);
  }

  /** Cleans the data lines of a page by MVA and invalidates them in both caches. */
  flushPageLines(mva: number): void {
    this.#pageLines(ROUTINE.flush_lines, mva, 14);
  }

  /** An operation on the data lines of a page (c7, `crm`, 1); its instruction lines are invalidated. */
  #pageLines(routine: Routine, mva: number, crm: number): void {
    this.routine(routine, 4096 / LINE / UNROLLED);
    for (let i = 0; i < 4096; i += LINE) {
      this.mcr(7, crm, 1, mva + i);
      this.mcr(7, 5, 1, mva + i);
    }
    this.maintenance.dCacheLine += 128;
    this.maintenance.iCacheLine += 128;
  }

  /** Cleans and invalidates the whole data cache by index (8 segments of 64 lines). */
  flushDataCache(): void {
    this.routine(ROUTINE.flush_cache, 512 / UNROLLED);
    for (let segment = 7; segment >= 0; segment--) {
      for (let index = 0; index < 64; index++) {
        this.mcr(7, 14, 2, (index << 26 | segment << 5) >>> 0);
      }
    }
    this.maintenance.dCacheIndex += 512;
  }

  /** Invalidates the whole instruction cache (c7, c5, 0). */
  invalidateInstructionCache(): void {
    this.maintenance.iCacheAll++;
    this.mcr(7, 5, 0, 0);
  }

  #fail(what: string, va: number): never {
    const status = faultStatusName(this.#cpu.fault);
    const at = (this.#cpu.faultAddress >>> 0).toString(16).padStart(8, "0");
    throw new MonitorFault(
      `${what} 0x${(va >>> 0).toString(16).padStart(8, "0")} failed: ${status} at 0x${at}`,
    );
  }
}
