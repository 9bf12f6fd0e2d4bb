/**
 * The pool of frames runs out: the oldest checkpoint goes first, then the unit is checkpointed anew,
 * then it goes on unprotected and says so. Nothing crashes, nothing is lost in silence.
 *
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { observedInTask } from "../core/contexts.ts";
import { BACKUP_STRATEGIES, type BackupStrategy, type Lab, type LabOptions } from "../core/lab.ts";
import { FRAME_STATE, GLOBAL, MAP, TASK_STATE, UNIT, UNIT_KIND, VM } from "../core/layout.ts";
import type { TraceEvent } from "../core/trace.ts";
import { slotMva } from "../core/vm.ts";
import { HC, PAGE, VM_STATE } from "../core/vmi.ts";
import { counters, round } from "./counter_guest.ts";
import {
  checkRecords,
  checkTlbs,
  checkUnprotected,
  copyUnit,
  cutsOf,
  difference,
  ringOf,
  unitRecord,
  word,
} from "./backup_rig.ts";
import {
  type Code,
  imm,
  KERNEL_DATA,
  plainGuest,
  R0,
  R4,
  taskData,
  taskGuest,
} from "./mini_guest.ts";
import { checkFrames, core, lines, miniLab, ofType, runUntil } from "./monitor_rig.ts";

const STRATEGIES = BACKUP_STRATEGIES.filter((s) => s !== "off");
const PAGES = 5;

const OPTIONS: Partial<LabOptions> = {
  journal: "off",
  period: "1ms",
  slice: "1ms",
  policy: {
    // Who has no standby starts anew, if there are frames for that.
    task: [{ action: "swap", limit: 1000 }, { action: "restart", limit: 1000 }, { action: "stop" }],
    guest: [{ action: "swap", limit: 1000 }, { action: "restart", limit: 1000 }, {
      action: "stop",
    }],
    window: "1us",
    resume: "immediate",
  },
};

/** Takes frames out of the pool until `leave` are free. */
function squeeze(lab: Lab, leave: number, held: number[]): void {
  const { frames } = lab.vmm;
  while (frames.free > leave) held.push(frames.take(FRAME_STATE.ACTIVE, 0, 0));
  while (frames.free < leave && held.length > 0) frames.give(held.pop()!);
}

/** What a guest has said about its protection, from its events. */
class Told {
  /** Guest and tasks that said that they have no standby, and have not got one since. */
  readonly bare = new Set<string>();
  /** When they last did. */
  readonly #said = new Map<string, number>();

  hear(events: readonly TraceEvent[]): void {
    for (const e of events) {
      if (e.type === "unprotected") {
        const key = `${e.vm} ${e.task ?? ""}`;
        const before = this.#said.get(key) ?? -Infinity;
        assert.ok(e.t - before > 10_000, `${key} says it at ${before} and at ${e.t} ns`);
        // A guest says it once, until it has a cut again or starts anew.
        if (e.task === undefined) {
          assert.ok(!this.bare.has(key), `${key} says it again at ${e.t} ns`);
        }
        this.#said.set(key, e.t);
        this.bare.add(key);
      }
      if (e.type === "recovery" && e.action === "restart-guest") this.bare.delete(`${e.vm} `);
      if (e.type !== "checkpoint") continue;
      if (e.task !== undefined) this.bare.delete(`${e.vm} ${e.task}`);
      // A cut covers the tasks, too.
      else for (const key of this.bare) if (key.startsWith(`${e.vm} `)) this.bare.delete(key);
    }
  }
}

/** Guest and tasks that live and have no checkpoint to go back to. */
function bare(lab: Lab, vm: string): string[] {
  const record = lab.vmRecord(vm);
  const { backup } = lab.vmm;
  const state = word(lab, record + VM.STATE);
  if (state !== VM_STATE.RUNNING && state !== VM_STATE.WAITING) return [];
  const found = backup.guestGenerations(record) === 0 ? [`${vm} `] : [];
  for (let i = 0; i < word(lab, record + VM.UNIT_COUNT); i++) {
    const unit = unitRecord(lab, record, i);
    if (word(lab, unit + UNIT.KIND) !== UNIT_KIND.TASK) continue;
    if (word(lab, unit + UNIT.STATE) !== TASK_STATE.CREATED) continue;
    if (backup.taskGenerations(unit) === 0) found.push(`${vm} ${text(lab, unit + UNIT.NAME)}`);
  }
  return found;
}

function text(lab: Lab, address: number): string {
  let name = "";
  for (let i = 0; lab.board.peek(address + i, 1) !== 0; i++) {
    name += String.fromCharCode(lab.board.peek(address + i, 1));
  }
  return name;
}

for (const backup of STRATEGIES) {
  Deno.test(`Backup lives with any number of free frames, "${backup}"`, core, async () => {
    let unprotected = 0;
    let swaps = 0;
    let renewals = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.array(
          fc.record({
            leave: fc.oneof(
              { weight: 5, arbitrary: fc.nat(12) },
              { weight: 1, arbitrary: fc.nat(80) },
              { weight: 1, arbitrary: fc.constant(500) },
            ),
            ns: fc.integer({ min: 10_000, max: 2_500_000 }),
          }),
          { minLength: 12, maxLength: 12 },
        ),
        async (generations, steps) => {
          using lab = await miniLab({ g: counters({ tasks: 3, pages: PAGES, faults: 0xff0 }) }, {
            ...OPTIONS,
            period: backup === "full" ? "2ms" : "1ms",
            backup,
            generations,
          });
          // Counts the checkpoints taken between two instructions of a guest.
          const { backup: b } = lab.vmm;
          const firstWrite = b.firstWrite.bind(b);
          b.firstWrite = (vm, va, save) =>
            firstWrite(vm, va, save === undefined ? undefined : () => (renewals++, save()));
          const told = new Told();
          const held: number[] = [];
          told.hear(lab.runAll({ for: "2ms" }));
          const step = (ns: number) => {
            const events = lab.runAll({ for: ns });
            told.hear(events);
            assert.equal(lab.stopped, false);
            assert.deepEqual(lines(events, "g"), [], "memory and registers fit together");
            checkRecords(lab, lab.vmRecord("g"));
            checkTlbs(lab, lab.vmRecord("g"));
            for (let i = 0; i < word(lab, lab.vmRecord("g") + VM.UNIT_COUNT); i++) {
              const unit = unitRecord(lab, lab.vmRecord("g"), i);
              if (word(lab, unit + UNIT.UNPROTECTED) !== 0) checkUnprotected(lab, unit);
            }
            for (const who of bare(lab, "g")) assert.ok(told.bare.has(who), `${who}: not told`);
            unprotected += ofType(events, "unprotected").length;
            swaps += ofType(events, "recovery").filter((e) => e.action.startsWith("swap")).length;
          };
          for (const { leave, ns } of steps) {
            squeeze(lab, leave, held);
            step(ns);
          }
          // The frames come back, and so does the protection.
          squeeze(lab, Infinity, held);
          step(4_000_000);
          assert.deepEqual(bare(lab, "g"), []);
          checkFrames(lab);
        },
      ),
      { numRuns: backup === "full" ? 20 : 8, seed: 4 },
    );
    assert.ok(unprotected > (backup === "full" ? 0 : 3), `${unprotected} times unprotected`);
    assert.ok(swaps > 20, `${swaps} swaps`);
    if (backup !== "full") assert.ok(renewals > 1, `${renewals} renewals`);
  });
}

Deno.test("an older checkpoint comes back whole under a cut, whatever is free", core, async () => {
  for (const backup of STRATEGIES) {
    for (const leave of [0, 1, 2, 5]) {
      const options = { ...OPTIONS, backup, generations: 3, period: "1s" };
      using lab = await miniLab({ g: still }, options);
      const { vmm } = lab;
      assert.ok(runUntil(lab, () => inTask(lab), 20e6, 50_000));
      const vm = lab.vmRecord("g");
      const unit = unitRecord(lab, vm, 2);
      vmm.domains.open(vm, unit);
      vmm.port.setDacr(word(lab, unit + UNIT.DACR_KERNEL));
      const fill = (value: number) => {
        for (let page = 0; page < 8; page++) {
          const mva = slotMva(1, taskData(0) + page * PAGE);
          assert.ok(vmm.port.writeUser(mva, 4, value + page));
        }
      };
      // What the task held at its checkpoint; other bytes, and a cut; then others again.
      fill(100);
      assert.ok(vmm.backup.checkpointTask(vm, unit));
      const wanted = copyUnit(lab, unit);
      fill(200);
      assert.ok(vmm.backup.cut(vm, true));
      for (let page = 0; page < 3; page++) {
        vmm.port.writeUser(slotMva(1, taskData(0) + page * PAGE), 4, 300);
      }
      const held: number[] = [];
      squeeze(lab, leave, held);
      assert.ok(vmm.backup.swapTask(vm, unit, 1) !== undefined);
      assert.equal(difference(lab, unit, copyUnit(lab, unit), wanted), "", `${backup}, ${leave}`);
      checkRecords(lab, vm);
      checkTlbs(lab, vm);
      squeeze(lab, Infinity, held);
      checkFrames(lab);
    }
  }
});

Deno.test("Backup.forgetTask() voids the checkpoints of one task", core, async () => {
  for (const backup of STRATEGIES) {
    using lab = await miniLab({ g: still }, { ...OPTIONS, backup, period: "1s" });
    assert.ok(runUntil(lab, () => inTask(lab), 20e6, 50_000));
    const vm = lab.vmRecord("g");
    const units = Array.from({ length: 4 }, (_, i) => unitRecord(lab, vm, i));
    const [, , unit] = units;
    assert.ok(lab.vmm.backup.checkpointTask(vm, unit));
    assert.notEqual(word(lab, unit + UNIT.TARGET), 0);
    assert.ok(lab.vmm.backup.taskGenerations(unit) > 0);
    const others = () =>
      units.filter((u) => u !== unit).map((u) => lab.board.debugRead(u, UNIT.SIZE).join());
    const before = others();
    lab.vmm.backup.forgetTask(vm, unit);
    assert.equal(word(lab, unit + UNIT.TARGET), 0);
    assert.equal(lab.vmm.backup.taskGenerations(unit), 0);
    assert.deepEqual(others(), before, "the other units");
  }
});

/** The guest that a test drives runs one of its tasks. */
function inTask(lab: Lab): boolean {
  const vm = word(lab, MAP.VM_TABLE + 4);
  return vm !== 0 && word(lab, MAP.GLOBAL + GLOBAL.CURRENT) === vm &&
    observedInTask(lab.board, vm);
}

/** A guest that stands still in its first task, which has eight pages of data. */
const still = taskGuest({
  tickUs: 0,
  tasks: [0, 1].map((i) => ({ name: `t${i}`, dataPages: 8, main: (c: Code) => c.spin() })),
});

Deno.test("Backup gives up the oldest first when the pool is empty", core, async () => {
  for (const backup of ["dirty", "cow"] as BackupStrategy[]) {
    const options = { ...OPTIONS, backup, generations: 3, period: "1s" };
    using lab = await miniLab({ g: still }, options);
    const { vmm } = lab;
    assert.ok(runUntil(lab, () => inTask(lab), 20e6, 50_000));
    const vm = lab.vmRecord("g");
    const unit = unitRecord(lab, vm, 2);
    vmm.domains.open(vm, unit);
    vmm.port.setDacr(word(lab, unit + UNIT.DACR_KERNEL));
    const steps: string[] = [];
    const write = (page: number) => {
      const data = taskData(0) + page * PAGE;
      if (vmm.backup.firstWrite(vm, data, () => steps.push("renew"))) steps.push(`write ${page}`);
    };
    // Three cuts, and three checkpoints of the task; the first page is written after each.
    for (let i = 0; i < 6; i++) {
      if (i % 2 === 0) vmm.backup.cut(vm, true);
      else vmm.backup.checkpointTask(vm, unit);
      write(0);
    }
    assert.deepEqual([cutsOf(lab, vm).length, ringOf(lab, unit).length], [3, 3]);
    const newest = word(lab, unit + UNIT.TARGET);
    const { generations } = vmm.backup;
    const { forgetCut, dropOldest } = generations;
    generations.forgetCut = (...args) => (steps.push("cut"), forgetCut.apply(generations, args));
    generations.dropOldest = (...args) => (steps.push("own"), dropOldest.apply(generations, args));
    lab.recorder.onEvent = (e) => steps.push(`${e.type} ${"task" in e ? e.task : "guest"}`);
    steps.length = 0;
    const held: number[] = [];
    squeeze(lab, 0, held);

    // The first page's versions are all that can come free.
    for (let page = 1; page < 8; page++) {
      write(page);
      squeeze(lab, 0, held);
      checkRecords(lab, vm);
      if (steps.includes("renew")) break;
      assert.equal(word(lab, unit + UNIT.TARGET), newest, "its newest checkpoint is kept");
    }
    const given = steps.filter((s) => !s.startsWith("write"));
    assert.deepEqual(given.slice(0, 5), ["cut", "cut", "own", "own", "renew"], backup);
    if (backup === "cow") {
      // A checkpoint of now, which copies nothing, takes the place of what is left.
      assert.deepEqual(given.slice(5), ["checkpoint t0", "own"]);
    } else {
      // The checkpoint would have to copy more pages than there are frames, whatever is given up.
      assert.deepEqual(given.slice(5), ["own", "cut", "unprotected guest", "unprotected t0"]);
      continue;
    }
    assert.deepEqual([cutsOf(lab, vm).length, ringOf(lab, unit).length], [1, 1]);
    assert.ok(word(lab, unit + UNIT.TARGET) > newest);

    // From now on the frame of one page does: checkpoint follows checkpoint, the cut goes.
    steps.length = 0;
    for (let page = 0; page < 8; page++) {
      write(page);
      squeeze(lab, 0, held);
      checkRecords(lab, vm);
    }
    assert.equal(steps.filter((s) => s === "checkpoint t0").length, 8);
    assert.deepEqual(steps.filter((s) => s.startsWith("unprotected")), ["unprotected guest"]);
    assert.equal(vmm.backup.taskGenerations(unit) > 0, true);

    // Not even that one: the task goes on without a standby, and says so.
    for (let i = 0; i < 4; i++) vmm.backup.checkpointTask(vm, unit);
    squeeze(lab, 0, held);
    steps.length = 0;
    write(1);
    assert.deepEqual(steps.filter((s) => s.startsWith("unprotected")), ["unprotected t0"]);
    assert.equal(word(lab, unit + UNIT.UNPROTECTED), 1);
    assert.equal(vmm.backup.taskGenerations(unit), 0);
    assert.ok(vmm.port.writeUser(slotMva(1, taskData(0)), 4, 1), "every page may be written");

    // With frames it is protected by its next checkpoint.
    squeeze(lab, Infinity, held);
    assert.ok(vmm.backup.checkpointTask(vm, unit));
    write(2);
    assert.equal(word(lab, unit + UNIT.UNPROTECTED), 0);
    assert.equal(vmm.backup.taskGenerations(unit), 1);
    checkRecords(lab, vm);
    checkFrames(lab);
  }
});

Deno.test("Backup renews a guest without tasks by a cut", core, async () => {
  const image = plainGuest({
    dataPages: PAGES,
    main: (c) => {
      c.mov(R4, imm(0)).label("loop");
      round(c, KERNEL_DATA, PAGES).swi(HC.TIME).op("tst", 0, R0, imm(0x1e0)).b("loop", "ne");
      c.mov(R0, imm(0)).str(R0, R0);
      c.label("broken").print(HC.CONSOLE_WRITE, "broken\n").spin();
    },
  });
  using lab = await miniLab({ g: image }, { ...OPTIONS, backup: "cow", generations: 1 });
  const held: number[] = [];
  const events = lab.runAll({ for: "2ms" });
  // One frame: a first write finds nothing but what the cut before has left.
  for (let i = 0; i < 80; i++) {
    squeeze(lab, 1, held);
    events.push(...lab.runAll({ for: "100us" }));
  }
  const cuts = ofType(events, "checkpoint", "g").length;
  assert.ok(cuts > 50, `${cuts} cuts between two writes`);
  assert.ok(ofType(events, "recovery", "g").length > 3, "and returns to some");
  assert.deepEqual(ofType(events, "unprotected"), []);
  assert.deepEqual(lines(events, "g"), []);
  assert.equal(lab.stopped, false);
});
