/**
 * Memory management unit of the ARM920T: FCSE, table walk, domains, permissions, the two TLBs and
 * the registers of CP15 (TRM DDI 0151C, sections 2.3 and 3).
 *
 * A fault is a value: {@linkcode Mmu.translate} answers -1 and leaves status and address for
 * whoever asked. Only the CPU writes the fault registers.
 *
 * @module
 */
import type { Bus, RamRegion } from "./bus.ts";
import { Cache, type CacheState, maintainCaches } from "./cache.ts";
import { C1, C1_ONES, C1_WRITABLE, C7, C8, CACHE_TYPE, CR, FAULT, ID_CODE } from "./cp15.ts";
import { Lookaside, UNREACHABLE } from "./lookaside.ts";
import type { HostMemory } from "./memory.ts";
import { C7_NAMES, C8_NAMES, type MmuCounters, zeroMmuCounters } from "./mmu_counters.ts";
import { Tlb, TLB_INFO, type TlbState } from "./tlb.ts";
import { CLOCKING, type MemoryTiming } from "./timing_memory.ts";

/** What an access does. */
export const ACCESS = {
  /** Data read. */
  READ: 0,
  /** Data write. */
  WRITE: 1,
  /** Instruction fetch. */
  FETCH: 2,
} as const;

/** A value of {@linkcode ACCESS}. */
export type Access = 0 | 1 | 2;

/** Saved form of an {@linkcode Mmu}. */
export interface MmuState {
  /** c1, writable bits. */
  control: number;
  /** c2. */
  ttb: number;
  /** c3. */
  dacr: number;
  /** c5, data. */
  dfsr: number;
  /** c5, prefetch. */
  ifsr: number;
  /** c6. */
  far: number;
  /** c9, data. */
  lockdownD: number;
  /** c9, instruction. */
  lockdownI: number;
  /** c13. */
  pid: number;
  /** Instruction TLB. */
  itlb: TlbState;
  /** Data TLB. */
  dtlb: TlbState;
  /** Instruction and data cache, where they are modelled. */
  caches?: { instruction: CacheState; data: CacheState };
  /** Operation counts. */
  counters: MmuCounters;
}

/** Way of a cache, in c9 and in the operations by index. */
const CACHE_INDEX = 0xfc000000 | 0;
const FCSE_BITS = 0xfe000000 | 0;
/** Virtual pages that FCSE moves. */
const FCSE_PAGES = 0x2000;

/** The MMU with its part of CP15. */
export class Mmu {
  /** Instruction TLB. */
  readonly itlb: Tlb = new Tlb((tag, mask) => this.#dropInstruction(tag, mask));
  /** Data TLB. */
  readonly dtlb: Tlb = new Tlb((tag, mask) => this.#dropData(tag, mask));
  /** Look-aside tables of the host. */
  readonly lookaside: Lookaside;
  /** One byte for each 4 KB of {@linkcode HostMemory}: 1 when instructions of it are decoded. */
  readonly codePages: Uint8Array;
  /** c1, writable bits only. */
  control = 0;
  /** c2, translation table base: signed, 16 KB aligned. */
  ttb = 0;
  /** c3, domain access control. */
  dacr = 0;
  /** c5 data fault status. */
  dfsr = 0;
  /** c5 prefetch fault status. */
  ifsr = 0;
  /** c6 fault address (MVA). */
  far = 0;
  /** c9 data cache lockdown. */
  lockdownD = 0;
  /** c9 instruction cache lockdown. */
  lockdownI = 0;
  /** c13 process identifier, in place: bits 31:25. */
  pid = 0;
  /** FSR value (domain << 4 | status) of the last translation that failed. */
  status = 0;
  /** Modified virtual address of the last translation that failed, unsigned. */
  address = 0;
  /** Index of the TLB entry that the last translation used; -1 with the MMU off. */
  entry: number = -1;
  /** Set when an earlier instruction translation may be wrong now; the CPU clears it. */
  fetchStale = true;
  /** Instruction cache, where it is modelled. */
  readonly icache: Cache | null = null;
  /** Data cache, where it is modelled. */
  readonly dcache: Cache | null = null;
  /** False while every access has to be looked at (big-endian operation, cache model). */
  direct = true;
  /** What walks, fills and operations cost, where time is modelled. */
  readonly timing: MemoryTiming | null;
  /** What was done since reset. */
  counters: MmuCounters = zeroMmuCounters();
  readonly #memory: HostMemory;
  readonly #bus: Bus;
  readonly #ram: readonly RamRegion[];
  // Result of the last walk.
  #mask = 0;
  #pa = 0;
  #info = 0;

  /**
   * Makes an MMU that is off.
   *
   * @param memory Holds the look-aside tables.
   * @param bus Where the tables of descriptors are read.
   * @param cached True to model the caches.
   * @param timing What accesses cost, to model time; the caches are modelled then.
   * @param seed Seed of the caches' replacement.
   */
  constructor(
    memory: HostMemory,
    bus: Bus,
    cached: boolean,
    timing: MemoryTiming | null = null,
    seed = 1,
  ) {
    this.#memory = memory;
    this.#bus = bus;
    this.#ram = bus.ram;
    this.lookaside = new Lookaside(memory);
    this.codePages = new Uint8Array(memory.u8.length >>> 12);
    this.timing = timing;
    if (cached || timing !== null) {
      this.icache = new Cache(this, true, seed);
      this.dcache = new Cache(this, false, seed);
      this.icache.traffic = timing;
      this.dcache.traffic = timing;
    }
  }

  /** Registers, TLBs, caches and counters as after a reset: MMU off, low vectors, caches off. */
  reset(): void {
    this.control = 0;
    this.ttb = 0;
    this.dacr = 0;
    this.dfsr = 0;
    this.ifsr = 0;
    this.far = 0;
    this.lockdownD = 0;
    this.lockdownI = 0;
    this.pid = 0;
    this.itlb.reset();
    this.dtlb.reset();
    this.icache?.reset();
    this.dcache?.reset();
    this.timing?.reset();
    this.#setDirect();
    this.flush();
    this.counters = zeroMmuCounters();
  }

  /** Applies FCSE: virtual to modified virtual address, both signed. */
  mva(va: number): number {
    return (va & FCSE_BITS) === 0 ? va | this.pid : va;
  }

  /**
   * Translates an address as an access does: looks in the TLB, walks the tables on a miss and
   * enters what it finds, then checks domain and permission. Alignment is the caller's.
   *
   * @param va Virtual address.
   * @param access A value of {@linkcode ACCESS}.
   * @param privileged False for user permission.
   * @returns Physical address (unsigned), or -1: {@linkcode status} and {@linkcode address} say why.
   */
  translate(va: number, access: Access, privileged: boolean): number {
    return this.#translate(this.mva(va | 0), access, privileged);
  }

  #translate(mva: number, access: Access, privileged: boolean): number {
    if ((this.control & C1.M) === 0) {
      this.entry = -1;
      return mva >>> 0;
    }
    const tlb = access === ACCESS.FETCH ? this.itlb : this.dtlb;
    let i = tlb.find(mva);
    if (i < 0) {
      if (access === ACCESS.FETCH) this.counters.walksInstruction++;
      else this.counters.walksData++;
      const status = this.#walk(mva, false);
      if (status !== FAULT.NONE) return this.#fail(status, mva);
      i = tlb.insert(mva, this.#mask, this.#pa, this.#info);
    }
    this.entry = i;
    const status = this.#check(tlb.info[i], access, privileged);
    if (status !== FAULT.NONE) return this.#fail(status, mva);
    return (tlb.pa[i] | (mva & ~tlb.mask[i])) >>> 0;
  }

  /**
   * Translates as {@linkcode translate} would at this moment, stale TLB entries included, but enters
   * and counts nothing and reads tables without side effects.
   *
   * @returns Physical address (unsigned), or -1 with {@linkcode status} and {@linkcode address}.
   */
  probe(va: number, access: Access, privileged: boolean): number {
    const mva = this.mva(va | 0);
    if ((this.control & C1.M) === 0) return mva >>> 0;
    const tlb = access === ACCESS.FETCH ? this.itlb : this.dtlb;
    const i = tlb.find(mva);
    if (i >= 0) {
      this.#mask = tlb.mask[i];
      this.#pa = tlb.pa[i];
      this.#info = tlb.info[i];
    } else {
      const status = this.#walk(mva, true);
      if (status !== FAULT.NONE) return this.#fail(status, mva);
    }
    const status = this.#check(this.#info, access, privileged);
    if (status !== FAULT.NONE) return this.#fail(status, mva);
    return ((this.#pa & this.#mask) | (mva & ~this.#mask)) >>> 0;
  }

  /**
   * Finds directly reachable memory.
   *
   * @param pa Physical address, unsigned.
   * @param write True when it must be writable.
   * @returns Byte offset in {@linkcode HostMemory}, or -1.
   */
  host(pa: number, write: boolean): number {
    for (const region of this.#ram) {
      const at = pa - region.base;
      if (at >= 0 && at < region.size) return write && !region.writable ? -1 : region.offset + at;
    }
    return -1;
  }

  /**
   * Makes the look-aside tables hold the page of a data translation that {@linkcode translate} just
   * made, as far as the data TLB entry reaches.
   *
   * @param va Virtual address of the access.
   * @param pa What it was translated to.
   */
  fill(va: number, pa: number): void {
    if (!this.direct) return;
    const i = this.entry;
    if (i >= 0 && (this.dtlb.mask[i] & 0xfff) !== 0) return;
    const page = va >>> 12;
    const first = pa - (pa & 0xfff);
    const read = this.host(first, false);
    if (read < 0) return;
    const addend = (read - (page << 12)) | 0;
    const write = this.codePages[read >>> 12] === 0 && this.host(first, true) >= 0
      ? addend
      : UNREACHABLE;
    if (i < 0) {
      this.lookaside.set(page, addend, addend, write, write);
      return;
    }
    const info = this.dtlb.info[i];
    this.lookaside.set(
      page,
      this.#check(info, ACCESS.READ, true) === 0 ? addend : UNREACHABLE,
      this.#check(info, ACCESS.READ, false) === 0 ? addend : UNREACHABLE,
      this.#check(info, ACCESS.WRITE, true) === 0 ? write : UNREACHABLE,
      this.#check(info, ACCESS.WRITE, false) === 0 ? write : UNREACHABLE,
    );
  }

  /** True when the fetch translated last may fill a line: everything may with the MMU off. */
  get fetchCacheable(): boolean {
    return this.entry < 0 || (this.itlb.info[this.entry] & TLB_INFO.C) !== 0;
  }

  /** Reads a word of physical memory, past the caches. A fault of the bus is dropped. */
  readWord(pa: number): number {
    const value = this.#physical(pa, false);
    this.#bus.fault = false;
    return value;
  }

  /** Writes a word of physical memory, past the caches. A fault of the bus is dropped. */
  writeWord(pa: number, value: number): void {
    const at = this.host(pa, true);
    if (at >= 0) {
      this.#memory.i32[at >>> 2] = value;
    } else {
      this.#bus.write(pa, 4, value >>> 0);
      this.#bus.fault = false;
    }
  }

  /** Drops what the host remembers of translations. The TLBs are untouched. */
  flush(): void {
    this.lookaside.flush();
    this.fetchStale = true;
  }

  /**
   * Writes a register or does an operation, as a privileged `MCR p15, 0, Rd, CRn, CRm, op2` does.
   * Waiting for an interrupt is the CPU's: here c7, c0, 4 is only counted.
   */
  mcr(crn: number, crm: number, op2: number, value: number): void {
    value |= 0;
    switch (crn) {
      case CR.CONTROL:
        this.#setControl(value & C1_WRITABLE);
        break;
      case CR.TTB:
        this.ttb = value & ~0x3fff;
        break;
      case CR.DOMAIN:
        if (this.dacr !== value) {
          this.dacr = value;
          this.flush();
        }
        break;
      case CR.FSR:
        if (op2 === 0) this.dfsr = value & 0xff;
        else if (op2 === 1) this.ifsr = value & 0xff;
        break;
      case CR.FAR:
        this.far = value;
        break;
      case CR.CACHE:
        this.#cacheOperation((crm << 4) | op2, value);
        break;
      case CR.TLB:
        this.#tlbOperation((crm << 4) | op2, value);
        break;
      case CR.CACHE_LOCKDOWN:
        if (op2 < 2) this.#lockCache(op2 === 1, crm, value & CACHE_INDEX);
        break;
      case CR.TLB_LOCKDOWN:
        if (op2 === 0) this.dtlb.lockdown = value;
        else if (op2 === 1) this.itlb.lockdown = value;
        break;
      case CR.PID:
        this.#setPid(value & FCSE_BITS);
        break;
        // The others, c15 among them, do nothing.
    }
  }

  /**
   * Reads a register, as a privileged `MRC p15, 0, Rd, CRn, CRm, op2` does.
   *
   * @returns The register, signed; 0 for what has none.
   */
  mrc(crn: number, _crm: number, op2: number): number {
    switch (crn) {
      case CR.ID:
        return op2 === 1 ? CACHE_TYPE : ID_CODE;
      case CR.CONTROL:
        return this.control | C1_ONES;
      case CR.TTB:
        return this.ttb;
      case CR.DOMAIN:
        return this.dacr;
      case CR.FSR:
        return op2 === 0 ? this.dfsr : op2 === 1 ? this.ifsr : 0;
      case CR.FAR:
        return this.far;
      case CR.CACHE_LOCKDOWN:
        return op2 === 0 ? this.lockdownD : op2 === 1 ? this.lockdownI : 0;
      case CR.TLB_LOCKDOWN:
        return op2 === 0 ? this.dtlb.lockdown : op2 === 1 ? this.itlb.lockdown : 0;
      case CR.PID:
        return this.pid;
      default:
        return 0;
    }
  }

  /** Registers and TLBs as plain data. */
  state(): MmuState {
    return {
      control: this.control,
      ttb: this.ttb,
      dacr: this.dacr,
      dfsr: this.dfsr,
      ifsr: this.ifsr,
      far: this.far,
      lockdownD: this.lockdownD,
      lockdownI: this.lockdownI,
      pid: this.pid,
      itlb: this.itlb.state(),
      dtlb: this.dtlb.state(),
      ...(this.icache && this.dcache &&
        { caches: { instruction: this.icache.state(), data: this.dcache.state() } }),
      counters: structuredClone(this.counters),
    };
  }

  /** Takes what {@linkcode state} gave. */
  restore(s: MmuState): void {
    this.flush();
    this.control = s.control;
    this.ttb = s.ttb;
    this.dacr = s.dacr;
    this.dfsr = s.dfsr;
    this.ifsr = s.ifsr;
    this.far = s.far;
    this.lockdownD = s.lockdownD;
    this.lockdownI = s.lockdownI;
    this.pid = s.pid;
    this.itlb.restore(s.itlb);
    this.dtlb.restore(s.dtlb);
    this.counters = structuredClone(s.counters);
    if (s.caches !== undefined) {
      this.icache?.restore(s.caches.instruction);
      this.dcache?.restore(s.caches.data);
    }
    this.#setDirect();
  }

  #setControl(value: number): void {
    const changed = this.control ^ value;
    this.control = value;
    this.#setDirect();
    if ((changed & (C1.M | C1.S | C1.R | C1.B)) !== 0) this.flush();
  }

  #setPid(pid: number): void {
    if (this.pid === pid) return;
    this.pid = pid;
    this.lookaside.flushBelow(FCSE_PAGES);
    this.fetchStale = true;
  }

  #setDirect(): void {
    this.direct = this.dcache === null && (this.control & C1.B) === 0;
    const roundRobin = (this.control & C1.RR) !== 0;
    if (this.icache !== null) this.icache.roundRobin = roundRobin;
    if (this.dcache !== null) this.dcache.roundRobin = roundRobin;
    if (this.timing !== null) {
      this.timing.clocking = (this.control & C1.NF) === 0
        ? CLOCKING.FAST_BUS
        : (this.control & C1.IA) === 0
        ? CLOCKING.SYNCHRONOUS
        : CLOCKING.ASYNCHRONOUS;
    }
  }

  /** c9: CRm 0 writes base and victim, CRm 1 the victim alone. */
  #lockCache(instruction: boolean, crm: number, value: number): void {
    const cache = instruction ? this.icache : this.dcache;
    if (crm === 1) {
      cache?.setVictim(value >>> 26);
      return;
    }
    if (instruction) this.lockdownI = value;
    else this.lockdownD = value;
    cache?.lock(value >>> 26);
  }

  #cacheOperation(operation: number, value: number): void {
    const name = C7_NAMES[operation];
    if (name === undefined) return;
    this.counters.c7[name]++;
    const { icache, dcache, timing } = this;
    if (icache === null || dcache === null) return;
    if (timing !== null) {
      timing.cacheOperation();
      if (operation === C7.DRAIN || operation === C7.WAIT) timing.drain();
    }
    if (operation === C7.PREFETCH_I_LINE) this.#prefetch(icache, value);
    else maintainCaches(icache, dcache, operation, value);
  }

  /** Loads an instruction line, unless it is there, cannot be translated or is not cacheable. */
  #prefetch(icache: Cache, mva: number): void {
    if ((this.control & C1.I) === 0 || icache.find(mva) >= 0) return;
    const pa = this.#translate(mva, ACCESS.FETCH, true);
    if (pa >= 0 && this.fetchCacheable) icache.fill(mva, pa);
  }

  #tlbOperation(operation: number, value: number): void {
    const name = C8_NAMES[operation];
    if (name === undefined) return;
    this.counters.c8[name]++;
    this.timing?.tlbOperation();
    switch (operation) {
      case C8.INVALIDATE:
        this.itlb.invalidateAll();
        this.dtlb.invalidateAll();
        break;
      case C8.INVALIDATE_I:
        this.itlb.invalidateAll();
        break;
      case C8.INVALIDATE_I_ENTRY:
        this.itlb.invalidate(value);
        break;
      case C8.INVALIDATE_D:
        this.dtlb.invalidateAll();
        break;
      case C8.INVALIDATE_D_ENTRY:
        this.dtlb.invalidate(value);
        break;
    }
  }

  #dropInstruction(_tag: number, _mask: number): void {
    this.fetchStale = true;
  }

  #dropData(tag: number, mask: number): void {
    const page = tag >>> 12;
    const count = (~mask >>> 12) + 1;
    this.lookaside.drop(page, count);
    if ((tag & FCSE_BITS) === this.pid) this.lookaside.drop(page & (FCSE_PAGES - 1), count);
  }

  #fail(status: number, mva: number): number {
    this.status = status;
    this.address = mva >>> 0;
    return -1;
  }

  /** Domain and permission of a translation: 0 or a fault status with its domain. */
  #check(info: number, access: Access, privileged: boolean): number {
    const domain = info & TLB_INFO.DOMAIN;
    const page = (info & TLB_INFO.PAGE) !== 0 ? 2 : 0;
    switch ((this.dacr >>> (domain >> 3)) & 3) {
      case 3:
        return FAULT.NONE;
      case 1:
        return this.#permits(info & TLB_INFO.AP, access, privileged)
          ? FAULT.NONE
          : domain | FAULT.PERMISSION_SECTION | page;
      default:
        return domain | FAULT.DOMAIN_SECTION | page;
    }
  }

  #permits(ap: number, access: Access, privileged: boolean): boolean {
    switch (ap) {
      case 0: {
        if (access === ACCESS.WRITE) return false;
        const sr = this.control & (C1.S | C1.R);
        return sr === C1.R || (sr === C1.S && privileged);
      }
      case 1:
        return privileged;
      case 2:
        return privileged || access !== ACCESS.WRITE;
      default:
        return true;
    }
  }

  /** Reads the descriptors of an address; 0 and a translation, or a fault status. */
  #walk(mva: number, peek: boolean): number {
    const first = this.ttb | ((mva >>> 18) & 0x3ffc);
    if (!peek && this.timing !== null) this.timing.walk(first >>> 0);
    const l1 = this.#physical(first, peek);
    const domain = (l1 >>> 1) & TLB_INFO.DOMAIN;
    if (this.#bus.fault) return this.#walkAbort(domain | FAULT.EXTERNAL_WALK_1);
    let at: number;
    switch (l1 & 3) {
      case 0:
        return domain | FAULT.TRANSLATION_SECTION;
      case 2:
        this.#mask = 0xfff00000 | 0;
        this.#pa = l1;
        this.#info = ((l1 >>> 10) & TLB_INFO.AP) | (l1 & (TLB_INFO.B | TLB_INFO.C)) | domain;
        return FAULT.NONE;
      case 1:
        at = (l1 & 0xfffffc00) | ((mva >>> 10) & 0x3fc);
        break;
      default:
        at = (l1 & 0xfffff000) | ((mva >>> 8) & 0xffc);
        break;
    }
    if (!peek && this.timing !== null) this.timing.walk(at >>> 0);
    const l2 = this.#physical(at, peek);
    if (this.#bus.fault) return this.#walkAbort(domain | FAULT.EXTERNAL_WALK_2);
    let page: number;
    let ap = (l2 >>> 4) & 0xff;
    switch (l2 & 3) {
      case 1:
        page = 0xffff0000 | 0;
        break;
      case 2:
        page = 0xfffff000 | 0;
        break;
      case 3:
        // A tiny page in a coarse table is UNPREDICTABLE: no page.
        if ((l1 & 3) !== 3) return domain | FAULT.TRANSLATION_PAGE;
        page = 0xfffffc00 | 0;
        ap = (ap & 3) * 0x55;
        break;
      default:
        return domain | FAULT.TRANSLATION_PAGE;
    }
    this.#mask = page;
    if (ap !== (ap & 3) * 0x55) {
      // Quarters of different permission: only the one accessed can be entered in a TLB.
      this.#mask = page >> 2;
      ap >>>= mva >>> (page === (0xffff0000 | 0) ? 13 : 9) & 6;
    }
    this.#pa = (l2 & page) | (mva & ~page);
    this.#info = (ap & 3) | (l2 & (TLB_INFO.B | TLB_INFO.C)) | domain | TLB_INFO.PAGE;
    return FAULT.NONE;
  }

  #walkAbort(status: number): number {
    this.#bus.fault = false;
    return status;
  }

  #physical(pa: number, peek: boolean): number {
    const at = this.host(pa >>> 0, false);
    if (at >= 0) return this.#memory.i32[at >>> 2];
    return (peek ? this.#bus.peek(pa >>> 0, 4) : this.#bus.read(pa >>> 0, 4)) | 0;
  }
}
