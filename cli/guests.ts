/**
 * `understudy guests`: the images that come with the package.
 *
 * @module
 */

import { Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { guestNames, guestSummaries, loadGuest } from "../guests/mod.ts";
import { painter } from "./paint.ts";
import { examplesHelp, EXIT_HELP, type Session } from "./program.ts";
import { SHARED } from "./settings.ts";
import { table } from "./tables.ts";

/** Makes the command. */
export function guestsCommand(session: Session): CommandUnknownOpts {
  const { io } = session;
  return new Command("guests")
    .summary("list the guest images that come with the package")
    .description("Lists the guest images that come with the package.")
    .addOption(SHARED.json)
    .addHelpText("after", HELP)
    .action(async (options) => {
      const guests = await Promise.all(guestNames.map(async (name) => ({
        name,
        bytes: (await loadGuest(name)).length,
        summary: guestSummaries[name] ?? "",
      })));
      if (options.json) {
        for (const guest of guests) io.out(`${JSON.stringify(guest)}\n`);
        return;
      }
      io.out(table(
        [{ head: "guest" }, { head: "bytes", right: true }, { head: "what it does" }],
        guests.map(({ name, bytes, summary }) => [name, bytes, summary]),
        { paint: painter(io.color), columns: io.columns },
      ));
    });
}

const HELP = examplesHelp([
  ["guests", "names, sizes and what they do"],
  ["guests --json", "a JSON object for each"],
]) + "\n" + EXIT_HELP;
