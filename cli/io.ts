/**
 * The outside of a command: terminal, files and interrupts, behind one small interface.
 *
 * @module
 */

import { InputError } from "../mod.ts";
import { createDraft, type Draft, makeFolder } from "./draft.ts";

export type { Draft } from "./draft.ts";

/** Standard input. */
export interface TerminalInput {
  /** It is a terminal. */
  readonly terminal: boolean;
  /** Turns raw mode on or off; false when the terminal does not allow it. */
  raw(on: boolean): boolean;
  /** Its bytes as they come, to its end. */
  read(): AsyncIterable<Uint8Array>;
  /** Ends the reading. */
  close(): void;
}

/** What a command may do with the outside. */
export interface Io {
  /** Standard output may carry colour. */
  readonly color: boolean;
  /** Standard output is a terminal. */
  readonly terminal: boolean;
  /** Width of standard output in columns. */
  readonly columns: number;
  /** Writes to standard output. */
  out(text: string): void;
  /** Writes to standard error. */
  err(text: string): void;
  /** Writes out what was held back. */
  flush(): void;
  /**
   * Reads a file.
   *
   * @throws {InputError} When it can't be read.
   */
  read(path: string): Uint8Array;
  /**
   * Prepares a file that is to be written.
   *
   * @throws {InputError} When it can't be.
   */
  create(path: string): Draft;
  /**
   * Makes a folder, with those above it, unless it is there.
   *
   * @throws {InputError} When it can't be made.
   */
  folder(path: string): void;
  /** Opens standard input. */
  input(): TerminalInput;
  /** Calls `stop` when the user interrupts; the result takes that back. */
  onInterrupt(stop: () => void): () => void;
}

/** Thrown when the reader of standard output went away: nothing is wrong, but nobody listens. */
export class OutputClosed extends Error {}

/** Width taken where there is no terminal. */
const PLAIN_COLUMNS = 100;
/** Bytes of output held back before they are written. */
const HELD = 16384;

/** A variable of the environment, `""` when it is not set or may not be read. */
function variable(name: string): string {
  try {
    return Deno.env.get(name) ?? "";
  } catch {
    return "";
  }
}

/**
 * Decides about colour: NO_COLOR wins, then FORCE_COLOR and CLICOLOR_FORCE, then the terminal.
 *
 * @param terminal Output is a terminal.
 */
export function wantsColor(terminal: boolean): boolean {
  if (variable("NO_COLOR") !== "") return false;
  const forced = variable("FORCE_COLOR") || variable("CLICOLOR_FORCE");
  return forced === "" ? terminal : forced !== "0" && forced !== "false";
}

/** Why a file could not be read, in words for its user. */
function reason(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "there is no such file";
  if (error instanceof Deno.errors.IsADirectory) return "is a folder, not a file";
  if (error instanceof Deno.errors.NotCapable) return "may not be read: run with --allow-read";
  if (error instanceof Deno.errors.PermissionDenied) return "may not be read by this user";
  return `can't be read: ${error instanceof Error ? error.message : String(error)}`;
}

/** Standard input of the process. */
function hostInput(): TerminalInput {
  const terminal = Deno.stdin.isTerminal();
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  return {
    terminal,
    raw(on: boolean): boolean {
      try {
        Deno.stdin.setRaw(on);
        return true;
      } catch {
        // No terminal, or one that has no such mode.
        return false;
      }
    },
    async *read(): AsyncIterable<Uint8Array> {
      reader = Deno.stdin.readable.getReader();
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        yield value;
      }
    },
    close(): void {
      reader?.cancel().catch(() => {});
    },
  };
}

/** The real outside. */
export function hostIo(): Io {
  const encoder = new TextEncoder();
  const terminal = Deno.stdout.isTerminal();
  let columns = PLAIN_COLUMNS;
  try {
    // A terminal that does not know its size says 0.
    if (terminal) columns = Deno.consoleSize().columns || PLAIN_COLUMNS;
  } catch {
    // A terminal that does not tell its size.
  }
  let held = "";

  const write = (stream: { writeSync(bytes: Uint8Array): number }, text: string): void => {
    let bytes = encoder.encode(text);
    try {
      while (bytes.length > 0) bytes = bytes.subarray(stream.writeSync(bytes));
    } catch (error) {
      if (error instanceof Deno.errors.BrokenPipe) throw new OutputClosed();
      throw error;
    }
  };
  const flush = (): void => {
    const text = held;
    held = "";
    if (text !== "") write(Deno.stdout, text);
  };

  return {
    color: wantsColor(terminal),
    terminal,
    columns,
    out(text: string): void {
      held += text;
      if (terminal || held.length >= HELD) flush();
    },
    err(text: string): void {
      flush();
      write(Deno.stderr, text);
    },
    flush,
    read(path: string): Uint8Array {
      try {
        return Deno.readFileSync(path);
      } catch (error) {
        throw new InputError(path, reason(error));
      }
    },
    input: hostInput,
    create: createDraft,
    folder: makeFolder,
    onInterrupt(stop: () => void): () => void {
      Deno.addSignalListener("SIGINT", stop);
      return () => Deno.removeSignalListener("SIGINT", stop);
    },
  };
}
