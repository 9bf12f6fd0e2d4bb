/**
 * Versions of pages: chains of frames, oldest first, and the lists of pages that have work pending.
 *
 * The content of a page at checkpoint c is its oldest version with tag >= c, or the active frame
 * where there is none (I1). One version serves task and guest checkpoints alike.
 *
 * @module
 */

import { unitOf } from "./domains.ts";
import { frameRecord, type Frames } from "./frames.ts";
import {
  CUT,
  FRAME,
  FRAME_STATE,
  GLOBAL,
  MAP,
  MAX_GENERATIONS,
  MOST,
  PAGE_FLAG,
  PAGE_REC,
  PIECE_REC,
  RING,
  UNIT,
  VM,
} from "./layout.ts";
import { MonitorFault, type Port } from "./port.ts";
import { pageDescriptor, setActive, slotMva } from "./vm.ts";

/** Lists of a unit, by the offset of their head. */
export const LIST = {
  DIRTY: UNIT.DIRTY_HEAD,
  REPAIR: UNIT.REPAIR_HEAD,
  KEPT: UNIT.KEPT_HEAD,
} as const;

const LISTS = [LIST.DIRTY, LIST.REPAIR, LIST.KEPT];

/** Tables of a piece, by the offset of their pointer. */
export const TABLE = {
  ACTIVE: PIECE_REC.A_TABLE,
  BACKUP: PIECE_REC.B_TABLE,
  SPARE: PIECE_REC.C_TABLE,
} as const;

/** A version and the one before it in the chain (0: none). */
export interface FoundVersion {
  /** Frame, 0 when no version is that new. */
  frame: number;
  /** Frame of the next older version, 0: none. */
  previous: number;
}

/** Chains, lists and table entries of pages. */
export class Versions {
  readonly #port: Port;
  readonly #frames: Frames;

  /**
   * Versions of all pages.
   *
   * @param port The monitor's port.
   * @param frames Its allocators.
   */
  constructor(port: Port, frames: Frames) {
    this.#port = port;
    this.#frames = frames;
  }

  // --- records ---------------------------------------------------------------------------------

  /** Visits the writable pages of a unit. */
  eachWritable(vm: number, unit: number, visit: (page: number) => void): void {
    const port = this.#port;
    const first = port.read(unit + UNIT.FIRST_PAGE);
    const count = port.count(unit + UNIT.PAGE_COUNT, MOST.PAGES);
    for (let i = first; i < first + count; i++) {
      const page = port.read(vm + VM.PAGES) + i * PAGE_REC.SIZE;
      if ((port.read(page + PAGE_REC.VA) & PAGE_FLAG.WRITABLE) !== 0) visit(page);
    }
  }

  /** Visits the pieces of a unit. */
  eachPiece(vm: number, unit: number, visit: (piece: number, index: number) => void): void {
    const port = this.#port;
    const first = port.read(unit + UNIT.FIRST_PIECE);
    const count = port.count(unit + UNIT.PIECE_COUNT, MOST.PIECES);
    for (let i = first; i < first + count; i++) {
      visit(port.read(vm + VM.PIECES) + i * PIECE_REC.SIZE, i);
    }
  }

  /** Page record at a guest address of a VM, 0: none. */
  pageAt(vm: number, va: number): number {
    const port = this.#port;
    const piece = port.read(vm + VM.PIECE_MAP + (va >>> 20 & 31) * 4);
    if (piece === 0) return 0;
    const slot = va >>> 12 & 255;
    const pair = port.read(port.read(piece + PIECE_REC.MAP) + (slot >>> 1) * 4);
    const index = (slot & 1) !== 0 ? pair >>> 16 : pair & 0xffff;
    return index === 0 ? 0 : port.read(vm + VM.PAGES) + (index - 1) * PAGE_REC.SIZE;
  }

  /** MVA of a page. */
  mva(vm: number, page: number): number {
    const port = this.#port;
    return slotMva(port.read(vm + VM.ID), (port.read(page + PAGE_REC.VA) & ~4095) >>> 0);
  }

  /** Writes a page's entry in one of the tables of its piece. */
  setEntry(vm: number, page: number, table: number, frame: number, readOnly: boolean): void {
    const port = this.#port;
    const piece = port.read(vm + VM.PIECES) + port.read(page + PAGE_REC.PIECE) * PIECE_REC.SIZE;
    const word = port.read(page + PAGE_REC.VA);
    const entry = port.read(piece + table) + (word >>> 12 & 255) * 4;
    port.write(entry, pageDescriptor(frame, word, readOnly));
  }

  /** Exchanges two tables of every piece of a unit. */
  exchange(vm: number, unit: number, one: number, other: number): void {
    const port = this.#port;
    this.eachPiece(vm, unit, (piece) => {
      const first = port.read(piece + one);
      port.write(piece + one, port.read(piece + other));
      port.write(piece + other, first);
    });
  }

  // --- chains ----------------------------------------------------------------------------------

  /**
   * Copies the active content of a page to a new version with tag `tag`.
   *
   * @param open The page can be read at its slot MVA with User permission.
   * @param cached The VM is current, so lines of the page may be dirty in the cache.
   * @returns The frame, 0 when the pool is empty.
   */
  copy(vm: number, page: number, tag: number, open: boolean, cached: boolean): number {
    const port = this.#port;
    const index = (page - port.read(vm + VM.PAGES)) / PAGE_REC.SIZE;
    const active = port.read(page + PAGE_REC.ACTIVE);
    const frame = this.#frames.take(FRAME_STATE.VERSION, port.read(vm + VM.ID), index, active);
    if (frame === 0) return 0;
    const mva = this.mva(vm, page);
    if (open) {
      port.copyOut(mva, frame);
    } else {
      if (cached) port.flushPageLines(mva);
      port.copyFrame(active, frame);
    }
    port.add(this.unit(vm, page) + UNIT.COPIES, 1);
    if (this.checksums) port.sumFrame(frame, frameRecord(frame) + FRAME.STAMP);
    this.append(page, frame, tag);
    return frame;
  }

  /** Versions carry checksums. */
  get checksums(): boolean {
    return this.#port.read(MAP.GLOBAL + GLOBAL.CHECKSUMS) !== 0;
  }

  /** True when a version's content is what was copied (always, without checksums). */
  intact(frame: number): boolean {
    if (!this.checksums) return true;
    return this.#port.read(frameRecord(frame) + FRAME.STAMP) === this.#port.sumFrame(frame);
  }

  /** Unit record of a page. */
  unit(vm: number, page: number): number {
    return unitOf(this.#port, vm, this.#port.read(page + PAGE_REC.UNIT));
  }

  /** Adds the newest version of a page. */
  append(page: number, frame: number, tag: number): void {
    const port = this.#port;
    const record = frameRecord(frame);
    port.write(record + FRAME.TAG, tag);
    port.write(record + FRAME.NEXT, 0);
    const tail = port.read(page + PAGE_REC.TAIL);
    if (tail === 0) port.write(page + PAGE_REC.HEAD, frame);
    else port.write(frameRecord(tail) + FRAME.NEXT, frame);
    port.write(page + PAGE_REC.TAIL, frame);
  }

  /** Versions of a page. */
  count(page: number): number {
    const port = this.#port;
    let n = 0;
    for (
      let f = port.read(page + PAGE_REC.HEAD);
      f !== 0;
      f = port.read(frameRecord(f) + FRAME.NEXT)
    ) {
      this.#bound(++n, MOST.VERSIONS);
    }
    return n;
  }

  /** A damaged chain may go round: it has an end here. */
  #bound(steps: number, most: number): void {
    if (steps > most) throw new MonitorFault("a chain of page records is damaged");
  }

  /** Changes the tag of a version. */
  setTag(frame: number, tag: number): void {
    this.#port.write(frameRecord(frame) + FRAME.TAG, tag);
  }

  /** Tag of a page's newest version, 0: no version. */
  newestTag(page: number): number {
    const tail = this.#port.read(page + PAGE_REC.TAIL);
    return tail === 0 ? 0 : this.#port.read(frameRecord(tail) + FRAME.TAG);
  }

  /** I1: the oldest version with tag >= seq. */
  at(page: number, seq: number): FoundVersion {
    const port = this.#port;
    let previous = 0;
    let steps = 0;
    for (let frame = port.read(page + PAGE_REC.HEAD); frame !== 0;) {
      this.#bound(++steps, MOST.VERSIONS);
      if (port.read(frameRecord(frame) + FRAME.TAG) >= seq) return { frame, previous };
      previous = frame;
      frame = port.read(frameRecord(frame) + FRAME.NEXT);
    }
    return { frame: 0, previous };
  }

  /** A version takes the active frame's place; it and all newer ones leave the chain. */
  makeActive(page: number, version: FoundVersion): void {
    const port = this.#port;
    const { frame, previous } = version;
    this.#frames.give(port.read(page + PAGE_REC.ACTIVE));
    let steps = 0;
    for (let f = port.read(frameRecord(frame) + FRAME.NEXT); f !== 0;) {
      this.#bound(++steps, MOST.VERSIONS);
      const next = port.read(frameRecord(f) + FRAME.NEXT);
      this.#frames.give(f);
      f = next;
    }
    if (previous === 0) port.write(page + PAGE_REC.HEAD, 0);
    else port.write(frameRecord(previous) + FRAME.NEXT, 0);
    port.write(page + PAGE_REC.TAIL, previous);
    this.#frames.setState(frame, FRAME_STATE.ACTIVE);
    port.write(frameRecord(frame) + FRAME.NEXT, 0);
    setActive(port, page, frame);
  }

  /** Makes the active frame the newest version; the caller gives the page another. */
  keepActive(page: number, tag: number): void {
    const frame = this.#port.read(page + PAGE_REC.ACTIVE);
    this.#frames.setState(frame, FRAME_STATE.VERSION);
    if (this.checksums) this.#port.sumFrame(frame, frameRecord(frame) + FRAME.STAMP);
    this.append(page, frame, tag);
  }

  /** Checkpoints that a unit's versions must serve: the cuts and its own, ascending. */
  live(vm: number, unit: number): number[] {
    const port = this.#port;
    const live: number[] = [];
    const size = port.read(vm + VM.CUT_SIZE);
    const cuts = port.read(vm + VM.CUTS);
    const generations = port.count(MAP.GLOBAL + GLOBAL.GENERATIONS, MAX_GENERATIONS);
    for (let i = 0; i < generations; i++) {
      const seq = port.read(cuts + i * size + CUT.SEQ);
      if (seq !== 0) live.push(seq);
    }
    const taking = port.read(vm + VM.TAKING);
    if (taking !== 0) live.push(taking);
    const count = Math.min(port.count(unit + UNIT.RING_COUNT, MAX_GENERATIONS), MAX_GENERATIONS);
    const head = port.read(unit + UNIT.RING_HEAD);
    for (let g = 0; g < count; g++) {
      const at = (head + generations - g) % generations;
      live.push(port.read(unit + UNIT.RING + at * RING.SIZE + RING.SEQ));
    }
    return live.sort((a, b) => a - b);
  }

  /** Frees the versions of a page that no checkpoint of `live` needs. */
  trim(page: number, live: readonly number[]): void {
    const port = this.#port;
    let before = 0;
    let previous = 0;
    let steps = 0;
    for (let frame = port.read(page + PAGE_REC.HEAD); frame !== 0;) {
      this.#bound(++steps, MOST.VERSIONS);
      const record = frameRecord(frame);
      const next = port.read(record + FRAME.NEXT);
      const tag = port.read(record + FRAME.TAG);
      if (live.some((c) => c > before && c <= tag)) {
        previous = frame;
        before = tag;
      } else {
        this.#unlinkVersion(page, previous, frame, next);
        this.#frames.give(frame);
      }
      frame = next;
    }
  }

  /** Frees the versions of a page newer than `seq` (an unfinished checkpoint). */
  dropNewer(page: number, seq: number): void {
    const port = this.#port;
    let previous = 0;
    let steps = 0;
    for (let frame = port.read(page + PAGE_REC.HEAD); frame !== 0;) {
      this.#bound(++steps, MOST.VERSIONS);
      const next = port.read(frameRecord(frame) + FRAME.NEXT);
      if (port.read(frameRecord(frame) + FRAME.TAG) > seq) {
        this.#unlinkVersion(page, previous, frame, next);
        this.#frames.give(frame);
      } else {
        previous = frame;
      }
      frame = next;
    }
  }

  #unlinkVersion(page: number, previous: number, frame: number, next: number): void {
    const port = this.#port;
    if (previous === 0) port.write(page + PAGE_REC.HEAD, next);
    else port.write(frameRecord(previous) + FRAME.NEXT, next);
    if (port.read(page + PAGE_REC.TAIL) === frame) port.write(page + PAGE_REC.TAIL, previous);
  }

  // --- lists -----------------------------------------------------------------------------------

  /** Puts a page at the head of a list of its unit; it leaves the list it was in. */
  enlist(unit: number, list: number, page: number): void {
    const port = this.#port;
    if (port.read(page + PAGE_REC.LISTED) !== 0) this.delist(unit, page);
    const head = port.read(unit + list);
    port.write(page + PAGE_REC.NEXT, head);
    port.write(page + PAGE_REC.PREVIOUS, 0);
    port.write(page + PAGE_REC.LISTED, 1);
    if (head !== 0) port.write(head + PAGE_REC.PREVIOUS, page);
    port.write(unit + list, page);
  }

  /** Takes a page out of the list it is in. */
  delist(unit: number, page: number): void {
    const port = this.#port;
    const next = port.read(page + PAGE_REC.NEXT);
    const previous = port.read(page + PAGE_REC.PREVIOUS);
    if (previous !== 0) port.write(previous + PAGE_REC.NEXT, next);
    else {
      for (const list of LISTS) {
        if (port.read(unit + list) === page) port.write(unit + list, next);
      }
    }
    if (next !== 0) port.write(next + PAGE_REC.PREVIOUS, previous);
    port.write(page + PAGE_REC.LISTED, 0);
  }

  /** The pages of a list, first to last. */
  pages(unit: number, list: number): number[] {
    const port = this.#port;
    const pages: number[] = [];
    for (let page = port.read(unit + list); page !== 0; page = port.read(page + PAGE_REC.NEXT)) {
      this.#bound(pages.push(page), MOST.PAGES);
    }
    return pages;
  }
}
