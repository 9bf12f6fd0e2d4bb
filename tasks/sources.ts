/**
 * What every source file must have: a comment that says what it is for, and a length that can be read.
 *
 * @module
 */

import { files, ROOT } from "./run.ts";

/** Most lines of a file. */
const MOST_LINES = 1000;

/** Files that can't be split: the interpreter is one switch, or it is slow. */
const LONG: ReadonlySet<string> = new Set(["core/cpu_run.ts"]);

/**
 * Judges a source file.
 *
 * @param name Its name, relative to the repository.
 * @param text Its text.
 * @returns One line for each offence.
 */
export function sourceFaults(name: string, text: string): string[] {
  const found: string[] = [];
  const head = name.startsWith("examples/") ? /^\/\/ / : /^(\/\/\/.*\n\n)?\/\*\*[^]*?@module/;
  if (!head.test(text)) found.push(`${name} does not begin with a comment on what it is for`);
  const lines = text.split("\n").length - 1;
  if (lines > MOST_LINES && !LONG.has(name)) {
    found.push(`${name} has ${lines} lines; at most ${MOST_LINES}, better 600`);
  }
  return found;
}

/** Judges all source files that are read by people. */
export function allSourceFaults(): string[] {
  return files("", ".ts")
    .filter((name) => /^(mod\.ts|(core|cli|tasks|examples)\/)/.test(name))
    .flatMap((name) => sourceFaults(name, Deno.readTextFileSync(new URL(name, ROOT))));
}
