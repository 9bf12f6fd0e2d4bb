/**
 * S3C2440A manual chapter 7: clock and power management.
 *
 * FCLK is the unit of board time, so the bus clocks are kept as whole numbers of FCLK cycles: a
 * change of FCLK moves no event, a change of the dividers does.
 *
 * Choices: FCLK is the crystal's until MPLLCON is written for the first time after reset. The lock
 * time of the PLLs, in which FCLK stands still, is not modelled, as time is counted in FCLK cycles.
 * SLEEP mode is treated as IDLE mode: the CPU waits for an interrupt.
 *
 * @module
 */

import type { Clock } from "./clock.ts";
import { Device, type Register, register } from "./registers.ts";

const LOCKTIME = 0x00;
const MPLLCON = 0x04;
const UPLLCON = 0x08;
const CLKCON = 0x0c;
const CLKSLOW = 0x10;
const CLKDIVN = 0x14;
const CAMDIVN = 0x18;

const PLL_BITS = 0x000f_f3f3;

/** Registers of the clock and power management. */
export const CLKPWR_REGISTERS: readonly Register[] = [
  register("LOCKTIME", LOCKTIME, "lock time: UPLL [31:16], MPLL [15:0]", { reset: 0xffff_ffff }),
  register("MPLLCON", MPLLCON, "MDIV [19:12] PDIV [9:4] SDIV [1:0]", {
    reset: 0x0009_6030,
    read: PLL_BITS,
  }),
  register("UPLLCON", UPLLCON, "MDIV [19:12] PDIV [9:4] SDIV [1:0]", {
    reset: 0x0004_d030,
    read: PLL_BITS,
  }),
  register("CLKCON", CLKCON, "clock gates [20:4], SLEEP 3, IDLE 2", {
    reset: 0x00ff_fff0,
    read: 0x00ff_fffc,
  }),
  register("CLKSLOW", CLKSLOW, "UCLK off 7, MPLL off 5, SLOW 4, SLOW_VAL [2:0]", {
    reset: 4,
    read: 0xb7,
  }),
  register("CLKDIVN", CLKDIVN, "DIVN_UPLL 3, HDIVN [2:1], PDIVN 0", { read: 0xf }),
  register("CAMDIVN", CAMDIVN, "DVS 12, HCLK4_HALF 9, HCLK3_HALF 8, CAM [4:0]", { read: 0x131f }),
];

/** Output of the MPLL in hertz: 2 m Fin / (p 2^s). */
export function mpll(con: number, fin: number): number {
  return 2 * upll(con, fin);
}

/** Output of the UPLL in hertz: m Fin / (p 2^s). */
export function upll(con: number, fin: number): number {
  const m = ((con >>> 12) & 0xff) + 8;
  const p = ((con >>> 4) & 0x3f) + 2;
  const s = con & 3;
  return (m * fin) / (p * 2 ** s);
}

/** What the clock and power management holds beside its registers. */
export interface ClkPwrHidden {
  /** MPLLCON was written since reset. */
  pllOn: boolean;
}

/** Who wants to know of changes. */
export interface ClkPwrListeners {
  /** FCLK cycles per HCLK or PCLK cycle changed. */
  onDividers(): void;
  /** The core clock changed. */
  onFrequency(): void;
  /** The CPU asks to be stopped until the next interrupt. */
  onIdle(): void;
}

/** The clock and power management. */
export class ClkPwr extends Device<ClkPwrHidden> {
  /** Frequency of the crystal in hertz. */
  readonly fin: number;
  readonly #clock: Clock;
  readonly #listeners: ClkPwrListeners;
  #pllOn = false;

  /**
   * The clocks after reset: FCLK = HCLK = PCLK = Fin.
   *
   * @param clock Whose frequency to set.
   * @param fin Frequency of the crystal in hertz.
   * @param listeners Who wants to know of changes.
   */
  constructor(clock: Clock, fin: number, listeners: ClkPwrListeners) {
    super(CLKPWR_REGISTERS);
    this.#clock = clock;
    this.fin = fin;
    this.#listeners = listeners;
  }

  /** Core clock in hertz. */
  get fclk(): number {
    const slow = this.get(CLKSLOW);
    if ((slow & 0x10) !== 0) return this.fin / (2 * (slow & 7) || 1);
    return this.#pllOn ? mpll(this.get(MPLLCON), this.fin) : this.fin;
  }

  /** FCLK cycles per HCLK cycle: 1, 2, 3, 4, 6 or 8. */
  get fclkPerHclk(): number {
    const cam = this.get(CAMDIVN);
    switch ((this.get(CLKDIVN) >>> 1) & 3) {
      case 0:
        return 1;
      case 1:
        return 2;
      case 2:
        return (cam & 0x200) !== 0 ? 8 : 4;
      default:
        return (cam & 0x100) !== 0 ? 6 : 3;
    }
  }

  /** FCLK cycles per PCLK cycle. */
  get fclkPerPclk(): number {
    return this.fclkPerHclk * (1 + (this.get(CLKDIVN) & 1));
  }

  /** System bus clock in hertz. */
  get hclk(): number {
    return this.fclk / this.fclkPerHclk;
  }

  /** Peripheral bus clock in hertz. */
  get pclk(): number {
    return this.fclk / this.fclkPerPclk;
  }

  /** USB clock in hertz. */
  get uclk(): number {
    return upll(this.get(UPLLCON), this.fin) / ((this.get(CLKDIVN) & 8) !== 0 ? 2 : 1);
  }

  /** A write by the CPU, with what it sets in motion. */
  protected override store(offset: number, value: number, lanes: number): void {
    const dividers = this.fclkPerPclk;
    const bus = this.fclkPerHclk;
    super.store(offset, value, lanes);
    if (offset === MPLLCON) this.#pllOn = true;
    if (offset === MPLLCON || offset === CLKSLOW) this.#setFrequency();
    if (this.fclkPerPclk !== dividers || this.fclkPerHclk !== bus) this.#listeners.onDividers();
    if (offset === CLKCON && (this.get(CLKCON) & 0xc) !== 0) this.#listeners.onIdle();
  }

  #setFrequency(): void {
    const fclk = this.fclk;
    if (fclk === this.#clock.fclk) return;
    this.#clock.setFrequency(fclk);
    this.#listeners.onFrequency();
  }

  /** The state after reset. */
  override reset(): void {
    super.reset();
    this.#pllOn = false;
    this.#setFrequency();
    this.#listeners.onDividers();
  }

  /** What is held beside the registers. */
  protected override saveHidden(): ClkPwrHidden {
    return { pllOn: this.#pllOn };
  }

  /** Takes back what {@linkcode saveHidden} gave. */
  protected override restoreHidden(hidden: ClkPwrHidden): void {
    this.#pllOn = hidden.pllOn;
  }
}
