import assert from "node:assert/strict";
import { checkCpuOptions, type CpuBenchResult, measureCpu, showCpu } from "../cli/bench_cpu.ts";
import { countBare, cpuRow, CpuWork, type Stopwatch } from "../core/bench_cpu.ts";
import { loadGuest } from "../guests/mod.ts";
import { call, memoryIo } from "./cli_rig.ts";

const PLAIN = new URL("../guests/images/compute-versatilepb.elf", import.meta.url);

/** A stopwatch that goes on by 1000 ms of wall clock and 500 ms of CPU time a look. */
function steady(): Stopwatch {
  let looks = 0;
  return { wall: () => 1000 * looks++, user: () => 500 * looks };
}

Deno.test({
  name: "CpuWork.sample() counts what ran in User mode with the MMU on",
  permissions: "none",
  async fn() {
    using work = await CpuWork.create(await loadGuest("compute"));
    assert.equal(work.instructions, 0);
    work.first();
    assert.ok(work.instructions > 0 && work.instructions < 1000);
    const before = work.instructions;
    const sample = work.sample(1_000_000, steady());
    assert.equal(sample.instructions, work.instructions - before);
    assert.ok(sample.instructions >= 1_000_000);
    assert.deepEqual([sample.wall, sample.user], [1000, 500]);
  },
});

Deno.test({
  name: "CpuWork.sample() refuses a guest that idles",
  permissions: "none",
  async fn() {
    using work = await CpuWork.create(await loadGuest("ucos-2"));
    assert.throws(() => work.sample(1e9, steady()), /the guest idles/);
  },
});

Deno.test("countBare() counts the instructions up to each line, round for round", () => {
  const image = Deno.readFileSync(PLAIN);
  const two = countBare(image, "compute 2");
  const three = countBare(image, "compute 3");
  assert.deepEqual(three.slice(0, 2), two);
  assert.deepEqual(three.map(({ text }) => text.replace(/[0-9a-f]{8}$/, "X")), [
    "compute: round 1 checksum X",
    "compute: round 2 checksum X",
    "compute: round 3 checksum X",
  ]);
  // Each character of the command line costs some.
  const [longer] = countBare(image, "compute        3");
  assert.ok(longer!.instructions > three[0]!.instructions);
  const rounds = three.map(({ instructions }, i) =>
    instructions - (three[i - 1]?.instructions ?? 0)
  );
  for (const round of rounds) assert.ok(round > 500_000 && round < 2_000_000, `${round}`);
});

Deno.test("countBare() counts what the guest under the monitor computes, too", async () => {
  const image = Deno.readFileSync(PLAIN);
  const bare = countBare(image, "compute 2").map(({ text }) => text);
  const { out } = await call(["boot", "compute:2", "--no-vm0", "--for", "100ms", "--json"]);
  for (const line of bare) assert.ok(out.includes(line), line);
});

Deno.test("countBare() refuses an image of a guest", async () => {
  const guest = await loadGuest("compute");
  assert.throws(() => countBare(guest, "1"), /^InputError: bare image: /);
});

Deno.test({
  name: "cpuRow() gives minimum, median and maximum of each clock",
  permissions: "none",
  fn() {
    const samples = [[1000, 500], [500, 400], [2000, 500]].map(([wall, user]) => ({
      instructions: 100e6,
      wall: wall!,
      user: user!,
    }));
    assert.deepEqual(cpuRow("interpreter", samples), {
      bench: "cpu",
      work: "compute",
      engine: "interpreter",
      mips: { min: 50, median: 100, max: 200 },
      cpu_mips: { min: 200, median: 200, max: 250 },
      instructions: 100e6,
      count: 3,
    });
    const [first] = samples;
    assert.equal(cpuRow("qemu", [first!, { ...first!, user: null }]).cpu_mips, null);
  },
});

/** The smallest measurement that has everything. */
const SMALL = { samples: 2, instructions: 1_000_000, rounds: 2 };

Deno.test({
  name: "measureCpu() runs without QEMU and says so in a line",
  permissions: { read: "inherit", run: false },
  async fn() {
    const { rows, notes } = await measureCpu(SMALL);
    assert.deepEqual(rows.map(({ engine }) => engine), ["interpreter"]);
    const [row] = rows;
    assert.ok(row!.mips.min > 0 && row!.mips.min <= row!.mips.median);
    assert.ok(row!.mips.median <= row!.mips.max);
    assert.ok(row!.instructions >= SMALL.instructions);
    assert.equal(row!.count, 2);
    assert.ok(row!.rss_mb! > 0 && row!.start_ms! > 0);
    assert.equal(notes.filter((note) => note.startsWith("qemu: left out, ")).length, 1);
    assert.equal(notes.filter((note) => note.startsWith("rp2040js: ")).length, 1);
  },
});

/** What a measurement with QEMU gives. */
const RESULT: CpuBenchResult = {
  rows: [
    {
      bench: "cpu",
      work: "compute",
      engine: "interpreter",
      mips: { min: 90, median: 100, max: 110 },
      cpu_mips: { min: 95, median: 105, max: 115 },
      instructions: 1e6,
      count: 3,
    },
    {
      bench: "cpu",
      work: "compute",
      engine: "qemu-icount",
      mips: { min: 700, median: 720.25, max: 800 },
      cpu_mips: null,
      instructions: 1e6,
      count: 3,
    },
  ],
  notes: ["memory: 1 MB", "rp2040js: left out"],
};

Deno.test("showCpu() prints a table and notes, or rows with the notes on standard error", () => {
  const text = memoryIo();
  showCpu(RESULT, false, text.io);
  assert.equal(
    text.out(),
    `Millions of instructions a second, compute guest

engine       samples    min  median    max  by CPU time
interpreter        3   90.0   100.0  110.0        105.0
qemu-icount        3  700.0   720.3  800.0            -

memory: 1 MB
rp2040js: left out
`,
  );
  const json = memoryIo();
  showCpu(RESULT, true, json.io);
  const rows = json.out().trimEnd().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual(rows, RESULT.rows);
  assert.equal(json.err(), "memory: 1 MB\nrp2040js: left out\n");
});

Deno.test("checkCpuOptions() refuses what is for board time", async () => {
  checkCpuOptions([]);
  checkCpuOptions(["json"]);
  const { code, err } = await call(["bench", "cpu", "--slice", "1ms"]);
  assert.equal(code, 2);
  assert.equal(
    err,
    "understudy: --slice: bench cpu takes host time, not board time; allowed: --json\n",
  );
});
