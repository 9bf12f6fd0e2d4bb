/**
 * What a recovery costs: from the faulting instruction to the first one of the recovered task or
 * guest.
 *
 * @module
 */

import { mean, type Spread, spread, type TimedRow, timedRow } from "./bench.ts";
import { benchLab, type BenchSetting, fidelityOf, resized } from "./bench_lab.ts";
import type { SwitchGuests } from "./bench_switch.ts";
import { observedInTask, observedTask } from "./contexts.ts";
import { InputError } from "./errors.ts";
import type { BackupStrategy, Lab } from "./lab.ts";
import { GLOBAL, MAP, NONE, UNIT, VM } from "./layout.ts";
import type { SwitchPoint } from "./switch_probe.ts";

/** Part of a recovery. */
export type RecoveryPart = "monitor" | "maintenance" | "total";

/** One row. */
export interface RecoveryRow extends TimedRow {
  /** Which measurement. */
  bench: "recovery";
  /** What is recovered. */
  unit: "task" | "guest";
  /** Who runs next: the recovered one, or another. */
  resume: "immediate" | "yield";
  /** Checkpoint strategy. */
  strategy: BackupStrategy;
  /** Standby pages have checksums, verified before use. */
  checksums: boolean;
  /** Pages that the guest wrote a word in since its checkpoint. */
  written: number;
  /** Pages whose frame the swap exchanged: those, and the stack. */
  pages: number;
  /** Pages copied during the recovery. */
  copied: number;
  /** Work given up: board time from where it went on with its checkpoint to the error, ns. */
  lost_ns: Spread;
  /**
   * `monitor`: from the faulting instruction until the monitor leaves for a guest; `total`: until the
   * first instruction of the recovered task or guest. `maintenance`: what of it TLBs, caches and write
   * buffer take.
   */
  part: RecoveryPart;
  /** Mean, ns. */
  mean_ns: number;
  /** The paper reports none. */
  paper_ns: null;
}

/** How recoveries are measured. */
export interface RecoveryBenchOptions extends BenchSetting {
  /** Pages written since the checkpoint, 1 to 64 for a task, to 256 for a guest of 1 MB. */
  readonly pages?: readonly number[];
  /** Units; default: both. */
  readonly units?: readonly ("task" | "guest")[];
  /** Checkpoint strategy; default: cow. */
  readonly strategies?: readonly Exclude<BackupStrategy, "off">[];
  /** With checksums, without; default: both. */
  readonly checksums?: readonly boolean[];
  /** Pages with which `yield` is measured: it differs in what is waited for; default: all. */
  readonly yields?: readonly number[] | undefined;
  /** Most pages with which checksums are measured; default: no limit. */
  readonly summed?: number | undefined;
  /** Who runs next; default: both. */
  readonly resumes?: readonly ("immediate" | "yield")[];
  /** Pages of the guest's data; default 256: 1 MB. */
  readonly region?: number;
  /** Recoveries; default 10. */
  readonly samples?: number;
  /** Told after each step of the measurement, of how many. */
  readonly onStep?: ((done: number, of: number) => void) | undefined;
}

/** Pages written in the default measurement. */
export const RECOVERY_PAGES: readonly number[] = [1, 2, 4, 8, 16, 64];
/** Most pages of the task and of the guest that are measured. */
const MOST = { task: 64, guest: 256 } as const;
/** Pages of a guest of 1 MB. */
const GUEST_PAGES = 256;
/** Recoveries that are not counted. */
const WARM_UP = 2;
/** Board time after which a measurement is given up, ns. */
const LIMIT_NS = 30e9;

/** Operations of the port that are maintenance. */
const MAINTENANCE = [
  ...["drain", "invalidateDataTlb", "invalidateDataTlbEntry"] as const,
  ...["invalidateInstructionTlb", "invalidateInstructionTlbEntry"] as const,
  ...[
    "discardPageLines",
    "flushPageLines",
    "flushDataCache",
    "invalidateInstructionCache",
  ] as const,
] as const;

interface Sample {
  monitor: number;
  maintenance: number;
  total: number;
  pages: number;
  copied: number;
  lost: number;
}

/** Listens to the recoveries of a laboratory. */
class RecoveryMeter {
  readonly samples: Sample[] = [];
  readonly #lab: Lab;
  readonly #vm: number;
  readonly #unit: "task" | "guest";
  #begin = 0;
  #monitor = 0;
  #maintenance = 0;
  /** Maintenance when the monitor left. */
  #maintained = 0;
  #task = NONE;
  #copies = 0;
  #copied = 0;
  #pages = 0;
  /** Board time, cycles, at which it went on from its checkpoint. */
  #since = 0;
  #lost = 0;
  #open = false;

  constructor(lab: Lab, vm: string, unit: "task" | "guest") {
    this.#lab = lab;
    this.#vm = lab.vmRecord(vm);
    this.#unit = unit;
    const { backup } = lab.vmm;
    const swapTask = backup.swapTask.bind(backup);
    const swapGuest = backup.swapGuest.bind(backup);
    backup.swapTask = (...args) => {
      const result = swapTask(...args);
      this.#pages = result?.pages ?? -1;
      return result;
    };
    backup.swapGuest = (...args) => {
      const result = swapGuest(...args);
      this.#pages = result?.pages ?? -1;
      return result;
    };
    this.#watchMaintenance();
    lab.vmm.probe = (point, cycle) => this.#pass(point, cycle);
  }

  #watchMaintenance(): void {
    const { board, vmm: { port } } = this.#lab;
    for (const name of MAINTENANCE) {
      const operation = port[name].bind(port) as (mva: number) => void;
      port[name] = (mva: number = 0) => {
        const start = board.clock.now;
        operation(mva);
        this.#maintenance += board.clock.now - start;
      };
    }
  }

  #word(address: number): number {
    return this.#lab.board.peek(address, 4);
  }

  /** Number of the task that runs, NONE in a kernel. */
  #running(): number {
    const { board } = this.#lab;
    return observedInTask(board, this.#vm) ? observedTask(board, this.#vm) : NONE;
  }

  /** Copies of pages of the VM so far. */
  #count(): number {
    const units = this.#word(this.#vm + VM.UNITS);
    let count = 0;
    for (let i = 0; i < this.#word(this.#vm + VM.UNIT_COUNT); i++) {
      count += this.#word(units + i * UNIT.SIZE + UNIT.COPIES);
    }
    return count;
  }

  #pass(point: SwitchPoint, cycle: number): void {
    switch (point) {
      case "entry":
        if (!this.#open) this.#begin = cycle;
        break;
      case "fault":
        this.#task = this.#running();
        this.#copies = this.#count();
        this.#monitor = 0;
        this.#maintenance = 0;
        this.#lost = (this.#begin - this.#since) * 1e9 / this.#lab.board.clock.fclk;
        this.#open = true;
        break;
      case "recovered":
        this.#copied = this.#count() - this.#copies;
        break;
      case "kernel":
      case "idle":
      case "resumed":
        this.#left(point, cycle);
        break;
    }
  }

  /** The monitor leaves for a guest. */
  #left(point: SwitchPoint, cycle: number): void {
    if (!this.#open) return;
    if (this.#monitor === 0) {
      this.#monitor = cycle - this.#begin;
      this.#maintained = this.#maintenance;
    }
    if (point !== "resumed" || this.#word(MAP.GLOBAL + GLOBAL.CURRENT) !== this.#vm) return;
    const running = this.#running();
    if (this.#unit === "task" && (running === NONE || running !== this.#task)) return;
    this.#open = false;
    this.#since = cycle;
    this.samples.push({
      monitor: this.#monitor,
      maintenance: this.#maintained,
      total: cycle - this.#begin,
      pages: this.#pages,
      copied: this.#copied,
      lost: this.#lost,
    });
  }
}

/**
 * Measures recoveries: a task, and a guest of 1 MB, write to some pages and then store to an address
 * of nobody, again and again.
 *
 * @param guests The guests.
 * @throws {InputError} On bad options.
 */
export async function benchRecovery(
  guests: SwitchGuests,
  options: RecoveryBenchOptions = {},
): Promise<RecoveryRow[]> {
  const { units = ["task", "guest"], strategies = ["cow"], checksums = [false, true] } = options;
  const { samples = 10, resumes = ["immediate", "yield"], onStep } = options;
  const steps: Parameters<typeof measure>[1][] = [];
  const { yields, summed = Infinity } = options;
  for (const unit of units) {
    const pages = options.pages ?? [...RECOVERY_PAGES, ...(unit === "guest" ? [GUEST_PAGES] : [])];
    for (const written of pages) {
      if (!(Number.isInteger(written) && written >= 1 && written <= MOST[unit])) {
        throw new InputError(
          "pages",
          `${written} is not allowed`,
          `allowed: 1 to ${MOST.task} for a task, to ${MOST.guest} for a guest`,
        );
      }
    }
    for (const strategy of strategies) {
      for (const sums of checksums) {
        for (const resume of resumes) {
          for (const written of pages) {
            if (sums && written > summed) continue;
            if (resume === "yield" && yields !== undefined && !yields.includes(written)) continue;
            steps.push({ unit, strategy, sums, resume, written });
          }
        }
      }
    }
  }
  const rows: RecoveryRow[] = [];
  for (const [i, step] of steps.entries()) {
    rows.push(...await measure(guests, step, samples, options));
    onStep?.(i + 1, steps.length);
  }
  return rows;
}

async function measure(
  { sweep, relay }: SwitchGuests,
  step: {
    unit: "task" | "guest";
    strategy: BackupStrategy;
    sums: boolean;
    resume: "immediate" | "yield";
    written: number;
  },
  samples: number,
  { region = GUEST_PAGES, ...setting }: RecoveryBenchOptions,
): Promise<RecoveryRow[]> {
  const { unit, strategy, sums, resume, written } = step;
  const forever = [{ action: "swap", limit: 1000 }, { action: "stop" }] as const;
  const broken = unit === "task" ? { name: "broken", image: relay, arg: `1 ${written} 1` } : {
    name: "broken",
    image: resized(sweep, region),
    arg: `${written} 1 0 1 ${region}`,
  };
  // With another guest beside it a recovered one waits for its turn.
  const other = { name: "other", image: resized(sweep, 1), arg: "1 0 1000 0 1" };
  const guests = unit === "guest" && resume === "yield" ? [broken, other] : [broken];
  const lab = await benchLab(
    {
      guests,
      backup: strategy,
      checksums: sums,
      // No checkpoint but the first: what is dirty is what the guest wrote.
      period: "1000s",
      slice: "1ms",
      policy: { task: forever, guest: forever, window: "1us", resume },
    },
    setting,
  );
  const meter = new RecoveryMeter(lab, "broken", unit);
  const until = lab.time + LIMIT_NS;
  while (meter.samples.length < samples + WARM_UP) {
    lab.runAll({ for: "1ms" });
    if (lab.time > until || lab.stopped) throw new InputError("guest", "it does not fail");
  }
  const found = meter.samples.slice(WARM_UP, WARM_UP + samples);
  const { fclk } = lab.board.clock;
  return (["monitor", "maintenance", "total"] as const).map((part) => ({
    bench: "recovery",
    unit,
    resume,
    strategy,
    checksums: sums,
    written,
    pages: spread(found.map(({ pages }) => pages)).median,
    copied: spread(found.map(({ copied }) => copied)).median,
    lost_ns: spread(found.map(({ lost }) => lost)),
    part,
    ...timedRow(found.map((sample) => sample[part]), fclk, fidelityOf(lab)),
    mean_ns: mean(found.map((sample) => sample[part])) * 1e9 / fclk,
    paper_ns: null,
  }));
}
