/**
 * Recovery policies: what is done about an error, how often, and what comes then. A policy is data;
 * the monitor keeps it in its global record.
 *
 * @module
 */

import { InputError } from "./errors.ts";
import { ACTION, ACTION_NAMES, CLASSIFY, GLOBAL, MAP, RESUME } from "./layout.ts";
import type { Port } from "./port.ts";
import { parseTime } from "./time.ts";

/** One rung of a ladder. */
export interface LadderStep {
  /** What is done. */
  action: "swap" | "older" | "restart" | "stop" | "halt";
  /** How many times inside the window before the next step; 1..1000. */
  limit?: number;
}

/** A recovery policy. */
export interface RecoveryPolicy {
  /** Ladder of task errors. */
  task: readonly LadderStep[];
  /** Ladder of guest (kernel) errors. */
  guest: readonly LadderStep[];
  /** A ladder starts anew when this much board time has passed since its first error. */
  window: number | string;
  /** After a task swap: the next task (the paper), or the recovered one at once. */
  resume: "yield" | "immediate";
  /** By what an error is classed: who was running, where the PC is, or where it points. */
  classify: "context" | "pc" | "far";
}

const DEFAULT_LADDER: readonly LadderStep[] = [
  { action: "swap", limit: 3 },
  { action: "older", limit: 1 },
  { action: "restart", limit: 1 },
  { action: "stop" },
];

/** The default: roll back, to an older generation, restart from the image, stop. */
export const DEFAULT_POLICY: RecoveryPolicy = {
  task: DEFAULT_LADDER,
  guest: DEFAULT_LADDER,
  window: "10s",
  resume: "yield",
  classify: "context",
};

/** Most steps of a ladder. */
const MAX_STEPS = 7;
const STEP_ACTIONS: readonly string[] = ["swap", "older", "restart", "stop", "halt"];
const RESUMES: readonly string[] = ["yield", "immediate"];
const CLASSIFIERS: readonly string[] = ["context", "pc", "far"];

/**
 * Completes and checks a policy.
 *
 * @param partial What the user gave; the rest is {@linkcode DEFAULT_POLICY}.
 * @throws {InputError} With key, value and what is allowed.
 */
export function checkPolicy(partial: Partial<RecoveryPolicy> = {}): RecoveryPolicy {
  const policy = { ...DEFAULT_POLICY, ...partial };
  checkLadder("policy.task", policy.task);
  checkLadder("policy.guest", policy.guest);
  if (parseTime(policy.window, "policy.window") < 1) {
    throw new InputError("policy.window", `"${policy.window}"`, "allowed: more than 0");
  }
  oneOf("policy.resume", policy.resume, RESUMES);
  oneOf("policy.classify", policy.classify, CLASSIFIERS);
  return policy;
}

function checkLadder(where: string, steps: readonly LadderStep[]): void {
  if (!Array.isArray(steps) || steps.length < 1 || steps.length > MAX_STEPS) {
    throw new InputError(where, "not a ladder", `allowed: 1 to ${MAX_STEPS} steps`);
  }
  steps.forEach((step, i) => {
    oneOf(`${where}[${i}].action`, step.action, STEP_ACTIONS);
    const limit = step.limit ?? 1;
    if (!Number.isInteger(limit) || limit < 1 || limit > 1000) {
      throw new InputError(`${where}[${i}].limit`, `${limit}`, "allowed: 1 to 1000");
    }
  });
  const last = steps[steps.length - 1].action;
  if (last !== "stop" && last !== "halt") {
    throw new InputError(where, `ends with "${last}"`, "allowed: stop or halt, so that it ends");
  }
}

function oneOf(where: string, value: string, allowed: readonly string[]): void {
  if (!allowed.includes(value)) {
    throw new InputError(where, `"${value}"`, `allowed: ${allowed.join(", ")}`);
  }
}

/** Writes a checked policy into the monitor's global record. */
export function writePolicy(port: Port, policy: RecoveryPolicy): void {
  const clock = port.board.clock;
  const ns = parseTime(policy.window, "policy.window");
  port.write64(MAP.GLOBAL + GLOBAL.WINDOW, Math.round(ns * clock.fclk / 1e9));
  const resume = policy.resume === "yield" ? RESUME.YIELD : RESUME.IMMEDIATE;
  port.write(MAP.GLOBAL + GLOBAL.RESUME, resume);
  const classify = { context: CLASSIFY.CONTEXT, pc: CLASSIFY.PC, far: CLASSIFY.FAR };
  port.write(MAP.GLOBAL + GLOBAL.CLASSIFY, classify[policy.classify]);
  writeLadder(port, MAP.GLOBAL + GLOBAL.TASK_LADDER, policy.task);
  writeLadder(port, MAP.GLOBAL + GLOBAL.GUEST_LADDER, policy.guest);
}

function writeLadder(port: Port, address: number, steps: readonly LadderStep[]): void {
  for (let i = 0; i <= MAX_STEPS; i++) {
    const step = steps[i];
    const action = step === undefined ? ACTION.NONE : ACTION_NAMES.indexOf(step.action);
    port.write(address + i * 8, action);
    port.write(address + i * 8 + 4, step?.limit ?? 1);
  }
}
