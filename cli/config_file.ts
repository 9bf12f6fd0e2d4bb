/**
 * Reading a configuration file, without loading what that takes before there is one.
 *
 * @module
 */

import type { ConfigFile } from "./config.ts";
import type { Io } from "./io.ts";

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
