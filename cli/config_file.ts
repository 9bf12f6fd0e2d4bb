/**
 * Reading a configuration file, without loading what that takes before there is one.
 *
 * @module
 */

import type { InputError } from "../mod.ts";
import type { Config } from "./config.ts";
import type { Io } from "./io.ts";

/** A configuration, and where its keys stand in the file. */
export interface ConfigFile {
  /** Path of the file. */
  readonly path: string;
  /** The configuration. */
  readonly config: Config;
  /**
   * Adds file and line to what the library says about a value that the file gave.
   *
   * @param error Error whose `where` is a key, as `policy.task[0].limit`.
   */
  located(error: InputError): InputError;
  /** File, line and key of a value. */
  where(...path: readonly (string | number)[]): string;
}

/**
 * Reads a configuration file.
 *
 * @param path Its path; without one there is no configuration.
 * @param io The outside.
 * @throws {InputError} With file, line, key and what is allowed.
 */
export async function configFile(
  path: string | undefined,
  io: Io,
): Promise<ConfigFile | undefined> {
  if (path === undefined) return undefined;
  const text = new TextDecoder().decode(io.read(path));
  const { parseConfig } = await import("./config.ts");
  return parseConfig(text, path);
}
