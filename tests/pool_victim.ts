/**
 * Runs the command and kills itself, without a chance to clean up, as soon as a campaign has some
 * experiments.
 *
 * Arguments: path of the store, then those of the command.
 *
 * @module
 */

import { main } from "../cli/main.ts";
import { Store } from "../cli/store.ts";

const [db, ...args] = Deno.args;

setInterval(() => {
  let count = 0;
  try {
    const store = Store.open(db!, "read");
    count = store.count;
    store.close();
  } catch {
    // Not made yet, or being written.
  }
  if (count >= 10) Deno.kill(Deno.pid, "SIGKILL");
}, 20);

Deno.exit(await main(args));
