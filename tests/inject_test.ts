import assert from "node:assert/strict";
import type { ExperimentRow } from "../cli/campaign_spec.ts";
import type { CampaignReport } from "../cli/report_data.ts";
import { Store } from "../cli/store.ts";
import { parseFault } from "../mod.ts";
import { call, type Called, type Outside } from "./cli_rig.ts";

const DIR = new URL("../.tmp/inject/", import.meta.url).pathname;
Deno.mkdirSync(DIR, { recursive: true });

const CAMPAIGN = `guests: [logger]
for: 200ms
machine: {sdram: 32}
window: {from: 20ms, to: 120ms}
targets: [registers, task-text, kernel-text, {target: calls, tasks: [logger]}]
triggers: [{kind: instructions, most: 2000}]
matrix: {backup: ["off", cow], journal: ["off", log]}
bugs: [{vm: logger, arg: "bug=undefined@50ms"}]
gates: {crashes: 0, isolation_broken: 0, most: {stopped-system: 0}, arms: [cow journal=log]}
count: 20
seed: 3
`;

let files = 0;

/** A path at which nothing is. */
function fresh(name: string): string {
  const path = `${DIR}${Deno.pid}-${files++}-${name}`;
  try {
    Deno.removeSync(path);
  } catch {
    // It was not there.
  }
  return path;
}

async function inject(args: readonly string[], outside: Outside = {}): Promise<Called> {
  const called = await call(["inject", ...args], {
    ...outside,
    files: { "c.yaml": CAMPAIGN, ...outside.files },
  });
  return called;
}

async function works(args: readonly string[], outside: Outside = {}): Promise<string> {
  const { code, out, err } = await inject(args, outside);
  assert.equal(code, 0, `${args.join(" ")}: ${err}`);
  return out;
}

function rowsOf(path: string): ExperimentRow[] {
  using store = Store.open(path, "read");
  return [...store.rows()];
}

Deno.test("inject runs a campaign, and everything else is made of its file", async (t) => {
  const db = fresh("c.db");
  const run = await inject(["c.yaml", "--out", db, "--workers", "2"], { terminal: true });
  assert.equal(run.code, 0, run.err);
  assert.match(run.err, /\[[#-]{30}\] \d+\/63, [\d.]+ a second, .* left/);
  const rows = rowsOf(db);

  await t.step("all arms run the same faults", () => {
    assert.equal(rows.length, 3 * 21);
    const faults = (arm: number) => rows.filter((row) => row.arm === arm).map(({ fault }) => fault);
    assert.deepEqual(faults(1), faults(0));
    assert.deepEqual(faults(2), faults(0));
    assert.ok(rows.some(({ fired }) => fired) && rows.some(({ recovered }) => recovered));
    assert.equal(rows.filter(({ arm, recovered }) => arm === 0 && recovered).length, 0);
  });

  await t.step("report tells what it came to", async () => {
    const report = JSON.parse(await works(["report", db, "--json"])) as CampaignReport;
    assert.equal(report.experiments, 63);
    assert.ok(report.rate_per_s > 0);
    const early = rows.filter(({ ended }) => ended === "golden" || ended === "dormant").length;
    assert.equal(report.early_stop_share, early / 63);
    assert.equal(report.arm, "cow journal=off");
    assert.equal(Object.values(report.classes).reduce((sum, n) => sum + n!, 0), 20);
    assert.deepEqual([report.isolation_broken, report.crashes], [0, 0]);
    const first = rows.filter(({ arm, kind }) => arm === 1 && kind === "transient");
    for (const party of ["task", "guest", "vmm"] as const) {
      const mine = first.filter((row) => row.party === party && row.manifested);
      const { n, detected, recovered, wilson95 } = report.manifested[party];
      assert.equal(n, mine.length);
      assert.equal(detected, mine.filter((row) => row.detected).length);
      assert.equal(recovered, mine.filter((row) => row.recovered).length);
      assert.ok(wilson95.detected.low <= wilson95.detected.high);
    }
    assert.equal(report.targets.length, 4);
    assert.equal(report.comparisons.length, 3 * 3);
    assert.ok(report.gates.every(({ ok }) => ok));
  });

  await t.step("verify repeats from reset", async () => {
    const out = await works(["verify", db, "--sample", "15", "--workers", "1"]);
    assert.match(out, /^15 experiments repeated .*: every class and hash equal\n$/);
  });

  await t.step("verify and replay tell of a row that is not so", async () => {
    const liar = fresh("liar.db");
    using store = Store.open(db, "read");
    const other = Store.create(liar, store.spec, store.sizes);
    other.add([{ ...rows[5]!, hash: "0000000000000000" }]);
    other.close();
    const { code, out } = await inject(["verify", liar, "--workers", "1", "--json"]);
    assert.equal(code, 1);
    const { repeated, mismatches } = JSON.parse(out) as { repeated: number; mismatches: object[] };
    const id = String(rows[5]!.idx);
    const { outcome, hash } = rows[5]!;
    assert.equal(repeated, 1);
    assert.deepEqual(mismatches, [
      { id, stored: { outcome, hash: "0000000000000000" }, repeated: { outcome, hash } },
    ]);
    assert.equal((await inject(["replay", liar, id])).code, 1);
  });

  await t.step("replay is bit for bit, with the whole trace", async () => {
    const one = rows.find((row) => row.arm === 2 && row.kind === "transient" && row.detected)!;
    const out = await works(["replay", db, `2:${one.idx}`]);
    assert.match(out, /INJECT {2}Fault injected into logger/);
    assert.match(out, /the same, bit for bit\n$/);
    const events = (await works(["replay", db, `2:${one.idx}`, "--json"])).trim().split("\n")
      .map((line) => JSON.parse(line) as { type: string; same?: boolean; hash?: string });
    const types = new Set(events.map(({ type }) => type));
    for (const type of ["inject", "fault", "checkpoint", "switch-task", "experiment", "summary"]) {
      assert.ok(types.has(type), type);
    }
    const experiment = events.find(({ type }) => type === "experiment")!;
    assert.deepEqual([experiment.same, experiment.hash], [true, one.hash]);
    const bug = await works(["replay", db, "bug0"]);
    assert.match(bug, /undefined/);
  });

  await t.step("a list of faults goes out and comes in", async () => {
    const list = await works(["export", db, "--format", "faults"]);
    const lines = list.trim().split("\n").slice(1);
    assert.equal(lines.length, 20);
    for (const line of lines) parseFault(line.split(" ")[1]!);
    const again = fresh("list.db");
    const yaml = CAMPAIGN.replace("count: 20\n", "faults: list.txt\n");
    const outside = { files: { "d.yaml": yaml, "list.txt": list } };
    await works(["d.yaml", "--out", again, "--workers", "1"], outside);
    const short = ({ arm, idx, fault, outcome, hash }: ExperimentRow) => ({
      arm,
      idx,
      fault,
      outcome,
      hash,
    });
    assert.deepEqual(rowsOf(again).map(short), rows.map(short));
    const csv = (await works(["export", db])).trim().split("\n");
    assert.equal(csv.length, 64);
    const json = (await works(["export", db, "--format", "json"])).trim().split("\n");
    assert.deepEqual(json.map((line) => JSON.parse(line) as ExperimentRow), rows);
  });

  await t.step("shards, merged, are one run", async () => {
    const parts = [1, 2].map((i) => fresh(`part${i}.db`));
    for (const [i, part] of parts.entries()) {
      await works(["c.yaml", "--out", part, "--shard", `${i + 1}/2`, "--workers", "1"]);
    }
    const whole = fresh("whole.db");
    assert.match(await works(["merge", ...parts, "--out", whole]), /: 63 experiments\n$/);
    assert.deepEqual(rowsOf(whole), rows);
    const twice = fresh("twice.db");
    assert.match(await works(["merge", db, parts[0]!, "--out", twice]), /more than once/);
  });

  await t.step("--resume does nothing when all is there", async () => {
    await works(["--resume", "--out", db]);
    assert.deepEqual(rowsOf(db), rows);
    const other = await inject(["c.yaml", "--resume", "--out", db, "--seed", "4"]);
    assert.equal(other.code, 2);
    assert.match(other.err, /is of another campaign/);
  });
});

Deno.test("inject judges output by a module of the user's", async () => {
  const module = fresh("judge.ts");
  Deno.writeTextFileSync(
    module,
    `export default (golden, faulty, { end }) => {
  const count = (lines) => [...lines.values()].reduce((sum, l) => sum + l.length, 0);
  const wrongAt = count(faulty) < count(golden) / 4 ? end : Infinity;
  return { wrongAt, repeated: 0, late: 0 };
};
`,
  );
  const yaml = CAMPAIGN.replace("bugs:", `output: {module: ${module}}\nbugs:`);
  const db = fresh("module.db");
  const files = { "m.yaml": yaml, [module]: Deno.readFileSync(module) };
  await works(["m.yaml", "--out", db, "--workers", "1", "--count", "12"], { files });
  // Nearly all lines are right to it.
  const silent = rowsOf(db).filter(({ outcome }) => outcome === "silent-corruption");
  assert.ok(silent.every(({ arm }) => arm === 0), `${silent.length}`);
  const none = fresh("none.ts");
  Deno.writeTextFileSync(none, "export const x = 1;\n");
  const bad = await inject(["m.yaml", "--out", fresh("x.db")], {
    files: { "m.yaml": yaml.replace(module, none), [none]: Deno.readFileSync(none) },
  });
  assert.equal(bad.code, 2);
  assert.match(bad.err, /has no default export that judges; allowed: export default a function/);
});

Deno.test("inject's gates decide the exit code", async () => {
  const db = fresh("gates.db");
  const yaml = CAMPAIGN.replace("crashes: 0,", "crashes: 0, manifested: {task: 1000},");
  const { code, out } = await inject(["g.yaml", "--out", db, "--count", "4", "--workers", "1"], {
    files: { "g.yaml": yaml },
  });
  assert.equal(code, 1);
  assert.match(out, /BROKEN manifested.task >= 1000 \(cow journal=log: \d+\)/);
  assert.match(out, /holds {2}crashes <= 0/);
});

Deno.test("inject plan tells how many experiments a margin takes", async () => {
  const table = await works(["plan", "c.yaml", "--margin", "0.05"]);
  assert.match(table, /registers +512 +\d\.\d+e\+10 +385\n/);
  const { targets, all } = JSON.parse(await works(["plan", "c.yaml", "--json"])) as {
    targets: { bits: number; experiments: number }[];
    all: { bits: number; population: number };
  };
  assert.equal(all.bits, targets.reduce((sum, { bits }) => sum + bits, 0));
  assert.equal(Math.round(all.population), all.bits * 40_000_000);
  assert.equal(targets[0]!.experiments, 9604);
});

const BAD: readonly (readonly [args: string[], message: RegExp])[] = [
  [["c.yaml"], /--out: is missing/],
  [["--resume"], /GUEST: is missing/],
  [["--out", "x.db"], /CAMPAIGN: is missing; name a campaign file, or go on with --resume/],
  [["none.yaml", "--out", "x.db"], /none.yaml: there is no such file/],
  [["c.yaml", "--out", "x.db", "--count", "0"], /--count: "0" is not allowed; allowed: 1 to/],
  [["c.yaml", "--out", "x.db", "--count", "1e3"], /--count: "1e3"/],
  [["c.yaml", "--out", "x.db", "--seed", "-1"], /--seed: "-1"/],
  [["c.yaml", "--out", "x.db", "--workers", "0"], /--workers: "0".*allowed: 1 to 1024/],
  [["c.yaml", "--out", "x.db", "--shard", "3/2"], /--shard: "3\/2"; allowed: 1\/4 to 4\/4/],
  [
    ["c.yaml", "--out", "x.db", "--queue", "http://x"],
    /--queue: "http:\/\/x"; allowed: nats:\/\/HOST:PORT/,
  ],
  [
    ["c.yaml", "--out", "x.db", "--queue", "nats://h:1", "--shard", "1/2"],
    /--shard: is not for --queue/,
  ],
  [["--resume", "--out", "none.db"], /none.db: there is no such file/],
  [["plan", "c.yaml", "--margin", "2"], /--margin: "2"; allowed: between 0 and 1/],
];

for (const [args, message] of BAD) {
  Deno.test(`inject ${args.join(" ")} is refused`, async () => {
    const { code, err } = await inject(args);
    assert.equal(code, 2, err);
    assert.match(err, message);
    assert.equal(err.trim().split("\n").length, 1, err);
    assert.equal(exists("x.db"), false);
  });
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
