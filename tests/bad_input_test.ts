/**
 * Settings that make no sense, each in one line with key, value and what is allowed: from the
 * command line, from a configuration file, and to the library.
 *
 * @module
 */

import assert from "node:assert/strict";
import { loadGuest } from "../guests/mod.ts";
import { InputError, Lab, type LabOptions } from "../mod.ts";
import { call } from "./cli_rig.ts";

const TIME = "allowed: a number with ns, us, ms or s, such as 150ms";
const image = await loadGuest("ucos-1");

/** Options of the command line after `boot ucos-1`. */
const OPTIONS: readonly (readonly [options: string, line: string])[] = [
  ["--slice 1us", '--slice: "1us" is not allowed; allowed: 1ms to 1s'],
  ["--slice 2s", '--slice: "2s" is not allowed; allowed: 1ms to 1s'],
  ["--slice 0", '--slice: "0" is not allowed; allowed: 1ms to 1s'],
  ["--slice long", `--slice: "long" is no time; ${TIME}`],
  [
    "--schedule slots --slice 1999us",
    '--slice: "1999us" is not allowed with "schedule: slots"; allowed: 2ms to 1s',
  ],
  ["--schedule luck", '--schedule: "luck" is not allowed; allowed: slices, slots'],
  ["--period never", `--period: "never" is no time; ${TIME}`],
  ["--period -1ms", `--period: "-1ms" is no time; ${TIME}`],
  ["--period 99999999s", `--period: "99999999s" is no time; ${TIME}`],
  ["--every 0", '--every: "0" is not allowed; allowed: 1 to 1000000'],
  ["--every 1.5", '--every: "1.5" is not allowed; allowed: 1 to 1000000'],
  ["--generations 0", '--generations: "0" is not allowed; allowed: 1 to 8'],
  ["--generations 9", '--generations: "9" is not allowed; allowed: 1 to 8'],
  ["--watchdog 1us", '--watchdog: "1us" is not allowed; allowed: 1ms to 60s, or 0 for none'],
  ["--watchdog 61s", '--watchdog: "61s" is not allowed; allowed: 1ms to 60s, or 0 for none'],
  ["--watchdog dog", `--watchdog: "dog" is no time; ${TIME}`],
  [
    "--backup tape",
    '--backup: "tape" is unknown; allowed: off, full, dirty, cow',
  ],
  ["--journal book", '--journal: "book" is not allowed; allowed: off, commit, log'],
  ["--seed 1e3", '--seed: "1e3" is not allowed; allowed: 0 to 4294967295'],
  ["--fidelity slow", '--fidelity: "slow" is unknown; allowed: fast, timed'],
  ["--for ever", `--for: "ever" is no time; ${TIME}`],
  ["--script none.txt", "none.txt: there is no such file"],
  ["--script bad.txt", `bad.txt:2: "soon" is no time; ${TIME}`],
  ["--script odd.txt", "odd.txt:1: no text for a console; allowed: printable ASCII characters"],
  [
    "--script good.txt --no-vm0",
    "--script: there is no VM0 to read it; allowed: without --no-vm0",
  ],
  [
    "--interactive --no-vm0",
    "--interactive: there is no VM0 to talk to; allowed: without --no-vm0",
  ],
  ["--interactive --json", "--interactive: is no output for programs; allowed: without --json"],
];

const FILES = { "bad.txt": "list\n@soon list\n", "odd.txt": "\x1b[2J", "good.txt": "list\n" };

Deno.test("bad options give one line", async () => {
  for (const [options, line] of OPTIONS) {
    const called = await call(["boot", "ucos-1", ...options.split(" ")], { files: FILES });
    assert.deepEqual(called, { code: 2, out: "", err: `understudy: ${line}\n` }, options);
  }
});

/** Lines of a configuration after `guests: [ucos-1]`. */
const YAML: readonly (readonly [yaml: string, line: string])[] = [
  ["slice: 1us", '2: slice: "1us" is not allowed; allowed: 1ms to 1s'],
  [
    "slice: 1ms\nschedule: slots",
    '2: slice: "1ms" is not allowed with "schedule: slots"; allowed: 2ms to 1s',
  ],
  ["schedule: luck", '2: schedule: "luck" is not allowed; allowed: slices, slots'],
  [
    "period: 1us\nbackup: full",
    '2: period: 1000 ns is shorter than a full copy of "ucos-1" takes: ',
  ],
  ["period: -5", '2: period: "-5" is no time; '],
  ["every: 0", "2: every: 0 is not allowed; allowed: 1 to 1000000"],
  ["generations: 99", "2: generations: 99 is not allowed; allowed: 1 to 8"],
  ["generations: many", '2: generations: "many" is not allowed; allowed: a number'],
  ["watchdog: 10us", '2: watchdog: "10us" is not allowed; allowed: 1ms to 60s, or 0 for none'],
  ["refusals: -1", "2: refusals: -1 is not allowed; allowed: 0 to 1000000"],
  ["refusals: 1.5", "2: refusals: 1.5 is not allowed; allowed: a whole number"],
  ["fidelity: slow", '2: fidelity: "slow" is not allowed; allowed: fast, timed'],
  [
    "fidelity: timed\ntiming: {branch: 99}",
    "3: timing.branch: 99 is not allowed; allowed: 0 to 8",
  ],
  ["timing: {brunch: 1}", '2: timing.brunch: unknown key; did you mean "branch"? allowed: shift'],
  ["timing: {branch: 1}", '2: timing: no cost is used; allowed: with "fidelity: timed"'],
  ["scrub: 20000", "2: scrub: 20000 is not allowed; allowed: 0 to 10000"],
  ["machine: {sdram: 48}", "2: machine.sdram: 48 is not allowed; allowed: 32, 64, 128"],
  ["policy: {window: 0}", '2: policy.window: "0" is not allowed; allowed: more than 0'],
  ["policy: {window: wide}", `2: policy.window: "wide" is no time; ${TIME}`],
  ["policy: {task: []}", "2: policy.task: is empty; allowed: at least 1"],
  [
    "policy: {task: [{action: swap}]}",
    '2: policy.task: ends with "swap"; allowed: stop, kill, halt, so that it ends',
  ],
  [
    "policy: {guest: [{action: swap, limit: 1001}, {action: stop}]}",
    "2: policy.guest[0].limit: 1001 is not allowed; allowed: 1 to 1000",
  ],
  [
    "policy: {resume: later}",
    '2: policy.resume: "later" is not allowed; allowed: yield, immediate',
  ],
  [
    "policy: {classify: luck}",
    '2: policy.classify: "luck" is not allowed; allowed: context, pc, far',
  ],
  ["policy: stop", '2: policy: "stop" is not allowed; allowed: a mapping of keys to values'],
  ["input: [{time: soon, text: x}]", `2: input[0].time: "soon" is no time; ${TIME}`],
  ["input: [{txet: x}]", "2: input[0].text: is missing; allowed: a text"],
  [
    "input:\n  - {text: list}\n  - {vm: ucos-9, text: x}",
    '4: input[1].vm: "ucos-9" is not allowed; allowed: vm0, ucos-1',
  ],
  [
    "input: [{text: x}]\nvm0: false",
    '2: input[0].vm: "vm0" is not allowed; allowed: ucos-1',
  ],
  [
    "manage: [{time: 1ms, action: sotp, vm: ucos-1}]",
    '2: manage[0].action: "sotp" is not allowed; did you mean "stop"? ' +
    "allowed: create, boot, start, stop, delete, policy, backup, console",
  ],
  ["manage: [{action: stop, vm: ucos-1}]", "2: manage[0].time: is missing; "],
  [
    "manage: [{time: 1ms, action: stop, vm: 99}]",
    "2: manage[0].vm: 99 is not allowed; allowed: 0 to 77",
  ],
  [
    "manage: [{time: 1ms, action: policy, vm: 1}]",
    "2: manage[0].policy: is missing; allowed: with the action policy, default, stop, ",
  ],
  [
    "manage: [{time: 1ms, action: policy, vm: 1, policy: kind}]",
    '2: manage[0].policy: "kind" is not allowed; allowed: default, stop, restart, immediate, halt',
  ],
];

Deno.test("bad values of a configuration give one line", async () => {
  for (const [yaml, line] of YAML) {
    const files = { "lab.yaml": `guests: [ucos-1]\n${yaml}\n` };
    const { code, out, err } = await call(["boot", "-c", "lab.yaml"], { files });
    assert.equal(code, 2, yaml);
    assert.equal(out, "", yaml);
    assert.ok(err.startsWith(`understudy: lab.yaml:${line}`), `${yaml}: ${err}`);
    assert.ok(err.endsWith("\n") && err.indexOf("\n") === err.length - 1, err);
  }
});

/** What programs without types can give. */
const LIBRARY: readonly (readonly [options: Record<string, unknown>, line: RegExp])[] = [
  [{ slice: 1 }, /^slice: "1" is not allowed; allowed: 1ms to 1s$/],
  [{ slice: NaN }, /^slice: "NaN" is no time; /],
  [{ slice: 1e6, schedule: "slots" }, /^slice: "1000000" is not allowed with "schedule: slots"/],
  [{ period: 0.5 }, /^period: "0.5" is no time; /],
  [{ every: "2" }, /^every: 2 is not allowed; allowed: a whole number from 1 to 1000000$/],
  [{ generations: Infinity }, /^generations: Infinity is not allowed; /],
  [{ watchdog: 999_999 }, /^watchdog: "999999" is not allowed; allowed: 1ms to 60s/],
  [{ refusals: NaN }, /^refusals: NaN is not allowed; /],
  [{ scrub: -1 }, /^scrub: -1 is not allowed; /],
  [{ sdramMB: "64" }, /^sdramMB: 64 is not allowed; allowed: 32, 64, 128$/],
  [{ seed: 1.5 }, /^seed: 1.5 is not allowed; /],
  [{ backup: "tape" }, /^backup: "tape" is not allowed; /],
  [{ policy: "stop" }, /^policy: "stop" is no policy; allowed: task, guest, window, /],
  [{ policy: null }, /^policy: "null" is no policy; /],
  [{ policy: { task: 7 } }, /^policy\.task: not a ladder; allowed: 1 to 7 steps$/],
  [{ policy: { task: [null] } }, /^policy\.task\[0\]: "null" is no step; /],
  [{ policy: { task: [{}] } }, /^policy\.task\[0\]\.action: "undefined" is not allowed; /],
  [{ policy: { task: [{ action: "stop", limit: "x" }] } }, /\.limit: x is not allowed; /],
  [{ policy: { ladder: [] } }, /^policy\.ladder: unknown key; allowed: task, guest, /],
];

Deno.test("Lab.create() refuses what programs without types give", async () => {
  for (const [options, line] of LIBRARY) {
    const all = { guests: [{ name: "g", image }], ...options } as LabOptions;
    await assert.rejects(Lab.create(all), (error: Error) => {
      assert.ok(error instanceof InputError, `${JSON.stringify(options)}: ${error}`);
      assert.match(error.message, line, JSON.stringify(options));
      return true;
    });
  }
});
