/**
 * One experiment: the same run with and without a fault, and what became of it.
 *
 * @module
 */

import type { Fault } from "./fault.ts";
import { Lab, type LabOptions } from "./lab.ts";
import type { InjectEvent, SummaryEvent, TraceEvent } from "./trace.ts";

/** What became of an injected fault. Exclusive; the rule of each is in {@linkcode classify}. */
export type Outcome =
  | "not-activated"
  | "masked"
  | "recovered"
  | "restarted"
  | "stopped-task"
  | "stopped-guest"
  | "stopped-system"
  | "hang"
  | "silent-corruption"
  | "isolation-broken";

/** Result of one experiment. */
export interface FaultResult {
  /** The fault struck. */
  fired: boolean;
  /** Class of what became of it. */
  outcome: Outcome;
  /** In words. */
  detail: string;
  /** The run without the fault. */
  golden: SummaryEvent;
  /** The run with it. */
  faulty: SummaryEvent;
  /** Faults, recoveries, injections and state changes of the faulty run. */
  events: TraceEvent[];
}

const KEPT: ReadonlySet<string> = new Set(["inject", "fault", "recovery", "vm", "post-mortem"]);

/**
 * Runs a laboratory twice for `forNs` nanoseconds, the second time with a fault, and classes the
 * difference.
 *
 * @throws {InputError} On bad options, a bad fault, or a fault past the end of the run.
 */
export async function runFault(
  options: LabOptions,
  vm: string,
  fault: Fault,
  forNs: number,
): Promise<FaultResult> {
  const first = await Lab.create(options);
  const goldenConsole = consoleText(first.runAll({ until: forNs }));
  const golden = first.summary();
  const second = await Lab.create(options);
  second.inject(vm, fault);
  const all = second.runAll({ until: forNs });
  const faulty = second.summary();
  const events = all.filter((e) => KEPT.has(e.type));
  const injected = all.find((e) => e.type === "inject") as InjectEvent | undefined;
  const fired = injected !== undefined && !injected.detail.startsWith("did not fire");
  const text = consoleText(all);
  const outcome = classify({ vm, fired, golden, faulty, events, goldenConsole, text });
  const detail = injected?.detail ?? "did not fire: its time lies past the end of the run";
  return { fired, outcome, detail, golden, faulty, events };
}

/** Console lines by VM, in order. */
function consoleText(events: readonly TraceEvent[]): Map<string, string[]> {
  const text = new Map<string, string[]>();
  for (const e of events) {
    if (e.type !== "console") continue;
    const lines = text.get(e.vm) ?? [];
    lines.push(e.text);
    text.set(e.vm, lines);
  }
  return text;
}

/** What {@linkcode classify} looks at. */
interface Evidence {
  vm: string;
  fired: boolean;
  golden: SummaryEvent;
  faulty: SummaryEvent;
  events: readonly TraceEvent[];
  goldenConsole: ReadonlyMap<string, readonly string[]>;
  text: ReadonlyMap<string, readonly string[]>;
}

/**
 * The rules, first match wins:
 * 1. the fault did not strike: not-activated;
 * 2. another guest's console text, as far as both runs got, differs: isolation-broken;
 * 3. a class-3 stop: stopped-system;
 * 4. the last recovery of the guest stopped a task or the guest: stopped-task, stopped-guest;
 * 5. a restart from the image: restarted;
 * 6. the guest printed nothing more after the fault although it did in the golden run: hang;
 * 7. a rollback: recovered when each golden line is there and the guest goes on, otherwise
 *    silent-corruption;
 * 8. no recovery: masked when the text is the golden one, otherwise silent-corruption.
 */
function classify(e: Evidence): Outcome {
  if (!e.fired) return "not-activated";
  for (const [name, lines] of e.goldenConsole) {
    if (name === e.vm || name === "vm0") continue;
    if (!samePrefix(lines, e.text.get(name) ?? [])) return "isolation-broken";
  }
  if (e.faulty.outcome === "stopped") return "stopped-system";
  const actions = e.events.flatMap((x) => x.type === "recovery" && x.vm === e.vm ? [x.action] : []);
  if (actions.includes("stop-guest")) return "stopped-guest";
  if (actions.includes("stop-task")) return "stopped-task";
  if (actions.some((a) => a.startsWith("restart"))) return "restarted";
  const golden = e.goldenConsole.get(e.vm) ?? [];
  const lines = e.text.get(e.vm) ?? [];
  if (lines.length < golden.length / 2) return "hang";
  if (actions.length > 0) return isSubset(golden, lines) ? "recovered" : "silent-corruption";
  return samePrefix(golden, lines) ? "masked" : "silent-corruption";
}

/** The shorter of two texts begins the longer, and they are about equally long. */
function samePrefix(a: readonly string[], b: readonly string[]): boolean {
  const n = Math.min(a.length, b.length);
  if (Math.abs(a.length - b.length) > 2) return false;
  for (let i = 0; i < n; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** All golden lines but the last two (the run may end before them) occur. */
function isSubset(golden: readonly string[], lines: readonly string[]): boolean {
  const have = new Set(lines);
  return golden.slice(0, -2).every((line) => have.has(line));
}
