import assert from "node:assert/strict";
import { dumpMonitor, type PageTableRow } from "../core/dump.ts";
import { BACKUP_STRATEGIES, type Lab } from "../core/lab.ts";
import { MAP, PIECE_REC, VM } from "../core/layout.ts";
import { ACCESS } from "../core/mmu.ts";
import { readFirstLevel, readSecondLevel } from "../core/pagetable.ts";
import { slotMva } from "../core/vm.ts";
import { HC, PAGE, SLOT_MAP } from "../core/vmi.ts";
import {
  CALL,
  type Code,
  imm,
  KERNEL_DATA,
  plainGuest,
  R0,
  R4,
  STACK_OFFSET,
  taskBase,
  taskData,
  taskGuest,
} from "./mini_guest.ts";
import { core, miniLab, ofType } from "./monitor_rig.ts";

const image = taskGuest({
  kernelDataPages: 2,
  tasks: [
    {
      name: "writer",
      dataPages: 3,
      main: (c: Code) => {
        c.increment(taskData(0)).mov(R4, imm(HC.CHECKPOINT)).swi(CALL.HYPER, 0).swi(CALL.YIELD);
        c.increment(taskData(0) + PAGE).mov(R0, imm(0)).str(R0, R0);
      },
    },
    {
      name: "other",
      main: (c: Code) => c.label("l").increment(taskData(1)).swi(CALL.YIELD).b("l"),
    },
  ],
});

/** Guest addresses of the pages of the guest above and of their kinds. */
const PAGES: readonly [va: number, task: string | null, kind: string][] = [
  [0, null, "kernel-text"],
  [KERNEL_DATA, null, "kernel-data"],
  [KERNEL_DATA + PAGE, null, "kernel-data"],
  [STACK_OFFSET, null, "kernel-stack"],
  [SLOT_MAP.VMI_CONTROL, null, "vmi-control"],
  [SLOT_MAP.VMI_INFO, null, "vmi-info"],
  ...["writer", "other", "idle"].flatMap((task, i): [number, string, string][] => [
    [taskBase(i), task, "task-text"],
    ...Array.from(
      { length: i === 0 ? 3 : 1 },
      (_, k): [number, string, string] => [taskData(i) + k * PAGE, task, "task-data"],
    ),
    [taskBase(i) + STACK_OFFSET, task, "task-stack"],
  ]),
];

const of = (rows: readonly PageTableRow[], role: PageTableRow["role"]) =>
  rows.filter((r) => r.role === role);
const at = (rows: readonly PageTableRow[], role: PageTableRow["role"], va: number) =>
  of(rows, role).find((r) => Number(r.va) === va)!;
const firstByte = (lab: Lab, row: PageTableRow) => lab.board.peek(Number(row.pa), 1);

Deno.test("Lab.dumpPt() has a row for each page in each table", core, async () => {
  using lab = await miniLab({ first: plainGuest({ main: (c) => c.spin() }), g: image });
  lab.runAll({ for: "8ms" });
  const rows = lab.dumpPt("g");
  for (const role of ["active", "standby", "spare"] as const) {
    assert.deepEqual(
      of(rows, role).map((r) => [Number(r.va), r.task, r.kind]),
      PAGES.map((p) => [...p]),
      role,
    );
  }
  for (const row of rows) {
    assert.equal(row.vm, "g");
    assert.equal(row.region, "dynamic");
    assert.equal(Number(row.mva), slotMva(2, Number(row.va)));
    assert.equal(row.size, PAGE);
    assert.match(row.pa, /^0x3[0-9a-f]{7}$/);
    assert.ok(Number(row.pa) >= MAP.POOL);
    const cached = row.kind !== "vmi-info";
    assert.deepEqual([row.c, row.b], cached ? [1, 1] : [0, 1], row.kind);
    assert.ok(Number(row.table) >= MAP.TABLES && Number(row.table) < MAP.TABLES_END);
    assert.ok(row.domain >= 1 && row.domain <= 15);
  }
  // No two pages have one active frame; text is one frame in all tables.
  assert.equal(new Set(of(rows, "active").map((r) => r.pa)).size, PAGES.length);
  for (const [va, , kind] of PAGES) {
    if (!kind.endsWith("text")) continue;
    const frames = rows.filter((r) => Number(r.va) === va).map((r) => r.pa);
    assert.equal(new Set(frames).size, 1, kind);
  }
});

Deno.test("Lab.dumpPt() says what the emulated MMU finds", core, async () => {
  for (const backup of BACKUP_STRATEGIES) {
    using lab = await miniLab({ g: image, h: image }, { backup, slice: "1ms" });
    for (let i = 0; i < 12; i++) {
      lab.runAll({ for: 777_777 });
      const { board } = lab;
      const dacr = board.mmu.state().dacr;
      for (const vm of ["g", "h"]) {
        for (const row of of(lab.dumpPt(vm), "active")) {
          const mva = Number(row.mva);
          const l1 = readFirstLevel(board.peek(MAP.MASTER + (mva >>> 20) * 4, 4));
          const l2 = readSecondLevel(board.peek(l1.base + (mva >>> 12 & 255) * 4, 4));
          assert.deepEqual(
            [Number(row.pa), row.domain, Number(row.table), row.c, row.b],
            [l2.base, l1.domain, l1.base, l2.c, l2.b],
          );
          // What User may do there, given that its domain is open.
          if ((dacr >>> row.domain * 2 & 3) !== 1) {
            assert.equal(board.mmu.probe(mva, ACCESS.READ, false), -1);
            continue;
          }
          assert.equal(board.mmu.probe(mva, ACCESS.READ, false), Number(row.pa));
          const writable = board.mmu.probe(mva, ACCESS.WRITE, false) >= 0;
          assert.equal(writable, row.ap === "RW/RW", `${backup} ${row.va} ${row.ap}`);
        }
      }
    }
  }
});

Deno.test("Lab.dumpPt() shows the tables change places in a swap", core, async () => {
  for (const backup of BACKUP_STRATEGIES.filter((s) => s !== "off")) {
    using lab = await miniLab({ g: image }, {
      backup,
      period: "1s",
      policy: { task: [{ action: "swap", limit: 1 }, { action: "stop" }] },
    });
    const page = taskData(0) + PAGE;
    let before: PageTableRow[] = [];
    let after: PageTableRow[] = [];
    const seen: number[] = [];
    lab.recorder.onEvent = (e) => {
      if (e.type === "fault" && before.length === 0) {
        before = lab.dumpPt("g");
        seen.push(firstByte(lab, at(before, "active", page)));
        seen.push(firstByte(lab, at(before, "standby", page)));
      }
      if (e.type === "recovery" && after.length === 0) {
        after = lab.dumpPt("g");
        seen.push(firstByte(lab, at(after, "active", page)));
      }
    };
    const events = lab.runAll({ for: "6ms" });
    assert.ok(ofType(events, "recovery").length > 0);
    const [old, now] = [at(before, "active", page), at(after, "active", page)];
    // What was the standby is active: the table and the frame.
    assert.equal(now.table, at(before, "standby", page).table, backup);
    assert.notEqual(now.table, old.table, backup);
    assert.equal(now.pa, at(before, "standby", page).pa, backup);
    // What was written after the checkpoint is not in the standby, and gone after the swap.
    assert.deepEqual(seen, [1, 0, 0], backup);
    // Nobody else's tables moved.
    for (const row of of(before, "active")) {
      if (row.task === "writer") continue;
      assert.equal(at(after, "active", Number(row.va)).table, row.table, row.kind);
      assert.equal(at(after, "active", Number(row.va)).pa, row.pa, row.kind);
    }
  }
});

Deno.test("Lab.dumpPt() shows pages that are read-only until they are written", core, async () => {
  for (const backup of ["dirty", "cow"] as const) {
    using lab = await miniLab({ g: image }, {
      backup,
      period: "1s",
      policy: { task: [{ action: "stop" }] },
    });
    lab.runAll({ for: "6ms" });
    const rows = of(lab.dumpPt("g"), "active");
    const ap = (va: number) => rows.find((r) => Number(r.va) === va)!.ap;
    assert.equal(ap(taskData(0) + PAGE), "RW/RW", "written after the checkpoint");
    assert.equal(ap(taskData(0) + 2 * PAGE), "RW/RO", "never written");
    assert.equal(ap(taskBase(0)), "RW/RO", "text");
    const standby = of(lab.dumpPt("g"), "standby");
    assert.ok(standby.every((r) => r.ap === "RW/RO"), "a standby is never writable");
  }
});

Deno.test("dumpMonitor() lists what only the monitor may touch", core, async () => {
  using lab = await miniLab({ g: image });
  lab.runAll({ for: "3ms" });
  const rows = dumpMonitor(lab.board);
  assert.ok(rows.length >= 6);
  const covers = (address: number) =>
    rows.filter((r) => address >= Number(r.va) && address < Number(r.va) + r.size);
  const wanted: [number, string][] = [
    [0, "flash"],
    [MAP.GLOBAL, "sdram"],
    [MAP.MASTER, "sdram"],
    [MAP.ARENA, "sdram"],
    [MAP.POOL, "sdram"],
    [0x31ff_ffff, "sdram"],
    [0x4a00_0000, "sfr"],
    [0x5000_0000, "sfr"],
    [0x5100_0000, "sfr"],
  ];
  for (const [address, kind] of wanted) {
    const found = covers(address);
    assert.equal(found.length, 1, `0x${address.toString(16)}`);
    assert.deepEqual([found[0].kind, found[0].region, found[0].ap], [kind, "fixed", "RW/-"]);
    assert.equal(found[0].va, found[0].pa, "VA = PA");
  }
  assert.equal(covers(slotMva(1, 0)).length, 0);
  // Tables and frames are not cached, the monitor's records are.
  assert.deepEqual(covers(MAP.MASTER).map((r) => [r.c, r.b]), [[0, 1]]);
  assert.deepEqual(covers(MAP.POOL).map((r) => [r.c, r.b]), [[0, 1]]);
  assert.deepEqual(covers(MAP.ARENA).map((r) => [r.c, r.b]), [[1, 1]]);
  assert.deepEqual(covers(0x4a00_0000).map((r) => [r.c, r.b]), [[0, 0]]);
});

Deno.test(
  "struct vm: activePt and backupPt of each piece are tables of its own",
  core,
  async () => {
    using lab = await miniLab({ g: image, h: image });
    lab.runAll({ for: "8ms" });
    const seen = new Set<number>();
    for (const name of ["vm0", "g", "h"]) {
      const vm = lab.vmRecord(name);
      const word = (pa: number) => lab.board.peek(pa, 4);
      for (let i = 0; i < word(vm + VM.PIECE_COUNT); i++) {
        const piece = word(vm + VM.PIECES) + i * PIECE_REC.SIZE;
        for (const table of [PIECE_REC.A_TABLE, PIECE_REC.B_TABLE, PIECE_REC.C_TABLE]) {
          const address = word(piece + table);
          assert.ok(address >= MAP.TABLES && address < MAP.TABLES_END && address % 1024 === 0);
          assert.ok(!seen.has(address));
          seen.add(address);
        }
      }
    }
  },
);
