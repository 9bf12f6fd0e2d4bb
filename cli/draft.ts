/**
 * Writing files: whole, or not at all.
 *
 * @module
 */

import { InputError } from "../mod.ts";

/** A file that is about to be written. */
export interface Draft {
  /**
   * Puts the content in the file's place: who reads the file sees the old one or the new one, never a
   * part.
   *
   * @throws {InputError} When it can't be written; nothing is left behind then.
   */
  write(bytes: Uint8Array): void;
  /** Gives it up, unless it was written; nothing is left behind. */
  discard(): void;
}

/** Why a file could not be written, in words for its user. */
function reason(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "there is no such folder";
  if (error instanceof Deno.errors.IsADirectory) return "is a folder, not a file";
  if (error instanceof Deno.errors.NotADirectory) return "lies below a file, not a folder";
  if (error instanceof Deno.errors.NotCapable) return "may not be written: run with --allow-write";
  if (error instanceof Deno.errors.PermissionDenied) return "may not be written by this user";
  return `can't be written: ${error instanceof Error ? error.message : String(error)}`;
}

/**
 * Prepares a file, so that a path that can't be written is refused before the work and not after it.
 *
 * @param path Its path.
 * @throws {InputError} When it can't be written.
 */
export function createDraft(path: string): Draft {
  const place = /^(.*[\\/])?([^\\/]+)$/s.exec(path);
  if (place === null) throw new InputError(path, "is a folder, not a file");
  const [, folder = "", name] = place;
  // In the same folder, as only there putting it in place is one step.
  const temporary = `${folder}.${name}.${crypto.randomUUID().slice(0, 8)}.part`;
  const refuse = (error: unknown): never => {
    throw new InputError(path, reason(error));
  };
  let file: Deno.FsFile;
  try {
    if (isFolder(path)) throw new Deno.errors.IsADirectory();
    file = Deno.openSync(temporary, { write: true, createNew: true });
  } catch (error) {
    return refuse(error);
  }
  let open = true;
  const discard = (): void => {
    if (!open) return;
    open = false;
    file.close();
    Deno.removeSync(temporary);
  };
  return {
    discard,
    write(bytes: Uint8Array): void {
      try {
        for (let rest = bytes; rest.length > 0;) rest = rest.subarray(file.writeSync(rest));
        // The name must not come before the content, even when the power goes.
        file.syncSync();
        Deno.renameSync(temporary, path);
      } catch (error) {
        discard();
        refuse(error);
      }
      open = false;
      file.close();
    },
  };
}

/**
 * Makes a folder, with those above it, unless it is there.
 *
 * @throws {InputError} When it can't be made.
 */
export function makeFolder(path: string): void {
  try {
    Deno.mkdirSync(path, { recursive: true });
  } catch (error) {
    const taken = error instanceof Deno.errors.AlreadyExists;
    throw new InputError(path, taken ? "is a file, not a folder" : reason(error));
  }
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}
