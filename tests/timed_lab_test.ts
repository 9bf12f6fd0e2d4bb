/**
 * The timed fidelity of a whole laboratory: the same result as in fast, its own time, saved and loaded.
 *
 * @module
 */
import assert from "node:assert/strict";
import { loadGuest } from "../guests/mod.ts";
import { Lab, type LabOptions } from "../mod.ts";

async function options(...names: string[]): Promise<LabOptions> {
  const guests = [];
  for (const name of names) guests.push({ name, image: await loadGuest(name) });
  return { guests, fidelity: "timed" };
}

Deno.test("Lab with timed fidelity goes on from a snapshot as if it had not been saved", async () => {
  using one = await Lab.create(await options("ucos-1", "ucos-3"));
  one.runAll({ for: "33ms" });
  const saved = await one.save();
  const counts = structuredClone(one.board.timing!.counts);
  using two = await Lab.load(saved);
  assert.deepEqual(two.board.timing!.counts, counts);
  const a = one.runAll({ for: "40ms" });
  const b = two.runAll({ for: "40ms" });
  assert.deepEqual(b, a);
  assert.equal(two.summary().hash, one.summary().hash);
  assert.deepEqual(two.board.state().cpu, one.board.state().cpu);
});
