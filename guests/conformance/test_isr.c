/*
 * The hooks, and what calls give inside an interrupt: those that wait, create or delete are refused,
 * posts are seen by who waits.
 */
#include "conformance.h"

#include "hooks.h"
#include "os_call.h"

void test_isr(void)
{
    INT32U before[HOOKS];
    INT8U  i, err;

    /* The application's tasks that are not left for later, and what the tests before have created. */
    CHECK(HookCalls[INIT_BEGIN] == 1 && HookCalls[INIT_END] == 1);
    CHECK(HookCalls[TCB_INIT] == HookCalls[TASK_CREATE] && HookCalls[TASK_CREATE] > 2);
    CHECK(HookCalls[TASK_CREATE] == HookCalls[TASK_DEL] + 2);
    CHECK(HookCalls[TASK_SW] > HookCalls[TASK_CREATE]);
    for (i = 0; i < HOOKS; i++)
        before[i] = HookCalls[i];
    OSTimeDly(5);
    CHECK(HookCalls[TIME_TICK] > before[TIME_TICK] && HookCalls[TIME_TICK] <= before[TIME_TICK] + 6);
    CHECK(HookCalls[TASK_IDLE] > before[TASK_IDLE]);
    CHECK(HookCalls[TASK_SW] >= before[TASK_SW] + 2);
    start(LOW, REPORT);
    CHECK(HookCalls[TASK_CREATE] == before[TASK_CREATE] + 1);
    CHECK(HookCalls[TCB_INIT] == before[TCB_INIT] + 1);
    CHECK(result(10) == 77);
    wait_end(LOW);
    CHECK(HookCalls[TASK_DEL] == before[TASK_DEL] + 1);
    OSStatInit();
    OSTimeDly(OS_TICKS_PER_SEC + 1);
    CHECK(HookCalls[TASK_STAT] == before[TASK_STAT] + 1);

    /* Somebody waits for what the interrupt posts. */
    start(HIGH, PEND_SEM);
    IsrAsked = 1;
    CHECK(result(10) == OS_NO_ERR);
    CHECK(IsrAsked == 2);
    wait_end(HIGH);

    CHECK(Isr.nesting == 1 && Isr.deeper == 2 && Isr.back == 1);
    CHECK(Isr.sem_pend == OS_ERR_PEND_ISR);
    CHECK(Isr.mutex_pend == OS_ERR_PEND_ISR && Isr.mutex_accept == OS_ERR_PEND_ISR);
    CHECK(Isr.flag_pend == OS_ERR_PEND_ISR << 16);
    CHECK(Isr.mbox_pend == OS_RESULT_ERR(OS_ERR_PEND_ISR));
    CHECK(Isr.q_pend == OS_RESULT_ERR(OS_ERR_PEND_ISR));
    CHECK(Isr.sem_create == 0 && Isr.mbox_create == 0 && Isr.q_create == 0);
    CHECK(Isr.mutex_create == OS_RESULT_ERR(OS_ERR_CREATE_ISR));
    CHECK(Isr.flag_create == OS_RESULT_ERR(OS_ERR_CREATE_ISR));
    CHECK(Isr.sem_del == OS_ERR_DEL_ISR && Isr.mutex_del == OS_ERR_DEL_ISR);
    CHECK(Isr.flag_del == OS_ERR_DEL_ISR && Isr.mbox_del == OS_ERR_DEL_ISR);
    CHECK(Isr.q_del == OS_ERR_DEL_ISR && Isr.task_del == OS_TASK_DEL_ISR);
    CHECK(Isr.mutex_post == OS_ERR_POST_ISR && Isr.mutex_query == OS_ERR_QUERY_ISR);
    CHECK(Isr.sem_post == OS_NO_ERR && Isr.mbox_post == OS_NO_ERR && Isr.q_post == OS_NO_ERR);
    CHECK(Isr.flag_post == 4);
    CHECK(OSMboxPend(Box, 1, &err) == (void *)0x1000 && err == OS_NO_ERR);
    CHECK(OSQPend(Queue, 1, &err) == (void *)0x2000 && err == OS_NO_ERR);
    CHECK(OSFlagPend(Flags, 4, OS_FLAG_WAIT_SET_ALL | OS_FLAG_CONSUME, 1, &err) == 0);

    /* All event control blocks are taken. */
    for (i = 0; i < OS_MAX_EVENTS && OSSemCreate(i) != NULL; i++)
        ;
    CHECK(i > 0 && i < OS_MAX_EVENTS);
    CHECK(OSFlagCreate(0, &err) == NULL && err == OS_FLAG_GRP_DEPLETED);
    CHECK(OSMutexCreate(30, &err) == NULL && err == OS_ERR_PEVENT_NULL);
    CHECK(OSMboxCreate(NULL) == NULL && OSQCreate(NULL, 2) == NULL);
}
