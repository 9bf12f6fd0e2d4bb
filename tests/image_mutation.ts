/**
 * Guest images that were damaged or made to lie, and what must hold for each: the loader refuses it in
 * one line, or lays it out inside its slot; whatever runs of it then stays there.
 *
 * @module
 */

import assert from "node:assert/strict";
import { InputError } from "../core/errors.ts";
import type { Lab } from "../core/lab.ts";
import { GLOBAL, MAP, PAGE_FLAG, PAGE_KIND, UNIT_KIND } from "../core/layout.ts";
import { type GuestImage, loadImage, MAX_TASKS, pageContent } from "../core/loader.ts";
import type { Random } from "../core/random.ts";
import { HC, MANIFEST_SECTION, PAGE, PIECE, SLOT_MAP } from "../core/vmi.ts";
import { guestNames, loadGuest } from "../guests/mod.ts";
import {
  CALL,
  type Code,
  KERNEL_DATA,
  plainGuest,
  SHARED_DATA,
  taskData,
  taskGuest,
} from "./mini_guest.ts";
import { checkFrames, miniLab, runUntil } from "./monitor_rig.ts";

/** A guest with two tasks and a shared piece, small, so that most changes hit something. */
export const smallTasks = taskGuest({
  sharedPages: 1,
  tasks: [0, 1].map((i) => ({
    name: `t${i}`,
    main: (c: Code) =>
      c.print(CALL.PRINT, "up\n").label("loop").increment(taskData(i)).increment(SHARED_DATA)
        .b("loop"),
  })),
});

/** A small guest without tasks. */
export const smallPlain = plainGuest({
  main: (c) => c.print(HC.CONSOLE_WRITE, "up\n").label("l").increment(KERNEL_DATA).b("l"),
});

/** The images that are changed: all that are shipped, and small ones as often. */
export async function originals(): Promise<Uint8Array[]> {
  const shipped = await Promise.all(guestNames.map(loadGuest));
  return [...shipped, ...shipped.flatMap((_, i) => i % 4 === 0 ? [smallPlain] : [smallTasks])];
}

const WORDS = [
  0,
  1,
  2,
  4,
  PAGE - 1,
  PAGE,
  PIECE,
  SLOT_MAP.COMMON,
  SLOT_MAP.TASKS,
  SLOT_MAP.TASKS_END,
  SLOT_MAP.SHARED,
  SLOT_MAP.VMI_CONTROL,
  SLOT_MAP.VMI_INFO,
  SLOT_MAP.SIZE - PAGE,
  SLOT_MAP.SIZE,
  0x3000_0000,
  0x7fff_ffff,
  0x8000_0000,
  0xffff_f000,
  0xffff_ffff,
];

/** Where the parts of an ELF file are that say something about others. */
function fields(view: DataView): { at: number; bytes: number }[] {
  const parts = [{ at: 0, bytes: 52 }];
  const whole = (at: number, bytes: number) => {
    if (bytes > 0 && at + bytes <= view.byteLength) parts.push({ at, bytes });
  };
  const sections = view.getUint32(32, true);
  whole(view.getUint32(28, true), view.getUint16(44, true) * 32);
  whole(sections, view.getUint16(48, true) * 40);
  for (let i = 0; i < view.getUint16(48, true); i++) {
    const header = sections + i * 40;
    // The manifest is the only section with bits that is neither loaded nor a table.
    const [type, flags] = [view.getUint32(header + 4, true), view.getUint32(header + 8, true)];
    if (type === 1 && flags === 0) {
      whole(view.getUint32(header + 16, true), view.getUint32(header + 20, true));
    }
  }
  return parts;
}

/** A changed copy of one of several files. */
export function mutate(random: Random, files: readonly Uint8Array[]): Uint8Array {
  const original = files[random.below(files.length)];
  const bytes = original.slice();
  const view = new DataView(bytes.buffer);
  const parts = fields(view);
  const word = () => random.below(2) === 0 ? WORDS[random.below(WORDS.length)] : random.next();
  const anywhere = () => random.below(bytes.length - 4);
  const somewhere = () => {
    if (random.below(6) === 0) return anywhere();
    const part = parts[random.below(parts.length)];
    return Math.min(part.at + random.below(part.bytes), bytes.length - 4);
  };
  for (let n = 1 + random.below(4); n > 0; n--) {
    switch (random.below(8)) {
      case 0:
      case 1:
      case 2: // A field.
        view.setUint32(somewhere() & ~3, word(), true);
        break;
      case 3: // A field that is a little off.
      {
        const at = somewhere() & ~3;
        const step = [1, 4, PAGE, PIECE][random.below(4)] * (random.below(2) === 0 ? 1 : -1);
        view.setUint32(at, view.getUint32(at, true) + step, true);
        break;
      }
      case 4: // One bit.
      {
        const at = somewhere();
        bytes[at] ^= 1 << random.below(8);
        break;
      }
      case 5:
        bytes[somewhere()] = random.below(256);
        break;
      case 6: // One part over another.
      {
        const [from, to, length] = [somewhere() & ~3, somewhere() & ~3, 4 << random.below(5)];
        bytes.copyWithin(to, from, Math.min(from + length, bytes.length));
        break;
      }
      default: // Two fields change places.
      {
        const [a, b] = [somewhere() & ~3, somewhere() & ~3];
        const kept = view.getUint32(a, true);
        view.setUint32(a, view.getUint32(b, true), true);
        view.setUint32(b, kept, true);
      }
    }
  }
  // Cut off, or with more behind its end.
  const end = random.below(12);
  if (end === 0) return bytes.subarray(0, random.below(bytes.length));
  if (end === 1) {
    const longer = new Uint8Array(bytes.length + random.below(2 * PAGE));
    longer.set(bytes);
    return longer;
  }
  return bytes;
}

/** What became of a file: the part that it was refused for, or its image. */
export interface Loaded {
  /** "ELF header", "program headers", "segment", ..., "section" for any; "" when it was taken. */
  readonly refused: string;
  /** The image that was made of it. */
  readonly image?: GuestImage;
}

const FILE = "x.elf";

/** Loads a file; anything but an image or one line about the file is a failure. */
export function load(bytes: Uint8Array): Loaded {
  try {
    return { refused: "", image: loadImage(bytes, FILE) };
  } catch (error) {
    assert.ok(error instanceof InputError, `${(error as Error).stack}`);
    assert.match(error.message, /^x\.elf: [^\r\n]+$/);
    if (/^x\.elf: is no ELF file/.test(error.message)) return { refused: "no ELF file" };
    const [, part] = /^x\.elf: ([^:]+): ./.exec(error.message)!;
    if (part === MANIFEST_SECTION || /^ELF header$|headers$/.test(part)) return { refused: part };
    return { refused: /^segment \d+$/.test(part) ? "segment" : "section" };
  }
}

/** What every layout must hold, whatever the file said. */
export function checkLayout(image: GuestImage): void {
  const seen = new Set<number>();
  const owner = new Map<number, unknown>();
  assert.equal(image.units[0].kind, UNIT_KIND.KERNEL);
  assert.ok(image.units.length <= MAX_TASKS + 3);
  let control = 0;
  for (const unit of image.units) {
    for (const p of unit.pages) {
      assert.ok(Number.isInteger(p.va) && p.va >= 0 && p.va <= SLOT_MAP.SIZE - PAGE);
      assert.equal(p.va % PAGE, 0);
      assert.ok(!seen.has(p.va), "a page once");
      seen.add(p.va);
      const piece = Math.floor(p.va / PIECE);
      assert.ok((owner.get(piece) ?? unit) === unit, "a megabyte of one unit");
      owner.set(piece, unit);
      assert.equal(p.flags & ~PAGE_FLAG.WRITABLE, 0);
      const inVmi = p.va >= SLOT_MAP.VMI_CONTROL;
      assert.equal(inVmi, p.kind >= PAGE_KIND.CONTROL, "VMI pages are the monitor's to give");
      if (inVmi) control++;
      const area = unit.kind === UNIT_KIND.TASK
        ? [SLOT_MAP.TASKS, SLOT_MAP.TASKS_END]
        : unit.kind === UNIT_KIND.COMMON
        ? [SLOT_MAP.COMMON, SLOT_MAP.TASKS]
        : unit.kind === UNIT_KIND.SHARED
        ? [SLOT_MAP.SHARED, SLOT_MAP.RINGS]
        : [0, SLOT_MAP.SIZE];
      assert.ok(p.va >= area[0] && p.va < area[1], "inside its area");
      assert.equal(pageContent(image, p.va).length, PAGE);
    }
    if (unit.kind === UNIT_KIND.COMMON) {
      assert.ok(unit.pages.every((p) => p.kind === PAGE_KIND.TEXT && p.flags === 0));
      continue;
    }
    if (unit.kind === UNIT_KIND.SHARED) {
      assert.equal(unit, image.units.at(-1), "behind the tasks, which are numbered from unit 2 on");
      continue;
    }
    assert.ok(seen.has(unit.entry - unit.entry % PAGE), "the entry is in a page");
    assert.ok(seen.has(unit.stack - PAGE), "the stack has a page");
    const bottom = unit.pages.filter((p) => p.kind === PAGE_KIND.STACK);
    assert.ok(bottom.length > 0 && !unit.pages.some((p) => p.va === bottom[0].va - PAGE), "guard");
  }
  assert.equal(control, 2);
  for (const segment of image.elf.segments) {
    for (let va = segment.vaddr; va < segment.vaddr + segment.memsz; va += PAGE) {
      assert.ok(seen.has(va - va % PAGE), "every segment is in pages");
    }
  }
}

/** A guest that says how far it is, for as long as it is let alone. */
const healthy = plainGuest({
  main: (c) => {
    c.swi(HC.TIMER_SET, 1000).label("l").print(HC.CONSOLE_WRITE, "beat\n").swi(HC.WAIT).b("l");
  },
});

/** What running a batch of images showed. */
export interface Ran {
  /** Images that got a VM. */
  readonly guests: number;
  /** Errors that the monitor dealt with. */
  readonly faults: number;
  /** Images for which there was no memory. */
  readonly noRoom: number;
}

/**
 * Runs images that load beside a healthy guest, one VM each. Whatever they do, the system goes on, no
 * frame is in two places, nothing outside memory is touched, and the healthy guest works on.
 */
export async function runBatch(images: readonly Uint8Array[], ms: number): Promise<Ran> {
  const guests: Record<string, Uint8Array> = { healthy };
  images.forEach((bytes, i) => guests[`m${i}`] = bytes);
  using lab: Lab = await miniLab(guests, { slice: "1ms", period: "2ms", sdramMB: 64 });
  // Filling the memory of large guests takes VM0 its time.
  const beats = () => lab.summary().vms[1]?.console_bytes ?? 0;
  assert.ok(runUntil(lab, () => beats() > 0, 1e9, 5e6), "the healthy guest begins");
  const before = beats();
  lab.runAll({ for: `${ms}ms` });
  assert.equal(lab.stopped, false, "a guest's image is no reason for the system to stop");
  const { vms } = lab.summary();
  const [, neighbour, ...others] = vms;
  assert.equal(neighbour.vm, "healthy");
  assert.ok(neighbour.state === "waiting" || neighbour.state === "running");
  assert.equal(neighbour.faults, 0);
  assert.ok(beats() > before && neighbour.recoveries === 0, "the healthy guest goes on");
  checkFrames(lab);
  assert.equal(lab.board.stray, 0, "nothing reached an empty address or a device");
  assert.equal(lab.board.peek(MAP.GLOBAL + GLOBAL.STOPPED, 4), 0);
  return {
    guests: others.length,
    faults: others.reduce((sum, vm) => sum + vm.faults, 0),
    noRoom: images.length - others.length,
  };
}
