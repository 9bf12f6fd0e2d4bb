/**
 * The ARM instruction set of ARMv4T as one table. Decoder, interpreter, disassembler and the
 * generator of random tests are driven by it.
 *
 * A row is a bit pattern in the notation of the architecture manual, bits 27 to 0 (the condition is
 * apart): `0` and `1` are fixed, `x` is ignored, a letter is a field. Together the rows bind every
 * encoding exactly once; what ARMv4T does not define is bound by rows named `undefined`, as the
 * ARM9TDMI traps on the extension spaces too (TRM DDI 0151C, section 2.2).
 *
 * Letters of the fields: `n` Rn, `d` Rd (RdHi of long multiplications), `s` Rs, `m` Rm,
 * `S` set flags, `a` shift amount, `t` shift type, `r` rotation, `i` immediate, `P` `U` `B` `W` `L`
 * as in the manual, `R` SPSR, `f` field mask, `l` register list, `o` branch offset, `c` coprocessor,
 * `p` `q` opcode 1 and 2, `e` coprocessor register, `N` length.
 *
 * @module
 */

/** What shape an instruction has: which fields, and how operand 2 or the address is made. */
export type ArmForm =
  | "data-imm"
  | "data-shift"
  | "data-reg"
  | "mrs"
  | "msr-imm"
  | "msr-reg"
  | "mul"
  | "mul-long"
  | "swap"
  | "half-imm"
  | "half-reg"
  | "word-imm"
  | "word-reg"
  | "multiple"
  | "branch"
  | "bx"
  | "swi"
  | "cp-data"
  | "cp-memory"
  | "cp-register"
  | "undefined";

/** What an instruction is about. */
export type ArmClass =
  | "data"
  | "multiply"
  | "status"
  | "load"
  | "store"
  | "swap"
  | "branch"
  | "exception"
  | "coprocessor";

/** Contiguous bits of an instruction word. */
export interface ArmField {
  /** Letter of the pattern. */
  readonly letter: string;
  /** Lowest bit. */
  readonly shift: number;
  /** Number of bits. */
  readonly width: number;
}

/** One row of the table. */
export interface ArmRow {
  /** Number of the row. */
  readonly id: number;
  /** Mnemonic without condition and suffixes. */
  readonly name: string;
  /** Bits that decide, within 27:0. */
  readonly mask: number;
  /** What they are. */
  readonly value: number;
  /** Shape. */
  readonly form: ArmForm;
  /** Subject. */
  readonly class: ArmClass;
  /** Operand fields, high bits first. */
  readonly operands: readonly ArmField[];
}

const rows: ArmRow[] = [];

function row(name: string, form: ArmForm, kind: ArmClass, pattern: string): void {
  const bits = pattern.replaceAll(" ", "");
  if (bits.length !== 28) throw new Error(`${name}: ${bits.length} bits`);
  let mask = 0;
  let value = 0;
  const operands: { letter: string; shift: number; width: number }[] = [];
  for (let i = 0; i < 28; i++) {
    const shift = 27 - i;
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
  rows.push({ id: rows.length, name, mask, value, form, class: kind, operands });
}

/** Data-processing operations by opcode. */
export const DATA_NAMES: readonly string[] = [
  "and",
  "eor",
  "sub",
  "rsb",
  "add",
  "adc",
  "sbc",
  "rsc",
  "tst",
  "teq",
  "cmp",
  "cmn",
  "orr",
  "mov",
  "bic",
  "mvn",
];

DATA_NAMES.forEach((name, opcode) => {
  const op = opcode.toString(2).padStart(4, "0");
  // Comparisons have no S = 0 form: that is where the status instructions are.
  const s = (opcode & 0b1100) === 0b1000 ? "1" : "S";
  row(name, "data-imm", "data", `001 ${op} ${s} nnnn dddd rrrr iiiiiiii`);
  row(name, "data-shift", "data", `000 ${op} ${s} nnnn dddd aaaaa tt 0 mmmm`);
  row(name, "data-reg", "data", `000 ${op} ${s} nnnn dddd ssss 0 tt 1 mmmm`);
});

// The S = 0 comparisons: status access, BX, and the arithmetic and control extension space.
row("mrs", "mrs", "status", "00010 R 00 xxxx dddd xxxx 0000 xxxx");
row("msr", "msr-reg", "status", "00010 R 10 ffff xxxx xxxx 0000 mmmm");
row("msr", "msr-imm", "status", "00110 R 10 ffff xxxx rrrr iiiiiiii");
row("undefined", "undefined", "exception", "00110 x 00 xxxx xxxx xxxx xxxx xxxx");
row("bx", "bx", "branch", "00010 0 10 xxxx xxxx xxxx 0001 mmmm");
row("undefined", "undefined", "exception", "00010 x x0 xxxx xxxx xxxx 0010 xxxx");
row("undefined", "undefined", "exception", "00010 x x0 xxxx xxxx xxxx 01x0 xxxx");
row("undefined", "undefined", "exception", "00010 x x0 xxxx xxxx xxxx 1xx0 xxxx");
row("undefined", "undefined", "exception", "00010 x 00 xxxx xxxx xxxx 0001 xxxx");
row("undefined", "undefined", "exception", "00010 1 10 xxxx xxxx xxxx 0001 xxxx");
row("undefined", "undefined", "exception", "00010 x x0 xxxx xxxx xxxx 0011 xxxx");
row("undefined", "undefined", "exception", "00010 x x0 xxxx xxxx xxxx 01x1 xxxx");

row("mul", "mul", "multiply", "000000 0 S dddd xxxx ssss 1001 mmmm");
row("mla", "mul", "multiply", "000000 1 S dddd nnnn ssss 1001 mmmm");
row("undefined", "undefined", "exception", "000001 x x xxxx xxxx xxxx 1001 xxxx");
row("umull", "mul-long", "multiply", "00001 00 S dddd nnnn ssss 1001 mmmm");
row("umlal", "mul-long", "multiply", "00001 01 S dddd nnnn ssss 1001 mmmm");
row("smull", "mul-long", "multiply", "00001 10 S dddd nnnn ssss 1001 mmmm");
row("smlal", "mul-long", "multiply", "00001 11 S dddd nnnn ssss 1001 mmmm");
row("swp", "swap", "swap", "00010 B 00 nnnn dddd xxxx 1001 mmmm");
row("undefined", "undefined", "exception", "00011 x xx xxxx xxxx xxxx 1001 xxxx");
row("undefined", "undefined", "exception", "00010 x x1 xxxx xxxx xxxx 1001 xxxx");
row("undefined", "undefined", "exception", "00010 x 10 xxxx xxxx xxxx 1001 xxxx");

row("strh", "half-reg", "store", "000 P U 0 W 0 nnnn dddd xxxx 1011 mmmm");
row("strh", "half-imm", "store", "000 P U 1 W 0 nnnn dddd iiii 1011 iiii");
row("ldrh", "half-reg", "load", "000 P U 0 W 1 nnnn dddd xxxx 1011 mmmm");
row("ldrh", "half-imm", "load", "000 P U 1 W 1 nnnn dddd iiii 1011 iiii");
row("ldrsb", "half-reg", "load", "000 P U 0 W 1 nnnn dddd xxxx 1101 mmmm");
row("ldrsb", "half-imm", "load", "000 P U 1 W 1 nnnn dddd iiii 1101 iiii");
row("ldrsh", "half-reg", "load", "000 P U 0 W 1 nnnn dddd xxxx 1111 mmmm");
row("ldrsh", "half-imm", "load", "000 P U 1 W 1 nnnn dddd iiii 1111 iiii");
row("undefined", "undefined", "exception", "000 x x x x 0 xxxx xxxx xxxx 11x1 xxxx");

for (const [form, pattern] of [["word-imm", "010"], ["word-reg", "011"]] as const) {
  const offset = form === "word-imm" ? "iiii iiii iiii" : "aaaaa tt 0 mmmm";
  row("str", form, "store", `${pattern} 1 U B W 0 nnnn dddd ${offset}`);
  row("ldr", form, "load", `${pattern} 1 U B W 1 nnnn dddd ${offset}`);
  row("str", form, "store", `${pattern} 0 U B 0 0 nnnn dddd ${offset}`);
  row("ldr", form, "load", `${pattern} 0 U B 0 1 nnnn dddd ${offset}`);
  row("strt", form, "store", `${pattern} 0 U B 1 0 nnnn dddd ${offset}`);
  row("ldrt", form, "load", `${pattern} 0 U B 1 1 nnnn dddd ${offset}`);
}
row("undefined", "undefined", "exception", "011 xxxxx xxxx xxxx xxxx xxx1 xxxx");

row("stm", "multiple", "store", "100 P U S W 0 nnnn llllllllllllllll");
row("ldm", "multiple", "load", "100 P U S W 1 nnnn llllllllllllllll");
row("b", "branch", "branch", "101 0 oooooooooooooooooooooooo");
row("bl", "branch", "branch", "101 1 oooooooooooooooooooooooo");
row("stc", "cp-memory", "coprocessor", "110 P U N W 0 nnnn eeee cccc iiiiiiii");
row("ldc", "cp-memory", "coprocessor", "110 P U N W 1 nnnn eeee cccc iiiiiiii");
row("cdp", "cp-data", "coprocessor", "1110 pppp nnnn eeee cccc qqq 0 mmmm");
row("mcr", "cp-register", "coprocessor", "1110 ppp 0 nnnn dddd cccc qqq 1 mmmm");
row("mrc", "cp-register", "coprocessor", "1110 ppp 1 nnnn dddd cccc qqq 1 mmmm");
row("swi", "swi", "exception", "1111 iiiiiiiiiiiiiiiiiiiiiiii");

/** The instruction table. */
export const ARM_ROWS: readonly ArmRow[] = rows;

/** Bits 27:20 and 7:4, which decide every row, beside each other. */
function deciding(insn: number): number {
  return ((insn >>> 16) & 0xff0) | ((insn >>> 4) & 15);
}

/** Row number by the deciding bits. */
const INDEX: Uint8Array = /* @__PURE__ */ (() => {
  const index = new Uint8Array(4096).fill(rows.length);
  // The first row that fits counts, so it is entered last: for every value of its other bits.
  for (const { id, mask, value } of rows.toReversed()) {
    const others = deciding(~mask);
    for (let bits = others;; bits = (bits - 1) & others) {
      index[deciding(value) | bits] = id;
      if (bits === 0) break;
    }
  }
  return index;
})();

/**
 * Number of the row that binds an instruction.
 *
 * @param insn Instruction word; the condition is not looked at.
 * @returns Index in {@linkcode ARM_ROWS}.
 */
export function armRowId(insn: number): number {
  return INDEX[deciding(insn)];
}

/**
 * The row that binds an instruction.
 *
 * @param insn Instruction word; the condition is not looked at.
 * @returns The row.
 */
export function armRow(insn: number): ArmRow {
  return rows[armRowId(insn)];
}
