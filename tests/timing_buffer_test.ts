/**
 * The write buffer and the bus against a model that does nothing but count cycles one by one.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { CLOCKS, DATA, NCB, timedRig } from "./timing_rig.ts";

const H = 4;
const [OVERHEAD, TRP, TRCD, CL] = [2, 3, 3, 3];
const ROW = 2048;
const ADDRESSES = 4;

interface Entry {
  pa: number;
  ready: number;
}

/** One cycle after the other: a buffer of single words, one bus, one bank. */
class Slow {
  now: number;
  row: number;
  readonly #entries: Entry[] = [];
  /** Cycle at which the bus is done with the oldest entry; -1 when it has not begun. */
  #done = -1;
  #free = 0;
  /** Where the core left the bus, in its time and in the bus's. */
  #left = [-1, 0];
  readonly #asynchronous: boolean;

  constructor(now: number, row: number, asynchronous: boolean) {
    this.now = now;
    this.row = row;
    this.#asynchronous = asynchronous;
  }

  /** When the core's request would be at the bus. */
  #way(): number {
    if (!this.#asynchronous) return this.now;
    if (this.now === this.#left[0]) return this.#left[1];
    return Math.ceil(this.now / H) * H + H;
  }

  /** Clocks of a transfer of one word, which leaves its row open. */
  #clocks(pa: number, read: boolean): number {
    const row = Math.floor(pa / ROW);
    const change = row === this.row ? 0 : TRP + TRCD;
    this.row = row;
    return (OVERHEAD + change + (read ? CL : 0) + 1) * H;
  }

  /** What happens up to and at a cycle. */
  #work(): void {
    for (;;) {
      if (this.#done >= 0 && this.#done <= this.now) {
        this.#free = this.#done;
        this.#entries.shift();
        this.#done = -1;
        continue;
      }
      if (this.#done < 0 && this.#entries.length > 0) {
        const [{ pa, ready }] = this.#entries;
        const start = Math.max(Math.ceil(ready / H) * H, this.#free);
        if (start <= this.now) {
          this.#done = start + this.#clocks(pa, false);
          continue;
        }
      }
      return;
    }
  }

  tick(cycles = 1): void {
    for (let i = 0; i < cycles; i++) {
      this.now++;
      this.#work();
    }
  }

  store(pa: number): void {
    this.#work();
    while (this.#entries.length >= ADDRESSES) this.tick();
    this.#entries.push({ pa, ready: this.#way() });
  }

  #empty(): void {
    this.#work();
    while (this.#entries.length > 0) this.tick();
  }

  #back(end: number): void {
    this.now = end + (this.#asynchronous ? 1 : 0);
    this.#left = [this.now, end];
  }

  load(pa: number): void {
    const way = this.#way();
    while (this.now < way) this.tick();
    this.#empty();
    const start = Math.max(Math.ceil(way / H) * H, this.#free);
    this.#free = start + this.#clocks(pa, true);
    this.#back(this.#free);
  }

  drain(): void {
    this.#work();
    if (this.#entries.length === 0) return;
    this.#empty();
    this.#back(this.#free);
  }
}

Deno.test({
  name: "stores, loads and drains at any times take what a model takes that counts every cycle",
  permissions: "none",
  fn() {
    const offset = fc.integer({ min: 0, max: 6 * ROW / 4 }).map((word) => 4 * word);
    const op = fc.oneof(
      { weight: 8, arbitrary: fc.record({ kind: fc.constant("store" as const), offset }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant("load" as const), offset }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("drain" as const) }) },
      {
        weight: 4,
        arbitrary: fc.record({
          kind: fc.constant("wait" as const),
          cycles: fc.integer({ min: 1, max: 60 }),
        }),
      },
    );
    const rigs = [true, false].map((asynchronous) => ({
      asynchronous,
      rig: timedRig({ clocks: asynchronous ? CLOCKS.asynchronous : CLOCKS.synchronous }),
    }));
    let full = 0;
    fc.assert(
      fc.property(fc.array(op, { minLength: 5, maxLength: 60 }), (ops) => {
        for (const { rig, asynchronous } of rigs) {
          const { cpu, clock } = rig;
          cpu.mmu.mcr(7, 10, 4, 0);
          clock.now = Math.ceil((clock.now + 1000) / 400) * 400;
          cpu.load(NCB, 4, true);
          clock.now = Math.ceil((clock.now + 1000) / 400) * 400;
          const slow = new Slow(clock.now, Math.floor(DATA / ROW), asynchronous);
          const seen: number[] = [];
          const wanted: number[] = [];
          for (const step of ops) {
            if (step.kind === "store") {
              cpu.store(NCB + step.offset, 4, 1, true);
              slow.store(DATA + step.offset);
            } else if (step.kind === "load") {
              cpu.load(NCB + step.offset, 4, true);
              slow.load(DATA + step.offset);
            } else if (step.kind === "drain") {
              cpu.mmu.mcr(7, 10, 4, 0);
              slow.drain();
            } else {
              clock.now += step.cycles;
              slow.tick(step.cycles);
            }
            seen.push(clock.now);
            wanted.push(slow.now);
          }
          assert.deepEqual(seen, wanted);
          full = cpu.timing!.counts.bufferFullCycles;
        }
      }),
      { seed: 7, numRuns: 300 },
    );
    assert.ok(full > 1000, `${full}`);
  },
});
