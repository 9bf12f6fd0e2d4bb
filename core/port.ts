/**
 * The monitor's port to the machine: each word it reads or writes, each CP15 operation and each
 * instruction it stands for goes through here and is charged to board time.
 *
 * @module
 */

import type { Board } from "./board.ts";
import type { Clock } from "./clock.ts";
import type { Cpu } from "./cpu.ts";
import { type MaintenanceCounts, noMaintenance } from "./maintenance.ts";
import { ACCESS } from "./mmu.ts";
import { faultStatusName } from "./pagetable.ts";

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

/** Charged cycles of the fast fidelity (uncalibrated; the timed core measures them). */
export const COST = {
  /** A data word in cache. */
  WORD: 1,
  /** MCR or MRC. */
  CP15: 2,
  /** Drain of the write buffer. */
  DRAIN: 16,
  /** A not cached register of a device. */
  DEVICE: 16,
  /** A word of a bulk copy: half a cached read and a buffered write, ALGORITHMS section 3. */
  COPY_WORD: 12,
  /** Instructions that copy a line: LDM and STM of eight registers, count, branch back. */
  COPY_LINE: 20,
  /** Cache maintenance of a line by MVA. */
  CACHE_LINE: 3,
  /** Exception entry and the branch of the vector. */
  EXCEPTION: 8,
} as const;

const ZERO_PAGE = new Uint8Array(4096);

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
  /** Cycles charged so far. */
  charged = 0;
  /** Where {@linkcode charged} ends: damaged records may make a chain of the monitor's go round. */
  limit: number = Infinity;
  /** Maintenance done so far. */
  readonly maintenance: MaintenanceCounts = noMaintenance();
  readonly #cpu: Cpu;
  readonly #clock: Clock;
  /** In the timed fidelity the bus says what devices, copies and drains cost. */
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

  /** Board time, cycles, with everything charged so far. */
  get now(): number {
    return this.#clock.now;
  }

  /** Charges `cycles` for instructions that the caller stands for. */
  charge(cycles: number): void {
    this.charged += cycles;
    if (this.charged > this.limit) throw new MonitorFault("the monitor does not come to an end");
    this.#clock.now += cycles;
  }

  /** Reads a word of the monitor's own memory, privileged. */
  read(va: number): number {
    this.charge(COST.WORD);
    const value = this.#cpu.load(va, 4, true);
    if (this.#cpu.fault !== 0) this.#fail("read of", va);
    return value;
  }

  /** Writes a word of the monitor's own memory, privileged. */
  write(va: number, value: number): void {
    this.charge(COST.WORD);
    this.#cpu.store(va, 4, value, true);
    if (this.#cpu.fault !== 0) this.#fail("write of", va);
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

  /** Adds to a 64-bit count past the core: measuring costs no board time. */
  meter(address: number, cycles: number): void {
    const { memory, sdram } = this.board;
    const at = (sdram.offset + address - sdram.base) >>> 2;
    const total = memory.u32[at] + memory.u32[at + 1] * 0x1_0000_0000 + cycles;
    memory.u32[at] = total;
    memory.u32[at + 1] = Math.floor(total / 0x1_0000_0000);
  }

  /** Copies words inside the monitor's memory. */
  copyWords(from: number, to: number, bytes: number): void {
    for (let i = 0; i < bytes; i += 4) this.write(to + i, this.read(from + i));
  }

  /** Fills words of the monitor's memory with 0. */
  clear(va: number, bytes: number): void {
    for (let i = 0; i < bytes; i += 4) this.write(va + i, 0);
  }

  /** Reads a device register. */
  device(va: number): number {
    if (!this.#timed) this.charge(COST.DEVICE - COST.WORD);
    return this.read(va);
  }

  /** Writes a device register. */
  setDevice(va: number, value: number): void {
    if (!this.#timed) this.charge(COST.DEVICE - COST.WORD);
    this.write(va, value);
  }

  /** Reads a byte-wide device register. */
  deviceByte(va: number): number {
    this.charge(this.#timed ? COST.WORD : COST.DEVICE);
    const value = this.#cpu.load(va, 1, true);
    if (this.#cpu.fault !== 0) this.#fail("read of", va);
    return value;
  }

  /** Writes a byte-wide device register. */
  setDeviceByte(va: number, value: number): void {
    this.charge(this.#timed ? COST.WORD : COST.DEVICE);
    this.#cpu.store(va, 1, value & 255, true);
    if (this.#cpu.fault !== 0) this.#fail("write of", va);
  }

  /**
   * Reads guest memory with User permission (LDRT).
   *
   * @returns The value, or -1 when the guest may not read there (see {@linkcode guestFault}).
   */
  readUser(va: number, size: 1 | 2 | 4): number {
    this.charge(COST.WORD);
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
    this.charge(COST.WORD);
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

  /**
   * Copies a page of the current guest out to a frame, word by word: LDRT at the slot's MVA (so that
   * dirty cache lines are seen), a not cached store to the frame. Fails as a class-3 error.
   */
  copyOut(mva: number, frame: number): void {
    this.#copy(mva, false, frame, true);
  }

  /** Copies a frame into a page of the current guest that it may write, through the slot's MVA. */
  copyIn(frame: number, mva: number): void {
    this.#copy(frame, true, mva, false);
  }

  /** Copies frame to frame, both through the monitor's not cached mapping. */
  copyFrame(from: number, to: number): void {
    this.#copy(from, true, to, true);
  }

  #copy(from: number, fromPrivileged: boolean, to: number, toPrivileged: boolean): void {
    if (this.#timed) return this.#copyTimed(from, fromPrivileged, to, toPrivileged);
    this.charge(1024 * COST.COPY_WORD);
    const cpu = this.#cpu;
    // The first words go word by word: they fault or fill the TLB as all others would.
    const whole = cpu.mmu.direct ? 4 : 4096;
    for (let i = 0; i < whole; i += 4) {
      const word = cpu.load(from + i, 4, fromPrivileged);
      if (cpu.fault !== 0) this.#fail("copy from", from + i);
      cpu.store(to + i, 4, word, toPrivileged);
      if (cpu.fault !== 0) this.#fail("copy to", to + i);
    }
    if (whole < 4096) {
      const source = cpu.mmu.host(cpu.mmu.translate(from, ACCESS.READ, fromPrivileged), false);
      const target = cpu.mmu.translate(to, ACCESS.WRITE, toPrivileged);
      const bytes = this.board.memory.u8;
      this.board.debugWrite(target, bytes.subarray(source, source + 4096));
    }
  }

  /**
   * Sum of a frame's content, through the monitor's not cached mapping.
   *
   * @param stamp Address of the word that it is written to; 0: nowhere.
   */
  sumFrame(frame: number, stamp = 0): number {
    this.charge(2 * 1024 * COST.WORD);
    const cpu = this.#cpu;
    const first = cpu.load(frame, 4, true);
    if (cpu.fault !== 0) this.#fail("read of", frame);
    const pa = cpu.mmu.translate(frame, ACCESS.READ, true);
    const words = this.board.memory.u32;
    const at = cpu.mmu.host(pa, false) >>> 2;
    const sum = sumWords(first, words.subarray(at + 1, at + 1024));
    if (stamp !== 0) this.write(stamp, sum);
    return sum;
  }

  /** A line at a time, by LDM and STM of eight registers: bursts on the bus. */
  #copyTimed(from: number, fromPrivileged: boolean, to: number, toPrivileged: boolean): void {
    const cpu = this.#cpu;
    const memory = this.board.timing!.memory;
    const line = [0, 0, 0, 0, 0, 0, 0, 0];
    for (let i = 0; i < 4096; i += 32) {
      this.charge(COST.COPY_LINE);
      for (let j = 0; j < 8; j++) {
        memory.sequential = j > 0;
        line[j] = cpu.load(from + i + 4 * j, 4, fromPrivileged);
        if (cpu.fault !== 0) this.#fail("copy from", from + i + 4 * j);
      }
      for (let j = 0; j < 8; j++) {
        memory.sequential = j > 0;
        cpu.store(to + i + 4 * j, 4, line[j], toPrivileged);
        if (cpu.fault !== 0) this.#fail("copy to", to + i + 4 * j);
      }
    }
    memory.sequential = false;
  }

  /** Fills a frame with 0 through the monitor's mapping. */
  clearFrame(frame: number): void {
    this.charge(1024 * 4);
    const cpu = this.#cpu;
    const whole = cpu.mmu.direct ? 4 : 4096;
    for (let i = 0; i < whole; i += 4) cpu.store(frame + i, 4, 0, true);
    if (cpu.fault !== 0) this.#fail("clear of", frame);
    if (whole < 4096) {
      this.board.debugWrite(cpu.mmu.translate(frame, ACCESS.WRITE, true), ZERO_PAGE);
    }
  }

  /** Stores a byte of an image in a frame. */
  storeByte(va: number, value: number): void {
    this.charge(2);
    this.#cpu.store(va, 1, value, true);
    if (this.#cpu.fault !== 0) this.#fail("write of", va);
  }

  /** Stores a halfword of the monitor's memory. */
  storeHalf(va: number, value: number): void {
    this.charge(COST.WORD);
    this.#cpu.store(va, 2, value, true);
    if (this.#cpu.fault !== 0) this.#fail("write of", va);
  }

  /** Loads a byte of the monitor's memory or the flash. */
  loadByte(va: number): number {
    this.charge(2);
    const value = this.#cpu.load(va, 1, true);
    if (this.#cpu.fault !== 0) this.#fail("read of", va);
    return value;
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

  /** FCSE process identifier (c13). */
  setPid(pid: number): void {
    this.mcr(13, 0, 0, pid << 25);
  }

  /** Drains the write buffer (c7, c10, 4). */
  drain(): void {
    if (!this.#timed) this.charge(COST.DRAIN);
    this.maintenance.drain++;
    this.mcr(7, 10, 4, 0);
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
    this.#pageLines(mva, 6);
  }

  /** Cleans the data lines of a page by MVA and invalidates them in both caches. */
  flushPageLines(mva: number): void {
    this.#pageLines(mva, 14);
  }

  /** An operation on the data lines of a page (c7, `crm`, 1); its instruction lines are invalidated. */
  #pageLines(mva: number, crm: number): void {
    const { mmu } = this.#cpu;
    for (let i = 0; i < 4096; i += 32) {
      mmu.mcr(7, crm, 1, mva + i);
      mmu.mcr(7, 5, 1, mva + i);
    }
    this.maintenance.dCacheLine += 128;
    this.maintenance.iCacheLine += 128;
    this.charge(128 * (2 * COST.CP15 + COST.CACHE_LINE));
  }

  /** Cleans and invalidates the whole data cache by index (8 segments of 64 lines). */
  flushDataCache(): void {
    const { mmu } = this.#cpu;
    for (let segment = 0; segment < 8; segment++) {
      for (let index = 0; index < 64; index++) {
        mmu.mcr(7, 14, 2, (index << 26 | segment << 5) >>> 0);
      }
    }
    this.maintenance.dCacheIndex += 512;
    this.charge(512 * (COST.CP15 + COST.CACHE_LINE));
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
