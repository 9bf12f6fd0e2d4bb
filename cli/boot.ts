/**
 * `understudy boot`: boots guests on the monitor and shows their consoles.
 *
 * @module
 */

import { Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { painter } from "./paint.ts";
import { examplesHelp, EXIT_HELP, type Session } from "./program.ts";
import type { Lab, TraceEvent } from "../mod.ts";
import { checkInteractive, converse } from "./interactive.ts";
import { createLab, exitCode, follow, jsonView, MANY, type Ran } from "./runner.ts";
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
    .option("-i, --interactive", "join the terminal to VM0's shell on UART0")
    .option("--script <file>", "commands for VM0, a line each; @TIME before one gives its time")
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
      if (options.interactive) {
        checkInteractive(settings.lab.vm0 !== undefined, options.json === true);
      }
      const lab = await createLab(settings);
      if (options.interactive) {
        await interact(lab, options.for ?? settings.for, session);
        return;
      }
      const time = options.for ?? settings.for ?? DEFAULT_TIME;
      if (options.json) {
        await follow(lab, time, session, jsonView(session));
        return;
      }
      const paint = painter(io.color);
      const vms = settings.lab.guests.map(({ name }) => name);
      const view = runView({ vms, columns: io.columns, paint, lanes: io.terminal });
      io.out(view.head);
      const ran = await follow(lab, time, session, (event) => io.out(view.event(event)));
      conclude(ran, session);
    });
}

/** Ends a run with its summary. */
function conclude({ events, summary }: Ran, { io }: Session): void {
  io.out(
    `\n${summaryTables(events, summary, { paint: painter(io.color), columns: io.columns })}\n`,
  );
  io.out(paragraph(conclusion(events, summary), io.columns));
}

/** The user talks to VM0; then the summary. */
async function interact(
  lab: Lab,
  time: string | number | undefined,
  session: Session,
): Promise<void> {
  const { io } = session;
  using running = lab;
  const events: TraceEvent[] = [];
  const event = (event: TraceEvent) => {
    if (!MANY.has(event.type)) events.push(event);
  };
  await converse({ lab: running, io, input: io.input(), for: time, event });
  const summary = running.summary();
  session.exitCode = exitCode(summary);
  conclude({ events, summary }, session);
}

const HELP = examplesHelp([
  ["boot ucos-1 ucos-2 --for 500ms", "two guests for half a second of board time"],
  ["boot ucos-3 --backup off", "the demonstration's error without a standby image"],
  ["boot ucos-1 --interactive", "VM0's shell on this terminal"],
  ["boot --config examples/boot.yaml", "everything from a file"],
  ["boot ./my-guest.elf:quick --json", "an image of your own, its events as JSON lines"],
]) + "\n" + EXIT_HELP;
