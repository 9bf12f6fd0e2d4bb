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
  /** Its name, as the label of the hand-written one. */
  readonly name: string;
  /** Address of its first instruction. */
  readonly address: number;
  /** Its length in bytes. */
  readonly bytes: number;
  /** Cycles of its instructions, apart from data words and CP15 operations. */
  readonly issue: number;
  /** False for what stands for compiled code. */
  readonly written: boolean;
}

/** Offset in the text, length and issue cycles of the hand-written routines. */
const WRITTEN = {
  /** The branch in the vector. */
  vector: [0x000, 32, 3],
  /** SWI of a task: which mode, and its context. */
  save_call: [0x020, 24, 4],
  /** The kernel is entered for a call that is not journalled. */
  kernel_call: [0x038, 84, 14],
  /** SWI of a kernel: which hypercall. */
  hypercall: [0x08c, 8, 6],
  /** HC_DISPATCH. */
  dispatch: [0x094, 96, 11],
  /** The task that leaves owes a checkpoint. */
  task_due: [0x0f4, 16, 5],
  /** A context is put into the CPU. */
  restore: [0x104, 28, 9],
  /** Interrupt: the context of who runs. */
  save_irq: [0x120, 36, 6],
  /** The interrupt controller is asked and answered. */
  acknowledge: [0x144, 40, 6],
  /** The next VM: leave, choose, enter. */
  switch_vm: [0x16c, 136, 11],
  /** The VM that leaves owes a cut. */
  cut_due: [0x1f4, 20, 8],
  /** Back to the VM that was interrupted. */
  resume: [0x208, 20, 2],
  /** Abort: registers that compiled code may change. */
  abort_entry: [0x21c, 20, 5],
  /** Back to the instruction that aborted. */
  abort_return: [0x230, 24, 10],
} as const;

/** Lengths and cost of the routines that stand for compiled code: a call, registers kept for it. */
const COMPILED = {
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
export type RoutineName = keyof typeof WRITTEN | keyof typeof COMPILED;

/** First address of what stands for compiled code. */
const COMPILED_AT = MAP.TEXT + 0x1000;

function table(): Record<RoutineName, Routine> {
  const all: Record<string, Routine> = {};
  for (const [name, [offset, bytes, issue]] of Object.entries(WRITTEN)) {
    all[name] = { name, address: MAP.VECTORS + offset, bytes, issue, written: true };
  }
  let address: number = COMPILED_AT;
  for (const [name, [bytes, issue]] of Object.entries(COMPILED)) {
    all[name] = { name, address, bytes, issue, written: false };
    address += bytes;
  }
  return all as Record<RoutineName, Routine>;
}

/** The routines by name. */
export const ROUTINE: Readonly<Record<RoutineName, Routine>> = table();
