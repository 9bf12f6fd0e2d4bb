/**
 * The journal of kernel calls: what a task did to its kernel since its checkpoint (R3).
 *
 * A task is rolled back under a kernel that has moved on. Consuming calls are undone by the kernel's
 * call-back, newest first. Producing calls can't be undone: in mode `commit` the task gets a
 * checkpoint before anybody can see their effect; in mode `log` the task, when it makes them again,
 * gets the logged result, and the kernel does not hear of it.
 *
 * @module
 */

import type { Backup } from "./backup.ts";
import { CALL, GLOBAL, JOURNAL_ENTRIES, JOURNAL_MODE, MAP, UNIT, VM } from "./layout.ts";
import type { Port } from "./port.ts";
import { CALL_KIND } from "./vmi.ts";

/** An entry that the kernel's call-back is to undo. */
export interface UndoneCall {
  /** Number of the call. */
  number: number;
  /** Its first argument. */
  argument: number;
  /** Its result. */
  result: number;
}

/** Keeps the journals of all tasks. */
export class Journal {
  readonly #port: Port;
  readonly #backup: Backup;

  /**
   * Journals of all tasks.
   *
   * @param port The monitor's port.
   * @param backup Takes the checkpoints that calls owe.
   */
  constructor(port: Port, backup: Backup) {
    this.#port = port;
    this.#backup = backup;
  }

  /** Mode in force (JOURNAL_MODE). */
  get mode(): number {
    return this.#port.read(MAP.GLOBAL + GLOBAL.JOURNAL);
  }

  /** True when the guest registered a call-back, so that its tasks can be rolled back alone. */
  canUndo(vm: number): boolean {
    return this.mode === JOURNAL_MODE.OFF || this.#port.read(vm + VM.UNDO) !== 0;
  }

  /**
   * A task makes a kernel call.
   *
   * @param args r0-r3.
   * @returns The logged result when the call is replayed and the kernel is not to be entered.
   */
  begin(vm: number, unit: number, number: number, args: readonly number[]): number | undefined {
    const port = this.#port;
    if (this.mode === JOURNAL_MODE.OFF || port.read(vm + VM.UNDO) === 0) return undefined;
    const kind = number < 64 ? port.loadByte(vm + VM.CALL_KINDS + number) : CALL_KIND.PRODUCING;
    if (kind === CALL_KIND.NEUTRAL) return undefined;
    if (kind === CALL_KIND.TIME && this.mode !== JOURNAL_MODE.LOG) return undefined;
    if (port.read(unit + UNIT.REPLAY) !== 0) return this.#replay(unit, kind, number, args);
    const count = port.read(unit + UNIT.JOURNAL_COUNT);
    if (count >= JOURNAL_ENTRIES) return undefined;
    const entry = port.read(unit + UNIT.JOURNAL) + count * CALL.SIZE;
    port.write(entry + CALL.NUMBER, number);
    for (let i = 0; i < 4; i++) port.write(entry + CALL.R0 + i * 4, args[i] >>> 0);
    port.write(entry + CALL.RESULT, 0);
    port.write(entry + CALL.DONE, 0);
    port.write(unit + UNIT.JOURNAL_COUNT, count + 1);
    port.write(unit + UNIT.CALL_OPEN, 1);
    return undefined;
  }

  /** Holds a repeated call against the log. */
  #replay(
    unit: number,
    kind: number,
    number: number,
    args: readonly number[],
  ): number | undefined {
    const port = this.#port;
    const cursor = port.read(unit + UNIT.REPLAY) - 1;
    const entry = port.read(unit + UNIT.JOURNAL) + cursor * CALL.SIZE;
    const same = cursor < port.read(unit + UNIT.JOURNAL_COUNT) &&
      port.read(entry + CALL.NUMBER) === number &&
      port.read(entry + CALL.R0) === args[0] >>> 0 &&
      port.read(entry + CALL.R1) === args[1] >>> 0 &&
      port.read(entry + CALL.DONE) !== 0;
    if (!same) {
      // The task took another way: what is left of the log does not concern it.
      port.write(unit + UNIT.JOURNAL_COUNT, cursor);
      port.write(unit + UNIT.REPLAY, 0);
      return undefined;
    }
    const last = cursor + 1 >= port.read(unit + UNIT.JOURNAL_COUNT);
    port.write(unit + UNIT.REPLAY, last ? 0 : cursor + 2);
    if (kind === CALL_KIND.CONSUMING) {
      // Undone at the rollback, so it is made again; its entry gets the new result.
      port.write(entry + CALL.DONE, 0);
      port.write(unit + UNIT.CALL_OPEN, cursor + 1);
      return undefined;
    }
    return port.read(entry + CALL.RESULT);
  }

  /** The kernel delivers the result of a task's call. */
  finish(unit: number, result: number): void {
    const port = this.#port;
    const entry = this.#openEntry(unit);
    if (entry === 0) return;
    port.write(entry + CALL.RESULT, result >>> 0);
    port.write(entry + CALL.DONE, 1);
    port.write(unit + UNIT.CALL_OPEN, 0);
  }

  /** The entry of the call that has not finished, 0: none. */
  #openEntry(unit: number): number {
    const port = this.#port;
    const open = port.read(unit + UNIT.CALL_OPEN);
    const count = port.read(unit + UNIT.JOURNAL_COUNT);
    if (open === 0 || count === 0) return 0;
    const index = port.read(unit + UNIT.REPLAY) === 0 ? count - 1 : open - 1;
    return port.read(unit + UNIT.JOURNAL) + index * CALL.SIZE;
  }

  /**
   * The kernel is left after a call of `unit`: takes the checkpoint that the call owes, before
   * anybody can see its effect. The unit's context is complete or will be completed in its slot.
   */
  settle(vm: number, unit: number): void {
    const port = this.#port;
    const count = port.read(unit + UNIT.JOURNAL_COUNT);
    if (count === 0 || port.read(vm + VM.UNDO) === 0) return;
    const newest = port.read(unit + UNIT.JOURNAL) + (count - 1) * CALL.SIZE;
    const number = port.read(newest + CALL.NUMBER);
    const kind = number < 64 ? port.loadByte(vm + VM.CALL_KINDS + number) : CALL_KIND.PRODUCING;
    const owed = this.mode === JOURNAL_MODE.COMMIT && kind === CALL_KIND.PRODUCING;
    if (owed || count >= JOURNAL_ENTRIES) {
      port.write(unit + UNIT.CALL_OPEN, 0);
      this.#backup.checkpointTask(vm, unit);
    }
  }

  /** Calls of the journal that the task has really made: all, or those before the replay's cursor. */
  made(unit: number): number {
    const replay = this.#port.read(unit + UNIT.REPLAY);
    return replay === 0 ? this.#port.read(unit + UNIT.JOURNAL_COUNT) : replay - 1;
  }

  /**
   * After a rollback: the newest entry below `next` that the kernel has to undo.
   *
   * @returns Its index and what to undo, or undefined when none is left.
   */
  undo(vm: number, unit: number, next: number): { index: number; call: UndoneCall } | undefined {
    const port = this.#port;
    for (let index = next - 1; index >= 0; index--) {
      const entry = port.read(unit + UNIT.JOURNAL) + index * CALL.SIZE;
      const number = port.read(entry + CALL.NUMBER);
      if (number >= 64 || port.read(entry + CALL.DONE) === 0) continue;
      if (port.loadByte(vm + VM.CALL_KINDS + number) !== CALL_KIND.CONSUMING) continue;
      const argument = port.read(entry + CALL.R0);
      return { index, call: { number, argument, result: port.read(entry + CALL.RESULT) } };
    }
    return undefined;
  }

  /** All is undone: the journal is empty, or becomes the log that the task is held against. */
  rewind(unit: number): void {
    const port = this.#port;
    const count = port.read(unit + UNIT.JOURNAL_COUNT);
    port.write(unit + UNIT.CALL_OPEN, 0);
    if (this.mode === JOURNAL_MODE.LOG && count > 0) {
      port.write(unit + UNIT.REPLAY, 1);
    } else {
      port.write(unit + UNIT.JOURNAL_COUNT, 0);
      port.write(unit + UNIT.REPLAY, 0);
    }
  }
}
