/**
 * `understudy bench cpu`: guest instructions a second of this host, beside QEMU's.
 *
 * @module
 */

import process from "node:process";
import { fileURLToPath } from "node:url";
import { loadGuest } from "../guests/mod.ts";
import {
  type BareLine,
  countBare,
  type CpuBenchRow,
  cpuRow,
  type CpuSample,
  CpuWork,
  InputError,
  type Spread,
  type Stopwatch,
} from "../mod.ts";
import type { Io } from "./io.ts";
import { painter } from "./paint.ts";
import { table } from "./tables.ts";
import { paragraph } from "./view.ts";

/** How much is measured. */
export interface CpuBenchPlan {
  /** Samples of each engine; they take turns. */
  readonly samples: number;
  /** Instructions of a sample of the interpreter, at least. */
  readonly instructions: number;
  /** Rounds of the work in a sample of QEMU, at least 2. */
  readonly rounds: number;
}

/** What `bench cpu` does: half a second a sample, more or less. */
export const CPU_BENCH_PLAN: CpuBenchPlan = { samples: 5, instructions: 40e6, rounds: 256 };

/** The interpreter's row has what else was measured of it. */
export type CpuRow = CpuBenchRow & {
  /** From the start of Deno to the first instruction of the guest, ms of wall clock. */
  start_ms?: number;
  /** Resident memory after the first sample, MB. */
  rss_mb?: number;
};

/** Instructions that let V8 optimise the interpreter before the first sample. */
const WARM_UP = 20e6;
/** The emulator compared with, and its machine. */
const QEMU = "qemu-system-arm";
const QEMU_ARGS = [
  ...["-M", "versatilepb", "-m", "32M", "-audiodev", "none,id=none"],
  ...["-display", "none", "-monitor", "none", "-serial", "none"],
];
/** The work for its machine: bare, output by semihosting. */
const QEMU_IMAGE = "../guests/images/compute-versatilepb.elf";
/** Milliseconds after which a run of QEMU is given up. */
const QEMU_LIMIT = 60_000;

const stopwatch: Stopwatch = {
  wall: () => performance.now(),
  user: () => process.cpuUsage().user / 1000,
};

/** What a run of QEMU printed, and the time between its first and last line. */
interface QemuRun {
  readonly lines: readonly string[];
  readonly wall: number;
}

/**
 * Runs the work in QEMU. The time is taken between the first and the last of its lines, so that
 * neither the start of the process nor the first translations count.
 */
async function runQemu(
  image: string,
  rounds: number,
  options: readonly string[],
): Promise<QemuRun> {
  const semihosting = `enable=on,target=native,arg=compute,arg=${rounds}`;
  const child = new Deno.Command(QEMU, {
    args: [...QEMU_ARGS, ...options, "-kernel", image, "-semihosting-config", semihosting],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const timer = setTimeout(() => child.kill("SIGKILL"), QEMU_LIMIT);
  try {
    let text = "";
    let first = NaN;
    let last = NaN;
    for await (const chunk of child.stderr.pipeThrough(new TextDecoderStream())) {
      last = stopwatch.wall();
      text += chunk;
      if (Number.isNaN(first) && text.includes("compute: round 1 ")) first = last;
    }
    await child.status;
    const lines = text.split("\n").filter((line) => line.startsWith("compute: "));
    return { lines, wall: last - first };
  } finally {
    clearTimeout(timer);
  }
}

/** Version of QEMU, or why it does not run. */
async function qemuVersion(): Promise<{ version: string } | { why: string }> {
  try {
    const { stdout } = await new Deno.Command(QEMU, { args: ["--version"] }).output();
    return { version: /version (\S+)/.exec(new TextDecoder().decode(stdout))?.[1] ?? "unknown" };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return { why: "it is not installed" };
    return { why: `it may not be run: add --allow-run=${QEMU}` };
  }
}

/** The bare image as a file and its bytes, or why it can't be had. */
function bareImage(): { path: string; bytes: Uint8Array } | { why: string } {
  try {
    const path = fileURLToPath(new URL(QEMU_IMAGE, import.meta.url));
    return { path, bytes: Deno.readFileSync(path) };
  } catch {
    return { why: "its image of the work is in the source tree only, and needs --allow-read" };
  }
}

/** The samples of a kind of run of QEMU, with what the image is known to execute in them. */
function qemuSamples(runs: readonly QemuRun[], counted: readonly BareLine[]): CpuSample[] {
  const instructions = counted.at(-1)!.instructions - counted[0]!.instructions;
  const expected = counted.map(({ text }) => text).join("\n");
  return runs.map(({ lines, wall }) => {
    if (lines.join("\n") !== expected) {
      throw new Error(`${QEMU} and this emulator do not print the same checksums`);
    }
    return { instructions, wall, user: null };
  });
}

/** What was measured. */
export interface CpuBenchResult {
  /** The rows. */
  readonly rows: readonly CpuRow[];
  /** What has to be said with them, a sentence each. */
  readonly notes: readonly string[];
}

/**
 * Measures, engines in turn.
 *
 * @param plan How much.
 */
export async function measureCpu(plan: CpuBenchPlan = CPU_BENCH_PLAN): Promise<CpuBenchResult> {
  const began = stopwatch.wall();
  using work = await CpuWork.create(await loadGuest("compute"));
  work.first();
  const start = stopwatch.wall();
  const used = process.cpuUsage();
  const notes: string[] = [
    `start: first guest instruction ${start.toFixed(0)} ms after Deno was up, ` +
    `${
      (start - began).toFixed(0)
    } ms of them for guest, board and monitor; CPU time with Deno's own ` +
    `start ${((used.user + used.system) / 1000).toFixed(0)} ms`,
  ];
  work.sample(WARM_UP, stopwatch);
  const rss = process.memoryUsage().rss / 1e6;
  notes.push(`memory: ${rss.toFixed(0)} MB resident, a board of 64 MB in it`);

  const found = await qemuVersion();
  const image = bareImage();
  const own: CpuSample[] = [];
  const plain: QemuRun[] = [];
  const counting: QemuRun[] = [];
  for (let i = 0; i < plan.samples; i++) {
    own.push(work.sample(plan.instructions, stopwatch));
    if ("why" in found || "why" in image) continue;
    plain.push(await runQemu(image.path, plan.rounds, []));
    counting.push(await runQemu(image.path, plan.rounds, ["-icount", "shift=0"]));
  }
  const rows: CpuRow[] = [{
    ...cpuRow("interpreter", own),
    start_ms: round(start),
    rss_mb: round(rss),
  }];
  if ("why" in found) notes.push(`qemu: left out, ${found.why}`);
  else if ("why" in image) notes.push(`qemu: left out, ${image.why}`);
  else {
    const counted = countBare(image.bytes, `compute ${plan.rounds}`);
    rows.push(cpuRow("qemu", qemuSamples(plain, counted)));
    rows.push(cpuRow("qemu-icount", qemuSamples(counting, counted)));
    notes.push(
      `qemu: version ${found.version}, versatilepb (ARM926EJ-S, MMU off); its instructions are those ` +
        "that this emulator counts in the same image, checksums compared; its CPU time can't be had",
    );
  }
  notes.push("rp2040js: left out, it runs Thumb code only and the work is ARM code");
  return { rows: rows.map(rounded), notes };
}

/** A figure without digits that mean nothing. */
function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function roundedSpread({ min, median, max }: Spread): Spread {
  return { min: round(min), median: round(median), max: round(max) };
}

function rounded(row: CpuRow): CpuRow {
  return {
    ...row,
    mips: roundedSpread(row.mips),
    cpu_mips: row.cpu_mips === null ? null : roundedSpread(row.cpu_mips),
  };
}

/**
 * Prints what was measured: a table and its notes, or a JSON object for each row with the notes on
 * standard error.
 *
 * @param result What was measured.
 * @param json As JSON.
 * @param io Where to.
 */
export function showCpu({ rows, notes }: CpuBenchResult, json: boolean, io: Io): void {
  if (json) {
    for (const row of rows) io.out(`${JSON.stringify(row)}\n`);
    for (const note of notes) io.err(`${note}\n`);
    return;
  }
  const paint = painter(io.color);
  const fixed = (value: number | undefined) => value?.toFixed(1);
  io.out(`${paint("bold", "Millions of instructions a second, compute guest")}\n\n`);
  io.out(table(
    [
      { head: "engine" },
      { head: "samples", right: true },
      { head: "min", right: true },
      { head: "median", right: true },
      { head: "max", right: true },
      { head: "by CPU time", right: true },
    ],
    rows.map(({ engine, count, mips, cpu_mips }) => [
      engine,
      count,
      fixed(mips.min),
      fixed(mips.median),
      fixed(mips.max),
      fixed(cpu_mips?.median),
    ]),
    { paint, columns: io.columns },
  ));
  io.out("\n");
  for (const note of notes) io.out(paragraph(note, io.columns));
}

/**
 * Refuses options that say nothing here.
 *
 * @param given Names of the options that were given.
 * @throws {InputError} One of them is for the measurements of switches.
 */
export function checkCpuOptions(given: readonly string[]): void {
  const wrong = given.find((name) => name !== "json");
  if (wrong !== undefined) {
    throw new InputError(
      `--${wrong}`,
      "bench cpu takes host time, not board time",
      "allowed: --json",
    );
  }
}
