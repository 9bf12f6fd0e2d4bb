/**
 * The shared piece: every task of its guest reaches it, nobody else does; it is checkpointed and
 * rolled back with the kernel, and left alone when a task is (R4).
 *
 * @module
 */

import assert from "node:assert/strict";
import { BACKUP_STRATEGIES, type Lab, type LabOptions } from "../core/lab.ts";
import { FRAME_STATE, PAGE_FLAG, PAGE_KIND, UNIT, UNIT_KIND, VM } from "../core/layout.ts";
import { loadImage } from "../core/loader.ts";
import { slotMva } from "../core/vm.ts";
import { HC, PAGE } from "../core/vmi.ts";
import { checkRecords, unitRecord, word } from "./backup_rig.ts";
import { round } from "./counter_guest.ts";
import { taskRuns } from "./journal_guest.ts";
import {
  CALL,
  type Code,
  imm,
  R0,
  R1,
  R2,
  R4,
  SHARED_DATA,
  taskData,
  taskGuest,
} from "./mini_guest.ts";
import {
  actions,
  checkFrames,
  core,
  guestWord,
  lines,
  miniLab,
  ofType,
  runUntil,
  vmWord,
} from "./monitor_rig.ts";

const STRATEGIES = BACKUP_STRATEGIES.filter((s) => s !== "off");

/** Counts in its own memory and in a word of the shared piece that is its own. */
const counter = (task: number) => (c: Code) =>
  c.label("l").increment(taskData(task)).increment(SHARED_DATA + 8 * task).swi(CALL.YIELD).b("l");

const counting = taskGuest({
  sharedPages: 2,
  tasks: [0, 1].map((i) => ({ name: `t${i}`, main: counter(i) })),
});

/** Unit record of a guest's shared piece. */
function sharedUnit(lab: Lab, vm: string): number {
  return unitRecord(lab, lab.vmRecord(vm), vmWord(lab, vm, VM.SHARED));
}

const AGAIN: LabOptions["policy"] = {
  task: [{ action: "swap", limit: 1000 }, { action: "stop" }],
  guest: [{ action: "swap", limit: 1000 }, { action: "stop" }],
  window: "1us",
  resume: "immediate",
};

Deno.test("loadImage() makes a unit of the shared piece, behind the tasks", core, () => {
  const image = loadImage(counting, "x.elf");
  assert.deepEqual(image.units.map((u) => u.kind), [
    UNIT_KIND.KERNEL,
    UNIT_KIND.COMMON,
    UNIT_KIND.TASK,
    UNIT_KIND.TASK,
    UNIT_KIND.TASK,
    UNIT_KIND.SHARED,
  ]);
  const page = { kind: PAGE_KIND.DATA, flags: PAGE_FLAG.WRITABLE };
  assert.deepEqual(image.units[5].pages, [
    { va: SHARED_DATA, ...page },
    { va: SHARED_DATA + PAGE, ...page },
  ]);
  assert.equal(loadImage(taskGuest({ tasks: [] }), "x.elf").units.at(-1)!.kind, UNIT_KIND.TASK);
});

Deno.test("tasks hand each other words in the shared piece", core, async () => {
  const image = taskGuest({
    sharedPages: 1,
    sharedData: Uint8Array.of(7, 0, 0, 0),
    tasks: [
      { name: "gives", main: (c) => c.increment(SHARED_DATA, 4).swi(CALL.COUNT).spin() },
      {
        name: "takes",
        main: (c) =>
          c.label("l").swi(CALL.YIELD).li(R1, SHARED_DATA).ldr(R0, R1).cmp(R0, imm(11)).b("l", "ne")
            .print(CALL.PRINT, "eleven\n").spin(),
      },
    ],
  });
  for (const backup of BACKUP_STRATEGIES) {
    using lab = await miniLab({ g: image, h: image }, { backup, cache: backup === "cow" });
    const events = lab.runAll({ for: "20ms" });
    for (const vm of ["g", "h"]) assert.deepEqual(lines(events, vm), ["eleven"], backup);
    assert.equal(ofType(events, "fault").length, 0);
  }
});

Deno.test("the shared piece is closed to other VMs, and where no page of it is", core, async () => {
  const neighbour = (address: number) =>
    taskGuest({
      sharedPages: 1,
      tasks: [{ name: "t", main: (c) => c.li(R1, address).str(R1, R1).spin() }],
    });
  const cases: [string, number, RegExp][] = [
    ["another VM's", slotMva(1, SHARED_DATA), /^(domain|translation)-/],
    ["past its end", SHARED_DATA + PAGE, /^translation-page$/],
    ["end of its megabyte", SHARED_DATA + 0xf_fffc, /^translation-page$/],
  ];
  for (const [what, address, fsr] of cases) {
    using lab = await miniLab({ g: counting, h: neighbour(address) }, {
      policy: { task: [{ action: "stop" }] },
    });
    const events = lab.runAll({ for: "20ms" });
    const [fault] = ofType(events, "fault");
    assert.deepEqual([fault?.vm, fault?.task, fault?.class], ["h", "t", "task"], what);
    assert.match(fault.fsr!, fsr, what);
    assert.deepEqual(actions(events, "h"), ["stop-task"], what);
    assert.ok(guestWord(lab, "g", SHARED_DATA) > 10, `${what}: the neighbour goes on`);
  }
});

Deno.test(
  "R4: a task's rollback leaves the shared piece, a guest's takes it along",
  core,
  async () => {
    for (const backup of STRATEGIES) {
      for (const cache of [false, true]) {
        const what = `${backup}, cache ${cache}`;
        // No cut falls due by itself: the one before the first instruction, and what is asked for.
        using lab = await miniLab({ g: counting }, { backup, cache, period: "1s", policy: AGAIN });
        lab.runAll({ for: "1ms" });
        const words = () => [0, 1].flatMap((i) => [taskData(i), SHARED_DATA + 8 * i]);
        const counts = () => words().map((va) => guestWord(lab, "g", va));
        assert.ok(runUntil(lab, () => counts().every((n) => n > 5), 20e6), what);
        lab.board.poke(lab.vmRecord("g") + VM.CUT_DUE, 1);
        const cuts = () => vmWord(lab, "g", VM.CHECKPOINTS);
        const before = cuts();
        assert.ok(runUntil(lab, () => cuts() > before, 40e6), what);
        const atCut = counts();
        const further = (n: number) => () => counts().every((now, i) => now > atCut[i] + n);
        assert.ok(runUntil(lab, further(10), 20e6), what);

        // A task fails: its own count is the checkpoint's, the shared one stays.
        assert.ok(runUntil(lab, () => taskRuns(lab, "g", 0), 20e6, 1_000), what);
        const [, shared0, own1, shared1] = counts();
        lab.board.cpu.pc = 0x01e0_0000;
        const swapped: string[] = [];
        lab.recorder.onEvent = (e) => {
          if (e.type !== "recovery" || swapped.push(e.action) > 1) return;
          const now = counts();
          assert.equal(now[0], atCut[0], `${what}: the task goes back`);
          assert.deepEqual(now.slice(1), [shared0, own1, shared1], `${what}: nothing else does`);
        };
        lab.runAll({ for: "1ms" });
        assert.deepEqual(swapped, ["swap-task"], what);

        // The guest fails: all is the cut's.
        assert.ok(runUntil(lab, further(20), 40e6), what);
        assert.ok(runUntil(lab, () => taskRuns(lab, "g", 1), 20e6, 1_000), what);
        swapped.length = 0;
        lab.recorder.onEvent = (e) => {
          if (e.type !== "recovery" || swapped.push(e.action) > 1) return;
          assert.deepEqual(counts(), atCut, `${what}: all goes back`);
        };
        // The kernel loses its way at the next call.
        lab.board.poke(lab.vmRecord("g") + VM.VECTORS, 0x01e0_0000);
        assert.ok(runUntil(lab, () => swapped.length > 0, 5e6), what);
        assert.equal(swapped[0], "swap-guest", what);
        lab.recorder.onEvent = undefined;
        assert.ok(runUntil(lab, further(0), 40e6), `${what}: it goes on`);
        checkRecords(lab, lab.vmRecord("g"));
        checkFrames(lab);
      }
    }
  },
);

Deno.test(
  "a first write to the shared piece in task mode is no error, by task or monitor",
  core,
  async () => {
    const image = taskGuest({
      sharedPages: 3,
      tasks: [{
        name: "t",
        main: (c) => {
          // The task writes the first page, the monitor for it the second; each once a tick.
          c.label("l").increment(SHARED_DATA);
          c.li(R0, SHARED_DATA + PAGE).mov(R1, imm(8)).li(R4, HC.CONSOLE_READ).swi(CALL.HYPER);
          c.swi(CALL.DELAY).b("l");
        },
      }],
    });
    for (const backup of ["dirty", "cow"] as const) {
      using lab = await miniLab({ g: image }, { backup, period: "2ms" });
      const copies = () => word(lab, sharedUnit(lab, "g") + UNIT.COPIES);
      lab.runAll({ for: "10ms" });
      const before = copies();
      for (let i = 0; i < 5; i++) {
        lab.send("g", "12345678");
        const events = lab.runAll({ for: "4ms" });
        assert.equal(ofType(events, "fault").length, 0, backup);
        assert.equal(guestWord(lab, "g", SHARED_DATA + PAGE), 0x3433_3231);
        checkRecords(lab, lab.vmRecord("g"));
      }
      const cuts = vmWord(lab, "g", VM.CHECKPOINTS);
      assert.ok(copies() >= before + 8, `${backup}: ${copies() - before} copies, ${cuts} cuts`);
      assert.ok(copies() <= 3 * cuts, `${backup}: ${copies()} copies for ${cuts} cuts`);
    }
  },
);

/**
 * Tasks that take turns at one count in all pages of the shared piece, and notice any that is not of the
 * same moment as their registers; every now and then one fails.
 */
const exact = taskGuest({
  // No tick, which would take the CPU from a task in the middle of a round.
  tickUs: 0,
  sharedPages: 4,
  tasks: [0, 1].map((task) => ({
    name: `t${task}`,
    main: (c: Code) => {
      c.label("loop").li(R1, SHARED_DATA).ldr(R4, R1);
      round(c, SHARED_DATA, 4).swi(CALL.YIELD);
      c.put(0xe52d_4004).mov(R4, imm(HC.TIME)).swi(CALL.HYPER).put(0xe49d_4004);
      c.li(R2, 0x1_ff80).op("tst", 0, R0, R2).b("loop", "ne").mov(R2, imm(0)).str(R2, R2);
      c.label("broken").print(CALL.PRINT, "broken\n").spin();
    },
  })),
});

Deno.test("the shared piece comes back whole with any number of free frames", core, async () => {
  for (const backup of STRATEGIES) {
    let swaps = 0;
    let most = 0;
    for (const leave of [0, 1, 3, 9, 30]) {
      // No call-back, and a journal: each error of a task takes the guest back (R3).
      using lab = await miniLab({ g: exact }, {
        backup,
        journal: "commit",
        period: "700us",
        slice: "1ms",
        policy: { guest: [{ action: "swap", limit: 1000 }, { action: "stop" }], window: "1us" },
      });
      lab.runAll({ for: "5ms" });
      const { frames } = lab.vmm;
      while (frames.free > leave) frames.take(FRAME_STATE.ACTIVE, 0, 0);
      const events = lab.runAll({ for: "8ms" });
      assert.deepEqual(lines(events, "g"), [], `${backup}, ${leave} frames`);
      swaps += actions(events, "g").filter((a) => a === "swap-guest").length;
      most = Math.max(most, guestWord(lab, "g", SHARED_DATA));
      checkRecords(lab, lab.vmRecord("g"));
      assert.equal(lab.stopped, false);
    }
    assert.ok(swaps > 3 && most > 100, `${backup}: ${swaps} swaps, count ${most}`);
  }
});
