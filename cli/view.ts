/**
 * A run as text for a terminal: the consoles of the VMs beside each other where there is room, or
 * one below the other with a prefix, and what the monitor does between them.
 *
 * @module
 */

import type { TraceEvent } from "../mod.ts";
import type { Look, Paint } from "./paint.ts";
import { vmLooks } from "./paint.ts";
import { faultKey, faultSentence, injectSentence, recoverySentence, sentence } from "./story.ts";

/** What a view needs to know. */
export interface ViewOptions {
  /** Names of the VMs that have a console of their own, in the order of their columns. */
  readonly vms: readonly string[];
  /** Width of the output. */
  readonly columns: number;
  /** Gives looks. */
  readonly paint: Paint;
  /** Side by side where there is room; otherwise always prefixed. */
  readonly lanes: boolean;
}

/** Width of the time column: `1234.567 ms`. */
const TIME = 11;
/** Least width of a console that stands beside others. */
const LEAST_LANE = 26;

/** Board time in milliseconds, in a column of its own. */
export function timeColumn(ns: number): string {
  return `${(ns / 1e6).toFixed(3)} ms`.padStart(TIME);
}

/** Characters that a console could send to play with the terminal, made visible. */
function harmless(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/\t/g, "    ").replace(/[\x00-\x1f\x7f-\x9f]/g, (character) => {
    const code = character.charCodeAt(0);
    return code < 0x20 ? String.fromCharCode(0x2400 + code) : "\u2421";
  });
}

/** Breaks a text into lines of at most that width, at blanks where there are any. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (let word of text.split(" ")) {
    while (word.length > width) {
      if (line !== "") lines.push(line);
      lines.push(word.slice(0, width));
      line = "";
      word = word.slice(width);
    }
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  lines.push(line);
  return lines;
}

/** A message of the monitor. */
interface Message {
  readonly badge: string;
  readonly look: Look;
  readonly text: string;
}

/** What the monitor says about an event; nothing about most. */
function message(event: TraceEvent, seen: Map<string, number>): Message | undefined {
  switch (event.type) {
    case "fault": {
      const key = faultKey(event);
      const again = seen.get(key) ?? 0;
      seen.set(key, again + 1);
      return { badge: "FAULT", look: "alarm", text: sentence(faultSentence(event, again)) };
    }
    case "recovery": {
      const look = event.action === "halt" ? "alarm" : "healed";
      return { badge: "RECOVERY", look, text: sentence(recoverySentence(event)) };
    }
    case "inject":
      return { badge: "INJECT", look: "notice", text: sentence(injectSentence(event)) };
    case "manage":
      if (event.result === "done") return undefined;
      return {
        badge: "MANAGE",
        look: "yellow",
        text: `${event.action} ${event.vm}: ${event.result}`,
      };
    case "input": {
      const lost = event.text.length - event.taken;
      const note = lost <= 0 ? "" : ` (${lost} bytes were not taken)`;
      return { badge: "INPUT", look: "bold", text: `${event.vm}: ${event.text.trimEnd()}${note}` };
    }
    case "vm": {
      // A VM that was created is started next.
      if (event.state === "created") return undefined;
      const why = event.reason === event.state || event.reason === "" ? "" : ` (${event.reason})`;
      return { badge: "VM", look: "bold", text: `${event.vm} is ${event.state}${why}` };
    }
    case "refused":
      return {
        badge: "refused",
        look: "yellow",
        text: `${event.vm} may not call ${event.call}: ${event.error}`,
      };
    case "unprotected": {
      const whose = event.task === undefined ? event.vm : `task ${event.task} of ${event.vm}`;
      return { badge: "warning", look: "yellow", text: `${whose} has no standby: ${event.reason}` };
    }
    case "post-mortem":
      return {
        badge: "POST-MORTEM",
        look: "alarm",
        text: [event.reason, ...event.lines].join("\n"),
      };
    default:
      return undefined;
  }
}

/**
 * Makes the view of a run.
 *
 * @param options What it needs to know.
 * @returns Function from an event to the text to print, `""` for an event that is not shown.
 */
export function runView(options: ViewOptions): { head: string; event(event: TraceEvent): string } {
  const { vms, columns, paint } = options;
  const lookOf = vmLooks();
  for (const vm of vms) lookOf(vm);
  const names = Math.max(7, ...vms.map((vm) => vm.length));
  const bar = paint("gray", "│");
  const lane = Math.floor((columns - TIME - 1) / Math.max(1, vms.length)) - 3;
  const beside = options.lanes && vms.length > 1 && lane >= LEAST_LANE;

  const seen = new Map<string, number>();
  const said = (t: number, { badge, look, text }: Message): string => {
    const indent = TIME + 1 + (badge.length + 3);
    const width = Math.max(20, columns - indent);
    const [first, ...rest] = text.split("\n").flatMap((line) => wrap(harmless(line), width));
    const loud = look === "alarm" || look === "healed" || look === "notice";
    const label = loud ? paint(look, ` ${badge} `) : ` ${paint(look, badge)} `;
    const head = `${paint("dim", timeColumn(t))} ${label} ${loud ? paint("bold", first!) : first}`;
    return [head, ...rest.map((line) => " ".repeat(indent) + (loud ? paint("bold", line) : line))]
      .map((line) => `${line}\n`).join("");
  };

  const printed = (t: number, vm: string, text: string): string => {
    const look = lookOf(vm);
    const time = paint("dim", timeColumn(t));
    const index = vms.indexOf(vm);
    if (!beside || index < 0) {
      const prefix = `${time} ${paint(look, vm.padEnd(names))} ${bar} `;
      return `${prefix}${harmless(text)}\n`;
    }
    let out = "";
    for (const [n, line] of wrap(harmless(text), lane).entries()) {
      const cells = vms.map((_, i) =>
        `${bar} ${i === index ? paint(look, line.padEnd(lane)) : " ".repeat(lane)} `
      );
      out += `${n === 0 ? time : " ".repeat(TIME)} ${cells.join("")}`.trimEnd() + "\n";
    }
    return out;
  };

  let head = "";
  if (beside) {
    const cells = vms.map((vm) => `${bar} ${paint(lookOf(vm), vm.padEnd(lane))} `);
    head = `${paint("dim", "board time".padStart(TIME))} ${cells.join("")}`.trimEnd() + "\n";
  }
  return {
    head,
    event(event: TraceEvent): string {
      if (event.type === "console") return printed(event.t, event.vm, event.text);
      const text = message(event, seen);
      return text === undefined || !("t" in event) ? "" : said(event.t, text);
    },
  };
}

/** Most columns of a paragraph, so that it can be read. */
const MEASURE = 100;

/**
 * Sets a paragraph.
 *
 * @param text The text, on one line.
 * @param columns Width of the output.
 */
export function paragraph(text: string, columns: number): string {
  return `${wrap(text, Math.min(columns, MEASURE)).join("\n")}\n`;
}
