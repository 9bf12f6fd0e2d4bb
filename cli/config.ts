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
import { z } from "npm:zod@4.6.7";
import {
  BACKUP_STRATEGIES,
  FIDELITIES,
  InputError,
  type LadderStep,
  MANAGE_ACTIONS,
  parseTime,
  POLICY_NAMES,
  TIMING,
  TIMING_NAMES,
} from "../mod.ts";
import { parseYaml, schemaOf, type YamlFile } from "./yaml_file.ts";

/** A time, or what the library says against it. */
export const timeSchema: z.ZodType<string | number> = z.union([z.string(), z.number()]).superRefine(
  (value, context) => {
    try {
      parseTime(value, "");
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      context.addIssue({ code: "custom", message: [error.what, error.allowed].join("; ") });
    }
  },
);

/** A checkpoint period: a time, or at every switch. */
export const periodSchema: z.ZodType<string | number> = z.union([
  z.literal("every switch"),
  timeSchema,
]);

/** The actions of a ladder; the type makes this list the library's. */
const ACTIONS: Readonly<Record<LadderStep["action"], true>> = {
  swap: true,
  older: true,
  guest: true,
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
export const policySchema = z.strictObject({
  task: ladder.optional().describe("steps for errors of tasks; the last is stop, kill or halt"),
  guest: ladder.optional().describe(
    "steps for errors of kernels; the last is stop, kill or halt",
  ),
  window: timeSchema.optional().describe("board time after which a ladder starts anew"),
  resume: z.enum(["yield", "immediate"]).optional()
    .describe("after a task recovery: on to the next task, or go on at once"),
  classify: z.enum(["context", "pc", "far"]).optional()
    .describe("an error belongs to who was running, to where PC was, or to where it points"),
});

/** The costs of the timed fidelity, each with its range. */
const timingKeys = Object.fromEntries(
  TIMING_NAMES.map((name) => {
    const { range: [least, most], what, unit } = TIMING[name];
    return [name, z.int().min(least).max(most).optional().describe(`${what}; ${unit}`)];
  }),
);

/** A VM, by name or number. */
const vm = z.union([z.string(), z.int().min(0).max(77)]);

/** The schema of a configuration file. */
export const configSchema = z.strictObject({
  machine: z.strictObject({
    sdram: z.literal([32, 64, 128]).optional().describe("SDRAM in MB"),
    cache: z.boolean().optional().describe("model the instruction and data caches"),
  }).optional().describe("the board"),
  fidelity: z.enum(FIDELITIES as readonly [string, ...string[]]).optional()
    .describe("how time passes: by fixed costs, or as on an ARM920T with the board's memory"),
  timing: z.strictObject(timingKeys).optional()
    .describe("costs of the timed fidelity that differ from docs/timing.md"),
  guests: z.array(guest).min(1).optional().describe("the guests, in order of their start"),
  vm0: z.boolean().optional().describe("VM0 creates and starts the guests"),
  backup: z.enum(BACKUP_STRATEGIES as readonly [string, ...string[]]).optional()
    .describe("how checkpoints are taken"),
  period: periodSchema.optional().describe("board time between checkpoints, or every switch"),
  every: z.int().min(1).max(1_000_000).optional()
    .describe("a checkpoint at every so many switches, at most"),
  generations: z.int().min(1).max(8).optional()
    .describe("checkpoints kept of each task and of each guest"),
  checksums: z.boolean().optional().describe("checksum standby pages and verify them before use"),
  journal: z.enum(["off", "commit", "log"]).optional()
    .describe("what is done about a task's kernel calls since its checkpoint"),
  watchdog: timeSchema.optional().describe(
    "a guest that runs for so long and neither rests nor kicks has failed",
  ),
  refusals: z.int().min(0).max(1_000_000).optional()
    .describe("refused hypercalls in 100 ms that are an error; 0: never"),
  outputCommit: z.boolean().optional()
    .describe("hold console output until the writer's next checkpoint"),
  catchUp: z.boolean().optional()
    .describe("make up for the timer periods that a rollback of a guest loses"),
  scrub: z.int().min(0).max(10_000).optional()
    .describe("milliseconds of board time between steps of the table scrubber; 0: off"),
  policy: policySchema.optional().describe("what is done after an error"),
  schedule: z.enum(["slices", "slots"]).optional()
    .describe("VMs take turns and lend their idle time, or have fixed time slots"),
  slice: timeSchema.optional().describe("board time of a VM's turn"),
  seed: z.int().min(0).max(0xffff_ffff).optional().describe("seed of everything random"),
  for: timeSchema.optional().describe("board time to run"),
  input: z.array(z.strictObject({
    time: timeSchema.optional()
      .describe("board time; without one a line, sent when the VM has done what came before"),
    vm: z.string().optional().describe("VM that gets it; vm0 unless given"),
    text: z.string().describe("what is typed; a line without a time needs no line end"),
  })).optional().describe("console input"),
  manage: z.array(z.strictObject({
    time: timeSchema.describe("board time"),
    action: z.enum(MANAGE_ACTIONS as readonly [string, ...string[]]).describe("what is done"),
    vm: vm.describe("VM, by name or number; the image for create and boot"),
    policy: z.union([z.enum(POLICY_NAMES as readonly [string, ...string[]]), policySchema])
      .optional()
      .describe("for the action policy: one by name, or its parts"),
  })).optional().describe("management of VMs, as VM0's shell does it"),
}).meta({ title: "Understudy configuration" });

/** A configuration. */
export type Config = z.infer<typeof configSchema>;

/** The JSON schema of a configuration file, for editors. */
export function configJsonSchema(): unknown {
  return schemaOf(configSchema);
}

/** A configuration, and where its keys stand in the file. */
export interface ConfigFile extends YamlFile {
  /** The configuration. */
  readonly config: Config;
}

/**
 * Reads a configuration.
 *
 * @param text The YAML.
 * @param file Its name, for messages.
 * @throws {InputError} With file, line, key and what is allowed.
 */
export function parseConfig(text: string, file: string): ConfigFile {
  const { value, ...yaml } = parseYaml(configSchema, text, file);
  return { ...yaml, config: value };
}
