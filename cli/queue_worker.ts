/**
 * A thread that takes ranges of experiments from a queue and sends their rows.
 *
 * @module
 */

import { InputError } from "../mod.ts";
import { CampaignLab } from "./campaign_lab.ts";
import type { ExperimentId, ExperimentRow } from "./campaign_spec.ts";
import { type Job, JOB_WAIT, type SentCampaign, STREAMS, subject, WORKERS } from "./queue.ts";
import { messageValue, Queue, type QueueMessage } from "./queue_nats.ts";

/** The thread, as its own code sees it. */
const thread = globalThis as unknown as {
  postMessage(message: { done: number } | { refused: string }): void;
  onmessage: (event: MessageEvent<{ url: string }>) => void;
};

/** Rows of a message. */
const ROWS = 200;
/** Milliseconds between signs of life. */
const ALIVE = 5000;
/** A campaign that this machine can't run goes back to the others after so many milliseconds. */
const REFUSED_WAIT = 10_000;
/** Milliseconds that the next range is waited for. */
const PATIENCE = 5000;

/** The campaigns that this thread knows; the last ones are kept. */
const campaigns = new Map<string, Promise<CampaignLab>>();
const KEPT = 2;

function load(queue: Queue, id: string): Promise<CampaignLab> {
  const known = campaigns.get(id);
  if (known !== undefined) return known;
  const made = (async () => {
    const data = await queue.last(STREAMS.specs, subject("specs", id));
    if (data === undefined) throw new InputError(`campaign ${id}`, "is not known to the server");
    const { spec, files } = messageValue<SentCampaign>({ data });
    return await CampaignLab.load(spec, (path) => {
      const sent = files[path];
      return sent === undefined
        ? Deno.readFileSync(path)
        : Uint8Array.from(atob(sent), (c) => c.charCodeAt(0));
    });
  })();
  campaigns.set(id, made);
  for (const key of campaigns.keys()) {
    if (campaigns.size <= KEPT) break;
    if (key !== id) campaigns.delete(key);
  }
  made.catch(() => campaigns.delete(id));
  return made;
}

async function run(queue: Queue, message: QueueMessage): Promise<number> {
  const id = message.subject.slice(message.subject.lastIndexOf(".") + 1);
  const job = messageValue<Job>(message);
  const campaign = await load(queue, id);
  const ids = Array.from(
    { length: job.end - job.first },
    (_, i): ExperimentId => ({ arm: job.arm, kind: job.kind, idx: job.first + i }),
  );
  let rows: ExperimentRow[] = [];
  let alive = performance.now();
  const send = async () => {
    await queue.publish(subject("rows", id), rows);
    rows = [];
  };
  message.working();
  for await (const row of campaign.run(ids)) {
    rows.push(row);
    if (performance.now() - alive > ALIVE) {
      message.working();
      alive = performance.now();
      // Lets the sign of life out.
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    if (rows.length === ROWS) await send();
  }
  if (rows.length > 0) await send();
  await message.ackAck();
  return ids.length;
}

async function serve(url: string): Promise<never> {
  const queue = await Queue.connect(url);
  const jobs = async () =>
    await queue.consumer(STREAMS.jobs, WORKERS, "understudy.jobs.*", JOB_WAIT);
  let consumer = await jobs();
  let done = 0;
  for (;;) {
    let message: QueueMessage | null = null;
    try {
      message = await consumer.next({ expires: PATIENCE });
      if (message === null) continue;
      done += await run(queue, message);
      thread.postMessage({ done });
    } catch (error) {
      if (error instanceof InputError) {
        thread.postMessage({ refused: error.message });
        message?.nak(REFUSED_WAIT);
        continue;
      }
      // The server is away, or the consumer went with it.
      await new Promise((resolve) => setTimeout(resolve, 500));
      try {
        consumer = await jobs();
      } catch {
        // Tried again in the next round.
      }
    }
  }
}

thread.onmessage = ({ data }) => {
  serve(data.url);
};
