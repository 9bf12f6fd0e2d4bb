/**
 * The options that every command with guests has, and what they and the configuration file come to.
 *
 * @module
 */

import { Option } from "@commander-js/extra-typings";
import { loadGuest } from "../guests/mod.ts";
import {
  BACKUP_STRATEGIES,
  FIDELITIES,
  InputError,
  type InputSpec,
  type LabOptions,
  type ManageSpec,
  parseScript,
  parseTime,
} from "../mod.ts";
import { oneOf, wholeNumber } from "./choices.ts";
import type { ConfigFile } from "./config.ts";
import { type GuestChoice, loadGuests, parseGuest, VM0 } from "./guest_args.ts";
import type { Io } from "./io.ts";

/** The options, as commander reads them. */
export interface SharedOptions {
  /** Backup strategy. */
  readonly backup?: string | undefined;
  /** Checkpoint period. */
  readonly period?: string | undefined;
  /** Switches between checkpoints. */
  readonly every?: string | undefined;
  /** Checkpoints kept. */
  readonly generations?: string | undefined;
  /** Standby pages have checksums. */
  readonly checksums?: true | undefined;
  /** What is done about kernel calls since a checkpoint. */
  readonly journal?: string | undefined;
  /** Watchdog of guests. */
  readonly watchdog?: string | undefined;
  /** How VMs share the CPU. */
  readonly schedule?: string | undefined;
  /** Length of a VM's turn. */
  readonly slice?: string | undefined;
  /** Seed. */
  readonly seed?: string | undefined;
  /** The caches are modelled. */
  readonly cache?: true | undefined;
  /** How time passes. */
  readonly fidelity?: string | undefined;
  /** False: the monitor starts the guests itself. */
  readonly vm0: boolean;
  /** File with commands for VM0. */
  readonly script?: string | undefined;
}

/** Checks a time and leaves it as it was written. */
export function timeText(where: string): (text: string) => string {
  return (text) => {
    parseTime(text, where);
    return text;
  };
}

/**
 * The options that every command with guests has; a command adds them one by one, so that their types
 * are known to it.
 */
export const SHARED = {
  config: new Option("-c, --config <file>", "configuration (YAML); what is given here comes first"),
  backup: new Option("--backup <strategy>", `checkpoints: ${BACKUP_STRATEGIES.join(", ")}`),
  period: new Option("--period <time>", 'board time between checkpoints (10ms), or "every switch"'),
  every: new Option("--every <number>", "checkpoint at every so many switches, at most (1)"),
  generations: new Option("--generations <number>", "checkpoints kept of each task and guest (2)"),
  checksums: new Option("--checksums", "checksum standby pages and verify them before use"),
  journal: new Option("--journal <mode>", "kernel calls since a checkpoint: off, commit, log"),
  watchdog: new Option("--watchdog <time>", "a guest that shows no life for so long has failed"),
  schedule: new Option("--schedule <kind>", "how VMs share the CPU: slices, slots"),
  slice: new Option("--slice <time>", "board time of a VM's turn (5ms)"),
  seed: new Option("--seed <number>", "seed of everything random (1)"),
  cache: new Option("--cache", "run with the model of the caches"),
  fidelity: new Option("--fidelity <kind>", `how time passes: ${FIDELITIES.join(", ")} (fast)`),
  vm0: new Option("--no-vm0", "the monitor starts the guests itself, without VM0"),
  json: new Option("--json", "one JSON object a line"),
} as const;

/** What a run is made of. */
export interface Settings {
  /** For the library. */
  readonly lab: LabOptions;
  /** The guests as they were asked for, in the order of `lab.guests`. */
  readonly choices: readonly GuestChoice[];
  /** Board time to run, where the configuration names it. */
  readonly for?: string | number;
  /** Puts the place in the user's input before what the library says. */
  located(error: unknown): unknown;
}

/** Options whose value the library checks; its messages name the key. */
const PASSED = ["period", "slice", "journal", "watchdog", "schedule"] as const;

/** Options with a whole number, and their range. */
const NUMBERS = {
  every: [1, 1_000_000],
  generations: [1, 8],
  seed: [0, 0xffff_ffff],
} as const;

/** A relative path of a configuration file starts at the file's folder. */
function besideConfig(config: string, image: string): string {
  if (/^([\\/]|[A-Za-z]:)/.test(image)) return image;
  return config.replace(/[^\\/]*$/, "") + image;
}

/** The guests that a configuration names. */
function configGuests(file: ConfigFile): GuestChoice[] {
  return (file.config.guests ?? []).map((guest, index) => {
    const text = typeof guest === "string" ? guest : guest.image;
    const where = typeof guest === "string"
      ? file.where("guests", index)
      : file.where("guests", index, "image");
    const choice = parseGuest(text, where);
    return {
      ...choice,
      image: choice.shipped ? choice.image : besideConfig(file.path, choice.image),
      ...(typeof guest === "string" ? {} : {
        ...(guest.name === undefined ? {} : { name: guest.name }),
        ...(guest.arg === undefined ? {} : { arg: guest.arg }),
      }),
    };
  });
}

/**
 * Puts options, configuration and guests together.
 *
 * @param words GUEST arguments; with none, the guests of the configuration.
 * @param options The options.
 * @param io The outside.
 * @param file The configuration.
 * @throws {InputError} With the option, or file, line and key, and what is allowed.
 */
export async function gather(
  words: readonly string[],
  options: SharedOptions,
  io: Io,
  file?: ConfigFile,
): Promise<Settings> {
  const config = file?.config ?? {};

  let choices = words.map((word) => parseGuest(word));
  if (choices.length === 0 && file !== undefined) choices = configGuests(file);
  if (choices.length === 0) {
    throw new InputError("GUEST", "there is no guest to boot", "name one; see understudy guests");
  }

  // What the file says, under what the command line says.
  const { machine, guests: _, vm0, policy, input, manage, for: time, ...keys } = config;
  const given: Record<string, unknown> = { ...keys };
  for (const key of PASSED) {
    if (options[key] === undefined) continue;
    given[key] = options[key];
  }
  for (const [key, [least, most]] of Object.entries(NUMBERS)) {
    const text = options[key as keyof typeof NUMBERS];
    if (text !== undefined) given[key] = wholeNumber(text, least, most, `--${key}`);
  }
  if (given.period === "every switch") given.period = 0;
  if (options.backup !== undefined) {
    given.backup = oneOf(options.backup, BACKUP_STRATEGIES, "--backup");
  }
  given.checksums = options.checksums ?? keys.checksums;
  given.cache = options.cache ?? machine?.cache;
  if (options.fidelity !== undefined) {
    given.fidelity = oneOf(options.fidelity, FIDELITIES, "--fidelity");
  }
  given.sdramMB = machine?.sdram;
  if (policy !== undefined) given.policy = definedOnly(policy);
  const script = options.script === undefined ? [] : readScript(options.script, io);
  given.input = [...(input ?? []).map(definedOnly), ...script] as InputSpec[];
  given.manage = (manage ?? []).map(definedOnly) as ManageSpec[];

  const guests = await loadGuests(choices, io);
  const lab: LabOptions = {
    guests,
    ...(options.vm0 && vm0 !== false ? { vm0: await loadGuest(VM0) } : {}),
    ...definedOnly(given as Partial<LabOptions>),
  };
  return {
    lab,
    choices,
    ...(time === undefined ? {} : { for: time }),
    located(error: unknown): unknown {
      if (!(error instanceof InputError)) return error;
      // The library knows an image by the name of its VM, the user by its file.
      for (const [index, { name }] of guests.entries()) {
        const { shipped, image, where } = choices[index]!;
        if (shipped || !(error.where === name || error.where.startsWith(`${name}:`))) continue;
        const part = image + error.where.slice(name.length);
        return new InputError(
          where === "GUEST" ? part : `${where}: ${part}`,
          error.what,
          error.allowed,
        );
      }
      if (script.length > 0 && /^input\[/.test(error.where) && input === undefined) {
        return new InputError(
          "--script",
          "there is no VM0 to read it",
          "allowed: without --no-vm0",
        );
      }
      if (options[error.where as keyof SharedOptions] !== undefined) {
        return new InputError(`--${error.where}`, error.what, error.allowed);
      }
      return file?.located(error) ?? error;
    },
  };
}

/** Commands for VM0 from a file. */
function readScript(path: string, io: Io): InputSpec[] {
  return parseScript(new TextDecoder().decode(io.read(path)), path);
}

/** An object without its undefined members. */
function definedOnly<T extends object>(object: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(
    Object.entries(object).filter(([, value]) => value !== undefined),
  ) as { [K in keyof T]: Exclude<T[K], undefined> };
}
