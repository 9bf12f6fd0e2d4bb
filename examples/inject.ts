// Flips bits of a guest's program counter, one in each run, and counts what became of it.
import { type LabOptions, parseFault, runFault } from "@understudy/vmm";
import { loadGuest } from "@understudy/vmm/guests";

const options: LabOptions = {
  guests: [{ name: "compute", image: await loadGuest("compute"), arg: "20" }],
};
const outcomes = new Map<string, number>();

for (let bit = 0; bit < 32; bit += 6) {
  const fault = parseFault(`reg:pc:${bit}@t=25ms`);
  const { outcome, detail } = await runFault(options, "compute", fault, 200e6);
  console.log(`bit ${bit}: ${outcome} (${detail})`);
  outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
}

for (const [outcome, count] of outcomes) console.log(`${count} ${outcome}`);
