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
