/**
 * What the monitor says of errors: fault events with symbols and disassembly, the post-mortem.
 *
 * @module
 */

import type { Board } from "./board.ts";
import { observedText } from "./contexts.ts";
import { disassemble } from "./disasm.ts";
import { GLOBAL, MAP, UNIT, UNIT_KIND, VM } from "./layout.ts";
import { ACCESS } from "./mmu.ts";
import { faultStatusName } from "./pagetable.ts";
import type { Port } from "./port.ts";
import type { Recorder } from "./recorder.ts";
import type { RepairedEntry } from "./tables.ts";
import type { ReloadedText } from "./text_check.ts";
import type { FaultClass, FaultEvent, FaultKind, TraceEvent } from "./trace.ts";
import { slotMva } from "./vm.ts";
import { SLOT_MAP } from "./vmi.ts";

const INTERRUPT_CONTROLLER = 0x4a00_0000;

/** An error as the exception registers tell it. */
export interface RaisedFault {
  /** VM record. */
  vm: number;
  /** Unit record of the task whose error it is, 0: the guest's. */
  unit: number;
  /** What raised it. */
  kind: FaultKind;
  /** Fault status, for aborts. */
  fsr: number;
  /** Fault address: MVA, or the PC of a prefetch abort. */
  far: number;
  /** Address of the instruction. */
  pc: number;
  /** CPSR at the error. */
  cpsr: number;
  /** Last sign of life of a hung guest, board time in cycles. */
  alive?: number;
}

/** The event of an error. */
export function faultEvent(port: Port, recorder: Recorder, fault: RaisedFault): FaultEvent {
  const { vm, unit, kind, fsr, far, pc, cpsr } = fault;
  const id = port.read(vm + VM.ID);
  const symbols = recorder.symbols(id);
  const klass: FaultClass = unit !== 0 ? "task" : "guest";
  const base = slotMva(id, 0);
  const inSlot = far >= base && far < base + SLOT_MAP.SIZE;
  const farSymbol = inSlot ? symbols?.symbolAt(far - base) : undefined;
  const pcSymbol = pc < SLOT_MAP.SIZE ? symbols?.symbolAt(pc, "function") : undefined;
  const thumb = (cpsr & 0x20) !== 0;
  const word = kind === "prefetch-abort" ? undefined : instructionAt(port.board, pc, thumb);
  const abort = kind === "data-abort" || kind === "prefetch-abort";
  return {
    type: "fault",
    t: port.board.clock.ns(),
    vm: observedText(port.board, vm + VM.NAME),
    ...(unit !== 0 ? { task: observedText(port.board, unit + UNIT.NAME) } : {}),
    class: klass,
    kind,
    ...(abort ? { fsr: faultStatusName(fsr), far: hex(far) } : {}),
    ...(abort && farSymbol !== undefined ? { far_symbol: farSymbol } : {}),
    pc: hex(pc),
    ...(pcSymbol !== undefined ? { pc_symbol: pcSymbol } : {}),
    ...(word === undefined ? {} : { instruction: disassemble(word, pc, { thumb }) }),
  };
}

function instructionAt(board: Board, pc: number, thumb: boolean): number | undefined {
  const pa = board.cpu.mmu.probe(pc, ACCESS.FETCH, true);
  return pa < 0 ? undefined : board.peek(pa, thumb ? 2 : 4);
}

/** Lines of registers and tables for a post-mortem, read without the monitor's own mapping. */
export function postMortemLines(board: Board, recorder: Recorder): string[] {
  const { cpu, mmu } = board;
  const current = board.peek(MAP.GLOBAL + GLOBAL.CURRENT, 4);
  const name = current === 0 ? "none" : recorder.name(board.peek(current + VM.ID, 4));
  const lines = [
    `pc ${hex(cpu.pc)} cpsr ${hex(cpu.cpsr)} current ${name}`,
    `ttb ${hex(mmu.mrc(2, 0, 0))} dacr ${hex(mmu.mrc(3, 0, 0))} ` +
    `dfsr ${hex(mmu.mrc(5, 0, 0))} far ${hex(mmu.mrc(6, 0, 0))}`,
  ];
  for (const va of [MAP.SDRAM, MAP.MASTER, MAP.POOL, INTERRUPT_CONTROLLER, MAP.VECTORS]) {
    const entry = board.peek(MAP.MASTER + (va >>> 20) * 4, 4);
    lines.push(`master entry of ${hex(va)}: ${hex(entry)}`);
  }
  return lines;
}

/** The events of a monitor that stops itself and the system (P9, third class). */
export function postMortem(board: Board, recorder: Recorder, reason: string): TraceEvent[] {
  const t = board.clock.ns();
  const lines = postMortemLines(board, recorder);
  const pc = hex(board.cpu.pc);
  return [
    { type: "fault", t, vm: "vmm", class: "vmm", kind: "data-abort", pc, detail: reason },
    {
      type: "recovery",
      t,
      vm: "vmm",
      action: "halt",
      generation: -1,
      lost: -1,
      cycles: 0,
    },
    { type: "post-mortem", t, reason, lines },
  ];
}

/**
 * Reports descriptors that were damaged and have been repaired.
 *
 * @param pc Address of the instruction that met them, 0: the scrubber did.
 */
export function tablesRepaired(
  port: Port,
  recorder: Recorder,
  repaired: readonly RepairedEntry[],
  pc: number,
): void {
  for (const entry of repaired) tableRepaired(port, recorder, entry, pc);
}

/** The whole system stops; what is known is shown (P9, third class). */
export function stopSystem(board: Board, recorder: Recorder, reason: string): void {
  for (const event of postMortem(board, recorder, reason)) recorder.emit(event);
  board.poke(MAP.GLOBAL + GLOBAL.STOPPED, 1);
  board.requestStop();
}

function tableRepaired(
  port: Port,
  recorder: Recorder,
  repaired: RepairedEntry,
  pc: number,
): void {
  const { vm, unit, address, found, expected } = repaired;
  const task = port.read(unit + UNIT.KIND) === UNIT_KIND.TASK;
  port.add(vm + VM.FAULTS, 1);
  recorder.emit({
    type: "fault",
    t: port.board.clock.ns(),
    vm: observedText(port.board, vm + VM.NAME),
    ...(task ? { task: observedText(port.board, unit + UNIT.NAME) } : {}),
    class: "vmm",
    kind: "table-damaged",
    pc: hex(pc),
    detail: `descriptor at ${hex(address)}: ${hex(found)} instead of ${hex(expected)}, repaired`,
  });
}

/** Reports text that was damaged and has been loaded anew. */
export function textReloaded(
  port: Port,
  recorder: Recorder,
  vm: number,
  { unit, va, own }: ReloadedText,
): void {
  recorder.emit({
    type: "fault",
    t: port.board.clock.ns(),
    vm: observedText(port.board, vm + VM.NAME),
    ...(own ? { task: observedText(port.board, unit + UNIT.NAME) } : {}),
    class: own ? "task" : "guest",
    kind: "text-damaged",
    pc: hex(0),
    detail: `text at ${hex(va)} is not that of the image; loaded anew`,
  });
}

/** A word as 0x and eight digits. */
export function hex(n: number): string {
  return "0x" + (n >>> 0).toString(16).padStart(8, "0");
}
