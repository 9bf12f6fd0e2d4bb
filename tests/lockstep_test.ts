/**
 * The parts of the oracle that need no QEMU. The comparison itself is `deno task lockstep`.
 *
 * @module
 */

import assert from "node:assert/strict";
import { deno, ROOT } from "../tasks/run.ts";
import { type Case, CaseBuilder, LANDING, type World } from "./oracle/case.ts";
import { compare } from "./oracle/compare.ts";
import { Coverage } from "./oracle/coverage.ts";
import { correct, DEVIATIONS } from "./oracle/deviations.ts";
import * as a from "./oracle/encode.ts";
import { COND, MODE, OP, SHIFT, thumb as t } from "./oracle/encode.ts";
import { GdbClient, GdbError } from "./oracle/gdb.ts";
import { Generator, TEMPLATES } from "./oracle/generator.ts";
import { INPUT, LAYOUT, OUTPUT } from "./oracle/harness.ts";
import { buildImage, toElf } from "./oracle/image.ts";
import { OwnMachine } from "./oracle/own.ts";
import { MACHINES } from "./oracle/qemu.ts";
import { Random } from "./oracle/random.ts";
import { show } from "./oracle/shrink.ts";
import { stepCase } from "./oracle/stepper.ts";
import { ARENA, ARENA_MB, buildTables, isMapped } from "./oracle/tables.ts";

const { ram } = MACHINES.sx1;

function makeWorld(random: Random, arch: 4 | 5 = 4): World {
  return { ram, arch, tables: buildTables(ram, random), codeUsed: LANDING.end, spotsUsed: 0 };
}

function batch(seed: number, count: number): { world: World; cases: Case[] } {
  const random = new Random(seed);
  const generator = new Generator(random, 4);
  const world = makeWorld(random);
  return { world, cases: generator.batch(world, count) };
}

/** Runs cases on the emulator and returns its memory. */
function runOwn(machine: OwnMachine, world: World, cases: Case[], seed: number): Uint32Array {
  const image = buildImage(world, cases, "own", seed, true);
  machine.load(image);
  assert.equal(machine.run(image), true, "a case loops");
  return machine.dump(image.length);
}

// Words from GNU as.
Deno.test("encode.ts makes the words that the assembler makes", { permissions: "none" }, () => {
  const reg = a.shiftedBy;
  const cases: [string, number, number][] = [
    ["ands r1, r2, #0xff00", a.dp(OP.AND, 1, 1, 2, a.immediate(0xff, 12)), 0xe2121cff],
    [
      "rscne r3, r4, r5, asr #7",
      a.dp(OP.RSC, 0, 3, 4, reg(5, SHIFT.ASR, 7), COND.NE),
      0x10e433c5,
    ],
    ["cmp r6, r7, lsl r8", a.dp(OP.CMP, 1, 0, 6, a.shiftedByRegister(7, 0, 8)), 0xe1560817],
    ["mlaseq r1, r2, r3, r4", a.mul(1, 1, 1, 4, 3, 2, COND.EQ), 0x00314392],
    ["umlal r1, r2, r3, r4", a.mull(0, 1, 0, 2, 1, 4, 3), 0xe0a21493],
    ["ldrb r1, [r2, #-12]!", a.ldrImm(1, 1, { p: 1, u: 0, w: 1 }, 1, 2, 12), 0xe572100c],
    [
      "str r3, [r4], -r5, lsr #3",
      a.ldrReg(0, 0, { p: 0, u: 0, w: 0 }, 3, 4, reg(5, SHIFT.LSR, 3)),
      0xe60431a5,
    ],
    ["ldrt r1, [r2], #4", a.ldrImm(1, 0, { p: 0, u: 1, w: 1 }, 1, 2, 4), 0xe4b21004],
    ["ldrsh r1, [r2, #-10]", a.ldrhImm(1, 3, { p: 1, u: 0, w: 0 }, 1, 2, 10), 0xe15210fa],
    ["strh r1, [r2], r3", a.ldrhReg(0, 1, { p: 0, u: 1, w: 0 }, 1, 2, 3), 0xe08210b3],
    ["ldmdb r1!, {r2, r3, pc}^", a.ldm(1, { p: 1, u: 0, w: 1 }, 1, 1, 0x800c), 0xe971800c],
    ["stm sp, {r0-pc}", a.ldm(0, { p: 0, u: 1, w: 0 }, 0, 13, 0xffff), 0xe88dffff],
    ["swpb r1, r2, [r3]", a.swp(1, 1, 2, 3), 0xe1431092],
    ["mrs r1, spsr", a.mrs(1, 1), 0xe14f1000],
    ["msr cpsr_fc, r2", a.msr(0, 9, reg(2)), 0xe129f002],
    ["msr spsr_f, #0xf0000000", a.msr(1, 8, a.immediate(0x0f, 2)), 0xe368f20f],
    ["bl .+0x100", a.branch(1, 0x3e), 0xeb00003e],
    ["bxne r3", a.bx(3, COND.NE), 0x112fff13],
    ["swi 0x123456", a.swi(0x123456), 0xef123456],
    ["mrc p15, 0, r1, c5, c0, 0", a.mcr(1, 15, 0, 1, 5, 0, 0), 0xee151f10],
    ["cdp p3, 1, c2, c3, c4, 5", a.cdp(3, 1, 2, 3, 4, 5), 0xee1323a4],
    ["stcl p7, c1, [r2, #-8]!", a.ldc(0, 1, { p: 1, u: 0, w: 1 }, 7, 1, 2, 2), 0xed621702],
    ["lsr r1, r2, #5", t.shift(1, 5, 2, 1), 0x0951],
    ["sub r1, r2, #3", t.addSub(1, 1, 3, 2, 1), 0x1ed1],
    ["cmp r3, #200", t.imm8(1, 3, 200), 0x2bc8],
    ["mvn r1, r2", t.alu(15, 2, 1), 0x43d1],
    ["add r9, r1", t.hi(0, 1, 9), 0x4489],
    ["ldr r2, [pc, #16]", t.ldrPc(2, 4), 0x4a04],
    ["ldrsb r1, [r2, r3]", t.ldrhReg(1, 3, 2, 1), 0x56d1],
    ["ldrb r1, [r2, #7]", t.ldrImm(3, 7, 2, 1), 0x79d1],
    ["strh r1, [r2, #6]", t.ldrhImm(0, 3, 2, 1), 0x80d1],
    ["str r1, [sp, #8]", t.ldrSp(0, 1, 2), 0x9102],
    ["add r1, sp, #12", t.adr(1, 1, 3), 0xa903],
    ["sub sp, #16", t.addSp(1, 4), 0xb084],
    ["push {r1, r2, lr}", t.push(0, 1, 6), 0xb506],
    ["ldmia r3!, {r1, r2}", t.ldm(1, 3, 6), 0xcb06],
    ["bne .+10", t.bcond(COND.NE, 3), 0xd103],
    ["swi 7", t.swi(7), 0xdf07],
    ["b .+20", t.b(8), 0xe008],
  ];
  for (const [text, made, expected] of cases) {
    assert.equal(made.toString(16), expected.toString(16), text);
  }
});

Deno.test("conditionHolds() follows the table of conditions", { permissions: "none" }, () => {
  // For each condition the NZCV values that pass, as a bit set: written from the manual's table.
  const N = (f: number): boolean => (f & 8) !== 0;
  const Z = (f: number): boolean => (f & 4) !== 0;
  const C = (f: number): boolean => (f & 2) !== 0;
  const V = (f: number): boolean => (f & 1) !== 0;
  const table: ((f: number) => boolean)[] = [
    Z,
    (f) => !Z(f),
    C,
    (f) => !C(f),
    N,
    (f) => !N(f),
    V,
    (f) => !V(f),
    (f) => C(f) && !Z(f),
    (f) => !C(f) || Z(f),
    (f) => N(f) === V(f),
    (f) => N(f) !== V(f),
    (f) => !Z(f) && N(f) === V(f),
    (f) => Z(f) || N(f) !== V(f),
    () => true,
  ];
  table.forEach((holds, cond) => {
    for (let f = 0; f < 16; f++) {
      assert.equal(a.conditionHolds(cond, f << 28), holds(f), `condition ${cond}, flags ${f}`);
    }
  });
});

Deno.test("Generator is a function of its seed", { permissions: "none" }, () => {
  const image = (seed: number): Uint8Array => {
    const { world, cases } = batch(seed, 500);
    return toElf(buildImage(world, cases, "other", seed, false));
  };
  assert.deepEqual(image(7), image(7));
  assert.notDeepEqual(image(7), image(8));
});

Deno.test(
  "Generator goes through every template with every outcome",
  { permissions: "none" },
  () => {
    const round = TEMPLATES.reduce((n, template) => n + (template.weight ?? 1), 0);
    const { cases } = batch(3, Math.ceil(round * 3 / 0.85));
    const met = new Set(cases.map((c) => c.kind));
    assert.deepEqual(TEMPLATES.map((x) => x.name).filter((name) => !met.has(name)), []);
    for (const kind of ["arm.sequence", "thumb.sequence", "mixed"]) assert(met.has(kind), kind);
    for (const { adjust, code } of cases) {
      assert(adjust.twin === undefined || adjust.twin.length <= code.length, "a twin is too long");
    }
  },
);

Deno.test("Coverage counts rows, forms and outcomes", { permissions: "none" }, () => {
  const coverage = new Coverage();
  const before = coverage.cells();
  coverage.arm(a.dp(OP.ADD, 1, 0, 1, a.shiftedBy(2, SHIFT.ROR, 0), COND.EQ), 0x40000000);
  coverage.arm(a.dp(OP.ADD, 1, 0, 1, a.shiftedBy(2, SHIFT.ROR, 0), COND.EQ), 0);
  coverage.thumb(t.bcond(COND.NE, 0), 0);
  const counted = coverage.cells().filter((c) => c.count > 0);
  assert.equal(coverage.total, 3);
  assert.equal(counted.length, 3);
  assert.match(counted[0].row, /add data-shift/);
  assert.deepEqual(counted.map((c) => `${c.form} ${c.outcome}`), [
    "S1 ror #0 passed",
    "S1 ror #0 failed",
    " passed",
  ]);
  assert.equal(before.length, coverage.cells().length);
  assert(before.length > 2000);
  assert(coverage.table().length > 100);
});

Deno.test("buildTables() has every kind of mapping", { permissions: "none" }, () => {
  const { words, arena, physical } = buildTables(ram, new Random(5));
  const at = (pa: number): number => words[(pa - ram - LAYOUT.tables) / 4];
  const kinds = new Set<string>();
  const scratch = ram + LAYOUT.scratch;
  for (let mb = 0; mb < ARENA_MB; mb++) {
    const first = at(arena + ((ARENA >>> 20) + mb) * 4);
    const level = first & 3;
    if (level !== 1 && level !== 3) {
      kinds.add(`L1 ${level}`);
      continue;
    }
    const entries = level === 1 ? 256 : 1024;
    const table = first & (level === 1 ? ~0x3ff : ~0xfff);
    for (let i = 0; i < entries; i++) {
      const second = at((table >>> 0) + 4 * i);
      kinds.add(`L1 ${level}, L2 ${second & 3}`);
      const va = ARENA + (mb << 20) + i * (level === 1 ? 4096 : 1024) + 5;
      const pa = physical(va);
      assert.equal(pa === undefined, (second & 3) === 0);
      if (pa !== undefined) assert(pa >= scratch && pa < scratch + 0x100000 && (pa & 1023) === 5);
    }
  }
  assert.deepEqual([...kinds].sort(), [
    "L1 0",
    "L1 1, L2 0",
    "L1 1, L2 1",
    "L1 1, L2 2",
    "L1 2",
    "L1 3, L2 0",
    "L1 3, L2 1",
    "L1 3, L2 2",
    "L1 3, L2 3",
  ]);
  assert(isMapped(ram, ARENA) && isMapped(ram, ram) && !isMapped(ram, 0x70000000));
});

Deno.test("run() and step() of the CPU agree on random cases", { permissions: "none" }, () => {
  const { world, cases } = batch(11, 4000);
  const machine = new OwnMachine(ram);
  const memory = runOwn(machine, world, cases, 11);
  machine.load(buildImage(world, cases, "own", 11, true));
  const coverage = new Coverage();
  const vectors = new Set<number>();
  cases.forEach((test, i) => {
    const at = LAYOUT.output / 4 + i * OUTPUT.words;
    const result = memory.subarray(at, at + OUTPUT.words);
    vectors.add(result[OUTPUT.vector]);
    assert.equal(stepCase(machine, ram, test, coverage, result), undefined, test.kind);
  });
  // Undefined, SWI and both aborts were met.
  for (const vector of [1, 2, 3, 4]) assert(vectors.has(vector), `vector ${vector}`);
  assert(coverage.total > 8000);
});

Deno.test(
  "compare() reports a changed register, fault or memory word",
  { permissions: "none" },
  () => {
    const { world, cases } = batch(13, 300);
    const machine = new OwnMachine(ram);
    const own = runOwn(machine, world, cases, 13);
    const plain = cases.findIndex((c) => Object.keys(c.adjust).length === 0);
    const at = LAYOUT.output / 4 + plain * OUTPUT.words;
    const changes: [number, RegExp][] = [
      [at + OUTPUT.vector, /vector/],
      [at + OUTPUT.r0 + 3, /r3/],
      [at + OUTPUT.fiq + 7, /SPSR_fiq/],
      [at + OUTPUT.und + 1, /r14_und/],
      [at + OUTPUT.far, /FAR/],
      [at + OUTPUT.pieceB, /window\[\+0\]/],
    ];
    for (const [word, name] of changes) {
      const other = own.slice();
      other[word] ^= 1 << 9;
      const { mismatches, memory } = compare(world, cases, own, other);
      assert.equal(memory.length, 0);
      assert.deepEqual(mismatches.map((m) => m.index), [plain]);
      assert.match(mismatches[0].differences[0].what, name);
      assert.match(show(cases[plain], mismatches[0].differences).at(-1)!, name);
    }
    const other = own.slice();
    other[LAYOUT.scratch / 4 + 7] ^= 1;
    assert.equal(compare(world, cases, own, other).memory.length, 1);
  },
);

Deno.test("correct() changes what the table of deviations says, and nothing else", {
  permissions: "none",
}, () => {
  const random = new Random(1);
  const world = makeWorld(random);
  const env = { mmu: true, arena: false, align: false };
  const b = new CaseBuilder(world, random, env, { modes: [MODE.SVC] });
  b.arm(a.swi(0));
  const test = b.finish("test");
  const own = new Uint32Array(OUTPUT.words);
  const apply = (words: Record<number, number>, change: Partial<Case>): [string[], Uint32Array] => {
    const other = new Uint32Array(OUTPUT.words);
    for (const [i, value] of Object.entries(words)) other[Number(i)] = value;
    const used = correct({ test: { ...test, ...change }, other, own, tables: world.tables });
    return [used, other];
  };
  const untouched = apply({ [OUTPUT.cpsr]: 0x600000d3, [OUTPUT.far]: 0x1234, 0: 4 }, {});
  assert.deepEqual(untouched[0], []);
  assert.equal(untouched[1][OUTPUT.far], 0x1234);

  const bit8 = apply({ [OUTPUT.cpsr]: 0x600001d7 }, {});
  assert.deepEqual([bit8[0], bit8[1][OUTPUT.cpsr]], [["abort-sets-a"], 0x600000d7]);

  const input = test.input.slice();
  input[INPUT.pid] = 0x82000000;
  const far = apply({ 0: 4, [OUTPUT.far]: 0x00123456 }, { input });
  assert.deepEqual([far[0], far[1][OUTPUT.far]], [["far-is-va"], 0x82123456]);

  const stored = apply({ [OUTPUT.pieceA]: 0x1008, 60: 0x1009 }, { adjust: { storedPc: 0x1008 } });
  assert.deepEqual(stored[0], ["pc-plus-12"]);
  assert.deepEqual([stored[1][OUTPUT.pieceA], stored[1][60]], [0x100c, 0x1009]);

  const base = apply({ 0: 4, [OUTPUT.r0 + 5]: 77 }, { adjust: { userBase: 5 } });
  assert.deepEqual([base[0], base[1][OUTPUT.r0 + 5]], [["user-ldm-base"], test.input[5]]);
  const noAbort = apply({ 0: 2, [OUTPUT.r0 + 5]: 77 }, { adjust: { userBase: 5 } });
  assert.deepEqual([noAbort[0], noAbort[1][OUTPUT.r0 + 5]], [[], 77]);

  let hole = ARENA;
  while (world.tables.physical(hole) !== undefined) hole += 1024;
  const domain = (address: number): [string[], number] => {
    const [used, other] = apply({ 0: 4, [OUTPUT.far]: address, [OUTPUT.fsr]: 0x5b }, {});
    return [used, other[OUTPUT.fsr]];
  };
  assert.deepEqual(domain(hole), [["domain-before-walk"], 0x57]);
  let page = ARENA;
  while (world.tables.physical(page) === undefined) page += 1024;
  assert.deepEqual(domain(page), [[], 0x5b]);
});

Deno.test("docs/deviations.md has one section for each deviation", () => {
  const text = Deno.readTextFileSync(new URL("docs/deviations.md", ROOT));
  const sections = [...text.matchAll(/^## (.+)$/gm)].map((m) => m[1]);
  assert.deepEqual(sections, [...DEVIATIONS]);
  const rows = [...text.matchAll(/^\| \[([^\]]+)\]\(#([^)]+)\)/gm)].map((m) => [m[1], m[2]]);
  assert.deepEqual(rows, DEVIATIONS.map((id) => [id, id]));
});

/** A stub that answers each command from a list. */
function stub(answers: Record<string, string>): GdbClient {
  // Room for everything, as in the pipes of a child process.
  const room = { highWaterMark: 1000 };
  const fromClient = new TransformStream<Uint8Array, Uint8Array>({}, room, room);
  const toClient = new TransformStream<Uint8Array, Uint8Array>({}, room, room);
  const out = toClient.writable.getWriter();
  const packet = (body: string): Uint8Array => {
    const sum = [...body].reduce((n, c) => n + c.charCodeAt(0) & 0xff, 0);
    return new TextEncoder().encode(`+$${body}#${sum.toString(16).padStart(2, "0")}`);
  };
  (async () => {
    let text = "";
    for await (const chunk of fromClient.readable) {
      text += new TextDecoder().decode(chunk);
      for (let m; (m = /\$([^#]*)#(..)/.exec(text)) !== null;) {
        text = text.slice(m.index + m[0].length);
        const sum = [...m[1]].reduce((n, c) => n + c.charCodeAt(0) & 0xff, 0);
        assert.equal(parseInt(m[2], 16), sum, "checksum");
        if (!(m[1] in answers)) await out.close();
        // Answers come in pieces of any size.
        else {for (const body of answers[m[1]].split("|")) {
            const bytes = packet(body);
            await out.write(bytes.subarray(0, 3));
            await out.write(bytes.subarray(3));
          }}
      }
    }
  })();
  return new GdbClient(toClient.readable, fromClient.writable);
}

Deno.test("GdbClient speaks the remote protocol", { permissions: "none" }, async () => {
  const gdb = stub({
    "?": "T05thread:01;",
    "Z0,1000,4": "OK",
    "Z0,2000,4": "E22",
    "c": "T05",
    "m1000,4": "78563412",
    "m9,4": "E14",
    "g": "01000000".repeat(16) + "00".repeat(100) + "d3000060",
    "qRcmd,696e666f": "O6f6b0a|O2e|OK",
  });
  await gdb.open();
  await gdb.breakpoint(0x1000);
  await assert.rejects(gdb.breakpoint(0x2000), GdbError);
  await gdb.resume();
  assert.equal(await gdb.receive(), "T05");
  assert.deepEqual([...await gdb.read(0x1000, 4)], [0x78, 0x56, 0x34, 0x12]);
  await assert.rejects(gdb.read(9, 4), /no memory at 0x9/);
  const registers = await gdb.registers();
  assert.deepEqual([registers[15], registers[16]], [1, 0x600000d3]);
  assert.equal(await gdb.monitor("info"), "ok\n.");
  await assert.rejects(gdb.command("k"), /closed/);
});

Deno.test("tasks/lockstep.ts says in one line what is wrong, and exits with 2", async () => {
  const task = "tasks/lockstep.ts";
  const permissions = ["--allow-read=.", "--allow-write=.tmp", "--allow-run=qemu-system-arm"];
  for (const args of [["--count", "many"], ["--machine", "virt"], ["--frequency", "1"]]) {
    const { code, stderr } = await deno(["run", "--no-prompt", ...permissions, task, ...args]);
    assert.equal(code, 2, stderr);
    assert.match(stderr, /^lockstep: [^\n]+\n$/);
  }
});
