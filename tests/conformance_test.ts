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
  /^isr: \d+ checks$/,
  /^conformance: \d{4} passed, 0 failed$/,
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

/** The services published for MicroC/OS-II 2.52 that tasks call. */
const SERVICES = `
  OSTaskCreate OSTaskCreateExt OSTaskDel OSTaskDelReq OSTaskChangePrio OSTaskSuspend OSTaskResume
  OSTaskStkChk OSTaskQuery
  OSTimeDly OSTimeDlyHMSM OSTimeDlyResume OSTimeGet OSTimeSet
  OSSemCreate OSSemDel OSSemPend OSSemPost OSSemAccept OSSemQuery
  OSMutexCreate OSMutexDel OSMutexPend OSMutexPost OSMutexAccept OSMutexQuery
  OSFlagCreate OSFlagDel OSFlagPend OSFlagPost OSFlagAccept OSFlagQuery
  OSMboxCreate OSMboxDel OSMboxPend OSMboxPost OSMboxPostOpt OSMboxAccept OSMboxQuery
  OSQCreate OSQDel OSQPend OSQPost OSQPostFront OSQPostOpt OSQAccept OSQFlush OSQQuery
  OSMemCreate OSMemGet OSMemPut OSMemQuery
  OSSchedLock OSSchedUnlock OSStatInit OSVersion
`.trim().split(/\s+/);

/** What the kernel part of an application calls or has: interrupt nesting, hooks. */
const KERNEL_PART = `
  OSIntEnter OSIntExit OSInitHookBegin OSInitHookEnd OSTaskCreateHook OSTaskDelHook OSTaskIdleHook
  OSTaskStatHook OSTaskSwHook OSTCBInitHook OSTimeTickHook
`.trim().split(/\s+/);

/** Needs another VM whose ring is full. */
const ELSEWHERE = ["OS_ERR_VM_FULL"];

Deno.test("the kernel has every published service, and the conformance program tries each", async () => {
  const guests = new URL("../guests/", import.meta.url);
  const read = (name: string) => Deno.readTextFile(new URL(name, guests));
  const header = await read("kernel/ucos_ii.h");
  const inside = await read("kernel/os.h");
  let tests = "";
  for (const { name } of Deno.readDirSync(new URL("conformance/", guests))) {
    if (/\.[ch]$/.test(name)) tests += await read(`conformance/${name}`);
  }
  const named = (text: string, word: string) => new RegExp(`\\b${word}\\b`).test(text);
  for (const service of SERVICES) {
    assert.match(header, new RegExp(`\\b${service}\\(`), `${service} is declared`);
    assert.ok(named(tests, service), `${service} is tried`);
  }
  for (const name of KERNEL_PART) {
    assert.match(inside, new RegExp(`\\b${name}\\(`), `${name} is declared`);
    assert.ok(named(tests, name), `${name} is tried`);
  }
  const [, codes] = /Error codes\. \*\/(.*?)\/\* OSTCBStat/s.exec(header)!;
  const errors = [...codes.matchAll(/^#define (OS_\w+)/gm)].map(([, name]) => name);
  assert.ok(errors.length > 50);
  for (const error of errors) {
    assert.ok(named(tests, error) || ELSEWHERE.includes(error), `${error} is provoked`);
  }
});
