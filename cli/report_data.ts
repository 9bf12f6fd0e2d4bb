/**
 * What a campaign came to: counts, shares with their intervals, comparisons of arms, gates.
 *
 * @module
 */

import {
  type Interval,
  mcnemar,
  type Outcome,
  OUTCOMES,
  type PairedTest,
  type Quantiles,
  quantiles,
  type StratumSize,
  type WeightedShare,
  weightedShare,
  wilson,
} from "../mod.ts";
import {
  type CampaignArm,
  type CampaignGates,
  type CampaignSpec,
  experimentName,
  type ExperimentRow,
  experimentsOf,
} from "./campaign_spec.ts";
import { type CauseCount, CauseTally } from "./report_causes.ts";
import type { Session } from "./store.ts";

/** Confidence of all intervals. */
export const CONFIDENCE = 0.95;

/** Whose state was struck. */
export type Party = "task" | "guest" | "vmm";
/** The parties in the order of reports. */
export const PARTIES: readonly Party[] = ["task", "guest", "vmm"];
/** The classes in the order of reports: the best first. */
export const CLASS_ORDER: readonly Outcome[] = (Object.keys(OUTCOMES) as Outcome[]).toReversed();

/** How many of the manifested errors were recovered. */
export interface Recovery {
  /** Experiments. */
  readonly experiments: number;
  /** Manifested errors. */
  readonly n: number;
  /** Of them detected. */
  readonly detected: number;
  /** Of them recovered. */
  readonly recovered: number;
  /** Intervals of recovered/manifested and of recovered/detected. */
  readonly wilson95: { readonly manifested: Interval; readonly detected: Interval };
}

/** A target's part. */
export interface TargetReport extends Recovery {
  /** Name. */
  readonly target: string;
  /** Experiments by class. */
  readonly classes: Readonly<Partial<Record<Outcome, number>>>;
  /** Bits; 0 when not known. */
  readonly bits: number;
  /** Faults that there are; 0 when not known. */
  readonly population: number;
}

/** An experiment worth a look. */
export interface Case {
  /** Name for replay. */
  readonly id: string;
  /** Class. */
  readonly outcome: Outcome;
  /** Target. */
  readonly target: string;
  /** Guest. */
  readonly vm: string;
  /** Fault. */
  readonly fault: string;
  /** In words. */
  readonly detail: string;
}

/** One arm. */
export interface ArmReport {
  /** Name. */
  readonly arm: string;
  /** Its settings that differ from the campaign's. */
  readonly options: CampaignArm["options"];
  /** Experiments with transient faults. */
  readonly experiments: number;
  /** By class. */
  readonly classes: Readonly<Partial<Record<Outcome, number>>>;
  /** Breaks of isolation by faults in tasks and kernels. */
  readonly isolation_broken: number;
  /** Breaks of isolation by faults in the monitor's records and in the machine. */
  readonly isolation_broken_monitor: number;
  /** Crashes of emulator or monitor. */
  readonly crashes: number;
  /** By the party struck. */
  readonly manifested: Readonly<Record<Party, Recovery>>;
  /** By target. */
  readonly targets: readonly TargetReport[];
  /** Share of manifested errors in the fault space, strata weighted by their sizes. */
  readonly space: {
    readonly manifested: WeightedShare;
    readonly unrecovered: WeightedShare;
  };
  /** Why manifested errors were not recovered. */
  readonly causes: readonly CauseCount[];
  /** First errors found, by what found them. */
  readonly detectors: Readonly<Record<string, number>>;
  /** From the strike to the first error found, ns. */
  readonly latency_ns: Quantiles;
  /** Work given up in a recovery, ns. */
  readonly lost_ns: Quantiles;
  /** Cycles charged for recoveries. */
  readonly recovery_cycles: Quantiles;
  /** Values for histograms: latency and lost work, ns. */
  readonly values: { readonly latency: readonly number[]; readonly lost: readonly number[] };
  /** Planted bugs. */
  readonly planted: readonly (Case & { readonly detected: boolean; readonly recovered: boolean })[];
  /** The worst. */
  readonly worst: readonly Case[];
}

/** A comparison of two arms that ran the same faults. */
export interface ArmComparison extends PairedTest {
  /** The arms. */
  readonly arms: readonly [string, string];
  /** What is compared. */
  readonly property: "manifested" | "right output" | "recovered";
}

/** A gate. */
export interface GateReport {
  /** What it asks for. */
  readonly gate: string;
  /** Arm. */
  readonly arm: string;
  /** What was found. */
  readonly found: number;
  /** It holds. */
  readonly ok: boolean;
}

/** A point of the fault space. */
export interface SpacePoint {
  /** Board time, ns. */
  readonly t: number;
  /** Target. */
  readonly target: string;
  /** Number inside the target: an address, or the number of a register. */
  readonly place: number;
  /** Class. */
  readonly outcome: Outcome;
}

/** What a campaign came to. */
export interface CampaignReport {
  /** Experiments. */
  readonly experiments: number;
  /** Experiments that were asked for. */
  readonly planned: number;
  /** Experiments a second, golden runs included; 0 when not measured. */
  readonly rate_per_s: number;
  /** Seconds of work. */
  readonly seconds: number;
  /**
   * Share of experiments that ended early: they had come back to the golden run, or nobody looked at
   * what was left of the fault.
   */
  readonly early_stop_share: number;
  /** The arm whose figures the next ones are: the first with checkpoints. */
  readonly arm: string;
  /** By class. */
  readonly classes: ArmReport["classes"];
  /** Breaks of isolation by faults in tasks and kernels. */
  readonly isolation_broken: number;
  /** Crashes of emulator or monitor, in all arms. */
  readonly crashes: number;
  /** By the party struck. */
  readonly manifested: ArmReport["manifested"];
  /** By target. */
  readonly targets: readonly TargetReport[];
  /** All arms. */
  readonly arms: readonly ArmReport[];
  /** Arms compared with the first; up to four, each with each. */
  readonly comparisons: readonly ArmComparison[];
  /** Gates. */
  readonly gates: readonly GateReport[];
  /** Board time of an experiment, ns. */
  readonly for_ns: number;
  /** Seed. */
  readonly seed: number;
  /** Settings of all arms. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Guests, with their boot arguments. */
  readonly guests: readonly string[];
}

interface Tally {
  experiments: number;
  n: number;
  detected: number;
  recovered: number;
}

function tally(): Tally {
  return { experiments: 0, n: 0, detected: 0, recovered: 0 };
}

function count(into: Tally, row: ExperimentRow): void {
  into.experiments++;
  if (!row.manifested) return;
  into.n++;
  if (row.detected) into.detected++;
  if (row.recovered) into.recovered++;
}

function recovery({ experiments, n, detected, recovered }: Tally): Recovery {
  return {
    experiments,
    n,
    detected,
    recovered,
    wilson95: {
      manifested: wilson(recovered, n, CONFIDENCE),
      detected: wilson(recovered, detected, CONFIDENCE),
    },
  };
}

/** Classes of which cases are shown, the worst first, and how many of each. */
const WORST: readonly Outcome[] = [
  "crash",
  "isolation-broken",
  "stopped-system",
  "silent-corruption",
  "hang",
  "stopped-guest",
  "stopped-task",
  "corruption-after-recovery",
  "output-repeated",
];
const CASES = 4;
/** Classes in which the output is right and all go on. */
const RIGHT: ReadonlySet<Outcome> = new Set<Outcome>([
  "masked",
  "latent",
  "repaired",
  "output-late",
  "recovered-task",
  "recovered-guest",
  "recovered-older",
  "recovered-skip",
  "not-activated",
]);
/** Points of the fault-space plot. */
const POINTS = 6000;

interface ArmTally {
  classes: Map<Outcome, number>;
  parties: Record<Party, Tally>;
  targets: Map<string, { tally: Tally; classes: Map<Outcome, number>; hits: number; bad: number }>;
  isolation: number;
  monitor: number;
  causes: CauseTally;
  detectors: Map<string, number>;
  latency: number[];
  lost: number[];
  cycles: number[];
  planted: (Case & { detected: boolean; recovered: boolean })[];
  worst: Map<Outcome, Case[]>;
  experiments: number;
}

function armTally(): ArmTally {
  return {
    classes: new Map(),
    parties: { task: tally(), guest: tally(), vmm: tally() },
    targets: new Map(),
    isolation: 0,
    monitor: 0,
    causes: new CauseTally(),
    detectors: new Map(),
    latency: [],
    lost: [],
    cycles: [],
    planted: [],
    worst: new Map(),
    experiments: 0,
  };
}

function add<K>(map: Map<K, number>, key: K): void {
  map.set(key, (map.get(key) ?? 0) + 1);
}

function caseOf(row: ExperimentRow): Case {
  const { outcome, target, vm, fault, detail } = row;
  return { id: experimentName(row), outcome, target, vm, fault, detail };
}

function take(into: ArmTally, row: ExperimentRow): void {
  const { outcome } = row;
  if (row.kind === "planted") {
    const { detected, recovered } = row;
    into.planted.push({ ...caseOf(row), detected, recovered });
    return;
  }
  into.experiments++;
  add(into.classes, outcome);
  into.causes.add(row);
  // Nobody was struck by a fault that never fired.
  if (row.fired) count(into.parties[row.party], row);
  let target = into.targets.get(row.target);
  if (target === undefined) {
    target = { tally: tally(), classes: new Map(), hits: 0, bad: 0 };
    into.targets.set(row.target, target);
  }
  count(target.tally, row);
  add(target.classes, outcome);
  if (row.manifested) target.hits++;
  if (row.manifested && !row.recovered) target.bad++;
  if (outcome === "isolation-broken") {
    if (row.party === "vmm") into.monitor++;
    else into.isolation++;
  }
  if (row.detected) {
    add(into.detectors, row.detector);
    into.latency.push(row.latency);
  }
  if (row.recovered) {
    into.lost.push(row.lost);
    into.cycles.push(row.cycles);
  }
  if (WORST.includes(outcome)) {
    const cases = into.worst.get(outcome) ?? [];
    into.worst.set(outcome, cases);
    if (cases.length < CASES) cases.push(caseOf(row));
  }
}

/**
 * Makes the report of a campaign.
 *
 * @param spec The campaign.
 * @param rows Its experiments.
 * @param sessions Its stretches of work.
 * @param sizes What there is of each target.
 * @param onPoint Called for points of the fault-space plot.
 */
export function makeReport(
  spec: CampaignSpec,
  rows: Iterable<ExperimentRow>,
  sessions: readonly Session[],
  sizes: readonly StratumSize[],
  onPoint: (arm: number, point: SpacePoint) => void = () => {},
): CampaignReport {
  const arms = spec.arms.map(() => armTally());
  const pairs = spec.arms.map(() => new Map<number, number>());
  let experiments = 0;
  let early = 0;
  let crashes = 0;
  const step = Math.max(1, Math.floor(spec.count / POINTS));
  for (const row of rows) {
    experiments++;
    if (row.ended === "golden" || row.ended === "dormant") early++;
    if (row.outcome === "crash") crashes++;
    take(arms[row.arm]!, row);
    if (row.kind !== "transient") continue;
    if (spec.arms.length > 1) {
      const bits = [RIGHT.has(row.outcome), row.recovered, row.manifested];
      pairs[row.arm]!.set(row.idx, bits.reduce((sum, on, i) => on ? sum | 1 << i : sum, 0));
    }
    if (row.fired && (row.idx % step === 0 || row.manifested)) onPoint(row.arm, pointOf(row));
  }
  const reports = spec.arms.map((arm, i) => armReport(arm, arms[i]!, sizes));
  const headline = reports.find((_, i) => backupOf(spec, i) !== "off") ?? reports[0]!;
  const seconds = sessions.reduce((sum, session) => sum + session.seconds, 0);
  const timed = sessions.reduce((sum, session) => sum + session.experiments, 0);
  const { classes, isolation_broken, manifested, targets } = headline;
  return {
    experiments,
    planned: experimentsOf(spec),
    rate_per_s: seconds === 0 ? 0 : timed / seconds,
    seconds,
    early_stop_share: experiments === 0 ? 0 : early / experiments,
    arm: headline.arm,
    classes,
    isolation_broken,
    crashes,
    manifested,
    targets,
    arms: reports,
    comparisons: compare(spec, pairs),
    gates: checkGates(spec.gates, reports),
    for_ns: spec.forNs,
    seed: spec.plan.seed,
    settings: spec.lab as Record<string, unknown>,
    guests: spec.guests.map(({ name, arg }) => arg === undefined ? name : `${name}:${arg}`),
  };
}

function backupOf(spec: CampaignSpec, arm: number): string {
  return spec.arms[arm]!.options.backup ?? spec.lab.backup ?? "cow";
}

function armReport(
  arm: CampaignArm,
  from: ArmTally,
  sizes: readonly StratumSize[],
): ArmReport {
  const known = new Map(sizes.map((size) => [size.target, size]));
  const targets = [...from.targets].map(([target, { tally, classes }]): TargetReport => ({
    target,
    ...recovery(tally),
    classes: Object.fromEntries(classes),
    bits: known.get(target)?.bits ?? 0,
    population: known.get(target)?.population ?? 0,
  }));
  const order = [...known.keys()];
  targets.sort((a, b) => order.indexOf(a.target) - order.indexOf(b.target));
  const strata = (hits: (target: string) => number) =>
    targets.filter(({ population }) => population > 0).map((
      { target, population, experiments },
    ) => ({
      population,
      n: experiments,
      hits: hits(target),
    }));
  return {
    arm: arm.name,
    options: arm.options,
    experiments: from.experiments,
    classes: Object.fromEntries(
      CLASS_ORDER.filter((name) => from.classes.has(name)).map((name) => [
        name,
        from.classes.get(name)!,
      ]),
    ),
    isolation_broken: from.isolation,
    isolation_broken_monitor: from.monitor,
    crashes: from.classes.get("crash") ?? 0,
    manifested: {
      task: recovery(from.parties.task),
      guest: recovery(from.parties.guest),
      vmm: recovery(from.parties.vmm),
    },
    targets,
    space: {
      manifested: weightedShare(strata((t) => from.targets.get(t)!.hits), CONFIDENCE),
      unrecovered: weightedShare(strata((t) => from.targets.get(t)!.bad), CONFIDENCE),
    },
    causes: from.causes.counts,
    detectors: Object.fromEntries([...from.detectors].sort((a, b) => b[1] - a[1])),
    latency_ns: quantiles(from.latency),
    lost_ns: quantiles(from.lost),
    recovery_cycles: quantiles(from.cycles),
    values: { latency: from.latency, lost: from.lost },
    planted: from.planted,
    worst: WORST.flatMap((outcome) => from.worst.get(outcome) ?? []),
  };
}

/** Most arms of which each is compared with each. */
const MOST_PAIRED = 4;

/** Every arm against the first, or, when they are few, each against each: experiment by experiment. */
function compare(
  spec: CampaignSpec,
  pairs: readonly ReadonlyMap<number, number>[],
): ArmComparison[] {
  const found: ArmComparison[] = [];
  const firsts = pairs.length > MOST_PAIRED ? 1 : pairs.length - 1;
  for (let first = 0; first < firsts; first++) {
    for (let second = first + 1; second < pairs.length; second++) {
      const names = [spec.arms[first]!.name, spec.arms[second]!.name] as const;
      for (const [property, bit] of PROPERTIES) {
        found.push({ arms: names, property, ...paired(pairs[first]!, pairs[second]!, bit) });
      }
    }
  }
  return found;
}

/** What is compared, and its bit. */
const PROPERTIES = [["manifested", 4], ["right output", 1], ["recovered", 2]] as const;

function paired(
  first: ReadonlyMap<number, number>,
  second: ReadonlyMap<number, number>,
  bit: number,
): PairedTest {
  let n = 0;
  let onlyFirst = 0;
  let onlySecond = 0;
  for (const [idx, one] of first) {
    const two = second.get(idx);
    if (two === undefined) continue;
    n++;
    if ((one & bit) !== 0 && (two & bit) === 0) onlyFirst++;
    if ((one & bit) === 0 && (two & bit) !== 0) onlySecond++;
  }
  return mcnemar(onlyFirst, onlySecond, n);
}

/** Every set of gates, for the arms that it names. */
function checkGates(sets: CampaignSpec["gates"], arms: readonly ArmReport[]): GateReport[] {
  return [sets].flat().flatMap((gates) => checkSet(gates, arms));
}

function checkSet(gates: CampaignGates, arms: readonly ArmReport[]): GateReport[] {
  const found: GateReport[] = [];
  for (const arm of arms) {
    if (gates.arms !== undefined && !gates.arms.includes(arm.arm)) continue;
    const most = (gate: string, value: number, limit: number | undefined) => {
      if (limit === undefined) return;
      found.push({ gate: `${gate} <= ${limit}`, arm: arm.arm, found: value, ok: value <= limit });
    };
    const least = (gate: string, value: number, limit: number | undefined) => {
      if (limit === undefined) return;
      found.push({ gate: `${gate} >= ${limit}`, arm: arm.arm, found: value, ok: value >= limit });
    };
    most("isolation_broken", arm.isolation_broken, gates.isolation_broken);
    most("crashes", arm.crashes, gates.crashes);
    for (const [name, limit] of Object.entries(gates.most ?? {})) {
      most(name, arm.classes[name as Outcome] ?? 0, limit);
    }
    for (const party of PARTIES) {
      const { n, wilson95 } = arm.manifested[party];
      least(`manifested.${party}`, n, gates.manifested?.[party]);
      least(`recovered.${party}, lower bound`, wilson95.detected.low, gates.recovered?.[party]);
    }
  }
  return found;
}

const REGISTER = /^(?:reg:r|context:[^.]*\.r)(\d+)/;
const ADDRESS = /(0x[0-9a-f]+)/;
/** What a fault in an instruction or a call found: its address, or its number. */
const FOUND = /^instruction at (0x[0-9a-f]+)| of (?:hyper)?call (0x[0-9a-f]+):/;

/** Where in its target a fault struck, as a number. */
function pointOf({ fault, struck_at, target, outcome, detail }: ExperimentRow): SpacePoint {
  const before = fault.slice(0, fault.lastIndexOf("@"));
  // What is written there is no place.
  const where = before.slice(0, before.lastIndexOf(":"));
  const register = REGISTER.exec(where);
  const place = register?.[1] ?? ADDRESS.exec(where)?.[1] ??
    FOUND.exec(detail)?.slice(1).find((text) => text !== undefined) ?? 0;
  return { t: struck_at, target, place: Number(place), outcome };
}
