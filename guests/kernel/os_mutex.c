/*
 * Mutexes. While a task of higher priority waits, the owner runs at the mutex's own priority (PIP).
 *
 * OSEventCnt is PIP << 8 | the owner's base priority, 0xff: nobody's. OSEventPtr is the owner.
 */
#include "os.h"

#define PIP(event)      ((event)->OSEventCnt >> 8)
#define FREE            0xff
#define ALREADY         0x100           /* of no interest to the caller, but nothing to undo */

/* Gives a task the priority that it should have: its own, or one that a mutex of its lends. */
static void settle(OS_TCB *owner)
{
    INT8U old = owner->OSTCBPrio;
    INT8U prio = owner->OSTCBBasePrio;
    INT8U i;

    for (i = 0; i < OS_MAX_EVENTS; i++) {
        OS_EVENT *event = &OSEventTbl[i];

        if (event->OSEventType != OS_EVENT_TYPE_MUTEX || event->OSEventPtr != owner)
            continue;
        if (event->OSEventGrp == 0 || PIP(event) >= prio)
            continue;
        if (os_event_first(event)->OSTCBPrio < owner->OSTCBBasePrio)
            prio = PIP(event);
    }
    if (prio == old)
        return;
    os_task_set_prio(owner, prio);
    if (old != owner->OSTCBBasePrio)            /* it was lent: nobody's again, but not free */
        OSTCBPrioTbl[old] = OS_TCB_RESERVED;
}

static void give(OS_EVENT *event, OS_TCB *owner)
{
    event->OSEventCnt = PIP(event) << 8 | (owner != NULL ? owner->OSTCBBasePrio : FREE);
    event->OSEventPtr = owner;
}

/* The owner lets go: the highest waiter has it. */
static void release(OS_EVENT *event)
{
    OS_TCB *owner = event->OSEventPtr;
    OS_TCB *next = os_event_first(event);

    give(event, next);
    settle(owner);
    if (next != NULL) {
        os_event_wake(event, OS_NO_ERR);
        settle(next);
    }
}

/* OSMutexCreate(prio, err) */
INT32U call_mutex_create(INT32U prio, INT32U b, INT32U c, INT32U d)
{
    OS_EVENT *event;

    if (OSIntNesting > 0)
        return OS_RESULT_ERR(OS_ERR_CREATE_ISR);
    if (prio >= OS_LOWEST_PRIO)
        return OS_RESULT_ERR(OS_PRIO_INVALID);
    if (OSTCBPrioTbl[prio] != NULL)
        return OS_RESULT_ERR(OS_PRIO_EXIST);
    event = os_event_new(OS_EVENT_TYPE_MUTEX);
    if (event == NULL)
        return OS_RESULT_ERR(OS_ERR_PEVENT_NULL);
    OSTCBPrioTbl[prio] = OS_TCB_RESERVED;
    event->OSEventCnt = prio << 8 | FREE;
    return (INT32U)event;
}

/* OSMutexDel(pevent, opt, err); the result is *err. */
INT32U call_mutex_del(INT32U pevent, INT32U opt, INT32U c, INT32U d)
{
    OS_EVENT *event = (OS_EVENT *)pevent;
    INT8U     err = os_event_check(pevent, OS_EVENT_TYPE_MUTEX);
    OS_TCB   *owner;
    INT8U     pip;

    if (err == OS_NO_ERR)
        err = os_event_check_delete(event, opt);
    if (err != OS_NO_ERR)
        return err;
    pip = PIP(event);
    owner = event->OSEventPtr;
    os_event_delete(event, OS_NO_ERR);
    if (owner != NULL)
        settle(owner);
    OSTCBPrioTbl[pip] = NULL;
    return OS_NO_ERR;
}

/*
 * OSMutexPend(pevent, timeout, err); the result is *err, and ALREADY for an owner that asks again: it
 * was restarted while it had it, or would wait for itself.
 */
INT32U call_mutex_pend(INT32U pevent, INT32U timeout, INT32U c, INT32U d)
{
    OS_EVENT *event = (OS_EVENT *)pevent;
    INT8U     err = os_event_check_pend(pevent, OS_EVENT_TYPE_MUTEX);

    if (err != OS_NO_ERR)
        return err;
    if (event->OSEventPtr == OSTCBCur)
        return OS_NO_ERR | ALREADY;
    if (event->OSEventPtr == NULL) {
        give(event, OSTCBCur);
        return OS_NO_ERR;
    }
    err = os_event_wait(event, OS_STAT_MUTEX, timeout);
    if (err == OS_NO_ERR)
        settle(event->OSEventPtr);
    return err;
}

/* OSMutexPost(pevent) */
INT32U call_mutex_post(INT32U pevent, INT32U b, INT32U c, INT32U d)
{
    OS_EVENT *event = (OS_EVENT *)pevent;
    INT8U     err = os_event_check(pevent, OS_EVENT_TYPE_MUTEX);

    if (OSIntNesting > 0)
        return OS_ERR_POST_ISR;
    if (err != OS_NO_ERR)
        return err;
    if (event->OSEventPtr != OSTCBCur)
        return OS_ERR_NOT_MUTEX_OWNER;
    release(event);
    return OS_NO_ERR;
}

/* OSMutexAccept(pevent, err); the result is *err | got << 8. */
INT32U call_mutex_accept(INT32U pevent, INT32U b, INT32U c, INT32U d)
{
    OS_EVENT *event = (OS_EVENT *)pevent;
    INT8U     err = os_event_check_pend(pevent, OS_EVENT_TYPE_MUTEX);

    if (err != OS_NO_ERR || event->OSEventPtr != NULL)
        return err;
    give(event, OSTCBCur);
    return OS_NO_ERR | 1 << 8;
}

/* OSMutexQuery(pevent, pdata) */
INT32U call_mutex_query(INT32U pevent, INT32U pdata, INT32U c, INT32U d)
{
    OS_EVENT      *event = (OS_EVENT *)pevent;
    OS_MUTEX_DATA *data = (OS_MUTEX_DATA *)pdata;
    INT8U          err = os_event_check(pevent, OS_EVENT_TYPE_MUTEX);

    if (OSIntNesting > 0)
        return OS_ERR_QUERY_ISR;
    if (err != OS_NO_ERR)
        return err;
    if (!os_writable(pdata, sizeof *data))
        return OS_ERR_ADDRESS;
    os_event_copy(event, data->OSEventTbl, &data->OSEventGrp);
    data->OSMutexPIP = PIP(event);
    data->OSOwnerPrio = event->OSEventCnt;
    data->OSValue = event->OSEventPtr == NULL;
    return OS_NO_ERR;
}

/* A task is rolled back to before it took a mutex. It may have given it back since. */
void os_mutex_undo(INT32U pevent, const OS_TCB *owner)
{
    OS_EVENT *event = (OS_EVENT *)pevent;

    if (os_event_check(pevent, OS_EVENT_TYPE_MUTEX) == OS_NO_ERR && event->OSEventPtr == owner)
        release(event);
}

/* A waiter has another priority. */
void os_mutex_settle(const OS_EVENT *event)
{
    if (event->OSEventType == OS_EVENT_TYPE_MUTEX)
        settle(event->OSEventPtr);
}

/* A task that goes gives its mutexes back. */
void os_mutex_forget(OS_TCB *owner)
{
    INT8U i;

    for (i = 0; i < OS_MAX_EVENTS; i++)
        if (OSEventTbl[i].OSEventType == OS_EVENT_TYPE_MUTEX && OSEventTbl[i].OSEventPtr == owner)
            release(&OSEventTbl[i]);
}
