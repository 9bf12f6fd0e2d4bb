/**
 * The statistics of a campaign: how many experiments are needed, how far a share can be trusted,
 * whether two arms differ, and what strata say about the whole fault space.
 *
 * @module
 */

/** An interval of shares. */
export interface Interval {
  /** Lower bound, 0 to 1. */
  readonly low: number;
  /** Upper bound, 0 to 1. */
  readonly high: number;
}

// Acklam's rational approximation of the inverse normal distribution, |relative error| < 1.15e-9.
const A: readonly number[] = [
  -3.969683028665376e+01,
  2.209460984245205e+02,
  -2.759285104469687e+02,
  1.383577518672690e+02,
  -3.066479806614716e+01,
  2.506628277459239e+00,
];
const B: readonly number[] = [
  -5.447609879822406e+01,
  1.615858368580409e+02,
  -1.556989798598866e+02,
  6.680131188771972e+01,
  -1.328068155288572e+01,
];
const C: readonly number[] = [
  -7.784894002430293e-03,
  -3.223964580411365e-01,
  -2.400758277161838e+00,
  -2.549732539343734e+00,
  4.374664141464968e+00,
  2.938163982698783e+00,
];
const D: readonly number[] = [
  7.784695709041462e-03,
  3.224671290700398e-01,
  2.445134137142996e+00,
  3.754408661907416e+00,
];
const TAIL = 0.02425;

function polynomial(coefficients: readonly number[], x: number): number {
  return coefficients.reduce((sum, c) => sum * x + c, 0);
}

/**
 * The value below which a standard normal variable lies with a probability.
 *
 * @param p Probability, above 0 and below 1.
 */
export function normalQuantile(p: number): number {
  if (!(p > 0 && p < 1)) throw new RangeError(`probability ${p} is not between 0 and 1`);
  if (p > 0.5) return -normalQuantile(1 - p);
  if (p < TAIL) {
    const q = Math.sqrt(-2 * Math.log(p));
    return polynomial(C, q) / (polynomial(D, q) * q + 1);
  }
  const q = p - 0.5;
  const r = q * q;
  return polynomial(A, r) * q / (polynomial(B, r) * r + 1);
}

/** Two-sided normal quantile of a confidence: 1.96 for 0.95. */
function criticalValue(confidence: number): number {
  return normalQuantile(0.5 + confidence / 2);
}

/**
 * Wilson's interval of a share (Wilson 1927): good for small counts and for shares near 0 and 1.
 *
 * @param successes Counted, 0 to `n`.
 * @param n Out of so many; 0 gives the whole range.
 * @param confidence As 0.95.
 *
 * @example
 * ```ts
 * import { wilson } from "@understudy/vmm";
 *
 * const { low } = wilson(980, 1000, 0.95);
 * console.log(low.toFixed(4)); // 0.9693
 * ```
 */
export function wilson(successes: number, n: number, confidence: number): Interval {
  if (n === 0) return { low: 0, high: 1 };
  const z = criticalValue(confidence);
  const share = successes / n;
  const factor = z * z / n;
  const middle = share + factor / 2;
  const half = z * Math.sqrt(share * (1 - share) / n + factor / (4 * n));
  return {
    low: successes === 0 ? 0 : Math.max(0, (middle - half) / (1 + factor)),
    high: successes === n ? 1 : Math.min(1, (middle + half) / (1 + factor)),
  };
}

/**
 * How many experiments a margin needs (Leveugle, Calvez, Maistri and Vanhauwaert, DATE 2009): a
 * sample without repetition from a finite fault space.
 *
 * @param margin Half width of the interval, as 0.01.
 * @param confidence As 0.95.
 * @param population Faults that there are; Infinity for no limit.
 * @param share Expected share; 0.5 asks for the most.
 */
export function sampleSize(
  margin: number,
  confidence: number,
  population: number,
  share = 0.5,
): number {
  if (!(margin > 0 && margin < 1)) throw new RangeError(`margin ${margin} is not between 0 and 1`);
  if (population === 0) return 0;
  const z = criticalValue(confidence);
  const spread = share * (1 - share);
  const unlimited = z * z * spread / (margin * margin);
  if (population === Infinity) return Math.ceil(unlimited);
  const size = population / (1 + margin * margin * (population - 1) / (z * z * spread));
  return Math.min(population, Math.ceil(size - 1e-9));
}

/** The margin that a sample gives: the inverse of {@linkcode sampleSize}. */
export function marginOf(
  size: number,
  confidence: number,
  population: number,
  share = 0.5,
): number {
  if (size >= population) return 0;
  const z = criticalValue(confidence);
  const rest = population === Infinity ? 1 : (population - size) / (population - 1);
  return z * Math.sqrt(share * (1 - share) / size * rest);
}

/** Logarithm of the factorial of whole numbers, by Stirling's series from 20 on. */
function logFactorial(n: number): number {
  if (n < 20) {
    let product = 1;
    for (let i = 2; i <= n; i++) product *= i;
    return Math.log(product);
  }
  const x = n + 1;
  return (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + 1 / (12 * x) -
    1 / (360 * x ** 3);
}

/** Probability of exactly `k` successes in `n` trials. */
export function binomial(k: number, n: number, p: number): number {
  if (p === 0) return k === 0 ? 1 : 0;
  if (p === 1) return k === n ? 1 : 0;
  const ways = logFactorial(n) - logFactorial(k) - logFactorial(n - k);
  return Math.exp(ways + k * Math.log(p) + (n - k) * Math.log1p(-p));
}

/** What a paired comparison came to. */
export interface PairedTest {
  /** Pairs in which only the first arm succeeded. */
  readonly onlyFirst: number;
  /** Pairs in which only the second arm succeeded. */
  readonly onlySecond: number;
  /** Pairs. */
  readonly n: number;
  /** Share of the first less share of the second. */
  readonly difference: number;
  /** Probability of so much difference, or more, if the arms were equal: exact, two-sided. */
  readonly p: number;
}

/**
 * McNemar's test of two arms that ran the same faults, exact by the binomial distribution.
 *
 * @param onlyFirst Pairs in which only the first arm succeeded.
 * @param onlySecond Pairs in which only the second arm succeeded.
 * @param n All pairs.
 */
export function mcnemar(onlyFirst: number, onlySecond: number, n: number): PairedTest {
  const discordant = onlyFirst + onlySecond;
  const fewer = Math.min(onlyFirst, onlySecond);
  let tail = 0;
  for (let k = 0; k <= fewer; k++) tail += binomial(k, discordant, 0.5);
  const p = discordant === 0 ? 1 : Math.min(1, 2 * tail);
  const difference = n === 0 ? 0 : (onlyFirst - onlySecond) / n;
  return { onlyFirst, onlySecond, n, difference, p };
}

/** Counts of a stratum: faults of one kind, sampled evenly. */
export interface Stratum {
  /** Faults that there are of this kind. */
  readonly population: number;
  /** Experiments run. */
  readonly n: number;
  /** Experiments with the property in question. */
  readonly hits: number;
}

/** A share of the whole fault space, from strata. */
export interface WeightedShare extends Interval {
  /** The share. */
  readonly share: number;
  /** Faults of the space with the property: the share times the population. */
  readonly count: number;
  /** Faults of the space. */
  readonly population: number;
}

/**
 * The share of a property in the whole fault space, each stratum weighted by its size, whatever its
 * share of the experiments was (Cochran 1977, section 5). The bounds take each stratum's variance from
 * its Wilson centre, so that a stratum without hits is not taken for certain.
 *
 * @param strata Strata; those without experiments are left out of the space.
 * @param confidence As 0.95.
 */
export function weightedShare(strata: readonly Stratum[], confidence: number): WeightedShare {
  const sampled = strata.filter(({ n }) => n > 0);
  const population = sampled.reduce((sum, s) => sum + s.population, 0);
  if (population === 0) return { share: 0, low: 0, high: 1, count: 0, population: 0 };
  const z = criticalValue(confidence);
  let share = 0;
  let variance = 0;
  for (const { population: size, n, hits } of sampled) {
    const weight = size / population;
    share += weight * hits / n;
    const centre = (hits + z * z / 2) / (n + z * z);
    const rest = size > n ? (size - n) / Math.max(1, size - 1) : 0;
    variance += weight * weight * centre * (1 - centre) / n * rest;
  }
  const half = z * Math.sqrt(variance);
  return {
    share,
    low: Math.max(0, share - half),
    high: Math.min(1, share + half),
    count: share * population,
    population,
  };
}

/** Spread of measured values. */
export interface Quantiles {
  /** How many. */
  readonly n: number;
  /** The smallest; this and the others are 0 without values. */
  readonly min: number;
  /** First quartile. */
  readonly q1: number;
  /** Median. */
  readonly median: number;
  /** Third quartile. */
  readonly q3: number;
  /** 95th percentile. */
  readonly p95: number;
  /** The largest. */
  readonly max: number;
}

/** Quantiles of values by linear interpolation (type 7 of Hyndman and Fan 1996). */
export function quantiles(values: readonly number[]): Quantiles {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (p: number): number => {
    if (sorted.length === 0) return 0;
    const place = p * (sorted.length - 1);
    const low = Math.floor(place);
    const high = Math.min(sorted.length - 1, low + 1);
    return sorted[low] + (sorted[high] - sorted[low]) * (place - low);
  };
  return {
    n: sorted.length,
    min: at(0),
    q1: at(0.25),
    median: at(0.5),
    q3: at(0.75),
    p95: at(0.95),
    max: at(1),
  };
}
