/**
 * Carries the experiments of a campaign out: the same in the command, in its workers, and on other
 * machines.
 *
 * @module
 */

import { loadGuest } from "../guests/mod.ts";
import {
  type ExperimentResult,
  type ExperimentRules,
  FaultDraw,
  findCell,
  findVm,
  formatFault,
  GoldenRun,
  hashBytes,
  InputError,
  isEventPlace,
  judgeBy,
  Lab,
  type LabOptions,
  type OutputJudge,
  parseFault,
  type Reference,
  referenceRun,
  runPlan,
  runPlanted,
  runWhole,
  type StratumSize,
  sweep,
  SweepCrash,
  VM,
} from "../mod.ts";
import {
  type CampaignSpec,
  type ExperimentId,
  type ExperimentRow,
  SOURCES,
} from "./campaign_spec.ts";
import { duration } from "./story.ts";

/** Looks of the golden run between two snapshots. */
const SNAPSHOT = 40;
/** Board time, ns, after which all guests have been created. */
const STARTING = 100_000_000;

/** Reads a file; the default is the real one. */
export type ReadFile = (path: string) => Uint8Array;

/** What is known of an experiment before it runs. */
export interface PlannedExperiment extends ExperimentId {
  /** Target, or "bug". */
  readonly target: string;
  /** Guest. */
  readonly vm: string;
  /** The fault, or the boot argument of a planted bug. */
  readonly fault: string;
  /** Board time from which it can strike, ns. */
  readonly time: number;
}

/** A campaign that is ready to run. */
export class CampaignLab {
  /** The campaign. */
  readonly spec: CampaignSpec;
  /** What there is of each target; empty for a list of faults. */
  readonly sizes: readonly StratumSize[];
  readonly #images: ReadonlyMap<string, Uint8Array>;
  readonly #vm0: Uint8Array | undefined;
  readonly #rules: ExperimentRules;
  readonly #draw: FaultDraw | undefined;
  // Golden runs are large: only the last arm's are kept.
  #golden: { arm: number; run: GoldenRun } | undefined;
  #reference: { arm: number; run: Reference } | undefined;

  private constructor(
    spec: CampaignSpec,
    images: ReadonlyMap<string, Uint8Array>,
    vm0: Uint8Array | undefined,
    output: OutputJudge,
    first: Lab,
  ) {
    this.spec = spec;
    this.#images = images;
    this.#vm0 = vm0;
    this.#rules = { output, lateness: spec.output.late };
    this.#draw = spec.faults === undefined ? new FaultDraw(first, spec.plan) : undefined;
    this.sizes = this.#draw?.sizes ?? [];
  }

  /**
   * Loads images and the user's module, and looks at the fault space.
   *
   * @param spec The campaign.
   * @param read Reads a file.
   * @throws {InputError} When an image is not what it was, or a target is empty.
   */
  static async load(spec: CampaignSpec, read: ReadFile): Promise<CampaignLab> {
    try {
      return await CampaignLab.#load(spec, read);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      throw SOURCES.get(spec)?.(error) ?? error;
    }
  }

  static async #load(spec: CampaignSpec, read: ReadFile): Promise<CampaignLab> {
    const images = new Map<string, Uint8Array>();
    for (const { name, image, shipped, hash } of spec.guests) {
      const bytes = shipped ? await loadGuest(image) : read(image);
      checkHash(`guest "${name}" (${image})`, bytes, hash);
      images.set(name, bytes);
    }
    let vm0: Uint8Array | undefined;
    if (spec.vm0 !== "") {
      vm0 = await loadGuest("vm0");
      checkHash("vm0", vm0, spec.vm0);
    }
    const first = await Lab.create(optionsOf(spec, 0, images, vm0));
    const { from } = spec.plan;
    if (from > first.time) first.runAll({ until: from });
    const missing = () => first.guestNames.some((name) => findVm(first, name) === 0);
    if (missing()) {
      const most = first.time + STARTING;
      while (missing() && first.time < most) first.runAll({ until: first.time + STARTING / 1000 });
      throw new InputError(
        "window.from",
        `at ${duration(from)} not all guests have been created`,
        `allowed: from ${duration(Math.ceil(first.time / 1e5) * 1e5)} on`,
      );
    }
    checkFaults(first, spec);
    const campaign = new CampaignLab(spec, images, vm0, await judgeOf(spec, read), first);
    first[Symbol.dispose]();
    return campaign;
  }

  /** Options of an arm's laboratory. */
  options(arm: number): LabOptions {
    return optionsOf(this.spec, arm, this.#images, this.#vm0);
  }

  /** What an experiment will be. */
  planned({ arm, kind, idx }: ExperimentId): PlannedExperiment {
    if (kind === "planted") {
      const { vm, arg } = this.spec.bugs[idx]!;
      return { arm, kind, idx, target: "bug", vm, fault: arg, time: 0 };
    }
    const listed = this.spec.faults?.[idx];
    if (listed !== undefined) {
      const [vm, fault] = listed;
      return { arm, kind, idx, target: "listed", vm, fault, time: parseFault(fault).time };
    }
    const { target, vm, fault } = this.#draw!.draw(idx);
    return { arm, kind, idx, target, vm, fault: formatFault(fault), time: fault.time };
  }

  /**
   * Runs experiments of one arm along its golden run.
   *
   * @returns Their rows, in the order in which they are known.
   */
  async *run(ids: readonly ExperimentId[]): AsyncGenerator<ExperimentRow> {
    let left: PlannedExperiment[] = [];
    for (const id of ids) {
      if (id.kind === "planted") yield await this.runWhole(id);
      else left.push(this.planned(id));
    }
    while (left.length > 0) {
      const golden = await this.golden(left[0]!.arm);
      const specs = left.map(({ vm, fault }) => ({ vm, fault: parseFault(fault) }));
      const done = new Set<number>();
      try {
        for (const { index, result } of sweep(golden, specs, this.#rules)) {
          done.add(index);
          yield rowOf(left[index]!, result);
        }
      } catch (error) {
        // The laboratory may be in any state now.
        this.#golden = undefined;
        if (!(error instanceof SweepCrash)) throw error;
        done.add(error.index);
        yield crashRow(left[error.index]!, error.reason);
      }
      left = left.filter((_, index) => !done.has(index));
    }
  }

  /**
   * Runs an experiment from reset to the end, without branch and early stop.
   *
   * @param watch Gets the laboratory before it runs.
   */
  async runWhole(id: ExperimentId, watch?: (lab: Lab) => void): Promise<ExperimentRow> {
    const planned = this.planned(id);
    const reference = await this.reference(id.arm);
    try {
      if (id.kind === "planted") {
        const options = this.options(id.arm);
        const guests = options.guests.map((guest) =>
          guest.name === planned.vm ? { ...guest, arg: planned.fault } : guest
        );
        const lab = await Lab.create({ ...options, guests });
        watch?.(lab);
        return rowOf(planned, runPlanted(reference, lab, planned.vm, this.#rules));
      }
      const lab = await Lab.create(this.options(id.arm));
      watch?.(lab);
      const spec = { vm: planned.vm, fault: parseFault(planned.fault) };
      return rowOf(planned, runWhole(reference, lab, spec, this.#rules));
    } catch (error) {
      return crashRow(planned, error);
    }
  }

  /** The row of an experiment that took its worker down. */
  crash(id: ExperimentId, reason: string): ExperimentRow {
    return crashRow(this.planned(id), reason);
  }

  /** The golden run of an arm. */
  async golden(arm: number): Promise<GoldenRun> {
    if (this.#golden?.arm !== arm) {
      this.#golden = undefined;
      const lab = await Lab.create(this.options(arm));
      const { look } = this.spec;
      const plan = { ...this.#plan(lab, look), look, snapshot: SNAPSHOT };
      this.#golden = { arm, run: new GoldenRun(lab, plan) };
    }
    return this.#golden.run;
  }

  /** The run of an arm without a fault, from reset to the end. */
  async reference(arm: number): Promise<Reference> {
    if (this.#reference?.arm !== arm) {
      const lab = await Lab.create(this.options(arm));
      this.#reference = { arm, run: referenceRun(lab, this.#plan(lab, this.spec.look)) };
    }
    return this.#reference.run;
  }

  #plan(lab: Lab, look: number): ReturnType<typeof runPlan> {
    const { clock } = lab.board;
    const late = Math.ceil(this.spec.output.late * clock.fclk / 1e9);
    return runPlan(clock.cycleAt(this.spec.forNs), late, look);
  }
}

function optionsOf(
  spec: CampaignSpec,
  arm: number,
  images: ReadonlyMap<string, Uint8Array>,
  vm0: Uint8Array | undefined,
): LabOptions {
  return {
    ...spec.lab,
    ...spec.arms[arm]!.options,
    guests: spec.guests.map(({ name, arg }) => ({
      name,
      image: images.get(name)!,
      ...(arg === undefined ? {} : { arg }),
    })),
    ...(vm0 === undefined ? {} : { vm0 }),
  };
}

function checkHash(what: string, bytes: Uint8Array, hash: string): void {
  if (hashBytes(bytes) === hash) return;
  throw new InputError(what, "is not the image that the campaign was made with");
}

/** Places that a list names and no guest has. */
function checkFaults(lab: Lab, spec: CampaignSpec): void {
  for (const [i, [vm, text]] of (spec.faults ?? []).entries()) {
    const { place, trigger: { event } } = parseFault(text);
    if (event !== undefined && "at" in event && !hasSymbol(lab, vm, event.at.symbol)) {
      throw new InputError(`faults[${i}]`, `${text}: ${vm} has no symbol ${event.at.symbol}`);
    }
    if (isEventPlace(place.kind)) continue;
    const cell = findCell(lab, findVm(lab, vm), place);
    const passing = place.kind === "tlb" || place.kind === "standby";
    if (typeof cell === "string" && !passing) {
      throw new InputError(`faults[${i}]`, `${text}: ${cell}`);
    }
  }
  for (const [i, { at }] of (spec.plan.triggers ?? []).entries()) {
    if (at === undefined) continue;
    if (spec.guests.some(({ name }) => hasSymbol(lab, name, at.symbol))) continue;
    throw new InputError(
      `triggers[${i}].at`,
      `no guest has a symbol ${at.symbol}`,
      "allowed: an address, or a symbol of a guest's image",
    );
  }
}

/** A guest's image has a symbol; an address (no name) needs none. */
function hasSymbol(lab: Lab, vm: string, symbol: string): boolean {
  if (symbol === "") return true;
  const symbols = lab.recorder.symbols(lab.board.peek(findVm(lab, vm) + VM.ID, 4));
  return symbols?.symbol(symbol) !== undefined;
}

async function judgeOf(spec: CampaignSpec, read: ReadFile): Promise<OutputJudge> {
  const { compare, late, ignore, wrong, module } = spec.output;
  if (module !== undefined) {
    checkHash(`output.module (${module.path})`, read(module.path), module.hash);
    const url = new URL(module.path, `file://${Deno.cwd()}/`).href;
    const { default: judge } = await import(url) as { default?: OutputJudge };
    if (typeof judge !== "function") {
      throw new InputError(
        `output.module (${module.path})`,
        "has no default export that judges",
        "allowed: export default a function of the type OutputJudge",
      );
    }
    return judge;
  }
  return judgeBy({
    late,
    ignore: ignore.map((text) => new RegExp(text, "g")),
    wrong: wrong.map((text) => new RegExp(text)),
    golden: compare === "golden",
  });
}

function rowOf(planned: PlannedExperiment, result: ExperimentResult): ExperimentRow {
  const { time: _time, ...id } = planned;
  return {
    ...id,
    outcome: result.outcome,
    fired: result.fired,
    detected: result.detected,
    manifested: result.manifested,
    recovered: result.recovered,
    party: result.party,
    task: result.task,
    struck_at: result.struckAt,
    latency: result.latency,
    detector: result.detector,
    lost: result.lost,
    cycles: result.cycles,
    actions: result.actions.join(" "),
    repeated: result.repeated,
    late: result.late,
    ended: result.ended,
    simulated: result.simulated,
    hash: result.hash,
    detail: result.detail,
  };
}

/** Emulator or monitor threw: a defect of this program, and counted as such. */
function crashRow(planned: PlannedExperiment, error: unknown): ExperimentRow {
  const { time: _time, ...id } = planned;
  return {
    ...id,
    outcome: "crash",
    fired: false,
    detected: false,
    manifested: false,
    recovered: false,
    party: "vmm",
    task: "",
    struck_at: -1,
    latency: -1,
    detector: "",
    lost: 0,
    cycles: 0,
    actions: "",
    repeated: 0,
    late: 0,
    ended: "stopped",
    simulated: 0,
    hash: "",
    detail: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
  };
}
