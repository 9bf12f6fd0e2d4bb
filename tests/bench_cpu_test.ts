import assert from "node:assert/strict";
import { type CpuBenchResult, cpuSection, measureCpu } from "../cli/bench_cpu.ts";
import { printJson, printSections } from "../cli/bench_output.ts";
import { runRp2040 } from "../cli/bench_rp2040.ts";
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
    using work = await CpuWork.create({ guests: [await compute()], backup: "off" });
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

/** The compute guest, for ever. */
async function compute(): Promise<{ name: string; image: Uint8Array; arg: string }> {
  return { name: "compute", image: await loadGuest("compute"), arg: "1000000000" };
}

Deno.test({
  name: "CpuWork.sample() skips the time in which guests wait, and ends when they have ended",
  permissions: "none",
  async fn() {
    using waiting = await CpuWork.create({
      guests: [{ name: "ucos-2", image: await loadGuest("ucos-2") }],
    });
    const sample = waiting.sample(30_000, steady());
    assert.ok(sample.instructions >= 30_000 && sample.instructions < 1_000_000);
    const guest = { ...await compute(), arg: "1" };
    using over = await CpuWork.create({ guests: [guest] });
    assert.throws(() => over.sample(1e9, steady()), /guests: they do nothing any more/);
  },
});

Deno.test({
  name: "CpuWork counts the same instructions in both fidelities",
  permissions: "none",
  async fn() {
    const guests = [{ ...await compute(), arg: "1" }];
    const counts = ["fast", "timed"].map(async (fidelity) => {
      using work = await CpuWork.create({ guests, fidelity: fidelity as "fast" });
      assert.throws(() => work.sample(1e9, steady()));
      return work.instructions;
    });
    const [fast, timed] = await Promise.all(counts);
    assert.ok(Math.abs(fast! - timed!) < 100, `${fast} ${timed}`);
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
    assert.deepEqual(cpuRow("interpreter", "compute", samples), {
      bench: "cpu",
      work: "compute",
      engine: "interpreter",
      mips: { min: 50, median: 100, max: 200 },
      cpu_mips: { min: 200, median: 200, max: 250 },
      instructions: 100e6,
      count: 3,
    });
    const [first] = samples;
    assert.equal(cpuRow("qemu", "demo", [first!, { ...first!, user: null }]).cpu_mips, null);
  },
});

/** The smallest measurement that has everything. */
const SMALL = {
  works: ["compute", "demo"],
  samples: 2,
  instructions: 1_000_000,
  rounds: 2,
  start: true,
} as const;

Deno.test({
  name: "measureCpu() runs without the others and says so in a line each",
  permissions: { read: "inherit", run: false },
  async fn() {
    const steps: string[] = [];
    const { rows, notes } = await measureCpu(SMALL, (done, of) => steps.push(`${done}/${of}`));
    assert.deepEqual(
      rows.filter(({ engine }) => engine !== "rp2040js").map(({ work, engine }) => [work, engine]),
      [["compute", "interpreter"], ["compute", "timed"], ["demo", "interpreter"], [
        "demo",
        "timed",
      ]],
    );
    for (const row of rows) {
      assert.ok(row.mips.max > 0 && row.mips.min <= row.mips.median);
      assert.ok(row.mips.median <= row.mips.max);
      assert.equal(row.count, 2);
    }
    const [row] = rows;
    assert.ok(row!.instructions >= SMALL.instructions);
    assert.ok(row!.rss_mb! > 0 && row!.start_ms! > 0);
    assert.ok(!("start_ms" in rows.at(-1)!));
    assert.equal(notes.filter((note) => note.startsWith("qemu: left out, ")).length, 1);
    assert.equal(notes.filter((note) => note.startsWith("rp2040js: ")).length, 1);
    assert.deepEqual(steps, ["1/4", "2/4", "3/4", "4/4"]);
  },
});

Deno.test("runRp2040() prints what the guest prints elsewhere, or says why not", async () => {
  const image = Deno.readFileSync(new URL("../guests/images/compute-rp2040.elf", import.meta.url));
  const run = await runRp2040(image, 2, steady());
  if ("why" in run) {
    assert.match(run.why, /^it is not installed: deno cache npm:rp2040js@/);
    return;
  }
  assert.deepEqual(run.lines, countBare(Deno.readFileSync(PLAIN), "compute 2").map((l) => l.text));
  assert.ok(run.sample.instructions > 100_000);
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

Deno.test("cpuSection() is a table and notes, and the rows as they are", () => {
  const section = cpuSection(RESULT);
  const text = memoryIo();
  printSections([section], text.io);
  assert.match(
    text.out(),
    /^compute +interpreter +3 +90\.0 +100\.0 +110\.0 +105\.0\ncompute +qemu-icount .* 720\.3 .* -$/m,
  );
  assert.match(text.out(), /\nmemory: 1 MB\n\nrp2040js: left out\n/);
  const json = memoryIo();
  printJson([section], json.io);
  const rows = json.out().trimEnd().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual(rows, RESULT.rows);
});

Deno.test("bench cpu refuses what is for board time", async () => {
  const { code, err } = await call(["bench", "cpu", "--period", "1ms"]);
  assert.equal(code, 2);
  assert.match(err, /^understudy: unknown option '--period'/);
  const work = await call(["bench", "cpu", "--work", "all"]);
  assert.deepEqual([work.code, work.err], [
    2,
    'understudy: --work: "all" is unknown; allowed: compute, guests, demo\n',
  ]);
});
