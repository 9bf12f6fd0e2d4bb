/**
 * Maintenance of TLBs, caches and write buffer: how much each operation of a running monitor does,
 * and that it is right on virtually tagged caches.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { MmuCounters } from "../core/mmu_counters.ts";
import { BACKUP_STRATEGIES, type BackupStrategy, type Lab, type LabOptions } from "../core/lab.ts";
import { GLOBAL, MAP, UNIT, VM } from "../core/layout.ts";
import { type Maintenance, maintenanceSince } from "../core/maintenance.ts";
import type { TraceEvent } from "../core/trace.ts";
import { slotMva } from "../core/vm.ts";
import { HC, PAGE } from "../core/vmi.ts";
import { counters, RUNGS } from "./counter_guest.ts";
import { unitRecord, word, writablePages } from "./backup_rig.ts";
import { CALL, type Code, imm, R0, R1, R4, taskData, taskGuest } from "./mini_guest.ts";
import { actions, core, demoLab, lines, miniLab, ofType } from "./monitor_rig.ts";

const STRATEGIES = BACKUP_STRATEGIES.filter((s) => s !== "off");

// --- how much --------------------------------------------------------------------------------------

/** What one entry of the monitor did. */
interface Entry {
  /** Its events. */
  events: TraceEvent[];
  /** What it did to TLBs, caches and write buffer. */
  done: Maintenance;
  /** Domains given away. */
  epochs: number;
}

/** Runs and keeps each entry of the monitor apart. */
function entries(lab: Lab, ns: number): Entry[] {
  const { board, vmm, recorder } = lab;
  const found: Entry[] = [];
  const trap = board.onTrap!;
  const epoch = () => word(lab, MAP.GLOBAL + GLOBAL.DOMAIN_EPOCH);
  let events: TraceEvent[] = [];
  recorder.onEvent = (event) => events.push(event);
  board.onTrap = (vector) => {
    const before = { ...vmm.port.maintenance };
    const epochs = epoch();
    events = [];
    trap(vector);
    const done = maintenanceSince(before, vmm.port.maintenance).maintenance ?? {};
    found.push({ events, done, epochs: epoch() - epochs });
  };
  lab.runAll({ for: ns });
  board.onTrap = trap;
  recorder.onEvent = undefined;
  return found;
}

/** The counters of the MMU as the monitor counts, as far as they can be told apart. */
function counted(c: MmuCounters): Maintenance {
  return {
    dTlbAll: c.c8.INVALIDATE_D,
    dTlbOne: c.c8.INVALIDATE_D_ENTRY,
    iTlbAll: c.c8.INVALIDATE_I,
    iTlbOne: c.c8.INVALIDATE_I_ENTRY,
    drain: c.c7.DRAIN,
    dCacheLine: c.c7.INVALIDATE_D_LINE + c.c7.CLEAN_INVALIDATE_LINE,
    iCacheLine: c.c7.INVALIDATE_I_LINE,
    iCacheAll: c.c7.INVALIDATE_I,
    dCacheIndex: c.c7.CLEAN_INVALIDATE_INDEX,
  };
}

/** `tasks` tasks that write to `pages` pages each turn. */
function writers(tasks: number, pages: number): Uint8Array {
  return taskGuest({
    tasks: Array.from({ length: tasks }, (_, t) => ({
      name: `t${t}`,
      dataPages: pages,
      main: (c: Code) => {
        c.label("l");
        for (let i = 0; i < pages; i++) c.increment(taskData(t) + i * PAGE);
        c.swi(CALL.YIELD).b("l");
      },
    })),
  });
}

Deno.test("Port.maintenance counts what the MMU was asked to do", core, async () => {
  for (const backup of STRATEGIES) {
    using lab = await miniLab({ a: writers(12, 2), b: writers(3, 2) }, { backup, period: "2ms" });
    // At its start the monitor invalidates everything, without a port.
    const { c7, c8 } = lab.board.mmu.counters;
    assert.deepEqual([c7.INVALIDATE, c8.INVALIDATE], [1, 1]);
    lab.runAll({ for: "20ms" });
    assert.deepEqual(counted(lab.board.mmu.counters), lab.vmm.port.maintenance, backup);
    assert.deepEqual([c7.INVALIDATE_D, c7.CLEAN_INDEX, c7.CLEAN_LINE], [0, 0, 0], "never needed");
  }
});

Deno.test("a switch between resident units owes nothing", core, async () => {
  for (const backup of ["off", "cow"] as const) {
    const options = { slice: "1ms", period: "1s", backup };
    using lab = await miniLab({ a: writers(2, 1), b: writers(2, 1) }, options);
    lab.runAll({ for: "5ms" });
    const found = entries(lab, 20e6);
    for (const type of ["switch-task", "switch-vm"]) {
      const switches = found.filter((e) => e.events.some((event) => event.type === type));
      assert.ok(switches.length > 10, `${switches.length} ${type}`);
      for (const { events, done } of switches) assert.deepEqual(done, {}, JSON.stringify(events));
    }
    // Nor does a kernel call that only comes and goes, or an interrupt.
    if (backup === "off") assert.ok(found.every((e) => Object.keys(e.done).length === 0));
  }
});

Deno.test("a domain given to another unit owes a drain and both TLBs", core, async () => {
  using lab = await miniLab({ a: writers(20, 1) }, { backup: "off" });
  lab.runAll({ for: "5ms" });
  const found = entries(lab, 5e6);
  const recycled = found.filter((e) => e.epochs > 0);
  assert.ok(recycled.length > 100, `${recycled.length} times`);
  for (const { done, epochs } of recycled) {
    assert.deepEqual([epochs, done], [1, { dTlbAll: 1, iTlbAll: 1, drain: 1 }]);
  }
  assert.ok(found.every((e) => e.epochs > 0 || Object.keys(e.done).length === 0));
});

/** Sums counts up. */
function sum(all: readonly (Maintenance | undefined)[]): Maintenance {
  const total: Maintenance = {};
  for (const counts of all) {
    for (const [key, n] of Object.entries(counts ?? {}) as [keyof Maintenance, number][]) {
      total[key] = (total[key] ?? 0) + n;
    }
  }
  return total;
}

/** What a checkpoint may do: nothing for a clean unit, otherwise one exchange of tables. */
const CHECKPOINT: Readonly<Record<string, Maintenance>> = {
  full: { drain: 1 },
  dirty: { dTlbAll: 1, drain: 1 },
  cow: { dTlbAll: 1, drain: 1 },
};

for (const backup of STRATEGIES) {
  Deno.test(`checkpoints and first writes of running tasks, "${backup}"`, core, async () => {
    const options = { backup, period: "3ms", slice: "1ms" };
    using lab = await miniLab({ a: writers(3, 2), b: writers(1, 3) }, options);
    lab.runAll({ for: "5ms" });
    const found = entries(lab, 24e6).filter((e) => e.epochs === 0);
    let tasks = 0;
    let cuts = 0;
    let first = 0;
    for (const { events, done } of found) {
      const taken = ofType(events, "checkpoint");
      if (taken.length === 0) {
        // What else a running guest costs is the opening of a page at its first write.
        if (Object.keys(done).length === 0) continue;
        assert.deepEqual(done, { dTlbOne: 1, drain: 1 });
        first++;
        continue;
      }
      // A cut that fell due inside the kernel comes after the task's checkpoint, at its exit.
      assert.deepEqual(sum(taken.map((e) => e.maintenance)), done, "its events tell all of it");
      for (const { task, maintenance } of taken) {
        if (task === undefined) continue;
        assert.deepEqual(maintenance, CHECKPOINT[backup], `of task ${task}`);
        tasks++;
      }
      const cut = taken.find(({ task }) => task === undefined);
      if (cut === undefined) continue;
      cuts++;
      const { dCacheLine = 0, iCacheLine = 0, drain = 0, dTlbAll = 0, ...rest } = cut.maintenance ??
        {};
      assert.deepEqual(rest, {}, "nothing for instructions, no frame has changed");
      assert.equal(iCacheLine, dCacheLine);
      // Pages that are copied while their domain is closed are cleaned first, and only those.
      assert.equal(dCacheLine % 128, 0);
      if (backup === "cow") assert.equal(dCacheLine, 0);
      if (backup === "full") assert.equal(dTlbAll, 0);
      else assert.equal(drain, dTlbAll, "for each unit that was written to");
    }
    assert.ok(tasks >= 5 && cuts >= 5, `${tasks} of tasks, ${cuts} cuts`);
    assert.equal(first > 0, backup !== "full");
  });
}

/** A task that writes to `pages` pages and then faults; `kernel`: its kernel does. */
function faulty(pages: number, kernel: boolean): Uint8Array {
  return taskGuest({
    tasks: [{
      name: "bad",
      dataPages: pages,
      main: (c) => {
        for (let i = 0; i < pages; i++) c.increment(taskData(0) + i * PAGE);
        c.swi(CALL.DELAY);
        for (let i = 0; i < pages; i++) c.increment(taskData(0) + i * PAGE);
        if (kernel) c.swi(CALL.JUMP, "crash").label("crash");
        c.mov(R0, imm(0)).str(R0, R0);
      },
    }],
  });
}

/** The first recovery of a guest. */
async function recovered(
  pages: number,
  kernel: boolean,
  options: Partial<LabOptions>,
): Promise<{ lab: Lab; action: string; done: Maintenance }> {
  const lab = await miniLab({ g: faulty(pages, kernel) }, { ...options, journal: "off" });
  const all = entries(lab, 12e6);
  const found = all.filter((e) => ofType(e.events, "recovery", "g").length > 0);
  const [{ action, maintenance }] = ofType(found[0].events, "recovery", "g");
  assert.deepEqual(maintenance, found[0].done, "its event tells what it did, all of it");
  return { lab, action, done: found[0].done };
}

Deno.test(
  "a swap of a task throws away the lines and entries of the pages it moves",
  core,
  async () => {
    for (const backup of ["dirty", "cow"] as BackupStrategy[]) {
      for (const pages of [1, 8, 11, 12, 13]) {
        const { lab, action, done } = await recovered(pages, false, { backup, period: 0 });
        using _ = lab;
        assert.equal(action, "swap-task");
        // Master entry and table words; old frames; repair of the tables (sections 4 and 5).
        const drain = 3;
        const few = {
          dTlbOne: pages,
          iTlbOne: pages,
          drain,
          dCacheLine: 128 * pages,
          iCacheLine: 128 * pages,
        };
        const many = { dTlbAll: 1, iTlbAll: 1, drain, iCacheAll: 1, dCacheIndex: 512 };
        assert.deepEqual(done, pages <= 12 ? few : many, `${backup}, ${pages} pages`);
      }
    }
  },
);

Deno.test("a swap of a guest maintains all its units together", core, async () => {
  for (const pages of [1, 5, 13]) {
    const { lab, action, done } = await recovered(pages, true, { backup: "cow", period: 0 });
    using _ = lab;
    assert.equal(action, "swap-guest");
    const units = word(lab, lab.vmRecord("g") + VM.UNIT_COUNT);
    // For each unit its words and its repair, and once for all the old frames.
    const drain = 2 * units + 1;
    const { dTlbOne = 0, dCacheLine, ...rest } = done;
    if (pages + 2 > 12) {
      assert.deepEqual(done, { dTlbAll: 1, iTlbAll: 1, drain, iCacheAll: 1, dCacheIndex: 512 });
      continue;
    }
    // The task's pages, and those that its kernel has written since.
    assert.ok(dTlbOne >= pages && dTlbOne <= pages + 2, `${dTlbOne} pages`);
    assert.equal(dCacheLine, 128 * dTlbOne);
    assert.deepEqual(rest, { iTlbOne: dTlbOne, drain, iCacheLine: 128 * dTlbOne });
  }
});

Deno.test("a restart replaces every page of a task, its text too", core, async () => {
  const policy = { task: [{ action: "restart" }, { action: "stop" }] } as const;
  for (const pages of [1, 13]) {
    const { lab, action, done } = await recovered(pages, false, { backup: "cow", policy });
    using _ = lab;
    assert.equal(action, "restart-task");
    const unit = unitRecord(lab, lab.vmRecord("g"), 2);
    const all = word(lab, unit + UNIT.PAGE_COUNT);
    assert.ok(all > writablePages(lab, unit).length, "text is replaced, too");
    // The stack was clean: its old frame serves the newest cut, with what the cache held of it.
    const kept = writablePages(lab, unit).length - pages;
    const { drain = 0, dTlbAll = 0, ...rest } = done;
    assert.equal(drain, 3, "tables, old frames, checkpoint");
    if (all <= 12) {
      assert.equal(dTlbAll, 1, "its checkpoint");
      assert.deepEqual(rest, {
        dTlbOne: all,
        iTlbOne: all,
        dCacheLine: 128 * (all + kept),
        iCacheLine: 128 * (all + kept),
      });
    } else {
      assert.equal(dTlbAll, 2, "its checkpoint, too");
      assert.deepEqual(rest, {
        iTlbAll: 1,
        dCacheLine: 128 * kept,
        iCacheLine: 128 * kept,
        iCacheAll: 1,
        dCacheIndex: 512,
      });
    }
  }
});

// --- right on virtually tagged caches ------------------------------------------------------------------

/** What may not differ with the cache model: timing does not depend on it. */
function outcome(lab: Lab): unknown {
  const { cycles, instructions, hash, vms } = lab.summary();
  return { cycles, instructions, hash, vms };
}

Deno.test("the cache model changes nothing: the demonstration", core, async () => {
  for (const backup of BACKUP_STRATEGIES) {
    const seen: unknown[] = [];
    for (const cache of [false, true]) {
      using lab = await demoLab(["ucos-1", "ucos-2", "ucos-3"], { backup, cache });
      const events = lab.runAll({ for: "420ms" });
      const recoveries = ofType(events, "recovery").length;
      assert.ok(recoveries > 0, backup);
      seen.push([outcome(lab), events]);
    }
    assert.deepEqual(seen[1], seen[0], backup);
  }
});

const COUNTERS: Partial<LabOptions> = {
  journal: "off",
  period: "1ms",
  slice: "1ms",
  policy: RUNGS,
};

/** Counting tasks that fault often. */
const counting = (pages: number) => counters({ tasks: 3, pages, faults: 0x1f0 });

Deno.test("the cache model changes nothing: rollbacks of every kind", core, async () => {
  const kinds = new Set<string>();
  for (const backup of STRATEGIES) {
    for (const pages of backup === "cow" ? [3, 12] : [9]) {
      const seen: unknown[] = [];
      for (const cache of [false, true]) {
        const options = { ...COUNTERS, backup, cache, period: backup === "full" ? "2ms" : "1ms" };
        using lab = await miniLab({ g: counting(pages), h: counting(1) }, options);
        const events = lab.runAll({ for: "40ms" });
        for (const vm of ["g", "h"]) {
          assert.deepEqual(lines(events, vm), [], `${backup}: memory and registers fit together`);
          for (const action of actions(events, vm)) kinds.add(action);
        }
        seen.push([outcome(lab), events]);
      }
      assert.deepEqual(seen[1], seen[0], backup);
    }
  }
  for (const kind of ["swap-task", "swap-guest", "restart-task"]) {
    assert.ok(kinds.has(kind), `${kind}: ${[...kinds]}`);
  }
});

Deno.test("a swap needs its cache maintenance: without it counts break", core, async () => {
  for (const backup of STRATEGIES) {
    for (const pages of backup === "cow" ? [3, 12] : [3]) {
      const broken: boolean[] = [];
      for (const [cache, omit] of [[true, false], [true, true], [false, true]]) {
        const period = backup === "full" || pages > 3 ? "3ms" : "1ms";
        const options = { ...COUNTERS, backup, cache, period };
        using lab = await miniLab({ g: counting(pages) }, options);
        lab.vmm.backup.omitCacheMaintenance = omit;
        broken.push(lines(lab.runAll({ for: "25ms" }), "g").includes("broken"));
      }
      // Nobody notices the omission on a machine without caches.
      assert.deepEqual(broken, [false, true, false], `${backup}, ${pages} pages`);
    }
  }
});

Deno.test("a replaced page keeps what the cache held of it", core, async () => {
  // The task's word is dirty in the cache when a cut is taken; then the task is restarted, and then
  // the guest is rolled back to that cut: the word is there again.
  const image = taskGuest({
    tasks: [{
      name: "t",
      main: (c) => {
        // Reading it first brings the line into the cache; writes alone would not.
        c.increment(taskData(0), 7).mov(R4, imm(HC.CHECKPOINT)).op("mvn", R0, 0, imm(0));
        c.swi(CALL.HYPER).swi(CALL.DELAY).swi(CALL.DELAY);
        c.li(R1, taskData(0)).ldr(R0, R1).cmp(R0, imm(7)).b("wrong", "ne");
        // The kernel's count is rolled back with the guest; the console is not.
        c.print(CALL.PRINT, "seven\n").mov(R0, imm(0)).str(R0, R0);
        c.label("wrong").print(CALL.PRINT, "lost\n").spin();
      },
    }, { name: "other", main: (c) => c.label("l").swi(CALL.DELAY).b("l") }],
  });
  for (const backup of STRATEGIES) {
    for (const cache of [false, true]) {
      const options = { backup, cache, period: "1s", journal: "off", generations: 1 } as const;
      using lab = await miniLab({ g: image }, options);
      const cut = () => ofType(lab.runAll({ for: "20us" }), "checkpoint", "g");
      while (!cut().some((e) => e.task === undefined && e.seq > 1)) assert.ok(lab.time < 20e6);
      const vm = lab.vmRecord("g");
      const unit = unitRecord(lab, vm, 2);
      const { vmm } = lab;
      vmm.domains.open(vm, unit);
      assert.ok(vmm.recovery.reloadUnit(vm, unit));
      vmm.port.setDacr(word(lab, unitRecord(lab, vm, 0) + UNIT.DACR_KERNEL));
      const seven = lab.board.peek(activeOf(lab, unit), 4);
      assert.equal(seven, 0, "restarted from its image");
      assert.ok(vmm.backup.swapGuest(vm, 0));
      assert.equal(lab.board.peek(activeOf(lab, unit), 4), 7, `${backup}, cache ${cache}`);
    }
  }
});

/** Physical address of the first writable page of a unit, its data. */
function activeOf(lab: Lab, unit: number): number {
  return word(lab, writablePages(lab, unit)[0].record + 4);
}

Deno.test("bytes that a rollback writes back leave no old instructions", core, async () => {
  const image = taskGuest({ tickUs: 0, tasks: [{ name: "t", main: (c) => c.spin() }] });
  for (const backup of STRATEGIES) {
    for (const omit of [false, true]) {
      using lab = await miniLab({ g: image }, { backup, cache: true, period: "1s" });
      lab.runAll({ for: "3ms" });
      const vm = lab.vmRecord("g");
      const unit = unitRecord(lab, vm, 2);
      const { backup: b, port, domains } = lab.vmm;
      const mva = slotMva(1, taskData(0));
      domains.open(vm, unit);
      port.setDacr(word(lab, unit + UNIT.DACR_KERNEL));
      assert.equal(word(lab, MAP.GLOBAL + GLOBAL.CURRENT), vm);
      // A checkpoint, other bytes, and a cut, under which the checkpoint comes back.
      port.writeUser(mva, 4, 1);
      b.checkpointTask(vm, unit);
      port.writeUser(mva, 4, 2);
      b.cut(vm, true);
      const icache = lab.board.mmu.icache!;
      icache.fill(mva, activeOf(lab, unit));
      b.omitCacheMaintenance = omit;
      assert.ok(b.swapTask(vm, unit, 1));
      assert.equal(lab.board.peek(activeOf(lab, unit), 4), 1);
      assert.equal(icache.find(mva) >= 0, omit, "an instruction line of what was there");
    }
  }
});
