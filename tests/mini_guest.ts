/**
 * Guests made inside a test: ARM code through small encoders, and the ELF32 file around it.
 *
 * A plain guest is code at address 0. A guest with tasks has the mini kernel of this file, which
 * knows nothing but the calls of {@linkcode CALL}; what a test wants to see is in its tasks, or in
 * code that a task makes its kernel jump to (kernel mode may run the current task's text).
 *
 * @module
 */

import {
  DISPATCH,
  HC,
  INFO_FIELDS,
  MANIFEST_MAGIC,
  MANIFEST_RECORD,
  MANIFEST_SECTION,
  MANIFEST_VERSION,
  PAGE,
  PIECE,
  PIECE_KIND,
  SLOT_MAP,
} from "../core/vmi.ts";

/** Registers. */
export const [R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10, R11, R12, SP, LR, PC] = Array.from(
  { length: 16 },
  (_, n) => n,
);

const CONDITIONS = {
  eq: 0,
  ne: 1,
  cs: 2,
  cc: 3,
  mi: 4,
  pl: 5,
  hi: 8,
  ls: 9,
  ge: 10,
  lt: 11,
  gt: 12,
  le: 13,
  al: 14,
} as const;

/** Condition of an instruction. */
export type Condition = keyof typeof CONDITIONS;

/** A register, or a constant that fits in 8 bits rotated by an even number. */
export type Operand = number | { readonly imm: number };

/** A constant operand. */
export function imm(value: number): Operand {
  return { imm: value };
}

/** An address: a number, or the name of a label. */
export type Address = number | string;

const DATA = {
  and: 0,
  eor: 1,
  sub: 2,
  rsb: 3,
  add: 4,
  tst: 8,
  cmp: 10,
  orr: 12,
  mov: 13,
  bic: 14,
  mvn: 15,
} as const;

/** Name of a data-processing instruction. */
export type DataName = keyof typeof DATA;

/** Operand 2 of a data-processing instruction. */
function operand2(operand: Operand): number {
  if (typeof operand === "number") return operand;
  for (let rotate = 0; rotate < 16; rotate++) {
    const value = (operand.imm << 2 * rotate | operand.imm >>> (32 - 2 * rotate) % 32) >>> 0;
    if (value < 256) return 0x0200_0000 | rotate << 8 | value;
  }
  throw new RangeError(`0x${operand.imm.toString(16)} is no rotated 8-bit constant`);
}

/** A data-processing word; `rn` is ignored by mov and mvn, `rd` by tst and cmp. */
export function data(
  name: DataName,
  rd: number,
  rn: number,
  operand: Operand,
  cond: Condition = "al",
): number {
  const s = name === "tst" || name === "cmp" ? 1 << 20 : 0;
  return (CONDITIONS[cond] << 28 | DATA[name] << 21 | s | rn << 16 | rd << 12 |
    operand2(operand)) >>> 0;
}

/** A load or store of a word or byte, with an offset of up to 4095 bytes either way. */
export function transfer(
  kind: "ldr" | "str" | "ldrb" | "strb",
  rd: number,
  rn: number,
  offset = 0,
): number {
  const load = kind.startsWith("ldr") ? 1 << 20 : 0;
  const byte = kind.endsWith("b") ? 1 << 22 : 0;
  const up = offset >= 0 ? 1 << 23 : 0;
  return (0xe500_0000 | load | byte | up | rn << 16 | rd << 12 | Math.abs(offset)) >>> 0;
}

/** A load or store of several registers. */
export function multiple(
  kind: "ldmia" | "stmia" | "stmdb",
  rn: number,
  registers: readonly number[],
  writeBack = false,
): number {
  const list = registers.reduce((bits, r) => bits | 1 << r, 0);
  const mode = kind === "stmdb" ? 1 << 24 : 1 << 23;
  const load = kind === "ldmia" ? 1 << 20 : 0;
  return (0xe800_0000 | mode | load | (writeBack ? 1 << 21 : 0) | rn << 16 | list) >>> 0;
}

/** `swp rd, rm, [rn]`. */
export function swap(rd: number, rm: number, rn: number): number {
  return (0xe100_0090 | rn << 16 | rd << 12 | rm) >>> 0;
}

/** `swi 0`. */
export const SWI = 0xef00_0000;
/** A word that ARMv4 defines as undefined. */
export const UNDEFINED = 0xe7f0_00f0;
/** `mov pc, lr`. */
export const RETURN = 0xe1a0_f00e;

/** Code being written, with labels. */
export class Code {
  readonly #words: (number | ((at: number) => number))[] = [];
  readonly #labels = new Map<string, number>();
  readonly #texts: { label: string; text: string }[] = [];
  #unique = 0;

  /** @param base Address of the first word. */
  constructor(readonly base: number) {}

  /** Address of the next word. */
  get here(): number {
    return this.base + this.#words.length * 4;
  }

  /** Names the next word. */
  label(name: string): this {
    if (this.#labels.has(name)) throw new RangeError(`label "${name}" twice`);
    this.#labels.set(name, this.here);
    return this;
  }

  /** Address of a label. */
  addressOf(target: Address): number {
    if (typeof target === "number") return target;
    const address = this.#labels.get(target);
    if (address === undefined) throw new RangeError(`no label "${target}"`);
    return address;
  }

  /** A label that nobody else has. */
  unique(): string {
    return `.${this.#unique++}`;
  }

  /** Puts words. */
  put(...words: number[]): this {
    this.#words.push(...words);
    return this;
  }

  /** A data-processing instruction. */
  op(name: DataName, rd: number, rn: number, operand: Operand, cond: Condition = "al"): this {
    return this.put(data(name, rd, rn, operand, cond));
  }

  /** `rd = operand`. */
  mov(rd: number, operand: Operand, cond: Condition = "al"): this {
    return this.op("mov", rd, 0, operand, cond);
  }

  /** `rd = rd + operand`. */
  add(rd: number, operand: Operand): this {
    return this.op("add", rd, rd, operand);
  }

  /** Compares. */
  cmp(rn: number, operand: Operand): this {
    return this.op("cmp", 0, rn, operand);
  }

  /** Loads a whole word constant or the address of a label, from a literal in the text. */
  li(rd: number, value: Address): this {
    this.put(transfer("ldr", rd, PC), 0xea00_0000);
    this.#words.push(() => this.addressOf(value) >>> 0);
    return this;
  }

  /** A word, known only when all labels are. */
  address(value: Address): this {
    this.#words.push(() => this.addressOf(value) >>> 0);
    return this;
  }

  /** Loads a word at `rn + offset`. */
  ldr(rd: number, rn: number, offset = 0): this {
    return this.put(transfer("ldr", rd, rn, offset));
  }

  /** Stores a word at `rn + offset`. */
  str(rd: number, rn: number, offset = 0): this {
    return this.put(transfer("str", rd, rn, offset));
  }

  /** Branches. */
  b(target: Address, cond: Condition = "al"): this {
    return this.#branch(0x0a00_0000, target, cond);
  }

  /** Calls. */
  bl(target: Address): this {
    return this.#branch(0x0b00_0000, target, "al");
  }

  #branch(word: number, target: Address, cond: Condition): this {
    this.#words.push((at) =>
      (CONDITIONS[cond] << 28 | word | (this.addressOf(target) - at - 8) >> 2 & 0xff_ffff) >>> 0
    );
    return this;
  }

  /** `swi 0` with a number in r12 and arguments in r0, r1, ... */
  swi(number: number, ...args: Address[]): this {
    args.forEach((value, r) => this.li(r, value));
    return this.li(R12, number).put(SWI);
  }

  /** Adds `amount` to the word at `address`; r0 gets the new value, r1 the address. */
  increment(address: Address, amount = 1): this {
    return this.li(R1, address).ldr(R0, R1).add(R0, imm(amount)).str(R0, R1);
  }

  /** Writes text to the console with call or hypercall `number`. */
  print(number: number, text: string): this {
    const label = this.unique();
    this.#texts.push({ label, text });
    return this.swi(number, label, text.length);
  }

  /** Stops here: an endless loop. */
  spin(): this {
    const label = this.unique();
    return this.label(label).b(label);
  }

  /** The bytes; texts follow the code. */
  bytes(): Uint8Array {
    for (const { label, text } of this.#texts.splice(0)) {
      this.label(label);
      for (let i = 0; i < text.length; i += 4) {
        const byte = (k: number) => (i + k < text.length ? text.charCodeAt(i + k) : 0) << 8 * k;
        this.put((byte(0) | byte(1) | byte(2) | byte(3)) >>> 0);
      }
    }
    const out = new Uint8Array(this.#words.length * 4);
    const view = new DataView(out.buffer);
    this.#words.forEach((word, i) => {
      view.setUint32(i * 4, typeof word === "number" ? word : word(this.base + i * 4), true);
    });
    return out;
  }
}

// --- ELF -------------------------------------------------------------------------------------------

/** A segment to be written. */
export interface SegmentSpec {
  va: number;
  bytes: Uint8Array;
  /** Bytes in memory; the length of `bytes` unless given. */
  memsz?: number;
  /** 1 executable, 2 writable, 4 readable. */
  flags: number;
}

/** An ELF file to be written. */
export interface ElfSpec {
  entry: number;
  segments: readonly SegmentSpec[];
  /** Content of the manifest section, when there is one. */
  manifest?: Uint8Array;
  /** e_machine; 40 (ARM) unless given. */
  machine?: number;
}

/** Writes an ELF32 file: header, program headers, contents, section headers. */
export function elfFile(spec: ElfSpec): Uint8Array {
  const names = `\0${MANIFEST_SECTION}\0.shstrtab\0`;
  const sections = spec.manifest === undefined ? 2 : 3;
  let size = 52 + spec.segments.length * 32;
  const place = (bytes: number) => {
    const at = size;
    size = (size + bytes + 3) & ~3;
    return at;
  };
  const places = spec.segments.map((s) => place(s.bytes.length));
  const manifestAt = place(spec.manifest?.length ?? 0);
  const namesAt = place(names.length);
  const headersAt = place(sections * 40);
  const out = new Uint8Array(size);
  const view = new DataView(out.buffer);
  const u16 = (at: number, ...v: number[]) =>
    v.forEach((x, i) => view.setUint16(at + 2 * i, x, true));
  const u32 = (at: number, ...v: number[]) =>
    v.forEach((x, i) => view.setUint32(at + 4 * i, x, true));
  out.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]);
  u16(16, 2, spec.machine ?? 40);
  u32(20, 1, spec.entry, 52, headersAt, 0x0500_0200);
  u16(40, 52, 32, spec.segments.length, 40, sections, sections - 1);
  spec.segments.forEach((s, i) => {
    const memsz = s.memsz ?? s.bytes.length;
    u32(52 + i * 32, 1, places[i], s.va, s.va, s.bytes.length, memsz, s.flags, PAGE);
    out.set(s.bytes, places[i]);
  });
  if (spec.manifest !== undefined) {
    out.set(spec.manifest, manifestAt);
    u32(headersAt + 40, 1, 1, 0, 0, manifestAt, spec.manifest.length, 0, 0, 4, 0);
  }
  out.set(new TextEncoder().encode(names), namesAt);
  const nameOffset = MANIFEST_SECTION.length + 2;
  u32(headersAt + (sections - 1) * 40, nameOffset, 3, 0, 0, namesAt, names.length, 0, 0, 1, 0);
  return out;
}

/** A manifest record: ranges are [start, end). */
export interface RecordSpec {
  kind: number;
  text?: readonly [number, number];
  data?: readonly [number, number];
  stack?: readonly [number, number];
  entry?: number;
  name: string;
}

/** Writes a manifest. */
export function manifest(records: readonly RecordSpec[]): Uint8Array {
  const out = new Uint8Array(16 + records.length * MANIFEST_RECORD);
  const view = new DataView(out.buffer);
  [MANIFEST_MAGIC, MANIFEST_VERSION, records.length, 0].forEach((w, i) =>
    view.setUint32(i * 4, w, true)
  );
  records.forEach((r, i) => {
    const at = 16 + i * MANIFEST_RECORD;
    const none = [0, 0] as const;
    const words = [r.kind, ...(r.text ?? none), ...(r.data ?? none), ...(r.stack ?? none)];
    [...words, r.entry ?? 0].forEach((w, k) => view.setUint32(at + k * 4, w, true));
    out.set(new TextEncoder().encode(r.name).subarray(0, 16), at + 32);
  });
  return out;
}

// --- guests ----------------------------------------------------------------------------------------

/** Where a mini guest's data and stack begin, in the piece of its kernel or task. */
export const DATA_OFFSET = 0x1_0000;
/** Where its stack begins. */
export const STACK_OFFSET = 0x2_0000;

/** First address of the data of the kernel (a plain guest's too). */
export const KERNEL_DATA = DATA_OFFSET;

/** First address of a task's piece. */
export function taskBase(task: number): number {
  return SLOT_MAP.TASKS + task * PIECE;
}

/** First address of a task's data. */
export function taskData(task: number): number {
  return taskBase(task) + DATA_OFFSET;
}

/** First address of the shared piece. */
export const SHARED_DATA: number = SLOT_MAP.SHARED;

/** End of a task's stack (its initial stack pointer) with one page of it. */
export function taskStack(task: number): number {
  return taskBase(task) + STACK_OFFSET + PAGE;
}

const page = (bytes: number) => (bytes + PAGE - 1) & ~(PAGE - 1);

/** What a plain guest is made of. */
export interface PlainSpec {
  /** Writes the guest's code; it starts with the first word written. */
  main: (c: Code) => void;
  /** Writes the handler of virtual interrupts (r0 sources, r1 ticks); HC_IRET follows. */
  irq?: (c: Code) => void;
  /** Pages of data at {@linkcode KERNEL_DATA}; 1 unless given. */
  dataPages?: number;
  /** First bytes of the data. */
  data?: Uint8Array;
}

/** Makes a guest without tasks and manifest. */
export function plainGuest(spec: PlainSpec): Uint8Array {
  const c = new Code(SLOT_MAP.KERNEL);
  c.b("main");
  for (let i = 1; i < 6; i++) c.b("lost");
  c.b("irq").b("lost");
  c.label("irq");
  spec.irq?.(c);
  c.swi(HC.IRET);
  c.label("lost").swi(HC.HALT, 0xdead).b("lost");
  c.label("main");
  spec.main(c);
  const bytes = spec.data ?? new Uint8Array(0);
  return elfFile({
    entry: 0,
    segments: [
      { va: 0, bytes: c.bytes(), flags: 5 },
      { va: KERNEL_DATA, bytes, memsz: (spec.dataPages ?? 1) * PAGE, flags: 6 },
    ],
  });
}

/** Calls of the mini kernel: number in r12, arguments in r0-r3, result in r0. */
export const CALL = {
  /** Returns 0x1234. */
  NULL: 0,
  /** Lets the next ready task run. */
  YIELD: 1,
  /** Sleeps to the next tick. */
  DELAY: 2,
  /** Writes r1 bytes at r0 to the console. */
  PRINT: 3,
  /** Does hypercall r4 with r0-r3 and returns its result. */
  HYPER: 4,
  /** Goes on in kernel mode at r0, with r1-r3. */
  JUMP: 5,
  /** Counts in the kernel's memory ({@linkcode KERNEL.COUNT}) and returns the count. */
  COUNT: 6,
} as const;

/** Words of the mini kernel's data. */
export const KERNEL = {
  /** Tasks that wait for the next tick, a bit each. */
  DELAYED: KERNEL_DATA,
  /** Ticks seen. */
  TICKS: KERNEL_DATA + 4,
  /** Counted by {@linkcode CALL.COUNT}. */
  COUNT: KERNEL_DATA + 8,
  /** Free for tests, to the end of the kernel's data. */
  FREE: KERNEL_DATA + 0x100,
} as const;

/** A task of a mini guest; task i has priority i. */
export interface TaskSpec {
  name: string;
  /** Writes its code, which starts with the first word; r0 is the argument 0x100 + its number. */
  main: (c: Code) => void;
  /** Pages of data at {@linkcode taskData}, up to 14; 1 unless given. */
  dataPages?: number;
  /** First bytes of the data. */
  data?: Uint8Array;
  /** Pages of stack; 1 unless given. */
  stackPages?: number;
}

/** What a guest with tasks is made of. */
export interface GuestSpec {
  /** Up to 24. An idle task, never ready, is added behind them. */
  tasks: readonly TaskSpec[];
  /** Period of the tick in microseconds, 0: none; 1000 unless given. */
  tickUs?: number;
  /** Writes code that the kernel runs before it starts the tasks. */
  boot?: (c: Code) => void;
  /** Pages of the kernel's data; 1 unless given. */
  kernelDataPages?: number;
  /** First bytes of the kernel's data; the first 0x100 are the mini kernel's. */
  kernelData?: Uint8Array;
  /** Pages of the shared piece at {@linkcode SHARED_DATA}; none, and no piece, unless given. */
  sharedPages?: number;
  /** First bytes of the shared piece. */
  sharedData?: Uint8Array;
  /** A kernel in the place of the mini kernel, from its vectors on. */
  kernel?: (c: Code) => void;
}

const INFO_RDY_TBL = INFO_FIELDS.find((f) => f.name === "RDY_TBL")!.offset;
const INFO_CUR_TASK = INFO_FIELDS.find((f) => f.name === "CUR_TASK")!.offset;
const NO_PRIORITY = 0xffff_ffff;
/** Top of the kernel's stack. */
export const KERNEL_STACK_END: number = STACK_OFFSET + PAGE;

/** Makes a guest with the mini kernel and tasks. */
export function taskGuest(spec: GuestSpec): Uint8Array {
  return elfFile(taskGuestParts(spec));
}

/** The parts of {@linkcode taskGuest}, for tests that bend them first. */
export function taskGuestParts(spec: GuestSpec): ElfSpec & { records: RecordSpec[] } {
  const idle: TaskSpec = { name: "idle", main: (c) => c.spin() };
  const tasks = [...spec.tasks, idle];
  const code = new Code(SLOT_MAP.KERNEL);
  if (spec.kernel === undefined) miniKernel(code, spec, tasks.length);
  else spec.kernel(code);
  const kernel = code.bytes();
  const kernelData = (spec.kernelDataPages ?? 1) * PAGE;
  const segments: SegmentSpec[] = [
    { va: SLOT_MAP.KERNEL, bytes: kernel, flags: 5 },
    { va: KERNEL_DATA, bytes: spec.kernelData ?? new Uint8Array(0), memsz: kernelData, flags: 6 },
  ];
  const records: RecordSpec[] = [{
    kind: PIECE_KIND.KERNEL,
    text: [SLOT_MAP.KERNEL, page(kernel.length)],
    data: [KERNEL_DATA, KERNEL_DATA + kernelData],
    stack: [STACK_OFFSET, KERNEL_STACK_END],
    entry: SLOT_MAP.KERNEL,
    name: "kernel",
  }];
  tasks.forEach((task, i) => {
    const base = taskBase(i);
    const c = new Code(base);
    task.main(c);
    const text = c.bytes();
    const memsz = (task.dataPages ?? 1) * PAGE;
    segments.push({ va: base, bytes: text, flags: 5 });
    segments.push({
      va: base + DATA_OFFSET,
      bytes: task.data ?? new Uint8Array(0),
      memsz,
      flags: 6,
    });
    records.push({
      kind: PIECE_KIND.TASK,
      text: [base, base + page(text.length)],
      data: [base + DATA_OFFSET, base + DATA_OFFSET + memsz],
      stack: [base + STACK_OFFSET, base + STACK_OFFSET + (task.stackPages ?? 1) * PAGE],
      entry: base,
      name: task.name,
    });
  });
  if (spec.sharedPages !== undefined) {
    const memsz = spec.sharedPages * PAGE;
    const bytes = spec.sharedData ?? new Uint8Array(0);
    segments.push({ va: SHARED_DATA, bytes, memsz, flags: 6 });
    const data = [SHARED_DATA, SHARED_DATA + memsz] as const;
    records.push({ kind: PIECE_KIND.SHARED, data, name: "shared" });
  }
  return { entry: SLOT_MAP.KERNEL, segments, manifest: manifest(records), records };
}

/**
 * The kernel: makes the tasks, then round robin among those whose ready bit the monitor shows. It
 * keeps nothing in registers over an entry, so it is right after any recovery of a task.
 */
function miniKernel(c: Code, spec: GuestSpec, tasks: number): void {
  c.b("boot").b("lost").b("call").b("lost").b("lost").b("lost").b("irq").b("lost");
  c.label("lost").swi(HC.HALT, 0xdead).b("lost");

  c.label("boot");
  c.swi(HC.SETUP, SLOT_MAP.KERNEL, KERNEL_STACK_END);
  const tick = spec.tickUs ?? 1000;
  if (tick > 0) c.swi(HC.TIMER_SET, tick);
  for (let i = 0; i < tasks; i++) c.swi(HC.TASK_CREATE, taskBase(i), 0x100 + i, i, 0);
  for (let i = 0; i < tasks - 1; i++) c.swi(HC.READY, i, NO_PRIORITY);
  spec.boot?.(c);

  // The next ready task after the current one, round robin; r9 is its number.
  c.label("schedule").li(R5, SLOT_MAP.VMI_INFO);
  c.ldr(R4, R5, INFO_RDY_TBL).ldr(R6, R5, INFO_CUR_TASK).op("add", R7, R6, imm(1));
  c.put(0xe1a0_8734, 0xe1a0_8718); // mov r8, r4, lsr r7; mov r8, r8, lsl r7
  c.cmp(R8, imm(0)).mov(R8, R4, "eq").cmp(R8, imm(0)).b("idle", "eq");
  c.mov(R9, imm(0));
  c.label("search").op("tst", 0, R8, imm(1)).b("found", "ne");
  c.put(0xe1a0_80a8).add(R9, imm(1)).b("search"); // mov r8, r8, lsr #1
  c.label("found").mov(R0, R9).mov(R1, imm(0)).mov(R2, imm(0)).mov(R12, imm(HC.DISPATCH)).put(SWI);
  // Refused: the monitor has stopped that task. It is not tried again.
  c.op("mvn", R0, 0, imm(0)).mov(R1, R9).mov(R12, imm(HC.READY)).put(SWI).b("schedule");
  c.label("idle").swi(HC.DISPATCH, tasks - 1, 0, DISPATCH.WAIT).b("lost");

  // Back to the calling task with r0.
  c.label("result").mov(R1, R0).li(R5, SLOT_MAP.VMI_INFO).ldr(R0, R5, INFO_CUR_TASK);
  c.mov(R2, imm(DISPATCH.RESULT)).mov(R12, imm(HC.DISPATCH)).put(SWI).b("schedule");

  c.label("call").cmp(R12, imm(CALL.YIELD)).b("schedule", "eq");
  c.cmp(R12, imm(CALL.DELAY)).b("delay", "eq");
  c.cmp(R12, imm(CALL.PRINT)).b("print", "eq");
  c.cmp(R12, imm(CALL.HYPER)).b("hyper", "eq");
  c.cmp(R12, imm(CALL.JUMP)).mov(PC, R0, "eq");
  c.cmp(R12, imm(CALL.COUNT)).b("count", "eq");
  c.li(R0, 0x1234).b("result");
  c.label("print").mov(R12, imm(HC.CONSOLE_WRITE)).put(SWI).b("result");
  c.label("hyper").mov(R12, R4).put(SWI).b("result");
  c.label("count").increment(KERNEL.COUNT).b("result");
  c.label("delay").li(R5, SLOT_MAP.VMI_INFO).ldr(R1, R5, INFO_CUR_TASK);
  c.li(R6, KERNEL.DELAYED).ldr(R7, R6).mov(R8, imm(1));
  c.put(0xe187_7118).str(R7, R6); // orr r7, r7, r8, lsl r1
  c.op("mvn", R0, 0, imm(0)).mov(R12, imm(HC.READY)).put(SWI).b("schedule");

  // A tick makes all that wait for it ready.
  c.label("irq").cmp(R1, imm(0)).b("schedule", "eq");
  c.li(R6, KERNEL.DELAYED).ldr(R7, R6, 4).op("add", R7, R7, R1).str(R7, R6, 4);
  c.ldr(R7, R6).mov(R8, imm(0)).str(R8, R6);
  c.label("wake").cmp(R7, imm(0)).b("schedule", "eq").op("tst", 0, R7, imm(1)).b("wakeNext", "eq");
  c.mov(R0, R8).op("mvn", R1, 0, imm(0)).mov(R12, imm(HC.READY)).put(SWI);
  c.label("wakeNext").put(0xe1a0_70a7).add(R8, imm(1)).b("wake"); // mov r7, r7, lsr #1
}
