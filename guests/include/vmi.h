/*
 * The VM interface: what guests and monitor share.
 *
 * Generated from core/vmi.ts by `deno task headers`; not to be edited.
 */
#ifndef VMI_H
#define VMI_H

#define VMI_VERSION              1
#define VMI_MAGIC                0x31494d56
#define VMI_PAGE                 0x00001000
#define VMI_PIECE                0x00100000

/* Guest virtual addresses inside a slot. */
#define SLOT_KERNEL              0x00000000
#define SLOT_COMMON              0x00100000
#define SLOT_TASKS               0x00200000
#define SLOT_TASKS_END           0x01c00000
#define SLOT_SHARED              0x01c00000
#define SLOT_RINGS               0x01d00000
#define SLOT_VMI_CONTROL         0x01f00000
#define SLOT_VMI_INFO            0x01f01000
#define SLOT_SIZE                0x02000000

/* Virtual interrupt sources: bit numbers. */
#define VIRQ_TIMER               0
#define VIRQ_CONSOLE             1
#define VIRQ_MESSAGE             2
#define VIRQ_VM_EVENT            3

/* Flags of HC_DISPATCH. */
#define DISPATCH_RESULT          1
#define DISPATCH_WAIT            2

/* Kinds of kernel calls, for HC_JOURNAL. */
#define CALL_NEUTRAL             0
#define CALL_CONSUMING           1
#define CALL_PRODUCING           2
#define CALL_TIME                3

/* Recovery policies of HC_VM_POLICY. */
#define POLICY_DEFAULT           0
#define POLICY_STOP              1
#define POLICY_RESTART           2
#define POLICY_IMMEDIATE         3
#define POLICY_HALT              4

/* What a log entry tells of, and names for its details. */
#define LOG_FAULT                1
#define LOG_RECOVERY             2
#define LOG_STATE                3
#define LOG_REFUSED              4
#define LOG_FAULT_NAMES { "data-abort", "prefetch-abort", "undefined", "hypercall", "watchdog", "standby-damaged", "table-damaged", "text-damaged", "privilege" }
#define LOG_ACTION_NAMES { "swap-task", "restart-task", "stop-task", "swap-guest", "restart-guest", "stop-guest", "halt", "skip", "kill-task", "kill-guest" }

/* Numbers of the hypercalls, in r12. */
#define HC_VERSION               0
#define HC_SETUP                 1
#define HC_CONSOLE_WRITE         2
#define HC_CONSOLE_READ          3
#define HC_DISPATCH              4
#define HC_READY                 5
#define HC_TASK_CREATE           6
#define HC_TASK_DELETE           7
#define HC_TASK_PRIO             8
#define HC_TIMER_SET             9
#define HC_TIME                  10
#define HC_IRET                  11
#define HC_WAIT                  12
#define HC_CHECKPOINT            13
#define HC_HALT                  14
#define HC_JOURNAL               15
#define HC_UNDONE                16
#define HC_WATCHDOG              17
#define HC_SEND                  18
#define HC_RECEIVE               19
#define HC_VM_CREATE             32
#define HC_VM_START              33
#define HC_VM_STOP               34
#define HC_VM_DELETE             35
#define HC_VM_STATUS             36
#define HC_VM_BACKUP             37
#define HC_IMAGE_NAME            38
#define HC_VM_POLICY             39
#define HC_VM_LOG                40
#define HC_VM_CONSOLE            41

/* Results below zero. */
#define VMI_ENOSYS               (-1)
#define VMI_EPERM                (-2)
#define VMI_EINVAL               (-3)
#define VMI_EFAULT               (-4)
#define VMI_ENOMEM               (-5)
#define VMI_ESTATE               (-6)
#define VMI_EAGAIN               (-7)

/* States of a VM. */
#define VM_NONE                  0
#define VM_CREATED               1
#define VM_RUNNING               2
#define VM_WAITING               3
#define VM_STOPPED               4
#define VM_FAILED                5
#define VM_HALTED                6
#define VM_STATES                7

/* The manifest. */
#define MANIFEST_MAGIC           0x464d5355
#define MANIFEST_VERSION         1
#define MANIFEST_HEADER          16
#define MANIFEST_RECORD          48
#define PIECE_KERNEL             1
#define PIECE_COMMON             2
#define PIECE_TASK               3
#define PIECE_SHARED             4

#ifndef __ASSEMBLER__
#include <stddef.h>
#include <stdint.h>

#define VM_STATE_NAMES { "none", "created", "running", "waiting", "stopped", "failed", "halted" }

/* The control page: the guest kernel writes it. */
struct vmi_control {
    uint32_t v_i;                /* 0x000 1 masks virtual interrupts in kernel mode */
    uint32_t v_mask;             /* 0x004 a 1 masks the virtual interrupt source of that bit */
};
_Static_assert(offsetof(struct vmi_control, v_i) == 0x000, "vmi_control.v_i");
_Static_assert(offsetof(struct vmi_control, v_mask) == 0x004, "vmi_control.v_mask");
#define VMI_CONTROL ((volatile struct vmi_control *)SLOT_VMI_CONTROL)

/* The info page: the monitor writes it. */
struct vmi_info {
    uint32_t magic;              /* 0x000 VMI_MAGIC */
    uint32_t version;            /* 0x004 VMI_VERSION */
    uint32_t vm_id;              /* 0x008 number of this VM; VM0 is 0 */
    uint32_t cur_task;           /* 0x00c task being run or interrupted; 0xffffffff: none */
    uint32_t v_pending;          /* 0x010 virtual sources pending and not yet delivered */
    uint32_t v_intpnd;           /* 0x014 virtual sources delivered by the last virtual IRQ */
    uint32_t v_ticks;            /* 0x018 timer periods elapsed since the last delivery */
    uint32_t tasks;              /* 0x01c number of task areas in the manifest */
    uint32_t rdy_grp;            /* 0x020 bit y set: some task of priorities 8y..8y+7 is ready */
    uint8_t  rdy_tbl[8];         /* 0x024 bit x of byte y: the task of priority 8y+x is ready */
    uint32_t images;             /* 0x02c guest images in flash (VM0 only, otherwise 0) */
    uint8_t  reserved_30[208];
    char     boot_arg[256];      /* 0x100 boot argument, NUL-terminated */
};
_Static_assert(offsetof(struct vmi_info, magic) == 0x000, "vmi_info.magic");
_Static_assert(offsetof(struct vmi_info, version) == 0x004, "vmi_info.version");
_Static_assert(offsetof(struct vmi_info, vm_id) == 0x008, "vmi_info.vm_id");
_Static_assert(offsetof(struct vmi_info, cur_task) == 0x00c, "vmi_info.cur_task");
_Static_assert(offsetof(struct vmi_info, v_pending) == 0x010, "vmi_info.v_pending");
_Static_assert(offsetof(struct vmi_info, v_intpnd) == 0x014, "vmi_info.v_intpnd");
_Static_assert(offsetof(struct vmi_info, v_ticks) == 0x018, "vmi_info.v_ticks");
_Static_assert(offsetof(struct vmi_info, tasks) == 0x01c, "vmi_info.tasks");
_Static_assert(offsetof(struct vmi_info, rdy_grp) == 0x020, "vmi_info.rdy_grp");
_Static_assert(offsetof(struct vmi_info, rdy_tbl) == 0x024, "vmi_info.rdy_tbl");
_Static_assert(offsetof(struct vmi_info, images) == 0x02c, "vmi_info.images");
_Static_assert(offsetof(struct vmi_info, boot_arg) == 0x100, "vmi_info.boot_arg");
#define VMI_INFO ((const volatile struct vmi_info *)SLOT_VMI_INFO)

/* What HC_VM_STATUS fills. */
struct vmi_vm_status {
    uint32_t state;              /* 0x000 VM_... */
    char     name[16];           /* 0x004 name, NUL-padded */
    uint32_t vm_switches;        /* 0x014 times switched in */
    uint32_t task_switches;      /* 0x018 task switches */
    uint32_t checkpoints;        /* 0x01c checkpoints taken */
    uint32_t faults;             /* 0x020 faults */
    uint32_t recoveries;         /* 0x024 recoveries */
    uint32_t tasks;              /* 0x028 task areas */
};
_Static_assert(offsetof(struct vmi_vm_status, state) == 0x000, "vmi_vm_status.state");
_Static_assert(offsetof(struct vmi_vm_status, name) == 0x004, "vmi_vm_status.name");
_Static_assert(offsetof(struct vmi_vm_status, vm_switches) == 0x014, "vmi_vm_status.vm_switches");
_Static_assert(offsetof(struct vmi_vm_status, task_switches) == 0x018, "vmi_vm_status.task_switches");
_Static_assert(offsetof(struct vmi_vm_status, checkpoints) == 0x01c, "vmi_vm_status.checkpoints");
_Static_assert(offsetof(struct vmi_vm_status, faults) == 0x020, "vmi_vm_status.faults");
_Static_assert(offsetof(struct vmi_vm_status, recoveries) == 0x024, "vmi_vm_status.recoveries");
_Static_assert(offsetof(struct vmi_vm_status, tasks) == 0x028, "vmi_vm_status.tasks");
struct vmi_log {
    uint32_t time_lo;            /* 0x000 board time in ns, low word */
    uint32_t time_hi;            /* 0x004 high word */
    uint32_t vm;                 /* 0x008 VM number */
    uint32_t task;               /* 0x00c task number, 0xffffffff: none */
    uint32_t what;               /* 0x010 LOG_FAULT, LOG_RECOVERY, LOG_STATE or LOG_REFUSED */
    uint32_t detail;             /* 0x014 kind of fault, action of the recovery, state of the VM, or number of the refused call */
    uint32_t address;            /* 0x018 PC of a fault, otherwise 0 */
};
_Static_assert(offsetof(struct vmi_log, time_lo) == 0x000, "vmi_log.time_lo");
_Static_assert(offsetof(struct vmi_log, time_hi) == 0x004, "vmi_log.time_hi");
_Static_assert(offsetof(struct vmi_log, vm) == 0x008, "vmi_log.vm");
_Static_assert(offsetof(struct vmi_log, task) == 0x00c, "vmi_log.task");
_Static_assert(offsetof(struct vmi_log, what) == 0x010, "vmi_log.what");
_Static_assert(offsetof(struct vmi_log, detail) == 0x014, "vmi_log.detail");
_Static_assert(offsetof(struct vmi_log, address) == 0x018, "vmi_log.address");

/* Hypercalls. Only from kernel mode; all registers but the result's are kept. */
/* returns VMI_VERSION */
static inline int32_t hc_version(void)
{
    register uint32_t r12 __asm__("r12") = HC_VERSION;
    register uint32_t r0 __asm__("r0");
    __asm__ volatile("swi 0" : "=r"(r0) : "r"(r12) : "memory");
    return (int32_t)r0;
}

/* registers the address of the exception vectors and the top of the kernel stack */
static inline int32_t hc_setup(uint32_t vectors, uint32_t kernel_sp)
{
    register uint32_t r12 __asm__("r12") = HC_SETUP;
    register uint32_t r0 __asm__("r0") = vectors;
    register uint32_t r1 __asm__("r1") = kernel_sp;
    __asm__ volatile("swi 0" : "+r"(r0) : "r"(r12), "r"(r1) : "memory");
    return (int32_t)r0;
}

/* writes up to 1024 bytes to the VM's console; returns the bytes taken */
static inline int32_t hc_console_write(uint32_t buffer, uint32_t length)
{
    register uint32_t r12 __asm__("r12") = HC_CONSOLE_WRITE;
    register uint32_t r0 __asm__("r0") = buffer;
    register uint32_t r1 __asm__("r1") = length;
    __asm__ volatile("swi 0" : "+r"(r0) : "r"(r12), "r"(r1) : "memory");
    return (int32_t)r0;
}

/* reads console input that is there; returns the bytes given, 0 when there is none */
static inline int32_t hc_console_read(uint32_t buffer, uint32_t length)
{
    register uint32_t r12 __asm__("r12") = HC_CONSOLE_READ;
    register uint32_t r0 __asm__("r0") = buffer;
    register uint32_t r1 __asm__("r1") = length;
    __asm__ volatile("swi 0" : "+r"(r0) : "r"(r12), "r"(r1) : "memory");
    return (int32_t)r0;
}

/* leaves kernel mode for that task; flags: DISPATCH_RESULT, DISPATCH_WAIT. Does not return but on an error. A pending virtual interrupt is delivered first */
static inline int32_t hc_dispatch(uint32_t task, uint32_t result, uint32_t flags)
{
    register uint32_t r12 __asm__("r12") = HC_DISPATCH;
    register uint32_t r0 __asm__("r0") = task;
    register uint32_t r1 __asm__("r1") = result;
    register uint32_t r2 __asm__("r2") = flags;
    __asm__ volatile("swi 0" : "+r"(r0) : "r"(r12), "r"(r1), "r"(r2) : "memory");
    return (int32_t)r0;
}

/* sets and clears a bit of this VM's row in the unified priority table; -1: none */
static inline int32_t hc_ready(uint32_t set_priority, uint32_t clear_priority)
{
    register uint32_t r12 __asm__("r12") = HC_READY;
    register uint32_t r0 __asm__("r0") = set_priority;
    register uint32_t r1 __asm__("r1") = clear_priority;
    __asm__ volatile("swi 0" : "+r"(r0) : "r"(r12), "r"(r1) : "memory");
    return (int32_t)r0;
}

/* makes the task area that holds `entry` a task, with a fresh context (r0 = argument, sp = top of its stack) and, from the second time on, fresh data from the image; returns its number. It is not made ready */
static inline int32_t hc_task_create(uint32_t entry, uint32_t argument, uint32_t priority, uint32_t options)
{
    register uint32_t r12 __asm__("r12") = HC_TASK_CREATE;
    register uint32_t r0 __asm__("r0") = entry;
    register uint32_t r1 __asm__("r1") = argument;
    register uint32_t r2 __asm__("r2") = priority;
    register uint32_t r3 __asm__("r3") = options;
    __asm__ volatile("swi 0" : "+r"(r0) : "r"(r12), "r"(r1), "r"(r2), "r"(r3) : "memory");
    return (int32_t)r0;
}

/* ends a task: not ready, its checkpoints void */
static inline int32_t hc_task_delete(uint32_t task)
{
    register uint32_t r12 __asm__("r12") = HC_TASK_DELETE;
    register uint32_t r0 __asm__("r0") = task;
    __asm__ volatile("swi 0" : "+r"(r0) : "r"(r12) : "memory");
    return (int32_t)r0;
}

/* tells the monitor a task's priority */
static inline int32_t hc_task_prio(uint32_t task, uint32_t priority)
{
    register uint32_t r12 __asm__("r12") = HC_TASK_PRIO;
    register uint32_t r0 __asm__("r0") = task;
    register uint32_t r1 __asm__("r1") = priority;
    __asm__ volatile("swi 0" : "+r"(r0) : "r"(r12), "r"(r1) : "memory");
    return (int32_t)r0;
}

/* period of the virtual timer in microseconds of its own running time, 100..10000000; 0 stops it */
static inline int32_t hc_timer_set(uint32_t period_us)
{
    register uint32_t r12 __asm__("r12") = HC_TIMER_SET;
    register uint32_t r0 __asm__("r0") = period_us;
    __asm__ volatile("swi 0" : "+r"(r0) : "r"(r12) : "memory");
    return (int32_t)r0;
}

/* virtual time in nanoseconds: low word in r0, high word in r1 */
static inline uint64_t hc_time(void)
{
    register uint32_t r12 __asm__("r12") = HC_TIME;
    register uint32_t r0 __asm__("r0");
    register uint32_t r1 __asm__("r1");
    __asm__ volatile("swi 0" : "=r"(r0), "=r"(r1) : "r"(r12) : "memory");
    return (uint64_t)r1 << 32 | r0;
}

/* returns from a virtual IRQ that interrupted kernel mode (a guest without tasks) */
static inline int32_t hc_iret(void)
{
    register uint32_t r12 __asm__("r12") = HC_IRET;
    register uint32_t r0 __asm__("r0");
    __asm__ volatile("swi 0" : "=r"(r0) : "r"(r12) : "memory");
    return (int32_t)r0;
}

/* blocks the VM in kernel mode until a virtual interrupt is pending; returns 0 at once if one is */
static inline int32_t hc_wait(void)
{
    register uint32_t r12 __asm__("r12") = HC_WAIT;
    register uint32_t r0 __asm__("r0");
    __asm__ volatile("swi 0" : "=r"(r0) : "r"(r12) : "memory");
    return (int32_t)r0;
}

/* asks for a checkpoint of that task, or of the guest (-1), at the next exit from the kernel */
static inline int32_t hc_checkpoint(uint32_t task)
{
    register uint32_t r12 __asm__("r12") = HC_CHECKPOINT;
    register uint32_t r0 __asm__("r0") = task;
    __asm__ volatile("swi 0" : "+r"(r0) : "r"(r12) : "memory");
    return (int32_t)r0;
}

/* ends this VM of its own will */
static inline int32_t hc_halt(uint32_t code)
{
    register uint32_t r12 __asm__("r12") = HC_HALT;
    register uint32_t r0 __asm__("r0") = code;
    __asm__ volatile("swi 0" : "+r"(r0) : "r"(r12) : "memory");
    return (int32_t)r0;
}

/* registers the undo call-back and the kinds (CALL_...) of kernel calls 0-63, a table of 64 bytes; undo 0 takes the registration back. Without one, task errors roll the guest back. After a task's rollback the call-back is entered in kernel mode, on the kernel stack, once for each consuming call since the checkpoint, newest first: r0 = task, r1 = number of the call, r2 = its first argument, r3 = its result; it ends by HC_UNDONE */
static inline int32_t hc_journal(uint32_t undo, uint32_t kinds)
{
    register uint32_t r12 __asm__("r12") = HC_JOURNAL;
    register uint32_t r0 __asm__("r0") = undo;
    register uint32_t r1 __asm__("r1") = kinds;
    __asm__ volatile("swi 0" : "+r"(r0) : "r"(r12), "r"(r1) : "memory");
    return (int32_t)r0;
}

/* ends the undo call-back; does not return but on an error */
static inline int32_t hc_undone(void)
{
    register uint32_t r12 __asm__("r12") = HC_UNDONE;
    register uint32_t r0 __asm__("r0");
    __asm__ volatile("swi 0" : "=r"(r0) : "r"(r12) : "memory");
    return (int32_t)r0;
}

/* sets this VM's watchdog and kicks it; it is kicked too whenever the VM waits. 1000..60000000 microseconds of its own running time; 0 stops it */
static inline int32_t hc_watchdog(uint32_t period_us)
{
    register uint32_t r12 __asm__("r12") = HC_WATCHDOG;
    register uint32_t r0 __asm__("r0") = period_us;
    __asm__ volatile("swi 0" : "+r"(r0) : "r"(r12) : "memory");
    return (int32_t)r0;
}

/* sends a message of 1..240 bytes to another VM; VMI_EAGAIN when its ring is full or it has not called RECEIVE since its start, VMI_EINVAL when there is no such VM. After a rollback, what was sent already is not sent again */
static inline int32_t hc_send(uint32_t vm, uint32_t buffer, uint32_t length)
{
    register uint32_t r12 __asm__("r12") = HC_SEND;
    register uint32_t r0 __asm__("r0") = vm;
    register uint32_t r1 __asm__("r1") = buffer;
    register uint32_t r2 __asm__("r2") = length;
    __asm__ volatile("swi 0" : "+r"(r0) : "r"(r12), "r"(r1), "r"(r2) : "memory");
    return (int32_t)r0;
}

/* takes the oldest message, cut to `length` bytes; returns its length and in r1 the sender, or 0 when there is none. From the first call on others may send, and the virtual interrupt of a message comes; who never calls it is not disturbed */
static inline uint64_t hc_receive(uint32_t buffer, uint32_t length)
{
    register uint32_t r12 __asm__("r12") = HC_RECEIVE;
    register uint32_t r0 __asm__("r0") = buffer;
    register uint32_t r1 __asm__("r1") = length;
    __asm__ volatile("swi 0" : "+r"(r0), "+r"(r1) : "r"(r12) : "memory");
    return (uint64_t)r1 << 32 | r0;
}

/* creates a VM from image number `image` of the flash; returns the VM's number */
static inline int32_t hc_vm_create(uint32_t image)
{
    register uint32_t r12 __asm__("r12") = HC_VM_CREATE;
    register uint32_t r0 __asm__("r0") = image;
    __asm__ volatile("swi 0" : "+r"(r0) : "r"(r12) : "memory");
    return (int32_t)r0;
}

/* starts a created VM, or goes on with a stopped one */
static inline int32_t hc_vm_start(uint32_t vm)
{
    register uint32_t r12 __asm__("r12") = HC_VM_START;
    register uint32_t r0 __asm__("r0") = vm;
    __asm__ volatile("swi 0" : "+r"(r0) : "r"(r12) : "memory");
    return (int32_t)r0;
}

/* stops a VM */
static inline int32_t hc_vm_stop(uint32_t vm)
{
    register uint32_t r12 __asm__("r12") = HC_VM_STOP;
    register uint32_t r0 __asm__("r0") = vm;
    __asm__ volatile("swi 0" : "+r"(r0) : "r"(r12) : "memory");
    return (int32_t)r0;
}

/* deletes a VM and gives its frames back */
static inline int32_t hc_vm_delete(uint32_t vm)
{
    register uint32_t r12 __asm__("r12") = HC_VM_DELETE;
    register uint32_t r0 __asm__("r0") = vm;
    __asm__ volatile("swi 0" : "+r"(r0) : "r"(r12) : "memory");
    return (int32_t)r0;
}

/* writes a struct vmi_vm_status to buffer; returns the VM's state, VM_NONE for an empty slot */
static inline int32_t hc_vm_status(uint32_t vm, uint32_t buffer)
{
    register uint32_t r12 __asm__("r12") = HC_VM_STATUS;
    register uint32_t r0 __asm__("r0") = vm;
    register uint32_t r1 __asm__("r1") = buffer;
    __asm__ volatile("swi 0" : "+r"(r0) : "r"(r12), "r"(r1) : "memory");
    return (int32_t)r0;
}

/* asks for a checkpoint of that VM at its next switch */
static inline int32_t hc_vm_backup(uint32_t vm)
{
    register uint32_t r12 __asm__("r12") = HC_VM_BACKUP;
    register uint32_t r0 __asm__("r0") = vm;
    __asm__ volatile("swi 0" : "+r"(r0) : "r"(r12) : "memory");
    return (int32_t)r0;
}

/* writes the name (16 bytes, NUL-padded) of an image to buffer */
static inline int32_t hc_image_name(uint32_t image, uint32_t buffer)
{
    register uint32_t r12 __asm__("r12") = HC_IMAGE_NAME;
    register uint32_t r0 __asm__("r0") = image;
    register uint32_t r1 __asm__("r1") = buffer;
    __asm__ volatile("swi 0" : "+r"(r0) : "r"(r12), "r"(r1) : "memory");
    return (int32_t)r0;
}

/* gives a VM one of the recovery policies POLICY_... */
static inline int32_t hc_vm_policy(uint32_t vm, uint32_t preset)
{
    register uint32_t r12 __asm__("r12") = HC_VM_POLICY;
    register uint32_t r0 __asm__("r0") = vm;
    register uint32_t r1 __asm__("r1") = preset;
    __asm__ volatile("swi 0" : "+r"(r0) : "r"(r12), "r"(r1) : "memory");
    return (int32_t)r0;
}

/* writes the index-th newest entry of the monitor's log, a struct vmi_log, to buffer; returns 1, or 0 when there are no so many */
static inline int32_t hc_vm_log(uint32_t index, uint32_t buffer)
{
    register uint32_t r12 __asm__("r12") = HC_VM_LOG;
    register uint32_t r0 __asm__("r0") = index;
    register uint32_t r1 __asm__("r1") = buffer;
    __asm__ volatile("swi 0" : "+r"(r0) : "r"(r12), "r"(r1) : "memory");
    return (int32_t)r0;
}

/* gives the input of UART0 to that VM until a line that begins with ~ brings it back to VM0 */
static inline int32_t hc_vm_console(uint32_t vm)
{
    register uint32_t r12 __asm__("r12") = HC_VM_CONSOLE;
    register uint32_t r0 __asm__("r0") = vm;
    __asm__ volatile("swi 0" : "+r"(r0) : "r"(r12) : "memory");
    return (int32_t)r0;
}

#endif
#endif
