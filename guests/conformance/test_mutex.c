/*
 * Mutexes.
 */
#include "conformance.h"

static INT8U prio_of(INT8U prio)
{
    OS_TCB tcb;

    return OSTaskQuery(prio, &tcb) == OS_NO_ERR ? tcb.OSTCBPrio : 0xff;
}

void test_mutex(void)
{
    OS_MUTEX_DATA data;
    OS_EVENT     *mutex;
    INT8U         err;

    CHECK(OSMutexQuery(Mutex, &data) == OS_NO_ERR);
    CHECK(data.OSValue == 1 && data.OSOwnerPrio == 0xff && data.OSMutexPIP == 7 && data.OSEventGrp == 0);
    OSMutexPend(Mutex, 0, &err);
    CHECK(err == OS_NO_ERR);
    CHECK(OSMutexQuery(Mutex, &data) == OS_NO_ERR && data.OSValue == 0 && data.OSOwnerPrio == SELF);
    CHECK(OSMutexAccept(Mutex, &err) == 0 && err == OS_NO_ERR);
    OSMutexPend(Mutex, 0, &err);                /* we have it: not so in the standard */
    CHECK(err == OS_NO_ERR);
    CHECK(OSMutexPost(Mutex) == OS_NO_ERR);
    CHECK(OSMutexPost(Mutex) == OS_ERR_NOT_MUTEX_OWNER);
    CHECK(OSMutexAccept(Mutex, &err) == 1 && err == OS_NO_ERR);
    CHECK(OSMutexPost(Mutex) == OS_NO_ERR);

    /* Errors. */
    OSMutexPend(NULL, 0, &err);
    CHECK(err == OS_ERR_PEVENT_NULL);
    OSMutexPend(Sem, 0, &err);
    CHECK(err == OS_ERR_EVENT_TYPE);
    CHECK(OSMutexPost(NULL) == OS_ERR_PEVENT_NULL && OSMutexPost(Sem) == OS_ERR_EVENT_TYPE);
    CHECK(OSMutexAccept(NULL, &err) == 0 && err == OS_ERR_PEVENT_NULL);
    CHECK(OSMutexAccept(Box, &err) == 0 && err == OS_ERR_EVENT_TYPE);
    CHECK(OSMutexQuery(NULL, &data) == OS_ERR_PEVENT_NULL && OSMutexQuery(Sem, &data) == OS_ERR_EVENT_TYPE);
    CHECK(OSMutexQuery(Mutex, (OS_MUTEX_DATA *)Mutex) == OS_ERR_ADDRESS);
    CHECK(OSMutexCreate(SELF, &err) == NULL && err == OS_PRIO_EXIST);
    CHECK(OSMutexCreate(7, &err) == NULL && err == OS_PRIO_EXIST);
    CHECK(OSMutexCreate(OS_LOWEST_PRIO, &err) == NULL && err == OS_PRIO_INVALID);

    /* Create and delete: the priority is taken, then free again. */
    mutex = OSMutexCreate(8, &err);
    CHECK(mutex != NULL && err == OS_NO_ERR);
    CHECK(OSTaskCreate(helper_low, NULL, NULL, 8) == OS_PRIO_EXIST);
    CHECK(OSTaskChangePrio(OS_PRIO_SELF, 8) == OS_PRIO_EXIST);
    CHECK(OSMutexDel(mutex, 5, &err) == mutex && err == OS_ERR_INVALID_OPT);
    CHECK(OSMutexDel(NULL, OS_DEL_ALWAYS, &err) == NULL && err == OS_ERR_PEVENT_NULL);
    CHECK(OSMutexDel(Sem, OS_DEL_ALWAYS, &err) == Sem && err == OS_ERR_EVENT_TYPE);
    CHECK(OSMutexDel(mutex, OS_DEL_NO_PEND, &err) == NULL && err == OS_NO_ERR);
    CHECK(OSTaskChangePrio(OS_PRIO_SELF, 8) == OS_NO_ERR);
    CHECK(OSTaskChangePrio(8, SELF) == OS_NO_ERR);

    /* A lower task holds it and we wait: it runs at 7 until it gives it back. */
    start(LOW, HOLD_MUTEX);
    CHECK(result(5) == 1);
    CHECK(prio_of(LOW) == LOW);
    OSMutexPend(Mutex, 3, &err);
    CHECK(err == OS_TIMEOUT);
    CHECK(prio_of(LOW) == 7);                   /* until it posts, as the standard has it */
    CHECK(OSMutexQuery(Mutex, &data) == OS_NO_ERR && data.OSOwnerPrio == LOW && data.OSEventGrp == 0);
    CHECK(OSSemPost(Gate) == OS_NO_ERR);        /* 7 is above us: it runs now, and drops at its post */
    CHECK(OSMutexAccept(Mutex, &err) == 1);
    CHECK(prio_of(LOW) == LOW && prio_of(7) == 0xff);
    CHECK(OSMutexPost(Mutex) == OS_NO_ERR);
    CHECK(result(2) == 2);
    wait_end(LOW);

    /* A higher task waits for the lower one, we are between and don't hinder it. */
    start(LOW, HOLD_MUTEX);
    CHECK(result(5) == 1);
    start(HIGH, PEND_MUTEX);
    CHECK(prio_of(LOW) == 7 && prio_of(HIGH) == HIGH);
    CHECK(OSMutexQuery(Mutex, &data) == OS_NO_ERR && data.OSEventGrp == 1 << (HIGH >> 3));
    CHECK(OSSemPost(Gate) == OS_NO_ERR);
    CHECK(OSQAccept(Results) == REPORTED(OS_NO_ERR));   /* low posted at 7, high has had it */
    CHECK(result(2) == 2);
    wait_end(LOW);
    wait_end(HIGH);
    CHECK(OSMutexQuery(Mutex, &data) == OS_NO_ERR && data.OSValue == 1);

    /* Two mutexes of one owner: it keeps what the other still lends. */
    start(LOW, HOLD_BOTH);
    CHECK(result(5) == 1);
    start(HIGH, PEND_MUTEX);
    CHECK(prio_of(LOW) == 7);
    CHECK(OSSemPost(Gate) == OS_NO_ERR);        /* it gives Outer back, and has Mutex still */
    CHECK(OSQAccept(Results) == REPORTED(3));
    CHECK(prio_of(LOW) == 7);
    CHECK(OSSemPost(Gate) == OS_NO_ERR);
    CHECK(OSQAccept(Results) == REPORTED(OS_NO_ERR));
    CHECK(result(2) == 2);
    wait_end(LOW);
    wait_end(HIGH);
    start(LOW, HOLD_BOTH);
    CHECK(result(5) == 1);
    start(HIGH, PEND_OUTER);
    CHECK(prio_of(LOW) == 6);
    OSMutexPend(Mutex, 2, &err);
    CHECK(err == OS_TIMEOUT && prio_of(LOW) == 6);
    CHECK(OSSemPost(Gate) == OS_NO_ERR);        /* Outer goes to high; nobody waits for Mutex */
    CHECK(OSQAccept(Results) == REPORTED(OS_NO_ERR));
    CHECK(prio_of(LOW) == LOW);
    CHECK(OSSemPost(Gate) == OS_NO_ERR);
    CHECK(result(2) == 3 && result(2) == 2);
    wait_end(LOW);
    wait_end(HIGH);

    /* A waiter of lower priority does not raise the owner; it gives up in time. */
    OSMutexPend(Mutex, 0, &err);
    start(LOW, PEND_MUTEX_SHORT);
    CHECK(result(10) == OS_TIMEOUT);
    CHECK(prio_of(OS_PRIO_SELF) == SELF);
    wait_end(LOW);

    /* We hold it and a higher one waits: we are raised, and drop when we give it back. */
    start(HIGH, PEND_MUTEX);
    CHECK(prio_of(OS_PRIO_SELF) == 7);
    CHECK(OSMutexPost(Mutex) == OS_NO_ERR);
    CHECK(prio_of(OS_PRIO_SELF) == SELF);
    CHECK(OSQAccept(Results) == REPORTED(OS_NO_ERR));
    wait_end(HIGH);

    /* Delete with a waiter; who owned it drops too. */
    mutex = OSMutexCreate(8, &err);
    OSMutexPend(Mutex, 0, &err);
    start(HIGH, PEND_MUTEX);
    CHECK(OSMutexDel(Mutex, OS_DEL_NO_PEND, &err) == Mutex && err == OS_ERR_TASK_WAITING);
    CHECK(prio_of(OS_PRIO_SELF) == 7);
    CHECK(OSMutexDel(mutex, OS_DEL_ALWAYS, &err) == NULL && err == OS_NO_ERR);

    /* A task that is deleted gives its mutex back: not so in the standard. */
    CHECK(OSMutexPost(Mutex) == OS_NO_ERR);
    CHECK(result(1) == OS_NO_ERR);
    wait_end(HIGH);
    start(LOW, HOLD_AND_WAIT);
    CHECK(result(5) == 1);
    start(HIGH, PEND_MUTEX);
    CHECK(prio_of(LOW) == 7);
    CHECK(OSTaskDel(LOW) == OS_NO_ERR);
    CHECK(OSQAccept(Results) == REPORTED(OS_NO_ERR));
    wait_end(HIGH);
    CHECK(OSMutexAccept(Mutex, &err) == 1 && OSMutexPost(Mutex) == OS_NO_ERR);

    /* Another priority for an owner that runs at a lent one. */
    start(LOW, HOLD_MUTEX);
    CHECK(result(5) == 1);
    start(HIGH, PEND_MUTEX);
    CHECK(OSTaskChangePrio(LOW, LOW + 1) == OS_NO_ERR);
    CHECK(prio_of(LOW + 1) == 7 && prio_of(LOW) == 0xff);
    CHECK(OSSemPost(Gate) == OS_NO_ERR);
    CHECK(prio_of(LOW + 1) == LOW + 1);
    CHECK(OSQAccept(Results) == REPORTED(OS_NO_ERR));
    CHECK(result(2) == 2);
    wait_end(LOW + 1);
    wait_end(HIGH);
}
