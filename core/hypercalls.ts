/**
 * The hypercalls (P3): what each number does, with every argument checked.
 *
 * @module
 */

import type { Backup } from "./backup.ts";
import type { Consoles } from "./consoles.ts";
import { unitOf } from "./domains.ts";
import { GLOBAL, INPUT_RING, MAP, MAX_VMS, NONE, TASK_STATE, UNIT, VM } from "./layout.ts";
import type { Journal } from "./journal.ts";
import type { Messages } from "./messages.ts";
import { readLog, writeLog } from "./monitor_log.ts";
import { POLICY_PRESETS, writePolicy } from "./policy.ts";
import type { Port } from "./port.ts";
import type { Recorder } from "./recorder.ts";
import type { Recovery } from "./recovery.ts";
import type { Scheduler } from "./scheduler.ts";
import { askCheckpoint, askCut, slotMva, taskCount, type VmStore } from "./vm.ts";
import {
  CALL_KIND,
  type Field,
  HC,
  HYPERCALLS,
  LOG_FIELDS,
  LOG_WHAT,
  SLOT_MAP,
  STATUS_FIELDS,
  VIRQ,
  VM_STATE,
  VMI_ERROR,
  VMI_VERSION,
} from "./vmi.ts";

/** Most bytes of one console call. */
const CONSOLE_MAX = 1024;
const TIMER_MIN_US = 100;
const TIMER_MAX_US = 10_000_000;
/** Refusals of a VM that are told one by one. */
const REFUSALS_TOLD = 100;
const WATCHDOG_MIN_US = 1000;
const WATCHDOG_MAX_US = 60_000_000;

const MANAGEMENT = new Set(HYPERCALLS.filter((h) => h.management).map((h) => h.number));
const NAMES = new Map(HYPERCALLS.map((h) => [h.number, h.name]));
const ERROR_NAMES = new Map<number, string>(
  Object.entries(VMI_ERROR).map(([name, value]) => [value, name]),
);
/** Calls whose number and results do not depend on time: they make up the content hash. */
const CONTENT = new Set<number>([
  HC.SETUP,
  HC.TASK_CREATE,
  HC.TASK_DELETE,
  HC.TASK_PRIO,
  HC.TIMER_SET,
  HC.HALT,
  HC.VM_CREATE,
  HC.VM_START,
  HC.VM_STOP,
  HC.VM_DELETE,
]);

/** r0, or undefined when the CPU has been given away. */
export type HypercallResult = number | undefined;

/** True when a hypercall's result is an error code: the time's low word may look like one. */
export function isRefusal(number: number, result: number): boolean {
  return result < 0 && number !== HC.TIME;
}

/** What hypercalls need of the monitor. */
export interface CallTarget {
  /** Metered port. */
  readonly port: Port;
  /** Observer. */
  readonly recorder: Recorder;
  /** VM records. */
  readonly vms: VmStore;
  /** Priority tables. */
  readonly scheduler: Scheduler;
  /** Checkpoints. */
  readonly backup: Backup;
  /** Recoveries. */
  readonly recovery: Recovery;
  /** Board time, ns. */
  readonly ns: number;
  /** Name of a VM. */
  name(vm: number): string;
  /** True for VM0. */
  isVm0(vm: number): boolean;
  /** Leaves the kernel for a task. */
  dispatch(vm: number, task: number, result: number, flags: number): number | undefined;
  /** Journals of kernel calls. */
  readonly journal: Journal;
  /** Messages between VMs. */
  readonly messages: Messages;
  /** Consoles of the guests. */
  readonly consoles: Consoles;
  /** Makes a virtual interrupt source pending. */
  raise(vm: number, source: number): void;
  /** Starts the watchdog period anew. */
  kick(vm: number): void;
  /** Ends an undo call-back. */
  undone(vm: number): number | undefined;
  /** Returns from a virtual IRQ over kernel mode. */
  iret(vm: number): number | undefined;
  /** Waits in kernel mode. */
  wait(vm: number, save: () => void): number | undefined;
  /** Gives the CPU to another VM. */
  reschedule(): void;
  /** Creates a VM from an image: its record, or why not. */
  createVm(index: number): number | string;
  /** Starts a VM; false when its state does not allow it. */
  startVm(vm: number): boolean;
  /** Stops a VM; false when it does not run. */
  stopVm(vm: number, state?: number, reason?: string): boolean;
  /** Deletes a VM. */
  deleteVm(vm: number): void;
}

/** Carries hypercalls out. */
export class Hypercalls {
  readonly #vmm: CallTarget;

  /**
   * Hypercalls of all VMs.
   *
   * @param vmm The monitor.
   */
  constructor(vmm: CallTarget) {
    this.#vmm = vmm;
  }

  /**
   * One hypercall.
   *
   * @param vm Record of the caller.
   * @param number r12.
   * @param args r0-r3.
   * @param save Saves the caller's kernel context, for calls that give the CPU away.
   * @returns r0, or undefined when the CPU has been given away.
   */
  call(vm: number, number: number, args: readonly number[], save: () => void): HypercallResult {
    const port = this.#vmm.port;
    let result: HypercallResult;
    if (MANAGEMENT.has(number) && !this.#vmm.isVm0(vm)) result = VMI_ERROR.EPERM;
    else result = this.#run(vm, number, args, save);
    if (result !== undefined && isRefusal(number, result)) this.#tell(vm, number, result);
    if (CONTENT.has(number)) {
      this.#vmm.recorder.call(port.read(vm + VM.ID), number, args[0], args[1], result ?? 0);
    }
    return result;
  }

  /** A storm of refusals does not fill the trace: the first hundred, then each doubling. */
  #tell(vm: number, number: number, result: number): void {
    const count = this.#vmm.port.add(vm + VM.REFUSED, 1);
    if (count > REFUSALS_TOLD && (count & (count - 1)) !== 0) return;
    if (MANAGEMENT.has(number)) this.#logRefused(vm, number);
    this.#vmm.recorder.emit({
      type: "refused",
      t: this.#vmm.ns,
      vm: this.#vmm.name(vm),
      call: NAMES.get(number) ?? `${number}`,
      error: ERROR_NAMES.get(result) ?? `${result}`,
      count,
    });
  }

  /** Whoever tried to manage VMs is in the log that VM0 reads. */
  #logRefused(vm: number, number: number): void {
    const port = this.#vmm.port;
    if (this.#vmm.isVm0(vm)) return;
    writeLog(port, this.#vmm.ns, {
      vm: port.read(vm + VM.ID),
      task: port.read(port.read(vm + VM.CUR_UNIT) + UNIT.TASK),
      what: LOG_WHAT.REFUSED,
      detail: number,
      address: 0,
    });
  }

  #run(vm: number, number: number, args: readonly number[], save: () => void): HypercallResult {
    const vmm = this.#vmm;
    const [a, b, c] = args;
    switch (number) {
      case HC.VERSION:
        return VMI_VERSION;
      case HC.SETUP:
        return this.#setup(vm, a >>> 0, b >>> 0);
      case HC.CONSOLE_WRITE:
        return this.#consoleWrite(vm, a >>> 0, b >>> 0);
      case HC.CONSOLE_READ:
        return this.#consoleRead(vm, a >>> 0, b >>> 0);
      case HC.DISPATCH:
        return vmm.dispatch(vm, a >>> 0, b, c);
      case HC.READY:
        return this.#ready(vm, a | 0, b | 0);
      case HC.TASK_CREATE:
        return this.#taskCreate(vm, a >>> 0, b, c);
      case HC.TASK_DELETE:
        return this.#taskDelete(vm, a >>> 0);
      case HC.TASK_PRIO:
        return this.#taskPriority(vm, a >>> 0, b >>> 0);
      case HC.TIMER_SET:
        return this.#timerSet(vm, a >>> 0);
      case HC.TIME:
        return this.#time(vm);
      case HC.IRET:
        return vmm.iret(vm);
      case HC.WAIT:
        return vmm.wait(vm, save);
      case HC.CHECKPOINT:
        return this.#checkpoint(vm, a >>> 0);
      case HC.JOURNAL:
        return this.#journal(vm, a >>> 0, b >>> 0);
      case HC.UNDONE:
        return vmm.undone(vm);
      case HC.WATCHDOG:
        return this.#watchdog(vm, a >>> 0);
      case HC.SEND:
        return this.#send(vm, a >>> 0, b >>> 0, c >>> 0);
      case HC.RECEIVE:
        return vmm.messages.receive(vm, a >>> 0, b >>> 0);
      case HC.VM_LOG:
        return this.#log(vm, a >>> 0, b >>> 0);
      case HC.VM_CONSOLE:
        return this.#console(a >>> 0);
      case HC.HALT:
        vmm.stopVm(vm, VM_STATE.HALTED, `halted with code ${a | 0}`);
        vmm.reschedule();
        return undefined;
      case HC.IMAGE_NAME:
        return this.#imageName(vm, a >>> 0, b >>> 0);
      case HC.VM_CREATE:
        return this.#vmCreate(a >>> 0);
      case HC.VM_START:
      case HC.VM_STOP:
      case HC.VM_DELETE:
      case HC.VM_STATUS:
      case HC.VM_BACKUP:
      case HC.VM_POLICY:
        return this.#manage(vm, number, a >>> 0, b >>> 0);
      default:
        return VMI_ERROR.ENOSYS;
    }
  }

  #setup(vm: number, vectors: number, sp: number): HypercallResult {
    const port = this.#vmm.port;
    if (vectors >= SLOT_MAP.SIZE - 32 || (vectors & 3) !== 0) return VMI_ERROR.EINVAL;
    if (sp > SLOT_MAP.SIZE || (sp & 7) !== 0) return VMI_ERROR.EINVAL;
    port.write(vm + VM.VECTORS, vectors);
    port.write(vm + VM.KERNEL_SP, sp);
    return 0;
  }

  /** A guest address as an MVA, -1 outside the slot. */
  #address(vm: number, va: number, length: number): number {
    if (va >= SLOT_MAP.SIZE || length > SLOT_MAP.SIZE - va) return -1;
    return slotMva(this.#vmm.port.read(vm + VM.ID), va);
  }

  #consoleWrite(vm: number, va: number, length: number): HypercallResult {
    const port = this.#vmm.port;
    const count = Math.min(length, CONSOLE_MAX);
    const mva = this.#address(vm, va, count);
    if (mva < 0) return VMI_ERROR.EFAULT;
    const bytes = new Uint8Array(count);
    for (let i = 0; i < count; i++) {
      const byte = port.readUser(mva + i, 1);
      if (byte < 0) return VMI_ERROR.EFAULT;
      bytes[i] = byte;
    }
    return this.#vmm.consoles.output(vm, bytes);
  }

  #consoleRead(vm: number, va: number, length: number): HypercallResult {
    const port = this.#vmm.port;
    const mva = this.#address(vm, va, Math.min(length, INPUT_RING));
    if (mva < 0) return VMI_ERROR.EFAULT;
    let read = port.read(vm + VM.INPUT_READ);
    const write = port.read(vm + VM.INPUT_WRITE);
    let count = 0;
    while (read !== write && count < length) {
      const byte = port.loadByte(vm + VM.INPUT + read % INPUT_RING);
      if (!port.writeUser(mva + count, 1, byte)) return VMI_ERROR.EFAULT;
      read = (read + 1) >>> 0;
      count++;
    }
    port.write(vm + VM.INPUT_READ, read);
    return count;
  }

  #ready(vm: number, set: number, clear: number): HypercallResult {
    const port = this.#vmm.port;
    if (set < -1 || set > 63 || clear < -1 || clear > 63) return VMI_ERROR.EINVAL;
    if (clear >= 0) {
      if (port.read(vm + VM.SIT_OUT) === clear + 1) port.write(vm + VM.SIT_OUT, 0);
      this.#vmm.scheduler.setReady(vm, clear, false);
    }
    if (set >= 0) {
      const task = port.loadByte(vm + VM.PRIORITY_TASK + set);
      if (task === 0) return VMI_ERROR.ESTATE;
      const unit = unitOf(vm, task + 1);
      if (port.read(unit + UNIT.STATE) !== TASK_STATE.CREATED) return VMI_ERROR.ESTATE;
      this.#vmm.scheduler.setReady(vm, set, true);
    }
    return 0;
  }

  #taskCreate(vm: number, entry: number, argument: number, priority: number): HypercallResult {
    const vmm = this.#vmm;
    const port = vmm.port;
    if (priority >>> 0 > 63) return VMI_ERROR.EINVAL;
    if (port.loadByte(vm + VM.PRIORITY_TASK + priority) !== 0) return VMI_ERROR.ESTATE;
    const piece = entry >>> 20;
    const count = taskCount(port, vm);
    let task = 0;
    let unit = 0;
    for (; task < count; task++) {
      unit = unitOf(vm, task + 2);
      if (port.read(unit + UNIT.ENTRY) >>> 20 === piece) break;
    }
    if (task === count) return VMI_ERROR.EINVAL;
    if (port.read(unit + UNIT.STATE) === TASK_STATE.CREATED) return VMI_ERROR.ESTATE;
    const incarnation = port.read(unit + UNIT.INCARNATION);
    if (incarnation > 0) {
      if (!vmm.recovery.reloadUnit(vm, unit)) return VMI_ERROR.ENOMEM;
      vmm.backup.forgetTask(vm, unit);
    }
    port.write(unit + UNIT.INCARNATION, incarnation + 1);
    port.write(unit + UNIT.STATE, TASK_STATE.CREATED);
    port.write(unit + UNIT.PRIORITY, priority);
    port.write(unit + UNIT.START, entry);
    port.write(unit + UNIT.ARGUMENT, argument >>> 0);
    vmm.backup.nextSlot(vm, unit);
    vmm.recovery.freshContext(unit, entry, argument >>> 0);
    port.storeByte(vm + VM.PRIORITY_TASK + priority, task + 1);
    vmm.backup.checkpointTask(vm, unit);
    return task;
  }

  /** The unit of a created task, 0 when there is none of that number. */
  #task(vm: number, task: number): number {
    const port = this.#vmm.port;
    if (task >= taskCount(port, vm)) return 0;
    const unit = unitOf(vm, task + 2);
    return port.read(unit + UNIT.STATE) === TASK_STATE.ABSENT ? 0 : unit;
  }

  #taskDelete(vm: number, task: number): HypercallResult {
    const vmm = this.#vmm;
    const unit = this.#task(vm, task);
    if (unit === 0) return VMI_ERROR.EINVAL;
    vmm.recovery.stopTask(vm, unit);
    vmm.recovery.removeTask(vm, unit);
    return 0;
  }

  #taskPriority(vm: number, task: number, priority: number): HypercallResult {
    const vmm = this.#vmm;
    const port = vmm.port;
    const unit = this.#task(vm, task);
    if (unit === 0 || priority > 63) return VMI_ERROR.EINVAL;
    if (port.loadByte(vm + VM.PRIORITY_TASK + priority) !== 0) return VMI_ERROR.ESTATE;
    const old = port.read(unit + UNIT.PRIORITY);
    const ready = vmm.scheduler.isReady(vm, old);
    vmm.scheduler.setReady(vm, old, false);
    port.storeByte(vm + VM.PRIORITY_TASK + old, 0);
    port.storeByte(vm + VM.PRIORITY_TASK + priority, task + 1);
    port.write(unit + UNIT.PRIORITY, priority);
    if (port.read(vm + VM.SIT_OUT) === old + 1) port.write(vm + VM.SIT_OUT, priority + 1);
    if (ready) vmm.scheduler.setReady(vm, priority, true);
    return 0;
  }

  #timerSet(vm: number, us: number): HypercallResult {
    const port = this.#vmm.port;
    if (us !== 0 && (us < TIMER_MIN_US || us > TIMER_MAX_US)) return VMI_ERROR.EINVAL;
    const cycles = Math.round(us * port.board.clock.fclk / 1e6);
    port.write64(vm + VM.TIMER_PERIOD, cycles);
    port.write64(vm + VM.TIMER_NEXT, port.time() + cycles);
    return 0;
  }

  #time(vm: number): HypercallResult {
    const port = this.#vmm.port;
    const lost = port.read64(vm + VM.LOST);
    const ns = port.board.clock.ns(port.time() - lost);
    this.#vmm.port.board.cpu.setUserReg(1, Math.floor(ns / 0x1_0000_0000));
    return ns | 0;
  }

  #checkpoint(vm: number, task: number): HypercallResult {
    const port = this.#vmm.port;
    if (task === NONE) {
      askCut(port, vm);
      return 0;
    }
    const unit = this.#task(vm, task);
    if (unit === 0) return VMI_ERROR.EINVAL;
    askCheckpoint(port, unit);
    return 0;
  }

  #journal(vm: number, undo: number, kinds: number): HypercallResult {
    const port = this.#vmm.port;
    if (undo >= SLOT_MAP.SIZE || (undo & 3) !== 0) return VMI_ERROR.EINVAL;
    if (undo !== 0) {
      const mva = this.#address(vm, kinds, 64);
      if (mva < 0) return VMI_ERROR.EFAULT;
      for (let i = 0; i < 64; i++) {
        const kind = port.readUser(mva + i, 1);
        if (kind < 0) return VMI_ERROR.EFAULT;
        if (kind > CALL_KIND.TIME) return VMI_ERROR.EINVAL;
        port.storeByte(vm + VM.CALL_KINDS + i, this.#vmm.journal.kept(kind));
      }
    } else port.clear(vm + VM.CALL_KINDS, 64);
    port.write(vm + VM.UNDO, undo);
    return 0;
  }

  #watchdog(vm: number, us: number): HypercallResult {
    const port = this.#vmm.port;
    if (us !== 0 && (us < WATCHDOG_MIN_US || us > WATCHDOG_MAX_US)) return VMI_ERROR.EINVAL;
    const cycles = us * port.board.clock.fclk / 1e6;
    const tick = port.read(MAP.GLOBAL + GLOBAL.TICK_CYCLES);
    port.write(vm + VM.WATCHDOG, Math.ceil(cycles / tick));
    this.#vmm.kick(vm);
    return 0;
  }

  #send(vm: number, to: number, va: number, length: number): HypercallResult {
    const { result, receiver } = this.#vmm.messages.send(vm, to, va, length);
    if (receiver !== 0) this.#vmm.raise(receiver, VIRQ.MESSAGE);
    return result;
  }

  #log(vm: number, index: number, buffer: number): HypercallResult {
    const port = this.#vmm.port;
    const mva = this.#address(vm, buffer, LOG_FIELDS.length * 4);
    if (mva < 0 || (buffer & 3) !== 0) return VMI_ERROR.EFAULT;
    const words = readLog(port, index);
    if (words === undefined) return 0;
    for (let i = 0; i < words.length; i++) {
      if (!port.writeUser(mva + i * 4, 4, words[i])) return VMI_ERROR.EFAULT;
    }
    return 1;
  }

  #console(id: number): HypercallResult {
    const port = this.#vmm.port;
    if (id >= MAX_VMS || port.read(MAP.VM_TABLE + id * 4) === 0) return VMI_ERROR.EINVAL;
    port.write(MAP.GLOBAL + GLOBAL.CONSOLE_VM, id);
    port.write(MAP.GLOBAL + GLOBAL.CONSOLE_LINE, 1);
    return 0;
  }

  #imageName(vm: number, image: number, va: number): HypercallResult {
    const vmm = this.#vmm;
    if (image >= vmm.port.read(MAP.GLOBAL + GLOBAL.IMAGES)) return VMI_ERROR.EINVAL;
    const name = vmm.vms.imageName(image + vmm.port.read(MAP.GLOBAL + GLOBAL.HAS_VM0));
    return this.#writeText(vm, va, name, 16) ? 0 : VMI_ERROR.EFAULT;
  }

  #writeText(vm: number, va: number, text: string, size: number): boolean {
    const mva = this.#address(vm, va, size);
    if (mva < 0) return false;
    for (let i = 0; i < size; i++) {
      const byte = i < text.length ? text.charCodeAt(i) : 0;
      if (!this.#vmm.port.writeUser(mva + i, 1, byte)) return false;
    }
    return true;
  }

  #vmCreate(image: number): HypercallResult {
    const vmm = this.#vmm;
    const port = vmm.port;
    if (image >= port.read(MAP.GLOBAL + GLOBAL.IMAGES)) return VMI_ERROR.EINVAL;
    const vm = vmm.createVm(image + port.read(MAP.GLOBAL + GLOBAL.HAS_VM0));
    return typeof vm === "string" ? VMI_ERROR.ENOMEM : port.read(vm + VM.ID);
  }

  #manage(caller: number, number: number, id: number, buffer: number): HypercallResult {
    const vmm = this.#vmm;
    const port = vmm.port;
    if (id >= MAX_VMS) return VMI_ERROR.EINVAL;
    const vm = port.read(MAP.VM_TABLE + id * 4);
    if (number === HC.VM_STATUS) {
      return vm === 0 ? VM_STATE.NONE : this.#status(caller, vm, buffer);
    }
    if (vm === 0) return VMI_ERROR.EINVAL;
    if (vm === caller) return VMI_ERROR.EPERM;
    switch (number) {
      case HC.VM_START:
        return vmm.startVm(vm) ? 0 : VMI_ERROR.ESTATE;
      case HC.VM_STOP:
        return vmm.stopVm(vm) ? 0 : VMI_ERROR.ESTATE;
      case HC.VM_DELETE:
        vmm.deleteVm(vm);
        return 0;
      case HC.VM_POLICY:
        if (buffer >= POLICY_PRESETS.length) return VMI_ERROR.EINVAL;
        writePolicy(port, vm + VM.POLICY, POLICY_PRESETS[buffer]);
        return 0;
      default:
        askCut(port, vm);
        return 0;
    }
  }

  #status(caller: number, vm: number, buffer: number): HypercallResult {
    const port = this.#vmm.port;
    const mva = this.#address(caller, buffer, 0x30);
    if (mva < 0 || (buffer & 3) !== 0) return VMI_ERROR.EFAULT;
    const state = port.read(vm + VM.STATE);
    const values: Readonly<Record<string, number>> = {
      state,
      vm_switches: port.read(vm + VM.SWITCHES),
      task_switches: port.read(vm + VM.TASK_SWITCHES),
      checkpoints: port.read(vm + VM.CHECKPOINTS),
      faults: port.read(vm + VM.FAULTS),
      recoveries: port.read(vm + VM.RECOVERIES),
      tasks: taskCount(port, vm),
    };
    for (const field of STATUS_FIELDS as readonly Field[]) {
      if (field.name === "name") {
        if (!this.#writeText(caller, buffer + field.offset, this.#vmm.name(vm), 16)) {
          return VMI_ERROR.EFAULT;
        }
      } else if (!port.writeUser(mva + field.offset, 4, values[field.name])) {
        return VMI_ERROR.EFAULT;
      }
    }
    return state;
  }
}
