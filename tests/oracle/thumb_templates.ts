/**
 * Single-instruction cases in Thumb state, by format of the architecture manual.
 *
 * @module
 */

import * as a from "./encode.ts";
import { thumb as t } from "./encode.ts";
import { awayValue, type Template } from "./arm_templates.ts";
import { type CaseBuilder, LANDING } from "./case.ts";
import { jumpData, target } from "./memory_templates.ts";

/** MOV r8, r8. */
const NOP = t.hi(2, 8, 8);

const T = { thumb: true } as const;

const low = (b: CaseBuilder): number => b.random.below(8);

/** A low register other than those given. */
function otherLow(b: CaseBuilder, ...taken: number[]): number {
  let n = low(b);
  while (taken.includes(n)) n = low(b);
  return n;
}

function alu(name: string, weight: number, word: (b: CaseBuilder) => number): Template {
  return { name: `thumb.${name}`, use: "alu", state: T, weight, make: (b) => b.thumb(word(b)) };
}

const ARITHMETIC: Template[] = [
  ...["LSL", "LSR", "ASR"].map((name, op) =>
    alu(
      `1.${name}`,
      1,
      (b) => t.shift(op, b.random.chance(0.2) ? 0 : b.random.below(32), low(b), low(b)),
    )
  ),
  ...[0, 1, 2, 3].map((k) =>
    alu(
      `2.${k & 1 ? "SUB" : "ADD"}.${k & 2 ? "imm" : "reg"}`,
      10,
      (b) => t.addSub(k >> 1, k & 1, low(b), low(b), low(b)),
    )
  ),
  ...["MOV", "CMP", "ADD", "SUB"].map((name, op) =>
    alu(`3.${name}`, 1, (b) => t.imm8(op, low(b), b.random.below(256)))
  ),
  ...[..."AND EOR LSL LSR ASR ADC SBC ROR TST NEG CMP CMN ORR MUL BIC MVN".split(" ").entries()]
    .map(([op, name]) =>
      alu(`4.${name}`, 1, (b) => {
        const rd = low(b);
        // MUL with Rd = Rm is UNPREDICTABLE.
        const rs = name === "MUL" ? otherLow(b, rd) : low(b);
        if ([2, 3, 4, 7].includes(op) && b.random.chance(0.6)) {
          b.setReg(rs, (b.random.u32() & ~0xff | b.random.pick([0, 1, 31, 32, 33, 200])) >>> 0);
        }
        return t.alu(op, rs, rd);
      })
    ),
  ...["ADD", "CMP", "MOV"].map((name, op) =>
    alu(`5.${name}`, 2, (b) => {
      // At least one high register; PC as destination has its own template.
      const rd = b.random.below(15);
      const rs = rd < 8 ? b.random.between(8, 15) : b.random.below(16);
      return t.hi(op, rs, rd);
    })
  ),
  alu("12.PC", 1, (b) => t.adr(0, low(b), b.random.below(256))),
  alu("12.SP", 1, (b) => t.adr(1, low(b), b.random.below(256))),
  alu("13", 2, (b) => t.addSp(b.random.below(2), b.random.below(128))),
  alu("17", 1, (b) => t.swi(b.random.below(256))),
];

/** Numbered SWIs around an instruction, as many as a short branch can reach. */
const FILL = 16;

function filler(first: number): number[] {
  return Array.from({ length: FILL }, (_, i) => t.swi(first + i));
}

const BRANCHES: Template[] = [
  {
    name: "thumb.5.BX.arm",
    use: "alu",
    state: T,
    weight: 2,
    make: (b) => {
      const rm = b.random.below(15);
      b.setReg(rm, b.landing(b.random.below(LANDING.armCount)));
      b.thumb(t.hi(3, rm, 0));
    },
  },
  {
    name: "thumb.5.BX.thumb",
    use: "alu",
    state: T,
    weight: 1,
    make: (b) => {
      const rm = b.random.below(15);
      b.setReg(rm, b.thumbLanding() + 1);
      b.thumb(t.hi(3, rm, 0));
    },
  },
  {
    name: "thumb.5.BX.pc",
    use: "alu",
    state: T,
    weight: 1,
    make: (b) => {
      // Needs a word-aligned place: the ARM instruction after it starts at this one's + 4.
      b.thumb(t.hi(3, 15, 0), NOP);
      b.arm(a.swi(0x77));
    },
  },
  {
    name: "thumb.5.BX.wild",
    use: "jump",
    v4only: true,
    state: T,
    weight: 1,
    make: (b) => {
      const rm = b.random.below(15);
      const value = awayValue(b);
      b.setReg(rm, (value & 1) !== 0 ? value : (value & ~3) >>> 0);
      b.thumb(t.hi(3, rm, 0));
    },
  },
  ...[0, 2].flatMap((op): Template[] => [
    {
      name: `thumb.5.${op ? "MOV" : "ADD"}.pc.landing`,
      use: "alu",
      state: T,
      weight: 2,
      make: (b) => {
        const rs = b.random.below(15);
        const at = b.thumbLanding() + b.random.below(2);
        b.setReg(rs, op ? at : at - (b.here + 4) >>> 0);
        b.thumb(t.hi(op, rs, 15));
      },
    },
    {
      name: `thumb.5.${op ? "MOV" : "ADD"}.pc.wild`,
      use: "jump",
      v4only: true,
      state: T,
      weight: 1,
      make: (b) => {
        const rs = b.random.below(15);
        // Far from the code, or ADD could come back to itself.
        b.setReg(rs, op ? awayValue(b) : (0xa0000000 | b.random.u32() & 0x1fffffff) >>> 0);
        b.thumb(t.hi(op, rs, 15));
      },
    },
  ]),
  ...Array.from({ length: 14 }, (_, cond): Template => ({
    name: `thumb.16.${cond}`,
    use: "alu",
    state: T,
    weight: 2,
    make: (b) => {
      if (b.random.chance(0.5)) b.setFlags(b.random.below(16));
      // Forward over numbered SWIs; backward comes with the spots.
      b.thumb(t.bcond(cond, b.random.between(-1, FILL - 2)), ...filler(0));
    },
  })),
  {
    name: "thumb.18",
    use: "alu",
    state: T,
    weight: 2,
    make: (b) => {
      b.thumb(t.b(b.random.between(-1, FILL - 2)), ...filler(32));
    },
  },
  ...["16", "18"].map((format): Template => ({
    name: `thumb.${format}.far`,
    use: "alu",
    state: { thumb: true, spot: true },
    weight: 1,
    make: (b) => {
      const reach = format === "16" ? 128 : 1024;
      const spot = b.world.spotsUsed - 1;
      for (;;) {
        const offset = b.random.between(-reach, reach - 1);
        const index = spot * LANDING.spotStride + 2 + offset;
        if (index < 0 || index >= LANDING.thumbCount || index % LANDING.spotStride < 4) continue;
        b.thumb(format === "16" ? t.bcond(b.random.below(14), offset) : t.b(offset));
        return;
      }
    },
  })),
  {
    name: "thumb.19.landing",
    use: "alu",
    state: T,
    weight: 2,
    make: (b) => {
      const offset = b.thumbLanding() - (b.here + 4);
      b.thumb(t.bl(0, offset >> 12), t.bl(1, offset >> 1));
    },
  },
  {
    name: "thumb.19.halves",
    use: "alu",
    state: T,
    weight: 2,
    make: (b) => {
      if (b.random.chance(0.5)) {
        const offset = b.random.below(2048);
        const rh = b.random.below(14);
        b.setReg(rh, b.here + 4 + (offset << 21 >> 9) >>> 0);
        b.thumb(t.bl(0, offset), t.swi(9));
        b.thumbTwin("bl-halves", t.hi(2, rh, 14), t.swi(9));
      } else {
        const offset = b.random.below(2048);
        b.setReg(14, b.thumbLanding() - 2 * offset >>> 0);
        b.thumb(t.bl(1, offset));
      }
    },
  },
  {
    name: "thumb.19.wild",
    use: "jump",
    state: T,
    weight: 1,
    make: (b) => {
      // Even, as the first half leaves it; see "odd LR" in docs/deviations.md.
      b.setReg(14, (0xa0000000 | b.random.u32() & 0x0ffffffe) >>> 0);
      b.thumb(t.bl(1, b.random.below(2048)));
    },
  },
];

interface Access {
  readonly name: string;
  readonly size: number;
  readonly scale: number;
  readonly imm: (imm5: number, rb: number, rd: number) => number;
  readonly reg?: (ro: number, rb: number, rd: number) => number;
}

const ACCESSES: readonly Access[] = [
  ...[0, 1].flatMap((load) =>
    [0, 1].map((byte): Access => ({
      name: `${load ? "LDR" : "STR"}${byte ? "B" : ""}`,
      size: byte ? 1 : 4,
      scale: byte ? 1 : 4,
      imm: (imm5, rb, rd) => t.ldrImm(byte << 1 | load, imm5, rb, rd),
      reg: (ro, rb, rd) => t.ldrReg(load << 1 | byte, ro, rb, rd),
    }))
  ),
  ...[0, 1].map((load): Access => ({
    name: load ? "LDRH" : "STRH",
    size: 2,
    scale: 2,
    imm: (imm5, rb, rd) => t.ldrhImm(load, imm5, rb, rd),
    reg: (ro, rb, rd) => t.ldrhReg(load << 1, ro, rb, rd),
  })),
];

function transfers(): Template[] {
  const list: Template[] = [];
  for (const x of ACCESSES) {
    list.push({
      name: `thumb.9-10.${x.name}`,
      use: "data",
      state: T,
      weight: 2,
      make: (b) => {
        const imm5 = b.random.below(32);
        const rb = low(b);
        b.setReg(rb, target(b, x.size) - imm5 * x.scale >>> 0);
        b.thumb(x.imm(imm5, rb, low(b)));
      },
    });
  }
  const byRegister = [
    ...ACCESSES,
    {
      name: "LDRSB",
      size: 1,
      reg: (ro: number, rb: number, rd: number): number => t.ldrhReg(1, ro, rb, rd),
    },
    {
      name: "LDRSH",
      size: 2,
      reg: (ro: number, rb: number, rd: number): number => t.ldrhReg(3, ro, rb, rd),
    },
  ];
  for (const x of byRegister) {
    list.push({
      name: `thumb.7-8.${x.name}`,
      use: "data",
      state: T,
      weight: 2,
      make: (b) => {
        const rb = low(b);
        const ro = otherLow(b, rb);
        if (b.random.chance(0.5)) b.setReg(ro, b.random.below(256));
        b.setReg(rb, target(b, x.size) - b.reg(ro) >>> 0);
        b.thumb(x.reg!(ro, rb, low(b)));
      },
    });
  }
  for (const load of [0, 1]) {
    list.push({
      name: `thumb.11.${load ? "LDR" : "STR"}`,
      use: "data",
      state: T,
      weight: 2,
      make: (b) => {
        const imm8 = b.random.below(256);
        b.setReg(13, target(b, 4) - 4 * imm8 >>> 0);
        b.thumb(t.ldrSp(load, low(b), imm8));
      },
    });
  }
  return list;
}

/** First address of a block of `words` in the window. */
function block(b: CaseBuilder, words: number): number {
  const first = b.window - 64 + 4 * b.random.below(33 - words);
  return (first + (b.env.align && b.random.chance(0.3) ? b.random.between(1, 3) : 0)) >>> 0;
}

function count(list: number): number {
  let n = 0;
  for (let x = list; x !== 0; x &= x - 1) n++;
  return n;
}

/** A list of low registers, not empty. */
function lowList(b: CaseBuilder): number {
  return b.random.below(255) + 1;
}

const BLOCKS: Template[] = [
  {
    name: "thumb.14.PUSH",
    use: "data",
    state: T,
    weight: 2,
    make: (b) => {
      const r = b.random.below(2);
      const list = r ? b.random.below(256) : lowList(b);
      b.setReg(13, block(b, count(list) + r) + 4 * (count(list) + r) >>> 0);
      b.thumb(t.push(0, r, list));
    },
  },
  {
    name: "thumb.14.POP",
    use: "data",
    state: T,
    weight: 2,
    make: (b) => {
      const list = lowList(b);
      b.setReg(13, block(b, count(list)));
      b.thumb(t.push(1, 0, list));
    },
  },
  {
    name: "thumb.14.POP.pc",
    use: "data",
    state: T,
    weight: 2,
    v4only: true,
    make: (b) => {
      const list = b.random.below(256);
      b.setReg(13, block(b, count(list) + 1));
      jumpData(b);
      b.thumb(t.push(1, 1, list));
    },
  },
  {
    name: "thumb.15.LDMIA",
    use: "data",
    state: T,
    weight: 2,
    make: (b) => {
      const list = lowList(b);
      const rb = low(b);
      b.setReg(rb, block(b, count(list)));
      b.thumb(t.ldm(1, rb, list));
    },
  },
  {
    name: "thumb.15.STMIA",
    use: "data",
    state: T,
    weight: 2,
    make: (b) => {
      const list = lowList(b);
      let rb = low(b);
      // The base is stored only as the lowest of the list.
      while ((list >> rb & 1) !== 0 && (list & (1 << rb) - 1) !== 0) rb = low(b);
      b.setReg(rb, block(b, count(list)));
      b.thumb(t.ldm(0, rb, list));
    },
  },
  {
    name: "thumb.6",
    use: "data",
    state: T,
    weight: 2,
    make: (b) => {
      const words = b.random.below(8);
      b.thumb(t.ldrPc(low(b), words), t.swi(6));
      for (let i = 0; i <= words; i++) b.arm(b.random.u32());
    },
  },
  {
    name: "thumb.fetch.arm",
    use: "data",
    state: T,
    only: "arena",
    weight: 5,
    make: (b) => {
      b.fill("swis");
      const rm = b.random.below(15);
      b.setReg(rm, b.window + 4 * b.random.between(-16, 15) >>> 0);
      b.thumb(t.hi(3, rm, 0));
    },
  },
  {
    name: "thumb.fetch.thumb",
    use: "data",
    state: T,
    only: "arena",
    weight: 5,
    make: (b) => {
      b.fill("thumbSwis");
      const rm = b.random.below(15);
      b.setReg(rm, b.window + 2 * b.random.between(-32, 31) + 1 >>> 0);
      b.thumb(t.hi(3, rm, 0));
    },
  },
];

/** Flags that a Thumb twin spoils by its rotation: N, Z, C, V. */
const ALL_FLAGS = 0xf0000000;

const UNALIGNED: Template[] = [0, 1].map((load): Template => ({
  name: `thumb.${load ? "LDR" : "STR"}.unaligned`,
  use: "data",
  state: T,
  only: "aligned-off",
  weight: 2,
  make: (b) => {
    const rb = low(b);
    const rh = otherLow(b, rb);
    const rr = otherLow(b, rb, rh);
    const rd = load ? otherLow(b, rh, rr) : low(b);
    const amount = b.random.between(1, 3);
    const at = target(b, 4);
    const form = b.random.below(2);
    b.setReg(rh, at);
    b.setReg(rr, 8 * amount);
    if (form === 0) {
      const imm5 = b.random.below(32);
      b.setReg(rb, at + amount - 4 * imm5 >>> 0);
      b.thumb(t.ldrImm(load, imm5, rb, rd), NOP);
    } else {
      // rr serves as offset as well: the base makes up for it.
      b.setReg(rb, at + amount - 8 * amount >>> 0);
      b.thumb(t.ldrReg(load << 1, rr, rb, rd), NOP);
    }
    b.thumbTwin("unaligned-word", t.ldrImm(load, 0, rh, rd), load ? t.alu(7, rr, rd) : NOP);
    if (load) b.adjust.flagsMasked = ALL_FLAGS;
  },
}));

/** High bytes of the miscellaneous space that only later versions define. */
const MISCELLANEOUS = [0xb2, 0xb6, 0xb7, 0xb8, 0xba, 0xbe];

/** The same, where the other side does as the later versions: CBZ, CBNZ, hints, IT. */
const EXECUTED = [0xb1, 0xb3, 0xb9, 0xbb, 0xbf];

/** Encodings that ARMv4T does not define. */
const UNDEFINED: Template[] = [
  alu("undefined.16", 1, (b) => 0xde00 | b.random.below(256)),
  {
    ...alu("undefined.BLX", 1, (b) => 0x4780 | b.random.below(16) << 3),
    v4only: true,
  },
  { ...alu("undefined.1d", 1, (b) => 0xe800 | b.random.below(0x800)), v4only: true },
  {
    ...alu(
      "undefined.misc",
      3,
      (b) => b.random.pick(MISCELLANEOUS) << 8 | b.random.below(256),
    ),
    v4only: true,
  },
  {
    name: "thumb.undefined.later",
    use: "alu",
    state: T,
    weight: 2,
    make: (b) => {
      b.thumb(b.random.pick(EXECUTED) << 8 | b.random.below(256));
      b.thumbTwin("thumb-of-later-versions", 0xde00);
    },
  },
];

/** Every template of this file. */
export const THUMB_TEMPLATES: readonly Template[] = [
  ...ARITHMETIC,
  ...BRANCHES,
  ...transfers(),
  ...BLOCKS,
  ...UNALIGNED,
  ...UNDEFINED,
];
