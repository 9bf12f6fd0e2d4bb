import assert from "node:assert/strict";
import { BASE } from "../core/s3c2440.ts";
import { NAND_PAGE } from "../core/s3c2440_nand.ts";
import { INT, Rig } from "./s3c2440_rig.ts";

const core = { permissions: "none" } as const;

/** FCLK cycles per PCLK and HCLK cycle after boot. */
const PCLK = 8;
const HCLK = 4;

Deno.test("the other chapters have the reset values of the manual", core, () => {
  const values: [string, number, number][] = [
    ["DCON0", 0x4b000010, 0],
    ["DMASKTRIG3", 0x4b0000e0, 0],
    ["LCDCON1", 0x4d000000, 0],
    ["LCDINTMSK", 0x4d00005c, 3],
    ["TCONSEL", 0x4d000060, 0xf84],
    ["NFCONT", 0x4e000004, 0x384],
    ["IICSTAT", 0x54000004, 0],
    ["ADCCON", 0x58000000, 0x3fc4],
    ["ADCTSC", 0x58000004, 0x58],
    ["ADCDLY", 0x58000008, 0xff],
    ["SPSTA0", 0x59000004, 1],
    ["SPSTA1", 0x59000024, 1],
    ["SDICMDSTA", 0x5a000010, 0],
  ];
  const rig = new Rig();
  for (const [name, address, value] of values) assert.equal(rig.peek(address), value, name);
});

Deno.test("DMA copies memory by software in whole service mode and interrupts", core, () => {
  const rig = new Rig(true);
  for (let i = 0; i < 64; i++) rig.memory[i] = i + 1;
  rig.write(BASE.DMA + 0x40, 0x3000_0000);
  rig.write(BASE.DMA + 0x48, 0x3000_0100);
  rig.write(BASE.DMA + 0x50, 0x2000_0000 | 0x0800_0000 | 0x40_0000 | 0x20_0000 | 16);
  rig.write(BASE.DMA + 0x60, 2);
  rig.write(BASE.DMA + 0x60, 3);
  const begin = rig.clock.now;
  assert.equal(rig.read(BASE.DMA + 0x54), 0x10_0010, "busy, 16 to go");
  rig.run(5 * 4 * HCLK);
  assert.equal(rig.read(BASE.DMA + 0x54), 0x10_000b);
  assert.equal(rig.read(BASE.DMA + 0x58), 0x3000_0014);
  assert.equal(rig.untilSet(INT.SRCPND, 1 << 18) - begin, 16 * 4 * HCLK);
  assert.deepEqual(rig.memory.slice(0x100, 0x140), rig.memory.slice(0, 64));
  assert.equal(rig.memory[0x140], 0);
  assert.equal(rig.read(BASE.DMA + 0x60), 0, "off after the last");
});

Deno.test("DMA bursts of four halfwords with a fixed source and auto reload", core, () => {
  const rig = new Rig(true);
  rig.memory.set([0x34, 0x12], 0);
  rig.write(BASE.DMA + 0x00, 0x3000_0000);
  rig.write(BASE.DMA + 0x04, 1);
  rig.write(BASE.DMA + 0x08, 0x3000_0010);
  rig.write(BASE.DMA + 0x10, 0x1000_0000 | 0x10_0000 | 2);
  rig.write(BASE.DMA + 0x20, 2);
  for (const count of [1, 2]) {
    rig.write(BASE.DMA + 0x20, 3);
    rig.run(1000);
    assert.equal(rig.read(BASE.DMA + 0x14), count, "single service: one burst per request");
  }
  assert.deepEqual([...rig.memory.slice(0x10, 0x22)], [
    ...new Array(8).fill([0x34, 0x12]).flat(),
    0,
    0,
  ]);
  assert.equal(rig.read(BASE.DMA + 0x1c), 0x3000_0010);
  rig.write(BASE.DMA + 0x20, 4);
  rig.write(BASE.DMA + 0x20, 1);
  assert.equal(rig.clock.next, Infinity, "off: no request is taken");
});

Deno.test("a PWM timer in DMA mode moves one unit per period", core, () => {
  const rig = new Rig(true);
  rig.memory.fill(0xee, 0, 4);
  rig.write(BASE.DMA + 0x80, 0x3000_0000);
  rig.write(BASE.DMA + 0x88, 0x3000_0100);
  rig.write(BASE.DMA + 0x90, 0x0380_0000 | 0x40_0000 | 10);
  rig.write(BASE.DMA + 0xa0, 2);
  rig.write(BASE.PWM + 0x04, 1 << 20); // timer 0
  rig.write(BASE.PWM + 0x0c, 99);
  rig.write(BASE.PWM + 0x08, 2);
  rig.write(BASE.PWM + 0x08, 9);
  rig.run(350 * 2 * PCLK);
  assert.equal(rig.read(BASE.DMA + 0x94), 7);
  assert.equal(rig.peek(INT.SRCPND), 0);
});

Deno.test("ADC converts the selected channel in five converter clocks", core, () => {
  const rig = new Rig(true);
  rig.soc.adc.setInput(3, 0x2a5);
  rig.write(INT.INTSUBMSK, ~(1 << 10));
  const begin = rig.clock.now;
  rig.write(BASE.ADC, 0x4000 | (49 << 6) | (3 << 3) | 1);
  assert.equal(rig.read(BASE.ADC) & 0x8001, 0);
  assert.equal(rig.untilSet(INT.SRCPND, 0x8000_0000) - begin, 5 * 50 * PCLK);
  assert.equal(rig.read(BASE.ADC) & 0x8000, 0x8000);
  assert.equal(rig.read(BASE.ADC + 0x0c) & 0x3ff, 0x2a5);
  rig.write(BASE.ADC, 4 | 1);
  assert.equal(rig.clock.next, Infinity, "not in standby");
  rig.write(BASE.ADC, (3 << 3) | 2);
  rig.read(BASE.ADC + 0x0c);
  assert.notEqual(rig.clock.next, Infinity, "start by read");
});

Deno.test("IIC sends an address that nobody acknowledges", core, () => {
  const rig = new Rig(true);
  rig.write(BASE.IIC, 0xa0 | 0xf);
  rig.write(BASE.IIC + 0x04, 0x10);
  rig.write(BASE.IIC + 0x0c, 0xa0);
  const begin = rig.clock.now;
  rig.write(BASE.IIC + 0x04, 0xf0);
  assert.equal(rig.untilSet(INT.SRCPND, 1 << 27) - begin, 9 * 16 * 16 * PCLK);
  assert.equal(rig.read(BASE.IIC) & 0x10, 0x10, "pending");
  assert.equal(rig.read(BASE.IIC + 0x04), 0xf1, "no acknowledge");
  rig.write(INT.SRCPND, 1 << 27);
  rig.write(BASE.IIC, 0xa0 | 0xf);
  rig.untilSet(INT.SRCPND, 1 << 27);
  rig.write(BASE.IIC + 0x04, 0xd0);
  rig.write(BASE.IIC, 0xa0 | 0xf);
  assert.equal(rig.clock.next, Infinity, "stopped");
});

Deno.test("SPI exchanges bytes and refuses one that comes too early", core, () => {
  const rig = new Rig(true);
  const sent: [number, number][] = [];
  rig.soc.spi.onTransfer = (channel, byte) => {
    sent.push([channel, byte]);
    return ~byte & 0xff;
  };
  rig.write(BASE.SPI + 0x20, 0x38);
  rig.write(BASE.SPI + 0x2c, 4);
  const begin = rig.clock.now;
  rig.write(BASE.SPI + 0x30, 0x5a);
  assert.equal(rig.read(BASE.SPI + 0x24), 0);
  rig.write(BASE.SPI + 0x30, 0x5a);
  assert.equal(rig.read(BASE.SPI + 0x24), 4);
  assert.equal(rig.untilSet(INT.SRCPND, 1 << 29) - begin, 8 * 2 * 5 * PCLK);
  assert.equal(rig.read(BASE.SPI + 0x34), 0xa5);
  assert.equal(rig.read(BASE.SPI + 0x24), 1);
  assert.deepEqual(sent, [[1, 0x5a]]);
});

Deno.test("SDI sends commands into an empty slot", core, () => {
  const rig = new Rig(true);
  rig.write(BASE.SDI + 0x04, 9);
  rig.write(BASE.SDI + 0x3c, (1 << 15) | (1 << 16));
  let begin = rig.clock.now;
  rig.write(BASE.SDI + 0x0c, 0x140);
  assert.equal(rig.read(BASE.SDI + 0x10), 0x140);
  assert.equal(rig.untilSet(INT.SRCPND, 1 << 21) - begin, 48 * 10 * PCLK);
  assert.equal(rig.read(BASE.SDI + 0x10), 0x840);
  rig.write(BASE.SDI + 0x10, 0x800);
  rig.write(INT.SRCPND, 1 << 21);
  begin = rig.clock.now;
  rig.write(BASE.SDI + 0x0c, 0x348);
  assert.equal(rig.untilSet(INT.SRCPND, 1 << 21) - begin, 112 * 10 * PCLK);
  assert.equal(rig.read(BASE.SDI + 0x10), 0x448, "timeout");
  rig.write(BASE.SDI + 0x24, 1000);
  rig.write(BASE.SDI + 0x2c, 0x4000);
  rig.run(1000 * 10 * PCLK);
  assert.equal(rig.read(BASE.SDI + 0x34), 0x20);
});

Deno.test("LCD keeps line and frame time and shows what is in memory", core, () => {
  const rig = new Rig(true);
  const [sync, back, front] = [2, 3, 4];
  rig.write(BASE.LCD + 0x04, ((back - 1) << 24) | (1 << 14) | ((front - 1) << 6) | (sync - 1));
  rig.write(BASE.LCD + 0x08, (9 << 19) | (3 << 8) | 9); // four pixels, porches of ten
  rig.write(BASE.LCD + 0x0c, 5);
  rig.write(BASE.LCD + 0x10, 0x801);
  rig.write(BASE.LCD + 0x14, 0x3000_0000 / 2);
  rig.write(BASE.LCD + 0x1c, (1 << 11) | 4);
  rig.write(BASE.LCD + 0x5c, 1);
  assert.equal(rig.soc.lcd.frame(), null);
  const begin = rig.clock.now;
  rig.write(BASE.LCD, (4 << 8) | 0x79);
  const line = (6 + 10 + 4 + 10) * 10 * HCLK;
  assert.equal(rig.soc.lcd.lineCycles, line);
  rig.run((sync + back) * line + line / 2);
  assert.equal(rig.read(BASE.LCD) >>> 18, 1, "one line to go");
  assert.equal((rig.read(BASE.LCD + 0x10) >>> 15) & 3, 2, "in the picture");
  assert.equal(rig.untilSet(INT.SRCPND, 1 << 16) - begin, (sync + back + 2 + front) * line);
  assert.equal(rig.read(BASE.LCD + 0x54), 2);
  rig.write(BASE.LCD + 0x54, 2);
  assert.equal(rig.read(BASE.LCD + 0x54), 0);

  rig.memory.set([0x00, 0xf8, 0xe0, 0x07, 0x1f, 0x00, 0xff, 0xff], 0);
  rig.memory.set([0x1f, 0x00], 10);
  assert.deepEqual([...rig.soc.lcd.frame()!.pixels], [
    0xf80000,
    0x00fc00,
    0x0000f8,
    0xf8fcf8,
    0xf8,
    0,
    0,
    0,
  ]);
  rig.write(BASE.LCD + 0x10, 0x800);
  assert.deepEqual([...rig.soc.lcd.frame()!.pixels].slice(0, 2), [0x00fc00, 0xf80000]);
  rig.write(BASE.LCD + 0x50, 0x112_3456);
  assert.ok(rig.soc.lcd.frame()!.pixels.every((pixel) => pixel === 0x123456));
  rig.write(BASE.LCD, 0);
  assert.equal(rig.clock.next, Infinity);
});

const NFCONT = BASE.NAND + 0x04;
const NFCMD = BASE.NAND + 0x08;
const NFADDR = BASE.NAND + 0x0c;
const NFDATA = BASE.NAND + 0x10;
const NFSTAT = BASE.NAND + 0x20;

function nand(rig: Rig, command: number, ...address: number[]): void {
  rig.soc.write(NFCMD, 1, command);
  for (const byte of address) rig.soc.write(NFADDR, 1, byte);
}

Deno.test("NAND identifies itself, erases, programs and reads", core, () => {
  const rig = new Rig(true);
  rig.write(NFCONT, 0x201);
  nand(rig, 0x90, 0);
  assert.deepEqual([1, 2, 3, 4, 5].map(() => rig.soc.read(NFDATA, 1)), [0xec, 0xf1, 0, 0x95, 0x40]);

  nand(rig, 0x80, 4, 0, 0x41, 0x01);
  rig.write(NFDATA, 0x44332211);
  rig.soc.write(NFDATA, 1, 0x55);
  nand(rig, 0x10);
  assert.equal(rig.read(NFSTAT) & 1, 0, "busy");
  rig.untilSet(INT.SRCPND, 1 << 24);
  assert.equal(rig.clock.ns(), 200_000);
  assert.equal(rig.read(NFSTAT), 5, "ready, edge seen");
  rig.write(NFSTAT, 4);
  assert.equal(rig.read(NFSTAT), 1);
  nand(rig, 0x70);
  assert.equal(rig.soc.read(NFDATA, 1), 0xc0);

  nand(rig, 0x00, 2, 0, 0x41, 0x01);
  nand(rig, 0x30);
  rig.run(400e6 * 25e-6);
  assert.equal(rig.soc.peek(NFDATA, 4), 0x2211ffff);
  assert.equal(rig.read(NFDATA), 0x2211ffff);
  assert.equal(rig.read(NFDATA), 0xff554433);

  nand(rig, 0x60, 0x40, 0x01);
  nand(rig, 0xd0);
  rig.run(400e6 * 1500e-6);
  assert.ok(rig.soc.nand.page(0x141).every((byte) => byte === 0xff));
});

Deno.test(
  "NAND programming clears bits only, and a chip that is not selected does nothing",
  core,
  () => {
    const rig = new Rig(true);
    rig.soc.nand.setPage(7, Uint8Array.of(0xf0));
    rig.write(NFCONT, 1);
    nand(rig, 0x80, 0, 0, 7, 0);
    rig.soc.write(NFDATA, 1, 0x3c);
    nand(rig, 0x10);
    rig.run(100_000);
    const page = rig.soc.nand.page(7);
    assert.equal(page.length, NAND_PAGE);
    assert.deepEqual([page[0], page[1]], [0x30, 0xff]);
    rig.write(NFCONT, 3);
    nand(rig, 0x60, 0, 0);
    nand(rig, 0xd0);
    assert.equal(rig.clock.next, Infinity);
    assert.equal(rig.soc.read(NFDATA, 2), 0xffff);
    assert.equal(rig.read(NFSTAT), 7, "ready, not selected, the edge of before");
  },
);
