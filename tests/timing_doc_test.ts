/**
 * The page about time lists the costs that are used, and how far figures move with them.
 *
 * @module
 */

import assert from "node:assert/strict";
import { ASSUMED, type Figure, sensitivity, variations } from "../core/sensitivity.ts";
import { TIMING, TIMING_NAMES, timingValues } from "../core/timing_table.ts";
import { PAGE, sensitivityTable, timingTables, withTables } from "../tasks/timing_doc.ts";

const page = (await Deno.readTextFile(PAGE)).replaceAll("\r\n", "\n");

Deno.test("withTables() is what is committed as docs/timing.md", () => {
  assert.equal(withTables(page, timingTables()), page, "run deno task timing-doc");
  assert.throws(
    () => withTables(page.replace("<!-- table: bus -->", ""), timingTables()),
    /leaves out bus/,
  );
});

Deno.test("docs/timing.md has every cost, and every assumed one varied", () => {
  for (const name of TIMING_NAMES) {
    const { status, value } = TIMING[name];
    const row = page.split("\n").find((line) => line.startsWith(`| \`${name}\` `))!;
    assert.match(row, new RegExp(`^\\| \`${name}\` +\\| ${value} `));
    assert.ok(row.includes(`| ${status} `), name);
  }
  const varied = page.slice(page.indexOf("<!-- table: sensitivity -->"));
  for (const name of ASSUMED) {
    const rows = varied.split("\n").filter((line) => line.startsWith(`| \`${name}\` `));
    const to = rows.map((row) => Number(row.split("|")[3]));
    assert.deepEqual(to, variations(name), name);
  }
});

Deno.test("TIMING has costs within their ranges, with a source", () => {
  const values = timingValues();
  for (const name of TIMING_NAMES) {
    const { value, range: [least, most], source, what } = TIMING[name];
    assert.ok(least <= value && value <= most && least < most, name);
    assert.ok(source.length > 10 && what.length > 10, name);
    assert.equal(values[name], value);
    assert.equal(timingValues({ [name]: most })[name], most);
  }
});

Deno.test("sensitivity() measures each value of each cost once", async () => {
  const asked: string[] = [];
  const measure = (timing: object): Promise<Figure[]> => {
    asked.push(JSON.stringify(timing));
    const { branch = 2, loadUse = 1 } = timing as { branch?: number; loadUse?: number };
    return Promise.resolve([
      { name: "a", value: 100 + 10 * (branch - 2) },
      { name: "b", value: 50 - (loadUse - 1) },
    ]);
  };
  const steps: string[] = [];
  const rows = await sensitivity(
    measure,
    ["branch", "loadUse"],
    (done, of) => steps.push(`${done}/${of}`),
  );
  assert.deepEqual(asked, [
    "{}",
    '{"branch":0}',
    '{"branch":8}',
    '{"loadUse":0}',
    '{"loadUse":3}',
  ]);
  assert.deepEqual(steps, ["1/5", "2/5", "3/5", "4/5", "5/5"]);
  assert.deepEqual(
    rows.map(({ constant, to, figure, percent }) => [constant, to, figure, percent]),
    [
      ["branch", 0, "a", -20],
      ["branch", 0, "b", 0],
      ["branch", 8, "a", 60],
      ["branch", 8, "b", 0],
      ["loadUse", 0, "a", 0],
      ["loadUse", 0, "b", 2],
      ["loadUse", 3, "a", 0],
      ["loadUse", 3, "b", -4],
    ],
  );
  assert.match(sensitivityTable(rows), /\| `branch` +\| 2 +\| 8 +\| \+60\.00 % +\| 0 /);
});
