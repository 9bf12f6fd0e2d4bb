/**
 * The page about the VM interface says what the interface is.
 *
 * @module
 */

import assert from "node:assert/strict";
import { HC, type Hypercall, HYPERCALLS, SLOT_MAP } from "../core/vmi.ts";
import { PAGE, vmiTables, withTables } from "../tasks/vmi_doc.ts";
import { imm, plainGuest, R0, R1 } from "./mini_guest.ts";
import { miniLab, miniVm0, ofType } from "./monitor_rig.ts";

Deno.test("withTables() is what is committed as docs/vmi.md", async () => {
  const page = (await Deno.readTextFile(PAGE)).replaceAll("\r\n", "\n");
  assert.equal(withTables(page), page, "run deno task vmi-doc");
});

Deno.test("withTables() takes every table once and no other", async () => {
  const page = await Deno.readTextFile(PAGE);
  assert.throws(
    () => withTables(page.replace("table: virq", "table: colour")),
    /asks for "colour"/,
  );
  assert.throws(() => withTables(page.replace("<!-- table: virq -->", "")), /leaves out virq/);
});

Deno.test("vmiTables() has every hypercall once", () => {
  const { calls, management } = vmiTables();
  for (const [name, number] of Object.entries(HC)) {
    const row = new RegExp(`^\\| ${number} +\\| \`${name}\` `, "gm");
    const found = [calls, management].map((text) => [...text!.matchAll(row)].length);
    const managed = HYPERCALLS.find((call) => call.number === number)!.management ?? false;
    assert.deepEqual(found, managed ? [0, 1] : [1, 0], name);
  }
});

/** Calls after which the caller does not go on. */
const LAST: readonly number[] = [HC.HALT, HC.WAIT];
const VALUES = [0, 1, 2, 63, 64, 77, 78, 241, 0x3_0d43, 0x1f0_1000, 0x1fff_fff0, 0xffff_ffff];

Deno.test("HYPERCALLS names every error that a call gives, whatever its arguments", async () => {
  const none: Hypercall = { number: 99, name: "99", args: [], errors: ["ENOSYS"], doc: "" };
  const calls = [...HYPERCALLS, none];
  for (const { number, name, args, errors = [], management } of calls) {
    if (LAST.includes(number)) continue;
    const guest = plainGuest({
      main: (c) => {
        // Vectors of any value are no place to go to.
        c.op("mvn", R0, 0, imm(0)).li(R1, SLOT_MAP.VMI_CONTROL).str(R0, R1).str(R0, R1, 4);
        for (const a of VALUES) {
          for (const b of args.length > 1 ? [0, 0x3_0d43, 0xffff_ffff] : [0]) {
            c.swi(number, a, b, b ^ a & 3, 0);
          }
        }
        c.print(HC.CONSOLE_WRITE, "\ndone\n").swi(HC.HALT, 0);
      },
    });
    for (const [vm0, vm] of [[guest, "vm0"], [miniVm0(), "g"]] as const) {
      using lab = await miniLab({ g: guest }, { vm0 });
      const events = lab.runAll({ for: "190ms" });
      assert.equal(lab.stopped, false, name);
      assert.ok(ofType(events, "console", vm).at(-1)?.text === "done", `${vm} after ${name}`);
      const given = new Set(
        ofType(events, "refused", vm).map(({ call, error }) => {
          assert.equal(call, name);
          return error;
        }),
      );
      const allowed: readonly string[] = management && vm !== "vm0" ? ["EPERM"] : errors;
      for (const error of given) assert.ok(allowed.includes(error), `${vm}: ${name} ${error}`);
      if (allowed[0] !== undefined && name !== "RECEIVE") {
        assert.ok(given.size > 0, `${vm}: ${name}`);
      }
    }
  }
});
