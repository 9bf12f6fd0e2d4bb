import assert from "node:assert/strict";
import { masterEntry } from "../core/domains.ts";
import { frameRecord } from "../core/frames.ts";
import type { Lab, LabOptions } from "../core/lab.ts";
import {
  CONTEXT,
  FRAME,
  FRAME_STATE,
  GLOBAL,
  MAP,
  PAGE_REC,
  PIECE_REC,
  UNIT,
  VM,
} from "../core/layout.ts";
import { maintenanceSince } from "../core/maintenance.ts";
import type { TraceEvent } from "../core/trace.ts";
import { HC } from "../core/vmi.ts";
import {
  CALL,
  imm,
  KERNEL_DATA,
  plainGuest,
  R0,
  taskBase,
  taskData,
  taskGuest,
} from "./mini_guest.ts";
import {
  actions,
  checkFrames,
  core,
  guestWord,
  lines,
  miniLab,
  ofType,
  unitAddress,
  vmWord,
} from "./monitor_rig.ts";

/** Counts in two tasks and in the kernel, and prints now and then; ends after `rounds`. */
const working = (rounds: number) =>
  taskGuest({
    tasks: [0, 1].map((task) => ({
      name: `t${task}`,
      main: (c) => {
        c.label("l").increment(taskData(task)).cmp(R0, imm(rounds)).b("end", "eq");
        c.swi(CALL.COUNT).print(CALL.PRINT, `${task}\n`).swi(CALL.DELAY).b("l");
        c.label("end").swi(CALL.DELAY).b("end");
      },
    })),
  });

const GUESTS = {
  g: working(16),
  other: plainGuest({
    main: (c) => c.swi(HC.TIMER_SET, 1000).label("l").increment(KERNEL_DATA).swi(HC.WAIT).b("l"),
  }),
};

/** Piece record of a guest address. */
function pieceOf(lab: Lab, vm: string, va: number): number {
  return vmWord(lab, vm, VM.PIECE_MAP + (va >>> 20) * 4);
}

/** Address of the first-level and of the second-level descriptor in force for a guest address. */
function descriptors(lab: Lab, vm: string, va: number): { master: number; page: number } {
  const table = lab.board.peek(pieceOf(lab, vm, va) + PIECE_REC.A_TABLE, 4);
  return { master: masterEntry(vmWord(lab, vm, VM.ID), va), page: table + (va >>> 12 & 255) * 4 };
}

/** Page record of a guest address. */
function pageOf(lab: Lab, vm: string, va: number): number {
  const pages = vmWord(lab, vm, VM.PAGES);
  for (let i = 0; i < vmWord(lab, vm, VM.PAGE_COUNT); i++) {
    const page = pages + i * PAGE_REC.SIZE;
    if (lab.board.peek(page + PAGE_REC.VA, 4) >>> 12 === va >>> 12) return page;
  }
  throw new RangeError(`no page at 0x${va.toString(16)}`);
}

/** Flips bits of a word of SDRAM, behind the back of everybody; the TLB is empty afterwards. */
function flip(lab: Lab, address: number, bits: number): void {
  lab.board.poke(address, (lab.board.peek(address, 4) ^ bits) >>> 0);
  lab.board.cpu.mmu.mcr(8, 7, 0, 0);
}

function damageEvents(events: readonly TraceEvent[]): string[] {
  return ofType(events, "fault").filter((f) => f.kind === "table-damaged").map((f) => f.class);
}

const hashes = (lab: Lab) => lab.summary().vms.map((v) => `${v.vm} ${v.content_hash}`);

async function reference(options: Partial<LabOptions>): Promise<string[]> {
  using lab = await miniLab(GUESTS, options);
  lab.runAll({ until: "32ms" });
  return hashes(lab);
}

/** Bits whose damage shows at the next access: type, domain, table address; type, permissions. */
const MASTER_BITS = [0x1, 0x20, 0x1e0, 0x8000_0000];
const PAGE_BITS = [0x2, 0x10, 0xff0];
/** Damage that no access faults over: only the scrubber finds it. */
const SILENT_BITS = [0x1000, 0x8];

Deno.test(
  "a repaired descriptor owes a drain and both TLBs, a right one nothing",
  core,
  async () => {
    using lab = await miniLab(GUESTS, { scrub: 0 });
    lab.runAll({ for: "8ms" });
    const { port, tables } = lab.vmm;
    const vm = lab.vmRecord("g");
    const va = taskData(0);
    const { master, page } = descriptors(lab, "g", va);
    for (const [address, bits] of [[master, 0x20], [page, 0x1000], [page, 0]]) {
      flip(lab, address, bits);
      const before = { ...port.maintenance };
      const [repaired] = tables.check(vm, va);
      const { maintenance } = maintenanceSince(before, port.maintenance);
      assert.equal(repaired?.address, bits === 0 ? undefined : address);
      assert.deepEqual(maintenance, bits === 0 ? undefined : { drain: 1, dTlbAll: 1, iTlbAll: 1 });
    }
  },
);

Deno.test("TableCheck.check() repairs what leads to an external abort", core, async () => {
  // Loads and stores of cacheable pages don't wait for the bus: walks and fetches do, where the caches
  // do not hold the text.
  const options = { scrub: 0, cache: false };
  const cases = [["table", taskBase(0)], ["table", taskData(0)], ["page", taskBase(0)]] as const;
  const wanted = await reference(options);
  for (const [what, va] of cases) {
    using lab = await miniLab(GUESTS, options);
    lab.runAll({ until: "6ms" });
    let aborts = 0;
    lab.board.onAbort = (pa) => {
      const nowhere = pa >>> 28 === 2;
      if (nowhere) aborts++;
      return nowhere;
    };
    // To where neither memory nor a device answers.
    const { master, page } = descriptors(lab, "g", va);
    flip(lab, what === "table" ? master : page, 0x1000_0000);
    const events = lab.runAll({ until: "32ms" });
    // Text that is in the instruction cache is not fetched from the bus.
    const met = what === "table" || lab.board.mmu.icache === null;
    assert.equal(aborts, met ? 1 : 0, `${what} of 0x${va.toString(16)}`);
    assert.deepEqual(damageEvents(events), met ? ["vmm"] : []);
    assert.deepEqual(actions(events, "g"), []);
    assert.deepEqual(hashes(lab), wanted);
  }
});

Deno.test(
  "TableCheck.check() repairs a damaged descriptor at the fault, and the run goes on",
  core,
  async () => {
    for (const backup of ["cow", "full"] as const) {
      const options = { backup, scrub: 0 } as const;
      const wanted = await reference(options);
      for (const va of backup === "cow" ? [taskData(0), taskBase(1), KERNEL_DATA] : [taskData(0)]) {
        for (const [level, bits] of [["master", MASTER_BITS], ["page", PAGE_BITS]] as const) {
          for (const bit of bits.filter((_, i) => backup === "cow" || i === 0)) {
            using lab = await miniLab(GUESTS, options);
            lab.runAll({ until: "8500us" });
            const address = descriptors(lab, "g", va)[level];
            const before = lab.board.peek(address, 4);
            flip(lab, address, bit);
            const events = lab.runAll({ until: "32ms" });
            const what = `${backup} ${level} of 0x${va.toString(16)} ^ 0x${bit.toString(16)}`;
            assert.equal(lab.stopped, false, what);
            // Whatever was damaged, everybody's content is as if nothing had been.
            assert.deepEqual(hashes(lab), wanted, what);
            assert.deepEqual(actions(events, "other"), [], what);
            const damaged = damageEvents(events);
            if (damaged.length > 0) {
              assert.deepEqual(new Set(damaged), new Set(["vmm"]), what);
              assert.deepEqual(actions(events, "g"), [], what);
            }
            // A domain or a first write may have put it right before anybody met it.
            const now = descriptors(lab, "g", va)[level];
            if (now === address && level === "master") {
              assert.equal((lab.board.peek(now, 4) ^ before) & ~0x1e0 & 0x3, 0, what);
            }
            checkFrames(lab);
          }
        }
      }
    }
  },
);

Deno.test(
  "TableCheck.check() tells of a descriptor that it repaired, exactly once",
  core,
  async () => {
    using lab = await miniLab(GUESTS, { scrub: 0, backup: "off" });
    lab.runAll({ until: "8500us" });
    const { page } = descriptors(lab, "g", taskData(0));
    const before = lab.board.peek(page, 4);
    flip(lab, page, 0x2);
    const events = lab.runAll({ until: "12ms" });
    const [fault, ...more] = ofType(events, "fault");
    assert.deepEqual(more, []);
    assert.deepEqual([fault.vm, fault.task, fault.class, fault.kind], [
      "g",
      "t0",
      "vmm",
      "table-damaged",
    ]);
    const hex = (n: number) => `0x${(n >>> 0).toString(16).padStart(8, "0")}`;
    assert.equal(
      fault.detail,
      `descriptor at ${hex(page)}: ${hex(before ^ 2)} instead of ${hex(before)}, repaired`,
    );
    assert.equal(lab.board.peek(page, 4), before);
  },
);

Deno.test("TableCheck.scrub() finds damage that no access faults over", core, async () => {
  for (const backup of ["off", "cow", "dirty", "full"] as const) {
    using lab = await miniLab(GUESTS, { scrub: 1, backup, period: "1s" });
    lab.runAll({ until: "8500us" });
    // The idle task never runs; the rest is damaged so that reads go on.
    const places: readonly (readonly ["g" | "other", number, "master" | "page", number])[] = [
      ["g", taskBase(2), "page", SILENT_BITS[0]],
      ["g", taskData(2), "page", SILENT_BITS[1]],
      ["g", taskBase(2), "master", 0x400],
      ["other", KERNEL_DATA, "page", SILENT_BITS[1]],
    ];
    for (const [vm, va, level, bit] of places) {
      const address = descriptors(lab, vm, va)[level];
      const before = lab.board.peek(address, 4);
      flip(lab, address, bit);
      const events = lab.runAll({ for: "30ms" });
      const what = `${backup} ${vm} ${level} of 0x${va.toString(16)}`;
      assert.equal(damageEvents(events).length, 1, what);
      const changes = backup === "cow" || backup === "dirty" ? 0xff0 : 0;
      if (descriptors(lab, vm, va)[level] === address) {
        assert.equal((lab.board.peek(address, 4) ^ before) & ~changes & ~0x1e0, 0, what);
      }
    }
    assert.equal(lab.stopped, false);
  }
});

Deno.test(
  "TableCheck.scrub() goes round over all pieces of all VMs, and costs no content",
  core,
  async () => {
    const wanted = await reference({ scrub: 0 });
    assert.deepEqual(await reference({ scrub: 1 }), wanted);
    using lab = await miniLab(GUESTS, { scrub: 1 });
    const seen = new Set<string>();
    for (let i = 0; i < 40; i++) {
      const events = lab.runAll({ for: "1ms" });
      assert.deepEqual(damageEvents(events), [], "nothing is damaged");
      const [vm, piece] = [GLOBAL.SCRUB_VM, GLOBAL.SCRUB_PIECE].map((f) =>
        lab.board.peek(MAP.GLOBAL + f, 4)
      );
      seen.add(`${vm} ${piece}`);
    }
    const pieces = lab.summary().vms.reduce((n, v) => n + vmWord(lab, v.vm, VM.PIECE_COUNT), 0);
    assert.equal(seen.size, pieces);
  },
);

Deno.test("TableCheck takes a damaged page record for the system's end", core, async () => {
  for (const field of [PAGE_REC.VA, PAGE_REC.ACTIVE, PAGE_REC.STAMP]) {
    for (const scrub of [1, 0]) {
      using lab = await miniLab(GUESTS, { scrub, backup: "off" });
      lab.runAll({ until: "8500us" });
      flip(lab, pageOf(lab, "g", taskData(0)) + field, field === PAGE_REC.VA ? 0x10 : 0x1000);
      // Without the scrubber it is met when a descriptor of that page is checked.
      if (scrub === 0) flip(lab, descriptors(lab, "g", taskData(0)).page, 0x2);
      const events = lab.runAll({ until: "60ms" });
      assert.equal(lab.stopped, true, `${field} ${scrub}`);
      const [post] = ofType(events, "post-mortem");
      assert.match(post.reason, /page record at 0x[0-9a-f]+ is damaged/);
      assert.deepEqual(ofType(events, "recovery").map((e) => e.action), ["halt"]);
      assert.ok(guestWord(lab, "g", taskData(1)) > 5 && lines(events, "g").length >= 0);
    }
  }
});

Deno.test("Frames records where each frame is, whoever crashes", core, async () => {
  const policy = { task: [{ action: "swap", limit: 9 }, { action: "stop" }] } as const;
  for (const backup of ["cow", "dirty", "full"] as const) {
    using lab = await miniLab(GUESTS, { backup, period: "3ms", policy });
    const word = (pa: number) => lab.board.peek(pa, 4);
    for (let round = 0; round < 3; round++) {
      lab.runAll({ for: "7ms" });
      for (const { vm } of lab.summary().vms) {
        const id = vmWord(lab, vm, VM.ID);
        for (let i = 0; i < vmWord(lab, vm, VM.PAGE_COUNT); i++) {
          const page = vmWord(lab, vm, VM.PAGES) + i * PAGE_REC.SIZE;
          const where = (state: number) => (state | id << 8 | i << 16) >>> 0;
          const active = frameRecord(word(page + PAGE_REC.ACTIVE));
          assert.equal(
            word(active + FRAME.STATE),
            where(FRAME_STATE.ACTIVE),
            `${backup} ${vm} ${i}`,
          );
          for (let f = word(page + PAGE_REC.HEAD); f !== 0; f = word(frameRecord(f) + FRAME.NEXT)) {
            assert.equal(
              word(frameRecord(f) + FRAME.STATE),
              where(FRAME_STATE.VERSION),
              `${backup} ${vm}`,
            );
          }
        }
      }
      for (let f = word(MAP.GLOBAL + GLOBAL.FREE_HEAD + 8), n = 0; n < 50; n++) {
        assert.notEqual(f, 0);
        assert.equal(word(frameRecord(f) + FRAME.STATE) & 0xff, FRAME_STATE.FREE);
        f = word(frameRecord(f) + FRAME.NEXT);
      }
      // The task of the guest crashes where it was stopped.
      const slot = word(unitAddress(lab, "g", 2) + UNIT.SLOT);
      lab.board.poke(slot + CONTEXT.PC, 0x01c0_0000);
    }
    assert.ok(vmWord(lab, "g", VM.RECOVERIES) >= 2, backup);
  }
});

Deno.test(
  "Frames gives a copy another bank of the SDRAM than its source while one has room",
  core,
  async () => {
    for (const backup of ["cow", "dirty", "full"] as const) {
      using lab = await miniLab(GUESTS, { backup, period: "3ms" });
      lab.runAll({ for: "20ms" });
      const word = (pa: number) => lab.board.peek(pa, 4);
      // 32 MB of SDRAM have banks of 8 MB.
      assert.equal(lab.board.sdram.size, 32 << 20);
      const bank = (frame: number) => frame >>> 23;
      let versions = 0;
      for (let i = 0; i < vmWord(lab, "g", VM.PAGE_COUNT); i++) {
        const page = vmWord(lab, "g", VM.PAGES) + i * PAGE_REC.SIZE;
        const active = word(page + PAGE_REC.ACTIVE);
        for (let f = word(page + PAGE_REC.HEAD); f !== 0; f = word(frameRecord(f) + FRAME.NEXT)) {
          assert.notEqual(bank(f), bank(active), `${backup} ${i}`);
          versions++;
        }
      }
      assert.ok(versions > 2, backup);
      // The other banks are used up: nothing is refused.
      const { frames } = lab.vmm;
      const source = word(vmWord(lab, "g", VM.PAGES) + PAGE_REC.ACTIVE);
      const taken = [];
      for (let left = frames.free; left > 0; left--) {
        taken.push(frames.take(FRAME_STATE.VERSION, 0, 0, source));
      }
      assert.equal(new Set(taken).size, taken.length);
      assert.equal(bank(taken.at(-1)!), bank(source));
      assert.equal(frames.take(FRAME_STATE.VERSION, 0, 0, source), 0);
      for (const frame of taken) frames.give(frame);
      checkFrames(lab);
    }
  },
);
