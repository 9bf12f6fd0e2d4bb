/**
 * What became of a fault: classes that exclude each other, and the rule of each.
 *
 * The rules are tried in the order of {@linkcode OUTCOMES}; the first that holds names the class. They
 * look at the run without the fault (golden) and the run with it, over the same board time.
 *
 * @module
 */

import type { KeptEvent, Observation, OutputLine } from "./observe.ts";
import type { FaultEvent, RecoveryEvent } from "./trace.ts";

/** What became of a fault. */
export type Outcome = keyof typeof OUTCOMES;

/** The classes in the order in which they are tried, with the rule of each. */
export const OUTCOMES = {
  "crash": "emulator or monitor failed on the host: a defect of this program",
  "not-activated": "the fault did not strike, or found nothing to change",
  "isolation-broken":
    "another guest printed or called something else, made errors, ended, or hangs",
  "stopped-system": "the monitor stopped the system",
  "stopped-guest": "the struck guest has ended or was stopped",
  "stopped-task": "a task of the struck guest has ended or was stopped",
  "hang": "at the end the struck task or its guest makes no progress",
  "silent-corruption": "wrong or missing output before any recovery, or without one",
  "restarted": "a task or the guest was restarted from its image",
  "corruption-after-recovery": "wrong or missing output after a recovery",
  "output-repeated": "after a recovery, output that was there already came again; otherwise right",
  "recovered-older": "rolled back to a generation before the newest; all output is right",
  "recovered-guest": "the guest was rolled back; all output is right",
  "recovered-task": "the task was rolled back; all output is right",
  "recovered-skip": "the failing instruction was skipped; all output is right",
  "repaired": "a damaged table was found and rebuilt from the records; all output is right",
  "output-late": "no recovery; all output is right, but some of it came late",
  "latent": "all output is right, but the guest's state at the end is not that without the fault",
  "masked": "nothing came of it",
} as const;

/** Classes in which output is right and everybody goes on after a detected error. */
export const RECOVERED: ReadonlySet<Outcome> = new Set<Outcome>([
  "recovered-older",
  "recovered-guest",
  "recovered-task",
  "recovered-skip",
]);

/** Classes that are failures whether or not anything was detected. */
const FAILURES: ReadonlySet<Outcome> = new Set<Outcome>([
  "isolation-broken",
  "stopped-system",
  "stopped-guest",
  "stopped-task",
  "hang",
  "silent-corruption",
  "corruption-after-recovery",
  "output-repeated",
]);

/** State of the guests at the end of a run. */
export interface EndState {
  /** The monitor stopped the system. */
  readonly stopped: boolean;
  /** By VM name. */
  readonly vms: ReadonlyMap<string, VmEnd>;
}

/** State of a VM at the end of a run. */
export interface VmEnd {
  /** State of the VM (VM_STATE_NAMES). */
  readonly state: string;
  /** Hypercalls since the start of the last stretch of the run. */
  readonly calls: number;
  /** By task name. */
  readonly tasks: ReadonlyMap<string, { readonly state: string; readonly calls: number }>;
}

/** How output is held against that of the run without the fault. */
export interface OutputRules {
  /** A line may be later by so much, ns; the last lines may be missing for so long. */
  readonly late: number;
  /** Parts of lines that are not compared. */
  readonly ignore: readonly RegExp[];
  /** Lines that are wrong whatever the other run printed. */
  readonly wrong: readonly RegExp[];
  /** False: lines are right unless they are `wrong` ones; how many there are does not matter. */
  readonly golden: boolean;
}

/** Rules for which nothing was asked. */
export const DEFAULT_OUTPUT: OutputRules = {
  late: 100_000_000,
  ignore: [],
  wrong: [],
  golden: true,
};

/** What a stream of lines came to. */
export interface OutputVerdict {
  /** Board time of the first wrong or missing line, ns; Infinity when there is none. */
  readonly wrongAt: number;
  /** Lines that came again. */
  readonly repeated: number;
  /** Most by which a line was late, ns. */
  readonly late: number;
}

const RIGHT: OutputVerdict = { wrongAt: Infinity, repeated: 0, late: 0 };

/** Judges the output of the struck guest; a user's module can give another one. */
export type OutputJudge = (
  golden: ReadonlyMap<string, readonly OutputLine[]>,
  faulty: ReadonlyMap<string, readonly OutputLine[]>,
  run: { readonly end: number; readonly recoveredAt: number },
) => OutputVerdict;

/** Lines that may come again after a recovery. */
const REPEATED_MAX = 256;

/** Judges by rules. */
export function judgeBy(rules: OutputRules): OutputJudge {
  const clean = (text: string) => rules.ignore.reduce((t, part) => t.replace(part, ""), text);
  return (golden, faulty, { end, recoveredAt }) => {
    let verdict = RIGHT;
    for (const [task, lines] of golden) {
      const stream = faulty.get(task) ?? [];
      verdict = worse(
        verdict,
        rules.golden ? compareStream(lines, stream, rules.late, end, recoveredAt, clean) : RIGHT,
      );
    }
    for (const [task, lines] of faulty) {
      const bad = lines.find(({ text }) => rules.wrong.some((part) => part.test(text)));
      const more = rules.golden && !golden.has(task) ? lines[0] : undefined;
      const wrongAt = Math.min(bad?.t ?? Infinity, more?.t ?? Infinity);
      verdict = worse(verdict, { ...RIGHT, wrongAt });
    }
    return verdict;
  };
}

function worse(a: OutputVerdict, b: OutputVerdict): OutputVerdict {
  return {
    wrongAt: Math.min(a.wrongAt, b.wrongAt),
    repeated: a.repeated + b.repeated,
    late: Math.max(a.late, b.late),
  };
}

/** Compares one stream line by line; after a recovery it may go back and come again. */
function compareStream(
  golden: readonly OutputLine[],
  faulty: readonly OutputLine[],
  slack: number,
  end: number,
  recoveredAt: number,
  clean: (text: string) => string,
): OutputVerdict {
  let next = 0;
  let repeated = 0;
  let late = 0;
  for (const line of faulty) {
    const text = clean(line.text);
    if (next < golden.length && clean(golden[next].text) === text) {
      late = Math.max(late, line.t - golden[next].t);
      next++;
      continue;
    }
    const again = line.t >= recoveredAt ? findBefore(golden, next, text, clean) : -1;
    if (again < 0) {
      // Past the end of what is known of the other run there is nothing to hold it against.
      if (next === golden.length) break;
      return { wrongAt: line.t, repeated, late };
    }
    repeated++;
    next = again + 1;
  }
  const missing = golden[next];
  const wrongAt = missing !== undefined && missing.t <= end - slack ? missing.t : Infinity;
  return { wrongAt, repeated, late };
}

function findBefore(
  golden: readonly OutputLine[],
  next: number,
  text: string,
  clean: (text: string) => string,
): number {
  for (let i = next - 1; i >= Math.max(0, next - REPEATED_MAX); i--) {
    if (clean(golden[i].text) === text) return i;
  }
  return -1;
}

/** What an experiment is judged by. */
export interface Evidence {
  /** Name of the struck guest. */
  readonly vm: string;
  /** The fault struck. */
  readonly fired: boolean;
  /** It changed something. */
  readonly changed: boolean;
  /** Board time of the strike, ns. */
  readonly struckAt: number;
  /** Board time of the end, ns. */
  readonly end: number;
  /** The run without the fault; its lines may go on past the end. */
  readonly golden: { readonly observed: Observation; readonly end: EndState };
  /** The run with it. */
  readonly faulty: { readonly observed: Observation; readonly end: EndState };
  /** Output that is later by more is late, ns; the last output may be missing for so long. */
  readonly lateness: number;
  /** At the end memory or registers of guests are not those of the run without the fault. */
  readonly differs: boolean;
}

/** What an experiment came to. */
export interface Judgement {
  /** Class. */
  readonly outcome: Outcome;
  /** An error was found: an exception, a watchdog, a damaged table. */
  readonly detected: boolean;
  /** Without protection it would have been an abort, a hang, a stop or wrong output. */
  readonly manifested: boolean;
  /** At the end the struck task and its guest make progress, and the output is right. */
  readonly recovered: boolean;
  /** Nanoseconds from the strike to the first error found, -1: none was. */
  readonly latency: number;
  /** Kind of the first error found, `""`: none was. */
  readonly detector: string;
  /** Nanoseconds of work given up by rollbacks. */
  readonly lost: number;
  /** Cycles charged for recoveries. */
  readonly cycles: number;
  /** Recovery actions in their order. */
  readonly actions: readonly string[];
  /** Lines that came again. */
  readonly repeated: number;
  /** Most by which a line was late, ns. */
  readonly late: number;
}

/**
 * Judges an experiment.
 *
 * *Manifested* is read from the protected run itself: until the first error is found, protection
 * changes nothing that a guest computes or sees, so up to there it is the unprotected run; what is
 * found there is an abort of the unprotected system. Damaged tables that only the scrubber found do not
 * count, as nobody was harmed; one that an access met does.
 */
export function judge(evidence: Evidence, output: OutputJudge): Judgement {
  const { vm, golden, faulty, end } = evidence;
  const errors = newEvents(evidence, "fault") as FaultEvent[];
  const recoveries = newEvents(evidence, "recovery") as RecoveryEvent[];
  const verdict = output(
    golden.observed.vms.get(vm)?.lines ?? new Map(),
    faulty.observed.vms.get(vm)?.lines ?? new Map(),
    { end, recoveredAt: recoveries[0]?.t ?? Infinity },
  );
  const outcome = classify(evidence, recoveries, errors, verdict);
  const first = errors[0];
  const harmful = errors.some(({ kind, pc }) => kind !== "table-damaged" || Number(pc) !== 0);
  const struck = outcome !== "not-activated" && outcome !== "crash";
  return {
    outcome,
    detected: struck && first !== undefined,
    manifested: struck && (harmful || FAILURES.has(outcome) || outcome === "restarted"),
    recovered: RECOVERED.has(outcome) || outcome === "repaired" && harmful,
    latency: first === undefined ? -1 : Math.max(0, first.t - evidence.struckAt),
    detector: first?.kind ?? "",
    lost: recoveries.reduce((sum, { lost }) => sum + Math.max(0, lost), 0),
    cycles: recoveries.reduce((sum, { cycles }) => sum + cycles, 0),
    actions: recoveries.map(({ action, generation }) =>
      generation > 0 ? `${action} -${generation}` : action
    ),
    repeated: verdict.repeated,
    late: Math.max(0, verdict.late),
  };
}

/** Errors or recoveries of the struck guest and the monitor that the run without the fault has not. */
function newEvents(
  { vm, golden, faulty }: Evidence,
  type: "fault" | "recovery",
): KeptEvent[] {
  const mine = (event: KeptEvent) => event.type === type && (event.vm === vm || event.vm === "vmm");
  return surplus(golden.observed.events.filter(mine), faulty.observed.events.filter(mine));
}

/** What happened, without when. */
function essence(event: KeptEvent): string {
  switch (event.type) {
    case "fault":
      return `fault ${event.vm} ${event.task ?? ""} ${event.kind} ${event.pc}`;
    case "recovery":
      return `recovery ${event.vm} ${event.task ?? ""} ${event.action} ${event.generation}`;
    case "vm":
      return `vm ${event.vm} ${event.state}`;
    case "unprotected":
      return `unprotected ${event.vm} ${event.task ?? ""}`;
    default:
      return event.type;
  }
}

/** The events of `faulty` that `golden` does not have, in their order. */
function surplus(golden: readonly KeptEvent[], faulty: readonly KeptEvent[]): KeptEvent[] {
  const left = new Map<string, number>();
  for (const event of golden) left.set(essence(event), (left.get(essence(event)) ?? 0) + 1);
  return faulty.filter((event) => {
    const count = left.get(essence(event)) ?? 0;
    left.set(essence(event), count - 1);
    return count <= 0;
  });
}

function classify(
  evidence: Evidence,
  recoveries: readonly RecoveryEvent[],
  errors: readonly FaultEvent[],
  verdict: OutputVerdict,
): Outcome {
  if (!evidence.fired || !evidence.changed) return "not-activated";
  if (!isolated(evidence)) return "isolation-broken";
  if (evidence.faulty.end.stopped && !evidence.golden.end.stopped) return "stopped-system";
  const { vm, golden, faulty } = evidence;
  const stopped = stoppedPart(vm, golden.end, faulty.end);
  if (stopped !== undefined) return stopped;
  if (hangs(vm, golden.end, faulty.end)) return "hang";
  const recoveredAt = recoveries[0]?.t ?? Infinity;
  if (verdict.wrongAt < recoveredAt) return "silent-corruption";
  const actions = new Set(recoveries.map(({ action }) => action));
  if (actions.has("restart-task") || actions.has("restart-guest")) return "restarted";
  if (verdict.wrongAt < Infinity) return "corruption-after-recovery";
  if (verdict.repeated > 0) return "output-repeated";
  if (recoveries.some(({ generation }) => generation > 0)) return "recovered-older";
  if (actions.has("swap-guest")) return "recovered-guest";
  if (actions.has("swap-task")) return "recovered-task";
  if (actions.has("skip")) return "recovered-skip";
  if (errors.some(({ kind }) => kind === "table-damaged")) return "repaired";
  if (verdict.late > evidence.lateness) return "output-late";
  return evidence.differs ? "latent" : "masked";
}

/** Guests whose output is no workload: VM0 tells of what becomes of the others. */
const MANAGER = "vm0";

/**
 * True when nothing of the fault reached another guest: what it printed and called is what it prints
 * and calls without the fault, as far as it came, it made no errors of its own, and it goes on. That it
 * came less far, because the struck guest took time from it, is no break.
 */
function isolated({ vm, golden, faulty }: Evidence): boolean {
  const happened = (event: KeptEvent) =>
    "vm" in event && event.vm !== vm && event.vm !== "vmm" &&
    (event.type !== "vm" || event.vm !== MANAGER);
  const before = golden.observed.events.filter(happened);
  if (surplus(before, faulty.observed.events.filter(happened)).length > 0) return false;
  for (const name of new Set([...golden.observed.vms.keys(), ...faulty.observed.vms.keys()])) {
    if (name === vm || name === MANAGER) continue;
    const one = golden.observed.vms.get(name);
    const other = faulty.observed.vms.get(name);
    if (!sameStart(one?.calls ?? [], other?.calls ?? [])) return false;
    const tasks = new Set([...one?.lines.keys() ?? [], ...other?.lines.keys() ?? []]);
    for (const task of tasks) {
      if (!sameStart(one?.lines.get(task) ?? [], other?.lines.get(task) ?? [])) return false;
    }
  }
  if (faulty.end.stopped) return true;
  return [...golden.end.vms.keys()].every((name) =>
    name === vm || name === MANAGER ||
    (stoppedPart(name, golden.end, faulty.end) === undefined &&
      !hangs(name, golden.end, faulty.end))
  );
}

/** The shorter of two lists begins the longer, whatever the times. */
function sameStart(a: readonly OutputLine[], b: readonly OutputLine[]): boolean {
  const n = Math.min(a.length, b.length);
  for (let i = 0; i < n; i++) if (a[i].text !== b[i].text) return false;
  return true;
}

const ENDED: ReadonlySet<string> = new Set(["none", "stopped", "failed", "halted"]);
const TASK_ENDED: ReadonlySet<string> = new Set(["stopped", "absent"]);

/** What of a guest has ended that goes on without the fault. */
function stoppedPart(vm: string, golden: EndState, faulty: EndState): Outcome | undefined {
  const before = golden.vms.get(vm);
  const now = faulty.vms.get(vm);
  if (before === undefined || ENDED.has(before.state)) return undefined;
  if (now === undefined || ENDED.has(now.state)) return "stopped-guest";
  for (const [task, { state }] of before.tasks) {
    const after = now.tasks.get(task)?.state ?? "absent";
    if (TASK_ENDED.has(after) && !TASK_ENDED.has(state)) return "stopped-task";
  }
  return undefined;
}

/** A task, or a guest without tasks, called in the last stretch without the fault and not with it. */
function hangs(vm: string, golden: EndState, faulty: EndState): boolean {
  const before = golden.vms.get(vm);
  const now = faulty.vms.get(vm);
  if (before === undefined || now === undefined || ENDED.has(before.state)) return false;
  if (before.tasks.size === 0) return before.calls > 0 && now.calls === 0;
  for (const [task, { calls }] of before.tasks) {
    if (calls > 0 && (now.tasks.get(task)?.calls ?? 0) === 0) return true;
  }
  return false;
}
