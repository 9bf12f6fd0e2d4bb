import assert from "node:assert/strict";
import { parseCampaign } from "../cli/campaign_config.ts";
import { CampaignLab } from "../cli/campaign_lab.ts";
import type { CampaignSpec, ExperimentId, ExperimentRow } from "../cli/campaign_spec.ts";
import { chunksOf, runPool } from "../cli/pool.ts";
import { Store } from "../cli/store.ts";
import { memoryIo } from "./cli_rig.ts";

const ROOT = new URL("../", import.meta.url).pathname;
const DIR = `${ROOT}.tmp/pool/`;
Deno.mkdirSync(DIR, { recursive: true });

const YAML = `
guests: [logger]
for: 200ms
machine: {sdram: 32}
targets: [registers, task-stack, {target: kernel-bss, share: 2}]
triggers: [time, instructions]
matrix: {backup: [cow, "off"]}
bugs: [{vm: logger, arg: "bug=undefined@50ms"}]
`;

async function campaignOf(count: number): Promise<[CampaignSpec, CampaignLab]> {
  const { io } = memoryIo();
  const spec = await parseCampaign(YAML, "campaign.yaml", { count }, io);
  return [spec, await CampaignLab.load(spec, () => new Uint8Array())];
}

const key = ({ arm, kind, idx }: ExperimentId) => `${arm} ${kind} ${idx}`;

async function rowOf(campaign: CampaignLab, id: ExperimentId): Promise<ExperimentRow> {
  for await (const row of campaign.run([id])) return row;
  throw new Error("no row");
}

Deno.test("chunksOf() gives each missing experiment once, in parts that make a whole", async () => {
  const [spec] = await campaignOf(250);
  const there = new Set(["0 transient 3", "1 planted 0"]);
  const chunks = [...chunksOf(spec, (id) => there.has(key(id)), 2)];
  const seen = new Set<string>();
  for (const chunk of chunks) {
    assert.equal(new Set(chunk.map(({ arm }) => arm)).size, 1);
    for (const id of chunk) {
      assert.ok(!seen.has(key(id)) && !there.has(key(id)), key(id));
      seen.add(key(id));
    }
  }
  assert.equal(seen.size, 2 * (spec.count + 1) - 2);
  const parts = [1, 2, 3].map((index) =>
    [...chunksOf(spec, () => false, 2, { index, of: 3 })].flat().map(key)
  );
  assert.equal(new Set(parts.flat()).size, parts.flat().length);
  assert.equal(parts.flat().length, 2 * (spec.count + 1));
});

Deno.test("runPool() gives the rows of the campaign, on workers and without", async () => {
  const [spec, campaign] = await campaignOf(24);
  const rows = new Map<string, ExperimentRow>();
  await runPool({
    spec,
    chunks: chunksOf(spec, () => false, 2),
    workers: 2,
    onRows: (some) => {
      for (const row of some) {
        assert.ok(!rows.has(key(row)), `${key(row)} came twice`);
        rows.set(key(row), row);
      }
    },
    onDeath: (id, reason) => campaign.crash(id, reason),
  });
  assert.equal(rows.size, 50);
  for (const idx of [0, 7, 23]) {
    for (const arm of [0, 1]) {
      const id: ExperimentId = { arm, kind: "transient", idx };
      assert.deepEqual(rows.get(key(id)), await rowOf(campaign, id));
      const whole = await campaign.runWhole(id);
      const { outcome, hash, detail } = rows.get(key(id))!;
      assert.deepEqual([outcome, hash, detail], [whole.outcome, whole.hash, whole.detail]);
    }
  }
  const bug = rows.get("0 planted 0")!;
  assert.equal(bug.detected, true);
  assert.equal(bug.detector, "undefined");
});

Deno.test("runPool() tells what a worker refuses", async () => {
  const [spec, campaign] = await campaignOf(4);
  const other = { ...spec, guests: [{ ...spec.guests[0]!, hash: "0" }] };
  await assert.rejects(
    runPool({
      spec: other,
      chunks: chunksOf(spec, () => false, 2),
      workers: 1,
      onRows: () => {},
      onDeath: (id, reason) => campaign.crash(id, reason),
    }),
    /is not the image that the campaign was made with/,
  );
});

async function deno(
  script: string,
  permissions: readonly string[],
  args: readonly string[],
): Promise<{ code: number; text: string }> {
  const { code, stdout, stderr } = await new Deno.Command("deno", {
    args: [
      "run",
      "--no-prompt",
      "--no-lock",
      "--allow-read",
      `--allow-write=${DIR}`,
      "--allow-env",
      ...permissions,
      ROOT + script,
      ...args,
    ],
  }).output();
  const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  return { code, text };
}

const inject = (...args: string[]) => deno("cli/main.ts", [], ["inject", ...args]);

Deno.test("inject --resume goes on after kill -9: nothing lost, nothing doubled", async () => {
  const file = `${DIR}campaign.yaml`;
  Deno.writeTextFileSync(file, YAML);
  const [spec, campaign] = await campaignOf(60);
  const db = `${DIR}${Deno.pid}.db`;
  const args = ["inject", file, "--out", db, "--count", "60", "--workers", "1"];
  const killed = await deno("tests/pool_victim.ts", ["--allow-run"], [db, ...args]);
  assert.notEqual(killed.code, 0, killed.text);
  const before = Store.open(db, "append");
  const had = [...before.rows()];
  before.close();
  assert.ok(had.length >= 10 && had.length < 122, `${had.length}: ${killed.text}`);
  const again = await inject("--resume", "--out", db, "--workers", "2", "--json");
  assert.equal(again.code, 0, again.text);
  const report = JSON.parse(again.text) as { experiments: number };
  assert.equal(report.experiments, 122);
  using store = Store.open(db, "read");
  assert.equal(store.complete, true);
  for (const row of had) assert.deepEqual(store.get(row), row);
  for (const idx of [1, 30, 59]) {
    const id: ExperimentId = { arm: 1, kind: "transient", idx };
    assert.deepEqual(store.get(id), await rowOf(campaign, id));
  }
  assert.equal(store.spec.count, spec.count);
  const twice = await inject(file, "--out", db, "--count", "60");
  assert.equal(twice.code, 2);
  assert.match(twice.text, /exists already/);
  const other = await inject(file, "--resume", "--out", db, "--count", "61");
  assert.equal(other.code, 2);
  assert.match(other.text, /is of another campaign/);
});
