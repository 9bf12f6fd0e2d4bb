/**
 * Thumb state: every format against what the manual says of it, by both interpreters.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { PSR } from "../core/cpu.ts";
import { RAM, Rig, t } from "./cpu_rig.ts";

const AT = RAM + 0x200;
const DATA = RAM + 0x1000;

/** Executes halfwords at {@linkcode AT}, one at a time. */
function execute(rig: Rig, fast: boolean, halves: readonly number[], at = AT): void {
  rig.loadThumb(at, halves);
  rig.cpu.cpsr |= PSR.T;
  rig.cpu.pc = at;
  for (let i = 0; i < halves.length; i++) {
    if (fast) rig.cpu.run(rig.clock.now + 1);
    else rig.cpu.step();
  }
}

const M = 0xffffffffn;
const u = (v: number) => BigInt.asUintN(32, BigInt(v));
const s = (v: bigint) => BigInt.asIntN(32, v);

interface Flags {
  n: boolean;
  z: boolean;
  c: boolean;
  v: boolean;
}

interface Result extends Flags {
  value: bigint | null;
}

const logic = (value: bigint, f: Flags, c = f.c): Result => ({
  value,
  n: value >> 31n === 1n,
  z: value === 0n,
  c,
  v: f.v,
});

function sum(a: bigint, b: bigint, carry: bigint): Result {
  const wide = a + b + carry;
  const value = wide & M;
  const exact = s(a) + s(b) + carry;
  return { value, n: value >> 31n === 1n, z: value === 0n, c: wide > M, v: s(value) !== exact };
}

const difference = (a: bigint, b: bigint, carry = 1n): Result => sum(a, ~b & M, carry);

function shifted(kind: "lsl" | "lsr" | "asr" | "ror", a: bigint, n: bigint, f: Flags): Result {
  if (n === 0n) return logic(a, f);
  const bit = (i: bigint) => ((a >> i) & 1n) === 1n;
  switch (kind) {
    case "lsl":
      return logic((a << n) & M, f, n <= 32n && bit(32n - n));
    case "lsr":
      return logic(a >> n, f, n <= 32n && bit(n - 1n));
    case "asr":
      return logic((s(a) >> n) & M, f, bit(n > 32n ? 31n : n - 1n));
    default: {
      const r = n % 32n;
      const value = ((a >> r) | (a << (32n - r))) & M;
      return logic(value, f, value >> 31n === 1n);
    }
  }
}

type Operation = (d: bigint, x: bigint, f: Flags) => Result;

/** The sixteen operations of format 4: Rd, Rs to Rd and flags. */
const TWO_REGISTERS: [string, Operation][] = [
  ["and", (d, x, f) => logic(d & x, f)],
  ["eor", (d, x, f) => logic(d ^ x, f)],
  ["lsl", (d, x, f) => shifted("lsl", d, x & 255n, f)],
  ["lsr", (d, x, f) => shifted("lsr", d, x & 255n, f)],
  ["asr", (d, x, f) => shifted("asr", d, x & 255n, f)],
  ["adc", (d, x, f) => sum(d, x, f.c ? 1n : 0n)],
  ["sbc", (d, x, f) => difference(d, x, f.c ? 1n : 0n)],
  ["ror", (d, x, f) => shifted("ror", d, x & 255n, f)],
  ["tst", (d, x, f) => ({ ...logic(d & x, f), value: null })],
  ["neg", (_d, x) => difference(0n, x)],
  ["cmp", (d, x) => ({ ...difference(d, x), value: null })],
  ["cmn", (d, x) => ({ ...sum(d, x, 0n), value: null })],
  ["orr", (d, x, f) => logic(d | x, f)],
  ["mul", (d, x, f) => logic((d * x) & M, f)],
  ["bic", (d, x, f) => logic(d & ~x & M, f)],
  ["mvn", (_d, x, f) => logic(~x & M, f)],
];

const value = fc.oneof(
  fc.integer(),
  fc.constantFrom(0, 1, 31, 32, 33, 255, 256, -1, 0x7fffffff, -0x80000000),
);
const flagBits = fc.integer({ min: 0, max: 15 });
const flagsOf = (bits: number): Flags => ({
  n: (bits & 8) !== 0,
  z: (bits & 4) !== 0,
  c: (bits & 2) !== 0,
  v: (bits & 1) !== 0,
});

/** Runs one instruction on two registers and compares result and flags. */
function check(
  rig: Rig,
  half: number,
  registers: readonly [number, number][],
  rd: number,
  nzcv: number,
  want: Result,
): void {
  for (const fast of [false, true]) {
    rig.cpu.cpsr = (nzcv << 28) | 0xd3;
    for (const [n, v] of registers) rig.cpu.setReg(n, v);
    const before = rig.cpu.reg(rd);
    execute(rig, fast, [half]);
    const message = `0x${half.toString(16)} by ${fast ? "run" : "step"}`;
    assert.equal(rig.cpu.reg(rd), want.value === null ? before : Number(want.value), message);
    assert.deepEqual(flagsOf(rig.cpu.cpsr >>> 28), { n: want.n, z: want.z, c: want.c, v: want.v });
    assert.equal(rig.cpu.pc, AT + 2);
  }
}

Deno.test({
  name: "Thumb operations on two registers agree with integers without a width",
  permissions: "none",
  fn() {
    const rig = new Rig();
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 15 }), value, value, flagBits, (op, d, x, nzcv) => {
        const want = TWO_REGISTERS[op][1](u(d), u(x), flagsOf(nzcv));
        check(rig, 0x4000 | (op << 6) | (5 << 3) | 2, [[2, d], [5, x]], 2, nzcv, want);
      }),
      { numRuns: 3000 },
    );
  },
});

Deno.test({
  name: "Thumb shifts by a constant, additions and subtractions agree with integers",
  permissions: "none",
  fn() {
    const rig = new Rig();
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 12 }),
        value,
        value,
        fc.integer({ min: 0, max: 255 }),
        flagBits,
        (op, x, y, imm, nzcv) => {
          const f = flagsOf(nzcv);
          const [a, b] = [u(x), u(y)];
          const n = BigInt(imm & 31);
          const three = BigInt(imm & 7);
          const eight = BigInt(imm);
          const r = (halves: number) => halves | (4 << 3) | 1; // Rs = r4, Rd = r1
          const cases: [number, Result][] = [
            [r(0x0000 | (imm & 31) << 6), shifted("lsl", a, n, f)],
            [r(0x0800 | (imm & 31) << 6), shifted("lsr", a, n === 0n ? 32n : n, f)],
            [r(0x1000 | (imm & 31) << 6), shifted("asr", a, n === 0n ? 32n : n, f)],
            [r(0x1800 | (6 << 6)), sum(a, b, 0n)],
            [r(0x1a00 | (6 << 6)), difference(a, b)],
            [r(0x1c00 | (imm & 7) << 6), sum(a, three, 0n)],
            [r(0x1e00 | (imm & 7) << 6), difference(a, three)],
            [0x2100 | imm, logic(eight, f)],
            [0x2900 | imm, { ...difference(u(x), eight), value: null }],
            [0x3100 | imm, sum(a, eight, 0n)],
            [0x3900 | imm, difference(a, eight)],
            [0x3100 | imm, sum(a, eight, 0n)],
            [0x2900 | imm, { ...difference(u(x), eight), value: null }],
          ];
          const [half, want] = cases[op];
          check(rig, half, [[1, x], [4, x], [6, y]], 1, nzcv, want);
        },
      ),
      { numRuns: 3000 },
    );
  },
});

Deno.test({
  name: "Thumb operations on high registers leave the flags, but for CMP",
  permissions: "none",
  fn() {
    const rig = new Rig();
    for (const fast of [false, true]) {
      rig.cpu.cpsr = 0xf00000d3;
      rig.cpu.setReg(1, 5);
      rig.cpu.setReg(9, 7);
      execute(rig, fast, [t("add r1, r1, r9", 0x4449), 0x4688]); // mov r8, r1
      assert.deepEqual([rig.cpu.reg(1), rig.cpu.reg(8)], [12, 12]);
      assert.equal(rig.cpu.cpsr >>> 28, 15);
      execute(rig, fast, [t("cmp r8, r9", 0x45c8)]);
      assert.equal(rig.cpu.cpsr >>> 28, 2);
      // PC reads as the address + 4; writes branch, in Thumb state.
      execute(rig, fast, [t("mov r0, pc", 0x4678)]);
      assert.equal(rig.cpu.reg(0), AT + 4);
      rig.cpu.setReg(0, AT + 0x101);
      execute(rig, fast, [t("mov pc, r0", 0x4687)]);
      assert.equal(rig.cpu.pc, AT + 0x100);
      rig.cpu.setReg(0, 0x20);
      execute(rig, fast, [t("add pc, pc, r0", 0x4487)], AT + 2);
      assert.equal(rig.cpu.pc, AT + 2 + 4 + 0x20);
      assert.equal(rig.cpu.cpsr & PSR.T, PSR.T);
    }
  },
});

Deno.test({
  name: "Thumb addresses relative to PC are made from the aligned PC",
  permissions: "none",
  fn() {
    const rig = new Rig();
    rig.load(AT, [0, 0, 0, 0xcafe]);
    for (const fast of [false, true]) {
      for (const at of [AT, AT + 2]) {
        rig.poke(AT + 12, 0xcafe);
        execute(rig, fast, [t("ldr r1, [pc, #8]", 0x4902)], at);
        assert.equal(rig.cpu.reg(1), 0xcafe);
        execute(rig, fast, [0xa102], at); // add r1, pc, #8
        assert.equal(rig.cpu.reg(1), AT + 12);
        execute(rig, fast, [0xa1ff], at); // add r1, pc, #1020
        assert.equal(rig.cpu.reg(1), AT + 4 + 1020);
      }
      rig.cpu.setReg(13, DATA);
      execute(rig, fast, [0xa9ff]); // add r1, sp, #1020
      assert.equal(rig.cpu.reg(1), DATA + 1020);
      execute(rig, fast, [0xb07f, 0xb081]); // add sp, #508; sub sp, #4
      assert.equal(rig.cpu.reg(13), DATA + 504);
    }
  },
});

Deno.test({
  name: "Thumb loads and stores reach each size, with each addressing form",
  permissions: "none",
  fn() {
    const rig = new Rig();
    const cases: [number, number, number][] = [
      // instruction, offset, loaded value of 0x8483_8281 at the place
      [0x6800 | (3 << 6), 12, 0x84838281], // ldr r0, [r0?]
      [0x7800 | (5 << 6), 5, 0x82],
      [0x8800 | (2 << 6), 4, 0x8281],
      [0x5800, 8, 0x84838281],
      [0x5c00, 9, 0x82],
      [0x5a00, 10, 0x8483],
      [0x5600, 11, 0xffffff84],
      [0x5e00, 8, 0xffff8281],
    ];
    for (const fast of [false, true]) {
      for (const [op, offset, want] of cases) {
        const byRegister = (op & 0xf000) === 0x5000;
        const half = op | (3 << 3) | 2 | (byRegister ? 4 << 6 : 0); // Rd = r2, Rb = r3, Ro = r4
        rig.poke(DATA + (offset & ~3), 0x84838281);
        rig.cpu.setReg(3, DATA);
        rig.cpu.setReg(4, offset);
        execute(rig, fast, [half]);
        assert.equal(rig.cpu.reg(2), want, half.toString(16));
      }
      const stores: [number, number, number][] = [
        [0x6000 | (3 << 6), 12, 0x44332211],
        [0x7000 | (5 << 6), 5, 0xffff11ff],
        [0x8000 | (3 << 6), 6, 0x2211ffff],
        [0x5000, 8, 0x44332211],
        [0x5400, 9, 0xffff11ff],
        [0x5200, 10, 0x2211ffff],
      ];
      for (const [op, offset, want] of stores) {
        const half = op | (3 << 3) | 2 | ((op & 0xf000) === 0x5000 ? 4 << 6 : 0);
        rig.poke(DATA + (offset & ~3), 0xffffffff);
        rig.cpu.setReg(2, 0x44332211);
        rig.cpu.setReg(3, DATA);
        rig.cpu.setReg(4, offset);
        execute(rig, fast, [half]);
        assert.equal(rig.peek(DATA + (offset & ~3)), want, half.toString(16));
      }
      rig.cpu.setReg(13, DATA);
      rig.cpu.setReg(2, 77);
      execute(rig, fast, [t("str r2, [sp, #1020]", 0x92ff), t("ldr r5, [sp, #1020]", 0x9dff)]);
      assert.equal(rig.peek(DATA + 1020), 77);
      assert.equal(rig.cpu.reg(5), 77);
      // A misaligned word arrives rotated.
      rig.poke(DATA, 0x44332211);
      rig.cpu.setReg(3, DATA + 1);
      execute(rig, fast, [t("ldr r2, [r3]", 0x681a)]);
      assert.equal(rig.cpu.reg(2), 0x11443322);
    }
  },
});

Deno.test({
  name: "Thumb block transfers move lists, and POP of PC stays in Thumb state",
  permissions: "none",
  fn() {
    const rig = new Rig();
    for (const fast of [false, true]) {
      [1, 2, 3, 4, 5, 6, 7, 8].forEach((v, n) => rig.cpu.setReg(n, v));
      rig.cpu.setReg(13, DATA + 0x40);
      rig.cpu.setReg(14, AT + 0x301);
      execute(rig, fast, [t("push {r0, r7, lr}", 0xb581)]);
      assert.equal(rig.cpu.reg(13), DATA + 0x34);
      assert.deepEqual([0, 4, 8].map((o) => rig.peek(DATA + 0x34 + o)), [1, 8, AT + 0x301]);
      execute(rig, fast, [t("pop {r1, r2, pc}", 0xbd06)]);
      assert.deepEqual([rig.cpu.reg(1), rig.cpu.reg(2)], [1, 8]);
      assert.equal(rig.cpu.pc, AT + 0x300);
      assert.equal(rig.cpu.reg(13), DATA + 0x40);
      assert.equal(rig.cpu.cpsr & PSR.T, PSR.T);
      rig.cpu.setReg(3, DATA);
      execute(rig, fast, [t("stmia r3!, {r4, r5}", 0xc330)]);
      assert.equal(rig.cpu.reg(3), DATA + 8);
      rig.cpu.setReg(3, DATA);
      execute(rig, fast, [t("ldmia r3!, {r0, r1}", 0xcb03)]);
      assert.deepEqual([0, 1, 3].map((n) => rig.cpu.reg(n)), [5, 6, DATA + 8]);
      // The base in the list of a load is loaded.
      rig.poke(DATA, 100);
      rig.cpu.setReg(3, DATA);
      execute(rig, fast, [0xcb08]);
      assert.equal(rig.cpu.reg(3), 100);
    }
  },
});

Deno.test({
  name: "Thumb branches go where their offsets say, under each condition",
  permissions: "none",
  fn() {
    const rig = new Rig();
    const holds = (cond: number, f: Flags) =>
      [
        f.z,
        !f.z,
        f.c,
        !f.c,
        f.n,
        !f.n,
        f.v,
        !f.v,
        f.c && !f.z,
        !f.c || f.z,
        f.n === f.v,
        f.n !== f.v,
        !f.z && f.n === f.v,
        f.z || f.n !== f.v,
      ][cond];
    for (const fast of [false, true]) {
      for (let cond = 0; cond < 14; cond++) {
        for (let nzcv = 0; nzcv < 16; nzcv++) {
          // Inside the page and to the page before.
          for (const [at, offset] of [[AT, 0x7f], [RAM + 0x1010, 0x80]]) {
            rig.cpu.cpsr = (nzcv << 28) | 0xf3;
            execute(rig, fast, [0xd000 | (cond << 8) | offset], at);
            const taken = at + 4 + (offset === 0x80 ? -256 : 254);
            assert.equal(rig.cpu.pc, holds(cond, flagsOf(nzcv)) ? taken : at + 2);
          }
        }
      }
      execute(rig, fast, [0xe3ff], AT);
      assert.equal(rig.cpu.pc, AT + 4 + 2046);
      execute(rig, fast, [0xe400], RAM + 0x1800);
      assert.equal(rig.cpu.pc, RAM + 0x1800 + 4 - 2048);
      // BL in two halves, either direction.
      execute(rig, fast, [0xf003, 0xfc02], AT);
      assert.equal(rig.cpu.pc, AT + 4 + 0x3000 + 0x804);
      assert.equal(rig.cpu.reg(14), AT + 5);
      execute(rig, fast, [0xf7ff, 0xfffe], RAM + 0x2002);
      assert.equal(rig.cpu.pc, RAM + 0x2002);
      // The second half alone goes by LR.
      rig.cpu.setReg(14, RAM + 0x3000);
      execute(rig, fast, [0xf804], AT);
      assert.equal(rig.cpu.pc, RAM + 0x3008);
      assert.equal(rig.cpu.reg(14), AT + 3);
    }
  },
});

Deno.test({
  name: "BX changes state by bit 0, in both directions",
  permissions: "none",
  fn() {
    const rig = new Rig();
    for (const fast of [false, true]) {
      rig.cpu.cpsr = 0xd3;
      rig.cpu.setReg(1, RAM + 0x403);
      rig.load(RAM, [0xe12fff11]);
      rig.loadThumb(RAM + 0x402, [0x2007, 0x4778]); // movs r0, #7; bx pc
      rig.load(RAM + 0x408, [0xe2800001, 0xe12fff11]); // add r0, r0, #1; bx r1
      rig.cpu.pc = RAM;
      for (let i = 0; i < 4; i++) {
        if (fast) rig.cpu.run(rig.clock.now + 1);
        else rig.cpu.step();
      }
      assert.equal(rig.cpu.pc, RAM + 0x40c);
      assert.equal(rig.cpu.reg(0), 8);
      assert.equal(rig.cpu.cpsr, 0xd3);
      // Around and around: 3 + 1 + 3 + 1 cycles and the branch back.
      rig.cpu.run(rig.clock.now + 3 + 1 + 3 + 1);
      assert.equal(rig.cpu.pc, RAM + 0x40c);
      assert.equal(rig.cpu.reg(0), 8);
    }
  },
});

Deno.test({
  name: "Thumb encodings of later architectures are undefined",
  permissions: "none",
  fn() {
    const rig = new Rig();
    const later = [0x4788, 0xb100, 0xb200, 0xb650, 0xba00, 0xbe00, 0xbf00, 0xde00, 0xe800, 0xefff];
    for (const half of later) {
      for (const fast of [false, true]) {
        rig.cpu.reset();
        rig.cpu.cpsr = 0xd3;
        execute(rig, fast, [half]);
        assert.equal(rig.cpu.pc, 4, half.toString(16));
        assert.equal(rig.cpu.reg(14), AT + 2);
      }
    }
  },
});
