/**
 * S3C2440A manual chapter 18: the watchdog timer.
 *
 * It runs out of reset: with a 12 MHz crystal the chip is reset after 5.6 s unless a boot loader
 * stops it. At 0 the count is reloaded from WTDAT one tick later. Writing WTDAT does not touch the
 * count: software loads WTCNT before it enables the watchdog for the first time.
 *
 * @module
 */

import type { Clock } from "./clock.ts";
import { Device, type Register, register } from "./registers.ts";
import { DownCounter, type DownCounterState } from "./s3c2440_counter.ts";

const WTCON = 0x00;
const WTDAT = 0x04;
const WTCNT = 0x08;

/** Registers of the watchdog timer. */
export const WDT_REGISTERS: readonly Register[] = [
  register("WTCON", WTCON, "prescaler [15:8], enable 5, divider [4:3], interrupt 2, reset 0", {
    reset: 0x8021,
    read: 0xff3d,
  }),
  register("WTDAT", WTDAT, "reload value", { reset: 0x8000, read: 0xffff }),
  register("WTCNT", WTCNT, "count", { reset: 0x8000, read: 0xffff }),
];

/** How the watchdog is connected. */
export interface WdtWiring {
  /** Time base. */
  readonly clock: Clock;
  /** FCLK cycles per PCLK cycle, now. */
  fclkPerPclk(): number;
  /** Its interrupt. */
  interrupt(): void;
  /** It resets the chip. */
  resetChip(): void;
}

/** The watchdog timer. */
export class Wdt extends Device<DownCounterState> {
  readonly #wiring: WdtWiring;
  readonly #counter: DownCounter;

  /**
   * The watchdog after reset: running.
   *
   * @param wiring How it is connected.
   */
  constructor(wiring: WdtWiring) {
    super(WDT_REGISTERS);
    this.#wiring = wiring;
    this.#counter = new DownCounter(wiring.clock, () => this.#zero());
    this.#start();
  }

  /** To be called when PCLK has changed against FCLK. */
  updateClock(): void {
    const wtcon = this.get(WTCON);
    const pclks = ((wtcon >>> 8) + 1) * (16 << ((wtcon >>> 3) & 3));
    this.#counter.setTick(this.#wiring.fclkPerPclk() * pclks);
  }

  #start(): void {
    this.#counter.load(this.get(WTCNT));
    this.updateClock();
    this.#counter.run((this.get(WTCON) & 0x20) !== 0);
  }

  #zero(): number {
    const wtcon = this.get(WTCON);
    if ((wtcon & 1) !== 0) {
      this.#wiring.resetChip();
      return 0;
    }
    if ((wtcon & 4) !== 0) this.#wiring.interrupt();
    return this.get(WTDAT);
  }

  /** What a read gives, with what is worked out from the present state. */
  protected override look(offset: number): number {
    return offset === WTCNT ? this.#counter.value : super.look(offset);
  }

  /** A write by the CPU, with what it sets in motion. */
  protected override store(offset: number, value: number, lanes: number): void {
    // A byte write keeps the other byte of the count as it is now.
    if (offset === WTCNT) this.set(WTCNT, this.#counter.value);
    super.store(offset, value, lanes);
    if (offset === WTCNT) this.#counter.load(this.get(WTCNT));
    else if (offset === WTCON) {
      this.updateClock();
      this.#counter.run((this.get(WTCON) & 0x20) !== 0);
    }
  }

  /** The state after reset. */
  override reset(): void {
    super.reset();
    this.#counter.reset();
    this.#start();
  }

  /** What is held beside the registers. */
  protected override saveHidden(): DownCounterState {
    return this.#counter.state();
  }

  /** Takes back what {@linkcode saveHidden} gave. */
  protected override restoreHidden(hidden: DownCounterState): void {
    this.#counter.restore(hidden);
  }
}
