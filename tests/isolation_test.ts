import assert from "node:assert/strict";
import { GLOBAL, MAP } from "../core/layout.ts";
import { readFirstLevel } from "../core/pagetable.ts";
import { slotMva } from "../core/vm.ts";
import { DISPATCH, HC, PAGE, SLOT_MAP } from "../core/vmi.ts";
import {
  CALL,
  type Code,
  imm,
  KERNEL,
  KERNEL_DATA,
  PC,
  plainGuest,
  R0,
  R1,
  R2,
  R3,
  R4,
  R5,
  swap,
  taskBase,
  taskData,
  taskGuest,
  taskStack,
  transfer,
} from "./mini_guest.ts";
import { actions, core, guestWord, lines, miniLab, monitorHash, ofType } from "./monitor_rig.ts";

/** The breakpoint in the task that looks at the other's data. */
const PEEK = "peek";

const DATA_ABORT = 0x10;

Deno.test(
  "Vmm closes a task just switched out: a warm TLB entry does not open it",
  core,
  async () => {
    let peek = 0;
    const image = taskGuest({
      tasks: [
        {
          name: "owner",
          main: (c) => c.label("loop").increment(taskData(0)).swi(CALL.YIELD).b("loop"),
        },
        {
          name: "snoop",
          main: (c) => {
            // After some switches the domains are settled, and nothing is invalidated any more.
            for (let i = 0; i < 3; i++) c.swi(CALL.YIELD);
            c.li(R1, taskData(0)).label(PEEK).ldr(R0, R1).print(CALL.PRINT, "LEAK\n").spin();
            peek = c.addressOf(PEEK);
          },
        },
      ],
    });
    using lab = await miniLab({ g: image }, { policy: { task: [{ action: "stop" }] } });
    const { board } = lab;
    const page = slotMva(1, taskData(0));
    board.cpu.breakpoints.add(peek);
    board.run(board.clock.cycleAt(10e6));
    assert.equal(board.cpu.pc, peek, "the second task is about to look");
    assert.equal(board.cpu.cpsr & 0x1f, 0x10);

    // The entry is there, with a right to read, and it is the domain that is closed.
    const { dtlb, dacr } = board.mmu.state();
    const entry = dtlb.tag.findIndex((tag, i) => dtlb.mask[i] !== 0 && tag >>> 0 === page);
    assert.ok(entry >= 0, "the D-TLB holds the page of the task that was switched out");
    const domain = dtlb.info[entry] >>> 4 & 15;
    assert.equal(dtlb.info[entry] & 2, 2, "User may read by its permission bits");
    assert.equal(dacr >>> domain * 2 & 3, 0, "its domain is closed");
    const walks = board.mmu.counters.walksData;
    assert.equal(board.mmu.probe(page, 0, false), -1);

    board.cpu.breakpoints.clear();
    let walksAtFault = -1;
    const monitor = board.onTrap!;
    board.onTrap = (vector) => {
      if (vector === DATA_ABORT && walksAtFault < 0) walksAtFault = board.mmu.counters.walksData;
      monitor(vector);
    };
    const events = lab.runAll({ for: "1ms" });
    const [fault] = ofType(events, "fault");
    assert.deepEqual(
      [fault.vm, fault.task, fault.class, fault.kind, fault.fsr, Number(fault.far)],
      ["g", "snoop", "task", "data-abort", "domain-page", page],
    );
    assert.equal(walksAtFault, walks, "no table was walked: the fault came from the warm entry");
    assert.deepEqual(lines(events, "g"), []);
    assert.ok(guestWord(lab, "g", taskData(0)) > 1, "the owner goes on");
  },
);

// --- what a guest must not reach -------------------------------------------------------------------

/** Ways to touch the address in r1; what is written is visible. */
const WAYS: Readonly<Record<string, (c: Code) => void>> = {
  ldr: (c) => c.ldr(R0, R1),
  str: (c) => c.li(R0, 0xbad0_bad0).str(R0, R1),
  ldrb: (c) => c.put(transfer("ldrb", R0, R1)),
  strb: (c) => c.mov(R0, imm(0xbd)).put(transfer("strb", R0, R1)),
  "ldrt": (c) => c.put(0xe4b1_0000), // ldrt r0, [r1], #0
  "strt": (c) => c.li(R0, 0xbad0_bad0).put(0xe4a1_0000),
  ldrh: (c) => c.put(0xe1d1_00b0),
  strh: (c) => c.li(R0, 0xbad0).put(0xe1c1_00b0),
  ldm: (c) => c.put(0xe891_000d), // ldmia r1, {r0, r2, r3}
  stm: (c) => c.li(R0, 0xbad0_bad0).mov(R2, R0).mov(R3, R0).put(0xe881_000d),
  swp: (c) => c.li(R0, 0xbad0_bad0).put(swap(R2, R0, R1)),
  jump: (c) => c.mov(PC, R1),
};

/** Addresses outside the caller's slot, with a reason each. `other` is another VM's number. */
function foreign(other: number): Record<string, number> {
  return {
    "VM0's kernel text": slotMva(0, 0),
    "other VM's vectors": slotMva(other, 0),
    "other VM's kernel data": slotMva(other, KERNEL_DATA),
    "other VM's task text": slotMva(other, taskBase(0)),
    "other VM's task data": slotMva(other, taskData(0)),
    "other VM's task stack": slotMva(other, taskStack(0) - 16),
    "other VM's VMI control page": slotMva(other, SLOT_MAP.VMI_CONTROL),
    "other VM's VMI info page": slotMva(other, SLOT_MAP.VMI_INFO),
    "monitor text": MAP.TEXT,
    "monitor idle loop": MAP.IDLE,
    "global record": MAP.GLOBAL,
    "VM directory": MAP.VM_TABLE,
    "frame records": MAP.FRAMES,
    "master table": MAP.MASTER,
    "vectors' table": MAP.VECTOR_TABLE,
    "second-level tables": MAP.TABLES,
    "VM records": MAP.ARENA,
    "guest frames": MAP.POOL,
    "last guest frames": 0x31ff_f000,
    "interrupt controller": 0x4a00_0000,
    "clock registers": 0x4c00_0000,
    "UART0": 0x5000_0020,
    "PWM timers": 0x5100_0000,
    "watchdog": 0x5300_0000,
    "ports": 0x5600_0000,
    "flash past 32 MB": 0x0800_0000,
    "empty slot": slotMva(40, 0),
    "last slot": slotMva(77, 0x01ff_fffc),
    "high vectors": 0xffff_0000,
    "monitor windows": 0xfc00_0000,
    "last word": 0xffff_fffc,
    "end of the guests' slots": 0xfc00_0000,
  };
}

/** Addresses inside the caller's slot that a task must not touch. */
const OF_KERNEL: Readonly<Record<string, number>> = {
  "own kernel's vectors": 0,
  "own kernel's data": KERNEL_DATA,
  "own kernel's stack": 0x2_0000,
  "own VMI control page": SLOT_MAP.VMI_CONTROL,
  "own VMI info page": SLOT_MAP.VMI_INFO,
  "other task's text": taskBase(1),
  "other task's data": taskData(1),
  "other task's stack": taskStack(1) - 16,
  "own guard page": taskStack(0) - 2 * PAGE,
  "hole in own piece": taskBase(0) + 0x8_0000,
  "no piece": SLOT_MAP.SHARED,
};

/** What a data or prefetch abort must say. */
const STATUS = /^(domain|translation|permission)-(page|section)$/;

/** Tries all ways at all addresses in turn; the number of tries survives in the kernel's memory. */
function probing(addresses: readonly number[]): Uint8Array {
  const ways = Object.values(WAYS);
  const tries = addresses.length * ways.length;
  return taskGuest({
    tickUs: 0,
    tasks: [
      {
        name: "prober",
        main: (c) => {
          c.swi(CALL.COUNT).op("sub", R5, R0, imm(1)).li(R4, tries).cmp(R5, R4).b("end", "ge");
          // r0 = way, r3 = address number: by subtraction, as there is no division.
          c.mov(R0, imm(0)).mov(R3, R5);
          c.label("divide").cmp(R3, imm(addresses.length)).b("divided", "lt");
          c.op("sub", R3, R3, imm(addresses.length)).add(R0, imm(1)).b("divide");
          c.label("divided").li(R1, "addresses").put(0xe791_1103); // ldr r1, [r1, r3, lsl #2]
          c.li(R2, "ways").put(0xe792_f100); // ldr pc, [r2, r0, lsl #2]
          ways.forEach((way, i) => {
            way(c.label(`way${i}`));
            c.b("leak");
          });
          c.label("leak").print(CALL.PRINT, "LEAK\n").spin();
          c.label("end").print(CALL.PRINT, "all tried\n").spin();
          c.label("ways");
          ways.forEach((_, i) => c.address(`way${i}`));
          c.label("addresses").put(...addresses);
        },
      },
      { name: "other", main: (c) => c.spin() },
    ],
  });
}

Deno.test(
  "a task reaches neither kernel, other tasks, other VMs, the monitor nor devices",
  core,
  async () => {
    const places = (other: number) => Object.entries({ ...foreign(other), ...OF_KERNEL });
    const addresses = (other: number) => places(other).map(([, address]) => address);
    const names = places(0).map(([name]) => name);
    const ways = Object.keys(WAYS);
    const tries = names.length * ways.length;
    using lab = await miniLab({ g: probing(addresses(2)), h: probing(addresses(1)) }, {
      backup: "full",
      period: "1s",
      policy: { task: [{ action: "swap", limit: 1000 }, { action: "stop" }], resume: "immediate" },
    });
    const text = monitorHash(lab);
    // Both probers run, each at the other's memory too.
    const events = lab.runAll({ for: "150ms" });
    for (const [vm, id] of [["g", 1], ["h", 2]] as const) {
      assert.deepEqual(lines(events, vm), ["all tried"], vm);
      const faults = ofType(events, "fault", vm);
      assert.equal(faults.length, tries);
      faults.forEach((fault, i) => {
        const way = ways[Math.floor(i / names.length)];
        const name = `${vm}: ${way} of ${names[i % names.length]}`;
        const address = addresses(3 - id)[i % names.length];
        const mva = address < SLOT_MAP.SIZE ? slotMva(id, address) : address;
        assert.equal(fault.class, "task", name);
        assert.equal(fault.task, "prober", name);
        assert.equal(fault.kind, way === "jump" ? "prefetch-abort" : "data-abort", name);
        assert.match(fault.fsr!, STATUS, name);
        assert.equal(Number(fault.far), way === "jump" ? address : mva, name);
      });
      assert.equal(guestWord(lab, vm, taskData(1)), 0);
      assert.equal(guestWord(lab, vm, KERNEL.COUNT), tries + 1);
    }
    assert.equal(monitorHash(lab), text);
    assert.equal(lab.board.stray, 0, "nothing reached an empty address or a device");
  },
);

Deno.test("a guest's kernel reaches no other VM, not the monitor, no device", core, async () => {
  // Kernel memory does not survive a kernel fault, so there is a guest for each way and place.
  const places = Object.entries(foreign(1));
  places.push(["own VMI info page, written", SLOT_MAP.VMI_INFO]);
  const ways = ["ldr", "str", "jump", "stm"];
  const policy = { guest: [{ action: "stop" }] } as const;
  for (const way of ways) {
    const guests: Record<string, Uint8Array> = { victim: probing([]) };
    for (const [i, [, address]] of places.entries()) {
      if (address === SLOT_MAP.VMI_INFO && way !== "str") continue;
      guests[`p${i}`] = plainGuest({
        main: (c) => {
          WAYS[way](c.li(R1, address));
          c.print(HC.CONSOLE_WRITE, "LEAK\n").spin();
        },
      });
    }
    using lab = await miniLab(guests, { backup: "off", policy });
    const text = monitorHash(lab);
    const events = lab.runAll({ for: "60ms" });
    for (const [i, [what, address]] of places.entries()) {
      const vm = `p${i}`;
      if (guests[vm] === undefined) continue;
      const name = `${way} of ${what}`;
      assert.deepEqual(lines(events, vm), [], name);
      const faults = ofType(events, "fault", vm);
      assert.equal(faults.length, 1, name);
      assert.equal(faults[0].class, "guest", name);
      assert.match(faults[0].fsr!, STATUS, name);
      if (address >= SLOT_MAP.SIZE) assert.equal(Number(faults[0].far), address, name);
      assert.deepEqual(actions(events, vm), ["stop-guest"], name);
    }
    assert.deepEqual(lines(events, "victim"), ["all tried"]);
    assert.equal(monitorHash(lab), text);
    assert.equal(lab.board.stray, 0);
  }
});

Deno.test("a guest's kernel opens the current task's area only", core, async () => {
  // A task jumps into the kernel, which then runs the task's text: it may touch the task that called
  // it, itself and its VMI pages, but no other task.
  const tries: [string, number, boolean][] = [
    ["own data", taskData(0), true],
    ["kernel data", KERNEL.FREE, true],
    ["VMI control page", SLOT_MAP.VMI_CONTROL, true],
    ["other task's data", taskData(1), false],
    ["other task's text", taskBase(1), false],
  ];
  for (const [what, address, allowed] of tries) {
    const image = taskGuest({
      tasks: [
        {
          name: "a",
          main: (c) => {
            c.swi(CALL.JUMP, "inKernel").spin();
            c.label("inKernel").li(R1, address).ldr(R0, R1);
            c.print(HC.CONSOLE_WRITE, "reads\n").swi(HC.DISPATCH, 0, 0, DISPATCH.RESULT).spin();
          },
        },
        { name: "b", main: (c) => c.spin() },
      ],
    });
    using lab = await miniLab({ g: image }, { policy: { guest: [{ action: "stop" }] } });
    const events = lab.runAll({ for: "2ms" });
    assert.deepEqual(lines(events, "g"), allowed ? ["reads"] : [], what);
    assert.deepEqual(actions(events, "g"), allowed ? [] : ["stop-guest"], what);
    assert.deepEqual(
      ofType(events, "fault").map((e) => [e.class, e.fsr]),
      allowed ? [] : [["guest", "domain-page"]],
      what,
    );
  }
});

Deno.test(
  "Vmm.domains leave no entry of the master table open to a guest but its own",
  core,
  async () => {
    const g = taskGuest({
      tasks: [0, 1, 2].map((i) => ({
        name: `t${i}`,
        main: (c: Code) => c.label("loop").increment(taskData(i)).swi(CALL.YIELD).b("loop"),
      })),
    });
    using lab = await miniLab({ g1: g, g2: g, g3: g, g4: g, g5: g });
    const { board } = lab;
    for (let i = 0; i < 60; i++) {
      lab.runAll({ for: 613_127 });
      if ((board.cpu.cpsr & 0x1f) !== 0x10) continue;
      const current = board.peek(MAP.GLOBAL + GLOBAL.CURRENT, 4);
      const id = board.peek(current, 4);
      const dacr = board.mmu.state().dacr;
      for (let megabyte = 0; megabyte < 4096; megabyte++) {
        const d = readFirstLevel(board.peek(MAP.MASTER + megabyte * 4, 4));
        if (d.type === "fault" || d.domain === 0) continue;
        const access = dacr >>> d.domain * 2 & 3;
        const own = megabyte >>> 5 === slotMva(id, 0) >>> 25;
        assert.ok(access === 0 || own, `VM ${id} sees MB ${megabyte.toString(16)}`);
      }
      // What the monitor's own domain maps, User may not touch.
      for (const va of [MAP.GLOBAL, MAP.MASTER, MAP.ARENA, MAP.POOL, 0x4a00_0000, MAP.VECTORS]) {
        for (const access of [0, 1, 2] as const) {
          assert.equal(
            board.mmu.probe(va, access, false),
            -1,
          );
        }
      }
    }
  },
);

Deno.test(
  "Cpu.load() and store() with User permission stay in the running guest's slot",
  core,
  async () => {
    const g = plainGuest({ main: (c) => c.label("l").increment(KERNEL_DATA).b("l") });
    using lab = await miniLab({ g, h: g }, { slice: "1ms" });
    const { board } = lab;
    const { cpu } = board;
    const seen = new Set<number>();
    for (let i = 0; i < 30; i++) {
      lab.runAll({ for: 700_000 });
      if ((cpu.cpsr & 0x1f) !== 0x10) continue;
      const id = board.peek(board.peek(MAP.GLOBAL + GLOBAL.CURRENT, 4), 4);
      seen.add(id);
      for (const address of Object.values(foreign(3 - id))) {
        for (const size of [1, 2, 4] as const) {
          cpu.load(address, size, false);
          assert.notEqual(cpu.fault, 0, `load of 0x${address.toString(16)} in VM ${id}`);
          cpu.store(address, size, 0xbad0, false);
          assert.notEqual(cpu.fault, 0, `store to 0x${address.toString(16)} in VM ${id}`);
        }
      }
      cpu.load(KERNEL_DATA, 4, false);
      assert.equal(cpu.fault, 0);
    }
    assert.deepEqual([...seen].sort(), [1, 2]);
    assert.ok(guestWord(lab, "g", KERNEL_DATA) > 0 && guestWord(lab, "h", KERNEL_DATA) > 0);
  },
);
