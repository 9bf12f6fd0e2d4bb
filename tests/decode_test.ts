import assert from "node:assert/strict";
import { decodeArm, decodeThumb, FIELD, OP } from "../core/decode.ts";
import { ARM_ROWS } from "../core/isa_arm.ts";
import { a, t } from "./cpu_rig.ts";

const NAMES = new Map<number, string>(Object.entries(OP).map(([name, op]) => [op, name]));

/** Name of the operation that an instruction decodes to; FLAGS, PLAIN and B_COND with their number. */
function operation(insn: number, thumb = false, offset = 0x100): string {
  const out = new Int32Array(2);
  if (thumb) decodeThumb(insn, offset, out, 0);
  else decodeArm(insn, offset, out, 0);
  const op = out[0] & 0xff;
  const base = [OP.B_COND, OP.FLAGS, OP.PLAIN].find((first) =>
    op >= first && op < first + (first === OP.B_COND ? 14 : first === OP.FLAGS ? 16 : 12)
  );
  return base === undefined ? NAMES.get(op)! : `${NAMES.get(base)}+${op - base}`;
}

Deno.test({
  name: "decodeArm() gives the fast loop all that compilers emit",
  permissions: "none",
  fn() {
    const cases: [number, string][] = [
      [a("and r0, r1, #1", 0xe2010001), "PLAIN+0"],
      [a("rsc r0, r1, #1", 0xe2e10001), "PLAIN+7"],
      [a("orr r0, r1, #1", 0xe3810001), "PLAIN+8"],
      [a("mvn r0, #1", 0xe3e00001), "PLAIN+11"],
      [a("ands r0, r1, #1", 0xe2110001), "FLAGS+0"],
      [a("teq r0, #1", 0xe3300001), "FLAGS+9"],
      [a("mvns r0, #1", 0xe3f00001), "FLAGS+15"],
      [a("and r0, r1, r2, lsl #3", 0xe0010182), "AND_R"],
      [a("eor r0, r1, r2", 0xe0210002), "EOR_R"],
      [a("sub r0, r1, r2", 0xe0410002), "SUB_R"],
      [a("rsb r0, r1, r2, lsl #31", 0xe0610f82), "RSB_R"],
      [a("add r0, r1, r2, lsl #2", 0xe0810102), "ADD_R"],
      [a("orr r0, r1, r2", 0xe1810002), "ORR_R"],
      [a("mov r0, r1", 0xe1a00001), "MOV_R"],
      [a("bic r0, r1, r2", 0xe1c10002), "BIC_R"],
      [a("mvn r0, r1", 0xe1e00001), "MVN_R"],
      [a("cmp r0, r1, lsl #1", 0xe1500081), "CMP_R"],
      [a("adds r0, r1, r2", 0xe0910002), "ADDS_R"],
      [a("subs r0, r1, r2", 0xe0510002), "SUBS_R"],
      [a("movs r0, r1", 0xe1b00001), "MOVS_R"],
      [a("tst r0, r1", 0xe1100001), "TST_R"],
      [a("orrs r0, r1, r2", 0xe1910002), "ORRS_R"],
      [a("ands r0, r1, r2", 0xe0110002), "ANDS_R"],
      [a("rsbs r0, r1, r2", 0xe0710002), "RSBS_R"],
      [a("tst r0, r1, lsl #1", 0xe1100081), "FLAGS+8"], // the shifter gives C
      [a("add r0, r1, r2, lsr #3", 0xe08101a2), "PLAIN+4"],
      [a("add r0, r1, r2, lsl r3", 0xe0810312), "PLAIN+4"],
      [a("add r0, pc, #8", 0xe28f0008), "ADR"],
      [a("sub r0, pc, #8", 0xe24f0008), "ADR"],
      [a("ldr r0, [r1, #4]", 0xe5910004), "LDR"],
      [a("str r0, [r1, #-4]", 0xe5010004), "STR"],
      [a("ldrb r0, [r1]", 0xe5d10000), "LDRB"],
      [a("strb r0, [r1]", 0xe5c10000), "STRB"],
      [a("ldrh r0, [r1]", 0xe1d100b0), "LDRH"],
      [a("strh r0, [r1, r2]", 0xe18100b2), "STRH"],
      [a("ldrsb r0, [r1]", 0xe1d100d0), "LDRSB"],
      [a("ldrsh r0, [r1, -r2]", 0xe11100f2), "LDRSH"],
      [a("ldr r0, [r1, #4]!", 0xe5b10004), "LDR_PRE"],
      [a("str r0, [r1, #-4]!", 0xe5210004), "STR_PRE"],
      [a("ldrb r0, [r1, #1]!", 0xe5f10001), "LDRB_PRE"],
      [a("strb r0, [r1, r2]!", 0xe7e10002), "STRB_PRE"],
      [a("ldr r0, [r1], #4", 0xe4910004), "LDR_POST"],
      [a("str r0, [r1], #4", 0xe4810004), "STR_POST"],
      [a("ldrb r0, [r1], #1", 0xe4d10001), "LDRB_POST"],
      [a("strb r0, [r1], #1", 0xe4c10001), "STRB_POST"],
      [a("ldrh r0, [r1], #2", 0xe0d100b2), "LDRH_POST"],
      [a("strh r0, [r1], #2", 0xe0c100b2), "STRH_POST"],
      [a("ldr r0, [r1, r2, lsl #2]", 0xe7910102), "LDR_R"],
      [a("str r0, [r1, r2]", 0xe7810002), "STR_R"],
      [a("ldrb r0, [r1, r2]", 0xe7d10002), "LDRB_R"],
      [a("strb r0, [r1, r2]", 0xe7c10002), "STRB_R"],
      [a("ldr r0, [r1, -r2]", 0xe7110002), "LDR"],
      [a("ldr r0, [pc, #16]", 0xe59f0010), "LDR_LITERAL"],
      [a("ldr pc, [r1, r2, lsl #2]", 0xe791f102), "LDR_PC"],
      [a("ldr pc, [sp], #4", 0xe49df004), "LDR_PC_POST"],
      [a("pop {r4, r5}", 0xe8bd0030), "LDM"],
      [a("ldmdb r0, {r4, r5}", 0xe9100030), "LDM"],
      [a("pop {r4, pc}", 0xe8bd8010), "LDM_PC"],
      [a("push {r4, lr}", 0xe92d4010), "STM"],
      [0xea000001, "B"],
      [0xeb000001, "BL"],
      [0xea001000, "B_FAR"],
      [0xeb001000, "BL_FAR"],
      [0x1a000001, "B_COND+1"],
      [0xda000001, "B_COND+13"],
      [0x1a001000, "B_FAR"],
      [0xeaffffbe, "B"], // to the start of the page
      [0xeaffffbd, "B_FAR"],
      [0xea0003bd, "B"], // to its last word
      [0xea0003be, "B_FAR"],
      [a("bx lr", 0xe12fff1e), "BX"],
      [a("mul r0, r1, r2", 0xe0000291), "MUL"],
      [a("mla r0, r1, r2, r3", 0xe0203291), "MLA"],
      [a("muls r0, r1, r2", 0xe0100291), "MULS"],
      [a("umull r0, r1, r2, r3", 0xe0810392), "UMULL"],
      [a("smull r0, r1, r2, r3", 0xe0c10392), "SMULL"],
      [a("umlal r0, r1, r2, r3", 0xe0a10392), "UMLAL"],
      [a("smlal r0, r1, r2, r3", 0xe0e10392), "SMLAL"],
    ];
    for (const [insn, name] of cases) assert.equal(operation(insn), name, insn.toString(16));
  },
});

Deno.test({
  name: "decodeArm() leaves what is rare or has side effects to the exact interpreter",
  permissions: "none",
  fn() {
    const cases = [
      a("mov pc, lr", 0xe1a0f00e),
      a("subs pc, lr, #4", 0xe25ef004),
      0xe131f001, // teqp r1, r1
      a("ldrt r0, [r1], #4", 0xe4b10004),
      a("str pc, [r1]", 0xe581f000),
      a("ldr pc, [r1, #4]!", 0xe5b1f004),
      a("ldrh r0, [r1, #2]!", 0xe1f100b2),
      0xe4911004, // ldr r1, [r1], #4
      a("ldm r0, {r1}^", 0xe8d00002),
      a("stm r0, {r1, pc}", 0xe8808002),
      0xe8b10003, // ldmia r1!, {r0, r1}
      0xe8900000, // an empty list
      a("mlas r0, r1, r2, r3", 0xe0303291),
      a("umulls r0, r1, r2, r3", 0xe0910392),
      0xf0000000, // condition 15
    ];
    for (const insn of cases) assert.equal(operation(insn), "EXACT", insn.toString(16));
    for (const row of ARM_ROWS) {
      if (/mrs|msr|swap|swi|cp-|undefined/.test(row.form)) {
        assert.equal(operation(row.value | 0xe0000000), "EXACT", row.name);
      }
    }
  },
});

Deno.test({
  name: "decodeThumb() gives the fast loop everything but SWI and the undefined",
  permissions: "none",
  fn() {
    const cases: [number, string][] = [
      [t("adds r0, r1, r2", 0x1888), "ADDS_R"],
      [t("subs r0, r1, r2", 0x1a88), "SUBS_R"],
      [t("movs r0, #1", 0x2001), "FLAGS+13"],
      [t("cmp r0, r1", 0x4288), "CMP_R"],
      [t("ldr r0, [pc, #4]", 0x4801), "LDR_LITERAL"],
      [0xa001, "ADR"],
      [t("pop {r0, pc}", 0xbd01), "LDM_PC"],
      [0xe7fe, "B"],
      [0xe700, "B_FAR"],
      [0xd0fe, "B_COND+0"],
      [0xf000, "ADR"],
      [0xf800, "BL_SUFFIX"],
      [t("bx lr", 0x4770), "BX"],
      [0x4348, "MULS"], // muls r0, r1
      [t("svc 0x00000001", 0xdf01), "EXACT"],
      [0xde00, "EXACT"],
    ];
    for (const [insn, name] of cases) assert.equal(operation(insn, true), name, insn.toString(16));
  },
});

Deno.test({
  name: "decodeArm() marks what the loop has to do first",
  permissions: "none",
  fn() {
    const first = (insn: number) => {
      const out = new Int32Array(2);
      decodeArm(insn, 0, out, 0);
      return out[0];
    };
    const plain = [
      a("add r0, r1, #1", 0xe2810001),
      a("add r0, r1, r2, lsl #3", 0xe0810182),
      a("movs r0, #1", 0xe3b00001),
      a("ldr r0, [r1, #4]", 0xe5910004),
      a("ldr r0, [r1, r2]", 0xe7910002),
      a("ldr r0, [pc, #4]", 0xe59f0004),
      a("add r0, pc, #4", 0xe28f0004),
      a("pop {r4, pc}", 0xe8bd8010),
      a("bx lr", 0xe12fff1e),
      0x0a000000, // beq
    ];
    for (const insn of plain) assert.ok(first(insn) >= 0, insn.toString(16));
    const prefixed = [
      a("addeq r0, r1, #1", 0x02810001),
      a("add r0, r1, r2, lsr #3", 0xe08101a2),
      a("movs r0, #-2147483648", 0xe3b00102),
      a("add r0, r1, pc", 0xe081000f),
      a("ldr r0, [r1, -r2]", 0xe7110002),
      0x0b000000, // bleq
    ];
    for (const insn of prefixed) assert.ok((first(insn) & FIELD.PREFIX) !== 0, insn.toString(16));
  },
});
