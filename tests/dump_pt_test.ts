/**
 * `dump-pt`: moments, versions and generations, differences and figures.
 *
 * @module
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { changes } from "../cli/dump_diff.ts";
import { figures } from "../cli/dump_figures.ts";
import { observedInTask } from "../core/contexts.ts";
import { dumpGuards, dumpMemory, dumpVersions, type PageTableRow } from "../core/dump.ts";
import { frameRecord } from "../core/frames.ts";
import type { Lab } from "../core/lab.ts";
import { FRAME, FRAME_STATE, GLOBAL, MAP, UNIT } from "../core/layout.ts";
import { slotMva } from "../core/vm.ts";
import { PAGE, SLOT_MAP } from "../core/vmi.ts";
import { createDraft } from "../cli/draft.ts";
import { deno, ROOT } from "../tasks/run.ts";
import { copyUnit, cutsOf, ringOf, unitRecord, word, writablePages } from "./backup_rig.ts";
import { call, jsonLines } from "./cli_rig.ts";
import { type Code, STACK_OFFSET, taskBase, taskData, taskGuest } from "./mini_guest.ts";
import { core, framesOf, miniLab, runUntil } from "./monitor_rig.ts";

// --- rows ------------------------------------------------------------------------------------------

const still = taskGuest({
  tickUs: 0,
  tasks: [0, 1].map((i) => ({ name: `t${i}`, dataPages: 3, main: (c: Code) => c.spin() })),
});

/** A guest that stands still in its first task, whose unit the test drives. */
async function stand(backup: "full" | "dirty" | "cow", generations: number) {
  const lab = await miniLab({ g: still }, { backup, generations, period: "1s" });
  const inTask = () => {
    const vm = word(lab, MAP.VM_TABLE + 4);
    return vm !== 0 && word(lab, MAP.GLOBAL + GLOBAL.CURRENT) === vm &&
      observedInTask(lab.board, vm);
  };
  assert.ok(runUntil(lab, inTask, 20e6, 50_000));
  const vm = lab.vmRecord("g");
  const unit = unitRecord(lab, vm, 2);
  lab.vmm.domains.open(vm, unit);
  lab.vmm.port.setDacr(word(lab, unit + UNIT.DACR_KERNEL));
  const write = (page: number, value: number) =>
    assert.ok(lab.vmm.port.writeUser(slotMva(1, taskData(0) + page * PAGE), 4, value));
  return { lab, vm, unit, write };
}

function rowsOf(lab: Lab, name: string): PageTableRow[] {
  return dumpMemory(lab.board).guests.find((g) => g.vm === name)!.rows;
}

Deno.test(
  "dumpMemory() names the checkpoint that each kept frame is the content of",
  core,
  async () => {
    for (const backup of ["full", "dirty", "cow"] as const) {
      const { lab, vm, unit, write } = await stand(backup, 3);
      using _ = lab;
      // What the unit held at each of its checkpoints, by their numbers.
      const copies = new Map<number, Uint8Array>();
      for (let i = 0; i < 5; i++) {
        write(i % 2, 100 + i);
        if (i === 2) lab.vmm.backup.cut(vm, true);
        else lab.vmm.backup.checkpointTask(vm, unit);
        copies.set(word(lab, unit + UNIT.TARGET), copyUnit(lab, unit));
      }
      write(0, 200);
      const kept = [...new Set([...ringOf(lab, unit), ...cutsOf(lab, vm)])].sort((a, b) => b - a);
      const pages = writablePages(lab, unit);
      let named = 0;
      for (const row of rowsOf(lab, "g")) {
        if (row.task !== "t0" || row.generation === null) continue;
        assert.equal(row.role, "standby");
        const page = pages.findIndex(({ va }) => va === Number(row.va));
        // The cut of the VM's start came before the test.
        const copy = copies.get(kept[row.generation])?.subarray(page * PAGE, (page + 1) * PAGE);
        if (copy === undefined) continue;
        const bytes = lab.board.debugRead(Number(row.pa), PAGE);
        assert.deepEqual(bytes, copy, `${backup}: ${row.va}, generation ${row.generation}`);
        named++;
      }
      assert.ok(named > 5, `${backup}: ${named} frames with a generation`);
    }
  },
);

Deno.test(
  "dumpMemory() has every frame of a guest, and knows which pages are dirty",
  core,
  async () => {
    for (const backup of ["dirty", "cow"] as const) {
      const { lab, vm, unit, write } = await stand(backup, 4);
      using _ = lab;
      for (let i = 0; i < 8; i++) {
        write(i % 3, i);
        lab.vmm.backup.checkpointTask(vm, unit);
      }
      write(1, 1);
      const rows = rowsOf(lab, "g");
      const shown = new Set(rows.filter((r) => r.region === "dynamic").map((r) => Number(r.pa)));
      assert.deepEqual([...shown].sort(), framesOf(lab, vm).sort());
      const versions = dumpVersions(lab.board, vm, "g");
      assert.ok(versions.length > 0);
      for (const { pa, table, ap } of versions) {
        assert.deepEqual([table, ap], [null, "-"]);
        const state = word(lab, frameRecord(Number(pa)) + FRAME.STATE) & 0xff;
        assert.equal(state, FRAME_STATE.VERSION);
      }
      const dirty = rows.filter((r) => r.role === "active" && r.task === "t0" && r.dirty === true);
      assert.deepEqual(dirty.map((r) => Number(r.va)), [taskData(0) + PAGE], backup);
    }
  },
);

Deno.test("dumpGuards() finds the page below each stack", core, async () => {
  using lab = await miniLab({ g: still });
  lab.runAll({ for: "3ms" });
  const rows = dumpGuards(lab.board, lab.vmRecord("g"), "g");
  const wanted = [STACK_OFFSET, ...[0, 1, 2].map((t) => taskBase(t) + STACK_OFFSET)];
  assert.deepEqual(rows.map((r) => Number(r.va)), wanted.map((va) => va - PAGE));
  assert.ok(rows.every((r) => r.region === "error" && r.kind === "guard"));
});

Deno.test("dumpMemory() costs no board time and changes nothing", core, async () => {
  const hashes: string[] = [];
  for (const look of [false, true]) {
    using lab = await miniLab({ g: still, h: still }, { slice: "1ms" });
    for (let i = 0; i < 6; i++) {
      lab.runAll({ for: "1ms" });
      if (look) dumpMemory(lab.board);
    }
    const { hash, cycles } = lab.summary();
    hashes.push(`${hash} ${cycles}`);
  }
  assert.equal(hashes[0], hashes[1]);
});

// --- the command -----------------------------------------------------------------------------------

Deno.test("dump-pt without a guest shows the monitor's region and VM0", async () => {
  const { code, out } = await call(["dump-pt", "--at", "10ms", "--json"]);
  assert.equal(code, 0);
  const rows = jsonLines(out);
  const kinds = new Set(rows.filter((r) => r.region === "fixed").map((r) => r.kind));
  for (const kind of ["flash", "sdram", "sfr", "vectors"]) assert.ok(kinds.has(kind), kind);
  assert.deepEqual(new Set(rows.map((r) => r.vm)), new Set(["vmm", "vm0"]));
  const text = await call(["dump-pt", "--at", "10ms"]);
  assert.match(text.out, /^fixed +flash +0x00000000/m);
  assert.match(text.out, /^Page tables of vm0 at 10 ms/m);
});

Deno.test("dump-pt rows have what is promised of them", async () => {
  const { out } = await call(["dump-pt", "ucos-1", "--json"]);
  const keys = [
    ...["vm", "task", "region", "kind", "mva", "pa", "size", "ap", "domain", "c", "b"],
    ...["role", "dirty", "generation"],
  ];
  for (const row of jsonLines(out)) for (const key of keys) assert.ok(key in row, key);
  const roles = new Set(jsonLines(out).map((r) => r.role));
  assert.deepEqual(roles, new Set(["active", "standby", "spare"]));
});

Deno.test("dump-pt --at looks at that time, --after right after that event", async () => {
  const [at] = (await call(["dump-pt", "ucos-3", "--at", "50ms"])).out.split("\n");
  assert.match(at, /^Page tables of ucos-3 at 50 ms of board time/);
  const faults = (await call(["demo", "--json"])).out;
  const { t } = jsonLines(faults).find((e) => e.type === "fault") as { t: number };
  for (const [word, what] of [["fault", "fault"], ["swap-task", "swap-task"]]) {
    const { code, out } = await call(["dump-pt", "ucos-3", "--after", word]);
    assert.equal(code, 0);
    const says = out.replaceAll("\n", " ");
    assert.match(says, new RegExp(`ucos-3 after ${what} of ucos-3, task saboteur, at 30\\d ms`));
  }
  assert.ok(t > 300e6 && t < 310e6);
  // From --at on: the first switch after a second is not the first one of all.
  const late = await call(["dump-pt", "ucos-1", "--after", "checkpoint", "--at", "1s"]);
  assert.match(late.out, /after checkpoint of ucos-1.* at 1\.\d+ s|at 1 s/);
});

Deno.test("dump-pt --diff shows what a swap changes, and nothing else", async () => {
  const { code, out } = await call(["dump-pt", "ucos-3", "ucos-1", "--diff", "--json"]);
  assert.equal(code, 0);
  const found = jsonLines(out) as {
    task: string;
    vm: string;
    role: string;
    before: Record<string, unknown> | null;
    after: Record<string, unknown> | null;
  }[];
  assert.ok(found.length > 3);
  for (const c of found) assert.deepEqual([c.vm, c.task], ["ucos-3", "saboteur"]);
  // The tables have changed places.
  const tables = (role: string) => found.filter((c) => c.role === role && c.before?.table);
  for (const active of tables("active")) {
    const standby = tables("standby").find((c) => c.before!.table === active.after!.table)!;
    assert.equal(standby.after!.table, active.before!.table);
  }
  assert.ok(tables("active").length > 1);
  const text = await call(["dump-pt", "ucos-3", "--diff"]);
  assert.match(
    text.out.replaceAll("\n", " "),
    /changes between two moments: at the fault of ucos-3/,
  );
});

Deno.test("changes() of the same dump are none, and go both ways", core, async () => {
  const { lab, vm, unit, write } = await stand("cow", 2);
  using _ = lab;
  lab.vmm.backup.checkpointTask(vm, unit);
  const before = dumpMemory(lab.board);
  assert.deepEqual(changes(before, dumpMemory(lab.board)), []);
  write(0, 1);
  const after = dumpMemory(lab.board);
  const forth = changes(before, after, "g");
  const page = forth.filter((c) => c.role === "active");
  assert.deepEqual(page.map(({ before, after }) => [before, after]), [
    [{ ap: "RW/RO", dirty: false }, { ap: "RW/RW", dirty: true }],
  ]);
  const back = changes(after, before, "g");
  assert.equal(back.length, forth.length);
  assert.deepEqual(changes(before, after, "nobody"), []);
});

/** Bad input: arguments, and what the one line says. */
const BAD: readonly [args: string[], message: RegExp][] = [
  [
    ["ucos-1", "--after", "falt"],
    /^understudy: --after: "falt" is unknown; did you mean "fault"\?/,
  ],
  [["ucos-1", "--after", "fault", "--diff"], /^understudy: --diff: not together with --after/],
  [["ucos-1", "--for", "1s"], /^understudy: --for: there is nothing to wait for/],
  [["ucos-1", "--at", "soon"], /^understudy: --at: "soon" is no time/],
  [["ucos-1", "--at", "1ns"], /^understudy: --at: .* has passed/],
  [["ucos-1", "--diff", "--for", "20ms"], /^understudy: --diff: there is no swap of ucos-1 up to /],
  [
    ["ucos-1", "--after", "fault", "--for", "20ms"],
    /^understudy: --after: there is no fault of ucos-1 up to /,
  ],
  [["ucos-9"], /^understudy: GUEST: there is no guest "ucos-9"/],
  [["--no-vm0"], /^understudy: GUEST: there is no guest to boot/],
  [["ucos-1", "--svg", "no/such/place.svg"], /^understudy: no\/such\/place.svg: there is no such/],
];
for (const [args, message] of BAD) {
  Deno.test(`dump-pt gives one line for bad input: ${args.join(" ")}`, async () => {
    const { code, out, err } = await call(["dump-pt", ...args]);
    assert.deepEqual([code, out], [2, ""]);
    assert.match(err, message);
    assert.equal(err.trimEnd().split("\n").length, 1);
  });
}

// --- figures ---------------------------------------------------------------------------------------

/** Elements of a name in an SVG, with their attributes as numbers where they are. */
function elements(svg: string, name: string): Record<string, string>[] {
  return [...svg.matchAll(new RegExp(`<${name} ([^>]*)>`, "g"))].map(([, attributes]) =>
    Object.fromEntries([...attributes.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, k, v]) => [k, v]))
  );
}

Deno.test("dump-pt --svg draws both figures", async () => {
  const written = new Map<string, Uint8Array>();
  const args = ["dump-pt", "ucos-1", "ucos-2", "--svg", "map.svg", "--generations", "4"];
  const { code } = await call(args, { written });
  assert.equal(code, 0);
  const svg = new TextDecoder().decode(written.get("map.svg"));
  assert.match(svg, /^<svg xmlns="http:\/\/www.w3.org\/2000\/svg"/);
  for (const words of ["Memory map at 100 ms", "Tables and pointers at 100 ms"]) {
    assert.ok(svg.includes(words), words);
  }
  // Every guest's slot is in the map; the tables are those of the guest that was named.
  for (const vm of ["vm0", "ucos-1", "ucos-2"]) assert.ok(svg.includes(`slot of ${vm}`), vm);
  for (const words of ["worker", "primes", "filter", "activePt", "backupPt", "error region"]) {
    assert.ok(svg.includes(words), words);
  }
  // All inside the canvas; as many ends as beginnings.
  const [{ width, height }] = elements(svg, "svg");
  for (const { x, y, width: w = "0", height: h = "0" } of elements(svg, "rect")) {
    if (x === undefined) continue;
    assert.ok(Number(x) >= 0 && Number(x) + Number(w) <= Number(width), `x ${x} + ${w}`);
    assert.ok(Number(y) >= 0 && Number(y) + Number(h) <= Number(height), `y ${y} + ${h}`);
  }
  for (const name of ["svg", "text", "defs", "pattern"]) {
    const opened = svg.split(`<${name} `).length + svg.split(`<${name}>`).length;
    assert.equal(svg.split(`</${name}>`).length + 1, opened, name);
  }
});

Deno.test("figures() let no text run out of its box or over another", core, async () => {
  const { lab, vm, unit, write } = await stand("cow", 4);
  using _ = lab;
  for (let i = 0; i < 6; i++) {
    write(i % 3, i);
    lab.vmm.backup.checkpointTask(vm, unit);
  }
  const svg = figures(dumpMemory(lab.board), "<now & then>");
  assert.ok(svg.includes("&#60;now &#38; then&#62;"));
  const texts = [
    ...svg.matchAll(
      /<text x="([\d.]+)" y="([\d.]+)" font-size="(\d+)" text-anchor="(\w+)"[^>]*>([^<]*)</g,
    ),
  ]
    .map(([, x, y, size, anchor, text]) => {
      const width = text.replaceAll(/&#\d+;/g, "x").length * Number(size) * 0.602;
      const left = Number(x) - (anchor === "end" ? width : anchor === "middle" ? width / 2 : 0);
      return {
        text,
        left,
        right: left + width,
        top: Number(y) - Number(size) * 0.7,
        bottom: Number(y),
      };
    });
  assert.ok(texts.length > 100);
  texts.forEach((a, i) => {
    for (const b of texts.slice(i + 1)) {
      const apart = a.right <= b.left || b.right <= a.left || a.bottom <= b.top ||
        b.bottom <= a.top;
      assert.ok(apart, `"${a.text}" over "${b.text}"`);
    }
  });
  for (const { text, right } of texts) assert.ok(right <= 1180, text);
});

// --- files -----------------------------------------------------------------------------------------

Deno.test("createDraft() writes a file whole or not at all", () => {
  const base = fileURLToPath(new URL(".tmp", ROOT));
  Deno.mkdirSync(base, { recursive: true });
  const place = Deno.makeTempDirSync({ dir: base, prefix: "draft-" });
  const names = () => [...Deno.readDirSync(place)].map((entry) => entry.name).sort();
  try {
    const path = `${place}/file`;
    createDraft(path).write(new Uint8Array([1, 2]));
    assert.deepEqual(names(), ["file"]);
    const draft = createDraft(path);
    assert.deepEqual([...Deno.readFileSync(path)], [1, 2], "the old one stays until the end");
    draft.discard();
    draft.discard();
    assert.deepEqual(names(), ["file"]);
    const next = createDraft(path);
    next.write(new Uint8Array(100_000).fill(7));
    next.discard();
    assert.equal(Deno.readFileSync(path).length, 100_000);
    assert.throws(() => createDraft(place), /is a folder, not a file/);
    assert.throws(() => createDraft(`${place}/`), /is a folder, not a file/);
    assert.throws(() => createDraft(`${place}/none/file`), /there is no such folder/);
    assert.throws(() => createDraft(`${path}/below`), /folder/);
    assert.deepEqual(names(), ["file"]);
  } finally {
    Deno.removeSync(place, { recursive: true });
  }
});

Deno.test("deno task understudy dump-pt --svg writes a file", async () => {
  const base = fileURLToPath(new URL(".tmp", ROOT));
  Deno.mkdirSync(base, { recursive: true });
  const place = Deno.makeTempDirSync({ dir: base, prefix: "svg-" });
  try {
    const path = `${place}/map.svg`;
    const args = ["task", "--quiet", "understudy", "dump-pt", "ucos-1", "--svg", path];
    const { code, stderr } = await deno(args);
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(Deno.readTextFileSync(path), /^<svg /);
    assert.deepEqual([...Deno.readDirSync(place)].map((entry) => entry.name), ["map.svg"]);
  } finally {
    Deno.removeSync(place, { recursive: true });
  }
});

Deno.test("SLOT_MAP leaves the low 25 bits of an MVA to the guest", () => {
  assert.equal(SLOT_MAP.SIZE, 2 ** 25);
});
