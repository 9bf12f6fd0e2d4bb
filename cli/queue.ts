/**
 * Campaigns past one machine: ranges of experiments go through NATS JetStream to workers anywhere,
 * their rows come back the same way.
 *
 * A range is acknowledged when its rows are safe in the stream of rows, and rows when they are in the
 * store. So a killed worker's range goes to another, a restarted server goes on where it was, and what
 * comes twice is there once, because a row's place in the store is its number.
 *
 * @module
 */

import { hashBytes, InputError } from "../mod.ts";
import { CampaignLab } from "./campaign_lab.ts";
import { reportOf, type RunOptions } from "./campaign_run.ts";
import {
  type CampaignSpec,
  type ExperimentId,
  type ExperimentKind,
  type ExperimentRow,
  experimentsOf,
  QUEUE_RANGE as RANGE,
} from "./campaign_spec.ts";
import type { Io } from "./io.ts";
import { messageValue, Queue, type QueueConsumer } from "./queue_nats.ts";
import type { CampaignReport } from "./report_data.ts";
import { specHash, Store } from "./store.ts";

/** Names of the streams and their subjects. */
export const STREAMS = {
  specs: "understudy-specs",
  jobs: "understudy-jobs",
  rows: "understudy-rows",
} as const;

/** Consumer of the workers. */
export const WORKERS = "workers";
/** Milliseconds without a sign of life after which a range goes to another worker. */
export const JOB_WAIT = 60_000;
/** Milliseconds after which rows that were not stored come again. */
const ROWS_WAIT = 30_000;
/** Fewer are not worth a golden run. */
export const RANGE_MIN = 100;
/** Milliseconds without rows after which it is looked for what got lost. */
const QUIET = 5000;
/** Largest campaign with its images, in bytes: a message of a server with default settings. */
const SPEC_MAX = 900_000;

/** Subject of a campaign's messages. */
export function subject(kind: keyof typeof STREAMS, campaign: string): string {
  return `understudy.${kind}.${campaign}`;
}

/** A campaign as it is sent: with the images that workers can't have. */
export interface SentCampaign {
  /** The campaign. */
  readonly spec: CampaignSpec;
  /** Files by path, base64. */
  readonly files: Readonly<Record<string, string>>;
}

/** A range of experiments. */
export interface Job {
  /** Arm. */
  readonly arm: number;
  /** Kind. */
  readonly kind: ExperimentKind;
  /** First number. */
  readonly first: number;
  /** Number after the last one. */
  readonly end: number;
}

/** Makes the streams. */
export async function addStreams(queue: Queue): Promise<void> {
  const names = (kind: keyof typeof STREAMS) => ({
    name: STREAMS[kind],
    subjects: [`understudy.${kind}.*`],
  });
  await queue.addStream({ ...names("specs"), max_msgs_per_subject: 1 });
  await queue.addStream({ ...names("jobs"), retention: "workqueue" });
  await queue.addStream({ ...names("rows"), retention: "workqueue" });
}

/**
 * The ranges that are not all there, each of at least {@linkcode RANGE_MIN} experiments where the
 * campaign has so many.
 */
export function* jobsOf(
  spec: CampaignSpec,
  has: (id: ExperimentId) => boolean,
): Generator<Job> {
  for (let arm = 0; arm < spec.arms.length; arm++) {
    for (const kind of ["transient", "planted"] as const) {
      const count = kind === "transient" ? spec.count : spec.bugs.length;
      for (let first = 0; first < count;) {
        const rest = count - first;
        const end = rest < RANGE + RANGE_MIN ? count : first + RANGE;
        let missing = false;
        for (let idx = first; idx < end && !missing; idx++) missing = !has({ arm, kind, idx });
        if (missing) yield { arm, kind, first, end };
        first = end;
      }
    }
  }
}

/** The campaign as a message. */
function sent(spec: CampaignSpec, io: Io): SentCampaign {
  const files: Record<string, string> = {};
  for (const { image, shipped } of spec.guests) {
    if (!shipped) files[image] = toBase64(io.read(image));
  }
  const message = { spec, files };
  if (JSON.stringify(message).length > SPEC_MAX) {
    throw new InputError(
      "--queue",
      "the guests' images are too large for a message",
      "use --shard",
    );
  }
  return message;
}

function toBase64(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

/**
 * Deals a campaign out to workers and gathers its rows.
 *
 * @param url Server.
 * @param spec The campaign; not needed to go on with a store.
 * @returns The report, and whether it was ended early.
 */
export async function feedCampaign(
  url: string,
  spec: CampaignSpec | undefined,
  options: RunOptions,
  io: Io,
): Promise<{ report: CampaignReport; aborted: boolean }> {
  if (options.shard !== undefined) {
    throw new InputError("--shard", "is not for --queue", "allowed: one of them");
  }
  // Bad input is found before anything is sent.
  const known = spec ?? readSpec(options.out);
  const campaign = await CampaignLab.load(known, (path) => io.read(path));
  const message = sent(known, io);
  const queue = await Queue.connect(url);
  try {
    using store = options.resume
      ? Store.open(options.out, "append")
      : Store.create(options.out, known, campaign.sizes);
    const id = specHash(store.spec);
    if (id !== specHash(known)) {
      throw new InputError(options.out, "is of another campaign");
    }
    await addStreams(queue);
    const rows = await queue.consumer(
      STREAMS.rows,
      `store-${id}`,
      subject("rows", id),
      ROWS_WAIT,
    );
    await queue.publish(subject("specs", id), message);
    await gather(queue, rows, store, options, io);
    return { report: reportOf(store), aborted: options.signal.aborted };
  } finally {
    await queue.close();
  }
}

function readSpec(path: string): CampaignSpec {
  using store = Store.open(path, "read");
  return store.spec;
}

/** Publishes what is missing. */
async function publishJobs(queue: Queue, store: Store, round: number): Promise<void> {
  const id = specHash(store.spec);
  await queue.purge(STREAMS.jobs, subject("jobs", id));
  for (const job of jobsOf(store.spec, store.has())) {
    const key = `${id} ${round} ${job.arm} ${job.kind} ${job.first}`;
    await queue.publish(subject("jobs", id), job, hashBytes(new TextEncoder().encode(key)));
  }
}

/** Takes rows until the store is complete. */
async function gather(
  queue: Queue,
  rows: QueueConsumer,
  store: Store,
  { signal, workers }: RunOptions,
  io: Io,
): Promise<void> {
  const start = performance.now();
  const session = store.beginSession(workers);
  const total = experimentsOf(store.spec);
  const before = store.count;
  const id = specHash(store.spec);
  let round = Math.floor(Math.random() * 1e9);
  await publishJobs(queue, store, round);
  let last = performance.now();
  let count = before;
  while (count < total && !signal.aborted) {
    try {
      const messages = await rows.fetch({ max_messages: 50, expires: 1000 });
      for await (const message of messages) {
        store.add(messageValue<ExperimentRow[]>(message));
        message.ack();
        last = performance.now();
      }
      const now = store.count;
      if (now !== count) {
        count = now;
        store.updateSession(session, count - before, (performance.now() - start) / 1000);
        if (io.terminal) io.err(`\r${count}/${total}\x1b[K`);
      }
      if (performance.now() - last > QUIET) {
        // Nobody works at anything, and still something is missing: it got lost.
        await queue.consumer(STREAMS.jobs, WORKERS, "understudy.jobs.*", JOB_WAIT);
        const open = await queue.open(STREAMS.jobs, WORKERS) +
          await queue.open(STREAMS.rows, `store-${id}`);
        if (open === 0) await publishJobs(queue, store, ++round);
        last = performance.now();
      }
    } catch {
      // The server is away; the connection comes back by itself.
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
  store.updateSession(session, count - before, (performance.now() - start) / 1000);
  if (io.terminal) io.err("\r\x1b[K");
}

/**
 * Runs what a queue deals out, on so many threads, until it is interrupted.
 *
 * @param url Server.
 * @param workers Threads.
 */
export async function serveQueue(
  url: string,
  workers: number,
  signal: AbortSignal,
  io: Io,
): Promise<void> {
  const queue = await Queue.connect(url);
  await addStreams(queue);
  await queue.close();
  io.err(`${workers} worker${workers === 1 ? "" : "s"} for ${url}; end with Ctrl-C\n`);
  await new Promise<void>((resolve, reject) => {
    const threads = new Set<Worker>();
    const end = () => {
      for (const thread of threads) thread.terminate();
      resolve();
    };
    const hire = () => {
      const thread = new Worker(import.meta.resolve("./queue_worker.ts"), { type: "module" });
      threads.add(thread);
      thread.onmessage = ({ data }: MessageEvent<{ done?: number; refused?: string }>) => {
        if (data.refused !== undefined) io.err(`understudy: ${data.refused}\n`);
        else if (io.terminal) io.err(`${data.done} experiments done\n`);
      };
      thread.onerror = (event) => {
        event.preventDefault();
        threads.delete(thread);
        thread.terminate();
        io.err(`understudy: a worker died: ${event.message}\n`);
        if (signal.aborted) return;
        if (threads.size === 0 && /is not running|permission/i.test(event.message)) {
          reject(new Error(event.message));
        } else hire();
      };
      thread.postMessage({ url });
    };
    if (signal.aborted) return end();
    signal.addEventListener("abort", end);
    for (let i = 0; i < workers; i++) hire();
  });
}
