/**
 * Checkpoints of tasks and guests, and the exchange of active and backup tables (P6, P8, P10, P11).
 *
 * @module
 */

import { type Domains, unitOf } from "./domains.ts";
import type { Frames } from "./frames.ts";
import {
  CALL,
  CONTEXT,
  CUT,
  GLOBAL,
  MAP,
  PAGE_FLAG,
  PAGE_REC,
  RING,
  STRATEGY,
  UNIT,
  UNIT_KIND,
  VM,
} from "./layout.ts";
import type { Port } from "./port.ts";
import type { Recorder } from "./recorder.ts";
import { type CheckpointStrategy, FullStrategy, TrackingStrategy } from "./strategy.ts";
import { TABLE, Versions } from "./versions.ts";
import { readName, setActive } from "./vm.ts";

/** Most pages whose cache lines are discarded one by one in a swap; more: the whole cache. */
const SWAP_BY_LINE = 8;

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
  readonly #port: Port;
  readonly #frames: Frames;
  readonly #domains: Domains;
  readonly #recorder: Recorder;
  readonly #strategies: readonly (CheckpointStrategy | undefined)[];

  /** Told of each checkpoint of a unit, and of each return to one. */
  onCommit: ((vm: number, unit: number) => void) | undefined;
  /** See {@linkcode onCommit}. */
  onRollback: ((vm: number, unit: number) => void) | undefined;

  /** Test switch: leaves the TLB maintenance of a swap out, to show that it is owed. */
  omitTlbMaintenance = false;

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

  get #generations(): number {
    return this.#port.read(MAP.GLOBAL + GLOBAL.GENERATIONS);
  }

  // --- when ------------------------------------------------------------------------------------

  /** True when the period since `since` (cycles) has passed and checkpoints are taken at all. */
  due(since: number): boolean {
    if (this.strategy === STRATEGY.OFF) return false;
    return this.#port.now - since >= this.#port.read64(MAP.GLOBAL + GLOBAL.PERIOD);
  }

  /** True when a task's checkpoint is due at its switch-out. */
  taskDue(unit: number): boolean {
    return this.#nthSwitch(unit + UNIT.SWITCH_COUNT) &&
        this.due(this.#port.read64(unit + UNIT.LAST_TIME)) ||
      this.#port.read(unit + UNIT.CHECKPOINT_DUE) !== 0;
  }

  /** True when a cut of the VM is due. */
  cutDue(vm: number): boolean {
    return this.#nthSwitch(vm + VM.SWITCH_COUNT) &&
        this.due(this.#port.read64(vm + VM.CUT_TIME)) ||
      this.#port.read(vm + VM.CUT_DUE) !== 0;
  }

  /** Counts a switch-out; true at every Nth when the period is given in switches. */
  #nthSwitch(counter: number): boolean {
    const port = this.#port;
    const every = port.read(MAP.GLOBAL + GLOBAL.EVERY);
    if (every <= 1) return true;
    const count = port.add(counter, 1);
    if (count < every) return false;
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
    port.write(unit + UNIT.CHECKPOINT_DUE, 0);
    const strategy = this.#strategy;
    if (strategy === undefined) return false;
    const seq = port.read(vm + VM.SEQ) + 1;
    const pages = this.#take(strategy, vm, unit, seq, true);
    if (pages < 0) {
      this.#unprotect(strategy, vm, unit);
      return false;
    }
    port.write(vm + VM.SEQ, seq);
    this.#commit(vm, unit, seq);
    this.#pushRing(unit, seq);
    port.add(unit + UNIT.CHECKPOINTS, 1);
    this.#report(vm, unit, seq, pages);
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
    port.write(vm + VM.CUT_DUE, 0);
    const strategy = this.#strategy;
    if (strategy === undefined) return false;
    const seq = port.read(vm + VM.SEQ) + 1;
    const count = port.read(vm + VM.UNIT_COUNT);
    let pages = 0;
    for (let i = 0; i < count; i++) {
      const unit = unitOf(port, vm, i);
      const copied = this.#take(strategy, vm, unit, seq, current);
      if (copied < 0) {
        // The units before it are protected at `seq` already, although no checkpoint names it.
        for (let k = 0; k < i; k++) port.write(unitOf(port, vm, k) + UNIT.LAST, seq);
        port.write(vm + VM.SEQ, seq);
        this.#unprotect(strategy, vm, unit);
        return false;
      }
      pages += copied;
    }
    port.write(vm + VM.SEQ, seq);
    this.#saveCut(vm, seq);
    for (let i = 0; i < count; i++) {
      const unit = unitOf(port, vm, i);
      this.#commit(vm, unit, seq);
      if (port.read(unit + UNIT.KIND) === UNIT_KIND.TASK) this.#pushRing(unit, seq);
    }
    port.write(vm + VM.CUT, seq);
    port.write64(vm + VM.CUT_TIME, port.now);
    port.add(vm + VM.CHECKPOINTS, 1);
    this.#report(vm, 0, seq, pages);
    return true;
  }

  /** Takes the standby of a unit; when the pool is empty the oldest cut goes first. */
  #take(
    strategy: CheckpointStrategy,
    vm: number,
    unit: number,
    seq: number,
    current: boolean,
  ): number {
    for (;;) {
      const pages = strategy.take(vm, unit, seq, current);
      if (pages >= 0 || !this.#dropOldestCut(strategy, vm)) return pages;
    }
  }

  #commit(vm: number, unit: number, seq: number): void {
    const port = this.#port;
    this.onCommit?.(vm, unit);
    port.write(unit + UNIT.LAST, seq);
    port.write(unit + UNIT.TARGET, seq);
    port.write(unit + UNIT.UNPROTECTED, 0);
    port.write64(unit + UNIT.LAST_TIME, port.now);
  }

  #report(vm: number, unit: number, seq: number, pages: number): void {
    this.#recorder.emit({
      type: "checkpoint",
      t: this.#port.board.clock.ns(),
      vm: readName(this.#port, vm + VM.NAME),
      ...(unit === 0 ? {} : { task: readName(this.#port, unit + UNIT.NAME) }),
      seq,
      pages,
    });
  }

  // --- first writes ----------------------------------------------------------------------------

  /**
   * A write of the current guest met a page that is read-only for now. Called before any
   * classification, also for the monitor's own writes with User permission.
   *
   * @param va Guest virtual address.
   * @returns True when the write is to be tried again.
   */
  firstWrite(vm: number, va: number): boolean {
    const port = this.#port;
    const strategy = this.#strategy;
    if (strategy === undefined || this.strategy === STRATEGY.FULL) return false;
    const page = this.versions.pageAt(vm, va);
    if (page === 0 || (port.read(page + PAGE_REC.VA) & PAGE_FLAG.WRITABLE) === 0) return false;
    const unit = this.versions.unit(vm, page);
    if (port.read(page + PAGE_REC.WRITTEN) === port.read(unit + UNIT.LAST)) return false;
    do {
      if (strategy.firstWrite(vm, unit, page)) return true;
    } while (this.#dropOldestCut(strategy, vm));
    this.#unprotect(strategy, vm, unit);
    return true;
  }

  /**
   * Frees what only the oldest cut needs, while a newer one is kept.
   *
   * @returns False when there is no cut to spare.
   */
  #dropOldestCut(strategy: CheckpointStrategy, vm: number): boolean {
    const port = this.#port;
    const cuts = this.#cuts(vm);
    if (cuts.length < 2) return false;
    this.#forgetCut(vm, cuts[cuts.length - 1]);
    const count = port.read(vm + VM.UNIT_COUNT);
    for (let i = 0; i < count; i++) strategy.settle(vm, unitOf(port, vm, i));
    return true;
  }

  /** The last resort: the unit goes on without a standby, and says so. */
  #unprotect(strategy: CheckpointStrategy, vm: number, unit: number): void {
    const port = this.#port;
    // A cut without one of its units is none.
    for (const cut of this.#cuts(vm)) this.#forgetCut(vm, cut);
    port.write(vm + VM.CUT, 0);
    this.#clearRing(unit);
    strategy.unprotect(vm, unit);
    port.write(unit + UNIT.TARGET, 0);
    port.write(unit + UNIT.UNPROTECTED, 1);
    port.write64(unit + UNIT.LAST_TIME, port.now);
    const task = port.read(unit + UNIT.KIND) === UNIT_KIND.TASK;
    this.#recorder.emit({
      type: "unprotected",
      t: port.board.clock.ns(),
      vm: readName(port, vm + VM.NAME),
      ...(task ? { task: readName(port, unit + UNIT.NAME) } : {}),
      reason: "no free frames for its backup",
    });
  }

  // --- going back ------------------------------------------------------------------------------

  /** Kept checkpoints of a task, newest first. */
  taskGenerations(unit: number): number {
    const port = this.#port;
    const count = port.read(unit + UNIT.RING_COUNT);
    const incarnation = port.read(unit + UNIT.INCARNATION);
    let n = 0;
    while (n < count && port.read(this.#ringEntry(unit, n) + RING.INCARNATION) === incarnation) n++;
    return port.read(unit + UNIT.TARGET) === 0 ? 0 : n;
  }

  /** True when a task made calls between a kept checkpoint and the next newer one. */
  callsSince(unit: number, generation: number): boolean {
    for (let g = 1; g <= generation; g++) {
      if (this.#port.read(this.#ringEntry(unit, g) + RING.CALLS) !== 0) return true;
    }
    return false;
  }

  /** Oldest value that a word of the held state has in any kept cut, as a ring index. */
  oldestHeld(vm: number, field: number): number {
    const port = this.#port;
    let oldest = port.read(vm + field);
    for (const cut of this.#cuts(vm)) {
      const value = port.read(cut + CUT.HELD + field - VM.HELD);
      if (((oldest - value) | 0) > 0) oldest = value;
    }
    return oldest;
  }

  /** Kept cuts of a guest. */
  guestGenerations(vm: number): number {
    return this.#port.read(vm + VM.CUT) === 0 ? 0 : this.#cuts(vm).length;
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
    const entry = this.#ringEntry(unit, generation);
    const seq = port.read(entry + RING.SEQ);
    const time = port.read64(entry + RING.TIME);
    strategy.settle(vm, unit);
    if (!this.#intact(vm, unit, seq)) return undefined;
    const slot = port.read(entry + RING.SLOT);
    let pages: number;
    this.#popRing(unit, generation);
    if (seq >= port.read(vm + VM.CUT)) {
      const newest = port.read(unit + UNIT.LAST) === seq;
      const moved = this.#swapUnit(vm, unit, seq, newest);
      this.#maintain(vm, moved);
      port.write(unit + UNIT.TARGET, seq);
      const copied = strategy.refresh(vm, unit, seq, moved, !newest);
      if (copied < 0) this.#unprotect(strategy, vm, unit);
      else this.#report(vm, unit, seq, copied);
      pages = moved.length;
    } else {
      // A guest cut is newer: it keeps its versions, the task gets its bytes by ordinary writes.
      pages = this.#writeBack(strategy, vm, unit, seq);
    }
    port.write(unit + UNIT.SLOT, slot);
    port.write64(unit + UNIT.LAST_TIME, port.now);
    this.onRollback?.(vm, unit);
    if (seq < port.read(vm + VM.CUT)) this.checkpointTask(vm, unit);
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
    const cuts = this.#cuts(vm);
    const record = cuts[generation];
    const seq = port.read(record + CUT.SEQ);
    const time = port.read64(record + CUT.TIME);
    const count = port.read(vm + VM.UNIT_COUNT);
    for (let i = 0; i < count; i++) {
      const unit = unitOf(port, vm, i);
      strategy.settle(vm, unit);
      if (!this.#intact(vm, unit, seq)) return undefined;
    }
    for (let g = 0; g < generation; g++) this.#forgetCut(vm, cuts[g]);
    port.write(vm + VM.CUT, seq);
    const moved: number[][] = [];
    for (let i = 0; i < count; i++) {
      const unit = unitOf(port, vm, i);
      this.#clearRing(unit);
      moved.push(this.#swapUnit(vm, unit, seq, port.read(unit + UNIT.LAST) === seq));
    }
    this.#maintain(vm, moved.flat());
    port.copyWords(record + CUT.HELD, vm + VM.HELD, VM.HELD_END - VM.HELD);
    let copied = 0;
    for (let i = 0; i < count; i++) {
      const unit = unitOf(port, vm, i);
      const entry = record + CUT.TASKS + i * CUT.TASK_SIZE;
      port.copyWords(entry, unit + UNIT.HELD, UNIT.HELD_END - UNIT.HELD);
      const more = strategy.refresh(vm, unit, seq, moved[i], true);
      if (more < 0) {
        this.#unprotect(strategy, vm, unit);
        continue;
      }
      copied += more;
      this.onRollback?.(vm, unit);
      this.#commit(vm, unit, seq);
      if (port.read(unit + UNIT.KIND) === UNIT_KIND.TASK) this.#pushRing(unit, seq);
    }
    port.write64(vm + VM.CUT_TIME, port.now);
    this.#report(vm, 0, seq, copied);
    return { pages: moved.flat().length, time };
  }

  /** True when every version a return to `seq` would use is what was copied. */
  #intact(vm: number, unit: number, seq: number): boolean {
    if (!this.versions.checksums) return true;
    let intact = true;
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
    const versions = this.versions;
    const readOnly = this.strategy !== STRATEGY.FULL;
    const moved: number[] = [];
    versions.eachWritable(vm, unit, (page) => {
      const version = versions.at(page, seq);
      if (version.frame !== 0 && !this.#alreadyActive(page, seq)) {
        versions.makeActive(page, version);
        moved.push(page);
      }
      if (!exchange) {
        versions.setEntry(vm, page, TABLE.SPARE, port.read(page + PAGE_REC.ACTIVE), readOnly);
      }
    });
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
        if (!strategy.firstWrite(vm, unit, page)) return;
      }
      port.copyIn(frame, this.versions.mva(vm, page));
      pages++;
    });
    return pages;
  }

  /** What pages with changed frames owe: cache lines without clean, TLB entries (section 5). */
  #maintain(vm: number, moved: readonly number[]): void {
    const port = this.#port;
    if (moved.length > SWAP_BY_LINE) {
      port.flushDataCache();
      port.invalidateInstructionCache();
      if (!this.omitTlbMaintenance) {
        port.invalidateDataTlb();
        port.invalidateInstructionTlb();
      }
    } else {
      for (const page of moved) {
        const mva = this.versions.mva(vm, page);
        port.discardPageLines(mva);
        if (this.omitTlbMaintenance) continue;
        port.invalidateDataTlbEntry(mva);
        port.invalidateInstructionTlbEntry(mva);
      }
    }
    port.drain();
  }

  // --- forgetting ------------------------------------------------------------------------------

  /** Makes every checkpoint of a task void (it is deleted, or made anew). */
  forgetTask(vm: number, unit: number): void {
    this.#clearRing(unit);
    this.#port.write(unit + UNIT.TARGET, 0);
    this.#strategy?.settle(vm, unit);
  }

  /** Makes every checkpoint of a VM and its tasks void (it starts anew). */
  dropAll(vm: number): void {
    const port = this.#port;
    for (const cut of this.#cuts(vm)) this.#forgetCut(vm, cut);
    port.write(vm + VM.CUT, 0);
    const count = port.read(vm + VM.UNIT_COUNT);
    for (let i = 0; i < count; i++) this.forgetTask(vm, unitOf(port, vm, i));
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

  // --- contexts --------------------------------------------------------------------------------

  /** Chooses the slot of the next save of a unit: one that no live checkpoint names (I6). */
  nextSlot(vm: number, unit: number): void {
    const port = this.#port;
    const slot = port.read(unit + UNIT.SLOT);
    if (port.read(slot + CONTEXT.REFS) === 0) return;
    const slots = port.read(vm + VM.CONTEXT_SLOTS);
    const first = port.read(vm + VM.CONTEXTS) +
      port.read(unit + UNIT.INDEX) * slots * CONTEXT.SIZE;
    for (let i = 0; i < slots; i++) {
      const next = first + i * CONTEXT.SIZE;
      if (port.read(next + CONTEXT.REFS) === 0) {
        port.write(unit + UNIT.SLOT, next);
        return;
      }
    }
  }

  #hold(slot: number): void {
    this.#port.add(slot + CONTEXT.REFS, 1);
  }

  #release(slot: number): void {
    if (slot !== 0) this.#port.add(slot + CONTEXT.REFS, -1);
  }

  // --- rings -----------------------------------------------------------------------------------

  #ringEntry(unit: number, generation: number): number {
    const k = this.#generations;
    const at = (this.#port.read(unit + UNIT.RING_HEAD) + k - generation % k) % k;
    return unit + UNIT.RING + at * RING.SIZE;
  }

  #pushRing(unit: number, seq: number): void {
    const port = this.#port;
    const k = this.#generations;
    const count = port.read(unit + UNIT.RING_COUNT);
    const head = (port.read(unit + UNIT.RING_HEAD) + 1) % k;
    const entry = unit + UNIT.RING + head * RING.SIZE;
    const slot = port.read(unit + UNIT.SLOT);
    if (count > 0) {
      port.write(this.#ringEntry(unit, 0) + RING.CALLS, port.read(unit + UNIT.JOURNAL_COUNT));
    }
    this.#carryLog(unit);
    this.#hold(slot);
    if (count === k) this.#release(port.read(entry + RING.SLOT));
    else port.write(unit + UNIT.RING_COUNT, count + 1);
    port.write(unit + UNIT.RING_HEAD, head);
    port.write(entry + RING.SEQ, seq);
    port.write(entry + RING.SLOT, slot);
    port.write(entry + RING.INCARNATION, port.read(unit + UNIT.INCARNATION));
    port.write64(entry + RING.TIME, port.now);
  }

  /**
   * A new checkpoint begins a new journal. What a rolled-back task has not made again yet lies
   * behind the new checkpoint too, and stays its log.
   */
  #carryLog(unit: number): void {
    const port = this.#port;
    const replay = port.read(unit + UNIT.REPLAY);
    const count = replay === 0 ? 0 : port.read(unit + UNIT.JOURNAL_COUNT) - (replay - 1);
    const journal = port.read(unit + UNIT.JOURNAL);
    if (replay > 1) {
      port.copyWords(journal + (replay - 1) * CALL.SIZE, journal, count * CALL.SIZE);
    }
    port.write(unit + UNIT.JOURNAL_COUNT, count);
    port.write(unit + UNIT.REPLAY, count > 0 ? 1 : 0);
    port.write(unit + UNIT.CALL_OPEN, 0);
  }

  /** Drops the `generation` newest entries. */
  #popRing(unit: number, generation: number): void {
    const port = this.#port;
    const k = this.#generations;
    for (let g = 0; g < generation; g++) {
      this.#release(port.read(this.#ringEntry(unit, g) + RING.SLOT));
    }
    const head = (port.read(unit + UNIT.RING_HEAD) + k - generation % k) % k;
    port.write(unit + UNIT.RING_HEAD, head);
    port.add(unit + UNIT.RING_COUNT, -generation);
  }

  #clearRing(unit: number): void {
    this.#popRing(unit, this.#port.read(unit + UNIT.RING_COUNT));
  }

  /** Cut records in use, newest first. */
  #cuts(vm: number): number[] {
    const port = this.#port;
    const size = port.read(vm + VM.CUT_SIZE);
    const cuts: { record: number; seq: number }[] = [];
    for (let i = 0; i < this.#generations; i++) {
      const record = port.read(vm + VM.CUTS) + i * size;
      const seq = port.read(record + CUT.SEQ);
      if (seq !== 0) cuts.push({ record, seq });
    }
    return cuts.sort((a, b) => b.seq - a.seq).map((c) => c.record);
  }

  #forgetCut(vm: number, record: number): void {
    const port = this.#port;
    const count = port.read(vm + VM.UNIT_COUNT);
    for (let i = 0; i < count; i++) {
      this.#release(port.read(record + CUT.TASKS + i * CUT.TASK_SIZE + UNIT.SLOT - UNIT.HELD));
    }
    port.write(record + CUT.SEQ, 0);
  }

  /** Writes the cut record, over the oldest when all are in use. */
  #saveCut(vm: number, seq: number): void {
    const port = this.#port;
    const cuts = this.#cuts(vm);
    if (cuts.length === this.#generations) this.#forgetCut(vm, cuts[cuts.length - 1]);
    const size = port.read(vm + VM.CUT_SIZE);
    let record = port.read(vm + VM.CUTS);
    while (port.read(record + CUT.SEQ) !== 0) record += size;
    const count = port.read(vm + VM.UNIT_COUNT);
    for (let i = 0; i < count; i++) {
      const unit = unitOf(port, vm, i);
      const entry = record + CUT.TASKS + i * CUT.TASK_SIZE;
      port.copyWords(unit + UNIT.HELD, entry, UNIT.HELD_END - UNIT.HELD);
      this.#hold(port.read(unit + UNIT.SLOT));
    }
    port.copyWords(vm + VM.HELD, record + CUT.HELD, VM.HELD_END - VM.HELD);
    port.write(record + CUT.SEQ, seq);
    port.write64(record + CUT.TIME, port.now);
  }

  /** Frames in use as versions of a VM, for reports. */
  standbyFrames(vm: number): number {
    const port = this.#port;
    let frames = 0;
    const count = port.read(vm + VM.UNIT_COUNT);
    for (let i = 0; i < count; i++) {
      this.versions.eachWritable(vm, unitOf(port, vm, i), (page) => {
        frames += this.versions.count(page);
      });
    }
    return frames;
  }
}
