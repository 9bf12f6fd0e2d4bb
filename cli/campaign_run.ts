/**
 * Running, checking and repeating campaigns: what the commands of `inject` do. It brings SQLite and
 * the workers with it and is loaded only when it is used.
 *
 * @module
 */

import {
  InputError,
  type Lab,
  type Outcome,
  Random,
  sampleSize,
  type StratumSize,
  type SummaryEvent,
  type TraceEvent,
} from "../mod.ts";
import { CampaignLab } from "./campaign_lab.ts";
import {
  type CampaignSpec,
  type ExperimentId,
  experimentName,
  type ExperimentRow,
  experimentsOf,
  parseExperimentName,
} from "./campaign_spec.ts";
import type { Io } from "./io.ts";
import { chunksOf, runPool, type Shard } from "./pool.ts";
import { type CampaignReport, makeReport, type SpacePoint } from "./report_data.ts";
import { mergeStores, specHash, Store } from "./store.ts";
import { duration } from "./story.ts";

export { mergeStores, Store };

/** Milliseconds between writes to the store. */
const WRITE = 250;

/** How a campaign is run. */
export interface RunOptions {
  /** Path of the store. */
  readonly out: string;
  /** Go on with the store. */
  readonly resume: boolean;
  /** Workers. */
  readonly workers: number;
  /** Part of the campaign. */
  readonly shard?: Shard;
  /** Ends it early. */
  readonly signal: AbortSignal;
}

/** Reads a campaign file. */
export async function readCampaign(
  path: string,
  options: { count?: number | undefined; seed?: number | undefined },
  io: Io,
): Promise<CampaignSpec> {
  const { parseCampaign } = await import("./campaign_config.ts");
  return await parseCampaign(new TextDecoder().decode(io.read(path)), path, options, io);
}

/** Opens the store of a campaign, or makes it. */
function openStore(
  spec: CampaignSpec | undefined,
  sizes: () => readonly StratumSize[],
  { out, resume }: RunOptions,
): Store {
  if (!resume) return Store.create(out, spec!, sizes());
  const store = Store.open(out, "append");
  if (spec !== undefined && specHash(store.spec) !== specHash(spec)) {
    store.close();
    throw new InputError(
      out,
      "is of another campaign",
      "allowed: the same file, --count and --seed, or only --resume --out",
    );
  }
  return store;
}

/**
 * Runs a campaign, or the rest of it.
 *
 * @param spec The campaign; not needed to go on with a store.
 * @returns The report, and whether it was ended early.
 */
export async function runCampaign(
  spec: CampaignSpec | undefined,
  options: RunOptions,
  io: Io,
): Promise<{ report: CampaignReport; aborted: boolean }> {
  let campaign: CampaignLab | undefined;
  const load = (known: CampaignSpec) => CampaignLab.load(known, (path) => io.read(path));
  if (spec !== undefined) campaign = await load(spec);
  using store = openStore(spec, () => campaign!.sizes, options);
  campaign ??= await load(store.spec);
  const has = store.has();
  const total = shardSize(store.spec, options.shard);
  const start = performance.now();
  const progress = new Progress(io, total, start);
  const session = store.beginSession(options.workers);
  let waiting: ExperimentRow[] = [];
  let written = start;
  let done = 0;
  let run = 0;
  const write = () => {
    store.add(waiting);
    run += waiting.length;
    waiting = [];
    written = performance.now();
    store.updateSession(session, run, (written - start) / 1000);
  };
  const gather = (rows: readonly ExperimentRow[]) => {
    waiting.push(...rows);
    done += rows.length;
    if (performance.now() - written > WRITE) write();
    progress.show(done);
  };
  const there = (id: ExperimentId) => {
    if (!has(id)) return false;
    progress.skip();
    return true;
  };
  try {
    await runPool({
      spec: store.spec,
      chunks: chunksOf(store.spec, there, options.workers, options.shard),
      workers: options.workers,
      onRows: gather,
      onDeath: (id, reason) => campaign!.crash(id, reason),
      signal: options.signal,
    });
  } finally {
    write();
    progress.end();
  }
  return { report: reportOf(store), aborted: options.signal.aborted };
}

/** Experiments of a part of a campaign. */
function shardSize(spec: CampaignSpec, shard: Shard | undefined): number {
  if (shard === undefined) return experimentsOf(spec);
  const part = (n: number) => Math.floor(n / shard.of) + (n % shard.of >= shard.index ? 1 : 0);
  return spec.arms.length * (part(spec.count) + part(spec.bugs.length));
}

/** The report of a store. */
export function reportOf(
  store: Store,
  onPoint?: (arm: number, point: SpacePoint) => void,
): CampaignReport {
  return makeReport(store.spec, store.rows(), store.sessions(), store.sizes, onPoint);
}

/** A line that tells how far it is, on a terminal. */
class Progress {
  readonly #io: Io;
  readonly #total: number;
  readonly #start: number;
  #skipped = 0;
  #shown = 0;

  constructor(io: Io, total: number, start: number) {
    this.#io = io;
    this.#total = total;
    this.#start = start;
  }

  /** An experiment was there already. */
  skip(): void {
    this.#skipped++;
  }

  /** So many have been run. */
  show(done: number): void {
    const now = performance.now();
    if (!this.#io.terminal || now - this.#shown < 200) return;
    this.#shown = now;
    const seconds = (now - this.#start) / 1000;
    const rate = done / seconds;
    const all = done + this.#skipped;
    const left = rate === 0 ? "" : `, ${duration((this.#total - all) / rate * 1e9)} left`;
    const width = 30;
    const full = Math.round(width * all / this.#total);
    const bar = "#".repeat(full) + "-".repeat(width - full);
    this.#io.err(`\r[${bar}] ${all}/${this.#total}, ${rate.toFixed(1)} a second${left}\x1b[K`);
  }

  /** Takes the line away. */
  end(): void {
    if (this.#io.terminal) this.#io.err("\r\x1b[K");
  }
}

/** An experiment that came to something else when it was repeated. */
export interface Mismatch {
  /** Name for replay. */
  readonly id: string;
  /** What the store says. */
  readonly stored: { readonly outcome: Outcome; readonly hash: string };
  /** What the repetition came to. */
  readonly repeated: { readonly outcome: Outcome; readonly hash: string };
}

/**
 * Repeats a sample of a store's experiments from reset, without branches and early stops.
 *
 * @returns How many were repeated, and those that came to something else.
 */
export async function verifyCampaign(
  path: string,
  options: { sample: number; seed: number; workers: number; signal: AbortSignal },
  io: Io,
): Promise<{ repeated: number; mismatches: Mismatch[] }> {
  using store = Store.open(path, "read");
  const ids: ExperimentId[] = [];
  for (const { arm, kind, idx } of store.rows()) ids.push({ arm, kind, idx });
  const sample = Math.min(options.sample, ids.length);
  const chosen = new Random(options.seed).distinct(sample, ids.length).map((i) => ids[i]!);
  // By arm: a worker keeps the golden run of one.
  chosen.sort((a, b) => a.arm - b.arm);
  const mismatches: Mismatch[] = [];
  let repeated = 0;
  const progress = new Progress(io, sample, performance.now());
  await runPool({
    spec: store.spec,
    chunks: chunked(chosen, 5),
    workers: Math.min(options.workers, Math.max(1, sample)),
    whole: true,
    onRows: (rows) => {
      for (const row of rows) {
        repeated++;
        const stored = store.get(row)!;
        if (stored.outcome === row.outcome && stored.hash === row.hash) continue;
        mismatches.push({
          id: experimentName(row),
          stored: { outcome: stored.outcome, hash: stored.hash },
          repeated: { outcome: row.outcome, hash: row.hash },
        });
      }
      progress.show(repeated);
    },
    onDeath: (id) => store.get(id)!,
    signal: options.signal,
  });
  progress.end();
  return { repeated, mismatches };
}

function* chunked<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let i = 0; i < items.length; i += size) yield items.slice(i, i + size);
}

/** A repeated experiment. */
export interface Replay {
  /** As the store has it. */
  readonly stored: ExperimentRow;
  /** As it came to now. */
  readonly repeated: ExperimentRow;
  /** Everything that happened. */
  readonly events: readonly TraceEvent[];
  /** The end of the run. */
  readonly summary: SummaryEvent;
}

/**
 * Repeats one experiment of a store, with its whole trace.
 *
 * @throws {InputError} When the store has no such experiment.
 */
export async function replayExperiment(path: string, name: string, io: Io): Promise<Replay> {
  using store = Store.open(path, "read");
  const id = parseExperimentName(name);
  const stored = id === undefined ? undefined : store.get(id);
  if (stored === undefined) {
    throw new InputError(
      `experiment "${name}"`,
      `is not in ${path}`,
      "allowed: 17, 2:17 for arm 2, bug3",
    );
  }
  const campaign = await CampaignLab.load(store.spec, (file) => io.read(file));
  const events: TraceEvent[] = [];
  let lab: Lab | undefined;
  const repeated = await campaign.runWhole(id!, (made) => {
    lab = made;
    made.recorder.onEvent = (event) => events.push(event);
  });
  if (repeated.fired && repeated.kind === "transient") {
    const { vm, fault, detail, struck_at: t } = repeated;
    const after = events.findIndex((event) => event.t > t);
    const inject: TraceEvent = { type: "inject", t, vm, fault, detail };
    events.splice(after < 0 ? events.length : after, 0, inject);
  }
  return { stored, repeated, events, summary: lab!.summary() };
}

/** What a plan needs. */
export interface PlanLine extends StratumSize {
  /** Experiments for the margin. */
  readonly experiments: number;
}

/**
 * How many experiments a margin takes: for each target, and for all of them as one space.
 *
 * @param margin Half width of the interval, as 0.01.
 * @param confidence As 0.95.
 */
export async function planCampaign(
  spec: CampaignSpec,
  margin: number,
  confidence: number,
  io: Io,
): Promise<{ targets: PlanLine[]; all: PlanLine }> {
  const { sizes } = await CampaignLab.load(spec, (path) => io.read(path));
  const line = (size: StratumSize): PlanLine => ({
    ...size,
    experiments: sampleSize(margin, confidence, size.population),
  });
  const sum = (part: (size: StratumSize) => number) =>
    sizes.reduce((total, size) => total + part(size), 0);
  const all = { target: "all", bits: sum((s) => s.bits), population: sum((s) => s.population) };
  return { targets: sizes.map(line), all: line(all) };
}

/** Formats of an export. */
export const EXPORT_FORMATS = ["csv", "json", "faults"] as const;

/**
 * Writes the experiments of a store: as CSV, as JSON lines, or as a list of faults that a campaign
 * file can name.
 *
 * @param write Takes the text, piece by piece.
 */
export function exportStore(
  path: string,
  format: typeof EXPORT_FORMATS[number],
  write: (text: string) => void,
): void {
  using store = Store.open(path, "read");
  if (format === "faults") {
    write(`# ${store.spec.count} faults of ${path}, seed ${store.spec.plan.seed}\n`);
    for (const { arm, kind, vm, fault } of store.rows()) {
      if (arm === 0 && kind === "transient") write(`${vm} ${fault}\n`);
    }
    return;
  }
  let head = format === "csv";
  for (const row of store.rows()) {
    if (head) write(`${Object.keys(row).join(",")}\n`);
    head = false;
    write(
      format === "csv" ? `${Object.values(row).map(csv).join(",")}\n` : `${JSON.stringify(row)}\n`,
    );
  }
}

function csv(value: unknown): string {
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
