/**
 * S3C2440A manual chapter 9: I/O ports, external interrupts and the chip's status registers.
 *
 * Choices where the manual is silent: pins that nobody drives are high (pulled up); a pin that is
 * configured as a function reads its level; EINTMASK resets to all masked, 0x00fffff0.
 *
 * @module
 */

import { Device, type Register, register } from "./registers.ts";
import { SOURCE } from "./s3c2440_intc.ts";

/** A port: its letter, first offset, number of pins and reset values. */
interface Port {
  readonly name: string;
  readonly offset: number;
  readonly pins: number;
  readonly con: number;
  readonly up: number;
}

const PORTS: readonly Port[] = [
  { name: "A", offset: 0x00, pins: 25, con: 0xff_ffff, up: 0 },
  { name: "B", offset: 0x10, pins: 11, con: 0, up: 0 },
  { name: "C", offset: 0x20, pins: 16, con: 0, up: 0 },
  { name: "D", offset: 0x30, pins: 16, con: 0, up: 0xf000 },
  { name: "E", offset: 0x40, pins: 16, con: 0, up: 0 },
  { name: "F", offset: 0x50, pins: 8, con: 0, up: 0 },
  { name: "G", offset: 0x60, pins: 16, con: 0, up: 0xfc00 },
  { name: "H", offset: 0x70, pins: 11, con: 0, up: 0 },
  { name: "J", offset: 0xd0, pins: 13, con: 0, up: 0 },
];

/** Letters of the ports. */
export type PortName = "A" | "B" | "C" | "D" | "E" | "F" | "G" | "H" | "J";

const EXTINT0 = 0x88;
const EINTMASK = 0xa4;
const EINTPEND = 0xa8;
const GSTATUS2 = 0xb4;
const GSTATUS3 = 0xb8;
const GSTATUS4 = 0xbc;
const EINTS = 0x00ff_fff0;

/** Registers of the I/O ports. */
export const GPIO_REGISTERS: readonly Register[] = [
  ...PORTS.flatMap(({ name, offset, pins, con, up }) => {
    const mask = 2 ** pins - 1;
    // Port A only puts out and has one bit per pin, and no pull-ups.
    const modes = name === "A" ? mask : 2 ** (2 * pins) - 1;
    return [
      register(`GP${name}CON`, offset, "mode of each pin", { reset: con, read: modes }),
      register(`GP${name}DAT`, offset + 4, "level of each pin", { read: mask }),
      ...(name === "A" ? [] : [
        register(`GP${name}UP`, offset + 8, "1: pull-up off", { reset: up, read: mask }),
      ]),
    ];
  }),
  register("MISCCR", 0x80, "miscellaneous control", { reset: 0x1_0020, read: 0x03f7_ffff }),
  register("DCLKCON", 0x84, "DCLK0 and DCLK1 control", { read: 0x0ff3_0ff3 }),
  register("EXTINT0", EXTINT0, "signal of EINT0-7, 4 bits each"),
  register("EXTINT1", 0x8c, "signal of EINT8-15"),
  register("EXTINT2", 0x90, "signal of EINT16-23"),
  register("EINTFLT0", 0x94, "reserved"),
  register("EINTFLT1", 0x98, "reserved"),
  register("EINTFLT2", 0x9c, "filter of EINT16-19"),
  register("EINTFLT3", 0xa0, "filter of EINT20-23"),
  register("EINTMASK", EINTMASK, "1: EINT4-23 masked", { reset: EINTS, read: EINTS }),
  register("EINTPEND", EINTPEND, "EINT4-23 pending; write 1 clears", { read: EINTS, clear: EINTS }),
  register("GSTATUS0", 0xac, "levels of nWAIT 3, NCON 2, RnB 1, nBATT_FLT 0", {
    reset: 0xf,
    read: 0xf,
    write: 0,
  }),
  register("GSTATUS1", 0xb0, "chip identification", { reset: 0x3244_0001, write: 0 }),
  register("GSTATUS2", GSTATUS2, "reset cause: watchdog 2, sleep 1, power on 0; write 1 clears", {
    reset: 1,
    read: 7,
    clear: 7,
  }),
  register("GSTATUS3", GSTATUS3, "kept over resets but power on"),
  register("GSTATUS4", GSTATUS4, "kept over resets but power on"),
  register("MSLCON", 0xcc, "memory sleep control", { read: 0xfff }),
].sort((a, b) => a.offset - b.offset);

/** What the ports hold beside their registers. */
export interface GpioHidden {
  /** Levels from outside, one number per port in the order of the manual. */
  inputs: number[];
}

/** The part of the interrupt controller that the ports need. */
export interface GpioWiring {
  /** A request by an edge. */
  raise(source: number): void;
  /** The line of a request by level. */
  setLevel(source: number, active: boolean): void;
}

/** The I/O ports. */
export class Gpio extends Device<GpioHidden> {
  readonly #wiring: GpioWiring;
  readonly #inputs: number[] = PORTS.map(({ pins }) => 2 ** pins - 1);

  /**
   * The ports after power on.
   *
   * @param wiring The interrupt controller.
   */
  constructor(wiring: GpioWiring) {
    super(GPIO_REGISTERS);
    this.#wiring = wiring;
  }

  /** Drives a pin from outside. */
  setPin(port: PortName, pin: number, high: boolean): void {
    const i = PORTS.findIndex(({ name }) => name === port);
    const old = this.#inputs[i];
    const now = high ? old | (1 << pin) : old & ~(1 << pin);
    this.#inputs[i] = now;
    if (now === old) return;
    const eint = port === "F" ? pin : port === "G" ? pin + 8 : -1;
    if (eint >= 0 && this.#isEint(eint)) this.#edge(eint, high);
    this.#levels();
  }

  /** Level of a pin, put out or driven from outside. */
  pin(port: PortName, pin: number): boolean {
    const i = PORTS.findIndex(({ name }) => name === port);
    return (this.#data(i) & (1 << pin)) !== 0;
  }

  #data(i: number): number {
    const { name, offset, pins } = PORTS[i];
    const latch = this.get(offset + 4);
    const con = this.get(offset);
    if (name === "A") return (latch & ~con) | (this.#inputs[i] & con);
    let outputs = 0;
    for (let pin = 0; pin < pins; pin++) if (((con >>> (2 * pin)) & 3) === 1) outputs |= 1 << pin;
    return (latch & outputs) | (this.#inputs[i] & ~outputs);
  }

  #isEint(eint: number): boolean {
    const [offset, pin] = eint < 8 ? [0x50, eint] : [0x60, eint - 8];
    return ((this.get(offset) >>> (2 * pin)) & 3) === 2;
  }

  /** 0 low level, 1 high level, 2 and 3 falling edge, 4 and 5 rising, 6 and 7 both. */
  #signal(eint: number): number {
    return (this.get(EXTINT0 + 4 * (eint >>> 3)) >>> (4 * (eint & 7))) & 7;
  }

  #edge(eint: number, rising: boolean): void {
    if ((this.#signal(eint) & (rising ? 4 : 2)) === 0) return;
    if (eint < 4) this.#wiring.raise(eint);
    else this.set(EINTPEND, this.get(EINTPEND) | (1 << eint));
  }

  /** Works out the requests by level and drives the lines. */
  #levels(): void {
    const levels = (this.#inputs[5] & 0xff) | (this.#inputs[6] << 8);
    let pending = this.get(EINTPEND);
    for (let eint = 0; eint < 24; eint++) {
      const signal = this.#signal(eint);
      const active = signal < 2 && ((levels >>> eint) & 1) === signal && this.#isEint(eint);
      if (eint < 4) this.#wiring.setLevel(eint, active);
      else if (active) pending |= 1 << eint;
    }
    this.set(EINTPEND, pending);
    const open = pending & ~this.get(EINTMASK);
    this.#wiring.setLevel(SOURCE.EINT4_7, (open & 0xf0) !== 0);
    this.#wiring.setLevel(SOURCE.EINT8_23, (open & 0xff_ff00) !== 0);
  }

  /** What a read gives: data registers show the levels of the pins. */
  protected override look(offset: number): number {
    const i = PORTS.findIndex((port) => port.offset + 4 === offset);
    return i >= 0 ? this.#data(i) : super.look(offset);
  }

  /** A write by the CPU; it may change what is an external interrupt. */
  protected override store(offset: number, value: number, lanes: number): void {
    super.store(offset, value, lanes);
    this.#levels();
  }

  /**
   * The state after a reset of the chip. GSTATUS2 shows the cause, GSTATUS3 and GSTATUS4 are kept
   * unless it is power on. The levels from outside stay.
   *
   * @param cause Bit of GSTATUS2: 1 power on, 2 sleep, 4 watchdog.
   */
  override reset(cause = 1): void {
    const kept = [GSTATUS3, GSTATUS4].map((offset) => this.get(offset));
    super.reset();
    this.set(GSTATUS2, cause);
    if (cause !== 1) [GSTATUS3, GSTATUS4].forEach((offset, i) => this.set(offset, kept[i]));
    this.#levels();
  }

  /** What is held beside the registers. */
  protected override saveHidden(): GpioHidden {
    return { inputs: [...this.#inputs] };
  }

  /** Takes back what {@linkcode saveHidden} gave. */
  protected override restoreHidden(hidden: GpioHidden): void {
    hidden.inputs.forEach((level, i) => (this.#inputs[i] = level));
  }
}
