/**
 * `boot --interactive`: the user's terminal on UART0, where VM0's shell listens.
 *
 * At a terminal, board time keeps step with host time. When the input is a pipe or a file, its lines
 * are a script: each goes out when what came before has been done, and the board runs as fast as it
 * can, so the same input gives the same run.
 *
 * @module
 */

import { InputError, type Lab, parseScript, parseTime, type TraceEvent } from "../mod.ts";
import type { Io, TerminalInput } from "./io.ts";

/** Host time between two looks at the keyboard, ms. */
const STEP = 10;
/** Most board time made up for at once, when the host was busy elsewhere, ms. */
const MOST_STEP = 100;
/** Board time of a step in which nobody has to be kept step with. */
const SCRIPT_STEP = "1ms";
/** Most board time that a line of a script is waited for. */
const PATIENCE = 1e9;

/** Ends the session: Ctrl-C and Ctrl-]. */
const ENDS: ReadonlySet<number> = new Set([0x03, 0x1d]);
const CTRL_D = 0x04;

/**
 * What is typed at a terminal in raw mode: shown, corrected, and sent on a key at a time. A line that
 * is being typed is put back after what the board says in the middle of it.
 */
export class Keyboard {
  #line = "";

  /**
   * A keyboard.
   *
   * @param send Sends text to the board.
   * @param out Writes to the terminal.
   */
  constructor(readonly send: (text: string) => void, readonly out: (text: string) => void) {}

  /**
   * Keys were pressed.
   *
   * @returns False when they end the session.
   */
  press(bytes: Uint8Array): boolean {
    for (const byte of bytes) {
      if (ENDS.has(byte) || byte === CTRL_D && this.#line === "") return false;
      if (byte === 0x0d || byte === 0x0a) {
        this.#line = "";
        this.out("\r\n");
        this.send("\n");
      } else if (byte === 0x7f || byte === 0x08) {
        if (this.#line === "") continue;
        this.#line = this.#line.slice(0, -1);
        this.out("\b \b");
        this.send("\x7f");
      } else if (byte >= 0x20 && byte < 0x7f) {
        const key = String.fromCharCode(byte);
        this.#line += key;
        this.out(key);
        this.send(key);
      }
    }
    return true;
  }

  /** Shows what the board said. */
  show(text: string): void {
    const typed = this.#line === "" ? "" : `\r${" ".repeat(this.#line.length)}\r`;
    this.out(`${typed}${text.replaceAll("\n", "\r\n")}${this.#line}`);
  }
}

/** A character of UART0 that a terminal may have. */
function printable(byte: number): string {
  if (byte === 0x0a || byte === 0x09 || byte >= 0x20 && byte < 0x7f) {
    return String.fromCharCode(byte);
  }
  return byte === 0x0d ? "" : "\u00b7";
}

/** What a session needs. */
export interface InteractiveOptions {
  /** The laboratory; it has VM0. */
  readonly lab: Lab;
  /** The outside. */
  readonly io: Io;
  /** Its input. */
  readonly input: TerminalInput;
  /** Board time after which it ends; never, unless given. */
  readonly for?: string | number | undefined;
  /** Takes the events. */
  event(event: TraceEvent): void;
}

/**
 * Joins the user to UART0 until the user, the time or the system ends it.
 *
 * @param options What it needs.
 */
export async function converse(options: InteractiveOptions): Promise<void> {
  const { lab, io, input } = options;
  let said = "";
  lab.board.soc.uart[0].onTransmit = (byte) => (said += printable(byte));
  const take = (): string => {
    const text = said;
    said = "";
    return text;
  };
  const end = options.for === undefined ? Infinity : lab.time + parseTime(options.for, "--for");
  const run = (ns: number): void => {
    for (const event of lab.runAll({ for: Math.min(ns, Math.max(0, end - lab.time)) })) {
      options.event(event);
    }
  };
  const going = (): boolean => !lab.stopped && lab.time < end;
  if (input.terminal) {
    io.out("UART0 is yours: help lists VM0's commands, Ctrl-] or Ctrl-C ends.\r\n");
    const raw = input.raw(true);
    try {
      await atTerminal({ lab, io, input, raw, run, going, take });
    } finally {
      if (raw) input.raw(false);
    }
  } else {
    await fromPipe({ lab, io, input, end, run, going, take });
  }
}

/** What both kinds of session share. */
interface Conversation {
  readonly lab: Lab;
  readonly io: Io;
  readonly input: TerminalInput;
  run(ns: number): void;
  going(): boolean;
  take(): string;
}

/** In step with host time. */
async function atTerminal(session: Conversation & { readonly raw: boolean }): Promise<void> {
  const { lab, io, input, raw } = session;
  const send = (text: string) => lab.send("vm0", text);
  const keyboard = new Keyboard(send, (text) => io.out(text));
  let open = true;
  const press = (bytes: Uint8Array): boolean => {
    if (raw) return keyboard.press(bytes);
    // The terminal shows and corrects lines itself.
    send(new TextDecoder().decode(bytes));
    return true;
  };
  const release = io.onInterrupt(() => (open = false));
  const reading = (async () => {
    for await (const bytes of input.read()) {
      if (!press(bytes)) break;
      if (!open) break;
    }
    open = false;
  })();
  try {
    let last = performance.now();
    while (open && session.going()) {
      await new Promise((resolve) => setTimeout(resolve, STEP));
      const now = performance.now();
      session.run(Math.round(Math.min(now - last, MOST_STEP) * 1e6));
      last = now;
      const text = session.take();
      if (text !== "") raw ? keyboard.show(text) : io.out(text);
      io.flush();
    }
  } finally {
    release();
    input.close();
    await reading;
  }
  io.out(raw ? "\r\n" : "\n");
}

/** Line by line, without host time. */
async function fromPipe(session: Conversation & { readonly end: number }): Promise<void> {
  const { lab, io, input } = session;
  const step = parseTime(SCRIPT_STEP, "step");
  const decoder = new TextDecoder();
  let rest = "";
  let number = 0;
  let open = true;
  const release = io.onInterrupt(() => {
    open = false;
    input.close();
  });
  const on = () => open && session.going();
  const show = () => {
    io.out(session.take());
    io.flush();
  };
  /** Runs until VM0, or who has its console, has done what it was told. */
  const settle = () => {
    const patience = lab.time + PATIENCE;
    do session.run(step); while (on() && !lab.ready("vm0") && lab.time < patience);
    show();
  };
  const line = (text: string) => {
    number++;
    for (const { time, text: said } of parseScript(text, `standard input, line ${number}`)) {
      if (time === undefined) {
        lab.send("vm0", `${said}\n`);
      } else {
        while (on() && lab.time < Number(time)) {
          session.run(Math.min(step, Number(time) - lab.time));
        }
        if (said !== "\n") lab.send("vm0", said);
      }
      settle();
    }
  };
  try {
    settle();
    for await (const bytes of input.read()) {
      rest += decoder.decode(bytes, { stream: true });
      const lines = rest.split("\n");
      rest = lines.pop()!;
      for (const text of lines) if (on()) line(text);
      if (!on()) break;
    }
    if (rest !== "" && on()) line(rest);
    // A time that was asked for is run to its end.
    while (on() && session.end !== Infinity) {
      session.run(step);
      show();
    }
  } finally {
    release();
    input.close();
    show();
  }
}

/**
 * Where an interactive session makes no sense.
 *
 * @param vm0 There is VM0.
 * @param json The output is for programs.
 * @throws {InputError} With what is allowed.
 */
export function checkInteractive(vm0: boolean, json: boolean): void {
  if (!vm0) {
    throw new InputError(
      "--interactive",
      "there is no VM0 to talk to",
      "allowed: without --no-vm0",
    );
  }
  if (json) {
    throw new InputError("--interactive", "is no output for programs", "allowed: without --json");
  }
}
