/**
 * The campaign file: the configuration of a laboratory, and what is sampled, judged and required.
 * One schema gives its TypeScript type, its JSON schema and its messages.
 *
 * It brings the schema and YAML packages with it and is loaded only when it is used.
 *
 * @module
 */

// deno-lint-ignore no-import-prefix
import { z } from "npm:zod@4.6.7";
import {
  BACKUP_STRATEGIES,
  type CampaignPlan,
  hashBytes,
  InputError,
  type LabOptions,
  type ModelShare,
  type Outcome,
  OUTCOMES,
  parseFault,
  parseTime,
  TARGETS,
  type TargetShare,
  type TriggerShare,
} from "../mod.ts";
import { loadGuest } from "../guests/mod.ts";
import {
  CAMPAIGN_SCHEMA,
  type CampaignArm,
  type CampaignGates,
  type CampaignOutput,
  type CampaignSpec,
  SOURCES,
} from "./campaign_spec.ts";
import {
  type Config,
  type ConfigFile,
  configSchema,
  periodSchema,
  policySchema,
  timeSchema,
} from "./config.ts";
import { VM0 } from "./guest_args.ts";
import type { Io } from "./io.ts";
import { gather } from "./settings.ts";
import { duration } from "./story.ts";
import { parseYaml, schemaOf } from "./yaml_file.ts";

const share = z.number().positive().max(1e6).optional()
  .describe("share of the experiments, relative to the others; 1 unless given");

const targetName = z.enum(Object.keys(TARGETS) as [string, ...string[]]);

const target = z.union([
  targetName,
  z.strictObject({
    target: targetName.describe("kind of state"),
    vms: z.array(z.string()).min(1).optional().describe("guests; all unless given"),
    tasks: z.array(z.string()).min(1).optional().describe("tasks; all unless given"),
    share,
  }),
]);

const modelKind = z.enum(["flip", "set", "clear", "write"]);

const model = z.union([
  modelKind,
  z.strictObject({
    kind: modelKind.describe("what happens to a word; write: a random value"),
    bits: z.int().min(1).max(32).optional().describe("bits at once; 1 unless given"),
    spread: z.enum(["adjacent", "anywhere"]).optional().describe("where several bits lie"),
    share,
  }),
]);

const triggerKind = z.enum([
  "time",
  "instructions",
  "pc",
  "read",
  "write",
  "access",
  "checkpoint",
  "swap",
]);

const trigger = z.union([
  z.enum(["time", "instructions", "checkpoint", "swap"]),
  z.strictObject({
    kind: triggerKind.describe("what is waited for, from a random time of the window on"),
    at: z.string().optional().describe("address or symbol, for pc, read, write and access"),
    most: z.int().min(1).max(1_000_000_000).optional()
      .describe("most instructions, or steps of the monitor in a checkpoint or swap"),
    share,
  }),
]);

const pattern = z.string().superRefine((value, context) => {
  try {
    new RegExp(value);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    context.addIssue({ code: "custom", message: `${reason}; allowed: a regular expression` });
  }
});

const shareBound = z.number().min(0).max(1).optional();
const counts = z.int().min(0).max(1e12).optional();

const gates = z.strictObject({
  isolation_broken: counts.describe("most breaks of isolation by faults in tasks and kernels"),
  crashes: counts.describe("most crashes of emulator or monitor"),
  most: z.partialRecord(z.enum(Object.keys(OUTCOMES) as [Outcome, ...Outcome[]]), z.int().min(0))
    .optional().describe("most experiments of a class"),
  recovered: z.strictObject({ task: shareBound, guest: shareBound, vmm: shareBound }).optional()
    .describe("least lower 95 % bound of recovered/detected"),
  manifested: z.strictObject({ task: counts, guest: counts, vmm: counts }).optional()
    .describe("least number of manifested errors"),
  arms: z.array(z.string()).min(1).optional().describe("arms that are looked at; all"),
});

/** The schema of a campaign file. */
export const campaignSchema = configSchema.omit({ input: true, manage: true }).extend({
  count: z.int().min(1).max(1e12).optional().describe("experiments of each arm; see --count"),
  window: z.strictObject({
    from: timeSchema.optional().describe("first board time at which a fault strikes"),
    to: timeSchema.optional().describe("end of the times"),
  }).optional().describe("when faults strike; the middle of the run unless given"),
  targets: z.array(target).min(1).describe("what is struck"),
  sampling: z.enum(["shares", "uniform"]).optional()
    .describe("by the targets' shares, or each bit of all of them as often as another"),
  models: z.array(model).min(1).optional().describe("how words are struck; one flipped bit"),
  triggers: z.array(trigger).min(1).optional().describe("what faults wait for; a time"),
  faults: z.string().optional().describe("list of faults to run instead: GUEST FAULT on each line"),
  bugs: z.array(z.strictObject({
    vm: z.string().describe("guest"),
    arg: z.string().max(254).describe("its boot argument, as bug=wild-pointer@200ms"),
  })).optional().describe("planted bugs, one experiment each"),
  output: z.strictObject({
    compare: z.enum(["golden", "checks"]).optional()
      .describe("with the run without the fault, or only by the lines that are wrong"),
    late: timeSchema.optional().describe("output that is later by more is late; 100ms"),
    ignore: z.array(pattern).optional().describe("parts of lines that are not compared"),
    wrong: z.array(pattern).optional().describe("lines that are wrong"),
    module: z.string().optional().describe("TypeScript module whose default export judges"),
  }).optional().describe("what counts as correct output"),
  matrix: z.strictObject({
    backup: z.array(z.enum(BACKUP_STRATEGIES as readonly [string, ...string[]])).min(1).optional(),
    period: z.array(periodSchema).min(1).optional(),
    generations: z.array(z.int().min(1).max(8)).min(1).optional(),
    journal: z.array(z.enum(["off", "commit", "log"])).min(1).optional(),
    outputCommit: z.array(z.boolean()).min(1).optional(),
    checksums: z.array(z.boolean()).min(1).optional(),
    policy: z.array(policySchema.extend({
      name: z.string().regex(/^[\w.-]{1,20}$/, "1 to 20 letters, digits, . _ -"),
    })).min(1).optional(),
  }).optional().describe("arms: every combination runs the same faults"),
  gates: z.union([gates, z.array(gates).min(1)]).optional()
    .describe("what decides the exit code; or a list of such, each for its arms"),
  look: z.int().min(10_000).max(100_000_000).optional()
    .describe("cycles between comparisons with the golden run; 100000"),
}).meta({ title: "Understudy campaign" });

/** A campaign file. */
export type CampaignFile = z.infer<typeof campaignSchema>;

/** The JSON schema of a campaign file, for editors. */
export function campaignJsonSchema(): unknown {
  return schemaOf(campaignSchema);
}

/** What the command line says. */
export interface CampaignOptions {
  /** Experiments of each arm. */
  readonly count?: number | undefined;
  /** Seed. */
  readonly seed?: number | undefined;
}

const DEFAULT_FOR = "1s";
const DEFAULT_COUNT = 1000;
const DEFAULT_LATE = "100ms";
const DEFAULT_LOOK = 100_000;

/**
 * Reads a campaign file.
 *
 * @param text The YAML.
 * @param file Its path: images, lists and modules are found beside it.
 * @param options What the command line says comes first.
 * @param io The outside.
 * @throws {InputError} With file, line, key and what is allowed.
 */
export async function parseCampaign(
  text: string,
  file: string,
  options: CampaignOptions,
  io: Io,
): Promise<CampaignSpec> {
  const yaml = parseYaml(campaignSchema, text, file);
  const { value } = yaml;
  const {
    count,
    window,
    targets,
    sampling,
    models,
    triggers,
    faults,
    bugs,
    output,
    matrix,
    gates,
    look,
    seed,
    ...config
  } = value;
  const configFile: ConfigFile = {
    path: yaml.path,
    where: yaml.where,
    located: yaml.located,
    config: config as Config,
  };
  const settings = await gather([], { vm0: true }, io, configFile);
  const forNs = parseTime(settings.for ?? DEFAULT_FOR, "for");
  const from = parseTime(window?.from ?? Math.round(forNs / 10), "window.from");
  const to = parseTime(window?.to ?? Math.round(forNs * 6 / 10), "window.to");
  if (from >= to || to > forNs) {
    const where = value.window === undefined ? `${file}: window` : yaml.where("window");
    throw new InputError(
      where,
      `${duration(from)} to ${duration(to)} of a run of ${duration(forNs)}`,
      "allowed: from before to, both inside the run (for)",
    );
  }
  const plan: CampaignPlan = {
    seed: options.seed ?? seed ?? 1,
    targets: targets.map((item): TargetShare =>
      typeof item === "string" ? { target: item } : defined(item)
    ),
    ...(sampling === "uniform" ? { uniform: true } : {}),
    ...(models === undefined ? {} : {
      models: models.map((item): ModelShare =>
        typeof item === "string" ? { kind: item } : defined(item)
      ),
    }),
    ...(triggers === undefined ? {} : {
      triggers: triggers.map((item, i): TriggerShare =>
        typeof item === "string" ? { kind: item } : triggerOf(item, yaml.where("triggers", i, "at"))
      ),
    }),
    from,
    to,
  };
  const { guests, vm0: _image, ...lab } = settings.lab;
  const names = new Set(guests.map(({ name }) => name));
  bugs?.forEach(({ vm }, i) => {
    if (!names.has(vm)) {
      const allowed = `allowed: ${[...names].join(", ")}`;
      throw new InputError(yaml.where("bugs", i, "vm"), `no guest "${vm}"`, allowed);
    }
  });
  const listed = faults === undefined
    ? undefined
    : readFaults(decode(io.read(beside(file, faults))), beside(file, faults), names, forNs);
  const list = listed?.map(({ vm, fault }): [string, string] => [vm, fault]);
  const arms = armsOf(matrix ?? {}, lab);
  const spec: CampaignSpec = {
    schema: CAMPAIGN_SCHEMA,
    guests: settings.choices.map((choice, i) => ({
      name: guests[i]!.name,
      image: choice.image,
      shipped: choice.shipped,
      ...(choice.arg === undefined ? {} : { arg: choice.arg }),
      hash: hashBytes(guests[i]!.image),
    })),
    vm0: settings.lab.vm0 === undefined ? "" : hashBytes(await loadGuest(VM0)),
    lab: plainOptions(lab),
    arms,
    forNs,
    plan,
    ...(list === undefined ? {} : { faults: list }),
    count: list?.length ?? options.count ?? count ?? DEFAULT_COUNT,
    bugs: bugs ?? [],
    output: outputOf(output ?? {}, file, io),
    gates: gatesOf(gates, arms, yaml),
    look: look ?? DEFAULT_LOOK,
  };
  SOURCES.set(spec, (error) => {
    const index = /^faults\[(\d+)\]$/.exec(error.where)?.[1];
    if (index === undefined) return yaml.located(error);
    return new InputError(listed![Number(index)]!.where, error.what, error.allowed);
  });
  return spec;
}

/** Gates as data; arms that there are not are an error: nobody would look at them. */
function gatesOf(
  gates: CampaignFile["gates"],
  arms: readonly CampaignArm[],
  yaml: { where(...path: (string | number)[]): string },
): CampaignSpec["gates"] {
  const names = arms.map(({ name }) => name);
  const check = (set: { arms?: readonly string[] | undefined }, ...path: (string | number)[]) =>
    set.arms?.forEach((name, i) => {
      if (names.includes(name)) return;
      const where = yaml.where(...path, "arms", i);
      throw new InputError(where, `no arm "${name}"`, `allowed: ${names.join(", ")}`);
    });
  if (!Array.isArray(gates)) {
    check(gates ?? {}, "gates");
    return defined(gates ?? {}) as CampaignGates;
  }
  gates.forEach((set, i) => check(set, "gates", i));
  return gates.map((set) => defined(set) as CampaignGates);
}

function triggerOf(
  item: { kind: TriggerShare["kind"]; at?: string; most?: number; share?: number },
  where: string,
): TriggerShare {
  const { at, ...rest } = item;
  const needs = ["pc", "read", "write", "access"].includes(item.kind);
  if (needs !== (at !== undefined)) {
    throw new InputError(
      where,
      needs ? `is missing for ${item.kind}` : `is not for ${item.kind}`,
      "allowed: an address or a symbol, for pc, read, write and access",
    );
  }
  if (at === undefined) return defined(rest);
  const { event } = parseFaultAt(at, where);
  return { ...defined(rest), at: event };
}

/** Reads an address as a fault's trigger has it. */
function parseFaultAt(
  at: string,
  where: string,
): { event: { symbol: string; offset: number } } {
  try {
    const { trigger } = parseFault(`reg:r0:0@pc=${at}`);
    const event = trigger.event as { at: { symbol: string; offset: number } };
    return { event: event.at };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw new InputError(where, error.what, error.allowed);
  }
}

/** Options that are data: guests and images apart. */
function plainOptions(lab: Partial<LabOptions>): Partial<LabOptions> {
  const { input: _input, manage: _manage, ...rest } = lab;
  return rest;
}

type Matrix = NonNullable<CampaignFile["matrix"]>;

/**
 * Every combination of the matrix. Without checkpoints nothing that is about them makes a difference:
 * that is one arm for each policy.
 */
function armsOf(matrix: Matrix, lab: Partial<LabOptions>): CampaignArm[] {
  let arms: CampaignArm[] = [{ name: "", options: {} }];
  const axis = <T>(
    values: readonly T[] | undefined,
    name: (value: T) => string,
    options: (value: T) => Partial<LabOptions>,
    always = false,
  ) => {
    if (values === undefined) return;
    arms = arms.flatMap((arm) =>
      arm.options.backup === "off" && !always ? [arm] : values.map((value) => ({
        name: `${arm.name} ${name(value)}`.trim(),
        options: { ...arm.options, ...options(value) },
      }))
    );
  };
  axis(
    matrix.backup,
    String,
    (backup) => backup === "off" ? UNPROTECTED : { backup: backup as LabOptions["backup"] },
  );
  axis(matrix.period, String, (period) => ({ period: period === "every switch" ? 0 : period }));
  axis(matrix.generations, (n) => `generations=${n}`, (generations) => ({ generations }));
  axis(matrix.journal, (mode) => `journal=${mode}`, (journal) => ({ journal }));
  axis(
    matrix.outputCommit,
    (on) => on ? "output-commit" : "output-direct",
    (outputCommit) => ({ outputCommit }),
  );
  axis(matrix.checksums, (on) => on ? "checksums" : "no-checksums", (checksums) => ({ checksums }));
  axis(
    matrix.policy,
    ({ name }) => name,
    ({ name: _name, ...policy }) => ({ policy: defined(policy) as LabOptions["policy"] }),
    true,
  );
  if (arms[0]!.name === "") arms = [{ name: lab.backup ?? "cow", options: {} }];
  return arms;
}

/** No checkpoints, and nothing that needs them. */
const UNPROTECTED: Partial<LabOptions> = {
  backup: "off",
  journal: "off",
  checksums: false,
  outputCommit: false,
};

function outputOf(
  { compare, late, ignore, wrong, module }: NonNullable<CampaignFile["output"]>,
  file: string,
  io: Io,
): CampaignOutput {
  const path = module === undefined ? undefined : beside(file, module);
  return {
    compare: compare ?? "golden",
    late: parseTime(late ?? DEFAULT_LATE, "output.late"),
    ignore: ignore ?? [],
    wrong: wrong ?? [],
    ...(path === undefined ? {} : { module: { path, hash: hashBytes(io.read(path)) } }),
  };
}

/** A relative path of a campaign file starts at the file's folder. */
function beside(file: string, path: string): string {
  return /^([\\/]|[A-Za-z]:)/.test(path) ? path : file.replace(/[^\\/]*$/, "") + path;
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** A fault of a list. */
export interface ListedFault {
  /** Guest. */
  readonly vm: string;
  /** Fault. */
  readonly fault: string;
  /** File and line. */
  readonly where: string;
}

/**
 * Reads a list of faults: a guest and a fault on each line; empty lines and those that begin with #
 * are passed over.
 *
 * @param forNs Board time of an experiment, ns.
 * @throws {InputError} With file, line and what is allowed.
 */
export function readFaults(
  text: string,
  file: string,
  guests: ReadonlySet<string>,
  forNs: number,
): ListedFault[] {
  const faults: ListedFault[] = [];
  text.split(/\r?\n/).forEach((line, i) => {
    const trimmed = line.trim();
    if (trimmed === "" || trimmed.startsWith("#")) return;
    const [vm, fault, ...rest] = trimmed.split(/\s+/);
    const where = `${file}:${i + 1}`;
    if (fault === undefined || rest.length > 0) {
      throw new InputError(
        where,
        "not understood",
        "allowed: GUEST FAULT, as ucos-1 reg:r4:1@t=1s",
      );
    }
    if (!guests.has(vm!)) {
      throw new InputError(where, `no guest "${vm}"`, `allowed: ${[...guests].join(", ")}`);
    }
    let time: number;
    try {
      ({ time } = parseFault(fault));
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      throw new InputError(where, `${error.where}: ${error.what}`, error.allowed);
    }
    if (time >= forNs) {
      throw new InputError(
        where,
        `${fault} strikes after the end of the run`,
        `allowed: before ${duration(forNs)} (for)`,
      );
    }
    faults.push({ vm: vm!, fault, where });
  });
  if (faults.length === 0) throw new InputError(file, "holds no fault");
  return faults;
}

/** An object without its undefined members. */
function defined<T extends object>(object: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(
    Object.entries(object).filter(([, value]) => value !== undefined),
  ) as { [K in keyof T]: Exclude<T[K], undefined> };
}
