/**
 * The flash image: a directory and the guests' ELF files, as a production tool would program it.
 *
 * @module
 */

import { InputError } from "./errors.ts";
import { hashBytes } from "./hash.ts";
import { FLASH_DIR, FLASH_MAGIC } from "./layout.ts";

/** An image to be put in flash. */
export interface FlashEntry {
  /** Name, 1 to 15 letters, digits, _ . - */
  readonly name: string;
  /** The ELF file. */
  readonly image: Uint8Array;
  /** Boot argument, at most 254 ASCII characters. */
  readonly argument: string;
}

/** Bytes of the NOR flash. */
export const FLASH_SIZE = 0x100_0000;

/**
 * Builds the flash contents.
 *
 * @param entries The images; VM0's first when there is one.
 * @param hasVm0 The first image is VM0's.
 * @throws {InputError} When a name or an argument can't be stored, or the images don't fit.
 */
export function buildFlash(entries: readonly FlashEntry[], hasVm0: boolean): Uint8Array {
  let offset = FLASH_DIR.ENTRIES + entries.length * FLASH_DIR.ENTRY_SIZE;
  const places = entries.map((entry) => {
    checkText(entry);
    const at = offset;
    offset = (offset + entry.image.length + 3) & ~3;
    return at;
  });
  if (offset > FLASH_SIZE) {
    throw new InputError("guests", `${offset} bytes of images`, `allowed: ${FLASH_SIZE}`);
  }
  const flash = new Uint8Array(offset);
  const view = new DataView(flash.buffer);
  view.setUint32(FLASH_DIR.MAGIC, FLASH_MAGIC, true);
  view.setUint32(FLASH_DIR.COUNT, entries.length, true);
  view.setUint32(FLASH_DIR.HAS_VM0, hasVm0 ? 1 : 0, true);
  entries.forEach((entry, i) => {
    const at = FLASH_DIR.ENTRIES + i * FLASH_DIR.ENTRY_SIZE;
    writeAscii(flash, at + FLASH_DIR.NAME, entry.name);
    view.setUint32(at + FLASH_DIR.OFFSET, places[i], true);
    view.setUint32(at + FLASH_DIR.LENGTH, entry.image.length, true);
    writeAscii(flash, at + FLASH_DIR.HASH, hashBytes(entry.image));
    writeAscii(flash, at + FLASH_DIR.ARGUMENT, entry.argument);
    flash.set(entry.image, places[i]);
  });
  return flash;
}

function checkText(entry: FlashEntry): void {
  if (!/^[A-Za-z0-9_.-]{1,15}$/.test(entry.name)) {
    throw new InputError(
      `guest "${entry.name}"`,
      "bad name",
      "allowed: 1 to 15 letters, digits, _ . -",
    );
  }
  if (!/^[\x20-\x7e]{0,254}$/.test(entry.argument)) {
    throw new InputError(
      `guest "${entry.name}"`,
      "bad boot argument",
      "allowed: at most 254 printable ASCII characters",
    );
  }
}

function writeAscii(bytes: Uint8Array, at: number, text: string): void {
  for (let i = 0; i < text.length; i++) bytes[at + i] = text.charCodeAt(i);
}
