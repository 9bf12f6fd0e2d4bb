import assert from "node:assert/strict";
import type { Lab, LabOptions } from "../core/lab.ts";
import { MESSAGE, MESSAGE_RING, VM } from "../core/layout.ts";
import type { TraceEvent } from "../core/trace.ts";
import { HC, PAGE, SLOT_MAP, VIRQ, VMI_ERROR } from "../core/vmi.ts";
import { assertInOrder, crashWhen, kernelRuns } from "./journal_guest.ts";
import {
  type Code,
  imm,
  KERNEL_DATA,
  plainGuest,
  R0,
  R1,
  R12,
  R2,
  R3,
  R4,
  R5,
  R6,
  R7,
  SWI,
} from "./mini_guest.ts";
import { actions, core, guestWord, lines, miniLab, ofType, vmWord } from "./monitor_rig.ts";

/** Words of the guests' data. */
const COUNT = KERNEL_DATA;
const BUFFER = KERNEL_DATA + 0x40;
const LIST = KERNEL_DATA + 0x100;

/** Loops about `5 * count` cycles, with r7. */
function busy(c: Code, count: number): Code {
  const label = c.unique();
  return c.li(R7, count).label(label).op("sub", R7, R7, imm(1)).cmp(R7, imm(0)).b(label, "ne");
}

/** Sends 1, 2, 3, ... to VM `to`, three in a millisecond; tries again when there is no room. */
function sender(to: number): Uint8Array {
  return plainGuest({
    main: (c) => {
      c.swi(HC.TIMER_SET, 1000);
      c.label("l").increment(COUNT).mov(R5, R0);
      busy(c, 300).label("again").li(R1, BUFFER).str(R5, R1).swi(HC.SEND, to, BUFFER, 4);
      c.op("mvn", R1, 0, imm(~VMI_ERROR.EAGAIN)).cmp(R0, R1).b("full", "eq");
      busy(c, 300).add(R6, imm(1)).cmp(R6, imm(3)).b("l", "ne").mov(R6, imm(0));
      c.swi(HC.WAIT).b("l").label("full").swi(HC.WAIT).b("again");
    },
  });
}

/** Lists the words it is sent, and the sender of the last one. */
const listing = plainGuest({
  dataPages: 3,
  main: (c) => {
    c.swi(HC.TIMER_SET, 1000);
    c.label("l").swi(HC.RECEIVE, BUFFER, 4).cmp(R0, imm(0)).b("wait", "eq").mov(R6, R1);
    busy(c, 200).li(R1, BUFFER).ldr(R2, R1).li(R3, COUNT).ldr(R4, R3);
    c.put(0xe083_5104).str(R2, R5, LIST - COUNT).str(R6, R3, 4); // add r5, r3, r4, lsl #2
    busy(c, 200).li(R3, COUNT).ldr(R4, R3).add(R4, imm(1)).str(R4, R3).b("l");
    c.label("wait").swi(HC.WAIT).b("l");
  },
});

function listed(lab: Lab, vm: string): number[] {
  return Array.from(
    { length: guestWord(lab, vm, COUNT) },
    (_, i) => guestWord(lab, vm, LIST + 4 * i),
  );
}

const SWAP = {
  guest: [{ action: "swap", limit: 1000 }, { action: "stop" }],
  window: "1ms",
} as const;
const RESTART = {
  guest: [{ action: "restart", limit: 1000 }, { action: "stop" }],
  window: "1ms",
} as const;

/** Crashes these VMs in turn, at times that are never the same in a millisecond. */
async function crashing(victims: readonly string[], options: Partial<LabOptions>) {
  const lab = await miniLab({ sender: sender(2), listing }, { period: "3ms", ...options });
  const events: TraceEvent[] = lab.runAll({ for: "5ms" });
  for (let i = 0; i < 20; i++) {
    const vm = victims[i % victims.length];
    events.push(...lab.runAll({ for: 1_300_000 + 170_000 * i }));
    events.push(...crashWhen(lab, () => kernelRuns(lab, vm), 900 + 37 * i));
  }
  events.push(...lab.runAll({ for: "90ms" }));
  return { lab, events };
}

for (const victims of [["sender"], ["listing"], ["sender", "listing"]]) {
  Deno.test(
    `Messages: a rollback of ${victims.join(" and ")} loses nothing and doubles nothing`,
    core,
    async () => {
      for (const options of [{}, { generations: 4 }, { backup: "full" }, { schedule: "slots" }]) {
        const what = JSON.stringify(options);
        const policy = SWAP;
        const { lab, events } = await crashing(
          victims,
          { policy, ...options } as Partial<LabOptions>,
        );
        using _ = lab;
        for (const vm of victims) {
          const swaps = Array(20 / victims.length).fill("swap-guest");
          assert.deepEqual(actions(events, vm), swaps, what);
        }
        const numbers = listed(lab, "listing");
        assertInOrder(numbers, what);
        const sent = guestWord(lab, "sender", COUNT);
        // What is sent and not listed yet is in the ring, or in the hands of one of them.
        assert.ok(
          sent - numbers.length <= MESSAGE_RING + 2 && numbers.length > 20,
          `${what} ${sent}`,
        );
        assert.equal(guestWord(lab, "listing", COUNT + 4), 1, "the sender's number");
      }
    },
  );
}

Deno.test("Messages: a restarted sender goes on counting, what it sends is new", core, async () => {
  const { lab, events } = await crashing(["sender"], { policy: RESTART });
  using _ = lab;
  assert.deepEqual(actions(events, "sender"), Array(20).fill("restart-guest"));
  const numbers = listed(lab, "listing");
  // Each life sends from 1 on; nothing of it is taken for a repeat.
  const lives = numbers.reduce<number[][]>((all, n) => {
    if (n === 1) all.push([]);
    all.at(-1)!.push(n);
    return all;
  }, []);
  lives.forEach((life, i) => assertInOrder(life, `life ${i + 1}`));
  assert.ok(lives.length >= 18 && lives.length <= 21, `${lives.length} lives`);
});

Deno.test("Messages: a restarted receiver begins with what comes next", core, async () => {
  const { lab, events } = await crashing(["listing"], { policy: RESTART });
  using _ = lab;
  assert.deepEqual(actions(events, "listing"), Array(20).fill("restart-guest"));
  const numbers = listed(lab, "listing");
  assert.ok(numbers.length > 10 && numbers[0] > 20);
  assert.deepEqual(numbers, numbers.map((_, i) => numbers[0] + i));
});

Deno.test(
  "Messages.send() says EAGAIN when the ring is full, and loses nothing then",
  core,
  async () => {
    for (const backup of ["off", "cow"] as const) {
      // Asks for messages, and rests for 40 ms before it looks at them.
      const late = plainGuest({
        dataPages: 3,
        main: (c) => {
          c.swi(HC.RECEIVE, BUFFER, 4).swi(HC.TIMER_SET, 1000);
          for (let i = 0; i < 40; i++) {
            const again = c.unique();
            c.label(again).swi(HC.WAIT).li(R1, KERNEL_DATA + 0x2000).ldr(R2, R1, 4);
            c.cmp(R2, imm(i)).b(again, "ls");
          }
          c.label("l").swi(HC.RECEIVE, BUFFER, 4).cmp(R0, imm(0)).b("wait", "eq");
          c.li(R1, BUFFER).ldr(R2, R1).li(R3, COUNT).ldr(R4, R3);
          c.put(0xe083_5104).str(R2, R5, LIST - COUNT).add(R4, imm(1)).str(R4, R3).b("l");
          c.label("wait").swi(HC.WAIT).b("l");
        },
        irq: (c) =>
          c.li(R2, KERNEL_DATA + 0x2000).ldr(R3, R2, 4).op("add", R3, R3, R1).str(R3, R2, 4),
      });
      using lab = await miniLab({ sender: sender(2), late }, { backup, period: "5ms" });
      const events = lab.runAll({ for: "35ms" });
      assert.equal(vmWord(lab, "late", VM.MESSAGE_WRITE), MESSAGE_RING, "the ring is full");
      assert.equal(guestWord(lab, "sender", COUNT), MESSAGE_RING + 1, "the sender waits");
      assert.ok(ofType(events, "refused", "sender").every((e) => e.error === "EAGAIN"));
      assert.ok(ofType(events, "refused", "sender").length > 10);
      lab.runAll({ for: "60ms" });
      const numbers = listed(lab, "late");
      assertInOrder(numbers, backup);
      assert.ok(numbers.length > MESSAGE_RING + 10, `${backup}: ${numbers.length}`);
    }
  },
);

Deno.test(
  "Messages.send() keeps a message for the oldest cut that may read it again",
  core,
  async () => {
    // The receiver has read all, but two kept cuts, 20 ms apart, would read it again.
    using lab = await miniLab({ sender: sender(2), listing }, { period: "20ms", policy: SWAP });
    lab.runAll({ for: "24ms" });
    const before = listed(lab, "listing").length;
    assert.ok(before > 0);
    const end = lab.time + 19_000_000;
    let most = 0;
    while (lab.time < end) {
      lab.runAll({ for: "1ms" });
      const oldest = lab.vmm.backup.oldestHeld(lab.vmRecord("listing"), VM.MESSAGE_READ);
      most = Math.max(most, vmWord(lab, "listing", VM.MESSAGE_WRITE) - oldest);
      assert.ok(most <= MESSAGE_RING, `${most} messages are still needed`);
    }
    assert.ok(most > 3);
  },
);

Deno.test(
  "Messages.send() wakes a receiver that waits, by its virtual interrupt",
  core,
  async () => {
    const once = plainGuest({
      main: (c) =>
        c.swi(HC.TIMER_SET, 3000).swi(HC.WAIT).swi(HC.SEND, 2, BUFFER, 4).label("w").swi(HC.WAIT).b(
          "w",
        ),
    });
    const waiting = plainGuest({
      main: (c) => c.swi(HC.RECEIVE, BUFFER, 4).label("l").swi(HC.WAIT).b("l"),
      irq: (c) => c.li(R2, COUNT).str(R0, R2).ldr(R3, R2, 4).add(R3, imm(1)).str(R3, R2, 4),
    });
    using lab = await miniLab({ once, waiting });
    lab.runAll({ for: "2ms" });
    assert.equal(guestWord(lab, "waiting", COUNT + 4), 0);
    lab.runAll({ for: "4ms" });
    assert.equal(guestWord(lab, "waiting", COUNT), 1 << VIRQ.MESSAGE);
    assert.equal(guestWord(lab, "waiting", COUNT + 4), 1);
  },
);

Deno.test(
  "Messages refuse arguments that make no sense, and change nothing then",
  core,
  async () => {
    const { EINVAL, EFAULT } = VMI_ERROR;
    const END = SLOT_MAP.SIZE;
    const page = KERNEL_DATA + PAGE;
    const sends: readonly (readonly [number, number, number, number])[] = [
      [1, BUFFER, 4, EINVAL], // itself
      [3, BUFFER, 4, EINVAL],
      [77, BUFFER, 4, EINVAL],
      [78, BUFFER, 4, EINVAL],
      [0xffff_ffff, BUFFER, 4, EINVAL],
      [2, BUFFER, 0, EINVAL],
      [2, BUFFER, MESSAGE.MAX + 1, EINVAL],
      [2, BUFFER, 0xffff_ffff, EINVAL],
      [2, page - 3, 4, EFAULT],
      [2, page, 1, EFAULT],
      [2, END - 2, 4, EFAULT],
      [2, END, 1, EFAULT],
      [2, 0x3001_0000, 4, EFAULT],
      [2, 0xffff_fffe, 4, EFAULT],
    ];
    const good: readonly (readonly [number, number, number, number])[] = [
      [2, BUFFER, MESSAGE.MAX, 0],
      [2, page - 4, 4, 0],
      [2, KERNEL_DATA, 1, 0],
    ];
    const calls = [...sends, ...good];
    const caller = plainGuest({
      main: (c) => {
        // The other one begins meanwhile.
        c.swi(HC.TIMER_SET, 500).swi(HC.WAIT).swi(HC.TIMER_SET, 0).li(R4, LIST);
        for (const [to, va, length] of calls) {
          c.swi(HC.SEND, to, va, length).str(R0, R4).add(R4, imm(4));
        }
        c.label("w").swi(HC.WAIT).b("w");
      },
    });
    const receives: readonly (readonly [number, number, number])[] = [
      [0x3001_0000, 240, EFAULT],
      [END - 1, 240, EFAULT],
      [0, 240, EFAULT], // its text
      [page, 1, EFAULT],
      [BUFFER, 2, 2], // cut short
      [BUFFER, 240, 4],
      [BUFFER, 0xffff_ffff, 1],
      [BUFFER, 240, 0],
    ];
    const callee = plainGuest({
      main: (c) => {
        c.swi(HC.RECEIVE, BUFFER, 4).swi(HC.TIMER_SET, 4000).label("timer").swi(HC.WAIT);
        c.li(R4, COUNT).ldr(R0, R4).cmp(R0, imm(0)).b("timer", "eq");
        c.swi(HC.TIMER_SET, 0).li(R4, LIST);
        for (const [va, length] of receives) {
          c.swi(HC.RECEIVE, va, length).str(R0, R4).str(R1, R4, 4).add(R4, imm(8));
        }
        c.label("w").swi(HC.WAIT).b("w");
      },
      // Messages wake it, too; it begins at the first period of its timer.
      irq: (c) => c.li(R2, COUNT).str(R1, R2),
    });
    using lab = await miniLab({ caller, callee });
    lab.runAll({ for: "3ms" });
    calls.forEach(([to, va, length, wanted], i) => {
      const result = guestWord(lab, "caller", LIST + 4 * i) | 0;
      assert.equal(result, wanted, `send(${to}, 0x${va.toString(16)}, ${length})`);
    });
    assert.equal(vmWord(lab, "callee", VM.MESSAGE_WRITE), good.length);
    assert.equal(vmWord(lab, "caller", VM.SEND_SEQ), good.length);
    lab.runAll({ for: "8ms" });
    receives.forEach(([va, length, wanted], i) => {
      const result = guestWord(lab, "callee", LIST + 8 * i) | 0;
      const what = `receive(0x${va.toString(16)}, ${length})`;
      assert.equal(result, wanted, what);
      if (wanted > 0) {
        assert.equal(guestWord(lab, "callee", LIST + 8 * i + 4), 1, `${what}: sender`);
      }
    });
    assert.deepEqual(lines([], "caller"), []);
  },
);

Deno.test(
  "Messages.send() never takes a register of the caller for more than it is",
  core,
  async () => {
    // r12 and the arguments alone count: r3 and the rest may hold anything.
    const noisy = plainGuest({
      main: (c) => {
        c.swi(HC.TIMER_SET, 1000).swi(HC.WAIT).swi(HC.TIMER_SET, 0);
        c.li(R3, 0xffff_ffff).li(R4, 0x3001_0000).li(R5, 0x8000_0000).li(R6, 77);
        c.li(R0, 2).li(R1, BUFFER).mov(R2, imm(4)).li(R12, HC.SEND).put(SWI);
        c.li(R1, COUNT).str(R0, R1).label("w").swi(HC.WAIT).b("w");
      },
    });
    using lab = await miniLab({ noisy, listing });
    lab.runAll({ for: "4ms" });
    assert.equal(guestWord(lab, "noisy", COUNT), 0);
    assert.equal(listed(lab, "listing").length, 1);
  },
);

Deno.test(
  "Messages.send() does not disturb a guest that never asked for messages",
  core,
  async () => {
    const deaf = plainGuest({
      main: (c) => c.swi(HC.TIMER_SET, 1000).label("l").swi(HC.WAIT).b("l"),
      irq: (c) => c.li(R2, COUNT).ldr(R3, R2).op("orr", R3, R3, R0).str(R3, R2),
    });
    // VM 2 starts to listen after 10 ms, and is restarted when its kernel fails after 20 ms more.
    const late = plainGuest({
      main: (c) => {
        c.swi(HC.TIMER_SET, 10_000).swi(HC.WAIT).swi(HC.RECEIVE, BUFFER, 4).swi(
          HC.TIMER_SET,
          20_000,
        );
        c.label("l").swi(HC.WAIT).li(R2, COUNT).ldr(R3, R2).cmp(R3, imm(0)).b("l", "eq");
        c.mov(R0, imm(0)).str(R0, R0);
      },
      irq: (c) => {
        c.op("tst", 0, R0, imm(1 << VIRQ.TIMER)).b("out", "eq");
        c.li(R2, LIST).ldr(R3, R2).add(R3, imm(1)).str(R3, R2).cmp(R3, imm(2)).b("out", "lt");
        c.li(R2, COUNT).str(R3, R2).label("out");
      },
    });
    const sends = plainGuest({
      main: (c) => {
        c.swi(HC.TIMER_SET, 1000).label("l").swi(HC.WAIT);
        c.swi(HC.SEND, 2, BUFFER, 4).swi(HC.SEND, 1, BUFFER, 4).b("l");
      },
    });
    using lab = await miniLab({ deaf, late, sends }, {
      policy: { guest: [{ action: "restart", limit: 3 }, { action: "stop" }] },
    });
    lab.runAll({ for: "8ms" });
    const written = (vm: string) => vmWord(lab, vm, VM.MESSAGE_WRITE);
    assert.equal(written("late"), 0, "it does not listen yet");
    const events = lab.runAll({ for: "10ms" });
    assert.ok(written("late") > 3, "now it does");
    assert.ok(ofType(events, "refused", "sends").every((e) => e.error === "EAGAIN"));
    const more = lab.runAll({ for: "18ms" });
    assert.deepEqual(actions(more, "late"), ["restart-guest"]);
    const kept = written("late");
    lab.runAll({ for: "3ms" });
    assert.equal(written("late"), kept, "and does not after its restart");
    assert.equal(written("deaf"), 0);
    assert.equal(guestWord(lab, "deaf", COUNT), 1 << VIRQ.TIMER, "no interrupt but its timer's");
  },
);
