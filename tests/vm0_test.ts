/**
 * VM0: what it says at the start, about the other VMs, and to commands.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Lab } from "../core/lab.ts";
import { CONTEXT, VM } from "../core/layout.ts";
import { HC } from "../core/vmi.ts";
import { loadGuest } from "../guests/mod.ts";
import { plainGuest } from "./mini_guest.ts";
import { actions, lines, ofType } from "./monitor_rig.ts";

async function laboratory(): Promise<Lab> {
  return await Lab.create({
    guests: [
      { name: "ucos-1", image: await loadGuest("ucos-1") },
      { name: "ucos-3", image: await loadGuest("ucos-3") },
      { name: "compute", image: await loadGuest("compute"), arg: "1" },
    ],
    vm0: await loadGuest("vm0"),
  });
}

/** What VM0 prints in so much time. */
async function said(lab: Lab, time: string): Promise<string[]> {
  const lines: string[] = [];
  for await (const event of lab.run({ for: time })) {
    if (event.type === "console" && event.vm === "vm0") lines.push(event.text);
  }
  return lines;
}

async function ask(lab: Lab, command: string): Promise<string[]> {
  lab.send("vm0", `${command}\n`);
  return await said(lab, "20ms");
}

Deno.test("vm0 creates and starts every image, and tells when a VM halts", async () => {
  using lab = await laboratory();
  assert.deepEqual(await said(lab, "50ms"), [
    "vm0: VM interface 1, 3 guests in flash",
    "vm0: created ucos-1 as VM 1",
    "vm0: started VM 1",
    "vm0: created ucos-3 as VM 2",
    "vm0: started VM 2",
    "vm0: created compute as VM 3",
    "vm0: started VM 3",
    "vm0: VM 3, compute, is halted",
  ]);
});

Deno.test("vm0's shell manages VMs by number and by name", async () => {
  using lab = await laboratory();
  await said(lab, "50ms");
  const dialogue: readonly [command: string, answer: readonly (string | RegExp)[]][] = [
    ["list", [
      "vm0: image 0 ucos-1",
      "vm0: image 1 ucos-3",
      "vm0: image 2 compute",
      "vm0: VM 0 vm0 running, 0 faults, 0 recoveries",
      "vm0: VM 1 ucos-1 running, 0 faults, 0 recoveries",
      "vm0: VM 2 ucos-3 running, 0 faults, 0 recoveries",
      "vm0: VM 3 compute halted, 0 faults, 0 recoveries",
    ]],
    ["stop ucos-1", ["vm0: VM 1: stopping", "vm0: VM 1, ucos-1, is stopped"]],
    ["stop 1", ["vm0: VM 1: not in its state"]],
    ["start 1", ["vm0: started VM 1"]],
    ["delete compute", ["vm0: VM 3: deleting", "vm0: VM 3 is gone"]],
    ["boot 2", [
      "vm0: created compute as VM 3",
      "vm0: started VM 3",
      "vm0: VM 3, compute, is halted",
    ]],
    ["create ucos-1", ["vm0: created ucos-1 as VM 4"]],
    ["start 4", ["vm0: started VM 4"]],
    ["status 4", [
      "vm0: VM 4 ucos-1 is running",
      /^vm0: VM 4: 3 task areas, \d+ times switched in, \d+ task switches$/,
      /^vm0: VM 4: \d+ checkpoints, 0 faults, 0 recoveries$/,
    ]],
    ["backup now 4", ["vm0: VM 4: checkpoint at its next switch"]],
    ["policy ucos-3 stop", ["vm0: VM 2: has that policy"]],
    ["  policy   4   restart ", ["vm0: VM 4: has that policy"]],
  ];
  for (const [command, answer] of dialogue) {
    const lines = await ask(lab, command);
    assert.equal(lines.length, answer.length, `${command}: ${lines.join(" | ")}`);
    lines.forEach((line, i) => {
      if (typeof answer[i] === "string") assert.equal(line, answer[i], command);
      else assert.match(line, answer[i], command);
    });
  }
  // The policy is in force: the first error of the saboteur is its last.
  await said(lab, "200ms");
  const log = await ask(lab, "log 2");
  assert.match(log[0], /^vm0: \d+ ms VM 2 task 1 stop-task$/);
  assert.match(log[1], /^vm0: \d+ ms VM 2 task 1 data-abort at 00300[0-9a-f]{3}$/);
});

Deno.test("vm0's shell answers bad input in one line and goes on", async () => {
  using lab = await laboratory();
  await said(lab, "50ms");
  const answers: readonly [command: string, answer: RegExp][] = [
    ["frobnicate", /^vm0: no command frobnicate; help lists them$/],
    ["stop", /^vm0: usage: stop VM$/],
    ["policy 1", /^vm0: usage: policy VM POLICY$/],
    ["policy 1 kind", /^vm0: no policy kind; allowed: default, stop, restart, immediate, halt$/],
    ["stop 77", /^vm0: no VM 77; list shows them$/],
    ["stop 99999999999", /^vm0: no VM 99999999999; list shows them$/],
    ["boot nothing", /^vm0: no image nothing; list shows them$/],
    ["stop vm0", /^vm0: VM 0: not allowed$/],
    ["log many", /^vm0: log takes a number$/],
    ["log", /^vm0: /],
    ["a b c d e", /^vm0: too many words$/],
    ["x".repeat(200), /^vm0: the line is too long$/],
  ];
  for (const [command, answer] of answers) {
    const lines = await ask(lab, command);
    assert.match(lines[0] ?? "", answer, command);
    if (command !== "log") assert.equal(lines.length, 1, command);
  }
  assert.deepEqual(await ask(lab, ""), []);
  assert.equal((await ask(lab, "help")).length, 12);
});

Deno.test("vm0's shell hands the console's input to another VM", async () => {
  using lab = await laboratory();
  await said(lab, "50ms");
  assert.deepEqual(await ask(lab, "console ucos-1"), [
    "vm0: VM 1: has the console; ~ brings it back",
  ]);
});

Deno.test("vm0 tells who tried to manage VMs", async () => {
  const meddler = plainGuest({
    main: (c) =>
      c.swi(HC.VM_STOP, 1).swi(HC.VM_DELETE, 0).swi(HC.VM_CREATE, 0).swi(HC.IMAGE_NAME, 0, 0)
        .swi(HC.VM_CONSOLE, 1).swi(HC.HALT, 0).spin(),
  });
  using lab = await Lab.create({
    guests: [
      { name: "ucos-1", image: await loadGuest("ucos-1") },
      { name: "meddler", image: meddler },
    ],
    vm0: await loadGuest("vm0"),
  });
  await said(lab, "20ms");
  const told = await ask(lab, "log 6");
  assert.deepEqual(told.map((line) => line.replace(/\d+ ms/, "T ms")), [
    "vm0: T ms VM 2 halted",
    "vm0: T ms VM 2 may not manage: console",
    "vm0: T ms VM 2 may not manage: image name",
    "vm0: T ms VM 2 may not manage: create",
    "vm0: T ms VM 2 may not manage: delete",
    "vm0: T ms VM 2 may not manage: stop",
  ]);
  assert.match((await ask(lab, "status ucos-1"))[0], / is running$/);
});

Deno.test("vm0 restarted by its ladder takes over the VMs that are there", async () => {
  using lab = await laboratory();
  await said(lab, "50ms");
  await ask(lab, "stop ucos-1");
  // The saved pc of VM0, which waits, is lost; it comes to that at the next line.
  lab.board.poke(lab.vmRecord("vm0") + VM.KERNEL_CONTEXT + CONTEXT.PC, 0x01c0_0000);
  lab.send("vm0", "\n");
  const events = lab.runAll({ for: "300ms" });
  assert.deepEqual(actions(events, "vm0"), ["restart-guest"]);
  assert.deepEqual(lines(events, "vm0"), [
    "vm0: VM interface 1, 3 guests in flash",
    "vm0: found VM 1, ucos-1, stopped",
    "vm0: found VM 2, ucos-3, running",
    "vm0: found VM 3, compute, halted",
  ]);
  const names = ["vm0", "ucos-1", "ucos-3", "compute"];
  assert.deepEqual(lab.summary().vms.map((v) => v.vm), names, "no VM is made twice");
  assert.ok(ofType(events, "vm").every((e) => e.vm === "vm0"), "none is touched");
  assert.ok(lines(events, "ucos-3").length > 2, "they went on");
  assert.deepEqual(lines(events, "ucos-1"), [], "what was stopped stays so");
  // And its shell works as before.
  assert.deepEqual(await ask(lab, "start 1"), ["vm0: started VM 1"]);
  assert.ok(lines(lab.runAll({ for: "100ms" }), "ucos-1").length > 0);
});

Deno.test("vm0 restarted in the middle of its boot makes the VMs that are not there yet", async () => {
  const wanted = ["vm0", "ucos-1", "ucos-3", "compute"];
  let made = 0;
  for (let us = 200; us < 620; us += 60) {
    using lab = await laboratory();
    lab.runAll({ for: `${us}us` });
    const before = lab.summary().vms.length;
    lab.inject("vm0", `reg:pc:28@t=${us + 5}us`);
    const events = lab.runAll({ for: "60ms" });
    if (actions(events, "vm0").length === 0) continue;
    if (before > 1 && before < wanted.length) made++;
    assert.deepEqual(actions(events, "vm0"), ["restart-guest"], `${us} us`);
    assert.deepEqual(lab.summary().vms.map((v) => v.vm), wanted, `${us} us`);
  }
  assert.ok(made > 1, `${made} restarts in the middle`);
});
