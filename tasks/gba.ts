/**
 * `deno task gba ROM...`: runs test ROMs of jsmolka/gba-tests (`arm.gba`, `thumb.gba`), which are not part of this
 * repository, on the CPU with a bus of RAM and one register, and says which pass.
 *
 * Each runs four times: by `run()` and by `step()`, without and with the cache model. Such a ROM ends in
 * a branch to itself; when a test fails, it first asks the console's BIOS to divide the number of the test by
 * 100 (SWI 6), to print it.
 *
 * Exit code 0: all pass; 1: one does not; 2: a file can't be read.
 *
 * @module
 */

import type { Bus } from "../core/bus.ts";
import { Clock } from "../core/clock.ts";
import { C1 } from "../core/cp15.ts";
import { Cpu, CPU_BYTES, MODE, PSR, STOP, VECTOR } from "../core/cpu.ts";
import { HostMemory } from "../core/memory.ts";

/** The console's memory, as far as the ROMs use it: address, bytes. */
const MEMORY = [
  [0x0200_0000, 0x4_0000], // external work RAM
  [0x0300_0000, 0x8000], // internal work RAM
  [0x0500_0000, 0x1000], // palette
  [0x0600_0000, 0x1_8000], // video RAM
] as const;
const ROM = 0x0800_0000;
/** Display status: bit 0 is set in the vertical blank. */
const DISPSTAT = 0x0400_0004;
/** Stack pointers that the BIOS sets. */
const STACKS = [[MODE.SYS, 0x0300_7f00], [MODE.IRQ, 0x0300_7fa0], [MODE.SVC, 0x0300_7fe0]] as const;
/** `b .` */
const IDLE = 0xeafffffe;
/** Division by the BIOS. */
const SWI_DIV = 0xef060000;
/** Cycles after which a ROM is given up; they take under 100,000. */
const LIMIT = 2_000_000;
/** Instructions between looks whether the ROM has ended. */
const STRETCH = 1000;

/** How a ROM is run. */
export interface RomMode {
  /** By single steps. */
  readonly step: boolean;
  /** With the cache model. */
  readonly cache: boolean;
}

/**
 * Runs a ROM.
 *
 * @param rom Its bytes.
 * @param mode How.
 * @returns "passed", or what became of it.
 */
export function runRom(rom: Uint8Array, { step, cache }: RomMode): string {
  const room = (rom.length + 0xfff) & ~0xfff;
  const total = MEMORY.reduce((sum, [, size]) => sum + size, room);
  const memory = new HostMemory(total + CPU_BYTES);
  const ram = [...MEMORY, [ROM, room] as const].map(([base, size]) => ({
    base,
    size,
    offset: memory.take(size),
    writable: base !== ROM,
  }));
  memory.u8.set(rom, ram.at(-1)!.offset);
  let looks = 0;
  const bus: Bus = {
    ram,
    fault: false,
    read: (pa) => pa === DISPSTAT ? ++looks & 1 : 0,
    write: () => {},
    peek: () => 0,
  };
  const clock = new Clock(16_000_000);
  const cpu = new Cpu(memory, bus, clock, { cache });
  // Exceptions to the high vectors end the run: there is no BIOS.
  cpu.mmu.mcr(1, 0, 0, C1.V | (cache ? C1.I | C1.C : 0));
  cpu.trapVectors = true;
  for (const [mode, stack] of STACKS) {
    cpu.cpsr = mode | PSR.I | PSR.F;
    cpu.setReg(13, stack);
  }
  cpu.cpsr = MODE.SYS;
  cpu.pc = ROM;

  const view = new DataView(rom.buffer, rom.byteOffset, rom.length);
  const wordAt = (address: number): number => {
    const at = address - ROM;
    return at >= 0 && at + 4 <= rom.length ? view.getUint32(at, true) : 0;
  };
  while (clock.now < LIMIT) {
    const stop = step ? cpu.step() : cpu.run(clock.now + STRETCH);
    if (stop === STOP.TRAP) {
      const from = cpu.reg(14) - 4;
      if (cpu.trap === VECTOR.SWI && wordAt(from) === SWI_DIV) return `test ${cpu.reg(0)} failed`;
      return `exception 0x${cpu.trap.toString(16)} at 0x${from.toString(16)}`;
    }
    if ((cpu.cpsr & PSR.T) === 0 && wordAt(cpu.pc) === IDLE) return "passed";
  }
  return `no end; at 0x${cpu.pc.toString(16)}`;
}

/** Every way of running. */
const MODES: readonly RomMode[] = [false, true].flatMap((cache) =>
  [false, true].map((step) => ({ step, cache }))
);

/** The command; returns the exit code. */
async function main(paths: readonly string[]): Promise<number> {
  if (paths.length === 0) {
    console.error("gba: no ROM; give the paths of some");
    return 2;
  }
  let passed = true;
  for (const path of paths) {
    let rom: Uint8Array;
    try {
      rom = await Deno.readFile(path);
    } catch (error) {
      console.error(`gba: ${path}: can't be read: ${(error as Error).message}`);
      return 2;
    }
    for (const mode of MODES) {
      const result = runRom(rom, mode);
      passed &&= result === "passed";
      const how = `${mode.step ? "step()" : "run()"}${mode.cache ? " with caches" : ""}`;
      console.log(`${path}, ${how}: ${result}`);
    }
  }
  return passed ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
