import assert from "node:assert/strict";
import fc from "fast-check";
import { arbitrate, SOURCE, SUBSOURCE } from "../core/s3c2440_intc.ts";
import { INT, Rig } from "./s3c2440_rig.ts";

const core = { permissions: "none" } as const;

Deno.test(
  "a request goes through SRCPND, INTPND and IRQ, and ends in the order of the manual",
  core,
  () => {
    const rig = new Rig();
    rig.soc.intc.raise(SOURCE.TIMER4);
    assert.equal(rig.read(INT.SRCPND), 1 << 14, "whatever the mask");
    assert.equal(rig.read(INT.INTPND), 0);
    assert.equal(rig.irq, false);

    rig.write(INT.INTMSK, ~(1 << 14));
    assert.equal(rig.read(INT.INTPND), 1 << 14);
    assert.equal(rig.read(INT.INTOFFSET), 14);
    assert.equal(rig.irq, true);
    assert.equal(rig.fiq, false);

    rig.write(INT.INTPND, 1 << 14);
    assert.equal(rig.read(INT.INTPND), 1 << 14, "SRCPND was not cleared first: it comes back");
    rig.write(INT.SRCPND, 1 << 14);
    assert.equal(rig.irq, true);
    rig.write(INT.INTPND, 1 << 14);
    assert.equal(rig.read(INT.INTPND), 0);
    assert.equal(rig.read(INT.INTOFFSET), 0);
    assert.equal(rig.irq, false);
  },
);

Deno.test("INTPND keeps its bit when a higher source comes or its own is masked", core, () => {
  const rig = new Rig();
  rig.write(INT.INTMSK, 0);
  rig.soc.intc.raise(SOURCE.ADC);
  rig.soc.intc.raise(SOURCE.EINT0);
  assert.equal(rig.read(INT.INTOFFSET), SOURCE.ADC);
  rig.write(INT.INTMSK, 0xffff_ffff);
  assert.equal(rig.read(INT.INTOFFSET), SOURCE.ADC);
  rig.write(INT.INTMSK, 0);
  rig.write(INT.SRCPND, 1 << 31);
  rig.write(INT.INTPND, 1 << 31);
  assert.equal(rig.read(INT.INTOFFSET), SOURCE.EINT0);
  assert.equal(rig.read(INT.INTPND), 1);
});

Deno.test("INTMOD makes a source FIQ, which INTMSK gates and INTPND never shows", core, () => {
  const rig = new Rig();
  rig.write(INT.INTMOD, 1 << SOURCE.TIMER0);
  rig.soc.intc.raise(SOURCE.TIMER0);
  assert.equal(rig.fiq, false);
  rig.write(INT.INTMSK, ~(1 << SOURCE.TIMER0));
  assert.deepEqual([rig.fiq, rig.irq, rig.read(INT.INTPND)], [true, false, 0]);
  rig.write(INT.SRCPND, 1 << SOURCE.TIMER0);
  assert.equal(rig.fiq, false);
});

Deno.test("sub-sources request through their source unless INTSUBMSK masks them", core, () => {
  const groups: [keyof typeof SUBSOURCE, keyof typeof SOURCE][] = [
    ["RXD0", "UART0"],
    ["TXD0", "UART0"],
    ["ERR0", "UART0"],
    ["RXD1", "UART1"],
    ["ERR1", "UART1"],
    ["TXD2", "UART2"],
    ["ERR2", "UART2"],
    ["TC", "ADC"],
    ["ADC", "ADC"],
    ["CAM_C", "CAM"],
    ["CAM_P", "CAM"],
    ["WDT", "WDT_AC97"],
    ["AC97", "WDT_AC97"],
  ];
  for (const [sub, source] of groups) {
    const rig = new Rig();
    rig.write(INT.INTMSK, 0);
    rig.soc.intc.raiseSub(SUBSOURCE[sub]);
    assert.equal(rig.read(INT.SUBSRCPND), 1 << SUBSOURCE[sub], sub);
    assert.equal(rig.irq, false, sub);
    rig.write(INT.INTSUBMSK, ~(1 << SUBSOURCE[sub]));
    assert.equal(rig.read(INT.INTPND), (1 << SOURCE[source]) >>> 0, sub);
    assert.equal(rig.irq, true, sub);
    rig.write(INT.SUBSRCPND, 0xffff_ffff);
    rig.write(INT.SRCPND, 0xffff_ffff);
    rig.write(INT.INTPND, 0xffff_ffff);
    assert.equal(rig.irq, false, sub);
  }
});

Deno.test("a level keeps requesting until its line is inactive", core, () => {
  const rig = new Rig();
  rig.write(INT.INTMSK, 0);
  rig.write(INT.INTSUBMSK, 0);
  const acknowledge = () => {
    for (const register of [INT.SUBSRCPND, INT.SRCPND, INT.INTPND]) {
      rig.write(register, 0xffff_ffff);
    }
  };
  rig.soc.intc.setLevel(SOURCE.LCD, true);
  rig.soc.intc.setSubLevel(SUBSOURCE.RXD1, true);
  for (let i = 0; i < 3; i++) {
    acknowledge();
    assert.equal(rig.irq, true);
  }
  rig.soc.intc.setLevel(SOURCE.LCD, false);
  rig.soc.intc.setSubLevel(SUBSOURCE.RXD1, false);
  assert.equal(rig.irq, true, "SRCPND still holds the requests");
  acknowledge();
  acknowledge();
  assert.equal(rig.irq, false);
});

/** The manual's words as lists: each arbiter keeps its REQ1-REQ4 in a ring. */
class PlainArbiters {
  readonly sources: (number | null)[][] = [
    [null, 0, 1, 2, 3, null],
    [4, 5, 6, 7, 8, 9],
    [10, 11, 12, 13, 14, 15],
    [16, 17, 18, 19, 20, 21],
    [22, 23, 24, 25, 26, 27],
    [null, 28, 29, 30, 31, null],
  ];
  readonly rings: number[][] = Array.from({ length: 7 }, () => [1, 2, 3, 4]);

  constructor(readonly mode: number, selects: readonly number[]) {
    selects.forEach((select, i) => {
      for (let n = 0; n < select; n++) this.rings[i].push(this.rings[i].shift()!);
    });
  }

  grant(requests: ReadonlySet<number>): number {
    const ready = (arbiter: number, request: number): boolean => {
      if (arbiter === 6) return [0, 1, 2, 3, 4, 5].some((q) => ready(request, q));
      const source = this.sources[arbiter][request];
      return source !== null && requests.has(source);
    };
    const take = (arbiter: number): number => {
      const request = [0, ...this.rings[arbiter], 5].find((q) => ready(arbiter, q))!;
      if ((this.mode >> arbiter) & 1) {
        const ring = this.rings[arbiter];
        if (ring.includes(request)) { while (ring[3] !== request) ring.push(ring.shift()!); }
      }
      return request;
    };
    const arbiter = take(6);
    return this.sources[arbiter][take(arbiter)]!;
  }

  get priority(): number {
    return this.rings.reduce((value, ring, i) => value | ((ring[0] - 1) << (7 + 2 * i)), this.mode);
  }
}

Deno.test("arbitrate() serves and rotates like a plain model of the manual's words", core, () => {
  fc.assert(
    fc.property(
      fc.nat(0x7f),
      fc.array(fc.nat(3), { minLength: 7, maxLength: 7 }),
      fc.array(fc.uniqueArray(fc.nat(31), { minLength: 1 }), {
        minLength: 1,
        maxLength: 20,
      }),
      (mode, selects, rounds) => {
        const model = new PlainArbiters(mode, selects);
        let priority = model.priority;
        for (const sources of rounds) {
          const requests = sources.reduce((bits, source) => bits | (1 << source), 0);
          const grant = arbitrate(requests, priority);
          assert.equal(grant.source, model.grant(new Set(sources)));
          priority = grant.priority;
          assert.equal(priority, model.priority);
        }
      },
    ),
    { numRuns: 500 },
  );
});

Deno.test("rotation serves all four timers that request all the time", core, () => {
  const rig = new Rig();
  const timers = 0xf << SOURCE.TIMER1;
  rig.write(INT.INTMSK, ~timers);
  const served: number[] = [];
  for (let i = 0; i < 8; i++) {
    for (let n = 0; n < 4; n++) rig.soc.intc.raise(SOURCE.TIMER1 + n);
    const offset = rig.read(INT.INTOFFSET);
    served.push(offset);
    rig.write(INT.SRCPND, 1 << offset);
    rig.write(INT.INTPND, 1 << offset);
  }
  assert.deepEqual(served, [11, 12, 13, 14, 11, 12, 13, 14]);
});
