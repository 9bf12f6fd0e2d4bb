/**
 * Puts harness, translation tables and cases into one memory image, and reads the results.
 *
 * @module
 */

import { type Case, LANDING, PLAIN_CONTROL, POOL, type World } from "./case.ts";
import * as a from "./encode.ts";
import { assembleHarness, type Harness, INPUT, LAYOUT, OUTPUT } from "./harness.ts";
import { Random } from "./random.ts";
import { CODE_AT, isMapped } from "./tables.ts";

/** A batch of cases as memory. */
export interface Image {
  /** Physical address of RAM. */
  readonly ram: number;
  /** RAM up to the end of the input records. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Memory from physical address 0 with the vectors. */
  readonly vectors: Uint8Array<ArrayBuffer>;
  /** Entry point and end. */
  readonly harness: Harness;
  /** The cases. */
  readonly cases: readonly Case[];
  /** Bytes of RAM to compare, from its start. */
  readonly length: number;
}

/**
 * Builds an image.
 *
 * @param world Surroundings in which the cases were made.
 * @param cases The cases.
 * @param side `other`: with the twins of docs/deviations.md in place of the instructions.
 * @param seed Seed of the window contents.
 * @param ifsr Whether the core has c5, op2 = 1.
 */
export function buildImage(
  world: World,
  cases: readonly Case[],
  side: "own" | "other",
  seed: number,
  ifsr: boolean,
): Image {
  const { ram, tables } = world;
  const harness = assembleHarness(ram, cases.length, PLAIN_CONTROL, tables.plain, ifsr);
  const bytes = new Uint8Array(LAYOUT.input + cases.length * INPUT.words * 4);
  const words = new Uint32Array(bytes.buffer);
  const halfwords = new Uint16Array(bytes.buffer);
  words.set(harness.words, LAYOUT.harness / 4);
  words.set(tables.words, LAYOUT.tables / 4);
  fillPool(words.subarray(LAYOUT.pool / 4, LAYOUT.pool / 4 + LAYOUT.poolWords), ram, seed);
  for (let i = 0; i < LANDING.armCount; i++) {
    // The low half is a Thumb SWI and the high half undefined: a return that sets T ends as well.
    words[(LAYOUT.code + LANDING.arm) / 4 + i] = a.swi(
      (i >> 8 << 1 | 1) << 16 | a.thumb.swi(i & 0xff),
    );
  }
  for (let i = 0; i < LANDING.thumbCount; i++) {
    halfwords[(LAYOUT.code + LANDING.thumb) / 2 + i] = a.thumb.swi(i & 0xff);
  }
  cases.forEach((c, i) => {
    words.set(c.input, LAYOUT.input / 4 + i * INPUT.words);
    const at = (c.address - ram) / 2;
    halfwords.set(c.code, at);
    if (side === "other" && c.adjust.twin) halfwords.set(c.adjust.twin, at);
  });
  const vectors = new Uint8Array(harness.vectors.buffer);
  return {
    ram,
    bytes,
    vectors,
    harness,
    cases,
    length: LAYOUT.output + cases.length * OUTPUT.words * 4,
  };
}

/** Window contents: random words that lead nowhere as addresses, then the special parts. */
function fillPool(pool: Uint32Array, ram: number, seed: number): void {
  const random = new Random(seed ^ 0x5bd1e995);
  for (let i = 0; i < POOL.dataWords; i++) {
    let word = random.chance(0.1) ? random.operand() : random.u32();
    while (isMapped(ram, word)) word = random.u32();
    pool[POOL.data + i] = word;
  }
  for (let i = 0; i < POOL.smallWords; i++) {
    const flat = ram + LAYOUT.code + LANDING.arm + 4 * random.below(LANDING.armCount);
    pool[POOL.flatJumps + i] = flat;
    pool[POOL.jumps + i] = flat + CODE_AT.readOnly;
    pool[POOL.swis + i] = a.swi(random.below(1 << 24));
    pool[POOL.thumbSwis + i] = a.thumb.swi(random.below(256)) |
      a.thumb.swi(random.below(256)) << 16;
  }
}

/** The image as an ELF executable for QEMU's `-kernel`. */
export function toElf(image: Image): Uint8Array<ArrayBuffer> {
  const segments = [
    { address: 0, bytes: image.vectors },
    { address: image.ram, bytes: image.bytes },
  ];
  const header = 52 + 32 * segments.length;
  let offset = Math.ceil(header / 4096) * 4096;
  const total = segments.reduce((n, s) => n + s.bytes.length, offset);
  const elf = new Uint8Array(total);
  const view = new DataView(elf.buffer);
  elf.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]);
  view.setUint16(16, 2, true); // ET_EXEC
  view.setUint16(18, 40, true); // EM_ARM
  view.setUint32(20, 1, true);
  view.setUint32(24, image.harness.start, true);
  view.setUint32(28, 52, true);
  view.setUint32(36, 0x05000000, true); // EABI version 5
  view.setUint16(40, 52, true);
  view.setUint16(42, 32, true);
  view.setUint16(44, segments.length, true);
  segments.forEach((s, i) => {
    const at = 52 + 32 * i;
    const fields = [1, offset, s.address, s.address, s.bytes.length, s.bytes.length, 7, 4096];
    fields.forEach((value, k) => view.setUint32(at + 4 * k, value, true));
    elf.set(s.bytes, offset);
    offset += s.bytes.length;
  });
  return elf;
}
