/**
 * The monitor's log: the last faults, recoveries and state changes, in its own memory, where VM0
 * reads them.
 *
 * @module
 */

import { GLOBAL, LOG_ENTRIES, MAP } from "./layout.ts";
import type { Port } from "./port.ts";
import { LOG_FIELDS } from "./vmi.ts";

/** Bytes of an entry in the monitor's memory. */
export const LOG_ENTRY = 32;

/** Values of an entry, by the names of LOG_FIELDS. */
export interface LogEntry {
  /** VM number. */
  vm: number;
  /** Task number, 0xffffffff: none. */
  task: number;
  /** LOG_WHAT. */
  what: number;
  /** Number in LOG_FAULTS or LOG_ACTIONS, state, or number of a refused hypercall. */
  detail: number;
  /** PC of a fault, otherwise 0. */
  address: number;
}

/** Adds an entry, over the oldest when the log is full. */
export function writeLog(port: Port, ns: number, entry: LogEntry): void {
  const count = port.read(MAP.GLOBAL + GLOBAL.LOG_COUNT);
  const at = MAP.LOG + (count % LOG_ENTRIES) * LOG_ENTRY;
  const values = [
    ns >>> 0,
    Math.floor(ns / 0x1_0000_0000),
    entry.vm,
    entry.task,
    entry.what,
    entry.detail,
    entry.address,
  ];
  values.forEach((value, i) => port.write(at + i * 4, value >>> 0));
  port.write(MAP.GLOBAL + GLOBAL.LOG_COUNT, (count + 1) >>> 0);
}

/** Words of the `index`-th newest entry, undefined when there are not so many. */
export function readLog(port: Port, index: number): number[] | undefined {
  const count = port.read(MAP.GLOBAL + GLOBAL.LOG_COUNT);
  if (index >= Math.min(count, LOG_ENTRIES)) return undefined;
  const at = MAP.LOG + ((count - 1 - index) % LOG_ENTRIES) * LOG_ENTRY;
  return LOG_FIELDS.map((_, i) => port.read(at + i * 4));
}
