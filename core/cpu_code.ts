/**
 * Decoded instructions, by physical page and instruction set. A page is decoded as it runs, one
 * instruction at a time; a write to memory makes the instructions it touches undecoded again, so that code
 * which changes itself costs no more than decoding it anew.
 *
 * @module
 */
import { OP } from "./decode.ts";
import type { HostMemory } from "./memory.ts";
import type { Mmu } from "./mmu.ts";

/** Words of a decoded page in ARM state: two an instruction, and the end mark. */
const ARM_WORDS = 2 * 1024 + 2;
/** Words of a decoded page in Thumb state. */
const THUMB_WORDS = 2 * 2048 + 2;
/** Words of the pool: 256 pages of ARM code before everything is decoded anew. */
const POOL_WORDS = 256 * ARM_WORDS;
/** Entries of the table from virtual page to decoded page. */
const TABLE = 256;
/** A tag that no virtual page has. */
const NO_TAG = 0xfff;

/** The decoded pages of a CPU. */
export class CodeCache {
  /** Two words an instruction, see `decode.ts`. */
  readonly pool: Int32Array = new Int32Array(POOL_WORDS);
  /** Byte offset in host memory of the page that {@linkcode find} found. */
  host = 0;
  readonly #mmu: Mmu;
  /** Index in the pool of a host page's ARM and Thumb decodings; 0: none. */
  readonly #blocks: Int32Array;
  readonly #tags: Int32Array = new Int32Array(TABLE).fill(NO_TAG);
  readonly #found: Int32Array = new Int32Array(TABLE);
  readonly #hosts: Int32Array = new Int32Array(TABLE);
  // Index 0 stands for "none".
  #used = 2;

  /**
   * Makes an empty store.
   *
   * @param memory Host memory.
   * @param mmu Its `codePages` say which pages have decoded instructions.
   */
  constructor(memory: HostMemory, mmu: Mmu) {
    this.#mmu = mmu;
    this.#blocks = new Int32Array((memory.u8.length >>> 12) * 2);
  }

  /**
   * Looks up a virtual page among those found lately.
   *
   * @param pc Virtual address.
   * @param state 0 to 3: Thumb state, and 2 for user permission.
   * @returns Index in the pool of the page's first instruction, or -1.
   */
  find(pc: number, state: number): number {
    if (this.#mmu.fetchStale) {
      this.#mmu.fetchStale = false;
      this.#tags.fill(NO_TAG);
      return -1;
    }
    const i = (pc >>> 12) & (TABLE - 1);
    if (this.#tags[i] !== ((pc & ~0xfff) | state)) return -1;
    this.host = this.#hosts[i];
    return this.#found[i];
  }

  /**
   * Makes a page known under a virtual address.
   *
   * @param pc Virtual address that was just translated for a fetch.
   * @param state As for {@linkcode find}.
   * @param host Byte offset of the page in host memory.
   * @returns Index in the pool of the page's first instruction.
   */
  enter(pc: number, state: number, host: number): number {
    const slot = (host >>> 12) * 2 + (state & 1);
    let block = this.#blocks[slot];
    if (block === 0) {
      const words = (state & 1) === 0 ? ARM_WORDS : THUMB_WORDS;
      if (this.#used + words > POOL_WORDS) this.clear();
      block = this.#used;
      this.#used += words;
      this.pool[block + words - 2] = OP.PAGE_END;
      this.#blocks[slot] = block;
      if (this.#mmu.codePages[host >>> 12] === 0) {
        this.#mmu.codePages[host >>> 12] = 1;
        this.#mmu.lookaside.flushWrites();
      }
    }
    const i = (pc >>> 12) & (TABLE - 1);
    this.#tags[i] = (pc & ~0xfff) | state;
    this.#found[i] = block;
    this.#hosts[i] = host;
    this.host = host;
    return block;
  }

  /**
   * Forgets the instructions in written memory.
   *
   * @param at First byte in host memory.
   * @param length Bytes.
   */
  invalidate(at: number, length: number): void {
    const { pool } = this;
    const end = at + length;
    for (let page = at & ~0xfff; page < end; page += 4096) {
      if (this.#mmu.codePages[page >>> 12] === 0) continue;
      const from = Math.max(at, page) - page;
      const to = Math.min(end - page, 4096);
      const arm = this.#blocks[(page >>> 12) * 2];
      if (arm !== 0) {
        for (let o = from & ~3; o < to; o += 4) pool[arm + (o >>> 1)] = OP.DECODE;
      }
      const thumb = this.#blocks[(page >>> 12) * 2 + 1];
      if (thumb !== 0) {
        for (let o = from & ~1; o < to; o += 2) pool[thumb + o] = OP.DECODE;
      }
    }
  }

  /** Forgets everything. */
  clear(): void {
    this.pool.fill(0, 0, this.#used);
    this.#used = 2;
    this.#blocks.fill(0);
    this.#tags.fill(NO_TAG);
    this.#mmu.codePages.fill(0);
  }
}
