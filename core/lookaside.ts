/**
 * Look-aside tables of the host: what lets a load or store of the interpreter (and of a translator)
 * reach RAM without asking the MMU. They hold nothing that the 64 entries of the data TLB do not
 * hold at that moment, so they can be dropped at any time without effect on the machine.
 *
 * Four tables, one for each access kind and privilege, with a word for every 4 KB of virtual address
 * space. The word is what must be added to a virtual address to get the byte offset in
 * {@linkcode HostMemory}; an odd word is invalid. So `((va | word) & (size - 1)) === 0` (with
 * `& 1` for bytes) sends misalignment, devices and misses to the slow path with one test.
 *
 * @module
 */
import type { HostMemory } from "./memory.ts";

/** Pages of the virtual address space. */
export const VIRTUAL_PAGES = 0x100000;
/** Bytes that the tables take from {@linkcode HostMemory}. */
export const LOOKASIDE_BYTES: number = 4 * 4 * VIRTUAL_PAGES;
/** A word that reaches nothing. */
export const UNREACHABLE = 1;

/** Remembered pages; with more than these the tables are emptied. */
const FILLED_MAX = 8192;

/** The four tables. */
export class Lookaside {
  /** Index in `HostMemory.i32` of the table for privileged reads. */
  readonly readPrivileged: number;
  /** Index in `HostMemory.i32` of the table for reads with user permission. */
  readonly readUser: number;
  /** Index in `HostMemory.i32` of the table for privileged writes. */
  readonly writePrivileged: number;
  /** Index in `HostMemory.i32` of the table for writes with user permission. */
  readonly writeUser: number;
  readonly #i32: Int32Array<ArrayBuffer>;
  readonly #filled: Int32Array = new Int32Array(FILLED_MAX);
  #count = 0;

  /**
   * Makes empty tables.
   *
   * @param memory Where to take {@linkcode LOOKASIDE_BYTES} from.
   */
  constructor(memory: HostMemory) {
    const first = memory.take(LOOKASIDE_BYTES) >>> 2;
    this.#i32 = memory.i32;
    this.readPrivileged = first;
    this.readUser = first + VIRTUAL_PAGES;
    this.writePrivileged = first + 2 * VIRTUAL_PAGES;
    this.writeUser = first + 3 * VIRTUAL_PAGES;
    this.#i32.fill(UNREACHABLE, first, first + 4 * VIRTUAL_PAGES);
  }

  /**
   * Sets the four words of a page. What can be written can be read, so the words for reads tell
   * whether the page is remembered already.
   *
   * @param page Virtual address >>> 12.
   * @param readPrivileged Word for privileged reads, and so on: an addend or {@linkcode UNREACHABLE}.
   */
  set(
    page: number,
    readPrivileged: number,
    readUser: number,
    writePrivileged: number,
    writeUser: number,
  ): void {
    const i32 = this.#i32;
    if ((i32[this.readPrivileged + page] & i32[this.readUser + page] & 1) !== 0) {
      if (this.#count === FILLED_MAX) this.flush();
      this.#filled[this.#count++] = page;
    }
    i32[this.readPrivileged + page] = readPrivileged;
    i32[this.readUser + page] = readUser;
    i32[this.writePrivileged + page] = writePrivileged;
    i32[this.writeUser + page] = writeUser;
  }

  /** Empties the words of `count` pages from `page` on. */
  drop(page: number, count: number): void {
    for (let i = page; i < page + count; i++) this.#clear(i);
  }

  /** Empties all tables. */
  flush(): void {
    for (let i = 0; i < this.#count; i++) this.#clear(this.#filled[i]);
    this.#count = 0;
  }

  /** Empties the words of the pages below `page`. */
  flushBelow(page: number): void {
    let kept = 0;
    for (let i = 0; i < this.#count; i++) {
      const p = this.#filled[i];
      if (p < page) this.#clear(p);
      else this.#filled[kept++] = p;
    }
    this.#count = kept;
  }

  /** Empties the tables for writes, so that the next write to each page is looked at. */
  flushWrites(): void {
    const i32 = this.#i32;
    for (let i = 0; i < this.#count; i++) {
      i32[this.writePrivileged + this.#filled[i]] = UNREACHABLE;
      i32[this.writeUser + this.#filled[i]] = UNREACHABLE;
    }
  }

  #clear(page: number): void {
    const i32 = this.#i32;
    i32[this.readPrivileged + page] = UNREACHABLE;
    i32[this.readUser + page] = UNREACHABLE;
    i32[this.writePrivileged + page] = UNREACHABLE;
    i32[this.writeUser + page] = UNREACHABLE;
  }
}
