/**
 * S3C2440A manual chapter 20: the IIC bus interface, as a master on a bus without slaves: every
 * address and byte takes its nine clocks, ends with the interrupt, and is not acknowledged; what is
 * read is 0xff.
 *
 * @module
 */

import type { Clock } from "./clock.ts";
import { Device, type Register, register } from "./registers.ts";
import { Alarm, type AlarmState } from "./s3c2440_counter.ts";

const IICCON = 0x00;
const IICSTAT = 0x04;
const IICDS = 0x0c;
const PENDING = 0x10;

/** Registers of the IIC bus interface. */
export const IIC_REGISTERS: readonly Register[] = [
  register("IICCON", IICCON, "ACK 7, clock/512 6, interrupt enable 5, pending 4, prescaler [3:0]", {
    read: 0xff,
  }),
  register(
    "IICSTAT",
    IICSTAT,
    "mode [7:6], busy or start 5, enable 4, lost 3, slave 2, zero 1, " +
      "no ACK 0",
    { read: 0xff, write: 0xf0 },
  ),
  register("IICADD", 0x08, "slave address", { read: 0xff }),
  register("IICDS", IICDS, "data", { read: 0xff }),
  register("IICLC", 0x10, "filter 2, output delay [1:0]", { read: 7 }),
];

/** How the interface is connected. */
export interface IicWiring {
  /** Time base. */
  readonly clock: Clock;
  /** FCLK cycles per PCLK cycle, now. */
  fclkPerPclk(): number;
  /** Its interrupt. */
  interrupt(): void;
}

/** The IIC bus interface. */
export class Iic extends Device<AlarmState> {
  readonly #wiring: IicWiring;
  readonly #alarm: Alarm;

  /**
   * The interface after reset.
   *
   * @param wiring How it is connected.
   */
  constructor(wiring: IicWiring) {
    super(IIC_REGISTERS);
    this.#wiring = wiring;
    this.#alarm = new Alarm(wiring.clock, () => this.#byteEnded());
  }

  /** An address or a byte goes over the bus. */
  #startByte(): void {
    const con = this.get(IICCON);
    const clocks = ((con & 0x40) !== 0 ? 512 : 16) * ((con & 0xf) + 1);
    this.#alarm.set(this.#wiring.clock.now + 9 * clocks * this.#wiring.fclkPerPclk());
  }

  #byteEnded(): void {
    const status = this.get(IICSTAT);
    const receiving = (status & 0x40) === 0;
    if (receiving) this.set(IICDS, 0xff);
    this.set(IICSTAT, status | 1);
    if ((this.get(IICCON) & 0x20) === 0) return;
    this.set(IICCON, this.get(IICCON) | PENDING);
    this.#wiring.interrupt();
  }

  /** A write by the CPU: a start, a stop, or going on by clearing the pending bit. */
  protected override store(offset: number, value: number, lanes: number): void {
    const pending = (this.get(IICCON) & PENDING) !== 0;
    super.store(offset, value, lanes);
    const status = this.get(IICSTAT);
    const master = (status & 0x90) === 0x90;
    const busy = (status & 0x20) !== 0;
    if (offset === IICCON) {
      // Software can clear the pending bit, not set it.
      if (!pending) this.set(IICCON, this.get(IICCON) & ~PENDING);
      const resumes = pending && (this.get(IICCON) & PENDING) === 0;
      if (resumes && master && busy) this.#startByte();
    } else if (offset === IICSTAT) {
      this.set(IICSTAT, status & ~1);
      if (!master) this.set(IICSTAT, status & ~0x21);
      if (master && busy) this.#startByte();
      else this.#alarm.cancel();
    }
  }

  /** The state after reset. */
  override reset(): void {
    super.reset();
    this.#alarm.cancel();
  }

  /** What is held beside the registers. */
  protected override saveHidden(): AlarmState {
    return this.#alarm.state();
  }

  /** Takes back what {@linkcode saveHidden} gave. */
  protected override restoreHidden(hidden: AlarmState): void {
    this.#alarm.restore(hidden);
  }
}
