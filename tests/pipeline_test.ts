/**
 * The pipeline under the monitor: its blocks lie in the shared piece and belong to who has the
 * message. Whatever task fails, every block comes through once and right.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Lab, type LabOptions } from "../core/lab.ts";
import { VM } from "../core/layout.ts";
import type { TraceEvent } from "../core/trace.ts";
import { lines, specs } from "./guest_rig.ts";
import { crashWhen, taskRuns } from "./journal_guest.ts";
import { actions, ofType } from "./monitor_rig.ts";

/** What the consumer prints, worked out a second time; `losing`: after that many blocks. */
function* model(): Generator<string> {
  let sum = 0;
  for (let block = 0;; block++) {
    for (let i = 0; i < 14; i++) {
      const word = Math.imul(block * 14 + i, 2654435761);
      sum = (sum << 1 | sum >>> 31) ^ (word << 7 | word >>> 25);
    }
    if (block % 16 === 15) {
      const hex = (sum >>> 0).toString(16).padStart(8, "0");
      yield `pipeline: ${block + 1} blocks, 0 lost, 0 doubled, 0 bad, sum ${hex}`;
    }
  }
}

/** Asserts that the pipeline printed at least so many lines of the model, and nothing else. */
function assertWhole(events: readonly TraceEvent[], least: number, what: string): void {
  const printed = lines(events, "pipeline");
  assert.ok(printed.length >= least, `${what}: ${printed.length} lines`);
  const expected = model();
  for (const line of printed) assert.equal(line, expected.next().value, what);
}

async function pipeline(arg: string, options: Partial<LabOptions> = {}): Promise<Lab> {
  return await Lab.create({ guests: await specs(`pipeline:${arg}`), ...options });
}

const AGAIN: LabOptions["policy"] = {
  task: [{ action: "swap", limit: 1000 }, { action: "stop" }],
  guest: [{ action: "swap", limit: 1000 }, { action: "stop" }],
  window: "1us",
};

const TASKS = ["producer", "stage", "consumer"];

Deno.test("pipeline prints the same under the monitor as on the bare board", async () => {
  for (const options of [{}, { cache: true }, { backup: "dirty" }, { backup: "off" }] as const) {
    const what = JSON.stringify(options);
    using lab = await pipeline("", options);
    const events = lab.runAll({ for: "330ms" });
    assertWhole(events, 4, what);
    assert.equal(ofType(events, "fault").length, 0, what);
    const { tasks } = lab.summary().vms[0];
    for (const { task, state } of tasks) assert.notEqual(state, "stopped", task);
  }
});

for (const journal of ["commit", "log"] as const) {
  for (const cache of [false, true]) {
    const what = `journal "${journal}"${cache ? " and caches" : ""}`;
    Deno.test(`pipeline loses, doubles and damages no block when tasks fail, ${what}`, async () => {
      using lab = await pipeline("", { journal, cache, policy: AGAIN, period: "5ms" });
      const events: TraceEvent[] = [];
      let random = 7;
      const draw = (below: number) => {
        random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0;
        return Math.floor(random / 2 ** 32 * below);
      };
      events.push(...lab.runAll({ for: "5ms" }));
      for (let i = 0; i < 30; i++) {
        events.push(...lab.runAll({ for: 1_000_000 + draw(9_000_000) }));
        const victim = draw(TASKS.length);
        // Anywhere in what the task does with the CPU, at an instruction as good as any other.
        events.push(...crashWhen(lab, () => taskRuns(lab, "pipeline", victim), 997 + draw(5_000)));
      }
      events.push(...lab.runAll({ for: "200ms" }));
      const faults = ofType(events, "fault");
      assert.equal(faults.length, 30);
      assert.deepEqual([...new Set(faults.map((f) => f.task))].sort(), [...TASKS].sort());
      assert.deepEqual([...new Set(actions(events, "pipeline"))], ["swap-task"]);
      assertWhole(events, 5, what);
    });
  }
}

Deno.test("pipeline: a guest taken back prints again what it printed, and goes on whole", async () => {
  using lab = await pipeline("", { policy: AGAIN, period: "20ms" });
  const printed: string[] = [];
  const hear = (events: readonly TraceEvent[]) => printed.push(...lines(events, "pipeline"));
  hear(lab.runAll({ for: "70ms" }));
  const back: TraceEvent[] = [];
  for (let i = 0; i < 6; i++) {
    // The kernel loses its way at its next entry.
    lab.board.poke(lab.vmRecord("pipeline") + VM.VECTORS, 0x01e0_0000);
    const events = lab.runAll({ for: "60ms" });
    back.push(...events);
    hear(events);
  }
  assert.ok(actions(back, "pipeline").filter((a) => a === "swap-guest").length >= 3);
  const expected = [...take(model(), 40)];
  let last = -1;
  for (const line of printed) {
    const at = expected.indexOf(line);
    assert.ok(at >= 0 && at <= last + 1, line);
    last = at;
  }
  assert.ok(last >= 3, `${last} lines`);
});

function* take<T>(values: Iterable<T>, count: number): Generator<T> {
  for (const value of values) {
    if (count-- <= 0) return;
    yield value;
  }
}

Deno.test("pipeline: a stage that is restarted loses what it had in hand, and nothing else", async () => {
  const bugs = ["wild-pointer", "null-call", "undefined", "stack-overflow", "misaligned"];
  for (const bug of bugs) {
    using lab = await pipeline(`bug=${bug}@60ms`, {
      policy: { task: [{ action: "swap" }, { action: "restart", limit: 2 }, { action: "stop" }] },
    });
    const events = lab.runAll({ for: "400ms" });
    const wanted = ["swap-task", "restart-task", "restart-task", "stop-task"];
    assert.deepEqual(actions(events, "pipeline"), wanted, bug);
    const faults = ofType(events, "fault");
    assert.ok(faults.every((f) => f.task === "stage" && f.class === "task"), bug);
    const restarts = ofType(events, "recovery").filter((e) => e.action === "restart-task");
    const printed = ofType(events, "console").filter((e) => e.text.startsWith("pipeline: "));
    assert.ok(printed.length >= 2);
    for (const { t, text } of printed) {
      const [, lost] = /^pipeline: \d+ blocks, (\d+) lost, 0 doubled, 0 bad, sum /.exec(text)!;
      assert.ok(Number(lost) <= restarts.filter((e) => e.t < t).length, `${bug}: ${text}`);
    }
  }
});

Deno.test("bug=double-free, corrupt and never-posted of the stage show in what is printed", async () => {
  const said = async (bug: string, ms: number) => {
    using lab = await pipeline(`bug=${bug}@60ms`);
    const events = lab.runAll({ for: `${ms}ms` });
    assert.equal(ofType(events, "fault").length, 0, bug);
    return lines(events, "pipeline");
  };
  // OS_ERR_OWNER: the block is not the stage's any more.
  const freed = await said("double-free", 200);
  assert.ok(freed.some((line) => /^stage: freed block \d+: 0, and again: [1-9]\d*$/.test(line)));
  assert.match((await said("corrupt", 300)).at(-1)!, / 0 lost, 0 doubled, [1-9]\d* bad/);
  assert.match(
    (await said("never-posted", 1500)).at(-1)!,
    /^pipeline: no block for a second after/,
  );
});
