/**
 * The measurements of switches, calls and the native kernel.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { BenchPart, BenchRow } from "../core/bench.ts";
import { FLOOR, floorNs, paperNs } from "../core/bench.ts";
import { benchCall, CALL_PARTS } from "../core/bench_call.ts";
import { resized } from "../core/bench_lab.ts";
import { benchNative, NATIVE_POINTS } from "../core/bench_native.ts";
import { benchPeriod } from "../core/bench_period.ts";
import { benchSwitch, GUEST_REGION, type SwitchGuests } from "../core/bench_switch.ts";
import { disassemble } from "../core/disasm.ts";
import { parseElf } from "../core/elf.ts";
import { COST } from "../core/port.ts";
import { loadGuest } from "../guests/mod.ts";
import { core } from "./monitor_rig.ts";

/** Two guests that switch. */
export async function guests(): Promise<SwitchGuests> {
  return {
    sweep: resized(await loadGuest("sweep"), GUEST_REGION),
    relay: await loadGuest("relay"),
  };
}

const NATIVE = new URL("../guests/images/relay-s3c2440.elf", import.meta.url);

function find(
  rows: readonly BenchRow[],
  strategy: string,
  part: BenchPart,
  by = "cycles",
): BenchRow {
  const row = rows.find((r) => r.strategy === strategy && r.part === part && r.by === by);
  assert.ok(row !== undefined, `${strategy} ${part} ${by}`);
  return row;
}

const FAST = { fidelity: "fast", samples: 30, timed: 0 } as const;

for (const what of ["switch", "task"] as const) {
  Deno.test(
    `benchSwitch(${what}): the parts make up the total, in every strategy`,
    core,
    async () => {
      const { rows, ways, pwm } = await benchSwitch(await guests(), what, FAST);
      assert.equal(pwm, undefined);
      for (const strategy of ["off", "full", "dirty", "cow"] as const) {
        const [save, middle, restore, total] = (["save", "switch", "restore", "total"] as const)
          .map(
            (part) => find(rows, strategy, part),
          );
        assert.ok(
          Math.abs(save!.mean_ns + middle!.mean_ns + restore!.mean_ns - total!.mean_ns) < 1e-6,
        );
        for (const row of rows.filter((r) => r.strategy === strategy)) {
          assert.equal(row.count, 30);
          assert.ok(row.cycles.min <= row.cycles.median && row.cycles.median <= row.cycles.max);
          assert.deepEqual(row.ns, {
            min: row.cycles.min * 2.5,
            median: row.cycles.median * 2.5,
            max: row.cycles.max * 2.5,
          });
          assert.deepEqual([row.bench, row.cache, row.by, row.fidelity], [
            what,
            "warm",
            "cycles",
            "fast",
          ]);
          assert.equal(row.paper_ns, paperNs(what, strategy, row.part));
          assert.ok(row.floor_ns === null || row.ns.min >= row.floor_ns, `${strategy} ${row.part}`);
        }
        const way = ways.find((w) => w.strategy === strategy)!;
        const steps = way.steps.reduce((sum, { cycles }) => sum + cycles, 0);
        const { cycles } = total!;
        assert.ok(
          steps + save!.cycles.median >= cycles.min && steps + save!.cycles.median <= cycles.max,
          "the way is the switch and the restore",
        );
      }
      // A page of 4 KB costs no strategy less than the bus takes for it, and each pays for it once.
      const copy = 1024 * COST.COPY_WORD;
      const pages = what === "switch" ? 4 + 4 + 1 : 2;
      const full = find(rows, "full", "backup").cycles.median;
      assert.ok(full >= pages * copy && full < pages * copy * 1.05, `${full} cycles`);
      assert.ok(find(rows, "dirty", "backup").cycles.median >= copy);
      assert.ok(find(rows, "cow", "backup").cycles.max < copy, "cow copies nothing at the switch");
      assert.ok(find(rows, "cow", "deferred").cycles.median >= copy, "but at the first write");
      assert.ok(find(rows, "off", "deferred").cycles.median < 100);
      for (const strategy of ["off", "full", "dirty", "cow"]) {
        const [writes, refills] = (["first-writes", "refills"] as const).map((part) =>
          find(rows, strategy, part).mean_ns
        );
        assert.ok(Math.abs(writes! + refills! - find(rows, strategy, "deferred").mean_ns) < 1e-6);
      }
      assert.equal(rows.some((r) => r.strategy === "off" && r.part === "backup"), false);
    },
  );
}

Deno.test(
  "benchSwitch() gives the same figures each time, and those of the costs",
  core,
  async () => {
    const run = async () =>
      (await benchSwitch(await guests(), "switch", { ...FAST, strategies: ["off"] })).rows;
    const before = await run();
    assert.deepEqual(await run(), before);
    const cost = COST as { WORD: number };
    try {
      cost.WORD = 2;
      const after = await run();
      const [save, saved] = [before, after].map((rows) => find(rows, "off", "save").cycles.median);
      // 17 words of the context, and what is looked up for it.
      assert.ok(saved! - save! >= FLOOR.CONTEXT_WORDS, `${save} -> ${saved}`);
    } finally {
      cost.WORD = 1;
    }
  },
);

Deno.test(
  "benchSwitch() by the timer is what the cycle counter says, to a part of a count",
  core,
  async () => {
    const options = {
      fidelity: "fast",
      samples: 50,
      timed: 1024,
      strategies: ["off", "cow"],
    } as const;
    const { rows, pwm } = await benchSwitch(await guests(), "switch", options);
    assert.deepEqual([pwm!.resolution_ns, pwm!.readings], [40, 1024]);
    for (const strategy of ["off", "cow"]) {
      for (const part of ["save", "switch", "restore", "total"] as const) {
        const timer = find(rows, strategy, part, "pwm");
        const counter = find(rows, strategy, part);
        assert.equal(timer.count, 1024);
        const apart = Math.abs(timer.mean_ns - counter.mean_ns);
        assert.ok(apart < 4, `${strategy} ${part}: ${timer.mean_ns} and ${counter.mean_ns} ns`);
      }
    }
  },
);

Deno.test("benchSwitch() timed: cold is dearer than warm, and costs can be set", core, async () => {
  const options = { samples: 10, timed: 0, strategies: ["off", "dirty"] } as const;
  const { rows } = await benchSwitch(await guests(), "switch", options);
  for (const { strategy, part, ns, floor_ns } of rows) {
    assert.ok(floor_ns === null || ns.min >= floor_ns, `${strategy} ${part}: ${ns.min} ns`);
  }
  const of = (cache: string, part: BenchPart) =>
    rows.find((r) => r.cache === cache && r.part === part)!.cycles.median;
  assert.deepEqual([...new Set(rows.map((r) => r.fidelity))], ["timed"]);
  for (const part of ["save", "switch", "restore"] as const) {
    assert.ok(of("cold", part) > of("warm", part) + 32, `${part}: a line fill and more`);
  }
  const slow = await benchSwitch(await guests(), "switch", {
    ...options,
    caches: ["cold"],
    timing: { busOverhead: 4 },
  });
  assert.ok(slow.rows.find((r) => r.part === "total")!.cycles.median > of("cold", "total"));
});

Deno.test("benchSwitch() refuses bad options", core, async () => {
  const all = await guests();
  await assert.rejects(
    benchSwitch(all, "switch", { period: "soon" }),
    /^InputError: period: "soon" is no time/,
  );
  await assert.rejects(
    benchSwitch(all, "switch", { samples: 0 }),
    /^InputError: samples: 0 is not allowed; allowed: 1 to 1000000$/,
  );
});

Deno.test("floorNs() is what no program can be quicker than", () => {
  assert.equal(floorNs("switch", "save", 0, 400e6, 100e6), 42.5);
  assert.equal(floorNs("switch", "entry", 0, 400e6, 100e6), 20);
  // 1024 words over a bus of 32 bits and 100 MHz, in and out.
  assert.equal(floorNs("task", "backup", 1, 400e6, 100e6), 10240);
  assert.equal(floorNs("task", "total", 0, 400e6, 100e6), 87.5);
  assert.equal(floorNs("task", "deferred", 0, 400e6, 100e6), null);
  assert.equal(paperNs("switch", "cow", "total"), 290);
  assert.equal(paperNs("task", "native", "total"), null);
});

Deno.test("benchNative() measures between the instructions that it names", async () => {
  const image = Deno.readFileSync(NATIVE);
  const elf = parseElf(image, "relay-s3c2440.elf");
  const at = (point: keyof typeof NATIVE_POINTS) => {
    const { symbol, offset } = NATIVE_POINTS[point];
    const address = elf.symbol(symbol)!.address + offset;
    const segment = elf.segments.find((s) => address >= s.vaddr && address < s.vaddr + s.filesz)!;
    const view = new DataView(segment.bytes.buffer, segment.bytes.byteOffset, segment.bytes.length);
    return disassemble(view.getUint32(address - segment.vaddr, true), address);
  };
  assert.match(at("vector"), /^b +/);
  assert.match(at("save"), /^stmia sp, \{r0, .*, lr\}\^$/);
  assert.match(at("restore"), /^ldr lr, \[sp, #60\]/);
  assert.match(at("leave"), /^movs +pc, lr$/);
  const rows = benchNative(image, { fidelity: "fast", samples: 20 });
  assert.deepEqual(rows.map((r) => r.part), ["save", "switch", "restore", "total"]);
  const [save, middle, restore, total] = rows.map((r) => r.cycles.median);
  assert.equal(save! + middle! + restore!, total);
  // STM of 15, STR, MRS, STR and a NOP; LDR, LDR, MSR, LDM of 15, NOP, MOVS.
  assert.ok(save! >= 18 && restore! >= 20 && total! < 200, `${save} ${middle} ${restore}`);
  const guest = await loadGuest("compute");
  assert.throws(() => benchNative(guest, {}), /^InputError: native image: /);
});

Deno.test("benchCall(): in, kernel and out make up the call", core, async () => {
  const { relay } = await guests();
  const rows = await benchCall(relay, { fidelity: "fast", samples: 20 });
  for (const call of ["OSTimeGet", "OSSemPend", "OSSemPost"]) {
    for (const strategy of ["off", "cow"]) {
      const of = (part: string) =>
        rows.find((r) => r.call === call && r.strategy === strategy && r.part === part)!.cycles;
      const [enter, kernel, out, monitor, total] = CALL_PARTS.map((part) => of(part).median);
      assert.equal(enter! + kernel! + out!, total, `${call} ${strategy}`);
      assert.equal(enter! + out!, monitor);
    }
  }
  const out = (strategy: string, call: string) =>
    rows.find((r) => r.call === call && r.strategy === strategy && r.part === "out")!.cycles.median;
  assert.ok(out("cow", "OSSemPost") > out("off", "OSSemPost") + 50, "the journal's checkpoint");
  assert.ok(out("cow", "OSTimeGet") <= out("off", "OSTimeGet") + 10, "nobody sees it");
});

Deno.test(
  "benchPeriod(): seldom checkpoints make switches cheap on average, not at worst",
  core,
  async () => {
    const rows = await benchPeriod(await guests(), {
      fidelity: "fast",
      periods: [0, "1ms", "5ms"],
      samples: 50,
    });
    for (const kind of ["vm", "task"]) {
      const of = (strategy: string) =>
        rows.filter((r) => r.kind === kind && r.strategy === strategy);
      assert.deepEqual(of("off").map((r) => [r.period_ns, r.checkpoints]), [[null, 0]]);
      for (const strategy of ["full", "dirty", "cow"]) {
        const [every, often, seldom] = of(strategy);
        assert.deepEqual([every!.period_ns, often!.period_ns, seldom!.period_ns], [0, 1e6, 5e6]);
        assert.equal(every!.checkpoints, every!.count);
        assert.ok(every!.mean_ns > often!.mean_ns && often!.mean_ns > seldom!.mean_ns, strategy);
        assert.ok(seldom!.mean_ns > of("off")[0]!.mean_ns);
        assert.ok(seldom!.ns.max > 0.9 * every!.ns.median, "the worst one has its checkpoint");
        assert.ok(seldom!.checkpoints >= 4);
      }
    }
    await assert.rejects(
      benchPeriod(await guests(), { periods: ["2s"] }),
      /^InputError: period: "2s" is not allowed; allowed: 0 to 1s$/,
    );
  },
);
