/*
 * Tasks: create, delete, priorities, suspend, resume, look at.
 *
 * A task is bound to its area: its text, data and stack are in pages that no other task can touch.
 * So a function can be one task only, and the stacks that the standard calls name have no meaning.
 */
#include "os.h"

/* The task of a priority as the calls name it, or NULL. */
OS_TCB *os_task_of(INT32U prio)
{
    if (prio == OS_PRIO_SELF)
        return OSTCBCur;
    if (prio > OS_LOWEST_PRIO || OSTCBPrioTbl[prio] == OS_TCB_RESERVED)
        return NULL;
    return OSTCBPrioTbl[prio];
}

static BOOLEAN valid(INT32U prio)
{
    return prio <= OS_LOWEST_PRIO || prio == OS_PRIO_SELF;
}

/* The area whose text holds an address, or OSAreas. */
static INT8U area_of(INT32U address)
{
    INT8U i;

    for (i = 0; i < OSAreas; i++)
        if (address >= OSArea[i].text_start && address < OSArea[i].text_end)
            break;
    return i;
}

/* OSTaskCreate(), OSTaskCreateExt(): more = prio | opt << 8 | id << 16 */
INT32U call_task_create(INT32U task, INT32U pdata, INT32U more, INT32U pext)
{
    INT8U   i = area_of(task);
    INT8U   prio = more;
    OS_TCB *tcb;

    if (prio > OS_LOWEST_PRIO)
        return OS_PRIO_INVALID;
    if (OSTCBPrioTbl[prio] != NULL)
        return OS_PRIO_EXIST;
    if (i == OSAreas || task % 4 != 0)
        return OS_ERR_ADDRESS;
    tcb = &OSTCBTbl[i];
    if (tcb->OSTCBStkSize != 0)
        return OS_NO_MORE_TCB;
    if (port_task_create(task, pdata, prio) != i)
        return OS_NO_MORE_TCB;
    *tcb = (OS_TCB){
        .OSTCBNext = OSTCBList,
        .OSTCBExtPtr = (void *)pext,
        .OSTCBStkBottom = (OS_STK *)OSArea[i].stack_start,
        .OSTCBStkSize = (OSArea[i].stack_end - OSArea[i].stack_start) / sizeof(OS_STK),
        .OSTCBOpt = more >> 8 & 0xff,
        .OSTCBId = more >> 16,
        .OSTCBPrio = prio,
        .OSTCBBasePrio = prio,
    };
    if (OSTCBList != NULL)
        OSTCBList->OSTCBPrev = tcb;
    OSTCBList = tcb;
    OSTCBPrioTbl[prio] = tcb;
    OSTCBInitHook(tcb);
    OSTaskCreateHook(tcb);
    os_ready(tcb);
    return OS_NO_ERR;
}

/* Takes a task out of the kernel's tables, with what it holds. */
void os_task_forget(OS_TCB *tcb)
{
    OSTaskDelHook(tcb);
    os_unready(tcb);
    if (tcb->OSTCBEventPtr != NULL)
        os_event_leave(tcb);
    os_mutex_forget(tcb);
    os_block_forget(tcb);
    os_lock_forget(tcb);
    if (tcb->OSTCBPrev != NULL)
        tcb->OSTCBPrev->OSTCBNext = tcb->OSTCBNext;
    else
        OSTCBList = tcb->OSTCBNext;
    if (tcb->OSTCBNext != NULL)
        tcb->OSTCBNext->OSTCBPrev = tcb->OSTCBPrev;
    OSTCBPrioTbl[tcb->OSTCBPrio] = NULL;
    *tcb = (OS_TCB){ .OSTCBStkSize = 0 };
    port_task_delete(tcb - OSTCBTbl);
}

/* OSTaskDel(prio) */
INT32U call_task_del(INT32U prio, INT32U b, INT32U c, INT32U d)
{
    OS_TCB *tcb = os_task_of(prio);

    if (OSIntNesting > 0)
        return OS_TASK_DEL_ISR;
    if (prio == OS_IDLE_PRIO)
        return OS_TASK_DEL_IDLE;
    if (!valid(prio))
        return OS_PRIO_INVALID;
    if (tcb == NULL)
        return OS_TASK_DEL_ERR;
    os_task_forget(tcb);
    return OS_NO_ERR;
}

/* OSTaskDelReq(prio): asks a task to delete itself; of oneself: has somebody asked? */
INT32U call_task_del_req(INT32U prio, INT32U b, INT32U c, INT32U d)
{
    OS_TCB *tcb = os_task_of(prio);

    if (prio == OS_IDLE_PRIO)
        return OS_TASK_DEL_IDLE;
    if (!valid(prio))
        return OS_PRIO_INVALID;
    if (prio == OS_PRIO_SELF)
        return tcb->OSTCBDelReq ? OS_TASK_DEL_REQ : OS_NO_ERR;
    if (tcb == NULL)
        return OS_TASK_NOT_EXIST;
    tcb->OSTCBDelReq = TRUE;
    return OS_NO_ERR;
}

/* Gives a task another priority at present, in all lists that it is on. */
void os_task_set_prio(OS_TCB *tcb, INT8U prio)
{
    OS_EVENT *event = tcb->OSTCBEventPtr;
    INT8U     old = tcb->OSTCBPrio;

    if (old == prio)
        return;
    port_task_prio(tcb - OSTCBTbl, prio);       /* with its ready bit */
    if (event != NULL) {
        event->OSEventTbl[old >> 3] &= ~(1u << (old & 7));
        if (event->OSEventTbl[old >> 3] == 0)
            event->OSEventGrp &= ~(1u << (old >> 3));
        event->OSEventTbl[prio >> 3] |= 1u << (prio & 7);
        event->OSEventGrp |= 1u << (prio >> 3);
    }
    tcb->OSTCBPrio = prio;
    OSTCBPrioTbl[prio] = tcb;
}

/* OSTaskChangePrio(oldprio, newprio) */
INT32U call_task_change_prio(INT32U old, INT32U prio, INT32U c, INT32U d)
{
    OS_TCB *tcb = os_task_of(old);
    INT8U   base;

    if (!valid(old) || old == OS_IDLE_PRIO || prio >= OS_IDLE_PRIO)
        return OS_PRIO_INVALID;
    if (OSTCBPrioTbl[prio] != NULL)
        return OS_PRIO_EXIST;
    if (tcb == NULL)
        return OS_PRIO_ERR;
    base = tcb->OSTCBBasePrio;
    tcb->OSTCBBasePrio = prio;
    if (tcb->OSTCBPrio == base)
        os_task_set_prio(tcb, prio);            /* else it comes to it with its last mutex */
    OSTCBPrioTbl[base] = NULL;
    OSTCBPrioTbl[prio] = tcb;
    if (tcb->OSTCBEventPtr != NULL)
        os_mutex_settle(tcb->OSTCBEventPtr);
    return OS_NO_ERR;
}

/* OSTaskSuspend(prio) */
INT32U call_task_suspend(INT32U prio, INT32U b, INT32U c, INT32U d)
{
    OS_TCB *tcb = os_task_of(prio);

    if (prio == OS_IDLE_PRIO)
        return OS_TASK_SUSPEND_IDLE;
    if (!valid(prio))
        return OS_PRIO_INVALID;
    if (tcb == NULL)
        return OS_TASK_SUSPEND_PRIO;
    if (tcb == OSTCBCur && os_locked())
        return OS_ERR_LOCKED;
    tcb->OSTCBStat |= OS_STAT_SUSPEND;
    os_unready(tcb);
    return OS_NO_ERR;
}

/* OSTaskResume(prio) */
INT32U call_task_resume(INT32U prio, INT32U b, INT32U c, INT32U d)
{
    OS_TCB *tcb = os_task_of(prio);

    if (prio > OS_LOWEST_PRIO)
        return OS_PRIO_INVALID;
    if (tcb == NULL)
        return OS_TASK_RESUME_PRIO;
    if (!(tcb->OSTCBStat & OS_STAT_SUSPEND))
        return OS_TASK_NOT_SUSPENDED;
    tcb->OSTCBStat &= ~OS_STAT_SUSPEND;
    os_ready(tcb);
    return OS_NO_ERR;
}

/*
 * OSTaskStkChk(prio, pdata): the pages of a fresh task are 0, so what is still 0 from the bottom up
 * was never used. The kernel reaches the stack of the current task only.
 */
INT32U call_task_stk_chk(INT32U prio, INT32U pdata, INT32U c, INT32U d)
{
    OS_TCB       *tcb = os_task_of(prio);
    OS_STK_DATA  *data = (OS_STK_DATA *)pdata;
    const OS_STK *at, *end;

    if (!valid(prio))
        return OS_PRIO_INVALID;
    if (tcb == NULL)
        return OS_TASK_NOT_EXIST;
    if (!(tcb->OSTCBOpt & OS_TASK_OPT_STK_CHK))
        return OS_TASK_OPT_ERR;
    if (pdata % 4 != 0 || !os_writable(pdata, sizeof *data))
        return OS_ERR_ADDRESS;
    if (tcb != OSTCBCur)
        return OS_ERR_ISOLATED;
    at = tcb->OSTCBStkBottom;
    end = at + tcb->OSTCBStkSize;
    while (at < end && *at == 0)
        at++;
    data->OSFree = (at - tcb->OSTCBStkBottom) * sizeof(OS_STK);
    data->OSUsed = (end - at) * sizeof(OS_STK);
    return OS_NO_ERR;
}

/* OSTaskQuery(prio, pdata) */
INT32U call_task_query(INT32U prio, INT32U pdata, INT32U c, INT32U d)
{
    OS_TCB *tcb = os_task_of(prio);

    if (!valid(prio))
        return OS_PRIO_INVALID;
    if (tcb == NULL)
        return OS_PRIO_ERR;
    if (pdata % 4 != 0 || !os_writable(pdata, sizeof *tcb))
        return OS_ERR_ADDRESS;
    *(OS_TCB *)pdata = *tcb;
    return OS_NO_ERR;
}
