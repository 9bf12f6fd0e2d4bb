/**
 * `understudy inject`: one fault, and what became of it; or a campaign of them.
 *
 * @module
 */

import { Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import {
  FAULT_FORMS,
  type FaultResult,
  InputError,
  OUTCOMES,
  parseFault,
  parseTime,
  runFault,
  type SummaryEvent,
  TRIGGER_FORMS,
} from "../mod.ts";
import { addCampaignCommands, CAMPAIGN, campaignAction, isCampaign } from "./inject_campaign.ts";
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
  const command = new Command("inject")
    // What stands after the name of a command below is its own.
    .enablePositionalOptions()
    .summary("inject faults and tell what became of them")
    .description(
      "With --fault, runs the guests twice, without and with the fault, and compares: was it " +
        "masked, detected, recovered, and did any other guest notice? With a campaign file, does so " +
        "for thousands of faults and keeps what became of each.",
    )
    .argument(
      "[GUEST]",
      "guest that is struck: shipped image or path of an ELF file; or CAMPAIGN.yaml",
    )
    .argument("[OTHERS...]", "guests that run beside it")
    .option("--fault <fault>", "what is struck, and when: reg:r4:12@t=150ms; see below")
    .addOption(CAMPAIGN.out)
    .addOption(CAMPAIGN.count)
    .addOption(CAMPAIGN.resume)
    .addOption(CAMPAIGN.workers)
    .addOption(CAMPAIGN.shard)
    .addOption(CAMPAIGN.queue)
    .addOption(CAMPAIGN.html)
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
    .addOption(SHARED.fidelity)
    .addOption(SHARED.vm0)
    .addOption(SHARED.json)
    .addHelpText("after", HELP)
    .action(async (guest, others, options) => {
      if (isCampaign(guest) || (options.fault === undefined && options.out !== undefined)) {
        return await campaignAction(session, guest, options);
      }
      if (guest === undefined) {
        throw new InputError("GUEST", "is missing", "name a guest, or a campaign file (.yaml)");
      }
      if (options.fault === undefined) {
        throw new InputError("--fault", "is missing", "such as reg:r4:12@t=150ms");
      }
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
  addCampaignCommands(command, session);
  return command;
}

/** Forms and their meanings in two columns. */
function forms(list: readonly (readonly [form: string, what: string])[]): string {
  return list.map(([form, what]) => `  ${form.padEnd(22)} ${what}`).join("\n");
}

const HELP = `
Faults, KIND:WHERE:MODEL@TRIGGER; the model is a list of bits to flip, or set=, clear=, write=:
${forms(FAULT_FORMS)}

Triggers:
${forms(TRIGGER_FORMS)}
` + examplesHelp([
  ["inject --fault 'reg:r4:12@t=150ms' ucos-1", "flip bit 12 of r4 after 150 ms of board time"],
  ["inject --fault 'reg:pc:20@t=80ms' ucos-1 ucos-2", "the same for the PC, with ucos-2 beside it"],
  [
    "inject examples/campaign.yaml --out campaign.db --count 500",
    "500 faults of the shipped campaign",
  ],
  ["inject report campaign.db --html campaign.html", "what it came to, as a page too"],
]) + "\n" + EXIT_HELP;
