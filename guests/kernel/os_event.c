/*
 * Events, whatever their type: control blocks, and the tasks that wait for them.
 *
 * The waiters of an event are a bitmap of priorities like the ready list.
 */
#include "os.h"

OS_EVENT OSEventTbl[OS_MAX_EVENTS];

static OS_EVENT *OSEventFreeList;               /* through OSEventPtr */

/* Links the free control blocks, the first of the table first. */
void os_event_init(void)
{
    INT8U i;

    for (i = OS_MAX_EVENTS; i-- > 0;) {
        OSEventTbl[i].OSEventPtr = OSEventFreeList;
        OSEventFreeList = &OSEventTbl[i];
    }
}

/* A free event control block, or NULL; an interrupt gets none. */
OS_EVENT *os_event_new(INT8U type)
{
    OS_EVENT *event = OSIntNesting > 0 ? NULL : OSEventFreeList;

    if (event != NULL) {
        OSEventFreeList = event->OSEventPtr;
        *event = (OS_EVENT){ .OSEventType = type };
    }
    return event;
}

/* Is the handle that a task gave an event of that type? */
INT8U os_event_check(INT32U handle, INT8U type)
{
    INT32U offset = handle - (INT32U)OSEventTbl;

    if (handle == 0)
        return type == OS_EVENT_TYPE_FLAG ? OS_FLAG_INVALID_PGRP : OS_ERR_PEVENT_NULL;
    if (offset >= sizeof OSEventTbl || offset % sizeof(OS_EVENT) != 0)
        return OS_ERR_EVENT_TYPE;
    if (((OS_EVENT *)handle)->OSEventType != type)
        return OS_ERR_EVENT_TYPE;
    return OS_NO_ERR;
}

/* The same for a call that may wait, which an interrupt can't. */
INT8U os_event_check_pend(INT32U handle, INT8U type)
{
    return OSIntNesting > 0 ? OS_ERR_PEND_ISR : os_event_check(handle, type);
}

/* May an event be deleted as `opt` says? */
INT8U os_event_check_delete(const OS_EVENT *event, INT32U opt)
{
    if (OSIntNesting > 0)
        return OS_ERR_DEL_ISR;
    if (opt != OS_DEL_NO_PEND && opt != OS_DEL_ALWAYS)
        return OS_ERR_INVALID_OPT;
    if (opt == OS_DEL_NO_PEND && event->OSEventGrp != 0)
        return OS_ERR_TASK_WAITING;
    return OS_NO_ERR;
}

/* Deletes an event; who waits for it goes on with that result. */
void os_event_delete(OS_EVENT *event, INT32U result)
{
    os_event_wake_all(event, result);
    *event = (OS_EVENT){ .OSEventType = OS_EVENT_TYPE_UNUSED, .OSEventPtr = OSEventFreeList };
    OSEventFreeList = event;
}

/* Copies the list of waiters. */
void os_event_copy(const OS_EVENT *event, INT8U *tbl, INT8U *grp)
{
    INT8U i;

    for (i = 0; i < OS_EVENT_TBL_SIZE; i++)
        tbl[i] = event->OSEventTbl[i];
    *grp = event->OSEventGrp;
}

/* Parks the current task until os_event_wake(), or for so many ticks. */
INT8U os_event_wait(OS_EVENT *event, INT8U stat, INT32U timeout)
{
    OS_TCB *tcb = OSTCBCur;

    if (os_locked())
        return OS_ERR_LOCKED;
    os_unready(tcb);
    tcb->OSTCBEventPtr = event;
    tcb->OSTCBStat |= stat;
    tcb->OSTCBDly = timeout;
    event->OSEventTbl[tcb->OSTCBPrio >> 3] |= 1u << (tcb->OSTCBPrio & 7);
    event->OSEventGrp |= 1u << (tcb->OSTCBPrio >> 3);
    return OS_NO_ERR;
}

/* The highest waiter, or NULL. */
OS_TCB *os_event_first(const OS_EVENT *event)
{
    INT8U y;

    if (event->OSEventGrp == 0)
        return NULL;
    y = os_lowest(event->OSEventGrp);
    return OSTCBPrioTbl[y * 8 + os_lowest(event->OSEventTbl[y])];
}

/* Takes a task off the list of the event it waits for. */
void os_event_leave(OS_TCB *tcb)
{
    OS_EVENT *event = tcb->OSTCBEventPtr;
    INT8U     y = tcb->OSTCBPrio >> 3;

    event->OSEventTbl[y] &= ~(1u << (tcb->OSTCBPrio & 7));
    if (event->OSEventTbl[y] == 0)
        event->OSEventGrp &= ~(1u << y);
    tcb->OSTCBEventPtr = NULL;
    tcb->OSTCBStat &= ~OS_STAT_PEND;
    tcb->OSTCBDly = 0;
}

/* Ends the wait of the highest waiter with that result; the task, or NULL if nobody waits. */
OS_TCB *os_event_wake(OS_EVENT *event, INT32U result)
{
    OS_TCB *tcb = os_event_first(event);

    if (tcb != NULL) {
        os_event_leave(tcb);
        tcb->OSTCBResult = result;
        os_ready(tcb);
    }
    return tcb;
}

/* Ends the wait of all. */
void os_event_wake_all(OS_EVENT *event, INT32U result)
{
    while (os_event_wake(event, result) != NULL)
        ;
}

/* The event that a task waits for has not come in time. */
void os_event_timeout(OS_TCB *tcb)
{
    INT8U stat = tcb->OSTCBStat;

    os_event_leave(tcb);
    tcb->OSTCBResult = stat & (OS_STAT_MBOX | OS_STAT_Q) ? OS_RESULT_ERR(OS_TIMEOUT)
                     : stat & OS_STAT_FLAG               ? OS_TIMEOUT << 16
                                                         : OS_TIMEOUT;
}
