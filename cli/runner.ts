/**
 * Running a laboratory and showing what it reports.
 *
 * @module
 */

import { Lab, type SummaryEvent, type TraceEvent } from "../mod.ts";
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

/**
 * Runs a laboratory and lets go of it; an interrupt ends the run, not the program.
 *
 * @param lab The laboratory.
 * @param time Board time to run.
 * @param session The call; its exit code is set.
 * @param show Called with each event, the summary included.
 */
export async function follow(
  lab: Lab,
  time: string | number,
  session: Session,
  show: (event: TraceEvent) => void,
): Promise<Ran> {
  using running = lab;
  const abort = new AbortController();
  const release = session.io.onInterrupt(() => abort.abort());
  const events: TraceEvent[] = [];
  try {
    let turn = performance.now();
    for await (const event of running.run({ for: time, signal: abort.signal })) {
      if (!MANY.has(event.type)) events.push(event);
      show(event);
      if (performance.now() - turn > TURN) {
        session.io.flush();
        // Lets an interrupt in.
        await new Promise((resolve) => setTimeout(resolve, 0));
        turn = performance.now();
      }
    }
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
