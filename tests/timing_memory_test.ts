/**
 * What the core waits for, against HCLK cycles added up by hand: the board's SDRAM needs 3 clocks for
 * each of Trp, Trcd and CAS latency, a transfer costs 2 more, a word 1; in asynchronous clocking the core
 * needs a clock to come to the bus and a cycle of its own to come back.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Board } from "../core/board.ts";
import { C1 } from "../core/cp15.ts";
import { RAM, type Rig } from "./cpu_rig.ts";
import * as a from "./oracle/encode.ts";
import { OP } from "./oracle/encode.ts";
import {
  BOARD,
  CLOCKS,
  CODE,
  DATA,
  NCB,
  NCNB,
  spent,
  timedRig,
  type TimedRigOptions,
  WB,
  WT,
} from "./timing_rig.ts";

/** FCLK cycles of an HCLK cycle. */
const H = 4;
/** The asynchronous core's ways to the bus, in HCLK cycles, and back, in its own. */
const TO_BUS = 1;
const BACK = 1;
/** Once a transfer. */
const OVERHEAD = 2;
const [TRP, TRCD, CL] = [3, 3, 3];
/** Bytes of a row of the SDRAM: 512 columns of 4 bytes. */
const ROW = 2048;

const PRE = { p: 1, u: 1, w: 0 };
const IA = { p: 0, u: 1, w: 0 };
const str = (rd: number, rn: number, offset = 0) => a.ldrImm(0, 0, PRE, rd, rn, offset);
const NOP = a.dp(OP.MOV, 0, 0, 0, a.shiftedBy(0));

/** Goes on at the next multiple of 1000 cycles, when all that was buffered is long written. */
function later(rig: Rig): void {
  rig.clock.now = Math.ceil((rig.clock.now + 2000) / 1000) * 1000;
}

/** A rig whose data TLB holds the sections of data, and whose bank 0 has the row of an offset open. */
function warm(offset: number, options: TimedRigOptions = {}): Rig {
  const rig = timedRig(options);
  for (const va of [NCNB, NCB, WT, WB]) rig.cpu.load(va + 0xf0000, 4, true);
  later(rig);
  rig.cpu.load(NCNB + offset, 4, true);
  later(rig);
  return rig;
}

const load = (rig: Rig, va: number) => spent(rig, () => rig.cpu.load(va, 4, true));
const store = (rig: Rig, va: number) => spent(rig, () => rig.cpu.store(va, 4, 1, true));
const c7 = (rig: Rig, crm: number, op2: number, value = 0) =>
  spent(rig, () => rig.cpu.mmu.mcr(7, crm, op2, value));

/** Time of a read of so many words from a row that is open, seen from an edge of HCLK. */
const read = (words: number) => (TO_BUS + OVERHEAD + CL + words) * H + BACK;

Deno.test({
  name: "a line fill costs eight words and what its row needs",
  permissions: "none",
  fn() {
    const rig = warm(0);
    assert.equal(load(rig, WB + 0x20), read(8)); // 57 cycles
    assert.equal(load(rig, WB + 0x3c), 0);
    later(rig);
    assert.equal(load(rig, WB + ROW), read(8) + (TRP + TRCD) * H);
    later(rig);
    // Another bank of the four, none of whose rows was open: nothing to precharge.
    assert.equal(rig.cpu.timing!.memory.bus.state().rows[1], -1);
    const { bus } = rig.cpu.timing!.memory;
    const start = rig.clock.now;
    assert.equal(
      bus.transfer(start, 0x3100_0000, 8, 4, false) - start,
      (OVERHEAD + TRCD + CL + 8) * H,
    );
    // The phase of HCLK: up to three cycles of waiting for its edge.
    for (const [phase, wait] of [[1, 3], [2, 2], [3, 1]]) {
      later(rig);
      rig.cpu.load(NCNB, 4, true);
      later(rig);
      rig.clock.now += phase;
      assert.equal(load(rig, WB + 0x40 + 32 * phase), read(8) + wait, `phase ${phase}`);
    }
  },
});

Deno.test({
  name: "clocking of the core decides the way to the bus",
  permissions: "none",
  fn() {
    const fill = (OVERHEAD + CL + 8) * H;
    assert.equal(load(warm(0, { clocks: CLOCKS.synchronous }), WB), fill);
    assert.equal(load(warm(0, { clocks: CLOCKS.fastBus }), WB), fill);
    const rig = warm(0, { clocks: CLOCKS.synchronous });
    rig.clock.now += 3;
    assert.equal(load(rig, WB), 1 + fill);
    assert.equal(load(warm(0, { timing: { syncToBus: 0, syncToCore: 0 } }), WB), fill);
  },
});

Deno.test({
  name: "the chip's registers decide what memory costs",
  permissions: "none",
  fn() {
    const fill = (chip: Partial<typeof BOARD>, clocks = 0, hclk = chip.fclkPerHclk ?? H) =>
      load(warm(0, { chip, clocks }), WB + ROW) / hclk;
    const conflict = OVERHEAD + TRP + TRCD + CL + 8;
    assert.equal(fill({}), conflict);
    assert.equal(fill({ fclkPerHclk: 3 }), conflict);
    assert.equal(fill({ MRSRB6: 0x20 }), conflict - 1); // CAS latency 2
    assert.equal(fill({ REFRESH: 0x04_04eb }), conflict - 1); // Trp 2
    assert.equal(fill({ BANKCON6: 0x1_8009 }), conflict + 1); // Trcd 4
    assert.equal(fill({ BANKCON6: 0x1_8006 }), conflict - TRP - TRCD); // 10 column bits: the same row
    assert.equal(fill({ BWSCON: 0x1100_0000 }), conflict + 8); // 16 bits wide
    // No bursts: each word is a transfer of its own.
    assert.equal(fill({ BANKSIZE: 0x31 }), TRP + TRCD + 8 * (OVERHEAD + CL + 1));
    // No SDRAM but static memory of 14 clocks a word.
    assert.equal(fill({ BANKCON6: 0x0700 }), OVERHEAD + 8 * 14);
  },
});

Deno.test({
  name: "a board tells its bus what its registers hold",
  permissions: "none",
  fn() {
    const board = new Board({ fidelity: "timed", bootClocks: true, sdramMB: 32 });
    const { cpu, clock, soc } = board;
    const MEMC = 0x4800_0000;
    const CLKDIVN = 0x4c00_0014;
    soc.write(MEMC + 0x24, 4, BOARD.REFRESH);
    // FastBus after reset: no way to the bus.
    const word = (from: number) => {
      cpu.load(from, 4, true);
      clock.now = Math.ceil((clock.now + 2000) / 4800) * 4800;
      const before = clock.now;
      cpu.load(from, 4, true);
      return clock.now - before;
    };
    const one = OVERHEAD + CL + 1;
    assert.equal(word(RAM), one * H);
    soc.write(MEMC + 0x2c, 4, 0x20);
    assert.equal(word(RAM), (one - 1) * H);
    soc.write(CLKDIVN, 4, 7); // 1:3:6
    assert.equal(word(RAM), (one - 1) * 3);
    const state = board.state();
    soc.write(MEMC + 0x2c, 4, 0x30);
    soc.write(CLKDIVN, 4, 5);
    assert.equal(word(RAM), one * H);
    board.restore(state);
    assert.equal(word(RAM), (one - 1) * 3);
    // Flash: 14 clocks (Tacc of the reset value) for each half of a word of the 16 bits wide chip.
    assert.equal(word(0), (OVERHEAD + 2 * 14) * 3);
  },
});

Deno.test({
  name: "refresh comes every interval, takes Trp and Tsrc, and closes the rows",
  permissions: "none",
  fn() {
    // Count 1259: every 2049 - 1259 = 790 clocks.
    const rig = warm(0, { chip: { REFRESH: 0x94_04eb }, clocks: CLOCKS.synchronous });
    const interval = 790 * H;
    const row = OVERHEAD + CL + 8;
    rig.clock.now = 10 * interval + 400;
    assert.equal(load(rig, WB), (row + TRCD) * H);
    rig.clock.now = 10 * interval + 2000;
    assert.equal(load(rig, WB + 0x20), row * H);
    rig.clock.now = 11 * interval + 2 * H;
    assert.equal(load(rig, WB + 0x40), (TRP + 5 - 2 + TRCD + row) * H);
    // A transfer that runs when refresh falls due is ended first.
    rig.clock.now = 12 * interval - 4 * H;
    assert.equal(load(rig, WB + 0x60), row * H);
    assert.equal(load(rig, WB + 0x80), (TRP + 5 + TRCD + row) * H);
  },
});

Deno.test({
  name: "a dirty line that is displaced is written while the core goes on",
  permissions: "none",
  fn() {
    for (const [dirty, words] of [[[0x00], 4], [[0x10], 4], [[0x00, 0x10], 8], [[], 0]] as const) {
      const rig = warm(0, { control: C1.M | C1.C | C1.RR });
      c7(rig, 6, 0);
      // All 64 lines of a set; those of row 0 first, so that row 7 is open in the end.
      for (let way = 0; way < 64; way++) rig.cpu.load(WB + way * 256, 4, true);
      for (const offset of dirty) assert.equal(store(rig, WB + offset), 0);
      later(rig);
      assert.equal(load(rig, WB + 7 * ROW + 0x20), read(8));
      later(rig);
      // Row 7 is open. Line 0, in row 0, is displaced by one of row 7.
      assert.equal(load(rig, WB + 0x4000 - 0x100 + 0x4000 * 0), 0);
      assert.equal(load(rig, WB + 8 * ROW), read(8) + (TRP + TRCD) * H);
      // The next fill waits for the write-back: row 0 and back to row 8.
      const write = words === 0 ? 0 : OVERHEAD + TRP + TRCD + words;
      const again = words === 0 ? 0 : TRP + TRCD;
      assert.equal(load(rig, WB + 8 * ROW + 0x20), (write + again + OVERHEAD + CL + 8) * H);
      assert.equal(rig.cpu.timing!.counts.buffered, words === 0 ? 0 : 1);
    }
  },
});

Deno.test({
  name: "a table walk reads one word for a section and two for a page",
  permissions: "none",
  fn() {
    const rig = warm(0);
    const [ttb, second] = [RAM + 0x1_0000, RAM + 0x1_4000];
    rig.poke(ttb + 0x200 * 4, second | 0x11);
    rig.poke(second, DATA | 0xffe);
    rig.cpu.mmu.mcr(8, 6, 0, 0);
    // The table is in another row than the line that follows: two changes of row.
    const word = OVERHEAD + TRP + TRCD + CL + 1;
    const fill = OVERHEAD + TRP + TRCD + CL + 8;
    assert.equal(load(rig, WB), (TO_BUS + word + fill) * H + BACK);
    assert.equal(rig.cpu.timing!.counts.walkReads, 6 - 1);
    later(rig);
    rig.cpu.mmu.mcr(8, 6, 0, 0);
    // The first level of 0x20000000 is in the row of the table's start, the second level 8 rows on.
    assert.equal(load(rig, 0x2000_0000), (TO_BUS + word + word + fill) * H + BACK);
    assert.equal(rig.cpu.timing!.counts.walkReads, 5 + 2);
    assert.equal(
      load(rig, 0x2000_0020 + 4),
      (TO_BUS + OVERHEAD + CL + 8) * H + BACK - BACK - TO_BUS * H,
    );
  },
});

Deno.test({
  name: "the write buffer takes four addresses, then the core waits",
  permissions: "none",
  fn() {
    for (const va of [NCB, WT, WB]) {
      const rig = warm(0);
      const one = (OVERHEAD + 1) * H;
      for (let i = 0; i < 4; i++) assert.equal(store(rig, va + 8 * i), 0);
      // The first of them is on the bus after the way there.
      assert.equal(store(rig, va + 0x40), TO_BUS * H + one);
      assert.equal(store(rig, va + 0x48), one);
      assert.equal(rig.cpu.timing!.counts.bufferFullCycles, TO_BUS * H + 2 * one);
      rig.clock.now += one;
      assert.equal(store(rig, va + 0x50), 0);
      assert.equal(c7(rig, 10, 4), 4 * one + BACK);
      assert.equal(c7(rig, 10, 4), 0);
      assert.equal(rig.peek(DATA + 0x50), 1);
    }
    // A hit in a write-back region does not reach it.
    const rig = warm(0);
    rig.cpu.load(WB + 0x100, 4, true);
    later(rig);
    for (let i = 0; i < 8; i++) assert.equal(store(rig, WB + 0x100 + 4 * i), 0);
    assert.equal(c7(rig, 10, 4), 0);
  },
});

Deno.test({
  name: "what is not buffered is waited for, after what is",
  permissions: "none",
  fn() {
    const rig = warm(0);
    const one = OVERHEAD + 1;
    assert.equal(store(rig, NCNB), (TO_BUS + one) * H + BACK);
    assert.equal(load(rig, NCNB), (OVERHEAD + CL + 1) * H);
    later(rig);
    assert.equal(load(rig, NCNB), read(1));
    later(rig);
    store(rig, NCB);
    store(rig, NCB + 8);
    assert.equal(store(rig, NCNB + 16), (TO_BUS + 3 * one) * H + BACK);
    later(rig);
    store(rig, NCB);
    assert.equal(load(rig, NCB), (TO_BUS + one + OVERHEAD + CL + 1) * H + BACK);
    later(rig);
    store(rig, NCB);
    assert.equal(load(rig, WB), (TO_BUS + one + OVERHEAD + CL + 8) * H + BACK);
    // With the rule switched off, the read goes first and the write after it.
    const other = warm(0, { timing: { readDrainsBuffer: 0, fillDrainsBuffer: 0 } });
    store(other, NCB);
    store(other, NCB + 8);
    assert.equal(load(other, WB), (TO_BUS + one + OVERHEAD + CL + 8) * H + BACK);
    // The MMU off: nothing is buffered.
    const off = warm(0, { control: 0 });
    later(off);
    off.cpu.load(DATA, 4, true);
    later(off);
    assert.equal(store(off, DATA), (TO_BUS + one) * H + BACK);
  },
});

/** Time of instructions at CODE, which are in the instruction cache; registers as given. */
function execute(rig: Rig, code: number[], registers: Record<number, number>): number {
  const { cpu } = rig;
  cpu.mmu.mcr(7, 5, 0, 0);
  for (let i = 0; i < 32; i++) rig.poke(RAM + 0x400 + 4 * i, code[i] ?? NOP);
  cpu.timing!.fetch(CODE + 0x400, 128, true);
  cpu.timing!.pipeline.refill();
  later(rig);
  for (const [n, value] of Object.entries(registers)) cpu.setReg(Number(n), value);
  rig.cpu.load(NCNB, 4, true);
  later(rig);
  cpu.pc = CODE + 0x400;
  return spent(rig, () => code.forEach(() => cpu.step()));
}

Deno.test({
  name: "LDM and STM go in bursts where memory is not cached, up to a boundary of 1 KB",
  permissions: "none",
  fn() {
    const rig = warm(0);
    const ldm = a.ldm(1, IA, 0, 1, 0xf0);
    const stm = a.ldm(0, IA, 0, 1, 0xf0);
    // The first cycle of an instruction comes before its access: the next edge is 3 cycles on.
    const way = 1 + 3 + TO_BUS * H;
    assert.equal(execute(rig, [ldm], { 1: NCNB }), way + (OVERHEAD + CL + 4) * H + BACK);
    assert.equal(execute(rig, [ldm], { 1: NCB }), way + (OVERHEAD + CL + 4) * H + BACK);
    assert.equal(execute(rig, [stm], { 1: NCNB }), way + (OVERHEAD + 4) * H + BACK);
    // Two bursts of two words: between them the core comes back for a cycle and waits for an edge again.
    const part = (OVERHEAD + CL + 2) * H + BACK;
    const second = 1 + (H - BACK - 1) + TO_BUS * H;
    assert.equal(execute(rig, [ldm], { 1: NCNB + 0x3f8 }), way + part + second + part);
    // Without the data cache every word is on its own.
    const off = warm(0, { control: C1.M | C1.I });
    const word = (OVERHEAD + CL + 1) * H + BACK;
    assert.equal(execute(off, [ldm], { 1: NCNB }), way + word + 3 * (second + word));
  },
});

Deno.test({
  name: "an STM takes one address of the write buffer, and sixteen words fill it",
  permissions: "none",
  fn() {
    const rig = warm(0);
    const { memory } = rig.cpu.timing!;
    const stm8 = a.ldm(0, IA, 0, 1, 0xff00 & ~0xc000 | 0x3);
    assert.equal(execute(rig, [stm8], { 1: NCB }), 8);
    assert.deepEqual(memory.state().buffer.map(([, words]) => words), [8]);
    // Two of eight words fit beside each other; a ninth word waits for the first to leave, one at a time.
    assert.equal(execute(rig, [stm8, stm8], { 1: NCB }), 16);
    const three = execute(rig, [stm8, stm8, str(0, 1, 0x40)], { 1: NCB });
    // The first entry is ready after 8 cycles, at the edge of cycle 8 and the way to the bus; its words
    // are written from OVERHEAD on. The store is at cycle 17.
    const firstWord = 8 + (TO_BUS + OVERHEAD + 1) * H;
    assert.equal(three, Math.max(17, firstWord));
    // Single stores take an address each: the fifth waits for the first to be written.
    const stores = [0, 1, 2, 3, 4].map((i) => str(0, 1, 8 * i));
    const first = 4 + (TO_BUS + OVERHEAD + 1) * H;
    assert.equal(execute(rig, stores, { 1: NCB }), first);
  },
});

Deno.test({
  name: "SWP of what is not in the cache waits for its write",
  permissions: "none",
  fn() {
    const rig = warm(0);
    const swp = a.swp(0, 0, 2, 1);
    const way = 1 + 3 + TO_BUS * H;
    // Read, and at once the write; the second cycle of the instruction follows.
    const both = (OVERHEAD + CL + 1 + OVERHEAD + 1) * H + BACK;
    assert.equal(execute(rig, [swp], { 1: NCB }), way + both + 1);
    const buffered = warm(0, { timing: { swapBuffered: 1 } });
    assert.equal(execute(buffered, [swp], { 1: NCB }), way + (OVERHEAD + CL + 1) * H + BACK + 1);
  },
});

Deno.test({
  name: "registers of devices cost a transfer of their bus",
  permissions: "none",
  fn() {
    const rig = warm(0, { clocks: CLOCKS.synchronous });
    load(rig, 0x4a00_0000);
    load(rig, 0x5100_0000);
    later(rig);
    assert.equal(load(rig, 0x4a00_0000), (OVERHEAD + 1) * H);
    assert.equal(store(rig, 0x4a00_0000), (OVERHEAD + 1) * H);
    later(rig);
    // PCLK is half of HCLK: set-up and enable cycle, from its edge on.
    assert.equal(load(rig, 0x5100_0000), OVERHEAD * H + 2 * 8);
    later(rig);
    rig.clock.now += 4;
    assert.equal(store(rig, 0x5100_0000), OVERHEAD * H + 4 + 2 * 8);
    // The device is asked when the transfer ends.
    assert.equal(rig.log.at(-1)!.now, rig.clock.now);
  },
});

Deno.test({
  name: "c7 operations cost what they write back",
  permissions: "none",
  fn() {
    const rig = warm(0);
    rig.cpu.load(WB + 0x100, 4, true);
    store(rig, WB + 0x100);
    store(rig, WB + 0x110);
    later(rig);
    assert.equal(c7(rig, 10, 1, WB + 0x100), 8); // a word a cycle into the write buffer
    assert.equal(c7(rig, 10, 1, WB + 0x100), 0); // clean now
    assert.equal(c7(rig, 10, 4), (TO_BUS + OVERHEAD + 8) * H + BACK); // from cycle 8, an edge
    store(rig, WB + 0x110);
    later(rig);
    assert.equal(c7(rig, 14, 1, WB + 0x100), 4);
    assert.equal(c7(rig, 6, 1, WB + 0x100), 0);
    const set = warm(0, { timing: { cacheOperation: 2, tlbOperation: 3, cleanWord: 0 } });
    assert.equal(c7(set, 7, 0), 2);
    assert.equal(spent(set, () => set.cpu.mmu.mcr(8, 7, 0, 0)), 3);
  },
});

Deno.test({
  name: "instruction lines are filled for what is executed and two instructions more",
  permissions: "none",
  fn() {
    const rig = warm(0);
    const { cpu } = rig;
    for (let i = 0; i < 64; i++) rig.poke(RAM + 0x400 + 4 * i, NOP);
    cpu.timing!.fetch(CODE, 4, true);
    const fills = () => cpu.timing!.counts.instructionFills;
    const before = fills();
    cpu.pc = CODE + 0x400;
    later(rig);
    cpu.load(NCNB, 4, true);
    cpu.load(WB + 0x8000, 4, true);
    later(rig);
    const took: number[] = [];
    for (let i = 0; i < 9; i++) took.push(spent(rig, () => cpu.step()));
    const [first, second, ...rest] = took;
    assert.equal(fills() - before, 2);
    // Rows: from that of WB + 0x8000 to that of the code.
    assert.equal(first, read(8) + (TRP + TRCD) * H + 1);
    assert.equal(second, 1);
    // The seventh instruction is the first whose second successor is in the next line.
    assert.deepEqual(rest.map((cycles) => cycles > 1), [
      false,
      false,
      false,
      false,
      true,
      false,
      false,
    ]);
    const none = warm(0, { timing: { fetchAhead: 0 } });
    for (let i = 0; i < 64; i++) none.poke(RAM + 0x400 + 4 * i, NOP);
    none.cpu.pc = CODE + 0x400;
    for (let i = 0; i < 8; i++) none.cpu.step();
    assert.equal(none.cpu.timing!.counts.instructionFills, 1);
    // Nor with the cache off, whatever is ahead.
    const off = timedRig({ control: C1.M | C1.C });
    for (let i = 0; i < 64; i++) off.poke(RAM + 0x400 + 4 * i, NOP);
    off.cpu.pc = CODE + 0x400;
    for (let i = 0; i < 20; i++) off.cpu.step();
    assert.equal(off.cpu.mmu.icache!.fills, 0);
  },
});

Deno.test({
  name: "Timing.fetch() charges what executing the stretch costs beside its instructions",
  permissions: "none",
  fn() {
    const rigs = () => {
      const rig = warm(0);
      for (let i = 0; i < 400; i++) rig.poke(RAM + 0x300 + 4 * i, NOP);
      return rig;
    };
    for (const [offset, count] of [[0x400, 8], [0x404, 30], [0x3fc, 1], [0x300, 400]]) {
      const executed = rigs();
      executed.cpu.pc = CODE + offset;
      const ahead = rigs();
      later(executed);
      ahead.clock.now = executed.clock.now;
      const steps = spent(executed, () => {
        for (let i = 0; i < count; i++) executed.cpu.step();
      });
      const stretch = spent(ahead, () => ahead.cpu.timing!.fetch(CODE + offset, 4 * count, true));
      const lines = (end: number) => Math.floor((end - 1) / 32);
      const more = lines(offset + 4 * count + 8) - lines(offset + 4 * count);
      const { instructionFills } = executed.cpu.timing!.counts;
      assert.equal(ahead.cpu.timing!.counts.instructionFills, instructionFills - more);
      assert.equal(ahead.cpu.timing!.counts.walkReads, executed.cpu.timing!.counts.walkReads);
      // Each fill begins at an edge of HCLK, so that instructions between them may hide in its wait.
      const fills = instructionFills - more;
      const difference = steps - count - more * read(8) - stretch;
      assert.ok(Math.abs(difference) <= (H - 1) * (fills + more), `${offset}: ${difference}`);
    }
  },
});
