import assert from "node:assert/strict";
import fc from "fast-check";
import { Clock } from "../core/clock.ts";
import { Uart, UART_ERROR } from "../core/s3c2440_uart.ts";
import { BASE } from "../core/s3c2440.ts";
import { INT, Rig } from "./s3c2440_rig.ts";

const core = { permissions: "none" } as const;

const ULCON = BASE.UART0;
const UCON = BASE.UART0 + 0x04;
const UFCON = BASE.UART0 + 0x08;
const UMCON = BASE.UART0 + 0x0c;
const UTRSTAT = BASE.UART0 + 0x10;
const UERSTAT = BASE.UART0 + 0x14;
const UFSTAT = BASE.UART0 + 0x18;
const UTXH = BASE.UART0 + 0x20;
const URXH = BASE.UART0 + 0x24;
const UBRDIV = BASE.UART0 + 0x28;
const RXD = 1;
const TXD = 2;
const ERR = 4;
/** 8N1 at 115200 baud from 50 MHz: UBRDIV 26, ten bits, eight FCLK cycles per PCLK cycle. */
const FRAME = 10 * 16 * 27 * 8;

class UartRig extends Rig {
  readonly sent: { byte: number; at: number }[] = [];

  /** UART0 at 115200 8N1, with UCON and UFCON as given. */
  constructor(ucon: number, ufcon: number) {
    super(true);
    this.soc.uart[0].onTransmit = (byte) => this.sent.push({ byte, at: this.clock.now });
    this.write(ULCON, 3);
    this.write(UBRDIV, 26);
    this.write(UFCON, ufcon);
    this.write(UCON, ucon);
  }

  get subs(): number {
    return this.peek(INT.SUBSRCPND);
  }

  acknowledge(): void {
    this.write(INT.SUBSRCPND, 0xffff_ffff);
  }
}

Deno.test("a byte written to UTXH leaves at the end of its frame", core, () => {
  const rig = new UartRig(0x005, 0);
  assert.equal(rig.read(UTRSTAT), 6);
  const begin = rig.clock.now;
  rig.write(UTXH, 0x41);
  assert.equal(rig.read(UTRSTAT), 2, "the shifter has it, the holding register is free");
  rig.write(UTXH, 0x42);
  assert.equal(rig.read(UTRSTAT), 0);
  rig.run(3 * FRAME);
  assert.deepEqual(rig.sent, [{ byte: 0x41, at: begin + FRAME }, {
    byte: 0x42,
    at: begin + 2 * FRAME,
  }]);
  assert.equal(rig.read(UTRSTAT), 6);
});

Deno.test("a frame takes the bits of ULCON and the clocks of UBRDIV and UCON", core, () => {
  const cases: [ulcon: number, ubrdiv: number, ucon: number, cycles: number][] = [
    [0x03, 26, 0x005, 10 * 16 * 27 * 8],
    [0x00, 26, 0x005, 7 * 16 * 27 * 8],
    [0x2f, 0, 0x005, 12 * 16 * 8], // 8 bits, even parity, two stop bits
    [0x03, 1, 0x805, 10 * 16 * 2 * 8], // clock select 2 is PCLK too
    [0x03, 26, 0x3c05, 10 * 16 * 27 * 9], // FCLK/(3 + 6)
    [0x03, 26, 0x0c05, 10 * 16 * 27 * 9], // FCLK/n without a divider
  ];
  for (const [ulcon, ubrdiv, ucon, cycles] of cases) {
    const rig = new UartRig(0, 0);
    rig.write(ULCON, ulcon);
    rig.write(UBRDIV, ubrdiv);
    rig.write(UCON, ucon);
    assert.equal(rig.soc.uart[0].frameCycles, cycles, `${ulcon} ${ubrdiv} ${ucon}`);
  }
  const rig = new UartRig(0x405, 0);
  rig.write(UTXH, 1);
  assert.equal(rig.clock.next, Infinity, "no external clock");
  rig.write(UCON, 0x005);
  rig.run(FRAME);
  assert.equal(rig.sent.length, 1);
});

Deno.test("the Tx FIFO takes 64 bytes beside the one being sent, and shows its count", core, () => {
  const rig = new UartRig(0x005, 1);
  for (let i = 0; i < 70; i++) rig.write(UTXH, i);
  assert.equal(rig.read(UFSTAT), 0x4000, "full, count 0");
  rig.run(FRAME);
  assert.equal(rig.read(UFSTAT), 63 << 8);
  rig.run(100 * FRAME);
  assert.deepEqual(rig.sent.map((s) => s.byte), [...Array(65).keys()]);
  assert.equal(rig.read(UFSTAT), 0);
});

Deno.test(
  "the Tx interrupt comes by pulse at the trigger and by level at and below it",
  core,
  () => {
    for (const [bits, trigger] of [[0, 0], [1, 16], [2, 32], [3, 48]]) {
      const pulse = new UartRig(0x005, 1 | (bits << 6));
      for (let i = 0; i < 51; i++) pulse.write(UTXH, i);
      pulse.acknowledge();
      pulse.run((49 - trigger) * FRAME);
      assert.equal(pulse.subs, 0, `above ${trigger}`);
      pulse.run(FRAME);
      assert.equal(pulse.subs, TXD, `at ${trigger}`);
      pulse.acknowledge();
      pulse.run(trigger * FRAME);
      assert.equal(pulse.subs, 0, "only once");

      const level = new UartRig(0x205, 1 | (bits << 6));
      assert.equal(level.subs, TXD, "an idle transmitter requests at once");
      for (let i = 0; i < 51; i++) level.write(UTXH, i);
      level.acknowledge();
      level.run((49 - trigger) * FRAME);
      assert.equal(level.subs, 0);
      level.run(FRAME);
      for (let i = 0; i < 3; i++) {
        assert.equal(level.subs, TXD);
        level.acknowledge();
      }
    }
  },
);

Deno.test("without FIFO the Tx interrupt comes when the holding register empties", core, () => {
  const rig = new UartRig(0x005, 0);
  rig.write(UTXH, 1);
  assert.equal(rig.subs, TXD);
  rig.write(UTXH, 2);
  rig.acknowledge();
  rig.run(FRAME - 1);
  assert.equal(rig.subs, 0);
  rig.run(1);
  assert.equal(rig.subs, TXD);
});

Deno.test("receive() brings byte after byte, each a frame apart", core, () => {
  const rig = new UartRig(0x005, 0);
  rig.soc.uart[0].receive([0x61, 0x62]);
  rig.run(FRAME - 1);
  assert.equal(rig.read(UTRSTAT) & 1, 0);
  rig.run(1);
  assert.equal(rig.read(UTRSTAT) & 1, 1);
  assert.equal(rig.subs & RXD, RXD);
  rig.acknowledge();
  assert.equal(rig.peek(URXH), 0x61);
  assert.equal(rig.read(URXH), 0x61);
  assert.equal(rig.read(UTRSTAT) & 1, 0);
  rig.run(FRAME);
  assert.equal(rig.subs & RXD, RXD);
  assert.equal(rig.read(URXH), 0x62);
});

Deno.test(
  "the Rx interrupt comes by pulse at the trigger and by level at and above it",
  core,
  () => {
    for (const [bits, trigger] of [[0, 1], [1, 8], [2, 16], [3, 32]]) {
      const pulse = new UartRig(0x005, 1 | (bits << 4));
      pulse.soc.uart[0].receive(new Uint8Array(40));
      pulse.run((trigger - 1) * FRAME);
      assert.equal(pulse.subs, 0);
      pulse.run(FRAME);
      assert.equal(pulse.subs, RXD);
      assert.equal(pulse.read(UFSTAT), trigger);
      pulse.acknowledge();
      pulse.run(FRAME);
      assert.equal(pulse.subs, 0, "only once");

      const level = new UartRig(0x105, 1 | (bits << 4));
      level.soc.uart[0].receive(new Uint8Array(trigger));
      level.run(trigger * FRAME);
      level.acknowledge();
      assert.equal(level.subs, RXD);
      level.read(URXH);
      level.acknowledge();
      assert.equal(level.subs, 0);
    }
  },
);

Deno.test("the Rx timeout requests for what stays below the trigger", core, () => {
  for (const level of [0, 0x100]) {
    const rig = new UartRig(0x085 | level, 0x31);
    rig.soc.uart[0].receive([1, 2]);
    rig.run(2 * FRAME + 3 * FRAME - 1);
    assert.equal(rig.subs, 0);
    rig.run(1);
    assert.equal(rig.subs, RXD);
    rig.read(URXH);
    rig.acknowledge();
    assert.equal(rig.subs, level === 0 ? 0 : RXD, "until the FIFO is empty");
    rig.read(URXH);
    rig.acknowledge();
    assert.equal(rig.subs, 0);
  }
});

Deno.test("a new byte ends the Rx timeout and begins it again", core, () => {
  const rig = new UartRig(0x185, 0x31);
  rig.soc.uart[0].receive([1]);
  rig.run(4 * FRAME);
  assert.equal(rig.subs, RXD);
  rig.soc.uart[0].receive([2]);
  rig.run(FRAME);
  rig.acknowledge();
  assert.equal(rig.subs, 0);
  rig.run(3 * FRAME);
  assert.equal(rig.subs, RXD);
});

Deno.test("frames follow one another by their own time, however late the events fire", core, () => {
  const rig = new UartRig(0x005, 1);
  const begin = rig.clock.now;
  for (const byte of [1, 2]) rig.write(UTXH, byte);
  rig.soc.uart[0].receive([3, 4]);
  rig.clock.now = begin + FRAME + 50;
  rig.clock.fireDue();
  rig.until(begin + 2 * FRAME);
  assert.deepEqual(rig.sent, [
    { byte: 1, at: begin + FRAME + 50 },
    { byte: 2, at: begin + 2 * FRAME },
  ]);
  assert.equal(rig.read(UFSTAT), 2);
});

Deno.test(
  "a full Rx FIFO loses bytes with an overrun error, or holds the sender by flow control",
  core,
  () => {
    const bytes = Uint8Array.from({ length: 70 }, (_, i) => i);
    const lossy = new UartRig(0x045, 1);
    lossy.soc.uart[0].receive(bytes);
    lossy.run(64 * FRAME);
    assert.equal(lossy.read(UFSTAT), 0x40, "full, count 0");
    assert.equal(lossy.peek(UERSTAT), 0);
    lossy.run(6 * FRAME);
    assert.equal(lossy.subs & ERR, ERR);
    assert.equal(lossy.peek(UERSTAT), UART_ERROR.OVERRUN);
    assert.equal(lossy.read(UERSTAT), UART_ERROR.OVERRUN);
    assert.equal(lossy.read(UERSTAT), 0, "a read clears");
    assert.equal(lossy.soc.uart[0].incoming, 0);

    const held = new UartRig(0x045, 1);
    held.write(UMCON, 0x10);
    held.soc.uart[0].receive(bytes);
    held.run(200 * FRAME);
    assert.equal(held.soc.uart[0].incoming, 6);
    const seen: number[] = [];
    for (let i = 0; i < 70; i++) {
      seen.push(held.read(URXH));
      held.run(FRAME);
    }
    assert.deepEqual(seen, [...bytes]);
    assert.equal(held.peek(UERSTAT), 0);
  },
);

Deno.test("without FIFO a late byte replaces the unread one", core, () => {
  const rig = new UartRig(0x045, 0);
  rig.soc.uart[0].receive([1, 2]);
  rig.run(2 * FRAME);
  assert.equal(rig.read(UERSTAT), UART_ERROR.OVERRUN);
  assert.equal(rig.read(URXH), 2);
});

Deno.test("a bad byte reports its error when it is the next to be read", core, () => {
  const rig = new UartRig(0x045, 1);
  const { receive } = rig.soc.uart[0];
  receive.call(rig.soc.uart[0], [1]);
  receive.call(rig.soc.uart[0], [2], UART_ERROR.PARITY);
  rig.run(2 * FRAME);
  assert.equal(rig.peek(UERSTAT), 0);
  assert.equal(rig.subs & ERR, 0);
  rig.read(URXH);
  assert.equal(rig.subs & ERR, ERR);
  assert.equal(rig.read(UERSTAT), UART_ERROR.PARITY);
  rig.acknowledge();
  receive.call(rig.soc.uart[0], [3]);
  rig.run(FRAME);
  assert.equal(rig.read(UERSTAT), 0, "reported once");
  assert.equal(rig.subs & ERR, 0);
  assert.equal(rig.read(URXH), 2);
});

Deno.test("the sender waits while the receiver is off", core, () => {
  const rig = new UartRig(0x004, 1);
  rig.soc.uart[0].receive([7]);
  rig.run(10 * FRAME);
  assert.equal(rig.soc.uart[0].incoming, 1);
  rig.write(UCON, 0x005);
  rig.run(FRAME);
  assert.equal(rig.read(URXH), 7);
});

Deno.test("loopback returns what is sent and keeps it off the line", core, () => {
  const rig = new UartRig(0x025, 1);
  rig.write(UTXH, 0x5a);
  rig.run(FRAME);
  assert.equal(rig.read(URXH), 0x5a);
  assert.deepEqual(rig.sent, []);
});

Deno.test("UFCON resets the FIFOs, and the reset bits clear themselves", core, () => {
  const rig = new UartRig(0x005, 1);
  rig.soc.uart[0].receive([1, 2, 3]);
  for (let i = 0; i < 5; i++) rig.write(UTXH, i);
  rig.run(3 * FRAME);
  assert.equal(rig.read(UFSTAT), 3 | (1 << 8));
  rig.write(UFCON, 3);
  assert.equal(rig.read(UFSTAT), 1 << 8);
  rig.write(UFCON, 5);
  assert.equal(rig.read(UFSTAT), 0);
  assert.equal(rig.read(UFCON), 1);
});

Deno.test("UART2 has no modem registers", core, () => {
  const rig = new Rig();
  rig.read(BASE.UART2 + 0x0c);
  rig.read(BASE.UART1 + 0x0c);
  assert.equal(rig.soc.stray, 1);
});

Deno.test("state() and restore() keep frames on the way", core, () => {
  const rig = () => {
    const clock = new Clock(400e6);
    const events: string[] = [];
    const note = (text: string) => events.push(`${clock.now} ${text}`);
    const uart = new Uart(true, {
      clock,
      fclkPerPclk: () => 8,
      fclkPerUartClock: () => 9,
      pulse: (kind) => note(kind),
      level: (kind, active) => note(`${kind} ${active}`),
    });
    uart.onTransmit = (byte) => note(`sent ${byte}`);
    const until = (cycle: number) => {
      while (clock.next <= cycle) {
        clock.now = clock.next;
        clock.fireDue();
      }
      clock.now = cycle;
    };
    return { clock, uart, events, until };
  };
  fc.assert(fc.property(fc.nat(10 * FRAME), fc.constantFrom(0, 1, 0x31), (at, ufcon) => {
    const a = rig();
    for (const [offset, value] of [[0, 3], [0x28, 26], [8, ufcon], [4, 0xc5]]) {
      a.uart.write(offset, 4, value);
    }
    a.uart.receive([1, 2, 3]);
    for (let i = 0; i < 6; i++) a.uart.write(0x20, 1, i);
    a.until(at);
    const b = rig();
    b.clock.restore(structuredClone(a.clock.state()));
    b.uart.restore(structuredClone(a.uart.state()));
    a.events.length = 0;
    for (const r of [a, b]) {
      r.until(at + 10 * FRAME);
      r.events.push(`${r.uart.read(0x24, 1)} ${r.uart.read(0x14, 1)}`);
    }
    assert.deepEqual(b.events, a.events);
    assert.deepEqual(b.uart.state(), a.uart.state());
  }));
});
