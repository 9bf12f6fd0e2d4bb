/*
 * Time: the tick, delays, the clock.
 */
#include "os.h"

/* Counts `ticks` ticks at once: the VM may have been off the CPU for some. */
void os_time_tick(INT32U ticks)
{
    INT8U i;

    OSTime += ticks;
    for (i = 0; i < OSAreas; i++) {
        OS_TCB *tcb = &OSTCBTbl[i];

        if (tcb->dly == 0)
            continue;
        if (tcb->dly > ticks) {
            tcb->dly -= ticks;
            continue;
        }
        tcb->dly = 0;
        if (tcb->event != NULL) {               /* waited for an event and it did not come */
            os_event_leave(tcb);
            tcb->result = OS_TIMEOUT;
        }
        os_ready(tcb);
    }
}

/* OSTimeDly(ticks) */
INT32U call_time_dly(INT32U ticks, INT32U b, INT32U c)
{
    (void)b, (void)c;
    if ((INT16U)ticks != 0) {
        OSTCBCur->dly = ticks;
        os_unready(OSTCBCur);
    }
    return OS_NO_ERR;
}

/* OSTimeGet() */
INT32U call_time_get(INT32U a, INT32U b, INT32U c)
{
    (void)a, (void)b, (void)c;
    return OSTime;
}

/* OSTimeSet(ticks) */
INT32U call_time_set(INT32U ticks, INT32U b, INT32U c)
{
    (void)b, (void)c;
    OSTime = ticks;
    return OS_NO_ERR;
}
