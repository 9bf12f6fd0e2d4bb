import assert from "node:assert/strict";
import type { LabOptions } from "../core/lab.ts";
import { CONTEXT, FRAME, MAP, PAGE_REC, UNIT, VM } from "../core/layout.ts";
import { frameRecord } from "../core/frames.ts";
import type { TraceEvent } from "../core/trace.ts";
import { HC } from "../core/vmi.ts";
import {
  CALL,
  type Code,
  imm,
  KERNEL,
  KERNEL_DATA,
  plainGuest,
  R0,
  R1,
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
  unitAddress,
  vmWord,
} from "./monitor_rig.ts";

/** Faults in a task or in the kernel. */
const crash = (c: Code) => c.mov(R0, imm(0)).str(R0, R0);

const beating = taskGuest({
  tasks: [{
    name: "beat",
    main: (c) => c.label("l").swi(CALL.COUNT).print(CALL.PRINT, "beat\n").swi(CALL.DELAY).b("l"),
  }],
});

async function run(
  guests: Record<string, Uint8Array>,
  ms: number,
  options: Partial<LabOptions> = {},
) {
  const lab = await miniLab(guests, options);
  return { lab, events: lab.runAll({ for: `${ms}ms` }) };
}

/** Kinds and classes of a VM's faults, in order. */
function faults(events: readonly TraceEvent[], vm: string): string[] {
  return ofType(events, "fault", vm).map((f) => `${f.kind} ${f.class} ${f.task ?? "-"}`);
}

// --- watchdog --------------------------------------------------------------------------------------

const HANGS: Readonly<Record<string, { image: Uint8Array; fault: string }>> = {
  "a task": {
    image: taskGuest({
      tasks: [{ name: "t", main: (c) => c.swi(CALL.DELAY).spin() }],
    }),
    fault: "watchdog task t",
  },
  "a kernel": {
    image: taskGuest({
      tasks: [{
        name: "t",
        main: (c) => c.swi(CALL.DELAY).li(R0, "k").swi(CALL.JUMP, "k").label("k").spin(),
      }],
    }),
    fault: "watchdog guest -",
  },
  "a plain guest": {
    image: plainGuest({ main: (c) => c.swi(HC.VERSION).spin() }),
    fault: "watchdog guest -",
  },
  "a plain guest that makes hypercalls": {
    image: plainGuest({ main: (c) => c.label("l").swi(HC.VERSION).b("l") }),
    fault: "watchdog guest -",
  },
};

for (const [what, { image, fault }] of Object.entries(HANGS)) {
  Deno.test(`watchdogDue() finds ${what} that hangs`, core, async () => {
    const options = { watchdog: "12ms", slice: "2ms", generations: 3 };
    const { lab, events } = await run({ g: image, beating }, 160, options);
    using _ = lab;
    const seen = faults(events, "g");
    // The ladder ends it: rollbacks where a checkpoint is older than the hang, one restart, the end.
    assert.ok(seen.length >= (what.startsWith("a plain") ? 2 : 5), `${seen.length} faults`);
    assert.ok(seen.every((f) => f === fault), seen.join());
    assert.match(actions(events, "g").at(-1)!, /^stop-/);
    const times = ofType(events, "fault", "g").map((f) => f.t);
    times.slice(1).forEach((t, i) => {
      assert.ok(t - times[i] >= 12e6 && t - times[i] < 22e6, `${t - times[i]} ns between`);
    });
    assert.deepEqual(faults(events, "beating"), []);
    assert.ok(lines(events, "beating").length > 100);
    checkFrames(lab);
  });
}

Deno.test("watchdogDue() leaves guests alone that rest, kick or asked for none", core, async () => {
  const guests = {
    idle: taskGuest({ tasks: [] }),
    waiting: plainGuest({ main: (c) => c.label("l").swi(HC.WAIT).b("l") }),
    beating,
    kicking: plainGuest({
      main: (c) => c.label("l").swi(HC.WATCHDOG, 5000).increment(KERNEL_DATA).b("l"),
    }),
    off: plainGuest({ main: (c) => c.swi(HC.WATCHDOG, 0).spin() }),
  };
  const { lab, events } = await run(guests, 120, { watchdog: "5ms", slice: "1ms" });
  using _ = lab;
  for (const vm of Object.keys(guests)) assert.deepEqual(faults(events, vm), [], vm);
  assert.ok(guestWord(lab, "kicking", KERNEL_DATA) > 100);
});

Deno.test("watchdogDue() leaves a guest alone that others keep from running", core, async () => {
  // About 4 ms of work between rests, beside four guests that never rest and kick themselves.
  const working = plainGuest({
    main: (c) =>
      c.swi(HC.TIMER_SET, 1000).label("l").li(R1, 200_000).label("w").op("sub", R1, R1, imm(1))
        .cmp(R1, imm(0)).b("w", "ne").increment(KERNEL_DATA).swi(HC.WAIT).b("l"),
  });
  const hog = plainGuest({ main: (c) => c.label("l").swi(HC.WATCHDOG, 8000).b("l") });
  const guests = { working, a: hog, b: hog, c: hog, d: hog };
  const { lab, events } = await run(guests, 200, { watchdog: "8ms", slice: "1ms" });
  using _ = lab;
  assert.deepEqual(faults(events, "working"), []);
  const rounds = guestWord(lab, "working", KERNEL_DATA);
  assert.ok(rounds > 2 && rounds < 200 / 8, `${rounds} rounds: it was kept from running`);
});

Deno.test("HC_WATCHDOG sets a guest's own period", core, async () => {
  const image = (us: number) => plainGuest({ main: (c) => c.swi(HC.WATCHDOG, us).spin() });
  const policy = { guest: [{ action: "stop" }] } as const;
  const guests = { quick: image(3000), slow: image(40_000) };
  const { lab, events } = await run(guests, 100, { policy, slice: "1ms" });
  using _ = lab;
  const [quick] = ofType(events, "fault", "quick");
  const [slow] = ofType(events, "fault", "slow");
  assert.ok(quick.t > 3e6 && quick.t < 8e6, `${quick.t}`);
  // Its own time: it had half of the CPU while the other was there.
  assert.ok(slow.t > quick.t / 2 + 40e6 && slow.t < quick.t + 44e6, `${slow.t}`);
});

// --- refused hypercalls ----------------------------------------------------------------------------

Deno.test("stormDue() counts refusals in a window", core, async () => {
  const refusing = (waits: boolean) =>
    plainGuest({
      main: (c) => {
        if (waits) c.swi(HC.TIMER_SET, 10_000);
        c.label("l").swi(99).increment(KERNEL_DATA);
        if (waits) c.swi(HC.WAIT);
        c.b("l");
      },
    });
  const policy = { guest: [{ action: "stop" }] } as const;
  const guests = { storm: refusing(false), drizzle: refusing(true), beating };
  const { lab, events } = await run(guests, 240, { refusals: 20, policy });
  using _ = lab;
  assert.deepEqual(faults(events, "storm"), ["hypercall guest -"]);
  assert.deepEqual(actions(events, "storm"), ["stop-guest"]);
  // The 20th refusal was one too many: 19 came back.
  assert.equal(guestWord(lab, "storm", KERNEL_DATA), 19);
  assert.deepEqual(faults(events, "drizzle"), [], "ten in a window are none too many");
  assert.ok(guestWord(lab, "drizzle", KERNEL_DATA) >= 20);
  const none = await run(guests, 20, { policy });
  using _n = none.lab;
  assert.deepEqual(faults(none.events, "storm"), []);
});

Deno.test("stormDue() starts anew after a storm, so that the ladder is climbed", core, async () => {
  const image = plainGuest({ main: (c) => c.label("l").swi(99).b("l") });
  const { lab, events } = await run({ g: image }, 60, { refusals: 50 });
  using _ = lab;
  const refused = vmWord(lab, "g", VM.REFUSED);
  assert.equal(refused, 50 * faults(events, "g").length);
  assert.equal(actions(events, "g").at(-1), "stop-guest");
});

Deno.test(
  "stormDue() blames the guest when a task's call made its kernel call wrongly",
  core,
  async () => {
    const image = taskGuest({
      tasks: [{ name: "t", main: (c) => c.label("l").li(4, 99).swi(CALL.HYPER, 0).b("l") }],
    });
    const { lab, events } = await run({ g: image }, 30, { refusals: 10 });
    using _ = lab;
    assert.ok(faults(events, "g").length > 0);
    assert.ok(
      faults(events, "g").every((f) => f === "hypercall guest -"),
      faults(events, "g").join(),
    );
  },
);

// --- damaged standby -------------------------------------------------------------------------------

/** Flips a bit of every version of the page of a guest address that a checkpoint may return to. */
function damageVersions(
  lab: Awaited<ReturnType<typeof miniLab>>,
  vm: string,
  va: number,
  which: "newest" | "all",
): number {
  const { board } = lab;
  const word = (pa: number) => board.peek(pa, 4);
  const record = lab.vmRecord(vm);
  let damaged = 0;
  for (let i = 0; i < word(record + VM.PAGE_COUNT); i++) {
    const page = word(record + VM.PAGES) + i * PAGE_REC.SIZE;
    if (word(page + PAGE_REC.VA) >>> 12 !== va >>> 12) continue;
    const frames: number[] = [];
    for (let f = word(page + PAGE_REC.HEAD); f !== 0; f = word(frameRecord(f) + FRAME.NEXT)) {
      frames.push(f);
    }
    for (const frame of which === "all" ? frames : frames.slice(-1)) {
      assert.ok(frame >= MAP.POOL);
      board.poke(frame + 0x7f0, (word(frame + 0x7f0) ^ 0x10) >>> 0);
      damaged++;
    }
  }
  return damaged;
}

Deno.test(
  "a damaged standby is never switched in: one generation down, then restart",
  core,
  async () => {
    const image = taskGuest({
      tasks: [{
        name: "t",
        main: (c) => c.label("l").increment(taskData(0)).swi(CALL.DELAY).li(R1, KERNEL.FREE).b("l"),
      }],
    });
    for (const backup of ["cow", "dirty", "full"] as const) {
      for (const which of ["newest", "all"] as const) {
        const options = { backup, checksums: true, generations: 3, period: "3ms" } as const;
        using lab = await miniLab({ g: image, beating }, options);
        lab.runAll({ for: "22500us" });
        const count = guestWord(lab, "g", taskData(0));
        // Its newest version is made with the next write after a checkpoint.
        const damaged = damageVersions(lab, "g", taskData(0), which);
        assert.ok(damaged > 0, `${backup}: there are versions`);
        // The saved context of the task goes into a hole.
        const slot = lab.board.peek(unitAddress(lab, "g", 2) + UNIT.SLOT, 4);
        lab.board.poke(slot + CONTEXT.PC, 0x01c0_0000);
        const events = lab.runAll({ for: "2500us" });
        const kinds = ofType(events, "fault", "g").map((f) => f.kind);
        const what = `${backup} ${which}: ${kinds} ${actions(events, "g")}`;
        assert.equal(kinds[0], "prefetch-abort", what);
        if (which === "all") {
          assert.ok(kinds.slice(1).every((k) => k === "standby-damaged") && kinds.length > 1, what);
          assert.deepEqual(actions(events, "g"), ["restart-task"], what);
          assert.ok(guestWord(lab, "g", taskData(0)) < 5, "it started anew");
        } else if (kinds.length > 1) {
          const [recovery] = ofType(events, "recovery", "g");
          assert.equal(recovery.action, "swap-task", what);
          assert.ok(recovery.generation >= 1, what);
          assert.ok(guestWord(lab, "g", taskData(0)) <= count + 3, what);
        }
        assert.equal(lab.stopped, false);
        assert.deepEqual(faults(events, "beating"), []);
        checkFrames(lab);
      }
    }
  },
);

Deno.test("without checksums a damaged standby is not noticed", core, async () => {
  const image = plainGuest({
    dataPages: 2,
    main: (c) => c.swi(HC.TIMER_SET, 1000).label("l").increment(KERNEL_DATA).swi(HC.WAIT).b("l"),
  });
  for (const checksums of [true, false]) {
    using lab = await miniLab({ g: image }, { checksums, period: "3ms" });
    lab.runAll({ for: "10500us" });
    assert.ok(damageVersions(lab, "g", KERNEL_DATA, "all") > 0);
    lab.board.poke(lab.vmRecord("g") + VM.KERNEL_CONTEXT + CONTEXT.PC, 0x01c0_0000);
    const events = lab.runAll({ for: "2ms" });
    const damaged = faults(events, "g").filter((f) => f === "standby-damaged guest -").length;
    assert.equal(damaged > 0, checksums);
    assert.deepEqual(actions(events, "g"), [checksums ? "restart-guest" : "swap-guest"]);
  }
});

// --- actions and classes ---------------------------------------------------------------------------

Deno.test("the action skip goes on after the instruction, in ARM and Thumb", core, async () => {
  const image = taskGuest({
    tasks: [{
      name: "t",
      main: (c) => {
        crash(c).increment(taskData(0));
        // Thumb: str r0, [r0]; str r0, [r0]; bx r1, with r0 = 0.
        c.li(R1, "arm").li(2, "thumb").add(2, imm(1)).mov(R0, imm(0)).put(0xe12f_ff12); // bx r2
        c.label("thumb").put(0x6000_6000, 0x46c0_4708); // str, str; bx r1, nop
        c.label("arm").increment(taskData(0)).print(CALL.PRINT, "through\n").label("e").swi(
          CALL.DELAY,
        ).b("e");
      },
    }],
    boot: (c) => crash(c).increment(KERNEL.FREE),
  });
  const step = [{ action: "skip", limit: 9 }, { action: "stop" }] as const;
  const { lab, events } = await run({ g: image }, 6, { policy: { task: step, guest: step } });
  using _ = lab;
  assert.deepEqual(actions(events, "g"), Array(4).fill("skip"));
  assert.deepEqual(ofType(events, "fault", "g").map((f) => f.class), [
    "guest",
    "task",
    "task",
    "task",
  ]);
  assert.deepEqual(lines(events, "g"), ["through"]);
  assert.equal(guestWord(lab, "g", taskData(0)), 2);
  assert.equal(guestWord(lab, "g", KERNEL.FREE), 1);
});

Deno.test("the action kill frees a task's priority, and a guest's slot", core, async () => {
  const image = taskGuest({
    tasks: [{ name: "t", main: crash }, { name: "u", main: (c) => c.spin() }],
  });
  const kill = [{ action: "kill" }] as const;
  const { lab, events } = await run({ g: image, beating }, 6, { policy: { task: kill } });
  using _ = lab;
  assert.deepEqual(actions(events, "g"), ["kill-task"]);
  assert.deepEqual(lab.summary().vms[1].tasks.map((t) => t.state), ["absent", "ready", "waiting"]);
  const bad = plainGuest({ main: crash });
  const all = await run({ bad, beating }, 12, { policy: { guest: kill } });
  using _a = all.lab;
  assert.deepEqual(actions(all.events, "bad"), ["kill-guest"]);
  assert.deepEqual(all.lab.summary().vms.map((v) => v.vm), ["vm0", "beating"]);
  assert.equal(ofType(all.events, "vm", "bad").at(-1)!.state, "none");
  assert.ok(lines(all.events, "beating").length > 6);
  checkFrames(all.lab);
});

Deno.test("the action halt stops the system with a post-mortem", core, async () => {
  const image = taskGuest({ tasks: [{ name: "t", main: (c) => crash(c.swi(CALL.DELAY)) }] });
  const { lab, events } = await run({ g: image }, 6, { policy: { task: [{ action: "halt" }] } });
  using _ = lab;
  assert.equal(lab.stopped, true);
  assert.equal(lab.summary().outcome, "stopped");
  const [post] = ofType(events, "post-mortem");
  assert.match(post.reason, /halt/);
  assert.ok(post.lines.length > 3);
});

Deno.test(
  "classify tells errors by the program counter or by the fault address",
  core,
  async () => {
    // A store from task 0 into task 1's data, one into a hole, and a jump into task 1's text.
    const cases: Readonly<Record<string, (c: Code) => Code>> = {
      "into a task": (c) => c.li(R1, taskData(1)).str(R0, R1),
      "into the kernel": (c) => c.li(R1, KERNEL_DATA).str(R0, R1),
      "into a hole": (c) => c.li(R1, 0x01c0_0000).str(R0, R1),
      "into another VM": (c) => c.li(R1, 0x6400_0000).str(R0, R1),
      "by a jump into a hole": (c) => c.li(15, 0x01c0_0000),
    };
    const wanted: Readonly<Record<string, Readonly<Record<string, string>>>> = {
      context: {
        "into a task": "task t0",
        "into the kernel": "task t0",
        "into a hole": "task t0",
        "into another VM": "task t0",
        "by a jump into a hole": "task t0",
      },
      pc: {
        "into a task": "task t0",
        "into the kernel": "task t0",
        "into a hole": "task t0",
        "into another VM": "task t0",
        "by a jump into a hole": "guest -",
      },
      far: {
        "into a task": "task t1",
        "into the kernel": "guest -",
        "into a hole": "guest -",
        "into another VM": "guest -",
        "by a jump into a hole": "guest -",
      },
    };
    for (const classify of ["context", "pc", "far"] as const) {
      for (const [what, main] of Object.entries(cases)) {
        const image = taskGuest({
          tasks: [
            { name: "t0", main: (c) => main(c.swi(CALL.YIELD)).spin() },
            { name: "t1", main: (c) => c.label("l").increment(taskData(1)).swi(CALL.YIELD).b("l") },
          ],
        });
        const { lab, events } = await run({ g: image, beating }, 12, { policy: { classify } });
        using _ = lab;
        const [first] = ofType(events, "fault", "g");
        assert.equal(
          `${first.class} ${first.task ?? "-"}`,
          wanted[classify][what],
          `${classify} ${what}`,
        );
        // Whoever is blamed, it comes to an end, and nobody else is touched.
        assert.match(actions(events, "g").at(-1)!, /^stop-/, `${classify} ${what}`);
        assert.equal(lab.stopped, false);
        assert.ok(lines(events, "beating").length > 2);
        checkFrames(lab);
      }
    }
  },
);
