/**
 * Laboratories of shipped guests, for the tests of the guests.
 *
 * @module
 */

import { type GuestSpec, Lab } from "../core/lab.ts";
import type { TraceEvent } from "../core/trace.ts";
import { loadGuest } from "../guests/mod.ts";

/** Guests of a laboratory, as `NAME` or `NAME:ARGUMENT`. */
export async function specs(...guests: readonly string[]): Promise<GuestSpec[]> {
  return await Promise.all(guests.map(async (text) => {
    const [name, arg = ""] = text.split(/:(.*)/s);
    return { name, image: await loadGuest(name), arg };
  }));
}

/** What happens in a laboratory without VM0. */
export async function events(time: string, ...guests: readonly string[]): Promise<TraceEvent[]> {
  using lab = await Lab.create({ guests: await specs(...guests) });
  return await Array.fromAsync(lab.run({ for: time }));
}

/** The console lines of a VM. */
export function lines(trace: readonly TraceEvent[], vm: string): string[] {
  return trace.flatMap((e) => e.type === "console" && e.vm === vm ? [e.text] : []);
}
