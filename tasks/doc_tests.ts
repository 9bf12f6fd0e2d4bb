/**
 * Runs what the documentation shows: the TypeScript examples of README, `docs/` and the JSDoc
 * comments as tests, and the `console` blocks as commands whose output must be the one shown.
 *
 * A `console` block holds commands after `$ ` and what they print. A line `...` stands for any
 * lines. Only `deno task demo` and `deno task understudy ...` can be shown, with or without
 * `npx -y deno@VERSION` in front; they run with the permissions that the task gives them.
 *
 * `deno task ok --update` rewrites the output of the blocks that have no `...`.
 *
 * @module
 */

import { deno, files, ROOT } from "./run.ts";

/** A command shown in a page. */
export interface Shown {
  /** The line after `$ `. */
  readonly command: string;
  /** What the page says it prints. */
  readonly output: readonly string[];
  /** Number of the command's line, from 1. */
  readonly line: number;
}

/**
 * Finds the commands of the `console` blocks.
 *
 * @param markdown The page.
 */
export function shownCommands(markdown: string): Shown[] {
  const found: Shown[] = [];
  const lines = markdown.split("\n");
  let inside = false;
  let output: string[] | undefined;
  for (const [index, line] of lines.entries()) {
    if (!inside) {
      inside = /^```console\s*$/.test(line);
      output = undefined;
    } else if (/^```\s*$/.test(line)) {
      inside = false;
    } else if (line.startsWith("$ ")) {
      output = [];
      found.push({ command: line.slice(2), output, line: index + 1 });
    } else {
      output?.push(line);
    }
  }
  return found;
}

/**
 * Compares lines with a pattern in which the line `...` stands for any lines, none included.
 *
 * @param actual Lines printed.
 * @param shown Lines of the page.
 */
export function matches(actual: readonly string[], shown: readonly string[]): boolean {
  const gap = shown.indexOf("...");
  const head = gap < 0 ? shown : shown.slice(0, gap);
  if (head.some((line, index) => actual[index] !== line)) return false;
  if (gap < 0) return actual.length === head.length;
  const rest = shown.slice(gap + 1);
  for (let start = head.length; start <= actual.length; start++) {
    if (matches(actual.slice(start), rest)) return true;
  }
  return false;
}

/**
 * Splits a command line at blanks; quotes keep blanks together.
 *
 * @param command The line.
 */
export function words(command: string): string[] {
  const parts = command.match(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g) ?? [];
  return parts.map((part) => part.replace(/'([^']*)'|"([^"]*)"/g, "$1$2"));
}

/** Runs a shown command; the lines that it prints. */
async function printed(command: string): Promise<string[] | undefined> {
  const match = /^(?:npx -y deno@\S+|deno) task (demo|understudy)\b\s*(.*)$/.exec(command);
  if (match === null) return undefined;
  const [, task, rest] = match;
  const { stdout, stderr, code } = await deno(["task", "--quiet", task!, ...words(rest!)]);
  const text = code === 0 || stdout !== "" ? stdout : stderr;
  return text.replace(/\n$/, "").split("\n").map((line) => line.trimEnd());
}

/**
 * Runs the commands that a page shows.
 *
 * @param page Name of the page, relative to the repository.
 * @param update Write what was printed into the page.
 * @returns One paragraph for each command that prints something else.
 */
export async function checkPage(page: string, update: boolean): Promise<string[]> {
  const url = new URL(page, ROOT);
  const markdown = Deno.readTextFileSync(url);
  const lines = markdown.split("\n");
  const problems: string[] = [];
  // From the end, so that the lines of commands not yet seen keep their numbers.
  for (const { command, output, line } of shownCommands(markdown).reverse()) {
    const actual = await printed(command);
    if (actual === undefined) {
      problems.push(`${page}:${line}: only deno task demo and understudy can be shown: ${command}`);
    } else if (!matches(actual, output)) {
      if (update && !output.includes("...")) lines.splice(line, output.length, ...actual);
      else problems.push(`${page}:${line}: $ ${command}\n  prints\n${actual.join("\n")}`);
    }
  }
  if (update) Deno.writeTextFileSync(url, lines.join("\n"));
  return problems;
}

/** The pages whose `console` blocks are run. */
export function pages(): string[] {
  return [...files("", ".md").filter((name) => /^(README\.md|docs\/)/.test(name))];
}

/** The files whose TypeScript examples are run: pages, and sources with an example. */
export function examples(): string[] {
  const sources = files("", ".ts").filter((name) =>
    /^(mod\.ts$|(core|cli|guests)\/)/.test(name) &&
    /^\s*\* ```(ts|typescript)/m.test(Deno.readTextFileSync(new URL(name, ROOT)))
  );
  return [
    ...pages().filter((name) =>
      /^```(ts|typescript)/m.test(Deno.readTextFileSync(new URL(name, ROOT)))
    ),
    ...sources,
  ];
}
