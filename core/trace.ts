/**
 * What a run reports: events of the monitor, one JSON object a line in `--json`.
 *
 * Times (`t`) are whole nanoseconds of board time. Every event is part of the trace hash.
 *
 * @module
 */

import type { Maintenance } from "./maintenance.ts";

/** A guest wrote a line (or a part of one, when the run ended) to its console. */
export interface ConsoleEvent {
  /** Which event it is. */
  type: "console";
  /** Board time, ns. */
  t: number;
  /** VM name. */
  vm: string;
  /** Task that wrote, where the guest has tasks. */
  task?: string;
  /** The text, without its line end. */
  text: string;
}

/** Who was running when an error was raised. */
export type FaultClass = "task" | "guest" | "vmm";

/** What raised an error. */
export type FaultKind =
  | "data-abort"
  | "prefetch-abort"
  | "undefined"
  | "hypercall"
  | "watchdog"
  | "standby-damaged"
  | "table-damaged"
  | "text-damaged"
  | "privilege";

/** An error was detected. */
export interface FaultEvent {
  /** Which event it is. */
  type: "fault";
  /** Board time, ns. */
  t: number;
  /** VM name; "vmm" for the monitor's own. */
  vm: string;
  /** Task that was running, for class `task`. */
  task?: string;
  /** Class: who was running. */
  class: FaultClass;
  /** What raised it. */
  kind: FaultKind;
  /** Fault status, decoded ("domain-page"), for aborts. */
  fsr?: string;
  /** Fault address (MVA), for data aborts. */
  far?: string;
  /** Symbol of the fault address in the guest. */
  far_symbol?: string;
  /** Address of the instruction (guest virtual). */
  pc: string;
  /** Symbol of the instruction's address. */
  pc_symbol?: string;
  /** The instruction, disassembled. */
  instruction?: string;
  /** More words, where needed. */
  detail?: string;
}

/** What the recovery did. */
export type RecoveryAction =
  | "swap-task"
  | "restart-task"
  | "stop-task"
  | "swap-guest"
  | "restart-guest"
  | "stop-guest"
  | "halt"
  | "skip"
  | "kill-task"
  | "kill-guest";

/** A recovery was carried out. */
export interface RecoveryEvent {
  /** Which event it is. */
  type: "recovery";
  /** Board time at its end, ns. */
  t: number;
  /** VM name; "vmm" when the system halts. */
  vm: string;
  /** Task, for the task actions. */
  task?: string;
  /** What was done. */
  action: RecoveryAction;
  /** 0: newest checkpoint; 1: the one before, ...; -1: none used. */
  generation: number;
  /** Nanoseconds of work given up: from the checkpoint to the fault; -1: not from a checkpoint. */
  lost: number;
  /** Cycles charged for the recovery. */
  cycles: number;
  /** What it did to TLBs, caches and write buffer, when it did anything. */
  maintenance?: Maintenance;
}

/** Another VM got the CPU. */
export interface SwitchVmEvent {
  /** Which event it is. */
  type: "switch-vm";
  /** Board time, ns. */
  t: number;
  /** VM switched out. */
  from: string;
  /** VM switched in. */
  to: string;
}

/** Another task of a VM got the CPU. */
export interface SwitchTaskEvent {
  /** Which event it is. */
  type: "switch-task";
  /** Board time, ns. */
  t: number;
  /** VM name. */
  vm: string;
  /** Task switched out ("-": none). */
  from: string;
  /** Task switched in. */
  to: string;
}

/** A checkpoint was committed. */
export interface CheckpointEvent {
  /** Which event it is. */
  type: "checkpoint";
  /** Board time, ns. */
  t: number;
  /** VM name. */
  vm: string;
  /** Task, for a task checkpoint; absent for a guest's. */
  task?: string;
  /** Sequence number in its VM. */
  seq: number;
  /** Pages copied at the switch. */
  pages: number;
  /** What it did to TLBs, caches and write buffer, when it did anything. */
  maintenance?: Maintenance;
}

/** A VM was created, started, stopped, ... */
export interface VmEvent {
  /** Which event it is. */
  type: "vm";
  /** Board time, ns. */
  t: number;
  /** VM name. */
  vm: string;
  /** New state (VM_STATE_NAMES). */
  state: string;
  /** Why, in a few words. */
  reason: string;
}

/** The monitor refused a hypercall. */
export interface RefusedEvent {
  /** Which event it is. */
  type: "refused";
  /** Board time, ns. */
  t: number;
  /** VM name. */
  vm: string;
  /** Name or number of the hypercall. */
  call: string;
  /** Name of the error code. */
  error: string;
  /** Refusals of this VM so far; past the first hundred only doublings are told. */
  count: number;
}

/** A unit lost its protection (no frames left, or strategy `off`). */
export interface UnprotectedEvent {
  /** Which event it is. */
  type: "unprotected";
  /** Board time, ns. */
  t: number;
  /** VM name. */
  vm: string;
  /** Task, for a task's unit. */
  task?: string;
  /** Why. */
  reason: string;
}

/** A fault was injected. */
export interface InjectEvent {
  /** Which event it is. */
  type: "inject";
  /** Board time, ns. */
  t: number;
  /** VM it was aimed at. */
  vm: string;
  /** The fault as written by the user. */
  fault: string;
  /** Value before and after, or why it did not fire. */
  detail: string;
}

/** Console input of the laboratory's plan went out. */
export interface InputEvent {
  /** Which event it is. */
  type: "input";
  /** Board time, ns. */
  t: number;
  /** VM it was meant for. */
  vm: string;
  /** The text. */
  text: string;
  /** Bytes taken: less than there are when the VM is not there or its buffer is full. */
  taken: number;
}

/** A VM was managed from outside. */
export interface ManageEvent {
  /** Which event it is. */
  type: "manage";
  /** Board time, ns. */
  t: number;
  /** What was to be done. */
  action: string;
  /** VM, or image, it was to be done to. */
  vm: string;
  /** "done", or why not. */
  result: string;
}

/** The monitor itself failed: the system stopped. */
export interface PostMortemEvent {
  /** Which event it is. */
  type: "post-mortem";
  /** Board time, ns. */
  t: number;
  /** What failed, in words. */
  reason: string;
  /** Lines of registers and tables. */
  lines: string[];
}

/** What a task came to. */
export interface TaskSummary {
  /** Name from the manifest. */
  task: string;
  /** "ready", "waiting", "stopped", "absent". */
  state: string;
  /** Times dispatched. */
  dispatched: number;
  /** Kernel calls made. */
  calls: number;
  /** Cycles it ran. */
  cycles: number;
  /** Checkpoints taken of it. */
  checkpoints: number;
  /** Faults it raised. */
  faults: number;
  /** Recoveries of it. */
  recoveries: number;
  /** Console lines it wrote. */
  lines: number;
}

/** What a VM came to. */
export interface VmSummary {
  /** VM name. */
  vm: string;
  /** State (VM_STATE_NAMES). */
  state: string;
  /** Times switched in. */
  switches: number;
  /** Task switches inside. */
  task_switches: number;
  /** Guest checkpoints. */
  checkpoints: number;
  /** Faults of the VM and its tasks. */
  faults: number;
  /** Recoveries of the VM and its tasks. */
  recoveries: number;
  /** Hypercalls made. */
  hypercalls: number;
  /** Console bytes written. */
  console_bytes: number;
  /** Cycles the VM ran. */
  cycles: number;
  /** Its tasks. */
  tasks: TaskSummary[];
  /** Hash over console bytes and hypercalls, without times. */
  content_hash: string;
  /** Hash over all events of the VM, with times. */
  trace_hash: string;
}

/** The last event of a run. */
export interface SummaryEvent {
  /** Which event it is. */
  type: "summary";
  /** Board time at the end, ns. */
  t: number;
  /** "ended" as asked, "stopped" by a class-3 error, "aborted" by the caller, "idle" for ever. */
  outcome: "ended" | "stopped" | "aborted";
  /** Cycles of board time. */
  cycles: number;
  /** Cycles in which no VM had work. */
  idle_cycles: number;
  /** Cycles charged to the monitor. */
  vmm_cycles: number;
  /** Instructions the CPU retired. */
  instructions: number;
  /** Seed of the run. */
  seed: number;
  /** The VMs. */
  vms: VmSummary[];
  /** Hash of the whole trace. */
  hash: string;
}

/** Everything a run reports. */
export type TraceEvent =
  | ConsoleEvent
  | FaultEvent
  | RecoveryEvent
  | SwitchVmEvent
  | SwitchTaskEvent
  | CheckpointEvent
  | VmEvent
  | RefusedEvent
  | UnprotectedEvent
  | InjectEvent
  | InputEvent
  | ManageEvent
  | PostMortemEvent
  | SummaryEvent;
