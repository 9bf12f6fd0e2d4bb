/**
 * How fast the emulator runs: guest instructions a second of the host, on the committed compute guest.
 *
 * The core has no clock of the host; who measures passes a {@linkcode Stopwatch}.
 *
 * @module
 */

import { type Spread, spread } from "./bench.ts";
import type { AccessSize, Bus } from "./bus.ts";
import { Clock } from "./clock.ts";
import { C1 } from "./cp15.ts";
import { Cpu, CPU_BYTES, STOP, VECTOR } from "./cpu.ts";
import { parseElf } from "./elf.ts";
import { InputError } from "./errors.ts";
import { Lab, type LabOptions } from "./lab.ts";
import { HostMemory } from "./memory.ts";

/** What executes the work. */
export type CpuEngine = "interpreter" | "timed" | "qemu" | "qemu-icount" | "rp2040js";

/** The works: the compute guest, workloads with tasks, and the guests of the demonstration. */
export const CPU_WORKS = ["compute", "guests", "demo"] as const;

/** Name of a work. */
export type CpuWorkName = typeof CPU_WORKS[number];

/** Time of the host, in milliseconds from any origin. */
export interface Stopwatch {
  /** Wall clock. */
  wall(): number;
  /** CPU time of this process in user mode, all its threads together. */
  user(): number;
}

/** One measured stretch of an engine. */
export interface CpuSample {
  /** Instructions executed; a wait for an interrupt that was skipped has none. */
  readonly instructions: number;
  /** Wall clock, ms. */
  readonly wall: number;
  /** CPU time in user mode, ms; null where it can't be had. */
  readonly user: number | null;
}

/** The figures of an engine. */
export interface CpuBenchRow {
  /** The measurement. */
  bench: "cpu";
  /** The work. */
  work: CpuWorkName;
  /** What executed it. */
  engine: CpuEngine;
  /** Millions of instructions a second of wall clock. */
  mips: Spread;
  /** The same of CPU time, which a busy host does not spoil; null where it can't be had. */
  cpu_mips: Spread | null;
  /** Instructions of one sample, the middle one. */
  instructions: number;
  /** Samples. */
  count: number;
}

/** Board time of one look at the instruction count. */
const LOOK = "20ms";
/** Fewer instructions in that time are the monitor's idle loop. */
const LEAST = 1000;
/** Looks without more of them after which the guests have no work any more. */
const PATIENCE = 50;

/**
 * Guests under the monitor on a board of 64 MB: MMU on, User mode. Time in which all of them wait is
 * skipped and has no instructions.
 *
 * ```ts ignore
 * const image = await loadGuest("compute");
 * using work = await CpuWork.create({ guests: [{ name: "compute", image, arg: "1000000000" }] });
 * work.sample(10_000_000, stopwatch); // warm-up
 * const row = cpuRow("interpreter", "compute", [work.sample(40_000_000, stopwatch)]);
 * ```
 */
export class CpuWork implements Disposable {
  readonly #lab: Lab;

  private constructor(lab: Lab) {
    this.#lab = lab;
  }

  /**
   * Boots the monitor with the guests; no instruction of them has run yet.
   *
   * @param options Guests and set-up.
   * @throws {InputError} On bad options.
   */
  static async create(options: LabOptions): Promise<CpuWork> {
    return new CpuWork(await Lab.create({ sdramMB: 64, ...options }));
  }

  /** Instructions that have run. */
  get instructions(): number {
    return this.#lab.board.cpu.instructions;
  }

  /** Runs the first instruction. */
  first(): void {
    while (this.instructions === 0) this.#lab.runAll({ for: "1us" });
  }

  /**
   * Runs at least so many instructions and takes the time.
   *
   * @param instructions How many.
   * @param stopwatch Time of the host.
   * @throws {InputError} The guests have ended.
   */
  sample(instructions: number, stopwatch: Stopwatch): CpuSample {
    const start = this.instructions;
    const wall = stopwatch.wall();
    const user = stopwatch.user();
    let idle = 0;
    while (this.instructions - start < instructions) {
      const before = this.instructions;
      this.#lab.runAll({ for: LOOK });
      idle = this.instructions - before < LEAST ? idle + 1 : 0;
      if (idle > PATIENCE) throw new InputError("guests", "they do nothing any more");
    }
    return {
      instructions: this.instructions - start,
      wall: stopwatch.wall() - wall,
      user: stopwatch.user() - user,
    };
  }

  /** Lets go of the board. */
  [Symbol.dispose](): void {
    this.#lab[Symbol.dispose]();
  }
}

/** Bytes of RAM of the bare machine, from address 0. */
const BARE_RAM = 0x10_0000;
/** Operations of the debugger's interface (semihosting). */
const SEMIHOSTING = { WRITE0: 0x04, GET_CMDLINE: 0x15, EXIT: 0x18 } as const;
/** Cycles after which a bare run is given up. */
const BARE_LIMIT = 1e10;

/** A line that a bare image printed. */
export interface BareLine {
  /** The line, without its end. */
  readonly text: string;
  /** Instructions retired when it was printed, its SWI included. */
  readonly instructions: number;
}

/**
 * Runs a bare image on the CPU alone: RAM from address 0, nothing else on the bus, the debugger's calls
 * answered from outside. What it counts is what any machine executes for the same lines.
 *
 * @param image ELF file linked below 1 MB, as `compute-versatilepb.elf`.
 * @param argument Last word of its command line.
 * @returns What it printed.
 * @throws {InputError} It is not such an image.
 */
export function countBare(image: Uint8Array, argument: string): BareLine[] {
  const memory = new HostMemory(BARE_RAM + CPU_BYTES);
  const ram = { base: 0, size: BARE_RAM, offset: memory.take(BARE_RAM), writable: true };
  const bytes = memory.u8.subarray(ram.offset, ram.offset + BARE_RAM);
  const cpu = new Cpu(memory, ramOnly(ram), new Clock(400_000_000));
  const elf = parseElf(image, "bare image");
  for (const segment of elf.segments) {
    if (segment.paddr + segment.memsz > BARE_RAM) {
      throw new InputError("bare image", "it is not linked below 1 MB");
    }
    bytes.set(segment.bytes, segment.paddr);
  }
  // Exceptions to the high vectors end the run, so that a SWI needs no code.
  cpu.mmu.mcr(1, 0, 0, C1.V);
  cpu.trapVectors = true;
  cpu.pc = elf.entry;

  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const textAt = (at: number) => {
    const end = bytes.indexOf(0, at);
    return String.fromCharCode(...bytes.subarray(at, end < 0 ? at : end));
  };
  const lines: BareLine[] = [];
  for (;;) {
    const stop = cpu.run(BARE_LIMIT);
    const call = stop === STOP.TRAP && cpu.trap === VECTOR.SWI ? cpu.reg(0) : -1;
    switch (call) {
      case SEMIHOSTING.EXIT:
        return lines;
      case SEMIHOSTING.WRITE0:
        lines.push({ text: textAt(cpu.reg(1)).trimEnd(), instructions: cpu.instructions });
        break;
      case SEMIHOSTING.GET_CMDLINE: {
        const to = view.getUint32(cpu.reg(1), true);
        bytes.set(new TextEncoder().encode(`${argument}\0`), to);
        view.setUint32(cpu.reg(1) + 4, argument.length, true);
        cpu.setReg(0, 0);
        break;
      }
      default:
        throw new InputError("bare image", "it calls nothing that a debugger answers");
    }
    const back = cpu.reg(14);
    cpu.cpsr = cpu.spsr;
    cpu.pc = back;
  }
}

/** A bus with RAM; elsewhere reads give 0. */
function ramOnly(ram: Bus["ram"][number]): Bus {
  return {
    ram: [ram],
    fault: false,
    read: (_pa: number, _size: AccessSize) => 0,
    write: () => {},
    peek: () => 0,
  };
}

/**
 * The figures of an engine.
 *
 * @param engine What executed the work.
 * @param work Which work.
 * @param samples Its samples, at least one.
 */
export function cpuRow(
  engine: CpuEngine,
  work: CpuWorkName,
  samples: readonly CpuSample[],
): CpuBenchRow {
  const mips = (time: (sample: CpuSample) => number) =>
    spread(samples.map((sample) => sample.instructions / time(sample) / 1000));
  const timed = samples.every(({ user }) => user !== null);
  return {
    bench: "cpu",
    work,
    engine,
    mips: mips(({ wall }) => wall),
    cpu_mips: timed ? mips(({ user }) => user ?? NaN) : null,
    instructions: spread(samples.map(({ instructions }) => instructions)).median,
    count: samples.length,
  };
}
