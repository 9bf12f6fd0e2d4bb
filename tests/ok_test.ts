/// <reference lib="deno.unstable" />

/**
 * The gate's own parts: a check that can't fail is no check.
 *
 * @module
 */

import assert from "node:assert/strict";
import { kept, shownCommands, words } from "../tasks/doc_tests.ts";
import { type Graph, importGraph, layersOf, offences } from "../tasks/layers.ts";
import plugin from "../tasks/lint_core.ts";
import { sourceFaults } from "../tasks/sources.ts";
import { ROOT } from "../tasks/run.ts";

const graph = (imports: Record<string, string[]>): Graph => new Map(Object.entries(imports));

Deno.test("layersOf() puts each file above what it imports", () => {
  const { layers, circle } = layersOf(
    graph({ "core/c.ts": ["core/a.ts", "core/b.ts"], "core/b.ts": ["core/a.ts"], "core/a.ts": [] }),
  );
  assert.deepEqual(layers, [["core/a.ts"], ["core/b.ts"], ["core/c.ts"]]);
  assert.equal(circle, undefined);
});

Deno.test("layersOf() finds a circle", () => {
  const { circle } = layersOf(
    graph({ "core/a.ts": ["core/b.ts"], "core/b.ts": ["core/c.ts"], "core/c.ts": ["core/b.ts"] }),
  );
  assert.deepEqual(circle, ["core/b.ts", "core/c.ts", "core/b.ts"]);
});

Deno.test("offences() names what looks upward", () => {
  assert.deepEqual(
    offences(graph({
      "core/a.ts": ["cli/io.ts"],
      "cli/boot.ts": ["core/lab.ts", "mod.ts", "cli/io.ts"],
      "guests/mod.ts": ["guests/images/a.ts"],
      "mod.ts": ["core/a.ts"],
    })),
    [
      "cli/boot.ts imports core/lab.ts; cli/ may import cli/, mod.ts, guests/mod.ts, deno.json only",
      "core/a.ts imports cli/io.ts; core/ may import core/ only",
    ],
  );
});

Deno.test("importGraph() sees imports of values and of types", async () => {
  const found = await importGraph(["cli/choices.ts"]);
  assert.deepEqual(found.get("cli/choices.ts"), ["mod.ts"]);
  assert.ok(found.get("mod.ts")!.includes("core/lab.ts"));
});

/** Findings of the rules of our own. */
function lint(file: string, source: string): string[] {
  return Deno.lint.runPlugin(plugin, file, source).map(({ id }) => id);
}

Deno.test("lint rule core-imports refuses all but neighbours", () => {
  const refused = [
    'import fs from "node:fs";',
    'import { z } from "npm:zod";',
    'import { z } from "zod";',
    'import "../mod.ts";',
    'export * from "../cli/io.ts";',
    'export { a } from "./deep/a.ts";',
    'await import("./a.js");',
    "await import(name);",
  ];
  for (const source of refused) {
    assert.deepEqual(lint("core/x.ts", source), ["understudy/core-imports"], source);
    assert.deepEqual(lint("cli/x.ts", source), [], source);
  }
  assert.deepEqual(lint("core/x.ts", 'import { a } from "./a.ts"; export * from "./b_c.ts";'), []);
});

Deno.test("lint rule core-host refuses the host, its clock and its dice", () => {
  for (
    const source of [
      "Deno.cwd();",
      "new Date();",
      "const t = Date.now();",
      "performance.now();",
      "Math.random();",
      "process.exit(1);",
      "crypto.getRandomValues(a);",
      "{ using lab = open(); }",
    ]
  ) {
    assert.deepEqual(lint("core/x.ts", source), ["understudy/core-host"], source);
    assert.deepEqual(lint("tasks/x.ts", source), [], source);
  }
  for (
    const source of ["a.Date = 1;", "const o = { process: 1 };", "Math.floor(1.5);", "rtc.Date();"]
  ) {
    assert.deepEqual(lint("core/x.ts", source), [], source);
  }
});

Deno.test("shownCommands() finds the commands of console blocks", () => {
  const page = [
    ...["text", "```sh", "$ not this", "```"],
    ...["```console", "$ one 1", "a", "b", "$ two", "```", "$ nor this"],
    ...["<!-- keep: ^b; c..d -->", "", "```console", "$ three", "```"],
    ...["```console", "$ four", "```"],
  ];
  assert.deepEqual(shownCommands(page.join("\n")), [
    { command: "one 1", output: ["a", "b"], line: 6 },
    { command: "two", output: [], line: 9 },
    {
      command: "three",
      output: [],
      line: 15,
      keep: [{ from: /^b/, to: /^b/ }, { from: /c/, to: /d/ }],
    },
    { command: "four", output: [], line: 18 },
  ]);
});

Deno.test("kept() leaves the parts that are asked for", () => {
  const lines = ["x", "a1", "a2", "y", "z", "a3", "b"];
  assert.deepEqual(kept(lines, [{ from: /^a/, to: /^a/ }]), ["...", "a1", "..."]);
  assert.deepEqual(
    kept(lines, [{ from: /x/, to: /a2/ }, { from: /a3/, to: /b/ }]),
    ["x", "a1", "a2", "...", "a3", "b"],
  );
  assert.deepEqual(kept(lines, [{ from: /none/, to: /b/ }]), ["..."]);
  assert.deepEqual(kept(lines, [{ from: /z/, to: /none/ }]), ["...", "z", "a3", "b"]);
  assert.deepEqual(kept(lines), lines);
});

Deno.test("sourceFaults() wants a module comment, and no file that is too long", () => {
  const head = "/**\n * Text.\n *\n * @module\n */\n";
  assert.deepEqual(sourceFaults("core/a.ts", `${head}export {};\n`), []);
  assert.deepEqual(sourceFaults("core/a.ts", `/// <reference lib="x" />\n\n${head}`), []);
  assert.deepEqual(sourceFaults("examples/a.ts", "// Text.\n"), []);
  assert.equal(sourceFaults("core/a.ts", "export {};\n").length, 1);
  assert.equal(sourceFaults("core/a.ts", head + "\n".repeat(1000)).length, 1);
});

Deno.test("words() keeps quoted blanks", () => {
  assert.deepEqual(words(`inject --fault 'reg:r4:12@t=1ms' "a b"c`), [
    "inject",
    "--fault",
    "reg:r4:12@t=1ms",
    "a bc",
  ]);
});

Deno.test("every task has the permissions that it needs and no more", () => {
  const { tasks } = JSON.parse(Deno.readTextFileSync(new URL("deno.json", ROOT))) as {
    tasks: Record<string, { description: string; command: string }>;
  };
  for (const name of ["demo", "test", "ok", "bench", "guests"]) assert.ok(name in tasks, name);
  for (const [name, { description, command }] of Object.entries(tasks)) {
    assert.ok(description.length > 10, name);
    assert.doesNotMatch(command, /\s(-A|--allow-all|--allow-env(\s|$)|--allow-write(\s|$))/, name);
    if (/^deno (run|test)/.test(command)) assert.match(command, /--no-prompt/, name);
  }
  assert.doesNotMatch(tasks.demo!.command, /--allow-(read|write|net|run|sys|ffi|import)/);
});
