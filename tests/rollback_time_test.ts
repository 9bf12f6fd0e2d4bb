import assert from "node:assert/strict";
import { INPUT_RING, VM } from "../core/layout.ts";
import type { TraceEvent } from "../core/trace.ts";
import { HC, VIRQ } from "../core/vmi.ts";
import { busy, crashWhen, kernelRuns } from "./journal_guest.ts";
import {
  type Code,
  imm,
  KERNEL_DATA,
  plainGuest,
  R0,
  R1,
  R2,
  R3,
  R4,
  taskData,
  taskGuest,
  transfer,
} from "./mini_guest.ts";
import { CALL } from "./mini_guest.ts";
import { actions, core, guestWord, lines, miniLab, ofType, vmWord } from "./monitor_rig.ts";

const SWAP = {
  guest: [{ action: "swap", limit: 1000 }, { action: "stop" }],
  window: "1ms",
} as const;

/** Words of the guests' data. */
const TICKS = KERNEL_DATA;
const TIME = KERNEL_DATA + 8;
const WORK = KERNEL_DATA + 16;

/** Counts the periods of a timer of 1 ms that it is told of, and notes virtual time at each. */
const clock = plainGuest({
  main: (c) => {
    c.swi(HC.TIMER_SET, 1000).label("l");
    busy(c, 400).increment(WORK).swi(HC.WAIT).b("l");
  },
  irq: (c) => {
    c.li(R2, TICKS).ldr(R3, R2).op("add", R3, R3, R1).str(R3, R2);
    c.swi(HC.TIME).li(R2, TIME).str(R0, R2).str(R1, R2, 4);
  },
});

/** Virtual time that {@linkcode clock} noted last, ns. */
function noted(lab: Parameters<typeof guestWord>[0], vm: string): number {
  return guestWord(lab, vm, TIME) + guestWord(lab, vm, TIME + 4) * 0x1_0000_0000;
}

for (const catchUp of [false, true]) {
  const what = catchUp ? "goes on with board time" : "stands still for what was given up";
  Deno.test(`HC_TIME ${what} after a guest's rollback`, core, async () => {
    for (const backup of ["cow", "full"] as const) {
      using lab = await miniLab({ clock }, { period: "4ms", policy: SWAP, catchUp, backup });
      lab.runAll({ for: "9ms" });
      let lost = 0;
      for (let i = 0; i < 7; i++) {
        lab.runAll({ for: 2_300_000 + 410_000 * i });
        crashWhen(lab, () => kernelRuns(lab, "clock"), 800);
        const events: TraceEvent[] = lab.runAll({ for: "2ms" });
        const [recovery] = ofType(events, "recovery", "clock");
        assert.deepEqual([recovery.action, recovery.generation], ["swap-guest", 0]);
        assert.ok(recovery.lost > 0);
        lost += recovery.lost;
        const behind = lab.time - noted(lab, "clock");
        const wanted = catchUp ? 0 : lost;
        // The last period's interrupt is up to a period old, or comes up to a tick late.
        assert.ok(
          behind >= wanted && behind < wanted + 3_500_000,
          `${behind} behind, not ${wanted}`,
        );
        const ticks = guestWord(lab, "clock", TICKS);
        const periods = noted(lab, "clock") / 1e6;
        assert.ok(Math.abs(ticks - periods) < 2, `${ticks} ticks in ${periods} ms`);
      }
    }
  });
}

Deno.test(
  "VirtualTimers.take() gives a long backlog at once and a short one period by period",
  core,
  async () => {
    // Periods of 100 us, and cuts that are 30 ms apart: what a rollback makes up for is a long backlog.
    const fast = plainGuest({
      main: (c) => {
        c.swi(HC.TIMER_SET, 100).label("l");
        busy(c, 200).swi(HC.WAIT).b("l");
      },
      irq: (c) => {
        c.li(R2, TICKS).ldr(R3, R2).op("add", R3, R3, R1).str(R3, R2);
        c.ldr(R3, R2, 4).cmp(R1, R3).op("mov", R3, 0, R1, "hi").str(R3, R2, 4);
      },
    });
    using lab = await miniLab({ fast }, { period: "30ms", policy: SWAP, catchUp: true });
    lab.runAll({ for: "55ms" });
    crashWhen(lab, () => kernelRuns(lab, "fast"), 800);
    const [recovery] = ofType(lab.runAll({ for: "8ms" }), "recovery", "fast");
    assert.ok(recovery.lost > 15e6, `${recovery.lost}`);
    const most = guestWord(lab, "fast", TICKS + 4);
    assert.ok(most > 100, `${most} periods at once`);
    const behind = lab.time / 1e5 - guestWord(lab, "fast", TICKS);
    assert.ok(behind < 130, `${behind} periods behind`);
  },
);

/** Lists the console input it gets, byte by byte, from {@linkcode LIST} on. */
const COUNT = KERNEL_DATA + 0x20;
const LIST = KERNEL_DATA + 0x100;
const reader = (tickUs: number) =>
  plainGuest({
    dataPages: 2,
    main: (c) => {
      if (tickUs > 0) c.swi(HC.TIMER_SET, tickUs);
      c.label("l").swi(HC.CONSOLE_READ, KERNEL_DATA, 1).cmp(R0, imm(0)).b("rest", "eq");
      busy(c, 300).li(R1, KERNEL_DATA).put(transfer("ldrb", R2, R1));
      c.ldr(R3, R1, COUNT - KERNEL_DATA).op("add", R4, R1, R3);
      c.put(transfer("strb", R2, R4, LIST - KERNEL_DATA)).add(R3, imm(1));
      c.str(R3, R1, COUNT - KERNEL_DATA);
      busy(c, 300).b("l");
      c.label("rest").swi(HC.WAIT).b("l");
    },
  });

function typed(lab: Parameters<typeof guestWord>[0], vm: string): string {
  const count = guestWord(lab, vm, COUNT);
  const bytes = Array.from(
    { length: count },
    (_, i) => guestWord(lab, vm, LIST + (i & ~3)) >>> 8 * (i & 3) & 255,
  );
  return String.fromCharCode(...bytes);
}

Deno.test(
  "HC_CONSOLE_READ gives input again after a guest's rollback, none twice",
  core,
  async () => {
    for (const tickUs of [1000, 0]) {
      using lab = await miniLab({ reader: reader(tickUs) }, { period: "5ms", policy: SWAP });
      lab.runAll({ for: "3ms" });
      let text = "";
      for (let i = 0; i < 12; i++) {
        const part = `${String.fromCharCode(97 + i).repeat(3)}${i} `;
        text += part;
        lab.send("reader", part);
        crashWhen(lab, () => kernelRuns(lab, "reader"), 700 + 430 * (i % 5));
        lab.runAll({ for: 1_700_000 + 300_000 * (i % 4) });
      }
      lab.runAll({ for: "10ms" });
      assert.equal(typed(lab, "reader"), text, `timer ${tickUs}`);
      assert.equal(vmWord(lab, "reader", VM.RECOVERIES), 12);
    }
  },
);

Deno.test(
  "Consoles.input() keeps input that a kept cut may read again, and refuses what has no room",
  core,
  async () => {
    using lab = await miniLab({ reader: reader(1000) }, { period: "500ms", policy: SWAP });
    lab.runAll({ for: "3ms" });
    const text = Array.from({ length: INPUT_RING + 40 }, (_, i) => String.fromCharCode(33 + i % 90))
      .join("");
    lab.send("reader", text.slice(0, 100));
    lab.runAll({ for: "5ms" });
    // All is read, but the only cut would read it again: just the rest of the ring is free.
    assert.equal(typed(lab, "reader"), text.slice(0, 100));
    lab.send("reader", text.slice(100));
    lab.runAll({ for: "9ms" });
    assert.equal(typed(lab, "reader"), text.slice(0, INPUT_RING));
    crashWhen(lab, () => !lab.stopped && kernelRuns(lab, "reader"), 500);
    lab.runAll({ for: "12ms" });
    assert.equal(typed(lab, "reader"), text.slice(0, INPUT_RING), "read again after the rollback");
  },
);

Deno.test("a guest's rollback shows anew what waits in its rings", core, async () => {
  // Woken by nothing but the interrupt of a message or of input, it crashes before it has read it.
  const waiting = plainGuest({
    dataPages: 2,
    main: (c) => c.swi(HC.RECEIVE, LIST, 4).label("l").swi(HC.WAIT).b("l"),
    irq: (c) => {
      c.li(R3, TICKS).ldr(R4, R3).op("orr", R4, R4, R0).str(R4, R3);
      busy(c, 300).swi(HC.RECEIVE, LIST, 4).increment(WORK);
      c.swi(HC.CONSOLE_READ, LIST + 0x40, 8).li(R1, WORK).ldr(R2, R1, 4).op("add", R2, R2, R0);
      c.str(R2, R1, 4);
      busy(c, 300);
    },
  });
  const once = plainGuest({
    main: (c) => {
      c.swi(HC.TIMER_SET, 5000).swi(HC.WAIT).li(R1, LIST - 0x40).li(R0, 0x1234).str(R0, R1);
      c.swi(HC.SEND, 1, LIST - 0x40, 4).swi(HC.TIMER_SET, 0).label("w").swi(HC.WAIT).b("w");
    },
  });
  for (const by of ["message", "input"]) {
    using lab = await miniLab({ waiting, once }, { period: "1ms", policy: SWAP });
    lab.runAll({ for: "3ms" });
    if (by === "input") lab.send("waiting", "abc");
    for (let i = 0; i < 3; i++) {
      crashWhen(lab, () => kernelRuns(lab, "waiting"), 700 + 311 * i);
      lab.runAll({ for: 4000 });
    }
    const events = lab.runAll({ for: "9ms" });
    assert.ok(actions(events, "waiting").every((a) => a === "swap-guest"));
    assert.equal(vmWord(lab, "waiting", VM.RECOVERIES), 3, by);
    const source = by === "input" ? VIRQ.CONSOLE : VIRQ.MESSAGE;
    assert.ok((guestWord(lab, "waiting", TICKS) >>> source & 1) === 1, by);
    assert.equal(guestWord(lab, "waiting", LIST), 0x1234, by);
    assert.equal(guestWord(lab, "waiting", WORK + 4), by === "input" ? 3 : 0, by);
  }
});

Deno.test("a task's rollback leaves time, ticks and input to its kernel", core, async () => {
  const image = taskGuest({
    tasks: [{
      name: "t",
      main: (c: Code) => {
        c.label("l").increment(taskData(0)).swi(CALL.DELAY);
        c.li(R1, taskData(0)).ldr(R0, R1).op("and", R0, R0, imm(7)).cmp(R0, imm(7)).b("l", "ne");
        c.mov(R0, imm(0)).str(R0, R0);
      },
    }],
  });
  const policy = {
    task: [{ action: "swap", limit: 1000 }, { action: "stop" }],
    window: "1ms",
  } as const;
  using lab = await miniLab({ g: image, clock }, { policy, period: "3ms" });
  const events = lab.runAll({ for: "60ms" });
  assert.ok(
    actions(events, "g").length > 5 && actions(events, "g").every((a) => a === "swap-task"),
  );
  assert.equal(vmWord(lab, "g", VM.LOST), 0);
  const ticks = guestWord(lab, "g", KERNEL_DATA + 4);
  assert.ok(ticks >= 57 && ticks <= 60, `${ticks} ticks in 60 ms`);
  assert.deepEqual(lines(events, "g"), []);
});

Deno.test(
  "a guest that fell behind is told of a period only when it has run for one",
  core,
  async () => {
    const spinner = plainGuest({
      main: (c) => c.swi(HC.TIMER_SET, 3000).label("l").increment(WORK).b("l"),
      irq: (c) => c.li(R2, TICKS).ldr(R3, R2).op("add", R3, R3, R1).str(R3, R2),
    });
    using lab = await miniLab({ a: spinner, b: spinner }, { slice: "12ms", backup: "off" });
    lab.runAll({ until: "100ms" });
    const seen = [guestWord(lab, "a", TICKS)];
    for (let ms = 0; ms < 150; ms++) {
      lab.runAll({ for: "1ms" });
      seen.push(guestWord(lab, "a", TICKS));
    }
    // It has half of the CPU, so it is always behind; in its turns a period passes every third tick.
    for (let i = 2; i < seen.length; i++) {
      assert.ok(seen[i] - seen[i - 2] <= 1, `${seen.slice(i - 2, i + 1)}`);
    }
    const told = seen.at(-1)! - seen[0];
    assert.ok(told >= 20 && told <= 28, `${told} periods of 3 ms in 75 ms of its own`);
  },
);
