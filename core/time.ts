/**
 * Times as people write them.
 *
 * @module
 */

import { InputError } from "./errors.ts";

const UNITS: Readonly<Record<string, number>> = { ns: 1, us: 1e3, "µs": 1e3, ms: 1e6, s: 1e9 };

/**
 * Reads a time: a number of nanoseconds, or a text such as "2s", "150ms", "1.5s", "10us", "40ns".
 *
 * @param value What the person wrote.
 * @param what Where it was written, for the message.
 * @returns Whole nanoseconds, at least 0.
 * @throws {InputError} When it is no time, negative, or past 2^53 ns.
 *
 * @example
 * ```ts
 * import { parseTime } from "@understudy/vmm";
 * console.log(parseTime("1.5ms", "--for")); // 1500000
 * ```
 */
export function parseTime(value: string | number, what: string): number {
  let ns = NaN;
  if (typeof value === "number") {
    ns = value;
  } else {
    const match = /^\s*(\d+(?:\.\d+)?)\s*(ns|us|µs|ms|s)\s*$/.exec(value);
    if (match !== null) ns = Math.round(Number(match[1]) * UNITS[match[2]]);
    else if (value.trim() === "0") ns = 0;
  }
  if (!Number.isSafeInteger(ns) || ns < 0) {
    throw new InputError(
      what,
      `"${value}" is no time`,
      "allowed: a number with ns, us, ms or s, such as 150ms",
    );
  }
  return ns;
}
