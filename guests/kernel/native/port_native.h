/*
 * The machine under the kernel is the bare board: contexts and ready bits are kept here. The kernel
 * runs in supervisor mode with interrupts masked, tasks in user mode.
 */
#ifndef PORT_NATIVE_H
#define PORT_NATIVE_H

#include "ucos_ii.h"

#define PORT_NONE       ((INT32U)-1)
#define PORT_TICK       1u
#define PORT_INPUT      2u
#define PORT_MESSAGE    4u

/* Registers of a task that does not run. native/vectors.S knows the layout. */
typedef struct port_context {
    INT32U r[15];
    INT32U pc;
    INT32U cpsr;
} PORT_CONTEXT;

extern INT32U PortCurrent;              /* area of the task that runs */
extern INT8U  PortRdyGrp;
extern INT8U  PortRdyTbl[OS_RDY_TBL_SIZE];

static inline INT32U port_current(void)
{
    return PortCurrent;
}

static inline INT8U port_rdy_grp(void)
{
    return PortRdyGrp;
}

static inline INT8U port_rdy_tbl(INT8U y)
{
    return PortRdyTbl[y];
}

/* Nobody gives a bare board an argument: it is one of the build. */
#ifndef BOOT_ARGUMENT
#define BOOT_ARGUMENT ""
#endif

static inline const volatile char *port_boot_arg(void)
{
    return BOOT_ARGUMENT;
}

/* There is no other VM. */
static inline INT8U port_send(INT32U vm, INT32U buffer, INT32U length)
{
    return OS_ERR_VM;
}

static inline INT32U port_receive(INT32U buffer, INT32U size)
{
    return 0;
}

void   port_ready(INT32U set, INT32U clear);
INT32S port_task_create(INT32U task, INT32U argument, INT8U prio);
void   port_task_delete(INT32U area);
void   port_task_prio(INT32U area, INT8U prio);
void   port_dispatch(INT32U area, INT32U result, BOOLEAN deliver, BOOLEAN idle);
INT32S port_write(INT32U text, INT32U length);
INT32S port_read(INT32U buffer, INT32U size);
INT32U port_micros(void);
void   port_start(void);
void   port_halt(INT32U code) __attribute__((noreturn));

/* The kernel has found its own data damaged. */
static inline void __attribute__((noreturn)) port_damaged(INT32U code)
{
    port_halt(code);
}

#endif
