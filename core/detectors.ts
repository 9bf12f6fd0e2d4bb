/**
 * Detectors of errors that raise no exception: a hung guest, a storm of refused hypercalls.
 *
 * @module
 */

import { GLOBAL, MAP, VM } from "./layout.ts";
import type { Port } from "./port.ts";
import { VM_STATE } from "./vmi.ts";

/**
 * True for a running VM that neither rested nor kicked its watchdog for a period. That is a period of its
 * own time: one that others keep from running does not hang.
 */
export function watchdogDue(port: Port, vm: number): boolean {
  const period = port.read(vm + VM.WATCHDOG);
  return period !== 0 && port.read(vm + VM.STATE) === VM_STATE.RUNNING &&
    port.read(vm + VM.UNKICKED) > period;
}

/** Counts a refused hypercall; true when there were too many in the window. */
export function stormDue(port: Port, vm: number): boolean {
  const limit = port.read(MAP.GLOBAL + GLOBAL.STORM_LIMIT);
  if (limit === 0) return false;
  const window = port.read(MAP.GLOBAL + GLOBAL.STORM_WINDOW);
  const ticks = port.read(MAP.GLOBAL + GLOBAL.TICKS);
  if ((ticks - port.read(vm + VM.STORM_START)) >>> 0 > window) {
    port.write(vm + VM.STORM_START, ticks);
    port.write(vm + VM.STORM_COUNT, 0);
  }
  if (port.add(vm + VM.STORM_COUNT, 1) < limit) return false;
  port.write(vm + VM.STORM_COUNT, 0);
  return true;
}
