/*
 * Waiting for events: the list of waiters of an event is a bitmap of priorities like the ready list.
 */
#include "os.h"

OS_EVENT OSEventTbl[OS_MAX_EVENTS];

/* A free event control block, or NULL. */
OS_EVENT *os_event_new(INT8U type)
{
    INT8U i;

    for (i = 0; i < OS_MAX_EVENTS; i++) {
        OS_EVENT *event = &OSEventTbl[i];

        if (event->OSEventType == OS_EVENT_TYPE_UNUSED) {
            *event = (OS_EVENT){ .OSEventType = type };
            return event;
        }
    }
    return NULL;
}

/* Is the handle that a task gave an event of that type? */
INT8U os_event_check(INT32U handle, INT8U type)
{
    INT32U offset = handle - (INT32U)OSEventTbl;

    if (handle == 0)
        return OS_ERR_PEVENT_NULL;
    if (offset >= sizeof OSEventTbl || offset % sizeof(OS_EVENT) != 0)
        return OS_ERR_EVENT_TYPE;
    if (((OS_EVENT *)handle)->OSEventType != type)
        return OS_ERR_EVENT_TYPE;
    return OS_NO_ERR;
}

/* Parks the current task until os_event_wake(), or the timeout. */
void os_event_wait(OS_EVENT *event, INT8U stat, INT16U timeout)
{
    OS_TCB *tcb = OSTCBCur;

    os_unready(tcb);
    tcb->event = event;
    tcb->stat |= stat;
    tcb->dly = timeout;
    event->OSEventTbl[tcb->prio >> 3] |= 1u << (tcb->prio & 7);
    event->OSEventGrp |= 1u << (tcb->prio >> 3);
}

/* Takes a task off the list of the event it waits for. */
void os_event_leave(OS_TCB *tcb)
{
    OS_EVENT *event = tcb->event;

    event->OSEventTbl[tcb->prio >> 3] &= ~(1u << (tcb->prio & 7));
    if (event->OSEventTbl[tcb->prio >> 3] == 0)
        event->OSEventGrp &= ~(1u << (tcb->prio >> 3));
    tcb->event = NULL;
    tcb->stat &= ~OS_STAT_PEND;
    tcb->dly = 0;
}

/* Ends the wait of the highest waiter with that result; the task, or NULL if nobody waits. */
OS_TCB *os_event_wake(OS_EVENT *event, INT32U result)
{
    INT8U   y, x;
    OS_TCB *tcb;

    if (event->OSEventGrp == 0)
        return NULL;
    y = os_lowest(event->OSEventGrp);
    x = os_lowest(event->OSEventTbl[y]);
    tcb = OSTCBPrioTbl[y * 8 + x];
    os_event_leave(tcb);
    tcb->result = result;
    os_ready(tcb);
    return tcb;
}
