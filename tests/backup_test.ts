import assert from "node:assert/strict";
import fc from "fast-check";
import { observedInTask } from "../core/contexts.ts";
import { BACKUP_STRATEGIES, type BackupStrategy, type Lab } from "../core/lab.ts";
import { GLOBAL, MAP, PAGE_REC, UNIT, VM } from "../core/layout.ts";
import { hashBytes } from "../core/hash.ts";
import { slotMva } from "../core/vm.ts";
import { PAGE } from "../core/vmi.ts";
import { type Code, taskGuest } from "./mini_guest.ts";
import {
  checkRecords,
  checkStandby,
  checkTlbs,
  copyUnit,
  cutsOf,
  difference,
  ringOf,
  unitRecord,
  word,
  writablePages,
} from "./backup_rig.ts";
import { checkFrames, core, miniLab, runUntil } from "./monitor_rig.ts";

const STRATEGIES = BACKUP_STRATEGIES.filter((s) => s !== "off");

// --- driven by hand --------------------------------------------------------------------------------

/** Units of the guest below: its kernel, three tasks and, behind the idle one, the shared piece. */
const UNITS = [0, 2, 3, 4, 6] as const;
const still = taskGuest({
  tickUs: 0,
  kernelDataPages: 2,
  sharedPages: 2,
  tasks: [1, 3, 2].map((dataPages, i) => ({
    name: `t${i}`,
    dataPages,
    main: (c: Code) => c.spin(),
  })),
});

/** One step of a history: a write, a checkpoint, or a return to one. */
type Step =
  | { do: "write"; unit: number; page: number; offset: number; value: number }
  | { do: "checkpoint"; task: number }
  | { do: "cut" }
  | { do: "swapTask"; task: number; generation: number }
  | { do: "swapGuest"; generation: number }
  | { do: "renew"; task: number };

const unitIndex = fc.nat(UNITS.length - 1);
const task = fc.nat(2);
const generation = fc.constantFrom(0, 0, 1, 1, 2, 3);
/** Few places, so that pages and words are written again and again. */
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant("write" as const),
      unit: unitIndex,
      page: fc.nat(4),
      offset: fc.nat(3).map((n) => n * 4),
      value: fc.nat(0xffff_ffff),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("checkpoint" as const), task }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("cut" as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("swapTask" as const),
      task,
      generation,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("swapGuest" as const), generation }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("renew" as const), task }) },
);

/** The guest stands still in a task while a test writes, checkpoints and goes back by hand. */
class Bench {
  readonly vm: number;
  readonly id: number;
  /** What the test says each unit holds. */
  readonly plain = new Map<number, Uint8Array>();
  /** Plain copies of checkpoints: unit -> number -> bytes. */
  readonly copies = new Map<number, Map<number, Uint8Array>>();
  /** Returns that the history made. */
  returns = 0;

  constructor(readonly lab: Lab) {
    const record = () => word(lab, MAP.VM_TABLE + 4);
    const inTask = () =>
      record() !== 0 && word(lab, MAP.GLOBAL + GLOBAL.CURRENT) === record() &&
      observedInTask(lab.board, record());
    assert.ok(runUntil(lab, inTask, 20e6, 50_000));
    this.vm = record();
    this.id = word(lab, this.vm + VM.ID);
    for (const index of UNITS) {
      const unit = unitRecord(lab, this.vm, index);
      this.plain.set(unit, copyUnit(lab, unit));
      this.copies.set(unit, new Map());
    }
    // What the boot left is forgotten: the test has no copy of it.
    lab.vmm.backup.dropAll(this.vm);
    this.cut();
  }

  static async make(backup: BackupStrategy, generations: number): Promise<Bench> {
    const lab = await miniLab({ g: still }, { backup, generations, period: "1s" });
    return new Bench(lab);
  }

  get units(): number[] {
    return [...this.plain.keys()];
  }

  /** Kernel mode with a unit's domain open, as the monitor has it at a switch. */
  open(unit: number): void {
    const { vmm } = this.lab;
    vmm.domains.open(this.vm, unit);
    vmm.port.setDacr(word(this.lab, unit + UNIT.DACR_KERNEL));
  }

  /** Keeps a plain copy of the units as checkpoint `seq`. */
  #keep(units: readonly number[], seq: number): void {
    for (const unit of units) this.copies.get(unit)!.set(seq, this.plain.get(unit)!.slice());
  }

  checkpoint(unit: number): boolean {
    this.open(unit);
    const done = this.lab.vmm.backup.checkpointTask(this.vm, unit);
    if (done) this.#keep([unit], word(this.lab, unit + UNIT.TARGET));
    return done;
  }

  cut(): boolean {
    this.open(this.units[0]);
    const done = this.lab.vmm.backup.cut(this.vm, true);
    if (done) this.#keep(this.units, word(this.lab, this.vm + VM.CUT));
    return done;
  }

  write(unit: number, page: number, offset: number, value: number): void {
    const pages = writablePages(this.lab, unit);
    const index = page % pages.length;
    // The VMI control page means something to the monitor.
    if (pages[index].va >= 0x1f0_0000) return;
    this.open(unit);
    const mva = slotMva(this.id, pages[index].va) + offset;
    assert.ok(this.lab.vmm.port.writeUser(mva, 4, value), "a guest may always write its own page");
    new DataView(this.plain.get(unit)!.buffer).setUint32(index * PAGE + offset, value, true);
  }

  /** Goes back to a kept checkpoint, when there is one of that generation. */
  swapTask(unit: number, generation: number): void {
    const ring = ringOf(this.lab, unit);
    if (generation >= this.lab.vmm.backup.taskGenerations(unit)) return;
    this.open(unit);
    assert.ok(this.lab.vmm.backup.swapTask(this.vm, unit, generation));
    this.returns++;
    this.plain.set(unit, this.copies.get(unit)!.get(ring[generation])!.slice());
    // An older task checkpoint under a newer cut comes with a fresh one.
    this.#keep([unit], word(this.lab, unit + UNIT.TARGET));
  }

  swapGuest(generation: number): void {
    if (generation >= this.lab.vmm.backup.guestGenerations(this.vm)) return;
    const seq = cutsOf(this.lab, this.vm)[generation];
    this.open(this.units[0]);
    assert.ok(this.lab.vmm.backup.swapGuest(this.vm, generation));
    this.returns++;
    for (const unit of this.units) {
      this.plain.set(unit, this.copies.get(unit)!.get(seq)!.slice());
    }
    this.#keep(this.units, word(this.lab, this.vm + VM.CUT));
  }

  /** A task's area as its image has it, as when its kernel makes it anew. */
  renew(unit: number): void {
    this.open(unit);
    assert.ok(this.lab.vmm.recovery.reloadUnit(this.vm, unit));
    this.lab.vmm.backup.forgetTask(this.vm, unit);
    this.plain.get(unit)!.fill(0);
    this.checkpoint(unit);
  }

  step(s: Step): void {
    const unitOf = (n: number) => this.units[n];
    if (s.do === "write") this.write(unitOf(s.unit), s.page, s.offset, s.value);
    else if (s.do === "checkpoint") this.checkpoint(unitOf(s.task + 1));
    else if (s.do === "cut") this.cut();
    else if (s.do === "renew") this.renew(unitOf(s.task + 1));
    else if (s.do === "swapTask") this.swapTask(unitOf(s.task + 1), s.generation);
    else this.swapGuest(s.generation);
  }

  /** Memory is what the test says, and the records are in order. */
  check(what: string): void {
    for (const unit of this.units) {
      const seen = difference(this.lab, unit, copyUnit(this.lab, unit), this.plain.get(unit)!);
      assert.equal(seen, "", what);
    }
    checkRecords(this.lab, this.vm);
    checkTlbs(this.lab, this.vm);
    for (const unit of this.units) {
      const target = word(this.lab, unit + UNIT.TARGET);
      if (target !== 0) checkStandby(this.lab, unit, this.copies.get(unit)!.get(target)!);
    }
  }
}

/** Changes of a laboratory's monitor, for the naive variants. */
type Spoil = (lab: Lab) => void;

/** Runs one history and checks memory after every step. */
async function history(
  backup: BackupStrategy,
  generations: number,
  steps: readonly Step[],
  spoil?: Spoil,
): Promise<Bench> {
  const bench = await Bench.make(backup, generations);
  using _ = bench.lab;
  spoil?.(bench.lab);
  bench.check("at the start");
  steps.forEach((s, i) => {
    bench.step(s);
    bench.check(`${backup}, step ${i}: ${JSON.stringify(s)}`);
  });
  checkFrames(bench.lab);
  return bench;
}

const steps = fc.array(step, { minLength: 20, maxLength: 70, size: "max" });
const generations = fc.integer({ min: 1, max: 4 });

for (const backup of STRATEGIES) {
  Deno.test(`Backup returns to any kept checkpoint with "${backup}"`, core, async () => {
    let returns = 0;
    await fc.assert(
      fc.asyncProperty(steps, generations, async (steps, generations) => {
        returns += (await history(backup, generations, steps)).returns;
      }),
      { numRuns: 30, seed: 12 },
    );
    assert.ok(returns > 120, `${returns} returns`);
  });
}

Deno.test("Backup gives the same bytes with every strategy", core, async () => {
  await fc.assert(
    fc.asyncProperty(steps, generations, async (steps, generations) => {
      const seen: string[] = [];
      for (const backup of STRATEGIES) {
        const bench = await history(backup, generations, steps);
        seen.push([...bench.plain.values()].map((bytes) => hashBytes(bytes)).join());
      }
      assert.deepEqual(seen, Array(seen.length).fill(seen[0]));
    }),
    { numRuns: 8, seed: 13 },
  );
});

/** One standby frame a page: what an older checkpoint needs is overwritten at the next first write. */
const overwriting: Spoil = (lab) => {
  const { versions } = lab.vmm.backup;
  const append = versions.append.bind(versions);
  versions.append = (page, frame, tag) => {
    versions.trim(page, []);
    append(page, frame, tag);
  };
};

/** A guest swap that returns each task to its own newest checkpoint instead of the cut's. */
const taskAhead: Spoil = (lab) => {
  const { backup } = lab.vmm;
  const { versions } = backup;
  const at = versions.at.bind(versions);
  const swapGuest = backup.swapGuest.bind(backup);
  let targets: Map<number, number> | undefined;
  versions.at = (page, seq) =>
    at(page, Math.max(seq, targets?.get(word(lab, page + PAGE_REC.UNIT)) ?? 0));
  backup.swapGuest = (vm, generation) => {
    targets = new Map(
      UNITS.slice(1).map((i) => [i, word(lab, unitRecord(lab, vm, i) + UNIT.TARGET)]),
    );
    try {
      return swapGuest(vm, generation);
    } finally {
      targets = undefined;
    }
  };
};

for (const [name, spoil] of Object.entries({ overwriting, taskAhead })) {
  Deno.test(`Backup: the naive variant "${name}" is caught`, core, async () => {
    for (const backup of STRATEGIES) {
      const property = fc.asyncProperty(steps, generations, async (steps, generations) => {
        await history(backup, generations, steps, spoil);
      });
      const result = await fc.check(property, { numRuns: 40, seed: 12, endOnFailure: true });
      assert.ok(result.failed, `${backup}: ${name} was not caught`);
      assert.match(`${result.errorInstance}`, /holds \d+, not \d+|standby of page/);
    }
  });
}
