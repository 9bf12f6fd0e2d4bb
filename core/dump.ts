/**
 * The page tables of a guest as rows, read from emulated SDRAM as the emulated MMU reads them.
 *
 * @module
 */

import type { Board } from "./board.ts";
import { MAP, PAGE_KIND, PAGE_REC, PIECE_REC, UNIT, UNIT_KIND, VM } from "./layout.ts";
import { apName, readFirstLevel, readSecondLevel } from "./pagetable.ts";
import { masterEntry } from "./domains.ts";
import { slotMva } from "./vm.ts";

/** One mapping of a guest. */
export interface PageTableRow {
  /** VM name. */
  vm: string;
  /** Task, null for the kernel and the common text. */
  task: string | null;
  /** Region of the paper's Fig. 1. */
  region: "fixed" | "dynamic" | "error";
  /** What is there: "kernel-text", "task-stack", "vmi-control", ... */
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
  /** Table the row is in: activePt, backupPt, or the spare. */
  role: "active" | "standby" | "spare";
  /** Physical address of that second-level table. */
  table: string;
}

const ROLES = [
  { role: "active", offset: PIECE_REC.A_TABLE },
  { role: "standby", offset: PIECE_REC.B_TABLE },
  { role: "spare", offset: PIECE_REC.C_TABLE },
] as const;

/**
 * All mappings of a VM: the active ones through the master table, as the MMU walks it, then those of
 * its standby and spare tables.
 *
 * @param board The machine.
 * @param vm Physical address of the VM record.
 * @param name Its name.
 */
export function dumpVm(board: Board, vm: number, name: string): PageTableRow[] {
  const word = (address: number) => board.peek(address, 4);
  const id = word(vm + VM.ID);
  const rows: PageTableRow[] = [];
  const pieces = word(vm + VM.PIECES);
  for (const { role, offset } of ROLES) {
    for (let p = 0; p < word(vm + VM.PIECE_COUNT); p++) {
      const piece = pieces + p * PIECE_REC.SIZE;
      const entry = readFirstLevel(word(masterEntry(id, word(piece + PIECE_REC.VA))));
      const table = role === "active" ? entry.base : word(piece + offset);
      const first = word(piece + PIECE_REC.FIRST_PAGE);
      for (let i = first; i < first + word(piece + PIECE_REC.PAGE_COUNT); i++) {
        const page = word(vm + VM.PAGES) + i * PAGE_REC.SIZE;
        const va = (word(page + PAGE_REC.VA) & ~4095) >>> 0;
        const descriptor = readSecondLevel(word(table + (va >>> 12 & 255) * 4));
        const unit = word(vm + VM.UNITS) + word(page + PAGE_REC.UNIT) * UNIT.SIZE;
        const task = word(unit + UNIT.KIND) === UNIT_KIND.TASK;
        rows.push({
          vm: name,
          task: task ? textAt(board, unit + UNIT.NAME) : null,
          region: descriptor.type === "fault" ? "error" : "dynamic",
          kind: kindName(word(page + PAGE_REC.VA) >>> 4 & 7, word(unit + UNIT.KIND)),
          va: hex(va),
          mva: hex(slotMva(id, va)),
          pa: hex(descriptor.base),
          size: descriptor.size,
          ap: apName(descriptor.ap),
          domain: entry.domain,
          c: descriptor.c,
          b: descriptor.b,
          role,
          table: hex(table),
        });
      }
    }
  }
  return rows;
}

/** The monitor's own first-level entries, neighbours joined. */
export function dumpMonitor(board: Board): PageTableRow[] {
  const rows: PageTableRow[] = [];
  for (let i = 0; i < 4096; i++) {
    const d = readFirstLevel(board.peek(MAP.MASTER + i * 4, 4));
    if (d.type !== "section" || d.domain !== 0) continue;
    const va = i * 0x10_0000;
    const last = rows[rows.length - 1];
    if (
      last !== undefined && Number(last.va) + last.size === va && last.c === d.c && last.b === d.b
    ) {
      last.size += d.size;
      continue;
    }
    rows.push({
      vm: "vmm",
      task: null,
      region: "fixed",
      kind: va < MAP.SDRAM ? "flash" : va < 0x4000_0000 ? "sdram" : "sfr",
      va: hex(va),
      mva: hex(va),
      pa: hex(d.base),
      size: d.size,
      ap: apName(d.ap),
      domain: d.domain,
      c: d.c,
      b: d.b,
      role: "active",
      table: hex(MAP.MASTER),
    });
  }
  return rows;
}

function kindName(kind: number, unit: number): string {
  if (kind === PAGE_KIND.CONTROL) return "vmi-control";
  if (kind === PAGE_KIND.INFO) return "vmi-info";
  if (unit === UNIT_KIND.COMMON) return "common-text";
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
