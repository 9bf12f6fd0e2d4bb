/*
 * Start, entry and exit of the kernel.
 *
 * Entry: whatever the reason, the machine has saved the interrupted task. Exit: always by os_exit(),
 * which dispatches the highest ready task.
 */
#include "os.h"

INT32U   OSTime;                                /* ticks since the start */
OS_TCB   OSTCBTbl[OS_MAX_TASKS];
OS_TCB  *OSTCBPrioTbl[OS_LOWEST_PRIO + 1];      /* whose priority it is */
OS_TCB  *OSTCBCur;                              /* who ran when the kernel was entered */

static INT32U (*const handlers[OS_CALLS])(INT32U, INT32U, INT32U) = {
#define CALL(number, name) [number] = call_##name,
#include "os_calls.def"
#undef CALL
};

/* Number of the lowest set bit of a byte that is not 0. */
INT8U os_lowest(INT8U bits)
{
    static const INT8U of[16] = { 0, 0, 1, 0, 2, 0, 1, 0, 3, 0, 1, 0, 2, 0, 1, 0 };

    return bits & 0x0f ? of[bits & 0x0f] : of[bits >> 4] + 4;
}

/* Priority of the highest ready task: the same time whatever the number of tasks. */
static INT8U highest(void)
{
    INT8U y = os_lowest(port_rdy_grp());

    return y * 8 + os_lowest(port_rdy_tbl(y));
}

/* A task may run when nothing holds it. */
void os_ready(OS_TCB *tcb)
{
    if (tcb->stat == OS_STAT_RDY && tcb->dly == 0)
        port_ready(tcb->prio, PORT_NONE);
}

void os_unready(OS_TCB *tcb)
{
    port_ready(PORT_NONE, tcb->prio);
}

/* The task of a priority as the calls name it, or NULL. */
OS_TCB *os_task_of(INT32U prio)
{
    if (prio == OS_PRIO_SELF)
        return OSTCBCur;
    return prio <= OS_LOWEST_PRIO ? OSTCBPrioTbl[prio] : NULL;
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
        || inside(address, length, area->stack_start, area->stack_end);
}

/* May the current task read there? */
BOOLEAN os_readable(INT32U address, INT32U length)
{
    const OS_AREA *area = &OSArea[OSTCBCur - OSTCBTbl];

    return os_writable(address, length)
        || inside(address, length, area->text_start, area->text_end);
}

/* Leaves the kernel for the highest ready task. */
static void __attribute__((noreturn)) os_exit(void)
{
    for (;;) {
        OS_TCB *next = OSTCBPrioTbl[highest()];
        BOOLEAN deliver;

        if (next == NULL)                       /* a ready bit without a task: damaged */
            port_halt(1);
        deliver = next->deliver;
        next->deliver = FALSE;
        port_dispatch(next - OSTCBTbl, next->result, deliver, next->prio == OS_IDLE_PRIO);
        if (next->prio == OS_IDLE_PRIO)         /* still here: refused */
            port_halt(2);
        os_task_forget(next);
    }
}

/* Looks up who was running. */
static void enter(void)
{
    INT32U area = port_current();

    if (area >= OSAreas || !OSTCBTbl[area].exists)
        port_halt(3);
    OSTCBCur = &OSTCBTbl[area];
}

/* A kernel call. */
void __attribute__((noreturn)) os_enter_call(INT32U a, INT32U b, INT32U c, INT32U number)
{
    OS_TCB *caller;

    enter();
    caller = OSTCBCur;
    caller->deliver = TRUE;
    if (number >= OS_CALLS || handlers[number] == NULL) {
        caller->result = OS_ERR_CALL;
    } else {
        INT32U result = handlers[number](a, b, c);

        caller->result = result;                /* who parks it has another for it later */
    }
    os_exit();
}

/* A virtual interrupt. `ticks` periods have passed, more than one if the VM was off the CPU. */
void __attribute__((noreturn)) os_enter_irq(INT32U sources, INT32U ticks)
{
    enter();
    OSTCBCur->deliver = FALSE;                  /* it was running: it has asked, or will */
    if (sources & 1u << VIRQ_TIMER)
        os_time_tick(ticks);
    os_exit();
}

/* A task that was resumed without its result asks for it. */
INT32U call_result(INT32U a, INT32U b, INT32U c)
{
    (void)a, (void)b, (void)c;
    return OSTCBCur->result;
}

/* The idle task's call: os_exit() does the waiting. */
INT32U call_idle(INT32U a, INT32U b, INT32U c)
{
    (void)a, (void)b, (void)c;
    return OS_NO_ERR;
}

/* First entry. Creates what the application table names and goes to the highest task. */
void __attribute__((noreturn)) os_start(void)
{
    INT8U i;

    port_start();
    os_app_events();
    for (i = 0; i < OSAreas; i++) {
        if (OSAppTask[i].prio == OS_PRIO_SELF)  /* left for OSTaskCreate() */
            continue;
        if (call_task_create((INT32U)OSAppTask[i].task, 0, OSAppTask[i].prio) != OS_NO_ERR)
            port_halt(4);
    }
    os_exit();
}
