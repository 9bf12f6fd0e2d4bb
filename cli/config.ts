/**
 * The configuration file: YAML, checked by one schema that also gives its TypeScript type and its
 * JSON schema.
 *
 * This module brings the YAML and schema packages with it and is loaded only when it is used. They
 * are named here, not in `deno.json`, because what that names is fetched at every first start.
 *
 * @module
 */

// deno-lint-ignore no-import-prefix
import { isMap, isNode, LineCounter, parseDocument } from "npm:yaml@2.9.1";
// deno-lint-ignore no-import-prefix
import { z } from "npm:zod@4.6.7";
import {
  BACKUP_STRATEGIES,
  InputError,
  type LadderStep,
  MANAGE_ACTIONS,
  parseTime,
  POLICY_NAMES,
} from "../mod.ts";
import { allowedNames } from "./choices.ts";

/** A time, or what the library says against it. */
const time = z.union([z.string(), z.number()]).superRefine((value, context) => {
  try {
    parseTime(value, "");
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    context.addIssue({ code: "custom", message: [error.what, error.allowed].join("; ") });
  }
});

/** A checkpoint period: a time, or at every switch. */
const period = z.union([z.literal("every switch"), time]);

/** The actions of a ladder; the type makes this list the library's. */
const ACTIONS: Readonly<Record<LadderStep["action"], true>> = {
  swap: true,
  older: true,
  restart: true,
  skip: true,
  stop: true,
  kill: true,
  halt: true,
};

/** A ladder of the recovery policy. */
const ladder = z.array(z.strictObject({
  action: z.enum(Object.keys(ACTIONS) as LadderStep["action"][]).describe("what to do"),
  limit: z.int().min(1).max(1000).optional()
    .describe("how often within the window before the next step; 1 unless given"),
})).min(1).max(7);

/** A guest, in short or at length. */
const guest = z.union([
  z.string().describe("a shipped image or the path of an ELF file, with an argument after a colon"),
  z.strictObject({
    name: z.string().regex(/^[A-Za-z0-9_.-]{1,15}$/, "1 to 15 letters, digits, or . _ -").optional()
      .describe("name of the VM"),
    image: z.string().describe("a shipped image or the path of an ELF file"),
    arg: z.string().max(254).optional().describe("boot argument"),
  }),
]);

/** A recovery policy. */
const policy = z.strictObject({
  task: ladder.optional().describe("steps for errors of tasks; the last is stop, kill or halt"),
  guest: ladder.optional().describe(
    "steps for errors of kernels; the last is stop, kill or halt",
  ),
  window: time.optional().describe("board time after which a ladder starts anew"),
  resume: z.enum(["yield", "immediate"]).optional()
    .describe("after a task recovery: on to the next task, or go on at once"),
  classify: z.enum(["context", "pc", "far"]).optional()
    .describe("an error belongs to who was running, to where PC was, or to where it points"),
});

/** A VM, by name or number. */
const vm = z.union([z.string(), z.int().min(0).max(77)]);

/** The schema of a configuration file. */
export const configSchema = z.strictObject({
  machine: z.strictObject({
    sdram: z.literal([32, 64, 128]).optional().describe("SDRAM in MB"),
    cache: z.boolean().optional().describe("model the instruction and data caches"),
  }).optional().describe("the board"),
  guests: z.array(guest).min(1).optional().describe("the guests, in order of their start"),
  vm0: z.boolean().optional().describe("VM0 creates and starts the guests"),
  backup: z.enum(BACKUP_STRATEGIES as readonly [string, ...string[]]).optional()
    .describe("how checkpoints are taken"),
  period: period.optional().describe("board time between checkpoints, or every switch"),
  every: z.int().min(1).max(1_000_000).optional()
    .describe("a checkpoint at every so many switches, at most"),
  generations: z.int().min(1).max(8).optional()
    .describe("checkpoints kept of each task and of each guest"),
  checksums: z.boolean().optional().describe("checksum standby pages and verify them before use"),
  journal: z.enum(["off", "commit", "log"]).optional()
    .describe("what is done about a task's kernel calls since its checkpoint"),
  watchdog: time.optional().describe("a guest that neither rests nor kicks for so long has failed"),
  refusals: z.int().min(0).max(1_000_000).optional()
    .describe("refused hypercalls in 100 ms that are an error; 0: never"),
  outputCommit: z.boolean().optional()
    .describe("hold console output until the writer's next checkpoint"),
  catchUp: z.boolean().optional()
    .describe("make up for the timer periods that a rollback of a guest loses"),
  scrub: z.int().min(0).max(10_000).optional()
    .describe("milliseconds of board time between steps of the table scrubber; 0: off"),
  policy: policy.optional().describe("what is done after an error"),
  schedule: z.enum(["slices", "slots"]).optional()
    .describe("VMs take turns and lend their idle time, or have fixed time slots"),
  slice: time.optional().describe("board time of a VM's turn"),
  seed: z.int().min(0).max(0xffff_ffff).optional().describe("seed of everything random"),
  for: time.optional().describe("board time to run"),
  input: z.array(z.strictObject({
    time: time.optional()
      .describe("board time; without one a line, sent when the VM has done what came before"),
    vm: z.string().optional().describe("VM that gets it; vm0 unless given"),
    text: z.string().describe("what is typed; a line without a time needs no line end"),
  })).optional().describe("console input"),
  manage: z.array(z.strictObject({
    time: time.describe("board time"),
    action: z.enum(MANAGE_ACTIONS as readonly [string, ...string[]]).describe("what is done"),
    vm: vm.describe("VM, by name or number; the image for create and boot"),
    policy: z.union([z.enum(POLICY_NAMES as readonly [string, ...string[]]), policy]).optional()
      .describe("for the action policy: one by name, or its parts"),
  })).optional().describe("management of VMs, as VM0's shell does it"),
}).meta({ title: "Understudy configuration" });

/** A configuration. */
export type Config = z.infer<typeof configSchema>;

/** The JSON schema of a configuration file, for editors. */
export function configJsonSchema(): unknown {
  return z.toJSONSchema(configSchema, { io: "input", unrepresentable: "any" });
}

/** A part of a JSON schema, as far as it is read here. */
interface SchemaPart {
  readonly properties?: Readonly<Record<string, SchemaPart>>;
  readonly items?: SchemaPart;
  readonly anyOf?: readonly SchemaPart[];
  readonly minimum?: number;
  readonly maximum?: number;
}

/** The parts of the schema that a place of the configuration is held against. */
function partsAt(path: readonly PropertyKey[]): SchemaPart[] {
  const open = (part: SchemaPart): SchemaPart[] => [part, ...(part.anyOf ?? []).flatMap(open)];
  let parts = open(configJsonSchema() as SchemaPart);
  for (const step of path) {
    parts = parts
      .map((part) => typeof step === "number" ? part.items : part.properties?.[String(step)])
      .filter((part) => part !== undefined).flatMap(open);
  }
  return parts;
}

/** Keys allowed at a place of the configuration. */
function keysAt(path: readonly PropertyKey[]): string[] {
  return partsAt(path).flatMap((part) => Object.keys(part.properties ?? {}));
}

/** The range of numbers allowed at a place of the configuration. */
function rangeAt(path: readonly PropertyKey[]): string {
  const part = partsAt(path).find(({ minimum, maximum }) => (minimum ?? maximum) !== undefined);
  return `allowed: ${part?.minimum ?? "any"} to ${part?.maximum ?? "any"}`;
}

/** A value, short enough for a message. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && value !== null) return "a mapping";
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 40 ? `${text.slice(0, 37)}...` : text;
}

/** What is wrong with a value, and what is allowed. */
interface Finding {
  readonly path: readonly PropertyKey[];
  /** The key itself, not its value, is wrong. */
  readonly key?: string;
  readonly what: string;
  readonly allowed: string;
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  array: "a list",
  object: "a mapping of keys to values",
  int: "a whole number",
  number: "a number",
  string: "a text",
  boolean: "true or false",
};

/** Puts the first issue of the schema into our words. */
function finding(issue: z.core.$ZodIssue, value: unknown): Finding {
  const path = issue.path;
  const what = value === undefined ? "is missing" : `${shown(value)} is not allowed`;
  switch (issue.code) {
    case "unrecognized_keys": {
      const key = issue.keys[0]!;
      return { path, key, what: "unknown key", allowed: allowedNames(key, keysAt(path)) };
    }
    case "invalid_type":
      return { path, what, allowed: `allowed: ${TYPE_NAMES[issue.expected] ?? issue.expected}` };
    case "invalid_value": {
      const names = issue.values.map(String);
      const allowed = typeof value === "string"
        ? allowedNames(value, names)
        : `allowed: ${names.join(", ")}`;
      return { path, what, allowed };
    }
    case "too_small":
    case "too_big":
      switch (issue.origin) {
        case "array": {
          const few = issue.code === "too_small";
          const limit = few ? `at least ${issue.minimum}` : `at most ${issue.maximum}`;
          return { path, what: few ? "is empty" : "has too many", allowed: `allowed: ${limit}` };
        }
        case "string":
          return {
            path,
            what: "is too long",
            allowed: issue.code === "too_big" ? `allowed: at most ${issue.maximum} characters` : "",
          };
        default:
          return { path, what, allowed: rangeAt(path) };
      }
    case "invalid_union": {
      // The branch that got furthest says best what is wrong.
      const branches = issue.errors.map((issues) => issues[0]).filter((first) =>
        first !== undefined
      );
      branches.sort((a, b) => depth(b) - depth(a));
      const first = branches[0];
      if (first === undefined) return { path, what, allowed: issue.message };
      const below = finding(first, valueAt(value, first.path));
      return { ...below, path: [...path, ...below.path] };
    }
    case "custom": {
      const [reason, allowed] = issue.message.split("; ");
      return { path, what: reason!, allowed: allowed ?? "" };
    }
    default:
      return { path, what, allowed: `allowed: ${issue.message}` };
  }
}

/** How far into the value an issue lies; a value of the right type counts as a step. */
function depth(issue: z.core.$ZodIssue): number {
  return 2 * issue.path.length + (issue.code === "invalid_type" ? 0 : 1);
}

/** Writes a path as `guests[0].name`. */
function pathText(path: readonly PropertyKey[]): string {
  return path.map((step) => typeof step === "number" ? `[${step}]` : `.${String(step)}`).join("")
    .replace(/^\./, "");
}

/** A configuration, and where its keys stand in the file. */
export interface ConfigFile {
  /** Path of the file. */
  readonly path: string;
  /** The configuration. */
  readonly config: Config;
  /**
   * Adds file and line to what the library says about a value that the file gave.
   *
   * @param error Error whose `where` is a key, as `policy.task[0].limit`.
   */
  located(error: InputError): InputError;
  /** File, line and key of a value. */
  where(...path: readonly (string | number)[]): string;
}

/**
 * Reads a configuration.
 *
 * @param text The YAML.
 * @param file Its name, for messages.
 * @throws {InputError} With file, line, key and what is allowed.
 */
export function parseConfig(text: string, file: string): ConfigFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const broken = document.errors[0];
  if (broken !== undefined) {
    const { line } = lines.linePos(broken.pos[0]);
    throw new InputError(`${file}:${line}`, `no YAML: ${broken.message}`);
  }
  let value: unknown;
  try {
    value = document.toJS() ?? {};
  } catch (error) {
    // Aliases that lead nowhere, or that would unfold to too much.
    throw new InputError(file, `no YAML: ${error instanceof Error ? error.message : error}`);
  }
  const lineOf = (path: readonly PropertyKey[], key?: string): number => {
    for (let length = path.length; length >= 0; length--) {
      const node = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
      if (key !== undefined && length === path.length && isMap(node)) {
        const found = node.items.find((pair) => isNode(pair.key) && String(pair.key) === key)?.key;
        if (isNode(found) && found.range) return lines.linePos(found.range[0]).line;
      }
      if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
    }
    return 1;
  };
  const parsed = configSchema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    const { path, key, what, allowed } = finding(issue, valueAt(value, issue.path));
    const name = pathText(key === undefined ? path : [...path, key]);
    const place = `${file}:${lineOf(path, key)}`;
    throw new InputError(name === "" ? place : `${place}: ${name}`, what, allowed);
  }
  const where = (...path: readonly (string | number)[]): string =>
    `${file}:${lineOf(path)}: ${pathText(path)}`;
  return {
    path: file,
    config: parsed.data,
    where,
    located(error: InputError): InputError {
      const path = error.where.split(/[.[\]]+/).filter((step) => step !== "")
        .map((step) => /^\d+$/.test(step) ? Number(step) : step);
      if (path.length === 0 || valueAt(value, path.slice(0, 1)) === undefined) return error;
      return new InputError(where(...path), error.what, error.allowed);
    },
  };
}

/** The value at a path. */
function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let inner = value;
  for (const step of path) inner = (inner as Record<PropertyKey, unknown> | undefined)?.[step];
  return inner;
}
