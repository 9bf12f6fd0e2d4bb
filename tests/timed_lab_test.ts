/**
 * The timed fidelity of a whole laboratory: the same content as in fast, its own time, saved and loaded.
 *
 * @module
 */
import assert from "node:assert/strict";
import { forkState, putForkState, putPages, sdramWords } from "../core/fork.ts";
import { loadGuest } from "../guests/mod.ts";
import {
  type Fidelity,
  GoldenRun,
  InputError,
  Lab,
  type LabOptions,
  type TimingOptions,
} from "../mod.ts";

/** A guest by name, with its argument after a colon. */
async function options(fidelity: Fidelity, ...guests: string[]): Promise<LabOptions> {
  const specs = [];
  for (const text of guests) {
    const [name, arg] = text.split(":");
    specs.push({ name, image: await loadGuest(name), ...(arg === undefined ? {} : { arg }) });
  }
  return { guests: specs, fidelity };
}

for (
  const [what, guests, time] of [
    ["the demonstration", ["ucos-1", "ucos-2", "ucos-3"], "490ms"],
    ["two workloads", ["pid", "logger"], "285ms"],
    ["workloads that talk", ["client", "server"], "305ms"],
    ["a workload that computes", ["numeric:2"], "345ms"],
    ["a guest without tasks", ["compute:2"], "200ms"],
  ] as const
) {
  Deno.test(`${what}: guests do the same in both fidelities, at other times`, async () => {
    const run = async (fidelity: Fidelity) => {
      using lab = await Lab.create(await options(fidelity, ...guests));
      const events = lab.runAll({ for: time });
      const consoles = guests.map((guest) => {
        const [name] = guest.split(":");
        return events.flatMap((e) => e.type === "console" && e.vm === name ? [e.text] : []);
      });
      const { hash, vms } = lab.summary();
      return {
        hash,
        content: vms.map(({ content_hash, faults, recoveries, state }) => ({
          content_hash,
          faults,
          recoveries,
          state,
        })),
        consoles,
      };
    };
    const [fast, timed] = [await run("fast"), await run("timed")];
    assert.deepEqual(timed.content, fast.content);
    assert.deepEqual(timed.consoles, fast.consoles);
    assert.ok(fast.consoles.some((lines) => lines.length > 0));
    assert.notEqual(timed.hash, fast.hash);
    assert.equal((await run("timed")).hash, timed.hash);
  });
}

Deno.test("Lab with timed fidelity goes on from a snapshot as if it had not been saved", async () => {
  using one = await Lab.create(await options("timed", "ucos-1", "ucos-3"));
  for (const [before, after] of [["33ms", "20ms"], ["7001us", "3ms"]]) {
    one.runAll({ for: before });
    const saved = await one.save();
    const counts = structuredClone(one.board.timing!.counts);
    using two = await Lab.load(saved);
    assert.deepEqual(two.board.timing!.counts, counts);
    const a = one.runAll({ for: after });
    const b = two.runAll({ for: after });
    assert.deepEqual(b, a);
    assert.equal(two.summary().hash, one.summary().hash);
    assert.deepEqual(two.board.state().cpu, one.board.state().cpu);
  }
});

Deno.test("a branch of a timed laboratory goes on as the laboratory did", async () => {
  using lab = await Lab.create(await options("timed", "ucos-1", "ucos-2"));
  lab.runAll({ for: "31ms" });
  const state = structuredClone(forkState(lab));
  const memory = sdramWords(lab).slice();
  const first = lab.runAll({ for: "20ms" });
  const then = lab.summary();
  putPages(lab, memory, Array.from({ length: memory.length / 1024 }, (_, page) => page));
  putForkState(lab, state, () => undefined);
  assert.deepEqual(lab.runAll({ for: "20ms" }), first);
  const { hash, cycles } = lab.summary();
  assert.deepEqual({ hash, cycles }, { hash: then.hash, cycles: then.cycles });
});

Deno.test("costs change time and nothing else; a seed changes what is displaced", async () => {
  const run = async (timing: TimingOptions, seed = 1) => {
    const base = await options("timed", "compute:2");
    using lab = await Lab.create({ ...base, timing, seed });
    const events = lab.runAll({ for: "200ms" });
    const { vms, instructions } = lab.summary();
    const end = events.find((event) => event.type === "console")!.t;
    return { content: vms[0].content_hash, end, instructions };
  };
  const plain = await run({});
  const slow = await run({ busOverhead: 4, syncToBus: 2 });
  assert.equal(slow.content, plain.content);
  assert.ok(slow.end > plain.end);
  const seeded = await run({}, 77);
  assert.equal(seeded.content, plain.content);
  assert.notEqual(seeded.end, plain.end);
});

Deno.test("campaigns refuse the timed fidelity", async () => {
  using lab = await Lab.create(await options("timed", "ucos-1"));
  const plan = { end: 1e6, lastStretch: 5e5, surplus: 0, look: 1e5, snapshots: 10 };
  assert.throws(
    () => new GoldenRun(lab, plan as never),
    /fidelity: .*fast fidelity; allowed: fast/,
  );
});

Deno.test("fidelity and costs are checked", async () => {
  const base = await options("fast", "ucos-1");
  const refused = async (other: object, message: RegExp) => {
    await assert.rejects(Lab.create({ ...base, ...other } as LabOptions), (error: unknown) => {
      assert.ok(error instanceof InputError);
      assert.match(error.message, message);
      return true;
    });
  };
  await refused({ fidelity: "exact" }, /fidelity: "exact" is not allowed; allowed: fast, timed/);
  await refused({ timing: { branch: 3 } }, /timing: no cost is used; .*"fidelity: timed"/);
  await refused({ timing: { branch: 99 } }, /timing.branch: 99 is not allowed; .* from 0 to 8/);
  await refused({ timing: { loadUse: 0.5 } }, /timing.loadUse: 0.5 is not allowed/);
  await refused({ timing: { speed: 1 } }, /timing.speed: no such cost; allowed: shiftByRegister, /);
});
