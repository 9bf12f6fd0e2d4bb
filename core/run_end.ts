/**
 * The state of the guests at the end of a run, and the progress that they made in its last stretch.
 *
 * @module
 */

import type { Lab } from "./lab.ts";
import type { EndState, VmEnd } from "./outcome.ts";
import type { SummaryEvent } from "./trace.ts";

/** Calls made so far: of VMs by name, of tasks by VM and task name. */
export type CallCounts = ReadonlyMap<string, number>;

function taskKey(vm: string, task: string): string {
  return `${vm}/${task}`;
}

/** Calls made so far. */
export function callCounts(lab: Lab): CallCounts {
  return countsOf(lab.summary());
}

function countsOf({ vms }: SummaryEvent): CallCounts {
  const counts = new Map<string, number>();
  for (const { vm, hypercalls, tasks } of vms) {
    counts.set(vm, hypercalls);
    for (const { task, calls } of tasks) counts.set(taskKey(vm, task), calls);
  }
  return counts;
}

/**
 * The state at the end of a run.
 *
 * @param before Calls at the start of the last stretch.
 * @param after Calls of another run, at the end and at a moment at which both runs had come to the same
 * state: what the other made from there on is added.
 */
export function endState(
  lab: Lab,
  before: CallCounts,
  after?: { readonly end: EndState; readonly now: CallCounts; readonly then: CallCounts },
): EndState {
  const summary = lab.summary();
  const counts = countsOf(summary);
  const since = (key: string): number => {
    const more = after === undefined ? 0 : (after.now.get(key) ?? 0) - (after.then.get(key) ?? 0);
    return (counts.get(key) ?? 0) - (before.get(key) ?? 0) + more;
  };
  const vms = new Map<string, VmEnd>();
  for (const { vm, state, tasks } of summary.vms) {
    const other = after?.end.vms.get(vm);
    vms.set(vm, {
      state: other?.state ?? state,
      calls: since(vm),
      tasks: new Map(
        tasks.map(({ task, state }) => [task, {
          state: other?.tasks.get(task)?.state ?? state,
          calls: since(taskKey(vm, task)),
        }]),
      ),
    });
  }
  return { stopped: lab.stopped, vms };
}
