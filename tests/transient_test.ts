/**
 * Transient errors of tasks: a guest of kernel and tasks goes on as if nothing had happened, because
 * its kernel gives back what the task took since its checkpoint.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Lab } from "../core/lab.ts";
import type { TraceEvent } from "../core/trace.ts";
import { lines, specs } from "./guest_rig.ts";

/** The lines of a VM by their first word, which tells who said them. */
function streams(trace: readonly TraceEvent[], vm: string): Map<string, string[]> {
  return Map.groupBy(lines(trace, vm), (line) => line.split(" ")[0]);
}

/** Parts of a stretch of time; right after a call and right before the next one matter most. */
const PARTS = [0.03, 0.1, 0.5, 0.9, 0.97];

/** Moments in which a task or its kernel runs, between all events of its turns from `from` on. */
function moments(trace: readonly TraceEvent[], task: string, from: number): number[] {
  const found: number[] = [];
  let on = false;
  trace.forEach((event, i) => {
    if (event.type === "switch-task") on = event.to === task && event.t >= from;
    const next = trace[i + 1]?.t ?? event.t;
    if (!on || next === event.t) return;
    for (const part of PARTS) found.push(Math.round(event.t + part * (next - event.t)));
  });
  return found;
}

/** The filter has every sample that the sensor has told of. */
function assertNoneLost(said: readonly string[], where: string): void {
  const count = (what: RegExp) => what.exec(said.findLast((line) => what.test(line)) ?? "")?.[1];
  assert.equal(count(/^filter: after (\d+)/), count(/^sensor: sample (\d+)/), where);
}

/**
 * Lets pc go astray once while a task runs, and compares what is printed with a run in which nothing
 * happened. What the task took from its kernel since its checkpoint has to be given back, or its
 * partners would wait in vain.
 *
 * @param guests The guests; the first has the task.
 */
async function assertHeals(
  guests: readonly string[],
  task: string,
  journal: "commit" | "log",
  most = 10,
): Promise<void> {
  const [victim] = guests;
  const run = async (at?: number): Promise<TraceEvent[]> => {
    // No checkpoint but those that calls owe: the more there is to undo.
    using lab = await Lab.create({ guests: await specs(...guests), journal, period: "1s" });
    if (at !== undefined) lab.inject(victim, `reg:pc:29@t=${at}ns`);
    return await Array.fromAsync(lab.run({ for: "500ms" }));
  };
  const calm = await run();
  const mine = calm.filter((e) => "vm" in e && e.vm === victim);
  let healed = 0;
  for (const at of moments(mine, task, 100e6).filter((t) => t < 200e6)) {
    if (healed === most) break;
    const trace = await run(at);
    const fault = trace.find((e) => e.type === "fault");
    // The moment can be in the kernel, whose errors are another test's, or at the end of a turn.
    if (fault?.type !== "fault" || fault.class !== "task" || fault.task !== task) continue;
    for (const guest of guests) {
      const name = guest.replace(/:.*/, "");
      for (const [stream, wanted] of streams(calm, name)) {
        const where = `${stream} of ${name}, ${journal}, ${at} ns`;
        const said = streams(trace, name).get(stream) ?? [];
        // What is made again takes its time, so some of the last lines may not have come yet.
        assert.deepEqual(said, wanted.slice(0, said.length), where);
        const last = trace.findLast((e) => e.type === "console" && e.text === said.at(-1));
        assert.ok(last !== undefined && last.t > at, `${where}: silent since`);
      }
      if (name === "ucos-2") assertNoneLost(lines(trace, name), `${journal}, ${at} ns`);
    }
    healed++;
  }
  assert.ok(healed >= 3, `${victim}, ${journal}: only ${healed} errors struck ${task}`);
}

for (const journal of ["commit", "log"] as const) {
  Deno.test(`a transient error of a task leaves no trace in any output, journal ${journal}`, async () => {
    await assertHeals(["pid"], "plant", journal); // mailboxes
    await assertHeals(["pid"], "controller", journal);
    await assertHeals(["ucos-2"], "filter", journal, 30); // a semaphore
    await assertHeals(["numeric"], "sorter", journal); // a mutex
    await assertHeals(["logger"], "logger", journal); // output only
    await assertHeals(["server", "client:to=0"], "server", journal); // messages of another VM
  });
}
