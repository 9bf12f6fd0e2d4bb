/**
 * Pages that strategies copy, against a model that knows which distinct pages were written in each
 * period.
 *
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { observedInTask } from "../core/contexts.ts";
import { BACKUP_STRATEGIES, type BackupStrategy } from "../core/lab.ts";
import { GLOBAL, MAP, UNIT, VM } from "../core/layout.ts";
import { slotMva } from "../core/vm.ts";
import { unitRecord, word, writablePages } from "./backup_rig.ts";
import { type Code, taskGuest } from "./mini_guest.ts";
import { core, miniLab, runUntil } from "./monitor_rig.ts";

/** Units: the kernel and two tasks. */
const UNITS = [0, 2, 3] as const;
const still = taskGuest({
  tickUs: 0,
  kernelDataPages: 3,
  tasks: [5, 3].map((dataPages, i) => ({ name: `t${i}`, dataPages, main: (c: Code) => c.spin() })),
});

const unit = fc.nat(UNITS.length - 1);
const task = fc.integer({ min: 1, max: UNITS.length - 1 });
const step = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({ do: fc.constant("write" as const), unit, page: fc.nat(5) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("checkpoint" as const), unit: task }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("cut" as const), unit }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("swap" as const), unit: task }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** What the model keeps of a unit. */
interface Period {
  /** Distinct pages written since its last checkpoint. */
  written: Set<number>;
  /** COPIES at that checkpoint. */
  copies: number;
}

/** Runs one history; the model judges the copies of each unit after every step. */
async function history(backup: BackupStrategy, generations: number, steps: readonly Step[]) {
  using lab = await miniLab({ g: still }, { backup, generations, period: "1s" });
  const inTask = () => {
    const vm = word(lab, MAP.VM_TABLE + 4);
    return vm !== 0 && word(lab, MAP.GLOBAL + GLOBAL.CURRENT) === vm &&
      observedInTask(lab.board, vm);
  };
  assert.ok(runUntil(lab, inTask, 20e6, 50_000));
  const vm = lab.vmRecord("g");
  const { backup: b, domains, port } = lab.vmm;
  const units = UNITS.map((index) => unitRecord(lab, vm, index));
  const pages = units.map((u) => writablePages(lab, u).filter(({ va }) => va < 0x1f0_0000));
  const all = units.map((u) => writablePages(lab, u).length);
  const copies = (i: number) => word(lab, units[i] + UNIT.COPIES);
  const open = (i: number) => {
    domains.open(vm, units[i]);
    port.setDacr(word(lab, units[i] + UNIT.DACR_KERNEL));
  };
  const periods: Period[] = units.map(() => ({ written: new Set(), copies: 0 }));

  /** A period of some units ends with a checkpoint, in which `done` copies. */
  const end = (which: readonly number[], done: () => void) => {
    const before = which.map(copies);
    done();
    which.forEach((i, n) => {
      const at = copies(i) - before[n];
      const dirty = periods[i].written.size;
      const most = backup === "full" ? all[i] : backup === "dirty" ? dirty : 0;
      assert.equal(at, most, `${backup}: copies at a checkpoint`);
      periods[i] = { written: new Set(), copies: copies(i) };
    });
  };
  open(0);
  b.cut(vm, true);
  units.forEach((_, i) => periods[i] = { written: new Set(), copies: copies(i) });

  for (const s of steps) {
    open(s.unit);
    if (s.do === "write") {
      const page = s.page % pages[s.unit].length;
      port.writeUser(slotMva(word(lab, vm + VM.ID), pages[s.unit][page].va), 4, s.page);
      periods[s.unit].written.add(page);
    } else if (s.do === "checkpoint") {
      end([s.unit], () => assert.ok(b.checkpointTask(vm, units[s.unit])));
    } else if (s.do === "cut") {
      end(units.map((_, i) => i), () => assert.ok(b.cut(vm, true)));
    } else {
      // The standby is whole again afterwards: `full` copies its set anew, the others nothing.
      const before = copies(s.unit);
      assert.ok(b.swapTask(vm, units[s.unit], 0));
      assert.equal(copies(s.unit) - before, backup === "full" ? all[s.unit] : 0);
      periods[s.unit] = { written: new Set(), copies: copies(s.unit) };
    }
    units.forEach((_, i) => {
      const made = copies(i) - periods[i].copies;
      const distinct = periods[i].written.size;
      if (backup === "full") assert.equal(made, 0);
      else if (backup === "cow") assert.equal(made, distinct, "one copy a page and period");
      // A page that has been copied at a checkpoint has its copy already.
      else assert.ok(made <= distinct);
    });
  }
}

for (const backup of BACKUP_STRATEGIES.filter((s) => s !== "off")) {
  Deno.test(`UNIT.COPIES grows as "${backup}" says, and no faster`, core, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 20, maxLength: 60, size: "max" }),
        fc.integer({ min: 1, max: 3 }),
        (steps, generations) => history(backup, generations, steps),
      ),
      { numRuns: 25, seed: 16 },
    );
  });
}
