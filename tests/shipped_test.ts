/**
 * The command as it is shipped: a process of its own, with the permissions of its task.
 *
 * @module
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { deno, ROOT } from "../tasks/run.ts";
import { jsonLines } from "./cli_rig.ts";

/** Runs the task `understudy`. */
const understudy = (...args: string[]) => deno(["task", "--quiet", "understudy", ...args]);

/** Folder for files of a test. */
function folder(): string {
  const base = fileURLToPath(new URL(".tmp", ROOT));
  Deno.mkdirSync(base, { recursive: true });
  return Deno.makeTempDirSync({ dir: base, prefix: "shipped-" });
}

Deno.test("deno task understudy --help runs with the permissions of its task", async () => {
  const { code, stdout, stderr } = await understudy("--help");
  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(stdout, /^Usage: understudy /);
});

Deno.test("deno task understudy boot reads YAML and ELF files with its permissions", async () => {
  const place = folder();
  try {
    Deno.copyFileSync(new URL("guests/images/ucos-1.elf", ROOT), `${place}/own.elf`);
    Deno.writeTextFileSync(`${place}/lab.yaml`, "guests: [own.elf]\nfor: 30ms\n");
    const { code, stdout, stderr } = await understudy("boot", "-c", `${place}/lab.yaml`, "--json");
    assert.deepEqual([code, stderr], [0, ""]);
    assert.ok(jsonLines(stdout).some((e) => e.type === "console" && e.vm === "own"));
  } finally {
    Deno.removeSync(place, { recursive: true });
  }
});

Deno.test("a user's error is one line on standard error, and exit code 2", async () => {
  const { code, stdout, stderr } = await understudy("boot", "ucos-4");
  assert.deepEqual([code, stdout], [2, ""]);
  assert.match(stderr, /^understudy: GUEST: there is no guest "ucos-4"; did you mean [^\n]*\n$/);
});

Deno.test("FORCE_COLOR and NO_COLOR are heard", async () => {
  const args = ["task", "--quiet", "demo", "--for", "20ms"];
  const colored = await deno(args, { NO_COLOR: "", FORCE_COLOR: "1" });
  assert.ok(colored.stdout.includes("\x1b["));
  const plain = await deno(args, { NO_COLOR: "1", FORCE_COLOR: "1" });
  assert.ok(!plain.stdout.includes("\x1b["));
});

Deno.test("completions prints a script for each shell; complete answers it", async () => {
  for (const shell of ["bash", "zsh", "fish", "powershell"]) {
    const { code, stdout, stderr } = await understudy("completions", shell);
    assert.deepEqual([code, stderr], [0, ""], shell);
    assert.match(stdout, /understudy complete/, shell);
  }
  const complete = async (...words: string[]) =>
    (await understudy("complete", "--", ...words)).stdout.split("\n").map((line) =>
      line.split("\t")[0]
    );
  assert.ok((await complete("bo")).includes("boot"));
  assert.ok((await complete("boot", "uc")).includes("ucos-2"));
  assert.ok((await complete("boot", "--ba")).includes("--backup"));
  assert.ok((await complete("boot", "--backup", "")).includes("cow"));
});

Deno.test("demo runs with an empty DENO_DIR, and fetches less than 10 MB", async () => {
  const place = folder();
  try {
    const { code, stdout, stderr } = await deno(["task", "demo", "--json"], { DENO_DIR: place });
    assert.equal(code, 0, stderr);
    assert.ok(jsonLines(stdout).some(({ type }) => type === "recovery"));
    // What is fetched, and what becomes of our own modules; the rest are caches of compiled code.
    const size = sizeOf(`${place}/npm`) + sizeOf(`${place}/gen`);
    assert.ok(size < 10e6, `${(size / 1e6).toFixed(1)} MB`);
    const packages = [...Deno.readDirSync(`${place}/npm/registry.npmjs.org`)].map((e) => e.name);
    for (const heavy of ["yaml", "zod"]) assert.ok(!packages.includes(heavy), heavy);
  } finally {
    Deno.removeSync(place, { recursive: true });
  }
});

Deno.test("demo takes less than 10 seconds once it is there", async () => {
  const start = performance.now();
  const { code } = await deno(["task", "demo"]);
  assert.equal(code, 0);
  assert.ok(performance.now() - start < 10_000);
});

/** Bytes of the files below a folder. */
function sizeOf(path: string): number {
  let bytes = 0;
  for (const entry of Deno.readDirSync(path)) {
    const below = `${path}/${entry.name}`;
    bytes += entry.isDirectory ? sizeOf(below) : Deno.lstatSync(below).size;
  }
  return bytes;
}
