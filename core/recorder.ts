/**
 * The observer of a run: collects events, joins console bytes to lines, keeps the hashes.
 *
 * It watches the monitor and is no part of it: nothing here is read back by the monitor.
 *
 * @module
 */

import type { ElfFile } from "./elf.ts";
import { Hash64, type HashState } from "./hash.ts";
import type { ConsoleEvent, TraceEvent } from "./trace.ts";

/** What a recorder keeps of one VM. */
interface Watched {
  name: string;
  content: Hash64;
  trace: Hash64;
  /** Console text of the line that is not ended yet, by task name ("" for none). */
  lines: Map<string, string>;
  /** Console lines by task name. */
  lineCount: Map<string, number>;
  symbols?: ElfFile;
}

/** Saved form of {@linkcode Recorder}. */
export interface RecorderState {
  /** Trace hash. */
  hash: HashState;
  /** VMs by slot. */
  vms: {
    id: number;
    name: string;
    content: HashState;
    trace: HashState;
    lines: [string, string][];
    lineCount: [string, number][];
  }[];
}

/** Collects the events of a run. */
export class Recorder {
  readonly #hash = new Hash64();
  readonly #vms = new Map<number, Watched>();
  readonly #byName = new Map<string, Watched>();
  #events: TraceEvent[] = [];

  /** Called for each event as it happens, before it is queued. */
  onEvent: ((event: TraceEvent) => void) | undefined;

  /** False: events are told of and queued, but the hashes stand still. */
  hashing = true;

  /** Queues an event and adds it to the trace hash. */
  emit(event: TraceEvent): void {
    if (this.hashing) {
      const text = JSON.stringify(event);
      this.#hash.updateText(text);
      if ("vm" in event) this.#byName.get(event.vm)?.trace.updateText(text);
    }
    this.#events.push(event);
    this.onEvent?.(event);
  }

  /** The events since the last call. */
  take(): TraceEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  /** Hash of all events so far. */
  get hash(): string {
    return this.#hash.hex();
  }

  /** A VM came to be in slot `id`. */
  addVm(id: number, name: string, symbols: ElfFile | undefined): void {
    this.#add(id, {
      name,
      content: new Hash64(),
      trace: new Hash64(),
      lines: new Map(),
      lineCount: new Map(),
      symbols,
    });
  }

  #add(id: number, vm: Watched): void {
    this.#vms.set(id, vm);
    this.#byName.set(vm.name, vm);
  }

  /** Name of the VM in a slot. */
  name(id: number): string {
    return this.#vms.get(id)?.name ?? `vm${id}`;
  }

  /** Symbols of the VM in a slot. */
  symbols(id: number): ElfFile | undefined {
    return this.#vms.get(id)?.symbols;
  }

  /** Content hash of the VM in a slot. */
  contentHash(id: number): string {
    return this.#vms.get(id)?.content.hex() ?? "";
  }

  /** Hash of all events of the VM in a slot. */
  traceHash(id: number): string {
    return this.#vms.get(id)?.trace.hex() ?? "";
  }

  /** Adds a hypercall and its result to a VM's content hash. */
  call(id: number, number: number, a: number, b: number, result: number): void {
    const content = this.#vms.get(id)?.content;
    if (content === undefined || !this.hashing) return;
    content.update32(number);
    content.update32(a);
    content.update32(b);
    content.update32(result);
  }

  /** A VM wrote console bytes, from `task` ("" where it has none). */
  console(id: number, task: string, bytes: Uint8Array, t: number): void {
    const vm = this.#vms.get(id);
    if (vm === undefined) return;
    if (this.hashing) vm.content.updateBytes(bytes);
    let line = vm.lines.get(task) ?? "";
    for (const byte of bytes) {
      if (byte === 10) {
        this.#line(vm, task, line, t);
        line = "";
      } else if (byte !== 13) {
        line += String.fromCharCode(byte);
        if (line.length >= 1024) {
          this.#line(vm, task, line, t);
          line = "";
        }
      }
    }
    vm.lines.set(task, line);
  }

  /** Lines that were not ended, as events that are in no hash. */
  unfinished(t: number): ConsoleEvent[] {
    const events: ConsoleEvent[] = [];
    for (const vm of this.#vms.values()) {
      for (const [task, text] of vm.lines) {
        if (text === "") continue;
        events.push({
          type: "console",
          t,
          vm: vm.name,
          ...(task === "" ? {} : { task }),
          text,
        });
      }
    }
    return events;
  }

  /** Console lines of a task ("" where the VM has none). */
  lines(id: number, task: string): number {
    return this.#vms.get(id)?.lineCount.get(task) ?? 0;
  }

  #line(vm: Watched, task: string, text: string, t: number): void {
    vm.lineCount.set(task, (vm.lineCount.get(task) ?? 0) + 1);
    this.emit({ type: "console", t, vm: vm.name, ...(task === "" ? {} : { task }), text });
  }

  /** The state as plain data; symbols are given again by whoever restores. */
  state(): RecorderState {
    return {
      hash: this.#hash.state(),
      vms: [...this.#vms].map(([id, vm]) => ({
        id,
        name: vm.name,
        content: vm.content.state(),
        trace: vm.trace.state(),
        lines: [...vm.lines],
        lineCount: [...vm.lineCount],
      })),
    };
  }

  /** Goes on from a saved state. */
  restore(state: RecorderState, symbols: (name: string) => ElfFile | undefined): void {
    this.#hash.restore(state.hash);
    this.#vms.clear();
    this.#byName.clear();
    this.#events = [];
    for (const vm of state.vms) {
      const content = new Hash64();
      content.restore(vm.content);
      const trace = new Hash64();
      trace.restore(vm.trace);
      this.#add(vm.id, {
        name: vm.name,
        content,
        trace,
        lines: new Map(vm.lines),
        lineCount: new Map(vm.lineCount),
        symbols: symbols(vm.name),
      });
    }
  }
}
