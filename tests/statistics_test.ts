import assert from "node:assert/strict";
import fc from "fast-check";
import { Random } from "../core/random.ts";
import {
  binomial,
  marginOf,
  mcnemar,
  normalQuantile,
  quantiles,
  sampleSize,
  type Stratum,
  weightedShare,
  wilson,
} from "../core/statistics.ts";
import { core } from "./monitor_rig.ts";

const close = (a: number, b: number, tolerance: number, what = "") =>
  assert.ok(Math.abs(a - b) <= tolerance, `${what}: ${a} is not ${b} ± ${tolerance}`);

Deno.test("normalQuantile() gives the tabulated values, and is odd", core, () => {
  for (
    const [p, z] of [[0.5, 0], [0.975, 1.959963985], [0.995, 2.575829304], [0.9, 1.281551566], [
      0.001,
      -3.090232306,
    ]]
  ) close(normalQuantile(p), z, 1e-7, `p ${p}`);
  for (const p of [0.01, 0.2, 0.4]) close(normalQuantile(p), -normalQuantile(1 - p), 1e-12);
  assert.throws(() => normalQuantile(0), RangeError);
});

Deno.test("wilson() agrees with published intervals", core, () => {
  // Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
  for (
    const [r, n, low, high] of [[81, 263, 0.2553, 0.3662], [15, 148, 0.0624, 0.1605], [
      0,
      20,
      0,
      0.1611,
    ], [1, 29, 0.0061, 0.1718]]
  ) {
    const interval = wilson(r, n, 0.95);
    close(interval.low, low, 5e-5, `${r}/${n}`);
    close(interval.high, high, 5e-5, `${r}/${n}`);
  }
  assert.deepEqual(wilson(0, 0, 0.95), { low: 0, high: 1 });
});

Deno.test("wilson() holds the share, is symmetric, and narrows with n", core, () => {
  const counts = fc.integer({ min: 1, max: 5000 }).chain((n) =>
    fc.tuple(fc.constant(n), fc.integer({ min: 0, max: n }))
  );
  fc.assert(fc.property(counts, ([n, k]) => {
    const { low, high } = wilson(k, n, 0.95);
    assert.ok(low >= 0 && high <= 1 && low <= k / n && k / n <= high);
    const mirror = wilson(n - k, n, 0.95);
    close(low, 1 - mirror.high, 1e-12);
    const wider = wilson(k, n, 0.99);
    assert.ok(wider.low <= low + 1e-15 && wider.high >= high - 1e-15);
    const more = wilson(4 * k, 4 * n, 0.95);
    assert.ok(more.high - more.low < high - low);
  }));
});

Deno.test("wilson() covers the true share as often as it says, by exact binomials", core, () => {
  // Mean coverage over shares; single shares may fall short by a little, as is known of it.
  for (const n of [30, 120, 400]) {
    const intervals = Array.from({ length: n + 1 }, (_, k) => wilson(k, n, 0.95));
    let sum = 0;
    let least = 1;
    let count = 0;
    for (let p = 0.02; p < 0.985; p += 0.02) {
      let covered = 0;
      intervals.forEach(({ low, high }, k) => {
        if (low <= p && p <= high) covered += binomial(k, n, p);
      });
      sum += covered;
      least = Math.min(least, covered);
      count++;
    }
    close(sum / count, 0.95, 0.008, `n ${n}`);
    assert.ok(least > 0.9, `n ${n}: ${least}`);
  }
});

Deno.test("binomial() sums to 1 and has the right mean", core, () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 300 }), fc.double({ min: 0, max: 1, noNaN: true }), (
      n,
      p,
    ) => {
      let sum = 0;
      let mean = 0;
      for (let k = 0; k <= n; k++) {
        sum += binomial(k, n, p);
        mean += k * binomial(k, n, p);
      }
      close(sum, 1, 1e-8);
      close(mean, n * p, 1e-6 * n);
    }),
    { numRuns: 40 },
  );
  close(binomial(3, 10, 0.3), 0.266827932, 1e-9);
});

Deno.test("sampleSize() gives the paper's table, and marginOf() is its inverse", core, () => {
  // Leveugle et al. 2009: p = 0.5; population, margin, confidence.
  assert.equal(sampleSize(0.05, 0.95, Infinity), 385);
  assert.equal(sampleSize(0.01, 0.95, Infinity), 9604);
  assert.equal(sampleSize(0.01, 0.99, Infinity), 16588);
  assert.equal(sampleSize(0.01, 0.95, 10_000), 4900);
  assert.equal(sampleSize(0.05, 0.95, 100), 80);
  assert.equal(sampleSize(0.01, 0.95, 7), 7);
  const sizes = fc.tuple(
    fc.integer({ min: 2, max: 10_000_000 }),
    fc.double({ min: 0.002, max: 0.2, noNaN: true }),
  );
  fc.assert(fc.property(sizes, ([population, margin]) => {
    const n = sampleSize(margin, 0.95, population);
    assert.ok(n >= 1 && n <= population);
    assert.ok(marginOf(n, 0.95, population) <= margin + 1e-9);
    if (n > 1) assert.ok(marginOf(n - 1, 0.95, population) > margin - 1e-9);
  }));
});

Deno.test("mcnemar() is the exact two-sided test", core, () => {
  // 2 x sum of binomial(15, 0.5) up to 3.
  close(mcnemar(12, 3, 100).p, 0.03515625, 1e-12);
  close(mcnemar(12, 3, 100).difference, 0.09, 1e-12);
  assert.equal(mcnemar(0, 0, 50).p, 1);
  assert.equal(mcnemar(7, 7, 50).p, 1);
  fc.assert(fc.property(fc.nat(200), fc.nat(200), (b, c) => {
    const one = mcnemar(b, c, 500);
    const other = mcnemar(c, b, 500);
    assert.ok(one.p >= 0 && one.p <= 1);
    close(one.p, other.p, 1e-12);
    assert.equal(one.difference, -other.difference + 0);
  }));
});

Deno.test("mcnemar() calls equal arms different as often as it may", core, () => {
  const random = new Random(5);
  let calls = 0;
  for (let round = 0; round < 400; round++) {
    let b = 0;
    let c = 0;
    for (let i = 0; i < 60; i++) {
      if (random.fraction() < 0.5) b++;
      else c++;
    }
    if (mcnemar(b, c, 300).p < 0.05) calls++;
  }
  assert.ok(calls <= 32, `${calls} of 400`);
});

Deno.test(
  "weightedShare() finds the share of the space, whatever the strata's samples",
  core,
  () => {
    const random = new Random(9);
    const truth = [
      { population: 900_000, share: 0.02 },
      { population: 90_000, share: 0.3 },
      { population: 10_000, share: 0.8 },
    ];
    const whole = truth.reduce((sum, s) => sum + s.population * s.share, 0) / 1_000_000;
    let covered = 0;
    for (let round = 0; round < 200; round++) {
      const strata: Stratum[] = truth.map(({ population, share }) => {
        let hits = 0;
        for (let i = 0; i < 400; i++) if (random.fraction() < share) hits++;
        return { population, n: 400, hits };
      });
      const { low, high, share, count } = weightedShare(strata, 0.95);
      assert.ok(low <= share && share <= high);
      close(count, share * 1_000_000, 1e-6);
      if (low <= whole && whole <= high) covered++;
    }
    assert.ok(covered >= 182, `${covered} of 200`);
    const none = weightedShare([{ population: 100, n: 10, hits: 0 }], 0.95);
    assert.ok(none.share === 0 && none.high > 0);
    assert.deepEqual(weightedShare([], 0.95).population, 0);
  },
);

Deno.test("quantiles() interpolates", core, () => {
  assert.deepEqual(quantiles([4, 1, 3, 2]), {
    n: 4,
    min: 1,
    q1: 1.75,
    median: 2.5,
    q3: 3.25,
    p95: 3.8499999999999996,
    max: 4,
  });
  assert.equal(quantiles([]).max, 0);
});

Deno.test("Random draws evenly, in streams of their own, again and again", core, () => {
  const counts = new Array(7).fill(0);
  const dice = new Random(42);
  for (let i = 0; i < 70_000; i++) counts[dice.below(7)]++;
  for (const count of counts) close(count, 10_000, 400);
  const draw = (seed: number, stream: number) => {
    const random = new Random(seed, stream);
    return Array.from({ length: 4 }, () => random.next()).join();
  };
  assert.equal(draw(1, 2), draw(1, 2));
  const streams = new Set(Array.from({ length: 1000 }, (_, i) => draw(7, i)));
  assert.equal(streams.size, 1000);
  const big = new Random(3);
  for (let i = 0; i < 1000; i++) {
    const n = big.below(2 ** 40);
    assert.ok(Number.isInteger(n) && n >= 0 && n < 2 ** 40);
    const f = big.fraction();
    assert.ok(f >= 0 && f < 1);
  }
  const picks = new Random(4).distinct(50, 60);
  assert.equal(new Set(picks).size, 50);
  assert.deepEqual(picks, [...picks].sort((a, b) => a - b));
});
