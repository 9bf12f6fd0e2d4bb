import assert from "node:assert/strict";
import { InputError } from "../core/errors.ts";
import { Lab, type LabOptions } from "../core/lab.ts";
import type { TraceEvent } from "../core/trace.ts";
import { HC, VMI_ERROR } from "../core/vmi.ts";
import {
  CALL,
  type Code,
  imm,
  KERNEL,
  KERNEL_DATA,
  plainGuest,
  R0,
  R1,
  R4,
  R5,
  taskData,
  taskGuest,
} from "./mini_guest.ts";
import { core, guestWord, lines, miniLab, miniVm0, ofType } from "./monitor_rig.ts";

const spinning = plainGuest({ main: (c) => c.label("l").increment(KERNEL_DATA).b("l") });
const beating = taskGuest({
  tasks: [{
    name: "beat",
    main: (c) => c.label("l").swi(CALL.COUNT).print(CALL.PRINT, "beat\n").swi(CALL.DELAY).b("l"),
  }],
});

Deno.test("Lab.create() refuses options that make no sense", core, async () => {
  const guests = [{ name: "g", image: spinning }];
  const cases: [Partial<LabOptions>, RegExp][] = [
    [
      { backup: "tape" as "full" },
      /^backup: "tape" is not allowed; allowed: off, full, dirty, cow/,
    ],
    [{ period: "soon" }, /^period: "soon" is no time; allowed/],
    [{ period: -1 }, /^period: /],
    [{ period: 1.5 }, /^period: /],
    [{ backup: "full", period: "20us" }, /^period: 20000 ns is shorter than a full copy of "g"/],
    [{ slice: "0.9ms" }, /^slice: "0.9ms" is not allowed; allowed: 1ms to 1s/],
    [{ slice: "2s" }, /^slice/],
    [{ every: 0 }, /^every: 0 is not allowed; allowed: a whole number from 1/],
    [{ generations: 0 }, /^generations: 0 is not allowed; allowed/],
    [{ generations: 99 }, /^generations: 99/],
    [{ generations: 1.5 }, /^generations: 1\.5/],
    [{ seed: -1 }, /^seed: -1/],
    [{ seed: 2 ** 53 }, /^seed: /],
    [{ sdramMB: 48 }, /^sdramMB: 48 is not allowed; allowed: 32, 64, 128/],
    [{ journal: "book" as "log" }, /^journal: "book" is not allowed; allowed: off, commit, log/],
    [{ schedule: "luck" as "slots" }, /^schedule: "luck" is not allowed; allowed: slices, slots/],
    [{ watchdog: "dog" }, /^watchdog: "dog" is no time/],
    [{ refusals: -1 }, /^refusals: -1/],
    [{ scrub: 0.5 }, /^scrub: 0.5/],
    [{ policy: { task: [] } }, /^policy\.task: /],
    [{ guests: [] }, /^guests: none; allowed: 1 to 77/],
    [{ guests: [...guests, ...guests] }, /^guest "g": named twice/],
    [{ guests: Array(78).fill(guests[0]) }, /^guests: 78 are too many; allowed: up to 77/],
    [{ guests: [{ name: "a b", image: spinning }] }, /^guest "a b": bad name; allowed: 1 to 15/],
    [{ guests: [{ name: "x".repeat(16), image: spinning }] }, /bad name/],
    [{ guests: [{ name: "", image: spinning }] }, /bad name/],
    [
      { guests: [{ ...guests[0], arg: "x".repeat(255) }] },
      /bad boot argument; allowed: at most 254/,
    ],
    [{ guests: [{ ...guests[0], arg: "\n" }] }, /bad boot argument/],
    [{ guests: [{ name: "g", image: new Uint8Array(3) }] }, /^g: is no ELF file/],
    [{ vm0: new Uint8Array(3) }, /^vm0: is no ELF file/],
  ];
  for (const [options, pattern] of cases) {
    await assert.rejects(Lab.create({ guests, sdramMB: 32, ...options }), (error) => {
      assert.ok(error instanceof InputError, `${error}`);
      assert.match(error.message, pattern);
      assert.doesNotMatch(error.message, /\n/);
      return true;
    }, `${pattern}`);
  }
  (await Lab.create({ guests, sdramMB: 32 }))[Symbol.dispose]();
});

Deno.test(
  "Lab.create() without VM0 starts the guests itself, and nobody may manage",
  core,
  async () => {
    const asking = taskGuest({
      tasks: [{
        name: "t",
        main: (c) => c.label("l").increment(taskData(0)).swi(CALL.DELAY).b("l"),
      }],
      boot: (c) => c.swi(HC.VM_STOP, 1).li(R1, KERNEL.FREE).str(R0, R1),
    });
    using lab = await Lab.create({
      guests: [{ name: "g", image: asking }, { name: "h", image: asking }],
      sdramMB: 32,
      period: "2ms",
    });
    const events = lab.runAll({ for: "20ms" });
    for (const vm of ["g", "h"]) {
      assert.equal(guestWord(lab, vm, KERNEL.FREE) | 0, VMI_ERROR.EPERM, vm);
      assert.ok(
        ofType(events, "checkpoint", vm).some((e) => e.task === undefined),
        `${vm} has cuts`,
      );
    }
    assert.deepEqual(lab.summary().vms.map((v) => v.state), ["waiting", "waiting"]);
    assert.deepEqual(lab.guestNames, ["g", "h"]);
  },
);

Deno.test("Lab.create() gives each guest its boot argument", core, async () => {
  const telling = plainGuest({
    main: (c) => {
      // r0 is the address of the argument; prints up to its NUL.
      c.mov(R4, R0).mov(R1, imm(0));
      c.label("n").put(0xe7d4_5001).cmp(R5, imm(0)).b("out", "eq").add(R1, imm(1)).b("n"); // ldrb r5, [r4, r1]
      c.label("out").mov(R0, R4).mov(12, imm(HC.CONSOLE_WRITE)).put(0xef00_0000).spin();
    },
  });
  const long = "x".repeat(254);
  using lab = await miniLab({}, {
    guests: [
      { name: "a", image: telling, arg: "rounds=3" },
      { name: "b", image: telling, arg: long },
      { name: "c", image: telling },
    ],
  });
  lab.runAll({ for: "18ms" });
  assert.deepEqual(lab.unfinishedLines().map((e) => [e.vm, e.text]), [["a", "rounds=3"], [
    "b",
    long,
  ]]);
});

Deno.test("Lab.run() stops when it is aborted, and can go on", core, async () => {
  using lab = await miniLab({ spinning });
  const controller = new AbortController();
  let seen = 0;
  for await (const _ of lab.run({ for: "1s", signal: controller.signal })) {
    if (++seen === 5) controller.abort();
  }
  assert.ok(lab.time < 900e6);
  assert.equal(lab.summary().outcome, "aborted");
  for await (const _ of lab.run({ for: "1s", signal: AbortSignal.abort() })) seen++;
  const time = lab.time;
  for await (const _ of lab.run({ for: "3ms" })) seen++;
  assert.ok(lab.time >= time + 3e6);
  assert.equal(lab.summary().outcome, "ended");
});

Deno.test("Lab.run() takes times as people write them", core, async () => {
  using lab = await miniLab({ spinning });
  lab.runAll({ until: 2_000_000 });
  assert.equal(Math.floor(lab.time / 1e4), 200);
  lab.runAll({ for: "1.5ms" });
  assert.equal(Math.floor(lab.time / 1e4), 350);
  for (const bad of ["", "2 weeks", "-1ms", NaN, -5, 2 ** 60]) {
    assert.throws(() => lab.runAll({ for: bad }), InputError, `${bad}`);
    assert.throws(() => lab.runAll({ until: bad }), InputError, `${bad}`);
  }
  assert.throws(() => lab.runAll({ until: "1ms" }), InputError, "in the past");
  await assert.rejects(lab.run({ until: "1ms" }).next(), InputError, "in the past");
});

Deno.test("Lab.runAll() keeps parts of lines for the line they belong to", core, async () => {
  const pieces = plainGuest({
    main: (c) => {
      c.label("again");
      for (const part of ["one ", "two ", "three\n"]) {
        const label = c.unique();
        c.print(HC.CONSOLE_WRITE, part).li(R4, 60_000);
        c.label(label).op("sub", R4, R4, imm(1)).cmp(R4, imm(0)).b(label, "ne");
      }
      c.b("again");
    },
  });
  using whole = await miniLab({ pieces });
  const events = whole.runAll({ until: "12ms" });
  assert.ok(lines(events, "pieces").length > 3);
  assert.ok(lines(events, "pieces").every((line) => line === "one two three"));
  using cut = await miniLab({ pieces });
  const parts: TraceEvent[] = [];
  for (let t = 1_111_111; t < 12e6; t += 333_333) {
    parts.push(...cut.runAll({ until: t }));
    for (const line of cut.unfinishedLines()) assert.match(line.text, /^one (two )?$/);
  }
  parts.push(...cut.runAll({ until: "12ms" }));
  assert.deepEqual(parts, events);
  assert.deepEqual(cut.summary(), whole.summary());
});

Deno.test("Lab can be looked at without a change of the run", core, async () => {
  const bad = taskGuest({
    tasks: [{ name: "bad", main: (c) => c.swi(CALL.DELAY).mov(R0, imm(0)).str(R0, R0) }],
  });
  const guests = { beating, spinning, bad };
  using quiet = await miniLab(guests, { slice: "1ms" });
  using watched = await miniLab(guests, { slice: "1ms" });
  watched.recorder.onEvent = () => {};
  quiet.runAll({ until: "10ms" });
  for (let t = 1_000_007; t < 10e6; t += 450_000) {
    watched.runAll({ until: t });
    watched.summary();
    watched.unfinishedLines();
    for (const name of watched.guestNames) {
      watched.vmRecord(name);
      watched.dumpPt(name);
      watched.writablePages(name);
    }
    watched.unitRecord("beating", "beat");
    assert.ok(watched.vmm.frames.free > 0);
    assert.equal(watched.stopped, false);
  }
  watched.runAll({ until: "10ms" });
  assert.deepEqual(watched.summary(), quiet.summary());
});

Deno.test("Lab.inject() strikes at its time, once, where it says", core, async () => {
  using lab = await miniLab({ spinning, beating }, { backup: "off" });
  lab.inject("spinning", "mem:0x10010:5@t=4ms");
  lab.inject("beating", `mem:0x${taskData(0).toString(16)}:31@t=2ms`);
  lab.inject("beating", "reg:r11:3@t=6ms");
  lab.inject("spinning", "mem:0x900000:0@t=7ms");
  lab.inject("spinning", "reg:r9:30@t=5ms");
  const events = lab.runAll({ until: "9ms" });
  const injected = ofType(events, "inject");
  assert.deepEqual(injected.map((e) => [Math.floor(e.t / 1e5), e.vm, e.fault.split(":")[0]]), [
    [20, "beating", "mem"],
    [40, "spinning", "mem"],
    [50, "spinning", "reg"],
    [60, "beating", "reg"],
    [70, "spinning", "mem"],
  ]);
  assert.equal(guestWord(lab, "spinning", KERNEL_DATA + 0x10), 1 << 5);
  assert.equal(guestWord(lab, "beating", taskData(0)), 0x8000_0000);
  assert.match(injected[1].detail, /0x10010 0x0 -> 0x20/);
  assert.match(injected[3].detail, /r11 .* -> .*/);
  assert.match(injected[4].detail, /did not fire: the guest has no page there/);
  for (
    const bad of [
      "",
      "reg:r16:1@t=1ms",
      "reg:r1:32@t=1ms",
      "mem:0x10001:1@t=1ms",
      "mem:0x2000000:1@t=1ms",
      "reg:r1:1@t=never",
      "cpu:r1:1@t=1ms",
    ]
  ) {
    assert.throws(() => lab.inject("spinning", bad), InputError, bad);
  }
  assert.throws(
    () => lab.inject("nobody", "reg:r1:1@t=1ms"),
    /guest "nobody": no such guest; allowed: vm0, spinning, beating/,
  );
});

Deno.test("Lab names the guests it has when it is asked for another", core, async () => {
  using lab = await miniLab({ spinning, beating });
  const calls: ((name: string) => unknown)[] = [
    (name) => lab.dumpPt(name),
    (name) => lab.send(name, "x"),
    (name) => lab.writablePages(name),
    (name) => lab.vmRecord(name),
    (name) => lab.inject(name, "reg:r1:1@t=1ms"),
  ];
  for (const call of calls) {
    assert.throws(() => call("spining"), (error) => {
      assert.ok(error instanceof InputError);
      assert.match(
        error.message,
        /^guest "spining": no such guest; allowed: vm0, spinning, beating$/,
      );
      return true;
    });
  }
  assert.throws(() => lab.dumpPt("beating"), /has not been created yet/);
  lab.runAll({ for: "3ms" });
  assert.throws(() => lab.unitRecord("beating", "beta"), InputError);
});

Deno.test("Lab.summary() counts what the events tell", core, async () => {
  const bad = taskGuest({
    tickUs: 2000,
    tasks: [{
      name: "bad",
      main: (c: Code) => c.print(CALL.PRINT, "hello\n").swi(CALL.DELAY).mov(R0, imm(0)).str(R0, R0),
    }],
  });
  using lab = await miniLab({ beating, bad, spinning }, { slice: "1ms", period: "1ms" });
  const events = lab.runAll({ for: "30ms" });
  const { vms, t, cycles, hash } = lab.summary();
  assert.equal(t, lab.time);
  assert.equal(cycles, lab.board.clock.now);
  assert.equal(hash, lab.recorder.hash);
  for (const vm of vms) {
    const count = (type: TraceEvent["type"]) => ofType(events, type, vm.vm).length;
    assert.equal(vm.faults, count("fault"));
    assert.equal(vm.recoveries, count("recovery"));
    assert.equal(vm.task_switches, count("switch-task"));
    assert.equal(vm.switches, ofType(events, "switch-vm").filter((e) => e.to === vm.vm).length);
    assert.equal(
      vm.console_bytes,
      lines(events, vm.vm).reduce((n, line) => n + line.length + 1, 0),
    );
    for (const task of vm.tasks) {
      const own = ofType(events, "console", vm.vm).filter((e) => e.task === task.task);
      assert.equal(task.lines, own.length);
    }
  }
  const sum = vms.reduce((n, vm) => n + vm.cycles, 0);
  assert.ok(sum <= cycles && sum > 0.8 * cycles, "guests had the CPU most of the time");
});

Deno.test("Lab takes checkpoints by period, at every switch, and at every Nth", core, async () => {
  const turns = taskGuest({
    tickUs: 1000,
    tasks: [0, 1].map((i) => ({
      name: `t${i}`,
      main: (c: Code) => c.label("l").increment(taskData(i)).swi(CALL.DELAY).b("l"),
    })),
  });
  const count = async (options: Partial<LabOptions>) => {
    using lab = await miniLab({ turns }, options);
    lab.runAll({ for: "5ms" });
    const events = lab.runAll({ for: "40ms" });
    const tasks = ofType(events, "checkpoint").filter((e) => e.task === "t0").length;
    const cuts = ofType(events, "checkpoint").filter((e) => e.task === undefined).length;
    const left = ofType(events, "switch-task").filter((e) => e.from === "t0").length;
    return { tasks, cuts, left };
  };
  const always = await count({ period: 0 });
  assert.equal(always.tasks, always.left, "a checkpoint at each switch-out");
  const third = await count({ period: 0, every: 3 });
  assert.ok(Math.abs(third.tasks - third.left / 3) <= 1, JSON.stringify(third));
  assert.ok(third.cuts < always.cuts / 2);
  const timed = await count({ period: "10ms" });
  assert.ok(timed.cuts >= 3 && timed.cuts <= 5, JSON.stringify(timed));
  assert.deepEqual(await count({ backup: "off" }).then(({ tasks, cuts }) => [tasks, cuts]), [0, 0]);
});

Deno.test("Lab lets go of its machine", core, async () => {
  let board;
  {
    using lab = await miniLab({ spinning }, { vm0: miniVm0() });
    board = lab.board;
    assert.ok(board.onTrap !== null);
  }
  assert.equal(board.onTrap, null);
});
