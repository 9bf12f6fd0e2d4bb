import assert from "node:assert/strict";
import fc from "fast-check";
import { disassemble } from "../core/disasm.ts";
import { a, t } from "./cpu_rig.ts";

// Words and texts as GNU as and objdump (binutils 2.40) have them; a() and t() compare.

Deno.test({
  name: "disassemble() prints ARM instructions as objdump does",
  permissions: "none",
  fn() {
    a("and r0, r1, #255", 0xe20100ff);
    a("eors r2, r3, r4, lsl #5", 0xe0332284);
    a("sub sp, sp, #36", 0xe24dd024);
    a("rsbne r1, r2, #0", 0x12621000);
    a("add r0, r1, r2, lsr r3", 0xe0810332);
    a("adcs r4, r5, r6, asr #32", 0xe0b54046);
    a("sbc r7, r8, r9, ror #1", 0xe0c870e9);
    a("rsc sl, fp, ip, rrx", 0xe0eba06c);
    a("tst r3, #1", 0xe3130001);
    a("teq r1, r2", 0xe1310002);
    a("cmp r0, #-2147483648", 0xe3500102);
    a("cmnmi r0, r1, lsl #31", 0x41700f81);
    a("orr r2, r2, #3072", 0xe3822b03);
    a("mov r1, #0", 0xe3a01000);
    a("movs r1, r2", 0xe1b01002);
    a("lsl r3, r4, #2", 0xe1a03104);
    a("lsrs r3, r4, r5", 0xe1b03534);
    a("rrx r6, r7", 0xe1a06067);
    a("bic r0, r0, #31", 0xe3c0001f);
    a("mvn r1, #0", 0xe3e01000);
    a("movs pc, lr", 0xe1b0f00e);
    a("subs pc, lr, #4", 0xe25ef004);
    a("mrs r0, CPSR", 0xe10f0000);
    a("mrs r1, SPSR", 0xe14f1000);
    a("msr CPSR_fc, r0", 0xe129f000);
    a("msr SPSR_fsxc, r2", 0xe16ff002);
    a("msr CPSR_c, #211", 0xe321f0d3);
    a("mul r0, r1, r2", 0xe0000291);
    a("mlas r0, r1, r2, r3", 0xe0303291);
    a("umull r0, r1, r2, r3", 0xe0810392);
    a("smlaleq r4, r5, r6, r7", 0x00e54796);
    a("swp r0, r1, [r2]", 0xe1020091);
    a("swpb r3, r4, [r5]", 0xe1453094);
    a("str r3, [r2]", 0xe5823000);
    a("ldr r0, [pc, #1052]", 0xe59f041c);
    a("ldr r1, [r2, #-4]!", 0xe5321004);
    a("ldrb r1, [r2], #1", 0xe4d21001);
    a("strt r0, [r1], #4", 0xe4a10004);
    a("ldrbt r0, [r1], -r2", 0xe6710002);
    a("ldr pc, [r1, r2, lsl #2]", 0xe791f102);
    a("strb r0, [r1, -r2, ror #3]!", 0xe76101e2);
    a("ldrh r0, [r1, #2]", 0xe1d100b2);
    a("strh r0, [r1], -r2", 0xe00100b2);
    a("ldrsb r0, [r1, #-1]!", 0xe17100d1);
    a("ldrsh r0, [r1, r2]", 0xe19100f2);
    a("push {r4, r5, lr}", 0xe92d4030);
    a("pop {r4, pc}", 0xe8bd8010);
    a("ldmfd sp!, {pc}", 0xe8bd8000);
    a("stmdb sp!, {r0}", 0xe92d0001);
    a("ldmia r0!, {r1, r2}", 0xe8b00006);
    a("ldm r0, {r1, r2, pc}^", 0xe8d08006);
    a("stmib r0, {r1, r2, lr}^", 0xe9c04006);
    a("stmda r0!, {r1}", 0xe8200002);
    a("ldmdb sp, {r0, sp}", 0xe91d2001);
    a("bx lr", 0xe12fff1e);
    a("bxne r3", 0x112fff13);
    a("svc 0x00123456", 0xef123456);
    a("mcr 15, 0, r0, cr7, cr0, {4}", 0xee070f90);
    a("mrc 15, 0, r1, cr1, cr0, {0}", 0xee111f10);
    a("mrc 15, 0, APSR_nzcv, cr1, cr0, {0}", 0xee11ff10);
    a("cdp 7, 1, cr2, cr3, cr4, {5}", 0xee1327a4);
    a("ldc 6, cr1, [r2, #16]", 0xed921604);
    a("stcl 6, cr1, [r2], #-8", 0xec621602);
  },
});

Deno.test({
  name: "disassemble() prints Thumb instructions in the unified syntax",
  permissions: "none",
  fn() {
    t("lsls r1, r2, #3", 0x00d1);
    t("asrs r1, r2, #32", 0x1011);
    t("adds r0, r1, r2", 0x1888);
    t("subs r0, r1, #7", 0x1fc8);
    t("movs r3, #200", 0x23c8);
    t("cmp r3, #1", 0x2b01);
    t("negs r1, r2", 0x4251);
    t("tst r1, r2", 0x4211);
    t("mvns r1, r2", 0x43d1);
    t("mov r8, r1", 0x4688);
    t("cmp r8, r9", 0x45c8);
    t("bx lr", 0x4770);
    t("ldr r1, [pc, #1020]", 0x49ff);
    t("str r1, [r2, r3]", 0x50d1);
    t("ldrsh r1, [r2, r3]", 0x5ed1);
    t("ldrb r1, [r2, #31]", 0x7fd1);
    t("strh r1, [r2, #62]", 0x87d1);
    t("ldr r1, [sp, #8]", 0x9902);
    t("push {r0, r7, lr}", 0xb581);
    t("pop {r1, pc}", 0xbd02);
    t("stmia r1!, {r2, r3}", 0xc10c);
    t("ldmia r1!, {r2, r3}", 0xc90c);
    assert.equal(disassemble(0xa901, 0, { thumb: true }), "add r1, sp, #4");
    assert.equal(disassemble(0xa140, 0, { thumb: true }), "add r1, pc, #256");
    assert.equal(disassemble(0xb082, 0, { thumb: true }), "sub sp, sp, #8");
    assert.equal(disassemble(0x4381, 0, { thumb: true }), "bics r1, r1, r0");
    assert.equal(disassemble(0xdf12, 0, { thumb: true }), "svc 0x00000012");
  },
});

Deno.test({
  name: "disassemble() shows where branches go",
  permissions: "none",
  fn() {
    assert.equal(disassemble(0xea000000, 0x30000000), "b 0x30000008");
    assert.equal(disassemble(0xebfffffe, 0x1000), "bl 0x1000");
    assert.equal(disassemble(0x0affffff, 0xffffff00), "beq 0xffffff04");
    assert.equal(disassemble(0xeafffffd, 0), "b 0xfffffffc");
    assert.equal(disassemble(0xe7fe, 0x8000, { thumb: true }), "b.n 0x8000");
    assert.equal(disassemble(0xd1fd, 0x8002, { thumb: true }), "bne.n 0x8000");
    assert.equal(disassemble(0xf7ff, 0x8000, { thumb: true, next: 0xfffe }), "bl 0x8000");
    assert.equal(disassemble(0xf000, 0x8000, { thumb: true }), "bl (first half, lr = 0x8004)");
    assert.equal(disassemble(0xf802, 0x8000, { thumb: true }), "bl (second half, lr + 4)");
  },
});

Deno.test({
  name: "disassemble() says what is not defined, and shows odd rotations",
  permissions: "none",
  fn() {
    assert.equal(disassemble(0xe7f000f0, 0), "<undefined> 0xe7f000f0");
    assert.equal(disassemble(0xe16f0f11, 0), "<undefined> 0xe16f0f11");
    assert.equal(disassemble(0xde00, 0, { thumb: true }), "<undefined> 0xde00");
    assert.equal(disassemble(0xf57ff05f, 0), "<never> 0xf57ff05f");
    assert.equal(disassemble(0xe3a00f01, 0), "mov r0, #1, 30");
    assert.equal(disassemble(0xe131f002, 0), "teqp r1, r2");
  },
});

Deno.test({
  name: "disassemble() answers every word",
  permissions: "none",
  fn() {
    fc.assert(
      fc.property(fc.integer(), fc.integer(), (insn, at) => {
        assert.match(disassemble(insn, at), /^[a-z<]/);
        assert.match(disassemble(insn & 0xffff, at, { thumb: true, next: insn >>> 16 }), /^[a-z<]/);
      }),
      { numRuns: 20000 },
    );
  },
});
