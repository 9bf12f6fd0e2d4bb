/**
 * `boot` with a user, with a script, and with input and management in its configuration.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Keyboard } from "../cli/interactive.ts";
import { call, jsonLines } from "./cli_rig.ts";

const BOOT = ["boot", "ucos-1", "ucos-2", "--interactive"];

/** The lines of VM0, and those of the summary. */
function parts(out: string): { said: string[]; summary: string } {
  const at = out.search(/^\r?\n?VM +state/m);
  return { said: out.slice(0, at).split("\n").filter((l) => l !== ""), summary: out.slice(at) };
}

Deno.test("boot --interactive feeds VM0 the lines of a pipe, the same in every run", async () => {
  const input = ["list\nsto", "p ucos-1\n@200ms status 1\n# said to nobody\nfrob", "nicate"];
  const { code, out, err } = await call(BOOT, { input });
  assert.equal(err, "");
  assert.equal(code, 0);
  const { said, summary } = parts(out);
  assert.deepEqual(said.slice(0, 14), [
    "vm0: VM interface 1, 2 guests in flash",
    "vm0: created ucos-1 as VM 1",
    "vm0: started VM 1",
    "vm0: created ucos-2 as VM 2",
    "vm0: started VM 2",
    "vm0: image 0 ucos-1",
    "vm0: image 1 ucos-2",
    "vm0: VM 0 vm0 running, 0 faults, 0 recoveries",
    "vm0: VM 1 ucos-1 running, 0 faults, 0 recoveries",
    "vm0: VM 2 ucos-2 running, 0 faults, 0 recoveries",
    "vm0: VM 1: stopping",
    "vm0: VM 1, ucos-1, is stopped",
    "vm0: VM 1 ucos-1 is stopped",
    said[13],
  ]);
  assert.equal(said.at(-1), "vm0: no command frobnicate; help lists them");
  assert.match(summary, /trace hash [0-9a-f]{16}/);
  // Host time and the pieces in which the input comes are no part of the run.
  assert.equal((await call(BOOT, { input: [input.join("")] })).out, out);
});

Deno.test("boot --interactive runs to the time that was asked for", async () => {
  const { out } = await call([...BOOT, "--for", "60ms"], { input: ["log 1\n"] });
  assert.match(out.replaceAll("\n", " "), /ran for 6\d(\.\d+)? ms of board time/);
});

Deno.test("boot --interactive hands the terminal on by console, and ~ brings it back", async () => {
  const input = ["console ucos-1\n", "hello\n", "~status 2\n"];
  const { said } = parts((await call(BOOT, { input })).out);
  const heard = said.findIndex((line) => line.startsWith("worker: "));
  assert.ok(heard > 0, said.join(" | "));
  assert.ok(said.indexOf("vm0: VM 2 ucos-2 is running") > heard);
  assert.ok(!said.some((line) => line.includes("no command")));
});

Deno.test("boot --interactive at a terminal keeps step with host time until Ctrl-]", async () => {
  const start = performance.now();
  const input = ["li", "sx\x7f", "t\r", "\x1d", "not read"];
  const { code, out } = await call(BOOT, { input, keyboard: true });
  const host = performance.now() - start;
  assert.equal(code, 0);
  assert.match(out, /^UART0 is yours: .*Ctrl-\]/);
  assert.ok(out.includes("lisx\b \bt\r\n"));
  assert.match(out, /\r\nvm0: image 0 ucos-1\r\n/);
  const [, ms] = /ran for ([\d.]+) ms/.exec(out.replaceAll("\n", " "))!;
  assert.ok(Number(ms) > 50 && Number(ms) < host + 100, `${ms} ms of board time in ${host} ms`);
});

Deno.test("Keyboard shows, corrects, sends and ends", () => {
  let out = "";
  let sent = "";
  const keyboard = new Keyboard((text) => (sent += text), (text) => (out += text));
  const press = (text: string) => keyboard.press(new TextEncoder().encode(text));
  assert.equal(press("\x7f\x1b[\tab\x08c"), true);
  assert.equal(out, "[ab\b \bc");
  assert.equal(sent, "[ab\x7fc");
  keyboard.show("tick\n");
  assert.equal(out, "[ab\b \bc\r   \rtick\r\n[ac");
  assert.equal(press("\x04"), true);
  assert.equal(press("\r"), true);
  assert.equal(sent.at(-1), "\n");
  for (const end of ["\x03", "\x1d", "\x04"]) assert.equal(press(end), false);
});

Deno.test("boot --script does its lines in order and at their times, the same in every run", async () => {
  const files = { "night.txt": "stop ucos-2\nstatus 2\n@50ms start 2\n" };
  const run = () =>
    call(["boot", "ucos-1", "ucos-2", "--script", "night.txt", "--for", "70ms", "--json"], {
      files,
    });
  const { code, out } = await run();
  assert.equal(code, 0);
  const events = jsonLines(out);
  const input = events.filter(({ type }) => type === "input");
  assert.deepEqual(input.map(({ text }) => text), ["stop ucos-2\n", "status 2\n", "start 2\n"]);
  assert.equal(Math.floor(input[2].t as number / 1e6), 50);
  const said = events.filter((e) => e.type === "console" && e.vm === "vm0").map(({ text }) => text);
  assert.ok(said.includes("vm0: VM 2 ucos-2 is stopped"));
  assert.equal(said.at(-1), "vm0: started VM 2");
  assert.equal((await run()).out, out);
});

Deno.test("boot --config takes input and management at their times", async () => {
  const files = {
    "lab.yaml": `
guests: [ucos-1, ucos-2]
for: 100ms
input:
  - text: list
  - {time: 20ms, vm: ucos-1, text: "hi\\n"}
manage:
  - {time: 30ms, action: stop, vm: ucos-1}
  - {time: 40ms, action: delete, vm: 1}
  - {time: 50ms, action: boot, vm: ucos-1}
  - {time: 60ms, action: policy, vm: ucos-1, policy: stop}
  - {time: 60ms, action: policy, vm: ucos-2, policy: {guest: [{action: restart}, {action: stop}]}}
  - {time: 70ms, action: stop, vm: ucos-7}
`,
  };
  const { code, out } = await call(["boot", "-c", "lab.yaml", "--json"], { files });
  assert.equal(code, 0);
  const events = jsonLines(out);
  assert.deepEqual(
    events.filter(({ type }) => type === "manage").map((e) => `${e.action} ${e.vm} ${e.result}`),
    [
      "stop ucos-1 done",
      "delete 1 done",
      "create ucos-1 done",
      "start 1 done",
      "policy ucos-1 done",
      "policy ucos-2 done",
      'stop ucos-7 vm "ucos-7": no such VM; allowed: vm0, ucos-1, ucos-2',
    ],
  );
  assert.equal(events.filter(({ type }) => type === "input").length, 2);
  const text = await call(["boot", "-c", "lab.yaml"], { files });
  assert.match(text.out, /MANAGE {2}stop ucos-7: vm "ucos-7": no such VM/);
  assert.match(text.out, /INPUT {2}vm0: list/);
});
