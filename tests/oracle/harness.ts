/**
 * The bare-metal harness that runs the random cases: ARM code written here as data words.
 *
 * For each case it loads every register of every mode from an input record, sets CP15, jumps into
 * the case through an exception return, catches whatever exception ends the case, and stores all
 * registers, fault registers and the memory window in an output record. QEMU and the emulator run
 * the very same words, so they can be compared by their memory alone.
 *
 * @module
 */

import * as a from "./encode.ts";
import { MODE } from "./encode.ts";

/** Words of an input record. */
export const INPUT = {
  /** r0-r12, r13 and r14 of the entry mode, and the start address (of the case). */
  entry: 0,
  /** r13, r14 of User mode. */
  usr: 16,
  /** r8-r14 and SPSR of FIQ mode. */
  fiq: 18,
  /** r13, r14 and SPSR of IRQ mode. */
  irq: 26,
  /** The same of Supervisor mode. */
  svc: 29,
  /** The same of Abort mode. */
  abt: 32,
  /** The same of Undefined mode. */
  und: 35,
  /** CPSR bits of the mode from which the case is entered; its SPSR is the CPSR of the case. */
  entryMode: 38,
  /** CP15 control register of the case. */
  control: 39,
  /** Domain access control register of the case. */
  dacr: 40,
  /** Translation table base of the case. */
  ttb: 41,
  /** FCSE process identifier register of the case. */
  pid: 42,
  /** Address of the lower half of the memory window. */
  pieceA: 43,
  /** Address of its upper half. */
  pieceB: 44,
  /** Address of the window's initial contents. */
  data: 45,
  /** Bit 0: the case changes control, TTB or PID. */
  flags: 46,
  /** Fault address register before the case. */
  far: 47,
  /** Words of the record. */
  words: 48,
} as const;

/** Words of an output record. */
export const OUTPUT = {
  /** Vector offset / 4 of the exception that ended the case. */
  vector: 0,
  /** CPSR in the exception handler. */
  cpsr: 1,
  /** Data fault status register. */
  fsr: 2,
  /** Prefetch fault status register. */
  ifsr: 3,
  /** Fault address register. */
  far: 4,
  /** r0-r7. */
  r0: 5,
  /** r8-r14 of User mode. */
  usr: 13,
  /** r8-r14 and SPSR of FIQ mode. */
  fiq: 20,
  /** r13, r14, SPSR of IRQ mode. */
  irq: 28,
  /** The same of Supervisor mode. */
  svc: 31,
  /** The same of Abort mode. */
  abt: 34,
  /** The same of Undefined mode. */
  und: 37,
  /** Lower half of the window. */
  pieceA: 40,
  /** Upper half. */
  pieceB: 56,
  /** Words of the record. */
  words: 72,
} as const;

/** Words of one half of the memory window. */
export const PIECE = 16;

/** DACR while the harness works: domain 0 (harness) and 1 (records) open as managers. */
export const HARNESS_DACR = 0xf;

/** Where things are, relative to the start of RAM. */
export const LAYOUT = {
  /**
   * Harness code, handlers and context: four pages in domain 0, privileged only. At no round
   * address, because sums and shifts of corner values would jump there.
   */
  harness: 0xf5000,
  /** Context block inside the harness pages, within reach of PC-relative stores of the handlers. */
  context: 0xf6000,
  /** High vectors and, in the next page, their veneers. */
  highVectors: 0xf7000,
  /** First-level tables, 16 KB each. */
  tables: 0x04000,
  /** Second-level tables. */
  pages: 0x10000,
  /** The megabyte that all test mappings lead to. */
  scratch: 0x100000,
  /** Code of the cases. */
  code: 0x200000,
  /** Room for it. */
  codeBytes: 0x100000,
  /** Words the windows are filled from. */
  pool: 0x500000,
  /** Words of the pool. */
  poolWords: 0x40000,
  /** Input records. */
  input: 0x600000,
  /** Output records. */
  output: 0xd00000,
  /** End of everything. */
  end: 0x1800000,
} as const;

/** Number of cases that fit in one image. */
export const MAX_CASES: number = Math.min(
  Math.floor((LAYOUT.output - LAYOUT.input) / (INPUT.words * 4)),
  Math.floor((LAYOUT.end - LAYOUT.output) / (OUTPUT.words * 4)),
);

/** A tiny assembler: words, labels, and fix-ups resolved at the end. */
class Assembler {
  readonly words: number[] = [];
  readonly labels = new Map<string, number>();
  readonly base: number;
  readonly #fixups: (() => void)[] = [];

  constructor(base: number) {
    this.base = base;
  }

  get here(): number {
    return this.base + this.words.length * 4;
  }

  label(name: string): void {
    this.labels.set(name, this.here);
  }

  emit(...words: number[]): void {
    this.words.push(...words);
  }

  /** Branch to a label. */
  b(name: string, cond: number = a.COND.AL): void {
    const at = this.words.length;
    const from = this.here;
    this.words.push(0);
    this.#fixups.push(() => {
      this.words[at] = a.branch(0, (this.labels.get(name)! - from - 8) / 4, cond);
    });
  }

  /** LDR or STR of a word at a label, through PC. */
  pcWord(load: number, rd: number, name: string): void {
    const at = this.words.length;
    const from = this.here;
    this.words.push(0);
    this.#fixups.push(() => {
      const distance = this.labels.get(name)! - from - 8;
      this.words[at] = a.ldrImm(
        load,
        0,
        { p: 1, u: distance < 0 ? 0 : 1, w: 0 },
        rd,
        15,
        Math.abs(distance),
      );
    });
  }

  /** A word that holds the value of an expression over labels. */
  literal(name: string, value: () => number): void {
    this.label(name);
    const at = this.words.length;
    this.words.push(0);
    this.#fixups.push(() => {
      this.words[at] = value() >>> 0;
    });
  }

  finish(): number[] {
    for (const f of this.#fixups) f();
    return this.words;
  }
}

const IA = { p: 0, u: 1, w: 0 };
const IAW = { p: 0, u: 1, w: 1 };
const PRE = { p: 1, u: 1, w: 0 };
const AL = a.COND.AL;
const IF = 0xc0;

function range(first: number, last: number): number {
  return (1 << last + 1) - (1 << first);
}

/** Bytes of the context block, relative to {@linkcode LAYOUT}.context. */
export const CONTEXT = {
  entry: 0,
  saved: 64,
  r13: 96,
  input: 100,
  output: 104,
  limit: 108,
  flags: 112,
};

/** The assembled harness. */
export interface Harness {
  /** Words from the start of RAM. */
  readonly words: number[];
  /** Physical memory from address 0: the low vectors and where they lead. */
  readonly vectors: Uint32Array<ArrayBuffer>;
  /** Entry point. */
  readonly start: number;
  /** Address reached when all cases are done. */
  readonly done: number;
}

/**
 * Assembles the harness.
 *
 * @param ram Physical address of RAM; harness, records and tables are mapped VA = PA.
 * @param cases Number of input records.
 * @param control CP15 control register while the harness works.
 * @param ttb Its translation table base.
 * @param ifsr Whether the core has a prefetch fault status register at c5, op2 = 1.
 */
export function assembleHarness(
  ram: number,
  cases: number,
  control: number,
  ttb: number,
  ifsr: boolean,
): Harness {
  const asm = new Assembler(ram + LAYOUT.harness);
  const context = ram + LAYOUT.context;
  const emit = (...w: number[]): void => asm.emit(...w);
  const load = (rd: number, rn: number, offset: number): number =>
    a.ldrImm(1, 0, PRE, rd, rn, offset);
  const store = (rd: number, rn: number, offset: number): number =>
    a.ldrImm(0, 0, PRE, rd, rn, offset);
  const mode = (m: number): number => a.msr(0, 1, a.immediate(m | IF));
  const cp15 = (rd: number, crn: number, crm = 0, op2 = 0): number =>
    a.mcr(0, 15, 0, rd, crn, crm, op2);

  // Start: SVC mode, MMU off. Context words, MMU on.
  asm.label("start");
  emit(mode(MODE.SVC));
  asm.pcWord(1, 0, "=ttb");
  emit(cp15(0, 2));
  emit(a.dp(a.OP.MOV, 0, 0, 0, a.immediate(HARNESS_DACR)), cp15(0, 3));
  emit(cp15(0, 8, 7, 0));
  asm.pcWord(1, 0, "=control");
  emit(cp15(0, 1));
  // Fetches after the write may come from before the MMU was on; the addresses are the same.
  emit(a.dp(a.OP.MOV, 0, 0, 0, a.shiftedBy(0)), a.dp(a.OP.MOV, 0, 0, 0, a.shiftedBy(0)));

  asm.label("next");
  asm.pcWord(1, 12, "=context");
  emit(load(11, 12, CONTEXT.input), load(0, 12, CONTEXT.limit));
  emit(a.dp(a.OP.CMP, 1, 0, 11, a.shiftedBy(0)));
  asm.b("done", a.COND.CS);
  // Fill the window.
  emit(load(10, 11, INPUT.data * 4), load(9, 11, INPUT.pieceA * 4));
  for (let half = 0; half < 2; half++) {
    if (half === 1) emit(load(9, 11, INPUT.pieceB * 4));
    for (let i = 0; i < 2; i++) {
      emit(a.ldm(1, IAW, 0, 10, range(0, 7)), a.ldm(0, IAW, 0, 9, range(0, 7)));
    }
  }
  // The entry block, 16 words, to the context.
  for (let i = 0; i < 2; i++) {
    emit(a.ldm(1, IAW, 0, 11, range(0, 7)), a.ldm(0, IAW, 0, 12, range(0, 7)));
  }
  // Banked registers; r11 points at the `usr` words now.
  emit(a.dp(a.OP.MOV, 0, 7, 0, a.shiftedBy(11)));
  emit(mode(MODE.SYS), a.ldm(1, IAW, 0, 7, range(13, 14)));
  emit(mode(MODE.FIQ), a.ldm(1, IAW, 0, 7, range(8, 14)), a.ldm(1, IAW, 0, 7, 1));
  emit(a.msr(1, 15, a.shiftedBy(0)));
  for (const m of [MODE.IRQ, MODE.SVC, MODE.ABT, MODE.UND]) {
    emit(mode(m), a.ldm(1, IAW, 0, 7, range(13, 14)), a.ldm(1, IAW, 0, 7, 1));
    emit(a.msr(1, 15, a.shiftedBy(0)));
  }
  // r0 = entry mode, r1 = control, r2 = DACR, r3 = TTB, r4 = PID; then flags and FAR.
  emit(a.ldm(1, IA, 0, 7, range(0, 4)));
  emit(
    load(5, 7, (INPUT.flags - INPUT.entryMode) * 4),
    load(6, 7, (INPUT.far - INPUT.entryMode) * 4),
  );
  asm.pcWord(1, 7, "=context");
  emit(store(5, 7, CONTEXT.flags));
  emit(cp15(6, 6), a.dp(a.OP.MOV, 0, 6, 0, a.immediate(0)), cp15(6, 5));
  if (ifsr) emit(cp15(6, 5, 0, 1));
  emit(a.msr(0, 1, a.shiftedBy(0)));
  emit(a.dp(a.OP.MOV, 0, 13, 0, a.shiftedBy(7)));
  emit(a.dp(a.OP.TST, 1, 0, 5, a.immediate(1)));
  asm.b("enter", a.COND.EQ);
  emit(cp15(3, 2), cp15(4, 13), cp15(1, 1), cp15(6, 8, 7, 0));
  asm.label("enter");
  emit(cp15(2, 3));
  emit(a.ldm(1, IA, 1, 13, 0xffff));

  asm.label("done");
  asm.b("done");

  // Handlers: r13 of the exception's mode is the only register we may lose, and it is kept.
  for (let v = 0; v < 8; v++) {
    asm.label(`vector${v}`);
    asm.pcWord(0, 13, "r13");
    asm.pcWord(1, 13, "=context");
    emit(a.ldrImm(0, 0, PRE, 0, 13, CONTEXT.saved), a.ldrImm(0, 0, PRE, 1, 13, CONTEXT.saved + 4));
    emit(a.dp(a.OP.MOV, 0, 1, 0, a.immediate(v)));
    asm.b("common");
  }
  asm.label("common");
  emit(a.dp(a.OP.MOV, 0, 0, 0, a.shiftedBy(13)));
  asm.pcWord(1, 13, "r13");
  emit(a.dp(a.OP.ADD, 0, 0, 0, a.immediate(CONTEXT.saved + 8)));
  emit(a.ldm(0, IA, 0, 0, range(2, 7)));
  emit(a.dp(a.OP.SUB, 0, 0, 0, a.immediate(CONTEXT.saved + 8)));
  emit(a.mrs(0, 2));
  emit(a.mcr(1, 15, 0, 3, 5, 0, 0), a.mcr(1, 15, 0, 5, 6, 0, 0));
  emit(ifsr ? a.mcr(1, 15, 0, 4, 5, 0, 1) : a.dp(a.OP.MOV, 0, 4, 0, a.immediate(0)));
  // CP15 back to the harness's own.
  emit(load(6, 0, CONTEXT.flags), a.dp(a.OP.TST, 1, 0, 6, a.immediate(1)));
  asm.b("restored", a.COND.EQ);
  asm.pcWord(1, 6, "=control");
  emit(cp15(6, 1));
  asm.pcWord(1, 6, "=ttb");
  emit(cp15(6, 2), a.dp(a.OP.MOV, 0, 6, 0, a.immediate(0)), cp15(6, 13), cp15(6, 8, 7, 0));
  asm.label("restored");
  emit(a.dp(a.OP.MOV, 0, 6, 0, a.immediate(HARNESS_DACR)), cp15(6, 3));
  emit(load(6, 0, CONTEXT.output));
  emit(a.ldm(0, IAW, 0, 6, range(1, 5)));
  emit(a.dp(a.OP.ADD, 0, 7, 0, a.immediate(CONTEXT.saved)));
  for (let i = 0; i < 2; i++) {
    emit(a.ldm(1, IAW, 0, 7, range(1, 4)), a.ldm(0, IAW, 0, 6, range(1, 4)));
  }
  emit(mode(MODE.SYS), a.ldm(0, IAW, 0, 6, range(8, 14)));
  emit(mode(MODE.FIQ), a.ldm(0, IAW, 0, 6, range(8, 14)), a.mrs(1, 1));
  emit(a.ldm(0, IAW, 0, 6, 2));
  for (const m of [MODE.IRQ, MODE.SVC, MODE.ABT, MODE.UND]) {
    emit(mode(m), a.ldm(0, IAW, 0, 6, range(13, 14)), a.mrs(1, 1), a.ldm(0, IAW, 0, 6, 2));
  }
  emit(mode(MODE.SVC));
  // The window; r9 = input record.
  asm.pcWord(1, 12, "=context");
  emit(load(9, 12, CONTEXT.input), load(10, 9, INPUT.pieceA * 4), load(11, 9, INPUT.pieceB * 4));
  for (const piece of [10, 11]) {
    for (let i = 0; i < 2; i++) {
      emit(
        a.ldm(1, IAW, 0, piece, range(0, 5) | 3 << 7),
        a.ldm(0, IAW, 0, 6, range(0, 5) | 3 << 7),
      );
    }
  }
  emit(a.dp(a.OP.ADD, 0, 9, 9, a.immediate(INPUT.words * 4)), store(9, 12, CONTEXT.input));
  emit(store(6, 12, CONTEXT.output));
  asm.b("next");

  asm.labels.set("r13", context + CONTEXT.r13);
  asm.literal("=context", () => context);
  asm.literal("=control", () => control);
  asm.literal("=ttb", () => ttb);

  const words = asm.finish();
  while (words.length < (LAYOUT.context - LAYOUT.harness) / 4) words.push(0);
  const block = new Array<number>(32).fill(0);
  block[CONTEXT.input / 4] = ram + LAYOUT.input;
  block[CONTEXT.output / 4] = ram + LAYOUT.output;
  block[CONTEXT.limit / 4] = ram + LAYOUT.input + cases * INPUT.words * 4;
  words.push(...block);

  const handlers = Array.from({ length: 8 }, (_, v) => asm.labels.get(`vector${v}`)!);
  const vectors = new Uint32Array(VENEERS.low.page / 4 + 1024);
  vectorPages(vectors.subarray(0, 1024), vectors.subarray(VENEERS.low.page / 4), "low", handlers);
  const high = new Uint32Array(2048);
  vectorPages(high.subarray(0, 1024), high.subarray(1024), "high", handlers);
  words.push(
    ...new Array<number>((LAYOUT.highVectors - LAYOUT.harness) / 4 - words.length).fill(0),
  );
  words.push(...high);
  return { words, vectors, start: asm.labels.get("start")!, done: asm.labels.get("done")! };
}

/**
 * Where the vectors branch to. Their offsets are chosen so that the low half of each vector is a
 * Thumb SWI, and the high half undefined (in ARMv5 as well, being odd): a wild jump to address 0 in
 * Thumb state then ends as soon as one in ARM state.
 */
export const VENEERS = {
  /** From the low vectors: forward, in the same megabyte. */
  low: { offset: 0x01df00, page: 0x77000 },
  /** From the high vectors: backward, in the same megabyte. */
  high: { offset: 0xffdf00, page: 0xfffe7000 },
} as const;

/** Fills a page of vectors and the page of veneers behind it. */
function vectorPages(
  vectors: Uint32Array,
  veneers: Uint32Array,
  place: "low" | "high",
  handlers: readonly number[],
): void {
  const { offset, page } = VENEERS[place];
  // Whatever is not used ends a stray run at once, in both states.
  vectors.fill(a.swi(0xabdfaa));
  veneers.fill(a.swi(0xbbdfbb));
  const base = place === "low" ? 0 : 0xffff0000;
  handlers.forEach((handler, v) => {
    // Two words each: LDR PC, [PC, #-4] and the address.
    vectors[v] = a.branch(0, offset + v, AL);
    const from = base + 4 * v + 8 + ((offset + v) << 8 >> 6);
    const at = (from - page) / 4;
    veneers[at] = a.ldrImm(1, 0, { p: 1, u: 0, w: 0 }, 15, 15, 4);
    veneers[at + 1] = handler;
  });
}
