/**
 * A worker of the pool: carries chunks of experiments out and sends their rows.
 *
 * @module
 */

import { InputError } from "../mod.ts";
import { CampaignLab } from "./campaign_lab.ts";
import type { CampaignSpec, ExperimentId, ExperimentRow } from "./campaign_spec.ts";

/** What a worker is told. */
export type ToWorker =
  /** Get ready for a campaign; `whole`: run from reset, without branch and early stop. */
  | { readonly type: "start"; readonly spec: CampaignSpec; readonly whole: boolean }
  /** Run experiments. */
  | { readonly type: "chunk"; readonly number: number; readonly ids: readonly ExperimentId[] };

/** What a worker tells. */
export type FromWorker =
  /** It is ready. */
  | { readonly type: "ready" }
  /** Experiments have been run. */
  | { readonly type: "rows"; readonly number: number; readonly rows: readonly ExperimentRow[] }
  /** A chunk is done. */
  | { readonly type: "done"; readonly number: number }
  /** The campaign can't be run: bad input. */
  | {
    readonly type: "refused";
    readonly where: string;
    readonly what: string;
    readonly allowed: string | undefined;
  };

/** The thread, as its own code sees it. */
const thread = globalThis as unknown as {
  postMessage(message: FromWorker): void;
  onmessage: (event: MessageEvent<ToWorker>) => void;
};

/** Milliseconds after which rows are sent. */
const SEND = 100;

let campaign: Promise<CampaignLab> | undefined;
let whole = false;
let last: Promise<void> = Promise.resolve();

function tell(message: FromWorker): void {
  thread.postMessage(message);
}

async function start(spec: CampaignSpec): Promise<CampaignLab> {
  return await CampaignLab.load(spec, (path) => Deno.readFileSync(path));
}

async function* rowsOf(ids: readonly ExperimentId[]): AsyncGenerator<ExperimentRow> {
  const lab = await campaign!;
  if (whole) { for (const id of ids) yield await lab.runWhole(id); }
  else yield* lab.run(ids);
}

async function runChunk(number: number, ids: readonly ExperimentId[]): Promise<void> {
  let rows: ExperimentRow[] = [];
  let sent = performance.now();
  for await (const row of rowsOf(ids)) {
    rows.push(row);
    if (performance.now() - sent > SEND) {
      tell({ type: "rows", number, rows });
      rows = [];
      sent = performance.now();
    }
  }
  tell({ type: "rows", number, rows });
  tell({ type: "done", number });
}

function refuse(error: unknown): void {
  if (!(error instanceof InputError)) throw error;
  const { where, what, allowed } = error;
  tell({ type: "refused", where, what, allowed });
}

thread.onmessage = ({ data }) => {
  if (data.type === "start") {
    whole = data.whole;
    campaign = start(data.spec);
    campaign.then(() => tell({ type: "ready" }), refuse);
  } else {
    // One chunk after the other.
    last = last.then(() => runChunk(data.number, data.ids)).catch(refuse);
  }
};
