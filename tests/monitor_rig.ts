/**
 * Laboratories of mini guests, and looks into emulated SDRAM, for the tests of the monitor.
 *
 * @module
 */

import assert from "node:assert/strict";
import { activeAddress } from "../core/fault.ts";
import { frameRecord } from "../core/frames.ts";
import { hashBytes } from "../core/hash.ts";
import { Lab, type LabOptions } from "../core/lab.ts";
import { FRAME, GLOBAL, MAP, MAX_VMS, METER, PAGE_REC, UNIT, VM } from "../core/layout.ts";
import { vmMeter } from "../core/meters.ts";
import type { TraceEvent } from "../core/trace.ts";
import { HC, INFO_FIELDS, PAGE, SLOT_MAP } from "../core/vmi.ts";
import { loadGuest } from "../guests/mod.ts";
import { type Code, imm, plainGuest, R0, R4, R5, R6 } from "./mini_guest.ts";

/** Core tests need no permission. */
export const core = { permissions: "none" } as const;

const INFO_IMAGES = INFO_FIELDS.find((f) => f.name === "IMAGES")!.offset;

/** A VM0 that creates and starts a VM of each image, then does what `then` writes, then waits. */
export function miniVm0(then?: (c: Code) => void): Uint8Array {
  return plainGuest({
    main: (c) => {
      c.li(R5, SLOT_MAP.VMI_INFO).ldr(R6, R5, INFO_IMAGES).mov(R4, imm(0));
      c.label("next").cmp(R4, R6).b("started", "eq");
      c.mov(R0, R4).swi(HC.VM_CREATE).swi(HC.VM_START).add(R4, imm(1)).b("next");
      c.label("started");
      then?.(c);
      c.label("wait").swi(HC.WAIT).b("wait");
    },
  });
}

/** A laboratory of mini guests with a mini VM0 and the least memory. */
export function miniLab(
  guests: Readonly<Record<string, Uint8Array>>,
  options: Partial<LabOptions> = {},
): Promise<Lab> {
  return Lab.create({
    vm0: miniVm0(),
    guests: Object.entries(guests).map(([name, image]) => ({ name, image })),
    sdramMB: 32,
    // The mini kernel has no undo call-back; journal_test.ts has kernels with one.
    journal: "off",
    ...options,
  });
}

/** A laboratory of the package's guests with its VM0. */
export async function demoLab(names: readonly string[], options: Partial<LabOptions> = {}) {
  const guests = await Promise.all(
    names.map(async (name) => ({ name, image: await loadGuest(name) })),
  );
  return await Lab.create({ vm0: await loadGuest("vm0"), guests, ...options });
}

/** The events of one type. */
export function ofType<T extends TraceEvent["type"]>(
  events: readonly TraceEvent[],
  type: T,
  vm?: string,
): Extract<TraceEvent, { type: T }>[] {
  return events.filter((e): e is Extract<TraceEvent, { type: T }> =>
    e.type === type && (vm === undefined || (e as { vm?: string }).vm === vm)
  );
}

/** Actions of the recoveries of a VM, in order. */
export function actions(events: readonly TraceEvent[], vm: string): string[] {
  return ofType(events, "recovery", vm).map((e) => e.action);
}

/** Console lines of a VM, in order. */
export function lines(events: readonly TraceEvent[], vm: string): string[] {
  return ofType(events, "console", vm).map((e) => e.text);
}

/** A word of a guest's memory, in the active frame. */
export function guestWord(lab: Lab, vm: string, va: number): number {
  const pa = activeAddress(lab.board, lab.vmRecord(vm), va);
  if (pa < 0) throw new RangeError(`${vm} has no page at 0x${va.toString(16)}`);
  return lab.board.peek(pa, 4);
}

/** A word of a VM record. */
export function vmWord(lab: Lab, vm: string, offset: number): number {
  return lab.board.peek(lab.vmRecord(vm) + offset, 4);
}

/** Hypercalls of a VM so far. */
export function hypercallsOf(lab: Lab, vm: string): number {
  return lab.board.peek(vmMeter(vmWord(lab, vm, VM.ID)) + METER.COUNT, 4);
}

/** Address of a unit record: 0 is the kernel's, 1 the common text's, 2 + i task i's. */
export function unitAddress(lab: Lab, vm: string, index: number): number {
  return vmWord(lab, vm, VM.UNITS) + index * UNIT.SIZE;
}

/** A word of a task's unit record. */
export function taskWord(lab: Lab, vm: string, task: number, offset: number): number {
  return lab.board.peek(unitAddress(lab, vm, 2 + task) + offset, 4);
}

/** Hash of physical memory. */
export function hashOf(lab: Lab, pa: number, length: number): string {
  return hashBytes(lab.board.debugRead(pa, length));
}

/** Physical addresses of the frames of a VM's pages, and of their versions. */
export function framesOf(lab: Lab, vm: number): number[] {
  const word = (pa: number) => lab.board.peek(pa, 4);
  const frames: number[] = [];
  for (let i = 0; i < word(vm + VM.PAGE_COUNT); i++) {
    const page = word(vm + VM.PAGES) + i * PAGE_REC.SIZE;
    frames.push(word(page + PAGE_REC.ACTIVE));
    for (let f = word(page + PAGE_REC.HEAD); f !== 0; f = word(frameRecord(f) + FRAME.NEXT)) {
      frames.push(f);
      assert.ok(frames.length < 100_000, "a chain of versions has an end");
    }
  }
  return frames;
}

/** Records of all VMs. */
export function vmRecords(lab: Lab): number[] {
  const all = Array.from({ length: MAX_VMS }, (_, id) => lab.board.peek(MAP.VM_TABLE + id * 4, 4));
  return all.filter((vm) => vm !== 0);
}

/** Asserts that each frame of the pool is in exactly one place (I4). */
export function checkFrames(lab: Lab): void {
  const word = (pa: number) => lab.board.peek(pa, 4);
  const total = word(MAP.GLOBAL + GLOBAL.FRAME_COUNT);
  const seen = new Map<number, string>();
  const see = (frame: number, where: string) => {
    assert.ok(frame >= MAP.POOL && frame < MAP.POOL + total * PAGE && frame % PAGE === 0, where);
    assert.equal(seen.get(frame), undefined, `frame 0x${frame.toString(16)} is in two places`);
    seen.set(frame, where);
  };
  for (const vm of vmRecords(lab)) {
    for (const frame of framesOf(lab, vm)) see(frame, `VM ${word(vm + VM.ID)}`);
  }
  const free = word(MAP.GLOBAL + GLOBAL.FREE_COUNT);
  let counted = 0;
  for (let bank = 0; bank < 4; bank++) {
    for (
      let f = word(MAP.GLOBAL + GLOBAL.FREE_HEAD + 4 * bank);
      f !== 0;
      f = word(frameRecord(f) + FRAME.NEXT)
    ) {
      see(f, "free");
      counted++;
    }
  }
  assert.equal(counted, free, "frames in the free list");
  assert.equal(seen.size, total, "frames that are somewhere");
}

/** Empties both TLBs, with the entries that are locked: those go one by one. */
export function emptyTlbs({ board: { mmu } }: Lab): void {
  mmu.mcr(8, 7, 0, 0);
  for (let megabyte = 0; megabyte < 4096; megabyte++) {
    mmu.mcr(8, 6, 1, (megabyte << 20) >>> 0);
    mmu.mcr(8, 5, 1, (megabyte << 20) >>> 0);
  }
}

/** Hash of the monitor's text, master table and vector table. */
export function monitorHash(lab: Lab): string {
  return hashOf(lab, MAP.TEXT, 0x1000) + hashOf(lab, MAP.VECTOR_TABLE, 0x400);
}

/** Runs in steps of `stepNs` until `done` or `limitNs` have passed; true when done. */
export function runUntil(lab: Lab, done: () => boolean, limitNs: number, stepNs = 20_000): boolean {
  const end = lab.time + limitNs;
  while (lab.time < end && !lab.stopped) {
    if (done()) return true;
    lab.runAll({ for: stepNs });
  }
  return done();
}
