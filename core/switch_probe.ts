/**
 * The points that the monitor passes on its way through an entry, for measurements. Each stands for
 * an instruction of the monitor's code: a part of a switch is what lies between two of them.
 *
 * @module
 */

<<<<<<< HEAD
/**
 * Parts of a switch, as the paper's Fig. 7 and 8 divide it; and what a checkpoint that was declared in
 * a switch costs when it is taken, at the first access after it.
 */
export type SwitchPart = "save" | "switch" | "restore" | "deferred";
=======
/** A point, by the instruction that is about to be executed there. */
export const SWITCH_POINTS = {
  /** The exception is taken. */
  entry: "the instruction at which the exception is taken",
  /** The vector has been followed. */
  handler: "first of the handler, behind the vector's LDR pc",
  /** Begin of a save. */
  save: "save: STR r0, the first register of the interrupted context",
  /** End of a save. */
  saved: "save: behind the STM of PC and CPSR",
  /** Begin of the interrupt's acknowledge. */
  acknowledge: "irq: LDR INTOFFSET",
  /** End of the interrupt's acknowledge. */
  acknowledged: "irq: behind the STR to INTPND",
  /** Begin of a VM's exchange. */
  choose: "reschedule: LDR of the active bitmap",
  /** Begin of a checkpoint. */
  backup: "checkpoint: first instruction",
  /** End of a checkpoint. */
  backedUp: "checkpoint: behind its last instruction",
  /** Another VM has the CPU. */
  vm: "reschedule: behind the MCR of the PID",
  /** Another task of the VM is to run. */
  task: "dispatch: behind the record of the switch",
  /** Begin of a restore. */
  restore: "restore: LDR of the first saved register",
  /** Who was chosen runs. */
  resumed: "restore: behind MOVS pc, the guest's next instruction",
  /** The guest's kernel runs instead. */
  kernel: "kernel entry: behind MOVS pc, the guest's vector",
  /** A hypercall has returned. */
  returned: "hypercall: behind MOVS pc, the guest's next instruction",
  /** A first write is tried again. */
  retry: "first write: behind SUBS pc, the guest's store again",
  /** An error is dealt with. */
  fault: "fault: first instruction of the recovery",
  /** The error has been dealt with. */
  recovered: "fault: behind the last instruction of the recovery",
  /** Nobody has work. */
  idle: "idle: MCR wait for interrupt",
} as const;
>>>>>>> main

/** Name of a point. */
export type SwitchPoint = keyof typeof SWITCH_POINTS;

/** Told of each point that the monitor passes, with the board time in cycles. */
export type SwitchProbe = (point: SwitchPoint, cycle: number) => void;
