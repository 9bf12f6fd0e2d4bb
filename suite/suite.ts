/**
 * The suite as data: its images, its cases, what each machine is expected to do, and reports.
 *
 * ```ts
 * import { loadImage, readCases } from "./suite.ts";
 *
 * const cases = readCases(await loadImage("s3c2440"));
 * console.log(cases.length, cases[0].name);
 * ```
 *
 * @module
 */

import { type ElfFile, parseElf } from "../core/elf.ts";
import { DEVIATIONS, type Verdict } from "./deviations.ts";

/** A target the suite is built for: the name of a file in `boards/`. */
export type BoardName = "s3c2440" | "sx1" | "versatilepb";

/** The targets. */
export const BOARDS: readonly BoardName[] = ["s3c2440", "sx1", "versatilepb"];

/**
 * Something that runs the suite: `understudy` is the emulated board without caches,
 * `understudy-cached` the same with them, the others are boards under `qemu-system-arm`.
 */
export type Machine = "understudy" | "understudy-cached" | "sx1" | "versatilepb";

/** The machines, in the order of the table. */
export const MACHINES: readonly Machine[] = [
  "understudy",
  "understudy-cached",
  "sx1",
  "versatilepb",
];

/** The image that a machine runs. */
export const BOARD_OF: Readonly<Record<Machine, BoardName>> = {
  "understudy": "s3c2440",
  "understudy-cached": "s3c2440",
  "sx1": "sx1",
  "versatilepb": "versatilepb",
};

/** What a machine must have for a case to mean what it says. */
export type Need = "irq" | "physical-vectors" | "external-abort" | "dcache" | "icache" | "tlb";

/** Flags of a case (`NEEDS_...` in `src/layout.h`). */
const NEEDS: readonly (readonly [bit: number, need: Need])[] = [
  [0x001, "irq"],
  [0x002, "physical-vectors"],
  [0x004, "external-abort"],
  [0x100, "dcache"],
  [0x200, "icache"],
  [0x400, "tlb"],
];

/** One case of the suite. */
export interface SuiteCase {
  /** Number, from 1 in the order of the run. */
  readonly number: number;
  /** Name `area/...`: stable, unlike the number. */
  readonly name: string;
  /** What it needs. */
  readonly needs: readonly Need[];
}

/** What became of a case. */
export type Outcome = "pass" | "fail" | "skip";

/** One line of a report. */
export interface CaseResult {
  /** Number of the case. */
  readonly number: number;
  /** Name of the case. */
  readonly name: string;
  /** What became of it. */
  readonly outcome: Outcome;
  /** Observed values: check, got and want of a failure; vector, lr, spsr, cpsr, fsr, ifsr, far. */
  readonly observed: Readonly<Record<string, number>>;
}

/** What a run printed. */
export interface Report {
  /** Name of the board, as the image says it. */
  readonly board: string;
  /** Number of cases announced. */
  readonly planned: number;
  /** The cases that were run. */
  readonly results: readonly CaseResult[];
  /** The suite reached its end. */
  readonly complete: boolean;
}

/** What is expected of a case on a machine. */
export interface Expectation {
  /** `pass`, or the verdict of a deviation. */
  readonly verdict: "pass" | Verdict;
  /** Name of the deviation, when there is one. */
  readonly deviation?: string;
}

const IMAGES: Readonly<Record<BoardName, () => Promise<{ GZIP: string }>>> = {
  s3c2440: () => import("./images/s3c2440.ts"),
  sx1: () => import("./images/sx1.ts"),
  versatilepb: () => import("./images/versatilepb.ts"),
};

/** The committed image for a board: an ELF file. */
export async function loadImage(board: BoardName): Promise<Uint8Array<ArrayBuffer>> {
  const { GZIP } = await IMAGES[board]();
  const packed = Uint8Array.from(atob(GZIP.replace(/\s/g, "")), (c) => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

const MAGIC = 0x544d4d55;

/** The words behind the first instruction of an image. */
export interface ImageHeader {
  /** Address of the table of cases. */
  readonly cases: number;
  /** Address behind it. */
  readonly casesEnd: number;
  /** Address of the result table. */
  readonly results: number;
}

/** The segment of an image that holds its entry point. */
function body(elf: ElfFile): { vaddr: number; view: DataView } {
  const segment = elf.segments.find((s) => elf.entry >= s.vaddr && elf.entry < s.vaddr + s.memsz);
  if (segment === undefined) throw new RangeError("the image has no code at its entry point");
  const { bytes, vaddr } = segment;
  return { vaddr, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) };
}

/**
 * Reads the header of an image.
 *
 * @throws {RangeError} It is not an image of this suite.
 */
export function readHeader(image: Uint8Array<ArrayBuffer>): ImageHeader {
  const elf = parseElf(image, "suite image");
  const { vaddr, view } = body(elf);
  const word = (n: number) => view.getUint32(elf.entry - vaddr + 4 * n, true);
  if (word(1) !== MAGIC || word(2) !== 1) throw new RangeError("not an image of this suite");
  return { cases: word(3), casesEnd: word(4), results: word(5) };
}

/**
 * Reads the table of cases in an image.
 *
 * @throws {RangeError} It is not an image of this suite.
 */
export function readCases(image: Uint8Array<ArrayBuffer>): SuiteCase[] {
  const header = readHeader(image);
  const { vaddr, view } = body(parseElf(image, "suite image"));
  const text = (address: number) => {
    let name = "";
    for (let at = address - vaddr; view.getUint8(at) !== 0; at++) {
      name += String.fromCharCode(view.getUint8(at));
    }
    return name;
  };
  const cases: SuiteCase[] = [];
  for (let at = header.cases; at < header.casesEnd; at += 16) {
    const flags = view.getUint32(at - vaddr + 8, true);
    cases.push({
      number: cases.length + 1,
      name: text(view.getUint32(at - vaddr, true)),
      needs: NEEDS.filter(([bit]) => (flags & bit) !== 0).map(([, need]) => need),
    });
  }
  return cases;
}

/** Reads what a run printed: the Test Anything Protocol, with the observed values as comments. */
export function parseReport(text: string): Report {
  const results: CaseResult[] = [];
  for (const line of text.split(/\r?\n/)) {
    const match = /^(not )?ok (\d+) - (\S+)(?: # ?(.*))?$/.exec(line);
    if (match === null) continue;
    const [, not, number, name, comment = ""] = match;
    const observed: Record<string, number> = {};
    for (const [, key, value] of comment.matchAll(/(\w+)=([0-9a-f]+)/g)) {
      observed[key] = key === "check" ? Number(value) : parseInt(value, 16);
    }
    const outcome = not ? "fail" : comment.startsWith("SKIP") ? "skip" : "pass";
    results.push({ number: Number(number), name, outcome, observed });
  }
  return {
    board: /suite \d+ on (\S+)/.exec(text)?.[1] ?? "",
    planned: Number(/^1\.\.(\d+)/m.exec(text)?.[1] ?? 0),
    results,
    complete: /^# end/m.test(text),
  };
}

/** Bytes of the result table for so many cases. */
export function resultBytes(cases: number): number {
  return 32 + 64 * cases;
}

/** What the result table in RAM says of the whole run. */
export interface ResultTable {
  /** Cases that passed. */
  readonly passed: number;
  /** Cases that failed. */
  readonly failed: number;
  /** Cases that the machine cannot do. */
  readonly skipped: number;
  /** The suite reached its end. */
  readonly done: boolean;
  /** The cases, as in a report but without names. */
  readonly results: readonly Omit<CaseResult, "name">[];
}

const OUTCOMES: readonly (Outcome | undefined)[] = [undefined, "pass", "fail", "skip"];
const OBSERVED = ["vector", "lr", "spsr", "cpsr", "fsr", "ifsr", "far", "r0", "r1", "r2", "r3"];

/**
 * Reads the result table, for whoever has a debugger and no serial line.
 *
 * @param bytes Memory from the address that {@linkcode readHeader} gives.
 * @throws {RangeError} No result table is there.
 */
export function readResults(bytes: Uint8Array): ResultTable {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const word = (at: number) => view.getUint32(at, true);
  if (word(0) !== MAGIC || word(4) !== 1) throw new RangeError("no result table is here");
  const results: Omit<CaseResult, "name">[] = [];
  for (let n = 0, at = 32; n < word(8) && at + 64 <= bytes.length; n++, at += 64) {
    const outcome = OUTCOMES[word(at + 4)];
    if (outcome === undefined) continue;
    const observed: Record<string, number> = {
      check: word(at + 8),
      got: word(at + 12),
      want: word(at + 16),
    };
    OBSERVED.forEach((key, i) => observed[key] = word(at + 20 + 4 * i));
    results.push({ number: word(at), outcome, observed });
  }
  return {
    passed: word(12),
    failed: word(16),
    skipped: word(20),
    done: word(24) === 1,
    results,
  };
}

/** What is expected of a case on a machine; the first deviation that names it counts. */
export function expectation(test: SuiteCase, machine: Machine): Expectation {
  for (const deviation of DEVIATIONS) {
    if (!deviation.machines.includes(machine)) continue;
    const named = deviation.cases.some((pattern) => pattern.test(test.name));
    const needed = deviation.needs === undefined ||
      deviation.needs.some((need) => test.needs.includes(need));
    if (named && needed) return { verdict: deviation.verdict, deviation: deviation.id };
  }
  return { verdict: "pass" };
}

/** How a result stands to what was expected. */
export type Standing = "ok" | "skip" | "as listed" | "unexpected failure" | "unexpected pass";

/** Compares a result with what is expected. */
export function standing(outcome: Outcome, expected: Expectation): Standing {
  if (outcome === "skip") return "skip";
  if (outcome === "pass") return expected.verdict === "differs" ? "unexpected pass" : "ok";
  return expected.verdict === "pass" ? "unexpected failure" : "as listed";
}
