/**
 * Choice by bitmaps: which VM, and which rows the guests' kernels see (P12, P13).
 *
 * VMs that have slice left are in the active set; a VM that has used its slice waits in the expired one,
 * so a VM that never gives the CPU up starves nobody. A set is a bitmap of groups and one of each group
 * (MicroC/OS has it so, too). Choosing takes the same time whatever the number of VMs or tasks.
 *
 * Slices are counted without a clock: a VM is charged a tick when it has the CPU at its end, and an
 * eighth of one when it wakes, so that who rests before each tick does not run for nothing.
 *
 * @module
 */

import { GLOBAL, MAP, MAX_VMS, NONE, RUN_SET, VM } from "./layout.ts";
import type { Port } from "./port.ts";
import { INFO_FIELDS, VM_STATE } from "./vmi.ts";

const INFO_RDY_GRP = INFO_FIELDS.find((f) => f.name === "RDY_GRP")!.offset;
const INFO_RDY_TBL = INFO_FIELDS.find((f) => f.name === "RDY_TBL")!.offset;

/** What the table of lowest bits has for 0: a group that is always empty, a bit that no group has. */
const NONE_LOW = 10;
const NOBODY_INDEX = NONE_LOW * 8 + NONE_LOW;
/** The VM that is found when no VM may run. */
export const NOBODY: number = MAP.GLOBAL + GLOBAL.NOBODY;

/** What a tick takes from a slice. */
export const TICK_SLICE = 8;

/** Number of the lowest set bit of a word that is not 0. */
export function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word);
}

/** A group of eight VMs of a set. */
export interface VmGroup {
  /** Address of the set (RUN_SET). */
  readonly set: number;
  /** Its number. */
  readonly index: number;
}

/** The unified priority table. */
export class Scheduler {
  readonly #port: Port;

  /**
   * The tables of one machine.
   *
   * @param port The monitor's port.
   */
  constructor(port: Port) {
    this.#port = port;
  }

  /** Makes the two sets, empty, and the table of lowest bits. */
  init(): void {
    const port = this.#port;
    const g = MAP.GLOBAL;
    port.write(g + GLOBAL.ACTIVE, g + GLOBAL.SETS);
    port.write(g + GLOBAL.EXPIRED, g + GLOBAL.SETS + RUN_SET.SIZE);
    port.storeByte(g + GLOBAL.LOWEST, NONE_LOW);
    for (let n = 1; n < 1024; n++) port.storeByte(g + GLOBAL.LOWEST + n, lowestBit(n));
    port.write(MAP.VM_TABLE + NOBODY_INDEX * 4, NOBODY);
    port.write(NOBODY + VM.FAST, NONE);
    port.write(NOBODY + VM.DUE, NONE);
  }

  /** Puts a VM in the active set, or in the expired one when it has no slice left. */
  wake(vm: number): void {
    this.charge(vm, 1);
    const expired = (this.#port.read(vm + VM.SLICE) | 0) <= 0;
    if (expired) this.#refill(vm);
    this.#set(expired ? GLOBAL.EXPIRED : GLOBAL.ACTIVE, this.#port.read(vm + VM.ID), true);
    if (expired) this.#exchange();
  }

  /** Takes eighths of a tick from a VM's slice. */
  charge(vm: number, eighths: number): void {
    this.#port.add(vm + VM.SLICE, -eighths);
  }

  /** Takes a VM out of both sets. */
  block(vm: number): void {
    const id = this.#port.read(vm + VM.ID);
    this.#set(GLOBAL.ACTIVE, id, false);
    this.#set(GLOBAL.EXPIRED, id, false);
    this.#exchange();
  }

  /** A running VM has used its slice, or gives the rest of it up: it waits in the expired set. */
  expire(vm: number): void {
    const id = this.#port.read(vm + VM.ID);
    this.#refill(vm);
    this.#set(GLOBAL.ACTIVE, id, false);
    this.#set(GLOBAL.EXPIRED, id, true);
    this.#exchange();
  }

  /** The sets change places when nobody is in the active one: a choice finds who there is. */
  #exchange(): void {
    const port = this.#port;
    const g = MAP.GLOBAL;
    // With fixed slots nobody is chosen, and what a VM costs does not depend on others.
    if (port.read(g + GLOBAL.SCHEDULE) !== 0) return;
    const active = port.read(g + GLOBAL.ACTIVE);
    if (port.read(active + RUN_SET.GROUPS) !== 0) return;
    port.write(g + GLOBAL.ACTIVE, port.read(g + GLOBAL.EXPIRED));
    port.write(g + GLOBAL.EXPIRED, active);
  }

  /**
   * The lowest number in the active set, as `switch_vm` looks for it.
   *
   * @returns Its record, {@linkcode NOBODY} when the set is empty.
   */
  lowest(): number {
    return this.pick(this.group());
  }

  /** First half of {@linkcode lowest}: the first group of the active set that is not empty. */
  group(): VmGroup {
    const port = this.#port;
    const g = MAP.GLOBAL;
    const set = port.ldr(g + GLOBAL.ACTIVE);
    const index = port.ldrb(g + GLOBAL.LOWEST + port.ldr(set + RUN_SET.GROUPS));
    return { set, index };
  }

  /** Second half of {@linkcode lowest}: the first VM of a group. */
  pick({ set, index }: VmGroup): number {
    const port = this.#port;
    const bits = port.ldrb(set + RUN_SET.BYTES + index);
    const low = port.ldrb(MAP.GLOBAL + GLOBAL.LOWEST + bits);
    return port.ldr(MAP.VM_TABLE + (index * 8 + low) * 4);
  }

  /**
   * The VM to run next: the lowest number in the active set.
   *
   * @returns Its record, 0 when no VM may run.
   */
  choose(): number {
    const found = this.lowest();
    return found === NOBODY ? 0 : found;
  }

  /** The VM of slot number `n`: slots go round over all VMs there are, whatever their state. */
  slotVm(n: number): number {
    const port = this.#port;
    const vms: number[] = [];
    for (let id = 0; id < MAX_VMS; id++) {
      const vm = port.read(MAP.VM_TABLE + id * 4);
      if (vm !== 0) vms.push(vm);
    }
    return vms.length === 0 ? 0 : vms[n % vms.length];
  }

  /** With fixed slots: the VM whose slot it is, when it can run; 0 in the guard time. */
  slotOwner(): number {
    const port = this.#port;
    const vm = port.read(MAP.GLOBAL + GLOBAL.SLOT_VM);
    return vm !== 0 && port.read(vm + VM.STATE) === VM_STATE.RUNNING ? vm : 0;
  }

  /** Sets or clears the ready bit of a priority (0..63) in a VM's row and in its info page. */
  setReady(vm: number, priority: number, ready: boolean): void {
    const port = this.#port;
    const row = vm + VM.RDY_TBL + (priority >>> 5) * 4;
    const bit = 1 << (priority & 31);
    const old = port.read(row);
    const table = (ready ? old | bit : old & ~bit) >>> 0;
    port.write(row, table);
    const group = priority >>> 3;
    const byte = table >>> ((group & 3) * 8) & 0xff;
    const groups = port.read(vm + VM.RDY_GRP);
    const newGroups = byte !== 0 ? groups | 1 << group : groups & ~(1 << group);
    port.write(vm + VM.RDY_GRP, newGroups);
    this.publishRow(vm);
  }

  /** True when the priority's ready bit is set. */
  isReady(vm: number, priority: number): boolean {
    return (this.#port.read(vm + VM.RDY_TBL + (priority >>> 5) * 4) >>> (priority & 31) & 1) !== 0;
  }

  /** Writes a VM's row to its info page, where its kernel reads it. */
  publishRow(vm: number): void {
    const port = this.#port;
    const info = port.read(vm + VM.INFO);
    port.write(info + INFO_RDY_GRP, port.read(vm + VM.RDY_GRP));
    port.write(info + INFO_RDY_TBL, port.read(vm + VM.RDY_TBL));
    port.write(info + INFO_RDY_TBL + 4, port.read(vm + VM.RDY_TBL + 4));
  }

  #refill(vm: number): void {
    this.#port.write(vm + VM.SLICE, this.#port.read(MAP.GLOBAL + GLOBAL.SLICE));
  }

  #set(which: number, id: number, on: boolean): void {
    const port = this.#port;
    const set = port.read(MAP.GLOBAL + which);
    const group = id >>> 3;
    const bit = 1 << (id & 7);
    const old = port.loadByte(set + RUN_SET.BYTES + group);
    const bits = on ? old | bit : old & ~bit;
    port.storeByte(set + RUN_SET.BYTES + group, bits);
    const groups = port.read(set + RUN_SET.GROUPS);
    const mask = 1 << group;
    port.write(set + RUN_SET.GROUPS, (bits !== 0 ? groups | mask : groups & ~mask) >>> 0);
  }
}
