/**
 * Recovery policies: what is done about an error, how often, and what comes then. A policy is data;
 * the monitor keeps it in its global record.
 *
 * @module
 */

import { InputError } from "./errors.ts";
import { ACTION, ACTION_NAMES, CLASSIFY, POLICY, RESUME } from "./layout.ts";
import type { Port } from "./port.ts";
import { parseTime } from "./time.ts";

/** One rung of a ladder. */
export interface LadderStep {
  /**
   * What is done: `swap` rolls back to the newest checkpoint, `older` to the one before, `restart`
   * starts from the image, `skip` goes on after the instruction, `stop` ends the task or guest,
   * `kill` deletes it, `halt` stops the system. For tasks only: `guest` rolls the whole guest back, the
   * second time to an older checkpoint.
   */
  action: "swap" | "older" | "guest" | "restart" | "skip" | "stop" | "kill" | "halt";
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
const STEP_ACTIONS: readonly string[] = [
  "swap",
  "older",
  "guest",
  "restart",
  "skip",
  "stop",
  "kill",
  "halt",
];
const LAST_ACTIONS: readonly string[] = ["stop", "kill", "halt"];
const RESUMES: readonly string[] = ["yield", "immediate"];
const CLASSIFIERS: readonly string[] = ["context", "pc", "far"];

/**
 * Completes and checks a policy.
 *
 * @param partial What the user gave; the rest is {@linkcode DEFAULT_POLICY}.
 * @param where Its key, for messages.
 * @throws {InputError} With key, value and what is allowed.
 */
export function checkPolicy(
  partial: Partial<RecoveryPolicy> = {},
  where = "policy",
): RecoveryPolicy {
  if (typeof partial !== "object" || partial === null) {
    const allowed = `allowed: ${Object.keys(DEFAULT_POLICY).join(", ")}`;
    throw new InputError(where, `"${partial}" is no policy`, allowed);
  }
  const unknown = Object.keys(partial).find((key) => !(key in DEFAULT_POLICY));
  if (unknown !== undefined) {
    const allowed = `allowed: ${Object.keys(DEFAULT_POLICY).join(", ")}`;
    throw new InputError(`${where}.${unknown}`, "unknown key", allowed);
  }
  const policy = { ...DEFAULT_POLICY, ...partial };
  checkLadder(`${where}.task`, policy.task, true);
  checkLadder(`${where}.guest`, policy.guest, false);
  if (parseTime(policy.window, `${where}.window`) < 1) {
    throw new InputError(
      `${where}.window`,
      `"${policy.window}" is not allowed`,
      "allowed: more than 0",
    );
  }
  oneOf(`${where}.resume`, policy.resume, RESUMES);
  oneOf(`${where}.classify`, policy.classify, CLASSIFIERS);
  return policy;
}

function checkLadder(where: string, steps: readonly LadderStep[], task: boolean): void {
  if (!Array.isArray(steps) || steps.length < 1 || steps.length > MAX_STEPS) {
    throw new InputError(where, "not a ladder", `allowed: 1 to ${MAX_STEPS} steps`);
  }
  steps.forEach((step, i) => {
    if (typeof step !== "object" || step === null) {
      throw new InputError(`${where}[${i}]`, `"${step}" is no step`, "allowed: an action, a limit");
    }
    const actions = STEP_ACTIONS.filter((action) => task || action !== "guest");
    oneOf(`${where}[${i}].action`, step.action, actions);
    const limit = step.limit ?? 1;
    if (!Number.isInteger(limit) || limit < 1 || limit > 1000) {
      throw new InputError(`${where}[${i}].limit`, `${limit} is not allowed`, "allowed: 1 to 1000");
    }
  });
  const last = steps[steps.length - 1].action;
  if (!LAST_ACTIONS.includes(last)) {
    throw new InputError(
      where,
      `ends with "${last}"`,
      `allowed: ${LAST_ACTIONS.join(", ")}, so that it ends`,
    );
  }
}

function oneOf(where: string, value: string, allowed: readonly string[]): void {
  if (!allowed.includes(value)) {
    throw new InputError(where, `"${value}" is not allowed`, `allowed: ${allowed.join(", ")}`);
  }
}

/**
 * Writes a checked policy into the monitor's memory.
 *
 * @param at Address of the policy block (POLICY) of the global or a VM record.
 */
export function writePolicy(port: Port, at: number, policy: RecoveryPolicy): void {
  const clock = port.board.clock;
  const ns = parseTime(policy.window, "policy.window");
  port.write64(at + POLICY.WINDOW, Math.round(ns * clock.fclk / 1e9));
  const resume = policy.resume === "yield" ? RESUME.YIELD : RESUME.IMMEDIATE;
  port.write(at + POLICY.RESUME, resume);
  const classify = { context: CLASSIFY.CONTEXT, pc: CLASSIFY.PC, far: CLASSIFY.FAR };
  port.write(at + POLICY.CLASSIFY, classify[policy.classify]);
  writeLadder(port, at + POLICY.TASK, policy.task);
  writeLadder(port, at + POLICY.GUEST, policy.guest);
}

function writeLadder(port: Port, address: number, steps: readonly LadderStep[]): void {
  for (let i = 0; i <= MAX_STEPS; i++) {
    const step = steps[i];
    const action = step === undefined ? ACTION.NONE : ACTION_NAMES.indexOf(step.action);
    port.write(address + i * 8, action);
    port.write(address + i * 8 + 4, step?.limit ?? 1);
  }
}

const STOP_LADDER: readonly LadderStep[] = [{ action: "stop" }];
const RESTART_LADDER: readonly LadderStep[] = [{ action: "restart", limit: 3 }, { action: "stop" }];
const HALT_LADDER: readonly LadderStep[] = [{ action: "halt" }];

/** Policies that VM0 can give, by number (POLICY_PRESET of vmi.ts). */
export const POLICY_PRESETS: readonly RecoveryPolicy[] = [
  DEFAULT_POLICY,
  { ...DEFAULT_POLICY, task: STOP_LADDER, guest: STOP_LADDER },
  { ...DEFAULT_POLICY, task: RESTART_LADDER, guest: RESTART_LADDER },
  { ...DEFAULT_POLICY, resume: "immediate" },
  { ...DEFAULT_POLICY, task: HALT_LADDER, guest: HALT_LADDER },
];
