/**
 * The CPU as the board, the monitor and debuggers see it: an ARM920T, its registers, its exceptions,
 * its time.
 *
 * @module
 */
import type { AccessSize, Bus } from "./bus.ts";
import type { Clock } from "./clock.ts";
import { CpuCore, type ExceptionCounters, psr, STOP, type Stop } from "./cpu_core.ts";
import { exactStep } from "./cpu_exact.ts";
import { execute } from "./cpu_run.ts";
import { bankOf, MODE, STATE } from "./cpu_state.ts";
import { timedStep } from "./cpu_timed.ts";
import { LOOKASIDE_BYTES } from "./lookaside.ts";
import type { HostMemory } from "./memory.ts";
import type { Mmu, MmuState } from "./mmu.ts";
import type { MmuCounters } from "./mmu_counters.ts";
import { Timing, type TimingState } from "./timing.ts";
import { MemoryTiming } from "./timing_memory.ts";
import type { BusRegisters } from "./timing_bus.ts";
import type { TimingValues } from "./timing_table.ts";

export { STOP, type Stop, VECTOR } from "./cpu_core.ts";
export { MODE, PSR } from "./cpu_state.ts";

/** Bytes that a CPU takes from {@linkcode HostMemory} beyond the machine state. */
export const CPU_BYTES: number = LOOKASIDE_BYTES;

/** Schema of {@linkcode CpuState}. */
export const CPU_STATE_SCHEMA = "understudy.cpu/1";

/** What the CPU was made to do since reset. */
export interface CpuCounters extends MmuCounters {
  /** Exceptions entered. */
  exceptions: ExceptionCounters;
}

/** Saved form of a {@linkcode Cpu}. */
export interface CpuState {
  /** {@linkcode CPU_STATE_SCHEMA}. */
  schema: string;
  /** r0 to r14 of the present mode. */
  registers: number[];
  /** Address of the next instruction. */
  pc: number;
  /** CPSR. */
  cpsr: number;
  /** r8 to r12 of the other group: FIQ's, or the common ones in FIQ mode. */
  r8: { usr: number[]; fiq: number[] };
  /** r13, r14 and SPSR of usr (no SPSR), fiq, irq, svc, abt, und; stale for the present mode. */
  banks: number[][];
  /** Level of the IRQ line. */
  irq: boolean;
  /** Level of the FIQ line. */
  fiq: boolean;
  /** A stop was requested and not yet answered. */
  stopRequested: boolean;
  /** Instructions retired. */
  instructions: number;
  /** Vector offset of the last trap. */
  trap: number;
  /** Exceptions since reset. */
  exceptions: ExceptionCounters;
  /** MMU and CP15. */
  mmu: MmuState;
  /** Write buffer, bus and interlocks, in the timed fidelity. */
  timing?: TimingState;
}

/** How a {@linkcode Cpu} is modelled. */
export interface CpuOptions {
  /** Model the caches: slower, and missing maintenance has its effect. Off unless given. */
  readonly cache?: boolean;
  /** Seed of the caches' pseudo-random replacement; 1 unless given. */
  readonly seed?: number;
  /** The timed fidelity: costs, and the registers that say the rest. The caches are modelled then. */
  readonly timed?: { readonly values: TimingValues; readonly registers: BusRegisters };
}

/** Executes instructions until the stretch is used up, looking at each access. */
function exactRun(core: CpuCore): void {
  while (core.left > 0) exactStep(core);
}

/**
 * An ARM920T.
 *
 * ```ts ignore
 * const cpu = new Cpu(memory, bus, clock);
 * cpu.reset();
 * while (cpu.run(clock.next) === STOP.TIME) clock.fireDue();
 * ```
 */
export class Cpu {
  /** MMU and system control coprocessor. */
  readonly mmu: Mmu;
  /** Virtual addresses at which {@linkcode run} returns {@linkcode STOP.BREAK}; unsigned. */
  readonly breakpoints: Set<number> = new Set();
  /** FSR value of the last {@linkcode load} or {@linkcode store}; 0 when it was done. */
  fault = 0;
  /** Modified virtual address of the last load or store that failed. */
  faultAddress = 0;
  /** The timed fidelity, where it is chosen. */
  readonly timing: Timing | undefined;
  readonly #core: CpuCore;
  readonly #step: (core: CpuCore) => void;
  readonly #interpreter: (core: CpuCore) => void;
  readonly #clock: Clock;
  #stopRequested = false;
  // Breakpoint at which the last run ended: the next one passes it.
  #passing = -1;

  /**
   * Makes a CPU, reset.
   *
   * @param memory Host memory with room for {@linkcode CPU_BYTES} more; its first words are the registers.
   * @param bus What answers physical addresses.
   * @param clock Board time.
   * @param options How the CPU is modelled.
   */
  constructor(memory: HostMemory, bus: Bus, clock: Clock, options: CpuOptions = {}) {
    const { cache = false, seed = 1, timed } = options;
    if (timed === undefined) {
      this.#core = new CpuCore(memory, bus, clock, cache, null, seed);
      this.#step = exactStep;
      this.#interpreter = cache ? exactRun : execute;
    } else {
      const time = new MemoryTiming(timed.values, timed.registers);
      this.#core = new CpuCore(memory, bus, clock, true, time, seed);
      const timing = this.timing = new Timing(this.#core, time);
      const step = (core: CpuCore) => timedStep(core, time, timing.pipeline);
      this.#step = step;
      this.#interpreter = (core) => {
        while (core.left > 0) step(core);
      };
    }
    this.#clock = clock;
    this.mmu = this.#core.mmu;
    this.reset();
  }

  /** Instructions retired since construction. One that ends in an abort or undefined is not. */
  get instructions(): number {
    return this.#core.instructions;
  }

  /** Exceptions to the high vectors (c1.V = 1) end the run, registers set as on silicon. */
  get trapVectors(): boolean {
    return this.#core.trapVectors;
  }

  set trapVectors(on: boolean) {
    this.#core.trapVectors = on;
  }

  /** Vector offset (0x04 to 0x1c) of the last {@linkcode STOP.TRAP}. */
  get trap(): number {
    return this.#core.trap;
  }

  /** What the CPU was made to do since reset: exceptions, table walks, CP15 operations. */
  get counters(): CpuCounters {
    return { ...this.mmu.counters, exceptions: this.#core.exceptions };
  }

  /** Supervisor mode, interrupts masked, MMU off, at address 0. Lines and time stay. */
  reset(): void {
    this.#core.reset();
    this.timing?.pipeline.refill();
    this.#passing = -1;
  }

  /**
   * Runs until board time reaches `until` or something ends the run.
   *
   * @param until Board time in cycles. It is passed by less than the cost of one instruction.
   * @returns A value of {@linkcode STOP}.
   */
  run(until: number): Stop {
    const clock = this.#clock;
    for (;;) {
      if (this.#stopRequested) {
        this.#stopRequested = false;
        return STOP.REQUEST;
      }
      if (clock.now >= until) return STOP.TIME;
      if (this.breakpoints.size > 0 && this.#atBreakpoint()) return STOP.BREAK;
      const stop = this.breakpoints.size > 0
        ? this.#stretch(1, this.#step)
        : this.#stretch(until - clock.now, this.#interpreter);
      if (stop !== STOP.TIME) return stop;
    }
  }

  /**
   * Executes exactly one instruction, or enters one exception; breakpoints are not looked at.
   *
   * @returns {@linkcode STOP.TIME}, or why a run would have ended here.
   */
  step(): Stop {
    this.#passing = -1;
    return this.#stretch(1, this.#step);
  }

  /** Makes {@linkcode run} return {@linkcode STOP.REQUEST} at the next instruction boundary. */
  requestStop(): void {
    this.#stopRequested = true;
    if (this.#core.running) this.#core.leave();
  }

  /** Sets the level of the IRQ line. */
  setIrq(on: boolean): void {
    this.#core.irq = on;
    if (this.#core.running) this.#core.checkInterrupts();
  }

  /** Sets the level of the FIQ line. */
  setFiq(on: boolean): void {
    this.#core.fiq = on;
    if (this.#core.running) this.#core.checkInterrupts();
  }

  /** Address of the next instruction, unsigned. */
  get pc(): number {
    return this.#core.i32[STATE.PC] >>> 0;
  }

  set pc(address: number) {
    this.#core.setPc(address);
    this.#core.i32[STATE.R + 15] = this.#core.i32[STATE.PC];
  }

  /** Current program status register, unsigned. Writing it changes mode, bank and state. */
  get cpsr(): number {
    return this.#core.cpsr >>> 0;
  }

  set cpsr(value: number) {
    this.#core.setCpsr(psr(value));
  }

  /** Saved program status register of the present mode, unsigned; the CPSR in User and System mode. */
  get spsr(): number {
    const index = this.#core.spsrIndex;
    return index < 0 ? this.cpsr : this.#core.i32[index] >>> 0;
  }

  set spsr(value: number) {
    const index = this.#core.spsrIndex;
    if (index >= 0) this.#core.i32[index] = psr(value);
  }

  /** Register `n` (0 to 14) of the present mode, unsigned; 15 is {@linkcode pc}. */
  reg(n: number): number {
    return n === 15 ? this.pc : this.#core.i32[n] >>> 0;
  }

  /** Writes register `n` (0 to 14) of the present mode; 15 is {@linkcode pc}. */
  setReg(n: number, value: number): void {
    if (n === 15) this.pc = value;
    else this.#core.i32[n] = value;
  }

  /** Register `n` (0 to 14) of User mode, unsigned. */
  userReg(n: number): number {
    return this.bankedReg(MODE.USR, n);
  }

  /** Writes register `n` (0 to 14) of User mode. */
  setUserReg(n: number, value: number): void {
    this.setBankedReg(MODE.USR, n, value);
  }

  /** Register `n` (0 to 14) of a mode, unsigned. */
  bankedReg(mode: number, n: number): number {
    return this.#core.i32[this.#core.bankedIndex(checkedMode(mode), n)] >>> 0;
  }

  /** Writes register `n` (0 to 14) of a mode. */
  setBankedReg(mode: number, n: number, value: number): void {
    this.#core.i32[this.#core.bankedIndex(checkedMode(mode), n)] = value;
  }

  /** SPSR of an exception mode, unsigned. */
  spsrOf(mode: number): number {
    return this.#core.i32[spsrIndexOf(mode)] >>> 0;
  }

  /** Writes the SPSR of an exception mode. */
  setSpsrOf(mode: number, value: number): void {
    this.#core.i32[spsrIndexOf(mode)] = psr(value);
  }

  /**
   * Reads through MMU and TLB as a load of the CPU does, on behalf of the monitor. Fault registers
   * and CPU registers stay; misalignment is a fault whatever c1.A says.
   *
   * @param va Virtual address.
   * @param size Bytes.
   * @param privileged False: with user permission, as LDRT.
   * @returns The value, unsigned, when {@linkcode fault} is 0.
   */
  load(va: number, size: AccessSize, privileged: boolean): number {
    const core = this.#core;
    let value = 0;
    if ((va & (size - 1)) !== 0) core.alignmentFault(va);
    else value = core.read(va | 0, size, privileged) >>> 0;
    this.#noteFault();
    return value;
  }

  /** Writes as {@linkcode load} reads. */
  store(va: number, size: AccessSize, value: number, privileged: boolean): void {
    const core = this.#core;
    if ((va & (size - 1)) !== 0) core.alignmentFault(va);
    else core.write(va | 0, size, value | 0, privileged);
    this.#noteFault();
  }

  /**
   * Tells the CPU that physical memory was written by another than its own stores (DMA, a loader, a
   * debugger), so that instructions decoded from it are forgotten.
   *
   * @param pa First physical address, unsigned.
   * @param length Bytes.
   */
  invalidateCode(pa: number, length: number): void {
    this.#core.invalidateCode(pa, length);
  }

  /** The whole CPU as plain data. RAM is the board's. */
  state(): CpuState {
    const core = this.#core;
    const words = (first: number, count: number) => [...core.i32.subarray(first, first + count)];
    return {
      schema: CPU_STATE_SCHEMA,
      registers: words(STATE.R, 15),
      pc: this.pc,
      cpsr: this.cpsr,
      r8: { usr: words(STATE.R8_USR, 5), fiq: words(STATE.R8_FIQ, 5) },
      banks: [0, 1, 2, 3, 4, 5].map((bank) => words(STATE.BANK + bank * 4, 3)),
      irq: core.irq,
      fiq: core.fiq,
      stopRequested: this.#stopRequested,
      instructions: core.instructions,
      trap: core.trap,
      exceptions: { ...core.exceptions },
      mmu: this.mmu.state(),
      ...(this.timing && { timing: this.timing.state() }),
    };
  }

  /**
   * Takes what {@linkcode state} gave. Breakpoints and {@linkcode trapVectors} are not part of it.
   *
   * @throws {RangeError} When the schema is another.
   */
  restore(s: CpuState): void {
    if (s.schema !== CPU_STATE_SCHEMA) {
      throw new RangeError(`CPU state has schema "${s.schema}", expected "${CPU_STATE_SCHEMA}"`);
    }
    const core = this.#core;
    core.reset();
    core.code.clear();
    core.setFlags(s.cpsr);
    core.i32[STATE.CPSR] = s.cpsr & 0xff;
    core.i32.set(s.registers, STATE.R);
    core.i32.set(s.r8.usr, STATE.R8_USR);
    core.i32.set(s.r8.fiq, STATE.R8_FIQ);
    s.banks.forEach((words, bank) => core.i32.set(words, STATE.BANK + bank * 4));
    this.pc = s.pc;
    core.irq = s.irq;
    core.fiq = s.fiq;
    core.instructions = s.instructions;
    core.trap = s.trap;
    core.exceptions = { ...s.exceptions };
    this.mmu.restore(s.mmu);
    if (s.timing !== undefined) this.timing?.restore(s.timing);
    this.#stopRequested = s.stopRequested;
    this.#passing = -1;
  }

  /** Runs one stretch: an interrupt entry, or instructions by one of the interpreters. */
  #stretch(cycles: number, interpreter: (core: CpuCore) => void): Stop {
    const core = this.#core;
    const start = this.#clock.now;
    core.begin(cycles);
    if (core.interruptPending) this.#interrupt(core);
    else interpreter(core);
    core.end(start);
    const stop = core.stop;
    core.stop = STOP.TIME;
    return stop;
  }

  #interrupt(core: CpuCore): void {
    core.interrupt();
    core.excepted = false;
    this.timing?.pipeline.refill();
  }

  #atBreakpoint(): boolean {
    const pc = this.pc;
    if (this.#passing === pc || !this.breakpoints.has(pc)) {
      this.#passing = -1;
      return false;
    }
    this.#passing = pc;
    return true;
  }

  #noteFault(): void {
    const core = this.#core;
    this.fault = core.faulted ? this.mmu.status : 0;
    if (core.faulted) this.faultAddress = this.mmu.address;
    core.faulted = false;
  }
}

function checkedMode(mode: number): number {
  if (bankOf(mode) < 0) throw new RangeError(`no processor mode: 0x${mode.toString(16)}`);
  return mode;
}

function spsrIndexOf(mode: number): number {
  const bank = bankOf(mode);
  if (bank <= 0) throw new RangeError(`mode 0x${mode.toString(16)} has no SPSR`);
  return STATE.BANK + bank * 4 + 2;
}
