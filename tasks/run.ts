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

/**
 * What is wrong with a script's command line, in one line; undefined when the error is another.
 *
 * @param error What parseArgs of node:util or a check of an option threw.
 */
export function usage(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code } = error as { code?: unknown };
  const wrong = error instanceof InputError || String(code).startsWith("ERR_PARSE_ARGS");
  return wrong ? error.message.split("\n")[0] : undefined;
}
