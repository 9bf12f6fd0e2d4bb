import assert from "node:assert/strict";
import type { LabOptions } from "../core/lab.ts";
import { VM } from "../core/layout.ts";
import { HC } from "../core/vmi.ts";
import { loadGuest } from "../guests/mod.ts";
import { consumer, producer, queueGuest } from "./journal_guest.ts";
import {
  CALL,
  type Code,
  imm,
  KERNEL,
  KERNEL_DATA,
  plainGuest,
  R0,
  taskData,
  taskGuest,
} from "./mini_guest.ts";
import { actions, core, hypercallsOf, lines, miniLab, vmWord } from "./monitor_rig.ts";
import { randomCalls } from "./random_calls.ts";

const crash = (c: Code) => c.mov(R0, imm(0)).str(R0, R0);

/** Prints as many lines as it is told to, one a tick, then rests. */
const finite = (count: number) =>
  taskGuest({
    tasks: [{
      name: "t",
      main: (c) => {
        c.label("l").increment(taskData(0)).cmp(R0, imm(count)).b("end", "hi");
        c.swi(CALL.COUNT).print(CALL.PRINT, "line\n").swi(CALL.DELAY).b("l");
        c.label("end").swi(CALL.DELAY).b("end");
      },
    }],
  });

/** What a bad neighbour does, and what shows that it did it. */
const NEIGHBOURS: Readonly<Record<string, { image: Uint8Array; faults: number; calls?: number }>> =
  {
    "faults for ever": { image: taskGuest({ tasks: [{ name: "t", main: crash }] }), faults: 3 },
    "damages its kernel": {
      image: taskGuest({
        tasks: [{
          name: "t",
          main: (c) => c.swi(CALL.DELAY).li(R0, KERNEL_DATA).swi(CALL.JUMP, "k").label("k").spin(),
        }],
        boot: (c) => {
          // Overwrites what it knows of its tasks, and then its text, which it may not.
          for (let i = 0; i < 16; i++) {
            c.li(R0, 0xdead_0000 + i).li(1, KERNEL.FREE + 4 * i).str(R0, 1);
          }
          crash(c);
        },
      }),
      faults: 3,
    },
    "hangs in a task": {
      image: taskGuest({ tasks: [{ name: "t", main: (c) => c.spin() }] }),
      faults: 0,
    },
    "hangs in its kernel": { image: taskGuest({ tasks: [], boot: (c) => c.spin() }), faults: 0 },
    "floods the console": {
      image: plainGuest({
        main: (c) => c.label("l").print(HC.CONSOLE_WRITE, "flood ".repeat(40) + "\n").b("l"),
      }),
      faults: 0,
    },
    "makes random hypercalls": {
      image: randomCalls(1),
      faults: 0,
      calls: 5000,
    },
    "is hung and found by a watchdog": {
      image: plainGuest({ main: (c) => c.swi(HC.WATCHDOG, 2000).spin() }),
      faults: 1,
    },
  };

const AGAIN = {
  task: [{ action: "swap", limit: 1000 }, { action: "stop" }],
  guest: [{ action: "swap", limit: 1000 }, { action: "stop" }],
  window: "1us",
} as const;

/** Hashes of the healthy guests beside each neighbour. */
async function beside(
  healthy: Readonly<Record<string, Uint8Array>>,
  which: "content_hash" | "trace_hash",
  until: string,
  options: Partial<LabOptions>,
  least = 6,
): Promise<void> {
  let wanted: string[] | undefined;
  const rested = { image: finite(1), faults: 0, calls: 0 };
  for (
    const [what, { image, faults, calls = 0 }] of Object.entries({ "rests": rested, ...NEIGHBOURS })
  ) {
    using lab = await miniLab({ ...healthy, neighbour: image }, {
      policy: AGAIN,
      slice: "3ms",
      ...options,
    });
    const events = lab.runAll({ until });
    assert.equal(lab.stopped, false, what);
    const names = Object.keys(healthy);
    const found = names.map((vm) => lab.summary().vms.find((v) => v.vm === vm)![which]);
    wanted ??= found;
    assert.deepEqual(found, wanted, `beside one that ${what}`);
    for (const vm of names) {
      assert.ok(lines(events, vm).length >= least, `${vm}: ${lines(events, vm).length} lines`);
      assert.deepEqual(actions(events, vm), [], vm);
    }
    assert.ok(vmWord(lab, "neighbour", VM.FAULTS) >= faults, what);
    assert.ok(hypercallsOf(lab, "neighbour") >= calls, what);
  }
}

Deno.test('content hashes do not depend on the neighbour with "slices"', core, async () => {
  const healthy = { first: finite(8), second: finite(6) };
  await beside(healthy, "content_hash", "36ms", {});
});

Deno.test('trace hashes do not depend on the neighbour with "slots"', core, async () => {
  const healthy = { first: finite(200), queue: queueGuest([producer(0), consumer(1)]) };
  for (const journal of ["off", "commit"] as const) {
    await beside(healthy, "trace_hash", "44ms", { schedule: "slots", journal, period: "5ms" });
  }
});

Deno.test(
  'trace hashes of the package\'s guests do not depend on the neighbour with "slots"',
  core,
  async () => {
    const healthy = { "ucos-1": await loadGuest("ucos-1"), logger: await loadGuest("logger") };
    await beside(healthy, "trace_hash", "160ms", {
      schedule: "slots",
      journal: "commit",
      backup: "cow",
    }, 2);
  },
);
