/**
 * The report of a campaign as one page that needs nothing else: no script, no font, no picture from
 * elsewhere.
 *
 * @module
 */

import { type Outcome, OUTCOMES, wilson } from "../mod.ts";
import {
  type ArmReport,
  type CampaignReport,
  CLASS_ORDER,
  CONFIDENCE,
  makeReport,
  PARTIES,
  type SpacePoint,
} from "./report_data.ts";
import { intervalText, percent, settingText } from "./report_text.ts";
import { Store } from "./store.ts";
import { duration } from "./story.ts";
import { InputError } from "../mod.ts";

/** Colours of the classes, told apart by lightness too. */
const COLORS: Readonly<Record<Outcome, string>> = {
  "masked": "#d9dee3",
  "latent": "#b8c4cf",
  "output-late": "#9bb8d3",
  "repaired": "#8fd0a8",
  "recovered-skip": "#6cc090",
  "recovered-task": "#3fa66f",
  "recovered-guest": "#2a8a58",
  "recovered-older": "#186a40",
  "output-repeated": "#f2d16b",
  "corruption-after-recovery": "#e8a33d",
  "restarted": "#c9a0dc",
  "silent-corruption": "#e06a3a",
  "hang": "#b9472c",
  "stopped-task": "#b08968",
  "stopped-guest": "#8a6246",
  "stopped-system": "#5d3b26",
  "isolation-broken": "#c2185b",
  "not-activated": "#f3f5f7",
  "crash": "#000000",
};

const PARTY_NAMES = { task: "tasks", guest: "kernels", vmm: "monitor and machine" } as const;

function escape(text: unknown): string {
  return String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

function tableOf(head: readonly string[], rows: readonly (readonly unknown[])[]): string {
  const cell = (tag: string, value: unknown, i: number) =>
    `<${tag}${i === 0 ? "" : ' class="n"'}>${value}</${tag}>`;
  const th = head.map((text, i) => cell("th", escape(text), i)).join("");
  const body = rows.map((row) => `<tr>${row.map((v, i) => cell("td", v, i)).join("")}</tr>`);
  return `<table><thead><tr>${th}</tr></thead><tbody>${body.join("")}</tbody></table>`;
}

/** Bars of the classes with their intervals, one group an arm. */
function outcomeBars(arms: readonly ArmReport[]): string {
  const used = CLASS_ORDER.filter((name) => arms.some(({ classes }) => (classes[name] ?? 0) > 0));
  const left = 190;
  const width = 560;
  const bar = 16;
  const gap = 10;
  const group = arms.length * bar + gap;
  const x = (share: number) => left + share * width;
  const parts: string[] = [];
  for (let tick = 0; tick <= 10; tick += 2) {
    const at = x(tick / 10);
    parts.push(`<line x1="${at}" x2="${at}" y1="0" y2="${used.length * group}" class="grid"/>`);
    parts.push(
      `<text x="${at}" y="${used.length * group + 16}" class="tick">${tick * 10} %</text>`,
    );
  }
  used.forEach((name, i) => {
    const y = i * group;
    const middle = y + arms.length * bar / 2 + 4;
    parts.push(`<text x="${left - 8}" y="${middle}" class="label">${name}</text>`);
    arms.forEach(({ arm, classes, experiments }, k) => {
      const count = classes[name] ?? 0;
      const { low, high } = wilson(count, experiments, CONFIDENCE);
      const share = experiments === 0 ? 0 : count / experiments;
      const top = y + k * bar;
      const title = `${arm}: ${count} of ${experiments}, ${percent(share)} (95 % ` +
        `${intervalText({ low, high })})`;
      parts.push(
        `<g><title>${escape(title)}</title>` +
          `<rect x="${left}" y="${top}" width="${share * width}" height="${bar - 3}" ` +
          `fill="${COLORS[name]}" stroke="#666" stroke-width="0.4"/>` +
          `<line x1="${x(low)}" x2="${x(high)}" y1="${top + 6.5}" y2="${top + 6.5}" ` +
          `class="bound"/>` +
          `<text x="${x(high) + 6}" y="${top + 11}" class="value">${count}` +
          `${arms.length > 1 ? ` ${escape(arm)}` : ""}</text></g>`,
      );
    });
  });
  return svg(left + width + 130, used.length * group + 24, parts);
}

function svg(width: number, height: number, parts: readonly string[]): string {
  return `<svg viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" ` +
    `role="img">${parts.join("")}</svg>`;
}

/** Where and when faults struck, and what became of them. */
function spacePlot(points: readonly SpacePoint[], forNs: number): string {
  const targets = [...new Set(points.map(({ target }) => target))];
  const left = 150;
  const width = 640;
  const lane = 74;
  const parts: string[] = [];
  const order = (outcome: Outcome) => CLASS_ORDER.indexOf(outcome);
  targets.forEach((target, i) => {
    const y = i * (lane + 8);
    const mine = points.filter((point) => point.target === target);
    // Rank, not address: what lies far apart is shown side by side.
    const places = [...new Set(mine.map(({ place }) => place))].sort((a, b) => a - b);
    const rank = new Map(places.map((place, n) => [place, n / Math.max(1, places.length - 1)]));
    parts.push(`<rect x="${left}" y="${y}" width="${width}" height="${lane}" class="lane"/>`);
    parts.push(`<text x="${left - 8}" y="${y + lane / 2 + 4}" class="label">${target}</text>`);
    mine.sort((a, b) => order(a.outcome) - order(b.outcome));
    for (const { t, place, outcome } of mine) {
      const cx = left + t / forNs * width;
      const cy = y + 3 + (1 - rank.get(place)!) * (lane - 6);
      const size = order(outcome) < 4 ? 1.5 : 2.6;
      parts.push(
        `<circle cx="${cx.toFixed(1)}" cy="${cy.toFixed(1)}" r="${size}" ` +
          `fill="${COLORS[outcome]}"/>`,
      );
    }
  });
  const bottom = targets.length * (lane + 8);
  for (let tick = 0; tick <= 4; tick++) {
    const at = left + tick / 4 * width;
    parts.push(
      `<text x="${at}" y="${bottom + 14}" class="tick">${duration(forNs * tick / 4)}</text>`,
    );
  }
  return svg(left + width + 20, bottom + 22, parts);
}

/** A histogram over equal steps of the logarithm. */
function histogram(values: readonly number[], title: string): string {
  const positive = values.filter((value) => value > 0);
  if (positive.length === 0) return `<p>${escape(title)}: none.</p>`;
  const low = Math.floor(Math.log10(Math.min(...positive)) * 4) / 4;
  const high = Math.max(low + 0.25, Math.ceil(Math.log10(Math.max(...positive)) * 4) / 4);
  const bins = new Array(Math.round((high - low) * 4)).fill(0) as number[];
  for (const value of positive) {
    bins[Math.min(bins.length - 1, Math.floor((Math.log10(value) - low) * 4))]!++;
  }
  const left = 50;
  const width = 640;
  const height = 130;
  const most = Math.max(...bins);
  const step = width / bins.length;
  const parts = bins.map((count, i) => {
    const h = count / most * height;
    const from = duration(Math.round(10 ** (low + i / 4)));
    const to = duration(Math.round(10 ** (low + (i + 1) / 4)));
    return `<rect x="${left + i * step}" y="${height - h}" width="${step - 1}" height="${h}" ` +
      `fill="#5b84b1"><title>${from} to ${to}: ${count}</title></rect>`;
  });
  for (let i = 0; i <= bins.length; i += 4) {
    const at = left + i * step;
    const text = duration(Number((10 ** (low + i / 4)).toPrecision(2)));
    parts.push(`<text x="${at}" y="${height + 15}" class="tick">${text}</text>`);
  }
  parts.push(`<text x="${left - 6}" y="10" class="label">${most}</text>`);
  const none = values.length - positive.length;
  const note = none === 0 ? "" : `, ${none} of them 0`;
  return `<h3>${escape(title)} (${values.length}${note})</h3>` +
    svg(left + width + 20, height + 22, parts);
}

const STYLE = `
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; color: #1d2329; background: #fff; margin: 2rem auto;
  max-width: 60rem; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { margin-top: 2.2rem; border-bottom: 1px solid #d5dbe1; }
table { border-collapse: collapse; margin: .8rem 0; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .7rem; border-bottom: 1px solid #e3e8ec; text-align: left; }
th { font-weight: 600; vertical-align: bottom; } .n { text-align: right; }
code { font: 13px/1.4 ui-monospace, monospace; background: #f3f5f7; padding: .1rem .3rem; }
.bad { color: #a31515; font-weight: 600; } .good { color: #1c7a46; font-weight: 600; }
svg { max-width: 100%; height: auto; font: 12px system-ui, sans-serif; }
.label { text-anchor: end; } .tick { text-anchor: middle; fill: #5b6670; } .value { fill: #333; }
.grid { stroke: #e3e8ec; } .bound { stroke: #222; stroke-width: 1.4; } .lane { fill: #fafbfc;
  stroke: #e3e8ec; } .key span { display: inline-block; margin-right: 1rem; }
.key i { display: inline-block; width: .9em; height: .9em; margin-right: .35em; border: 1px solid #888; }
`;

function recoveryTable(arm: ArmReport): string {
  const head = [
    "struck",
    "experiments",
    "manifested",
    "detected",
    "recovered",
    "of manifested",
    "95 %",
    "of detected",
    "95 %",
  ];
  const rows = [
    ...PARTIES.map((party) => [PARTY_NAMES[party], arm.manifested[party]] as const),
    ...arm.targets.map((target) => [target.target, target] as const),
  ];
  return tableOf(
    head,
    rows.map(([name, { experiments, n, detected, recovered, wilson95 }]) => [
      escape(name),
      experiments,
      n,
      detected,
      recovered,
      n === 0 ? "-" : percent(recovered / n),
      n === 0 ? "-" : intervalText(wilson95.manifested),
      detected === 0 ? "-" : percent(recovered / detected),
      detected === 0 ? "-" : intervalText(wilson95.detected),
    ]),
  );
}

/**
 * The page.
 *
 * @param report The report.
 * @param points Points of the fault space of the report's arm.
 * @param path Path of the store, for replay commands.
 */
export function reportHtml(
  report: CampaignReport,
  points: readonly SpacePoint[],
  path: string,
): string {
  const arm = report.arms.find((one) => one.arm === report.arm)!;
  const used = CLASS_ORDER.filter((name) => report.arms.some(({ classes }) => classes[name]));
  const key = used.map((name) =>
    `<span title="${escape(OUTCOMES[name])}"><i style="background:${COLORS[name]}"></i>` +
    `${name}</span>`
  ).join("");
  const parts = [
    `<h1>Fault injection: ${escape(report.guests.join(", "))}</h1>`,
    `<p>${report.experiments} experiments of ${duration(report.for_ns)} board time each, seed ` +
    `${report.seed}; ${percent(report.early_stop_share)} ended early; ` +
    `${report.rate_per_s.toFixed(1)} a second, golden runs included. Crashes of emulator or ` +
    `monitor: ${report.crashes}. Breaks of isolation by faults in tasks and kernels: ` +
    `${report.isolation_broken}.</p>`,
    "<h2>What became of the faults</h2>",
    outcomeBars(report.arms),
    tableOf(["class", "rule"], used.map((name) => [name, escape(OUTCOMES[name])])),
    `<h2>Where and when, ${escape(arm.arm)}</h2><p class="key">${key}</p>`,
    "<p>Time runs to the right; places of a target are put in order, not to scale.</p>",
    spacePlot(points, report.for_ns),
  ];
  for (const one of report.arms) {
    parts.push(`<h2>Errors and recoveries, ${escape(one.arm)}</h2>`);
    parts.push(`<p><code>${escape(settingText(report, one))}</code></p>`, recoveryTable(one));
    const { manifested, unrecovered } = one.space;
    if (manifested.population > 0) {
      parts.push(
        `<p>Weighted back to the ${manifested.population.toExponential(2)} faults of the space: ` +
          `${percent(manifested.share)} manifest (${intervalText(manifested)}, about ` +
          `${manifested.count.toExponential(2)} faults), ${percent(unrecovered.share)} are not ` +
          `recovered (${intervalText(unrecovered)}).</p>`,
      );
    }
    parts.push(histogram(one.values.latency, "From the strike to the first error found"));
    parts.push(histogram(one.values.lost, "Work given up in a recovery"));
    if (one.planted.length > 0) {
      parts.push(
        "<h3>Planted bugs</h3>",
        tableOf(
          ["bug", "guest", "class", "detected"],
          one.planted.map(({ vm, fault, outcome, detected }) => [
            escape(fault),
            escape(vm),
            outcome,
            detected ? "yes" : "no",
          ]),
        ),
      );
    }
  }
  if (report.comparisons.length > 0) {
    parts.push("<h2>Arms compared, the same faults in both</h2>");
    parts.push(tableOf(
      ["arms", "property", "pairs", "only first", "only second", "difference", "p (McNemar)"],
      report.comparisons.map((c) => [
        escape(c.arms.join(" | ")),
        c.property,
        c.n,
        c.onlyFirst,
        c.onlySecond,
        percent(c.difference),
        c.p < 0.0001 ? "&lt; 0.0001" : c.p.toFixed(4),
      ]),
    ));
  }
  if (arm.worst.length > 0) {
    parts.push(
      "<h2>The worst</h2>",
      tableOf(
        ["class", "fault", "repeat it"],
        arm.worst.map(({ id, outcome, vm, fault, detail }) => [
          outcome,
          `${escape(vm)} <code>${escape(fault)}</code><br>${escape(detail)}`,
          `<code>understudy inject replay ${escape(path)} ${id}</code>`,
        ]),
      ),
    );
  }
  if (report.gates.length > 0) {
    parts.push(
      "<h2>Gates</h2>",
      tableOf(
        ["gate", "arm", "found", ""],
        report.gates.map(({ gate, arm, found, ok }) => [
          escape(gate),
          escape(arm),
          Number.isInteger(found) ? found : found.toFixed(4),
          ok ? '<span class="good">holds</span>' : '<span class="bad">broken</span>',
        ]),
      ),
    );
  }
  return `<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">` +
    `<meta name="viewport" content="width=device-width"><title>Fault injection</title>` +
    `<style>${STYLE}</style></head><body>${parts.join("\n")}</body></html>\n`;
}

/**
 * Writes the page of a store.
 *
 * @param path The store.
 * @param out The page.
 * @throws {InputError} When it can't be written.
 */
export function writeHtml(path: string, out: string): void {
  using store = Store.open(path, "read");
  const points = store.spec.arms.map((): SpacePoint[] => []);
  const report = makeReport(
    store.spec,
    store.rows(),
    store.sessions(),
    store.sizes,
    (arm, point) => points[arm]!.push(point),
  );
  const arm = report.arms.findIndex((one) => one.arm === report.arm);
  try {
    Deno.writeTextFileSync(out, reportHtml(report, points[arm]!, path));
  } catch (error) {
    const what = error instanceof Deno.errors.NotCapable
      ? "may not be written: run with --allow-write"
      : `can't be written: ${error instanceof Error ? error.message : error}`;
    throw new InputError(out, what);
  }
}
