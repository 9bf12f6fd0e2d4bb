/**
 * Why a manifested error was not recovered: causes that exclude each other, and what would help.
 *
 * @module
 */

import type { ExperimentRow } from "./campaign_spec.ts";

/** What is known of a cause. */
export interface CauseText {
  /** What happened. */
  readonly what: string;
  /** What would move the figure. */
  readonly remedy: string;
}

/** The causes, in the order in which they are tried; the first that holds is the cause. */
export const CAUSES = {
  "crash": {
    what: "emulator or monitor failed on the host",
    remedy: "the defect is mended",
  },
  "masked-tick": {
    what:
      "a guest ran with interrupts masked in CPSR, which only privileged code can do, or in another mode",
    remedy: "a tick by FIQ, which a flip of the I bit leaves; a watchdog outside the chip",
  },
  "isolation": {
    what: "another guest was touched",
    remedy: "the monitor's own records are protected as those of guests are",
  },
  "monitor-record": {
    what: "a word of the monitor's records, tables or journals is wrong, or the machine's",
    remedy: "checked copies of the monitor's records",
  },
  "wrong-call": {
    what: "a call went out as another legal one, or its result came back as another legal one",
    remedy: "a check word over number, arguments and result of calls",
  },
  "wrong-text": {
    what:
      "the damaged text still is a program: it computes something else, and nothing is violated",
    remedy: "text checked by the scrubber, not only after an error; results computed twice",
  },
  "wrong-value": {
    what: "a task or kernel computed with a wrong value or instruction, and nothing is violated",
    remedy: "assertions in the workload; results computed twice",
  },
  "no-progress": {
    what: "a task or guest has ended or waits for ever, and nothing is violated",
    remedy: "a watchdog of each task's progress",
  },
  "found-late": {
    what: "output was wrong before the error was found",
    remedy: "earlier detection; a period of checkpoints above the time to detection",
  },
  "others-saw": {
    what: "a task came back alone, and others had its messages, output or lack of it already",
    remedy: "journal: log, or guest as the first step of the ladder",
  },
  "old-damage": {
    what: "no checkpoint was without the error, or the ladder was at its end",
    remedy: "more generations, or a longer period",
  },
  "after-recovery": {
    what: "the guest came back, and what it printed then was wrong or came twice",
    remedy: "more generations; outputCommit",
  },
} as const satisfies Readonly<Record<string, CauseText>>;

/** A cause. */
export type Cause = keyof typeof CAUSES;

/** How often a cause was met. */
export interface CauseCount {
  /** The cause. */
  readonly cause: Cause;
  /** Whose state was struck. */
  readonly party: ExperimentRow["party"];
  /** Of the errors that were found. */
  readonly detected: number;
  /** Of those that were not. */
  readonly undetected: number;
}

const TEXT: ReadonlySet<string> = new Set(["task-text", "kernel-text", "common-text"]);
const CALLS: ReadonlySet<string> = new Set(["calls", "hypercalls"]);

/** Why an error was not recovered; undefined when it was, or when none manifested. */
export function causeOf(row: ExperimentRow): Cause | undefined {
  const { outcome, target, party, detected, manifested, recovered, actions } = row;
  if (outcome === "crash") return "crash";
  if (!manifested || recovered) return undefined;
  if (outcome === "isolation-broken") return target === "status" ? "masked-tick" : "isolation";
  if (party === "vmm") return "monitor-record";
  if (!detected) {
    if (CALLS.has(target)) return "wrong-call";
    if (outcome !== "silent-corruption") return "no-progress";
    return TEXT.has(target) ? "wrong-text" : "wrong-value";
  }
  if (outcome === "silent-corruption") return "found-late";
  if (outcome === "corruption-after-recovery" || outcome === "output-repeated") {
    const alone = actions !== "" && !actions.includes("guest");
    return alone ? "others-saw" : "after-recovery";
  }
  return "old-damage";
}

/** Counts causes. */
export class CauseTally {
  readonly #counts: Map<string, CauseCount> = new Map();

  /** Takes an experiment in. */
  add(row: ExperimentRow): void {
    const cause = causeOf(row);
    if (cause === undefined) return;
    const { party, detected } = row;
    const key = `${cause} ${party}`;
    const before = this.#counts.get(key) ?? { cause, party, detected: 0, undetected: 0 };
    this.#counts.set(key, {
      ...before,
      detected: before.detected + (detected ? 1 : 0),
      undetected: before.undetected + (detected ? 0 : 1),
    });
  }

  /** What was met, in the order of the causes. */
  get counts(): CauseCount[] {
    const order = Object.keys(CAUSES);
    const parties = ["task", "guest", "vmm"];
    return [...this.#counts.values()].sort((a, b) =>
      order.indexOf(a.cause) - order.indexOf(b.cause) ||
      parties.indexOf(a.party) - parties.indexOf(b.party)
    );
  }
}
