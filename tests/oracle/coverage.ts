/**
 * Which rows of the instruction tables, with which outcome of the condition and which addressing
 * form, were executed how often.
 *
 * Here, and only here, the oracle reads the emulator's tables: to know what there is to cover.
 *
 * @module
 */

import { ARM_ROWS, type ArmRow, armRow } from "../../core/isa_arm.ts";
import { THUMB_ROWS, type ThumbRow, thumbRow } from "../../core/isa_thumb.ts";
import { COND, conditionHolds } from "./encode.ts";

/** Letters of row fields that choose an addressing form or an operation of their own. */
const FORM_LETTERS = "SPUBWNRt";

/** Shift types by number. */
const SHIFTS = ["lsl", "lsr", "asr", "ror"];

/** How a condition came out. */
export const OUTCOMES = ["always", "passed", "failed"] as const;

/** An outcome. */
export type Outcome = typeof OUTCOMES[number];

function bits(value: number, shift: number, width: number): number {
  return value >>> shift & (1 << width) - 1;
}

/** The addressing form of an ARM instruction, such as `P1 U0 W1` or `S1 ror #0`. */
function armForm(row: ArmRow, insn: number): string {
  const parts: string[] = [];
  for (const { letter, shift, width } of row.operands) {
    const value = bits(insn, shift, width);
    if (letter === "t") {
      const constant = (insn >>> 4 & 1) === 0;
      parts.push(SHIFTS[value] + (constant && bits(insn, 7, 5) === 0 ? " #0" : ""));
    } else if (letter === "f") {
      parts.push(`fields=${value.toString(2).padStart(4, "0")}`);
    } else if (FORM_LETTERS.includes(letter)) {
      parts.push(letter + value);
    }
  }
  if (row.form === "multiple") parts.push((insn & 0x8000) !== 0 ? "pc" : "no-pc");
  return parts.join(" ");
}

/** Every form that a row has to be covered in. */
function armForms(row: ArmRow): string[] {
  let forms: string[][] = [[]];
  const extend = (choices: readonly string[]): void => {
    forms = forms.flatMap((f) => choices.map((c) => [...f, c]));
  };
  for (const { letter, width } of row.operands) {
    if (letter === "t") {
      extend(row.form === "data-reg" ? SHIFTS : SHIFTS.flatMap((s) => [s, `${s} #0`]));
    } else if (letter === "f") {
      extend(
        Array.from({ length: 15 }, (_, i) => `fields=${(i + 1).toString(2).padStart(4, "0")}`),
      );
    } else if (FORM_LETTERS.includes(letter)) {
      extend(Array.from({ length: 1 << width }, (_, i) => letter + i));
    }
  }
  if (row.form === "multiple") extend(["pc", "no-pc"]);
  return forms.map((f) => f.join(" ")).filter((f) => !unpredictable(row, f));
}

/** Forms that the manual leaves UNPREDICTABLE; docs/deviations.md lists them. */
function unpredictable(row: ArmRow, form: string): boolean {
  const has = (...parts: string[]): boolean => parts.every((p) => form.split(" ").includes(p));
  // Post-indexing writes back anyway; W is nothing there.
  if (row.form === "half-imm" || row.form === "half-reg") return has("P0", "W1");
  // Write-back of the user bank.
  if (row.form === "multiple") {
    return has("S1", "W1") && !(row.name === "ldm" && has("pc"));
  }
  return false;
}

/** A cell of the table. */
export interface Cell {
  /** Name of the row with its number, such as `arm 12 add data-imm`. */
  readonly row: string;
  /** Addressing form; empty where there is one only. */
  readonly form: string;
  /** Outcome of the condition. */
  readonly outcome: Outcome;
  /** Times executed. */
  readonly count: number;
}

function armName(row: ArmRow): string {
  return `arm ${row.id} ${row.name} ${row.form}`;
}

function thumbName(row: ThumbRow): string {
  return `thumb ${row.id} ${row.name} ${row.form}`;
}

/** Forms and outcomes that a Thumb row has to be covered in. */
function thumbCells(row: ThumbRow): [string, Outcome][] {
  if (row.form === "branch-cond") return [["", "passed"], ["", "failed"]];
  return [["", "always"]];
}

/** Counts executed instructions. */
export class Coverage {
  /** Instructions counted. */
  total = 0;
  readonly #counts = new Map<string, number>();

  /** Counts an ARM instruction about to be executed with these flags. */
  arm(insn: number, cpsr: number): void {
    const row = armRow(insn);
    const cond = insn >>> 28;
    const outcome = cond === COND.AL ? "always" : conditionHolds(cond, cpsr) ? "passed" : "failed";
    this.#count(`${armName(row)}|${armForm(row, insn)}|${outcome}`);
  }

  /** Counts a Thumb instruction. */
  thumb(insn: number, cpsr: number): void {
    const row = thumbRow(insn);
    const outcome = row.form !== "branch-cond"
      ? "always"
      : conditionHolds(insn >>> 8 & 15, cpsr)
      ? "passed"
      : "failed";
    this.#count(`${thumbName(row)}||${outcome}`);
  }

  #count(key: string): void {
    this.total++;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  /** Every cell that has to be covered, with its count. */
  cells(): Cell[] {
    const cells: Cell[] = [];
    const add = (row: string, form: string, outcome: Outcome): void => {
      const count = this.#counts.get(`${row}|${form}|${outcome}`) ?? 0;
      cells.push({ row, form, outcome, count });
    };
    for (const row of ARM_ROWS) {
      for (const form of armForms(row)) {
        for (const outcome of OUTCOMES) add(armName(row), form, outcome);
      }
    }
    for (const row of THUMB_ROWS) {
      for (const [form, outcome] of thumbCells(row)) add(thumbName(row), form, outcome);
    }
    return cells;
  }

  /** Lines of a table: per row the number of forms and the least count of each outcome. */
  table(): string[] {
    const rows = new Map<string, Cell[]>();
    for (const cell of this.cells()) rows.set(cell.row, [...rows.get(cell.row) ?? [], cell]);
    const least = (cells: Cell[], outcome: Outcome): string => {
      const counts = cells.filter((c) => c.outcome === outcome).map((c) => c.count);
      return counts.length === 0 ? "-" : String(Math.min(...counts));
    };
    const lines = [
      `${"row".padEnd(36)}${"forms".padStart(6)}${"always".padStart(9)}${"passed".padStart(9)}` +
      `${"failed".padStart(9)}   (least count of any form)`,
    ];
    for (const [row, cells] of rows) {
      const forms = new Set(cells.map((c) => c.form)).size;
      const numbers = OUTCOMES.map((o) => least(cells, o).padStart(9)).join("");
      lines.push(row.padEnd(36) + String(forms).padStart(6) + numbers);
    }
    return lines;
  }
}
