/**
 * `understudy schema`: the JSON schemas of the configuration file and of campaign files.
 *
 * @module
 */

import { Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { oneOf } from "./choices.ts";
import { examplesHelp, type Session } from "./program.ts";
import { SHARED } from "./settings.ts";

const FILES = ["configuration", "campaign"] as const;

/** Makes the command. */
export function schemaCommand(session: Session): CommandUnknownOpts {
  const { io } = session;
  return new Command("schema")
    .summary("print the JSON schema of the configuration file or of campaign files")
    .description(
      "Prints the JSON schema of the configuration file, or of campaign files, for editors that " +
        "complete and check YAML.",
    )
    .argument("[FILE]", `which file: ${FILES.join(", ")}`)
    .addOption(SHARED.json)
    .addHelpText("after", HELP)
    .action(async (file, options) => {
      const schema = oneOf(file ?? "configuration", FILES, "FILE") === "campaign"
        ? (await import("./campaign_config.ts")).campaignJsonSchema()
        : (await import("./config.ts")).configJsonSchema();
      io.out(`${options.json ? JSON.stringify(schema) : JSON.stringify(schema, null, 2)}\n`);
    });
}

const HELP = examplesHelp([
  ["schema > understudy.schema.json", "write it to a file"],
  ["schema campaign > campaign.schema.json", "that of campaign files"],
  ["schema --json", "the same on one line"],
]);
