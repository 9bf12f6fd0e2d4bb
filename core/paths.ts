/**
 * The monitor's hand-written routines, word by word as `guests/monitor/monitor.S` has them: entry, kernel
 * call, dispatch of a task, switch between VMs, return.
 *
 * Each does the usual case and gives anything else to the monitor's compiled part. What a routine of
 * that file loads, stores or writes to CP15 is done here in its order, through the port; its other
 * instructions are charged by its entry in `ROUTINE`.
 *
 * @module
 */

import { type Cpu, VECTOR } from "./cpu.ts";
import { heldContext, holdContext, isKernelContext } from "./contexts.ts";
import { DACR_MONITOR, unitOf } from "./domains.ts";
import { CONTEXT, CUT_DUE, EAGER, GLOBAL, MAP, UNIT, VM } from "./layout.ts";
import type { Meters } from "./meters.ts";
import { MonitorFault, type Port } from "./port.ts";
import { ROUTINE, type Routine } from "./routines.ts";
import type { Scheduler } from "./scheduler.ts";
import type { SwitchPoint } from "./switch_probe.ts";
import { infoOffset, USER_CPSR } from "./vm.ts";
import { CALL_KIND, DISPATCH } from "./vmi.ts";

const INFO_CUR_TASK = infoOffset("CUR_TASK");
/** Highest number of a kernel call that has a kind. */
const LAST_KIND = 63;
/** Highest number of a task. */
const LAST_TASK = 25;
/** Registers that compiled code does not keep, below the return address and SPSR of an abort. */
const ABORT_REGISTERS: readonly number[] = [0, 1, 2, 3, 12];

/** The compiled part that a routine calls, and who watches. */
export interface PathTarget {
  /** The strategy copies at once: the checkpoint of a task that leaves is taken, when it is due. */
  copyTask(vm: number, unit: number): void;
  /** The same for a cut of a VM that leaves. */
  copyGuest(vm: number): void;
  /** A task leaves the CPU to another (for observers). */
  taskSwitched(vm: number, from: number, to: number): void;
  /** A VM leaves the CPU to another (for observers). */
  vmSwitched(from: number, to: number): void;
  /** A point that is passed, for measurements. */
  pass(point: SwitchPoint): void;
}

/** The routines. */
export class Paths {
  readonly #port: Port;
  readonly #cpu: Cpu;

  /**
   * The routines of one machine.
   *
   * @param port The monitor's port.
   * @param scheduler The sets of VMs.
   * @param meters What is counted for reports.
   * @param target The monitor.
   */
  constructor(
    port: Port,
    readonly scheduler: Scheduler,
    readonly meters: Meters,
    readonly target: PathTarget,
  ) {
    this.#port = port;
    this.#cpu = port.board.cpu;
  }

  /** A task's SWI: its context is saved. */
  saveCall(pc: number, cpsr: number): void {
    this.#port.routine(ROUTINE.which_mode);
    this.target.pass("save");
    this.#port.routine(ROUTINE.save_call);
    this.#save(pc, cpsr);
  }

  /** An interrupt: the context of who runs is saved. */
  saveIrq(pc: number, cpsr: number): void {
    const port = this.#port;
    const g = MAP.GLOBAL;
    this.target.pass("save");
    port.routine(ROUTINE.save_irq);
    port.str(g + GLOBAL.ENTRY_PC, pc);
    port.str(g + GLOBAL.ENTRY_CPSR, cpsr);
    const [savedCpsr, savedPc] = port.ldm(g + GLOBAL.ENTRY_CPSR, 2);
    this.#save(savedPc, savedCpsr);
  }

  #save(pc: number, cpsr: number): void {
    const port = this.#port;
    const slot = heldContext(port.board);
    if (!isKernelContext(slot)) this.meters.unitOut(port.peek(this.#current() + VM.CUR_UNIT));
    port.stm(slot, Array.from({ length: 15 }, (_, i) => this.#cpu.userReg(i)));
    port.stm(slot + CONTEXT.CPSR, [cpsr, pc]);
    this.target.pass("saved");
  }

  /** Puts a saved context into the CPU. */
  restore(slot: number, routine: Routine = ROUTINE.restore_resume): void {
    const port = this.#port;
    const cpu = this.#cpu;
    this.target.pass("restore");
    port.routine(routine);
    const [cpsr, pc] = port.ldm(slot + CONTEXT.CPSR, 2);
    port.ldm(slot, 15).forEach((value, i) => cpu.setUserReg(i, value));
    holdContext(port.board, port.ldr(slot + CONTEXT.NEXT));
    // A damaged context can't raise privilege: only flags and T come from the record.
    cpu.cpsr = (cpsr & 0xf000_0020 | USER_CPSR) >>> 0;
    cpu.pc = pc;
    if (!isKernelContext(slot)) this.meters.unitIn(port.peek(this.#current() + VM.CUR_UNIT));
    this.target.pass("resumed");
  }

  /** Record of the current VM, for observers. */
  #current(): number {
    return this.#port.peek(MAP.GLOBAL + GLOBAL.CURRENT);
  }

  /** An abort: what compiled code may change is kept. */
  abortEntry(pc: number, cpsr: number): void {
    const port = this.#port;
    port.routine(ROUTINE.abort_entry);
    const at = MAP.GLOBAL + GLOBAL.ABORT_STACK - 4 * (ABORT_REGISTERS.length + 1);
    port.stm(at, [...ABORT_REGISTERS.map((n) => this.#cpu.userReg(n)), pc]);
    port.str(at - 4, cpsr);
  }

  /** The instruction that aborted is executed again. */
  abortReturn(): void {
    const port = this.#port;
    const cpu = this.#cpu;
    port.routine(ROUTINE.abort_return);
    const at = MAP.GLOBAL + GLOBAL.ABORT_STACK - 4 * (ABORT_REGISTERS.length + 1);
    const cpsr = port.ldr(at - 4);
    const words = port.ldm(at, ABORT_REGISTERS.length + 1);
    ABORT_REGISTERS.forEach((n, i) => cpu.setUserReg(n, words[i]));
    const pc = words[ABORT_REGISTERS.length];
    cpu.cpsr = (cpsr & 0xf000_0020 | USER_CPSR) >>> 0;
    cpu.pc = pc;
  }

  /**
   * The kernel is entered for a call that is not journalled.
   *
   * @returns False when it is not so: nothing is changed then.
   */
  kernelCall(): boolean {
    const port = this.#port;
    const cpu = this.#cpu;
    port.routine(ROUTINE.kernel_call);
    const vm = port.ldr(MAP.GLOBAL + GLOBAL.CURRENT);
    const number = cpu.userReg(12);
    const kind = number <= LAST_KIND ? port.ldrb(vm + VM.CALL_KINDS + number) : -1;
    const unit = port.ldr(vm + VM.CUR_UNIT);
    const info = port.ldr(vm + VM.INFO);
    this.meters.call(unit);
    if (kind !== CALL_KIND.NEUTRAL) return false;
    const task = port.ldr(unit + UNIT.TASK);
    const dacr = port.ldr(unit + UNIT.DACR_KERNEL);
    const vectors = port.ldr(vm + VM.VECTORS);
    port.str(info + INFO_CUR_TASK, task);
    port.str(unit + UNIT.SLOT, heldContext(port.board));
    holdContext(port.board, vm + VM.KERNEL_CONTEXT);
    cpu.setUserReg(13, port.ldr(vm + VM.KERNEL_SP));
    cpu.setUserReg(14, port.ldr(vm + VM.KERNEL_LR));
    port.setDacr(dacr);
    cpu.cpsr = USER_CPSR;
    cpu.pc = (vectors + VECTOR.SWI) >>> 0;
    this.target.pass("kernel");
    return true;
  }

  /**
   * HC_DISPATCH out of a kernel whose record says that there is nothing else to do.
   *
   * @returns False when there is: nothing is changed then.
   */
  dispatch(task: number, result: number, flags: number): boolean {
    const port = this.#port;
    port.routine(ROUTINE.dispatch);
    if (task > LAST_TASK) return false;
    const vm = heldContext(port.board) - VM.KERNEL_CONTEXT;
    const unit = unitOf(vm, task + 2);
    const epoch = port.ldr(unit + UNIT.EPOCH);
    const fast = port.ldr(vm + VM.FAST);
    if (flags > DISPATCH.RESULT || fast > epoch) return false;
    const current = port.ldr(vm + VM.CUR_UNIT);
    const dacr = port.ldr(unit + UNIT.DACR_TASK);
    const now = port.ldr(MAP.GLOBAL + GLOBAL.NOW);
    port.str(vm + VM.CUR_UNIT, unit);
    if (current !== unit) port.str(vm + VM.TASK_SWITCHES, port.ldr(vm + VM.TASK_SWITCHES) + 1);
    else port.charge(2);
    const due = now > port.ldr(current + UNIT.DUE) && current !== unit;
    port.routine(due ? ROUTINE.task_due : ROUTINE.dispatched);
    if (due) {
      if ((now & EAGER) !== 0) this.target.copyTask(vm, current);
      else {
        port.str(current + UNIT.DACR_TASK, DACR_MONITOR);
        port.str(current + UNIT.DUE, now);
      }
    }
    if (current !== unit) {
      this.target.taskSwitched(vm, current, unit);
      this.target.pass("task");
    }
    const slot = port.ldr(unit + UNIT.SLOT);
    port.setDacr(dacr);
    if (flags === DISPATCH.RESULT) port.str(slot + CONTEXT.R0, result);
    else port.charge(1);
    this.meters.dispatched(unit);
    this.restore(slot, due ? ROUTINE.restore_due : ROUTINE.restore_task);
    return true;
  }

  /**
   * The current VM leaves, the next one is chosen and enters.
   *
   * @returns 0 when it runs; otherwise who was chosen: NOBODY, the same one, or one that is to be
   * looked at before it runs.
   */
  switchVm(): number {
    const port = this.#port;
    const g = MAP.GLOBAL;
    port.routine(ROUTINE.switch_vm);
    const current = port.ldr(g + GLOBAL.CURRENT);
    const group = this.scheduler.group();
    const now = port.ldr(g + GLOBAL.NOW);
    let dacr = -1;
    if (now > port.ldr(current + VM.DUE)) {
      port.routine(ROUTINE.cut_due);
      if ((now & EAGER) !== 0) this.target.copyGuest(current);
      else {
        dacr = DACR_MONITOR;
        port.str(current + VM.CUT_DUE, CUT_DUE.DECLARED);
        port.str(current + VM.DUE, now);
      }
    }
    if (dacr < 0) dacr = port.mrc(3, 0, 0);
    port.routine(ROUTINE.choose);
    this.leave(current, dacr);
    const next = this.scheduler.pick(group);
    if (next === 0) throw new MonitorFault("the set of VMs is damaged");
    const epoch = port.ldr(g + GLOBAL.DOMAIN_EPOCH);
    if (next === current) return next;
    port.routine(ROUTINE.enter);
    if (port.ldr(next + VM.FAST) !== epoch) return next;
    const pid = port.ldr(next + VM.PID);
    dacr = port.ldr(next + VM.DACR);
    const switches = port.ldr(next + VM.SWITCHES);
    const slot = port.ldr(next + VM.SLOT);
    port.mcr(13, 0, 0, pid);
    this.target.pass("vm");
    port.str(g + GLOBAL.CURRENT, next);
    port.setDacr(dacr);
    port.str(next + VM.SWITCHES, switches + 1);
    this.target.vmSwitched(current, next);
    this.restore(slot, ROUTINE.restore_vm);
    return 0;
  }

  /** Keeps where a VM goes on, and with which DACR. */
  leave(vm: number, dacr: number): void {
    const port = this.#port;
    port.str(vm + VM.SLOT, heldContext(port.board));
    port.str(vm + VM.DACR, dacr);
  }

  /**
   * Back to the VM that was interrupted, when nothing is to be looked at.
   *
   * @returns False when something is.
   */
  resume(): boolean {
    const port = this.#port;
    const g = MAP.GLOBAL;
    port.routine(ROUTINE.resume);
    const vm = port.ldr(g + GLOBAL.CURRENT);
    if (port.ldr(vm + VM.FAST) !== port.ldr(g + GLOBAL.DOMAIN_EPOCH)) return false;
    this.restore(heldContext(port.board));
    return true;
  }
}
