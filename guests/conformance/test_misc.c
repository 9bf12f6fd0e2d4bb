/*
 * Scheduler lock, statistics, console, and what no call should accept.
 */
#include "conformance.h"

#include "os_call.h"

extern INT32U OSTime;
extern char   task0_data_start[], task0_data_end[], task0_stack_start[], task0_stack_end[];
extern char   task1_stack_start[];

/* An address beside a symbol of the linker, hidden from the compiler's bounds checks. */
static char *at(const char *symbol, INT32S offset)
{
    INT32U address = (INT32U)symbol;

    __asm__("" : "+r"(address));
    return (char *)(address + offset);
}

void test_misc(void)
{
    static char text[16];
    INT8U       err, vm;
    INT32U      i, time;
    INT8S       usage;

    CHECK(OSVersion() == 252);

    /* The scheduler's lock keeps a higher task out, also one that a tick wakes; locks nest. */
    OSSchedLock();
    OSSchedLock();
    start(HIGH, REPORT);
    OSSchedUnlock();
    CHECK(OSQAccept(Results) == NULL);
    OSSchedUnlock();
    CHECK(OSQAccept(Results) == REPORTED(77));
    wait_end(HIGH);
    start(HIGH, PEND_SEM_SHORT);
    OSSchedLock();
    time = OSTimeGet();
    while (OSTimeGet() - time < 10)
        ;
    CHECK(OSQAccept(Results) == NULL);
    OSSchedUnlock();
    CHECK(OSQAccept(Results) == REPORTED(OS_TIMEOUT));
    wait_end(HIGH);
    OSSchedUnlock();                            /* one too many does no harm */
    start(HIGH, LOCK);                          /* the lock ends with who has it */
    start(HIGH, REPORT);
    CHECK(OSQAccept(Results) == REPORTED(77));
    wait_end(HIGH);
    start(HIGH, PEND_SEM);
    OSSchedLock();
    CHECK(OSTaskDel(HIGH) == OS_NO_ERR);        /* not with another */
    start(HIGH, REPORT);
    CHECK(OSQAccept(Results) == NULL);
    OSSchedUnlock();
    CHECK(OSQAccept(Results) == REPORTED(77));
    wait_end(HIGH);

    /* Who has it locked does not wait. */
    OSSchedLock();
    OSSemPend(Sem, 0, &err);
    CHECK(err == OS_ERR_LOCKED);
    CHECK(OSMboxPend(Box, 0, &err) == NULL && err == OS_ERR_LOCKED);
    CHECK((OSFlagPend(Flags, 1, OS_FLAG_WAIT_SET_ALL, 0, &err), err) == OS_ERR_LOCKED);
    CHECK(OSTaskSuspend(OS_PRIO_SELF) == OS_ERR_LOCKED);
    time = OSTimeGet();
    OSTimeDly(50);
    CHECK(OSTimeGet() - time < 10);
    OSSchedUnlock();

    /* Statistics: a second of which a tenth is busy, then a second of idling. */
    OSTimeDly(1);
    OSStatInit();
    CHECK(OSCPUUsageGet() == 0);
    time = OSTimeGet();
    while (OSTimeGet() - time < OS_TICKS_PER_SEC / 10)
        ;
    OSTimeDly(OS_TICKS_PER_SEC);
    usage = OSCPUUsageGet();
    CHECK(usage >= 7 && usage <= 15);
    OSTimeDly(OS_TICKS_PER_SEC);
    usage = OSCPUUsageGet();
    CHECK(usage >= 0 && usage < 5);

    /* The console takes only what is ours to read. */
    CHECK(OSPrint("", 0) == 0);
    CHECK(OSPrint((const char *)&OSTime, 4) < 0);
    CHECK(OSPrint((const char *)0xfffffff0, 0x20) < 0);
    CHECK(OSPrint(text, 0xffffffff) < 0);
    CHECK(OSPrint(at(task0_data_start, 0), 0) == 0 && OSPrint(at(task0_data_start, -4), 8) < 0);
    CHECK(OSPrint(at(task0_data_end, -4), 0) == 0 && OSPrint(at(task0_data_end, -4), 5) < 0);
    CHECK(OSPrint(at(task0_stack_end, -4), 5) < 0 && OSPrint(at(task0_stack_start, -4), 8) < 0);
    CHECK(OSPrint(at(task1_stack_start, 0), 4) < 0);
    CHECK(OSGetChar(2, &err) == -1 && err == OS_TIMEOUT);
    CHECK(OSBootArg(text, sizeof text) >= 0 && text[sizeof text - 1] == '\0');
    CHECK(OSBootArg(text, 0) < 0 && OSBootArg((char *)&OSTime, 4) < 0);
    CHECK(OSBootArg((char *)test_misc, 4) < 0);

    /* Messages between VMs: nobody is there. */
    CHECK(OSVmSend(77, text, 4) == OS_ERR_VM && OSVmSend(77, &OSTime, 4) == OS_ERR_ADDRESS);
    CHECK(OSVmReceive(&vm, text, sizeof text, 2, &err) == 0 && err == OS_TIMEOUT);
    CHECK(OSVmReceive(&vm, &OSTime, 4, 2, &err) == 0 && err == OS_ERR_ADDRESS);
    CHECK(OSVmReceive(&vm, text, 0, 2, &err) == 0 && err == OS_ERR_ADDRESS);

    /* Numbers that are no call. */
    for (i = OS_CALLS; i < 300; i++)
        CHECK(os_call(i, 0, 0, 0, 0) == OS_ERR_CALL);
    CHECK(os_call(0, 0, 0, 0, 0) == OS_ERR_CALL);
    CHECK(os_call(0xffffffff, 0, 0, 0, 0) == OS_ERR_CALL);
    CHECK(os_call(0x80000010, 0, 0, 0, 0) == OS_ERR_CALL);
}
