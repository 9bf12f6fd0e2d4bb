/**
 * `deno task mutants`: spoils one line at a time and looks whether the tests notice.
 *
 * A set is a file `tests/mutation/NAME.json`: source files, commands that prepare something once (the
 * results of an oracle), test commands in the order in which they are tried (with those that are tried
 * first for a file), how many mutants, which share has to be caught, and the mutants that survive, with the
 * reason: those that change nothing that a test could see, and those that no test looks at. `{shared}` in a
 * command is a folder that all runs see. Each job works in its own copy of the repository below `.tmp`.
 *
 * Options: `--set NAME` (default cpu), `--seed N`, `--count N`, `--skip N` (leaves out the first N), `--jobs N`
 * (default 2), `--match TEXT` (only mutants whose `file:line` or text has it), `--list` (names them only), `--json`;
 * `--update` writes what a whole run came to into the set, and docs/mutants.md; `--doc` writes that page only;
 * `--check` is for a part of a set in a pipeline: what the set lists as surviving is left out, as the whole run
 * has counted it, and the end is a line like that of `deno test`.
 *
 * Exit code 0: enough are caught; 1: not; 2: a wrong option, or the tests fail unspoilt.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { choose, type Mutant, mutantsOf, spoil } from "./mutate.ts";
import { files, ROOT, script, UsageError } from "./run.ts";

/** A set of mutants, as in its file. */
interface MutantSet {
  /** What it is about. */
  readonly about: string;
  /** Source files. */
  readonly files: readonly string[];
  /** Number of mutants. */
  readonly count: number;
  /** Share that has to be caught, from 0 to 1. */
  readonly wanted: number;
  /** Commands run once, in a copy that is not spoilt. */
  readonly prepare: readonly string[];
  /** Test commands; a mutant is caught by the first that fails or does not end. */
  readonly tests: readonly string[];
  /** Numbers, from 1, of the test commands that are tried first, by file. */
  readonly first?: Readonly<Record<string, readonly number[]>>;
  /** Mutants that change nothing that a test could see: they are not run and not counted. */
  readonly accepted: readonly Known[];
  /** Mutants that no test sees and that count as such. */
  readonly survivors?: readonly Known[];
  /** What the last whole run came to, see `--update`. */
  readonly result?: {
    readonly caught: number;
    readonly survived: number;
    readonly accepted: number;
  };
}

/** A mutant that is known to survive. */
interface Known {
  /** File. */
  readonly file: string;
  /** The line as it is. */
  readonly before: string;
  /** The line as it becomes. */
  readonly after: string;
  /** Number among the same lines of the file, from 1; 1 when absent. */
  readonly nth?: number;
  /** Why no test sees it. */
  readonly reason: string;
}

/** What became of a mutant. */
interface Verdict {
  /** The mutant. */
  readonly mutant: Mutant;
  /** `known`: listed as surviving, and left out by `--check`; `invalid`: it is no program. */
  readonly result: "caught" | "survived" | "accepted" | "known" | "invalid";
  /** Number of the command that caught it, from 1, or the reason why none does, where it is listed. */
  readonly by: string;
}

/** Longest that a test command may take, as a multiple of what it takes unspoilt. */
const PATIENCE = 5;

/** And milliseconds on top. */
const GRACE = 20_000;

/** Where folders for copies and recordings are made. */
const TEMPORARY = fileURLToPath(new URL(".tmp/", ROOT));

/** What ran, and how it ended. */
interface Ran {
  /** Exit code; undefined when it did not end in time. */
  readonly code: number | undefined;
  /** Both outputs. */
  readonly output: string;
  /** Milliseconds. */
  readonly time: number;
}

/** Runs a command line in a folder. */
async function run(command: string, cwd: string, timeout: number): Promise<Ran> {
  const [name, ...args] = command.split(" ");
  const started = performance.now();
  const child = new Deno.Command(name, {
    args,
    cwd,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill("SIGKILL");
  }, timeout);
  const { code, stdout, stderr } = await child.output();
  clearTimeout(timer);
  const decoder = new TextDecoder();
  return {
    code: late ? undefined : code,
    output: decoder.decode(stdout) + decoder.decode(stderr),
    time: performance.now() - started,
  };
}

/** Copies the repository's files. */
async function copyTo(folder: string): Promise<void> {
  for (const name of files("", "")) {
    const target = `${folder}/${name}`;
    await Deno.mkdir(target.slice(0, target.lastIndexOf("/")), { recursive: true });
    await Deno.copyFile(new URL(name, ROOT), target);
  }
  await Deno.mkdir(`${folder}/.tmp`, { recursive: true });
}

/** How long commands may take: each is run once in a copy that is not spoilt, when it is first asked for. */
class Patience {
  readonly #folder: string;
  readonly #say: (line: string) => void;
  readonly #known = new Map<string, Promise<number>>();

  constructor(folder: string, say: (line: string) => void) {
    this.#folder = folder;
    this.#say = say;
  }

  /**
   * Milliseconds that a command may take; fails when it fails unspoilt.
   *
   * @param command Command line.
   * @param anew Measures once more: the machine may have got other work since.
   */
  with(command: string, anew = false): Promise<number> {
    let time = anew ? undefined : this.#known.get(command);
    if (time === undefined) this.#known.set(command, time = this.#measured(command));
    return time;
  }

  async #measured(command: string): Promise<number> {
    const { code, output, time } = await run(command, this.#folder, 600_000);
    if (code !== 0) throw new UsageError(`fails before anything is spoilt: ${command}\n${output}`);
    this.#say(`${(time / 1000).toFixed(1)} s  ${command}`);
    return time * PATIENCE + GRACE;
  }
}

/** One job's copy of the repository. */
class Workplace {
  readonly #folder: string;
  readonly #tests: readonly string[];
  readonly #patience: Patience;
  readonly #first: Exclude<MutantSet["first"], undefined>;

  constructor(
    folder: string,
    tests: readonly string[],
    patience: Patience,
    first: MutantSet["first"],
  ) {
    this.#folder = folder;
    this.#tests = tests;
    this.#patience = patience;
    this.#first = first ?? {};
  }

  /** Spoils the copy, runs the tests, and puts the line right again. */
  async judge(mutant: Mutant): Promise<Verdict> {
    const path = `${this.#folder}/${mutant.file}`;
    const text = await Deno.readTextFile(path);
    await Deno.writeTextFile(path, spoil(text, mutant));
    try {
      const first = (this.#first[mutant.file] ?? []).map((number) => number - 1);
      for (const i of new Set([...first, ...this.#tests.keys()])) {
        const { code, output } = await this.#run(this.#tests[i]);
        if (code === 0) continue;
        if (/could not be parsed|SyntaxError/.test(output)) {
          return { mutant, result: "invalid", by: "it is no program" };
        }
        return { mutant, result: "caught", by: `${i + 1}${code === undefined ? " (no end)" : ""}` };
      }
      return { mutant, result: "survived", by: "" };
    } finally {
      await Deno.writeTextFile(path, text);
    }
  }

  /** Runs a test command; what does not end gets a second chance when the machine has become slower. */
  async #run(command: string): Promise<Ran> {
    const patience = await this.#patience.with(command);
    const ran = await run(command, this.#folder, patience);
    if (ran.code !== undefined) return ran;
    const now = await this.#patience.with(command, true);
    return now > patience ? await run(command, this.#folder, now) : ran;
  }
}

/** The options with their values. */
function options(): {
  set: string;
  seed: number;
  count: number | undefined;
  skip: number;
  jobs: number;
  match: string;
  list: boolean;
  json: boolean;
  update: boolean;
  doc: boolean;
  check: boolean;
} {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      set: { type: "string", default: "cpu" },
      seed: { type: "string", default: "1" },
      count: { type: "string" },
      skip: { type: "string", default: "0" },
      jobs: { type: "string", default: "2" },
      match: { type: "string", default: "" },
      list: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      update: { type: "boolean", default: false },
      doc: { type: "boolean", default: false },
      check: { type: "boolean", default: false },
    },
  });
  const whole = (name: string, text: string): number => {
    if (!/^\d{1,9}$/.test(text)) throw new UsageError(`--${name} wants a number, not "${text}"`);
    return Number(text);
  };
  return {
    ...values,
    seed: whole("seed", values.seed),
    count: values.count === undefined ? undefined : whole("count", values.count),
    skip: whole("skip", values.skip),
    jobs: Math.max(1, whole("jobs", values.jobs)),
  };
}

/** Names of the sets. */
function setNames(): string[] {
  return files("tests/mutation", ".json").map((f) => f.replace(/^.*\/|\.json$/g, ""));
}

/** Where a set is. */
function setFile(name: string): URL {
  return new URL(`tests/mutation/${name}.json`, ROOT);
}

/** Reads a set. */
async function readSet(name: string): Promise<MutantSet> {
  const known = setNames();
  if (!known.includes(name)) {
    throw new UsageError(`there is no set "${name}"; there are ${known.join(", ")}`);
  }
  return JSON.parse(await Deno.readTextFile(setFile(name)));
}

/** Where the page about the sets is. */
const PAGE = new URL("docs/mutants.md", ROOT);

/** The page about the sets: what was found, and every mutant that survives. */
export async function page(): Promise<string> {
  const rows: string[][] = [PAGE_COLUMNS, PAGE_COLUMNS.map(() => "-")];
  const lists: string[] = [];
  for (const name of setNames()) {
    const { about, files, wanted, result, accepted, survivors = [] } = await readSet(name);
    const { caught = 0, survived = 0, accepted: equal = 0 } = result ?? {};
    const counts = [files.length, caught + survived + equal, caught, survived, equal].map(String);
    rows.push([
      `\`${name}\``,
      about,
      ...counts,
      percent(caught / (caught + survived)),
      percent(wanted),
    ]);
    lists.push(`## Survivors of \`${name}\`\n`);
    lists.push(...listed("Not seen by the tests, and why that is left so", survivors));
    lists.push(
      ...listed("Equivalent: no program and no test can tell them from the original", accepted),
    );
  }
  const widths = PAGE_COLUMNS.map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  const table = rows.map((row) =>
    `| ${row.map((cell, i) => cell.padEnd(widths[i], cell === "-" ? "-" : " ")).join(" | ")} |`
  );
  return `${PAGE_HEAD}${[...table, "", ...lists].join("\n").trimEnd()}\n`;
}

const PAGE_COLUMNS = [
  "set",
  "about",
  "files",
  "mutants",
  "caught",
  "survived",
  "equivalent",
  "caught of the others",
  "wanted",
];

const PAGE_HEAD = `# Mutation checks

Do the tests notice when the code is wrong? \`deno task mutants --set NAME\` spoils one line of a copy of this repository
(another operator, number, condition; a statement less), runs tests, and looks whether one fails or does not end. Which lines
is drawn by a seed, in turns among files and kinds of change (\`tasks/mutate.ts\`). The sets are in \`tests/mutation/\`, with the test commands in
the order in which they are tried. Type checking is off, so that only behaviour counts.

The figures are those of the last whole run (\`--update\` writes them and this page). A mutant that changes nothing which a
program could see is listed as equivalent and does not count.

\`.ci/run\` runs the first forty of each set with \`--check\`, which leaves out the survivors listed here: of the others as many
have to be caught as in a whole run.

`;

function percent(share: number): string {
  return Number.isNaN(share) ? "?" : `${(share * 100).toFixed(1)} %`;
}

/** A list of mutants with their reasons. */
function listed(head: string, known: readonly Known[]): string[] {
  if (known.length === 0) return [];
  return [
    `${head}:\n`,
    ...known.map(({ file, before, after, nth = 1, reason }) =>
      `- \`${file}\`${nth > 1 ? ` (number ${nth} of this line)` : ""}: ${reason}\n\n` +
      `  \`\`\`diff\n  - ${before}\n  + ${after}\n  \`\`\`\n`
    ),
  ];
}

/** The entry of a list that means a mutant. */
function entryOf(known: readonly Known[] | undefined, mutant: Mutant): Known | undefined {
  return known?.find((k) =>
    k.file === mutant.file && k.before === mutant.before && k.after === mutant.after &&
    (k.nth ?? 1) === mutant.nth
  );
}

/** Text of a verdict. */
function line({ mutant, result, by }: Verdict): string {
  const head = `${result.padEnd(8)} ${mutant.file}:${mutant.line} ${mutant.rule}`;
  if (result === "caught") return `${head} by ${by}`;
  const nth = mutant.nth > 1 ? ` (number ${mutant.nth} in the file)` : "";
  return `${head}${by && `: ${by}`}\n    - ${mutant.before}${nth}\n    + ${mutant.after}`;
}

/** The command; returns the exit code. */
async function main(): Promise<number> {
  const o = options();
  const set = await readSet(o.set);
  if (o.doc) {
    await Deno.writeTextFile(PAGE, await page());
    return 0;
  }
  if (o.update && (o.match !== "" || o.skip > 0 || o.count !== undefined || o.check)) {
    throw new UsageError("--update is for a whole run");
  }
  const all = set.files.flatMap((file) =>
    mutantsOf(file, Deno.readTextFileSync(new URL(file, ROOT)))
  ).filter((m) => `${m.file}:${m.line} ${m.before}`.includes(o.match));
  const count = o.count ?? set.count - o.skip;
  // Some more than wanted: those that are no program do not count.
  const chosen = choose(all, o.skip + count + Math.ceil(count / 4), o.seed).slice(o.skip);
  const say = (text: string): void => {
    if (!o.json) console.log(text);
  };
  if (o.list) {
    for (const mutant of chosen.slice(0, count)) say(line({ mutant, result: "survived", by: "" }));
    return 0;
  }
  await Deno.mkdir(TEMPORARY, { recursive: true });
  const work = await Deno.makeTempDir({ dir: TEMPORARY, prefix: "mutants-" });
  const shared = `${work}/shared`;
  const fill = (commands: readonly string[]): string[] =>
    commands.map((c) => c.replaceAll("{shared}", shared));
  await Deno.mkdir(shared);
  const verdicts: Verdict[] = [];
  try {
    const folders = Array.from({ length: o.jobs }, (_, i) => `${work}/job${i}`);
    const clean = `${work}/clean`;
    for (const folder of [clean, ...folders]) await copyTo(folder);
    const patience = new Patience(clean, say);
    for (const command of fill(set.prepare)) await patience.with(command);
    const tests = fill(set.tests);
    const counts = (): number => verdicts.filter((v) => v.result !== "invalid").length;
    const queue = [...chosen];
    let running = 0;
    await Promise.all(folders.map(async (folder) => {
      const workplace = new Workplace(folder, tests, patience, set.first);
      while (counts() + running < count) {
        const mutant = queue.shift();
        if (mutant === undefined) break;
        const accepted = entryOf(set.accepted, mutant);
        const listed = entryOf(set.survivors, mutant);
        running++;
        let verdict: Verdict = accepted !== undefined
          ? { mutant, result: "accepted", by: accepted.reason }
          : o.check && listed !== undefined
          ? { mutant, result: "known", by: listed.reason }
          : await workplace.judge(mutant);
        running--;
        if (verdict.result === "survived") {
          verdict = { ...verdict, by: listed?.reason ?? "NOT LISTED" };
        }
        verdicts.push(verdict);
        say(line(verdict));
      }
    }));
  } finally {
    await Deno.remove(work, { recursive: true });
  }
  const of = (result: Verdict["result"]): Verdict[] => verdicts.filter((v) => v.result === result);
  const judged = of("caught").length + of("survived").length;
  const share = judged === 0 ? 0 : of("caught").length / judged;
  if (o.json) {
    console.log(JSON.stringify({
      check: "mutants",
      set: o.set,
      seed: o.seed,
      mutants: judged + of("accepted").length,
      caught: of("caught").length,
      accepted: of("accepted").length,
      share: Math.round(share * 1000) / 1000,
      wanted: set.wanted,
      survived: of("survived").map(({ mutant }) => mutant),
    }));
  } else {
    say(
      `${judged + of("accepted").length} mutants: ${of("caught").length} caught, ` +
        `${of("survived").length} survived, ${of("accepted").length} accepted as equivalent; ` +
        `${(share * 100).toFixed(1)} % of the others, wanted ${set.wanted * 100} %`,
    );
    for (const verdict of of("survived")) say(line(verdict));
  }
  const enough = share >= set.wanted;
  if (o.check) {
    const failed = enough ? 0 : of("survived").length;
    say(`${enough ? "ok" : "FAILED"} | ${of("caught").length} passed | ${failed} failed`);
  }
  if (o.update) {
    const result = {
      caught: of("caught").length,
      survived: of("survived").length,
      accepted: of("accepted").length,
    };
    await Deno.writeTextFile(setFile(o.set), `${JSON.stringify({ ...set, result }, null, 2)}\n`);
    await Deno.writeTextFile(PAGE, await page());
  }
  return enough ? 0 : 1;
}

if (import.meta.main) await script("mutants", main);
