/**
 * What measures the parts of VM and task switches.
 *
 * @module
 */

/**
 * Parts of a switch, as the paper's Fig. 7 and 8 divide it; and what a checkpoint that was declared in
 * a switch costs when it is taken, at the first access after it.
 */
export type SwitchPart = "save" | "switch" | "restore" | "deferred";

/**
 * Told of each measured part of a switch, in order; `backup` is what checkpoints inside the switch
 * took, which is not in `cycles`.
 */
export type SwitchProbe = (
  kind: "vm" | "task",
  part: SwitchPart,
  cycles: number,
  backup: number,
) => void;
