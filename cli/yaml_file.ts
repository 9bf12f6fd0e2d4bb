/**
 * YAML files checked by a schema: what is wrong is told with file, line, key and what is allowed.
 *
 * This module brings the YAML and schema packages with it and is loaded only when it is used.
 *
 * @module
 */

// deno-lint-ignore no-import-prefix
import { isMap, isNode, LineCounter, parseDocument } from "npm:yaml@2.9.1";
// deno-lint-ignore no-import-prefix
import { z } from "npm:zod@4.6.7";
import { InputError } from "../mod.ts";
import { allowedNames } from "./choices.ts";

/** The JSON schema of what a schema reads, for editors and messages. */
export function schemaOf(schema: z.ZodType): unknown {
  return z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
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
function partsAt(schema: z.ZodType, path: readonly PropertyKey[]): SchemaPart[] {
  const open = (part: SchemaPart): SchemaPart[] => [part, ...(part.anyOf ?? []).flatMap(open)];
  let parts = open(schemaOf(schema) as SchemaPart);
  for (const step of path) {
    parts = parts
      .map((part) => typeof step === "number" ? part.items : part.properties?.[String(step)])
      .filter((part) => part !== undefined).flatMap(open);
  }
  return parts;
}

/** Keys allowed at a place of the configuration. */
function keysAt(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  return partsAt(schema, path).flatMap((part) => Object.keys(part.properties ?? {}));
}

/** The range of numbers allowed at a place of the configuration. */
function rangeAt(schema: z.ZodType, path: readonly PropertyKey[]): string {
  const part = partsAt(schema, path).find(({ minimum, maximum }) =>
    (minimum ?? maximum) !== undefined
  );
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
function finding(
  schema: z.ZodType,
  issue: z.core.$ZodIssue,
  value: unknown,
  above: readonly PropertyKey[] = [],
): Finding {
  const path = issue.path;
  const whole = [...above, ...path];
  const what = value === undefined ? "is missing" : `${shown(value)} is not allowed`;
  switch (issue.code) {
    case "unrecognized_keys": {
      const key = issue.keys[0]!;
      return { path, key, what: "unknown key", allowed: allowedNames(key, keysAt(schema, whole)) };
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
          return { path, what, allowed: rangeAt(schema, whole) };
      }
    case "invalid_union": {
      // The branch that got furthest says best what is wrong.
      const branches = issue.errors.map((issues) => issues[0]).filter((first) =>
        first !== undefined
      );
      branches.sort((a, b) => depth(b) - depth(a));
      const first = branches[0];
      if (first === undefined) return { path, what, allowed: issue.message };
      const below = finding(schema, first, valueAt(value, first.path), whole);
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

/** What a file says, and where. */
export interface YamlFile {
  /** Path of the file. */
  readonly path: string;
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
 * Reads a file.
 *
 * @param schema What it must be.
 * @param text The YAML.
 * @param file Its name, for messages.
 * @throws {InputError} With file, line, key and what is allowed.
 */
export function parseYaml<T>(
  schema: z.ZodType<T>,
  text: string,
  file: string,
): YamlFile & { readonly value: T } {
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
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    const { path, key, what, allowed } = finding(schema, issue, valueAt(value, issue.path));
    const name = pathText(key === undefined ? path : [...path, key]);
    const place = `${file}:${lineOf(path, key)}`;
    throw new InputError(name === "" ? place : `${place}: ${name}`, what, allowed);
  }
  const where = (...path: readonly (string | number)[]): string =>
    `${file}:${lineOf(path)}: ${pathText(path)}`;
  return {
    path: file,
    value: parsed.data,
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
