/**
 * `understudy inject`: one fault, and what became of it.
 *
 * @module
 */

import { Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import {
  type FaultResult,
  InputError,
  OUTCOMES,
  parseFault,
  parseTime,
  runFault,
  type SummaryEvent,
} from "../mod.ts";
import { painter } from "./paint.ts";
import { examplesHelp, EXIT_HELP, type Session } from "./program.ts";
import { exitCode, jsonView } from "./runner.ts";
import { configFile } from "./config_file.ts";
import { gather, SHARED, timeText } from "./settings.ts";
import { duration, sentence } from "./story.ts";
import { faultTable, table } from "./tables.ts";
import { runView } from "./view.ts";

/** Board time of a run for which none is asked. */
const DEFAULT_TIME = "1s";

/** Rows that compare the run with the fault to the one without. */
function comparison(golden: SummaryEvent, faulty: SummaryEvent): (string | number)[][] {
  return golden.vms.map((before) => {
    const after = faulty.vms.find(({ vm }) => vm === before.vm);
    if (after === undefined) return [before.vm, before.state, "gone", "-", "-", "no"];
    return [
      before.vm,
      before.state,
      after.state,
      after.faults,
      after.recoveries,
      before.content_hash === after.content_hash ? "yes" : "no",
    ];
  });
}

/** Makes the command. */
export function injectCommand(session: Session): CommandUnknownOpts {
  const { io } = session;
  return new Command("inject")
    .summary("inject one fault and tell what became of it")
    .description(
      "Runs the guests twice, without and with the fault, and compares: was it masked, detected, " +
        "recovered, and did any other guest notice?",
    )
    .argument("<GUEST>", "guest that is struck: shipped image or path of an ELF file")
    .argument("[OTHERS...]", "guests that run beside it")
    .requiredOption("--fault <fault>", "what is struck, and when: reg:r4:12@t=150ms")
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
    .action(async (guest, others, options) => {
      const file = await configFile(options.config, io);
      const settings = await gather([guest, ...others], options, io, file);
      const vm = settings.lab.guests[0]!.name;
      const time = parseTime(options.for ?? settings.for ?? DEFAULT_TIME, "--for");
      const fault = parseFault(options.fault);
      if (fault.time >= time) {
        throw new InputError(
          "--fault",
          `strikes at ${duration(fault.time)}, after the end of the run`,
          `allowed: before ${duration(time)}, see --for`,
        );
      }
      let result: FaultResult;
      try {
        result = await runFault(settings.lab, vm, fault, time);
      } catch (error) {
        throw settings.located(error);
      }
      const { fired, outcome, detail, golden, faulty, events } = result;
      session.exitCode = exitCode(faulty);
      if (options.json) {
        const print = jsonView(session);
        for (const event of events) if (event.type !== "summary") print(event);
        print({ type: "outcome", vm, fault: options.fault, fired, outcome, detail });
        print(faulty);
        return;
      }
      const paint = painter(io.color);
      const names = settings.lab.guests.map(({ name }) => name);
      const view = runView({ vms: names, columns: io.columns, paint, lanes: false });
      for (const event of events) if (event.type !== "console") io.out(view.event(event));
      const faults = faultTable(events, paint);
      io.out(`\n${faults === "" ? "" : `${faults}\n`}`);
      io.out(table(
        [
          { head: "VM" },
          { head: "without fault" },
          { head: "with fault" },
          { head: "faults", right: true },
          { head: "recoveries", right: true },
          { head: "same content hash" },
        ],
        comparison(golden, faulty),
        { paint, columns: io.columns },
      ));
      io.out(`\n${paint("bold", sentence(outcome))}: ${OUTCOMES[outcome]}.\n`);
    });
}

const HELP = examplesHelp([
  ["inject --fault 'reg:r4:12@t=150ms' ucos-1", "flip bit 12 of r4 after 150 ms of board time"],
  ["inject --fault 'reg:pc:20@t=80ms' ucos-1 ucos-2", "the same for the PC, with ucos-2 beside it"],
]) + "\n" + EXIT_HELP;
