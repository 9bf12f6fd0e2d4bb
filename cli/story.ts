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

/** What is wrong with an access, by the decoded fault status; follows the place. */
function refusal(fsr: string | undefined): string {
  switch (fsr?.split("-")[0]) {
    case "alignment":
      return "an address that is not aligned";
    case "translation":
      return "where nothing is mapped";
    case "domain":
      return "which is not its own";
    case "permission":
      return "which it may not access so";
    case "external":
      return "where the bus answers with an error";
    default:
      return "which is not allowed";
  }
}

/**
 * The error, as a sentence.
 *
 * @param event The error.
 * @param again How often the very same error was there before.
 */
export function faultSentence(event: FaultEvent, again = 0): string {
  const who = culprit(event);
  const at = place(event.pc, event.pc_symbol);
  if (event.class === "vmm") return `${who} failed: ${event.detail ?? `${event.kind} at ${at}`}`;
  const where = event.far_symbol ?? event.far ?? "memory";
  if (again > 0) {
    const touched = event.kind === "data-abort" ? ` ${wanted(event.instruction)} ${where}:` : ",";
    return `the same error again: ${who}${touched} ${event.kind} at ${event.pc_symbol ?? at}`;
  }
  switch (event.kind) {
    case "data-abort":
      return `${who} ${wanted(event.instruction)} ${where}, ${refusal(event.fsr)}; ` +
        `the MMU raised a data abort (${event.fsr ?? "?"}) at ${at}`;
    case "prefetch-abort":
      return `${who} went on at ${at}, where it has no code; ` +
        `the MMU raised a prefetch abort (${event.fsr ?? "?"})`;
    case "undefined":
      return `${who} met an undefined instruction at ${at}`;
    case "hypercall":
      return `${who} made a call that the monitor refuses: ${event.detail ?? at}`;
    case "watchdog":
      return `${who} gave no sign of life for too long`;
    case "standby-damaged":
      return `the standby image of ${event.task ?? event.vm} was found damaged before use`;
    case "table-damaged":
      return `a page table of ${event.vm} was found damaged`;
    case "text-damaged":
      return `the text of ${event.task ?? event.vm} was found damaged, and is loaded anew`;
    case "privilege":
      return `${who} was found in a privileged mode at ${at}`;
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
      return `the next step of the ladder: ${task} is restarted from its image`;
    case "stop-task":
      return `the last step of the ladder: ${task} is stopped; ${vm} goes on without it`;
    case "swap-guest":
      return `all tables of ${vm} and its tasks change places: ` +
        `the guest goes on from ${fromCheckpoint(event)}`;
    case "restart-guest":
      return `the next step of the ladder: ${vm} is restarted from its image`;
    case "stop-guest":
      return `the last step of the ladder: ${vm} is stopped; the other guests go on`;
    case "kill-task":
      return `the last step of the ladder: ${task} is deleted; ${vm} goes on without it`;
    case "kill-guest":
      return `the last step of the ladder: ${vm} is deleted; the other guests go on`;
    case "skip":
      return `the instruction is skipped: ${task ?? vm} goes on after it`;
    case "halt":
      return "the whole system stops";
  }
}

/** The injection, as a sentence. */
export function injectSentence(event: InjectEvent): string {
  return `fault injected into ${event.vm}: ${event.fault}: ${event.detail}`;
}

/** What makes two faults the same error: who, what and where. */
export function faultKey(event: FaultEvent): string {
  const { vm, task, kind, fsr, far, pc } = event;
  return [event.class, vm, task, kind, fsr, far, pc].join("|");
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
      const key = faultKey(event);
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
  "kill-task": "deleted",
  "kill-guest": "deleted",
  "skip": "let go on after the instruction",
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
    `${count(guests.length, "guest")} ran for ${time} of board time on one emulated CPU, ` +
      `${guests.length === 1 ? "" : "each "}in page tables of its own.`,
  );
  for (const { first, times, actions } of groups) {
    // Said at the end, with its post-mortem.
    if (first.class === "vmm") continue;
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
      const going = tasks.filter(({ state, dispatched }) =>
        dispatched > 0 && (state === "ready" || state === "waiting")
      ).map(({ task }) => task);
      if (stopped.length > 0 && going.length > 0) {
        const verbs = [stopped.length === 1 ? "is" : "are", going.length === 1 ? "runs" : "run"];
        parts.push(
          `In ${vm}, ${join(stopped)} ${verbs[0]} stopped; ${join(going)} still ${verbs[1]}.`,
        );
      }
    }
  }
  switch (summary.outcome) {
    case "ended":
      break;
    case "stopped": {
      const last = events.findLast(({ type }) => type === "post-mortem");
      const why = last?.type === "post-mortem" ? `: ${last.reason}` : "";
      parts.push(`The whole system stopped at ${time}${why}.`);
      break;
    }
    case "aborted":
      parts.push("The run was interrupted.");
      break;
  }
  if (summary.outcome !== "aborted") {
    parts.push(
      `The same images, configuration and seed give trace hash ${summary.hash} every time.`,
    );
  }
  return parts.join(" ");
}
