/*
 * Queues.
 */
#include "conformance.h"

#define MSG(n) ((void *)(n))

void test_q(void)
{
    OS_Q_DATA data;
    OS_EVENT *q = OSQCreate(NULL, 3), *other;
    INT8U     err;
    INT32U    i;

    /* First in, first out; post to the front; full. */
    CHECK(q != NULL);
    CHECK(OSQPost(q, MSG(1)) == OS_NO_ERR && OSQPost(q, MSG(2)) == OS_NO_ERR);
    CHECK(OSQPostFront(q, MSG(3)) == OS_NO_ERR);
    CHECK(OSQPost(q, MSG(4)) == OS_Q_FULL && OSQPostFront(q, MSG(4)) == OS_Q_FULL);
    CHECK(OSQQuery(q, &data) == OS_NO_ERR);
    CHECK(data.OSMsg == MSG(3) && data.OSNMsgs == 3 && data.OSQSize == 3 && data.OSEventGrp == 0);
    CHECK(OSQPend(q, 0, &err) == MSG(3) && err == OS_NO_ERR);
    CHECK(OSQAccept(q) == MSG(1));
    CHECK(OSQPostOpt(q, MSG(5), OS_POST_OPT_LIFO) == OS_NO_ERR);
    CHECK(OSQPostOpt(q, MSG(6), OS_POST_OPT_NONE) == OS_NO_ERR);
    CHECK(OSQAccept(q) == MSG(5) && OSQAccept(q) == MSG(2) && OSQAccept(q) == MSG(6));
    CHECK(OSQAccept(q) == NULL);
    CHECK(OSQPend(q, 2, &err) == NULL && err == OS_TIMEOUT);
    for (i = 1; i < 10; i++)                    /* round and round */
        CHECK(OSQPost(q, MSG(i)) == OS_NO_ERR && OSQAccept(q) == MSG(i));

    /* Flush. */
    CHECK(OSQPost(q, MSG(1)) == OS_NO_ERR && OSQPost(q, MSG(2)) == OS_NO_ERR);
    CHECK(OSQFlush(q) == OS_NO_ERR);
    CHECK(OSQQuery(q, &data) == OS_NO_ERR && data.OSNMsgs == 0 && data.OSMsg == NULL);
    CHECK(OSQFlush(NULL) == OS_ERR_PEVENT_NULL && OSQFlush(Sem) == OS_ERR_EVENT_TYPE);

    /* Errors. */
    CHECK(OSQPost(q, NULL) == OS_ERR_POST_NULL_PTR && OSQPostFront(q, NULL) == OS_ERR_POST_NULL_PTR);
    CHECK(OSQPost(q, MSG(0xfffffe00)) == OS_ERR_ADDRESS);
    CHECK(OSQPost(NULL, MSG(1)) == OS_ERR_PEVENT_NULL && OSQPost(Sem, MSG(1)) == OS_ERR_EVENT_TYPE);
    CHECK(OSQPend(NULL, 0, &err) == NULL && err == OS_ERR_PEVENT_NULL);
    CHECK(OSQPend(Box, 0, &err) == NULL && err == OS_ERR_EVENT_TYPE);
    CHECK(OSQAccept(NULL) == NULL && OSQAccept(Sem) == NULL);
    CHECK(OSQQuery(NULL, &data) == OS_ERR_PEVENT_NULL && OSQQuery(Sem, &data) == OS_ERR_EVENT_TYPE);
    CHECK(OSQQuery(q, (OS_Q_DATA *)q) == OS_ERR_ADDRESS);
    CHECK(OSQCreate(NULL, 0) == NULL && OSQCreate(NULL, OS_MAX_Q_SIZE + 1) == NULL);
    CHECK(OSQDel(q, 3, &err) == q && err == OS_ERR_INVALID_OPT);
    CHECK(OSQDel(Sem, OS_DEL_ALWAYS, &err) == Sem && err == OS_ERR_EVENT_TYPE);
    CHECK(OSQDel(NULL, OS_DEL_ALWAYS, &err) == NULL && err == OS_ERR_PEVENT_NULL);

    /* There is an end of queues, and deleted ones come back. */
    other = OSQCreate(NULL, OS_MAX_Q_SIZE);
    CHECK(other != NULL && OSQCreate(NULL, 1) == NULL);
    for (i = 1; i <= OS_MAX_Q_SIZE; i++)
        CHECK(OSQPost(other, MSG(i)) == OS_NO_ERR);
    CHECK(OSQPost(other, MSG(i)) == OS_Q_FULL);
    CHECK(OSQDel(other, OS_DEL_NO_PEND, &err) == NULL && err == OS_NO_ERR);
    CHECK(OSQDel(q, OS_DEL_ALWAYS, &err) == NULL && err == OS_NO_ERR);
    CHECK((q = OSQCreate(NULL, 2)) != NULL && OSQAccept(q) == NULL);
    CHECK((other = OSQCreate(NULL, 2)) != NULL && other != q && OSQCreate(NULL, 2) == NULL);
    CHECK(OSQPost(q, MSG(1)) == OS_NO_ERR && OSQAccept(other) == NULL);
    CHECK(OSQDel(q, OS_DEL_NO_PEND, &err) == NULL && OSQDel(other, OS_DEL_NO_PEND, &err) == NULL);

    /* Waiters: the highest first; timeout; broadcast. */
    start(LOW, PEND_QUEUE);
    OSTimeDly(1);
    start(HIGH, PEND_QUEUE);
    CHECK(OSQPost(Queue, MSG(21)) == OS_NO_ERR);
    CHECK(OSQAccept(Results) == REPORTED(21));
    CHECK(OSQQuery(Queue, &data) == OS_NO_ERR && data.OSNMsgs == 0 && data.OSEventGrp == 1 << (LOW >> 3));
    CHECK(OSQPostFront(Queue, MSG(22)) == OS_NO_ERR);
    CHECK(result(2) == 22);
    wait_end(HIGH);
    wait_end(LOW);
    start(HIGH, PEND_QUEUE_SHORT);
    CHECK(result(10) == OS_TIMEOUT);
    wait_end(HIGH);
    start(LOW, PEND_QUEUE);
    OSTimeDly(1);
    start(HIGH, PEND_QUEUE);
    CHECK(OSQPostOpt(Queue, MSG(23), OS_POST_OPT_BROADCAST) == OS_NO_ERR);
    CHECK(result(1) == 23 && result(2) == 23);
    wait_end(HIGH);
    wait_end(LOW);
    CHECK(OSQAccept(Queue) == NULL);
    start(HIGH, PEND_QUEUE);
    CHECK(OSQPostOpt(Queue, MSG(16), OS_POST_OPT_BROADCAST) == OS_NO_ERR);
    CHECK(OSQAccept(Results) == REPORTED(16) && OSQAccept(Queue) == NULL);
    wait_end(HIGH);

    /* Delete with a waiter. */
    start(HIGH, PEND_QUEUE);
    CHECK(OSQDel(Queue, OS_DEL_NO_PEND, &err) == Queue && err == OS_ERR_TASK_WAITING);
    CHECK(OSQDel(Queue, OS_DEL_ALWAYS, &err) == NULL && err == OS_NO_ERR);
    CHECK(result(1) == OS_TIMEOUT);
    wait_end(HIGH);
    CHECK(OSQCreate(NULL, 4) == Queue);
}
