/**
 * `understudy guests`: the images that come with the package.
 *
 * @module
 */

import { Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { guestBoards, guestNames, guestSummaries, loadGuest } from "../guests/mod.ts";
import { painter } from "./paint.ts";
import { examplesHelp, EXIT_HELP, type Session } from "./program.ts";
import { SHARED } from "./settings.ts";
import { table } from "./tables.ts";

/** Makes the command. */
export function guestsCommand(session: Session): CommandUnknownOpts {
  const { io } = session;
  return new Command("guests")
    .summary("list the guest images that come with the package")
    .description(
      "Lists the guest images that come with the package. Those that are built for bare boards, too, " +
        "are in guests/images of the repository.",
    )
    .addOption(SHARED.json)
    .addHelpText("after", HELP)
    .action(async (options) => {
      const guests = await Promise.all(guestNames.map(async (name) => ({
        name,
        bytes: (await loadGuest(name)).length,
        boards: guestBoards[name] ?? [],
        summary: guestSummaries[name] ?? "",
      })));
      if (options.json) {
        for (const guest of guests) io.out(`${JSON.stringify(guest)}\n`);
        return;
      }
      io.out(table(
        [
          { head: "guest" },
          { head: "bytes", right: true },
          { head: "bare boards" },
          { head: "what it does" },
        ],
        guests.map(({ name, bytes, boards, summary }) => [name, bytes, boards.join(", "), summary]),
        { paint: painter(io.color), columns: io.columns },
      ));
    });
}

const HELP = examplesHelp([
  ["guests", "names, sizes and what they do"],
  ["guests --json", "a JSON object for each"],
]) + "\n" + EXIT_HELP;
