/**
 * Workers on all cores: deals chunks of experiments out, gathers their rows, and replaces a worker
 * that dies.
 *
 * @module
 */

import { InputError } from "../mod.ts";
import type { CampaignSpec, ExperimentId, ExperimentRow } from "./campaign_spec.ts";
import type { FromWorker, ToWorker } from "./pool_worker.ts";

/** Most experiments of a chunk: its golden run is walked along once for all of them. */
const MOST = 10_000;
/** Fewest, where each worker gets so many: with less, the walk takes longer than what it is for. */
const FEWEST = 2000;
/** Chunks that each worker is to get, so that all are busy to the end. */
const SHARES = 2;
/** Chunks that a worker has at a time, so that it never waits. */
const AHEAD = 2;

/** A part of a campaign: number `index` of `of`, from 1. */
export interface Shard {
  /** Number. */
  readonly index: number;
  /** How many there are. */
  readonly of: number;
}

/**
 * The experiments of a campaign that are still to be run, in chunks of one arm.
 *
 * @param has True for an experiment that need not be run.
 * @param workers Among how many they are dealt out.
 */
export function* chunksOf(
  spec: CampaignSpec,
  has: (id: ExperimentId) => boolean,
  workers: number,
  shard: Shard = { index: 1, of: 1 },
): Generator<ExperimentId[]> {
  const mine = (idx: number) => idx % shard.of === shard.index - 1;
  const share = Math.max(1, Math.ceil(spec.count / shard.of / workers));
  const most = Math.min(share, Math.max(FEWEST, Math.min(MOST, Math.ceil(share / SHARES))));
  for (let arm = 0; arm < spec.arms.length; arm++) {
    let chunk: ExperimentId[] = [];
    for (let idx = 0; idx < spec.count; idx++) {
      const id: ExperimentId = { arm, kind: "transient", idx };
      if (!mine(idx) || has(id)) continue;
      chunk.push(id);
      if (chunk.length < most) continue;
      yield chunk;
      chunk = [];
    }
    if (chunk.length > 0) yield chunk;
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
      const left = [...hand.chunks.values()].filter((ids) => ids.length > 0);
      const [running, ...others] = left;
      again.push(...others);
      if (running !== undefined) {
        // One of them did it: halves find out which.
        if (running.length > 1) {
          const half = running.length >> 1;
          again.push(running.slice(0, half), running.slice(half));
        } else onRows([onDeath(running[0]!, reason)]);
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
            const done = new Set(data.rows.map(keyOf));
            const left = hand.chunks.get(data.number)!.filter((id) => !done.has(keyOf(id)));
            hand.chunks.set(data.number, left);
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
    // No more workers than there are chunks.
    for (let i = 0; i < workers; i++) {
      const { value, done } = source.next();
      if (done) break;
      again.unshift([...value]);
    }
    if (again.length === 0) return end();
    const wanted = again.length;
    for (let i = 0; i < wanted; i++) hire();
  });
}
