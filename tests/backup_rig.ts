/**
 * Plain copies of guests' memory, read through the installed tables, and the invariants of the
 * backup records: what the tests of checkpoints hold the monitor against.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Lab } from "../core/lab.ts";
import {
  CONTEXT,
  GLOBAL,
  MAP,
  PAGE_FLAG,
  PAGE_REC,
  PIECE_REC,
  RING,
  UNIT,
  VM,
} from "../core/layout.ts";
import { readFirstLevel, readSecondLevel } from "../core/pagetable.ts";
import { slotMva } from "../core/vm.ts";
import { PAGE } from "../core/vmi.ts";

/** A word of physical memory. */
export function word(lab: Lab, pa: number): number {
  return lab.board.peek(pa, 4);
}

/** Unit record `index` of a VM record. */
export function unitRecord(lab: Lab, vm: number, index: number): number {
  return word(lab, vm + VM.UNITS) + index * UNIT.SIZE;
}

/** Page records of a unit's writable pages, with their guest addresses. */
export function writablePages(lab: Lab, unit: number): { record: number; va: number }[] {
  const vm = word(lab, unit + UNIT.VM);
  const first = word(lab, unit + UNIT.FIRST_PAGE);
  const pages: { record: number; va: number }[] = [];
  for (let i = first; i < first + word(lab, unit + UNIT.PAGE_COUNT); i++) {
    const record = word(lab, vm + VM.PAGES) + i * PAGE_REC.SIZE;
    const va = word(lab, record + PAGE_REC.VA);
    if ((va & PAGE_FLAG.WRITABLE) !== 0) pages.push({ record, va: (va & ~(PAGE - 1)) >>> 0 });
  }
  return pages;
}

/** What a table walk finds at an MVA now: frame and AP, or undefined. */
export function walk(lab: Lab, mva: number): { frame: number; ap: number } | undefined {
  const l1 = readFirstLevel(word(lab, MAP.MASTER + (mva >>> 20) * 4));
  if (l1.type !== "coarse") return undefined;
  const l2 = readSecondLevel(word(lab, l1.base + (mva >>> 12 & 255) * 4));
  return l2.type === "small" ? { frame: l2.base, ap: l2.ap } : undefined;
}

/** The writable bytes of a unit, page after page, as the installed tables map them. */
export function copyUnit(lab: Lab, unit: number): Uint8Array {
  const id = word(lab, word(lab, unit + UNIT.VM) + VM.ID);
  const pages = writablePages(lab, unit);
  const bytes = new Uint8Array(pages.length * PAGE);
  pages.forEach(({ va }, i) => {
    const found = walk(lab, slotMva(id, va));
    assert.ok(found !== undefined, `page 0x${va.toString(16)} is mapped`);
    bytes.set(lab.board.debugRead(found.frame, PAGE), i * PAGE);
  });
  return bytes;
}

/** Where two copies of a unit differ first, "" where they don't. */
export function difference(lab: Lab, unit: number, a: Uint8Array, b: Uint8Array): string {
  assert.equal(a.length, b.length);
  for (let i = 0; i < a.length; i++) {
    if (a[i] === b[i]) continue;
    const va = writablePages(lab, unit)[Math.floor(i / PAGE)].va + i % PAGE;
    return `0x${va.toString(16)} holds ${a[i]}, not ${b[i]}`;
  }
  return "";
}

/** Checkpoint numbers of a task, newest first. */
export function ringOf(lab: Lab, unit: number): number[] {
  const k = word(lab, MAP.GLOBAL + GLOBAL.GENERATIONS);
  const head = word(lab, unit + UNIT.RING_HEAD);
  return Array.from({ length: word(lab, unit + UNIT.RING_COUNT) }, (_, g) => {
    return word(lab, unit + UNIT.RING + (head + k - g) % k * RING.SIZE + RING.SEQ);
  });
}

/** Numbers of a guest's cuts, newest first. */
export function cutsOf(lab: Lab, vm: number): number[] {
  const k = word(lab, MAP.GLOBAL + GLOBAL.GENERATIONS);
  const size = word(lab, vm + VM.CUT_SIZE);
  const all = Array.from({ length: k }, (_, i) => word(lab, word(lab, vm + VM.CUTS) + i * size));
  return all.filter((seq) => seq !== 0).sort((a, b) => b - a);
}

/** r1-r14, pc and CPSR of the context that a task goes on from; r0 is a call's result (R1). */
export function contextOf(lab: Lab, unit: number): number[] {
  const slot = word(lab, unit + UNIT.SLOT);
  const words: number[] = [];
  for (let i = 4; i <= CONTEXT.CPSR; i += 4) words.push(word(lab, slot + i));
  return words;
}

/**
 * No TLB entry of a VM names another frame than the tables, and no entry for data allows more. (A page
 * closed to writes may still be fetched from, so a checkpoint owes the instruction TLB nothing.)
 */
export function checkTlbs(lab: Lab, vm: number): void {
  const id = word(lab, vm + VM.ID);
  const { dtlb, itlb } = lab.board.mmu.state();
  for (const tlb of [dtlb, itlb]) {
    tlb.tag.forEach((tag, i) => {
      const mva = tag >>> 0;
      if (tlb.mask[i] === 0 || mva >>> 25 !== slotMva(id, 0) >>> 25) return;
      const now = walk(lab, mva);
      const what = `TLB entry of 0x${mva.toString(16)}`;
      assert.ok(now !== undefined, what);
      assert.equal(tlb.pa[i] >>> 0, now.frame, `${what}: frame`);
      if (tlb === dtlb) assert.ok((tlb.info[i] & 3) <= now.ap, `${what}: allows more`);
    });
  }
}

/**
 * The records of a VM agree with its tables: the installed table names each page's active frame,
 * read-only while the page is clean (I2); no checkpoint number is out of order (I7).
 */
export function checkRecords(lab: Lab, vm: number): void {
  const id = word(lab, vm + VM.ID);
  const tracking = word(lab, MAP.GLOBAL + GLOBAL.STRATEGY) >= 2;
  for (let i = 0; i < word(lab, vm + VM.UNIT_COUNT); i++) {
    const unit = unitRecord(lab, vm, i);
    for (const { record, va } of writablePages(lab, unit)) {
      const what = `page 0x${va.toString(16)}`;
      const now = walk(lab, slotMva(id, va));
      assert.equal(now?.frame, word(lab, record + PAGE_REC.ACTIVE), `${what}: active frame`);
      if (!tracking || word(lab, unit + UNIT.LAST) === 0) continue;
      if (word(lab, unit + UNIT.UNPROTECTED) !== 0) continue;
      const written = word(lab, record + PAGE_REC.WRITTEN) === word(lab, unit + UNIT.LAST);
      assert.equal(now?.ap, written ? 3 : 2, `${what}: writable while it is dirty`);
    }
    const ring = ringOf(lab, unit);
    ring.forEach((seq, g) => assert.ok(g === 0 || seq < ring[g - 1], "newest first"));
    if (ring.length > 0) assert.equal(ring[0], word(lab, unit + UNIT.TARGET));
    const cut = word(lab, vm + VM.CUT);
    if (ring.length > 0) assert.ok(ring[0] >= cut, "a task's target is no older than the cut");
  }
}

/** A unit without a standby has nothing but its active frames, closed to writes in both other tables. */
export function checkUnprotected(lab: Lab, unit: number): void {
  const vm = word(lab, unit + UNIT.VM);
  for (const { record, va } of writablePages(lab, unit)) {
    assert.equal(word(lab, record + PAGE_REC.HEAD), 0, "no version");
    const piece = word(lab, vm + VM.PIECES) + word(lab, record + PAGE_REC.PIECE) * PIECE_REC.SIZE;
    for (const table of [PIECE_REC.B_TABLE, PIECE_REC.C_TABLE]) {
      const { base, ap } = readSecondLevel(
        word(lab, word(lab, piece + table) + (va >>> 12 & 255) * 4),
      );
      assert.equal(base, word(lab, record + PAGE_REC.ACTIVE), `page 0x${va.toString(16)}`);
      assert.equal(ap, 2, `page 0x${va.toString(16)} is closed in the table`);
    }
  }
}

/** The standby table of a unit names frames with the bytes of its target, where it is in force. */
export function checkStandby(lab: Lab, unit: number, target: Uint8Array): void {
  const vm = word(lab, unit + UNIT.VM);
  const pending = new Set<number>();
  for (let p = word(lab, unit + UNIT.REPAIR_HEAD); p !== 0; p = word(lab, p + PAGE_REC.NEXT)) {
    pending.add(p);
  }
  writablePages(lab, unit).forEach(({ record, va }, i) => {
    if (pending.has(record)) return;
    const piece = word(lab, vm + VM.PIECES) + word(lab, record + PAGE_REC.PIECE) * PIECE_REC.SIZE;
    const table = word(lab, piece + PIECE_REC.B_TABLE);
    const { base } = readSecondLevel(word(lab, table + (va >>> 12 & 255) * 4));
    const bytes = lab.board.debugRead(base, PAGE);
    const wanted = target.subarray(i * PAGE, (i + 1) * PAGE);
    assert.ok(bytes.every((b, k) => b === wanted[k]), `standby of page 0x${va.toString(16)}`);
  });
}
