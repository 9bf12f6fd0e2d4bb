/**
 * Fault injection: what a fault is, how it is written, and how it strikes a word.
 *
 * @module
 */

import type { Board } from "./board.ts";
import { observedInTask, observedText } from "./contexts.ts";
import {
  type FaultCell,
  findCell,
  findVm,
  isRunning,
  type Machine,
  pageRecord,
  symbolAddress,
} from "./fault_place.ts";
import { applyModel, type Fault, type FaultPlace, isEventPlace } from "./fault_text.ts";
import { PAGE_REC, UNIT, UNIT_KIND, VM } from "./layout.ts";
import type { FaultClass } from "./trace.ts";
import type { Vmm } from "./vmm.ts";

export {
  applyModel,
  type BitModel,
  type CellKind,
  type EventKind,
  type Fault,
  FAULT_FORMS,
  type FaultModel,
  type FaultPlace,
  type FaultTrigger,
  formatFault,
  formatPlace,
  type GuestAddress,
  isEventPlace,
  makeFault,
  parseFault,
  type PlaceKind,
  TRIGGER_FORMS,
  type TriggerEvent,
} from "./fault_text.ts";
export { activeAddress } from "./fault_place.ts";

/** What came of the moment at which a fault was to strike. */
export interface Strike {
  /** It struck. */
  fired: boolean;
  /** It changed something: a bit that is set already can't be set. */
  changed: boolean;
  /** Value before and after, or why it did not strike. */
  detail: string;
  /** Whose state it struck: a task's, a guest kernel's, or the monitor's and the machine's. */
  party: FaultClass;
  /** The task struck, `""` where it is none. */
  task: string;
  /** Physical address of the word struck, -1 when it was not in SDRAM. */
  pa: number;
  /** Board time, cycles. */
  cycle: number;
}

/** A strike that did not come about. */
export function noStrike(machine: Machine, why: string): Strike {
  return {
    fired: false,
    changed: false,
    detail: `did not fire: ${why}`,
    party: "vmm",
    task: "",
    pa: -1,
    cycle: machine.board.clock.now,
  };
}

/**
 * Lets a fault strike the word of its place now. Places where something happens (a fetch, a call, an
 * interrupt) have to be waited for: see `ArmedFault`.
 */
export function strikeCell(machine: Machine, vmName: string, fault: Fault): Strike {
  const vm = findVm(machine, vmName);
  if (vm === 0) return noStrike(machine, "the guest does not exist yet");
  const cell = findCell(machine, vm, fault.place);
  if (typeof cell === "string") return noStrike(machine, cell);
  return { ...change(machine, cell, fault), ...partyOf(machine, vm, fault.place) };
}

function change(machine: Machine, cell: FaultCell, fault: Fault): Strike {
  const before = cell.read();
  cell.write(applyModel(fault.model, before));
  const after = cell.read();
  return {
    fired: true,
    changed: after !== before,
    detail: `${cell.label} ${hex(before)} -> ${hex(after)}`,
    party: "vmm",
    task: "",
    pa: cell.pa,
    cycle: machine.board.clock.now,
  };
}

/**
 * Whose state a place of a guest is at this moment.
 *
 * @param vm Record of the guest.
 */
export function partyOf(
  machine: Machine,
  vm: number,
  place: FaultPlace,
): { party: FaultClass; task: string } {
  const { board } = machine;
  switch (place.kind) {
    case "reg":
    case "fetch":
      if (place.name.includes("_")) return VMM;
      return runningParty(board, vm);
    case "mem": {
      const page = pageRecord(board, vm, symbolAddress(machine, vm, place.name, place.offset));
      if (page === 0) return GUEST;
      const unit = board.peek(vm + VM.UNITS, 4) + board.peek(page + PAGE_REC.UNIT, 4) * UNIT.SIZE;
      return unitParty(board, unit);
    }
    case "context":
      return place.part === "kernel" || place.part === "irq"
        ? GUEST
        : { party: "task", task: place.part };
    case "virq":
    case "hypercall":
      return GUEST;
    case "call":
      return runningParty(board, vm);
    default:
      return VMM;
  }
}

const GUEST = { party: "guest", task: "" } as const;
const VMM = { party: "vmm", task: "" } as const;

/** Who runs in a VM, or ran when it lost the CPU. */
function runningParty(board: Board, vm: number): { party: FaultClass; task: string } {
  if (!observedInTask(board, vm)) return GUEST;
  return unitParty(board, board.peek(vm + VM.CUR_UNIT, 4));
}

function unitParty(board: Board, unit: number): { party: FaultClass; task: string } {
  if (board.peek(unit + UNIT.KIND, 4) !== UNIT_KIND.TASK) return GUEST;
  return { party: "task", task: observedText(board, unit + UNIT.NAME) };
}

/**
 * Lets a fault strike now: in the CPU when the guest is running, otherwise in its saved context.
 *
 * @returns Value before and after, or why it did not fire.
 */
export function injectFault(board: Board, vmm: Vmm, vmName: string, fault: Fault): string {
  const machine = { board, vmm };
  if (isEventPlace(fault.place.kind) || fault.trigger.event !== undefined) {
    return noStrike(machine, "only runFault and campaigns wait for events").detail;
  }
  return strikeCell(machine, vmName, fault).detail;
}

/** True while the guest executes its own code, between two instructions. */
export function executes(machine: Machine, vm: number): boolean {
  return isRunning(machine.board, vm) && (machine.board.cpu.cpsr & 0x1f) === 0x10;
}

function hex(n: number): string {
  return `0x${(n >>> 0).toString(16)}`;
}
