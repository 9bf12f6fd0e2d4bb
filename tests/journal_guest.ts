/**
 * Mini guests whose kernel keeps a queue and registers an undo call-back, and tasks whose posts,
 * items, lines and messages are numbered.
 *
 * @module
 */

import assert from "node:assert/strict";
import { observedInTask, observedTask } from "../core/contexts.ts";
import type { Lab } from "../core/lab.ts";
import { GLOBAL, MAP } from "../core/layout.ts";
import { DISPATCH, HC, INFO_FIELDS, PAGE, SLOT_MAP, VMI_ERROR } from "../core/vmi.ts";
import {
  type Code,
  DATA_OFFSET,
  imm,
  KERNEL_DATA,
  KERNEL_STACK_END,
  plainGuest,
  R0,
  R1,
  R12,
  R2,
  R3,
  R4,
  R5,
  R6,
  R7,
  R8,
  R9,
  SWI,
  taskBase,
  taskGuest,
  type TaskSpec,
  transfer,
} from "./mini_guest.ts";
import { guestWord } from "./monitor_rig.ts";

/** Calls of the kernel: number in r12, arguments in r0-r3, result in r0. */
export const CALL = {
  /** Returns 0x1234; kind NEUTRAL. */
  NULL: 0,
  /** Lets the next ready task run; kind NEUTRAL. */
  YIELD: 1,
  /** Sleeps to the next tick; kind NEUTRAL. */
  DELAY: 2,
  /** Writes r1 bytes at r0 to the console; kind PRODUCING. */
  PRINT: 3,
  /** Does hypercall r4 with r0-r3; kind PRODUCING. */
  HYPER: 4,
  /** Appends r0 to the queue and returns it; kind PRODUCING. */
  PUT: 5,
  /** Takes the first of the queue, 0: none; r0 is a tag that nobody looks at; kind CONSUMING. */
  TAKE: 6,
  /** A number that is another each time; kind TIME. */
  NOW: 7,
  /** The kernel's word {@linkcode QUEUE.WORD}; kind NEUTRAL. */
  PEEK: 8,
  /** Sets it to r0; kind NEUTRAL, so that a rollback leaves it. */
  POKE: 9,
} as const;

const KINDS = [0, 0, 0, 2, 2, 2, 1, 3, 0, 0];

/** Words of the kernel's data. */
export const QUEUE = {
  /** Tasks that wait for the next tick, a bit each. */
  DELAYED: KERNEL_DATA,
  /** What {@linkcode CALL.NOW} counts. */
  NOW: KERNEL_DATA + 8,
  /** What PEEK and POKE are about. */
  WORD: KERNEL_DATA + 12,
  /** Address of the first item, and behind the last. */
  HEAD: KERNEL_DATA + 16,
  TAIL: KERNEL_DATA + 20,
  /** Number of call-backs, and their entries: task, call, argument, result. */
  UNDONE: KERNEL_DATA + 24,
  UNDO_LOG: KERNEL_DATA + PAGE,
  /** Items; there are three pages of them. */
  ITEMS: KERNEL_DATA + 4 * PAGE,
} as const;

/** What the kernel registers: a call-back that works, none, or one that faults. */
export type UndoKind = "works" | "none" | "faults";

/** A guest with the queue kernel; `kinds` are those of its calls, in their order. */
export function queueGuest(
  tasks: readonly TaskSpec[],
  undo: UndoKind = "works",
  tickUs = 1000,
  kinds: readonly number[] = KINDS,
): Uint8Array {
  return taskGuest({
    tasks,
    kernelDataPages: 7,
    kernel: (c) => queueKernel(c, tasks.length + 1, undo, tickUs, kinds),
  });
}

const NO_PRIORITY = 0xffff_ffff;
const INFO_RDY_TBL = INFO_FIELDS.find((f) => f.name === "RDY_TBL")!.offset;
const INFO_CUR_TASK = INFO_FIELDS.find((f) => f.name === "CUR_TASK")!.offset;

/** `mov rd, rm, lsl rs`. */
const lslBy = (rd: number, rm: number, rs: number) => (0xe1a0_0010 | rd << 12 | rs << 8 | rm) >>> 0;
/** `mov rd, rm, lsr rs`. */
const lsrBy = (rd: number, rm: number, rs: number) => (0xe1a0_0030 | rd << 12 | rs << 8 | rm) >>> 0;
/** `mov rd, rm, lsr #n`. */
const lsr = (rd: number, rm: number, n: number) => (0xe1a0_0020 | rd << 12 | n << 7 | rm) >>> 0;
/** `add rd, rn, rm, lsl #n`. */
const addLsl = (rd: number, rn: number, rm: number, n: number) =>
  (0xe080_0000 | rn << 16 | rd << 12 | n << 7 | rm) >>> 0;

function queueKernel(
  c: Code,
  tasks: number,
  undo: UndoKind,
  tickUs: number,
  kinds: readonly number[],
): void {
  c.b("boot").b("lost").b("call").b("lost").b("lost").b("lost").b("irq").b("lost");
  c.label("lost").swi(HC.HALT, 0xdead).b("lost");
  c.label("kinds");
  for (let i = 0; i < 64; i += 4) {
    c.put([0, 1, 2, 3].reduce((word, k) => word | (kinds[i + k] ?? 0) << 8 * k, 0));
  }

  c.label("boot");
  c.swi(HC.SETUP, SLOT_MAP.KERNEL, KERNEL_STACK_END);
  if (undo !== "none") c.swi(HC.JOURNAL, "undo", "kinds");
  c.swi(HC.TIMER_SET, tickUs);
  c.li(R0, QUEUE.ITEMS).li(R1, QUEUE.HEAD).str(R0, R1).str(R0, R1, 4);
  for (let i = 0; i < tasks; i++) c.swi(HC.TASK_CREATE, taskBase(i), 0x100 + i, i, 0);
  for (let i = 0; i < tasks - 1; i++) c.swi(HC.READY, i, NO_PRIORITY);

  // Round robin; r9 becomes the next ready task after the current one.
  c.label("schedule").li(R5, SLOT_MAP.VMI_INFO);
  c.ldr(R4, R5, INFO_RDY_TBL).ldr(R6, R5, INFO_CUR_TASK).op("add", R7, R6, imm(1));
  c.put(lsrBy(R8, R4, R7), lslBy(R8, R8, R7));
  c.cmp(R8, imm(0)).mov(R8, R4, "eq").cmp(R8, imm(0)).b("idle", "eq").mov(R9, imm(0));
  c.label("search").op("tst", 0, R8, imm(1)).b("found", "ne");
  c.put(lsr(R8, R8, 1)).add(R9, imm(1)).b("search");
  c.label("found").mov(R0, R9).mov(R1, imm(0)).mov(R2, imm(0)).mov(R12, imm(HC.DISPATCH)).put(SWI);
  // Refused: the monitor has stopped that task. It is not tried again.
  c.op("mvn", R0, 0, imm(0)).mov(R1, R9).mov(R12, imm(HC.READY)).put(SWI).b("schedule");
  c.label("idle").swi(HC.DISPATCH, tasks - 1, 0, DISPATCH.WAIT).b("lost");

  c.label("result").mov(R1, R0).li(R5, SLOT_MAP.VMI_INFO).ldr(R0, R5, INFO_CUR_TASK);
  c.mov(R2, imm(DISPATCH.RESULT)).mov(R12, imm(HC.DISPATCH)).put(SWI).b("schedule");

  c.label("call").cmp(R12, imm(CALL.YIELD)).b("schedule", "eq");
  for (const name of ["DELAY", "PRINT", "HYPER", "PUT", "TAKE", "NOW", "PEEK", "POKE"] as const) {
    c.cmp(R12, imm(CALL[name])).b(name, "eq");
  }
  c.li(R0, 0x1234).b("result");
  c.label("PRINT").mov(R12, imm(HC.CONSOLE_WRITE)).put(SWI).b("result");
  c.label("HYPER").mov(R12, R4).put(SWI).b("result");
  c.label("PUT").li(R1, QUEUE.TAIL).ldr(R2, R1).str(R0, R2).add(R2, imm(4)).str(R2, R1).b("result");
  c.label("TAKE").li(R1, QUEUE.HEAD).ldr(R2, R1).ldr(R3, R1, 4).mov(R0, imm(0)).cmp(R2, R3);
  c.b("result", "eq").ldr(R0, R2).add(R2, imm(4)).str(R2, R1).b("result");
  c.label("PEEK").li(R1, QUEUE.WORD).ldr(R0, R1).b("result");
  c.label("POKE").li(R1, QUEUE.WORD).str(R0, R1).b("result");
  c.label("NOW").increment(QUEUE.NOW).b("result");
  c.label("DELAY").li(R5, SLOT_MAP.VMI_INFO).ldr(R1, R5, INFO_CUR_TASK);
  c.li(R6, QUEUE.DELAYED).ldr(R7, R6).mov(R8, imm(1));
  c.put(0xe187_7118).str(R7, R6); // orr r7, r7, r8, lsl r1
  c.op("mvn", R0, 0, imm(0)).mov(R12, imm(HC.READY)).put(SWI).b("schedule");

  // A tick makes all that wait for it ready.
  c.label("irq").cmp(R1, imm(0)).b("schedule", "eq");
  c.li(R6, QUEUE.DELAYED).ldr(R7, R6).mov(R8, imm(0)).str(R8, R6);
  c.label("wake").cmp(R7, imm(0)).b("schedule", "eq").op("tst", 0, R7, imm(1)).b("wakeNext", "eq");
  c.mov(R0, R8).op("mvn", R1, 0, imm(0)).mov(R12, imm(HC.READY)).put(SWI);
  c.label("wakeNext").put(lsr(R7, R7, 1)).add(R8, imm(1)).b("wake");

  // r0 task, r1 call, r2 argument, r3 result: kept in a log; an item goes back to the head.
  c.label("undo");
  if (undo === "faults") c.mov(R0, imm(0)).str(R0, R0);
  c.li(R4, QUEUE.UNDONE).ldr(R5, R4).li(R6, QUEUE.UNDO_LOG).put(addLsl(R6, R6, R5, 4));
  c.str(R0, R6).str(R1, R6, 4).str(R2, R6, 8).str(R3, R6, 12).add(R5, imm(1)).str(R5, R4);
  c.cmp(R1, imm(CALL.TAKE)).b("undone", "ne").cmp(R3, imm(0)).b("undone", "eq");
  c.li(R4, QUEUE.HEAD).ldr(R5, R4).op("sub", R5, R5, imm(4)).str(R3, R5).str(R5, R4);
  c.label("undone").swi(HC.UNDONE).b("lost");
}

/** Call-backs that a queue kernel has had so far. */
export function undoLog(lab: Lab, vm: string) {
  return Array.from({ length: guestWord(lab, vm, QUEUE.UNDONE) }, (_, i) => {
    const [task, call, argument, result] = [0, 4, 8, 12].map((offset) =>
      guestWord(lab, vm, QUEUE.UNDO_LOG + 16 * i + offset)
    );
    return { task, call, argument, result };
  });
}

// --- numbered tasks --------------------------------------------------------------------------------

/** Bytes of a numbered line: a letter, four digits from `a` to `p`, a line feed. */
export const LINE = 6;

/** Writes the line of a letter and register `rn` at r1; r2 is lost. */
function numberedText(c: Code, letter: string, rn: number): Code {
  c.mov(R2, imm(letter.charCodeAt(0))).put(transfer("strb", R2, R1));
  for (let digit = 0; digit < 4; digit++) {
    if (digit < 3) c.put(lsr(R2, rn, 12 - 4 * digit));
    else c.mov(R2, rn);
    c.op("and", R2, R2, imm(15)).add(R2, imm(97)).put(transfer("strb", R2, R1, 1 + digit));
  }
  return c.mov(R2, imm(10)).put(transfer("strb", R2, R1, 5));
}

/** Prints a letter and the number in `rn` by call or hypercall `number`; the text is built at `buffer`. */
export function printNumber(
  c: Code,
  number: number,
  letter: string,
  rn: number,
  buffer: number,
): Code {
  c.li(R1, buffer);
  numberedText(c, letter, rn);
  return c.mov(R0, R1).mov(R1, imm(LINE)).li(R12, number).put(SWI);
}

/** Loops about `5 * count` cycles with r6. */
export function busy(c: Code, count: number): Code {
  const label = c.unique();
  return c.li(R6, count).label(label).op("sub", R6, R6, imm(1)).cmp(R6, imm(0)).b(label, "ne");
}

/** First address of a task's data. */
const dataOf = (task: number) => taskBase(task) + DATA_OFFSET;
const BUFFER = 0x40;

/** Counts in its memory; puts each number in the queue, prints it and, where asked, sends it. */
export function producer(task: number, sendTo?: number): TaskSpec {
  const data = dataOf(task);
  return {
    name: "producer",
    main: (c) => {
      c.label("l").li(R1, data).ldr(R5, R1).add(R5, imm(1)).str(R5, R1);
      busy(c, 150);
      c.mov(R0, R5).li(R12, CALL.PUT).put(SWI);
      busy(c, 150);
      printNumber(c, CALL.PRINT, "p", R5, data + BUFFER);
      busy(c, 150);
      if (sendTo !== undefined) {
        c.label("send").li(R0, sendTo).li(R1, data + BUFFER).mov(R2, imm(LINE)).mov(
          R4,
          imm(HC.SEND),
        );
        c.li(R12, CALL.HYPER).put(SWI).op("mvn", R7, 0, imm(~VMI_ERROR.EAGAIN)).cmp(R0, R7);
        c.b("sent", "ne").swi(CALL.DELAY).b("send").label("sent");
      }
      c.op("tst", 0, R5, imm(1)).b("l", "ne").swi(CALL.DELAY).b("l");
    },
  };
}

/** Word of a consumer's data: how many items it has; they follow from {@linkcode ITEM_LIST} on. */
const ITEM_LIST = 0x100;

/** Takes numbers from the queue into a list in its memory; prints every fourth. */
export function consumer(task: number): TaskSpec {
  const data = dataOf(task);
  return {
    name: "consumer",
    dataPages: 3,
    main: (c) => {
      c.label("l").swi(CALL.TAKE, 0).cmp(R0, imm(0)).b("wait", "eq").mov(R5, R0);
      c.li(R1, data).ldr(R2, R1).put(addLsl(R3, R1, R2, 2)).str(R5, R3, ITEM_LIST);
      busy(c, 200);
      c.li(R1, data).ldr(R2, R1).add(R2, imm(1)).str(R2, R1);
      c.op("tst", 0, R5, imm(3)).b("l", "ne");
      printNumber(c, CALL.PRINT, "c", R5, data + BUFFER).b("l");
      c.label("wait").swi(CALL.DELAY).b("l");
    },
  };
}

/** Numbers that a consumer has taken, in order. */
export function consumed(lab: Lab, vm: string, task: number): number[] {
  const count = guestWord(lab, vm, dataOf(task));
  return Array.from(
    { length: count },
    (_, i) => guestWord(lab, vm, dataOf(task) + ITEM_LIST + 4 * i),
  );
}

/** A plain guest that prints each message it gets. */
export const receiver: Uint8Array = plainGuest({
  main: (c) => {
    c.swi(HC.TIMER_SET, 1000).label("l").swi(HC.RECEIVE, KERNEL_DATA + 0x40, 240);
    c.cmp(R0, imm(0)).b("wait", "eq").mov(R1, R0).li(R0, KERNEL_DATA + 0x40);
    c.li(R12, HC.CONSOLE_WRITE).put(SWI).b("l");
    c.label("wait").swi(HC.WAIT).b("l");
  },
});

/** The number of a line of {@linkcode printNumber}; the letter has to be this one. */
export function numberOf(line: string, letter: string): number {
  assert.match(line, /^[a-z][a-p]{4}$/);
  assert.equal(line[0], letter);
  return [...line.slice(1)].reduce((n, digit) => n * 16 + digit.charCodeAt(0) - 97, 0);
}

/** Asserts that numbers go up by `step` from `step` on. */
export function assertInOrder(numbers: readonly number[], what: string, step = 1): void {
  assert.deepEqual(numbers, numbers.map((_, i) => (i + 1) * step), what);
}

/** True while a task of a VM has the CPU. */
export function taskRuns(lab: Lab, vm: string, task: number): boolean {
  const { board } = lab;
  return (board.cpu.cpsr & 0x1f) === 0x10 &&
    board.peek(MAP.GLOBAL + GLOBAL.CURRENT, 4) === lab.vmRecord(vm) &&
    observedInTask(board, lab.vmRecord(vm)) && observedTask(board, lab.vmRecord(vm)) === task;
}

/** True while the kernel of a VM has the CPU. */
export function kernelRuns(lab: Lab, vm: string): boolean {
  const { board } = lab;
  return (board.cpu.cpsr & 0x1f) === 0x10 &&
    board.peek(MAP.GLOBAL + GLOBAL.CURRENT, 4) === lab.vmRecord(vm) &&
    !observedInTask(board, lab.vmRecord(vm));
}

/** Where nobody has a page. */
const HOLE = 0x01e0_0000;

/** Runs on in steps of `stepNs` to a time at which `when` is true, and sends the CPU into a hole. */
export function crashWhen(
  lab: Lab,
  when: () => boolean,
  stepNs: number,
): ReturnType<Lab["runAll"]> {
  const events: ReturnType<Lab["runAll"]> = [];
  const end = lab.time + 130_000_000;
  while (lab.time < end && !when()) events.push(...lab.runAll({ for: stepNs }));
  assert.ok(when(), "the time to crash came");
  lab.board.cpu.pc = HOLE;
  return events;
}
