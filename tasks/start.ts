/**
 * `deno task start`: how long the command takes to the first instruction of a guest, from when Deno is
 * up: loading its modules, reading options, making board, monitor and guests.
 *
 * Options: `--runs N` (default 20), `--json`. The commands take turns, so that work of others on the
 * host hits all alike; the minimum is what the program needs, the rest is what the host adds.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { spread } from "../mod.ts";
import { deno } from "./run.ts";

/** What is started. */
const COMMANDS = ["demo", "boot ucos-1 ucos-2", "boot compute --no-vm0"];

const RUN = ["run", "--no-prompt", "--allow-env", "--preload=tasks/start_probe.ts", "cli/main.ts"];

/** Starts a command once; milliseconds. */
async function start(command: string): Promise<number> {
  const { stderr } = await deno([...RUN, ...command.split(" ")]);
  const ms = /^first guest instruction: ([\d.]+)$/m.exec(stderr)?.[1];
  if (ms === undefined) throw new Error(`${command}: no guest ran\n${stderr}`);
  return Number(ms);
}

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "20" },
    json: { type: "boolean", default: false },
  },
});
if (!/^[1-9]\d{0,2}$/.test(values.runs)) {
  console.error(`start: --runs: "${values.runs}"; allowed: 1 to 999`);
  Deno.exit(2);
}
const times = new Map<string, number[]>(COMMANDS.map((command) => [command, []]));
// The first start fills Deno's caches.
for (const command of COMMANDS) await start(command);
for (let i = 0; i < Number(values.runs); i++) {
  for (const [command, list] of times) list.push(await start(command));
}
for (const [command, list] of times) {
  const { min, median, max } = spread(list.map((ms) => Math.round(ms * 10) / 10));
  if (values.json) {
    console.log(
      JSON.stringify({ bench: "start", command, count: list.length, ms: { min, median, max } }),
    );
  } else {
    console.log(
      `${command.padEnd(22)} ${list.length} runs, ms from Deno to the first guest instruction: ` +
        `min ${min}, median ${median}, max ${max}`,
    );
  }
}
