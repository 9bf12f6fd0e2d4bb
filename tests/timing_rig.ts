/**
 * A timed CPU whose chip says what a test wants, for the tests of the timed fidelity.
 *
 * @module
 */

import { C1 } from "../core/cp15.ts";
import type { BusRegisters } from "../core/timing_bus.ts";
import { type TimingOptions, timingValues } from "../core/timing_table.ts";
import { RAM, Rig } from "./cpu_rig.ts";

/** The registers that matter, as a boot loader of the board leaves them; refresh off. */
export const BOARD = {
  fclkPerHclk: 4,
  fclkPerPclk: 8,
  /** Banks 6 and 7: 32 bits. */
  BWSCON: 0x2200_0000,
  BANKCON0: 0x0700,
  /** SDRAM, Trcd 3 clocks, 9 column bits. */
  BANKCON6: 0x1_8005,
  /** Trp 3 clocks, Tsrc 5, every 790 clocks; bit 23 turns it on. */
  REFRESH: 0x14_04eb,
  /** Bursts, 64 MB. */
  BANKSIZE: 0xb1,
  /** CAS latency 3. */
  MRSRB6: 0x30,
};

/** A chip with some registers set otherwise. */
export function chip(other: Partial<typeof BOARD> = {}): BusRegisters {
  const r = { ...BOARD, ...other };
  const memc: Record<number, number> = {
    0x00: r.BWSCON,
    0x04: r.BANKCON0,
    0x1c: r.BANKCON6,
    0x24: r.REFRESH,
    0x28: r.BANKSIZE,
    0x2c: r.MRSRB6,
  };
  return {
    fclkPerHclk: r.fclkPerHclk,
    fclkPerPclk: r.fclkPerPclk,
    changes: 0,
    memc: (offset) => memc[offset] ?? 0x0700,
  };
}

/** Clocking by c1. */
export const CLOCKS = { fastBus: 0, synchronous: C1.NF, asynchronous: C1.NF | C1.IA } as const;

const TTB = RAM + 0x10000;
/** The megabyte at {@linkcode DATA} by the C and B bits of its sections. */
export const NCNB = 0x1000_0000;
/** Buffered. */
export const NCB = 0x1010_0000;
/** Write-through. */
export const WT = 0x1020_0000;
/** Write-back. */
export const WB = 0x1030_0000;
/** Where the four sections lead to. */
export const DATA = RAM + 0x10_0000;
/** A section that nobody may use. */
export const CLOSED = 0x1040_0000;
/** Code, write-back: the megabyte at {@linkcode RAM}. */
export const CODE = 0x1050_0000;

/** How a {@linkcode timedRig} is made. */
export interface TimedRigOptions {
  /** Costs that differ from the table. */
  readonly timing?: TimingOptions;
  /** Registers that differ from {@linkcode BOARD}. */
  readonly chip?: Partial<typeof BOARD>;
  /** Clocking; asynchronous unless given. */
  readonly clocks?: number;
  /** c1 beside the clocking; MMU and both caches unless given. */
  readonly control?: number;
}

/** A timed CPU with the sections above, in Supervisor mode, at board time 0. */
export function timedRig(options: TimedRigOptions = {}): Rig {
  const rig = new Rig({
    timed: { values: timingValues(options.timing), registers: chip(options.chip) },
  });
  const section = (va: number, frame: number, cb: number) =>
    rig.poke(TTB + (va >>> 20) * 4, frame | 0xc12 | cb << 2);
  [NCNB, NCB, WT, WB].forEach((va, cb) => section(va, DATA, cb));
  section(CODE, RAM, 3);
  section(0x4a00_0000, 0x4a00_0000, 0);
  section(0x5100_0000, 0x5100_0000, 0);
  rig.poke(TTB + (CLOSED >>> 20) * 4, DATA | 0x012);
  const { mmu } = rig.cpu;
  mmu.mcr(2, 0, 0, TTB);
  mmu.mcr(3, 0, 0, 1);
  mmu.mcr(
    1,
    0,
    0,
    (options.control ?? C1.M | C1.C | C1.I) | (options.clocks ?? CLOCKS.asynchronous),
  );
  rig.clock.now = 0;
  return rig;
}

/** Board time that something takes, FCLK cycles. */
export function spent(rig: Rig, what: () => void): number {
  const before = rig.clock.now;
  what();
  return rig.clock.now - before;
}
