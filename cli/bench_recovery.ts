/**
 * `understudy bench recovery`: from the faulting instruction to the first one of the recovered task
 * or guest.
 *
 * @module
 */

import { type BackupStrategy, benchRecovery, type RecoveryPart } from "../mod.ts";
import { recoveryFigure } from "./bench_figures.ts";
import {
  type BenchOptions,
  type BenchSection,
  FIDELITY_NOTES,
  type OnStep,
  timeOf,
} from "./bench_section.ts";
import { switchGuests } from "./bench_switch.ts";

/** What is left out when the whole set is measured. */
const BRIEF = { samples: 3, yields: [8], summed: 16 } as const;

/** Measures. */
export async function measureRecovery(
  options: BenchOptions,
  onStep: OnStep,
): Promise<BenchSection> {
  const { pages, strategies, fidelity } = options;
  const samples = options.samples ?? (options.brief ? BRIEF.samples : undefined);
  const kept = strategies?.filter((s): s is Exclude<BackupStrategy, "off"> => s !== "off");
  const rows = await benchRecovery(await switchGuests(), {
    ...(pages === undefined ? {} : { pages }),
    ...(options.brief ? { yields: BRIEF.yields, summed: BRIEF.summed } : {}),
    ...(kept === undefined ? {} : { strategies: kept }),
    ...(samples === undefined ? {} : { samples }),
    fidelity,
    onStep,
  });
  const totals = rows.filter(({ part }) => part === "total");
  return {
    name: "recovery",
    title: "What a recovery costs",
    rows,
    tables: [{
      title: "From the faulting instruction",
      columns: [
        { head: "unit" },
        { head: "strategy" },
        { head: "checksums" },
        { head: "resume" },
        { head: "pages\nwritten", right: true },
        { head: "pages\nexchanged", right: true },
        { head: "pages\ncopied", right: true },
        { head: "main-\ntenance", right: true },
        { head: "until the\nmonitor leaves", right: true },
        { head: "until it\nruns again", right: true },
        { head: "work\nlost", right: true },
      ],
      rows: totals.map((row) => {
        const of = (part: RecoveryPart) =>
          rows.find((r) =>
            r.part === part && r.unit === row.unit && r.strategy === row.strategy &&
            r.checksums === row.checksums && r.resume === row.resume && r.written === row.written
          )!;
        return [
          row.unit,
          row.strategy,
          row.checksums ? "yes" : "no",
          row.resume,
          row.written,
          row.pages,
          row.copied,
          timeOf(of("maintenance").ns.median),
          timeOf(of("monitor").ns.median),
          timeOf(row.ns.median),
          timeOf(row.lost_ns.median),
        ];
      }),
    }],
    notes: [
      "A task with 256 KB of data, and a guest with 1 MB, write a word in so many pages and then store to an " +
      "address of nobody; medians. With yield a recovered task sits out until its kernel's next tick, a " +
      "recovered guest until the other guest's turn is over. Work lost is the time from where it went " +
      "on with its checkpoint. Maintenance is what TLBs, caches and write buffer take of the recovery.",
      ...[...new Set(rows.map((row) => row.fidelity))].map((f) => FIDELITY_NOTES[f]),
    ],
    figures: [recoveryFigure(rows)],
  };
}
