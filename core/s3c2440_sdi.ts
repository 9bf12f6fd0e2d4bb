/**
 * S3C2440A manual chapter 19: the SD interface, with an empty slot. A command is sent in 48 clocks
 * of PCLK / (SDIPRE + 1); one that waits for a response ends with a timeout after 64 more, and a
 * transfer of data with a timeout after SDIDTIMER clocks.
 *
 * @module
 */

import type { Clock } from "./clock.ts";
import { Device, type Register, register } from "./registers.ts";
import { Alarm, type AlarmState } from "./s3c2440_counter.ts";

const SDIPRE = 0x04;
const SDICMDCON = 0x0c;
const SDICMDSTA = 0x10;
const SDIDTIMER = 0x24;
const SDIDCON = 0x2c;
const SDIDSTA = 0x34;
const SDIIMSK = 0x3c;

/** Registers of the SD interface. */
export const SDI_REGISTERS: readonly Register[] = [
  register(
    "SDICON",
    0x00,
    "reset 8, clock type 5, byte order 4, SDIO interrupt 3, clock enable 0",
    {
      read: 0x1ff,
    },
  ),
  register("SDIPRE", SDIPRE, "prescaler", { reset: 1, read: 0xff }),
  register("SDICMDARG", 0x08, "argument"),
  register(
    "SDICMDCON",
    SDICMDCON,
    "abort 12, data 11, long response 10, wait for response 9, " +
      "start 8, index [7:0]",
    { read: 0x1fff },
  ),
  register(
    "SDICMDSTA",
    SDICMDSTA,
    "CRC error 12, sent 11, timeout 10, response 9, on the way 8, " +
      "index [7:0]; write 1 clears",
    { read: 0x1fff, clear: 0x1e00, write: 0 },
  ),
  ...[0, 1, 2, 3].map((n) => register(`SDIRSP${n}`, 0x14 + 4 * n, "response", { write: 0 })),
  register("SDIDTIMER", SDIDTIMER, "timeout of data in clocks", {
    reset: 0x1_0000,
    read: 0x7f_ffff,
  }),
  register("SDIBSIZE", 0x28, "bytes of a block", { read: 0xfff }),
  register("SDIDCON", SDIDCON, "start 14, mode [13:12], blocks [11:0]", { read: 0x1ff_ffff }),
  register("SDIDCNT", 0x30, "blocks and bytes that remain", { read: 0xff_ffff, write: 0 }),
  register("SDIDSTA", SDIDSTA, "data timeout 5, ...; write 1 clears", {
    read: 0xfff,
    clear: 0xffc,
    write: 0,
  }),
  // Tx FIFO has room, is half empty and empty.
  register("SDIFSTA", 0x38, "FIFO status", { reset: 0x2c00, read: 0x1_ffff, write: 0 }),
  register("SDIIMSK", SDIIMSK, "1: interrupt enabled", { read: 0x7_ffff }),
  register("SDIDAT", 0x40, "data"),
];

/** Bits of SDIIMSK. */
const IRQ = { DATA_TIMEOUT: 1 << 8, CMD_TIMEOUT: 1 << 15, CMD_SENT: 1 << 16 } as const;

/** What the interface holds beside its registers. */
export interface SdiHidden {
  /** End of the command. */
  command: AlarmState;
  /** End of the transfer. */
  data: AlarmState;
}

/** How the interface is connected. */
export interface SdiWiring {
  /** Time base. */
  readonly clock: Clock;
  /** FCLK cycles per PCLK cycle, now. */
  fclkPerPclk(): number;
  /** Its interrupt. */
  interrupt(): void;
}

/** The SD interface. */
export class Sdi extends Device<SdiHidden> {
  readonly #wiring: SdiWiring;
  readonly #command: Alarm;
  readonly #data: Alarm;

  /**
   * The interface after reset.
   *
   * @param wiring How it is connected.
   */
  constructor(wiring: SdiWiring) {
    super(SDI_REGISTERS);
    this.#wiring = wiring;
    this.#command = new Alarm(wiring.clock, () => this.#commandEnded());
    this.#data = new Alarm(wiring.clock, () => this.#event(SDIDSTA, 0x20, IRQ.DATA_TIMEOUT));
  }

  #clocks(n: number): number {
    return this.#wiring.clock.now + n * (this.get(SDIPRE) + 1) * this.#wiring.fclkPerPclk();
  }

  #event(status: number, bit: number, irq: number): void {
    this.set(status, this.get(status) | bit);
    if ((this.get(SDIIMSK) & irq) !== 0) this.#wiring.interrupt();
  }

  #commandEnded(): void {
    this.set(SDICMDSTA, this.get(SDICMDSTA) & ~0x100);
    const waits = (this.get(SDICMDCON) & 0x200) !== 0;
    if (waits) this.#event(SDICMDSTA, 0x400, IRQ.CMD_TIMEOUT);
    else this.#event(SDICMDSTA, 0x800, IRQ.CMD_SENT);
  }

  /** A write by the CPU: a command or a transfer starts. */
  protected override store(offset: number, value: number, lanes: number): void {
    super.store(offset, value, lanes);
    if (offset === SDICMDCON && (value & 0x100) !== 0) {
      const con = this.get(SDICMDCON);
      this.set(SDICMDCON, con & ~0x100);
      this.set(SDICMDSTA, (this.get(SDICMDSTA) & 0x1e00) | 0x100 | (con & 0xff));
      this.#command.set(this.#clocks((con & 0x200) !== 0 ? 48 + 64 : 48));
    } else if (offset === SDIDCON && (value & 0x4000) !== 0) {
      this.set(SDIDCON, this.get(SDIDCON) & ~0x4000);
      this.#data.set(this.#clocks(this.get(SDIDTIMER)));
    }
  }

  /** The state after reset. */
  override reset(): void {
    super.reset();
    this.#command.cancel();
    this.#data.cancel();
  }

  /** What is held beside the registers. */
  protected override saveHidden(): SdiHidden {
    return { command: this.#command.state(), data: this.#data.state() };
  }

  /** Takes back what {@linkcode saveHidden} gave. */
  protected override restoreHidden(hidden: SdiHidden): void {
    this.#command.restore(hidden.command);
    this.#data.restore(hidden.data);
  }
}
