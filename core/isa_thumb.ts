/**
 * The Thumb instruction set of ARMv4T as one table, in the notation of `isa_arm.ts` with 16 bits.
 *
 * Nearly every Thumb instruction is an ARM instruction in a shorter coat, so a row carries how to
 * make that ARM instruction. What differs: operand PC is the address + 4; `align` rows read it with bit 1
 * cleared; the branches have forms of their own. Together the rows bind every halfword exactly once.
 *
 * Letters of the fields: `d` Rd, `n` Rn, `s` Rs, `m` the first operand's upper bit, `i` immediate or
 * offset, `l` register list, `R` LR or PC in the list, `c` condition.
 *
 * @module
 */
import { rotateRight } from "./bits.ts";
import type { ArmField } from "./isa_arm.ts";

/** How an instruction is executed. */
export type ThumbForm =
  | "arm"
  | "align"
  | "branch-cond"
  | "branch"
  | "bl-prefix"
  | "bl-suffix"
  | "undefined";

/** One row of the table. */
export interface ThumbRow {
  /** Number of the row. */
  readonly id: number;
  /** Mnemonic. */
  readonly name: string;
  /** Bits that decide. */
  readonly mask: number;
  /** What they are. */
  readonly value: number;
  /** Shape. */
  readonly form: ThumbForm;
  /** Operand fields, high bits first. */
  readonly operands: readonly ArmField[];
  /** Makes the ARM instruction; 0 where there is none. */
  readonly toArm: (insn: number) => number;
}

const rows: ThumbRow[] = [];

function row(
  name: string,
  pattern: string,
  toArm: (insn: number) => number = () => 0,
  form: ThumbForm = "arm",
): void {
  const bits = pattern.replaceAll(" ", "");
  if (bits.length !== 16) throw new Error(`${name}: ${bits.length} bits`);
  let mask = 0;
  let value = 0;
  const operands: { letter: string; shift: number; width: number }[] = [];
  for (let i = 0; i < 16; i++) {
    const shift = 15 - i;
    const letter = bits[i];
    if (letter === "0" || letter === "1") {
      mask |= 1 << shift;
      value |= Number(letter) << shift;
    } else if (letter !== "x") {
      const last = operands.at(-1);
      if (last?.letter === letter && last.shift === shift + 1) {
        last.shift = shift;
        last.width++;
      } else {
        operands.push({ letter, shift, width: 1 });
      }
    }
  }
  rows.push({ id: rows.length, name, mask, value, form, operands, toArm });
}

// Register fields by position.
const low = (t: number) => t & 7;
const mid = (t: number) => (t >>> 3) & 7;
const top = (t: number) => (t >>> 6) & 7;
const eight = (t: number) => (t >>> 8) & 7;
const imm5 = (t: number) => (t >>> 6) & 31;
const imm8 = (t: number) => t & 0xff;
/** An immediate of words as the ARM immediate that an assembler would choose. */
const words = (count: number) => {
  let rotation = 0;
  let value = count << 2;
  while (value >>> 0 > 0xff) {
    value = rotateRight(count << 2, 32 - (rotation += 2));
  }
  return (rotation << 7) | value;
};
const half = (offset: number) => ((offset & 0xf0) << 4) | (offset & 15);

// Move shifted register: MOVS Rd, Rs, shift.
["lsl", "lsr", "asr"].forEach((name, type) => {
  row(
    name,
    `000${type.toString(2).padStart(2, "0")} iiiii sss ddd`,
    (t) => 0xe1b00000 | (low(t) << 12) | (imm5(t) << 7) | (type << 5) | mid(t),
  );
});

// Add and subtract.
row("add", "00011 00 nnn sss ddd", (t) => 0xe0900000 | mid(t) << 16 | low(t) << 12 | top(t));
row("sub", "00011 01 nnn sss ddd", (t) => 0xe0500000 | mid(t) << 16 | low(t) << 12 | top(t));
row("add", "00011 10 iii sss ddd", (t) => 0xe2900000 | mid(t) << 16 | low(t) << 12 | top(t));
row("sub", "00011 11 iii sss ddd", (t) => 0xe2500000 | mid(t) << 16 | low(t) << 12 | top(t));

// Immediate of eight bits.
row("mov", "001 00 ddd iiiiiiii", (t) => 0xe3b00000 | eight(t) << 12 | imm8(t));
row("cmp", "001 01 ddd iiiiiiii", (t) => 0xe3500000 | eight(t) << 16 | imm8(t));
row("add", "001 10 ddd iiiiiiii", (t) => 0xe2900000 | eight(t) << 16 | eight(t) << 12 | imm8(t));
row("sub", "001 11 ddd iiiiiiii", (t) => 0xe2500000 | eight(t) << 16 | eight(t) << 12 | imm8(t));

// Two low registers. The second operand of a shift is the amount.
const two = (base: number) => (t: number) => base | (low(t) << 16) | (low(t) << 12) | mid(t);
const compare = (base: number) => (t: number) => base | (low(t) << 16) | mid(t);
const shift = (type: number) => (t: number) =>
  0xe1b00010 | (low(t) << 12) | (mid(t) << 8) | (type << 5) | low(t);
row("and", "010000 0000 sss ddd", two(0xe0100000));
row("eor", "010000 0001 sss ddd", two(0xe0300000));
row("lsl", "010000 0010 sss ddd", shift(0));
row("lsr", "010000 0011 sss ddd", shift(1));
row("asr", "010000 0100 sss ddd", shift(2));
row("adc", "010000 0101 sss ddd", two(0xe0b00000));
row("sbc", "010000 0110 sss ddd", two(0xe0d00000));
row("ror", "010000 0111 sss ddd", shift(3));
row("tst", "010000 1000 sss ddd", compare(0xe1100000));
row("neg", "010000 1001 sss ddd", (t) => 0xe2700000 | (mid(t) << 16) | (low(t) << 12));
row("cmp", "010000 1010 sss ddd", compare(0xe1500000));
row("cmn", "010000 1011 sss ddd", compare(0xe1700000));
row("orr", "010000 1100 sss ddd", two(0xe1900000));
row("mul", "010000 1101 sss ddd", (t) => 0xe0100090 | low(t) << 16 | low(t) << 8 | mid(t));
row("bic", "010000 1110 sss ddd", two(0xe1d00000));
row("mvn", "010000 1111 sss ddd", (t) => 0xe1f00000 | (low(t) << 12) | mid(t));

// Any registers, without flags.
const highD = (t: number) => ((t >>> 4) & 8) | low(t);
const highS = (t: number) => (t >>> 3) & 15;
row("add", "010001 00 d ssss ddd", (t) => 0xe0800000 | highD(t) << 16 | highD(t) << 12 | highS(t));
row("cmp", "010001 01 d ssss ddd", (t) => 0xe1500000 | (highD(t) << 16) | highS(t));
row("mov", "010001 10 d ssss ddd", (t) => 0xe1a00000 | (highD(t) << 12) | highS(t));
row("bx", "010001 11 0 ssss xxx", (t) => 0xe12fff10 | highS(t));
row("undefined", "010001 11 1 xxxx xxx", undefined, "undefined");

// Loads and stores.
row("ldr", "01001 ddd iiiiiiii", (t) => 0xe59f0000 | eight(t) << 12 | imm8(t) << 2, "align");
const byRegister = (base: number) => (t: number) => base | (mid(t) << 16) | (low(t) << 12) | top(t);
row("str", "0101 000 mmm nnn ddd", byRegister(0xe7800000));
row("strh", "0101 001 mmm nnn ddd", byRegister(0xe18000b0));
row("strb", "0101 010 mmm nnn ddd", byRegister(0xe7c00000));
row("ldrsb", "0101 011 mmm nnn ddd", byRegister(0xe19000d0));
row("ldr", "0101 100 mmm nnn ddd", byRegister(0xe7900000));
row("ldrh", "0101 101 mmm nnn ddd", byRegister(0xe19000b0));
row("ldrb", "0101 110 mmm nnn ddd", byRegister(0xe7d00000));
row("ldrsh", "0101 111 mmm nnn ddd", byRegister(0xe19000f0));
const byOffset = (base: number, scale: number) => (t: number) =>
  base | (mid(t) << 16) | (low(t) << 12) | (imm5(t) << scale);
row("str", "011 00 iiiii nnn ddd", byOffset(0xe5800000, 2));
row("ldr", "011 01 iiiii nnn ddd", byOffset(0xe5900000, 2));
row("strb", "011 10 iiiii nnn ddd", byOffset(0xe5c00000, 0));
row("ldrb", "011 11 iiiii nnn ddd", byOffset(0xe5d00000, 0));
const byHalf = (base: number) => (t: number) =>
  base | (mid(t) << 16) | (low(t) << 12) | half(imm5(t) << 1);
row("strh", "1000 0 iiiii nnn ddd", byHalf(0xe1c000b0));
row("ldrh", "1000 1 iiiii nnn ddd", byHalf(0xe1d000b0));
row("str", "1001 0 ddd iiiiiiii", (t) => 0xe58d0000 | eight(t) << 12 | imm8(t) << 2);
row("ldr", "1001 1 ddd iiiiiiii", (t) => 0xe59d0000 | eight(t) << 12 | imm8(t) << 2);

// Addresses.
row("add", "1010 0 ddd iiiiiiii", (t) => 0xe28f0000 | eight(t) << 12 | words(imm8(t)), "align");
row("add", "1010 1 ddd iiiiiiii", (t) => 0xe28d0000 | eight(t) << 12 | words(imm8(t)));
row("add", "10110000 0 iiiiiii", (t) => 0xe28dd000 | words(t & 0x7f));
row("sub", "10110000 1 iiiiiii", (t) => 0xe24dd000 | words(t & 0x7f));

// Block transfers.
row("push", "1011 0 10 R llllllll", (t) => 0xe92d0000 | imm8(t) | ((t & 0x100) << 6));
row("pop", "1011 1 10 R llllllll", (t) => 0xe8bd0000 | imm8(t) | ((t & 0x100) << 7));
row("stmia", "1100 0 nnn llllllll", (t) => 0xe8a00000 | (eight(t) << 16) | imm8(t));
row("ldmia", "1100 1 nnn llllllll", (t) => 0xe8b00000 | (eight(t) << 16) | imm8(t));

// What is left of 1011.
row("undefined", "1011 0001 xxxxxxxx", undefined, "undefined");
row("undefined", "1011 x01x xxxxxxxx", undefined, "undefined");
row("undefined", "1011 100x xxxxxxxx", undefined, "undefined");
row("undefined", "1011 x11x xxxxxxxx", undefined, "undefined");

// Branches. Condition 14 is not defined, 15 is SWI.
for (let cond = 0; cond < 14; cond++) {
  row("b", `1101 ${cond.toString(2).padStart(4, "0")} iiiiiiii`, undefined, "branch-cond");
}
row("undefined", "1101 1110 xxxxxxxx", undefined, "undefined");
row("swi", "1101 1111 iiiiiiii", (t) => 0xef000000 | imm8(t));
row("b", "11100 iiiiiiiiiii", undefined, "branch");
row("undefined", "11101 xxxxxxxxxxx", undefined, "undefined");
row("bl", "11110 iiiiiiiiiii", undefined, "bl-prefix");
row("bl", "11111 iiiiiiiiiii", undefined, "bl-suffix");

/** The instruction table. */
export const THUMB_ROWS: readonly ThumbRow[] = rows;

/** Row number by bits 15:6, which decide every row; made when it is first asked for. */
let byBits: Uint8Array | undefined;

function index(): Uint8Array {
  return byBits = Uint8Array.from(
    { length: 1024 },
    (_, i) => rows.findIndex((r) => ((i << 6) & r.mask) === r.value),
  );
}

/**
 * The row that binds an instruction.
 *
 * @param insn Halfword.
 * @returns The row.
 */
export function thumbRow(insn: number): ThumbRow {
  return rows[(byBits ?? index())[insn >>> 6]];
}

/**
 * Byte offset of a branch from the operand value of PC (or, for the second half of BL, from LR).
 *
 * @param form The row's form: `branch-cond`, `branch`, `bl-prefix` or `bl-suffix`.
 * @param insn Halfword.
 * @returns Signed byte offset.
 */
export function thumbOffset(form: ThumbForm, insn: number): number {
  switch (form) {
    case "branch-cond":
      return (insn << 24) >> 23;
    case "branch":
      return (insn << 21) >> 20;
    case "bl-prefix":
      return (insn << 21) >> 9;
    default:
      return (insn & 0x7ff) << 1;
  }
}
