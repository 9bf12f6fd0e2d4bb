/**
 * Cases that change CP15 between two accesses to the same place: what the first left in TLB and
 * look-aside tables must not answer the second.
 *
 * @module
 */

import type { Template } from "./arm_templates.ts";
import { type CaseBuilder, CONTROL } from "./case.ts";
import * as a from "./encode.ts";
import { MODE } from "./encode.ts";
import { INPUT } from "./harness.ts";
import { target } from "./memory_templates.ts";

const PRIVILEGED = Object.values(MODE).filter((m) => m !== MODE.USR);

/** Registers of these cases: new value, address, data. */
const VALUE = 1;
const ADDRESS = 2;
const ZERO = 3;

/** A load, store, swap or block transfer at the address, with user permission now and then. */
function access(b: CaseBuilder): number {
  const load = b.random.below(2);
  const rd = b.random.between(4, 7);
  const plain = { p: 1, u: 1, w: 0 };
  return b.random.pick([
    a.ldrImm(load, 0, plain, rd, ADDRESS, 0),
    a.ldrImm(load, 1, plain, rd, ADDRESS, 0),
    a.ldrImm(load, 0, { p: 0, u: 1, w: 1 }, rd, ADDRESS, 0),
    a.ldrhImm(load, 1, plain, rd, ADDRESS, 0),
    a.ldm(load, { p: 0, u: 1, w: 0 }, 0, ADDRESS, 0x30),
    a.swp(0, rd, rd, ADDRESS),
  ]);
}

/** Writes CP15 from {@linkcode VALUE}. */
function write(crn: number, crm = 0, op2 = 0): number {
  return a.mcr(0, 15, 0, VALUE, crn, crm, op2);
}

function template(
  name: string,
  change: (b: CaseBuilder) => number[],
): Template {
  return {
    name: `arm.cp15.${name}`,
    use: "data",
    only: "arena",
    state: { modes: PRIVILEGED, anyRs: true },
    weight: 4,
    make: (b) => {
      b.setReg(ADDRESS, (target(b, 4) & (b.env.align ? ~0 : ~3)) >>> 0);
      b.setReg(ZERO, 0);
      // The harness has to restore what the case changes.
      b.input[INPUT.flags] = 1;
      const words = change(b);
      b.arm(access(b), ...words, access(b));
    },
  };
}

/** Every template of this file. */
export const CP15_TEMPLATES: readonly Template[] = [
  template("domains", (b) => {
    let dacr = 1 | 1 << 4;
    for (let d = 3; d < 16; d++) dacr |= b.random.below(4) << 2 * d;
    b.setReg(VALUE, dacr >>> 0);
    return [write(3)];
  }),
  template("protection", (b) => {
    const control = b.input[INPUT.control] & ~(CONTROL.S | CONTROL.R | CONTROL.A);
    b.setReg(
      VALUE,
      control | b.random.pick([0, CONTROL.S, CONTROL.R]) | (b.env.align ? CONTROL.A : 0),
    );
    return [write(1)];
  }),
  template("alignment", (b) => {
    b.setReg(VALUE, b.input[INPUT.control] | CONTROL.A);
    const low = b.random.below(4);
    return [write(1), a.dp(a.OP.ADD, 0, ADDRESS, ADDRESS, a.immediate(low))];
  }),
  template("vectors", (b) => {
    const low = b.input[INPUT.pid] === 0;
    b.setReg(VALUE, b.input[INPUT.control] ^ (low ? CONTROL.V : 0));
    return [write(1)];
  }),
  template("process", (b) => {
    // From wherever the case is to the slot of another window, with high vectors.
    b.input[INPUT.control] |= CONTROL.V;
    const pid = (0x80000000 | b.random.below(8) << 25) >>> 0;
    b.setReg(VALUE, pid);
    // The access before it is one instruction.
    b.adjust.newPid = { address: b.here + 4, pid };
    const move = b.random.chance(0.5)
      ? a.dp(a.OP.BIC, 0, ADDRESS, ADDRESS, a.immediate(0xfe, 4))
      : a.dp(a.OP.MOV, 0, 0, 0, a.shiftedBy(0));
    return [write(13), move];
  }),
  template("tables", (b) => {
    b.setReg(VALUE, b.random.chance(0.5) ? b.world.tables.plain : b.world.tables.arena);
    return [write(2), a.mcr(0, 15, 0, ZERO, 8, 7, 0)];
  }),
  template("tlb", (b) => {
    const crm = b.random.pick([5, 6, 7]);
    return [a.mcr(0, 15, 0, ADDRESS, 8, crm, crm === 7 ? 0 : b.random.below(2))];
  }),
];
