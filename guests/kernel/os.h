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

#define OS_STAT_PEND            (OS_STAT_SEM | OS_STAT_MBOX | OS_STAT_Q | OS_STAT_MUTEX | OS_STAT_FLAG)

/* In OSTCBPrioTbl: a priority that a mutex lends to its owner. */
#define OS_TCB_RESERVED         ((OS_TCB *)1)

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

extern const INT8U       OSAreas;
extern const OS_AREA     OSArea[];
extern const OS_AREA     OSSharedArea;
extern const OS_APP_TASK OSAppTask[];
extern OS_TCB            OSTCBTbl[];    /* number n: the task of area n; free: OSTCBStkSize is 0 */

extern INT32U    OSTime;
extern INT32U    OSCtxSwCtr;
extern INT8U     OSIntNesting;
extern INT8U     OSLockNesting;
extern OS_TCB   *OSTCBList;
extern OS_TCB   *OSTCBPrioTbl[OS_LOWEST_PRIO + 1];
extern OS_TCB   *OSTCBCur;
extern OS_EVENT  OSEventTbl[OS_MAX_EVENTS];
extern OS_EVENT  OSInputEvent;
extern OS_EVENT  OSVmEvent;

/* os_core.c */
INT8U     os_lowest(INT8U bits);
void      os_ready(OS_TCB *tcb);
void      os_unready(OS_TCB *tcb);
BOOLEAN   os_readable(INT32U address, INT32U length);
BOOLEAN   os_writable(INT32U address, INT32U length);
BOOLEAN   os_locked(void);
void      os_lock_forget(const OS_TCB *tcb);
/* os_app.c */
void      os_app_events(void);
/* os_event.c */
void      os_event_init(void);
OS_EVENT *os_event_new(INT8U type);
INT8U     os_event_check(INT32U handle, INT8U type);
INT8U     os_event_check_pend(INT32U handle, INT8U type);
INT8U     os_event_check_delete(const OS_EVENT *event, INT32U opt);
void      os_event_delete(OS_EVENT *event, INT32U result);
void      os_event_copy(const OS_EVENT *event, INT8U *tbl, INT8U *grp);
INT8U     os_event_wait(OS_EVENT *event, INT8U stat, INT32U timeout);
OS_TCB   *os_event_first(const OS_EVENT *event);
OS_TCB   *os_event_wake(OS_EVENT *event, INT32U result);
void      os_event_wake_all(OS_EVENT *event, INT32U result);
void      os_event_leave(OS_TCB *tcb);
void      os_event_timeout(OS_TCB *tcb);
/* os_task.c */
OS_TCB   *os_task_of(INT32U prio);
void      os_task_forget(OS_TCB *tcb);
void      os_task_set_prio(OS_TCB *tcb, INT8U prio);
/* os_time.c */
void      os_time_tick(INT32U ticks);
/* os_mutex.c */
void      os_mutex_undo(INT32U pevent, const OS_TCB *owner);
void      os_mutex_settle(const OS_EVENT *event);
void      os_mutex_forget(OS_TCB *owner);
/* os_q.c */
void      os_q_init(void);
/* os_mem.c */
INT8U     os_block_send(INT32U msg);
void      os_block_take(INT32U msg, const OS_TCB *taker);
void      os_block_drop(INT32U msg);
void      os_block_forget(const OS_TCB *owner);
/* os_undo.c */
void      os_undo(OS_TCB *tcb, INT32U number, INT32U a, INT32U result);
INT32U    os_returned_take(const OS_EVENT *event);
INT32U    os_returned_peek(const OS_EVENT *event, INT32U *count);
/* os_stat.c */
void      os_stat_tick(INT32U ticks);

/*
 * Interrupts: OSVirqHook() and OSTimeTickHook() run inside one. Calls that wait, create or delete are
 * refused there (OS_ERR_..._ISR). Code of the kernel part that is entered on its own nests by these;
 * a task is chosen once, when the kernel is left.
 */
void      OSIntEnter(void);
void      OSIntExit(void);

/* What the vectors call. */
void      os_start(void) __attribute__((noreturn));
void      os_enter_call(INT32U a, INT32U b, INT32U c, INT32U d, INT32U number) __attribute__((noreturn));
void      os_enter_irq(INT32U sources, INT32U ticks) __attribute__((noreturn));

/* Hooks: functions of these names in the application's kernel part take the place of empty ones. */
void      OSInitHookBegin(void);
void      OSInitHookEnd(void);
void      OSTaskCreateHook(OS_TCB *ptcb);
void      OSTaskDelHook(OS_TCB *ptcb);
void      OSTaskIdleHook(void);
void      OSTaskStatHook(void);
void      OSTaskSwHook(void);
void      OSTCBInitHook(OS_TCB *ptcb);
void      OSTimeTickHook(void);
void      OSVirqHook(INT32U sources);   /* interrupts that the kernel has no use for */

/* The handlers of the kernel calls. */
#define CALL(number, name, kind) INT32U call_##name(INT32U a, INT32U b, INT32U c, INT32U d);
#include "os_calls.def"
#undef CALL

#endif
