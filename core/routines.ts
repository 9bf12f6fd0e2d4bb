/**
 * The monitor's routines: where each lies in its text, how long it is, and what its instructions cost
 * apart from the words that they load and store and from CP15 operations, which the port charges one by
 * one.
 *
 * The hand-written ones are `guests/monitor/monitor.S`; `bench calibrate` executes them on the timed core
 * and holds what is charged against it. The others stand for compiled code: their length is assumed,
 * their cost is that of a call, and what they do is charged by the words that they touch.
 *
 * @module
 */

import { MAP } from "./layout.ts";

/** A routine of the monitor. */
export interface Routine {
  /** Its name, which is the label of a hand-written one. */
  readonly name: string;
  /** Address of its first instruction. */
  readonly address: number;
  /** Its length in bytes. */
  readonly bytes: number;
  /** Cycles of its instructions, apart from data words and CP15 operations. */
  readonly issue: number;
  /** The same for each round of its loop, where it has one. */
  readonly round: number;
  /** False for what stands for compiled code. */
  readonly written: boolean;
}

/** Name of a hand-written routine. */
export type WrittenName =
  | "vector"
  | "which_mode"
  | "save_call"
  | "kernel_call"
  | "hypercall"
  | "dispatch"
  | "dispatched"
  | "restore_task"
  | "task_due"
  | "restore_due"
  | "save_irq"
  | "acknowledge"
  | "switch_vm"
  | "choose"
  | "enter"
  | "restore_vm"
  | "cut_due"
  | "resume"
  | "restore_resume"
  | "abort_entry"
  | "abort_return"
  | "install_piece"
  | "publish"
  | "protect"
  | "page_copy"
  | "frame_copy"
  | "page_restore"
  | "discard_lines"
  | "flush_lines"
  | "flush_cache"
  | "page_clear";

/** Offset in the text, length, issue cycles, and those of a round, of the hand-written routines. */
const WRITTEN: Readonly<Record<WrittenName, readonly [number, number, number, number?]>> = {
  /** The branch in the vector. */
  vector: [0x000, 32, 3],
  /** SWI: a task's or a kernel's. */
  which_mode: [0x020, 8, 2],
  /** The context of a task that calls its kernel. */
  save_call: [0x028, 16, 2],
  /** The kernel is entered for a call that is not journalled. */
  kernel_call: [0x038, 84, 14],
  /** SWI of a kernel: which hypercall. */
  hypercall: [0x08c, 20, 7],
  /** HC_DISPATCH: whether that is all, and who leaves. */
  dispatch: [0x0a0, 76, 10],
  /** The task's image and result. */
  dispatched: [0x0ec, 16, 1],
  /** A context is put into the CPU. */
  restore_task: [0x0fc, 32, 9],
  /** The task that leaves owes a checkpoint; then as dispatched. */
  task_due: [0x11c, 36, 6],
  restore_due: [0x140, 32, 9],
  /** Interrupt: the context of who runs. */
  save_irq: [0x160, 36, 6],
  /** The interrupt controller is asked and answered. */
  acknowledge: [0x184, 28, 7],
  /** The VM that leaves. */
  switch_vm: [0x1a0, 40, 3],
  /** The first VM of the active set. */
  choose: [0x1c8, 44, 5],
  /** The VM that was chosen. */
  enter: [0x1f4, 48, 3],
  restore_vm: [0x224, 32, 9],
  /** The VM that leaves owes a cut. */
  cut_due: [0x244, 24, 8],
  /** Back to the VM that was interrupted. */
  resume: [0x25c, 20, 3],
  restore_resume: [0x270, 32, 9],
  /** Abort: registers that compiled code may change. */
  abort_entry: [0x290, 20, 5],
  /** Back to the instruction that aborted. */
  abort_return: [0x2a4, 12, 8],
  /** First-level word of a piece. */
  install_piece: [0x2c8, 52, 10],
  /** Descriptors come into force: write buffer, data TLB. */
  publish: [0x2fc, 12, 3],
  /** Active tables and spares change places; a round is a piece. */
  protect: [0x308, 96, 9, 10],
  /** A page of a guest is copied to a frame; a round is a line but the first of eight. */
  page_copy: [0x368, 112, 71, 22],
  /** A frame is copied. */
  frame_copy: [0x3d8, 28, 19, 4],
  /** A frame is copied to a page of a guest. */
  page_restore: [0x3f4, 56, 19, 4],
  /** Lines of a page are dropped; a round is four of them. */
  discard_lines: [0x42c, 64, 2, 8],
  flush_lines: [0x46c, 64, 2, 8],
  /** The data cache is cleaned; a round is four lines. */
  flush_cache: [0x4ac, 52, 18, 7],
  /** A page is filled with 0; a round is a line. */
  page_clear: [0x4e0, 56, 25, 4],
};

/**
 * Length in bytes and issue cycles of the routines that stand for compiled code: a call, registers kept
 * for it.
 */
export const COMPILED = {
  hypercall_entry: [96, 24],
  hypercall_return: [32, 12],
  kernel_entry: [160, 20],
  dispatch_slow: [480, 24],
  resume_slow: [320, 16],
  deliver: [320, 16],
  reschedule: [160, 12],
  tick: [480, 20],
  tick_vm: [256, 12],
  time: [64, 10],
  open_domains: [512, 16],
  checkpoint: [640, 24],
  cut: [768, 24],
  settle: [512, 16],
  first_write: [768, 24],
  swap: [896, 24],
  refresh: [384, 16],
  maintain: [256, 16],
  abort: [160, 12],
  fault: [640, 24],
  recovery: [768, 24],
  journal: [384, 16],
  console: [512, 16],
  message: [512, 16],
  manage: [1024, 24],
  create: [2048, 24],
  scrub: [512, 16],
} as const;

/** Name of a routine. */
export type RoutineName = WrittenName | keyof typeof COMPILED;

/** First address of what stands for compiled code. */
const COMPILED_AT = MAP.TEXT + 0x1000;

function table(): Record<RoutineName, Routine> {
  const all: Record<string, Routine> = {};
  for (const [name, [offset, bytes, issue, round = 0]] of Object.entries(WRITTEN)) {
    all[name] = { name, address: MAP.VECTORS + offset, bytes, issue, round, written: true };
  }
  let address: number = COMPILED_AT;
  for (const [name, [bytes, issue]] of Object.entries(COMPILED)) {
    all[name] = { name, address, bytes, issue, round: 0, written: false };
    address += bytes;
  }
  return all as Record<RoutineName, Routine>;
}

/** The routines by name. */
export const ROUTINE: Readonly<Record<RoutineName, Routine>> = table();
