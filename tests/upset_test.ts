/**
 * What the monitor does about upsets that a rollback alone does not cure: privileged guests, damaged
 * text, damaged contexts, hangs that checkpoints have seen.
 *
 * @module
 */

import assert from "node:assert/strict";
import { runFault } from "../core/campaign.ts";
import { InputError } from "../core/errors.ts";
import { activeAddress, parseFault } from "../core/fault.ts";
import { Lab, type LabOptions } from "../core/lab.ts";
import { CONTEXT, PAGE_REC, TWINNED, UNIT, VM } from "../core/layout.ts";
import { checkPolicy } from "../core/policy.ts";
import { loadGuest } from "../guests/mod.ts";
import { busy } from "./journal_guest.ts";
import { imm, R0, R1, R2, taskData, taskGuest } from "./mini_guest.ts";
import { CALL } from "./mini_guest.ts";
import {
  actions,
  checkFrames,
  core,
  guestWord,
  lines,
  miniLab,
  ofType,
  unitAddress,
} from "./monitor_rig.ts";

async function options(over: Partial<LabOptions> = {}): Promise<LabOptions> {
  const guests = await Promise.all(
    ["ucos-1", "logger"].map(async (name) => ({ name, image: await loadGuest(name) })),
  );
  return { guests, vm0: await loadGuest("vm0"), sdramMB: 32, journal: "log", ...over };
}

const RUN = 400_000_000;

Deno.test(
  "a guest in a privileged mode is an error of its own, not the monitor's",
  core,
  async () => {
    const kinds = new Set<string>();
    const classes = new Set<string>();
    for (const at of ["worker+0x10", "primes+8", "OSTimeDly", "os_time_tick", "0x18"]) {
      for (const bits of ["0", "1", "0,1"]) {
        const fault = parseFault(`reg:cpsr:${bits}@t=60ms,pc=${at}`);
        const { outcome, events, faulty, fired } = await runFault(
          await options(),
          "ucos-1",
          fault,
          RUN,
        );
        if (!fired) continue;
        assert.notEqual(outcome, "stopped-system", fault.text);
        assert.equal(faulty.vms.find(({ vm }) => vm === "logger")!.faults, 0, fault.text);
        for (const error of ofType(events, "fault", "ucos-1")) {
          kinds.add(error.kind);
          classes.add(error.class);
        }
      }
    }
    assert.ok(kinds.has("privilege"), [...kinds].join());
    assert.deepEqual([...classes].sort(), ["guest", "task"]);
  },
);

Deno.test("with checksums damaged text is loaded anew before the rollback", core, async () => {
  for (
    const [at, action] of [["primes+0x14", "swap-task"], ["os_time_tick", "swap-guest"]] as const
  ) {
    for (const checksums of [true, false]) {
      const fault = parseFault(`mem:${at}:write=0xe7f000f0@t=60ms`);
      const result = await runFault(await options({ checksums }), "ucos-1", fault, RUN);
      const { outcome, events, golden, faulty } = result;
      const found = ofType(events, "fault", "ucos-1").map(({ kind }) => kind);
      if (checksums) {
        assert.deepEqual(found, ["undefined", "text-damaged"], at);
        assert.deepEqual(actions(events, "ucos-1"), [action]);
        const console = (summary: typeof golden) =>
          summary.vms.find(({ vm }) => vm === "ucos-1")!.console_bytes;
        assert.ok(console(faulty) >= console(golden) - 100, `${console(faulty)}`);
        assert.match(outcome, /^(recovered-|output-repeated)/);
      } else {
        assert.ok(found.length > 3 && !found.includes("text-damaged"), `${found}`);
        assert.match(actions(events, "ucos-1").at(-1)!, /^(restart|stop)/);
      }
    }
  }
});

Deno.test(
  "damaged text that was common or a kernel's takes the whole guest back",
  core,
  async () => {
    using lab = await Lab.create(await options({ checksums: true }));
    lab.runAll({ for: "60ms" });
    const vm = lab.vmRecord("ucos-1");
    const pages = lab.board.peek(vm + VM.PAGES, 4);
    const word = (i: number) => lab.board.peek(pages + i * PAGE_REC.SIZE, 4);
    const count = lab.board.peek(vm + VM.PAGE_COUNT, 4);
    const common = Array.from({ length: count }, (_, i) => word(i) & ~4095)
      .find((va) => va >= 0x10_0000 && va < 0x20_0000)!;
    lab.board.poke(activeAddress(lab.board, vm, common + 0xffc), 0xdead_beef);
    lab.inject("ucos-1", "mem:primes+0x14:write=0xe7f000f0@t=0ns");
    const events = lab.runAll({ for: "200ms" });
    assert.deepEqual(ofType(events, "fault", "ucos-1").map((e) => [e.kind, e.class]), [
      ["undefined", "task"],
      ["text-damaged", "guest"],
      ["text-damaged", "task"],
    ]);
    assert.deepEqual(actions(events, "ucos-1"), ["swap-guest"]);
    checkFrames(lab);
  },
);

Deno.test("with checksums a checkpoint's context is a copy of its own", core, async () => {
  for (const checksums of [true, false]) {
    using lab = await Lab.create(await options({ checksums }));
    lab.runAll({ for: "150ms" });
    const worker = unitAddress(lab, "ucos-1", 2);
    const slot = lab.board.peek(worker + UNIT.SLOT, 4);
    assert.equal(lab.board.peek(slot + CONTEXT.REFS, 4) >= TWINNED, checksums);
    lab.board.poke(slot + CONTEXT.PC, 0x01c0_0000);
    const events = lab.runAll({ for: "300ms" });
    const taken = actions(events, "ucos-1");
    if (checksums) assert.deepEqual(taken, ["swap-task"]);
    else assert.ok(taken.includes("restart-task"), taken.join());
    const steps = lines(events, "ucos-1").filter((line) => line.startsWith("worker"))
      .map((line) => Number(/step (\d+)/.exec(line)![1]));
    assert.ok(steps.length >= 2, steps.join());
    if (checksums) {
      assert.deepEqual(
        steps,
        steps.map((_, i) => steps[0] + i),
        "none lost, none twice",
      );
    }
  }
});

Deno.test("a damaged copy of a context is not used", core, async () => {
  using lab = await Lab.create(await options({ checksums: true, generations: 4, period: "1ms" }));
  lab.runAll({ for: "150ms" });
  const worker = unitAddress(lab, "ucos-1", 2);
  const twin = lab.board.peek(worker + UNIT.TWIN, 4);
  lab.board.poke(twin + CONTEXT.R0 + 16, 0x1234_5678);
  lab.board.poke(lab.board.peek(worker + UNIT.SLOT, 4) + CONTEXT.PC, 0x01c0_0000);
  const events = lab.runAll({ for: "100ms" });
  const kinds = ofType(events, "fault", "ucos-1").map(({ kind }) => kind);
  assert.equal(kinds[0], "prefetch-abort");
  assert.ok(kinds.includes("standby-damaged"), kinds.join());
  assert.ok(!lab.stopped);
});

/** Counts, a step a millisecond; hangs in a loop while its second word is not 0. */
const looping = taskGuest({
  tasks: [{
    name: "t",
    main: (c) => {
      c.label("l").increment(taskData(0));
      busy(c, 20_000).li(R1, taskData(0)).label("hang").ldr(R2, R1, 4).cmp(R2, imm(0));
      c.b("hang", "ne").swi(CALL.DELAY).b("l");
    },
  }],
});

Deno.test(
  "a hang goes back to before it, past the checkpoints that have seen it",
  core,
  async () => {
    const setting = { watchdog: "6ms", period: "1ms", slice: "2ms", generations: 8 } as const;
    using lab = await miniLab({ g: looping }, setting);
    lab.runAll({ for: "20300us" });
    const before = guestWord(lab, "g", taskData(0));
    assert.ok(before > 10);
    // Its page is struck after its first write since the checkpoint, which has the old content.
    while (guestWord(lab, "g", taskData(0)) === before) lab.runAll({ for: "5us" });
    lab.board.poke(activeAddress(lab.board, lab.vmRecord("g"), taskData(0) + 4), 1);
    const events = lab.runAll({ for: "40ms" });
    const found = ofType(events, "recovery", "g");
    assert.deepEqual(ofType(events, "fault", "g").map(({ kind }) => kind), ["watchdog"]);
    assert.equal(found.length, 1);
    assert.ok(found[0].generation >= 2, `generation ${found[0].generation}`);
    assert.ok(guestWord(lab, "g", taskData(0)) > before + 10, "it goes on");
  },
);

Deno.test("a ladder of tasks may take the guest back, further each time", core, async () => {
  const crashing = taskGuest({
    tasks: [
      { name: "bad", main: (c) => c.swi(CALL.DELAY).swi(CALL.DELAY).mov(R0, imm(0)).str(R0, R0) },
      { name: "other", main: (c) => c.label("l").increment(taskData(1)).swi(CALL.DELAY).b("l") },
    ],
  });
  const policy = { task: [{ action: "guest", limit: 3 }, { action: "stop" }] } as const;
  using lab = await miniLab({ g: crashing }, { policy, generations: 4, period: "1ms" });
  const events = lab.runAll({ for: "60ms" });
  const taken = ofType(events, "recovery", "g");
  assert.deepEqual(taken.map(({ action }) => action), [
    "swap-guest",
    "swap-guest",
    "swap-guest",
    "stop-task",
  ]);
  assert.equal(taken[0].generation, 0);
  assert.ok(taken[1].generation >= 1);
  assert.ok(guestWord(lab, "g", taskData(1)) > 5, "the other one goes on");
  assert.throws(
    () => checkPolicy({ guest: [{ action: "guest" }, { action: "stop" }] }),
    (error: Error) => error instanceof InputError && /policy.guest\[0\].action/.test(error.message),
  );
});
