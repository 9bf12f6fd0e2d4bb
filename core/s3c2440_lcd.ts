/**
 * S3C2440A manual chapter 15: the LCD controller in TFT mode. It keeps line and frame time and
 * requests the frame interrupt at the start of every frame; pictures are read out with
 * {@linkcode Lcd.frame}. STN panels are not modelled. The FIFO never runs empty.
 *
 * @module
 */

import type { Clock } from "./clock.ts";
import { Device, type Register, register } from "./registers.ts";
import { Alarm, type AlarmState } from "./s3c2440_counter.ts";

const LCDCON1 = 0x00;
const LCDCON2 = 0x04;
const LCDCON3 = 0x08;
const LCDCON4 = 0x0c;
const LCDCON5 = 0x10;
const LCDSADDR1 = 0x14;
const LCDSADDR3 = 0x1c;
const LCDINTPND = 0x54;
const LCDSRCPND = 0x58;
const LCDINTMSK = 0x5c;
const PALETTE = 0x400;
const FRAME = 2;

/** Registers of the LCD controller. */
export const LCD_REGISTERS: readonly Register[] = [
  register(
    "LCDCON1",
    LCDCON1,
    "LINECNT [27:18], CLKVAL [17:8], MMODE 7, PNRMODE [6:5], " +
      "BPPMODE [4:1], ENVID 0",
    { read: 0xfff_ffff, write: 0x3_ffff },
  ),
  register("LCDCON2", LCDCON2, "VBPD [31:24], LINEVAL [23:14], VFPD [13:6], VSPW [5:0]"),
  register("LCDCON3", LCDCON3, "HBPD [25:19], HOZVAL [18:8], HFPD [7:0]", { read: 0x3ff_ffff }),
  register("LCDCON4", LCDCON4, "MVAL [15:8], HSPW [7:0]", { read: 0xffff }),
  register(
    "LCDCON5",
    LCDCON5,
    "VSTATUS [16:15], HSTATUS [14:13], BPP24BL 12, FRM565 11, " +
      "inversions [10:4], PWREN 3, ENLEND 2, BSWP 1, HWSWP 0",
    { read: 0x1_ffff, write: 0x1fff },
  ),
  register("LCDSADDR1", LCDSADDR1, "frame address A[30:1]", { read: 0x3fff_ffff }),
  register("LCDSADDR2", 0x18, "frame end A[21:1]", { read: 0x1f_ffff }),
  register("LCDSADDR3", LCDSADDR3, "OFFSIZE [21:11], PAGEWIDTH [10:0] in halfwords", {
    read: 0x3f_ffff,
  }),
  register("REDLUT", 0x20, "red of STN panels"),
  register("GREENLUT", 0x24, "green of STN panels"),
  register("BLUELUT", 0x28, "blue of STN panels", { read: 0xffff }),
  register("DITHMODE", 0x4c, "dithering of STN panels", { read: 0x7_ffff }),
  register("TPAL", 0x50, "one colour for all: enable 24, RGB [23:0]", { read: 0x1ff_ffff }),
  register("LCDINTPND", LCDINTPND, "frame 1, FIFO 0; write 1 clears", { read: 3, clear: 3 }),
  register("LCDSRCPND", LCDSRCPND, "frame 1, FIFO 0; write 1 clears", { read: 3, clear: 3 }),
  register("LCDINTMSK", LCDINTMSK, "FIFO level 2, 1: masked [1:0]", { reset: 3, read: 7 }),
  register("TCONSEL", 0x60, "timing controller", { reset: 0xf84, read: 0xfff }),
  ...Array.from(
    { length: 256 },
    (_, i) => register(`PALETTE${i}`, PALETTE + 4 * i, "colour", { read: 0xffff }),
  ),
];

/** A picture. */
export interface LcdFrame {
  /** Pixels in a line. */
  readonly width: number;
  /** Lines. */
  readonly height: number;
  /** 0xRRGGBB of each pixel, line by line. */
  readonly pixels: Uint32Array;
}

/** How the controller is connected. */
export interface LcdWiring {
  /** Time base. */
  readonly clock: Clock;
  /** FCLK cycles per HCLK cycle, now. */
  fclkPerHclk(): number;
  /** Its interrupt. */
  interrupt(): void;
  /** Reads a halfword of memory. */
  read(pa: number): number;
}

/** What the controller holds beside its registers. */
export interface LcdHidden {
  /** Cycle at which the frame began. */
  start: number;
  /** Start of the next frame. */
  alarm: AlarmState;
}

/** The LCD controller. */
export class Lcd extends Device<LcdHidden> {
  readonly #wiring: LcdWiring;
  readonly #alarm: Alarm;
  #start = 0;

  /**
   * The controller after reset: off.
   *
   * @param wiring How it is connected.
   */
  constructor(wiring: LcdWiring) {
    super(LCD_REGISTERS);
    this.#wiring = wiring;
    this.#alarm = new Alarm(wiring.clock, (deadline) => this.#frame(deadline));
  }

  /** FCLK cycles of a line. */
  get lineCycles(): number {
    const con3 = this.get(LCDCON3);
    const pixels = (this.get(LCDCON4) & 0xff) + ((con3 >>> 19) & 0x7f) + ((con3 >>> 8) & 0x7ff) +
      (con3 & 0xff) + 4;
    const vclk = 2 * (((this.get(LCDCON1) >>> 8) & 0x3ff) + 1);
    return pixels * vclk * this.#wiring.fclkPerHclk();
  }

  /** Lines of a frame: sync, back porch, picture, front porch. */
  get #lines(): [sync: number, back: number, picture: number, front: number] {
    const con2 = this.get(LCDCON2);
    return [
      (con2 & 0x3f) + 1,
      (con2 >>> 24) + 1,
      ((con2 >>> 14) & 0x3ff) + 1,
      ((con2 >>> 6) & 0xff) + 1,
    ];
  }

  get #on(): boolean {
    return (this.get(LCDCON1) & 1) !== 0;
  }

  /** The picture in memory as the panel shows it; null unless on in 16 bits per pixel TFT mode. */
  frame(): LcdFrame | null {
    if (!this.#on || ((this.get(LCDCON1) >>> 1) & 0xf) !== 12) return null;
    const width = ((this.get(LCDCON3) >>> 8) & 0x7ff) + 1;
    const height = this.#lines[2];
    const pixels = new Uint32Array(width * height);
    const tpal = this.get(0x50);
    if ((tpal & 0x100_0000) !== 0) {
      return { width, height, pixels: pixels.fill(tpal & 0xff_ffff) };
    }
    const con5 = this.get(LCDCON5);
    const first = this.get(LCDSADDR1) * 2;
    const stride = 2 * ((this.get(LCDSADDR3) & 0x7ff) + ((this.get(LCDSADDR3) >>> 11) & 0x7ff));
    // Without HWSWP the two pixels of a word are shown upper half first.
    const swap = (con5 & 1) !== 0 ? 0 : 2;
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const pixel = this.#wiring.read((first + y * stride + 2 * x) ^ swap);
        pixels[y * width + x] = rgb(pixel, (con5 & 0x800) !== 0);
      }
    }
    return { width, height, pixels };
  }

  #frame(deadline: number): void {
    this.#begin(deadline);
    this.set(LCDSRCPND, this.get(LCDSRCPND) | FRAME);
    if ((this.get(LCDINTMSK) & FRAME) !== 0) return;
    this.set(LCDINTPND, this.get(LCDINTPND) | FRAME);
    this.#wiring.interrupt();
  }

  #begin(cycle: number): void {
    this.#start = cycle;
    const lines = this.#lines.reduce((sum, n) => sum + n, 0);
    this.#alarm.set(cycle + lines * this.lineCycles);
  }

  /** What a read gives: the line counter and the part of the frame now. */
  protected override look(offset: number): number {
    const value = super.look(offset);
    if (!this.#on || (offset !== LCDCON1 && offset !== LCDCON5)) return value;
    let line = Math.floor((this.#wiring.clock.now - this.#start) / this.lineCycles);
    let part = 0;
    const lines = this.#lines;
    while (part < 3 && line >= lines[part]) line -= lines[part++];
    if (offset === LCDCON5) return value | (part << 15);
    return part === 2 ? value | ((lines[2] - 1 - line) << 18) : value;
  }

  /** A write by the CPU: ENVID starts and stops. */
  protected override store(offset: number, value: number, lanes: number): void {
    const on = this.#on;
    super.store(offset, value, lanes);
    if (offset !== LCDCON1 || this.#on === on) return;
    if (this.#on) this.#begin(this.#wiring.clock.now);
    else this.#alarm.cancel();
  }

  /** The state after reset: off. */
  override reset(): void {
    super.reset();
    this.#alarm.cancel();
  }

  /** What is held beside the registers. */
  protected override saveHidden(): LcdHidden {
    return { start: this.#start, alarm: this.#alarm.state() };
  }

  /** Takes back what {@linkcode saveHidden} gave. */
  protected override restoreHidden(hidden: LcdHidden): void {
    this.#start = hidden.start;
    this.#alarm.restore(hidden.alarm);
  }
}

/** Colour of a pixel of 16 bits: 5:6:5, or 5:5:5 with a common lowest bit. */
function rgb(pixel: number, frm565: boolean): number {
  if (frm565) return ((pixel & 0xf800) << 8) | ((pixel & 0x07e0) << 5) | ((pixel & 0x1f) << 3);
  const low = (pixel & 1) << 2;
  const red = ((pixel >>> 8) & 0xf8) | low;
  const green = ((pixel >>> 3) & 0xf8) | low;
  const blue = ((pixel << 2) & 0xf8) | low;
  return (red << 16) | (green << 8) | blue;
}
