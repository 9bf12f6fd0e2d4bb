/*
 * Mailboxes.
 */
#include "conformance.h"

void test_mbox(void)
{
    OS_MBOX_DATA data;
    OS_EVENT    *box = OSMboxCreate((void *)9);
    INT8U        err;

    CHECK(box != NULL);
    CHECK(OSMboxQuery(box, &data) == OS_NO_ERR && data.OSMsg == (void *)9 && data.OSEventGrp == 0);
    CHECK(OSMboxPost(box, (void *)1) == OS_MBOX_FULL);
    CHECK(OSMboxPend(box, 0, &err) == (void *)9 && err == OS_NO_ERR);
    CHECK(OSMboxAccept(box) == NULL);
    CHECK(OSMboxPend(box, 2, &err) == NULL && err == OS_TIMEOUT);
    CHECK(OSMboxPost(box, (void *)0xffffffff) == OS_NO_ERR);
    CHECK(OSMboxAccept(box) == (void *)0xffffffff);

    /* Errors. */
    CHECK(OSMboxPost(box, NULL) == OS_ERR_POST_NULL_PTR);
    CHECK(OSMboxPost(box, (void *)0xfffffe0a) == OS_ERR_ADDRESS);
    CHECK(OSMboxPost(NULL, (void *)1) == OS_ERR_PEVENT_NULL && OSMboxPost(Sem, (void *)1) == OS_ERR_EVENT_TYPE);
    CHECK(OSMboxPend(NULL, 0, &err) == NULL && err == OS_ERR_PEVENT_NULL);
    CHECK(OSMboxPend(Queue, 0, &err) == NULL && err == OS_ERR_EVENT_TYPE);
    CHECK(OSMboxAccept(NULL) == NULL && OSMboxAccept(Sem) == NULL);
    CHECK(OSMboxQuery(NULL, &data) == OS_ERR_PEVENT_NULL && OSMboxQuery(Sem, &data) == OS_ERR_EVENT_TYPE);
    CHECK(OSMboxQuery(box, (OS_MBOX_DATA *)2) == OS_ERR_ADDRESS);
    CHECK(OSMboxDel(box, 3, &err) == box && err == OS_ERR_INVALID_OPT);
    CHECK(OSMboxDel(Sem, OS_DEL_ALWAYS, &err) == Sem && err == OS_ERR_EVENT_TYPE);
    CHECK(OSMboxDel(NULL, OS_DEL_ALWAYS, &err) == NULL && err == OS_ERR_PEVENT_NULL);
    CHECK(OSMboxDel(box, OS_DEL_NO_PEND, &err) == NULL && err == OS_NO_ERR);

    /* Who waits gets the message; the box stays empty. */
    start(LOW, PEND_BOX);
    OSTimeDly(1);
    start(HIGH, PEND_BOX);
    CHECK(OSMboxPost(Box, (void *)11) == OS_NO_ERR);
    CHECK(OSQAccept(Results) == REPORTED(11));
    CHECK(OSMboxQuery(Box, &data) == OS_NO_ERR && data.OSMsg == NULL && data.OSEventGrp == 1 << (LOW >> 3));
    CHECK(OSMboxPost(Box, (void *)12) == OS_NO_ERR);
    CHECK(result(2) == 12);
    wait_end(HIGH);
    wait_end(LOW);

    /* Timeout, broadcast. */
    start(HIGH, PEND_BOX_SHORT);
    CHECK(result(10) == OS_TIMEOUT);
    wait_end(HIGH);
    start(LOW, PEND_BOX);
    OSTimeDly(1);
    start(HIGH, PEND_BOX);
    CHECK(OSMboxPostOpt(Box, (void *)13, OS_POST_OPT_BROADCAST) == OS_NO_ERR);
    CHECK(result(1) == 13 && result(2) == 13);
    wait_end(HIGH);
    wait_end(LOW);
    CHECK(OSMboxPostOpt(Box, (void *)14, OS_POST_OPT_BROADCAST) == OS_NO_ERR);
    CHECK(OSMboxPostOpt(Box, (void *)15, OS_POST_OPT_NONE) == OS_MBOX_FULL);
    CHECK(OSMboxAccept(Box) == (void *)14);
    start(HIGH, PEND_BOX);
    CHECK(OSMboxPostOpt(Box, (void *)16, OS_POST_OPT_BROADCAST) == OS_NO_ERR);
    CHECK(OSQAccept(Results) == REPORTED(16) && OSMboxAccept(Box) == NULL);
    wait_end(HIGH);

    /* Delete with a waiter. */
    start(HIGH, PEND_BOX);
    CHECK(OSMboxDel(Box, OS_DEL_NO_PEND, &err) == Box && err == OS_ERR_TASK_WAITING);
    CHECK(OSMboxDel(Box, OS_DEL_ALWAYS, &err) == NULL && err == OS_NO_ERR);
    CHECK(result(1) == OS_TIMEOUT);
    wait_end(HIGH);
    CHECK(OSMboxCreate(NULL) == Box);
}
