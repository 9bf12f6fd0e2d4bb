/**
 * Checks of page tables against the monitor's records, and their repair (R7).
 *
 * @module
 */

import { masterEntry, unitOf } from "./domains.ts";
import {
  GLOBAL,
  MAP,
  MAX_VMS,
  MOST,
  PAGE_FLAG,
  PAGE_REC,
  PIECE_REC,
  STRATEGY,
  UNIT,
  VM,
} from "./layout.ts";
import { coarseDescriptor } from "./pagetable.ts";
import { MonitorFault, type Port } from "./port.ts";
import { ROUTINE } from "./routines.ts";
import type { Versions } from "./versions.ts";
import { pageDescriptor, pageStamp } from "./vm.ts";

/** A descriptor that was not what the records say. */
export interface RepairedEntry {
  /** VM record. */
  vm: number;
  /** Unit record. */
  unit: number;
  /** Physical address of the descriptor. */
  address: number;
  /** What stood there. */
  found: number;
  /** What the records say, written back. */
  expected: number;
}

/** Checks descriptors and rebuilds them from the records. */
export class TableCheck {
  readonly #port: Port;
  readonly #versions: Versions;

  /**
   * A check of all tables.
   *
   * @param port The monitor's port.
   * @param versions Page records.
   */
  constructor(port: Port, versions: Versions) {
    this.#port = port;
    this.#versions = versions;
  }

  /**
   * Checks the two descriptors that map a guest address.
   *
   * @returns What was repaired; empty when both were right or the guest has no page there.
   * @throws {MonitorFault} When the records themselves are damaged.
   */
  check(vm: number, va: number): RepairedEntry[] {
    const port = this.#port;
    const piece = port.read(vm + VM.PIECE_MAP + (va >>> 20 & 31) * 4);
    if (piece === 0) return [];
    const repaired = this.#checkMaster(vm, piece);
    const page = this.#versions.pageAt(vm, va);
    if (page !== 0) repaired.push(...this.#checkPage(vm, piece, page));
    if (repaired.length > 0) this.#flush();
    return repaired;
  }

  /**
   * The steps of the scrubber that are due.
   *
   * @param passed Ticks since it was last asked.
   * @returns What was repaired.
   */
  scrubDue(passed: number): RepairedEntry[] {
    const port = this.#port;
    const every = port.read(MAP.GLOBAL + GLOBAL.SCRUB_EVERY);
    if (every === 0) return [];
    const ticks = port.read(MAP.GLOBAL + GLOBAL.TICKS);
    const repaired: RepairedEntry[] = [];
    for (let due = Math.floor((ticks - passed) / every); due < Math.floor(ticks / every); due++) {
      repaired.push(...this.scrub());
    }
    return repaired;
  }

  /**
   * One step of the scrubber: the descriptors of one piece of one VM, then the next.
   *
   * @returns What was repaired.
   */
  scrub(): RepairedEntry[] {
    const port = this.#port;
    port.routine(ROUTINE.scrub);
    const g = MAP.GLOBAL;
    let id = port.read(g + GLOBAL.SCRUB_VM);
    let index = port.read(g + GLOBAL.SCRUB_PIECE);
    for (let i = 0; i < MAX_VMS; i++) {
      const vm = port.read(MAP.VM_TABLE + id * 4);
      if (vm !== 0 && index < port.count(vm + VM.PIECE_COUNT, MOST.PIECES)) {
        port.write(g + GLOBAL.SCRUB_VM, id);
        port.write(g + GLOBAL.SCRUB_PIECE, index + 1);
        return this.#scrubPiece(vm, port.read(vm + VM.PIECES) + index * PIECE_REC.SIZE);
      }
      id = (id + 1) % MAX_VMS;
      index = 0;
    }
    return [];
  }

  #scrubPiece(vm: number, piece: number): RepairedEntry[] {
    const port = this.#port;
    const repaired = this.#checkMaster(vm, piece);
    const first = port.read(piece + PIECE_REC.FIRST_PAGE);
    const count = port.count(piece + PIECE_REC.PAGE_COUNT, MOST.PAGES);
    for (let i = first; i < first + count; i++) {
      const page = port.read(vm + VM.PAGES) + i * PAGE_REC.SIZE;
      repaired.push(...this.#checkPage(vm, piece, page));
    }
    if (repaired.length > 0) this.#flush();
    return repaired;
  }

  #checkMaster(vm: number, piece: number): RepairedEntry[] {
    const port = this.#port;
    const unit = unitOf(vm, port.read(piece + PIECE_REC.UNIT));
    const address = masterEntry(port.read(vm + VM.ID), port.read(piece + PIECE_REC.VA));
    const domain = port.read(unit + UNIT.DOMAIN);
    const expected = coarseDescriptor(port.read(piece + PIECE_REC.A_TABLE), domain);
    const found = port.read(address);
    if (found === expected) return [];
    port.write(address, expected);
    return [{ vm, unit, address, found, expected }];
  }

  #checkPage(vm: number, piece: number, page: number): RepairedEntry[] {
    const port = this.#port;
    const word = port.read(page + PAGE_REC.VA);
    const active = port.read(page + PAGE_REC.ACTIVE);
    if (port.read(page + PAGE_REC.STAMP) !== pageStamp(word, active)) {
      throw new MonitorFault(`page record at 0x${page.toString(16)} is damaged`);
    }
    const unit = unitOf(vm, port.read(page + PAGE_REC.UNIT));
    const address = port.read(piece + PIECE_REC.A_TABLE) + (word >>> 12 & 255) * 4;
    const expected = pageDescriptor(active, word, this.#readOnly(unit, page, word));
    const found = port.read(address);
    if (found === expected) return [];
    port.write(address, expected);
    return [{ vm, unit, address, found, expected }];
  }

  /** I2: a writable page is read-only as long as it is clean. */
  #readOnly(unit: number, page: number, word: number): boolean {
    const port = this.#port;
    if ((word & PAGE_FLAG.WRITABLE) === 0) return false;
    const strategy = port.read(MAP.GLOBAL + GLOBAL.STRATEGY);
    if (strategy !== STRATEGY.DIRTY && strategy !== STRATEGY.COW) return false;
    const last = port.read(unit + UNIT.LAST);
    if (last === 0 || port.read(unit + UNIT.UNPROTECTED) !== 0) return false;
    return port.read(page + PAGE_REC.WRITTEN) !== last;
  }

  #flush(): void {
    this.#port.drain();
    this.#port.invalidateDataTlb();
    this.#port.invalidateInstructionTlb();
  }
}
