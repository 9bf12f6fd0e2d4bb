import assert from "node:assert/strict";
import { BACKUP_STRATEGIES, type BackupStrategy, type Lab } from "../core/lab.ts";
import { MAP, TASK_STATE, UNIT, UNIT_KIND, VM } from "../core/layout.ts";
import type { TraceEvent } from "../core/trace.ts";
import { HC } from "../core/vmi.ts";
import {
  checkRecords,
  checkTlbs,
  contextOf,
  copyUnit,
  cutsOf,
  difference,
  ringOf,
  unitRecord,
  word,
} from "./backup_rig.ts";
import {
  CALL,
  type Code,
  imm,
  LR,
  PC,
  R0,
  R1,
  R10,
  R4,
  R5,
  R6,
  R7,
  RETURN,
  SHARED_DATA,
  swap,
  SWI,
  taskData,
  taskGuest,
  transfer,
} from "./mini_guest.ts";
import { checkFrames, core, lines, miniLab, ofType, vmRecords } from "./monitor_rig.ts";

// --- a guest that does anything ----------------------------------------------------------------------

const DATA_PAGES = 4;

/** Calls the mini kernel for hypercall `number` and keeps r4, the generator's state. */
function hyper(c: Code, number: number): Code {
  return c.put(0xe52d_4004).mov(R4, imm(number)).mov(12, imm(CALL.HYPER)).put(SWI, 0xe49d_4004);
}

/** Code written, and called, where data was: mov r0, #n; mov pc, lr. */
function runWritten(c: Code): void {
  const good = c.unique();
  c.op("and", R6, R4, imm(255)).li(R0, 0xe3a0_0000).op("orr", R0, R0, R6).li(R1, RETURN);
  c.str(R0, R5).str(R1, R5, 4).mov(LR, PC).mov(PC, R5);
  c.cmp(R0, R6).b(good, "eq").print(CALL.PRINT, "stale code\n").label(good);
}

/** Ways to write, and other things a task does; r5 is a random word of its data, r4 random. */
const DEEDS: readonly ((c: Code, task: number) => void)[] = [
  (c) => c.str(R4, R5),
  // In the shared piece.
  (c) => c.li(R0, 0x1ffc).op("and", R0, R0, R5).li(R1, SHARED_DATA).add(R0, R1).str(R4, R0),
  // Eight registers, often across the end of a page; with write-back. And a byte.
  (c) => c.put(0xe885_00ff, 0xe8a5_00ff).put(transfer("strb", R4, R5, 1)),
  (c) => c.put(swap(R0, R4, R5)),
  (c) => c.put(0xe1c5_40b2), // strh r4, [r5, #2]
  (c) => c.ldr(R0, R5).str(R0, R5, 64),
  runWritten,
  // The stack, four times deeper.
  (c) => c.put(0xe92d_00ff, 0xe92d_00ff, 0xe8bd_00ff, 0xe8bd_00ff),
  (c) => c.swi(CALL.YIELD),
  (c) => c.swi(CALL.COUNT),
  (c) => c.swi(CALL.DELAY),
  (c, task) => hyper(c.mov(R0, imm(task)), HC.CHECKPOINT),
  (c) => hyper(c.op("mvn", R0, 0, imm(0)), HC.CHECKPOINT),
  // Time comes in, so that what runs again after a rollback runs differently.
  (c) => hyper(c, HC.TIME).op("eor", R4, R4, R0),
  // The monitor writes for the guest.
  (c) => hyper(c.mov(R0, R5).mov(R1, imm(16)), HC.CONSOLE_READ),
  // Now and then a fault of the task, or of its kernel.
  (c) => {
    const none = c.unique();
    const kernel = c.unique();
    hyper(c, HC.TIME).op("tst", 0, R0, imm(0x300)).b(none, "ne");
    c.op("tst", 0, R0, imm(0x1800)).b(kernel, "eq").mov(R0, imm(0)).str(R0, R0);
    c.label(kernel).swi(CALL.JUMP, `${kernel}.in`);
    c.label(`${kernel}.in`).mov(R0, imm(0)).str(R0, R0).label(none);
  },
];

function wild(task: number, selfModifying: boolean) {
  return (c: Code) => {
    c.mov(R4, R0).li(R10, taskData(task));
    c.label("next").li(R0, 69069).put(0xe005_0094).op("add", R4, R5, imm(1)); // mul r5, r4, r0
    c.put(0xe1a0_54a4).li(R6, DATA_PAGES * 4096 - 4).op("and", R5, R5, R6).add(R5, R10);
    c.put(0xe1a0_6e24).li(R7, "deeds").put(0xe797_f106); // mov r6, r4, lsr #28; ldr pc, [r7, r6, lsl #2]
    DEEDS.forEach((deed, i) => {
      c.label(`deed${i}`);
      if (deed !== runWritten || selfModifying) deed(c, task);
      c.b("next");
    });
    c.label("deeds");
    DEEDS.forEach((_, i) => c.address(`deed${i}`));
  };
}

assert.equal(DEEDS.length, 16);
/** With caches, code that is written needs the maintenance that a guest can't do in User mode. */
const guestOf = (selfModifying: boolean) =>
  taskGuest({
    kernelDataPages: 2,
    sharedPages: 2,
    tasks: [0, 1, 2].map((i) => ({
      name: `t${i}`,
      // One page more than is written at random: several registers go on behind the end.
      dataPages: DATA_PAGES + 1,
      main: wild(i, selfModifying),
    })),
  });

// --- the observer ------------------------------------------------------------------------------------

interface Copy {
  bytes: Uint8Array;
  context: number[];
}

/** Held fields of a VM that a rollback brings back as they were. */
const HELD = [
  VM.CUR_UNIT,
  VM.VECTORS,
  VM.KERNEL_SP,
  VM.RDY_GRP,
  VM.RDY_TBL,
  VM.RDY_TBL + 4,
  VM.TIMER_PERIOD,
  ...Array.from({ length: 16 }, (_, i) => VM.PRIORITY_TASK + 4 * i),
];

/** Keeps a plain copy of every checkpoint, and holds every return against it. */
class Observer {
  readonly #copies = new Map<number, Map<number, Copy>>();
  readonly #held = new Map<number, Map<number, number[]>>();
  #random: number;
  tasks = 0;
  guests = 0;
  older = 0;

  constructor(readonly lab: Lab, seed: number) {
    this.#random = seed;
    lab.recorder.onEvent = (e) => this.#see(e);
    this.#watch();
  }

  #draw(below: number): number {
    this.#random = (Math.imul(this.#random, 1_103_515_245) + 12_345) >>> 0;
    return (this.#random >>> 8) % below;
  }

  #units(vm: number): number[] {
    const count = word(this.lab, vm + VM.UNIT_COUNT);
    return Array.from({ length: count }, (_, i) => unitRecord(this.lab, vm, i));
  }

  #shared(vm: number): number {
    return unitRecord(this.lab, vm, word(this.lab, vm + VM.SHARED));
  }

  #isTask(unit: number): boolean {
    return word(this.lab, unit + UNIT.KIND) === UNIT_KIND.TASK;
  }

  #see(event: TraceEvent): void {
    if (event.type !== "checkpoint") return;
    const vm = vmRecords(this.lab).find((r) => this.lab.vmm.name(r) === event.vm)!;
    const units = this.#units(vm);
    const task = event.task;
    const covered = task === undefined ? units : units.filter((u) => this.#name(u) === task);
    for (const unit of covered) this.#keep(unit, event.seq);
    if (task === undefined) {
      const held = this.#held.get(vm) ?? new Map<number, number[]>();
      held.set(event.seq, HELD.map((field) => word(this.lab, vm + field)));
      this.#held.set(vm, held);
    }
  }

  #name(unit: number): string {
    const bytes = this.lab.board.debugRead(unit + UNIT.NAME, 16);
    return String.fromCharCode(...bytes.subarray(0, bytes.indexOf(0)));
  }

  #keep(unit: number, seq: number): void {
    const copies = this.#copies.get(unit) ?? new Map<number, Copy>();
    // Reported again after a return to it: the first copy stays the witness.
    if (copies.has(seq)) return;
    copies.set(seq, {
      bytes: copyUnit(this.lab, unit),
      context: this.#isTask(unit) ? contextOf(this.lab, unit) : [],
    });
    // Only the newest are kept by the monitor.
    if (copies.size > 40) copies.delete(Math.min(...copies.keys()));
    this.#copies.set(unit, copies);
  }

  /** Puts a random kept generation in the place of the ladder's, and compares. */
  #watch(): void {
    const { backup } = this.lab.vmm;
    const swapTask = backup.swapTask.bind(backup);
    const swapGuest = backup.swapGuest.bind(backup);
    backup.swapTask = (vm, unit) => {
      const generation = this.#draw(backup.taskGenerations(unit));
      const seq = ringOf(this.lab, unit)[generation];
      const shared = this.#shared(vm);
      const before = copyUnit(this.lab, shared);
      const result = swapTask(vm, unit, generation);
      this.#compare(vm, [unit], seq);
      assert.equal(difference(this.lab, shared, copyUnit(this.lab, shared), before), "", "R4");
      this.tasks++;
      if (generation > 0) this.older++;
      return result;
    };
    backup.swapGuest = (vm) => {
      const generation = this.#draw(backup.guestGenerations(vm));
      const seq = cutsOf(this.lab, vm)[generation];
      const result = swapGuest(vm, generation);
      this.#compare(vm, this.#units(vm), seq);
      const held = HELD.map((field) => word(this.lab, vm + field));
      assert.deepEqual(held, this.#held.get(vm)!.get(seq), `held state of cut ${seq}`);
      this.guests++;
      if (generation > 0) this.older++;
      return result;
    };
  }

  #compare(vm: number, units: readonly number[], seq: number): void {
    for (const unit of units) {
      const copy = this.#copies.get(unit)?.get(seq);
      const what = `${this.#name(unit)}, checkpoint ${seq}`;
      assert.ok(copy !== undefined, `${what}: a copy was kept`);
      assert.equal(difference(this.lab, unit, copyUnit(this.lab, unit), copy.bytes), "", what);
      const made = word(this.lab, unit + UNIT.STATE) !== TASK_STATE.ABSENT;
      if (this.#isTask(unit) && made) {
        assert.deepEqual(contextOf(this.lab, unit), copy.context, `${what}: context`);
      }
    }
    checkRecords(this.lab, vm);
    checkTlbs(this.lab, vm);
  }
}

/** Runs the wild guests and compares at every recovery. */
async function runWild(
  backup: BackupStrategy,
  seed: number,
  cache: boolean,
  spoil?: (lab: Lab) => void,
): Promise<Observer> {
  const limits = (action: "swap") => [{ action, limit: 1000 }, { action: "stop" }] as const;
  const image = guestOf(!cache);
  using lab = await miniLab({ g: image, h: image }, {
    backup,
    cache,
    generations: 1 + seed % 4,
    period: ["0", "1ms", "2ms", "4ms"][seed % 4],
    policy: {
      task: limits("swap"),
      guest: limits("swap"),
      window: "1us",
      resume: seed % 2 === 0 ? "yield" : "immediate",
    },
    slice: "1ms",
  });
  spoil?.(lab);
  const observer = new Observer(lab, seed);
  // The model of the caches looks at every access: a shorter run.
  const steps = !cache ? (backup === "full" ? 14 : 8) : backup === "full" ? 8 : 3;
  for (let i = 0; i < steps; i++) {
    const events = lab.runAll({ for: 2_700_001 });
    assert.equal(lab.stopped, false);
    assert.deepEqual([...lines(events, "g"), ...lines(events, "h")], []);
    assert.ok(
      ofType(events, "fault").every((f) => f.kind === "data-abort" && f.fsr !== "alignment"),
    );
    if (!lab.stopped) lab.send("g", "0123456789");
    checkFrames(lab);
  }
  assert.ok(word(lab, MAP.VM_TABLE + 4) !== 0);
  return observer;
}

for (const backup of BACKUP_STRATEGIES.filter((s) => s !== "off")) {
  for (const cache of [false, true]) {
    const what = `"${backup}"${cache ? " and caches" : ""}`;
    Deno.test(`Backup returns wild guests to plain copies with ${what}`, core, async () => {
      let tasks = 0;
      let guests = 0;
      let older = 0;
      for (let seed = 1; seed <= (!cache ? 6 : backup === "full" ? 4 : 2); seed++) {
        const seen = await runWild(backup, seed, cache);
        tasks += seen.tasks;
        guests += seen.guests;
        older += seen.older;
      }
      const least = cache ? 1 : 5;
      assert.ok(tasks > 2 * least && guests >= least, `${tasks} tasks, ${guests} guests`);
      assert.ok(older >= least, `${older} older generations`);
    });
  }
}

/** Maintenance left out: each is owed, so each is noticed. */
const OMISSIONS: readonly [string, BackupStrategy, boolean, (lab: Lab) => void][] = [
  ["TLB at a swap", "full", false, (lab) => lab.vmm.backup.omitTlbMaintenance = true],
  ["TLB at a swap", "cow", false, (lab) => lab.vmm.backup.omitTlbMaintenance = true],
  ["data TLB at a checkpoint", "cow", false, ({ vmm }) => vmm.port.invalidateDataTlb = () => {}],
  ["data TLB at a checkpoint", "dirty", false, ({ vmm }) => vmm.port.invalidateDataTlb = () => {}],
  ["cache lines at a swap", "cow", true, ({ vmm }) => {
    vmm.port.discardPageLines = () => {};
    vmm.port.flushDataCache = () => {};
  }],
];

for (const [what, backup, cache, spoil] of OMISSIONS) {
  Deno.test(`Backup with "${backup}" owes the maintenance of the ${what}`, core, async () => {
    let caught = "";
    for (let seed = 1; seed <= 8 && caught === ""; seed++) {
      await runWild(backup, seed, cache, spoil).catch((error) => caught = `${error}`);
    }
    assert.match(caught, /AssertionError/, "wrong bytes are seen");
  });
}
