/*
 * Time.
 */
#include "conformance.h"

/* Ticks from right after a tick to right after another. */
static INT32U ticks_of(void (*wait)(void))
{
    INT32U time;

    OSTimeDly(1);
    time = OSTimeGet();
    wait();
    return OSTimeGet() - time;
}

static void one(void)
{
    OSTimeDly(1);
}

static void seven(void)
{
    OSTimeDly(7);
}

static void none(void)
{
    OSTimeDly(0);
}

static void half_second(void)
{
    CHECK(OSTimeDlyHMSM(0, 0, 0, 500) == OS_NO_ERR);
}

static void second(void)
{
    CHECK(OSTimeDlyHMSM(0, 0, 1, 20) == OS_NO_ERR);
}

void test_time(void)
{
    INT32U time, micros;

    CHECK(ticks_of(none) == 0);
    CHECK(ticks_of(one) == 1);
    CHECK(ticks_of(seven) == 7);
    CHECK(ticks_of(half_second) == OS_TICKS_PER_SEC / 2);
    CHECK(ticks_of(second) == OS_TICKS_PER_SEC + 2);
    CHECK(OSTimeDlyHMSM(0, 60, 0, 0) == OS_TIME_INVALID_MINUTES);
    CHECK(OSTimeDlyHMSM(0, 0, 60, 0) == OS_TIME_INVALID_SECONDS);
    CHECK(OSTimeDlyHMSM(0, 0, 0, 1000) == OS_TIME_INVALID_MILLI);
    CHECK(OSTimeDlyHMSM(0, 0, 0, 0) == OS_TIME_ZERO_DLY);

    /* The clock can be set, and delays don't mind. */
    OSTimeSet(0xfffffffe);
    CHECK(OSTimeGet() == 0xfffffffe || OSTimeGet() == 0xffffffff);
    CHECK(ticks_of(seven) == 7);
    CHECK(OSTimeGet() < 100);

    /* Microseconds agree with ticks. */
    OSTimeDly(1);
    micros = OSTimeMicros();
    OSTimeDly(10);
    micros = OSTimeMicros() - micros;
    CHECK(micros > 90000 && micros < 110000);

    /* A delay of another task, ended early and not. */
    start(LOW, DELAY);
    CHECK(result(60) >= 50);
    wait_end(LOW);
    start(HIGH, DELAY);
    OSTimeDly(5);
    CHECK(OSTimeDlyResume(HIGH) == OS_NO_ERR);
    time = result(1);
    CHECK(time >= 5 && time < 50);
    wait_end(HIGH);
    CHECK(OSTimeDlyResume(SELF) == OS_TIME_NOT_DLY);
    CHECK(OSTimeDlyResume(NOWHERE) == OS_TASK_NOT_EXIST);
    CHECK(OSTimeDlyResume(7) == OS_TASK_NOT_EXIST);
    CHECK(OSTimeDlyResume(OS_LOWEST_PRIO) == OS_PRIO_INVALID);

    /* Of a wait with a timeout: as if the time were over. Of one without: nothing to end. */
    start(HIGH, PEND_SEM_LONG);
    CHECK(OSTimeDlyResume(HIGH) == OS_NO_ERR);
    CHECK(result(1) == OS_TIMEOUT);
    wait_end(HIGH);
    start(HIGH, PEND_SEM);
    CHECK(OSTimeDlyResume(HIGH) == OS_TIME_NOT_DLY);
    CHECK(OSTaskDel(HIGH) == OS_NO_ERR);

    /* A suspended task sleeps on when its delay ends. */
    start(HIGH, DELAY);
    CHECK(OSTaskSuspend(HIGH) == OS_NO_ERR);
    CHECK(result(60) == -1);
    CHECK(OSTaskResume(HIGH) == OS_NO_ERR);
    CHECK(result(1) >= 60);
    wait_end(HIGH);
}
