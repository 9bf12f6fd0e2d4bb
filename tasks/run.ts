/**
 * Running Deno from the scripts of this folder, and finding the repository's files.
 *
 * @module
 */

import { InputError } from "../core/errors.ts";

/** What a finished child left behind. */
export interface Finished {
  /** Exit code. */
  readonly code: number;
  /** Standard output, as text. */
  readonly stdout: string;
  /** Standard error, as text, without the lines about what is fetched and checked. */
  readonly stderr: string;
}

/** The folder of the repository. */
export const ROOT: URL = new URL("../", import.meta.url);

/**
 * Runs `deno` in the repository with plain output and waits for its end.
 *
 * The name and not the path is used, because the permission `--allow-run=deno` is for the name.
 *
 * @param args Arguments of `deno`.
 * @param env Variables to add to the environment.
 */
export async function deno(
  args: readonly string[],
  env?: Record<string, string>,
): Promise<Finished> {
  const { code, stdout, stderr } = await new Deno.Command("deno", {
    args: [...args],
    cwd: ROOT,
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  // What is fetched and checked is no message of the command.
  const said = decoder.decode(stderr).replace(/^(Download|Initialize|Check) .*\r?\n/gm, "");
  return { code, stdout: decoder.decode(stdout), stderr: said };
}

/**
 * Names of the repository's files below a folder, relative to the repository, with `/`, in order.
 *
 * @param folder Folder, relative to the repository; `""` for all.
 * @param suffix What the names end with, as `.ts`.
 */
export function files(folder: string, suffix: string): string[] {
  const found: string[] = [];
  const walk = (path: string): void => {
    for (const entry of Deno.readDirSync(new URL(path === "" ? "./" : `${path}/`, ROOT))) {
      const name = path === "" ? entry.name : `${path}/${entry.name}`;
      if (entry.isDirectory) {
        if (!/^(\.|node_modules$|coverage$)/.test(entry.name)) walk(name);
      } else if (name.endsWith(suffix)) {
        found.push(name);
      }
    }
  };
  walk(folder);
  return found.sort();
}

/** A message for the user, without a stack. */
export class UsageError extends Error {}

/** What the user did wrong; undefined when the error is another. */
function usage(error: unknown): string | undefined {
  if (error instanceof UsageError || error instanceof InputError) return error.message;
  const { code, message } = error as { code?: unknown; message?: unknown };
  // What parseArgs of node:util throws.
  return String(code).startsWith("ERR_PARSE_ARGS") ? String(message) : undefined;
}

/**
 * Runs a script and ends with its exit code. What the user did wrong is told in a line, with exit code 2.
 *
 * @param name Its name, which the line begins with.
 * @param main What it does; the exit code.
 */
export async function script(name: string, main: () => Promise<number>): Promise<never> {
  try {
    Deno.exit(await main());
  } catch (error) {
    const wrong = usage(error);
    if (wrong === undefined) throw error;
    console.error(`${name}: ${wrong}`);
    Deno.exit(2);
  }
}
