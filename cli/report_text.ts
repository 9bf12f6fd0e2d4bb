/**
 * The report of a campaign on a terminal.
 *
 * @module
 */

import { type Interval, type Outcome, OUTCOMES, type Quantiles } from "../mod.ts";
import type { Paint } from "./paint.ts";
import { CAUSES } from "./report_causes.ts";
import type { ArmReport, CampaignReport, Recovery, TargetReport } from "./report_data.ts";
import { CLASS_ORDER, PARTIES } from "./report_data.ts";
import { duration } from "./story.ts";
import { type Style, table } from "./tables.ts";

/** Whose state was struck, in words. */
export const PARTY_NAMES = { task: "tasks", guest: "kernels", vmm: "monitor and machine" } as const;

/** A share in percent. */
export function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

/** An interval in percent. */
export function intervalText({ low, high }: Interval): string {
  return `${(100 * low).toFixed(1)}-${(100 * high).toFixed(1)} %`;
}

function recoveryCells({ experiments, n, detected, recovered, wilson95 }: Recovery): string[] {
  return [
    String(experiments),
    String(n),
    String(detected),
    String(recovered),
    n === 0 ? "-" : percent(recovered / n),
    n === 0 ? "-" : intervalText(wilson95.manifested),
    detected === 0 ? "-" : percent(recovered / detected),
    detected === 0 ? "-" : intervalText(wilson95.detected),
  ];
}

const RECOVERY_COLUMNS = [
  { head: "experi-\nments", right: true },
  { head: "mani-\nfested", right: true },
  { head: "detec-\nted", right: true },
  { head: "recov-\nered", right: true },
  { head: "of mani-\nfested", right: true },
  { head: "95 %", right: true },
  { head: "of detec-\nted", right: true },
  { head: "95 %", right: true },
];

function outcomeTable(arms: readonly ArmReport[], style: Style): string {
  const used = CLASS_ORDER.filter((name) => arms.some(({ classes }) => (classes[name] ?? 0) > 0));
  return table(
    [
      { head: "class" },
      ...arms.flatMap(({ arm }) => [{ head: arm, right: true }, { head: "", right: true }]),
      ...(arms.length > 2 ? [] : [{ head: "what it means" }]),
    ],
    used.map((name) => [
      paintClass(name, style.paint),
      ...arms.flatMap(({ classes, experiments }) => {
        const count = classes[name] ?? 0;
        return [String(count), experiments === 0 ? "-" : percent(count / experiments)];
      }),
      ...(arms.length > 2 ? [] : [OUTCOMES[name]]),
    ]),
    style,
  );
}

const BAD: ReadonlySet<Outcome> = new Set<Outcome>([
  "crash",
  "isolation-broken",
  "stopped-system",
  "stopped-guest",
  "stopped-task",
  "hang",
  "silent-corruption",
  "corruption-after-recovery",
  "output-repeated",
]);

function paintClass(name: Outcome, paint: Paint): string {
  if (BAD.has(name)) return paint("red", name);
  return name.startsWith("recovered") || name === "repaired" ? paint("green", name) : name;
}

function targetTable(targets: readonly TargetReport[], style: Style): string {
  return table(
    [{ head: "target" }, { head: "faults in\nthe space", right: true }, ...RECOVERY_COLUMNS],
    targets.map((target) => [
      target.target,
      target.population === 0 ? "-" : target.population.toExponential(2),
      ...recoveryCells(target),
    ]),
    style,
  );
}

function spread({ n, median, p95, max }: Quantiles, text: (value: number) => string): string {
  return n === 0 ? "none" : `median ${text(median)}, 95 % ${text(p95)}, most ${text(max)} (n ${n})`;
}

/** The arm has checkpoints. */
export function isProtected({ settings }: CampaignReport, { options }: ArmReport): boolean {
  return (options.backup ?? settings.backup) !== "off";
}

/** What arm ran, in a line. */
export function settingText(report: CampaignReport, arm: ArmReport): string {
  const all = { ...report.settings, ...arm.options } as Record<string, unknown>;
  const keys = Object.keys(all).filter((key) => typeof all[key] !== "object");
  const text = keys.map((key) => `${key} ${all[key]}`).join(", ");
  return `${arm.arm}${text === "" ? "" : `: ${text}`}`;
}

/**
 * Sets the report.
 *
 * @param report The report.
 * @param style Looks and width.
 * @param path Path of the store, for replay commands.
 */
export function reportText(report: CampaignReport, style: Style, path: string): string {
  const { paint } = style;
  const heading = (text: string) => `\n${paint("bold", text)}\n`;
  const lines: string[] = [];
  const complete = report.experiments === report.planned
    ? ""
    : ` of ${report.planned} (go on with --resume)`;
  const rate = report.rate_per_s === 0
    ? ""
    : `, ${report.rate_per_s.toFixed(1)} a second, golden runs included`;
  lines.push(
    `${report.experiments} experiments${complete} of ${duration(report.for_ns)} board time each` +
      `${rate}; ${percent(report.early_stop_share)} ended early`,
    `guests ${report.guests.join(", ")}; seed ${report.seed}; crashes of emulator or monitor: ` +
      `${report.crashes}`,
  );
  lines.push(heading("What became of the faults"), outcomeTable(report.arms, style));
  for (const arm of report.arms) {
    const title = `Errors and recoveries, ${settingText(report, arm)}`;
    lines.push(heading(title), partyTable(arm, style));
    lines.push(
      `time to detection (charged cycles): ${spread(arm.latency_ns, duration)}`,
      `work given up in a recovery (charged cycles): ${spread(arm.lost_ns, duration)}`,
      `cycles of a recovery (charged, not timed): ` +
        spread(arm.recovery_cycles, (value) => String(Math.round(value))),
    );
    const { manifested, unrecovered } = arm.space;
    if (manifested.population > 0) {
      lines.push(
        `of all ${manifested.population.toExponential(2)} faults in the space, ` +
          `${percent(manifested.share)} (${intervalText(manifested)}) manifest and ` +
          `${percent(unrecovered.share)} (${intervalText(unrecovered)}) are not recovered`,
      );
    }
    const detectors = Object.entries(arm.detectors).map(([name, n]) => `${name} ${n}`).join(", ");
    if (detectors !== "") lines.push(`found first by: ${detectors}`);
    lines.push("", targetTable(arm.targets, style));
    if (arm.causes.length > 0 && isProtected(report, arm)) {
      lines.push(heading(`What was not recovered, ${arm.arm}`), causeTable(arm, style));
    }
    if (arm.planted.length > 0) {
      lines.push(heading(`Planted bugs, ${arm.arm}`), plantedTable(arm, style));
    }
  }
  if (report.comparisons.length > 0) {
    lines.push(heading("Arms compared, the same faults in both"), comparisonTable(report, style));
  }
  const worst = report.arms.find(({ arm }) => arm === report.arm)?.worst ?? [];
  if (worst.length > 0) {
    lines.push(heading(`The worst, ${report.arm}`));
    for (const { id, outcome, vm, fault, detail } of worst) {
      lines.push(`  ${paintClass(outcome, paint)}  ${vm} ${fault}  ${paint("dim", detail)}`);
      lines.push(`    understudy inject replay ${path} ${id}`);
    }
  }
  if (report.gates.length > 0) {
    lines.push(heading("Gates"));
    for (const { gate, arm, found, ok } of report.gates) {
      const value = Number.isInteger(found) ? String(found) : found.toFixed(4);
      lines.push(
        `  ${ok ? paint("green", "holds ") : paint("red", "BROKEN")} ${gate} (${arm}: ` +
          `${value})`,
      );
    }
  }
  return `${lines.join("\n").replace(/\n{3,}/g, "\n\n").trim()}\n`;
}

function partyTable(arm: ArmReport, style: Style): string {
  return table(
    [{ head: "struck" }, ...RECOVERY_COLUMNS],
    PARTIES.map((party) => [PARTY_NAMES[party], ...recoveryCells(arm.manifested[party])]),
    style,
  );
}

function causeTable(arm: ArmReport, style: Style): string {
  return table(
    [
      { head: "struck" },
      { head: "detec-\nted", right: true },
      { head: "not", right: true },
      { head: "what happened" },
    ],
    arm.causes.map(({ cause, party, detected, undetected }) => [
      PARTY_NAMES[party],
      detected,
      undetected,
      CAUSES[cause].what,
    ]),
    style,
  );
}

function plantedTable(arm: ArmReport, style: Style): string {
  return table(
    [{ head: "guest" }, { head: "bug" }, { head: "class" }, { head: "detected" }],
    arm.planted.map(({ vm, fault, outcome, detected }) => [
      vm,
      fault,
      paintClass(outcome, style.paint),
      detected ? "yes" : "no",
    ]),
    style,
  );
}

function comparisonTable(report: CampaignReport, style: Style): string {
  return table(
    [
      { head: "arms" },
      { head: "property" },
      { head: "pairs", right: true },
      { head: "only\nfirst", right: true },
      { head: "only\nsecond", right: true },
      { head: "difference", right: true },
      { head: "p (McNemar)", right: true },
    ],
    report.comparisons.map(({ arms, property, n, onlyFirst, onlySecond, difference, p }) => [
      arms.join(" | "),
      property,
      n,
      onlyFirst,
      onlySecond,
      percent(difference),
      p < 0.0001 ? "< 0.0001" : p.toFixed(4),
    ]),
    style,
  );
}
