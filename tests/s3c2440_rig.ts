/** The chip on a bench: a clock that the test moves, and a record of what the chip asks for. */

import { Clock } from "../core/clock.ts";
import { BASE, S3c2440 } from "../core/s3c2440.ts";

export const FIN = 12_000_000;

export class Rig {
  readonly clock: Clock = new Clock(FIN);
  readonly soc: S3c2440;
  irq = false;
  fiq = false;
  resets = 0;
  idles = 0;
  readonly memory: Uint8Array = new Uint8Array(0x1000);

  constructor(boot = false) {
    this.soc = new S3c2440({
      clock: this.clock,
      fin: FIN,
      onLines: (irq, fiq) => {
        this.irq = irq;
        this.fiq = fiq;
      },
      onReset: () => this.resets++,
      onIdle: () => this.idles++,
      readMemory: (pa, size) => {
        let value = 0;
        for (let i = 0; i < size; i++) value |= this.memory[(pa + i) & 0xfff] << (8 * i);
        return value >>> 0;
      },
      writeMemory: (pa, size, value) => {
        for (let i = 0; i < size; i++) this.memory[(pa + i) & 0xfff] = value >>> (8 * i);
      },
    });
    if (boot) this.soc.boot();
  }

  /** Moves the time on, firing events at their deadlines. */
  until(cycle: number): void {
    while (this.clock.next <= cycle) {
      this.clock.now = Math.max(this.clock.now, this.clock.next);
      this.clock.fireDue();
    }
    this.clock.now = cycle;
  }

  run(cycles: number): void {
    this.until(this.clock.now + cycles);
  }

  /** Runs until a bit of a register is set; gives the cycle. */
  untilSet(address: number, mask: number): number {
    while ((this.peek(address) & mask) === 0) {
      if (this.clock.next === Infinity) throw new Error("nothing will happen any more");
      this.until(this.clock.next);
    }
    return this.clock.now;
  }

  read(address: number): number {
    return this.soc.read(address, 4);
  }

  peek(address: number): number {
    return this.soc.peek(address, 4);
  }

  write(address: number, value: number): void {
    this.soc.write(address, 4, value);
  }
}

/** Addresses of the interrupt registers. */
export const INT = {
  SRCPND: BASE.INTC,
  INTMOD: BASE.INTC + 0x04,
  INTMSK: BASE.INTC + 0x08,
  PRIORITY: BASE.INTC + 0x0c,
  INTPND: BASE.INTC + 0x10,
  INTOFFSET: BASE.INTC + 0x14,
  SUBSRCPND: BASE.INTC + 0x18,
  INTSUBMSK: BASE.INTC + 0x1c,
} as const;
