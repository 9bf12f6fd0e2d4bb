/**
 * `understudy boot`: boots guests on the monitor and shows their consoles.
 *
 * @module
 */

import { Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { painter } from "./paint.ts";
import { examplesHelp, EXIT_HELP, type Session } from "./program.ts";
import { InputError, type Lab, parseTime, type TraceEvent } from "../mod.ts";
import { checkInteractive, converse } from "./interactive.ts";
import { createLab, type End, exitCode, follow, jsonView, MANY, type Ran } from "./runner.ts";
import { checkLoad, loadLab, saver } from "./saved.ts";
import { VM0 } from "./guest_args.ts";
import { configFile } from "./config_file.ts";
import { gather, SHARED, timeText } from "./settings.ts";
import { conclusion } from "./story.ts";
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
    .option("--save <file>", "save the whole laboratory at --at, or at the end of the run")
    .option("--at <time>", "board time of --save", timeText("--at"))
    .option("--load <file>", "go on from there; --for counts from the first run's start")
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
    .addOption(SHARED.fidelity)
    .addOption(SHARED.vm0)
    .addOption(SHARED.json)
    .addHelpText("after", HELP)
    .action(async (guests, options) => {
      if (options.at !== undefined && options.save === undefined) {
        throw new InputError("--at", "there is nothing to save", "see --save");
      }
      if (options.load !== undefined) {
        checkLoad(guests, options, BESIDE_LOAD);
        const lab = await loadLab(io, options.load);
        const time = parseTime(options.for ?? DEFAULT_TIME, "--for");
        await watch(lab, { until: lab.began + time }, session, options);
        return;
      }
      const file = await configFile(options.config, io);
      const settings = await gather(guests, options, io, file);
      if (options.interactive) {
        checkInteractive(settings.lab.vm0 !== undefined, options.json === true);
        if (options.save !== undefined) throw new InputError("--save", "not together with -i");
      }
      const lab = await createLab(settings);
      if (options.interactive) await interact(lab, options.for ?? settings.for, session);
      else await watch(lab, options.for ?? settings.for ?? DEFAULT_TIME, session, options);
    });
}

/** Options that may stand beside `--load`. */
const BESIDE_LOAD: ReadonlySet<string> = new Set(["load", "for", "save", "at", "json"]);

/** Runs a laboratory before the user's eyes, and saves it where that is wanted. */
async function watch(
  lab: Lab,
  end: End,
  session: Session,
  options: { readonly json?: true; readonly save?: string; readonly at?: string },
): Promise<void> {
  const { io } = session;
  using pause = options.save === undefined ? undefined : saver(io, options.save, options.at);
  if (options.json) {
    await follow(lab, end, session, jsonView(session), pause);
  } else {
    const paint = painter(io.color);
    const vms = lab.guestNames.filter((name) => name !== VM0);
    const view = runView({ vms, columns: io.columns, paint, lanes: io.terminal });
    io.out(view.head);
    const ran = await follow(lab, end, session, (event) => io.out(view.event(event)), pause);
    await conclude(ran, session);
  }
  // The run was interrupted, or the system stopped; its exit code says so.
  if (pause?.saved === false) {
    io.err(`understudy: ${options.save}: not saved, the run ended before\n`);
  }
}

/** Ends a run with its summary. */
async function conclude({ events, summary }: Ran, { io }: Session): Promise<void> {
  const { summaryTables } = await import("./tables.ts");
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
  await conclude({ events, summary }, session);
}

const HELP = examplesHelp([
  ["boot ucos-1 ucos-2 --for 500ms", "two guests for half a second of board time"],
  ["boot ucos-3 --backup off", "the demonstration's error without a standby image"],
  ["boot ucos-1 --interactive", "VM0's shell on this terminal"],
  ["boot ucos-1 --save half.snap --at 1s", "two seconds, and the state after the first in a file"],
  ["boot --load half.snap --for 2s", "the second of them again, to the same hash"],
  ["boot --config examples/boot.yaml", "everything from a file"],
  ["boot ./my-guest.elf:quick --json", "an image of your own, its events as JSON lines"],
]) + "\n" + EXIT_HELP;
