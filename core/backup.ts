/**
 * Checkpoints of tasks and guests, and the exchange of active and backup tables (P6, P8, P10, P11).
 *
 * @module
 */

import {
  attend,
  heldContext,
  holdContext,
  inTask,
  isKernelContext,
  observedText,
  runningTask,
} from "./contexts.ts";
import { DACR_MONITOR, type Domains, unitOf } from "./domains.ts";
import type { Frames } from "./frames.ts";
import { Generations } from "./generations.ts";
import {
  CONTEXT,
  CUT,
  CUT_DUE,
  EAGER,
  GLOBAL,
  KEEP,
  MAP,
  MAX_GENERATIONS,
  MOST,
  NONE,
  PAGE_FLAG,
  PAGE_REC,
  RING,
  STRATEGY,
  UNIT,
  UNIT_KIND,
  VM,
} from "./layout.ts";
import { type MaintenanceCounts, maintenanceSince } from "./maintenance.ts";
import { MonitorFault, type Port } from "./port.ts";
import type { Recorder } from "./recorder.ts";
import { ROUTINE } from "./routines.ts";
import { type CheckpointStrategy, FullStrategy, TrackingStrategy } from "./strategy.ts";
import { TABLE, Versions } from "./versions.ts";
import { timeOfTick } from "./virtual_timers.ts";
import { isVm0, setActive } from "./vm.ts";

/** Most pages whose cache lines are discarded one by one in a swap; more: the whole cache. */
const SWAP_BY_LINE = 12;

/** What a swap did. */
export interface SwapResult {
  /** Pages whose frame changed. */
  pages: number;
  /** Board time of the checkpoint returned to, cycles. */
  time: number;
}

/** Takes checkpoints and returns to them. */
export class Backup {
  /** Versions of pages. */
  readonly versions: Versions;
  /** Rings, cuts and contexts. */
  readonly generations: Generations;
  readonly #port: Port;
  readonly #frames: Frames;
  readonly #domains: Domains;
  readonly #recorder: Recorder;
  readonly #strategies: readonly (CheckpointStrategy | undefined)[];

  /** Told of each checkpoint of a unit, and of each return of its guest to one. */
  onCommit: ((vm: number, unit: number) => void) | undefined;
  /** Told of each return of a task alone; `made`: its OUTPUT_MADE of then. */
  onRollback: ((unit: number, made: number) => void) | undefined;

  /** Test switch: leaves the TLB maintenance of a swap out, to show that it is owed. */
  omitTlbMaintenance = false;
  /** Test switch: leaves the cache maintenance of a swap out, to show that it is owed. */
  omitCacheMaintenance = false;

  /**
   * Checkpoints of all VMs.
   *
   * @param port The monitor's port.
   * @param frames Its allocators.
   * @param domains The domain pool.
   * @param recorder The observer.
   */
  constructor(port: Port, frames: Frames, domains: Domains, recorder: Recorder) {
    this.#port = port;
    this.#frames = frames;
    this.#domains = domains;
    this.#recorder = recorder;
    const versions = new Versions(port, frames);
    this.versions = versions;
    this.generations = new Generations(port);
    this.#strategies = [
      undefined,
      new FullStrategy(port, versions),
      new TrackingStrategy(port, versions, domains, true),
      new TrackingStrategy(port, versions, domains, false),
    ];
  }

  /** The strategy in force (STRATEGY). */
  get strategy(): number {
    return this.#port.read(MAP.GLOBAL + GLOBAL.STRATEGY);
  }

  get #strategy(): CheckpointStrategy | undefined {
    return this.#strategies[this.strategy & 3];
  }

  // --- when ------------------------------------------------------------------------------------

  /** A task leaves the CPU: true when its checkpoint is due. */
  leave(unit: number): boolean {
    const port = this.#port;
    const due = port.read(unit + UNIT.DUE);
    const every = port.read(MAP.GLOBAL + GLOBAL.EVERY);
    const now = due === 0 ||
      this.#passed(due) && this.#nthSwitch(every, unit + UNIT.SWITCH_COUNT);
    if (!now && every >= KEEP) this.generations.keep(unit);
    return now;
  }

  /** True when a cut of the VM is due. */
  cutDue(vm: number): boolean {
    const port = this.#port;
    if (port.read(vm + VM.CUT_DUE) !== 0) return true;
    const every = port.read(MAP.GLOBAL + GLOBAL.EVERY);
    return this.#passed(port.read(vm + VM.DUE)) && this.#nthSwitch(every, vm + VM.SWITCH_COUNT);
  }

  #passed(due: number): boolean {
    return this.#port.read(MAP.GLOBAL + GLOBAL.NOW) > due;
  }

  /**
   * When the next checkpoint falls due.
   *
   * @param since NOW at the last one.
   */
  #nextDue(since: number): number {
    return (since - 1 + this.#port.read(MAP.GLOBAL + GLOBAL.PERIOD)) >>> 0;
  }

  /**
   * Board time of a checkpoint: of one that was declared in an earlier tick, the end of that tick.
   *
   * @param since NOW when its owner left the CPU.
   */
  #timeAt(since: number): number {
    const port = this.#port;
    if (since === port.read(MAP.GLOBAL + GLOBAL.NOW)) return port.time();
    return timeOfTick(port, (since & ~EAGER) >>> 0);
  }

  #dueFromNow(): number {
    return this.#nextDue(this.#port.read(MAP.GLOBAL + GLOBAL.NOW));
  }

  /** Cuts of a VM fall due from its next switch on, when there are any. */
  expectCuts(vm: number): void {
    const port = this.#port;
    const never = this.strategy === STRATEGY.OFF || isVm0(port, vm);
    port.write(vm + VM.DUE, never ? NONE : this.#dueFromNow());
  }

  /** Counts a switch-out; true at every Nth when the period is given in switches. */
  #nthSwitch(every: number, counter: number): boolean {
    const port = this.#port;
    const most = every & (KEEP - 1);
    if (most <= 1) return true;
    const count = port.add(counter, 1);
    if (count < most) return false;
    port.write(counter, 0);
    return true;
  }

  // --- taking ----------------------------------------------------------------------------------

  /**
   * Takes a checkpoint of one task: its pages and its context as saved (R1). The VM is current and
   * the task's domain is open in the DACR.
   */
  checkpointTask(vm: number, unit: number): boolean {
    const port = this.#port;
    port.routine(ROUTINE.checkpoint);
    const strategy = this.#strategy;
    if (strategy === undefined) return false;
    // A checkpoint that was declared is of the moment at which the task left.
    const owed = this.owes(unit);
    const since = owed ? port.read(unit + UNIT.DUE) : port.read(MAP.GLOBAL + GLOBAL.NOW);
    const due = this.#nextDue(since);
    const time = this.#timeAt(since);
    if (owed) this.#domains.reopen(unit);
    const before = { ...port.maintenance };
    const seq = port.read(vm + VM.SEQ) + 1;
    port.write(vm + VM.TAKING, seq);
    const pages = this.#take(strategy, vm, unit, [unit], seq, true);
    port.write(vm + VM.TAKING, 0);
    if (pages < 0) {
      this.#unprotect(strategy, vm, unit);
      return false;
    }
    port.write(vm + VM.SEQ, seq);
    this.#commit(vm, unit, seq, due);
    this.generations.push(vm, unit, seq, time);
    port.add(unit + UNIT.CHECKPOINTS, 1);
    this.#report(vm, unit, seq, pages, before);
    this.#noteLostCuts(vm);
    return true;
  }

  /**
   * Takes a checkpoint of a whole guest: all writable pages, all contexts, and what the monitor
   * holds for it, as one cut.
   *
   * @param current The VM is current, so its pages may have lines in the cache.
   */
  cut(vm: number, current: boolean): boolean {
    const port = this.#port;
    port.routine(ROUTINE.cut);
    const declared = port.read(vm + VM.CUT_DUE) === CUT_DUE.DECLARED;
    const since = declared ? port.read(vm + VM.DUE) : port.read(MAP.GLOBAL + GLOBAL.NOW);
    const due = this.#nextDue(since);
    const time = this.#timeAt(since);
    port.write(vm + VM.CUT_DUE, 0);
    const strategy = this.#strategy;
    if (strategy === undefined) return false;
    if (port.read(MAP.GLOBAL + GLOBAL.CURRENT) === vm) {
      port.write(vm + VM.SLOT, heldContext(port.board));
    }
    const units = this.#units(vm);
    // What tasks owe is older than the cut.
    for (const unit of units) if (this.owes(unit)) this.checkpointTask(vm, unit);
    const before = { ...port.maintenance };
    const seq = port.read(vm + VM.SEQ) + 1;
    let pages = 0;
    port.write(vm + VM.TAKING, seq);
    for (const unit of units) {
      const copied = this.#take(strategy, vm, unit, units, seq, current);
      if (copied < 0) {
        port.write(vm + VM.TAKING, 0);
        this.#failCut(strategy, vm, units, unit, seq);
        return false;
      }
      pages += copied;
    }
    port.write(vm + VM.TAKING, 0);
    port.write(vm + VM.SEQ, seq);
    this.generations.saveCut(vm, seq, time);
    for (const unit of units) {
      this.#commit(vm, unit, seq, due);
      if (this.#isTask(unit)) this.generations.push(vm, unit, seq, time);
    }
    port.write(vm + VM.CUT, seq);
    port.write(vm + VM.DUE, due);
    port.add(vm + VM.CHECKPOINTS, 1);
    this.#report(vm, 0, seq, pages, before);
    return true;
  }

  #units(vm: number): number[] {
    const port = this.#port;
    const count = port.count(vm + VM.UNIT_COUNT, MOST.UNITS);
    return Array.from({ length: count }, (_, i) => unitOf(vm, i));
  }

  /** True when a task's checkpoint has been declared and not been taken yet. */
  owes(unit: number): boolean {
    return this.#isTask(unit) && this.#port.read(unit + UNIT.DACR_TASK) === DACR_MONITOR;
  }

  #isTask(unit: number): boolean {
    return this.#port.read(unit + UNIT.KIND) === UNIT_KIND.TASK;
  }

  /** No frames for one unit of a cut: there is none, and who has lost its standby by it says so. */
  #failCut(
    strategy: CheckpointStrategy,
    vm: number,
    units: readonly number[],
    failed: number,
    seq: number,
  ): void {
    const port = this.#port;
    const done = units.slice(0, units.indexOf(failed));
    // They are protected at `seq` already, although no checkpoint names it.
    for (const unit of done) {
      port.write(unit + UNIT.LAST, seq);
      // Who had no standby before has none now.
      if (port.read(unit + UNIT.UNPROTECTED) !== 0) strategy.unprotect(vm, unit);
    }
    port.write(vm + VM.SEQ, seq);
    this.#unprotect(strategy, vm, failed);
    for (const unit of done) {
      const bare = this.#isTask(unit) && port.count(unit + UNIT.RING_COUNT, MAX_GENERATIONS) === 0;
      if (bare && port.read(unit + UNIT.TARGET) !== 0) this.#unprotect(strategy, vm, unit);
    }
  }

  /**
   * Takes the standby of a unit. When the pool is empty, older checkpoints make room: those of
   * `units` but for the newest, then whatever this unit has, as it would be lost anyway.
   */
  #take(
    strategy: CheckpointStrategy,
    vm: number,
    unit: number,
    units: readonly number[],
    seq: number,
    current: boolean,
  ): number {
    for (;;) {
      const pages = strategy.take(vm, unit, seq, current);
      if (pages >= 0) return pages;
      const room = this.#giveUp(strategy, vm, units, 1, 1) ||
        this.#giveUp(strategy, vm, [unit], 1, 0) || this.#giveUp(strategy, vm, [unit], 0, 0);
      if (!room) return -1;
    }
  }

  #commit(vm: number, unit: number, seq: number, due: number): void {
    const port = this.#port;
    this.onCommit?.(vm, unit);
    port.write(unit + UNIT.LAST, seq);
    port.write(unit + UNIT.TARGET, seq);
    port.write(unit + UNIT.UNPROTECTED, 0);
    if (this.#isTask(unit)) port.write(unit + UNIT.DUE, due);
  }

  #report(
    vm: number,
    unit: number,
    seq: number,
    pages: number,
    before: MaintenanceCounts,
  ): void {
    const port = this.#port;
    this.#recorder.emit({
      type: "checkpoint",
      t: port.board.clock.ns(),
      vm: observedText(port.board, vm + VM.NAME),
      ...(unit === 0 ? {} : { task: observedText(port.board, unit + UNIT.NAME) }),
      seq,
      pages,
      ...maintenanceSince(before, port.maintenance),
    });
  }

  // --- first writes ----------------------------------------------------------------------------

  /**
   * A write of the current guest met a page that is read-only for now. Called before any
   * classification, also for the monitor's own writes with User permission.
   *
   * When the pool is empty, the oldest cut makes room, then the unit's oldest checkpoint; then a new
   * checkpoint of the unit takes the place of all that it has, where one may be taken now; at last
   * the unit goes on unprotected.
   *
   * @param va Guest virtual address.
   * @param save Saves the context of the guest that was interrupted by the write; not given when the
   * monitor itself writes, in the middle of a call.
   * @returns True when the write is to be tried again.
   */
  firstWrite(vm: number, va: number, save?: () => void): boolean {
    const port = this.#port;
    port.routine(ROUTINE.first_write);
    const strategy = this.#strategy;
    if (strategy === undefined || this.strategy === STRATEGY.FULL) return false;
    const page = this.versions.pageAt(vm, va);
    if (page === 0 || (port.read(page + PAGE_REC.VA) & PAGE_FLAG.WRITABLE) === 0) return false;
    const unit = this.versions.unit(vm, page);
    if (port.read(page + PAGE_REC.WRITTEN) === port.read(unit + UNIT.LAST)) return false;
    const first = () => strategy.firstWrite(vm, unit, page);
    if (first()) return true;
    while (this.#giveUp(strategy, vm, [unit], 1, 1)) if (first()) return true;
    if (save !== undefined && this.#mayRenew(vm)) {
      save();
      if (this.#renew(strategy, vm, unit)) {
        do if (first()) return true; while (this.#giveUp(strategy, vm, [unit], 1, 1));
        // The guest's last cut would be lost with the unit's protection: it goes alone.
        if (this.#isTask(unit) && this.#giveUp(strategy, vm, [], 0, 1) && first()) {
          this.#noteLostCuts(vm);
          return true;
        }
      }
    }
    if (port.read(unit + UNIT.UNPROTECTED) === 0) this.#unprotect(strategy, vm, unit);
    return true;
  }

  // --- when the pool is empty ------------------------------------------------------------------

  /** A checkpoint may be taken between two instructions of a task, or of a guest without tasks. */
  #mayRenew(vm: number): boolean {
    const port = this.#port;
    return inTask(port, vm) || port.read(vm + VM.PLAIN) !== 0;
  }

  /** Takes a checkpoint that covers `unit`, of the guest as it was interrupted just now. */
  #renew(strategy: CheckpointStrategy, vm: number, unit: number): boolean {
    const port = this.#port;
    const done = this.#isTask(unit) ? this.checkpointTask(vm, unit) : this.cut(vm, true);
    for (const each of this.#units(vm)) strategy.reclaim(vm, each);
    // The guest goes on running: what is saved next must not be what the checkpoint names (I6).
    const running = runningTask(port, vm);
    if (running !== 0) this.saveElsewhere(vm, running);
    return done;
  }

  /**
   * Gives the oldest checkpoint up, and the frames that only it needs: the oldest cut of the guest
   * while there are more than `cuts`, then the oldest one of its own of a unit with more than `ring`.
   *
   * @returns False when there is nothing left to give up.
   */
  #giveUp(
    strategy: CheckpointStrategy,
    vm: number,
    units: readonly number[],
    cuts: number,
    ring: number,
  ): boolean {
    const port = this.#port;
    const kept = this.generations.cuts(vm);
    if (kept.length > cuts) {
      this.generations.forgetCut(vm, kept[kept.length - 1]);
    } else {
      const unit = units.find((u) => port.count(u + UNIT.RING_COUNT, MAX_GENERATIONS) > ring);
      if (unit === undefined) return false;
      this.generations.dropOldest(unit);
    }
    for (const unit of this.#units(vm)) strategy.reclaim(vm, unit);
    return true;
  }

  /** The last resort: the unit goes on without a standby, and says so. */
  #unprotect(strategy: CheckpointStrategy, vm: number, unit: number): void {
    const port = this.#port;
    // A cut without one of its units is none.
    for (const cut of this.generations.cuts(vm)) this.generations.forgetCut(vm, cut);
    this.#noteLostCuts(vm);
    this.generations.clear(unit);
    strategy.unprotect(vm, unit);
    port.write(unit + UNIT.TARGET, 0);
    port.write(unit + UNIT.UNPROTECTED, 1);
    if (this.#isTask(unit)) port.write(unit + UNIT.DUE, this.#dueFromNow());
    if (this.#isTask(unit)) this.#tellUnprotected(vm, unit);
    else if (port.read(vm + VM.TOLD) === 0) this.#tellGuest(vm);
  }

  /** A guest whose last cut is gone says so. */
  #noteLostCuts(vm: number): void {
    const port = this.#port;
    if (port.read(vm + VM.CUT) === 0 || this.generations.cuts(vm).length > 0) return;
    port.write(vm + VM.CUT, 0);
    for (const unit of this.#units(vm)) if (!this.#isTask(unit)) port.write(unit + UNIT.TARGET, 0);
    this.#tellGuest(vm);
  }

  /** A guest has no cut: it says so when it loses the last one, or when it can't have its first. */
  #tellGuest(vm: number): void {
    this.#port.write(vm + VM.TOLD, 1);
    this.#tellUnprotected(vm, 0);
  }

  #tellUnprotected(vm: number, unit: number): void {
    const port = this.#port;
    this.#recorder.emit({
      type: "unprotected",
      t: port.board.clock.ns(),
      vm: observedText(port.board, vm + VM.NAME),
      ...(unit === 0 ? {} : { task: observedText(port.board, unit + UNIT.NAME) }),
      reason: "no free frames for its backup",
    });
  }

  // --- going back ------------------------------------------------------------------------------

  /** Kept checkpoints of a task, newest first. */
  taskGenerations(unit: number): number {
    const port = this.#port;
    const count = port.count(unit + UNIT.RING_COUNT, MAX_GENERATIONS);
    const incarnation = port.read(unit + UNIT.INCARNATION);
    let n = 0;
    while (
      n < count && port.read(this.generations.entry(unit, n) + RING.INCARNATION) === incarnation
    ) n++;
    return port.read(unit + UNIT.TARGET) === 0 ? 0 : n;
  }

  /** Board time of a kept checkpoint of a task, cycles. */
  taskTime(unit: number, generation: number): number {
    return this.#port.read64(this.generations.entry(unit, generation) + RING.TIME);
  }

  /** Board time of a kept cut of a guest, cycles. */
  guestTime(vm: number, generation: number): number {
    return this.#port.read64(this.generations.cuts(vm)[generation] + CUT.TIME);
  }

  /** True when a task made calls between a kept checkpoint and the next newer one. */
  callsSince(unit: number, generation: number): boolean {
    for (let g = 1; g <= generation; g++) {
      if (this.#port.read(this.generations.entry(unit, g) + RING.CALLS) !== 0) return true;
    }
    return false;
  }

  /** Oldest value that a word of the held state has in any kept cut, as a ring index. */
  oldestHeld(vm: number, field: number): number {
    const port = this.#port;
    let oldest = port.read(vm + field);
    for (const cut of this.generations.cuts(vm)) {
      const value = port.read(cut + CUT.HELD + field - VM.HELD);
      if (((oldest - value) | 0) > 0) oldest = value;
    }
    return oldest;
  }

  /** Kept cuts of a guest. */
  guestGenerations(vm: number): number {
    return this.#port.read(vm + VM.CUT) === 0 ? 0 : this.generations.cuts(vm).length;
  }

  /**
   * Exchanges a task's active and backup tables: the task is as it was at a checkpoint, its saved
   * context is the checkpoint's (P11). The VM is current and the task's domain open.
   *
   * @param generation 0: the newest checkpoint; 1: the one before; ...
   * @returns Undefined when a standby page is damaged; nothing is changed then.
   */
  swapTask(vm: number, unit: number, generation = 0): SwapResult | undefined {
    const port = this.#port;
    const strategy = this.#strategy as CheckpointStrategy;
    const before = { ...port.maintenance };
    const entry = this.generations.entry(unit, generation);
    const seq = port.read(entry + RING.SEQ);
    const time = port.read64(entry + RING.TIME);
    const made = port.read(entry + RING.OUTPUT);
    strategy.settle(vm, unit);
    const slot = port.read(entry + RING.SLOT);
    if (!this.#intact(vm, unit, seq, slot)) return undefined;
    let pages: number;
    this.generations.dropNewest(unit, generation);
    const under = seq < port.read(vm + VM.CUT);
    if (!under) {
      const newest = port.read(unit + UNIT.LAST) === seq;
      const moved = this.#swapUnit(vm, unit, seq, newest);
      this.#maintain(vm, moved);
      port.write(unit + UNIT.TARGET, seq);
      const copied = this.#refresh(strategy, vm, unit, seq, moved, !newest, 0);
      if (copied < 0) this.#unprotect(strategy, vm, unit);
      else this.#report(vm, unit, seq, copied, before);
      this.#noteLostCuts(vm);
      pages = moved.length;
    } else {
      // A guest cut is newer: it keeps its versions, the task gets its bytes by ordinary writes.
      pages = this.#writeBack(strategy, vm, unit, seq);
    }
    this.generations.takeContext(vm, unit, slot);
    port.write(unit + UNIT.DUE, this.#dueFromNow());
    this.#domains.forget(unit);
    this.onRollback?.(unit, made);
    if (under) this.checkpointTask(vm, unit);
    return { pages, time };
  }

  /**
   * Exchanges the tables of a guest with all its tasks: it is as it was at a cut (P10).
   *
   * @param generation 0: the newest cut; 1: the one before; ...
   * @returns Undefined when a standby page is damaged; nothing is changed then.
   */
  swapGuest(vm: number, generation = 0): SwapResult | undefined {
    const port = this.#port;
    const strategy = this.#strategy as CheckpointStrategy;
    const before = { ...port.maintenance };
    const cuts = this.generations.cuts(vm);
    const record = cuts[generation];
    const seq = port.read(record + CUT.SEQ);
    const time = port.read64(record + CUT.TIME);
    const units = this.#units(vm);
    for (let i = 0; i < units.length; i++) {
      strategy.settle(vm, units[i]);
      const entry = record + CUT.TASKS + i * CUT.TASK_SIZE;
      const slot = port.read(entry + UNIT.SLOT - UNIT.HELD);
      if (!this.#intact(vm, units[i], seq, slot)) return undefined;
    }
    for (let g = 0; g < generation; g++) this.generations.forgetCut(vm, cuts[g]);
    port.write(vm + VM.CUT, seq);
    const newest = units.map((unit) => port.read(unit + UNIT.LAST) === seq);
    const moved = units.map((unit, i) => {
      this.generations.clear(unit);
      // The kernel is as it was, too: no call since then was made.
      port.write(unit + UNIT.REPLAY, 0);
      return this.#swapUnit(vm, unit, seq, newest[i]);
    });
    this.#maintain(vm, moved.flat());
    port.copyWords(record + CUT.HELD, vm + VM.HELD, VM.HELD_END - VM.HELD);
    attend(port, vm);
    let copied = 0;
    const now = port.time();
    units.forEach((unit, i) => {
      const entry = record + CUT.TASKS + i * CUT.TASK_SIZE;
      port.copyWords(entry, unit + UNIT.HELD, UNIT.HELD_END - UNIT.HELD);
      this.generations.reserve(vm, unit);
      this.#domains.forget(unit);
      const more = this.#refresh(strategy, vm, unit, seq, moved[i], !newest[i], 1);
      if (more < 0) return this.#unprotect(strategy, vm, unit);
      copied += more;
      this.#commit(vm, unit, seq, this.#dueFromNow());
      if (this.#isTask(unit)) this.generations.push(vm, unit, seq, now);
    });
    this.#takeContext(vm);
    port.write(vm + VM.DUE, this.#dueFromNow());
    if (port.read(vm + VM.CUT) === seq) this.#report(vm, 0, seq, copied, before);
    return { pages: moved.flat().length, time };
  }

  /** A guest goes on where its cut has it: in its kernel, or in the context that its task has now. */
  #takeContext(vm: number): void {
    const port = this.#port;
    let slot = port.read(vm + VM.SLOT);
    if (!isKernelContext(slot)) slot = port.read(port.read(vm + VM.CUR_UNIT) + UNIT.SLOT);
    port.write(vm + VM.SLOT, slot);
    if (port.read(MAP.GLOBAL + GLOBAL.CURRENT) === vm) holdContext(port.board, slot);
  }

  /**
   * Makes the standby whole again after a swap. When the pool is empty, older checkpoints make room.
   *
   * @param cuts Cuts of the guest that are kept in any case.
   */
  #refresh(
    strategy: CheckpointStrategy,
    vm: number,
    unit: number,
    seq: number,
    moved: readonly number[],
    composed: boolean,
    cuts: number,
  ): number {
    this.#port.routine(ROUTINE.refresh);
    for (;;) {
      const pages = strategy.refresh(vm, unit, seq, moved, composed);
      if (pages >= 0) return pages;
      const room = this.#giveUp(strategy, vm, [unit], 1, 1) ||
        this.#giveUp(strategy, vm, [unit], cuts, 1);
      if (!room) return -1;
    }
  }

  /** True when every version and the context that a return to `seq` would use are what was copied. */
  #intact(vm: number, unit: number, seq: number, slot: number): boolean {
    if (!this.versions.checksums) return true;
    let intact = this.generations.intact(unit, slot);
    this.versions.eachWritable(vm, unit, (page) => {
      const { frame } = this.versions.at(page, seq);
      if (frame !== 0 && !this.versions.intact(frame)) intact = false;
    });
    return intact;
  }

  /**
   * Returns a unit's pages to checkpoint `seq`. With `exchange` the backup table names just these
   * frames already, and activePt and backupPt change places; otherwise the spare is composed.
   *
   * @returns The pages whose frame changed.
   */
  #swapUnit(vm: number, unit: number, seq: number, exchange: boolean): number[] {
    const port = this.#port;
    port.routine(ROUTINE.swap);
    const versions = this.versions;
    const readOnly = this.strategy !== STRATEGY.FULL;
    const moved: number[] = [];
    const strategy = this.#strategy as CheckpointStrategy;
    const pages = exchange ? strategy.versioned(vm, unit) : versions.writable(vm, unit);
    for (const page of pages) {
      const version = versions.at(page, seq);
      if (version.frame !== 0 && !this.#alreadyActive(page, seq)) {
        versions.makeActive(page, version);
        moved.push(page);
      }
      if (!exchange) {
        versions.setEntry(vm, page, TABLE.SPARE, port.read(page + PAGE_REC.ACTIVE), readOnly);
      }
    }
    versions.exchange(vm, unit, TABLE.ACTIVE, exchange ? TABLE.BACKUP : TABLE.SPARE);
    this.#domains.install(vm, unit);
    port.write(unit + UNIT.LAST, seq);
    port.drain();
    return moved;
  }

  /** `dirty` keeps a copy of clean pages; their backup entry names the active frame, which stays. */
  #alreadyActive(page: number, seq: number): boolean {
    const port = this.#port;
    return this.strategy === STRATEGY.DIRTY && port.read(page + PAGE_REC.WRITTEN) < seq;
  }

  /** Copies the content of checkpoint `seq` into a task's active pages, preserving newer cuts. */
  #writeBack(strategy: CheckpointStrategy, vm: number, unit: number, seq: number): number {
    const port = this.#port;
    let pages = 0;
    this.versions.eachWritable(vm, unit, (page) => {
      const { frame } = this.versions.at(page, seq);
      if (frame === 0) return;
      const last = port.read(unit + UNIT.LAST);
      if (this.strategy !== STRATEGY.FULL && port.read(page + PAGE_REC.WRITTEN) !== last) {
        // The newer cut is given up before a page of the older checkpoint is: without it none is owed.
        while (!strategy.firstWrite(vm, unit, page)) {
          const room = this.#giveUp(strategy, vm, [unit], 1, 1) ||
            this.#giveUp(strategy, vm, [], 0, 1);
          if (!room) throw new MonitorFault("no frame for a page that no checkpoint needs");
        }
      }
      const mva = this.versions.mva(vm, page);
      port.copyIn(frame, mva);
      // Data can be executed: an instruction line may hold what was there before.
      if (!this.omitCacheMaintenance) port.flushPageLines(mva);
      pages++;
    });
    return pages;
  }

  /** What pages with changed frames owe: cache lines without clean, TLB entries (section 5). */
  #maintain(vm: number, moved: readonly number[]): void {
    const port = this.#port;
    port.routine(ROUTINE.maintain);
    const cache = !this.omitCacheMaintenance;
    const tlb = !this.omitTlbMaintenance;
    if (moved.length > SWAP_BY_LINE) {
      if (cache) {
        port.flushDataCache();
        port.invalidateInstructionCache();
      }
      if (tlb) {
        port.invalidateDataTlb();
        port.invalidateInstructionTlb();
      }
    } else {
      for (const page of moved) {
        const mva = this.versions.mva(vm, page);
        if (cache) port.discardPageLines(mva);
        if (!tlb) continue;
        port.invalidateDataTlbEntry(mva);
        port.invalidateInstructionTlbEntry(mva);
      }
    }
    port.drain();
  }

  // --- forgetting ------------------------------------------------------------------------------

  /** Makes every checkpoint of a task void (it is deleted, or made anew). */
  forgetTask(vm: number, unit: number): void {
    this.generations.clear(unit);
    this.#domains.forget(unit);
    this.#port.write(unit + UNIT.DUE, NONE);
    this.#port.write(unit + UNIT.TARGET, 0);
    this.#strategy?.settle(vm, unit);
  }

  /** Makes every checkpoint of a VM and its tasks void (it starts anew). */
  dropAll(vm: number): void {
    const port = this.#port;
    for (const cut of this.generations.cuts(vm)) this.generations.forgetCut(vm, cut);
    port.write(vm + VM.CUT, 0);
    port.write(vm + VM.TOLD, 0);
    const count = port.count(vm + VM.UNIT_COUNT, MOST.UNITS);
    for (let i = 0; i < count; i++) this.forgetTask(vm, unitOf(vm, i));
  }

  /** Puts fresh frames in place of the active ones: (page index, frame) pairs. */
  replace(vm: number, pairs: readonly number[]): void {
    const port = this.#port;
    const versions = this.versions;
    const moved: number[] = [];
    for (let i = 0; i < pairs.length; i += 2) {
      const page = port.read(vm + VM.PAGES) + pairs[i] * PAGE_REC.SIZE;
      const frame = pairs[i + 1];
      const writable = (port.read(page + PAGE_REC.VA) & PAGE_FLAG.WRITABLE) !== 0;
      const old = port.read(page + PAGE_REC.ACTIVE);
      const unit = versions.unit(vm, page);
      const kept = writable && (this.#strategy?.keep(vm, unit, page) ?? false);
      setActive(port, page, frame);
      versions.setEntry(vm, page, TABLE.ACTIVE, frame, false);
      versions.setEntry(vm, page, TABLE.SPARE, frame, writable);
      if (!writable) versions.setEntry(vm, page, TABLE.BACKUP, frame, true);
      moved.push(page);
      if (!kept) this.#frames.give(old);
    }
    port.drain();
    this.#maintain(vm, moved);
  }

  /** A unit's next save goes to a slot that no live checkpoint names (I6). */
  nextSlot(vm: number, unit: number): void {
    const port = this.#port;
    this.generations.awake(unit);
    this.generations.reserve(vm, unit);
    port.write(unit + UNIT.SLOT, port.read(port.read(unit + UNIT.SLOT) + CONTEXT.NEXT));
  }

  /** The same for the task that has the CPU. */
  saveElsewhere(vm: number, unit: number): void {
    this.nextSlot(vm, unit);
    holdContext(this.#port.board, this.#port.read(unit + UNIT.SLOT));
  }

  /** Frames in use as versions of a VM, for reports. */
  standbyFrames(vm: number): number {
    const port = this.#port;
    let frames = 0;
    const count = port.count(vm + VM.UNIT_COUNT, MOST.UNITS);
    for (let i = 0; i < count; i++) {
      this.versions.eachWritable(vm, unitOf(vm, i), (page) => {
        frames += this.versions.count(page);
      });
    }
    return frames;
  }
}
