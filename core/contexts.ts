/**
 * Who runs in a VM: the context that the next save goes to says it.
 *
 * r13_svc holds its address as long as the VM has the CPU, and the VM's record while it has not. One bit
 * of the address tells a kernel's context from a task's.
 *
 * @module
 */

import type { Board } from "./board.ts";
import { MODE } from "./cpu.ts";
import { CONTEXT, GLOBAL, MAP, NONE, UNIT, VM } from "./layout.ts";
import type { Port } from "./port.ts";

/** True for the context of a kernel. */
export function isKernelContext(slot: number): boolean {
  return (slot & CONTEXT.KERNEL) !== 0;
}

/** r13_svc. */
export function heldContext(board: Board): number {
  return board.cpu.bankedReg(MODE.SVC, 13);
}

/** Sets r13_svc. */
export function holdContext(board: Board, slot: number): void {
  board.cpu.setBankedReg(MODE.SVC, 13, slot);
}

/** r13 of the other exception modes: where an entry keeps what it changes. */
export function setStacks({ cpu }: Board): void {
  cpu.setBankedReg(MODE.IRQ, 13, MAP.GLOBAL);
  cpu.setBankedReg(MODE.ABT, 13, MAP.GLOBAL + GLOBAL.ABORT_STACK);
  cpu.setBankedReg(MODE.UND, 13, MAP.GLOBAL + GLOBAL.ABORT_STACK);
}

/** The context of a VM. */
export function contextOf(port: Port, vm: number): number {
  if (port.read(MAP.GLOBAL + GLOBAL.CURRENT) === vm) return heldContext(port.board);
  return port.read(vm + VM.SLOT);
}

/** True when a VM runs a task, or was interrupted in one. */
export function inTask(port: Port, vm: number): boolean {
  return !isKernelContext(contextOf(port, vm));
}

/** The unit of the task that a VM runs or was interrupted in, 0 in kernel mode. */
export function runningTask(port: Port, vm: number): number {
  return inTask(port, vm) ? port.read(vm + VM.CUR_UNIT) : 0;
}

/** What is owed to a VM is looked at before it goes on, and before its kernel dispatches a task. */
export function attend(port: Port, vm: number): void {
  port.write(vm + VM.FAST, NONE);
}

/** The context of a VM, for observers. */
export function observedContext(board: Board, vm: number): number {
  if (board.peek(MAP.GLOBAL + GLOBAL.CURRENT, 4) === vm) return heldContext(board);
  return board.peek(vm + VM.SLOT, 4);
}

/** True when a VM runs a task, or was interrupted in one, for observers. */
export function observedInTask(board: Board, vm: number): boolean {
  return !isKernelContext(observedContext(board, vm));
}

/** Number of the current task of a VM, NONE when it has none, for observers. */
export function observedTask(board: Board, vm: number): number {
  return board.peek(board.peek(vm + VM.CUR_UNIT, 4) + UNIT.TASK, 4);
}

/**
 * A number of things that a record counts, for observers.
 *
 * @param most The most there can be: more is damage.
 */
export function observedCount(board: Board, address: number, most: number): number {
  return Math.min(board.peek(address, 4), most);
}

/** NUL-padded text of a record, for observers. */
export function observedText(board: Board, address: number): string {
  let text = "";
  for (let i = 0; i < 16; i++) {
    const c = board.peek(address + i, 1);
    if (c === 0) break;
    text += String.fromCharCode(c);
  }
  return text;
}
