/**
 * S3C2440A manual chapter 5: the memory controller. Its registers hold what a boot loader writes;
 * the memory of the board answers whatever they say.
 *
 * The reset values are those of the S3C2410A where the manual of the S3C2440A could not be checked;
 * BANKSIZE resets to 0.
 *
 * @module
 */

import { Device, type Register, register } from "./registers.ts";

const BANK = 0x7fff;
const SDRAM_BANK = 0x1_ffff;

/** Registers of the memory controller. */
export const MEMC_REGISTERS: readonly Register[] = [
  // DW0 [2:1] shows the pins OM[1:0], 0 here.
  register("BWSCON", 0x00, "bus width and wait status: ST, WS, DW of bank n in [4n+3:4n]", {
    write: 0xffff_fff0,
  }),
  ...[0, 1, 2, 3, 4, 5].map((n) =>
    register(
      `BANKCON${n}`,
      0x04 + 4 * n,
      "Tacs [14:13] Tcos [12:11] Tacc [10:8] Tcoh [7:6] Tcah [5:4] Tacp [3:2] PMC [1:0]",
      { reset: 0x0700, read: BANK },
    )
  ),
  ...[6, 7].map((n) =>
    register(
      `BANKCON${n}`,
      0x04 + 4 * n,
      "memory type [16:15], 3 is SDRAM; then Trcd [3:2] SCAN [1:0]",
      { reset: 0x1_8008, read: SDRAM_BANK },
    )
  ),
  register("REFRESH", 0x24, "enable 23, self refresh 22, Trp [21:20], Tsrc [19:18], count [10:0]", {
    reset: 0xac_0000,
    read: 0xfc_07ff,
  }),
  register("BANKSIZE", 0x28, "burst 7, SCKE 5, SCLK 4, size of banks 6 and 7 [2:0]", {
    read: 0xb7,
  }),
  register("MRSRB6", 0x2c, "SDRAM mode of bank 6", { read: 0xfff }),
  register("MRSRB7", 0x30, "SDRAM mode of bank 7", { read: 0xfff }),
];

/** The memory controller. */
export class Memc extends Device {
  /** Changes whenever a register may have another value. */
  changes = 0;

  /** The controller after reset. */
  constructor() {
    super(MEMC_REGISTERS);
  }

  /** A write by the CPU. */
  protected override store(offset: number, value: number, lanes: number): void {
    this.changes++;
    super.store(offset, value, lanes);
  }

  /** The state after reset. */
  override reset(): void {
    this.changes++;
    super.reset();
  }

  /** What is held beside the registers. */
  protected override saveHidden(): null {
    return null;
  }

  /** Takes back what {@linkcode saveHidden} gave. */
  protected override restoreHidden(_hidden: null): void {
    this.changes++;
  }
}
