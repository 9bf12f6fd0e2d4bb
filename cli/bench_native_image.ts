/**
 * The images for bare boards: they are in the source tree and in no package.
 *
 * @module
 */

import { fileURLToPath } from "node:url";

/** A bare image, or why it can't be had. */
export type BareImage = { readonly path: string; readonly bytes: Uint8Array } | {
  readonly why: string;
};

/** Reads an image of `guests/images`. */
export function bareImage(name: string): BareImage {
  try {
    const path = fileURLToPath(new URL(`../guests/images/${name}.elf`, import.meta.url));
    return { path, bytes: Deno.readFileSync(path) };
  } catch {
    return { why: "its image is in the source tree only, and needs --allow-read" };
  }
}

/** The kernel and its ring of tasks for the bare board. */
export function nativeImage(): BareImage {
  return bareImage("relay-s3c2440");
}
