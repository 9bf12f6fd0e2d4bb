import assert from "node:assert/strict";
import type { Lab } from "../core/lab.ts";
import { HELD_OUTPUT, UNIT, VM } from "../core/layout.ts";
import type { TraceEvent } from "../core/trace.ts";
import { HC } from "../core/vmi.ts";
import {
  assertInOrder,
  busy,
  CALL,
  consumer,
  crashWhen,
  kernelRuns,
  numberOf,
  printNumber,
  producer,
  queueGuest,
  taskRuns,
} from "./journal_guest.ts";
import { imm, KERNEL_DATA, plainGuest, R0, R1, R2, R5, taskData } from "./mini_guest.ts";
import { actions, core, guestWord, lines, miniLab, taskWord, unitAddress } from "./monitor_rig.ts";

const SWAP = {
  task: [{ action: "swap", limit: 1000 }, { action: "stop" }],
  guest: [{ action: "swap", limit: 1000 }, { action: "stop" }],
  window: "1ms",
} as const;

/** Prints a numbered line twice in a millisecond. */
const printing = plainGuest({
  main: (c) => {
    c.swi(HC.TIMER_SET, 1000).label("l").increment(KERNEL_DATA).op("mov", R5, 0, R0);
    busy(c, 300);
    printNumber(c, HC.CONSOLE_WRITE, "n", R5, KERNEL_DATA + 0x40);
    busy(c, 300).op("tst", 0, R5, imm(1)).b("l", "ne").swi(HC.WAIT).b("l");
  },
});

/** Bytes that a guest's kernel wrote and nobody has seen. */
function heldBytes(lab: Lab, vm: string): number {
  const unit = unitAddress(lab, vm, 0);
  return lab.board.peek(unit + UNIT.OUTPUT_MADE, 4) - lab.board.peek(unit + UNIT.OUTPUT_SHOWN, 4);
}

const numbers = (events: readonly TraceEvent[], vm: string, letter: string) =>
  lines(events, vm).filter((line) => line[0] === letter).map((line) => numberOf(line, letter));

Deno.test("outputCommit holds a guest's lines until its next checkpoint", core, async () => {
  using lab = await miniLab({ printing }, { outputCommit: true, period: "10ms" });
  const before = lab.runAll({ for: "9ms" });
  assert.deepEqual(lines(before, "printing"), [], "nothing before the first checkpoint");
  const count = guestWord(lab, "printing", KERNEL_DATA);
  const held = heldBytes(lab, "printing");
  assert.ok(count >= 14, `${count} lines`);
  assert.ok(held >= 6 * (count - 1) && held <= 6 * count, `${held} bytes held`);
  const after = lab.runAll({ for: "5ms" });
  const cut = after.findIndex((e) => e.type === "checkpoint" && e.vm === "printing");
  assertInOrder(numbers(after, "printing", "n"), "released");
  const first = after.findIndex((e) => e.type === "console" && e.vm === "printing");
  assert.ok(first >= 0 && cut >= 0, "released by a checkpoint");
  assert.equal((after[first] as { t: number }).t - (after[cut] as { t: number }).t < 100_000, true);
});

Deno.test("outputCommit discards at a guest's rollback what nobody has seen", core, async () => {
  for (const outputCommit of [true, false]) {
    using lab = await miniLab({ printing }, { outputCommit, period: "4ms", policy: SWAP });
    const events: TraceEvent[] = lab.runAll({ for: "6ms" });
    for (let i = 0; i < 12; i++) {
      events.push(...lab.runAll({ for: 2_100_000 + 190_000 * i }));
      events.push(...crashWhen(lab, () => kernelRuns(lab, "printing"), 900));
    }
    events.push(...lab.runAll({ for: "12ms" }));
    assert.deepEqual(actions(events, "printing"), Array(12).fill("swap-guest"));
    const seen = numbers(events, "printing", "n");
    assert.ok(seen.length > 30, `${seen.length} lines`);
    if (outputCommit) assertInOrder(seen, "held output");
    else assert.ok(new Set(seen).size < seen.length, "without it lines are doubled");
  }
});

Deno.test("outputCommit keeps a task's lines right with every journal mode", core, async () => {
  for (const journal of ["commit", "log", "off"] as const) {
    const g = queueGuest([producer(0), consumer(1)]);
    const options = { outputCommit: true, period: "3ms", policy: SWAP, journal } as const;
    using lab = await miniLab({ g }, options);
    const events: TraceEvent[] = lab.runAll({ for: "4ms" });
    for (let i = 0; i < 12; i++) {
      events.push(...lab.runAll({ for: 700_000 + 210_000 * i }));
      events.push(...crashWhen(lab, () => taskRuns(lab, "g", i % 2), 1100));
    }
    events.push(...lab.runAll({ for: "30ms" }));
    assert.deepEqual(actions(events, "g"), Array(12).fill("swap-task"), journal);
    const produced = numbers(events, "g", "p");
    // Held lines go with the task's rollback, so that even without a journal none is doubled.
    assertInOrder(produced, `${journal}: producer`);
    if (journal !== "off") assertInOrder(numbers(events, "g", "c"), `${journal}: consumer`, 4);
    assert.ok(produced.length > 15, `${journal}: ${produced.length}`);
  }
});

Deno.test(
  "outputCommit takes no more than there is room for, and asks for a checkpoint",
  core,
  async () => {
    // Writes 100 bytes at a time as fast as it can, and sums up what was taken.
    const flood = plainGuest({
      main: (c) => {
        c.swi(HC.TIMER_SET, 1000).label("l").print(HC.CONSOLE_WRITE, "x".repeat(99) + "\n");
        c.li(R1, KERNEL_DATA).ldr(R2, R1).op("add", R2, R2, R0).str(R2, R1);
        c.cmp(R0, imm(100)).b("l", "eq").swi(HC.WAIT).b("l");
      },
    });
    using lab = await miniLab({ flood }, { outputCommit: true, period: "1s" });
    const events = lab.runAll({ for: "40ms" });
    const held = heldBytes(lab, "flood");
    assert.ok(held <= HELD_OUTPUT);
    const shown = lab.board.peek(lab.vmRecord("flood") + VM.CONSOLE_BYTES, 4);
    assert.equal(shown + held, guestWord(lab, "flood", KERNEL_DATA), "every byte that was taken");
    // Each half full buffer makes a checkpoint, although the period is long.
    assert.ok(shown > 5 * HELD_OUTPUT, `${shown} bytes`);
    assert.ok(lines(events, "flood").length > 20);
  },
);

Deno.test("outputCommit asks for a task's checkpoint, too", core, async () => {
  const g = queueGuest([{
    name: "t",
    main: (c) => {
      c.label("l").print(CALL.PRINT, "y".repeat(79) + "\n");
      c.increment(taskData(0)).swi(CALL.DELAY).b("l");
    },
  }]);
  using lab = await miniLab({ g }, { outputCommit: true, period: "1s", journal: "off" });
  const events = lab.runAll({ for: "60ms" });
  assert.ok(lines(events, "g").length > 40, `${lines(events, "g").length} lines`);
  assert.ok(taskWord(lab, "g", 0, UNIT.CHECKPOINTS) > 5);
});

Deno.test("outputCommit shows nothing twice, however far a guest goes back", core, async () => {
  for (const outputCommit of [true, false]) {
    const policy = {
      ...SWAP,
      guest: [{ action: "older", limit: 1000 }, { action: "stop" }],
    } as const;
    const options = { outputCommit, period: "2ms", generations: 4, policy } as const;
    using lab = await miniLab({ printing }, options);
    const events: TraceEvent[] = lab.runAll({ for: "9ms" });
    for (let i = 0; i < 8; i++) {
      events.push(...lab.runAll({ for: 6_100_000 + 190_000 * i }));
      events.push(...crashWhen(lab, () => kernelRuns(lab, "printing"), 900));
    }
    events.push(...lab.runAll({ for: "12ms" }));
    const older = events.filter((e) => e.type === "recovery" && e.generation > 0);
    assert.equal(older.length, 8);
    const seen = numbers(events, "printing", "n");
    assert.ok(seen.length > 30, `${seen.length} lines`);
    if (outputCommit) assertInOrder(seen, "shown once");
    else assert.ok(new Set(seen).size < seen.length, "without it lines are doubled");
  }
});
