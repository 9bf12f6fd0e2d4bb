/*
 * Tasks.
 */
#include "conformance.h"

static void not_a_task(void)
{
}

void test_task(void)
{
    OS_TCB      tcb;
    OS_STK_DATA stack;
    OS_SEM_DATA sem;

    /* Create: who is higher runs at once, who is lower when we wait. */
    start(HIGH, REPORT);
    CHECK(OSQAccept(Results) == REPORTED(77));
    wait_end(HIGH);
    start(LOW, REPORT);
    CHECK(OSQAccept(Results) == NULL);
    CHECK(result(10) == 77);
    wait_end(LOW);
    CHECK(OSTaskCreate(helper_low, NULL, NULL, OS_LOWEST_PRIO + 1) == OS_PRIO_INVALID);
    CHECK(OSTaskCreate(helper_low, NULL, NULL, SELF) == OS_PRIO_EXIST);
    CHECK(OSTaskCreate(helper_low, NULL, NULL, OS_IDLE_PRIO) == OS_PRIO_EXIST);
    CHECK(OSTaskCreate(helper_low, NULL, NULL, 7) == OS_PRIO_EXIST);
    CHECK(OSTaskCreate((void (*)(void *))NULL, NULL, NULL, LOW) == OS_ERR_ADDRESS);
    CHECK(OSTaskCreate((void (*)(void *))0x1fffffc, NULL, NULL, LOW) == OS_ERR_ADDRESS);
    CHECK(OSTaskCreate((void (*)(void *))((INT32U)helper_low + 2), NULL, NULL, LOW) == OS_ERR_ADDRESS);
    CHECK(OSTaskCreate((void (*)(void *))not_a_task, NULL, NULL, LOW) == OS_NO_MORE_TCB);
    CHECK(OSTaskCreateExt(helper_low, (void *)SPIN, NULL, LOW, 321, NULL, 0, (void *)0x1234,
                          OS_TASK_OPT_STK_CHK | OS_TASK_OPT_STK_CLR) == OS_NO_ERR);
    CHECK(OSTaskCreate(helper_low, NULL, NULL, NOWHERE) == OS_NO_MORE_TCB);

    /* Query. */
    CHECK(OSTaskQuery(LOW, &tcb) == OS_NO_ERR);
    CHECK(tcb.OSTCBPrio == LOW && tcb.OSTCBId == 321 && tcb.OSTCBExtPtr == (void *)0x1234);
    CHECK(tcb.OSTCBOpt == (OS_TASK_OPT_STK_CHK | OS_TASK_OPT_STK_CLR));
    CHECK(tcb.OSTCBStkSize == 4096 / sizeof(OS_STK));
    CHECK(OSTaskQuery(OS_PRIO_SELF, &tcb) == OS_NO_ERR && tcb.OSTCBPrio == SELF);
    CHECK(OSTaskQuery(OS_IDLE_PRIO, &tcb) == OS_NO_ERR && tcb.OSTCBPrio == OS_IDLE_PRIO);
    CHECK(OSTaskQuery(NOWHERE, &tcb) == OS_PRIO_ERR);
    CHECK(OSTaskQuery(7, &tcb) == OS_PRIO_ERR);
    CHECK(OSTaskQuery(64, &tcb) == OS_PRIO_INVALID);
    CHECK(OSTaskQuery(LOW, NULL) == OS_ERR_ADDRESS);
    CHECK(OSTaskQuery(LOW, (OS_TCB *)((INT32U)&tcb + 1)) == OS_ERR_ADDRESS);
    CHECK(OSTaskQuery(LOW, (OS_TCB *)0xfffffffc) == OS_ERR_ADDRESS);
    CHECK(OSTaskQuery(LOW, (OS_TCB *)((INT32U)test_task & ~3)) == OS_ERR_ADDRESS);

    /* Suspend, resume. */
    OSTimeDly(1);
    CHECK(OSTaskSuspend(LOW) == OS_NO_ERR);
    CHECK(OSTaskQuery(LOW, &tcb) == OS_NO_ERR && tcb.OSTCBStat == OS_STAT_SUSPEND);
    CHECK(OSTaskSuspend(NOWHERE) == OS_TASK_SUSPEND_PRIO);
    CHECK(OSTaskSuspend(7) == OS_TASK_SUSPEND_PRIO);
    CHECK(OSTaskSuspend(OS_IDLE_PRIO) == OS_TASK_SUSPEND_IDLE);
    CHECK(OSTaskSuspend(64) == OS_PRIO_INVALID);
    CHECK(OSTaskResume(NOWHERE) == OS_TASK_RESUME_PRIO);
    CHECK(OSTaskResume(SELF) == OS_TASK_NOT_SUSPENDED);
    CHECK(OSTaskResume(64) == OS_PRIO_INVALID);
    CHECK(OSTaskResume(OS_PRIO_SELF) == OS_PRIO_INVALID);
    CHECK(OSTaskDelReq(LOW) == OS_NO_ERR);
    CHECK(result(5) == -1);                     /* suspended: it does not see the request */
    CHECK(OSTaskResume(LOW) == OS_NO_ERR);
    CHECK(OSTaskResume(LOW) == OS_TASK_NOT_SUSPENDED);
    CHECK(result(5) == 1);
    wait_end(LOW);

    /* Delete, and requests to. */
    CHECK(OSTaskDelReq(NOWHERE) == OS_TASK_NOT_EXIST);
    CHECK(OSTaskDelReq(OS_IDLE_PRIO) == OS_TASK_DEL_IDLE);
    CHECK(OSTaskDelReq(64) == OS_PRIO_INVALID);
    CHECK(OSTaskDelReq(OS_PRIO_SELF) == OS_NO_ERR);
    CHECK(OSTaskDel(OS_IDLE_PRIO) == OS_TASK_DEL_IDLE);
    CHECK(OSTaskDel(NOWHERE) == OS_TASK_DEL_ERR);
    CHECK(OSTaskDel(64) == OS_PRIO_INVALID);
    start(HIGH, PEND_SEM);
    CHECK(OSTaskDel(HIGH) == OS_NO_ERR);
    CHECK(OSSemQuery(Sem, &sem) == OS_NO_ERR && sem.OSEventGrp == 0);   /* nobody waits any more */
    CHECK(OSSemPost(Sem) == OS_NO_ERR && OSSemAccept(Sem) == 1);
    CHECK(OSTaskResume(HIGH) == OS_TASK_RESUME_PRIO);

    /* Change of priority: of a waiting task, and of oneself. */
    start(LOW, PEND_SEM);
    OSTimeDly(1);
    CHECK(OSTaskChangePrio(LOW, SELF) == OS_PRIO_EXIST);
    CHECK(OSTaskChangePrio(LOW, 7) == OS_PRIO_EXIST);
    CHECK(OSTaskChangePrio(NOWHERE, NOWHERE + 1) == OS_PRIO_ERR);
    CHECK(OSTaskChangePrio(LOW, 64) == OS_PRIO_INVALID);
    CHECK(OSTaskChangePrio(LOW, OS_LOWEST_PRIO) == OS_PRIO_INVALID);
    CHECK(OSTaskChangePrio(OS_IDLE_PRIO, NOWHERE) == OS_PRIO_INVALID);
    CHECK(OSTaskChangePrio(LOW, HIGH) == OS_NO_ERR);
    CHECK(OSTaskQuery(LOW, &tcb) == OS_PRIO_ERR);
    CHECK(OSTaskQuery(HIGH, &tcb) == OS_NO_ERR && tcb.OSTCBStat == OS_STAT_SEM);
    CHECK(OSSemQuery(Sem, &sem) == OS_NO_ERR && sem.OSEventGrp == 1 << (HIGH >> 3));
    CHECK(sem.OSEventTbl[LOW >> 3] == 0 && sem.OSEventTbl[HIGH >> 3] == 1 << (HIGH & 7));
    CHECK(OSSemPost(Sem) == OS_NO_ERR);
    CHECK(OSQAccept(Results) == REPORTED(OS_NO_ERR));                   /* it ran before us */
    wait_end(HIGH);
    start(LOW, REPORT);
    CHECK(OSTaskChangePrio(OS_PRIO_SELF, NOWHERE) == OS_NO_ERR);
    CHECK(OSQAccept(Results) == REPORTED(77));                          /* it is higher now */
    CHECK(OSTaskChangePrio(NOWHERE, SELF) == OS_NO_ERR);
    wait_end(LOW);

    /* The stack. */
    CHECK(OSTaskStkChk(OS_PRIO_SELF, &stack) == OS_NO_ERR);
    CHECK(stack.OSFree + stack.OSUsed == 4096 && stack.OSUsed > 100 && stack.OSFree > 1000);
    CHECK(OSTaskStkChk(SELF, &stack) == OS_NO_ERR);
    CHECK(OSTaskStkChk(OS_IDLE_PRIO, &stack) == OS_ERR_ISOLATED);
    CHECK(OSTaskStkChk(NOWHERE, &stack) == OS_TASK_NOT_EXIST);
    CHECK(OSTaskStkChk(64, &stack) == OS_PRIO_INVALID);
    CHECK(OSTaskStkChk(OS_PRIO_SELF, NULL) == OS_ERR_ADDRESS);
    start(LOW, PEND_SEM);                       /* without OS_TASK_OPT_STK_CHK */
    CHECK(OSTaskStkChk(LOW, &stack) == OS_TASK_OPT_ERR);
    CHECK(OSTaskDel(LOW) == OS_NO_ERR);
}
