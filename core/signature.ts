/**
 * Whether two machines are in the same state outside their memory: registers, CP15, TLBs, devices.
 *
 * What can't be seen is left out: the banked registers of exception modes, which an exception writes
 * before the monitor reads them, fault registers for the same reason, and while the core waits in the
 * monitor's idle loop the general registers, which the next guest gets from its saved context.
 *
 * @module
 */

import type { Board } from "./board.ts";
import { C1, CR } from "./cp15.ts";
import { MODE } from "./cpu.ts";
import type { Lab } from "./lab.ts";
import type { DeviceName } from "./s3c2440.ts";
import { type Tlb, TLB_ENTRIES, TLB_INFO } from "./tlb.ts";

/** Devices that the monitor uses. */
export const MOVING_DEVICES: readonly DeviceName[] = ["INTC", "PWM", "UART0", "WDT"];

/** Numbers of order and counts of mistakes are not state. */
function withoutOrder(key: string, value: unknown): unknown {
  return key === "seq" || key === "stray" ? undefined : value;
}

/** State of registers, CP15, waiting, unfinished lines, and of the devices that move. */
export class Signature {
  readonly #core: Int32Array;
  readonly #text: string;

  /** Takes it. */
  constructor(lab: Lab) {
    this.#core = coreWords(lab.board);
    const { devices } = lab.board.soc;
    const lines = lab.recorder.unfinished(0).map(({ vm, task, text }) => [vm, task, text]);
    const states = MOVING_DEVICES.map((name) => devices[name].state());
    this.#text = JSON.stringify([lines, states], withoutOrder);
  }

  /** True when a laboratory is in this state now. */
  isOf(lab: Lab): boolean {
    const core = coreWords(lab.board);
    if (core.length !== this.#core.length) return false;
    for (let i = 0; i < core.length; i++) if (core[i] !== this.#core[i]) return false;
    return new Signature(lab).#text === this.#text;
  }

  /** The devices that the monitor does not use, as text. */
  static stillDevices(lab: Lab): string {
    const { devices } = lab.board.soc;
    const still = (Object.keys(devices) as DeviceName[]).filter((name) =>
      !MOVING_DEVICES.includes(name)
    );
    return JSON.stringify(still.map((name) => devices[name].state()), withoutOrder);
  }
}

function coreWords({ cpu, waiting }: Board): Int32Array {
  const { mmu } = cpu;
  const idle = (cpu.cpsr & 0x1f) === MODE.SVC;
  // Flags are nothing to the idle loop.
  const words = [
    idle ? cpu.cpsr & 0xff : cpu.cpsr,
    cpu.pc,
    waiting ? 1 : 0,
    mmu.control,
    mmu.ttb,
    mmu.dacr,
    mmu.pid,
    mmu.itlb.base << 1 | mmu.itlb.preserve,
    mmu.dtlb.base << 1 | mmu.dtlb.preserve,
  ];
  if (!idle) { for (let n = 0; n < 15; n++) words.push(cpu.reg(n)); }
  return Int32Array.from(words);
}

/**
 * True when every valid entry of both TLBs is what a walk of the tables would give now. Then what
 * the TLBs hold is without effect: an access finds the same either way, in the same time.
 */
export function tlbsAgree({ board }: Lab): boolean {
  const { mmu } = board.cpu;
  if ((mmu.control & C1.M) === 0) return false;
  return agrees(board, mmu.itlb) && agrees(board, mmu.dtlb);
}

/** Indexes in SDRAM of the words of the tables that a walk to each valid TLB entry reads now. */
export function walkedWords({ board }: Lab): Set<number> {
  const { memory, sdram, mmu } = board;
  const words = memory.u32;
  const first = sdram.offset >>> 2;
  const ttb = mmu.mrc(CR.TTB, 0, 0) >>> 0;
  const found = new Set<number>();
  const index = (pa: number) => (pa - sdram.base) >>> 2;
  for (const tlb of [board.cpu.mmu.itlb, board.cpu.mmu.dtlb]) {
    for (let i = 0; i < TLB_ENTRIES; i++) {
      if (tlb.mask[i] === 0) continue;
      const mva = tlb.tag[i];
      const entry = index((ttb | (mva >>> 18 & 0x3ffc)) >>> 0);
      found.add(entry);
      const l1 = words[first + entry] ?? 0;
      if ((l1 & 3) === 1) found.add(index(((l1 & 0xfffffc00) | (mva >>> 10 & 0x3fc)) >>> 0));
    }
  }
  return found;
}

function agrees(board: Board, tlb: Tlb): boolean {
  const { memory, sdram } = board;
  const words = memory.u32;
  const offset = sdram.offset - sdram.base;
  const ttb = board.mmu.mrc(CR.TTB, 0, 0) >>> 0;
  const word = (pa: number): number => {
    const inside = pa >= sdram.base && pa < sdram.base + sdram.size;
    return inside ? words[(pa + offset) >>> 2] : 0;
  };
  for (let i = 0; i < TLB_ENTRIES; i++) {
    const mask = tlb.mask[i];
    if (mask === 0) continue;
    const mva = tlb.tag[i];
    const l1 = word((ttb | (mva >>> 18 & 0x3ffc)) >>> 0);
    const info = tlb.info[i] & ~TLB_INFO.PRESERVE;
    const domain = l1 >>> 1 & TLB_INFO.DOMAIN;
    if ((l1 & 3) === 2) {
      const found = (l1 >>> 10 & TLB_INFO.AP) | (l1 & (TLB_INFO.B | TLB_INFO.C)) | domain;
      if (mask !== (0xfff00000 | 0) || tlb.pa[i] !== (l1 & mask) || info !== found) return false;
      continue;
    }
    // The monitor makes coarse tables of small pages with one permission; all else is looked at anew.
    if ((l1 & 3) !== 1) return false;
    const l2 = word(((l1 & 0xfffffc00) | (mva >>> 10 & 0x3fc)) >>> 0);
    const ap = l2 >>> 4 & 0xff;
    if ((l2 & 3) !== 2 || ap !== (ap & 3) * 0x55 || mask !== (0xfffff000 | 0)) return false;
    const found = (ap & 3) | (l2 & (TLB_INFO.B | TLB_INFO.C)) | domain | TLB_INFO.PAGE;
    if (tlb.pa[i] !== (l2 & mask) || info !== found) return false;
  }
  return true;
}
