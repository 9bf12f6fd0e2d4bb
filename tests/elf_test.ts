import assert from "node:assert/strict";
import fc from "fast-check";
import { type ElfFile, parseElf } from "../core/elf.ts";
import { InputError, UnderstudyError } from "../core/errors.ts";

const core = { permissions: "none" } as const;

/** A hand-made executable: text at 0x8000, data at 0x9000, a manifest and symbols. */
function smallElf(): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(0x400);
  const view = new DataView(out.buffer);
  const u16 = (at: number, ...values: number[]) =>
    values.forEach((v, i) => view.setUint16(at + 2 * i, v, true));
  const u32 = (at: number, ...values: number[]) =>
    values.forEach((v, i) => view.setUint32(at + 4 * i, v, true));
  const text = (at: number, s: string) => out.set(new TextEncoder().encode(s), at);

  out.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]);
  u16(16, 2, 40);
  u32(20, 1, 0x8000, 52, 0x200, 0x0500_0200);
  u16(40, 52, 32, 2, 40, 7, 6);
  u32(52, 1, 0x100, 0x8000, 0x8000, 0x20, 0x20, 5, 0x1000);
  u32(84, 1, 0x120, 0x9000, 0x3000_9000, 8, 0x20, 6, 0x1000);
  u32(0x100, 0xe1a0_0000, 0xeaff_fffe);
  u32(0x120, 0x1234_5678, 0x9abc_def0);
  text(0x130, "USMF");

  const shstrtab = "\0.text\0.data\0.understudy\0.symtab\0.strtab\0.shstrtab\0";
  text(0x140, shstrtab);
  const strtab = "\0_start\0$a\0main\0OSTime\0local\0version\0";
  text(0x178, strtab);
  const header = (n: number, name: string, ...fields: number[]) =>
    u32(0x200 + n * 40, shstrtab.indexOf(`\0${name}\0`) + 1, ...fields);
  header(1, ".text", 1, 6, 0x8000, 0x100, 0x20, 0, 0, 4, 0);
  header(2, ".data", 1, 3, 0x9000, 0x120, 0x20, 0, 0, 4, 0);
  // .data is as long as the segment in memory here; the file has room behind it.
  header(3, ".understudy", 1, 0, 0, 0x130, 4, 0, 0, 4, 0);
  header(4, ".symtab", 2, 0, 0, 0x340, 0x70, 5, 3, 4, 16);
  header(5, ".strtab", 3, 0, 0, 0x178, strtab.length, 0, 0, 1, 0);
  header(6, ".shstrtab", 3, 0, 0, 0x140, shstrtab.length, 0, 0, 1, 0);
  const symbol = (
    n: number,
    name: string,
    value: number,
    size: number,
    info: number,
    at: number,
  ) => {
    u32(0x340 + n * 16, strtab.indexOf(`\0${name}\0`) + 1, value, size);
    out[0x340 + n * 16 + 12] = info;
    u16(0x340 + n * 16 + 14, at);
  };
  symbol(1, "$a", 0x8000, 0, 0, 1);
  symbol(2, "_start", 0x8000, 0, 0x10, 1);
  symbol(3, "main", 0x8009, 12, 0x12, 1);
  symbol(4, "OSTime", 0x9000, 4, 0x11, 2);
  symbol(5, "local", 0x9008, 0, 0, 2);
  symbol(6, "version", 7, 0, 0x10, 0xfff1);
  return out;
}

function edit(change: (view: DataView, bytes: Uint8Array) => void): Uint8Array {
  const bytes = smallElf();
  change(new DataView(bytes.buffer), bytes);
  return bytes;
}

Deno.test("parseElf() reads segments, sections, entry and symbols", core, () => {
  const elf = parseElf(smallElf(), "small.elf");
  assert.equal(elf.entry, 0x8000);
  assert.equal(elf.entryThumb, false);
  assert.deepEqual(
    elf.segments.map(({ bytes, ...rest }) => ({ ...rest, first: bytes[0] })),
    [
      { vaddr: 0x8000, paddr: 0x8000, offset: 0x100, filesz: 32, memsz: 32, flags: 5, first: 0 },
      {
        vaddr: 0x9000,
        paddr: 0x30009000,
        offset: 0x120,
        filesz: 8,
        memsz: 32,
        flags: 6,
        first: 0x78,
      },
    ],
  );
  assert.equal(new TextDecoder().decode(elf.section(".understudy")?.bytes), "USMF");
  assert.equal(elf.section(".bss"), undefined);
  assert.deepEqual(elf.symbols.map((s) => s.name), [
    "version",
    "_start",
    "main",
    "OSTime",
    "local",
  ]);
  assert.deepEqual(elf.symbol("main"), {
    name: "main",
    address: 0x8008,
    size: 12,
    kind: "function",
    thumb: true,
    global: true,
    section: 1,
  });
});

Deno.test("symbolAt() names addresses", core, () => {
  const elf = parseElf(smallElf());
  const cases: [number, "function" | "object" | undefined, string | undefined][] = [
    [0x8000, undefined, "_start"],
    [0x8004, undefined, "_start+0x4"],
    [0x8008, undefined, "main"],
    [0x8010, "function", "main+0x8"],
    [0x8010, "object", undefined],
    [0x8018, undefined, "_start+0x18"],
    [0x8020, undefined, undefined],
    [0x9000, "object", "OSTime"],
    [0x9003, undefined, "OSTime+0x3"],
    [0x9004, undefined, undefined],
    [0x901f, "object", "local+0x17"],
    [0x9020, "object", undefined],
    [7, undefined, "version"],
    [8, undefined, undefined],
    [0xffff_ffff, undefined, undefined],
  ];
  for (const [address, kind, name] of cases) {
    assert.equal(elf.symbolAt(address, kind), name, `0x${address.toString(16)} ${kind}`);
  }
});

Deno.test("parseElf() names the part that is wrong", core, () => {
  const cases: [string, Uint8Array, RegExp][] = [
    ["empty", new Uint8Array(0), /^x: is no ELF file; allowed: ELF32/],
    ["script", new TextEncoder().encode("#!/bin/sh"), /is no ELF file/],
    ["header cut", smallElf().subarray(0, 51), /ELF header: file is cut off at 51/],
    ["64 bit", edit((v) => v.setUint8(4, 2)), /class 2 .* allowed: 1/],
    ["big endian", edit((v) => v.setUint8(5, 2)), /data 2/],
    ["object file", edit((v) => v.setUint16(16, 1, true)), /type 1 is no executable/],
    ["x86", edit((v) => v.setUint16(18, 3, true)), /machine 3 .* allowed: 40 \(ARM\)/],
    ["segment cut", smallElf().subarray(0, 0x124), /^x: segment 1: ends at 296, past the end/],
    ["memsz", edit((v) => v.setUint32(72, 16, true)), /segment 0: 32 bytes in the file, only 16/],
    ["overlap", edit((v) => v.setUint32(92, 0x801f, true)), /two segments overlap at 0x801f/],
    ["wraps", edit((v) => v.setUint32(92, 0xffff_fff0, true)), /past address 0xffffffff/],
    ["entry", edit((v) => v.setUint32(24, 0x9000, true)), /entry 0x9000 is in no executable/],
    ["no load", edit((v) => (v.setUint32(52, 0, true), v.setUint32(84, 0, true))), /no segment/],
    ["names", edit((v) => v.setUint16(50, 1, true)), /section 1 is no string table/],
    [
      "symbol size",
      edit((v) => v.setUint32(0x200 + 4 * 40 + 36, 24, true)),
      /\.symtab: entries of 24 bytes; allowed: 16/,
    ],
    ["symbol name", edit((v) => v.setUint32(0x360, 999, true)), /\.symtab, symbol 2: name at 999/],
    [
      "symbol section",
      edit((v) => v.setUint16(0x36e, 77, true)),
      /symbol 2 is in section 77, of 7/,
    ],
  ];
  for (const [name, bytes, message] of cases) {
    assert.throws(() => parseElf(bytes, "x"), (error: unknown) => {
      assert.ok(error instanceof InputError && error instanceof UnderstudyError, name);
      assert.equal(error.code, "bad-input");
      assert.match(error.message, message, name);
      assert.ok(!error.message.includes("\n"), name);
      return true;
    });
  }
});

/** Uses everything a caller can reach, so that a lazy failure would show. */
function exercise(elf: ElfFile): void {
  for (const s of elf.segments) assert.ok(s.bytes.length === s.filesz && s.filesz <= s.memsz);
  for (const s of elf.sections) elf.section(s.name);
  for (const s of elf.symbols) elf.symbolAt(s.address, "function");
  elf.symbolAt(elf.entry);
}

function survives(bytes: Uint8Array): void {
  try {
    exercise(parseElf(bytes));
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
  }
}

Deno.test("parseElf() answers every mutated file with a result or an InputError", core, () => {
  const interesting = fc.constantFrom(
    0,
    1,
    0x7f,
    0x80,
    0xff,
    0xffff,
    0x7fff_ffff,
    0xffff_fff0,
    1 << 31,
  );
  const mutation = fc.record({
    at: fc.nat(0x3ff),
    value: fc.oneof(interesting, fc.integer()),
    width: fc.constantFrom(1, 2, 4),
  });
  fc.assert(
    fc.property(
      fc.array(mutation, { minLength: 1, maxLength: 6 }),
      fc.option(fc.nat(0x400), { freq: 3 }),
      (mutations, cut) => {
        const bytes = smallElf();
        for (const { at, value, width } of mutations) {
          for (let i = 0; i < width && at + i < bytes.length; i++) bytes[at + i] = value >> (8 * i);
        }
        survives(cut === null ? bytes : bytes.subarray(0, cut));
      },
    ),
    { numRuns: 5000 },
  );
});

Deno.test("parseElf() survives every single-byte change of the headers", core, () => {
  const header = [...Array(0x74).keys()];
  const sections = [...Array(0x3b0 - 0x200).keys()].map((i) => i + 0x200);
  for (const at of [...header, ...sections]) {
    for (const value of [0, 1, 0x20, 0x7f, 0x80, 0xfe, 0xff]) {
      const bytes = smallElf();
      bytes[at] = value;
      survives(bytes);
    }
  }
});

Deno.test("parseElf() is quick on a file of overlapping long names", core, () => {
  // Each of 16,000 symbols names a text of almost 4096 characters without an end near.
  const base = smallElf();
  const symbols = 16_000;
  const bytes = new Uint8Array(0x1000 + symbols * 16 + 32_000);
  bytes.set(base);
  bytes.fill(0x61, 0x1000 + symbols * 16);
  const view = new DataView(bytes.buffer);
  view.setUint32(0x200 + 4 * 40 + 16, 0x1000, true);
  view.setUint32(0x200 + 4 * 40 + 20, symbols * 16, true);
  view.setUint32(0x200 + 5 * 40 + 16, 0x1000 + symbols * 16, true);
  view.setUint32(0x200 + 5 * 40 + 20, 32_000, true);
  for (let i = 0; i < symbols; i++) {
    view.setUint32(0x1000 + i * 16, i % 4096, true);
    view.setUint16(0x1000 + i * 16 + 14, 1, true);
  }
  assert.throws(() => parseElf(bytes), InputError);
});
