import assert from "node:assert/strict";
import { runFault } from "../core/campaign.ts";
import { dealShares, FaultDraw } from "../core/campaign_plan.ts";
import { parseFault } from "../core/fault.ts";
import { placeExists } from "../core/fault_place.ts";
import { FaultStratum, TARGETS } from "../core/fault_space.ts";
import type { KeptEvent, Observation, OutputLine } from "../core/observe.ts";
import { joinObservations, partOf, sameObservation } from "../core/observe.ts";
import {
  DEFAULT_OUTPUT,
  type EndState,
  type Evidence,
  judge,
  judgeBy,
  type Outcome,
  OUTCOMES,
} from "../core/outcome.ts";
import { loadGuest } from "../guests/mod.ts";
import { core, demoLab } from "./monitor_rig.ts";

const MS = 1e6;

function lines(...texts: (string | [string, number])[]): OutputLine[] {
  return texts.map((text, i) =>
    typeof text === "string" ? { t: (i + 1) * 10 * MS, text } : { t: text[1] * MS, text: text[0] }
  );
}

function observed(
  a: OutputLine[],
  events: KeptEvent[] = [],
  b: OutputLine[] = lines("b1", "b2", "b3", "b4"),
): Observation {
  return {
    vms: new Map([
      ["a", { lines: new Map([["worker", a]]), calls: [] }],
      ["b", { lines: new Map([["", b]]), calls: [{ t: 1, text: "1 0 0 0" }] }],
    ]),
    events,
  };
}

function ended(
  over: { stopped?: boolean; state?: string; task?: string; calls?: number; other?: number } = {},
) {
  const { stopped = false, state = "running", task = "ready", calls = 5, other = 4 } = over;
  const end: EndState = {
    stopped,
    vms: new Map([
      ["a", { state, calls: 9, tasks: new Map([["worker", { state: task, calls }]]) }],
      ["b", { state: "running", calls: other, tasks: new Map() }],
    ]),
  };
  return end;
}

const LINES = ["one", "two", "three", "four", "five", "six"];
const GOLDEN = observed(lines(...LINES));

function fault(t: number, over: object = {}): KeptEvent {
  return {
    type: "fault",
    t: t * MS,
    vm: "a",
    task: "worker",
    class: "task",
    kind: "data-abort",
    pc: "0x00200000",
    ...over,
  } as KeptEvent;
}

function recovery(t: number, action: string, generation = 0): KeptEvent {
  return {
    type: "recovery",
    t: t * MS,
    vm: "a",
    task: "worker",
    action,
    generation,
    lost: 2 * MS,
    cycles: 700,
  } as KeptEvent;
}

function evidence(over: Partial<Evidence> & { seen?: Observation; end?: never; to?: EndState }) {
  const { seen = GOLDEN, to = ended(), ...rest } = over;
  return {
    vm: "a",
    fired: true,
    changed: true,
    struckAt: 15 * MS,
    lateness: 20 * MS,
    golden: { observed: GOLDEN, end: ended() },
    faulty: { observed: seen, end: to },
    differs: false,
    ...rest,
    end: 65 * MS,
  } satisfies Evidence;
}

const RULES = judgeBy({ ...DEFAULT_OUTPUT, late: 20 * MS });

Deno.test("judge() gives each class by its rule", core, () => {
  const swap = [fault(25), recovery(26, "swap-task")];
  const cases: [Outcome, Partial<Parameters<typeof evidence>[0]>][] = [
    ["masked", {}],
    ["latent", { differs: true }],
    ["not-activated", { fired: false, differs: true }],
    ["not-activated", { changed: false }],
    ["isolation-broken", { seen: observed(lines(...LINES), [], lines("b1", "x", "b3", "b4")) }],
    ["masked", { seen: observed(lines(...LINES), [], lines("b1")) }],
    ["isolation-broken", { to: ended({ other: 0 }) }],
    ["isolation-broken", { seen: observed(lines(...LINES), [fault(20, { vm: "b" })]) }],
    ["stopped-system", { to: ended({ stopped: true }) }],
    ["stopped-guest", { to: ended({ state: "failed" }) }],
    ["stopped-task", { to: ended({ task: "stopped" }) }],
    ["hang", { to: ended({ calls: 0 }) }],
    ["silent-corruption", { seen: observed(lines("one", "two", "3", "four", "five", "six")) }],
    ["silent-corruption", { seen: observed(lines("one", "two")) }],
    ["silent-corruption", { seen: observed(lines("one", "two", "two", ...LINES.slice(2))) }],
    [
      "silent-corruption",
      { seen: observed(lines("one", "2", ["three", 40], ["four", 50]), swap) },
    ],
    ["restarted", { seen: observed(lines(...LINES), [fault(25), recovery(26, "restart-task")]) }],
    [
      "corruption-after-recovery",
      { seen: observed(lines("one", "two", "3", "four", "five", "six"), swap) },
    ],
    ["output-repeated", { seen: observed(lines("one", "two", "two", ...LINES.slice(2)), swap) }],
    [
      "recovered-older",
      { seen: observed(lines(...LINES), [fault(25), recovery(26, "swap-task", 1)]) },
    ],
    ["recovered-guest", {
      seen: observed(lines(...LINES), [fault(25), recovery(26, "swap-guest")]),
    }],
    ["recovered-task", { seen: observed(lines(...LINES), swap) }],
    ["recovered-skip", { seen: observed(lines(...LINES), [fault(25), recovery(25, "skip")]) }],
    ["repaired", { seen: observed(lines(...LINES), [fault(25, { kind: "table-damaged" })]) }],
    ["output-late", { seen: observed(lines("one", "two", ["three", 51], ["four", 52])) }],
  ];
  for (const [expected, over] of cases) {
    const { outcome } = judge(evidence(over), RULES);
    assert.equal(outcome, expected, JSON.stringify(over));
  }
  const seen = new Set(cases.map(([name]) => name));
  for (const name of Object.keys(OUTCOMES)) {
    assert.ok(name === "crash" || seen.has(name as Outcome), `no case of ${name}`);
  }
});

Deno.test("judge() measures what was detected, manifested and recovered", core, () => {
  const swap = [fault(25), recovery(26, "swap-task")];
  const recovered = judge(evidence({ seen: observed(lines(...LINES), swap) }), RULES);
  assert.deepEqual(
    [recovered.detected, recovered.manifested, recovered.recovered, recovered.latency],
    [true, true, true, 10 * MS],
  );
  assert.deepEqual([recovered.lost, recovered.cycles, recovered.actions], [2 * MS, 700, [
    "swap-task",
  ]]);
  const hang = judge(evidence({ to: ended({ calls: 0 }) }), RULES);
  assert.deepEqual([hang.detected, hang.manifested, hang.recovered], [false, true, false]);
  const masked = judge(evidence({}), RULES);
  assert.deepEqual([masked.detected, masked.manifested, masked.recovered], [false, false, false]);
  const never = judge(evidence({ fired: false, seen: observed(lines(...LINES), swap) }), RULES);
  assert.deepEqual([never.detected, never.manifested, never.recovered], [false, false, false]);
  const damaged = (pc: string) => [fault(25, { kind: "table-damaged", pc })];
  const scrubbed = judge(
    evidence({ seen: observed(lines(...LINES), damaged("0x00000000")) }),
    RULES,
  );
  assert.deepEqual(
    [scrubbed.outcome, scrubbed.detected, scrubbed.manifested, scrubbed.recovered],
    ["repaired", true, false, false],
  );
  // An access met it: without repair that is an abort.
  const met = judge(evidence({ seen: observed(lines(...LINES), damaged("0x00200004")) }), RULES);
  assert.deepEqual(
    [met.outcome, met.detected, met.manifested, met.recovered],
    ["repaired", true, true, true],
  );
});

Deno.test("judge() does not count errors that the run without the fault has too", core, () => {
  const planted = [fault(30), recovery(31, "swap-task")];
  const golden = observed(lines(...LINES), planted);
  const both = judge({
    ...evidence({}),
    golden: { observed: golden, end: ended() },
    faulty: { observed: observed(lines(...LINES), planted), end: ended() },
  }, RULES);
  assert.deepEqual([both.outcome, both.detected], ["masked", false]);
});

Deno.test("judgeBy() ignores parts of lines and knows wrong ones", core, () => {
  const rules = judgeBy({ late: 0, ignore: [/at tick \d+/], wrong: [/FAILED/], golden: true });
  const run = { end: 100 * MS, recoveredAt: Infinity };
  const one = new Map([["t", lines("beat 1 at tick 5", "beat 2 at tick 9")]]);
  const two = new Map([["t", lines("beat 1 at tick 6", "beat 2 at tick 10")]]);
  assert.equal(rules(one, two, run).wrongAt, Infinity);
  const bad = new Map([["t", lines("beat 1 at tick 6", "check FAILED")]]);
  assert.equal(rules(one, bad, run).wrongAt, 20 * MS);
  const free = judgeBy({ late: 0, ignore: [], wrong: [/FAILED/], golden: false });
  assert.equal(free(one, new Map([["t", lines("anything")]]), run).wrongAt, Infinity);
  assert.equal(free(one, bad, run).wrongAt, 20 * MS);
  const unknown = new Map([["t", one.get("t")!], ["u", lines("a new stream")]]);
  assert.equal(rules(one, unknown, run).wrongAt, 10 * MS);
});

Deno.test("partOf() and joinObservations() cut and mend", core, () => {
  const whole = observed(lines(...LINES), [fault(25), fault(35)]);
  const parts = [-Infinity, 10, 20, 33, 60].map((ms) => ms * MS);
  const pieces = parts.map((from, i) => partOf(whole, from, parts[i + 1] ?? Infinity));
  assert.deepEqual(joinObservations(pieces), whole);
  assert.equal(pieces[1].vms.get("a")!.lines.get("worker")!.length, 1);
});

Deno.test("sameObservation() sees whatever is different", core, () => {
  const make = () => observed(lines(...LINES), [fault(25)]);
  const whole = make();
  assert.ok(sameObservation(whole, make()));
  assert.ok(sameObservation(
    whole,
    joinObservations([partOf(whole, -Infinity, 30 * MS)].concat(
      partOf(whole, 30 * MS, Infinity),
    )),
  ));
  type Changed = Record<
    "vms",
    Map<string, { lines: Map<string, OutputLine[]>; calls: OutputLine[] }>
  >;
  const changes: ((observation: Changed & { events: KeptEvent[] }) => void)[] = [
    ({ vms }) => vms.get("a")!.lines.get("worker")!.pop(),
    ({ vms }) => vms.get("a")!.lines.get("worker")!.push({ t: 1e9, text: "more" }),
    ({ vms }) => vms.get("a")!.lines.get("worker")![1] = { t: 20 * MS, text: "other" },
    ({ vms }) => vms.get("a")!.lines.get("worker")![1] = { t: 20 * MS + 1, text: LINES[1] },
    ({ vms }) => vms.get("a")!.lines.set("other", []),
    ({ vms }) => vms.get("b")!.lines = new Map([["other", vms.get("b")!.lines.get("")!]]),
    ({ vms }) => vms.get("b")!.calls[0] = { t: 1, text: "1 0 0 1" },
    ({ vms }) => vms.get("b")!.calls.length = 0,
    ({ vms }) => vms.set("c", { lines: new Map(), calls: [] }),
    ({ vms }) => vms.delete("b"),
    ({ events }) => events[0] = fault(26),
    ({ events }) => events.length = 0,
  ];
  for (const change of changes) {
    const other = make();
    change(other as unknown as Parameters<typeof change>[0]);
    assert.equal(sameObservation(whole, other), false, String(change));
    assert.equal(sameObservation(other, whole), false, String(change));
  }
  // An empty stream of one and another's that is not empty.
  const [one, two] = ["x", "y"].map((task, i) => ({
    vms: new Map([["a", { lines: new Map([[task, lines(...LINES.slice(0, i))]]), calls: [] }]]),
    events: [],
  }));
  assert.equal(sameObservation(one, two), false);
});

Deno.test("runFault() tells what became of one fault", core, async () => {
  const options = {
    guests: [{ name: "ucos-1", image: await loadGuest("ucos-1") }],
    vm0: await loadGuest("vm0"),
    sdramMB: 32,
  };
  const jump = await runFault(options, "ucos-1", parseFault("reg:pc:20@t=30ms,pc=OSTimeDly"), 4e8);
  assert.equal(jump.fired, true);
  assert.equal(jump.result.detected, true);
  assert.equal(jump.result.detector, "prefetch-abort");
  assert.deepEqual(jump.events.filter((e) => e.type === "inject").length, 1);
  assert.equal(jump.golden.vms.every((vm) => vm.faults === 0), true);
  const late = await runFault(options, "ucos-1", parseFault("reg:r4:0@t=500ms"), 2e8);
  assert.equal(late.outcome, "not-activated");
  assert.match(late.detail, /the run ended before its time/);
});

Deno.test("dealShares() deals out in proportion, from the first on", core, () => {
  assert.deepEqual(dealShares([1]), [0]);
  const dealt = dealShares([3, 1, 2]);
  assert.equal(dealt.length, 6);
  assert.deepEqual([0, 1, 2].map((i) => dealt.filter((n) => n === i).length), [3, 1, 2]);
  const odd = dealShares([0.37, 1.21, 0.05]);
  const count = odd.filter((n) => n === 1).length / odd.length;
  assert.ok(Math.abs(count - 1.21 / 1.63) < 0.02, `${count}`);
});

Deno.test(
  "FaultDraw finds places of every target, each bit as often as another",
  core,
  async () => {
    const lab = await demoLab(["ucos-1", "pipeline"], { sdramMB: 32, journal: "commit" });
    lab.runAll({ until: "30ms" });
    const empty = new Set(["kernel-heap", "task-heap"]);
    const targets = Object.keys(TARGETS).filter((target) => !empty.has(target));
    for (const target of empty) {
      assert.throws(() => new FaultStratum(lab, { target }), /nothing of the kind/);
    }
    const plan = { seed: 7, targets: targets.map((target) => ({ target })), from: 30e6, to: 90e6 };
    const draw = new FaultDraw(lab, plan);
    const machine = { board: lab.board, vmm: lab.vmm };
    for (let index = 0; index < 20 * targets.length; index++) {
      const drawn = draw.draw(index);
      assert.equal(drawn.target, targets[index % targets.length]);
      assert.deepEqual(parseFault(drawn.fault.text), drawn.fault);
      assert.ok(drawn.fault.time >= plan.from && drawn.fault.time < plan.to);
      assert.equal(placeExists(machine, drawn.vm, drawn.fault.place), undefined, drawn.fault.text);
      assert.deepEqual(draw.draw(index), drawn);
    }
    for (const { target, bits, population } of draw.sizes) {
      assert.ok(bits > 0, target);
      assert.equal(population, bits * 24_000_000);
    }
    const flags = new FaultStratum(lab, { target: "status", vms: ["ucos-1"] });
    assert.equal(flags.bits, 12);
    const stack = new FaultStratum(lab, { target: "task-stack", tasks: ["worker"] });
    assert.equal(stack.place(0).vm, "ucos-1");
    assert.throws(() => new FaultStratum(lab, { target: "disk" }), /allowed: registers, status/);
    assert.throws(
      () => new FaultStratum(lab, { target: "registers", vms: ["x"] }),
      /ucos-1, pipeline/,
    );
    assert.throws(
      () => new FaultStratum(lab, { target: "task-bss", tasks: ["x"] }),
      /worker, primes/,
    );
  },
);

Deno.test(
  "FaultDraw strikes each bit as often as another when it is to be uniform",
  core,
  async () => {
    const lab = await demoLab(["ucos-1"], { sdramMB: 32 });
    lab.runAll({ for: "30ms" });
    const targets = ["registers", "task-stack", "kernel-text", "kernel-bss"].map((target) => ({
      target,
    }));
    const draw = new FaultDraw(lab, { seed: 2, targets, uniform: true, from: 30e6, to: 31e6 });
    const counts = new Map<string, number>();
    const n = 4000;
    for (let index = 0; index < n; index++) {
      const { target } = draw.draw(index);
      counts.set(target, (counts.get(target) ?? 0) + 1);
    }
    const all = draw.sizes.reduce((sum, { bits }) => sum + bits, 0);
    for (const { target, bits } of draw.sizes) {
      const expected = n * bits / all;
      const found = counts.get(target) ?? 0;
      // Four standard deviations.
      assert.ok(Math.abs(found - expected) < 4 * Math.sqrt(expected) + 1, `${target}: ${found}`);
    }
  },
);

Deno.test("FaultDraw draws models and triggers by their shares", core, async () => {
  const lab = await demoLab(["ucos-1"], { sdramMB: 32 });
  lab.runAll({ until: "30ms" });
  const draw = new FaultDraw(lab, {
    seed: 1,
    targets: [{ target: "task-stack" }],
    models: [{ kind: "flip", bits: 3, share: 3 }, { kind: "set", bits: 2, spread: "anywhere" }, {
      kind: "write",
    }],
    triggers: [{ kind: "time" }, { kind: "pc", at: { symbol: "worker", offset: 8 } }, {
      kind: "checkpoint",
      most: 5,
    }],
    from: 30e6,
    to: 31e6,
  });
  const kinds = new Map<string, number>();
  for (let index = 0; index < 600; index++) {
    const { model, trigger } = draw.draw(index).fault;
    if (model.kind === "flip") {
      assert.equal(model.bits[2] - model.bits[0], 2);
    } else if (model.kind === "set") assert.equal(new Set(model.bits).size, 2);
    if (trigger.event?.kind === "checkpoint") assert.ok(trigger.event.steps < 5);
    for (const key of [model.kind, trigger.event?.kind ?? "time"]) {
      kinds.set(key, (kinds.get(key) ?? 0) + 1);
    }
  }
  const near = (key: string, share: number) => {
    const n = kinds.get(key) ?? 0;
    assert.ok(Math.abs(n - 600 * share) < 60, `${key}: ${n}`);
  };
  near("flip", 0.6);
  near("set", 0.2);
  near("write", 0.2);
  near("pc", 1 / 3);
  near("checkpoint", 1 / 3);
});
