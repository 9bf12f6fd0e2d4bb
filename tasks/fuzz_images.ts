/**
 * `deno task fuzz-images`: mutated guest images. Each is refused in one line or laid out inside its
 * slot; some of those that load are run beside a healthy guest. Prints how many came to what.
 *
 * Options: `--seed N`, `--count N` (files), `--run N` (one in N of those that load is run, 0: none).
 *
 * Exit code: 0 all well, 1 a file was neither refused nor laid out as it should, or broke out;
 * 2 a wrong option.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { script, UsageError } from "./run.ts";
import { Random } from "../core/random.ts";
import { checkLayout, load, mutate, originals, runBatch } from "../tests/image_mutation.ts";

/** Files of a run. */
const COUNT = 100_000;
/** One in so many of the files that load is run. */
const RUN = 2;
/** Images that run side by side, and for how long, ms. */
const BATCH = 24;
const RUN_MS = 30;
/** Host time after which one file hangs, ms: they take less than one. */
const HANGS = 2000;

function options(): { seed: number; count: number; run: number } {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      seed: { type: "string", default: "1" },
      count: { type: "string", default: String(COUNT) },
      run: { type: "string", default: String(RUN) },
    },
  });
  const whole = (name: "seed" | "count" | "run") => {
    if (!/^\d{1,9}$/.test(values[name])) {
      throw new UsageError(`--${name} wants a whole number, not "${values[name]}"`);
    }
    return Number(values[name]);
  };
  return { seed: whole("seed"), count: whole("count"), run: whole("run") };
}

async function main(): Promise<number> {
  const { seed, count, run } = options();
  const files = await originals();
  const outcomes = new Map<string, number>();
  let taken = 0;
  let pages = 0;
  const totals = { guests: 0, faults: 0, noRoom: 0 };
  let batch: Uint8Array[] = [];
  const finish = async () => {
    const seen = await runBatch(batch, RUN_MS);
    totals.guests += seen.guests;
    totals.faults += seen.faults;
    totals.noRoom += seen.noRoom;
    batch = [];
  };
  for (let i = 0; i < count; i++) {
    // A stream for each file: any of them can be made again alone.
    const bytes = mutate(new Random(seed, i), files);
    const start = performance.now();
    try {
      const { refused, image } = load(bytes);
      if (image === undefined) outcomes.set(refused, (outcomes.get(refused) ?? 0) + 1);
      else {
        checkLayout(image);
        pages += image.units.reduce((sum, unit) => sum + unit.pages.length, 0);
        if (run > 0 && taken++ % run === 0) batch.push(bytes);
        else if (run === 0) taken++;
      }
      if (performance.now() - start > HANGS) throw new Error(`takes more than ${HANGS} ms`);
      if (batch.length === BATCH) await finish();
    } catch (error) {
      console.error(`fuzz-images: seed ${seed}, file ${i}:\n${(error as Error).stack}`);
      return 1;
    }
  }
  if (batch.length > 0) await finish();
  console.log(`${count} mutated images, seed ${seed}`);
  for (const [part, n] of [...outcomes].sort((a, b) => b[1] - a[1])) {
    console.log(`${String(n).padStart(8)}  refused: ${part}`);
  }
  console.log(`${String(taken).padStart(8)}  laid out inside their slots, ${pages} pages`);
  console.log(
    `${
      String(totals.guests).padStart(8)
    }  run beside a healthy guest, with ${totals.faults} faults; ` +
      `no memory for ${totals.noRoom}`,
  );
  return 0;
}

await script("fuzz-images", main);
