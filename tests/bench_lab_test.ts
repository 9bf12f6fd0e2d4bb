/**
 * What measurements do to a laboratory.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mean, spread } from "../core/bench.ts";
import { benchLab, chill, PwmStopwatch, resized, setTick } from "../core/bench_lab.ts";
import { Lab } from "../core/lab.ts";
import { VM } from "../core/layout.ts";
import { loadGuest } from "../guests/mod.ts";
import { core, vmWord } from "./monitor_rig.ts";

async function sweepLab(fidelity: "fast" | "timed", arg = "4 0 100"): Promise<Lab> {
  const guests = ["one", "two"].map((name) => ({ name, image: new Uint8Array(), arg }));
  const image = await loadGuest("sweep");
  return await benchLab(
    { guests: guests.map((guest) => ({ ...guest, image })), slice: "1ms" },
    { fidelity },
  );
}

Deno.test("spread() and mean() of samples", () => {
  assert.deepEqual(spread([5, 1, 9, 3]), { min: 1, median: 5, max: 9 });
  assert.deepEqual(spread([]), { min: 0, median: 0, max: 0 });
  assert.equal(mean([1, 2, 6]), 3);
  assert.equal(mean([]), 0);
});

Deno.test("resized() gives a guest another number of pages", core, async () => {
  const image = await loadGuest("sweep");
  const pages = async (of: Uint8Array) => {
    using lab = await Lab.create({ guests: [{ name: "a", image: of, arg: "1" }] });
    return lab.writablePages("a");
  };
  const before = await pages(image);
  // The image has 64 pages and the rest of its data segment, which a page of stack follows.
  assert.equal(await pages(resized(image, 4)) - await pages(resized(image, 1)), 3);
  assert.ok(await pages(resized(image, 300)) - before > 230);
  assert.notEqual(resized(image, 4), image);
  assert.deepEqual(await loadGuest("sweep"), image, "the image itself is as it was");
  assert.throws(() => resized(image, 0), /^InputError: image: its data can't have 0 pages/);
});

Deno.test("setTick() makes the monitor switch at each tick", core, async () => {
  using lab = await sweepLab("fast");
  setTick(lab, 100_000);
  lab.runAll({ for: "2ms" });
  const count = () => vmWord(lab, "one", VM.SWITCHES) + vmWord(lab, "two", VM.SWITCHES);
  const before = count();
  lab.runAll({ for: "5ms" });
  const switches = count() - before;
  assert.ok(switches >= 49 && switches <= 51, `${switches} switches in 5 ms`);
  assert.throws(() => setTick(lab, 1), /a tick of 1 ns/);
});

Deno.test("chill() empties caches and TLBs and changes nothing else", core, async () => {
  using lab = await sweepLab("timed");
  using same = await sweepLab("timed");
  for (const each of [lab, same]) each.runAll({ for: "3ms" });
  const { mmu } = lab.board;
  const held = (of: Lab) => {
    let lines = 0;
    for (let pa = 0x3100_0000; pa < 0x3108_0000; pa += 32) {
      if (of.board.mmu.dcache!.holder(pa) >= 0) lines++;
    }
    return lines;
  };
  const walks = mmu.counters.walksData;
  assert.ok(held(lab) > 0, "guests' lines were in the cache");
  chill(lab);
  assert.equal(held(lab), 0);
  const page = lab.board.debugRead(0x3100_0000, 0x8_0000);
  assert.deepEqual(page, same.board.debugRead(0x3100_0000, 0x8_0000), "memory is as it was");
  lab.runAll({ for: "100us" });
  same.runAll({ for: "100us" });
  const others = same.board.mmu.counters.walksData - walks;
  assert.ok(mmu.counters.walksData - walks > others, "TLB entries have to be walked for again");
});

for (const fidelity of ["fast", "timed"] as const) {
  Deno.test(
    `PwmStopwatch takes the mean of many to less than a count, ${fidelity}`,
    core,
    async () => {
      using lab = await sweepLab(fidelity);
      lab.runAll({ for: "2ms" });
      const watch = new PwmStopwatch(lab);
      assert.equal(watch.resolution, 40);
      for (const cycles of [1, 21, 100, 333]) {
        const samples: number[] = [];
        for (let i = 0; i < 1024; i++) {
          const from = watch.read();
          lab.vmm.port.charge(cycles);
          samples.push(watch.between(from, watch.read()) - watch.reading);
        }
        const ns = mean(samples);
        assert.ok(Math.abs(ns - cycles * 2.5) < 3, `${cycles} cycles: ${ns} ns`);
      }
      // It goes round after 2.6 ms.
      const from = watch.read();
      lab.vmm.port.charge(2_000_000);
      const long = watch.between(from, watch.read());
      assert.ok(Math.abs(long - 5e6) < 300, `${long} ns`);
    },
  );
}
