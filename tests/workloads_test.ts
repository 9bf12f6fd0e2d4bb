/**
 * The workloads: what they print is worked out here a second time, and planted bugs do what the table
 * of guests/README.md says.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Board } from "../core/board.ts";
import { parseElf } from "../core/elf.ts";
import { events, lines } from "./guest_rig.ts";

/** What the build of a workload for the bare board prints in so many milliseconds. */
async function onBoard(name: string, ms: number): Promise<string[]> {
  const file = new URL(`../guests/images/${name}-s3c2440.elf`, import.meta.url);
  const elf = parseElf(await Deno.readFile(file), name);
  const flash = new Uint8Array(0x10000);
  for (const segment of elf.segments) flash.set(segment.bytes, segment.paddr);
  const board = new Board({ flash });
  let text = "";
  board.soc.uart[0].onTransmit = (byte) => text += String.fromCharCode(byte);
  while (board.clock.ns() < ms * 1e6) board.run(board.clock.now + 400_000);
  return text.split("\n").slice(0, -1);
}

// --- models ------------------------------------------------------------------------------------

function crc32(crc: number, words: readonly number[]): number {
  crc = ~crc;
  for (const byte of new Uint8Array(Uint32Array.from(words, (w) => w >>> 0).buffer)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >>> 1 ^ 0xedb88320 : crc >>> 1;
  }
  return ~crc >>> 0;
}

function hex(value: number): string {
  return (value >>> 0).toString(16).padStart(8, "0");
}

/** Marsaglia's generator, as numeric.h has it. */
function generator(seed: number): () => number {
  return () => {
    seed ^= seed << 13;
    seed ^= seed >>> 17;
    seed ^= seed << 5;
    return seed >>> 0;
  };
}

function* loggerModel(): Generator<string> {
  for (let line = 1, crc = 0;; line++) {
    crc = crc32(crc, [line]);
    yield `log ${String(line).padStart(6, "0")} ${hex(crc)}`;
  }
}

function* pidModel(): Generator<string> {
  let [output, late0, late1, crc] = [0, 0, 0, 0];
  let [integral, before] = [0, 0];
  for (let step = 0;; step++) {
    const set = Math.floor(step / 40) % 2 === 0 ? 1200 : 2000;
    const error = set - output;
    integral = Math.min(Math.max(integral + error, -4095 * 16), 4095 * 16);
    const wanted = Math.trunc((40 * error + 5 * integral + 20 * (before - output)) / 64);
    const input = Math.min(Math.max(wanted, 0), 4095);
    before = output;
    output += Math.trunc((Math.trunc(late1 * 16 / 10) - output) / 8);
    [late1, late0] = [late0, input];
    crc = crc32(crc, [output]);
    if (step % 10 === 9) {
      yield `pid: step ${step + 1} set ${set} out ${output} in ${input} missed 0 crc ${hex(crc)}`;
    }
  }
}

function* matrixModel(): Generator<string> {
  const random = generator(1);
  const signed = (bits: number) => (random() | 0) >> (32 - bits);
  for (let round = 1;; round++) {
    const a: number[][] = [], b: number[][] = [];
    for (let i = 0; i < 8; i++) {
      a.push([]);
      b.push([]);
      signed(8);
      for (let j = 0; j < 8; j++) {
        a[i].push(signed(10));
        b[i].push(signed(10));
      }
    }
    const product = a.flatMap((row) =>
      b[0].map((_, j) => row.reduce((sum, x, k) => sum + x * b[k][j], 0))
    );
    yield `matrix: round ${round} checksum ${hex(crc32(0, product))} good`;
  }
}

function* sortModel(): Generator<string> {
  const random = generator(2);
  for (let round = 1;; round++) {
    const sorted = Array.from({ length: 200 }, random).sort((x, y) => x - y);
    yield `sort: round ${round} checksum ${hex(crc32(0, sorted))} good`;
  }
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (; exponent > 0n; exponent--) result = result * base % 65537n;
  return result;
}

function* fftModel(): Generator<string> {
  const random = generator(3);
  const root = power(3n, 1024n);
  const roots = Array.from({ length: 64 }, (_, i) => power(root, BigInt(i)));
  for (let round = 1;; round++) {
    const x = Array.from({ length: 64 }, () => BigInt(random() >>> 16));
    const spectrum = x.map((_, k) =>
      Number(x.reduce((sum, value, i) => sum + value * roots[i * k % 64], 0n) % 65537n)
    );
    yield `fft: round ${round} checksum ${hex(crc32(0, spectrum))} good`;
  }
}

function* pipelineModel(): Generator<string> {
  let sum = 0;
  for (let block = 0;; block++) {
    for (let i = 0; i < 14; i++) {
      const word = Math.imul(block * 14 + i, 2654435761);
      sum = (sum << 1 | sum >>> 31) ^ (word << 7 | word >>> 25);
    }
    if (block % 16 === 15) {
      yield `pipeline: ${block + 1} blocks, 0 lost, 0 doubled, 0 bad, sum ${hex(sum)}`;
    }
  }
}

/** The check word of opmix: the same loops on plain values. */
function opmixModel(loops: number): string {
  const first = { kind: 0, number: 1 }, second = { kind: 0, number: 0 };
  const table = new Int32Array(32);
  const grid = Array.from({ length: 8 }, () => new Int32Array(8));
  const text = [..."A STRING OF THIRTY CHARACTERS"];
  const other = [..."A STRING OF THIRTY CHARACTEXS"];
  const after = (kind: number, number: number): number =>
    [number > 10 ? 1 : 3, number > 100 ? 0 : 2, 3, 0][kind];
  let [total, letter, check, x, y] = [0, 0, 0, 2, 3];
  for (let loop = 1; loop <= loops; loop++) {
    text[28] = String.fromCharCode(65 + loop % 26);
    const at = loop % 20;
    if (text[at] === other[at + 1]) x++;
    else if (text.join("") > other.join("")) {
      letter = text[at].charCodeAt(0);
      x++;
    }
    const z = Math.trunc((x * 5 - y) / (loop % 7 + 1));
    const row = loop % 24 + 4;
    table[row] = z;
    table[row + 1] = z + 1;
    grid[row & 7][row & 7] = table[row];
    grid[row & 7][row + 1 & 7] = table[row + 1];
    grid[row & 7][row - 1 & 7]++;
    total = (total + grid[row & 7][row & 7]) | 0;
    second.number = (first.number + 7) | 0;
    second.kind = after(first.kind, second.number);
    first.number = second.kind === 3 ? second.number ^ 5 : (second.number - 3) | 0;
    y = z & 0xff;
    if (first.kind === 0) first.kind = after(second.kind, y);
    check = (check << 3 | check >>> 29) ^ (first.number + second.number + total + y + letter);
  }
  return `opmix: ${loops} loops, check ${hex(check)}`;
}

/** The lines are the first of what the model gives, and there are at least so many. */
function assertFollows(actual: readonly string[], model: Generator<string>, least: number): void {
  assert.ok(actual.length >= least, `${actual.length} lines, not ${least}`);
  for (const line of actual) assert.equal(line, model.next().value);
}

function assertNumeric(actual: readonly string[]): void {
  const of = (name: string) => actual.filter((line) => line.startsWith(`${name}:`));
  assertFollows(of("matrix"), matrixModel(), 6);
  assertFollows(of("sort"), sortModel(), 6);
  assertFollows(of("fft"), fftModel(), 6);
}

// --- outputs -----------------------------------------------------------------------------------

Deno.test("pid, numeric and logger print what their models say, side by side", async () => {
  const trace = await events("700ms", "pid", "numeric", "logger:every=3");
  assertFollows(lines(trace, "pid"), pidModel(), 6);
  assertFollows(lines(trace, "logger"), loggerModel(), 20);
  assertNumeric(lines(trace, "numeric"));
});

Deno.test("pid, numeric, logger and pipeline print the same on the bare board", async () => {
  assertFollows(await onBoard("pid", 700), pidModel(), 6);
  assertFollows(await onBoard("logger", 700), loggerModel(), 12);
  assertFollows(await onBoard("pipeline", 700), pipelineModel(), 7);
  assertNumeric(await onBoard("numeric", 700));
});

Deno.test("client and server of two VMs agree on every message", async () => {
  const trace = await events("900ms", "server", "client:to=0");
  const asked = lines(trace, "client");
  assert.ok(asked.length >= 4);
  asked.forEach((line, i) => {
    const n = 10 * (i + 1);
    assert.match(line, new RegExp(`^client: ${n} asked, ${n} right, 0 wrong, 0 missing, `));
  });
  assert.match(lines(trace, "server")[3], /^server: 40 answered, 0 bad, the last from VM \d+$/);
});

Deno.test("opmix does the loops it is asked for and halts", async () => {
  const trace = await events("100ms", "opmix:2000");
  const [check, speed] = lines(trace, "opmix");
  assert.equal(check, opmixModel(2000));
  assert.match(speed, /^opmix: \d{4} us, \d{6} loops a second$/);
  assert.ok(trace.some((e) => e.type === "vm" && e.state === "halted"));
});

// --- a foreign kernel --------------------------------------------------------------------------

Deno.test("foreign: a kernel without the unified table schedules, and loses only the task that errs", async () => {
  const trace = await events("700ms", "foreign");
  const faults = trace.filter((e) => e.type === "fault");
  assert.ok(faults.length > 0 && faults.every((e) => e.type === "fault" && e.task === "rude"));
  assert.ok(trace.some((e) => e.type === "recovery" && e.action === "stop-task"));
  const said = lines(trace, "foreign");
  const late = trace.filter((e) => e.type === "console" && e.t > 400e6).length;
  assert.ok(late >= 8, `${late} lines after rude is gone`);
  assert.ok(said.filter((line) => line === "ping").length >= 12);
  assert.ok(said.filter((line) => line === "pong").length >= 12);
});

// --- planted bugs ------------------------------------------------------------------------------

Deno.test("bugs that raise nothing show in what is printed", async () => {
  const trace = await events(
    "600ms",
    "pid:bug=corrupt@100ms",
    "logger:bug=corrupt@100ms",
    "numeric:bug=corrupt@100ms",
  );
  assert.ok(!trace.some((e) => e.type === "fault"));
  const differs = (name: string, model: Generator<string>) =>
    lines(trace, name).findIndex((line) => line !== model.next().value);
  assert.ok(differs("pid", pidModel()) > 0);
  assert.ok(differs("logger", loggerModel()) > 0);
  assert.ok(lines(trace, "numeric").some((line) => /^matrix: .* BAD$/.test(line)));
});

Deno.test("bug=never-posted leaves the other side waiting, and it says so", async () => {
  const trace = await events("600ms", "pid:bug=never-posted@100ms");
  assert.match(lines(trace, "pid").at(-1) ?? "", / missed [1-9]/);
  const answers = await events(
    "3s",
    "server:bug=never-posted@100ms",
    "client:to=0",
  );
  assert.match(lines(answers, "client").at(-1) ?? "", / 0 wrong, [1-9]\d* missing/);
});

Deno.test("bug=corrupt of a server is noticed by its client", async () => {
  const trace = await events("500ms", "server:bug=corrupt@100ms", "client:to=0");
  assert.match(lines(trace, "client").at(-1) ?? "", / [1-9]\d* wrong, 0 missing/);
});

Deno.test("a bug that there is not is said and does nothing", async () => {
  const trace = await events("200ms", "logger:bug=unheard-of@100ms");
  const [said, ...rest] = lines(trace, "logger");
  assert.equal(said, "bug: the boot argument names none that there is");
  assertFollows(rest, loggerModel(), 3);
});
