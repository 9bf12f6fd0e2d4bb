/**
 * The measurements of recoveries, scale, overhead and loss.
 *
 * @module
 */

import assert from "node:assert/strict";
import { resized } from "../core/bench_lab.ts";
import {
  benchLoss,
  benchOverhead,
  dalyPeriod,
  type Workload,
  youngPeriod,
} from "../core/bench_overhead.ts";
import { benchRecovery } from "../core/bench_recovery.ts";
import { benchScale, fitLine } from "../core/bench_scale.ts";
import { GUEST_REGION, type SwitchGuests } from "../core/bench_switch.ts";
import { COST } from "../core/port.ts";
import { loadGuest } from "../guests/mod.ts";
import { core } from "./monitor_rig.ts";

async function guests(): Promise<SwitchGuests> {
  return {
    sweep: resized(await loadGuest("sweep"), GUEST_REGION),
    relay: await loadGuest("relay"),
  };
}

Deno.test(
  "benchRecovery() follows each error to the first instruction after it",
  core,
  async () => {
    const rows = await benchRecovery(await guests(), {
      fidelity: "fast",
      pages: [1, 8],
      strategies: ["cow", "full"],
      checksums: [false],
      samples: 3,
    });
    assert.equal(rows.length, 2 * 2 * 2 * 2 * 3);
    const of = (unit: string, resume: string, strategy: string, written: number, part: string) =>
      rows.find((r) =>
        r.unit === unit && r.resume === resume && r.strategy === strategy &&
        r.written === written &&
        r.part === part
      )!;
    for (const unit of ["task", "guest"]) {
      for (const strategy of ["cow", "full"]) {
        for (const written of [1, 8]) {
          const now = of(unit, "immediate", strategy, written, "total");
          const later = of(unit, "yield", strategy, written, "total");
          const monitor = of(unit, "yield", strategy, written, "monitor");
          assert.deepEqual([now.count, now.bench, now.fidelity], [3, "recovery", "fast"]);
          assert.ok(later.ns.median > 1e5, "until the next tick, or the other's turn is over");
          assert.ok(monitor.ns.median <= later.ns.median);
          const maintenance = of(unit, "yield", strategy, written, "maintenance");
          assert.ok(maintenance.ns.median < monitor.ns.median);
          // Two pages are 512 operations on lines at least.
          if (strategy === "cow") assert.ok(maintenance.cycles.median > 512);
          // What was written, and the stack.
          if (strategy === "cow") {
            assert.equal(now.pages, written + 1, `${unit} ${written}`);
            assert.equal(now.copied, 0);
            assert.ok(now.lost_ns.median > written * 1024 * COST.COPY_WORD * 2.5);
          } else {
            assert.ok(now.copied > 60, "the whole region is copied anew");
            assert.ok(now.cycles.median > now.copied * 1024 * COST.COPY_WORD);
          }
        }
      }
    }
    // 20 µs were to be reached; with eight pages and the stack they are not, as bench goals says. Emptying the
    // caches takes less charges here and more time on the timed core.
    assert.ok(of("task", "immediate", "cow", 8, "total").ns.median < 24_000);
    assert.ok(of("guest", "immediate", "cow", 8, "total").ns.median < 100_000);
  },
);

Deno.test("benchRecovery() pays for checksums", core, async () => {
  const rows = await benchRecovery(await guests(), {
    fidelity: "fast",
    units: ["task"],
    resumes: ["immediate"],
    pages: [4],
    samples: 3,
  });
  const of = (checksums: boolean) =>
    rows.find((r) => r.checksums === checksums && r.part === "total")!.cycles.median;
  // Five pages of 1024 words are read and added up.
  assert.ok(of(true) - of(false) >= 5 * 1024 * 2, `${of(false)} -> ${of(true)}`);
  await assert.rejects(
    benchRecovery(await guests(), { pages: [65] }),
    /^InputError: pages: 65 is not allowed; allowed: 1 to 64 for a task, to 256 for a guest$/,
  );
});

Deno.test("benchScale() finds what is constant and what is not", core, async () => {
  const sizes = { fidelity: "fast", samples: 10 } as const;
  const all = await guests();
  const vms = await benchScale(all, { ...sizes, axes: ["vms"], sizes: [2, 16, 40] });
  assert.deepEqual(
    vms.lines.map((l) => [l.domain, l.strategy, l.constant]),
    [["resident", "off", true], ["resident", "cow", true], ["recycled", "off", true], [
      "recycled",
      "cow",
      true,
    ]],
  );
  // Two VMs have domains enough, so there is nothing to recycle.
  assert.deepEqual(
    vms.rows.filter((r) => r.domain === "recycled" && r.strategy === "off").map((r) => r.vms),
    [16, 40],
  );
  const [resident, , recycled] = vms.lines;
  assert.ok(recycled!.start_ns > resident!.start_ns + 50, "a domain taken away costs");
  const tasks = await benchScale(all, {
    ...sizes,
    axes: ["tasks"],
    strategies: ["off"],
    sizes: [2, 16, 30],
  });
  assert.deepEqual(tasks.rows.map((r) => [r.value, r.vms]), [[2, 1], [16, 1], [30, 2], [16, 1], [
    30,
    2,
  ]]);
  assert.ok(tasks.lines.every(({ constant }) => constant));
  const region = await benchScale(all, {
    ...sizes,
    axes: ["region"],
    strategies: ["full", "cow"],
    sizes: [0x4000, 0x4_0000],
  });
  const line = (measure: string, strategy: string) =>
    region.lines.find((l) => l.measure === measure && l.strategy === strategy)!;
  const slope = line("vm-switch", "full").slope_ns;
  const copied = 1024 / 4 * COST.COPY_WORD * 2.5;
  assert.ok(slope >= copied && slope < 1.05 * copied, `${slope} ns for ${copied} of a KB's copy`);
  assert.equal(line("vm-switch", "cow").constant, true);
  assert.equal(line("guest-recovery", "cow").constant, true, "only what was written is looked at");
  await assert.rejects(
    benchScale(all, { axes: ["vms"], sizes: [65] }),
    /^InputError: vms: 65 is not allowed; allowed: 2 to 64$/,
  );
});

Deno.test("fitLine() is the line with the least squares", () => {
  assert.deepEqual(fitLine([1, 2, 3], [5, 7, 9]), { slope: 2, start: 3 });
  assert.deepEqual(fitLine([4], [8]), { slope: 0, start: 8 });
});

Deno.test("benchOverhead() compares the same work with and without", core, async () => {
  const works: Workload[] = [
    { name: "compute", guest: { image: await loadGuest("compute"), arg: "3" }, lines: 0 },
    { name: "pid", guest: { image: await loadGuest("pid") }, lines: 2 },
  ];
  const rows = await benchOverhead(works, { fidelity: "fast", periods: ["2ms", "5ms"] });
  assert.equal(rows.length, 2 * (1 + 3 * 2));
  for (const { name } of works) {
    const of = (strategy: string, period: number | null) =>
      rows.find((r) => r.work === name && r.strategy === strategy && r.period_ns === period)!;
    const off = of("off", null);
    assert.deepEqual([off.overhead, off.own, off.copies, off.checkpoints], [0, 0, 0, 0]);
    for (const strategy of ["full", "dirty", "cow"]) {
      for (const period of [2e6, 5e6]) {
        const row = of(strategy, period);
        assert.ok(row.cycles > off.cycles + row.copies * 1024 * COST.COPY_WORD * 0.8);
        assert.ok(Math.abs(row.own - (row.cycles / off.cycles - 1)) < 1e-12);
        const share = (row.ns - off.ns) / off.elapsed_ns;
        assert.ok(Math.abs(row.overhead - share) < 1e-12);
      }
      assert.ok(of(strategy, 2e6).overhead >= of(strategy, 5e6).overhead);
    }
  }
  assert.ok(
    rows.find((r) => r.work === "pid")!.elapsed_ns > 2 * rows.find((r) => r.work === "pid")!.ns,
  );
  await assert.rejects(
    benchOverhead(works, { periods: ["10us"] }),
    /^InputError: period: 10000 ns/,
  );
});

Deno.test("benchLoss() has its least between too many checkpoints and too few", core, async () => {
  const options = {
    fidelity: "fast",
    periods: ["200us", "600us", "3ms"],
    runs: 2,
    work: "10ms",
  } as const;
  const { rows, best } = await benchLoss(await loadGuest("sweep"), options);
  const [often, middle, seldom] = rows;
  assert.ok(often!.overhead > middle!.overhead && middle!.overhead > seldom!.overhead);
  assert.ok(seldom!.lost > middle!.lost && middle!.lost > 0);
  assert.equal(best.best_ns, 6e5);
  for (const row of rows) {
    assert.ok(Math.abs(row.overhead + row.lost - row.loss) < 1e-12);
    assert.ok(row.errors > 5 && row.runs === 2);
  }
  assert.equal(best.between_ns, 2e6);
  assert.ok(best.checkpoint_ns > 2 * 1024 * COST.COPY_WORD * 2.5, "two pages are copied each time");
  assert.equal(best.young_ns, youngPeriod(best.checkpoint_ns, 2e6));
  assert.deepEqual(await benchLoss(await loadGuest("sweep"), options), { rows, best });
  await assert.rejects(
    benchLoss(await loadGuest("sweep"), { rate: 0 }),
    /^InputError: rate: 0 is not allowed; allowed: above 0, up to 5000 a second$/,
  );
});

Deno.test("youngPeriod() and dalyPeriod()", () => {
  assert.equal(youngPeriod(2, 100), 20);
  // The smaller the cost, the closer they are; a cost beyond all measure has no better answer than M.
  assert.ok(Math.abs(dalyPeriod(1e-6, 100) / youngPeriod(1e-6, 100) - 1) < 1e-3);
  assert.ok(dalyPeriod(2, 100) > 18 && dalyPeriod(2, 100) < 20);
  assert.equal(dalyPeriod(300, 100), 100);
});
