import assert from "node:assert/strict";
import fc from "fast-check";
import { InputError } from "../core/errors.ts";
import { frameRecord } from "../core/frames.ts";
import { BACKUP_STRATEGIES, type Lab } from "../core/lab.ts";
import { FRAME, GLOBAL, MAP, MAX_VMS, PAGE_REC, UNIT, VM } from "../core/layout.ts";
import type { TraceEvent } from "../core/trace.ts";
import { loadGuest } from "../guests/mod.ts";
import { HC } from "../core/vmi.ts";
import { CALL, type Code, imm, R0, R1, R2, R4, taskData, taskGuest } from "./mini_guest.ts";
import { actions, core, demoLab, emptyTlbs, lines, miniLab, ofType } from "./monitor_rig.ts";

const GUESTS = ["ucos-1", "ucos-2", "ucos-3"] as const;
/** The first fault comes at 300 ms, the end of the ladder at 642 ms. */
const DEMO_MS = 760;
/** The ladder of the demonstration. */
const policy = {
  task: [{ action: "swap", limit: 3 }, { action: "restart", limit: 1 }, { action: "stop" }],
} as const;

function content(lab: Lab, vm: string): string {
  return lab.summary().vms.find((v) => v.vm === vm)!.content_hash;
}

Deno.test(
  "Lab.runAll() shows the demonstration: task error, swap, restart, stop, all go on",
  core,
  async () => {
    using lab = await demoLab(GUESTS, { policy });
    const events = lab.runAll({ for: `${DEMO_MS}ms` });
    const faults = ofType(events, "fault");
    assert.ok(faults.length > 0);
    for (const fault of faults) {
      const { t: _, ...rest } = fault;
      assert.deepEqual(rest, {
        type: "fault",
        vm: "ucos-3",
        task: "saboteur",
        class: "task",
        kind: "data-abort",
        fsr: "domain-page",
        far: rest.far,
        far_symbol: "OSTime",
        pc: rest.pc,
        pc_symbol: rest.pc_symbol,
        instruction: rest.instruction,
      });
      assert.match(rest.pc_symbol!, /^saboteur/);
      assert.match(rest.instruction!, /^str\s/);
    }
    assert.deepEqual(actions(events, "ucos-3"), [
      "swap-task",
      "swap-task",
      "swap-task",
      "restart-task",
      "stop-task",
    ]);
    assert.deepEqual(ofType(events, "recovery").map((e) => e.vm), Array(5).fill("ucos-3"));
    // Each fault is followed by its recovery, and nothing of the monitor's comes between.
    const order = events.filter((e) => e.type === "fault" || e.type === "recovery");
    order.forEach((e, i) => assert.equal(e.type, i % 2 === 0 ? "fault" : "recovery"));
    const last = ofType(events, "recovery").at(-1)!.t;
    for (const vm of GUESTS) {
      const after = ofType(events, "console", vm).filter((e) => e.t > last);
      assert.ok(after.length > 0, `${vm} prints after the last recovery`);
    }
    assert.ok(
      !ofType(events, "console", "ucos-3").some((e) => e.t > last && e.task === "saboteur"),
      "the stopped task prints nothing more",
    );
    const { vms, outcome } = lab.summary();
    assert.equal(outcome, "ended");
    const tasks = vms.find((v) => v.vm === "ucos-3")!.tasks;
    assert.deepEqual(tasks.map((t) => [t.task, t.state === "stopped"]), [
      ["heartbeat", false],
      ["saboteur", true],
      ["OSTaskIdle", false],
    ]);
    assert.equal(tasks[1].faults, 5);
    assert.equal(tasks[1].recoveries, 5);
    for (const vm of vms) assert.match(vm.state, /^(running|waiting)$/, vm.vm);
  },
);

Deno.test("Lab.runAll() and run() give one hash, however a run is cut", core, async () => {
  const ms = 420;
  using whole = await demoLab(GUESTS);
  const events = whole.runAll({ until: `${ms}ms` });
  const wanted = whole.summary();
  assert.ok(ofType(events, "recovery").length > 0);

  using again = await demoLab(GUESTS);
  assert.deepEqual(again.runAll({ until: `${ms}ms` }), events);
  assert.deepEqual(again.summary(), wanted);

  // Slices that end in the middle of everything: 1 ns, in a recovery, in a checkpoint, ...
  using sliced = await demoLab(GUESTS);
  const parts: TraceEvent[] = [];
  const slices = [1, 97_000, 400_000, 1_234_567, 39_999_999, 260_600_000, 3, 1_000];
  for (const ns of slices) parts.push(...sliced.runAll({ for: ns }));
  for (let t = sliced.time; t < 303e6; t += 77_777) parts.push(...sliced.runAll({ until: t }));
  parts.push(...sliced.runAll({ until: `${ms}ms` }));
  assert.deepEqual(parts, events);
  assert.deepEqual(sliced.summary(), wanted);

  using stepped = await demoLab(GUESTS);
  const streamed: TraceEvent[] = [];
  for (let t = 13e6; t < ms * 1e6; t += 31e6) {
    for await (const e of stepped.run({ until: t })) streamed.push(e);
  }
  for await (const e of stepped.run({ until: `${ms}ms` })) streamed.push(e);
  assert.deepEqual(streamed, events);
  assert.deepEqual(stepped.summary(), wanted);
});

Deno.test(
  "Lab.summary() has the same content hash of a guest beside a healthy or a faulty one",
  core,
  async () => {
    const labOf = async (third: string) =>
      await demoLab([], {
        policy,
        guests: await Promise.all(
          [["ucos-1", "ucos-1"], ["ucos-2", "ucos-2"], ["third", third]].map(async (
            [name, image],
          ) => ({ name, image: await loadGuest(image) })),
        ),
      });
    using healthy = await labOf("ucos-1");
    using faulty = await labOf("ucos-3");
    const quiet = healthy.runAll({ for: `${DEMO_MS}ms` });
    const noisy = faulty.runAll({ for: `${DEMO_MS}ms` });
    assert.equal(ofType(quiet, "fault").length, 0);
    assert.equal(ofType(noisy, "fault").length, 5);
    assert.notEqual(healthy.summary().hash, faulty.summary().hash);
    for (const vm of ["ucos-1", "ucos-2"]) {
      assert.deepEqual(lines(noisy, vm), lines(quiet, vm), vm);
      assert.equal(content(faulty, vm), content(healthy, vm), vm);
    }
    assert.notEqual(content(faulty, "third"), content(healthy, "third"));
  },
);

/** A task that puts 2 in the place of a 1 that its checkpoint holds, and faults. */
function rollbackGuest(): Uint8Array {
  return taskGuest({
    tasks: [
      {
        name: "victim",
        main: (c) => {
          // The checkpoint of this task: asked for, taken when it leaves the CPU.
          c.li(R1, taskData(0)).mov(R2, imm(1)).str(R2, R1);
          c.mov(R4, imm(HC.CHECKPOINT)).swi(CALL.HYPER, 0);
          c.swi(CALL.YIELD);
          c.li(R1, taskData(0)).ldr(R2, R1).cmp(R2, imm(1)).b("wrong", "ne");
          c.print(CALL.PRINT, "sees 1\n");
          c.li(R1, taskData(0)).mov(R2, imm(2)).str(R2, R1).mov(R0, imm(0)).str(R0, R0);
          c.label("wrong").print(CALL.PRINT, "sees 2\n").spin();
        },
      },
      { name: "other", main: (c) => c.label("loop").swi(CALL.YIELD).b("loop") },
    ],
  });
}

Deno.test(
  "Backup.swapTask() needs its TLB maintenance: without it the task sees wrong data",
  core,
  async () => {
    const g = rollbackGuest();
    const strategies = BACKUP_STRATEGIES.filter((s) => s !== "off");
    const right = ["sees 1", "sees 1", "sees 1", "swap-task", "swap-task", "stop-task"];
    for (const cache of [false, true]) {
      for (const backup of strategies) {
        for (const resume of ["immediate", "yield"] as const) {
          const task = [{ action: "swap", limit: 2 }, { action: "stop" }] as const;
          const seen: string[][] = [];
          for (const omit of [false, true]) {
            using lab = await miniLab({ g }, { backup, policy: { task, resume }, cache });
            lab.vmm.backup.omitTlbMaintenance = omit;
            const events = lab.runAll({ for: "6ms" });
            seen.push([...lines(events, "g"), ...actions(events, "g")]);
          }
          // The old TLB entry leads to the frame that was put away. With caches the 2 was never
          // written there: the swap drops its line. A task that goes on before the frame has a next
          // owner finds the 1 still there, but its next 2 goes in past the MMU's notice, so nothing
          // takes that back; later it finds what that owner put there.
          const found = ["sees 1", "sees 2", "swap-task"];
          const kept = ["sees 1", "sees 1", "sees 2", "swap-task", "swap-task"];
          const wrong = cache ? [kept, found] : [found];
          const what = `${backup} ${resume}${cache ? " with caches" : ""}`;
          assert.deepEqual(seen[0], right, what);
          assert.ok(wrong.some((w) => `${w}` === `${seen[1]}`), `${what}: ${seen[1]}`);
        }
      }
    }
  },
);

/** Two tasks that switch all the time. */
function busyGuest(): Uint8Array {
  const main = (i: number) => (c: Code) =>
    c.label("loop").increment(taskData(i)).swi(CALL.YIELD).b("loop");
  return taskGuest({ tasks: [0, 1].map((i) => ({ name: `t${i}`, main: main(i) })) });
}

Deno.test(
  "Vmm.trap() stops the system with a post-mortem when the monitor's own tables are damaged",
  core,
  async () => {
    const master = (va: number) => MAP.MASTER + (va >>> 20) * 4;
    const cases: [string, number, (old: number) => number][] = [
      ["section of its records: no descriptor", master(MAP.SDRAM), () => 0],
      ["section of its records: closed domain", master(MAP.SDRAM), (w) => w | 1 << 5],
      ["section of the master table", master(MAP.MASTER), () => 0],
      ["section of the arena", master(MAP.ARENA), () => 0],
      ["section of the interrupt controller", master(0x4a00_0000), () => 0],
      ["record of the current VM", MAP.GLOBAL + GLOBAL.CURRENT, () => 0xdead_bee0],
    ];
    for (const [what, address, change] of cases) {
      using lab = await miniLab({ g: busyGuest(), h: busyGuest() });
      lab.runAll({ for: "7ms" });
      assert.equal(lab.stopped, false);
      lab.board.poke(address, change(lab.board.peek(address, 4)) >>> 0);
      // The TLBs still hold what the table said before; it is asked for at the latest now.
      emptyTlbs(lab);
      const before = lab.time;
      const events = lab.runAll({ for: "30ms" });
      assert.equal(lab.stopped, true, what);
      assert.equal(lab.summary().outcome, "stopped", what);
      assert.deepEqual(
        events.slice(-3).map((e) => e.type),
        ["fault", "recovery", "post-mortem"],
        what,
      );
      const [fault] = ofType(events, "fault", "vmm");
      assert.equal(fault.class, "vmm", what);
      assert.equal(actions(events, "vmm").join(), "halt", what);
      const [post] = ofType(events, "post-mortem");
      assert.ok(post.reason.length > 10 && post.lines.length > 3, what);
      assert.ok(lab.time - before < 20e6, `${what}: within a few ticks`);
      // Stopped is stopped.
      const end = lab.time;
      assert.deepEqual(lab.runAll({ for: "10ms" }), [], what);
      assert.equal(lab.time, end, what);
      assert.equal(lab.summary().outcome, "stopped", what);
    }
  },
);

Deno.test("Vmm.trap() stops the system when the policy asks for it", core, async () => {
  using lab = await miniLab({ g: rollbackGuest() }, { policy: { task: [{ action: "halt" }] } });
  const events = lab.runAll({ for: "6ms" });
  assert.equal(lab.summary().outcome, "stopped");
  assert.equal(ofType(events, "post-mortem").length, 1);
});

Deno.test("Vmm.trap() stops when a chain or a list of the monitor has no end", core, async () => {
  const resting = taskGuest({
    tickUs: 500,
    tasks: [0, 1].map((i) => ({
      name: `t${i}`,
      main: (c: Code) => c.label("l").increment(taskData(i)).swi(CALL.COUNT).swi(CALL.DELAY).b("l"),
    })),
  });
  // Each page's oldest version, or each listed page, is its own successor.
  const rings: Record<string, (lab: Lab) => number> = {
    "versions of pages": (lab) => {
      const word = (pa: number) => lab.board.peek(pa, 4);
      const vm = lab.vmRecord("g");
      let found = 0;
      for (let i = 0; i < word(vm + VM.PAGE_COUNT); i++) {
        const head = word(word(vm + VM.PAGES) + i * PAGE_REC.SIZE + PAGE_REC.HEAD);
        if (head === 0) continue;
        lab.board.poke(frameRecord(head) + FRAME.NEXT, head);
        found++;
      }
      return found;
    },
    "lists of pages": (lab) => {
      const word = (pa: number) => lab.board.peek(pa, 4);
      const vm = lab.vmRecord("g");
      let found = 0;
      for (let i = 0; i < word(vm + VM.UNIT_COUNT); i++) {
        const unit = word(vm + VM.UNITS) + i * UNIT.SIZE;
        for (const list of [UNIT.DIRTY_HEAD, UNIT.REPAIR_HEAD, UNIT.KEPT_HEAD]) {
          const head = word(unit + list);
          if (head === 0) continue;
          lab.board.poke(head + PAGE_REC.NEXT, head);
          found++;
        }
      }
      return found;
    },
  };
  // Some links are never followed again; those that are end the system, and no run hangs.
  for (const [what, tie] of Object.entries(rings)) {
    let stopped = false;
    for (const backup of ["dirty", "cow"] as const) {
      if (stopped) break;
      using lab = await miniLab({ g: resting, h: resting }, {
        backup,
        period: "1ms",
        slice: "1ms",
        generations: 3,
      });
      lab.runAll({ for: "5ms" });
      assert.ok(tie(lab) > 0, what);
      const events = lab.runAll({ for: "10ms" });
      if (lab.summary().outcome !== "stopped") continue;
      assert.equal(ofType(events, "post-mortem").length, 1, what);
      stopped = true;
    }
    assert.ok(stopped, what);
  }
});

Deno.test(
  "any bit of the monitor's memory may flip: the run goes on or stops, nothing is thrown",
  core,
  async () => {
    const faulty = taskGuest({
      tickUs: 700,
      tasks: [{ name: "bad", main: (c) => c.swi(CALL.DELAY).mov(R0, imm(0)).str(R0, R0) }],
    });
    const guests = { g: busyGuest(), faulty };
    using base = await miniLab(guests, { slice: "1ms", period: "1ms", generations: 3 });
    base.runAll({ for: "5ms" });
    const state = base.board.state();
    const records = [0, 1, 2].map((id) => base.board.peek(MAP.VM_TABLE + 4 * id, 4));
    const place = fc.oneof(
      fc.nat(GLOBAL.SIZE / 4 - 1).map((n) => MAP.GLOBAL + 4 * n),
      fc.nat(MAX_VMS - 1).map((n) => MAP.VM_TABLE + 4 * n),
      fc.nat(15).map((n) => MAP.DOMAINS + 4 * n),
      fc.nat(150 * 4).map((n) => MAP.FRAMES + 4 * n),
      fc.nat(0x600).map((n) => MAP.MASTER + 4 * n),
      fc.nat(0x1000).map((n) => MAP.TABLES + 4 * n),
      fc.tuple(fc.constantFrom(...records), fc.nat(0x900)).map(([vm, n]) => vm + 4 * n),
    );
    let stopped = 0;
    let runs = 0;
    fc.assert(
      fc.property(place, fc.nat(31), (address, bit) => {
        const lab = base;
        lab.board.restore(state);
        lab.board.poke(address, (lab.board.peek(address, 4) ^ 1 << bit) >>> 0);
        lab.board.mmu.mcr(8, 7, 0, 0);
        lab.runAll({ for: "3ms" });
        const { outcome } = lab.summary();
        assert.match(outcome, /^(ended|stopped)$/);
        for (const name of lab.guestNames) {
          try {
            lab.dumpPt(name);
          } catch (error) {
            assert.ok(error instanceof InputError, `${error}`);
          }
        }
        runs++;
        if (outcome === "stopped") stopped++;
      }),
      { numRuns: 60, seed: 30, endOnFailure: true },
    );
    assert.ok(stopped > 0 && stopped < runs, `${stopped} of ${runs} stopped`);
  },
);
