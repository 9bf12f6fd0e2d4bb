/**
 * `understudy demo`: three guests, one of which has a task that breaks its kernel's memory.
 *
 * Also an entry point of its own, so that `deno task demo` fetches nothing that it does not use.
 *
 * @module
 */

import { Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { hostIo } from "./io.ts";
import { painter } from "./paint.ts";
import { examplesHelp, EXIT, EXIT_HELP, runProgram, type Session } from "./program.ts";
import { createLab, follow, jsonView } from "./runner.ts";
import { gather, SHARED, timeText } from "./settings.ts";
import { conclusion } from "./story.ts";
import { paragraph, runView } from "./view.ts";

/** The guests: two healthy ones, and the one with the faulty task. */
const GUESTS: readonly string[] = ["ucos-1", "ucos-2", "ucos-3"];
/** Board time that shows all of it. */
const DEFAULT_TIME = "1s";

const TITLE = "Understudy: a standby image of every guest and of every task";
const HEADLINE =
  "Three guests share one emulated ARM920T. VM0 starts them; the monitor keeps a standby image of " +
  "each of them and of each of their tasks. One task of ucos-3 has a bug: it writes to a variable " +
  "of its kernel, again and again. Watch what becomes of it, and of the others. All times are " +
  "those of the board.";

/** Makes the command. */
export function demoCommand(session: Session): CommandUnknownOpts {
  const { io } = session;
  return new Command("demo")
    .summary("the demonstration: a task breaks its kernel's memory")
    .description(
      "Boots two healthy guests and one with a faulty task, shows how the monitor recovers it, " +
        "and tells at the end what was seen.",
    )
    .option("--for <time>", "board time to run", timeText("--for"), DEFAULT_TIME)
    .addOption(SHARED.seed)
    .addOption(SHARED.cache)
    .addOption(SHARED.json)
    .addHelpText("after", HELP)
    .action(async (options) => {
      const settings = await gather(GUESTS, { ...options, vm0: true }, io);
      if (options.json) {
        await follow(await createLab(settings), options.for, session, jsonView(session));
        return;
      }
      const paint = painter(io.color);
      const view = runView({
        vms: GUESTS,
        columns: io.columns,
        paint,
        lanes: io.terminal,
      });
      const lab = await createLab(settings);
      io.out(`${paint("bold", TITLE)}\n\n${paragraph(HEADLINE, io.columns)}\n${view.head}`);
      const ran = await follow(lab, options.for, session, (event) => io.out(view.event(event)));
      const { summaryTables } = await import("./tables.ts");
      io.out(`\n${summaryTables(ran.events, ran.summary, { paint, columns: io.columns })}\n`);
      io.out(`${paint("bold", "What was shown")}\n\n`);
      io.out(paragraph(conclusion(ran.events, ran.summary), io.columns));
    });
}

const HELP = examplesHelp([
  ["demo", "the consoles, the errors and what is done about them"],
  ["demo --for 500ms --json", "the same as JSON lines, for half a second of board time"],
]) + "\n" + EXIT_HELP;

if (import.meta.main) {
  const session: Session = { io: hostIo(), exitCode: EXIT.ENDED };
  Deno.exit(await runProgram(demoCommand(session), Deno.args, session));
}
