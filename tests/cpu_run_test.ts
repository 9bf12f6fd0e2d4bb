/**
 * The fast interpreter against the exact one, and decoded code against changes of memory and tables.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { ARM_ROWS } from "../core/isa_arm.ts";
import { THUMB_ROWS } from "../core/isa_thumb.ts";
import { C1 } from "../core/cp15.ts";
import { type CpuState, MODE, PSR, STOP } from "../core/cpu.ts";
import { a, ABORTING, DEVICE, HIGH, identityTable, RAM, RAM_SIZE, Rig, t } from "./cpu_rig.ts";

const TTB = RAM + 0x10000;
const DATA = RAM + 0x100000;
const B_SELF = 0xeafffffe;

/** Instructions before the program of the moment. */
const before = new Map<Rig, number>();

/** What a run leaves. */
function outcome(rig: Rig): { cpu: CpuState; now: number; log: unknown[] } {
  const cpu = rig.cpu.state();
  cpu.instructions -= before.get(rig)!;
  return { cpu, now: rig.clock.now, log: rig.log };
}

/** The words of RAM. */
function ramOf(rig: Rig): Int32Array {
  return rig.memory.i32.subarray(rig.at(RAM) >>> 2, (rig.at(RAM) + RAM_SIZE) >>> 2);
}

/** Compares all of RAM. */
function assertSameRam(one: Rig, two: Rig): void {
  const [x, y] = [ramOf(one), ramOf(two)];
  for (let i = 0; i < x.length; i++) {
    if (x[i] !== y[i]) assert.fail(`RAM differs at 0x${(RAM + 4 * i).toString(16)}`);
  }
}

const PATTERN = Int32Array.from({ length: 0x4000 }, (_, i) => Math.imul(i, 0x9e3779b1));

/** A word of a row, with registers that mostly point to data. */
const armInsn = fc.constantFrom(...ARM_ROWS).chain((row) =>
  fc.tuple(fc.integer(), fc.constantFrom(14, 14, 14, 0, 1, 2, 5, 8, 9, 10, 11, 12, 13, 15)).map((
    [bits, cond],
  ) => ((cond << 28) | (bits & 0x0fffffff & ~row.mask) | row.value) >>> 0)
).filter((insn) => {
  // Keep programs from leaving: no wild branches but short ones forward.
  return (insn & 0x0e000000) !== 0x0a000000;
});
const thumbInsn = fc.constantFrom(...THUMB_ROWS).chain((row) =>
  fc.integer({ min: 0, max: 0xffff }).map((bits) => (bits & ~row.mask) | row.value)
);

function prepare(rig: Rig, registers: readonly number[], cpsr: number): void {
  rig.memory.u8.fill(0, rig.at(RAM), rig.at(RAM) + RAM_SIZE);
  rig.memory.u8.fill(0, rig.at(0), rig.at(0) + 0x10000);
  rig.memory.u8.fill(0, rig.at(HIGH), rig.at(HIGH) + 0x10000);
  rig.memory.i32.set(PATTERN, rig.at(DATA - 0x8000) >>> 2);
  // Handlers that go on after what raised the exception.
  rig.load(0, [B_SELF, 0xe1b0f00e, 0xe1b0f00e, 0xe25ef000, 0xe25ef004, B_SELF, B_SELF, B_SELF]);
  rig.cpu.invalidateCode(0, 2 ** 32);
  rig.log.length = 0;
  rig.clock.now = 0;
  rig.cpu.reset();
  for (const mode of [MODE.USR, MODE.FIQ, MODE.IRQ, MODE.SVC, MODE.ABT, MODE.UND]) {
    rig.cpu.setBankedReg(mode, 13, DATA + mode * 64);
    rig.cpu.setBankedReg(mode, 14, RAM);
    if (mode !== MODE.USR) rig.cpu.setSpsrOf(mode, cpsr);
  }
  rig.cpu.cpsr = cpsr;
  registers.forEach((v, n) => rig.cpu.setReg(n, v));
  before.set(rig, rig.cpu.instructions);
}

const value = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 0x1fff }).map((o) => DATA + (o & ~3)) },
  { weight: 2, arbitrary: fc.integer({ min: 0, max: 0x1fff }).map((o) => DATA + o) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 40 }) },
  { weight: 1, arbitrary: fc.constantFrom(DEVICE, ABORTING, DATA + 0xffc, RAM + 0x200, -1) },
  { weight: 1, arbitrary: fc.integer() },
);
const registers = fc.array(value, { minLength: 15, maxLength: 15 });
const startStatus = fc.tuple(
  fc.integer({ min: 0, max: 15 }),
  fc.constantFrom(MODE.USR, MODE.SVC, MODE.SYS, MODE.FIQ, MODE.IRQ),
  fc.integer({ min: 0, max: 3 }),
).map(([nzcv, mode, masks]) => ((nzcv << 28) | (masks << 6) | mode) >>> 0);

/** Runs a program by run(), in slices, and by step(): the same must come out. */
function compare(rigs: readonly [Rig, Rig], setUp: (rig: Rig) => void, slices: number[]): void {
  const [fast, exact] = rigs;
  for (const rig of rigs) {
    setUp(rig);
    // Pages that the host knows, so that the fast interpreter reaches them without help.
    for (let page = -0x2000; page < 0x4000; page += 0x1000) rig.cpu.load(DATA + page, 4, true);
  }
  for (const s of slices) {
    const until = fast.clock.now + s;
    const stop = fast.cpu.run(until);
    let other: number = STOP.TIME;
    while (exact.clock.now < until && other === STOP.TIME) other = exact.cpu.step();
    assert.equal(stop, other);
    assert.deepEqual(outcome(fast), outcome(exact));
  }
  assertSameRam(fast, exact);
}

Deno.test({
  name: "Cpu.run() and step() agree on random ARM programs over every row, aborts and all",
  permissions: "none",
  fn() {
    const rigs: [Rig, Rig] = [new Rig(), new Rig()];
    const program = fc.array(armInsn, { minLength: 4, maxLength: 40 });
    const slices = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(
        program,
        registers,
        startStatus,
        fc.boolean(),
        slices,
        (words, regs, cpsr, mmu, s) => {
          compare(rigs, (rig) => {
            prepare(rig, regs, cpsr);
            if (mmu) {
              identityTable(rig, TTB);
              rig.cpu.mmu.mcr(2, 0, 0, TTB);
              rig.cpu.mmu.mcr(3, 0, 0, 1);
              rig.cpu.mmu.mcr(1, 0, 0, C1.M);
            }
            rig.load(RAM + 0x200, [...words, B_SELF]);
            rig.cpu.pc = RAM + 0x200;
          }, s);
        },
      ),
      { numRuns: 400 },
    );
  },
});

Deno.test({
  name: "Cpu.run() and step() agree on random Thumb programs over every row",
  permissions: "none",
  fn() {
    const rigs: [Rig, Rig] = [new Rig(), new Rig()];
    const program = fc.array(thumbInsn, { minLength: 4, maxLength: 40 });
    const slices = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(program, registers, startStatus, slices, (halves, regs, cpsr, s) => {
        compare(rigs, (rig) => {
          prepare(rig, regs, cpsr | PSR.T);
          rig.loadThumb(RAM + 0x200, [...halves, 0xe7fe]);
          rig.cpu.pc = RAM + 0x200;
        }, s);
      }),
      { numRuns: 400 },
    );
  },
});

Deno.test({
  name: "Cpu.run() gives the same state however it is sliced",
  permissions: "none",
  fn() {
    const rigs: [Rig, Rig] = [new Rig(), new Rig()];
    const program = fc.array(armInsn, { minLength: 20, maxLength: 60 });
    const cuts = fc.array(fc.integer({ min: 1, max: 25 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(program, registers, startStatus, cuts, (words, regs, cpsr, slices) => {
        for (const rig of rigs) {
          prepare(rig, regs, cpsr);
          rig.load(RAM + 0x200, [...words, B_SELF]);
          rig.cpu.pc = RAM + 0x200;
        }
        const end = slices.reduce((x, y) => x + y);
        let until = 0;
        const finish = (rig: Rig, limit: number) => {
          while (rig.clock.now < limit && rig.cpu.run(limit) !== STOP.TIME);
        };
        for (const s of slices) finish(rigs[0], until += s);
        finish(rigs[1], end);
        assert.deepEqual(outcome(rigs[0]), outcome(rigs[1]));
        // Never past the limit by more than one instruction: 16 registers and PC.
        assert.ok(rigs[0].clock.now < end + 22);
      }),
      { numRuns: 300 },
    );
  },
});

/** Costs per instruction class. */
Deno.test({
  name: "Cpu.run() and step() charge each class its cycles",
  permissions: "none",
  fn() {
    const rig = new Rig();
    const cases: [number, number][] = [
      [a("add r0, r0, #1", 0xe2800001), 1],
      [a("addne r0, r0, #1", 0x12800001), 1],
      [a("add r0, r0, r1, lsl r2", 0xe0800211), 2],
      [a("mov pc, r4", 0xe1a0f004), 3],
      [a("add pc, r4, r2, lsl r2", 0xe084f212), 4],
      [a("ldr r0, [r3]", 0xe5930000), 1],
      [a("str r0, [r3]", 0xe5830000), 1],
      [a("ldrh r0, [r3]", 0xe1d300b0), 1],
      [a("ldr pc, [r5]", 0xe595f000), 5],
      [a("ldr pc, [r5], #4", 0xe495f004), 5],
      [a("ldm r3, {r0}", 0xe8930001), 2],
      [a("ldm r3, {r0, r1}", 0xe8930003), 2],
      [a("ldm r3, {r0, r1, r6, r7}", 0xe89300c3), 4],
      [a("ldm r5, {pc}", 0xe8958000), 6],
      [a("stm r3, {r0}", 0xe8830001), 2],
      [a("stm r3, {r0, r1, r6}", 0xe8830043), 3],
      [a("swp r0, r1, [r3]", 0xe1030091), 2],
      [0xeaffffff, 3],
      [0xebffffff, 3],
      [0x1a000000, 1],
      [0x0affffff, 3],
      [0xea000800, 3],
      [a("bx r4", 0xe12fff14), 3],
      [a("mul r0, r1, r2", 0xe0000291), 4],
      [a("mla r0, r1, r2, r3", 0xe0203291), 4],
      [a("muls r0, r1, r2", 0xe0100291), 4],
      [a("umull r0, r1, r2, r3", 0xe0810392), 5],
      [a("smlals r0, r1, r2, r3", 0xe0f10392), 5],
      [a("mrs r0, CPSR", 0xe10f0000), 1],
      [a("msr CPSR_f, #0", 0xe328f000), 1],
      [a("msr CPSR_c, #211", 0xe321f0d3), 3],
      [a("mcr 15, 0, r0, cr6, cr0, {0}", 0xee060f10), 2],
      [a("mrc 15, 0, r0, cr0, cr0, {0}", 0xee100f10), 2],
      [a("svc 0x00000000", 0xef000000), 3],
      [0xe7f000f0, 3],
    ];
    for (const [insn, cycles] of cases) {
      for (const mode of ["step", "run", "run again"]) {
        rig.cpu.cpsr = 0x400000d3;
        [0, 0, 0, DATA, RAM + 4, DATA, 0, 0].forEach((v, n) => rig.cpu.setReg(n, v));
        rig.poke(DATA, RAM + 4);
        rig.load(RAM, [insn]);
        rig.cpu.pc = RAM;
        const start = rig.clock.now;
        const count = rig.cpu.instructions;
        if (mode === "step") rig.cpu.step();
        else rig.cpu.run(start + 1);
        const message = `0x${insn.toString(16)} by ${mode}`;
        assert.equal(rig.clock.now - start, cycles, message);
        assert.equal(rig.cpu.instructions - count, insn === 0xe7f000f0 ? 0 : 1, message);
      }
    }
  },
});

Deno.test({
  name: "a program that changes itself runs what it wrote, on the next instruction",
  permissions: "none",
  fn() {
    const rig = new Rig();
    const { cpu } = rig;
    const patch = a("mov r0, #2", 0xe3a00002);
    rig.load(RAM, [
      a("str r1, [r2]", 0xe5821000),
      a("mov r0, #1", 0xe3a00001), // replaced
      a("add r3, r3, r0", 0xe0833000),
      0xeafffffb, // b RAM
    ]);
    cpu.setReg(1, a("mov r0, #1", 0xe3a00001));
    cpu.setReg(2, RAM + 4);
    cpu.pc = RAM;
    cpu.run(600);
    assert.equal(cpu.reg(3), 100);
    cpu.setReg(1, patch);
    cpu.run(1200);
    assert.equal(cpu.reg(3), 300);
    // Bytes and halfwords too, by LDM/STM, SWP and the monitor.
    for (
      const store of [
        a("strb r1, [r2]", 0xe5c21000),
        a("strh r1, [r2]", 0xe1c210b0),
        a("stm r2, {r1}", 0xe8820002),
        a("swp r4, r1, [r2]", 0xe1024091),
        a("swpb r4, r1, [r2]", 0xe1424091),
      ]
    ) {
      rig.poke(RAM, store);
      for (const n of [5, 9]) {
        cpu.setReg(1, a("mov r0, #0", 0xe3a00000) + n);
        cpu.pc = RAM;
        cpu.run(rig.clock.now + 3);
        assert.equal(cpu.reg(0), n, store.toString(16));
      }
    }
    cpu.pc = RAM + 4;
    cpu.run(rig.clock.now + 1);
    cpu.store(RAM + 4, 4, a("mov r0, #77", 0xe3a0004d), true);
    cpu.pc = RAM + 4;
    cpu.run(rig.clock.now + 1);
    assert.equal(cpu.reg(0), 77);
  },
});

Deno.test({
  name: "Cpu.invalidateCode() forgets code that was written behind the CPU's back, in both states",
  permissions: "none",
  fn() {
    const rig = new Rig();
    const { cpu } = rig;
    const at = RAM + 0x3000 - 2;
    const run = () => {
      cpu.pc = at;
      cpu.run(rig.clock.now + 2);
      return [cpu.reg(0), cpu.reg(1)];
    };
    cpu.cpsr = 0xf3;
    rig.loadThumb(at, [t("movs r0, #1", 0x2001), t("movs r1, #1", 0x2101)]);
    assert.deepEqual(run(), [1, 1]);
    rig.memory.u16[rig.at(at) >>> 1] = t("movs r0, #2", 0x2002);
    rig.memory.u16[rig.at(at + 2) >>> 1] = t("movs r1, #2", 0x2102);
    assert.deepEqual(run(), [1, 1]);
    cpu.invalidateCode(at + 1, 2); // touches both pages
    assert.deepEqual(run(), [2, 2]);
    cpu.invalidateCode(0, 2 ** 32);
  },
});

Deno.test({
  name: "a remapped code page is fetched from its new frame after TLB maintenance, not before",
  permissions: "none",
  fn() {
    const rig = new Rig();
    const { cpu } = rig;
    identityTable(rig, TTB);
    cpu.mmu.mcr(2, 0, 0, TTB);
    cpu.mmu.mcr(3, 0, 0, 1);
    cpu.mmu.mcr(1, 0, 0, C1.M);
    const va = 0x50000000;
    const l1 = TTB + (va >>> 20) * 4;
    const l2 = RAM + 0x20000;
    rig.poke(l1, l2 | 0x11);
    for (const [i, frame] of [RAM + 0x40000, RAM + 0x41000].entries()) {
      rig.load(frame, [a("add r0, r0, #1", 0xe2800001) + i]);
      rig.poke(frame + 4, 0xeafffffd); // b va
    }
    const map = (frame: number) => rig.poke(l2, frame | 0xff2);
    map(RAM + 0x40000);
    const gain = () => {
      cpu.setReg(0, 0);
      cpu.pc = va;
      cpu.run(rig.clock.now + 400);
      return cpu.reg(0);
    };
    assert.equal(gain(), 100);
    map(RAM + 0x41000);
    assert.equal(gain(), 100);
    cpu.mmu.mcr(8, 6, 1, va); // the D TLB's is not enough
    assert.equal(gain(), 100);
    cpu.mmu.mcr(8, 5, 1, va);
    assert.equal(gain(), 200);
    // A domain that closes stops fetches at once, without TLB maintenance.
    cpu.mmu.mcr(3, 0, 0, 0);
    cpu.pc = va;
    cpu.run(rig.clock.now + 1);
    assert.equal(cpu.cpsr & PSR.MODE, MODE.ABT);
    // The same frame under two addresses is one code.
    cpu.mmu.mcr(3, 0, 0, 1);
    rig.poke(l2 + 4, (RAM + 0x41000) | 0xff2);
    assert.equal(gain(), 200);
    cpu.store(va + 0x1000, 4, a("add r0, r0, #3", 0xe2800003), true);
    assert.equal(gain(), 300);
  },
});

Deno.test({
  name: "a loop over more code pages than the I TLB holds stays right, and walks",
  permissions: "none",
  fn() {
    const rig = new Rig();
    const { cpu } = rig;
    identityTable(rig, TTB);
    const va = 0x50000000;
    const l2 = RAM + 0x20000;
    rig.poke(TTB + (va >>> 20) * 4, l2 | 0x11);
    const pages = 80;
    for (let i = 0; i < pages; i++) {
      rig.poke(l2 + 4 * i, (RAM + 0x100000 + i * 0x1000) | 0xff2);
      const offset = i === pages - 1 ? -(pages - 1) * 0x1000 - 4 : 0x1000 - 4;
      rig.load(RAM + 0x100000 + i * 0x1000, [
        a("add r0, r0, #1", 0xe2800001),
        (0xea000000 | (((offset - 8) >> 2) & 0xffffff)) >>> 0,
      ]);
    }
    cpu.mmu.mcr(2, 0, 0, TTB);
    cpu.mmu.mcr(3, 0, 0, 1);
    cpu.mmu.mcr(1, 0, 0, C1.M);
    cpu.pc = va;
    cpu.run(4 * pages * 3);
    assert.equal(cpu.reg(0), pages * 3);
    assert.equal(cpu.counters.walksInstruction, pages * 3);
  },
});

Deno.test({
  name: "code in more pages than the pool holds is decoded anew",
  permissions: "none",
  fn() {
    const rig = new Rig();
    const { cpu } = rig;
    const pages = 700;
    for (let i = 0; i < pages; i++) {
      const last = i === pages - 1;
      const offset = last ? -(pages - 1) * 0x1000 - 4 : 0x1000 - 4;
      rig.load(RAM + i * 0x1000, [
        a("add r0, r0, #1", 0xe2800001),
        (0xea000000 | (((offset - 8) >> 2) & 0xffffff)) >>> 0,
      ]);
    }
    cpu.pc = RAM;
    cpu.run(4 * pages * 2);
    assert.equal(cpu.reg(0), pages * 2);
  },
});

Deno.test({
  name: "instructions are fetched from the bus where there is no RAM, and from ROM",
  permissions: "none",
  fn() {
    const rig = new Rig();
    const { cpu } = rig;
    rig.deviceValue = a("add r0, r0, #1", 0xe2800001);
    cpu.pc = DEVICE;
    cpu.run(5);
    assert.equal(cpu.reg(0), 5);
    assert.equal(rig.log.length, 5);
    rig.load(0x08000000, [a("add r1, r1, #1", 0xe2811001), 0xeafffffd]);
    cpu.pc = 0x08000000;
    cpu.run(45);
    assert.equal(cpu.reg(1), 10);
  },
});

Deno.test({
  name: "Cpu.state() and restore() go on as if nothing had been",
  permissions: "none",
  fn() {
    const [one, two] = [new Rig(), new Rig()];
    const program = fc.array(armInsn, { minLength: 10, maxLength: 50 });
    fc.assert(
      fc.property(
        program,
        registers,
        startStatus,
        fc.integer({ min: 1, max: 60 }),
        (words, regs, cpsr, cut) => {
          prepare(one, regs, cpsr);
          identityTable(one, TTB);
          one.cpu.mmu.mcr(2, 0, 0, TTB);
          one.cpu.mmu.mcr(3, 0, 0, 1);
          one.cpu.mmu.mcr(1, 0, 0, C1.M);
          one.load(RAM + 0x200, [...words, B_SELF]);
          one.cpu.pc = RAM + 0x200;
          one.cpu.run(cut);
          const saved = JSON.parse(JSON.stringify(one.cpu.state()));
          ramOf(two).set(ramOf(one));
          for (const at of [0, HIGH]) {
            two.memory.u8.set(one.memory.u8.subarray(one.at(at), one.at(at) + 0x10000), two.at(at));
          }
          two.clock.now = one.clock.now;
          two.log.length = 0;
          one.log.length = 0;
          two.cpu.restore(saved);
          assert.deepEqual(two.cpu.state(), one.cpu.state());
          before.set(two, before.get(one)!);
          const until = one.clock.now + 200;
          for (const rig of [one, two]) rig.cpu.run(until);
          assert.deepEqual(outcome(two), outcome(one));
          assertSameRam(two, one);
        },
      ),
      { numRuns: 60 },
    );
    assert.throws(() => one.cpu.restore({ ...one.cpu.state(), schema: "other" }), RangeError);
  },
});

Deno.test({
  name: "registers are in the first words of the host memory",
  permissions: "none",
  fn() {
    const rig = new Rig();
    rig.execute([a("mov r7, #42", 0xe3a0702a)]);
    assert.equal(rig.memory.i32[7], 42);
    assert.equal(rig.memory.u32[15], RAM + 4);
  },
});
