/**
 * `boot --save` and `boot --load`: a laboratory in a file goes on as if nothing had been.
 *
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { BACKUP_STRATEGIES, Lab } from "../mod.ts";
import { call, jsonLines } from "./cli_rig.ts";
import { demoLab } from "./monitor_rig.ts";

/** What of a run must not depend on how it was cut. */
function outcome(json: string): unknown {
  const { vms, hash, cycles, instructions, seed, idle_cycles, vmm_cycles } = jsonLines(json).at(
    -1,
  )!;
  return { vms, hash, cycles, instructions, seed, idle_cycles, vmm_cycles };
}

for (const backup of BACKUP_STRATEGIES) {
  for (const cache of [[], ["--cache"]]) {
    const name = `boot --load goes on to the same hash: ${backup} ${cache.join("")}`;
    Deno.test(name, async () => {
      const made = ["ucos-3", "ucos-1", "--backup", backup, ...cache, "--json"];
      const whole = await call(["boot", ...made, "--for", "330ms"]);
      assert.equal(whole.code, 0);
      // In the middle of recoveries: the first fault comes at 301 ms.
      const written = new Map<string, Uint8Array>();
      const save = ["--save", "lab.snap", "--at", "312500us"];
      const saved = await call(["boot", ...made, "--for", "330ms", ...save], { written });
      assert.deepEqual(outcome(saved.out), outcome(whole.out), "saving is no part of the run");
      assert.equal(saved.out, whole.out);
      const files = { "lab.snap": written.get("lab.snap")! };
      const loaded = await call(["boot", "--load", "lab.snap", "--for", "330ms", "--json"], {
        files,
      });
      assert.equal(loaded.code, 0);
      assert.deepEqual(outcome(loaded.out), outcome(whole.out));
      // Its events are those that were still to come.
      const rest = loaded.out.trimEnd().split("\n");
      assert.ok(rest.length > 1 && rest.length < whole.out.split("\n").length / 2);
      assert.ok(whole.out.endsWith(loaded.out));
    });
  }
}

Deno.test("Lab.load() goes on to the same hash from any moment", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...BACKUP_STRATEGIES),
      fc.boolean(),
      fc.integer({ min: 1_000_000, max: 340_000_000 }),
      fc.integer({ min: 1, max: 30_000_000 }),
      async (backup, cache, ns, rest) => {
        using lab = await demoLab(["ucos-3", "ucos-2"], { backup, cache, generations: 3 });
        lab.runAll({ until: ns });
        const bytes = await lab.save();
        const end = lab.time + rest;
        const events = lab.runAll({ until: end });
        using again = await Lab.load(bytes);
        assert.deepEqual(again.runAll({ until: end }), events);
        assert.deepEqual(again.summary(), lab.summary());
        // What it saves then is the same, too: all of the state is in the file.
        assert.deepEqual(await again.save(), await lab.save());
      },
    ),
    { numRuns: 8, seed: 20 },
  );
});

Deno.test("boot --save saves at the end where no time is given, and --load may save again", async () => {
  const written = new Map<string, Uint8Array>();
  const first = ["boot", "ucos-1", "--for", "20ms", "--save", "a", "--json"];
  assert.equal((await call(first, { written })).code, 0);
  const files = Object.fromEntries(written);
  const second = ["boot", "--load", "a", "--for", "60ms", "--save", "b", "--at", "40ms", "--json"];
  const { code, out } = await call(second, { written, files });
  assert.equal(code, 0);
  const third = await call(["boot", "--load", "b", "--for", "60ms", "--json"], {
    files: Object.fromEntries(written),
  });
  assert.deepEqual(outcome(third.out), outcome(out));
  const whole = await call(["boot", "ucos-1", "--for", "60ms", "--json"]);
  assert.deepEqual(outcome(third.out), outcome(whole.out));
  // For people, too.
  const shown = await call(["boot", "--load", "b", "--for", "60ms"], {
    files: Object.fromEntries(written),
  });
  assert.equal(shown.code, 0);
  assert.match(shown.out, /1 guest ran for 60(\.\d)? ms/);
});

Deno.test("boot --save says so when the run ends before", async () => {
  const files = { "lab.yaml": "guests: [ucos-3]\npolicy:\n  task: [{action: halt}]\n" };
  const written = new Map<string, Uint8Array>();
  const args = [
    "boot",
    "-c",
    "lab.yaml",
    "--save",
    "late",
    "--at",
    "400ms",
    "--for",
    "1s",
    "--json",
  ];
  const { code, err } = await call(args, { files, written });
  assert.equal(code, 1);
  assert.equal(err, "understudy: late: not saved, the run ended before\n");
  assert.deepEqual([...written.keys()], []);
});

/** A snapshot of a few milliseconds. */
async function snapshot(): Promise<Uint8Array> {
  const written = new Map<string, Uint8Array>();
  await call(["boot", "ucos-1", "--for", "5ms", "--save", "s", "--json"], { written });
  return written.get("s")!;
}

Deno.test("boot --load refuses what is no snapshot, with the reason and exit code 2", async () => {
  const good = await snapshot();
  const changed = (at: number) => good.map((byte, i) => i === at ? byte ^ 0x10 : byte);
  const cases: [string, Uint8Array | string, RegExp][] = [
    ["foreign", "guests: [ucos-1]\n", /not a file saved by Understudy/],
    ["empty", "", /not a file saved by Understudy/],
    ["text mode", changed(6), /not a file saved by Understudy/],
    ["truncated", good.subarray(0, good.length - 1), /damaged or truncated/],
    ["head only", good.subarray(0, 30), /damaged or truncated/],
    ["longer", new Uint8Array([...good, 0]), /damaged or truncated/],
    ["a bit of the sum", changed(12), /damaged or truncated/],
    ["a bit in the middle", changed(good.length >> 1), /damaged or truncated/],
    ["the last bit", changed(good.length - 1), /damaged or truncated/],
  ];
  for (const [what, bytes, reason] of cases) {
    const files = { "x.snap": bytes };
    const { code, out, err } = await call(["boot", "--load", "x.snap"], { files });
    assert.deepEqual([code, out], [2, ""], what);
    assert.match(err, /^understudy: x\.snap: [^\n]*\n$/, what);
    assert.match(err, reason, what);
  }
});

Deno.test("boot --save and --load refuse what makes no sense, in one line", async () => {
  const files = { "s.snap": await snapshot() };
  const cases: [string[], RegExp][] = [
    [["--load", "none.snap"], /none\.snap: there is no such file/],
    [["--load", "s.snap", "ucos-1"], /--load: not together with ucos-1; the file says/],
    [["--load", "s.snap", "--backup", "full"], /--load: not together with --backup; the file says/],
    [["--load", "s.snap", "--seed", "3"], /--load: not together with --seed/],
    [["--load", "s.snap", "--cache"], /--load: not together with --cache/],
    [["--load", "s.snap", "--no-vm0"], /--load: not together with --no-vm0/],
    [["--load", "s.snap", "-i"], /--load: not together with --interactive/],
    [
      ["--load", "s.snap", "--for", "4ms"],
      /--for: 4\d{6} ns of board time has passed; allowed: from 5/,
    ],
    [["ucos-1", "--at", "1s"], /--at: there is nothing to save; see --save/],
    [["ucos-1", "--save", "a", "--at", "3s"], /--at: "3s" is after the end of the run/],
    [["ucos-1", "--save", "a", "--at", "1ns"], /--at: 1 ns of board time has passed/],
    [["ucos-1", "--save", "no/such/a"], /no\/such\/a: there is no such folder/],
    [["ucos-1", "--save", "a", "--at", "x"], /--at: "x" is no time/],
  ];
  for (const [args, line] of cases) {
    const written = new Map<string, Uint8Array>();
    const { code, out, err } = await call(["boot", ...args], { files, written });
    assert.deepEqual([code, written.size], [2, 0], args.join(" "));
    assert.match(err, line);
    assert.equal(err.trimEnd().split("\n").length, 1, err);
    assert.ok(!/\d ms/.test(out), "nothing has run");
  }
});
