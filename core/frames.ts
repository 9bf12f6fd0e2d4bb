/**
 * The monitor's memory: frames of guests, second-level tables, and the arena of its records.
 *
 * All three allocators keep their state in emulated SDRAM.
 *
 * @module
 */

import { FRAME, FRAME_STATE, GLOBAL, MAP } from "./layout.ts";
import type { Port } from "./port.ts";

const PAGE = 4096;
const TABLE = 1024;
const ARENA_PAGES = (MAP.ARENA_END - MAP.ARENA) / PAGE;

/** Address of the record of the frame at physical address `frame`. */
export function frameRecord(frame: number): number {
  return MAP.FRAMES + ((frame - MAP.POOL) >>> 12) * FRAME.SIZE;
}

/** The allocators. */
export class Frames {
  readonly #port: Port;

  /**
   * The allocators of one machine.
   *
   * @param port The monitor's port.
   */
  constructor(port: Port) {
    this.#port = port;
  }

  /** Makes the pool of all frames from MAP.POOL to `end`. Only at the monitor's start. */
  init(end: number): void {
    const port = this.#port;
    const count = (end - MAP.POOL) / PAGE;
    for (let i = 0; i < count; i++) {
      const record = MAP.FRAMES + i * FRAME.SIZE;
      port.write(record + FRAME.NEXT, i + 1 < count ? MAP.POOL + (i + 1) * PAGE : 0);
    }
    port.write(MAP.GLOBAL + GLOBAL.FREE_HEAD, count > 0 ? MAP.POOL : 0);
    port.write(MAP.GLOBAL + GLOBAL.FREE_COUNT, count);
    port.write(MAP.GLOBAL + GLOBAL.FRAME_COUNT, count);
    port.write(MAP.GLOBAL + GLOBAL.TABLE_NEXT, MAP.TABLES);
  }

  /** Free frames. */
  get free(): number {
    // For reports and plans: looking costs no board time.
    return this.#port.board.peek(MAP.GLOBAL + GLOBAL.FREE_COUNT, 4);
  }

  /**
   * Takes a frame for page record `page` of VM `vm`.
   *
   * @returns Its physical address, 0 when the pool is empty.
   */
  take(state: number, vm: number, page: number): number {
    const port = this.#port;
    const frame = port.read(MAP.GLOBAL + GLOBAL.FREE_HEAD);
    if (frame === 0) return 0;
    const record = frameRecord(frame);
    port.write(MAP.GLOBAL + GLOBAL.FREE_HEAD, port.read(record + FRAME.NEXT));
    port.add(MAP.GLOBAL + GLOBAL.FREE_COUNT, -1);
    port.write(record + FRAME.STATE, (state | vm << 8 | page << 16) >>> 0);
    port.write(record + FRAME.NEXT, 0);
    port.write(record + FRAME.TAG, 0);
    return frame;
  }

  /** Makes an active frame a version or the reverse. */
  setState(frame: number, state: number): void {
    const record = frameRecord(frame);
    const old = this.#port.read(record + FRAME.STATE);
    this.#port.write(record + FRAME.STATE, ((old & ~0xff) | state) >>> 0);
  }

  /** Gives a frame back. */
  give(frame: number): void {
    const port = this.#port;
    const record = frameRecord(frame);
    port.write(record + FRAME.STATE, FRAME_STATE.FREE);
    port.write(record + FRAME.NEXT, port.read(MAP.GLOBAL + GLOBAL.FREE_HEAD));
    port.write(MAP.GLOBAL + GLOBAL.FREE_HEAD, frame);
    port.add(MAP.GLOBAL + GLOBAL.FREE_COUNT, 1);
  }

  /** Takes a second-level table of 256 fault entries; 0 when there is none. */
  takeTable(): number {
    const port = this.#port;
    let table = port.read(MAP.GLOBAL + GLOBAL.TABLE_FREE);
    if (table !== 0) {
      port.write(MAP.GLOBAL + GLOBAL.TABLE_FREE, port.read(table));
    } else {
      table = port.read(MAP.GLOBAL + GLOBAL.TABLE_NEXT);
      if (table >= MAP.TABLES_END) return 0;
      port.write(MAP.GLOBAL + GLOBAL.TABLE_NEXT, table + TABLE);
    }
    port.clear(table, TABLE);
    return table;
  }

  /** Gives a second-level table back. */
  giveTable(table: number): void {
    this.#port.write(table, this.#port.read(MAP.GLOBAL + GLOBAL.TABLE_FREE));
    this.#port.write(MAP.GLOBAL + GLOBAL.TABLE_FREE, table);
  }

  /** Takes `pages` consecutive pages of the arena, cleared; 0 when there is no such run. */
  takeArena(pages: number): number {
    let run = 0;
    for (let i = 0; i < ARENA_PAGES; i++) {
      run = this.#arenaBit(i) ? 0 : run + 1;
      if (run === pages) {
        const first = i - pages + 1;
        for (let k = first; k <= i; k++) this.#setArenaBit(k, true);
        const address = MAP.ARENA + first * PAGE;
        this.#port.clear(address, pages * PAGE);
        return address;
      }
    }
    return 0;
  }

  /** Gives pages of the arena back. */
  giveArena(address: number, pages: number): void {
    const first = (address - MAP.ARENA) / PAGE;
    for (let i = first; i < first + pages; i++) this.#setArenaBit(i, false);
  }

  #arenaBit(page: number): boolean {
    return (this.#port.read(MAP.ARENA_MAP + (page >>> 5) * 4) >>> (page & 31) & 1) !== 0;
  }

  #setArenaBit(page: number, used: boolean): void {
    const address = MAP.ARENA_MAP + (page >>> 5) * 4;
    const word = this.#port.read(address);
    const bit = 1 << (page & 31);
    this.#port.write(address, (used ? word | bit : word & ~bit) >>> 0);
  }
}
