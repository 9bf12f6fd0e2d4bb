/**
 * Host time of the emulator's hot paths, `deno task bench-host`: what a change to one of them did.
 *
 * @module
 */

import { resized } from "../core/bench_lab.ts";
import { Board } from "../core/board.ts";
import { decodeArm } from "../core/decode.ts";
import { hashBytes } from "../core/hash.ts";
import { Lab, type LabOptions } from "../core/lab.ts";
import { ACCESS } from "../core/mmu.ts";
import { parseElf } from "../core/elf.ts";
import { loadGuest } from "../guests/mod.ts";

const compute = await loadGuest("compute");
const sweep = resized(await loadGuest("sweep"), 4);
const relay = await loadGuest("relay");

/** A laboratory that has run for a while, so that V8 has compiled what it runs. */
async function warm(options: LabOptions): Promise<Lab> {
  const lab = await Lab.create(options);
  lab.runAll({ for: "20ms" });
  return lab;
}

const computing: LabOptions = {
  guests: [{ name: "compute", image: compute, arg: "1000000000" }],
  backup: "off",
};

for (const fidelity of ["fast", "timed"] as const) {
  const lab = await warm({ ...computing, fidelity });
  Deno.bench({
    name: `interpreter, ${fidelity}: 1 ms of board time`,
    group: "interpreter",
    baseline: fidelity === "fast",
    fn: () => void lab.runAll({ for: "1ms" }),
  });
}

{
  const lab = await warm({ ...computing, cache: true });
  Deno.bench({
    name: "interpreter, caches modelled: 1 ms of board time",
    group: "interpreter",
    fn: () => void lab.runAll({ for: "1ms" }),
  });
}

for (const backup of ["off", "cow"] as const) {
  const lab = await warm({
    guests: [{ name: "relay", image: relay, arg: "2 1" }],
    backup,
    slice: "1s",
  });
  Deno.bench({
    name: `task switches, ${backup}: 1 ms of board time`,
    group: "monitor",
    fn: () => void lab.runAll({ for: "1ms" }),
  });
}

{
  const guest = { image: sweep, arg: "4 0 100 0 4" };
  const lab = await warm({
    guests: [{ name: "one", ...guest }, { name: "two", ...guest }],
    period: 0,
    slice: "1ms",
  });
  Deno.bench({
    name: "VM switches with cow at each, first writes: 1 ms of board time",
    group: "monitor",
    fn: () => void lab.runAll({ for: "1ms" }),
  });
}

{
  const [text] = parseElf(compute, "compute").segments;
  const words = new Uint32Array(text!.bytes.slice(0, text!.bytes.length & ~3).buffer);
  const out = new Int32Array(8);
  Deno.bench({
    name: `decodeArm(): ${words.length} instructions`,
    group: "parts",
    fn: () => words.forEach((word, i) => decodeArm(word, i * 4, out, 0)),
  });
}

{
  const lab = await warm(computing);
  const { mmu } = lab.board.cpu;
  Deno.bench({
    name: "Mmu.translate(): 1000 addresses of a page",
    group: "parts",
    fn: () => {
      for (let i = 0; i < 1000; i++) mmu.translate(0x6000_1000 + i * 4, ACCESS.READ, true);
    },
  });
}

{
  const bytes = new Uint8Array(0x1_0000).map((_, i) => i * 31);
  Deno.bench({ name: "hashBytes(): 64 KB", group: "parts", fn: () => void hashBytes(bytes) });
}

{
  const lab = await warm(computing);
  Deno.bench({ name: "Lab.save()", group: "states", fn: async () => void await lab.save() });
  const saved = await lab.save();
  Deno.bench({ name: "Lab.load()", group: "states", fn: async () => void await Lab.load(saved) });
  const board = new Board({ sdramMB: 64 });
  const state = board.state();
  Deno.bench({ name: "Board.restore()", group: "states", fn: () => board.restore(state) });
}

Deno.bench({
  name: "Lab.create(): a guest with tasks",
  group: "states",
  fn: async () => void await Lab.create({ guests: [{ name: "relay", image: relay }] }),
});
