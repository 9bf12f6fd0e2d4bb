/**
 * Consoles of the guests: output, held output, and the input that UART0 brings.
 *
 * @module
 */

import type { Backup } from "./backup.ts";
import { observedText } from "./contexts.ts";
import {
  GLOBAL,
  HELD_OUTPUT,
  INPUT_RING,
  JOURNAL_MODE,
  MAP,
  NONE,
  UNIT,
  UNIT_KIND,
  VM,
} from "./layout.ts";
import { MonitorFault, type Port } from "./port.ts";
import type { Recorder } from "./recorder.ts";
import { ROUTINE } from "./routines.ts";
import { INTC_ADDRESS } from "./s3c2440_intc.ts";
import { askCheckpoint, askCut, isVm0 } from "./vm.ts";
import { VIRQ } from "./vmi.ts";

/** UART0, S3C2440A manual chapter 11. */
const UFSTAT0 = 0x5000_0018;
const UTXH0 = 0x5000_0020;
const URXH0 = 0x5000_0024;
const UFSTAT_TX_FULL = 0x4000;
/** Cycles between looks at a full transmit FIFO. */
const UART_POLL = 400;
/** At the beginning of a line it brings UART0's input back to VM0. */
const TILDE = 0x7e;

/** Most bytes that are held, and that are remembered. */
const HALF = HELD_OUTPUT / 2;

/** The consoles. */
export class Consoles {
  /**
   * Consoles of all VMs.
   *
   * @param port The monitor's port.
   * @param backup Tells of checkpoints, at which held output is released.
   * @param recorder The observer.
   * @param raise Makes a virtual interrupt source of a VM pending.
   */
  constructor(
    readonly port: Port,
    readonly backup: Backup,
    readonly recorder: Recorder,
    readonly raise: (vm: number, source: number) => void,
  ) {
    backup.onCommit = (vm, unit) => this.#releaseOutput(vm, unit);
    backup.onRollback = (unit, made) => {
      // A task whose calls are logged does not write again what it wrote.
      const logged = port.read(MAP.GLOBAL + GLOBAL.JOURNAL) === JOURNAL_MODE.LOG;
      if (!logged) port.write(unit + UNIT.OUTPUT_MADE, made);
    };
  }

  /**
   * Console output of a guest: at once, or with output commit at the writer's next checkpoint. Then a
   * rolled-back writer that writes again what was shown already is not heard.
   *
   * @returns Bytes taken.
   */
  output(vm: number, bytes: Uint8Array): number {
    const port = this.port;
    port.routine(ROUTINE.console);
    const unit = port.read(vm + VM.CUR_UNIT);
    const held = port.read(MAP.GLOBAL + GLOBAL.OUTPUT_COMMIT) !== 0 && !isVm0(port, vm);
    if (!held) {
      this.#emitOutput(vm, unit, bytes);
      return bytes.length;
    }
    const buffer = port.read(unit + UNIT.OUTPUT);
    const shown = port.read(unit + UNIT.OUTPUT_SHOWN);
    let made = port.read(unit + UNIT.OUTPUT_MADE);
    let taken = 0;
    for (const byte of bytes) {
      const before = (shown - made) | 0;
      const again = before > 0 &&
        (before > HALF || port.loadByte(buffer + made % HELD_OUTPUT) === byte);
      if (!again) {
        // What comes instead of what was shown before a rollback is new.
        if (before > 0) made = shown;
        if (((made - shown) | 0) >= HALF) break;
        port.storeByte(buffer + made % HELD_OUTPUT, byte);
      }
      made = (made + 1) >>> 0;
      taken++;
    }
    port.write(unit + UNIT.OUTPUT_MADE, made);
    if (((made - shown) | 0) > HALF / 2) {
      if (port.read(unit + UNIT.TASK) === NONE) askCut(port, vm);
      else askCheckpoint(port, unit);
    }
    return taken;
  }

  #releaseOutput(vm: number, unit: number): void {
    const port = this.port;
    const shown = port.read(unit + UNIT.OUTPUT_SHOWN);
    const made = port.read(unit + UNIT.OUTPUT_MADE);
    const count = (made - shown) | 0;
    if (count <= 0) return;
    if (count > HALF) throw new MonitorFault("a count of console output is damaged");
    const buffer = port.read(unit + UNIT.OUTPUT);
    const bytes = Uint8Array.from(
      { length: count },
      (_, i) => port.loadByte(buffer + (shown + i) % HELD_OUTPUT),
    );
    port.write(unit + UNIT.OUTPUT_SHOWN, made);
    this.#emitOutput(vm, unit, bytes);
  }

  #emitOutput(vm: number, unit: number, bytes: Uint8Array): void {
    const port = this.port;
    const task = port.read(unit + UNIT.KIND) === UNIT_KIND.TASK;
    port.add(vm + VM.CONSOLE_BYTES, bytes.length);
    const id = port.read(vm + VM.ID);
    if (id === port.read(MAP.GLOBAL + GLOBAL.CONSOLE_VM)) {
      for (const byte of bytes) {
        while ((port.device(UFSTAT0) & UFSTAT_TX_FULL) !== 0) port.charge(UART_POLL);
        port.setDeviceByte(UTXH0, byte);
      }
    }
    const name = task ? observedText(port.board, unit + UNIT.NAME) : "";
    this.recorder.console(id, name, bytes, port.board.clock.ns());
  }

  /** UART0: what comes in goes to VM0, or to the VM that VM0 gave it to. */
  receive(): void {
    const port = this.port;
    const g = MAP.GLOBAL;
    while ((port.device(UFSTAT0) & 0x7f) !== 0) {
      const byte = port.deviceByte(URXH0);
      const back = byte === TILDE && port.read(g + GLOBAL.CONSOLE_LINE) !== 0;
      if (back && port.read(g + GLOBAL.CONSOLE_VM) !== 0) {
        // It is said to the monitor: what follows in the line is VM0's.
        port.write(g + GLOBAL.CONSOLE_VM, 0);
        continue;
      }
      port.write(g + GLOBAL.CONSOLE_LINE, byte === 10 || byte === 13 ? 1 : 0);
      const vm = port.read(MAP.VM_TABLE + port.read(g + GLOBAL.CONSOLE_VM) * 4);
      if (vm !== 0) this.input(vm, byte);
    }
    port.setDevice(INTC_ADDRESS.SUBSRCPND, 1);
  }

  /** A byte for a VM's console; false when its ring is full, or kept cuts still need all of it. */
  input(vm: number, byte: number): boolean {
    const port = this.port;
    const write = port.read(vm + VM.INPUT_WRITE);
    if (write - this.backup.oldestHeld(vm, VM.INPUT_READ) >= INPUT_RING) {
      if (write - port.read(vm + VM.INPUT_READ) < INPUT_RING) {
        // A new cut makes room; the VM is woken for one.
        askCut(port, vm);
        this.raise(vm, VIRQ.CONSOLE);
      }
      return false;
    }
    port.storeByte(vm + VM.INPUT + write % INPUT_RING, byte);
    port.write(vm + VM.INPUT_WRITE, (write + 1) >>> 0);
    this.raise(vm, VIRQ.CONSOLE);
    return true;
  }
}
