/**
 * Where QEMU is known to do otherwise than the ARM920T's manuals say. The reasons and sources are in
 * docs/deviations.md, one section for each identifier; a test keeps the two in step.
 *
 * A deviation is either a *twin* (the generator has QEMU run other instructions that say the same)
 * or a *correction* of what QEMU reports. Nothing else is allowed to differ.
 *
 * @module
 */

import type { Case } from "./case.ts";
import { INPUT, OUTPUT } from "./harness.ts";
import { ARENA, ARENA_MB, type PageTables } from "./tables.ts";

/** The deviations, by name. */
export const DEVIATIONS = [
  "unaligned-word",
  "unaligned-block",
  "pc-plus-12",
  "return-by-any-operation",
  "thumb-of-later-versions",
  "bl-halves",
  "abort-sets-a",
  "far-is-va",
  "domain-before-walk",
  "user-ldm-base",
] as const;

/** A name of {@linkcode DEVIATIONS}. */
export type DeviationId = typeof DEVIATIONS[number];

/** What a correction looks at. */
export interface Correction {
  /** The case. */
  readonly test: Case;
  /** The other side's output record; changed in place. */
  readonly other: Uint32Array;
  /** The emulator's, for parts that the manual leaves open. */
  readonly own: Uint32Array;
  /** Translation tables. */
  readonly tables: PageTables;
}

const ABORTS = [3, 4];

/** The corrections, in the order in which they are applied; true when something was changed. */
export const CORRECTIONS: readonly {
  readonly id: DeviationId;
  readonly apply: (c: Correction) => boolean;
}[] = [
  {
    id: "abort-sets-a",
    apply: ({ other }) => clear(other, OUTPUT.cpsr, 1 << 8),
  },
  {
    id: "far-is-va",
    apply: ({ test, other }) => {
      const { newPid } = test.adjust;
      const changed = newPid !== undefined && other[OUTPUT.abt + 1] - 8 > newPid.address;
      const pid = changed ? newPid.pid : test.input[INPUT.pid];
      const far = other[OUTPUT.far];
      if (pid === 0 || other[OUTPUT.vector] !== 4 || far >= 0x02000000) return false;
      other[OUTPUT.far] = far + pid;
      return true;
    },
  },
  {
    id: "domain-before-walk",
    apply: ({ test, other, tables }) => {
      const vector = other[OUTPUT.vector];
      const word = vector === 4 ? OUTPUT.fsr : OUTPUT.ifsr;
      if (!ABORTS.includes(vector) || (other[word] & 15) !== 11) return false;
      let address = vector === 4 ? other[OUTPUT.far] : other[OUTPUT.abt + 1] - 4;
      if (vector === 3 && address >>> 0 < 0x02000000) address += test.input[INPUT.pid];
      if (address - ARENA >>> 0 >= ARENA_MB << 20) return false;
      if (tables.physical(address >>> 0) !== undefined) return false;
      other[word] = other[word] & ~15 | 7;
      return true;
    },
  },
  {
    id: "user-ldm-base",
    apply: ({ test, other }) => {
      const rn = test.adjust.userBase;
      if (rn === undefined || other[OUTPUT.vector] !== 4) return false;
      const word = rn < 8 ? OUTPUT.r0 + rn : OUTPUT.usr + rn - 8;
      const changed = other[word] !== test.input[INPUT.entry + rn];
      other[word] = test.input[INPUT.entry + rn];
      return changed;
    },
  },
  {
    id: "pc-plus-12",
    apply: ({ test, other }) => {
      const { storedPc } = test.adjust;
      if (storedPc === undefined) return false;
      let changed = false;
      for (let i = OUTPUT.pieceA; i < OUTPUT.words; i++) {
        if (other[i] !== storedPc) continue;
        other[i] += 4;
        changed = true;
      }
      return changed;
    },
  },
];

function clear(words: Uint32Array, index: number, mask: number): boolean {
  const changed = (words[index] & mask) !== 0;
  words[index] &= ~mask;
  return changed;
}

/**
 * Brings the other side's record to what the manual says, by the known deviations alone.
 *
 * @returns The deviations that made a difference.
 */
export function correct(c: Correction): DeviationId[] {
  const { test, other, own } = c;
  const used: DeviationId[] = [];
  const { deviation, flagsMasked, registerMasked } = test.adjust;
  if (deviation !== undefined) used.push(deviation);
  if (flagsMasked !== undefined) {
    for (const word of [OUTPUT.cpsr, OUTPUT.svc + 2]) {
      other[word] = other[word] & ~flagsMasked | own[word] & flagsMasked;
    }
  }
  if (registerMasked !== undefined) {
    other[OUTPUT.r0 + registerMasked] = test.input[INPUT.entry + registerMasked];
  }
  for (const { id, apply } of CORRECTIONS) if (apply(c)) used.push(id);
  return used;
}
