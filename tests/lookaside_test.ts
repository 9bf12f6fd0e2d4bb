import assert from "node:assert/strict";
import { C1 } from "../core/cp15.ts";
import { Lookaside, LOOKASIDE_BYTES, UNREACHABLE } from "../core/lookaside.ts";
import { HostMemory } from "../core/memory.ts";
import { a, DEVICE, RAM, Rig, ROM } from "./cpu_rig.ts";

/** The four words of an address: privileged and user read, privileged and user write. */
function words(rig: Rig, va: number): number[] {
  const l = rig.cpu.mmu.lookaside;
  const tables = [l.readPrivileged, l.readUser, l.writePrivileged, l.writeUser];
  return tables.map((table) => rig.memory.i32[table + (va >>> 12)]);
}

/** Which of the four reach the frame they should. */
function reach(rig: Rig, va: number, pa: number): boolean[] {
  return words(rig, va).map((word) => {
    if (word === UNREACHABLE) return false;
    assert.equal((va + word) | 0, rig.at(pa));
    return true;
  });
}

const NONE = [false, false, false, false];
const READ = [true, true, false, false];
const ALL = [true, true, true, true];

Deno.test({
  name: "an access makes its page reachable, for what may be done there",
  permissions: "none",
  fn() {
    const rig = new Rig();
    const { cpu } = rig;
    assert.deepEqual(reach(rig, RAM + 0x5000, RAM + 0x5000), NONE);
    cpu.load(RAM + 0x5004, 4, true);
    assert.deepEqual(reach(rig, RAM + 0x5000, RAM + 0x5000), ALL);
    cpu.store(RAM + 0x6001, 1, 0, true);
    assert.deepEqual(reach(rig, RAM + 0x6000, RAM + 0x6000), ALL);
    cpu.load(ROM, 4, true);
    assert.deepEqual(reach(rig, ROM, ROM), READ);
    cpu.load(DEVICE, 4, true);
    assert.deepEqual(reach(rig, DEVICE, RAM), NONE);
    // A page with decoded code is looked at on every write.
    rig.poke(RAM + 0x5000, a("mov r0, #1", 0xe3a00001));
    cpu.pc = RAM + 0x5000;
    cpu.run(rig.clock.now + 1);
    assert.deepEqual(reach(rig, RAM + 0x5000, RAM + 0x5000), READ);
    assert.deepEqual(reach(rig, RAM + 0x6000, RAM + 0x6000), READ); // until the next write
    cpu.store(RAM + 0x5004, 4, 0, true);
    cpu.store(RAM + 0x6000, 4, 0, true);
    assert.deepEqual(reach(rig, RAM + 0x5000, RAM + 0x5000), READ);
    assert.deepEqual(reach(rig, RAM + 0x6000, RAM + 0x6000), ALL);
  },
});

Deno.test({
  name: "reachable pages are those of the D TLB, with its permissions, and leave with its entries",
  permissions: "none",
  fn() {
    const rig = new Rig();
    const { cpu } = rig;
    const ttb = RAM + 0x10000;
    const l2 = RAM + 0x20000;
    const va = 0x02100000;
    const page = (i: number, low: number) =>
      rig.poke(l2 + 4 * i, (RAM + 0x40000 + i * 0x1000) | low);
    rig.poke(ttb + (va >>> 20) * 4, l2 | 0x11);
    const aps = [0x002, 0x552, 0xaa2, 0xff2];
    aps.forEach((low, i) => page(i, low));
    page(4, 0xfa2); // sub-pages differ
    cpu.mmu.mcr(2, 0, 0, ttb);
    cpu.mmu.mcr(3, 0, 0, 1);
    cpu.mmu.mcr(1, 0, 0, C1.M);
    const at = (i: number) => reach(rig, va + i * 0x1000, RAM + 0x40000 + i * 0x1000);
    const touch = () => {
      for (let i = 0; i < 5; i++) cpu.load(va + i * 0x1000, 4, true);
    };
    touch();
    assert.deepEqual([0, 1, 2, 3, 4].map(at), [
      NONE,
      [true, false, true, false],
      [true, true, true, false],
      ALL,
      NONE,
    ]);
    // Each change that could make them wrong empties them.
    const changes: [string, () => void][] = [
      ["domain access", () => cpu.mmu.mcr(3, 0, 0, 3)],
      ["S", () => cpu.mmu.mcr(1, 0, 0, C1.M | C1.S)],
      ["S and R", () => cpu.mmu.mcr(1, 0, 0, C1.M | C1.R)],
      ["MMU off and on", () => {
        cpu.mmu.mcr(1, 0, 0, 0);
        cpu.mmu.mcr(1, 0, 0, C1.M);
      }],
      ["D TLB", () => cpu.mmu.mcr(8, 6, 0, 0)],
      ["both TLBs", () => cpu.mmu.mcr(8, 7, 0, 0)],
      ["state", () => cpu.restore(cpu.state())],
    ];
    for (const [name, change] of changes) {
      touch();
      assert.notDeepEqual(words(rig, va + 0x3000), new Array(4).fill(UNREACHABLE), name);
      change();
      assert.deepEqual(at(3), NONE, name);
    }
    cpu.mmu.mcr(1, 0, 0, C1.M);
    cpu.mmu.mcr(3, 0, 0, 1);
    touch();
    // What is the same, or another TLB's, does not.
    cpu.mmu.mcr(3, 0, 0, 1);
    cpu.mmu.mcr(1, 0, 0, C1.M | C1.A | C1.V);
    cpu.mmu.mcr(8, 5, 0, 0);
    cpu.mmu.mcr(2, 0, 0, ttb);
    assert.deepEqual(at(3), ALL);
    cpu.mmu.mcr(8, 6, 1, va + 0x2000);
    assert.deepEqual([at(2), at(3)], [NONE, ALL]);
    // By the process identifier, a page has two addresses; both leave.
    cpu.mmu.mcr(13, 0, 0, 0x02000000);
    cpu.load(0x00103000, 4, true);
    assert.deepEqual(reach(rig, 0x00103000, RAM + 0x43000), ALL);
    assert.deepEqual(at(3), ALL);
    cpu.mmu.mcr(8, 6, 1, va + 0x3000);
    assert.deepEqual(reach(rig, 0x00103000, RAM + 0x43000), NONE);
    assert.deepEqual(at(3), NONE);
    touch();
    cpu.load(0x00103000, 4, true);
    cpu.mmu.mcr(13, 0, 0, 0x04000000);
    assert.deepEqual(reach(rig, 0x00103000, RAM + 0x43000), NONE);
    assert.deepEqual(at(3), ALL);
    // Displaced by others.
    const far = 0x20000000;
    for (let i = 0; i < 64; i++) {
      rig.poke(ttb + ((far >>> 20) + i) * 4, RAM | 0xc12);
      cpu.load(far + i * 0x100000, 4, true);
    }
    assert.deepEqual(at(3), NONE);
    assert.deepEqual(reach(rig, far, RAM), ALL);
    // Big-endian operation looks at everything.
    cpu.mmu.mcr(1, 0, 0, C1.M | C1.B);
    cpu.load(far, 4, true);
    assert.deepEqual(reach(rig, far, RAM), NONE);
  },
});

Deno.test({
  name: "a section that is dropped takes all its pages along",
  permissions: "none",
  fn() {
    const rig = new Rig();
    const { cpu } = rig;
    const ttb = RAM + 0x10000;
    const va = 0x40000000;
    rig.poke(ttb + (va >>> 20) * 4, RAM | 0xc12);
    cpu.mmu.mcr(2, 0, 0, ttb);
    cpu.mmu.mcr(3, 0, 0, 1);
    cpu.mmu.mcr(1, 0, 0, C1.M);
    const offsets = [0, 0x1000, 0x7f000, 0xff000];
    for (const o of offsets) cpu.load(va + o, 4, true);
    for (const o of offsets) assert.deepEqual(reach(rig, va + o, RAM + o), ALL);
    cpu.mmu.mcr(8, 6, 1, va + 0x55000);
    for (const o of offsets) assert.deepEqual(reach(rig, va + o, RAM + o), NONE);
  },
});

Deno.test({
  name: "Lookaside forgets rather than overflow",
  permissions: "none",
  fn() {
    const memory = new HostMemory(LOOKASIDE_BYTES);
    const l = new Lookaside(memory);
    const read = (page: number) => memory.i32[l.readPrivileged + page];
    for (let page = 0; page < 8192; page++) l.set(page, 4096, 4096, 4096, 4096);
    // The same pages again do not count.
    for (let page = 0; page < 8192; page++) l.set(page, 8192, 8192, 8192, 8192);
    assert.equal(read(0), 8192);
    l.set(9000, 4096, 1, 1, 1);
    assert.equal(read(9000), 4096);
    assert.equal(read(0), UNREACHABLE);
    l.set(10, 4096, 4096, 4096, 4096);
    l.flushWrites();
    assert.equal(read(10), 4096);
    assert.equal(memory.i32[l.writePrivileged + 10], UNREACHABLE);
    assert.equal(memory.i32[l.writeUser + 10], UNREACHABLE);
    l.flushBelow(11);
    assert.equal(read(10), UNREACHABLE);
    assert.equal(read(9000), 4096);
    l.drop(8999, 2);
    assert.equal(read(9000), UNREACHABLE);
    l.set(5, 4096, 4096, 4096, 4096);
    l.flush();
    assert.equal(read(5), UNREACHABLE);
  },
});

Deno.test({
  name: "Lookaside.flush() finds every page, whatever else is remembered",
  permissions: "none",
  fn() {
    const memory = new HostMemory(LOOKASIDE_BYTES);
    const l = new Lookaside(memory);
    const tables = [l.readPrivileged, l.readUser, l.writePrivileged, l.writeUser];
    const pages = [1, 2, 0x10, 0x7_ffff, 0x8_0000, 0x8_0001, 0xf_fff0, 0xf_fffe, 0xf_ffff];
    const kinds = [[4096, 4096, 4096, 4096], [4096, 1, 4096, 1], [4096, 4096, 1, 1], [
      1,
      4096,
      1,
      1,
    ]];
    for (const first of pages) {
      for (const second of pages) {
        for (const kind of kinds) {
          const [a, b, c, d] = kind;
          l.set(first, a, b, c, d);
          l.set(second, a, b, c, d);
          const words = () => [first, second].map((p) => tables.map((t) => memory.i32[t + p]));
          assert.deepEqual(words(), [kind, kind]);
          l.flush();
          const none = tables.map(() => UNREACHABLE);
          assert.deepEqual(words(), [none, none], `${first} ${second} ${kind}`);
        }
      }
    }
  },
});
