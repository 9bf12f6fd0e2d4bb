import assert from "node:assert/strict";
import { Board } from "../core/board.ts";
import { buildFlash } from "../core/flash.ts";
import { BACKUP_STRATEGIES, type Lab, type LabOptions } from "../core/lab.ts";
import { loadImage } from "../core/loader.ts";
import { Recorder } from "../core/recorder.ts";
import type { TraceEvent } from "../core/trace.ts";
import { HC } from "../core/vmi.ts";
import { Vmm } from "../core/vmm.ts";
import { loadGuest } from "../guests/mod.ts";
import {
  CALL,
  type Code,
  imm,
  KERNEL_DATA,
  plainGuest,
  R0,
  R4,
  taskData,
  taskGuest,
} from "./mini_guest.ts";
import { core, miniLab, miniVm0, ofType } from "./monitor_rig.ts";

/** Does everything a guest can do to the monitor, with faults now and then. */
const lively = taskGuest({
  tickUs: 400,
  tasks: [
    {
      name: "worker",
      main: (c: Code) => {
        c.label("l").increment(taskData(0)).swi(CALL.COUNT).op("and", R0, R0, imm(7));
        c.cmp(R0, imm(3)).b("ask", "eq").print(CALL.PRINT, "part of ").print(
          CALL.PRINT,
          "a line\n",
        );
        c.swi(CALL.DELAY).b("l");
        c.label("ask").mov(R4, imm(HC.CHECKPOINT)).swi(CALL.HYPER, 0xffff_ffff).swi(CALL.YIELD).b(
          "l",
        );
      },
    },
    {
      name: "faulty",
      main: (c) => {
        c.increment(taskData(1)).swi(CALL.DELAY).swi(CALL.DELAY).swi(CALL.COUNT);
        c.op("tst", 0, R0, imm(12)).b("task", "ne").swi(CALL.JUMP, "task");
        c.label("task").mov(R0, imm(0)).str(R0, R0);
      },
    },
  ],
});
const spinning = plainGuest({ main: (c) => c.label("l").increment(KERNEL_DATA).b("l") });
const policy = {
  task: [{ action: "swap", limit: 2 }, { action: "restart", limit: 100 }, { action: "stop" }],
  guest: [{ action: "swap", limit: 100 }, { action: "stop" }],
} as const;

/** Runs a board with its monitor and gives what was reported. */
function run(board: Board, recorder: Recorder, until: number): TraceEvent[] {
  while (board.clock.now < until && board.onTrap !== null) {
    board.run(until);
    if (board.clock.now < until) break;
  }
  return recorder.take();
}

const CASES: readonly Partial<LabOptions>[] = [
  ...BACKUP_STRATEGIES.map((backup) => ({ backup, period: "1ms", generations: 3 })),
  { schedule: "slots", slice: "2ms" },
  { journal: "log", period: "1ms" },
  { journal: "commit", outputCommit: true, period: "2ms" },
  { watchdog: "4ms", checksums: true, refusals: 50, catchUp: true, scrub: 1 },
  { backup: "cow", every: 3, cache: true },
];

/** Times at which the monitor is built anew: anywhere. */
function moments(seed: number, end: number): number[] {
  const out: number[] = [];
  let random = seed;
  for (let t = 300_000; t < end;) {
    random = (Math.imul(random, 1_103_515_245) + 12_345) >>> 0;
    t += 60_000 + (random >>> 8) % 900_000;
    out.push(Math.min(t, end));
  }
  return out;
}

async function lab(options: Partial<LabOptions>): Promise<Lab> {
  return await miniLab({ lively, spinning, second: lively }, { policy, slice: "1ms", ...options });
}

Deno.test("a second Vmm on the same board goes on with the same trace", core, async () => {
  for (const [i, options] of CASES.entries()) {
    const end = options.cache ? 5_000_000 : 24_000_000;
    using whole = await lab(options);
    const events = whole.runAll({ until: end });
    if (options.backup !== "off") assert.ok(ofType(events, "recovery").length > 1);

    using split = await lab(options);
    const parts = split.runAll({ until: 200_000 });
    for (const t of moments(i + 1, end)) {
      new Vmm(split.board, split.recorder);
      parts.push(...split.runAll({ until: Math.max(t, split.time) }));
    }
    assert.deepEqual(parts, events, JSON.stringify(options));
    assert.deepEqual(split.summary(), whole.summary());
  }
});

Deno.test(
  "a Vmm built from CPU, device registers and SDRAM alone goes on with the same trace",
  core,
  async () => {
    const vm0 = miniVm0();
    const images = { lively, spinning, second: lively };
    const flash = buildFlash(
      Object.entries({ vm0, ...images }).map(([name, image]) => ({ name, image, argument: "" })),
      true,
    );
    for (const [i, options] of CASES.entries()) {
      const end = options.cache ? 3_000_000 : 7_000_000;
      using whole = await lab(options);
      const events = whole.runAll({ until: end });

      using first = await lab(options);
      const parts = first.runAll({ until: 250_000 });
      let board: Board = first.board;
      let recorder: Recorder = first.recorder;
      for (const t of moments(i + 40, end)) {
        const next = new Board({
          sdramMB: 32,
          flash,
          bootClocks: true,
          cache: board.mmu.dcache !== null,
        });
        next.restore(structuredClone(board.state()));
        // The observer is not the monitor: it hands its hashes and symbols on.
        const observer = new Recorder();
        observer.restore(recorder.state(), (name) => {
          const image = (images as Record<string, Uint8Array>)[name];
          return image === undefined ? undefined : loadImage(image, name).elf;
        });
        new Vmm(next, observer);
        board = next;
        recorder = observer;
        parts.push(...run(board, recorder, board.clock.cycleAt(t)));
      }
      assert.deepEqual(parts, events, JSON.stringify(options));
      assert.equal(recorder.hash, whole.recorder.hash);
    }
  },
);

Deno.test("a second Vmm goes on with the package's guests", core, async () => {
  const guests = await Promise.all(["ucos-1", "ucos-3"].map(async (name) => ({
    name,
    image: await loadGuest(name),
  })));
  const options = { vm0: await loadGuest("vm0"), guests, sdramMB: 32 };
  using whole = await miniLab({}, options);
  const events = whole.runAll({ until: "330ms" });
  assert.ok(ofType(events, "recovery").length > 1);
  using split = await miniLab({}, options);
  const parts: TraceEvent[] = [];
  for (let t = 1_234_567; t < 330e6; t += 9_876_543) {
    new Vmm(split.board, split.recorder);
    parts.push(...split.runAll({ until: t }));
  }
  parts.push(...split.runAll({ until: "330ms" }));
  assert.deepEqual(parts, events);
  assert.equal(split.summary().hash, whole.summary().hash);
});
