/**
 * Checkpoints of tasks and guests, and the exchange of active and backup tables (P6, P8, P10, P11).
 *
 * Each page has a chain of versions, oldest first: (tag, frame). The content of a page at
 * checkpoint c is its oldest version with tag >= c, or the active frame where there is none (I1).
 * One version serves task and guest checkpoints alike.
 *
 * @module
 */

import { type Domains, unitOf } from "./domains.ts";
import { frameRecord, type Frames } from "./frames.ts";
import {
  CONTEXT,
  CUT,
  FRAME,
  FRAME_STATE,
  GLOBAL,
  MAP,
  PAGE_FLAG,
  PAGE_REC,
  PIECE_REC,
  STRATEGY,
  UNIT,
  UNIT_KIND,
  VM,
} from "./layout.ts";
import type { Port } from "./port.ts";
import type { Recorder } from "./recorder.ts";
import { pageDescriptor, readName, slotMva } from "./vm.ts";

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
  readonly #port: Port;
  readonly #frames: Frames;
  readonly #domains: Domains;
  readonly #recorder: Recorder;

  /** Test switch: leaves the TLB maintenance of a swap out, to show that it is owed. */
  omitTlbMaintenance = false;

  /**
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
  }

  /** The strategy in force (STRATEGY). */
  get strategy(): number {
    return this.#port.read(MAP.GLOBAL + GLOBAL.STRATEGY);
  }

  /** True when the period since `since` (cycles) has passed and checkpoints are taken at all. */
  due(since: number): boolean {
    if (this.strategy === STRATEGY.OFF) return false;
    return this.#port.now - since >= this.#port.read64(MAP.GLOBAL + GLOBAL.PERIOD);
  }

  /** True when a task's checkpoint is due at its switch-out. */
  taskDue(unit: number): boolean {
    return this.due(this.#port.read64(unit + UNIT.TARGET_TIME)) ||
      this.#port.read(unit + UNIT.CHECKPOINT_DUE) !== 0;
  }

  /** True when a cut of the VM is due. */
  cutDue(vm: number): boolean {
    return this.due(this.#port.read64(vm + VM.CUT_TIME)) ||
      this.#port.read(vm + VM.CUT_DUE) !== 0;
  }

  /**
   * Takes a checkpoint of one task: its pages and its context as saved (R1). The VM is current and
   * the task's domain is open in the DACR.
   */
  checkpointTask(vm: number, unit: number): boolean {
    const port = this.#port;
    port.write(unit + UNIT.CHECKPOINT_DUE, 0);
    if (this.strategy === STRATEGY.OFF) return false;
    const seq = port.read(vm + VM.SEQ) + 1;
    const pages = this.#copyUnit(vm, unit, seq, true);
    if (pages < 0) {
      this.#unprotected(vm, unit);
      return false;
    }
    port.write(vm + VM.SEQ, seq);
    this.#commit(vm, unit, seq);
    port.add(unit + UNIT.CHECKPOINTS, 1);
    this.#trim(vm, unit);
    this.#recorder.emit({
      type: "checkpoint",
      t: port.board.clock.ns(),
      vm: this.#vmName(vm),
      task: readName(port, unit + UNIT.NAME),
      seq,
      pages,
    });
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
    if (this.strategy === STRATEGY.OFF) return false;
    const seq = port.read(vm + VM.SEQ) + 1;
    const count = port.read(vm + VM.UNIT_COUNT);
    let pages = 0;
    for (let i = 0; i < count; i++) {
      const copied = this.#copyUnit(vm, unitOf(port, vm, i), seq, current);
      if (copied < 0) {
        for (let k = 0; k <= i; k++) this.#dropVersions(vm, unitOf(port, vm, k), seq);
        this.#unprotected(vm, unitOf(port, vm, 0));
        return false;
      }
      pages += copied;
    }
    port.write(vm + VM.SEQ, seq);
    this.#saveCut(vm, seq);
    for (let i = 0; i < count; i++) this.#commit(vm, unitOf(port, vm, i), seq);
    port.write(vm + VM.CUT, seq);
    port.write64(vm + VM.CUT_TIME, port.now);
    port.add(vm + VM.CHECKPOINTS, 1);
    for (let i = 0; i < count; i++) this.#trim(vm, unitOf(port, vm, i));
    this.#recorder.emit({
      type: "checkpoint",
      t: port.board.clock.ns(),
      vm: this.#vmName(vm),
      seq,
      pages,
    });
    return true;
  }

  /** True when a swap of the task can return somewhere. */
  hasTarget(unit: number): boolean {
    const port = this.#port;
    return port.read(unit + UNIT.TARGET) !== 0 &&
      port.read(unit + UNIT.TARGET_INCARNATION) === port.read(unit + UNIT.INCARNATION);
  }

  /**
   * Exchanges a task's active and backup tables: the task is as it was at its newest checkpoint
   * (P11). Its saved context is the checkpoint's. The VM is current.
   */
  swapTask(vm: number, unit: number): SwapResult {
    const port = this.#port;
    const time = port.read64(unit + UNIT.TARGET_TIME);
    const moved = this.#swapUnit(vm, unit, port.read(unit + UNIT.TARGET), true);
    this.#maintain(moved);
    port.write(unit + UNIT.SLOT, port.read(unit + UNIT.TARGET_SLOT));
    this.checkpointTask(vm, unit);
    return { pages: moved.length, time };
  }

  /** True when a guest swap can return somewhere. */
  hasCut(vm: number): boolean {
    return this.#port.read(vm + VM.CUT) !== 0;
  }

  /** Exchanges the tables of a guest with all its tasks: it is as it was at its newest cut (P10). */
  swapGuest(vm: number): SwapResult {
    const port = this.#port;
    const cut = port.read(vm + VM.CUT);
    const record = this.#cutRecord(vm, cut);
    const time = port.read64(record + CUT.TIME);
    const count = port.read(vm + VM.UNIT_COUNT);
    const moved: number[] = [];
    for (let i = 0; i < count; i++) {
      const unit = unitOf(port, vm, i);
      moved.push(...this.#swapUnit(vm, unit, cut, port.read(unit + UNIT.TARGET) === cut));
    }
    this.#maintain(moved);
    port.copyWords(record + CUT.HELD, vm + VM.HELD, VM.HELD_END - VM.HELD);
    for (let i = 0; i < count; i++) {
      const unit = unitOf(port, vm, i);
      const entry = record + CUT.TASKS + i * CUT.TASK_SIZE;
      port.copyWords(entry, unit + UNIT.HELD, UNIT.HELD_END - UNIT.HELD);
    }
    this.cut(vm, true);
    return { pages: moved.length, time };
  }

  /** Makes every checkpoint of a task void (it is deleted, or made anew). */
  forgetTask(vm: number, unit: number): void {
    const port = this.#port;
    this.#release(port.read(unit + UNIT.TARGET_SLOT));
    port.write(unit + UNIT.TARGET_SLOT, 0);
    port.write(unit + UNIT.TARGET, 0);
    this.#trim(vm, unit);
  }

  /** Makes every checkpoint of a VM and its tasks void (it starts anew). */
  dropAll(vm: number): void {
    const port = this.#port;
    const size = port.read(vm + VM.CUT_SIZE);
    const generations = port.read(MAP.GLOBAL + GLOBAL.GENERATIONS);
    const count = port.read(vm + VM.UNIT_COUNT);
    for (let i = 0; i < generations; i++) {
      const record = port.read(vm + VM.CUTS) + i * size;
      if (port.read(record + CUT.SEQ) === 0) continue;
      for (let k = 0; k < count; k++) {
        this.#release(port.read(record + CUT.TASKS + k * CUT.TASK_SIZE + UNIT.SLOT - UNIT.HELD));
      }
      port.write(record + CUT.SEQ, 0);
    }
    port.write(vm + VM.CUT, 0);
    for (let i = 0; i < count; i++) this.forgetTask(vm, unitOf(port, vm, i));
  }

  /** Puts fresh frames in place of the active ones: (page index, frame) pairs. */
  replace(vm: number, pairs: readonly number[]): void {
    const port = this.#port;
    const moved: number[] = [];
    for (let i = 0; i < pairs.length; i += 2) {
      const page = port.read(vm + VM.PAGES) + pairs[i] * PAGE_REC.SIZE;
      const word = port.read(page + PAGE_REC.VA);
      const old = port.read(page + PAGE_REC.ACTIVE);
      port.write(page + PAGE_REC.ACTIVE, pairs[i + 1]);
      const piece = port.read(vm + VM.PIECES) +
        port.read(page + PAGE_REC.PIECE) * PIECE_REC.SIZE;
      const writable = (word & PAGE_FLAG.WRITABLE) !== 0;
      // Read-only pages are the same in all three tables; a writable one's standby stays.
      const tables = writable
        ? [PIECE_REC.A_TABLE]
        : [PIECE_REC.A_TABLE, PIECE_REC.B_TABLE, PIECE_REC.C_TABLE];
      for (const table of tables) {
        port.write(entryOf(port.read(piece + table), word), this.#active(page));
      }
      this.#frames.give(old);
      moved.push(slotMva(port.read(vm + VM.ID), (word & ~4095) >>> 0));
    }
    port.drain();
    this.#maintain(moved);
  }

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

  /** Copies all writable pages of a unit to new versions tagged `seq`; -1 when frames run out. */
  #copyUnit(vm: number, unit: number, seq: number, current: boolean): number {
    const port = this.#port;
    const id = port.read(vm + VM.ID);
    const open = current && this.#isOpen(unit);
    const first = port.read(unit + UNIT.FIRST_PAGE);
    const count = port.read(unit + UNIT.PAGE_COUNT);
    let copied = 0;
    for (let i = first; i < first + count; i++) {
      const page = port.read(vm + VM.PAGES) + i * PAGE_REC.SIZE;
      const word = port.read(page + PAGE_REC.VA);
      if ((word & PAGE_FLAG.WRITABLE) === 0) continue;
      const frame = this.#frames.take(FRAME_STATE.VERSION, id, i);
      if (frame === 0) {
        this.#dropVersions(vm, unit, seq);
        return -1;
      }
      const mva = slotMva(id, (word & ~4095) >>> 0);
      if (open) {
        port.copyOut(mva, frame);
      } else {
        if (current) port.flushPageLines(mva);
        port.copyFrame(port.read(page + PAGE_REC.ACTIVE), frame);
      }
      this.#append(page, frame, seq);
      const piece = port.read(vm + VM.PIECES) +
        port.read(page + PAGE_REC.PIECE) * PIECE_REC.SIZE;
      port.write(entryOf(port.read(piece + PIECE_REC.C_TABLE), word), pageDescriptor(frame, word));
      copied++;
    }
    port.drain();
    return copied;
  }

  /** The unit's domain is open in the DACR in force. */
  #isOpen(unit: number): boolean {
    const domain = this.#port.read(unit + UNIT.DOMAIN);
    return (this.#port.mrc(3, 0, 0) >>> domain * 2 & 3) === 1;
  }

  #append(page: number, frame: number, seq: number): void {
    const port = this.#port;
    port.write(frameRecord(frame) + FRAME.TAG, seq);
    const tail = port.read(page + PAGE_REC.TAIL);
    if (tail === 0) port.write(page + PAGE_REC.HEAD, frame);
    else port.write(frameRecord(tail) + FRAME.NEXT, frame);
    port.write(page + PAGE_REC.TAIL, frame);
  }

  /** One pointer an exchange: from here on the new standby set is the unit's backup. */
  #commit(vm: number, unit: number, seq: number): void {
    const port = this.#port;
    this.#eachPiece(vm, unit, (piece) => {
      const spare = port.read(piece + PIECE_REC.C_TABLE);
      port.write(piece + PIECE_REC.C_TABLE, port.read(piece + PIECE_REC.B_TABLE));
      port.write(piece + PIECE_REC.B_TABLE, spare);
    });
    port.write(unit + UNIT.LAST, seq);
    port.write(unit + UNIT.TARGET, seq);
    port.write64(unit + UNIT.TARGET_TIME, port.now);
    if (port.read(unit + UNIT.KIND) === UNIT_KIND.TASK) {
      const slot = port.read(unit + UNIT.SLOT);
      this.#hold(slot);
      this.#release(port.read(unit + UNIT.TARGET_SLOT));
      port.write(unit + UNIT.TARGET_SLOT, slot);
      port.write(unit + UNIT.TARGET_INCARNATION, port.read(unit + UNIT.INCARNATION));
    }
  }

  #hold(slot: number): void {
    this.#port.add(slot + CONTEXT.REFS, 1);
  }

  #release(slot: number): void {
    if (slot !== 0) this.#port.add(slot + CONTEXT.REFS, -1);
  }

  #cutRecord(vm: number, seq: number): number {
    const port = this.#port;
    const size = port.read(vm + VM.CUT_SIZE);
    const count = port.read(MAP.GLOBAL + GLOBAL.GENERATIONS);
    for (let i = 0; i < count; i++) {
      const record = port.read(vm + VM.CUTS) + i * size;
      if (port.read(record + CUT.SEQ) === seq) return record;
    }
    return 0;
  }

  /** Writes the cut record over the oldest one. */
  #saveCut(vm: number, seq: number): void {
    const port = this.#port;
    const size = port.read(vm + VM.CUT_SIZE);
    const generations = port.read(MAP.GLOBAL + GLOBAL.GENERATIONS);
    let record = port.read(vm + VM.CUTS);
    for (let i = 1; i < generations; i++) {
      const other = port.read(vm + VM.CUTS) + i * size;
      if (port.read(other + CUT.SEQ) < port.read(record + CUT.SEQ)) record = other;
    }
    const count = port.read(vm + VM.UNIT_COUNT);
    const replaced = port.read(record + CUT.SEQ) !== 0;
    for (let i = 0; i < count; i++) {
      const unit = unitOf(port, vm, i);
      const entry = record + CUT.TASKS + i * CUT.TASK_SIZE;
      if (replaced) this.#release(port.read(entry + UNIT.SLOT - UNIT.HELD));
      port.copyWords(unit + UNIT.HELD, entry, UNIT.HELD_END - UNIT.HELD);
      this.#hold(port.read(unit + UNIT.SLOT));
    }
    port.copyWords(vm + VM.HELD, record + CUT.HELD, VM.HELD_END - VM.HELD);
    port.write(record + CUT.SEQ, seq);
    port.write64(record + CUT.TIME, port.now);
  }

  /** Checkpoints that a unit's versions must serve, ascending. */
  #live(vm: number, unit: number): number[] {
    const port = this.#port;
    const live: number[] = [];
    const size = port.read(vm + VM.CUT_SIZE);
    const generations = port.read(MAP.GLOBAL + GLOBAL.GENERATIONS);
    for (let i = 0; i < generations; i++) {
      const seq = port.read(port.read(vm + VM.CUTS) + i * size + CUT.SEQ);
      if (seq !== 0) live.push(seq);
    }
    const target = port.read(unit + UNIT.TARGET);
    if (target !== 0) live.push(target);
    return live.sort((a, b) => a - b);
  }

  /** Frees the versions of a unit that no live checkpoint needs. */
  #trim(vm: number, unit: number): void {
    const port = this.#port;
    const live = this.#live(vm, unit);
    this.#eachWritable(vm, unit, (page) => {
      let before = 0;
      let previous = 0;
      for (let frame = port.read(page + PAGE_REC.HEAD); frame !== 0;) {
        const record = frameRecord(frame);
        const next = port.read(record + FRAME.NEXT);
        const tag = port.read(record + FRAME.TAG);
        if (live.some((c) => c > before && c <= tag)) {
          previous = frame;
          before = tag;
        } else {
          this.#unlink(page, previous, frame, next);
          this.#frames.give(frame);
        }
        frame = next;
      }
    });
  }

  /** Frees the versions of a unit with tag `seq` (an unfinished checkpoint). */
  #dropVersions(vm: number, unit: number, seq: number): void {
    const port = this.#port;
    this.#eachWritable(vm, unit, (page) => {
      let previous = 0;
      for (let frame = port.read(page + PAGE_REC.HEAD); frame !== 0;) {
        const next = port.read(frameRecord(frame) + FRAME.NEXT);
        if (port.read(frameRecord(frame) + FRAME.TAG) === seq) {
          this.#unlink(page, previous, frame, next);
          this.#frames.give(frame);
        } else {
          previous = frame;
        }
        frame = next;
      }
    });
  }

  #unlink(page: number, previous: number, frame: number, next: number): void {
    const port = this.#port;
    if (previous === 0) port.write(page + PAGE_REC.HEAD, next);
    else port.write(frameRecord(previous) + FRAME.NEXT, next);
    if (port.read(page + PAGE_REC.TAIL) === frame) port.write(page + PAGE_REC.TAIL, previous);
  }

  /**
   * Returns a unit's pages to checkpoint `seq`. With `exchange` the backup table names just these
   * frames already, and activePt and backupPt change places; otherwise the spare is composed.
   *
   * @returns The MVAs of the pages whose frame changed.
   */
  #swapUnit(vm: number, unit: number, seq: number, exchange: boolean): number[] {
    const port = this.#port;
    const id = port.read(vm + VM.ID);
    const moved: number[] = [];
    this.#eachWritable(vm, unit, (page) => {
      const found = this.#versionAt(page, seq);
      const word = port.read(page + PAGE_REC.VA);
      if (found.frame !== 0) {
        this.#makeActive(page, found.frame, found.previous);
        moved.push(slotMva(id, (word & ~4095) >>> 0));
      }
      if (!exchange) {
        const piece = port.read(vm + VM.PIECES) +
          port.read(page + PAGE_REC.PIECE) * PIECE_REC.SIZE;
        const table = port.read(piece + PIECE_REC.C_TABLE);
        port.write(entryOf(table, word), this.#active(page));
      }
    });
    const other = exchange ? PIECE_REC.B_TABLE : PIECE_REC.C_TABLE;
    this.#eachPiece(vm, unit, (piece) => {
      const active = port.read(piece + PIECE_REC.A_TABLE);
      port.write(piece + PIECE_REC.A_TABLE, port.read(piece + other));
      port.write(piece + other, active);
    });
    this.#domains.install(vm, unit);
    port.write(unit + UNIT.LAST, seq);
    port.drain();
    return moved;
  }

  /** A version takes the active frame's place; it and all newer ones leave the chain. */
  #makeActive(page: number, frame: number, previous: number): void {
    const port = this.#port;
    this.#frames.give(port.read(page + PAGE_REC.ACTIVE));
    for (let f = port.read(frameRecord(frame) + FRAME.NEXT); f !== 0;) {
      const next = port.read(frameRecord(f) + FRAME.NEXT);
      this.#frames.give(f);
      f = next;
    }
    if (previous === 0) port.write(page + PAGE_REC.HEAD, 0);
    else port.write(frameRecord(previous) + FRAME.NEXT, 0);
    port.write(page + PAGE_REC.TAIL, previous);
    this.#frames.setState(frame, FRAME_STATE.ACTIVE);
    port.write(frameRecord(frame) + FRAME.NEXT, 0);
    port.write(page + PAGE_REC.ACTIVE, frame);
  }

  /** I1: the oldest version with tag >= seq. */
  #versionAt(page: number, seq: number): { frame: number; previous: number } {
    const port = this.#port;
    let previous = 0;
    for (let frame = port.read(page + PAGE_REC.HEAD); frame !== 0;) {
      if (port.read(frameRecord(frame) + FRAME.TAG) >= seq) return { frame, previous };
      previous = frame;
      frame = port.read(frameRecord(frame) + FRAME.NEXT);
    }
    return { frame: 0, previous };
  }

  /** What pages with changed frames owe: cache lines by MVA without clean, TLB entries (section 5). */
  #maintain(moved: readonly number[]): void {
    const port = this.#port;
    if (moved.length > SWAP_BY_LINE) {
      port.flushDataCache();
      port.invalidateInstructionCache();
    } else {
      for (const mva of moved) port.discardPageLines(mva);
    }
    if (!this.omitTlbMaintenance) {
      if (moved.length > SWAP_BY_LINE) {
        port.invalidateDataTlb();
        port.invalidateInstructionTlb();
      } else {
        for (const mva of moved) {
          port.invalidateDataTlbEntry(mva);
          port.invalidateInstructionTlbEntry(mva);
        }
      }
    }
    port.drain();
  }

  /** Descriptor of a page's active frame in the installed table. */
  #active(page: number): number {
    const port = this.#port;
    return pageDescriptor(port.read(page + PAGE_REC.ACTIVE), port.read(page + PAGE_REC.VA));
  }

  #eachWritable(vm: number, unit: number, visit: (page: number) => void): void {
    const port = this.#port;
    const first = port.read(unit + UNIT.FIRST_PAGE);
    const count = port.read(unit + UNIT.PAGE_COUNT);
    for (let i = first; i < first + count; i++) {
      const page = port.read(vm + VM.PAGES) + i * PAGE_REC.SIZE;
      if ((port.read(page + PAGE_REC.VA) & PAGE_FLAG.WRITABLE) !== 0) visit(page);
    }
  }

  #eachPiece(vm: number, unit: number, visit: (piece: number) => void): void {
    const port = this.#port;
    const first = port.read(unit + UNIT.FIRST_PIECE);
    const count = port.read(unit + UNIT.PIECE_COUNT);
    for (let i = first; i < first + count; i++) {
      visit(port.read(vm + VM.PIECES) + i * PIECE_REC.SIZE);
    }
  }

  #vmName(vm: number): string {
    return readName(this.#port, vm + VM.NAME);
  }

  #unprotected(vm: number, unit: number): void {
    const port = this.#port;
    port.write(unit + UNIT.UNPROTECTED, 1);
    const task = port.read(unit + UNIT.KIND) === UNIT_KIND.TASK;
    this.#recorder.emit({
      type: "unprotected",
      t: port.board.clock.ns(),
      vm: this.#vmName(vm),
      ...(task ? { task: readName(port, unit + UNIT.NAME) } : {}),
      reason: "no free frames for its backup",
    });
  }
}

/** Address of the second-level entry of a page in a table. */
export function entryOf(table: number, pageWord: number): number {
  return table + (pageWord >>> 12 & 255) * 4;
}
