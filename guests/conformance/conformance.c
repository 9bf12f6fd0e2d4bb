/*
 * Runs all tests and prints what failed and how many passed.
 */
#include "conformance.h"

static INT32U      passed, failed;
static const char *part = "conformance";

void check(BOOLEAN good, INT32U line)
{
    if (good) {
        passed++;
        return;
    }
    failed++;
    OSPrintf("test_%s.c:%u: failed\n", part, line);
}

INT32S result(INT16U timeout)
{
    INT8U err;
    void *msg = OSQPend(Results, timeout, &err);

    return err == OS_NO_ERR ? (INT32S)msg - 0x10000 : -1;
}

void start(INT8U prio, enum command command)
{
    CHECK(OSTaskCreate(prio == LOW ? helper_low : helper_high, (void *)command, NULL, prio) == OS_NO_ERR);
}

void wait_end(INT8U prio)
{
    INT8U  i;
    OS_TCB tcb;

    for (i = 0; i < 100 && OSTaskQuery(prio, &tcb) == OS_NO_ERR; i++)
        OSTimeDly(1);
    CHECK(OSTaskQuery(prio, &tcb) == OS_PRIO_ERR);
    CHECK(result(1) == -1);
}

static void run(const char *name, void (*test)(void))
{
    INT32U before = passed + failed;

    part = name;
    test();
    OSPrintf("%s: %u checks\n", name, passed + failed - before);
}

void conformance(void *pdata)
{
    run("task", test_task);
    run("time", test_time);
    run("sem", test_sem);
    run("mutex", test_mutex);
    run("flag", test_flag);
    run("mbox", test_mbox);
    run("q", test_q);
    run("mem", test_mem);
    run("misc", test_misc);
    run("isr", test_isr);
    OSPrintf("conformance: %u passed, %u failed\n", passed, failed);
    for (;;)
        OSTaskSuspend(OS_PRIO_SELF);
}
