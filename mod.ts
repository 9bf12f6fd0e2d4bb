/**
 * Understudy: a virtual machine monitor that keeps a standby image of every guest and of every
 * task, and the laboratory around it.
 *
 * ```ts
 * import { Lab } from "@understudy/vmm";
 * import { loadGuest } from "@understudy/vmm/guests";
 *
 * using lab = await Lab.create({
 *   vm0: await loadGuest("vm0"),
 *   guests: [{ name: "ucos-1", image: await loadGuest("ucos-1") }],
 * });
 * for await (const event of lab.run({ for: "100ms" })) {
 *   if (event.type === "console") console.log(event.vm, event.text);
 * }
 * ```
 *
 * @module
 */

export * from "./core/errors.ts";
export * from "./core/lab.ts";
export * from "./core/trace.ts";
export { parseTime } from "./core/time.ts";
export { type Fault, parseFault } from "./core/fault.ts";
export { dumpMonitor, type PageTableRow } from "./core/dump.ts";
export {
  checkPolicy,
  DEFAULT_POLICY,
  type LadderStep,
  type RecoveryPolicy,
} from "./core/policy.ts";
export { loadImage } from "./core/loader.ts";
export { type FaultResult, type Outcome, runFault } from "./core/campaign.ts";
export { type BenchRow, benchSwitch, type Spread } from "./core/bench.ts";
