/**
 * The same kernel on the bare board, without a monitor: the bar of the paper's Fig. 8 that has no
 * virtualization, and the kernel call without it.
 *
 * @module
 */

import {
  type BenchCache,
  type BenchPart,
  type BenchRow,
  floorNs,
  mean,
  spread,
  spreadNs,
} from "./bench.ts";
import { type BenchSetting, boardFidelity, chillMmu, machineOf } from "./bench_lab.ts";
import { Board } from "./board.ts";
import { STOP } from "./cpu.ts";
import { type ElfFile, parseElf } from "./elf.ts";
import { InputError } from "./errors.ts";
import { AP, MEMORY_TYPE, sectionDescriptor } from "./pagetable.ts";
import type { Fidelity } from "./timing.ts";

/** First-level table of the flat map: the last megabyte of SDRAM, which the kernel does not use. */
const TABLE = 0x33f0_0000;
const MEGABYTE = 0x10_0000;
const FLASH_END = 0x100_0000;
const SDRAM = 0x3000_0000;
const SDRAM_END = 0x3400_0000;
const SFR = 0x4800_0000;
const SFR_END = 0x6000_0000;
/** Board time after which a measurement is given up, cycles. */
const LIMIT = 4e9;
/** Switches that are not counted. */
const WARM_UP = 20;

/** Instructions of the kernel between which a part lies, by symbol and offset in bytes. */
export const NATIVE_POINTS = {
  /** The SWI's vector. */
  vector: { symbol: "vectors", offset: 0x08, instruction: "b call" },
  /** Begin of the save. */
  save: { symbol: "call", offset: 0, instruction: "stmia sp, {r0-r14}^" },
  /** Behind the save. */
  saved: { symbol: "call", offset: 20, instruction: "behind str lr, [sp, #CPSR]" },
  /** The kernel has chosen who is next. */
  choose: { symbol: "port_dispatch", offset: 0, instruction: "first of port_dispatch" },
  /** Begin of the restore. */
  restore: { symbol: "port_resume", offset: 28, instruction: "ldr lr, [sp, #PC]" },
  /** Its last instruction. */
  leave: { symbol: "port_resume", offset: 48, instruction: "movs pc, lr" },
} as const;

/** Name of such a point. */
type NativePoint = keyof typeof NATIVE_POINTS;

/** A switch, or a call, in cycles. */
interface NativeSample {
  readonly save: number;
  readonly switch: number;
  readonly restore: number;
  /** From the vector to the caller's next instruction. */
  readonly call: number;
  /** Another task runs. */
  readonly changed: boolean;
  /** Number of the call. */
  readonly number: number;
}

/** A board with the image in flash, a flat map with caches as a boot loader would leave them. */
function nativeBoard(elf: ElfFile, setting: BenchSetting): Board {
  const end = Math.max(...elf.segments.map(({ paddr, filesz }) => paddr + filesz));
  if (end > FLASH_END) throw new InputError(elf.name, "it is not made for the flash of the board");
  const flash = new Uint8Array(end);
  for (const segment of elf.segments) flash.set(segment.bytes, segment.paddr);
  const board = new Board({ flash, ...machineOf(setting) });
  const section = (va: number, type: number) =>
    board.poke(TABLE + (va >>> 20) * 4, sectionDescriptor(va, AP.USER_RW, 0, type));
  for (let va = 0; va < FLASH_END; va += MEGABYTE) section(va, MEMORY_TYPE.WB);
  for (let va = SDRAM; va < SDRAM_END; va += MEGABYTE) {
    section(va, va === TABLE ? MEMORY_TYPE.NCNB : MEMORY_TYPE.WB);
  }
  for (let va = SFR; va < SFR_END; va += MEGABYTE) section(va, MEMORY_TYPE.NCNB);
  board.mmu.mcr(2, 0, 0, TABLE);
  board.mmu.mcr(3, 0, 0, 1);
  // MMU, alignment, both caches; the kernel's start adds the clocking.
  board.mmu.mcr(1, 0, 0, board.mmu.mrc(1, 0, 0) | 0x1007);
  return board;
}

/** Measures task switches and calls of the native kernel. */
class NativeMeter {
  readonly samples: NativeSample[] = [];
  readonly #board: Board;
  readonly #points: ReadonlyMap<number, NativePoint>;
  readonly #current: number;
  readonly #cold: boolean;

  constructor(elf: ElfFile, board: Board, cold: boolean) {
    this.#board = board;
    this.#cold = cold;
    const address = (name: string) => {
      const symbol = elf.symbol(name);
      if (symbol === undefined) throw new InputError(elf.name, `it has no ${name}: not our kernel`);
      return symbol.address;
    };
    this.#points = new Map(
      Object.entries(NATIVE_POINTS).map(([point, { symbol, offset }]) => [
        address(symbol) + offset,
        point as NativePoint,
      ]),
    );
    this.#current = address("PortCurrent");
  }

  /** Runs until there are so many samples that are wanted. */
  run(count: number, wanted: (sample: NativeSample) => boolean): NativeSample[] {
    const { cpu, clock } = this.#board;
    for (const address of this.#points.keys()) cpu.breakpoints.add(address);
    const found: NativeSample[] = [];
    const at = new Map<NativePoint, number>();
    let task = -1;
    let number = 0;
    while (found.length < count + WARM_UP) {
      if (clock.now > LIMIT) throw new InputError("image", "its tasks do not switch");
      if (this.#board.run(clock.now + 4_000_000) !== STOP.BREAK) continue;
      const point = this.#points.get(cpu.pc) as NativePoint;
      if (point === "vector") {
        if (this.#cold) chillMmu(this.#board.mmu);
        at.clear();
        task = this.#board.peek(this.#current, 4);
        number = cpu.reg(12);
      }
      at.set(point, clock.now);
      if (point !== "leave" || !at.has("save")) continue;
      cpu.step();
      const changed = this.#board.peek(this.#current, 4) !== task;
      const sample = { ...sampleOf(at, clock.now), changed, number };
      if (wanted(sample)) found.push(sample);
    }
    cpu.breakpoints.clear();
    return found.slice(WARM_UP);
  }
}

function sampleOf(
  at: ReadonlyMap<NativePoint, number>,
  end: number,
): Pick<NativeSample, "save" | "switch" | "restore" | "call"> {
  const time = (point: NativePoint) => at.get(point) as number;
  return {
    save: time("saved") - time("save"),
    switch: time("restore") - time("choose"),
    restore: end - time("restore"),
    call: end - time("vector"),
  };
}

/** How the native kernel is measured. */
export interface NativeBenchOptions extends BenchSetting {
  /** States of the caches; default: warm, and cold where the fidelity has caches. */
  readonly caches?: readonly BenchCache[];
  /** Switches; default 200. */
  readonly samples?: number;
}

/**
 * Measures the task switch of the native kernel: save, from its `port_dispatch` to the restore, restore.
 *
 * @param image `relay-s3c2440.elf`.
 * @throws {InputError} It is no image of the native kernel.
 */
export function benchNative(image: Uint8Array, options: NativeBenchOptions = {}): BenchRow[] {
  const { samples = 200, caches, ...setting } = options;
  const elf = parseElf(image, "native image");
  const rows: BenchRow[] = [];
  const timed = boardFidelity(nativeBoard(elf, setting)) === "timed";
  for (const cache of caches ?? (timed ? ["warm", "cold"] as const : ["warm"] as const)) {
    const board = nativeBoard(elf, setting);
    const found = new NativeMeter(elf, board, cache === "cold").run(samples, (s) => s.changed);
    const { clock, soc } = board;
    const row = (part: BenchPart, cycles: readonly number[]): BenchRow => {
      const all = spread(cycles);
      return {
        bench: "task",
        strategy: "native",
        cache,
        by: "cycles",
        part,
        count: cycles.length,
        cycles: all,
        ns: spreadNs(all, clock.fclk),
        mean_ns: mean(cycles) * 1e9 / clock.fclk,
        paper_ns: null,
        floor_ns: floorNs("task", part, 0, clock.fclk, soc.clkpwr.hclk),
        fidelity: boardFidelity(board),
      };
    };
    for (const part of ["save", "switch", "restore"] as const) {
      rows.push(row(part, found.map((sample) => sample[part])));
    }
    rows.push(row("total", found.map((s) => s.save + s.switch + s.restore)));
  }
  return rows;
}

/** Calls of the native kernel, measured. */
export interface NativeCalls {
  /** Cycles of each. */
  readonly cycles: readonly number[];
  /** State of the caches. */
  readonly cache: BenchCache;
  /** Core clock, hertz. */
  readonly fclk: number;
  /** How the board was simulated. */
  readonly fidelity: Fidelity;
}

/**
 * Kernel calls of the native kernel that end without a switch, from the vector to the caller's next
 * instruction.
 *
 * @param image `relay-s3c2440.elf`.
 * @param number Which call.
 * @throws {InputError} It is no image of the native kernel.
 */
export function nativeCalls(
  image: Uint8Array,
  number: number,
  options: NativeBenchOptions = {},
): NativeCalls[] {
  const { samples = 200, caches = ["warm"], ...setting } = options;
  const elf = parseElf(image, "native image");
  return caches.map((cache) => {
    const board = nativeBoard(elf, setting);
    const meter = new NativeMeter(elf, board, cache === "cold");
    const found = meter.run(samples, (s) => !s.changed && s.number === number);
    const fidelity = boardFidelity(board);
    return { cycles: found.map(({ call }) => call), cache, fclk: board.clock.fclk, fidelity };
  });
}
