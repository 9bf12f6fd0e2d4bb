/**
 * The timed fidelity as the board, the monitor and benches see it: what it is set to, what it counted,
 * and the cost of code that stands for itself in TypeScript.
 *
 * @module
 */

import { CACHE_LINE } from "./cache.ts";
import type { CpuCore } from "./cpu_core.ts";
import { C1 } from "./cp15.ts";
import { ACCESS } from "./mmu.ts";
import { Pipeline, type PipelineState } from "./timing_issue.ts";
import type { MemoryTiming, MemoryTimingState, StallCounts } from "./timing_memory.ts";
import type { TimingValues } from "./timing_table.ts";

/** How time passes: by fixed costs of instructions, or as on an ARM920T at the memory of the board. */
export type Fidelity = "fast" | "timed";

/** The fidelities. */
export const FIDELITIES: readonly Fidelity[] = ["fast", "timed"];

/** Saved form of a {@linkcode Timing}. */
export interface TimingState {
  /** Write buffer and bus. */
  memory: MemoryTimingState;
  /** Interlocks. */
  pipeline: PipelineState;
}

/** The timed core. */
export class Timing {
  /** The costs that are used. */
  readonly values: TimingValues;
  /** Write buffer and bus. */
  readonly memory: MemoryTiming;
  /** Interlocks. */
  readonly pipeline: Pipeline;
  readonly #core: CpuCore;

  /**
   * The time of a core.
   *
   * @param core The core.
   * @param memory What its accesses cost.
   */
  constructor(core: CpuCore, memory: MemoryTiming) {
    this.#core = core;
    this.memory = memory;
    this.values = memory.values;
    this.pipeline = new Pipeline(memory.values);
  }

  /** What the core stood still for since reset. */
  get counts(): Readonly<StallCounts> {
    return this.memory.counts;
  }

  /**
   * Charges the instruction fetches of a stretch of code that is not executed: instruction TLB, table
   * walks, lines of the instruction cache and their fills. Nothing for what hits. A stretch that can't be
   * fetched costs what is found out up to there.
   *
   * @param va Virtual address of the first instruction.
   * @param bytes Length.
   * @param privileged False for user permission.
   */
  fetch(va: number, bytes: number, privileged: boolean): void {
    const { mmu } = this.#core;
    const cache = (mmu.control & C1.I) !== 0 ? mmu.icache : null;
    const end = va + bytes;
    const step = cache === null ? 4 : CACHE_LINE;
    for (let at = va - va % step; at < end; at += step) {
      const pa = mmu.translate(at | 0, ACCESS.FETCH, privileged);
      if (pa < 0) return;
      if (cache !== null) {
        const mva = mmu.mva(at | 0);
        if (cache.find(mva) >= 0) continue;
        if (mmu.fetchCacheable) {
          cache.fill(mva, pa);
          // The instructions of the line come before the next one.
          this.memory.leaveBus();
          continue;
        }
      }
      // Word by word from the bus.
      const last = Math.min(at + step, end);
      for (let word = Math.max(at, va - va % 4); word < last; word += 4) {
        this.memory.read((pa + word - at) >>> 0, 4);
      }
    }
  }

  /** Waits until the write buffer is empty, as c7, c10, 4 does. */
  drain(): void {
    this.memory.drain();
  }

  /** The state as plain data. */
  state(): TimingState {
    return { memory: this.memory.state(), pipeline: this.pipeline.state() };
  }

  /** Takes what {@linkcode state} gave. */
  restore(s: TimingState): void {
    this.memory.restore(s.memory);
    this.pipeline.restore(s.pipeline);
  }
}
