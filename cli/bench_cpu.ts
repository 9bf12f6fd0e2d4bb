/**
 * `understudy bench cpu`: guest instructions a second of this host, beside other emulators.
 *
 * @module
 */

import process from "node:process";
import { loadGuest } from "../guests/mod.ts";
import {
  type BareLine,
  countBare,
  CPU_WORKS,
  type CpuBenchRow,
  cpuRow,
  type CpuSample,
  CpuWork,
  type CpuWorkName,
  type LabOptions,
  type Spread,
  type Stopwatch,
} from "../mod.ts";
import { cpuFigure } from "./bench_figures.ts";
import { bareImage } from "./bench_native_image.ts";
import { runRp2040 } from "./bench_rp2040.ts";
import type { BenchOptions, BenchSection, OnStep } from "./bench_section.ts";

/** How much is measured. */
export interface CpuBenchPlan {
  /** The works. */
  readonly works: readonly CpuWorkName[];
  /** Samples of each engine; they take turns. */
  readonly samples: number;
  /** Instructions of a sample of the interpreter, at least. */
  readonly instructions: number;
  /** Rounds of the work in a sample of QEMU, at least 2. */
  readonly rounds: number;
  /** This process has done nothing before: how long its start took is told. */
  readonly start: boolean;
}

/** What `bench cpu` does: half a second a sample, more or less. */
export const CPU_BENCH_PLAN: CpuBenchPlan = {
  works: CPU_WORKS,
  samples: 5,
  instructions: 40e6,
  rounds: 256,
  start: true,
};
/** What is left of it in the whole set. */
const BRIEF: CpuBenchPlan = {
  works: CPU_WORKS,
  samples: 3,
  instructions: 10e6,
  rounds: 128,
  start: false,
};

/** The interpreter's row has what else was measured of it. */
export type CpuRow = CpuBenchRow & {
  /** From the start of Deno to the first instruction of the guest, ms of wall clock. */
  start_ms?: number;
  /** Resident memory after the first sample, MB. */
  rss_mb?: number;
};

/** Share of a sample that lets V8 optimise before the first one. */
const WARM_UP = 0.5;
/** The timed interpreter's share of a sample: it is slower. */
const TIMED_SHARE = 0.1;
/** The share of guests that mostly wait: the monitor takes most of the time. */
const WAITING_SHARE = 0.05;
/** Rounds of the work in a sample of rp2040js, of those of QEMU. */
const RP2040_SHARE = 1 / 16;
/** The compute guest never ends within a measurement. */
const ENDLESS = "1000000000";
/** The emulator compared with, and its machine. */
const QEMU = "qemu-system-arm";
const QEMU_ARGS = [
  ...["-M", "versatilepb", "-m", "32M", "-audiodev", "none,id=none"],
  ...["-display", "none", "-monitor", "none", "-serial", "none"],
];
/** Milliseconds after which a run of QEMU is given up. */
const QEMU_LIMIT = 60_000;

const stopwatch: Stopwatch = {
  wall: () => performance.now(),
  user: () => process.cpuUsage().user / 1000,
};

/** The guests of a work. */
async function guestsOf(work: CpuWorkName): Promise<LabOptions> {
  const guest = async (name: string, arg = "") => ({ name, image: await loadGuest(name), arg });
  if (work === "compute") return { guests: [await guest("compute", ENDLESS)], backup: "off" };
  const names = work === "demo"
    ? ["ucos-1", "ucos-2", "ucos-3"]
    : ["pid", "pipeline", "numeric", "logger"];
  return {
    guests: await Promise.all(names.map((name) => guest(name))),
    ...(work === "demo" ? { vm0: await loadGuest("vm0") } : {}),
  };
}

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

/** An emulator outside, and how a sample of it is taken. */
interface Outside {
  readonly engine: "qemu" | "qemu-icount" | "rp2040js";
  readonly samples: CpuSample[];
  sample(): Promise<CpuSample>;
}

/**
 * Measures, engines in turn.
 *
 * @param plan How much.
 * @param onStep Told after each sample.
 */
export async function measureCpu(
  plan: CpuBenchPlan = CPU_BENCH_PLAN,
  onStep: OnStep = () => {},
): Promise<CpuBenchResult> {
  const rows: CpuRow[] = [];
  const notes: string[] = [];
  let done = 0;
  const steps = plan.works.length * plan.samples;
  for (const work of plan.works) {
    const began = stopwatch.wall();
    const guests = await guestsOf(work);
    using fast = await CpuWork.create(guests);
    fast.first();
    const start = stopwatch.wall();
    const used = process.cpuUsage();
    const amount = plan.instructions * (work === "compute" ? 1 : WAITING_SHARE);
    fast.sample(amount * WARM_UP, stopwatch);
    const rss = process.memoryUsage().rss / 1e6;
    const first = plan.start && rows.length === 0;
    if (first) {
      const cpu = (used.user + used.system) / 1000;
      notes.push(
        `start: first guest instruction ${start.toFixed(0)} ms after Deno was up, ` +
          `${(start - began).toFixed(0)} ms of them for guest, board and monitor; CPU time with ` +
          `Deno's own start ${cpu.toFixed(0)} ms`,
        `memory: ${rss.toFixed(0)} MB resident, a board of 64 MB in it`,
      );
    }
    using timed = await CpuWork.create({ ...guests, fidelity: "timed" });
    timed.first();
    timed.sample(amount * TIMED_SHARE * WARM_UP, stopwatch);
    const outside = work === "compute" ? await outsiders(plan.rounds, notes) : [];
    const own: CpuSample[] = [];
    const slow: CpuSample[] = [];
    for (let i = 0; i < plan.samples; i++) {
      own.push(fast.sample(amount, stopwatch));
      slow.push(timed.sample(amount * TIMED_SHARE, stopwatch));
      for (const other of outside) other.samples.push(await other.sample());
      onStep(++done, steps);
    }
    rows.push(
      {
        ...cpuRow("interpreter", work, own),
        ...(first ? { start_ms: round(start), rss_mb: round(rss) } : {}),
      },
      cpuRow("timed", work, slow),
      ...outside.map(({ engine, samples }) => cpuRow(engine, work, samples)),
    );
  }
  return { rows: rows.map(rounded), notes };
}

/** The other emulators that are there; notes say why one is not. */
async function outsiders(rounds: number, notes: string[]): Promise<Outside[]> {
  const found: Outside[] = [];
  const qemu = await qemuVersion();
  const image = bareImage("compute-versatilepb");
  if ("why" in qemu) notes.push(`qemu: left out, ${qemu.why}`);
  else if ("why" in image) notes.push(`qemu: left out, ${image.why}`);
  else {
    const counted = countBare(image.bytes, `compute ${rounds}`);
    const of = (engine: "qemu" | "qemu-icount", options: readonly string[]): Outside => ({
      engine,
      samples: [],
      sample: async () => qemuSamples([await runQemu(image.path, rounds, options)], counted)[0]!,
    });
    found.push(of("qemu", []), of("qemu-icount", ["-icount", "shift=0"]));
    notes.push(
      `qemu: version ${qemu.version}, versatilepb (ARM926EJ-S, MMU off); its instructions are those ` +
        "that this emulator counts in the same image, checksums compared; its CPU time can't be had",
    );
  }
  const thumb = bareImage("compute-rp2040");
  const arm = bareImage("compute-versatilepb");
  if ("why" in thumb || "why" in arm) {
    notes.push(`rp2040js: left out, ${"why" in thumb ? thumb.why : "why" in arm ? arm.why : ""}`);
    return found;
  }
  const few = Math.max(2, Math.round(rounds * RP2040_SHARE));
  const expected = countBare(arm.bytes, `compute ${few}`).map(({ text }) => text);
  const trial = await runRp2040(thumb.bytes, 2, stopwatch);
  if ("why" in trial) {
    notes.push(`rp2040js: left out, ${trial.why}`);
    return found;
  }
  notes.push(
    `rp2040js: version ${trial.version}, a Cortex-M0+; its work is the same source in Thumb code, ` +
      "checksums compared",
  );
  found.push({
    engine: "rp2040js",
    samples: [],
    sample: async () => {
      const run = await runRp2040(thumb.bytes, few, stopwatch);
      if ("why" in run || run.lines.join("\n") !== expected.join("\n")) {
        throw new Error("rp2040js and this emulator do not print the same checksums");
      }
      return run.sample;
    },
  });
  return found;
}

/** A figure without digits that mean nothing. */
function round(value: number): number {
  const unit = value < 10 ? 100 : 10;
  return Math.round(value * unit) / unit;
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

/** What was measured, as a section. */
export function cpuSection({ rows, notes }: CpuBenchResult): BenchSection {
  const fixed = (value: number | undefined) => value?.toFixed(1);
  return {
    name: "cpu",
    title: "Millions of guest instructions a second of this host",
    rows,
    tables: [{
      title: "By work and engine",
      columns: [
        { head: "work" },
        { head: "engine" },
        { head: "samples", right: true },
        { head: "min", right: true },
        { head: "median", right: true },
        { head: "max", right: true },
        { head: "by CPU time", right: true },
      ],
      rows: rows.map(({ work, engine, count, mips, cpu_mips }) => [
        work,
        engine,
        count,
        fixed(mips.min),
        fixed(mips.median),
        fixed(mips.max),
        fixed(cpu_mips?.median),
      ]),
    }],
    notes: [
      ...notes,
      "compute never waits. guests (pid, pipeline, numeric, logger) and demo (VM0, ucos-1 to ucos-3) " +
      "mostly wait: the time in which all do so is skipped and has no instructions, and the monitor's own " +
      "work, which is not made of instructions, is in the time.",
    ],
    figures: [cpuFigure(rows)],
  };
}

/** Measures. */
export async function measureCpuSection(
  options: BenchOptions,
  onStep: OnStep,
): Promise<BenchSection> {
  const plan = options.brief ? BRIEF : CPU_BENCH_PLAN;
  const { works = plan.works, samples = plan.samples } = options;
  return cpuSection(await measureCpu({ ...plan, works, samples }, onStep));
}
