/**
 * A worker of `understudy bench`: makes one measurement and sends it.
 *
 * @module
 */

import { InputError } from "../mod.ts";
import { type BenchJob, type BenchNews, runBench } from "./bench_run.ts";

/** The thread, as its own code sees it. */
const thread = globalThis as unknown as {
  postMessage(message: BenchNews): void;
  onmessage: (event: MessageEvent<BenchJob>) => void;
};

thread.onmessage = async ({ data: { name, options } }) => {
  try {
    const onStep = (done: number, of: number) =>
      thread.postMessage({ type: "step", name, done, of });
    thread.postMessage({ type: "section", section: await runBench(name, options, onStep) });
  } catch (error) {
    if (error instanceof InputError) {
      const { where, what, allowed } = error;
      const more = allowed === undefined ? "" : `; ${allowed}`;
      thread.postMessage({ type: "refused", where, what: `${what}${more}` });
    } else {
      const message = error instanceof Error ? error.stack ?? error.message : String(error);
      thread.postMessage({ type: "failed", message });
    }
  }
};
