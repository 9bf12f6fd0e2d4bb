/**
 * The monitor: exception entries, VM and task switches, faults (P1-P15).
 *
 * It is entered when the CPU takes an exception to the high vectors, and leaves by putting a saved
 * context into the CPU. All it knows is in emulated SDRAM (layout.ts); this class holds no state
 * about guests.
 *
 * @module
 */

import { Backup } from "./backup.ts";
import type { Board } from "./board.ts";
import { Consoles } from "./consoles.ts";
import { type Cpu, VECTOR } from "./cpu.ts";
import {
  attend,
  contextOf,
  heldContext,
  holdContext,
  inTask,
  isKernelContext,
  observedText,
  setStacks,
} from "./contexts.ts";
import { DACR_MONITOR, Domains, unitOf } from "./domains.ts";
import { stormDue, watchdogDue } from "./detectors.ts";
import { FaultPath } from "./fault_path.ts";
import { hex, stopSystem, tablesRepaired } from "./fault_report.ts";
import { Frames } from "./frames.ts";
import { Hypercalls, isRefusal } from "./hypercalls.ts";
import { Journal } from "./journal.ts";
import {
  CONTEXT,
  CUT_DUE,
  EAGER,
  GLOBAL,
  KEEP,
  MAP,
  NONE,
  TASK_STATE,
  UNIT,
  VM,
} from "./layout.ts";
import { Messages } from "./messages.ts";
import { Meters } from "./meters.ts";
import { writeLog } from "./monitor_log.ts";
import { Paths } from "./paths.ts";
import { MonitorFault, PERMISSION_PAGE, Port } from "./port.ts";
import type { Recorder } from "./recorder.ts";
import { GO_ON, Recovery } from "./recovery.ts";
import { ROUTINE } from "./routines.ts";
import { INTC_ADDRESS, SOURCE } from "./s3c2440_intc.ts";
import { NOBODY, Scheduler, TICK_SLICE } from "./scheduler.ts";
import type { SwitchPoint, SwitchProbe } from "./switch_probe.ts";
import { TableCheck } from "./tables.ts";
import { TextCheck } from "./text_check.ts";
import type { FaultKind } from "./trace.ts";
import { VirtualTimers } from "./virtual_timers.ts";
import { askCut, infoOffset, isVm0, slotMva, taskCount, USER_CPSR, VmStore } from "./vm.ts";
import {
  CONTROL_FIELDS,
  HC,
  LOG_WHAT,
  SLOT_MAP,
  VIRQ,
  VM_STATE,
  VM_STATE_NAMES,
  VMI_ERROR,
} from "./vmi.ts";

const V_I = SLOT_MAP.VMI_CONTROL + CONTROL_FIELDS.find((f) => f.name === "V_I")!.offset;
const V_MASK = SLOT_MAP.VMI_CONTROL + CONTROL_FIELDS.find((f) => f.name === "V_MASK")!.offset;
const INFO_CUR_TASK = infoOffset("CUR_TASK");
const INFO_V_PENDING = infoOffset("V_PENDING");
const INFO_V_INTPND = infoOffset("V_INTPND");
const INFO_V_TICKS = infoOffset("V_TICKS");
const { SRCPND, INTPND, INTOFFSET } = INTC_ADDRESS;
/** Cycles from a slot's tick to its VM's first instruction: more than the monitor ever needs. */
const SLOT_LEAD = 40_000;
/** Cycles after which one entry of the monitor is a failure: far more than a guest's restart. */
const ENTRY_LIMIT = 50_000_000;

/** The monitor. */
export class Vmm {
  /** Its port. */
  readonly port: Port;
  /** Frames, tables, arena. */
  readonly frames: Frames;
  /** Domain pool. */
  readonly domains: Domains;
  /** Priority tables. */
  readonly scheduler: Scheduler;
  /** VM records. */
  readonly vms: VmStore;
  /** Checkpoints. */
  readonly backup: Backup;
  /** Ladder and actions. */
  readonly recovery: Recovery;
  /** What is counted for reports. */
  readonly meters: Meters;
  /** Measures for `bench`; nothing depends on it. */
  probe: SwitchProbe | undefined;
  readonly #cpu: Cpu;
  /** Journals of kernel calls. */
  readonly journal: Journal;
  /** Messages between VMs. */
  readonly messages: Messages;
  /** Checks of page tables. */
  readonly tables: TableCheck;
  /** Checks of text. */
  readonly text: TextCheck;
  /** Consoles of the guests. */
  readonly consoles: Consoles;
  /** Virtual timers of the guests. */
  readonly timers: VirtualTimers;
  readonly #hypercalls: Hypercalls;
  readonly #paths: Paths;
  readonly #faults: FaultPath;

  /**
   * A monitor on a board; bootMonitor() starts it.
   *
   * @param board The machine; the monitor becomes its trap handler.
   * @param recorder The observer.
   */
  constructor(board: Board, readonly recorder: Recorder) {
    this.#cpu = board.cpu;
    this.port = new Port(board);
    this.frames = new Frames(this.port);
    this.domains = new Domains(this.port);
    this.scheduler = new Scheduler(this.port);
    this.meters = new Meters(board);
    this.vms = new VmStore(this.port, this.frames);
    this.backup = new Backup(this.port, this.frames, this.domains, recorder);
    this.recovery = new Recovery(this.port, this.backup, this.vms, this.scheduler, recorder);
    this.journal = new Journal(this.port, this.backup);
    this.messages = new Messages(this.port, this.backup);
    this.tables = new TableCheck(this.port, this.backup.versions);
    this.text = new TextCheck(this.port, this.backup.versions, this.vms);
    const raise = (vm: number, source: number) => this.raise(vm, source);
    this.consoles = new Consoles(this.port, this.backup, recorder, raise);
    this.timers = new VirtualTimers(this.port, this.scheduler, raise);
    this.#hypercalls = new Hypercalls(this);
    this.#paths = new Paths(this.port, this.scheduler, this.meters, {
      copyTask: (vm, unit) => this.#copyTask(vm, unit),
      copyGuest: (vm) => this.#copyGuest(vm),
      taskSwitched: (vm, from, to) => this.#taskSwitched(vm, from, to),
      vmSwitched: (from, to) => this.#vmSwitched(from, to),
      pass: (point) => this.#pass(point),
    });
    this.#faults = new FaultPath(this, {
      save: (pc, cpsr) => this.#saveIrq(pc, cpsr),
      noteContext: (vm) => this.#noteContext(vm),
      retry: () => this.#paths.abortReturn(),
      resume: (vm) => this.#resumeVm(vm),
      reschedule: () => this.reschedule(),
      enterKernel: (vm, unit) => this.#enterKernel(vm, unit, 0),
      enterKernelIrq: (vm, unit) => this.#enterKernelIrq(vm, unit, 0),
      halt: (reason) => stopSystem(board, recorder, reason),
      pass: (point) => this.#pass(point),
    });
    this.port.onProtected = (mva) => {
      const vm = this.port.read(MAP.GLOBAL + GLOBAL.CURRENT);
      return vm !== 0 && this.firstWriteAt(vm, mva);
    };
    board.cpu.trapVectors = true;
    board.onTrap = (vector) => this.trap(vector);
  }

  /** Board time now, ns. */
  get ns(): number {
    return this.port.board.clock.ns();
  }

  /** Stopped by a class-3 error. */
  get stopped(): boolean {
    return this.port.board.peek(MAP.GLOBAL + GLOBAL.STOPPED, 4) !== 0;
  }

  /** Name of a VM, for reports. */
  name(vm: number): string {
    return observedText(this.port.board, vm + VM.NAME);
  }

  /** Gives the CPU to the first VM after the monitor's start. */
  start(): void {
    this.#guard(() => this.reschedule());
  }

  /**
   * Entered after the CPU took an exception to the high vectors.
   *
   * @param vector Offset of the vector.
   */
  trap(vector: number): void {
    this.#account(() => this.#enter(vector));
  }

  /**
   * Does something from outside between two instructions, as an interrupt would bring it: the
   * context of who runs is saved, and who is to run then runs.
   *
   * @param body What is done.
   * @returns What `body` gave, undefined when the monitor failed over it.
   */
  request<T>(body: () => T): T | undefined {
    let result: T | undefined;
    this.#account(() => {
      const { port } = this;
      port.routine(ROUTINE.vector);
      const cpu = this.#cpu;
      const cpsr = cpu.cpsr;
      const user = (cpsr & 0x1f) === 0x10;
      const vm = user ? port.read(MAP.GLOBAL + GLOBAL.CURRENT) : 0;
      if (vm !== 0) this.#saveIrq(cpu.pc, cpsr);
      result = body();
      port.board.endWait();
      const current = port.read(MAP.GLOBAL + GLOBAL.CURRENT);
      const runs = vm !== 0 && current === vm && port.read(vm + VM.STATE) === VM_STATE.RUNNING;
      if (runs) this.#resumeVm(vm);
      else this.reschedule();
    });
    return result;
  }

  /** Enters the monitor and counts what it was charged. */
  #account(body: () => void): void {
    const { port } = this;
    const before = port.charged;
    port.limit = before + ENTRY_LIMIT;
    this.#guard(body);
    port.limit = Infinity;
    if (!this.stopped) this.meters.add(MAP.VMM_CYCLES, port.charged - before);
  }

  /** A VM changed state: VM0 is told, the trace too. */
  setState(vm: number, state: number, reason: string): void {
    const port = this.port;
    port.write(vm + VM.STATE, state);
    writeLog(port, this.ns, {
      vm: port.read(vm + VM.ID),
      task: NONE,
      what: LOG_WHAT.STATE,
      detail: state,
      address: 0,
    });
    this.recorder.emit({
      type: "vm",
      t: this.ns,
      vm: this.name(vm),
      state: VM_STATE_NAMES[state],
      reason,
    });
    const vm0 = port.read(MAP.VM_TABLE);
    if (vm0 !== 0 && vm0 !== vm && this.isVm0(vm0)) this.raise(vm0, VIRQ.VM_EVENT);
  }

  /** Makes a virtual interrupt source pending and wakes the VM if it waits. */
  raise(vm: number, source: number): void {
    const port = this.port;
    const pending = (port.read(vm + VM.V_PENDING) | 1 << source) >>> 0;
    port.write(vm + VM.V_PENDING, pending);
    port.write(port.read(vm + VM.INFO) + INFO_V_PENDING, pending);
    attend(port, vm);
    if (port.read(vm + VM.WAITING) !== 0) {
      port.write(vm + VM.WAITING, 0);
      if (port.read(vm + VM.STATE) === VM_STATE.WAITING) {
        port.write(vm + VM.STATE, VM_STATE.RUNNING);
        this.scheduler.wake(vm);
      }
    }
  }

  /** Starts a created VM or goes on with a stopped one; false in any other state. */
  startVm(vm: number): boolean {
    const port = this.port;
    const state = port.read(vm + VM.STATE);
    if (state === VM_STATE.CREATED) {
      if (!this.isVm0(vm)) this.backup.cut(vm, false);
    } else if (state !== VM_STATE.STOPPED) return false;
    this.backup.expectCuts(vm);
    const waiting = port.read(vm + VM.WAITING) !== 0;
    this.setState(vm, waiting ? VM_STATE.WAITING : VM_STATE.RUNNING, "started");
    if (!waiting) this.scheduler.wake(vm);
    return true;
  }

  /** Takes a VM off the CPU until it is started again; false when it is not running. */
  stopVm(vm: number, state: number = VM_STATE.STOPPED, reason = "stopped"): boolean {
    const old = this.port.read(vm + VM.STATE);
    if (old !== VM_STATE.RUNNING && old !== VM_STATE.WAITING) return false;
    this.scheduler.block(vm);
    this.port.write(vm + VM.DUE, NONE);
    this.setState(vm, state, reason);
    return true;
  }

  /** Deletes a VM; who names it as current, as the slot's or as the console's, does so no more. */
  deleteVm(vm: number): void {
    const port = this.port;
    const g = MAP.GLOBAL;
    for (const name of [GLOBAL.CURRENT, GLOBAL.SLOT_VM]) {
      if (port.read(g + name) === vm) port.write(g + name, 0);
    }
    if (port.read(g + GLOBAL.CONSOLE_VM) === port.read(vm + VM.ID)) {
      port.write(g + GLOBAL.CONSOLE_VM, 0);
    }
    this.scheduler.block(vm);
    this.domains.release(vm);
    this.setState(vm, VM_STATE.NONE, "deleted");
    this.vms.remove(vm);
  }

  /** Creates a VM from image `index` and tells the observer of it. */
  createVm(index: number): number | string {
    const vm = this.vms.create(index);
    if (typeof vm === "string") return vm;
    this.text.seal(vm);
    const image = this.vms.readImage(index);
    this.meters.reset(this.port.read(vm + VM.ID));
    this.messages.forget(this.port.read(vm + VM.ID));
    this.recorder.addVm(this.port.read(vm + VM.ID), this.name(vm), image?.elf);
    this.setState(vm, VM_STATE.CREATED, "created");
    return vm;
  }

  /** VM0 has no standby (P2). */
  isVm0(vm: number): boolean {
    return isVm0(this.port, vm);
  }

  // --- entry -----------------------------------------------------------------------------------

  #pass(point: SwitchPoint): void {
    this.probe?.(point, this.port.now);
  }

  #guard(body: () => void): void {
    try {
      body();
    } catch (error) {
      if (!(error instanceof MonitorFault)) throw error;
      stopSystem(this.port.board, this.recorder, error.message);
    }
  }

  #enter(vector: number): void {
    const port = this.port;
    this.#pass("entry");
    port.routine(ROUTINE.vector);
    this.#pass("handler");
    const cpu = this.#cpu;
    const spsr = cpu.spsr;
    const lr = cpu.reg(14) >>> 0;
    const vm = port.peek(MAP.GLOBAL + GLOBAL.CURRENT);
    if ((spsr & 0x1f) !== 0x10) {
      const own = lr >= MAP.VECTORS || lr >>> 12 === MAP.TEXT >>> 12;
      if (vm !== 0 && !own) return this.#escaped(vm, vector, lr, spsr);
      if (vector === VECTOR.IRQ) {
        this.#saveIrq((lr - 4) >>> 0, spsr);
        return this.#interrupt(0);
      }
      const at = `vector 0x${vector.toString(16)} out of the monitor, lr ${hex(lr)}`;
      throw new MonitorFault(`exception at ${at}`);
    }
    if (vm === 0) throw new MonitorFault("an exception from User mode while no VM is current");
    switch (vector) {
      case VECTOR.SWI:
        return isKernelContext(heldContext(port.board))
          ? this.#hypercall(vm, lr)
          : this.#kernelCall(vm, lr);
      case VECTOR.IRQ:
        this.#saveIrq((lr - 4) >>> 0, spsr);
        return this.#interrupt(vm);
      case VECTOR.DATA_ABORT:
        return this.#abort("data-abort", (lr - 8) >>> 0, spsr);
      case VECTOR.PREFETCH_ABORT:
        return this.#abort("prefetch-abort", (lr - 4) >>> 0, spsr);
      case VECTOR.UNDEFINED:
        return this.#abort("undefined", (lr - ((spsr & 0x20) !== 0 ? 2 : 4)) >>> 0, spsr);
      default:
        throw new MonitorFault(`exception at vector 0x${vector.toString(16)}`);
    }
  }

  /**
   * A guest's code ran in a privileged mode, which the monitor never gives. It may have changed that
   * mode's r13.
   */
  #escaped(vm: number, vector: number, lr: number, cpsr: number): void {
    const { port } = this;
    port.routine(ROUTINE.fault);
    setStacks(port.board);
    if (!this.vms.isContext(vm, heldContext(port.board))) {
      holdContext(port.board, vm + VM.KERNEL_CONTEXT);
    }
    const pc = (lr - (vector === VECTOR.DATA_ABORT ? 8 : 4)) >>> 0;
    this.#faults.escaped(vm, pc, cpsr);
  }

  /** An abort of a guest: a checkpoint owed, a first write, a damaged descriptor, or an error. */
  #abort(kind: FaultKind, pc: number, cpsr: number): void {
    const port = this.port;
    this.#paths.abortEntry(pc, cpsr);
    port.routine(ROUTINE.abort);
    const vm = port.read(MAP.GLOBAL + GLOBAL.CURRENT);
    const owed = port.mrc(3, 0, 0) === DACR_MONITOR;
    if (owed) this.#firstTouch(vm);
    else if (kind !== "data-abort" || !this.#firstWrite(vm, pc, cpsr)) {
      return this.#faults.fault(vm, kind, pc, cpsr);
    }
    this.#paths.abortReturn();
    this.#pass(owed ? "touched" : "retry");
  }

  /**
   * A VM or task goes on for the first time since its checkpoint was declared: it is taken now, as
   * nothing has changed since. Its context is still where it was restored from, and not where the next
   * save goes.
   */
  #firstTouch(vm: number): void {
    const port = this.port;
    const task = inTask(port, vm);
    const unit = port.read(vm + VM.CUR_UNIT);
    const declared = port.read(vm + VM.CUT_DUE) === CUT_DUE.DECLARED;
    if (task) holdContext(port.board, port.read(declared ? vm + VM.SLOT : unit + UNIT.SLOT));
    if (port.read(vm + VM.CUT_DUE) !== 0 && this.#mayCut(vm)) this.#takeCut(vm);
    else if (this.backup.owes(unit)) this.backup.checkpointTask(vm, unit);
    // No cut lies inside the kernel: it is one of the kernel's exit, and of that time.
    if (port.read(vm + VM.CUT_DUE) !== 0) port.write(vm + VM.CUT_DUE, CUT_DUE.ASKED);
    if (task) {
      this.#noteContext(vm);
      this.backup.saveElsewhere(vm, unit);
    }
    const image = unit + (task ? UNIT.DACR_TASK : UNIT.DACR_KERNEL);
    if (port.read(image) === DACR_MONITOR) this.domains.reopen(unit);
    this.domains.open(vm, unit);
    port.setDacr(port.read(image));
    this.#lookedAt(vm);
  }

  /** A permission fault on a page that is read-only for now: the write is tried again. */
  #firstWrite(vm: number, pc: number, cpsr: number): boolean {
    const port = this.port;
    if ((port.mrc(5, 0, 0) & 15) !== PERMISSION_PAGE) return false;
    return this.firstWriteAt(vm, port.mrc(6, 0, 0), () => this.#saveRunning(pc, cpsr));
  }

  /** Saves the context of a guest that goes on at once. */
  #saveRunning(pc: number, cpsr: number): void {
    this.#saveIrq(pc, cpsr);
    const vm = this.port.peek(MAP.GLOBAL + GLOBAL.CURRENT);
    if (this.#noteContext(vm)) this.meters.unitIn(this.port.peek(vm + VM.CUR_UNIT));
  }

  /**
   * The same for an MVA of the current VM, whoever writes.
   *
   * @param save Saves the context of the guest, when it was the guest.
   */
  firstWriteAt(vm: number, mva: number, save?: () => void): boolean {
    const va = mva - slotMva(this.port.read(vm + VM.ID), 0);
    return va >= 0 && va < SLOT_MAP.SIZE && this.backup.firstWrite(vm, va, save);
  }

  /** The record of the running task names the context in which it was saved; true in a task. */
  #noteContext(vm: number): boolean {
    const port = this.port;
    const context = contextOf(port, vm);
    if (isKernelContext(context)) return false;
    port.write(port.read(vm + VM.CUR_UNIT) + UNIT.SLOT, context);
    return true;
  }

  /** Saves the interrupted context where r13_svc says. */
  #saveIrq(pc: number, cpsr: number): void {
    this.#paths.saveIrq(pc, cpsr);
  }

  // --- calls -----------------------------------------------------------------------------------

  /** SWI in task mode: a kernel call, reflected to the guest's vector. */
  #kernelCall(vm: number, lr: number): void {
    const port = this.port;
    const cpu = this.#cpu;
    const spsr = cpu.spsr;
    this.#paths.saveCall(lr, spsr);
    if (this.#paths.kernelCall()) return;
    port.routine(ROUTINE.journal);
    this.#noteContext(vm);
    const unit = port.read(vm + VM.CUR_UNIT);
    const number = cpu.userReg(12) >>> 0;
    const args = [cpu.userReg(0), cpu.userReg(1), cpu.userReg(2), cpu.userReg(3)];
    if (this.journal.leavesLog(vm, unit, number, args)) {
      // The call is made again when its log has been undone.
      const slot = heldContext(port.board);
      port.write(slot + CONTEXT.PC, (lr - ((spsr & 0x20) !== 0 ? 2 : 4)) >>> 0);
      return this.#faults.undo(vm, unit, GO_ON.TASK);
    }
    const logged = this.journal.begin(vm, unit, number, args);
    if (logged !== undefined) {
      port.write(heldContext(port.board) + CONTEXT.R0, logged);
      return this.#paths.restore(heldContext(port.board));
    }
    this.#enterKernel(vm, unit, VECTOR.SWI);
  }

  /** Enters the guest's kernel on its own stack, with the task's domain still open. */
  #enterKernel(vm: number, unit: number, vector: number): void {
    const port = this.port;
    const cpu = this.#cpu;
    port.routine(ROUTINE.kernel_entry);
    // The kernel may write to the task: what it owes is taken first.
    if (this.backup.owes(unit)) this.backup.checkpointTask(vm, unit);
    this.domains.open(vm, unit);
    port.setDacr(port.read(unit + UNIT.DACR_KERNEL));
    port.write(port.read(vm + VM.INFO) + INFO_CUR_TASK, port.read(unit + UNIT.TASK));
    holdContext(port.board, vm + VM.KERNEL_CONTEXT);
    cpu.setUserReg(13, port.read(vm + VM.KERNEL_SP));
    cpu.setUserReg(14, port.read(vm + VM.KERNEL_LR));
    this.#lookedAt(vm);
    cpu.cpsr = USER_CPSR;
    cpu.pc = (port.read(vm + VM.VECTORS) + vector) >>> 0;
    this.#pass("kernel");
  }

  /** SWI in kernel mode. */
  #hypercall(vm: number, lr: number): void {
    const port = this.port;
    const cpu = this.#cpu;
    const spsr = cpu.spsr;
    port.routine(ROUTINE.which_mode);
    port.routine(ROUTINE.hypercall);
    this.meters.hypercall(vm);
    const number = cpu.userReg(12) >>> 0;
    const args = [cpu.userReg(0), cpu.userReg(1), cpu.userReg(2), cpu.userReg(3)];
    if (number === HC.DISPATCH) {
      this.#pass("dispatch");
      if (this.#paths.dispatch(args[0], args[1], args[2])) return;
    }
    port.routine(ROUTINE.hypercall_entry);
    const save = () => this.#saveIrq(lr, spsr);
    const result = this.#hypercalls.call(vm, number, args, save);
    if (result === undefined) return;
    if (isRefusal(number, result) && this.refused(vm, lr)) return;
    port.routine(ROUTINE.hypercall_return);
    cpu.setUserReg(0, result);
    cpu.cpsr = spsr;
    cpu.pc = lr;
    this.#pass("returned");
  }

  // --- dispatch --------------------------------------------------------------------------------

  /**
   * HC_DISPATCH when there is more to do than to go to the task: the kernel leaves for it.
   *
   * @returns An error code, or undefined when the CPU has been given away.
   */
  dispatch(vm: number, task: number, result: number, flags: number): number | undefined {
    const port = this.port;
    port.routine(ROUTINE.dispatch_slow);
    if (task >>> 0 >= taskCount(port, vm)) return VMI_ERROR.EINVAL;
    const next = unitOf(vm, task + 2);
    if (port.read(next + UNIT.STATE) !== TASK_STATE.CREATED) return VMI_ERROR.ESTATE;
    if ((flags & 1) !== 0) {
      port.write(port.read(next + UNIT.SLOT) + CONTEXT.R0, result >>> 0);
      this.journal.finish(next, result);
    }
    const current = port.read(vm + VM.CUR_UNIT);
    // What a call gave to others is not seen before the caller's checkpoint (R3).
    let settled = false;
    if (port.read(vm + VM.JOURNALED) !== 0) {
      port.write(vm + VM.JOURNALED, 0);
      settled = this.#checkpoint(() => this.journal.settle(vm, current));
    }
    if (current !== next) {
      port.add(vm + VM.TASK_SWITCHES, 1);
      const due = port.read(current + UNIT.TASK) !== NONE && this.backup.leave(current);
      if (due && !settled) this.#leaveTask(vm, current);
      port.write(vm + VM.CUR_UNIT, next);
      this.#taskSwitched(vm, current, next);
      this.#pass("task");
    }
    this.meters.dispatched(next);
    holdContext(port.board, port.read(next + UNIT.SLOT));
    if (port.read(vm + VM.CUT_DUE) !== 0 && this.#mayCut(vm)) this.#takeCut(vm);
    if ((flags & 2) !== 0) this.#atRest(vm);
    if (port.read(vm + VM.V_PENDING) === 0 && (flags & 2) !== 0) {
      port.write(vm + VM.WAITING, 1);
      port.write(vm + VM.STATE, VM_STATE.WAITING);
      // Its context is in the slot: it goes on with nothing open.
      this.domains.open(vm, next);
      port.setDacr(port.read(next + UNIT.DACR_TASK));
      this.#lookedAt(vm);
      this.scheduler.block(vm);
      this.reschedule();
      return undefined;
    }
    this.#resumeVm(vm);
    return undefined;
  }

  /** A checkpoint inside a switch, if one is taken. */
  #checkpoint(take: () => boolean): boolean {
    this.#pass("backup");
    const taken = take();
    if (taken) this.#pass("backedUp");
    return taken;
  }

  /** The outgoing task's checkpoint, which is due: taken where it copies, otherwise declared. */
  #leaveTask(vm: number, unit: number): void {
    const port = this.port;
    const now = port.read(MAP.GLOBAL + GLOBAL.NOW);
    if ((now & EAGER) !== 0) {
      return void this.#checkpoint(() => this.backup.checkpointTask(vm, unit));
    }
    port.write(unit + UNIT.DACR_TASK, DACR_MONITOR);
    port.write(unit + UNIT.DUE, now);
  }

  /** The same in the hand-written dispatch, where it copies. */
  #copyTask(vm: number, unit: number): void {
    if (this.backup.leave(unit)) this.#checkpoint(() => this.backup.checkpointTask(vm, unit));
  }

  #taskSwitched(vm: number, from: number, to: number): void {
    const { board } = this.port;
    const none = board.peek(from + UNIT.TASK, 4) === NONE;
    this.recorder.emit({
      type: "switch-task",
      t: this.ns,
      vm: this.name(vm),
      from: none ? "-" : observedText(board, from + UNIT.NAME),
      to: observedText(board, to + UNIT.NAME),
    });
  }

  /** Runs a VM that is current: delivers a virtual interrupt, or restores what it was doing. */
  #resumeVm(vm: number): void {
    const port = this.port;
    port.routine(ROUTINE.resume_slow);
    const task = this.#noteContext(vm);
    const pending = port.read(vm + VM.V_PENDING) !== 0;
    // Something that came while it was off the CPU wants to change it: what is owed is taken first.
    if (port.read(vm + VM.CUT_DUE) !== 0 && this.#mayCut(vm)) this.#takeCut(vm);
    const unit = port.read(vm + VM.CUR_UNIT);
    if (task) {
      if (pending && this.#deliver(vm, unit)) return;
      this.backup.generations.awake(unit);
      this.domains.open(vm, unit);
      port.setDacr(port.read(unit + UNIT.DACR_TASK));
      this.#lookedAt(vm);
      return this.#paths.restore(port.read(unit + UNIT.SLOT));
    }
    this.domains.open(vm, unit);
    port.setDacr(port.read(unit + UNIT.DACR_KERNEL));
    if (pending && port.read(vm + VM.PLAIN) !== 0 && this.#interruptKernel(vm)) return;
    this.#lookedAt(vm);
    this.#paths.restore(vm + VM.KERNEL_CONTEXT);
  }

  /** Whether the kernel's next dispatch has more to do than to go to the task: with KEEP always. */
  #lookedAt(vm: number): void {
    const port = this.port;
    const more = port.read(vm + VM.V_PENDING) !== 0 || port.read(vm + VM.CUT_DUE) !== 0 ||
      port.read(vm + VM.JOURNALED) !== 0 || port.read(MAP.GLOBAL + GLOBAL.EVERY) >= KEEP;
    port.write(vm + VM.FAST, more ? NONE : port.read(MAP.GLOBAL + GLOBAL.DOMAIN_EPOCH));
  }

  /** Delivers pending virtual interrupts over a task; false when all are masked. */
  #deliver(vm: number, unit: number): boolean {
    const port = this.port;
    port.routine(ROUTINE.deliver);
    if (this.backup.owes(unit)) this.backup.checkpointTask(vm, unit);
    this.domains.open(vm, unit);
    port.setDacr(port.read(unit + UNIT.DACR_KERNEL));
    const sources = this.#takePending(vm);
    if (sources === 0) return false;
    this.#enterKernelIrq(vm, unit, sources);
    return true;
  }

  #enterKernelIrq(vm: number, unit: number, sources: number): void {
    const port = this.port;
    this.#enterKernel(vm, unit, VECTOR.IRQ);
    this.#cpu.setUserReg(0, sources);
    this.#cpu.setUserReg(1, sources === 0 ? 0 : port.read(vm + VM.V_TICKS));
  }

  /** Takes the pending sources that the guest does not mask, and shows them in its info page. */
  #takePending(vm: number): number {
    const port = this.port;
    const id = port.read(vm + VM.ID);
    const mask = port.readUser(slotMva(id, V_MASK), 4);
    const pending = port.read(vm + VM.V_PENDING);
    const sources = (pending & ~(mask < 0 ? 0 : mask)) >>> 0;
    if (sources === 0) return 0;
    const info = port.read(vm + VM.INFO);
    this.timers.take(vm, sources);
    port.write(vm + VM.V_PENDING, (pending & ~sources) >>> 0);
    port.write(vm + VM.V_INTPND, sources);
    port.write(info + INFO_V_PENDING, (pending & ~sources) >>> 0);
    port.write(info + INFO_V_INTPND, sources);
    port.write(info + INFO_V_TICKS, port.read(vm + VM.V_TICKS));
    return sources;
  }

  /** A virtual IRQ over kernel mode, for guests without tasks. */
  #interruptKernel(vm: number): boolean {
    const port = this.port;
    const id = port.read(vm + VM.ID);
    if (port.read(vm + VM.IN_IRQ) !== 0) return false;
    if (port.readUser(slotMva(id, V_I), 4) !== 0) return false;
    const sources = this.#takePending(vm);
    if (sources === 0) return false;
    this.#copyContext(vm + VM.KERNEL_CONTEXT, vm + VM.IRQ_CONTEXT);
    port.write(vm + VM.IN_IRQ, 1);
    this.#lookedAt(vm);
    this.#paths.restore(vm + VM.KERNEL_CONTEXT);
    const cpu = this.#cpu;
    cpu.setUserReg(0, sources);
    cpu.setUserReg(1, port.read(vm + VM.V_TICKS));
    cpu.cpsr = USER_CPSR;
    cpu.pc = (port.read(vm + VM.VECTORS) + VECTOR.IRQ) >>> 0;
    return true;
  }

  #copyContext(from: number, to: number): void {
    this.port.copyWords(from + CONTEXT.START, to + CONTEXT.START, CONTEXT.BYTES);
  }

  /** HC_IRET: back to what a virtual IRQ interrupted in kernel mode. */
  iret(vm: number): number | undefined {
    const port = this.port;
    if (port.read(vm + VM.IN_IRQ) === 0) return VMI_ERROR.ESTATE;
    port.write(vm + VM.IN_IRQ, 0);
    this.#copyContext(vm + VM.IRQ_CONTEXT, vm + VM.KERNEL_CONTEXT);
    this.#resumeVm(vm);
    return undefined;
  }

  /** The guest has nothing to do: its watchdog is kicked, a timer period it is owed comes now. */
  #atRest(vm: number): void {
    const port = this.port;
    this.kick(vm);
    if (port.read(vm + VM.TICKS_OWED) !== 0) this.raise(vm, VIRQ.TIMER);
  }

  /** Starts a VM's watchdog period anew. */
  kick(vm: number): void {
    this.port.write(vm + VM.KICKED, this.port.read(MAP.GLOBAL + GLOBAL.TICKS));
    this.port.write(vm + VM.UNKICKED, 0);
  }

  /** HC_WAIT: the VM waits in kernel mode; `save` keeps its context with result 0. */
  wait(vm: number, save: () => void): number | undefined {
    const port = this.port;
    this.#atRest(vm);
    if (port.read(vm + VM.V_PENDING) !== 0 && port.read(vm + VM.PLAIN) === 0) return 0;
    this.#cpu.setUserReg(0, 0);
    save();
    if (port.read(vm + VM.V_PENDING) !== 0) {
      this.#resumeVm(vm);
      return undefined;
    }
    port.write(vm + VM.WAITING, 1);
    port.write(vm + VM.STATE, VM_STATE.WAITING);
    this.scheduler.block(vm);
    this.reschedule();
    return undefined;
  }

  // --- VM switch -------------------------------------------------------------------------------

  /** Chooses the VM to run and runs it; idles when there is none. */
  reschedule(): void {
    const port = this.port;
    port.routine(ROUTINE.reschedule);
    const current = port.read(MAP.GLOBAL + GLOBAL.CURRENT);
    const slots = this.#slots;
    let next: number;
    this.#pass("choose");
    if (slots) {
      next = this.scheduler.slotOwner();
      if (next !== current) this.#leaveVm(current);
    } else if (current === 0) {
      next = this.scheduler.choose();
    } else {
      next = this.#paths.switchVm();
      if (next === 0) return;
      if (next === NOBODY) next = 0;
    }
    if (next === 0) return this.#idle();
    if (next !== current) this.#enterVm(current, next);
    this.#resumeVm(next);
  }

  /** A VM gets the CPU; what it goes on with is looked at then. */
  #enterVm(current: number, next: number): void {
    const port = this.port;
    port.write(MAP.GLOBAL + GLOBAL.CURRENT, next);
    port.mcr(13, 0, 0, port.read(next + VM.PID));
    this.#pass("vm");
    port.add(next + VM.SWITCHES, 1);
    holdContext(port.board, port.read(next + VM.SLOT));
    this.#vmSwitched(current, next);
  }

  #vmSwitched(from: number, to: number): void {
    if (from !== 0) this.meters.vmOut(from);
    this.meters.vmIn(to);
    this.recorder.emit({
      type: "switch-vm",
      t: this.ns,
      from: from === 0 ? "-" : this.name(from),
      to: this.name(to),
    });
  }

  get #slots(): boolean {
    return this.port.read(MAP.GLOBAL + GLOBAL.SCHEDULE) !== 0;
  }

  /**
   * A tick with fixed slots. The last tick of a slot begins the guard time, in which the outgoing
   * VM's work ends; the next one begins the slot of the next VM, at an exact cycle.
   */
  #slotTick(vm: number): void {
    const port = this.port;
    const g = MAP.GLOBAL;
    const tickCycles = port.read(g + GLOBAL.TICK_CYCLES);
    const slot = Math.max(2, port.read(g + GLOBAL.SLICE) / TICK_SLICE);
    const ticks = port.read(g + GLOBAL.TICKS);
    const phase = ticks % slot;
    if (phase === slot - 1) {
      if (vm !== 0) this.#leaveVm(vm);
      port.write(g + GLOBAL.SLOT_VM, 0);
      // What a step costs depends on whose tables it looks at: it is in nobody's slot.
      this.#scrub(slot);
      return this.#idle();
    }
    if (phase === 0) {
      port.write(g + GLOBAL.SLOT_VM, this.scheduler.slotVm(Math.floor(ticks / slot)));
      // Whatever the slot before left behind is out of the way: the same start every time.
      this.domains.closeAll();
      const base = port.read64(g + GLOBAL.TICK_BASE) + ticks * tickCycles;
      const start = base + SLOT_LEAD;
      if (port.now < start) port.charge(start - port.now);
    }
    const owner = port.read(g + GLOBAL.SLOT_VM);
    if (owner !== 0) this.timers.tickVm(owner);
    if (phase === 0 || vm === 0) return this.reschedule();
    if (watchdogDue(port, vm)) return this.#faults.late(vm, "watchdog");
    this.#resumeVm(vm);
  }

  /** The outgoing side of a VM switch with fixed slots: where it goes on, and its cut (P8). */
  #leaveVm(vm: number): void {
    if (vm === 0) return;
    this.meters.vmOut(vm);
    this.#copyGuest(vm);
    this.#paths.leave(vm, this.port.mrc(3, 0, 0));
  }

  /** The cut of a VM that leaves, when it is due, at once. */
  #copyGuest(vm: number): void {
    if (!this.backup.cutDue(vm)) return;
    if (this.#mayCut(vm)) this.#takeCut(vm);
    else if (this.port.read(vm + VM.DUE) !== NONE) {
      // No cut lies inside the kernel (I7): it is taken when the kernel leaves for a task.
      askCut(this.port, vm);
    }
  }

  /** True when a cut may be taken of the present state of a VM: not inside its kernel (I7). */
  #mayCut(vm: number): boolean {
    const port = this.port;
    if (port.read(vm + VM.DUE) === NONE) return false;
    return inTask(port, vm) || port.read(vm + VM.PLAIN) !== 0;
  }

  #takeCut(vm: number): void {
    const port = this.port;
    const unit = port.read(vm + VM.CUR_UNIT);
    this.#noteContext(vm);
    this.domains.open(vm, unit);
    port.setDacr(port.read(unit + UNIT.DACR_KERNEL));
    this.#checkpoint(() => this.backup.cut(vm, true));
    attend(port, vm);
  }

  /** Nobody has work: the idle loop waits for an interrupt. */
  #idle(): void {
    const port = this.port;
    const current = port.read(MAP.GLOBAL + GLOBAL.CURRENT);
    if (current !== 0) {
      this.meters.vmOut(current);
      // Time that nobody else wants: a cut that was declared is taken.
      if (port.read(current + VM.CUT_DUE) !== 0 && this.#mayCut(current)) this.#takeCut(current);
    }
    holdContext(port.board, MAP.GLOBAL + GLOBAL.IDLE_CONTEXT);
    port.write(MAP.GLOBAL + GLOBAL.CURRENT, 0);
    port.setDacr(DACR_MONITOR);
    this.#cpu.cpsr = 0x53; // SVC, FIQ masked, IRQ open
    this.#cpu.pc = MAP.IDLE;
    this.#pass("idle");
  }

  // --- interrupts ------------------------------------------------------------------------------

  /** A physical interrupt; the context is saved. `vm` is 0 when the monitor was idle. */
  #interrupt(vm: number): void {
    const port = this.port;
    const g = MAP.GLOBAL;
    this.#pass("acknowledge");
    port.routine(ROUTINE.acknowledge);
    const source = port.device(INTOFFSET);
    for (const pending of [SRCPND, INTPND]) port.setDevice(pending, 1 << source);
    this.#pass("acknowledged");
    if (vm !== 0) this.meters.vmOut(vm);
    if (source === SOURCE.UART0) this.consoles.receive();
    if (source === SOURCE.TIMER4) {
      port.routine(ROUTINE.tick);
      if (vm !== 0) {
        this.scheduler.charge(vm, TICK_SLICE);
        port.add(vm + VM.RAN, 1);
        port.add(vm + VM.UNKICKED, 1);
      }
      port.add(g + GLOBAL.TICKS, 1);
      port.add(g + GLOBAL.NOW, 1);
      if (this.#slots) return this.#slotTick(vm);
      this.#scrub(1);
      this.timers.tick();
      if (vm !== 0 && watchdogDue(port, vm)) return this.#faults.late(vm, "watchdog");
    }
    if (vm === 0) return this.reschedule();
    if ((port.read(vm + VM.SLICE) | 0) <= 0) {
      if (port.read(vm + VM.STATE) === VM_STATE.RUNNING) this.scheduler.expire(vm);
      return this.reschedule();
    }
    if (!this.#paths.resume()) this.#resumeVm(vm);
  }

  /** A storm of refused hypercalls; true when the caller has been dealt with. */
  refused(vm: number, lr: number): boolean {
    if (!stormDue(this.port, vm)) return false;
    this.#saveIrq(lr, this.#cpu.spsr);
    this.#faults.late(vm, "hypercall");
    return true;
  }

  /** The steps of the table scrubber that fell due in the last `passed` ticks. */
  #scrub(passed: number): void {
    tablesRepaired(this.port, this.recorder, this.tables.scrubDue(passed), 0);
  }

  /** Recovers a task (`unit`) or, when it is 0, a guest, and goes on. */
  recover(vm: number, unit: number): void {
    this.#faults.recover(vm, unit);
  }

  /** HC_UNDONE. */
  undone(vm: number): number | undefined {
    return this.#faults.undone(vm);
  }
}
