/**
 * Runs a harness image on the emulator's CPU, on a bus of plain RAM.
 *
 * @module
 */

import type { AccessSize, Bus, RamRegion } from "../../core/bus.ts";
import { Clock } from "../../core/clock.ts";
import { Cpu, CPU_BYTES, type CpuOptions, STOP } from "../../core/cpu.ts";
import { HostMemory } from "../../core/memory.ts";
import { LAYOUT, VENEERS } from "./harness.ts";
import type { Image } from "./image.ts";

/** Cycles after which a run that has not ended counts as stuck; a case takes some hundred. */
const CYCLES_PER_CASE = 20000;

/** Memory at address 0: vectors and veneers. */
const VECTOR_BYTES = VENEERS.low.page + 0x1000;

/** RAM and nothing else. */
class PlainBus implements Bus {
  readonly ram: readonly RamRegion[];
  fault = false;

  constructor(ram: readonly RamRegion[]) {
    this.ram = ram;
  }

  read(_pa: number, _size: AccessSize): number {
    return 0;
  }

  write(_pa: number, _size: AccessSize, _value: number): void {}

  peek(_pa: number, _size: AccessSize): number {
    return 0;
  }
}

/** The emulator with an image loaded. */
export class OwnMachine {
  /** Its CPU. */
  readonly cpu: Cpu;
  readonly #patience: number;
  readonly #clock = new Clock(400_000_000);
  readonly #memory: HostMemory;
  readonly #base: number;
  readonly #ram: number;
  readonly #vectors: number;

  /**
   * Makes the machine; one serves any number of images of the same RAM address.
   *
   * @param ramBase Where the RAM is.
   * @param options How the CPU is modelled.
   */
  constructor(ramBase: number, options: CpuOptions = {}) {
    this.#base = ramBase;
    this.#memory = new HostMemory(LAYOUT.end + 2 * VECTOR_BYTES + CPU_BYTES);
    this.#vectors = this.#memory.take(VECTOR_BYTES);
    this.#ram = this.#memory.take(LAYOUT.end);
    const bus = new PlainBus([
      { base: 0, size: VECTOR_BYTES, offset: this.#vectors, writable: true },
      { base: ramBase, size: LAYOUT.end, offset: this.#ram, writable: true },
    ]);
    this.cpu = new Cpu(this.#memory, bus, this.#clock, options);
    // A timed instruction can take as long as some dozen of the fast ones.
    this.#patience = options.timed === undefined ? 1 : 40;
  }

  /** Loads an image and resets the CPU to its start. */
  load(image: Image): void {
    const { u8 } = this.#memory;
    u8.fill(0, this.#ram, this.#ram + LAYOUT.end);
    u8.set(image.bytes, this.#ram);
    u8.set(image.vectors, this.#vectors);
    this.cpu.invalidateCode(0, VECTOR_BYTES);
    this.cpu.invalidateCode(image.ram, LAYOUT.end);
    this.cpu.reset();
    this.cpu.mmu.mcr(8, 7, 0, 0);
    this.cpu.pc = image.harness.start;
  }

  /** Runs to the end; false when some case loops. */
  run(image: Image): boolean {
    const { cpu } = this;
    const limit = this.#clock.now +
      this.#patience * (image.cases.length * CYCLES_PER_CASE + 1_000_000);
    while (this.#clock.now < limit) {
      const stop = cpu.run(Math.min(limit, this.#clock.now + 1_000_000));
      if (stop !== STOP.TIME) throw new Error(`the CPU stopped with ${stop}`);
      if (cpu.pc === image.harness.done) return true;
    }
    return false;
  }

  /** RAM as words; not to be written to. */
  get words(): Uint32Array<ArrayBuffer> {
    return this.#memory.u32.subarray(this.#ram / 4, (this.#ram + LAYOUT.end) / 4);
  }

  /** Writes words at a word index of RAM, as a debugger would. */
  write(index: number, words: Uint32Array): void {
    this.#memory.u32.set(words, this.#ram / 4 + index);
    this.cpu.invalidateCode(this.#base + 4 * index, 4 * words.length);
  }

  /** Memory from the start of RAM. */
  dump(length: number): Uint32Array<ArrayBuffer> {
    return this.#memory.u32.slice(this.#ram / 4, (this.#ram + length) / 4);
  }
}
