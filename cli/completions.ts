/**
 * `understudy completions`: completion scripts for shells, and the command that they call.
 *
 * @module
 */

import { Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { oneOf } from "./choices.ts";
import { bootable } from "./guest_args.ts";
import { examplesHelp, type Session } from "./program.ts";
import { BACKUP_STRATEGIES } from "../mod.ts";

/** The shells. */
const SHELLS = ["bash", "zsh", "fish", "powershell"] as const;

/** The package that knows the shells; it prints with `console.log`. */
async function shells(): Promise<typeof import("npm:@bomb.sh/tab@0.0.22")> {
  // deno-lint-ignore no-import-prefix
  return await import("npm:@bomb.sh/tab@0.0.22");
}

/** Makes the command that prints a script. */
export function completionsCommand(_session: Session): CommandUnknownOpts {
  return new Command("completions")
    .summary("print a completion script for a shell")
    .description("Prints a script that makes a shell complete the commands and options.")
    .argument("<SHELL>", SHELLS.join(", "))
    .addHelpText("after", HELP)
    .action(async (shell) => {
      oneOf(shell, SHELLS, "SHELL");
      const { default: tab } = await shells();
      tab.setup("understudy", "understudy", shell);
    });
}

/**
 * Makes the hidden command that the scripts call with the words typed so far.
 *
 * @param commands The commands whose names are completed.
 */
export function completeCommand(commands: readonly CommandUnknownOpts[]): CommandUnknownOpts {
  return new Command("complete")
    .argument("[WORDS...]")
    .allowUnknownOption()
    .helpOption(false)
    .action(async (words) => {
      const { default: tab } = await shells();
      for (const command of commands) {
        const known = tab.command(command.name(), command.summary());
        for (const option of command.options) {
          const name = option.long?.slice(2);
          if (name === undefined) continue;
          const values = name === "backup" ? BACKUP_STRATEGIES : [];
          if (!option.required && !option.optional) known.option(name, option.description);
          else {
            known.option(name, option.description, (complete) => {
              for (const value of values) complete(value, "");
            });
          }
        }
        for (const argument of command.registeredArguments) {
          const values = argument.name() === "SHELL" ? SHELLS : bootable();
          known.argument(argument.name(), (complete) => {
            for (const value of values) complete(value, "");
          }, argument.variadic);
        }
      }
      tab.parse(words);
    });
}

const HELP = examplesHelp([
  ["completions bash >> ~/.bashrc", "for bash"],
  ["completions fish > ~/.config/fish/completions/understudy.fish", "for fish"],
]);
