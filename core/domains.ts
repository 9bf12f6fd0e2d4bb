/**
 * The domain pool: 14 domains for all units of all guests, handed out on use.
 *
 * A unit without a domain has the closed one in its first-level words, so its pages fault for
 * everybody. Giving a domain away costs the first-level words of two units, a drain and both TLBs.
 *
 * @module
 */

import {
  CLOSED_DOMAIN,
  DOMAIN,
  FIRST_DOMAIN,
  GLOBAL,
  MAP,
  MOST,
  NONE,
  PIECE_REC,
  SLOT_BASE,
  TASK_STATE,
  UNIT,
  VM,
} from "./layout.ts";
import { coarseDescriptor } from "./pagetable.ts";
import { MonitorFault, type Port } from "./port.ts";
import { ROUTINE } from "./routines.ts";
import { SLOT_MAP } from "./vmi.ts";

const POOL = 16 - FIRST_DOMAIN;
/** Cycles of `protect` behind its loop, apart from data words. */
const PROTECT_END = 10;
/** DACR with only the monitor's domain open: who runs with it owes a checkpoint. */
export const DACR_MONITOR = 1;

/** Address of unit `index` of a VM. */
export function unitOf(vm: number, index: number): number {
  return vm + VM.UNIT_AREA + index * UNIT.SIZE;
}

/** Address of the master entry that maps guest address `va` of a VM. */
export function masterEntry(vmId: number, va: number): number {
  return MAP.MASTER + ((SLOT_BASE + vmId * SLOT_MAP.SIZE + va) >>> 20) * 4;
}

/** The pool. */
export class Domains {
  readonly #port: Port;

  /**
   * The pool of one machine.
   *
   * @param port The monitor's port.
   */
  constructor(port: Port) {
    this.#port = port;
  }

  /** Address of the domain record that is checked and written. */
  #record(domain: number): number {
    return MAP.DOMAINS + domain * DOMAIN.SIZE;
  }

  /**
   * Sees to it that kernel, common text, shared piece and `unit` (the current task's, or the kernel's)
   * of a VM have domains, and that the DACR images of `unit` are right. Task mode opens all of them
   * but the kernel. An image that is closed because a checkpoint is owed stays so.
   */
  open(vm: number, unit: number): void {
    const port = this.#port;
    const epoch = port.read(MAP.GLOBAL + GLOBAL.DOMAIN_EPOCH);
    if (port.read(unit + UNIT.EPOCH) === epoch) return;
    port.routine(ROUTINE.open_domains);
    const kernel = unitOf(vm, 0);
    const hasCommon = port.count(vm + VM.UNIT_COUNT, MOST.UNITS) > 1;
    const shared = port.count(vm + VM.SHARED, MOST.UNITS);
    const open = hasCommon ? [unitOf(vm, 1), unit] : [];
    if (shared !== 0) open.push(unitOf(vm, shared));
    const needed = [kernel, ...open];
    let changed = false;
    for (const u of needed) {
      if (port.read(u + UNIT.DOMAIN) === CLOSED_DOMAIN) {
        this.#assign(u, needed);
        changed = true;
      }
    }
    if (changed) {
      port.add(MAP.GLOBAL + GLOBAL.DOMAIN_EPOCH, 1);
      port.drain();
      port.invalidateDataTlb();
      port.invalidateInstructionTlb();
    }
    let image = DACR_MONITOR;
    for (const u of open) image |= 1 << port.read(u + UNIT.DOMAIN) * 2;
    if (port.read(unit + UNIT.DACR_TASK) !== DACR_MONITOR) {
      port.write(unit + UNIT.DACR_TASK, image >>> 0);
    }
    image |= 1 << port.read(kernel + UNIT.DOMAIN) * 2;
    port.write(unit + UNIT.DACR_KERNEL, image >>> 0);
    // A task that is none, or whose call is open, takes the long way at each dispatch.
    const usual = port.read(unit + UNIT.TASK) === NONE ||
      port.read(unit + UNIT.STATE) === TASK_STATE.CREATED &&
        port.read(unit + UNIT.CALL_OPEN) === 0;
    if (usual) port.write(unit + UNIT.EPOCH, port.read(MAP.GLOBAL + GLOBAL.DOMAIN_EPOCH));
  }

  /** The image with which a task runs is open again. */
  reopen(unit: number): void {
    const port = this.#port;
    const kernel = unitOf(port.read(unit + UNIT.VM), 0);
    const mask = 3 << port.read(kernel + UNIT.DOMAIN) * 2;
    port.write(unit + UNIT.DACR_TASK, (port.read(unit + UNIT.DACR_KERNEL) & ~mask) >>> 0);
  }

  /** The images of a unit are void: they are made anew when it is next dispatched. */
  forget(unit: number): void {
    this.#port.write(unit + UNIT.DACR_TASK, 0);
    this.#port.write(unit + UNIT.EPOCH, 0);
  }

  /** Takes every domain back, so that the next opening does not depend on what came before. */
  closeAll(): void {
    const port = this.#port;
    for (let domain = FIRST_DOMAIN; domain < 16; domain++) {
      const owner = port.read(this.#record(domain));
      if (owner === 0) continue;
      port.write(owner + UNIT.DOMAIN, CLOSED_DOMAIN);
      port.write(this.#record(domain), 0);
      this.install(this.#vmOf(owner), owner);
    }
    port.write(MAP.GLOBAL + GLOBAL.DOMAIN_NEXT, FIRST_DOMAIN);
    port.add(MAP.GLOBAL + GLOBAL.DOMAIN_EPOCH, 1);
    port.drain();
    port.invalidateDataTlb();
    port.invalidateInstructionTlb();
  }

  /** Takes the domains of all units of a VM back (the VM is deleted). */
  release(vm: number): void {
    const port = this.#port;
    const count = port.count(vm + VM.UNIT_COUNT, MOST.UNITS);
    for (let i = 0; i < count; i++) {
      const unit = unitOf(vm, i);
      const domain = port.read(unit + UNIT.DOMAIN);
      if (domain !== CLOSED_DOMAIN) {
        port.write(this.#record(domain), 0);
        port.write(unit + UNIT.DOMAIN, CLOSED_DOMAIN);
      }
    }
    port.add(MAP.GLOBAL + GLOBAL.DOMAIN_EPOCH, 1);
  }

  /** Writes the first-level words of a unit: its installed tables, its domain. */
  install(vm: number, unit: number): void {
    const port = this.#port;
    const first = port.read(unit + UNIT.FIRST_PIECE);
    const count = port.count(unit + UNIT.PIECE_COUNT, MOST.PIECES);
    const pieces = port.read(vm + VM.PIECES);
    for (let i = first; i < first + count; i++) {
      this.installPiece(vm, unit, pieces + i * PIECE_REC.SIZE);
    }
  }

  /** Writes the first-level word of one piece, as `install_piece` does. */
  installPiece(vm: number, unit: number, piece: number): void {
    const port = this.#port;
    port.routine(ROUTINE.install_piece);
    const id = port.ldr(vm + VM.ID);
    const entry = masterEntry(id, port.ldr(piece + PIECE_REC.VA));
    const domain = port.ldr(unit + UNIT.DOMAIN);
    port.str(entry, coarseDescriptor(port.ldr(piece + PIECE_REC.A_TABLE), domain));
  }

  /**
   * The spare takes the place of the active table in each piece of a unit, whose pages are clean from
   * now on, as `protect` does.
   */
  protect(vm: number, unit: number): void {
    const port = this.#port;
    port.routine(ROUTINE.protect);
    const first = port.ldr(unit + UNIT.FIRST_PIECE);
    const count = port.ldr(unit + UNIT.PIECE_COUNT);
    if (count > MOST.PIECES) throw new MonitorFault("the number of a unit's pieces is damaged");
    const pieces = port.ldr(vm + VM.PIECES);
    for (let i = first; i < first + count; i++) {
      const piece = pieces + i * PIECE_REC.SIZE;
      port.charge(ROUTINE.protect.round);
      const active = port.ldr(piece + PIECE_REC.A_TABLE);
      const spare = port.ldr(piece + PIECE_REC.C_TABLE);
      port.str(piece + PIECE_REC.C_TABLE, active);
      port.str(piece + PIECE_REC.A_TABLE, spare);
      this.installPiece(vm, unit, piece);
    }
    const dirty = port.ldr(unit + UNIT.DIRTY_HEAD);
    port.str(unit + UNIT.DIRTY_HEAD, 0);
    port.str(unit + UNIT.REPAIR_HEAD, dirty);
    // While the write buffer works.
    port.charge(PROTECT_END);
    port.publish();
  }

  #assign(unit: number, needed: readonly number[]): void {
    const port = this.#port;
    let domain = port.read(MAP.GLOBAL + GLOBAL.DOMAIN_NEXT);
    for (let i = 0; i < POOL; i++) {
      const owner = port.read(this.#record(domain));
      if (owner === 0 || !needed.includes(owner)) break;
      domain = this.#after(domain);
    }
    port.write(MAP.GLOBAL + GLOBAL.DOMAIN_NEXT, this.#after(domain));
    const owner = port.read(this.#record(domain));
    if (owner !== 0) {
      port.write(owner + UNIT.DOMAIN, CLOSED_DOMAIN);
      this.install(this.#vmOf(owner), owner);
    }
    port.write(this.#record(domain), unit);
    port.write(unit + UNIT.DOMAIN, domain);
    this.install(this.#vmOf(unit), unit);
  }

  #after(domain: number): number {
    return domain + 1 < 16 ? domain + 1 : FIRST_DOMAIN;
  }

  /** A unit lies in the arena block of its VM, whose record is the block's first bytes. */
  #vmOf(unit: number): number {
    return this.#port.read(unit + UNIT.VM);
  }
}
