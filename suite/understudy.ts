/**
 * The suite on the emulated S3C2440 board.
 *
 * @module
 */

import { Board } from "../core/board.ts";
import { parseElf } from "../core/elf.ts";
import { readHeader, readResults, resultBytes, type ResultTable } from "./suite.ts";

/** First of 1 MB of addresses answered with an external abort (`BOARD_ABORT` in `boards/s3c2440.h`). */
export const ABORT = 0x6000_0000;

/** What a run left. */
export interface SuiteRun {
  /** What came out of the serial line. */
  readonly text: string;
  /** The result table in RAM. */
  readonly table: ResultTable;
  /** Instructions retired. */
  readonly instructions: number;
}

/**
 * Runs an image from reset to its last line.
 *
 * The board keeps its reset clocks: all clocks are equal then, which makes the serial line fastest
 * in cycles.
 *
 * @param image ELF file for the board `s3c2440`.
 * @param options `cache`: models the caches. `limit`: cycles after which the run is given up.
 */
export function runOnBoard(
  image: Uint8Array<ArrayBuffer>,
  options: { readonly cache?: boolean; readonly limit?: number } = {},
): SuiteRun {
  const elf = parseElf(image, "suite image");
  const board = new Board({ cache: options.cache ?? false });
  for (const segment of elf.segments) board.debugWrite(segment.paddr, segment.bytes);
  const codes: number[] = [];
  let line = "";
  board.soc.uart[0].onTransmit = (byte) => {
    codes.push(byte);
    line = byte === 10 ? "" : line + String.fromCharCode(byte);
    if (line === "# end") board.requestStop();
  };
  board.onAbort = (pa) => pa >= ABORT && pa - ABORT < 0x10_0000;
  board.cpu.pc = elf.entry;
  board.run(board.clock.now + (options.limit ?? 1e9));
  const text = codes.map((code) => String.fromCharCode(code)).join("");
  const planned = Number(/^1\.\.(\d+)/m.exec(text)?.[1] ?? 0);
  const table = board.debugRead(readHeader(image).results, resultBytes(planned));
  return { text, table: readResults(table), instructions: board.cpu.instructions };
}
