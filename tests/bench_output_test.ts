/**
 * The command `bench`: what it prints and writes, and what it refuses.
 *
 * @module
 */

import assert from "node:assert/strict";
import { printCsv } from "../cli/bench_output.ts";
import { runBenches } from "../cli/bench_run.ts";
import { BENCHES, type BenchSection, FIGURES } from "../cli/bench_section.ts";
import { Progress } from "../cli/progress.ts";
import { call, jsonLines, memoryIo } from "./cli_rig.ts";

/** Arguments that make each measurement short. */
const SHORT: Readonly<Record<string, readonly string[]>> = {
  switch: ["--backup", "off,cow", "--samples", "10"],
  task: ["--backup", "cow", "--samples", "10"],
  period: ["--periods", "every switch,1ms", "--backup", "cow", "--samples", "10"],
  call: ["--backup", "off", "--samples", "5"],
  recovery: ["--pages", "1", "--samples", "2"],
  scale: ["--axis", "vms", "--sizes", "2,3", "--samples", "5"],
  cow: ["--pages", "1", "--for", "4ms", "--period", "1ms"],
  overhead: ["--periods", "10ms", "--backup", "cow"],
  loss: ["--periods", "400us", "--samples", "1"],
};

for (const [name, args] of Object.entries(SHORT)) {
  Deno.test(`bench ${name} prints its rows`, async () => {
    const short = ["bench", name, ...args, "--fidelity", "fast"];
    const { code, out, err } = await call([...short, "--json"]);
    assert.deepEqual([code, err], [0, ""]);
    const rows = jsonLines(out);
    assert.ok(rows.length > 0);
    for (const row of rows) {
      assert.equal(row.bench, row.bench === "host" ? "host" : name);
      for (const unit of ["cycles", "ns"]) {
        const spread = row[unit];
        if (spread === undefined || typeof spread === "number") continue;
        assert.deepEqual(Object.keys(spread as object), ["min", "median", "max"]);
      }
      if ("cycles" in row) assert.equal(row.fidelity, "fast");
    }
    if (name !== "recovery" && name !== "scale") return;
    const text = await call(short);
    assert.match(text.out, /uncalibrated: the fast fidelity/);
    assert.equal(text.code, 0);
    const csv = (await call([...short, "--csv"])).out.trimEnd().split("\n");
    assert.equal(csv.length, rows.length + 1);
    const names = csv[0]!.split(",");
    assert.equal(names[0], "bench");
    const cells = csv[1]!.split(",");
    assert.equal(cells[names.indexOf("bench")], String(rows[0]!.bench));
    if (typeof rows[0]!.ns === "object") {
      const { median } = rows[0]!.ns as { median: number };
      assert.equal(cells[names.indexOf("ns_median")], String(median));
    }
  });
}

Deno.test("bench switch has the rows that the paper's figure needs", async () => {
  const args = ["bench", "switch", "--fidelity", "fast", "--samples", "10", "--json"];
  const rows = jsonLines((await call(args)).out);
  for (const strategy of ["off", "full", "dirty", "cow"]) {
    const parts = rows.filter((row) => row.strategy === strategy && row.by === "cycles");
    for (const part of ["save", "switch", "restore", "total", "deferred"]) {
      const row = parts.find((each) => each.part === part)!;
      assert.deepEqual(Object.keys(row.cycles as object), ["min", "median", "max"]);
      assert.equal(row.cache, "warm");
    }
    const total = parts.find((row) => row.part === "total")!;
    assert.equal(total.paper_ns, strategy === "off" ? 240 : 290);
    const pwm = rows.filter((row) => row.strategy === strategy && row.by === "pwm");
    assert.deepEqual(pwm.map((row) => [row.part, row.count]), [
      ...["save", "switch", "restore", "total"].map((part) => [part, 1024]),
    ]);
  }
  const short = ["--backup", "off,cow", "--samples", "10"];
  const text = await call(["bench", "switch", "--fidelity", "fast", ...short]);
  assert.match(text.out, /^The timer counts 40 ns\. A reading takes 40\.0 ns, the mean of 1024/m);
  assert.match(
    text.out,
    /^restore +restore: LDMDB sp, \{r1, lr\}, CPSR and PC +restore: behind MOVS pc/m,
  );
  assert.match(
    text.out,
    /^cow against off, warm: \+\d+\.\d ns, \+\d+\.\d % of our own plain switch/m,
  );
});

Deno.test("printCsv() has a column for each member of any row", () => {
  const { io, out } = memoryIo();
  const section = (rows: object[]) => ({ rows }) as unknown as BenchSection;
  printCsv([
    section([{ a: 1, b: { min: 2, max: 3 }, c: null }]),
    section([{ a: 'x,"y"', d: true }]),
  ], io);
  assert.equal(out(), 'a,b_min,b_max,c,d\n1,2,3,,\n"x,""y""",,,,true\n');
});

Deno.test("bench --svg and --html write figures and a page that needs nothing else", async () => {
  const written = new Map<string, Uint8Array>();
  const args = ["bench", "switch", "--fidelity", "fast", "--samples", "5"];
  const { code, err } = await call([...args, "--svg", "figures", "--html", "page.html"], {
    written,
  });
  assert.deepEqual([code, err], [0, ""]);
  assert.deepEqual([...written.keys()].sort(), ["figures/switch.svg", "page.html"]);
  const text = (path: string) => new TextDecoder().decode(written.get(path));
  const svg = text("figures/switch.svg");
  assert.match(svg, /^<svg [^>]*viewBox="0 0 \d+ \d+"/);
  for (const word of ["off", "cow", "dirty", "full", "save", "switch", "restore", "240 ns"]) {
    assert.ok(svg.includes(`>${word}<`), word);
  }
  const page = text("page.html");
  assert.match(page, /<h1>Understudy: measurements<\/h1>/);
  assert.ok(page.includes("By PWM timer 3 of the board") && page.includes("COPY_WORD") === true);
  assert.ok(
    !/(src|href)="(?!#)/.test(page.replaceAll('xlink:href="#', "")),
    "nothing from elsewhere",
  );
  assert.ok(!/https?:/.test(page.replaceAll(/xmlns[^=]*="[^"]*"/g, "")), "no address");
});

for (
  const [args, line] of [
    [
      ["swap"],
      /^WHAT: "swap" is unknown; .*allowed: switch, task, period, call, recovery, scale, cow, overhead, loss, cpu, calibrate, sensitivity, goals$/,
    ],
    [
      ["switch", "--backup", "cowl"],
      /^--backup: "cowl" is unknown; did you mean "cow"\? allowed: off, full, dirty, cow$/,
    ],
    [["switch", "--cache", "hot"], /^--cache: "hot" is unknown; allowed: warm, cold$/],
    [["switch", "--samples", "0"], /^--samples: "0" is not allowed; allowed: 1 to 100000$/],
    [["switch", "--fidelity", "slow"], /^--fidelity: "slow" is unknown; allowed: fast, timed$/],
    [["task", "--period", "2s"], /^--period: "2s" is not allowed; allowed: 0 to 1s$/],
    [["period", "--periods", "1ms,x"], /^--periods: "x" is no time; /],
    [
      ["period", "--backup", "off"],
      /^--backup: "off" takes no checkpoints; allowed: full, dirty, cow$/,
    ],
    [["recovery", "--pages", "0"], /^--pages: "0" is not allowed; allowed: 1 to 256$/],
    [["scale", "--axis", "guests"], /^--axis: "guests" is unknown; allowed: vms, tasks, region$/],
    [["scale", "--sizes", "4"], /^--sizes: of which axis\?; allowed: with one --axis$/],
    [
      ["scale", "--axis", "vms", "--sizes", "65"],
      /^--sizes: "65" is not allowed for vms; allowed: 2 to 64$/,
    ],
    [
      ["scale", "--axis", "region", "--sizes", "5M"],
      /^--sizes: "5M" is not allowed for region; allowed: 16 KB to 4 MB in whole pages, such as 64K$/,
    ],
    [["overhead", "--periods", "10us"], /^--periods: "10us" is not allowed; allowed: 1ms to 1s$/],
    [["loss", "--rate", "-1"], /^--rate: "-1" is not allowed; allowed: above 0, up to 5000$/],
    [["switch", "--json", "--csv"], /^--csv: not together with --json; choose one of them$/],
    [["switch", "--svg", "/none/there"], /^\/none\/there: may not be written by this user$/],
    [["switch", "--html", "no/such/page.html"], /^no\/such\/page.html: there is no such folder$/],
    [["--workers", "0"], /^--workers: "0" is not allowed; allowed: 1 to 64$/],
    [["--workers", "2", "task", "--bogus"], /^unknown option '--bogus'/],
  ] as const
) {
  Deno.test(`bench gives one line for bad input: ${args.join(" ")}`, async () => {
    const before = performance.now();
    const { code, out, err } = await call(["bench", ...args]);
    assert.deepEqual([code, out], [2, ""]);
    assert.match(err.replace(/^understudy: /, "").trimEnd(), line);
    assert.ok(performance.now() - before < 500, "found before anything is measured");
  });
}

Deno.test("bench help: each measurement has its options and examples", async () => {
  const { out } = await call(["bench", "--help"]);
  for (const name of BENCHES) {
    assert.match(out, new RegExp(`^  ${name} `, "m"));
    const help = (await call(["bench", name, "--help"])).out;
    assert.match(help, /--json +one JSON object a line/);
    assert.match(help, new RegExp(`understudy bench ${name}`));
  }
  assert.ok(Object.values(FIGURES).flat().length >= BENCHES.length);
});

Deno.test("runBenches() makes measurements on workers, in their order", async () => {
  const shares: number[] = [];
  const sections = await runBenches(
    { fidelity: "fast", samples: 5, strategies: ["cow"], periods: [1e6], caches: ["warm"] },
    2,
    (share) => shares.push(share),
    ["call", "period"],
  );
  assert.deepEqual(sections.map(({ name }) => name), ["call", "period"]);
  assert.ok(sections.every(({ rows, tables }) => rows.length > 0 && tables.length > 0));
  assert.ok(shares.every((share, i) => share >= (shares[i - 1] ?? 0) && share <= 1.0001));
  assert.ok(shares.at(-1)! > 0.8);
});

Deno.test("Progress is a line on a terminal and nothing elsewhere", () => {
  const quiet = memoryIo();
  new Progress(quiet.io).show(0.5, "scale");
  assert.equal(quiet.err(), "");
  const { io, err } = memoryIo({ terminal: true, columns: 60 });
  const progress = new Progress(io);
  progress.show(0.5, "scale, cow");
  progress.end();
  // deno-lint-ignore no-control-regex
  assert.match(err(), /^\r\[#{15}-{15}\] +50 % {2}scale, cow\x1b\[K\r\x1b\[K$/);
});
