/**
 * `boot --save` and `boot --load`: a laboratory in a file.
 *
 * @module
 */

import { InputError, Lab } from "../mod.ts";
import type { Io } from "./io.ts";
import type { Pause } from "./runner.ts";

/**
 * Loads a laboratory from a file.
 *
 * @param io The outside.
 * @param path Its path.
 * @throws {InputError} When it can't be read, is damaged, or holds something else.
 */
export async function loadLab(io: Io, path: string): Promise<Lab> {
  const bytes = io.read(path);
  try {
    return await Lab.load(bytes);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    const part = error.where === "snapshot" ? path : `${path}: ${error.where}`;
    throw new InputError(part, error.what, error.allowed);
  }
}

/**
 * Refuses options that say again, or otherwise, what a saved laboratory is made of.
 *
 * @param guests GUEST arguments.
 * @param options The options as they were given, by their names.
 * @param allowed Names that may stand beside `--load`.
 * @throws {InputError} Naming the first that may not.
 */
export function checkLoad(
  guests: readonly string[],
  options: Readonly<Record<string, unknown>>,
  allowed: ReadonlySet<string>,
): void {
  const why = "the file says what the laboratory is made of";
  if (guests.length > 0) throw new InputError("--load", `not together with ${guests[0]}`, why);
  for (const [name, value] of Object.entries(options)) {
    // An option that begins with "no" has the default true.
    const given = name === "vm0" ? value === false : value !== undefined;
    if (!given || allowed.has(name)) continue;
    const flag = name === "vm0" ? "--no-vm0" : `--${name}`;
    throw new InputError("--load", `not together with ${flag}`, why);
  }
}

/** A pause of a run in which the laboratory is saved. */
export interface Saver extends Pause, Disposable {
  /** It has been saved. */
  readonly saved: boolean;
}

/**
 * Saves a laboratory in the middle of a run, or at its end.
 *
 * The file is prepared at once, so that one that can't be written is refused before the run.
 *
 * @param io The outside.
 * @param path Path of the file.
 * @param at Board time; the end of the run when it is not given.
 * @throws {InputError} When the file can't be written.
 */
export function saver(io: Io, path: string, at: string | undefined): Saver {
  const draft = io.create(path);
  let saved = false;
  return {
    at,
    get saved(): boolean {
      return saved;
    },
    async then(lab: Lab): Promise<void> {
      draft.write(await lab.save());
      saved = true;
    },
    [Symbol.dispose]: () => draft.discard(),
  };
}
