/**
 * Compares what both sides left in memory.
 *
 * @module
 */

import type { Case, World } from "./case.ts";
import { correct, type DeviationId } from "./deviations.ts";
import { LAYOUT, OUTPUT } from "./harness.ts";

/** A word that differs. */
export interface Difference {
  /** What it is. */
  readonly what: string;
  /** The emulator's value. */
  readonly own: number;
  /** The other side's, after the known deviations. */
  readonly other: number;
}

/** A case that differs. */
export interface Mismatch {
  /** Index in its batch. */
  readonly index: number;
  /** The case. */
  readonly test: Case;
  /** What differs. */
  readonly differences: readonly Difference[];
}

/** Result of a comparison. */
export interface Comparison {
  /** Cases that differ. */
  readonly mismatches: readonly Mismatch[];
  /** Words outside of the records that differ. */
  readonly memory: readonly Difference[];
  /** How often each deviation was met. */
  readonly deviations: ReadonlyMap<DeviationId, number>;
}

const VECTORS = ["reset", "undefined", "SWI", "prefetch abort", "data abort", "-", "IRQ", "FIQ"];

/** Name of a word of an output record. */
export function outputName(word: number): string {
  const { r0, usr, fiq, irq, svc, abt, und, pieceA, pieceB, words } = OUTPUT;
  if (word < r0) return ["vector", "CPSR", "FSR", "IFSR", "FAR"][word];
  if (word < usr) return `r${word - r0}`;
  if (word < fiq) return `r${word - usr + 8}_usr`;
  if (word < irq) return word === irq - 1 ? "SPSR_fiq" : `r${word - fiq + 8}_fiq`;
  for (const [name, at] of Object.entries({ irq, svc, abt, und })) {
    if (word < at + 3) return [`r13_${name}`, `r14_${name}`, `SPSR_${name}`][word - at];
  }
  if (word < pieceB) return `window[${4 * (word - pieceA) - 64}]`;
  return word < words ? `window[+${4 * (word - pieceB)}]` : "?";
}

/** Text of a difference. */
export function describe(d: Difference): string {
  const text = (value: number): string =>
    d.what === "vector" ? VECTORS[value] ?? String(value) : `0x${value.toString(16)}`;
  return `${d.what}: emulator ${text(d.own)}, QEMU ${text(d.other)}`;
}

/**
 * Compares two memories of the same batch, word by word.
 *
 * @param world Surroundings of the cases.
 * @param cases The cases.
 * @param own The emulator's memory.
 * @param other The other side's; the known deviations are corrected in place.
 */
export function compare(
  world: World,
  cases: readonly Case[],
  own: Uint32Array,
  other: Uint32Array,
): Comparison {
  const deviations = new Map<DeviationId, number>();
  const mismatches: Mismatch[] = [];
  const twinned = new Set<number>();
  const storedPc = new Set<number>();
  cases.forEach((test, index) => {
    const at = LAYOUT.output / 4 + index * OUTPUT.words;
    const mine = own.subarray(at, at + OUTPUT.words);
    const theirs = other.subarray(at, at + OUTPUT.words);
    for (const id of correct({ test, own: mine, other: theirs, tables: world.tables })) {
      deviations.set(id, (deviations.get(id) ?? 0) + 1);
    }
    const differences: Difference[] = [];
    for (let i = 0; i < OUTPUT.words; i++) {
      if (mine[i] !== theirs[i]) {
        differences.push({ what: outputName(i), own: mine[i], other: theirs[i] });
      }
    }
    if (differences.length > 0) mismatches.push({ index, test, differences });
    const { adjust, address } = test;
    if (adjust.storedPc !== undefined) storedPc.add(adjust.storedPc);
    for (let i = 0; i < (adjust.twin?.length ?? 0); i++) {
      twinned.add((address - world.ram + 2 * i) >>> 2);
    }
  });
  // All other memory: tables, scratch, code, records. The context of the harness holds r0-r7 of the
  // last case, which a twin may have spoiled.
  const memory: Difference[] = [];
  for (let i = 0; i < LAYOUT.output / 4; i++) {
    if (own[i] === other[i] || twinned.has(i)) continue;
    if (i >= LAYOUT.context / 4 && i < LAYOUT.context / 4 + 32) continue;
    if (storedPc.has(other[i]) && own[i] === other[i] + 4) continue;
    memory.push({ what: `RAM + 0x${(4 * i).toString(16)}`, own: own[i], other: other[i] });
  }
  return { mismatches, memory, deviations };
}
