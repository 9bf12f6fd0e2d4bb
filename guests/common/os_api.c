/*
 * The calls as tasks see them. Common text: every task runs this copy.
 */
#include "os_call.h"

INT8U OSTaskCreate(void (*task)(void *pd), void *pdata, OS_STK *ptos, INT8U prio)
{
    (void)ptos;
    return os_call(OS_CALL_task_create, (INT32U)task, (INT32U)pdata, prio);
}

INT8U OSTaskDel(INT8U prio)
{
    return os_call(OS_CALL_task_del, prio, 0, 0);
}

INT8U OSTaskSuspend(INT8U prio)
{
    return os_call(OS_CALL_task_suspend, prio, 0, 0);
}

INT8U OSTaskResume(INT8U prio)
{
    return os_call(OS_CALL_task_resume, prio, 0, 0);
}

void OSTimeDly(INT16U ticks)
{
    os_call(OS_CALL_time_dly, ticks, 0, 0);
}

INT32U OSTimeGet(void)
{
    return os_call(OS_CALL_time_get, 0, 0, 0);
}

void OSTimeSet(INT32U ticks)
{
    os_call(OS_CALL_time_set, ticks, 0, 0);
}

OS_EVENT *OSSemCreate(INT16U cnt)
{
    return (OS_EVENT *)os_call(OS_CALL_sem_create, cnt, 0, 0);
}

void OSSemPend(OS_EVENT *pevent, INT16U timeout, INT8U *err)
{
    *err = os_call(OS_CALL_sem_pend, (INT32U)pevent, timeout, 0);
}

INT8U OSSemPost(OS_EVENT *pevent)
{
    return os_call(OS_CALL_sem_post, (INT32U)pevent, 0, 0);
}

INT16U OSSemAccept(OS_EVENT *pevent)
{
    return os_call(OS_CALL_sem_accept, (INT32U)pevent, 0, 0);
}

INT8U OSSemQuery(OS_EVENT *pevent, OS_SEM_DATA *pdata)
{
    return os_call(OS_CALL_sem_query, (INT32U)pevent, (INT32U)pdata, 0);
}

INT16U OSVersion(void)
{
    return OS_VERSION;
}

INT32S OSPrint(const char *text, INT32U length)
{
    return os_call(OS_CALL_print, (INT32U)text, length, 0);
}

INT32S OSBootArg(char *buffer, INT32U size)
{
    return os_call(OS_CALL_boot_arg, (INT32U)buffer, size, 0);
}
