import assert from "node:assert/strict";
import { parseCampaign } from "../cli/campaign_config.ts";
import type { ExperimentRow } from "../cli/campaign_spec.ts";
import { causeOf, CAUSES, CauseTally } from "../cli/report_causes.ts";
import { makeReport } from "../cli/report_data.ts";
import { planScale } from "../cli/scale.ts";
import { Store } from "../cli/store.ts";
import { type Outcome, wilson } from "../mod.ts";
import { resultsPage } from "../tasks/results_page.ts";
import { call, memoryIo } from "./cli_rig.ts";

const DIR = new URL("../.tmp/results/", import.meta.url).pathname;
Deno.mkdirSync(DIR, { recursive: true });

const YAML = `guests: [pid]
targets: [registers, task-text, calls, vm-records]
matrix: {backup: ["off", cow], journal: [log, "off"]}
count: 40
gates:
  - {crashes: 0}
  - {arms: [cow journal=log], manifested: {task: 1000}, recovered: {task: 0.1}}
`;

function row(over: Partial<ExperimentRow>): ExperimentRow {
  return {
    ...{ arm: 0, kind: "transient", idx: 0, target: "registers", vm: "pid" },
    ...{ fault: "reg:r4:1@t=5ns", outcome: "masked", fired: true, detected: false },
    ...{ manifested: false, recovered: false, party: "task", task: "plant", struck_at: 200e6 },
    ...{ latency: -1, detector: "", lost: 0, cycles: 0, actions: "", repeated: 0, late: 0 },
    ...{ ended: "golden", simulated: 100, hash: "0123456789abcdef", detail: "r4 0x0 -> 0x2" },
    ...over,
  } as ExperimentRow;
}

/** Of each arm: 20 masked, 12 recovered (not in the first arm), 8 silent. */
function* rows(): Generator<ExperimentRow> {
  for (let arm = 0; arm < 3; arm++) {
    for (let idx = 0; idx < 40; idx++) {
      const id = { arm, idx };
      const hit = { ...id, manifested: true };
      if (idx < 20) yield row(id);
      else if (idx >= 32) yield row({ ...hit, outcome: "silent-corruption", target: "task-text" });
      else {
        const found = { ...hit, detected: true, detector: "data-abort", latency: 1000 };
        yield arm === 0
          ? row({ ...found, outcome: "stopped-task" })
          : row({ ...found, outcome: "recovered-task", recovered: true, lost: 2e6, cycles: 500 });
      }
    }
  }
}

Deno.test("causeOf() names one cause of each error that was not recovered, and of nothing else", () => {
  const cases: [Partial<ExperimentRow>, string | undefined][] = [
    [{}, undefined],
    [{ manifested: true, recovered: true, detected: true, outcome: "recovered-guest" }, undefined],
    [{ outcome: "crash" }, "crash"],
    [{ manifested: true, outcome: "isolation-broken", party: "vmm" }, "isolation"],
    [{ manifested: true, outcome: "isolation-broken", target: "status" }, "masked-tick"],
    [{ manifested: true, outcome: "stopped-system", party: "vmm" }, "monitor-record"],
    [{ manifested: true, outcome: "hang", target: "hypercalls", party: "guest" }, "wrong-call"],
    [{ manifested: true, outcome: "hang", target: "registers" }, "no-progress"],
    [{ manifested: true, outcome: "silent-corruption", target: "kernel-text" }, "wrong-text"],
    [{ manifested: true, outcome: "silent-corruption" }, "wrong-value"],
    [{ manifested: true, detected: true, outcome: "silent-corruption" }, "found-late"],
    [
      { manifested: true, detected: true, outcome: "output-repeated", actions: "swap-task" },
      "others-saw",
    ],
    [
      {
        ...{ manifested: true, detected: true, actions: "swap-task swap-guest -1" },
        outcome: "corruption-after-recovery",
      },
      "after-recovery",
    ],
    [{ manifested: true, detected: true, outcome: "restarted" }, "old-damage"],
  ];
  const tally = new CauseTally();
  for (const [over, cause] of cases) {
    assert.equal(causeOf(row(over)), cause, JSON.stringify(over));
    tally.add(row(over));
  }
  assert.deepEqual(
    new Set(cases.flatMap(([, cause]) => cause ?? [])),
    new Set(Object.keys(CAUSES)),
  );
  const sum = tally.counts.reduce((n, { detected, undetected }) => n + detected + undetected, 0);
  assert.equal(sum, cases.filter(([, cause]) => cause !== undefined).length);
});

Deno.test("resultsPage() holds the figures of the report, formatted", async () => {
  const campaign = await parseCampaign(YAML, "c.yaml", {}, memoryIo({ files: {} }).io);
  const report = makeReport(campaign, rows(), [], [
    { target: "registers", bits: 512, population: 512e6 },
  ]);
  const page = resultsPage(report, {
    command: "deno task results",
    campaign: "examples/campaign.yaml",
    store: "x.db",
    workers: [2],
    verified: { repeated: 77, mismatches: 0, seconds: 3 },
  });
  assert.equal(report.arm, "cow journal=log");
  const { low, high } = wilson(12, 20, 0.95);
  const bounds = `60.0 % (${(100 * low).toFixed(1)}-${(100 * high).toFixed(1)} %)`;
  assert.ok(page.includes(bounds), bounds);
  assert.match(page, /\| manifested\.task >= 1000 +\| cow journal=log \| 20 +\| \*\*no\*\* \|/);
  assert.match(
    page,
    /\| recovered\.task, lower bound >= 0\.1 +\| cow journal=log \| 0\.\d+ \| yes/,
  );
  assert.match(page, /Broken gates of this arm: manifested\.task >= 1000\./);
  assert.match(page, /\| `wrong-text` \| tasks +\| 0 +\| 8 /);
  assert.match(page, /77, of which 0 came to another class/);
  // Right output and recovery differ in 12 of 40 pairs; p of 12 against 0 is 2^-11.
  const pair =
    /\| off +\| cow journal=log \| recovered +\| 40 +\| 0 +\| 12 +\| -30\.0 % +\| 0\.0005 /;
  assert.match(page, pair);
  assert.match(
    page,
    /\| cow journal=log \| cow journal=off \| recovered +\| 40 +\| 0 +\| 0 +\| 0\.0 %/,
  );
  for (const line of page.split("\n").filter((line) => line.startsWith("|"))) {
    assert.match(line, / \|$/);
  }
  assert.ok(!/undefined|NaN|Infinity/.test(page));
});

Deno.test("planScale() plans from a rate", () => {
  const measured = {
    ...{ experiments: 1000, rate_per_core: 50, bytes_per_row: 200 },
    ...{ merge_per_s: 20_000, read_per_s: 100_000 },
  };
  const plan = planScale(measured, { experiments: 1e9, cores: 500, hours: 10 });
  assert.equal(plan.core_hours, 1e9 / 50 / 3600);
  assert.equal(plan.hours, plan.core_hours / 500);
  assert.equal(plan.shards, Math.ceil(plan.core_hours / 10));
  assert.ok(plan.shard_experiments * plan.shards >= 1e9);
  assert.ok(plan.shard_experiments / 50 / 3600 <= 10);
  assert.equal(plan.bytes, 2e11);
  assert.equal(plan.merge_hours, 1e9 / 20_000 / 3600);
  assert.equal(plan.ranges, 2_000_000);
});

Deno.test("inject scale measures a store and leaves nothing behind", async () => {
  const campaign = await parseCampaign(YAML, "c.yaml", {}, memoryIo({ files: {} }).io);
  const path = `${DIR}${Deno.pid}.db`;
  const store = Store.create(path, campaign, []);
  const unmeasured = await call(["inject", "scale", path]);
  assert.equal(unmeasured.code, 2);
  assert.match(unmeasured.err, /holds no measured rate/);
  store.add([...rows()]);
  const session = store.beginSession(4);
  store.updateSession(session, 120, 3);
  store.close();
  const { code, out } = await call(["inject", "scale", path, "--experiments", "1e6", "--json"]);
  assert.equal(code, 0);
  const plan = JSON.parse(out) as ReturnType<typeof planScale>;
  assert.equal(plan.measured.experiments, 120);
  assert.equal(plan.measured.rate_per_core, 10);
  assert.equal(plan.core_hours, 1e6 / 10 / 3600);
  const left = [...Deno.readDirSync(DIR)].map(({ name }) => name);
  assert.deepEqual(left.filter((name) => name.includes("scale")), []);
  const table = await call(["inject", "scale", path, "--cores", "3"]);
  assert.match(table.out, /time on 3 cores/);
  for (const [option, value] of [["--experiments", "0"], ["--cores", "x"], ["--hours", "-1"]]) {
    const bad = await call(["inject", "scale", path, option, value]);
    assert.equal(bad.code, 2);
    assert.match(bad.err, new RegExp(`${option}: "${value}" is not allowed; allowed: 1 to`));
  }
  Deno.removeSync(path);
});

Deno.test("every class that is a failure has a cause when it manifested", () => {
  const failures: Outcome[] = [
    ...["isolation-broken", "stopped-system", "stopped-guest", "stopped-task", "hang"],
    ...["silent-corruption", "restarted", "corruption-after-recovery", "output-repeated"],
  ] as Outcome[];
  for (const outcome of failures) {
    for (const detected of [false, true]) {
      for (const party of ["task", "guest", "vmm"] as const) {
        const cause = causeOf(row({ outcome, detected, party, manifested: true }));
        assert.ok(cause !== undefined && cause in CAUSES, `${outcome} ${detected} ${party}`);
      }
    }
  }
});
