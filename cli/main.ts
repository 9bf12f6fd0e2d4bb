/**
 * The command `understudy`.
 *
 * ```sh
 * deno run --allow-read jsr:@understudy/vmm/cli boot ucos-1 ucos-2 --for 500ms
 * ```
 *
 * @module
 */

import { Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import config from "../deno.json" with { type: "json" };
import { benchCommand } from "./bench.ts";
import { bootCommand } from "./boot.ts";
import { completeCommand, completionsCommand } from "./completions.ts";
import { demoCommand } from "./demo.ts";
import { dumpPtCommand } from "./dump_pt.ts";
import { guestsCommand } from "./guests.ts";
import { injectCommand } from "./inject.ts";
import { hostIo, type Io } from "./io.ts";
import { EXIT, EXIT_HELP, runProgram, type Session } from "./program.ts";
import { schemaCommand } from "./schema.ts";

export type { Draft, Io, TerminalInput } from "./io.ts";

/** Makes the command tree. */
function program(session: Session): CommandUnknownOpts {
  const root = new Command("understudy")
    .description(
      "A virtual machine monitor that keeps a standby image of every guest and of every task, on " +
        "an emulated ARM920T board.",
    )
    .version(config.version, "-V, --version", "print the version")
    .helpCommand(true)
    // Options after the name of a command are its own, also where two levels have the same.
    .enablePositionalOptions()
    .showSuggestionAfterError(true)
    .addHelpText("after", `\nunderstudy COMMAND --help tells more, with examples.\n${EXIT_HELP}`);
  for (
    const make of [
      demoCommand,
      bootCommand,
      injectCommand,
      dumpPtCommand,
      benchCommand,
      guestsCommand,
      schemaCommand,
      completionsCommand,
    ]
  ) {
    root.addCommand(make(session));
  }
  root.addCommand(completeCommand(() => program(session)), { hidden: true });
  return root;
}

/**
 * Runs the command.
 *
 * @param args Arguments after the command's name.
 * @param io The outside; the real one unless given.
 * @returns Exit code: 0 the run ended as asked, 1 the system stopped with an error of its own, 2 bad
 * input, 70 a defect of this program, 130 interrupted.
 */
export async function main(args: readonly string[], io: Io = hostIo()): Promise<number> {
  const session: Session = { io, exitCode: EXIT.ENDED };
  return await runProgram(program(session), args, session);
}

if (import.meta.main) Deno.exit(await main(Deno.args));
