/**
 * From a guest's ELF file to the units, pieces and pages of its slot. Nothing in the manifest is
 * trusted: every address is checked against the slot map.
 *
 * @module
 */

import { type ElfFile, parseElf } from "./elf.ts";
import { InputError } from "./errors.ts";
import { PAGE_FLAG, PAGE_KIND, UNIT_KIND } from "./layout.ts";
import {
  MANIFEST_HEADER,
  MANIFEST_MAGIC,
  MANIFEST_RECORD,
  MANIFEST_SECTION,
  MANIFEST_VERSION,
  PAGE,
  PIECE,
  PIECE_KIND,
  SLOT_MAP,
} from "./vmi.ts";

/** A page of a guest. */
export interface ImagePage {
  /** Guest virtual address in the slot. */
  readonly va: number;
  /** PAGE_KIND. */
  readonly kind: number;
  /** PAGE_FLAG.WRITABLE or 0. */
  readonly flags: number;
}

/** A unit of a guest: its kernel, its common text, a task area, or the shared piece. */
export interface ImageUnit {
  /** UNIT_KIND. */
  readonly kind: number;
  /** Name from the manifest. */
  readonly name: string;
  /** Pages, by address. */
  readonly pages: readonly ImagePage[];
  /** Entry point. */
  readonly entry: number;
  /** Initial stack pointer. */
  readonly stack: number;
}

/** A checked guest image. */
export interface GuestImage {
  /** File or image name, for messages. */
  readonly name: string;
  /** The ELF file: symbols, segments. */
  readonly elf: ElfFile;
  /** Kernel first, common second, then the tasks, at last the shared piece if there is one. */
  readonly units: readonly ImageUnit[];
  /** True without tasks: kernel mode only, interrupts over it, guest-level recovery only. */
  readonly plain: boolean;
}

/** Most task areas of one guest. */
export const MAX_TASKS = 64;

const SHF_ALLOC = 2;

/** Stack of a guest without a manifest. */
const PLAIN_STACK_END = SLOT_MAP.VMI_CONTROL - PIECE;
const PLAIN_STACK_SIZE = 4 * PAGE;

/**
 * Reads and checks a guest image.
 *
 * @param bytes The ELF file.
 * @param name File name, for messages.
 * @throws {InputError} With file, section and reason.
 */
export function loadImage(bytes: Uint8Array, name: string): GuestImage {
  const elf = parseElf(bytes, name);
  const manifest = elf.section(MANIFEST_SECTION);
  if (manifest === undefined) checkPlain(elf, name);
  const units = manifest === undefined
    ? [plainUnit(elf, name)]
    : readManifest(manifest.bytes, elf, name);
  checkPieces(units, `${name}: ${MANIFEST_SECTION}`);
  checkSegments(elf, units, name);
  return { name, elf, units, plain: !units.some((u) => u.kind === UNIT_KIND.TASK) };
}

/** What a page holds in the image: 4096 bytes, zero where no segment reaches. */
export function pageContent(image: GuestImage, va: number): Uint8Array {
  const page = new Uint8Array(PAGE);
  for (const segment of image.elf.segments) {
    const start = Math.max(va, segment.vaddr);
    const end = Math.min(va + PAGE, segment.vaddr + segment.bytes.length);
    if (start < end) {
      page.set(segment.bytes.subarray(start - segment.vaddr, end - segment.vaddr), start - va);
    }
  }
  return page;
}

function vmiPages(): ImagePage[] {
  return [
    { va: SLOT_MAP.VMI_CONTROL, kind: PAGE_KIND.CONTROL, flags: PAGE_FLAG.WRITABLE },
    { va: SLOT_MAP.VMI_INFO, kind: PAGE_KIND.INFO, flags: 0 },
  ];
}

function range(pages: ImagePage[], start: number, end: number, kind: number): void {
  const flags = kind === PAGE_KIND.TEXT ? 0 : PAGE_FLAG.WRITABLE;
  for (let va = start; va < end; va += PAGE) pages.push({ va, kind, flags });
}

/** What the kit's linker script calls the text of a task. */
const TASK_SECTION = /^task\d+_text$/;

/** A guest with tasks that has lost its manifest is no guest in one piece. */
function checkPlain(elf: ElfFile, name: string): void {
  const task = elf.sections.find((section) => TASK_SECTION.test(section.name));
  if (task === undefined) return;
  throw new InputError(
    `${name}: ${MANIFEST_SECTION}`,
    `the section is missing, although there is ${task.name}`,
    "guests with tasks have it",
  );
}

function plainUnit(elf: ElfFile, name: string): ImageUnit {
  const pages = new Map<number, ImagePage>();
  const limit = PLAIN_STACK_END - PLAIN_STACK_SIZE - PAGE;
  for (const segment of elf.segments) {
    const end = segment.vaddr + segment.memsz;
    if (segment.memsz === 0) continue;
    if (end > limit) tooLarge(sectionAt(elf, name, segment.vaddr), segment.vaddr, limit);
    const writable = (segment.flags & 2) !== 0;
    for (let va = segment.vaddr & ~(PAGE - 1); va < end; va += PAGE) {
      const kind = writable ? PAGE_KIND.DATA : PAGE_KIND.TEXT;
      if (writable || !pages.has(va)) {
        pages.set(va, { va, kind, flags: writable ? PAGE_FLAG.WRITABLE : 0 });
      }
    }
  }
  if (!pages.has(elf.entry & ~(PAGE - 1))) {
    throw new InputError(
      `${name}: ELF header`,
      `entry 0x${hex(elf.entry)} is in no loaded segment`,
    );
  }
  const stack: ImagePage[] = [];
  range(stack, PLAIN_STACK_END - PLAIN_STACK_SIZE, PLAIN_STACK_END, PAGE_KIND.STACK);
  return {
    kind: UNIT_KIND.KERNEL,
    name: "guest",
    pages: [...[...pages.values()].sort((a, b) => a.va - b.va), ...stack, ...vmiPages()],
    entry: elf.entry,
    stack: PLAIN_STACK_END,
  };
}

interface Record {
  kind: number;
  textStart: number;
  textEnd: number;
  dataStart: number;
  dataEnd: number;
  stackStart: number;
  stackEnd: number;
  entry: number;
  name: string;
}

function readManifest(bytes: Uint8Array, elf: ElfFile, file: string): ImageUnit[] {
  const where = `${file}: ${MANIFEST_SECTION}`;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < MANIFEST_HEADER) throw new InputError(where, "shorter than its header");
  if (view.getUint32(0, true) !== MANIFEST_MAGIC) throw new InputError(where, "no manifest magic");
  const version = view.getUint32(4, true);
  if (version !== MANIFEST_VERSION) {
    throw new InputError(where, `version ${version}`, `allowed: ${MANIFEST_VERSION}`);
  }
  const count = view.getUint32(8, true);
  if (count > MAX_TASKS + 3 || bytes.length < MANIFEST_HEADER + count * MANIFEST_RECORD) {
    throw new InputError(where, `says ${count} records, which do not fit in the section`);
  }
  const records = Array.from(
    { length: count },
    (_, i) => {
      const record = readRecord(view, bytes, MANIFEST_HEADER + i * MANIFEST_RECORD, where, i);
      checkEntry(record, elf, `${where}: record ${i} ("${record.name}")`);
      return record;
    },
  );
  const kernels = records.filter((r) => r.kind === PIECE_KIND.KERNEL);
  const commons = records.filter((r) => r.kind === PIECE_KIND.COMMON);
  const shared = records.filter((r) => r.kind === PIECE_KIND.SHARED);
  const tasks = records.filter((r) => r.kind === PIECE_KIND.TASK);
  if (kernels.length !== 1) throw new InputError(where, "must have one kernel record");
  if (commons.length > 1 || shared.length > 1) {
    throw new InputError(where, "has two records of a kind that may be there once");
  }
  if (elf.entry !== kernels[0].entry) {
    throw new InputError(where, "the kernel's entry is not the ELF file's");
  }
  const kernel = unitOf(UNIT_KIND.KERNEL, kernels[0], where);
  const units: ImageUnit[] = [{
    ...kernel,
    pages: [...kernel.pages, ...vmiPages()],
  }];
  const empty = { kind: UNIT_KIND.COMMON, name: "common", pages: [], entry: 0, stack: 0 };
  units.push(commons.length > 0 ? unitOf(UNIT_KIND.COMMON, commons[0], where) : empty);
  for (const task of tasks) units.push(unitOf(UNIT_KIND.TASK, task, where));
  const blocks = shared.map((r) => unitOf(UNIT_KIND.SHARED, r, where));
  units.push(...blocks.filter((unit) => unit.pages.length > 0));
  return units;
}

function readRecord(
  view: DataView,
  bytes: Uint8Array,
  at: number,
  where: string,
  index: number,
): Record {
  const word = (i: number) => view.getUint32(at + i * 4, true);
  const raw = bytes.subarray(at + 32, at + 48);
  const end = raw.indexOf(0);
  const text = new TextDecoder().decode(raw.subarray(0, end < 0 ? 16 : end));
  const record: Record = {
    kind: word(0),
    textStart: word(1),
    textEnd: word(2),
    dataStart: word(3),
    dataEnd: word(4),
    stackStart: word(5),
    stackEnd: word(6),
    entry: word(7),
    name: text,
  };
  const place = `${where}: record ${index} ("${text}")`;
  if (record.kind < PIECE_KIND.KERNEL || record.kind > PIECE_KIND.SHARED) {
    throw new InputError(place, `unknown kind ${record.kind}`);
  }
  if (!/^[A-Za-z0-9_.-]{1,15}$/.test(text)) {
    throw new InputError(place, "bad name", "allowed: 1 to 15 letters, digits, _ . -");
  }
  const [low, high] = record.kind === PIECE_KIND.KERNEL
    ? [SLOT_MAP.KERNEL, SLOT_MAP.COMMON]
    : record.kind === PIECE_KIND.COMMON
    ? [SLOT_MAP.COMMON, SLOT_MAP.TASKS]
    : record.kind === PIECE_KIND.TASK
    ? [SLOT_MAP.TASKS, SLOT_MAP.TASKS_END]
    : [SLOT_MAP.SHARED, SLOT_MAP.RINGS];
  checkRange(place, "text", record.textStart, record.textEnd, low, high);
  checkRange(place, "data", record.dataStart, record.dataEnd, low, high);
  checkRange(place, "stack", record.stackStart, record.stackEnd, low, high);
  const inText = record.entry >= record.textStart && record.entry < record.textEnd &&
    (record.entry & 3) === 0;
  if (runs(record.kind) && !inText) {
    throw new InputError(place, `entry 0x${hex(record.entry)} is not in text`);
  }
  if (runs(record.kind) && record.stackStart === record.stackEnd) {
    throw new InputError(place, "has no stack");
  }
  if (record.kind === PIECE_KIND.COMMON && record.dataStart !== record.dataEnd) {
    throw new InputError(place, "common text can have no data");
  }
  return record;
}

/** Text that is not in the file would be run as zeros. */
function checkEntry(record: Record, elf: ElfFile, place: string): void {
  if (!runs(record.kind)) return;
  const { entry } = record;
  const loaded = elf.segments.some((s) =>
    (s.flags & 1) !== 0 && entry >= s.vaddr && entry < s.vaddr + s.filesz
  );
  if (!loaded) {
    throw new InputError(place, `text at entry 0x${hex(entry)} is in no segment of the file`);
  }
}

/** A kernel or a task is run, the others are used. */
function runs(kind: number): boolean {
  return kind === PIECE_KIND.KERNEL || kind === PIECE_KIND.TASK;
}

function checkRange(
  place: string,
  what: string,
  start: number,
  end: number,
  low: number,
  high: number,
): void {
  if (start === end) return;
  if (start > end || start < low || end > high || (start & (PAGE - 1)) || (end & (PAGE - 1))) {
    throw new InputError(
      place,
      `${what} 0x${hex(start)}..0x${hex(end)}`,
      `allowed: whole pages in 0x${hex(low)}..0x${hex(high)}`,
    );
  }
}

function unitOf(kind: number, r: Record, where: string): ImageUnit {
  const pages: ImagePage[] = [];
  range(pages, r.textStart, r.textEnd, PAGE_KIND.TEXT);
  range(pages, r.dataStart, r.dataEnd, PAGE_KIND.DATA);
  range(pages, r.stackStart, r.stackEnd, PAGE_KIND.STACK);
  pages.sort((a, b) => a.va - b.va);
  if (r.stackStart !== r.stackEnd && pages.some((p) => p.va === r.stackStart - PAGE)) {
    throw new InputError(`${where}: "${r.name}"`, "no free guard page below the stack");
  }
  return { kind, name: r.name, pages, entry: r.entry, stack: r.stackEnd };
}

/** No page twice; no megabyte shared by two units. */
function checkPieces(units: readonly ImageUnit[], where: string): void {
  const pages = new Set<number>();
  const pieces = new Map<number, ImageUnit>();
  for (const unit of units) {
    for (const page of unit.pages) {
      if (pages.has(page.va)) {
        throw new InputError(where, `"${unit.name}" has page 0x${hex(page.va)} twice`);
      }
      pages.add(page.va);
      const piece = Math.floor(page.va / PIECE);
      const other = pieces.get(piece);
      if (other !== undefined && other !== unit) {
        throw new InputError(
          where,
          `"${unit.name}" and "${other.name}" overlap in megabyte 0x${hex(piece * PIECE)}`,
        );
      }
      pieces.set(piece, unit);
    }
  }
}

/** Each loaded segment lies in pages of the manifest; what must be written lies in writable ones. */
function checkSegments(elf: ElfFile, units: readonly ImageUnit[], file: string): void {
  const pages = new Map<number, ImagePage>();
  for (const unit of units) for (const page of unit.pages) pages.set(page.va, page);
  for (const segment of elf.segments) {
    const end = segment.vaddr + segment.memsz;
    if (segment.memsz === 0) continue;
    if (end > SLOT_MAP.SIZE) {
      tooLarge(sectionAt(elf, file, segment.vaddr), segment.vaddr, SLOT_MAP.VMI_CONTROL);
    }
    for (let va = segment.vaddr & ~(PAGE - 1); va < end; va += PAGE) {
      const page = pages.get(va);
      if (page === undefined || page.kind >= PAGE_KIND.CONTROL) {
        throw new InputError(
          sectionAt(elf, file, Math.max(va, segment.vaddr)),
          `segment at 0x${hex(segment.vaddr)} covers page 0x${
            hex(va)
          }, which the manifest does not name`,
        );
      }
    }
  }
}

/** The file and the section that lies at an address, for messages. */
function sectionAt(elf: ElfFile, file: string, va: number): string {
  const found = elf.sections.find(({ flags, address, size }) =>
    (flags & SHF_ALLOC) !== 0 && va >= address && va < address + size
  );
  return `${file}: ${found?.name || "program headers"}`;
}

function tooLarge(place: string, vaddr: number, limit: number): never {
  throw new InputError(
    place,
    `segment at 0x${hex(vaddr)} does not fit in the guest's slot`,
    `allowed: addresses below 0x${hex(limit)}`,
  );
}

function hex(n: number): string {
  return n.toString(16).padStart(8, "0");
}
