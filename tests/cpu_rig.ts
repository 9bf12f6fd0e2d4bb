/**
 * A CPU with memory and a bus that notes what it is asked, for the tests of the core.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { AccessSize, Bus } from "../core/bus.ts";
import { Clock } from "../core/clock.ts";
import { Cpu, CPU_BYTES } from "../core/cpu.ts";
import { disassemble } from "../core/disasm.ts";
import { HostMemory } from "../core/memory.ts";

/** Start of the RAM that tests put programs and tables in. */
export const RAM = 0x30000000;
/** Its size. */
export const RAM_SIZE = 0x400000;
/** RAM at address 0, for low vectors. */
export const LOW_SIZE = 0x10000;
/** RAM at the high vectors. */
export const HIGH = 0xffff0000;
/** A device: reads give {@linkcode Rig.deviceValue}. */
export const DEVICE = 0x48000000;
/** An area that answers with an external abort. */
export const ABORTING = 0x60000000;
/** Read-only memory. */
export const ROM = 0x08000000;

/** An access that reached the bus. */
export interface BusAccess {
  kind: "read" | "write";
  pa: number;
  size: AccessSize;
  value: number;
  now: number;
}

/** A CPU and what is around it. */
export class Rig {
  readonly clock: Clock = new Clock(400e6);
  readonly log: BusAccess[] = [];
  readonly memory: HostMemory;
  readonly bus: Bus;
  readonly cpu: Cpu;
  deviceValue = 0x12345678;
  onDevice: (access: BusAccess) => void = () => {};

  constructor() {
    this.memory = new HostMemory(CPU_BYTES + RAM_SIZE + LOW_SIZE + 0x10000 + 0x1000);
    const region = (base: number, size: number, writable: boolean) => ({
      base,
      size,
      offset: this.memory.take(size),
      writable,
    });
    const access = (kind: "read" | "write", pa: number, size: AccessSize, value: number) => {
      const entry = { kind, pa, size, value, now: this.clock.now };
      this.log.push(entry);
      if (pa >= ABORTING && pa < ABORTING + 0x10000000) this.bus.fault = true;
      this.onDevice(entry);
    };
    this.bus = {
      ram: [
        region(RAM, RAM_SIZE, true),
        region(0, LOW_SIZE, true),
        region(HIGH, 0x10000, true),
        region(ROM, 0x1000, false),
      ],
      fault: false,
      read: (pa, size) => {
        const mask = size === 4 ? 0xffffffff : size === 2 ? 0xffff : 0xff;
        const value = (this.deviceValue & mask) >>> 0;
        access("read", pa, size, value);
        return value;
      },
      write: (pa, size, value) => access("write", pa, size, value),
      peek: () => 0,
    };
    this.cpu = new Cpu(this.memory, this.bus, this.clock);
  }

  /** Byte offset in host memory of a physical address of RAM. */
  at(pa: number): number {
    for (const r of this.bus.ram) {
      if (pa >= r.base && pa < r.base + r.size) return r.offset + pa - r.base;
    }
    throw new RangeError(`no RAM at 0x${pa.toString(16)}`);
  }

  /** Writes a word of physical memory as a loader does. */
  poke(pa: number, value: number): void {
    this.memory.i32[this.at(pa) >>> 2] = value;
    this.cpu.invalidateCode(pa, 4);
  }

  /** Reads a word of physical memory. */
  peek(pa: number): number {
    return this.memory.u32[this.at(pa) >>> 2];
  }

  /** Puts ARM words into physical memory. */
  load(pa: number, words: readonly number[]): void {
    words.forEach((w, i) => this.poke(pa + 4 * i, w));
  }

  /** Puts Thumb halfwords into physical memory. */
  loadThumb(pa: number, halves: readonly number[]): void {
    halves.forEach((h, i) => this.memory.u16[this.at(pa + 2 * i) >>> 1] = h);
    this.cpu.invalidateCode(pa, 2 * halves.length);
  }

  /** Loads a program at {@linkcode RAM}, sets PC and executes that many instructions. */
  execute(words: readonly number[], steps: number = words.length): void {
    this.load(RAM, words);
    this.cpu.pc = RAM;
    for (let i = 0; i < steps; i++) this.cpu.step();
  }

  /** The registers 0 to 14, unsigned. */
  registers(): number[] {
    return Array.from({ length: 15 }, (_, n) => this.cpu.reg(n));
  }
}

/** An ARM instruction; the text says what it is, and is checked. */
export function a(text: string, word: number): number {
  assert.equal(disassemble(word, 0), text);
  return word >>> 0;
}

/** A Thumb instruction; the text says what it is, and is checked. */
export function t(text: string, half: number): number {
  assert.equal(disassemble(half, 0, { thumb: true }), text);
  return half;
}

/** Identity sections over everything with full access in domain 0, except what is changed later. */
export function identityTable(rig: Rig, ttb: number): void {
  const first = rig.at(ttb) >>> 2;
  for (let i = 0; i < 4096; i++) rig.memory.i32[first + i] = (i << 20) | 0xc12;
  rig.cpu.invalidateCode(ttb, 0x4000);
}
