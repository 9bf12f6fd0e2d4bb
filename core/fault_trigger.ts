/**
 * Faults that are armed: waits for the trigger, strikes, and waits for what the fault is about where
 * that is an event (a fetch, a call, an interrupt).
 *
 * The machine has no hooks of its own for this, so that it pays nothing for it: methods of single
 * objects are replaced while a fault is armed, and put back.
 *
 * @module
 */

import type { AccessSize } from "./bus.ts";
import { observedInTask, observedTask } from "./contexts.ts";
import { STOP, VECTOR } from "./cpu.ts";
import {
  applyModel,
  executes,
  type Fault,
  isEventPlace,
  noStrike,
  partyOf,
  type Strike,
  strikeCell,
} from "./fault.ts";
import { findVm, isRunning, type Machine, symbolAddress } from "./fault_place.ts";
import type { TriggerEvent } from "./fault_text.ts";
import { SLOT_BASE, VM } from "./layout.ts";
import { ACCESS } from "./mmu.ts";
import { SOURCE } from "./s3c2440_intc.ts";
import { SLOT_MAP, VIRQ } from "./vmi.ts";

/** A method that was replaced on one object. */
type Undo = () => void;

/**
 * Replaces a method on one object.
 *
 * @param make Gets the old method, bound, and gives the new one.
 */
function hook<T extends object, K extends keyof T>(
  object: T,
  name: K,
  make: (old: T[K]) => T[K],
): Undo {
  const old = object[name];
  const bound = typeof old === "function" ? old.bind(object) : old;
  object[name] = make(bound);
  // Put back, not deleted: an object with a deleted property is slow for ever.
  return () => object[name] = old;
}

/** Cycles between looks for a guest that does not exist yet. */
const GUEST_POLL = 10_000;
const THUMB = 0x20;
const IRQ_MASKED = 0x80;

/**
 * A fault that waits for its trigger on a machine.
 *
 * ```ts ignore
 * const armed = new ArmedFault(lab, "ucos-1", parseFault("reg:r4:12@pc=worker#3"));
 * armed.run(lab.board.clock.cycleAt(1e9));
 * console.log(armed.strike?.detail);
 * ```
 */
export class ArmedFault {
  /** What came of it, as soon as that is known. */
  strike: Strike | undefined;
  readonly #machine: Machine;
  readonly #vmName: string;
  readonly #fault: Fault;
  #at: number;
  #undo: Undo[] = [];
  #waiting: "time" | "event" | "place" | "nothing" = "time";
  /** A hook asks for the strike at the next instruction boundary. */
  #now = false;
  #instructionsLeft = 0;
  #hits = 0;
  /** A late interrupt: when, and how it is raised. */
  #later: { cycle: number; raise: () => void } | undefined;

  /**
   * Arms a fault.
   *
   * @param machine The machine, between two instructions.
   * @param vm Name of the guest.
   * @param fault The fault; a time that has passed counts as now.
   */
  constructor(machine: Machine, vm: string, fault: Fault) {
    this.#machine = machine;
    this.#vmName = vm;
    this.#fault = fault;
    this.#at = machine.board.clock.cycleAt(fault.time);
  }

  /** The fault has struck, or it is known that it never will. */
  get done(): boolean {
    return this.strike !== undefined && this.#later === undefined;
  }

  /**
   * Runs the machine to a board time, or to the monitor's own stop; the fault strikes on the way.
   *
   * @param until Board time, cycles.
   */
  run(until: number): void {
    const { board, vmm } = this.#machine;
    while (board.clock.now < until && !vmm.stopped) {
      if (!this.#step(until)) return;
    }
  }

  /**
   * Runs to a board time or to the strike, whichever comes first.
   *
   * @returns True when it has struck, or never will.
   */
  runToStrike(until: number): boolean {
    const { board, vmm } = this.#machine;
    while (this.strike === undefined && board.clock.now < until && !vmm.stopped) {
      if (!this.#step(until)) break;
    }
    return this.strike !== undefined;
  }

  /** Puts back what was replaced; without a strike the fault did not fire. */
  disarm(): void {
    this.#unhook();
    this.#waiting = "nothing";
    this.#later = undefined;
    this.strike ??= noStrike(this.#machine, this.#why());
  }

  #unhook(): void {
    for (const undo of this.#undo.reverse()) undo();
    this.#undo = [];
  }

  #why(): string {
    const { event } = this.#fault.trigger;
    if (event === undefined || this.#hits >= countOf(event)) {
      return isEventPlace(this.#fault.place.kind)
        ? "nothing of the kind happened before the end"
        : "the run ended before its time";
    }
    return event.kind === "instructions"
      ? "the run ended before so many instructions"
      : `its trigger came ${this.#hits} of ${event.count} times`;
  }

  /** One stretch; false when the machine can't go on. */
  #step(until: number): boolean {
    const { board } = this.#machine;
    const { clock } = board;
    if (this.#now) {
      this.#now = false;
      this.#atBoundary();
      return true;
    }
    let end = until;
    if (this.#waiting === "time") {
      if (clock.now >= this.#at) {
        this.#timeHasCome();
        return true;
      }
      end = Math.min(end, this.#at);
    } else if (this.#later !== undefined) {
      if (clock.now >= this.#later.cycle) {
        const { raise } = this.#later;
        this.#later = undefined;
        raise();
        return true;
      }
      end = Math.min(end, this.#later.cycle);
    } else if (this.#instructionsLeft > 0) {
      // An instruction takes a cycle at least, so that this never goes too far. The run ends when the
      // guest begins or ceases to execute, so that all instructions in it are its own, or none.
      const counts = this.#executes();
      if (counts) end = Math.min(end, clock.now + this.#instructionsLeft);
      const before = board.cpu.instructions;
      const stop = board.run(end);
      if (counts) this.#instructionsLeft -= board.cpu.instructions - before;
      if (this.#instructionsLeft === 0) this.#hit();
      return stop !== STOP.WFI;
    }
    const stop = board.run(end);
    if (stop === STOP.BREAK && this.#executes()) this.#hit();
    return stop !== STOP.WFI;
  }

  #executes(): boolean {
    const vm = findVm(this.#machine, this.#vmName);
    return vm !== 0 && executes(this.#machine, vm);
  }

  #timeHasCome(): void {
    const { event } = this.#fault.trigger;
    if (event === undefined) this.#triggered();
    else if (findVm(this.#machine, this.#vmName) !== 0) this.#await(event);
    // VM0 has not created the guest yet: it is looked for again.
    else this.#at += GUEST_POLL;
  }

  // --- events of the trigger -------------------------------------------------------------------

  #await(event: TriggerEvent): void {
    const machine = this.#machine;
    this.#waiting = "event";
    if (event.kind === "instructions") {
      this.#instructionsLeft = event.count;
      this.#hits = event.count - 1;
      let executed = this.#executes();
      this.#undo.push(hook(machine.board, "onTrap", (trap) => (vector) => {
        trap?.(vector);
        if (this.#executes() === executed) return;
        executed = !executed;
        machine.board.requestStop();
      }));
      return;
    }
    if (!("at" in event)) return this.#watchWork(event.kind, event.count, event.steps);
    const vm = findVm(machine, this.#vmName);
    const va = symbolAddress(machine, vm, event.at.symbol, event.at.offset);
    if (va < 0) return this.#miss(`the guest has no symbol ${event.at.symbol}`);
    if (event.kind === "pc") {
      const { breakpoints } = machine.board.cpu;
      breakpoints.add(va);
      this.#undo.push(() => breakpoints.delete(va));
    } else {
      this.#watchAccess(vm, va, event.kind);
    }
  }

  #miss(why: string): void {
    this.#waiting = "nothing";
    this.strike = noStrike(this.#machine, why);
  }

  /** The trigger's event happened once more. */
  #hit(): void {
    this.#hits++;
    if (this.#hits === countOf(this.#fault.trigger.event!)) this.#triggered();
  }

  /** Accesses of the guest to a word: its page is kept out of the host's look-aside tables. */
  #watchAccess(vm: number, va: number, kind: "read" | "write" | "access"): void {
    const { board } = this.#machine;
    const { mmu } = board;
    const mva = SLOT_BASE + board.peek(vm + VM.ID, 4) * SLOT_MAP.SIZE + va;
    const pages: ReadonlySet<number> = new Set([va >>> 12, mva >>> 12]);
    mmu.flush();
    this.#undo.push(hook(mmu, "fill", (fill) => (address, pa) => {
      if (!pages.has(address >>> 12)) fill(address, pa);
    }));
    this.#undo.push(hook(mmu, "translate", (translate) => (address, access, privileged) => {
      const word = (address & ~3) >>> 0;
      if ((word === va || word === mva) && access !== ACCESS.FETCH && !privileged) {
        const wanted = kind === "access" || (kind === "write") === (access === ACCESS.WRITE);
        if (wanted && isRunning(board, vm)) {
          this.#hits++;
          if (this.#hits === countOf(this.#fault.trigger.event!)) this.#askStrike();
        }
      }
      return translate(address, access, privileged);
    }));
  }

  /** Checkpoints or swaps of the guest, and the monitor's steps in them. */
  #watchWork(kind: "checkpoint" | "swap", count: number, steps: number): void {
    const { backup, port } = this.#machine.vmm;
    let inside = false;
    let left = steps;
    const run = <T>(vm: number, work: () => T): T => {
      if (inside || this.strike !== undefined || vm !== findVm(this.#machine, this.#vmName)) {
        return work();
      }
      this.#hits++;
      inside = this.#hits === count;
      if (inside && left === 0) this.#triggered();
      try {
        return work();
      } finally {
        // A count of steps past the end of the work: it strikes there.
        if (inside && this.#waiting === "event") this.#triggered();
        inside = false;
      }
    };
    this.#undo.push(hook(port, "charge", (charge) => (cycles) => {
      charge(cycles);
      if (inside && left > 0 && --left === 0) this.#triggered();
    }));
    const wrap = <A extends [number, ...unknown[]], R>(method: (...a: A) => R) => (...a: A): R =>
      run(a[0], () => method(...a));
    if (kind === "checkpoint") {
      this.#undo.push(hook(backup, "checkpointTask", wrap), hook(backup, "cut", wrap));
    } else {
      this.#undo.push(hook(backup, "swapTask", wrap), hook(backup, "swapGuest", wrap));
    }
  }

  // --- the strike ------------------------------------------------------------------------------

  /** Ends the run of the board at the next instruction boundary, where {@linkcode #now} is seen. */
  #askStrike(): void {
    this.#now = true;
    this.#machine.board.requestStop();
  }

  #atBoundary(): void {
    if (this.#waiting === "event") this.#triggered();
    else if (this.#waiting === "place") this.#strikeFetch();
  }

  /** The trigger has come: a word is struck at once, an event is waited for. */
  #triggered(): void {
    const { kind } = this.#fault.place;
    this.#unhook();
    this.#waiting = "nothing";
    this.#instructionsLeft = 0;
    if (!isEventPlace(kind)) {
      this.strike = strikeCell(this.#machine, this.#vmName, this.#fault);
      return;
    }
    const vm = findVm(this.#machine, this.#vmName);
    if (vm === 0) return this.#miss("the guest does not exist yet");
    switch (kind) {
      case "fetch":
        return this.#awaitFetch(vm);
      case "irq":
        return this.#interrupt();
      case "virq":
        return this.#virtualInterrupt(vm);
      default:
        return this.#awaitCall(vm, kind);
    }
  }

  #fired(vm: number, detail: string, changed = true): void {
    this.strike = {
      fired: true,
      changed,
      detail,
      ...partyOf(this.#machine, vm, this.#fault.place),
      pa: -1,
      cycle: this.#machine.board.clock.now,
    };
  }

  /** Waits until the guest executes. */
  #awaitFetch(vm: number): void {
    this.#waiting = "place";
    const machine = this.#machine;
    if (executes(machine, vm)) {
      this.#now = true;
      return;
    }
    this.#undo.push(hook(machine.board, "onTrap", (trap) => (vector) => {
      trap?.(vector);
      if (this.strike === undefined && executes(machine, vm)) this.#askStrike();
    }));
  }

  #strikeFetch(): void {
    const { board } = this.#machine;
    const { clock, cpu, soc } = board;
    const vm = findVm(this.#machine, this.#vmName);
    clock.fireDue();
    const interrupted = soc.intc.irq && (cpu.cpsr & IRQ_MASKED) === 0;
    if (interrupted || !executes(this.#machine, vm)) {
      // The interrupt comes first; then it is waited for again.
      if (interrupted) board.run(clock.now + 1);
      return this.#awaitFetch(vm);
    }
    this.#waiting = "nothing";
    const { model } = this.#fault;
    const pc = cpu.pc;
    const size: AccessSize = (cpu.cpsr & THUMB) !== 0 ? 2 : 4;
    if (model.kind === "skip") {
      this.#fired(vm, `instruction at ${hex(pc)} skipped`);
      cpu.pc = pc + size;
      return;
    }
    const pa = board.mmu.probe(pc, ACCESS.FETCH, false);
    if (pa < 0) return this.#miss(`there is no instruction at ${hex(pc)}`);
    const word = pa - pa % 4;
    const old = board.peek(word, 4);
    const shift = (pa % 4) * 8;
    const mask = size === 4 ? 0xffff_ffff : 0xffff;
    const before = (old >>> shift & mask) >>> 0;
    const after = (applyModel(model, before) & mask) >>> 0;
    const changed = ((old & ~(mask << shift)) | (after << shift)) >>> 0;
    this.#fired(vm, `instruction at ${hex(pc)} ${hex(before)} -> ${hex(after)}`, after !== before);
    board.poke(word, changed);
    board.run(clock.now + 1);
    if (board.peek(word, 4) === changed) board.poke(word, old);
  }

  #interrupt(): void {
    const { board } = this.#machine;
    const { name } = this.#fault.place;
    const key = Object.keys(SOURCE).find((source) => source.toLowerCase() === name);
    if (key === undefined) return this.#miss(`the board has no interrupt source ${name}`);
    const source = SOURCE[key as keyof typeof SOURCE];
    const { intc } = board.soc;
    this.#source(
      `interrupt ${name}`,
      () => intc.raise(source),
      (caught) =>
        hook(intc, "raise", (raise) => (number) => {
          if (number !== source || !caught()) raise(number);
        }),
    );
  }

  #virtualInterrupt(vm: number): void {
    const { vmm } = this.#machine;
    const { name } = this.#fault.place;
    const source = VIRQ[name.toUpperCase() as keyof typeof VIRQ];
    this.#source(
      `virtual interrupt ${name}`,
      () => vmm.raise(vm, source),
      (caught) =>
        hook(vmm, "raise", (raise) => (record, number) => {
          if (record !== vm || number !== source || !caught()) raise(record, number);
        }),
    );
  }

  /**
   * An interrupt that is lost, late, or nobody asked for.
   *
   * @param raise Raises it.
   * @param intercept Has `caught` asked at each request; true: the request is swallowed.
   */
  #source(what: string, raise: () => void, intercept: (caught: () => boolean) => Undo): void {
    const { model } = this.#fault;
    const { clock } = this.#machine.board;
    const vm = findVm(this.#machine, this.#vmName);
    if (model.kind === "spurious") {
      this.#fired(vm, `${what} raised`);
      raise();
      return;
    }
    this.#undo.push(intercept(() => {
      if (this.strike !== undefined) return false;
      if (model.kind === "late") {
        this.#fired(vm, `${what} ${model.delay} ns late`);
        const cycle = clock.now + Math.ceil(model.delay * clock.fclk / 1e9);
        this.#later = { cycle, raise };
        this.#machine.board.requestStop();
      } else {
        this.#fired(vm, `${what} lost`);
      }
      return true;
    }));
  }

  /** The next hypercall of the kernel, or the next kernel call of a task. */
  #awaitCall(vm: number, kind: "hypercall" | "call"): void {
    const { board } = this.#machine;
    const { cpu } = board;
    const { name } = this.#fault.place;
    const { model } = this.#fault;
    const inMode = (vm: number) => observedInTask(board, vm) === (kind === "call");
    const register = name === "number" ? 12 : name === "result" ? 0 : Number(name.slice(1));
    let caller = -1;
    const strike = () => {
      const before = cpu.userReg(register);
      const after = applyModel(model, before);
      cpu.setUserReg(register, after);
      const what = `${name} of ${kind} ${hex(cpu.userReg(12))}`;
      this.#fired(vm, `${what}: ${hex(before)} -> ${hex(after)}`, before !== after);
    };
    this.#undo.push(hook(board, "onTrap", (trap) => (vector) => {
      const calls = vector === VECTOR.SWI && isRunning(board, vm) && inMode(vm);
      if (this.strike === undefined && calls && caller < 0) {
        if (name === "result") caller = observedTask(board, vm);
        else strike();
      }
      trap?.(vector);
      // The result is there when the caller goes on.
      const back = caller >= 0 && executes(this.#machine, vm) &&
        inMode(vm) && observedTask(board, vm) === caller;
      if (this.strike === undefined && back) strike();
    }));
  }
}

function countOf(event: TriggerEvent): number {
  return event.count;
}

function hex(n: number): string {
  return `0x${(n >>> 0).toString(16)}`;
}
