/**
 * Single-instruction cases in ARM state: everything but loads and stores.
 *
 * Nothing UNPREDICTABLE is made here; docs/deviations.md lists what is left out and why.
 *
 * @module
 */

import * as a from "./encode.ts";
import { COND, MODE, OP, SHIFT } from "./encode.ts";
import { type CaseBuilder, LANDING, type StartState } from "./case.ts";
import { isMapped } from "./tables.ts";

/** How a condition came out. */
export type Outcome = "always" | "passed" | "failed";

/** A recipe for a case. */
export interface Template {
  /** Name, for reports. */
  readonly name: string;
  /** `data` reads or writes the window; `jump` may go anywhere, so it wants the MMU on. */
  readonly use: "alu" | "data" | "jump";
  /** Starting state; see {@linkcode CaseBuilder}. */
  readonly state?: StartState;
  /** Memory set-up it insists on. */
  readonly only?: "plain" | "arena" | "aligned-off";
  /** Left out when the other side implements ARMv5. */
  readonly v4only?: boolean;
  /** How often it comes in a round, a whole number; 1 when absent. */
  readonly weight?: number;
  /**
   * Appends the instruction and sets the registers it needs. `turn` counts the cases of this
   * template with this outcome, for those that go through variants.
   */
  readonly make: (b: CaseBuilder, outcome: Outcome, turn: number) => void;
}

const ALL_MODES = Object.values(MODE);
const WITH_SPSR = [MODE.FIQ, MODE.IRQ, MODE.SVC, MODE.ABT, MODE.UND];

const OPCODES = Object.entries(OP);
const SHIFTS = Object.entries(SHIFT);

/** Operand 2 by form; the register forms take PC only where the manual allows. */
const FORMS: readonly { name: string; byRegister: boolean; op2: (b: CaseBuilder) => number }[] = [
  {
    name: "imm",
    byRegister: false,
    op2: (b) => a.immediate(b.random.below(256), b.random.below(16)),
  },
  ...SHIFTS.flatMap(([name, type]) => [
    {
      name: `${name.toLowerCase()}-imm`,
      byRegister: false,
      op2: (b: CaseBuilder): number =>
        a.shiftedBy(b.random.below(16), type, b.random.between(1, 31)),
    },
    {
      name: `${name.toLowerCase()}-0`,
      byRegister: false,
      op2: (b: CaseBuilder): number => a.shiftedBy(b.random.below(16), type, 0),
    },
    {
      name: `${name.toLowerCase()}-reg`,
      byRegister: true,
      op2: (b: CaseBuilder): number => {
        const rs = b.random.below(15);
        if (b.random.chance(0.7)) {
          b.setReg(rs, (b.random.u32() & ~0xff | b.random.pick([0, 1, 31, 32, 33, 64, 255])) >>> 0);
        }
        if (b.random.chance(0.4)) b.setReg(rs, b.random.below(40));
        return a.shiftedByRegister(b.random.below(15), type, rs);
      },
    },
  ]),
];

function dataProcessing(): Template[] {
  const list: Template[] = [];
  for (const [opName, op] of OPCODES) {
    const test = op >= OP.TST && op <= OP.CMN;
    const move = op === OP.MOV || op === OP.MVN;
    for (const form of FORMS) {
      for (const s of test ? [1] : [0, 1]) {
        list.push({
          name: `arm.${opName}${s && !test ? "S" : ""}.${form.name}`,
          use: "alu",
          make: (b, outcome) => {
            const cond = b.condition(outcome);
            const rd = test ? 0 : b.random.below(15);
            const rn = move ? 0 : b.random.below(form.byRegister ? 15 : 16);
            b.arm(a.dp(op, s, rd, rn, form.op2(b), cond));
          },
        });
      }
    }
    if (test) continue;
    // With a shift by register, PC as destination is UNPREDICTABLE. The operations with S and PC
    // other than SUB and MOV are in twin_templates.ts.
    const forms = FORMS.filter((f) => !f.byRegister);
    for (const s of op === OP.SUB || op === OP.MOV ? [0, 1] : [0]) {
      list.push({
        name: `arm.${opName}${s ? "S" : ""}.pc`,
        use: "jump",
        state: s ? { modes: WITH_SPSR } : {},
        weight: 3,
        make: (b, outcome) => {
          const cond = b.condition(outcome);
          const rn = move ? 0 : b.random.below(15);
          const op2 = leadAway(b, op, rn, withoutPc(b, b.random.pick(forms).op2(b)));
          b.arm(a.dp(op, s, 15, rn, op2, cond));
        },
      });
    }
  }
  return list;
}

/**
 * Chooses operands again until the result, as an address, leads to nothing that is mapped.
 *
 * @returns Operand 2.
 */
export function leadAway(b: CaseBuilder, op: number, rn: number, operand2: number): number {
  const c = b.cpsr >>> 29 & 1;
  let op2 = operand2;
  for (;;) {
    const byConstant = (op2 & 1 << 25) !== 0;
    const value = byConstant
      ? a.immediateValue(op2 & 0xff, op2 >>> 8 & 15)
      : a.shiftedValue(b.reg(op2 & 15), op2 >>> 5 & 3, op2 >>> 7 & 31, c);
    if (!isMapped(b.world.ram, a.operationValue(op, b.reg(rn), value, c))) return op2;
    b.setReg(rn, b.random.operand());
    if (byConstant) op2 = a.immediate(b.random.below(256), b.random.below(16));
    else b.setReg(op2 & 15, b.random.operand());
  }
}

/** A value that leads nowhere as an address. */
export function awayValue(b: CaseBuilder): number {
  let value = b.random.operand();
  while (isMapped(b.world.ram, value)) value = b.random.operand();
  return value;
}

/** Replaces PC as Rm, so that a jump cannot come back to itself. */
function withoutPc(b: CaseBuilder, op2: number): number {
  return (op2 & 1 << 25) === 0 && (op2 & 15) === 15 ? op2 & ~15 | b.random.below(15) : op2;
}

/** Jumps whose target is an instruction of the landing field. */
const JUMPS: Template[] = [
  {
    name: "arm.MOV.pc.landing",
    use: "alu",
    weight: 2,
    make: (b, outcome) => {
      const cond = b.condition(outcome);
      const rm = b.random.below(15);
      b.setReg(rm, b.landing(b.random.below(LANDING.armCount)));
      b.arm(a.dp(OP.MOV, 0, 15, 0, a.shiftedBy(rm), cond));
    },
  },
  {
    name: "arm.ADD.pc.landing",
    use: "alu",
    weight: 2,
    make: (b, outcome) => {
      const cond = b.condition(outcome);
      const rm = b.random.below(15);
      const target = b.landing(b.random.below(LANDING.armCount));
      const shift = b.random.below(3);
      if (b.random.chance(0.5)) {
        b.setReg(rm, (target - b.here - 8 | 0) >> shift >>> 0);
        b.arm(a.dp(OP.ADD, 0, 15, 15, a.shiftedBy(rm, SHIFT.LSL, shift), cond));
      } else {
        b.setReg(rm, (b.here + 8 - target | 0) >> shift >>> 0);
        b.arm(a.dp(OP.SUB, 0, 15, 15, a.shiftedBy(rm, SHIFT.LSL, shift), cond));
      }
    },
  },
  {
    name: "arm.MOVS.pc.return",
    use: "alu",
    state: { modes: WITH_SPSR },
    weight: 3,
    make: (b, outcome) => {
      const cond = b.condition(outcome);
      b.setSpsr(b.mode, b.randomStatus());
      const rm = b.random.pick([14, 14, b.random.below(15)]);
      const adjust = b.random.pick([0, 4, 8]);
      b.setReg(rm, (b.landing(b.random.below(LANDING.armCount)) + adjust) >>> 0);
      b.arm(
        adjust === 0
          ? a.dp(OP.MOV, 1, 15, 0, a.shiftedBy(rm), cond)
          : a.dp(OP.SUB, 1, 15, rm, a.immediate(adjust), cond),
      );
    },
  },
  ...[0, 1].flatMap((link): Template[] => [
    {
      name: link ? "arm.BL.landing" : "arm.B.landing",
      use: "alu",
      weight: 3,
      make: (b, outcome) => {
        const cond = b.condition(outcome);
        const target = b.landing(b.random.below(LANDING.armCount));
        b.arm(a.branch(link, (target - b.here - 8) / 4, cond));
      },
    },
    {
      name: link ? "arm.BL.forward" : "arm.B.forward",
      use: "alu",
      weight: 3,
      make: (b, outcome) => {
        const cond = b.condition(outcome);
        const distance = b.random.below(6);
        b.arm(a.branch(link, distance, cond));
        for (let i = 0; i <= distance; i++) b.arm(a.swi(0x100 + i));
      },
    },
    {
      name: link ? "arm.BL.wild" : "arm.B.wild",
      use: "jump",
      weight: 2,
      make: (b, outcome) => {
        const cond = b.condition(outcome);
        // Only the code itself is mapped near the code.
        const lowest = b.here + 8 - 0x2000000;
        const highest = b.here - 0x400000;
        const target = lowest + b.random.below((highest - lowest) / 4) * 4;
        b.arm(a.branch(link, (target - b.here - 8) / 4, cond));
      },
    },
  ]),
  {
    name: "arm.BX.arm",
    use: "alu",
    weight: 3,
    make: (b, outcome) => {
      const cond = b.condition(outcome);
      const rm = b.random.below(16);
      if (rm < 15) b.setReg(rm, b.landing(b.random.below(LANDING.armCount)));
      b.arm(a.bx(rm, cond), a.swi(1), a.swi(2));
    },
  },
  {
    name: "arm.BX.thumb",
    use: "alu",
    weight: 3,
    make: (b, outcome) => {
      const cond = b.condition(outcome);
      const rm = b.random.below(15);
      b.setReg(rm, b.thumbLanding() + 1);
      b.arm(a.bx(rm, cond));
    },
  },
  {
    name: "arm.BX.wild",
    use: "jump",
    weight: 2,
    make: (b, outcome) => {
      const cond = b.condition(outcome);
      const rm = b.random.below(15);
      const value = awayValue(b);
      b.setReg(rm, (value & 1) !== 0 && b.world.arch === 4 ? value : (value & ~3) >>> 0);
      b.arm(a.bx(rm, cond));
    },
  },
];

function multiplies(): Template[] {
  const list: Template[] = [];
  for (const accumulate of [0, 1]) {
    for (const s of [0, 1]) {
      list.push({
        name: `arm.${accumulate ? "MLA" : "MUL"}${s ? "S" : ""}`,
        use: "alu",
        weight: 2,
        make: (b, outcome) => {
          const cond = b.condition(outcome);
          const rd = b.random.below(15);
          const rn = accumulate ? b.random.below(15) : 0;
          b.arm(a.mul(accumulate, s, rd, rn, b.random.below(15), b.other(rd), cond));
        },
      });
      for (const signed of [0, 1]) {
        list.push({
          name: `arm.${signed ? "S" : "U"}${accumulate ? "MLAL" : "MULL"}${s ? "S" : ""}`,
          use: "alu",
          weight: 2,
          make: (b, outcome) => {
            const cond = b.condition(outcome);
            const hi = b.random.below(15);
            const lo = b.other(hi);
            const rm = b.other(hi, lo);
            b.arm(a.mull(signed, accumulate, s, hi, lo, b.random.below(15), rm, cond));
          },
        });
      }
    }
  }
  return list;
}

/** A word for MSR: valid mode, T clear, reserved bits zero. */
function statusForMsr(b: CaseBuilder, spsr: boolean): number {
  const status = b.randomStatus();
  return spsr ? status : (status & ~0x20) >>> 0;
}

const STATUS: Template[] = [
  {
    name: "arm.MRS.cpsr",
    use: "alu",
    weight: 2,
    make: (b, outcome) => b.arm(a.mrs(0, b.random.below(15), b.condition(outcome))),
  },
  {
    name: "arm.MRS.spsr",
    use: "alu",
    weight: 2,
    state: { modes: WITH_SPSR },
    make: (b, outcome) => b.arm(a.mrs(1, b.random.below(15), b.condition(outcome))),
  },
  ...[0, 1].flatMap((spsr): Template[] => [
    {
      name: `arm.MSR.${spsr ? "spsr" : "cpsr"}.reg`,
      use: "alu",
      weight: 15,
      state: { modes: spsr ? WITH_SPSR : ALL_MODES },
      make: (b, outcome, turn) => {
        const cond = b.condition(outcome);
        const rm = b.random.below(15);
        b.setReg(rm, statusForMsr(b, spsr === 1));
        b.arm(a.msr(spsr, turn % 15 + 1, a.shiftedBy(rm), cond));
        // The next instruction runs in the new mode: read back, then the closing SWI.
        if (b.random.chance(0.5)) b.arm(a.mrs(spsr && b.hasSpsr ? 1 : 0, b.random.below(15)));
      },
    },
    {
      name: `arm.MSR.${spsr ? "spsr" : "cpsr"}.imm`,
      use: "alu",
      weight: 15,
      state: { modes: spsr ? WITH_SPSR : ALL_MODES },
      make: (b, outcome, turn) => {
        const cond = b.condition(outcome);
        const fields = turn % 15 + 1;
        // An immediate is one byte: the control byte when that field is written, else flags.
        const op2 = (fields & 1) !== 0
          ? a.immediate(statusForMsr(b, spsr === 1) & 0xff)
          : a.immediate(b.random.below(16) << 4, 4);
        b.arm(a.msr(spsr, fields, op2, cond));
      },
    },
  ]),
  {
    name: "arm.SWI",
    use: "alu",
    weight: 3,
    make: (b, outcome) => b.arm(a.swi(b.random.below(1 << 24), b.condition(outcome))),
  },
];

/** The undefined spaces of ARMv4T, bits 27:20 and 7:4; the rest is free. */
const UNDEFINED_SPACES = [
  "00110x00 xxxx", // MOVW, MOVT of later versions
  "00010xx0 0010", // BXJ
  "00010xx0 01x0", // saturating arithmetic
  "00010xx0 1xx0", // halfword multiplications
  "00010x00 0001",
  "00010110 0001", // CLZ
  "00010xx0 0011", // BLX
  "00010xx0 01x1", // BKPT
  "000001xx 1001", // UMAAL, MLS
  "00011xxx 1001", // exclusive transfers
  "00010xx1 1001", // beside SWP
  "00010x10 1001",
  "000xxxx0 11x1", // doubleword transfers
  "011xxxxx xxx1", // media instructions
];

/** A random instruction of such a space, without the condition. */
function undefinedWord(b: CaseBuilder, space: string): number {
  let insn = b.random.u32() & 0x000fff0f;
  [...space.replace(" ", "")].forEach((bit, i) => {
    const set = bit === "x" ? b.random.below(2) : Number(bit);
    insn |= set << (i < 8 ? 27 - i : 15 - i);
  });
  return insn;
}

const UNDEFINED: Template[] = UNDEFINED_SPACES.map((space): Template => ({
  name: `arm.undefined ${space}`,
  use: "alu",
  v4only: true,
  make: (b, outcome) => {
    const cond = b.condition(outcome);
    b.arm((cond << 28 | undefinedWord(b, space)) >>> 0);
  },
}));

/** Coprocessors that are not there; 14 and 15 are. */
function absent(b: CaseBuilder): number {
  return b.random.below(14);
}

const COPROCESSOR: Template[] = [
  {
    name: "arm.CDP.absent",
    use: "alu",
    weight: 2,
    make: (b, outcome) => {
      const r = b.random;
      const cond = b.condition(outcome);
      b.arm(
        a.cdp(absent(b), r.below(16), r.below(16), r.below(16), r.below(16), r.below(8), cond),
      );
    },
  },
  ...[0, 1].flatMap((read): Template[] => [
    {
      name: read ? "arm.MRC.absent" : "arm.MCR.absent",
      use: "alu",
      weight: 2,
      make: (b, outcome) => {
        const r = b.random;
        const cond = b.condition(outcome);
        const rd = r.below(15);
        b.arm(
          a.mcr(read, absent(b), r.below(8), rd, r.below(16), r.below(16), r.below(8), cond),
        );
      },
    },
    {
      name: read ? "arm.LDC.absent" : "arm.STC.absent",
      use: "alu",
      weight: 16,
      make: (b, outcome, turn) => {
        const r = b.random;
        const cond = b.condition(outcome);
        const x = { p: turn & 1, u: turn >> 1 & 1, w: turn >> 2 & 1 };
        b.arm(
          a.ldc(read, turn >> 3 & 1, x, absent(b), r.below(16), r.below(15), r.below(256), cond),
        );
      },
    },
  ]),
  {
    name: "arm.MRC.p15",
    use: "alu",
    weight: 4,
    make: (b, outcome) => {
      const cond = b.condition(outcome);
      // Control, translation base, domains, fault status and address: the same on all the cores.
      const crn = b.random.pick([2, 3, 5, 6]);
      const rd = b.random.chance(0.15) ? 15 : b.random.below(15);
      b.arm(a.mcr(1, 15, 0, rd, crn, 0, 0, cond));
    },
  },
  {
    name: "arm.MCR.p15",
    use: "alu",
    weight: 4,
    make: (b, outcome) => {
      const cond = b.condition(outcome);
      const rd = b.random.below(15);
      const what = b.random.below(4);
      if (what === 0) {
        b.setReg(rd, b.random.below(256));
        b.arm(a.mcr(0, 15, 0, rd, 5, 0, 0, cond), a.mcr(1, 15, 0, b.other(rd), 5, 0, 0));
      } else if (what === 1) {
        b.arm(a.mcr(0, 15, 0, rd, 6, 0, 0, cond), a.mcr(1, 15, 0, b.other(rd), 6, 0, 0));
      } else {
        // TLB operations: whatever they drop is walked for again.
        const crm = b.random.pick([5, 6, 7]);
        b.arm(a.mcr(0, 15, 0, rd, 8, crm, crm === 7 ? 0 : b.random.below(2), cond));
      }
    },
  },
  {
    name: "arm.cp15.refused",
    use: "alu",
    weight: 2,
    make: (b, outcome) => {
      const cond = b.condition(outcome);
      const r = b.random;
      const x = { p: 1, u: r.below(2), w: 0 };
      b.arm(
        r.chance(0.5)
          ? a.cdp(15, r.below(16), r.below(16), r.below(16), r.below(16), r.below(8), cond)
          : a.ldc(r.below(2), r.below(2), x, 15, r.below(16), r.below(15), r.below(256), cond),
      );
    },
  },
];

/** Every template of this file. */
export const ARM_TEMPLATES: readonly Template[] = [
  ...dataProcessing(),
  ...JUMPS,
  ...multiplies(),
  ...STATUS,
  ...UNDEFINED,
  ...COPROCESSOR,
];

/** What a case ends with in ARM state. */
export function armEnd(number: number): number {
  return a.swi(number & 0xffffff, COND.AL);
}
