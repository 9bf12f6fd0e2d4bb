/**
 * The monitor's start: its text, master table and MMU set-up, its timer, and the first VM.
 *
 * @module
 */

import type { Board } from "./board.ts";
import { holdContext, setStacks } from "./contexts.ts";
import {
  CONTEXT,
  EAGER,
  GLOBAL,
  GLOBAL_MAGIC,
  JOURNAL_NAMES,
  KEEP,
  MAP,
  STRATEGY_NAMES,
} from "./layout.ts";
import { ACCESS } from "./mmu.ts";
import {
  AP,
  coarseDescriptor,
  MEMORY_TYPE,
  sectionDescriptor,
  smallPageDescriptor,
} from "./pagetable.ts";
import { type RecoveryPolicy, writePolicy } from "./policy.ts";
import { TICK_SLICE } from "./scheduler.ts";
import { INTC_ADDRESS } from "./s3c2440_intc.ts";
import type { Vmm } from "./vmm.ts";

/** What the monitor is told at its start; times in cycles. */
export interface MonitorConfig {
  /** Checkpoint strategy. */
  backup: string;
  /** Checkpoint period, cycles; 0: at every switch. */
  period: number;
  /** Time slice of a VM, cycles. */
  slice: number;
  /** Kept generations of guest checkpoints. */
  generations: number;
  /** Checkpoints at every Nth switch-out. */
  every: number;
  /** Checksums on standby pages. */
  checksums: boolean;
  /** What is done about kernel calls since a checkpoint: "off", "commit", "log". */
  journal: string;
  /** "slices" or "slots". */
  schedule: string;
  /** Watchdog of guests, cycles; 0: off. */
  watchdog: number;
  /** Refused hypercalls of a VM in 100 ms that are an error; 0: never. */
  refusals: number;
  /** Timer periods lost in a rollback are made up for. */
  catchUp: boolean;
  /** Console output is held until the next checkpoint. */
  outputCommit: boolean;
  /** Ticks between steps of the table scrubber; 0: off. */
  scrub: number;
  /** Recovery policy, checked. */
  policy: RecoveryPolicy;
  /** The first image in flash is VM0's, who creates and starts the others. */
  vm0: boolean;
}

/** Period of the monitor's timer in nanoseconds of board time. */
export const TICK_NS = 1_000_000;

const TIMER4_MUX = 16;
const TCFG1 = 0x5100_0004;
const TCON = 0x5100_0008;
const TCNTB4 = 0x5100_003c;
const INTMSK = 0x4a00_0008;
const INTSUBMSK = 0x4a00_001c;
const ULCON0 = 0x5000_0000;
const UCON0 = 0x5000_0004;
const UFCON0 = 0x5000_0008;
const UBRDIV0 = 0x5000_0028;
/** Window in which refused hypercalls are counted, ns. */
const STORM_NS = 100_000_000;
const T4_MANUAL_RELOAD = 0x0060_0000;
const T4_START_RELOAD = 0x0050_0000;

/** SFR megabytes the monitor maps: interrupt controller, clocks, UARTs, PWM timers, watchdog. */
const SFRS = [0x4a0, 0x4c0, 0x500, 0x510, 0x530, 0x560];

/**
 * What stays in the data TLB: the megabytes of records, those of frame records and first-level table, the
 * interrupt controller, the timers.
 */
const LOCKED_DATA: readonly number[] = [
  ...Array.from(
    { length: (MAP.ARENA_END - MAP.GLOBAL) >>> 20 },
    (_, i) => MAP.GLOBAL + i * 0x10_0000,
  ),
  MAP.FRAMES,
  MAP.MASTER,
  INTC_ADDRESS.SRCPND,
  TCON,
];
/** What stays in the instruction TLB: vectors with the hand-written routines, the other text. */
const LOCKED_FETCHES: readonly number[] = [MAP.VECTORS, MAP.TEXT];

/** `mcr p15, 0, r0, c7, c0, 4` (wait for interrupt) and a branch back to it. */
const IDLE_LOOP = [0xee070f90, 0xeafffffd];
/** `b .` at each vector: what stands for it is entered before its first instruction. */
const VECTOR_WORD = 0xeafffffe;
/** Times in ticks are less than this, so that they can be compared with EAGER set. */
const MOST_TICKS = 0x3fff_ffff;

/**
 * Starts the monitor on a board out of reset: with MMU off it writes its text and tables, turns the
 * MMU on, makes its pools, and creates VM0 or, without it, all guests.
 *
 * @returns Texts of guests that could not be created (empty: none).
 */
export function bootMonitor(board: Board, vmm: Vmm, config: MonitorConfig): string[] {
  writeText(board);
  writeTables(board);
  enableMmu(board);
  setStacks(board);
  holdContext(board, MAP.GLOBAL + GLOBAL.IDLE_CONTEXT);
  const port = vmm.port;
  const g = MAP.GLOBAL;
  port.write(g + GLOBAL.MAGIC, GLOBAL_MAGIC);
  port.write(g + GLOBAL.STRATEGY, STRATEGY_NAMES.indexOf(config.backup));
  const tick = Math.round(TICK_NS * board.clock.fclk / 1e9);
  const ticks = (cycles: number) => Math.min(Math.ceil(cycles / tick), MOST_TICKS);
  const eager = config.backup !== "cow" || config.every > 1 || config.outputCommit ||
    config.checksums;
  port.write(g + GLOBAL.PERIOD, ticks(config.period));
  port.write(g + GLOBAL.SLICE, ticks(config.slice) * TICK_SLICE);
  port.write(g + GLOBAL.NOW, (eager ? EAGER : 0) + 1);
  port.write(g + GLOBAL.DOMAIN_EPOCH, 1);
  const idle = g + GLOBAL.IDLE_CONTEXT;
  port.write(idle + CONTEXT.NEXT, idle);
  vmm.scheduler.init();
  port.write(g + GLOBAL.GENERATIONS, config.generations);
  port.write(g + GLOBAL.EVERY, config.checksums ? config.every | KEEP : config.every);
  port.write(g + GLOBAL.CHECKSUMS, config.checksums ? 1 : 0);
  port.write(g + GLOBAL.DOMAIN_NEXT, 2);
  port.write(g + GLOBAL.HAS_VM0, config.vm0 ? 1 : 0);
  port.write(g + GLOBAL.JOURNAL, JOURNAL_NAMES.indexOf(config.journal));
  port.write(g + GLOBAL.SCHEDULE, config.schedule === "slots" ? 1 : 0);
  port.write(g + GLOBAL.WATCHDOG, ticks(config.watchdog));
  port.write(g + GLOBAL.STORM_LIMIT, config.refusals);
  port.write(g + GLOBAL.STORM_WINDOW, Math.round(STORM_NS / TICK_NS));
  port.write(g + GLOBAL.CATCH_UP, config.catchUp ? 1 : 0);
  port.write(g + GLOBAL.OUTPUT_COMMIT, config.outputCommit ? 1 : 0);
  port.write(g + GLOBAL.SCRUB_EVERY, config.scrub);
  port.write(g + GLOBAL.CONSOLE_LINE, 1);
  writePolicy(port, g + GLOBAL.POLICY, config.policy);
  vmm.frames.init(board.sdram.base + board.sdram.size);
  const images = vmm.vms.readDirectory();
  port.write(g + GLOBAL.IMAGES, images - (config.vm0 ? 1 : 0));
  startTimer(vmm, tick);
  startUart(vmm);
  const failed: string[] = [];
  const count = config.vm0 ? 1 : images;
  for (let i = 0; i < count; i++) {
    const vm = vmm.createVm(i);
    if (typeof vm === "string") failed.push(`${vmm.vms.imageName(i)}: ${vm}`);
    else vmm.startVm(vm);
  }
  return failed;
}

function writeText(board: Board): void {
  for (let i = 0; i < 8; i++) board.poke(MAP.TEXT + i * 4, VECTOR_WORD);
  IDLE_LOOP.forEach((word, i) => board.poke(MAP.IDLE + i * 4, word));
}

function writeTables(board: Board): void {
  const set = (va: number, word: number) => board.poke(MAP.MASTER + (va >>> 20) * 4, word);
  const section = (va: number, type: number) =>
    set(va, sectionDescriptor(va, AP.PRIVILEGED, 0, type));
  for (let va = MAP.FLASH; va < 0x100_0000; va += 0x10_0000) section(va, MEMORY_TYPE.NCNB);
  section(MAP.SDRAM, MEMORY_TYPE.WB);
  for (let va = MAP.MASTER; va < MAP.TABLES_END; va += 0x10_0000) section(va, MEMORY_TYPE.NCB);
  for (let va = MAP.GLOBAL; va < MAP.ARENA_END; va += 0x10_0000) section(va, MEMORY_TYPE.WB);
  for (let va = MAP.POOL; va < board.sdram.base + board.sdram.size; va += 0x10_0000) {
    section(va, MEMORY_TYPE.NCB);
  }
  for (const megabyte of SFRS) section(megabyte * 0x10_0000, MEMORY_TYPE.NCNB);
  set(MAP.VECTORS, coarseDescriptor(MAP.VECTOR_TABLE, 0));
  const entry = MAP.VECTOR_TABLE + (MAP.VECTORS >>> 12 & 255) * 4;
  board.poke(entry, smallPageDescriptor(MAP.TEXT, AP.PRIVILEGED, MEMORY_TYPE.WB));
}

function enableMmu(board: Board): void {
  const mmu = board.cpu.mmu;
  mmu.mcr(2, 0, 0, MAP.MASTER);
  mmu.mcr(3, 0, 0, 1);
  mmu.mcr(13, 0, 0, 0);
  mmu.mcr(7, 7, 0, 0);
  mmu.mcr(8, 7, 0, 0);
  // M, A, C, I, V and asynchronous clocking, as HDIVN is not 0.
  mmu.mcr(1, 0, 0, 0xc000_307f);
  lockTlb(board, 0, LOCKED_DATA);
  lockTlb(board, 1, LOCKED_FETCHES);
}

/**
 * Enters translations at the beginning of a TLB, to be kept there: round robin begins above them, and
 * what is loaded with the preserve bit outlives "invalidate all".
 *
 * @param op2 0: data, 1: instructions.
 */
function lockTlb(board: Board, op2: 0 | 1, addresses: readonly number[]): void {
  const { mmu } = board.cpu;
  const access = op2 === 0 ? ACCESS.READ : ACCESS.FETCH;
  const from = (entry: number) => (entry << 26 | entry << 20) >>> 0;
  mmu.mcr(10, 0, op2, from(0) | 1);
  for (const va of addresses) mmu.translate(va, access, true);
  mmu.mcr(10, 0, op2, from(addresses.length));
}

/** PWM timer 4: PCLK / 2, reload, one interrupt a tick; the only source that is not masked. */
function startTimer(vmm: Vmm, tick: number): void {
  const port = vmm.port;
  const pclk = port.board.soc.clkpwr.pclk;
  const counts = Math.round(pclk / 2 * TICK_NS / 1e9);
  port.setDevice(TCFG1, port.device(TCFG1) & ~(15 << TIMER4_MUX));
  port.setDevice(TCNTB4, counts);
  port.setDevice(TCON, T4_MANUAL_RELOAD);
  port.setDevice(TCON, T4_START_RELOAD);
  port.setDevice(INTMSK, ~(1 << 14 | 1 << 28) >>> 0);
  port.write64(MAP.GLOBAL + GLOBAL.TICK_BASE, port.now);
  port.write(MAP.GLOBAL + GLOBAL.TICK_CYCLES, tick);
}

/** UART0: 8N1, FIFO, interrupts at the first byte received, as fast as it goes. */
function startUart(vmm: Vmm): void {
  const port = vmm.port;
  port.setDevice(ULCON0, 3);
  port.setDevice(UFCON0, 7);
  port.setDevice(UCON0, 0x185);
  port.setDevice(UBRDIV0, 0);
  port.setDevice(INTSUBMSK, port.device(INTSUBMSK) & ~1);
}
