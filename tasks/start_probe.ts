/**
 * Preloaded by `deno task start`: when the first instruction of a guest has run, prints the milliseconds
 * since Deno was up, and ends the process.
 *
 * @module
 */

import { Cpu } from "../core/cpu.ts";

const { run } = Cpu.prototype;

Cpu.prototype.run = function (this: Cpu, until: number) {
  const stop = run.call(this, until);
  if (this.instructions > 0) {
    console.error(`first guest instruction: ${performance.now()}`);
    Deno.exit(0);
  }
  return stop;
};
