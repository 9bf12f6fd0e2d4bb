/**
 * S3C2440A manual chapter 16: A/D converter and touch screen. A conversion takes five cycles of the
 * converter clock PCLK / (prescaler + 1) and gives the input of the selected channel; the pen is
 * always up.
 *
 * @module
 */

import type { Clock } from "./clock.ts";
import { Device, type Register, register } from "./registers.ts";
import { Alarm, type AlarmState } from "./s3c2440_counter.ts";

const ADCCON = 0x00;
const ADCDAT0 = 0x0c;
const ADCDAT1 = 0x10;
const PEN_UP = 0x8000;

/** Registers of the A/D converter. */
export const ADC_REGISTERS: readonly Register[] = [
  register(
    "ADCCON",
    ADCCON,
    "ECFLG 15, PRSCEN 14, prescaler [13:6], channel [5:3], standby 2, " +
      "start by read 1, start 0",
    { reset: 0x3fc4, read: 0xffff, write: 0x7fff },
  ),
  register("ADCTSC", 0x04, "touch screen control", { reset: 0x58, read: 0x1ff }),
  register("ADCDLY", 0x08, "delay", { reset: 0xff, read: 0xffff }),
  register("ADCDAT0", ADCDAT0, "pen up 15, X or converted value [9:0]", {
    reset: PEN_UP,
    read: 0xffff,
    write: 0,
  }),
  register("ADCDAT1", ADCDAT1, "pen up 15, Y [9:0]", { reset: PEN_UP, read: 0xffff, write: 0 }),
  register("ADCUPDN", 0x14, "pen up 1 or down 0 seen", { read: 3 }),
];

/** What the converter holds beside its registers. */
export interface AdcHidden {
  /** Inputs of the channels, 0-1023. */
  inputs: number[];
  /** End of the conversion. */
  alarm: AlarmState;
}

/** How the converter is connected. */
export interface AdcWiring {
  /** Time base. */
  readonly clock: Clock;
  /** FCLK cycles per PCLK cycle, now. */
  fclkPerPclk(): number;
  /** A conversion ended. */
  interrupt(): void;
}

/** The A/D converter. */
export class Adc extends Device<AdcHidden> {
  readonly #wiring: AdcWiring;
  readonly #alarm: Alarm;
  readonly #inputs: number[] = new Array(8).fill(0);

  /**
   * The converter after reset, with all inputs at 0.
   *
   * @param wiring How it is connected.
   */
  constructor(wiring: AdcWiring) {
    super(ADC_REGISTERS);
    this.#wiring = wiring;
    this.#alarm = new Alarm(wiring.clock, () => this.#converted());
  }

  /** Sets the input of a channel (0-7) as the ten bits that it converts to. */
  setInput(channel: number, value: number): void {
    this.#inputs[channel & 7] = value & 0x3ff;
  }

  #start(): void {
    const con = this.get(ADCCON);
    this.set(ADCCON, con & ~0x8001);
    const divider = (con & 0x4000) !== 0 ? ((con >>> 6) & 0xff) + 1 : 1;
    this.#alarm.set(this.#wiring.clock.now + 5 * divider * this.#wiring.fclkPerPclk());
  }

  #converted(): void {
    const con = this.get(ADCCON);
    this.set(ADCDAT0, PEN_UP | this.#inputs[(con >>> 3) & 7]);
    this.set(ADCCON, con | 0x8000);
    this.#wiring.interrupt();
  }

  /** A read by the CPU: with start by read, a read of the data starts the next conversion. */
  protected override load(offset: number): number {
    const value = this.look(offset);
    if (offset === ADCDAT0 && (this.get(ADCCON) & 6) === 2) this.#start();
    return value;
  }

  /** A write by the CPU: starts a conversion unless the converter is in standby. */
  protected override store(offset: number, value: number, lanes: number): void {
    super.store(offset, value, lanes);
    if (offset === ADCCON && (this.get(ADCCON) & 7) === 1) this.#start();
  }

  /** The state after reset. The inputs stay. */
  override reset(): void {
    super.reset();
    this.#alarm.cancel();
  }

  /** What is held beside the registers. */
  protected override saveHidden(): AdcHidden {
    return { inputs: [...this.#inputs], alarm: this.#alarm.state() };
  }

  /** Takes back what {@linkcode saveHidden} gave. */
  protected override restoreHidden(hidden: AdcHidden): void {
    hidden.inputs.forEach((value, i) => (this.#inputs[i] = value));
    this.#alarm.restore(hidden.alarm);
  }
}
