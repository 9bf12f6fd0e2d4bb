/*
 * Time: the tick, delays, the clock.
 */
#include "os.h"

/* Counts `ticks` ticks at once: the VM may have been off the CPU for some. */
void os_time_tick(INT32U ticks)
{
    OS_TCB *tcb;

    OSTimeTickHook();
    OSTime += ticks;
    os_stat_tick(ticks);
    for (tcb = OSTCBList; tcb != NULL; tcb = tcb->OSTCBNext) {
        if (tcb->OSTCBDly == 0)
            continue;
        if (tcb->OSTCBDly > ticks) {
            tcb->OSTCBDly -= ticks;
            continue;
        }
        tcb->OSTCBDly = 0;
        if (tcb->OSTCBEventPtr != NULL)         /* waited for an event, and it did not come */
            os_event_timeout(tcb);
        os_ready(tcb);
    }
}

/* OSTimeDly(ticks) */
INT32U call_time_dly(INT32U ticks, INT32U b, INT32U c, INT32U d)
{
    if ((INT16U)ticks != 0 && !os_locked()) {
        OSTCBCur->OSTCBDly = ticks;
        os_unready(OSTCBCur);
    }
    return OS_NO_ERR;
}

/* OSTimeDlyResume(prio): ends a delay; a wait with a timeout ends as by its timeout. */
INT32U call_time_dly_resume(INT32U prio, INT32U b, INT32U c, INT32U d)
{
    OS_TCB *tcb = os_task_of(prio);

    if (prio >= OS_LOWEST_PRIO)
        return OS_PRIO_INVALID;
    if (tcb == NULL)
        return OS_TASK_NOT_EXIST;
    if (tcb->OSTCBDly == 0)
        return OS_TIME_NOT_DLY;
    tcb->OSTCBDly = 0;
    if (tcb->OSTCBEventPtr != NULL)
        os_event_timeout(tcb);
    os_ready(tcb);
    return OS_NO_ERR;
}

/* OSTimeGet() */
INT32U call_time_get(INT32U a, INT32U b, INT32U c, INT32U d)
{
    return OSTime;
}

/* OSTimeSet(ticks) */
INT32U call_time_set(INT32U ticks, INT32U b, INT32U c, INT32U d)
{
    OSTime = ticks;
    return OS_NO_ERR;
}

/* OSTimeMicros(): not in the standard. */
INT32U call_micros(INT32U a, INT32U b, INT32U c, INT32U d)
{
    return port_micros();
}
