/**
 * The examples run as they are, without any permission.
 *
 * @module
 */

import assert from "node:assert/strict";
import { deno, files, ROOT } from "../tasks/run.ts";
import { call, jsonLines } from "./cli_rig.ts";

for (const name of files("examples", ".ts")) {
  Deno.test(`${name} runs, and is short`, async () => {
    const text = Deno.readTextFileSync(new URL(name, ROOT));
    assert.ok(text.split("\n").length <= 30, "under 30 lines");
    const { code, stdout, stderr } = await deno(["run", "--no-prompt", name]);
    assert.equal(stderr, "");
    assert.equal(code, 0);
    assert.ok(stdout.split("\n").length > 2, stdout);
  });
}

for (const name of files("examples", ".yaml")) {
  Deno.test(`${name} is a configuration that runs to its end`, async () => {
    const text = Deno.readTextFileSync(new URL(name, ROOT));
    const { code, out, err } = await call(["boot", "-c", name, "--json"], {
      files: { [name]: text },
    });
    assert.equal(err, "");
    assert.equal(code, 0);
    assert.equal(jsonLines(out).at(-1)!.outcome, "ended");
  });
}
