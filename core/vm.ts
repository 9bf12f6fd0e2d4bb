/**
 * Virtual machines: creating them from an image in flash, restarting and deleting them.
 *
 * @module
 */

import { attend, holdContext } from "./contexts.ts";
import { masterEntry, unitOf } from "./domains.ts";
import { InputError } from "./errors.ts";
import { frameRecord, type Frames } from "./frames.ts";
import { hashBytes } from "./hash.ts";
import {
  CALL,
  CLOSED_DOMAIN,
  CONTEXT,
  CUT,
  CUT_DUE,
  FLASH_DIR,
  FLASH_MAGIC,
  FRAME,
  FRAME_STATE,
  GLOBAL,
  HELD_OUTPUT,
  JOURNAL_ENTRIES,
  MAP,
  MAX_GENERATIONS,
  MAX_VMS,
  MOST,
  NONE,
  PAGE_FLAG,
  PAGE_KIND,
  PAGE_MAP_SIZE,
  PAGE_REC,
  PIECE_REC,
  POLICY,
  SLOT_BASE,
  SLOT_PID,
  STRATEGY,
  TASK_STATE,
  UNIT,
  UNIT_KIND,
  VM,
} from "./layout.ts";
import { type GuestImage, loadImage, pageContent } from "./loader.ts";
import { AP, MEMORY_TYPE, smallPageDescriptor } from "./pagetable.ts";
import { MonitorFault, type Port } from "./port.ts";
import { ROUTINE } from "./routines.ts";
import {
  type Field,
  INFO_FIELDS,
  PAGE,
  PIECE,
  SLOT_MAP,
  VM_STATE,
  VMI_MAGIC,
  VMI_VERSION,
} from "./vmi.ts";

/** CPSR of guests: User mode, ARM, interrupts on. */
export const USER_CPSR = 0x10;

/** Offset of a word of the info page. */
export function infoOffset(name: string): number {
  return (INFO_FIELDS.find((f: Field) => f.name === name) as Field).offset;
}

const INFO = {
  MAGIC: infoOffset("MAGIC"),
  VERSION: infoOffset("VERSION"),
  VM_ID: infoOffset("VM_ID"),
  CUR_TASK: infoOffset("CUR_TASK"),
  V_PENDING: infoOffset("V_PENDING"),
  V_INTPND: infoOffset("V_INTPND"),
  V_TICKS: infoOffset("V_TICKS"),
  TASKS: infoOffset("TASKS"),
  IMAGES: infoOffset("IMAGES"),
  BOOT_ARG: infoOffset("BOOT_ARG"),
} as const;

/** True for VM0, which has no standby (P2) and may manage the others. */
export function isVm0(port: Port, vm: number): boolean {
  return port.read(vm + VM.ID) === 0 && port.read(MAP.GLOBAL + GLOBAL.HAS_VM0) !== 0;
}

/**
 * A checkpoint of a guest is asked for, if there are any; it is taken when the CPU is given up, or the
 * kernel left.
 */
export function askCut(port: Port, vm: number): void {
  if (port.read(vm + VM.DUE) === NONE) return;
  if (port.read(vm + VM.CUT_DUE) === CUT_DUE.NONE) port.write(vm + VM.CUT_DUE, CUT_DUE.ASKED);
  attend(port, vm);
}

/** A checkpoint of a task is asked for; it is taken when the task gives the CPU up. */
export function askCheckpoint(port: Port, unit: number): void {
  const off = port.read(MAP.GLOBAL + GLOBAL.STRATEGY) === STRATEGY.OFF;
  if (!off) port.write(unit + UNIT.DUE, 0);
}

/** Task areas of a VM. */
export function taskCount(port: Port, vm: number): number {
  return port.count(vm + VM.TASK_COUNT, MOST.TASKS);
}

/** MVA of guest address `va` of VM number `id`. */
export function slotMva(id: number, va: number): number {
  return SLOT_BASE + id * SLOT_MAP.SIZE + va;
}

/** Check word of a page record (R7): any single damaged bit of its words shows. */
export function pageStamp(va: number, active: number): number {
  return (Math.imul(va ^ 0x5bd1e995, 0x01000193) ^ Math.imul(active, 0x27d4eb2f)) >>> 0;
}

/** Gives a page its active frame. */
export function setActive(port: Port, page: number, frame: number): void {
  port.write(page + PAGE_REC.ACTIVE, frame);
  port.write(page + PAGE_REC.STAMP, pageStamp(port.read(page + PAGE_REC.VA), frame));
}

/** Descriptor of a guest's page: what a User access may do there. */
export function pageDescriptor(frame: number, word: number, readOnly = false): number {
  const kind = word >>> 4 & 7;
  const writable = (word & PAGE_FLAG.WRITABLE) !== 0 && !readOnly;
  const type = kind === PAGE_KIND.INFO ? MEMORY_TYPE.NCB : MEMORY_TYPE.WB;
  return smallPageDescriptor(frame, writable ? AP.USER_RW : AP.USER_RO, type);
}

/** Reads NUL-padded text from the monitor's memory. */
export function readName(port: Port, address: number): string {
  let text = "";
  for (let i = 0; i < 16; i++) {
    const c = port.loadByte(address + i);
    if (c === 0) break;
    text += String.fromCharCode(c);
  }
  return text;
}

function writeText(port: Port, address: number, text: string, size: number): void {
  for (let i = 0; i < size; i++) {
    port.storeByte(address + i, i < text.length && i < size - 1 ? text.charCodeAt(i) : 0);
  }
}

/** Where console output of a unit that starts anew goes on: nothing of it has been shown before. */
export function outputMade(port: Port, unit: number): number {
  const made = port.read(unit + UNIT.OUTPUT_MADE);
  const shown = port.read(unit + UNIT.OUTPUT_SHOWN);
  return ((shown - made) | 0) > 0 ? shown : made;
}

/** Creates, restarts and deletes VMs. */
export class VmStore {
  readonly #port: Port;
  readonly #frames: Frames;

  /**
   * VMs of one machine.
   *
   * @param port The monitor's port.
   * @param frames Its allocators.
   */
  constructor(port: Port, frames: Frames) {
    this.#port = port;
    this.#frames = frames;
  }

  /** Images in flash. */
  get images(): number {
    return this.#port.read(MAP.GLOBAL + GLOBAL.IMAGES);
  }

  /** Name of an image in flash. */
  imageName(index: number): string {
    return this.#withFlash(() => readName(this.#port, this.#directory(index) + FLASH_DIR.NAME));
  }

  /** Reads the flash directory at the monitor's start; 0 images when there is none. */
  readDirectory(): number {
    return this.#withFlash(() => {
      const ok = this.#port.read(MAP.FLASH + FLASH_DIR.MAGIC) === FLASH_MAGIC;
      return ok ? this.#port.read(MAP.FLASH + FLASH_DIR.COUNT) : 0;
    });
  }

  /** Reads and checks an image in flash; undefined when flash is damaged. */
  readImage(index: number): GuestImage | undefined {
    const port = this.#port;
    return this.#withFlash(() => {
      const entry = this.#directory(index);
      const offset = port.read(entry + FLASH_DIR.OFFSET);
      const length = port.read(entry + FLASH_DIR.LENGTH);
      if (length > 0x400000) return undefined;
      const bytes = new Uint8Array((length + 3) & ~3);
      const words = new DataView(bytes.buffer);
      for (let i = 0; i < length; i += 4) words.setUint32(i, port.read(offset + i), true);
      if (hashBytes(bytes.subarray(0, length)) !== readName(port, entry + FLASH_DIR.HASH)) {
        return undefined;
      }
      try {
        return loadImage(bytes.subarray(0, length), readName(port, entry + FLASH_DIR.NAME));
      } catch (error) {
        if (error instanceof InputError) return undefined;
        throw error;
      }
    });
  }

  /** Boot argument of an image in flash. */
  #argument(index: number): string {
    return this.#withFlash(() => {
      const entry = this.#directory(index);
      let text = "";
      for (let i = 0; i < 255; i++) {
        const c = this.#port.loadByte(entry + FLASH_DIR.ARGUMENT + i);
        if (c === 0) break;
        text += String.fromCharCode(c);
      }
      return text;
    });
  }

  #directory(index: number): number {
    return MAP.FLASH + FLASH_DIR.ENTRIES + index * FLASH_DIR.ENTRY_SIZE;
  }

  /** Flash lies below 32 MB, where FCSE moves addresses: it is read with PID 0. */
  #withFlash<T>(read: () => T): T {
    const port = this.#port;
    const pid = port.mrc(13, 0, 0);
    port.mcr(13, 0, 0, 0);
    try {
      return read();
    } finally {
      port.mcr(13, 0, 0, pid);
    }
  }

  /**
   * Creates a VM from image `index`: records, tables, frames, contents.
   *
   * @returns Its record, or a text that says why not; nothing is half done then.
   */
  create(index: number): number | string {
    const port = this.#port;
    port.routine(ROUTINE.create);
    let id = 0;
    while (id < MAX_VMS && port.read(MAP.VM_TABLE + id * 4) !== 0) id++;
    if (id === MAX_VMS) return "no free slot";
    const image = this.readImage(index);
    if (image === undefined) return "its image in flash is damaged";
    const generations = port.count(MAP.GLOBAL + GLOBAL.GENERATIONS, MAX_GENERATIONS);
    const units = image.units.length;
    const pages = image.units.reduce((n, u) => n + u.pages.length, 0);
    const pieces = image.units.reduce((n, u) => n + pieceAddresses(u.pages).length, 0);
    // A slot for each checkpoint that can name one, one to save in, one to spare.
    const slots = 2 * generations + 2;
    const cutSize = CUT.TASKS + units * CUT.TASK_SIZE;
    const at = {
      pieces: VM.SIZE,
      pages: 0,
      contexts: 0,
      cuts: 0,
      maps: 0,
      journals: 0,
      outputs: 0,
      end: 0,
    };
    at.pages = at.pieces + pieces * PIECE_REC.SIZE;
    // Aligned, so that CONTEXT.KERNEL is clear in their addresses.
    at.contexts = Math.ceil((at.pages + pages * PAGE_REC.SIZE) / 32) * 32 - CONTEXT.START;
    at.cuts = at.contexts + CONTEXT.START + units * slots * CONTEXT.SIZE;
    at.maps = at.cuts + generations * cutSize;
    at.journals = at.maps + pieces * PAGE_MAP_SIZE;
    at.outputs = at.journals + units * JOURNAL_ENTRIES * CALL.SIZE;
    at.end = at.outputs + units * HELD_OUTPUT;
    if (this.#frames.free < pages) return "not enough frames";
    const blockPages = Math.ceil(at.end / PAGE);
    const vm = this.#frames.takeArena(blockPages);
    if (vm === 0) return "no room for its records";
    port.write(vm + VM.ID, id);
    writeText(port, vm + VM.NAME, image.name, 16);
    port.write(vm + VM.IMAGE, index);
    port.write(vm + VM.PID, (SLOT_PID + id) << 25 >>> 0);
    port.write(vm + VM.UNITS, unitOf(vm, 0));
    port.write(vm + VM.UNIT_COUNT, units);
    port.write(vm + VM.PIECES, vm + at.pieces);
    port.write(vm + VM.PIECE_COUNT, pieces);
    port.write(vm + VM.PAGES, vm + at.pages);
    port.write(vm + VM.PAGE_COUNT, pages);
    port.write(vm + VM.CONTEXTS, vm + at.contexts);
    port.write(vm + VM.CONTEXT_SLOTS, slots);
    port.write(vm + VM.CUTS, vm + at.cuts);
    port.write(vm + VM.CUT_SIZE, cutSize);
    port.write(vm + VM.BLOCK_PAGES, blockPages);
    port.write(vm + VM.PLAIN, image.plain ? 1 : 0);
    const count = image.units.filter((u) => u.kind === UNIT_KIND.TASK).length;
    port.write(vm + VM.TASK_COUNT, count);
    const shared = image.units.findIndex((u) => u.kind === UNIT_KIND.SHARED);
    port.write(vm + VM.SHARED, Math.max(0, shared));
    port.write(vm + VM.SLICE, port.read(MAP.GLOBAL + GLOBAL.SLICE));
    port.copyWords(MAP.GLOBAL + GLOBAL.POLICY, vm + VM.POLICY, POLICY.SIZE);
    port.write(vm + VM.WATCHDOG, port.read(MAP.GLOBAL + GLOBAL.WATCHDOG));
    port.write(vm + VM.DUE, NONE);
    for (let i = 0; i < units; i++) {
      const unit = unitOf(vm, i);
      port.write(unit + UNIT.JOURNAL, vm + at.journals + i * JOURNAL_ENTRIES * CALL.SIZE);
      port.write(unit + UNIT.OUTPUT, vm + at.outputs + i * HELD_OUTPUT);
    }
    port.write(MAP.VM_TABLE + id * 4, vm);
    if (!this.#makeUnits(vm, image, vm + at.maps)) {
      this.remove(vm);
      return "no free second-level tables";
    }
    this.resetHeld(vm, image);
    port.write(vm + VM.STATE, VM_STATE.CREATED);
    return vm;
  }

  /** Deletes a VM's records, tables and frames. Its domains are released by the caller. */
  remove(vm: number): void {
    const port = this.#port;
    const id = port.read(vm + VM.ID);
    const pages = port.read(vm + VM.PAGES);
    const pageCount = port.count(vm + VM.PAGE_COUNT, MOST.PAGES);
    for (let i = 0; i < pageCount; i++) {
      const page = pages + i * PAGE_REC.SIZE;
      const active = port.read(page + PAGE_REC.ACTIVE);
      if (active !== 0) this.#frames.give(active);
      let steps = 0;
      for (let frame = port.read(page + PAGE_REC.HEAD); frame !== 0;) {
        if (++steps > MOST.VERSIONS) throw new MonitorFault("a chain of versions is damaged");
        const next = port.read(frameRecord(frame) + FRAME.NEXT);
        this.#frames.give(frame);
        frame = next;
      }
    }
    const pieces = port.read(vm + VM.PIECES);
    const pieceCount = port.count(vm + VM.PIECE_COUNT, MOST.PIECES);
    for (let i = 0; i < pieceCount; i++) {
      const piece = pieces + i * PIECE_REC.SIZE;
      if (port.read(piece + PIECE_REC.A_TABLE) !== 0) {
        port.write(masterEntry(id, port.read(piece + PIECE_REC.VA)), 0);
      }
      for (const table of [PIECE_REC.A_TABLE, PIECE_REC.B_TABLE, PIECE_REC.C_TABLE]) {
        const address = port.read(piece + table);
        if (address !== 0) this.#frames.giveTable(address);
      }
    }
    port.drain();
    port.invalidateDataTlb();
    port.invalidateInstructionTlb();
    port.flushDataCache();
    port.invalidateInstructionCache();
    port.write(MAP.VM_TABLE + id * 4, 0);
    this.#frames.giveArena(vm, port.count(vm + VM.BLOCK_PAGES, MOST.BLOCK));
  }

  /** Sets what the monitor holds for a VM to its state before the first instruction. */
  resetHeld(vm: number, image: GuestImage): void {
    const port = this.#port;
    port.clear(vm + VM.HELD, VM.HELD_END - VM.HELD);
    port.write(vm + VM.SEND_SEQ, port.read(vm + VM.SEND_MAX));
    port.write(vm + VM.INPUT_READ, port.read(vm + VM.INPUT_WRITE));
    port.write(vm + VM.MESSAGE_READ, port.read(vm + VM.MESSAGE_WRITE));
    port.write(vm + VM.LISTENS, 0);
    const kernel = image.units[0];
    port.write(vm + VM.CUR_UNIT, unitOf(vm, 0));
    port.write(vm + VM.KERNEL_SP, kernel.stack);
    port.write(vm + VM.JOURNALED, 0);
    const context = vm + VM.KERNEL_CONTEXT;
    port.write(context + CONTEXT.NEXT, context);
    this.setContext(vm, context);
    port.write(context + CONTEXT.R0, SLOT_MAP.VMI_INFO + INFO.BOOT_ARG);
    port.write(context + CONTEXT.SP, kernel.stack);
    port.write(context + CONTEXT.PC, kernel.entry);
    port.write(context + CONTEXT.CPSR, USER_CPSR | (image.elf.entryThumb ? 0x20 : 0));
    image.units.forEach((unit, i) => {
      const record = unitOf(vm, i);
      const made = outputMade(port, record);
      port.clear(record + UNIT.HELD, UNIT.HELD_END - UNIT.HELD);
      port.write(record + UNIT.OUTPUT_MADE, made);
      port.write(record + UNIT.EPOCH, 0);
      port.write(record + UNIT.DACR_TASK, 0);
      port.write(record + UNIT.DUE, NONE);
      port.write(record + UNIT.STATE, TASK_STATE.ABSENT);
      port.write(record + UNIT.ENTRY, unit.entry);
      port.write(record + UNIT.STACK, unit.stack);
      const slot = this.contextSlot(vm, i, 0);
      port.write(slot + CONTEXT.NEXT, slot);
      port.write(record + UNIT.SLOT, slot);
    });
    this.#initInfo(vm);
  }

  /** The context of a VM is another one from now on, whether it has the CPU or not. */
  setContext(vm: number, slot: number): void {
    const port = this.#port;
    port.write(vm + VM.SLOT, slot);
    if (port.read(MAP.GLOBAL + GLOBAL.CURRENT) === vm) holdContext(port.board, slot);
    attend(port, vm);
  }

  /** Writes what the monitor holds for a VM to its info page, after a rollback. */
  publishInfo(vm: number): void {
    const port = this.#port;
    const info = port.read(vm + VM.INFO);
    port.write(info + INFO.CUR_TASK, port.read(port.read(vm + VM.CUR_UNIT) + UNIT.TASK));
    port.write(info + INFO.V_PENDING, port.read(vm + VM.V_PENDING));
    port.write(info + INFO.V_INTPND, port.read(vm + VM.V_INTPND));
    port.write(info + INFO.V_TICKS, port.read(vm + VM.V_TICKS));
  }

  /** Address of context slot `slot` of unit `index`. */
  contextSlot(vm: number, index: number, slot: number): number {
    const port = this.#port;
    const slots = port.read(vm + VM.CONTEXT_SLOTS);
    return port.read(vm + VM.CONTEXTS) + (index * slots + slot) * CONTEXT.SIZE;
  }

  /** True for the address of a context of a VM. */
  isContext(vm: number, slot: number): boolean {
    const port = this.#port;
    if (slot === vm + VM.KERNEL_CONTEXT) return true;
    const units = port.count(vm + VM.UNIT_COUNT, MOST.UNITS);
    const offset = slot - port.read(vm + VM.CONTEXTS);
    return offset >= 0 && offset < units * port.read(vm + VM.CONTEXT_SLOTS) * CONTEXT.SIZE &&
      offset % CONTEXT.SIZE === 0;
  }

  /** Fills the pages of one unit, or of all (-1), from the image into fresh frames. */
  reload(vm: number, image: GuestImage, index: number): number[] | undefined {
    const port = this.#port;
    const first = index < 0 ? 0 : port.read(unitOf(vm, index) + UNIT.FIRST_PAGE);
    const count = index < 0
      ? port.count(vm + VM.PAGE_COUNT, MOST.PAGES)
      : port.count(unitOf(vm, index) + UNIT.PAGE_COUNT, MOST.PAGES);
    if (this.#frames.free < count) return undefined;
    const id = port.read(vm + VM.ID);
    const fresh: number[] = [];
    for (let i = first; i < first + count; i++) {
      const page = port.read(vm + VM.PAGES) + i * PAGE_REC.SIZE;
      const word = port.read(page + PAGE_REC.VA);
      if ((word >>> 4 & 7) === PAGE_KIND.INFO) continue;
      const frame = this.#frames.take(FRAME_STATE.ACTIVE, id, i);
      this.fill(frame, image, (word & ~(PAGE - 1)) >>> 0);
      fresh.push(i, frame);
    }
    return fresh;
  }

  #makeUnits(vm: number, image: GuestImage, maps: number): boolean {
    const port = this.#port;
    const id = port.read(vm + VM.ID);
    let piece = 0;
    let page = 0;
    let task = 0;
    for (let i = 0; i < image.units.length; i++) {
      const source = image.units[i];
      const unit = unitOf(vm, i);
      port.write(unit + UNIT.VM, vm);
      port.write(unit + UNIT.INDEX, i);
      port.write(unit + UNIT.KIND, source.kind);
      port.write(unit + UNIT.TASK, source.kind === UNIT_KIND.TASK ? task++ : NONE);
      writeText(port, unit + UNIT.NAME, source.name, 16);
      port.write(unit + UNIT.DOMAIN, CLOSED_DOMAIN);
      port.write(unit + UNIT.FIRST_PIECE, piece);
      port.write(unit + UNIT.FIRST_PAGE, page);
      port.write(unit + UNIT.PAGE_COUNT, source.pages.length);
      const addresses = pieceAddresses(source.pages);
      port.write(unit + UNIT.PIECE_COUNT, addresses.length);
      for (const va of addresses) {
        const record = port.read(vm + VM.PIECES) + piece * PIECE_REC.SIZE;
        port.write(record + PIECE_REC.VA, va);
        port.write(record + PIECE_REC.UNIT, i);
        const map = maps + piece * PAGE_MAP_SIZE;
        port.write(record + PIECE_REC.MAP, map);
        port.write(vm + VM.PIECE_MAP + (va >>> 20) * 4, record);
        for (const table of [PIECE_REC.A_TABLE, PIECE_REC.B_TABLE, PIECE_REC.C_TABLE]) {
          const address = this.#frames.takeTable();
          if (address === 0) return false;
          port.write(record + table, address);
        }
        port.write(record + PIECE_REC.FIRST_PAGE, page);
        for (const p of source.pages) {
          if (Math.floor(p.va / PIECE) * PIECE !== va) continue;
          const rec = port.read(vm + VM.PAGES) + page * PAGE_REC.SIZE;
          const word = p.va | p.kind << 4 | p.flags;
          port.write(rec + PAGE_REC.VA, word);
          port.storeHalf(map + (p.va >>> 12 & 255) * 2, page + 1);
          port.write(rec + PAGE_REC.PIECE, piece);
          port.write(rec + PAGE_REC.UNIT, i);
          const frame = this.#frames.take(FRAME_STATE.ACTIVE, id, page);
          setActive(port, rec, frame);
          this.fill(frame, image, p.va);
          if (p.kind === PAGE_KIND.INFO) port.write(vm + VM.INFO, frame);
          for (const table of [PIECE_REC.A_TABLE, PIECE_REC.B_TABLE, PIECE_REC.C_TABLE]) {
            const entry = port.read(record + table) + (p.va >>> 12 & 255) * 4;
            port.write(entry, pageDescriptor(frame, word));
          }
          page++;
        }
        port.write(record + PIECE_REC.PAGE_COUNT, page - port.read(record + PIECE_REC.FIRST_PAGE));
        const master = masterEntry(id, va);
        port.write(master, (port.read(record + PIECE_REC.A_TABLE) | 0x11) >>> 0);
        piece++;
      }
      this.#closeUnit(vm, unit);
    }
    port.drain();
    return true;
  }

  /** First-level words with the closed domain. */
  #closeUnit(vm: number, unit: number): void {
    const port = this.#port;
    const first = port.read(unit + UNIT.FIRST_PIECE);
    const count = port.count(unit + UNIT.PIECE_COUNT, MOST.PIECES);
    for (let i = first; i < first + count; i++) {
      const record = port.read(vm + VM.PIECES) + i * PIECE_REC.SIZE;
      const entry = masterEntry(port.read(vm + VM.ID), port.read(record + PIECE_REC.VA));
      const table = port.read(record + PIECE_REC.A_TABLE);
      port.write(entry, (table | CLOSED_DOMAIN << 5 | 0x11) >>> 0);
    }
  }

  /** Fills a frame with a page of an image. */
  fill(frame: number, image: GuestImage, va: number): void {
    const port = this.#port;
    const content = pageContent(image, va);
    const words = new DataView(content.buffer);
    port.clearFrame(frame);
    for (let i = 0; i < PAGE; i += 4) {
      const word = words.getUint32(i, true);
      if (word !== 0) port.write(frame + i, word);
    }
  }

  #initInfo(vm: number): void {
    const port = this.#port;
    const info = port.read(vm + VM.INFO);
    port.clear(info, 0x200);
    const id = port.read(vm + VM.ID);
    port.write(info + INFO.MAGIC, VMI_MAGIC);
    port.write(info + INFO.VERSION, VMI_VERSION);
    port.write(info + INFO.VM_ID, id);
    port.write(info + INFO.CUR_TASK, NONE);
    port.write(info + INFO.TASKS, taskCount(port, vm));
    port.write(info + INFO.IMAGES, id === 0 ? this.images : 0);
    writeText(port, info + INFO.BOOT_ARG, this.#argument(port.read(vm + VM.IMAGE)), 256);
  }
}

/** Addresses of the megabytes that pages lie in, ascending. */
export function pieceAddresses(pages: readonly { readonly va: number }[]): number[] {
  return [...new Set(pages.map((p) => Math.floor(p.va / PIECE) * PIECE))].sort((a, b) => a - b);
}
