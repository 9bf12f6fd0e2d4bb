/**
 * The way of the fast interpreter from an address to decoded instructions.
 *
 * @module
 */
import type { CpuCore } from "./cpu_core.ts";
import { exactStep } from "./cpu_exact.ts";
import { MODE, PSR } from "./cpu_state.ts";
import { ACCESS } from "./mmu.ts";

/**
 * What decides, beside the address, which decoded page is meant.
 *
 * @param cpsr Mode and T bit.
 * @returns State for {@linkcode CodeCache.find}: 1 for Thumb state, 2 for User mode.
 */
export function stateOf(cpsr: number): number {
  return ((cpsr & PSR.T) !== 0 ? 1 : 0) | ((cpsr & PSR.MODE) === MODE.USR ? 2 : 0);
}

/**
 * Finds the decoded page of an address by a translation.
 *
 * @param core The CPU; STATE.PC is the address.
 * @param pc The address.
 * @param state What {@linkcode stateOf} gives.
 * @returns Index in the pool; -1 when the instruction there was executed, or its abort taken, instead.
 */
export function locate(core: CpuCore, pc: number, state: number): number {
  const mmu = core.mmu;
  const pa = mmu.translate(pc, ACCESS.FETCH, (state & 2) === 0);
  if (pa < 0) {
    core.prefetchAbort(pc);
    return -1;
  }
  const whole = mmu.entry < 0 || (mmu.itlb.mask[mmu.entry] & 0xfff) === 0;
  const host = whole && mmu.direct ? mmu.host(pa - (pa & 0xfff), false) : -1;
  if (host < 0) {
    exactStep(core);
    return -1;
  }
  return core.code.enter(pc, state, host);
}
