import assert from "node:assert/strict";
import { campaignJsonSchema, parseCampaign } from "../cli/campaign_config.ts";
import { CampaignLab } from "../cli/campaign_lab.ts";
import type { CampaignSpec, ExperimentRow } from "../cli/campaign_spec.ts";
import { makeReport, type SpacePoint } from "../cli/report_data.ts";
import { reportHtml } from "../cli/report_html.ts";
import { reportText } from "../cli/report_text.ts";
import { Store } from "../cli/store.ts";
import { InputError, type Outcome, OUTCOMES, TARGETS, wilson } from "../mod.ts";
import { call, memoryIo } from "./cli_rig.ts";

const DIR = new URL("../.tmp/report/", import.meta.url).pathname;
Deno.mkdirSync(DIR, { recursive: true });

const YAML = `guests: [ucos-1, "pid:bug=none"]
for: 1s
window: {from: 100ms, to: 700ms}
seed: 5
targets:
  - registers
  - {target: task-stack, vms: [pid], share: 2}
models: [flip, {kind: set, bits: 2, spread: anywhere}]
triggers: [time, {kind: pc, at: OSTimeDly+8}, {kind: checkpoint, most: 50}]
bugs: [{vm: pid, arg: "bug=loop@100ms"}]
output: {late: 50ms, ignore: ['crc \\w+'], wrong: [BAD]}
matrix:
  backup: [cow, "off"]
  policy:
    - {name: ladder}
    - {name: stop, task: [{action: stop}], guest: [{action: stop}]}
gates: {isolation_broken: 0, crashes: 0, recovered: {task: 0.5}, manifested: {task: 3}}
count: 40
`;

async function spec(yaml = YAML, files: Record<string, string> = {}): Promise<CampaignSpec> {
  const { io } = memoryIo({ files });
  return await parseCampaign(yaml, "dir/c.yaml", {}, io);
}

Deno.test("parseCampaign() makes a campaign of its file", async () => {
  const campaign = await spec();
  assert.deepEqual(campaign.arms.map(({ name }) => name), [
    "cow ladder",
    "cow stop",
    "off ladder",
    "off stop",
  ]);
  assert.deepEqual(campaign.arms[3]!.options, {
    backup: "off",
    journal: "off",
    checksums: false,
    outputCommit: false,
    policy: { task: [{ action: "stop" }], guest: [{ action: "stop" }] },
  });
  assert.equal(campaign.plan.seed, 5);
  assert.deepEqual([campaign.plan.from, campaign.plan.to], [100e6, 700e6]);
  assert.deepEqual(campaign.plan.targets, [{ target: "registers" }, {
    target: "task-stack",
    vms: ["pid"],
    share: 2,
  }]);
  assert.deepEqual(campaign.plan.triggers, [
    { kind: "time" },
    { kind: "pc", at: { symbol: "OSTimeDly", offset: 8 } },
    { kind: "checkpoint", most: 50 },
  ]);
  assert.deepEqual([campaign.count, campaign.forNs, campaign.output.late], [40, 1e9, 50e6]);
  assert.deepEqual(campaign.guests[1]!.arg, "bug=none");
  assert.deepEqual(JSON.parse(JSON.stringify(campaign)), campaign);
  const schema = campaignJsonSchema() as { properties: Record<string, unknown> };
  for (const key of ["guests", "backup", "targets", "matrix", "gates"]) {
    assert.ok(key in schema.properties, key);
  }
});

Deno.test("parseCampaign() has one arm without checkpoints", async () => {
  const campaign = await spec(`guests: [ucos-1]
targets: [registers]
matrix: {backup: ["off", cow, full], period: [1ms, every switch], journal: ["off", log]}
`);
  assert.deepEqual(campaign.arms.map(({ name }) => name), [
    "off",
    ...["cow", "full"].flatMap((backup) =>
      ["1ms", "every switch"].flatMap((period) =>
        ["off", "log"].map((journal) => `${backup} ${period} journal=${journal}`)
      )
    ),
  ]);
});

Deno.test("parseCampaign() takes a list of faults", async () => {
  const yaml = "guests: [ucos-1]\ntargets: [registers]\nfaults: list.txt\n";
  const text = "# two\nucos-1 reg:r4:1@t=1ms\n\nucos-1 mem:OSTime:3@n=9\n";
  const campaign = await spec(yaml, { "dir/list.txt": text });
  assert.equal(campaign.count, 2);
  assert.deepEqual(campaign.faults![1], ["ucos-1", "mem:OSTime:3@n=9"]);
  await assert.rejects(
    spec(yaml, { "dir/list.txt": "ucos-2 reg:r4:1@t=1ms\n" }),
    /dir\/list.txt:1: no guest "ucos-2"; allowed: ucos-1/,
  );
  await assert.rejects(
    spec(yaml, { "dir/list.txt": "\nucos-1 reg:r99:1@t=1ms\n" }),
    /dir\/list.txt:2: .*register "r99"; allowed: r0 to r15/,
  );
  await assert.rejects(
    spec(yaml, { "dir/list.txt": "ucos-1 reg:r4:1@t=1s\n" }),
    /dir\/list.txt:1: reg:r4:1@t=1s strikes after the end of the run; allowed: before 1 s/,
  );
});

const BAD: [string, string, RegExp][] = [
  [
    "unknown target",
    "targets: [registers, diks]",
    /c.yaml:3: targets\[1\].*"diks".*allowed: .*tlb/,
  ],
  ["no target", "targets: []", /targets: is empty/],
  ["unknown key", "targets: [registers]\ntarget: 1", /c.yaml:4: target: unknown key; did you mean/],
  ["count", "targets: [registers]\ncount: 0", /count: 0 is not allowed; allowed: 1 to/],
  ["past the end", "targets: [registers]\nwindow: {from: 1s, to: 2s}", /inside the run/],
  ["falling window", "targets: [registers]\nwindow: {from: 5ms, to: 2ms}", /from before to/],
  [
    "trigger without place",
    "targets: [registers]\ntriggers: [{kind: pc}]",
    /at: is missing for pc/,
  ],
  ["trigger place", "targets: [registers]\ntriggers: [{kind: pc, at: '3x'}]", /a symbol/],
  ["model", "targets: [registers]\nmodels: [{kind: flip, bits: 33}]", /allowed: 1 to 32/],
  ["pattern", "targets: [registers]\noutput: {ignore: ['(']}", /output.ignore\[0\]/],
  [
    "bug of nobody",
    "targets: [registers]\nbugs: [{vm: x, arg: y}]",
    /no guest "x"; allowed: ucos-1/,
  ],
  ["gate", "targets: [registers]\ngates: {recovered: {task: 2}}", /gates.recovered.task/],
  ["class", "targets: [registers]\ngates: {most: {hnag: 1}}", /gates.most/],
  [
    "gates of no arm",
    "targets: [registers]\ngates: [{crashes: 0}, {arms: [cow, cwo]}]",
    /c.yaml:4: gates\[1\].arms\[1\]: no arm "cwo"; allowed: cow/,
  ],
];

for (const [name, yaml, message] of BAD) {
  Deno.test(`parseCampaign() refuses: ${name}`, async () => {
    await assert.rejects(spec(`guests: [ucos-1]\nfor: 500ms\n${yaml}\n`), (error: Error) => {
      assert.ok(error instanceof InputError, String(error));
      assert.match(error.message, message);
      assert.match(error.message, /^dir\/c\.yaml/);
      return true;
    });
  });
}

/** What only a laboratory knows, with file and line. */
const BAD_HERE: [string, string, RegExp][] = [
  [
    "guest of a target",
    "targets:\n  - registers\n  - {target: status, vms: [ucos-1, pid]}",
    /^dir\/c.yaml:5: targets\[1\]: guest "pid" is unknown; allowed: ucos-1/,
  ],
  [
    "task of a target",
    "targets: [{target: status, tasks: [workre]}]",
    /^dir\/c.yaml:3: targets\[0\]: task "workre" is unknown; allowed: worker/,
  ],
  ["empty target", "targets: [registers, kernel-heap]", /^dir\/c.yaml:3: targets\[1\]: .*is empty/],
  [
    "symbol of a trigger",
    "targets: [registers]\ntriggers: [time, {kind: pc, at: OSTimeDyl}]",
    /^dir\/c.yaml:4: triggers\[1\].at: no guest has a symbol OSTimeDyl; allowed: /,
  ],
  [
    "time before the guests",
    "targets: [registers]\nwindow: {from: 0ms}",
    /^dir\/c.yaml:4: window.from: at 0 ns not all guests .*; allowed: from \d+ µs on/,
  ],
  [
    "symbol of a listed fault",
    "targets: [registers]\nfaults: list.txt",
    /^dir\/list.txt:2: mem:OSTmie:3@t=9ms: .*OSTmie/,
  ],
  [
    "trigger of a listed fault",
    "targets: [registers]\nfaults: trigger.txt",
    /^dir\/trigger.txt:1: reg:r4:1@pc=OSTmie: ucos-1 has no symbol OSTmie/,
  ],
];
const LISTS = {
  "dir/list.txt": "ucos-1 mem:OSTime:3@t=9ms\nucos-1 mem:OSTmie:3@t=9ms\n",
  "dir/trigger.txt": "ucos-1 reg:r4:1@pc=OSTmie\n",
};

Deno.test("CampaignLab.load() says where in the file a campaign is wrong", async (t) => {
  for (const [name, yaml, message] of BAD_HERE) {
    await t.step(name, async () => {
      const campaign = await spec(`guests: [ucos-1]\nfor: 100ms\n${yaml}\n`, LISTS);
      await assert.rejects(CampaignLab.load(campaign, () => new Uint8Array()), (error: Error) => {
        assert.ok(error instanceof InputError, String(error));
        assert.match(error.message, message);
        return true;
      });
    });
  }
});

function row(over: Partial<ExperimentRow>): ExperimentRow {
  return {
    arm: 0,
    kind: "transient",
    idx: 0,
    target: "registers",
    vm: "pid",
    fault: "reg:r4:1@t=5ns",
    outcome: "masked",
    fired: true,
    detected: false,
    manifested: false,
    recovered: false,
    party: "task",
    task: "plant",
    struck_at: 200e6,
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
    detail: "r4 <0x0> -> 0x2",
    ...over,
  };
}

const RECOVERED = {
  outcome: "recovered-task",
  detected: true,
  manifested: true,
  recovered: true,
  latency: 2000,
  detector: "data-abort",
  lost: 5e6,
  cycles: 900,
  ended: "end",
} as const;

function rows(): ExperimentRow[] {
  const all: ExperimentRow[] = [];
  for (let idx = 0; idx < 40; idx++) {
    const target = idx % 3 === 0 ? "registers" : "task-stack";
    const good = idx % 4 === 0;
    const bad = idx % 4 === 1;
    const hang = { outcome: "hang", manifested: true, ended: "end" } as const;
    all.push(row({ idx, target, ...(good ? RECOVERED : bad ? hang : {}) }));
    all.push(row({ arm: 3, idx, target, ...(good || bad ? hang : {}) }));
  }
  all.push(row({ arm: 3, idx: 40, outcome: "isolation-broken", party: "vmm", manifested: true }));
  all.push(
    row({ kind: "planted", target: "bug", fault: "bug=loop@100ms", outcome: "stopped-task" }),
  );
  return all;
}

const SIZES = [
  { target: "registers", bits: 1000, population: 1e9 },
  { target: "task-stack", bits: 9000, population: 9e9 },
];

Deno.test("makeReport() counts, and its intervals are Wilson's", async () => {
  const campaign = await spec();
  const points: SpacePoint[] = [];
  const sessions = [{ experiments: 80, seconds: 4, workers: 2 }];
  const report = makeReport(campaign, rows(), sessions, SIZES, (_, point) => points.push(point));
  assert.equal(report.experiments, 82);
  assert.equal(report.planned, 4 * 41);
  assert.equal(report.rate_per_s, 20);
  assert.equal(report.arm, "cow ladder");
  assert.deepEqual(report.classes, { masked: 20, "recovered-task": 10, hang: 10 });
  const { task, guest } = report.manifested;
  assert.deepEqual([task.n, task.detected, task.recovered, guest.n], [20, 10, 10, 0]);
  assert.deepEqual(task.wilson95.manifested, wilson(10, 20, 0.95));
  assert.deepEqual(task.wilson95.detected, wilson(10, 10, 0.95));
  const targets = Object.fromEntries(report.targets.map((target) => [target.target, target]));
  assert.equal(targets["registers"]!.experiments + targets["task-stack"]!.experiments, 40);
  assert.equal(report.arms[0]!.space.manifested.population, 1e10);
  assert.deepEqual(report.arms[0]!.planted.map(({ outcome }) => outcome), ["stopped-task"]);
  assert.equal(report.arms[3]!.isolation_broken, 0, "a fault in the monitor's records");
  assert.equal(report.arms[3]!.isolation_broken_monitor, 1);
  const pair = report.comparisons.find(({ arms, property }) =>
    arms[1] === "off stop" && property === "recovered"
  )!;
  assert.deepEqual([pair.n, pair.onlyFirst, pair.onlySecond], [40, 10, 0]);
  assert.ok(pair.p < 0.01);
  const gate = (arm: string, name: string) =>
    report.gates.find((g) => g.arm === arm && g.gate.startsWith(name))!;
  assert.equal(gate("cow ladder", "recovered.task").ok, true);
  assert.equal(gate("off stop", "recovered.task").ok, false);
  assert.equal(gate("cow ladder", "isolation_broken").ok, true);
  assert.ok(points.length > 40);
  assert.equal(report.early_stop_share, (82 - 10 - 10 - 20) / 82);
});

Deno.test("reportText() and reportHtml() show it; the page needs nothing else", async () => {
  const campaign = await spec();
  const points: SpacePoint[] = [];
  const report = makeReport(campaign, rows(), [], SIZES, (_, point) => points.push(point));
  const text = reportText(report, { paint: (_, t) => t, columns: 160 }, "a.db");
  assert.match(text, /recovered-task\s+10\s+25\.0 %/);
  assert.match(text, /inject replay a.db 1\n/);
  assert.match(text, /BROKEN recovered.task/);
  assert.match(text, /Planted bugs, cow ladder/);
  const html = reportHtml(report, points, "a.db");
  assert.match(html, /^<!DOCTYPE html>/);
  assert.ok(!/(src|href)=|https?:|@import|url\(/.test(html.replaceAll("http://www.w3.org", "")));
  assert.ok(html.includes("r4 &lt;0x0&gt; -&gt; 0x2"));
  assert.ok(html.includes("<circle") && html.includes("<rect") && html.includes("McNemar"));
  for (const tag of ["svg", "table", "g", "text"]) {
    const open = html.match(new RegExp(`<${tag}[ >]`, "g"))!.length;
    assert.equal(open, html.match(new RegExp(`</${tag}>`, "g"))!.length, tag);
  }
});

Deno.test("inject report sets the exit code by the gates", async () => {
  const campaign = await spec();
  const path = `${DIR}${Deno.pid}.db`;
  const page = `${DIR}${Deno.pid}.html`;
  Deno.writeTextFileSync(page, "<html>");
  const store = Store.create(path, campaign, SIZES);
  store.add(rows());
  store.close();
  const written = new Map<string, Uint8Array>();
  const args = ["inject", "report", path, "--json", "--html", "page.html"];
  const broken = await call(args, { written });
  assert.equal(broken.code, 1, broken.err);
  const report = JSON.parse(broken.out) as { classes: Record<Outcome, number>; gates: object[] };
  assert.equal(report.classes.hang, 10);
  assert.equal(report.gates.length, 16);
  assert.match(new TextDecoder().decode(written.get("page.html")), /fault injection/i);
  const terminal = await call(["inject", "report", path]);
  assert.match(terminal.out, /What became of the faults/);
  const csv = await call(["inject", "export", path]);
  assert.equal(csv.out.trim().split("\n").length, 83);
  for (
    const [args, message] of [
      [["report", "none.db"], /none.db: there is no such file/],
      [["report", page], /is no store of a campaign/],
      [["report", path, "--html", "/no/such/page.html"], /page.html: there is no such folder/],
      [["replay", path, "9999"], /experiment "9999": is not in/],
      [["export", path, "--format", "xml"], /"xml" is unknown; allowed: csv, json, faults/],
      [["verify", path, "--sample", "0"], /--sample: "0" is not allowed/],
      [["merge", path, "--out", path], /exists already/],
    ] as const
  ) {
    const { code, err } = await call(["inject", ...args]);
    assert.equal(code, 2, err);
    assert.match(err, message);
  }
});

Deno.test("docs/campaigns.md has every class with its rule and every target", () => {
  const page = Deno.readTextFileSync(new URL("../docs/campaigns.md", import.meta.url));
  const rows = new Map(
    page.split("\n").map((line) => line.split("|").map((cell) => cell.trim())).map((cells) => [
      cells[1]?.replaceAll("`", ""),
      cells.slice(2, -1),
    ]),
  );
  for (const [name, rule] of Object.entries(OUTCOMES)) assert.deepEqual(rows.get(name), [rule]);
  for (const [name, { doc, party }] of Object.entries(TARGETS)) {
    assert.deepEqual(rows.get(name), [party, doc], name);
  }
  for (const key of Object.keys((campaignJsonSchema() as { properties: object }).properties)) {
    const shared = [
      "vm0",
      "every",
      "watchdog",
      "refusals",
      "catchUp",
      "scrub",
      "schedule",
      "slice",
    ];
    if (shared.includes(key) || key === "look" || key === "fidelity") continue;
    assert.ok(page.includes(`\`${key}\``), key);
  }
});

Deno.test("schema campaign is the JSON schema of campaign files", async () => {
  const schema = JSON.parse((await call(["schema", "campaign"])).out) as typeof SCHEMA;
  assert.deepEqual(schema, SCHEMA);
  const { code, err } = await call(["schema", "campain"]);
  assert.equal(code, 2);
  assert.match(err, /FILE: "campain" is unknown; did you mean "campaign"\? allowed: configuration/);
});

const SCHEMA = campaignJsonSchema();
