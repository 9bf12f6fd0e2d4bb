/**
 * `understudy dump-pt`: page tables and memory map, as the emulated MMU walks them.
 *
 * @module
 */

import { Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import {
  type GuestDump,
  InputError,
  type Lab,
  type MemoryDump,
  type PageTableRow,
} from "../mod.ts";
import { allowedNames, oneOf } from "./choices.ts";
import { configFile } from "./config_file.ts";
import { changes, type RowChange } from "./dump_diff.ts";
import {
  AFTER,
  type Moment,
  momentAfter,
  momentAt,
  momentsOfSwap,
  type Wait,
} from "./dump_moment.ts";
import type { Draft, Io } from "./io.ts";
import { painter } from "./paint.ts";
import { examplesHelp, EXIT_HELP, type Session } from "./program.ts";
import { createLab } from "./runner.ts";
import { gather, type Settings, SHARED, type SharedOptions, timeText } from "./settings.ts";
import { count } from "./story.ts";
import { type Column, table } from "./tables.ts";
import { paragraph } from "./view.ts";

/** Board time at which a guest has booted and taken its first checkpoints. */
const DEFAULT_AT = "100ms";
/** Board time that `--after` and `--diff` wait. */
const DEFAULT_WAIT = "2s";

/** Rows that map neighbouring pages alike, as one. */
export interface PageRun {
  /** The first row; its size is that of all. */
  readonly row: PageTableRow;
  /** Virtual address after the last byte. */
  readonly end: number;
}

/** What neighbours have in common. */
const ALIKE = [
  "vm",
  "task",
  "region",
  "kind",
  "ap",
  "domain",
  "c",
  "b",
  "role",
  "dirty",
  "generation",
] as const;

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
      ALIKE.every((key) => last.row[key] === row[key]);
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
    .summary("print page tables and the memory map")
    .description(
      "Boots the guests, stops at a board time or an event, and prints the active, standby and " +
        "spare page tables of the first one as the emulated MMU sees them, with the versions of " +
        "pages that older checkpoints keep. Without a guest: the monitor's own region and every VM.",
    )
    .argument("[GUEST]", "shipped image or path of an ELF file")
    .argument("[OTHERS...]", "guests that run beside it")
    .option("--at <time>", `board time of the dump (${DEFAULT_AT})`, timeText("--at"))
    .option("--after <event>", "right after the first event of that kind, from --at on")
    .option("--diff", "what the next swap changes, from --at on")
    .option(
      "--for <time>",
      `board time that --after and --diff wait (${DEFAULT_WAIT})`,
      timeText("--for"),
    )
    .option("--pages", "a row for each page, neighbours not put together")
    .option("--svg <file>", "draw the memory map, and tables and pointers")
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
      const after = options.after === undefined
        ? undefined
        : oneOf(options.after, AFTER, "--after");
      if (after !== undefined && options.diff) {
        throw new InputError("--diff", "not together with --after", "choose one of them");
      }
      const waits = after !== undefined || options.diff === true;
      if (options.for !== undefined && !waits) {
        throw new InputError("--for", "there is nothing to wait for", "see --after and --diff");
      }
      const words = guest === undefined ? [] : [guest, ...others];
      const settings = await settle(words, options, io);
      const vm = guest === undefined ? undefined : settings.lab.guests[0]!.name;
      const lab = await createLab(settings);
      const draft = options.svg === undefined ? undefined : io.create(options.svg);
      using _ = {
        [Symbol.dispose]: () => {
          lab[Symbol.dispose]();
          draft?.discard();
        },
      };
      const wait: Wait = { at: options.at, for: options.for ?? DEFAULT_WAIT, vm };
      if (options.diff) {
        const { before, after } = await momentsOfSwap(lab, wait);
        await draw(draft, after, vm);
        const found = changes(before.dump, after.dump, vm);
        if (options.json) { for (const change of found) io.out(`${JSON.stringify(change)}\n`); }
        else printChanges(io, found, before, after);
        return;
      }
      const moment = after === undefined
        ? await momentAt(lab, options.at ?? DEFAULT_AT)
        : await momentAfter(lab, after, wait);
      const shown = guestsOf(moment.dump, vm, lab);
      await draw(draft, moment, vm);
      if (options.json) {
        for (const row of vm === undefined ? moment.dump.fixed : []) {
          io.out(`${JSON.stringify(row)}\n`);
        }
        for (const { rows } of shown) for (const row of rows) io.out(`${JSON.stringify(row)}\n`);
        return;
      }
      if (vm === undefined) printFixed(io, moment);
      for (const each of shown) printGuest(io, each, moment, options.pages === true);
    });
}

/** What the laboratory is made of; VM0 alone where no guest is named. */
async function settle(
  words: readonly string[],
  options: SharedOptions & { readonly config?: string | undefined },
  io: Io,
): Promise<Settings> {
  const file = await configFile(options.config, io);
  if (words.length > 0 || file !== undefined) return await gather(words, options, io, file);
  // The options are those of a laboratory with a guest; then the guest is taken away.
  const settings = await gather(["compute"], options, io);
  if (settings.lab.vm0 === undefined) {
    throw new InputError("GUEST", "there is no guest to boot", "name one, or leave --no-vm0 out");
  }
  return { ...settings, choices: [], lab: { ...settings.lab, guests: [] } };
}

/** The guests that are shown. */
function guestsOf(dump: MemoryDump, vm: string | undefined, lab: Lab): readonly GuestDump[] {
  if (vm === undefined) return dump.guests;
  const found = dump.guests.filter((guest) => guest.vm === vm);
  if (found.length > 0) return found;
  const names = lab.summary().vms.map((each) => each.vm);
  throw new InputError("--at", `${vm} is not there yet`, allowedNames(vm, names));
}

/** Draws the figures where they are wanted. */
async function draw(
  draft: Draft | undefined,
  moment: Moment,
  vm: string | undefined,
): Promise<void> {
  if (draft === undefined) return;
  const { figures } = await import("./dump_figures.ts");
  draft.write(new TextEncoder().encode(figures(moment.dump, moment.words, vm)));
}

/** What a flag that is not known for a row looks like. */
function flag(value: boolean | null): string {
  return value === null ? "?" : value ? "yes" : "no";
}

function printFixed(io: Io, { dump, words }: Moment): void {
  io.out(paragraph(
    `The fixed region ${words}: what only the monitor may touch, at VA = PA. All that is in no table ` +
      "below is the error region.",
    io.columns,
  ));
  io.out("\n");
  io.out(table(
    [
      { head: "region" },
      { head: "kind" },
      { head: "MVA" },
      { head: "PA" },
      { head: "size", right: true },
      { head: "AP" },
      { head: "domain", right: true },
      { head: "C" },
      { head: "B" },
    ],
    dump.fixed.map((row) => [
      row.region,
      row.kind,
      row.mva,
      row.pa,
      sizeText(row.size),
      row.ap,
      row.domain,
      row.c,
      row.b,
    ]),
    { paint: painter(io.color), columns: io.columns },
  ));
  io.out("\n");
}

const GUEST_COLUMNS: readonly Column[] = [
  { head: "task" },
  { head: "role" },
  { head: "region" },
  { head: "kind" },
  { head: "MVA" },
  { head: "PA" },
  { head: "size", right: true },
  { head: "AP" },
  { head: "domain", right: true },
  { head: "C" },
  { head: "B" },
  { head: "dirty" },
  { head: "generation", right: true },
];

function printGuest(io: Io, guest: GuestDump, { words }: Moment, pages: boolean): void {
  const runs = pages
    ? guest.rows.map((row) => ({ row, end: Number(row.va) + row.size }))
    : joinPages(guest.rows);
  io.out(paragraph(
    `Page tables of ${guest.vm} ${words} of board time (${guest.state}). The guest's addresses are ` +
      "the low 25 bits of MVA; AP is privileged/user; a standby of generation 0 is what the last " +
      "checkpoint holds, of 1 the one before; AP - is mapped nowhere.",
    io.columns,
  ));
  io.out("\n");
  io.out(table(
    GUEST_COLUMNS,
    runs.map(({ row }) => [
      row.task ?? "-",
      row.role,
      row.region,
      row.kind,
      row.mva,
      row.region === "error" ? "-" : row.pa,
      sizeText(row.size),
      row.ap,
      row.domain,
      row.c,
      row.b,
      flag(row.dirty),
      row.generation ?? "-",
    ]),
    { paint: painter(io.color), columns: io.columns },
  ));
  io.out("\n");
}

/** What a row was or is, as `key value` pairs. */
function stateText(state: RowChange["before"]): string {
  if (state === null) return "-";
  return Object.entries(state).map(([key, value]) => {
    if (typeof value === "boolean") return value ? key : `not ${key}`;
    return `${key} ${value ?? "-"}`;
  }).join(", ");
}

function printChanges(
  io: Io,
  found: readonly RowChange[],
  before: Moment,
  after: Moment,
): void {
  io.out(paragraph(
    `${
      count(found.length, "change")
    } between two moments: ${before.words}; ${after.words}. What is ` +
      "the same in both is left out.",
    io.columns,
  ));
  io.out("\n");
  io.out(table(
    [
      { head: "VM" },
      { head: "task" },
      { head: "role" },
      { head: "kind" },
      { head: "MVA" },
      { head: "before" },
      { head: "after" },
    ],
    found.map((c) => [
      c.vm,
      c.task ?? "-",
      c.role,
      c.kind,
      c.mva,
      stateText(c.before),
      stateText(c.after),
    ]),
    { paint: painter(io.color), columns: io.columns },
  ));
}

const HELP = examplesHelp([
  ["dump-pt ucos-1", "the tables after 100 ms of board time"],
  ["dump-pt ucos-3 ucos-1 --at 1s", "after a second, with ucos-1 beside it"],
  ["dump-pt ucos-3 --diff", "what its first rollback changes in them"],
  ["dump-pt ucos-3 --after fault --svg fault.svg", "a picture of the moment of its error"],
  ["dump-pt --json", "the monitor's own region, and VM0, a JSON object for each row"],
]) + "\n" + EXIT_HELP;
