/**
 * Makes a case that differs small, and prints it so that one can work on it.
 *
 * @module
 */

import { disassemble } from "../../core/disasm.ts";
import type { Case } from "./case.ts";
import { describe, type Difference } from "./compare.ts";
import { MODE } from "./encode.ts";
import { INPUT } from "./harness.ts";
import type { Found, Session } from "./session.ts";

/** MOV r0, r0 and MOV r8, r8. */
const NOP = { arm: [0x0000, 0xe1a0], thumb: [0x46c0] } as const;

/** Milliseconds for one case alone. */
const TIMEOUT = 10_000;

/** Whether a case starts in Thumb state. */
function isThumb(test: Case): boolean {
  return (cpsrOf(test) & 0x20) !== 0;
}

/** CPSR with which a case starts. */
function cpsrOf(test: Case): number {
  const mode = test.input[INPUT.entryMode] & 0x1f;
  return test.input[mode === MODE.ABT ? INPUT.abt + 2 : INPUT.und + 2];
}

/** A case that differs by itself, or the finding that it does not. */
export interface Shrunk {
  /** The case, with as many instructions as possible replaced by no operation. */
  readonly test: Case;
  /** What differs; empty when the case agrees when run alone. */
  readonly differences: readonly Difference[];
}

/** Runs a case alone and replaces its instructions one by one as long as it still differs. */
export async function shrink(session: Session, found: Found): Promise<Shrunk> {
  const differs = async (test: Case): Promise<readonly Difference[]> => {
    const result = await session.compare(found.world, [test], found.seed, [], TIMEOUT);
    return result.mismatches[0]?.differences ?? [];
  };
  let { test } = found;
  let differences = await differs(test);
  if (differences.length === 0 || test.adjust.twin !== undefined) return { test, differences };
  const nop = isThumb(test) ? NOP.thumb : NOP.arm;
  // The last instruction is the SWI that ends the case.
  for (let i = test.code.length - 2 * nop.length; i >= 0; i -= nop.length) {
    const code = [...test.code];
    code.splice(i, nop.length, ...nop);
    const smaller = { ...test, code };
    const still = await differs(smaller);
    if (still.length === 0) continue;
    test = smaller;
    differences = still;
  }
  return { test, differences };
}

const MODE_NAMES = new Map<number, string>(
  Object.entries(MODE).map(([name, value]) => [value, name.toLowerCase()]),
);

function statusText(cpsr: number): string {
  const flags = [..."NZCV"].map((f, i) => (cpsr >>> 31 - i & 1) !== 0 ? f : f.toLowerCase());
  const masks = [..."IFT"].map((f, i) => (cpsr >>> 7 - i & 1) !== 0 ? f : f.toLowerCase());
  return `${flags.join("")} ${masks.join("")} ${MODE_NAMES.get(cpsr & 0x1f) ?? "?"}`;
}

const hex = (value: number): string => `0x${(value >>> 0).toString(16).padStart(8, "0")}`;

/** Lines that show a case: state, code, what differs. */
export function show(test: Case, differences: readonly Difference[]): string[] {
  const { input, code } = test;
  const thumb = isThumb(test);
  const start = input[INPUT.entry + 15];
  const lines = [`${test.kind}: starts in ${statusText(cpsrOf(test))}`];
  lines.push(
    `  c1 ${hex(input[INPUT.control])}, c3 ${hex(input[INPUT.dacr])}, c13 ${hex(input[INPUT.pid])}`,
  );
  const registers = (from: number, to: number, at: number, suffix: string): void => {
    const list = [];
    for (let n = from; n <= to; n++) list.push(`r${n}${suffix}=${hex(input[at + n - from])}`);
    lines.push("  " + list.join(" "));
  };
  registers(0, 7, INPUT.entry, "");
  registers(8, 12, INPUT.entry + 8, "");
  for (const [name, at] of Object.entries({ usr: 16, irq: 26, svc: 29, abt: 32, und: 35 })) {
    const spsr = name === "usr" ? "" : ` spsr_${name}=${hex(input[at + 2])}`;
    lines.push(`  r13_${name}=${hex(input[at])} r14_${name}=${hex(input[at + 1])}${spsr}`);
  }
  registers(8, 14, INPUT.fiq, "_fiq");
  const step = thumb ? 1 : 2;
  const instructions = (name: string, halfwords: readonly number[]): void => {
    for (let i = 0; i + step <= halfwords.length; i += step) {
      const insn = thumb ? halfwords[i] : (halfwords[i] | halfwords[i + 1] << 16) >>> 0;
      const at = start + 2 * i;
      const word = insn.toString(16).padStart(4 * step, "0");
      lines.push(`  ${name} ${hex(at)}: ${word}  ${disassemble(insn, at, { thumb })}`);
    }
  };
  instructions("code", code);
  if (test.adjust.twin) instructions("twin", test.adjust.twin);
  for (const d of differences) lines.push(`  ${describe(d)}`);
  return lines;
}
