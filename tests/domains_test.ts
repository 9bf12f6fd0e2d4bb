import assert from "node:assert/strict";
import fc from "fast-check";
import { observedInTask, observedTask } from "../core/contexts.ts";
import { masterEntry } from "../core/domains.ts";
import type { Lab } from "../core/lab.ts";
import {
  CLOSED_DOMAIN,
  DOMAIN,
  FIRST_DOMAIN,
  GLOBAL,
  MAP,
  NONE,
  PIECE_REC,
  SLOT_BASE,
  UNIT,
  UNIT_KIND,
  VM,
} from "../core/layout.ts";
import { readFirstLevel } from "../core/pagetable.ts";
import type { TlbState } from "../core/tlb.ts";
import { HC } from "../core/vmi.ts";
import { CALL, type Code, imm, plainGuest, R0, R4, taskData, taskGuest } from "./mini_guest.ts";
import { core, guestWord, miniLab, ofType, vmRecords } from "./monitor_rig.ts";

const word = (lab: Lab, pa: number) => lab.board.peek(pa, 4);

/** Units of all VMs: records. */
function unitsOf(lab: Lab, vm: number): number[] {
  const first = word(lab, vm + VM.UNITS);
  return Array.from({ length: word(lab, vm + VM.UNIT_COUNT) }, (_, i) => first + i * UNIT.SIZE);
}

/** Asserts that domain records, units, first-level words, DACR and TLBs agree. */
function checkDomains(lab: Lab): void {
  const owners = new Map<number, number>();
  for (let domain = FIRST_DOMAIN; domain < 16; domain++) {
    const unit = word(lab, MAP.DOMAINS + domain * DOMAIN.SIZE);
    if (unit !== 0) owners.set(domain, unit);
  }
  const used = new Set<number>();
  for (const vm of vmRecords(lab)) {
    for (const unit of unitsOf(lab, vm)) {
      const domain = word(lab, unit + UNIT.DOMAIN);
      if (domain !== CLOSED_DOMAIN) {
        assert.equal(owners.get(domain), unit, `domain ${domain} is of one unit`);
        assert.ok(!used.has(domain));
        used.add(domain);
      }
      const first = word(lab, unit + UNIT.FIRST_PIECE);
      for (let i = first; i < first + word(lab, unit + UNIT.PIECE_COUNT); i++) {
        const piece = word(lab, vm + VM.PIECES) + i * PIECE_REC.SIZE;
        const entry = masterEntry(word(lab, vm + VM.ID), word(lab, piece + PIECE_REC.VA));
        const d = readFirstLevel(word(lab, entry));
        assert.deepEqual([d.type, d.domain], ["coarse", domain]);
        assert.equal(d.base, word(lab, piece + PIECE_REC.A_TABLE));
      }
    }
  }
  assert.equal(used.size, owners.size, "no domain is of a unit that is gone");

  const state = lab.board.mmu.state();
  for (const tlb of [state.dtlb, state.itlb]) checkTlb(lab, tlb);
  if ((lab.board.cpu.cpsr & 0x1f) === 0x10) checkDacr(lab, owners, state.dacr);
}

/** A valid entry of a guest has the domain that the master table says now. */
function checkTlb(lab: Lab, tlb: TlbState): void {
  tlb.tag.forEach((tag, i) => {
    const mva = tag >>> 0;
    if (tlb.mask[i] === 0 || mva < SLOT_BASE || mva >= MAP.VECTORS) return;
    const l1 = readFirstLevel(word(lab, MAP.MASTER + (mva >>> 20) * 4));
    assert.equal(tlb.info[i] >>> 4 & 15, l1.domain, `TLB entry of 0x${mva.toString(16)}`);
  });
}

/**
 * While a guest runs, only its own units are open: common text, current task, shared piece, in kernel
 * mode the kernel.
 */
function checkDacr(lab: Lab, owners: ReadonlyMap<number, number>, dacr: number): void {
  const vm = word(lab, MAP.GLOBAL + GLOBAL.CURRENT);
  const current = observedTask(lab.board, vm);
  const inTask = observedInTask(lab.board, vm);
  assert.equal(dacr & 3, 1, "the monitor's domain, as a client");
  assert.equal(dacr >>> 2 & 3, 0, "the closed domain");
  const kinds = new Set<number>();
  for (let domain = FIRST_DOMAIN; domain < 16; domain++) {
    const access = dacr >>> domain * 2 & 3;
    if (access === 0) continue;
    assert.equal(access, 1, "as a client");
    const unit = owners.get(domain);
    assert.ok(unit !== undefined, "an open domain is of a unit");
    assert.equal(word(lab, unit + UNIT.VM), vm, "of the current VM");
    const kind = word(lab, unit + UNIT.KIND);
    if (kind === UNIT_KIND.TASK) assert.equal(word(lab, unit + UNIT.TASK), current);
    if (kind === UNIT_KIND.KERNEL) assert.ok(!inTask || current === NONE);
    kinds.add(kind);
  }
  assert.equal(kinds.has(UNIT_KIND.KERNEL), !inTask);
  assert.equal(kinds.has(UNIT_KIND.SHARED), word(lab, vm + VM.SHARED) !== 0);
}

/** `count` tasks that count and take turns; those of an odd number share a piece. */
function turns(count: number, call: number = CALL.YIELD): Uint8Array {
  return taskGuest({
    sharedPages: count % 2 === 1 ? 1 : undefined,
    tasks: Array.from({ length: count }, (_, i) => ({
      name: `t${i}`,
      main: (c: Code) => c.label("l").increment(taskData(i)).swi(call).b("l"),
    })),
  });
}

Deno.test("Domains recycle when there are more units than domains", core, async () => {
  const sizes: Record<string, number> = { a: 1, b: 3, c: 10, d: 20, e: 2 };
  const guests = Object.fromEntries(Object.entries(sizes).map(([n, size]) => [n, turns(size)]));
  using lab = await miniLab(guests, { slice: "1ms" });
  const epochs = new Set<number>();
  for (let i = 0; i < 120; i++) {
    // No multiple of a tick, so that it stops anywhere: guests, kernels, the idle loop.
    const events = lab.runAll({ for: 377_777 });
    assert.equal(ofType(events, "fault").length, 0);
    checkDomains(lab);
    epochs.add(word(lab, MAP.GLOBAL + GLOBAL.DOMAIN_EPOCH));
  }
  assert.ok(epochs.size > 20, `${epochs.size} epochs`);
  for (const [name, size] of Object.entries(sizes)) {
    for (let t = 0; t < size; t++) {
      assert.ok(guestWord(lab, name, taskData(t)) > 0, `${name}, task ${t}`);
    }
  }
});

Deno.test("Domains stay settled when there are enough of them", core, async () => {
  using lab = await miniLab({ a: turns(2), b: turns(2) }, { slice: "1ms", backup: "off" });
  lab.runAll({ for: "10ms" });
  const epoch = word(lab, MAP.GLOBAL + GLOBAL.DOMAIN_EPOCH);
  const { dTlbAll, iTlbAll } = lab.vmm.port.maintenance;
  const events = lab.runAll({ for: "20ms" });
  assert.ok(ofType(events, "switch-task").length > 100 && ofType(events, "switch-vm").length > 10);
  assert.equal(word(lab, MAP.GLOBAL + GLOBAL.DOMAIN_EPOCH), epoch);
  // A switch owes no TLB maintenance then.
  assert.deepEqual(
    [lab.vmm.port.maintenance.dTlbAll, lab.vmm.port.maintenance.iTlbAll],
    [dTlbAll, iTlbAll],
  );
  checkDomains(lab);
});

Deno.test("Domains stay right while VMs come and go, fault and are recovered", core, async () => {
  const faulting = taskGuest({
    tasks: [{
      name: "bad",
      main: (c) => c.swi(CALL.DELAY).mov(R0, imm(0)).str(R0, R0),
    }, {
      name: "worse",
      main: (c) => {
        c.swi(CALL.DELAY).swi(CALL.DELAY).swi(CALL.JUMP, "crash");
        c.label("crash").mov(R0, imm(0)).str(R0, R0);
      },
    }],
  });
  // VM0 makes and deletes a VM over and over, beside those that stay.
  const vm0 = plainGuest({
    main: (c) => {
      c.mov(R4, imm(0));
      c.label("first").mov(R0, R4).swi(HC.VM_CREATE).swi(HC.VM_START).add(R4, imm(1));
      c.cmp(R4, imm(3)).b("first", "ne").swi(HC.TIMER_SET, 1500);
      c.label("again").swi(HC.VM_CREATE, 3).mov(R4, R0).swi(HC.VM_START).swi(HC.WAIT);
      c.swi(HC.WAIT).swi(HC.WAIT).mov(R0, R4).swi(HC.VM_DELETE).b("again");
    },
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1000, max: 900_000 }), {
        minLength: 60,
        maxLength: 60,
      }),
      async (steps) => {
        const guests = {
          f1: faulting,
          big: turns(9),
          f2: faulting,
          temporary: turns(3, CALL.DELAY),
        };
        const policy = {
          task: [{ action: "swap", limit: 1000 }, { action: "stop" }],
          guest: [{ action: "swap", limit: 2 }, { action: "restart", limit: 1000 }, {
            action: "stop",
          }],
          window: "5ms",
        } as const;
        using lab = await miniLab(guests, { vm0, policy, slice: "1ms" });
        let deleted = 0;
        for (const ns of steps) {
          const events = lab.runAll({ for: ns });
          deleted += ofType(events, "vm").filter((e) => e.reason === "deleted").length;
          assert.equal(lab.stopped, false);
          checkDomains(lab);
        }
        assert.ok(deleted > 1, `${deleted} deleted`);
        assert.ok(lab.summary().vms[1].recoveries > 5);
      },
    ),
    { numRuns: 4, seed: 11, endOnFailure: true },
  );
});

Deno.test("a recycled domain opens nothing of its former unit", core, async () => {
  // The snoop keeps looking at the data of a task whose domain its own may be now.
  const snoop = taskGuest({
    tasks: [{
      name: "snoop",
      main: (c) => {
        c.label("again").swi(CALL.COUNT).op("and", R4, R0, imm(15)).li(R0, "victims");
        c.put(0xe790_1104, 0xe591_0000); // ldr r1, [r0, r4, lsl #2]; ldr r0, [r1]
        c.print(CALL.PRINT, "LEAK\n").b("again").label("victims");
        for (let i = 0; i < 16; i++) {
          c.put(SLOT_BASE + (1 + (i & 1)) * 0x200_0000 + taskData(i >>> 1));
        }
      },
    }],
  });
  const policy = {
    task: [{ action: "swap", limit: 1000 }, { action: "stop" }],
    window: "1us",
    resume: "immediate",
  } as const;
  using lab = await miniLab({ a: turns(8), b: turns(8), snoop }, { policy, slice: "1ms" });
  const events = lab.runAll({ for: "60ms" });
  const faults = ofType(events, "fault", "snoop");
  assert.ok(faults.length > 100, `${faults.length} tries`);
  assert.ok(faults.every((f) => f.fsr === "domain-page" || f.fsr === "domain-section"));
  assert.equal(ofType(events, "console", "snoop").length, 0);
  assert.ok(word(lab, MAP.GLOBAL + GLOBAL.DOMAIN_EPOCH) > 30, "domains were recycled");
  checkDomains(lab);
});
