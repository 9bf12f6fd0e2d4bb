/**
 * The round trip of a kernel call: from a task's SWI to its next instruction.
 *
 * @module
 */

import { type BenchCache, type TimedRow, timedRow } from "./bench.ts";
import { benchLab, type BenchSetting, chill, fidelityOf } from "./bench_lab.ts";
import { nativeCalls } from "./bench_native.ts";
import { observedInTask } from "./contexts.ts";
import { VECTOR } from "./cpu.ts";
import { InputError } from "./errors.ts";
import type { BackupStrategy, Lab } from "./lab.ts";
import { GLOBAL, MAP } from "./layout.ts";
import type { SwitchPoint } from "./switch_probe.ts";

/** Calls that are measured: their numbers in `guests/kernel/os_calls.def`. */
export const MEASURED_CALLS = { OSTimeGet: 22, OSSemPend: 26, OSSemPost: 27 } as const;

/** Name of such a call. */
export type MeasuredCall = keyof typeof MEASURED_CALLS;

/** Part of a call. */
export type CallPart = "in" | "kernel" | "out" | "monitor" | "total";

/** The parts, in their order. */
export const CALL_PARTS: readonly CallPart[] = ["in", "kernel", "out", "monitor", "total"];

/** One row. */
export interface CallRow extends TimedRow {
  /** Which measurement. */
  bench: "call";
  /** Which call. */
  call: MeasuredCall;
  /** Checkpoint strategy; "native": without a monitor. */
  strategy: BackupStrategy | "native";
  /** State of caches and TLBs when the SWI is executed. */
  cache: BenchCache;
  /**
   * `in`: from the SWI to the guest's vector; `kernel`: the guest's kernel, with the hypercalls that it
   * makes; `out`: from its HC_DISPATCH to the task's next instruction; `monitor`: `in` and `out`.
   */
  part: CallPart;
  /** The paper reports none. */
  paper_ns: null;
}

/** How calls are measured. */
export interface CallBenchOptions extends BenchSetting {
  /** Checkpoint strategies; default: off and cow. */
  readonly strategies?: readonly BackupStrategy[];
  /** States of the caches; default: warm, and cold where the fidelity has caches. */
  readonly caches?: readonly BenchCache[];
  /** Calls of each kind; default 200. */
  readonly samples?: number;
  /** The kernel on the bare board; without it there are no rows of it. */
  readonly native?: Uint8Array | undefined;
  /** Told after each step of the measurement, of how many. */
  readonly onStep?: ((done: number, of: number) => void) | undefined;
}

type Sample = Record<CallPart, number>;

/** Calls that are not counted. */
const WARM_UP = 20;
/** Board time after which a measurement is given up, ns. */
const LIMIT_NS = 30e9;

/** Listens to the calls of a laboratory that end without a switch. */
class CallMeter {
  readonly samples: Readonly<Record<MeasuredCall, Sample[]>> = {
    OSTimeGet: [],
    OSSemPend: [],
    OSSemPost: [],
  };
  readonly #lab: Lab;
  readonly #names: ReadonlyMap<number, MeasuredCall>;
  #call: MeasuredCall | undefined;
  #begin = 0;
  #kernel = 0;
  #entry = 0;

  constructor(lab: Lab, cold: boolean) {
    this.#lab = lab;
    this.#names = new Map(
      Object.entries(MEASURED_CALLS).map(([name, number]) => [number, name as MeasuredCall]),
    );
    lab.vmm.probe = (point) => {
      if (cold && point === "entry" && this.#inTask()) chill(lab);
      this.#pass(point, lab.board.clock.now);
    };
  }

  /** A task runs, not a kernel. */
  #inTask(): boolean {
    const { board } = this.#lab;
    const vm = board.peek(MAP.GLOBAL + GLOBAL.CURRENT, 4);
    return vm !== 0 && observedInTask(board, vm);
  }

  #pass(point: SwitchPoint, now: number): void {
    const { cpu } = this.#lab.board;
    switch (point) {
      case "entry":
        this.#entry = now;
        if (this.#inTask()) {
          this.#call = cpu.trap === VECTOR.SWI ? this.#names.get(cpu.userReg(12)) : undefined;
          this.#begin = now;
        } else if (cpu.trap !== VECTOR.SWI) this.#call = undefined;
        break;
      case "kernel":
        this.#kernel = now;
        break;
      case "task":
      case "vm":
        this.#call = undefined;
        break;
      case "resumed":
        if (this.#call === undefined) break;
        this.samples[this.#call].push({
          in: this.#kernel - this.#begin,
          kernel: this.#entry - this.#kernel,
          out: now - this.#entry,
          monitor: this.#kernel - this.#begin + now - this.#entry,
          total: now - this.#begin,
        });
        this.#call = undefined;
        break;
    }
  }
}

/**
 * Measures calls of a task alone in its VM: one that gives the time, one that takes a semaphore's
 * count, one that gives it back.
 *
 * @param relay The guest `relay`.
 * @throws {InputError} On bad options.
 */
export async function benchCall(
  relay: Uint8Array,
  options: CallBenchOptions = {},
): Promise<CallRow[]> {
  const { strategies = ["off", "cow"], samples = 200, native, onStep, ...setting } = options;
  const create = (backup: BackupStrategy) =>
    benchLab({ guests: [{ name: "relay", image: relay, arg: "1 1" }], backup }, setting);
  const caches = options.caches ??
    (fidelityOf(await create("off")) === "timed" ? ["warm", "cold"] as const : ["warm"] as const);
  const rows: CallRow[] = [];
  let done = 0;
  const total = strategies.length * caches.length + (native === undefined ? 0 : 1);
  for (const strategy of strategies) {
    for (const cache of caches) {
      const lab = await create(strategy);
      rows.push(...rowsOf(lab, strategy, cache, collect(lab, cache === "cold", samples), samples));
      onStep?.(++done, total);
    }
  }
  if (native !== undefined) {
    const call = "OSSemPost" as const;
    const measured = nativeCalls(native, MEASURED_CALLS[call], { samples, caches, ...setting });
    for (const { cycles, cache, fclk, fidelity } of measured) {
      const row = timedRow(cycles, fclk, fidelity);
      rows.push({
        bench: "call",
        call,
        strategy: "native",
        cache,
        part: "total",
        ...row,
        paper_ns: null,
      });
    }
    onStep?.(total, total);
  }
  return rows;
}

function collect(lab: Lab, cold: boolean, samples: number): CallMeter["samples"] {
  lab.runAll({ for: "3ms" });
  const meter = new CallMeter(lab, cold);
  const until = lab.time + LIMIT_NS;
  while (Object.values(meter.samples).some(({ length }) => length < samples + WARM_UP)) {
    lab.runAll({ for: "1ms" });
    if (lab.time > until || lab.stopped) throw new InputError("guest", "it makes no calls");
  }
  lab.vmm.probe = undefined;
  return meter.samples;
}

function rowsOf(
  lab: Lab,
  strategy: BackupStrategy,
  cache: BenchCache,
  samples: CallMeter["samples"],
  count: number,
): CallRow[] {
  const fidelity = fidelityOf(lab);
  return Object.entries(samples).flatMap(([call, all]) =>
    CALL_PARTS.map((part): CallRow => ({
      bench: "call",
      call: call as MeasuredCall,
      strategy,
      cache,
      part,
      ...timedRow(
        all.slice(WARM_UP, WARM_UP + count).map((sample) => sample[part]),
        lab.board.clock.fclk,
        fidelity,
      ),
      paper_ns: null,
    }))
  );
}
