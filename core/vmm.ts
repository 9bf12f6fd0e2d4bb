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
import { DACR_MONITOR, Domains, unitOf } from "./domains.ts";
import { stormDue, watchdogDue } from "./detectors.ts";
import {
  faultEvent,
  hex,
  type RaisedFault,
  stopSystem,
  tablesRepaired,
  textReloaded,
} from "./fault_report.ts";
import { Frames } from "./frames.ts";
import { Hypercalls, isRefusal } from "./hypercalls.ts";
import { Journal } from "./journal.ts";
import {
  CONTEXT,
  GLOBAL,
  JOURNAL_MODE,
  MAP,
  NONE,
  SLOT_PID,
  TASK_STATE,
  UNIT,
  VM,
  VMODE,
} from "./layout.ts";
import { Messages } from "./messages.ts";
import { writeLog } from "./monitor_log.ts";
import { COST, MonitorFault, PERMISSION_PAGE, Port } from "./port.ts";
import type { Recorder } from "./recorder.ts";
import { classify, GO_ON, Recovery, runningTask } from "./recovery.ts";
import { Scheduler } from "./scheduler.ts";
import { INTC_ADDRESS, SOURCE } from "./s3c2440_intc.ts";
import type { SwitchPoint, SwitchProbe } from "./switch_probe.ts";
import { TableCheck } from "./tables.ts";
import { TextCheck } from "./text_check.ts";
import type { FaultKind } from "./trace.ts";
import { VirtualTimers } from "./virtual_timers.ts";
import { infoOffset, isVm0, readName, slotMva, taskCount, USER_CPSR, VmStore } from "./vm.ts";
import {
  CONTROL_FIELDS,
  LOG_FAULTS,
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

  /** Name of a VM. */
  name(vm: number): string {
    return readName(this.port, vm + VM.NAME);
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
      port.charge(COST.EXCEPTION);
      const cpu = this.#cpu;
      const cpsr = cpu.cpsr;
      const user = (cpsr & 0x1f) === 0x10;
      const vm = user ? port.read(MAP.GLOBAL + GLOBAL.CURRENT) : 0;
      if (vm !== 0) {
        this.#save(vm, cpu.pc, cpsr);
        this.#chargeSlice(vm);
      }
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
    if (!this.stopped) port.meter(MAP.VMM_CYCLES, port.charged - before);
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
    port.charge(COST.EXCEPTION);
    this.#pass("handler");
    const cpu = this.#cpu;
    const spsr = cpu.spsr;
    const lr = cpu.reg(14) >>> 0;
    const vm = port.read(MAP.GLOBAL + GLOBAL.CURRENT);
    if ((spsr & 0x1f) !== 0x10) {
      const own = lr >= MAP.VECTORS || lr >>> 12 === MAP.TEXT >>> 12;
      if (vm !== 0 && !own) return this.#escaped(vm, vector, lr, spsr);
      if (vector === VECTOR.IRQ) return this.#interrupt(0);
      const at = `vector 0x${vector.toString(16)} out of the monitor, lr ${hex(lr)}`;
      throw new MonitorFault(`exception at ${at}`);
    }
    if (vm === 0) throw new MonitorFault("an exception from User mode while no VM is current");
    switch (vector) {
      case VECTOR.SWI:
        return port.read(vm + VM.VMODE) === VMODE.TASK
          ? this.#kernelCall(vm, lr)
          : this.#hypercall(vm, lr);
      case VECTOR.IRQ:
        this.#save(vm, (lr - 4) >>> 0, spsr);
        return this.#interrupt(vm);
      case VECTOR.DATA_ABORT:
        if (this.#firstWrite(vm, (lr - 8) >>> 0, spsr)) {
          cpu.cpsr = spsr;
          cpu.pc = (lr - 8) >>> 0;
          return this.#pass("retry");
        }
        return this.#fault(vm, "data-abort", (lr - 8) >>> 0, spsr);
      case VECTOR.PREFETCH_ABORT:
        return this.#fault(vm, "prefetch-abort", (lr - 4) >>> 0, spsr);
      case VECTOR.UNDEFINED:
        return this.#fault(vm, "undefined", (lr - ((spsr & 0x20) !== 0 ? 2 : 4)) >>> 0, spsr);
      default:
        throw new MonitorFault(`exception at vector 0x${vector.toString(16)}`);
    }
  }

  /** A guest's code ran in a privileged mode, which the monitor never gives; interrupts wait. */
  #escaped(vm: number, vector: number, lr: number, cpsr: number): void {
    const pc = (lr - (vector === VECTOR.DATA_ABORT ? 8 : 4)) >>> 0;
    this.#save(vm, pc, cpsr);
    const unit = classify(this.port, vm, pc, pc);
    this.#raiseFault({ vm, unit, kind: "privilege", fsr: 0, far: 0, pc, cpsr });
  }

  /** A permission fault on a page that is read-only for now: the write is tried again. */
  #firstWrite(vm: number, pc: number, cpsr: number): boolean {
    const port = this.port;
    if ((port.mrc(5, 0, 0) & 15) !== PERMISSION_PAGE) return false;
    return this.firstWriteAt(vm, port.mrc(6, 0, 0), () => this.#saveRunning(vm, pc, cpsr));
  }

  /** Saves the context of a guest that goes on at once. */
  #saveRunning(vm: number, pc: number, cpsr: number): void {
    this.#save(vm, pc, cpsr);
    const unit = runningTask(this.port, vm);
    if (unit !== 0) this.port.write64(unit + UNIT.RUN_START, this.port.now);
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

  /** Saves the interrupted context: a task's in its slot, the kernel's in the VM record. */
  #save(vm: number, pc: number, cpsr: number): void {
    const port = this.port;
    this.#pass("save");
    let slot = vm + VM.KERNEL_CONTEXT;
    if (port.read(vm + VM.VMODE) === VMODE.TASK) {
      const unit = runningTask(port, vm);
      slot = port.read(unit + UNIT.SLOT);
      this.#accountTask(unit);
    }
    for (let i = 0; i < 15; i++) port.write(slot + i * 4, this.#cpu.userReg(i) >>> 0);
    port.write(slot + CONTEXT.PC, pc);
    port.write(slot + CONTEXT.CPSR, cpsr >>> 0);
    port.charge(3);
    this.#pass("saved");
  }

  /** Puts a saved context into the CPU. */
  #restore(slot: number): void {
    const port = this.port;
    this.#pass("restore");
    for (let i = 0; i < 15; i++) this.#cpu.setUserReg(i, port.read(slot + i * 4));
    const pc = port.read(slot + CONTEXT.PC);
    // A damaged context can't raise privilege: only flags and T come from the record.
    const cpsr = (port.read(slot + CONTEXT.CPSR) & 0xf000_0020) | USER_CPSR;
    this.#cpu.cpsr = cpsr >>> 0;
    this.#cpu.pc = pc;
    port.charge(6);
    this.#pass("resumed");
  }

  #accountTask(unit: number): void {
    const port = this.port;
    const ran = port.now - port.read64(unit + UNIT.RUN_START);
    port.write64(unit + UNIT.CYCLES, port.read64(unit + UNIT.CYCLES) + ran);
  }

  // --- calls -----------------------------------------------------------------------------------

  /** SWI in task mode: a kernel call, reflected to the guest's vector. */
  #kernelCall(vm: number, lr: number): void {
    const port = this.port;
    const cpu = this.#cpu;
    const spsr = cpu.spsr;
    const unit = runningTask(port, vm);
    const number = cpu.userReg(12) >>> 0;
    const args = [cpu.userReg(0), cpu.userReg(1), cpu.userReg(2), cpu.userReg(3)];
    if (this.journal.leavesLog(vm, unit, number, args)) {
      this.#save(vm, (lr - ((spsr & 0x20) !== 0 ? 2 : 4)) >>> 0, spsr);
      return this.#undo(vm, unit, GO_ON.TASK);
    }
    port.add(unit + UNIT.CALLS, 1);
    const logged = this.journal.begin(vm, unit, number, args);
    if (logged !== undefined) {
      cpu.setUserReg(0, logged);
      cpu.cpsr = spsr;
      cpu.pc = lr;
      return;
    }
    this.#save(vm, lr, spsr);
    this.#enterKernel(vm, unit, VECTOR.SWI);
  }

  /** Enters the guest's kernel on its own stack, with the task's domain still open. */
  #enterKernel(vm: number, unit: number, vector: number): void {
    const port = this.port;
    const cpu = this.#cpu;
    this.domains.open(vm, unit);
    port.setDacr(port.read(unit + UNIT.DACR_KERNEL));
    port.write(vm + VM.VMODE, VMODE.KERNEL);
    cpu.setUserReg(13, port.read(vm + VM.KERNEL_SP));
    cpu.setUserReg(14, 0);
    cpu.cpsr = USER_CPSR;
    cpu.pc = (port.read(vm + VM.VECTORS) + vector) >>> 0;
    port.charge(6);
    this.#pass("kernel");
  }

  #hypercall(vm: number, lr: number): void {
    const cpu = this.#cpu;
    const spsr = cpu.spsr;
    this.port.add(vm + VM.HYPERCALLS, 1);
    const number = cpu.userReg(12) >>> 0;
    const args = [cpu.userReg(0), cpu.userReg(1), cpu.userReg(2), cpu.userReg(3)];
    const result = this.#hypercalls.call(vm, number, args, () => this.#save(vm, lr, spsr));
    if (result === undefined) return;
    if (isRefusal(number, result) && this.refused(vm, lr)) return;
    cpu.setUserReg(0, result);
    cpu.cpsr = spsr;
    cpu.pc = lr;
    this.port.charge(6);
    this.#pass("returned");
  }

  // --- dispatch --------------------------------------------------------------------------------

  /**
   * HC_DISPATCH: the kernel leaves for a task.
   *
   * @returns An error code, or undefined when the CPU has been given away.
   */
  dispatch(vm: number, task: number, result: number, flags: number): number | undefined {
    const port = this.port;
    if (task >>> 0 >= taskCount(port, vm)) return VMI_ERROR.EINVAL;
    const next = unitOf(port, vm, task + 2);
    if (port.read(next + UNIT.STATE) !== TASK_STATE.CREATED) return VMI_ERROR.ESTATE;
    if ((flags & 1) !== 0) {
      port.write(port.read(next + UNIT.SLOT) + CONTEXT.R0, result >>> 0);
      this.journal.finish(next, result);
    }
    const current = port.read(vm + VM.CUR_TASK);
    // What a call gave to others is not seen before the caller's checkpoint (R3).
    let settled = false;
    if (current !== NONE && this.journal.mode !== JOURNAL_MODE.OFF) {
      settled = this.#checkpoint(() => this.journal.settle(vm, unitOf(port, vm, current + 2)));
    }
    if (current !== task) this.#leaveTask(vm, current, task, settled);
    this.#setCurrentTask(vm, task);
    port.write(vm + VM.VMODE, VMODE.TASK);
    if (port.read(vm + VM.CUT_DUE) !== 0 && !this.isVm0(vm)) {
      this.#checkpoint(() => this.backup.cut(vm, true));
    }
    if ((flags & 2) !== 0) this.#atRest(vm);
    if (port.read(vm + VM.V_PENDING) === 0 && (flags & 2) !== 0) {
      port.write(vm + VM.WAITING, 1);
      port.write(vm + VM.STATE, VM_STATE.WAITING);
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

  #setCurrentTask(vm: number, task: number): void {
    const port = this.port;
    port.write(vm + VM.CUR_TASK, task);
    port.write(port.read(vm + VM.INFO) + INFO_CUR_TASK, task);
  }

  /**
   * The outgoing side of a task switch: its checkpoint when it is due (P8), unless the journal has
   * just taken one.
   */
  #leaveTask(vm: number, from: number, to: number, settled: boolean): void {
    const port = this.port;
    port.add(vm + VM.TASK_SWITCHES, 1);
    let name = "-";
    if (from !== NONE) {
      const unit = unitOf(port, vm, from + 2);
      name = readName(port, unit + UNIT.NAME);
      const alive = port.read(unit + UNIT.STATE) === TASK_STATE.CREATED;
      if (alive && this.backup.leave(unit) && !settled) {
        this.#checkpoint(() => this.backup.checkpointTask(vm, unit));
      }
    }
    this.recorder.emit({
      type: "switch-task",
      t: this.ns,
      vm: this.name(vm),
      from: name,
      to: readName(port, unitOf(port, vm, to + 2) + UNIT.NAME),
    });
    this.#pass("task");
  }

  /** Runs a VM that is current: delivers a virtual interrupt, or restores what it was doing. */
  #resumeVm(vm: number): void {
    const port = this.port;
    const plain = port.read(vm + VM.PLAIN) !== 0;
    if (port.read(vm + VM.VMODE) === VMODE.TASK) {
      const unit = runningTask(port, vm);
      if (port.read(vm + VM.V_PENDING) !== 0 && this.#deliver(vm, unit)) return;
      this.domains.open(vm, unit);
      port.setDacr(port.read(unit + UNIT.DACR_TASK));
      const slot = port.read(unit + UNIT.SLOT);
      this.backup.nextSlot(vm, unit);
      port.write64(unit + UNIT.RUN_START, port.now);
      port.add(unit + UNIT.DISPATCHED, 1);
      this.#restore(slot);
      return;
    }
    const kernel = unitOf(port, vm, 0);
    const current = port.read(vm + VM.CUR_TASK);
    const unit = plain || current === NONE ? kernel : unitOf(port, vm, current + 2);
    this.domains.open(vm, unit);
    port.setDacr(port.read(unit + UNIT.DACR_KERNEL));
    if (plain && port.read(vm + VM.V_PENDING) !== 0 && this.#interruptKernel(vm)) return;
    this.#restore(vm + VM.KERNEL_CONTEXT);
  }

  /** Delivers pending virtual interrupts over a task; false when all are masked. */
  #deliver(vm: number, unit: number): boolean {
    const port = this.port;
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
    port.copyWords(vm + VM.KERNEL_CONTEXT, vm + VM.IRQ_CONTEXT, CONTEXT.REFS);
    port.write(vm + VM.IN_IRQ, 1);
    this.#restore(vm + VM.KERNEL_CONTEXT);
    const cpu = this.#cpu;
    cpu.setUserReg(0, sources);
    cpu.setUserReg(1, port.read(vm + VM.V_TICKS));
    cpu.cpsr = USER_CPSR;
    cpu.pc = (port.read(vm + VM.VECTORS) + VECTOR.IRQ) >>> 0;
    return true;
  }

  /** HC_IRET: back to what a virtual IRQ interrupted in kernel mode. */
  iret(vm: number): number | undefined {
    const port = this.port;
    if (port.read(vm + VM.IN_IRQ) === 0) return VMI_ERROR.ESTATE;
    port.write(vm + VM.IN_IRQ, 0);
    port.copyWords(vm + VM.IRQ_CONTEXT, vm + VM.KERNEL_CONTEXT, CONTEXT.REFS);
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
    this.port.write64(vm + VM.KICKED, this.port.now);
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

  /**
   * Chooses the VM to run and runs it; idles when there is none.
   *
   * @param cut A cut of the current VM has been taken, if one was due.
   */
  reschedule(cut = false): void {
    const port = this.port;
    this.#pass("choose");
    const current = port.read(MAP.GLOBAL + GLOBAL.CURRENT);
    const next = this.#slots ? this.scheduler.slotOwner() : this.scheduler.choose();
    if (next !== current || next === 0) this.#leaveVm(current, cut);
    if (next === 0) return this.#idle();
    if (next !== current) {
      port.write(MAP.GLOBAL + GLOBAL.CURRENT, next);
      port.write64(MAP.GLOBAL + GLOBAL.SLICE_START, port.now);
      port.setPid(SLOT_PID + port.read(next + VM.ID));
      port.add(next + VM.SWITCHES, 1);
      port.add(MAP.GLOBAL + GLOBAL.VM_SWITCHES, 1);
      this.recorder.emit({
        type: "switch-vm",
        t: this.ns,
        from: current === 0 ? "-" : this.name(current),
        to: this.name(next),
      });
      this.#pass("vm");
    }
    this.#resumeVm(next);
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
    const slot = Math.max(2, Math.round(port.read(g + GLOBAL.SLICE) / tickCycles));
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
    if (watchdogDue(port, vm)) return this.#late(vm, "watchdog");
    this.#resumeVm(vm);
  }

  /** The outgoing side of a VM switch: its slice, its cut when it is due (P8). */
  #leaveVm(vm: number, cut = false): void {
    if (vm === 0) return;
    this.#chargeSlice(vm);
    if (!cut) this.#cutIfDue(vm);
  }

  #cutIfDue(vm: number): void {
    const port = this.port;
    const state = port.read(vm + VM.STATE);
    const alive = state === VM_STATE.RUNNING || state === VM_STATE.WAITING;
    if (!alive || this.isVm0(vm) || !this.backup.cutDue(vm)) return;
    if (port.read(vm + VM.VMODE) === VMODE.KERNEL && port.read(vm + VM.PLAIN) === 0) {
      // No cut lies inside the kernel (I7): it is taken when the kernel leaves for a task.
      port.write(vm + VM.CUT_DUE, 1);
      return;
    }
    const kernel = unitOf(port, vm, 0);
    const unit = runningTask(port, vm);
    this.domains.open(vm, unit === 0 ? kernel : unit);
    port.setDacr(port.read((unit === 0 ? kernel : unit) + UNIT.DACR_KERNEL));
    this.#checkpoint(() => this.backup.cut(vm, true));
  }

  /** Takes the time since it got the CPU from a VM's slice. */
  #chargeSlice(vm: number): void {
    const port = this.port;
    const ran = port.now - port.read64(MAP.GLOBAL + GLOBAL.SLICE_START);
    port.write64(MAP.GLOBAL + GLOBAL.SLICE_START, port.now);
    port.write64(vm + VM.CYCLES, port.read64(vm + VM.CYCLES) + ran);
    port.write(vm + VM.SLICE, ((port.read(vm + VM.SLICE) | 0) - ran) >>> 0);
  }

  /** Nobody has work: the idle loop waits for an interrupt. */
  #idle(): void {
    const port = this.port;
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
    this.#pass("acknowledge");
    const source = port.device(INTOFFSET);
    if (source === SOURCE.UART0) this.consoles.receive();
    for (const pending of [SRCPND, INTPND]) port.setDevice(pending, 1 << source);
    this.#pass("acknowledged");
    if (vm !== 0) this.#chargeSlice(vm);
    if (source === SOURCE.TIMER4) {
      port.add(MAP.GLOBAL + GLOBAL.TICKS, 1);
      if (this.#slots) return this.#slotTick(vm);
      this.#scrub(1);
      this.timers.tick();
      if (vm !== 0 && watchdogDue(port, vm)) return this.#late(vm, "watchdog");
    }
    if (vm !== 0) {
      if ((port.read(vm + VM.SLICE) | 0) <= 0) {
        this.#pass("choose");
        const runs = port.read(vm + VM.STATE) === VM_STATE.RUNNING;
        if (runs) {
          this.scheduler.expire(vm);
          this.#cutIfDue(vm);
        }
        return this.reschedule(runs);
      }
      return this.#resumeVm(vm);
    }
    this.reschedule();
  }

  // --- detectors -------------------------------------------------------------------------------

  /** An error that no exception of the guest raised: its context is saved already. */
  #late(vm: number, kind: FaultKind): void {
    const port = this.port;
    const alive = kind === "watchdog" ? port.read64(vm + VM.KICKED) : Infinity;
    this.kick(vm);
    const unit = runningTask(port, vm);
    const slot = unit === 0 ? vm + VM.KERNEL_CONTEXT : port.read(unit + UNIT.SLOT);
    const pc = port.read(slot + CONTEXT.PC);
    const cpsr = port.read(slot + CONTEXT.CPSR);
    this.#raiseFault({ vm, unit, kind, fsr: 0, far: 0, pc, cpsr, alive });
  }

  /** A storm of refused hypercalls; true when the caller has been dealt with. */
  refused(vm: number, lr: number): boolean {
    if (!stormDue(this.port, vm)) return false;
    this.#save(vm, lr, this.#cpu.spsr);
    this.#late(vm, "hypercall");
    return true;
  }

  /** The steps of the table scrubber that fell due in the last `passed` ticks. */
  #scrub(passed: number): void {
    tablesRepaired(this.port, this.recorder, this.tables.scrubDue(passed), 0);
  }

  // --- faults ----------------------------------------------------------------------------------

  /** An exception of a guest: find whose error it is, report it, recover (P9). */
  #fault(vm: number, kind: FaultKind, pc: number, cpsr: number): void {
    const port = this.port;
    const id = port.read(vm + VM.ID);
    const fsr = kind === "data-abort"
      ? port.mrc(5, 0, 0)
      : kind === "prefetch-abort"
      ? port.mrc(5, 0, 1)
      : 0;
    const far = kind === "data-abort" ? port.mrc(6, 0, 0) : pc;
    const va = kind === "data-abort" ? far - slotMva(id, 0) : pc;
    if (kind !== "undefined" && this.#tableRepaired(vm, va, pc)) {
      this.#cpu.cpsr = cpsr;
      this.#cpu.pc = pc;
      return;
    }
    this.#save(vm, pc, cpsr);
    const unit = classify(port, vm, pc, far);
    this.#raiseFault({ vm, unit, kind, fsr, far, pc, cpsr });
  }

  /** The abort came from a damaged descriptor, which is right again: the access is tried again. */
  #tableRepaired(vm: number, va: number, pc: number): boolean {
    if (va < 0 || va >= SLOT_MAP.SIZE) return false;
    const repaired = this.tables.check(vm, va);
    tablesRepaired(this.port, this.recorder, repaired, pc);
    return repaired.length > 0;
  }

  #raiseFault(fault: RaisedFault): void {
    const { vm, unit, kind, pc } = fault;
    const port = this.port;
    const id = port.read(vm + VM.ID);
    port.add(vm + VM.FAULTS, 1);
    writeLog(port, this.ns, {
      vm: id,
      task: unit === 0 ? NONE : port.read(unit + UNIT.TASK),
      what: LOG_WHAT.FAULT,
      detail: LOG_FAULTS.indexOf(kind),
      address: pc,
    });
    this.recorder.emit(faultEvent(port, this.recorder, fault));
    this.recover(vm, unit, fault.alive);
  }

  /** Recovers a task (`unit`) or, when it is 0, a guest, as it was at `alive`, and goes on. */
  recover(vm: number, unit: number, alive?: number): void {
    const port = this.port;
    this.#pass("fault");
    const start = this.recovery.begin();
    const reloaded = this.text.reload(vm);
    for (const text of reloaded) textReloaded(port, this.recorder, vm, text);
    // A task can't be rolled back under its kernel without a call-back (R3), nor one whose text was bad.
    const alone = unit !== 0 && this.journal.canUndo(vm) && reloaded.every(({ own }) => own);
    const { recovery } = this;
    const goOn = alone ? recovery.task(vm, unit, start, alive) : recovery.guest(vm, start, alive);
    this.#pass("recovered");
    switch (goOn) {
      case GO_ON.TASK:
      case GO_ON.KERNEL:
        if (!this.journal.rolledBack(unit)) return this.#goOnTask(vm, unit, goOn);
        return this.#undo(vm, unit, goOn);
      case GO_ON.SKIP:
        return this.#resumeVm(vm);
      case GO_ON.DELETE:
        this.deleteVm(vm);
        return this.reschedule();
      case GO_ON.HALT:
        return stopSystem(port.board, this.recorder, "the recovery policy asks for a halt");
      default:
        if (port.read(vm + VM.STATE) === VM_STATE.FAILED) {
          this.setState(vm, VM_STATE.FAILED, "its recovery ladder came to its end");
        } else {
          const waiting = port.read(vm + VM.WAITING) !== 0;
          port.write(vm + VM.STATE, waiting ? VM_STATE.WAITING : VM_STATE.RUNNING);
          if (waiting) this.scheduler.block(vm);
          else this.scheduler.expire(vm);
        }
        port.write(MAP.GLOBAL + GLOBAL.CURRENT, 0);
        return this.reschedule();
    }
  }

  #goOnTask(vm: number, unit: number, goOn: number): void {
    const port = this.port;
    const running = runningTask(port, vm) || unit;
    if (goOn === GO_ON.KERNEL) {
      // The kernel is entered as by an interrupt without a source: it chooses the next task.
      return this.#enterKernelIrq(vm, running, 0);
    }
    port.write(vm + VM.VMODE, VMODE.TASK);
    this.#resumeVm(vm);
  }

  /** Lets the kernel undo the consuming calls of a task (R3), then goes on. */
  #undo(vm: number, unit: number, goOn: number): void {
    const port = this.port;
    port.write(vm + VM.UNDO_TASK, port.read(unit + UNIT.TASK) + 1);
    port.write(vm + VM.UNDO_NEXT, port.read(unit + UNIT.JOURNAL_COUNT));
    port.write(vm + VM.UNDO_GO_ON, goOn);
    this.#undoNext(vm);
  }

  /** Lets the kernel undo the next call, when there is one. */
  #undoNext(vm: number): void {
    const port = this.port;
    const task = port.read(vm + VM.UNDO_TASK) - 1;
    const unit = unitOf(port, vm, task + 2);
    const found = this.journal.undo(vm, unit, port.read(vm + VM.UNDO_NEXT));
    if (found === undefined) {
      this.journal.rewind(unit);
      port.write(vm + VM.UNDO_TASK, 0);
      return this.#goOnTask(vm, unit, port.read(vm + VM.UNDO_GO_ON));
    }
    port.write(vm + VM.UNDO_NEXT, found.index);
    this.#enterKernel(vm, unit, 0);
    const { number, argument, result } = found.call;
    [task, number, argument, result].forEach((value, i) => this.#cpu.setUserReg(i, value));
    this.#cpu.pc = port.read(vm + VM.UNDO);
  }

  /** HC_UNDONE. */
  undone(vm: number): number | undefined {
    if (this.port.read(vm + VM.UNDO_TASK) === 0) return VMI_ERROR.ESTATE;
    this.#undoNext(vm);
    return undefined;
  }
}
