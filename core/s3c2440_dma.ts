/**
 * S3C2440A manual chapter 8: the four DMA channels.
 *
 * A request moves one unit, or four with TSZ, and in whole service mode the channel goes on by itself
 * until the count is 0. Requests come from software and from the PWM timer that TCFG1 selects; the
 * other sources are not connected.
 *
 * Choice: a unit takes {@linkcode UNIT_HCLKS} cycles of HCLK. The manual gives no figure that holds
 * for all memories.
 *
 * @module
 */

import type { AccessSize } from "./bus.ts";
import type { Clock } from "./clock.ts";
import { Device, type Register, register } from "./registers.ts";
import { Alarm, type AlarmState } from "./s3c2440_counter.ts";

/** HCLK cycles of one unit: two to read it and two to write it. */
export const UNIT_HCLKS = 4;

const CHANNELS = 4;
const STRIDE = 0x40;
const DISRC = 0x00;
const DISRCC = 0x04;
const DIDST = 0x08;
const DIDSTC = 0x0c;
const DCON = 0x10;
const DSTAT = 0x14;
const DCSRC = 0x18;
const DCDST = 0x1c;
const DMASKTRIG = 0x20;

const ADDRESS = 0x7fff_ffff;
const COUNT = 0xf_ffff;

/** Registers of the DMA channels. */
export const DMA_REGISTERS: readonly Register[] = [0, 1, 2, 3].flatMap((n) => {
  const at = (offset: number) => n * STRIDE + offset;
  return [
    register(`DISRC${n}`, at(DISRC), "first source address", { read: ADDRESS }),
    register(`DISRCC${n}`, at(DISRCC), "source on APB 1, fixed 0", { read: 3 }),
    register(`DIDST${n}`, at(DIDST), "first destination address", { read: ADDRESS }),
    register(`DIDSTC${n}`, at(DIDSTC), "interrupt after reload 2, destination on APB 1, fixed 0", {
      read: 7,
    }),
    register(
      `DCON${n}`,
      at(DCON),
      "INT 29, TSZ 28, SERVMODE 27, HWSRCSEL [26:24], SWHW_SEL 23, " +
        "reload off 22, DSZ [21:20], count [19:0]",
    ),
    register(`DSTAT${n}`, at(DSTAT), "busy [21:20], count [19:0]", { read: 0x3f_ffff, write: 0 }),
    register(`DCSRC${n}`, at(DCSRC), "source address now", { read: ADDRESS, write: 0 }),
    register(`DCDST${n}`, at(DCDST), "destination address now", { read: ADDRESS, write: 0 }),
    register(`DMASKTRIG${n}`, at(DMASKTRIG), "STOP 2, ON_OFF 1, SW_TRIG 0", { read: 2, write: 2 }),
  ];
});

/** Channels whose HWSRCSEL 3 is the timer. */
const TIMER_CHANNELS = [0, 2, 3];
const HWSRCSEL_TIMER = 3;

/** How the channels are connected. */
export interface DmaWiring {
  /** Time base. */
  readonly clock: Clock;
  /** FCLK cycles per HCLK cycle, now. */
  fclkPerHclk(): number;
  /** Reads memory or a device. */
  read(pa: number, size: AccessSize): number;
  /** Writes memory or a device. */
  write(pa: number, size: AccessSize, value: number): void;
  /** The interrupt of a channel. */
  interrupt(channel: number): void;
}

/** What the channels hold beside their registers: the transfers on the way. */
export type DmaHidden = AlarmState[];

/** The four DMA channels. */
export class Dma extends Device<DmaHidden> {
  readonly #wiring: DmaWiring;
  readonly #alarms: readonly Alarm[];

  /**
   * Channels after reset: off.
   *
   * @param wiring How they are connected.
   */
  constructor(wiring: DmaWiring) {
    super(DMA_REGISTERS);
    this.#wiring = wiring;
    this.#alarms = Array.from(
      { length: CHANNELS },
      (_, channel) => new Alarm(wiring.clock, () => this.#transfer(channel)),
    );
  }

  /** A PWM timer in DMA mode reached 0. */
  requestByTimer(): void {
    for (const channel of TIMER_CHANNELS) {
      const dcon = this.get(channel * STRIDE + DCON);
      const selected = (dcon & 0x80_0000) !== 0 && ((dcon >>> 24) & 7) === HWSRCSEL_TIMER;
      if (selected) this.#request(channel);
    }
  }

  #request(channel: number): void {
    const base = channel * STRIDE;
    const on = (this.get(base + DMASKTRIG) & 2) !== 0;
    if (!on || this.#alarms[channel].deadline !== Infinity) return;
    if (this.get(base + DSTAT) === 0) return;
    this.#arm(channel);
  }

  #arm(channel: number): void {
    const units = (this.get(channel * STRIDE + DCON) & 0x1000_0000) !== 0 ? 4 : 1;
    const cycles = units * UNIT_HCLKS * this.#wiring.fclkPerHclk();
    this.#alarms[channel].set(this.#wiring.clock.now + cycles);
  }

  /** One atomic transfer, at its end. */
  #transfer(channel: number): void {
    const base = channel * STRIDE;
    const dcon = this.get(base + DCON);
    const units = (dcon & 0x1000_0000) !== 0 ? 4 : 1;
    const size = (1 << Math.min((dcon >>> 20) & 3, 2)) as AccessSize;
    const sourceStep = (this.get(base + DISRCC) & 1) !== 0 ? 0 : size;
    const destinationStep = (this.get(base + DIDSTC) & 1) !== 0 ? 0 : size;
    const from = this.get(base + DCSRC) & -size;
    const to = this.get(base + DCDST) & -size;
    // A burst reads its four units before it writes them.
    const values = Array.from(
      { length: units },
      (_, i) => this.#wiring.read((from + i * sourceStep) >>> 0, size),
    );
    values.forEach((value, i) => this.#wiring.write((to + i * destinationStep) >>> 0, size, value));
    this.set(base + DCSRC, (from + units * sourceStep) & ADDRESS);
    this.set(base + DCDST, (to + units * destinationStep) & ADDRESS);
    // A channel may have been written by its own transfer.
    const count = Math.max(0, this.get(base + DSTAT) - 1);
    this.set(base + DSTAT, count);
    const on = (this.get(base + DMASKTRIG) & 2) !== 0;
    if (count === 0) this.#finish(channel);
    else if (on && (dcon & 0x800_0000) !== 0) this.#arm(channel);
  }

  #finish(channel: number): void {
    const base = channel * STRIDE;
    const dcon = this.get(base + DCON);
    if ((dcon & 0x40_0000) !== 0) this.set(base + DMASKTRIG, 0);
    else this.#reload(channel);
    if ((dcon & 0x2000_0000) !== 0) this.#wiring.interrupt(channel);
  }

  #reload(channel: number): void {
    const base = channel * STRIDE;
    this.set(base + DCSRC, this.get(base + DISRC));
    this.set(base + DCDST, this.get(base + DIDST));
    this.set(base + DSTAT, this.get(base + DCON) & COUNT);
  }

  /** What a read gives: DSTAT says whether a transfer is on the way. */
  protected override look(offset: number): number {
    const busy = offset % STRIDE === DSTAT &&
      this.#alarms[Math.floor(offset / STRIDE)].deadline !== Infinity;
    return super.look(offset) | (busy ? 0x10_0000 : 0);
  }

  /** A write by the CPU: DMASKTRIG switches on, triggers and stops. */
  protected override store(offset: number, value: number, lanes: number): void {
    const channel = Math.floor(offset / STRIDE);
    const wasOn = (this.get(channel * STRIDE + DMASKTRIG) & 2) !== 0;
    super.store(offset, value, lanes);
    if (offset % STRIDE !== DMASKTRIG) return;
    // STOP lets the transfer on the way end.
    if ((value & 4) !== 0) this.set(offset, 0);
    const on = (this.get(offset) & 2) !== 0;
    if (on && !wasOn) this.#reload(channel);
    const software = (this.get(channel * STRIDE + DCON) & 0x80_0000) === 0;
    if ((value & 1) !== 0 && software) this.#request(channel);
  }

  /** The state after reset: all channels off. */
  override reset(): void {
    super.reset();
    for (const alarm of this.#alarms) alarm.cancel();
  }

  /** What is held beside the registers. */
  protected override saveHidden(): DmaHidden {
    return this.#alarms.map((alarm) => alarm.state());
  }

  /** Takes back what {@linkcode saveHidden} gave. */
  protected override restoreHidden(hidden: DmaHidden): void {
    this.#alarms.forEach((alarm, i) => alarm.restore(hidden[i]));
  }
}
