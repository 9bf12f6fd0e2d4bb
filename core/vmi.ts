/**
 * The VM interface (VMI): numbers, layouts and error codes that guests and monitor share.
 *
 * Everything here is data. The C header of the guests is generated from these tables, so nothing is
 * kept in step by hand.
 *
 * @module
 */

/** VMI version, in the info page and answered by `HC_VERSION`. */
export const VMI_VERSION = 1;
/** First word of the info page: "VMI1". */
export const VMI_MAGIC = 0x31494d56;
/** Page size of every guest piece, in bytes. */
export const PAGE = 4096;
/** A piece: what one first-level entry maps, in bytes. */
export const PIECE = 0x100000;

/** Guest virtual addresses inside a slot of 32 MB. */
export const SLOT_MAP = {
  /** Kernel piece; the exception vectors are its first eight words. */
  KERNEL: 0x0000_0000,
  /** Common read-only text (API stubs, libgcc), executable by kernel and tasks. */
  COMMON: 0x0010_0000,
  /** First task piece; task i is at TASKS + i MB. */
  TASKS: 0x0020_0000,
  /** First address after the task pieces. */
  TASKS_END: 0x01c0_0000,
  /** Shared piece: message blocks and partitions, open to all tasks; rolls back with the kernel. */
  SHARED: 0x01c0_0000,
  /** VM-to-VM rings. */
  RINGS: 0x01d0_0000,
  /** VMI control page: written by the guest kernel. */
  VMI_CONTROL: 0x01f0_0000,
  /** VMI info page: written by the monitor, read-only for the guest kernel. */
  VMI_INFO: 0x01f0_1000,
  /** Length of a slot. */
  SIZE: 0x0200_0000,
} as const;

/** One named word (or run of bytes) of a page or structure. */
export interface Field {
  /** Name, as in the C header. */
  readonly name: string;
  /** Byte offset. */
  readonly offset: number;
  /** Length in bytes; 4 unless given. */
  readonly size?: number;
  /** Meaning. */
  readonly doc: string;
}

/** Words of the VMI control page. The guest kernel writes them; the monitor reads them unprivileged. */
export const CONTROL_FIELDS: readonly Field[] = [
  { name: "V_I", offset: 0x00, doc: "1 masks virtual interrupts in kernel mode" },
  { name: "V_MASK", offset: 0x04, doc: "a 1 masks the virtual interrupt source of that bit" },
];

/** Words of the VMI info page. Only the monitor writes them. */
export const INFO_FIELDS: readonly Field[] = [
  { name: "MAGIC", offset: 0x00, doc: "VMI_MAGIC" },
  { name: "VERSION", offset: 0x04, doc: "VMI_VERSION" },
  { name: "VM_ID", offset: 0x08, doc: "number of this VM; VM0 is 0" },
  { name: "CUR_TASK", offset: 0x0c, doc: "task being run or interrupted; 0xffffffff: none" },
  { name: "V_PENDING", offset: 0x10, doc: "virtual sources pending and not yet delivered" },
  { name: "V_INTPND", offset: 0x14, doc: "virtual sources delivered by the last virtual IRQ" },
  { name: "V_TICKS", offset: 0x18, doc: "timer periods elapsed since the last delivery" },
  { name: "TASKS", offset: 0x1c, doc: "number of task areas in the manifest" },
  { name: "RDY_GRP", offset: 0x20, doc: "bit y set: some task of priorities 8y..8y+7 is ready" },
  {
    name: "RDY_TBL",
    offset: 0x24,
    size: 8,
    doc: "bit x of byte y: the task of priority 8y+x is ready",
  },
  { name: "IMAGES", offset: 0x2c, doc: "guest images in flash (VM0 only, otherwise 0)" },
  { name: "BOOT_ARG", offset: 0x100, size: 256, doc: "boot argument, NUL-terminated" },
];

/** Virtual interrupt sources (bits of V_PENDING, V_INTPND and V_MASK). */
export const VIRQ = {
  /** Virtual timer period elapsed. */
  TIMER: 0,
  /** Console input is there. */
  CONSOLE: 1,
  /** A message from another VM is there. */
  MESSAGE: 2,
  /** A VM changed state (VM0 only). */
  VM_EVENT: 3,
} as const;

/** One hypercall. Number in r12, arguments in r0-r3, result in r0 (negative: an error code). */
export interface Hypercall {
  /** Name, as in the C header (`HC_...`). */
  readonly name: string;
  /** Number in r12. */
  readonly number: number;
  /** Names of the arguments in r0-r3. */
  readonly args: readonly string[];
  /** Only VM0 may call it, and not for itself where that makes no sense: EPERM. */
  readonly management?: boolean;
  /** Errors it can give, besides EPERM by another guest; none unless given. */
  readonly errors?: readonly VmiErrorName[];
  /** Meaning, result and particular errors. */
  readonly doc: string;
}

/** Flags of `HC_DISPATCH`. */
export const DISPATCH = {
  /** Put `result` in the task's saved r0 first. */
  RESULT: 1,
  /** If no virtual interrupt is pending, block the VM until one is; then deliver it over this task. */
  WAIT: 2,
} as const;

/** Numbers of the hypercalls. */
export const HC = {
  VERSION: 0,
  SETUP: 1,
  CONSOLE_WRITE: 2,
  CONSOLE_READ: 3,
  DISPATCH: 4,
  READY: 5,
  TASK_CREATE: 6,
  TASK_DELETE: 7,
  TASK_PRIO: 8,
  TIMER_SET: 9,
  TIME: 10,
  IRET: 11,
  WAIT: 12,
  CHECKPOINT: 13,
  HALT: 14,
  JOURNAL: 15,
  UNDONE: 16,
  WATCHDOG: 17,
  SEND: 18,
  RECEIVE: 19,
  VM_CREATE: 32,
  VM_START: 33,
  VM_STOP: 34,
  VM_DELETE: 35,
  VM_STATUS: 36,
  VM_BACKUP: 37,
  IMAGE_NAME: 38,
  VM_POLICY: 39,
  VM_LOG: 40,
  VM_CONSOLE: 41,
} as const;

/** The hypercalls: what the dispatcher, the header generator and the documentation use. */
export const HYPERCALLS: readonly Hypercall[] = [
  { name: "VERSION", number: HC.VERSION, args: [], doc: "returns VMI_VERSION" },
  {
    name: "SETUP",
    number: HC.SETUP,
    args: ["vectors", "kernel_sp"],
    errors: ["EINVAL"],
    doc: "registers the address of the exception vectors and the top of the kernel stack",
  },
  {
    name: "CONSOLE_WRITE",
    number: HC.CONSOLE_WRITE,
    args: ["buffer", "length"],
    errors: ["EFAULT"],
    doc: "writes up to 1024 bytes to the VM's console; returns the bytes taken",
  },
  {
    name: "CONSOLE_READ",
    number: HC.CONSOLE_READ,
    args: ["buffer", "length"],
    errors: ["EFAULT"],
    doc: "reads console input that is there; returns the bytes given, 0 when there is none",
  },
  {
    name: "DISPATCH",
    number: HC.DISPATCH,
    args: ["task", "result", "flags"],
    errors: ["EINVAL", "ESTATE"],
    doc:
      "leaves kernel mode for that task; flags: DISPATCH_RESULT, DISPATCH_WAIT. Does not return " +
      "but on an error. A pending virtual interrupt is delivered first",
  },
  {
    name: "READY",
    number: HC.READY,
    args: ["set_priority", "clear_priority"],
    errors: ["EINVAL", "ESTATE"],
    doc: "sets and clears a bit of this VM's row in the unified priority table; -1: none",
  },
  {
    name: "TASK_CREATE",
    number: HC.TASK_CREATE,
    args: ["entry", "argument", "priority", "options"],
    errors: ["EINVAL", "ESTATE", "ENOMEM"],
    doc:
      "makes the task area that holds `entry` a task, with a fresh context (r0 = argument, sp = top " +
      "of its stack) and, from the second time on, fresh data from the image; returns its number. " +
      "It is not made ready",
  },
  {
    name: "TASK_DELETE",
    number: HC.TASK_DELETE,
    args: ["task"],
    errors: ["EINVAL"],
    doc: "ends a task: not ready, its checkpoints void",
  },
  {
    name: "TASK_PRIO",
    number: HC.TASK_PRIO,
    args: ["task", "priority"],
    errors: ["EINVAL", "ESTATE"],
    doc: "tells the monitor a task's priority",
  },
  {
    name: "TIMER_SET",
    number: HC.TIMER_SET,
    args: ["period_us"],
    errors: ["EINVAL"],
    doc:
      "period of the virtual timer in microseconds of its own running time, 100..10000000; 0 stops it",
  },
  {
    name: "TIME",
    number: HC.TIME,
    args: [],
    doc: "virtual time in nanoseconds: low word in r0, high word in r1",
  },
  {
    name: "IRET",
    number: HC.IRET,
    args: [],
    errors: ["ESTATE"],
    doc: "returns from a virtual IRQ that interrupted kernel mode (a guest without tasks)",
  },
  {
    name: "WAIT",
    number: HC.WAIT,
    args: [],
    doc:
      "blocks the VM in kernel mode until a virtual interrupt is pending; returns 0 at once if one is",
  },
  {
    name: "CHECKPOINT",
    number: HC.CHECKPOINT,
    args: ["task"],
    errors: ["EINVAL"],
    doc:
      "asks for a checkpoint of that task, or of the guest (-1), at the next exit from the kernel",
  },
  { name: "HALT", number: HC.HALT, args: ["code"], doc: "ends this VM of its own will" },
  {
    name: "JOURNAL",
    number: HC.JOURNAL,
    args: ["undo", "kinds"],
    errors: ["EINVAL", "EFAULT"],
    doc:
      "registers the undo call-back and the kinds (CALL_...) of kernel calls 0-63, a table of 64 " +
      "bytes; undo 0 takes the registration back. Without one, task errors roll the guest back. " +
      "After a task's rollback the call-back is entered in kernel mode, on the kernel stack, once " +
      "for each consuming call since the checkpoint, newest first: r0 = task, r1 = number of the " +
      "call, r2 = its first argument, r3 = its result; it ends by HC_UNDONE",
  },
  {
    name: "UNDONE",
    number: HC.UNDONE,
    args: [],
    errors: ["ESTATE"],
    doc: "ends the undo call-back; does not return but on an error",
  },
  {
    name: "WATCHDOG",
    number: HC.WATCHDOG,
    args: ["period_us"],
    errors: ["EINVAL"],
    doc: "sets this VM's watchdog and kicks it; it is kicked too whenever the VM waits. 1000.." +
      "60000000 microseconds of its own running time; 0 stops it",
  },
  {
    name: "SEND",
    number: HC.SEND,
    args: ["vm", "buffer", "length"],
    errors: ["EINVAL", "EFAULT", "EAGAIN"],
    doc:
      "sends a message of 1..240 bytes to another VM; VMI_EAGAIN when its ring is full or it has not " +
      "called RECEIVE since its start, VMI_EINVAL when there is no such VM. After a rollback, what was sent already is not sent again",
  },
  {
    name: "RECEIVE",
    number: HC.RECEIVE,
    args: ["buffer", "length"],
    errors: ["EFAULT"],
    doc:
      "takes the oldest message, cut to `length` bytes; returns its length and in r1 the sender, or " +
      "0 when there is none. From the first call on others may send, and the virtual interrupt of a " +
      "message comes; who never calls it is not disturbed",
  },
  {
    name: "VM_CREATE",
    number: HC.VM_CREATE,
    args: ["image"],
    errors: ["EINVAL", "ENOMEM"],
    management: true,
    doc: "creates a VM from image number `image` of the flash; returns the VM's number",
  },
  {
    name: "VM_START",
    number: HC.VM_START,
    args: ["vm"],
    errors: ["EINVAL", "ESTATE", "EPERM"],
    management: true,
    doc: "starts a created VM, or goes on with a stopped one",
  },
  {
    name: "VM_STOP",
    number: HC.VM_STOP,
    args: ["vm"],
    errors: ["EINVAL", "ESTATE", "EPERM"],
    management: true,
    doc: "stops a VM",
  },
  {
    name: "VM_DELETE",
    number: HC.VM_DELETE,
    args: ["vm"],
    errors: ["EINVAL", "EPERM"],
    management: true,
    doc: "deletes a VM and gives its frames back",
  },
  {
    name: "VM_STATUS",
    number: HC.VM_STATUS,
    args: ["vm", "buffer"],
    errors: ["EINVAL", "EFAULT"],
    management: true,
    doc:
      "writes a struct vmi_vm_status to buffer; returns the VM's state, VM_NONE for an empty slot",
  },
  {
    name: "VM_BACKUP",
    number: HC.VM_BACKUP,
    args: ["vm"],
    errors: ["EINVAL", "EPERM"],
    management: true,
    doc: "asks for a checkpoint of that VM at its next switch",
  },
  {
    name: "IMAGE_NAME",
    number: HC.IMAGE_NAME,
    args: ["image", "buffer"],
    errors: ["EINVAL", "EFAULT"],
    management: true,
    doc: "writes the name (16 bytes, NUL-padded) of an image to buffer",
  },
  {
    name: "VM_POLICY",
    number: HC.VM_POLICY,
    args: ["vm", "preset"],
    errors: ["EINVAL", "EPERM"],
    management: true,
    doc: "gives a VM one of the recovery policies POLICY_...",
  },
  {
    name: "VM_LOG",
    number: HC.VM_LOG,
    args: ["index", "buffer"],
    errors: ["EFAULT"],
    management: true,
    doc:
      "writes the index-th newest entry of the monitor's log, a struct vmi_log, to buffer; returns " +
      "1, or 0 when there are no so many",
  },
  {
    name: "VM_CONSOLE",
    number: HC.VM_CONSOLE,
    args: ["vm"],
    errors: ["EINVAL"],
    management: true,
    doc:
      "gives the input of UART0 to that VM until a line that begins with ~ brings it back to VM0",
  },
];

/** Error codes of hypercalls; the C header has them as `VMI_E...`. */
export const VMI_ERROR = {
  /** No such hypercall. */
  ENOSYS: -1,
  /** Not for this VM, or not in this mode. */
  EPERM: -2,
  /** An argument has no allowed value. */
  EINVAL: -3,
  /** An address that the caller may not touch. */
  EFAULT: -4,
  /** Out of frames, tables, tasks or VMs. */
  ENOMEM: -5,
  /** Not in a state in which this can be done. */
  ESTATE: -6,
  /** No room now; try again later. */
  EAGAIN: -7,
} as const;

/** Name of an error code. */
export type VmiErrorName = keyof typeof VMI_ERROR;

/** States of a VM, in `struct vm` and in `vmi_vm_status`. */
export const VM_STATE = {
  NONE: 0,
  CREATED: 1,
  RUNNING: 2,
  WAITING: 3,
  STOPPED: 4,
  FAILED: 5,
  HALTED: 6,
} as const;

/** Names of the VM states by number. */
export const VM_STATE_NAMES: readonly string[] = [
  "none",
  "created",
  "running",
  "waiting",
  "stopped",
  "failed",
  "halted",
];

/** `struct vmi_vm_status`, filled by `HC_VM_STATUS`. */
export const STATUS_FIELDS: readonly Field[] = [
  { name: "state", offset: 0x00, doc: "VM_..." },
  { name: "name", offset: 0x04, size: 16, doc: "name, NUL-padded" },
  { name: "vm_switches", offset: 0x14, doc: "times switched in" },
  { name: "task_switches", offset: 0x18, doc: "task switches" },
  { name: "checkpoints", offset: 0x1c, doc: "checkpoints taken" },
  { name: "faults", offset: 0x20, doc: "faults" },
  { name: "recoveries", offset: 0x24, doc: "recoveries" },
  { name: "tasks", offset: 0x28, doc: "task areas" },
];

/** Kinds of kernel calls, as a guest registers them by `HC_JOURNAL`. */
export const CALL_KIND = {
  /** Changes nothing that another task can see. */
  NEUTRAL: 0,
  /** Takes something (pend, accept, get): undone at a rollback by the kernel's call-back. */
  CONSUMING: 1,
  /** Gives something (post, put, create, output): can't be undone. */
  PRODUCING: 2,
  /** Its result depends on time: logged, so that a replay sees the same. */
  TIME: 3,
} as const;

/** Recovery policies that VM0 can give by number. */
export const POLICY_PRESET = {
  /** The monitor's default. */
  DEFAULT: 0,
  /** Stop at the first error. */
  STOP: 1,
  /** Restart from the image, then stop. */
  RESTART: 2,
  /** The default ladder, and a recovered task goes on at once. */
  IMMEDIATE: 3,
  /** Halt the system. */
  HALT: 4,
} as const;

/** `struct vmi_log`, filled by `HC_VM_LOG`. */
export const LOG_FIELDS: readonly Field[] = [
  { name: "time_lo", offset: 0x00, doc: "board time in ns, low word" },
  { name: "time_hi", offset: 0x04, doc: "high word" },
  { name: "vm", offset: 0x08, doc: "VM number" },
  { name: "task", offset: 0x0c, doc: "task number, 0xffffffff: none" },
  { name: "what", offset: 0x10, doc: "LOG_FAULT, LOG_RECOVERY, LOG_STATE or LOG_REFUSED" },
  {
    name: "detail",
    offset: 0x14,
    doc: "kind of fault, action of the recovery, state of the VM, or number of the refused call",
  },
  { name: "address", offset: 0x18, doc: "PC of a fault, otherwise 0" },
];

/** What a log entry tells of. */
export const LOG_WHAT = { FAULT: 1, RECOVERY: 2, STATE: 3, REFUSED: 4 } as const;

/** Names of the kinds of faults by the number in a log entry. */
export const LOG_FAULTS: readonly string[] = [
  "data-abort",
  "prefetch-abort",
  "undefined",
  "hypercall",
  "watchdog",
  "standby-damaged",
  "table-damaged",
  "text-damaged",
  "privilege",
];

/** Names of the recovery actions by the number in a log entry. */
export const LOG_ACTIONS: readonly string[] = [
  "swap-task",
  "restart-task",
  "stop-task",
  "swap-guest",
  "restart-guest",
  "stop-guest",
  "halt",
  "skip",
  "kill-task",
  "kill-guest",
];

/** The manifest: ELF section `.understudy` (not loaded). A header, then records. */
export const MANIFEST_SECTION = ".understudy";
/** First word of the manifest: "USMF". */
export const MANIFEST_MAGIC = 0x464d5355;
/** Manifest version, second word; the third word is the number of records, the fourth is 0. */
export const MANIFEST_VERSION = 1;
/** Bytes of the manifest header. */
export const MANIFEST_HEADER = 16;
/** Bytes of a manifest record. */
export const MANIFEST_RECORD = 48;

/** Kinds of manifest records. */
export const PIECE_KIND = {
  /** The guest kernel, at SLOT_MAP.KERNEL. */
  KERNEL: 1,
  /** Common read-only text. */
  COMMON: 2,
  /** A task area. */
  TASK: 3,
  /** The shared piece. */
  SHARED: 4,
} as const;

/** A manifest record. All addresses are guest virtual, page-aligned, inside the piece of the kind. */
export const MANIFEST_FIELDS: readonly Field[] = [
  { name: "kind", offset: 0, doc: "PIECE_..." },
  { name: "text_start", offset: 4, doc: "read-only part, start" },
  { name: "text_end", offset: 8, doc: "read-only part, end (exclusive)" },
  { name: "data_start", offset: 12, doc: "data, BSS, heap, start" },
  { name: "data_end", offset: 16, doc: "data, BSS, heap, end" },
  { name: "stack_start", offset: 20, doc: "stack, lowest address; the page below is never mapped" },
  { name: "stack_end", offset: 24, doc: "stack, initial stack pointer" },
  {
    name: "entry",
    offset: 28,
    doc: "entry point (kernel: reset vector; task: its function; else 0)",
  },
  { name: "name", offset: 32, size: 16, doc: "name, NUL-padded" },
];
