import assert from "node:assert/strict";
import { runRom } from "../tasks/gba.ts";

/** A ROM of instructions. */
function rom(...words: readonly number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(words).buffer);
}

const ROMS: readonly [Uint8Array, string | RegExp][] = [
  [rom(0xe3a00000, 0xeafffffe), "passed"], // mov r0, #0; b .
  [rom(0xe3a00007, 0xe3a01064, 0xef060000), "test 7 failed"], // mov r0, #7; mov r1, #100; swi 6
  [rom(0xe3a00007, 0xef050000), "exception 0x8 at 0x8000004"], // swi 5
  [rom(0xe320f000, 0xe7f000f0), "exception 0x4 at 0x8000004"], // undefined
  [rom(0xe1a00000, 0xeafffffd), /^no end; at 0x800000[04]$/], // nop; b to it
  // Waits until the display status changes, with a word on the stack.
  [rom(0xe92d0001, 0xe3a00301, 0xe5901004, 0xe3110001, 0x0afffffc, 0xeafffffe), "passed"],
];

Deno.test("runRom() tells what became of a ROM, however it runs", { permissions: "none" }, () => {
  for (const cache of [false, true]) {
    for (const step of [false, true]) {
      for (const [bytes, expected] of ROMS) {
        const result = runRom(bytes, { step, cache });
        if (typeof expected === "string") assert.equal(result, expected);
        else assert.match(result, expected);
      }
    }
  }
});
