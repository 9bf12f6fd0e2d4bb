/**
 * How far the figures of the timed fidelity move when a cost that is assumed is another.
 *
 * Each assumed cost is set to both ends of its range, the others as they are, and everything is measured
 * again.
 *
 * @module
 */

import { Lab } from "./lab.ts";
import { TIMING, TIMING_NAMES, type TimingName, type TimingOptions } from "./timing_table.ts";

/** A figure, in FCLK cycles unless its name says otherwise. */
export interface Figure {
  /** What it is the figure of. */
  readonly name: string;
  /** The figure. */
  readonly value: number;
}

/** What a figure becomes by one cost. */
export interface SensitivityRow {
  /** The measurement. */
  bench: "sensitivity";
  /** The cost. */
  constant: TimingName;
  /** What it is in the table. */
  from: number;
  /** What it was set to. */
  to: number;
  /** The figure. */
  figure: string;
  /** With the table's cost. */
  before: number;
  /** With the other. */
  after: number;
  /** Change in percent of `before`. */
  percent: number;
}

/** Measures with some costs set otherwise: always the same figures in the same order. */
export type MeasureFigures = (timing: TimingOptions) => Promise<readonly Figure[]>;

/** The costs that are assumed. */
export const ASSUMED: readonly TimingName[] = TIMING_NAMES.filter((name) =>
  TIMING[name].status === "assumed"
);

/** The values, other than its own, that a cost is varied to. */
export function variations(name: TimingName): number[] {
  const { value, range } = TIMING[name];
  return [...new Set(range)].filter((other) => other !== value);
}

/**
 * Varies costs one at a time.
 *
 * @param measure What is measured.
 * @param names The costs; those that are assumed unless given.
 * @param onStep Told after each measurement, of how many.
 * @returns A row for each value of each cost and each figure.
 */
export async function sensitivity(
  measure: MeasureFigures,
  names: readonly TimingName[] = ASSUMED,
  onStep?: (done: number, of: number) => void,
): Promise<SensitivityRow[]> {
  const steps = names.flatMap((name) => variations(name).map((to) => ({ name, to })));
  const rows: SensitivityRow[] = [];
  const before = await measure({});
  let done = 1;
  onStep?.(done, steps.length + 1);
  for (const { name, to } of steps) {
    const after = await measure({ [name]: to });
    before.forEach((figure, i) => {
      const { value } = after[i];
      rows.push({
        bench: "sensitivity",
        constant: name,
        from: TIMING[name].value,
        to,
        figure: figure.name,
        before: figure.value,
        after: value,
        percent: (value - figure.value) * 100 / figure.value,
      });
    });
    onStep?.(++done, steps.length + 1);
  }
  return rows;
}

/** Images of the work that {@linkcode measureWork} does. */
export interface WorkImages {
  /** `compute`. */
  readonly compute: Uint8Array;
  /** `ucos-1`, `ucos-2`, `ucos-3`: the demonstration. */
  readonly demonstration: readonly Uint8Array[];
}

/** Board time in which the work of {@linkcode measureWork} ends. */
const ENOUGH = "100ms";

/**
 * Measures fixed work: what takes the core all its time, and what waits most of it.
 *
 * @param images The guests.
 * @returns Cycles until `compute` has done a round and halted, and the cycles of the first 100 ms of the
 * demonstration in which the core did not wait for an interrupt.
 */
export function measureWork(images: WorkImages): MeasureFigures {
  return async (timing) => {
    const { compute, demonstration } = images;
    const guests = [{ name: "compute", image: compute, arg: "1" }];
    const alone = await Lab.create({ guests, backup: "off", fidelity: "timed", timing });
    const began = alone.board.clock.now;
    while (alone.summary().vms[0].state !== "halted") alone.runAll({ for: "1ms" });
    const three = demonstration.map((image, i) => ({ name: `ucos-${i + 1}`, image }));
    const together = await Lab.create({ guests: three, fidelity: "timed", timing });
    const start = together.board.clock.now - together.board.idleCycles;
    together.runAll({ for: ENOUGH });
    const busy = ({ board }: Lab) => board.clock.now - board.idleCycles;
    return [
      { name: "compute", value: busy(alone) - began },
      { name: "demonstration", value: busy(together) - start },
    ];
  };
}
