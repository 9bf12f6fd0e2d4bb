/*
 * Start, entry and exit of the kernel.
 *
 * Entry: whatever the reason, the machine has saved the interrupted task. Exit: always by os_exit(),
 * which dispatches the highest ready task.
 */
#include "os.h"

INT32U   OSTime;                                /* ticks since the start */
INT32U   OSCtxSwCtr;                            /* task switches */
INT8U    OSIntNesting;                          /* inside a virtual interrupt */
INT8U    OSLockNesting;                         /* scheduler locks of OSTCBLock */
OS_TCB  *OSTCBList;                             /* all tasks */
OS_TCB  *OSTCBPrioTbl[OS_LOWEST_PRIO + 1];      /* whose priority it is */
OS_TCB  *OSTCBCur;                              /* who ran when the kernel was entered */

static OS_TCB *OSTCBLock;                       /* who has locked the scheduler */

static INT32U (*const handlers[OS_CALLS])(INT32U, INT32U, INT32U, INT32U) = {
#define CALL(number, name, kind) [number] = call_##name,
#include "os_calls.def"
#undef CALL
};

/* Number of the lowest set bit of a byte that is not 0. */
INT8U os_lowest(INT8U bits)
{
    static const INT8U of[16] = { 0, 0, 1, 0, 2, 0, 1, 0, 3, 0, 1, 0, 2, 0, 1, 0 };

    return bits & 0x0f ? of[bits & 0x0f] : of[bits >> 4] + 4;
}

/* The highest ready task: the same time whatever the number of tasks. */
static OS_TCB *highest(void)
{
    INT8U y = os_lowest(port_rdy_grp());

    return OSTCBPrioTbl[y * 8 + os_lowest(port_rdy_tbl(y))];
}

static BOOLEAN is_ready(const OS_TCB *tcb)
{
    return port_rdy_tbl(tcb->OSTCBPrio >> 3) >> (tcb->OSTCBPrio & 7) & 1;
}

/* A task may run when nothing holds it. */
void os_ready(OS_TCB *tcb)
{
    if (tcb->OSTCBStat == OS_STAT_RDY && tcb->OSTCBDly == 0)
        port_ready(tcb->OSTCBPrio, PORT_NONE);
}

void os_unready(OS_TCB *tcb)
{
    port_ready(PORT_NONE, tcb->OSTCBPrio);
}

/* Is [address, address + length) inside [start, end)? */
static BOOLEAN inside(INT32U address, INT32U length, INT32U start, INT32U end)
{
    return address >= start && address <= end && length <= end - address;
}

/* May the current task write there? */
BOOLEAN os_writable(INT32U address, INT32U length)
{
    const OS_AREA *area = &OSArea[OSTCBCur - OSTCBTbl];

    return inside(address, length, area->data_start, area->data_end)
        || inside(address, length, area->stack_start, area->stack_end)
        || inside(address, length, OSSharedArea.data_start, OSSharedArea.data_end);
}

/* May the current task read there? */
BOOLEAN os_readable(INT32U address, INT32U length)
{
    const OS_AREA *area = &OSArea[OSTCBCur - OSTCBTbl];

    return os_writable(address, length)
        || inside(address, length, area->text_start, area->text_end);
}

/*
 * The task to run: the highest ready one, or who has locked the scheduler. Who has locked it and is
 * not ready has been held by the monitor after a recovery; the others go on meanwhile.
 */
static OS_TCB *choose(void)
{
    return OSLockNesting > 0 && is_ready(OSTCBLock) ? OSTCBLock : highest();
}

/* Leaves the kernel. */
static void __attribute__((noreturn)) os_exit(void)
{
    for (;;) {
        OS_TCB *next = choose();
        BOOLEAN deliver, idle;

        if (next == NULL || next == OS_TCB_RESERVED)    /* a ready bit without a task: damaged */
            port_damaged(1);
        deliver = next->OSTCBDeliver;
        idle = next->OSTCBPrio == OS_IDLE_PRIO;
        next->OSTCBDeliver = FALSE;
        if (next != OSTCBCur) {
            OSCtxSwCtr++;
            OSTaskSwHook();
        }
        if (idle)
            OSTaskIdleHook();
        port_dispatch(next - OSTCBTbl, next->OSTCBResult, deliver, idle);
        if (idle)                               /* still here: refused, and nobody is left */
            port_damaged(2);
        os_task_forget(next);                   /* the monitor has ended that task */
    }
}

/* Looks up who was running. */
static void enter(void)
{
    INT32U area = port_current();

    if (area >= OSAreas || OSTCBTbl[area].OSTCBStkSize == 0)
        port_damaged(3);
    OSTCBCur = &OSTCBTbl[area];
}

/* A kernel call. */
void os_enter_call(INT32U a, INT32U b, INT32U c, INT32U d, INT32U number)
{
    OS_TCB *caller;

    enter();
    caller = OSTCBCur;
    caller->OSTCBDeliver = TRUE;
    caller->OSTCBResult = OS_ERR_CALL;
    if (number < OS_CALLS && handlers[number] != NULL)
        caller->OSTCBResult = handlers[number](a, b, c, d);     /* of a parked task: for later */
    os_exit();
}

void OSIntEnter(void)
{
    if (OSIntNesting < 255)
        OSIntNesting++;
}

void OSIntExit(void)
{
    if (OSIntNesting > 0)
        OSIntNesting--;
}

/*
 * A virtual interrupt. With PORT_TICK `ticks` periods have passed, more than one if the VM was off the
 * CPU. Without any source the monitor only wants a task chosen: it has recovered the one that ran.
 */
void os_enter_irq(INT32U sources, INT32U ticks)
{
    enter();
    OSTCBCur->OSTCBDeliver = FALSE;             /* it was running */
    OSIntEnter();
    if (sources & PORT_TICK)
        os_time_tick(ticks);
    if (sources & PORT_INPUT)
        os_event_wake_all(&OSInputEvent, OS_RESULT_AGAIN);
    if (sources & PORT_MESSAGE)
        os_event_wake_all(&OSVmEvent, OS_RESULT_AGAIN);
    sources &= ~(PORT_TICK | PORT_INPUT | PORT_MESSAGE);
    if (sources != 0)
        OSVirqHook(sources);
    OSIntExit();
    os_exit();
}

/* Options of the tasks of the application table. */
#define APP_OPTIONS     (OS_TASK_OPT_STK_CHK | OS_TASK_OPT_STK_CLR)

/* First entry. Creates what the application table names and goes to the highest task. */
void os_start(void)
{
    INT8U i;

    OSInitHookBegin();
    os_event_init();
    os_q_init();
    port_start();
    os_app_events();
    for (i = 0; i < OSAreas; i++) {
        if (OSAppTask[i].prio == OS_PRIO_SELF)  /* left for OSTaskCreate() */
            continue;
        if (call_task_create((INT32U)OSAppTask[i].task, 0, OSAppTask[i].prio | APP_OPTIONS << 8, 0) !=
            OS_NO_ERR)
            port_halt(4);
    }
    OSInitHookEnd();
    os_exit();
}

/* The idle task's call: os_exit() does the waiting. */
INT32U call_idle(INT32U a, INT32U b, INT32U c, INT32U d)
{
    return OS_NO_ERR;
}

/* OSSchedLock() */
INT32U call_sched_lock(INT32U a, INT32U b, INT32U c, INT32U d)
{
    if (OSLockNesting == 0)
        OSTCBLock = OSTCBCur;
    if (OSTCBLock == OSTCBCur && OSLockNesting < 255)
        OSLockNesting++;
    return OS_NO_ERR;
}

/* OSSchedUnlock() */
INT32U call_sched_unlock(INT32U a, INT32U b, INT32U c, INT32U d)
{
    if (OSLockNesting > 0 && OSTCBLock == OSTCBCur)
        OSLockNesting--;
    return OS_NO_ERR;
}

/* Does the current task hold the scheduler's lock? Then it must not wait. */
BOOLEAN os_locked(void)
{
    return OSLockNesting > 0 && OSTCBLock == OSTCBCur;
}

/* A task that goes takes its lock along. */
void os_lock_forget(const OS_TCB *tcb)
{
    if (OSTCBLock == tcb)
        OSLockNesting = 0;
}
