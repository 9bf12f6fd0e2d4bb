/**
 * Branches of a running laboratory: its state without the memory, the pages that a stretch of the
 * run wrote, and putting both back. What the host keeps besides (decoded code, look-aside tables) stays,
 * so that going back costs what was changed and not what there is.
 *
 * @module
 */

import type { ClockState } from "./clock.ts";
import { MODE } from "./cpu.ts";
import type { ElfFile } from "./elf.ts";
import type { Lab } from "./lab.ts";
import { MAP } from "./layout.ts";
import type { MmuState } from "./mmu.ts";
import type { RecorderState } from "./recorder.ts";
import type { DeviceState } from "./registers.ts";
import { type DeviceName, RESET_CAUSE } from "./s3c2440.ts";
import type { TimingState } from "./timing.ts";

const PAGE_BITS = 12;
/** Bytes of a page of SDRAM. */
export const FORK_PAGE: number = 1 << PAGE_BITS;
/** Words of a page of SDRAM. */
export const FORK_WORDS: number = FORK_PAGE / 4;

const EXCEPTION_MODES: readonly number[] = [MODE.FIQ, MODE.IRQ, MODE.SVC, MODE.ABT, MODE.UND];

/** A laboratory at one moment, without its SDRAM. Plain data. */
export interface ForkState {
  /** Time base. */
  readonly clock: ClockState;
  /** Devices by name; those that are missing are as they are. */
  readonly devices: Readonly<Partial<Record<DeviceName, DeviceState<unknown>>>>;
  /** MMU and CP15. */
  readonly mmu: MmuState;
  /** Write buffer, bus and interlocks, in the timed fidelity. */
  readonly timing?: TimingState;
  /** r0 to r14 of User mode, PC, CPSR; then r13, r14, SPSR of fiq, irq, svc, abt, und; r8-r12 of fiq. */
  readonly registers: readonly number[];
  /** The core waits for an interrupt. */
  readonly waiting: boolean;
  /** Cycles without work. */
  readonly idleCycles: number;
  /** The observer. */
  readonly recorder: RecorderState;
}

/**
 * Notes which pages of SDRAM may have been written. Every write by CPU or monitor comes past
 * `mmu.fill` when it is the first to its page, or past `board.debugWrite`.
 */
export class TouchedPages {
  /** Numbers of the pages touched since the last {@linkcode clear}, each once. */
  readonly list: number[] = [];
  readonly #flags: Uint8Array;
  readonly #lab: Lab;
  readonly #undo: () => void;

  /**
   * Notes pages from now on.
   *
   * @param lab The laboratory, without a cache model: a write-back cache would hide writes.
   */
  constructor(lab: Lab) {
    this.#lab = lab;
    const { board } = lab;
    const { mmu, sdram } = board;
    this.#flags = new Uint8Array(sdram.size >>> PAGE_BITS);
    const { fill } = mmu;
    const { debugWrite } = board;
    mmu.fill = (va, pa) => {
      this.add(pa);
      fill.call(mmu, va, pa);
    };
    board.debugWrite = (pa, bytes) => {
      for (let at = pa & ~(FORK_PAGE - 1); at < pa + bytes.length; at += FORK_PAGE) this.add(at);
      return debugWrite.call(board, pa, bytes);
    };
    this.#undo = () => {
      mmu.fill = fill;
      board.debugWrite = debugWrite;
    };
    this.clear();
  }

  /** Notes the page of a physical address, if it is in SDRAM. */
  add(pa: number): void {
    const page = (pa - MAP.SDRAM) >> PAGE_BITS;
    if (page >= 0 && page < this.#flags.length) this.addPage(page);
  }

  /** Notes a page by its number. */
  addPage(page: number): void {
    if (this.#flags[page] !== 0) return;
    this.#flags[page] = 1;
    this.list.push(page);
  }

  /** Forgets all pages; from now on their next touch is noted again. */
  clear(): void {
    for (const page of this.list) this.#flags[page] = 0;
    this.list.length = 0;
    // The monitor's count of its own cycles is written past everything.
    this.add(MAP.VMM_CYCLES);
    this.#lab.board.mmu.flush();
  }

  /** True when a page was touched. */
  has(page: number): boolean {
    return this.#flags[page] !== 0;
  }

  /** Ends it. */
  stop(): void {
    this.#undo();
  }
}

/** SDRAM of a laboratory as words. */
export function sdramWords(lab: Lab): Uint32Array {
  const { memory, sdram } = lab.board;
  return memory.u32.subarray(sdram.offset >>> 2, (sdram.offset + sdram.size) >>> 2);
}

/**
 * The state of a laboratory, between two runs of its board, without the SDRAM.
 *
 * @param names Devices that are part of it; all unless given.
 */
export function forkState(lab: Lab, names?: readonly DeviceName[]): ForkState {
  const { board } = lab;
  const { cpu } = board;
  const registers: number[] = [];
  for (let n = 0; n < 15; n++) registers.push(cpu.userReg(n));
  registers.push(cpu.pc, cpu.cpsr);
  for (const mode of EXCEPTION_MODES) {
    registers.push(cpu.bankedReg(mode, 13), cpu.bankedReg(mode, 14), cpu.spsrOf(mode));
  }
  for (let n = 8; n < 13; n++) registers.push(cpu.bankedReg(MODE.FIQ, n));
  return {
    clock: board.clock.state(),
    devices: deviceStates(lab, names ?? (Object.keys(board.soc.devices) as DeviceName[])),
    mmu: cpu.mmu.state(),
    ...(cpu.timing && { timing: cpu.timing.state() }),
    registers,
    waiting: board.waiting,
    idleCycles: board.idleCycles,
    recorder: lab.recorder.state(),
  };
}

/** States of devices. */
export function deviceStates(
  lab: Lab,
  names: readonly DeviceName[],
): Partial<Record<DeviceName, DeviceState<unknown>>> {
  const { devices } = lab.board.soc;
  return Object.fromEntries(names.map((name) => [name, devices[name].state()]));
}

/**
 * Puts a laboratory back into a state that {@linkcode forkState} gave. Its SDRAM is put back by the
 * caller, before or after.
 *
 * @param symbols Symbols of the guests by name.
 */
export function putForkState(
  lab: Lab,
  state: ForkState,
  symbols: (name: string) => ElfFile | undefined,
): void {
  const { board, recorder } = lab;
  const { cpu } = board;
  if (board.waiting && !state.waiting) board.reset(RESET_CAUSE.POWER_ON);
  board.clock.restore(state.clock);
  const { devices } = board.soc;
  for (const [name, device] of Object.entries(state.devices)) {
    devices[name as DeviceName].restore(device);
  }
  cpu.setIrq(board.soc.intc.irq);
  cpu.setFiq(board.soc.intc.fiq);
  cpu.mmu.restore(state.mmu);
  if (state.timing !== undefined) cpu.timing?.restore(state.timing);
  const { registers } = state;
  cpu.cpsr = registers[16];
  for (let n = 0; n < 15; n++) cpu.setUserReg(n, registers[n]);
  cpu.pc = registers[15];
  let at = 17;
  for (const mode of EXCEPTION_MODES) {
    cpu.setBankedReg(mode, 13, registers[at++]);
    cpu.setBankedReg(mode, 14, registers[at++]);
    cpu.setSpsrOf(mode, registers[at++]);
  }
  for (let n = 8; n < 13; n++) cpu.setBankedReg(MODE.FIQ, n, registers[at++]);
  if (state.waiting && !board.waiting) board.waitForInterrupt();
  board.idleCycles = state.idleCycles;
  recorder.restore(state.recorder, symbols);
}

/**
 * Writes pages of SDRAM; the CPU forgets what it decoded from those that change.
 *
 * @param from SDRAM of the same size, as words.
 * @param pages Numbers of the pages.
 */
export function putPages(lab: Lab, from: Uint32Array, pages: readonly number[]): void {
  for (const page of pages) {
    putPage(lab, page, from.subarray(page * FORK_WORDS, (page + 1) * FORK_WORDS));
  }
}

/** Writes one page of SDRAM, see {@linkcode putPages}. */
export function putPage(lab: Lab, page: number, content: Uint32Array): void {
  const { board } = lab;
  const to = sdramWords(lab).subarray(page * FORK_WORDS, (page + 1) * FORK_WORDS);
  const decoded = board.mmu.codePages[(board.sdram.offset >>> PAGE_BITS) + page] !== 0;
  if (decoded && to.every((word, i) => word === content[i])) return;
  to.set(content);
  if (decoded) board.cpu.invalidateCode(MAP.SDRAM + page * FORK_PAGE, FORK_PAGE);
}
