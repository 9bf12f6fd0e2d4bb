/**
 * What a campaign samples: shares of targets, models and triggers. The fault of each experiment is a
 * function of the plan, the seed and the experiment's number, so that any part of a campaign can be
 * drawn anywhere.
 *
 * @module
 */

import { InputError } from "./errors.ts";
import { FaultStratum, type TargetChoice } from "./fault_space.ts";
import {
  type Fault,
  type FaultModel,
  type FaultPlace,
  type FaultTrigger,
  type GuestAddress,
  isEventPlace,
  makeFault,
} from "./fault_text.ts";
import type { Lab } from "./lab.ts";
import { Random } from "./random.ts";

/** A target with its share of the experiments. */
export interface TargetShare extends TargetChoice {
  /** Share of the experiments, relative to the others; 1 unless given. */
  readonly share?: number;
}

/** What happens to a word, with its share of the experiments. */
export interface ModelShare {
  /** "write" overwrites the word with a random value. */
  readonly kind: "flip" | "set" | "clear" | "write";
  /** Bits struck at once, 1 to 32; 1 unless given. */
  readonly bits?: number;
  /** They are neighbours, or anywhere in the word; "adjacent" unless given. */
  readonly spread?: "adjacent" | "anywhere";
  /** Relative to the others; 1 unless given. */
  readonly share?: number;
}

/** What a fault waits for, with its share of the experiments. */
export interface TriggerShare {
  /** Kind of trigger; all begin to wait at a random time of the window. */
  readonly kind:
    | "time"
    | "instructions"
    | "pc"
    | "read"
    | "write"
    | "access"
    | "checkpoint"
    | "swap";
  /** Where, for pc and accesses. */
  readonly at?: GuestAddress;
  /** Most instructions of the guest, or steps of the monitor in its work; 1000 unless given. */
  readonly most?: number;
  /** Relative to the others; 1 unless given. */
  readonly share?: number;
}

/** What a campaign samples. */
export interface CampaignPlan {
  /** Seed of all that is drawn. */
  readonly seed: number;
  /** Targets. */
  readonly targets: readonly TargetShare[];
  /** Each bit of all targets is struck as often as another; shares of targets do not count. */
  readonly uniform?: boolean;
  /** Models of faults in words; one flipped bit unless given. */
  readonly models?: readonly ModelShare[];
  /** Triggers; times unless given. */
  readonly triggers?: readonly TriggerShare[];
  /** First nanosecond of board time at which a fault strikes. */
  readonly from: number;
  /** The nanosecond after the last one. */
  readonly to: number;
}

/** A drawn experiment. */
export interface DrawnFault {
  /** Its number. */
  readonly index: number;
  /** Name of its target. */
  readonly target: string;
  /** Guest that it is aimed at. */
  readonly vm: string;
  /** The fault. */
  readonly fault: Fault;
}

/** What there is of a target in the fault space. */
export interface StratumSize {
  /** Name of the target. */
  readonly target: string;
  /** Bits. */
  readonly bits: number;
  /** Faults: bits times the cycles of the window. */
  readonly population: number;
}

/** Most entries of the pattern that deals shares out. */
const PATTERN_MAX = 4096;

/**
 * Deals numbers out in proportion to shares, the same way for every prefix.
 *
 * @returns Indexes of the shares; number n belongs to entry n modulo the length.
 */
export function dealShares(shares: readonly number[]): number[] {
  const total = shares.reduce((sum, share) => sum + share, 0);
  const least = Math.min(...shares);
  // Whole shares are met exactly; others as well as the longest pattern can.
  let length = Math.min(PATTERN_MAX, Math.ceil(total / least));
  for (let n = 1; n <= PATTERN_MAX; n++) {
    const exact = shares.every((share) => {
      const count = share * n / total;
      return Math.abs(count - Math.round(count)) < 1e-9 && Math.round(count) > 0;
    });
    if (exact) {
      length = n;
      break;
    }
  }
  const dealt = shares.map(() => 0);
  return Array.from({ length }, (_, n) => {
    let best = 0;
    let most = -Infinity;
    shares.forEach((share, i) => {
      const owed = share * (n + 1) / total - dealt[i];
      if (owed > most + 1e-9) {
        most = owed;
        best = i;
      }
    });
    dealt[best]++;
    return best;
  });
}

/** Draws the experiments of a campaign. */
export class FaultDraw {
  /** The strata in the order of the plan's targets. */
  readonly strata: readonly FaultStratum[];
  readonly #plan: CampaignPlan;
  readonly #pattern: readonly number[];
  readonly #cycles: number;
  readonly #bits: number;

  /**
   * Prepares to draw.
   *
   * @param lab A laboratory of the campaign in which all guests have been created.
   * @param plan What is sampled.
   * @throws {InputError} When a target is unknown or empty, or the plan makes no sense.
   */
  constructor(lab: Lab, plan: CampaignPlan) {
    if (!(plan.from >= 0 && plan.to > plan.from)) {
      throw new InputError("window", `${plan.from} ns to ${plan.to} ns`, "allowed: a rising range");
    }
    if (plan.targets.length === 0) throw new InputError("targets", "none", "allowed: at least one");
    this.strata = plan.targets.map((choice, i) => {
      try {
        return new FaultStratum(lab, choice);
      } catch (error) {
        if (!(error instanceof InputError)) throw error;
        throw new InputError(`targets[${i}]`, `${error.where} ${error.what}`, error.allowed);
      }
    });
    this.#plan = plan;
    this.#bits = this.strata.reduce((sum, { bits }) => sum + bits, 0);
    this.#pattern = dealShares(plan.targets.map(({ share }) => share ?? 1));
    this.#cycles = lab.board.clock.cycleAt(plan.to) - lab.board.clock.cycleAt(plan.from);
  }

  /** What there is of each target, targets of one name together. */
  get sizes(): StratumSize[] {
    const sizes = new Map<string, number>();
    for (const { target, bits } of this.strata) {
      sizes.set(target, (sizes.get(target) ?? 0) + bits);
    }
    return [...sizes].map(([target, bits]) => ({
      target,
      bits,
      population: bits * this.#cycles,
    }));
  }

  /** A stratum, the more often the more bits it has. */
  #anyStratum(random: Random): FaultStratum {
    let bit = random.below(this.#bits);
    for (const stratum of this.strata) {
      if (bit < stratum.bits) return stratum;
      bit -= stratum.bits;
    }
    return this.strata[this.strata.length - 1];
  }

  /** Experiment number `index`. */
  draw(index: number): DrawnFault {
    const plan = this.#plan;
    const random = new Random(plan.seed, index);
    const stratum = plan.uniform === true
      ? this.#anyStratum(random)
      : this.strata[this.#pattern[index % this.#pattern.length]];
    const drawn = stratum.place(random.below(stratum.bits));
    const model = isEventPlace(drawn.place.kind)
      ? eventModel(drawn.place, drawn.bit, random)
      : wordModel(pickShare(plan.models ?? [{ kind: "flip" }], random), drawn, random);
    const time = plan.from + random.below(plan.to - plan.from);
    const trigger = triggerOf(pickShare(plan.triggers ?? [{ kind: "time" }], random), time, random);
    const fault = makeFault(drawn.place, model, trigger);
    return { index, target: stratum.target, vm: drawn.vm, fault };
  }
}

function pickShare<T extends { readonly share?: number }>(items: readonly T[], random: Random): T {
  const total = items.reduce((sum, { share }) => sum + (share ?? 1), 0);
  let left = random.fraction() * total;
  for (const item of items) {
    left -= item.share ?? 1;
    if (left < 0) return item;
  }
  return items[items.length - 1];
}

function wordModel(
  { kind, bits = 1, spread = "adjacent" }: ModelShare,
  drawn: { readonly bit: number; readonly bits: readonly number[] },
  random: Random,
): FaultModel {
  if (kind === "write") return { kind, value: random.next() };
  const count = Math.min(bits, drawn.bits.length);
  if (count === 1) return { kind, bits: [drawn.bit] };
  if (spread === "anywhere") {
    const others = drawn.bits.filter((bit) => bit !== drawn.bit);
    const chosen = random.distinct(count - 1, others.length).map((i) => others[i]);
    return { kind, bits: [drawn.bit, ...chosen].sort((a, b) => a - b) };
  }
  const at = Math.min(drawn.bits.indexOf(drawn.bit), drawn.bits.length - count);
  return { kind, bits: drawn.bits.slice(at, at + count) };
}

/** Delays of late interrupts, ns. */
const LATE_MIN = 100_000;
const LATE_MAX = 10_000_000;

function eventModel(place: FaultPlace, bit: number, random: Random): FaultModel {
  switch (place.kind) {
    case "fetch":
      // One of 33: the instruction is skipped, or one of its bits is read wrong.
      return random.below(33) === 32 ? { kind: "skip" } : { kind: "flip", bits: [bit] };
    case "irq":
    case "virq":
      switch (random.below(3)) {
        case 0:
          return { kind: "lost" };
        case 1:
          return { kind: "spurious" };
        default:
          return { kind: "late", delay: LATE_MIN + random.below(LATE_MAX - LATE_MIN) };
      }
    default:
      return { kind: "flip", bits: [bit] };
  }
}

function triggerOf(choice: TriggerShare, time: number, random: Random): FaultTrigger {
  const most = choice.most ?? 1000;
  const at = choice.at ?? { symbol: "", offset: 0 };
  switch (choice.kind) {
    case "time":
      return { time };
    case "instructions":
      return { time, event: { kind: "instructions", count: 1 + random.below(most) } };
    case "checkpoint":
    case "swap":
      return { time, event: { kind: choice.kind, count: 1, steps: random.below(most) } };
    default:
      return { time, event: { kind: choice.kind, at, count: 1 } };
  }
}
