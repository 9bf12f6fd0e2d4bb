// What a task switch is charged with each backup strategy, beside the paper's figures.
import { benchSwitch, type LabOptions } from "@understudy/vmm";
import { loadGuest } from "@understudy/vmm/guests";

const options: LabOptions = {
  guests: [{ name: "ucos-2", image: await loadGuest("ucos-2") }],
};

for (const row of await benchSwitch(options, "task", ["off", "full"], "300ms")) {
  if (row.part !== "total") continue;
  const { strategy, count, ns, paper_ns, label } = row;
  console.log(
    `${strategy}: ${ns.median} ns over ${count} switches, ${label}; paper ${paper_ns} ns`,
  );
}
