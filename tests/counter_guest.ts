/**
 * A guest whose tasks notice any memory that is not of one moment: each counts in all its pages at
 * once, and in a register.
 *
 * @module
 */

import { HC, PAGE } from "../core/vmi.ts";
import type { LabOptions } from "../core/lab.ts";
import { CALL, type Code, imm, R0, R1, R4, taskData, taskGuest } from "./mini_guest.ts";

/**
 * A round of the count in r4: every page at `data` held the last one and gets the new one. Whatever
 * moment a checkpoint is of, memory and registers that fit together go on; others go to `broken`.
 */
export function round(c: Code, data: number, pages: number): Code {
  c.add(R4, imm(1));
  for (let i = 0; i < pages; i++) {
    c.li(R1, data + i * PAGE).ldr(R0, R1).add(R0, imm(1)).cmp(R0, R4).b("broken", "ne");
    c.str(R4, R1);
  }
  return c;
}

/** Does hypercall `number` through the kernel; r4 stays. */
function hyper(c: Code, number: number): Code {
  return c.put(0xe52d_4004).mov(R4, imm(number)).swi(CALL.HYPER).put(0xe49d_4004);
}

/** Counting tasks. */
export interface CounterSpec {
  /** Number of tasks. */
  tasks: number;
  /** Pages of each. */
  pages: number;
  /** A task faults where these bits of the time are clear: itself, or one time in four its kernel. */
  faults: number;
}

/** Makes the guest; it prints `broken` when a count does not fit. */
export function counters({ tasks, pages, faults }: CounterSpec): Uint8Array {
  const main = (task: number) => (c: Code) => {
    c.mov(R4, imm(0)).label("loop");
    round(c, taskData(task), pages).swi(CALL.YIELD);
    hyper(c, HC.TIME).op("tst", 0, R0, imm(faults)).b("loop", "ne");
    c.op("tst", 0, R0, imm(0x3000)).b("kernel", "eq").mov(R0, imm(0)).str(R0, R0);
    c.label("kernel").swi(CALL.JUMP, "crash");
    c.label("crash").mov(R0, imm(0)).str(R0, R0);
    c.label("broken").print(CALL.PRINT, "broken\n").spin();
  };
  return taskGuest({
    tasks: Array.from({ length: tasks }, (_, t) => ({
      name: `t${t}`,
      dataPages: pages,
      main: main(t),
    })),
  });
}

/** All rungs of both ladders, soon over and soon begun anew. */
export const RUNGS: LabOptions["policy"] = {
  task: [{ action: "swap", limit: 3 }, { action: "older", limit: 2 }, { action: "restart" }, {
    action: "stop",
  }],
  guest: [{ action: "swap", limit: 3 }, { action: "older", limit: 2 }, { action: "restart" }, {
    action: "stop",
  }],
  window: "4ms",
  resume: "immediate",
};
