/**
 * Runs what the documentation shows: the TypeScript examples of README, `docs/` and the JSDoc
 * comments as tests, and the `console` blocks as commands whose output must be the one shown.
 *
 * A `console` block holds commands after `$ ` and what they print. Only `deno task demo` and `deno
 * task understudy ...` can be shown, with or without `npx -y deno@VERSION` in front; they run with
 * the permissions that the task gives them. A line `<!-- keep: FROM..TO; FROM..TO -->` before a block
 * shows only these parts, first lines that match these expressions and those between them, and `...`
 * for the others.
 *
 * `deno task ok --update` writes what the commands print into the pages.
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
  /** Only these parts are shown. */
  readonly keep?: readonly Part[];
}

/** Lines from the first that matches to the next that matches, both included. */
export interface Part {
  /** What the first line matches. */
  readonly from: RegExp;
  /** What the last line matches. */
  readonly to: RegExp;
}

/** Reads the parts of a `keep` comment. */
function parts(text: string): Part[] {
  return text.split(";").map((part) => {
    const [from, to] = part.split("..").map((expression) => new RegExp(expression.trim()));
    return { from: from!, to: to ?? from! };
  });
}

/**
 * Finds the commands of the `console` blocks.
 *
 * @param markdown The page.
 */
export function shownCommands(markdown: string): Shown[] {
  const found: Shown[] = [];
  let inside = false;
  let keep: Part[] | undefined;
  let output: string[] | undefined;
  for (const [index, line] of markdown.split("\n").entries()) {
    if (!inside) {
      inside = /^```console\s*$/.test(line);
      output = undefined;
      const comment = /^<!-- keep: (.*) -->$/.exec(line);
      if (comment !== null) keep = parts(comment[1]!);
      else if (!inside && line !== "") keep = undefined;
    } else if (/^```\s*$/.test(line)) {
      inside = false;
      keep = undefined;
    } else if (line.startsWith("$ ")) {
      output = [];
      const shown = { command: line.slice(2), output, line: index + 1 };
      found.push(keep === undefined ? shown : { ...shown, keep });
    } else {
      output?.push(line);
    }
  }
  return found;
}

/**
 * Leaves only some parts; `...` stands for the lines between.
 *
 * @param lines The lines.
 * @param keep The parts, in their order; without them all is left.
 */
export function kept(lines: readonly string[], keep?: readonly Part[]): string[] {
  if (keep === undefined) return [...lines];
  const left: string[] = [];
  let next = 0;
  for (const { from, to } of keep) {
    const start = lines.findIndex((line, index) => index >= next && from.test(line));
    if (start < 0) continue;
    const end = lines.findIndex((line, index) => index >= start && to.test(line));
    if (start > next) left.push("...");
    next = end < 0 ? lines.length : end + 1;
    left.push(...lines.slice(start, next));
  }
  if (next < lines.length) left.push("...");
  return left;
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
 * @returns For each command that prints something else: the first line that differs.
 */
export async function checkPage(page: string, update: boolean): Promise<string[]> {
  const url = new URL(page, ROOT);
  const markdown = Deno.readTextFileSync(url);
  const lines = markdown.split("\n");
  const problems: string[] = [];
  // From the end, so that the lines of commands not yet seen keep their numbers.
  for (const { command, output, line, keep } of shownCommands(markdown).reverse()) {
    const all = await printed(command);
    if (all === undefined) {
      problems.push(`${page}:${line}: only deno task demo and understudy can be shown: ${command}`);
      continue;
    }
    const actual = kept(all, keep);
    if (actual.join("\n") === output.join("\n")) continue;
    if (update) lines.splice(line, output.length, ...actual);
    else problems.push(difference(`${page}:${line}: $ ${command}`, output, actual));
  }
  const written = lines.join("\n");
  if (written !== markdown) Deno.writeTextFileSync(url, written);
  return problems;
}

/** Says where what was printed leaves what is shown. */
function difference(head: string, shown: readonly string[], actual: readonly string[]): string {
  const at = actual.findIndex((line, index) => line !== shown[index]);
  const index = at < 0 ? actual.length : at;
  return [
    head,
    `- ${shown[index] ?? "(the end)"}`,
    `+ ${actual[index] ?? "(the end)"}`,
    "  if on purpose: deno task ok --only doc-tests --update",
  ].join("\n");
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
