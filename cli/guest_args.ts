/**
 * Guests as they are named on the command line and in a configuration: a shipped image or an ELF
 * file, and a boot argument after a colon.
 *
 * @module
 */

import { guestNames, loadGuest } from "../guests/mod.ts";
import { type GuestSpec, InputError } from "../mod.ts";
import { allowedNames } from "./choices.ts";
import type { Io } from "./io.ts";

/** The image that manages the others. */
export const VM0 = "vm0";
/** Longest name of a VM, in bytes: 16 in the monitor's record, one of them NUL. */
const NAME_BYTES = 15;

/** A guest that was asked for. */
export interface GuestChoice {
  /** Name of the VM. */
  readonly name: string;
  /** Name of a shipped image, or path of an ELF file. */
  readonly image: string;
  /** The image is a shipped one. */
  readonly shipped: boolean;
  /** Boot argument. */
  readonly arg?: string;
  /** Option or key that asked for it, for messages. */
  readonly where: string;
}

/** Shipped images that a user can boot. */
export function bootable(): string[] {
  return guestNames.filter((name) => name !== VM0);
}

/** A name for a VM from the path of its image. */
function nameOf(path: string): string {
  const base = path.replace(/^.*[\\/]/, "").replace(/\.[^.]*$/, "");
  return base.replace(/[^A-Za-z0-9_.-]/g, "-").slice(0, NAME_BYTES) || "guest";
}

/**
 * Reads a guest's name: `ucos-1`, `ucos-3:argument`, `path/guest.elf`, `path/guest.elf:argument`.
 *
 * @param text What was written.
 * @param where Option or key, for messages.
 * @throws {InputError} When it is neither a shipped image nor looks like a path.
 */
export function parseGuest(text: string, where = "GUEST"): GuestChoice {
  const shipped = /^([^:\\/]+)(?::(.*))?$/s.exec(text);
  if (shipped !== null && bootable().includes(shipped[1]!)) {
    const [, name, arg] = shipped;
    return {
      name: name!,
      image: name!,
      shipped: true,
      where,
      ...(arg === undefined ? {} : { arg }),
    };
  }
  // The drive letter of C:\guest.elf is no argument; hence the argument starts after ".elf".
  const path = /^(.*?\.elf)(?::(.*))?$/is.exec(text);
  if (path !== null) {
    const [, image, arg] = path;
    return {
      name: nameOf(image!),
      image: image!,
      shipped: false,
      where,
      ...(arg === undefined ? {} : { arg }),
    };
  }
  if (/[\\/]/.test(text)) return { name: nameOf(text), image: text, shipped: false, where };
  if (shipped?.[1] === VM0) {
    throw new InputError(where, `"${VM0}" is always there and is not named`, "see --no-vm0");
  }
  throw new InputError(
    where,
    `there is no guest "${text}"`,
    `${allowedNames(shipped?.[1] ?? text, bootable())}, or the path of an ELF file`,
  );
}

/**
 * Loads the images of guests and gives each VM a name of its own.
 *
 * @param choices The guests.
 * @param io The outside.
 * @throws {InputError} When a file can't be read.
 */
export async function loadGuests(choices: readonly GuestChoice[], io: Io): Promise<GuestSpec[]> {
  const taken = new Set([VM0]);
  const specs: GuestSpec[] = [];
  for (const { name, image, shipped, arg } of choices) {
    let unique = name;
    for (let n = 2; taken.has(unique); n++) {
      unique = `${name.slice(0, NAME_BYTES - 1 - String(n).length)}.${n}`;
    }
    taken.add(unique);
    const bytes = shipped ? await loadGuest(image) : io.read(image);
    specs.push({ name: unique, image: bytes, ...(arg === undefined ? {} : { arg }) });
  }
  return specs;
}
