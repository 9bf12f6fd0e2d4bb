/**
 * Instruction timing of the ARM9TDMI: sequences that hit everywhere, against cycles worked out by hand
 * from the manual's table. A sum has a term for each instruction and one for each interlock.
 *
 * @module
 */
import assert from "node:assert/strict";
import { C1 } from "../core/cp15.ts";
import { multiplierCycles } from "../core/timing_issue.ts";
import { RAM, type Rig } from "./cpu_rig.ts";
import * as a from "./oracle/encode.ts";
import { COND, OP, SHIFT, thumb as t } from "./oracle/encode.ts";
import { CLOCKS, CLOSED, CODE, timedRig, type TimedRigOptions, WB } from "./timing_rig.ts";

const START = CODE + 0x400;
/** Where branches of the sequences lead to. */
const ELSEWHERE = CODE + 0x800;
const NOP = a.dp(OP.MOV, 0, 0, 0, a.shiftedBy(0));
const T_NOP = t.hi(2, 8, 8);
const PRE = { p: 1, u: 1, w: 0 };
const IA = { p: 0, u: 1, w: 0 };

const ldr = (rd: number, rn: number, offset = 0) => a.ldrImm(1, 0, PRE, rd, rn, offset);
const ldrb = (rd: number, rn: number) => a.ldrImm(1, 1, PRE, rd, rn, 0);
const ldrh = (rd: number, rn: number, sh = 1) => a.ldrhImm(1, sh, PRE, rd, rn, 0);
const str = (rd: number, rn: number) => a.ldrImm(0, 0, PRE, rd, rn, 0);
const add = (rd: number, rn: number, rm: number) => a.dp(OP.ADD, 0, rd, rn, a.shiftedBy(rm));
const move = (rd: number, rm: number) => a.dp(OP.MOV, 0, rd, 0, a.shiftedBy(rm));
const ldm = (rn: number, ...list: number[]) => a.ldm(1, IA, 0, rn, bits(list));
const stm = (rn: number, ...list: number[]) => a.ldm(0, IA, 0, rn, bits(list));
const bits = (list: number[]) => list.reduce((all, n) => all | 1 << n, 0);

interface Row {
  /** The sequence, as one would write it. */
  what: string;
  /** Its words, or halfwords. */
  code: number[];
  /** Cycles by the manual. */
  cycles: number;
  /** Instructions executed, where not all of `code`. */
  steps?: number;
  /** Registers before. r1 is the address of data, r9 of {@linkcode ELSEWHERE}. */
  registers?: Record<number, number>;
  thumb?: boolean;
}

// r1 = WB data; [r1] = ELSEWHERE, so that loads of PC lead there.
const ROWS: Row[] = [
  // ---- data operations: 1; shift by register +1; PC +2
  { what: "add r0,r2,r3", code: [add(0, 2, 3)], cycles: 1 },
  { what: "add r0,r2,r3; add r4,r0,r0", code: [add(0, 2, 3), add(4, 0, 0)], cycles: 1 + 1 },
  {
    what: "mov r0,r2,lsr #7",
    code: [a.dp(OP.MOV, 0, 0, 0, a.shiftedBy(2, SHIFT.LSR, 7))],
    cycles: 1,
  },
  {
    what: "adds r0,r2,r3,lsl r4",
    code: [a.dp(OP.ADD, 1, 0, 2, a.shiftedByRegister(3, SHIFT.LSL, 4))],
    cycles: 2,
  },
  { what: "mov pc,r9", code: [move(15, 9)], cycles: 3 },
  {
    what: "add pc,r9,r2,lsl r3",
    code: [a.dp(OP.ADD, 0, 15, 9, a.shiftedByRegister(2, SHIFT.LSL, 3))],
    cycles: 4,
    registers: { 2: 0, 3: 0 },
  },
  { what: "cmp r0,#0", code: [a.dp(OP.CMP, 1, 0, 0, a.immediate(0))], cycles: 1 },
  // ---- a condition that fails: 1
  {
    what: "mulne r0,r2,r3 (Z set)",
    code: [a.mul(0, 0, 0, 0, 3, 2, COND.NE)],
    cycles: 1,
    registers: { 3: 0x7fffffff },
  },
  { what: "ldmne r1,{r2-r7} (Z set)", code: [a.ldm(1, IA, 0, 1, 0xfc, COND.NE)], cycles: 1 },
  { what: "bne (Z set)", code: [a.branch(0, 0x40, COND.NE)], cycles: 1 },
  // ---- branches: 3
  { what: "b", code: [a.branch(0, 0xfe)], cycles: 3 },
  { what: "bl", code: [a.branch(1, 0xfe)], cycles: 3 },
  { what: "beq (Z set)", code: [a.branch(0, 0xfe, COND.EQ)], cycles: 3 },
  { what: "bx r9", code: [a.bx(9)], cycles: 3 },
  // ---- LDR: 1; use next +1
  { what: "ldr r0,[r1]", code: [ldr(0, 1)], cycles: 1 },
  { what: "ldr r0,[r1]; add r2,r3,r3", code: [ldr(0, 1), add(2, 3, 3)], cycles: 1 + 1 },
  { what: "ldr r0,[r1]; add r2,r0,r3", code: [ldr(0, 1), add(2, 0, 3)], cycles: 1 + 1 + 1 },
  { what: "ldr r0,[r1]; add r2,r3,r0", code: [ldr(0, 1), add(2, 3, 0)], cycles: 1 + 1 + 1 },
  {
    what: "ldr r0,[r1]; mov r4,r4; add r2,r0,r0",
    code: [ldr(0, 1), move(4, 4), add(2, 0, 0)],
    cycles: 1 + 1 + 1,
  },
  { what: "ldr r2,[r1,#4]; ldr r0,[r2]", code: [ldr(2, 1, 4), ldr(0, 2)], cycles: 1 + 1 + 1 },
  {
    what: "ldr r0,[r1,#4]!; add r2,r1,r1 (the base is not late)",
    code: [a.ldrImm(1, 0, { p: 1, u: 1, w: 1 }, 0, 1, 4), add(2, 1, 1)],
    cycles: 1 + 1,
  },
  { what: "ldr r0,[r1]; str r0,[r5] (data)", code: [ldr(0, 1), str(0, 5)], cycles: 1 + 1 + 1 },
  { what: "ldr r0,[r1]; mov r0,r3 (not used)", code: [ldr(0, 1), move(0, 3)], cycles: 1 + 1 },
  {
    what: "ldr r0,[r1]; mla r2,r3,r4,r0",
    code: [ldr(0, 1), a.mul(1, 0, 2, 0, 4, 3)],
    cycles: 1 + 1 + (2 + 1),
    registers: { 4: 5 },
  },
  // ---- bytes and halfwords: use next +2, after one more +1
  { what: "ldrb r0,[r1]; add r2,r0,r3", code: [ldrb(0, 1), add(2, 0, 3)], cycles: 1 + 2 + 1 },
  {
    what: "ldrb r0,[r1]; mov r4,r4; add r2,r0,r3",
    code: [ldrb(0, 1), move(4, 4), add(2, 0, 3)],
    cycles: 1 + 1 + 1 + 1,
  },
  {
    what: "ldrb r0,[r1]; mov r4,r4; mov r4,r4; add r2,r0,r3",
    code: [ldrb(0, 1), move(4, 4), move(4, 4), add(2, 0, 3)],
    cycles: 1 + 1 + 1 + 1,
  },
  {
    what: "ldrb r0,[r1]; add r2,r0,r3; add r4,r0,r5 (waits once)",
    code: [ldrb(0, 1), add(2, 0, 3), add(4, 0, 5)],
    cycles: 1 + 2 + 1 + 1,
  },
  {
    what: "ldrb r0,[r1]; mul r6,r7,r8; add r4,r0,r5 (a long instruction between)",
    code: [ldrb(0, 1), a.mul(0, 0, 6, 0, 8, 7), add(4, 0, 5)],
    cycles: 1 + (2 + 1) + 1,
    registers: { 8: 1 },
  },
  { what: "ldrh r0,[r1]; add r2,r0,r3", code: [ldrh(0, 1), add(2, 0, 3)], cycles: 1 + 2 + 1 },
  { what: "ldrsb r0,[r1]; add r2,r0,r3", code: [ldrh(0, 1, 2), add(2, 0, 3)], cycles: 1 + 2 + 1 },
  { what: "ldrsh r0,[r1]; add r2,r0,r3", code: [ldrh(0, 1, 3), add(2, 0, 3)], cycles: 1 + 2 + 1 },
  {
    what: "ldr r0,[r1,#2] (unaligned); add r2,r0,r3",
    code: [ldr(0, 1, 2), add(2, 0, 3)],
    cycles: 1 + 2 + 1,
  },
  {
    what: "ldrb r0,[r1]; ldr r2,[r5]; add r3,r0,r2 (the later of two)",
    code: [ldrb(0, 1), ldr(2, 5), add(3, 0, 2)],
    cycles: 1 + 1 + 1 + 1,
  },
  // ---- LDR pc: 5
  { what: "ldr pc,[r1]", code: [ldr(15, 1)], cycles: 5 },
  // ---- stores: 1
  { what: "str r0,[r1]", code: [str(0, 1)], cycles: 1 },
  { what: "strb r0,[r1]", code: [a.ldrImm(0, 1, PRE, 0, 1, 0)], cycles: 1 },
  { what: "strh r0,[r1]", code: [a.ldrhImm(0, 1, PRE, 0, 1, 0)], cycles: 1 },
  {
    what: "str r0,[r1,r2,lsl #2]",
    code: [a.ldrReg(0, 0, PRE, 0, 1, a.shiftedBy(2, SHIFT.LSL, 2))],
    cycles: 1,
    registers: { 2: 1 },
  },
  // ---- LDM: n; one register 2; last used next +1; with PC n + 4
  { what: "ldmia r1,{r2}", code: [ldm(1, 2)], cycles: 2 },
  { what: "ldmia r1,{r2}; add r3,r2,r2", code: [ldm(1, 2), add(3, 2, 2)], cycles: 2 + 1 },
  { what: "ldmia r1,{r2,r3}", code: [ldm(1, 2, 3)], cycles: 2 },
  { what: "ldmia r1,{r2-r7}", code: [ldm(1, 2, 3, 4, 5, 6, 7)], cycles: 6 },
  {
    what: "ldmia r1,{r2-r4}; add r0,r4,r4 (last)",
    code: [ldm(1, 2, 3, 4), add(0, 4, 4)],
    cycles: 3 + 1 + 1,
  },
  {
    what: "ldmia r1,{r2-r4}; add r0,r3,r3 (not last)",
    code: [ldm(1, 2, 3, 4), add(0, 3, 3)],
    cycles: 3 + 1,
  },
  { what: "ldmia r10,{r2,r3,pc}", code: [ldm(10, 2, 3, 15)], cycles: 3 + 4 },
  { what: "ldmia r1,{pc}", code: [ldm(1, 15)], cycles: 1 + 4 },
  // ---- STM: n; one register 2
  { what: "stmia r5,{r2}", code: [stm(5, 2)], cycles: 2 },
  { what: "stmia r5,{r2-r5}", code: [stm(5, 2, 3, 4, 5)], cycles: 4 },
  {
    what: "ldr r2,[r1]; stmia r5,{r2,r3} (first register)",
    code: [ldr(2, 1), stm(5, 2, 3)],
    cycles: 1 + 1 + 2,
  },
  {
    what: "ldr r3,[r1]; stmia r5,{r2,r3} (second register)",
    code: [ldr(3, 1), stm(5, 2, 3)],
    cycles: 1 + 2,
  },
  // ---- SWP: 2; byte used next +1
  { what: "swp r0,r2,[r1]", code: [a.swp(0, 0, 2, 1)], cycles: 2 },
  { what: "swp r0,r2,[r1]; add r3,r0,r0", code: [a.swp(0, 0, 2, 1), add(3, 0, 0)], cycles: 2 + 1 },
  {
    what: "swpb r0,r2,[r1]; add r3,r0,r0",
    code: [a.swp(1, 0, 2, 1), add(3, 0, 0)],
    cycles: 2 + 1 + 1,
  },
  // ---- MUL, MLA: 2 + m; long 3 + m
  {
    what: "mul r0,r2,r3 (r3 = 0xff)",
    code: [a.mul(0, 0, 0, 0, 3, 2)],
    cycles: 2 + 1,
    registers: { 3: 0xff },
  },
  {
    what: "mul r0,r2,r3 (r3 = -1)",
    code: [a.mul(0, 0, 0, 0, 3, 2)],
    cycles: 2 + 1,
    registers: { 3: 0xffffffff },
  },
  {
    what: "mlas r0,r2,r3,r4 (r3 = 0x1234)",
    code: [a.mul(1, 1, 0, 4, 3, 2)],
    cycles: 2 + 2,
    registers: { 3: 0x1234 },
  },
  {
    what: "mul r0,r2,r3 (r3 = 0x123456)",
    code: [a.mul(0, 0, 0, 0, 3, 2)],
    cycles: 2 + 3,
    registers: { 3: 0x123456 },
  },
  {
    what: "mul r0,r2,r3 (r3 = 0x12345678)",
    code: [a.mul(0, 0, 0, 0, 3, 2)],
    cycles: 2 + 4,
    registers: { 3: 0x12345678 },
  },
  {
    what: "smull r0,r2,r3,r4 (r4 = -200)",
    code: [a.mull(1, 0, 0, 2, 0, 4, 3)],
    cycles: 3 + 1,
    registers: { 4: 0xffffff38 },
  },
  {
    what: "umull r0,r2,r3,r4 (r4 = 0xffffff38: unsigned, no early end)",
    code: [a.mull(0, 0, 0, 2, 0, 4, 3)],
    cycles: 3 + 4,
    registers: { 4: 0xffffff38 },
  },
  {
    what: "umlal r0,r2,r3,r4 (r4 = 7)",
    code: [a.mull(0, 1, 0, 2, 0, 4, 3)],
    cycles: 3 + 1,
    registers: { 4: 7 },
  },
  // ---- status registers
  { what: "mrs r0,cpsr", code: [a.mrs(0, 0)], cycles: 1 },
  {
    what: "msr cpsr_f,r2",
    code: [a.msr(0, 8, a.shiftedBy(2))],
    cycles: 1,
    registers: { 2: 0x40000000 },
  },
  {
    what: "msr cpsr_fc,r2",
    code: [a.msr(0, 9, a.shiftedBy(2))],
    cycles: 3,
    registers: { 2: 0x400000d3 },
  },
  { what: "msr spsr_c,#0xd3", code: [a.msr(1, 1, a.immediate(0xd3))], cycles: 3 },
  // ---- exceptions: 3
  { what: "swi 1", code: [a.swi(1)], cycles: 3 },
  { what: "undefined instruction", code: [0xe7f000f0], cycles: 3 },
  { what: "cdp of no coprocessor", code: [a.cdp(3, 0, 0, 0, 0, 0)], cycles: 3 },
  { what: "mcr of no coprocessor", code: [a.mcr(0, 3, 0, 0, 0, 0, 0)], cycles: 3 },
  { what: "ldr r0,[r6] (data abort)", code: [ldr(0, 6)], cycles: 3 },
  // ---- MCR, MRC: 1 + b, b = 1 assumed; MRC used next +1
  {
    what: "mcr p15,0,r2,c3,c0,0",
    code: [a.mcr(0, 15, 0, 2, 3, 0, 0)],
    cycles: 2,
    registers: { 2: 1 },
  },
  { what: "mrc p15,0,r0,c0,c0,0", code: [a.mcr(1, 15, 0, 0, 0, 0, 0)], cycles: 2 },
  {
    what: "mrc p15,0,r0,c0,c0,0; add r2,r0,r3",
    code: [a.mcr(1, 15, 0, 0, 0, 0, 0), add(2, 0, 3)],
    cycles: 2 + 1 + 1,
  },
  {
    what: "ldr r2,[r7]; mcr p15,0,r2,c3,c0,0",
    code: [ldr(2, 7), a.mcr(0, 15, 0, 2, 3, 0, 0)],
    cycles: 1 + 1 + 2,
  },
  // ---- a branch hides what an interlock would cost
  {
    what: "ldrb r0,[r1]; b; add r2,r0,r3",
    code: [ldrb(0, 1), a.branch(0, -1), add(2, 0, 3)],
    cycles: 1 + 3 + 1,
  },
  // ---- Thumb: as the ARM instructions
  { what: "Thumb adds r0,r2,r3", code: [t.addSub(0, 0, 3, 2, 0)], cycles: 1, thumb: true },
  { what: "Thumb lsls r0,r2", code: [t.alu(2, 2, 0)], cycles: 2, thumb: true, registers: { 2: 1 } },
  {
    what: "Thumb muls r0,r2 (r0 = 0x1234)",
    code: [t.alu(13, 2, 0)],
    cycles: 2 + 2,
    thumb: true,
    registers: { 0: 0x1234, 2: 0x12345678 },
  },
  {
    what: "Thumb ldrb r0,[r1]; adds r2,r0,r3",
    code: [t.ldrImm(3, 0, 1, 0), t.addSub(0, 0, 3, 0, 2)],
    cycles: 1 + 2 + 1,
    thumb: true,
  },
  { what: "Thumb push {r2,r3,lr}", code: [t.push(0, 1, 0xc)], cycles: 3, thumb: true },
  { what: "Thumb pop {r2,r3,pc}", code: [t.push(1, 1, 0xc)], cycles: 3 + 4, thumb: true },
  { what: "Thumb b", code: [t.b(0x1fe)], cycles: 3, thumb: true },
  { what: "Thumb beq (Z set)", code: [t.bcond(COND.EQ, 0x7e)], cycles: 3, thumb: true },
  { what: "Thumb bne (Z set)", code: [t.bcond(COND.NE, 0x7e)], cycles: 1, thumb: true },
  { what: "Thumb bl", code: [t.bl(0, 0), t.bl(1, 0x1fe)], cycles: 1 + 3, thumb: true },
  { what: "Thumb bx r9", code: [t.hi(3, 9, 0)], cycles: 3, thumb: true },
  { what: "Thumb swi", code: [t.swi(0)], cycles: 3, thumb: true },
];

function prepare(rig: Rig, row: Row): void {
  const { cpu } = rig;
  cpu.cpsr = 0x400000d3 | (row.thumb ? 0x20 : 0);
  cpu.spsr = 0x400000d3;
  for (let n = 0; n < 15; n++) cpu.setReg(n, 0);
  cpu.setReg(1, WB + 0x40);
  cpu.setReg(5, WB + 0x80);
  cpu.setReg(6, CLOSED);
  cpu.setReg(7, WB + 0xc0);
  cpu.setReg(9, ELSEWHERE);
  cpu.setReg(10, WB + 0x38);
  cpu.setReg(13, WB + 0x38);
  for (const [n, value] of Object.entries(row.registers ?? {})) cpu.setReg(Number(n), value);
  const data = [
    [0x40, ELSEWHERE],
    [0x44, WB + 0x40],
    [0xc0, 1],
  ];
  for (const [offset, value] of data) cpu.store(WB + offset, 4, value, true);
  cpu.mmu.mcr(3, 0, 0, 1);
  cpu.timing!.drain();
  cpu.timing!.pipeline.refill();
  cpu.pc = START;
}

/** Cycles of the core that a sequence takes when everything hits. */
function measure(row: Row, rig: Rig): number {
  const { cpu, clock } = rig;
  const width = row.thumb ? 2 : 4;
  // Nothing of the row before is left in the cache.
  cpu.mmu.mcr(7, 5, 0, 0);
  for (let i = 0x300; i < 0xd00; i += 4) {
    rig.poke(RAM + i, row.thumb ? T_NOP * 0x10001 : NOP);
  }
  // Exceptions end here: low vectors, which the MMU does not map; their fetch is never made.
  row.code.forEach((word, i) => {
    if (width === 4) rig.poke(RAM + 0x400 + 4 * i, word);
    else rig.loadThumb(RAM + 0x400 + 2 * i, [word]);
  });
  for (let offset = 0; offset < 0x200; offset += 32) cpu.load(WB + offset, 4, true);
  const run = () => {
    prepare(rig, row);
    const before = clock.now;
    for (let i = 0; i < (row.steps ?? row.code.length); i++) cpu.step();
    return clock.now - before;
  };
  // Once for the instruction cache.
  run();
  return run();
}

Deno.test({
  name: "ARM9TDMI instructions take the cycles of the manual's table",
  permissions: "none",
  fn() {
    const rig = timedRig();
    const wrong = ROWS.map((row) => ({ ...row, took: measure(row, rig) }))
      .filter((row) => row.took !== row.cycles)
      .map((row) => `${row.what}: ${row.took} cycles, by the table ${row.cycles}`);
    assert.deepEqual(wrong, []);
  },
});

Deno.test({
  name: "in FastBus mode each cycle of the core is one of the bus",
  permissions: "none",
  fn() {
    const rig = timedRig({ clocks: CLOCKS.fastBus });
    for (const row of ROWS) {
      assert.equal(measure(row, rig), 4 * row.cycles, row.what);
    }
  },
});

Deno.test({
  name: "costs of instructions can be set",
  permissions: "none",
  fn() {
    const row = (what: string) => ROWS.find((one) => one.what === what)!;
    const cases: [string, TimedRigOptions["timing"], number][] = [
      ["mov pc,r9", { branch: 5 }, 6],
      ["ldr r0,[r1]; add r2,r0,r3", { loadUse: 0 }, 2],
      ["ldrb r0,[r1]; add r2,r0,r3", { loadUseNarrow: 3 }, 5],
      ["ldr r0,[r1]; str r0,[r5] (data)", { storeDataUse: 0 }, 2],
      ["ldmia r10,{r2,r3,pc}", { loadMultiplePc: 3 }, 6],
      ["mcr p15,0,r2,c3,c0,0", { coprocessorBusy: 3 }, 4],
      ["swi 1", { exception: 8 }, 8],
    ];
    for (const [what, timing, cycles] of cases) {
      assert.equal(measure(row(what), timedRig({ timing: timing! })), cycles, what);
    }
  },
});

Deno.test({
  name: "multiplierCycles() goes by the bytes of Rs",
  permissions: "none",
  fn() {
    const signed: [number, number][] = [
      [0, 1],
      [0xff, 1],
      [0x100, 2],
      [0xffff, 2],
      [0x10000, 3],
      [0xffffff, 3],
      [0x1000000, 4],
      [0x7fffffff, 4],
      [-1, 1],
      [-256, 1],
      [-257, 2],
      [-65537, 3],
      [-16777217, 4],
    ];
    for (const [value, m] of signed) assert.equal(multiplierCycles(value, true), m, `${value}`);
    assert.equal(multiplierCycles(-1, false), 4);
    assert.equal(multiplierCycles(0xff, false), 1);
  },
});

Deno.test({
  name: "an interrupt is entered in three cycles and ends every interlock",
  permissions: "none",
  fn() {
    const rig = timedRig();
    const { cpu, clock } = rig;
    cpu.mmu.mcr(1, 0, 0, cpu.mmu.mrc(1, 0, 0) & ~C1.I);
    rig.poke(RAM + 0x400, ldr(0, 1));
    cpu.load(WB + 0x40, 4, true);
    cpu.cpsr = 0x13;
    cpu.setReg(1, WB + 0x40);
    cpu.pc = START;
    cpu.step();
    assert.deepEqual(cpu.timing!.pipeline.state().late.indexOf(1), 0);
    cpu.setIrq(true);
    const before = clock.now;
    cpu.step();
    assert.equal(clock.now - before, 3);
    assert.equal(cpu.pc, 0x18);
    assert.ok(cpu.timing!.pipeline.state().late.every((cycles) => cycles === 0));
  },
});
