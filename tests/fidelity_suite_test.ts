/**
 * The timed fidelity comes to the same results as the fast one in the suite of MMU, CP15 and aborts.
 *
 * @module
 */
import assert from "node:assert/strict";
import { timingValues } from "../core/timing_table.ts";
import { runOnBench } from "../suite/bench.ts";
import { loadImage, readCases } from "../suite/suite.ts";
import { chip } from "./timing_rig.ts";

const TIMED = { values: timingValues(), registers: chip() };

Deno.test("the suite of MMU, CP15 and aborts gives the same results in both fidelities", async () => {
  const image = await loadImage("s3c2440");
  const fast = runOnBench(image, { cache: true });
  const timed = runOnBench(image, { timed: TIMED });
  assert.equal(timed.table.done, true);
  assert.equal(timed.table.results.length, readCases(image).length);
  assert.deepEqual(timed.table, fast.table);
  assert.equal(timed.text, fast.text);
});
