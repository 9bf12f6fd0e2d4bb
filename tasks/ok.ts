/**
 * The gate, `deno task ok`: what must hold before a change is taken, one line a step.
 *
 * Options: `--update` writes the public surface to `tests/surface.txt` and the output of the
 * commands that the documentation shows; `--only STEP,...` runs these steps; `--list` names them.
 *
 * @module
 */

import { parseArgs } from "node:util";
import config from "../deno.json" with { type: "json" };
import { checkPage, examples, pages } from "./doc_tests.ts";
import { importGraph, layeredFiles, offences } from "./layers.ts";
import { deno, ROOT, script } from "./run.ts";
import { allSourceFaults } from "./sources.ts";
import { surface } from "./surface.ts";

/** A step: resolves to what is wrong, `""` when nothing is. */
interface Step {
  /** Name, for `--only`. */
  readonly name: string;
  /** What it holds, in a few words. */
  readonly what: string;
  /** Runs it. */
  run(update: boolean): Promise<string>;
}

/** A step that is a Deno command, which says itself what is wrong. */
function command(name: string, what: string, ...args: string[]): Step {
  return {
    name,
    what,
    async run(): Promise<string> {
      const { code, stdout, stderr } = await deno(args);
      return code === 0 ? "" : `$ deno ${args.join(" ")}\n${stdout}${stderr}`;
    },
  };
}

/** Compares the public surface with the agreed one. */
async function surfaceStep(update: boolean): Promise<string> {
  const agreed = new URL("tests/surface.txt", ROOT);
  const now = await surface(config.exports);
  if (update) Deno.writeTextFileSync(agreed, now);
  const before = Deno.readTextFileSync(agreed).replaceAll("\r\n", "\n").split("\n");
  const after = now.split("\n");
  const gone = before.filter((line) => !after.includes(line)).map((line) => `- ${line}`);
  const come = after.filter((line) => !before.includes(line)).map((line) => `+ ${line}`);
  if (before.join("\n") === now) return "";
  return [
    "the public surface changed; if on purpose: deno task ok --only surface --update",
    ...gone,
    ...come,
  ].join("\n");
}

/** Runs the examples and the shown commands of the documentation. */
async function docStep(update: boolean): Promise<string> {
  const problems: string[] = [];
  const { code, stdout, stderr } = await deno([
    "test",
    "--doc",
    "--no-prompt",
    "--permit-no-files",
    ...examples(),
  ]);
  if (code !== 0) problems.push(stdout + stderr);
  for (const page of pages()) problems.push(...await checkPage(page, update));
  return problems.join("\n");
}

/** The steps, in order: the quick ones first. */
const STEPS: readonly Step[] = [
  command("fmt", "every file is formatted", "fmt", "--check"),
  command("lint", "no lint finding; core/ names nothing of the host", "lint"),
  command("check", "types", "check", "."),
  {
    name: "layers",
    what: "imports lead downward, core/ stands alone, no circle",
    run: async () => offences(await importGraph(layeredFiles())).join("\n"),
  },
  {
    name: "sources",
    what: "every file says what it is for, none is too long",
    run: () => Promise.resolve(allSourceFaults().join("\n")),
  },
  command(
    "doc-lint",
    "every exported symbol is documented",
    "doc",
    "--lint",
    ...Object.values(config.exports),
  ),
  { name: "surface", what: "the public surface is the agreed one", run: surfaceStep },
  { name: "doc-tests", what: "the documentation's examples run as shown", run: docStep },
  command("jsr", "the package can be published to JSR", "publish", "--dry-run", "--allow-dirty"),
  command("npm", "the package can be packed for npm", "pack", "--dry-run", "--allow-dirty"),
];

/** Runs the steps; the exit code. */
async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      update: { type: "boolean", default: false },
      only: { type: "string" },
      list: { type: "boolean", default: false },
    },
  });
  const wanted = values.only?.split(",") ?? STEPS.map((step) => step.name);
  const unknown = wanted.filter((name) => !STEPS.some((step) => step.name === name));
  if (unknown.length > 0) {
    const names = STEPS.map((step) => step.name).join(", ");
    console.error(`ok: --only: no step ${unknown.join(", ")}; the steps are ${names}`);
    return 2;
  }
  let failed = 0;
  for (const { name, what, run } of STEPS) {
    if (!wanted.includes(name)) continue;
    if (values.list) {
      console.log(`${name.padEnd(10)} ${what}`);
      continue;
    }
    const start = performance.now();
    let problem: string;
    try {
      problem = await run(values.update);
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error);
    }
    const seconds = ((performance.now() - start) / 1000).toFixed(1).padStart(5);
    console.log(`${problem === "" ? "ok    " : "FAILED"} ${name.padEnd(10)} ${seconds} s  ${what}`);
    if (problem !== "") {
      failed++;
      console.log(problem.trimEnd().replace(/^/gm, "       "));
    }
  }
  if (!values.list) {
    console.log(
      failed === 0
        ? `ok: all ${wanted.length} steps`
        : `FAILED: ${failed} of ${wanted.length} steps`,
    );
  }
  return failed === 0 ? 0 : 1;
}

await script("ok", main);
