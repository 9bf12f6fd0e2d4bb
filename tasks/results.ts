/**
 * `deno task results`: runs the shipped campaign into a store, repeats a sample of it from reset, and
 * writes docs/results.md and the tables of docs/scale.md.
 *
 * Options: `--count N` experiments of each arm, `--sample N` repeated ones (500), `--workers N`,
 * `--db FILE` a store of another name than .tmp/results.db, which is made anew, `--page FILE` the page,
 * `--resume` goes on with the store that an interrupted run of the same program left.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { readCampaign, reportOf, runCampaign, Store, verifyCampaign } from "../cli/campaign_run.ts";
import { wholeNumber } from "../cli/choices.ts";
import { hostIo, type Io } from "../cli/io.ts";
import { measureStore, planScale, scaleRows } from "../cli/scale.ts";
import { specHash } from "../cli/store.ts";
import { duration } from "../cli/story.ts";
import { resultsPage } from "./results_page.ts";
import { InputError } from "../mod.ts";
import { ROOT, script } from "./run.ts";
import { withTables } from "./timing_doc.ts";
import { table } from "./vmi_doc.ts";

const CAMPAIGN = "examples/campaign.yaml";
const COMMAND = "deno task results";
const STORE = ".tmp/results.db";
const SCALE = new URL("docs/scale.md", ROOT);
/** Experiments of the large campaign that docs/scale.md plans. */
const LARGE = 1e9;
const CORES = 512;
const HOURS = 8;

/** Removes a file that may not be there. */
function remove(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

async function main(io: Io): Promise<number> {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      count: { type: "string" },
      sample: { type: "string" },
      workers: { type: "string" },
      db: { type: "string" },
      page: { type: "string" },
      resume: { type: "boolean" },
    },
  });
  const whole = (text: string | undefined, where: string, most = 1e12) =>
    text === undefined ? undefined : wholeNumber(text, 1, most, where);

  const out = values.db ?? STORE;
  const page = values.page ?? "docs/results.md";
  const workers = whole(values.workers, "--workers", 1024) ?? navigator.hardwareConcurrency;
  const abort = new AbortController();
  const release = io.onInterrupt(() => abort.abort());
  io.folder(out.replace(/[^/]*$/, "") || ".");
  const resume = values.resume === true;
  // What a user names is never overwritten.
  if (!resume && values.db === undefined) remove(STORE);
  const spec = await readCampaign(CAMPAIGN, { count: whole(values.count, "--count") }, io);
  if (resume) {
    using store = Store.open(out, "read");
    if (specHash(store.spec) !== specHash(spec)) {
      throw new InputError(
        out,
        "is of another campaign",
        "allowed: without --resume, or another --db",
      );
    }
  }
  io.err(`${CAMPAIGN}: ${spec.arms.length} arms of ${spec.count} faults into ${out}\n`);
  const { aborted } = await runCampaign(
    spec,
    { out, resume, workers, signal: abort.signal },
    io,
  );
  if (aborted) {
    io.err(`interrupted; ${COMMAND} --resume goes on\n`);
    return 130;
  }
  const sample = whole(values.sample, "--sample") ?? 500;
  io.err(`repeating ${sample} experiments from reset\n`);
  const start = performance.now();
  const options = { sample, seed: 1, workers, signal: abort.signal };
  const { repeated, mismatches } = await verifyCampaign(out, options, io);
  release();
  if (abort.signal.aborted) return 130;
  const seconds = (performance.now() - start) / 1000;
  using store = Store.open(out, "read");
  const report = reportOf(store);
  const text = resultsPage(report, {
    command: values.count === undefined ? COMMAND : `${COMMAND} --count ${values.count}`,
    campaign: CAMPAIGN,
    store: out,
    workers: store.sessions().map(({ workers }) => workers),
    verified: { repeated, mismatches: mismatches.length, seconds },
  });
  Deno.writeTextFileSync(page, text);
  const plan = planScale(measureStore(out, `${out}.scale.tmp`), {
    experiments: LARGE,
    cores: CORES,
    hours: HOURS,
  });
  const before = Deno.readTextFileSync(SCALE).replaceAll("\r\n", "\n");
  const scale = table(["what", "how much"], scaleRows(plan));
  Deno.writeTextFileSync(SCALE, withTables(before, { scale }));
  const broken = report.gates.filter(({ ok }) => !ok);
  io.out(
    `${page}: ${report.experiments} experiments, ${report.rate_per_s.toFixed(1)} a second; ` +
      `${repeated} repeated in ${duration(Math.round(seconds * 1e9))}, ${mismatches.length} ` +
      `differ; ${broken.length} of ${report.gates.length} gates broken\n`,
  );
  for (const { id, stored, repeated: now } of mismatches) {
    io.out(`differs: ${id}: ${stored.outcome} ${stored.hash}, then ${now.outcome} ${now.hash}\n`);
  }
  for (const { gate, arm, found } of broken) io.out(`broken: ${gate}, ${arm}: ${found}\n`);
  return broken.length + mismatches.length > 0 ? 1 : 0;
}

if (import.meta.main) {
  await script("results", async () => {
    const io = hostIo();
    const code = await main(io);
    io.flush();
    return code;
  });
}
