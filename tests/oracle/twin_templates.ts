/**
 * Cases in which the other side is known to do otherwise than this core's manual says.
 *
 * It is asked in other words: it runs a twin of the same length that says the same with
 * instructions on which both agree (aligned accesses, explicit rotation, a register that holds what
 * PC reads as). So its arithmetic and its memory still judge the emulator. docs/deviations.md has
 * the sources.
 *
 * @module
 */

import { leadAway, type Template } from "./arm_templates.ts";
import * as a from "./encode.ts";
import { MODE, OP, SHIFT } from "./encode.ts";
import { base, bits, blockBase, INDEXINGS, NOP, registerList, target } from "./memory_templates.ts";

const WITH_SPSR = [MODE.FIQ, MODE.IRQ, MODE.SVC, MODE.ABT, MODE.UND];

/** Operations that return from an exception here, but not on the other side. */
const RETURNS = Object.entries(OP).filter(([, op]) =>
  !(op >= OP.TST && op <= OP.CMN) && op !== OP.SUB && op !== OP.MOV
);

/** Every template of this file. */
export const TWIN_TEMPLATES: readonly Template[] = [
  ...[0, 1].flatMap((load): Template[] =>
    INDEXINGS.concat([{ name: "T", pre: 0, w: 1 }]).map((form): Template => ({
      name: `arm.${load ? "LDR" : "STR"}.unaligned.${form.name}`,
      use: "data",
      only: "aligned-off",
      weight: 2,
      make: (b, outcome) => {
        const cond = b.condition(outcome);
        const rn = b.random.below(15);
        const rh = b.other(rn);
        const writes = form.pre === 0 || form.w === 1;
        const rd = writes || !load ? b.other(rn, rh) : b.other(rh);
        const u = b.random.below(2);
        const low = b.random.between(1, 3);
        const at = target(b, 4) + low;
        const x = { p: form.pre, u, w: form.w };
        b.setReg(rh, at - low);
        const pc = { p: form.pre === 0 && form.w === 1 ? 0 : 1, u: 1, w: x.p === 0 ? form.w : 0 };
        const twin = [a.ldrImm(load, 0, pc, rd, rh, 0, cond)];
        twin.push(load ? a.dp(OP.MOV, 0, rd, 0, a.shiftedBy(rd, SHIFT.ROR, 8 * low), cond) : NOP);
        if (b.random.chance(0.5)) {
          const offset = b.random.below(256);
          b.setReg(rn, base(form.pre, u, at, offset));
          b.arm(a.ldrImm(load, 0, x, rd, rn, offset, cond), NOP, NOP);
          const step = a.dp(u ? OP.ADD : OP.SUB, 0, rn, rn, a.immediate(offset), cond);
          twin.push(writes ? step : NOP);
        } else {
          const rm = b.other(rn, rh, ...(load ? [rd] : []));
          const shifted = a.shiftedBy(rm, b.random.below(4), b.random.below(32));
          const value = a.shiftedValue(
            b.reg(rm),
            shifted >>> 5 & 3,
            shifted >>> 7,
            b.cpsr >>> 29 & 1,
          );
          b.setReg(rn, base(form.pre, u, at, value));
          b.arm(a.ldrReg(load, 0, x, rd, rn, shifted, cond), NOP, NOP);
          twin.push(writes ? a.dp(u ? OP.ADD : OP.SUB, 0, rn, rn, shifted, cond) : NOP);
        }
        b.armTwin("unaligned-word", ...twin);
      },
    }))
  ),
  {
    name: "arm.SWP.unaligned",
    use: "data",
    only: "aligned-off",
    weight: 2,
    make: (b, outcome) => {
      const cond = b.condition(outcome);
      const rn = b.random.below(15);
      const rh = b.other(rn);
      const rm = b.other(rn, rh);
      const rd = b.other(rn, rh);
      const low = b.random.between(1, 3);
      const at = target(b, 4);
      b.setReg(rn, at + low);
      b.setReg(rh, at);
      b.arm(a.swp(0, rd, rm, rn, cond), NOP);
      b.armTwin(
        "unaligned-word",
        a.swp(0, rd, rm, rh, cond),
        a.dp(OP.MOV, 0, rd, 0, a.shiftedBy(rd, SHIFT.ROR, 8 * low), cond),
      );
    },
  },
  ...[0, 1].flatMap((load): Template[] =>
    [0, 1, 2, 3].map((pu): Template => ({
      name: `arm.${load ? "LDM" : "STM"}.unaligned`,
      use: "data",
      only: "aligned-off",
      weight: 2,
      make: (b, outcome) => {
        const cond = b.condition(outcome);
        const p = pu >> 1;
        const u = pu & 1;
        const w = b.random.below(2);
        const rn = b.random.below(15);
        const rh = b.other(rn);
        let regs = registerList(b, 0x7fff) & ~(1 << rn | 1 << rh);
        if (regs === 0) regs = 1 << b.other(rn, rh);
        const aligned = blockBase(b, p, u, bits(regs));
        b.setReg(rn, aligned + b.random.between(1, 3));
        b.setReg(rh, aligned);
        b.arm(a.ldm(load, { p, u, w }, 0, rn, regs, cond), NOP);
        const step = a.dp(u ? OP.ADD : OP.SUB, 0, rn, rn, a.immediate(4 * bits(regs)), cond);
        b.armTwin(
          "unaligned-block",
          a.ldm(load, { p, u, w: 0 }, 0, rh, regs, cond),
          w ? step : NOP,
        );
      },
    }))
  ),
  ...Object.entries(SHIFT).map(([name, type]): Template => ({
    name: `arm.pc-operand.${name.toLowerCase()}-reg`,
    use: "alu",
    weight: 2,
    make: (b, outcome) => {
      const cond = b.condition(outcome);
      const rh = b.random.below(15);
      b.setReg(rh, b.here + 12);
      const op = b.random.below(16);
      const test = op >= OP.TST && op <= OP.CMN;
      const s = test ? 1 : b.random.below(2);
      const rd = test ? 0 : b.random.below(15);
      const move = op === OP.MOV || op === OP.MVN;
      const rs = b.other(rh);
      b.setReg(rs, b.random.below(40));
      const which = move ? 1 : b.random.between(1, 3);
      const rn = move ? 0 : b.random.below(15);
      const rm = b.random.below(15);
      const word = (pc: number): number =>
        a.dp(
          op,
          s,
          rd,
          (which & 2) !== 0 ? pc : rn,
          a.shiftedByRegister((which & 1) !== 0 ? pc : rm, type, rs),
          cond,
        );
      b.arm(word(15));
      b.armTwin("pc-plus-12", word(rh));
    },
  })),
  ...RETURNS.flatMap(([name, op]) =>
    ["imm", "shift"].map((form): Template => ({
      name: `arm.${name}S.pc.${form}`,
      use: "jump",
      state: { modes: WITH_SPSR },
      weight: 2,
      make: (b, outcome) => {
        const cond = b.condition(outcome);
        const rh = b.random.below(8);
        const rn = op === OP.MVN ? 0 : b.random.below(15);
        const op2 = leadAway(
          b,
          op,
          rn,
          form === "imm"
            ? a.immediate(b.random.below(256), b.random.below(16))
            : a.shiftedBy(b.random.below(15), b.random.below(4), b.random.below(32)),
        );
        b.arm(a.dp(op, 1, 15, rn, op2, cond), NOP);
        b.armTwin(
          "return-by-any-operation",
          a.dp(op, 0, rh, rn, op2, cond),
          a.dp(OP.MOV, 1, 15, 0, a.shiftedBy(rh), cond),
        );
        b.adjust.registerMasked = rh;
      },
    }))
  ),
];
