/**
 * The timed interpreter: the exact one, instruction by instruction, with the time that the pipeline of
 * the ARM9TDMI takes for each. What fetches and data accesses cost is charged where they are done.
 *
 * @module
 */

import { CACHE_LINE } from "./cache.ts";
import type { CpuCore } from "./cpu_core.ts";
import { executeArm, executeThumb } from "./cpu_exact.ts";
import { PSR, STATE } from "./cpu_state.ts";
import type { MemoryTiming } from "./timing_memory.ts";
import type { Pipeline } from "./timing_issue.ts";

/**
 * Executes one instruction in its time, or takes the exception that its fetch raises.
 *
 * @param core The CPU, inside a stretch and with no interrupt to take.
 * @param timing What its accesses cost.
 * @param pipeline Its pipeline.
 */
export function timedStep(core: CpuCore, timing: MemoryTiming, pipeline: Pipeline): void {
  const r = core.i32;
  const pc = r[STATE.PC];
  const thumb = (r[STATE.CPSR] & PSR.T) !== 0;
  const size = thumb ? 2 : 4;
  timing.sequential = false;
  const insn = core.fetch(pc, size);
  if (core.faulted) {
    core.prefetchAbort(pc);
    core.excepted = false;
    pipeline.refill();
    return;
  }
  const ahead = timing.values.fetchAhead * size;
  if ((pc & (CACHE_LINE - 1)) + ahead >= CACHE_LINE) core.fetchAhead((pc + ahead) | 0);
  r[STATE.R + 15] = (pc + 2 * size) | 0;
  r[STATE.PC] = (pc + size) | 0;
  const cycle = timing.coreCycle;
  const wait = pipeline.issue(core, insn, thumb);
  if (wait > 0) core.stall(wait * cycle);
  timing.unaligned = false;
  core.beats = 0;
  if (thumb) executeThumb(core, insn);
  else executeArm(core, insn);
  timing.sequential = false;
  const excepted = core.excepted;
  core.excepted = false;
  const extra = pipeline.finish(excepted, timing.unaligned);
  // The first cycle is charged, as one of FCLK; those between words of an LDM or STM are, too.
  const charge = excepted ? 0 : (extra - core.beats + 1) * cycle - 1;
  if (charge > 0) core.stall(charge);
}
