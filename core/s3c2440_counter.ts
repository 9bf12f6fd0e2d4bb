/**
 * What the timed devices of the S3C2440 share: an alarm in the event queue of the clock, and the
 * down counter of the PWM timers and of the watchdog.
 *
 * @module
 */

import type { Clock, ClockEvent } from "./clock.ts";

/** Saved form of an {@linkcode Alarm}: deadline in cycles and sequence number, or null. */
export type AlarmState = { deadline: number; seq: number } | null;

/** At most one event of a device in the queue of the clock. */
export class Alarm {
  readonly #clock: Clock;
  readonly #fire: (deadline: number) => void;
  #event: ClockEvent | null = null;

  /**
   * An alarm that is not set.
   *
   * @param clock Whose queue to use.
   * @param fire Called when the alarm goes off, with its deadline: the CPU may be some cycles
   * past it.
   */
  constructor(clock: Clock, fire: (deadline: number) => void) {
    this.#clock = clock;
    this.#fire = fire;
  }

  /** The deadline in cycles, or Infinity when not set. */
  get deadline(): number {
    return this.#event?.deadline ?? Infinity;
  }

  /** Sets the alarm to a cycle, instead of an earlier setting; Infinity only cancels. */
  set(deadline: number): void {
    this.cancel();
    if (deadline !== Infinity) this.#schedule(deadline);
  }

  /** Takes the alarm back. */
  cancel(): void {
    if (this.#event !== null) this.#clock.cancel(this.#event);
    this.#event = null;
  }

  #schedule(deadline: number, seq?: number): void {
    this.#event = this.#clock.schedule(deadline, () => {
      this.#event = null;
      this.#fire(deadline);
    }, seq);
  }

  /** The alarm as plain data. */
  state(): AlarmState {
    return this.#event && { deadline: this.#event.deadline, seq: this.#event.seq };
  }

  /** Takes saved state back, after the clock was restored and so its queue emptied. */
  restore(state: AlarmState): void {
    this.cancel();
    if (state !== null) this.#schedule(state.deadline, state.seq);
  }
}

/** Saved form of a {@linkcode DownCounter}. */
export interface DownCounterState {
  /** Counting. */
  running: boolean;
  /** The count at cycle `at`. */
  count: number;
  /** Cycle from which the ticks are counted. */
  at: number;
  /** Cycles per tick; null: no clock. */
  tick: number | null;
  /** The event at zero. */
  alarm: AlarmState;
}

/**
 * A 16-bit down counter whose count is worked out from the time when somebody looks.
 *
 * At zero it asks its owner for the reload value and has it one tick later, so that a period is
 * value + 1 ticks. A counter at 0 stays there until it is loaded.
 */
export class DownCounter {
  readonly #clock: Clock;
  readonly #zero: () => number;
  readonly #alarm: Alarm;
  #running = false;
  #count = 0;
  #at = 0;
  #tick = 1;

  /**
   * A stopped counter at 0.
   *
   * @param clock Time base.
   * @param zero Called when the count reaches 0; gives the value to go on with, 0 to stay.
   */
  constructor(clock: Clock, zero: () => number) {
    this.#clock = clock;
    this.#zero = zero;
    this.#alarm = new Alarm(clock, (deadline) => this.#reachZero(deadline));
  }

  /** Whether it counts. */
  get running(): boolean {
    return this.#running;
  }

  /** Standing at 0: nothing will happen until it is loaded. */
  get idle(): boolean {
    return this.#count === 0;
  }

  /** The count now. */
  get value(): number {
    if (!this.#running) return this.#count;
    const now = this.#clock.now;
    // Between zero and the reload the old count is out and the new one not yet in.
    if (now < this.#at) return 0;
    return Math.max(0, this.#count - Math.floor((now - this.#at) / this.#tick));
  }

  /** Puts a value into the counter now. */
  load(value: number): void {
    this.#count = value;
    this.#at = this.#clock.now;
    this.#arm();
  }

  /** Puts a value into the counter at the next tick, as at zero. */
  loadAtTick(value: number): void {
    this.#count = value;
    this.#at = this.#clock.now + this.#tick;
    this.#arm();
  }

  /** Starts or stops counting; a stopped counter keeps its count. */
  run(on: boolean): void {
    if (on === this.#running) return;
    this.#count = this.value;
    this.#at = this.#clock.now;
    this.#running = on;
    this.#arm();
  }

  /** Sets the cycles per tick; Infinity: no clock. A change begins a new tick. */
  setTick(cycles: number): void {
    if (cycles === this.#tick) return;
    const reloading = this.#running && this.#clock.now < this.#at;
    if (!reloading) this.#count = this.value;
    this.#at = this.#clock.now + (reloading ? cycles : 0);
    this.#tick = cycles;
    this.#arm();
  }

  /** Back to a stopped counter at 0. */
  reset(): void {
    this.#running = false;
    this.#count = 0;
    this.#arm();
  }

  #arm(): void {
    const counts = this.#running && this.#count > 0;
    this.#alarm.set(counts ? this.#at + this.#count * this.#tick : Infinity);
  }

  #reachZero(deadline: number): void {
    this.#count = 0;
    this.#at = deadline;
    const reload = this.#zero();
    // The owner may have reset, stopped or loaded the counter meanwhile.
    if (reload === 0 || !this.#running || this.#count !== 0) return;
    this.#count = reload;
    this.#at = deadline + this.#tick;
    this.#arm();
  }

  /** The counter as plain data. */
  state(): DownCounterState {
    return {
      running: this.#running,
      count: this.#count,
      at: this.#at,
      tick: this.#tick === Infinity ? null : this.#tick,
      alarm: this.#alarm.state(),
    };
  }

  /** Takes saved state back. */
  restore(state: DownCounterState): void {
    this.#running = state.running;
    this.#count = state.count;
    this.#at = state.at;
    this.#tick = state.tick ?? Infinity;
    this.#alarm.restore(state.alarm);
  }
}
