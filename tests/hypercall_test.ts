import assert from "node:assert/strict";
import fc from "fast-check";
import type { Lab } from "../core/lab.ts";
import { MAP, PAGE_KIND, PAGE_REC, PIECE_REC, UNIT, VM } from "../core/layout.ts";
import { slotMva } from "../core/vm.ts";
import {
  HC,
  HYPERCALLS,
  PAGE,
  SLOT_MAP,
  STATUS_FIELDS,
  VM_STATE,
  VMI_ERROR,
  VMI_VERSION,
} from "../core/vmi.ts";
import {
  CALL,
  type Code,
  imm,
  KERNEL,
  KERNEL_DATA,
  KERNEL_STACK_END,
  plainGuest,
  R0,
  R1,
  R12,
  R2,
  R3,
  R5,
  R6,
  R7,
  SWI,
  taskBase,
  taskData,
  taskGuest,
  taskStack,
} from "./mini_guest.ts";
import {
  checkFrames,
  core,
  framesOf,
  guestWord,
  hashOf,
  lines,
  miniLab,
  miniVm0,
  ofType,
  runUntil,
  taskWord,
  vmRecords,
  vmWord,
} from "./monitor_rig.ts";

/** A hypercall: number, then r0-r3. */
type Call = readonly [number: number, a: number, b: number, c: number, d: number];

const TABLE = KERNEL_DATA + PAGE;
const RESULTS = KERNEL_DATA + 5 * PAGE;
const INDEX = KERNEL.FREE;
/** What a call that did not return leaves. */
const NO_RESULT = 0x5555_5555;
const SECRET = "SECRET-OF-ANOTHER-VM";

/** Data of a guest: the calls, then room for their results. */
function callTable(calls: readonly Call[]): Uint8Array {
  const out = new Uint8Array(9 * PAGE);
  const view = new DataView(out.buffer);
  const at = (address: number) => address - KERNEL_DATA;
  calls.forEach(([number, a, b, c, d], i) =>
    [a, b, c, d, number].forEach((w, k) => view.setUint32(at(TABLE) + i * 20 + k * 4, w, true))
  );
  for (let i = 0; i < 4 * PAGE; i += 4) view.setUint32(at(RESULTS) + i, NO_RESULT, true);
  return out;
}

/** Does the calls of the table one after the other; goes on where it was when entered again. */
function storm(c: Code, count: number, before?: (c: Code) => void): Code {
  c.label("storm");
  before?.(c);
  c.li(R5, INDEX).ldr(R6, R5).li(R7, count).cmp(R6, R7).b("stormEnd", "eq");
  c.op("add", R7, R6, imm(1)).str(R7, R5);
  c.li(R7, TABLE).put(0xe087_7106, 0xe087_7206); // add r7, r7, r6, lsl #2; add r7, r7, r6, lsl #4
  c.put(0xe897_100f, SWI); // ldmia r7, {r0-r3, r12}; swi 0
  c.li(R7, RESULTS).li(R5, INDEX).ldr(R6, R5).op("sub", R6, R6, imm(1));
  c.put(0xe787_0106); // str r0, [r7, r6, lsl #2]
  return c.b("storm").label("stormEnd");
}

/** A kernel that storms, on its vectors too; its tasks spin. */
function stormKernel(count: number, tasks: number) {
  return (c: Code) => {
    c.b("boot").b("lost").b("storm").b("lost").b("lost").b("lost").b("storm").b("lost");
    c.label("lost").swi(HC.HALT, 0xdead).b("lost");
    c.label("boot");
    for (let i = 0; i < tasks; i++) c.swi(HC.TASK_CREATE, taskBase(i), 0x100 + i, i, 0);
    for (let i = 0; i < tasks; i++) c.swi(HC.READY, i, 0xffff_ffff);
    // What a call before may have changed is put right, so that the storm goes on.
    storm(c, count, (c) => c.swi(HC.SETUP, 0, KERNEL_STACK_END).swi(HC.TIMER_SET, 200));
    c.print(HC.CONSOLE_WRITE, "\nstorm over\n").label("over").swi(HC.WAIT).b("over");
  };
}

const stormTasks = [0, 1].map((i) => ({
  name: `t${i}`,
  main: (c: Code) => c.label("l").increment(taskData(i)).swi(CALL.NULL).b("l"),
}));

function stormGuest(calls: readonly Call[]): Uint8Array {
  return taskGuest({
    tasks: stormTasks,
    kernel: stormKernel(calls.length, stormTasks.length),
    kernelDataPages: 10,
    kernelData: callTable(calls),
  });
}

/** A guest that does the calls in kernel mode once, from its mini kernel. */
function caller(calls: readonly Call[]): Uint8Array {
  return taskGuest({
    tickUs: 0,
    tasks: stormTasks,
    kernelDataPages: 10,
    kernelData: callTable(calls),
    boot: (c) => storm(c, calls.length),
  });
}

const results = (lab: Lab, vm: string, count: number) =>
  Array.from({ length: count }, (_, i) => guestWord(lab, vm, RESULTS + 4 * i) | 0);

const NONE = 0xffff_ffff;
const { EPERM, EINVAL, EFAULT, ENOSYS, ESTATE } = VMI_ERROR;
const BUFFER = KERNEL.FREE + 0x100;

Deno.test(
  "Hypercalls.call() answers each call, and refuses what is not allowed",
  core,
  async () => {
    const text = 0; // the guest's own text: readable, not writable
    const info = SLOT_MAP.VMI_INFO;
    const cases: [string, Call, number][] = [
      ["version", [HC.VERSION, 0, 0, 0, 0], VMI_VERSION],
      ["no such call", [20, 0, 0, 0, 0], ENOSYS],
      ["no such call", [31, 0, 0, 0, 0], ENOSYS],
      ["no such call", [42, 0, 0, 0, 0], ENOSYS],
      ["no such call", [0x8000_0000, 0, 0, 0, 0], ENOSYS],
      ["no such call", [NONE, NONE, NONE, NONE, NONE], ENOSYS],
      ["vectors past the slot", [HC.SETUP, SLOT_MAP.SIZE, 0, 0, 0], EINVAL],
      ["vectors of the monitor", [HC.SETUP, MAP.TEXT, 0, 0, 0], EINVAL],
      ["vectors not aligned", [HC.SETUP, 2, 0, 0, 0], EINVAL],
      ["stack past the slot", [HC.SETUP, 0, SLOT_MAP.SIZE + 8, 0, 0], EINVAL],
      ["stack not aligned", [HC.SETUP, 0, 0x2_1004, 0, 0], EINVAL],
      ["vectors and stack", [HC.SETUP, 0, KERNEL_STACK_END, 0, 0], 0],
      ["write nothing", [HC.CONSOLE_WRITE, text, 0, 0, 0], 0],
      ["write", [HC.CONSOLE_WRITE, text, 4, 0, 0], 4],
      ["write the most", [HC.CONSOLE_WRITE, TABLE, 5000, 0, 0], 1024],
      ["write from the hole behind the text", [HC.CONSOLE_WRITE, 0x8000, 4, 0, 0], EFAULT],
      [
        "write across the end of the data",
        [HC.CONSOLE_WRITE, TABLE + 9 * PAGE - 2, 4, 0, 0],
        EFAULT,
      ],
      ["write of a task's memory", [HC.CONSOLE_WRITE, taskData(1), 4, 0, 0], EFAULT],
      ["write of the monitor's memory", [HC.CONSOLE_WRITE, MAP.GLOBAL, 4, 0, 0], EFAULT],
      [
        "write of another VM's memory",
        [HC.CONSOLE_WRITE, slotMva(2, KERNEL_DATA), 4, 0, 0],
        EFAULT,
      ],
      ["write of own memory by its MVA", [HC.CONSOLE_WRITE, slotMva(1, TABLE), 4, 0, 0], EFAULT],
      ["write that wraps", [HC.CONSOLE_WRITE, NONE - 2, 16, 0, 0], EFAULT],
      ["write to the end of the slot", [HC.CONSOLE_WRITE, SLOT_MAP.SIZE - 1, 4, 0, 0], EFAULT],
      ["read nothing that is there", [HC.CONSOLE_READ, BUFFER, 16, 0, 0], 0],
      ["read to the monitor's memory", [HC.CONSOLE_READ, MAP.GLOBAL, 16, 0, 0], EFAULT],
      ["dispatch of no task", [HC.DISPATCH, 3, 0, 0, 0], EINVAL],
      ["dispatch of no task", [HC.DISPATCH, NONE, 0, 0, 0], EINVAL],
      ["ready without task", [HC.READY, 40, NONE, 0, 0], ESTATE],
      ["ready of no priority", [HC.READY, 64, NONE, 0, 0], EINVAL],
      ["ready of no priority", [HC.READY, NONE, 64, 0, 0], EINVAL],
      ["ready of no priority", [HC.READY, 0x8000_0000, NONE, 0, 0], EINVAL],
      ["ready: nothing", [HC.READY, NONE, NONE, 0, 0], 0],
      ["ready: set and clear", [HC.READY, 0, 1, 0, 0], 0],
      ["ready: set again", [HC.READY, 1, NONE, 0, 0], 0],
      ["create of what is there", [HC.TASK_CREATE, taskBase(0), 0, 7, 0], ESTATE],
      ["create at a priority in use", [HC.TASK_CREATE, taskBase(0), 0, 1, 0], ESTATE],
      ["create at no priority", [HC.TASK_CREATE, taskBase(0), 0, 64, 0], EINVAL],
      ["create in no area", [HC.TASK_CREATE, taskBase(9), 0, 7, 0], EINVAL],
      ["create in the kernel", [HC.TASK_CREATE, 0, 0, 7, 0], EINVAL],
      ["create at the monitor", [HC.TASK_CREATE, MAP.TEXT, 0, 7, 0], EINVAL],
      ["delete", [HC.TASK_DELETE, 1, 0, 0, 0], 0],
      ["delete again", [HC.TASK_DELETE, 1, 0, 0, 0], EINVAL],
      ["delete of no task", [HC.TASK_DELETE, NONE, 0, 0, 0], EINVAL],
      ["dispatch of what is gone", [HC.DISPATCH, 1, 0, 0, 0], ESTATE],
      ["ready of what is gone", [HC.READY, 1, NONE, 0, 0], ESTATE],
      ["create anew", [HC.TASK_CREATE, taskBase(1), 5, 9, 0], 1],
      ["priority", [HC.TASK_PRIO, 1, 1, 0, 0], 0],
      ["priority in use", [HC.TASK_PRIO, 1, 0, 0, 0], ESTATE],
      ["priority of no task", [HC.TASK_PRIO, 77, 8, 0, 0], EINVAL],
      ["no priority", [HC.TASK_PRIO, 1, 64, 0, 0], EINVAL],
      ["timer too fast", [HC.TIMER_SET, 99, 0, 0, 0], EINVAL],
      ["timer too slow", [HC.TIMER_SET, 10_000_001, 0, 0, 0], EINVAL],
      ["timer off", [HC.TIMER_SET, 0, 0, 0, 0], 0],
      ["return from no interrupt", [HC.IRET, 0, 0, 0, 0], ESTATE],
      ["checkpoint of no task", [HC.CHECKPOINT, 5, 0, 0, 0], EINVAL],
      ["checkpoint of a task", [HC.CHECKPOINT, 0, 0, 0, 0], 0],
      ["checkpoint of the guest", [HC.CHECKPOINT, NONE, 0, 0, 0], 0],
      ["call-back at no instruction", [HC.JOURNAL, 0x102, BUFFER, 0, 0], EINVAL],
      ["call-back outside the guest", [HC.JOURNAL, SLOT_MAP.SIZE, BUFFER, 0, 0], EINVAL],
      ["call-back with kinds elsewhere", [HC.JOURNAL, 0x100, MAP.GLOBAL, 0, 0], EFAULT],
      ["no call-back", [HC.JOURNAL, 0, NONE, 0, 0], 0],
      ["watchdog too short", [HC.WATCHDOG, 999, 0, 0, 0], EINVAL],
      ["watchdog too long", [HC.WATCHDOG, 60_000_001, 0, 0, 0], EINVAL],
      ["watchdog off", [HC.WATCHDOG, 0, 0, 0, 0], 0],
      ["read the info page", [HC.CONSOLE_WRITE, info, 4, 0, 0], 4],
      ...HYPERCALLS.filter((h) => h.management).map((h): [string, Call, number] => [
        `management: ${h.name}`,
        [h.number, 0, BUFFER, 0, 0],
        EPERM,
      ]),
    ];
    const calls = cases.map(([, call]) => call);
    using lab = await miniLab({ g: caller(calls), h: caller([]) });
    const events = lab.runAll({ for: "4ms" });
    const got = results(lab, "g", calls.length);
    cases.forEach(([what, call, wanted], i) => {
      assert.equal(got[i], wanted, `${what}: ${call.map((n) => n.toString(16))}`);
    });
    const names = new Map(
      Object.entries(VMI_ERROR).map(([name, value]) => [value as number, name]),
    );
    const called = new Map(HYPERCALLS.map((h) => [h.number, h.name]));
    assert.deepEqual(
      ofType(events, "refused", "g").map((e) => [e.call, e.error]),
      cases.filter(([, , wanted]) => wanted < 0).map(([, [number], wanted]) => [
        called.get(number) ?? `${number}`,
        names.get(wanted),
      ]),
    );
    assert.equal(vmWord(lab, "g", VM.REFUSED), ofType(events, "refused", "g").length);
    assert.equal(ofType(events, "refused", "h").length, 0);
    assert.equal(ofType(events, "fault").length, 0);
    // The calls in the middle did what they say.
    assert.equal(taskWord(lab, "g", 1, UNIT.PRIORITY), 1);
    assert.equal(taskWord(lab, "g", 1, UNIT.INCARNATION), 2);
  },
);

Deno.test(
  "Hypercalls.call() gives console input once, and wakes a waiting guest",
  core,
  async () => {
    const echo = plainGuest({
      main: (c) => {
        c.label("again").swi(HC.CONSOLE_READ, KERNEL_DATA, 100).cmp(R0, imm(0)).b("some", "ne");
        c.swi(HC.WAIT).b("again");
        c.label("some").mov(R1, R0).li(R0, KERNEL_DATA).mov(R12, imm(HC.CONSOLE_WRITE)).put(SWI).b(
          "again",
        );
      },
    });
    using lab = await miniLab({ g: echo });
    lab.runAll({ for: "3ms" });
    lab.send("g", "hello\n");
    assert.deepEqual(lines(lab.runAll({ for: "3ms" }), "g"), ["hello"]);
    assert.deepEqual(lines(lab.runAll({ for: "3ms" }), "g"), []);
    // More than the ring holds: what fits is kept in order.
    // (The first cut may still be returned to, so its six bytes keep their room.)
    lab.send("g", "x".repeat(240) + "\n" + "y".repeat(100));
    assert.deepEqual(lines(lab.runAll({ for: "3ms" }), "g"), ["x".repeat(240)]);
    assert.equal(lab.unfinishedLines()[0].text, "y".repeat(256 - 6 - 241));
  },
);

Deno.test("Hypercalls.call() tells board time in nanoseconds", core, async () => {
  const image = plainGuest({
    main: (c) => {
      c.label("again").swi(HC.TIME).li(R2, KERNEL_DATA).str(R0, R2).str(R1, R2, 4).b("again");
    },
  });
  using lab = await miniLab({ g: image });
  lab.runAll({ for: "8ms" });
  const time = guestWord(lab, "g", KERNEL_DATA) + guestWord(lab, "g", KERNEL_DATA + 4) * 2 ** 32;
  assert.ok(time <= lab.time && time > lab.time - 100_000, `${time} of ${lab.time}`);
});

// --- storms ----------------------------------------------------------------------------------------

const pointer = fc.oneof(
  fc.constantFrom(
    0,
    1,
    KERNEL_DATA,
    BUFFER,
    BUFFER + 1,
    KERNEL_DATA + 10 * PAGE - 1,
    taskBase(0),
    taskData(0),
    taskStack(1) - 4,
    SLOT_MAP.VMI_CONTROL,
    SLOT_MAP.VMI_INFO,
    SLOT_MAP.SIZE - 1,
    SLOT_MAP.SIZE,
    slotMva(0, 0),
    slotMva(1, KERNEL_DATA),
    slotMva(2, KERNEL_DATA),
    MAP.TEXT,
    MAP.GLOBAL,
    MAP.MASTER,
    MAP.TABLES,
    MAP.ARENA,
    MAP.POOL,
    0x4a00_0000,
    0x5000_0020,
    MAP.VECTORS,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_fffc,
    NONE,
  ),
  fc.nat(NONE),
  fc.nat(SLOT_MAP.SIZE),
);
const argument = fc.oneof(pointer, fc.nat(70), fc.nat(2000), fc.constant(NONE));
/** Numbers that may be: those of calls often. HALT ends the storm, so it is not among them. */
const number = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...HYPERCALLS.map((h) => h.number)) },
  { weight: 1, arbitrary: fc.nat(50) },
  { weight: 1, arbitrary: fc.nat(NONE) },
).filter((n) => n !== HC.HALT);
const anyCall = fc.oneof(
  { weight: 20, arbitrary: fc.tuple(number, argument, argument, argument, argument) },
  // Leaves the kernel for a task, which is there most of the time.
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constant(HC.DISPATCH), fc.nat(1), ...[0, 1, 2].map(() => argument)),
  },
) as fc.Arbitrary<Call>;

/** Hash of all that belongs to a VM, and to nobody else. */
function vmHash(lab: Lab, vm: number): string {
  const word = (pa: number) => lab.board.peek(pa, 4);
  const parts = [hashOf(lab, vm, word(vm + VM.BLOCK_PAGES) * PAGE)];
  for (const frame of framesOf(lab, vm)) parts.push(hashOf(lab, frame, PAGE));
  for (let i = 0; i < word(vm + VM.PIECE_COUNT); i++) {
    const piece = word(vm + VM.PIECES) + i * PIECE_REC.SIZE;
    for (const table of [PIECE_REC.A_TABLE, PIECE_REC.B_TABLE, PIECE_REC.C_TABLE]) {
      parts.push(hashOf(lab, word(piece + table), 1024));
    }
  }
  return parts.join();
}

/** Hash of a VM's read-only pages. */
function textHash(lab: Lab, vm: number): string {
  const word = (pa: number) => lab.board.peek(pa, 4);
  const parts: string[] = [];
  for (let i = 0; i < word(vm + VM.PAGE_COUNT); i++) {
    const page = word(vm + VM.PAGES) + i * PAGE_REC.SIZE;
    if ((word(page + PAGE_REC.VA) >>> 4 & 7) !== PAGE_KIND.TEXT) continue;
    parts.push(hashOf(lab, word(page + PAGE_REC.ACTIVE), PAGE));
  }
  return parts.join();
}

/** VM0 creates all, and starts only the first. */
const vm0OfOne = plainGuest({
  main: (c) => {
    c.swi(HC.VM_CREATE, 0).swi(HC.VM_CREATE, 1).swi(HC.VM_START, 1);
    c.label("wait").swi(HC.WAIT).b("wait");
  },
});

/** Runs until the storm is over. */
function runStorm(lab: Lab, vm: string, count: number, ms = 400): ReturnType<Lab["runAll"]> {
  const events = [];
  for (let t = 0; t < ms; t += 10) {
    events.push(...lab.runAll({ for: "10ms" }));
    if (lab.stopped || guestWord(lab, vm, INDEX) === count) break;
  }
  events.push(...lab.runAll({ for: "2ms" }));
  return events;
}

Deno.test(
  "Hypercalls.call() with any number and arguments stays in the caller's memory",
  core,
  async () => {
    const calls = fc.array(anyCall, { minLength: 300, maxLength: 700, size: "max" });
    const kept = new Uint8Array(PAGE);
    for (let i = 0; i + SECRET.length < PAGE; i += SECRET.length) {
      kept.set(new TextEncoder().encode(SECRET), i);
    }
    const victim = taskGuest({
      tasks: [{ name: "victim", main: (c) => c.spin(), data: kept }],
      kernelDataPages: 3,
      kernelData: kept,
    });
    let total = 0;
    let refused = 0;
    let moved = 0;
    await fc.assert(
      fc.asyncProperty(calls, async (calls) => {
        using lab = await miniLab({ g: stormGuest(calls), victim }, {
          vm0: vm0OfOne,
          backup: "full",
          period: "5ms",
        });
        // VM0 has done its work and waits for ever.
        const waits = () => vmWord(lab, "vm0", VM.STATE) === VM_STATE.WAITING;
        assert.ok(runUntil(lab, waits, 5e6));
        const others = vmRecords(lab).filter((vm) => lab.board.peek(vm + VM.ID, 4) !== 1);
        assert.equal(others.length, 2);
        const before = others.map((vm) => vmHash(lab, vm));
        const text = textHash(lab, lab.vmRecord("g"));
        const monitor = hashOf(lab, MAP.TEXT, 0x1000);
        const events = runStorm(lab, "g", calls.length);
        assert.equal(lab.stopped, false);
        assert.equal(guestWord(lab, "g", INDEX), calls.length, "the storm comes to its end");
        assert.deepEqual(others.map((vm) => vmHash(lab, vm)), before, "other VMs are as they were");
        assert.equal(textHash(lab, lab.vmRecord("g")), text, "its own text is as it was");
        assert.equal(hashOf(lab, MAP.TEXT, 0x1000), monitor);
        assert.equal(lab.board.stray, 0);
        assert.ok(!lines(events, "g").some((line) => line.includes("SECRET")), "nothing was read");
        checkFrames(lab);
        // Each refusal is counted; the first hundred are reported, then each doubling.
        const negative = results(lab, "g", calls.length).filter((r) => r < 0 && r > -10).length;
        const reported = ofType(events, "refused", "g");
        assert.equal(vmWord(lab, "g", VM.REFUSED), negative);
        const doublings = [128, 256, 512, 1024].filter((n) => n <= negative).length;
        assert.equal(reported.length, Math.min(negative, 100) + doublings);
        assert.equal(ofType(events, "fault").length, 0);
        for (const e of reported) assert.match(e.error, /^E[A-Z]+$/);
        const management = new Set(HYPERCALLS.filter((h) => h.management).map((h) => h.number));
        results(lab, "g", calls.length).forEach((result, i) => {
          if (management.has(calls[i][0])) assert.equal(result, EPERM);
        });
        total += calls.length;
        refused += negative;
        moved += results(lab, "g", calls.length).filter((r) => r === NO_RESULT).length;
      }),
      { numRuns: 7, seed: 3, endOnFailure: true },
    );
    assert.ok(refused > 1000 && total > refused && moved > 20, `${total} ${refused} ${moved}`);
  },
);

Deno.test(
  "Hypercalls.call() with any number and arguments from VM0 keeps the accounts right",
  core,
  async () => {
    const small = taskGuest({
      tasks: [{
        name: "t",
        main: (c) => c.label("l").increment(taskData(0)).swi(CALL.DELAY).b("l"),
      }],
    });
    const managing = fc.tuple(
      fc.constantFrom(...HYPERCALLS.filter((h) => h.management).map((h) => h.number)),
      fc.oneof({ weight: 4, arbitrary: fc.nat(9) }, { weight: 1, arbitrary: argument }),
      fc.oneof(fc.constant(BUFFER), pointer),
      argument,
      argument,
    );
    const calls = fc.array(
      fc.oneof({ weight: 5, arbitrary: managing }, { weight: 1, arbitrary: anyCall }),
      { minLength: 150, maxLength: 300, size: "max" },
    ).map((all) => all.filter(([n]) => n !== HC.IRET && n !== HC.WAIT && n !== HC.SETUP));
    let most = 0;
    await fc.assert(
      fc.asyncProperty(calls, async (calls) => {
        const vm0 = plainGuest({
          dataPages: 10,
          data: callTable(calls),
          main: (c) => {
            storm(c, calls.length);
            c.swi(HC.TIMER_SET, 1000).label("over").swi(HC.WAIT).b("over");
          },
        });
        using lab = await miniLab({ a: small, b: small, c: small }, { vm0, slice: "1ms" });
        const events = lab.runAll({ for: "80ms" });
        assert.equal(lab.stopped, false);
        assert.equal(guestWord(lab, "vm0", INDEX), calls.length);
        checkFrames(lab);
        const { vms } = lab.summary();
        most = Math.max(most, vms.length);
        const live = new Set(vmRecords(lab).map((vm) => lab.board.peek(vm + VM.ID, 4)));
        assert.equal(live.size, vms.length);
        const created = ofType(events, "vm").filter((e) => e.state === "created").length;
        const deleted = ofType(events, "vm").filter((e) => e.state === "none").length;
        assert.equal(vms.length, created - deleted);
        assert.match(vms[0].state, /^(running|waiting)$/);
      }),
      { numRuns: 8, seed: 4, endOnFailure: true },
    );
    assert.ok(most > 5, `${most} VMs at once`);
  },
);

Deno.test(
  "Hypercalls.call() lets VM0 manage, and gives everything back at a delete",
  core,
  async () => {
    const small = taskGuest({
      tasks: [{
        name: "t",
        main: (c) => c.label("l").increment(taskData(0)).swi(CALL.DELAY).b("l"),
      }],
    });
    const steps: [string, Call, number][] = [
      ["create", [HC.VM_CREATE, 0, 0, 0, 0], 1],
      ["create of no image", [HC.VM_CREATE, 1, 0, 0, 0], EINVAL],
      ["status: created", [HC.VM_STATUS, 1, BUFFER, 0, 0], VM_STATE.CREATED],
      ["stop of what does not run", [HC.VM_STOP, 1, 0, 0, 0], ESTATE],
      ["start", [HC.VM_START, 1, 0, 0, 0], 0],
      ["start again", [HC.VM_START, 1, 0, 0, 0], ESTATE],
      ["status: running", [HC.VM_STATUS, 1, BUFFER, 0, 0], VM_STATE.RUNNING],
      ["stop", [HC.VM_STOP, 1, 0, 0, 0], 0],
      ["status: stopped", [HC.VM_STATUS, 1, BUFFER, 0, 0], VM_STATE.STOPPED],
      ["start", [HC.VM_START, 1, 0, 0, 0], 0],
      ["backup", [HC.VM_BACKUP, 1, 0, 0, 0], 0],
      ["name", [HC.IMAGE_NAME, 0, BUFFER + 0x80, 0, 0], 0],
      ["name of no image", [HC.IMAGE_NAME, 1, BUFFER, 0, 0], EINVAL],
      ["name to the monitor's memory", [HC.IMAGE_NAME, 0, MAP.GLOBAL, 0, 0], EFAULT],
      ["status to another VM's memory", [HC.VM_STATUS, 1, slotMva(1, KERNEL_DATA), 0, 0], EFAULT],
      ["status not aligned", [HC.VM_STATUS, 1, BUFFER + 2, 0, 0], EFAULT],
      ["status of nobody", [HC.VM_STATUS, 5, BUFFER, 0, 0], VM_STATE.NONE],
      ["status of no slot", [HC.VM_STATUS, 78, BUFFER, 0, 0], EINVAL],
      ["VM0 itself: stop", [HC.VM_STOP, 0, 0, 0, 0], EPERM],
      ["VM0 itself: delete", [HC.VM_DELETE, 0, 0, 0, 0], EPERM],
      ["a second", [HC.VM_CREATE, 0, 0, 0, 0], 2],
      ["delete of a running one", [HC.VM_DELETE, 1, 0, 0, 0], 0],
      ["delete again", [HC.VM_DELETE, 1, 0, 0, 0], EINVAL],
      ["its slot is used again", [HC.VM_CREATE, 0, 0, 0, 0], 1],
      ["delete", [HC.VM_DELETE, 1, 0, 0, 0], 0],
      ["delete", [HC.VM_DELETE, 2, 0, 0, 0], 0],
    ];
    const calls = steps.map(([, call]) => call);
    const vm0 = plainGuest({
      dataPages: 10,
      data: callTable(calls),
      main: (c) => storm(c, calls.length).label("over").swi(HC.WAIT).b("over"),
    });
    using lab = await miniLab({ small }, { vm0 });
    const free = lab.vmm.frames.free;
    const events = lab.runAll({ for: "8ms" });
    const got = results(lab, "vm0", steps.length);
    steps.forEach(([what, , wanted], i) => assert.equal(got[i], wanted, what));
    assert.equal(lab.vmm.frames.free, free, "all frames are back");
    checkFrames(lab);
    // What the status said last, and the name of the image.
    const word = (field: string) =>
      guestWord(lab, "vm0", BUFFER + STATUS_FIELDS.find((f) => f.name === field)!.offset);
    assert.equal(word("tasks"), 2);
    assert.equal(guestWord(lab, "vm0", BUFFER + 0x80), 0x6c616d73); // "smal"
    assert.equal(ofType(events, "vm").filter((e) => e.reason === "deleted").length, 3);
  },
);

Deno.test("Hypercalls.call() tells VM0 of a VM that halts, and lets it go on", core, async () => {
  const halting = plainGuest({
    main: (c) => c.swi(HC.HALT, 7).print(HC.CONSOLE_WRITE, "no\n").spin(),
  });
  const vm0 = miniVm0((c) => c.swi(HC.WAIT).print(HC.CONSOLE_WRITE, "told\n"));
  using lab = await miniLab({ halting }, { vm0 });
  const events = lab.runAll({ for: "3ms" });
  assert.deepEqual(lines(events, "vm0"), ["told"]);
  assert.deepEqual(lines(events, "halting"), []);
  const [, , , , halted] = ofType(events, "vm");
  assert.deepEqual([halted.vm, halted.state, halted.reason], [
    "halting",
    "halted",
    "halted with code 7",
  ]);
});

Deno.test("Hypercalls.call() takes DISPATCH_RESULT and DISPATCH_WAIT", core, async () => {
  // The task asks for a result three times; the kernel answers with its count.
  const image = taskGuest({
    tasks: [{
      name: "t",
      main: (c) => {
        for (let i = 0; i < 3; i++) {
          c.swi(CALL.COUNT).li(R2, taskData(0) + 4 * i).str(R0, R2);
        }
        c.swi(CALL.NULL).li(R2, taskData(0) + 12).str(R0, R2).mov(R3, imm(0));
        c.label("l").swi(CALL.DELAY).b("l");
      },
    }],
  });
  using lab = await miniLab({ g: image });
  const events = lab.runAll({ for: "10ms" });
  const words = [0, 4, 8, 12].map((o) => guestWord(lab, "g", taskData(0) + o));
  assert.deepEqual(words, [1, 2, 3, 0x1234]);
  assert.equal(lab.summary().vms[1].state, "waiting");
  assert.ok(guestWord(lab, "g", KERNEL.TICKS) >= 8, "ticks are delivered while it waits");
  assert.ok(lab.board.idleCycles > 0.8 * lab.board.clock.now);
  assert.equal(ofType(events, "fault").length, 0);
});
