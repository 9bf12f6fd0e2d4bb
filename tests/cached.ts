/**
 * Preloaded by `deno task cached`: laboratories have the caches unless a test says otherwise, and a
 * test file in which none had them fails.
 *
 * @module
 */

import { Lab } from "../core/lab.ts";

const { create } = Lab;
let cached = 0;

Lab.create = async (options) => {
  const lab = await create({ cache: true, ...options });
  if (lab.board.mmu.dcache !== null && lab.board.mmu.icache !== null) cached++;
  return lab;
};

Deno.test.afterAll(() => {
  if (cached === 0) throw new Error("no laboratory of this file had caches");
});
