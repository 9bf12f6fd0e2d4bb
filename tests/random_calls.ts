/**
 * A guest that makes random hypercalls for ever: any number, and arguments that are small numbers,
 * addresses of its own, or anything.
 *
 * @module
 */

import { HC, SLOT_MAP } from "../core/vmi.ts";
import { imm, KERNEL_DATA, plainGuest, R0, R1, R12, R2, R4, R5, SWI } from "./mini_guest.ts";

/** `mul rd, rm, rs`. */
const mul = (rd: number, rm: number, rs: number) => (0xe000_0090 | rd << 16 | rs << 8 | rm) >>> 0;

/**
 * Makes the guest. Its numbers come from a generator that takes the time in now and then, so that it
 * does not go the same way again after a rollback. It never waits or halts: a call that would is
 * another one; and vectors that it has set it sets back.
 *
 * @param seed First number of the generator.
 */
export function randomCalls(seed: number): Uint8Array {
  return plainGuest({
    dataPages: 2,
    main: (c) => {
      c.swi(HC.TIMER_SET, 1000).li(R4, seed).mov(R5, imm(0));
      c.label("l").add(R5, imm(1)).op("tst", 0, R5, imm(63)).b("draw", "ne");
      c.swi(HC.TIME).op("eor", R4, R4, R0);
      c.label("draw").li(R0, 69069).put(mul(R4, R4, R0)).add(R4, imm(1));
      c.put(0xe1a0_0004, 0xe1a0_1184, 0xe1a0_2424, 0xe1a0_3824); // mov r0, r4; r1-r3: shifted
      // Each argument as it is, small, or an address in the guest's data.
      [R0, R1, R2].forEach((rn, i) => {
        const [small, whole] = [c.unique(), c.unique()];
        c.op("tst", 0, R4, imm(0x100 << i)).b(whole, "ne").op("and", rn, rn, imm(0xff));
        c.op("tst", 0, R4, imm(0x800 << i)).b(whole, "ne").label(small);
        c.add(rn, imm(KERNEL_DATA)).label(whole);
      });
      c.put(0xe1a0_cd24); // mov r12, r4, lsr #26
      for (const number of [HC.HALT, HC.WAIT]) c.cmp(R12, imm(number)).mov(R12, imm(0), "eq");
      c.put(SWI).cmp(R12, imm(HC.SETUP)).b("l", "ne");
      // Its own interrupts go on to be taken where they are expected.
      c.swi(HC.SETUP, SLOT_MAP.KERNEL, KERNEL_DATA).b("l");
    },
  });
}
