/**
 * Differences between the memories of two runs, and which of them mean nothing.
 *
 * @module
 */

import { FORK_WORDS } from "./fork.ts";
import {
  CONTEXT,
  GLOBAL,
  LOG_ENTRIES,
  MAP,
  MAX_VMS,
  METER,
  MOST,
  PAGE_KIND,
  PAGE_REC,
  UNIT,
  VM,
} from "./layout.ts";
import { unitMeter, vmMeter } from "./meters.ts";

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

const VM_COUNTS = [
  VM.SWITCHES,
  VM.TASK_SWITCHES,
  VM.CHECKPOINTS,
  VM.FAULTS,
  VM.RECOVERIES,
  VM.CONSOLE_BYTES,
  VM.REFUSED,
];
const UNIT_COUNTS = [
  UNIT.CHECKPOINTS,
  UNIT.FAULTS,
  UNIT.RECOVERIES,
  UNIT.COPIES,
];

const METERS = [0, 4, 8, 12, METER.COUNT, METER.CALLS];

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
  for (const vm of vmRecords(words)) {
    add(vm, VM_COUNTS);
    const units = wordAt(words, vm + VM.UNITS);
    const count = Math.min(wordAt(words, vm + VM.UNIT_COUNT), MOST.UNITS);
    const id = wordAt(words, vm + VM.ID);
    add(vmMeter(id), METERS);
    for (let i = 0; i < count; i++) {
      add(units + i * UNIT.SIZE, UNIT_COUNTS);
      add(unitMeter(id, i), METERS);
    }
  }
  return found;
}

/** Indexes of the words that hold what is left of the slices of VMs. */
export function sliceWords(words: Words): number[] {
  return vmRecords(words).map((vm) => indexOf(vm + VM.SLICE));
}

/** Indexes of words that an entry of the monitor writes before it reads them. */
export function scratchWords(): Set<number> {
  const found = new Set<number>();
  const add = (from: number, end: number) => {
    for (let at = from; at < end; at += 4) found.add(indexOf(MAP.GLOBAL + at));
  };
  add(GLOBAL.ENTRY_CPSR, GLOBAL.CURRENT);
  const idle = GLOBAL.IDLE_CONTEXT + CONTEXT.START;
  add(idle, idle + CONTEXT.BYTES);
  add(GLOBAL.SIZE, GLOBAL.ABORT_STACK);
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
    const count = Math.min(wordAt(words, vm + VM.PAGE_COUNT), MOST.PAGES);
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
