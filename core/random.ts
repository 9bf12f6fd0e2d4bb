/**
 * Random numbers that are the same on every host: a small generator with a seed.
 *
 * The generator is xoshiro128** (Blackman and Vigna 2021), seeded through splitmix32. A stream of its
 * own for each experiment makes what is drawn for one independent of how many were drawn before.
 *
 * @module
 */

const GOLDEN = 0x9e3779b9;

function rotate(x: number, bits: number): number {
  return (x << bits) | (x >>> (32 - bits));
}

/**
 * A seeded generator.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { Random } from "./random.ts";
 *
 * const dice = new Random(1);
 * const throws = Array.from({ length: 5 }, () => 1 + dice.below(6));
 * const again = new Random(1);
 * assert.deepEqual(throws, Array.from({ length: 5 }, () => 1 + again.below(6)));
 * ```
 */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  /**
   * A generator at the start of its sequence.
   *
   * @param seed Whole number from 0 to 2^53 - 1.
   * @param stream Number of the stream, from 0 to 2^53 - 1: different ones are independent.
   */
  constructor(seed: number, stream = 0) {
    let state = 0;
    const take = (word: number): number => {
      state = (state ^ word) | 0;
      state = (state + GOLDEN) | 0;
      let z = state;
      z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
      z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
      return (z ^ (z >>> 15)) | 0;
    };
    for (const n of [seed, stream]) {
      take(n >>> 0);
      take(Math.floor(n / 0x1_0000_0000));
    }
    this.#a = take(1);
    this.#b = take(2);
    this.#c = take(3);
    // All four zero would be a fixed point.
    this.#d = take(4) | 1;
  }

  /** The next 32 bits, unsigned. */
  next(): number {
    const b = this.#b;
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const t = b << 9;
    this.#c ^= this.#a;
    this.#d ^= b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= t;
    this.#d = rotate(this.#d, 11);
    return result;
  }

  /**
   * A whole number from 0 to `limit` - 1, each with the same probability.
   *
   * @param limit 1 to 2^53.
   */
  below(limit: number): number {
    if (limit <= 0x1_0000_0000) {
      // Values of the last, incomplete round are thrown away.
      const end = 0x1_0000_0000 - 0x1_0000_0000 % limit;
      for (;;) {
        const n = this.next();
        if (n < end) return n % limit;
      }
    }
    const range = 0x20_0000_0000_0000;
    const end = range - range % limit;
    for (;;) {
      const n = (this.next() >>> 11) * 0x1_0000_0000 + this.next();
      if (n < end) return n % limit;
    }
  }

  /** A number from 0 up to, but not including, 1: 53 random bits. */
  fraction(): number {
    return ((this.next() >>> 11) * 0x1_0000_0000 + this.next()) / 0x20_0000_0000_0000;
  }

  /** One of the items, which must not be empty. */
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)];
  }

  /**
   * Different whole numbers below `limit`, in rising order.
   *
   * @param count How many, at most `limit`.
   */
  distinct(count: number, limit: number): number[] {
    const found = new Set<number>();
    // Floyd's algorithm: each subset has the same probability, and nothing is drawn twice.
    for (let last = limit - count; last < limit; last++) {
      const n = this.below(last + 1);
      found.add(found.has(n) ? last : n);
    }
    return [...found].sort((a, b) => a - b);
  }
}
