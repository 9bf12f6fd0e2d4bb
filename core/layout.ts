/**
 * Where the monitor keeps what it knows: its address map and the records in emulated SDRAM.
 *
 * The monitor holds no state about guests outside these records (DESIGN "no hidden monitor state").
 * Every constant is a byte offset unless its comment says otherwise; 64-bit values are two words,
 * low word first.
 *
 * @module
 */

/** Physical (= virtual) addresses of the monitor's region. */
export const MAP = {
  /** First byte of SDRAM. */
  SDRAM: 0x3000_0000,
  /**
   * Monitor text: exception vectors, then its routines. Seen at VECTORS, too, where the vectors and
   * the hand-written routines are executed.
   */
  TEXT: 0x3000_0000,
  /** The idle loop: two instructions, really executed. */
  IDLE: 0x3000_0fc0,
  /** End of the monitor's text. */
  TEXT_END: 0x3004_0000,
  /** Frame records, 16 bytes a guest frame. */
  FRAMES: 0x3004_0000,
  /** Master first-level table, 16 KB. */
  MASTER: 0x3010_0000,
  /** Second-level table of the vectors' megabyte. */
  VECTOR_TABLE: 0x3010_4000,
  /** Cycles the monitor was charged (64); not cached, as it is written past the core. */
  VMM_CYCLES: 0x3010_4400,
  /** What is counted for reports only (METER): one block a VM slot; not cached either. */
  METERS: 0x3010_8000,
  /** Second-level tables of the guests (not cached). */
  TABLES: 0x3012_0000,
  /** End of the second-level tables. */
  TABLES_END: 0x3080_0000,
  /** Global record (GLOBAL): an address that one MOV makes. */
  GLOBAL: 0x3080_0000,
  /** Directory: one pointer to a VM record per slot, then one to the VM of nobody. */
  VM_TABLE: 0x3080_1000,
  /** Domain records, 16. */
  DOMAINS: 0x3080_1400,
  /** Bitmap of the arena's pages. */
  ARENA_MAP: 0x3080_2000,
  /** Log: LOG_ENTRIES of 32 bytes. */
  LOG: 0x3080_3000,
  /** VM records and all that hangs from them. */
  ARENA: 0x3080_4000,
  /** End of the arena. */
  ARENA_END: 0x3100_0000,
  /** First guest frame; the pool goes to the end of SDRAM. */
  POOL: 0x3100_0000,
  /** High exception vectors. */
  VECTORS: 0xffff_0000,
  /** Guest images in flash. */
  FLASH: 0x0000_0000,
} as const;

/** MVA of slot 0 of the guests: PID 48. */
export const SLOT_BASE = 0x6000_0000;
/** PID of VM 0. */
export const SLOT_PID = 48;
/** Slots. */
export const MAX_VMS = 78;
/** No VM, no task. */
export const NONE = 0xffff_ffff;

/** Global record. Its first words are those that every entry, call and switch needs. */
export const GLOBAL = {
  /** Where an exception entry puts SPSR and return address while it changes the mode. */
  ENTRY_CPSR: 0x00,
  ENTRY_PC: 0x04,
  /** Record of the current VM, 0 when idle. */
  CURRENT: 0x08,
  /** Ticks of the monitor's timer + 1, and EAGER: what checkpoints fall due by. */
  NOW: 0x0c,
  /** Counts each domain given away, from 1; DACR images made before are void. */
  DOMAIN_EPOCH: 0x10,
  /** The set of VMs (RUN_SET) that may run and have slice left, and that of those who have none. */
  ACTIVE: 0x14,
  EXPIRED: 0x18,
  /** "USVM". */
  MAGIC: 0x1c,
  /** The two sets of VMs. */
  SETS: 0x20,
  /** Domain that is recycled next. */
  DOMAIN_NEXT: 0x40,
  /** Free frames. */
  FREE_COUNT: 0x48,
  /** All frames of the pool. */
  FRAME_COUNT: 0x4c,
  /** First free second-level table (they are chained through their first word), 0: none. */
  TABLE_FREE: 0x50,
  /** Next never used second-level table. */
  TABLE_NEXT: 0x54,
  /** Ticks of the monitor's timer. */
  TICKS: 0x58,
  /** Images in flash. */
  IMAGES: 0x5c,
  /** Checkpoint strategy (STRATEGY). */
  STRATEGY: 0x60,
  /** Checkpoint period, ticks. */
  PERIOD: 0x64,
  /** Time slice, eighths of a tick. */
  SLICE: 0x68,
  /** Stopped by a class-3 error. */
  STOPPED: 0x6c,
  /** Recovery policy that new VMs get (POLICY). */
  POLICY: 0x70,
  /** Checksums of standby pages, of the contexts of checkpoints and of text, verified before use. */
  CHECKSUMS: 0x104,
  /** 1: slot 0 and the first image are VM0's. */
  HAS_VM0: 0x108,
  /** Kept generations of guest checkpoints. */
  GENERATIONS: 0x10c,
  /** Checkpoints at every Nth switch-out; 0 or 1: at each one that the period allows; see KEEP. */
  EVERY: 0x114,
  /** JOURNAL_MODE. */
  JOURNAL: 0x118,
  /** 1: fixed time slots (SCHEDULE). */
  SCHEDULE: 0x11c,
  /** VM whose slot it is, 0: guard or none. */
  SLOT_VM: 0x120,
  /** Board time of tick 0 of the monitor's timer (64), and cycles of a tick. */
  TICK_BASE: 0x124,
  TICK_CYCLES: 0x12c,
  /** Default watchdog of VMs, ticks. */
  WATCHDOG: 0x130,
  /** Refused hypercalls of one VM inside the storm window that are an error, 0: never. */
  STORM_LIMIT: 0x138,
  /** Storm window, ticks. */
  STORM_WINDOW: 0x13c,
  /** 1: timer periods lost in a rollback are made up for. */
  CATCH_UP: 0x140,
  /** 1: console output is held until the next checkpoint. */
  OUTPUT_COMMIT: 0x144,
  /** Number of the VM that UART0 input goes to. */
  CONSOLE_VM: 0x148,
  /** 1: the last UART0 byte ended a line. */
  CONSOLE_LINE: 0x14c,
  /** Log entries ever written. */
  LOG_COUNT: 0x150,
  /** Where the scrubber goes on: VM slot, piece. */
  SCRUB_VM: 0x154,
  SCRUB_PIECE: 0x158,
  /** Ticks between steps of the scrubber, 0: off. */
  SCRUB_EVERY: 0x15c,
  /** First free frame of each of the four banks of the SDRAM, 0: none. */
  FREE_HEAD: 0x160,
  /** Context of the idle loop: there is always one to save in. */
  IDLE_CONTEXT: 0x188,
  SIZE: 0x200,
  /** Words that an abort keeps while it is looked at; they end here. */
  ABORT_STACK: 0x280,
  /** First words of the VM of nobody, whom a choice finds when no VM may run. */
  NOBODY: 0x300,
  /** Number of the lowest set bit of each 10-bit number, bytes; 10 for none. */
  LOWEST: 0x800,
} as const;

/** A set of VMs: the groups of 8 that are not empty, then a byte for each group. */
export const RUN_SET = { GROUPS: 0x00, BYTES: 0x04, SIZE: 0x10 } as const;
/** Bit of NOW and of what is compared with it: checkpoints copy at once. */
export const EAGER = 0x8000_0000;

/** Recovery policy: in the global record and in each VM's. */
export const POLICY = {
  /** Ladder window, cycles (64). */
  WINDOW: 0x00,
  /** RESUME. */
  RESUME: 0x08,
  /** CLASSIFY. */
  CLASSIFY: 0x0c,
  /** Ladder of task errors: 8 steps of action, limit. */
  TASK: 0x10,
  /** Ladder of guest errors. */
  GUEST: 0x50,
  SIZE: 0x90,
} as const;

/** What is done about kernel calls since a task's checkpoint (R3). */
export const JOURNAL_MODE = { OFF: 0, COMMIT: 1, LOG: 2 } as const;
/** Their names, by number. */
export const JOURNAL_NAMES: readonly string[] = ["off", "commit", "log"];

/** An entry of a task's journal. */
export const CALL = {
  NUMBER: 0,
  R0: 4,
  R1: 8,
  R2: 12,
  R3: 16,
  RESULT: 20,
  DONE: 24,
  SIZE: 28,
} as const;
/** Entries of a journal. */
export const JOURNAL_ENTRIES = 32;

/** Entries of the monitor's log. */
export const LOG_ENTRIES = 64;
/** Bytes of a unit's ring of console output: a half for what is held, a half for what was shown. */
export const HELD_OUTPUT = 1024;

/** Magic of the global record: "USVM". */
export const GLOBAL_MAGIC = 0x4d565355;

/**
 * A saved context. Its address is that of r0, which r13_svc holds as long as the context is the one to
 * be saved in next: an entry begins with `STM sp, {r0-r14}^`.
 */
export const CONTEXT = {
  CPSR: -8,
  PC: -4,
  /** r0-r14: 15 words. */
  R0: 0,
  SP: 52,
  LR: 56,
  /** Live checkpoints that name this slot (I6), and TWINNED while it has a copy that they name. */
  REFS: 60,
  /** Where the next save goes when it has been restored: itself, or another slot if it is named. */
  NEXT: 64,
  /** Checksum of a copy, with checksums. */
  STAMP: 68,
  /** First byte. */
  START: -8,
  /** Bytes of the registers. */
  BYTES: 68,
  SIZE: 96,
  /** Bit of the address: set in that of a kernel's context, clear in a task's. */
  KERNEL: 16,
} as const;

/**
 * VM record (`struct vm` of the paper: `active_pt`, `backup_pt`, `task_pt[]` and
 * `task_backup_pt[]` are the A_TABLE and B_TABLE of the pieces of its units).
 */
export const VM = {
  ID: 0x00,
  /** What the monitor holds for the guest and a cut saves and a rollback restores. */
  HELD: 0x04,
  /** The kernel's r13 and r14 at entry. */
  KERNEL_SP: 0x04,
  KERNEL_LR: 0x08,
  VECTORS: 0x0c,
  /** Unit of the current task, the kernel's when there is none. */
  CUR_UNIT: 0x10,
  /** Context that is restored when it gets the CPU; r13_svc while it has it. */
  SLOT: 0x14,
  V_PENDING: 0x18,
  V_INTPND: 0x1c,
  V_TICKS: 0x20,
  /** Cycles (64). */
  TIMER_PERIOD: 0x24,
  /** Board time of the next timer period (64). */
  TIMER_NEXT: 0x2c,
  RDY_GRP: 0x34,
  RDY_TBL: 0x38,
  /** Priority + 1 of a task that sits out until the next tick (`resume: yield`), 0: none. */
  SIT_OUT: 0x40,
  /** 1: IRQ_CONTEXT is in use. */
  IN_IRQ: 0x44,
  /** 1: VM waits for a virtual interrupt. */
  WAITING: 0x48,
  /** Timer periods that have passed and were not delivered yet. */
  TICKS_OWED: 0x4c,
  /** Ticks in which it ran since the last delivery of the timer. */
  RAN: 0x50,
  /** Undo call-back, 0: none registered. */
  UNDO: 0x54,
  /** Read index of the console input ring. */
  INPUT_READ: 0x58,
  /** Read index of the message ring. */
  MESSAGE_READ: 0x5c,
  /** Messages sent so far. */
  SEND_SEQ: 0x60,
  /** Task + 1 whose calls are being undone, 0: none; next entry; GO_ON after it. */
  UNDO_TASK: 0x64,
  UNDO_NEXT: 0x68,
  UNDO_GO_ON: 0x6c,
  /** Kinds of kernel calls that are journalled: 64 bytes of CALL_KIND. */
  CALL_KINDS: 0x70,
  /** Task number + 1 of each priority: 64 bytes. */
  PRIORITY_TASK: 0xb0,
  /** Kernel-mode context, when the VM lost the CPU there. */
  KERNEL_CONTEXT: 0xf8,
  /** Kernel-mode context interrupted by a virtual IRQ (guest without tasks). */
  IRQ_CONTEXT: 0x148,
  HELD_END: 0x184,
  /** DOMAIN_EPOCH as long as nothing but the next task's context is to be looked at; else NONE. */
  FAST: 0x1a0,
  /** What is written to c13. */
  PID: 0x1a4,
  /** DACR with which it goes on; DACR_MONITOR: its cut is still to be taken. */
  DACR: 0x1a8,
  /** Its cut falls due when NOW is above; NONE: there are none. */
  DUE: 0x1ac,
  SWITCHES: 0x1b0,
  /** A checkpoint of the guest is still to be taken (CUT_DUE). */
  CUT_DUE: 0x1b4,
  /** Physical address of the VMI info page (the monitor writes it there, not cached). */
  INFO: 0x1b8,
  TASK_SWITCHES: 0x1bc,
  /** 1: a guest without tasks: kernel mode is checkpointed and interrupted. */
  PLAIN: 0x1c0,
  STATE: 0x1c4,
  NAME: 0x1c8,
  IMAGE: 0x1d8,
  UNITS: 0x1dc,
  UNIT_COUNT: 0x1e0,
  PIECES: 0x1e4,
  PIECE_COUNT: 0x1e8,
  PAGES: 0x1ec,
  PAGE_COUNT: 0x1f0,
  CONTEXTS: 0x1f4,
  CONTEXT_SLOTS: 0x1f8,
  CUTS: 0x1fc,
  CUT_SIZE: 0x200,
  BLOCK_PAGES: 0x204,
  /** Checkpoint sequence number, one counter a VM. */
  SEQ: 0x208,
  /** Newest cut, 0: none. */
  CUT: 0x20c,
  /** 1: a task has made a journalled call since its kernel was left last. */
  JOURNALED: 0x210,
  /** Slice left, eighths of a tick (signed). */
  SLICE: 0x214,
  /** Ladder: failures at the present step, present step, start of the window (64). */
  LADDER_COUNT: 0x21c,
  LADDER_STEP: 0x220,
  LADDER_START: 0x224,
  CHECKPOINTS: 0x22c,
  FAULTS: 0x230,
  RECOVERIES: 0x234,
  CONSOLE_BYTES: 0x238,
  REFUSED: 0x23c,
  /** Switches-out since the last cut, where the period is given in switches. */
  SWITCH_COUNT: 0x240,
  INPUT_WRITE: 0x244,
  MESSAGE_WRITE: 0x248,
  /** Most messages ever sent: a restarted guest goes on counting from here. */
  SEND_MAX: 0x24c,
  /** Watchdog period, ticks, 0: off; tick of the last kick. */
  WATCHDOG: 0x250,
  KICKED: 0x254,
  /** Refused hypercalls in the present window, and the tick at which it began. */
  STORM_COUNT: 0x258,
  STORM_START: 0x25c,
  /** Board time lost in rollbacks (64): virtual time is board time less this. */
  LOST: 0x260,
  /** Checkpoint being taken, 0: none; its versions are needed although no record names it yet. */
  TAKING: 0x268,
  /** Task areas: units 2 to TASK_COUNT + 1. */
  TASK_COUNT: 0x26c,
  /** Index of the shared piece's unit, 0: the guest declares none. */
  SHARED: 0x270,
  /** 1: the guest has asked for messages since its start, so others may send it some. */
  LISTENS: 0x274,
  /** Not 0: the guest has said that it has no cut; holds as long as {@linkcode CUT} is 0. */
  TOLD: 0x278,
  /** Ticks in which it ran since it last rested or kicked its watchdog. */
  UNKICKED: 0x27c,
  /** Piece record of each megabyte of the slot, 0: none. 32 words. */
  PIECE_MAP: 0x280,
  /** Recovery policy of this VM (POLICY). */
  POLICY: 0x300,
  /** Last message number taken from each sender: one word a slot. */
  ACCEPTED: 0x390,
  /** Unit records: room for the most there can be (MOST). */
  UNIT_AREA: 0x500,
  MESSAGES: 0x3f00,
  INPUT: 0x4f00,
  SIZE: 0x5000,
} as const;

/** CUT_DUE: the VM has left the CPU as the cut is to have it, and DUE is NOW of then; or it was asked. */
export const CUT_DUE = { NONE: 0, DECLARED: 1, ASKED: 2 } as const;

/** Bytes of the console input ring. */
export const INPUT_RING = 256;
/** Messages of a VM's ring, and bytes of one slot. */
export const MESSAGE_RING = 16;
/** A message slot. */
export const MESSAGE = { SENDER: 0, SEQ: 4, LENGTH: 8, DATA: 12, SIZE: 256, MAX: 240 } as const;

/** Unit record: the kernel (unit 0), the common text (unit 1), the tasks, then the shared piece. */
export const UNIT = {
  /** DOMAIN_EPOCH for which its DACR images are right, 0: its next dispatch has more to do. */
  EPOCH: 0x00,
  /** Task number, NONE for the others. */
  TASK: 0x04,
  /** DACR while it runs in task mode, and in kernel mode; DACR_MONITOR: its checkpoint is owed. */
  DACR_TASK: 0x08,
  DACR_KERNEL: 0x0c,
  /** Its checkpoint falls due when NOW is above. */
  DUE: 0x10,
  /** Held state, saved by a cut. */
  HELD: 0x14,
  /** Context in which the next save is made, or from which the next restore comes. */
  SLOT: 0x14,
  /** TASK_STATE. */
  STATE: 0x18,
  PRIORITY: 0x1c,
  INCARNATION: 0x20,
  START: 0x24,
  ARGUMENT: 0x28,
  /** With output commit: bytes written to the console so far. */
  OUTPUT_MADE: 0x2c,
  HELD_END: 0x30,
  NAME: 0x30,
  /** Its domain, CLOSED_DOMAIN when it has none. */
  DOMAIN: 0x40,
  FIRST_PIECE: 0x44,
  PIECE_COUNT: 0x48,
  FIRST_PAGE: 0x4c,
  PAGE_COUNT: 0x50,
  /** Newest checkpoint that covers it. */
  LAST: 0x54,
  /** What a swap returns to: its newest checkpoint, 0: nothing. */
  TARGET: 0x58,
  /** Task checkpoints kept: number, and index of the newest in RING. */
  RING_COUNT: 0x5c,
  RING_HEAD: 0x60,
  CHECKPOINTS: 0x64,
  FAULTS: 0x68,
  RECOVERIES: 0x6c,
  LADDER_COUNT: 0x70,
  LADDER_STEP: 0x74,
  LADDER_START: 0x78,
  /** Addresses of the image: entry and initial stack pointer. */
  ENTRY: 0x80,
  STACK: 0x84,
  /** 1: the pool ran out, it has no standby until its next checkpoint. */
  UNPROTECTED: 0x88,
  /** Its VM record. */
  VM: 0x8c,
  /** Its index in the VM. */
  INDEX: 0x90,
  /** Pages written since LAST: first page record. */
  DIRTY_HEAD: 0x94,
  /** Pages whose standby and spare entries and versions are to be put right. */
  REPAIR_HEAD: 0x98,
  /** Clean pages that still have versions. */
  KEPT_HEAD: 0x9c,
  /** Copies made so far, pages. */
  COPIES: 0xa0,
  /** Switches-out since the last checkpoint, where the period is given in switches. */
  SWITCH_COUNT: 0xa4,
  /** Journal of kernel calls since TARGET: entries, their number. */
  JOURNAL: 0xa8,
  JOURNAL_COUNT: 0xac,
  /** 1: the call in the newest entry has not finished. */
  CALL_OPEN: 0xb0,
  /** Entry + 1 that the next call is held against (replay), 0: no replay. */
  REPLAY: 0xb4,
  /** Ring of the last console output. */
  OUTPUT: 0xb8,
  /** Of OUTPUT_MADE, bytes that have been shown: more than were made, after a rollback. */
  OUTPUT_SHOWN: 0xbc,
  /** With checksums, while the context in SLOT is at rest and TWINNED: its copy, for checkpoints. */
  TWIN: 0xc0,
  KIND: 0xc4,
  /** Task checkpoints (RING), newest at RING_HEAD. */
  RING: 0x100,
  SIZE: 0x200,
} as const;

/** What is counted for reports only, past the core: of a VM, then of each of its units. */
export const METER = {
  /** Cycles it ran (64), and since when it runs (64). */
  CYCLES: 0x00,
  SINCE: 0x08,
  /** Hypercalls of a VM, dispatches of a unit. */
  COUNT: 0x10,
  /** Kernel calls of a unit. */
  CALLS: 0x14,
  UNITS: 0x20,
  UNIT_SIZE: 0x20,
  SIZE: 0x400,
} as const;

/** Entry of a unit's ring of task checkpoints. */
export const RING = {
  SEQ: 0x00,
  SLOT: 0x04,
  INCARNATION: 0x08,
  /** Board time (64). */
  TIME: 0x0c,
  /** Calls journalled between it and the next newer one. */
  CALLS: 0x14,
  /** Copy of UNIT.OUTPUT_MADE. */
  OUTPUT: 0x18,
  SIZE: 0x1c,
} as const;

/** Most kept generations. */
export const MAX_GENERATIONS = 8;

/** The most there can be of what records count: more is damage. */
export const MOST = {
  /** Units of a VM: kernel, common text, tasks, shared piece. */
  UNITS: 29,
  /** Task areas of a VM: a megabyte each. */
  TASKS: 26,
  /** Pieces of a VM. */
  PIECES: 32,
  /** Pages of a VM, a unit or a piece. */
  PAGES: 8192,
  /** Versions of a page. */
  VERSIONS: 256,
  /** Pages of a VM's block in the arena. */
  BLOCK: 2048,
} as const;

/**
 * Kinds of units. The shared piece (message blocks, partitions) is open to every task of its guest. It
 * goes with the kernel: a guest's checkpoints cover it, a task's do not (R4).
 */
export const UNIT_KIND = { KERNEL: 0, COMMON: 1, TASK: 2, SHARED: 3 } as const;
/** States of a task area. */
export const TASK_STATE = { ABSENT: 0, CREATED: 1, STOPPED: 2 } as const;

/** Piece record: one first-level entry and its three second-level tables (I3). */
export const PIECE_REC = {
  /** First address in the slot. */
  VA: 0x00,
  UNIT: 0x04,
  /** activePt: installed. */
  A_TABLE: 0x08,
  /** backupPt: the standby's. */
  B_TABLE: 0x0c,
  /** Spare. */
  C_TABLE: 0x10,
  FIRST_PAGE: 0x14,
  PAGE_COUNT: 0x18,
  /** Address of its page map: 256 halfwords, page record index + 1 of each 4 KB. */
  MAP: 0x1c,
  SIZE: 0x20,
} as const;

/** In GLOBAL.EVERY: with checksums, contexts are copied as soon as their tasks leave the CPU. */
export const KEEP = 0x1_0000;
/** In CONTEXT.REFS: the slot has a copy that checkpoints name in its place. */
export const TWINNED = 0x100;

/** Bytes of a page map. */
export const PAGE_MAP_SIZE = 512;

/** Page record. */
export const PAGE_REC = {
  /** VA in the slot | kind (PAGE_KIND) << 4 | PAGE_FLAG. */
  VA: 0x00,
  /** Physical address of the active frame. */
  ACTIVE: 0x04,
  /** Oldest version: physical address of its frame, 0: none. */
  HEAD: 0x08,
  /** Newest version. */
  TAIL: 0x0c,
  /** Piece index. */
  PIECE: 0x10,
  /** Unit index. */
  UNIT: 0x14,
  /** UNIT.LAST at its first write since then: equal to it as long as the page is dirty. */
  WRITTEN: 0x18,
  /** The same word of a page that is never written: checksum of its content, with checksums. */
  SUM: 0x18,
  /** Neighbours in the one list it is in (DIRTY, REPAIR or KEPT of its unit). */
  NEXT: 0x1c,
  PREVIOUS: 0x20,
  /** 1: it is in a list. */
  LISTED: 0x24,
  /** Check word of VA and ACTIVE (R7). */
  STAMP: 0x28,
  SIZE: 0x2c,
} as const;

/** Flags of a page record. */
export const PAGE_FLAG = { WRITABLE: 1 } as const;

/** What a page is for. */
export const PAGE_KIND = {
  TEXT: 0,
  DATA: 1,
  STACK: 2,
  CONTROL: 3,
  INFO: 4,
} as const;

/** Frame record. */
export const FRAME = {
  /** FRAME_STATE | VM << 8 | page record index << 16. */
  STATE: 0x00,
  /** Checkpoint of a version. */
  TAG: 0x04,
  /** Next newer version of the page, or next free frame. */
  NEXT: 0x08,
  /** Checksum of a version, when asked for. */
  STAMP: 0x0c,
  SIZE: 0x10,
} as const;

/** Where a frame is (I4). */
export const FRAME_STATE = { FREE: 0, ACTIVE: 1, VERSION: 2 } as const;

/** Cut record: a guest checkpoint's held state. Task entries follow. */
export const CUT = {
  SEQ: 0x00,
  TIME: 0x04,
  /** Copy of VM.HELD..HELD_END. */
  HELD: 0x10,
  TASKS: 0x10 + (VM.HELD_END - VM.HELD),
  /** Bytes of a task entry: copy of UNIT.HELD..HELD_END. */
  TASK_SIZE: UNIT.HELD_END - UNIT.HELD,
} as const;

/** Domain record: the unit that holds it, 0: free. */
export const DOMAIN = { UNIT: 0x00, SIZE: 0x04 } as const;
/** The domain of units that have none; never opened. */
export const CLOSED_DOMAIN = 1;
/** First domain of the pool. */
export const FIRST_DOMAIN = 2;

/** Checkpoint strategies. */
export const STRATEGY = { OFF: 0, FULL: 1, DIRTY: 2, COW: 3 } as const;
/** Their names, by number. */
export const STRATEGY_NAMES: readonly string[] = ["off", "full", "dirty", "cow"];

/** Actions of a ladder. */
export const ACTION = {
  NONE: 0,
  SWAP: 1,
  OLDER: 2,
  RESTART: 3,
  STOP: 4,
  HALT: 5,
  SKIP: 6,
  KILL: 7,
  GUEST: 8,
} as const;
/** Their names, by number. */
export const ACTION_NAMES: readonly string[] = [
  "none",
  "swap",
  "older",
  "restart",
  "stop",
  "halt",
  "skip",
  "kill",
  "guest",
];

/** What happens after a task swap. */
export const RESUME = { YIELD: 0, IMMEDIATE: 1 } as const;
/** By what an error is classed. */
export const CLASSIFY = { CONTEXT: 0, PC: 1, FAR: 2 } as const;

/** Flash directory. */
export const FLASH_DIR = {
  MAGIC: 0x00,
  COUNT: 0x04,
  /** 1: the first image is VM0's. */
  HAS_VM0: 0x08,
  ENTRIES: 0x40,
  NAME: 0x00,
  OFFSET: 0x10,
  LENGTH: 0x14,
  /** Hash of the image: 16 hexadecimal digits. */
  HASH: 0x18,
  ARGUMENT: 0x40,
  ENTRY_SIZE: 0x140,
} as const;
/** Magic of the flash directory: "USFL". */
export const FLASH_MAGIC = 0x4c465355;
