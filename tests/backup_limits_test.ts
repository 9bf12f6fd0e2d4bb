import assert from "node:assert/strict";
import { observedInTask } from "../core/contexts.ts";
import { BACKUP_STRATEGIES, type BackupStrategy, type Lab } from "../core/lab.ts";
import { frameRecord } from "../core/frames.ts";
import { FRAME, GLOBAL, MAP, PAGE_REC, UNIT } from "../core/layout.ts";
import { type MaintenanceCounts, noMaintenance } from "../core/maintenance.ts";
import { slotMva } from "../core/vm.ts";
import { HC, PAGE } from "../core/vmi.ts";
import { ringOf, unitRecord, word, writablePages } from "./backup_rig.ts";
import { CALL, type Code, imm, R0, R1, R4, taskData, taskGuest } from "./mini_guest.ts";
import {
  actions,
  checkFrames,
  core,
  emptyTlbs,
  guestWord,
  lines,
  miniLab,
  ofType,
  runUntil,
} from "./monitor_rig.ts";

const STRATEGIES = BACKUP_STRATEGIES.filter((s) => s !== "off");
/** Pages of data of each task of the guest below. */
const PAGES = 14;

const still = taskGuest({
  tickUs: 0,
  tasks: [0, 1].map((i) => ({ name: `t${i}`, dataPages: PAGES, main: (c: Code) => c.spin() })),
});

/** A laboratory whose guest stands still in its first task; the monitor is driven by hand. */
async function stillLab(backup: BackupStrategy, generations = 2): Promise<Lab> {
  const lab = await miniLab({ g: still }, { backup, generations, period: "1s" });
  const current = () => {
    const vm = word(lab, MAP.VM_TABLE + 4);
    return vm !== 0 && word(lab, MAP.GLOBAL + GLOBAL.CURRENT) === vm &&
      observedInTask(lab.board, vm);
  };
  assert.ok(runUntil(lab, current, 20e6, 50_000));
  return lab;
}

/** The unit of a task, with its domain open. */
function open(lab: Lab, task: number): { vm: number; unit: number } {
  const vm = lab.vmRecord("g");
  const unit = unitRecord(lab, vm, task + 2);
  lab.vmm.domains.open(vm, unit);
  lab.vmm.port.setDacr(word(lab, unit + UNIT.DACR_KERNEL));
  return { vm, unit };
}

/** Writes a word of a page of a task, as the guest would. */
function write(lab: Lab, task: number, page: number, value: number): void {
  open(lab, task);
  const mva = slotMva(1, taskData(task) + page * PAGE);
  assert.ok(lab.vmm.port.writeUser(mva, 4, value));
}

function counted(lab: Lab, body: () => void): MaintenanceCounts {
  const before = { ...lab.vmm.port.maintenance };
  body();
  const after = lab.vmm.port.maintenance;
  return Object.fromEntries(
    Object.entries(after).map(([k, v]) => [k, v - before[k as keyof MaintenanceCounts]]),
  ) as unknown as MaintenanceCounts;
}

Deno.test("Backup copies as many pages as its strategy says, and no more", core, async () => {
  for (const backup of STRATEGIES) {
    using lab = await stillLab(backup);
    const { vm, unit } = open(lab, 0);
    const copies = () => word(lab, unit + UNIT.COPIES);
    const all = writablePages(lab, unit).length;
    assert.equal(all, PAGES + 1);
    lab.vmm.backup.checkpointTask(vm, unit);
    for (const dirty of [0, 1, 3, 3, PAGES, 0, 2]) {
      const start = copies();
      for (let i = 0; i < dirty; i++) {
        for (let k = 0; k < 3; k++) write(lab, 0, (i * 5) % PAGES, 100 * k + i);
      }
      const atWrites = copies() - start;
      open(lab, 0);
      assert.ok(lab.vmm.backup.checkpointTask(vm, unit));
      const atCheckpoint = copies() - start - atWrites;
      const what = `${backup}, ${dirty} pages`;
      if (backup === "full") assert.deepEqual([atWrites, atCheckpoint], [0, all], what);
      else if (backup === "dirty") {
        // At the first write a page that has no copy yet gets one.
        assert.equal(atCheckpoint, dirty, what);
        assert.ok(atWrites <= dirty, what);
      } else assert.deepEqual([atWrites, atCheckpoint], [dirty, 0], what);
    }
  }
});

Deno.test("Backup does the maintenance that each operation owes", core, async () => {
  const none = noMaintenance();
  for (const backup of STRATEGIES) {
    using lab = await stillLab(backup);
    const { vm, unit } = open(lab, 0);
    const checkpoint = () => {
      open(lab, 0);
      lab.vmm.backup.checkpointTask(vm, unit);
    };
    const swap = () => {
      open(lab, 0);
      lab.vmm.backup.swapTask(vm, unit, 0);
    };
    checkpoint();
    write(lab, 0, 0, 1);
    checkpoint();
    // A checkpoint changes no frame: no cache work, nothing for instructions.
    write(lab, 0, 0, 2);
    const taken = counted(lab, checkpoint);
    assert.ok(taken.drain >= 1, backup);
    const closing = backup === "full" ? 0 : 1;
    assert.deepEqual(
      { ...taken, drain: 0 },
      { ...none, dTlbAll: closing },
      `${backup}: checkpoint`,
    );
    // The first write opens one page; the second one is free.
    const first = counted(lab, () => write(lab, 0, 3, 3));
    const single = backup === "full" ? 0 : 1;
    assert.deepEqual(
      { ...first, drain: 0 },
      { ...none, dTlbOne: single },
      `${backup}: first write`,
    );
    assert.equal(first.drain, single, backup);
    assert.deepEqual(counted(lab, () => write(lab, 0, 3, 4)), none, `${backup}: second write`);
    // A swap of few pages discards their lines and entries one by one, of many all.
    checkpoint();
    for (let i = 0; i < 3; i++) write(lab, 0, i, 5);
    const few = counted(lab, swap);
    const moved = backup === "full" ? PAGES + 1 : 3;
    if (moved <= 12) {
      assert.equal(few.dCacheLine, 128 * moved, backup);
      assert.equal(few.iCacheLine, 128 * moved, backup);
      assert.equal(few.dTlbOne, moved, backup);
      assert.equal(few.iTlbOne, moved, backup);
      assert.deepEqual([few.dCacheIndex, few.iCacheAll], [0, 0], backup);
    } else {
      assert.deepEqual([few.dCacheIndex, few.iCacheAll], [512, 1], backup);
      assert.ok(few.dTlbAll >= 1 && few.iTlbAll === 1, backup);
    }
    checkpoint();
    for (let i = 0; i < 13; i++) write(lab, 0, i, 6);
    const many = counted(lab, swap);
    assert.deepEqual([many.dCacheIndex, many.iCacheAll], [512, 1], backup);
    assert.ok(many.dTlbAll >= 1 && many.iTlbAll === 1 && many.drain >= 2, backup);
    assert.deepEqual([many.dTlbOne, many.iTlbOne, many.dCacheLine], [0, 0, 0], backup);
  }
});

// --- damaged standbys --------------------------------------------------------------------------------

Deno.test("Backup with checksums never switches a damaged standby in", core, async () => {
  for (const backup of STRATEGIES) {
    using lab = await miniLab({ g: still }, {
      backup,
      generations: 3,
      period: "1s",
      checksums: true,
    });
    lab.runAll({ for: "4ms" });
    const { vm, unit } = open(lab, 0);
    // Three checkpoints, with 1, 2 and 3 in the page; then 4.
    const seqs = [1, 2, 3].map((value) => {
      write(lab, 0, 5, value);
      open(lab, 0);
      lab.vmm.backup.checkpointTask(vm, unit);
      return word(lab, unit + UNIT.TARGET);
    });
    write(lab, 0, 5, 4);
    assert.deepEqual(ringOf(lab, unit), [...seqs].reverse());
    const { record } = writablePages(lab, unit).find((p) => p.va === taskData(0) + 5 * PAGE)!;
    const { frame } = lab.vmm.backup.versions.at(record, seqs[2]);
    assert.ok(frame !== 0);
    lab.board.poke(frame + 0x800, 0x0bad_0bad);
    assert.equal(lab.vmm.backup.swapTask(vm, unit, 0), undefined, `${backup}: refused`);
    assert.equal(guestWord(lab, "g", taskData(0) + 5 * PAGE), 4, `${backup}: nothing was changed`);
    open(lab, 0);
    assert.ok(lab.vmm.backup.swapTask(vm, unit, 1) !== undefined, `${backup}: one generation down`);
    assert.equal(guestWord(lab, "g", taskData(0) + 5 * PAGE), 2, backup);
    checkFrames(lab);
  }
});

Deno.test(
  "Recovery goes one generation down when a standby is damaged, then restarts",
  core,
  async () => {
    // Writes the count of its rounds, with a checkpoint a round, and faults at the host's word.
    const image = taskGuest({
      tasks: [{
        name: "t",
        dataPages: 2,
        main: (c) => {
          c.label("l").increment(taskData(0)).mov(R4, imm(HC.CHECKPOINT)).swi(CALL.HYPER, 0);
          // What is written now makes the checkpoint differ from what is active.
          c.swi(CALL.DELAY).increment(taskData(0)).increment(taskData(0) + PAGE);
          c.li(R1, taskData(1)).ldr(R0, R1).b("l");
        },
      }, { name: "other", main: (c) => c.label("l").swi(CALL.YIELD).b("l") }],
    });
    for (const backup of STRATEGIES) {
      for (const damaged of [1, 2]) {
        using lab = await miniLab({ g: image }, {
          backup,
          generations: 2,
          period: "1s",
          checksums: true,
          policy: {
            task: [{ action: "swap", limit: 1 }, { action: "restart" }, { action: "stop" }],
          },
        });
        // Its second round reads the other task's data: a fault. By then there are two checkpoints.
        lab.recorder.onEvent = (e) => {
          if (e.type !== "fault" || e.kind === "standby-damaged") return;
          const unit = unitRecord(lab, lab.vmRecord("g"), 2);
          for (const seq of ringOf(lab, unit).slice(0, damaged)) {
            for (const { record } of writablePages(lab, unit)) {
              const { frame } = lab.vmm.backup.versions.at(record, seq);
              if (frame !== 0) lab.board.poke(frame + 0xf00, lab.board.peek(frame + 0xf00, 4) ^ 1);
            }
          }
        };
        const events = lab.runAll({ for: "5ms" });
        const kinds = ofType(events, "fault", "g").map((e) => e.kind);
        const what = `${backup}, ${damaged} damaged: ${kinds}`;
        const [first] = ofType(events, "recovery", "g");
        assert.equal(kinds[0], "data-abort", what);
        const found = kinds.filter((k) => k === "standby-damaged").length;
        assert.ok(found >= 1, what);
        // What was damaged is never what comes back.
        if (first.action === "swap-task") assert.ok(first.generation >= 1, what);
        else assert.equal(first.action, "restart-task", what);
        assert.equal(lab.stopped, false);
      }
    }
  },
);

// --- errors of the monitor's own in the middle -----------------------------------------------------------

Deno.test(
  "a monitor error in the middle of a checkpoint, a first write or a swap stops the system",
  core,
  async () => {
    const image = taskGuest({
      tickUs: 300,
      tasks: [{
        name: "t",
        dataPages: 3,
        main: (c) => {
          c.label("l");
          for (let i = 0; i < 3; i++) c.increment(taskData(0) + i * PAGE);
          c.swi(CALL.DELAY).swi(CALL.COUNT).cmp(R0, imm(6)).b("l", "ne");
          c.increment(taskData(0)).mov(R0, imm(0)).str(R0, R0);
        },
      }, {
        name: "other",
        main: (c) => c.label("l").increment(taskData(1)).swi(CALL.DELAY).b("l"),
      }],
    });
    for (const backup of STRATEGIES) {
      for (const where of ["copy", "swap"] as const) {
        using lab = await miniLab({ g: image, h: image }, { backup, period: "500us" });
        lab.runAll({ for: "2ms" });
        let countdown = where === "copy" ? 3 : 0;
        if (where === "copy") {
          // The frame that a copy is made to lies behind the end of memory.
          const take = lab.vmm.frames.take.bind(lab.vmm.frames);
          lab.vmm.frames.take = (...args) => --countdown === 0 ? 0x3800_0000 : take(...args);
        } else {
          // The master entry of the tables is lost between two tables of a swap.
          const { versions } = lab.vmm.backup;
          const makeActive = versions.makeActive.bind(versions);
          versions.makeActive = (page, version) => {
            makeActive(page, version);
            lab.board.poke(MAP.MASTER + (MAP.TABLES >>> 20) * 4, 0);
            emptyTlbs(lab);
          };
        }
        const events = lab.runAll({ for: "24ms" });
        const what = `${backup}, ${where}`;
        assert.equal(lab.summary().outcome, "stopped", what);
        assert.equal(ofType(events, "post-mortem").length, 1, what);
        assert.deepEqual(actions(events, "vmm"), ["halt"], what);
        const end = lab.time;
        assert.deepEqual(lab.runAll({ for: "5ms" }), [], what);
        assert.equal(lab.time, end, what);
      }
    }
  },
);

Deno.test("what the monitor writes for a guest goes through its checkpoints", core, async () => {
  // The second page is clean when HC_CONSOLE_READ writes to it; the fault brings its old content back.
  const image = taskGuest({
    tasks: [{
      name: "reader",
      dataPages: 2,
      main: (c) => {
        const buffer = taskData(0) + PAGE;
        c.swi(CALL.DELAY).mov(R4, imm(HC.CHECKPOINT)).swi(CALL.HYPER, 0).swi(CALL.YIELD);
        c.swi(CALL.COUNT).cmp(R0, imm(2)).b("second", "eq");
        c.mov(R4, imm(HC.CONSOLE_READ)).swi(CALL.HYPER, buffer, 8).cmp(R0, imm(8)).b("bad", "ne");
        c.li(R1, buffer).ldr(R0, R1).li(R4, 0x6464_6464).cmp(R0, R4).b("bad", "ne");
        c.mov(R0, imm(0)).str(R0, R0);
        c.label("second").li(R1, buffer).ldr(R0, R1).cmp(R0, imm(0)).b("bad", "ne");
        c.print(CALL.PRINT, "empty again\n").spin();
        c.label("bad").print(CALL.PRINT, "wrong\n").spin();
      },
    }, { name: "other", main: (c) => c.label("l").swi(CALL.YIELD).b("l") }],
  });
  for (const backup of STRATEGIES) {
    using lab = await miniLab({ g: image }, { backup, period: "1s", journal: "off" });
    lab.runAll({ for: "600us" });
    lab.send("g", "dddddddddd");
    const events = lab.runAll({ for: "8ms" });
    assert.deepEqual(actions(events, "g"), ["swap-task"], backup);
    assert.deepEqual(lines(events, "g"), ["empty again"], backup);
  }
});

Deno.test("versions carry their checkpoint and no more frames than are needed", core, async () => {
  for (const backup of STRATEGIES) {
    using lab = await stillLab(backup, 2);
    const { vm, unit } = open(lab, 0);
    for (let round = 0; round < 12; round++) {
      write(lab, 0, round % 2, round);
      open(lab, 0);
      if (round % 5 === 4) lab.vmm.backup.cut(vm, true);
      else lab.vmm.backup.checkpointTask(vm, unit);
    }
    // At most: the kept cuts and the task's own checkpoints, for each page.
    for (const { record } of writablePages(lab, unit)) {
      let tag = 0;
      let count = 0;
      for (
        let f = word(lab, record + PAGE_REC.HEAD);
        f !== 0;
        f = word(lab, frameRecord(f) + FRAME.NEXT)
      ) {
        assert.ok(word(lab, frameRecord(f) + FRAME.TAG) > tag, "oldest first");
        tag = word(lab, frameRecord(f) + FRAME.TAG);
        count++;
      }
      assert.ok(count <= 5, `${backup}: ${count} versions`);
    }
    if (backup !== "full") {
      assert.ok(
        lab.vmm.backup.standbyFrames(vm) < 20,
        `${backup}: ${lab.vmm.backup.standbyFrames(vm)}`,
      );
    }
    checkFrames(lab);
  }
});
