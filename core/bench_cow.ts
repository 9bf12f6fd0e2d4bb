/**
 * What the copy-on-write strategy costs: board time against the pages written in a period, and host
 * time of the two operations that are to be quick.
 *
 * @module
 */

import { type Spread, spread } from "./bench.ts";
import { inTask } from "./contexts.ts";
import { benchLab, type BenchSetting, fidelityOf } from "./bench_lab.ts";
import { unitOf } from "./domains.ts";
import { InputError } from "./errors.ts";
import { Lab } from "./lab.ts";
import { GLOBAL, MAP, TASK_STATE, UNIT, UNIT_KIND, VM } from "./layout.ts";
import { parseTime } from "./time.ts";
import type { Fidelity } from "./timing.ts";
import type { CheckpointEvent } from "./trace.ts";

/** One row of the sweep. */
export interface CowRow {
  /** Which measurement. */
  bench: "cow";
  /** Distinct pages that the guest writes in a period. */
  pages: number;
  /** Checkpoints of the run. */
  checkpoints: number;
  /** Measured board time between two checkpoints, ns. */
  period_ns: number;
  /** Pages copied a period. */
  copies: number;
  /** Board time a period that the same work takes longer than without a backup, cycles. */
  cycles: number;
  /** Table walks a period that it takes more. */
  walks: number;
  /** Overhead: `cycles` as a share of the measured period. */
  overhead: number;
  /**
   * The same with the walks, which the fast fidelity does not charge, at {@linkcode WALK_CYCLES}; in the
   * timed one they are in `overhead` already, and this is the same.
   */
  overhead_with_walks: number;
  /** How the machine was simulated. */
  fidelity: Fidelity;
}

/** Numbers of pages of the sweep. */
export const COW_PAGES: readonly number[] = [1, 2, 4, 8, 16, 32, 64];

/**
 * A table walk of two levels: two reads of 6 to 12 HCLK at 400/100 MHz, and the synchronization. An
 * estimate from the bus, as the charges of the fast fidelity are.
 */
export const WALK_CYCLES = 72;

/** FCLK cycles of a nanosecond, at the monitor's 400 MHz. */
const CYCLES_PER_NS = 0.4;
/** Name of the guest in the measurement. */
const NAME = "sweep";
/** Rounds of the run that finds out how long a round takes. */
const TRIAL_ROUNDS = 10;
/** Board time after which a run that does not end is given up, ns. */
const LIMIT_NS = 60e9;

/** What a run to its end came to. */
interface Run {
  cycles: number;
  walks: number;
  copies: number;
  checkpoints: CheckpointEvent[];
  fidelity: Fidelity;
}

/** Runs the guest until it halts. */
async function run(
  image: Uint8Array,
  backup: "off" | "cow",
  period: number,
  pages: number,
  rounds: number,
  setting: BenchSetting,
): Promise<Run> {
  const guests = [{ name: NAME, image, arg: `${pages} ${rounds}` }];
  // A look at the period at every tick: what is measured is the period asked for.
  const lab = await benchLab({ guests, backup, period, slice: "1ms" }, setting);
  const checkpoints: CheckpointEvent[] = [];
  while (lab.time < LIMIT_NS && !lab.stopped) {
    for (const event of lab.runAll({ for: "5ms" })) {
      if (event.type === "checkpoint") checkpoints.push(event);
      if (event.type !== "vm" || event.state !== "halted") continue;
      const vm = lab.vmRecord(NAME);
      return {
        cycles: lab.board.clock.cycleAt(event.t),
        walks: lab.board.mmu.counters.walksData + lab.board.mmu.counters.walksInstruction,
        copies: lab.board.peek(lab.board.peek(vm + VM.UNITS, 4) + UNIT.COPIES, 4),
        checkpoints: checkpoints.filter((c) => c.t <= event.t),
        fidelity: fidelityOf(lab),
      };
    }
  }
  throw new InputError("image", "the guest does not halt after its rounds");
}

/**
 * Measures the board time that `cow` costs, all of it: checkpoints, first writes with their copies,
 * and repairs. The guest does the same work with and without a backup; the difference is the cost.
 *
 * @param image The guest `sweep`: its boot argument is pages and rounds, then it halts.
 * @param pages Numbers of pages.
 * @param period Checkpoint period (ns or "10ms").
 * @param periods Periods of a run, at least.
 * @param setting How the machine is simulated.
 * @throws {InputError} When the period is none, or the guest does not halt.
 */
export async function benchCow(
  image: Uint8Array,
  pages: readonly number[] = COW_PAGES,
  period: number | string = "10ms",
  periods = 10,
  setting: BenchSetting & {
    /** Told after each step of the measurement, of how many. */
    readonly onStep?: ((done: number, of: number) => void) | undefined;
  } = {},
): Promise<CowRow[]> {
  const ns = parseTime(period, "period");
  if (ns < 1_000_000) throw new InputError("period", `${period}`, "allowed: 1ms and more");
  const rows: CowRow[] = [];
  for (const count of pages) {
    const trial = await run(image, "off", ns, count, TRIAL_ROUNDS, setting);
    // The trial's boot is in its time, too: it makes a round of few pages look longer.
    const round = trial.cycles / TRIAL_ROUNDS;
    const rounds = Math.ceil(2 * periods * ns * CYCLES_PER_NS / round);
    const off = await run(image, "off", ns, count, rounds, setting);
    const cow = await run(image, "cow", ns, count, rounds, setting);
    rows.push(rowOf(count, off, cow));
    setting.onStep?.(rows.length, pages.length);
  }
  return rows;
}

function rowOf(pages: number, off: Run, cow: Run): CowRow {
  const taken = cow.checkpoints;
  // The first one is taken at the start, not at a tick.
  const first = taken.length > 2 ? 1 : 0;
  const intervals = Math.max(1, taken.length - 1 - first);
  const period = (taken[taken.length - 1].t - taken[first].t) / intervals;
  // Each checkpoint, the first one too, makes the pages clean once.
  const cycles = (cow.cycles - off.cycles) / taken.length;
  const walks = (cow.walks - off.walks) / taken.length;
  const uncharged = cow.fidelity === "fast" ? walks * WALK_CYCLES : 0;
  return {
    bench: "cow",
    pages,
    checkpoints: taken.length,
    period_ns: Math.round(period),
    copies: cow.copies / taken.length,
    cycles: Math.round(cycles),
    walks: Math.round(walks),
    overhead: cycles / (period * CYCLES_PER_NS),
    overhead_with_walks: (cycles + uncharged) / (period * CYCLES_PER_NS),
    fidelity: cow.fidelity,
  };
}

/** Host time of an operation on one task, microseconds. */
export interface HostRow {
  /** Which measurement. */
  bench: "host";
  /** The operation. */
  operation: "checkpoint" | "swap";
  /** Samples. */
  count: number;
  /** Microseconds of host time. */
  us: Spread;
}

/**
 * Measures how long a checkpoint and a swap of one task take on this host with `cow`, after a page
 * of the task has been written.
 *
 * @param image A guest with tasks.
 * @param now Clock of the host, milliseconds.
 * @param count Samples; as many more come first, until the host's compiler has settled.
 * @throws {InputError} When the guest has no task.
 */
export async function benchHost(
  image: Uint8Array,
  now: () => number,
  count = 2000,
): Promise<HostRow[]> {
  const lab = await Lab.create({ guests: [{ name: "guest", image }], backup: "cow" });
  const { port, backup, domains } = lab.vmm;
  const { vm, unit } = runningTask(lab);
  domains.open(vm, unit);
  port.setDacr(port.read(unit + UNIT.DACR_KERNEL));
  let page = 0;
  backup.versions.eachWritable(vm, unit, (record) => page = record);
  const mva = backup.versions.mva(vm, page);
  const samples: { checkpoint: number[]; swap: number[] } = { checkpoint: [], swap: [] };
  const timed = (body: () => void): number => {
    const start = now();
    body();
    return (now() - start) * 1000;
  };
  for (let i = 0; i < 2 * count; i++) {
    port.writeUser(mva, 4, i);
    const checkpoint = timed(() => backup.checkpointTask(vm, unit));
    port.writeUser(mva, 4, ~i);
    const swap = timed(() => backup.swapTask(vm, unit));
    lab.recorder.take();
    if (i < count) continue;
    samples.checkpoint.push(checkpoint);
    samples.swap.push(swap);
  }
  return (["checkpoint", "swap"] as const).map((operation) => ({
    bench: "host",
    operation,
    count,
    us: spread(samples[operation]),
  }));
}

/** Runs until a task of the guest has the CPU. */
function runningTask(lab: Lab): { vm: number; unit: number } {
  const port = lab.vmm.port;
  for (let i = 0; i < 1000; i++) {
    lab.runAll({ for: 50_000 });
    const vm = port.read(MAP.GLOBAL + GLOBAL.CURRENT);
    if (vm === 0 || !inTask(port, vm)) continue;
    for (let u = 0; u < port.read(vm + VM.UNIT_COUNT); u++) {
      const unit = unitOf(vm, u);
      const task = port.read(unit + UNIT.KIND) === UNIT_KIND.TASK;
      if (task && port.read(unit + UNIT.STATE) === TASK_STATE.CREATED) return { vm, unit };
    }
  }
  throw new InputError("image", "no task of the guest ever runs");
}
