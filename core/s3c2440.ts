/**
 * The S3C2440A: its devices, how they are wired, and where they lie.
 *
 * Addresses without a device and reserved registers read 0, ignore writes and are counted.
 *
 * @module
 */

import type { AccessSize } from "./bus.ts";
import type { Clock } from "./clock.ts";
import type { Device, DeviceState } from "./registers.ts";
import { Adc } from "./s3c2440_adc.ts";
import { ClkPwr } from "./s3c2440_clkpwr.ts";
import { Dma } from "./s3c2440_dma.ts";
import { Gpio } from "./s3c2440_gpio.ts";
import { Iic } from "./s3c2440_iic.ts";
import { Intc, SOURCE, SUBSOURCE } from "./s3c2440_intc.ts";
import { Lcd } from "./s3c2440_lcd.ts";
import { Memc } from "./s3c2440_memc.ts";
import { Nand } from "./s3c2440_nand.ts";
import { Pwm } from "./s3c2440_pwm.ts";
import { Rtc, RTC_DEFAULT, type RtcTime } from "./s3c2440_rtc.ts";
import { Sdi } from "./s3c2440_sdi.ts";
import { Spi } from "./s3c2440_spi.ts";
import { Uart } from "./s3c2440_uart.ts";
import { Wdt } from "./s3c2440_wdt.ts";

/** Base addresses of the devices. Each has the 4 KB from its base. */
export const BASE = {
  MEMC: 0x4800_0000,
  INTC: 0x4a00_0000,
  DMA: 0x4b00_0000,
  CLKPWR: 0x4c00_0000,
  LCD: 0x4d00_0000,
  NAND: 0x4e00_0000,
  UART0: 0x5000_0000,
  UART1: 0x5000_4000,
  UART2: 0x5000_8000,
  PWM: 0x5100_0000,
  WDT: 0x5300_0000,
  IIC: 0x5400_0000,
  GPIO: 0x5600_0000,
  RTC: 0x5700_0000,
  ADC: 0x5800_0000,
  SPI: 0x5900_0000,
  SDI: 0x5a00_0000,
} as const;

/** Name of a device. */
export type DeviceName = keyof typeof BASE;

/** Cause of a reset: bits of GSTATUS2. */
export const RESET_CAUSE = {
  /** Power on. */
  POWER_ON: 1,
  /** Wake-up from sleep. */
  SLEEP: 2,
  /** The watchdog. */
  WATCHDOG: 4,
} as const;

/** What the chip needs from the board. */
export interface S3c2440Wiring {
  /** Time base. */
  readonly clock: Clock;
  /** Frequency of the crystal in hertz. */
  readonly fin: number;
  /** The time at power on. */
  readonly rtc?: Readonly<RtcTime>;
  /** The interrupt lines to the core changed. */
  onLines(irq: boolean, fiq: boolean): void;
  /** The watchdog asks for a reset of the chip. */
  onReset(): void;
  /** Reads memory for the DMA channels and the LCD controller. */
  readMemory(pa: number, size: AccessSize): number;
  /** Writes memory for the DMA channels. */
  writeMemory(pa: number, size: AccessSize, value: number): void;
  /** The core is to stop until the next interrupt. */
  onIdle(): void;
}

/** Saved form of {@linkcode S3c2440}. */
export interface S3c2440State {
  /** Accesses to addresses without a device so far. */
  stray: number;
  /** The devices by name. */
  devices: Record<DeviceName, DeviceState<unknown>>;
}

/** The chip without its core and memory. */
export class S3c2440 {
  /** The interrupt controller. */
  readonly intc: Intc;
  /** Clocks. */
  readonly clkpwr: ClkPwr;
  /** The memory controller. */
  readonly memc: Memc;
  /** The three UARTs. */
  readonly uart: readonly [Uart, Uart, Uart];
  /** The five timers. */
  readonly pwm: Pwm;
  /** The watchdog. */
  readonly wdt: Wdt;
  /** The ports. */
  readonly gpio: Gpio;
  /** The real time clock. */
  readonly rtc: Rtc;
  /** The DMA channels. */
  readonly dma: Dma;
  /** The LCD controller. */
  readonly lcd: Lcd;
  /** The NAND flash controller and its chip. */
  readonly nand: Nand;
  /** The IIC bus interface. */
  readonly iic: Iic;
  /** The A/D converter. */
  readonly adc: Adc;
  /** The SPI channels. */
  readonly spi: Spi;
  /** The SD interface. */
  readonly sdi: Sdi;
  /** All devices by name. */
  readonly devices: Readonly<Record<DeviceName, Device<unknown>>>;
  readonly #pages: ReadonlyMap<number, Device<unknown>>;
  #stray = 0;

  /**
   * The chip after power on.
   *
   * @param wiring What it needs from the board.
   */
  constructor(wiring: S3c2440Wiring) {
    const { clock } = wiring;
    this.intc = new Intc((irq, fiq) => wiring.onLines(irq, fiq));
    this.clkpwr = new ClkPwr(clock, wiring.fin, {
      onDividers: () => this.#updateDividers(),
      onFrequency: () => this.rtc.updateClock(),
      onIdle: () => wiring.onIdle(),
    });
    const fclkPerPclk = () => this.clkpwr.fclkPerPclk;
    const fclkPerHclk = () => this.clkpwr.fclkPerHclk;
    const raise = (source: number) => () => this.intc.raise(source);
    this.memc = new Memc();
    this.uart = [this.#uart(clock, 0), this.#uart(clock, 1), this.#uart(clock, 2)];
    this.pwm = new Pwm({
      clock,
      fclkPerPclk,
      interrupt: (timer) => this.intc.raise(SOURCE.TIMER0 + timer),
      dma: () => this.dma.requestByTimer(),
    });
    this.wdt = new Wdt({
      clock,
      fclkPerPclk,
      interrupt: () => this.intc.raiseSub(SUBSOURCE.WDT),
      resetChip: () => wiring.onReset(),
    });
    this.gpio = new Gpio(this.intc);
    this.rtc = new Rtc({
      clock,
      tick: raise(SOURCE.TICK),
      alarm: raise(SOURCE.RTC),
    }, wiring.rtc ?? RTC_DEFAULT);
    this.dma = new Dma({
      clock,
      fclkPerHclk,
      read: (pa, size) => this.#isDevice(pa) ? this.read(pa, size) : wiring.readMemory(pa, size),
      write: (pa, size, value) => {
        if (this.#isDevice(pa)) this.write(pa, size, value);
        else wiring.writeMemory(pa, size, value);
      },
      interrupt: (channel) => this.intc.raise(SOURCE.DMA0 + channel),
    });
    this.lcd = new Lcd({
      clock,
      fclkPerHclk,
      interrupt: raise(SOURCE.LCD),
      read: (pa) => wiring.readMemory(pa, 2),
    });
    this.nand = new Nand({ clock, interrupt: raise(SOURCE.NFCON) });
    this.iic = new Iic({ clock, fclkPerPclk, interrupt: raise(SOURCE.IIC) });
    this.adc = new Adc({
      clock,
      fclkPerPclk,
      interrupt: () => this.intc.raiseSub(SUBSOURCE.ADC),
    });
    this.spi = new Spi({
      clock,
      fclkPerPclk,
      interrupt: (channel) => this.intc.raise(channel === 0 ? SOURCE.SPI0 : SOURCE.SPI1),
    });
    this.sdi = new Sdi({ clock, fclkPerPclk, interrupt: raise(SOURCE.SDI) });
    this.devices = {
      MEMC: this.memc,
      INTC: this.intc,
      DMA: this.dma,
      CLKPWR: this.clkpwr,
      LCD: this.lcd,
      NAND: this.nand,
      UART0: this.uart[0],
      UART1: this.uart[1],
      UART2: this.uart[2],
      PWM: this.pwm,
      WDT: this.wdt,
      IIC: this.iic,
      GPIO: this.gpio,
      RTC: this.rtc,
      ADC: this.adc,
      SPI: this.spi,
      SDI: this.sdi,
    };
    this.#pages = new Map(
      deviceNames().map((name) => [BASE[name] >>> 12, this.devices[name]]),
    );
  }

  #uart(clock: Clock, unit: number): Uart {
    const first = SUBSOURCE.RXD0 + 3 * unit;
    const sub = { rx: first, tx: first + 1, error: first + 2 };
    return new Uart(unit < 2, {
      clock,
      fclkPerPclk: () => this.clkpwr.fclkPerPclk,
      fclkPerUartClock: () => this.#uartClock(),
      pulse: (kind) => this.intc.raiseSub(sub[kind]),
      level: (kind, active) => this.intc.setSubLevel(sub[kind], active),
    });
  }

  /** FCLK/n of the UARTs: the first of UCON0-2 that holds a divider sets n. */
  #uartClock(): number {
    const [d0, d1, d2] = this.uart.map((uart) => uart.divider);
    if (d0 !== 0) return d0 + 6;
    if (d1 !== 0) return d1 + 21;
    return (d2 & 7) !== 0 ? (d2 & 7) + 36 : 9;
  }

  #updateDividers(): void {
    this.pwm.updateClock();
    this.wdt.updateClock();
  }

  #isDevice(pa: number): boolean {
    return pa >= BASE.MEMC;
  }

  /** Accesses to addresses without a device and to reserved registers so far. */
  get stray(): number {
    return deviceNames().reduce((sum, name) => sum + this.devices[name].stray, this.#stray);
  }

  /** Reads a register as the CPU does. */
  read(pa: number, size: AccessSize): number {
    const device = this.#pages.get(pa >>> 12);
    if (device !== undefined) return device.read(pa & 0xfff, size);
    this.#stray++;
    return 0;
  }

  /** Writes a register as the CPU does. */
  write(pa: number, size: AccessSize, value: number): void {
    const device = this.#pages.get(pa >>> 12);
    if (device !== undefined) device.write(pa & 0xfff, size, value);
    else this.#stray++;
  }

  /** Reads a register without side effects. */
  peek(pa: number, size: AccessSize): number {
    return this.#pages.get(pa >>> 12)?.peek(pa & 0xfff, size) ?? 0;
  }

  /**
   * Resets the chip.
   *
   * @param cause One of {@linkcode RESET_CAUSE}.
   */
  reset(cause: number): void {
    for (const name of deviceNames()) {
      if (name !== "GPIO") this.devices[name].reset();
    }
    this.gpio.reset(cause);
  }

  /**
   * Leaves clocks, watchdog and memory controller as a boot loader does: 400/100/50 MHz from a
   * 12 MHz crystal, watchdog off, SDRAM of 32 bits on bank 6.
   */
  boot(): void {
    const settings: readonly [address: number, value: number][] = [
      [BASE.WDT + 0x00, 0],
      [BASE.MEMC + 0x00, 0x220d_0000],
      [BASE.MEMC + 0x1c, 0x1_8005],
      [BASE.MEMC + 0x20, 0x1_8005],
      [BASE.MEMC + 0x24, 0x94_04eb],
      [BASE.MEMC + 0x28, 0xb1],
      [BASE.MEMC + 0x2c, 0x30],
      [BASE.MEMC + 0x30, 0x30],
      [BASE.CLKPWR + 0x14, 5],
      [BASE.CLKPWR + 0x08, 0x3_8022],
      [BASE.CLKPWR + 0x04, 0x5_c011],
    ];
    for (const [address, value] of settings) this.write(address, 4, value);
  }

  /** The chip as plain data. */
  state(): S3c2440State {
    const states = deviceNames().map((name) => [name, this.devices[name].state()]);
    return {
      stray: this.#stray,
      devices: Object.fromEntries(states) as Record<DeviceName, DeviceState<unknown>>,
    };
  }

  /** Goes on from saved state. The clock must have been restored before. */
  restore(state: S3c2440State): void {
    this.#stray = state.stray;
    for (const name of deviceNames()) this.devices[name].restore(state.devices[name]);
  }
}

function deviceNames(): DeviceName[] {
  return Object.keys(BASE) as DeviceName[];
}
