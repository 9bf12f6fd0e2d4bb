/**
 * What the events of a run mean, in sentences. Everything said here is taken from the events.
 *
 * @module
 */

import type { FaultEvent, InjectEvent, RecoveryEvent, SummaryEvent, TraceEvent } from "../mod.ts";

/** A length of board time, with a unit that suits it. */
export function duration(ns: number): string {
  for (const [unit, size] of [["s", 1e9], ["ms", 1e6], ["µs", 1e3]] as const) {
    if (ns >= size) return `${Number((ns / size).toPrecision(3))} ${unit}`;
  }
  return `${ns} ns`;
}

/** A count with its noun: `1 fault`, `2 faults`. */
export function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}

/** Names in a sentence: `a`, `a and b`, `a, b and c`. */
export function join(names: readonly string[]): string {
  if (names.length < 2) return names[0] ?? "";
  return `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

/** An address, with its symbol where there is one. */
export function place(address: string | undefined, symbol: string | undefined): string {
  if (address === undefined) return symbol ?? "-";
  return symbol === undefined ? address : `${symbol} (${address})`;
}

/** Who raised a fault. */
export function culprit(event: FaultEvent): string {
  switch (event.class) {
    case "task":
      return `task ${event.task ?? "?"} of ${event.vm}`;
    case "guest":
      return `the kernel of ${event.vm}`;
    case "vmm":
      return "the monitor itself";
  }
}

/** What an access wanted, by its instruction. */
function wanted(instruction: string | undefined): string {
  if (/^(str|stm|push)/i.test(instruction ?? "")) return "tried to write to";
  if (/^(ldr|ldm|pop)/i.test(instruction ?? "")) return "tried to read";
  return "touched";
}

/** Why the MMU refused, by the decoded fault status. */
function refusal(fsr: string | undefined): string {
  const kind = fsr?.split("-")[0];
  switch (kind) {
    case "alignment":
      return "the address is not aligned";
    case "translation":
      return "nothing is mapped there";
    case "domain":
      return "that memory belongs to somebody else";
    case "permission":
      return "that memory is read-only or not its own";
    case "external":
      return "the bus answered with an error";
    default:
      return "the access is not allowed";
  }
}

/** The error, as a sentence. */
export function faultSentence(event: FaultEvent): string {
  const who = culprit(event);
  const at = `at ${place(event.pc, event.pc_symbol)}`;
  const where = event.far_symbol ?? event.far ?? "memory";
  switch (event.kind) {
    case "data-abort":
      return `${who} ${wanted(event.instruction)} ${where}, but ${refusal(event.fsr)}: ` +
        `the MMU raised a data abort (${event.fsr ?? "?"}) ${at}`;
    case "prefetch-abort":
      return `${who} ran into ${place(event.pc, event.pc_symbol)}, where it has no code: ` +
        `the MMU raised a prefetch abort (${event.fsr ?? "?"})`;
    case "undefined":
      return `${who} met an undefined instruction ${at}`;
    case "hypercall":
      return `${who} made a call that the monitor refuses: ${event.detail ?? at}`;
    case "watchdog":
      return `${who} gave no sign of life for too long`;
    case "standby-damaged":
      return `the standby image of ${event.task ?? event.vm} was found damaged before use`;
    case "table-damaged":
      return `a page table of ${event.vm} was found damaged`;
  }
}

/** Which checkpoint, as a part of a sentence. */
function fromCheckpoint(event: RecoveryEvent): string {
  const age = event.lost >= 0 ? `, taken ${duration(event.lost)} before` : "";
  return event.generation > 0
    ? `an older checkpoint (generation ${event.generation})${age}`
    : `its last checkpoint${age}`;
}

/** The recovery, as a sentence. */
export function recoverySentence(event: RecoveryEvent): string {
  const { vm, task } = event;
  switch (event.action) {
    case "swap-task":
      return `the active and the standby page tables of ${task} change places: ` +
        `it goes on from ${fromCheckpoint(event)}`;
    case "restart-task":
      return `rolling back did not help: ${task} is restarted from its image`;
    case "stop-task":
      return `its ladder ends here: ${task} is stopped; ${vm} goes on without it`;
    case "swap-guest":
      return `all tables of ${vm} and its tasks change places: ` +
        `the guest goes on from ${fromCheckpoint(event)}`;
    case "restart-guest":
      return `${vm} is restarted from its image`;
    case "stop-guest":
      return `its ladder ends here: ${vm} is stopped; the other guests go on`;
    case "halt":
      return "the whole system stops: the monitor has no standby";
  }
}

/** The injection, as a sentence. */
export function injectSentence(event: InjectEvent): string {
  return `fault injected into ${event.vm}: ${event.fault}: ${event.detail}`;
}

/** Faults that are the same error at the same place. */
export interface FaultGroup {
  /** The first of them. */
  readonly first: FaultEvent;
  /** How often. */
  times: number;
  /** What was done about each, in order. */
  readonly actions: RecoveryEvent[];
}

/** Puts faults that are the same error together, with what was done about them. */
export function groupFaults(events: readonly TraceEvent[]): FaultGroup[] {
  const groups = new Map<string, FaultGroup>();
  let last: FaultGroup | undefined;
  for (const event of events) {
    if (event.type === "fault") {
      const { vm, task, kind, fsr, far, pc } = event;
      const key = [vm, task, event.class, kind, fsr, far, pc].join("|");
      last = groups.get(key);
      if (last === undefined) groups.set(key, last = { first: event, times: 0, actions: [] });
      last.times++;
    } else if (event.type === "recovery") {
      last?.actions.push(event);
    }
  }
  return [...groups.values()];
}

const ACTION_WORDS: Readonly<Record<RecoveryEvent["action"], string>> = {
  "swap-task": "rolled back",
  "restart-task": "restarted from its image",
  "stop-task": "stopped",
  "swap-guest": "rolled back",
  "restart-guest": "restarted from its image",
  "stop-guest": "stopped",
  "halt": "halted with the whole system",
};

/** The ladder that a group of faults went up: `rolled back 3 times, then stopped`. */
export function ladderText(actions: readonly RecoveryEvent[]): string {
  const steps: { word: string; times: number }[] = [];
  for (const { action } of actions) {
    const word = ACTION_WORDS[action];
    if (steps.at(-1)?.word === word) steps.at(-1)!.times++;
    else steps.push({ word, times: 1 });
  }
  return steps.map(({ word, times }) => times === 1 ? word : `${word} ${times} times`)
    .join(", then ");
}

/** A sentence starts with a capital. */
export function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/**
 * What a run showed, as a paragraph.
 *
 * @param events All events of the run.
 * @param summary Its last one.
 */
export function conclusion(events: readonly TraceEvent[], summary: SummaryEvent): string {
  const parts: string[] = [];
  const guests = summary.vms.filter(({ vm }) => vm !== "vm0");
  const groups = groupFaults(events);
  const time = duration(summary.t);

  parts.push(
    `${count(guests.length, "guest")} ran for ${time} of board time on one emulated CPU, each in ` +
      "page tables of its own.",
  );
  for (const { first, times, actions } of groups) {
    const what = first.kind === "data-abort"
      ? `${wanted(first.instruction)} ${first.far_symbol ?? first.far}`
      : `raised "${first.kind}"`;
    const often = times === 1 ? "once" : `${times} times`;
    const done = actions.length === 0 ? "nothing was done" : `it was ${ladderText(actions)}`;
    parts.push(
      `${sentence(culprit(first))} ${what} ${often}, always at ${
        place(first.pc, first.pc_symbol)
      }; ${done}.`.replace(", always", times === 1 ? "," : ", always"),
    );
  }
  const struck = new Set(groups.map(({ first }) => first.vm));
  const lastFault = events.findLast(({ type }) => type === "fault");
  if (lastFault === undefined) {
    parts.push("No error was detected.");
  } else {
    const untouched = guests.filter(({ vm }) => !struck.has(vm)).map(({ vm }) => vm);
    if (untouched.length > 0) {
      parts.push(
        `${join(untouched)} had no error and ${untouched.length === 1 ? "was" : "were"} ` +
          "not touched by any recovery.",
      );
    }
    const after = new Set<string>();
    for (const event of events) {
      if (event.type === "console" && event.t > lastFault.t) after.add(event.vm);
    }
    const alive = guests.map(({ vm }) => vm).filter((vm) => after.has(vm));
    if (alive.length > 0) {
      const all = alive.length === guests.length ? "all guests" : join(alive);
      parts.push(`After the last error, at ${duration(lastFault.t)}, ${all} kept printing.`);
    }
    for (const { vm, tasks } of guests.filter(({ vm }) => struck.has(vm))) {
      const stopped = tasks.filter(({ state }) => state === "stopped").map(({ task }) => task);
      const alive = tasks.filter(({ state }) => state === "ready" || state === "waiting")
        .map(({ task }) => task);
      if (stopped.length > 0 && alive.length > 0) {
        parts.push(`In ${vm}, ${join(stopped)} is stopped; ${join(alive)} still run.`);
      }
    }
  }
  switch (summary.outcome) {
    case "ended":
      break;
    case "stopped":
      parts.push("The system stopped, because the monitor itself failed.");
      break;
    case "aborted":
      parts.push("The run was interrupted.");
      break;
  }
  parts.push(`The same images, configuration and seed give trace hash ${summary.hash} every time.`);
  return parts.join(" ");
}
