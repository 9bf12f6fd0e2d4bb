/**
 * The moment at which `dump-pt` looks: a board time, the first event of a kind, or both sides of the
 * next swap.
 *
 * @module
 */

import { dumpMemory, InputError, type Lab, type MemoryDump, type TraceEvent } from "../mod.ts";
import { duration } from "./story.ts";

/** What `--after` knows: the events of a run, and the actions of recoveries. */
export const AFTER: readonly string[] = [
  "console",
  "fault",
  "recovery",
  "checkpoint",
  "switch-vm",
  "switch-task",
  "vm",
  "refused",
  "unprotected",
  "swap-task",
  "swap-guest",
  "restart-task",
  "restart-guest",
  "stop-task",
  "stop-guest",
  "halt",
];

/** What was seen, and when. */
export interface Moment {
  /** Memory. */
  readonly dump: MemoryDump;
  /** In words: "at 100 ms", "after a fault of ucos-3, task saboteur, at 302 ms". */
  readonly words: string;
}

/** Where a look begins, how long it waits, and whose events it waits for. */
export interface Wait {
  /** Board time from which on; from the start when it is not given. */
  readonly at?: string | undefined;
  /** Board time to wait, at most. */
  readonly for: string;
  /** VM; any when it is not given. */
  readonly vm?: string | undefined;
}

/** Runs to a board time; what the library says against it names the option. */
async function runTo(lab: Lab, at: string): Promise<void> {
  try {
    for await (const event of lab.run({ until: at })) void event;
  } catch (error) {
    if (!(error instanceof InputError) || error.where !== "until") throw error;
    throw new InputError("--at", error.what, error.allowed);
  }
}

/** Memory at a board time. */
export async function momentAt(lab: Lab, at: string): Promise<Moment> {
  await runTo(lab, at);
  const dump = dumpMemory(lab.board);
  return { dump, words: `at ${duration(dump.t)}` };
}

/** Whose event it is, in words. */
function whose(event: TraceEvent): string {
  const { vm, task } = event as { vm?: string; task?: string };
  if (event.type === "switch-vm") return ` to ${event.to}`;
  return (vm === undefined ? "" : ` of ${vm}`) + (task === undefined ? "" : `, task ${task}`);
}

/** True for an event that a user may mean by that word. */
function means(event: TraceEvent, word: string, vm: string | undefined): boolean {
  const named = event.type === word || event.type === "recovery" && event.action === word;
  if (!named || vm === undefined) return named;
  if (event.type === "switch-vm") return event.to === vm;
  return "vm" in event && event.vm === vm;
}

/**
 * Looks at events as they happen, until `found` gives something.
 *
 * Events are shown to the observer inside the monitor's operation, so that a dump is of just that
 * moment, and not of where the run happens to pause.
 */
async function watch<T>(
  lab: Lab,
  wait: Wait,
  found: (event: TraceEvent) => T | undefined,
): Promise<T | undefined> {
  if (wait.at !== undefined) await runTo(lab, wait.at);
  let result: T | undefined;
  lab.recorder.onEvent = (event) => result ??= found(event);
  for await (const event of lab.run({ for: wait.for })) {
    void event;
    if (result !== undefined) break;
  }
  lab.recorder.onEvent = undefined;
  return result;
}

/**
 * Memory right after the first event of a kind.
 *
 * @throws {InputError} When there is none in the time.
 */
export async function momentAfter(lab: Lab, word: string, wait: Wait): Promise<Moment> {
  const moment = await watch(lab, wait, (event) => {
    if (!means(event, word, wait.vm)) return undefined;
    const dump = dumpMemory(lab.board);
    return { dump, words: `after ${word}${whose(event)}, at ${duration(dump.t)}` };
  });
  return moment ?? none("--after", word, lab, wait);
}

/**
 * Memory before and after the next swap of a task or guest.
 *
 * @throws {InputError} When there is none in the time.
 */
export async function momentsOfSwap(
  lab: Lab,
  wait: Wait,
): Promise<{ before: Moment; after: Moment }> {
  let before: Moment | undefined;
  const moments = await watch(lab, wait, (event) => {
    const ours = wait.vm === undefined || ("vm" in event && event.vm === wait.vm);
    if (!ours) return undefined;
    if (event.type === "fault" && event.kind !== "standby-damaged") {
      const dump = dumpMemory(lab.board);
      before = { dump, words: `at the fault${whose(event)}, at ${duration(dump.t)}` };
    }
    if (event.type !== "recovery" || before === undefined) return undefined;
    if (event.action !== "swap-task" && event.action !== "swap-guest") return undefined;
    const dump = dumpMemory(lab.board);
    const words = `after ${event.action}${whose(event)}, at ${duration(dump.t)}`;
    return { before, after: { dump, words } };
  });
  return moments ?? none("--diff", "swap", lab, wait);
}

function none(option: string, word: string, lab: Lab, wait: Wait): never {
  const of = wait.vm === undefined ? "" : ` of ${wait.vm}`;
  throw new InputError(
    option,
    `there is no ${word}${of} up to ${duration(lab.time)} of board time`,
    "wait longer with --for, or begin earlier with --at",
  );
}
