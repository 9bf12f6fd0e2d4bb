import assert from "node:assert/strict";
import type { Lab, LabOptions } from "../core/lab.ts";
import type { TraceEvent } from "../core/trace.ts";
import { UNIT } from "../core/layout.ts";
import {
  assertInOrder,
  CALL,
  consumed,
  consumer,
  crashWhen,
  numberOf,
  printNumber,
  producer,
  QUEUE,
  queueGuest,
  receiver,
  taskRuns,
  undoLog,
} from "./journal_guest.ts";
import { type Code, imm, R0, R1, R5, taskData } from "./mini_guest.ts";
import {
  actions,
  checkFrames,
  core,
  demoLab,
  guestWord,
  lines,
  miniLab,
  ofType,
  taskWord,
} from "./monitor_rig.ts";

const AGAIN = {
  task: [{ action: "swap", limit: 1000 }, { action: "stop" }],
  guest: [{ action: "swap", limit: 1000 }, { action: "stop" }],
  window: "1ms",
} as const;

/** Numbers from 0 to `below - 1`, the same for a seed. */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor(state / 2 ** 32 * below);
  };
}

/** What a run with crashes at random points gave. */
interface Numbered {
  lab: Lab;
  /** Numbers of the producer's lines, of the consumer's, of the receiver's. */
  produced: number[];
  printed: number[];
  received: number[];
  taken: number[];
  recoveries: string[];
  crashes: number;
}

async function crashing(options: Partial<LabOptions>, seed: number): Promise<Numbered> {
  const random = randomNumbers(seed);
  const g = queueGuest([producer(0, 2), consumer(1)]);
  const lab = await miniLab({ g, receiver }, { policy: AGAIN, period: "3ms", ...options });
  const events: TraceEvent[] = lab.runAll({ for: "3ms" });
  let crashes = 0;
  for (; crashes < 25; crashes++) {
    events.push(...lab.runAll({ for: 200_000 + random(2_000_000) }));
    const task = random(2);
    events.push(...crashWhen(lab, () => taskRuns(lab, "g", task), 700 + random(1500)));
  }
  events.push(...lab.runAll({ for: "30ms" }));
  const own = (vm: string, letter: string) =>
    lines(events, vm).filter((line) => line.startsWith(letter)).map((line) =>
      numberOf(line, letter)
    );
  return {
    lab,
    produced: own("g", "p"),
    printed: own("g", "c"),
    received: own("receiver", "p"),
    taken: consumed(lab, "g", 1),
    recoveries: actions(events, "g"),
    crashes,
  };
}

for (const journal of ["commit", "log"] as const) {
  Deno.test(`Journal with "${journal}" loses nothing and doubles nothing`, core, async () => {
    for (const [i, backup] of (["cow", "dirty", "full"] as const).entries()) {
      const run = await crashing({ journal, backup }, 17 + i);
      using lab = run.lab;
      const what = `${journal} ${backup}`;
      assert.deepEqual(run.recoveries, Array(run.crashes).fill("swap-task"), what);
      assertInOrder(run.produced, `${what}: produced`);
      assertInOrder(run.taken, `${what}: taken`);
      assertInOrder(run.printed, `${what}: printed`, 4);
      assertInOrder(run.received, `${what}: received`);
      assert.ok(run.produced.length > 20 && run.taken.length > 20, what);
      assert.ok(run.received.length > 15, what);
      // Nobody is held against a log any more.
      for (const task of [0, 1, 2]) assert.equal(taskWord(lab, "g", task, UNIT.REPLAY), 0, what);
      checkFrames(lab);
    }
  });
}

Deno.test('Journal with "off" doubles lines and loses items, and it shows', core, async () => {
  const run = await crashing({ journal: "off" }, 5);
  using _ = run.lab;
  assert.deepEqual(run.recoveries, Array(run.crashes).fill("swap-task"));
  const doubled = run.produced.length - new Set(run.produced).size;
  assert.ok(doubled > 0, `${run.produced}: nothing doubled`);
  assert.ok(run.received.length > new Set(run.received).size, "messages doubled");
  // Items that were taken and rolled back are taken by nobody.
  const taken = new Set(run.taken);
  const lost = Array.from({ length: Math.max(...run.taken) }, (_, i) => i + 1)
    .filter((n) => !taken.has(n));
  assert.ok(lost.length > 0, `${run.taken}: nothing lost`);
});

// --- one thing at a time ---------------------------------------------------------------------------

/** Where tasks of these tests keep a word that survives nothing, and one in the kernel that does. */
const DATA = taskData(0);

/** A guest of one task and an idle one; its kernel has a queue of 1, 2, ... `items`. */
function oneTask(
  items: number,
  main: (c: Code) => void,
  undo: "works" | "none" | "faults" = "works",
): Uint8Array {
  return queueGuest([{
    name: "t",
    main: (c) => {
      for (let i = 1; i <= items; i++) c.swi(CALL.PUT, i);
      c.swi(CALL.DELAY);
      main(c);
    },
  }], undo);
}

/** Faults as long as the kernel's count is below `times`: the host counts. */
const fault = (c: Code) => c.mov(R0, imm(0)).str(R0, R0);

/** Options in which only calls make checkpoints. */
const QUIET = { policy: AGAIN, period: "1s" } as const;

Deno.test("Journal.undo() hands consuming calls to the call-back, newest first", core, async () => {
  const image = oneTask(5, (c) => {
    for (let i = 1; i <= 3; i++) c.swi(CALL.TAKE, 0x70 + i);
    c.swi(CALL.NULL).swi(CALL.NOW).swi(CALL.TAKE, 0x74);
    fault(c);
  });
  const policy = { task: [{ action: "swap", limit: 1 }, { action: "stop" }] } as const;
  using lab = await miniLab({ g: image }, { ...QUIET, policy, journal: "commit" });
  const events = lab.runAll({ for: "10ms" });
  assert.deepEqual(actions(events, "g"), ["swap-task", "stop-task"]);
  const once = [4, 3, 2, 1].map((n) => ({
    task: 0,
    call: CALL.TAKE,
    argument: 0x70 + n,
    result: n,
  }));
  // Once for the rollback; what it took again went back when it was stopped.
  assert.deepEqual(undoLog(lab, "g"), [...once, ...once]);
  const head = guestWord(lab, "g", QUEUE.HEAD);
  const left = Array.from({ length: 5 }, (_, i) => guestWord(lab, "g", head + 4 * i));
  assert.deepEqual(left, [1, 2, 3, 4, 5]);
});

Deno.test("Journal.settle() takes a checkpoint when the journal is full", core, async () => {
  for (const journal of ["commit", "log"] as const) {
    // 45 items taken, no producing call between: the 32nd call is one checkpoint.
    const image = oneTask(0, (c) => {
      c.li(R1, DATA).label("l").swi(CALL.TAKE, 0).increment(DATA).cmp(R0, imm(45)).b("l", "ne");
      fault(c);
    });
    const policy = { task: [{ action: "swap", limit: 1 }, { action: "stop" }] } as const;
    using lab = await miniLab({ g: image }, { ...QUIET, policy, journal });
    const events = lab.runAll({ for: "10ms" });
    const own = ofType(events, "checkpoint", "g").filter((e) => e.task === "t");
    assert.equal(actions(events, "g").length, 2, journal);
    const undone = undoLog(lab, "g").length;
    // After the checkpoint at the 32nd, 13 are left to undo or to replay: at the rollback and the stop.
    assert.equal(undone, journal === "commit" ? 26 : 0, journal);
    // Its creation, the full journal, the rollback.
    assert.equal(own.length, 3, journal);
    assert.equal(
      lab.summary().vms.find((v) => v.vm === "g")!.tasks[0].calls,
      1 + 45 + 13,
    );
  }
});

Deno.test("Journal.settle() takes none after calls that have no entry", core, async () => {
  // Every call is producing but those of the loop; kernel call 0 is what an empty word reads as.
  const kinds = Object.values(CALL).map((call) =>
    call === CALL.PEEK || call === CALL.DELAY ? 0 : 2
  );
  for (const produces of [false, true]) {
    const image = queueGuest(
      [{
        name: "t",
        main: (c) => {
          c.label("l").increment(DATA).swi(produces ? CALL.NULL : CALL.PEEK, 0);
          c.li(R1, DATA).ldr(R0, R1).cmp(R0, imm(20)).b("l", "ne").spin();
        },
      }],
      "works",
      1000,
      kinds,
    );
    using lab = await miniLab({ g: image }, { ...QUIET, journal: "commit" });
    const events = lab.runAll({ for: "5ms" });
    assert.equal(guestWord(lab, "g", DATA), 20);
    const own = ofType(events, "checkpoint", "g").filter((e) => e.task === "t");
    // That of its creation, and one a call.
    assert.equal(own.length, produces ? 21 : 1);
  }
});

Deno.test("Vmm rolls a guest without call-back back as a whole", core, async () => {
  for (const journal of ["commit", "log", "off"] as const) {
    const image = oneTask(1, fault, "none");
    using lab = await miniLab({ g: image }, { journal, period: "1ms" });
    const seen = new Set(actions(lab.runAll({ for: "12ms" }), "g"));
    assert.equal(seen.has("swap-guest"), journal !== "off", `${journal}: ${[...seen]}`);
    assert.equal(seen.has("swap-task"), journal === "off", `${journal}: ${[...seen]}`);
  }
});

Deno.test(
  "Journal.leavesLog() drops the rest of the log and gives back what was taken there",
  core,
  async () => {
    // The host sets the word that decides the way, in the kernel's memory, through CALL.TAKE's queue: the
    // task's own memory is rolled back, so the way hangs on a call of kind NEUTRAL that the log leaves out.
    const image = oneTask(4, (c) => {
      c.swi(CALL.TAKE, 1).swi(CALL.TAKE, 2).print(CALL.PRINT, "both\n");
      c.swi(CALL.PEEK, 0).cmp(R0, imm(0)).b("other", "ne");
      c.swi(CALL.TAKE, 3).swi(CALL.TAKE, 4).print(CALL.PRINT, "one way\n").swi(CALL.POKE, 1);
      fault(c);
      c.label("other").swi(CALL.TAKE, 5).mov(R5, R0);
      printNumber(c, CALL.PRINT, "x", R5, DATA + 0x40);
      c.spin();
    });
    using lab = await miniLab({ g: image }, { ...QUIET, journal: "log" });
    const events = lab.runAll({ for: "10ms" });
    assert.deepEqual(actions(events, "g"), ["swap-task"]);
    // What was said on the way that it did not take again stays said; the two items are back.
    assert.deepEqual(lines(events, "g"), ["both", "one way", "xaaad"]);
    assert.deepEqual(undoLog(lab, "g").map((e) => e.result), [4, 3]);
    const head = guestWord(lab, "g", QUEUE.HEAD);
    assert.equal(guestWord(lab, "g", head), 4);
  },
);

Deno.test("Recovery.task() refuses an older generation with calls in between", core, async () => {
  for (const calls of [true, false]) {
    // The other task keeps the VM on the CPU, so that no cut of the guest lies in between.
    const spinning = { name: "u", main: (c: Code) => c.label("l").swi(CALL.YIELD).b("l") };
    const image = queueGuest([{
      name: "t",
      main: (c) => {
        c.swi(CALL.PUT, 1).swi(CALL.PUT, 2).increment(DATA).swi(CALL.YIELD);
        if (calls) c.swi(CALL.TAKE, 0);
        fault(c.swi(CALL.YIELD).increment(DATA));
      },
    }, spinning]);
    const task = [{ action: "older" }, { action: "restart" }, { action: "stop" }] as const;
    // A checkpoint at every switch-out.
    const options = { policy: { task }, period: 0, generations: 4 } as const;
    using lab = await miniLab({ g: image }, { ...options, journal: "commit" });
    const first = actions(lab.runAll({ for: "6ms" }), "g")[0];
    assert.equal(first, calls ? "restart-task" : "swap-task", `calls: ${calls}`);
  }
});

Deno.test("Vmm takes a fault inside the call-back for the guest's", core, async () => {
  const image = oneTask(1, (c) => fault(c.swi(CALL.TAKE, 0)), "faults");
  using lab = await miniLab({ g: image }, { ...QUIET, journal: "commit" });
  const events = lab.runAll({ for: "4ms" });
  const classes = ofType(events, "fault", "g").slice(0, 2).map((f) => f.class);
  assert.deepEqual(classes, ["task", "guest"]);
  assert.deepEqual(actions(events, "g").slice(0, 2), ["swap-task", "swap-guest"]);
  assert.ok(lab.summary().vms[1].faults >= 2 && !lab.stopped);
});

Deno.test("Recovery.task() undoes nothing when it skips an instruction", core, async () => {
  for (const journal of ["commit", "log"] as const) {
    const image = oneTask(2, (c) => {
      c.swi(CALL.TAKE, 0);
      fault(c).swi(CALL.TAKE, 0).mov(R5, R0);
      printNumber(c, CALL.PRINT, "x", R5, DATA + 0x40).spin();
    });
    const policy = { task: [{ action: "skip", limit: 9 }, { action: "stop" }] } as const;
    using lab = await miniLab({ g: image }, { ...QUIET, policy, journal });
    const events = lab.runAll({ for: "6ms" });
    assert.deepEqual(actions(events, "g"), ["skip"]);
    assert.deepEqual(lines(events, "g"), ["xaaac"], journal);
    assert.deepEqual(undoLog(lab, "g"), []);
  }
});

Deno.test("Recovery brings every task back that sits out after a crash", core, async () => {
  // Two tasks crash in one period; both have to be ready again later.
  const spinning = (task: number) => ({
    name: `t${task}`,
    main: (c: Code) => c.label("l").increment(taskData(task)).swi(CALL.YIELD).b("l"),
  });
  using lab = await miniLab({ g: queueGuest([spinning(0), spinning(1), spinning(2)]) }, {
    ...QUIET,
    journal: "commit",
  });
  lab.runAll({ for: "5200us" });
  for (const task of [1, 0, 2]) crashWhen(lab, () => taskRuns(lab, "g", task), 500);
  lab.runAll({ for: "100us" });
  assert.deepEqual(lab.summary().vms[1].tasks.slice(0, 3).map((t) => t.recoveries), [1, 1, 1]);
  const before = [0, 1, 2].map((t) => guestWord(lab, "g", taskData(t)));
  lab.runAll({ for: "4ms" });
  const after = [0, 1, 2].map((t) => guestWord(lab, "g", taskData(t)));
  assert.ok(after.every((n, t) => n > before[t]), `${before} -> ${after}`);
});

// --- the package's guests --------------------------------------------------------------------------

Deno.test("Journal keeps the numbers of the package's guests, whoever crashes", core, async () => {
  for (const journal of ["commit", "log"] as const) {
    using lab = await demoLab(["ucos-2", "logger"], { journal, policy: AGAIN });
    const events: TraceEvent[] = [...lab.runAll({ for: "80ms" })];
    for (let i = 0; i < 6; i++) {
      const [vm, task] = ([["ucos-2", 0], ["logger", 0], ["ucos-2", 1]] as const)[i % 3];
      events.push(...crashWhen(lab, () => taskRuns(lab, vm, task), 3300));
      events.push(...lab.runAll({ for: "11ms" }));
    }
    events.push(...lab.runAll({ for: "250ms" }));
    assert.deepEqual(actions(events, "ucos-2"), Array(4).fill("swap-task"));
    assert.deepEqual(actions(events, "logger"), Array(2).fill("swap-task"));
    const numbers = (vm: string, pattern: RegExp) =>
      lines(events, vm).map((line) => pattern.exec(line)).filter((m) => m !== null)
        .map((m) => Number(m[1]));
    const sampled = numbers("ucos-2", /^sensor: sample (\d+)/);
    const filtered = numbers("ucos-2", /^filter: after (\d+)/);
    const logged = numbers("logger", /^log (\d+)/);
    assertInOrder(sampled, `${journal}: sensor`, 2);
    assertInOrder(filtered, `${journal}: filter`, 2);
    assertInOrder(logged, `${journal}: logger`);
    assert.equal(filtered.length, sampled.length, journal);
    assert.ok(sampled.length > 4 && logged.length > 8, `${sampled.length} ${logged.length}`);
  }
});
