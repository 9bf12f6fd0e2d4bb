/**
 * Counts of the maintenance that the monitor does on TLBs, caches and write buffer.
 *
 * @module
 */

/** How often the monitor did each operation. */
export interface MaintenanceCounts {
  /** Whole data TLB invalidated (c8, c6, 0). */
  dTlbAll: number;
  /** One data TLB entry invalidated (c8, c6, 1). */
  dTlbOne: number;
  /** Whole instruction TLB invalidated (c8, c5, 0). */
  iTlbAll: number;
  /** One instruction TLB entry invalidated (c8, c5, 1). */
  iTlbOne: number;
  /** Write buffer drained (c7, c10, 4). */
  drain: number;
  /** Data cache line invalidated by MVA, cleaned first or not (c7, c14, 1 and c7, c6, 1). */
  dCacheLine: number;
  /** Instruction cache line invalidated by MVA (c7, c5, 1). */
  iCacheLine: number;
  /** Whole instruction cache invalidated (c7, c5, 0). */
  iCacheAll: number;
  /** Data cache line cleaned and invalidated by index (c7, c14, 2). */
  dCacheIndex: number;
}

/** Operations that were done; those that were not are left out. */
export type Maintenance = Partial<MaintenanceCounts>;

/**
 * Counts at zero.
 *
 * @returns New counts.
 */
export function noMaintenance(): MaintenanceCounts {
  return {
    dTlbAll: 0,
    dTlbOne: 0,
    iTlbAll: 0,
    iTlbOne: 0,
    drain: 0,
    dCacheLine: 0,
    iCacheLine: 0,
    iCacheAll: 0,
    dCacheIndex: 0,
  };
}

/**
 * What was done between two counts.
 *
 * @param before The earlier counts.
 * @param after The later ones.
 * @returns A member for an event, none when nothing was done.
 */
export function maintenanceSince(
  before: MaintenanceCounts,
  after: MaintenanceCounts,
): { maintenance?: Maintenance } {
  const maintenance: Maintenance = {};
  let any = false;
  for (const key of Object.keys(after) as (keyof MaintenanceCounts)[]) {
    if (after[key] === before[key]) continue;
    maintenance[key] = after[key] - before[key];
    any = true;
  }
  return any ? { maintenance } : {};
}
