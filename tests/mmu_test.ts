import assert from "node:assert/strict";
import fc from "fast-check";
import { C1, CACHE_TYPE, FAULT, faultName, ID_CODE } from "../core/cp15.ts";
import { ACCESS, type Access } from "../core/mmu.ts";
import { MODE, PSR, VECTOR } from "../core/cpu.ts";
import { a, ABORTING, DEVICE, identityTable, LOW_SIZE, RAM, Rig } from "./cpu_rig.ts";

const TTB = RAM + 0x10000;
const L2 = RAM + 0x20000;
const M = C1.M;

/** A rig whose tables are empty, MMU on, all domains client. */
function mapped(control: number = M): Rig {
  const rig = new Rig();
  rig.cpu.mmu.mcr(2, 0, 0, TTB);
  rig.cpu.mmu.mcr(3, 0, 0, 0x55555555);
  rig.cpu.mmu.mcr(1, 0, 0, control);
  return rig;
}

/** First-level entry of an address. */
const l1 = (va: number) => TTB + (va >>> 20) * 4;

// ---- the table walk, from the manual

interface Walked {
  /** Fault status without domain, or 0. */
  fault: number;
  domain: number;
  ap: number;
  pa: number;
  size: number;
}

/** Table walk as figures 3-3 to 3-11 of the TRM draw it, with arithmetic instead of masks. */
function walk(word: (pa: number) => number, ttb: number, mva: number): Walked {
  const field = (w: number, high: number, low: number) =>
    Math.floor(w / 2 ** low) % 2 ** (high - low + 1);
  const first = word(ttb + field(mva, 31, 20) * 4);
  const domain = field(first, 8, 5);
  const none = { domain, ap: 0, pa: 0, size: 0 };
  const kind = first % 4;
  if (kind === 0) return { ...none, fault: 5 };
  if (kind === 2) {
    return {
      fault: 0,
      domain,
      ap: field(first, 11, 10),
      pa: field(first, 31, 20) * 2 ** 20 + field(mva, 19, 0),
      size: 2 ** 20,
    };
  }
  const second = kind === 1
    ? word(field(first, 31, 10) * 2 ** 10 + field(mva, 19, 12) * 4)
    : word(field(first, 31, 12) * 2 ** 12 + field(mva, 19, 10) * 4);
  const aps = [0, 1, 2, 3].map((i) => field(second, 5 + 2 * i, 4 + 2 * i));
  const equal = aps.every((x) => x === aps[0]);
  switch (second % 4) {
    case 1: {
      const quarter = field(mva, 15, 14);
      return {
        fault: 0,
        domain,
        ap: aps[quarter],
        pa: field(second, 31, 16) * 2 ** 16 + field(mva, 15, 0),
        size: equal ? 2 ** 16 : 2 ** 14,
      };
    }
    case 2: {
      const quarter = field(mva, 11, 10);
      return {
        fault: 0,
        domain,
        ap: aps[quarter],
        pa: field(second, 31, 12) * 2 ** 12 + field(mva, 11, 0),
        size: equal ? 2 ** 12 : 2 ** 10,
      };
    }
    case 3:
      if (kind === 3) {
        return {
          fault: 0,
          domain,
          ap: aps[0],
          pa: field(second, 31, 10) * 2 ** 10 + field(mva, 9, 0),
          size: 2 ** 10,
        };
      }
  }
  return { ...none, fault: 7 };
}

/** The table of access permissions. */
function permitted(ap: number, s: boolean, r: boolean, privileged: boolean, write: boolean) {
  if (ap === 0) {
    if (s === r) return false;
    return !write && (r || privileged);
  }
  if (ap === 1) return privileged;
  if (ap === 2) return privileged || !write;
  return true;
}

Deno.test({
  name: "Mmu.translate() agrees with a walk model, permissions and domains, for any tables",
  permissions: "none",
  fn() {
    const rig = new Rig();
    const { cpu, memory } = rig;
    const first = fc.oneof(
      fc.integer().map((x) => ((x & ~3) | 2) >>> 0),
      // Tables in RAM, coarse or fine.
      fc.tuple(fc.integer({ min: 0, max: 31 }), fc.integer(), fc.constantFrom(1, 3)).map((
        [table, x, kind],
      ) => (L2 + table * 0x1000 + (x & 0x1e0) + kind) >>> 0),
      fc.integer().map((x) => (x & ~3) >>> 0),
    );
    const property = fc.property(
      first,
      fc.integer(),
      fc.integer(),
      fc.integer(),
      fc.integer(),
      fc.constantFrom(0, C1.S, C1.R, C1.S | C1.R),
      fc.boolean(),
      fc.constantFrom<Access>(0, 1, 2),
      fc.integer({ min: 0, max: 127 }),
      (descriptor, second, va, dacr, noise, sr, privileged, access, pid) => {
        cpu.reset();
        const { mmu } = cpu;
        mmu.mcr(2, 0, 0, TTB);
        mmu.mcr(3, 0, 0, dacr);
        mmu.mcr(13, 0, 0, pid << 25);
        mmu.mcr(1, 0, 0, M | sr);
        const mva = (va >>> 25) === 0 ? ((pid << 25) | va) >>> 0 : va >>> 0;
        memory.u32[rig.at(l1(mva)) >>> 2] = descriptor;
        // The same second-level entry wherever the walk will look, others different.
        if ((descriptor & 3) === 1 || (descriptor & 3) === 3) {
          memory.i32.fill(noise, rig.at(L2) >>> 2, (rig.at(L2) >>> 2) + 0x8000);
          const fine = (descriptor & 3) === 3;
          const base = fine ? descriptor & ~0xfff : descriptor & ~0x3ff;
          const index = fine ? (mva >>> 10) & 0x3ff : (mva >>> 12) & 0xff;
          memory.i32[rig.at((base >>> 0) + index * 4) >>> 2] = second;
        }
        const word = (pa: number) => rig.peek(pa);
        const want = walk(word, TTB, mva);
        let fault = want.fault;
        const page = (descriptor & 3) === 2 || fault === 5 ? 0 : 2;
        if (fault === 0) {
          const rights = (dacr >>> (2 * want.domain)) & 3;
          const write = access === ACCESS.WRITE;
          if (rights === 0 || rights === 2) fault = 9 + page;
          else if (
            rights === 1 &&
            !permitted(want.ap, (sr & C1.S) !== 0, (sr & C1.R) !== 0, privileged, write)
          ) fault = 13 + page;
        }
        for (const round of ["probe", "walk", "TLB"]) {
          const pa = round === "probe"
            ? mmu.probe(va, access, privileged)
            : mmu.translate(va, access, privileged);
          if (fault === 0) assert.equal(pa, want.pa, round);
          else {
            assert.equal(pa, -1, round);
            assert.equal(mmu.status & 15, fault, round);
            if (fault !== 5) assert.equal(mmu.status >>> 4, want.domain, round);
            assert.equal(mmu.address, mva, round);
          }
        }
        // What was entered, and that only one TLB was touched.
        const tlb = access === ACCESS.FETCH ? mmu.itlb : mmu.dtlb;
        const other = access === ACCESS.FETCH ? mmu.dtlb : mmu.itlb;
        assert.equal(other.find(mva | 0), -1);
        const i = tlb.find(mva | 0);
        if (want.fault !== 0) assert.equal(i, -1);
        else assert.equal(~tlb.mask[i] + 1, want.size);
        const walks = want.fault === 0 ? 1 : 2;
        assert.equal(mmu.counters.walksInstruction + mmu.counters.walksData, walks);
        memory.u32[rig.at(l1(mva)) >>> 2] = 0;
      },
    );
    fc.assert(property, { numRuns: 4000 });
  },
});

Deno.test({
  name: "loads, stores and fetches obey domain, AP, S and R in every combination",
  permissions: "none",
  fn() {
    const rig = mapped();
    const { cpu } = rig;
    const va = 0x00700000;
    rig.poke(RAM + 0x8000, a("bx lr", 0xe12fff1e));
    for (const page of [false, true]) {
      for (let ap = 0; ap < 4; ap++) {
        for (let rights = 0; rights < 4; rights++) {
          for (let sr = 0; sr < 4; sr++) {
            for (const privileged of [false, true]) {
              cpu.mmu.mcr(8, 7, 0, 0);
              cpu.mmu.mcr(3, 0, 0, 0x55555555 & ~(3 << 12) | (rights << 12));
              cpu.mmu.mcr(1, 0, 0, M | (sr << 8));
              if (page) {
                rig.poke(l1(va), L2 | (6 << 5) | 0x11);
                rig.poke(L2 + 8 * 4, (RAM + 0x8000) | (ap * 0x55 << 4) | 2);
              } else {
                rig.poke(l1(va), RAM | (ap << 10) | (6 << 5) | 0x12);
              }
              const message = `page ${page} AP ${ap} domain ${rights} SR ${sr} priv ${privileged}`;
              for (const write of [false, true]) {
                const want = rights === 3
                  ? 0
                  : rights !== 1
                  ? (page ? 0x6b : 0x69)
                  : permitted(ap, (sr & 1) !== 0, (sr & 2) !== 0, privileged, write)
                  ? 0
                  : (page ? 0x6f : 0x6d);
                // Twice: by the walk, and by what the host remembers.
                for (let i = 0; i < 2; i++) {
                  if (write) cpu.store(va + 0x8004, 4, 5, privileged);
                  else cpu.load(va + 0x8004, 4, privileged);
                  assert.equal(cpu.fault, want, message);
                  if (want !== 0) assert.equal(cpu.faultAddress, va + 0x8004);
                }
                if (!write) {
                  for (let i = 0; i < 2; i++) {
                    cpu.cpsr = privileged ? 0xdf : 0xd0;
                    cpu.pc = va + 0x8000;
                    cpu.setReg(14, va + 0x8000);
                    cpu.run(rig.clock.now + 1);
                    const aborted = want !== 0;
                    assert.equal((cpu.cpsr & PSR.MODE) === MODE.ABT, aborted, message);
                    if (aborted) assert.equal(cpu.mmu.mrc(5, 0, 1), want, message);
                  }
                }
              }
            }
          }
        }
      }
    }
  },
});

Deno.test({
  name: "LDRT and STRT are checked with user permission, and are LDR and STR in User mode",
  permissions: "none",
  fn() {
    const rig = mapped();
    const { cpu } = rig;
    rig.poke(l1(RAM), RAM | 0xc12);
    rig.poke(l1(0x00500000), RAM | 0x412); // privileged only
    cpu.setReg(1, 0x00508000);
    const status = (insn: number) => {
      cpu.cpsr = 0xd3;
      cpu.mmu.mcr(5, 0, 0, 0);
      rig.execute([insn]);
      return cpu.mmu.mrc(5, 0, 0);
    };
    assert.equal(status(a("ldr r0, [r1], #0", 0xe4910000)), 0);
    assert.equal(status(a("ldrt r0, [r1], #0", 0xe4b10000)), FAULT.PERMISSION_SECTION);
    assert.equal(status(a("strbt r0, [r1], #0", 0xe4e10000)), FAULT.PERMISSION_SECTION);
    // Manager domains are not checked for them either.
    cpu.mmu.mcr(3, 0, 0, 3);
    assert.equal(status(a("ldrt r0, [r1], #0", 0xe4b10000)), 0);
  },
});

Deno.test({
  name: "fault priority is alignment, translation, domain, permission",
  permissions: "none",
  fn() {
    const rig = mapped(M | C1.A);
    const { cpu } = rig;
    const va = 0x00900002;
    rig.poke(l1(RAM), RAM | 0xc12);
    const fsr = () => {
      cpu.cpsr = 0xd0;
      cpu.setReg(1, va);
      rig.execute([a("ldr r0, [r1]", 0xe5910000)]);
      assert.equal(cpu.mmu.mrc(6, 0, 0), va);
      return cpu.mmu.mrc(5, 0, 0);
    };
    cpu.mmu.mcr(3, 0, 0, 1);
    rig.poke(l1(va), RAM | (4 << 5) | 0x12); // no domain, no permission
    assert.equal(fsr(), FAULT.ALIGNMENT);
    cpu.mmu.mcr(1, 0, 0, M);
    assert.equal(fsr(), 0x49);
    cpu.mmu.mcr(3, 0, 0, 1 | (1 << 8));
    assert.equal(fsr(), 0x4d);
    rig.poke(l1(va), (4 << 5) | 0x10);
    assert.equal(fsr(), 0x4d); // the TLB still has it
    cpu.mmu.mcr(8, 6, 1, va);
    assert.equal(fsr() & 15, FAULT.TRANSLATION_SECTION);
    rig.poke(l1(va), L2 | (4 << 5) | 0x11);
    assert.equal(fsr(), 0x47);
    // Alignment is checked with the MMU off too.
    cpu.mmu.mcr(1, 0, 0, C1.A);
    assert.equal(fsr(), FAULT.ALIGNMENT);
  },
});

Deno.test({
  name: "alignment faults are for words and halfwords, by any kind of transfer",
  permissions: "none",
  fn() {
    const rig = new Rig();
    const { cpu } = rig;
    cpu.mmu.mcr(1, 0, 0, C1.A);
    const cases: [number, number, boolean][] = [
      [a("ldr r0, [r1]", 0xe5910000), 1, true],
      [a("ldr r0, [r1]", 0xe5910000), 2, true],
      [a("str r0, [r1]", 0xe5810000), 3, true],
      [a("ldrh r0, [r1]", 0xe1d100b0), 1, true],
      [a("ldrsh r0, [r1]", 0xe1d100f0), 3, true],
      [a("strh r0, [r1]", 0xe1c100b0), 1, true],
      [a("ldrh r0, [r1]", 0xe1d100b0), 2, false],
      [a("ldrb r0, [r1]", 0xe5d10000), 1, false],
      [a("strb r0, [r1]", 0xe5c10000), 3, false],
      [a("ldrsb r0, [r1]", 0xe1d100d0), 3, false],
      [a("swp r0, r2, [r1]", 0xe1010092), 2, true],
      [a("swpb r0, r2, [r1]", 0xe1410092), 2, false],
      [a("ldm r1, {r2, r3}", 0xe891000c), 1, true],
      [a("stm r1, {r2, r3}", 0xe881000c), 2, true],
    ];
    for (const [insn, offset, aborts] of cases) {
      for (const fast of [false, true]) {
        cpu.cpsr = 0xd3;
        rig.load(RAM, [insn]);
        cpu.pc = RAM;
        cpu.setReg(1, RAM + 0x1000 + offset);
        if (fast) cpu.run(rig.clock.now + 1);
        else cpu.step();
        const message = `${insn.toString(16)} + ${offset}`;
        assert.equal(cpu.pc === VECTOR.DATA_ABORT, aborts, message);
        if (aborts) assert.equal(cpu.mmu.mrc(6, 0, 0), RAM + 0x1000 + offset, message);
      }
    }
  },
});

Deno.test({
  name: "external aborts are reported where the core waits for the bus",
  permissions: "none",
  fn() {
    const rig = mapped();
    const { cpu } = rig;
    const va = 0x00a00000;
    rig.poke(l1(RAM), RAM | 0xc12);
    const status = (cb: number, insn: number, page = false, control = 0) => {
      cpu.mmu.mcr(8, 7, 0, 0);
      cpu.mmu.mcr(1, 0, 0, M | control);
      rig.poke(l1(va), page ? L2 | (2 << 5) | 0x11 : ABORTING | (2 << 5) | 0xc12 | cb);
      rig.poke(L2, ABORTING | 0xff2 | cb);
      cpu.mmu.mcr(5, 0, 0, 0);
      cpu.cpsr = 0xd3;
      cpu.setReg(1, va);
      rig.execute([insn]);
      return cpu.mmu.mrc(5, 0, 0);
    };
    const load = a("ldr r0, [r1]", 0xe5910000);
    const store = a("str r0, [r1]", 0xe5810000);
    assert.equal(status(0, load), 0x28);
    assert.equal(status(0, load, true), 0x2a);
    assert.equal(status(0, store), 0x28);
    assert.equal(status(4, load), 0x28); // bufferable: a read waits,
    assert.equal(status(4, store), 0); // a write does not
    assert.equal(status(8, load, false, C1.C), 0); // a line fill cannot abort
    assert.equal(status(8, load), 0x28); // with the cache off it is no line fill
    assert.equal(status(12, store, true), 0);
    // A walk.
    cpu.mmu.mcr(8, 7, 0, 0);
    rig.poke(l1(va), ABORTING | (2 << 5) | 0x11);
    cpu.load(va, 4, true);
    assert.equal(cpu.fault, 0x2e);
    cpu.mmu.mcr(2, 0, 0, ABORTING);
    cpu.load(0x00b00000, 4, true);
    assert.equal(cpu.fault & 15, FAULT.EXTERNAL_WALK_1);
    assert.equal(rig.bus.fault, false);
  },
});

Deno.test({
  name: "data aborts in the middle of LDM and STM restore the base and keep what came before",
  permissions: "none",
  fn() {
    const rig = mapped();
    const { cpu } = rig;
    rig.poke(l1(RAM), RAM | 0xc12);
    const page = 0x00c00000;
    rig.poke(l1(page), L2 | 0x11);
    rig.poke(L2, (RAM + 0x30000) | 0xff2); // the next page is not there
    const at = page + 0x1000 - 8;
    for (const fast of [false, true]) {
      for (const writeback of [0, 1 << 21]) {
        rig.load(RAM + 0x30ff8, [101, 102]);
        // ldmia r3, {r1, r2, r3, r4, pc}: the third word aborts.
        cpu.cpsr = 0xd3;
        [1, 2, at, 4].forEach((v, i) => cpu.setReg(i + 1, v));
        rig.load(RAM, [(0xe893801e | writeback) >>> 0]);
        cpu.pc = RAM;
        if (fast) cpu.run(rig.clock.now + 1);
        else cpu.step();
        assert.equal(cpu.pc, VECTOR.DATA_ABORT);
        assert.equal(cpu.reg(14), RAM + 8);
        assert.deepEqual([1, 2, 3, 4].map((n) => cpu.reg(n)), [101, 102, at, 4]);
        assert.equal(cpu.mmu.mrc(5, 0, 0), FAULT.TRANSLATION_PAGE);
        assert.equal(cpu.mmu.mrc(6, 0, 0), page + 0x1000);

        // stmia r3, {r1, r2, r4}
        cpu.cpsr = 0xd3;
        [11, 12, at, 14].forEach((v, i) => cpu.setReg(i + 1, v));
        rig.load(RAM, [(0xe8830016 | writeback) >>> 0]);
        cpu.pc = RAM;
        if (fast) cpu.run(rig.clock.now + 1);
        else cpu.step();
        assert.equal(cpu.pc, VECTOR.DATA_ABORT);
        assert.deepEqual([1, 2, 3, 4].map((n) => cpu.reg(n)), [11, 12, at, 14]);
        assert.deepEqual([rig.peek(RAM + 0x30ff8), rig.peek(RAM + 0x30ffc)], [11, 12]);
      }
    }
    // The base itself was loaded before the abort: ldmia r1, {r1, r2, r3}.
    cpu.cpsr = 0xd3;
    cpu.setReg(1, at);
    rig.execute([a("ldm r1, {r1, r2, r3}", 0xe891000e)]);
    assert.equal(cpu.pc, VECTOR.DATA_ABORT);
    assert.equal(cpu.reg(1), at);
  },
});

Deno.test({
  name: "a data abort leaves base and destination of single transfers",
  permissions: "none",
  fn() {
    const rig = mapped();
    const { cpu } = rig;
    rig.poke(l1(RAM), RAM | 0xc12);
    const insns = [
      a("ldr r0, [r1, #4]!", 0xe5b10004),
      a("ldr r0, [r1], #4", 0xe4910004),
      a("str r0, [r1, #4]!", 0xe5a10004),
      a("strb r0, [r1], #4", 0xe4c10004),
      a("ldrh r0, [r1, #4]!", 0xe1f100b4),
      a("strh r0, [r1], r2", 0xe08100b2),
      a("ldrsb r0, [r1], r2", 0xe09100d2),
      a("ldr r1, [r1, r2]", 0xe7911002),
      a("swp r0, r2, [r1]", 0xe1010092),
    ];
    for (const insn of insns) {
      for (const fast of [false, true]) {
        cpu.cpsr = 0xd3;
        [7, 0x00d00000, 4].forEach((v, n) => cpu.setReg(n, v));
        rig.load(RAM, [insn]);
        cpu.pc = RAM;
        if (fast) cpu.run(rig.clock.now + 1);
        else cpu.step();
        assert.equal(cpu.pc, VECTOR.DATA_ABORT);
        assert.deepEqual([0, 1, 2].map((n) => cpu.reg(n)), [7, 0x00d00000, 4]);
      }
    }
  },
});

// ---- TLB

Deno.test({
  name: "TLB entries stay until invalidated, whatever the tables say",
  permissions: "none",
  fn() {
    const rig = mapped();
    const { cpu } = rig;
    const va = 0x00100000;
    rig.poke(RAM + 0x8000, 1);
    rig.poke(RAM + 0x108000, 2);
    rig.poke(l1(va), RAM | 0xc12);
    const seen = () => cpu.load(va + 0x8000, 4, true);
    assert.equal(seen(), 1);
    rig.poke(l1(va), (RAM + 0x100000) | 0xc12);
    assert.equal(seen(), 1);
    cpu.mmu.mcr(8, 5, 0, 0); // the other TLB
    cpu.mmu.mcr(8, 5, 1, va);
    assert.equal(seen(), 1);
    cpu.mmu.mcr(2, 0, 0, TTB); // a write of TTB invalidates nothing
    cpu.mmu.mcr(8, 6, 1, va + 0x100000); // another page
    assert.equal(seen(), 1);
    cpu.mmu.mcr(8, 6, 1, va + 0xff000); // same section, other line
    assert.equal(seen(), 2);
    rig.poke(l1(va), 0);
    assert.equal(seen(), 2);
    cpu.mmu.mcr(8, 7, 0, 0);
    seen();
    assert.equal(cpu.fault & 15, FAULT.TRANSLATION_SECTION);
    // Faults are not kept.
    rig.poke(l1(va), RAM | 0xc12);
    assert.equal(seen(), 1);
    assert.equal(cpu.counters.c8.INVALIDATE, 1);
    assert.equal(cpu.counters.c8.INVALIDATE_D_ENTRY, 2);
  },
});

Deno.test({
  name: "the D TLB displaces its oldest of 64 entries",
  permissions: "none",
  fn() {
    const rig = mapped();
    const { cpu } = rig;
    const va = (i: number) => 0x10000000 + i * 0x100000;
    for (let i = 0; i < 66; i++) rig.poke(l1(va(i)), RAM | 0xc12);
    rig.poke(RAM + 0x8000, 7);
    for (let i = 0; i < 64; i++) cpu.load(va(i) + 0x8000, 4, true);
    for (let i = 0; i < 66; i++) rig.poke(l1(va(i)), 0);
    for (let i = 0; i < 64; i++) {
      cpu.load(va(i) + 0x8000, 4, true);
      assert.equal(cpu.fault, 0);
    }
    rig.poke(l1(va(65)), RAM | 0xc12);
    cpu.load(va(65) + 0x8000, 4, true);
    const kept = Array.from({ length: 66 }, (_, i) => {
      cpu.load(va(i) + 0x8000, 4, true);
      return cpu.fault === 0;
    });
    assert.deepEqual(kept.map((k, i) => k ? -1 : i).filter((i) => i >= 0), [0, 64]);
    assert.equal(cpu.mmu.mrc(10, 0, 0) >>> 20, 1);
  },
});

Deno.test({
  name: "where a stale page and a newer section overlap in the TLB the lowest entry wins",
  permissions: "none",
  fn() {
    const rig = mapped();
    const { cpu } = rig;
    const va = 0x00400000;
    rig.poke(RAM + 0x30000, 1);
    rig.poke(RAM + 0x100000, 2);
    const load = () => cpu.load(va, 4, true);
    // The page in entry 5, the section in entry 3.
    cpu.mmu.mcr(10, 0, 0, 5 << 20);
    rig.poke(l1(va), L2 | 0x11);
    rig.poke(L2, (RAM + 0x30000) | 0xff2);
    assert.equal(load(), 1);
    rig.poke(l1(va), (RAM + 0x100000) | 0xc12);
    assert.equal(load(), 1);
    cpu.mmu.mcr(10, 0, 0, 3 << 20);
    cpu.load(va + 0x1000, 4, true);
    assert.equal(load(), 2);
    const other = new Rig();
    other.memory.u8.set(
      rig.memory.u8.subarray(rig.at(RAM), rig.at(RAM) + 0x200000),
      other.at(RAM),
    );
    other.cpu.restore(cpu.state());
    assert.equal(other.cpu.load(va, 4, true), 2);
    // The other way round: the page is the lower one.
    cpu.mmu.mcr(8, 7, 0, 0);
    cpu.mmu.mcr(10, 0, 0, 1 << 20);
    rig.poke(l1(va), L2 | 0x11);
    assert.equal(load(), 1);
    rig.poke(l1(va), (RAM + 0x100000) | 0xc12);
    cpu.load(va + 0x1000, 4, true);
    assert.equal(load(), 1);
    cpu.mmu.mcr(8, 6, 1, va);
    assert.equal(load(), 2);
  },
});

Deno.test({
  name: "TLB lockdown keeps entries below the base, and preserved ones through invalidate-all",
  permissions: "none",
  fn() {
    const rig = mapped();
    const { cpu } = rig;
    const va = (i: number) => 0x10000000 + i * 0x100000;
    for (let i = 0; i < 128; i++) rig.poke(l1(va(i)), RAM | 0xc12);
    // Two entries locked: 0 preserved, 1 not.
    cpu.mmu.mcr(10, 0, 0, 1);
    cpu.load(va(0), 4, true);
    assert.equal(cpu.mmu.mrc(10, 0, 0) >>> 0, (1 << 20) | 1);
    cpu.mmu.mcr(10, 0, 0, (1 << 26) | (1 << 20));
    cpu.load(va(1), 4, true);
    cpu.mmu.mcr(10, 0, 0, (2 << 26) | (2 << 20));
    for (let i = 2; i < 128; i++) cpu.load(va(i), 4, true);
    for (let i = 0; i < 128; i++) rig.poke(l1(va(i)), 0);
    const there = (i: number) => {
      cpu.load(va(i), 4, true);
      return cpu.fault === 0;
    };
    assert.deepEqual([0, 1, 2, 64, 65, 66, 127].map(there), [
      true,
      true,
      false,
      false,
      false,
      true,
      true,
    ]);
    // 126 entries went through 62 places from 2 on.
    assert.equal((cpu.mmu.mrc(10, 0, 0) >>> 20) & 63, 2 + 126 % 62);
    cpu.mmu.mcr(8, 6, 0, 0);
    assert.deepEqual([0, 1, 127].map(there), [true, false, false]);
    cpu.mmu.mcr(8, 7, 0, 0);
    assert.equal(there(0), true);
    cpu.mmu.mcr(8, 6, 1, va(0));
    assert.equal(there(0), false);
    // The I TLB has a register of its own.
    cpu.mmu.mcr(10, 0, 1, (5 << 26) | (9 << 20) | 1);
    assert.equal(cpu.mmu.mrc(10, 0, 1) >>> 0, ((5 << 26) | (9 << 20) | 1) >>> 0);
    assert.notEqual(cpu.mmu.mrc(10, 0, 0), cpu.mmu.mrc(10, 0, 1));
  },
});

Deno.test({
  name: "sub-pages of different permission are entered and invalidated one by one",
  permissions: "none",
  fn() {
    const rig = mapped();
    const { cpu } = rig;
    const va = 0x00200000;
    rig.poke(l1(0), 0xc12);
    rig.poke(VECTOR.PREFETCH_ABORT, 0xeafffffe);
    rig.poke(l1(va), L2 | 0x11);
    rig.poke(L2, (RAM + 0x8000) | 0b11_10_01_00_0000 | 2);
    const can = (offset: number, write: boolean) => {
      if (write) cpu.store(va + offset, 4, 0, false);
      else cpu.load(va + offset, 4, false);
      return cpu.fault === 0;
    };
    for (let i = 0; i < 2; i++) {
      assert.deepEqual([0, 0x400, 0x800, 0xc00].map((o) => can(o, false)), [
        false,
        false,
        true,
        true,
      ]);
      assert.deepEqual([0, 0x400, 0x800, 0xc00].map((o) => can(o, true)), [
        false,
        false,
        false,
        true,
      ]);
    }
    assert.equal(cpu.counters.walksData, 4);
    rig.poke(L2, 0);
    cpu.mmu.mcr(8, 6, 1, va + 0x800);
    assert.deepEqual([0x800, 0xc00].map((o) => can(o, false)), [false, true]);
    // Code runs in the sub-page that may be read, up to its end.
    rig.poke(L2, (RAM + 0x8000) | 0b00_11_00_00_0000 | 2);
    cpu.mmu.mcr(8, 7, 0, 0);
    for (let o = 0x800; o < 0x1000; o += 4) {
      rig.poke(RAM + 0x8000 + o, a("add r0, r0, #1", 0xe2800001));
    }
    cpu.cpsr = 0xd0;
    cpu.setReg(0, 0);
    cpu.pc = va + 0x800;
    cpu.run(rig.clock.now + 300);
    assert.equal(cpu.reg(0), 0x100);
    assert.equal(cpu.bankedReg(MODE.ABT, 14), va + 0xc00 + 4);
    assert.equal(cpu.mmu.mrc(5, 0, 1), FAULT.PERMISSION_PAGE);
  },
});

// ---- FCSE and other registers

Deno.test({
  name: "FCSE moves the addresses below 32 MB, and FAR, TLB and c8 know the moved ones",
  permissions: "none",
  fn() {
    const rig = mapped();
    const { cpu } = rig;
    identityTable(rig, TTB);
    const pid = 48 << 25;
    rig.poke(l1(pid >>> 0), RAM | 0xc12);
    rig.poke(l1((pid + 0x100000) >>> 0), 0);
    rig.poke(RAM + 0x8000, 99);
    rig.poke(0x8000, 11);
    assert.equal(cpu.load(0x8000, 4, true), 11);
    cpu.mmu.mcr(13, 0, 0, pid | 0x1ffffff);
    assert.equal(cpu.mmu.mrc(13, 0, 0), pid | 0);
    assert.equal(cpu.load(0x8000, 4, true), 99);
    assert.equal(cpu.load((pid + 0x8000) >>> 0, 4, true), 99);
    cpu.cpsr = 0xd3;
    cpu.setReg(1, 0x00100000);
    rig.execute([a("ldr r0, [r1]", 0xe5910000)]);
    assert.equal(cpu.mmu.mrc(6, 0, 0), (pid + 0x100000) | 0);
    // The monitor's accesses say the same.
    cpu.load(0x00100004, 4, true);
    assert.equal(cpu.faultAddress, (pid + 0x100004) >>> 0);
    // Invalidation takes the moved address as it is.
    rig.poke(l1(pid >>> 0), 0);
    cpu.mmu.mcr(8, 6, 1, 0x8000);
    assert.equal(cpu.load(0x8000, 4, true), 99);
    cpu.mmu.mcr(8, 6, 1, (pid + 0x8000) | 0);
    cpu.load(0x8000, 4, true);
    assert.equal(cpu.fault & 15, FAULT.TRANSLATION_SECTION);
    cpu.mmu.mcr(13, 0, 0, 0);
    assert.equal(cpu.load(0x8000, 4, true), 11);
    // Code too.
    rig.poke(l1(pid >>> 0), RAM | 0xc12);
    rig.poke(RAM + 0x9000, a("mov r0, #1", 0xe3a00001));
    rig.poke(0x9000, a("mov r0, #2", 0xe3a00002));
    for (const [p, want] of [[pid, 1], [0, 2], [pid, 1]]) {
      cpu.mmu.mcr(13, 0, 0, p);
      cpu.pc = 0x9000;
      cpu.run(rig.clock.now + 1);
      assert.equal(cpu.reg(0), want);
      assert.equal(cpu.pc, 0x9004);
    }
  },
});

Deno.test({
  name: "with the MMU off addresses are physical, after FCSE",
  permissions: "none",
  fn() {
    const rig = new Rig();
    const { cpu } = rig;
    rig.poke(RAM + 0x8000, 5);
    assert.equal(cpu.load(RAM + 0x8000, 4, false), 5);
    cpu.mmu.mcr(13, 0, 0, RAM);
    assert.equal(cpu.load(0x8000, 4, false), 5);
    assert.equal(cpu.mmu.probe(0x8000, ACCESS.READ, true), RAM + 0x8000);
    cpu.load(DEVICE + 8, 2, true);
    assert.deepEqual(rig.log.map((e) => [e.kind, e.pa, e.size]), [["read", DEVICE + 8, 2]]);
  },
});

Deno.test({
  name: "CP15 registers keep the bits they have",
  permissions: "none",
  fn() {
    const rig = new Rig();
    const { mmu } = rig.cpu;
    const all = (crn: number, op2 = 0) => {
      mmu.mcr(crn, 0, op2, 0xffffffff);
      const value = mmu.mrc(crn, 0, op2) >>> 0;
      mmu.mcr(crn, 0, op2, 0);
      return value;
    };
    assert.equal(mmu.mrc(0, 0, 0), ID_CODE);
    assert.equal(mmu.mrc(0, 0, 7), ID_CODE);
    assert.equal(mmu.mrc(0, 0, 1), CACHE_TYPE);
    assert.equal(mmu.mrc(1, 0, 0), 0x78);
    assert.equal(all(1), 0xc00073ff);
    assert.equal(mmu.mrc(1, 0, 0), 0x78);
    assert.equal(all(2), 0xffffc000);
    assert.equal(all(3), 0xffffffff);
    assert.equal(all(5, 0), 0xff);
    assert.equal(all(5, 1), 0xff);
    assert.equal(all(6), 0xffffffff);
    assert.equal(all(9, 0), 0xfc000000);
    assert.equal(all(9, 1), 0xfc000000);
    assert.equal(all(10, 0), 0xfff00001);
    assert.equal(all(10, 1), 0xfff00001);
    assert.equal(all(13), 0xfe000000);
    for (const none of [4, 7, 8, 11, 12, 14, 15]) assert.equal(all(none), 0);
  },
});

Deno.test({
  name: "Mmu.probe() changes nothing",
  permissions: "none",
  fn() {
    const rig = mapped();
    const { mmu } = rig.cpu;
    rig.poke(l1(0x00300000), RAM | 0xc12);
    const before = JSON.stringify(mmu.state());
    assert.equal(mmu.probe(0x00308000, ACCESS.READ, true), RAM + 0x8000);
    assert.equal(mmu.probe(0x00408000, ACCESS.READ, true), -1);
    assert.equal(JSON.stringify(mmu.state()), before);
    // It sees a stale entry as the CPU would.
    mmu.translate(0x00308000, ACCESS.READ, true);
    rig.poke(l1(0x00300000), 0);
    assert.equal(mmu.probe(0x00308000, ACCESS.READ, true), RAM + 0x8000);
    assert.equal(mmu.probe(0x00308000, ACCESS.FETCH, true), -1);
  },
});

Deno.test({
  name: "big-endian operation swaps bytes and halfwords within a word",
  permissions: "none",
  fn() {
    const rig = new Rig();
    const { cpu } = rig;
    rig.poke(RAM + 0x8000, 0x11223344);
    assert.equal(cpu.load(RAM + 0x8000, 1, true), 0x44);
    cpu.mmu.mcr(1, 0, 0, C1.B);
    assert.equal(cpu.load(RAM + 0x8000, 4, true), 0x11223344);
    assert.equal(cpu.load(RAM + 0x8000, 1, true), 0x11);
    assert.equal(cpu.load(RAM + 0x8002, 2, true), 0x3344);
    cpu.store(RAM + 0x8003, 1, 0xff, true);
    assert.equal(rig.peek(RAM + 0x8000), 0x112233ff);
    rig.loadThumb(RAM, [0x2001, 0x2102]); // in memory order: r1 = 2 comes first
    cpu.cpsr = 0xf3;
    cpu.pc = RAM;
    cpu.run(rig.clock.now + 1);
    assert.deepEqual([cpu.reg(0), cpu.reg(1)], [0, 2]);
  },
});

Deno.test({
  name: "Cpu.load() and store() leave fault registers and CPU alone, and always check alignment",
  permissions: "none",
  fn() {
    const rig = mapped();
    const { cpu } = rig;
    rig.poke(l1(RAM), RAM | 0xc12);
    const cp15 = () => [5, 6].map((n) => cpu.mmu.mrc(n, 0, 0));
    const before = [cp15(), rig.registers(), cpu.pc, cpu.cpsr, rig.clock.now];
    cpu.load(RAM + 1, 4, true);
    assert.equal(cpu.fault, FAULT.ALIGNMENT);
    assert.equal(cpu.faultAddress, RAM + 1);
    cpu.store(RAM + 1, 2, 0, true);
    assert.equal(cpu.fault, FAULT.ALIGNMENT);
    cpu.store(0x00800000, 1, 0, true);
    assert.equal(cpu.fault, FAULT.TRANSLATION_SECTION);
    cpu.store(RAM + 0x8000, 4, 0xfedcba98, true);
    assert.equal(cpu.fault, 0);
    assert.equal(cpu.load(RAM + 0x8000, 4, false), 0xfedcba98);
    assert.equal(cpu.load(RAM + 0x8003, 1, false), 0xfe);
    assert.equal(cpu.load(RAM + 0x8002, 2, false), 0xfedc);
    assert.deepEqual([cp15(), rig.registers(), cpu.pc, cpu.cpsr, rig.clock.now], before);
    // A read-only region of the bus gets the write.
    cpu.mmu.mcr(1, 0, 0, 0);
    cpu.store(0x08000000, 4, 1, true);
    assert.equal(rig.log.at(-1)?.kind, "write");
    assert.equal(cpu.load(0x08000000, 4, true), 0);
    cpu.store(LOW_SIZE, 4, 2, true);
    assert.equal(rig.log.at(-1)?.pa, LOW_SIZE);
  },
});

Deno.test({
  name: "faultName() names the fault status codes",
  permissions: "none",
  fn() {
    assert.equal(faultName(0x2b), "domain-page");
    assert.equal(faultName(FAULT.PERMISSION_SECTION), "permission-section");
    assert.equal(faultName(0), "none");
  },
});
