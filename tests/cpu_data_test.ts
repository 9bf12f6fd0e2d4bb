/**
 * Shifter, flags and multiplication against plain models: bits in arrays, one at a time, written from
 * the architecture manual's text.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { a, RAM, Rig } from "./cpu_rig.ts";

type Bits = number[]; // bit 0 first

const bitsOf = (value: number): Bits => Array.from({ length: 32 }, (_, i) => (value >>> i) & 1);
const valueOf = (bits: Bits): number => bits.reduce((sum, b, i) => sum + b * 2 ** i, 0);

interface Shifted {
  bits: Bits;
  carry: number;
}

/** One place to the right or left at a time. */
function shift(value: number, type: number, places: number, carry: number): Shifted {
  let bits = bitsOf(value);
  for (let i = 0; i < places; i++) {
    if (type === 0) {
      carry = bits[31];
      bits = [0, ...bits.slice(0, 31)];
    } else {
      carry = bits[0];
      const top = type === 1 ? 0 : type === 2 ? bits[31] : bits[0];
      bits = [...bits.slice(1), top];
    }
  }
  return { bits, carry };
}

/** Shifter operand, "addressing mode 1" of the manual. */
function operand2(insn: number, reg: (n: number) => number, carry: number): Shifted {
  if (insn & (1 << 25)) {
    const rotation = 2 * ((insn >>> 8) & 15);
    const r = shift(insn & 0xff, 3, rotation, carry);
    return rotation === 0 ? { bits: r.bits, carry } : { bits: r.bits, carry: r.bits[31] };
  }
  const type = (insn >>> 5) & 3;
  const rm = reg(insn & 15);
  if (insn & 0x10) return shift(rm, type, reg((insn >>> 8) & 15) & 0xff, carry);
  const amount = (insn >>> 7) & 31;
  if (amount === 0 && type === 3) {
    const bits = bitsOf(rm);
    return { bits: [...bits.slice(1), carry], carry: bits[0] };
  }
  return shift(rm, type, amount === 0 && type !== 0 ? 32 : amount, carry);
}

/** Ripple-carry adder: sum, carry out, overflow. */
function add(x: Bits, y: Bits, carryIn: number): { sum: Bits; carry: number; overflow: number } {
  const sum: Bits = [];
  let carry = carryIn;
  let into31 = 0;
  for (let i = 0; i < 32; i++) {
    if (i === 31) into31 = carry;
    const ones = x[i] + y[i] + carry;
    sum.push(ones % 2);
    carry = ones >= 2 ? 1 : 0;
  }
  return { sum, carry, overflow: into31 === carry ? 0 : 1 };
}

const not = (x: Bits): Bits => x.map((b) => 1 - b);

interface Outcome {
  result: number;
  written: boolean;
  nzcv: number;
}

function model(insn: number, reg: (n: number) => number, nzcv: number): Outcome {
  const c = (nzcv >>> 1) & 1;
  const b = operand2(insn, reg, c);
  const x = bitsOf(reg((insn >>> 16) & 15));
  const y = b.bits;
  const opcode = (insn >>> 21) & 15;
  const sums: Record<number, () => ReturnType<typeof add>> = {
    2: () => add(x, not(y), 1), // SUB
    3: () => add(y, not(x), 1), // RSB
    4: () => add(x, y, 0), // ADD
    5: () => add(x, y, c), // ADC
    6: () => add(x, not(y), c), // SBC
    7: () => add(y, not(x), c), // RSC
    10: () => add(x, not(y), 1), // CMP
    11: () => add(x, y, 0), // CMN
  };
  const logic: Record<number, (i: number) => number> = {
    0: (i) => x[i] * y[i], // AND
    1: (i) => (x[i] + y[i]) % 2, // EOR
    8: (i) => x[i] * y[i], // TST
    9: (i) => (x[i] + y[i]) % 2, // TEQ
    12: (i) => Math.max(x[i], y[i]), // ORR
    13: (i) => y[i], // MOV
    14: (i) => x[i] * (1 - y[i]), // BIC
    15: (i) => 1 - y[i], // MVN
  };
  let bits: Bits;
  let carry = b.carry;
  let overflow = nzcv & 1;
  if (opcode in sums) {
    const s = sums[opcode]();
    bits = s.sum;
    carry = s.carry;
    overflow = s.overflow;
  } else {
    bits = x.map((_, i) => logic[opcode](i));
  }
  const setFlags = (insn & (1 << 20)) !== 0;
  const zero = bits.every((v) => v === 0) ? 1 : 0;
  return {
    result: valueOf(bits),
    written: opcode < 8 || opcode > 11,
    nzcv: setFlags ? bits[31] * 8 + zero * 4 + carry * 2 + overflow : nzcv,
  };
}

/** The conditions, from the table of the manual. */
function holds(cond: number, nzcv: number): boolean {
  const [n, z, c, v] = [8, 4, 2, 1].map((bit) => (nzcv & bit) !== 0);
  return [
    z,
    !z,
    c,
    !c,
    n,
    !n,
    v,
    !v,
    c && !z,
    !c || z,
    n === v,
    n !== v,
    !z && n === v,
    z || n !== v,
    true,
    false,
  ][cond];
}

const interesting = fc.oneof(
  fc.integer(),
  fc.constantFrom(0, 1, 2, 31, 32, 33, 64, 255, 256, -1, 0x7fffffff, -0x80000000),
);
const file = fc.array(interesting, { minLength: 15, maxLength: 15 });
/** A register number that is not PC. */
const low = fc.integer({ min: 0, max: 14 });

const instruction = fc.record({
  cond: fc.oneof(fc.constant(14), fc.integer({ min: 0, max: 15 })),
  opcode: fc.integer({ min: 0, max: 15 }),
  s: fc.boolean(),
  rn: low,
  rd: low,
  rm: low,
  rs: low,
  form: fc.constantFrom("imm", "shift", "reg"),
  bits: fc.integer({ min: 0, max: 0xfff }),
}).map((i) => {
  const s = i.s || (i.opcode & 12) === 8 ? 1 : 0;
  const head = (i.cond << 28) | (i.opcode << 21) | (s << 20) | (i.rn << 16) | (i.rd << 12);
  if (i.form === "imm") return (head | (1 << 25) | i.bits) >>> 0;
  if (i.form === "shift") return (head | (i.bits & 0xfe0) | i.rm) >>> 0;
  return (head | (i.rs << 8) | (i.bits & 0x60) | 0x10 | i.rm) >>> 0;
});

/** Runs one instruction by either interpreter; both have to agree with the model. */
function both(
  rig: Rig,
  insn: number,
  registers: readonly number[],
  nzcv: number,
  check: (message: string) => void,
): void {
  for (const fast of [false, true]) {
    rig.cpu.cpsr = (nzcv << 28) | 0xdf;
    registers.forEach((v, n) => rig.cpu.setReg(n, v));
    rig.poke(RAM, insn);
    rig.cpu.pc = RAM;
    if (fast) rig.cpu.run(rig.clock.now + 1);
    else rig.cpu.step();
    assert.equal(rig.cpu.pc, RAM + 4);
    check(`0x${insn.toString(16)} by ${fast ? "run" : "step"}`);
  }
}

Deno.test({
  name: "data processing agrees with a bit-by-bit model of shifter and flags",
  permissions: "none",
  fn() {
    const rig = new Rig();
    fc.assert(
      fc.property(instruction, file, fc.integer({ min: 0, max: 15 }), (insn, registers, nzcv) => {
        const executed = holds(insn >>> 28, nzcv);
        const want = model(insn, (n) => registers[n], nzcv);
        const expected = registers.map((v) => v >>> 0);
        if (executed && want.written) expected[(insn >>> 12) & 15] = want.result;
        both(rig, insn, registers, nzcv, (message) => {
          assert.deepEqual(rig.registers(), expected, message);
          assert.equal(rig.cpu.cpsr >>> 28, executed ? want.nzcv : nzcv, message);
        });
      }),
      { numRuns: 5000 },
    );
  },
});

Deno.test({
  name: "data processing reads PC as the address + 8, + 12 with a shift by register",
  permissions: "none",
  fn() {
    const rig = new Rig();
    const cases: [number, number][] = [
      [a("add r0, pc, #4", 0xe28f0004), RAM + 12],
      [a("sub r0, pc, #4", 0xe24f0004), RAM + 4],
      [a("mov r0, pc", 0xe1a0000f), RAM + 8],
      [a("add r0, r1, pc", 0xe081000f), RAM + 9],
      [a("add r0, pc, r1", 0xe08f0001), RAM + 9],
      [a("bic r0, pc, #15", 0xe3cf000f), RAM],
      [a("lsl r0, pc, #1", 0xe1a0008f), ((RAM + 8) * 2) % 2 ** 32],
      [a("add r0, pc, r1, lsl r2", 0xe08f0211), RAM + 12 + 1],
      [a("add r0, r1, pc, lsl r2", 0xe081021f), RAM + 12 + 1],
      [a("subs r0, pc, #8", 0xe25f0008), RAM],
    ];
    for (const [insn, expected] of cases) {
      both(rig, insn, [9, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 0, (message) => {
        assert.equal(rig.cpu.reg(0), expected, message);
      });
    }
  },
});

Deno.test({
  name: "data processing to PC branches, and with S restores CPSR from SPSR",
  permissions: "none",
  fn() {
    const rig = new Rig();
    for (const fast of [false, true]) {
      const go = (insn: number) => {
        rig.poke(RAM, insn);
        rig.cpu.pc = RAM;
        if (fast) rig.cpu.run(rig.clock.now + 1);
        else rig.cpu.step();
      };
      rig.cpu.cpsr = 0xd3;
      rig.cpu.setReg(1, RAM + 0x103);
      go(a("mov pc, r1", 0xe1a0f001));
      assert.equal(rig.cpu.pc, RAM + 0x100);
      assert.equal(rig.cpu.cpsr, 0xd3);

      rig.cpu.spsr = 0x60000030; // User, Thumb
      rig.cpu.setReg(14, RAM + 0x207);
      rig.cpu.setUserReg(14, 77);
      go(a("subs pc, lr, #4", 0xe25ef004));
      assert.equal(rig.cpu.cpsr, 0x60000030);
      assert.equal(rig.cpu.pc, RAM + 0x202);
      assert.equal(rig.cpu.reg(14), 77);

      // Without an SPSR it is a branch that sets flags.
      rig.cpu.cpsr = 0xdf;
      rig.cpu.setReg(1, RAM + 4);
      go(a("subs pc, r1, #4", 0xe251f004));
      assert.equal(rig.cpu.pc, RAM);
      assert.equal(rig.cpu.cpsr, 0x200000df);
    }
  },
});

Deno.test({
  name: "comparisons with Rd = PC move SPSR to CPSR, and do nothing in User mode",
  permissions: "none",
  fn() {
    const rig = new Rig();
    rig.cpu.cpsr = 0xd3;
    rig.cpu.spsr = 0xa0000092;
    rig.execute([0xe131f001]); // teqp r1, r1
    assert.equal(rig.cpu.cpsr, 0xa0000092);
    assert.equal(rig.cpu.pc, RAM + 4);
    rig.cpu.cpsr = 0x80000010;
    rig.execute([0xe151f001]); // cmpp r1, r1
    assert.equal(rig.cpu.cpsr, 0x80000010);
  },
});

const big = (v: number) => BigInt.asUintN(32, BigInt(v));
const signed = (v: number) => BigInt.asIntN(32, BigInt(v));

Deno.test({
  name: "multiplications agree with integers without a width",
  permissions: "none",
  fn() {
    const rig = new Rig();
    const property = fc.property(
      fc.constantFrom("mul", "mla", "umull", "umlal", "smull", "smlal"),
      fc.boolean(),
      fc.uniqueArray(low, { minLength: 4, maxLength: 4 }),
      file,
      fc.integer({ min: 0, max: 15 }),
      (name, s, [rd, rn, rs, rm], registers, nzcv) => {
        const op = ["mul", "mla", "", "", "umull", "umlal", "smull", "smlal"].indexOf(name);
        const insn = (0xe0000090 | (op << 21) | (s ? 1 << 20 : 0) | (rd << 16) | (rn << 12) |
          (rs << 8) | rm) >>> 0;
        const expected = registers.map((v) => v >>> 0);
        let n: bigint;
        let zero: boolean;
        if (op < 2) {
          const sum = big(registers[rm]) * big(registers[rs]) +
            (op === 1 ? big(registers[rn]) : 0n);
          const result = BigInt.asUintN(32, sum);
          expected[rd] = Number(result);
          n = result >> 31n;
          zero = result === 0n;
        } else {
          const of = op >= 6 ? signed : big;
          let sum = of(registers[rm]) * of(registers[rs]);
          if (op & 1) sum += (big(registers[rd]) << 32n) | big(registers[rn]);
          const result = BigInt.asUintN(64, sum);
          expected[rn] = Number(result & 0xffffffffn);
          expected[rd] = Number(result >> 32n);
          n = result >> 63n;
          zero = result === 0n;
        }
        // C and V are left.
        const flags = s ? Number(n) * 8 + (zero ? 4 : 0) + (nzcv & 3) : nzcv;
        both(rig, insn, registers, nzcv, (message) => {
          assert.deepEqual(rig.registers(), expected, message);
          assert.equal(rig.cpu.cpsr >>> 28, flags, message);
        });
      },
    );
    fc.assert(property, { numRuns: 3000 });
  },
});
