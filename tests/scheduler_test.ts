import assert from "node:assert/strict";
import fc from "fast-check";
import type { Lab } from "../core/lab.ts";
import { GLOBAL, MAP, VM } from "../core/layout.ts";
import { lowestBit } from "../core/scheduler.ts";
import { HC, INFO_FIELDS } from "../core/vmi.ts";
import {
  CALL,
  type Code,
  imm,
  KERNEL,
  KERNEL_DATA,
  plainGuest,
  R0,
  R4,
  taskData,
  taskGuest,
} from "./mini_guest.ts";
import { core, guestWord, lines, miniLab, ofType, vmRecords, vmWord } from "./monitor_rig.ts";
import { randomCalls } from "./random_calls.ts";

const spinning = plainGuest({ main: (c) => c.label("l").increment(KERNEL_DATA).b("l") });

/** `count` copies of a guest. */
function copies(count: number, image: Uint8Array): Record<string, Uint8Array> {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`g${i}`, image]));
}

/** A VM0 that creates all, then starts all or none, and waits. */
function creatingVm0(starts: boolean): Uint8Array {
  return plainGuest({
    main: (c) => {
      c.label("next").mov(R0, R4).swi(HC.VM_CREATE).add(R4, imm(1)).cmp(R0, imm(0)).b("next", "gt");
      if (starts) {
        c.mov(R4, imm(1)).label("start").mov(R0, R4).swi(HC.VM_START).add(R4, imm(1));
        c.cmp(R0, imm(0)).b("start", "eq");
      }
      c.label("wait").swi(HC.WAIT).b("wait");
    },
  });
}

Deno.test("lowestBit() finds the lowest set bit", core, () => {
  for (let i = 0; i < 32; i++) {
    assert.equal(lowestBit((1 << i) >>> 0), i);
    assert.equal(lowestBit((0xffff_ffff << i) >>> 0), i);
    assert.equal(lowestBit((1 << i | 1 << 31) >>> 0), i);
  }
});

Deno.test("Scheduler.choose() does what two plain sets do", core, async () => {
  using lab = await miniLab(copies(70, spinning), { vm0: creatingVm0(false), backup: "off" });
  lab.runAll({ for: "80ms" });
  const vms = vmRecords(lab);
  assert.equal(vms.length, 71);
  const { scheduler } = lab.vmm;
  const slice = lab.board.peek(MAP.GLOBAL + GLOBAL.SLICE, 4);
  const operation = fc.record({
    what: fc.constantFrom("wake", "wake", "wakeSpent", "block", "expire", "choose", "choose"),
    id: fc.oneof(fc.nat(70), fc.constantFrom(0, 31, 32, 63, 64, 70)),
  });
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
      for (const vm of vms) scheduler.block(vm);
      let active = new Set<number>();
      let expired = new Set<number>();
      for (const { what, id } of operations) {
        const vm = vms[id];
        const exchange = () => {
          if (active.size === 0) [active, expired] = [expired, active];
        };
        if (what === "wake") {
          lab.board.poke(vm + VM.SLICE, slice);
          scheduler.wake(vm);
          active.add(id);
        } else if (what === "wakeSpent") {
          lab.board.poke(vm + VM.SLICE, -7);
          scheduler.wake(vm);
          expired.add(id);
          exchange();
          assert.equal(lab.board.peek(vm + VM.SLICE, 4), slice, "its slice is filled again");
        } else if (what === "block") {
          scheduler.block(vm);
          active.delete(id);
          expired.delete(id);
          exchange();
        } else if (what === "expire") {
          scheduler.expire(vm);
          active.delete(id);
          expired.add(id);
          exchange();
        } else {
          const wanted = active.size === 0 ? 0 : vms[Math.min(...active)];
          assert.equal(scheduler.choose(), wanted);
        }
      }
    }),
    { numRuns: 150, seed: 7 },
  );
});

Deno.test("Scheduler.setReady() keeps the row and what the kernel sees of it", core, async () => {
  using lab = await miniLab(copies(1, spinning), { vm0: creatingVm0(false) });
  lab.runAll({ for: "3ms" });
  const [, vm] = vmRecords(lab);
  const { scheduler } = lab.vmm;
  const info = lab.board.peek(vm + VM.INFO, 4);
  const field = (name: string) => info + INFO_FIELDS.find((f) => f.name === name)!.offset;
  const ready = new Set<number>();
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(63), fc.boolean()), { maxLength: 80 }), (changes) => {
      for (const [priority, on] of changes) {
        scheduler.setReady(vm, priority, on);
        if (on) ready.add(priority);
        else ready.delete(priority);
      }
      const bytes = lab.board.debugRead(field("RDY_TBL"), 8);
      for (let p = 0; p < 64; p++) {
        assert.equal(scheduler.isReady(vm, p), ready.has(p));
        assert.equal(bytes[p >>> 3] >>> (p & 7) & 1, ready.has(p) ? 1 : 0);
      }
      const groups = lab.board.peek(field("RDY_GRP"), 4);
      for (let g = 0; g < 8; g++) assert.equal(groups >>> g & 1, bytes[g] === 0 ? 0 : 1);
    }),
    { numRuns: 60, seed: 8 },
  );
});

/** Costs of the choices, and how many there were. */
function watchChoices(lab: Lab): { costs: Set<number>; count: number } {
  const { scheduler, port } = lab.vmm;
  const group = scheduler.group.bind(scheduler);
  const pick = scheduler.pick.bind(scheduler);
  const watched = { costs: new Set<number>(), count: 0 };
  let grouping = 0;
  scheduler.group = () => {
    const before = port.charged;
    const found = group();
    grouping = port.charged - before;
    return found;
  };
  scheduler.pick = (found) => {
    const before = port.charged;
    const chosen = pick(found);
    watched.costs.add(grouping + port.charged - before);
    watched.count++;
    return chosen;
  };
  return watched;
}

Deno.test("Scheduler.choose() takes the same time with 1 and with 60 VMs", core, async () => {
  const all = new Set<number>();
  for (const count of [1, 2, 31, 32, 33, 60]) {
    const vm0 = creatingVm0(true);
    using lab = await miniLab(copies(count, spinning), { vm0, backup: "off", slice: "1ms" });
    const choices = watchChoices(lab);
    lab.runAll({ for: `${30 + 3 * count}ms` });
    for (const cost of choices.costs) all.add(cost);
    assert.ok(choices.count > 20);
    const { vms } = lab.summary();
    assert.ok(vms.length === count + 1 && vms.every((v) => v.switches > 0), `${count} VMs ran`);
  }
  assert.equal(all.size, 1, `cycles of a choice: ${[...all]}`);
});

Deno.test("Vmm shares the CPU fairly among guests that never give it up", core, async () => {
  const hogs: Record<string, Uint8Array> = {
    spin: spinning,
    hypercalls: plainGuest({
      main: (c) => c.label("l").increment(KERNEL_DATA).swi(HC.VERSION).b("l"),
    }),
    "in-task": taskGuest({
      tickUs: 0,
      tasks: [{ name: "t", main: (c) => c.label("l").increment(KERNEL_DATA + 0x20_0000).b("l") }],
    }),
    "in-kernel": taskGuest({ tasks: [], boot: (c) => c.label("l").increment(KERNEL.FREE).b("l") }),
    masked: plainGuest({
      main: (c) =>
        c.mov(R0, imm(1)).li(R4, 0x01f0_0000).str(R0, R4).label("l").increment(KERNEL_DATA).b("l"),
    }),
    faulting: plainGuest({ main: (c) => c.mov(R0, imm(0)).str(R0, R0) }),
  };
  const policy = {
    guest: [{ action: "swap", limit: 1000 }, { action: "stop" }],
    window: "1us",
  } as const;
  using lab = await miniLab(hogs, { policy, slice: "2ms" });
  lab.runAll({ for: "20ms" });
  const before = lab.summary().vms.map((v) => v.cycles);
  lab.runAll({ for: "240ms" });
  const shares = lab.summary().vms.map((v, i) => (v.cycles - before[i]) / (240e6 * 0.4));
  const names = ["vm0", ...Object.keys(hogs)];
  names.forEach((name, i) => {
    if (name === "vm0" || name === "faulting") return;
    assert.ok(shares[i] > 0.12 && shares[i] < 0.25, `${name} had ${shares[i]}`);
  });
  // One that faults for ever gives its slice up at each fault.
  assert.ok(shares[6] < 0.2 && lab.summary().vms[6].recoveries > 20);
});

Deno.test("Vmm wakes a guest that waits, whoever else runs", core, async () => {
  const beating = taskGuest({
    tasks: [{ name: "b", main: (c) => c.label("l").swi(CALL.COUNT).swi(CALL.DELAY).b("l") }],
    tickUs: 10_000,
  });
  for (const order of [["beating", "hog", "hog2"], ["hog", "hog2", "beating"]]) {
    const guests = Object.fromEntries(order.map((n) => [n, n === "beating" ? beating : spinning]));
    using lab = await miniLab(guests, { slice: "2ms" });
    lab.runAll({ for: "305ms" });
    const beats = guestWord(lab, "beating", KERNEL.COUNT);
    assert.ok(beats >= 28 && beats <= 31, `${order}: ${beats} beats`);
  }
});

Deno.test("Vmm runs 64 VMs at once, and 32 VMs of 8 tasks", core, async () => {
  const counting = plainGuest({
    main: (c) => c.swi(HC.TIMER_SET, 5000).label("l").increment(KERNEL_DATA).swi(HC.WAIT).b("l"),
  });
  using many = await miniLab(copies(64, counting), { sdramMB: 64 });
  many.runAll({ for: "300ms" });
  for (let i = 0; i < 64; i++) {
    const beats = guestWord(many, `g${i}`, KERNEL_DATA);
    assert.ok(beats > 20 && beats < 70, `VM ${i + 1}: ${beats}`);
  }
  const tasks = Array.from({ length: 8 }, (_, i) => ({
    name: `t${i}`,
    main: (c: Code) => c.label("l").increment(taskData(i)).swi(CALL.DELAY).b("l"),
  }));
  using wide = await miniLab(copies(32, taskGuest({ tasks, tickUs: 20_000 })), { sdramMB: 64 });
  const events = wide.runAll({ for: "400ms" });
  assert.equal(ofType(events, "fault").length, 0);
  assert.equal(ofType(events, "unprotected").length, 0);
  for (let i = 0; i < 32; i++) {
    for (let t = 0; t < 8; t++) {
      const beats = guestWord(wide, `g${i}`, taskData(t));
      assert.ok(beats >= 8 && beats <= 22, `VM ${i + 1}, task ${t}: ${beats}`);
    }
  }
});

/** Neighbours that are good for nothing. */
const BAD_NEIGHBOURS: Readonly<Record<string, Uint8Array>> = {
  "faults for ever": taskGuest({
    tasks: [{ name: "t", main: (c) => c.mov(R0, imm(0)).str(R0, R0) }],
  }),
  "damages its kernel": plainGuest({ main: (c) => c.mov(R0, imm(0)).str(R0, R0) }),
  "hangs in its kernel": taskGuest({ tasks: [], boot: (c) => c.spin() }),
  "hangs in a task": taskGuest({ tasks: [{ name: "t", main: (c) => c.spin() }] }),
  "floods the console": plainGuest({
    main: (c) => c.label("l").print(HC.CONSOLE_WRITE, "flood ".repeat(40) + "\n").b("l"),
  }),
  "storms": randomCalls(2),
};

const HEALTHY: Readonly<Record<string, Uint8Array>> = {
  steady: taskGuest({
    tickUs: 2000,
    tasks: [{
      name: "beat",
      main: (c) => c.label("l").swi(CALL.COUNT).print(CALL.PRINT, "beat\n").swi(CALL.DELAY).b("l"),
    }],
  }),
  counting: plainGuest({
    main: (c) =>
      c.swi(HC.TIMER_SET, 3000).label("l").increment(KERNEL_DATA).print(HC.CONSOLE_WRITE, "one\n")
        .swi(HC.WAIT).b("l"),
  }),
};

Deno.test(
  "Vmm keeps what healthy guests do apart from what a bad neighbour does",
  core,
  async () => {
    const policy = {
      task: [{ action: "swap", limit: 1000 }, { action: "stop" }],
      guest: [{ action: "swap", limit: 1000 }, { action: "stop" }],
      window: "1us",
    } as const;
    for (const schedule of ["slices", "slots"] as const) {
      const seen = new Map<string, string>();
      const neighbours = { "is healthy": HEALTHY.steady, ...BAD_NEIGHBOURS };
      for (const [what, image] of Object.entries(neighbours)) {
        using lab = await miniLab({ ...HEALTHY, neighbour: image }, {
          policy,
          schedule,
          slice: "2ms",
        });
        const events = lab.runAll({ until: "55ms" });
        assert.equal(lab.stopped, false);
        for (const vm of Object.keys(HEALTHY)) {
          const summary = lab.summary().vms.find((v) => v.vm === vm)!;
          const text = lines(events, vm);
          assert.ok(text.length > 6, `${schedule}, ${what}: ${vm} printed ${text.length}`);
          const hash = schedule === "slots" ? summary.trace_hash : text.slice(0, 6).join();
          assert.equal(hash, seen.get(vm) ?? hash, `${schedule}: ${vm} beside one that ${what}`);
          seen.set(vm, hash);
        }
        const stops = vmWord(lab, "neighbour", VM.RECOVERIES);
        if (what.includes("fault") || what.includes("damage")) {
          assert.ok(stops > 2, `${what}: ${stops}`);
        }
      }
    }
  },
);
