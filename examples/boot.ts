// Boots two guests for 300 ms of board time and prints their consoles.
import { Lab } from "@understudy/vmm";
import { loadGuest } from "@understudy/vmm/guests";

using lab = await Lab.create({
  vm0: await loadGuest("vm0"),
  guests: [
    { name: "ucos-1", image: await loadGuest("ucos-1") },
    { name: "ucos-2", image: await loadGuest("ucos-2") },
  ],
  backup: "full",
  period: "10ms",
});

for await (const event of lab.run({ for: "300ms" })) {
  if (event.type === "console") console.log(`${event.vm}: ${event.text}`);
  if (event.type === "fault") console.log(`${event.vm}: ${event.kind} at ${event.pc_symbol}`);
}

for (const { vm, state, checkpoints } of lab.summary().vms) {
  console.log(`${vm} is ${state} after ${checkpoints} checkpoints`);
}
