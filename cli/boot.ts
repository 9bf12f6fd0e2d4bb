/**
 * `understudy boot`: boots guests on the monitor and shows their consoles.
 *
 * @module
 */

import { Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { painter } from "./paint.ts";
import { examplesHelp, EXIT_HELP, type Session } from "./program.ts";
import { createLab, follow, jsonView } from "./runner.ts";
import { configFile } from "./config_file.ts";
import { gather, SHARED, timeText } from "./settings.ts";
import { conclusion } from "./story.ts";
import { summaryTables } from "./tables.ts";
import { paragraph, runView } from "./view.ts";

/** Board time of a run for which none is asked. */
const DEFAULT_TIME = "2s";

/** Makes the command. */
export function bootCommand(session: Session): CommandUnknownOpts {
  const { io } = session;
  return new Command("boot")
    .summary("boot guests and show their consoles")
    .description(
      "Boots guests on the monitor, shows their consoles and what the monitor does about errors, " +
        "and ends with a summary.",
    )
    .argument(
      "[GUEST...]",
      "shipped image or path of an ELF file; :ARG after it is a boot argument",
    )
    .option("--for <time>", `board time to run (${DEFAULT_TIME})`, timeText("--for"))
    .addOption(SHARED.config)
    .addOption(SHARED.backup)
    .addOption(SHARED.period)
    .addOption(SHARED.every)
    .addOption(SHARED.generations)
    .addOption(SHARED.checksums)
    .addOption(SHARED.journal)
    .addOption(SHARED.watchdog)
    .addOption(SHARED.schedule)
    .addOption(SHARED.slice)
    .addOption(SHARED.seed)
    .addOption(SHARED.cache)
    .addOption(SHARED.vm0)
    .addOption(SHARED.json)
    .addHelpText("after", HELP)
    .action(async (guests, options) => {
      const file = await configFile(options.config, io);
      const settings = await gather(guests, options, io, file);
      const time = options.for ?? settings.for ?? DEFAULT_TIME;
      if (options.json) {
        await follow(await createLab(settings), time, session, jsonView(session));
        return;
      }
      const paint = painter(io.color);
      const vms = settings.lab.guests.map(({ name }) => name);
      const view = runView({ vms, columns: io.columns, paint, lanes: io.terminal });
      const lab = await createLab(settings);
      io.out(view.head);
      const ran = await follow(lab, time, session, (event) => io.out(view.event(event)));
      io.out(`\n${summaryTables(ran.events, ran.summary, { paint, columns: io.columns })}\n`);
      io.out(paragraph(conclusion(ran.events, ran.summary), io.columns));
    });
}

const HELP = examplesHelp([
  ["boot ucos-1 ucos-2 --for 500ms", "two guests for half a second of board time"],
  ["boot ucos-3 --backup off", "the demonstration's error without a standby image"],
  ["boot --config examples/boot.yaml", "everything from a file"],
  ["boot ./my-guest.elf:quick --json", "an image of your own, its events as JSON lines"],
]) + "\n" + EXIT_HELP;
