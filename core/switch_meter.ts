/**
 * Puts the points that the monitor passes together to switches and their parts.
 *
 * @module
 */

import type { PwmReading, PwmStopwatch } from "./bench_lab.ts";
import { CYCLES } from "./cpu_core.ts";
import type { Lab } from "./lab.ts";
import type { SwitchPoint } from "./switch_probe.ts";

/** A step on the way of a switch: from a point to the next. */
export interface SwitchStep {
  /** Point at which it begins. */
  readonly from: SwitchPoint;
  /** Point at which it ends. */
  readonly to: SwitchPoint;
  /** What it took, cycles. */
  readonly cycles: number;
}

/** One switch; parts in cycles, or in nanoseconds by the board's timer. */
export interface SwitchSample {
  /** Exception entry and the vector's branch; of a task switch, those of the hypercall and which it is. */
  readonly entry: number;
  /** Acknowledge of the interrupt, 0 where there was none. */
  readonly acknowledge: number;
  /** The outgoing context is saved. */
  readonly save: number;
  /** Who is next is chosen and given the CPU; checkpoints of the outgoing side are in it. */
  readonly switch: number;
  /** These checkpoints. */
  readonly backup: number;
  /** The incoming context is loaded. */
  readonly restore: number;
  /** Pages copied in the checkpoints. */
  readonly pages: number;
  /** Checkpoints since the switch before. */
  readonly checkpoints: number;
  /**
   * First writes, and first accesses that found a checkpoint declared, since the switch before: their
   * exceptions from entry to return, cycles.
   */
  readonly firstWrites: number;
  /** Instructions of guests since the switch before. */
  readonly instructions: number;
  /** Cycles of guests since the switch before. */
  readonly guest: number;
  /** The way from the switch's begin to its end. */
  readonly steps: readonly SwitchStep[];
}

/** Which switches. */
export type SwitchKind = "vm" | "task";

/** How switches are measured. */
export interface MeterOptions {
  /** Takes the time, in place of the cycle counter. */
  readonly pwm?: PwmStopwatch | undefined;
  /** Called before each exception's entry, as to make caches cold. */
  readonly onEntry?: (() => void) | undefined;
}

/** When a point was passed. */
interface Mark {
  readonly point: SwitchPoint;
  /** Board time, cycles; before the timer was read. */
  readonly cycle: number;
  /** The same after it was read. */
  readonly left: number;
  readonly reading: PwmReading | undefined;
  /** Readings before this one. */
  readonly readings: number;
}

/** Points at which a part begins or ends: there the timer is read. */
const BOUNDS: ReadonlySet<SwitchPoint> = new Set<SwitchPoint>([
  ...["entry", "handler", "acknowledge", "acknowledged", "save", "saved"] as const,
  ...["choose", "dispatch", "backup", "backedUp", "restore", "resumed"] as const,
]);

/**
 * Collects the switches of a laboratory from now on, until it is stopped. A switch counts when who was
 * switched out had been saved, and who is switched in goes on where it was: one that ends in a guest's
 * kernel, for an interrupt that waited there, or comes from idleness, is none.
 */
export class SwitchMeter {
  /** Switches so far. */
  readonly samples: SwitchSample[] = [];
  readonly #lab: Lab;
  readonly #kind: SwitchKind;
  readonly #options: MeterOptions;
  readonly #onEvent: Lab["recorder"]["onEvent"];
  /** Points of this entry of the monitor, in order. */
  #marks: Mark[] = [];
  #changed = false;
  #save = 0;
  #backup = 0;
  #pages = 0;
  #checkpoints = 0;
  #firstWrites = 0;
  /** Cycle at which a guest last began to run, and what guests ran since the switch before. */
  #left = 0;
  #guest = 0;
  #instructions = 0;

  /**
   * Begins to measure.
   *
   * @param lab The laboratory.
   * @param kind Which switches.
   * @param options How.
   */
  constructor(lab: Lab, kind: SwitchKind, options: MeterOptions = {}) {
    this.#lab = lab;
    this.#kind = kind;
    this.#options = options;
    const { recorder } = lab;
    this.#onEvent = recorder.onEvent;
    recorder.onEvent = (event) => {
      this.#onEvent?.(event);
      if (event.type !== "checkpoint") return;
      this.#pages += event.pages;
      this.#checkpoints++;
    };
    lab.vmm.probe = (point, cycle) => this.#pass(point, cycle);
    this.#left = lab.board.clock.now;
    this.#instructions = lab.board.cpu.instructions;
  }

  /** Ends the measurement. */
  stop(): void {
    this.#lab.recorder.onEvent = this.#onEvent;
    this.#lab.vmm.probe = undefined;
  }

  #pass(point: SwitchPoint, cycle: number): void {
    const { clock } = this.#lab.board;
    const { pwm, onEntry } = this.#options;
    if (point === "entry") {
      this.#guest += cycle - this.#left;
      onEntry?.();
      this.#marks = [];
      this.#changed = false;
      this.#backup = 0;
      this.#pages = 0;
    }
    const readings = this.#marks.filter(({ reading }) => reading !== undefined).length;
    const now = clock.now;
    const reading = BOUNDS.has(point) ? pwm?.read() : undefined;
    const mark: Mark = { point, cycle: now, left: clock.now, reading, readings };
    this.#marks.push(mark);
    switch (point) {
      case "saved":
        this.#save = this.#since("save", mark);
        break;
      case "backedUp":
        this.#backup += this.#since("backup", mark);
        break;
      case "vm":
      case "task":
        this.#changed ||= point === this.#kind;
        break;
      case "retry":
      case "touched":
        this.#firstWrites += now - this.#marks[0].cycle;
        break;
      case "resumed":
        this.#resumed(mark);
        break;
      case "idle":
        this.#save = 0;
        break;
    }
    this.#left = clock.now;
  }

  /** What lies between two marks. */
  #between(from: Mark, to: Mark): number {
    const { pwm } = this.#options;
    if (from.reading === undefined || to.reading === undefined || pwm === undefined) {
      return to.cycle - from.cycle;
    }
    return pwm.between(from.reading, to.reading) - (to.readings - from.readings) * pwm.reading;
  }

  /** What lies between a point, where it was last passed, and a mark; 0 when it was not. */
  #since(point: SwitchPoint, to: Mark): number {
    const from = this.#marks.findLast((mark) => mark.point === point);
    return from === undefined ? 0 : this.#between(from, to);
  }

  /** Cycles in which the core takes an exception: they are over when the monitor is entered. */
  #exception(): number {
    const { timing } = this.#lab.board;
    if (timing === undefined) return CYCLES.EXCEPTION;
    return timing.values.exception * timing.memory.coreCycle;
  }

  #resumed(end: Mark): void {
    const marks = this.#marks;
    const begin = this.#kind === "vm" ? "choose" : "dispatch";
    const start = marks.findIndex(({ point }) => point === begin);
    if (!this.#changed || start < 0 || this.#save === 0) return;
    const at = (point: SwitchPoint) => marks.find((mark) => mark.point === point);
    const [acknowledge, acknowledged] = [at("acknowledge"), at("acknowledged")];
    const restore = at("restore") as Mark;
    const { instructions } = this.#lab.board.cpu;
    this.samples.push({
      entry: this.#exception() +
        this.#between(marks[0], at(this.#kind === "vm" ? "handler" : "dispatch") as Mark),
      acknowledge: acknowledge === undefined || acknowledged === undefined
        ? 0
        : this.#between(acknowledge, acknowledged),
      save: this.#save,
      switch: this.#between(marks[start], restore),
      backup: this.#backup,
      restore: this.#between(restore, end),
      pages: this.#pages,
      checkpoints: this.#checkpoints,
      firstWrites: this.#firstWrites,
      instructions: instructions - this.#instructions,
      guest: this.#guest,
      steps: marks.slice(start, -1).map((from, i) => {
        const to = marks[start + i + 1];
        return { from: from.point, to: to.point, cycles: to.cycle - from.left };
      }),
    });
    this.#save = 0;
    this.#checkpoints = 0;
    this.#firstWrites = 0;
    this.#guest = 0;
    this.#instructions = instructions;
  }
}
