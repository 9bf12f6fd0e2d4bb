/**
 * What is counted for reports only: the time of VMs and tasks, their calls and dispatches.
 *
 * It is written past the core and costs no board time, as a trace port would; the monitor reads none of
 * it. It lies in SDRAM, so that it goes where the machine goes.
 *
 * @module
 */

import type { Board } from "./board.ts";
import { MAP, MAX_VMS, METER, MOST, UNIT, VM } from "./layout.ts";

/** Address of the counts of VM slot `id`; a damaged number does not lead elsewhere. */
export function vmMeter(id: number): number {
  return MAP.METERS + (id < MAX_VMS ? id : 0) * METER.SIZE;
}

/** Address of the counts of unit `index` of VM slot `id`. */
export function unitMeter(id: number, index: number): number {
  return vmMeter(id) + METER.UNITS + (index < MOST.UNITS ? index : 0) * METER.UNIT_SIZE;
}

/** The counts. */
export class Meters {
  readonly #board: Board;

  /**
   * The counts of a machine.
   *
   * @param board The machine.
   */
  constructor(board: Board) {
    this.#board = board;
  }

  /** Adds to a 64-bit count. */
  add(address: number, cycles: number): void {
    this.#set(address, this.#get(address) + cycles);
  }

  /** A VM gets the CPU. */
  vmIn(vm: number): void {
    this.#set(this.#vm(vm) + METER.SINCE, this.#board.clock.now);
  }

  /** A VM has lost the CPU, or is looked at while it has it. */
  vmOut(vm: number): void {
    this.#span(this.#vm(vm));
  }

  /** A unit gets the CPU. */
  unitIn(unit: number): void {
    this.#set(this.#unit(unit) + METER.SINCE, this.#board.clock.now);
  }

  /** A task is dispatched by its kernel. */
  dispatched(unit: number): void {
    this.#count(this.#unit(unit) + METER.COUNT);
  }

  /** A unit has lost the CPU. */
  unitOut(unit: number): void {
    this.#span(this.#unit(unit));
  }

  /** A hypercall of a VM. */
  hypercall(vm: number): void {
    this.#count(this.#vm(vm) + METER.COUNT);
  }

  /** A kernel call of a task. */
  call(unit: number): void {
    this.#count(this.#unit(unit) + METER.CALLS);
  }

  /** A VM is made in slot `id`: all counts begin at 0. */
  reset(id: number): void {
    for (let i = 0; i < METER.SIZE; i += 8) this.#set(vmMeter(id) + i, 0);
  }

  #vm(vm: number): number {
    return vmMeter(this.#board.peek(vm + VM.ID, 4));
  }

  #unit(unit: number): number {
    const board = this.#board;
    const vm = board.peek(unit + UNIT.VM, 4);
    return unitMeter(board.peek(vm + VM.ID, 4), board.peek(unit + UNIT.INDEX, 4));
  }

  /** The time since SINCE is added; the next span begins. */
  #span(meter: number): void {
    const { now } = this.#board.clock;
    this.add(meter + METER.CYCLES, now - this.#get(meter + METER.SINCE));
    this.#set(meter + METER.SINCE, now);
  }

  #count(address: number): void {
    const { u32 } = this.#board.memory;
    u32[this.#index(address)]++;
  }

  #index(address: number): number {
    const { sdram, onMeter } = this.#board;
    onMeter?.(address);
    return (sdram.offset + address - sdram.base) >>> 2;
  }

  #get(address: number): number {
    const { memory, sdram } = this.#board;
    const at = (sdram.offset + address - sdram.base) >>> 2;
    return memory.u32[at] + memory.u32[at + 1] * 0x1_0000_0000;
  }

  #set(address: number, value: number): void {
    const at = this.#index(address);
    const { u32 } = this.#board.memory;
    u32[at] = value;
    u32[at + 1] = Math.floor(value / 0x1_0000_0000);
  }
}
