/**
 * What happens to a laboratory from outside while it runs: console input and management, each at
 * its time. A plan is data, so that a run with it can be repeated.
 *
 * @module
 */

import { InputError } from "./errors.ts";
import { checkPolicy, type RecoveryPolicy } from "./policy.ts";
import { parseTime } from "./time.ts";
import { POLICY_PRESET } from "./vmi.ts";

/** Console input. */
export interface InputSpec {
  /**
   * Board time (ns or "2s"). Without one it is a line: it goes out with a line end, when the input
   * before it in the list has gone out and the VM has taken all of it and waits again, or a second
   * later when it does not.
   */
  time?: number | string;
  /** VM it goes to; default "vm0", whose input comes through UART0. */
  vm?: string;
  /** The text: as it is with a time, a line without one. */
  text: string;
}

/** What can be done to a VM. */
export type ManageAction =
  | "create"
  | "boot"
  | "start"
  | "stop"
  | "delete"
  | "policy"
  | "backup"
  | "console";

/** The actions of {@linkcode ManageAction}. */
export const MANAGE_ACTIONS: readonly ManageAction[] = [
  "create",
  "boot",
  "start",
  "stop",
  "delete",
  "policy",
  "backup",
  "console",
];

/** Names of the recovery policies that VM0's shell knows too (POLICY_PRESET). */
export type PolicyName = "default" | "stop" | "restart" | "immediate" | "halt";

/** Names of the recovery policies that VM0's shell knows too, by their number. */
export const POLICY_NAMES: readonly PolicyName[] = Object.keys(POLICY_PRESET).map((name) =>
  name.toLowerCase() as PolicyName
);

/** A management action and its time. */
export interface ManageSpec {
  /** Board time (ns or "2s"). */
  time: number | string;
  /** What is done. */
  action: ManageAction;
  /** VM it is done to, by name or number; the image's name for "create" and "boot". */
  vm: string | number;
  /** For "policy": a policy by name, or its parts. */
  policy?: PolicyName | Partial<RecoveryPolicy>;
}

/**
 * Checks console input.
 *
 * @param list The inputs.
 * @param names Names of the VMs there can be.
 * @throws {InputError} With key, value and what is allowed.
 */
export function checkInput(list: readonly InputSpec[], names: readonly string[]): void {
  list.forEach((input, i) => {
    const where = `input[${i}]`;
    if (input.time !== undefined) parseTime(input.time, `${where}.time`);
    const vm = input.vm ?? "vm0";
    if (!names.includes(vm)) {
      throw new InputError(`${where}.vm`, `"${vm}" is not allowed`, `allowed: ${names.join(", ")}`);
    }
    if (typeof input.text !== "string") {
      throw new InputError(`${where}.text`, `${input.text} is not allowed`, "allowed: a text");
    }
    if (input.time === undefined && /[\r\n]/.test(input.text)) {
      throw new InputError(
        `${where}.text`,
        "has more than one line",
        "allowed: one line, or a time for it",
      );
    }
  });
}

/**
 * Checks management actions.
 *
 * @param list The actions.
 * @throws {InputError} With key, value and what is allowed.
 */
export function checkManage(list: readonly ManageSpec[]): void {
  list.forEach((spec, i) => {
    const where = `manage[${i}]`;
    parseTime(spec.time, `${where}.time`);
    oneOf(`${where}.action`, spec.action, MANAGE_ACTIONS);
    if (typeof spec.vm !== "string" && !(Number.isInteger(spec.vm) && spec.vm >= 0)) {
      throw new InputError(`${where}.vm`, `${spec.vm} is not allowed`, "allowed: a name or number");
    }
    if ((spec.action === "policy") !== (spec.policy !== undefined)) {
      const what = spec.policy === undefined ? "is missing" : `says nothing to "${spec.action}"`;
      const allowed = `allowed: with the action policy, ${POLICY_NAMES.join(", ")} or its parts`;
      throw new InputError(`${where}.policy`, what, allowed);
    }
    checkNamedPolicy(spec.policy, `${where}.policy`);
  });
}

/**
 * Checks a policy that is given by name or by its parts.
 *
 * @param policy The policy; undefined is the default.
 * @param where Its key, for the message.
 * @throws {InputError} With key, value and what is allowed.
 */
export function checkNamedPolicy(
  policy: PolicyName | Partial<RecoveryPolicy> | undefined,
  where: string,
): void {
  if (typeof policy === "string") oneOf(where, policy, POLICY_NAMES);
  else checkPolicy(policy, where);
}

function oneOf(where: string, value: string, allowed: readonly string[]): void {
  if (!allowed.includes(value)) {
    throw new InputError(where, `"${value}" is not allowed`, `allowed: ${allowed.join(", ")}`);
  }
}

/**
 * Reads a script for VM0: a command a line. A line `@TIME text` goes out at that board time; one
 * without a time when VM0 has done what came before and waits. Empty lines and lines that begin with
 * `#` say nothing.
 *
 * @param text The script.
 * @param file Its name, for messages.
 * @throws {InputError} With file, line and what is allowed.
 *
 * @example
 * ```ts
 * import { parseScript } from "@understudy/vmm";
 * console.log(parseScript("list\n@100ms stop ucos-1\n", "night.txt").length); // 2
 * ```
 */
export function parseScript(text: string, file: string): InputSpec[] {
  const inputs: InputSpec[] = [];
  text.split(/\r\n|\n|\r/).forEach((line, i) => {
    if (line.trim() === "" || line.startsWith("#")) return;
    const where = `${file}:${i + 1}`;
    const timed = /^@(\S*)(?: +(.*))?$/.exec(line);
    const said = timed === null ? line : timed[2] ?? "";
    if (/[^\x20-\x7e\t]/.test(said)) {
      throw new InputError(where, "no text for a console", "allowed: printable ASCII characters");
    }
    if (timed === null) inputs.push({ text: said });
    else inputs.push({ time: parseTime(timed[1]!, where), text: `${said}\n` });
  });
  return inputs;
}
