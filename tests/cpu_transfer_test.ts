/**
 * Loads and stores against a plain model: memory as bytes, addressing modes as the manual lists them.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { a, DEVICE, RAM, Rig } from "./cpu_rig.ts";

const DATA = RAM + 0x10000;
const DATA_SIZE = 0x2000;

function fillData(rig: Rig, seed: number): Uint8Array {
  const bytes = new Uint8Array(DATA_SIZE);
  for (let i = 0; i < DATA_SIZE; i++) bytes[i] = (Math.imul(i + seed, 2654435761) >>> 13) & 0xff;
  rig.memory.u8.set(bytes, rig.at(DATA));
  return bytes;
}

function run(rig: Rig, fast: boolean, insn: number): void {
  rig.poke(RAM, insn);
  rig.cpu.pc = RAM;
  if (fast) rig.cpu.run(rig.clock.now + 1);
  else rig.cpu.step();
}

const word = (bytes: Uint8Array, at: number) =>
  bytes[at] + bytes[at + 1] * 0x100 + bytes[at + 2] * 0x10000 + bytes[at + 3] * 0x1000000;

/** Distinct registers for base, data and offset, so that nothing is UNPREDICTABLE. */
const three = fc.uniqueArray(fc.integer({ min: 0, max: 14 }), { minLength: 3, maxLength: 3 });
const addressing = fc.record({
  registers: three,
  p: fc.boolean(),
  u: fc.boolean(),
  w: fc.boolean(),
  load: fc.boolean(),
  place: fc.integer({ min: 0x800, max: 0x1800 }),
  offset: fc.integer({ min: 0, max: 0xfff }),
  shift: fc.integer({ min: 0, max: 127 }),
  amountRegister: fc.integer({ min: 0, max: 63 }),
  immediate: fc.boolean(),
  value: fc.integer(),
});

interface Case {
  insn: number;
  registers: number[];
  rd: number;
  rn: number;
  address: number;
  base: number;
  size: number;
  signed: boolean;
  load: boolean;
  value: number;
}

/** Checks one transfer, by either interpreter, against bytes. */
function check(rig: Rig, k: Case): void {
  for (const fast of [false, true]) {
    const bytes = fillData(rig, k.value);
    k.registers.forEach((v, n) => rig.cpu.setReg(n, v));
    run(rig, fast, k.insn);
    const expected = k.registers.map((v) => v >>> 0);
    expected[k.rn] = k.base >>> 0;
    const at = k.address - DATA;
    const aligned = at - (at % k.size);
    if (k.load) {
      let digits: number[];
      if (k.size === 4) {
        // A misaligned word arrives rotated: the addressed byte is the lowest.
        digits = [0, 1, 2, 3].map((i) => bytes[aligned + (at + i) % 4]);
      } else {
        digits = Array.from({ length: k.size }, (_, i) => bytes[aligned + i]);
        const fill = k.signed && digits[k.size - 1] >= 0x80 ? 0xff : 0;
        while (digits.length < 4) digits.push(fill);
      }
      expected[k.rd] = word(Uint8Array.from(digits), 0);
    } else {
      for (let i = 0; i < k.size; i++) bytes[aligned + i] = (k.value >>> (8 * i)) & 0xff;
    }
    const message = `0x${k.insn.toString(16)} by ${fast ? "run" : "step"}`;
    assert.deepEqual(rig.registers(), expected, message);
    assert.equal(rig.cpu.pc, RAM + 4, message);
    const after = rig.memory.u8.subarray(rig.at(DATA), rig.at(DATA) + DATA_SIZE);
    assert.equal(after.findIndex((b, i) => b !== bytes[i]), -1, message);
  }
}

Deno.test({
  name: "LDR, STR, LDRB, STRB and their T forms agree with a byte model in every addressing mode",
  permissions: "none",
  fn() {
    const rig = new Rig();
    rig.cpu.cpsr = 0xdf;
    fc.assert(
      fc.property(addressing, fc.boolean(), (m, byte) => {
        const [rn, rd, rm] = m.registers;
        let insn = 0xe4000000 | (m.p ? 1 << 24 : 0) | (m.u ? 1 << 23 : 0) | (byte ? 1 << 22 : 0) |
          (m.w ? 1 << 21 : 0) | (m.load ? 1 << 20 : 0) | (rn << 16) | (rd << 12);
        const registers = Array.from({ length: 15 }, (_, n) => n * 0x01010101);
        registers[rn] = DATA + m.place;
        registers[rd] = m.value;
        let offset: number;
        if (m.immediate) {
          insn |= m.offset & 0x7ff;
          offset = m.offset & 0x7ff;
        } else {
          // Keep the offset inside the data: LSL and ROR of small numbers, LSR and ASR of any.
          const type = (m.shift >>> 5) & 3;
          let amount = m.shift & 31;
          registers[rm] = m.offset & 0x1ff;
          if (type === 0) amount &= 1;
          if (type === 3) {
            // ROR #n of a value rotated left by n.
            amount = amount === 0 ? 1 : amount;
            const v = m.offset & 0x7ff;
            registers[rm] = (v << amount) | (v >>> (32 - amount));
          }
          insn |= 1 << 25 | (amount << 7) | (type << 5) | rm;
          offset = type === 0
            ? registers[rm] * 2 ** amount
            : type === 3
            ? m.offset & 0x7ff
            : amount === 0
            ? 0
            : Math.floor(registers[rm] / 2 ** amount);
        }
        const moved = registers[rn] + (m.u ? offset : -offset);
        check(rig, {
          insn: insn >>> 0,
          registers,
          rd,
          rn,
          address: m.p ? moved : registers[rn],
          base: !m.p || m.w ? moved : registers[rn],
          size: byte ? 1 : 4,
          signed: false,
          load: m.load,
          value: m.value,
        });
      }),
      { numRuns: 3000 },
    );
  },
});

Deno.test({
  name: "LDRH, STRH, LDRSB and LDRSH agree with a byte model in every addressing mode",
  permissions: "none",
  fn() {
    const rig = new Rig();
    rig.cpu.cpsr = 0xdf;
    fc.assert(
      fc.property(addressing, fc.constantFrom(1, 2, 3), (m, sh) => {
        const [rn, rd, rm] = m.registers;
        const load = m.load || sh !== 1;
        const size = sh === 2 ? 1 : 2;
        const w = m.p && m.w;
        const registers = Array.from({ length: 15 }, (_, n) => n * 0x01010101);
        registers[rn] = DATA + (m.place & ~1);
        registers[rd] = m.value;
        const offset = m.offset & 0xff & (size === 2 ? ~1 : ~0);
        let insn = 0xe0000090 | (sh << 5) | (m.p ? 1 << 24 : 0) | (m.u ? 1 << 23 : 0) |
          (w ? 1 << 21 : 0) | (load ? 1 << 20 : 0) | (rn << 16) | (rd << 12);
        if (m.immediate) {
          insn |= 1 << 22 | ((offset & 0xf0) << 4) | (offset & 15);
        } else {
          insn |= rm;
          registers[rm] = offset;
        }
        const moved = registers[rn] + (m.u ? offset : -offset);
        check(rig, {
          insn: insn >>> 0,
          registers,
          rd,
          rn,
          address: m.p ? moved : registers[rn],
          base: !m.p || w ? moved : registers[rn],
          size,
          signed: sh !== 1,
          load,
          value: m.value,
        });
      }),
      { numRuns: 3000 },
    );
  },
});

Deno.test({
  name: "LDM and STM agree with a list of words in every addressing mode",
  permissions: "none",
  fn() {
    const rig = new Rig();
    rig.cpu.cpsr = 0xdf;
    const property = fc.property(
      fc.integer({ min: 0, max: 14 }),
      fc.integer({ min: 1, max: 0xffff }),
      fc.record({ p: fc.boolean(), u: fc.boolean(), w: fc.boolean(), load: fc.boolean() }),
      fc.integer({ min: 0x100, max: 0x1f00 }),
      (rn, any, m, place) => {
        // The base is not in the list when it is written back.
        const list = m.w ? any & ~(1 << rn) : any;
        fc.pre(list !== 0);
        const insn = (0xe8000000 | (m.p ? 1 << 24 : 0) | (m.u ? 1 << 23 : 0) |
          (m.w ? 1 << 21 : 0) | (m.load ? 1 << 20 : 0) | (rn << 16) | list) >>> 0;
        const base = DATA + place;
        const numbers = Array.from({ length: 16 }, (_, n) => n).filter((n) => list & (1 << n));
        // The four modes of the manual: increment/decrement, after/before.
        const first = m.u
          ? (m.p ? base + 4 : base)
          : (m.p ? base - 4 * numbers.length : base - 4 * numbers.length + 4);
        const start = first - (first % 4);
        for (const fast of [false, true]) {
          const bytes = fillData(rig, list);
          const registers = Array.from({ length: 15 }, (_, n) => (n + 1) * 0x01010101);
          registers[rn] = base;
          registers.forEach((v, n) => rig.cpu.setReg(n, v));
          run(rig, fast, insn);
          const expected = [...registers];
          let pc = RAM + 4;
          if (m.w) expected[rn] = m.u ? base + 4 * numbers.length : base - 4 * numbers.length;
          numbers.forEach((n, i) => {
            const at = start - DATA + 4 * i;
            if (m.load) {
              if (n === 15) pc = (word(bytes, at) & ~3) >>> 0;
              else expected[n] = word(bytes, at);
            } else {
              const value = n === 15 ? RAM + 12 : registers[n];
              for (let j = 0; j < 4; j++) bytes[at + j] = (value >>> (8 * j)) & 0xff;
            }
          });
          const message = `0x${insn.toString(16)} by ${fast ? "run" : "step"}`;
          assert.deepEqual(rig.registers(), expected, message);
          assert.equal(rig.cpu.pc, pc, message);
          const after = rig.memory.u8.subarray(rig.at(DATA), rig.at(DATA) + DATA_SIZE);
          assert.equal(after.findIndex((b, i) => b !== bytes[i]), -1, message);
        }
      },
    );
    fc.assert(property, { numRuns: 3000 });
  },
});

Deno.test({
  name: "LDM and STM with S transfer the registers of User mode",
  permissions: "none",
  fn() {
    const rig = new Rig();
    for (const fast of [false, true]) {
      rig.cpu.cpsr = 0xd1; // FIQ
      for (let n = 0; n < 15; n++) {
        rig.cpu.setReg(n, 100 + n);
        rig.cpu.setUserReg(n, 200 + n);
      }
      rig.cpu.setReg(0, DATA);
      run(rig, fast, a("stmia r0, {r1, r8, r9, sp, lr}^", 0xe8c06302));
      assert.deepEqual(
        [0, 1, 2, 3, 4].map((i) => rig.peek(DATA + 4 * i)),
        [201, 208, 209, 213, 214],
      );
      rig.poke(DATA, 1);
      rig.poke(DATA + 4, 2);
      rig.poke(DATA + 8, 3);
      run(rig, fast, a("ldm r0, {r8, sp, lr}^", 0xe8d06100));
      assert.deepEqual([8, 13, 14].map((n) => rig.cpu.userReg(n)), [1, 2, 3]);
      assert.deepEqual([8, 13, 14].map((n) => rig.cpu.reg(n)), [108, 113, 114]);
    }
  },
});

Deno.test({
  name: "LDM with S and PC loads the present bank, then returns from the exception",
  permissions: "none",
  fn() {
    const rig = new Rig();
    for (const fast of [false, true]) {
      rig.cpu.cpsr = 0xd2;
      rig.cpu.spsr = 0x80000030; // User, Thumb
      rig.cpu.setReg(13, DATA);
      rig.cpu.setUserReg(13, 13);
      rig.cpu.setUserReg(14, 14);
      rig.poke(DATA, 5);
      rig.poke(DATA + 4, 6);
      rig.poke(DATA + 8, RAM + 0x123);
      run(rig, fast, a("ldmia sp!, {r0, lr, pc}^", 0xe8fdc001));
      assert.equal(rig.cpu.cpsr, 0x80000030);
      assert.equal(rig.cpu.pc, RAM + 0x122);
      assert.deepEqual([0, 13, 14].map((n) => rig.cpu.reg(n)), [5, 13, 14]);
      assert.deepEqual([13, 14].map((n) => rig.cpu.bankedReg(0x12, n)), [DATA + 12, 6]);
    }
  },
});

Deno.test({
  name: "a loaded PC does not change state, and drops its low bits",
  permissions: "none",
  fn() {
    const rig = new Rig();
    const cases: [number, number][] = [
      [a("ldr pc, [r1]", 0xe591f000), 0],
      [a("ldr pc, [r1, #4]!", 0xe5b1f004), 4],
      [a("ldr pc, [r1], #4", 0xe491f004), 0],
      [a("ldr pc, [r1, r2, lsl #2]", 0xe791f102), 8],
      [a("ldm r1, {pc}", 0xe8918000), 0],
      [a("ldmib r1!, {pc}", 0xe9b18000), 4],
    ];
    for (const [insn, offset] of cases) {
      for (const fast of [false, true]) {
        rig.cpu.cpsr = 0xd3;
        rig.cpu.setReg(1, DATA);
        rig.cpu.setReg(2, 2);
        for (let i = 0; i < 4; i++) rig.poke(DATA + 4 * i, 0);
        rig.poke(DATA + offset, RAM + 0x1003);
        run(rig, fast, insn);
        assert.equal(rig.cpu.pc, RAM + 0x1000, insn.toString(16));
        assert.equal(rig.cpu.cpsr, 0xd3);
      }
    }
  },
});

Deno.test({
  name: "stores of PC write the address + 12, loads relative to PC read from + 8",
  permissions: "none",
  fn() {
    const rig = new Rig();
    for (const fast of [false, true]) {
      rig.cpu.setReg(1, DATA);
      run(rig, fast, a("str pc, [r1]", 0xe581f000));
      assert.equal(rig.peek(DATA), RAM + 12);
      rig.poke(RAM + 8 + 0x40, 0xcafe);
      run(rig, fast, a("ldr r3, [pc, #64]", 0xe59f3040));
      assert.equal(rig.cpu.reg(3), 0xcafe);
      rig.cpu.setReg(2, 0x10);
      run(rig, fast, a("ldr r4, [pc, r2, lsl #2]", 0xe79f4102));
      assert.equal(rig.cpu.reg(4), 0xcafe);
      run(rig, fast, a("ldrb r4, [pc, #65]", 0xe5df4041));
      assert.equal(rig.cpu.reg(4), 0xca);
    }
  },
});

Deno.test({
  name: "SWP and SWPB read, then write; Rd may be Rm",
  permissions: "none",
  fn() {
    const rig = new Rig();
    rig.poke(DATA, 0x11223344);
    rig.cpu.setReg(2, DATA);
    rig.cpu.setReg(1, 0xaabbccdd);
    rig.execute([a("swp r0, r1, [r2]", 0xe1020091)]);
    assert.equal(rig.cpu.reg(0), 0x11223344);
    assert.equal(rig.peek(DATA), 0xaabbccdd);
    rig.cpu.setReg(2, DATA + 1);
    rig.execute([a("swp r1, r1, [r2]", 0xe1021091)]); // misaligned: rotated load, aligned store
    assert.equal(rig.cpu.reg(1), 0xddaabbcc);
    assert.equal(rig.peek(DATA), 0xaabbccdd);
    rig.cpu.setReg(1, 0x12345678);
    rig.execute([a("swpb r1, r1, [r2]", 0xe1421091)]);
    assert.equal(rig.cpu.reg(1), 0xcc);
    assert.equal(rig.peek(DATA), 0xaabb78dd);
    rig.log.length = 0;
    rig.cpu.setReg(2, DEVICE);
    rig.execute([a("swp r0, r1, [r2]", 0xe1020091)]);
    assert.deepEqual(rig.log.map((e) => e.kind), ["read", "write"]);
  },
});

Deno.test({
  name: "UNPREDICTABLE transfers do what earlier ARMv4T cores do",
  permissions: "none",
  fn() {
    const rig = new Rig();
    rig.cpu.cpsr = 0xd3;
    const at = (n: number) => rig.peek(DATA + 4 * n);
    // Base in the list of a store with writeback: old when lowest, else new.
    rig.cpu.setReg(0, 1);
    rig.cpu.setReg(1, DATA);
    rig.execute([0xe8a10003]); // stmia r1!, {r0, r1}
    assert.deepEqual([at(0), at(1)], [1, DATA + 8]);
    rig.cpu.setReg(1, DATA);
    rig.execute([0xe8a10006]); // stmia r1!, {r1, r2}
    assert.equal(at(0), DATA);
    assert.equal(rig.cpu.reg(1), DATA + 8);
    // Base in the list of a load with writeback: loaded.
    rig.poke(DATA, 10);
    rig.poke(DATA + 4, 11);
    rig.cpu.setReg(1, DATA);
    rig.execute([0xe8b10003]); // ldmia r1!, {r0, r1}
    assert.deepEqual([rig.cpu.reg(0), rig.cpu.reg(1)], [10, 11]);
    // Load with writeback to its own base: loaded.
    rig.cpu.setReg(1, DATA);
    rig.execute([0xe4911004]); // ldr r1, [r1], #4
    assert.equal(rig.cpu.reg(1), 10);
    // Empty list: PC alone, sixteen words.
    rig.cpu.setReg(1, DATA);
    rig.execute([0xe8a10000]);
    assert.equal(at(0), RAM + 12);
    assert.equal(rig.cpu.reg(1), DATA + 64);
    // Odd halfwords.
    rig.poke(DATA, 0x0000_83f2);
    rig.cpu.setReg(1, DATA + 1);
    rig.execute([a("ldrh r0, [r1]", 0xe1d100b0)]);
    assert.equal(rig.cpu.reg(0), 0xf2000083);
    rig.execute([a("ldrsh r0, [r1]", 0xe1d100f0)]);
    assert.equal(rig.cpu.reg(0), 0xffffff83);
    rig.cpu.setReg(2, 0x5566);
    rig.execute([a("strh r2, [r1]", 0xe1c120b0)]);
    assert.equal(at(0), 0x5566);
  },
});
