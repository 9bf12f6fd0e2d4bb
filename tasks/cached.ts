/**
 * `deno task cached`: the demonstration and all tests of the monitor once more, with the caches
 * modelled. Whoever forgets maintenance computes wrong data there.
 *
 * Which tests: every file of `tests/` that makes laboratories, but those named below. Names of files
 * after the task run those only.
 *
 * @module
 */

import { files } from "./run.ts";

/** Makes the caches the default of laboratories, see there. */
const PRELOAD = "tests/cached.ts";

/** What a test file imports that makes laboratories. */
const MAKERS = /from "(\.\/(monitor_rig|backup_rig|guest_rig)|\.\.\/core\/lab)\.ts"/;

/** Test files that make laboratories, and why they are not run with caches. */
const WITHOUT: Readonly<Record<string, string>> = {
  "tests/bench_cow_test.ts": "measures what the host's time is",
  "tests/campaign_test.ts": "campaigns refuse the cache model",
  "tests/dump_pt_test.ts": "is about a command",
  "tests/fork_test.ts": "campaigns refuse the cache model",
  "tests/sweep_test.ts": "campaigns refuse the cache model",
  "tests/statistics_test.ts": "makes no laboratory",
};

/** The test files that are run. */
export function cachedTests(): string[] {
  const all = files("tests", "_test.ts").filter((name) => MAKERS.test(Deno.readTextFileSync(name)));
  return all.filter((name) => WITHOUT[name] === undefined);
}

if (import.meta.main) {
  const { code } = await new Deno.Command("deno", {
    args: [
      "test",
      "--no-prompt",
      "--lock=deno.lock",
      "--frozen",
      "--parallel",
      `--preload=${PRELOAD}`,
      "--allow-read=.",
      "--allow-env=CLICOLOR_FORCE,NO_COLOR,FORCE_COLOR,LOG_TOKENS,LOG_STREAM",
      ...(Deno.args.length > 0 ? Deno.args : cachedTests()),
    ],
  }).spawn().status;
  Deno.exit(code);
}
