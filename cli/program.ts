/**
 * Running a command tree: messages, exit codes, and what all commands share.
 *
 * @module
 */

import { CommanderError, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { InputError } from "../mod.ts";
import { type Io, OutputClosed } from "./io.ts";

/** Exit codes of the command. */
export const EXIT = {
  /** The run ended as asked. */
  ENDED: 0,
  /** The system stopped with an error of its own (class 3). */
  STOPPED: 1,
  /** Bad input; nothing was done. */
  BAD_INPUT: 2,
  /** A defect of this program. */
  DEFECT: 70,
  /** Interrupted by the user. */
  INTERRUPTED: 130,
} as const;

/** One call of the command. */
export interface Session {
  /** The outside. */
  readonly io: Io;
  /** Exit code, set by the command that ran. */
  exitCode: number;
}

/** Text below every help page. */
export const EXIT_HELP = `
Exit codes:
  0  the run ended as asked
  1  the system stopped with an error of its own
  2  bad input; nothing was done`;

/**
 * Text with examples for the end of a help page.
 *
 * @param lines Pairs of a command line, without `understudy`, and what it does.
 */
export function examplesHelp(lines: readonly (readonly [command: string, what: string])[]): string {
  const text = lines.map(([command, what]) => `  # ${what}\n  understudy ${command}`);
  return `\nExamples:\n${text.join("\n")}`;
}

/** One line from a message of commander's, which may have two. */
function commanderLine(message: string): string {
  return message.replace(/^error: /, "").replace(/\s*\n\s*/g, " ").replace(
    /\(Did you mean (.*)\?\)$/,
    "(did you mean $1?)",
  );
}

/** Prepares a command and those below it: output through `io`, no exit. */
function prepare(command: CommandUnknownOpts, io: Io): void {
  command.exitOverride();
  command.configureOutput({
    writeOut: (text) => io.out(text),
    writeErr: (text) => io.err(text),
    outputError: () => {},
    getOutHelpWidth: () => Math.min(io.columns, PAGE_COLUMNS),
    getErrHelpWidth: () => Math.min(io.columns, PAGE_COLUMNS),
    getOutHasColors: () => io.color,
    getErrHasColors: () => io.color,
  });
  for (const below of command.commands) prepare(below, io);
}

/** Most columns of a help page. */
const PAGE_COLUMNS = 100;

/**
 * Runs a command tree and turns whatever goes wrong into one line and an exit code.
 *
 * @param program The tree; its name starts the message.
 * @param args Arguments after the program's name.
 * @param session The call.
 * @returns Exit code.
 */
export async function runProgram(
  program: CommandUnknownOpts,
  args: readonly string[],
  session: Session,
): Promise<number> {
  const { io } = session;
  prepare(program, io);
  try {
    try {
      await program.parseAsync([...args], { from: "user" });
    } finally {
      io.flush();
    }
    return session.exitCode;
  } catch (error) {
    if (error instanceof OutputClosed) return session.exitCode;
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return EXIT.ENDED;
      // Help that was not asked for went to standard error already.
      if (error.code !== "commander.help") io.err(`understudy: ${commanderLine(error.message)}\n`);
      return EXIT.BAD_INPUT;
    }
    if (error instanceof InputError) {
      io.err(`understudy: ${error.message}\n`);
      return EXIT.BAD_INPUT;
    }
    const text = error instanceof Error ? error.stack ?? error.message : String(error);
    io.err(`understudy: a defect of this program, not of your input; please report it\n${text}\n`);
    return EXIT.DEFECT;
  }
}
