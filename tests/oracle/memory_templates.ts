/**
 * Cases of one ARM load or store.
 *
 * @module
 */

import * as a from "./encode.ts";
import { MODE, OP } from "./encode.ts";
import type { Template } from "./arm_templates.ts";
import type { CaseBuilder } from "./case.ts";
import { INPUT } from "./harness.ts";
import { isMapped } from "./tables.ts";

const WITH_SPSR = [MODE.FIQ, MODE.IRQ, MODE.SVC, MODE.ABT, MODE.UND];

/** MOV r0, r0. */
export const NOP = a.dp(OP.MOV, 0, 0, 0, a.shiftedBy(0));

/** Bytes below and above the middle of the window. */
const REACH = 64;

/** An address in the window, aligned unless the case has alignment faults on. */
export function target(b: CaseBuilder, size: number): number {
  const { random, window } = b;
  let offset = random.chance(0.4)
    ? random.between(-4, 4) * size
    : random.between(-REACH / size, REACH / size - 1) * size;
  offset = Math.min(offset, REACH - size);
  if (b.env.align && size > 1 && random.chance(0.4)) offset += random.between(1, size - 1);
  return (window + Math.min(offset, REACH - size)) >>> 0;
}

/** A way to form an address. */
export interface Form {
  /** Name. */
  readonly name: string;
  /** P bit. */
  readonly pre: number;
  /** W bit. */
  readonly w: number;
}

/** The three ways. */
export const INDEXINGS: readonly Form[] = [
  { name: "offset", pre: 1, w: 0 },
  { name: "pre", pre: 1, w: 1 },
  { name: "post", pre: 0, w: 0 },
];

/** The base register for an access at `at` with offset `value`, up or down. */
export function base(pre: number, u: number, at: number, value: number): number {
  if (pre === 0) return at;
  return (u ? at - value : at + value) >>> 0;
}

/** A place for a word or byte transfer's data register. */
function dataRegister(b: CaseBuilder, load: number, rn: number, w: boolean): number {
  return w ? b.other(rn) : load ? b.random.below(15) : b.other();
}

function singleTransfers(): Template[] {
  const list: Template[] = [];
  const SHIFT_NAMES = ["lsl", "lsr", "asr", "ror"];
  for (const load of [0, 1]) {
    for (const byte of [0, 1]) {
      const name = `arm.${load ? "LDR" : "STR"}${byte ? "B" : ""}`;
      const size = byte ? 1 : 4;
      for (const form of [...INDEXINGS, { name: "T", pre: 0, w: 1 }]) {
        for (const u of [0, 1]) {
          const x = { p: form.pre, u, w: form.w };
          const writes = form.pre === 0 || form.w === 1;
          list.push({
            name: `${name}.imm.${form.name}`,
            use: "data",
            make: (b, outcome) => {
              const cond = b.condition(outcome);
              const rn = b.random.below(15);
              const rd = dataRegister(b, load, rn, writes);
              const offset = b.random.below(b.random.pick([16, 256, 4096]));
              b.setReg(rn, base(form.pre, u, target(b, size), offset));
              b.arm(a.ldrImm(load, byte, x, rd, rn, offset, cond));
            },
          });
          for (let type = 0; type < 4; type++) {
            list.push({
              name: `${name}.${SHIFT_NAMES[type]}.${form.name}`,
              use: "data",
              weight: 2,
              make: (b, outcome, turn) => {
                const cond = b.condition(outcome);
                const rn = b.random.below(15);
                // Rm = Rn with write-back is UNPREDICTABLE, and so is Rd = Rn.
                const rm = b.other(rn);
                let rd = dataRegister(b, load, rn, writes);
                if (!load && rd === rm && b.random.chance(0.5)) rd = b.other(rn, rm);
                // Amount 0 means something else for each shift but LSL.
                const amount = (turn & 1) !== 0 ? 0 : b.random.between(1, 31);
                if (b.random.chance(0.5)) b.setReg(rm, b.random.below(256));
                const value = a.shiftedValue(b.reg(rm), type, amount, b.cpsr >>> 29 & 1);
                b.setReg(rn, base(form.pre, u, target(b, size), value));
                b.arm(a.ldrReg(load, byte, x, rd, rn, a.shiftedBy(rm, type, amount), cond));
              },
            });
          }
        }
      }
    }
  }
  return list;
}

function halfwordTransfers(): Template[] {
  const list: Template[] = [];
  const kinds = [
    { name: "STRH", load: 0, sh: 1, size: 2 },
    { name: "LDRH", load: 1, sh: 1, size: 2 },
    { name: "LDRSB", load: 1, sh: 2, size: 1 },
    { name: "LDRSH", load: 1, sh: 3, size: 2 },
  ];
  for (const k of kinds) {
    for (const form of INDEXINGS) {
      for (const u of [0, 1]) {
        const x = { p: form.pre, u, w: form.w };
        const writes = form.pre === 0 || form.w === 1;
        list.push({
          name: `arm.${k.name}.imm.${form.name}`,
          use: "data",
          make: (b, outcome) => {
            const cond = b.condition(outcome);
            const rn = b.random.below(15);
            const rd = dataRegister(b, k.load, rn, writes);
            const offset = b.random.below(256);
            b.setReg(rn, base(form.pre, u, target(b, k.size), offset));
            b.arm(a.ldrhImm(k.load, k.sh, x, rd, rn, offset, cond));
          },
        }, {
          name: `arm.${k.name}.reg.${form.name}`,
          use: "data",
          make: (b, outcome) => {
            const cond = b.condition(outcome);
            const rn = b.random.below(15);
            const rm = b.other(rn);
            const rd = dataRegister(b, k.load, rn, writes);
            if (b.random.chance(0.5)) b.setReg(rm, b.random.below(256));
            b.setReg(rn, base(form.pre, u, target(b, k.size), b.reg(rm)));
            b.arm(a.ldrhReg(k.load, k.sh, x, rd, rn, rm, cond));
          },
        });
      }
    }
  }
  return list;
}

/** Start of a block of `count` words, somewhere in the window, given the first address. */
export function blockBase(b: CaseBuilder, p: number, u: number, count: number): number {
  const bytes = 4 * count;
  const first = b.window - REACH +
    4 * b.random.below((2 * REACH - bytes) / 4 + 1) +
    (b.env.align && b.random.chance(0.3) ? b.random.between(1, 3) : 0);
  // IA starts at the base, IB a word above, DA ends at the base, DB a word below.
  return (u ? first - (p ? 4 : 0) : first + bytes - (p ? 0 : 4)) >>> 0;
}

/** Number of registers in a list. */
export function bits(list: number): number {
  let n = 0;
  for (let x = list; x !== 0; x &= x - 1) n++;
  return n;
}

/** A list of registers out of `mask`, never empty. */
export function registerList(b: CaseBuilder, mask: number): number {
  const r = b.random;
  const list =
    (r.chance(0.3)
      ? 1 << r.below(16) | 1 << r.below(16)
      : r.chance(0.1)
      ? 0xffff
      : r.u32() & 0xffff) & mask;
  return list !== 0 ? list : 1 << r.below(8) & mask || 1;
}

function blockTransfers(): Template[] {
  const list: Template[] = [];
  const names = ["DA", "IA", "DB", "IB"];
  for (const load of [0, 1]) {
    for (const p of [0, 1]) {
      for (const u of [0, 1]) {
        const mode = names[p << 1 | u];
        const name = `arm.${load ? "LDM" : "STM"}${mode}`;
        for (const w of [0, 1]) {
          list.push({
            name: `${name}${w ? ".w" : ""}`,
            use: "data",
            weight: load ? 1 : 2,
            make: (b, outcome, turn) => {
              const cond = b.condition(outcome);
              const rn = b.random.below(15);
              let regs = registerList(b, 0x7fff);
              if (!load && (turn & 1) !== 0) regs |= 0x8000;
              // With write-back the base is loaded never, stored only as the first.
              if (w && (load || (regs & (1 << rn) - 1) !== 0)) regs &= ~(1 << rn);
              if (regs === 0) regs = 1 << b.other(rn);
              b.setReg(rn, blockBase(b, p, u, bits(regs)));
              if ((regs & 0x8000) !== 0) b.adjust.storedPc = b.here + 8;
              b.arm(a.ldm(load, { p, u, w }, 0, rn, regs, cond));
            },
          });
          if (!load) continue;
          for (const s of [0, 1]) {
            list.push({
              name: `${name}${w ? ".w" : ""}${s ? ".return" : ".pc"}`,
              use: "data",
              ...(s ? { state: { modes: WITH_SPSR } } : {}),
              make: (b, outcome) => {
                const cond = b.condition(outcome);
                const rn = b.random.below(15);
                let regs = registerList(b, 0x7fff) | 0x8000;
                if (w) regs &= ~(1 << rn);
                b.setReg(rn, blockBase(b, p, u, bits(regs)));
                jumpData(b);
                b.arm(a.ldm(1, { p, u, w }, s, rn, regs, cond));
              },
            });
          }
        }
        list.push({
          name: `${name}.user`,
          use: "data",
          weight: load ? 1 : 2,
          state: { modes: WITH_SPSR },
          make: (b, outcome, turn) => {
            const cond = b.condition(outcome);
            const rn = b.random.below(15);
            const pc = !load && (turn & 1) !== 0 ? 0x8000 : 0;
            const regs = registerList(b, 0x7fff) | pc;
            b.setReg(rn, blockBase(b, p, u, bits(regs)));
            if ((regs & 0x8000) !== 0) b.adjust.storedPc = b.here + 8;
            if (load && rn < (b.mode === MODE.FIQ ? 8 : 13) && (regs >> rn & 1) !== 0) {
              b.adjust.userBase = rn;
            }
            // The instruction after must not use a banked register.
            b.arm(a.ldm(load, { p, u, w: 0 }, 1, rn, regs, cond), NOP);
          },
        });
      }
    }
  }
  return list;
}

/**
 * Fills the window with addresses to jump to: anywhere with the MMU on, else landing fields. FCSE
 * would move low addresses into the arena, where the next instruction is whatever is there.
 */
export function jumpData(b: CaseBuilder): void {
  const fcse = b.input[INPUT.pid] !== 0;
  if (!b.env.mmu || fcse || b.world.arch === 5 || b.random.chance(0.4)) b.fill("jumps");
}

const OTHERS: Template[] = [
  {
    name: "arm.LDR.pc",
    use: "data",
    weight: 4,
    make: (b, outcome) => {
      const cond = b.condition(outcome);
      const rn = b.random.below(15);
      const { name: _, pre, w } = b.random.pick(INDEXINGS);
      const u = b.random.below(2);
      const x = { p: pre, u, w };
      // An address that is not word-aligned would be rotated: UNPREDICTABLE for PC.
      const at = (target(b, 4) & (b.env.align ? ~0 : ~3)) >>> 0;
      jumpData(b);
      if (b.random.chance(0.5)) {
        const offset = b.random.below(4096);
        b.setReg(rn, base(pre, u, at, offset));
        b.arm(a.ldrImm(1, 0, x, 15, rn, offset, cond));
      } else {
        const rm = b.other(rn);
        const type = b.random.below(4);
        const amount = b.random.below(32);
        const value = a.shiftedValue(b.reg(rm), type, amount, b.cpsr >>> 29 & 1);
        b.setReg(rn, base(pre, u, at, value));
        b.arm(a.ldrReg(1, 0, x, 15, rn, a.shiftedBy(rm, type, amount), cond));
      }
    },
  },
  {
    name: "arm.STR.pc",
    use: "data",
    weight: 3,
    make: (b, outcome) => {
      const cond = b.condition(outcome);
      const rn = b.random.below(15);
      const { pre, w } = b.random.pick(INDEXINGS);
      const u = b.random.below(2);
      const offset = b.random.below(4096);
      b.setReg(rn, base(pre, u, target(b, 4), offset));
      b.adjust.storedPc = b.here + 8;
      b.arm(a.ldrImm(0, 0, { p: pre, u, w }, 15, rn, offset, cond));
    },
  },
  ...[0, 1].map((byte): Template => ({
    name: byte ? "arm.LDRB.literal" : "arm.LDR.literal",
    use: "data",
    weight: 2,
    make: (b, outcome) => {
      const cond = b.condition(outcome);
      const words = b.random.below(8);
      const offset = 4 * words + (byte ? b.random.below(4) : 0);
      b.arm(
        a.ldrImm(1, byte, { p: 1, u: 1, w: 0 }, b.random.below(15), 15, offset, cond),
        a.swi(7),
      );
      for (let i = 0; i <= words; i++) b.arm(b.random.u32());
    },
  })),
  {
    name: "arm.LDRH.literal",
    use: "data",
    weight: 2,
    make: (b, outcome) => {
      const cond = b.condition(outcome);
      const words = b.random.below(8);
      const sh = b.random.between(1, 3);
      const offset = 4 * words + (sh === 2 ? b.random.below(4) : 2 * b.random.below(2));
      b.arm(a.ldrhImm(1, sh, { p: 1, u: 1, w: 0 }, b.random.below(15), 15, offset, cond), a.swi(7));
      for (let i = 0; i <= words; i++) b.arm(b.random.u32());
    },
  },
  {
    name: "arm.STR.literal",
    use: "data",
    weight: 1,
    only: "plain",
    state: { writable: true },
    make: (b, outcome) => {
      const cond = b.condition(outcome);
      const words = b.random.below(4);
      // Stored and loaded back; the words lie past anything that has run.
      b.arm(
        a.ldrImm(0, 0, { p: 1, u: 1, w: 0 }, b.random.below(15), 15, 8 + 4 * words, cond),
        a.ldrImm(1, 0, { p: 1, u: 1, w: 0 }, b.random.below(15), 15, 4 + 4 * words),
        a.swi(8),
      );
      for (let i = 0; i <= words + 1; i++) b.arm(b.random.u32());
    },
  },
  ...[0, 1].map((byte): Template => ({
    name: byte ? "arm.SWPB" : "arm.SWP",
    use: "data",
    weight: 3,
    make: (b, outcome) => {
      const cond = b.condition(outcome);
      const rn = b.random.below(15);
      const rm = b.other(rn);
      const rd = b.other(rn);
      b.setReg(rn, target(b, byte ? 1 : 4));
      b.arm(a.swp(byte, rd, rm, rn, cond));
    },
  })),
  {
    name: "arm.wild",
    use: "data",
    only: "plain",
    weight: 3,
    make: (b, outcome) => {
      const cond = b.condition(outcome);
      const rn = b.random.below(15);
      const rd = b.other(rn);
      const at = wildAddress(b);
      b.setReg(rn, at);
      const w = b.random.below(2);
      const x = { p: 1, u: 1, w };
      const load = b.random.below(2);
      b.arm(b.random.pick([
        a.ldrImm(load, 0, x, rd, rn, 0, cond),
        a.ldrImm(load, 1, x, rd, rn, 0, cond),
        a.ldrImm(load, b.random.below(2), { p: 0, u: 1, w }, rd, rn, 4, cond),
        a.ldrhImm(load, 1, x, rd, rn, 0, cond),
        a.ldm(load, x, 0, rn, 1 << rd | 1 << b.other(rn), cond),
        a.swp(b.random.below(2), rd, b.other(rn), rn, cond),
      ]));
    },
  },
];

/** A word-aligned address that the plain table does not map. */
function wildAddress(b: CaseBuilder): number {
  for (;;) {
    const at = (b.random.u32() & ~3) >>> 0;
    if (at < 0x100000 || at >= 0xfff00000 || isMapped(b.world.ram, at)) continue;
    return at;
  }
}

/** Jumps into the arena, where the fetch itself may fault; the window holds SWIs. */
const FETCHES: Template[] = [0, 1].map((thumb): Template => ({
  name: thumb ? "arm.fetch.thumb" : "arm.fetch.arm",
  use: "data",
  only: "arena",
  weight: 10,
  make: (b, outcome) => {
    const cond = b.condition(outcome);
    b.fill(thumb ? "thumbSwis" : "swis");
    const rm = b.random.below(15);
    const at = b.window +
      (thumb ? 2 * b.random.between(-32, 31) + 1 : 4 * b.random.between(-16, 15));
    b.setReg(rm, at >>> 0);
    b.arm(a.bx(rm, cond));
  },
}));

/** Every template of this file. */
export const MEMORY_TEMPLATES: readonly Template[] = [
  ...singleTransfers(),
  ...halfwordTransfers(),
  ...blockTransfers(),
  ...OTHERS,
  ...FETCHES,
];
