/**
 * The system bus and the memories behind it, as far as time goes: when a transfer that is asked for at
 * one moment has ended. Clocks, SDRAM timing, refresh and wait states of the other banks are those that
 * the registers of the S3C2440A's clock and memory controllers hold (manual chapters 5 and 7).
 *
 * Only the core uses the bus here: DMA and LCD take none of it.
 *
 * @module
 */

import type { TimingValues } from "./timing_table.ts";

/** What the bus asks the chip. */
export interface BusRegisters {
  /** FCLK cycles of an HCLK cycle. */
  readonly fclkPerHclk: number;
  /** FCLK cycles of a PCLK cycle. */
  readonly fclkPerPclk: number;
  /** Changes whenever a register of the memory controller may have another value. */
  readonly changes: number;
  /** A register of the memory controller. */
  memc(offset: number): number;
}

/** What the registers say of the SDRAM at nGCS6; times in HCLK cycles. */
interface Sdram {
  /** There is SDRAM, and no static memory. */
  readonly present: boolean;
  /** Precharge. */
  readonly trp: number;
  /** Row to column. */
  readonly trcd: number;
  /** Refresh, with the precharge before. */
  readonly trc: number;
  /** CAS latency. */
  readonly latency: number;
  /** Bytes of a beat. */
  readonly width: number;
  /** Where the row is in an address. */
  readonly rowShift: number;
  /** Where the bank is. */
  readonly bankShift: number;
  /** Banks less one. */
  readonly bankMask: number;
  /** Mask of the address inside nGCS6. */
  readonly offset: number;
  /** The controller makes bursts of the core's. */
  readonly burst: boolean;
  /** Refresh interval; 0 for none. */
  readonly period: number;
}

/** Saved form of a {@linkcode BusTiming}. */
export interface BusTimingState {
  /** Board time at which the bus is free. */
  free: number;
  /** Row open in each bank of the SDRAM, -1 for none. */
  rows: number[];
  /** Refresh interval that was looked at last. */
  refresh: number;
  /** The last transfer was a write. */
  lastWrite: boolean;
}

const BWSCON = 0x00;
const BANKCON0 = 0x04;
const REFRESH = 0x24;
const BANKSIZE = 0x28;
const MRSRB6 = 0x2c;

const SDRAM = 0x3000_0000;
const AHB = 0x4800_0000;
const APB = 0x5000_0000;

/** Size of banks 6 and 7 by BK76MAP, as a power of two. */
const BANK_BITS: readonly number[] = [25, 26, 27, 27, 21, 22, 23, 24];
/** Tacs, Tcos, Tcoh, Tcah of BANKCON0 to 5, in HCLK cycles. */
const SETUP: readonly number[] = [0, 1, 2, 4];
/** Tacc of BANKCON0 to 5. */
const ACCESS: readonly number[] = [1, 2, 3, 4, 6, 8, 10, 14];
/** BANKCON6 bit that tells SDRAM from a static memory. */
const TYPE_SDRAM = 0x1_8000;

const NO_SDRAM: Sdram = {
  present: false,
  trp: 0,
  trcd: 0,
  trc: 0,
  latency: 0,
  width: 4,
  rowShift: 0,
  bankShift: 0,
  bankMask: 0,
  offset: 0,
  burst: false,
  period: 0,
};

/** The bus. */
export class BusTiming {
  /** Board time, in FCLK cycles, at which the last transfer has ended. */
  free = 0;
  readonly #values: TimingValues;
  readonly #registers: BusRegisters;
  readonly #rows = new Int32Array(4).fill(-1);
  #refresh = 0;
  #lastWrite = false;
  #seen = -1;
  #sdram6: Sdram = NO_SDRAM;

  /**
   * An idle bus.
   *
   * @param values The costs.
   * @param registers The chip's registers.
   */
  constructor(values: TimingValues, registers: BusRegisters) {
    this.#values = values;
    this.#registers = registers;
  }

  /** FCLK cycles of an HCLK cycle. */
  get hclk(): number {
    return this.#registers.fclkPerHclk;
  }

  /** The first edge of HCLK at or after a board time. */
  edge(time: number): number {
    const hclk = this.#registers.fclkPerHclk;
    return Math.ceil(time / hclk) * hclk;
  }

  /**
   * Does a transfer.
   *
   * @param time Board time at which it is asked for.
   * @param pa Physical address of its first word, unsigned.
   * @param words Words of the burst; 1 for anything narrower.
   * @param bytes Bytes of each: 4 in a burst.
   * @param write True for a write.
   * @returns Board time at which it has ended.
   */
  transfer(time: number, pa: number, words: number, bytes: number, write: boolean): number {
    const hclk = this.#registers.fclkPerHclk;
    const start = Math.max(this.edge(time), this.free);
    this.#lastWrite = write;
    const overhead = this.#values.busOverhead;
    if (pa >= AHB) {
      // No bursts to devices.
      this.free = start;
      for (let i = 0; i < words; i++) this.free = this.#register(this.free, pa);
      return this.free;
    }
    this.#update();
    if (pa >= SDRAM && this.#sdram6.present) {
      return this.#sdram(start, pa, words, bytes, write);
    }
    this.free = start + (overhead + words * this.#static(pa, bytes)) * hclk;
    return this.free;
  }

  /**
   * Goes on with the burst that the last {@linkcode transfer} began, by one word.
   *
   * @param pa Physical address of the word.
   * @param write True for a write.
   * @returns Board time at which it has ended; -1 when the bank has no bursts, so that it takes a transfer.
   */
  goOn(pa: number, write: boolean): number {
    this.#update();
    const { present, burst, width } = this.#sdram6;
    if (pa >= AHB || pa < SDRAM || !present || !burst || write !== this.#lastWrite) return -1;
    this.free += (4 / width) * this.#registers.fclkPerHclk;
    return this.free;
  }

  /** A register of a device. */
  #register(start: number, pa: number): number {
    const { busOverhead, ahbRegister, apbRegister } = this.#values;
    const { fclkPerHclk, fclkPerPclk } = this.#registers;
    if (pa < APB) return start + (busOverhead + ahbRegister) * fclkPerHclk;
    const at = Math.ceil((start + busOverhead * fclkPerHclk) / fclkPerPclk) * fclkPerPclk;
    return at + apbRegister * fclkPerPclk;
  }

  /** HCLK cycles of an access to a bank of ROM or SRAM. */
  #static(pa: number, bytes: number): number {
    const bank = (pa >>> 27) & 7;
    const control = this.#registers.memc(BANKCON0 + 4 * bank);
    const width = bank === 0
      ? this.#values.norWidth >>> 3
      : 1 << Math.min((this.#registers.memc(BWSCON) >>> (4 * bank)) & 3, 2);
    const one = SETUP[(control >>> 13) & 3] + SETUP[(control >>> 11) & 3] +
      ACCESS[(control >>> 8) & 7] + SETUP[(control >>> 6) & 3] + SETUP[(control >>> 4) & 3];
    return one * Math.ceil(bytes / width);
  }

  /** A burst of the SDRAM at nGCS6. */
  #sdram(start: number, pa: number, words: number, bytes: number, write: boolean): number {
    const { busOverhead, rowsStayOpen } = this.#values;
    const hclk = this.#registers.fclkPerHclk;
    const { trp, trcd, latency, width, rowShift, bankShift, bankMask, offset, burst } =
      this.#sdram6;
    start = this.#refreshed(start, hclk);
    const bank = (pa >>> bankShift) & bankMask;
    const row = (pa & offset) >>> rowShift;
    const first = write ? 0 : latency;
    const beats = bytes <= width ? 1 : bytes / width;
    let cycles = busOverhead;
    const rows = this.#rows;
    if (rows[bank] !== row) cycles += (rows[bank] >= 0 ? trp : 0) + trcd;
    rows[bank] = rowsStayOpen !== 0 ? row : -1;
    cycles += burst ? first + words * beats : words * (first + beats) + (words - 1) * busOverhead;
    this.free = start + cycles * hclk;
    return this.free;
  }

  /** Lets the refresh cycles pass that fell due up to `start`; they close all rows. */
  #refreshed(start: number, hclk: number): number {
    const { period, trc } = this.#sdram6;
    if (period === 0) return start;
    const interval = Math.floor(start / (period * hclk));
    if (interval === this.#refresh) return start;
    this.#refresh = interval;
    this.#rows.fill(-1);
    // Precharge and refresh begin at the interval's start, or when the transfer before has ended.
    const due = this.edge(interval * period * hclk);
    return Math.max(start, Math.max(due, this.free) + trc * hclk);
  }

  /** Reads the registers anew, if they have changed. */
  #update(): void {
    const registers = this.#registers;
    if (registers.changes === this.#seen) return;
    this.#seen = registers.changes;
    const control = registers.memc(BANKCON0 + 24);
    const refresh = registers.memc(REFRESH);
    const size = registers.memc(BANKSIZE);
    const width = 1 << Math.min((registers.memc(BWSCON) >>> 24) & 3, 2);
    const bits = BANK_BITS[size & 7];
    const trp = ((refresh >>> 20) & 3) + 2;
    this.#sdram6 = {
      present: (control & TYPE_SDRAM) === TYPE_SDRAM,
      trp,
      trcd: ((control >>> 2) & 3) + 2,
      trc: trp + ((refresh >>> 18) & 3) + 4,
      latency: Math.max(1, (registers.memc(MRSRB6) >>> 4) & 7),
      width,
      rowShift: (control & 3) + 8 + (width >>> 1),
      bankShift: bits - this.#values.sdramBankBits,
      bankMask: (1 << this.#values.sdramBankBits) - 1,
      offset: 2 ** bits - 1,
      // Without bursts of the core each word is a transfer of its own.
      burst: (size & 0x80) !== 0,
      period: (refresh & 0x80_0000) === 0 ? 0 : 2049 - (refresh & 0x7ff),
    };
  }

  /** As after a reset: no row open. */
  reset(): void {
    this.#rows.fill(-1);
  }

  /** The state as plain data. */
  state(): BusTimingState {
    return {
      free: this.free,
      rows: [...this.#rows],
      refresh: this.#refresh,
      lastWrite: this.#lastWrite,
    };
  }

  /** Takes what {@linkcode state} gave. */
  restore(s: BusTimingState): void {
    this.free = s.free;
    this.#rows.set(s.rows);
    this.#refresh = s.refresh;
    this.#lastWrite = s.lastWrite;
  }
}
