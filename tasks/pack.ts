/**
 * Packs the package for npm, installs it in an empty folder outside the checkout and boots a guest
 * under Node: the trace hash must be the one of this checkout under Deno.
 *
 * @module
 */

import { deno } from "./run.ts";

/** Boots a guest and prints the trace hash. */
const PROGRAM = `
import { Lab } from "@understudy/vmm";
import { guestNames, loadGuest } from "@understudy/vmm/guests";
const guests = [];
for (const name of ["ucos-1", "ucos-3"]) guests.push({ name, image: await loadGuest(name) });
const lab = await Lab.create({ guests, vm0: await loadGuest("vm0") });
let faults = 0;
for await (const event of lab.run({ for: "400ms" })) if (event.type === "fault") faults++;
console.log(guestNames.length > 3 && faults > 0, lab.summary().hash);
`;

/** Runs a program and gives its output; throws when it fails. */
async function run(command: string, args: readonly string[], cwd: string): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(command, {
    args: [...args],
    cwd,
    stdin: "null",
  }).output();
  if (code !== 0) throw new Error(`${command} ${args[0]}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout).trim();
}

const place = Deno.makeTempDirSync({ dir: "/tmp", prefix: "understudy-pack-" });
try {
  const tarball = `${place}/package.tgz`;
  const packed = await deno(["pack", "--allow-dirty", "-o", tarball]);
  if (packed.code !== 0) throw new Error(packed.stderr);
  Deno.writeTextFileSync(`${place}/package.json`, '{ "type": "module", "private": true }\n');
  Deno.writeTextFileSync(`${place}/try.js`, PROGRAM);
  await run("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", tarball], place);
  const there = await run("node", ["try.js"], place);
  const here = await deno(["eval", "--no-lock", PROGRAM]);
  console.log(`npm package under Node: ${there}`);
  console.log(`checkout under Deno:    ${here.stdout.trim()}${here.stderr}`);
  if (there !== here.stdout.trim() || !there.startsWith("true ")) Deno.exit(1);
} finally {
  Deno.removeSync(place, { recursive: true });
}
