/**
 * Running a laboratory and showing what it reports.
 *
 * @module
 */

import { InputError, Lab, parseTime, type SummaryEvent, type TraceEvent } from "../mod.ts";
import { EXIT, type Session } from "./program.ts";
import type { Settings } from "./settings.ts";

/** Host time after which the run lets others have a turn, ms. */
const TURN = 50;

/** What a run came to. */
export interface Ran {
  /** Its events, without those that only the JSON output wants. */
  readonly events: readonly TraceEvent[];
  /** Its last event. */
  readonly summary: SummaryEvent;
}

/** Events that nobody reads on a terminal, and that are too many to keep. */
export const MANY: ReadonlySet<TraceEvent["type"]> = new Set([
  "switch-vm",
  "switch-task",
  "checkpoint",
]);

/**
 * Makes a laboratory; what the library says against it names the user's input.
 *
 * @param settings What it is made of.
 */
export async function createLab(settings: Settings): Promise<Lab> {
  try {
    return await Lab.create(settings.lab);
  } catch (error) {
    throw settings.located(error);
  }
}

/** A pause in a run. */
export interface Pause {
  /** Board time since reset; at the end of the run when it is not given. */
  readonly at?: string | undefined;
  /** What is done then. */
  then(lab: Lab): Promise<void>;
}

/** Where a run ends: after so much board time, or at a board time since reset. */
export type End = string | number | { readonly until: string | number };

/**
 * Runs a laboratory and lets go of it; an interrupt ends the run, not the program.
 *
 * @param lab The laboratory.
 * @param end Board time to run.
 * @param session The call; its exit code is set.
 * @param show Called with each event, the summary included.
 * @param pause What is done in the middle; not when the run ends before.
 * @throws {InputError} When the pause lies outside the run.
 */
export async function follow(
  lab: Lab,
  end: End,
  session: Session,
  show: (event: TraceEvent) => void,
  pause?: Pause,
): Promise<Ran> {
  using running = lab;
  const abort = new AbortController();
  const release = session.io.onInterrupt(() => abort.abort());
  const events: TraceEvent[] = [];
  const until = typeof end === "object"
    ? parseTime(end.until, "--for")
    : running.time + parseTime(end, "--for");
  const at = pause?.at === undefined ? until : parseTime(pause.at, "--at");
  for (const [option, ns] of [["--for", until], ["--at", at]] as const) {
    if (ns >= running.time) continue;
    const from = `allowed: from ${running.time} ns on`;
    throw new InputError(option, `${ns} ns of board time has passed`, from);
  }
  if (at > until) throw new InputError("--at", `"${pause?.at}" is after the end of the run`);
  try {
    let turn = performance.now();
    const stretch = async (to: number): Promise<void> => {
      // An instruction may end a little later than the stretch before was to.
      const time = Math.max(to, running.time);
      for await (const event of running.run({ until: time, signal: abort.signal })) {
        if (!MANY.has(event.type)) events.push(event);
        show(event);
        if (performance.now() - turn > TURN) {
          session.io.flush();
          // Lets an interrupt in.
          await new Promise((resolve) => setTimeout(resolve, 0));
          turn = performance.now();
        }
      }
    };
    if (pause !== undefined) {
      await stretch(at);
      if (!running.stopped && !abort.signal.aborted) await pause.then(running);
    }
    await stretch(until);
  } finally {
    release();
  }
  const summary = running.summary();
  show(summary);
  session.exitCode = exitCode(summary);
  return { events, summary };
}

/** Exit code of a run. */
export function exitCode(summary: SummaryEvent): number {
  switch (summary.outcome) {
    case "ended":
      return EXIT.ENDED;
    case "stopped":
      return EXIT.STOPPED;
    case "aborted":
      return EXIT.INTERRUPTED;
  }
}

/** Writes events as JSON lines. */
export function jsonView(session: Session): (event: object) => void {
  return (event) => session.io.out(`${JSON.stringify(event)}\n`);
}
