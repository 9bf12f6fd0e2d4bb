/*
 * The kernel's inside.
 *
 * One kernel stack, no blocking inside: a call either finishes or parks its caller, and then the
 * kernel leaves for the highest ready task. So nothing of a task is on the kernel's stack between
 * two entries, and a task can be rolled back without the kernel.
 */
#ifndef OS_H
#define OS_H

#include "os_call.h"
#include "port.h"
#include "ucos_ii.h"

/* OSTCBStat: what a task waits for. */
#define OS_STAT_RDY             0x00
#define OS_STAT_SEM             0x01
#define OS_STAT_MBOX            0x02
#define OS_STAT_Q               0x04
#define OS_STAT_SUSPEND         0x08
#define OS_STAT_MUTEX           0x10
#define OS_STAT_FLAG            0x20
#define OS_STAT_PEND            (OS_STAT_SEM | OS_STAT_MBOX | OS_STAT_Q | OS_STAT_MUTEX | OS_STAT_FLAG)

/* A task. Number n of OSTCBTbl is the task of area n. */
typedef struct os_tcb {
    OS_EVENT *event;            /* what it waits for */
    INT32U    result;           /* of its last call */
    INT16U    dly;              /* ticks to wait, 0: no limit */
    INT8U     stat;             /* OS_STAT_... */
    INT8U     prio;
    INT8U     exists;
    INT8U     deliver;          /* the result is still to be put in its r0 */
} OS_TCB;

/* An area of a task, from the linker. */
typedef struct os_area {
    INT32U text_start, text_end;
    INT32U data_start, data_end;
    INT32U stack_start, stack_end;
} OS_AREA;

/* A task of the application table. */
typedef struct os_app_task {
    void (*task)(void *pd);
    INT8U prio;
} OS_APP_TASK;

extern const OS_AREA     OSArea[];
extern const OS_APP_TASK OSAppTask[];
extern const INT8U       OSAreas;
extern const char        OSAppName[];
void os_app_events(void);

extern INT32U    OSTime;
extern OS_TCB    OSTCBTbl[OS_MAX_TASKS];
extern OS_TCB   *OSTCBPrioTbl[OS_LOWEST_PRIO + 1];
extern OS_TCB   *OSTCBCur;
extern OS_EVENT  OSEventTbl[OS_MAX_EVENTS];

/* os_core.c */
INT8U     os_lowest(INT8U bits);
void      os_ready(OS_TCB *tcb);
void      os_unready(OS_TCB *tcb);
OS_TCB   *os_task_of(INT32U prio);
BOOLEAN   os_readable(INT32U address, INT32U length);
BOOLEAN   os_writable(INT32U address, INT32U length);
/* os_event.c */
OS_EVENT *os_event_new(INT8U type);
INT8U     os_event_check(INT32U handle, INT8U type);
void      os_event_wait(OS_EVENT *event, INT8U stat, INT16U timeout);
OS_TCB   *os_event_wake(OS_EVENT *event, INT32U result);
void      os_event_leave(OS_TCB *tcb);
/* os_task.c */
void      os_task_forget(OS_TCB *tcb);
/* os_time.c */
void      os_time_tick(INT32U ticks);

/* The handlers of the kernel calls. */
#define CALL(number, name) INT32U call_##name(INT32U a, INT32U b, INT32U c);
#include "os_calls.def"
#undef CALL

#endif
