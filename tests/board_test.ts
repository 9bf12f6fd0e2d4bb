import assert from "node:assert/strict";
import fc from "fast-check";
import { Board, type BoardState, SDRAM_BASE } from "../core/board.ts";
import { STOP } from "../core/cpu.ts";
import { InputError } from "../core/errors.ts";
import { hashBytes } from "../core/hash.ts";
import { BASE } from "../core/s3c2440.ts";

const core = { permissions: "none" } as const;

/** Sets timer 4 to 100 ticks of 256 cycles and counts its interrupts in r3 and the first word of SDRAM. */
const TIMER_PROGRAM = [
  [0x00, 0xea000006], // b reset
  [0x18, 0xea000012], // b irq
  // reset:
  [0x20, 0xe3a00451], // mov r0, #0x51000000
  [0x24, 0xe3a01c0f], // mov r1, #0x0f00
  [0x28, 0xe5801000], // str r1, [r0]          TCFG0: prescaler 16
  [0x2c, 0xe3a01063], // mov r1, #99
  [0x30, 0xe580103c], // str r1, [r0, #0x3c]   TCNTB4
  [0x34, 0xe3a01602], // mov r1, #0x200000
  [0x38, 0xe5801008], // str r1, [r0, #8]      TCON: manual update
  [0x3c, 0xe3a01605], // mov r1, #0x500000
  [0x40, 0xe5801008], // str r1, [r0, #8]      TCON: start, auto reload
  [0x44, 0xe3a0244a], // mov r2, #0x4a000000
  [0x48, 0xe3e01901], // mvn r1, #0x4000
  [0x4c, 0xe5821008], // str r1, [r2, #8]      INTMSK
  [0x50, 0xe3a03000], // mov r3, #0
  [0x54, 0xe3a04203], // mov r4, #0x30000000
  [0x58, 0xe321f013], // msr cpsr_c, #0x13     IRQ on
  // loop:
  [0x5c, 0xee070f90], // mcr p15, 0, r0, c7, c0, 4: wait for an interrupt
  [0x60, 0xe2855001], // add r5, r5, #1
  [0x64, 0xeafffffc], // b loop
  // irq:
  [0x68, 0xe3a09901], // mov r9, #0x4000
  [0x6c, 0xe5829000], // str r9, [r2]          SRCPND
  [0x70, 0xe5829010], // str r9, [r2, #0x10]   INTPND
  [0x74, 0xe2833001], // add r3, r3, #1
  [0x78, 0xe5843000], // str r3, [r4]
  [0x7c, 0xe25ef004], // subs pc, lr, #4
] as const;
const PERIOD = 100 * 256;
const NOP = 0xe1a00000;

function flashOf(program: readonly (readonly [number, number])[]): Uint8Array {
  const flash = new Uint8Array(0x100);
  const view = new DataView(flash.buffer);
  for (const [address, word] of program) view.setUint32(address, word, true);
  return flash;
}

function timerBoard(wait = true): Board {
  const program = TIMER_PROGRAM.map(([a, w]) => [a, a === 0x5c && !wait ? NOP : w] as const);
  return new Board({ sdramMB: 2, flash: flashOf(program), bootClocks: true });
}

/** What must be equal when two boards are: the state with its memory as a hash. */
function image(state: BoardState): unknown {
  return { ...state, sdram: [state.sdram.pages, hashBytes(state.sdram.bytes)] };
}

Deno.test("Board() boots a program that counts timer interrupts", core, () => {
  const board = timerBoard();
  assert.equal(board.run(10 * PERIOD), STOP.TIME);
  assert.equal(board.clock.now, 10 * PERIOD);
  assert.equal(board.peek(SDRAM_BASE, 4), 10, "the first comes after 99 ticks");
  assert.equal(board.cpu.reg(3), 10);
  assert.equal(board.cpu.reg(5), 10, "the loop goes round once for each");
  assert.ok(board.idleCycles > 0.98 * board.clock.now, "it waits nearly all the time");
  assert.equal(board.waiting, true);
  assert.equal(board.stray, 0);
});

Deno.test("Board() counts the same interrupts without waiting", core, () => {
  const board = timerBoard(false);
  board.run(10 * PERIOD);
  assert.equal(board.peek(SDRAM_BASE, 4), 10);
  assert.equal(board.idleCycles, 0);
  assert.ok(board.cpu.reg(5) > 10_000);
});

Deno.test("run() gives the same however the time is cut", core, () => {
  for (const wait of [true, false]) {
    const whole = timerBoard(wait);
    whole.run(4 * PERIOD);
    const expected = image(whole.state());
    fc.assert(
      fc.property(fc.array(fc.nat(2 * PERIOD), { maxLength: 8 }), (cuts) => {
        const board = timerBoard(wait);
        for (const cut of cuts) board.run(Math.min(4 * PERIOD, board.clock.now + cut));
        board.run(4 * PERIOD);
        assert.deepEqual(image(board.state()), expected);
      }),
      { numRuns: 15 },
    );
  }
});

Deno.test("save, run, load, run gives the same as running through", core, () => {
  fc.assert(
    fc.property(fc.nat(3 * PERIOD), fc.nat(3 * PERIOD), fc.boolean(), (before, after, wait) => {
      const board = timerBoard(wait);
      board.soc.uart[0].receive([1, 2, 3]);
      board.run(before);
      const saved = structuredClone(board.state());
      assert.deepEqual(image(board.state()), image(saved));
      board.run(before + after);
      const expected = image(board.state());

      board.restore(saved);
      assert.deepEqual(image(board.state()), image(saved));
      board.run(before + after);
      assert.deepEqual(image(board.state()), expected);

      const other = timerBoard(wait);
      other.restore(saved);
      other.run(before + after);
      assert.deepEqual(image(other.state()), expected);
    }),
    { numRuns: 15 },
  );
});

Deno.test("state() holds nothing but plain data, and only pages that are not zero", core, () => {
  const board = timerBoard();
  board.run(2 * PERIOD);
  board.poke(SDRAM_BASE + 0x1f_fffc, 7);
  const state = board.state();
  const plain = (value: unknown): boolean =>
    value === null || ["number", "string", "boolean"].includes(typeof value) ||
    value instanceof Uint8Array || value instanceof Int32Array || value instanceof Uint32Array ||
    (Array.isArray(value) && value.every(plain)) ||
    (typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype &&
      Object.values(value).every(plain));
  assert.ok(plain(state));
  assert.deepEqual(state.sdram.pages, [0, 511]);
  assert.equal(state.sdram.bytes.length, 8192);
});

Deno.test(
  "restore() refuses what was saved elsewhere, and leaves the board as it was",
  core,
  () => {
    const board = timerBoard();
    board.run(PERIOD);
    const state = board.state();
    const cases: [BoardState, RegExp][] = [
      [{ ...state, schema: "understudy.board/0" }, /schema understudy.board\/0; allowed/],
      [new Board({ sdramMB: 4 }).state(), /4 MB of SDRAM; this board has 2 MB/],
      [new Board({ sdramMB: 2 }).state(), /another flash image/],
    ];
    for (const [other, message] of cases) {
      assert.throws(
        () => board.restore(other),
        (e) => e instanceof InputError && message.test(e.message),
      );
      assert.deepEqual(image(board.state()), image(state));
    }
  },
);

Deno.test("Board() refuses options that are not allowed", core, () => {
  assert.throws(() => new Board({ sdramMB: 48 }), /sdramMB: 48; allowed: 2, 4, 8/);
  assert.throws(() => new Board({ flash: new Uint8Array(0x100_0001) }), /flash: 16777217 bytes/);
  assert.throws(() => new Board({ fin: Number.NaN }), InputError);
});

Deno.test("run() returns at once with nothing to wait for, and on request", core, () => {
  const board = new Board({
    sdramMB: 2,
    flash: flashOf([[0, 0xee070f90], [4, 0xeafffffd]]),
    bootClocks: true,
  });
  assert.equal(board.run(Infinity), STOP.WFI);
  board.requestStop();
  assert.equal(board.run(Infinity), STOP.REQUEST);
  assert.equal(board.run(board.clock.now + 100), STOP.TIME);
  board.clock.schedule(board.clock.now + 50, () => board.requestStop());
  const begin = board.clock.now;
  assert.equal(board.run(Infinity), STOP.REQUEST);
  assert.equal(board.clock.now, begin + 50);
});

Deno.test("run() returns when somebody else asks the core to stop", core, () => {
  const board = timerBoard(false);
  board.clock.schedule(1000, () => board.cpu.requestStop());
  assert.equal(board.run(10 * PERIOD), STOP.REQUEST);
  assert.ok(board.clock.now >= 1000 && board.clock.now < 1010);
  assert.equal(board.run(10 * PERIOD), STOP.TIME);
});

Deno.test("run() returns at breakpoints and goes on from them", core, () => {
  const board = timerBoard();
  board.cpu.breakpoints.add(0x68);
  for (let i = 0; i < 3; i++) {
    assert.equal(board.run(10 * PERIOD), STOP.BREAK);
    assert.equal(board.cpu.pc, 0x68);
    assert.equal(board.peek(SDRAM_BASE, 4), i);
  }
});

Deno.test("run() hands exceptions at the high vectors to onTrap", core, () => {
  const program = [
    [0x00, 0xe3a00a02], // mov r0, #0x2000        c1.V
    [0x04, 0xee010f10], // mcr p15, 0, r0, c1, c0, 0
    [0x08, 0xef000000], // swi 0
    [0x0c, 0xe2811001], // add r1, r1, #1
    [0x10, 0xeafffffc], // b 0x08
  ] as const;
  const board = new Board({ sdramMB: 2, flash: flashOf(program), bootClocks: true });
  board.cpu.trapVectors = true;
  assert.equal(board.run(1000), STOP.TRAP);
  assert.equal(board.cpu.trap, 0x08);
  const vectors: number[] = [];
  const back = (vector: number) => {
    vectors.push(vector);
    const pc = board.cpu.reg(14);
    board.cpu.cpsr = board.cpu.spsr;
    board.cpu.pc = pc;
  };
  back(0x08);
  board.onTrap = back;
  board.run(1000);
  assert.ok(vectors.length > 50 && vectors.every((v) => v === 0x08));
  assert.ok(board.cpu.reg(1) >= vectors.length - 1);
});

Deno.test("a store that brings an earlier event ends the core's run in time", core, () => {
  // The request of the timer is seen at the first instruction boundary after its 99 ticks, although
  // the core had been given all the time there is when it started the timer.
  const board = timerBoard();
  board.cpu.breakpoints.add(0x18);
  assert.equal(board.run(Infinity), STOP.BREAK);
  const since = board.clock.now - 99 * 256;
  assert.ok(since >= 0 && since < 40, `${since} cycles, with the start-up code before the timer`);
});

Deno.test("a device access sees the events that are due", core, () => {
  const board = timerBoard();
  board.run(50);
  const due = board.clock.next;
  board.clock.now = due + 10;
  assert.equal(board.bus.read(BASE.INTC, 4), 1 << 14);
});

Deno.test("the watchdog resets core and devices, not the SDRAM", core, () => {
  const program = [
    [0x00, 0xeafffffe], // b .
  ] as const;
  const board = new Board({ sdramMB: 2, flash: flashOf(program) });
  const causes: number[] = [];
  board.onReset = (cause) => {
    causes.push(cause);
    board.requestStop();
  };
  board.poke(SDRAM_BASE, 0x1234);
  board.soc.write(BASE.CLKPWR + 4, 4, 0x5c011);
  board.soc.write(BASE.WDT + 8, 4, 2);
  board.cpu.setReg(1, 99);
  board.cpu.pc = 0x80;
  assert.equal(board.run(1_000_000), STOP.REQUEST);
  assert.deepEqual(causes, [4]);
  assert.equal(board.clock.now >= 2 * 129 * 16, true);
  assert.equal(board.cpu.pc, 0);
  assert.equal(board.clock.fclk, 12e6);
  assert.equal(board.peek(BASE.GPIO + 0xb4, 4), 4);
  assert.equal(board.peek(SDRAM_BASE, 4), 0x1234);
});

Deno.test("the bus answers memory, devices, nothing, and aborts on demand", core, () => {
  const board = new Board({ sdramMB: 2, flash: Uint8Array.of(1, 2, 3, 4, 5), bootClocks: true });
  const { bus } = board;
  assert.equal(bus.read(0, 4), 0x04030201);
  assert.equal(bus.read(4, 4), 0xffffff05, "erased flash");
  assert.equal(bus.read(2, 2), 0x0403);
  bus.write(0, 4, 0);
  assert.equal(bus.read(0, 4), 0x04030201, "flash does not change");
  assert.equal(board.stray, 1);
  bus.write(SDRAM_BASE + 0x1f_ffff, 1, 0x1ab);
  assert.equal(bus.read(SDRAM_BASE + 0x1f_fffc, 4), 0xab000000);
  assert.equal(bus.read(SDRAM_BASE + 0x20_0000, 4), 0);
  assert.equal(bus.read(0x100_0000, 4), 0);
  assert.equal(bus.peek(0x2000_0300, 4), 0);
  assert.equal(board.stray, 3);
  assert.equal(bus.read(BASE.GPIO + 0xb0, 4), 0x32440001);
  assert.equal(bus.fault, false);
  board.onAbort = (pa, write) => pa === 0x2000_0300 && !write;
  assert.equal(bus.read(0x2000_0300, 4), 0);
  assert.equal(bus.fault, true);
  bus.write(0x2000_0300, 4, 0);
  assert.equal(bus.fault, false);
  assert.equal(board.stray, 4);
});

Deno.test("debugWrite() and debugRead() reach memory, and stop at its end", core, () => {
  const board = new Board({ sdramMB: 2 });
  assert.equal(board.debugWrite(SDRAM_BASE + 0x1f_fffe, Uint8Array.of(1, 2, 3)), 2);
  assert.deepEqual([...board.debugRead(SDRAM_BASE + 0x1f_fffd, 4)], [0, 1, 2, 0]);
  assert.equal(board.debugWrite(0x4a00_0000, Uint8Array.of(1)), 0);
  assert.equal(board.debugWrite(0x0fff_fff0, Uint8Array.of(1)), 0);
  const before = board.state().flash;
  assert.equal(board.debugWrite(0x10, Uint8Array.of(9)), 1);
  assert.notEqual(board.state().flash, before);
  assert.deepEqual([...board.debugRead(BASE.GPIO + 0xb0, 4)], [1, 0, 0x44, 0x32]);
  assert.equal(board.stray, 0);
});

Deno.test("flash that is erased reads as ones, and can be programmed", core, () => {
  const program = Uint8Array.of(1, 2, 3, 4, 5);
  const board = new Board({ sdramMB: 2, flash: program, bootClocks: true });
  const far = 0x00ff_fff8;
  const sizes = [1, 2, 4] as const;
  for (const pa of [8, 0x2000, far]) {
    for (const size of sizes) {
      const ones = 2 ** (8 * size) - 1;
      assert.equal(board.peek(pa, size), ones);
      assert.equal(board.bus.read(pa, size), ones);
      assert.equal(board.cpu.load(pa, size, true), ones);
    }
  }
  assert.deepEqual([...board.debugRead(0xffe, 4)], [255, 255, 255, 255]);
  assert.equal(board.stray, 0);
  board.bus.write(far, 4, 0);
  assert.equal(board.stray, 1);
  assert.equal(board.peek(far, 4), 0xffff_ffff);

  const erased = new Uint8Array(0x10000).fill(255);
  erased.set(program);
  assert.equal(new Board({ sdramMB: 2, flash: erased }).state().flash, board.state().flash);
  assert.equal(board.debugWrite(far + 4, Uint8Array.of(7, 8, 9, 10, 11)), 4);
  assert.equal(board.peek(far + 4, 4), 0x0a09_0807);
  assert.equal(board.cpu.load(far, 4, true), 0xffff_ffff);
  assert.equal(board.cpu.load(far + 4, 4, true), 0x0a09_0807);
  assert.equal(board.peek(0x2000, 4), 0xffff_ffff);
});

Deno.test("debugWrite() replaces code that the core has run", core, () => {
  const board = new Board({ sdramMB: 2, bootClocks: true });
  const at = SDRAM_BASE + 0x100;
  board.poke(at, 0xe2800001); // add r0, r0, #1
  board.poke(at + 4, 0xeafffffd); // b at
  board.cpu.pc = at;
  board.run(1000);
  const r0 = board.cpu.reg(0);
  assert.ok(r0 > 100);
  board.poke(at, 0xe2811001); // add r1, r1, #1
  board.run(2000);
  assert.ok(board.cpu.reg(0) <= r0 + 1);
  assert.ok(board.cpu.reg(1) > 100);
});

Deno.test("DMA writes code that the core then runs", core, () => {
  const board = new Board({ sdramMB: 2, bootClocks: true });
  const at = SDRAM_BASE + 0x100;
  board.poke(at, 0xe2800001); // add r0, r0, #1
  board.poke(at + 4, 0xeafffffd); // b at
  board.poke(SDRAM_BASE, 0xe2811001); // add r1, r1, #1
  board.cpu.pc = at;
  board.run(1000);
  const r0 = board.cpu.reg(0);
  board.soc.write(BASE.DMA + 0x00, 4, SDRAM_BASE);
  board.soc.write(BASE.DMA + 0x08, 4, at);
  board.soc.write(BASE.DMA + 0x10, 4, 0x60_0000 | 1);
  board.soc.write(BASE.DMA + 0x20, 4, 3);
  board.run(2000);
  assert.ok(board.cpu.reg(0) <= r0 + 10);
  assert.ok(board.cpu.reg(1) > 100);
});

Deno.test("IDLE mode of CLKCON waits for an interrupt like the core's own", core, () => {
  const program = TIMER_PROGRAM.map(([a, w]) => {
    // mov r6, #0x4c000000 before the loop instead of r4's start value; str r7, [r6, #0xc] in it.
    if (a === 0x50) return [a, 0xe3a07004] as const; // mov r7, #4
    if (a === 0x54) return [a, 0xe3a06313] as const; // mov r6, #0x4c000000
    if (a === 0x5c) return [a, 0xe586700c] as const; // str r7, [r6, #12]
    if (a === 0x78) return [a, NOP] as const;
    return [a, w] as const;
  });
  const board = new Board({ sdramMB: 2, flash: flashOf(program), bootClocks: true });
  board.run(10 * PERIOD);
  assert.equal(board.cpu.reg(3), 10);
  assert.equal(board.cpu.reg(5), 10);
  assert.ok(board.idleCycles > 0.98 * board.clock.now);
});
