/**
 * S3C2440A manual chapter 22: the two SPI channels, as masters. A byte takes eight clocks of
 * PCLK / 2 / (SPPRE + 1); without a device on the bus, 0xff comes back.
 *
 * @module
 */

import type { Clock } from "./clock.ts";
import { Device, type Register, register } from "./registers.ts";
import { Alarm, type AlarmState } from "./s3c2440_counter.ts";

const STRIDE = 0x20;
const SPCON = 0x00;
const SPSTA = 0x04;
const SPPRE = 0x0c;
const SPTDAT = 0x10;
const SPRDAT = 0x14;

/** Registers of the SPI channels. */
export const SPI_REGISTERS: readonly Register[] = [0, 1].flatMap((n) => {
  const at = (offset: number) => n * STRIDE + offset;
  return [
    register(
      `SPCON${n}`,
      at(SPCON),
      "mode [6:5], clock enable 4, master 3, CPOL 2, CPHA 1, TAGD 0",
      {
        read: 0x7f,
      },
    ),
    register(`SPSTA${n}`, at(SPSTA), "collision 2, multi master 1, ready 0", {
      reset: 1,
      read: 7,
      write: 0,
    }),
    register(`SPPIN${n}`, at(0x08), "multi master detection 2, keep 0", { read: 7 }),
    register(`SPPRE${n}`, at(SPPRE), "prescaler", { read: 0xff }),
    register(`SPTDAT${n}`, at(SPTDAT), "byte to send", { read: 0xff }),
    register(`SPRDAT${n}`, at(SPRDAT), "byte received", { reset: 0xff, read: 0xff, write: 0 }),
  ];
});

/** How the channels are connected. */
export interface SpiWiring {
  /** Time base. */
  readonly clock: Clock;
  /** FCLK cycles per PCLK cycle, now. */
  fclkPerPclk(): number;
  /** The interrupt of a channel. */
  interrupt(channel: number): void;
}

/** The SPI channels. */
export class Spi extends Device<AlarmState[]> {
  /** The device on the bus of a channel: takes a byte, gives one. */
  onTransfer: ((channel: number, byte: number) => number) | null = null;
  readonly #wiring: SpiWiring;
  readonly #alarms: readonly Alarm[];

  /**
   * The channels after reset.
   *
   * @param wiring How they are connected.
   */
  constructor(wiring: SpiWiring) {
    super(SPI_REGISTERS);
    this.#wiring = wiring;
    this.#alarms = [0, 1].map((n) => new Alarm(wiring.clock, () => this.#shifted(n)));
  }

  #shift(channel: number): void {
    const base = channel * STRIDE;
    if ((this.get(base + SPCON) & 0x18) !== 0x18) return;
    if ((this.get(base + SPSTA) & 1) === 0) {
      this.set(base + SPSTA, this.get(base + SPSTA) | 4);
      return;
    }
    this.set(base + SPSTA, 0);
    const clocks = 8 * 2 * (this.get(base + SPPRE) + 1);
    this.#alarms[channel].set(this.#wiring.clock.now + clocks * this.#wiring.fclkPerPclk());
  }

  #shifted(channel: number): void {
    const base = channel * STRIDE;
    const byte = this.onTransfer?.(channel, this.get(base + SPTDAT)) ?? 0xff;
    this.set(base + SPRDAT, byte & 0xff);
    this.set(base + SPSTA, this.get(base + SPSTA) | 1);
    if (((this.get(base + SPCON) >>> 5) & 3) === 1) this.#wiring.interrupt(channel);
  }

  /** A read by the CPU: it clears a collision, and with TAGD a read of data sends 0xff for the next. */
  protected override load(offset: number): number {
    const value = this.look(offset);
    const base = offset & ~(STRIDE - 1);
    if (offset - base === SPSTA) this.set(offset, value & 1);
    if (offset - base === SPRDAT && (this.get(base + SPCON) & 1) !== 0) {
      this.set(base + SPTDAT, 0xff);
      this.#shift(base / STRIDE);
    }
    return value;
  }

  /** A write by the CPU: data goes over the bus. */
  protected override store(offset: number, value: number, lanes: number): void {
    super.store(offset, value, lanes);
    const channel = Math.floor(offset / STRIDE);
    if (offset % STRIDE === SPTDAT) this.#shift(channel);
  }

  /** The state after reset. */
  override reset(): void {
    super.reset();
    for (const alarm of this.#alarms) alarm.cancel();
  }

  /** What is held beside the registers. */
  protected override saveHidden(): AlarmState[] {
    return this.#alarms.map((alarm) => alarm.state());
  }

  /** Takes back what {@linkcode saveHidden} gave. */
  protected override restoreHidden(hidden: AlarmState[]): void {
    this.#alarms.forEach((alarm, i) => alarm.restore(hidden[i]));
  }
}
