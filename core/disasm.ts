/**
 * Disassembler for ARM and Thumb: the unified syntax as GNU objdump prints it, but addresses of
 * branches as `0x...`.
 *
 * @module
 */
import { rotateRight } from "./bits.ts";
import { type ArmForm, armRow } from "./isa_arm.ts";
import { thumbOffset, thumbRow } from "./isa_thumb.ts";

const REGISTERS = [
  "r0",
  "r1",
  "r2",
  "r3",
  "r4",
  "r5",
  "r6",
  "r7",
  "r8",
  "r9",
  "sl",
  "fp",
  "ip",
  "sp",
  "lr",
  "pc",
];
const CONDITIONS = [
  "eq",
  "ne",
  "cs",
  "cc",
  "mi",
  "pl",
  "vs",
  "vc",
  "hi",
  "ls",
  "ge",
  "lt",
  "gt",
  "le",
  "",
  "",
];
const SHIFTS = ["lsl", "lsr", "asr", "ror"];

function bit(insn: number, n: number): boolean {
  return ((insn >>> n) & 1) !== 0;
}

function register(insn: number, shift: number): string {
  return REGISTERS[(insn >>> shift) & 15];
}

function hex(value: number): string {
  return "0x" + (value >>> 0).toString(16);
}

/** A rotated immediate; the rotation is shown when an assembler would have chosen another. */
function immediate(insn: number): string {
  const rotation = (insn >>> 7) & 30;
  const value = rotateRight(insn & 0xff, rotation);
  for (let r = 0; r < rotation; r += 2) {
    if ((rotateRight(value, -r) >>> 0) < 256) return `#${insn & 0xff}, ${rotation}`;
  }
  return `#${value}`;
}

/** A shift by a constant, or "" for none. */
function constantShift(insn: number): string {
  const type = (insn >>> 5) & 3;
  const amount = (insn >>> 7) & 31;
  if (amount !== 0) return `${SHIFTS[type]} #${amount}`;
  return type === 0 ? "" : type === 3 ? "rrx" : `${SHIFTS[type]} #32`;
}

function operand2(form: ArmForm, insn: number): string {
  if (form === "data-imm") return immediate(insn);
  const shift = form === "data-reg"
    ? `${SHIFTS[(insn >>> 5) & 3]} ${register(insn, 8)}`
    : constantShift(insn);
  return register(insn, 0) + (shift ? `, ${shift}` : "");
}

function data(name: string, form: ArmForm, insn: number, cond: string): string {
  const opcode = (insn >>> 21) & 15;
  const s = bit(insn, 20) ? "s" : "";
  const rd = register(insn, 12);
  if ((opcode & 12) === 8) {
    const p = ((insn >>> 12) & 15) === 15 ? "p" : "";
    return `${name}${p}${cond} ${register(insn, 16)}, ${operand2(form, insn)}`;
  }
  if (opcode === 13 && form !== "data-imm") {
    // A move of a shifted register is named after the shift.
    const rm = register(insn, 0);
    const type = SHIFTS[(insn >>> 5) & 3];
    if (form === "data-reg") return `${type}${s}${cond} ${rd}, ${rm}, ${register(insn, 8)}`;
    const shift = constantShift(insn);
    if (shift === "rrx") return `rrx${s}${cond} ${rd}, ${rm}`;
    if (shift !== "") return `${type}${s}${cond} ${rd}, ${rm}, ${shift.slice(4)}`;
  }
  const rn = opcode === 13 || opcode === 15 ? "" : `${register(insn, 16)}, `;
  return `${name}${s}${cond} ${rd}, ${rn}${operand2(form, insn)}`;
}

function address(insn: number, offset: string, zero: boolean): string {
  const rn = register(insn, 16);
  if (!bit(insn, 24)) return `[${rn}], ${offset}`;
  const tail = bit(insn, 21) ? "!" : "";
  // A zero offset is not shown but where it writes the base.
  return zero && tail === "" ? `[${rn}]` : `[${rn}, ${offset}]${tail}`;
}

function immediateAddress(insn: number, value: number): string {
  const up = bit(insn, 23);
  return address(insn, `#${up ? "" : "-"}${value}`, value === 0 && up);
}

function registerAddress(insn: number, shift: string): string {
  const offset = (bit(insn, 23) ? "" : "-") + register(insn, 0) + (shift ? `, ${shift}` : "");
  return address(insn, offset, false);
}

function registerList(insn: number): string {
  const names = REGISTERS.filter((_, n) => bit(insn, n));
  return `{${names.join(", ")}}`;
}

function multiple(name: string, insn: number, cond: string): string {
  const mode = (insn >>> 23) & 3;
  const user = bit(insn, 22) ? "^" : "";
  const list = registerList(insn) + user;
  const stack = ((insn >>> 16) & 15) === 13 && bit(insn, 21) && user === "";
  const many = (insn & 0xffff & ((insn & 0xffff) - 1)) !== 0;
  if (stack && many && name === "stm" && mode === 2) return `push${cond} ${list}`;
  if (stack && many && name === "ldm" && mode === 1) return `pop${cond} ${list}`;
  const suffix = stack && name === "ldm" && mode === 1
    ? "fd"
    : mode === 1
    ? (bit(insn, 21) || (user && name === "stm") ? "ia" : "")
    : ["da", "", "db", "ib"][mode];
  return `${name}${suffix}${cond} ${register(insn, 16)}${bit(insn, 21) ? "!" : ""}, ${list}`;
}

function status(insn: number): string {
  return bit(insn, 22) ? "SPSR" : "CPSR";
}

function statusFields(insn: number): string {
  const fields = "fsxc".split("").filter((_, i) => bit(insn, 19 - i)).join("");
  return `${status(insn)}_${fields}`;
}

/** MRC to PC sets the flags. */
function target(insn: number): string {
  const flags = bit(insn, 20) && ((insn >>> 12) & 15) === 15;
  return flags ? "APSR_nzcv" : register(insn, 12);
}

function coprocessorMemory(name: string, insn: number, cond: string): string {
  const value = (insn & 0xff) << 2;
  const long = bit(insn, 22) ? "l" : "";
  const head = `${name}${long}${cond} ${(insn >>> 8) & 15}, cr${(insn >>> 12) & 15}, `;
  if (!bit(insn, 24) && !bit(insn, 21)) return `${head}[${register(insn, 16)}], {${insn & 0xff}}`;
  return head + immediateAddress(insn, value);
}

function arm(insn: number, at: number, ahead: number): string {
  const row = armRow(insn);
  const cond = CONDITIONS[insn >>> 28];
  const name = row.name;
  const s = bit(insn, 20) ? "s" : "";
  const cp = (insn >>> 8) & 15;
  switch (row.form) {
    case "data-imm":
    case "data-shift":
    case "data-reg":
      return data(name, row.form, insn, cond);
    case "mrs":
      return `mrs${cond} ${register(insn, 12)}, ${status(insn)}`;
    case "msr-imm":
      return `msr${cond} ${statusFields(insn)}, ${immediate(insn)}`;
    case "msr-reg":
      return `msr${cond} ${statusFields(insn)}, ${register(insn, 0)}`;
    case "mul": {
      const sum = name === "mla" ? `, ${register(insn, 12)}` : "";
      const factors = `${register(insn, 0)}, ${register(insn, 8)}`;
      return `${name}${s}${cond} ${register(insn, 16)}, ${factors}${sum}`;
    }
    case "mul-long":
      return `${name}${s}${cond} ${register(insn, 12)}, ${register(insn, 16)}, ${
        register(insn, 0)
      }, ${register(insn, 8)}`;
    case "swap":
      return `swp${bit(insn, 22) ? "b" : ""}${cond} ${register(insn, 12)}, ${register(insn, 0)}, [${
        register(insn, 16)
      }]`;
    case "half-imm":
      return `${name}${cond} ${register(insn, 12)}, ${
        immediateAddress(insn, ((insn >>> 4) & 0xf0) | (insn & 15))
      }`;
    case "half-reg":
      return `${name}${cond} ${register(insn, 12)}, ${registerAddress(insn, "")}`;
    case "word-imm":
    case "word-reg": {
      const where = row.form === "word-imm"
        ? immediateAddress(insn, insn & 0xfff)
        : registerAddress(insn, constantShift(insn));
      const user = name.length === 4 ? "t" : "";
      const byte = bit(insn, 22) ? "b" : "";
      return `${name.slice(0, 3)}${byte}${user}${cond} ${register(insn, 12)}, ${where}`;
    }
    case "multiple":
      return multiple(name, insn, cond);
    case "branch":
      return `${name}${cond} ${hex(at + ahead + ((insn << 8) >> 6))}`;
    case "bx":
      return `bx${cond} ${register(insn, 0)}`;
    case "swi":
      return `svc${cond} 0x${(insn & 0xffffff).toString(16).padStart(8, "0")}`;
    case "cp-data":
      return `cdp${cond} ${cp}, ${(insn >>> 20) & 15}, cr${(insn >>> 12) & 15}, cr${
        (insn >>> 16) & 15
      }, cr${insn & 15}, {${(insn >>> 5) & 7}}`;
    case "cp-register":
      return `${name}${cond} ${cp}, ${(insn >>> 21) & 7}, ${target(insn)}, cr${
        (insn >>> 16) & 15
      }, cr${insn & 15}, {${(insn >>> 5) & 7}}`;
    case "cp-memory":
      return coprocessorMemory(name, insn, cond);
    case "undefined":
      return `<undefined> 0x${(insn >>> 0).toString(16).padStart(8, "0")}`;
  }
}

function thumb(insn: number, at: number, next: number | undefined): string {
  const row = thumbRow(insn);
  switch (row.form) {
    case "arm":
    case "align":
      return row.name === "neg"
        ? `negs ${REGISTERS[insn & 7]}, ${REGISTERS[(insn >>> 3) & 7]}`
        : arm(row.toArm(insn), at, 4);
    case "branch-cond":
      return `b${CONDITIONS[(insn >>> 8) & 15]}.n ${hex(at + 4 + thumbOffset(row.form, insn))}`;
    case "branch":
      return `b.n ${hex(at + 4 + thumbOffset(row.form, insn))}`;
    case "bl-prefix": {
      const offset = thumbOffset(row.form, insn);
      if (next === undefined || thumbRow(next).form !== "bl-suffix") {
        return `bl (first half, lr = ${hex(at + 4 + offset)})`;
      }
      return `bl ${hex(at + 4 + offset + thumbOffset("bl-suffix", next))}`;
    }
    case "bl-suffix":
      return `bl (second half, lr + ${thumbOffset(row.form, insn)})`;
    case "undefined":
      return `<undefined> 0x${insn.toString(16).padStart(4, "0")}`;
  }
}

/**
 * Disassembles one instruction.
 *
 * @param insn Instruction word, or halfword in Thumb state.
 * @param at Its address.
 * @param options `thumb`: Thumb state; `next`: the halfword after it, to show a BL whole.
 * @returns Text such as `"str r3, [r2]"`. Total: an undefined encoding gives `"<undefined> 0x..."`.
 */
export function disassemble(
  insn: number,
  at: number,
  options: { thumb?: boolean; next?: number } = {},
): string {
  if (options.thumb) return thumb(insn & 0xffff, at, options.next);
  if (insn >>> 28 === 15) return `<never> 0x${(insn >>> 0).toString(16)}`;
  return arm(insn, at, 8);
}
