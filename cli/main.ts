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
import { hostIo, type Io } from "./io.ts";
import { EXIT, EXIT_HELP, runProgram, type Session } from "./program.ts";

export type { Draft, Io, TerminalInput } from "./io.ts";

/** Makes a command. */
type Maker = (session: Session) => CommandUnknownOpts;

/** The commands in the order of the help page, each loaded when it is asked for. */
const COMMANDS: Readonly<Record<string, () => Promise<Maker>>> = {
  demo: async () => (await import("./demo.ts")).demoCommand,
  boot: async () => (await import("./boot.ts")).bootCommand,
  inject: async () => (await import("./inject.ts")).injectCommand,
  "dump-pt": async () => (await import("./dump_pt.ts")).dumpPtCommand,
  bench: async () => (await import("./bench.ts")).benchCommand,
  guests: async () => (await import("./guests.ts")).guestsCommand,
  schema: async () => (await import("./schema.ts")).schemaCommand,
  completions: async () => (await import("./completions.ts")).completionsCommand,
};

/**
 * Makes the command tree.
 *
 * @param word The first argument: with the name of a command, the tree has only that.
 */
async function program(session: Session, word?: string): Promise<CommandUnknownOpts> {
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
  const names = word !== undefined && Object.hasOwn(COMMANDS, word)
    ? [word]
    : Object.keys(COMMANDS);
  for (const make of await Promise.all(names.map((name) => COMMANDS[name]!()))) {
    root.addCommand(make(session));
  }
  if (word === "complete") {
    const { completeCommand } = await import("./completions.ts");
    root.addCommand(completeCommand([...root.commands]), { hidden: true });
  }
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
  return await runProgram(await program(session, args[0]), args, session);
}

if (import.meta.main) Deno.exit(await main(Deno.args));
