/**
 * Differences between the memories of two runs, and which of them mean nothing.
 *
 * @module
 */

import { FORK_WORDS } from "./fork.ts";
import { CUT, GLOBAL, LOG_ENTRIES, MAP, MAX_VMS, PAGE_KIND, PAGE_REC, UNIT, VM } from "./layout.ts";

/** Words of SDRAM by their index. */
export type Words = Uint32Array;

function indexOf(pa: number): number {
  return (pa - MAP.SDRAM) >>> 2;
}

/** A word of SDRAM by its physical address. */
export function wordAt(words: Words, pa: number): number {
  return words[indexOf(pa)];
}

/**
 * Indexes of the words of some pages that differ.
 *
 * @param most Ends the search when so many have been found.
 */
export function differences(
  a: Words,
  b: Words,
  pages: Iterable<number>,
  most: number,
): number[] {
  const found: number[] = [];
  for (const page of pages) {
    const first = page * FORK_WORDS;
    for (let i = first; i < first + FORK_WORDS; i++) {
      if (a[i] === b[i]) continue;
      found.push(i);
      if (found.length > most) return found;
    }
  }
  return found;
}

/** Records of all VMs. */
function vmRecords(words: Words): number[] {
  const vms: number[] = [];
  for (let id = 0; id < MAX_VMS; id++) {
    const vm = wordAt(words, MAP.VM_TABLE + id * 4);
    if (vm >= MAP.ARENA && vm < MAP.ARENA_END) vms.push(vm);
  }
  return vms;
}

const GLOBAL_COUNTS = [
  GLOBAL.VM_SWITCHES,
];
const VM_COUNTS = [
  VM.SWITCHES,
  VM.TASK_SWITCHES,
  VM.CHECKPOINTS,
  VM.FAULTS,
  VM.RECOVERIES,
  VM.HYPERCALLS,
  VM.CONSOLE_BYTES,
  VM.REFUSED,
];
const UNIT_COUNTS = [
  UNIT.DISPATCHED,
  UNIT.CALLS,
  UNIT.CHECKPOINTS,
  UNIT.FAULTS,
  UNIT.RECOVERIES,
  UNIT.CYCLES,
  UNIT.CYCLES + 4,
  UNIT.RUN_START,
  UNIT.RUN_START + 4,
  UNIT.COPIES,
];

/**
 * Indexes of the words in which the monitor counts what it does. It shows them to VM0 and to
 * reports, and decides nothing by them.
 */
export function countingWords(words: Words): Set<number> {
  const found = new Set<number>();
  const add = (record: number, offsets: readonly number[]) => {
    for (const offset of offsets) found.add(indexOf(record + offset));
  };
  add(MAP.VMM_CYCLES, [0, 4]);
  add(MAP.GLOBAL, GLOBAL_COUNTS);
  for (const vm of vmRecords(words)) {
    add(vm, VM_COUNTS);
    const units = wordAt(words, vm + VM.UNITS);
    const count = wordAt(words, vm + VM.UNIT_COUNT);
    for (let i = 0; i < count; i++) add(units + i * UNIT.SIZE, UNIT_COUNTS);
  }
  return found;
}

/** Indexes of the words that hold what is left of the slices of VMs. */
export function sliceWords(words: Words): number[] {
  return vmRecords(words).map((vm) => indexOf(vm + VM.SLICE));
}

function long(words: Words, pa: number): number {
  return wordAt(words, pa) + wordAt(words, pa + 4) * 0x1_0000_0000;
}

/**
 * The clocks of the VMs' own time. Nothing but the difference between one of them and `VM.CYCLES` is ever
 * looked at, so that all of a VM may be off by the same.
 *
 * @param a A memory.
 * @param b The memory that it is held against.
 * @returns Words of `a` as they would be if its `VM.CYCLES` were those of `b`: index to value. Those of VMs
 * for which this changes nothing are left out.
 */
export function relativeWords(a: Words, b: Words): Map<number, number> {
  const found = new Map<number, number>();
  const put = (pa: number, value: number) => {
    found.set(indexOf(pa), value >>> 0);
    found.set(indexOf(pa + 4), Math.floor(value / 0x1_0000_0000) >>> 0);
  };
  const generations = wordAt(b, MAP.GLOBAL + GLOBAL.GENERATIONS);
  for (const vm of vmRecords(b)) {
    const off = long(a, vm + VM.CYCLES) - long(b, vm + VM.CYCLES);
    if (off === 0) continue;
    put(vm + VM.CYCLES, long(b, vm + VM.CYCLES));
    const clocks = [vm + VM.TICK_CYCLES];
    // 0: no watchdog has looked yet.
    if (long(a, vm + VM.KICK_CYCLES) !== 0) clocks.push(vm + VM.KICK_CYCLES);
    const cuts = wordAt(b, vm + VM.CUTS);
    for (let i = 0; i < generations; i++) {
      const cut = cuts + i * wordAt(b, vm + VM.CUT_SIZE);
      clocks.push(cut + CUT.HELD + VM.TICK_CYCLES - VM.HELD);
    }
    for (const clock of clocks) put(clock, long(a, clock) - off);
  }
  return found;
}

/** A page of a guest. */
export interface GuestPage {
  /** Its address: record of the VM and guest virtual address. */
  readonly key: string;
  /** Physical address of its frame. */
  readonly frame: number;
}

/** The pages of all guests, except those in which the monitor tells them of time and interrupts. */
export function guestPages(words: Words): GuestPage[] {
  const pages: GuestPage[] = [];
  for (const vm of vmRecords(words)) {
    const first = wordAt(words, vm + VM.PAGES);
    const count = wordAt(words, vm + VM.PAGE_COUNT);
    for (let i = 0; i < count; i++) {
      const page = first + i * PAGE_REC.SIZE;
      const va = wordAt(words, page + PAGE_REC.VA);
      if ((va >>> 4 & 7) === PAGE_KIND.INFO) continue;
      const frame = wordAt(words, page + PAGE_REC.ACTIVE);
      pages.push({ key: `${vm} ${va >>> 12}`, frame });
    }
  }
  return pages;
}

/** True when a page of a guest has another content in one memory than in the other. */
export function guestsDiffer(a: Words, b: Words): boolean {
  const frames = new Map(guestPages(a).map(({ key, frame }) => [key, frame]));
  for (const { key, frame } of guestPages(b)) {
    const other = frames.get(key);
    if (other === undefined) return true;
    const from = indexOf(other);
    const to = indexOf(frame);
    if (from + FORK_WORDS > a.length || to + FORK_WORDS > b.length) return true;
    for (let i = 0; i < FORK_WORDS; i++) if (a[from + i] !== b[to + i]) return true;
  }
  return false;
}

/** Indexes of the words of the monitor's log, which only VM0 reads, by command. */
export function logWords(): { readonly first: number; readonly end: number } {
  return { first: indexOf(MAP.LOG), end: indexOf(MAP.LOG) + LOG_ENTRIES * 8 };
}
