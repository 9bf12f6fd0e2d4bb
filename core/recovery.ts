/**
 * What is done about an error: the ladder, and the actions on tasks and guests (P9-P11).
 *
 * @module
 */

import { observedText, runningTask } from "./contexts.ts";
import { unitOf } from "./domains.ts";
import type { Backup, SwapResult } from "./backup.ts";
import {
  ACTION,
  CLASSIFY,
  CONTEXT,
  GLOBAL,
  JOURNAL_ENTRIES,
  MAP,
  NONE,
  POLICY,
  RESUME,
  TASK_STATE,
  UNIT,
  VM,
} from "./layout.ts";
import { type MaintenanceCounts, maintenanceSince } from "./maintenance.ts";
import { writeLog } from "./monitor_log.ts";
import type { Port } from "./port.ts";
import type { Recorder } from "./recorder.ts";
import type { Scheduler } from "./scheduler.ts";
import type { RecoveryAction } from "./trace.ts";
import { isVm0, outputMade, slotMva, taskCount, USER_CPSR, type VmStore } from "./vm.ts";
import { LOG_ACTIONS, LOG_WHAT, SLOT_MAP, VIRQ, VM_STATE } from "./vmi.ts";

/** Where the monitor goes on after a recovery. */
export const GO_ON = {
  /** With the recovered task. */
  TASK: 0,
  /** With the guest's kernel, which chooses the next task. */
  KERNEL: 1,
  /** With the next VM. */
  NEXT_VM: 2,
  /** Nowhere: the policy asks for the system to stop. */
  HALT: 3,
  /** With the next VM; this one is to be deleted. */
  DELETE: 4,
  /** Where the error was, after the instruction. */
  SKIP: 5,
} as const;

/** A swap that was not tried. */
const REFUSED: SwapResult = { pages: -1, time: -1 };

/** What had been charged and done when a recovery began. */
export interface RecoveryStart {
  /** Cycles charged. */
  readonly charged: number;
  /** Maintenance done. */
  readonly maintenance: MaintenanceCounts;
}

/** Ladder fields of a record. */
interface LadderFields {
  readonly count: number;
  readonly step: number;
  readonly start: number;
}

const TASK_FIELDS: LadderFields = {
  count: UNIT.LADDER_COUNT,
  step: UNIT.LADDER_STEP,
  start: UNIT.LADDER_START,
};
const GUEST_FIELDS: LadderFields = {
  count: VM.LADDER_COUNT,
  step: VM.LADDER_STEP,
  start: VM.LADDER_START,
};

/** Carries recoveries out. */
export class Recovery {
  readonly #port: Port;
  readonly #backup: Backup;
  readonly #vms: VmStore;
  readonly #scheduler: Scheduler;
  readonly #recorder: Recorder;

  /**
   * Recoveries of all VMs.
   *
   * @param port The monitor's port.
   * @param backup Checkpoints.
   * @param vms VMs and their images.
   * @param scheduler Ready rows.
   * @param recorder The observer.
   */
  constructor(
    port: Port,
    backup: Backup,
    vms: VmStore,
    scheduler: Scheduler,
    recorder: Recorder,
  ) {
    this.#port = port;
    this.#backup = backup;
    this.#vms = vms;
    this.#scheduler = scheduler;
    this.#recorder = recorder;
  }

  /**
   * Deals with an error of a task.
   *
   * @param start When work on it began.
   * @param alive A checkpoint after this board time (cycles) is of no use: the task hung already.
   */
  task(
    vm: number,
    unit: number,
    start: RecoveryStart = this.begin(),
    alive: number = Infinity,
  ): number {
    const port = this.#port;
    const faultTime = port.time();
    port.add(unit + UNIT.FAULTS, 1);
    const policy = vm + VM.POLICY;
    const calls = port.count(unit + UNIT.JOURNAL_COUNT, JOURNAL_ENTRIES);
    this.#openWindow(unit, TASK_FIELDS, policy);
    for (;;) {
      const action = this.#next(unit, TASK_FIELDS, policy + POLICY.TASK);
      if (action === ACTION.SWAP || action === ACTION.OLDER) {
        const count = this.#backup.taskGenerations(unit);
        const time = (g: number) => this.#backup.taskTime(unit, g);
        const found = this.#search(
          firstBefore(alive, action === ACTION.OLDER ? 1 : 0, count, time),
          count,
          (g) => this.#swapTask(vm, unit, g, calls),
          (g) => this.#damaged(vm, unit, g),
        );
        if (found === undefined) continue;
        this.#done(vm, unit, "swap-task", found.generation, faultTime - found.time, start);
        return this.#resume(vm, unit);
      }
      if (action === ACTION.GUEST) {
        const again = port.read(unit + TASK_FIELDS.count) > 1 ? 1 : 0;
        if (this.#swapGuest(vm, again, faultTime, start, alive)) return GO_ON.NEXT_VM;
        continue;
      }
      if (action === ACTION.RESTART) {
        if (!this.#restartTask(vm, unit)) continue;
        this.#done(vm, unit, "restart-task", -1, -1, start);
        return this.#resume(vm, unit);
      }
      if (action === ACTION.SKIP) {
        this.#skip(port.read((runningTask(port, vm) || unit) + UNIT.SLOT));
        this.#done(vm, unit, "skip", -1, 0, start);
        return GO_ON.SKIP;
      }
      if (action === ACTION.HALT) return this.#halt(vm, start);
      this.stopTask(vm, unit);
      if (action === ACTION.KILL) this.removeTask(vm, unit);
      this.#done(vm, unit, action === ACTION.KILL ? "kill-task" : "stop-task", -1, -1, start);
      return GO_ON.KERNEL;
    }
  }

  /**
   * Deals with an error of a guest's kernel.
   *
   * @param start When work on it began.
   * @param alive A checkpoint after this board time (cycles) is of no use: the guest hung already.
   */
  guest(vm: number, start: RecoveryStart = this.begin(), alive: number = Infinity): number {
    const port = this.#port;
    const faultTime = port.time();
    const policy = vm + VM.POLICY;
    this.#openWindow(vm, GUEST_FIELDS, policy);
    for (;;) {
      const action = this.#next(vm, GUEST_FIELDS, policy + POLICY.GUEST);
      if (action === ACTION.SWAP || action === ACTION.OLDER) {
        const first = action === ACTION.OLDER ? 1 : 0;
        if (!this.#swapGuest(vm, first, faultTime, start, alive)) continue;
        return GO_ON.NEXT_VM;
      }
      if (action === ACTION.RESTART) {
        if (!this.#restartGuest(vm)) continue;
        this.#done(vm, 0, "restart-guest", -1, -1, start);
        return GO_ON.NEXT_VM;
      }
      if (action === ACTION.SKIP) {
        this.#skip(vm + VM.KERNEL_CONTEXT);
        this.#done(vm, 0, "skip", -1, 0, start);
        return GO_ON.SKIP;
      }
      if (action === ACTION.HALT) return this.#halt(vm, start);
      if (action === ACTION.KILL) {
        this.#done(vm, 0, "kill-guest", -1, -1, start);
        return GO_ON.DELETE;
      }
      port.write(vm + VM.STATE, VM_STATE.FAILED);
      port.write(vm + VM.DUE, NONE);
      this.#scheduler.block(vm);
      this.#done(vm, 0, "stop-guest", -1, -1, start);
      return GO_ON.NEXT_VM;
    }
  }

  /** Rolls a guest with all its tasks back; false when there is no way back. */
  #swapGuest(
    vm: number,
    first: number,
    faultTime: number,
    start: RecoveryStart,
    alive: number,
  ): boolean {
    const port = this.#port;
    const count = this.#backup.guestGenerations(vm);
    const found = this.#search(
      firstBefore(alive, first, count, (g) => this.#backup.guestTime(vm, g)),
      count,
      (g) => this.#backup.swapGuest(vm, g),
      (g) => this.#damaged(vm, 0, g),
    );
    if (found === undefined) return false;
    this.#loseTime(vm, port.time() - found.time);
    this.#sampleRings(vm);
    this.#vms.publishInfo(vm);
    this.#scheduler.publishRow(vm);
    this.#done(vm, 0, "swap-guest", found.generation, faultTime - found.time, start);
    return true;
  }

  /** A recovery begins: what is charged from now on is its cost. */
  begin(): RecoveryStart {
    const { charged, maintenance } = this.#port;
    return { charged, maintenance: { ...maintenance } };
  }

  /** Takes a task's priority back: its area is free for another task. */
  removeTask(vm: number, unit: number): void {
    const port = this.#port;
    const priority = port.read(unit + UNIT.PRIORITY);
    if (port.read(vm + VM.SIT_OUT) === priority + 1) port.write(vm + VM.SIT_OUT, 0);
    port.write(unit + UNIT.STATE, TASK_STATE.ABSENT);
    port.storeByte(vm + VM.PRIORITY_TASK + priority, 0);
  }

  /** A context goes on after the instruction at its PC. */
  #skip(slot: number): void {
    const port = this.#port;
    const thumb = (port.read(slot + CONTEXT.CPSR) & 0x20) !== 0;
    port.add(slot + CONTEXT.PC, thumb ? 2 : 4);
  }

  /** A checkpoint before which calls were made that the kernel can't undo is no way back. */
  #swapTask(
    vm: number,
    unit: number,
    generation: number,
    calls: number,
  ): SwapResult | undefined {
    const port = this.#port;
    if (port.read(vm + VM.UNDO) !== 0 && this.#backup.callsSince(unit, generation)) {
      return REFUSED;
    }
    // A task that was held against its log is so again, from the log's beginning.
    port.write(unit + UNIT.REPLAY, 0);
    const result = this.#backup.swapTask(vm, unit, generation);
    // What the task called since the checkpoint is still to be undone.
    port.write(unit + UNIT.JOURNAL_COUNT, calls);
    return result;
  }

  /** Virtual time stands still from the checkpoint on, unless lost ticks are made up for (R5). */
  #loseTime(vm: number, cycles: number): void {
    const port = this.#port;
    if (port.read(MAP.GLOBAL + GLOBAL.CATCH_UP) !== 0) return;
    port.write64(vm + VM.LOST, port.read64(vm + VM.LOST) + cycles);
    port.write64(vm + VM.TIMER_NEXT, port.read64(vm + VM.TIMER_NEXT) + cycles);
  }

  /** Input and messages that came since the cut are pending again, if the guest was not told then. */
  #sampleRings(vm: number): void {
    const port = this.#port;
    const unread = (read: number, write: number) => port.read(vm + read) !== port.read(vm + write);
    let pending = port.read(vm + VM.V_PENDING);
    if (unread(VM.INPUT_READ, VM.INPUT_WRITE)) pending |= 1 << VIRQ.CONSOLE;
    if (unread(VM.MESSAGE_READ, VM.MESSAGE_WRITE)) pending |= 1 << VIRQ.MESSAGE;
    port.write(vm + VM.V_PENDING, pending >>> 0);
    if (pending !== 0) port.write(vm + VM.WAITING, 0);
  }

  /** Tries generations from `first` on; a damaged standby is never switched in (R6). */
  #search(
    first: number,
    count: number,
    swap: (generation: number) => SwapResult | undefined,
    damaged: (generation: number) => void,
  ): { generation: number; time: number } | undefined {
    for (let generation = first; generation < count; generation++) {
      const result = swap(generation);
      if (result === REFUSED) return undefined;
      if (result !== undefined) return { generation, time: result.time };
      damaged(generation);
    }
    return undefined;
  }

  #damaged(vm: number, unit: number, generation: number): void {
    const port = this.#port;
    this.#recorder.emit({
      type: "fault",
      t: port.board.clock.ns(),
      vm: observedText(port.board, vm + VM.NAME),
      ...(unit === 0 ? {} : { task: observedText(port.board, unit + UNIT.NAME) }),
      class: unit === 0 ? "guest" : "task",
      kind: "standby-damaged",
      pc: "0x00000000",
      detail: `a checksum of generation ${generation} does not match`,
    });
  }

  /** Ends a task: it is never dispatched again until its kernel makes it anew. */
  stopTask(vm: number, unit: number): void {
    const port = this.#port;
    port.write(unit + UNIT.STATE, TASK_STATE.STOPPED);
    this.#scheduler.setReady(vm, port.read(unit + UNIT.PRIORITY), false);
    this.#backup.forgetTask(vm, unit);
  }

  /** Makes a fresh context of a task area in its present save slot; what it called is the past's. */
  freshContext(unit: number, entry: number, argument: number): void {
    const port = this.#port;
    port.write(unit + UNIT.JOURNAL_COUNT, 0);
    port.write(unit + UNIT.REPLAY, 0);
    port.write(unit + UNIT.OUTPUT_MADE, outputMade(port, unit));
    const slot = port.read(unit + UNIT.SLOT);
    port.clear(slot + CONTEXT.START, CONTEXT.BYTES);
    port.write(slot + CONTEXT.R0, argument);
    port.write(slot + CONTEXT.SP, port.read(unit + UNIT.STACK));
    port.write(slot + CONTEXT.PC, (entry & ~1) >>> 0);
    port.write(slot + CONTEXT.CPSR, USER_CPSR | ((entry & 1) !== 0 ? 0x20 : 0));
  }

  /** Fills a unit's writable pages anew from the image; false when that can't be done. */
  reloadUnit(vm: number, unit: number): boolean {
    const image = this.#vms.readImage(this.#port.read(vm + VM.IMAGE));
    if (image === undefined) return false;
    const pairs = this.#vms.reload(vm, image, this.#port.read(unit + UNIT.INDEX));
    if (pairs === undefined) return false;
    this.#backup.replace(vm, pairs);
    return true;
  }

  #restartTask(vm: number, unit: number): boolean {
    const port = this.#port;
    if (!this.reloadUnit(vm, unit)) return false;
    this.#backup.forgetTask(vm, unit);
    this.#backup.nextSlot(vm, unit);
    this.freshContext(unit, port.read(unit + UNIT.START), port.read(unit + UNIT.ARGUMENT));
    this.#backup.checkpointTask(vm, unit);
    return true;
  }

  #restartGuest(vm: number): boolean {
    const port = this.#port;
    const image = this.#vms.readImage(port.read(vm + VM.IMAGE));
    if (image === undefined) return false;
    const pairs = this.#vms.reload(vm, image, -1);
    if (pairs === undefined) return false;
    this.#backup.replace(vm, pairs);
    this.#backup.dropAll(vm);
    this.#vms.resetHeld(vm, image);
    if (!isVm0(port, vm)) this.#backup.cut(vm, true);
    return true;
  }

  /** After a task came back: it goes on at once, or sits out until the next tick (P11). */
  #resume(vm: number, unit: number): number {
    const port = this.#port;
    if (port.read(vm + VM.POLICY + POLICY.RESUME) === RESUME.IMMEDIATE) return GO_ON.TASK;
    const priority = port.read(unit + UNIT.PRIORITY);
    if (this.#scheduler.isReady(vm, priority)) {
      // One sits out at a time: who did so until now comes back.
      const other = port.read(vm + VM.SIT_OUT);
      if (other !== 0) this.#scheduler.setReady(vm, other - 1, true);
      this.#scheduler.setReady(vm, priority, false);
      port.write(vm + VM.SIT_OUT, priority + 1);
    }
    return GO_ON.KERNEL;
  }

  #halt(vm: number, start: RecoveryStart): number {
    this.#done(vm, 0, "halt", -1, -1, start);
    return GO_ON.HALT;
  }

  /** A failure: the ladder begins anew when its window is over. */
  #openWindow(record: number, f: LadderFields, policy: number): void {
    const port = this.#port;
    const began = port.read64(record + f.start);
    const window = port.read64(policy + POLICY.WINDOW);
    const now = port.time();
    if (began !== 0 && now - began <= window) return;
    port.write(record + f.count, 0);
    port.write(record + f.step, 0);
    port.write64(record + f.start, now);
  }

  /** The ladder: the next action against this failure, counted in the record. */
  #next(record: number, f: LadderFields, ladder: number): number {
    const port = this.#port;
    for (let step = port.read(record + f.step); step < 8; step++) {
      const action = port.read(ladder + step * 8);
      if (action === ACTION.NONE) break;
      const count = port.read(record + f.count);
      if (count < port.read(ladder + step * 8 + 4)) {
        port.write(record + f.count, count + 1);
        port.write(record + f.step, step);
        return action;
      }
      port.write(record + f.count, 0);
    }
    return ACTION.STOP;
  }

  #done(
    vm: number,
    unit: number,
    action: RecoveryAction,
    generation: number,
    lostCycles: number,
    start: RecoveryStart,
  ): void {
    const port = this.#port;
    port.add(vm + VM.RECOVERIES, 1);
    if (unit !== 0) port.add(unit + UNIT.RECOVERIES, 1);
    writeLog(port, port.board.clock.ns(), {
      vm: port.read(vm + VM.ID),
      task: unit === 0 ? NONE : port.read(unit + UNIT.TASK),
      what: LOG_WHAT.RECOVERY,
      detail: LOG_ACTIONS.indexOf(action),
      address: 0,
    });
    const lost = lostCycles < 0 ? -1 : Math.floor(lostCycles * 1e9 / port.board.clock.fclk);
    this.#recorder.emit({
      type: "recovery",
      t: port.board.clock.ns(),
      vm: observedText(port.board, vm + VM.NAME),
      ...(unit === 0 ? {} : { task: observedText(port.board, unit + UNIT.NAME) }),
      action,
      generation,
      lost,
      cycles: port.charged - start.charged,
      ...maintenanceSince(start.maintenance, port.maintenance),
    });
  }
}

/** The newest checkpoint from `first` on that is not later than `alive`. */
function firstBefore(
  alive: number,
  first: number,
  count: number,
  time: (generation: number) => number,
): number {
  if (alive === Infinity) return first;
  let generation = first;
  while (generation < count && time(generation) > alive) generation++;
  return generation;
}

/**
 * Whose error it is, by the policy of its VM (P9).
 *
 * @param pc Address of the instruction.
 * @param far Fault address (MVA).
 * @returns The unit of the task, 0: the guest's.
 */
export function classify(port: Port, vm: number, pc: number, far: number): number {
  const running = runningTask(port, vm);
  const by = port.read(vm + VM.POLICY + POLICY.CLASSIFY);
  if (by === CLASSIFY.CONTEXT) return running;
  const id = port.read(vm + VM.ID);
  // A prefetch abort has no MVA: its far is the guest's PC.
  const base = slotMva(id, 0);
  const address = by === CLASSIFY.PC ? pc : far >= base ? far - base : far;
  const piece = address >>> 20;
  const first = SLOT_MAP.TASKS >>> 20;
  const count = taskCount(port, vm);
  if (piece < first || piece >= first + count || running === 0) return 0;
  const unit = unitOf(vm, piece - first + 2);
  return port.read(unit + UNIT.STATE) === TASK_STATE.CREATED ? unit : running;
}
