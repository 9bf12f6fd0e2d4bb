/**
 * What `understudy bench` prints and writes: tables, JSON lines, CSV, pictures, a page.
 *
 * @module
 */

import { COST, type Fidelity, FLOOR, TIMING, TIMING_NAMES, WALK_CYCLES } from "../mod.ts";
import type { BenchFigure, BenchName, BenchSection, BenchTable } from "./bench_section.ts";
import { FIGURES } from "./bench_section.ts";
import type { Draft, Io } from "./io.ts";
import { painter } from "./paint.ts";
import { picture } from "./plot.ts";
import { table } from "./tables.ts";
import { paragraph } from "./view.ts";

/** Prints sections for a person. */
export function printSections(sections: readonly BenchSection[], io: Io): void {
  const paint = painter(io.color);
  const style = { paint, columns: io.columns };
  sections.forEach(({ title, tables, notes }, i) => {
    if (i > 0) io.out("\n");
    io.out(`${paint("bold", title)}\n`);
    for (const { title: name, columns, rows } of tables) {
      io.out(`\n${name}\n\n${table(columns, rows, style)}`);
    }
    for (const note of notes) io.out(`\n${paragraph(note, io.columns)}`);
  });
}

/** Prints rows, a JSON object a line. */
export function printJson(sections: readonly BenchSection[], io: Io): void {
  for (const { rows } of sections) {
    for (const row of rows) io.out(`${JSON.stringify(row)}\n`);
  }
}

/** A row with its inner objects spread out: `cycles.min` as `cycles_min`. */
function flat(row: object): Map<string, unknown> {
  const cells = new Map<string, unknown>();
  for (const [key, value] of Object.entries(row)) {
    if (value !== null && typeof value === "object") {
      for (const [inner, each] of Object.entries(value)) cells.set(`${key}_${inner}`, each);
    } else cells.set(key, value);
  }
  return cells;
}

/** Prints rows as CSV, with a column for each member of any of them. */
export function printCsv(sections: readonly BenchSection[], io: Io): void {
  const rows = sections.flatMap(({ rows }) => rows.map(flat));
  const names = [...new Set(rows.flatMap((row) => [...row.keys()]))];
  io.out(`${names.map(csv).join(",")}\n`);
  for (const row of rows) io.out(`${names.map((name) => csv(row.get(name))).join(",")}\n`);
}

function csv(value: unknown): string {
  if (value === undefined || value === null) return "";
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Places of pictures and page, tried before anything is measured. */
export class Outputs implements Disposable {
  readonly #pictures: Map<string, Draft> = new Map();
  #page: Draft | undefined;

  /**
   * Tries the places.
   *
   * @param names What is measured.
   * @param folder For pictures; made when it is not there.
   * @param page Path of the page.
   * @throws {InputError} When one of them can't be written.
   */
  constructor(
    io: Io,
    names: readonly BenchName[],
    folder: string | undefined,
    page: string | undefined,
  ) {
    try {
      if (page !== undefined) this.#page = io.create(page);
      if (folder === undefined) return;
      io.folder(folder);
      for (const name of names.flatMap((name) => FIGURES[name])) {
        this.#pictures.set(name, io.create(`${folder.replace(/[\\/]$/, "")}/${name}.svg`));
      }
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** Pictures are wanted. */
  get drawn(): boolean {
    return this.#pictures.size > 0 || this.#page !== undefined;
  }

  /** Writes everything. */
  async write(sections: readonly BenchSection[], setting: PageSetting): Promise<void> {
    if (!this.drawn) return;
    const encoder = new TextEncoder();
    const pictures = new Map<BenchFigure, string>();
    for (const figure of sections.flatMap(({ figures }) => figures)) {
      const svg = await picture(figure.spec);
      pictures.set(figure, svg);
      this.#pictures.get(figure.name)?.write(encoder.encode(svg));
    }
    this.#page?.write(encoder.encode(page(sections, pictures, setting)));
  }

  /** Gives up what was not written. */
  [Symbol.dispose](): void {
    for (const draft of this.#pictures.values()) draft.discard();
    this.#page?.discard();
  }
}

/** What the page says about how it was made. */
export interface PageSetting {
  /** The command, for who wants to make it again. */
  readonly command: string;
  /** Its options, as they were given. */
  readonly given: readonly (readonly [name: string, value: string])[];
  /** How the machine was simulated. */
  readonly fidelity: Fidelity;
}

function escape(text: unknown): string {
  return String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

function htmlTable({ title, columns, rows }: BenchTable): string {
  const of = (tag: string, text: unknown, i: number) =>
    `<${tag}${columns[i]!.right ? ' class="n"' : ""}>${escape(text ?? "-")}</${tag}>`;
  const head = columns.map(({ head }, i) => of("th", head.replace(/-?\n/g, " "), i)).join("");
  const body = rows.map((row) => `<tr>${row.map((cell, i) => of("td", cell, i)).join("")}</tr>`);
  return `<table><caption>${escape(title)}</caption><thead><tr>${head}</tr></thead>` +
    `<tbody>${body.join("")}</tbody></table>`;
}

/** The costs of the fidelity, and the other figures that go into the tables. */
function constants(fidelity: Fidelity): string {
  const tables: BenchTable[] = fidelity === "timed"
    ? [{
      title: "Costs of the timed fidelity",
      columns: [
        { head: "name" },
        { head: "value", right: true },
        { head: "unit" },
        { head: "status" },
        { head: "what" },
        { head: "source" },
      ],
      rows: TIMING_NAMES.map((name) => {
        const { value, unit, status, what, source } = TIMING[name];
        return [name, value, unit, status, what, source];
      }),
    }]
    : [{
      title: "Charges of the fast fidelity, cycles",
      columns: [{ head: "name" }, { head: "cycles", right: true }],
      rows: [...Object.entries(COST), ["a table walk in bench cow", WALK_CYCLES]],
    }];
  tables.push({
    title: "The least that the hardware allows",
    columns: [{ head: "name" }, { head: "value", right: true }],
    rows: Object.entries(FLOOR),
  });
  return tables.map(htmlTable).join("\n");
}

/** How the machine and the monitor were set up where a measurement does not say otherwise. */
function configuration({ command, given, fidelity }: PageSetting): string {
  return htmlTable({
    title: "Configuration",
    columns: [{ head: "what" }, { head: "setting" }],
    rows: [
      ["command", command],
      ...given,
      [
        "board",
        "S3C2440A: ARM920T, 64 MB of SDRAM, clocks and memory controller as a boot loader leaves them",
      ],
      ["clocks", "core 400 MHz, bus 100 MHz, devices 50 MHz; asynchronous"],
      ["board time", fidelity === "timed" ? "timed" : "fixed costs (fast, uncalibrated)"],
      ["monitor", "2 generations, journal commit, table scrubber off; no VM0"],
      [
        "checkpoints",
        "bench switch, task, scale: at every switch; call: every 10 ms; recovery: the first only",
      ],
      ["turns of VMs", "bench switch, period, scale: 100 µs; overhead, recovery, cow: 1 ms"],
      ["seed", "1"],
    ],
  });
}

const STYLE = `
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; color: #1d2329; background: #fff; margin: 2rem auto;
  max-width: 66rem; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { margin-top: 2.6rem; border-bottom: 1px solid #d5dbe1; }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums;
  font-size: 14px; display: block; overflow-x: auto; }
caption { text-align: left; font-weight: 600; padding: .3rem 0; white-space: nowrap; }
th, td { padding: .2rem .7rem; border-bottom: 1px solid #e3e8ec; text-align: left; vertical-align: top; }
th { font-weight: 600; vertical-align: bottom; } .n { text-align: right; }
code { font: 13px/1.4 ui-monospace, monospace; background: #f3f5f7; padding: .1rem .3rem; }
figure { margin: 1rem 0; } svg { max-width: 100%; height: auto; }
details { margin: .6rem 0; } summary { cursor: pointer; font-weight: 600; }
`;

/** Tables longer than this are folded away. */
const LONG = 24;

/** One page that needs nothing else. */
function page(
  sections: readonly BenchSection[],
  pictures: ReadonlyMap<BenchFigure, string>,
  setting: PageSetting,
): string {
  const parts = sections.map(({ title, tables, notes, figures }) => {
    const drawn = figures.map((figure, i) =>
      `<figure>${ownNames(pictures.get(figure)!, `${figure.name}${i}`)}</figure>`
    );
    const shown = tables.map((each) =>
      each.rows.length <= LONG
        ? htmlTable(each)
        : `<details><summary>${escape(each.title)}, ${each.rows.length} rows</summary>` +
          `${htmlTable(each)}</details>`
    );
    const said = notes.map((note) => `<p>${escape(note)}</p>`);
    return `<h2>${escape(title)}</h2>\n${[...drawn, ...shown, ...said].join("\n")}`;
  });
  const intro = `<p>Made by <code>${escape(setting.command)}</code>. Figures of board time are a ` +
    "function of images, configuration and seed, and the same on every host.</p>";
  return `<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">` +
    `<meta name="viewport" content="width=device-width"><title>Understudy: measurements</title>` +
    `<style>${STYLE}</style></head><body><h1>Understudy: measurements</h1>\n${intro}\n` +
    `${parts.join("\n")}\n<h2>Configuration and constants</h2>\n${configuration(setting)}\n` +
    `${constants(setting.fidelity)}</body></html>\n`;
}

/** Several pictures in one page: what is named in one must not be named in another. */
function ownNames(svg: string, prefix: string): string {
  return svg.replace(/\bid="([^"]+)"/g, `id="${prefix}-$1"`)
    .replace(/url\(#([^)]+)\)/g, `url(#${prefix}-$1)`)
    .replace(/xlink:href="#([^"]+)"/g, `xlink:href="#${prefix}-$1"`);
}
