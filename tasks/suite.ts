/**
 * `deno task suite`: runs the MMU, CP15 and abort suite on every machine that is here, and prints a
 * table of tests by machines.
 *
 * The image is built from its sources when the compiler is there, otherwise (or with `--committed`)
 * it is the committed one. The emulated board always runs, without and with the model of the caches;
 * the boards of `qemu-system-arm` when it is installed. Names of machines after the options run those only.
 *
 * - `--committed`: does not build.
 * - `--brief`: a line an area instead of a line a test.
 * - `--strict`: a test that passes although it is listed as differing is an error too.
 * - `--observed`: prints what was observed in every failure, listed or not.
 *
 * Exit code: 0 when every machine did what the manifest says, 1 when one did not, 2 when it cannot
 * be run.
 *
 * @module
 */

import { build, BuildError, haveCompiler } from "../suite/build.ts";
import { qemuVersion, runUnderQemu } from "../suite/qemu.ts";
import {
  BOARD_OF,
  type BoardName,
  type CaseResult,
  expectation,
  loadImage,
  type Machine,
  MACHINES,
  parseReport,
  readCases,
  type Standing,
  standing,
  type SuiteCase,
} from "../suite/suite.ts";
import { runOnBoard } from "../suite/understudy.ts";

/** Where images are put for QEMU. */
const FOLDER = ".tmp/suite";

/** What became of a case on a machine. */
interface Cell {
  readonly standing: Standing | "missing";
  readonly deviation?: string;
  readonly result?: CaseResult;
}

/** The results of a machine, by the number of the case. */
type Column = ReadonlyMap<number, Cell>;

const OPTIONS = ["--committed", "--brief", "--strict", "--observed"];

/** The image for a board, and where it lies as a file. */
async function provide(
  board: BoardName,
  compile: boolean,
): Promise<{ image: Uint8Array<ArrayBuffer>; path: string }> {
  const path = `${FOLDER}/${board}.elf`;
  const image = compile ? await build(board, await Deno.realPath(FOLDER)) : await loadImage(board);
  if (!compile) await Deno.writeFile(path, image);
  return { image, path };
}

/** Runs the suite on a machine and gives what it printed. */
async function run(machine: Machine, image: Uint8Array<ArrayBuffer>, path: string) {
  switch (machine) {
    case "understudy":
      return runOnBoard(image).text;
    case "understudy-cached":
      return runOnBoard(image, { cache: true }).text;
    default:
      return await runUnderQemu(machine, path);
  }
}

/** Runs the suite on a machine and compares what it did with what is expected of it. */
async function runMachine(machine: Machine, compile: boolean): Promise<[SuiteCase[], Column]> {
  const { image, path } = await provide(BOARD_OF[machine], compile);
  const cases = readCases(image);
  const text = await run(machine, image, path);
  const results = new Map(parseReport(text).results.map((result) => [result.number, result]));
  const column = new Map<number, Cell>();
  for (const test of cases) {
    const result = results.get(test.number);
    const expected = expectation(test, machine);
    column.set(test.number, {
      standing: result?.name === test.name ? standing(result.outcome, expected) : "missing",
      deviation: expected.deviation,
      result,
    });
  }
  return [cases, column];
}

/** What a cell of the table says. */
function word(cell: Cell): string {
  if (cell.standing === "as listed") return cell.deviation ?? "";
  if (cell.standing === "unexpected failure") return "FAIL";
  return cell.standing === "unexpected pass" ? "ok (listed)" : cell.standing;
}

function observed(result: CaseResult | undefined): string {
  return Object.entries(result?.observed ?? {})
    .map(([key, value]) => `${key}=${key === "check" ? value : value.toString(16)}`)
    .join(" ");
}

/** Prints lines of equal columns. */
function print(rows: readonly (readonly string[])[]): void {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  for (const row of rows) {
    console.log(row.map((text, i) => text.padEnd(widths[i])).join("  ").trimEnd());
  }
}

async function main(args: readonly string[]): Promise<number> {
  const wrong = args.find((arg) => arg.startsWith("-") && !OPTIONS.includes(arg));
  const names = args.filter((arg) => !arg.startsWith("-"));
  const unknown = names.find((name) => !MACHINES.some((machine) => machine === name));
  if (wrong !== undefined || unknown !== undefined) {
    console.error(
      `${wrong ?? unknown}: options are ${OPTIONS.join(", ")}, machines ${MACHINES.join(", ")}`,
    );
    return 2;
  }

  const compile = !args.includes("--committed") && await haveCompiler();
  const qemu = await qemuVersion();
  const machines = MACHINES.filter((machine) =>
    (names.length === 0 || names.includes(machine)) &&
    (machine.startsWith("understudy") || qemu !== undefined)
  );
  console.log(`image: ${compile ? "built from suite/" : "as committed"}`);
  console.log(`qemu-system-arm: ${qemu ?? "not here"}\n`);
  await Deno.mkdir(FOLDER, { recursive: true });

  let cases: readonly SuiteCase[] = [];
  const columns: Column[] = [];
  for (const machine of machines) {
    const [found, column] = await runMachine(machine, compile);
    cases = found;
    columns.push(column);
  }
  const cells = (test: SuiteCase) => columns.map((column) => column.get(test.number)!);

  if (args.includes("--brief")) {
    const areas = Map.groupBy(
      cases,
      ({ name }) => name.split("/").slice(0, -1).slice(0, 2).join("/"),
    );
    const rows = [["area", "cases", ...machines]];
    for (const [area, tests] of areas) {
      rows.push([
        area,
        `${tests.length}`,
        ...columns.map((column) => {
          const count = Map.groupBy(tests, (test) => column.get(test.number)!.standing);
          return [...count].map(([key, { length }]) => `${length} ${key}`).join(", ");
        }),
      ]);
    }
    print(rows);
  } else {
    print([
      ["test", ...machines],
      ...cases.map((test) => [`${test.number} ${test.name}`, ...cells(test).map(word)]),
    ]);
  }

  let bad = 0;
  console.log("");
  machines.forEach((machine, i) => {
    const count = new Map<string, number>();
    for (const test of cases) {
      const cell = columns[i].get(test.number)!;
      count.set(cell.standing, (count.get(cell.standing) ?? 0) + 1);
      const failed = cell.standing === "unexpected failure" || cell.standing === "missing" ||
        (args.includes("--strict") && cell.standing === "unexpected pass");
      if (failed) bad++;
      if (failed || (args.includes("--observed") && cell.standing === "as listed")) {
        console.log(`${machine}: ${cell.standing}: ${test.name} ${observed(cell.result)}`);
      }
    }
    console.log(`${machine}: ${[...count].map(([key, n]) => `${n} ${key}`).join(", ")}`);
  });
  return bad > 0 || machines.length === 0 ? 1 : 0;
}

if (import.meta.main) {
  try {
    Deno.exit(await main(Deno.args));
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    console.error(error.message);
    Deno.exit(2);
  }
}
