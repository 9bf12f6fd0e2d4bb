/**
 * `deno task mutants`: spoils one line at a time and looks whether the tests notice.
 *
 * A set is a file `tests/mutation/NAME.json`: source files, commands that prepare something once (the
 * results of an oracle), test commands in the order in which they are tried, how many mutants, which share
 * has to be caught, and the mutants that are known to change nothing, with the reason. `{shared}` in a command
 * is a folder that all runs see. Each job works in its own copy of the repository below `.tmp`.
 *
 * Options: `--set NAME` (default cpu), `--seed N`, `--count N`, `--skip N` (leaves out the first N), `--jobs N`
 * (default 2), `--match TEXT` (only mutants whose `file:line` or text has it), `--list` (names them only), `--json`.
 *
 * Exit code 0: enough are caught; 1: not; 2: a wrong option, or the tests fail unspoilt.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { choose, type Mutant, mutantsOf, spoil } from "./mutate.ts";
import { files, ROOT } from "./run.ts";

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
  /** Mutants that change nothing that a test could see. */
  readonly accepted: readonly {
    /** File. */
    readonly file: string;
    /** The line as it is. */
    readonly before: string;
    /** The line as it becomes. */
    readonly after: string;
    /** Number among the same lines of the file, from 1; 1 when absent. */
    readonly nth?: number;
    /** Why no test can see it. */
    readonly reason: string;
  }[];
}

/** What became of a mutant. */
interface Verdict {
  /** The mutant. */
  readonly mutant: Mutant;
  /** `invalid`: it is no program. */
  readonly result: "caught" | "survived" | "accepted" | "invalid";
  /** Number of the command that caught it, from 1, or the reason why it is accepted. */
  readonly by: string;
}

/** A message for the user, without a stack. */
class UsageError extends Error {}

/** Longest that a test command may take, as a multiple of what it takes unspoilt. */
const PATIENCE = 4;

/** And milliseconds on top. */
const GRACE = 10_000;

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

/** One job's copy of the repository. */
class Workplace {
  readonly #folder: string;
  readonly #tests: readonly string[];
  readonly #timeouts: readonly number[];

  constructor(folder: string, tests: readonly string[], timeouts: readonly number[]) {
    this.#folder = folder;
    this.#tests = tests;
    this.#timeouts = timeouts;
  }

  /** Spoils the copy, runs the tests, and puts the line right again. */
  async judge(mutant: Mutant): Promise<Verdict> {
    const path = `${this.#folder}/${mutant.file}`;
    const text = await Deno.readTextFile(path);
    await Deno.writeTextFile(path, spoil(text, mutant));
    try {
      for (const [i, test] of this.#tests.entries()) {
        const { code, output } = await run(test, this.#folder, this.#timeouts[i]);
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
} {
  let values;
  try {
    ({ values } = parseArgs({
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
      },
    }));
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
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

/** Reads a set. */
async function readSet(name: string): Promise<MutantSet> {
  const known = files("tests/mutation", ".json").map((f) => f.replace(/^.*\/|\.json$/g, ""));
  if (!known.includes(name)) {
    throw new UsageError(`there is no set "${name}"; there are ${known.join(", ")}`);
  }
  return JSON.parse(await Deno.readTextFile(new URL(`tests/mutation/${name}.json`, ROOT)));
}

/** Runs the commands once as they are; returns how long each may take. */
async function baseline(
  commands: readonly string[],
  folder: string,
  say: (line: string) => void,
): Promise<number[]> {
  const timeouts = [];
  for (const command of commands) {
    const { code, output, time } = await run(command, folder, 600_000);
    if (code !== 0) throw new UsageError(`fails before anything is spoilt: ${command}\n${output}`);
    say(`${(time / 1000).toFixed(1)} s  ${command}`);
    timeouts.push(time * PATIENCE + GRACE);
  }
  return timeouts;
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
    for (const folder of folders) await copyTo(folder);
    await baseline(fill(set.prepare), folders[0], say);
    const tests = fill(set.tests);
    const timeouts = await baseline(tests, folders[0], say);
    const counts = (): number => verdicts.filter((v) => v.result !== "invalid").length;
    const queue = [...chosen];
    let running = 0;
    await Promise.all(folders.map(async (folder) => {
      const workplace = new Workplace(folder, tests, timeouts);
      while (counts() + running < count) {
        const mutant = queue.shift();
        if (mutant === undefined) break;
        const accepted = set.accepted.find((a) =>
          a.file === mutant.file && a.before === mutant.before && a.after === mutant.after &&
          (a.nth ?? 1) === mutant.nth
        );
        running++;
        const verdict = accepted !== undefined
          ? { mutant, result: "accepted" as const, by: accepted.reason }
          : await workplace.judge(mutant);
        running--;
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
  return share >= set.wanted ? 0 : 1;
}

if (import.meta.main) {
  try {
    Deno.exit(await main());
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`mutants: ${error.message}`);
    Deno.exit(2);
  }
}
