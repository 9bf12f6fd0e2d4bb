/**
 * Counts of what the MMU was asked to do.
 *
 * @module
 */
import { C7, C8 } from "./cp15.ts";

/** A count for each operation of a table of {@linkcode C7} or {@linkcode C8}. */
export type OperationCounts<T> = Record<keyof T, number>;

/** What the MMU was asked to do since reset. Tests of maintenance look here. */
export interface MmuCounters {
  /** Table walks for instruction fetches. */
  walksInstruction: number;
  /** Table walks for data accesses. */
  walksData: number;
  /** c7 operations by name. */
  c7: OperationCounts<typeof C7>;
  /** c8 operations by name. */
  c8: OperationCounts<typeof C8>;
}

function zeroCounts<T extends object>(operations: T): OperationCounts<T> {
  return Object.fromEntries(Object.keys(operations).map((k) => [k, 0])) as OperationCounts<T>;
}

function namesByNumber<T extends Record<string, number>>(operations: T): (keyof T | undefined)[] {
  const names: (keyof T | undefined)[] = [];
  for (const name of Object.keys(operations)) names[operations[name]] = name;
  return names;
}

/** Names of the c7 operations, by number. */
export const C7_NAMES: readonly (keyof typeof C7 | undefined)[] = namesByNumber(C7);
/** Names of the c8 operations, by number. */
export const C8_NAMES: readonly (keyof typeof C8 | undefined)[] = namesByNumber(C8);

/**
 * Counters at zero.
 *
 * @returns New counters.
 */
export function zeroMmuCounters(): MmuCounters {
  return { walksInstruction: 0, walksData: 0, c7: zeroCounts(C7), c8: zeroCounts(C8) };
}
