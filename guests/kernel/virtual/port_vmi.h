/*
 * The machine under the kernel is the monitor: contexts, ready bits, console and timer are its.
 */
#ifndef PORT_VMI_H
#define PORT_VMI_H

#include "ucos_ii.h"
#include "vmi.h"

#define PORT_NONE       ((INT32U)-1)
#define PORT_TICK       (1u << VIRQ_TIMER)      /* interrupt sources */
#define PORT_INPUT      (1u << VIRQ_CONSOLE)
#define PORT_MESSAGE    (1u << VIRQ_MESSAGE)

/* Area of the task that ran when the kernel was entered. Asked at each entry, never remembered:
 * after a recovery the monitor may have gone on with another task. */
static inline INT32U port_current(void)
{
    return VMI_INFO->cur_task;
}

/* Sets and clears a bit of the unified priority table; PORT_NONE: none. */
static inline void port_ready(INT32U set, INT32U clear)
{
    hc_ready(set, clear);
}

/* The two levels of the priority table. */
static inline INT8U port_rdy_grp(void)
{
    return (INT8U)VMI_INFO->rdy_grp;
}

static inline INT8U port_rdy_tbl(INT8U y)
{
    return VMI_INFO->rdy_tbl[y];
}

/* Makes the area that holds `task` a task; its number, or below zero. */
static inline INT32S port_task_create(INT32U task, INT32U argument, INT8U prio)
{
    return hc_task_create(task, argument, prio, 0);
}

static inline void port_task_delete(INT32U area)
{
    hc_task_delete(area);
}

/* Changes a task's priority, with its ready bit. */
static inline void port_task_prio(INT32U area, INT8U prio)
{
    hc_task_prio(area, prio);
}

/* The kernel has found its own data damaged. A halt would be its own will; this is an error, and the
 * monitor goes back to before it. */
static inline void __attribute__((noreturn)) port_damaged(INT32U code)
{
    register INT32U r0 __asm__("r0") = code;    /* for who looks at the registers */

    for (;;)
        __asm__ volatile(".inst 0xe7f000f0" : : "r"(r0));
}

/* Leaves the kernel. Returns only if the monitor refuses because it has ended that task. */
static inline void port_dispatch(INT32U area, INT32U result, BOOLEAN deliver, BOOLEAN idle)
{
    if (hc_dispatch(area, result,
                    (deliver ? DISPATCH_RESULT : 0) | (idle ? DISPATCH_WAIT : 0)) != VMI_ESTATE)
        port_damaged(6);
}

static inline INT32S port_write(INT32U text, INT32U length)
{
    return hc_console_write(text, length);
}

static inline INT32S port_read(INT32U buffer, INT32U size)
{
    return hc_console_read(buffer, size);
}

static inline INT8U port_send(INT32U vm, INT32U buffer, INT32U length)
{
    INT32S result = hc_send(vm, buffer, length);

    return result == 0            ? OS_NO_ERR
         : result == VMI_EAGAIN   ? OS_ERR_VM_FULL
         : result == VMI_EFAULT   ? OS_ERR_ADDRESS
                                  : OS_ERR_VM;
}

/* Length | sender << 16, 0 if there is no message. */
static inline INT32U port_receive(INT32U buffer, INT32U size)
{
    uint64_t result = hc_receive(buffer, size);

    return (INT32S)result > 0 ? (INT32U)result | (INT32U)(result >> 32) << 16 : 0;
}

static inline INT32U port_micros(void)
{
    return hc_time() / 1000;
}

static inline const volatile char *port_boot_arg(void)
{
    return VMI_INFO->boot_arg;
}

/* Registers the vectors and starts the tick. */
static inline void port_start(void)
{
    extern char        vectors[], kernel_stack_end[];
    extern void        port_enter_undo(INT32U, INT32U, INT32U, INT32U);
    extern const INT8U port_kinds[64];

    hc_setup((INT32U)vectors, (INT32U)kernel_stack_end);
    hc_journal((INT32U)port_enter_undo, (INT32U)port_kinds);
    hc_timer_set(1000000 / OS_TICKS_PER_SEC);
}

static inline void port_halt(INT32U code)
{
    for (;;)
        hc_halt(code);
}

#endif
