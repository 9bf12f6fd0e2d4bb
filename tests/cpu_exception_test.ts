import assert from "node:assert/strict";
import { MODE, PSR, STOP, VECTOR } from "../core/cpu.ts";
import { FAULT } from "../core/cp15.ts";
import { a, ABORTING, DEVICE, HIGH, RAM, Rig, t } from "./cpu_rig.ts";

const V = 1 << 13;
const A = 1 << 1;

interface Entry {
  name: string;
  /** ARM word or Thumb half that raises it; undefined: an interrupt line. */
  arm?: number;
  thumb?: number;
  setUp?: (rig: Rig) => void;
  vector: number;
  mode: number;
  /** R14 less the address of the instruction, in ARM and Thumb state. */
  link: [number, number];
  masks: number;
}

const MISALIGNED = (rig: Rig) => {
  rig.cpu.mmu.mcr(1, 0, 0, (rig.cpu.mmu.mrc(1, 0, 0) | A) >>> 0);
  rig.cpu.setReg(1, RAM + 0x1002);
};

const ENTRIES: Entry[] = [
  {
    name: "undefined instruction",
    arm: 0xe7f000f0,
    thumb: 0xde00,
    vector: VECTOR.UNDEFINED,
    mode: MODE.UND,
    link: [4, 2],
    masks: PSR.I,
  },
  {
    name: "software interrupt",
    arm: a("svc 0x00000005", 0xef000005),
    thumb: t("svc 0x00000005", 0xdf05),
    vector: VECTOR.SWI,
    mode: MODE.SVC,
    link: [4, 2],
    masks: PSR.I,
  },
  {
    name: "data abort",
    arm: a("ldr r0, [r1]", 0xe5910000),
    thumb: t("ldr r0, [r1]", 0x6808),
    setUp: MISALIGNED,
    vector: VECTOR.DATA_ABORT,
    mode: MODE.ABT,
    link: [8, 8],
    masks: PSR.I,
  },
  {
    name: "interrupt",
    setUp: (rig) => rig.cpu.setIrq(true),
    vector: VECTOR.IRQ,
    mode: MODE.IRQ,
    link: [4, 4],
    masks: PSR.I,
  },
  {
    name: "fast interrupt",
    setUp: (rig) => rig.cpu.setFiq(true),
    vector: VECTOR.FIQ,
    mode: MODE.FIQ,
    link: [4, 4],
    masks: PSR.I | PSR.F,
  },
];

Deno.test({
  name: "exceptions set mode, bank, SPSR, R14, masks, state and vector",
  permissions: "none",
  fn() {
    const rig = new Rig();
    const { cpu } = rig;
    for (const e of ENTRIES) {
      for (const mode of [MODE.USR, MODE.SYS, MODE.SVC, MODE.ABT, MODE.IRQ, MODE.FIQ, MODE.UND]) {
        for (const thumb of [false, true]) {
          for (const high of [false, true]) {
            for (const fast of [false, true]) {
              cpu.reset();
              const message = `${e.name}, mode 0x${mode.toString(16)}, thumb ${thumb}, ` +
                `high ${high}, ${fast ? "run" : "step"}`;
              const at = RAM + 0x100;
              if (thumb) rig.loadThumb(at, [e.thumb ?? 0x46c0]);
              else rig.load(at, [e.arm ?? 0xe1a00000]);
              const before = (0xa0000000 | mode | (thumb ? PSR.T : 0)) >>> 0;
              for (const m of [MODE.USR, MODE.SVC, MODE.ABT, MODE.IRQ, MODE.FIQ, MODE.UND]) {
                for (const n of [13, 14]) cpu.setBankedReg(m, n, m * 256 + n);
              }
              cpu.cpsr = before;
              cpu.mmu.mcr(1, 0, 0, high ? V : 0);
              e.setUp?.(rig);
              cpu.pc = at;
              const sp = cpu.reg(13);
              const start = rig.clock.now;
              const stop = fast ? cpu.run(start + 1) : cpu.step();
              assert.equal(stop, STOP.TIME, message);
              assert.equal(cpu.pc, (high ? HIGH : 0) + e.vector, message);
              const masks = (before & (PSR.I | PSR.F)) | e.masks;
              assert.equal(cpu.cpsr, (0xa0000000 | e.mode | masks) >>> 0, message);
              assert.equal(cpu.spsr, before, message);
              assert.equal(cpu.reg(14), at + e.link[thumb ? 1 : 0], message);
              assert.equal(cpu.reg(13), e.mode * 256 + 13, message);
              if (mode !== e.mode) assert.equal(cpu.bankedReg(mode, 13), sp, message);
              assert.equal(rig.clock.now - start, 3, message);
              cpu.setIrq(false);
              cpu.setFiq(false);
            }
          }
        }
      }
    }
  },
});

Deno.test({
  name: "a prefetch abort is raised by executing, with R14 the address + 4",
  permissions: "none",
  fn() {
    for (const fast of [false, true]) {
      for (const thumb of [false, true]) {
        const rig = new Rig();
        const { cpu } = rig;
        cpu.cpsr = 0xd0 | (thumb ? PSR.T : 0);
        cpu.pc = ABORTING + 0x10;
        if (fast) cpu.run(1);
        else cpu.step();
        assert.equal(cpu.pc, VECTOR.PREFETCH_ABORT);
        assert.equal(cpu.reg(14), ABORTING + 0x14);
        assert.equal(cpu.spsr, 0xd0 | (thumb ? PSR.T : 0));
        assert.equal(cpu.mmu.mrc(5, 0, 1), FAULT.EXTERNAL_SECTION);
        assert.equal(cpu.mmu.mrc(5, 0, 0), 0);
        assert.equal(cpu.mmu.mrc(6, 0, 0), 0);
        assert.equal(cpu.instructions, 0);
        assert.equal(cpu.counters.exceptions.prefetchAbort, 1);
      }
    }
  },
});

Deno.test({
  name: "FIQ is taken before IRQ, both before an instruction that would abort",
  permissions: "none",
  fn() {
    for (const fast of [false, true]) {
      const rig = new Rig();
      const { cpu } = rig;
      const go = () => fast ? cpu.run(rig.clock.now + 1) : cpu.step();
      cpu.cpsr = MODE.USR;
      cpu.pc = ABORTING;
      cpu.setIrq(true);
      cpu.setFiq(true);
      go();
      assert.equal(cpu.pc, VECTOR.FIQ);
      assert.equal(cpu.reg(14), ABORTING + 4);
      cpu.setFiq(false);
      rig.poke(VECTOR.FIQ, a("subs pc, lr, #4", 0xe25ef004));
      go();
      assert.equal(cpu.pc, ABORTING);
      go();
      assert.equal(cpu.pc, VECTOR.IRQ);
    }
  },
});

Deno.test({
  name: "a pending FIQ is taken between a data abort and its handler",
  permissions: "none",
  fn() {
    const rig = new Rig();
    const { cpu } = rig;
    cpu.cpsr = MODE.SVC | PSR.I;
    // The aborting access itself raises the line.
    rig.onDevice = () => cpu.setFiq(true);
    cpu.setReg(1, ABORTING);
    rig.load(RAM, [a("ldr r0, [r1]", 0xe5910000)]);
    cpu.pc = RAM;
    cpu.run(rig.clock.now + 5);
    assert.equal(cpu.pc, VECTOR.FIQ);
    assert.equal(cpu.reg(14), VECTOR.DATA_ABORT + 4);
    assert.equal(cpu.spsr, MODE.ABT | PSR.I);
    assert.equal(cpu.bankedReg(MODE.ABT, 14), RAM + 8);
  },
});

Deno.test({
  name: "interrupts are taken at the instruction after the one that unmasks them",
  permissions: "none",
  fn() {
    for (
      const unmask of [
        a("msr CPSR_c, #16", 0xe321f010),
        a("msr CPSR_c, r3", 0xe121f003),
        a("movs pc, lr", 0xe1b0f00e),
      ]
    ) {
      const rig = new Rig();
      const { cpu } = rig;
      cpu.cpsr = MODE.SVC | PSR.I | PSR.F;
      cpu.spsr = MODE.USR;
      cpu.setReg(3, MODE.USR);
      cpu.setReg(14, RAM + 4);
      cpu.setIrq(true);
      rig.load(RAM, [unmask, a("mov r0, #1", 0xe3a00001), a("mov r0, #2", 0xe3a00002)]);
      rig.poke(VECTOR.IRQ, a("mov r1, #7", 0xe3a01007));
      cpu.pc = RAM;
      cpu.run(rig.clock.now + 3);
      cpu.run(rig.clock.now + 4);
      assert.equal(cpu.bankedReg(MODE.IRQ, 14), RAM + 8);
      assert.equal(cpu.reg(0), 0);
      assert.equal(cpu.reg(1), 7);
    }
  },
});

Deno.test({
  name: "a device that raises the line in a store interrupts before the next instruction",
  permissions: "none",
  fn() {
    const rig = new Rig();
    const { cpu } = rig;
    cpu.cpsr = MODE.SVC;
    rig.onDevice = () => cpu.setIrq(true);
    cpu.setReg(1, DEVICE);
    rig.load(RAM, [
      a("mov r0, #1", 0xe3a00001),
      a("str r0, [r1]", 0xe5810000),
      a("mov r0, #2", 0xe3a00002),
      a("mov r0, #3", 0xe3a00003),
    ]);
    cpu.pc = RAM;
    cpu.run(5);
    assert.equal(cpu.pc, VECTOR.IRQ);
    assert.equal(cpu.reg(14), RAM + 12);
    assert.equal(cpu.reg(0), 1);
    assert.equal(rig.log[0].now, 2); // the cycle of MOV and that of STR
    assert.equal(rig.clock.now, 5);
    assert.equal(cpu.instructions, 2);
  },
});

Deno.test({
  name: "banked registers are those of the mode",
  permissions: "none",
  fn() {
    const rig = new Rig();
    const { cpu } = rig;
    const modes = [MODE.USR, MODE.FIQ, MODE.IRQ, MODE.SVC, MODE.ABT, MODE.UND];
    for (const m of modes) {
      cpu.cpsr = m;
      for (let n = 8; n < 15; n++) cpu.setReg(n, m * 16 + n);
      if (m !== MODE.USR) cpu.spsr = m;
    }
    const r8 = (m: number) => m === MODE.FIQ ? MODE.FIQ : MODE.UND;
    for (const m of [...modes, MODE.SYS]) {
      cpu.cpsr = m;
      const bank = m === MODE.SYS ? MODE.USR : m;
      for (let n = 8; n < 13; n++) assert.equal(cpu.reg(n), r8(m) * 16 + n);
      for (const n of [13, 14]) assert.equal(cpu.reg(n), bank * 16 + n);
      if (bank !== MODE.USR) assert.equal(cpu.spsr, m);
      else assert.equal(cpu.spsr, cpu.cpsr);
      // The other banks can be seen from every mode.
      for (const other of modes) {
        for (let n = 8; n < 13; n++) assert.equal(cpu.bankedReg(other, n), r8(other) * 16 + n);
        for (const n of [13, 14]) assert.equal(cpu.bankedReg(other, n), other * 16 + n);
        if (other !== MODE.USR) assert.equal(cpu.spsrOf(other), other);
      }
      assert.equal(cpu.userReg(13), MODE.USR * 16 + 13);
    }
    cpu.setSpsrOf(MODE.IRQ, 0xffffffff);
    assert.equal(cpu.spsrOf(MODE.IRQ), 0xf00000ff);
    assert.throws(() => cpu.spsrOf(MODE.USR), RangeError);
    assert.throws(() => cpu.bankedReg(0, 1), RangeError);
  },
});

Deno.test({
  name: "MSR writes the fields it names, flags alone in User mode, never T",
  permissions: "none",
  fn() {
    const rig = new Rig();
    const { cpu } = rig;
    const after = (cpsr: number, insn: number, value: number) => {
      cpu.cpsr = cpsr;
      cpu.setReg(0, value);
      rig.execute([insn]);
      return cpu.cpsr;
    };
    assert.equal(after(0xd3, 0xe128f000, 0xffffffff), 0xf00000d3); // CPSR_f
    assert.equal(after(0xd3, 0xe121f000, 0xf0000012), 0x12); // CPSR_c
    assert.equal(after(0xd3, 0xe129f000, 0x5000001f), 0x5000001f); // CPSR_fc
    assert.equal(after(0xd3, 0xe126f000, 0xffffffff), 0xd3); // CPSR_sx: no such bits
    assert.equal(after(0xd3, 0xe121f000, 0x33), 0x13); // T is left
    assert.equal(after(0x10, 0xe129f000, 0xf00000d3), 0xf0000010); // User mode
    assert.equal(after(0xd3, 0xe121f000, 0x00), 0x13); // no such mode: the mode is left
    assert.equal(after(0xd3, a("msr CPSR_f, #-1610612736", 0xe328f20a), 0), 0xa00000d3);
    cpu.cpsr = 0xd2;
    cpu.setReg(0, 0xffffffff);
    rig.execute([0xe169f000]); // SPSR_fc
    assert.equal(cpu.spsr, 0xf00000ff);
    cpu.setReg(0, 0);
    rig.execute([0xe168f000]); // SPSR_f
    assert.equal(cpu.spsr, 0xff);
    rig.execute([a("mrs r1, SPSR", 0xe14f1000), a("mrs r2, CPSR", 0xe10f2000)]);
    assert.equal(cpu.reg(1), 0xff);
    assert.equal(cpu.reg(2), 0xd2);
  },
});

Deno.test({
  name: "coprocessor instructions are undefined, but MCR and MRC of CP15 in privileged modes",
  permissions: "none",
  fn() {
    const rig = new Rig();
    const { cpu } = rig;
    const undefinedIn = (cpsr: number, insn: number) => {
      const before = cpu.counters.exceptions.undefined;
      cpu.cpsr = cpsr;
      rig.execute([insn]);
      return cpu.counters.exceptions.undefined !== before;
    };
    const id = a("mrc 15, 0, r0, cr0, cr0, {0}", 0xee100f10);
    assert.equal(undefinedIn(0xd3, id), false);
    assert.equal(cpu.reg(0), 0x41129200);
    assert.equal(undefinedIn(0xdf, id), false);
    assert.equal(undefinedIn(0x10, id), true);
    assert.equal(undefinedIn(0x10, a("mcr 15, 0, r0, cr7, cr7, {0}", 0xee070f17)), true);
    assert.equal(undefinedIn(0xd3, a("mrc 14, 0, r0, cr0, cr0, {0}", 0xee100e10)), true);
    assert.equal(undefinedIn(0xd3, a("mcr 0, 0, r0, cr0, cr0, {0}", 0xee000010)), true);
    assert.equal(undefinedIn(0xd3, a("cdp 15, 0, cr0, cr0, cr0, {0}", 0xee000f00)), true);
    assert.equal(undefinedIn(0xd3, a("ldc 15, cr0, [r0]", 0xed900f00)), true);
    assert.equal(undefinedIn(0xd3, a("stc 15, cr0, [r0]", 0xed800f00)), true);
    // A condition that fails comes first.
    assert.equal(undefinedIn(0xd3, 0x0e100e10), false);
    assert.equal(undefinedIn(0xd3, 0x07f000f0), false);
    cpu.mmu.mcr(2, 0, 0, 0xa0000000);
    undefinedIn(0xd3, a("mrc 15, 0, APSR_nzcv, cr2, cr0, {0}", 0xee12ff10));
    assert.equal(cpu.cpsr >>> 28, 10);
  },
});

Deno.test({
  name: "Cpu.run() with trapVectors stops after the entry at a high vector, before any fetch",
  permissions: "none",
  fn() {
    const cases: [number, number, (rig: Rig) => void][] = [
      [0xe7f000f0, VECTOR.UNDEFINED, () => {}],
      [a("svc 0x00000000", 0xef000000), VECTOR.SWI, () => {}],
      [a("ldr r0, [r1]", 0xe5910000), VECTOR.DATA_ABORT, MISALIGNED],
      [a("mov r0, r0", 0xe1a00000), VECTOR.IRQ, (rig) => rig.cpu.setIrq(true)],
      [a("mov r0, r0", 0xe1a00000), VECTOR.FIQ, (rig) => rig.cpu.setFiq(true)],
    ];
    const rig = new Rig();
    const { cpu } = rig;
    cpu.trapVectors = true;
    for (const [insn, vector, setUp] of cases) {
      for (const fast of [false, true]) {
        cpu.reset();
        cpu.mmu.mcr(1, 0, 0, V);
        cpu.cpsr = MODE.USR;
        setUp(rig);
        rig.load(RAM, [insn]);
        cpu.pc = RAM;
        const start = rig.clock.now;
        assert.equal(fast ? cpu.run(start + 1000) : cpu.step(), STOP.TRAP);
        assert.equal(cpu.trap, vector);
        assert.equal(cpu.pc, HIGH + vector);
        assert.equal(rig.clock.now - start, 3);
        cpu.setIrq(false);
        cpu.setFiq(false);
        // Low vectors do not trap.
        cpu.reset();
        rig.load(RAM, [a("svc 0x00000000", 0xef000000)]);
        cpu.pc = RAM;
        assert.equal(cpu.step(), STOP.TIME);
      }
    }
    assert.equal(rig.log.length, 0);
  },
});

Deno.test({
  name: "Cpu.run() stops at a wait for interrupt only when no line is active",
  permissions: "none",
  fn() {
    const rig = new Rig();
    const { cpu } = rig;
    cpu.cpsr = MODE.SVC | PSR.I | PSR.F;
    rig.load(RAM, [
      a("mcr 15, 0, r0, cr7, cr0, {4}", 0xee070f90),
      a("mov r0, #1", 0xe3a00001),
      0xeafffffe,
    ]);
    cpu.pc = RAM;
    assert.equal(cpu.run(1000), STOP.WFI);
    assert.equal(cpu.pc, RAM + 4);
    assert.equal(rig.clock.now, 2);
    assert.equal(cpu.instructions, 1);
    assert.equal(cpu.run(10), STOP.TIME);
    assert.equal(cpu.reg(0), 1);
    cpu.setIrq(true); // masked, but active
    cpu.pc = RAM;
    assert.equal(cpu.run(20), STOP.TIME);
    assert.equal(cpu.counters.c7.WAIT, 2);
  },
});

Deno.test({
  name: "Cpu.requestStop() ends the run after the instruction, or the next run at once",
  permissions: "none",
  fn() {
    const rig = new Rig();
    const { cpu } = rig;
    rig.onDevice = () => cpu.requestStop();
    cpu.setReg(1, DEVICE);
    rig.load(RAM, [a("ldr r0, [r1], #4", 0xe4910004), a("mov r2, #1", 0xe3a02001), 0xeafffffe]);
    cpu.pc = RAM;
    assert.equal(cpu.run(1000), STOP.REQUEST);
    assert.equal(cpu.pc, RAM + 4);
    assert.equal(cpu.reg(0), rig.deviceValue);
    assert.equal(cpu.reg(1), DEVICE + 4);
    assert.equal(rig.clock.now, 1);
    assert.equal(cpu.run(10), STOP.TIME);
    cpu.requestStop();
    const now = rig.clock.now;
    assert.equal(cpu.run(1000), STOP.REQUEST);
    assert.equal(rig.clock.now, now);
  },
});

Deno.test({
  name: "Cpu.breakpoints stop before the instruction, and let the next run pass",
  permissions: "none",
  fn() {
    const rig = new Rig();
    const { cpu } = rig;
    rig.load(RAM, [a("add r0, r0, #1", 0xe2800001), a("add r1, r1, #1", 0xe2811001), 0xeafffffc]);
    cpu.pc = RAM;
    cpu.breakpoints.add(RAM + 4);
    for (let i = 1; i <= 3; i++) {
      assert.equal(cpu.run(1000), STOP.BREAK);
      assert.equal(cpu.pc, RAM + 4);
      assert.deepEqual([cpu.reg(0), cpu.reg(1)], [i, i - 1]);
    }
    cpu.breakpoints.clear();
    assert.equal(cpu.run(1000), STOP.TIME);
    // A run that ended by time at the breakpoint has not passed it.
    cpu.pc = RAM;
    cpu.breakpoints.add(RAM + 4);
    assert.equal(cpu.run(rig.clock.now + 1), STOP.TIME);
    assert.equal(cpu.pc, RAM + 4);
    assert.equal(cpu.run(2000), STOP.BREAK);
  },
});

Deno.test({
  name: "Cpu.counters count exceptions by kind",
  permissions: "none",
  fn() {
    const rig = new Rig();
    const { cpu } = rig;
    cpu.cpsr = MODE.SVC;
    rig.execute([a("svc 0x00000001", 0xef000001)]);
    rig.execute([0xe7f000f0]);
    cpu.setIrq(true);
    cpu.cpsr = MODE.SVC;
    cpu.step();
    assert.deepEqual(cpu.counters.exceptions, {
      undefined: 1,
      swi: 1,
      prefetchAbort: 0,
      dataAbort: 0,
      irq: 1,
      fiq: 0,
    });
    assert.equal(cpu.instructions, 1); // the SWI
  },
});
