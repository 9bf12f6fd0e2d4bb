/**
 * Management of VMs from outside: what VM0's shell can do, for programs (P2).
 *
 * Looking costs no board time. What changes something enters the monitor between two instructions,
 * as an interrupt would, and goes through the functions that VM0's hypercalls go through.
 *
 * @module
 */

import type { Board } from "./board.ts";
import { InputError } from "./errors.ts";
import { FLASH_DIR, FLASH_MAGIC, GLOBAL, LOG_ENTRIES, MAP, MAX_VMS, NONE, VM } from "./layout.ts";
import { LOG_ENTRY } from "./monitor_log.ts";
import {
  checkNamedPolicy,
  MANAGE_ACTIONS,
  type ManageAction,
  type ManageSpec,
  POLICY_NAMES,
  type PolicyName,
} from "./plan.ts";
import { checkPolicy, POLICY_PRESETS, type RecoveryPolicy, writePolicy } from "./policy.ts";
import {
  HYPERCALLS,
  LOG_ACTIONS,
  LOG_FAULTS,
  LOG_FIELDS,
  LOG_WHAT,
  VM_STATE_NAMES,
} from "./vmi.ts";
import type { Vmm } from "./vmm.ts";

/** A VM, by name (the lowest number of that name) or by number. */
export type VmReference = string | number;

/** How a VM is. */
export interface VmStatus {
  /** Number of its slot. */
  id: number;
  /** Name. */
  name: string;
  /** State (VM_STATE_NAMES). */
  state: string;
  /** Task areas. */
  tasks: number;
  /** Times switched in. */
  switches: number;
  /** Task switches inside. */
  taskSwitches: number;
  /** Guest checkpoints. */
  checkpoints: number;
  /** Faults of it and its tasks. */
  faults: number;
  /** Recoveries of it and its tasks. */
  recoveries: number;
  /** The input of UART0 is its. */
  console: boolean;
}

/** An entry of the monitor's log. */
export interface LogRecord {
  /** Board time, ns. */
  t: number;
  /** Number of the VM. */
  vm: number;
  /** Number of the task, null: none. */
  task: number | null;
  /** What it tells of. */
  what: "fault" | "recovery" | "state" | "refused" | "damaged";
  /** Kind of the fault, action of the recovery, state of the VM, or name of the refused call. */
  detail: string;
  /** PC of a fault, otherwise 0. */
  address: number;
}

const LOG_NAMES: Readonly<Record<number, "fault" | "recovery" | "state" | "refused">> = {
  [LOG_WHAT.FAULT]: "fault",
  [LOG_WHAT.RECOVERY]: "recovery",
  [LOG_WHAT.STATE]: "state",
  [LOG_WHAT.REFUSED]: "refused",
};

/** Manages the VMs of one machine. */
export class Manager {
  readonly #vmm: Vmm;
  readonly #board: Board;

  /**
   * Management of all VMs.
   *
   * @param vmm The monitor.
   */
  constructor(vmm: Vmm) {
    this.#vmm = vmm;
    this.#board = vmm.port.board;
  }

  // --- looking ---------------------------------------------------------------------------------

  /** Names of the guest images in flash, by number; VM0's is not among them. */
  images(): string[] {
    if (this.#word(MAP.FLASH + FLASH_DIR.MAGIC) !== FLASH_MAGIC) return [];
    const first = this.#word(MAP.FLASH + FLASH_DIR.HAS_VM0) !== 0 ? 1 : 0;
    const names: string[] = [];
    for (let i = first; i < Math.min(this.#word(MAP.FLASH + FLASH_DIR.COUNT), MAX_VMS); i++) {
      const entry = MAP.FLASH + FLASH_DIR.ENTRIES + i * FLASH_DIR.ENTRY_SIZE;
      names.push(this.#text(entry + FLASH_DIR.NAME));
    }
    return names;
  }

  /** All VMs there are, by number. */
  list(): VmStatus[] {
    const all: VmStatus[] = [];
    for (let id = 0; id < MAX_VMS; id++) {
      const vm = this.#word(MAP.VM_TABLE + id * 4);
      if (vm !== 0) all.push(this.#status(vm, id));
    }
    return all;
  }

  /**
   * How a VM is.
   *
   * @throws {InputError} When there is no such VM.
   */
  status(vm: VmReference): VmStatus {
    const record = this.#find(vm);
    return this.#status(record, this.#word(record + VM.ID));
  }

  /**
   * The newest entries of the monitor's log, newest first.
   *
   * @param most At most so many; it keeps 64.
   */
  log(most: number = LOG_ENTRIES): LogRecord[] {
    const count = this.#word(MAP.GLOBAL + GLOBAL.LOG_COUNT);
    const records: LogRecord[] = [];
    for (let i = 0; i < Math.min(count, most, LOG_ENTRIES); i++) {
      const at = MAP.LOG + ((count - 1 - i) % LOG_ENTRIES) * LOG_ENTRY;
      const [low, high, vm, task, what, detail, address] = LOG_FIELDS.map((_, k) =>
        this.#word(at + k * 4)
      );
      records.push({
        t: low! + high! * 0x1_0000_0000,
        vm: vm!,
        task: task === NONE ? null : task!,
        what: LOG_NAMES[what!] ?? "damaged",
        detail: detailName(what!, detail!),
        address: address!,
      });
    }
    return records;
  }

  #status(vm: number, id: number): VmStatus {
    const word = (offset: number) => this.#word(vm + offset);
    return {
      id,
      name: this.#text(vm + VM.NAME),
      state: VM_STATE_NAMES[word(VM.STATE)] ?? "damaged",
      tasks: word(VM.TASK_COUNT),
      switches: word(VM.SWITCHES),
      taskSwitches: word(VM.TASK_SWITCHES),
      checkpoints: word(VM.CHECKPOINTS),
      faults: word(VM.FAULTS),
      recoveries: word(VM.RECOVERIES),
      console: id === this.#word(MAP.GLOBAL + GLOBAL.CONSOLE_VM),
    };
  }

  // --- changing --------------------------------------------------------------------------------

  /**
   * Creates a VM from an image in flash.
   *
   * @param image Name or number of the image.
   * @returns Number of the VM.
   * @throws {InputError} When there is no such image, or no room for the VM.
   */
  create(image: VmReference): number {
    return this.#told("create", image, () => {
      const index = this.#image(image);
      const first = this.#word(MAP.GLOBAL + GLOBAL.HAS_VM0);
      return this.#request(`image "${image}"`, () => {
        const vm = this.#vmm.createVm(index + first);
        return typeof vm === "string" ? vm : { value: this.#word(vm + VM.ID) };
      });
    });
  }

  /**
   * Creates a VM from an image in flash and starts it.
   *
   * @param image Name or number of the image.
   * @returns Number of the VM.
   * @throws {InputError} When there is no such image, or no room for the VM.
   */
  boot(image: VmReference): number {
    const id = this.create(image);
    this.start(id);
    return id;
  }

  /**
   * Starts a created VM, or goes on with a stopped one.
   *
   * @throws {InputError} When there is no such VM, or it is in another state.
   */
  start(vm: VmReference): void {
    this.#manage("start", vm, (record) => {
      if (this.#vmm.startVm(record)) return undefined;
      return `is ${this.#state(record)}; allowed: created, stopped`;
    });
  }

  /**
   * Takes a VM off the CPU until it is started again.
   *
   * @throws {InputError} When there is no such VM, or it does not run.
   */
  stop(vm: VmReference): void {
    this.#manage("stop", vm, (record) => {
      if (this.#vmm.stopVm(record)) return undefined;
      return `is ${this.#state(record)}; allowed: running, waiting`;
    });
  }

  /**
   * Deletes a VM in whatever state and gives its memory back.
   *
   * @throws {InputError} When there is no such VM.
   */
  delete(vm: VmReference): void {
    this.#manage("delete", vm, (record) => {
      this.#vmm.deleteVm(record);
      return undefined;
    });
  }

  /**
   * Gives a VM a recovery policy.
   *
   * @param policy One of VM0's by name, or the parts that differ from the default.
   * @throws {InputError} When there is no such VM, or the policy makes no sense.
   */
  policy(vm: VmReference, policy: PolicyName | Partial<RecoveryPolicy>): void {
    checkNamedPolicy(policy, "policy");
    const checked = typeof policy === "string"
      ? POLICY_PRESETS[POLICY_NAMES.indexOf(policy)]!
      : checkPolicy(policy);
    this.#manage("policy", vm, (record) => {
      writePolicy(this.#vmm.port, record + VM.POLICY, checked);
      return undefined;
    });
  }

  /**
   * Asks for a checkpoint of a VM at its next switch.
   *
   * @throws {InputError} When there is no such VM.
   */
  backup(vm: VmReference): void {
    this.#manage("backup", vm, (record) => {
      this.#vmm.port.write(record + VM.CUT_DUE, 1);
      return undefined;
    });
  }

  /**
   * Gives the input and output of UART0 to a VM, until a line that begins with ~ brings it back.
   *
   * @throws {InputError} When there is no such VM.
   */
  console(vm: VmReference): void {
    const id = this.status(vm).id;
    this.#told("console", vm, () =>
      this.#request(`vm "${vm}"`, () => {
        const { port } = this.#vmm;
        port.write(MAP.GLOBAL + GLOBAL.CONSOLE_VM, id);
        port.write(MAP.GLOBAL + GLOBAL.CONSOLE_LINE, 1);
        return { value: id };
      }));
  }

  /**
   * Does what a plan asks for; what can't be done is told in the trace.
   *
   * @param spec The action, checked.
   */
  carryOut(spec: ManageSpec): void {
    const actions: Readonly<Record<ManageAction, () => void>> = {
      create: () => this.create(spec.vm),
      boot: () => this.boot(spec.vm),
      start: () => this.start(spec.vm),
      stop: () => this.stop(spec.vm),
      delete: () => this.delete(spec.vm),
      policy: () => this.policy(spec.vm, spec.policy ?? "default"),
      backup: () => this.backup(spec.vm),
      console: () => this.console(spec.vm),
    };
    try {
      if (MANAGE_ACTIONS.includes(spec.action)) actions[spec.action]();
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      this.#tell(spec.action, spec.vm, error.message);
    }
  }

  /** Does something to a VM other than VM0; `body` gives a text when it can't be done. */
  #manage(action: ManageAction, vm: VmReference, body: (vm: number) => string | undefined): void {
    this.#told(action, vm, () => {
      const record = this.#find(vm);
      const where = `vm "${vm}"`;
      if (this.#word(record + VM.ID) === 0 && this.#word(MAP.GLOBAL + GLOBAL.HAS_VM0) !== 0) {
        throw new InputError(where, `${action} is not allowed`, "allowed: any VM but VM0");
      }
      this.#request(where, () => body(record) ?? { value: 0 });
    });
  }

  /** Enters the monitor; a text that `body` gives is an error. */
  #request(where: string, body: () => string | { value: number }): number {
    const result = this.#vmm.request(body);
    if (result === undefined || this.#vmm.stopped) {
      throw new InputError(where, "the system has stopped");
    }
    if (typeof result === "object") return result.value;
    const [what, allowed] = result.split("; ");
    throw new InputError(where, what!, allowed);
  }

  #told<T>(action: ManageAction, vm: VmReference, body: () => T): T {
    const result = body();
    this.#tell(action, vm, "done");
    return result;
  }

  #tell(action: ManageAction, vm: VmReference, result: string): void {
    const t = this.#board.clock.ns();
    this.#vmm.recorder.emit({ type: "manage", t, action, vm: `${vm}`, result });
  }

  #image(image: VmReference): number {
    const names = this.images();
    const index = typeof image === "number" ? image : names.indexOf(image);
    if (names[index] !== undefined) return index;
    throw new InputError(`image "${image}"`, "no such image", `allowed: ${names.join(", ")}`);
  }

  /** Address of a VM's record. */
  #find(vm: VmReference): number {
    const all = this.list();
    const found = all.find(({ id, name }) => vm === id || vm === name);
    if (found !== undefined) return this.#word(MAP.VM_TABLE + found.id * 4);
    const names = all.map(({ name }) => name).join(", ");
    throw new InputError(`vm "${vm}"`, "no such VM", `allowed: ${names}`);
  }

  #state(vm: number): string {
    return VM_STATE_NAMES[this.#word(vm + VM.STATE)] ?? "damaged";
  }

  #word(address: number): number {
    return this.#board.peek(address, 4);
  }

  #text(address: number): string {
    let text = "";
    for (let i = 0; i < 16; i++) {
      const c = this.#board.peek(address + i, 1);
      if (c === 0) break;
      text += String.fromCharCode(c);
    }
    return text;
  }
}

function detailName(what: number, detail: number): string {
  switch (what) {
    case LOG_WHAT.FAULT:
      return LOG_FAULTS[detail] ?? `${detail}`;
    case LOG_WHAT.RECOVERY:
      return LOG_ACTIONS[detail] ?? `${detail}`;
    case LOG_WHAT.STATE:
      return VM_STATE_NAMES[detail] ?? `${detail}`;
    default:
      return HYPERCALLS.find(({ number }) => number === detail)?.name ?? `${detail}`;
  }
}
