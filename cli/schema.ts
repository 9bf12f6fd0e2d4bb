/**
 * `understudy schema`: the JSON schema of the configuration file.
 *
 * @module
 */

import { Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { examplesHelp, type Session } from "./program.ts";
import { SHARED } from "./settings.ts";

/** Makes the command. */
export function schemaCommand(session: Session): CommandUnknownOpts {
  const { io } = session;
  return new Command("schema")
    .summary("print the JSON schema of the configuration file")
    .description(
      "Prints the JSON schema of the configuration file, for editors that complete and check YAML.",
    )
    .addOption(SHARED.json)
    .addHelpText("after", HELP)
    .action(async (options) => {
      const { configJsonSchema } = await import("./config.ts");
      const schema = configJsonSchema();
      io.out(`${options.json ? JSON.stringify(schema) : JSON.stringify(schema, null, 2)}\n`);
    });
}

const HELP = examplesHelp([
  ["schema > understudy.schema.json", "write it to a file"],
  ["schema --json", "the same on one line"],
]);
