/**
 * Two figures of memory as SVG: the map of the address space in the manner of the paper's Fig. 1, and
 * tables and pointers in the manner of its Fig. 2. They are drawn from rows alone.
 *
 * @module
 */

import type { GuestDump, MemoryDump, PageTableRow } from "../mod.ts";

const WIDTH = 1180;
const MARGIN = 24;
const MEGABYTE = 0x10_0000;
/** Bytes of a guest's slot. */
const SLOT_BYTES = 0x200_0000;
/** Width of a character of the figures' small type, with room to spare. */
const CHARACTER = 6.4;

const COLORS = {
  fixed: "#cfe0f2",
  dynamic: "#d9ecd0",
  error: "#f6d5d5",
  text: "#dfe3e8",
  data: "#ffe08a",
  stack: "#f9c6a0",
  vmi: "#cdbfe6",
  guard: "#f6d5d5",
  active: "#1c6bb0",
  standby: "#c2571a",
  spare: "#7a7a7a",
  ink: "#222222",
  faint: "#777777",
} as const;

/** Text that can stand in an SVG. */
function escape(text: string): string {
  return text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
}

/** A text. */
function label(
  x: number,
  y: number,
  text: string,
  look: { size?: number; anchor?: "start" | "middle" | "end"; color?: string; bold?: boolean } = {},
): string {
  const { size = 11, anchor = "start", color = COLORS.ink, bold = false } = look;
  return `<text x="${x}" y="${y}" font-size="${size}" text-anchor="${anchor}" fill="${color}"` +
    `${bold ? ' font-weight="bold"' : ""}>${escape(text)}</text>\n`;
}

/** A box. */
function box(x: number, y: number, w: number, h: number, fill: string, stroke = "#555"): string {
  return `<rect x="${x}" y="${y}" width="${w}" height="${h}" fill="${fill}" stroke="${stroke}"/>\n`;
}

/** Straight lines through points, with an arrow head at the end when there is one. */
function line(
  points: readonly (readonly [number, number])[],
  color: string,
  look: { arrow?: boolean; dashed?: boolean } = {},
): string {
  const path = points.map(([x, y], i) => `${i === 0 ? "M" : "L"}${x} ${y}`).join(" ");
  const head = look.arrow ? ` marker-end="url(#head-${color.slice(1)})"` : "";
  const dash = look.dashed ? ' stroke-dasharray="4 3"' : "";
  return `<path d="${path}" fill="none" stroke="${color}"${dash}${head}/>\n`;
}

/** An arrow head in a color. */
function head(color: string): string {
  return `<marker id="head-${
    color.slice(1)
  }" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" ` +
    `markerHeight="7" orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="${color}"/></marker>\n`;
}

/** A physical or virtual address. */
function hex(n: number): string {
  return `0x${(n >>> 0).toString(16).padStart(8, "0")}`;
}

/** A text cut to a width. */
function fit(text: string, width: number): string {
  const most = Math.floor(width / CHARACTER);
  return text.length <= most ? text : `${text.slice(0, Math.max(1, most - 1))}…`;
}

/** A megabyte of a guest's slot. */
interface Piece {
  /** First MVA. */
  readonly mva: number;
  /** Whose it is. */
  readonly name: string;
  readonly rows: readonly PageTableRow[];
}

/** The pieces of a guest, by address. */
function piecesOf(guest: GuestDump): Piece[] {
  const pieces = new Map<number, PageTableRow[]>();
  for (const row of guest.rows) {
    const at = Math.floor(Number(row.mva) / MEGABYTE);
    pieces.set(at, [...pieces.get(at) ?? [], row]);
  }
  return [...pieces].sort(([a], [b]) => a - b).map(([at, rows]) => {
    const { task } = rows[0]!;
    const name = task ?? kernelPiece(at * MEGABYTE, rows.map((r) => r.kind));
    return { mva: at * MEGABYTE, name, rows };
  });
}

/** What a piece that is no task's is called. */
function kernelPiece(mva: number, kinds: readonly string[]): string {
  if (kinds.some((kind) => kind.startsWith("vmi"))) return "VM interface";
  if (kinds.includes("common-text")) return "common text";
  if (kinds.includes("shared")) return "shared";
  return mva % SLOT_BYTES === 0 ? "kernel" : "stack";
}

/** What a page is for, as the figures tell it apart. */
function use(kind: string): "text" | "data" | "stack" | "vmi" | "guard" {
  for (const word of ["text", "data", "stack", "guard"] as const) {
    if (kind.endsWith(word)) return word;
  }
  return kind === "shared" ? "data" : "vmi";
}

// --- the memory map ----------------------------------------------------------------------------------

/** A part of the address space. */
interface Region {
  readonly kind: "fixed" | "dynamic" | "error";
  readonly from: number;
  readonly to: number;
  readonly words: string;
  /** Guest whose slot it is. */
  readonly guest?: GuestDump;
}

const KINDS: Readonly<Record<string, string>> = {
  flash: "flash: guest images",
  sfr: "device registers",
  vectors: "exception vectors",
};

/** What a part of the monitor's SDRAM holds, by its address and its cache bits. */
function sdramWords(row: PageTableRow): string {
  if (row.c === 1) {
    return Number(row.va) % 0x100_0000 === 0 ? "monitor: text, records" : "VM records";
  }
  return Number(row.va) % 0x100_0000 === 0 ? "frames of guests" : "page tables";
}

/** The address space from 0 to the end, with the gaps. */
function regionsOf(dump: MemoryDump): Region[] {
  const mapped: Region[] = [];
  for (const row of dump.fixed) {
    const from = Number(row.va);
    const to = from + row.size;
    const words = row.kind === "sdram" ? sdramWords(row) : KINDS[row.kind] ?? row.kind;
    const last = mapped.at(-1);
    // Device registers lie apart, but nobody wants to see each of their megabytes.
    if (last !== undefined && row.kind === "sfr" && last.words === words) {
      mapped[mapped.length - 1] = { ...last, to };
    } else mapped.push({ kind: "fixed", from, to, words });
  }
  for (const guest of dump.guests) {
    const slot = Math.floor(Number(guest.rows[0]!.mva) / SLOT_BYTES) * SLOT_BYTES;
    const words = `slot of ${guest.vm}`;
    mapped.push({ kind: "dynamic", from: slot, to: slot + SLOT_BYTES, words, guest });
  }
  mapped.sort((a, b) => a.from - b.from);
  const regions: Region[] = [];
  let at = 0;
  for (const region of mapped) {
    if (region.from > at) regions.push({ kind: "error", from: at, to: region.from, words: "" });
    regions.push(region);
    at = region.to;
  }
  if (at < 2 ** 32) regions.push({ kind: "error", from: at, to: 2 ** 32, words: "" });
  return regions;
}

const BAR = { x: 130, width: 210 } as const;
const SLOT = { x: 430, width: 225, gap: 18, piece: 46, cell: 13 } as const;
const SLOTS_BESIDE = 3;

/** Height of a guest's column. */
function slotHeight(pieces: readonly Piece[]): number {
  return 30 + pieces.length * SLOT.piece;
}

/** A guest's slot: its pieces, and a cell for each page. */
function drawSlot(x: number, y: number, guest: GuestDump, pieces: readonly Piece[]): string {
  let out = label(x, y + 12, fit(`${guest.vm} (${guest.state})`, SLOT.width), { bold: true });
  pieces.forEach((piece, i) => {
    const top = y + 22 + i * SLOT.piece;
    const active = piece.rows.filter((r) => r.role === "active")
      .sort((a, b) => Number(a.mva) - Number(b.mva));
    out += box(x, top, SLOT.width, SLOT.piece - 4, COLORS.dynamic);
    out += label(x + 6, top + 14, fit(piece.name, 96), { bold: true });
    out += label(x + SLOT.width - 6, top + 14, `${hex(piece.mva)}  D${active[0]!.domain}`, {
      anchor: "end",
      size: 10,
      color: COLORS.faint,
    });
    const room = Math.floor((SLOT.width - 12) / SLOT.cell);
    active.slice(0, room).forEach((row, n) => {
      const at = x + 6 + n * SLOT.cell;
      out += box(at, top + 22, SLOT.cell - 2, 14, COLORS[use(row.kind)]);
      if (row.dirty === true) {
        out += `<circle cx="${at + 5.5}" cy="${top + 29}" r="2.6" fill="${COLORS.ink}"/>\n`;
      }
    });
    if (active.length > room) {
      out += label(x + SLOT.width - 6, top + 34, `+${active.length - room}`, { anchor: "end" });
    }
  });
  return out;
}

/** The memory map; its height. */
function drawMap(top: number, dump: MemoryDump, words: string): { svg: string; height: number } {
  const regions = regionsOf(dump);
  let svg = label(MARGIN, top + 18, `Memory map ${words}`, { size: 16, bold: true });
  svg += label(
    MARGIN,
    top + 36,
    "Addresses after FCSE (MVA); not to scale. VA = PA in the fixed region; an access to the error " +
      "region is an error.",
    { color: COLORS.faint },
  );
  const first = top + 56;
  let y = first;
  const middles = new Map<GuestDump, number>();
  for (const region of regions) {
    const height = region.kind === "error" ? 24 : 38;
    const fill = region.kind === "error" ? "url(#hatch)" : COLORS[region.kind];
    svg += box(BAR.x, y, BAR.width, height, fill);
    const lines = region.kind === "error" ? "error region" : region.words;
    svg += label(BAR.x + BAR.width / 2, y + height / 2 + 4, fit(lines, BAR.width - 8), {
      anchor: "middle",
      color: region.kind === "error" ? COLORS.faint : COLORS.ink,
    });
    svg += label(BAR.x - 8, y + 11, hex(region.from), { anchor: "end", size: 10 });
    if (region.guest !== undefined) middles.set(region.guest, y + height / 2);
    y += height;
  }
  svg += label(BAR.x - 8, y + 4, "0xffffffff", { anchor: "end", size: 10 });
  const bottom = y;

  // The guests' slots, a few beside each other, each joined to its place in the map.
  let row = first;
  let tallest = 0;
  dump.guests.forEach((guest, i) => {
    const pieces = piecesOf(guest);
    const column = i % SLOTS_BESIDE;
    if (column === 0 && i > 0) {
      row += tallest + 26;
      tallest = 0;
    }
    const x = SLOT.x + column * (SLOT.width + SLOT.gap);
    svg += drawSlot(x, row, guest, pieces);
    tallest = Math.max(tallest, slotHeight(pieces));
    const from = middles.get(guest)!;
    // Down a lane of its own beside the bar, then along the gap above the row of slots.
    const lane = BAR.x + BAR.width + 10 + i % 12 * 5;
    const above = row - 6 - column * 3;
    const to: [number, number][] = column === 0
      ? [[lane, row + 8], [x - 4, row + 8]]
      : [[lane, above], [x + 30, above], [x + 30, row]];
    const joint: [number, number][] = [[BAR.x + BAR.width, from], [lane, from]];
    svg += line([...joint, ...to], COLORS.faint, { arrow: true });
  });
  y = Math.max(bottom, row + tallest) + 22;
  svg += legend(y, [
    [COLORS.fixed, "fixed region"],
    [COLORS.dynamic, "dynamic region"],
    ["url(#hatch)", "error region"],
    [COLORS.text, "text, read-only"],
    [COLORS.data, "data"],
    [COLORS.stack, "stack"],
    [COLORS.vmi, "VM interface"],
    [COLORS.guard, "guard page"],
  ]);
  svg += `<circle cx="${MARGIN + 7}" cy="${y + 30}" r="2.6" fill="${COLORS.ink}"/>\n`;
  svg += label(MARGIN + 20, y + 34, "written since the last checkpoint");
  svg += label(MARGIN + 270, y + 34, "D3: in domain 3; D1: closed, it gets a domain when it runs");
  return { svg, height: y + 44 - top };
}

function legend(y: number, entries: readonly (readonly [fill: string, words: string])[]): string {
  let x = MARGIN;
  let out = "";
  for (const [fill, words] of entries) {
    out += box(x, y, 14, 12, fill);
    out += label(x + 20, y + 10, words);
    x += 34 + words.length * CHARACTER + 12;
  }
  return out;
}

// --- tables and pointers -----------------------------------------------------------------------------

/** Neighbouring pages of a piece that are alike in every table. */
interface PageGroup {
  readonly count: number;
  readonly kind: string;
  readonly va: string;
  readonly dirty: boolean | null;
  /** Rows of the first page. */
  readonly active: PageTableRow;
  readonly standby: PageTableRow | undefined;
  readonly spare: PageTableRow | undefined;
  /** Versions that no table names, newest first. */
  readonly versions: readonly PageTableRow[];
}

function groupsOf(piece: Piece): PageGroup[] {
  const groups: (PageGroup & { signature: string; end: number })[] = [];
  const at = (role: PageTableRow["role"], mva: string) =>
    piece.rows.find((r) => r.role === role && r.mva === mva && r.table !== null);
  for (const active of piece.rows) {
    if (active.role !== "active" || active.region === "error") continue;
    const standby = at("standby", active.mva);
    const spare = at("spare", active.mva);
    const versions = piece.rows.filter((r) => r.table === null && r.mva === active.mva);
    const signature = [
      active.kind,
      active.ap,
      active.dirty,
      standby?.pa === active.pa,
      standby?.generation,
      spare?.ap,
      spare?.pa === active.pa,
      versions.map((v) => v.generation),
    ].join();
    const last = groups.at(-1);
    const mva = Number(active.mva);
    if (last !== undefined && last.signature === signature && last.end === mva) {
      groups[groups.length - 1] = { ...last, count: last.count + 1, end: mva + active.size };
      continue;
    }
    const { kind, va, dirty } = active;
    groups.push({
      ...{ count: 1, kind, va, dirty, active, standby, spare, versions },
      ...{ signature, end: mva + active.size },
    });
  }
  return groups;
}

const TABLES = { x: 190, row: 27, label: 150 } as const;
const GROUP = { x: 352, width: 132, cell: 84, frame: 92 } as const;
const GROUPS_BESIDE = 6;
const ROLE_ROWS = ["active", "standby", "spare"] as const;
const ROLE_NAMES = { active: "activePt", standby: "backupPt", spare: "spare" } as const;

/** A group of pages in the three tables, and the frames that they name. */
function drawGroup(x: number, y: number, group: PageGroup): { svg: string; height: number } {
  const { active, count } = group;
  const what = group.kind.replace(/^.*-/, "");
  let svg = label(x, y - 6, `${what} ${group.va}${count > 1 ? ` ×${count}` : ""}`, {
    size: 10,
    color: COLORS.faint,
  });
  // Frames, from above: the active one, then what is kept.
  const frames: { pa: string; words: string }[] = [
    { pa: active.pa, words: `active${group.dirty === true ? ", dirty" : ""}` },
  ];
  const keep = (row: PageTableRow) => {
    if (frames.some((f) => f.pa === row.pa)) return;
    const words = row.generation === null ? "to be freed" : `generation ${row.generation}`;
    frames.push({ pa: row.pa, words });
  };
  for (const role of ["standby", "spare"] as const) {
    if (group[role] !== undefined) keep(group[role]);
  }
  group.versions.forEach(keep);
  const framesTop = y + 3 * TABLES.row + 16;
  const frameY = (pa: string) => framesTop + frames.findIndex((f) => f.pa === pa) * 34;
  for (const [n, { pa, words }] of frames.entries()) {
    const top = framesTop + n * 34;
    svg += box(x, top, GROUP.frame, 29, n === 0 ? COLORS[use(group.kind)] : "#ffffff");
    svg += label(x + GROUP.frame / 2, top + 12, pa, { anchor: "middle", size: 10 });
    svg += label(x + GROUP.frame / 2, top + 24, words, {
      anchor: "middle",
      size: 9,
      color: COLORS.faint,
    });
  }
  ROLE_ROWS.forEach((role, n) => {
    const row = group[role];
    if (row === undefined) return;
    const top = y + n * TABLES.row;
    const writable = row.ap === "RW/RW";
    svg += box(x, top, GROUP.cell, TABLES.row - 6, writable ? "#ffffff" : "#eeeeee");
    svg += label(x + GROUP.cell / 2, top + 14, writable ? "read/write" : "read-only", {
      anchor: "middle",
      size: 10,
    });
    // A lane for each table, so that no line runs into another.
    const lane = x + GROUP.frame + 8 + (2 - n) * 8;
    const middle = top + (TABLES.row - 6) / 2;
    const end = frameY(row.pa) + 8 + n * 6;
    svg += line(
      [[x + GROUP.cell, middle], [lane, middle], [lane, end], [x + GROUP.frame + 1, end]],
      COLORS[role],
      { arrow: true, dashed: role === "spare" },
    );
  });
  return { svg, height: framesTop - y + frames.length * 34 };
}

/** Master entry, tables and frames of a piece. */
function drawPiece(top: number, piece: Piece): { svg: string; height: number } {
  const groups = groupsOf(piece);
  const { domain } = groups[0]!.active;
  const y = top + 40;
  let svg = label(MARGIN, top + 14, piece.name, { size: 13, bold: true });
  svg += box(MARGIN, y, 118, TABLES.row * 2 - 6, COLORS.fixed);
  svg += label(MARGIN + 6, y + 14, "master entry", { size: 10, color: COLORS.faint });
  svg += label(MARGIN + 6, y + 27, hex(piece.mva), { size: 10 });
  svg += label(MARGIN + 6, y + 40, `domain ${domain}`, { size: 10 });
  ROLE_ROWS.forEach((role, n) => {
    const table = groups[0]![role]?.table;
    if (table === undefined || table === null) return;
    const at = y + n * TABLES.row;
    svg += box(TABLES.x, at, TABLES.label, TABLES.row - 6, "#ffffff", COLORS[role]);
    svg += label(TABLES.x + 6, at + 14, ROLE_NAMES[role], { size: 11, color: COLORS[role] });
    svg += label(TABLES.x + TABLES.label - 6, at + 14, table, { anchor: "end", size: 10 });
  });
  const middle = y + (TABLES.row - 6) / 2;
  svg += line([[MARGIN + 118, middle], [TABLES.x - 1, middle]], COLORS.active, { arrow: true });
  let height = 0;
  let row = y;
  groups.forEach((group, i) => {
    if (i > 0 && i % GROUPS_BESIDE === 0) {
      row += height + 26;
      height = 0;
    }
    const drawn = drawGroup(GROUP.x + i % GROUPS_BESIDE * GROUP.width, row, group);
    svg += drawn.svg;
    height = Math.max(height, drawn.height);
  });
  return { svg, height: row - top + height + 18 };
}

/** Tables and pointers of some guests; their height. */
function drawTables(
  top: number,
  guests: readonly GuestDump[],
  words: string,
): { svg: string; height: number } {
  let svg = label(MARGIN, top + 18, `Tables and pointers ${words}`, { size: 16, bold: true });
  svg += label(
    MARGIN,
    top + 36,
    "The master table has an entry for each megabyte, which names the installed table and its domain. " +
      "A swap makes it name backupPt.",
    { color: COLORS.faint },
  );
  let y = top + 50;
  for (const guest of guests) {
    svg += label(MARGIN, y + 16, `${guest.vm} (${guest.state})`, { size: 14, bold: true });
    y += 26;
    for (const piece of piecesOf(guest)) {
      const drawn = drawPiece(y, piece);
      svg += drawn.svg;
      y += drawn.height;
      svg += line([[MARGIN, y - 6], [WIDTH - MARGIN, y - 6]], "#dddddd");
    }
  }
  const entries = [
    ["active", "activePt: installed"],
    ["standby", "backupPt: names the content of the last checkpoint"],
    ["spare", "spare: every page read-only, for the next checkpoint"],
  ] as const;
  let x = MARGIN;
  for (const [role, text] of entries) {
    svg += line([[x, y + 14], [x + 30, y + 14]], COLORS[role], {
      arrow: true,
      dashed: role === "spare",
    });
    svg += label(x + 38, y + 18, text);
    x += 60 + text.length * CHARACTER;
  }
  return { svg, height: y + 30 - top };
}

/**
 * Draws both figures, one below the other.
 *
 * @param dump Memory.
 * @param words Which moment it is.
 * @param vm The guest whose tables are shown; all of them without it.
 * @returns An SVG document.
 */
export function figures(dump: MemoryDump, words: string, vm?: string): string {
  const map = drawMap(MARGIN, dump, words);
  const guests = dump.guests.filter((g) => vm === undefined || g.vm === vm);
  const tables = drawTables(MARGIN + map.height + 40, guests, words);
  const height = MARGIN + map.height + 40 + tables.height + MARGIN;
  const heads = [COLORS.active, COLORS.standby, COLORS.spare, COLORS.faint].map(head).join("");
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" ` +
    `viewBox="0 0 ${WIDTH} ${height}" font-family="DejaVu Sans Mono, Consolas, monospace">\n` +
    `<defs>\n<pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse">` +
    `<rect width="6" height="6" fill="#fbefef"/>` +
    `<path d="M0 6 L6 0" stroke="${COLORS.error}" stroke-width="1.5"/></pattern>\n${heads}</defs>\n` +
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>\n${map.svg}${tables.svg}</svg>\n`;
}
