/**
 * The listing of the public surface: every exported symbol with its signature, without its
 * documentation, as `deno doc --json` sees it. `tests/surface.txt` holds the agreed one.
 *
 * @module
 */

import { deno } from "./run.ts";

/** A node of `deno doc --json`, of which only the parts that are there are read. */
type Node = Readonly<Record<string, unknown>>;

const node = (value: unknown): Node => (value ?? {}) as Node;
const list = (value: unknown): readonly Node[] => (value ?? []) as readonly Node[];
const text = (value: unknown): string => typeof value === "string" ? value : "";
const flag = (value: unknown, word: string): string => value === true ? word : "";

/** Prints a type. */
function typeText(value: unknown): string {
  const type = node(value);
  const inner = type.value;
  switch (type.kind) {
    case "keyword":
      return text(inner) || text(type.repr);
    case "literal": {
      const literal = node(inner);
      if (literal.kind === "string") return JSON.stringify(literal.string);
      return text(type.repr);
    }
    case "typeRef": {
      const args = list(node(inner).typeParams).map(typeText);
      return text(node(inner).typeName) + (args.length === 0 ? "" : `<${args.join(", ")}>`);
    }
    case "union":
      return list(inner).map(typeText).join(" | ");
    case "intersection":
      return list(inner).map(typeText).join(" & ");
    case "array":
      return /[ |&]/.test(typeText(inner)) ? `(${typeText(inner)})[]` : `${typeText(inner)}[]`;
    case "tuple":
      return `[${list(inner).map(typeText).join(", ")}]`;
    case "optional":
      return `${typeText(inner)}?`;
    case "rest":
      return `...${typeText(inner)}`;
    case "parenthesized":
      return `(${typeText(inner)})`;
    case "typeOperator":
      return `${text(node(inner).operator)} ${typeText(node(inner).tsType)}`;
    case "typeQuery":
      return `typeof ${typeof inner === "string" ? inner : text(type.repr)}`;
    case "indexedAccess":
      return `${typeText(node(inner).objType)}[${typeText(node(inner).indexType)}]`;
    case "fnOrConstructor": {
      const fn = node(inner);
      const open = (fn.constructor as unknown) === true ? "new (" : "(";
      return `${open}${params(fn.params)}) => ${typeText(fn.tsType)}`;
    }
    case "typePredicate": {
      const predicate = node(inner);
      const param = text(node(predicate.param).name) || "this";
      const is = predicate.type === undefined ? "" : ` is ${typeText(predicate.type)}`;
      return `${flag(predicate.asserts, "asserts ")}${param}${is}`;
    }
    case "typeLiteral":
      return `{ ${members(node(inner)).map((line) => `${line};`).join(" ")} }`.replace(
        "{  }",
        "{}",
      );
    default:
      // A kind that no symbol had so far: its whole content, so that no change goes unseen.
      return text(type.repr) || JSON.stringify(type.value);
  }
}

/** Prints parameters. */
function params(value: unknown): string {
  return list(value).map((param) => {
    switch (param.kind) {
      case "rest":
        return `...${text(node(param.arg).name)}: ${typeText(param.tsType)}`;
      case "assign": {
        const left = node(param.left);
        const name = text(left.name) || "options";
        return `${name}?: ${typeText(left.tsType ?? param.tsType)}`;
      }
      case "identifier":
        return `${text(param.name)}${flag(param.optional, "?")}: ${typeText(param.tsType)}`;
      default:
        return `options${flag(param.optional, "?")}: ${typeText(param.tsType)}`;
    }
  }).join(", ");
}

/** Prints type parameters. */
function generics(value: unknown): string {
  const all = list(value).map((param) => {
    const bound = param.constraint === undefined ? "" : ` extends ${typeText(param.constraint)}`;
    const preset = param.default === undefined ? "" : ` = ${typeText(param.default)}`;
    return `${text(param.name)}${bound}${preset}`;
  });
  return all.length === 0 ? "" : `<${all.join(", ")}>`;
}

/** Prints the members of a class, an interface or a type literal, in the order of the source. */
function members(def: Node): string[] {
  const lines: string[] = [];
  for (const made of list(def.constructors)) {
    lines.push(`constructor(${params(made.params)})`);
  }
  for (const call of list(def.callSignatures)) {
    lines.push(`${generics(call.typeParams)}(${params(call.params)}): ${typeText(call.tsType)}`);
  }
  for (const index of list(def.indexSignatures)) {
    lines.push(
      `${flag(index.readonly, "readonly ")}[${params(index.params)}]: ${typeText(index.tsType)}`,
    );
  }
  for (const property of list(def.properties)) {
    if (property.accessibility === "private") continue;
    const words = (property.accessibility === "protected" ? "protected " : "") +
      flag(property.isStatic, "static ") + flag(property.isAbstract, "abstract ") +
      flag(property.readonly, "readonly ");
    lines.push(
      `${words}${text(property.name)}${flag(property.optional, "?")}: ${typeText(property.tsType)}`,
    );
  }
  for (const method of list(def.methods)) {
    if (method.accessibility === "private") continue;
    const fn = method.functionDef === undefined ? method : node(method.functionDef);
    const words = (method.accessibility === "protected" ? "protected " : "") +
      flag(method.isStatic, "static ") + flag(method.isAbstract, "abstract ") +
      flag(fn.isAsync, "async ") + flag(fn.isGenerator, "*") +
      (method.kind === "getter" ? "get " : method.kind === "setter" ? "set " : "");
    const result = method.kind === "setter" ? "" : `: ${typeText(fn.returnType)}`;
    lines.push(
      `${words}${text(method.name)}${flag(method.optional, "?")}` +
        `${generics(fn.typeParams)}(${params(fn.params)})${result}`,
    );
  }
  return lines;
}

/** Prints one declaration: its head, then its members. */
function declaration(name: string, value: Node): string[] {
  const def = node(value.def);
  const supers = (key: string, word: string): string => {
    const all = list(def[key]).map(typeText);
    return all.length === 0 ? "" : ` ${word} ${all.join(", ")}`;
  };
  switch (value.kind) {
    case "function": {
      const words = flag(def.isAsync, "async ") + "function" + flag(def.isGenerator, "*");
      return [
        `${words} ${name}${generics(def.typeParams)}(${params(def.params)}): ` +
        typeText(def.returnType),
      ];
    }
    case "variable":
      return [`${text(def.kind) || "const"} ${name}: ${typeText(def.tsType)}`];
    case "typeAlias":
      return [`type ${name}${generics(def.typeParams)} = ${typeText(def.tsType)}`];
    case "interface":
      return [
        `interface ${name}${generics(def.typeParams)}${supers("extends", "extends")}`,
        ...members(def).map((line) => `  ${line}`),
      ];
    case "class": {
      const base = text(def.extends);
      return [
        `${flag(def.isAbstract, "abstract ")}class ${name}${generics(def.typeParams)}` +
        `${base === "" ? "" : ` extends ${base}`}${supers("implements", "implements")}`,
        ...members(def).map((line) => `  ${line}`),
      ];
    }
    default:
      return [`${text(value.kind)} ${name} ${JSON.stringify(def)}`];
  }
}

/**
 * Lists the public surface.
 *
 * @param exports Entry points, as in `deno.json`: name to file.
 * @returns The listing, symbols in alphabetical order below each entry point.
 */
export async function surface(exports: Readonly<Record<string, string>>): Promise<string> {
  const out: string[] = [];
  for (const [entry, file] of Object.entries(exports)) {
    const { code, stdout, stderr } = await deno(["doc", "--json", file]);
    if (code !== 0) throw new Error(`deno doc ${file}: ${stderr.trim()}`);
    out.push(`# ${entry}`, "");
    for (const module of Object.values(node(node(JSON.parse(stdout)).nodes))) {
      const symbols = [...list(node(module).symbols)].sort((a, b) =>
        text(a.name) < text(b.name) ? -1 : 1
      );
      for (const symbol of symbols) {
        for (const each of list(symbol.declarations)) {
          if (each.declarationKind !== "export") continue;
          out.push(...declaration(text(symbol.name), each));
        }
      }
    }
    out.push("");
  }
  return out.join("\n");
}
