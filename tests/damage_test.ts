/**
 * The monitor over its own damaged records: whatever stands in them, it goes on or stops with a
 * post-mortem, and the host neither hangs nor throws.
 *
 * @module
 */

import assert from "node:assert/strict";
import { frameRecord } from "../core/frames.ts";
import type { Lab, LabOptions } from "../core/lab.ts";
import { FRAME, GLOBAL, MAP, PAGE_REC, PIECE_REC, POLICY, UNIT, VM } from "../core/layout.ts";
import { Random } from "../core/random.ts";
import { HC } from "../core/vmi.ts";
import { CALL, KERNEL_DATA, plainGuest, R0, R1, taskData, taskGuest } from "./mini_guest.ts";
import { miniLab, vmRecords } from "./monitor_rig.ts";

/** Writes to its pages, prints, sends, and makes an error now and then. */
const busy = taskGuest({
  tasks: [
    {
      name: "writer",
      main: (c) => {
        c.label("l").increment(taskData(0)).increment(taskData(0) + 0x1000).swi(CALL.COUNT);
        c.print(CALL.PRINT, "w\n").swi(CALL.DELAY).b("l");
      },
      dataPages: 2,
    },
    {
      name: "faulty",
      main: (c) => {
        c.increment(taskData(1)).swi(CALL.DELAY).swi(CALL.DELAY).swi(CALL.DELAY);
        c.li(R1, 0x0180_0000).ldr(R0, R1).spin();
      },
    },
  ],
});
const plain = plainGuest({
  main: (c) => {
    c.swi(HC.TIMER_SET, 1000).label("l").swi(HC.WAIT).increment(KERNEL_DATA);
    c.swi(HC.SEND, 1, KERNEL_DATA, 16).swi(HC.RECEIVE, KERNEL_DATA + 64, 16).b("l");
  },
});

/** Words that do more harm than most: near misses of what could stand there. */
function value(random: Random, old: number, addresses: readonly number[]): number {
  switch (random.below(6)) {
    case 0:
      return (old ^ 1 << random.below(32)) >>> 0;
    case 1:
      return random.below(4);
    case 2:
      return 0xffff_ffff - random.below(4);
    case 3:
      return addresses[random.below(addresses.length)]!;
    case 4:
      return (old + 4 * (random.below(64) - 32)) >>> 0;
    default:
      return random.next();
  }
}

/** Address of a random word of the monitor's records. */
function place(lab: Lab, random: Random): number {
  const word = (pa: number) => lab.board.peek(pa, 4);
  const vms = vmRecords(lab).filter((vm) => vm >= MAP.ARENA && vm < MAP.ARENA_END - VM.SIZE);
  const kind = vms.length === 0 ? 0 : random.below(8);
  if (kind === 0) return MAP.GLOBAL + 4 * random.below(GLOBAL.SIZE / 4);
  const vm = vms[random.below(vms.length)]!;
  const entry = (pointer: number, count: number, size: number) =>
    word(vm + pointer) + size * random.below(Math.max(1, Math.min(word(vm + count), 1000))) +
    4 * random.below(size / 4);
  switch (kind) {
    case 1:
      return vm + 4 * random.below((VM.POLICY + POLICY.SIZE) / 4);
    case 2:
      return entry(VM.UNITS, VM.UNIT_COUNT, UNIT.SIZE);
    case 3:
      return entry(VM.PAGES, VM.PAGE_COUNT, PAGE_REC.SIZE);
    case 4:
      return entry(VM.PIECES, VM.PIECE_COUNT, PIECE_REC.SIZE);
    case 5:
      return frameRecord(MAP.POOL + 4096 * random.below(200)) + 4 * random.below(FRAME.SIZE / 4);
    case 6:
      return MAP.VM_TABLE + 4 * random.below(4);
    default:
      return word(vm + VM.CUTS) + 4 * random.below(0x100);
  }
}

const OPTIONS: readonly Partial<LabOptions>[] = [
  { backup: "cow", period: "1ms" },
  { backup: "dirty", period: "1ms", checksums: true, generations: 4 },
  { backup: "full", period: 0, journal: "commit", outputCommit: true },
  { backup: "cow", schedule: "slots", slice: "2ms", watchdog: "3ms", refusals: 5, catchUp: true },
  { backup: "cow", period: 0, policy: { classify: "far", resume: "immediate" }, scrub: 1 },
];

/**
 * Board time at which a run of 20 ms has to be over, ns. The monitor's work is charged to board time, so
 * work without an end shows here, whatever else the host has to do meanwhile.
 */
const LATEST = 36e6;

async function damagedRun(seed: number): Promise<string> {
  const random = new Random(seed);
  const options = OPTIONS[seed % OPTIONS.length]!;
  using lab = await miniLab({ busy, plain }, options);
  const story: string[] = [];
  lab.runAll({ until: "4ms" });
  const addresses = [0, ...vmRecords(lab), MAP.POOL, MAP.GLOBAL, MAP.TABLES, MAP.ARENA_END];
  try {
    while (lab.time < 20e6 && !lab.stopped) {
      const words = 1 + random.below(3);
      for (let i = 0; i < words; i++) {
        const at = (place(lab, random) & ~3) >>> 0;
        const old = lab.board.peek(at, 4);
        const now = value(random, old, addresses);
        story.push(`${lab.time}: ${at.toString(16)} ${old.toString(16)}->${now.toString(16)}`);
        lab.board.poke(at, now);
      }
      lab.runAll({ for: 1 + random.below(4_000_000) });
      // Looking, too, at whatever stands there.
      lab.summary();
      lab.manage.list();
      lab.manage.log();
    }
  } catch (error) {
    return `seed ${seed}: ${(error as Error).stack}\n${story.join("\n")}`;
  }
  return lab.time > LATEST ? `seed ${seed}: until ${lab.time} ns\n${story.join("\n")}` : "";
}

Deno.test("Vmm goes on or stops over any damage of its records", async () => {
  for (let seed = 1; seed <= 200; seed++) {
    assert.equal(await damagedRun(seed), "");
  }
});
