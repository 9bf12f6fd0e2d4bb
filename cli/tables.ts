/**
 * Tables for the terminal.
 *
 * @module
 */

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
 * Sets a table: a head, a rule, the rows; columns two blanks apart.
 *
 * @param columns The columns.
 * @param rows The cells.
 * @param paint Gives looks to the head.
 * @returns Lines with their ends.
 */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  paint: Paint,
): string {
  const set = new Table({
    head: columns.map(({ head }) => paint("bold", head)),
    colAligns: columns.map(({ right }) => right === true ? "right" : "left"),
    style: { head: [], border: [], "padding-left": 0, "padding-right": 2 },
    chars: {
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
    },
  });
  for (const row of rows) set.push(row.map((cell) => cell === undefined ? "-" : String(cell)));
  return set.toString().split("\n").map((line) => `${line.trimEnd()}\n`).join("");
}

/** Cycles as milliseconds of board time at 400 MHz. */
function milliseconds(cycles: number): string {
  return (cycles / 400_000).toFixed(2);
}

/**
 * The tables that end a run: VMs, tasks, and errors with what was done about them.
 *
 * @param events All events of the run.
 * @param summary Its last one.
 * @param paint Gives looks.
 */
export function summaryTables(
  events: readonly TraceEvent[],
  summary: SummaryEvent,
  paint: Paint,
): string {
  const vms = table(
    [
      { head: "VM" },
      { head: "state" },
      { head: "switches", right: true },
      { head: "task switches", right: true },
      { head: "checkpoints", right: true },
      { head: "faults", right: true },
      { head: "recoveries", right: true },
      { head: "hypercalls", right: true },
      { head: "console bytes", right: true },
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
    paint,
  );
  const tasks = table(
    [
      { head: "task" },
      { head: "VM" },
      { head: "state" },
      { head: "dispatched", right: true },
      { head: "kernel calls", right: true },
      { head: "lines", right: true },
      { head: "CPU ms", right: true },
      { head: "checkpoints", right: true },
      { head: "faults", right: true },
      { head: "recoveries", right: true },
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
    paint,
  );
  const parts = [vms, tasks];
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
