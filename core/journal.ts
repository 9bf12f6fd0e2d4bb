/**
 * The journal of kernel calls: what a task did to its kernel since its checkpoint (R3).
 *
 * A task is rolled back under a kernel that has moved on. In mode `commit` the task gets a checkpoint
 * before anybody can see the effect of a producing call, and consuming calls since then are undone by
 * the kernel's call-back, newest first. In mode `log` the task, when it makes its calls again, gets
 * the logged results, and the kernel does not hear of it; when it takes another way, what it took in
 * the rest of the log is undone.
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
   * True when a task that is held against its log makes another call than the log has. What it took
   * in the rest of the log is undone then, {@linkcode rewind} drops it, and the call is made again.
   */
  leavesLog(vm: number, unit: number, number: number, args: readonly number[]): boolean {
    const port = this.#port;
    const replay = port.read(unit + UNIT.REPLAY);
    if (replay === 0 || !this.#kept(this.#kind(vm, number))) return false;
    return replay > port.count(unit + UNIT.JOURNAL_COUNT, JOURNAL_ENTRIES) ||
      !this.#same(unit, replay - 1, number, args);
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
    if (!this.#kept(this.#kind(vm, number))) return undefined;
    if (port.read(unit + UNIT.REPLAY) !== 0) return this.#repeat(unit);
    const count = port.count(unit + UNIT.JOURNAL_COUNT, JOURNAL_ENTRIES);
    if (count >= JOURNAL_ENTRIES) return undefined;
    const entry = port.read(unit + UNIT.JOURNAL) + count * CALL.SIZE;
    port.write(entry + CALL.NUMBER, number);
    for (let i = 0; i < 4; i++) port.write(entry + CALL.R0 + i * 4, args[i] >>> 0);
    port.write(entry + CALL.RESULT, 0);
    port.write(entry + CALL.DONE, 0);
    port.write(unit + UNIT.JOURNAL_COUNT, count + 1);
    port.write(unit + UNIT.CALL_OPEN, 1);
    // The kernel's next dispatch, and this task's, have more to do.
    port.write(unit + UNIT.EPOCH, 0);
    port.write(vm + VM.JOURNALED, 1);
    return undefined;
  }

  /** What a kind means in this mode: calls without an entry are as good as neutral. */
  kept(kind: number): number {
    const mode = this.mode;
    const none = mode === JOURNAL_MODE.OFF || kind === CALL_KIND.TIME && mode !== JOURNAL_MODE.LOG;
    return none ? CALL_KIND.NEUTRAL : kind;
  }

  /** Kind of a call; one that was not registered may do anything. */
  #kind(vm: number, number: number): number {
    return number < 64 ? this.#port.loadByte(vm + VM.CALL_KINDS + number) : CALL_KIND.PRODUCING;
  }

  /** True for calls that have an entry. */
  #kept(kind: number): boolean {
    return kind !== CALL_KIND.NEUTRAL;
  }

  #same(unit: number, index: number, number: number, args: readonly number[]): boolean {
    const port = this.#port;
    const entry = port.read(unit + UNIT.JOURNAL) + index * CALL.SIZE;
    return port.read(entry + CALL.NUMBER) === number &&
      port.read(entry + CALL.R0) === args[0] >>> 0 &&
      port.read(entry + CALL.R1) === args[1] >>> 0 &&
      port.read(entry + CALL.DONE) !== 0;
  }

  /** The logged result of the call that the cursor is at. */
  #repeat(unit: number): number {
    const port = this.#port;
    const cursor = port.read(unit + UNIT.REPLAY) - 1;
    const entry = port.read(unit + UNIT.JOURNAL) + cursor * CALL.SIZE;
    const last = cursor + 1 >= port.count(unit + UNIT.JOURNAL_COUNT, JOURNAL_ENTRIES);
    port.write(unit + UNIT.REPLAY, last ? 0 : cursor + 2);
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
    const count = port.count(unit + UNIT.JOURNAL_COUNT, JOURNAL_ENTRIES);
    if (port.read(unit + UNIT.CALL_OPEN) === 0 || count === 0) return 0;
    return port.read(unit + UNIT.JOURNAL) + (count - 1) * CALL.SIZE;
  }

  /**
   * The kernel is left after a call of `unit`: takes the checkpoint that the call owes, before
   * anybody can see its effect. The unit's context is complete or will be completed in its slot.
   *
   * @returns True when it took one.
   */
  settle(vm: number, unit: number): boolean {
    const port = this.#port;
    const count = port.count(unit + UNIT.JOURNAL_COUNT, JOURNAL_ENTRIES);
    if (count === 0 || port.read(vm + VM.UNDO) === 0) return false;
    const newest = port.read(unit + UNIT.JOURNAL) + (count - 1) * CALL.SIZE;
    const number = port.read(newest + CALL.NUMBER);
    const owed = this.mode === JOURNAL_MODE.COMMIT &&
      this.#kind(vm, number) === CALL_KIND.PRODUCING;
    if (!owed && count < JOURNAL_ENTRIES) return false;
    port.write(unit + UNIT.CALL_OPEN, 0);
    return this.#backup.checkpointTask(vm, unit);
  }

  /**
   * A task was rolled back. In mode `log` its journal becomes the log that it is held against, and
   * what it took stays taken.
   *
   * @returns True when the kernel has calls to undo first.
   */
  rolledBack(unit: number): boolean {
    const port = this.#port;
    if (port.count(unit + UNIT.JOURNAL_COUNT, JOURNAL_ENTRIES) === 0) return false;
    if (this.mode !== JOURNAL_MODE.LOG) return true;
    port.write(unit + UNIT.CALL_OPEN, 0);
    port.write(unit + UNIT.REPLAY, 1);
    return false;
  }

  /**
   * The newest entry below `next` that the kernel has to undo.
   *
   * @returns Its index and what to undo, or undefined when none is left.
   */
  undo(vm: number, unit: number, next: number): { index: number; call: UndoneCall } | undefined {
    const port = this.#port;
    for (let index = next - 1; index >= this.#confirmed(unit); index--) {
      const entry = port.read(unit + UNIT.JOURNAL) + index * CALL.SIZE;
      const number = port.read(entry + CALL.NUMBER);
      if (port.read(entry + CALL.DONE) === 0) continue;
      if (this.#kind(vm, number) !== CALL_KIND.CONSUMING) continue;
      const argument = port.read(entry + CALL.R0);
      return { index, call: { number, argument, result: port.read(entry + CALL.RESULT) } };
    }
    return undefined;
  }

  /** Entries that a task held against its log has made again. */
  #confirmed(unit: number): number {
    return Math.max(0, this.#port.read(unit + UNIT.REPLAY) - 1);
  }

  /** All is undone: the journal ends with what the task has made again. */
  rewind(unit: number): void {
    const port = this.#port;
    port.write(unit + UNIT.JOURNAL_COUNT, this.#confirmed(unit));
    port.write(unit + UNIT.CALL_OPEN, 0);
    port.write(unit + UNIT.REPLAY, 0);
  }
}
