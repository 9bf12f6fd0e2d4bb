/**
 * The commands, called inside the test.
 *
 * @module
 */

import assert from "node:assert/strict";
import { follow } from "../cli/runner.ts";
import { parseGuest } from "../cli/guest_args.ts";
import { nearest } from "../cli/choices.ts";
import { guestNames, loadGuest } from "../guests/mod.ts";
import { dumpMonitor, Lab } from "../mod.ts";
import { emptyTlbs } from "./monitor_rig.ts";
import { call, elf, jsonLines, memoryIo } from "./cli_rig.ts";

/** Name of the configuration file in the tests. */
const LAB = "lab.yaml";

const COMMANDS = [
  "demo",
  "boot",
  "inject",
  "dump-pt",
  "bench",
  "guests",
  "schema",
  "completions",
] as const;

Deno.test("main() without a command prints the help and fails", async () => {
  const { code, out, err } = await call([]);
  assert.equal(code, 2);
  assert.equal(out, "");
  assert.match(err, /^Usage: understudy/);
});

Deno.test("--help lists the commands and the exit codes", async () => {
  const { code, out } = await call(["--help"]);
  assert.equal(code, 0);
  for (const command of COMMANDS) assert.match(out, new RegExp(`^  ${command}\\b`, "m"));
  assert.match(out, /Exit codes:\n {2}0 .*\n {2}1 .*\n {2}2 /);
  assert.doesNotMatch(out, /\bcomplete\b/);
});

Deno.test("each command's --help has examples, and all but completions --json", async () => {
  for (const command of COMMANDS) {
    const { code, out } = await call([command, "--help"]);
    assert.equal(code, 0, command);
    assert.match(out, /\nExamples:\n {2}# .*\n {2}understudy /, command);
    if (command !== "completions") assert.match(out, /--json/, command);
  }
});

Deno.test("--version prints the version of the package", async () => {
  const { version } = JSON.parse(Deno.readTextFileSync(new URL("../deno.json", import.meta.url)));
  assert.deepEqual(await call(["--version"]), { code: 0, out: `${version}\n`, err: "" });
});

Deno.test("demo --json shows the error of the task, its recovery, and that all go on", async () => {
  const { code, out, err } = await call(["demo", "--json"]);
  assert.equal(code, 0);
  assert.equal(err, "");
  const events = jsonLines(out);
  const fault = events.findIndex((e) => e.type === "fault");
  assert.deepEqual(
    [events[fault]!.vm, events[fault]!.class, events[fault]!.kind, events[fault]!.far_symbol],
    ["ucos-3", "task", "data-abort", "OSTime"],
  );
  const recovery = events.findIndex((e, i) => i > fault && e.type === "recovery");
  assert.equal(events[recovery]!.action, "swap-task");
  assert.equal(events[recovery]!.vm, "ucos-3");
  for (const vm of ["ucos-1", "ucos-2", "ucos-3"]) {
    const lines = events.filter((e, i) => i > recovery && e.type === "console" && e.vm === vm);
    assert.ok(lines.length > 3, `${vm} goes on printing`);
  }
  const actions = events.filter((e) => e.type === "recovery").map((e) => e.action);
  assert.equal(actions.at(-1), "stop-task");
  for (const type of ["switch-vm", "switch-task", "checkpoint"]) {
    assert.ok(events.some((e) => e.type === type), type);
  }
  const summary = events.at(-1)!;
  assert.equal(summary.type, "summary");
  assert.deepEqual(
    (summary.vms as { vm: string }[]).map(({ vm }) => vm),
    ["vm0", "ucos-1", "ucos-2", "ucos-3"],
  );
  assert.match(String(summary.hash), /^[0-9a-f]{16}$/);
});

Deno.test("demo gives the same output on every run", async () => {
  const [first, second] = [await call(["demo"]), await call(["demo"])];
  assert.equal(first.out, second.out);
});

Deno.test("demo --cache gives the same output", async () => {
  // The caches change nothing for who maintains them, and no time in this model.
  assert.equal((await call(["demo", "--cache"])).out, (await call(["demo"])).out);
});

Deno.test("demo tells what happens and what was shown", async () => {
  const { out } = await call(["demo"]);
  assert.match(out, /FAULT {2}Task saboteur of ucos-3 tried to write to OSTime/);
  assert.match(out, /RECOVERY {2}The active and the standby page tables of saboteur change places/);
  assert.match(out, /^ {2}FSR +domain-page$/m);
  assert.match(out, /^ {2}FAR +OSTime \(0x[0-9a-f]{8}\)$/m);
  assert.match(out, /^ {2}PC +saboteur\+0x[0-9a-f]+ \(0x[0-9a-f]{8}\)$/m);
  assert.match(out, /^ {2}instruction str /m);
  assert.match(out, /What was shown\n\n3 guests ran for 1 s/);
  assert.match(out.replaceAll("\n", " "), /ucos-1 and ucos-2 had no error/);
});

Deno.test("demo --for ends early and claims nothing that it did not show", async () => {
  const { out } = await call(["demo", "--for", "200ms"]);
  assert.doesNotMatch(out, /FAULT/);
  assert.match(out.replaceAll("\n", " "), /No error was detected\./);
});

Deno.test("colour is used only where it is wanted", async () => {
  // deno-lint-ignore no-control-regex
  const escape = /\x1b\[/;
  assert.doesNotMatch((await call(["demo"])).out, escape);
  assert.match((await call(["demo"], { color: true })).out, escape);
});

Deno.test("consoles stand beside each other where the terminal is wide", async () => {
  const wide = await call(["demo", "--for", "100ms"], { terminal: true, columns: 140 });
  assert.match(wide.out, /^ board time │ ucos-1 +│ ucos-2 +│ ucos-3$/m);
  for (const line of wide.out.split("\n")) assert.ok(line.length <= 140, line);
  const narrow = await call(["demo", "--for", "100ms"], { terminal: true, columns: 80 });
  assert.match(narrow.out, /^ +\d+\.\d{3} ms ucos-1 +│ /m);
  for (const line of narrow.out.split("\n")) assert.ok(line.length <= 80, line);
});

Deno.test("boot boots shipped guests with and without VM0", async () => {
  const vms = async (...args: string[]) => {
    const { code, out } = await call([
      "boot",
      "ucos-1",
      "ucos-2",
      "--for",
      "60ms",
      "--json",
      ...args,
    ]);
    assert.equal(code, 0);
    return (jsonLines(out).at(-1)!.vms as { vm: string }[]).map(({ vm }) => vm);
  };
  assert.deepEqual(await vms(), ["vm0", "ucos-1", "ucos-2"]);
  assert.deepEqual(await vms("--no-vm0"), ["ucos-1", "ucos-2"]);
});

Deno.test("boot gives guests of one image names of their own", async () => {
  const { out } = await call(["boot", "ucos-1", "ucos-1:x", "--for", "10ms", "--json"]);
  const vms = jsonLines(out).at(-1)!.vms as { vm: string }[];
  assert.deepEqual(vms.map(({ vm }) => vm), ["vm0", "ucos-1", "ucos-1.2"]);
});

Deno.test("boot boots an ELF file", async () => {
  const files = { "there/mine.elf": await loadGuest("ucos-1") };
  const { code, out } = await call(["boot", "there/mine.elf", "--for", "20ms", "--json"], {
    files,
  });
  assert.equal(code, 0);
  assert.ok(jsonLines(out).some((e) => e.type === "console" && e.vm === "mine"));
});

Deno.test("boot --config takes everything from the file, options come first", async () => {
  const files = {
    "sub/lab.yaml": [
      "guests: [ucos-1, {name: other, image: mine.elf}]",
      "vm0: false",
      "backup: off",
      "for: 40ms",
    ].join("\n"),
    "sub/mine.elf": await loadGuest("ucos-2"),
  };
  const { code, out } = await call(["boot", "-c", "sub/lab.yaml", "--json"], { files });
  assert.equal(code, 0);
  const events = jsonLines(out);
  const summary = events.at(-1)!;
  // A run ends with the step that its time falls into.
  assert.ok(Math.abs(summary.t as number - 40e6) < 1e6);
  assert.deepEqual((summary.vms as { vm: string }[]).map(({ vm }) => vm), ["ucos-1", "other"]);
  assert.ok(!events.some((e) => e.type === "checkpoint"));
  const longer = await call(["boot", "-c", "sub/lab.yaml", "--json", "--for", "50ms", "ucos-3"], {
    files,
  });
  const last = jsonLines(longer.out).at(-1)!;
  assert.ok(Math.abs(last.t as number - 50e6) < 1e6);
  assert.deepEqual((last.vms as { vm: string }[]).map(({ vm }) => vm), ["ucos-3"]);
});

Deno.test("boot --seed gives the same hash for the same seed", async () => {
  const hash = async () =>
    jsonLines((await call(["boot", "ucos-1", "--seed", "7", "--for", "50ms", "--json"])).out)
      .at(-1)!.hash;
  assert.equal(await hash(), await hash());
});

Deno.test("inject --json tells what became of the fault", async () => {
  const { code, out } = await call(
    ["inject", "--fault", "reg:pc:20@t=25ms", "compute:20", "ucos-1", "--for", "100ms", "--json"],
  );
  assert.equal(code, 0);
  const events = jsonLines(out);
  const types = events.map(({ type }) => type);
  assert.ok(types.indexOf("inject") >= 0 && types.indexOf("inject") < types.indexOf("fault"));
  const outcome = events.at(-2)!;
  assert.deepEqual(
    [outcome.type, outcome.vm, outcome.fired, typeof outcome.outcome],
    ["outcome", "compute", true, "string"],
  );
  assert.equal(events.at(-1)!.type, "summary");
});

Deno.test("inject compares the runs with and without the fault", async () => {
  const { code, out } = await call(
    ["inject", "--fault", "reg:r4:12@t=15ms", "ucos-1", "ucos-2", "--for", "60ms"],
  );
  assert.equal(code, 0);
  assert.match(out, /INJECT {2}Fault injected into ucos-1: reg:r4:12@t=15ms/);
  assert.match(out, /^ucos-2 .*yes$/m);
});

Deno.test("dump-pt prints active and standby entries; the same pages in both", async () => {
  const { code, out } = await call(["dump-pt", "ucos-1", "--json"]);
  assert.equal(code, 0);
  const rows = jsonLines(out);
  // Versions that no table names, and guard pages, are in no table.
  const mapped = rows.filter((row) => row.table !== null && row.region === "dynamic");
  const pages = (role: string) => mapped.filter((row) => row.role === role).map((row) => row.va);
  assert.ok(pages("active").length > 8);
  assert.deepEqual(pages("standby"), pages("active"));
  const pa = (role: string, kind: string) =>
    rows.find((row) => row.role === role && row.kind === kind)!.pa;
  assert.equal(pa("active", "kernel-text"), pa("standby", "kernel-text"));
  assert.notEqual(pa("active", "kernel-data"), pa("standby", "kernel-data"));
  const text = await call(["dump-pt", "ucos-1"]);
  assert.match(text.out, /^task +role +region +kind +MVA +PA +size +AP/m);
});

Deno.test("guests lists every shipped image", async () => {
  const rows = jsonLines((await call(["guests", "--json"])).out);
  assert.deepEqual(rows.map(({ name }) => name), [...guestNames]);
  for (const { bytes } of rows) assert.ok((bytes as number) > 1000);
});

Deno.test("schema is the JSON schema of the configuration", async () => {
  const schema = JSON.parse((await call(["schema"])).out);
  assert.equal(schema.type, "object");
  assert.ok("guests" in schema.properties && "policy" in schema.properties);
  assert.equal(schema.additionalProperties, false);
});

Deno.test("follow() ends with exit code 1 when a table of the monitor is damaged", async () => {
  const lab = await Lab.create({
    guests: [{ name: "ucos-1", image: await loadGuest("ucos-1") }],
  });
  lab.runAll({ for: "20ms" });
  // The master table's entry for the monitor's own memory.
  const entry = dumpMonitor(lab.board).find(({ kind }) => kind === "sdram")!;
  lab.board.poke(Number(entry.table) + (Number(entry.va) >>> 20) * 4, 0);
  emptyTlbs(lab);
  const { io } = memoryIo();
  const session = { io, exitCode: 0 };
  const ran = await follow(lab, "50ms", session, () => {});
  assert.equal(ran.summary.outcome, "stopped");
  assert.equal(session.exitCode, 1);
  assert.ok(ran.events.some(({ type }) => type === "post-mortem"));
});

Deno.test("boot ends with exit code 1 and a post-mortem when the policy halts", async () => {
  const files = { [LAB]: "guests: [ucos-3]\npolicy:\n  task: [{action: halt}]\n" };
  const { code, out, err } = await call(["boot", "-c", LAB], { files });
  assert.equal(code, 1);
  assert.equal(err, "");
  assert.match(out, /POST-MORTEM/);
  assert.match(out, /The whole system stopped/);
});

Deno.test("follow() ends an interrupted run with its summary", async () => {
  const lab = await Lab.create({
    guests: [{ name: "ucos-1", image: await loadGuest("ucos-1") }],
  });
  const { io } = memoryIo();
  let stop = () => {};
  const session = {
    io: { ...io, onInterrupt: (f: () => void) => (stop = f, () => {}) },
    exitCode: 0,
  };
  const ran = await follow(lab, "2s", session, (event) => {
    if (event.type === "console") stop();
  });
  assert.equal(ran.summary.outcome, "aborted");
  assert.equal(session.exitCode, 130);
  assert.ok(ran.summary.t < 100_000_000);
});

/** The images that can be booted. */
const IMAGES = guestNames.filter((name) => name !== "vm0").join(", ");

/** Bad input: arguments, files, and the one line that it gives. */
const BAD: readonly (readonly [args: string[], yaml: string | Uint8Array | null, line: string])[] =
  [
    [
      ["boot", "ucos-4"],
      null,
      'GUEST: there is no guest "ucos-4"; did you mean "ucos-1"? ' +
      `allowed: ${IMAGES}, or the path of an ELF file`,
    ],
    [["boot"], null, "GUEST: there is no guest to boot; name one; see understudy guests"],
    [["boot", "vm0"], null, 'GUEST: "vm0" is always there and is not named; see --no-vm0'],
    [["boot", "no/such.elf"], null, "no/such.elf: there is no such file"],
    [["bot"], null, "unknown command 'bot' (did you mean boot?)"],
    [["boot", "ucos-1", "--jsn"], null, "unknown option '--jsn' (did you mean --json?)"],
    [["boot", "ucos-1", "--for"], null, "option '--for <time>' argument missing"],
    [
      ["boot", "ucos-1", "--for", "2"],
      null,
      '--for: "2" is no time; allowed: a number with ns, us, ms or s, such as 150ms',
    ],
    [
      ["boot", "ucos-1", "--period", "often"],
      null,
      '--period: "often" is no time; allowed: a number with ns, us, ms or s, such as 150ms',
    ],
    [
      ["boot", "ucos-1", "--slice", "1us"],
      null,
      '--slice: "1us" is not allowed; allowed: 1ms to 1s',
    ],
    [
      ["boot", "ucos-1", "--seed", "-1"],
      null,
      '--seed: "-1" is not allowed; allowed: 0 to 4294967295',
    ],
    [
      ["boot", "ucos-1", "--journal", "on"],
      null,
      '--journal: "on" is not allowed; allowed: off, commit, log',
    ],
    [["inject", "ucos-1"], null, "--fault: is missing; such as reg:r4:12@t=150ms"],
    [
      ["inject", "ucos-1", "--fault", "reg:r4:12@t=2s"],
      null,
      "--fault: strikes at 2 s, after the end of the run; allowed: before 1 s, see --for",
    ],
    [
      ["inject", "ucos-1", "--fault", "reg:r16:1@t=1ms"],
      null,
      'fault "reg:r16:1@t=1ms": register "r16"; allowed: r0 to r15, sp, lr, pc, cpsr, ' +
      "or a banked one such as r13_svc or spsr_irq",
    ],
    [["dump-pt", "ucos-1", "--at", "277us"], null, "--at: ucos-1 is not there yet; allowed: vm0"],
    [
      ["bench", "swich"],
      null,
      'WHAT: "swich" is unknown; did you mean "switch"? allowed: switch, task, period, call, ' +
      "recovery, scale, cow, overhead, loss, cpu, calibrate, sensitivity, goals",
    ],
    [
      ["completions", "csh"],
      null,
      'SHELL: "csh" is unknown; did you mean "zsh"? allowed: bash, zsh, fish, powershell',
    ],
    [["boot", "-c", "none.yaml"], null, "none.yaml: there is no such file"],
    [
      ["boot", "-c", LAB],
      "guests: [ucos-1]\nsedd: 1\n",
      'lab.yaml:2: sedd: unknown key; did you mean "seed"? ' +
      "allowed: machine, fidelity, timing, guests, vm0, backup, period, every, generations, " +
      "checksums, journal, watchdog, refusals, outputCommit, catchUp, scrub, policy, schedule, " +
      "slice, seed, for, input, manage",
    ],
    [
      ["boot", "-c", LAB],
      "guests:\n  - image: ucos-1\n    agr: x\n",
      'lab.yaml:3: guests[0].agr: unknown key; did you mean "arg"? allowed: name, image, arg',
    ],
    [
      ["boot", "-c", LAB],
      "guests: [ucos-1]\nmachine:\n  sdram: 12\n",
      "lab.yaml:3: machine.sdram: 12 is not allowed; allowed: 32, 64, 128",
    ],
    [
      ["boot", "-c", LAB],
      "guests: [ucos-1, ucos-11]\n",
      'lab.yaml:1: guests[1]: there is no guest "ucos-11"; did you mean "ucos-1"? ' +
      `allowed: ${IMAGES}, or the path of an ELF file`,
    ],
    [["boot", "-c", LAB], "guests: []\n", "lab.yaml:1: guests: is empty; allowed: at least 1"],
    [["boot", "-c", LAB], "guests: 7\n", "lab.yaml:1: guests: 7 is not allowed; allowed: a list"],
    [
      ["boot", "-c", LAB],
      "guests: [ucos-1]\nvm0: perhaps\n",
      'lab.yaml:2: vm0: "perhaps" is not allowed; allowed: true or false',
    ],
    [
      ["boot", "-c", LAB],
      "guests: [ucos-1]\n\nperiod: soon\n",
      'lab.yaml:3: period: "soon" is no time; allowed: a number with ns, us, ms or s, such as 150ms',
    ],
    [
      ["boot", "-c", LAB],
      "guests: [ucos-1]\npolicy:\n  task:\n    - {action: swap, limit: 3}\n    - {action: sotp}\n",
      'lab.yaml:5: policy.task[1].action: "sotp" is not allowed; did you mean "stop"? ' +
      "allowed: swap, older, guest, restart, skip, stop, kill, halt",
    ],
    [
      ["boot", "-c", LAB],
      "guests: [ucos-1]\npolicy:\n  task:\n    - {action: swap, limit: 0}\n",
      "lab.yaml:4: policy.task[0].limit: 0 is not allowed; allowed: 1 to 1000",
    ],
    [
      ["boot", "-c", LAB],
      "guests: [ucos-1]\npolicy:\n  task:\n    - {action: swap, limit: 3}\n",
      'lab.yaml:4: policy.task: ends with "swap"; allowed: stop, kill, halt, so that it ends',
    ],
    [
      ["boot", "-c", LAB],
      "[1, 2]\n",
      "lab.yaml:1: a list is not allowed; allowed: a mapping of keys to values",
    ],
    [["boot", "-c", LAB], "a: 1\na: 2\n", "lab.yaml:2: no YAML: Map keys must be unique"],
    [
      ["boot", "a.elf"],
      elf().slice(0, 60),
      "a.elf: program headers: ends at 84, past the end of the file (60)",
    ],
    [
      ["boot", "a.elf"],
      elf({ 18: 62 }),
      "a.elf: ELF header: machine 62 is not supported; allowed: 40 (ARM)",
    ],
    [
      ["boot", "a.elf"],
      elf({ 4: 2 }),
      "a.elf: ELF header: class 2 is not supported; allowed: 1 (32 bit)",
    ],
    [
      ["boot", "a.elf"],
      new Uint8Array(3),
      "a.elf: is no ELF file; allowed: ELF32 little-endian ARM executables",
    ],
    [
      ["boot", "a.elf"],
      elf({}, 0x200_0000),
      "a.elf: program headers: segment at 0x00000000 does not fit in the guest's slot; allowed: addresses below 0x01dfb000",
    ],
  ];

for (const [args, content, line] of BAD) {
  const shown = typeof content === "string"
    ? JSON.stringify(content)
    : content === null
    ? ""
    : "ELF";
  Deno.test(`bad input gives one line: ${args.join(" ")} ${shown}`, async () => {
    const files: Record<string, string | Uint8Array> = {};
    if (content !== null) files[typeof content === "string" ? LAB : "a.elf"] = content;
    assert.deepEqual(await call(args, { files }), {
      code: 2,
      out: "",
      err: `understudy: ${line}\n`,
    });
  });
}

Deno.test("parseGuest() splits images from arguments on all systems", () => {
  const parts = (text: string) => {
    const { name, image, arg } = parseGuest(text);
    return [name, image, arg];
  };
  assert.deepEqual(parts("ucos-1"), ["ucos-1", "ucos-1", undefined]);
  assert.deepEqual(parts("ucos-3:bug=wild@200ms"), ["ucos-3", "ucos-3", "bug=wild@200ms"]);
  assert.deepEqual(parts("a/b/my guest.elf:x:y"), ["my-guest", "a/b/my guest.elf", "x:y"]);
  assert.deepEqual(parts("C:\\g\\k.ELF"), ["k", "C:\\g\\k.ELF", undefined]);
  assert.deepEqual(parts("C:\\g\\k.elf:3"), ["k", "C:\\g\\k.elf", "3"]);
  assert.deepEqual(parts("./kernel"), ["kernel", "./kernel", undefined]);
  assert.deepEqual(parts("./a-very-long-name-of-a-file.elf")[0], "a-very-long-nam");
});

Deno.test("nearest() finds the near miss and nothing far away", () => {
  const names = ["ucos-1", "ucos-2", "compute"];
  assert.equal(nearest("ucos1", names), "ucos-1");
  assert.equal(nearest("comptue", names), "compute");
  assert.equal(nearest("comp", names), "compute");
  assert.equal(nearest("linux", names), undefined);
  assert.equal(nearest("", names), undefined);
});
