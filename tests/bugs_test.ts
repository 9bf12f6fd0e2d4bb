/**
 * The planted bugs: each does in each workload what the table of guests/README.md says, to who has it
 * and to nobody else.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Lab } from "../core/lab.ts";
import type { TraceEvent } from "../core/trace.ts";
import { lines, specs } from "./guest_rig.ts";
import { ofType } from "./monitor_rig.ts";

/** The workloads with bugs, and the task of each that has them; the client's server is VM 5. */
const VICTIMS: readonly (readonly [guest: string, task: string, more: string])[] = [
  ["ucos-3", "saboteur", ""],
  ["pid", "controller", ""],
  ["pipeline", "stage", ""],
  ["numeric", "matrix", ""],
  ["logger", "logger", ""],
  ["server", "server", ""],
  ["client", "client", ",to=5"],
];

/** What the first fault is, by the bug. */
const FAULTS: Readonly<Record<string, readonly [kind: string, fsr?: string, symbol?: RegExp]>> = {
  "kernel-write": ["data-abort", "domain-page", /^OSTime$/],
  "wild-pointer": ["data-abort", "translation-section"],
  "null-call": ["prefetch-abort", "domain-page"],
  "stack-overflow": ["data-abort", "translation-page"],
  "undefined": ["undefined"],
  "jump-data": ["undefined"],
  "misaligned": ["data-abort", "alignment", /^not_code\+0x1$/],
  "loop": ["watchdog"],
};

/** Workloads that a bug is in, by the table of the README. */
function marked(bug: string): string[] {
  const readme = Deno.readTextFileSync(new URL("../guests/README.md", import.meta.url));
  const cells = (row: string) => row.split("|").slice(1, -1).map((cell) => cell.trim());
  const head = cells(/^\| bug .*$/m.exec(readme)![0]);
  const row = cells(new RegExp(`^\\| \`${bug}\` .*$`, "m").exec(readme)![0]);
  return head.filter((_, i) => row[i] === "x").map((name) => name.replaceAll("`", ""));
}

/** All workloads with the same bug at 60 ms, side by side, and a healthy one. */
async function run(bug: string, time: string): Promise<TraceEvent[]> {
  const guests = VICTIMS.map(([guest, , more]) => `${guest}:bug=${bug}@60ms${more}`);
  // Those that call and call never rest, which is no hang.
  const watchdog = bug.endsWith("loop") ? "20ms" : 0;
  using lab = await Lab.create({ guests: await specs(...guests, "ucos-1"), watchdog });
  const events = lab.runAll({ for: time });
  assert.equal(lab.stopped, false);
  assert.ok(lines(events, "ucos-1").length > 2, "the healthy one goes on");
  const other = events.find((e) => "vm" in e && e.vm === "ucos-1" && e.type === "fault");
  assert.equal(other, undefined, "and has no error");
  return events;
}

for (const [bug, [kind, fsr, symbol]] of Object.entries(FAULTS)) {
  Deno.test(`bug=${bug} is an error of the task in every workload that has it`, async () => {
    assert.deepEqual(marked(bug), VICTIMS.map(([guest]) => guest));
    const events = await run(bug, kind === "watchdog" ? "700ms" : "260ms");
    for (const [guest, task] of VICTIMS) {
      const [fault] = ofType(events, "fault", guest);
      assert.ok(fault !== undefined, `${guest}: no fault`);
      assert.deepEqual([fault.class, fault.task, fault.kind], ["task", task, kind], guest);
      if (fsr !== undefined) assert.equal(fault.fsr, fsr, guest);
      if (symbol !== undefined) assert.match(fault.far_symbol ?? "", symbol, guest);
      assert.ok(fault.t >= 60e6, `${guest}: ${fault.t}`);
      const [{ action }] = ofType(events, "recovery", guest);
      // A checkpoint taken since the task hangs would be of no use.
      assert.ok(
        action === "swap-task" || (kind === "watchdog" && action === "restart-task"),
        guest,
      );
    }
  });
}

for (const [bug, kind] of [["kernel-list", "data-abort"], ["kernel-loop", "watchdog"]]) {
  Deno.test(`bug=${bug} is an error of the guest in every workload that has it`, async () => {
    assert.deepEqual(marked(bug), VICTIMS.map(([guest]) => guest));
    const events = await run(bug, "420ms");
    for (const [guest] of VICTIMS) {
      const [fault] = ofType(events, "fault", guest);
      assert.ok(fault !== undefined, `${guest}: no fault`);
      assert.deepEqual([fault.class, fault.kind], ["guest", kind], guest);
      if (bug === "kernel-list") assert.match(fault.pc_symbol ?? "", /^os_time_tick\+/, guest);
      assert.equal(ofType(events, "recovery", guest)[0].action, "swap-guest", guest);
    }
  });
}

Deno.test("bug=hypercalls is refused, call by call, and the guests go on", async () => {
  assert.deepEqual(marked("hypercalls"), VICTIMS.map(([guest]) => guest));
  const events = await run("hypercalls", "600ms");
  for (const [guest] of VICTIMS) {
    assert.ok(ofType(events, "refused", guest).length > 20, guest);
    assert.ok(ofType(events, "console", guest).some((e) => e.t > 200e6), guest);
  }
});

Deno.test("bug=calls gets error codes and nothing else", async () => {
  assert.deepEqual(marked("calls"), VICTIMS.map(([guest]) => guest));
  const events = await run("calls", "1s");
  for (const [guest] of VICTIMS) {
    assert.deepEqual([...ofType(events, "fault", guest), ...ofType(events, "refused", guest)], []);
    assert.ok(ofType(events, "console", guest).some((e) => e.t > 200e6), guest);
  }
});

Deno.test("the bugs that only some workloads have are those of the tests of their outputs", () => {
  assert.deepEqual(marked("corrupt"), VICTIMS.slice(1).map(([guest]) => guest));
  assert.deepEqual(marked("double-free"), ["pipeline"]);
  assert.deepEqual(marked("never-posted"), ["pid", "pipeline", "server"]);
});
