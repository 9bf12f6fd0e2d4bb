/**
 * The examples run as they are, without any permission.
 *
 * @module
 */

import assert from "node:assert/strict";
import { deno, files, ROOT } from "../tasks/run.ts";
import { parseCampaign } from "../cli/campaign_config.ts";
import { call, jsonLines, memoryIo } from "./cli_rig.ts";

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

/** A campaign says what is struck. */
const isCampaign = (name: string) => /^targets:/m.test(Deno.readTextFileSync(new URL(name, ROOT)));

for (const name of files("examples", ".yaml").filter((file) => !isCampaign(file))) {
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

for (const name of files("examples", ".yaml").filter(isCampaign)) {
  Deno.test(`${name} is a campaign`, async () => {
    const { io } = memoryIo();
    const text = Deno.readTextFileSync(new URL(name, ROOT));
    const spec = await parseCampaign(text, name, {}, io);
    const experiments = spec.count * spec.arms.length;
    assert.ok(experiments >= (name.endsWith("campaign.yaml") ? 20_000 : 1), `${experiments}`);
  });
}
