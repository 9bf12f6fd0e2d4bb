/**
 * Choosing from a list of names, with the near miss in the message.
 *
 * @module
 */

import { InputError } from "../mod.ts";

/** Edit distance in which the exchange of two neighbours counts as one. */
function distance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(rows[i - 1]![j]! + 1, row[j - 1]! + 1, rows[i - 1]![j - 1]! + +!same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, rows[i - 2]![j - 2]! + 1);
      }
      row.push(cost);
    }
    rows.push(row);
  }
  return rows[a.length]![b.length]!;
}

/**
 * The name that a mistyped one was probably meant to be.
 *
 * @param word What was typed.
 * @param names What could have been meant.
 */
export function nearest(word: string, names: readonly string[]): string | undefined {
  const lower = word.toLowerCase();
  let best: string | undefined;
  let least = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const name of names) {
    const cost = lower.length >= 3 && name.toLowerCase().startsWith(lower)
      ? 0.5
      : distance(lower, name.toLowerCase());
    if (cost < least) {
      least = cost;
      best = name;
    }
  }
  return best;
}

/**
 * The end of a message about a name that is not in a list: the near miss, then what is allowed.
 *
 * @param word What was typed.
 * @param names What is allowed.
 */
export function allowedNames(word: string, names: readonly string[]): string {
  const near = nearest(word, names);
  const meant = near === undefined ? "" : `did you mean "${near}"? `;
  return `${meant}allowed: ${names.join(", ")}`;
}

/**
 * Takes a name only when it is in the list.
 *
 * @param word What was typed.
 * @param names What is allowed.
 * @param where Option or key, for the message.
 * @throws {InputError} When it is not.
 */
export function oneOf<T extends string>(word: string, names: readonly T[], where: string): T {
  const found = names.find((name) => name === word);
  if (found === undefined) {
    throw new InputError(where, `"${word}" is unknown`, allowedNames(word, names));
  }
  return found;
}

/**
 * Takes a whole number in a range.
 *
 * @param word What was typed.
 * @param least Smallest allowed.
 * @param most Largest allowed.
 * @param where Option or key, for the message.
 * @throws {InputError} When it is none, or outside.
 */
export function wholeNumber(word: string, least: number, most: number, where: string): number {
  const value = /^\d{1,15}$/.test(word) ? Number(word) : NaN;
  if (!(value >= least && value <= most)) {
    throw new InputError(where, `"${word}" is not allowed`, `allowed: ${least} to ${most}`);
  }
  return value;
}
