/**
 * The guests that are committed, and what `guests/kit/build.sh` builds them from.
 *
 * @module
 */

/**
 * Kinds of guests. `tasks`: kernel and application; `plain`: one piece without tasks; `native` and
 * `bare`: the same for boards without monitor; `monitor`: no guest, but routines of the monitor.
 */
export type GuestKind = "tasks" | "plain" | "native" | "bare" | "monitor";

/** A guest: what it is built from. */
export interface GuestSource {
  /** Name of the guest and of its image. */
  readonly name: string;
  /** What it runs on and how it is made up. */
  readonly kind: GuestKind;
  /** What the guest does, in a line. */
  readonly summary: string;
  /** Options of `build.sh`. */
  readonly options: readonly string[];
  /** Sources under `guests/`, as `build.sh` takes them. */
  readonly sources: readonly string[];
}

/** Guests for the monitor come with the package; those for boards are only committed. */
export function isPublished(guest: { readonly kind: string }): boolean {
  return guest.kind === "tasks" || guest.kind === "plain";
}

/** What comes with the package has a module; the monitor's routines are no guest in it. */
export function hasModule(guest: { readonly kind: string }): boolean {
  return isPublished(guest) || guest.kind === "monitor";
}

/** A guest without tasks. */
function plain(name: string, summary: string, ...sources: string[]): GuestSource {
  return { name, kind: "plain", summary, options: [], sources };
}

/** A guest of kernel and tasks. */
interface Application {
  readonly name: string;
  readonly folder: string;
  readonly summary: string;
  /** Source files of each area, without folder and ending. */
  readonly tasks: readonly string[];
  /** Source files of its own in the kernel's piece. */
  readonly kernel?: readonly string[];
  /** There are planted bugs in it: in the task of this area, and in the kernel. */
  readonly buggy?: number;
}

function application(app: Application, board?: string, argument?: string): GuestSource {
  const sources = app.tasks.map((names) =>
    names.split(" ").map((name) => `${app.folder}/${name}.c`).join(",")
  );
  sources.push(...(app.kernel ?? []).map((name) => `kernel:${app.folder}/${name}.c`));
  const options = ["--app", `${app.folder}/app.def`];
  if (board !== undefined) options.push("--board", board);
  if (argument !== undefined) options.push(`-DBOOT_ARGUMENT="${argument}"`);
  if (app.buggy !== undefined) {
    options.push("-Iworkloads");
    sources[app.buggy] += ",workloads/bug.c";
    sources.push("kernel:workloads/bug_kernel.c", "common:workloads/bug_parse.c");
  }
  return {
    name: board === undefined ? app.name : `${app.name}-${board}`,
    kind: board === undefined ? "tasks" : "native",
    summary: board === undefined ? app.summary : `${app.name} on the bare ${board}.`,
    options,
    sources,
  };
}

const DEMO: readonly Application[] = [
  {
    name: "ucos-1",
    folder: "demo/ucos-1",
    summary: "Two healthy tasks that count and look for primes.",
    tasks: ["worker", "primes"],
  },
  {
    name: "ucos-2",
    folder: "demo/ucos-2",
    summary: "A sensor hands samples to a filter by a semaphore.",
    tasks: ["sensor", "filter"],
  },
  {
    name: "ucos-3",
    folder: "demo/ucos-3",
    summary: "A healthy task, and one that writes into its kernel.",
    tasks: ["heartbeat", "saboteur"],
    buggy: 1,
  },
];

const NUMERIC: Application = {
  name: "numeric",
  folder: "workloads/numeric",
  summary: "Matrices, sorting and a transform, each checked.",
  tasks: ["matrix", "sorter", "fft"],
  buggy: 0,
};

/** Workloads that need nothing but their own VM, so that they run on a bare board too. */
const ALONE: readonly Application[] = [
  {
    name: "pid",
    folder: "workloads/pid",
    summary: "A controller and the plant that it controls.",
    tasks: ["plant", "controller"],
    buggy: 1,
  },
  {
    name: "pipeline",
    folder: "workloads/pipeline",
    summary: "Blocks go from a producer through a stage to a consumer.",
    tasks: ["producer", "stage", "consumer"],
    buggy: 1,
  },
  NUMERIC,
  {
    name: "logger",
    folder: "workloads/logger",
    summary: "Numbered lines.",
    tasks: ["logger"],
    buggy: 0,
  },
];

const TOGETHER: readonly Application[] = [
  {
    name: "server",
    folder: "workloads/server",
    summary: "Answers messages of other VMs.",
    tasks: ["server"],
    buggy: 0,
  },
  {
    name: "client",
    folder: "workloads/client",
    summary: "Asks the server in VM `to` and checks its answers.",
    tasks: ["client"],
    buggy: 0,
  },
];

/** Tasks in a ring, each in an area of its own, all with one source. */
const RELAY: Application = {
  name: "relay",
  folder: "relay",
  summary: "Up to 16 tasks that hand a turn round, for measuring switches.",
  tasks: new Array<string>(16).fill("relay"),
};

const CONFORMANCE: Application = {
  name: "conformance",
  folder: "conformance",
  summary: "Tries every call of the kernel and counts what passes.",
  tasks: [
    "conformance test_task test_time test_sem test_mutex test_flag test_mbox test_q test_mem " +
    "test_misc test_isr",
    "helper_low",
    "helper_high",
  ],
  kernel: ["hooks"],
};

/** The compute guest on a machine of QEMU. */
function bareCompute(machine: string, address: string): GuestSource {
  return {
    name: `compute-${machine}`,
    kind: "bare",
    summary: `The compute guest for qemu-system-arm -M ${machine}.`,
    options: ["--at", address],
    sources: ["bare_start.S", "bare.c", "compute.c", "work.c"].map((file) => `compute/${file}`),
  };
}

/** All guests, in the order of `guestNames`. */
export const GUESTS: readonly GuestSource[] = [
  plain(
    "vm0",
    "VM0: creates and starts the other VMs, tells what becomes of them, and has a shell.",
    "vm0/vm0.c",
    "vm0/shell.c",
  ),
  ...DEMO.map((app) => application(app)),
  plain(
    "compute",
    "Sorts, multiplies, copies and recurses for a number of rounds, then halts.",
    "compute/main.c",
    "compute/compute.c",
    "compute/work.c",
  ),
  ...[...ALONE, ...TOGETHER].map((app) => application(app)),
  plain(
    "opmix",
    "A benchmark of records, strings, calls and branches; tells its time and halts.",
    "workloads/opmix/opmix.c",
  ),
  plain(
    "sweep",
    "Writes to as many pages as its boot argument says, round after round.",
    "sweep/sweep.c",
  ),
  {
    name: "foreign",
    kind: "tasks",
    summary: "Three tasks under a kernel that schedules them by itself.",
    options: ["--foreign", "--app", "foreign/app.def"],
    sources: [
      ...["ping", "pong", "rude"].map((task) => `foreign/${task}.c`),
      ...["vectors.S", "kernel.c"].map((file) => `kernel:foreign/${file}`),
    ],
  },
  application(RELAY),
  application(CONFORMANCE),
  application(CONFORMANCE, "s3c2440"),
  application(CONFORMANCE, "versatilepb"),
  ...ALONE.map((app) => application(app, "s3c2440")),
  application(RELAY, "s3c2440"),
  application(NUMERIC, "versatilepb", "every=1"),
  bareCompute("versatilepb", "0x00010000"),
  bareCompute("sx1", "0x10010000"),
  {
    name: "monitor",
    kind: "monitor",
    summary: "The monitor's hand-written routines, for its calibration.",
    options: ["--monitor"],
    sources: ["monitor/monitor.S"],
  },
  {
    name: "compute-rp2040",
    kind: "bare",
    summary: "The compute guest for rp2040js, a Cortex-M0+.",
    options: ["--at", "0x20000000", "--thumb"],
    sources: ["bare_thumb.S", "bare.c", "compute.c", "work.c"].map((file) => `compute/${file}`),
  },
];
