/**
 * What measures the parts of VM and task switches.
 *
 * @module
 */

/** Parts of a switch, as the paper's Fig. 7 and 8 divide it. */
export type SwitchPart = "save" | "switch" | "restore";

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
