/**
 * Sets `docs/results.md`: what the shipped campaign came to. Every number comes from the report of the
 * store; nothing is typed in.
 *
 * @module
 */

import { CAUSES } from "../cli/report_causes.ts";
import {
  type ArmReport,
  type CampaignReport,
  CLASS_ORDER,
  CONFIDENCE,
  PARTIES,
  type Recovery,
} from "../cli/report_data.ts";
import { intervalText, isProtected, PARTY_NAMES, percent } from "../cli/report_text.ts";
import { duration } from "../cli/story.ts";
import { OUTCOMES, type Quantiles, wilson } from "../mod.ts";
import { table } from "./vmi_doc.ts";

/** What the page tells besides the report. */
export interface ResultsRun {
  /** The command that makes the page. */
  readonly command: string;
  /** Path of the campaign file, from the repository. */
  readonly campaign: string;
  /** Path of the store. */
  readonly store: string;
  /** Workers of the stretches of work. */
  readonly workers: readonly number[];
  /** The verification; undefined when it was left out. */
  readonly verified: {
    readonly repeated: number;
    readonly mismatches: number;
    readonly seconds: number;
  } | undefined;
}

function share(hits: number, n: number): string {
  if (n === 0) return "-";
  return `${percent(hits / n)} (${intervalText(wilson(hits, n, CONFIDENCE))})`;
}

function recoveryRow(name: string, { experiments, n, detected, recovered }: Recovery): string[] {
  return [
    name,
    `${experiments}`,
    `${n}`,
    `${detected}`,
    `${recovered}`,
    share(recovered, n),
    share(recovered, detected),
  ];
}

const RECOVERY_HEAD = [
  "struck",
  "experiments",
  "manifested",
  "detected",
  "recovered",
  "recovered of manifested (95 %)",
  "recovered of detected (95 %)",
];

function classTable(arms: readonly ArmReport[]): string {
  const used = CLASS_ORDER.filter((name) => arms.some(({ classes }) => (classes[name] ?? 0) > 0));
  return table(
    ["class", ...arms.flatMap(({ arm }) => [arm, "share (95 %)"]), "rule"],
    used.map((name) => [
      `\`${name}\``,
      ...arms.flatMap(({ classes, experiments }) => {
        const count = classes[name] ?? 0;
        return [`${count}`, share(count, experiments)];
      }),
      OUTCOMES[name],
    ]),
  );
}

/** Classes by target: counts, with what manifested. */
function targetTable({ targets }: ArmReport): string {
  return table(
    ["target", "faults in the space", ...RECOVERY_HEAD.slice(1)],
    targets.map((target) => {
      const [name, ...cells] = recoveryRow(`\`${target.target}\``, target);
      const size = target.population === 0 ? "-" : target.population.toExponential(2);
      return [name!, size, ...cells];
    }),
  );
}

function targetClasses({ targets }: ArmReport): string {
  const used = CLASS_ORDER.filter((name) => targets.some(({ classes }) => classes[name]));
  return table(
    ["target", ...used],
    targets.map(({ target, classes }) => [
      `\`${target}\``,
      ...used.map((name) => classes[name] === undefined ? "" : `${classes[name]}`),
    ]),
  );
}

function causeTable(arm: ArmReport): string {
  return table(
    ["cause", "struck", "detected", "not detected", "what happened", "what would move it"],
    arm.causes.map(({ cause, party, detected, undetected }) => [
      `\`${cause}\``,
      PARTY_NAMES[party],
      `${detected}`,
      `${undetected}`,
      CAUSES[cause].what,
      CAUSES[cause].remedy,
    ]),
  );
}

function quantileRow(name: string, q: Quantiles, text: (value: number) => string): string[] {
  if (q.n === 0) return [name, "0", "-", "-", "-", "-"];
  return [name, `${q.n}`, text(q.median), text(q.q3), text(q.p95), text(q.max)];
}

function timeTable(arms: readonly ArmReport[]): string {
  const cycles = (value: number) => `${Math.round(value)}`;
  return table(
    ["arm: figure", "n", "median", "third quartile", "95 %", "most"],
    arms.flatMap((arm) => [
      quantileRow(`${arm.arm}: from the strike to the first error found`, arm.latency_ns, duration),
      quantileRow(`${arm.arm}: work given up in a recovery`, arm.lost_ns, duration),
      quantileRow(`${arm.arm}: cycles charged for a recovery`, arm.recovery_cycles, cycles),
    ]),
  );
}

function spaceTable(arms: readonly ArmReport[]): string {
  return table(
    ["arm", "manifest", "faults", "not recovered", "faults"],
    arms.map(({ arm, space: { manifested, unrecovered } }) => [
      arm,
      `${percent(manifested.share)} (${intervalText(manifested)})`,
      manifested.count.toExponential(2),
      `${percent(unrecovered.share)} (${intervalText(unrecovered)})`,
      unrecovered.count.toExponential(2),
    ]),
  );
}

function gateTable({ gates }: CampaignReport): string {
  return table(
    ["gate", "arm", "found", "holds"],
    gates.map(({ gate, arm, found, ok }) => [
      gate,
      arm,
      Number.isInteger(found) ? `${found}` : found.toFixed(4),
      ok ? "yes" : "**no**",
    ]),
  );
}

function comparisonTable({ comparisons }: CampaignReport): string {
  return table(
    ["first", "second", "property", "pairs", "only first", "only second", "difference", "p"],
    comparisons.map(({ arms, property, n, onlyFirst, onlySecond, difference, p }) => [
      ...arms,
      property,
      `${n}`,
      `${onlyFirst}`,
      `${onlySecond}`,
      percent(difference),
      p < 0.0001 ? "< 0.0001" : p.toFixed(4),
    ]),
  );
}

function settings({ settings }: CampaignReport, { arm, options }: ArmReport): string[] {
  const all = { ...settings, ...options } as Record<string, unknown>;
  const keys = ["backup", "journal", "period", "generations", "checksums", "outputCommit"];
  return [
    arm,
    ...[...keys, "watchdog", "scrub"].map((key) => String(all[key] ?? "-")),
  ];
}

function settingTable(report: CampaignReport): string {
  return table(
    [
      ...["arm", "backup", "journal", "period", "generations", "checksums", "outputCommit"],
      ...["watchdog", "scrub"],
    ],
    report.arms.map((arm) => settings(report, arm)),
  );
}

function plantedTable(arms: readonly ArmReport[]): string {
  return table(
    ["arm", "guest", "bug", "class", "detected"],
    arms.flatMap(({ arm, planted }) =>
      planted.map(({ vm, fault, outcome, detected }) => [
        arm,
        vm,
        `\`${fault}\``,
        `\`${outcome}\``,
        detected ? "yes" : "no",
      ])
    ),
  );
}

function worst(arm: ArmReport, store: string): string {
  return table(
    ["class", "guest", "fault", "what it did", "repeat it"],
    arm.worst.map(({ outcome, vm, fault, detail, id }) => [
      `\`${outcome}\``,
      vm,
      `\`${fault}\``,
      detail,
      `\`inject replay ${store} ${id}\``,
    ]),
  );
}

/** How the gates of a party's recovery came out, in a sentence. */
function verdict(report: CampaignReport, arm: ArmReport): string {
  const part = (party: "task" | "guest") => {
    const { n, detected, recovered, wilson95 } = arm.manifested[party];
    return `of ${n} manifested errors in ${PARTY_NAMES[party]} ${detected} were detected and ` +
      `${recovered} of these recovered, ${share(recovered, detected)}; lower bound ` +
      percent(wilson95.detected.low);
  };
  const broken = report.gates.filter(({ arm: name, ok }) => name === arm.arm && !ok);
  const end = broken.length === 0
    ? "All gates of this arm hold."
    : `Broken gates of this arm: ${broken.map(({ gate }) => gate).join(", ")}.`;
  return `With \`${arm.arm}\`, ${part("task")}; ${part("guest")}. ${end}`;
}

/**
 * The page.
 *
 * @param report The report of the store.
 * @param run How it was made.
 */
export function resultsPage(report: CampaignReport, run: ResultsRun): string {
  const { arms } = report;
  const protectedArms = arms.filter((arm) => isProtected(report, arm));
  const headline = arms.find(({ arm }) => arm === report.arm)!;
  const partial = report.experiments === report.planned
    ? ""
    : ` (of ${report.planned} planned: the run is not complete)`;
  const workers = [...new Set(run.workers)].join(" and ");
  const sections: string[] = [
    "# Results of the shipped campaign",
    `\`${run.command}\` runs [${run.campaign}](../${run.campaign}), repeats a sample from reset, and ` +
    "writes this page; no number in it is typed in. What is counted how, and the rule of each " +
    "class: [campaigns.md](campaigns.md). What the model cannot show: [validity.md](validity.md).",
    "## The run",
    table(["figure", "value"], [
      ["experiments", `${report.experiments}${partial}`],
      ["board time of an experiment", duration(report.for_ns)],
      ["guests", report.guests.join(", ")],
      ["seed", `${report.seed}`],
      ["crashes of emulator or monitor", `${report.crashes}`],
      ...arms.map(({ arm, isolation_broken, isolation_broken_monitor }) => [
        `isolation broken, ${arm}`,
        `${isolation_broken} by faults in tasks and kernels, ${isolation_broken_monitor} by faults ` +
        "in the monitor's records and in the machine",
      ]),
      ["experiments a second, golden runs included", report.rate_per_s.toFixed(1)],
      ["workers", workers === "" ? "-" : workers],
      ["share that ended early", percent(report.early_stop_share)],
      [
        "repeated from reset, without branches, early stops and dormancy",
        run.verified === undefined
          ? "not done"
          : `${run.verified.repeated}, of which ${run.verified.mismatches} came to another class ` +
            "or hash",
      ],
    ]),
    "The arms run the same faults. Their settings:",
    settingTable(report),
    "## In short",
    ...protectedArms.map((arm) => verdict(report, arm)),
    gateTable(report),
    "## What became of the faults",
    "Transient faults only; planted bugs are below. Shares with Wilson intervals at 95 %.",
    classTable(arms),
    "## Recovery, by whom was struck",
    "A fault that never fired is in no row. _Manifested_: an abort, hang, stop or wrong output " +
    "without protection.",
    ...arms.flatMap((arm) => [
      `### ${arm.arm}`,
      table(
        RECOVERY_HEAD,
        PARTIES.map((party) => recoveryRow(PARTY_NAMES[party], arm.manifested[party])),
      ),
    ]),
    "## Recovery, by target",
    ...arms.flatMap((arm) => [
      `### Targets, ${arm.arm}`,
      targetTable(arm),
      "Classes, in experiments:",
      targetClasses(arm),
    ]),
    "## The whole fault space",
    "Targets are strata: each bit and cycle of the window counts the same here, so that large " +
    "targets, whose words are seldom used, weigh most.",
    spaceTable(arms),
    "## Arms compared",
    "The same faults in both, McNemar's exact test. _Manifested_ should not differ: protection " +
    "changes nothing before the first error.",
    comparisonTable(report),
    "## Times",
    "Board time of the `fast` fidelity by charged cycles, a model ([timing.md](timing.md)); not timed.",
    timeTable(protectedArms),
    `First errors found with \`${headline.arm}\`, by what found them: ` +
    `${Object.entries(headline.detectors).map(([name, n]) => `${name} ${n}`).join(", ")}.`,
    "## What was not recovered, and why",
    "Causes exclude each other; the first that holds counts (`cli/report_causes.ts`).",
    ...protectedArms.flatMap((arm) => [`### Causes, ${arm.arm}`, causeTable(arm)]),
    "## Planted bugs",
    "A bug comes back after every rollback: another question, in no share above.",
    plantedTable(arms),
    `## The worst, ${headline.arm}`,
    worst(headline, run.store),
  ];
  return `${sections.filter((text) => text !== "").join("\n\n")}\n`;
}
