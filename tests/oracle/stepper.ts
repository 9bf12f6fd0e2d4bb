/**
 * Runs the cases on the emulator one instruction at a time, without the harness: sets the state
 * through the CPU's own interface and steps until an exception. This counts what is executed, and
 * holds `step()` to the results of `run()`.
 *
 * @module
 */

import type { Case } from "./case.ts";
import type { Coverage } from "./coverage.ts";
import { MODE } from "./encode.ts";
import { INPUT, LAYOUT, OUTPUT, PIECE, VENEERS } from "./harness.ts";
import type { OwnMachine } from "./own.ts";
import { SCRATCH_ALIAS } from "./tables.ts";

/** Instructions after which a case counts as endless. */
const MOST_STEPS = 20000;

const BANKS: readonly (readonly [mode: number, first: number, word: number])[] = [
  [MODE.USR, 13, INPUT.usr],
  [MODE.FIQ, 8, INPUT.fiq],
  [MODE.IRQ, 13, INPUT.irq],
  [MODE.SVC, 13, INPUT.svc],
  [MODE.ABT, 13, INPUT.abt],
  [MODE.UND, 13, INPUT.und],
];

/** Sets CPU and window as the harness would. */
function enter(machine: OwnMachine, ram: number, test: Case): void {
  const { cpu } = machine;
  const { input } = test;
  const words = machine.words;
  const data = (input[INPUT.data] - ram) / 4;
  const piece = (address: number): number => (address - SCRATCH_ALIAS + LAYOUT.scratch) / 4;
  machine.write(piece(input[INPUT.pieceA]), words.subarray(data, data + PIECE));
  machine.write(piece(input[INPUT.pieceB]), words.subarray(data + PIECE, data + 2 * PIECE));
  const { mmu } = cpu;
  mmu.mcr(2, 0, 0, input[INPUT.ttb]);
  mmu.mcr(13, 0, 0, input[INPUT.pid]);
  mmu.mcr(3, 0, 0, input[INPUT.dacr]);
  mmu.mcr(5, 0, 0, 0);
  mmu.mcr(5, 0, 1, 0);
  mmu.mcr(6, 0, 0, input[INPUT.far]);
  mmu.mcr(1, 0, 0, input[INPUT.control]);
  mmu.mcr(8, 7, 0, 0);
  const entryMode = input[INPUT.entryMode] & 0x1f;
  const spsrWord = entryMode === MODE.ABT ? INPUT.abt + 2 : INPUT.und + 2;
  cpu.cpsr = input[spsrWord];
  for (let n = 0; n < 13; n++) cpu.setUserReg(n, input[INPUT.entry + n]);
  for (const [mode, first, word] of BANKS) {
    for (let n = first; n < 15; n++) cpu.setBankedReg(mode, n, input[word + n - first]);
    if (mode !== MODE.USR) cpu.setSpsrOf(mode, input[word + 15 - first]);
  }
  cpu.setBankedReg(entryMode, 13, input[INPUT.entry + 13]);
  cpu.setBankedReg(entryMode, 14, input[INPUT.entry + 14]);
  cpu.pc = input[INPUT.entry + 15];
}

/** Whether the CPU is at a vector, low or high, and about to execute it. */
function atVector(pc: number, cpsr: number, pid: number): boolean {
  const executes = (cpsr & 0x1f) !== MODE.USR && (cpsr & 0x20) === 0;
  // FCSE moves the low addresses to where no vectors are.
  return executes && ((pid === 0 && pc < 0x20) || (pc >= 0xffff0000 && pc < 0xffff0020));
}

/**
 * Steps through one case.
 *
 * @param machine The emulator, loaded with the image of the case.
 * @param ram Physical address of RAM.
 * @param test The case.
 * @param coverage Receives what is executed.
 * @param run Output record of the same case from a run.
 * @returns What differs from the run, or undefined.
 */
export function stepCase(
  machine: OwnMachine,
  ram: number,
  test: Case,
  coverage: Coverage,
  run: Uint32Array,
): string | undefined {
  enter(machine, ram, test);
  const { cpu } = machine;
  const { words } = machine;
  const halfwords = new Uint16Array(words.buffer, words.byteOffset, words.length * 2);
  const start = test.input[INPUT.entry + 15] - (test.address - ram);
  for (let i = 0; !atVector(cpu.pc, cpu.cpsr, test.input[INPUT.pid]); i++) {
    if (i === MOST_STEPS) return "does not end";
    const { pc, cpsr } = cpu;
    const offset = pc - start;
    if (offset >= LAYOUT.code && offset < LAYOUT.code + LAYOUT.codeBytes) {
      if ((cpsr & 0x20) !== 0) coverage.thumb(halfwords[offset >>> 1], cpsr);
      else coverage.arm(words[offset >>> 2], cpsr);
    }
    // A stray jump among the veneers runs the harness's handlers, which are not set up here.
    if (pc >>> 12 === VENEERS.low.page >>> 12 || pc >>> 12 === VENEERS.high.page >>> 12) return;
    cpu.step();
  }
  const wrong: string[] = [];
  const check = (what: string, step: number, ran: number): void => {
    if (step >>> 0 !== ran >>> 0) {
      wrong.push(`${what} is ${(step >>> 0).toString(16)} by step(), ${ran.toString(16)} by run()`);
    }
  };
  check("vector", cpu.pc & 0x1f, run[OUTPUT.vector] * 4);
  check("CPSR", cpu.cpsr, run[OUTPUT.cpsr]);
  check("FSR", cpu.mmu.mrc(5, 0, 0), run[OUTPUT.fsr]);
  check("FAR", cpu.mmu.mrc(6, 0, 0), run[OUTPUT.far]);
  for (let n = 0; n < 8; n++) check(`r${n}`, cpu.reg(n), run[OUTPUT.r0 + n]);
  for (let n = 8; n < 15; n++) check(`r${n}_usr`, cpu.userReg(n), run[OUTPUT.usr + n - 8]);
  return wrong.length === 0 ? undefined : wrong.join("; ");
}
