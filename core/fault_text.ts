/**
 * Faults as values and as text: where one strikes, what it does there, and when.
 *
 * The form is `KIND:WHERE:MODEL@TRIGGER`, as in `reg:r4:12@t=150ms`; {@linkcode FAULT_FORMS} lists the
 * kinds. Text and value say the same, so that a list of faults can be kept as text.
 *
 * @module
 */

import { InputError } from "./errors.ts";
import { parseTime } from "./time.ts";

/** Kinds of places that hold a word. */
export type CellKind =
  | "reg"
  | "cp15"
  | "tlb"
  | "mem"
  | "standby"
  | "pt"
  | "context"
  | "global"
  | "vm"
  | "unit"
  | "journal"
  | "ram";

/** Kinds of places where something happens: a fetch, an interrupt, a call. */
export type EventKind = "fetch" | "irq" | "virq" | "hypercall" | "call";

/** Kinds of places. */
export type PlaceKind = CellKind | EventKind;

/** Where a fault strikes. */
export interface FaultPlace {
  /** Kind; it gives the other members their meaning, see {@linkcode FAULT_FORMS}. */
  readonly kind: PlaceKind;
  /** Part before the dot: a task, a table, a TLB entry. `""` where there is none. */
  readonly part: string;
  /** Register, field, symbol, or `""` for a plain number. */
  readonly name: string;
  /** Address, or bytes from the start of what is named. */
  readonly offset: number;
}

/** What a fault does to a word: these bits, in rising order. */
export interface BitModel {
  /** "flip", "set" or "clear". */
  readonly kind: "flip" | "set" | "clear";
  /** Bits 0 to 31, in rising order, each once. */
  readonly bits: readonly number[];
}

/** What a fault does. */
export type FaultModel =
  | BitModel
  /** Overwrites the word; with `fetch`, executes this instruction instead. */
  | { readonly kind: "write"; readonly value: number }
  /** The instruction is not executed. */
  | { readonly kind: "skip" }
  /** The next interrupt of the source does not come. */
  | { readonly kind: "lost" }
  /** An interrupt that nobody asked for. */
  | { readonly kind: "spurious" }
  /** The next interrupt of the source comes `delay` nanoseconds later. */
  | { readonly kind: "late"; readonly delay: number };

/** An address in a guest, as a number or by a symbol. */
export interface GuestAddress {
  /** Symbol, `""` for a plain address. */
  readonly symbol: string;
  /** Address, or bytes from the symbol. */
  readonly offset: number;
}

/** What is waited for once board time has come. */
export type TriggerEvent =
  /** The guest has executed `count` instructions, in its kernel and its tasks. */
  | { readonly kind: "instructions"; readonly count: number }
  /** The guest is about to execute the instruction there, for the `count`th time. */
  | { readonly kind: "pc"; readonly at: GuestAddress; readonly count: number }
  /** The guest accessed the word there for the `count`th time. */
  | {
    readonly kind: "read" | "write" | "access";
    readonly at: GuestAddress;
    readonly count: number;
  }
  /** In the `count`th checkpoint (or swap) of the guest, after the monitor's `steps`th step in it. */
  | { readonly kind: "checkpoint" | "swap"; readonly count: number; readonly steps: number };

/** When a fault strikes: at a time, or at an event after it. */
export interface FaultTrigger {
  /** Board time, ns. */
  readonly time: number;
  /** What is waited for from then on; without it the fault strikes at that time. */
  readonly event?: TriggerEvent;
}

/** A fault. */
export interface Fault {
  /** Where. */
  readonly place: FaultPlace;
  /** What. */
  readonly model: FaultModel;
  /** When. */
  readonly trigger: FaultTrigger;
  /** Board time, ns, from which it can strike: {@linkcode FaultTrigger.time}. */
  readonly time: number;
  /** The same as text. */
  readonly text: string;
}

/** The forms of a fault, for help texts: what is written before the `@`, and what it strikes. */
export const FAULT_FORMS: readonly (readonly [form: string, what: string])[] = [
  ["reg:r4:12", "register of the guest: r0-r15, sp, lr, pc, cpsr; in the CPU or saved"],
  ["reg:r13_svc:3", "banked register of the CPU: r8_fiq-r12_fiq, r13, r14 and spsr of a mode"],
  ["cp15:dacr:0", "control, ttb, dacr, dfsr, ifsr, far or pid of CP15"],
  ["tlb:d7.pa:12", "TLB entry: i or d, number; tag, pa or info"],
  ["mem:0x200010:3", "word of the guest's memory: an address or a symbol, OSTime+4"],
  ["standby:0x200010:3", "the same word in the page's newest standby frame"],
  [
    "pt:active.0x200000:1",
    "descriptor of an address: in the active, standby, spare or master table",
  ],
  ["context:worker.pc:2", "saved context of a task, of the kernel or of irq"],
  ["global:FREE_HEAD:0", "word of the monitor's global record: a field, or +0x44"],
  ["vm:RDY_TBL+4:0", "word of the guest's VM record and of all that hangs from it"],
  ["unit:worker.PRIORITY:0", "word of a task's, the kernel's or the common unit's record"],
  ["journal:worker+8:0", "word of a task's journal of kernel calls"],
  ["ram:0x30010000:0", "word of SDRAM by its physical address"],
  ["fetch:skip", "the guest's next instruction: skip, a bit, write=0xe1a00000"],
  ["irq:timer4:lost", "interrupt of the board: lost, spurious, late=1ms"],
  ["virq:timer:lost", "virtual interrupt of the guest: timer, console, message, vm_event"],
  ["hypercall:r0:3", "the guest's next hypercall: r0-r3 or number before it, result after it"],
  ["call:r0:3", "the same for the next kernel call of a task"],
];

/** The forms of a trigger, for help texts. */
export const TRIGGER_FORMS: readonly (readonly [form: string, what: string])[] = [
  ["t=150ms", "at a board time; before any of the others: not before it"],
  ["n=1000", "after so many instructions of the guest"],
  ["pc=worker+8#3", "before the instruction there is executed for the third time"],
  ["read=OSTime#2", "after the second read of the word; also write= and access="],
  ["checkpoint#2+100", "in the second checkpoint of the guest, after 100 steps of the monitor"],
  ["swap", "in a swap, likewise"],
];

const REGISTER_ALIASES: Readonly<Record<string, string>> = {
  sp: "r13",
  lr: "r14",
  pc: "r15",
  fp: "r11",
  ip: "r12",
};
const USER_REGISTER = /^(r([0-9]|1[0-5])|cpsr)$/;
const BANKED_REGISTER = /^((r13|r14|spsr)_(fiq|irq|svc|abt|und)|r([89]|1[0-2])_fiq)$/;
/** Registers of CP15 that a fault can strike. */
export const CP15_REGISTERS: readonly string[] = [
  "control",
  "ttb",
  "dacr",
  "dfsr",
  "ifsr",
  "far",
  "pid",
];
const TABLES: readonly string[] = ["active", "standby", "spare", "master"];
const TLB_FIELDS: readonly string[] = ["tag", "pa", "info"];
const VIRQS: readonly string[] = ["timer", "console", "message", "vm_event"];
const CALL_PARTS: readonly string[] = ["r0", "r1", "r2", "r3", "number", "result"];
const SYMBOL = /^[A-Za-z_.$][A-Za-z0-9_.$]*$/;
const NUMBER = /^(0x[0-9a-f]+|\d+)$/i;
const EVENT_KINDS: ReadonlySet<string> = new Set(["fetch", "irq", "virq", "hypercall", "call"]);

/** True for a place where something happens, false for one that holds a word. */
export function isEventPlace(kind: PlaceKind): kind is EventKind {
  return EVENT_KINDS.has(kind);
}

/** Complains about one fault. */
class Complaint {
  constructor(readonly text: string) {}

  error(what: string, allowed: string): InputError {
    return new InputError(`fault "${this.text}"`, what, `allowed: ${allowed}`);
  }
}

/**
 * Reads a fault: `reg:r4:12@t=150ms` flips bit 12 of r4 at 150 ms of board time.
 *
 * @param text `KIND:WHERE:MODEL@TRIGGER`, see {@linkcode FAULT_FORMS} and {@linkcode TRIGGER_FORMS}.
 * @throws {InputError} With what is allowed.
 *
 * @example
 * ```ts
 * import { parseFault } from "@understudy/vmm";
 *
 * const { place, model, time } = parseFault("mem:OSTime:3,4@t=1s");
 * console.log(place.name, model, time); // OSTime { kind: "flip", bits: [ 3, 4 ] } 1000000000
 * ```
 */
export function parseFault(text: string): Fault {
  const complaint = new Complaint(text);
  const trimmed = text.trim();
  const at = trimmed.lastIndexOf("@");
  const parts = trimmed.slice(0, at).split(":");
  const kind = parts[0].toLowerCase() as PlaceKind;
  const whole = parts.length === (kind === "fetch" ? 2 : 3);
  if (at < 0 || !whole || parts.some((part) => part === "")) {
    throw complaint.error("not understood", "KIND:WHERE:MODEL@TRIGGER, such as reg:r4:12@t=150ms");
  }
  const place = parsePlace(kind, parts.length === 3 ? parts[1] : "", complaint);
  const model = parseModel(parts[parts.length - 1], place.kind, complaint);
  const trigger = parseTrigger(trimmed.slice(at + 1), complaint);
  return { place, model, trigger, time: trigger.time, text };
}

/** Makes a fault of its parts; its text is {@linkcode formatFault}'s. */
export function makeFault(place: FaultPlace, model: FaultModel, trigger: FaultTrigger): Fault {
  const text = `${formatPlace(place)}:${formatModel(model)}@${formatTrigger(trigger)}`;
  return { place, model, trigger, time: trigger.time, text };
}

/** Writes a fault in its shortest form; {@linkcode parseFault} reads the same value from it. */
export function formatFault(fault: Fault): string {
  return makeFault(fault.place, fault.model, fault.trigger).text;
}

// --- places --------------------------------------------------------------------------------------

function parsePlace(kind: PlaceKind, where: string, complaint: Complaint): FaultPlace {
  const low = where.toLowerCase();
  const plain = (name: string): FaultPlace => ({ kind, part: "", name, offset: 0 });
  switch (kind) {
    case "reg": {
      const name = REGISTER_ALIASES[low] ?? low;
      if (!USER_REGISTER.test(name) && !BANKED_REGISTER.test(name)) {
        throw complaint.error(
          `register "${where}"`,
          "r0 to r15, sp, lr, pc, cpsr, or a banked one such as r13_svc or spsr_irq",
        );
      }
      return plain(name);
    }
    case "cp15":
      return plain(oneOf(low, CP15_REGISTERS, "register", complaint));
    case "tlb":
      return parseTlb(low, complaint);
    case "mem":
    case "standby": {
      const { symbol, offset } = parseAddress(where, complaint);
      return { kind, part: "", name: symbol, offset };
    }
    case "pt": {
      const [table, rest] = divide(where, complaint, "TABLE.ADDRESS");
      const offset = slotAddress(rest, complaint);
      return { kind, part: oneOf(table, TABLES, "table", complaint), name: "", offset };
    }
    case "context": {
      const [part, register] = divide(where, complaint, "TASK.REGISTER");
      const name = REGISTER_ALIASES[register.toLowerCase()] ?? register.toLowerCase();
      if (!USER_REGISTER.test(name)) {
        throw complaint.error(`register "${register}"`, "r0 to r15, sp, lr, pc, cpsr");
      }
      return { kind, part, name, offset: 0 };
    }
    case "unit": {
      const [part, rest] = divide(where, complaint, "TASK.FIELD");
      return { kind, part, ...parseField(rest, complaint) };
    }
    case "journal": {
      const [part, rest] = where.split("+");
      return { kind, part, name: "", offset: wordOffset(rest ?? "0", complaint) };
    }
    case "global":
    case "vm":
      return { kind, part: "", ...parseField(where, complaint) };
    case "ram": {
      const n = Number(where);
      if (!NUMBER.test(where) || n < 0x3000_0000 || n >= 0x3800_0000 || (n & 3) !== 0) {
        throw complaint.error(`address "${where}"`, "a word address from 0x30000000 on");
      }
      return { kind, part: "", name: "", offset: n };
    }
    case "fetch":
      return plain("");
    case "irq":
      if (!SYMBOL.test(where)) throw complaint.error(`source "${where}"`, "such as timer4");
      return plain(low);
    case "virq":
      return plain(oneOf(low, VIRQS, "source", complaint));
    case "hypercall":
    case "call":
      return plain(oneOf(low, CALL_PARTS, "part of a call", complaint));
    default: {
      const kinds = [...new Set(FAULT_FORMS.map(([form]) => form.split(":")[0]))];
      throw complaint.error(`kind "${kind}"`, kinds.join(", "));
    }
  }
}

function parseTlb(where: string, complaint: Complaint): FaultPlace {
  const match = /^([id])(\d{1,2})\.([a-z]+)$/.exec(where);
  if (match === null || Number(match[2]) > 63 || !TLB_FIELDS.includes(match[3])) {
    throw complaint.error(
      `TLB entry "${where}"`,
      "i0 to i63 or d0 to d63, then .tag, .pa or .info",
    );
  }
  return { kind: "tlb", part: match[1] + Number(match[2]), name: match[3], offset: 0 };
}

function divide(where: string, complaint: Complaint, form: string): [string, string] {
  const dot = where.indexOf(".");
  if (dot <= 0 || dot === where.length - 1) throw complaint.error(`"${where}"`, form);
  return [where.slice(0, dot), where.slice(dot + 1)];
}

function parseField(text: string, complaint: Complaint): { name: string; offset: number } {
  const [name, rest] = text.split("+");
  if (name !== "" && !SYMBOL.test(name)) {
    throw complaint.error(`field "${text}"`, "FIELD, FIELD+4 or +0x44");
  }
  return { name: name.toUpperCase(), offset: rest === undefined ? 0 : wordOffset(rest, complaint) };
}

function wordOffset(text: string, complaint: Complaint): number {
  const n = Number(text);
  if (!NUMBER.test(text) || n > 0x100_0000 || (n & 3) !== 0) {
    throw complaint.error(`offset "${text}"`, "a multiple of 4");
  }
  return n;
}

function slotAddress(text: string, complaint: Complaint): number {
  const n = Number(text);
  if (!NUMBER.test(text) || n >= 0x200_0000 || (n & 3) !== 0) {
    throw complaint.error(`address "${text}"`, "a word address below 0x02000000");
  }
  return n;
}

function parseAddress(text: string, complaint: Complaint): GuestAddress {
  if (NUMBER.test(text)) return { symbol: "", offset: slotAddress(text, complaint) };
  const [symbol, rest] = text.split("+");
  if (!SYMBOL.test(symbol)) {
    throw complaint.error(`address "${text}"`, "a word address below 0x02000000 or a symbol");
  }
  return { symbol, offset: rest === undefined ? 0 : wordOffset(rest, complaint) };
}

function oneOf(
  name: string,
  names: readonly string[],
  what: string,
  complaint: Complaint,
): string {
  if (!names.includes(name)) throw complaint.error(`${what} "${name}"`, names.join(", "));
  return name;
}

function hex(n: number): string {
  return `0x${n.toString(16)}`;
}

function plus(offset: number): string {
  return offset === 0 ? "" : `+${hex(offset)}`;
}

/** Writes a place. */
export function formatPlace({ kind, part, name, offset }: FaultPlace): string {
  switch (kind) {
    case "fetch":
      return "fetch";
    case "tlb":
    case "context":
      return `${kind}:${part}.${name}`;
    case "mem":
    case "standby":
      return `${kind}:${name === "" ? hex(offset) : name + plus(offset)}`;
    case "pt":
      return `pt:${part}.${hex(offset)}`;
    case "unit":
      return `unit:${part}.${name}${name === "" ? `+${hex(offset)}` : plus(offset)}`;
    case "journal":
      return `journal:${part}${plus(offset)}`;
    case "global":
    case "vm":
      return `${kind}:${name}${name === "" ? `+${hex(offset)}` : plus(offset)}`;
    case "ram":
      return `ram:${hex(offset)}`;
    default:
      return `${kind}:${name}`;
  }
}

// --- models --------------------------------------------------------------------------------------

function parseModel(text: string, kind: PlaceKind, complaint: Complaint): FaultModel {
  const low = text.toLowerCase();
  const [word, value] = low.split("=");
  if (kind === "irq" || kind === "virq") {
    if (low === "lost" || low === "spurious") return { kind: low };
    if (word === "late" && value !== undefined) {
      const delay = parseTime(value, `fault "${complaint.text}"`);
      if (delay > 0) return { kind: "late", delay };
    }
    throw complaint.error(`"${text}"`, "lost, spurious, late=TIME");
  }
  if (kind === "fetch" && low === "skip") return { kind: "skip" };
  if (word === "write") {
    const n = Number(value);
    if (!NUMBER.test(value ?? "") || n > 0xffff_ffff) {
      throw complaint.error(`"${text}"`, "write= and a number of 32 bits");
    }
    return { kind: "write", value: n };
  }
  if (value === undefined) return { kind: "flip", bits: parseBits(low, complaint) };
  if (word === "flip" || word === "set" || word === "clear") {
    return { kind: word, bits: parseBits(value, complaint) };
  }
  throw complaint.error(
    `model "${text}"`,
    "bits such as 12 or 3,4; flip=, set= or clear= and bits; write= and a number" +
      (kind === "fetch" ? "; skip" : ""),
  );
}

function parseBits(text: string, complaint: Complaint): number[] {
  const bits = new Set<number>();
  for (const part of text.split(",")) {
    if (!/^\d{1,3}$/.test(part)) throw complaint.error(`bits "${text}"`, "0 to 31, as 12 or 3,4");
    const bit = Number(part);
    if (bit > 31) throw complaint.error(`bit ${bit}`, "0 to 31");
    bits.add(bit);
  }
  return [...bits].sort((a, b) => a - b);
}

/** Writes a model. */
export function formatModel(model: FaultModel): string {
  switch (model.kind) {
    case "flip":
      return model.bits.join(",");
    case "set":
    case "clear":
      return `${model.kind}=${model.bits.join(",")}`;
    case "write":
      return `write=${hex(model.value)}`;
    case "late":
      return `late=${model.delay}ns`;
    default:
      return model.kind;
  }
}

/** What a model makes of a word; the actions of events leave it. */
export function applyModel(model: FaultModel, word: number): number {
  switch (model.kind) {
    case "flip":
      return (word ^ bitMask(model.bits)) >>> 0;
    case "set":
      return (word | bitMask(model.bits)) >>> 0;
    case "clear":
      return (word & ~bitMask(model.bits)) >>> 0;
    case "write":
      return model.value >>> 0;
    default:
      return word;
  }
}

function bitMask(bits: readonly number[]): number {
  return bits.reduce((mask, bit) => mask | 1 << bit, 0);
}

// --- triggers ------------------------------------------------------------------------------------

function parseTrigger(text: string, complaint: Complaint): FaultTrigger {
  // A time may stand before an event: t=100ms,pc=worker.
  const match = /^t=([^,]*)(?:,(.*))?$/.exec(text.trim());
  const time = match === null ? 0 : parseTime(match[1], `fault "${complaint.text}"`);
  const rest = match === null ? text.trim() : match[2];
  return rest === undefined ? { time } : { time, event: parseEvent(rest, complaint) };
}

function parseEvent(text: string, complaint: Complaint): TriggerEvent {
  const work = /^(checkpoint|swap)(?:#(\d+))?(?:\+(\d+))?$/.exec(text);
  if (work !== null) {
    return {
      kind: work[1] as "checkpoint" | "swap",
      count: counted(work[2] ?? "1", complaint),
      steps: Number(work[3] ?? "0"),
    };
  }
  const match = /^(n|pc|read|write|access)=([^#]+)(?:#(\d+))?$/.exec(text);
  if (match === null) {
    throw complaint.error(`trigger "${text}"`, TRIGGER_FORMS.map(([form]) => form).join(", "));
  }
  if (match[1] === "n") {
    return { kind: "instructions", count: counted(match[2], complaint) };
  }
  return {
    kind: match[1] as "pc" | "read" | "write" | "access",
    at: parseAddress(match[2], complaint),
    count: counted(match[3] ?? "1", complaint),
  };
}

function counted(text: string, complaint: Complaint): number {
  const n = /^\d{1,15}$/.test(text) ? Number(text) : 0;
  if (n < 1) throw complaint.error(`count "${text}"`, "a whole number from 1 on");
  return n;
}

/** Writes a trigger. */
export function formatTrigger({ time, event }: FaultTrigger): string {
  if (event === undefined) return `t=${time}ns`;
  const before = time === 0 ? "" : `t=${time}ns,`;
  const nth = event.kind !== "instructions" && event.count !== 1 ? `#${event.count}` : "";
  switch (event.kind) {
    case "instructions":
      return `${before}n=${event.count}`;
    case "checkpoint":
    case "swap":
      return `${before}${event.kind}${nth}${event.steps === 0 ? "" : `+${event.steps}`}`;
    default: {
      const { symbol, offset } = event.at;
      const where = symbol === "" ? hex(offset) : symbol + plus(offset);
      return `${before}${event.kind}=${where}${nth}`;
    }
  }
}
