/**
 * How many experiments a second: the campaign `examples/rate.yaml` here, and a campaign of the usual kind,
 * which starts qemu-system-arm anew for each experiment, stops it once through GDB, flips a bit of a
 * register, and lets it go on. Both in one run, with their ratio.
 *
 * QEMU runs one of the guests of the campaign, `numeric`, with the project's kernel on the bare Versatile/PB,
 * for as much of the guest's time. Its clock is real time; with `icount` QEMU skips what the guest idles.
 *
 * The campaign here is run twice: with every bit of the guests, and without their text. A fault in text is there
 * for good and struck again each time that it is executed; nothing ends such an experiment early.
 *
 * Options: `--count N` experiments here (2000), `--data N` without text (20000), `--qemu N` in QEMU (8),
 * `--workers N`, `--json`.
 *
 * @module
 */

import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { parseCampaign } from "../cli/campaign_config.ts";
import { CampaignLab } from "../cli/campaign_lab.ts";
import { runCampaign } from "../cli/campaign_run.ts";
import type { CampaignSpec } from "../cli/campaign_spec.ts";
import { wholeNumber } from "../cli/choices.ts";
import { hostIo } from "../cli/io.ts";
import { Lab, Random } from "../mod.ts";
import { GdbClient } from "../tests/oracle/gdb.ts";
import { ROOT, script } from "./run.ts";

const DIR = fileURLToPath(new URL(".tmp/rate/", ROOT));
const CAMPAIGN = fileURLToPath(new URL("examples/rate.yaml", ROOT));
const IMAGE = fileURLToPath(new URL("guests/images/numeric-versatilepb.elf", ROOT));
const QEMU = "qemu-system-arm";
/** Targets of the campaign that are text. */
const TEXT_TARGETS = /^ {2}- [a-z]+-text\n/gm;
/** What lines of the guest's tasks begin with. */
const TASKS: readonly string[] = ["matrix: ", "sort: ", "fft: "];
/** Milliseconds between looks at what QEMU's guest has printed. */
const POLL = 5;
/** How much longer than without a fault an experiment may take before it is a hang. */
const PATIENCE = 3;

/** A rate. */
interface Rate {
  /** Whose. */
  readonly engine: string;
  /** Experiments. */
  readonly experiments: number;
  /** Seconds by the clock. */
  readonly seconds: number;
  /** Experiments a second. */
  readonly rate: number;
}

/** What a campaign in QEMU came to. */
interface QemuRate extends Rate {
  /** Share of the experiments whose output was right. */
  readonly unharmed: number;
}

/** What the campaign here came to. */
interface OwnRate extends Rate {
  /** CPU seconds of an experiment. */
  readonly cpu_s: number;
  /** Share that ended early. */
  readonly early_stop_share: number;
  /** Share of the time that the guests keep the CPU busy. */
  readonly busy: number;
  /** Share of the experiments in which an error manifested. */
  readonly manifested: number;
}

function round(value: number, digits = 3): number {
  return Number(value.toPrecision(digits));
}

/** Share of the time that the guests of a campaign keep the CPU busy. */
async function busyShare(spec: CampaignSpec): Promise<number> {
  const campaign = await CampaignLab.load(spec, (path) => Deno.readFileSync(path));
  using lab = await Lab.create(campaign.options(0));
  lab.runAll({ until: spec.forNs });
  return 1 - lab.board.idleCycles / lab.board.clock.now;
}

/** Runs the campaign here. */
async function ownRate(
  engine: string,
  text: string,
  count: number,
  workers: number,
): Promise<OwnRate> {
  const io = hostIo();
  const spec = await parseCampaign(text, CAMPAIGN, { count }, io);
  const busy = await busyShare(spec);
  const out = `${DIR}rate.db`;
  await Deno.remove(out).catch(() => {});
  const cpu = process.cpuUsage();
  const { signal } = new AbortController();
  const { report } = await runCampaign(spec, { out, resume: false, workers, signal }, io);
  const { user, system } = process.cpuUsage(cpu);
  const { experiments, seconds, rate_per_s, early_stop_share, manifested } = report;
  return {
    engine,
    experiments,
    seconds: round(seconds),
    rate: round(rate_per_s),
    cpu_s: round((user + system) / 1e6 / experiments),
    early_stop_share: round(early_stop_share),
    busy: round(busy),
    manifested: round(
      (manifested.task.n + manifested.guest.n + manifested.vmm.n) / experiments,
    ),
  };
}

/** A run of the guest in QEMU. */
class QemuGuest {
  readonly #child: Deno.ChildProcess;
  readonly #gdb: GdbClient;
  readonly #out: string;

  constructor(name: string, options: readonly string[]) {
    this.#out = `${DIR}${name}.txt`;
    this.#child = new Deno.Command(QEMU, {
      args: [
        ...["-M", "versatilepb", "-m", "64M", "-audiodev", "none,id=none", "-display", "none"],
        ...["-monitor", "none", "-serial", `file:${this.#out}`, "-S", "-gdb", "stdio"],
        ...options,
        ...["-kernel", IMAGE],
      ],
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#gdb = new GdbClient(this.#child.stdout, this.#child.stdin);
  }

  async start(): Promise<void> {
    await this.#gdb.open();
    await this.#gdb.resume();
  }

  /** Flips a bit of a register. */
  async flip(register: number, bit: number): Promise<void> {
    await this.#gdb.interrupt();
    await this.#gdb.receive();
    const values = await this.#gdb.registers();
    const value = (values[register]! ^ 1 << bit) >>> 0;
    const bytes = [0, 8, 16, 24].map((n) => (value >>> n & 255).toString(16).padStart(2, "0"));
    await this.#gdb.command(`P${register.toString(16)}=${bytes.join("")}`);
    await this.#gdb.resume();
  }

  /** The lines so far. */
  get lines(): string[] {
    try {
      return Deno.readTextFileSync(this.#out).split("\n").slice(0, -1);
    } catch {
      return [];
    }
  }

  async end(): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
    await this.#child.status;
    await Deno.remove(this.#out).catch(() => {});
  }
}

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until a guest has printed so many lines; false when it does not in time (ms). */
async function printed(guest: QemuGuest, lines: number, time: number): Promise<boolean> {
  const end = performance.now() + time;
  while (performance.now() < end) {
    if (guest.lines.length >= lines) return true;
    await wait(POLL);
  }
  return false;
}

/** Each task says the same, as far as both runs have come. */
function sameOutput(lines: readonly string[], right: readonly string[]): boolean {
  const ofTask = (all: readonly string[], task: string) =>
    all.filter((line) => line.startsWith(task)).join("\n");
  return TASKS.every((task) => {
    const [a, b] = [ofTask(lines, task), ofTask(right, task)];
    return a.startsWith(b) || b.startsWith(a);
  }) && lines.every((line) => TASKS.some((task) => line.startsWith(task)));
}

/** Runs a campaign that starts QEMU anew each time. */
async function qemuRate(
  engine: string,
  options: readonly string[],
  count: number,
  workers: number,
  lines: number,
): Promise<QemuRate> {
  // Without a fault: what it prints, and how long it takes.
  const golden = new QemuGuest(`${engine}-golden`, options);
  const began = performance.now();
  await golden.start();
  if (!await printed(golden, lines, 30_000)) throw new Error(`${engine}: the guest prints nothing`);
  const took = performance.now() - began;
  const right = golden.lines;
  await golden.end();
  const start = performance.now();
  let next = 0;
  let same = 0;
  const work = async (worker: number) => {
    while (next < count) {
      const random = new Random(1, next++);
      const guest = new QemuGuest(`${engine}-${worker}`, options);
      try {
        await guest.start();
        await wait(took * (0.1 + 0.8 * random.fraction()));
        await guest.flip(random.below(16), random.below(32));
        const through = await printed(guest, lines, took * PATIENCE);
        if (through && sameOutput(guest.lines, right)) same++;
      } finally {
        await guest.end();
      }
    }
  };
  await Promise.all(Array.from({ length: workers }, (_, worker) => work(worker)));
  const seconds = (performance.now() - start) / 1000;
  if (same === 0 && count > 4) throw new Error(`${engine}: no experiment came to its end`);
  return {
    engine,
    experiments: count,
    seconds: round(seconds),
    rate: round(count / seconds),
    unharmed: round(same / count),
  };
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      count: { type: "string", default: "2000" },
      data: { type: "string", default: "20000" },
      qemu: { type: "string", default: "8" },
      workers: { type: "string", default: String(navigator.hardwareConcurrency) },
      json: { type: "boolean", default: false },
    },
  });
  const whole = (name: "count" | "data" | "qemu" | "workers", most: number) =>
    wholeNumber(values[name], 1, most, `--${name}`);
  const [count, data, started] = [whole("count", 1e6), whole("data", 1e6), whole("qemu", 1e4)];
  const workers = whole("workers", 1024);
  Deno.mkdirSync(DIR, { recursive: true });
  const text = Deno.readTextFileSync(CAMPAIGN);
  const own = [
    await ownRate("every bit", text, count, workers),
    await ownRate(
      "every bit but text",
      text.replace(TEXT_TARGETS, ""),
      data,
      workers,
    ),
  ];
  // Three lines a tick of 10 ms: as much of the guest's time as an experiment here.
  const lines = 3 * 200 - 3;
  const others = [
    await qemuRate("qemu", [], started, workers, lines),
    await qemuRate("qemu-icount", ["-icount", "shift=3,sleep=off"], started, workers, lines),
  ];
  const ratios = Object.fromEntries(own.map((mine) => [
    mine.engine,
    Object.fromEntries(others.map(({ engine, rate }) => [engine, round(mine.rate / rate)])),
  ]));
  if (values.json) {
    console.log(JSON.stringify({ workers, own, others, ratios }));
    return 0;
  }
  for (const mine of own) {
    console.log(
      `${mine.experiments} experiments of 2 s of board time, ${mine.engine}, guests busy ` +
        `${round(100 * mine.busy)} % of it, ${workers} workers:\n` +
        `  ${mine.rate} a second; ${mine.cpu_s} CPU seconds each; ` +
        `${round(100 * mine.early_stop_share)} % ended early; ` +
        `${round(100 * mine.manifested)} % manifested`,
    );
  }
  for (const { engine, experiments, rate, unharmed } of others) {
    const how = engine === "qemu" ? "real time" : "its idle time skipped";
    const times = own.map((mine) => `${ratios[mine.engine]![engine]} times (${mine.engine})`);
    console.log(
      `${experiments} experiments in ${QEMU} (${how}), started anew and stopped through GDB for each:\n` +
        `  ${rate} a second, ${round(100 * unharmed)} % with the right output; ` +
        `the campaigns above are ${times.join(" and ")} as fast`,
    );
  }
  return 0;
}

if (import.meta.main) await script("inject-rate", main);
