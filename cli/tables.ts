/**
 * Tables for the terminal.
 *
 * @module
 */

import { stripVTControlCharacters } from "node:util";
import Table from "cli-table3";
import type { SummaryEvent, TraceEvent } from "../mod.ts";
import type { Paint } from "./paint.ts";
import { groupFaults, ladderText, place } from "./story.ts";

/** A column: its head, and whether its cells are numbers. */
export interface Column {
  /** Head. */
  readonly head: string;
  /** Cells are set to the right. */
  readonly right?: boolean;
}

/** A cell. */
export type Cell = string | number | undefined;

/**
 * Sets a table: a head, then the rows; columns two blanks apart, or one where two are too many.
 *
 * @param columns The columns; a head may have two lines.
 * @param rows The cells.
 * @param style Looks of the head, and the width of the output.
 * @returns Lines with their ends.
 */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  style: Style,
): string {
  const wide = setTable(columns, rows, style.paint, 2);
  const fits = wide.split("\n").every((line) =>
    stripVTControlCharacters(line).length <= style.columns
  );
  return fits ? wide : setTable(columns, rows, style.paint, 1);
}

/** How tables look. */
export interface Style {
  /** Gives looks. */
  readonly paint: Paint;
  /** Width of the output. */
  readonly columns: number;
}

/** Sets a table with that many blanks between its columns. */
function setTable(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  paint: Paint,
  gap: number,
): string {
  const bold = (head: string): string =>
    head.split("\n").map((line) => paint("bold", line)).join("\n");
  const set = new Table({
    head: columns.map(({ head }) => bold(head)),
    colAligns: columns.map(({ right }) => right === true ? "right" : "left"),
    style: { head: [], border: [], "padding-left": 0, "padding-right": gap },
    chars: NO_RULES,
  });
  for (const row of rows) set.push(row.map((cell) => cell === undefined ? "-" : String(cell)));
  return set.toString().split("\n").map((line) => `${line.trimEnd()}\n`).join("");
}

/** The package's names of the rules between cells, all of them left out. */
const NO_RULES = {
  "top": "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  "bottom": "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  "left": "",
  "left-mid": "",
  "mid": "",
  "mid-mid": "",
  "right": "",
  "right-mid": "",
  "middle": "",
} as const;

/** Cycles as milliseconds of board time at 400 MHz. */
function milliseconds(cycles: number): string {
  return (cycles / 400_000).toFixed(2);
}

/**
 * The tables that end a run: VMs, tasks, and errors with what was done about them.
 *
 * @param events All events of the run.
 * @param summary Its last one.
 * @param style Looks and width.
 */
export function summaryTables(
  events: readonly TraceEvent[],
  summary: SummaryEvent,
  style: Style,
): string {
  const { paint } = style;
  const vms = table(
    [
      { head: "VM" },
      { head: "state" },
      { head: "switches", right: true },
      { head: "task\nswitches", right: true },
      { head: "check-\npoints", right: true },
      { head: "faults", right: true },
      { head: "recov-\neries", right: true },
      { head: "hyper-\ncalls", right: true },
      { head: "console\nbytes", right: true },
      { head: "CPU ms", right: true },
    ],
    summary.vms.map((vm) => [
      vm.vm,
      vm.state,
      vm.switches,
      vm.task_switches,
      vm.checkpoints,
      vm.faults === 0 ? 0 : paint("red", String(vm.faults)),
      vm.recoveries === 0 ? 0 : paint("green", String(vm.recoveries)),
      vm.hypercalls,
      vm.console_bytes,
      milliseconds(vm.cycles),
    ]),
    style,
  );
  const tasks = table(
    [
      { head: "task" },
      { head: "VM" },
      { head: "state" },
      { head: "dis-\npatched", right: true },
      { head: "kernel\ncalls", right: true },
      { head: "lines", right: true },
      { head: "CPU ms", right: true },
      { head: "check-\npoints", right: true },
      { head: "faults", right: true },
      { head: "recov-\neries", right: true },
    ],
    summary.vms.flatMap(({ vm, tasks }) =>
      tasks.map((task) => [
        task.task,
        vm,
        task.state === "stopped" ? paint("yellow", task.state) : task.state,
        task.dispatched,
        task.calls,
        task.lines,
        milliseconds(task.cycles),
        task.checkpoints,
        task.faults === 0 ? 0 : paint("red", String(task.faults)),
        task.recoveries === 0 ? 0 : paint("green", String(task.recoveries)),
      ])
    ),
    style,
  );
  const parts = summary.vms.some(({ tasks }) => tasks.length > 0) ? [vms, tasks] : [vms];
  const faults = faultTable(events, paint);
  if (faults !== "") parts.push(faults);
  return parts.join("\n");
}

/** The errors of a run, the same error in one row; `""` when there was none. */
export function faultTable(events: readonly TraceEvent[], paint: Paint): string {
  const groups = groupFaults(events);
  if (groups.length === 0) return "";
  return groups.map(({ first, times, actions }) => {
    const who = first.task === undefined ? first.vm : `${first.vm}, task ${first.task}`;
    const lines: [string, string][] = [
      ["raised by", `${who} (class ${first.class})`],
      ["kind", first.kind],
      ...(first.fsr === undefined ? [] : [["FSR", first.fsr] as [string, string]]),
      ...(first.far === undefined
        ? []
        : [["FAR", place(first.far, first.far_symbol)] as [string, string]]),
      ["PC", place(first.pc, first.pc_symbol)],
      ...(first.instruction === undefined
        ? []
        : [["instruction", first.instruction] as [string, string]]),
      ...(first.detail === undefined ? [] : [["detail", first.detail] as [string, string]]),
      ["recovery", actions.length === 0 ? "none" : ladderText(actions)],
    ];
    const head = paint("bold", `fault, ${times === 1 ? "once" : `${times} times`}`);
    const text = lines.map(([name, value]) => `  ${paint("dim", name.padEnd(12))}${value}\n`);
    return `${head}\n${text.join("")}`;
  }).join("\n");
}
