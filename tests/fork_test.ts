import assert from "node:assert/strict";
import { runPlan } from "../core/campaign.ts";
import { runBranch, runWhole } from "../core/experiment.ts";
import { parseFault } from "../core/fault.ts";
import { forkState, putForkState, putPages, sdramWords, TouchedPages } from "../core/fork.ts";
import { GoldenRun, referenceRun } from "../core/golden.ts";
import { hashBytes } from "../core/hash.ts";
import type { Lab, LabOptions } from "../core/lab.ts";
import { DEFAULT_OUTPUT, judgeBy } from "../core/outcome.ts";
import { Random } from "../core/random.ts";
import { tlbsAgree } from "../core/signature.ts";
import { sweep, SweepCrash } from "../core/sweep.ts";
import { core, demoLab } from "./monitor_rig.ts";

const OPTIONS: Partial<LabOptions> = { sdramMB: 32, journal: "commit" };
const LOOK = 100_000;
const RULES = { output: judgeBy(DEFAULT_OUTPUT), lateness: DEFAULT_OUTPUT.late };
const PLAN = { ...runPlan(400e6 * 0.25, 40e6, LOOK), look: LOOK, snapshot: 40 };

function make(): Promise<Lab> {
  return demoLab(["ucos-1", "ucos-2"], OPTIONS);
}

/** All that there is of a laboratory, but what its host counts. */
function everything(lab: Lab): string {
  const { clock, cpu, soc, sdram, idleCycles, waiting } = lab.board.state();
  const { instructions: _i, exceptions: _e, trap: _t, mmu, ...registers } = cpu;
  const { counters: _c, ...rest } = mmu;
  const text = JSON.stringify([clock, registers, rest, soc, idleCycles, waiting, sdram.pages]);
  return hashBytes(new TextEncoder().encode(text)) + hashBytes(sdram.bytes) + lab.recorder.hash;
}

Deno.test(
  "putForkState() and putPages() bring a laboratory back, whatever it did",
  core,
  async () => {
    const lab = await make();
    lab.runAll({ until: "60ms" });
    const touched = new TouchedPages(lab);
    for (let round = 0; round < 6; round++) {
      const before = everything(lab);
      const memory = sdramWords(lab).slice();
      const state = forkState(lab);
      const symbols = new Map(
        state.recorder.vms.map((vm) => [vm.name, lab.recorder.symbols(vm.id)]),
      );
      touched.clear();
      if (round % 2 === 1) lab.board.cpu.userReg(0);
      lab.inject("ucos-1", `mem:0x${(0x40 * round).toString(16)}:${round}@t=0ns`);
      lab.board.poke(0x3100_0000 + round * 4096, round);
      lab.runAll({ for: "40ms" });
      assert.notEqual(everything(lab), before);
      putPages(lab, memory, touched.list);
      putForkState(lab, state, (name) => symbols.get(name));
      lab.recorder.take();
      assert.equal(everything(lab), before, `round ${round}`);
      lab.runAll({ for: "7.3ms" });
    }
    touched.stop();
  },
);

Deno.test("GoldenRun goes to any moment, forward and back", core, async () => {
  const golden = new GoldenRun(await make(), PLAN);
  const random = new Random(3);
  const plain = await make();
  const moments = Array.from({ length: 6 }, () => 10e6 + random.below(80e6)).sort((a, b) => a - b);
  const hashes = moments.map((cycle) => {
    while (plain.board.clock.now < cycle) plain.board.run(cycle);
    return hashBytes(new Uint8Array(sdramWords(plain).slice().buffer));
  });
  for (const i of [3, 0, 5, 4, 1, 2, 2]) {
    golden.seek(moments[i]);
    const memory = sdramWords(golden.lab).slice();
    assert.equal(hashBytes(new Uint8Array(memory.buffer)), hashes[i], `moment ${i}`);
  }
});

Deno.test("tlbsAgree() sees an entry that the tables do not give", core, async () => {
  const lab = await make();
  lab.runAll({ until: "60ms" });
  assert.equal(tlbsAgree(lab), true);
  const { dtlb } = lab.board.mmu;
  const entry = dtlb.mask.findIndex((mask) => mask !== 0);
  dtlb.pa[entry] ^= 0x10_0000;
  assert.equal(tlbsAgree(lab), false);
});

Deno.test("runBranch() comes to the class and hash of runWhole()", core, async () => {
  const golden = new GoldenRun(await make(), PLAN);
  const reference = referenceRun(await make(), PLAN);
  assert.deepEqual(golden.end, reference.end);
  assert.equal(golden.endNs, reference.endNs);
  assert.deepEqual([...golden.observation.vms], [...reference.observation.vms]);
  const random = new Random(11);
  const places = [
    ...["r0", "r4", "r13", "r14", "pc"].map((r) => `reg:${r}`),
    "mem:0x400",
    "mem:0x200100",
    "mem:OSTime",
    "vm:RDY_TBL",
    "context:worker.r13",
  ];
  const ends = new Set<string>();
  const outcomes = new Set<string>();
  const specs = places.flatMap((place) =>
    [0, 1].map(() => {
      const t = 30e6 + random.below(150e6);
      const bit = random.below(32);
      const trigger = random.below(4) === 0 ? `t=${t}ns,pc=OSTimeDly` : `t=${t}ns`;
      return { vm: "ucos-1", fault: parseFault(`${place}:${bit}@${trigger}`) };
    })
  );
  specs.push({ vm: "ucos-1", fault: parseFault("reg:pc:20@t=40ms,pc=OSTimeDly") });
  specs.push({ vm: "ucos-1", fault: parseFault("mem:0x0:0@t=90ms,pc=nowhere") });
  const swept = new Map(
    [...sweep(golden, specs, RULES)].map(({ index, result }) => [index, result]),
  );
  assert.equal(swept.size, specs.length);
  for (const [i, spec] of specs.entries()) {
    const fast = runBranch(golden, spec, RULES);
    const slow = runBranch(golden, spec, { ...RULES, earlyStop: false });
    assert.deepEqual({ ...fast, ended: "", simulated: 0 }, { ...slow, ended: "", simulated: 0 });
    const whole = runWhole(reference, await make(), spec, RULES);
    const what = `${spec.fault.text}: ${fast.detail}`;
    assert.equal(fast.outcome, whole.outcome, what);
    assert.equal(fast.hash, whole.hash, what);
    assert.equal(fast.detail, whole.detail);
    const along = swept.get(i)!;
    assert.equal(along.outcome, whole.outcome, what);
    assert.equal(along.hash, whole.hash, what);
    assert.equal(along.latency, whole.latency, what);
    ends.add(along.ended).add(fast.ended);
    outcomes.add(fast.outcome);
  }
  assert.ok(ends.has("dormant"));
  const again = [...sweep(golden, specs.toReversed(), RULES)];
  for (const { index, result } of again) {
    assert.deepEqual(result, swept.get(specs.length - 1 - index), "order does not matter");
  }
  assert.ok(ends.has("golden") && ends.has("end"), [...ends].join());
  assert.ok(outcomes.size >= 3, [...outcomes].join());
});

Deno.test("sweep() tells which experiment failed on the host", core, async () => {
  const golden = new GoldenRun(await make(), PLAN);
  const good = { vm: "ucos-1", fault: parseFault("reg:r4:0@t=50ms") };
  const bad = { vm: "ucos-1", fault: { ...parseFault("reg:r4:0@t=60ms"), place: undefined! } };
  assert.throws(
    () => [...sweep(golden, [good, bad], RULES)],
    (error: Error) => error instanceof SweepCrash && error.index === 1,
  );
});

Deno.test("sweep() counts no more in a damaged record than there can be", core, async () => {
  const golden = new GoldenRun(await make(), PLAN);
  const specs = ["PAGE_COUNT:30", "UNIT_COUNT:31", "PAGE_COUNT:2", "UNIT_COUNT:0"].map((field) => ({
    vm: "ucos-1",
    fault: parseFault(`vm:${field}@t=60ms`),
  }));
  const reference = referenceRun(await make(), PLAN);
  let count = 0;
  for (const { index, result } of sweep(golden, specs, RULES)) {
    const whole = runWhole(reference, await make(), specs[index], RULES);
    assert.equal(result.outcome, whole.outcome, specs[index].fault.text);
    assert.equal(result.hash, whole.hash, specs[index].fault.text);
    count++;
  }
  assert.equal(count, specs.length);
});
