/**
 * The faults that there are: every bit of every word of a target, at every cycle of a window. A
 * target is a kind of state; its words are counted, so that a sample can be weighted back.
 *
 * @module
 */

import { InputError } from "./errors.ts";
import { CP15_REGISTERS, type FaultPlace } from "./fault_text.ts";
import { observedCount, observedText } from "./contexts.ts";
import type { Lab } from "./lab.ts";
import {
  CALL,
  GLOBAL,
  JOURNAL_ENTRIES,
  MOST,
  PAGE_FLAG,
  PAGE_KIND,
  PAGE_REC,
  PIECE_REC,
  UNIT,
  UNIT_KIND,
  VM,
} from "./layout.ts";
import { TLB_ENTRIES } from "./tlb.ts";
import { CONTROL_FIELDS, INFO_FIELDS, PAGE, PIECE, SLOT_MAP } from "./vmi.ts";

/** Whose state a target is. */
export type TargetParty = "task" | "kernel" | "either" | "monitor" | "machine";

/** What there is to know of a target. */
export interface TargetInfo {
  /** What it is. */
  readonly doc: string;
  /** Whose state it is. */
  readonly party: TargetParty;
  /** Its places are events (a fetch, an interrupt, a call), which have models of their own. */
  readonly events?: boolean;
}

/** The targets, by name. */
export const TARGETS: Readonly<Record<string, TargetInfo>> = {
  "registers": { doc: "r0-r14 and pc of the guest, in the CPU or saved", party: "either" },
  "status": { doc: "cpsr of the guest: flags, masks, state and mode", party: "either" },
  "banked": { doc: "banked registers and SPSRs of the exception modes", party: "machine" },
  "cp15": { doc: "control, ttb, dacr, fault registers and pid", party: "machine" },
  "tlb": { doc: "tags, addresses and attributes of both TLBs", party: "machine" },
  "kernel-text": { doc: "instructions and constants of the guest's kernel", party: "kernel" },
  "kernel-data": { doc: "initialised variables of the kernel", party: "kernel" },
  "kernel-bss": { doc: "zeroed variables of the kernel", party: "kernel" },
  "kernel-heap": { doc: "sections of the kernel named heap", party: "kernel" },
  "kernel-stack": { doc: "stack of the kernel", party: "kernel" },
  "common-text": { doc: "text that kernel and tasks share", party: "kernel" },
  "shared": { doc: "message blocks and partitions", party: "kernel" },
  "task-text": { doc: "instructions and constants of tasks", party: "task" },
  "task-data": { doc: "initialised variables of tasks", party: "task" },
  "task-bss": { doc: "zeroed variables of tasks", party: "task" },
  "task-heap": { doc: "sections of tasks named heap", party: "task" },
  "task-stack": { doc: "stacks of tasks", party: "task" },
  "vmi-page": { doc: "words of the VMI control and info pages", party: "kernel" },
  "priority-table": { doc: "ready bits and priorities in the monitor", party: "monitor" },
  "contexts": { doc: "saved contexts of tasks and of the kernel", party: "either" },
  "journals": { doc: "journals of kernel calls", party: "monitor" },
  "active-table": { doc: "second-level tables that are installed", party: "monitor" },
  "standby-table": { doc: "second-level tables of the standby", party: "monitor" },
  "spare-table": {
    doc: "second-level tables that become active at a checkpoint",
    party: "monitor",
  },
  "master-table": { doc: "first-level entries of the guest", party: "monitor" },
  "standby-frames": { doc: "frames that hold a page's older content", party: "monitor" },
  "vm-records": { doc: "everything the monitor knows of the guest", party: "monitor" },
  "global-record": { doc: "the monitor's global record", party: "monitor" },
  "fetch": { doc: "the guest's next instruction", party: "either", events: true },
  "interrupts": { doc: "the board's timer interrupt", party: "machine", events: true },
  "virtual-interrupts": { doc: "the guest's timer interrupt", party: "kernel", events: true },
  "hypercalls": { doc: "arguments and result of hypercalls", party: "kernel", events: true },
  "calls": { doc: "arguments and result of kernel calls", party: "task", events: true },
};

/** Which part of a target is meant. */
export interface TargetChoice {
  /** Name of the target. */
  readonly target: string;
  /** Guests; all but VM0 unless given. */
  readonly vms?: readonly string[];
  /** Tasks; all unless given. */
  readonly tasks?: readonly string[];
}

/** A run of words of which each is a place. */
interface Run {
  readonly vm: string;
  readonly words: number;
  /** Bits of each word that exist. */
  readonly bits: readonly number[];
  place(index: number): FaultPlace;
}

/** A stratum of the fault space. */
export class FaultStratum {
  /** Name of its target. */
  readonly target: string;
  /** Places. */
  readonly words: number;
  /** Bits of all places. */
  readonly bits: number;
  readonly #runs: readonly Run[];

  /**
   * The places of a target.
   *
   * @param lab A laboratory in which all guests have been created.
   * @param choice Which.
   * @throws {InputError} When there is no such target, guest or task, or it is empty.
   */
  constructor(lab: Lab, choice: TargetChoice) {
    this.target = choice.target;
    this.#runs = runsOf(lab, choice);
    this.words = this.#runs.reduce((sum, run) => sum + run.words, 0);
    this.bits = this.#runs.reduce((sum, run) => sum + run.words * run.bits.length, 0);
    if (this.words === 0) {
      throw new InputError(
        `target "${choice.target}"`,
        "is empty: the guests have nothing of the kind",
        "leave it out, or choose other guests",
      );
    }
  }

  /**
   * A place by its number.
   *
   * @param bit Number of its bit in the stratum, 0 to {@linkcode bits} - 1: so words with more bits
   * are found more often.
   */
  place(bit: number): { vm: string; place: FaultPlace; bit: number; bits: readonly number[] } {
    let left = bit;
    for (const run of this.#runs) {
      const size = run.words * run.bits.length;
      if (left < size) {
        const word = Math.floor(left / run.bits.length);
        const place = run.place(word);
        return { vm: run.vm, place, bit: run.bits[left % run.bits.length], bits: run.bits };
      }
      left -= size;
    }
    throw new RangeError(`bit ${bit} of ${this.bits}`);
  }
}

const ALL_BITS: readonly number[] = Array.from({ length: 32 }, (_, i) => i);
/** Flags, masks, T and mode. */
const PSR_BITS: readonly number[] = ALL_BITS.filter((bit) => bit < 8 || bit >= 28);
const CP15_BITS: Readonly<Record<string, readonly number[]>> = {
  control: [0, 1, 2, 7, 8, 9, 12, 13, 14, 30, 31],
  ttb: ALL_BITS.slice(14),
  dfsr: ALL_BITS.slice(0, 8),
  ifsr: ALL_BITS.slice(0, 8),
  pid: ALL_BITS.slice(25),
};
const TLB_BITS: Readonly<Record<string, readonly number[]>> = {
  tag: ALL_BITS.slice(12),
  pa: ALL_BITS.slice(12),
  info: ALL_BITS.slice(0, 10),
};

function place(
  kind: FaultPlace["kind"],
  over: Partial<FaultPlace> = {},
): FaultPlace {
  return { kind, part: "", name: "", offset: 0, ...over };
}

function fixed(vm: string, places: readonly FaultPlace[], bits = ALL_BITS): Run {
  return { vm, words: places.length, bits, place: (index) => places[index] };
}

function words(
  vm: string,
  count: number,
  at: (index: number) => FaultPlace,
  bits = ALL_BITS,
): Run {
  return { vm, words: count, bits, place: at };
}

/** A guest as its records say. */
interface Guest {
  readonly lab: Lab;
  readonly name: string;
  readonly vm: number;
  readonly tasks: readonly string[];
}

type Finder = (guest: Guest) => Run[];

function peek({ lab }: Guest, address: number): number {
  return lab.board.peek(address, 4);
}

/** Names of the task areas of a guest. */
function taskNames(lab: Lab, vm: number): string[] {
  const { board } = lab;
  const names: string[] = [];
  const count = observedCount(board, vm + VM.TASK_COUNT, MOST.TASKS);
  for (let i = 2; i < count + 2; i++) {
    names.push(observedText(board, board.peek(vm + VM.UNITS, 4) + i * UNIT.SIZE + UNIT.NAME));
  }
  return names;
}

interface PageInfo {
  readonly va: number;
  readonly kind: number;
  readonly writable: boolean;
  readonly unitKind: number;
  readonly task: string;
}

function pagesOf(guest: Guest): PageInfo[] {
  const { lab, vm } = guest;
  const pages: PageInfo[] = [];
  const count = observedCount(lab.board, vm + VM.PAGE_COUNT, MOST.PAGES);
  for (let i = 0; i < count; i++) {
    const record = peek(guest, vm + VM.PAGES) + i * PAGE_REC.SIZE;
    const word = peek(guest, record + PAGE_REC.VA);
    const unit = peek(guest, vm + VM.UNITS) + peek(guest, record + PAGE_REC.UNIT) * UNIT.SIZE;
    pages.push({
      va: (word & ~(PAGE - 1)) >>> 0,
      kind: word >>> 4 & 7,
      writable: (word & PAGE_FLAG.WRITABLE) !== 0,
      unitKind: peek(guest, unit + UNIT.KIND),
      task: observedText(lab.board, unit + UNIT.NAME),
    });
  }
  return pages;
}

const SHT_NOBITS = 8;

/** Memory of a guest by the sections of its image. */
function memory(
  owner: number,
  pageKind: number,
  section?: "data" | "bss" | "heap",
): Finder {
  return (guest) => {
    const { lab, name, tasks, vm } = guest;
    const elf = lab.recorder.symbols(peek(guest, vm + VM.ID));
    const runs: Run[] = [];
    for (const page of pagesOf(guest)) {
      if (page.unitKind !== owner || page.kind !== pageKind) continue;
      if (owner === UNIT_KIND.TASK && !tasks.includes(page.task)) continue;
      const parts: [number, number][] = [];
      if (pageKind !== PAGE_KIND.DATA) parts.push([page.va, page.va + PAGE]);
      else {
        for (const s of elf?.sections ?? []) {
          const kind = /heap/.test(s.name) ? "heap" : s.type === SHT_NOBITS ? "bss" : "data";
          if (s.address === 0 && s.size === 0 || (s.flags & 2) === 0 || kind !== section) continue;
          const from = Math.max(page.va, s.address);
          const to = Math.min(page.va + PAGE, s.address + s.size);
          if (from < to) parts.push([from, to]);
        }
      }
      for (const [from, to] of parts) {
        const first = from & ~3;
        const count = Math.ceil((to - first) / 4);
        runs.push(words(name, count, (i) => place("mem", { offset: first + i * 4 })));
      }
    }
    return runs;
  };
}

/** Text by the sections that lie there, not to the end of the last page. */
function text(owner: number): Finder {
  return (guest) => {
    const { lab, name, tasks, vm } = guest;
    const elf = lab.recorder.symbols(peek(guest, vm + VM.ID));
    const runs: Run[] = [];
    for (const page of pagesOf(guest)) {
      if (page.unitKind !== owner || page.kind !== PAGE_KIND.TEXT) continue;
      if (owner === UNIT_KIND.TASK && !tasks.includes(page.task)) continue;
      for (const segment of elf?.segments ?? []) {
        const from = Math.max(page.va, segment.vaddr);
        const to = Math.min(page.va + PAGE, segment.vaddr + segment.filesz);
        const first = from & ~3;
        if (from >= to) continue;
        const count = Math.ceil((to - first) / 4);
        runs.push(words(name, count, (i) => place("mem", { offset: first + i * 4 })));
      }
    }
    return runs;
  };
}

function shared(guest: Guest): Run[] {
  return pagesOf(guest).filter(({ unitKind }) => unitKind === UNIT_KIND.SHARED)
    .map(({ va }) => words(guest.name, PAGE / 4, (i) => place("mem", { offset: va + i * 4 })));
}

function vmiPages({ name }: Guest): Run[] {
  const places = [
    ...CONTROL_FIELDS.map(({ offset }) => SLOT_MAP.VMI_CONTROL + offset),
    ...INFO_FIELDS.flatMap(({ offset, size = 4 }) =>
      Array.from({ length: size / 4 }, (_, i) => SLOT_MAP.VMI_INFO + offset + i * 4)
    ),
  ];
  return [fixed(name, places.map((offset) => place("mem", { offset })))];
}

/** Tables of a guest, all entries of each, mapped or not. */
function tables(part: string): Finder {
  return (guest) => {
    const { vm, name } = guest;
    const pieces = observedCount(guest.lab.board, vm + VM.PIECE_COUNT, MOST.PIECES);
    const runs: Run[] = [];
    for (let i = 0; i < pieces; i++) {
      const record = peek(guest, vm + VM.PIECES) + i * PIECE_REC.SIZE;
      const va = peek(guest, record + PIECE_REC.VA);
      const count = part === "master" ? 1 : PIECE / PAGE;
      runs.push(words(name, count, (n) => place("pt", { part, offset: va + n * PAGE })));
    }
    return runs;
  };
}

const CONTEXT_REGISTERS = [...Array.from({ length: 16 }, (_, n) => `r${n}`)];

function contexts({ name, tasks }: Guest): Run[] {
  const owners = ["kernel", ...tasks];
  return [
    fixed(
      name,
      owners.flatMap((part) =>
        CONTEXT_REGISTERS.map((register) => place("context", { part, name: register }))
      ),
    ),
    fixed(name, owners.map((part) => place("context", { part, name: "cpsr" })), PSR_BITS),
  ];
}

function priorityTable({ name }: Guest): Run[] {
  const rows = [["RDY_GRP", 0], ["RDY_TBL", 0], ["RDY_TBL", 4]] as const;
  const bytes = Array.from({ length: 16 }, (_, i) => ["PRIORITY_TASK", i * 4] as const);
  return [
    fixed(name, [...rows, ...bytes].map(([field, offset]) => place("vm", { name: field, offset }))),
  ];
}

function banked({ name }: Guest): Run[] {
  const modes = ["fiq", "irq", "svc", "abt", "und"];
  const registers = [
    ...modes.flatMap((mode) => [`r13_${mode}`, `r14_${mode}`]),
    ...[8, 9, 10, 11, 12].map((n) => `r${n}_fiq`),
  ];
  return [
    fixed(name, registers.map((register) => place("reg", { name: register }))),
    fixed(name, modes.map((mode) => place("reg", { name: `spsr_${mode}` })), PSR_BITS),
  ];
}

function tlb({ name }: Guest): Run[] {
  return ["i", "d"].flatMap((side) =>
    Object.entries(TLB_BITS).map(([field, bits]) =>
      words(
        name,
        TLB_ENTRIES,
        (entry) => place("tlb", { part: side + entry, name: field }),
        bits,
      )
    )
  );
}

const REGISTERS = Array.from({ length: 16 }, (_, n) => place("reg", { name: `r${n}` }));

function callParts(kind: "hypercall" | "call"): Finder {
  const parts = ["r0", "r1", "r2", "r3", "number", "result"];
  return ({ name }) => [fixed(name, parts.map((part) => place(kind, { name: part })))];
}

const FINDERS: Readonly<Record<string, Finder>> = {
  "registers": ({ name }) => [fixed(name, REGISTERS)],
  "status": ({ name }) => [fixed(name, [place("reg", { name: "cpsr" })], PSR_BITS)],
  "banked": banked,
  "cp15": ({ name }) =>
    CP15_REGISTERS.map((register) =>
      fixed(name, [place("cp15", { name: register })], CP15_BITS[register] ?? ALL_BITS)
    ),
  "tlb": tlb,
  "kernel-text": text(UNIT_KIND.KERNEL),
  "kernel-data": memory(UNIT_KIND.KERNEL, PAGE_KIND.DATA, "data"),
  "kernel-bss": memory(UNIT_KIND.KERNEL, PAGE_KIND.DATA, "bss"),
  "kernel-heap": memory(UNIT_KIND.KERNEL, PAGE_KIND.DATA, "heap"),
  "kernel-stack": memory(UNIT_KIND.KERNEL, PAGE_KIND.STACK),
  "common-text": text(UNIT_KIND.COMMON),
  "shared": shared,
  "task-text": text(UNIT_KIND.TASK),
  "task-data": memory(UNIT_KIND.TASK, PAGE_KIND.DATA, "data"),
  "task-bss": memory(UNIT_KIND.TASK, PAGE_KIND.DATA, "bss"),
  "task-heap": memory(UNIT_KIND.TASK, PAGE_KIND.DATA, "heap"),
  "task-stack": memory(UNIT_KIND.TASK, PAGE_KIND.STACK),
  "vmi-page": vmiPages,
  "priority-table": priorityTable,
  "contexts": contexts,
  "journals": ({ name, tasks }) =>
    tasks.map((part) =>
      words(
        name,
        JOURNAL_ENTRIES * CALL.SIZE / 4,
        (i) => place("journal", { part, offset: i * 4 }),
      )
    ),
  "active-table": tables("active"),
  "standby-table": tables("standby"),
  "spare-table": tables("spare"),
  "master-table": tables("master"),
  "standby-frames": (guest) =>
    pagesOf(guest).filter(({ writable }) => writable).map(({ va }) =>
      words(guest.name, PAGE / 4, (i) => place("standby", { offset: va + i * 4 }))
    ),
  "vm-records": (guest) => [
    words(
      guest.name,
      peek(guest, guest.vm + VM.BLOCK_PAGES) * PAGE / 4,
      (i) => place("vm", { offset: i * 4 }),
    ),
  ],
  "global-record": ({ name }) => [
    words(name, GLOBAL.SIZE / 4, (i) => place("global", { offset: i * 4 })),
  ],
  "fetch": ({ name }) => [fixed(name, [place("fetch")])],
  "interrupts": ({ name }) => [fixed(name, [place("irq", { name: "timer4" })], [0])],
  "virtual-interrupts": ({ name }) => [fixed(name, [place("virq", { name: "timer" })], [0])],
  "hypercalls": callParts("hypercall"),
  "calls": callParts("call"),
};

function runsOf(lab: Lab, { target, vms, tasks }: TargetChoice): Run[] {
  const find = Object.hasOwn(FINDERS, target) ? FINDERS[target] : undefined;
  if (find === undefined) {
    throw new InputError(
      `target "${target}"`,
      "is unknown",
      `allowed: ${Object.keys(TARGETS).join(", ")}`,
    );
  }
  const guests = lab.guestNames.filter((name) => name !== "vm0");
  // What is not a guest's own is there once, and struck with the first guest as the one watched.
  const machineWide = TARGETS[target].party === "machine" || target === "global-record";
  const wanted = machineWide ? (vms ?? guests).slice(0, 1) : vms ?? guests;
  const found: Run[] = [];
  const known = new Set<string>();
  for (const name of wanted) {
    if (!guests.includes(name)) {
      throw new InputError(`guest "${name}"`, "is unknown", `allowed: ${guests.join(", ")}`);
    }
    const vm = lab.vmRecord(name);
    const all = taskNames(lab, vm);
    for (const task of all) known.add(task);
    const chosen = tasks === undefined ? all : all.filter((task) => tasks.includes(task));
    found.push(...find({ lab, name, vm, tasks: chosen }));
  }
  for (const task of tasks ?? []) {
    if (!known.has(task)) {
      throw new InputError(`task "${task}"`, "is unknown", `allowed: ${[...known].join(", ")}`);
    }
  }
  return found;
}
