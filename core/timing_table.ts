/**
 * Every cost of the timed core: a named constant with its unit, its source and whether the source was
 * read or the figure is assumed. What the S3C2440A's own registers say (clocks, SDRAM timing) is not
 * here: it is read from them.
 *
 * @module
 */

import { InputError } from "./errors.ts";

/** What a cost is counted in. */
export type TimingUnit =
  | "core cycles"
  | "HCLK cycles"
  | "PCLK cycles"
  | "count"
  | "bits"
  | "switch";

/** What a cost is part of. */
export type TimingPart = "instructions" | "interlocks" | "caches" | "bus";

/** A cost of the timed core. */
export interface TimingConstant {
  /** What it is part of. */
  readonly part: TimingPart;
  /** The figure that is used unless another is set. */
  readonly value: number;
  /** What it is counted in; a switch is 0 or 1. */
  readonly unit: TimingUnit;
  /** "confirmed": read in the source; "assumed": recalled, or taken over from a related core. */
  readonly status: "confirmed" | "assumed";
  /** Least and most that can be set; an assumed one is varied over it. */
  readonly range: readonly [least: number, most: number];
  /** What it is the cost of. */
  readonly what: string;
  /** Where it comes from. */
  readonly source: string;
}

const ARM9EJ = "ARM9EJ-S TRM DDI 0222B 8.1 has the same";
const SLOSS = "Sloss, Symes, Wright: ARM System Developer's Guide, D.3";
const CACHES = "S3C2410A manual, appendix 4 (ARM920T TRM DDI 0151C, chapter 4)";

/** The costs, in the order of the documentation. */
export const TIMING = {
  shiftByRegister: {
    part: "instructions",
    value: 1,
    unit: "core cycles",
    status: "confirmed",
    range: [0, 4],
    what: "data operation with a shift by register, in addition",
    source: ARM9EJ,
  },
  branch: {
    part: "instructions",
    value: 2,
    unit: "core cycles",
    status: "confirmed",
    range: [0, 8],
    what: "taken branch, and data operation that writes PC, in addition",
    source: ARM9EJ,
  },
  loadPc: {
    part: "instructions",
    value: 4,
    unit: "core cycles",
    status: "confirmed",
    range: [0, 8],
    what: "LDR of PC, in addition",
    source: ARM9EJ,
  },
  loadMultiplePc: {
    part: "instructions",
    value: 4,
    unit: "core cycles",
    status: "assumed",
    range: [3, 5],
    what: "LDM with PC, in addition to one a register",
    source: `${SLOSS} (recalled)`,
  },
  multipleOfOne: {
    part: "instructions",
    value: 1,
    unit: "core cycles",
    status: "confirmed",
    range: [0, 1],
    what: "LDM or STM of a single register, in addition",
    source: ARM9EJ,
  },
  swap: {
    part: "instructions",
    value: 1,
    unit: "core cycles",
    status: "assumed",
    range: [0, 2],
    what: "SWP and SWPB, in addition",
    source: `${SLOSS} (recalled)`,
  },
  multiply: {
    part: "instructions",
    value: 1,
    unit: "core cycles",
    status: "assumed",
    range: [0, 2],
    what: "MUL and MLA, in addition to m = 1 to 4 by the value of Rs: 2 + m in all",
    source: `${SLOSS} (recalled)`,
  },
  multiplyLong: {
    part: "instructions",
    value: 2,
    unit: "core cycles",
    status: "assumed",
    range: [1, 3],
    what: "UMULL, SMULL, UMLAL, SMLAL, in addition to m: 3 + m in all",
    source: `${SLOSS} (recalled)`,
  },
  msrControl: {
    part: "instructions",
    value: 2,
    unit: "core cycles",
    status: "assumed",
    range: [0, 3],
    what: "MSR of more than the flags, in addition",
    source: `${SLOSS} (recalled)`,
  },
  coprocessorBusy: {
    part: "instructions",
    value: 1,
    unit: "core cycles",
    status: "assumed",
    range: [0, 3],
    what: "busy-wait cycles of MCR and MRC to CP15, in addition",
    source: "no source found for the ARM920T",
  },
  exception: {
    part: "instructions",
    value: 3,
    unit: "core cycles",
    status: "confirmed",
    range: [2, 8],
    what: "entry to an exception: SWI, undefined, aborts, IRQ, FIQ",
    source: "S3C2440A manual 2-15 (Texc = 3)",
  },

  loadUse: {
    part: "interlocks",
    value: 1,
    unit: "core cycles",
    status: "confirmed",
    range: [0, 3],
    what: "LDR of a word, result used by the next instruction",
    source: "ARM9TDMI TRM DDI 0145B p. 7-5",
  },
  loadUseNarrow: {
    part: "interlocks",
    value: 2,
    unit: "core cycles",
    status: "confirmed",
    range: [0, 3],
    what: "LDRB, LDRH, LDRSB, LDRSH or unaligned LDR, used next (one less by the one after)",
    source: ARM9EJ,
  },
  loadMultipleUse: {
    part: "interlocks",
    value: 1,
    unit: "core cycles",
    status: "confirmed",
    range: [0, 2],
    what: "LDM, last register loaded used by the next instruction",
    source: ARM9EJ,
  },
  swapByteUse: {
    part: "interlocks",
    value: 1,
    unit: "core cycles",
    status: "assumed",
    range: [0, 2],
    what: "SWPB, result used by the next instruction",
    source: `${SLOSS} (recalled)`,
  },
  coprocessorUse: {
    part: "interlocks",
    value: 1,
    unit: "core cycles",
    status: "assumed",
    range: [0, 2],
    what: "MRC, result used by the next instruction",
    source: `${SLOSS} (recalled)`,
  },
  storeDataUse: {
    part: "interlocks",
    value: 1,
    unit: "switch",
    status: "assumed",
    range: [0, 1],
    what: "the data register of a store waits for a load as any other operand does",
    source: "ARM9E-S TRM DDI 0165B p. 8-22 has it so",
  },

  fillWholeLine: {
    part: "caches",
    value: 1,
    unit: "switch",
    status: "assumed",
    range: [0, 1],
    what:
      "after a miss the core waits for the whole line (0: for the words up to the one it wants)",
    source: "no source found for the ARM920T",
  },
  fetchAhead: {
    part: "caches",
    value: 2,
    unit: "count",
    status: "assumed",
    range: [0, 2],
    what: "instructions fetched beyond the one executed, so that a line is filled for them too, " +
      "branch or not; only lines that may be cached",
    source: "the fetch and decode stages of the pipeline hold them; no source for the fill",
  },
  fillDrainsBuffer: {
    part: "caches",
    value: 1,
    unit: "switch",
    status: "assumed",
    range: [0, 1],
    what: "a line fill waits until the write buffer is empty; the line it displaces follows it",
    source: "ARM946E-S TRM DDI 0155A 6.5.1 has it so; the order of fill and write-back: " + CACHES,
  },
  readDrainsBuffer: {
    part: "caches",
    value: 1,
    unit: "switch",
    status: "assumed",
    range: [0, 1],
    what: "a read that is not cached waits until the write buffer is empty",
    source: "ARM720T (Epson manual 5.2.4) has it so, the ARM946E-S for bufferable regions",
  },
  walkDrainsBuffer: {
    part: "caches",
    value: 0,
    unit: "switch",
    status: "assumed",
    range: [0, 1],
    what: "a table walk waits until the write buffer is empty",
    source: "software has to drain descriptors, so hardware need not",
  },
  writeBufferWords: {
    part: "caches",
    value: 16,
    unit: "count",
    status: "confirmed",
    range: [1, 64],
    what: "words that the write buffer holds",
    source: `${CACHES}, p. 4-1`,
  },
  writeBufferAddresses: {
    part: "caches",
    value: 4,
    unit: "count",
    status: "confirmed",
    range: [1, 16],
    what: "addresses that the write buffer holds: a store, an STM or a line written back takes one",
    source: `${CACHES}, p. 4-1`,
  },
  swapBuffered: {
    part: "caches",
    value: 0,
    unit: "switch",
    status: "assumed",
    range: [0, 1],
    what: "the write of a SWP that misses the cache may go to the write buffer",
    source: "ARM720T (Epson manual 5.2.3) and ARM946E-S TRM DDI 0155A 6.5.1: it does not",
  },
  cleanWord: {
    part: "caches",
    value: 1,
    unit: "core cycles",
    status: "assumed",
    range: [0, 2],
    what: "moving a word of a dirty line to the write buffer, in a c7 operation",
    source: "no source found for the ARM920T",
  },
  cacheOperation: {
    part: "caches",
    value: 0,
    unit: "core cycles",
    status: "assumed",
    range: [0, 3],
    what: "a c7 operation, beyond its MCR and what it has to write back or to wait for",
    source: "no source found for the ARM920T",
  },
  tlbOperation: {
    part: "caches",
    value: 0,
    unit: "core cycles",
    status: "assumed",
    range: [0, 3],
    what: "a c8 operation, beyond its MCR",
    source: "no source found for the ARM920T",
  },

  syncToBus: {
    part: "bus",
    value: 1,
    unit: "HCLK cycles",
    status: "assumed",
    range: [0, 2],
    what: "asynchronous clocking: change of the core to the bus clock, after the next edge of HCLK",
    source: "ARM920T TRM DDI 0151C, chapter 5, names the change, not its length",
  },
  syncToCore: {
    part: "bus",
    value: 1,
    unit: "core cycles",
    status: "assumed",
    range: [0, 2],
    what: "asynchronous clocking: change of the core back to FCLK",
    source: "ARM920T TRM DDI 0151C, chapter 5, names the change, not its length",
  },
  busOverhead: {
    part: "bus",
    value: 2,
    unit: "HCLK cycles",
    status: "assumed",
    range: [0, 4],
    what: "AHB address phase and the controller's own time, once a transfer or burst",
    source: "no source found for the S3C2440A",
  },
  ahbRegister: {
    part: "bus",
    value: 1,
    unit: "HCLK cycles",
    status: "assumed",
    range: [1, 3],
    what: "register of a device at the AHB (MEMC, INTC, DMA, CLKPWR, LCD, NAND), data phase",
    source: "AMBA 2 without wait states",
  },
  apbRegister: {
    part: "bus",
    value: 2,
    unit: "PCLK cycles",
    status: "assumed",
    range: [2, 4],
    what: "register of a device at the APB (UART, PWM, WDT, ...), after the next edge of PCLK",
    source: "AMBA 2: set-up and enable cycle; the bridge of the S3C2440A was not found",
  },
  rowsStayOpen: {
    part: "bus",
    value: 1,
    unit: "switch",
    status: "assumed",
    range: [0, 1],
    what: "the SDRAM controller leaves the row of each bank open",
    source: "no source found for the S3C2440A",
  },
  sdramBankBits: {
    part: "bus",
    value: 2,
    unit: "bits",
    status: "confirmed",
    range: [0, 2],
    what: "upper address bits of nGCS6 that choose a bank inside the SDRAM",
    source: "S3C2440A manual, table 5-2 (bank address A25:A24 at 64 MB)",
  },
  norWidth: {
    part: "bus",
    value: 16,
    unit: "bits",
    status: "assumed",
    range: [8, 32],
    what: "width of the NOR flash at nGCS0, which BWSCON only shows",
    source: "boards of the mini2440 class",
  },
} as const satisfies Readonly<Record<string, TimingConstant>>;

/** Name of a cost. */
export type TimingName = keyof typeof TIMING;

/** The names, in the order of the table. */
export const TIMING_NAMES: readonly TimingName[] = Object.keys(TIMING) as TimingName[];

/** A figure for every cost. */
export type TimingValues = Readonly<Record<TimingName, number>>;

/** Figures that differ from the table. */
export type TimingOptions = Partial<TimingValues>;

/**
 * The figures to use.
 *
 * @param options Those that differ from the table.
 * @throws {InputError} A name is none of the table's, or a figure is out of its range.
 */
export function timingValues(options: TimingOptions = {}): TimingValues {
  const values: Record<string, number> = {};
  for (const name of TIMING_NAMES) values[name] = TIMING[name].value;
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue;
    if (!Object.hasOwn(TIMING, name)) {
      throw new InputError(`timing.${name}`, "no such cost", `allowed: ${TIMING_NAMES.join(", ")}`);
    }
    const [least, most] = TIMING[name as TimingName].range;
    if (!Number.isInteger(value) || value < least || value > most) {
      const allowed = `allowed: a whole number from ${least} to ${most}`;
      throw new InputError(`timing.${name}`, `${value} is not allowed`, allowed);
    }
    values[name] = value;
  }
  return values as TimingValues;
}
