/**
 * What an experiment is judged by: console lines, calls, errors and recoveries, as a recorder hears
 * of them.
 *
 * @module
 */

import type { Recorder } from "./recorder.ts";
import type {
  FaultEvent,
  PostMortemEvent,
  RecoveryEvent,
  TraceEvent,
  UnprotectedEvent,
  VmEvent,
} from "./trace.ts";

/** A console line, or a call as text. */
export interface OutputLine {
  /** Board time, ns. */
  readonly t: number;
  /** The text. */
  readonly text: string;
}

/** Events that an experiment keeps. */
export type KeptEvent =
  | FaultEvent
  | RecoveryEvent
  | VmEvent
  | UnprotectedEvent
  | PostMortemEvent;

/** What was observed of one VM. */
export interface VmObservation {
  /** Console lines by task, `""` for the kernel's and those of a guest without tasks. */
  readonly lines: ReadonlyMap<string, readonly OutputLine[]>;
  /** Hypercalls whose number and results do not depend on time, with their results. */
  readonly calls: readonly OutputLine[];
}

/** What was observed of a run, or of a part of it; everything in the order of board time. */
export interface Observation {
  /** By VM name. */
  readonly vms: ReadonlyMap<string, VmObservation>;
  /** Errors, recoveries, changes of state. */
  readonly events: readonly KeptEvent[];
}

const KEPT: ReadonlySet<TraceEvent["type"]> = new Set<TraceEvent["type"]>([
  "fault",
  "recovery",
  "vm",
  "unprotected",
  "post-mortem",
]);

/** What is being observed of a VM, see {@linkcode VmObservation}. */
export interface VmObserver {
  /** Console lines by task. */
  lines: Map<string, OutputLine[]>;
  /** Hypercalls. */
  calls: OutputLine[];
}

/** Listens to a recorder. */
export class Observer implements Observation {
  /** By VM name. */
  readonly vms: Map<string, VmObserver> = new Map();
  /** Errors, recoveries, changes of state. */
  readonly events: KeptEvent[] = [];
  readonly #stop: () => void;

  /**
   * Listens from now on, until {@linkcode stop}.
   *
   * @param recorder The recorder; the observer hears what it hears.
   * @param now Board time, ns.
   */
  constructor(recorder: Recorder, now: () => number) {
    const { onEvent, call } = recorder;
    recorder.onEvent = (event) => {
      onEvent?.(event);
      this.#event(event);
    };
    recorder.call = (id, number, a, b, result) => {
      const text = `${number} ${a} ${b} ${result}`;
      this.#vm(recorder.name(id)).calls.push({ t: now(), text });
      call.call(recorder, id, number, a, b, result);
    };
    this.#stop = () => {
      recorder.onEvent = onEvent;
      recorder.call = call;
    };
  }

  /** Listens no more. */
  stop(): void {
    this.#stop();
  }

  #event(event: TraceEvent): void {
    if (event.type === "console") {
      const { lines } = this.#vm(event.vm);
      const task = event.task ?? "";
      const stream = lines.get(task);
      const line = { t: event.t, text: event.text };
      if (stream === undefined) lines.set(task, [line]);
      else stream.push(line);
    } else if (KEPT.has(event.type)) {
      this.events.push(event as KeptEvent);
    }
  }

  #vm(name: string): VmObserver {
    let vm = this.vms.get(name);
    if (vm === undefined) this.vms.set(name, vm = { lines: new Map(), calls: [] });
    return vm;
  }
}

/**
 * A part of an observation.
 *
 * @param after What happened at this board time or before is left out, ns.
 * @param until What happened after this board time is left out, ns.
 */
export function partOf(observation: Observation, after: number, until: number): Observation {
  const part = <T extends { readonly t: number }>(items: readonly T[]): readonly T[] => {
    const first = firstAfter(items, after);
    const end = firstAfter(items, until);
    return first === 0 && end === items.length ? items : items.slice(first, end);
  };
  const vms = new Map<string, VmObservation>();
  for (const [name, vm] of observation.vms) {
    const lines = new Map([...vm.lines].map(([task, stream]) => [task, part(stream)]));
    vms.set(name, { lines, calls: part(vm.calls) });
  }
  return { vms, events: part(observation.events) };
}

/** Index of the first item later than `t`. */
function firstAfter(items: readonly { readonly t: number }[], t: number): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (items[middle].t <= t) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Observations one after the other. */
export function joinObservations(parts: readonly Observation[]): Observation {
  const vms = new Map<string, VmObserver>();
  for (const { vms: part } of parts) {
    for (const [name, vm] of part) {
      let whole = vms.get(name);
      if (whole === undefined) vms.set(name, whole = { lines: new Map(), calls: [] });
      for (const [task, stream] of vm.lines) {
        const lines = whole.lines.get(task);
        if (lines === undefined) whole.lines.set(task, [...stream]);
        else for (const line of stream) lines.push(line);
      }
      for (const call of vm.calls) whole.calls.push(call);
    }
  }
  return { vms, events: parts.flatMap((part) => part.events) };
}

/** True when the same was observed at the same times. */
export function sameObservation(a: Observation, b: Observation): boolean {
  if (a.vms.size !== b.vms.size || a.events.length !== b.events.length) return false;
  for (const [name, vm] of a.vms) {
    const other = b.vms.get(name);
    if (other === undefined || vm.lines.size !== other.lines.size) return false;
    if (!sameLines(vm.calls, other.calls)) return false;
    for (const [task, stream] of vm.lines) {
      const lines = other.lines.get(task);
      if (lines === undefined || !sameLines(stream, lines)) return false;
    }
  }
  return a.events.every((event, i) =>
    event === b.events[i] || JSON.stringify(event) === JSON.stringify(b.events[i])
  );
}

function sameLines(a: readonly OutputLine[], b: readonly OutputLine[]): boolean {
  return a.length === b.length && a.every((line, i) => {
    const other = b[i];
    return line === other || (line.t === other.t && line.text === other.text);
  });
}
