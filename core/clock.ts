/**
 * Board time: one counter of FCLK cycles and one event queue.
 *
 * Events are ordered by (deadline, sequence number), so ties are broken by the order of scheduling
 * and a run is the same on every machine.
 *
 * @module
 */

/** A scheduled call. It is unlinked before it fires, so it may schedule itself again. */
export interface ClockEvent {
  /** Board time in FCLK cycles at which the event fires. */
  readonly deadline: number;
  /** Position among events of one deadline. */
  readonly seq: number;
  /** What to do. */
  readonly fire: () => void;
}

function after(a: ClockEvent, b: ClockEvent): boolean {
  return a.deadline > b.deadline || (a.deadline === b.deadline && a.seq > b.seq);
}

/** The board's time base. */
export class Clock {
  /** Board time in FCLK cycles, a safe integer. Exact whenever a device or the monitor looks at it. */
  now = 0;
  /** FCLK in hertz. */
  fclk: number;
  #baseCycle = 0;
  #baseNs = 0;
  // Nanoseconds a cycle, as a fraction in lowest terms: 5/2 at 400 MHz.
  #numerator = 1;
  #denominator = 1;
  #seq = 0;
  readonly #queue: ClockEvent[] = [];

  /**
   * A clock at cycle 0.
   *
   * @param fclk Core clock in hertz.
   */
  constructor(fclk: number) {
    this.fclk = fclk;
    this.#reduce();
  }

  #reduce(): void {
    let [a, b] = [1e9, this.fclk];
    while (b > 0) [a, b] = [b, a % b];
    this.#numerator = 1e9 / a;
    this.#denominator = this.fclk / a;
  }

  /** Board time in whole nanoseconds of `cycle` (default: now). */
  ns(cycle: number = this.now): number {
    const cycles = cycle - this.#baseCycle;
    return this.#baseNs + Math.floor(cycles * this.#numerator / this.#denominator);
  }

  /** The first cycle at or after `ns` nanoseconds of board time, at the present frequency. */
  cycleAt(ns: number): number {
    return this.#baseCycle + Math.ceil((ns - this.#baseNs) * this.#denominator / this.#numerator);
  }

  /** Changes FCLK from now on; nanoseconds go on without a step. */
  setFrequency(fclk: number): void {
    this.#baseNs = this.ns();
    this.#baseCycle = this.now;
    this.fclk = fclk;
    this.#reduce();
  }

  /** Deadline of the first event, or Infinity. */
  get next(): number {
    return this.#queue.length > 0 ? this.#queue[0].deadline : Infinity;
  }

  /**
   * Schedules `fire` for board time `deadline`. A device that restores itself passes the saved
   * sequence number, so that ties fire in their old order.
   */
  schedule(deadline: number, fire: () => void, seq: number = this.#seq++): ClockEvent {
    const event = { deadline, seq, fire };
    let i = this.#queue.length;
    while (i > 0 && after(this.#queue[i - 1], event)) i--;
    this.#queue.splice(i, 0, event);
    return event;
  }

  /** Takes an event out of the queue; false when it has fired or was cancelled. */
  cancel(event: ClockEvent): boolean {
    const i = this.#queue.indexOf(event);
    if (i < 0) return false;
    this.#queue.splice(i, 1);
    return true;
  }

  /** Fires every event due at or before now. */
  fireDue(): void {
    while (this.#queue.length > 0 && this.#queue[0].deadline <= this.now) {
      this.#queue.shift()!.fire();
    }
  }

  /** The time base as plain data; devices save and reschedule their own events. */
  state(): ClockState {
    return {
      now: this.now,
      fclk: this.fclk,
      baseCycle: this.#baseCycle,
      baseNs: this.#baseNs,
      seq: this.#seq,
    };
  }

  /** Restores the time base and empties the queue; each device then reschedules its events. */
  restore(s: ClockState): void {
    this.now = s.now;
    this.fclk = s.fclk;
    this.#reduce();
    this.#baseCycle = s.baseCycle;
    this.#baseNs = s.baseNs;
    this.#queue.length = 0;
    this.#seq = s.seq;
  }
}

/** Saved form of {@linkcode Clock}. */
export interface ClockState {
  /** Board time in cycles. */
  now: number;
  /** FCLK in hertz. */
  fclk: number;
  /** Cycle of the last frequency change. */
  baseCycle: number;
  /** Nanoseconds at the last frequency change. */
  baseNs: number;
  /** The next sequence number. */
  seq: number;
}
