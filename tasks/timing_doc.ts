/**
 * `deno task timing-doc`: writes the tables of `docs/timing.md`: the costs from `core/timing_table.ts`, and
 * what the assumed ones make of the figures from `bench sensitivity`. The prose around them is written
 * by hand and stays.
 *
 * With `--check` nothing is written; the task fails if a table is not what it should be.
 *
 * @module
 */

import { change, measureSensitivity } from "../cli/bench_sensitivity.ts";
import type { SensitivityRow } from "../core/sensitivity.ts";
import { TIMING, TIMING_NAMES, type TimingPart } from "../core/timing_table.ts";
import { table } from "./vmi_doc.ts";

/** The page, relative to this module. */
export const PAGE: URL = new URL("../docs/timing.md", import.meta.url);

/** The costs of a part of the core. */
function costs(part: TimingPart): string {
  const rows = TIMING_NAMES.filter((name) => TIMING[name].part === part).map((name) => {
    const { value, unit, range, status, what, source } = TIMING[name];
    const [least, most] = range;
    const scale = unit === "switch" ? "0 or 1" : `${unit}, ${least} to ${most}`;
    return [`\`${name}\``, `${value}`, scale, what, status, source];
  });
  return table(["cost", "value", "unit, range", "of what", "is", "source"], rows);
}

/** What was measured with other costs. */
export function sensitivityTable(rows: readonly SensitivityRow[]): string {
  const figures = [...new Set(rows.map(({ figure }) => figure))];
  const head = ["cost", "from", "to", ...figures];
  const first = rows.filter(({ figure }) => figure === figures[0]);
  const before = figures.map((name) => `${rows.find(({ figure }) => figure === name)!.before}`);
  return table(head, [
    ["none", "-", "-", ...before.map((cycles) => `${cycles} cycles`)],
    ...first.map(({ constant, from, to }) => [
      `\`${constant}\``,
      `${from}`,
      `${to}`,
      ...figures.map((name) =>
        change(
          rows.find((row) => row.constant === constant && row.to === to && row.figure === name)!
            .percent,
        )
      ),
    ]),
  ]);
}

/** The tables of the page that need no measurement, by name. */
export function timingTables(): Record<string, string> {
  return {
    instructions: costs("instructions"),
    interlocks: costs("interlocks"),
    caches: costs("caches"),
    bus: costs("bus"),
  };
}

/**
 * Puts tables into the page.
 *
 * @param page Its text.
 * @param tables The tables by name; others of the page stay as they are.
 * @throws {Error} When the page leaves one out.
 */
export function withTables(page: string, tables: Readonly<Record<string, string>>): string {
  const used = new Set<string>();
  const parts = /(<!-- table: (\w+) -->)\n[^]*?(<!-- end -->)/g;
  const text = page.replace(parts, (all, begin: string, name: string, end: string) => {
    const content = tables[name];
    if (content === undefined) return all;
    used.add(name);
    return `${begin}\n\n${content}\n\n${end}`;
  });
  const missing = Object.keys(tables).filter((name) => !used.has(name));
  if (missing.length > 0) throw new Error(`docs/timing.md leaves out ${missing.join(", ")}`);
  return text;
}

if (import.meta.main) {
  const page = (await Deno.readTextFile(PAGE)).replaceAll("\r\n", "\n");
  const measured = { sensitivity: sensitivityTable(await measureSensitivity()) };
  const text = withTables(page, { ...timingTables(), ...measured });
  if (!Deno.args.includes("--check")) await Deno.writeTextFile(PAGE, text);
  else if (text !== page) {
    console.error("docs/timing.md is not what the tables say: run deno task timing-doc");
    Deno.exit(1);
  }
}
