import assert from "node:assert/strict";
import fc from "fast-check";
import { hex32, mulHighSigned, mulHighUnsigned, popcount, rotateRight } from "../core/bits.ts";

const word = fc.oneof(
  fc.integer(),
  fc.constantFrom(0, 1, -1, 0x7fffffff, -0x80000000, 0xffff, 0x10000, -0x10000),
);

Deno.test({
  name: "mulHighUnsigned() and mulHighSigned() give the upper word of the product",
  permissions: "none",
  fn() {
    fc.assert(fc.property(word, word, (x, y) => {
      const unsigned = BigInt.asUintN(32, BigInt(x)) * BigInt.asUintN(32, BigInt(y));
      assert.equal(mulHighUnsigned(x, y), Number(BigInt.asIntN(32, unsigned >> 32n)));
      const signed = BigInt(x) * BigInt(y);
      assert.equal(mulHighSigned(x, y), Number(BigInt.asIntN(32, signed >> 32n)));
    }));
  },
});

Deno.test({
  name: "rotateRight() moves the low bits to the top",
  permissions: "none",
  fn() {
    fc.assert(fc.property(word, fc.integer({ min: 0, max: 64 }), (x, n) => {
      const digits = (x >>> 0).toString(2).padStart(32, "0");
      const cut = (64 - n) % 32;
      const rotated = digits.slice(cut) + digits.slice(0, cut);
      assert.equal(rotateRight(x, n) >>> 0, parseInt(rotated, 2));
    }));
  },
});

Deno.test({
  name: "popcount() counts the ones",
  permissions: "none",
  fn() {
    fc.assert(fc.property(word, (x) => {
      assert.equal(popcount(x), (x >>> 0).toString(2).replaceAll("0", "").length);
    }));
  },
});

Deno.test({
  name: "hex32() gives eight digits",
  permissions: "none",
  fn() {
    assert.equal(hex32(-1), "0xffffffff");
    assert.equal(hex32(0x30), "0x00000030");
  },
});
