import assert from "node:assert/strict";
import fc from "fast-check";
import type { Lab, LabOptions } from "../core/lab.ts";
import { UNIT, VM } from "../core/layout.ts";
import { checkPolicy, DEFAULT_POLICY, type LadderStep } from "../core/policy.ts";
import { InputError } from "../core/errors.ts";
import { activeAddress } from "../core/fault.ts";
import type { FaultEvent } from "../core/trace.ts";
import { slotMva } from "../core/vm.ts";
import { HC, PAGE, SLOT_MAP, VM_STATE } from "../core/vmi.ts";
import {
  CALL,
  type Code,
  imm,
  KERNEL,
  KERNEL_DATA,
  LR,
  PC,
  plainGuest,
  R0,
  R1,
  R10,
  R2,
  R4,
  R5,
  R8,
  SP,
  STACK_OFFSET,
  taskBase,
  taskData,
  taskGuest,
  taskStack,
  UNDEFINED,
} from "./mini_guest.ts";
import {
  actions,
  checkFrames,
  core,
  guestWord,
  lines,
  miniLab,
  miniVm0,
  ofType,
  taskWord,
  unitAddress,
  vmWord,
} from "./monitor_rig.ts";

/** Stores to address 0, which is the kernel's: a data abort in a task. */
const crash = (c: Code) => c.mov(R0, imm(0)).str(R0, R0);
/** Stores to address 0 in kernel mode, where it is read-only text. */
const kernelCrash = crash;

const spinner = { name: "other", main: (c: Code) => c.label("l").increment(taskData(1)).b("l") };

/** A task that faults at once, beside one that works. */
const crashing = taskGuest({ tasks: [{ name: "bad", main: crash }, spinner] });

/** A plain guest that faults at once. */
const crashingKernel = plainGuest({ main: kernelCrash });

/** Counts in memory; what it prints is told by nobody else. */
const healthy = taskGuest({
  tasks: [{
    name: "beat",
    main: (c) => c.label("l").swi(CALL.COUNT).print(CALL.PRINT, "beat\n").swi(CALL.DELAY).b("l"),
  }],
});

async function run(
  guests: Record<string, Uint8Array>,
  ms: number,
  options: Partial<LabOptions> = {},
): Promise<{ lab: Lab; events: ReturnType<Lab["runAll"]> }> {
  const lab = await miniLab(guests, options);
  return { lab, events: lab.runAll({ for: `${ms}ms` }) };
}

// --- ladders ---------------------------------------------------------------------------------------

/** What a ladder comes to for a unit that faults at once, over and over. */
function expected(ladder: readonly LadderStep[], kind: "task" | "guest", canSwap: boolean) {
  const out: string[] = [];
  for (const { action, limit } of ladder) {
    if (action === "halt") return [...out, "halt"];
    if (action === "stop") return [...out, `stop-${kind}`];
    if (action === "swap" && !canSwap) continue;
    // There is but one checkpoint, so that there is no older one.
    if (action === "older") continue;
    for (let i = 0; i < (limit ?? 1); i++) out.push(`${action}-${kind}`);
  }
  return out;
}

const LADDERS: readonly (readonly LadderStep[])[] = [
  [{ action: "stop" }],
  [{ action: "halt" }],
  [{ action: "swap", limit: 1 }, { action: "stop" }],
  [{ action: "swap" }, { action: "halt" }],
  [{ action: "restart", limit: 3 }, { action: "stop" }],
  [{ action: "older", limit: 2 }, { action: "stop" }],
  [{ action: "swap", limit: 4 }, { action: "restart", limit: 2 }, { action: "stop" }],
  [
    { action: "restart" },
    { action: "swap", limit: 2 },
    { action: "restart" },
    { action: "swap" },
    { action: "restart", limit: 2 },
    { action: "stop" },
  ],
  [{ action: "stop", limit: 5 }, { action: "restart" }, { action: "halt" }],
];

Deno.test("Recovery.task() climbs every ladder to its end", core, async () => {
  for (const task of [...LADDERS, DEFAULT_POLICY.task]) {
    for (const resume of ["immediate", "yield"] as const) {
      for (const backup of ["cow", "off"] as const) {
        const what = `${JSON.stringify(task)} ${resume} ${backup}`;
        const options = { policy: { task, resume }, backup, generations: 1 };
        const { lab, events } = await run({ g: crashing, healthy }, 24, options);
        using _ = lab;
        const wanted = expected(task, "task", backup !== "off");
        assert.deepEqual(actions(events, "g"), wanted, what);
        const halts = task.find((s) => s.action === "stop" || s.action === "halt")!.action;
        assert.equal(lab.summary().outcome, halts === "halt" ? "stopped" : "ended", what);
        const faults = ofType(events, "fault", "g");
        assert.equal(faults.length, wanted.length, what);
        assert.ok(faults.every((f) => f.class === "task" && f.task === "bad"), what);
        if (halts === "halt") continue;
        assert.equal(lab.summary().vms[1].tasks[0].state, "stopped");
        assert.ok(guestWord(lab, "g", taskData(1)) > 1000, `${what}: the other task works`);
        assert.ok(lines(events, "healthy").length > 10, what);
        assert.deepEqual(actions(events, "healthy"), []);
        checkFrames(lab);
      }
    }
  }
});

Deno.test("Recovery.guest() climbs every ladder to its end", core, async () => {
  for (const guest of [...LADDERS, DEFAULT_POLICY.guest]) {
    for (const backup of ["cow", "off"] as const) {
      const what = `${JSON.stringify(guest)} ${backup}`;
      const options = { policy: { guest }, backup, generations: 1 };
      const { lab, events } = await run({ g: crashingKernel, healthy }, 12, options);
      using _ = lab;
      const wanted = expected(guest, "guest", backup !== "off");
      assert.deepEqual(actions(events, "g"), wanted, what);
      const halts = guest.find((s) => s.action === "stop" || s.action === "halt")!.action;
      assert.equal(lab.summary().outcome, halts === "halt" ? "stopped" : "ended", what);
      assert.ok(ofType(events, "fault", "g").every((f) => f.class === "guest"), what);
      if (halts === "halt") continue;
      assert.equal(lab.summary().vms[1].state, "failed", what);
      const last = ofType(events, "vm", "g").at(-1)!;
      assert.deepEqual([last.state, last.reason], [
        "failed",
        "its recovery ladder came to its end",
      ]);
      assert.ok(lines(events, "healthy").length > 5, what);
      checkFrames(lab);
    }
  }
});

Deno.test("Recovery.task() follows any ladder as its rule says", core, async () => {
  const step = fc.record({
    action: fc.constantFrom<LadderStep["action"]>("swap", "older", "restart"),
    limit: fc.integer({ min: 1, max: 4 }),
  });
  const ladder = fc.tuple(fc.array(step, { maxLength: 6 }), fc.constantFrom("stop", "halt"))
    .map(([steps, action]) => [...steps, { action }] as LadderStep[]);
  await fc.assert(
    fc.asyncProperty(ladder, fc.boolean(), async (task, yields) => {
      const policy = { task, resume: yields ? "yield" : "immediate" } as const;
      const { lab, events } = await run({ g: crashing }, 30, { policy, generations: 1 });
      using _ = lab;
      assert.deepEqual(actions(events, "g"), expected(task, "task", true));
    }),
    { numRuns: 15, seed: 6, endOnFailure: true },
  );
});

Deno.test("Recovery.task() starts a ladder anew when its window has passed", core, async () => {
  // Works for about 4 ms, then faults: with a window of 3 ms each fault is a first one.
  const image = taskGuest({
    tasks: [{
      name: "slow",
      main: (c) => {
        for (let i = 0; i < 4; i++) c.swi(CALL.DELAY);
        crash(c);
      },
    }, spinner],
  });
  const task = [{ action: "swap" }, { action: "restart" }, { action: "stop" }] as const;
  const options = { period: "1s" };
  const short = await run({ g: image }, 40, { ...options, policy: { task, window: "3ms" } });
  const long = await run({ g: image }, 40, { ...options, policy: { task, window: "1s" } });
  using _a = short.lab;
  using _b = long.lab;
  const seen = actions(short.events, "g");
  assert.ok(seen.length >= 3 && seen.every((a) => a === "swap-task"), seen.join());
  assert.deepEqual(actions(long.events, "g"), ["swap-task", "restart-task", "stop-task"]);
});

Deno.test("checkPolicy() refuses ladders that make no sense", core, () => {
  const cases: [Parameters<typeof checkPolicy>[0], RegExp][] = [
    [{ task: [] }, /policy\.task: not a ladder; allowed: 1 to 7 steps/],
    [{ task: [{ action: "swap" }] }, /policy\.task: ends with "swap"; allowed: stop/],
    [{ guest: [{ action: "restart" }] }, /policy\.guest: ends with "restart"/],
    [
      { task: [{ action: "swap", limit: 0 }, { action: "stop" }] },
      /\[0\]\.limit: 0 is not allowed; allowed/,
    ],
    [{ task: [{ action: "swap", limit: 1.5 }, { action: "stop" }] }, /limit: 1\.5/],
    [{ task: [{ action: "swap", limit: 1001 }, { action: "stop" }] }, /allowed: 1 to 1000/],
    [
      { task: [{ action: "fly" as "swap" }] },
      /task\[0\]\.action: "fly" is not allowed; allowed: swap/,
    ],
    [{ task: Array(8).fill({ action: "stop" }) }, /allowed: 1 to 7 steps/],
    [{ task: "swap" as never }, /not a ladder/],
    [{ window: 0 }, /policy\.window: "0" is not allowed; allowed: more than 0/],
    [{ window: "soon" }, /policy\.window: "soon" is no time/],
    [
      { resume: "later" as "yield" },
      /policy\.resume: "later" is not allowed; allowed: yield, immediate/,
    ],
    [
      { classify: "luck" as "pc" },
      /policy\.classify: "luck" is not allowed; allowed: context, pc, far/,
    ],
  ];
  for (const [policy, pattern] of cases) {
    assert.throws(
      () => checkPolicy(policy),
      (e) => e instanceof InputError && pattern.test(e.message),
    );
  }
  assert.deepEqual(checkPolicy(), DEFAULT_POLICY);
});

// --- kinds of faults -------------------------------------------------------------------------------

interface FaultKindCase {
  /** What a task does. */
  main: (c: Code) => void;
  kind: FaultEvent["kind"];
  fsr?: string;
  /** Fault address in the guest. */
  far?: number;
  /** The same from kernel mode, where it is not the same. */
  kernel?: { fsr?: string; far?: number };
  /** Does not fault in kernel mode. */
  taskOnly?: boolean;
}

/** Address of the last word before the guard page below a task's stack. */
const BELOW_STACK = taskBase(0) + STACK_OFFSET - 4;

const KINDS: Readonly<Record<string, FaultKindCase>> = {
  "undefined instruction": { main: (c) => c.put(UNDEFINED), kind: "undefined" },
  "coprocessor register in User mode": { main: (c) => c.put(0xee01_0f10), kind: "undefined" },
  "coprocessor that is not there": { main: (c) => c.put(0xed90_0a00), kind: "undefined" },
  "load from a hole": {
    main: (c) => c.li(R1, 0x01c0_0000).ldr(R0, R1),
    kind: "data-abort",
    fsr: "translation-section",
    far: 0x01c0_0000,
  },
  "load from a hole in its piece": {
    main: (c) => c.li(R1, taskBase(0) + 0x9_0000).ldr(R0, R1),
    kind: "data-abort",
    fsr: "translation-page",
    far: taskBase(0) + 0x9_0000,
  },
  "store to its text": {
    main: (c) => c.li(R1, taskBase(0)).str(R0, R1),
    kind: "data-abort",
    fsr: "permission-page",
    far: taskBase(0),
  },
  "store through null": {
    main: crash,
    kind: "data-abort",
    fsr: "domain-page",
    far: 0,
    kernel: { fsr: "permission-page", far: 0 },
  },
  "misaligned load": {
    main: (c) => c.li(R1, taskData(0) + 2).ldr(R0, R1),
    kind: "data-abort",
    fsr: "alignment",
    far: taskData(0) + 2,
  },
  "misaligned store": {
    main: (c) => c.li(R1, taskData(0) + 1).str(R0, R1),
    kind: "data-abort",
    fsr: "alignment",
    far: taskData(0) + 1,
  },
  "misaligned load of several registers": {
    main: (c) => c.li(R1, taskData(0) + 1).put(0xe891_000c),
    kind: "data-abort",
    fsr: "alignment",
  },
  "misaligned halfword": {
    main: (c) => c.li(R1, taskData(0) + 1).put(0xe1d1_00b0),
    kind: "data-abort",
    fsr: "alignment",
    far: taskData(0) + 1,
  },
  "call through null": {
    main: (c) => c.mov(R4, imm(0)).mov(LR, PC).mov(PC, R4),
    kind: "prefetch-abort",
    fsr: "domain-page",
    far: 0,
    taskOnly: true,
  },
  "jump to a hole": {
    main: (c) => c.li(PC, 0x01c0_0000),
    kind: "prefetch-abort",
    fsr: "translation-section",
    far: 0x01c0_0000,
  },
  // ARMv4 has no "execute never": zeros are executed up to the end of the page.
  "jump into data": {
    main: (c) => c.li(PC, taskData(0)),
    kind: "prefetch-abort",
    fsr: "translation-page",
    far: taskData(0) + PAGE,
  },
  "jump to the monitor": {
    main: (c) => c.li(PC, 0x3000_0000),
    kind: "prefetch-abort",
    fsr: "permission-section",
  },
  "load from the monitor": {
    main: (c) => c.li(R1, 0x3001_0000).ldr(R0, R1),
    kind: "data-abort",
    fsr: "permission-section",
  },
  "store to a device": {
    main: (c) => c.li(R1, 0x4a00_0000).str(R0, R1),
    kind: "data-abort",
    fsr: "permission-section",
  },
  "stack overflow": {
    main: (c) => c.label("deep").put(0xe92d_40ff).bl("deep"), // stmdb sp!, {r0-r7, lr}
    kind: "data-abort",
    fsr: "translation-page",
  },
  "stack pointer lost": {
    main: (c) => c.li(SP, 0x2fff_fff0).put(0xe92d_0003),
    kind: "data-abort",
    fsr: "translation-section",
  },
  "store of several registers across the end": {
    main: (c) => c.li(R1, taskData(0) + PAGE - 8).put(0xe881_000f), // stmia r1, {r0-r3}
    kind: "data-abort",
    fsr: "translation-page",
    far: taskData(0) + PAGE,
  },
  "swap in a hole": {
    main: (c) => c.li(R1, 0x01c0_0000).put(0xe101_0090),
    kind: "data-abort",
    fsr: "translation-section",
    far: 0x01c0_0000,
  },
  "Thumb: undefined instruction": {
    main: (c) => c.li(R1, "thumb").add(R1, imm(1)).put(0xe12f_ff11).label("thumb").put(0xde00_de00),
    kind: "undefined",
  },
};

function checkFault(what: string, fault: FaultEvent, wanted: FaultKindCase, base: number): void {
  assert.equal(fault.kind, wanted.kind, what);
  if (wanted.fsr !== undefined) assert.equal(fault.fsr, wanted.fsr, what);
  if (wanted.far !== undefined) {
    const far = fault.kind === "prefetch-abort" ? wanted.far : base + wanted.far;
    assert.equal(Number(fault.far), far, `${what}: far`);
  }
  if (fault.kind !== "prefetch-abort") assert.ok(fault.instruction !== undefined, what);
}

Deno.test("Vmm finds every kind of fault in a task, and the ladder ends it", core, async () => {
  const guests: Record<string, Uint8Array> = { healthy };
  for (const [i, { main }] of Object.values(KINDS).entries()) {
    guests[`g${i}`] = taskGuest({ tasks: [{ name: "bad", main }, spinner] });
  }
  const policy = {
    task: [{ action: "swap", limit: 2 }, { action: "restart" }, { action: "stop" }],
  };
  const { lab, events } = await run(guests, 260, { policy: policy as never, slice: "1ms" });
  using _ = lab;
  Object.entries(KINDS).forEach(([what, wanted], i) => {
    const faults = ofType(events, "fault", `g${i}`);
    assert.equal(faults.length, 4, `${what}: ${faults.map((f) => f.kind)}`);
    for (const fault of faults) {
      checkFault(what, fault, wanted, slotMva(i + 2, 0));
      assert.deepEqual([fault.class, fault.task], ["task", "bad"], what);
    }
    assert.deepEqual(
      actions(events, `g${i}`),
      ["swap-task", "swap-task", "restart-task", "stop-task"],
      what,
    );
    assert.ok(guestWord(lab, `g${i}`, taskData(1)) > 100, `${what}: the other task works`);
  });
  assert.equal(ofType(events, "fault", "healthy").length, 0);
  assert.ok(lines(events, "healthy").length > 5);
  checkFrames(lab);
});

Deno.test(
  "Vmm finds every kind of fault in a guest's kernel, and the ladder ends it",
  core,
  async () => {
    const guests: Record<string, Uint8Array> = { healthy };
    const kinds = Object.entries(KINDS).filter(([, k]) => !k.taskOnly);
    for (const [i, [, { main }]] of kinds.entries()) {
      // The task's kernel jumps to the text of the task that called it.
      guests[`g${i}`] = taskGuest({
        tasks: [{
          name: "t",
          main: (c) => {
            c.swi(CALL.JUMP, "inKernel").spin().label("inKernel");
            main(c);
            c.spin();
          },
        }],
      });
    }
    const policy = {
      guest: [{ action: "swap", limit: 2 }, { action: "restart" }, { action: "stop" }],
    };
    const { lab, events } = await run(guests, 260, { policy: policy as never, slice: "1ms" });
    using _ = lab;
    kinds.forEach(([what, wanted], i) => {
      const vm = `g${i}`;
      const faults = ofType(events, "fault", vm);
      assert.equal(faults.length, 4, `${what}: ${faults.map((f) => f.kind)}`);
      for (const fault of faults) {
        checkFault(what, fault, { ...wanted, ...wanted.kernel }, slotMva(i + 2, 0));
        assert.deepEqual([fault.class, fault.task], ["guest", undefined], what);
      }
      assert.deepEqual(
        actions(events, vm),
        ["swap-guest", "swap-guest", "restart-guest", "stop-guest"],
        what,
      );
      assert.equal(lab.summary().vms[i + 2].state, "failed");
    });
    assert.equal(ofType(events, "fault", "healthy").length, 0);
    assert.ok(lines(events, "healthy").length > 5);
    checkFrames(lab);
  },
);

Deno.test(
  "Vmm reports a stack overflow at the guard page, and the neighbour's bytes are whole",
  core,
  async () => {
    const image = taskGuest({
      tasks: [{
        name: "deep",
        data: new Uint8Array(PAGE).fill(0xa5),
        main: (c) => c.label("deep").put(0xe92d_40ff).bl("deep"),
      }],
    });
    const { lab, events } = await run({ g: image }, 3, { policy: { task: [{ action: "stop" }] } });
    using _ = lab;
    const [fault] = ofType(events, "fault", "g");
    const far = Number(fault.far) - slotMva(1, 0);
    assert.ok(far <= BELOW_STACK && far > BELOW_STACK - 36, `0x${far.toString(16)}`);
    for (let i = 0; i < PAGE; i += 4) {
      assert.equal(guestWord(lab, "g", taskData(0) + i), 0xa5a5_a5a5);
    }
  },
);

// --- what comes back -------------------------------------------------------------------------------

Deno.test(
  "Recovery.task() brings memory, stack and registers back, kernel and others go on",
  core,
  async () => {
    const image = taskGuest({
      tasks: [
        {
          name: "victim",
          main: (c) => {
            // State of the checkpoint: memory 7, stack 8, r8 = 9, r10 = 10.
            c.mov(R0, imm(7)).li(R1, taskData(0)).str(R0, R1);
            c.mov(R0, imm(8)).put(0xe52d_0004).mov(R8, imm(9)).mov(R10, imm(10)); // push {r0}
            c.mov(R4, imm(HC.CHECKPOINT)).swi(CALL.HYPER, 0).swi(CALL.YIELD);
            // From here on it runs again after the swap.
            c.swi(CALL.COUNT).mov(R5, R0).cmp(R5, imm(1)).b("second", "ne");
            c.mov(R0, imm(0x77)).li(R1, taskData(0)).str(R0, R1).put(0xe58d_0000); // str r0, [sp]
            c.mov(R8, imm(0x99)).mov(R10, imm(0xaa)).mov(SP, imm(0));
            crash(c);
            c.label("second").li(R1, taskData(0) + 0x80).str(R8, R1).str(R10, R1, 4);
            c.put(0xe59d_2000).str(R2, R1, 8).str(SP, R1, 12); // ldr r2, [sp]
            c.li(R2, taskData(0)).ldr(R2, R2).str(R2, R1, 16).print(CALL.PRINT, "back\n").spin();
          },
        },
        { name: "other", main: (c) => c.label("l").increment(taskData(1)).swi(CALL.YIELD).b("l") },
      ],
    });
    for (const backup of ["full", "dirty", "cow"] as const) {
      for (const resume of ["immediate", "yield"] as const) {
        const what = `${backup} ${resume}`;
        const { lab, events } = await run({ g: image }, 12, { backup, policy: { resume } });
        using _ = lab;
        assert.deepEqual(actions(events, "g"), ["swap-task"], what);
        assert.deepEqual(lines(events, "g"), ["back"], what);
        const seen = [0, 4, 8, 12, 16].map((o) => guestWord(lab, "g", taskData(0) + 0x80 + o));
        assert.deepEqual(seen, [9, 10, 8, taskStack(0) - 4, 7], what);
        assert.ok(
          guestWord(lab, "g", KERNEL.COUNT) === 2,
          "the kernel's memory was not rolled back",
        );
        const [recovery] = ofType(events, "recovery");
        assert.ok(recovery.lost > 0 && recovery.lost < 5e6 && recovery.cycles > 0, what);
        assert.equal(recovery.generation, 0);
      }
    }
  },
);

Deno.test("Recovery.guest() brings a guest back with all its tasks", core, async () => {
  // Counts in kernel and task memory up to 20, then its kernel faults; the cut is taken at about 8.
  const image = taskGuest({
    tickUs: 200,
    tasks: [
      {
        name: "counter",
        main: (c) => {
          c.label("l").swi(CALL.COUNT).li(R1, taskData(0)).str(R0, R1).mov(R5, R0);
          c.cmp(R5, imm(8)).b("no", "ne").mov(R4, imm(HC.CHECKPOINT)).swi(CALL.HYPER, 0xffff_ffff);
          c.label("no").cmp(R5, imm(20)).b("on", "ne").swi(CALL.JUMP, "crash");
          c.label("on").swi(CALL.DELAY).b("l");
          c.label("crash");
          kernelCrash(c);
        },
      },
      { name: "other", main: (c) => c.label("l").increment(taskData(1)).swi(CALL.DELAY).b("l") },
    ],
  });
  const guest = [{ action: "swap", limit: 3 }, { action: "stop" }] as const;
  for (const backup of ["full", "dirty", "cow"] as const) {
    const options = { backup, period: "1s", policy: { guest } };
    using lab = await miniLab({ g: image }, options);
    const seen: number[][] = [];
    const look = () =>
      [KERNEL.COUNT, taskData(0), taskData(1)].map((va) => guestWord(lab, "g", va));
    let atCut: number[] = [];
    lab.recorder.onEvent = (e) => {
      if (e.type === "checkpoint" && e.task === undefined) atCut = look();
      if (e.type === "fault") seen.push(look());
      if (e.type === "recovery" && e.action === "swap-guest") seen.push(look());
    };
    const events = lab.runAll({ for: "40ms" });
    assert.deepEqual(actions(events, "g"), [
      "swap-guest",
      "swap-guest",
      "swap-guest",
      "stop-guest",
    ]);
    assert.equal(seen.length, 7, backup);
    assert.equal(atCut[0], 8, backup);
    for (let i = 0; i < 3; i++) {
      assert.deepEqual(seen[2 * i].slice(0, 2), [20, 20], backup);
      assert.deepEqual(seen[2 * i + 1], atCut, `${backup}: back at the cut`);
    }
    const [first] = ofType(events, "recovery");
    assert.ok(first.lost > 1.5e6 && first.lost < 4e6, `${backup}: lost ${first.lost}`);
  }
});

Deno.test(
  "Recovery.guest() brings a plain guest back, in and out of its interrupt handler",
  core,
  async () => {
    for (const inHandler of [false, true]) {
      const image = plainGuest({
        main: (c) => {
          c.swi(HC.TIMER_SET, 300);
          c.label("l").swi(HC.WAIT).increment(KERNEL_DATA).cmp(R0, imm(20)).b("l", "ne");
          if (!inHandler) kernelCrash(c);
          c.b("l");
        },
        irq: (c) => {
          c.increment(KERNEL_DATA + 4).cmp(R0, imm(20)).b("fine", "ne");
          if (inHandler) kernelCrash(c);
          c.label("fine");
        },
      });
      const guest = [{ action: "swap", limit: 2 }, { action: "restart" }, {
        action: "stop",
      }] as const;
      using lab = await miniLab({ g: image }, { policy: { guest }, period: "2ms" });
      const counts: number[] = [];
      lab.recorder.onEvent = (e) => {
        if (e.type === "fault" || e.type === "recovery") {
          counts.push(
            guestWord(lab, "g", KERNEL_DATA),
          );
        }
      };
      const events = lab.runAll({ for: "40ms" });
      const wanted = ["swap-guest", "swap-guest", "restart-guest", "stop-guest"];
      assert.deepEqual(actions(events, "g"), wanted, `${inHandler}`);
      // At least 19 at each fault; a few less after a swap, as the period is 2 ms; 0 after a restart.
      assert.ok([0, 2, 4, 6].every((i) => counts[i] >= 19), counts.join());
      assert.ok([1, 3].every((i) => counts[i] >= 8 && counts[i] < 20), counts.join());
      assert.equal(counts[5], 0);
    }
  },
);

Deno.test("Recovery.task() restarts with text and data of the image", core, async () => {
  // The host damages text and data of a running task; only the image can heal the text.
  const image = taskGuest({
    tasks: [{
      name: "t",
      data: new Uint8Array([1, 2, 3, 4]),
      main: (c) =>
        c.print(CALL.PRINT, "start\n").label("l").increment(taskData(0) + 8).swi(CALL.DELAY)
          .label("damaged").mov(R0, R0).b("l"),
    }, spinner],
  });
  let damaged = 0;
  const task = [{ action: "swap", limit: 2 }, { action: "restart" }, { action: "stop" }] as const;
  using lab = await miniLab({ g: image }, { policy: { task }, slice: "1ms" });
  lab.runAll({ for: "6ms" });
  const text = activeAddress(lab.board, lab.vmRecord("g"), taskBase(0));
  for (let i = 0; i < 0x100; i += 4) {
    if (lab.board.peek(text + i, 4) === 0xe1a0_0000) damaged = text + i;
  }
  assert.ok(damaged > 0);
  lab.board.poke(damaged, UNDEFINED);
  const before = guestWord(lab, "g", taskData(0) + 8);
  assert.ok(before > 2);
  const events = lab.runAll({ for: "30ms" });
  assert.deepEqual(actions(events, "g"), ["swap-task", "swap-task", "restart-task"]);
  assert.ok(ofType(events, "fault").every((f) => f.kind === "undefined"));
  const restart = ofType(events, "recovery").at(-1)!.t;
  assert.deepEqual(lines(events.filter((e) => e.t > restart), "g"), ["start"]);
  assert.equal(guestWord(lab, "g", taskData(0)), 0x0403_0201);
  assert.ok(guestWord(lab, "g", taskData(0) + 8) > 5, "it works again");
});

Deno.test(
  "Recovery.guest() restarts with the whole image, and the guest boots again",
  core,
  async () => {
    const image = taskGuest({
      tasks: [{
        name: "t",
        main: (c) => c.print(CALL.PRINT, "up\n").label("l").swi(CALL.COUNT).swi(CALL.DELAY).b("l"),
      }],
      boot: (c) => c.print(HC.CONSOLE_WRITE, "boot\n"),
    });
    using lab = await miniLab({ g: image });
    assert.deepEqual(lines(lab.runAll({ for: "6ms" }), "g"), ["boot", "up"]);
    // All of the kernel's text is gone; the standby has no copy of text.
    const text = activeAddress(lab.board, lab.vmRecord("g"), 0);
    for (let i = 0; i < PAGE; i += 4) lab.board.poke(text + i, UNDEFINED);
    const events = lab.runAll({ for: "30ms" });
    const seen = actions(events, "g");
    assert.equal(seen.at(-1), "restart-guest");
    assert.ok(seen.slice(0, -1).every((a) => a === "swap-guest"));
    assert.deepEqual(lines(events, "g"), ["boot", "up"]);
    assert.ok(guestWord(lab, "g", KERNEL.COUNT) > 10);
    assert.equal(vmWord(lab, "g", VM.STATE) === VM_STATE.FAILED, false);
  },
);

Deno.test("Recovery.guest() leaves a failed guest to VM0, which makes it anew", core, async () => {
  const vm0 = miniVm0((c) => {
    // Waits for the failure, then deletes the VM and makes it again.
    c.label("look").swi(HC.WAIT).swi(HC.VM_STATUS, 1, KERNEL_DATA + 0x40);
    c.cmp(R0, imm(VM_STATE.FAILED)).b("look", "ne");
    c.swi(HC.VM_START, 1).li(R1, KERNEL_DATA).str(R0, R1);
    c.swi(HC.VM_DELETE, 1).swi(HC.VM_CREATE, 0).swi(HC.VM_START, 1);
  });
  const policy = { guest: [{ action: "stop" }] } as const;
  using lab = await miniLab({ g: crashingKernel }, { vm0, policy });
  const events = lab.runAll({ for: "20ms" });
  assert.deepEqual(actions(events, "g"), ["stop-guest", "stop-guest"]);
  assert.equal(guestWord(lab, "vm0", KERNEL_DATA) | 0, -6, "a failed VM is not started again");
  assert.deepEqual(
    ofType(events, "vm", "g").map((e) => e.state),
    ["created", "running", "failed", "none", "created", "running", "failed"],
  );
  checkFrames(lab);
});

// --- yield, stop, incarnations ---------------------------------------------------------------------

Deno.test(
  "Recovery.task() with resume yield lets others run until the next tick",
  core,
  async () => {
    const main = (c: Code) => {
      c.swi(CALL.DELAY);
      crash(c);
    };
    for (const resume of ["yield", "immediate"] as const) {
      const task = [{ action: "swap", limit: 3 }, { action: "stop" }] as const;
      const image = taskGuest({ tasks: [{ name: "bad", main }, spinner] });
      const { lab, events } = await run({ g: image }, 24, { policy: { task, resume } });
      using _ = lab;
      const recoveries = ofType(events, "recovery");
      assert.deepEqual(
        recoveries.map((e) => e.action).join(),
        "swap-task,swap-task,swap-task,stop-task",
      );
      const gaps = recoveries.slice(1).map((e, i) => e.t - recoveries[i].t);
      if (resume === "yield") assert.ok(gaps.every((g) => g > 900_000), `${gaps}`);
      for (const { t } of recoveries.slice(0, 3)) {
        const next = events.find((e) => e.t >= t && e.type === "switch-task");
        if (resume === "yield") assert.equal(next?.type === "switch-task" && next.to, "other");
      }
    }
  },
);

Deno.test(
  "Recovery.task() with resume yield brings a task of a guest without a timer back",
  core,
  async () => {
    const image = taskGuest({
      tickUs: 0,
      tasks: [{
        name: "once",
        main: (c) => {
          c.swi(CALL.COUNT).cmp(R0, imm(1)).b("fine", "ne");
          crash(c);
          c.label("fine").print(CALL.PRINT, "fine\n").spin();
        },
      }, {
        name: "other",
        main: (c) => c.label("l").increment(taskData(1)).swi(CALL.YIELD).b("l"),
      }],
    });
    const { lab, events } = await run({ g: image }, 5, { policy: { resume: "yield" } });
    using _ = lab;
    assert.deepEqual(actions(events, "g"), ["swap-task"]);
    assert.deepEqual(lines(events, "g"), ["fine"]);
  },
);

Deno.test(
  "Recovery.stopTask() ends one task after the other, and the kernel idles on",
  core,
  async () => {
    const bad = (n: number) => ({
      name: `bad${n}`,
      main: (c: Code) => {
        for (let i = 0; i <= n; i++) c.swi(CALL.DELAY);
        crash(c);
      },
    });
    const image = taskGuest({ tasks: [bad(0), bad(1), bad(2)] });
    const { lab, events } = await run({ g: image }, 12, { policy: { task: [{ action: "stop" }] } });
    using _ = lab;
    assert.deepEqual(ofType(events, "recovery").map((e) => e.task), ["bad0", "bad1", "bad2"]);
    assert.deepEqual(lab.summary().vms[1].tasks.map((t) => t.state), [
      "stopped",
      "stopped",
      "stopped",
      "waiting",
    ]);
    assert.ok(guestWord(lab, "g", KERNEL.TICKS) >= 9);
  },
);

Deno.test(
  "Recovery.task() never returns to a checkpoint of an earlier incarnation",
  core,
  async () => {
    const image = taskGuest({
      tasks: [
        {
          name: "phoenix",
          main: (c) => {
            // r0 is the argument of the creation: 0x100 first, 0x55 the second time.
            c.mov(R8, R0).cmp(R8, imm(0x55)).b("second", "eq");
            c.mov(R0, imm(0xee)).li(R1, taskData(0)).str(R0, R1).label("l").swi(CALL.DELAY).b("l");
            c.label("second").li(R1, taskData(0)).ldr(R0, R1).str(R0, R1, 4);
            c.swi(CALL.COUNT).cmp(R0, imm(1)).b("fine", "ne");
            crash(c);
            c.label("fine").print(CALL.PRINT, "second life\n").spin();
          },
        },
        {
          name: "killer",
          main: (c) => {
            for (let i = 0; i < 4; i++) c.swi(CALL.DELAY);
            c.mov(R4, imm(HC.TASK_DELETE)).swi(CALL.HYPER, 0);
            c.mov(R4, imm(HC.TASK_CREATE)).swi(CALL.HYPER, taskBase(0), 0x55, 0, 0);
            c.mov(R4, imm(HC.READY)).swi(CALL.HYPER, 0, 0xffff_ffff).spin();
          },
        },
      ],
    });
    for (const backup of ["full", "dirty", "cow"] as const) {
      const { lab, events } = await run({ g: image }, 14, { backup, period: "1ms" });
      using _ = lab;
      assert.deepEqual(actions(events, "g"), ["swap-task"], backup);
      assert.deepEqual(lines(events, "g"), ["second life"], backup);
      assert.equal(guestWord(lab, "g", taskData(0)), 0, `${backup}: fresh data`);
      assert.equal(taskWord(lab, "g", 0, UNIT.INCARNATION), 2);
    }
  },
);

Deno.test("Recovery.guest() voids the newer checkpoints of tasks", core, async () => {
  // Cut with 1 in memory, then a task checkpoint with 2, then a kernel fault, then a task fault: the
  // task must be what it was at the cut.
  const image = taskGuest({
    tasks: [{
      name: "t",
      main: (c) => {
        const store = (n: number) => c.mov(R0, imm(n)).li(R1, taskData(0)).str(R0, R1);
        store(1).mov(R4, imm(HC.CHECKPOINT)).swi(CALL.HYPER, 0xffff_ffff).swi(CALL.NULL);
        // After the cut. The way on is chosen by what the host puts in the second word.
        c.li(R1, taskData(1)).ldr(R5, R1).cmp(R5, imm(1)).b("taskFault", "eq");
        store(2).mov(R4, imm(HC.CHECKPOINT)).swi(CALL.HYPER, 0).swi(CALL.YIELD);
        c.swi(CALL.JUMP, "crash");
        c.label("taskFault").label("crash");
        crash(c);
      },
    }, { name: "other", main: (c) => c.label("l").swi(CALL.YIELD).b("l") }],
  });
  const policy = {
    guest: [{ action: "swap" }, { action: "stop" }],
    task: [{ action: "swap", limit: 2 }, { action: "stop" }],
  } as const;
  for (const backup of ["full", "dirty", "cow"] as const) {
    using lab = await miniLab({ g: image }, { backup, policy, period: "1s" });
    const seen: [string, number][] = [];
    lab.recorder.onEvent = (e) => {
      if (e.type === "recovery") seen.push([e.action, guestWord(lab, "g", taskData(0))]);
    };
    lab.runAll({ for: "9ms" });
    // The task reads the other's data: a task fault before its own, so the first is a task swap.
    assert.deepEqual(seen[0], ["swap-task", 1], backup);
    assert.ok(seen.every(([, value]) => value === 1), `${backup}: ${JSON.stringify(seen)}`);
  }
});

// --- whose error it is -----------------------------------------------------------------------------

Deno.test(
  "Vmm classes an error by context, by pc or by address, and always comes to an end",
  core,
  async () => {
    const trespasser = (way: "store" | "jump") =>
      taskGuest({
        tasks: [{
          name: "a",
          main: (c) => {
            c.swi(CALL.DELAY);
            if (way === "store") c.li(R1, taskData(1)).str(R0, R1);
            else c.li(PC, taskBase(1));
            c.spin();
          },
        }, {
          name: "b",
          main: (c) => c.label("l").increment(taskData(1)).swi(CALL.DELAY).b("l"),
        }],
      });
    const task = [{ action: "swap", limit: 2 }, { action: "stop" }] as const;
    const own = ["swap-task a", "swap-task a", "stop-task a"];
    const other = ["swap-task b", "swap-task b", "stop-task b"];
    const cases: ["context" | "pc" | "far", "store" | "jump", string[]][] = [
      ["context", "store", own],
      ["context", "jump", own],
      // The instruction is in the text of the one that runs it, except after a jump.
      ["pc", "store", own],
      ["pc", "jump", [...other, ...own]],
      // The owner of the address is blamed until it is stopped; then the one that ran.
      ["far", "store", [...other, ...own]],
      ["far", "jump", [...other, ...own]],
    ];
    for (const [classify, way, wanted] of cases) {
      for (const resume of ["yield", "immediate"] as const) {
        const options = { policy: { classify, resume, task } };
        const { lab, events } = await run({ g: trespasser(way), healthy }, 30, options);
        using _ = lab;
        const what = `${classify} ${way} ${resume}`;
        assert.deepEqual(
          ofType(events, "recovery").map((e) => `${e.action} ${e.task}`),
          wanted,
          what,
        );
        assert.ok(lines(events, "healthy").length > 10, what);
        assert.equal(
          guestWord(lab, "g", taskData(1)) > 10,
          wanted.length === 3,
          `${what}: b goes on`,
        );
      }
    }
  },
);

// --- broken kernels --------------------------------------------------------------------------------

Deno.test("Vmm ends guests that break what they registered", core, async () => {
  const broken: Record<string, (c: Code) => void> = {
    "vectors in a hole": (c) => c.swi(HC.SETUP, 0x8_0000, 0x2_1000),
    "vectors in data": (c) => c.swi(HC.SETUP, KERNEL_DATA, 0x2_1000),
    "vectors in the VMI page": (c) => c.swi(HC.SETUP, SLOT_MAP.VMI_INFO, 0x2_1000),
    "all virtual interrupts masked": (c) => {
      c.li(R1, SLOT_MAP.VMI_CONTROL).op("mvn", R0, 0, imm(0)).str(R0, R1).str(R0, R1, 4);
    },
    "every task deleted": (c) => c.swi(HC.TASK_DELETE, 0).swi(HC.TASK_DELETE, 1),
    "no task ready": (c) => c.swi(HC.READY, 0xffff_ffff, 0),
    "waits without a timer": (c) => c.swi(HC.TIMER_SET, 0).swi(HC.WAIT),
    "never leaves the kernel": (c) => c.spin(),
    "spins in hypercalls": (c) => c.label("again").swi(HC.VERSION).b("again"),
    "dispatches itself without end": (c) => c.label("again").swi(HC.DISPATCH, 99).b("again"),
  };
  const guests: Record<string, Uint8Array> = { healthy };
  const names = Object.keys(broken);
  names.forEach((what, i) => {
    guests[`g${i}`] = taskGuest({
      tasks: [{ name: "t", main: (c) => c.label("l").swi(CALL.DELAY).b("l") }],
      boot: (c) => {
        broken[what](c);
      },
    });
  });
  const { lab, events } = await run(guests, 250, { slice: "1ms" });
  using _ = lab;
  assert.equal(lab.stopped, false);
  names.forEach((what, i) => {
    const { state, recoveries } = lab.summary().vms[i + 2];
    const fatal = what.includes(" in ") && !what.startsWith("spins");
    assert.equal(state === "failed", fatal, `${what}: ${state}`);
    assert.ok(recoveries <= 12, `${what}: ${recoveries} recoveries`);
  });
  const beats = ofType(events, "console", "healthy");
  assert.ok(beats.length > 8 && beats.at(-1)!.t > 200e6, "the healthy guest has its turns");
});

Deno.test("Vmm keeps VM0's ladder apart: it has no standby and is restarted", core, async () => {
  let damage = 0;
  const vm0 = miniVm0((c) => {
    c.print(HC.CONSOLE_WRITE, "up\n").label("again").swi(HC.WAIT);
    damage = c.here;
    c.mov(R0, R0).b("again");
  });
  using lab = await miniLab({ healthy }, { vm0 });
  lab.runAll({ for: "3ms" });
  lab.board.poke(activeAddress(lab.board, lab.vmRecord("vm0"), damage), UNDEFINED);
  lab.send("vm0", "x");
  const events = lab.runAll({ for: "6ms" });
  assert.equal(actions(events, "vm0")[0], "restart-guest");
  assert.deepEqual(lines(events, "vm0"), ["up"]);
  assert.equal(vmWord(lab, "vm0", VM.CHECKPOINTS), 0);
  assert.ok(lines(events, "healthy").length > 2);
});

Deno.test("Recovery counts faults and recoveries where they belong", core, async () => {
  const { lab, events } = await run({ g: crashing, k: crashingKernel }, 20);
  using _ = lab;
  for (const vm of lab.summary().vms.slice(1)) {
    assert.equal(vm.faults, ofType(events, "fault", vm.vm).length);
    assert.equal(vm.recoveries, ofType(events, "recovery", vm.vm).length);
  }
  const [bad, other] = lab.summary().vms[1].tasks;
  assert.equal(bad.faults, ofType(events, "fault", "g").length);
  assert.deepEqual([other.faults, other.recoveries], [0, 0]);
  assert.equal(lab.board.peek(unitAddress(lab, "g", 2) + UNIT.FAULTS, 4), bad.faults);
});
