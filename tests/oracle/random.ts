/**
 * The seeded random source of the oracle: xoshiro128** over a splitmix32 seed, so that a run is a
 * function of its seed on every host.
 *
 * @module
 */

/** A deterministic random source. */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  /** @param seed Any 32-bit number. */
  constructor(seed: number) {
    let s = seed >>> 0;
    const next = (): number => {
      s = (s + 0x9e3779b9) >>> 0;
      let z = s;
      z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
      z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
      return (z ^ (z >>> 15)) >>> 0;
    };
    this.#a = next();
    this.#b = next();
    this.#c = next();
    this.#d = next() | 1;
  }

  /** A uniform unsigned 32-bit number. */
  u32(): number {
    const t = Math.imul(this.#b, 5);
    const result = Math.imul((t << 7) | (t >>> 25), 9) >>> 0;
    const u = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= u;
    this.#d = (this.#d << 11) | (this.#d >>> 21);
    return result;
  }

  /** A uniform integer in [0, n). */
  below(n: number): number {
    return Math.floor(this.u32() / 0x1_0000_0000 * n);
  }

  /** A uniform integer in [low, high]. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  /** True with probability `p`. */
  chance(p: number): boolean {
    return this.u32() < p * 0x1_0000_0000;
  }

  /** One element of a non-empty list. */
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }

  /**
   * A 32-bit operand: mostly corner values (zero, ones, powers of two and their neighbours, sign
   * boundaries, shift counts around 32), otherwise uniform.
   */
  operand(): number {
    switch (this.below(8)) {
      case 0:
        return this.pick([0, 1, 0xffffffff, 0x80000000, 0x7fffffff, 2, 0xfffffffe, 0x55555555]);
      case 1:
        return ((1 << this.below(32)) + this.between(-1, 1)) >>> 0;
      case 2:
        return this.below(40);
      case 3:
        return (this.u32() & 0xffffff00 | this.between(28, 36)) >>> 0;
      case 4:
        return (-this.below(256)) >>> 0;
      default:
        return this.u32();
    }
  }
}
