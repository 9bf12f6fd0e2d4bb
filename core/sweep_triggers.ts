/**
 * Faults that wait for a number of instructions of a guest, along a golden run: up to its trigger an
 * experiment is the golden run, which is walked anyway.
 *
 * @module
 */

import { findVm } from "./fault_place.ts";
import type { Lab } from "./lab.ts";
import { GLOBAL, MAP } from "./layout.ts";

/** Instructions of a guest, and who waits for which of them. */
interface Counted {
  /** Executed since counting began, in its kernel and its tasks. */
  count: number;
  /** Who waits, the next one last. */
  readonly waiting: { readonly index: number; readonly target: number }[];
}

/** Counts of the guests at a moment, to go back to. */
export type CountMark = readonly (readonly [vm: number, count: number])[];

/** Counts the instructions of guests while the golden run is walked. */
export class InstructionTriggers {
  readonly #lab: Lab;
  readonly #guests: Map<number, Counted> = new Map();
  readonly #undo: () => void;
  readonly #used: boolean;
  /** The walk goes on: the run of the board ends when another guest executes. */
  #walking = false;
  #executing = 0;
  #size = 0;

  /**
   * Counts from now on.
   *
   * @param lab The laboratory of the golden run.
   * @param used Somebody will wait; otherwise nothing is counted.
   */
  constructor(lab: Lab, used: boolean) {
    this.#lab = lab;
    this.#used = used;
    const { board } = lab;
    const { onTrap } = board;
    board.onTrap = (vector) => {
      onTrap?.(vector);
      if (this.#walking && this.#used && this.#current() !== this.#executing) {
        board.requestStop();
      }
    };
    this.#undo = () => board.onTrap = onTrap;
  }

  /** Number of experiments that wait. */
  get size(): number {
    return this.#size;
  }

  /** Counts no more. */
  stop(): void {
    this.#undo();
  }

  /** An experiment waits for so many instructions of a guest from now on. */
  arm(index: number, vm: string, instructions: number): void {
    const guest = this.#guest(findVm(this.#lab, vm));
    guest.waiting.push({ index, target: guest.count + instructions });
    guest.waiting.sort((a, b) => b.target - a.target || b.index - a.index);
    this.#size++;
  }

  /** A guest's count; one that has not executed yet begins at 0. */
  #guest(vm: number): Counted {
    let guest = this.#guests.get(vm);
    if (guest === undefined) this.#guests.set(vm, guest = { count: 0, waiting: [] });
    return guest;
  }

  /** The present counts. */
  mark(): CountMark {
    return [...this.#guests].map(([vm, { count }]) => [vm, count]);
  }

  /** The golden run was put back to the moment of a mark. */
  back(mark: CountMark): void {
    const counts = new Map(mark);
    for (const [vm, guest] of this.#guests) guest.count = counts.get(vm) ?? 0;
  }

  /** Those that still wait; they wait no more. */
  takeAll(): number[] {
    const indexes = [...this.#guests.values()].flatMap(({ waiting }) =>
      waiting.map(({ index }) => index)
    );
    this.#guests.clear();
    this.#size = 0;
    return indexes.sort((a, b) => a - b);
  }

  /** The guest that executes, 0: none. */
  #current(): number {
    const { board } = this.#lab;
    const user = (board.cpu.cpsr & 0x1f) === 0x10;
    return user ? board.peek(MAP.GLOBAL + GLOBAL.CURRENT, 4) : 0;
  }

  /**
   * Walks on to a board time, or to the next trigger.
   *
   * @param cycle Board time, cycles.
   * @param stopped Ends the walk.
   * @returns Who has waited for this moment; empty at the end of the walk.
   */
  run(cycle: number, stopped: () => boolean): number[] {
    const { board } = this.#lab;
    const { clock, cpu } = board;
    this.#walking = true;
    try {
      while (clock.now < cycle) {
        this.#executing = this.#current();
        const counts = this.#used && this.#executing !== 0;
        const guest = counts ? this.#guest(this.#executing) : undefined;
        const next = guest?.waiting[guest.waiting.length - 1];
        // An instruction takes a cycle at least, so that this never goes too far.
        const end = next === undefined
          ? cycle
          : Math.min(cycle, clock.now + next.target - guest!.count);
        const before = cpu.instructions;
        board.run(end);
        if (guest !== undefined) guest.count += cpu.instructions - before;
        if (stopped()) return [];
        if (next === undefined || guest!.count < next.target) continue;
        const reached: number[] = [];
        for (;;) {
          const last = guest!.waiting[guest!.waiting.length - 1];
          if (last === undefined || last.target > guest!.count) break;
          reached.push(last.index);
          guest!.waiting.pop();
          this.#size--;
        }
        return reached;
      }
      return [];
    } finally {
      this.#walking = false;
    }
  }
}
