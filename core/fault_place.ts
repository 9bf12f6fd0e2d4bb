/**
 * The words that faults strike: finds them in CPU, CP15 and emulated SDRAM at the moment of the
 * fault, through the monitor's own records, and reads and writes them past all protection.
 *
 * @module
 */

import type { Board } from "./board.ts";
import { observedContext, observedCount, observedInTask, observedText } from "./contexts.ts";
import { CR } from "./cp15.ts";
import { MODE } from "./cpu.ts";
import { masterEntry } from "./domains.ts";
import type { CellKind, FaultPlace } from "./fault_text.ts";
import {
  CALL,
  CONTEXT,
  GLOBAL,
  JOURNAL_ENTRIES,
  MAP,
  MAX_VMS,
  MOST,
  PAGE_REC,
  PIECE_REC,
  UNIT,
  VM,
} from "./layout.ts";
import type { Tlb } from "./tlb.ts";
import { PAGE } from "./vmi.ts";
import type { Vmm } from "./vmm.ts";

/** A machine with its monitor: a laboratory is one. */
export interface Machine {
  /** The board. */
  readonly board: Board;
  /** Its monitor. */
  readonly vmm: Vmm;
}

/** A word that a fault strikes. */
export interface FaultCell {
  /** What it is, for reports. */
  readonly label: string;
  /** Its physical address, -1 for what is not in SDRAM. */
  readonly pa: number;
  /** The word, unsigned. */
  read(): number;
  /** Writes it; bits that do not exist stay as they are. */
  write(value: number): void;
}

/** Record of a guest's VM by its name, 0 when there is none (yet). */
export function findVm({ board, vmm }: Machine, name: string): number {
  for (let id = 0; id < MAX_VMS; id++) {
    const vm = board.peek(MAP.VM_TABLE + id * 4, 4);
    if (vm !== 0 && vmm.recorder.name(id) === name) return vm;
  }
  return 0;
}

/** True while the VM has the CPU. */
export function isRunning(board: Board, vm: number): boolean {
  return board.peek(MAP.GLOBAL + GLOBAL.CURRENT, 4) === vm;
}

/** Physical address of a guest address in its active frame, -1 where it has no page. */
export function activeAddress(board: Board, vm: number, va: number): number {
  const page = pageRecord(board, vm, va);
  return page === 0 ? -1 : board.peek(page + PAGE_REC.ACTIVE, 4) + (va & (PAGE - 1));
}

/** Page record of a guest address, 0 where it has no page. */
export function pageRecord(board: Board, vm: number, va: number): number {
  const pages = board.peek(vm + VM.PAGES, 4);
  const count = observedCount(board, vm + VM.PAGE_COUNT, MOST.PAGES);
  for (let i = 0; i < count; i++) {
    const page = pages + i * PAGE_REC.SIZE;
    if (board.peek(page + PAGE_REC.VA, 4) >>> 12 === va >>> 12) return page;
  }
  return 0;
}

/** Record of a unit by its name: a task, `kernel`, `common`; 0 when there is none. */
export function findUnit(board: Board, vm: number, name: string): number {
  const units = board.peek(vm + VM.UNITS, 4);
  const count = observedCount(board, vm + VM.UNIT_COUNT, MOST.UNITS);
  if (name === "kernel") return units;
  if (name === "common") return count > 1 ? units + UNIT.SIZE : 0;
  for (let i = 2; i < count; i++) {
    const unit = units + i * UNIT.SIZE;
    if (observedText(board, unit + UNIT.NAME) === name) return unit;
  }
  return 0;
}

/** Address of a symbol of a guest plus an offset, -1 when there is no such symbol. */
export function symbolAddress(
  { board, vmm }: Machine,
  vm: number,
  symbol: string,
  offset: number,
): number {
  if (symbol === "") return offset;
  const found = vmm.recorder.symbols(board.peek(vm + VM.ID, 4))?.symbol(symbol);
  return found === undefined ? -1 : (found.address & ~3) + offset;
}

function contextOffset(register: string): number {
  if (register === "cpsr") return CONTEXT.CPSR;
  const n = Number(register.slice(1));
  return n === 15 ? CONTEXT.PC : CONTEXT.R0 + n * 4;
}

function hex(n: number): string {
  return `0x${(n >>> 0).toString(16)}`;
}

/** A word of SDRAM. */
export function ramCell(board: Board, pa: number, label: string): FaultCell {
  return {
    label,
    pa,
    read: () => board.peek(pa, 4),
    write: (value) => board.poke(pa, value),
  };
}

/** Finds a place, or says why there is none at this moment. */
type Finder = (machine: Machine, vm: number, place: FaultPlace) => FaultCell | string;

const BANK_MODES: Readonly<Record<string, number>> = {
  fiq: MODE.FIQ,
  irq: MODE.IRQ,
  svc: MODE.SVC,
  abt: MODE.ABT,
  und: MODE.UND,
};

function bankedRegister(board: Board, name: string): FaultCell {
  const [register, suffix] = name.split("_");
  const mode = BANK_MODES[suffix];
  const { cpu } = board;
  if (register === "spsr") {
    return {
      label: name,
      pa: -1,
      read: () => cpu.spsrOf(mode),
      write: (value) => cpu.setSpsrOf(mode, value),
    };
  }
  const n = Number(register.slice(1));
  return {
    label: name,
    pa: -1,
    read: () => cpu.bankedReg(mode, n),
    write: (value) => cpu.setBankedReg(mode, n, value),
  };
}

/** The guest's registers are in the CPU while it runs, otherwise in its saved context. */
function guestRegister({ board }: Machine, vm: number, { name }: FaultPlace): FaultCell {
  if (name.includes("_")) return bankedRegister(board, name);
  const { cpu } = board;
  if (!isRunning(board, vm)) {
    const at = observedContext(board, vm) + contextOffset(name);
    return ramCell(board, at, `${name} in the saved context`);
  }
  if (name === "cpsr") {
    return { label: name, pa: -1, read: () => cpu.cpsr, write: (value) => cpu.cpsr = value };
  }
  const n = Number(name.slice(1));
  if (n === 15) {
    return { label: "pc", pa: -1, read: () => cpu.pc, write: (value) => cpu.pc = value };
  }
  return {
    label: name,
    pa: -1,
    read: () => cpu.userReg(n),
    write: (value) => cpu.setUserReg(n, value),
  };
}

const CP15: Readonly<Record<string, readonly [crn: number, op2: number]>> = {
  control: [CR.CONTROL, 0],
  ttb: [CR.TTB, 0],
  dacr: [CR.DOMAIN, 0],
  dfsr: [CR.FSR, 0],
  ifsr: [CR.FSR, 1],
  far: [CR.FAR, 0],
  pid: [CR.PID, 0],
};

function cp15Register({ board }: Machine, _vm: number, { name }: FaultPlace): FaultCell {
  const [crn, op2] = CP15[name];
  const { mmu } = board;
  return {
    label: `CP15 ${name}`,
    pa: -1,
    read: () => mmu.mrc(crn, 0, op2) >>> 0,
    write: (value) => mmu.mcr(crn, 0, op2, value),
  };
}

function tlbField({ board }: Machine, _vm: number, { part, name }: FaultPlace): FaultCell | string {
  const tlb: Tlb = part[0] === "i" ? board.mmu.itlb : board.mmu.dtlb;
  const entry = Number(part.slice(1));
  if (tlb.mask[entry] === 0) return `TLB entry ${part} is not valid`;
  const words = name === "tag" ? tlb.tag : name === "pa" ? tlb.pa : tlb.info;
  return {
    label: `TLB entry ${part} ${name}`,
    pa: -1,
    read: () => words[entry] >>> 0,
    write: (value) => {
      // What the host remembers of translations may come from the old entry.
      board.mmu.flush();
      words[entry] = value;
      if (name !== "tag") return;
      words[entry] &= tlb.mask[entry];
      tlb.touched();
    },
  };
}

function guestMemory(
  machine: Machine,
  vm: number,
  { name, offset }: FaultPlace,
): FaultCell | string {
  const va = symbolAddress(machine, vm, name, offset);
  if (va < 0) return `the guest has no symbol ${name}`;
  const pa = activeAddress(machine.board, vm, va);
  return pa < 0 ? "the guest has no page there" : ramCell(machine.board, pa, hex(va));
}

function standbyMemory(
  machine: Machine,
  vm: number,
  { name, offset }: FaultPlace,
): FaultCell | string {
  const { board } = machine;
  const va = symbolAddress(machine, vm, name, offset);
  if (va < 0) return `the guest has no symbol ${name}`;
  const page = pageRecord(board, vm, va);
  if (page === 0) return "the guest has no page there";
  const frame = board.peek(page + PAGE_REC.TAIL, 4);
  if (frame === 0) return "the page has no standby frame of its own now";
  return ramCell(board, frame + (va & (PAGE - 1)), `standby ${hex(va)}`);
}

const TABLE_FIELDS: Readonly<Record<string, number>> = {
  active: PIECE_REC.A_TABLE,
  standby: PIECE_REC.B_TABLE,
  spare: PIECE_REC.C_TABLE,
};

function descriptor(
  { board }: Machine,
  vm: number,
  { part, offset }: FaultPlace,
): FaultCell | string {
  const label = `${part} descriptor of ${hex(offset)}`;
  if (part === "master") {
    return ramCell(board, masterEntry(board.peek(vm + VM.ID, 4), offset), label);
  }
  const piece = board.peek(vm + VM.PIECE_MAP + (offset >>> 20 & 31) * 4, 4);
  if (piece === 0) return "the guest has no tables there";
  const table = board.peek(piece + TABLE_FIELDS[part], 4);
  return ramCell(board, table + (offset >>> 12 & 255) * 4, label);
}

function contextWord(
  { board }: Machine,
  vm: number,
  { part, name }: FaultPlace,
): FaultCell | string {
  const label = `${name} in the context of ${part}`;
  const at = contextOffset(name);
  if (part === "kernel") return ramCell(board, vm + VM.KERNEL_CONTEXT + at, label);
  if (part === "irq") return ramCell(board, vm + VM.IRQ_CONTEXT + at, label);
  const unit = findUnit(board, vm, part);
  if (unit === 0) return `the guest has no task ${part}`;
  const runs = unit === board.peek(vm + VM.CUR_UNIT, 4) && observedInTask(board, vm);
  const slot = runs ? observedContext(board, vm) : board.peek(unit + UNIT.SLOT, 4);
  return ramCell(board, slot + at, label);
}

/** Byte offset of a field, -1 when there is none of that name. */
function fieldOffset(fields: Readonly<Record<string, number>>, place: FaultPlace): number {
  if (place.name === "") return place.offset;
  return Object.hasOwn(fields, place.name) ? fields[place.name] + place.offset : -1;
}

function globalWord({ board }: Machine, _vm: number, place: FaultPlace): FaultCell | string {
  const at = fieldOffset(GLOBAL, place);
  if (at < 0) return `the global record has no field ${place.name}`;
  return ramCell(board, MAP.GLOBAL + at, `global record ${place.name || hex(at)}`);
}

function vmWord({ board }: Machine, vm: number, place: FaultPlace): FaultCell | string {
  const at = fieldOffset(VM, place);
  if (at < 0) return `the VM record has no field ${place.name}`;
  if (at >= board.peek(vm + VM.BLOCK_PAGES, 4) * PAGE) return "that is past the VM's records";
  return ramCell(board, vm + at, `VM record ${place.name || hex(at)}`);
}

function unitWord({ board }: Machine, vm: number, place: FaultPlace): FaultCell | string {
  const unit = findUnit(board, vm, place.part);
  if (unit === 0) return `the guest has no task ${place.part}`;
  const at = fieldOffset(UNIT, place);
  if (at < 0 || at >= UNIT.SIZE) return `a unit record has no field ${place.name || hex(at)}`;
  return ramCell(board, unit + at, `record of ${place.part}, ${place.name || hex(at)}`);
}

function journalWord(
  { board }: Machine,
  vm: number,
  { part, offset }: FaultPlace,
): FaultCell | string {
  const unit = findUnit(board, vm, part);
  const journal = unit === 0 ? 0 : board.peek(unit + UNIT.JOURNAL, 4);
  if (journal === 0) return `the guest has no journal of a task ${part}`;
  if (offset >= JOURNAL_ENTRIES * CALL.SIZE) return "that is past the journal";
  return ramCell(board, journal + offset, `journal of ${part} ${hex(offset)}`);
}

function physicalWord({ board }: Machine, _vm: number, { offset }: FaultPlace): FaultCell | string {
  if (offset >= board.sdram.base + board.sdram.size) return "that is past the SDRAM";
  return ramCell(board, offset, hex(offset));
}

const FINDERS: Readonly<Record<CellKind, Finder>> = {
  reg: guestRegister,
  cp15: cp15Register,
  tlb: tlbField,
  mem: guestMemory,
  standby: standbyMemory,
  pt: descriptor,
  context: contextWord,
  global: globalWord,
  vm: vmWord,
  unit: unitWord,
  journal: journalWord,
  ram: physicalWord,
};

/**
 * Finds the word that a place names at this moment.
 *
 * @param machine The machine, between two instructions.
 * @param vm Record of the guest.
 * @param place A place that holds a word.
 * @returns The word, or a text that says why there is none now.
 */
export function findCell(machine: Machine, vm: number, place: FaultPlace): FaultCell | string {
  return FINDERS[place.kind as CellKind](machine, vm, place);
}

/** Asks whether a place can exist in a guest at all, for checks before a campaign. */
export function placeExists(
  machine: Machine,
  vmName: string,
  place: FaultPlace,
): string | undefined {
  const vm = findVm(machine, vmName);
  if (vm === 0) return `no guest "${vmName}"`;
  if (!Object.hasOwn(FINDERS, place.kind)) return undefined;
  const cell = findCell(machine, vm, place);
  const passing = place.kind === "tlb" || place.kind === "standby";
  return typeof cell === "string" && !passing ? cell : undefined;
}
