/**
 * One-shot fault injection: what a fault is, how it is written, and how it strikes.
 *
 * @module
 */

import type { Board } from "./board.ts";
import { InputError } from "./errors.ts";
import { CONTEXT, GLOBAL, MAP, MAX_VMS, NONE, PAGE_REC, UNIT, VM, VMODE } from "./layout.ts";
import { parseTime } from "./time.ts";
import type { Vmm } from "./vmm.ts";

/** A single-bit fault. */
export interface Fault {
  /** "reg": a general register; "mem": a word of the guest's memory. */
  target: "reg" | "mem";
  /** Register number 0..15, or guest virtual address. */
  place: number;
  /** Bit, 0..31. */
  bit: number;
  /** Board time, ns. */
  time: number;
  /** As the user wrote it. */
  text: string;
}

const FORM = /^(reg|mem):([a-z0-9]+):(\d+)@t=(.+)$/i;
const NAMES: Readonly<Record<string, number>> = { sp: 13, lr: 14, pc: 15, fp: 11, ip: 12 };

/**
 * Reads a fault: `reg:r4:12@t=150ms` flips bit 12 of r4 at 150 ms of board time,
 * `mem:0x200010:3@t=1s` bit 3 of the word at a guest address.
 *
 * @throws {InputError} With what is allowed.
 */
export function parseFault(text: string): Fault {
  const match = FORM.exec(text.trim());
  if (match === null) {
    throw new InputError(
      `fault "${text}"`,
      "not understood",
      "allowed: reg:REGISTER:BIT@t=TIME or mem:ADDRESS:BIT@t=TIME, such as reg:r4:12@t=150ms",
    );
  }
  const target = match[1].toLowerCase() as "reg" | "mem";
  const place = target === "reg" ? register(match[2], text) : address(match[2], text);
  const bit = Number(match[3]);
  if (bit > 31) throw new InputError(`fault "${text}"`, `bit ${bit}`, "allowed: 0 to 31");
  return { target, place, bit, time: parseTime(match[4], `fault "${text}"`), text };
}

function register(name: string, text: string): number {
  const low = name.toLowerCase();
  const number = NAMES[low] ?? (/^r\d{1,2}$/.test(low) ? Number(low.slice(1)) : 99);
  if (number > 15) {
    throw new InputError(`fault "${text}"`, `register "${name}"`, "allowed: r0 to r15, sp, lr, pc");
  }
  return number;
}

function address(value: string, text: string): number {
  const n = Number(value);
  if (!Number.isInteger(n) || n < 0 || n >= 0x200_0000 || (n & 3) !== 0) {
    throw new InputError(
      `fault "${text}"`,
      `address "${value}"`,
      "allowed: a word address below 0x02000000",
    );
  }
  return n;
}

/**
 * Lets a fault strike now: in the CPU when the guest is running, otherwise in its saved context.
 *
 * @returns Value before and after, or why it did not fire.
 */
export function injectFault(board: Board, vmm: Vmm, vmName: string, fault: Fault): string {
  const vm = findVm(board, vmm, vmName);
  if (vm === 0) return "did not fire: the guest does not exist yet";
  const mask = 1 << fault.bit;
  if (fault.target === "mem") {
    const pa = activeAddress(board, vm, fault.place);
    if (pa < 0) return "did not fire: the guest has no page there";
    const old = board.peek(pa, 4);
    board.poke(pa, (old ^ mask) >>> 0);
    return change(fault.place, old, (old ^ mask) >>> 0);
  }
  const running = board.peek(MAP.GLOBAL + GLOBAL.CURRENT, 4) === vm;
  if (running && (board.cpu.cpsr & 0x1f) === 0x10) {
    if (fault.place === 15) {
      const old = board.cpu.pc;
      board.cpu.pc = (old ^ mask) >>> 0;
      return change(15, old, (old ^ mask) >>> 0);
    }
    const old = board.cpu.userReg(fault.place) >>> 0;
    board.cpu.setUserReg(fault.place, (old ^ mask) >>> 0);
    return change(fault.place, old, (old ^ mask) >>> 0);
  }
  const slot = savedContext(board, vm);
  const at = slot + (fault.place === 15 ? CONTEXT.PC : fault.place * 4);
  const old = board.peek(at, 4);
  board.poke(at, (old ^ mask) >>> 0);
  return `${change(fault.place, old, (old ^ mask) >>> 0)} in the saved context`;
}

function findVm(board: Board, vmm: Vmm, name: string): number {
  for (let id = 0; id < MAX_VMS; id++) {
    const vm = board.peek(MAP.VM_TABLE + id * 4, 4);
    if (vm !== 0 && vmm.recorder.name(id) === name) return vm;
  }
  return 0;
}

/** The context that will be put into the CPU when the VM runs next. */
function savedContext(board: Board, vm: number): number {
  const task = board.peek(vm + VM.CUR_TASK, 4);
  if (board.peek(vm + VM.VMODE, 4) === VMODE.KERNEL || task === NONE) return vm + VM.KERNEL_CONTEXT;
  return board.peek(board.peek(vm + VM.UNITS, 4) + (task + 2) * UNIT.SIZE + UNIT.SLOT, 4);
}

/** Physical address of a guest address in its active frame, -1 where it has no page. */
export function activeAddress(board: Board, vm: number, va: number): number {
  const pages = board.peek(vm + VM.PAGES, 4);
  for (let i = 0; i < board.peek(vm + VM.PAGE_COUNT, 4); i++) {
    const page = pages + i * PAGE_REC.SIZE;
    if (board.peek(page + PAGE_REC.VA, 4) >>> 12 === va >>> 12) {
      return board.peek(page + PAGE_REC.ACTIVE, 4) + (va & 4095);
    }
  }
  return -1;
}

function change(place: number, old: number, now: number): string {
  const where = place < 16 ? `r${place}` : `0x${place.toString(16)}`;
  return `${where} 0x${old.toString(16)} -> 0x${now.toString(16)}`;
}
