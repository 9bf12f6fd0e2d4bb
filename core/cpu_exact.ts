/**
 * The exact interpreter: one ARM instruction from its word, every form of ARMv4, with every side
 * effect in order. It is what `step()` runs, and what the fast loop falls back to for all that is
 * rare.
 *
 * Conventions: before an instruction runs, r15 holds what it reads as an operand (its address + 8;
 * + 4 in Thumb state) and STATE.PC the address of the next instruction.
 *
 * @module
 */
import { mulHighSigned, mulHighUnsigned, popcount, rotateRight } from "./bits.ts";
import { CR } from "./cp15.ts";
import { type CpuCore, CYCLES, psr, STOP } from "./cpu_core.ts";
import { conditionHolds, MODE, PSR, STATE } from "./cpu_state.ts";
import { ARM_ROWS, type ArmForm, armRowId } from "./isa_arm.ts";
import { thumbOffset, thumbRow } from "./isa_thumb.ts";

type Handler = (core: CpuCore, insn: number) => void;

// Carry out of the last operand 2.
let carry = 0;

/**
 * Shifts by a constant, as encoded: LSR and ASR by 0 mean 32, ROR by 0 means RRX.
 *
 * @param value The word.
 * @param type 0 LSL, 1 LSR, 2 ASR, 3 ROR.
 * @param amount 0 to 31.
 * @param c C before, for RRX and for LSL by 0.
 * @returns The shifted word; the carry out is in {@linkcode shifterCarry}.
 */
export function shiftByConstant(value: number, type: number, amount: number, c: number): number {
  switch (type) {
    case 0:
      carry = amount === 0 ? c : (value >>> (32 - amount)) & 1;
      return value << amount;
    case 1:
      carry = (value >>> (amount - 1 & 31)) & 1;
      return amount === 0 ? 0 : value >>> amount | 0;
    case 2:
      carry = (value >>> (amount - 1 & 31)) & 1;
      return value >> (amount === 0 ? 31 : amount);
    default:
      if (amount === 0) {
        carry = value & 1;
        return (c << 31) | (value >>> 1);
      }
      carry = (value >>> (amount - 1)) & 1;
      return rotateRight(value, amount);
  }
}

/**
 * Shifts by a register.
 *
 * @param value The word.
 * @param type 0 LSL, 1 LSR, 2 ASR, 3 ROR.
 * @param amount The register: its low eight bits count.
 * @param c C before, which a shift by 0 leaves.
 * @returns The shifted word; the carry out is in {@linkcode shifterCarry}.
 */
export function shiftByRegister(value: number, type: number, amount: number, c: number): number {
  amount &= 0xff;
  if (amount === 0) {
    carry = c;
    return value;
  }
  if (type === 3) {
    carry = (value >>> (amount - 1 & 31)) & 1;
    return rotateRight(value, amount);
  }
  if (amount < 32) return shiftByConstant(value, type, amount, c);
  if (type === 2) {
    carry = value >>> 31;
    return value >> 31;
  }
  carry = amount > 32 ? 0 : type === 0 ? value & 1 : value >>> 31;
  return 0;
}

/** Carry out of the last shift: 0 or 1. */
export function shifterCarry(): number {
  return carry;
}

/**
 * Executes one instruction, or takes the exception that its fetch raises.
 *
 * @param core The CPU, inside a stretch and with no interrupt to take.
 */
export function exactStep(core: CpuCore): void {
  const r = core.i32;
  const pc = r[STATE.PC];
  const thumb = (r[STATE.CPSR] & PSR.T) !== 0;
  const size = thumb ? 2 : 4;
  const insn = core.fetch(pc, size);
  if (core.faulted) {
    core.prefetchAbort(pc);
    return;
  }
  r[STATE.R + 15] = (pc + 2 * size) | 0;
  r[STATE.PC] = (pc + size) | 0;
  if (thumb) executeThumb(core, insn);
  else executeArm(core, insn);
}

/**
 * Executes one Thumb instruction and charges it.
 *
 * @param core The CPU; r15 and STATE.PC are set.
 * @param insn The halfword.
 */
export function executeThumb(core: CpuCore, insn: number): void {
  const r = core.i32;
  const row = thumbRow(insn);
  switch (row.form) {
    case "align":
      r[15] &= ~3;
      executeArm(core, row.toArm(insn));
      return;
    case "arm":
      executeArm(core, row.toArm(insn));
      return;
  }
  core.left -= CYCLES.BASE;
  const offset = thumbOffset(row.form, insn);
  switch (row.form) {
    case "branch-cond":
      if (
        !conditionHolds((insn >>> 8) & 15, r[STATE.N], r[STATE.Z], r[STATE.C], r[STATE.V])
      ) return;
      core.setPc(r[15] + offset);
      core.charge(CYCLES.BRANCH);
      return;
    case "branch":
      core.setPc(r[15] + offset);
      core.charge(CYCLES.BRANCH);
      return;
    case "bl-prefix":
      r[14] = (r[15] + offset) | 0;
      return;
    case "bl-suffix": {
      const target = (r[14] + offset) | 0;
      r[14] = r[STATE.PC] | 1;
      core.setPc(target);
      core.charge(CYCLES.BRANCH);
      return;
    }
    default:
      core.undefined();
  }
}

/**
 * Executes one ARM instruction and charges it.
 *
 * @param core The CPU; r15 and STATE.PC are set.
 * @param insn The instruction word.
 */
export function executeArm(core: CpuCore, insn: number): void {
  const r = core.i32;
  core.left -= CYCLES.BASE;
  const cond = insn >>> 28;
  if (
    cond !== 14 && !conditionHolds(cond, r[STATE.N], r[STATE.Z], r[STATE.C], r[STATE.V])
  ) return;
  HANDLERS[armRowId(insn)](core, insn);
}

function setRegister(core: CpuCore, n: number, value: number): void {
  if (n === 15) {
    core.setPc(value);
    core.charge(CYCLES.BRANCH);
  } else {
    core.i32[n] = value;
  }
}

/** A register as a store reads it: PC one instruction further than as an operand. */
function stored(core: CpuCore, n: number): number {
  const r = core.i32;
  if (n !== 15) return r[n];
  return r[15] + ((r[STATE.CPSR] & PSR.T) !== 0 ? 2 : 4);
}

// ---- data processing

function dataImmediate(core: CpuCore, insn: number): void {
  const rotation = (insn >>> 7) & 30;
  const value = rotateRight(insn & 0xff, rotation);
  carry = rotation === 0 ? core.i32[STATE.C] : value >>> 31;
  data(core, insn, value);
}

function dataShift(core: CpuCore, insn: number): void {
  const r = core.i32;
  data(
    core,
    insn,
    shiftByConstant(r[insn & 15], (insn >>> 5) & 3, (insn >>> 7) & 31, r[STATE.C]),
  );
}

function dataRegister(core: CpuCore, insn: number): void {
  const r = core.i32;
  // The operands are read one cycle later.
  r[STATE.R + 15] += 4;
  core.charge(CYCLES.SHIFT_BY_REGISTER);
  data(
    core,
    insn,
    shiftByRegister(r[insn & 15], (insn >>> 5) & 3, r[(insn >>> 8) & 15], r[STATE.C]),
  );
}

function data(core: CpuCore, insn: number, b: number): void {
  const r = core.i32;
  const a = r[(insn >>> 16) & 15];
  const opcode = (insn >>> 21) & 15;
  const rd = (insn >>> 12) & 15;
  let result: number;
  let c = carry;
  let v = r[STATE.V];
  switch (opcode) {
    case 0: // AND
    case 8: // TST
      result = a & b;
      break;
    case 1: // EOR
    case 9: // TEQ
      result = a ^ b;
      break;
    case 2: // SUB
    case 10: // CMP
      result = (a - b) | 0;
      c = a >>> 0 >= b >>> 0 ? 1 : 0;
      v = ((a ^ b) & (a ^ result)) >>> 31;
      break;
    case 3: // RSB
      result = (b - a) | 0;
      c = b >>> 0 >= a >>> 0 ? 1 : 0;
      v = ((b ^ a) & (b ^ result)) >>> 31;
      break;
    case 4: // ADD
    case 11: // CMN
      result = (a + b) | 0;
      c = result >>> 0 < a >>> 0 ? 1 : 0;
      v = ((a ^ result) & (b ^ result)) >>> 31;
      break;
    case 5: { // ADC
      const sum = (a >>> 0) + (b >>> 0) + r[STATE.C];
      result = sum | 0;
      c = sum > 0xffffffff ? 1 : 0;
      v = ((a ^ result) & (b ^ result)) >>> 31;
      break;
    }
    case 6: { // SBC
      const difference = (a >>> 0) - (b >>> 0) - 1 + r[STATE.C];
      result = difference | 0;
      c = difference >= 0 ? 1 : 0;
      v = ((a ^ b) & (a ^ result)) >>> 31;
      break;
    }
    case 7: { // RSC
      const difference = (b >>> 0) - (a >>> 0) - 1 + r[STATE.C];
      result = difference | 0;
      c = difference >= 0 ? 1 : 0;
      v = ((b ^ a) & (b ^ result)) >>> 31;
      break;
    }
    case 12: // ORR
      result = a | b;
      break;
    case 13: // MOV
      result = b;
      break;
    case 14: // BIC
      result = a & ~b;
      break;
    default: // MVN
      result = ~b;
      break;
  }
  const compares = (opcode & 12) === 8;
  if ((insn & (1 << 20)) === 0) {
    setRegister(core, rd, result);
    return;
  }
  if (rd === 15) {
    // Return from exception; TSTP and its like only move the SPSR, and do nothing in User mode.
    const spsr = core.spsrIndex;
    if (spsr >= 0) core.setCpsr(r[spsr]);
    if (compares) return;
    setRegister(core, rd, result);
    if (spsr >= 0) return;
  } else if (!compares) {
    r[rd] = result;
  }
  r[STATE.N] = result;
  r[STATE.Z] = result;
  r[STATE.C] = c;
  r[STATE.V] = v;
}

// ---- multiplication

function multiply(core: CpuCore, insn: number): void {
  const r = core.i32;
  let result = Math.imul(r[insn & 15], r[(insn >>> 8) & 15]);
  if ((insn & (1 << 21)) !== 0) result = (result + r[(insn >>> 12) & 15]) | 0;
  r[(insn >>> 16) & 15] = result;
  if ((insn & (1 << 20)) !== 0) r[STATE.N] = r[STATE.Z] = result;
  core.charge(CYCLES.MULTIPLY);
}

function multiplyLong(core: CpuCore, insn: number): void {
  const r = core.i32;
  const a = r[insn & 15];
  const b = r[(insn >>> 8) & 15];
  const rdLo = (insn >>> 12) & 15;
  const rdHi = (insn >>> 16) & 15;
  let low = Math.imul(a, b);
  let high = (insn & (1 << 22)) !== 0 ? mulHighSigned(a, b) : mulHighUnsigned(a, b);
  if ((insn & (1 << 21)) !== 0) {
    const sum = (low >>> 0) + (r[rdLo] >>> 0);
    low = sum | 0;
    high = (high + r[rdHi] + (sum > 0xffffffff ? 1 : 0)) | 0;
  }
  r[rdLo] = low;
  r[rdHi] = high;
  if ((insn & (1 << 20)) !== 0) {
    r[STATE.N] = high;
    r[STATE.Z] = low | high;
  }
  core.charge(CYCLES.MULTIPLY_LONG);
}

// ---- status registers

function mrs(core: CpuCore, insn: number): void {
  const spsr = core.spsrIndex;
  const value = (insn & (1 << 22)) !== 0 && spsr >= 0 ? core.i32[spsr] : core.cpsr;
  core.i32[(insn >>> 12) & 15] = value;
}

function msrImmediate(core: CpuCore, insn: number): void {
  msr(core, insn, rotateRight(insn & 0xff, (insn >>> 7) & 30));
}

function msrRegister(core: CpuCore, insn: number): void {
  msr(core, insn, core.i32[insn & 15]);
}

function msr(core: CpuCore, insn: number, value: number): void {
  let mask = ((insn & (1 << 19)) !== 0 ? 0xf0000000 | 0 : 0) |
    ((insn & (1 << 16)) !== 0 ? 0xff : 0);
  if ((insn & (7 << 16)) !== 0) core.charge(CYCLES.MSR_CONTROL);
  if ((insn & (1 << 22)) !== 0) {
    const spsr = core.spsrIndex;
    if (spsr >= 0) core.i32[spsr] = psr((core.i32[spsr] & ~mask) | (value & mask));
    return;
  }
  // The T bit is not for MSR, and User mode may write the flags only.
  mask &= core.privileged ? ~PSR.T : 0xf0000000 | 0;
  core.setCpsr((core.cpsr & ~mask) | (value & mask));
}

// ---- loads and stores

function wordImmediate(core: CpuCore, insn: number): void {
  word(core, insn, insn & 0xfff);
}

function wordRegister(core: CpuCore, insn: number): void {
  const r = core.i32;
  const offset = shiftByConstant(
    r[insn & 15],
    (insn >>> 5) & 3,
    (insn >>> 7) & 31,
    r[STATE.C],
  );
  word(core, insn, offset);
}

/** LDR, STR, LDRB, STRB and their T forms. */
function word(core: CpuCore, insn: number, offset: number): void {
  const r = core.i32;
  const rn = (insn >>> 16) & 15;
  const rd = (insn >>> 12) & 15;
  const pre = (insn & (1 << 24)) !== 0;
  const writeback = (insn & (1 << 21)) !== 0;
  const base = r[rn];
  const moved = ((insn & (1 << 23)) !== 0 ? base + offset : base - offset) | 0;
  const address = pre ? moved : base;
  const privileged = core.privileged && (pre || !writeback);
  const size = (insn & (1 << 22)) !== 0 ? 1 : 4;
  if ((insn & (1 << 20)) === 0) {
    core.write(address, size, stored(core, rd), privileged);
    if (core.faulted) return core.dataAbort();
    if (!pre || writeback) r[rn] = moved;
    return;
  }
  let value = core.read(address, size, privileged);
  if (core.faulted) return core.dataAbort();
  if (size === 4) value = rotateRight(value, (address & 3) << 3);
  if (!pre || writeback) r[rn] = moved;
  if (rd === 15) {
    core.setPc(value);
    core.charge(CYCLES.LOAD_PC);
  } else {
    r[rd] = value;
  }
}

function halfImmediate(core: CpuCore, insn: number): void {
  half(core, insn, ((insn >>> 4) & 0xf0) | (insn & 15));
}

function halfRegister(core: CpuCore, insn: number): void {
  half(core, insn, core.i32[insn & 15]);
}

/** LDRH, STRH, LDRSB, LDRSH. */
function half(core: CpuCore, insn: number, offset: number): void {
  const r = core.i32;
  const rn = (insn >>> 16) & 15;
  const rd = (insn >>> 12) & 15;
  const pre = (insn & (1 << 24)) !== 0;
  const writeback = !pre || (insn & (1 << 21)) !== 0;
  const base = r[rn];
  const moved = ((insn & (1 << 23)) !== 0 ? base + offset : base - offset) | 0;
  const address = pre ? moved : base;
  if ((insn & (1 << 20)) === 0) {
    core.write(address, 2, stored(core, rd), core.privileged);
    if (core.faulted) return core.dataAbort();
    if (writeback) r[rn] = moved;
    return;
  }
  const signed = (insn & (1 << 6)) !== 0;
  const size = (insn & (1 << 5)) !== 0 ? 2 : 1;
  let value = core.read(address, size, core.privileged);
  if (core.faulted) return core.dataAbort();
  if (size === 2 && (address & 1) !== 0) {
    // UNPREDICTABLE: as earlier ARMv4T cores, the halfword rotated, or the odd byte extended.
    value = signed ? (value << 16) >> 24 : rotateRight(value, 8);
  } else if (signed) {
    value = size === 1 ? (value << 24) >> 24 : (value << 16) >> 16;
  }
  if (writeback) r[rn] = moved;
  setRegister(core, rd, value);
}

function swap(core: CpuCore, insn: number): void {
  const r = core.i32;
  const address = r[(insn >>> 16) & 15];
  const size = (insn & (1 << 22)) !== 0 ? 1 : 4;
  const privileged = core.privileged;
  const value = core.read(address, size, privileged);
  if (core.faulted) return core.dataAbort();
  core.swapping = true;
  core.write(address, size, r[insn & 15], privileged);
  core.swapping = false;
  if (core.faulted) return core.dataAbort();
  core.charge(CYCLES.SWAP);
  const rd = (insn >>> 12) & 15;
  setRegister(core, rd, size === 4 ? rotateRight(value, (address & 3) << 3) : value);
}

/** LDM and STM. */
function multiple(core: CpuCore, insn: number): void {
  const r = core.i32;
  const rn = (insn >>> 16) & 15;
  const up = (insn & (1 << 23)) !== 0;
  const load = (insn & (1 << 20)) !== 0;
  let list = insn & 0xffff;
  let bytes = popcount(list) << 2;
  if (list === 0) {
    // UNPREDICTABLE: as earlier ARMv4T cores, PC alone with room for sixteen words.
    list = 1 << 15;
    bytes = 64;
  }
  const base = r[rn];
  const end = (up ? base + bytes : base - bytes) | 0;
  let address = up ? base : end;
  if (((insn & (1 << 24)) !== 0) === up) address = (address + 4) | 0;
  const writeback = (insn & (1 << 21)) !== 0;
  const userBank = (insn & (1 << 22)) !== 0 && !(load && (list & (1 << 15)) !== 0);
  const privileged = core.privileged;
  const words = bytes >>> 2;
  let first = true;
  for (let n = 0; n < 16; n++) {
    if ((list & (1 << n)) === 0) continue;
    if (!first) core.beat();
    const at = userBank && n !== 15 ? core.bankedIndex(MODE.USR, n) : n;
    if (load) {
      const value = core.read(address, 4, privileged);
      if (core.faulted) {
        r[rn] = base;
        return core.dataAbort();
      }
      // The base is written back before the last word arrives: a loaded base wins.
      if (first && writeback) r[rn] = end;
      if (n === 15) {
        if ((insn & (1 << 22)) !== 0) {
          const spsr = core.spsrIndex;
          if (spsr >= 0) core.setCpsr(r[spsr]);
        }
        core.setPc(value);
        core.charge(CYCLES.LOAD_MULTIPLE_PC);
      } else {
        r[at] = value;
      }
    } else {
      // A base that is not the lowest register is stored as written back.
      const value = n === 15
        ? stored(core, 15)
        : n === rn && !first && writeback && !userBank
        ? end
        : r[at];
      core.write(address, 4, value, privileged);
      if (core.faulted) return core.dataAbort();
    }
    first = false;
    address = (address + 4) | 0;
  }
  if (!load && writeback) r[rn] = end;
  core.charge(words < 2 ? 1 : words - 1);
}

// ---- branches and exceptions

function branch(core: CpuCore, insn: number): void {
  const r = core.i32;
  if ((insn & (1 << 24)) !== 0) r[14] = r[STATE.PC];
  core.setPc((r[15] + ((insn << 8) >> 6)) | 0);
  core.charge(CYCLES.BRANCH);
}

function branchExchange(core: CpuCore, insn: number): void {
  const r = core.i32;
  const target = r[insn & 15];
  r[STATE.CPSR] = (r[STATE.CPSR] & ~PSR.T) | ((target & 1) !== 0 ? PSR.T : 0);
  core.setPc(target);
  core.charge(CYCLES.BRANCH);
}

function softwareInterrupt(core: CpuCore, _insn: number): void {
  core.swi();
}

function undefinedInstruction(core: CpuCore, _insn: number): void {
  core.undefined();
}

function coprocessorRegister(core: CpuCore, insn: number): void {
  if (((insn >>> 8) & 15) !== 15 || !core.privileged) return core.undefined();
  core.charge(CYCLES.COPROCESSOR);
  const rd = (insn >>> 12) & 15;
  const crn = (insn >>> 16) & 15;
  const crm = insn & 15;
  const op2 = (insn >>> 5) & 7;
  const op1 = (insn >>> 21) & 7;
  const r = core.i32;
  if ((insn & (1 << 20)) !== 0) {
    const value = op1 === 0 ? core.mmu.mrc(crn, crm, op2) : 0;
    if (rd === 15) core.setFlags(value);
    else r[rd] = value;
    return;
  }
  if (op1 !== 0) return;
  core.mmu.mcr(crn, crm, op2, stored(core, rd));
  if (crn === CR.CACHE && crm === 0 && op2 === 4 && !core.irq && !core.fiq) {
    core.stop = STOP.WFI;
    core.leave();
  }
}

const BY_FORM: Record<ArmForm, Handler> = {
  "data-imm": dataImmediate,
  "data-shift": dataShift,
  "data-reg": dataRegister,
  "mrs": mrs,
  "msr-imm": msrImmediate,
  "msr-reg": msrRegister,
  "mul": multiply,
  "mul-long": multiplyLong,
  "swap": swap,
  "half-imm": halfImmediate,
  "half-reg": halfRegister,
  "word-imm": wordImmediate,
  "word-reg": wordRegister,
  "multiple": multiple,
  "branch": branch,
  "bx": branchExchange,
  "swi": softwareInterrupt,
  "cp-data": undefinedInstruction,
  "cp-memory": undefinedInstruction,
  "cp-register": coprocessorRegister,
  "undefined": undefinedInstruction,
};

const HANDLERS: readonly Handler[] = ARM_ROWS.map((row) => BY_FORM[row.form]);
