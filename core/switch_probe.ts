/**
 * The points that the monitor passes on its way through an entry, for measurements. Each stands for
 * an instruction of the monitor's code: a part of a switch is what lies between two of them.
 *
 * @module
 */

/** A point, by the instruction that is about to be executed there. */
export const SWITCH_POINTS = {
  /** The exception is taken. */
  entry: "the instruction at which the exception is taken",
  /** The vector has been followed. */
  handler: "first of the handler, behind the vector's B",
  /** Begin of a save. */
  save: "save_call: STMIA sp, {r0-r14}^; save_irq: SUB lr",
  /** End of a save. */
  saved: "save_call, save_irq: behind STMDB of PC and CPSR",
  /** Begin of the interrupt's acknowledge. */
  acknowledge: "acknowledge: MOV r6, #INTC",
  /** End of the interrupt's acknowledge. */
  acknowledged: "acknowledge: behind the STR to INTPND",
  /** Begin of a VM's exchange: the tick's work is done. */
  choose: "switch_vm: LDR of the current VM",
  /** A kernel gives the CPU to a task. */
  dispatch: "dispatch: CMP r0, #25, the task's number",
  /** Begin of a checkpoint. */
  backup: "checkpoint: first instruction",
  /** End of a checkpoint. */
  backedUp: "checkpoint: behind its last instruction",
  /** Another VM has the CPU. */
  vm: "enter: behind the MCR of the PID",
  /** Another task of the VM is to run. */
  task: "dispatch: behind the last STR or BHI of the one that leaves",
  /** Begin of a restore. */
  restore: "restore: LDMDB sp, {r1, lr}, CPSR and PC",
  /** Who was chosen runs. */
  resumed: "restore: behind MOVS pc, the guest's next instruction",
  /** The guest's kernel runs instead. */
  kernel: "kernel_call: behind MOVS pc, the guest's vector",
  /** A hypercall has returned. */
  returned: "hypercall: behind MOVS pc, the guest's next instruction",
  /** A first write is tried again. */
  retry: "abort_return: behind LDMIA ..pc}^, the guest's store again",
  /** A checkpoint that was declared has been taken: the first access is tried again. */
  touched: "abort_return: behind LDMIA ..pc}^, the guest's first access again",
  /** An error is dealt with. */
  fault: "fault: first instruction of the recovery",
  /** The error has been dealt with. */
  recovered: "fault: behind the last instruction of the recovery",
  /** Nobody has work. */
  idle: "idle: MCR wait for interrupt",
} as const;

/** Name of a point. */
export type SwitchPoint = keyof typeof SWITCH_POINTS;

/** Told of each point that the monitor passes, with the board time in cycles. */
export type SwitchProbe = (point: SwitchPoint, cycle: number) => void;
