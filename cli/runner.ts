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
const MANY: ReadonlySet<TraceEvent["type"]> = new Set(["switch-vm", "switch-task", "checkpoint"]);

/**
 * Runs a laboratory from its start; an interrupt ends the run, not the program.
 *
 * @param settings What it is made of.
 * @param time Board time to run.
 * @param session The call; its exit code is set.
 * @param show Called with each event, the summary included.
 */
export async function runLab(
  settings: Settings,
  time: string | number,
  session: Session,
  show: (event: TraceEvent) => void,
): Promise<Ran> {
  let lab: Lab;
  try {
    lab = await Lab.create(settings.lab);
  } catch (error) {
    throw settings.located(error);
  }
  const abort = new AbortController();
  const release = session.io.onInterrupt(() => abort.abort());
  const events: TraceEvent[] = [];
  try {
    let turn = performance.now();
    for await (const event of lab.run({ for: time, signal: abort.signal })) {
      if (!MANY.has(event.type)) events.push(event);
      show(event);
      if (performance.now() - turn > TURN) {
        session.io.flush();
        // Lets an interrupt in.
        await new Promise((resolve) => setTimeout(resolve, 0));
        turn = performance.now();
      }
    }
    const summary = lab.summary();
    show(summary);
    session.exitCode = exitCode(summary);
    return { events, summary };
  } finally {
    release();
    lab[Symbol.dispose]();
  }
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
