/**
 * What the monitor is charged, held against machine code: the hand-written routines are executed on the
 * timed core, in the very state in which the emulated monitor does the same, with warm caches. Cycles are
 * compared routine by routine; registers, CP15 and memory have to come out the same.
 *
 * @module
 */

import { CACHE_LINE } from "./cache.ts";
import { heldContext, isKernelContext } from "./contexts.ts";
import { type Cpu, MODE, VECTOR } from "./cpu.ts";
import type { ElfFile } from "./elf.ts";
import { parseElf } from "./elf.ts";
import { InputError } from "./errors.ts";
import { type ForkState, forkState, putForkState, sdramWords } from "./fork.ts";
import { type GuestSpec, Lab, type LabOptions } from "./lab.ts";
import { GLOBAL, MAP, PAGE_REC, PIECE_REC, UNIT, VM } from "./layout.ts";
import type { MmuState } from "./mmu.ts";
import type { Port } from "./port.ts";
import { ROUTINE, type Routine, type RoutineName, type WrittenName } from "./routines.ts";
import type { TimingOptions } from "./timing_table.ts";
import { HC, PAGE } from "./vmi.ts";

/** A routine, as it was executed and as it was charged. */
export interface CalibrationRow {
  /** Which measurement. */
  readonly bench: "calibrate";
  /** What the routine was part of. */
  readonly part: string;
  /** Its name. */
  readonly routine: string;
  /** Cycles that it took. */
  readonly executed: number;
  /** Cycles that the monitor was charged for it. */
  readonly charged: number;
  /** Charged over executed. */
  readonly ratio: number;
  /** The charge is within {@linkcode TOLERANCE}. */
  readonly fits: boolean;
}

/** What a calibration needs. */
export interface CalibrationOptions {
  /** ELF file of the hand-written routines. */
  readonly monitor: Uint8Array;
  /** VM0's image. */
  readonly vm0: Uint8Array;
  /** A guest with two tasks at least. */
  readonly tasks: GuestSpec;
  /** A guest that never waits. */
  readonly busy: GuestSpec;
  /** Costs of the timed core that differ from the table. */
  readonly timing?: TimingOptions;
  /** Told after each step of the measurement, of how many. */
  readonly onStep?: ((done: number, of: number) => void) | undefined;
}

/** A charge may be off by this share. */
export const TOLERANCE = 0.1;

/** Steps after which a routine has lost its way. */
const MOST_STEPS = 20_000;
/** Board time in which every moment has come, ns. */
const MOST_TIME = 400_000_000;
/** Board time between two looks at whether the moment has come, ns. */
const SLICE = 100_000;
/** Exceptions of the right kind that are tried. */
const MOST_TRIES = 100;
/** Registers that a kernel is entered with but not promised. */
const NOT_PROMISED: readonly number[] = [4, 5, 6, 7, 8, 9, 10, 11];
/** A stack for routines that are called from C; nobody else uses this part of the global record. */
const STACK = MAP.GLOBAL + GLOBAL.LOWEST - 4;

/** Ends an entry of the emulated monitor in its middle. */
class Cut extends Error {}

/** Cycles by routine, in the order in which they were entered. */
type Segments = Map<string, number>;

/** A machine at a moment. */
interface Moment {
  readonly fork: ForkState;
  readonly memory: Uint32Array;
}

/**
 * Executes the hand-written routines and compares.
 *
 * @throws {InputError} When the image has not the routines of the table, or a result differs.
 */
export async function calibrate(options: CalibrationOptions): Promise<CalibrationRow[]> {
  const elf = parseElf(options.monitor, "monitor");
  checkRoutines(elf);
  const rows: CalibrationRow[] = [];
  for (const [i, scenario] of SCENARIOS.entries()) {
    const { vm0, timing, busy, tasks } = options;
    const guests = scenario.busy
      ? [{ ...busy, name: "one" }, { ...busy, name: "two" }]
      : [{ ...tasks, name: "one" }];
    const lab = await Lab.create({
      vm0,
      guests,
      fidelity: "timed",
      journal: "off",
      slice: "1ms",
      sdramMB: 32,
      ...(timing && { timing }),
      ...scenario.options,
    } as LabOptions);
    rows.push(...new Bench(lab, elf).run(scenario));
    options.onStep?.(i + 1, SCENARIOS.length);
  }
  return rows;
}

/** Every routine of the table is where the table says, and as long. */
function checkRoutines(elf: ElfFile): void {
  const labels = elf.symbols.filter((label) => label.global).sort((a, b) => a.address - b.address);
  for (const { name, address, bytes, written } of Object.values(ROUTINE)) {
    if (!written) continue;
    const at = labels.findIndex((label) => label.name === name);
    const found = labels[at]?.address ?? 0;
    const next = labels[at + 1]?.address ?? elf.segments[0].vaddr + elf.segments[0].bytes.length;
    if (found !== address || next - found < bytes) {
      throw new InputError(`monitor: ${name}`, "is not where the table of routines has it", "");
    }
  }
}

/** A moment at which routines are executed. */
interface Scenario {
  /** What it is, for the rows. */
  readonly part: string;
  /** With guests that never wait. */
  readonly busy?: boolean;
  /** Set-up of the laboratory. */
  readonly options?: Partial<LabOptions>;
  /** The exception, and whether it is of the kind that is looked for. */
  readonly entry?: (lab: Lab, vector: number) => boolean;
  /** The first hand-written routine, where the entry goes through compiled code before. */
  readonly from?: WrittenName;
  /** A routine that is gone through, or it is not the moment. */
  readonly through?: WrittenName;
  /** The compiled routine that goes on. */
  readonly until?: RoutineName;
  /** Routines of which there are no rows: they were in another scenario. */
  readonly without?: readonly RoutineName[];
  /** A routine that is called: by the emulated monitor, and what it is given in r0, r1, r2. */
  readonly call?: (lab: Lab) => Call;
}

/** A routine called from C. */
interface Call {
  readonly routine: WrittenName;
  readonly args: readonly number[];
  /** The emulated monitor does it. */
  readonly act: (port: Port) => void;
}

const ENTRY: readonly RoutineName[] = ["vector", "which_mode", "save_call"];

function inTask(lab: Lab): boolean {
  return lab.board.peek(MAP.GLOBAL + GLOBAL.CURRENT, 4) !== 0 &&
    !isKernelContext(heldContext(lab.board));
}

function dispatches(lab: Lab, vector: number, other: boolean): boolean {
  const { cpu } = lab.board;
  if (vector !== VECTOR.SWI || inTask(lab) || cpu.userReg(12) !== HC.DISPATCH) return false;
  const vm = heldContext(lab.board) - VM.KERNEL_CONTEXT;
  const current = lab.board.peek(lab.board.peek(vm + VM.CUR_UNIT, 4) + UNIT.TASK, 4);
  return cpu.userReg(2) <= 1 && (cpu.userReg(0) !== current) === other;
}

/** An IRQ out of a guest. */
function interrupts(lab: Lab, vector: number): boolean {
  return vector === VECTOR.IRQ && lab.board.peek(MAP.GLOBAL + GLOBAL.CURRENT, 4) !== 0;
}

/** First page of the current VM's task that may be written to, and its unit. */
function taskPage(lab: Lab): { vm: number; unit: number; page: number; mva: number } {
  const { port, backup } = lab.vmm;
  const vm = port.peek(MAP.GLOBAL + GLOBAL.CURRENT);
  const unit = port.peek(vm + VM.CUR_UNIT);
  let page = 0;
  backup.versions.eachWritable(vm, unit, (each) => page ||= each);
  return { vm, unit, page, mva: backup.versions.mva(vm, page) };
}

const SCENARIOS: readonly Scenario[] = [
  {
    part: "kernel call",
    options: { backup: "off" },
    through: "kernel_call",
    entry: (lab, vector) => vector === VECTOR.SWI && inTask(lab),
  },
  {
    part: "return to the caller",
    options: { backup: "off" },
    through: "restore_task",
    entry: (lab, vector) => dispatches(lab, vector, false),
    without: ENTRY,
  },
  {
    part: "task switch",
    options: { backup: "off" },
    through: "restore_task",
    entry: (lab, vector) => dispatches(lab, vector, true),
    without: ENTRY,
  },
  {
    part: "task switch, cow, due",
    options: { backup: "cow", period: 0 },
    through: "restore_due",
    entry: (lab, vector) => dispatches(lab, vector, true),
    without: [...ENTRY, "hypercall"],
  },
  {
    part: "interrupt",
    busy: true,
    options: { backup: "off" },
    entry: interrupts,
    until: "tick",
    without: ["vector"],
  },
  {
    part: "interrupt, no switch",
    busy: true,
    through: "restore_resume",
    options: { backup: "off", slice: "20ms" },
    entry: interrupts,
    from: "resume",
  },
  {
    part: "VM switch",
    busy: true,
    through: "restore_vm",
    options: { backup: "off" },
    entry: interrupts,
    from: "switch_vm",
  },
  {
    part: "VM switch, cow, due",
    busy: true,
    through: "restore_vm",
    options: { backup: "cow", period: 0 },
    entry: interrupts,
    from: "switch_vm",
  },
  {
    part: "first write",
    options: { backup: "cow", period: 0 },
    entry: (_lab, vector) => vector === VECTOR.DATA_ABORT,
    until: "abort",
    without: ["vector"],
  },
  {
    part: "first write, back",
    options: { backup: "cow", period: 0 },
    entry: (_lab, vector) => vector === VECTOR.DATA_ABORT,
    from: "abort_return",
  },
  {
    part: "table update",
    options: { backup: "cow" },
    call: (lab) => {
      const { vm, unit, page } = taskPage(lab);
      const { port, domains } = lab.vmm;
      const piece = port.peek(vm + VM.PIECES) +
        port.peek(page + PAGE_REC.PIECE) * PIECE_REC.SIZE;
      return {
        routine: "install_piece",
        args: [vm, unit, piece],
        act: () => domains.installPiece(vm, unit, piece),
      };
    },
  },
  {
    part: "table update",
    options: { backup: "cow" },
    call: () => ({ routine: "publish", args: [], act: (port) => port.publish() }),
  },
  {
    part: "checkpoint, its tables",
    options: { backup: "cow" },
    call: (lab) => {
      const { vm, unit } = taskPage(lab);
      const { domains } = lab.vmm;
      return { routine: "protect", args: [vm, unit], act: () => domains.protect(vm, unit) };
    },
  },
  ...(["page_copy", "frame_copy", "page_restore", "page_clear"] as const).map((routine) => ({
    part: "page copy",
    options: { backup: "off" as const },
    call: (lab: Lab): Call => {
      const { page, mva } = taskPage(lab);
      const { port } = lab.vmm;
      const active = port.peek(page + PAGE_REC.ACTIVE);
      const frame = lastFrame(lab);
      const args = {
        page_copy: [mva, frame],
        frame_copy: [active, frame],
        page_restore: [frame, mva],
        page_clear: [frame],
      }[routine];
      const act = {
        page_copy: () => port.copyOut(mva, frame),
        frame_copy: () => port.copyFrame(active, frame),
        page_restore: () => port.copyIn(frame, mva),
        page_clear: () => port.clearFrame(frame),
      }[routine];
      return { routine, args, act };
    },
  })),
  ...(["discard_lines", "flush_lines", "flush_cache"] as const).map((routine) => ({
    part: "cache maintenance by range",
    options: { backup: "off" as const },
    call: (lab: Lab): Call => {
      const { mva } = taskPage(lab);
      const act = {
        discard_lines: (port: Port) => port.discardPageLines(mva),
        flush_lines: (port: Port) => port.flushPageLines(mva),
        flush_cache: (port: Port) => port.flushDataCache(),
      }[routine];
      return { routine, args: routine === "flush_cache" ? [] : [mva], act };
    },
  })),
];

/** The last frame of the pool, which nobody has got yet. */
function lastFrame(lab: Lab): number {
  const { base, size } = lab.board.sdram;
  return base + size - PAGE;
}

/** Times that a moment has come before it is the one: everything is warm. */
const WARM = 20;

/** Times that it is executed before it is measured: with random replacement one is not enough. */
const WARM_UP = 4;

/** What a called routine calls in turn is part of it. */
function whole({ call, part }: Scenario, segments: Segments): Segments {
  if (call === undefined) return segments;
  const [routine] = segments.keys();
  if (routine === undefined) throw new InputError(part, "nothing was done", "");
  return new Map([[routine, [...segments.values()].reduce((sum, cycles) => sum + cycles, 0)]]);
}

/** Executes one scenario. */
class Bench {
  readonly #labels: readonly Routine[] = Object.values(ROUTINE).filter((r) => r.written);
  readonly #compiled: number;
  /** Words of SDRAM that are looked at: records, tables, the frames that are in use, and the last. */
  readonly #ranges: readonly (readonly [number, number])[];

  constructor(readonly lab: Lab, elf: ElfFile) {
    const [{ vaddr: va, bytes }] = elf.segments;
    lab.board.debugWrite(MAP.TEXT + (va - MAP.VECTORS), bytes);
    this.#compiled = elf.symbol("compiled")!.address;
    const end = sdramWords(lab).length;
    const range = (pa: number, bytes: number) => {
      const first = (pa - MAP.SDRAM) >>> 2;
      return [first, first + bytes / 4] as const;
    };
    const used = 0x4_0000;
    this.#ranges = [MAP.FRAMES, MAP.MASTER, MAP.GLOBAL, MAP.POOL].map((pa) => range(pa, used));
    this.#ranges = [...this.#ranges, [end - PAGE / 4, end]];
  }

  get #cpu(): Cpu {
    return this.lab.board.cpu;
  }

  run(scenario: Scenario): CalibrationRow[] {
    const { lab } = this;
    const { board } = lab;
    let rows: CalibrationRow[] | undefined;
    if (scenario.entry === undefined) {
      while (!inTask(lab) || lab.time < 20e6) lab.runAll({ for: 10_000 });
      return this.#measure(scenario, () => this.#call(scenario), () => this.#enterCall(scenario));
    }
    const trap = board.onTrap!;
    let seen = 0;
    board.onTrap = (vector) => {
      if (rows !== undefined || !scenario.entry!(lab, vector) || ++seen < WARM) return trap(vector);
      const moment = this.#moment();
      const segments = this.#emulated(scenario, () => trap(vector));
      const { from, through = from } = scenario;
      const usual = through === undefined || segments.has(through);
      this.#put(moment);
      if (!usual) return trap(vector);
      rows = this.#measure(
        scenario,
        () => this.#emulated(scenario, () => trap(vector)),
        () => this.#enter(scenario, () => trap(vector)),
      );
    };
    while (rows === undefined && seen < WARM + MOST_TRIES && lab.time < MOST_TIME) {
      lab.runAll({ for: SLICE });
    }
    board.onTrap = trap;
    if (rows === undefined) throw new InputError(scenario.part, "never came", "");
    return rows;
  }

  // --- the two executions ------------------------------------------------------------------------

  #measure(scenario: Scenario, emulate: () => Segments, enter: () => void): CalibrationRow[] {
    const moment = this.#moment();
    for (let i = 0; i < WARM_UP; i++) {
      emulate();
      this.#put(moment);
    }
    const charged = whole(scenario, emulate());
    const wanted = this.#outcome();
    for (let i = 0; i < WARM_UP; i++) {
      this.#put(moment);
      enter();
      this.#execute();
    }
    this.#put(moment);
    enter();
    const executed = whole(scenario, this.#execute());
    this.#compare(scenario, wanted, this.#outcome());
    const rows: CalibrationRow[] = [];
    for (const [routine, cycles] of executed) {
      const other = charged.get(routine) ?? 0;
      if (scenario.without?.includes(routine as RoutineName)) continue;
      const ratio = other / cycles;
      rows.push({
        bench: "calibrate",
        part: scenario.part,
        routine,
        executed: cycles,
        charged: other,
        ratio,
        fits: Math.abs(ratio - 1) <= TOLERANCE,
      });
    }
    return rows;
  }

  /** The emulated monitor acts; what it is charged, by hand-written routine. */
  #emulated(scenario: Scenario, act: () => void): Segments {
    const { port } = this.lab.vmm;
    const { clock } = this.lab.board;
    const segments: Segments = new Map();
    const routine = port.routine;
    let open: Routine | undefined;
    let since = 0;
    let begun = scenario.from === undefined;
    const close = () => {
      if (open?.written && begun) {
        segments.set(open.name, (segments.get(open.name) ?? 0) + clock.now - since);
      }
    };
    port.routine = (next, rounds) => {
      close();
      if (scenario.until !== undefined && next === ROUTINE[scenario.until]) throw new Cut();
      begun ||= next.name === scenario.from;
      open = next;
      since = clock.now;
      routine.call(port, next, rounds);
    };
    try {
      act();
      close();
    } catch (error) {
      if (!(error instanceof Cut)) throw error;
    } finally {
      port.routine = routine;
    }
    return segments;
  }

  /** Brings the CPU to the first instruction of the hand-written routines. */
  #enter(scenario: Scenario, act: () => void): void {
    const { from } = scenario;
    if (from === undefined) return;
    this.#emulated({ ...scenario, from: undefined, until: from }, act);
    const cpu = this.#cpu;
    const abort = from === "abort_return";
    cpu.cpsr = 0xc0 | (abort ? MODE.ABT : MODE.SVC);
    if (abort) cpu.setReg(13, MAP.GLOBAL + GLOBAL.ABORT_STACK - 28);
    else cpu.setReg(5, MAP.GLOBAL);
    cpu.pc = ROUTINE[from].address;
  }

  #call(scenario: Scenario): Segments {
    const { act } = scenario.call!(this.lab);
    return this.#emulated(scenario, () => act(this.lab.vmm.port));
  }

  #enterCall(scenario: Scenario): void {
    const { routine, args } = scenario.call!(this.lab);
    const cpu = this.#cpu;
    cpu.cpsr = 0xc0 | MODE.SVC;
    args.forEach((value, i) => cpu.setReg(i, value));
    cpu.setReg(13, STACK);
    cpu.setReg(14, this.#compiled);
    cpu.pc = ROUTINE[routine].address;
  }

  /** Executes instructions until a guest runs, or C would. */
  #execute(): Segments {
    const cpu = this.#cpu;
    const { board } = this.lab;
    const segments: Segments = new Map();
    const add = (routine: Routine, cycles: number) =>
      segments.set(routine.name, (segments.get(routine.name) ?? 0) + cycles);
    for (let steps = 0; cpu.pc !== this.#compiled && (cpu.cpsr & 0x1f) !== MODE.USR; steps++) {
      if (steps > MOST_STEPS) throw new InputError("monitor", "has lost its way", "");
      const { pc } = cpu;
      const at = this.#routineAt(pc);
      const conditional = board.peek(MAP.TEXT + (pc - MAP.VECTORS), 4) >>> 28 !== 14;
      const before = board.clock.now;
      cpu.step();
      const cycles = board.clock.now - before;
      const next = this.#routineAt(cpu.pc);
      // A conditional branch that is taken is the cost of where it leads.
      if (conditional && cpu.pc !== pc + 4 && next !== at && next !== undefined) {
        add(at!, 1);
        add(next, cycles - 1);
      } else add(at!, cycles);
    }
    return segments;
  }

  #routineAt(pc: number): Routine | undefined {
    if (pc < MAP.VECTORS) return undefined;
    return this.#labels.findLast((routine) => routine.address <= pc);
  }

  // --- moments -----------------------------------------------------------------------------------

  #moment(): Moment {
    return { fork: forkState(this.lab), memory: this.#memory() };
  }

  /** SDRAM as the core sees it, as far as anybody writes there. */
  #memory(): Uint32Array {
    const words = sdramWords(this.lab);
    const memory = new Uint32Array(words.length);
    for (const [first, end] of this.#ranges) memory.set(words.subarray(first, end), first);
    const { data } = this.#cpu.mmu.state().caches!;
    data.tag.forEach((tag, line) => {
      if ((tag & 1) === 0 || data.dirty[line] === 0) return;
      const first = (data.pa[line] & -CACHE_LINE) >>> 0;
      for (let i = 0; i < CACHE_LINE / 4; i++) {
        memory[(first - MAP.SDRAM >>> 2) + i] = data.data[line * CACHE_LINE / 4 + i];
      }
    });
    return memory;
  }

  /** Puts the machine back; what caches and TLBs hold stays there. */
  #put({ fork, memory }: Moment): void {
    const { lab } = this;
    const { caches, itlb, dtlb } = this.#cpu.mmu.state();
    const mmu: MmuState = { ...fork.mmu, caches, itlb, dtlb };
    putForkState(lab, { ...fork, mmu }, () => undefined);
    const now = this.#memory();
    for (const [first, end] of this.#ranges) {
      for (let i = first; i < end; i++) {
        if (now[i] !== memory[i]) lab.board.poke(MAP.SDRAM + i * 4, memory[i]);
      }
    }
  }

  /** What is to be the same. */
  #outcome(): Outcome {
    const cpu = this.#cpu;
    const registers = Array.from({ length: 15 }, (_, n) => cpu.userReg(n));
    const user = (cpu.cpsr & 0x1f) === MODE.USR;
    return {
      memory: this.#memory(),
      // Only a guest's are of meaning.
      registers: user ? [...registers, cpu.pc, cpu.cpsr, heldContext(this.lab.board)] : undefined,
      kernel: user && isKernelContext(heldContext(this.lab.board)),
      cp15: [cpu.mmu.mrc(3, 0, 0) >>> 0, cpu.mmu.mrc(13, 0, 0) >>> 0],
    };
  }

  #compare({ part, call }: Scenario, wanted: Outcome, found: Outcome): void {
    const differ = (what: string, a: number, b: number) => {
      const text = `0x${(b >>> 0).toString(16)} instead of 0x${(a >>> 0).toString(16)}`;
      throw new InputError(`monitor: ${part}`, `${what} is ${text}`, "");
    };
    // A routine that is called gives nothing back in registers.
    if (call === undefined) {
      wanted.registers?.forEach((value, n) => {
        if (wanted.kernel && NOT_PROMISED.includes(n)) return;
        const other = found.registers?.[n] ?? NaN;
        if (value !== other) differ(`register ${n}`, value, other);
      });
    }
    wanted.cp15.forEach((value, n) => {
      if (value !== found.cp15[n]) differ(["DACR", "PID"][n], value, found.cp15[n]);
    });
    for (const [first, end] of this.#ranges) {
      for (let i = first; i < end; i++) {
        if (wanted.memory[i] === found.memory[i]) continue;
        const pa = MAP.SDRAM + i * 4;
        if (isScratch(pa)) continue;
        differ(`the word at 0x${pa.toString(16)}`, wanted.memory[i], found.memory[i]);
      }
    }
  }
}

/** What an execution came to. */
interface Outcome {
  readonly memory: Uint32Array;
  readonly registers: readonly number[] | undefined;
  readonly kernel: boolean;
  readonly cp15: readonly number[];
}

/** Counts for reports, and what entries write before they read it. */
function isScratch(pa: number): boolean {
  const at = pa - MAP.GLOBAL;
  return pa < MAP.FRAMES || (pa >= MAP.METERS && pa < MAP.TABLES) ||
    (pa >= MAP.VMM_CYCLES && pa < MAP.VMM_CYCLES + 8) ||
    (at >= 0 && at < GLOBAL.CURRENT) || (at >= GLOBAL.SIZE && at < GLOBAL.ABORT_STACK) ||
    (pa > STACK - 256 && pa <= STACK);
}
