/**
 * `understudy dump-pt`: the page tables of a guest, as the emulated MMU walks them.
 *
 * @module
 */

import { Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { InputError, type PageTableRow } from "../mod.ts";
import { allowedNames } from "./choices.ts";
import { painter } from "./paint.ts";
import { examplesHelp, EXIT_HELP, type Session } from "./program.ts";
import { createLab } from "./runner.ts";
import { configFile } from "./config_file.ts";
import { gather, SHARED, timeText } from "./settings.ts";
import { duration } from "./story.ts";
import { table } from "./tables.ts";
import { paragraph } from "./view.ts";

/** Board time at which a guest has booted and taken its first checkpoints. */
const DEFAULT_AT = "100ms";

/** Rows that map neighbouring pages alike, as one. */
export interface PageRun {
  /** The first row; its size is that of all. */
  readonly row: PageTableRow;
  /** Virtual address after the last byte. */
  readonly end: number;
}

/**
 * Puts rows together that map neighbouring virtual pages with the same rights.
 *
 * The physical pages need not be neighbours: a standby frame comes from wherever one was free.
 *
 * @param rows Rows in the order of the tables.
 */
export function joinPages(rows: readonly PageTableRow[]): PageRun[] {
  const runs: PageRun[] = [];
  for (const row of rows) {
    const last = runs.at(-1);
    const va = Number(row.va);
    const alike = last !== undefined && last.end === va &&
      (["vm", "task", "region", "kind", "ap", "domain", "c", "b", "role"] as const)
        .every((key) => last.row[key] === row[key]);
    if (alike) {
      const size = last.row.size + row.size;
      runs[runs.length - 1] = { row: { ...last.row, size }, end: va + row.size };
    } else {
      runs.push({ row, end: va + row.size });
    }
  }
  return runs;
}

/** A size in KB or MB. */
function sizeText(bytes: number): string {
  return bytes % 0x100000 === 0 ? `${bytes / 0x100000} MB` : `${bytes / 1024} KB`;
}

/** Makes the command. */
export function dumpPtCommand(session: Session): CommandUnknownOpts {
  const { io } = session;
  return new Command("dump-pt")
    .summary("print the page tables of a guest")
    .description(
      "Boots the guests, stops at a board time, and prints the active and standby page tables of " +
        "the first one as the emulated MMU sees them.",
    )
    .argument("<GUEST>", "shipped image or path of an ELF file")
    .argument("[OTHERS...]", "guests that run beside it")
    .option("--at <time>", "board time of the dump", timeText("--at"), DEFAULT_AT)
    .option("--pages", "a row for each page, neighbours not put together")
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
      using running = await createLab(settings);
      for await (const event of running.run({ for: options.at })) void event;
      const state = running.summary().vms.find((each) => each.vm === vm);
      if (state === undefined) {
        const names = running.summary().vms.map((each) => each.vm);
        throw new InputError("--at", `${vm} is not there yet`, allowedNames(vm, names));
      }
      const rows = running.dumpPt(vm);
      if (options.json) {
        for (const row of rows) io.out(`${JSON.stringify(row)}\n`);
        return;
      }
      const paint = painter(io.color);
      const runs = options.pages
        ? rows.map((row) => ({ row, end: Number(row.va) + row.size }))
        : joinPages(rows);
      io.out(paragraph(
        `Page tables of ${vm} at ${duration(running.time)} of board time (${state.state}). ` +
          "VA is what the guest uses; the MMU moves it to MVA; AP is privileged/user.",
        io.columns,
      ));
      io.out("\n");
      io.out(table(
        [
          { head: "task" },
          { head: "role" },
          { head: "region" },
          { head: "kind" },
          { head: "VA" },
          { head: "MVA" },
          { head: "PA" },
          { head: "size", right: true },
          { head: "AP" },
          { head: "domain", right: true },
          { head: "C" },
          { head: "B" },
        ],
        runs.map(({ row }) => [
          row.task ?? "-",
          row.role,
          row.region,
          row.kind,
          row.va,
          row.mva,
          row.pa,
          sizeText(row.size),
          row.ap,
          row.domain,
          row.c,
          row.b,
        ]),
        { paint, columns: io.columns },
      ));
    });
}

const HELP = examplesHelp([
  ["dump-pt ucos-1", "the tables after 100 ms of board time"],
  ["dump-pt ucos-3 ucos-1 --at 1s", "after a second, with ucos-1 beside it"],
  ["dump-pt ucos-1 --json", "a JSON object for each page"],
]) + "\n" + EXIT_HELP;
