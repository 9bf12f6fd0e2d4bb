/**
 * Reads ELF32 little-endian ARM executables: segments, sections and symbols.
 *
 * The file is not trusted. Whatever is wrong with it is reported as an {@linkcode InputError} that
 * names the file and the part; no input makes the reader throw anything else or run without end.
 *
 * @module
 */

import { InputError } from "./errors.ts";

/** A loadable segment (program header `PT_LOAD`). */
export interface ElfSegment {
  /** Virtual address of the first byte. */
  readonly vaddr: number;
  /** Physical (load) address of the first byte. */
  readonly paddr: number;
  /** Offset in the file. */
  readonly offset: number;
  /** Bytes taken from the file. */
  readonly filesz: number;
  /** Bytes in memory; those past `filesz` are zero. */
  readonly memsz: number;
  /** 1 executable, 2 writable, 4 readable. */
  readonly flags: number;
  /** The bytes from the file (a view, not a copy). */
  readonly bytes: Uint8Array;
}

/** A section. */
export interface ElfSection {
  /** Name, as `.text`. */
  readonly name: string;
  /** Type: 1 program bits, 2 symbol table, 3 string table, 8 no bits, ... */
  readonly type: number;
  /** 1 writable, 2 allocated, 4 executable, ... */
  readonly flags: number;
  /** Virtual address, 0 when not allocated. */
  readonly address: number;
  /** Size in bytes. */
  readonly size: number;
  /** The bytes from the file; empty for a section without bits. */
  readonly bytes: Uint8Array;
}

/** What a symbol stands for. A `label` is an assembler label without a type. */
export type ElfSymbolKind = "function" | "object" | "label";

/** A symbol with an address. */
export interface ElfSymbol {
  /** Name. */
  readonly name: string;
  /** Address, without the Thumb bit. */
  readonly address: number;
  /** Size in bytes, 0 when unknown. */
  readonly size: number;
  /** What it stands for. */
  readonly kind: ElfSymbolKind;
  /** A function in Thumb code. */
  readonly thumb: boolean;
  /** Visible outside its object file. */
  readonly global: boolean;
  /** Number of its section; 0xfff1 for an absolute symbol. */
  readonly section: number;
}

const PT_LOAD = 1;
const SHT_SYMTAB = 2;
const SHT_STRTAB = 3;
const SHT_NOBITS = 8;
const SHF_EXECINSTR = 4;
const SHN_ABS = 0xfff1;
const SHN_LORESERVE = 0xff00;
const PF_X = 1;
/** Longer names are refused: overlapping long names would make reading quadratic. */
const MAX_NAME = 4096;

/** An ELF file that passed all checks of {@linkcode parseElf}. */
export class ElfFile {
  /** Name of the file, for messages. */
  readonly name: string;
  /** Address of the first instruction, without the Thumb bit. */
  readonly entry: number;
  /** True when the first instruction is a Thumb one. */
  readonly entryThumb: boolean;
  /** Loadable segments by rising virtual address; they do not overlap. */
  readonly segments: readonly ElfSegment[];
  /** Sections by number; number 0 is the empty one. */
  readonly sections: readonly ElfSection[];
  /** Symbols by rising address. */
  readonly symbols: readonly ElfSymbol[];
  readonly #byName: Map<string, ElfSymbol> = new Map();

  /** For {@linkcode parseElf}; the parts are taken as they are. */
  constructor(
    parts: Pick<ElfFile, "name" | "entry" | "entryThumb" | "segments" | "sections" | "symbols">,
  ) {
    this.name = parts.name;
    this.entry = parts.entry;
    this.entryThumb = parts.entryThumb;
    this.segments = parts.segments;
    this.sections = parts.sections;
    this.symbols = parts.symbols;
    for (const symbol of this.symbols) {
      const old = this.#byName.get(symbol.name);
      if (old === undefined || (symbol.global && !old.global)) {
        this.#byName.set(symbol.name, symbol);
      }
    }
  }

  /** The first section of that name. */
  section(name: string): ElfSection | undefined {
    return this.sections.find((section) => section.name === name);
  }

  /** The symbol of that name, a global one before a local one. */
  symbol(name: string): ElfSymbol | undefined {
    return this.#byName.get(name);
  }

  /**
   * Names an address as `name` or `name+0x10`: by the last symbol at or before it that covers it.
   * A symbol of unknown size covers its section up to its end.
   *
   * @param address Address, as linked.
   * @param kind Only functions or only objects; a label counts by the section it is in.
   */
  symbolAt(address: number, kind?: "function" | "object"): string | undefined {
    const symbols = this.symbols;
    let low = 0;
    let high = symbols.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (symbols[middle].address <= address) low = middle + 1;
      else high = middle;
    }
    for (let i = low - 1; i >= 0; i--) {
      const symbol = symbols[i];
      if (!this.#covers(symbol, address) || !this.#isOf(symbol, kind)) continue;
      const offset = address - symbol.address;
      return offset === 0 ? symbol.name : `${symbol.name}+0x${offset.toString(16)}`;
    }
    return undefined;
  }

  #covers(symbol: ElfSymbol, address: number): boolean {
    if (symbol.size > 0) return address < symbol.address + symbol.size;
    const section = this.sections[symbol.section];
    if (section === undefined) return address === symbol.address;
    return address === symbol.address || address < section.address + section.size;
  }

  #isOf(symbol: ElfSymbol, kind: "function" | "object" | undefined): boolean {
    if (kind === undefined || symbol.kind === kind) return true;
    if (symbol.kind !== "label") return false;
    const flags = this.sections[symbol.section]?.flags ?? 0;
    return ((flags & SHF_EXECINSTR) !== 0) === (kind === "function");
  }
}

/** Reads fields and throws {@linkcode InputError} with the file's name. */
class Reader {
  readonly view: DataView;

  constructor(readonly file: string, readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  fail(part: string, what: string, allowed?: string): never {
    throw new InputError(part === "" ? this.file : `${this.file}: ${part}`, what, allowed);
  }

  u16(offset: number): number {
    return this.view.getUint16(offset, true);
  }

  u32(offset: number): number {
    return this.view.getUint32(offset, true);
  }

  slice(part: string, offset: number, size: number): Uint8Array {
    if (offset + size > this.bytes.length) {
      this.fail(part, `ends at ${offset + size}, past the end of the file (${this.bytes.length})`);
    }
    return this.bytes.subarray(offset, offset + size);
  }

  /** A NUL-terminated name in a string table. */
  text(part: string, table: Uint8Array, offset: number): string {
    if (offset >= table.length) this.fail(part, `name at ${offset} is outside its string table`);
    const end = table.subarray(offset, offset + MAX_NAME).indexOf(0);
    if (end < 0) this.fail(part, "name without an end", `up to ${MAX_NAME - 1} characters`);
    let text = "";
    for (let i = offset; i < offset + end; i++) {
      const c = table[i];
      if (c < 0x20 || c > 0x7e) this.fail(part, `name holds byte 0x${c.toString(16)}`, "ASCII");
      text += String.fromCharCode(c);
    }
    return text;
  }
}

function checkHeader(r: Reader): void {
  const b = r.bytes;
  if (b.length < 4 || b[0] !== 0x7f || b[1] !== 0x45 || b[2] !== 0x4c || b[3] !== 0x46) {
    r.fail("", "is no ELF file", "allowed: ELF32 little-endian ARM executables");
  }
  if (b.length < 52) r.fail("ELF header", `file is cut off at ${b.length} bytes`);
  if (b[4] !== 1) r.fail("ELF header", `class ${b[4]} is not supported`, "allowed: 1 (32 bit)");
  if (b[5] !== 1) {
    r.fail("ELF header", `data ${b[5]} is not supported`, "allowed: 1 (little endian)");
  }
  if (b[6] !== 1 || r.u32(20) !== 1) r.fail("ELF header", "unknown version", "allowed: 1");
  if (r.u16(16) !== 2) {
    r.fail(
      "ELF header",
      `type ${r.u16(16)} is no executable`,
      "allowed: 2 (linked, not relocatable)",
    );
  }
  if (r.u16(18) !== 40) {
    r.fail("ELF header", `machine ${r.u16(18)} is not supported`, "allowed: 40 (ARM)");
  }
  if ((r.u32(36) & 0x0080_0000) !== 0) r.fail("ELF header", "is a BE8 image", "little endian only");
  if (r.u16(44) > 0 && r.u16(42) !== 32) {
    r.fail("ELF header", `program headers of ${r.u16(42)} bytes`, "allowed: 32");
  }
  if (r.u16(48) > 0 && r.u16(46) !== 40) {
    r.fail("ELF header", `section headers of ${r.u16(46)} bytes`, "allowed: 40");
  }
}

function readSegments(r: Reader): ElfSegment[] {
  const phoff = r.u32(28);
  const phnum = r.u16(44);
  r.slice("program headers", phoff, phnum * 32);
  const segments: ElfSegment[] = [];
  for (let i = 0; i < phnum; i++) {
    const at = phoff + i * 32;
    const memsz = r.u32(at + 20);
    if (r.u32(at) !== PT_LOAD || memsz === 0) continue;
    const part = `segment ${i}`;
    const offset = r.u32(at + 4);
    const vaddr = r.u32(at + 8);
    const filesz = r.u32(at + 16);
    if (filesz > memsz) r.fail(part, `${filesz} bytes in the file, only ${memsz} in memory`);
    if (vaddr + memsz > 0x1_0000_0000) r.fail(part, "ends past address 0xffffffff");
    segments.push({
      vaddr,
      paddr: r.u32(at + 12),
      offset,
      filesz,
      memsz,
      flags: r.u32(at + 24),
      bytes: r.slice(part, offset, filesz),
    });
  }
  if (segments.length === 0) r.fail("program headers", "no segment to load");
  segments.sort((a, b) => a.vaddr - b.vaddr);
  for (let i = 1; i < segments.length; i++) {
    const before = segments[i - 1];
    if (before.vaddr + before.memsz > segments[i].vaddr) {
      r.fail("program headers", `two segments overlap at 0x${segments[i].vaddr.toString(16)}`);
    }
  }
  return segments;
}

function readSections(r: Reader): ElfSection[] {
  const shoff = r.u32(32);
  const shnum = r.u16(48);
  if (shnum === 0) {
    if (shoff !== 0) r.fail("section headers", "offset without a count");
    return [];
  }
  r.slice("section headers", shoff, shnum * 40);
  const raw = Array.from({ length: shnum }, (_, i) => {
    const at = shoff + i * 40;
    const type = r.u32(at + 4);
    const size = r.u32(at + 20);
    const hasBytes = type !== SHT_NOBITS && type !== 0;
    return {
      nameOffset: r.u32(at),
      type,
      flags: r.u32(at + 8),
      address: r.u32(at + 12),
      size: type === 0 ? 0 : size,
      bytes: hasBytes ? r.slice(`section ${i}`, r.u32(at + 16), size) : new Uint8Array(0),
    };
  });
  const names = raw[r.u16(50)];
  if (names === undefined || names.type !== SHT_STRTAB) {
    r.fail("section headers", `section ${r.u16(50)} is no string table of section names`);
  }
  return raw.map(({ nameOffset, ...section }, i) => ({
    name: i === 0 ? "" : r.text(`section ${i}`, names.bytes, nameOffset),
    ...section,
  }));
}

const KINDS: readonly ElfSymbolKind[] = ["label", "object", "function"];

function readSymbols(r: Reader, sections: readonly ElfSection[]): ElfSymbol[] {
  const index = sections.findIndex((section) => section.type === SHT_SYMTAB);
  if (index < 0) return [];
  const table = sections[index];
  const part = `section ${table.name}`;
  const at = r.u32(32) + index * 40;
  const link = r.u32(at + 24);
  const names = sections[link];
  if (names === undefined || names.type !== SHT_STRTAB) {
    r.fail(part, `section ${link} is no string table`);
  }
  if (r.u32(at + 36) !== 16) r.fail(part, `entries of ${r.u32(at + 36)} bytes`, "allowed: 16");
  if (table.size % 16 !== 0) r.fail(part, `${table.size} bytes are no whole number of entries`);
  const view = new DataView(table.bytes.buffer, table.bytes.byteOffset, table.bytes.length);
  const symbols: ElfSymbol[] = [];
  for (let offset = 16; offset < table.size; offset += 16) {
    const type = table.bytes[offset + 12] & 15;
    const section = view.getUint16(offset + 14, true);
    if (type > 2 || section === 0) continue;
    if (section >= SHN_LORESERVE ? section !== SHN_ABS : section >= sections.length) {
      r.fail(part, `symbol ${offset / 16} is in section ${section}, of ${sections.length}`);
    }
    const name = r.text(
      `${part}, symbol ${offset / 16}`,
      names.bytes,
      view.getUint32(offset, true),
    );
    // Mapping symbols ($a, $t, $d) mark stretches of code and data, they name nothing.
    if (name === "" || name.startsWith("$")) continue;
    const value = view.getUint32(offset + 4, true);
    const thumb = type === 2 && (value & 1) !== 0;
    symbols.push({
      name,
      address: thumb ? value - 1 : value,
      size: view.getUint32(offset + 8, true),
      kind: KINDS[type],
      thumb,
      global: table.bytes[offset + 12] >> 4 !== 0,
      section,
    });
  }
  // Among symbols of one address the last one is found first: local labels, then the sized ones.
  const rank = (s: ElfSymbol) => (s.kind === "label" ? 0 : 2) + (s.global ? 1 : 0);
  return symbols.sort((a, b) =>
    a.address - b.address || rank(a) - rank(b) || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)
  );
}

/**
 * Reads an ELF32 little-endian ARM executable.
 *
 * @param bytes The whole file; segments and sections are views into it.
 * @param name Name of the file, for messages.
 * @throws {InputError} The file is malformed or of another kind.
 */
export function parseElf(bytes: Uint8Array, name = "ELF file"): ElfFile {
  const r = new Reader(name, bytes);
  checkHeader(r);
  const segments = readSegments(r);
  const sections = readSections(r);
  const symbols = readSymbols(r, sections);
  const entry = r.u32(24);
  const inside = segments.some((s) =>
    (s.flags & PF_X) !== 0 && entry >= s.vaddr && entry < s.vaddr + s.memsz
  );
  if (!inside) {
    r.fail("ELF header", `entry 0x${entry.toString(16)} is in no executable segment`);
  }
  const entryThumb = (entry & 1) !== 0;
  const parts = { name, entry: entryThumb ? entry - 1 : entry, entryThumb };
  return new ElfFile({ ...parts, segments, sections, symbols });
}
