/*
 * Semaphores.
 */
#include "conformance.h"

void test_sem(void)
{
    static INT8U false_event[2 * sizeof(OS_EVENT)];
    OS_EVENT   *sem = OSSemCreate(2), *three = OSSemCreate(OS_EVENT_TYPE_SEM), *all[OS_MAX_EVENTS + 1];
    OS_SEM_DATA data;
    INT8U       err;
    INT32U      i, n;

    CHECK(sem != NULL);
    OSSemPend(sem, 0, &err);
    CHECK(err == OS_NO_ERR);
    CHECK(OSSemAccept(sem) == 1);
    CHECK(OSSemAccept(sem) == 0);
    OSSemPend(sem, 3, &err);
    CHECK(err == OS_TIMEOUT);
    CHECK(OSSemPost(sem) == OS_NO_ERR);
    CHECK(OSSemQuery(sem, &data) == OS_NO_ERR);
    CHECK(data.OSCnt == 1 && data.OSEventGrp == 0);

    /* The count is 16 bits. */
    CHECK(OSSemDel(sem, OS_DEL_NO_PEND, &err) == NULL && err == OS_NO_ERR);
    sem = OSSemCreate(0xffff);
    CHECK(OSSemPost(sem) == OS_SEM_OVF);
    CHECK(OSSemQuery(sem, &data) == OS_NO_ERR && data.OSCnt == 0xffff);

    /* Errors. */
    OSSemPend(NULL, 0, &err);
    CHECK(err == OS_ERR_PEVENT_NULL);
    OSSemPend(Box, 0, &err);
    CHECK(err == OS_ERR_EVENT_TYPE);
    OSSemPend((OS_EVENT *)((INT32U)sem + 1), 0, &err);
    CHECK(err == OS_ERR_EVENT_TYPE);
    OSSemPend((OS_EVENT *)&data, 0, &err);
    CHECK(err == OS_ERR_EVENT_TYPE);
    OSSemPend((OS_EVENT *)0xffffffff, 0, &err);
    CHECK(err == OS_ERR_EVENT_TYPE);
    OSSemPend((OS_EVENT *)0xffffffff, 0, &err);
    CHECK(err == OS_ERR_EVENT_TYPE);
    for (i = 0; i < sizeof(OS_EVENT); i++)      /* what only looks like an event, at any alignment */
        false_event[i] = OS_EVENT_TYPE_SEM;
    for (i = 0; i < sizeof(OS_EVENT); i++)
        CHECK(OSSemPost((OS_EVENT *)&false_event[i]) == OS_ERR_EVENT_TYPE);
    CHECK(OSSemPost((OS_EVENT *)((INT32U)three + 2)) == OS_ERR_EVENT_TYPE);
    CHECK(OSSemPost(NULL) == OS_ERR_PEVENT_NULL);
    CHECK(OSSemPost(Queue) == OS_ERR_EVENT_TYPE);
    CHECK(OSSemAccept(NULL) == 0 && OSSemAccept(Box) == 0);
    CHECK(OSSemQuery(NULL, &data) == OS_ERR_PEVENT_NULL);
    CHECK(OSSemQuery(Flags, &data) == OS_ERR_EVENT_TYPE);
    CHECK(OSSemQuery(sem, NULL) == OS_ERR_ADDRESS);
    CHECK(OSSemQuery(sem, (OS_SEM_DATA *)sem) == OS_ERR_ADDRESS);
    CHECK(OSSemDel(NULL, OS_DEL_ALWAYS, &err) == NULL && err == OS_ERR_PEVENT_NULL);
    CHECK(OSSemDel(sem, 7, &err) == sem && err == OS_ERR_INVALID_OPT);
    CHECK(OSSemDel(Mutex, OS_DEL_ALWAYS, &err) == Mutex && err == OS_ERR_EVENT_TYPE);
    CHECK(OSSemDel(sem, OS_DEL_ALWAYS, &err) == NULL && err == OS_NO_ERR);
    CHECK(OSSemPost(sem) == OS_ERR_EVENT_TYPE);

    CHECK(OSSemDel(three, OS_DEL_ALWAYS, &err) == NULL && err == OS_NO_ERR);

    /* A post wakes the highest waiter, and only one. */
    start(LOW, PEND_SEM);
    OSTimeDly(1);
    start(HIGH, PEND_SEM);
    CHECK(OSSemQuery(Sem, &data) == OS_NO_ERR);
    CHECK(data.OSEventGrp == (1 << (LOW >> 3) | 1 << (HIGH >> 3)));
    CHECK(data.OSEventTbl[LOW >> 3] == 1 << (LOW & 7) && data.OSEventTbl[HIGH >> 3] == 1 << (HIGH & 7));
    CHECK(OSSemPost(Sem) == OS_NO_ERR);
    CHECK(OSQAccept(Results) == REPORTED(OS_NO_ERR));
    CHECK(OSSemQuery(Sem, &data) == OS_NO_ERR && data.OSEventGrp == 1 << (LOW >> 3) && data.OSCnt == 0);
    wait_end(HIGH);
    CHECK(OSSemPost(Sem) == OS_NO_ERR);
    CHECK(OSQAccept(Results) == NULL);
    CHECK(result(2) == OS_NO_ERR);
    wait_end(LOW);

    /* We wait, a lower one posts. */
    start(LOW, POST_SEM);
    OSSemPend(Sem, 10, &err);
    CHECK(err == OS_NO_ERR);
    wait_end(LOW);

    /* A timeout of another task, and a post that comes in time. */
    start(HIGH, PEND_SEM_SHORT);
    CHECK(result(10) == OS_TIMEOUT);
    wait_end(HIGH);
    CHECK(OSSemQuery(Sem, &data) == OS_NO_ERR && data.OSEventGrp == 0);
    start(HIGH, PEND_SEM_SHORT);
    OSTimeDly(2);
    CHECK(OSSemPost(Sem) == OS_NO_ERR);
    CHECK(result(1) == OS_NO_ERR);
    wait_end(HIGH);

    /* A suspended waiter gets it, and goes on when it is resumed. */
    start(HIGH, PEND_SEM);
    CHECK(OSTaskSuspend(HIGH) == OS_NO_ERR);
    CHECK(OSSemPost(Sem) == OS_NO_ERR);
    CHECK(OSSemAccept(Sem) == 0 && OSQAccept(Results) == NULL);
    CHECK(OSTaskResume(HIGH) == OS_NO_ERR);
    CHECK(result(1) == OS_NO_ERR);
    wait_end(HIGH);

    /* Delete with waiters. */
    sem = Sem;
    start(HIGH, PEND_SEM);
    CHECK(OSSemDel(Sem, OS_DEL_NO_PEND, &err) == Sem && err == OS_ERR_TASK_WAITING);
    CHECK(OSSemDel(Sem, OS_DEL_ALWAYS, &err) == NULL && err == OS_NO_ERR);
    CHECK(result(1) == OS_NO_ERR);
    wait_end(HIGH);

    /* Control blocks are reused, the last first, and there is an end of them. */
    CHECK(OSSemCreate(0) == Sem);
    for (n = 0; n <= OS_MAX_EVENTS && (all[n] = OSSemCreate(n)) != NULL; n++)
        ;
    CHECK(n == OS_MAX_EVENTS - 8);
    for (i = 0; i < n; i++)
        CHECK(OSSemDel(all[i], OS_DEL_NO_PEND, &err) == NULL);
}
