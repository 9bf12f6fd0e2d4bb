/**
 * `deno task lockstep`: random programs on the emulator and in QEMU, compared word by word.
 *
 * Options: `--seed N`, `--count N` (instructions on sx1; a tenth of it on versatilepb),
 * `--machine sx1|versatilepb|both`, `--least N` (times that each row of the instruction table has to
 * be executed with each outcome of the condition and in each addressing form; 0: do not ask),
 * `--json`, `--table` (prints the coverage table), `--show N` (differences to shrink and show),
 * `--record FOLDER` (keeps what QEMU answers), `--replay FOLDER` (takes that instead of QEMU; the same
 * seed, count and machine).
 *
 * Exit code 0: all agree, and all is covered; 1: not; 2: no QEMU, or a wrong option.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { describe } from "../tests/oracle/compare.ts";
import { MACHINES, QEMU, qemuVersion, startQemu } from "../tests/oracle/qemu.ts";
import { recordTo, replayFrom, type Starter } from "../tests/oracle/recording.ts";
import { type Findings, noFindings, Session } from "../tests/oracle/session.ts";
import { show, shrink } from "../tests/oracle/shrink.ts";
import { ROOT, script, UsageError } from "./run.ts";

/** Instructions in a run, enough to meet every cell of the coverage table {@linkcode LEAST} times. */
const COUNT = 1_500_000;

/** Times that each cell of the coverage table has to be met. */
const LEAST = 100;

/** A whole number from an option. */
function whole(name: string, text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) {
    throw new UsageError(`--${name} wants a whole number, not "${text}"`);
  }
  return value;
}

/** The options with their values. */
function options(): {
  seed: number;
  count: number;
  machines: string[];
  least: number;
  json: boolean;
  table: boolean;
  show: number;
  record: string | undefined;
  replay: string | undefined;
} {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      seed: { type: "string", default: "1" },
      count: { type: "string", default: String(COUNT) },
      machine: { type: "string", default: "both" },
      least: { type: "string", default: String(LEAST) },
      show: { type: "string", default: "5" },
      json: { type: "boolean", default: false },
      table: { type: "boolean", default: false },
      record: { type: "string" },
      replay: { type: "string" },
    },
  });
  const names = Object.keys(MACHINES);
  const machines = values.machine === "both" ? names : [values.machine];
  if (!names.includes(machines[0])) {
    throw new UsageError(`--machine wants ${names.join(", ")} or both, not "${values.machine}"`);
  }
  return {
    seed: whole("seed", values.seed),
    count: whole("count", values.count),
    machines,
    least: whole("least", values.least),
    json: values.json,
    table: values.table,
    // A difference cannot be made smaller without QEMU.
    show: values.replay === undefined ? whole("show", values.show) : 0,
    record: values.record,
    replay: values.replay,
  };
}

/** Runs one machine and shows its first differences. */
async function lockstep(
  name: string,
  seed: number,
  count: number,
  most: number,
  folder: string,
  start: Starter,
  findings: Findings,
  say: (line: string) => void,
): Promise<void> {
  const files = { elf: `${folder}/image.elf`, dump: `${folder}/memory.bin` };
  const session = new Session(MACHINES[name], files, start);
  const first = findings.mismatches.length;
  await session.run(seed, count, findings, (executed) => {
    const differences = findings.mismatches.length - first;
    say(`${name}: ${executed} of ${count} instructions, ${differences} differences`);
  });
  for (const found of findings.mismatches.slice(first, first + most)) {
    const small = await shrink(session, found);
    for (const line of show(small.test, small.differences)) say(line);
    if (small.differences.length === 0) {
      say("  agrees when run alone; in its batch it differs in:");
      for (const d of found.differences) say(`  ${describe(d)}`);
    }
  }
}

/** The command; returns the exit code. */
async function main(): Promise<number> {
  const o = options();
  const version = o.replay === undefined ? await qemuVersion() : `results in ${o.replay}`;
  if (version === undefined) {
    throw new UsageError(`${QEMU} is not installed; on Debian: apt-get install qemu-system-arm`);
  }
  const say = (line: string): void => {
    if (!o.json) console.log(line);
  };
  say(`${version}, seed ${o.seed}`);
  const started = performance.now();
  const findings = noFindings();
  await Deno.mkdir(new URL(".tmp/", ROOT), { recursive: true });
  const folder = await Deno.makeTempDir({ dir: fileURLToPath(new URL(".tmp/", ROOT)) });
  const start = o.record !== undefined
    ? recordTo(o.record)
    : o.replay !== undefined
    ? replayFrom(o.replay)
    : startQemu;
  try {
    for (const name of o.machines) {
      const count = o.machines.length > 1 && name !== "sx1" ? Math.ceil(o.count / 10) : o.count;
      await lockstep(name, o.seed, count, o.show, folder, start, findings, say);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  const seconds = (performance.now() - started) / 1000;
  const { coverage, deviations, mismatches, memory, steps, endless } = findings;
  const cells = coverage.cells();
  const short = o.least === 0 ? [] : cells.filter((c) => c.count < o.least);
  if (o.table) { for (const line of coverage.table()) say(line); }
  for (const { test, what } of steps.slice(0, o.show)) say(`${test.kind}: ${what}`);
  for (const d of memory.slice(0, o.show)) say(describe(d));
  for (const c of short.slice(0, 20)) {
    say(
      `covered ${c.count} times only: ${c.row}${c.form && ` (${c.form})`}, condition ${c.outcome}`,
    );
  }
  const agreed = mismatches.length === 0 && memory.length === 0 && steps.length === 0;
  const least = Math.min(...cells.map((c) => c.count));
  if (o.json) {
    console.log(JSON.stringify({
      check: "lockstep",
      qemu: version,
      seed: o.seed,
      machines: o.machines,
      instructions: coverage.total,
      cases: findings.cases,
      batches: findings.batches,
      differences: mismatches.length,
      memoryDifferences: memory.length,
      stepDifferences: steps.length,
      endless: endless.length,
      deviations: Object.fromEntries(deviations),
      coverage: { cells: cells.length, least, wanted: o.least, short: short.length },
      seconds: Math.round(seconds * 10) / 10,
    }));
  } else {
    for (const [id, n] of [...deviations].sort()) say(`known deviation ${id}: ${n} times`);
    if (endless.length > 0) say(`${endless.length} cases left out because they never end`);
    say(
      `${coverage.total} instructions in ${findings.cases} cases: ` +
        (agreed ? "all agree" : `${mismatches.length + memory.length + steps.length} DIFFER`) +
        `; ${cells.length} cells of the instruction table, the rarest ${least} times; ` +
        `${seconds.toFixed(1)} s`,
    );
  }
  return agreed && short.length === 0 ? 0 : 1;
}

if (import.meta.main) await script("lockstep", main);
