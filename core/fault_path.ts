/**
 * What becomes of an error of a guest: whose it is, the report, the recovery, and how the guest goes on.
 *
 * @module
 */

import { attend, contextOf, holdContext, runningTask } from "./contexts.ts";
import { unitOf } from "./domains.ts";
import { faultEvent, type RaisedFault, tablesRepaired, textReloaded } from "./fault_report.ts";
import type { Journal } from "./journal.ts";
import { CONTEXT, GLOBAL, MAP, NONE, UNIT, VM } from "./layout.ts";
import { writeLog } from "./monitor_log.ts";
import type { Port } from "./port.ts";
import type { Recorder } from "./recorder.ts";
import { classify, GO_ON, type Recovery } from "./recovery.ts";
import { ROUTINE } from "./routines.ts";
import type { Scheduler } from "./scheduler.ts";
import type { TableCheck } from "./tables.ts";
import type { TextCheck } from "./text_check.ts";
import type { FaultKind } from "./trace.ts";
import { timeOfTick } from "./virtual_timers.ts";
import { slotMva } from "./vm.ts";
import { LOG_FAULTS, LOG_WHAT, SLOT_MAP, VM_STATE, VMI_ERROR } from "./vmi.ts";

/** What errors need of the monitor. */
export interface FaultTarget {
  /** Metered port. */
  readonly port: Port;
  /** Observer. */
  readonly recorder: Recorder;
  /** Board time, ns. */
  readonly ns: number;
  /** Checks of page tables. */
  readonly tables: TableCheck;
  /** Checks of text. */
  readonly text: TextCheck;
  /** Journals of kernel calls. */
  readonly journal: Journal;
  /** Ladder and actions. */
  readonly recovery: Recovery;
  /** Sets of VMs. */
  readonly scheduler: Scheduler;
  /** Starts the watchdog period anew. */
  kick(vm: number): void;
  /** A VM changed state. */
  setState(vm: number, state: number, reason: string): void;
  /** Deletes a VM. */
  deleteVm(vm: number): void;
}

/** Ways on. */
export interface WayOn {
  /** Saves the context that was interrupted. */
  save(pc: number, cpsr: number): void;
  /** The record of the running task names that context. */
  noteContext(vm: number): void;
  /** The instruction that aborted is executed again. */
  retry(): void;
  /** The VM goes on with its context. */
  resume(vm: number): void;
  /** Somebody else runs. */
  reschedule(): void;
  /** The kernel is entered over a task. */
  enterKernel(vm: number, unit: number): void;
  /** The kernel is entered as by an interrupt without a source. */
  enterKernelIrq(vm: number, unit: number): void;
  /** The system stops. */
  halt(reason: string): void;
  /** A point that is passed, for measurements. */
  pass(point: "fault" | "recovered"): void;
}

/** Deals with errors of guests. */
export class FaultPath {
  readonly #vmm: FaultTarget;
  readonly #way: WayOn;

  /**
   * Errors of all guests.
   *
   * @param vmm The monitor.
   * @param way How it goes on.
   */
  constructor(vmm: FaultTarget, way: WayOn) {
    this.#vmm = vmm;
    this.#way = way;
  }

  /** An error that no exception of the guest raised: its context is saved already. */
  late(vm: number, kind: FaultKind): void {
    const { port } = this.#vmm;
    const alive = kind === "watchdog" ? lastSign(port, vm) : Infinity;
    this.#vmm.kick(vm);
    this.#way.noteContext(vm);
    const unit = runningTask(port, vm);
    const slot = contextOf(port, vm);
    const pc = port.read(slot + CONTEXT.PC);
    const cpsr = port.read(slot + CONTEXT.CPSR);
    this.#raise({ vm, unit, kind, fsr: 0, far: 0, pc, cpsr, alive });
  }

  /** A guest's code ran in a privileged mode, which the monitor never gives; interrupts wait. */
  escaped(vm: number, pc: number, cpsr: number): void {
    this.#way.save(pc, cpsr);
    this.#way.noteContext(vm);
    const unit = classify(this.#vmm.port, vm, pc, pc);
    this.#raise({ vm, unit, kind: "privilege", fsr: 0, far: 0, pc, cpsr });
  }

  /** An exception of a guest: find whose error it is, report it, recover (P9). */
  fault(vm: number, kind: FaultKind, pc: number, cpsr: number): void {
    const { port } = this.#vmm;
    port.routine(ROUTINE.fault);
    const id = port.read(vm + VM.ID);
    const fsr = kind === "data-abort"
      ? port.mrc(5, 0, 0)
      : kind === "prefetch-abort"
      ? port.mrc(5, 0, 1)
      : 0;
    const far = kind === "data-abort" ? port.mrc(6, 0, 0) : pc;
    const va = kind === "data-abort" ? far - slotMva(id, 0) : pc;
    if (kind !== "undefined" && this.#tableRepaired(vm, va, pc)) return this.#way.retry();
    this.#way.save(pc, cpsr);
    this.#way.noteContext(vm);
    const unit = classify(port, vm, pc, far);
    this.#raise({ vm, unit, kind, fsr, far, pc, cpsr });
  }

  /** The abort came from a damaged descriptor, which is right again: the access is tried again. */
  #tableRepaired(vm: number, va: number, pc: number): boolean {
    const { port, recorder, tables } = this.#vmm;
    if (va < 0 || va >= SLOT_MAP.SIZE) return false;
    const repaired = tables.check(vm, va);
    tablesRepaired(port, recorder, repaired, pc);
    return repaired.length > 0;
  }

  #raise(fault: RaisedFault): void {
    const { vm, unit, kind, pc } = fault;
    const { port, recorder, ns } = this.#vmm;
    const id = port.read(vm + VM.ID);
    port.add(vm + VM.FAULTS, 1);
    writeLog(port, ns, {
      vm: id,
      task: unit === 0 ? NONE : port.read(unit + UNIT.TASK),
      what: LOG_WHAT.FAULT,
      detail: LOG_FAULTS.indexOf(kind),
      address: pc,
    });
    recorder.emit(faultEvent(port, recorder, fault));
    this.recover(vm, unit, fault.alive);
  }

  /** Recovers a task (`unit`) or, when it is 0, a guest, as it was at `alive`, and goes on. */
  recover(vm: number, unit: number, alive?: number): void {
    const { port, recorder, journal, recovery, scheduler, text } = this.#vmm;
    this.#way.pass("fault");
    const start = recovery.begin();
    port.routine(ROUTINE.recovery);
    const reloaded = text.reload(vm);
    for (const page of reloaded) textReloaded(port, recorder, vm, page);
    // A task can't be rolled back under its kernel without a call-back (R3), nor one whose text was bad.
    const alone = unit !== 0 && journal.canUndo(vm) && reloaded.every(({ own }) => own);
    const goOn = alone ? recovery.task(vm, unit, start, alive) : recovery.guest(vm, start, alive);
    this.#way.pass("recovered");
    switch (goOn) {
      case GO_ON.TASK:
      case GO_ON.KERNEL:
        if (!journal.rolledBack(unit)) return this.#goOnTask(vm, unit, goOn);
        return this.undo(vm, unit, goOn);
      case GO_ON.SKIP:
        return this.#way.resume(vm);
      case GO_ON.DELETE:
        this.#vmm.deleteVm(vm);
        return this.#way.reschedule();
      case GO_ON.HALT:
        return this.#way.halt("the recovery policy asks for a halt");
      default:
        if (port.read(vm + VM.STATE) === VM_STATE.FAILED) {
          this.#vmm.setState(vm, VM_STATE.FAILED, "its recovery ladder came to its end");
        } else {
          const waiting = port.read(vm + VM.WAITING) !== 0;
          port.write(vm + VM.STATE, waiting ? VM_STATE.WAITING : VM_STATE.RUNNING);
          if (waiting) scheduler.block(vm);
          else scheduler.expire(vm);
        }
        port.write(MAP.GLOBAL + GLOBAL.CURRENT, 0);
        return this.#way.reschedule();
    }
  }

  #goOnTask(vm: number, unit: number, goOn: number): void {
    const { port } = this.#vmm;
    const running = runningTask(port, vm) || unit;
    holdContext(port.board, port.read(running + UNIT.SLOT));
    attend(port, vm);
    // The kernel is entered as by an interrupt without a source: it chooses the next task.
    if (goOn === GO_ON.KERNEL) return this.#way.enterKernelIrq(vm, running);
    this.#way.resume(vm);
  }

  /** Lets the kernel undo the consuming calls of a task (R3), then goes on. */
  undo(vm: number, unit: number, goOn: number): void {
    const { port } = this.#vmm;
    port.write(vm + VM.UNDO_TASK, port.read(unit + UNIT.TASK) + 1);
    port.write(vm + VM.UNDO_NEXT, port.read(unit + UNIT.JOURNAL_COUNT));
    port.write(vm + VM.UNDO_GO_ON, goOn);
    this.#undoNext(vm);
  }

  /** Lets the kernel undo the next call, when there is one. */
  #undoNext(vm: number): void {
    const { port, journal } = this.#vmm;
    const task = port.read(vm + VM.UNDO_TASK) - 1;
    const unit = unitOf(vm, task + 2);
    const found = journal.undo(vm, unit, port.read(vm + VM.UNDO_NEXT));
    if (found === undefined) {
      journal.rewind(unit);
      port.write(vm + VM.UNDO_TASK, 0);
      return this.#goOnTask(vm, unit, port.read(vm + VM.UNDO_GO_ON));
    }
    port.write(vm + VM.UNDO_NEXT, found.index);
    this.#way.enterKernel(vm, unit);
    const { cpu } = port.board;
    const { number, argument, result } = found.call;
    [task, number, argument, result].forEach((value, i) => cpu.setUserReg(i, value));
    cpu.pc = port.read(vm + VM.UNDO);
  }

  /** HC_UNDONE. */
  undone(vm: number): number | undefined {
    if (this.#vmm.port.read(vm + VM.UNDO_TASK) === 0) return VMI_ERROR.ESTATE;
    this.#undoNext(vm);
    return undefined;
  }
}

/** Board time until which a VM gave signs of life: the end of the tick in which it last did. */
function lastSign(port: Port, vm: number): number {
  return timeOfTick(port, port.read(vm + VM.KICKED) + 1);
}
