/**
 * S3C2440A manual chapter 14: the interrupt controller.
 *
 * Requests set bits of SRCPND whatever the masks say. When no interrupt is being served
 * (INTPND = 0) the arbiters choose one unmasked request, set its bit of INTPND, and IRQ is
 * asserted as long as INTPND is not 0. Sources that INTMOD makes FIQ do not go through the arbiters.
 *
 * Choices where the manual is silent or unclear:
 * - INTMSK gates FIQ too, as the process diagram (figure 14-1) places it before the mode.
 * - A request of higher priority does not replace a bit of INTPND, and masking a source does not
 *   take its bit out: only a write to INTPND does.
 * - An arbiter rotates when its request is granted.
 * - INTSUBMSK resets to 0xffff.
 *
 * @module
 */

import { Device, type Register, register } from "./registers.ts";

/** Interrupt sources: bits of SRCPND, INTMSK and INTPND, values of INTOFFSET. */
export const SOURCE = {
  EINT0: 0,
  EINT1: 1,
  EINT2: 2,
  EINT3: 3,
  EINT4_7: 4,
  EINT8_23: 5,
  CAM: 6,
  nBATT_FLT: 7,
  TICK: 8,
  WDT_AC97: 9,
  TIMER0: 10,
  TIMER1: 11,
  TIMER2: 12,
  TIMER3: 13,
  TIMER4: 14,
  UART2: 15,
  LCD: 16,
  DMA0: 17,
  DMA1: 18,
  DMA2: 19,
  DMA3: 20,
  SDI: 21,
  SPI0: 22,
  UART1: 23,
  NFCON: 24,
  USBD: 25,
  USBH: 26,
  IIC: 27,
  UART0: 28,
  SPI1: 29,
  RTC: 30,
  ADC: 31,
} as const;

/** Sub-sources: bits of SUBSRCPND and INTSUBMSK. */
export const SUBSOURCE = {
  RXD0: 0,
  TXD0: 1,
  ERR0: 2,
  RXD1: 3,
  TXD1: 4,
  ERR1: 5,
  RXD2: 6,
  TXD2: 7,
  ERR2: 8,
  TC: 9,
  ADC: 10,
  CAM_C: 11,
  CAM_P: 12,
  WDT: 13,
  AC97: 14,
} as const;

const SRCPND = 0x00;
const INTMOD = 0x04;
const INTMSK = 0x08;
const PRIORITY = 0x0c;
const INTPND = 0x10;
const INTOFFSET = 0x14;
const SUBSRCPND = 0x18;
const INTSUBMSK = 0x1c;

/** Addresses of the controller's registers, manual chapter 14. */
export const INTC_ADDRESS = {
  SRCPND: 0x4a00_0000,
  INTMSK: 0x4a00_0008,
  INTPND: 0x4a00_0010,
  INTOFFSET: 0x4a00_0014,
  SUBSRCPND: 0x4a00_0018,
  INTSUBMSK: 0x4a00_001c,
} as const;

/** Registers of the interrupt controller. */
export const INTC_REGISTERS: readonly Register[] = [
  register("SRCPND", SRCPND, "requests; write 1 clears", { clear: 0xffff_ffff }),
  register("INTMOD", INTMOD, "1: the source is an FIQ"),
  register("INTMSK", INTMSK, "1: the source is masked", { reset: 0xffff_ffff }),
  register("PRIORITY", PRIORITY, "ARB_MODE [6:0], ARB_SEL [20:7]", {
    reset: 0x7f,
    read: 0x1f_ffff,
  }),
  register("INTPND", INTPND, "the source being served, one bit; write 1 clears", {
    clear: 0xffff_ffff,
  }),
  register("INTOFFSET", INTOFFSET, "number of the bit of INTPND", { write: 0 }),
  register("SUBSRCPND", SUBSRCPND, "requests of sub-sources; write 1 clears", {
    read: 0x7fff,
    clear: 0x7fff,
  }),
  register("INTSUBMSK", INTSUBMSK, "1: the sub-source is masked", { reset: 0xffff, read: 0xffff }),
];

/** Which sub-sources feed which source. */
const SUB_GROUPS: readonly (readonly [source: number, subs: number])[] = [
  [SOURCE.UART0, 0x0007],
  [SOURCE.UART1, 0x0038],
  [SOURCE.UART2, 0x01c0],
  [SOURCE.ADC, 0x0600],
  [SOURCE.CAM, 0x1800],
  [SOURCE.WDT_AC97, 0x6000],
];

/** The source behind REQ0 of arbiters 0-5; arbiters 0 and 5 have REQ1-REQ4 only. */
const FIRST_SOURCE = [-1, 4, 10, 16, 22, 27] as const;
/** The requests that an arbiter has: bit q for REQq. */
const REQUESTS = [0x1e, 0x3f, 0x3f, 0x3f, 0x3f, 0x1e] as const;
/** REQ numbers from the highest priority to the lowest, by ARB_SEL. */
const ORDER: readonly (readonly number[])[] = [
  [0, 1, 2, 3, 4, 5],
  [0, 2, 3, 4, 1, 5],
  [0, 3, 4, 1, 2, 5],
  [0, 4, 1, 2, 3, 5],
];

/** The outcome of {@linkcode arbitrate}. */
export interface Grant {
  /** The chosen source. */
  readonly source: number;
  /** PRIORITY with the arbiters rotated. */
  readonly priority: number;
}

/**
 * Chooses one of the requests as the seven arbiters do: six of up to six sources each, and a last
 * one over them.
 *
 * @param requests Requesting sources, not 0.
 * @param priority The PRIORITY register.
 */
export function arbitrate(requests: number, priority: number): Grant {
  const lines = (arbiter: number) => {
    const first = FIRST_SOURCE[arbiter];
    return (first < 0 ? requests << -first : requests >>> first) & REQUESTS[arbiter];
  };
  let groups = 0;
  for (let arbiter = 0; arbiter < 6; arbiter++) if (lines(arbiter) !== 0) groups |= 1 << arbiter;
  const group = choose(groups, 6, priority);
  const request = choose(lines(group), group, priority);
  return {
    source: FIRST_SOURCE[group] + request,
    priority: rotate(rotate(priority, group, request), 6, group),
  };
}

function choose(lines: number, arbiter: number, priority: number): number {
  const order = ORDER[(priority >>> (7 + 2 * arbiter)) & 3];
  return order.find((request) => (lines & (1 << request)) !== 0)!;
}

/** Puts a served REQ1-REQ4 last among the four, if ARB_MODE says so. */
function rotate(priority: number, arbiter: number, request: number): number {
  if ((priority & (1 << arbiter)) === 0 || request === 0 || request === 5) return priority;
  const shift = 7 + 2 * arbiter;
  return (priority & ~(3 << shift)) | ((request & 3) << shift);
}

/** Levels that devices hold at the interrupt controller. */
export interface IntcHidden {
  /** Sources whose line is active. */
  levels: number;
  /** Sub-sources whose line is active. */
  subLevels: number;
}

/** The interrupt controller. */
export class Intc extends Device<IntcHidden> {
  /** The IRQ line to the CPU. */
  irq = false;
  /** The FIQ line to the CPU. */
  fiq = false;
  readonly #onLines: (irq: boolean, fiq: boolean) => void;
  #levels = 0;
  #subLevels = 0;

  /**
   * A controller after reset: everything masked.
   *
   * @param onLines Called when the IRQ or the FIQ line changes.
   */
  constructor(onLines: (irq: boolean, fiq: boolean) => void) {
    super(INTC_REGISTERS);
    this.#onLines = onLines;
  }

  /** A source requests once. */
  raise(source: number): void {
    this.set(SRCPND, this.get(SRCPND) | (1 << source));
    this.#update();
  }

  /** A source requests as long as its line is active. */
  setLevel(source: number, active: boolean): void {
    const bit = 1 << source;
    const levels = active ? this.#levels | bit : this.#levels & ~bit;
    if (levels === this.#levels) return;
    this.#levels = levels;
    this.#update();
  }

  /** A sub-source requests once. */
  raiseSub(subSource: number): void {
    this.set(SUBSRCPND, this.get(SUBSRCPND) | (1 << subSource));
    this.#update();
  }

  /** A sub-source requests as long as its line is active. */
  setSubLevel(subSource: number, active: boolean): void {
    const bit = 1 << subSource;
    const levels = active ? this.#subLevels | bit : this.#subLevels & ~bit;
    if (levels === this.#subLevels) return;
    this.#subLevels = levels;
    this.#update();
  }

  /** A write by the CPU, with what it sets in motion. */
  protected override store(offset: number, value: number, lanes: number): void {
    super.store(offset, value, lanes);
    this.#update();
  }

  #update(): void {
    const subs = this.get(SUBSRCPND) | this.#subLevels;
    this.set(SUBSRCPND, subs);
    let sources = this.get(SRCPND) | this.#levels;
    const open = subs & ~this.get(INTSUBMSK);
    if (open !== 0) {
      for (const [source, group] of SUB_GROUPS) if ((open & group) !== 0) sources |= 1 << source;
    }
    this.set(SRCPND, sources);

    const unmasked = sources & ~this.get(INTMSK);
    const requests = unmasked & ~this.get(INTMOD);
    if (this.get(INTPND) === 0) {
      if (requests !== 0) {
        const grant = arbitrate(requests, this.get(PRIORITY));
        this.set(PRIORITY, grant.priority);
        this.set(INTPND, 1 << grant.source);
        this.set(INTOFFSET, grant.source);
      } else {
        this.set(INTOFFSET, 0);
      }
    }
    this.#drive(this.get(INTPND) !== 0, (unmasked & this.get(INTMOD)) !== 0);
  }

  #drive(irq: boolean, fiq: boolean): void {
    if (irq === this.irq && fiq === this.fiq) return;
    this.irq = irq;
    this.fiq = fiq;
    this.#onLines(irq, fiq);
  }

  /** The state after reset. */
  override reset(): void {
    super.reset();
    this.#levels = 0;
    this.#subLevels = 0;
    this.#update();
  }

  /** What is held beside the registers. */
  protected override saveHidden(): IntcHidden {
    return { levels: this.#levels, subLevels: this.#subLevels };
  }

  /** Takes back what {@linkcode saveHidden} gave. */
  protected override restoreHidden(hidden: IntcHidden): void {
    this.#levels = hidden.levels;
    this.#subLevels = hidden.subLevels;
    this.#drive(
      this.get(INTPND) !== 0,
      (this.get(SRCPND) & ~this.get(INTMSK) & this.get(INTMOD)) !== 0,
    );
  }
}
