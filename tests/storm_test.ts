/**
 * A neighbour that makes 1,000,000 random hypercalls, and what healthy guests notice of it: nothing.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { LabOptions } from "../core/lab.ts";
import { CALL, imm, R0, taskData, taskGuest } from "./mini_guest.ts";
import {
  actions,
  checkFrames,
  core,
  hypercallsOf,
  lines,
  miniLab,
  monitorHash,
  ofType,
} from "./monitor_rig.ts";
import { randomCalls } from "./random_calls.ts";

const CALLS = 1_000_000;

/** Prints as many lines as it is told to, one a tick, then rests. */
const finite = (count: number) =>
  taskGuest({
    tasks: [{
      name: "t",
      main: (c) => {
        c.label("l").increment(taskData(0)).cmp(R0, imm(count)).b("end", "hi");
        c.swi(CALL.COUNT).print(CALL.PRINT, "line\n").swi(CALL.DELAY).b("l");
        c.label("end").swi(CALL.DELAY).b("end");
      },
    }],
  });

const HEALTHY = { first: finite(120), second: finite(90) };

const OPTIONS: Partial<LabOptions> = {
  policy: {
    guest: [{ action: "swap", limit: 1000 }, { action: "restart", limit: 1000 }, {
      action: "stop",
    }],
    window: "1us",
  },
  slice: "3ms",
};

for (const [schedule, until] of [["slices", "600ms"], ["slots", "2s"]] as const) {
  Deno.test(
    `1,000,000 random hypercalls of a neighbour change no hash with "${schedule}"`,
    core,
    async () => {
      const hashes = async (neighbour: Uint8Array, least: number) => {
        using lab = await miniLab({ ...HEALTHY, neighbour }, { ...OPTIONS, schedule });
        const text = monitorHash(lab);
        const events = lab.runAll({ until });
        const calls = hypercallsOf(lab, "neighbour");
        assert.ok(calls >= least, `${calls} hypercalls by ${until}`);
        assert.equal(lab.stopped, false);
        for (const [vm, count] of [["first", 120], ["second", 90]] as const) {
          assert.equal(lines(events, vm).length, count, vm);
          assert.deepEqual(actions(events, vm), [], vm);
        }
        checkFrames(lab);
        assert.equal(lab.board.stray, 0, "nothing reached an empty address or a device");
        if (least > 0) {
          const said = new Set(ofType(events, "refused", "neighbour").map((e) => e.error));
          assert.ok(said.size >= 4, `refused with ${[...said]}`);
          // The master table differs by the domains that were handed out; the monitor's text does not.
          assert.equal(monitorHash(lab).slice(0, 16), text.slice(0, 16));
        }
        const { vms } = lab.summary();
        const which = schedule === "slots" ? "trace_hash" : "content_hash";
        return Object.keys(HEALTHY).map((vm) => vms.find((v) => v.vm === vm)![which]);
      };
      const wanted = await hashes(finite(1), 0);
      assert.deepEqual(await hashes(randomCalls(schedule.length), CALLS), wanted);
    },
  );
}
