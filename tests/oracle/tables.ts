/**
 * The translation tables of the random cases.
 *
 * The `plain` table maps what every case needs. The `arena` table maps, besides, 256 MB of random
 * sections, large, small and tiny pages with random domains and permissions, faults among them.
 * All of them lead to one megabyte of scratch memory.
 *
 * @module
 */

import { LAYOUT, VENEERS } from "./harness.ts";
import type { Random } from "./random.ts";

/** First address of the arena. */
export const ARENA = 0x80000000;

/** Megabytes of the arena: eight FCSE slots. */
export const ARENA_MB = 256;

/**
 * Where code of the cases can run with the MMU on: three mappings of the same memory, none at an
 * address that sums of corner values would hit.
 */
export const CODE_AT = {
  /** Added to a physical address for the mapping with AP = 00, which R makes read-only. */
  readOnly: 0x1b400000,
  /** The same for AP = 11. */
  writable: 0x43600000,
  /** The same for AP = 10, independent of S and R. */
  arena: 0x4b600000,
} as const;

/** Alias of the scratch megabyte for the harness. */
export const SCRATCH_ALIAS = 0x4ff00000;

/** Domains with a fixed use; 3 to 15 are the arena's. */
export const DOMAIN = { harness: 0, records: 1, code: 2 } as const;

const SECTION = 2;
const COARSE = 1;
const FINE = 3;

/**
 * Whether a jump to `va` could find anything but the vectors, whatever the table: cases that jump
 * anywhere are not to run into each other.
 *
 * @param ram Physical address of RAM.
 * @param va Virtual address.
 */
export function isMapped(ram: number, va: number): boolean {
  const within = (start: number, bytes: number): boolean => va - start >>> 0 < bytes;
  const code = ram + LAYOUT.code;
  return within(ARENA, ARENA_MB << 20) || within(ram, LAYOUT.end) ||
    within(SCRATCH_ALIAS, 0x100000) ||
    Object.values(CODE_AT).some((alias) => within(alias + code, LAYOUT.codeBytes));
}

/** The tables as words, relative to the start of RAM. */
export interface PageTables {
  /** Base of the plain table. */
  readonly plain: number;
  /** Base of the arena table. */
  readonly arena: number;
  /** The words at `LAYOUT.tables` and after. */
  readonly words: Uint32Array;
  /** Physical address behind an address of the arena, or undefined where it faults. */
  physical(va: number): number | undefined;
}

/** Number of 4 KB pages of harness code and context. */
const HARNESS_PAGES = 4;

/**
 * Builds both tables.
 *
 * @param ram Physical address of RAM.
 * @param random Source of the arena.
 */
export function buildTables(ram: number, random: Random): PageTables {
  const words = new Uint32Array((LAYOUT.harness - LAYOUT.tables) / 4);
  const at = (offset: number): number => (offset - LAYOUT.tables) / 4;
  const plain = LAYOUT.tables;
  const arena = LAYOUT.tables + 0x4000;
  let free: number = LAYOUT.pages;
  const take = (bytes: number): number => {
    free = Math.ceil(free / bytes) * bytes;
    const table = free;
    free += bytes;
    if (free > LAYOUT.harness) throw new RangeError("no room for translation tables");
    return table;
  };
  const scratch = ram + LAYOUT.scratch;
  const domainBits = (d: number): number => d << 5 | 1 << 4;
  const everywhere = (va: number, descriptor: number): void => {
    for (const table of [plain, arena]) words[at(table) + (va >>> 20)] = descriptor;
  };
  const coarse = (va: number, domain: number): number => {
    const table = take(1024);
    everywhere(va, ram + table | domainBits(domain) | COARSE);
    return table;
  };
  const section = (va: number, pa: number, domain: number, ap: number): void =>
    everywhere(va, pa & 0xfff00000 | ap << 10 | domainBits(domain) | SECTION);

  // Vectors and veneers, low and high, privileged only.
  const privileged = 0x55 << 4 | 2;
  const low = at(coarse(0, DOMAIN.harness));
  words[low] = privileged;
  words[low + (VENEERS.low.page >>> 12)] = VENEERS.low.page | privileged;
  const high = at(coarse(0xffff0000, DOMAIN.harness));
  words[high + 0xf0] = ram + LAYOUT.highVectors | privileged;
  words[high + (VENEERS.high.page >>> 12 & 0xff)] = ram + LAYOUT.highVectors + 0x1000 | privileged;
  const harness = coarse(ram, DOMAIN.harness);
  for (let i = 0; i < HARNESS_PAGES; i++) {
    const pa = ram + LAYOUT.harness + i * 0x1000;
    words[at(harness) + (pa >>> 12 & 0xff)] = pa | privileged;
  }
  // The window of plain cases: the two pages around its middle.
  const window = coarse(scratch, DOMAIN.code);
  for (const page of [0x0f, 0x10]) words[at(window) + page] = scratch + page * 0x1000 | 0xff2;
  for (let mb = 0; mb < LAYOUT.codeBytes; mb += 0x100000) {
    const pa = ram + LAYOUT.code + mb;
    section(CODE_AT.readOnly + pa, pa, DOMAIN.code, 0);
    section(CODE_AT.writable + pa, pa, DOMAIN.code, 3);
    section(CODE_AT.arena + pa, pa, DOMAIN.code, 2);
  }
  for (let pa = ram + LAYOUT.pool; pa < ram + LAYOUT.end; pa += 0x100000) {
    section(pa, pa, DOMAIN.records, 1);
  }
  section(SCRATCH_ALIAS, scratch, DOMAIN.records, 1);

  // The arena.
  const permissions = (): number => random.chance(0.5) ? random.below(4) * 0x55 : random.below(256);
  const cb = (): number => random.below(4) << 2;
  const large = (): number => scratch | random.below(16) << 16 | permissions() << 4 | cb() | 1;
  const small = (): number => scratch | random.below(256) << 12 | permissions() << 4 | cb() | 2;
  const tiny = (): number => scratch | random.below(1024) << 10 | random.below(4) << 4 | cb() | 3;
  for (let mb = 0; mb < ARENA_MB; mb++) {
    const slot = at(arena) + (ARENA >>> 20) + mb;
    const bits = domainBits(random.between(3, 15));
    const kind = random.below(20);
    if (kind < 6) {
      words[slot] = scratch | random.below(4) << 10 | bits | cb() | SECTION;
    } else if (kind < 13) {
      const table = take(1024);
      words[slot] = ram + table | bits | COARSE;
      for (let i = 0; i < 256;) {
        if (i % 16 === 0 && random.chance(0.25)) {
          const entry = large();
          for (let k = 0; k < 16; k++) words[at(table) + i++] = entry;
        } else {
          words[at(table) + i++] = random.chance(0.85) ? small() : random.u32() & ~3;
        }
      }
    } else if (kind < 18) {
      const table = take(4096);
      words[slot] = ram + table | bits | FINE;
      for (let i = 0; i < 1024;) {
        const x = random.below(64);
        if (i % 64 === 0 && x < 8) {
          const entry = large();
          for (let k = 0; k < 64; k++) words[at(table) + i++] = entry;
        } else if (i % 4 === 0 && x < 32) {
          const entry = small();
          for (let k = 0; k < 4; k++) words[at(table) + i++] = entry;
        } else {
          words[at(table) + i++] = x < 58 ? tiny() : random.u32() & ~3;
        }
      }
    } else {
      words[slot] = random.u32() & ~3;
    }
  }
  return {
    plain: ram + plain,
    arena: ram + arena,
    words,
    physical: (va) => {
      const first = words[at(arena) + (va >>> 20)];
      if ((first & 3) === 0) return undefined;
      if ((first & 3) === SECTION) return ((first & 0xfff00000) | va & 0xfffff) >>> 0;
      const fine = (first & 3) === FINE;
      const table = (fine ? first & ~0xfff : first & ~0x3ff) - ram;
      const second = words[at(table) + (fine ? va >>> 10 & 0x3ff : va >>> 12 & 0xff)];
      const mask = [0, 0xffff, 0xfff, 0x3ff][second & 3];
      return mask === 0 ? undefined : ((second & ~mask) | va & mask) >>> 0;
    },
  };
}
