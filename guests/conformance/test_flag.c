/*
 * Event flags.
 */
#include "conformance.h"

#define SET_ALL OS_FLAG_WAIT_SET_ALL
#define SET_ANY OS_FLAG_WAIT_SET_ANY
#define CLR_ALL OS_FLAG_WAIT_CLR_ALL
#define CLR_ANY OS_FLAG_WAIT_CLR_ANY
#define CONSUME OS_FLAG_CONSUME

void test_flag(void)
{
    OS_FLAG_GRP *group;
    INT8U        err;

    group = OSFlagCreate(0x00f0, &err);
    CHECK(group != NULL && err == OS_NO_ERR);
    CHECK(OSFlagQuery(group, &err) == 0x00f0 && err == OS_NO_ERR);
    CHECK(OSFlagPost(group, 0x8001, OS_FLAG_SET, &err) == 0x80f1 && err == OS_NO_ERR);
    CHECK(OSFlagPost(group, 0x8010, OS_FLAG_CLR, &err) == 0x00e1 && err == OS_NO_ERR);

    /* Conditions, without waiting; the flags are 0x00e1. */
    CHECK(OSFlagAccept(group, 0x0061, SET_ALL, &err) == 0x00e1 && err == OS_NO_ERR);
    CHECK((OSFlagAccept(group, 0x0071, SET_ALL, &err), err) == OS_FLAG_ERR_NOT_RDY);
    CHECK((OSFlagAccept(group, 0x0011, SET_ANY, &err), err) == OS_NO_ERR);
    CHECK((OSFlagAccept(group, 0x0012, SET_ANY, &err), err) == OS_FLAG_ERR_NOT_RDY);
    CHECK((OSFlagAccept(group, 0x0012, CLR_ALL, &err), err) == OS_NO_ERR);
    CHECK((OSFlagAccept(group, 0x0013, CLR_ALL, &err), err) == OS_FLAG_ERR_NOT_RDY);
    CHECK((OSFlagAccept(group, 0x0013, CLR_ANY, &err), err) == OS_NO_ERR);
    CHECK((OSFlagAccept(group, 0x0001, CLR_ANY, &err), err) == OS_FLAG_ERR_NOT_RDY);
    CHECK(OSFlagAccept(group, 0x0021, SET_ALL | CONSUME, &err) == 0x00c0 && err == OS_NO_ERR);
    CHECK(OSFlagAccept(group, 0x0070, SET_ANY | CONSUME, &err) == 0x0080 && err == OS_NO_ERR);
    CHECK(OSFlagAccept(group, 0x0003, CLR_ALL | CONSUME, &err) == 0x0083 && err == OS_NO_ERR);
    CHECK(OSFlagAccept(group, 0x0083, SET_ALL | CONSUME, &err) == 0 && err == OS_NO_ERR);
    CHECK((OSFlagAccept(group, 1, 4, &err), err) == OS_FLAG_ERR_WAIT_TYPE);
    CHECK((OSFlagAccept(NULL, 1, SET_ALL, &err), err) == OS_FLAG_INVALID_PGRP);
    CHECK((OSFlagAccept(Sem, 1, SET_ALL, &err), err) == OS_ERR_EVENT_TYPE);

    /* Waiting. */
    CHECK(OSFlagPend(group, 1, CLR_ALL, 0, &err) == 0 && err == OS_NO_ERR);
    CHECK(OSFlagPend(group, 1, SET_ALL, 3, &err) == 0 && err == OS_TIMEOUT);
    OSFlagPost(group, 0x0f, OS_FLAG_SET, &err);
    CHECK(OSFlagPend(group, 0x05, SET_ALL | CONSUME, 0, &err) == 0x0a && err == OS_NO_ERR);
    CHECK(OSFlagPost(group, 0x0a, OS_FLAG_CLR, &err) == 0);
    CHECK((OSFlagPend(group, 1, 5, 0, &err), err) == OS_FLAG_ERR_WAIT_TYPE);
    CHECK((OSFlagPend(NULL, 1, SET_ALL, 0, &err), err) == OS_FLAG_INVALID_PGRP);
    CHECK((OSFlagPend(Box, 1, SET_ALL, 0, &err), err) == OS_ERR_EVENT_TYPE);
    CHECK((OSFlagPost(NULL, 1, OS_FLAG_SET, &err), err) == OS_FLAG_INVALID_PGRP);
    CHECK((OSFlagPost(Box, 1, OS_FLAG_SET, &err), err) == OS_ERR_EVENT_TYPE);
    CHECK((OSFlagPost(group, 1, 2, &err), err) == OS_FLAG_INVALID_OPT);
    CHECK((OSFlagQuery(NULL, &err), err) == OS_FLAG_INVALID_PGRP);
    CHECK((OSFlagQuery(Sem, &err), err) == OS_ERR_EVENT_TYPE);
    CHECK(OSFlagDel(group, 9, &err) == group && err == OS_ERR_INVALID_OPT);
    CHECK(OSFlagDel(group, OS_DEL_NO_PEND, &err) == NULL && err == OS_NO_ERR);
    CHECK(OSFlagDel(group, OS_DEL_NO_PEND, &err) == group && err == OS_ERR_EVENT_TYPE);
    CHECK(OSFlagDel(NULL, OS_DEL_NO_PEND, &err) == NULL && err == OS_FLAG_INVALID_PGRP);

    /* Two wait for the same: who is higher takes the flags from the other. */
    start(LOW, PEND_FLAGS_ALL);
    OSTimeDly(1);
    start(HIGH, PEND_FLAGS_ALL);
    CHECK(OSFlagPost(Flags, 0x01, OS_FLAG_SET, &err) == 0x01);
    CHECK(OSQAccept(Results) == NULL);
    CHECK(OSFlagPost(Flags, 0x42, OS_FLAG_SET, &err) == 0x40 && err == OS_NO_ERR);
    CHECK(OSQAccept(Results) == REPORTED(0x40));
    wait_end(HIGH);
    CHECK(OSFlagPost(Flags, 0x03, OS_FLAG_SET, &err) == 0x40);
    CHECK(result(2) == 0x40);
    wait_end(LOW);

    /* Two wait for different flags that come together. */
    start(LOW, PEND_FLAGS_ANY);
    OSTimeDly(1);
    start(HIGH, PEND_FLAGS_ALL);
    CHECK(OSFlagPost(Flags, 0x13, OS_FLAG_SET, &err) == 0x50);
    CHECK(result(1) == 0x50 && result(2) == 0x50);
    wait_end(HIGH);
    wait_end(LOW);

    /* Until flags are clear, in time and not. */
    OSFlagPost(Flags, 0x03, OS_FLAG_SET, &err);
    start(HIGH, PEND_FLAGS_CLEAR);
    OSFlagPost(Flags, 0x01, OS_FLAG_CLR, &err);
    CHECK(OSQAccept(Results) == NULL);
    CHECK(OSFlagPost(Flags, 0x02, OS_FLAG_CLR, &err) == 0x50);
    CHECK(OSQAccept(Results) == REPORTED(0x50));
    wait_end(HIGH);
    OSFlagPost(Flags, 0x03, OS_FLAG_SET, &err);
    start(HIGH, PEND_FLAGS_CLEAR);
    CHECK(result(30) == OS_TIMEOUT << 8);
    wait_end(HIGH);

    /* Delete with a waiter. */
    OSFlagPost(Flags, 0xffff, OS_FLAG_CLR, &err);
    start(HIGH, PEND_FLAGS_ALL);
    CHECK(OSFlagDel(Flags, OS_DEL_NO_PEND, &err) == Flags && err == OS_ERR_TASK_WAITING);
    CHECK(OSFlagDel(Flags, OS_DEL_ALWAYS, &err) == NULL && err == OS_NO_ERR);
    CHECK(result(1) == 0);
    wait_end(HIGH);
    CHECK(OSFlagCreate(0, &err) == Flags);
}
