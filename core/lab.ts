/**
 * The laboratory: a board, the monitor and its guests behind one object. It is what the commands
 * use, and nothing else.
 *
 * @module
 */

import { Board } from "./board.ts";
import { dumpVm, type PageTableRow } from "./dump.ts";
import { InputError } from "./errors.ts";
import { type Fault, injectFault, parseFault } from "./fault.ts";
import { buildFlash } from "./flash.ts";
import {
  GLOBAL,
  JOURNAL_NAMES,
  MAP,
  MAX_GENERATIONS,
  MAX_VMS,
  METER,
  PAGE_FLAG,
  PAGE_REC,
  STRATEGY_NAMES,
  TASK_STATE,
  UNIT,
  UNIT_KIND,
  VM,
} from "./layout.ts";
import { type GuestImage, loadImage } from "./loader.ts";
import { Manager } from "./manage.ts";
import { unitMeter, vmMeter } from "./meters.ts";
import { bootMonitor } from "./monitor_boot.ts";
import { checkInput, checkManage, type InputSpec, type ManageSpec } from "./plan.ts";
import { checkPolicy, type RecoveryPolicy } from "./policy.ts";
import { COST } from "./port.ts";
import { Recorder } from "./recorder.ts";
import { decodeSnapshot, encodeSnapshot } from "./snapshot.ts";
import { parseTime } from "./time.ts";
import { FIDELITIES, type Fidelity } from "./timing.ts";
import { type TimingOptions, timingValues } from "./timing_table.ts";
import type { ConsoleEvent, SummaryEvent, TaskSummary, TraceEvent, VmSummary } from "./trace.ts";
import { PAGE, VM_STATE, VM_STATE_NAMES } from "./vmi.ts";
import { Vmm } from "./vmm.ts";

/** How checkpoints are taken. */
export type BackupStrategy = "off" | "full" | "dirty" | "cow";

/** The strategies of this version. */
export const BACKUP_STRATEGIES: readonly BackupStrategy[] = ["off", "full", "dirty", "cow"];

/** What is done about a task's kernel calls since its checkpoint. */
export type JournalMode = "off" | "commit" | "log";

/** How VMs share the CPU. */
export type Schedule = "slices" | "slots";

/** A guest of a laboratory. */
export interface GuestSpec {
  /** Name of the VM: 1 to 15 letters, digits, _ . - */
  name: string;
  /** Its ELF file. */
  image: Uint8Array;
  /** Boot argument, at most 254 printable ASCII characters. */
  arg?: string;
}

/** What a laboratory is made of. */
export interface LabOptions {
  /** The guests, in the order in which they are created. */
  guests: readonly GuestSpec[];
  /** VM0's image: the guest that creates and starts the others. Without it the monitor does. */
  vm0?: Uint8Array;
  /** Checkpoint strategy; default "cow". */
  backup?: BackupStrategy;
  /** Checkpoint period of board time (ns or "10ms"); 0: at every switch. Default "10ms". */
  period?: number | string;
  /** Checkpoints at every Nth switch-out, 1 to 1000000; the period counts beside it. Default 1. */
  every?: number;
  /** Checkpoints kept of each task and of each guest, 1 to 8; default 2. */
  generations?: number;
  /** Checksum standby pages and verify them before use; default false. */
  checksums?: boolean;
  /**
   * What is done about kernel calls since a task's checkpoint: "commit" (default) takes a checkpoint
   * before what a call gave can be seen, "log" gives a repeated call its logged result, "off" neither
   * undoes nor logs.
   */
  journal?: JournalMode;
  /** "slices" (default): VMs take turns, idle time goes to others; "slots": fixed time slots. */
  schedule?: Schedule;
  /** Watchdog of guests (ns or "500ms"): no rest and no kick for so much of its own running time is an error; 0: off. */
  watchdog?: number | string;
  /** Refused hypercalls of a VM in 100 ms that are an error; 0 (default): never. */
  refusals?: number;
  /** Timer periods lost in a guest's rollback are made up for; default false. */
  catchUp?: boolean;
  /** Console output is held until the writer's next checkpoint; default false. */
  outputCommit?: boolean;
  /** Milliseconds of board time between steps of the table scrubber; 0: off. Default 10. */
  scrub?: number;
  /** Recovery policy; what is missing is the default. */
  policy?: Partial<RecoveryPolicy>;
  /** Time slice of a VM (ns or "5ms"); default "5ms". */
  slice?: number | string;
  /** Seed of everything that is drawn in a run; default 1. */
  seed?: number;
  /** SDRAM in MB: 32, 64 or 128; default 64. */
  sdramMB?: number;
  /** Functional model of the instruction and data caches; default false. */
  cache?: boolean;
  /**
   * How time passes: "fast" (default) by a fixed cost of each instruction, "timed" as on an ARM920T with
   * its caches, TLBs, write buffer and the board's memory.
   */
  fidelity?: Fidelity;
  /** Costs of the timed fidelity that differ from the table `TIMING`. */
  timing?: TimingOptions;
  /** Console input of the run. */
  input?: readonly InputSpec[];
  /** Management of VMs during the run. */
  manage?: readonly ManageSpec[];
}

/** How long a run lasts. */
export interface RunOptions {
  /** Board time from now (ns or "2s"). */
  for?: number | string;
  /** Board time since reset (ns or "2s"). */
  until?: number | string;
  /** Ends the run early; its generator returns. */
  signal?: AbortSignal;
}

/** Core clock that the monitor runs at, hertz. */
const FCLK = 400_000_000;
/** Most units and pages of a VM that an observer looks at. */
const MAX_UNITS = 66;
const MAX_PAGES = 8192;
/** Cycles between looks at the abort signal and deliveries of events. */
const STRETCH = 2_000_000;
const SDRAM_SIZES: readonly number[] = [32, 64, 128];
const MIN_SLICE_NS = 1_000_000;
/** As the guests' own hypercall has it. */
const MIN_WATCHDOG_NS = 1_000_000;
const MAX_WATCHDOG_NS = 60_000_000_000;
/** A time slot ends with a tick of 1 ms of guard time. */
const MIN_SLOT_NS = 2_000_000;

/** Cycles between looks whether a VM is ready for its next line: 1 ms. */
const LINE_STEP = 400_000;
/** Looks after which the line goes out to a VM that reads nothing: 1 s. */
const PATIENCE = 1000;

/** UART0, S3C2440A manual chapter 11: transmitter empty, and bytes received. */
const UTRSTAT0 = 0x5000_0010;
const UFSTAT0 = 0x5000_0018;

/** What is to happen at a time: a fault, inputs of which the first is due, or management. */
type Pending =
  | { at: number; vm: string; fault: Fault }
  | { at: number; inputs: InputSpec[]; looks?: number }
  | { at: number; manage: ManageSpec };

/** Schema of a saved laboratory. */
const SCHEMA = "understudy.lab/1";

/** Everything a saved laboratory needs besides the board. */
interface SavedLab {
  schema: string;
  options: Omit<LabOptions, "guests" | "vm0" | "input" | "manage">;
  guests: { name: string; arg: string }[];
  vm0: boolean;
  board: ReturnType<Board["state"]>;
  recorder: ReturnType<Recorder["state"]>;
  pending: Pending[];
  outcome: SummaryEvent["outcome"];
  began: number;
}

/**
 * A running laboratory.
 *
 * ```ts ignore
 * using lab = await Lab.create({ guests: [{ name: "ucos-1", image }] });
 * for await (const event of lab.run({ for: "100ms" })) console.log(event.type);
 * ```
 */
export class Lab implements Disposable {
  /** The machine. */
  readonly board: Board;
  /** The monitor. */
  readonly vmm: Vmm;
  /** The observer. */
  readonly recorder: Recorder;
  /** Management of the VMs, as VM0's shell has it. */
  readonly manage: Manager;
  readonly #options: LabOptions;
  readonly #images: Map<string, GuestImage>;
  #outcome: SummaryEvent["outcome"] = "ended";
  #pending: Pending[] = [];
  #began = 0;

  private constructor(options: LabOptions, images: Map<string, GuestImage>) {
    this.#options = options;
    this.#images = images;
    const entries = options.guests.map((g) => ({
      name: g.name,
      image: g.image,
      argument: g.arg ?? "",
    }));
    if (options.vm0 !== undefined) {
      entries.unshift({ name: "vm0", image: options.vm0, argument: "" });
    }
    this.board = new Board({
      sdramMB: options.sdramMB ?? 64,
      flash: buildFlash(entries, options.vm0 !== undefined),
      bootClocks: true,
      cache: options.cache ?? false,
      seed: options.seed ?? 1,
      fidelity: options.fidelity ?? "fast",
      timing: options.timing ?? {},
    });
    this.recorder = new Recorder();
    this.vmm = new Vmm(this.board, this.recorder);
    this.manage = new Manager(this.vmm);
  }

  /**
   * Builds the board, puts the images in flash and starts the monitor.
   *
   * @throws {InputError} On bad options or images; nothing is half done then.
   */
  static create(options: LabOptions): Promise<Lab> {
    return Promise.resolve().then(() => {
      const images = checkOptions(options);
      const lab = new Lab(options, images);
      lab.#boot();
      lab.#plan(options.input ?? [], options.manage ?? []);
      return lab;
    });
  }

  #boot(): void {
    const o = this.#options;
    const clock = this.board.clock;
    const cycles = (value: number | string, what: string) =>
      Math.round(parseTime(value, what) * clock.fclk / 1e9);
    const failed = bootMonitor(this.board, this.vmm, {
      backup: o.backup ?? "cow",
      period: cycles(o.period ?? "10ms", "period"),
      slice: cycles(o.slice ?? "5ms", "slice"),
      every: o.every ?? 1,
      generations: o.generations ?? 2,
      checksums: o.checksums ?? false,
      journal: o.journal ?? "commit",
      schedule: o.schedule ?? "slices",
      watchdog: cycles(o.watchdog ?? 0, "watchdog"),
      refusals: o.refusals ?? 0,
      catchUp: o.catchUp ?? false,
      outputCommit: o.outputCommit ?? false,
      scrub: o.scrub ?? 10,
      policy: checkPolicy(o.policy),
      vm0: o.vm0 !== undefined,
    });
    if (failed.length > 0) throw new InputError("guests", failed.join("; "));
    this.vmm.start();
    this.#began = this.time;
  }

  /** Schedules what the options bring from outside. */
  #plan(input: readonly InputSpec[], manage: readonly ManageSpec[]): void {
    const at = (time: number | string) => this.board.clock.cycleAt(parseTime(time, "time"));
    let chain: InputSpec[] | undefined;
    for (const spec of input) {
      if (spec.time !== undefined || chain === undefined) {
        chain = [];
        this.#schedule({ at: at(spec.time ?? 0), inputs: chain });
      }
      chain.push({ ...spec });
    }
    for (const spec of manage) this.#schedule({ at: at(spec.time), manage: spec });
  }

  #schedule(pending: Pending): void {
    this.#pending.push(pending);
    // The sort is stable: at one time, in the order in which they were asked for.
    this.#pending.sort((a, b) => a.at - b.at);
  }

  /** True while input or management of the plan is still to come. */
  get planned(): boolean {
    return this.#pending.some((pending) => !("fault" in pending));
  }

  /** Console lines begun and not ended so far; they are no part of the trace yet. */
  unfinishedLines(): ConsoleEvent[] {
    return this.recorder.unfinished(this.time);
  }

  /** Board time at which the monitor had started, ns: where the first run began. */
  get began(): number {
    return this.#began;
  }

  /** Board time, ns. */
  get time(): number {
    return this.board.clock.ns();
  }

  /** The system stopped by a class-3 error. */
  get stopped(): boolean {
    return this.vmm.stopped;
  }

  /**
   * Runs and reports what happens.
   *
   * @throws {InputError} When the time is no time or lies in the past.
   */
  async *run(options: RunOptions): AsyncGenerator<TraceEvent> {
    const end = this.#end(options);
    yield* this.recorder.take();
    while (this.board.clock.now < end && !this.stopped) {
      if (options.signal?.aborted) {
        this.#outcome = "aborted";
        return;
      }
      this.#stretch(Math.min(end, this.board.clock.now + STRETCH));
      yield* this.recorder.take();
      await Promise.resolve();
    }
  }

  /** Runs without handing events out one by one; returns them all. */
  runAll(options: RunOptions): TraceEvent[] {
    const end = this.#end(options);
    const events = this.recorder.take();
    while (this.board.clock.now < end && !this.stopped) {
      this.#stretch(Math.min(end, this.board.clock.now + STRETCH));
    }
    return events.concat(this.recorder.take());
  }

  #end(options: RunOptions): number {
    const clock = this.board.clock;
    const until = options.until !== undefined
      ? parseTime(options.until, "until")
      : clock.ns() + parseTime(options.for ?? "1s", "for");
    if (until < clock.ns()) {
      throw new InputError("until", `${until} ns has passed`, `allowed: from ${clock.ns()} ns on`);
    }
    this.#outcome = "ended";
    return clock.cycleAt(until);
  }

  #stretch(end: number): void {
    const clock = this.board.clock;
    const first = this.#pending[0];
    const stop = first === undefined ? end : Math.min(end, Math.max(first.at, clock.now));
    if (clock.now < stop) this.board.run(stop);
    while (this.#pending.length > 0 && this.#pending[0].at <= clock.now && !this.stopped) {
      this.#happen(this.#pending.shift()!);
    }
  }

  #happen(pending: Pending): void {
    if ("fault" in pending) {
      const { vm, fault } = pending;
      const detail = injectFault(this.board, this.vmm, vm, fault);
      this.recorder.emit({ type: "inject", t: this.time, vm, fault: fault.text, detail });
    } else if ("manage" in pending) {
      this.manage.carryOut(pending.manage);
    } else {
      this.#happenInput(pending.inputs, pending.at, pending.looks ?? 0);
    }
  }

  /** The first input goes out, or waits for its VM; the ones behind it come later. */
  #happenInput(inputs: InputSpec[], at: number, looks: number): void {
    const [{ time, vm = "vm0", text }, ...rest] = inputs;
    // Looked at in steps from the time of the plan, however the run is cut.
    const next = at + LINE_STEP * (Math.floor((this.board.clock.now - at) / LINE_STEP) + 1);
    if (time === undefined && looks < PATIENCE && !this.ready(vm)) {
      this.#schedule({ at: next, inputs, looks: looks + 1 });
      return;
    }
    const said = time === undefined ? `${text}\n` : text;
    const taken = this.#known(vm) === 0 ? 0 : this.#send(vm, said);
    this.recorder.emit({ type: "input", t: this.time, vm, text: said, taken });
    if (rest.length > 0) this.#schedule({ at: next, inputs: rest });
  }

  /**
   * Schedules a fault.
   *
   * @param vm The guest it is aimed at.
   * @param fault Text such as `reg:r4:12@t=150ms`, or a parsed fault.
   * @throws {InputError} When the fault is none, or no guest has that name.
   */
  inject(vm: string, fault: string | Fault): void {
    this.#guestName(vm);
    const parsed = typeof fault === "string" ? parseFault(fault) : fault;
    this.#schedule({ at: this.board.clock.cycleAt(parsed.time), vm, fault: parsed });
  }

  /**
   * The page tables of a guest as the emulated MMU sees them.
   *
   * @throws {InputError} When no guest has that name.
   */
  dumpPt(vm: string): PageTableRow[] {
    return dumpVm(this.board, this.#record(vm), this.#guestName(vm));
  }

  /**
   * Sends text to a guest's console.
   *
   * @throws {InputError} When no guest has that name.
   */
  send(vm: string, text: string): void {
    if (vm !== "vm0") this.#record(vm);
    this.#guestName(vm);
    this.#send(vm, text);
  }

  /** Bytes taken. */
  #send(vm: string, text: string): number {
    const bytes = new TextEncoder().encode(text);
    if (vm === "vm0") {
      this.board.soc.uart[0].receive(bytes);
      return bytes.length;
    }
    const record = this.#record(vm);
    const full = this.vmm.request(() =>
      bytes.findIndex((byte) => !this.vmm.consoles.input(record, byte))
    );
    return full === undefined ? 0 : full < 0 ? bytes.length : full;
  }

  /**
   * True when a VM waits and has taken all its console input, so that it can do with a line more.
   * For VM0 that is so for whoever has UART0, and when all output has left it.
   *
   * @throws {InputError} When no guest has that name.
   */
  ready(vm: string): boolean {
    this.#guestName(vm);
    if (vm !== "vm0") return this.#atRest(this.#known(vm));
    const line = this.board.soc.uart[0].incoming === 0 && (this.#word(UFSTAT0) & 0x7f) === 0;
    const sent = (this.#word(UTRSTAT0) & 4) !== 0;
    const owner = this.#word(MAP.GLOBAL + GLOBAL.CONSOLE_VM);
    return line && sent && owner < MAX_VMS && this.#atRest(this.#word(MAP.VM_TABLE + owner * 4));
  }

  #atRest(vm: number): boolean {
    return vm !== 0 && this.#word(vm + VM.STATE) === VM_STATE.WAITING &&
      this.#word(vm + VM.INPUT_READ) === this.#word(vm + VM.INPUT_WRITE);
  }

  #guestName(vm: string): string {
    const names = this.guestNames;
    if (!names.includes(vm)) {
      throw new InputError(`guest "${vm}"`, "no such guest", `allowed: ${names.join(", ")}`);
    }
    return vm;
  }

  /** Names of the guests, VM0 first where there is one. */
  get guestNames(): string[] {
    const names = this.#options.guests.map((g) => g.name);
    return this.#options.vm0 === undefined ? names : ["vm0", ...names];
  }

  /** Address of a guest's VM record; an error when it was not created yet. */
  #record(name: string): number {
    this.#guestName(name);
    const vm = this.#known(name);
    if (vm !== 0) return vm;
    throw new InputError(`guest "${name}"`, "has not been created yet", "run for some time first");
  }

  /** The same, 0 when there is no such VM now. */
  #known(name: string): number {
    return this.#records().find((vm) => this.recorder.name(this.#word(vm)) === name) ?? 0;
  }

  #records(): number[] {
    const records: number[] = [];
    for (let id = 0; id < MAX_VMS; id++) {
      const vm = this.#word(MAP.VM_TABLE + id * 4);
      if (vm !== 0) records.push(vm);
    }
    return records;
  }

  #word(address: number): number {
    return this.board.peek(address, 4);
  }

  #word64(address: number): number {
    return this.#word(address) + this.#word(address + 4) * 0x1_0000_0000;
  }

  /** What the run came to so far. */
  summary(): SummaryEvent {
    const board = this.board;
    return {
      type: "summary",
      t: this.time,
      outcome: this.stopped ? "stopped" : this.#outcome,
      cycles: board.clock.now,
      idle_cycles: board.idleCycles,
      vmm_cycles: this.#word64(MAP.VMM_CYCLES),
      instructions: board.cpu.instructions,
      seed: this.#options.seed ?? 1,
      vms: this.#records().map((vm) => this.#vmSummary(vm)),
      hash: this.recorder.hash,
    };
  }

  #vmSummary(vm: number): VmSummary {
    const id = this.#word(vm + VM.ID);
    // A damaged record does not keep an observer busy.
    const count = Math.min(this.#word(vm + VM.UNIT_COUNT), MAX_UNITS);
    const tasks: TaskSummary[] = [];
    for (let i = 0; i < count; i++) {
      const unit = this.#word(vm + VM.UNITS) + i * UNIT.SIZE;
      if (this.#word(unit + UNIT.KIND) === UNIT_KIND.TASK) tasks.push(this.#task(vm, id, unit));
    }
    return {
      vm: this.recorder.name(id),
      state: VM_STATE_NAMES[this.#word(vm + VM.STATE)] ?? "damaged",
      switches: this.#word(vm + VM.SWITCHES),
      task_switches: this.#word(vm + VM.TASK_SWITCHES),
      checkpoints: this.#word(vm + VM.CHECKPOINTS),
      faults: this.#word(vm + VM.FAULTS),
      recoveries: this.#word(vm + VM.RECOVERIES),
      hypercalls: this.#word(vmMeter(id) + METER.COUNT),
      console_bytes: this.#word(vm + VM.CONSOLE_BYTES),
      cycles: this.#word64(vmMeter(id) + METER.CYCLES),
      tasks,
      content_hash: this.recorder.contentHash(id),
      trace_hash: this.recorder.traceHash(id),
    };
  }

  #task(vm: number, id: number, unit: number): TaskSummary {
    const name = this.#text(unit + UNIT.NAME);
    const meter = unitMeter(id, this.#word(unit + UNIT.INDEX));
    const state = this.#word(unit + UNIT.STATE);
    const priority = this.#word(unit + UNIT.PRIORITY) & 63;
    const row = this.#word(vm + VM.RDY_TBL + (priority >>> 5) * 4);
    const ready = (row >>> (priority & 31) & 1) !== 0;
    return {
      task: name,
      state: state === TASK_STATE.ABSENT
        ? "absent"
        : state === TASK_STATE.STOPPED
        ? "stopped"
        : ready
        ? "ready"
        : "waiting",
      dispatched: this.#word(meter + METER.COUNT),
      calls: this.#word(meter + METER.CALLS),
      cycles: this.#word64(meter + METER.CYCLES),
      checkpoints: this.#word(unit + UNIT.CHECKPOINTS),
      faults: this.#word(unit + UNIT.FAULTS),
      recoveries: this.#word(unit + UNIT.RECOVERIES),
      lines: this.recorder.lines(id, name),
    };
  }

  #text(address: number): string {
    let text = "";
    for (let i = 0; i < 16; i++) {
      const c = this.board.peek(address + i, 1);
      if (c === 0) break;
      text += String.fromCharCode(c);
    }
    return text;
  }

  /** Writable pages of a guest, for planning and reports. */
  writablePages(name: string): number {
    const vm = this.#record(name);
    let pages = 0;
    for (let i = 0; i < Math.min(this.#word(vm + VM.PAGE_COUNT), MAX_PAGES); i++) {
      const word = this.#word(this.#word(vm + VM.PAGES) + i * PAGE_REC.SIZE + PAGE_REC.VA);
      if ((word & PAGE_FLAG.WRITABLE) !== 0) pages++;
    }
    return pages;
  }

  /** The whole laboratory as bytes: checksummed, with a named schema. */
  save(): Promise<Uint8Array> {
    const o = this.#options;
    const saved: SavedLab = {
      schema: SCHEMA,
      options: {
        backup: o.backup,
        period: o.period,
        every: o.every,
        generations: o.generations,
        checksums: o.checksums,
        journal: o.journal,
        schedule: o.schedule,
        watchdog: o.watchdog,
        refusals: o.refusals,
        catchUp: o.catchUp,
        outputCommit: o.outputCommit,
        scrub: o.scrub,
        policy: o.policy,
        slice: o.slice,
        seed: o.seed,
        sdramMB: o.sdramMB,
        cache: o.cache,
        fidelity: o.fidelity,
        timing: o.timing,
      },
      guests: o.guests.map((g) => ({ name: g.name, arg: g.arg ?? "" })),
      vm0: o.vm0 !== undefined,
      board: this.board.state(),
      recorder: this.recorder.state(),
      pending: this.#pending,
      outcome: this.#outcome,
      began: this.#began,
    };
    const blobs = [...(o.vm0 === undefined ? [] : [o.vm0]), ...o.guests.map((g) => g.image)];
    return encodeSnapshot(saved, blobs);
  }

  /**
   * Makes a laboratory from what {@linkcode save} gave.
   *
   * @throws {InputError} When the bytes are damaged, truncated or something else.
   */
  static async load(bytes: Uint8Array): Promise<Lab> {
    const { value, blobs } = await decodeSnapshot(bytes, SCHEMA);
    try {
      return Lab.#restored(value as SavedLab, blobs);
    } catch (error) {
      // The checksum was right, so somebody wrote it so: whatever is missing, it is bad input.
      if (error instanceof InputError) throw error;
      throw new InputError("snapshot", "damaged: its content is not a laboratory's");
    }
  }

  static #restored(saved: SavedLab, blobs: readonly Uint8Array[]): Lab {
    const vm0 = saved.vm0 ? blobs[0] : undefined;
    const guests = saved.guests.map((g, i) => ({
      ...g,
      image: blobs[i + (saved.vm0 ? 1 : 0)],
    }));
    const options: LabOptions = { ...saved.options, guests, ...(vm0 ? { vm0 } : {}) };
    const lab = new Lab(options, checkOptions(options));
    lab.board.restore(saved.board);
    lab.#pending = saved.pending;
    lab.#outcome = saved.outcome;
    lab.#began = saved.began;
    lab.recorder.restore(saved.recorder, (name) => lab.#images.get(name)?.elf);
    return lab;
  }

  /** Record of a unit of a guest, for tests and injection. */
  unitRecord(name: string, task: string): number {
    const vm = this.#record(name);
    for (let i = 0; i < Math.min(this.#word(vm + VM.UNIT_COUNT), MAX_UNITS); i++) {
      const unit = this.#word(vm + VM.UNITS) + i * UNIT.SIZE;
      if (this.#text(unit + UNIT.NAME) === task) return unit;
    }
    throw new InputError(`task "${task}"`, `no such task in "${name}"`);
  }

  /** Record of a guest's VM, for tests and injection. */
  vmRecord(name: string): number {
    return this.#record(name);
  }

  /** Lets go of the machine. */
  [Symbol.dispose](): void {
    this.board.onTrap = null;
    this.#pending = [];
  }
}

function checkOptions(options: LabOptions): Map<string, GuestImage> {
  const images = new Map<string, GuestImage>();
  const backup = options.backup ?? "cow";
  if (!STRATEGY_NAMES.includes(backup) || !BACKUP_STRATEGIES.includes(backup)) {
    throw new InputError(
      "backup",
      `"${backup}" is not allowed`,
      `allowed: ${BACKUP_STRATEGIES.join(", ")}`,
    );
  }
  const sdramMB = options.sdramMB ?? 64;
  if (!SDRAM_SIZES.includes(sdramMB)) {
    throw new InputError(
      "sdramMB",
      `${sdramMB} is not allowed`,
      `allowed: ${SDRAM_SIZES.join(", ")}`,
    );
  }
  const slice = parseTime(options.slice ?? "5ms", "slice");
  if (slice < MIN_SLICE_NS || slice > 1e9) {
    throw new InputError("slice", `"${options.slice}" is not allowed`, "allowed: 1ms to 1s");
  }
  if (options.schedule === "slots" && slice < MIN_SLOT_NS) {
    throw new InputError(
      "slice",
      `"${options.slice}" is not allowed with "schedule: slots"`,
      "allowed: 2ms to 1s",
    );
  }
  const seed = options.seed ?? 1;
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new InputError(
      "seed",
      `${seed} is not allowed`,
      "allowed: a whole number from 0 to 2^53 - 1",
    );
  }
  oneOf("fidelity", options.fidelity ?? "fast", FIDELITIES);
  timingValues(options.timing);
  const costs = Object.values(options.timing ?? {}).some((value) => value !== undefined);
  if (costs && options.fidelity !== "timed") {
    throw new InputError("timing", "no cost is used", 'allowed: with "fidelity: timed"');
  }
  oneOf("journal", options.journal ?? "commit", JOURNAL_NAMES);
  oneOf("schedule", options.schedule ?? "slices", ["slices", "slots"]);
  const watchdog = parseTime(options.watchdog ?? 0, "watchdog");
  if (watchdog !== 0 && (watchdog < MIN_WATCHDOG_NS || watchdog > MAX_WATCHDOG_NS)) {
    throw new InputError(
      "watchdog",
      `"${options.watchdog}" is not allowed`,
      "allowed: 1ms to 60s, or 0 for none",
    );
  }
  whole("refusals", options.refusals ?? 0, 0, 1_000_000);
  whole("scrub", options.scrub ?? 10, 0, 10_000);
  whole("every", options.every ?? 1, 1, 1_000_000);
  whole("generations", options.generations ?? 2, 1, MAX_GENERATIONS);
  checkPolicy(options.policy);
  if (options.guests.length === 0 && options.vm0 === undefined) {
    throw new InputError("guests", "none", "allowed: 1 to 77 guests");
  }
  if (options.guests.length > MAX_VMS - 1) {
    throw new InputError(
      "guests",
      `${options.guests.length} are too many`,
      `allowed: up to ${MAX_VMS - 1}`,
    );
  }
  if (options.vm0 !== undefined) images.set("vm0", loadImage(options.vm0, "vm0"));
  const names = options.guests.map(({ name }) => name);
  checkInput(options.input ?? [], options.vm0 === undefined ? names : ["vm0", ...names]);
  checkManage(options.manage ?? []);
  const period = parseTime(options.period ?? "10ms", "period");
  for (const guest of options.guests) {
    if (images.has(guest.name)) throw new InputError(`guest "${guest.name}"`, "named twice");
    const image = loadImage(guest.image, guest.name);
    images.set(guest.name, image);
    if (backup === "full" && period > 0) checkCopyTime(image, period);
  }
  return images;
}

function whole(where: string, value: number, low: number, high: number): void {
  if (!Number.isInteger(value) || value < low || value > high) {
    const allowed = `allowed: a whole number from ${low} to ${high}`;
    throw new InputError(where, `${value} is not allowed`, allowed);
  }
}

/** A full copy has to end before the next one begins. */
function checkCopyTime(image: GuestImage, period: number): void {
  const pages = image.units.flatMap((u) => u.pages).filter((p) => p.flags & PAGE_FLAG.WRITABLE);
  const page = PAGE / 4 * COST.COPY_WORD * 1e9 / FCLK;
  const copy = Math.ceil(pages.length * page);
  if (copy <= period) return;
  throw new InputError(
    "period",
    `${period} ns is shorter than a full copy of "${image.name}" takes: ` +
      `${pages.length} pages x ${Math.round(page)} ns = ${copy} ns`,
    `allowed: at least ${copy}ns, 0 (every switch), or the strategies dirty and cow`,
  );
}

function oneOf(where: string, value: string, allowed: readonly string[]): void {
  if (!allowed.includes(value)) {
    throw new InputError(where, `"${value}" is not allowed`, `allowed: ${allowed.join(", ")}`);
  }
}
