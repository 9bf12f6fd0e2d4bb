/**
 * The suite on the CPU alone: RAM, vectors at 0, and no more of the S3C2440 than the suite touches,
 * on the library's bus interface. The caches can be modelled here.
 *
 * @module
 */

import type { AccessSize, Bus, RamRegion } from "../core/bus.ts";
import { Clock } from "../core/clock.ts";
import { Cpu, CPU_BYTES, type CpuOptions } from "../core/cpu.ts";
import { parseElf } from "../core/elf.ts";
import { HostMemory } from "../core/memory.ts";
import { ABORT, type SuiteRun } from "./understudy.ts";
import { readHeader, readResults, resultBytes } from "./suite.ts";

const RAM = 0x3000_0000;
const RAM_BYTES = 0x100_0000;
const VECTOR_BYTES = 0x1000;

const UTRSTAT0 = 0x5000_0010;
const UTXH0 = 0x5000_0020;
const SRCPND = 0x4a00_0000;
const INTMOD = 0x4a00_0004;
const INTMSK = 0x4a00_0008;
const TCON = 0x5100_0008;

/** The start bit of a timer in TCON, and its bit in SRCPND. */
const TIMERS: readonly (readonly [start: number, source: number])[] = [
  [1 << 16, 1 << 13],
  [1 << 20, 1 << 14],
];

/** Interrupt controller, timers that elapse at once, and a serial line that is always ready. */
class Devices {
  #text = "";
  #line = "";
  #pending = 0;
  #mode = 0;
  #mask = -1;
  #tcon = 0;
  readonly #onLines: (irq: boolean, fiq: boolean) => void;
  readonly #onEnd: () => void;

  constructor(onLines: (irq: boolean, fiq: boolean) => void, onEnd: () => void) {
    this.#onLines = onLines;
    this.#onEnd = onEnd;
  }

  /** What was sent. */
  get text(): string {
    return this.#text + this.#line;
  }

  read(pa: number): number {
    switch (pa) {
      case UTRSTAT0:
        return 6;
      case SRCPND:
        return this.#pending;
      case INTMSK:
        return this.#mask >>> 0;
      case TCON:
        return this.#tcon;
      default:
        return 0;
    }
  }

  write(pa: number, value: number): void {
    if (pa === UTXH0) {
      this.#line += String.fromCharCode(value & 0xff);
      if ((value & 0xff) !== 10) return;
      if (this.#line === "# end\n") this.#onEnd();
      this.#text += this.#line;
      this.#line = "";
      return;
    }
    if (pa === SRCPND) this.#pending &= ~value;
    else if (pa === INTMOD) this.#mode = value;
    else if (pa === INTMSK) this.#mask = value;
    else if (pa === TCON) {
      for (const [start, source] of TIMERS) {
        if ((value & ~this.#tcon & start) !== 0) this.#pending |= source;
      }
      this.#tcon = value;
    }
    const active = this.#pending & ~this.#mask;
    this.#onLines((active & ~this.#mode) !== 0, (active & this.#mode) !== 0);
  }
}

/**
 * Runs an image on the CPU alone.
 *
 * @param image ELF file for the board `s3c2440`.
 * @param options `cache`, `timed`: how the CPU is modelled. `limit`: cycles after which the run is given up.
 */
export function runOnBench(
  image: Uint8Array<ArrayBuffer>,
  options: CpuOptions & { readonly limit?: number } = {},
): SuiteRun {
  const memory = new HostMemory(RAM_BYTES + VECTOR_BYTES + CPU_BYTES);
  const ram: RamRegion = {
    base: RAM,
    size: RAM_BYTES,
    offset: memory.take(RAM_BYTES),
    writable: true,
  };
  const vectors: RamRegion = {
    base: 0,
    size: VECTOR_BYTES,
    offset: memory.take(VECTOR_BYTES),
    writable: false,
  };
  const offset = (pa: number): number => {
    const region = [ram, vectors].find(({ base, size }) => pa >= base && pa - base < size);
    return region === undefined ? -1 : region.offset + pa - region.base;
  };
  const view = new DataView(memory.memory.buffer);
  const load = (at: number, size: AccessSize) =>
    size === 4
      ? view.getUint32(at, true)
      : size === 2
      ? view.getUint16(at, true)
      : view.getUint8(at);

  const clock = new Clock(12_000_000);
  const devices = new Devices((irq, fiq) => {
    cpu.setIrq(irq);
    cpu.setFiq(fiq);
  }, () => cpu.requestStop());
  const bus: Bus = {
    ram: [ram, vectors],
    fault: false,
    read(pa, size) {
      bus.fault = pa >= ABORT && pa - ABORT < 0x10_0000;
      const at = offset(pa);
      return at >= 0 ? load(at, size) : devices.read(pa);
    },
    write(pa, size, value) {
      bus.fault = pa >= ABORT && pa - ABORT < 0x10_0000;
      const at = offset(pa);
      if (at < 0) devices.write(pa, value);
      else if (pa >= RAM) {
        if (size === 4) view.setUint32(at, value, true);
        else if (size === 2) view.setUint16(at, value, true);
        else view.setUint8(at, value);
      }
    },
    peek: (pa, size) => load(Math.max(0, offset(pa)), size),
  };
  const cpu = new Cpu(memory, bus, clock, options);

  const elf = parseElf(image, "suite image");
  for (const { paddr, bytes } of elf.segments) memory.u8.set(bytes, offset(paddr));
  cpu.pc = elf.entry;
  cpu.run(options.limit ?? 1e9);

  const { text } = devices;
  const planned = Number(/^1\.\.(\d+)/m.exec(text)?.[1] ?? 0);
  const at = offset(readHeader(image).results);
  return {
    text,
    table: readResults(memory.u8.slice(at, at + resultBytes(planned))),
    instructions: cpu.instructions,
  };
}
