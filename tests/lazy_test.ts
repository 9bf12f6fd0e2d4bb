/**
 * Checkpoints that are declared when a task or a VM leaves the CPU and taken at its first access: what is
 * returned to is what was left, memory and registers, whatever comes in between.
 *
 * @module
 */

import assert from "node:assert/strict";
import { CUT_DUE, VM } from "../core/layout.ts";
import { counters, RUNGS } from "./counter_guest.ts";
import { CALL, taskData, taskGuest } from "./mini_guest.ts";
import { actions, core, lines, miniLab } from "./monitor_rig.ts";

for (
  const [pages, faults, period, checksums] of [
    // A virtual interrupt is delivered over a task in the very context that it was returned to; the kernel
    // then dispatches another one, and the checkpoint of that context is declared.
    [1, 0x1f0, "1ms", false],
    [2, 0x3f0, "1ms", false],
    [4, 0x3f0, "1ms", false],
    [9, 0x1f0, "1ms", false],
    // The context that a guest goes on with is not the copy that its cut names.
    [5, 0x1f0, "2ms", true],
    [5, 0xff0, "2ms", true],
  ] as const
) {
  const what = `${pages} pages, ${faults.toString(16)}, ${checksums ? "checksums" : "declared"}`;
  Deno.test(
    `counts in memory and in registers fit together after rollbacks: ${what}`,
    core,
    async () => {
      const guests = {
        g: counters({ tasks: 3, pages, faults }),
        h: counters({ tasks: 3, pages: 1, faults: 0x1f0 }),
      };
      const options = { journal: "off", slice: "1ms", policy: RUNGS, generations: 2 } as const;
      using lab = await miniLab(guests, { ...options, backup: "cow", period, checksums });
      const events = lab.runAll({ for: "40ms" });
      assert.deepEqual([...lines(events, "g"), ...lines(events, "h")], []);
      const taken = new Set([...actions(events, "g"), ...actions(events, "h")]);
      assert.ok(taken.has("swap-task") && taken.has("swap-guest"), [...taken].join());
    },
  );
}

Deno.test("a cut that was declared is taken while nobody has work", core, async () => {
  const g = taskGuest({
    tasks: [{ name: "t", main: (c) => c.label("l").increment(taskData(0)).swi(CALL.DELAY).b("l") }],
  });
  using lab = await miniLab({ g }, { backup: "cow", period: "1ms", slice: "1ms" });
  lab.runAll({ for: "5ms" });
  const word = (pa: number) => lab.board.peek(pa, 4);
  const vm = lab.vmRecord("g");
  const before = word(vm + VM.CHECKPOINTS);
  let waited = 0;
  for (let i = 0; i < 100; i++) {
    lab.runAll({ for: "37us" });
    if (!lab.board.waiting) continue;
    waited++;
    assert.equal(word(vm + VM.CUT_DUE), CUT_DUE.NONE);
  }
  assert.ok(waited > 50, `${waited} times`);
  assert.ok(word(vm + VM.CHECKPOINTS) - before >= 3);
});
