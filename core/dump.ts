/**
 * Page tables and what they map as rows, read from emulated SDRAM as the emulated MMU reads them.
 * Looking costs no board time and changes nothing.
 *
 * @module
 */

import type { Board } from "./board.ts";
import { masterEntry } from "./domains.ts";
import { frameRecord } from "./frames.ts";
import {
  CUT,
  FRAME,
  GLOBAL,
  MAP,
  MAX_GENERATIONS,
  MAX_VMS,
  MOST,
  PAGE_FLAG,
  PAGE_KIND,
  PAGE_REC,
  PIECE_REC,
  RING,
  STRATEGY,
  UNIT,
  UNIT_KIND,
  VM,
} from "./layout.ts";
import { apName, type Descriptor, readFirstLevel, readSecondLevel } from "./pagetable.ts";
import { slotMva } from "./vm.ts";
import { PAGE, VM_STATE_NAMES } from "./vmi.ts";

/** First address behind the SDRAM's bank. */
const SFRS = 0x4000_0000;
/** Permissions of what no table maps. */
const NOT_MAPPED = "-";

/** One mapping, or a page that is kept for one. */
export interface PageTableRow {
  /** VM name. */
  vm: string;
  /** Task, null for the kernel and the common text. */
  task: string | null;
  /** Region of the paper's Fig. 1. */
  region: "fixed" | "dynamic" | "error";
  /** What is there: "kernel-text", "task-stack", "vmi-control", "guard", ... */
  kind: string;
  /** Guest virtual address. */
  va: string;
  /** Modified virtual address (in the VM's slot). */
  mva: string;
  /** Physical address. */
  pa: string;
  /** Bytes. */
  size: number;
  /** Privileged/User permissions. */
  ap: string;
  /** Domain of the first-level entry. */
  domain: number;
  /** Cacheable bit. */
  c: 0 | 1;
  /** Bufferable bit. */
  b: 0 | 1;
  /** Table the row is in: activePt, backupPt (or a version kept for it), or the spare. */
  role: "active" | "standby" | "spare";
  /** Physical address of that second-level table; null for a version that no table names. */
  table: string | null;
  /** The page was written since its unit's last checkpoint; null where nobody keeps count. */
  dirty: boolean | null;
  /**
   * The newest kept checkpoint of the unit whose content the frame is: 0 the last one, 1 the one before,
   * ...; null when it is that of none.
   */
  generation: number | null;
}

/** A guest in a {@linkcode MemoryDump}. */
export interface GuestDump {
  /** VM name. */
  vm: string;
  /** State (VM_STATE_NAMES). */
  state: string;
  /** Its tables, the versions that no table names, and the guard pages below its stacks. */
  rows: PageTableRow[];
}

/** What all of memory is to the monitor, at one moment. */
export interface MemoryDump {
  /** Board time, ns. */
  t: number;
  /** The fixed region: what only the monitor may touch. */
  fixed: PageTableRow[];
  /** The dynamic region: the guests, by their slots. */
  guests: GuestDump[];
}

const ROLES = [
  { role: "active", offset: PIECE_REC.A_TABLE },
  { role: "standby", offset: PIECE_REC.B_TABLE },
  { role: "spare", offset: PIECE_REC.C_TABLE },
] as const;

/** Records of a VM as plain words, without the monitor's port. */
class Records {
  constructor(readonly board: Board, readonly vm: number) {}

  word(address: number): number {
    return this.board.peek(address, 4);
  }

  get pages(): number {
    return this.word(this.vm + VM.PAGES);
  }

  unit(page: number): number {
    return this.word(this.vm + VM.UNITS) + this.word(page + PAGE_REC.UNIT) * UNIT.SIZE;
  }

  /** Kept checkpoints that cover a unit, its own and the guest's, newest first. */
  checkpoints(unit: number): number[] {
    const most = Math.min(this.word(MAP.GLOBAL + GLOBAL.GENERATIONS), MAX_GENERATIONS);
    const seqs = new Set<number>();
    for (let i = 0; i < most; i++) {
      const cut = this.word(this.vm + VM.CUTS) + i * this.word(this.vm + VM.CUT_SIZE);
      if (this.word(cut + CUT.SEQ) !== 0) seqs.add(this.word(cut + CUT.SEQ));
    }
    const head = this.word(unit + UNIT.RING_HEAD);
    for (let g = 0; g < Math.min(this.word(unit + UNIT.RING_COUNT), most); g++) {
      const at = (head + most - g) % most;
      seqs.add(this.word(unit + UNIT.RING + at * RING.SIZE + RING.SEQ));
    }
    return [...seqs].sort((a, b) => b - a);
  }

  /** Versions of a page, oldest first, each with the tag of the one before. */
  versions(page: number): { frame: number; tag: number; after: number }[] {
    const found: { frame: number; tag: number; after: number }[] = [];
    let after = 0;
    let frame = this.word(page + PAGE_REC.HEAD);
    while (frame !== 0 && found.length < MOST.VERSIONS) {
      const record = frameRecord(frame);
      const tag = this.word(record + FRAME.TAG);
      found.push({ frame, tag, after });
      after = tag;
      frame = this.word(record + FRAME.NEXT);
    }
    return found;
  }

  /** Written since the last checkpoint; null where the strategy does not track writes. */
  dirty(page: number): boolean | null {
    const word = this.word(page + PAGE_REC.VA);
    if ((word & PAGE_FLAG.WRITABLE) === 0) return false;
    const strategy = this.word(MAP.GLOBAL + GLOBAL.STRATEGY);
    const unit = this.unit(page);
    const last = this.word(unit + UNIT.LAST);
    const tracks = strategy === STRATEGY.DIRTY || strategy === STRATEGY.COW;
    if (!tracks || last === 0 || this.word(unit + UNIT.UNPROTECTED) !== 0) return null;
    return this.word(page + PAGE_REC.WRITTEN) === last;
  }

  /** The newest kept checkpoint whose content a frame of a page is (I1). */
  generation(page: number, frame: number): number | null {
    if ((this.word(page + PAGE_REC.VA) & PAGE_FLAG.WRITABLE) === 0) return null;
    const seqs = this.checkpoints(this.unit(page));
    const versions = this.versions(page);
    const version = versions.find((v) => v.frame === frame);
    const active = frame === this.word(page + PAGE_REC.ACTIVE);
    if (version === undefined && !(active && this.dirty(page) === false)) return null;
    const after = version?.after ?? versions.at(-1)?.tag ?? 0;
    const tag = version?.tag ?? Infinity;
    const found = seqs.findIndex((seq) => seq > after && seq <= tag);
    return found < 0 ? null : found;
  }
}

/**
 * All mappings of a VM: the active ones through the master table, as the MMU walks it, then those of
 * its standby and spare tables.
 *
 * @param board The machine.
 * @param vm Physical address of the VM record.
 * @param name Its name.
 */
export function dumpVm(board: Board, vm: number, name: string): PageTableRow[] {
  const records = new Records(board, vm);
  const rows: PageTableRow[] = [];
  eachPage(records, (role, page, entry, table) => {
    const va = (records.word(page + PAGE_REC.VA) & ~4095) >>> 0;
    const descriptor = readSecondLevel(records.word(table + (va >>> 12 & 255) * 4));
    rows.push({
      ...common(records, name, page, entry.domain),
      region: descriptor.type === "fault" ? "error" : "dynamic",
      pa: hex(descriptor.base),
      size: descriptor.size,
      ap: apName(descriptor.ap),
      c: descriptor.c,
      b: descriptor.b,
      role,
      table: hex(table),
      dirty: role === "active" ? records.dirty(page) : false,
      generation: role === "standby" ? records.generation(page, descriptor.base) : null,
    });
  });
  return rows;
}

/** Visits each page of each table of a VM: all active ones, then all standby ones, then the spares. */
function eachPage(
  records: Records,
  visit: (
    role: PageTableRow["role"],
    page: number,
    entry: Descriptor,
    table: number,
  ) => void,
): void {
  const { vm } = records;
  const id = records.word(vm + VM.ID);
  for (const { role, offset } of ROLES) {
    // Counts may be damaged: what they say is shown as far as it can be.
    const pieces = Math.min(records.word(vm + VM.PIECE_COUNT), MOST.PIECES);
    for (let p = 0; p < pieces; p++) {
      const piece = records.word(vm + VM.PIECES) + p * PIECE_REC.SIZE;
      const entry = readFirstLevel(
        records.word(masterEntry(id, records.word(piece + PIECE_REC.VA))),
      );
      const table = role === "active" ? entry.base : records.word(piece + offset);
      const first = records.word(piece + PIECE_REC.FIRST_PAGE);
      const count = Math.min(records.word(piece + PIECE_REC.PAGE_COUNT), MOST.PAGES);
      for (let i = first; i < first + count; i++) {
        visit(role, records.pages + i * PAGE_REC.SIZE, entry, table);
      }
    }
  }
}

/** What all rows of a page have in common. */
function common(
  records: Records,
  vm: string,
  page: number,
  domain: number,
): Pick<PageTableRow, "vm" | "task" | "kind" | "va" | "mva" | "domain"> {
  const word = records.word(page + PAGE_REC.VA);
  const va = (word & ~4095) >>> 0;
  const unit = records.unit(page);
  const kind = records.word(unit + UNIT.KIND);
  return {
    vm,
    task: kind === UNIT_KIND.TASK ? textAt(records.board, unit + UNIT.NAME) : null,
    kind: kindName(word >>> 4 & 7, kind),
    va: hex(va),
    mva: hex(slotMva(records.word(records.vm + VM.ID), va)),
    domain,
  };
}

/**
 * Versions of a VM's pages that no table names: what older checkpoints need. (The newest one's are in
 * the standby table.)
 *
 * @param board The machine.
 * @param vm Physical address of the VM record.
 * @param name Its name.
 */
export function dumpVersions(board: Board, vm: number, name: string): PageTableRow[] {
  const records = new Records(board, vm);
  const rows: PageTableRow[] = [];
  eachPage(records, (role, page, entry, table) => {
    if (role !== "standby") return;
    const va = records.word(page + PAGE_REC.VA) >>> 12 & 255;
    const named = readSecondLevel(records.word(table + va * 4)).base;
    for (const { frame } of records.versions(page).reverse()) {
      if (frame === named) continue;
      rows.push({
        ...common(records, name, page, entry.domain),
        region: "dynamic",
        pa: hex(frame),
        size: PAGE,
        ap: NOT_MAPPED,
        c: 0,
        b: 1,
        role: "standby",
        table: null,
        dirty: false,
        generation: records.generation(page, frame),
      });
    }
  });
  return rows;
}

/**
 * The pages below a VM's stacks, which are mapped nowhere: error region, so that a stack that grows
 * too far faults.
 *
 * @param board The machine.
 * @param vm Physical address of the VM record.
 * @param name Its name.
 */
export function dumpGuards(board: Board, vm: number, name: string): PageTableRow[] {
  const records = new Records(board, vm);
  const rows: PageTableRow[] = [];
  let last = -1;
  eachPage(records, (role, page, entry, table) => {
    if (role !== "active") return;
    const word = records.word(page + PAGE_REC.VA);
    const va = (word & ~4095) >>> 0;
    const below = va - PAGE;
    const first = (word >>> 4 & 7) === PAGE_KIND.STACK && last !== below;
    last = va;
    if (!first || below < 0 || below >>> 20 !== va >>> 20) return;
    const descriptor = readSecondLevel(records.word(table + (below >>> 12 & 255) * 4));
    if (descriptor.type !== "fault") return;
    const of = common(records, name, page, entry.domain);
    rows.push({
      ...of,
      region: "error",
      kind: "guard",
      va: hex(below),
      mva: hex(Number(of.mva) - PAGE),
      pa: hex(0),
      size: PAGE,
      ap: NOT_MAPPED,
      c: 0,
      b: 0,
      role: "active",
      table: hex(table),
      dirty: false,
      generation: null,
    });
  });
  return rows;
}

/**
 * All of memory at this moment: the fixed region and every guest.
 *
 * @param board The machine.
 */
export function dumpMemory(board: Board): MemoryDump {
  const guests: GuestDump[] = [];
  for (let id = 0; id < MAX_VMS; id++) {
    const vm = board.peek(MAP.VM_TABLE + id * 4, 4);
    if (vm === 0) continue;
    const name = textAt(board, vm + VM.NAME);
    guests.push({
      vm: name,
      state: VM_STATE_NAMES[board.peek(vm + VM.STATE, 4)] ?? "damaged",
      rows: [
        ...dumpVm(board, vm, name),
        ...dumpVersions(board, vm, name),
        ...dumpGuards(board, vm, name),
      ],
    });
  }
  return { t: board.clock.ns(), fixed: dumpMonitor(board), guests };
}

/**
 * What only the monitor may touch, neighbours joined: the sections of its domain, and its vectors.
 *
 * @param board The machine.
 */
export function dumpMonitor(board: Board): PageTableRow[] {
  const rows: PageTableRow[] = [];
  const add = (kind: string, va: number, d: Descriptor, domain: number, table: number) => {
    const last = rows.at(-1);
    const joins = last !== undefined && last.kind === kind && last.c === d.c && last.b === d.b &&
      Number(last.va) + last.size === va && Number(last.pa) + last.size === d.base;
    if (joins) {
      last.size += d.size;
      return;
    }
    rows.push({
      vm: "vmm",
      task: null,
      region: "fixed",
      kind,
      va: hex(va),
      mva: hex(va),
      pa: hex(d.base),
      size: d.size,
      ap: apName(d.ap),
      domain,
      c: d.c,
      b: d.b,
      role: "active",
      table: hex(table),
      dirty: null,
      generation: null,
    });
  };
  for (let i = 0; i < 4096; i++) {
    const d = readFirstLevel(board.peek(MAP.MASTER + i * 4, 4));
    const va = i * 0x10_0000;
    if (d.domain !== 0) continue;
    if (d.type === "section") {
      const kind = va < MAP.SDRAM ? "flash" : va < SFRS ? "sdram" : "sfr";
      add(kind, va, d, 0, MAP.MASTER);
    }
    if (d.type !== "coarse") continue;
    for (let k = 0; k < 256; k++) {
      const page = readSecondLevel(board.peek(d.base + k * 4, 4));
      if (page.type === "small") add("vectors", va + k * PAGE, page, 0, d.base);
    }
  }
  return rows;
}

function kindName(kind: number, unit: number): string {
  if (kind === PAGE_KIND.CONTROL) return "vmi-control";
  if (kind === PAGE_KIND.INFO) return "vmi-info";
  if (unit === UNIT_KIND.COMMON) return "common-text";
  if (unit === UNIT_KIND.SHARED) return "shared";
  const owner = unit === UNIT_KIND.TASK ? "task" : "kernel";
  return `${owner}-${
    kind === PAGE_KIND.TEXT ? "text" : kind === PAGE_KIND.STACK ? "stack" : "data"
  }`;
}

function textAt(board: Board, address: number): string {
  let text = "";
  for (let i = 0; i < 16; i++) {
    const c = board.peek(address + i, 1);
    if (c === 0) break;
    text += String.fromCharCode(c);
  }
  return text;
}

function hex(n: number): string {
  return "0x" + (n >>> 0).toString(16).padStart(8, "0");
}
