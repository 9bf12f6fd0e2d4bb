/**
 * TLB entries of the monitor's own memory: loaded at its start, locked, and kept by "invalidate all".
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Lab } from "../core/lab.ts";
import { GLOBAL, MAP } from "../core/layout.ts";
import { ACCESS } from "../core/mmu.ts";
import { TLB_INFO } from "../core/tlb.ts";
import { word } from "./backup_rig.ts";
import { CALL, type Code, taskData, taskGuest } from "./mini_guest.ts";
import { core, miniLab } from "./monitor_rig.ts";

const MEGABYTE = 0x10_0000;
const INTC = 0x4a00_0000;
const PWM = 0x5100_0000;

/** Two tasks that write to a page and give way. */
const twoTasks = taskGuest({
  tasks: [0, 1].map((t) => ({
    name: `t${t}`,
    dataPages: 1,
    main: (c: Code) => c.label("l").increment(taskData(t)).swi(CALL.YIELD).b("l"),
  })),
});

/** Data accesses and fetches of the monitor's. */
const LOCKED: readonly (readonly [number, 0 | 2])[] = [
  ...Array.from({ length: 8 }, (_, i) => [MAP.GLOBAL + i * MEGABYTE, ACCESS.READ] as const),
  [MAP.FRAMES, ACCESS.READ],
  [MAP.MASTER, ACCESS.READ],
  [INTC, ACCESS.READ],
  [PWM, ACCESS.READ],
  [MAP.VECTORS, ACCESS.FETCH],
  [MAP.TEXT, ACCESS.FETCH],
];

Deno.test(
  "the monitor's translations outlive invalidate-all, and nothing else does",
  core,
  async () => {
    using lab = await miniLab({ a: twoTasks }, { backup: "cow", period: "1ms" });
    const { mmu } = lab.board;
    for (const time of ["1ms", "10ms", "20ms"]) {
      lab.runAll({ until: time });
      mmu.mcr(8, 7, 0, 0);
      assert.deepEqual([mmu.dtlb.base, mmu.itlb.base], [12, 2], time);
      assert.deepEqual([mmu.dtlb.preserve, mmu.itlb.preserve], [0, 0], time);
      for (const tlb of [mmu.dtlb, mmu.itlb]) {
        tlb.mask.forEach((mask, i) => {
          assert.equal(mask !== 0, i < tlb.base, `entry ${i}`);
          assert.equal((tlb.info[i] & TLB_INFO.PRESERVE) !== 0, i < tlb.base, `entry ${i}`);
        });
      }
      const before = { ...mmu.counters };
      for (const [va, access] of LOCKED) {
        const pa = va === MAP.VECTORS ? MAP.TEXT : va;
        assert.equal(mmu.translate(va, access, true), pa);
        // They are of domain 0 and closed to guests.
        assert.equal(mmu.translate(va, access, false), -1);
      }
      assert.equal(mmu.counters.walksData, before.walksData, time);
      assert.equal(mmu.counters.walksInstruction, before.walksInstruction, time);
      // The next megabyte is walked for.
      assert.equal(mmu.translate(MAP.POOL, ACCESS.READ, true), MAP.POOL);
      assert.equal(mmu.counters.walksData, before.walksData + 1, time);
    }
  },
);

/** Walks for data and for instructions. */
type Walks = [number, number];

/**
 * Walks of each task switch, from the routine with which it begins to the guest, when both TLBs are
 * invalidated before each entry.
 *
 * @param locked False: the locked entries go, too.
 */
function walksOfSwitches(lab: Lab, locked: boolean): Walks[] {
  const { board } = lab;
  const { port } = lab.vmm;
  const { mmu } = board;
  const trap = board.onTrap!;
  const { routine } = port;
  const found: Walks[] = [];
  let before: Walks = [0, 0];
  let last = "";
  const count = (): Walks => [mmu.counters.walksData, mmu.counters.walksInstruction];
  port.routine = (next, rounds) => {
    last = next.name;
    if (last === "dispatch") before = count();
    routine.call(port, next, rounds);
  };
  board.onTrap = (vector) => {
    if (locked) mmu.mcr(8, 7, 0, 0);
    else for (const tlb of [mmu.dtlb, mmu.itlb]) tlb.reset();
    trap(vector);
    const [data, fetches] = count();
    if (last === "restore_task") found.push([data - before[0], fetches - before[1]]);
  };
  lab.runAll({ for: 1e6 });
  board.onTrap = trap;
  port.routine = routine;
  return found;
}

Deno.test("task switches walk no tables, whatever was invalidated before", core, async () => {
  const options = { backup: "off", slice: "1ms", fidelity: "timed" } as const;
  const make = async () => {
    const lab = await miniLab({ a: twoTasks, b: twoTasks }, options);
    lab.runAll({ for: "5ms" });
    return lab;
  };
  using lab = await make();
  const walks = walksOfSwitches(lab, true);
  assert.ok(walks.length > 20, `${walks.length} switches`);
  for (const each of walks) assert.deepEqual(each, [0, 0]);
  // Without the locked entries a switch walks for its records (the vectors were walked for at the entry).
  using bare = await make();
  const without = walksOfSwitches(bare, false);
  assert.ok(without.length > 20);
  for (const [data] of without) assert.ok(data > 0);
});

Deno.test(
  "a damaged master entry of the records does no harm to what is locked",
  core,
  async () => {
    using lab = await miniLab({ a: twoTasks }, { backup: "cow", period: "1ms" });
    lab.runAll({ for: "5ms" });
    const entry = MAP.MASTER + (MAP.GLOBAL >>> 20) * 4;
    lab.board.poke(entry, lab.board.peek(entry, 4) ^ MEGABYTE);
    lab.runAll({ for: "10ms" });
    assert.equal(word(lab, MAP.GLOBAL + GLOBAL.STOPPED), 0);
  },
);
