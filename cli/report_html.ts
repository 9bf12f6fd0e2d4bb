/**
 * The report of a campaign as one page that needs nothing else: no script, no font, no picture from
 * elsewhere.
 *
 * @module
 */

import { type Interval, type Outcome, OUTCOMES, wilson } from "../mod.ts";
import {
  type ArmReport,
  type CampaignReport,
  CLASS_ORDER,
  CONFIDENCE,
  makeReport,
  PARTIES,
  type Recovery,
  type SpacePoint,
} from "./report_data.ts";
import { CAUSES } from "./report_causes.ts";
import { intervalText, isProtected, PARTY_NAMES, percent, settingText } from "./report_text.ts";
import { Store } from "./store.ts";
import { duration } from "./story.ts";

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

/** Classes of which there are many, small and pale in the plot. */
const QUIET: Readonly<Partial<Record<Outcome, string>>> = {
  "masked": "#aab4bd",
  "latent": "#8fa0b0",
  "not-activated": "#d5dbe1",
};

/** Colours of the arms. */
const ARM_COLORS = ["#7a5195", "#2a8a58", "#1f6fb2", "#c7662a", "#5b6670", "#b03060"];

function escape(text: unknown): string {
  return String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

/** A table; the first columns hold words, the others numbers. */
function tableOf(
  head: readonly string[],
  rows: readonly (readonly unknown[])[],
  words = 1,
  wrap = false,
): string {
  const cell = (tag: string, value: unknown, i: number) =>
    `<${tag}${i < words ? "" : ' class="n"'}>${value}</${tag}>`;
  const th = head.map((text, i) => cell("th", escape(text), i)).join("");
  const body = rows.map((row) => `<tr>${row.map((v, i) => cell("td", v, i)).join("")}</tr>`);
  return `<div class="wide"><table${
    wrap ? ' class="wrap"' : ""
  }><thead><tr>${th}</tr></thead><tbody>${body.join("")}</tbody>` +
    "</table></div>";
}

function svg(width: number, height: number, parts: readonly string[]): string {
  return `<svg viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" ` +
    `role="img">${parts.join("")}</svg>`;
}

/** Grid lines and their labels for shares up to `most`. */
function shareAxis(left: number, width: number, height: number, most: number): string[] {
  const step = most > 0.5 ? 0.2 : most > 0.2 ? 0.1 : 0.05;
  const parts: string[] = [];
  for (let tick = 0; tick <= most + 1e-9; tick += step) {
    const at = left + tick / most * width;
    parts.push(`<line x1="${at}" x2="${at}" y1="0" y2="${height}" class="grid"/>`);
    parts.push(
      `<text x="${at}" y="${height + 16}" class="tick">${Math.round(tick * 100)} %</text>`,
    );
  }
  return parts;
}

/** One bar an arm, of all its experiments by class. */
function stackedBars(arms: readonly ArmReport[]): string {
  const left = 150;
  const width = 720;
  const bar = 26;
  const parts = shareAxis(left, width, arms.length * (bar + 8), 1);
  arms.forEach(({ arm, classes, experiments }, k) => {
    const y = k * (bar + 8);
    parts.push(`<text x="${left - 8}" y="${y + bar / 2 + 4}" class="label">${escape(arm)}</text>`);
    let at = left;
    for (const name of CLASS_ORDER) {
      const count = classes[name] ?? 0;
      const length = experiments === 0 ? 0 : count / experiments * width;
      if (count === 0) continue;
      const title = `${arm}, ${name}: ${count} of ${experiments}, ${percent(count / experiments)}`;
      parts.push(
        `<rect x="${at.toFixed(2)}" y="${y}" width="${length.toFixed(2)}" height="${bar}" ` +
          `fill="${COLORS[name]}" stroke="#fff" stroke-width="0.5"><title>${
            escape(title)
          }</title>` +
          "</rect>",
      );
      at += length;
    }
  });
  return svg(left + width + 30, arms.length * (bar + 8) + 22, parts);
}

/** Recovered of detected and of manifested, by whom was struck, an arm below the other. */
function armsChart(arms: readonly ArmReport[]): string {
  const left = 330;
  const width = 460;
  const row = 20;
  const lines: { label: string; arm: number; hits: number; n: number; first: boolean }[] = [];
  for (const party of PARTIES) {
    for (const base of ["detected", "manifested"] as const) {
      arms.forEach(({ manifested }, arm) => {
        const { n, detected, recovered } = manifested[party];
        const label = `${PARTY_NAMES[party]}: recovered of ${base}`;
        const whole = base === "detected" ? detected : n;
        if (whole > 0) {
          const first = lines.at(-1)?.label !== label;
          lines.push({ label, arm, hits: recovered, n: whole, first });
        }
      });
    }
  }
  const gaps = lines.map(({ first }, i) => first && i > 0 ? 8 : 0);
  const height = lines.length * row + gaps.reduce<number>((sum, gap) => sum + gap, 0);
  const parts = shareAxis(left, width, height, 1);
  let y = 0;
  lines.forEach(({ label, arm, hits, n, first }, i) => {
    y += gaps[i]!;
    const { low, high } = wilson(hits, n, CONFIDENCE);
    const x = (share: number) => (left + share * width).toFixed(1);
    const middle = y + row / 2;
    const color = ARM_COLORS[arm % ARM_COLORS.length]!;
    const name = arms[arm]!.arm;
    if (first) parts.push(`<text x="4" y="${middle + 4}">${escape(label)}</text>`);
    parts.push(
      `<g><title>${
        escape(`${name}: ${hits} of ${n}, 95 % ${intervalText({ low, high })}`)
      }</title>` +
        `<text x="${left - 8}" y="${middle + 4}" class="label" fill="${color}">${escape(name)}` +
        "</text>" +
        `<line x1="${x(low)}" x2="${x(high)}" y1="${middle}" y2="${middle}" stroke="${color}" ` +
        `stroke-width="2"/><circle cx="${x(hits / n)}" cy="${middle}" r="4.5" fill="${color}"/>` +
        `<text x="${left + width + 12}" y="${middle + 4}" class="value">${hits} / ${n} = ` +
        `${percent(hits / n)}</text></g>`,
    );
    y += row;
  });
  return svg(left + width + 170, height + 24, parts);
}

/** Bars of the classes with their intervals, one group a class, one bar an arm. */
function outcomeBars(arms: readonly ArmReport[]): string {
  const used = CLASS_ORDER.filter((name) => arms.some(({ classes }) => (classes[name] ?? 0) > 0));
  const left = 190;
  const width = 560;
  const bar = 15;
  const gap = 10;
  const group = arms.length * bar + gap;
  const bounds = arms.map(({ classes, experiments }) =>
    new Map(used.map((name) => [name, wilson(classes[name] ?? 0, experiments, CONFIDENCE)]))
  );
  const highest = Math.max(0.05, ...bounds.flatMap((map) => [...map.values()].map((b) => b.high)));
  const most = Math.min(1, Math.ceil(highest * 10) / 10);
  const x = (share: number) => left + share / most * width;
  const parts = shareAxis(left, width, used.length * group, most);
  used.forEach((name, i) => {
    const y = i * group;
    const middle = y + arms.length * bar / 2 + 4;
    parts.push(
      `<text x="${left - 8}" y="${middle}" class="label">${name}<title>${escape(OUTCOMES[name])}` +
        "</title></text>",
    );
    arms.forEach(({ arm, classes, experiments }, k) => {
      const count = classes[name] ?? 0;
      const { low, high } = bounds[k]!.get(name)!;
      const share = experiments === 0 ? 0 : count / experiments;
      const top = y + k * bar;
      const title = `${arm}: ${count} of ${experiments}, ${percent(share)} (95 % ` +
        `${intervalText({ low, high })})`;
      parts.push(
        `<g><title>${escape(title)}</title>` +
          `<rect x="${left}" y="${top}" width="${x(share) - left}" height="${bar - 3}" ` +
          `fill="${COLORS[name]}" stroke="#666" stroke-width="0.4"/>` +
          `<line x1="${x(low)}" x2="${x(high)}" y1="${top + 6}" y2="${top + 6}" class="bound"/>` +
          `<text x="${x(high) + 6}" y="${top + 10}" class="value">${count}` +
          `${arms.length > 1 ? ` ${escape(arm)}` : ""}</text></g>`,
      );
    });
  });
  return svg(left + width + 160, used.length * group + 24, parts);
}

/** A place of a target in words: a register's number, or an address. */
function placeText(place: number): string {
  return place < 64 ? String(place) : `0x${place.toString(16)}`;
}

/** Where and when faults struck, and what became of them. */
function spacePlot(points: readonly SpacePoint[], forNs: number): string {
  const targets = [...new Set(points.map(({ target }) => target))];
  const left = 240;
  const width = 640;
  const parts: string[] = [];
  const order = (outcome: Outcome) => CLASS_ORDER.indexOf(outcome);
  let y = 0;
  for (const target of targets) {
    const mine = points.filter((point) => point.target === target);
    // Rank, not address: what lies far apart is shown side by side.
    const places = [...new Set(mine.map(({ place }) => place))].sort((a, b) => a - b);
    const rank = new Map(places.map((place, n) => [place, n / Math.max(1, places.length - 1)]));
    const lane = places.length === 1 ? 22 : 70;
    const middle = y + lane / 2 + 4;
    parts.push(`<rect x="${left}" y="${y}" width="${width}" height="${lane}" class="lane"/>`);
    parts.push(`<text x="4" y="${middle}">${target}</text>`);
    if (places.length > 1) {
      const [low, high] = [places[0]!, places.at(-1)!];
      parts.push(`<text x="${left - 6}" y="${y + 11}" class="tick end">${placeText(high)}</text>`);
      parts.push(
        `<text x="${left - 6}" y="${y + lane - 3}" class="tick end">${placeText(low)}</text>`,
      );
    }
    mine.sort((a, b) => order(a.outcome) - order(b.outcome));
    for (const { t, place, outcome } of mine) {
      const cx = left + t / forNs * width;
      const cy = places.length === 1 ? y + lane / 2 : y + 4 + (1 - rank.get(place)!) * (lane - 8);
      const quiet = QUIET[outcome];
      parts.push(
        `<circle cx="${cx.toFixed(1)}" cy="${cy.toFixed(1)}" r="${
          quiet === undefined ? 2.8 : 1.6
        }" ` +
          `fill="${quiet ?? COLORS[outcome]}"/>`,
      );
    }
    y += lane + 6;
  }
  for (let tick = 0; tick <= 4; tick++) {
    const at = left + tick / 4 * width;
    parts.push(
      `<text x="${at}" y="${y + 14}" class="tick">${duration(forNs * tick / 4)}</text>`,
    );
  }
  return svg(left + width + 30, y + 22, parts);
}

/** A histogram over equal steps of the logarithm. */
function histogram(values: readonly number[], title: string): string {
  const positive = values.filter((value) => value > 0);
  if (positive.length === 0) return `<div><h3>${escape(title)}</h3><p>None.</p></div>`;
  const low = Math.floor(Math.log10(positive.reduce((a, b) => Math.min(a, b))));
  const high = Math.max(low + 1, Math.ceil(Math.log10(positive.reduce((a, b) => Math.max(a, b)))));
  const fine = high - low > 4 ? 4 : 8;
  const bins = new Array((high - low) * fine).fill(0) as number[];
  for (const value of positive) {
    bins[Math.min(bins.length - 1, Math.floor((Math.log10(value) - low) * fine))]!++;
  }
  const left = 40;
  const width = 380;
  const height = 130;
  const most = Math.max(...bins);
  const step = width / bins.length;
  const parts = [
    `<line x1="${left}" x2="${left + width}" y1="${height}" y2="${height}" class="axis"/>`,
    `<text x="${left - 6}" y="10" class="tick end">${most}</text>`,
    `<text x="${left - 6}" y="${height}" class="tick end">0</text>`,
  ];
  bins.forEach((count, i) => {
    const h = count / most * (height - 4);
    const from = duration(Math.round(10 ** (low + i / fine)));
    const to = duration(Math.round(10 ** (low + (i + 1) / fine)));
    parts.push(
      `<rect x="${left + i * step}" y="${height - h}" width="${Math.max(1, step - 1)}" ` +
        `height="${h}" fill="#5b84b1"><title>${from} to ${to}: ${count}</title></rect>`,
    );
  });
  // A label at each power of ten.
  for (let power = low; power <= high; power++) {
    const at = left + (power - low) * fine * step;
    parts.push(
      `<line x1="${at}" x2="${at}" y1="${height}" y2="${height + 4}" class="axis"/>`,
      `<text x="${at}" y="${height + 17}" class="tick">${duration(10 ** power)}</text>`,
    );
  }
  const none = values.length - positive.length;
  const note = none === 0 ? "" : `, ${none} of them 0`;
  return `<div><h3>${escape(title)} (${values.length}${note})</h3>` +
    svg(left + width + 40, height + 24, parts) + "</div>";
}

const STYLE = `
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; color: #1d2329; background: #fff; margin: 2rem auto;
  max-width: 62rem; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: .4rem; } h3 { font-size: 1rem; margin: 1.2rem 0 .3rem; }
h2 { margin-top: 2.4rem; border-bottom: 1px solid #d5dbe1; font-size: 1.25rem; }
table { border-collapse: collapse; margin: .6rem 0; font-variant-numeric: tabular-nums;
  font-size: .9rem; }
th, td { padding: .18rem .6rem; border-bottom: 1px solid #e3e8ec; text-align: left;
  white-space: nowrap; vertical-align: top; }
th { font-weight: 600; vertical-align: bottom; } th.n, td.n { text-align: right; }
.wrap td { white-space: normal; } .wide { overflow-x: auto; }
code { font: 12.5px/1.4 ui-monospace, monospace; background: #f3f5f7; padding: .1rem .3rem; }
.bad { color: #a31515; font-weight: 600; } .good { color: #1c7a46; font-weight: 600; }
.tiles { display: flex; flex-wrap: wrap; gap: .8rem; margin: 1rem 0; }
.tiles div { border: 1px solid #dfe4e9; border-radius: .4rem; padding: .4rem .9rem; }
.tiles b { display: block; font-size: 1.35rem; } .tiles span { color: #5b6670; font-size: .85rem; }
.two { display: flex; flex-wrap: wrap; gap: 1rem 2rem; }
svg { max-width: 100%; height: auto; font: 12px system-ui, sans-serif; }
.label { text-anchor: end; } .tick { text-anchor: middle; fill: #5b6670; font-size: 11px; }
.end { text-anchor: end; } .value { fill: #333; } .grid { stroke: #e3e8ec; }
.axis { stroke: #9aa5b0; } .bound { stroke: #222; stroke-width: 1.4; }
.lane { fill: #fafbfc; stroke: #e3e8ec; } .key span { display: inline-block; margin-right: 1rem; }
.key i { display: inline-block; width: .9em; height: .9em; margin-right: .35em;
  border: 1px solid #888; }
`;

/** A share with its interval. */
function shareText(hits: number, n: number, bounds: Interval): string {
  return n === 0 ? "-" : `${percent(hits / n)} (${intervalText(bounds)})`;
}

function recoveryTable(
  name: string,
  rows: readonly (readonly [name: string, recovery: Recovery])[],
): string {
  return tableOf(
    [
      name,
      "experiments",
      "manifested",
      "detected",
      "recovered",
      "of manifested (95 %)",
      "of detected (95 %)",
    ],
    rows.map(([name, { experiments, n, detected, recovered, wilson95 }]) => [
      escape(name),
      experiments,
      n,
      detected,
      recovered,
      shareText(recovered, n, wilson95.manifested),
      shareText(recovered, detected, wilson95.detected),
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
  const tile = (value: string, what: string) =>
    `<div><b>${escape(value)}</b><span>${escape(what)}</span></div>`;
  const broken = report.gates.filter(({ ok }) => !ok).length;
  const parts = [
    `<h1>Fault injection: ${escape(report.guests.join(", "))}</h1>`,
    `<p>${duration(report.for_ns)} of board time an experiment, seed ${report.seed}.</p>`,
    '<div class="tiles">',
    tile(String(report.experiments), "experiments"),
    ...(report.rate_per_s === 0 ? [] : [tile(report.rate_per_s.toFixed(1), "a second")]),
    tile(percent(report.early_stop_share), "ended early"),
    tile(String(report.crashes), "crashes of emulator or monitor"),
    tile(String(report.isolation_broken), "breaks of isolation by faults in tasks and kernels"),
    ...(report.gates.length === 0
      ? []
      : [tile(`${report.gates.length - broken} of ${report.gates.length}`, "gates hold")]),
    "</div>",
    "<h2>Arms side by side</h2>",
    "<p>Points with 95 % intervals (Wilson).</p>",
    armsChart(report.arms),
    "<h2>What became of the faults</h2>",
    `<p class="key">${key}</p>`,
    stackedBars(report.arms),
    outcomeBars(report.arms),
    tableOf(["class", "rule"], used.map((name) => [name, escape(OUTCOMES[name])]), 2),
    `<h2>Where and when, ${escape(arm.arm)}</h2><p class="key">${key}</p>`,
    "<p>Time runs to the right; the places of a target are put in order, not to scale, the lowest " +
    "address or register at the bottom.</p>",
    spacePlot(points, report.for_ns),
  ];
  for (const one of report.arms) {
    parts.push(`<h2>Errors and recoveries, ${escape(one.arm)}</h2>`);
    parts.push(
      `<p><code>${escape(settingText(report, one))}</code></p>`,
      recoveryTable("struck", PARTIES.map((party) => [PARTY_NAMES[party], one.manifested[party]])),
      recoveryTable("target", one.targets.map((target) => [target.target, target])),
    );
    const { manifested, unrecovered } = one.space;
    if (manifested.population > 0) {
      parts.push(
        `<p>Weighted back to the ${manifested.population.toExponential(2)} faults of the space: ` +
          `${percent(manifested.share)} manifest (${intervalText(manifested)}, about ` +
          `${manifested.count.toExponential(2)} faults), ${percent(unrecovered.share)} are not ` +
          `recovered (${intervalText(unrecovered)}).</p>`,
      );
    }
    if (one.causes.length > 0 && isProtected(report, one)) {
      parts.push(
        "<h3>What was not recovered, and what would help</h3>",
        tableOf(
          ["struck", "what happened", "what would move it", "detected", "not"],
          one.causes.map(({ cause, party, detected, undetected }) => [
            PARTY_NAMES[party],
            escape(CAUSES[cause].what),
            escape(CAUSES[cause].remedy),
            detected,
            undetected,
          ]),
          3,
          true,
        ),
      );
    }
    parts.push(
      "<p>Times are board time by charged cycles, a model: they are not timed.</p>",
      '<div class="two">',
      histogram(one.values.latency, "From the strike to the first error found"),
      histogram(one.values.lost, "Work given up in a recovery"),
      "</div>",
    );
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
          4,
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
      2,
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
        3,
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
        2,
      ),
    );
  }
  return `<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">` +
    `<meta name="viewport" content="width=device-width"><title>Fault injection</title>` +
    `<style>${STYLE}</style></head><body>${parts.join("\n")}</body></html>\n`;
}

/** The page of a store. */
export function pageOf(path: string): string {
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
  return reportHtml(report, points[arm]!, path);
}
