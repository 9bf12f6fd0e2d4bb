/*
 * Tasks: create, delete, suspend, resume.
 *
 * A task is bound to its area: its text, data and stack are in pages that no other task can touch.
 * So a function can be one task only, and `ptos` of the standard calls has no meaning here.
 */
#include "os.h"

/* The area whose text holds an address, or OSAreas. */
static INT8U area_of(INT32U address)
{
    INT8U i;

    for (i = 0; i < OSAreas; i++)
        if (address >= OSArea[i].text_start && address < OSArea[i].text_end)
            break;
    return i;
}

/* OSTaskCreate(task, pdata, ptos, prio) */
INT32U call_task_create(INT32U task, INT32U pdata, INT32U prio)
{
    INT8U   i = area_of(task);
    OS_TCB *tcb;

    if (prio > OS_LOWEST_PRIO)
        return OS_PRIO_INVALID;
    if (OSTCBPrioTbl[prio] != NULL)
        return OS_PRIO_EXIST;
    if (i == OSAreas)
        return OS_ERR_ADDRESS;
    tcb = &OSTCBTbl[i];
    if (tcb->exists || port_task_create(task, pdata, prio) != i)
        return OS_NO_MORE_TCB;
    *tcb = (OS_TCB){ .exists = TRUE, .prio = prio };
    OSTCBPrioTbl[prio] = tcb;
    os_ready(tcb);
    return OS_NO_ERR;
}

/* Takes a task out of the kernel's tables. */
void os_task_forget(OS_TCB *tcb)
{
    os_unready(tcb);
    if (tcb->event != NULL)
        os_event_leave(tcb);
    OSTCBPrioTbl[tcb->prio] = NULL;
    *tcb = (OS_TCB){ .exists = FALSE };
}

/* OSTaskDel(prio) */
INT32U call_task_del(INT32U prio, INT32U b, INT32U c)
{
    OS_TCB *tcb = os_task_of(prio);

    (void)b, (void)c;
    if (prio == OS_IDLE_PRIO)
        return OS_TASK_DEL_IDLE;
    if (prio > OS_LOWEST_PRIO && prio != OS_PRIO_SELF)
        return OS_PRIO_INVALID;
    if (tcb == NULL)
        return OS_TASK_DEL_ERR;
    os_task_forget(tcb);
    port_task_delete(tcb - OSTCBTbl);
    return OS_NO_ERR;
}

/* OSTaskSuspend(prio) */
INT32U call_task_suspend(INT32U prio, INT32U b, INT32U c)
{
    OS_TCB *tcb = os_task_of(prio);

    (void)b, (void)c;
    if (prio == OS_IDLE_PRIO)
        return OS_TASK_SUSPEND_IDLE;
    if (prio > OS_LOWEST_PRIO && prio != OS_PRIO_SELF)
        return OS_PRIO_INVALID;
    if (tcb == NULL)
        return OS_TASK_SUSPEND_PRIO;
    tcb->stat |= OS_STAT_SUSPEND;
    os_unready(tcb);
    return OS_NO_ERR;
}

/* OSTaskResume(prio) */
INT32U call_task_resume(INT32U prio, INT32U b, INT32U c)
{
    OS_TCB *tcb;

    (void)b, (void)c;
    if (prio > OS_LOWEST_PRIO)
        return OS_PRIO_INVALID;
    tcb = OSTCBPrioTbl[prio];
    if (tcb == NULL)
        return OS_TASK_RESUME_PRIO;
    if (!(tcb->stat & OS_STAT_SUSPEND))
        return OS_TASK_NOT_SUSPENDED;
    tcb->stat &= ~OS_STAT_SUSPEND;
    os_ready(tcb);
    return OS_NO_ERR;
}
