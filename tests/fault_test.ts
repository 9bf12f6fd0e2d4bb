import assert from "node:assert/strict";
import fc from "fast-check";
import { CR } from "../core/cp15.ts";
import {
  applyModel,
  type Fault,
  FAULT_FORMS,
  formatFault,
  parseFault,
  type Strike,
  strikeCell,
  TRIGGER_FORMS,
} from "../core/fault.ts";
import { activeAddress, findUnit, placeExists } from "../core/fault_place.ts";
import { ArmedFault } from "../core/fault_trigger.ts";
import type { Lab, LabOptions } from "../core/lab.ts";
import { CONTEXT, GLOBAL, MAP, PAGE_REC, PIECE_REC, UNIT, VM } from "../core/layout.ts";
import type { TraceEvent } from "../core/trace.ts";
import { core, demoLab, lines } from "./monitor_rig.ts";

const OPTIONS: Partial<LabOptions> = { sdramMB: 32, journal: "commit" };

async function lab(until = "40ms"): Promise<Lab> {
  const made = await demoLab(["ucos-1", "ucos-2"], OPTIONS);
  made.runAll({ until });
  return made;
}

function sdram(from: Lab): Uint32Array {
  const { memory, sdram: region } = from.board;
  return memory.u32.slice(region.offset >>> 2, (region.offset + region.size) >>> 2);
}

/** Physical addresses of the words that differ. */
function changedWords(from: Lab, before: Uint32Array): number[] {
  const now = sdram(from);
  const changed: number[] = [];
  for (let i = 0; i < now.length; i++) {
    if (now[i] !== before[i]) changed.push(MAP.SDRAM + i * 4);
  }
  return changed;
}

const TEXTS = [
  ...FAULT_FORMS.map(([form]) => `${form}@t=1ms`),
  ...TRIGGER_FORMS.map(([form]) => `reg:r0:0@${form}`),
  "reg:cpsr:set=28,30@n=17",
  "mem:0x200010:clear=0,31@t=5ms,pc=0x200000",
  "ram:0x30010000:write=0xdeadbeef@t=2ms,write=OSTime+4#7",
  "fetch:write=0xe1a00000@t=1s",
  "irq:timer4:late=1ms@t=3ms",
  "virq:message:spurious@swap#4",
];

Deno.test("parseFault() and formatFault() are each other's inverse", core, () => {
  for (const text of TEXTS) {
    const fault = parseFault(text);
    const again = parseFault(formatFault(fault));
    assert.deepEqual({ ...again, text: "" }, { ...fault, text: "" }, text);
    assert.equal(formatFault(again), formatFault(fault));
  }
});

Deno.test("parseFault() refuses what it does not know, and says what is allowed", core, () => {
  const cases: [string, RegExp][] = [
    ["r4:12@t=1ms", /KIND:WHERE:MODEL@TRIGGER/],
    ["reg:r16:12@t=1ms", /r0 to r15/],
    ["reg:r4:32@t=1ms", /bit 32; allowed: 0 to 31/],
    ["reg:r4:x@t=1ms", /allowed: 0 to 31/],
    ["reg:r4:jump=3@t=1ms", /flip=, set= or clear=/],
    ["cp15:c9:1@t=1ms", /control, ttb/],
    ["tlb:d64.pa:1@t=1ms", /d0 to d63/],
    ["mem:0x200011:1@t=1ms", /word address/],
    ["mem:0x2000000:1@t=1ms", /below 0x02000000/],
    ["pt:first.0x200000:1@t=1ms", /active, standby, spare, master/],
    ["irq:timer4:3@t=1ms", /lost, spurious, late=TIME/],
    ["hypercall:r7:3@t=1ms", /r0, r1, r2, r3, number, result/],
    ["disk:0:3@t=1ms", /reg, cp15, tlb, mem/],
    ["reg:r4:1@t=1", /such as 150ms/],
    ["reg:r4:1@soon", /t=150ms, n=1000/],
    ["reg:r4:1@pc=worker#0", /from 1 on/],
    ["reg:r4:1@n=0", /from 1 on/],
  ];
  for (const [text, message] of cases) {
    assert.throws(() => parseFault(text), (error: Error) => {
      assert.match(error.message, message, text);
      assert.match(error.message, /allowed/, text);
      return true;
    });
  }
});

Deno.test("applyModel() changes the bits it names and no others", core, () => {
  const bits = fc.uniqueArray(fc.nat(31), { minLength: 1, maxLength: 5 });
  fc.assert(fc.property(fc.nat(0xffff_ffff), bits, (word, list) => {
    const mask = list.reduce((m, bit) => (m | 1 << bit) >>> 0, 0);
    const flip = applyModel({ kind: "flip", bits: list }, word);
    assert.equal((flip ^ word) >>> 0, mask);
    const set = applyModel({ kind: "set", bits: list }, word);
    const clear = applyModel({ kind: "clear", bits: list }, word);
    assert.equal((set & mask) >>> 0, mask);
    assert.equal(clear & mask, 0);
    assert.equal(((set ^ word) & ~mask) >>> 0, 0);
    assert.equal(((clear ^ word) & ~mask) >>> 0, 0);
  }));
});

Deno.test("strikeCell() changes exactly the word of SDRAM that the fault names", core, async () => {
  // The worker's stack has been written since the last checkpoint.
  using machine = await lab("25ms");
  const vm = machine.vmRecord("ucos-1");
  const { board } = machine;
  const word = (pa: number) => board.peek(pa, 4);
  const worker = findUnit(board, vm, "worker");
  const page = (va: number) => {
    for (let i = 0;; i++) {
      const record = word(vm + VM.PAGES) + i * PAGE_REC.SIZE;
      if (word(record + PAGE_REC.VA) >>> 12 === va >>> 12) return record;
    }
  };
  const piece = word(vm + VM.PIECE_MAP + (0x20_0000 >>> 20) * 4);
  const osTime = machine.recorder.symbols(word(vm + VM.ID))!.symbol("OSTime")!.address;
  const stack = word(worker + UNIT.STACK) - 64;
  const cases: [string, number, string][] = [
    ["mem:0x200010", activeAddress(board, vm, 0x20_0010), "task"],
    ["mem:OSTime", activeAddress(board, vm, osTime), "guest"],
    ["mem:0x1f00000", activeAddress(board, vm, 0x1f0_0000), "guest"],
    [`mem:0x${stack.toString(16)}`, activeAddress(board, vm, stack), "task"],
    [
      `standby:0x${stack.toString(16)}`,
      word(page(stack) + PAGE_REC.TAIL) + (stack & 4095),
      "vmm",
    ],
    ["pt:active.0x200000", word(piece + PIECE_REC.A_TABLE), "vmm"],
    ["pt:standby.0x201000", word(piece + PIECE_REC.B_TABLE) + 4, "vmm"],
    ["pt:spare.0x2ff000", word(piece + PIECE_REC.C_TABLE) + 255 * 4, "vmm"],
    ["pt:master.0x200000", MAP.MASTER + ((0x6200_0000 + 0x20_0000) >>> 20) * 4, "vmm"],
    ["context:worker.pc", word(worker + UNIT.SLOT) + CONTEXT.PC, "task"],
    ["context:kernel.r3", vm + VM.KERNEL_CONTEXT + 12, "guest"],
    ["global:FREE_HEAD", MAP.GLOBAL + GLOBAL.FREE_HEAD, "vmm"],
    ["global:+0x10", MAP.GLOBAL + 0x10, "vmm"],
    ["vm:RDY_TBL+4", vm + VM.RDY_TBL + 4, "vmm"],
    ["vm:PRIORITY_TASK+8", vm + VM.PRIORITY_TASK + 8, "vmm"],
    ["unit:worker.PRIORITY", worker + UNIT.PRIORITY, "vmm"],
    ["unit:kernel.SLOT", word(vm + VM.UNITS) + UNIT.SLOT, "vmm"],
    ["journal:worker+8", word(worker + UNIT.JOURNAL) + 8, "vmm"],
    ["ram:0x30800000", 0x3080_0000, "vmm"],
  ];
  for (const [place, pa, party] of cases) {
    const before = sdram(machine);
    // With caches not what the SDRAM has, but what the core would read.
    const was = word(pa);
    const strike = strikeCell(machine, "ucos-1", parseFault(`${place}:3,17@t=0ns`));
    assert.equal(strike.fired && strike.changed, true, `${place}: ${strike.detail}`);
    assert.deepEqual(changedWords(machine, before), [pa], place);
    assert.equal(strike.pa, pa, place);
    assert.equal(strike.party, party, place);
    const after = word(pa);
    assert.equal(after, (was ^ 0x2_0008) >>> 0, place);
    board.poke(pa, was);
  }
});

Deno.test("strikeCell() reaches registers, banks, CP15 and the TLBs", core, async () => {
  using machine = await lab();
  const { board } = machine;
  const { cpu, mmu } = board;
  const vm = machine.vmRecord("ucos-1");
  const hit = (text: string): Strike => {
    const strike = strikeCell(machine, "ucos-1", parseFault(`${text}@t=0ns`));
    assert.equal(strike.fired && strike.changed, true, `${text}: ${strike.detail}`);
    return strike;
  };
  // Between its turns the guest's registers are in its saved context.
  assert.notEqual(board.peek(MAP.GLOBAL + GLOBAL.CURRENT, 4), vm);
  assert.ok(hit("reg:r4:12").pa > MAP.SDRAM);
  // While it runs they are in the CPU.
  const armed = new ArmedFault(machine, "ucos-1", parseFault("reg:r4:12@pc=worker"));
  assert.equal(armed.runToStrike(board.clock.cycleAt(2e9)), false, "worker begins only once");
  armed.disarm();
  const inApi = new ArmedFault(machine, "ucos-1", parseFault("reg:r4:12@pc=OSTimeDly"));
  const old = () => cpu.userReg(4);
  assert.equal(inApi.runToStrike(board.clock.cycleAt(4e9)), true);
  inApi.disarm();
  assert.equal(inApi.strike!.pa, -1);
  const r4 = old();
  hit("reg:r4:0,31");
  assert.equal(cpu.userReg(4), (r4 ^ 0x8000_0001) >>> 0);
  const pc = cpu.pc;
  hit("reg:pc:4");
  assert.equal(cpu.pc, pc ^ 16);
  const flags = cpu.cpsr;
  hit("reg:cpsr:31");
  assert.equal(cpu.cpsr, (flags ^ 0x8000_0000) >>> 0);
  for (
    const [name, mode] of [["svc", 0x13], ["abt", 0x17], ["irq", 0x12], ["fiq", 0x11]] as const
  ) {
    const before = cpu.bankedReg(mode, 13);
    hit(`reg:r13_${name}:7`);
    assert.equal(cpu.bankedReg(mode, 13), before ^ 128);
    const spsr = cpu.spsrOf(mode);
    hit(`reg:spsr_${name}:30`);
    assert.equal(cpu.spsrOf(mode), (spsr ^ 0x4000_0000) >>> 0);
  }
  const r8 = cpu.bankedReg(0x11, 8);
  hit("reg:r8_fiq:1");
  assert.equal(cpu.bankedReg(0x11, 8), r8 ^ 2);
  for (
    const [name, crn, op2, bit] of [
      ["control", CR.CONTROL, 0, 9],
      ["ttb", CR.TTB, 0, 20],
      ["dacr", CR.DOMAIN, 0, 0],
      ["dfsr", CR.FSR, 0, 3],
      ["ifsr", CR.FSR, 1, 3],
      ["far", CR.FAR, 0, 12],
      ["pid", CR.PID, 0, 26],
    ] as const
  ) {
    const before = mmu.mrc(crn, 0, op2) >>> 0;
    hit(`cp15:${name}:${bit}`);
    assert.equal((mmu.mrc(crn, 0, op2) ^ before) >>> 0, 1 << bit, name);
    mmu.mcr(crn, 0, op2, before);
  }
  const entry = mmu.dtlb.mask.findIndex((mask) => mask !== 0);
  const pa = mmu.dtlb.pa[entry];
  hit(`tlb:d${entry}.pa:13`);
  assert.equal(mmu.dtlb.pa[entry], pa ^ 0x2000);
  // The first ones are locked, and outlive "invalidate all".
  const info = mmu.itlb.mask.findIndex((mask, i) => mask !== 0 && i >= mmu.itlb.base);
  const bits = mmu.itlb.info[info];
  hit(`tlb:i${info}.info:0`);
  assert.equal(mmu.itlb.info[info], bits ^ 1);
  mmu.itlb.invalidateAll();
  const gone = strikeCell(machine, "ucos-1", parseFault(`tlb:i${info}.tag:20@t=0ns`));
  assert.equal(gone.fired, false);
});

/** Runs with a fault to `until` and returns what it came to. */
async function struck(
  text: string,
  until = "200ms",
  names = ["ucos-1"],
): Promise<{ strike: Strike; events: TraceEvent[]; lab: Lab }> {
  const machine = await demoLab(names, OPTIONS);
  const armed = new ArmedFault(machine, names[0], parseFault(text));
  armed.run(machine.board.clock.cycleAt(Number(until.replace("ms", "e6"))));
  armed.disarm();
  return { strike: armed.strike!, events: machine.recorder.take(), lab: machine };
}

Deno.test("ArmedFault strikes at times, counts, addresses and accesses", core, async () => {
  const at = async (trigger: string) => await struck(`reg:r0:0@${trigger}`, "120ms");
  const time = await at("t=50ms");
  assert.equal(time.strike.fired, true);
  assert.ok(time.strike.cycle >= 20_000_000 && time.strike.cycle < 20_000_020);

  // Count of instructions: exact, and the guest's own.
  const plain = await demoLab(["ucos-1", "ucos-2"], OPTIONS);
  plain.runAll({ until: "20ms" });
  const count = 2345;
  const armed = new ArmedFault(plain, "ucos-2", parseFault(`reg:r0:0@n=${count}`));
  const vm = plain.vmRecord("ucos-2");
  const own = await demoLab(["ucos-1", "ucos-2"], OPTIONS);
  own.runAll({ until: "20ms" });
  assert.equal(armed.runToStrike(1e9), true);
  armed.disarm();
  let executed = 0;
  while (own.board.clock.now < armed.strike!.cycle) {
    const mine = own.board.peek(MAP.GLOBAL + GLOBAL.CURRENT, 4) === vm;
    const before = own.board.cpu.instructions;
    const { clock, soc, waiting } = own.board;
    const rests = waiting && !soc.intc.irq;
    own.board.run(rests ? Math.max(clock.next, clock.now + 1) : clock.now + 1);
    if (mine) executed += own.board.cpu.instructions - before;
  }
  assert.equal(executed, count);

  const pc = await at("pc=OSTimeDly#2");
  assert.equal(pc.strike.fired, true);
  const never = await at("pc=OSTimeDly#2000");
  assert.equal(never.strike.fired, false);
  assert.match(never.strike.detail, /its trigger came \d+ of 2000 times/);
  const write = await at("write=OSTime#3");
  assert.equal(write.strike.fired, true);
  const read = await at("read=OSTime#1");
  assert.equal(read.strike.fired, true);
  assert.ok(read.strike.cycle < write.strike.cycle);
  const unknown = await at("write=nowhere");
  assert.match(unknown.strike.detail, /no symbol nowhere/);
});

Deno.test("ArmedFault strikes inside checkpoints and swaps", core, async () => {
  const inside = await struck("ram:0x30f00000:0@t=20ms,checkpoint#2+30", "100ms");
  assert.equal(inside.strike.fired, true);
  const commits = inside.events.filter((e) => e.type === "checkpoint");
  const ns = inside.strike.cycle * 2.5;
  // A commit follows within the time that a checkpoint takes.
  assert.ok(commits.some((e) => e.t >= ns && e.t - ns < 200_000));
  const swap = await struck("ram:0x30f00000:0@swap+10", "700ms", ["ucos-3"]);
  const recovery = swap.events.find((e) => e.type === "recovery")!;
  const fault = swap.events.find((e) => e.type === "fault")!;
  assert.ok(swap.strike.cycle * 2.5 >= fault.t && swap.strike.cycle * 2.5 <= recovery.t);
});

Deno.test("ArmedFault skips and replaces one instruction", core, async () => {
  using machine = await demoLab(["ucos-1"], OPTIONS);
  machine.runAll({ until: "30ms" });
  const { board } = machine;
  // mov r0, #0x42 instead of the first instruction of OSTimeDly.
  const fault = parseFault("fetch:write=0xe3a00042@pc=OSTimeDly");
  const armed = new ArmedFault(machine, "ucos-1", fault);
  assert.equal(armed.runToStrike(1e9), true);
  assert.equal(board.cpu.userReg(0), 0x42);
  const at = machine.recorder.symbols(board.peek(machine.vmRecord("ucos-1") + VM.ID, 4))!
    .symbol("OSTimeDly")!.address;
  assert.equal(board.cpu.pc, at + 4);
  const text = activeAddress(board, machine.vmRecord("ucos-1"), at);
  assert.notEqual(board.peek(text, 4), 0xe3a0_0042, "the instruction is back");
  armed.disarm();
  const skip = new ArmedFault(machine, "ucos-1", parseFault("fetch:skip@pc=OSTimeDly"));
  assert.equal(skip.runToStrike(2e9), true);
  assert.equal(board.cpu.pc, at + 4);
  skip.disarm();
});

Deno.test("ArmedFault loses, delays and adds interrupts", core, async () => {
  const ticks = async (text: string) => {
    const { strike, lab: machine } = await struck(text, "100ms");
    assert.equal(strike.fired, true, strike.detail);
    return machine.board.peek(MAP.GLOBAL + GLOBAL.TICKS, 4);
  };
  const plain = await lab("100ms");
  const normal = plain.board.peek(MAP.GLOBAL + GLOBAL.TICKS, 4);
  assert.equal(await ticks("irq:timer4:lost@t=50ms"), normal - 1);
  assert.equal(await ticks("irq:timer4:spurious@t=50.5ms"), normal + 1);
  assert.equal(await ticks("irq:timer4:late=300us@t=50ms"), normal);
  const virtual = await struck("virq:timer:lost@t=50ms", "100ms");
  assert.match(virtual.strike.detail, /virtual interrupt timer lost/);
  const console = await struck("virq:console:spurious@t=50ms", "100ms");
  assert.equal(console.strike.party, "guest");
});

Deno.test("ArmedFault changes arguments and results of calls", core, async () => {
  const good = lines((await struck("ram:0x30f00000:0@t=1ms", "100ms")).events, "ucos-1");
  const cases: [string, RegExp][] = [
    ["hypercall:r1:5@t=20ms", /^r1 of hypercall/],
    ["hypercall:result:31@t=20ms", /^result of hypercall/],
    ["call:number:write=0x3f@t=20ms", /^number of call/],
    ["call:result:0@t=20ms", /^result of call/],
  ];
  for (const [text, detail] of cases) {
    const { strike } = await struck(text, "250ms");
    assert.equal(strike.fired, true, text);
    assert.match(strike.detail, detail);
    assert.ok(good.length > 0);
  }
});

Deno.test("placeExists() tells what a guest does not have", core, async () => {
  using machine = await lab();
  const check = (text: string): string | undefined => {
    const fault: Fault = parseFault(`${text}:0@t=0ns`);
    return placeExists(machine, "ucos-1", fault.place);
  };
  assert.equal(check("mem:OSTime"), undefined);
  assert.match(check("mem:OSTimer")!, /no symbol OSTimer/);
  assert.match(check("mem:0x1000000")!, /no page/);
  assert.match(check("context:nobody.r0")!, /no task nobody/);
  assert.match(check("vm:NOTHING")!, /no field NOTHING/);
  assert.match(check("ram:0x37fffffc")!, /past the SDRAM/);
  assert.match(placeExists(machine, "ucos-9", parseFault("reg:r0:0@t=0ns").place)!, /no guest/);
});
