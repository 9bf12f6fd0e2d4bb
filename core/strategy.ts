/**
 * Checkpoint strategies: what is copied, and when. All give the same bytes back (P8).
 *
 * `full` copies every writable page at the checkpoint. `dirty` and `cow` keep clean pages read-only
 * and learn of the first write to each by its permission fault: `dirty` copies what was written at
 * the next checkpoint, `cow` copies the old content at that first write.
 *
 * @module
 */

import type { Domains } from "./domains.ts";
import { MOST, PAGE_REC, PIECE_REC, UNIT, VM } from "./layout.ts";
import { MonitorFault, type Port } from "./port.ts";
import { ROUTINE } from "./routines.ts";
import { LIST, TABLE, type Versions } from "./versions.ts";

/** What a strategy does. All records are addresses in the monitor's memory. */
export interface CheckpointStrategy {
  /**
   * Makes a unit's standby for checkpoint `seq`.
   *
   * @param current The VM is current: its pages may have lines in the cache.
   * @returns Pages copied, or -1 when the pool is empty; nothing is changed then.
   */
  take(vm: number, unit: number, seq: number, current: boolean): number;
  /**
   * The guest writes to a page that is read-only for now.
   *
   * @returns False when the pool is empty; nothing is changed then.
   */
  firstWrite(vm: number, unit: number, page: number): boolean;
  /**
   * A page is about to get another frame: its content at the last checkpoint is kept.
   *
   * @returns True when the active frame itself became that version.
   */
  keep(vm: number, unit: number, page: number): boolean;
  /**
   * After a swap to checkpoint `seq`: the tables name what they should, the standby is whole again.
   *
   * @param moved The pages whose frame changed.
   * @param composed The installed table was the spare, so the other two are to be written anew.
   * @returns Pages copied, or -1 when the pool is empty.
   */
  refresh(
    vm: number,
    unit: number,
    seq: number,
    moved: readonly number[],
    composed: boolean,
  ): number;
  /** Pages of a unit that may have versions; all others have none. */
  versioned(vm: number, unit: number): number[];
  /** Does work that was put off, before a checkpoint or a swap of the unit. */
  settle(vm: number, unit: number): void;
  /** Frees every version of a unit that no kept checkpoint needs, whatever state its page is in. */
  reclaim(vm: number, unit: number): void;
  /** Gives up the standby of a unit: every page may be written, no version is kept. */
  unprotect(vm: number, unit: number): void;
}

/** True when the unit's domain is open in the DACR in force. */
export function isOpen(port: Port, unit: number): boolean {
  return (port.mrc(3, 0, 0) >>> port.read(unit + UNIT.DOMAIN) * 2 & 3) === 1;
}

/** Copies every writable page at every checkpoint: the paper's, and the oracle of the others. */
export class FullStrategy implements CheckpointStrategy {
  /**
   * The strategy of one machine.
   *
   * @param port The monitor's port.
   * @param versions Versions of pages.
   */
  constructor(readonly port: Port, readonly versions: Versions) {}

  /** {@inheritDoc CheckpointStrategy.take} */
  take(vm: number, unit: number, seq: number, current: boolean): number {
    const { port, versions } = this;
    const open = current && isOpen(port, unit);
    const last = port.read(unit + UNIT.LAST);
    let copied = 0;
    let full = false;
    versions.eachWritable(vm, unit, (page) => {
      const frame = full ? 0 : versions.copy(vm, page, seq, open, current);
      if (frame === 0) full = true;
      else {
        versions.setEntry(vm, page, TABLE.SPARE, frame, false);
        copied++;
      }
    });
    if (full) {
      versions.eachWritable(vm, unit, (page) => {
        versions.dropNewer(page, last);
        versions.setEntry(vm, page, TABLE.SPARE, port.read(page + PAGE_REC.ACTIVE), true);
      });
      return -1;
    }
    port.drain();
    // One pointer an exchange: from here on the new set is the standby.
    versions.exchange(vm, unit, TABLE.SPARE, TABLE.BACKUP);
    const live = [...versions.live(vm, unit), seq];
    versions.eachWritable(vm, unit, (page) => versions.trim(page, live));
    return copied;
  }

  /** {@inheritDoc CheckpointStrategy.firstWrite} */
  firstWrite(): boolean {
    return false;
  }

  /** {@inheritDoc CheckpointStrategy.keep} */
  keep(): boolean {
    return false;
  }

  /** {@inheritDoc CheckpointStrategy.refresh} */
  refresh(vm: number, unit: number, seq: number): number {
    return this.take(vm, unit, seq, true);
  }

  /** {@inheritDoc CheckpointStrategy.settle} */
  settle(vm: number, unit: number): void {
    this.reclaim(vm, unit);
  }

  /** {@inheritDoc CheckpointStrategy.versioned} */
  versioned(vm: number, unit: number): number[] {
    return this.versions.writable(vm, unit);
  }

  /** {@inheritDoc CheckpointStrategy.reclaim} */
  reclaim(vm: number, unit: number): void {
    const live = this.versions.live(vm, unit);
    this.versions.eachWritable(vm, unit, (page) => this.versions.trim(page, live));
  }

  /** {@inheritDoc CheckpointStrategy.unprotect} */
  unprotect(vm: number, unit: number): void {
    const { port, versions } = this;
    versions.eachWritable(vm, unit, (page) => {
      versions.trim(page, []);
      const active = port.read(page + PAGE_REC.ACTIVE);
      for (const table of [TABLE.BACKUP, TABLE.SPARE]) {
        versions.setEntry(vm, page, table, active, true);
      }
    });
    port.drain();
  }
}

/** Entries of pages repaired at each first write, besides the page's own. */
const REPAIR_STEP = 2;

/** Keeps clean pages read-only: `dirty` (copies at the checkpoint) and `cow` (at the first write). */
export class TrackingStrategy implements CheckpointStrategy {
  /**
   * The strategy of one machine.
   *
   * @param port The monitor's port.
   * @param versions Versions of pages.
   * @param domains Installs first-level words.
   * @param eager True: copy what was written at the checkpoint; false: at the first write.
   */
  constructor(
    readonly port: Port,
    readonly versions: Versions,
    readonly domains: Domains,
    readonly eager: boolean,
  ) {}

  /** {@inheritDoc CheckpointStrategy.take} */
  take(vm: number, unit: number, seq: number, current: boolean): number {
    const { port, versions } = this;
    this.settle(vm, unit);
    const last = port.read(unit + UNIT.LAST);
    const first = last === 0 || port.read(unit + UNIT.UNPROTECTED) !== 0;
    const dirty = versions.pages(unit, LIST.DIRTY);
    let copied = 0;
    if (this.eager) {
      const open = current && isOpen(port, unit);
      for (const page of dirty) {
        if (versions.copy(vm, page, seq, open, current) === 0) {
          for (const p of dirty) versions.dropNewer(p, last);
          return -1;
        }
        copied++;
      }
    }
    if (first) {
      this.#protectAll(vm, unit);
      for (const page of dirty) versions.delist(unit, page);
      port.publish();
    } else if (port.read(unit + UNIT.DIRTY_HEAD) !== 0) {
      // The spare has every page read-only: one exchange protects them all.
      this.domains.protect(vm, unit);
    }
    return copied;
  }

  /** {@inheritDoc CheckpointStrategy.firstWrite} */
  firstWrite(vm: number, unit: number, page: number): boolean {
    const { port, versions } = this;
    const last = port.read(unit + UNIT.LAST);
    const live = versions.live(vm, unit);
    const active = port.read(page + PAGE_REC.ACTIVE);
    // The page leaves the list in which its versions wait to be freed.
    this.#trimKept(page, live);
    let frame = active;
    if (this.#hasCopy(page, last)) {
      // Clean since its last copy, which therefore serves the newest checkpoint too.
      frame = port.read(page + PAGE_REC.TAIL);
      versions.setTag(frame, last);
    } else if (live.some((c) => c > versions.newestTag(page) && c <= last)) {
      frame = versions.copy(vm, page, last, true, true);
      if (frame === 0) return false;
    }
    versions.setEntry(vm, page, TABLE.SPARE, active, true);
    versions.setEntry(vm, page, TABLE.BACKUP, frame, true);
    versions.setEntry(vm, page, TABLE.ACTIVE, active, false);
    port.write(page + PAGE_REC.WRITTEN, last);
    versions.enlist(unit, LIST.DIRTY, page);
    port.drain();
    port.invalidateDataTlbEntry(versions.mva(vm, page));
    for (let i = 0; i < REPAIR_STEP; i++) {
      const next = port.read(unit + UNIT.REPAIR_HEAD);
      if (next === 0) break;
      this.#repair(vm, unit, next, live);
    }
    return true;
  }

  /** True when a page's newest version has its content of checkpoint `last`. */
  #hasCopy(page: number, last: number): boolean {
    const { port, versions } = this;
    const tag = versions.newestTag(page);
    if (tag === 0) return false;
    // In `cow` a version is older than what was written after it; in `dirty` it is what was written.
    return this.eager ? port.read(page + PAGE_REC.WRITTEN) < tag || tag === last : tag === last;
  }

  /** {@inheritDoc CheckpointStrategy.keep} */
  keep(vm: number, unit: number, page: number): boolean {
    const { port, versions } = this;
    const last = port.read(unit + UNIT.LAST);
    if (last === 0 || port.read(unit + UNIT.UNPROTECTED) !== 0) return false;
    if (port.read(page + PAGE_REC.WRITTEN) === last) return false;
    let kept = false;
    if (this.#hasCopy(page, last)) {
      versions.setTag(port.read(page + PAGE_REC.TAIL), last);
    } else {
      // What the cache holds of it is part of its content, and is thrown away with the replacement.
      port.flushPageLines(versions.mva(vm, page));
      versions.keepActive(page, last);
      kept = true;
    }
    versions.setEntry(vm, page, TABLE.BACKUP, port.read(page + PAGE_REC.TAIL), true);
    port.write(page + PAGE_REC.WRITTEN, last);
    versions.enlist(unit, LIST.DIRTY, page);
    return kept;
  }

  /** {@inheritDoc CheckpointStrategy.refresh} */
  refresh(
    vm: number,
    unit: number,
    _seq: number,
    moved: readonly number[],
    composed: boolean,
  ): number {
    const { port, versions } = this;
    const all = composed ? versions.writable(vm, unit) : moved;
    for (const page of all) {
      const active = port.read(page + PAGE_REC.ACTIVE);
      for (const table of [TABLE.ACTIVE, TABLE.BACKUP, TABLE.SPARE]) {
        versions.setEntry(vm, page, table, active, true);
      }
    }
    for (const page of [...moved, ...versions.pages(unit, LIST.DIRTY)]) {
      // Not clean since that version: its content is another checkpoint's.
      port.write(page + PAGE_REC.WRITTEN, versions.newestTag(page));
      this.#file(unit, page);
    }
    port.drain();
    return 0;
  }

  /** Puts a clean page in the list of those with versions, or in none. */
  #file(unit: number, page: number): void {
    const { port, versions } = this;
    if (port.read(page + PAGE_REC.HEAD) !== 0) versions.enlist(unit, LIST.KEPT, page);
    else if (port.read(page + PAGE_REC.LISTED) !== 0) versions.delist(unit, page);
  }

  /** {@inheritDoc CheckpointStrategy.settle} */
  settle(vm: number, unit: number): void {
    const { port, versions } = this;
    port.routine(ROUTINE.settle);
    const live = versions.live(vm, unit);
    for (let steps = 0;; steps++) {
      const page = port.read(unit + UNIT.REPAIR_HEAD);
      if (page === 0) break;
      // A damaged list may go round.
      if (steps > MOST.PAGES) throw new MonitorFault("a list of pages is damaged");
      this.#repair(vm, unit, page, live);
    }
    for (const page of versions.pages(unit, LIST.KEPT)) {
      this.#trimKept(page, live);
      if (port.read(page + PAGE_REC.HEAD) === 0) versions.delist(unit, page);
    }
  }

  /** {@inheritDoc CheckpointStrategy.versioned} */
  versioned(_vm: number, unit: number): number[] {
    const { versions } = this;
    return [LIST.DIRTY, LIST.REPAIR, LIST.KEPT].flatMap((list) => versions.pages(unit, list));
  }

  /** {@inheritDoc CheckpointStrategy.reclaim} */
  reclaim(vm: number, unit: number): void {
    const { port, versions } = this;
    this.settle(vm, unit);
    const live = versions.live(vm, unit);
    versions.eachWritable(vm, unit, (page) => {
      if (port.read(page + PAGE_REC.HEAD) !== 0) this.#trimKept(page, live);
    });
  }

  /** Standby and spare entries of a page that is clean since the last checkpoint. */
  #repair(vm: number, unit: number, page: number, live: readonly number[]): void {
    const { port, versions } = this;
    const active = port.read(page + PAGE_REC.ACTIVE);
    versions.setEntry(vm, page, TABLE.SPARE, active, true);
    versions.setEntry(vm, page, TABLE.BACKUP, active, true);
    this.#trimKept(page, live);
    this.#file(unit, page);
  }

  /** `dirty` keeps a page's newest copy: it serves the checkpoints until its next first write. */
  #trimKept(page: number, live: readonly number[]): void {
    const newest = this.versions.newestTag(page);
    this.versions.trim(page, this.eager && newest > 0 ? [...live, newest] : live);
  }

  #protectAll(vm: number, unit: number): void {
    const { port, versions } = this;
    versions.eachWritable(vm, unit, (page) => {
      const active = port.read(page + PAGE_REC.ACTIVE);
      for (const table of [TABLE.ACTIVE, TABLE.BACKUP, TABLE.SPARE]) {
        versions.setEntry(vm, page, table, active, true);
      }
      port.write(page + PAGE_REC.WRITTEN, 0);
    });
  }

  /** {@inheritDoc CheckpointStrategy.unprotect} */
  unprotect(vm: number, unit: number): void {
    const { port, versions } = this;
    versions.eachWritable(vm, unit, (page) => {
      versions.trim(page, []);
      if (port.read(page + PAGE_REC.LISTED) !== 0) versions.delist(unit, page);
      const active = port.read(page + PAGE_REC.ACTIVE);
      versions.setEntry(vm, page, TABLE.ACTIVE, active, false);
      versions.setEntry(vm, page, TABLE.BACKUP, active, true);
      versions.setEntry(vm, page, TABLE.SPARE, active, true);
    });
    port.drain();
    port.invalidateDataTlb();
  }
}

/** Tables of a unit's first piece, as `struct vm` of the paper names them. */
export interface UnitTables {
  /** Installed. */
  activePt: number;
  /** The standby's. */
  backupPt: number;
}

/** `activePt` and `backupPt` of a unit (P6). */
export function unitTables(port: Port, vm: number, unit: number): UnitTables {
  const first = port.read(unit + UNIT.FIRST_PIECE);
  const piece = port.read(vm + VM.PIECES) + first * PIECE_REC.SIZE;
  return {
    activePt: port.read(piece + PIECE_REC.A_TABLE),
    backupPt: port.read(piece + PIECE_REC.B_TABLE),
  };
}
