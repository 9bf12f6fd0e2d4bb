/**
 * `understudy bench`: what switches and backups cost, and how fast the emulator is.
 *
 * @module
 */

import { Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { BACKUP_STRATEGIES, type BenchRow, benchSwitch, InputError } from "../mod.ts";
import { measureCow, showCow } from "./bench_cow.ts";
import { checkCpuOptions, measureCpu, showCpu } from "./bench_cpu.ts";
import { measureSensitivity, showSensitivity } from "./bench_sensitivity.ts";
import { oneOf } from "./choices.ts";
import { painter } from "./paint.ts";
import { examplesHelp, EXIT_HELP, type Session } from "./program.ts";
import { gather, SHARED, timeText } from "./settings.ts";
import { table } from "./tables.ts";
import { paragraph } from "./view.ts";

/** The measurements, and what they are about. */
const BENCHES = { switch: "VM switch", task: "task switch" } as const;
/** The measurement that is not of board time. */
const CPU = "cpu";
/** The measurement of one strategy, by pages written. */
const COW = "cow";
/** The measurement of the timed fidelity's assumptions. */
const SENSITIVITY = "sensitivity";
const WHAT = [
  ...Object.keys(BENCHES) as (keyof typeof BENCHES)[],
  COW,
  CPU,
  SENSITIVITY,
] as const;
/** The guests that are switched between: two that never wait, and two with tasks that do. */
const GUESTS: Readonly<Record<keyof typeof BENCHES, readonly string[]>> = {
  switch: ["compute:1000000", "compute:1000000"],
  task: ["ucos-1", "ucos-2"],
};

/** A number of nanoseconds, no more exact than the cycle of 2.5 ns. */
function ns(value: number): string {
  return value >= 1e5 ? `${(value / 1e3).toFixed(0)} µs` : value.toFixed(1);
}

/** Makes the command. */
export function benchCommand(session: Session): CommandUnknownOpts {
  const { io } = session;
  return new Command("bench")
    .summary("measure what switches and backups cost, or the emulator's speed")
    .description(
      "Measures on the emulated board, with each backup strategy, and prints the figures beside " +
        "those of the paper. switch: from VM to VM; task: from task to task inside a VM. cow: what " +
        "copy on write costs, by the pages written in a period. cpu: instructions a second of this " +
        "host, beside QEMU's where it is installed. sensitivity: what the assumed costs of the timed " +
        "fidelity make of its figures.",
    )
    .argument("[WHAT]", `what to measure: ${WHAT.join(", ")}`, "switch")
    .option("--for <time>", "board time of each run", timeText("--for"), "500ms")
    .addOption(SHARED.period)
    .addOption(SHARED.slice)
    .addOption(SHARED.json)
    .addHelpText("after", HELP)
    .action(async (word, options, command) => {
      const what = oneOf(word, WHAT, "WHAT");
      if (what === CPU) {
        const names = Object.keys(options) as (keyof typeof options)[];
        checkCpuOptions(names.filter((name) => command.getOptionValueSource(name) === "cli"));
        showCpu(await measureCpu(), options.json === true, io);
        return;
      }
      if (what === SENSITIVITY) {
        const given = (["for", "period", "slice"] as const)
          .find((name) => command.getOptionValueSource(name) === "cli");
        if (given !== undefined) {
          throw new InputError(`--${given}`, "not together with sensitivity", "allowed: --json");
        }
        showSensitivity(await measureSensitivity(), options.json === true, io);
        return;
      }
      if (what === COW) {
        const given = (name: "for" | "period" | "slice") =>
          command.getOptionValueSource(name) === "cli";
        if (given("slice")) {
          throw new InputError("--slice", "not together with cow", "allowed: --for, --period");
        }
        const time = given("for") ? options.for : undefined;
        const measured = await measureCow({ period: options.period, for: time });
        showCow(measured, options.json === true, io);
        return;
      }
      const settings = await gather(GUESTS[what], { ...options, vm0: true }, io);
      let rows: BenchRow[];
      try {
        rows = await benchSwitch(settings.lab, what, BACKUP_STRATEGIES, options.for);
      } catch (error) {
        throw settings.located(error);
      }
      if (options.json) {
        for (const row of rows) io.out(`${JSON.stringify(row)}\n`);
        return;
      }
      const paint = painter(io.color);
      io.out(`${paint("bold", `What a ${BENCHES[what]} costs`)}\n\n`);
      io.out(table(
        [
          { head: "strategy" },
          { head: "part" },
          { head: "switches", right: true },
          { head: "cycles", right: true },
          { head: "min ns", right: true },
          { head: "median ns", right: true },
          { head: "max ns", right: true },
          { head: "paper ns", right: true },
        ],
        rows.map((row) => [
          row.strategy,
          row.part,
          row.count,
          row.cycles.median,
          ns(row.ns.min),
          ns(row.ns.median),
          ns(row.ns.max),
          row.paper_ns ?? "-",
        ]),
        { paint, columns: io.columns },
      ));
      for (const label of new Set(rows.map((row) => row.label))) {
        io.out(`\n${paragraph(`${label}: ${LABELS[label]}`, io.columns)}`);
      }
    });
}

/** What the labels of the rows mean. */
const LABELS: Readonly<Record<BenchRow["label"], string>> = {
  uncalibrated:
    "each operation of the monitor is charged a constant number of cycles that was worked out, not " +
    "measured on a timed core. Do not read these figures as measurements of a board.",
};

const HELP = examplesHelp([
  ["bench switch", "the parts of a VM switch"],
  ["bench task --json", "those of a task switch, a JSON object for each row"],
  ["bench cow --period 5ms", "the cost of copy on write, checkpoints every 5 ms"],
  ["bench cpu", "the emulator's speed"],
  ["bench sensitivity", "how far figures move with costs that are assumed"],
]) + "\n" + EXIT_HELP;
