/**
 * What the parts of the CPU share: registers and banks, exceptions, memory access, and the account of
 * time. The instruction set is above it, in `cpu_exact.ts` and `cpu_run.ts`.
 *
 * @module
 */
import type { AccessSize, Bus } from "./bus.ts";
import { type Cache, CACHE_LINE } from "./cache.ts";
import type { Clock } from "./clock.ts";
import { C1, FAULT } from "./cp15.ts";
import { CodeCache } from "./cpu_code.ts";
import { bankOf, MODE, PSR, PSR_BITS, STATE } from "./cpu_state.ts";
import type { HostMemory } from "./memory.ts";
import { ACCESS, Mmu } from "./mmu.ts";
import type { MemoryTiming, TimeAccount } from "./timing_memory.ts";
import { TLB_INFO } from "./tlb.ts";

/** Why {@linkcode Cpu.run} returned. */
export const STOP = {
  /** Board time reached the limit. */
  TIME: 0,
  /** An exception was entered at the high vectors while `trapVectors` was on. */
  TRAP: 1,
  /** {@linkcode Cpu.requestStop} was called. */
  REQUEST: 2,
  /** The next instruction has a breakpoint. */
  BREAK: 3,
  /** The guest waits for an interrupt. */
  WFI: 4,
} as const;

/** A value of {@linkcode STOP}. */
export type Stop = 0 | 1 | 2 | 3 | 4;

/** Offsets of the exception vectors. */
export const VECTOR = {
  /** Reset. */
  RESET: 0x00,
  /** Undefined instruction. */
  UNDEFINED: 0x04,
  /** Software interrupt. */
  SWI: 0x08,
  /** Prefetch abort. */
  PREFETCH_ABORT: 0x0c,
  /** Data abort. */
  DATA_ABORT: 0x10,
  /** Interrupt. */
  IRQ: 0x18,
  /** Fast interrupt. */
  FIQ: 0x1c,
} as const;

/**
 * Cost in FCLK cycles of an instruction that hits everywhere, in `fast` fidelity (ARM9TDMI TRM
 * DDI 0145B, chapter 7; multiplications by a middle operand size). What is not listed costs 1.
 */
export const CYCLES = {
  /** Any instruction, also one whose condition fails. */
  BASE: 1,
  /** A shift by register, in addition. */
  SHIFT_BY_REGISTER: 1,
  /** A taken branch or another write of PC, in addition. */
  BRANCH: 2,
  /** LDR of PC, in addition. */
  LOAD_PC: 4,
  /** LDM of PC, in addition to one a register. */
  LOAD_MULTIPLE_PC: 4,
  /** SWP, in addition. */
  SWAP: 1,
  /** MUL and MLA, in addition: 2 + m with m = 2. */
  MULTIPLY: 3,
  /** The long multiplications, in addition: 3 + m with m = 2. */
  MULTIPLY_LONG: 4,
  /** MSR of more than the flags, in addition. */
  MSR_CONTROL: 2,
  /** MCR and MRC, in addition. */
  COPROCESSOR: 1,
  /** Entry to an exception. */
  EXCEPTION: 3,
} as const;

/** Cacheable and bufferable: written back. */
const WRITE_BACK = TLB_INFO.C | TLB_INFO.B;

/** Budget of one uninterrupted stretch, so that the countdown stays a small integer. */
const STRETCH = 0x20000000;
/** Instruction lines remembered, and a tag that none has. */
const FOUND_LINES = 64;
const NO_LINE = 2;

/** Exceptions entered since reset, by name. */
export interface ExceptionCounters {
  /** Undefined instruction. */
  undefined: number;
  /** Software interrupt. */
  swi: number;
  /** Prefetch abort. */
  prefetchAbort: number;
  /** Data abort. */
  dataAbort: number;
  /** Interrupt. */
  irq: number;
  /** Fast interrupt. */
  fiq: number;
}

/** The inside of the CPU. */
export class CpuCore implements TimeAccount {
  /** Word view of the host memory: registers, look-aside tables and RAM. */
  readonly i32: Int32Array<ArrayBuffer>;
  /** Halfword view. */
  readonly u16: Uint16Array<ArrayBuffer>;
  /** Byte view. */
  readonly u8: Uint8Array<ArrayBuffer>;
  /** The bus. */
  readonly bus: Bus;
  /** The time base. */
  readonly clock: Clock;
  /** The MMU. */
  readonly mmu: Mmu;
  /** Decoded instructions. */
  readonly code: CodeCache;
  /** What accesses cost, in the timed fidelity; otherwise an access costs nothing beside its instruction. */
  readonly timing: MemoryTiming | null;
  /** Timed fidelity: an exception was entered; cleared by who asks. */
  excepted = false;
  /** Timed fidelity: the running access is the write of a SWP. */
  swapping = false;
  /** Timed fidelity: cycles charged by {@linkcode beat} in the running instruction. */
  beats = 0;
  /** Cycles until this stretch ends; board time is {@linkcode deadline} - left. */
  left = 0;
  /** Board time at which this stretch ends. */
  deadline = 0;
  /** Cycles of this stretch that were not the first cycle of an instruction. */
  extra = 0;
  /** True inside a stretch. */
  running = false;
  /** Instructions retired before this stretch. */
  instructions = 0;
  /** Why the stretch has to end the run; {@linkcode STOP.TIME} for no reason. */
  stop: Stop = STOP.TIME;
  /** Vector offset of the last trap. */
  trap = 0;
  /** Exceptions to the high vectors end the run. */
  trapVectors = false;
  /** Level of the IRQ line. */
  irq = false;
  /** Level of the FIQ line. */
  fiq = false;
  /** Set by {@linkcode read} and {@linkcode write} when the access aborted; cleared by who asks. */
  faulted = false;
  /** What was entered since reset. */
  exceptions: ExceptionCounters = zeroExceptions();
  // Lines of the instruction cache found lately, by virtual address and privilege.
  readonly #lineTags: Int32Array = new Int32Array(FOUND_LINES).fill(NO_LINE);
  readonly #lines: Int32Array = new Int32Array(FOUND_LINES);

  /**
   * Makes the core with its MMU.
   *
   * @param memory Host memory.
   * @param bus What answers physical addresses.
   * @param clock Board time.
   * @param cached True to model the caches.
   * @param timing What accesses cost, for the timed fidelity.
   * @param seed Seed of the caches' replacement.
   */
  constructor(
    memory: HostMemory,
    bus: Bus,
    clock: Clock,
    cached: boolean,
    timing: MemoryTiming | null = null,
    seed = 1,
  ) {
    this.i32 = memory.i32;
    this.u16 = memory.u16;
    this.u8 = memory.u8;
    this.bus = bus;
    this.clock = clock;
    this.timing = timing;
    timing?.attach(this);
    this.mmu = new Mmu(memory, bus, cached, timing, seed);
    this.code = new CodeCache(memory, this.mmu);
  }

  // ---- time

  /** Begins a stretch of at most `cycles`. */
  begin(cycles: number): void {
    this.left = cycles < STRETCH ? cycles : STRETCH;
    this.deadline = this.clock.now + this.left;
    this.extra = 0;
    this.running = true;
  }

  /** Ends a stretch: brings board time and the instruction count up to date. */
  end(start: number): void {
    this.running = false;
    const now = this.deadline - this.left;
    this.clock.now = now;
    this.instructions += now - start - this.extra;
    this.i32[STATE.R + 15] = this.i32[STATE.PC];
  }

  /** Charges cycles beyond the first of an instruction, at the fixed costs of the fast fidelity. */
  charge(cycles: number): void {
    if (this.timing !== null) return;
    this.left -= cycles;
    this.extra += cycles;
  }

  /** Board time, in the middle of an instruction too. */
  get time(): number {
    return this.running ? this.deadline - this.left : this.clock.now;
  }

  /** Lets cycles pass in which no instruction is done. */
  stall(cycles: number): void {
    if (this.running) {
      this.left -= cycles;
      this.extra += cycles;
    } else {
      this.clock.now += cycles;
    }
  }

  /** Timed fidelity: a cycle of the core between two words of an LDM or STM, which go on with a burst. */
  beat(): void {
    if (this.timing === null) return;
    this.stall(this.timing.coreCycle);
    this.beats++;
    // With the data cache off every access is a transfer of its own.
    this.timing.sequential = this.#dataCache !== null;
  }

  /** Makes the stretch end at the next instruction boundary. Board time is not changed. */
  leave(): void {
    if (this.left > 0) {
      this.deadline -= this.left;
      this.left = 0;
    }
  }

  // ---- status and banks

  /** The CPSR. */
  get cpsr(): number {
    const s = this.i32;
    return s[STATE.CPSR] | (s[STATE.N] & PSR.N) | (s[STATE.Z] === 0 ? PSR.Z : 0) |
      (s[STATE.C] << 29) | (s[STATE.V] << 28);
  }

  /** Writes the flags from bits 31:28. */
  setFlags(value: number): void {
    const s = this.i32;
    s[STATE.N] = value & PSR.N;
    s[STATE.Z] = ~value & PSR.Z;
    s[STATE.C] = (value >>> 29) & 1;
    s[STATE.V] = (value >>> 28) & 1;
  }

  /** Writes the CPSR and changes the register bank. Mode bits that are no mode leave the mode. */
  setCpsr(value: number): void {
    this.setFlags(value);
    let control = value & 0xff;
    if (bankOf(control) < 0) control = (control & ~PSR.MODE) | (this.i32[STATE.CPSR] & PSR.MODE);
    this.switchMode(control & PSR.MODE);
    this.i32[STATE.CPSR] = control;
    this.checkInterrupts();
  }

  /** True outside User mode. */
  get privileged(): boolean {
    return (this.i32[STATE.CPSR] & PSR.MODE) !== MODE.USR;
  }

  /** Index in `i32` of the SPSR of the present mode, or -1. */
  get spsrIndex(): number {
    const bank = bankOf(this.i32[STATE.CPSR]);
    return bank === 0 ? -1 : STATE.BANK + bank * 4 + 2;
  }

  /** Exchanges the banked registers and sets the mode bits. */
  switchMode(mode: number): void {
    const s = this.i32;
    const from = bankOf(s[STATE.CPSR]);
    const to = bankOf(mode);
    s[STATE.CPSR] = (s[STATE.CPSR] & ~PSR.MODE) | mode;
    if (from === to) return;
    s[STATE.BANK + from * 4] = s[13];
    s[STATE.BANK + from * 4 + 1] = s[14];
    s[13] = s[STATE.BANK + to * 4];
    s[14] = s[STATE.BANK + to * 4 + 1];
    const fiq = bankOf(MODE.FIQ);
    if (from === fiq || to === fiq) {
      s.copyWithin(from === fiq ? STATE.R8_FIQ : STATE.R8_USR, 8, 13);
      const saved = to === fiq ? STATE.R8_FIQ : STATE.R8_USR;
      s.copyWithin(8, saved, saved + 5);
    }
  }

  /**
   * Where a register of a mode is at this moment.
   *
   * @param mode Mode bits of a valid mode.
   * @param n 0 to 14.
   * @returns Index in `i32`.
   */
  bankedIndex(mode: number, n: number): number {
    const now = bankOf(this.i32[STATE.CPSR]);
    const bank = bankOf(mode);
    if (n >= 13) return bank === now ? n : STATE.BANK + bank * 4 + n - 13;
    if (n < 8) return n;
    const fiq = bankOf(MODE.FIQ);
    if ((bank === fiq) === (now === fiq)) return n;
    return (bank === fiq ? STATE.R8_FIQ : STATE.R8_USR) + n - 8;
  }

  /** Branches: the address is aligned as the instruction set needs it. */
  setPc(address: number): void {
    const s = this.i32;
    s[STATE.PC] = address & ((s[STATE.CPSR] & PSR.T) !== 0 ? ~1 : ~3);
  }

  // ---- exceptions

  /** True when an interrupt line is active and not masked. */
  get interruptPending(): boolean {
    const cpsr = this.i32[STATE.CPSR];
    return (this.irq && (cpsr & PSR.I) === 0) || (this.fiq && (cpsr & PSR.F) === 0);
  }

  /** Ends the stretch when an interrupt can be taken. */
  checkInterrupts(): void {
    if (this.interruptPending) this.leave();
  }

  /** Takes the interrupt that is pending. */
  interrupt(): void {
    const next = (this.i32[STATE.PC] + 4) | 0;
    if (this.fiq && (this.i32[STATE.CPSR] & PSR.F) === 0) {
      this.exceptions.fiq++;
      this.enter(VECTOR.FIQ, MODE.FIQ, next, PSR.I | PSR.F);
    } else {
      this.exceptions.irq++;
      this.enter(VECTOR.IRQ, MODE.IRQ, next, PSR.I);
    }
  }

  /** Undefined instruction exception. STATE.PC is the address of the next instruction. */
  undefined(): void {
    this.notRetired();
    this.exceptions.undefined++;
    this.enter(VECTOR.UNDEFINED, MODE.UND, this.i32[STATE.PC], PSR.I);
  }

  /** Software interrupt. STATE.PC is the address of the next instruction. */
  swi(): void {
    this.exceptions.swi++;
    this.left += CYCLES.BASE;
    this.extra -= CYCLES.BASE;
    this.enter(VECTOR.SWI, MODE.SVC, this.i32[STATE.PC], PSR.I);
  }

  /** Prefetch abort of the instruction at `pc`, as {@linkcode Mmu.status} says. */
  prefetchAbort(pc: number): void {
    this.faulted = false;
    this.mmu.ifsr = this.mmu.status;
    this.exceptions.prefetchAbort++;
    this.enter(VECTOR.PREFETCH_ABORT, MODE.ABT, (pc + 4) | 0, PSR.I);
  }

  /**
   * Data abort of the running instruction, as {@linkcode Mmu.status} and `address` say. STATE.PC is the
   * address of the next instruction.
   */
  dataAbort(): void {
    this.faulted = false;
    this.notRetired();
    this.mmu.dfsr = this.mmu.status;
    this.mmu.far = this.mmu.address | 0;
    this.exceptions.dataAbort++;
    const ahead = (this.i32[STATE.CPSR] & PSR.T) !== 0 ? 6 : 4;
    this.enter(VECTOR.DATA_ABORT, MODE.ABT, (this.i32[STATE.PC] + ahead) | 0, PSR.I);
  }

  /** Enters an exception: mode, bank, SPSR, R14, masks, ARM state, vector. */
  enter(vector: number, mode: number, link: number, masks: number): void {
    const s = this.i32;
    const cpsr = this.cpsr;
    this.switchMode(mode);
    s[STATE.BANK + bankOf(mode) * 4 + 2] = cpsr;
    s[14] = link;
    s[STATE.CPSR] = (s[STATE.CPSR] & ~PSR.T) | masks;
    const high = (this.mmu.control & C1.V) !== 0;
    s[STATE.PC] = (high ? 0xffff0000 | 0 : 0) + vector;
    const { timing } = this;
    if (timing === null) {
      this.charge(CYCLES.EXCEPTION);
    } else {
      this.stall(timing.values.exception * timing.coreCycle);
      this.excepted = true;
    }
    if (high && this.trapVectors) {
      this.trap = vector;
      this.stop = STOP.TRAP;
      this.leave();
    } else {
      this.checkInterrupts();
    }
  }

  /** The instruction's own cycle counts as part of the exception. */
  notRetired(): void {
    this.left += CYCLES.BASE;
  }

  // ---- memory

  /**
   * Reads data. A misaligned address aborts when c1.A is set and is aligned down otherwise.
   *
   * @param va Virtual address.
   * @param size Bytes.
   * @param privileged False for user permission.
   * @returns The value, zero-extended, as a signed word; with {@linkcode faulted} set it means nothing.
   */
  read(va: number, size: AccessSize, privileged: boolean): number {
    const mmu = this.mmu;
    const tables = mmu.lookaside;
    const table = privileged ? tables.readPrivileged : tables.readUser;
    const addend = this.i32[table + (va >>> 12)];
    if (((addend & 1) | (va & (size - 1))) === 0) {
      const at = va + addend;
      return size === 4 ? this.i32[at >>> 2] : size === 2 ? this.u16[at >>> 1] : this.u8[at | 0];
    }
    if ((va & (size - 1)) !== 0) {
      if ((mmu.control & C1.A) !== 0) return this.alignmentFault(va);
      if (this.timing !== null) this.timing.unaligned = true;
    }
    let pa = mmu.translate(va, ACCESS.READ, privileged);
    if (pa < 0) return this.#fault();
    pa -= pa % size;
    if ((mmu.control & C1.B) !== 0) pa = (pa ^ (4 - size)) >>> 0;
    const cache = this.#dataCache;
    // A read of a region that is not cacheable ignores a line that it hits (S3C2410A manual 4-12).
    if (cache !== null && (this.#dataInfo & TLB_INFO.C) !== 0) {
      const mva = mmu.mva(va);
      let line = cache.find(mva);
      if (line < 0) line = cache.fill(mva, pa);
      if (line >= 0) {
        const at = line * CACHE_LINE + pa % CACHE_LINE;
        return size === 4 ? cache.i32[at >>> 2] : size === 2 ? cache.u16[at >>> 1] : cache.u8[at];
      }
    }
    if (this.timing !== null) this.timing.read(pa, size);
    const at = mmu.host(pa, false);
    if (at >= 0) {
      mmu.fill(va, pa);
      return size === 4 ? this.i32[at >>> 2] : size === 2 ? this.u16[at >>> 1] : this.u8[at];
    }
    if (this.running) this.clock.now = this.deadline - this.left;
    const value = this.bus.read(pa, size) | 0;
    if (this.bus.fault) return this.#external(va, false);
    return value;
  }

  /**
   * Writes data, see {@linkcode read}.
   *
   * @param value The value; upper bits beyond `size` are ignored.
   */
  write(va: number, size: AccessSize, value: number, privileged: boolean): void {
    const mmu = this.mmu;
    const tables = mmu.lookaside;
    const table = privileged ? tables.writePrivileged : tables.writeUser;
    const addend = this.i32[table + (va >>> 12)];
    if (((addend & 1) | (va & (size - 1))) === 0) {
      const at = va + addend;
      if (size === 4) this.i32[at >>> 2] = value;
      else if (size === 2) this.u16[at >>> 1] = value;
      else this.u8[at | 0] = value;
      return;
    }
    if ((va & (size - 1)) !== 0 && (mmu.control & C1.A) !== 0) {
      this.alignmentFault(va);
      return;
    }
    let pa = mmu.translate(va, ACCESS.WRITE, privileged);
    if (pa < 0) {
      this.#fault();
      return;
    }
    pa -= pa % size;
    if ((mmu.control & C1.B) !== 0) pa = (pa ^ (4 - size)) >>> 0;
    const cache = this.#dataCache;
    if (cache !== null) {
      const line = cache.find(mmu.mva(va));
      if (line >= 0) {
        const at = line * CACHE_LINE + pa % CACHE_LINE;
        if (size === 4) cache.i32[at >>> 2] = value;
        else if (size === 2) cache.u16[at >>> 1] = value;
        else cache.u8[at] = value;
        if ((this.#dataInfo & WRITE_BACK) === WRITE_BACK) {
          cache.setDirty(line, at);
          return;
        }
      }
    }
    if (this.timing !== null) this.timing.write(pa, size, this.#buffered);
    const at = mmu.host(pa, true);
    if (at >= 0) {
      mmu.fill(va, pa);
      if (size === 4) this.i32[at >>> 2] = value;
      else if (size === 2) this.u16[at >>> 1] = value;
      else this.u8[at] = value;
      if (mmu.codePages[at >>> 12] !== 0) this.code.invalidate(at, size);
      return;
    }
    if (this.running) this.clock.now = this.deadline - this.left;
    this.bus.write(pa, size, size === 4 ? value >>> 0 : value & (size === 2 ? 0xffff : 0xff));
    if (this.bus.fault) this.#external(va, true);
  }

  /**
   * Fetches an instruction.
   *
   * @param pc Virtual address, aligned.
   * @param size 4 in ARM state, 2 in Thumb state.
   * @returns The instruction; with {@linkcode faulted} set it means nothing.
   */
  fetch(pc: number, size: 2 | 4): number {
    const { mmu } = this;
    const cache = (mmu.control & C1.I) === 0 ? null : mmu.icache;
    if (cache !== null) {
      const at = this.#found(cache, pc);
      if (at >= 0) return size === 4 ? cache.i32[at >>> 2] : cache.u16[at >>> 1];
    }
    let pa = mmu.translate(pc, ACCESS.FETCH, this.privileged);
    if (pa < 0) return this.#fault();
    if (size === 2 && (mmu.control & C1.B) !== 0) pa = (pa ^ 2) >>> 0;
    if (cache !== null) {
      const mva = mmu.mva(pc);
      let line = cache.find(mva);
      if (line < 0 && mmu.fetchCacheable) line = cache.fill(mva, pa);
      if (line >= 0) {
        if ((mmu.control & C1.B) === 0) this.#remember(pc, line);
        const at = line * CACHE_LINE + pa % CACHE_LINE;
        return size === 4 ? cache.i32[at >>> 2] : cache.u16[at >>> 1];
      }
    }
    if (this.timing !== null) this.timing.read(pa, size);
    const at = this.mmu.host(pa, false);
    if (at >= 0) return size === 4 ? this.i32[at >>> 2] : this.u16[at >>> 1];
    if (this.running) this.clock.now = this.deadline - this.left;
    const value = this.bus.read(pa, size) | 0;
    if (this.bus.fault) {
      this.bus.fault = false;
      return this.#externalFault(pc, this.mmu.entry < 0 ? 0 : this.mmu.itlb.info[this.mmu.entry]);
    }
    return value;
  }

  /** Timed fidelity: an instruction not reached yet is fetched, so that its line comes into the cache. */
  fetchAhead(pc: number): void {
    const { mmu } = this;
    const cache = mmu.icache;
    if (cache === null || (mmu.control & C1.I) === 0 || this.#found(cache, pc) >= 0) return;
    // A fetch that aborts, or that would read a device, comes to nothing here.
    const pa = mmu.translate(pc, ACCESS.FETCH, this.privileged);
    if (pa < 0 || mmu.host(pa, false) < 0) return;
    const mva = mmu.mva(pc);
    let line = cache.find(mva);
    if (line < 0 && mmu.fetchCacheable) line = cache.fill(mva, pa);
    if (line >= 0 && (mmu.control & C1.B) === 0) this.#remember(pc, line);
  }

  /** Where the instruction at an address is in the cache, if that was found lately; otherwise -1. */
  #found(cache: Cache, pc: number): number {
    const { mmu } = this;
    if (mmu.fetchStale) {
      // No decoded code is used with caches, so nobody else asks for this.
      mmu.fetchStale = false;
      this.#lineTags.fill(NO_LINE);
      return -1;
    }
    const i = (pc >>> 5) & (FOUND_LINES - 1);
    if (this.#lineTags[i] !== ((pc & -CACHE_LINE) | (this.privileged ? 1 : 0))) return -1;
    const line = this.#lines[i];
    return cache.holds(line, mmu.mva(pc)) ? line * CACHE_LINE + (pc & CACHE_LINE - 1) : -1;
  }

  #remember(pc: number, line: number): void {
    const i = (pc >>> 5) & (FOUND_LINES - 1);
    this.#lineTags[i] = (pc & -CACHE_LINE) | (this.privileged ? 1 : 0);
    this.#lines[i] = line;
  }

  /** Forgets instructions decoded from physical memory that another wrote. */
  invalidateCode(pa: number, length: number): void {
    for (const region of this.bus.ram) {
      const from = Math.max(pa, region.base);
      const to = Math.min(pa + length, region.base + region.size);
      if (from < to) this.code.invalidate(region.offset + from - region.base, to - from);
    }
  }

  /** Notes an alignment fault of an address. */
  alignmentFault(va: number): number {
    this.mmu.status = FAULT.ALIGNMENT;
    this.mmu.address = this.mmu.mva(va | 0) >>> 0;
    return this.#fault();
  }

  #fault(): number {
    this.faulted = true;
    return 0;
  }

  /** The data cache, while it is looked at: where it is modelled, with c1.C and c1.M set. */
  get #dataCache(): Cache | null {
    const on = C1.C | C1.M;
    return (this.mmu.control & on) === on ? this.mmu.dcache : null;
  }

  /** Attributes of the last data translation. */
  get #dataInfo(): number {
    return this.mmu.entry < 0 ? 0 : this.mmu.dtlb.info[this.mmu.entry];
  }

  /** True when the write translated last goes to the write buffer: B, or C while the cache is on. */
  get #buffered(): boolean {
    if (this.swapping && this.timing?.values.swapBuffered === 0) return false;
    const info = this.#dataInfo;
    return (info & TLB_INFO.B) !== 0 || ((info & TLB_INFO.C) !== 0 && this.#dataCache !== null);
  }

  /** The bus refused a data access: an abort only where the ARM920T waits for the bus. */
  #external(va: number, write: boolean): number {
    this.bus.fault = false;
    const info = this.#dataInfo;
    const cached = (info & TLB_INFO.C) !== 0 && (this.mmu.control & C1.C) !== 0;
    if (cached || (write && (info & (TLB_INFO.B | TLB_INFO.C)) !== 0)) return 0;
    return this.#externalFault(va, info);
  }

  #externalFault(va: number, info: number): number {
    const page = (info & TLB_INFO.PAGE) !== 0 ? 2 : 0;
    this.mmu.status = (info & TLB_INFO.DOMAIN) | FAULT.EXTERNAL_SECTION | page;
    this.mmu.address = this.mmu.mva(va) >>> 0;
    return this.#fault();
  }

  /** Registers, banks and status as after a reset: Supervisor mode, interrupts masked. */
  reset(): void {
    this.i32.fill(0, 0, STATE.BANK + 24);
    this.i32[STATE.CPSR] = MODE.SVC | PSR.I | PSR.F;
    this.i32[STATE.Z] = 1;
    this.stop = STOP.TIME;
    this.trap = 0;
    this.faulted = false;
    this.exceptions = zeroExceptions();
    this.mmu.reset();
  }
}

/** A count of no exceptions. */
export function zeroExceptions(): ExceptionCounters {
  return { undefined: 0, swi: 0, prefetchAbort: 0, dataAbort: 0, irq: 0, fiq: 0 };
}

/** Keeps the bits of a status register that exist. */
export function psr(value: number): number {
  return value & PSR_BITS;
}
