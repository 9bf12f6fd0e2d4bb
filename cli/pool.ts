/**
 * Workers on all cores: deals chunks of experiments out, gathers their rows, and replaces a worker
 * that dies.
 *
 * @module
 */

import { InputError } from "../mod.ts";
import type { CampaignLab, PlannedExperiment } from "./campaign_lab.ts";
import type { CampaignSpec, ExperimentId, ExperimentRow } from "./campaign_spec.ts";
import type { FromWorker, ToWorker } from "./pool_worker.ts";

/** Experiments drawn at once, to be put in the order of their times. */
const BLOCK = 20_000;
/** Experiments of a chunk. */
const CHUNK = 100;
/** Chunks that a worker has at a time, so that it never waits. */
const AHEAD = 2;
/** A worker that dies takes its experiments down so often before they count as crashes. */
const RETRIES = 2;

/** A part of a campaign: number `index` of `of`, from 1. */
export interface Shard {
  /** Number. */
  readonly index: number;
  /** How many there are. */
  readonly of: number;
}

/**
 * The experiments of a campaign that are still to be run, in chunks: neighbours in time go
 * together, so that a golden run is walked along once.
 *
 * @param campaign The campaign.
 * @param has True for an experiment that need not be run.
 */
export function* chunksOf(
  campaign: CampaignLab,
  has: (id: ExperimentId) => boolean,
  shard: Shard = { index: 1, of: 1 },
): Generator<ExperimentId[]> {
  const { spec } = campaign;
  const mine = (idx: number) => idx % shard.of === shard.index - 1;
  for (let arm = 0; arm < spec.arms.length; arm++) {
    for (let first = 0; first < spec.count; first += BLOCK) {
      const planned: PlannedExperiment[] = [];
      for (let idx = first; idx < Math.min(spec.count, first + BLOCK); idx++) {
        const id: ExperimentId = { arm, kind: "transient", idx };
        if (mine(idx) && !has(id)) planned.push(campaign.planned(id));
      }
      planned.sort((a, b) => a.time - b.time || a.idx - b.idx);
      for (let i = 0; i < planned.length; i += CHUNK) {
        yield planned.slice(i, i + CHUNK).map(({ kind, idx }) => ({ arm, kind, idx }));
      }
    }
    for (let idx = 0; idx < spec.bugs.length; idx++) {
      const id: ExperimentId = { arm, kind: "planted", idx };
      if (mine(idx) && !has(id)) yield [id];
    }
  }
}

/** What a pool is told. */
export interface PoolOptions {
  /** The campaign. */
  readonly spec: CampaignSpec;
  /** Chunks of experiments. */
  readonly chunks: Iterable<readonly ExperimentId[]>;
  /** Number of workers. */
  readonly workers: number;
  /** Run from reset, without branch and early stop. */
  readonly whole?: boolean;
  /** Called with rows as they come. */
  readonly onRows: (rows: readonly ExperimentRow[]) => void;
  /** A row for an experiment during which a worker died. */
  readonly onDeath: (id: ExperimentId, reason: string) => ExperimentRow;
  /** Ends the pool early; its promise is fulfilled then. */
  readonly signal?: AbortSignal;
}

/** A worker and what it has to do. */
interface Hand {
  readonly worker: Worker;
  readonly chunks: Map<number, ExperimentId[]>;
  ready: boolean;
}

function keyOf({ arm, kind, idx }: ExperimentId): string {
  return `${arm} ${kind} ${idx}`;
}

/**
 * Runs chunks of experiments on workers until there are no more.
 *
 * @throws {InputError} When a worker can't run the campaign.
 */
export function runPool(options: PoolOptions): Promise<void> {
  const { spec, workers, whole = false, onRows, onDeath, signal } = options;
  const source = options.chunks[Symbol.iterator]();
  const again: ExperimentId[][] = [];
  const deaths = new Map<string, number>();
  const hands = new Set<Hand>();
  let numbers = 0;
  let over = false;

  return new Promise((resolve, reject) => {
    const end = (error?: unknown) => {
      if (over) return;
      over = true;
      signal?.removeEventListener("abort", stop);
      for (const { worker } of hands) worker.terminate();
      if (error === undefined) resolve();
      else reject(error);
    };
    const stop = () => end();

    const next = (): ExperimentId[] | undefined => {
      const returned = again.pop();
      if (returned !== undefined) return returned;
      const { value, done } = source.next();
      return done ? undefined : [...value];
    };

    const tell = (hand: Hand, message: ToWorker) => hand.worker.postMessage(message);

    const feed = (hand: Hand) => {
      while (hand.ready && hand.chunks.size < AHEAD) {
        const ids = next();
        if (ids === undefined) break;
        const number = numbers++;
        hand.chunks.set(number, ids);
        tell(hand, { type: "chunk", number, ids });
      }
      if ([...hands].every(({ chunks }) => chunks.size === 0) && hand.ready) end();
    };

    /** The worker died: what it had goes to others; what kills workers again and again is a crash. */
    const bury = (hand: Hand, reason: string) => {
      if (over) return;
      hands.delete(hand);
      hand.worker.terminate();
      // The first experiment of its first chunk was running.
      const left = [...hand.chunks.values()].flat();
      const [running] = left;
      if (running !== undefined) {
        const count = (deaths.get(keyOf(running)) ?? 0) + 1;
        deaths.set(keyOf(running), count);
        if (count > RETRIES) {
          onRows([onDeath(running, reason)]);
          left.shift();
        }
        if (left.length > 0) again.push(left);
      } else if (!hand.ready) {
        end(new Error(`a worker could not start: ${reason}`));
        return;
      }
      hire();
    };

    const hire = () => {
      const worker = new Worker(import.meta.resolve("./pool_worker.ts"), { type: "module" });
      const hand: Hand = { worker, chunks: new Map(), ready: false };
      hands.add(hand);
      worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
        if (over) return;
        switch (data.type) {
          case "ready":
            hand.ready = true;
            break;
          case "rows": {
            const left = hand.chunks.get(data.number)!;
            left.splice(0, data.rows.length);
            onRows(data.rows);
            return;
          }
          case "done":
            hand.chunks.delete(data.number);
            break;
          case "refused":
            return end(new InputError(data.where, data.what, data.allowed));
        }
        try {
          feed(hand);
        } catch (error) {
          end(error);
        }
      };
      worker.onerror = (event) => {
        event.preventDefault();
        bury(hand, event.message);
      };
      tell(hand, { type: "start", spec, whole });
    };

    if (signal?.aborted) return end();
    signal?.addEventListener("abort", stop);
    for (let i = 0; i < workers; i++) hire();
  });
}
