/**
 * Invariants of the monitor that need a look inside the machine: what caches hold, which contexts
 * are named, when cuts are taken. Most others are checked by `backup_rig.ts` and `monitor_rig.ts`.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { CacheState } from "../core/cache.ts";
import { observedContext, observedInTask } from "../core/contexts.ts";
import { frameRecord } from "../core/frames.ts";
import { BACKUP_STRATEGIES, type Lab } from "../core/lab.ts";
import {
  CONTEXT,
  CUT,
  FRAME,
  FRAME_STATE,
  GLOBAL,
  MAP,
  RING,
  SLOT_BASE,
  UNIT,
  UNIT_KIND,
  VM,
} from "../core/layout.ts";
import { PAGE, SLOT_MAP } from "../core/vmi.ts";
import { checkRecords, unitRecord, walk, word } from "./backup_rig.ts";
import { counters, RUNGS } from "./counter_guest.ts";
import { checkFrames, core, miniLab, ofType, vmRecords } from "./monitor_rig.ts";

const STRATEGIES = BACKUP_STRATEGIES.filter((s) => s !== "off");

/** A laboratory in which everything happens: checkpoints, rollbacks, restarts, of tasks and guests. */
function busy(backup: (typeof STRATEGIES)[number], generations: number, cache: boolean) {
  const guests = {
    g: counters({ tasks: 3, pages: 4, faults: 0x1f0 }),
    h: counters({ tasks: 2, pages: 9, faults: 0x3f0 }),
  };
  const policy = {
    ...RUNGS,
    guest: [{ action: "swap", limit: 2 }, { action: "restart", limit: 1000 }, { action: "stop" }],
  } as const;
  const period = backup === "full" ? "2ms" : "700us";
  return miniLab(guests, { backup, generations, cache, period, slice: "1ms", policy });
}

/** Lines of a cache that lie in guests' frames. */
function guestLines({ tag, pa }: CacheState): { mva: number; frame: number }[] {
  return tag.flatMap((t, i) => {
    const frame = (pa[i] & ~(PAGE - 1)) >>> 0;
    const mva = (t & ~31) >>> 0;
    return (t & 1) !== 0 && frame >= MAP.POOL && frame < 0x4000_0000 ? [{ mva, frame }] : [];
  });
}

Deno.test("I5: no line of a cache holds a frame but an active one, at its page", core, async () => {
  for (const backup of STRATEGIES) {
    using lab = await busy(backup, 2, true);
    let lines = 0;
    let recoveries = 0;
    for (let i = 0; i < 40; i++) {
      recoveries += ofType(lab.runAll({ for: 377_777 }), "recovery").length;
      const { caches } = lab.board.mmu.state();
      for (const cache of [caches!.instruction, caches!.data]) {
        for (const { mva, frame } of guestLines(cache)) {
          const state = word(lab, frameRecord(frame) + FRAME.STATE) & 0xff;
          const what = `line of 0x${mva.toString(16)} in frame 0x${frame.toString(16)}`;
          assert.equal(state, FRAME_STATE.ACTIVE, what);
          assert.ok(mva >= SLOT_BASE, `${what}: through the guest's own mapping only`);
          assert.equal(walk(lab, mva)?.frame, frame, what);
          lines++;
        }
      }
    }
    assert.ok(lines > 500 && recoveries > 3, `${lines} lines, ${recoveries} recoveries`);
  }
});

/** How often kept checkpoints name each context slot of a VM. */
function references(lab: Lab, vm: number): Map<number, number> {
  const named = new Map<number, number>();
  const name = (slot: number) => named.set(slot, (named.get(slot) ?? 0) + 1);
  const most = word(lab, MAP.GLOBAL + GLOBAL.GENERATIONS);
  const units = word(lab, vm + VM.UNIT_COUNT);
  for (let u = 0; u < units; u++) {
    const unit = unitRecord(lab, vm, u);
    const head = word(lab, unit + UNIT.RING_HEAD);
    for (let g = 0; g < word(lab, unit + UNIT.RING_COUNT); g++) {
      name(word(lab, unit + UNIT.RING + (head + most - g) % most * RING.SIZE + RING.SLOT));
    }
    for (let i = 0; i < most; i++) {
      const cut = word(lab, vm + VM.CUTS) + i * word(lab, vm + VM.CUT_SIZE);
      if (word(lab, cut + CUT.SEQ) === 0) continue;
      name(word(lab, cut + CUT.TASKS + u * CUT.TASK_SIZE + UNIT.SLOT - UNIT.HELD));
    }
  }
  return named;
}

Deno.test("I6: the slot of the next save is one that no kept checkpoint names", core, async () => {
  for (const backup of STRATEGIES) {
    for (const generations of [1, 3]) {
      using lab = await busy(backup, generations, false);
      let running = 0;
      for (let i = 0; i < 60; i++) {
        lab.runAll({ for: 277_777 });
        for (const vm of vmRecords(lab)) {
          const named = references(lab, vm);
          const units = word(lab, vm + VM.UNIT_COUNT);
          for (let u = 0; u < units; u++) {
            for (let s = 0; s < word(lab, vm + VM.CONTEXT_SLOTS); s++) {
              const slot = word(lab, vm + VM.CONTEXTS) +
                (u * word(lab, vm + VM.CONTEXT_SLOTS) + s) * CONTEXT.SIZE;
              assert.equal(word(lab, slot + CONTEXT.REFS), named.get(slot) ?? 0, `slot ${s}`);
            }
          }
          const inTask = observedInTask(lab.board, vm);
          if (word(lab, MAP.GLOBAL + GLOBAL.CURRENT) !== vm || !inTask) continue;
          const slot = observedContext(lab.board, vm);
          assert.equal(named.get(slot) ?? 0, 0, "it will be overwritten");
          running++;
        }
      }
      assert.ok(running > 5, `${running} times in a task`);
    }
  }
});

Deno.test("I7: no cut lies inside a kernel, no task's target before a cut", core, async () => {
  for (const backup of STRATEGIES) {
    using lab = await busy(backup, 2, false);
    let cuts = 0;
    lab.recorder.onEvent = (e) => {
      if (e.type !== "checkpoint" || e.task !== undefined) return;
      const vm = lab.vmRecord(e.vm);
      // The first one is taken before the guest's first instruction.
      const begun = word(lab, vm + VM.VECTORS) !== 0;
      if (begun) assert.ok(observedInTask(lab.board, vm));
      cuts++;
      for (let u = 0; u < word(lab, vm + VM.UNIT_COUNT); u++) {
        const unit = unitRecord(lab, vm, u);
        if (word(lab, unit + UNIT.KIND) !== UNIT_KIND.TASK) continue;
        assert.ok(word(lab, unit + UNIT.TARGET) >= word(lab, vm + VM.CUT));
      }
    };
    for (let i = 0; i < 30; i++) {
      lab.runAll({ for: 477_777 });
      for (const vm of vmRecords(lab).slice(1)) checkRecords(lab, vm);
    }
    checkFrames(lab);
    assert.ok(cuts > 10, `${cuts} cuts`);
  }
});

Deno.test("docs/monitor.md names tests that exist, and every invariant", () => {
  const url = new URL("../docs/monitor.md", import.meta.url);
  const page = Deno.readTextFileSync(url);
  const line = page.replaceAll(/\s+/g, " ");
  for (let n = 1; n <= 7; n++) assert.match(page, new RegExp(`^\\| I${n} `, "m"));
  const cited = [...line.matchAll(/`(tests\/\w+\.ts)`(?: "([^"]+)")?/g)];
  assert.ok(cited.length > 10);
  for (const [, file, name] of cited) {
    const text = Deno.readTextFileSync(new URL(`../${file}`, import.meta.url));
    if (name !== undefined) assert.ok(text.includes(name), `${file}: "${name}"`);
  }
  for (const [, file] of line.matchAll(/`(core\/\w+\.ts)`/g)) {
    Deno.statSync(new URL(`../${file}`, import.meta.url));
  }
  assert.equal(SLOT_MAP.SIZE, 2 ** 25, "slots of 32 MB, as the page says");
});
