/**
 * Messages between VMs: a bounded ring per receiver, in the monitor's memory.
 *
 * A message stays in its ring until no kept cut of the receiver needs it, so that a rollback of the
 * receiver reads it again. Sends are numbered per sender; what a rolled-back sender sends again is
 * dropped (R5).
 *
 * @module
 */

import type { Backup } from "./backup.ts";
import { MAP, MAX_VMS, MESSAGE, MESSAGE_RING, VM } from "./layout.ts";
import type { Port } from "./port.ts";
import { ROUTINE } from "./routines.ts";
import { slotMva } from "./vm.ts";
import { SLOT_MAP, VMI_ERROR } from "./vmi.ts";

/** What became of a send. */
export interface SendResult {
  /** r0 of the caller. */
  result: number;
  /** Record of the VM that is to be told, 0: none. */
  receiver: number;
}

/** The rings. */
export class Messages {
  readonly #port: Port;
  readonly #backup: Backup;

  /**
   * Rings of all VMs.
   *
   * @param port The monitor's port.
   * @param backup Knows what kept cuts still need.
   */
  constructor(port: Port, backup: Backup) {
    this.#port = port;
    this.#backup = backup;
  }

  /** `HC_SEND`: all arguments are checked; nothing is sent on an error. */
  send(vm: number, to: number, va: number, length: number): SendResult {
    const port = this.#port;
    port.routine(ROUTINE.message);
    const fail = (result: number) => ({ result, receiver: 0 });
    if (to >= MAX_VMS || length < 1 || length > MESSAGE.MAX) return fail(VMI_ERROR.EINVAL);
    const receiver = port.read(MAP.VM_TABLE + to * 4);
    if (receiver === 0 || receiver === vm) return fail(VMI_ERROR.EINVAL);
    const bytes = this.#readGuest(vm, va, length);
    if (bytes === undefined) return fail(VMI_ERROR.EFAULT);
    const sender = port.read(vm + VM.ID);
    const seq = port.read(vm + VM.SEND_SEQ) + 1;
    const accepted = receiver + VM.ACCEPTED + sender * 4;
    if (seq <= port.read(accepted)) {
      port.write(vm + VM.SEND_SEQ, seq);
      return fail(0);
    }
    // Who has not asked for messages is not disturbed by one.
    if (port.read(receiver + VM.LISTENS) === 0) return fail(VMI_ERROR.EAGAIN);
    const write = port.read(receiver + VM.MESSAGE_WRITE);
    const oldest = this.#backup.oldestHeld(receiver, VM.MESSAGE_READ);
    if (write - oldest >= MESSAGE_RING) {
      const read = port.read(receiver + VM.MESSAGE_READ);
      const due = port.read(receiver + VM.CUT_DUE) !== 0;
      if (due || write - read >= MESSAGE_RING) return fail(VMI_ERROR.EAGAIN);
      // It has read what only its kept cuts still need: a new cut makes room, so it is woken for one.
      port.write(receiver + VM.CUT_DUE, 1);
      return { result: VMI_ERROR.EAGAIN, receiver };
    }
    const slot = receiver + VM.MESSAGES + (write % MESSAGE_RING) * MESSAGE.SIZE;
    port.write(slot + MESSAGE.SENDER, sender);
    port.write(slot + MESSAGE.SEQ, seq);
    port.write(slot + MESSAGE.LENGTH, length);
    bytes.forEach((byte, i) => port.storeByte(slot + MESSAGE.DATA + i, byte));
    port.write(receiver + VM.MESSAGE_WRITE, (write + 1) >>> 0);
    port.write(accepted, seq);
    port.write(vm + VM.SEND_SEQ, seq);
    if (seq > port.read(vm + VM.SEND_MAX)) port.write(vm + VM.SEND_MAX, seq);
    return { result: 0, receiver };
  }

  /** The VM of a slot is a new one: its messages are numbered from 1 again. */
  forget(id: number): void {
    const port = this.#port;
    for (let i = 0; i < MAX_VMS; i++) {
      const vm = port.read(MAP.VM_TABLE + i * 4);
      if (vm !== 0) port.write(vm + VM.ACCEPTED + id * 4, 0);
    }
  }

  /** `HC_RECEIVE`: the sender's number in r1. */
  receive(vm: number, va: number, length: number): number {
    const port = this.#port;
    port.routine(ROUTINE.message);
    port.write(vm + VM.LISTENS, 1);
    const read = port.read(vm + VM.MESSAGE_READ);
    if (read === port.read(vm + VM.MESSAGE_WRITE)) return 0;
    const slot = vm + VM.MESSAGES + (read % MESSAGE_RING) * MESSAGE.SIZE;
    const count = Math.min(port.read(slot + MESSAGE.LENGTH), MESSAGE.MAX, length);
    const mva = this.#mva(vm, va, count);
    if (mva < 0) return VMI_ERROR.EFAULT;
    for (let i = 0; i < count; i++) {
      const byte = port.loadByte(slot + MESSAGE.DATA + i);
      if (!port.writeUser(mva + i, 1, byte)) return VMI_ERROR.EFAULT;
    }
    port.write(vm + VM.MESSAGE_READ, (read + 1) >>> 0);
    port.board.cpu.setUserReg(1, port.read(slot + MESSAGE.SENDER));
    return count;
  }

  #mva(vm: number, va: number, length: number): number {
    if (va >= SLOT_MAP.SIZE || length > SLOT_MAP.SIZE - va) return -1;
    return slotMva(this.#port.read(vm + VM.ID), va);
  }

  #readGuest(vm: number, va: number, length: number): number[] | undefined {
    const mva = this.#mva(vm, va, length);
    if (mva < 0) return undefined;
    const bytes: number[] = [];
    for (let i = 0; i < length; i++) {
      const byte = this.#port.readUser(mva + i, 1);
      if (byte < 0) return undefined;
      bytes.push(byte);
    }
    return bytes;
  }
}
