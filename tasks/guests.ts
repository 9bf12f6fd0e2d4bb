/**
 * `deno task guests`: compiles the guests and writes what is committed of them: the ELF images, a
 * module for each, and `guests/images/manifest.json`.
 *
 * With `--check` everything is built in a temporary folder and compared byte for byte. `--out DIR`
 * builds into another folder; names after the options build those guests only, and then only the
 * ELF images are written.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";

/** Kinds of guests. */
export type GuestKind = "tasks" | "native" | "plain" | "bare";

/** One guest: what it is compiled from. */
export interface GuestSource {
  /** Name of the guest and of its image. */
  readonly name: string;
  /**
   * `tasks`: the kernel and an application; `native`: the same for a board without monitor; `plain`:
   * one piece; `bare`: the same for a board without monitor.
   */
  readonly kind: GuestKind;
  /** What the guest does, in a line. */
  readonly summary: string;
  /** Objects: name of the object, source file under `guests/`. The name's first part is its piece. */
  readonly objects: Readonly<Record<string, string>>;
  /** The application's list, for `tasks`. */
  readonly app?: string;
  /** Further arguments of the compiler. */
  readonly flags?: readonly string[];
}

const KERNEL: Readonly<Record<string, string>> = {
  kernel_os_core: "kernel/os_core.c",
  kernel_os_event: "kernel/os_event.c",
  kernel_os_task: "kernel/os_task.c",
  kernel_os_time: "kernel/os_time.c",
  kernel_os_sem: "kernel/os_sem.c",
  kernel_os_mutex: "kernel/os_mutex.c",
  kernel_os_flag: "kernel/os_flag.c",
  kernel_os_mbox: "kernel/os_mbox.c",
  kernel_os_q: "kernel/os_q.c",
  kernel_os_mem: "kernel/os_mem.c",
  kernel_os_undo: "kernel/os_undo.c",
  kernel_os_vm: "kernel/os_vm.c",
  kernel_os_stat: "kernel/os_stat.c",
  kernel_os_hooks: "kernel/os_hooks.c",
  kernel_os_console: "kernel/os_console.c",
  kernel_os_app: "kernel/os_app.c",
  common_os_api: "common/os_api.c",
  common_os_printf: "common/os_printf.c",
  common_format: "common/format.c",
  common_string: "common/string.c",
};

/** The machine under the kernel: the monitor, or a board. */
const PORTS = {
  virtual: {
    kernel_vectors: "kernel/virtual/vectors.S",
    kernel_undo: "kernel/virtual/undo.c",
    manifest: "kit/manifest.S",
  },
  s3c2440: {
    kernel_vectors: "kernel/native/vectors.S",
    kernel_port: "kernel/native/port_native.c",
    kernel_memory: "kernel/native/s3c2440_memory.S",
    kernel_board: "kernel/native/s3c2440.c",
  },
  versatilepb: {
    kernel_vectors: "kernel/native/vectors.S",
    kernel_port: "kernel/native/port_native.c",
    kernel_board: "kernel/native/versatilepb.c",
  },
} as const;

const PLAIN: Readonly<Record<string, string>> = {
  start: "kit/plain_start.S",
  plain: "kit/plain.c",
  format: "common/format.c",
  string: "common/string.c",
};

/**
 * A guest of kernel and tasks.
 *
 * @param tasks Source files in the order of their areas; several of one area in a list.
 */
function application(
  name: string,
  folder: string,
  summary: string,
  tasks: readonly (string | readonly string[])[],
  port: keyof typeof PORTS = "virtual",
): GuestSource {
  const objects: Record<string, string> = { ...KERNEL, ...PORTS[port] };
  [...tasks, "../kernel/os_idle"].forEach((sources, area) => {
    for (const source of [sources].flat()) {
      const file = source.startsWith("../") ? source.slice(3) : `${folder}/${source}`;
      objects[`task${area}_${file.replace(/^.*\//, "")}`] = `${file}.c`;
    }
  });
  const guest = { name, summary, objects, app: `${folder}/app.def` };
  if (port === "virtual") return { ...guest, kind: "tasks" };
  const ram = port === "s3c2440" ? "0x30000000" : "0x02000000";
  return { ...guest, kind: "native", flags: ["-DOS_NATIVE", `-DRAM=${ram}`] };
}

/** The planted bugs of a task, beside its source. */
const BUG = "../workloads/bug";

/** An application in which there are planted bugs, of its kernel too. */
function buggy(
  name: string,
  folder: string,
  summary: string,
  tasks: readonly (string | readonly string[])[],
  port?: keyof typeof PORTS,
): GuestSource {
  const guest = application(name, folder, summary, tasks, port);
  const objects = {
    ...guest.objects,
    kernel_bug: "workloads/bug_kernel.c",
    common_bug: "workloads/bug_parse.c",
  };
  return { ...guest, objects, flags: [...(guest.flags ?? []), "-Iworkloads"] };
}

/** Workloads that need nothing but their own VM, so that they run on a bare board too. */
const WORKLOADS: readonly [
  name: string,
  summary: string,
  tasks: readonly (string | readonly string[])[],
][] = [
  ["pid", "A controller and the plant that it controls.", ["plant", ["controller", BUG]]],
  ["pipeline", "Blocks go from a producer through a stage to a consumer.", [
    "producer",
    ["stage", BUG],
    "consumer",
  ]],
  ["numeric", "Matrices, sorting and a transform, each checked.", [
    ["matrix", BUG],
    "sorter",
    "fft",
  ]],
  ["logger", "Numbered lines.", [["logger", BUG]]],
];

function conformance(name: string, port: keyof typeof PORTS): GuestSource {
  const tests = ["task", "time", "sem", "mutex", "flag", "mbox", "q", "mem", "misc"];
  return application(
    name,
    "conformance",
    port === "virtual"
      ? "Tries every call of the kernel and counts what passes."
      : `The conformance program on the bare ${port}.`,
    [["conformance", ...tests.map((t) => `test_${t}`)], "helper_low", "helper_high"],
    port,
  );
}

const COMPUTE = { compute: "compute/compute.c", work: "compute/work.c" };
const BARE = {
  ...COMPUTE,
  bare_start: "compute/bare.S",
  bare: "compute/bare.c",
  format: "common/format.c",
  string: "common/string.c",
};

/** All guests, in the order of `guestNames`. */
export const GUESTS: readonly GuestSource[] = [
  {
    name: "vm0",
    kind: "plain",
    summary: "VM0: creates and starts the other VMs, tells what becomes of them, and has a shell.",
    objects: { ...PLAIN, vm0: "vm0/vm0.c", shell: "vm0/shell.c" },
  },
  application("ucos-1", "demo/ucos-1", "Two healthy tasks that count and look for primes.", [
    "worker",
    "primes",
  ]),
  application("ucos-2", "demo/ucos-2", "A sensor hands samples to a filter by a semaphore.", [
    "sensor",
    "filter",
  ]),
  buggy("ucos-3", "demo/ucos-3", "A healthy task, and one that writes into its kernel.", [
    "heartbeat",
    ["saboteur", BUG],
  ]),
  {
    name: "compute",
    kind: "plain",
    summary: "Sorts, multiplies, copies and recurses for a number of rounds, then halts.",
    objects: { ...PLAIN, ...COMPUTE, main: "compute/main.c" },
  },
  ...WORKLOADS.map(([name, summary, tasks]) => buggy(name, `workloads/${name}`, summary, tasks)),
  buggy("server", "workloads/server", "Answers messages of other VMs.", [["server", BUG]]),
  buggy("client", "workloads/client", "Asks the server in VM `to` and checks its answers.", [
    ["client", BUG],
  ]),
  {
    name: "opmix",
    kind: "plain",
    summary: "A benchmark of records, strings, calls and branches; tells its time and halts.",
    objects: { ...PLAIN, opmix: "workloads/opmix/opmix.c" },
  },
  {
    name: "sweep",
    kind: "plain",
    summary: "Writes to as many pages as its boot argument says, round after round.",
    objects: { ...PLAIN, sweep: "sweep/sweep.c" },
  },
  conformance("conformance", "virtual"),
  conformance("conformance-s3c2440", "s3c2440"),
  conformance("conformance-versatilepb", "versatilepb"),
  ...WORKLOADS.map(([name, summary, tasks]) =>
    buggy(`${name}-s3c2440`, `workloads/${name}`, `${summary} On the bare board.`, tasks, "s3c2440")
  ),
  {
    name: "compute-versatilepb",
    kind: "bare",
    summary: "The compute guest for `qemu-system-arm -M versatilepb`.",
    objects: BARE,
    flags: ["-DLOAD_AT=0x00010000"],
  },
  {
    name: "compute-sx1",
    kind: "bare",
    summary: "The compute guest for `qemu-system-arm -M sx1`.",
    objects: BARE,
    flags: ["-DLOAD_AT=0x10010000"],
  },
];

const CC = "arm-none-eabi-gcc";
const FLAGS: readonly string[] = [
  "-mcpu=arm920t",
  "-marm",
  "-Os",
  "-std=gnu11",
  "-ffreestanding",
  "-fno-common",
  "-ffunction-sections",
  "-fdata-sections",
  "-fno-tree-loop-distribute-patterns",
  // The board's ABI has 32-bit numbers as long; as int they fit %u and %d.
  "-U__UINT32_TYPE__",
  "-D__UINT32_TYPE__=unsigned int",
  "-U__INT32_TYPE__",
  "-D__INT32_TYPE__=int",
  "-Wall",
  "-Wextra",
  "-Werror",
  // Handlers of kernel calls and hooks have one signature each.
  "-Wno-unused-parameter",
  "-Iinclude",
  "-Ikernel",
  "-Icommon",
  "-Ikit",
];
const LINK: readonly string[] = [
  "-nostdlib",
  "-static",
  "-Wl,-n",
  "-Wl,--build-id=none",
  "-Wl,--gc-sections",
  "-Wl,--fatal-warnings",
  "-Wl,--orphan-handling=error",
];
const SCRIPTS: Readonly<Record<GuestKind, string>> = {
  tasks: "kit/tasks.ld",
  native: "kit/native.ld",
  plain: "kit/plain.ld",
  bare: "kit/plain.ld",
};
/** Images larger than this are refused. */
const LIMIT = 64 * 1024;

const ROOT = new URL("../guests/", import.meta.url);
const IMAGES = new URL("images/", ROOT);
const TEMPORARY = new URL("../.tmp/", import.meta.url);

/** `guests/images/manifest.json`. */
export interface ImagesManifest {
  /** First line of the compiler's `--version`. */
  compiler: string;
  /** First line of the linker's `--version`. */
  linker: string;
  /** Arguments of the compiler. */
  flags: string[];
  /** Arguments of the linker. */
  link: string[];
  /** The images by name. */
  images: Record<string, {
    file: string;
    kind: string;
    bytes: number;
    sha256: string;
    flags: string[];
    sources: string[];
  }>;
  /** SHA-256 of every source. */
  sources: Record<string, string>;
}

function sha256(bytes: Uint8Array | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}

async function run(command: string, args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args, cwd: ROOT }).output();
  if (!success) {
    throw new Error(`${command} ${args.join(" ")}\n${new TextDecoder().decode(stderr)}`);
  }
  return new TextDecoder().decode(stdout);
}

async function firstLine(command: string): Promise<string> {
  return (await run(command, ["--version"])).split("\n")[0];
}

/** Files that a rule written by `-MMD` names, without the target. */
function dependencies(rule: string): string[] {
  return rule.replace(/^[^:]*:/, "").replaceAll("\\\n", " ").trim().split(/\s+/)
    .filter((file) => !file.startsWith("/"));
}

/** Compiles and links one guest; the image and the files it came from. */
async function build(
  guest: GuestSource,
  folder: string,
): Promise<{ elf: Uint8Array; sources: string[] }> {
  const at = `${folder}/${guest.name}`;
  await Deno.mkdir(at, { recursive: true });
  const flags = [...FLAGS, ...(guest.flags ?? [])];
  if (guest.app !== undefined) flags.push(`-DAPP_DEF="${guest.app}"`, "-I.");
  const sources = new Set<string>();
  const compile = async (name: string, args: string[], output: string) => {
    const rule = `${at}/${name}.d`;
    await run(CC, [...flags, "-MMD", "-MF", rule, ...args, "-o", output]);
    for (const file of dependencies(await Deno.readTextFile(rule))) sources.add(file);
  };
  const objects: string[] = [];
  for (const [name, file] of Object.entries(guest.objects)) {
    objects.push(`${name}.o`);
    await compile(name, ["-c", file], `${at}/${name}.o`);
  }
  const script = SCRIPTS[guest.kind];
  await compile("script", ["-E", "-P", "-x", "assembler-with-cpp", script], `${at}/script.ld`);
  // Objects are named to the linker without a folder: the image must not depend on where it is built.
  const libgcc = (await run(CC, [...FLAGS, "-print-libgcc-file-name"])).trim();
  const { success, stderr } = await new Deno.Command(CC, {
    args: [
      ...["-mcpu=arm920t", "-marm", ...LINK, "-Wl,-T,script.ld"],
      ...[...objects, libgcc, "-o", "image.elf"],
    ],
    cwd: at,
  }).output();
  if (!success) throw new Error(`${guest.name}: ${new TextDecoder().decode(stderr)}`);
  // Functions and variables stay for fault reports; $a and $d, which mark code and data, need not.
  await run("arm-none-eabi-strip", [
    ...["--strip-debug", "--wildcard", "--strip-symbol=$[ad]"],
    `${at}/image.elf`,
  ]);
  const elf = await Deno.readFile(`${at}/image.elf`);
  if (elf.length > LIMIT) throw new Error(`${guest.name}: ${elf.length} bytes, allowed ${LIMIT}`);
  return { elf, sources: [...sources].sort() };
}

/** The module that carries an image. */
function moduleText(guest: GuestSource, elf: Uint8Array): string {
  const base64 = btoa(Array.from(elf, (byte) => String.fromCharCode(byte)).join(""));
  return `/**
 * Guest image \`${guest.name}\`: ${guest.summary}
 *
 * Generated by \`deno task guests\`; not to be edited.
 *
 * @module
 */

// deno-fmt-ignore
const BASE64 = \`
${base64.replace(/.{1,96}/g, "$&\n")}\`;

/** The ELF file of the guest \`${guest.name}\`, ${elf.length} bytes; a new copy at each call. */
export function elf(): Uint8Array {
  return Uint8Array.from(atob(BASE64.replace(/\\s/g, "")), (c) => c.charCodeAt(0));
}
`;
}

/** Text of \`guests/mod.ts\`. */
function modText(guests: readonly GuestSource[]): string {
  const cases = guests.map((g) =>
    `  ${/^\w+$/.test(g.name) ? g.name : `"${g.name}"`}: () => import("./images/${g.name}.ts"),`
  );
  return `/**
 * The guest images that come with the package, loaded on demand.
 *
 * Generated by \`deno task guests\`; not to be edited.
 *
 * @example
 * \`\`\`ts
 * import { guestNames, loadGuest } from "@understudy/vmm/guests";
 *
 * for (const name of guestNames) console.log(name, (await loadGuest(name)).length);
 * \`\`\`
 *
 * @module
 */

const IMAGES: Readonly<Record<string, () => Promise<{ elf(): Uint8Array }>>> = {
${cases.join("\n")}
};

/** Names of the guests, \`vm0\` first. */
export const guestNames: readonly string[] = Object.keys(IMAGES);

/** What each guest does, in a line. */
export const guestSummaries: Readonly<Record<string, string>> = {
${
    guests.map((g) =>
      `  ${/^\w+$/.test(g.name) ? g.name : `"${g.name}"`}: ${JSON.stringify(g.summary)},`
    )
      .join("\n")
  }
};

/**
 * The ELF file of a guest.
 *
 * @param name One of {@linkcode guestNames}.
 * @returns A copy that the caller may change.
 * @throws {RangeError} There is no guest of that name.
 */
export async function loadGuest(name: string): Promise<Uint8Array> {
  if (!Object.hasOwn(IMAGES, name)) {
    throw new RangeError(\`no guest "\${name}"; there are \${guestNames.join(", ")}\`);
  }
  return (await IMAGES[name]()).elf();
}
`;
}

/** Formats TypeScript text as \`deno fmt\` does in this repository. */
async function formatted(text: string): Promise<string> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--line-width", "100", "--ext", "ts", "-"],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
  return new TextDecoder().decode((await child.output()).stdout);
}

/** Guests for the monitor come with the package; those for boards are only committed. */
export function isPublished(guest: { readonly kind: string }): boolean {
  return guest.kind === "tasks" || guest.kind === "plain";
}

/** Builds all guests: every file that is committed, by its path under `guests/`. */
async function buildAll(): Promise<Map<string, Uint8Array>> {
  await Deno.mkdir(TEMPORARY, { recursive: true });
  const folder = await Deno.makeTempDir({ dir: fileURLToPath(TEMPORARY), prefix: "guests-" });
  const files = new Map<string, Uint8Array>();
  const text = new TextEncoder();
  const manifest: ImagesManifest = {
    compiler: await firstLine(CC),
    linker: await firstLine("arm-none-eabi-ld"),
    flags: [...FLAGS],
    link: [...LINK],
    images: {},
    sources: {},
  };
  const hashes = new Map<string, string>();
  try {
    for (const guest of GUESTS) {
      const { elf, sources } = await build(guest, folder);
      const file = `images/${guest.name}.elf`;
      files.set(file, elf);
      if (isPublished(guest)) {
        files.set(`images/${guest.name}.ts`, text.encode(await formatted(moduleText(guest, elf))));
      }
      for (const source of sources) {
        if (hashes.has(source)) continue;
        hashes.set(source, sha256(await Deno.readFile(new URL(source, ROOT))));
      }
      manifest.images[guest.name] = {
        file,
        kind: guest.kind,
        bytes: elf.length,
        sha256: sha256(elf),
        flags: [...(guest.flags ?? [])],
        sources,
      };
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  manifest.sources = Object.fromEntries([...hashes].sort(([a], [b]) => a < b ? -1 : 1));
  const published = GUESTS.filter(isPublished);
  files.set("mod.ts", text.encode(await formatted(modText(published))));
  files.set("images/manifest.json", text.encode(JSON.stringify(manifest, null, 2) + "\n"));
  return files;
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** Compares a fresh build with what is committed; what differs, in lines. */
async function check(): Promise<string[]> {
  const committed: ImagesManifest = JSON.parse(
    await Deno.readTextFile(new URL("manifest.json", IMAGES)),
  );
  const compiler = await firstLine(CC).catch(() => "none");
  if (compiler !== committed.compiler) {
    return [`compiler is "${compiler}", the images are from "${committed.compiler}"`];
  }
  const problems: string[] = [];
  for (const [file, bytes] of await buildAll()) {
    const old = await Deno.readFile(new URL(file, ROOT)).catch(() => new Uint8Array());
    if (!same(old, bytes)) problems.push(`guests/${file} is not what the sources give`);
  }
  return problems;
}

if (import.meta.main) {
  if (Deno.args[0] === "--check") {
    const problems = await check();
    for (const problem of problems) console.error(`guests --check: ${problem}`);
    if (problems.length > 0) Deno.exit(1);
    console.log(`guests --check: ${GUESTS.length} images are what the sources give`);
  } else {
    const out = Deno.args[0] === "--out" ? Deno.args[1] : undefined;
    for (const [file, bytes] of await buildAll()) {
      const target = out === undefined ? new URL(file, ROOT) : `${out}/${file}`;
      if (out !== undefined) await Deno.mkdir(`${out}/images`, { recursive: true });
      await Deno.writeFile(target, bytes);
      if (file.endsWith(".elf")) console.log(`${String(bytes.length).padStart(6)}  guests/${file}`);
    }
  }
}
