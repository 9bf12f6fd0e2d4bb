/**
 * The timed fidelity comes to the same result as the fast one: random programs, bare and
 * native guests.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Board } from "../core/board.ts";
import { parseElf } from "../core/elf.ts";
import type { Fidelity } from "../core/timing.ts";
import { timingValues } from "../core/timing_table.ts";
import { LANDING, type World } from "./oracle/case.ts";
import { outputName } from "./oracle/compare.ts";
import { Generator } from "./oracle/generator.ts";
import { LAYOUT, OUTPUT } from "./oracle/harness.ts";
import { buildImage } from "./oracle/image.ts";
import { OwnMachine } from "./oracle/own.ts";
import { MACHINES } from "./oracle/qemu.ts";
import { Random } from "./oracle/random.ts";
import { buildTables } from "./oracle/tables.ts";
import { chip } from "./timing_rig.ts";

const TIMED = { values: timingValues(), registers: chip() };

Deno.test({
  name: "random programs leave the same registers, fault registers and memory in both fidelities",
  permissions: "none",
  fn() {
    const { ram } = MACHINES.sx1;
    const fast = new OwnMachine(ram);
    const timed = new OwnMachine(ram, { timed: TIMED });
    let compared = 0;
    for (const seed of [1, 2, 3]) {
      const random = new Random(seed);
      const world: World = {
        ram,
        arch: 4,
        tables: buildTables(ram, random),
        codeUsed: LANDING.end,
        spotsUsed: 0,
      };
      const cases = new Generator(random, 4).batch(world, 1500);
      const image = buildImage(world, cases, "own", seed, true);
      fast.load(image);
      assert.equal(fast.run(image), true);
      const expected = fast.dump(image.length);
      timed.load(image);
      assert.equal(timed.run(image), true);
      const found = timed.dump(image.length);
      cases.forEach((test, i) => {
        const at = LAYOUT.output / 4 + i * OUTPUT.words;
        for (let word = 0; word < OUTPUT.words; word++) {
          if (found[at + word] === expected[at + word]) continue;
          assert.equal(found[at + word], expected[at + word], `${test.kind} ${outputName(word)}`);
        }
        compared++;
      });
      assert.equal(found.findIndex((word, i) => word !== expected[i]), -1);
    }
    assert.equal(compared, 4500);
  },
});

/** UART0 of a native guest, up to a line or a board time; and what the core had come to. */
async function native(name: string, fidelity: Fidelity, until: (text: string) => boolean) {
  const file = new URL(`../guests/images/${name}-s3c2440.elf`, import.meta.url);
  const elf = parseElf(await Deno.readFile(file), name);
  const flash = new Uint8Array(0x10000);
  for (const segment of elf.segments) flash.set(segment.bytes, segment.paddr);
  const board = new Board({ flash, fidelity });
  let text = "";
  board.soc.uart[0].onTransmit = (byte) => {
    text += String.fromCharCode(byte);
    if (byte === 10 && until(text)) board.requestStop();
  };
  while (board.clock.ns() < 9e9 && !until(text)) board.run(board.clock.now + 1_000_000);
  return { text, board };
}

/** Lines by the task that printed them: which task is first is a matter of time. */
function byTask(text: string): Map<string, string[]> {
  const tasks = new Map<string, string[]>();
  for (const line of text.split("\n").slice(0, -1)) {
    const [task] = line.split(/[: ]/);
    tasks.set(task, [...tasks.get(task) ?? [], line]);
  }
  return tasks;
}

for (
  const [name, lines] of [["logger", 20], ["pid", 6], ["pipeline", 6], ["numeric", 6]] as const
) {
  Deno.test(`the native ${name} prints the same in both fidelities`, async () => {
    const until = (text: string) => text.split("\n").length > lines;
    const fast = await native(name, "fast", until);
    const timed = await native(name, "timed", until);
    assert.equal(fast.text.split("\n").length, lines + 1);
    const tasks = byTask(timed.text);
    assert.deepEqual([...tasks.keys()].sort(), [...byTask(fast.text).keys()].sort());
    for (const [task, said] of byTask(fast.text)) {
      const both = Math.min(said.length, tasks.get(task)!.length);
      assert.deepEqual(tasks.get(task)!.slice(0, both), said.slice(0, both));
    }
    assert.notEqual(timed.board.clock.now, fast.board.clock.now);
    assert.ok(timed.board.timing!.counts.reads + timed.board.timing!.counts.instructionFills > 0);
    assert.equal(timed.board.stray, fast.board.stray);
  });
}

Deno.test("the native kernel passes its conformance program in the timed fidelity", async () => {
  const { text } = await native("conformance", "timed", (text) => text.endsWith(" failed\n"));
  assert.match(text, /\nconformance: \d+ passed, 0 failed\n$/);
});
