/**
 * `understudy bench`: what switches, backups and recoveries cost, and how fast the emulator is.
 *
 * @module
 */

import { Command, type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import {
  BACKUP_STRATEGIES,
  CPU_WORKS,
  type CpuWorkName,
  FIDELITIES,
  type Fidelity,
  InputError,
  parseTime,
  SCALE_RANGE,
  type ScaleAxis,
} from "../mod.ts";
import { cowPeriods } from "./bench_cow.ts";
import { Outputs, printCsv, printJson, printSections } from "./bench_output.ts";
import { runBench, runBenches } from "./bench_run.ts";
import {
  BENCH_SET,
  BENCHES,
  type BenchName,
  type BenchOptions,
  type BenchSection,
  bytesText,
} from "./bench_section.ts";
import { oneOf, wholeNumber } from "./choices.ts";
import { Progress } from "./progress.ts";
import { examplesHelp, EXIT, EXIT_HELP, type Session } from "./program.ts";

/** Options of the command line, by their names. */
interface Given {
  readonly fidelity?: string | undefined;
  readonly backup?: string | undefined;
  readonly period?: string | undefined;
  readonly periods?: string | undefined;
  readonly samples?: string | undefined;
  readonly cache?: string | undefined;
  readonly pages?: string | undefined;
  readonly axis?: string | undefined;
  readonly sizes?: string | undefined;
  readonly rate?: string | undefined;
  readonly for?: string | undefined;
  readonly work?: string | undefined;
  readonly workers?: string | undefined;
  readonly json?: true | undefined;
  readonly csv?: true | undefined;
  readonly svg?: string | undefined;
  readonly html?: string | undefined;
}

/** The options, each with what it says in the help. */
const OPTIONS = {
  fidelity: () =>
    new Option("--fidelity <kind>", `how time passes: ${FIDELITIES.join(", ")} (timed)`),
  backup: () =>
    new Option(
      "--backup <strategies>",
      `checkpoints: ${BACKUP_STRATEGIES.join(", ")}, with commas`,
    ),
  period: () => new Option("--period <time>", 'board time between checkpoints, or "every switch"'),
  periods: () => new Option("--periods <times>", "several of them, with commas"),
  samples: () => new Option("--samples <number>", "how many are measured"),
  cache: () => new Option("--cache <states>", "caches and TLBs: warm, cold"),
  pages: () => new Option("--pages <numbers>", "pages written, with commas"),
  axis: () => new Option("--axis <axes>", "what is varied: vms, tasks, region"),
  sizes: () => new Option("--sizes <numbers>", "values of one axis: 2,8,64 or 16K,1M"),
  rate: () => new Option("--rate <number>", "errors a second of board time (500)"),
  for: () => new Option("--for <time>", "board time of each run"),
  work: () => new Option("--work <works>", `${CPU_WORKS.join(", ")}, with commas`),
  workers: () => new Option("--workers <number>", "measurements at the same time (2)"),
} as const;

/** Options of every measurement: where the results go. */
const OUTPUT = [
  () => new Option("--json", "one JSON object a line"),
  () => new Option("--csv", "comma-separated values, a line for each row"),
  () => new Option("--svg <folder>", "figures, too, as SVG files in this folder"),
  () => new Option("--html <file>", "a page, too, with figures, tables and constants"),
] as const;

/** What each measurement takes, and what it is. */
const COMMANDS: Readonly<
  Record<
    BenchName,
    {
      readonly summary: string;
      readonly description: string;
      readonly options: readonly (keyof typeof OPTIONS)[];
      readonly examples: readonly (readonly [string, string])[];
    }
  >
> = {
  switch: {
    summary: "the parts of a VM switch (the paper's Fig. 7)",
    description:
      "Measures VM switches: save, switch, restore, and what they put off; by the cycle counter, and " +
      "by a timer of the board. Beside them the paper's figures and the least that the hardware allows.",
    options: ["backup", "period", "cache", "samples", "fidelity"],
    examples: [
      ["bench switch", "all strategies, caches warm and cold"],
      ["bench switch --backup off,cow --cache warm --json", "two of them, as JSON lines"],
    ],
  },
  task: {
    summary: "the parts of a task switch (Fig. 8)",
    description:
      "Measures task switches inside a VM as bench switch measures VM switches, and those " +
      "of the same kernel on the bare board.",
    options: ["backup", "period", "cache", "samples", "fidelity"],
    examples: [["bench task --backup off,cow", "without and with copy on write"]],
  },
  period: {
    summary: "switches against the backup period (Fig. 9)",
    description: "Measures VM and task switches at several backup periods: mean, median and worst.",
    options: ["backup", "periods", "samples", "fidelity"],
    examples: [["bench period --periods 1ms,10ms --backup cow", "two periods of copy on write"]],
  },
  call: {
    summary: "the round trip of a kernel call",
    description: "Measures kernel calls from a task's SWI to its next instruction.",
    options: ["backup", "cache", "samples", "fidelity"],
    examples: [["bench call --cache warm", "with warm caches only"]],
  },
  recovery: {
    summary: "from the faulting instruction to the recovered task or guest",
    description: "Measures recoveries of a task and of a guest of 1 MB by the pages they have " +
      "written: latency for both resume modes, pages exchanged and copied, work lost, with and " +
      "without checksums.",
    options: ["backup", "pages", "samples", "fidelity"],
    examples: [["bench recovery --pages 1,8 --backup cow,full", "two strategies at two sizes"]],
  },
  scale: {
    summary: "1 to 64 VMs, 1 to 64 tasks, 16 KB to 4 MB, one axis at a time",
    description: "Measures switches and recoveries along one axis at a time, and fits lines: " +
      "constant, or the slope.",
    options: ["backup", "axis", "sizes", "samples", "fidelity"],
    examples: [["bench scale --axis region --sizes 16K,1M", "two sizes of a guest's data"]],
  },
  cow: {
    summary: "what copy on write costs, by the pages written in a period",
    description:
      "Measures the overhead of copy on write by the distinct pages that a guest writes in " +
      "a period, and the host's time of a checkpoint and a swap.",
    options: ["period", "pages", "for", "fidelity"],
    examples: [["bench cow --period 5ms --pages 1,16", "checkpoints every 5 ms"]],
  },
  overhead: {
    summary: "what checkpoints cost workloads while nothing goes wrong",
    description:
      "Measures the CPU time that the same work takes with and without checkpoints, by " +
      "strategy and period.",
    options: ["backup", "periods", "fidelity"],
    examples: [["bench overhead --backup cow --periods 10ms", "copy on write every 10 ms"]],
  },
  loss: {
    summary: "the best period at an error rate, beside Young's and Daly's",
    description:
      "Measures the time that checkpoints and errors together cost at each period, beside " +
      "what the formulas of Young and Daly say.",
    options: ["backup", "periods", "rate", "samples", "fidelity"],
    examples: [["bench loss --rate 200", "200 errors a second"]],
  },
  cpu: {
    summary: "the emulator's speed beside QEMU's and rp2040js's",
    description:
      "Measures instructions a second of this host: this emulator in both fidelities, QEMU " +
      "with and without -icount, rp2040js. What is not installed is left out, and says so.",
    options: ["work", "samples"],
    examples: [["bench cpu --work compute", "the work that all of them can do"]],
  },
  calibrate: {
    summary: "what the monitor's routines are charged beside what they take",
    description:
      "Executes the monitor's hand-written routines as machine code on the timed core and " +
      "holds what the emulated monitor is charged against it. The exit code is 1 when a routine is " +
      "charged more than 10 % too much or too little.",
    options: [],
    examples: [["bench calibrate --json", "a JSON object for each routine"]],
  },
  sensitivity: {
    summary: "how far timed figures move with costs that are assumed",
    description: "Sets each assumed cost of the timed fidelity to both ends of its range, and " +
      "measures again.",
    options: [],
    examples: [["bench sensitivity --csv", "a line for each cost and figure"]],
  },
  goals: {
    summary: "the figures that were to be reached, beside the measured ones",
    description: "Measures what the goals are about and says which are reached.",
    options: ["fidelity"],
    examples: [["bench goals", "which figures are reached"]],
  },
};

/** Errors a second at most. */
const MOST_RATE = 5000;
/** The monitor's tick, ns. */
const TICK = 1_000_000;
const DEFAULT_WORKERS = 2;

/** The words of a list with commas. */
function list(text: string | undefined): string[] | undefined {
  return text?.split(",").map((word) => word.trim());
}

function time(text: string, where: string, least = 0): number {
  const ns = text === "every switch" ? 0 : parseTime(text, where);
  if (ns >= least && ns <= 1e9) return ns;
  const allowed = least === 0 ? "allowed: 0 to 1s" : "allowed: 1ms to 1s";
  throw new InputError(where, `"${text}" is not allowed`, allowed);
}

/** A size: a number of VMs or tasks, or bytes such as 16K. */
function size(text: string, axis: ScaleAxis): number {
  const [least, most] = SCALE_RANGE[axis];
  const match = /^(\d{1,9})\s*([KM]B?)?$/i.exec(text);
  const unit = match?.[2]?.[0]?.toUpperCase();
  const value = match === null
    ? NaN
    : Number(match[1]) * (unit === "M" ? 0x10_0000 : unit === "K" ? 1024 : 1);
  const whole = axis !== "region" || value % 4096 === 0;
  if (value >= least && value <= most && whole && (axis === "region" || unit === undefined)) {
    return value;
  }
  const allowed = axis === "region"
    ? `allowed: ${bytesText(least)} to ${bytesText(most)} in whole pages, such as 64K`
    : `allowed: ${least} to ${most}`;
  throw new InputError("--sizes", `"${text}" is not allowed for ${axis}`, allowed);
}

/** Checks the options of a measurement; everything wrong is found before anything is measured. */
function checked(name: BenchName, given: Given): BenchOptions {
  const strategies = list(given.backup)?.map((word) => oneOf(word, BACKUP_STRATEGIES, "--backup"));
  const withBackup = strategies?.some((strategy) => strategy !== "off") ?? true;
  if (!withBackup && ["recovery", "overhead", "loss", "period"].includes(name)) {
    throw new InputError("--backup", '"off" takes no checkpoints', "allowed: full, dirty, cow");
  }
  const least = name === "cow" || name === "overhead" ? TICK : 0;
  const period = given.period === undefined
    ? undefined
    : time(given.period, "--period", name === "cow" ? TICK : 0);
  const axes = list(given.axis)?.map((word) =>
    oneOf(word, Object.keys(SCALE_RANGE) as ScaleAxis[], "--axis")
  );
  const sizes = list(given.sizes);
  if (sizes !== undefined && axes?.length !== 1) {
    throw new InputError("--sizes", "of which axis?", "allowed: with one --axis");
  }
  const runs = given.for === undefined ? undefined : parseTime(given.for, "--for");
  if (name === "cow") cowPeriods(runs, period);
  const most = name === "recovery" ? 256 : 64;
  return {
    fidelity: given.fidelity === undefined
      ? undefined
      : oneOf<Fidelity>(given.fidelity, FIDELITIES, "--fidelity"),
    strategies,
    period,
    periods: list(given.periods)?.map((word) => time(word, "--periods", least)),
    samples: given.samples === undefined
      ? undefined
      : wholeNumber(given.samples, 1, 100_000, "--samples"),
    caches: list(given.cache)?.map((word) => oneOf(word, ["warm", "cold"] as const, "--cache")),
    pages: list(given.pages)?.map((word) => wholeNumber(word, 1, most, "--pages")),
    axes,
    sizes: sizes?.map((word) => size(word, axes![0]!)),
    rate: given.rate === undefined ? undefined : rate(given.rate),
    time: runs,
    works: list(given.work)?.map((word) => oneOf<CpuWorkName>(word, CPU_WORKS, "--work")),
  };
}

function rate(text: string): number {
  const value = /^\d{1,6}(\.\d{1,6})?$/.test(text) ? Number(text) : NaN;
  if (value > 0 && value <= MOST_RATE) return value;
  throw new InputError(
    "--rate",
    `"${text}" is not allowed`,
    `allowed: above 0, up to ${MOST_RATE}`,
  );
}

/** Measures and hands out the results. */
async function act(
  names: readonly BenchName[],
  given: Given,
  options: BenchOptions,
  measure: (progress: Progress) => Promise<readonly BenchSection[]>,
  session: Session,
): Promise<void> {
  const { io } = session;
  if (given.json && given.csv) {
    throw new InputError("--csv", "not together with --json", "choose one of them");
  }
  using outputs = new Outputs(io, names, given.svg, given.html);
  const progress = new Progress(io);
  let sections: readonly BenchSection[];
  try {
    sections = await measure(progress);
  } finally {
    progress.end();
  }
  const what = names.length === 1 ? ` ${names[0]}` : "";
  await outputs.write(sections, {
    command: `understudy bench${what}`,
    given: Object.entries(given).filter(([name]) => name !== "svg" && name !== "html").map((
      [name, value],
    ) => [`--${name}`, value === true ? "yes" : String(value)] as const),
    fidelity: options.fidelity ?? "timed",
  });
  if (sections.some(({ failed }) => failed)) session.exitCode = EXIT.STOPPED;
  if (given.json) printJson(sections, io);
  else if (given.csv) printCsv(sections, io);
  else printSections(sections, io);
}

/** The command of one measurement. */
function oneBench(name: BenchName, session: Session): CommandUnknownOpts {
  const { summary, description, options, examples } = COMMANDS[name];
  const command: CommandUnknownOpts = new Command(name).summary(summary).description(description);
  for (const option of options) command.addOption(OPTIONS[option]());
  for (const option of OUTPUT) command.addOption(option());
  command.addHelpText("after", `${examplesHelp(examples)}\n${EXIT_HELP}`);
  return command.action(async () => {
    const given = command.optsWithGlobals() as Given;
    const bench = checked(name, given);
    await act([name], given, bench, async (progress) => [
      await runBench(name, bench, (done, of) => progress.show(done / of, `${name} ${done}/${of}`)),
    ], session);
  });
}

/** Makes the command. */
export function benchCommand(session: Session): CommandUnknownOpts {
  const command: CommandUnknownOpts = new Command("bench")
    .summary("measure what switches, backups and recoveries cost")
    .description(
      "Measures on the emulated board, timed unless told otherwise, and prints the figures beside " +
        "those of the paper. Without WHAT the whole set is measured.",
    )
    .enablePositionalOptions();
  command.argument("[WHAT]", `what to measure: ${BENCHES.join(", ")}`);
  command.addOption(OPTIONS.fidelity());
  command.addOption(OPTIONS.workers());
  for (const option of OUTPUT) command.addOption(option());
  command.addHelpText("after", HELP);
  for (const name of BENCHES) command.addCommand(oneBench(name, session));
  return command.action(async () => {
    const [word] = command.args;
    if (word !== undefined) oneOf(word, BENCHES, "WHAT");
    const given = command.opts() as Given;
    const options = { ...checked("switch", given), brief: true };
    const workers = given.workers === undefined
      ? DEFAULT_WORKERS
      : wholeNumber(given.workers, 1, 64, "--workers");
    await act(BENCH_SET, given, options, (progress) =>
      runBenches(
        options,
        workers,
        (share, running) => progress.show(share, running.join(", ")),
      ), session);
  });
}

const HELP = examplesHelp([
  ["bench", "everything, in about three minutes on two cores"],
  ["bench --html measurements.html --svg figures", "the same as a page, and figures as files"],
  ["bench switch", "the parts of a VM switch"],
  ["bench task --json", "those of a task switch, a JSON object for each row"],
  ["bench cow --period 5ms", "the cost of copy on write, checkpoints every 5 ms"],
  ["bench scale --axis vms --csv", "by the number of VMs, for a spreadsheet"],
]) + "\n" + EXIT_HELP;
