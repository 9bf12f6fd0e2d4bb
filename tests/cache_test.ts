import assert from "node:assert/strict";
import fc from "fast-check";
import { Cache } from "../core/cache.ts";
import { C1 } from "../core/cp15.ts";
import { a, ABORTING, DEVICE, RAM, Rig } from "./cpu_rig.ts";

const TTB = RAM + 0x10000;
const ON = C1.M | C1.C | C1.I;
/** The same megabyte of RAM, by the C and B bits of its section. */
const NCNB = 0x10000000;
const NCB = 0x10100000;
const WT = 0x10200000;
const WB = 0x10300000;
/** Where the sections begin. */
const FRAME = RAM + 0x100000;

function section(rig: Rig, va: number, frame: number, cb: number): void {
  rig.poke(TTB + (va >>> 20) * 4, frame | 0xc12 | cb);
}

function cached(control: number = ON): Rig {
  const rig = new Rig({ cache: true });
  [NCNB, NCB, WT, WB].forEach((va, cb) => section(rig, va, FRAME, cb << 2));
  section(rig, RAM, RAM, 0);
  section(rig, DEVICE, DEVICE, 0);
  rig.cpu.mmu.mcr(2, 0, 0, TTB);
  rig.cpu.mmu.mcr(3, 0, 0, 1);
  rig.cpu.mmu.mcr(1, 0, 0, control);
  return rig;
}

const c7 = (rig: Rig, crm: number, op2: number, value = 0) => rig.cpu.mmu.mcr(7, crm, op2, value);

Deno.test({
  name: "a cacheable read fills a line, which is read until it is invalidated",
  permissions: "none",
  fn() {
    const rig = cached();
    for (const va of [WT, WB]) {
      const load = (offset: number) => rig.cpu.load(va + offset, 4, true);
      rig.load(FRAME, [10, 11, 12, 13, 14, 15, 16, 17, 18]);
      assert.equal(load(8), 12);
      rig.load(FRAME, [20, 21, 22, 23, 24, 25, 26, 27, 28]);
      assert.equal(load(8), 12);
      assert.equal(load(0), 10); // the line begins at a multiple of 32
      assert.equal(load(28), 17);
      assert.equal(load(32), 28);
      assert.equal(rig.cpu.load(va + 5, 1, true), 0);
      assert.equal(rig.cpu.load(va + 4, 2, true), 11);
      c7(rig, 6, 1, va + 0x100); // the same set, another line
      c7(rig, 5, 1, va); // the other cache
      assert.equal(load(8), 12);
      c7(rig, 6, 1, va + 31);
      assert.equal(load(8), 22);
    }
    for (const va of [NCNB, NCB]) {
      rig.poke(FRAME + 0x40, 1);
      assert.equal(rig.cpu.load(va + 0x40, 4, true), 1);
      rig.poke(FRAME + 0x40, 2);
      assert.equal(rig.cpu.load(va + 0x40, 4, true), 2);
    }
  },
});

Deno.test({
  name: "a write hit stays in the cache in a write-back region, and goes to memory in the others",
  permissions: "none",
  fn() {
    const rig = cached();
    for (const va of [NCNB, NCB, WT, WB]) {
      rig.poke(FRAME + 0x44, 1);
      c7(rig, 6, 0);
      rig.cpu.load(va + 0x44, 4, true);
      rig.cpu.store(va + 0x44, 4, 2, true);
      assert.equal(rig.peek(FRAME + 0x44), va === WB ? 1 : 2);
      assert.equal(rig.cpu.load(va + 0x44, 4, true), 2);
      rig.cpu.store(va + 0x45, 1, 3, true);
      rig.cpu.store(va + 0x46, 2, 4, true);
      assert.equal(rig.cpu.load(va + 0x44, 4, true), 0x00040302);
      assert.equal(rig.peek(FRAME + 0x44), va === WB ? 1 : 0x00040302);
    }
    // A write miss allocates nothing.
    c7(rig, 6, 0);
    rig.cpu.store(WB + 0x80, 4, 5, true);
    assert.equal(rig.peek(FRAME + 0x80), 5);
    rig.poke(FRAME + 0x80, 6);
    assert.equal(rig.cpu.load(WB + 0x80, 4, true), 6);
  },
});

Deno.test({
  name: "a read of a region that is not cacheable ignores a line that it hits, and leaves it alone",
  permissions: "none",
  fn() {
    for (const cb of [0, 4]) {
      const rig = cached();
      const remap = (bits: number) => {
        section(rig, WB, FRAME, bits);
        rig.cpu.mmu.mcr(8, 7, 0, 0);
      };
      const load = (offset: number) => rig.cpu.load(WB + offset, 4, true);
      rig.load(FRAME, [1, 2]);
      assert.equal(load(0), 1);
      rig.cpu.store(WB, 4, 3, true); // dirty
      rig.poke(FRAME, 4);
      remap(cb);
      assert.equal(load(0), 4);
      assert.equal(rig.cpu.load(WB + 4, 2, true), 2);
      remap(12);
      assert.equal(load(0), 3);

      // The read of a swap is one of memory; its write updates both.
      remap(cb);
      rig.load(RAM, [a("swp r0, r1, [r2]", 0xe1020091)]);
      rig.cpu.pc = RAM;
      rig.cpu.setReg(1, 5);
      rig.cpu.setReg(2, WB);
      rig.cpu.step();
      assert.equal(rig.cpu.reg(0), 4);
      assert.equal(rig.peek(FRAME), 5);
      remap(12);
      assert.equal(load(0), 5);
    }
  },
});

Deno.test({
  name: "cleaning writes the dirty halves back, to where the line was loaded from",
  permissions: "none",
  fn() {
    const by = {
      line: (rig: Rig, va: number) => c7(rig, 10, 1, va),
      "line and invalidate": (rig: Rig, va: number) => c7(rig, 14, 1, va),
      // The first fill of a set goes to way 0.
      index: (rig: Rig, va: number) => c7(rig, 10, 2, va & 0xe0),
      "index and invalidate": (rig: Rig, va: number) => c7(rig, 14, 2, va & 0xe0),
    };
    for (const [name, clean] of Object.entries(by)) {
      const rig = cached();
      const va = WB + 0x60;
      rig.load(FRAME + 0x60, [0, 0, 0, 0, 0, 0, 0, 0]);
      rig.cpu.load(va, 4, true);
      rig.cpu.store(va + 20, 4, 7, true); // the upper half
      rig.poke(FRAME + 0x60, 99); // lower half, behind the cache's back
      rig.poke(FRAME + 0x60 + 24, 98); // upper half
      // The page moves before the line is cleaned.
      section(rig, WB, RAM + 0x200000, 12);
      rig.cpu.mmu.mcr(8, 7, 0, 0);
      rig.load(RAM + 0x200060, [1, 1, 1, 1, 1, 1, 1, 1]);
      clean(rig, va);
      const words = (pa: number) => [0, 1, 2, 3, 4, 5, 6, 7].map((i) => rig.peek(pa + 4 * i));
      assert.deepEqual(words(FRAME + 0x60), [99, 0, 0, 0, 0, 7, 0, 0], name);
      assert.deepEqual(words(RAM + 0x200060), [1, 1, 1, 1, 1, 1, 1, 1], name);
      // The line is there still, under its address, unless it was invalidated.
      const there = !name.includes("invalidate");
      assert.equal(rig.cpu.load(va, 4, true), there ? 0 : 1, name);
      // It is clean: nothing more is written.
      rig.poke(FRAME + 0x60 + 20, 5);
      clean(rig, va);
      assert.equal(rig.peek(FRAME + 0x60 + 20), 5, name);
    }
  },
});

Deno.test({
  name: "invalidating loses what is dirty",
  permissions: "none",
  fn() {
    for (const [crm, op2] of [[6, 0], [6, 1], [7, 0]]) {
      const rig = cached();
      rig.poke(FRAME, 1);
      rig.cpu.load(WB, 4, true);
      rig.cpu.store(WB, 4, 2, true);
      c7(rig, crm, op2, WB);
      assert.equal(rig.cpu.load(WB, 4, true), 1);
      assert.equal(rig.peek(FRAME), 1);
    }
  },
});

Deno.test({
  name: "lines are tagged by modified virtual address: aliases do not see each other",
  permissions: "none",
  fn() {
    const rig = cached();
    section(rig, 0x10400000, FRAME, 12);
    rig.poke(FRAME, 1);
    assert.equal(rig.cpu.load(WB, 4, true), 1);
    assert.equal(rig.cpu.load(0x10400000, 4, true), 1);
    rig.cpu.store(WB, 4, 2, true);
    assert.equal(rig.cpu.load(0x10400000, 4, true), 1);
    assert.equal(rig.cpu.load(NCNB, 4, true), 1);
    // FCSE makes addresses of their own: the same VA, another line.
    section(rig, 0x02000000, FRAME, 12);
    section(rig, 0x04000000, FRAME, 12);
    rig.poke(FRAME + 0x40, 5);
    rig.cpu.mmu.mcr(13, 0, 0, 0x02000000);
    rig.cpu.load(0x40, 4, true);
    rig.cpu.store(0x40, 4, 6, true);
    rig.cpu.mmu.mcr(13, 0, 0, 0x04000000);
    assert.equal(rig.cpu.load(0x40, 4, true), 5);
    assert.equal(rig.cpu.load(0x02000040, 4, true), 6);
    // Maintenance takes the modified address as it is.
    c7(rig, 10, 1, 0x40);
    assert.equal(rig.peek(FRAME + 0x40), 5);
    c7(rig, 10, 1, 0x02000040);
    assert.equal(rig.peek(FRAME + 0x40), 6);
  },
});

Deno.test({
  name: "permissions are looked at before a hit, and nothing is while the cache is off",
  permissions: "none",
  fn() {
    const rig = cached();
    rig.poke(FRAME, 1);
    rig.cpu.load(WB, 4, true);
    rig.poke(FRAME, 2);
    assert.equal(rig.cpu.load(WB, 4, true), 1);
    rig.cpu.mmu.mcr(3, 0, 0, 0);
    rig.cpu.load(WB, 4, true);
    assert.equal(rig.cpu.fault, 0x09);
    // Off, the cache is not looked at; on again, the line is still there.
    rig.cpu.mmu.mcr(3, 0, 0, 1);
    rig.cpu.mmu.mcr(1, 0, 0, C1.M | C1.I);
    assert.equal(rig.cpu.load(WB, 4, true), 2);
    rig.cpu.mmu.mcr(1, 0, 0, ON);
    assert.equal(rig.cpu.load(WB, 4, true), 1);
  },
});

Deno.test({
  name: "the instruction cache runs old code until it is invalidated, and memory is clean",
  permissions: "none",
  fn() {
    for (const region of [WT, WB]) {
      const rig = cached();
      const { cpu } = rig;
      const run = () => {
        cpu.pc = region + 0x200;
        cpu.run(rig.clock.now + 1);
        return cpu.reg(0);
      };
      rig.poke(FRAME + 0x200, a("mov r0, #1", 0xe3a00001));
      assert.equal(run(), 1);
      cpu.load(region + 0x200, 4, true); // now in the data cache too
      cpu.store(region + 0x200, 4, a("mov r0, #2", 0xe3a00002), true);
      assert.equal(run(), 1);
      c7(rig, 5, 1, region + 0x200);
      assert.equal(run(), region === WB ? 1 : 2); // filled from memory, not from the data cache
      c7(rig, 10, 1, region + 0x200);
      c7(rig, 10, 4);
      c7(rig, 5, 0);
      assert.equal(run(), 2);
      // Thumb code too.
      cpu.cpsr = 0xf3;
      rig.loadThumb(FRAME + 0x240, [0x2005, 0x2006]);
      cpu.pc = region + 0x242;
      cpu.run(rig.clock.now + 1);
      assert.equal(cpu.reg(0), 6);
    }
    // Not cacheable: straight from memory. With the MMU off everything may be cached.
    const rig = cached();
    const run = (pc: number) => {
      rig.cpu.pc = pc;
      rig.cpu.step();
      return rig.cpu.reg(0);
    };
    rig.poke(FRAME, a("mov r0, #1", 0xe3a00001));
    assert.equal(run(NCB), 1);
    rig.poke(FRAME, a("mov r0, #2", 0xe3a00002));
    assert.equal(run(NCB), 2);
    rig.cpu.mmu.mcr(1, 0, 0, C1.I);
    assert.equal(run(FRAME), 2);
    rig.poke(FRAME, a("mov r0, #3", 0xe3a00003));
    assert.equal(run(FRAME), 2);
    rig.cpu.mmu.mcr(1, 0, 0, 0);
    assert.equal(run(FRAME), 3);
  },
});

Deno.test({
  name: "prefetching an instruction line fills it when it may be cached",
  permissions: "none",
  fn() {
    const rig = cached();
    const old = a("mov r0, #1", 0xe3a00001);
    rig.poke(FRAME, old);
    c7(rig, 13, 1, WB);
    c7(rig, 13, 1, NCNB);
    c7(rig, 13, 1, 0x70000000); // no translation: nothing, no fault
    rig.poke(FRAME, a("mov r0, #2", 0xe3a00002));
    const run = (pc: number) => {
      rig.cpu.pc = pc;
      rig.cpu.step();
      return rig.cpu.reg(0);
    };
    assert.equal(run(WB), 1);
    assert.equal(run(NCNB), 2);
    assert.equal(rig.cpu.counters.c7.PREFETCH_I_LINE, 3);
  },
});

/** Which of the lines `WB + i * 256`, all of one set, are in the data cache. */
function present(rig: Rig, count: number): number[] {
  const { dcache } = rig.cpu.mmu;
  return Array.from({ length: count }, (_, i) => i).filter((i) => dcache!.find(WB + i * 256) >= 0);
}

Deno.test({
  name: "a set holds 64 lines; round robin displaces the oldest and writes it back",
  permissions: "none",
  fn() {
    const rig = cached(ON | C1.RR);
    rig.cpu.load(WB, 4, true);
    rig.cpu.store(WB, 4, 77, true);
    for (let i = 1; i < 64; i++) rig.cpu.load(WB + i * 256, 4, true);
    assert.equal(present(rig, 70).length, 64);
    assert.equal(rig.peek(FRAME), 0);
    rig.cpu.load(WB + 64 * 256, 4, true);
    assert.equal(rig.peek(FRAME), 77);
    assert.deepEqual(present(rig, 70), Array.from({ length: 64 }, (_, i) => i + 1));
    // Another set is not touched.
    rig.cpu.load(WB + 32, 4, true);
    assert.equal(present(rig, 70).length, 64);
  },
});

Deno.test({
  name: "lockdown keeps the lines below the base, under either replacement",
  permissions: "none",
  fn() {
    for (const rr of [0, C1.RR]) {
      const rig = cached(ON | rr);
      for (let i = 0; i < 3; i++) {
        rig.cpu.mmu.mcr(9, 0, 0, i << 26);
        rig.cpu.load(WB + i * 256, 4, true);
      }
      rig.cpu.mmu.mcr(9, 0, 0, 3 << 26);
      assert.equal(rig.cpu.mmu.mrc(9, 0, 0) >>> 0, 3 << 26);
      for (let i = 3; i < 1000; i++) rig.cpu.load(WB + i * 256, 4, true);
      assert.deepEqual(present(rig, 4), [0, 1, 2]);
      assert.ok(present(rig, 1000).length > 40);
      // Victim alone: the next fill goes there.
      rig.cpu.mmu.mcr(9, 1, 0, 1 << 26);
      rig.cpu.load(WB + 2000 * 256, 4, true);
      assert.deepEqual(present(rig, 4), [0, 2]);
      assert.equal(rig.cpu.mmu.mrc(9, 0, 0) >>> 0, 3 << 26);
    }
  },
});

Deno.test({
  name: "pseudo-random replacement is the same in every run, and reaches every way",
  permissions: "none",
  fn() {
    const one = cached();
    const two = cached();
    for (const rig of [one, two]) {
      for (let i = 0; i < 1500; i++) rig.cpu.load(WB + i * 256, 4, true);
    }
    assert.deepEqual(present(one, 1500), present(two, 1500));
    assert.equal(present(one, 1500).length, 64);
  },
});

Deno.test({
  name: "table walks and other masters see memory, not the data cache",
  permissions: "none",
  fn() {
    const rig = cached();
    section(rig, 0x10500000, RAM, 12); // the tables, cacheable
    const entry = 0x10500000 + (TTB - RAM) + (0x20000000 >>> 20) * 4;
    rig.cpu.load(entry, 4, true);
    rig.cpu.store(entry, 4, FRAME | 0xc12, true);
    rig.cpu.load(0x20000000, 4, true);
    assert.equal(rig.cpu.fault & 15, 5);
    c7(rig, 10, 1, entry);
    rig.cpu.load(0x20000000, 4, true);
    assert.equal(rig.cpu.fault, 0);
  },
});

Deno.test({
  name: "the data cache is transparent to one user of one mapping, and clean after the usual loop",
  permissions: "none",
  fn() {
    const rig = cached();
    const access = fc.record({
      line: fc.integer({ min: 0, max: 2047 }),
      byte: fc.integer({ min: 0, max: 31 }),
      size: fc.constantFrom<1 | 2 | 4>(1, 2, 4),
      write: fc.boolean(),
      value: fc.integer(),
      // Lines of few sets, so that they displace each other.
      crowd: fc.boolean(),
    });
    fc.assert(
      fc.property(
        fc.array(access, { minLength: 200, maxLength: 600 }),
        fc.constantFrom(WT, WB),
        (list, region) => {
          const shadow = rig.memory.u8.slice(rig.at(FRAME), rig.at(FRAME) + 0x100000);
          const view = new DataView(shadow.buffer);
          for (const x of list) {
            const at = (x.crowd ? x.line * 256 : x.line * 32) + (x.byte & -x.size);
            const name = `${x.size * 8}` as "8" | "16" | "32";
            if (x.write) {
              rig.cpu.store(region + at, x.size, x.value, true);
              if (name === "8") view.setUint8(at, x.value);
              else view[`setUint${name}`](at, x.value, true);
            } else {
              const want = name === "8" ? view.getUint8(at) : view[`getUint${name}`](at, true);
              assert.equal(rig.cpu.load(region + at, x.size, true), want);
            }
          }
          for (let index = 0; index < 64; index++) {
            for (let segment = 0; segment < 8; segment++) {
              c7(rig, 14, 2, (index << 26) | (segment << 5));
            }
          }
          const memory = rig.memory.u8.subarray(rig.at(FRAME), rig.at(FRAME) + 0x100000);
          assert.equal(memory.findIndex((b, i) => b !== shadow[i]), -1);
        },
      ),
      { numRuns: 25 },
    );
  },
});

Deno.test({
  name: "lines of devices are read and written back through the bus",
  permissions: "none",
  fn() {
    const rig = cached();
    section(rig, DEVICE, DEVICE, 12);
    section(rig, ABORTING, ABORTING, 12);
    rig.cpu.mmu.mcr(8, 7, 0, 0);
    assert.equal(rig.cpu.load(DEVICE + 4, 4, true), rig.deviceValue);
    assert.equal(rig.log.length, 8);
    rig.cpu.store(DEVICE + 4, 4, 1, true);
    assert.equal(rig.log.length, 8);
    c7(rig, 10, 1, DEVICE);
    assert.deepEqual(rig.log.slice(8).map((e) => [e.kind, e.pa, e.value]), [
      ["write", DEVICE, rig.deviceValue],
      ["write", DEVICE + 4, 1],
      ["write", DEVICE + 8, rig.deviceValue],
      ["write", DEVICE + 12, rig.deviceValue],
    ]);
    // A line fill cannot abort.
    rig.cpu.load(ABORTING, 4, true);
    assert.equal(rig.cpu.fault, 0);
    assert.equal(rig.bus.fault, false);
  },
});

Deno.test({
  name: "without the model the operations are counted and do nothing",
  permissions: "none",
  fn() {
    const rig = new Rig();
    assert.equal(rig.cpu.mmu.dcache, null);
    assert.equal(rig.cpu.mmu.direct, true);
    for (const [crm, op2] of [[5, 0], [5, 1], [6, 0], [6, 1], [7, 0], [10, 1], [10, 2], [10, 4]]) {
      c7(rig, crm, op2);
    }
    for (const [crm, op2] of [[13, 1], [14, 1], [14, 2], [3, 3]]) c7(rig, crm, op2);
    const counts = rig.cpu.counters.c7;
    assert.equal(counts.WAIT, 0);
    for (const [name, n] of Object.entries(counts)) if (name !== "WAIT") assert.equal(n, 1, name);
    rig.cpu.mmu.mcr(9, 0, 1, 5 << 26);
    assert.equal(rig.cpu.mmu.mrc(9, 0, 1) >>> 0, 5 << 26);
    assert.equal(rig.cpu.mmu.mrc(9, 0, 0), 0);
  },
});

Deno.test({
  name: "Cpu.state() keeps both caches, and reset() empties them",
  permissions: "none",
  fn() {
    const rig = cached();
    rig.poke(FRAME, 1);
    rig.cpu.load(WB, 4, true);
    rig.cpu.store(WB, 4, 2, true);
    for (let i = 0; i < 200; i++) rig.cpu.load(WB + 0x1000 + i * 256, 4, true);
    rig.cpu.pc = WB + 0x800;
    rig.cpu.run(rig.clock.now + 40);
    const saved = JSON.parse(JSON.stringify(rig.cpu.state()));
    const other = cached();
    other.cpu.restore(saved);
    assert.deepEqual(other.cpu.state(), rig.cpu.state());
    assert.equal(rig.cpu.mmu.dcache!.fills > 200, true);
    for (const r of [rig, other]) {
      for (let i = 0; i < 300; i++) r.cpu.load(WB + 0x8000 + i * 256, 4, true);
    }
    assert.deepEqual(other.cpu.state().mmu.caches!.data.tag, rig.cpu.state().mmu.caches!.data.tag);
    rig.cpu.reset();
    assert.equal(present(rig, 100).length, 0);
    assert.equal(rig.cpu.mmu.direct, false);
  },
});

/** A cache with nothing but itself; memory reads as zero. */
function bare(seed?: number): Cache {
  return new Cache({ readWord: () => 0, writeWord: () => {} }, false, seed);
}

Deno.test({
  name: "Cache.overlay() puts the lines over any bytes of memory",
  permissions: "none",
  fn() {
    const line = fc.record({
      mva: fc.nat(15).map((n) => n * 32),
      pa: fc.nat(7).map((n) => 0x3000_0000 + n * 32),
      kept: fc.boolean(),
    });
    const cases = fc.record({
      lines: fc.array(line, { maxLength: 8 }),
      from: fc.nat(300),
      length: fc.nat(100),
    });
    fc.assert(fc.property(cases, ({ lines, from, length }) => {
      const cache = bare();
      lines.forEach(({ mva, pa, kept }, i) => {
        const found = cache.fill(mva, pa);
        for (let b = 0; b < 32; b++) cache.u8[found * 32 + b] = i * 32 + b + 1;
        if (!kept) cache.invalidate(found);
      });
      const first = 0x3000_0000 - 20 + from;
      const memory = Uint8Array.from({ length }, (_, i) => 255 - i);
      const expected = memory.map((byte, i) => {
        const holder = cache.holder(first + i);
        return holder < 0 ? byte : cache.u8[holder * 32 + (first + i) % 32];
      });
      cache.overlay(first, memory);
      assert.deepEqual(memory, expected);
    }));
  },
});

Deno.test({
  name: "Cache.holder() finds the first line with a physical address, and none that is not there",
  permissions: "none",
  fn() {
    const line = fc.record({ mva: fc.nat(31), pa: fc.nat(7), kept: fc.boolean() });
    const cases = fc.record({
      lines: fc.array(line, { maxLength: 8 }),
      // The first and the last addresses, and RAM.
      base: fc.constantFrom(0, 0xffff_ff00, 0x3000_0000),
    });
    fc.assert(fc.property(cases, ({ lines, base }) => {
      const cache = bare();
      const model = new Map<number, number>();
      for (const { mva, pa, kept } of lines) {
        const at = cache.fill(mva * 32, base + pa * 32);
        model.set(at, base + pa * 32);
        if (kept) continue;
        cache.invalidate(at);
        model.delete(at);
      }
      for (let pa = base; pa < base + 256; pa += 20) {
        const those = [...model].filter(([, first]) => first <= pa && pa < first + 32);
        const expected = those.length === 0 ? -1 : Math.min(...those.map(([at]) => at));
        assert.equal(cache.holder(pa), expected);
      }
    }));
  },
});

Deno.test({
  name: "Cache() starts its sequence at the seed, which zero can't be",
  permissions: "none",
  fn() {
    const cases = [[undefined, 1], [1, 1], [2, 2], [0xffff, 0xffff], [0, 0xffff], [0x1_0000, 1]];
    for (const [seed, random] of cases) {
      assert.equal(bare(seed).state().random, random, `${seed}`);
      const other = bare(7);
      other.reset();
      assert.equal(other.state().random, 7, "a reset starts anew");
    }
  },
});
