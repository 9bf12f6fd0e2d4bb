/*
 * Statistics: in how many ticks of the last second something else than the idle task was running.
 *
 * The standard counts the loops of the idle task. Here it sleeps inside the kernel, so ticks are
 * counted instead, and no task is needed for it.
 */
#include "os.h"

static BOOLEAN OSStatRdy;
static INT32U  OSIdleTicks, OSStatTicks;
static INT8S   OSCPUUsage;

void os_stat_tick(INT32U ticks)
{
    if (!OSStatRdy)
        return;
    if (OSTCBCur->OSTCBPrio == OS_IDLE_PRIO)
        OSIdleTicks += ticks;
    OSStatTicks += ticks;
    if (OSStatTicks < OS_TICKS_PER_SEC)
        return;
    OSCPUUsage = 100 - 100 * OSIdleTicks / OSStatTicks;
    OSIdleTicks = OSStatTicks = 0;
    OSTaskStatHook();
}

/* OSStatInit() */
INT32U call_stat_init(INT32U a, INT32U b, INT32U c, INT32U d)
{
    OSStatRdy = TRUE;
    OSIdleTicks = OSStatTicks = 0;
    OSCPUUsage = 0;
    return OS_NO_ERR;
}

/* OSCPUUsageGet(): the standard's variable OSCPUUsage, out of a task's reach. */
INT32U call_cpu_usage(INT32U a, INT32U b, INT32U c, INT32U d)
{
    return OSCPUUsage;
}
