import assert from "node:assert/strict";
import { InputError } from "../mod.ts";
import {
  CAMPAIGN_SCHEMA,
  type CampaignSpec,
  experimentName,
  type ExperimentRow,
  experimentsOf,
  parseExperimentName,
} from "../cli/campaign_spec.ts";
import { exportStore } from "../cli/campaign_run.ts";
import { mergeStores, Store } from "../cli/store.ts";

const DIR = new URL("../.tmp/store/", import.meta.url).pathname;
Deno.mkdirSync(DIR, { recursive: true });
let files = 0;

function fresh(name = "db"): string {
  const path = `${DIR}${Deno.pid}-${files++}-${name}`;
  try {
    Deno.removeSync(path);
  } catch {
    // It was not there.
  }
  return path;
}

function spec(over: Partial<CampaignSpec> = {}): CampaignSpec {
  return {
    schema: CAMPAIGN_SCHEMA,
    guests: [{ name: "a", image: "ucos-1", shipped: true, hash: "x" }],
    vm0: "",
    lab: {},
    arms: [{ name: "cow", options: {} }, { name: "off", options: { backup: "off" } }],
    forNs: 1e9,
    plan: { seed: 1, targets: [{ target: "registers" }], from: 0, to: 1e9 },
    count: 4,
    bugs: [{ vm: "a", arg: "bug" }],
    output: { compare: "golden", late: 1, ignore: [], wrong: [] },
    gates: {},
    look: 100_000,
    ...over,
  };
}

export function row(over: Partial<ExperimentRow> = {}): ExperimentRow {
  return {
    arm: 0,
    kind: "transient",
    idx: 0,
    target: "registers",
    vm: "a",
    fault: "reg:r4:1@t=5ns",
    outcome: "masked",
    fired: true,
    detected: false,
    manifested: false,
    recovered: false,
    party: "task",
    task: "worker",
    struck_at: 5,
    latency: -1,
    detector: "",
    lost: 0,
    cycles: 0,
    actions: "",
    repeated: 0,
    late: 0,
    ended: "golden",
    simulated: 100,
    hash: "0123456789abcdef",
    detail: 'r4 0x0 -> 0x2, "quoted"',
    ...over,
  };
}

const SIZES = [{ target: "registers", bits: 512, population: 512e8 }];

Deno.test("Store keeps rows, doubles none, and gives them back in order", () => {
  const path = fresh();
  const store = Store.create(path, spec(), SIZES);
  const rows = [row({ idx: 2 }), row({ idx: 0 }), row({ arm: 1, idx: 3, recovered: true })];
  assert.equal(store.add(rows), 3);
  assert.equal(store.add([row({ idx: 2, outcome: "hang" }), row({ kind: "planted" })]), 1);
  assert.equal(store.count, 4);
  const has = store.has();
  assert.ok(has({ arm: 1, kind: "transient", idx: 3 }));
  assert.ok(!has({ arm: 1, kind: "transient", idx: 2 }));
  store.close();
  const again = Store.open(path, "read");
  assert.deepEqual(again.spec, spec());
  assert.deepEqual(again.sizes, SIZES);
  assert.deepEqual([...again.rows()].map((r) => [r.arm, r.kind, r.idx]), [
    [0, "planted", 0],
    [0, "transient", 0],
    [0, "transient", 2],
    [1, "transient", 3],
  ]);
  assert.deepEqual(again.get({ arm: 0, kind: "transient", idx: 2 }), row({ idx: 2 }));
  assert.equal(again.complete, false);
  assert.equal(experimentsOf(spec()), 10);
  again.close();
});

Deno.test("Store refuses what it did not make, and overwrites nothing", () => {
  const path = fresh();
  Store.create(path, spec(), SIZES).close();
  const bytes = Deno.readFileSync(path);
  assert.throws(() => Store.create(path, spec(), SIZES), /exists already; allowed: another name/);
  const cases: [string, Uint8Array, RegExp][] = [
    ["text", new TextEncoder().encode("guests: [ucos-1]\n"), /no store of a campaign/],
    ["empty", new Uint8Array(), /no store of a campaign/],
    ["cut", bytes.slice(0, bytes.length / 2), /damaged|malformed/],
    [
      "flipped",
      bytes.map((b, i) => i > 100 && i % 64 === 0 ? b ^ 0x55 : b),
      /damaged|something else/,
    ],
    ["foreign", bytes.map((b, i) => i >= 68 && i < 72 ? 0 : b), /database of something else/],
    ["newer", bytes.map((b, i) => i === 63 ? 9 : b), /version 9; allowed: 1/],
  ];
  for (const [name, content, message] of cases) {
    const broken = fresh(name);
    Deno.writeFileSync(broken, content);
    for (const mode of ["read", "append"] as const) {
      assert.throws(() => Store.open(broken, mode), (error: Error) => {
        assert.ok(error instanceof InputError, `${name}: ${error}`);
        assert.match(error.message, message, name);
        return true;
      });
    }
    assert.deepEqual(Deno.readFileSync(broken), content, `${name} is untouched`);
  }
  assert.throws(() => Store.open(fresh(), "read"), /there is no such file/);
});

Deno.test("mergeStores() puts parts together, row for row", () => {
  const whole = Array.from({ length: 4 }, (_, idx) => row({ idx }));
  const parts = [0, 1].map((part) => {
    const path = fresh(`part${part}`);
    const store = Store.create(path, spec(), SIZES);
    store.add(whole.filter(({ idx }) => idx % 2 === part || idx === 3));
    store.addSession({ experiments: 2, seconds: 1, workers: 1 });
    store.close();
    return path;
  });
  const out = fresh("merged");
  assert.deepEqual(mergeStores(out, parts), { experiments: 4, doubled: 1 });
  const merged = Store.open(out, "read");
  assert.deepEqual([...merged.rows()], whole);
  assert.equal(merged.sessions().length, 2);
  merged.close();
  const other = fresh("other");
  Store.create(other, spec({ count: 5 }), SIZES).close();
  assert.throws(() => mergeStores(fresh(), [parts[0], other]), /of another campaign/);
  const liar = fresh("liar");
  const store = Store.create(liar, spec(), SIZES);
  store.add([row({ idx: 0, hash: "ffffffffffffffff" })]);
  store.close();
  assert.throws(() => mergeStores(fresh(), [parts[0], liar]), /came to something else/);
});

Deno.test("exportStore() writes CSV, JSON lines and a list of faults", () => {
  const path = fresh();
  const store = Store.create(path, spec(), SIZES);
  store.add([row(), row({ idx: 1, arm: 1 }), row({ kind: "planted" })]);
  store.close();
  const text = (format: "csv" | "json" | "faults") => {
    let all = "";
    exportStore(path, format, (part) => all += part);
    return all.trimEnd().split("\n");
  };
  const csv = text("csv");
  assert.equal(csv.length, 4);
  assert.match(csv[0], /^arm,kind,idx,target,vm,fault,outcome/);
  assert.match(csv[2], /"r4 0x0 -> 0x2, ""quoted"""$/);
  const json = text("json").map((line) => JSON.parse(line) as ExperimentRow);
  assert.deepEqual(json[1], row());
  assert.deepEqual(text("faults").slice(1), ["a reg:r4:1@t=5ns"]);
});

Deno.test("experimentName() and parseExperimentName() are each other's inverse", () => {
  for (const arm of [0, 3]) {
    for (const kind of ["transient", "planted"] as const) {
      const id = { arm, kind, idx: 17 };
      assert.deepEqual(parseExperimentName(experimentName(id)), id);
    }
  }
  for (const text of ["", "x", "1:2:3", "-1", "bug"]) {
    assert.equal(parseExperimentName(text), undefined);
  }
});
