/**
 * The guests' kernel: the same conformance program passes in all its builds.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Board } from "../core/board.ts";
import { parseElf } from "../core/elf.ts";
import { Lab } from "../core/lab.ts";
import { loadGuest } from "../guests/mod.ts";

/** Board time that the program needs, with room. */
const MS = 9000;

/** What it prints, whatever the build. */
const OUTPUT = [
  /^task: \d+ checks$/,
  /^time: \d+ checks$/,
  /^sem: \d+ checks$/,
  /^mutex: \d+ checks$/,
  /^flag: \d+ checks$/,
  /^mbox: \d+ checks$/,
  /^q: \d+ checks$/,
  /^mem: \d+ checks$/,
  /^misc: \d+ checks$/,
  /^conformance: \d{3} passed, 0 failed$/,
];

function assertPassed(text: string): void {
  const lines = text.trimEnd().split("\n");
  assert.equal(lines.length, OUTPUT.length, text);
  lines.forEach((line, i) => assert.match(line, OUTPUT[i], text));
}

/** The conformance program under the monitor; its console. */
async function virtual(): Promise<string> {
  using lab = await Lab.create({
    guests: [{ name: "conformance", image: await loadGuest("conformance") }],
  });
  let text = "";
  for await (const event of lab.run({ for: `${MS}ms` })) {
    if (event.type === "console") text += `${event.text}\n`;
    assert.notEqual(event.type, "fault");
    if (/passed/.test(text)) break;
  }
  return text;
}

/** The conformance program in the flash of a bare board; what UART0 sends. */
async function native(): Promise<string> {
  const file = new URL("../guests/images/conformance-s3c2440.elf", import.meta.url);
  const elf = parseElf(await Deno.readFile(file), "conformance-s3c2440.elf");
  const flash = new Uint8Array(0x10000);
  for (const segment of elf.segments) flash.set(segment.bytes, segment.paddr);
  const board = new Board({ flash });
  let text = "";
  board.soc.uart[0].onTransmit = (byte) => {
    text += String.fromCharCode(byte);
    if (text.endsWith(" failed\n")) board.requestStop();
  };
  while (board.clock.ns() < MS * 1e6 && !text.endsWith(" failed\n")) {
    board.run(board.clock.now + 1_000_000);
  }
  assert.equal(board.stray, 0);
  return text;
}

Deno.test("the kernel passes the conformance program under the monitor and on the bare board", async () => {
  const [underMonitor, onBoard] = [await virtual(), await native()];
  assertPassed(underMonitor);
  assert.equal(onBoard, underMonitor);
});
