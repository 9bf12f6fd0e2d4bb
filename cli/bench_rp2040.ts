/**
 * The compute guest in rp2040js, an emulator in TypeScript like this one. Its package is loaded only
 * here, by a name that is no literal: what a literal names is fetched at every first start.
 *
 * @module
 */

import { type CpuSample, parseElf, type Stopwatch } from "../mod.ts";

const VERSION = "1.4.1";
const PACKAGE = `npm:rp2040js@${VERSION}`;
const RAM = 0x2000_0000;
/** Operations of the debugger's interface (semihosting). */
const SEMIHOSTING = { WRITE0: 0x04, GET_CMDLINE: 0x15, EXIT: 0x18 } as const;
/** Instructions between two looks whether the work is done. */
const STRETCH = 1000;

/** What is used of the package. */
interface Rp2040 {
  readonly sram: Uint8Array;
  readonly core: { PC: number; registers: Uint32Array; executeInstruction(): void };
  logger: unknown;
  onBreak: (code: number) => void;
}

/** A run of the work. */
export interface Rp2040Run {
  /** Version of the package. */
  readonly version: string;
  /** What it printed. */
  readonly lines: readonly string[];
  /** From the first line to the last. */
  readonly sample: CpuSample;
}

/**
 * Runs the work.
 *
 * @param image `compute-rp2040.elf`.
 * @param rounds Rounds, at least 2.
 * @param stopwatch Time of the host.
 * @returns The run, or why there is none.
 */
export async function runRp2040(
  image: Uint8Array,
  rounds: number,
  stopwatch: Stopwatch,
): Promise<Rp2040Run | { readonly why: string }> {
  let make: new () => Rp2040;
  try {
    ({ RP2040: make } = await import(PACKAGE) as { RP2040: new () => Rp2040 });
  } catch {
    return { why: `it is not installed: deno cache ${PACKAGE}` };
  }
  const machine = new make();
  const { core, sram } = machine;
  const elf = parseElf(image, "compute-rp2040.elf");
  for (const { paddr, bytes } of elf.segments) sram.set(bytes, paddr - RAM);
  core.PC = elf.entry & ~1;
  const view = new DataView(sram.buffer);
  const lines: string[] = [];
  let instructions = 0;
  let over = false;
  let first = { instructions: 0, wall: 0, user: 0 };
  let last = first;
  machine.onBreak = () => {
    const [operation, argument] = [core.registers[0], core.registers[1]! - RAM];
    if (operation === SEMIHOSTING.WRITE0) {
      const end = sram.indexOf(0, argument);
      lines.push(new TextDecoder().decode(sram.subarray(argument, end)).trimEnd());
      last = { instructions, wall: stopwatch.wall(), user: stopwatch.user() };
      if (lines.length === 1) first = last;
    } else if (operation === SEMIHOSTING.GET_CMDLINE) {
      const text = `compute ${rounds}`;
      const to = view.getUint32(argument, true) - RAM;
      sram.set(new TextEncoder().encode(`${text}\0`), to);
      view.setUint32(argument + 4, text.length, true);
      core.registers[0] = 0;
    } else over = true;
  };
  while (!over) {
    for (let i = 0; i < STRETCH && !over; i++) {
      core.executeInstruction();
      instructions++;
    }
  }
  return {
    version: VERSION,
    lines,
    sample: {
      instructions: last.instructions - first.instructions,
      wall: last.wall - first.wall,
      user: last.user - first.user,
    },
  };
}
