/*
 * In the kernel part: hooks that count, and calls from inside an interrupt. Tasks read what comes of
 * them in the shared piece.
 */
#include "os.h"

#include "app.h"
#include "hooks.h"

volatile INT32U     HookCalls[HOOKS] OS_SHARED;
volatile struct isr Isr OS_SHARED;
volatile INT32U     IsrAsked OS_SHARED;

void OSInitHookBegin(void)
{
    HookCalls[INIT_BEGIN]++;
}

void OSInitHookEnd(void)
{
    HookCalls[INIT_END]++;
}

void OSTCBInitHook(OS_TCB *ptcb)
{
    HookCalls[TCB_INIT]++;
}

void OSTaskCreateHook(OS_TCB *ptcb)
{
    HookCalls[TASK_CREATE]++;
}

void OSTaskDelHook(OS_TCB *ptcb)
{
    HookCalls[TASK_DEL]++;
}

void OSTaskSwHook(void)
{
    HookCalls[TASK_SW]++;
}

void OSTaskIdleHook(void)
{
    HookCalls[TASK_IDLE]++;
}

void OSTaskStatHook(void)
{
    HookCalls[TASK_STAT]++;
}

static void in_interrupt(void)
{
    Isr.nesting = OSIntNesting;
    OSIntEnter();
    Isr.deeper = OSIntNesting;
    OSIntExit();
    Isr.back = OSIntNesting;
    Isr.sem_pend = call_sem_pend((INT32U)Sem, 0, 0, 0);
    Isr.mutex_pend = call_mutex_pend((INT32U)Mutex, 0, 0, 0);
    Isr.mutex_accept = call_mutex_accept((INT32U)Mutex, 0, 0, 0);
    Isr.flag_pend = call_flag_pend((INT32U)Flags, 1, 0, 0);
    Isr.mbox_pend = call_mbox_pend((INT32U)Box, 0, 0, 0);
    Isr.q_pend = call_q_pend((INT32U)Queue, 0, 0, 0);
    Isr.sem_create = call_sem_create(0, 0, 0, 0);
    Isr.mutex_create = call_mutex_create(30, 0, 0, 0);
    Isr.flag_create = call_flag_create(0, 0, 0, 0);
    Isr.mbox_create = call_mbox_create(0, 0, 0, 0);
    Isr.q_create = call_q_create(1, 0, 0, 0);
    Isr.sem_del = call_sem_del((INT32U)Sem, OS_DEL_ALWAYS, 0, 0);
    Isr.mutex_del = call_mutex_del((INT32U)Mutex, OS_DEL_ALWAYS, 0, 0);
    Isr.flag_del = call_flag_del((INT32U)Flags, OS_DEL_ALWAYS, 0, 0);
    Isr.mbox_del = call_mbox_del((INT32U)Box, OS_DEL_ALWAYS, 0, 0);
    Isr.q_del = call_q_del((INT32U)Queue, OS_DEL_ALWAYS, 0, 0);
    Isr.task_del = call_task_del(OS_PRIO_SELF, 0, 0, 0);
    Isr.mutex_post = call_mutex_post((INT32U)Mutex, 0, 0, 0);
    Isr.mutex_query = call_mutex_query((INT32U)Mutex, (INT32U)&Isr, 0, 0);
    Isr.sem_post = call_sem_post((INT32U)Sem, 0, 0, 0);
    Isr.mbox_post = call_mbox_post((INT32U)Box, 0x1000, 0, 0);
    Isr.q_post = call_q_post((INT32U)Queue, 0x2000, 0, 0);
    Isr.flag_post = call_flag_post((INT32U)Flags, 4, OS_FLAG_SET, 0);
}

void OSTimeTickHook(void)
{
    HookCalls[TIME_TICK]++;
    if (IsrAsked != 1)
        return;
    in_interrupt();
    IsrAsked = 2;
}
