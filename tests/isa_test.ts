import assert from "node:assert/strict";
import fc from "fast-check";
import { popcount } from "../core/bits.ts";
import { ARM_ROWS, armRow } from "../core/isa_arm.ts";
import { THUMB_ROWS, thumbRow } from "../core/isa_thumb.ts";

interface Pattern {
  mask: number;
  value: number;
  name: string;
}

/** Sum of what each row binds, after it is shown that no two rows overlap. */
function boundOnce(rows: readonly Pattern[], bits: number): number {
  let total = 0;
  rows.forEach((a, i) => {
    assert.equal(a.value & ~a.mask, 0, a.name);
    for (const b of rows.slice(i + 1)) {
      assert.notEqual((a.value ^ b.value) & a.mask & b.mask, 0, `${a.name} and ${b.name} overlap`);
    }
    total += 2 ** (bits - popcount(a.mask));
  });
  return total;
}

Deno.test({
  name: "ARM_ROWS bind every encoding exactly once",
  permissions: "none",
  fn() {
    assert.equal(boundOnce(ARM_ROWS, 28), 2 ** 28);
  },
});

Deno.test({
  name: "THUMB_ROWS bind every halfword exactly once",
  permissions: "none",
  fn() {
    assert.equal(boundOnce(THUMB_ROWS, 16), 2 ** 16);
  },
});

Deno.test({
  name: "armRow() finds the row whose pattern matches",
  permissions: "none",
  fn() {
    fc.assert(
      fc.property(fc.integer(), (insn) => {
        const row = armRow(insn);
        return (insn & row.mask) === row.value;
      }),
      { numRuns: 20000 },
    );
    for (const row of ARM_ROWS) assert.equal(armRow(row.value | 0xe0000000), row);
  },
});

Deno.test({
  name: "thumbRow() finds the row whose pattern matches",
  permissions: "none",
  fn() {
    for (let insn = 0; insn < 0x10000; insn++) {
      const row = thumbRow(insn);
      assert.equal(insn & row.mask, row.value);
    }
  },
});

Deno.test({
  name: "ThumbRow.toArm() makes an instruction of the same name that always executes",
  permissions: "none",
  fn() {
    const names: Record<string, string> = {
      lsl: "mov",
      lsr: "mov",
      asr: "mov",
      ror: "mov",
      neg: "rsb",
      push: "stm",
      pop: "ldm",
      stmia: "stm",
      ldmia: "ldm",
      strb: "str",
      ldrb: "ldr",
    };
    for (let insn = 0; insn < 0x10000; insn++) {
      const row = thumbRow(insn);
      if (row.form !== "arm" && row.form !== "align") continue;
      const arm = row.toArm(insn);
      assert.equal(arm >>> 28, 14);
      assert.equal(armRow(arm).name, names[row.name] ?? row.name, insn.toString(16));
    }
  },
});

Deno.test({
  name: "ARM_ROWS leave to undefined what is not in ARMv4T",
  permissions: "none",
  fn() {
    const later = {
      blx: 0xe12fff30,
      bkpt: 0xe1200070,
      clz: 0xe16f0f11,
      qadd: 0xe1020051,
      smlabb: 0xe1000281,
      smulwb: 0xe12001a1,
      ldrd: 0xe1c100d0,
      strd: 0xe1c100f0,
      "msr with opcode of tst": 0xe3100000 & ~(1 << 20),
      "media space": 0xe7f000f0,
      umaal: 0xe0410392,
      ldrex: 0xe1910f9f,
      "swp with L": 0xe1100090,
    };
    for (const [name, insn] of Object.entries(later)) {
      assert.equal(armRow(insn).form, "undefined", name);
    }
  },
});

Deno.test({
  name: "ArmRow.operands cover the bits that are not fixed, without overlap",
  permissions: "none",
  fn() {
    for (const row of [...ARM_ROWS, ...THUMB_ROWS]) {
      let seen = 0;
      for (const f of row.operands) {
        const mask = (2 ** f.width - 1) * 2 ** f.shift;
        assert.equal(seen & mask, 0);
        assert.equal(row.mask & mask, 0);
        seen |= mask;
      }
    }
  },
});

/**
 * The 19 formats of the Thumb instruction set as the manuals of the ARM7TDMI and ARM9TDMI draw them:
 * opcodes with all operands 0, and the operands with their highest and lowest bits. Of the letters, `m` is
 * the offset register, `R` the bit for LR or PC; H1 and H2 extend Rd and Rs.
 */
const THUMB_FORMATS: readonly [opcodes: Readonly<Record<number, string>>, fields: string][] = [
  // 1: move shifted register
  [{ 0x0000: "lsl", 0x0800: "lsr", 0x1000: "asr" }, "i10:6 s5:3 d2:0"],
  // 2: add and subtract, a register or an immediate of three bits
  [{ 0x1800: "add", 0x1a00: "sub" }, "n8:6 s5:3 d2:0"],
  [{ 0x1c00: "add", 0x1e00: "sub" }, "i8:6 s5:3 d2:0"],
  // 3: an immediate of eight bits
  [{ 0x2000: "mov", 0x2800: "cmp", 0x3000: "add", 0x3800: "sub" }, "d10:8 i7:0"],
  // 4: ALU operations
  [
    {
      0x4000: "and",
      0x4040: "eor",
      0x4080: "lsl",
      0x40c0: "lsr",
      0x4100: "asr",
      0x4140: "adc",
      0x4180: "sbc",
      0x41c0: "ror",
      0x4200: "tst",
      0x4240: "neg",
      0x4280: "cmp",
      0x42c0: "cmn",
      0x4300: "orr",
      0x4340: "mul",
      0x4380: "bic",
      0x43c0: "mvn",
    },
    "s5:3 d2:0",
  ],
  // 5: high registers, and BX, whose low bits nobody reads
  [{ 0x4400: "add", 0x4500: "cmp", 0x4600: "mov" }, "d7:7 s6:3 d2:0"],
  [{ 0x4700: "bx" }, "s6:3"],
  // 6: load relative to PC
  [{ 0x4800: "ldr" }, "d10:8 i7:0"],
  // 7 and 8: offset in a register
  [{ 0x5000: "str", 0x5400: "strb", 0x5800: "ldr", 0x5c00: "ldrb" }, "m8:6 n5:3 d2:0"],
  [{ 0x5200: "strh", 0x5600: "ldrsb", 0x5a00: "ldrh", 0x5e00: "ldrsh" }, "m8:6 n5:3 d2:0"],
  // 9 and 10: offset of five bits
  [{ 0x6000: "str", 0x6800: "ldr", 0x7000: "strb", 0x7800: "ldrb" }, "i10:6 n5:3 d2:0"],
  [{ 0x8000: "strh", 0x8800: "ldrh" }, "i10:6 n5:3 d2:0"],
  // 11 and 12: relative to SP; addresses
  [{ 0x9000: "str", 0x9800: "ldr" }, "d10:8 i7:0"],
  [{ 0xa000: "add", 0xa800: "add" }, "d10:8 i7:0"],
  // 13: offset to SP
  [{ 0xb000: "add", 0xb080: "sub" }, "i6:0"],
  // 14 and 15: multiple registers
  [{ 0xb400: "push", 0xbc00: "pop" }, "R8:8 l7:0"],
  [{ 0xc000: "stmia", 0xc800: "ldmia" }, "n10:8 l7:0"],
  // 16 to 19: branches and SWI
  [Object.fromEntries(Array.from({ length: 14 }, (_, c) => [0xd000 + 256 * c, "b"])), "i7:0"],
  [{ 0xdf00: "swi" }, "i7:0"],
  [{ 0xe000: "b" }, "i10:0"],
  [{ 0xf000: "bl", 0xf800: "bl" }, "i10:0"],
];

Deno.test({
  name: "THUMB_ROWS have the operands of the 19 formats, each in its place",
  permissions: "none",
  fn() {
    const seen = new Set<number>();
    for (const [opcodes, fields] of THUMB_FORMATS) {
      for (const [opcode, name] of Object.entries(opcodes)) {
        const row = thumbRow(Number(opcode));
        const found = row.operands.map(({ letter, shift, width }) =>
          `${letter}${shift + width - 1}:${shift}`
        );
        assert.deepEqual([row.name, row.value, found.join(" ")], [name, Number(opcode), fields]);
        const operands = row.operands.reduce((sum, f) => sum | (2 ** f.width - 1) << f.shift, 0);
        const ignored = name === "bx" ? 7 : 0;
        assert.equal(row.mask, 0xffff & ~(operands | ignored), name);
        seen.add(row.id);
      }
    }
    for (const row of THUMB_ROWS) {
      assert.equal(seen.has(row.id), row.form !== "undefined", row.name);
      if (row.form === "undefined") assert.deepEqual(row.operands, []);
    }
  },
});

Deno.test({
  name: "THUMB_ROWS take GNU as's instructions apart into what was written",
  permissions: "none",
  fn() {
    // Halfwords of arm-none-eabi-as -mcpu=arm7tdmi; immediates in the units that the format counts in.
    const cases: [text: string, half: number, operands: string][] = [
      ["lsls r3, r5, #17", 0x046b, "i17 s5 d3"],
      ["asrs r6, r1, #30", 0x178e, "i30 s1 d6"],
      ["adds r1, r6, r3", 0x18f1, "n3 s6 d1"],
      ["subs r7, r2, #5", 0x1f57, "i5 s2 d7"],
      ["movs r5, #167", 0x25a7, "d5 i167"],
      ["subs r6, #93", 0x3e5d, "d6 i93"],
      ["bics r2, r5", 0x43aa, "s5 d2"],
      ["muls r6, r3, r6", 0x435e, "s3 d6"],
      ["add r9, r4", 0x44a1, "d1 s4 d1"],
      ["cmp r3, r12", 0x4563, "d0 s12 d3"],
      ["mov r10, r13", 0x46ea, "d1 s13 d2"],
      ["bx r14", 0x4770, "s14"],
      ["ldr r6, [pc, #668]", 0x4ea7, "d6 i167"],
      ["ldrsb r1, [r6, r3]", 0x56f1, "m3 n6 d1"],
      ["str r5, [r2, r7]", 0x51d5, "m7 n2 d5"],
      ["strb r2, [r5, #21]", 0x756a, "i21 n5 d2"],
      ["ldr r6, [r3, #84]", 0x6d5e, "i21 n3 d6"],
      ["ldrh r4, [r1, #42]", 0x8d4c, "i21 n1 d4"],
      ["str r5, [sp, #676]", 0x95a9, "d5 i169"],
      ["add r2, pc, #432", 0xa26c, "d2 i108"],
      ["add r5, sp, #724", 0xadb5, "d5 i181"],
      ["add sp, #340", 0xb055, "i85"],
      ["sub sp, #168", 0xb0aa, "i42"],
      ["push {r0, r3, r5, r7, lr}", 0xb5a9, "R1 l169"],
      ["pop {r1, r2, r6}", 0xbc46, "R0 l70"],
      ["pop {r4, pc}", 0xbd10, "R1 l16"],
      ["ldmia r5!, {r0, r3, r6}", 0xcd49, "n5 l73"],
      ["stmia r2!, {r1, r4, r7}", 0xc292, "n2 l146"],
      ["svc 181", 0xdfb5, "i181"],
      ["beq .-58", 0xd0e1, "i225"],
      ["b .-60", 0xe7e0, "i2016"],
      ["bl .-62, first half", 0xf7ff, "i2047"],
      ["bl .-62, second half", 0xffdf, "i2015"],
    ];
    for (const [text, half, operands] of cases) {
      const found = thumbRow(half).operands.map(({ letter, shift, width }) =>
        letter + (half >>> shift & (1 << width) - 1)
      );
      assert.equal(found.join(" "), operands, text);
    }
  },
});
