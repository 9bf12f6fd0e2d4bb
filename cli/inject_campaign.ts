/**
 * The commands of `inject` that are about campaigns. What they need is loaded when one runs.
 *
 * @module
 */

import { Command, type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { InputError } from "../mod.ts";
import { oneOf, wholeNumber } from "./choices.ts";
import type { Draft } from "./draft.ts";
import type { Io } from "./io.ts";
import { painter } from "./paint.ts";
import { EXIT, type Session } from "./program.ts";
import { jsonView } from "./runner.ts";
import { SHARED } from "./settings.ts";
import { faultTable, table } from "./tables.ts";
import { runView } from "./view.ts";
import type { CampaignReport } from "./report_data.ts";

/** The options of a campaign, beside those of one fault. */
export const CAMPAIGN = {
  out: new Option("--out <file>", "campaign: where its experiments are kept"),
  count: new Option("--count <number>", "campaign: experiments of each arm"),
  resume: new Option("--resume", "campaign: go on with the file of --out"),
  workers: new Option("--workers <number>", "campaign: workers; one a core unless given"),
  shard: new Option("--shard <i/n>", "campaign: only part i of n, to be merged later"),
  queue: new Option("--queue <url>", "campaign: deal experiments to workers of nats://HOST:PORT"),
  html: new Option("--html <file>", "campaign: write the report as a page, too"),
} as const;

/** What the command line says about a campaign. */
export interface CampaignArguments {
  /** Where experiments are kept. */
  readonly out?: string | undefined;
  /** Experiments of each arm. */
  readonly count?: string | undefined;
  /** Seed. */
  readonly seed?: string | undefined;
  /** Go on. */
  readonly resume?: true | undefined;
  /** Workers. */
  readonly workers?: string | undefined;
  /** Part. */
  readonly shard?: string | undefined;
  /** NATS server. */
  readonly queue?: string | undefined;
  /** Page. */
  readonly html?: string | undefined;
  /** Report as JSON. */
  readonly json?: true | undefined;
}

/** True for the name of a campaign file. */
export function isCampaign(word: string | undefined): boolean {
  return word !== undefined && /\.ya?ml$/i.test(word);
}

function workersOf(text: string | undefined): number {
  return text === undefined
    ? navigator.hardwareConcurrency
    : wholeNumber(text, 1, 1024, "--workers");
}

function shardOf(text: string): { index: number; of: number } {
  const [, i, n] = /^(\d+)\/(\d+)$/.exec(text) ?? [];
  const shard = { index: Number(i), of: Number(n) };
  if (!(shard.index >= 1 && shard.index <= shard.of)) {
    throw new InputError("--shard", `"${text}"`, "allowed: 1/4 to 4/4, for four parts");
  }
  return shard;
}

/**
 * Runs a campaign.
 *
 * @param path Campaign file; without one, that of the store.
 */
export async function campaignAction(
  session: Session,
  path: string | undefined,
  options: CampaignArguments,
): Promise<void> {
  const { io } = session;
  if (options.out === undefined) {
    throw new InputError("--out", "is missing", "name the file in which experiments are kept");
  }
  if (path === undefined && options.resume === undefined) {
    throw new InputError("CAMPAIGN", "is missing", "name a campaign file, or go on with --resume");
  }
  const { readCampaign, runCampaign } = await import("./campaign_run.ts");
  const whole = (text: string | undefined, most: number, where: string) =>
    text === undefined ? undefined : wholeNumber(text, where === "--seed" ? 0 : 1, most, where);
  const spec = path === undefined ? undefined : await readCampaign(path, {
    count: whole(options.count, 1e12, "--count"),
    seed: whole(options.seed, 0xffff_ffff, "--seed"),
  }, io);
  // A place that can't be written is found before the work.
  const page = options.html === undefined ? undefined : io.create(options.html);
  const abort = new AbortController();
  const release = io.onInterrupt(() => abort.abort());
  try {
    const run = {
      out: options.out,
      resume: options.resume === true,
      workers: workersOf(options.workers),
      signal: abort.signal,
      ...(options.shard === undefined ? {} : { shard: shardOf(options.shard) }),
    };
    const { report, aborted } = options.queue === undefined
      ? await runCampaign(spec, run, io)
      : await (await import("./queue.ts")).feedCampaign(options.queue, spec, run, io);
    await showReport(session, options.out, report, options, page);
    if (aborted) {
      io.err(`understudy: interrupted; go on with: inject --resume --out ${options.out}\n`);
      session.exitCode = EXIT.INTERRUPTED;
    }
  } finally {
    release();
    page?.discard();
  }
}

/** Shows a report, and sets the exit code by its gates. */
async function showReport(
  session: Session,
  path: string,
  report: CampaignReport,
  options: { readonly json?: true | undefined },
  page: Draft | undefined,
): Promise<void> {
  const { io } = session;
  if (page !== undefined) {
    const { pageOf } = await import("./report_html.ts");
    page.write(new TextEncoder().encode(pageOf(path)));
  }
  if (options.json) {
    const shown = { ...report, arms: report.arms.map(({ values: _, ...arm }) => arm) };
    io.out(`${JSON.stringify(shown, null, 2)}\n`);
  } else {
    const { reportText } = await import("./report_text.ts");
    io.out(reportText(report, { paint: painter(io.color), columns: io.columns }, path));
  }
  const broken = report.gates.some(({ ok }) => !ok);
  if (broken) session.exitCode = EXIT.STOPPED;
}

/** Adds the commands about campaigns. */
export function addCampaignCommands(inject: CommandUnknownOpts, session: Session): void {
  const { io } = session;
  inject.addCommand(
    new Command("report")
      .summary("tell what a campaign came to")
      .argument("<DB>", "file of a campaign")
      .addOption(SHARED.json)
      .addOption(CAMPAIGN.html)
      .action(async (path, options) => {
        const { reportOf, Store } = await import("./campaign_run.ts");
        const store = Store.open(path, "read");
        let report: CampaignReport;
        try {
          report = reportOf(store);
        } finally {
          store.close();
        }
        const page = options.html === undefined ? undefined : io.create(options.html);
        await showReport(session, path, report, options, page).finally(() => page?.discard());
      }),
  );
  inject.addCommand(
    new Command("verify")
      .summary("repeat experiments from reset and compare")
      .argument("<DB>", "file of a campaign")
      .option("--sample <number>", "experiments to repeat (500)")
      .option("--seed <number>", "seed of the choice (1)")
      .addOption(CAMPAIGN.workers)
      .addOption(SHARED.json)
      .action(async (path, options) => {
        const { verifyCampaign } = await import("./campaign_run.ts");
        const abort = new AbortController();
        const release = io.onInterrupt(() => abort.abort());
        const { repeated, mismatches } = await verifyCampaign(path, {
          sample: wholeNumber(options.sample ?? "500", 1, 1e9, "--sample"),
          seed: wholeNumber(options.seed ?? "1", 0, 0xffff_ffff, "--seed"),
          workers: workersOf(options.workers),
          signal: abort.signal,
        }, io).finally(release);
        if (options.json) io.out(`${JSON.stringify({ repeated, mismatches })}\n`);
        else {
          for (const { id, stored, repeated: now } of mismatches) {
            io.out(
              `${id}: ${stored.outcome} ${stored.hash}, repeated: ${now.outcome} ` +
                `${now.hash}\n  understudy inject replay ${path} ${id}\n`,
            );
          }
          io.out(
            `${repeated} experiments repeated from reset, without branches, early stops: ` +
              `${
                mismatches.length === 0
                  ? "every class and hash equal"
                  : `${mismatches.length} differ`
              }` +
              "\n",
          );
        }
        if (mismatches.length > 0) session.exitCode = EXIT.STOPPED;
      }),
  );
  inject.addCommand(
    new Command("replay")
      .summary("repeat one experiment with its whole trace")
      .argument("<DB>", "file of a campaign")
      .argument("<ID>", "experiment: 17, 2:17 for arm 2, bug3")
      .addOption(SHARED.json)
      .action(async (path, id, options) => {
        const { replayExperiment } = await import("./campaign_run.ts");
        const { stored, repeated, events, summary } = await replayExperiment(path, id, io);
        const same = stored.hash === repeated.hash && stored.outcome === repeated.outcome;
        if (!same) session.exitCode = EXIT.STOPPED;
        if (options.json) {
          const print = jsonView(session);
          for (const event of events) print(event);
          print({ type: "experiment", same, ...repeated });
          print(summary);
          return;
        }
        const paint = painter(io.color);
        const vms = summary.vms.map(({ vm }) => vm).filter((vm) => vm !== "vm0");
        const view = runView({ vms, columns: io.columns, paint, lanes: true });
        for (const event of events) io.out(view.event(event));
        const faults = faultTable(events, paint);
        io.out(`\n${faults === "" ? "" : `${faults}\n`}`);
        const keys = [
          "target",
          "fault",
          "detail",
          "outcome",
          "detector",
          "actions",
          "hash",
        ] as const;
        io.out(table(
          [{ head: "experiment" }, { head: id }],
          keys.map((key) => [key, repeated[key]]),
          { paint, columns: io.columns },
        ));
        io.out(`\n${
          same ? "the same, bit for bit" : `NOT the same: ${stored.outcome} ` +
            `${stored.hash} in the store`
        }\n`);
      }),
  );
  inject.addCommand(
    new Command("export")
      .summary("write the experiments of a campaign")
      .argument("<DB>", "file of a campaign")
      .option("--format <name>", "csv, json (a line an experiment), faults (a list to run again)")
      .action(async (path, options) => {
        const { EXPORT_FORMATS, exportStore } = await import("./campaign_run.ts");
        const format = oneOf(options.format ?? "csv", EXPORT_FORMATS, "--format");
        exportStore(path, format, (text) => io.out(text));
      }),
  );
  inject.addCommand(
    new Command("merge")
      .summary("put the parts of a campaign together")
      .argument("<DB...>", "files of one campaign")
      .requiredOption("--out <file>", "the file to be made")
      .action(async (paths, options) => {
        const { mergeStores } = await import("./campaign_run.ts");
        const { experiments, doubled } = mergeStores(options.out, paths);
        const twice = doubled === 0 ? "" : `; ${doubled} were there more than once`;
        io.out(`${options.out}: ${experiments} experiments${twice}\n`);
      }),
  );
  inject.addCommand(planCommand(io));
  inject.addCommand(scaleCommand(io));
  inject.addCommand(
    new Command("worker")
      .summary("run experiments that a queue deals out")
      .requiredOption("--queue <url>", "server: nats://HOST:PORT")
      .addOption(CAMPAIGN.workers)
      .action(async (options) => {
        const { serveQueue } = await import("./queue.ts");
        const abort = new AbortController();
        const release = io.onInterrupt(() => abort.abort());
        await serveQueue(options.queue, workersOf(options.workers), abort.signal, io)
          .finally(release);
      }),
  );
}

function planCommand(io: Io): CommandUnknownOpts {
  return new Command("plan")
    .summary("tell how many experiments a margin takes")
    .argument("<CAMPAIGN>", "campaign file")
    .option("--margin <share>", "half width of the interval (0.01)")
    .option("--confidence <share>", "confidence (0.95)")
    .addOption(SHARED.json)
    .action(async (path, options) => {
      const { planCampaign, readCampaign } = await import("./campaign_run.ts");
      const share = (text: string, where: string) => {
        const value = Number(text);
        if (value > 0 && value < 1) return value;
        throw new InputError(where, `"${text}"`, "allowed: between 0 and 1");
      };
      const margin = share(options.margin ?? "0.01", "--margin");
      const confidence = share(options.confidence ?? "0.95", "--confidence");
      const spec = await readCampaign(path, {}, io);
      const { targets, all } = await planCampaign(spec, margin, confidence, io);
      if (options.json) {
        io.out(`${JSON.stringify({ margin, confidence, targets, all }, null, 2)}\n`);
        return;
      }
      io.out(table(
        [
          { head: "target" },
          { head: "bits", right: true },
          { head: "faults", right: true },
          { head: `experiments for\n+-${100 * margin} % at ${100 * confidence} %`, right: true },
        ],
        [...targets, all].map(({ target, bits, population, experiments }) => [
          target,
          bits,
          population.toExponential(3),
          experiments,
        ]),
        { paint: painter(io.color), columns: io.columns },
      ));
    }) as unknown as CommandUnknownOpts;
}

/** A number that may be as large as 1e15, also written 1e9. */
function large(text: string, most: number, where: string): number {
  const value = /^\d+(\.\d+)?(e\d{1,2})?$/i.test(text) ? Number(text) : NaN;
  if (value >= 1 && value <= most) return value;
  throw new InputError(where, `"${text}" is not allowed`, `allowed: 1 to ${most}, as 500 or 1e9`);
}

function scaleCommand(io: Io): CommandUnknownOpts {
  return new Command("scale")
    .summary("plan a larger campaign from what a smaller one measured")
    .argument("<DB>", "file of a campaign that has been run")
    .option("--experiments <number>", "experiments of the larger one (1e9)")
    .option("--cores <number>", "cores (512)")
    .option("--hours <number>", "longest time of a job (8)")
    .addOption(SHARED.json)
    .action(async (path, options) => {
      const { measureStore, planScale, scaleRows } = await import("./scale.ts");
      const plan = {
        experiments: Math.round(large(options.experiments ?? "1e9", 1e15, "--experiments")),
        cores: Math.round(large(options.cores ?? "512", 1e7, "--cores")),
        hours: large(options.hours ?? "8", 1e5, "--hours"),
      };
      const scaled = planScale(measureStore(path, `${path}.scale.tmp`), plan);
      if (options.json) io.out(`${JSON.stringify(scaled, null, 2)}\n`);
      else {
        io.out(table(
          [{ head: "what" }, { head: "how much", right: true }],
          scaleRows(scaled),
          { paint: painter(io.color), columns: io.columns },
        ));
      }
    }) as unknown as CommandUnknownOpts;
}
