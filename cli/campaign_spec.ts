/**
 * A campaign as plain data: all that its experiments depend on. It is kept in the store, sent to
 * workers, and compared before stores are merged.
 *
 * @module
 */

import type { CampaignPlan, InputError, LabOptions, Outcome } from "../mod.ts";

/** Schema of {@linkcode CampaignSpec}. */
export const CAMPAIGN_SCHEMA = "understudy.campaign/1";

/** Experiments of a range that a queue deals out. */
export const QUEUE_RANGE = 500;

/** A guest of a campaign. */
export interface CampaignGuest {
  /** Name of the VM. */
  readonly name: string;
  /** Shipped image, or path of an ELF file. */
  readonly image: string;
  /** The image is a shipped one. */
  readonly shipped: boolean;
  /** Boot argument. */
  readonly arg?: string;
  /** Hash of the image. */
  readonly hash: string;
}

/** One way of running the faults. */
export interface CampaignArm {
  /** Name, as `cow 10ms`. */
  readonly name: string;
  /** What it changes of the laboratory. */
  readonly options: Partial<LabOptions>;
}

/** How output is judged. */
export interface CampaignOutput {
  /** "golden": held against the run without the fault; "checks": only lines that are `wrong` count. */
  readonly compare: "golden" | "checks";
  /** Output that is later by more is late, ns. */
  readonly late: number;
  /** Regular expressions of parts of lines that are not compared. */
  readonly ignore: readonly string[];
  /** Regular expressions of lines that are wrong. */
  readonly wrong: readonly string[];
  /** A module of the user's whose default export judges, and its hash. */
  readonly module?: { readonly path: string; readonly hash: string };
}

/** What decides the exit code. */
export interface CampaignGates {
  /** Most experiments of this class, in each arm. */
  readonly most?: Readonly<Partial<Record<Outcome, number>>>;
  /** Most experiments in which a fault in a task or kernel broke the isolation of another guest. */
  readonly isolation_broken?: number;
  /** Most crashes of emulator or monitor. */
  readonly crashes?: number;
  /** Least lower 95 % bound of recovered/detected, by the party struck. */
  readonly recovered?: Readonly<Partial<Record<"task" | "guest" | "vmm", number>>>;
  /** Least number of manifested errors, by the party struck. */
  readonly manifested?: Readonly<Partial<Record<"task" | "guest" | "vmm", number>>>;
  /** Arms that are looked at; all unless given. */
  readonly arms?: readonly string[];
}

/** A bug that is in a guest's image and chosen by its boot argument. */
export interface PlantedBug {
  /** Guest. */
  readonly vm: string;
  /** Its boot argument. */
  readonly arg: string;
}

/** A campaign. */
export interface CampaignSpec {
  /** {@linkcode CAMPAIGN_SCHEMA}. */
  readonly schema: string;
  /** The guests. */
  readonly guests: readonly CampaignGuest[];
  /** Hash of VM0's image, `""` without VM0. */
  readonly vm0: string;
  /** The laboratory, without the guests. */
  readonly lab: Partial<LabOptions>;
  /** The arms; all run the same faults. */
  readonly arms: readonly CampaignArm[];
  /** Board time of an experiment, ns. */
  readonly forNs: number;
  /** What is sampled. */
  readonly plan: CampaignPlan;
  /** Faults that are run instead of drawn ones: guest and fault. */
  readonly faults?: readonly (readonly [vm: string, fault: string])[];
  /** Experiments of each arm. */
  readonly count: number;
  /** Planted bugs, one experiment each in every arm. */
  readonly bugs: readonly PlantedBug[];
  /** How output is judged. */
  readonly output: CampaignOutput;
  /** Gates, or several sets of them for different arms. */
  readonly gates: CampaignGates | readonly CampaignGates[];
  /** Cycles between looks of the golden run. */
  readonly look: number;
}

/** Kinds of experiments: a drawn (or listed) fault, or a planted bug. */
export type ExperimentKind = "transient" | "planted";

/** Which experiment. */
export interface ExperimentId {
  /** Number of the arm. */
  readonly arm: number;
  /** Kind. */
  readonly kind: ExperimentKind;
  /** Number in its kind. */
  readonly idx: number;
}

/** An experiment and what came of it: a row of the store. */
export interface ExperimentRow extends ExperimentId {
  /** Target, or "bug". */
  readonly target: string;
  /** Guest. */
  readonly vm: string;
  /** The fault as text, or the boot argument of a planted bug. */
  readonly fault: string;
  /** Class. */
  readonly outcome: Outcome;
  /** It struck. */
  readonly fired: boolean;
  /** An error was found. */
  readonly detected: boolean;
  /** Without protection it would have been a failure. */
  readonly manifested: boolean;
  /** Output is right and all go on. */
  readonly recovered: boolean;
  /** Whose state was struck. */
  readonly party: "task" | "guest" | "vmm";
  /** The task struck. */
  readonly task: string;
  /** Board time of the strike, ns; -1: none. */
  readonly struck_at: number;
  /** From the strike to the first error found, ns; -1: none. */
  readonly latency: number;
  /** Kind of the first error found. */
  readonly detector: string;
  /** Work given up, ns. */
  readonly lost: number;
  /** Cycles charged for recoveries. */
  readonly cycles: number;
  /** Recovery actions, with blanks between. */
  readonly actions: string;
  /** Lines that came again. */
  readonly repeated: number;
  /** Most by which a line was late, ns. */
  readonly late: number;
  /** How it ended: end, golden, dormant, stopped. */
  readonly ended: string;
  /** Board time simulated, cycles. */
  readonly simulated: number;
  /** Hash of all that was observed. */
  readonly hash: string;
  /** In words. */
  readonly detail: string;
}

/**
 * What finds the file and line of a key of the campaigns that were read from a file. It is no part of a
 * campaign: stores and workers don't know it.
 */
export const SOURCES: WeakMap<CampaignSpec, (error: InputError) => InputError> = new WeakMap();

/** Number of experiments of a campaign. */
export function experimentsOf(spec: CampaignSpec): number {
  return spec.arms.length * (spec.count + spec.bugs.length);
}

/** Name of an experiment, for replay: `17`, `2:17` for arm 2, `bug3`, `2:bug3`. */
export function experimentName({ arm, kind, idx }: ExperimentId): string {
  const number = kind === "planted" ? `bug${idx}` : String(idx);
  return arm === 0 ? number : `${arm}:${number}`;
}

/** Reads what {@linkcode experimentName} wrote; undefined when it is none. */
export function parseExperimentName(text: string): ExperimentId | undefined {
  const match = /^(?:(\d{1,4}):)?(bug)?(\d{1,15})$/.exec(text);
  if (match === null) return undefined;
  const kind = match[2] === undefined ? "transient" : "planted";
  return { arm: Number(match[1] ?? 0), kind, idx: Number(match[3]) };
}
