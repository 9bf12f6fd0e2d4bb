// What a task switch costs with copy on write and without, beside the paper's figures.
import { benchSwitch } from "@understudy/vmm";
import { loadGuest } from "@understudy/vmm/guests";

const guests = { sweep: await loadGuest("sweep"), relay: await loadGuest("relay") };
const { rows } = await benchSwitch(guests, "task", {
  strategies: ["off", "cow"],
  caches: ["warm"],
  timed: 0,
});
for (const { strategy, part, count, ns, paper_ns } of rows) {
  if (part !== "total") continue;
  console.log(`${strategy}: ${ns.median} ns over ${count} switches; paper ${paper_ns} ns`);
}
