/**
 * Management from outside: the library's methods, plans with times, refusals.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Lab, type LabOptions } from "../core/lab.ts";
import { VM } from "../core/layout.ts";
import { parseScript } from "../core/plan.ts";
import type { TraceEvent } from "../core/trace.ts";
import { HC, HYPERCALLS, VMI_ERROR } from "../core/vmi.ts";
import { CALL, imm, KERNEL_DATA, plainGuest, R0, R1, taskGuest } from "./mini_guest.ts";
import { actions, checkFrames, core, demoLab, guestWord, lines, miniLab } from "./monitor_rig.ts";
import { ofType, vmWord } from "./monitor_rig.ts";

const spinning = plainGuest({ main: (c) => c.label("l").increment(KERNEL_DATA).b("l") });
const beating = taskGuest({
  tasks: [{
    name: "beat",
    main: (c) => c.label("l").print(CALL.PRINT, "beat\n").swi(CALL.DELAY).b("l"),
  }],
});
/** Sends a message to VM 1 in each tick of a millisecond, and counts those taken. */
const sending = plainGuest({
  main: (c) => {
    c.swi(HC.TIMER_SET, 1000).label("l").swi(HC.WAIT);
    c.swi(HC.SEND, 1, KERNEL_DATA, 4).cmp(R0, imm(0)).b("l", "ne");
    c.increment(KERNEL_DATA + 8).b("l");
  },
});
/** Takes messages and counts them. */
const receiving = plainGuest({
  main: (c) => {
    c.b("more").label("l").swi(HC.WAIT).label("more");
    c.swi(HC.RECEIVE, KERNEL_DATA + 16, 4).cmp(R0, imm(0)).b("l", "le");
    c.increment(KERNEL_DATA).b("more");
  },
});

const states = (lab: Lab) => lab.manage.list().map(({ name, state }) => `${name} ${state}`);

Deno.test("Manager creates, stops, starts and deletes VMs", core, async () => {
  for (const schedule of ["slices", "slots"] as const) {
    using lab = await miniLab({ spinning, beating }, { schedule });
    const { manage } = lab;
    assert.deepEqual(manage.images(), ["spinning", "beating"]);
    lab.runAll({ for: "30ms" });
    assert.deepEqual(states(lab), ["vm0 waiting", "spinning running", "beating waiting"]);
    // The one that runs at this moment too.
    manage.stop("spinning");
    const at = guestWord(lab, "spinning", KERNEL_DATA);
    lab.runAll({ for: "30ms" });
    assert.equal(guestWord(lab, "spinning", KERNEL_DATA), at);
    assert.equal(manage.status(1).state, "stopped");
    manage.start("spinning");
    lab.runAll({ for: "30ms" });
    assert.ok(guestWord(lab, "spinning", KERNEL_DATA) > at);
    const before = lines(lab.runAll({ for: "30ms" }), "beating").length;
    assert.ok(before > 3);
    manage.delete("beating");
    manage.delete("spinning");
    checkFrames(lab);
    lab.runAll({ for: "20ms" });
    assert.deepEqual(states(lab), ["vm0 waiting"]);
    assert.equal(manage.create("beating"), 1);
    assert.equal(manage.status("beating").state, "created");
    manage.start(1);
    assert.equal(manage.boot("spinning"), 2);
    const events = lab.runAll({ for: "60ms" });
    assert.ok(lines(events, "beating").length > 3);
    assert.ok(guestWord(lab, "spinning", KERNEL_DATA) > 0);
    assert.equal(lab.stopped, false);
    checkFrames(lab);
  }
});

Deno.test("Manager deletes the VM that runs, again and again", core, async () => {
  using lab = await miniLab({ spinning });
  lab.runAll({ for: "10ms" });
  const free = lab.vmm.frames.free;
  for (let i = 0; i < 20; i++) {
    lab.manage.delete("spinning");
    lab.runAll({ for: "100us" });
    lab.manage.boot("spinning");
    lab.runAll({ for: "3ms" });
    assert.ok(guestWord(lab, "spinning", KERNEL_DATA) > 0, `round ${i}`);
  }
  assert.ok(Math.abs(lab.vmm.frames.free - free) < 4);
  checkFrames(lab);
});

Deno.test(
  "a new VM in the slot of a deleted one is heard by those who heard the old one",
  core,
  async () => {
    using lab = await miniLab({ receiving, sending });
    lab.runAll({ for: "20ms" });
    const before = guestWord(lab, "receiving", KERNEL_DATA);
    assert.ok(before > 5);
    lab.manage.delete("sending");
    lab.manage.boot("sending");
    lab.runAll({ for: "20ms" });
    const sent = guestWord(lab, "sending", KERNEL_DATA + 8);
    assert.ok(sent > 5);
    assert.ok(guestWord(lab, "receiving", KERNEL_DATA) >= before + sent - 1);
  },
);

Deno.test("Manager gives policies, asks for checkpoints, reads the log", core, async () => {
  const faulty = plainGuest({
    main: (c) => c.swi(HC.TIMER_SET, 5000).swi(HC.WAIT).li(R1, 0x0180_0000).ldr(R0, R1).spin(),
  });
  using lab = await miniLab({ faulty, beating }, { backup: "cow", period: "1s" });
  lab.runAll({ until: "2ms" });
  lab.manage.policy("faulty", "stop");
  lab.manage.policy("beating", { resume: "immediate" });
  const taken = lab.manage.status("beating").checkpoints;
  lab.manage.backup("beating");
  const events = lab.runAll({ until: "20ms" });
  assert.deepEqual(actions(events, "faulty"), ["stop-guest"]);
  assert.equal(lab.manage.status("beating").checkpoints, taken + 1);
  const log = lab.manage.log(3);
  assert.deepEqual(log.map(({ vm, what, detail }) => [vm, what, detail]), [
    [1, "state", "failed"],
    [1, "recovery", "stop-guest"],
    [1, "fault", "data-abort"],
  ]);
  assert.equal(log[2].task, null);
  assert.ok(log[2].address > 0 && log[2].t > 2e6);
});

Deno.test("Manager refuses what can't be done in one line", core, async () => {
  using lab = await miniLab({ spinning });
  lab.runAll({ for: "5ms" });
  const { manage } = lab;
  const cases: [() => unknown, string][] = [
    [() => manage.stop("nobody"), 'vm "nobody": no such VM; allowed: vm0, spinning'],
    [() => manage.start(77), 'vm "77": no such VM; allowed: vm0, spinning'],
    [() => manage.start("spinning"), 'vm "spinning": is running; allowed: created, stopped'],
    [() => manage.delete("vm0"), 'vm "vm0": delete is not allowed; allowed: any VM but VM0'],
    [() => manage.create("x"), 'image "x": no such image; allowed: spinning'],
    [() => manage.create(9), 'image "9": no such image; allowed: spinning'],
    [
      () => manage.policy("spinning", "kind" as "stop"),
      'policy: "kind" is not allowed; allowed: default, stop, restart, immediate, halt',
    ],
  ];
  for (const [body, message] of cases) {
    assert.throws(body, { name: "InputError", message });
  }
  manage.stop("spinning");
  assert.throws(() => manage.stop("spinning"), /is stopped; allowed: running, waiting/);
  // As many as there is room for, then no more, and nothing is lost.
  let made = 0;
  assert.throws(() => {
    for (;; made++) manage.create("spinning");
  }, /image "spinning": (no|not) /);
  assert.ok(made > 10);
  for (let i = 0; i < made; i++) manage.delete(2 + i);
  checkFrames(lab);
});

Deno.test("Manager gives UART0 to a VM and a line with ~ brings it back", core, async () => {
  const hearing = plainGuest({
    main: (c) => {
      c.label("l").swi(HC.WAIT).label("more").swi(HC.CONSOLE_READ, KERNEL_DATA, 64);
      c.cmp(R0, imm(0)).b("l", "le").op("mov", R1, 0, R0).li(R0, KERNEL_DATA);
      c.li(12, HC.CONSOLE_WRITE).put(0xef00_0000).b("more");
    },
  });
  using lab = await miniLab({ hearing });
  let sent = "";
  lab.board.soc.uart[0].onTransmit = (byte) => (sent += String.fromCharCode(byte));
  lab.runAll({ for: "5ms" });
  lab.manage.console("hearing");
  lab.send("vm0", "for hearing\n");
  assert.deepEqual(lines(lab.runAll({ for: "5ms" }), "hearing"), ["for hearing"]);
  assert.equal(sent, "for hearing\n");
  assert.equal(lab.manage.status("hearing").console, true);
  lab.send("vm0", "~not for hearing\n");
  assert.deepEqual(lines(lab.runAll({ for: "5ms" }), "hearing"), []);
  assert.equal(lab.manage.status("vm0").console, true);
  // Its slot's next VM does not inherit it.
  lab.manage.console("hearing");
  lab.manage.delete("hearing");
  assert.equal(lab.manage.status("vm0").console, true);
});

Deno.test(
  "Hypercalls.call() refuses management by any other guest, and logs it",
  core,
  async () => {
    const calls = HYPERCALLS.filter(({ management }) => management);
    const rogue = plainGuest({
      main: (c) => {
        calls.forEach(({ number }, i) => {
          c.swi(number, 2, KERNEL_DATA).li(R1, KERNEL_DATA + 0x100 + 4 * i).str(R0, R1);
        });
        c.spin();
      },
    });
    for (const vm0 of [true, false]) {
      using lab = await miniLab({ rogue, beating }, vm0 ? {} : { vm0: undefined });
      const events = lab.runAll({ for: "20ms" });
      calls.forEach(({ name }, i) => {
        const result = guestWord(lab, "rogue", KERNEL_DATA + 0x100 + 4 * i) | 0;
        assert.equal(result, VMI_ERROR.EPERM, name);
      });
      const told = ofType(events, "refused", "rogue").map(({ call, error }) => `${call} ${error}`);
      assert.deepEqual(told, calls.map(({ name }) => `${name} EPERM`));
      const logged = lab.manage.log().filter(({ what }) => what === "refused").reverse();
      assert.deepEqual(logged.map(({ detail }) => detail), calls.map(({ name }) => name));
      assert.equal(logged[0].vm, vmWord(lab, "rogue", VM.ID));
      assert.ok(lines(events, "beating").length > 5);
    }
  },
);

// --- plans -----------------------------------------------------------------------------------------

/** What a plan made happen, without times. */
const happened = (events: readonly TraceEvent[]) =>
  events.filter((e) => e.type === "manage" || e.type === "input").map((e) =>
    e.type === "manage"
      ? `${e.action} ${e.vm}: ${e.result}`
      : `${e.vm} "${e.text.trim()}" ${e.taken}`
  );

const PLAN: Partial<LabOptions> = {
  input: [
    { text: "list" },
    { text: "stop ucos-1" },
    { time: "150ms", text: "start 1\n" },
    { text: "status 1" },
    { time: "90ms", vm: "ucos-1", text: "hello" },
  ],
  manage: [
    { time: "100ms", action: "stop", vm: "ucos-2" },
    { time: "100ms", action: "stop", vm: "ucos-2" },
    { time: "120ms", action: "delete", vm: 2 },
    { time: "140ms", action: "boot", vm: "ucos-2" },
    { time: "160ms", action: "policy", vm: "ucos-2", policy: { task: [{ action: "kill" }] } },
    { time: "160ms", action: "backup", vm: "ucos-2" },
    { time: "170ms", action: "console", vm: "ucos-2" },
    { time: "170ms", action: "start", vm: "nobody" },
  ],
};

Deno.test("Lab carries a plan out, the same in every run, however it is cut", async () => {
  const run = async (...cuts: string[]) => {
    using lab = await demoLab(["ucos-1", "ucos-2"], PLAN);
    const events = cuts.flatMap((until) => lab.runAll({ until }));
    assert.equal(lab.planned, false);
    return { events, hash: lab.summary().hash };
  };
  const whole = await run("200ms");
  const said = lines(whole.events, "vm0");
  assert.ok(said.includes("vm0: VM 1, ucos-1, is stopped"));
  assert.ok(said.includes("vm0: VM 1 ucos-1 is running"));
  assert.ok(said.indexOf("vm0: image 0 ucos-1") < said.indexOf("vm0: VM 1: stopping"));
  assert.deepEqual(happened(whole.events), [
    'vm0 "list" 5',
    'vm0 "stop ucos-1" 12',
    'ucos-1 "hello" 5',
    "stop ucos-2: done",
    'stop ucos-2: vm "ucos-2": is stopped; allowed: running, waiting',
    "delete 2: done",
    "create ucos-2: done",
    "start 2: done",
    'vm0 "start 1" 8',
    'vm0 "status 1" 9',
    "policy ucos-2: done",
    "backup ucos-2: done",
    "console ucos-2: done",
    'start nobody: vm "nobody": no such VM; allowed: vm0, ucos-1, ucos-2',
  ]);
  assert.equal((await run("33ms", "33.1ms", "100ms", "101ms", "150ms", "200ms")).hash, whole.hash);
});

Deno.test("Lab.save() keeps what of a plan is to come", async () => {
  using lab = await demoLab(["ucos-1", "ucos-2"], PLAN);
  lab.runAll({ until: "95ms" });
  using copy = await Lab.load(await lab.save());
  const events = copy.runAll({ until: "200ms" });
  lab.runAll({ until: "200ms" });
  assert.equal(copy.summary().hash, lab.summary().hash);
  assert.ok(ofType(events, "manage").length > 6);
});

Deno.test("Lab.create() refuses plans that make no sense", core, async () => {
  const cases: [Partial<LabOptions>, RegExp][] = [
    [{ input: [{ time: "soon", text: "x" }] }, /^input\[0\]\.time: "soon" is no time; allowed/],
    [{ input: [{ text: "x", vm: "y" }] }, /^input\[0\]\.vm: "y" is not allowed; allowed: vm0, g$/],
    [{ input: [{ text: "x" }], vm0: undefined }, /^input\[0\]\.vm: "vm0" is not .*allowed: g$/],
    [{ input: [{ text: 7 as unknown as string }] }, /^input\[0\]\.text: 7 is not allowed; .*text$/],
    [{ input: [{ text: "a\nb" }] }, /^input\[0\]\.text: has more than one line; allowed: one/],
    [
      { manage: [{ time: "x", action: "stop", vm: "g" }] },
      /^manage\[0\]\.time: "x" is no time; allowed/,
    ],
    [
      { manage: [{ time: 0, action: "halt" as "stop", vm: "g" }] },
      /^manage\[0\]\.action: "halt" is not allowed; allowed: create, boot, start, stop/,
    ],
    [
      { manage: [{ time: 0, action: "stop", vm: -1 }] },
      /^manage\[0\]\.vm: -1 is not allowed; allowed: a name or number$/,
    ],
    [{ manage: [{ time: 0, action: "policy", vm: "g" }] }, /^manage\[0\]\.policy: is missing; /],
    [
      { manage: [{ time: 0, action: "stop", vm: "g", policy: "halt" }] },
      /^manage\[0\]\.policy: says nothing to "stop"; allowed/,
    ],
    [
      { manage: [{ time: 0, action: "policy", vm: "g", policy: { task: [] } }] },
      /^manage\[0\]\.policy\.task: not a ladder; allowed: 1 to 7 steps$/,
    ],
    [
      { manage: [{ time: 0, action: "policy", vm: "g", policy: { tsak: [] } as never }] },
      /^manage\[0\]\.policy\.tsak: unknown key; allowed: task, guest, window, resume, classify$/,
    ],
  ];
  for (const [options, message] of cases) {
    await assert.rejects(miniLab({ g: spinning }, options), (error: Error) => {
      assert.match(error.message, message);
      return error.name === "InputError";
    });
  }
});

Deno.test("parseScript() reads lines, times and comments", () => {
  assert.deepEqual(parseScript("# night\nlist\n\n@100ms stop 1\r\n@2s\n  log 3", "f"), [
    { text: "list" },
    { time: 100e6, text: "stop 1\n" },
    { time: 2e9, text: "\n" },
    { text: "  log 3" },
  ]);
  assert.throws(() => parseScript("list\n@soon x\n", "f"), /^InputError: f:2: "soon" is no time/);
  assert.throws(() => parseScript("\x01", "f"), /^InputError: f:1: no text for a console; allowed/);
});
