/**
 * What is kept of the past: the rings of task checkpoints, the cuts of guests, and the saved
 * contexts that both name.
 *
 * @module
 */

import { unitOf } from "./domains.ts";
import {
  CALL,
  CONTEXT,
  CUT,
  GLOBAL,
  JOURNAL_ENTRIES,
  MAP,
  MAX_GENERATIONS,
  MOST,
  RING,
  TWINNED,
  UNIT,
  UNIT_KIND,
  VM,
} from "./layout.ts";
import type { Port } from "./port.ts";

/** Rings, cuts and contexts. */
export class Generations {
  readonly #port: Port;

  /**
   * The past of all VMs.
   *
   * @param port The monitor's port.
   */
  constructor(port: Port) {
    this.#port = port;
  }

  /** Checkpoints kept of each task and of each guest. */
  get most(): number {
    return this.#port.count(MAP.GLOBAL + GLOBAL.GENERATIONS, MAX_GENERATIONS);
  }

  // --- contexts --------------------------------------------------------------------------------

  /** Sees to it that a unit's next save goes to a slot that no live checkpoint names (I6). */
  reserve(vm: number, unit: number): void {
    const port = this.#port;
    const slot = port.read(unit + UNIT.SLOT);
    if (port.read(slot + CONTEXT.REFS) >= TWINNED) return;
    if (port.read(port.read(slot + CONTEXT.NEXT) + CONTEXT.REFS) === 0) return;
    const next = this.#freeSlot(vm, unit);
    if (next === 0) return;
    port.write(slot + CONTEXT.NEXT, next);
    port.write(next + CONTEXT.NEXT, next);
  }

  /** A task goes on with its context, which is not at rest any more. */
  awake(unit: number): void {
    const slot = this.#port.read(unit + UNIT.SLOT);
    if (this.#port.read(slot + CONTEXT.REFS) < TWINNED) return;
    this.#complete(unit, slot);
    this.#untwin(unit);
  }

  /** A context slot of a unit that nobody names, 0: none. */
  #freeSlot(vm: number, unit: number): number {
    const port = this.#port;
    const slots = port.read(vm + VM.CONTEXT_SLOTS);
    const first = port.read(vm + VM.CONTEXTS) +
      port.read(unit + UNIT.INDEX) * slots * CONTEXT.SIZE;
    for (let i = 0; i < slots; i++) {
      const slot = first + i * CONTEXT.SIZE;
      if (port.read(slot + CONTEXT.REFS) === 0) return slot;
    }
    return 0;
  }

  /** Copies the context of a task that leaves the CPU, see {@linkcode KEEP}. */
  keep(unit: number): void {
    this.#kept(unit);
  }

  /**
   * The slot that a checkpoint names for a unit's present context. With checksums it is a copy, made
   * once while the task does not run: what damages the context that the task goes on with leaves the
   * way back alone.
   */
  #kept(unit: number): number {
    const port = this.#port;
    const live = port.read(unit + UNIT.SLOT);
    const checksums = port.read(MAP.GLOBAL + GLOBAL.CHECKSUMS) !== 0;
    if (!checksums || port.read(unit + UNIT.KIND) !== UNIT_KIND.TASK) return live;
    const refs = port.read(live + CONTEXT.REFS);
    if (refs >= TWINNED) {
      this.#complete(unit, live);
      return port.read(unit + UNIT.TWIN);
    }
    // After a rollback it is a checkpoint's own.
    if (refs > 0) return live;
    port.write(live + CONTEXT.REFS, TWINNED);
    const twin = this.#freeSlot(port.read(unit + UNIT.VM), unit);
    if (twin === 0) {
      this.#untwin(unit);
      port.write(live + CONTEXT.STAMP, 0);
      return live;
    }
    port.copyWords(live + CONTEXT.START, twin + CONTEXT.START, CONTEXT.BYTES);
    port.write(twin + CONTEXT.STAMP, this.#sum(twin));
    port.write(twin + CONTEXT.NEXT, twin);
    port.write(unit + UNIT.TWIN, twin);
    return twin;
  }

  /** The result of the call that a task is parked in belongs to its checkpoint (R1). */
  #complete(unit: number, live: number): void {
    const port = this.#port;
    port.write(port.read(unit + UNIT.TWIN) + CONTEXT.R0, port.read(live + CONTEXT.R0));
  }

  /** The context in a unit's slot is not at rest any more, or is given up. */
  #untwin(unit: number): void {
    const port = this.#port;
    const slot = port.read(unit + UNIT.SLOT);
    const refs = port.read(slot + CONTEXT.REFS);
    if (refs >= TWINNED) port.write(slot + CONTEXT.REFS, refs - TWINNED);
  }

  /** Sum of a context, without r0: a result may still come. */
  #sum(slot: number): number {
    const port = this.#port;
    let sum = 1;
    for (let i: number = CONTEXT.START; i < CONTEXT.START + CONTEXT.BYTES; i += 4) {
      if (i !== CONTEXT.R0) sum = Math.imul(sum ^ port.read(slot + i), 0x01000193);
    }
    port.charge(CONTEXT.BYTES / 4);
    return sum >>> 0;
  }

  /** With checksums: the context that a checkpoint of a task names is what was copied. */
  intact(unit: number, slot: number): boolean {
    const port = this.#port;
    if (port.read(MAP.GLOBAL + GLOBAL.CHECKSUMS) === 0) return true;
    if (port.read(unit + UNIT.KIND) !== UNIT_KIND.TASK) return true;
    const stamp = port.read(slot + CONTEXT.STAMP);
    return stamp === 0 || stamp === this.#sum(slot);
  }

  /** A task goes on with the context of a checkpoint. */
  takeContext(vm: number, unit: number, slot: number): void {
    this.awake(unit);
    this.#port.write(unit + UNIT.SLOT, slot);
    this.reserve(vm, unit);
  }

  /** A checkpoint names a context of a unit. */
  #hold(vm: number, unit: number, slot: number): void {
    this.#port.add(slot + CONTEXT.REFS, 1);
    this.reserve(vm, unit);
  }

  #release(slot: number): void {
    if (slot !== 0) this.#port.add(slot + CONTEXT.REFS, -1);
  }

  // --- rings of tasks --------------------------------------------------------------------------

  /** Entry of a task's ring: generation 0 is the newest checkpoint. */
  entry(unit: number, generation: number): number {
    const k = this.most;
    const at = (this.#port.read(unit + UNIT.RING_HEAD) + k - generation % k) % k;
    return unit + UNIT.RING + at * RING.SIZE;
  }

  /** Enters a checkpoint with the unit's present context, over the oldest when the ring is full. */
  push(vm: number, unit: number, seq: number, time: number): void {
    const port = this.#port;
    const k = this.most;
    const count = port.count(unit + UNIT.RING_COUNT, MAX_GENERATIONS);
    const head = (port.read(unit + UNIT.RING_HEAD) + 1) % k;
    const entry = unit + UNIT.RING + head * RING.SIZE;
    const slot = this.#kept(unit);
    if (count > 0) {
      port.write(
        this.entry(unit, 0) + RING.CALLS,
        port.count(unit + UNIT.JOURNAL_COUNT, JOURNAL_ENTRIES),
      );
    }
    this.#carryLog(unit);
    this.#hold(vm, unit, slot);
    if (count === k) this.#release(port.read(entry + RING.SLOT));
    else port.write(unit + UNIT.RING_COUNT, count + 1);
    port.write(unit + UNIT.RING_HEAD, head);
    port.write(entry + RING.SEQ, seq);
    port.write(entry + RING.SLOT, slot);
    port.write(entry + RING.INCARNATION, port.read(unit + UNIT.INCARNATION));
    port.write(entry + RING.OUTPUT, port.read(unit + UNIT.OUTPUT_MADE));
    port.write64(entry + RING.TIME, time);
  }

  /**
   * A new checkpoint begins a new journal. What a rolled-back task has not made again yet lies
   * behind the new checkpoint too, and stays its log.
   */
  #carryLog(unit: number): void {
    const port = this.#port;
    const replay = port.read(unit + UNIT.REPLAY);
    const count = replay === 0
      ? 0
      : port.count(unit + UNIT.JOURNAL_COUNT, JOURNAL_ENTRIES) - (replay - 1);
    const journal = port.read(unit + UNIT.JOURNAL);
    if (replay > 1) {
      port.copyWords(journal + (replay - 1) * CALL.SIZE, journal, count * CALL.SIZE);
    }
    port.write(unit + UNIT.JOURNAL_COUNT, count);
    port.write(unit + UNIT.REPLAY, count > 0 ? 1 : 0);
    port.write(unit + UNIT.CALL_OPEN, 0);
  }

  /** Drops the `count` newest entries of a ring. */
  dropNewest(unit: number, count: number): void {
    const port = this.#port;
    const k = this.most;
    for (let g = 0; g < count; g++) {
      this.#release(port.read(this.entry(unit, g) + RING.SLOT));
    }
    const head = (port.read(unit + UNIT.RING_HEAD) + k - count % k) % k;
    port.write(unit + UNIT.RING_HEAD, head);
    port.add(unit + UNIT.RING_COUNT, -count);
  }

  /** Drops the oldest entry of a ring that has one. */
  dropOldest(unit: number): void {
    const port = this.#port;
    const count = port.count(unit + UNIT.RING_COUNT, MAX_GENERATIONS);
    this.#release(port.read(this.entry(unit, count - 1) + RING.SLOT));
    port.write(unit + UNIT.RING_COUNT, count - 1);
  }

  /** Drops a whole ring. */
  clear(unit: number): void {
    this.#untwin(unit);
    this.dropNewest(unit, this.#port.count(unit + UNIT.RING_COUNT, MAX_GENERATIONS));
  }

  // --- cuts of guests --------------------------------------------------------------------------

  /** Cut records in use, newest first. */
  cuts(vm: number): number[] {
    const port = this.#port;
    const size = port.read(vm + VM.CUT_SIZE);
    const most = this.most;
    const cuts: { record: number; seq: number }[] = [];
    for (let i = 0; i < most; i++) {
      const record = port.read(vm + VM.CUTS) + i * size;
      const seq = port.read(record + CUT.SEQ);
      if (seq !== 0) cuts.push({ record, seq });
    }
    return cuts.sort((a, b) => b.seq - a.seq).map((c) => c.record);
  }

  /** Frees a cut record and the contexts that it names. */
  forgetCut(vm: number, record: number): void {
    const port = this.#port;
    const count = port.count(vm + VM.UNIT_COUNT, MOST.UNITS);
    for (let i = 0; i < count; i++) {
      this.#release(port.read(record + CUT.TASKS + i * CUT.TASK_SIZE + UNIT.SLOT - UNIT.HELD));
    }
    port.write(record + CUT.SEQ, 0);
  }

  /** Writes a cut record of what the monitor holds for a VM now, over the oldest when all are in use. */
  saveCut(vm: number, seq: number, time: number): void {
    const port = this.#port;
    const cuts = this.cuts(vm);
    if (cuts.length === this.most) this.forgetCut(vm, cuts[cuts.length - 1]);
    const size = port.read(vm + VM.CUT_SIZE);
    let record = port.read(vm + VM.CUTS);
    while (port.read(record + CUT.SEQ) !== 0) record += size;
    const count = port.count(vm + VM.UNIT_COUNT, MOST.UNITS);
    for (let i = 0; i < count; i++) {
      const unit = unitOf(vm, i);
      const entry = record + CUT.TASKS + i * CUT.TASK_SIZE;
      const slot = this.#kept(unit);
      port.copyWords(unit + UNIT.HELD, entry, UNIT.HELD_END - UNIT.HELD);
      port.write(entry + UNIT.SLOT - UNIT.HELD, slot);
      this.#hold(vm, unit, slot);
    }
    port.copyWords(vm + VM.HELD, record + CUT.HELD, VM.HELD_END - VM.HELD);
    port.write(record + CUT.SEQ, seq);
    port.write64(record + CUT.TIME, time);
  }
}
