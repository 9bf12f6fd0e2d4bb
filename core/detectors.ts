/**
 * Detectors of errors that raise no exception: a hung guest, a storm of refused hypercalls.
 *
 * @module
 */

import { GLOBAL, MAP, VM } from "./layout.ts";
import type { Port } from "./port.ts";
import { VM_STATE } from "./vmi.ts";

/** Cycles that a VM has run. */
export function ownCycles(port: Port, vm: number): number {
  const ran = port.read(MAP.GLOBAL + GLOBAL.CURRENT) === vm
    ? port.now - port.read64(MAP.GLOBAL + GLOBAL.SLICE_START)
    : 0;
  return port.read64(vm + VM.CYCLES) + ran;
}

/**
 * True for a running VM that neither rested nor kicked its watchdog for a period. That is a period of its
 * own time: one that others keep from running does not hang.
 */
export function watchdogDue(port: Port, vm: number): boolean {
  const period = port.read64(vm + VM.WATCHDOG);
  if (period === 0 || port.read(vm + VM.STATE) !== VM_STATE.RUNNING) return false;
  const kicked = port.read64(vm + VM.KICKED);
  const cycles = ownCycles(port, vm);
  if (port.read64(vm + VM.KICK_SEEN) === kicked) {
    return cycles - port.read64(vm + VM.KICK_CYCLES) > period;
  }
  port.write64(vm + VM.KICK_SEEN, kicked);
  port.write64(vm + VM.KICK_CYCLES, cycles);
  return false;
}

/** Counts a refused hypercall; true when there were too many in the window. */
export function stormDue(port: Port, vm: number): boolean {
  const limit = port.read(MAP.GLOBAL + GLOBAL.STORM_LIMIT);
  if (limit === 0) return false;
  const window = port.read(MAP.GLOBAL + GLOBAL.STORM_WINDOW);
  if (port.now - port.read64(vm + VM.STORM_START) > window) {
    port.write64(vm + VM.STORM_START, port.now);
    port.write(vm + VM.STORM_COUNT, 0);
  }
  if (port.add(vm + VM.STORM_COUNT, 1) < limit) return false;
  port.write(vm + VM.STORM_COUNT, 0);
  return true;
}
