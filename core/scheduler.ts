/**
 * Choice by bitmaps: which VM, and which rows the guests' kernels see (P12, P13).
 *
 * VMs that have slice left are in the active bitmap; a VM that has used its slice waits in the
 * expired one, so a VM that never gives the CPU up starves nobody. Choosing takes the same time
 * whatever the number of VMs or tasks.
 *
 * @module
 */

import { GLOBAL, MAP, MAX_VMS, VM } from "./layout.ts";
import type { Port } from "./port.ts";
import { INFO_FIELDS, VM_STATE } from "./vmi.ts";

const WORDS = Math.ceil(MAX_VMS / 32);
const INFO_RDY_GRP = INFO_FIELDS.find((f) => f.name === "RDY_GRP")!.offset;
const INFO_RDY_TBL = INFO_FIELDS.find((f) => f.name === "RDY_TBL")!.offset;

/** Number of the lowest set bit of a word that is not 0. */
export function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word);
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

  /** Puts a VM in the active bitmap, or in the expired one when it has no slice left. */
  wake(vm: number): void {
    const expired = (this.#port.read(vm + VM.SLICE) | 0) <= 0;
    if (expired) this.#refill(vm);
    this.#set(expired ? GLOBAL.EXPIRED : GLOBAL.ACTIVE, this.#port.read(vm + VM.ID), true);
  }

  /** Takes a VM out of both bitmaps. */
  block(vm: number): void {
    const id = this.#port.read(vm + VM.ID);
    this.#set(GLOBAL.ACTIVE, id, false);
    this.#set(GLOBAL.EXPIRED, id, false);
  }

  /** A running VM has used its slice, or gives the rest of it up: it waits in the expired bitmap. */
  expire(vm: number): void {
    const id = this.#port.read(vm + VM.ID);
    this.#refill(vm);
    this.#set(GLOBAL.ACTIVE, id, false);
    this.#set(GLOBAL.EXPIRED, id, true);
  }

  /**
   * The VM to run next: the lowest number in the active bitmap; when that is empty, the bitmaps
   * change places.
   *
   * @returns Its record, 0 when no VM may run.
   */
  choose(): number {
    const port = this.#port;
    let found = this.#lowest(GLOBAL.ACTIVE);
    if (found < 0) {
      for (let i = 0; i < WORDS; i++) {
        const expired = port.read(MAP.GLOBAL + GLOBAL.EXPIRED + i * 4);
        port.write(MAP.GLOBAL + GLOBAL.ACTIVE + i * 4, expired);
        port.write(MAP.GLOBAL + GLOBAL.EXPIRED + i * 4, 0);
      }
      found = this.#lowest(GLOBAL.ACTIVE);
    }
    return found < 0 ? 0 : port.read(MAP.VM_TABLE + found * 4);
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

  /** Number of the lowest set bit of a bitmap, -1: none. All words are read: one cost for all. */
  #lowest(bitmap: number): number {
    let found = -1;
    for (let i = WORDS - 1; i >= 0; i--) {
      const word = this.#port.read(MAP.GLOBAL + bitmap + i * 4);
      if (word !== 0) found = i * 32 + lowestBit(word);
    }
    return found;
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

  #set(bitmap: number, id: number, on: boolean): void {
    const address = MAP.GLOBAL + bitmap + (id >>> 5) * 4;
    const bit = 1 << (id & 31);
    const word = this.#port.read(address);
    this.#port.write(address, (on ? word | bit : word & ~bit) >>> 0);
  }
}
