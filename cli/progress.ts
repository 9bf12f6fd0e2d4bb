/**
 * A line that tells how far a long piece of work is, on a terminal.
 *
 * @module
 */

import type { Io } from "./io.ts";

/** Milliseconds between two looks of the line. */
const INTERVAL = 100;
const WIDTH = 30;

/** The line. */
export class Progress {
  readonly #io: Io;
  #shown = -Infinity;

  /**
   * A line that is not there yet.
   *
   * @param io Where it is; nothing is shown when that is no terminal.
   */
  constructor(io: Io) {
    this.#io = io;
  }

  /**
   * Shows how far it is.
   *
   * @param share From 0 to 1.
   * @param text What is being done.
   */
  show(share: number, text: string): void {
    const now = performance.now();
    if (!this.#io.terminal || now - this.#shown < INTERVAL) return;
    this.#shown = now;
    const full = Math.round(WIDTH * Math.min(1, Math.max(0, share)));
    const bar = "#".repeat(full) + "-".repeat(WIDTH - full);
    const percent = `${Math.floor(share * 100)} %`.padStart(5);
    const line = `[${bar}] ${percent}  ${text}`.slice(0, this.#io.columns - 1);
    this.#io.err(`\r${line}\x1b[K`);
  }

  /** Takes the line away. */
  end(): void {
    if (this.#io.terminal) this.#io.err("\r\x1b[K");
  }
}
