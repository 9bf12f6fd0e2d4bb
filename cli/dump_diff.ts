/**
 * What changed between two dumps of memory.
 *
 * @module
 */

import type { MemoryDump, PageTableRow } from "../mod.ts";

/** What can change in a row. */
export const CHANGING = ["pa", "ap", "domain", "table", "dirty", "generation"] as const;

/** The changing part of a row. */
export type RowState = Pick<PageTableRow, (typeof CHANGING)[number]>;

/** A mapping, or a kept version of a page, that changed, came or went. */
export interface RowChange {
  /** VM. */
  readonly vm: string;
  /** Task, null for the kernel and the common text. */
  readonly task: string | null;
  /** Table it is in. */
  readonly role: PageTableRow["role"];
  /** What is there. */
  readonly kind: string;
  /** Modified virtual address. */
  readonly mva: string;
  /** What it was; null: it came. */
  readonly before: Partial<RowState> | null;
  /** What it is; null: it went. */
  readonly after: Partial<RowState> | null;
}

/** The rows of a VM, or of all, that map or keep something. */
function rowsOf(dump: MemoryDump, vm: string | undefined): PageTableRow[] {
  const guests = dump.guests.filter((g) => vm === undefined || g.vm === vm);
  return guests.flatMap((g) => g.rows).filter((row) => row.region !== "error");
}

/** What a row is called; a version that no table names has no name but its frame. */
function keyOf(row: PageTableRow): string {
  return [row.vm, row.role, row.mva, row.table === null ? row.pa : ""].join(" ");
}

/** Only what differs from the other state. */
function differing(row: PageTableRow, other: PageTableRow): Partial<RowState> {
  return Object.fromEntries(
    CHANGING.filter((key) => row[key] !== other[key]).map((key) => [key, row[key]]),
  );
}

/**
 * Compares two dumps.
 *
 * @param before The earlier one.
 * @param after The later one.
 * @param vm Only this VM.
 * @returns Changes in the order of the rows: tables, then versions.
 */
export function changes(before: MemoryDump, after: MemoryDump, vm?: string): RowChange[] {
  const old = new Map(rowsOf(before, vm).map((row) => [keyOf(row), row]));
  const found: RowChange[] = [];
  const of = ({ vm, task, role, kind, mva }: PageTableRow) => ({ vm, task, role, kind, mva });
  const whole = (row: PageTableRow): RowState =>
    Object.fromEntries(CHANGING.map((key) => [key, row[key]])) as unknown as RowState;
  for (const row of rowsOf(after, vm)) {
    const was = old.get(keyOf(row));
    old.delete(keyOf(row));
    if (was === undefined) found.push({ ...of(row), before: null, after: whole(row) });
    else if (CHANGING.some((key) => row[key] !== was[key])) {
      found.push({ ...of(row), before: differing(was, row), after: differing(row, was) });
    }
  }
  for (const row of old.values()) found.push({ ...of(row), before: whole(row), after: null });
  return found;
}
