/**
 * ARMv4 page-table descriptors: making, reading and naming them.
 *
 * Source: ARM920T TRM (DDI 0151C) chapter 3.
 *
 * @module
 */

/** Access permissions (AP field). */
export const AP = {
  /** By S and R of c1. */
  SR: 0,
  /** Privileged read/write, User none. */
  PRIVILEGED: 1,
  /** Privileged read/write, User read-only. */
  USER_RO: 2,
  /** Read/write for all. */
  USER_RW: 3,
} as const;

/** C and B bits of a descriptor. */
export const MEMORY_TYPE = {
  /** Not cached, not buffered: device registers. */
  NCNB: 0,
  /** Not cached, buffered: tables, standby frames. */
  NCB: 1,
  /** Write-through. */
  WT: 2,
  /** Write-back. */
  WB: 3,
} as const;

/** First-level section descriptor: 1 MB at physical `base`. */
export function sectionDescriptor(base: number, ap: number, domain: number, cb: number): number {
  return ((base & 0xfff00000) | ap << 10 | domain << 5 | 0x10 | cb << 2 | 2) >>> 0;
}

/** First-level descriptor of a coarse table at physical `base` (1 KB aligned). */
export function coarseDescriptor(base: number, domain: number): number {
  return ((base & 0xfffffc00) | domain << 5 | 0x10 | 1) >>> 0;
}

/** Second-level small page (4 KB) with one permission for its four sub-pages. */
export function smallPageDescriptor(base: number, ap: number, cb: number): number {
  return ((base & 0xfffff000) | ap << 10 | ap << 8 | ap << 6 | ap << 4 | cb << 2 | 2) >>> 0;
}

/** A descriptor taken apart. */
export interface Descriptor {
  /** What it maps. */
  type: "fault" | "coarse" | "fine" | "section" | "large" | "small" | "tiny";
  /** Physical base of the memory or of the second-level table. */
  base: number;
  /** Bytes mapped (0 for a fault). */
  size: number;
  /** AP of the first sub-page; -1 for tables. */
  ap: number;
  /** Domain, for first-level descriptors; -1 otherwise. */
  domain: number;
  /** C bit. */
  c: 0 | 1;
  /** B bit. */
  b: 0 | 1;
}

const FAULT: Descriptor = { type: "fault", base: 0, size: 0, ap: -1, domain: -1, c: 0, b: 0 };

/** Takes a first-level descriptor apart. */
export function readFirstLevel(word: number): Descriptor {
  const domain = word >>> 5 & 15;
  switch (word & 3) {
    case 1:
      return { ...FAULT, type: "coarse", base: (word & 0xfffffc00) >>> 0, size: 0x100000, domain };
    case 2:
      return {
        type: "section",
        base: (word & 0xfff00000) >>> 0,
        size: 0x100000,
        ap: word >>> 10 & 3,
        domain,
        ...cacheBits(word),
      };
    case 3:
      return { ...FAULT, type: "fine", base: (word & 0xfffff000) >>> 0, size: 0x100000, domain };
    default:
      return FAULT;
  }
}

/** Takes a second-level descriptor apart. */
export function readSecondLevel(word: number): Descriptor {
  const common = { ap: word >>> 4 & 3, domain: -1, ...cacheBits(word) };
  switch (word & 3) {
    case 1:
      return { type: "large", base: (word & 0xffff0000) >>> 0, size: 0x10000, ...common };
    case 2:
      return { type: "small", base: (word & 0xfffff000) >>> 0, size: 0x1000, ...common };
    case 3:
      return { type: "tiny", base: (word & 0xfffffc00) >>> 0, size: 0x400, ...common };
    default:
      return FAULT;
  }
}

function cacheBits(word: number): { c: 0 | 1; b: 0 | 1 } {
  return { c: (word >>> 3 & 1) as 0 | 1, b: (word >>> 2 & 1) as 0 | 1 };
}

/** Permissions in words, privileged/User. */
export function apName(ap: number): string {
  return ["by S,R", "RW/-", "RW/RO", "RW/RW"][ap] ?? "-";
}

const STATUS_NAMES: Readonly<Record<number, string>> = {
  0b0001: "alignment",
  0b0011: "alignment",
  0b0101: "translation-section",
  0b0111: "translation-page",
  0b1001: "domain-section",
  0b1011: "domain-page",
  0b1101: "permission-section",
  0b1111: "permission-page",
  0b1000: "external-section",
  0b1010: "external-page",
};

/** Name of a fault status ("domain-page"); TRM table 3-9. */
export function faultStatusName(fsr: number): string {
  return STATUS_NAMES[fsr & 15] ?? `status-${fsr & 15}`;
}
