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
/** Banks inside an SDRAM. */
const BANKS = 4;
const ARENA_PAGES = (MAP.ARENA_END - MAP.ARENA) / PAGE;

/** Address of the record of the frame at physical address `frame`. */
export function frameRecord(frame: number): number {
  return MAP.FRAMES + ((frame - MAP.POOL) >>> 12) * FRAME.SIZE;
}

/** Address of the head of the list of a bank's free frames. */
function head(bank: number): number {
  return MAP.GLOBAL + GLOBAL.FREE_HEAD + 4 * bank;
}

/** The allocators. */
export class Frames {
  readonly #port: Port;
  /** Where the bank is in an address. */
  readonly #shift: number;

  /**
   * The allocators of one machine.
   *
   * @param port The monitor's port.
   */
  constructor(port: Port) {
    this.#port = port;
    // The upper two bits of the size: table 5-2 of the S3C2440A manual.
    this.#shift = 29 - Math.clz32(port.board.sdram.size);
  }

  /** Makes the pool of all frames from MAP.POOL to `end`. Only at the monitor's start. */
  init(end: number): void {
    const port = this.#port;
    const count = (end - MAP.POOL) / PAGE;
    for (let i = 0; i < count; i++) {
      const frame = MAP.POOL + i * PAGE;
      const next = frame + PAGE;
      if (i === 0 || this.#bank(frame) !== this.#bank(frame - PAGE)) {
        port.write(head(this.#bank(frame)), frame);
      }
      const more = i + 1 < count && this.#bank(next) === this.#bank(frame);
      port.write(frameRecord(frame) + FRAME.NEXT, more ? next : 0);
    }
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
   * @param source Frame that will be copied to it, if any. The copy goes to another bank of the SDRAM where
   * one has room: the rows of both stay open then, and no line waits for a precharge.
   * @returns Its physical address, 0 when the pool is empty.
   */
  take(state: number, vm: number, page: number, source?: number): number {
    const port = this.#port;
    const bank = source === undefined ? this.#lowest() : this.#apart(this.#bank(source));
    if (bank < 0) return 0;
    const frame = port.read(head(bank));
    const record = frameRecord(frame);
    port.write(head(bank), port.read(record + FRAME.NEXT));
    port.add(MAP.GLOBAL + GLOBAL.FREE_COUNT, -1);
    port.write(record + FRAME.STATE, (state | vm << 8 | page << 16) >>> 0);
    port.write(record + FRAME.NEXT, 0);
    port.write(record + FRAME.TAG, 0);
    return frame;
  }

  /** Bank of the SDRAM that a frame lies in. */
  #bank(frame: number): number {
    return frame >>> this.#shift & BANKS - 1;
  }

  /** The first bank with a free frame, -1 when there is none. */
  #lowest(): number {
    for (let bank = 0; bank < BANKS; bank++) {
      if (this.#port.read(head(bank)) !== 0) return bank;
    }
    return -1;
  }

  /** The last bank with a free frame, another than `bank` where possible; -1 when there is none. */
  #apart(bank: number): number {
    for (let i = BANKS - 1; i >= 0; i--) {
      if (i !== bank && this.#port.read(head(i)) !== 0) return i;
    }
    return this.#port.read(head(bank)) !== 0 ? bank : -1;
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
    const list = head(this.#bank(frame));
    port.write(record + FRAME.NEXT, port.read(list));
    port.write(list, frame);
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
