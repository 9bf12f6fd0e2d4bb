import assert from "node:assert/strict";
import { calibrationSection } from "../cli/bench_calibrate.ts";
import { calibrate, type CalibrationOptions, type CalibrationRow } from "../core/calibrate.ts";
import { InputError } from "../core/errors.ts";
import { ROUTINE } from "../core/routines.ts";
import { loadGuest, loadMonitor } from "../guests/mod.ts";
import { call, jsonLines } from "./cli_rig.ts";

async function options(monitor?: Uint8Array): Promise<CalibrationOptions> {
  return {
    monitor: monitor ?? await loadMonitor(),
    vm0: await loadGuest("vm0"),
    tasks: { name: "relay", image: await loadGuest("relay"), arg: "2 1" },
    busy: { name: "sweep", image: await loadGuest("sweep"), arg: "1 0 0" },
  };
}

Deno.test("bench calibrate holds each hand-written routine against its machine code", async () => {
  const { code, out } = await call(["bench", "calibrate", "--json"]);
  const rows = jsonLines(out) as unknown as CalibrationRow[];
  for (const { part, routine, executed, charged, ratio, fits } of rows) {
    assert.ok(executed > 0 && Math.abs(ratio - charged / executed) < 1e-9);
    assert.ok(fits && Math.abs(ratio - 1) <= 0.1, `${part}, ${routine}: ${charged} of ${executed}`);
  }
  assert.equal(code, 0);
  const written = Object.values(ROUTINE).filter((r) => r.written).map(({ name }) => name);
  assert.deepEqual([...new Set(rows.map(({ routine }) => routine))].sort(), written.sort());
});

Deno.test("a charge that is off is said, and the exit code is 1", () => {
  const row = {
    bench: "calibrate",
    part: "VM switch",
    routine: "choose",
    executed: 100,
    charged: 110,
    ratio: 1.1,
    fits: true,
  } as const;
  assert.equal(calibrationSection([row]).failed, false);
  const off = calibrationSection([row, { ...row, routine: "enter", ratio: 1.2, fits: false }]);
  assert.equal(off.failed, true);
  assert.match(off.notes.join("\n"), /^Not within 10 %: enter\.$/m);
});

Deno.test("calibrate() refuses other routines, and such that do something else", async () => {
  const image = await loadMonitor();
  const spoil = (find: number, put: number) => {
    const copy = image.slice();
    const view = new DataView(copy.buffer);
    let found = 0;
    for (let at = 0; at + 4 <= copy.length; at += 4) {
      if (view.getUint32(at, true) !== find) continue;
      view.setUint32(at, put, true);
      found++;
    }
    assert.ok(found > 0);
    return copy;
  };
  // ADD r1, r1, #1 of the count of switches, made ADD r1, r1, #2.
  await assert.rejects(
    calibrate(await options(spoil(0xe2811001, 0xe2811002))),
    (error: Error) =>
      error instanceof InputError && /^monitor: VM switch: the word at 0x/.test(error.message),
  );
  await assert.rejects(
    calibrate(await options(await loadGuest("compute"))),
    /^InputError: monitor: \w+: is not where the table of routines has it/,
  );
});
