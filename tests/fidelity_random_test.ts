/**
 * Random programs with MMU and both caches on, in memory of every kind, with aborts on the way: fast and
 * timed come to the same registers, fault registers and memory.
 *
 * @module
 */
import assert from "node:assert/strict";
import { C1 } from "../core/cp15.ts";
import { timingValues } from "../core/timing_table.ts";
import { RAM, RAM_SIZE, Rig } from "./cpu_rig.ts";
import * as a from "./oracle/encode.ts";
import { COND, MODE, OP } from "./oracle/encode.ts";
import { Random } from "./oracle/random.ts";
import { chip } from "./timing_rig.ts";

const TTB = RAM + 0x1_0000;
/** Not cached and not buffered, buffered, write-through, write-back; each its own memory. */
const REGIONS: readonly [va: number, pa: number, cb: number][] = [
  [0x1000_0000, 0, 0],
  [0x1010_0000, RAM + 0x10_0000, 1],
  [0x1020_0000, RAM + 0x20_0000, 2],
  [0x1030_0000, RAM + 0x30_0000, 3],
];
const CODE = 0x1050_0000;
const CLOSED = 0x1060_0000;
/** r8 to r11 point into the regions, r12 counts loops, r7 points to nobody's memory. */
const BASE = 8;
/** Where a program begins in its section, and its data in theirs. */
const PROGRAM = 0x2_0000;
const DATA = 0x4000;
/** Log of aborts: FSR and FAR of each. */
const LOG = 0x2000;

/** Data abort: note FSR and FAR, skip the instruction. */
const HANDLER = [
  a.ldrImm(0, 0, { p: 1, u: 1, w: 0 }, 0, 13, 0x800),
  a.mcr(1, 15, 0, 0, 5, 0, 0),
  a.ldrImm(0, 0, { p: 0, u: 1, w: 0 }, 0, 13, 4),
  a.mcr(1, 15, 0, 0, 6, 0, 0),
  a.ldrImm(0, 0, { p: 0, u: 1, w: 0 }, 0, 13, 4),
  a.ldrImm(1, 0, { p: 1, u: 1, w: 0 }, 0, 13, 0x800 - 8),
  a.dp(OP.SUB, 1, 15, 14, a.immediate(4)),
];
/** Undefined and SWI: back to the next instruction. */
const RETURN = a.dp(OP.MOV, 1, 15, 0, a.shiftedBy(14));

/** A program that ends by a branch to itself. */
function program(random: Random): number[] {
  const code: number[] = [];
  const low = () => random.below(7);
  const base = () => BASE + random.below(REGIONS.length);
  const cond = () => random.chance(0.25) ? random.below(14) : COND.AL;
  const rebase = () => {
    // Bases that writeback has moved come back.
    REGIONS.forEach(([va], i) => {
      code.push(a.dp(OP.MOV, 0, BASE + i, 0, a.immediate(va >>> 24, 4)));
      code.push(a.dp(OP.ORR, 0, BASE + i, BASE + i, a.immediate((va >>> 20) & 15, 6)));
      code.push(
        a.dp(OP.ORR, 0, BASE + i, BASE + i, a.immediate((DATA >>> 8) + 16 * random.below(8), 12)),
      );
    });
  };
  const single = () => {
    const x = { p: random.below(2), u: random.below(2), w: random.below(2) };
    const load = random.below(2);
    const rn = random.chance(0.04) ? 7 : base();
    switch (random.below(3)) {
      case 0:
        // Misaligned words now and then.
        return a.ldrImm(
          load,
          0,
          x,
          low(),
          rn,
          random.below(1024) * (random.chance(0.1) ? 1 : 4),
          cond(),
        );
      case 1:
        return a.ldrImm(load, 1, x, low(), rn, random.below(4096), cond());
      default: {
        const sh = load !== 0 ? random.between(1, 3) : 1;
        return a.ldrhImm(
          load,
          sh,
          { ...x, w: x.p & x.w },
          low(),
          rn,
          2 * random.below(128),
          cond(),
        );
      }
    }
  };
  const one = (): number => {
    const x = random.below(100);
    if (x < 30) {
      const op = random.below(16);
      const compares = op >= 8 && op < 12;
      const op2 = random.chance(0.3)
        ? a.immediate(random.below(256), random.below(16))
        : random.chance(0.3)
        ? a.shiftedByRegister(low(), random.below(4), low())
        : a.shiftedBy(low(), random.below(4), random.below(32));
      return a.dp(op, compares || random.chance(0.4) ? 1 : 0, low(), low(), op2, cond());
    }
    if (x < 35) {
      return a.mul(
        random.below(2),
        random.below(2),
        random.below(3),
        low(),
        low(),
        3 + random.below(4),
        cond(),
      );
    }
    if (x < 38) {
      return a.mull(
        random.below(2),
        random.below(2),
        random.below(2),
        0,
        1,
        low(),
        2 + random.below(5),
        cond(),
      );
    }
    if (x < 75) return single();
    if (x < 88) {
      const index = { p: random.below(2), u: random.below(2), w: random.below(2) };
      const rn = random.chance(0.05) ? 7 : base();
      return a.ldm(random.below(2), index, 0, rn, random.between(1, 127), cond());
    }
    if (x < 92) return a.swp(random.below(2), low(), low(), base(), cond());
    if (x < 94) return a.mcr(0, 15, 0, low(), 7, 10, 4);
    if (x < 95) return random.chance(0.5) ? a.swi(random.below(100)) : 0xe7f000f0;
    if (x < 96) return a.mrs(0, low());
    return a.branch(0, random.below(4), cond());
  };
  rebase();
  for (let block = 0; block < 6; block++) {
    code.push(a.dp(OP.MOV, 0, 12, 0, a.immediate(random.between(1, 12))));
    const start = code.length;
    const end = start + random.between(10, 60);
    while (code.length < end) code.push(one());
    // Branches forward end before the loop does.
    for (let i = 0; i < 4; i++) code.push(a.dp(OP.ADD, 0, 0, 0, a.immediate(1)));
    rebase();
    code.push(a.dp(OP.SUB, 1, 12, 12, a.immediate(1)));
    code.push(a.branch(0, start - code.length - 2, COND.NE));
  }
  code.push(a.branch(0, -2));
  return code;
}

function prepare(rig: Rig, code: number[], seed: number, control: number): number {
  const { cpu } = rig;
  const random = new Random(seed);
  for (let at = 0; at < 0x4000; at += 4) rig.poke(TTB + at, 0);
  const section = (va: number, pa: number, bits: number) =>
    rig.poke(TTB + (va >>> 20) * 4, pa | bits);
  for (const [va, pa, cb] of REGIONS) section(va, pa, 0xc12 | cb << 2);
  section(CODE, RAM, 0xc1e);
  section(0, 0, 0xc12);
  section(CLOSED, RAM + 0x10_0000, 0x012);
  for (const [, pa] of REGIONS) {
    for (let at = DATA - 0x1000; at < DATA + 0x9000; at += 4) rig.poke(pa + at, random.u32());
  }
  HANDLER.forEach((word, i) => rig.poke(0x100 + 4 * i, word));
  rig.poke(0x04, RETURN);
  rig.poke(0x08, RETURN);
  rig.poke(0x10, a.branch(0, (0x100 - 0x10) / 4 - 2));
  rig.load(RAM + PROGRAM, code);
  for (let n = 0; n < 13; n++) cpu.setReg(n, random.u32());
  cpu.setReg(7, CLOSED + 0x4000);
  cpu.setBankedReg(MODE.ABT, 13, 0x1000_0000 + LOG);
  cpu.setBankedReg(MODE.SVC, 13, 0);
  cpu.mmu.mcr(2, 0, 0, TTB);
  cpu.mmu.mcr(3, 0, 0, 1);
  cpu.mmu.mcr(1, 0, 0, control);
  // Few ways are left for lines, so that many are displaced.
  cpu.mmu.mcr(9, 0, 0, (64 - 2 ** random.between(1, 6)) << 26);
  cpu.cpsr = 0xd0 | (random.chance(0.5) ? MODE.USR : MODE.SYS);
  cpu.pc = CODE + PROGRAM;
  return CODE + PROGRAM + 4 * (code.length - 1);
}

function run(rig: Rig, end: number): void {
  const { cpu, clock } = rig;
  for (let i = 0; i < 1000 && cpu.pc !== end; i++) cpu.run(clock.now + 20_000);
  assert.equal(cpu.pc, end);
  for (let line = 0; line < 512; line++) cpu.mmu.mcr(7, 10, 2, (line & 63) << 26 | line >>> 6 << 5);
}

function left(rig: Rig) {
  const { cpu } = rig;
  const memory = rig.memory.u8;
  return {
    registers: rig.registers(),
    cpsr: cpu.cpsr,
    dfsr: cpu.mmu.mrc(5, 0, 0),
    far: cpu.mmu.mrc(6, 0, 0),
    exceptions: cpu.counters.exceptions,
    aborts: cpu.bankedReg(MODE.ABT, 13),
    ram: memory.slice(rig.at(RAM), rig.at(RAM) + RAM_SIZE),
    low: memory.slice(rig.at(0), rig.at(0) + 0x1_0000),
  };
}

Deno.test({
  name:
    "random programs with caches leave the same registers, aborts and memory in both fidelities",
  permissions: "none",
  fn() {
    const totals = {
      instructions: 0,
      aborts: 0,
      undefined: 0,
      dataFills: 0,
      writeBacks: 0,
      full: 0,
    };
    const on = C1.M | C1.C | C1.I;
    for (let seed = 1; seed <= 24; seed++) {
      const code = program(new Random(seed));
      const variants = [C1.NF | C1.IA, C1.NF, 0, C1.NF | C1.IA | C1.RR | C1.A];
      const control = on | variants[seed % variants.length];
      const fast = new Rig();
      const timed = new Rig({ timed: { values: timingValues(), registers: chip() }, seed });
      run(fast, prepare(fast, code, seed, control));
      run(timed, prepare(timed, code, seed, control));
      assert.deepEqual(left(timed), left(fast), `seed ${seed}`);
      const { counts, values } = timed.cpu.timing!;
      assert.equal(values.loadUse, 1);
      totals.instructions += timed.cpu.instructions;
      totals.aborts += timed.cpu.counters.exceptions.dataAbort;
      totals.undefined += timed.cpu.counters.exceptions.undefined;
      totals.dataFills += counts.dataFills;
      totals.writeBacks += timed.cpu.mmu.dcache!.writeBacks;
      totals.full += counts.bufferFullCycles;
    }
    // They do what they are for.
    assert.ok(totals.instructions > 50_000, `${totals.instructions}`);
    assert.ok(totals.aborts > 500 && totals.undefined > 100 && totals.dataFills > 500);
    assert.ok(totals.writeBacks > 100 && totals.full > 1000);
  },
});
