import assert from "node:assert/strict";
import fc from "fast-check";
import { Hash64, hashBytes } from "../core/hash.ts";

const core = { permissions: "none" } as const;

Deno.test("updateBytes() does not depend on how the stream is cut", core, () => {
  fc.assert(fc.property(
    fc.uint8Array({ maxLength: 64 }),
    fc.array(fc.nat(9), { minLength: 1, maxLength: 8 }),
    (bytes, cuts) => {
      const hash = new Hash64();
      for (let at = 0, i = 0; at < bytes.length; i++) {
        const end = at + 1 + cuts[i % cuts.length];
        hash.updateBytes(bytes.subarray(at, end));
        at = end;
      }
      assert.equal(hash.hex(), hashBytes(bytes));
    },
  ));
});

Deno.test("update32() is the same as four bytes, at every alignment", core, () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 5 }), fc.integer(), (head, n) => {
    const words = new Hash64();
    words.updateBytes(head);
    words.update32(n);
    words.update32(~n);
    const bytes = new Hash64();
    bytes.updateBytes(head);
    for (const word of [n, ~n]) {
      bytes.updateBytes(Uint8Array.of(word, word >> 8, word >> 16, word >> 24));
    }
    assert.equal(words.hex(), bytes.hex());
  }));
});

Deno.test("restore() goes on as if never interrupted", core, () => {
  fc.assert(fc.property(fc.uint8Array(), fc.uint8Array(), (head, tail) => {
    const saved = new Hash64();
    saved.updateBytes(head);
    const other = new Hash64();
    other.restore(JSON.parse(JSON.stringify(saved.state())));
    other.updateBytes(tail);
    assert.equal(other.hex(), hashBytes(Uint8Array.of(...head, ...tail)));
  }));
});

Deno.test("hex() differs for every stream of a few thousand near ones", core, () => {
  const seen = new Set<string>();
  let streams = 0;
  for (let length = 0; length < 64; length++) {
    const zeros = new Uint8Array(length);
    seen.add(hashBytes(zeros));
    streams++;
    for (let bit = 0; bit < length * 8; bit++) {
      zeros[bit >> 3] = 1 << (bit & 7);
      seen.add(hashBytes(zeros));
      zeros[bit >> 3] = 0;
      streams++;
    }
  }
  assert.equal(seen.size, streams);
  for (const half of [0, 8]) {
    const halves = new Set([...seen].map((hex) => hex.slice(half, half + 8)));
    // Two 32-bit halves of 16,000 streams: a collision or two would be chance, many a defect.
    assert.ok(streams - halves.size < 4, `${streams - halves.size} collisions in half ${half}`);
  }
});

Deno.test("hex() changes about half its bits when one bit of the stream does", core, () => {
  let flipped = 0;
  const trials = 512;
  const bytes = new Uint8Array(64);
  const before = BigInt("0x" + hashBytes(bytes));
  for (let bit = 0; bit < trials; bit++) {
    bytes[bit >> 3] ^= 1 << (bit & 7);
    const changed = BigInt("0x" + hashBytes(bytes)) ^ before;
    flipped += changed.toString(2).replaceAll("0", "").length;
    bytes[bit >> 3] ^= 1 << (bit & 7);
  }
  assert.ok(Math.abs(flipped / trials - 32) < 1.5, `${flipped / trials} of 64 bits`);
});

Deno.test("updateText() keeps texts apart", core, () => {
  const hex = (...texts: string[]) => {
    const hash = new Hash64();
    for (const text of texts) hash.updateText(text);
    return hash.hex();
  };
  assert.notEqual(hex("ab", "c"), hex("a", "bc"));
  assert.notEqual(hex(""), hex());
  assert.equal(hex("Zustand", "ü"), hex("Zustand", "ü"));
});
