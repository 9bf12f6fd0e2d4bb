/**
 * Small wrong changes of source lines, by a table of rules.
 *
 * @module
 */

/** A way to spoil a line: each match of the pattern is one mutant. */
export interface Rule {
  /** Name, for reports. */
  readonly name: string;
  /** What it looks for; group 1, where there is one, is what is replaced. */
  readonly pattern: RegExp;
  /** What replaces it. */
  readonly replace: (found: string) => string;
}

function swap(name: string, pattern: RegExp, pairs: Readonly<Record<string, string>>): Rule {
  return { name, pattern, replace: (found) => pairs[found] };
}

/** The rules. Operators are those that the formatter puts between blanks, so types are left alone. */
export const RULES: readonly Rule[] = [
  swap("arithmetic", /(?<=[\w)\]] )([+\-*])(?= [\w(~-])/g, { "+": "-", "-": "+", "*": "+" }),
  swap("bitwise", /(?<= )([&|^])(?= )/g, { "&": "|", "|": "&", "^": "|" }),
  swap("shift", /(?<= )(<<|>>>|>>)(?= )/g, { "<<": ">>>", ">>>": "<<", ">>": "<<" }),
  swap("equality", /(?<= )(===|!==)(?= )/g, { "===": "!==", "!==": "===" }),
  swap("order", /(?<= )(<=|>=|<|>)(?= [\w(-])/g, { "<": "<=", "<=": "<", ">": ">=", ">=": ">" }),
  swap("logic", /(?<= )(&&|\|\|)(?= )/g, { "&&": "||", "||": "&&" }),
  swap("assignment", /(?<= )([+\-|&^])=(?= )/g, {
    "+": "-",
    "-": "+",
    "|": "&",
    "&": "|",
    "^": "|",
  }),
  swap("truth", /\b(true|false)\b/g, { true: "false", false: "true" }),
  swap("step", /(?<=[\w\])])(\+\+|--)/g, { "++": "--", "--": "++" }),
  {
    name: "number",
    pattern: /(?<![\w.$])(0x[0-9a-f_]+|0b[01]+|\d+)(?![\w.$])/g,
    replace: (found) => {
      const value = Number(found.replaceAll("_", ""));
      // Another bit for a mask, another amount for a count.
      return found.startsWith("0x")
        ? `0x${((value ^ lowestBit(value)) >>> 0).toString(16)}`
        : `${value + 1}`;
    },
  },
  {
    name: "condition",
    pattern: /\bif \((.*)\)(?= \{$| return| continue| break)/g,
    replace: (found) => `!(${found})`,
  },
  { name: "negation", pattern: /(?<=[( ])(!)(?=[\w(])/g, replace: () => "" },
  { name: "complement", pattern: /(?<=[( ])(~)(?=[\w(])/g, replace: () => "" },
  {
    name: "deletion",
    pattern: /^ *((?:[\w.#]+(?:\[[^\]]*\])?(?: [-+|&^]?= .*|\(.*\)));)$/g,
    replace: () => ";",
  },
];

function lowestBit(value: number): number {
  return value === 0 ? 1 : value & -value;
}

/** One change of one line. */
export interface Mutant {
  /** File, relative to the repository. */
  readonly file: string;
  /** Line number, from 1. */
  readonly line: number;
  /** Name of the rule. */
  readonly rule: string;
  /** The line as it is, trimmed. */
  readonly before: string;
  /** The line as it becomes, trimmed. */
  readonly after: string;
  /** The same with its blanks. */
  readonly replacement: string;
  /** Number of the mutant among those of the same change of the same text in its file, from 1. */
  readonly nth: number;
}

/** The file with the mutant in it. */
export function spoil(text: string, mutant: Mutant): string {
  return text.split("\n").with(mutant.line - 1, mutant.replacement).join("\n");
}

/** Blanks out comments and strings, keeping every position. */
function codeOf(text: string): string[] {
  const blank = (s: string): string => s.replace(/[^\n]/g, "\0");
  return text
    .replace(/\/\*[^]*?\*\//g, blank)
    .replace(/\/\/.*$|"(?:[^"\\\n]|\\.)*"|`[^`]*`/gm, blank)
    // Unions as types: what may be missing, parameters and results.
    .replace(/ \| (?:undefined|null)\b/g, blank)
    .replace(/: (?:\w+ \| )+(?:\d+|undefined|null|number|string|boolean)(?=[,)=; ])/g, blank)
    .split("\n");
}

/** Lines that are no code that runs: imports, types, fields with a plain initial value. */
function isDeclaration(line: string): boolean {
  return /^\s*(import|export \{|export type|type|export interface|interface|\} from)\b/.test(
    line,
  ) ||
    /^ {2}(readonly )?#?\w+(: [^=]+)?( = -?[\w.]+)?;$/.test(line);
}

/** Ranges of `interface` and `type` blocks, where a change changes nothing that runs. */
function typeLines(lines: readonly string[]): Set<number> {
  const inside = new Set<number>();
  for (let i = 0; i < lines.length; i++) {
    if (!/^(export )?(interface|type) /.test(lines[i])) continue;
    const closing = lines[i].includes("{") ? /^\}/ : /;$/;
    for (; i < lines.length; i++) {
      inside.add(i);
      if (closing.test(lines[i])) break;
    }
  }
  return inside;
}

/**
 * Every mutant of a file, in order.
 *
 * @param file Name of the file, for the result.
 * @param text Its contents.
 */
export function mutantsOf(file: string, text: string): Mutant[] {
  const lines = text.split("\n");
  const code = codeOf(text);
  const types = typeLines(lines);
  const mutants: Mutant[] = [];
  const seen = new Map<string, number>();
  code.forEach((line, i) => {
    if (types.has(i) || isDeclaration(lines[i])) return;
    for (const { name, pattern, replace } of RULES) {
      for (const match of line.matchAll(pattern)) {
        const found = match[1];
        const at = match.index + match[0].indexOf(found);
        // The original text of the match: strings in it are blank in `line`.
        const original = lines[i].slice(at, at + found.length);
        const changed = lines[i].slice(0, at) + replace(original) +
          lines[i].slice(at + found.length);
        if (changed === lines[i]) continue;
        const before = lines[i].trim();
        const after = changed.trim();
        const nth = (seen.get(`${before}\n${after}`) ?? 0) + 1;
        seen.set(`${before}\n${after}`, nth);
        mutants.push({ file, line: i + 1, rule: name, before, after, replacement: changed, nth });
      }
    }
  });
  return mutants;
}

/**
 * Chooses mutants by a seed, at most one a line, taking turns among the files and within a file among the
 * rules.
 *
 * @param mutants Where to choose from.
 * @param count How many.
 * @param seed Seed.
 */
export function choose(mutants: readonly Mutant[], count: number, seed: number): Mutant[] {
  // Random orders by hashes of what the mutants are, not where: a line more elsewhere in the file
  // leaves the choice as it was.
  const keyed = mutants.map((mutant) => {
    const { file, rule, before, after, nth } = mutant;
    return { mutant, key: hash(`${seed} ${file} ${rule} ${before} ${after} ${nth}`) };
  });
  keyed.sort((a, b) => a.key - b.key);
  const byFile = Map.groupBy(keyed, ({ mutant }) => mutant.file);
  const queues = [...byFile.values()].map((inFile) =>
    interleave([...Map.groupBy(inFile, ({ mutant }) => mutant.rule).values()])
  );
  const lines = new Set<string>();
  const chosen: Mutant[] = [];
  for (const { mutant } of interleave(queues)) {
    const line = `${mutant.file}:${mutant.line}`;
    if (chosen.length === count) break;
    if (lines.has(line)) continue;
    lines.add(line);
    chosen.push(mutant);
  }
  return chosen;
}

/** The first of each list, then the second of each, and so on. */
function interleave<T>(lists: readonly (readonly T[])[]): T[] {
  const longest = Math.max(0, ...lists.map((list) => list.length));
  return Array.from({ length: longest }, (_, i) => i)
    .flatMap((i) => lists.flatMap((list) => i < list.length ? [list[i]] : []));
}

/** FNV-1a with a final mix. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ h >>> 16, 0x85ebca6b);
  h = Math.imul(h ^ h >>> 13, 0xc2b2ae35);
  return (h ^ h >>> 16) >>> 0;
}
