import assert from "node:assert/strict";
import { runOnBench } from "../suite/bench.ts";
import { manifestCases } from "../suite/build.ts";
import { DEVIATIONS } from "../suite/deviations.ts";
import manifest from "../suite/manifest.json" with { type: "json" };
import {
  BOARDS,
  type CaseResult,
  expectation,
  loadImage,
  type Machine,
  MACHINES,
  parseReport,
  readCases,
  readHeader,
  readResults,
  standing,
  type SuiteCase,
} from "../suite/suite.ts";
import { runOnBoard, type SuiteRun } from "../suite/understudy.ts";

/** A test that is allowed nothing: the images are modules. */
function test(name: string, fn: () => void | Promise<void>): void {
  Deno.test({ name, permissions: "none", fn });
}

const image = await loadImage("s3c2440");
const cases = readCases(image);

/** Expects a run to be complete, its report and its result table to agree, and no surprise. */
function expectNoSurprise({ text, table }: SuiteRun, machine: Machine): void {
  const report = parseReport(text);
  assert.equal(report.board, "s3c2440");
  assert.equal(report.complete, true);
  assert.equal(report.planned, cases.length);
  assert.deepEqual(report.results.map(({ name }) => name), cases.map(({ name }) => name));

  const surprises = cases.flatMap((test, i) => {
    const what = standing(report.results[i].outcome, expectation(test, machine));
    return what === "ok" || what === "as listed"
      ? []
      : [`${what}: ${test.name} ${JSON.stringify(report.results[i].observed)}`];
  });
  assert.deepEqual(surprises, []);

  assert.equal(table.done, true);
  assert.equal(table.passed + table.failed + table.skipped, cases.length);
  table.results.forEach(({ number, outcome, observed }, i) => {
    const line = report.results[i];
    assert.deepEqual([number, outcome], [line.number, line.outcome], line.name);
    for (const [key, value] of Object.entries(line.observed)) {
      assert.equal(observed[key], value, `${line.name} ${key}`);
    }
  });
}

test("runOnBoard() passes every case of the suite but those that are listed", () => {
  expectNoSurprise(runOnBoard(image), "understudy");
});

test("runOnBoard() passes every case with the caches modelled", () => {
  expectNoSurprise(runOnBoard(image, { cache: true }), "understudy-cached");
});

test("runOnBench() passes every case, without caches but for those that need them", () => {
  expectNoSurprise(runOnBench(image), "understudy");
});

test("runOnBench() passes every case with the caches modelled", () => {
  expectNoSurprise(runOnBench(image, { cache: true }), "understudy-cached");
});

test("runOnBoard() gives up at the limit, and the report is not complete", () => {
  const { text, table } = runOnBoard(image, { limit: 2_000_000 });
  const report = parseReport(text);
  assert.equal(report.complete, false);
  assert.equal(table.done, false);
  assert.ok(report.results.length > 0 && report.results.length < cases.length);
});

test("readCases() gives at least 150 cases with names of their own, the same for every board", async () => {
  assert.ok(cases.length >= 150);
  assert.equal(new Set(cases.map(({ name }) => name)).size, cases.length);
  for (const board of BOARDS) {
    assert.deepEqual(readCases(await loadImage(board)), cases, board);
  }
});

test("readCases() names what a case needs", () => {
  const needs = (name: string) => cases.find((test) => test.name === name)?.needs;
  assert.deepEqual(needs("exception/reset/cpsr"), []);
  assert.deepEqual(needs("exception/irq/from-usr"), ["irq"]);
  assert.deepEqual(needs("mmu-off/swi"), ["physical-vectors"]);
  assert.deepEqual(needs("data-abort/external/fetch"), ["external-abort"]);
  assert.deepEqual(needs("cache/write-back/hit-stays-in-the-cache"), ["dcache"]);
  assert.deepEqual(needs("cache/instruction/stale-code"), ["icache"]);
  assert.deepEqual(needs("tlb/data/stale-read"), ["tlb"]);
});

test("readHeader() refuses an ELF file that is not of this suite", () => {
  const other = image.slice();
  const at = new DataView(other.buffer);
  for (let i = 0; i + 4 <= other.length; i += 4) {
    if (at.getUint32(i, true) === 0x544d4d55) at.setUint32(i, 0, true);
  }
  assert.throws(() => readHeader(other), RangeError);
});

test("readResults() refuses memory without a result table", () => {
  assert.throws(() => readResults(new Uint8Array(64)), RangeError);
});

test("manifest.json lists the cases and deviations of the sources", () => {
  assert.deepEqual(manifest.cases, JSON.parse(JSON.stringify(manifestCases(cases))));
  assert.deepEqual(
    manifest.deviations,
    JSON.parse(JSON.stringify(DEVIATIONS.map(({ id, machines, verdict, reason, source }) => ({
      id,
      machines,
      verdict,
      reason,
      source,
    })))),
  );
});

test("DEVIATIONS have a reason, a source, and patterns that each name a case", () => {
  assert.equal(new Set(DEVIATIONS.map(({ id }) => id)).size, DEVIATIONS.length);
  for (const { id, machines, cases: patterns, needs, reason, source } of DEVIATIONS) {
    assert.ok(reason.length > 20 && source.length > 10 && machines.length > 0, id);
    for (const pattern of patterns) {
      const named = cases.filter((test) =>
        pattern.test(test.name) && (needs?.some((need) => test.needs.includes(need)) ?? true)
      );
      assert.ok(named.length > 0, `${id} ${pattern}`);
    }
  }
});

test("expectation() excuses the emulated board from nothing but caches", () => {
  for (const test of cases) {
    const cached = test.needs.includes("dcache") || test.needs.includes("icache");
    assert.equal(expectation(test, "understudy").verdict, cached ? "differs" : "pass", test.name);
  }
});

test("expectation() takes the first deviation that fits", () => {
  const named = (name: string): SuiteCase => ({ number: 1, name, needs: ["tlb"] });
  const unified = named("tlb/data/invalidate-instruction-side-leaves-it");
  assert.deepEqual(expectation(unified, "sx1"), { verdict: "differs", deviation: "tlb-unified" });
  assert.deepEqual(expectation(named("tlb/data/stale-read"), "versatilepb"), {
    verdict: "may differ",
    deviation: "tlb-residency",
  });
  for (const machine of MACHINES) {
    assert.deepEqual(expectation(named("exception/swi/from-usr"), machine), { verdict: "pass" });
  }
});

test("standing() tells surprises from what is listed", () => {
  const differs = { verdict: "differs" } as const;
  assert.equal(standing("pass", { verdict: "pass" }), "ok");
  assert.equal(standing("fail", { verdict: "pass" }), "unexpected failure");
  assert.equal(standing("fail", differs), "as listed");
  assert.equal(standing("pass", differs), "unexpected pass");
  assert.equal(standing("pass", { verdict: "may differ" }), "ok");
  assert.equal(standing("fail", { verdict: "may differ" }), "as listed");
  assert.equal(standing("skip", differs), "skip");
});

test("parseReport() reads outcomes and observed values", () => {
  const report = parseReport(
    "# ARMv4T MMU, CP15 and abort suite 1 on sx1\r\n1..4\r\nok 1 - a/b # vector=10 lr=10020ee4 fsr=57\r\n" +
      "not ok 2 - a/c # check=12 got=ff want=1f vector=0\r\nok 3 - d # SKIP no such thing\nok 4 - e\n# end\n",
  );
  const expected: CaseResult[] = [
    {
      number: 1,
      name: "a/b",
      outcome: "pass",
      observed: { vector: 0x10, lr: 0x10020ee4, fsr: 0x57 },
    },
    {
      number: 2,
      name: "a/c",
      outcome: "fail",
      observed: { check: 12, got: 0xff, want: 0x1f, vector: 0 },
    },
    { number: 3, name: "d", outcome: "skip", observed: {} },
    { number: 4, name: "e", outcome: "pass", observed: {} },
  ];
  assert.deepEqual(report, { board: "sx1", planned: 4, results: expected, complete: true });
  assert.deepEqual(parseReport(""), { board: "", planned: 0, results: [], complete: false });
});
