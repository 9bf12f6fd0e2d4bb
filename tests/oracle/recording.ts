/**
 * QEMU's results kept in files, so that the emulator can be compared again without QEMU: what a
 * mutation run does hundreds of times.
 *
 * @module
 */

import { type QemuJob, type QemuRun, startQemu } from "./qemu.ts";

/** Starts the other side. */
export type Starter = (job: QemuJob) => Promise<QemuRun>;

/** Name of the file of the n-th run on a machine. */
function fileOf(folder: string, job: QemuJob, n: number): string {
  return `${folder}/${job.machine.name}-${n}.bin`;
}

/** Runs QEMU and keeps what it leaves in memory. */
export function recordTo(folder: string): Starter {
  let n = 0;
  return async (job) => {
    const run = await startQemu(job);
    const file = fileOf(folder, job, n++);
    return {
      async finish() {
        const memory = await run.finish();
        await Deno.writeFile(file, memory);
        return memory;
      },
      stop: () => run.stop(),
    };
  };
}

/** Answers with what was recorded; seed and count have to be the same as then. */
export function replayFrom(folder: string): Starter {
  let n = 0;
  return (job) => {
    const file = fileOf(folder, job, n++);
    return Promise.resolve({
      finish: () => Deno.readFile(file),
      stop: () => Promise.resolve(),
    });
  };
}
