/*
 * A foreign kernel: round robin by its own list, no use of the unified priority table, calls of its
 * own. It shows all that the monitor asks of a kernel.
 *
 * Calls, by number in r12: 1 prints r1 bytes at r0; 2 sleeps r0 ticks.
 */
#include "vmi.h"

#define TASKS 3
#define TICK  10000                     /* microseconds */

void ping(void), pong(void), rude(void);

static struct {
    uint32_t sleep;                     /* ticks still to sleep */
    uint8_t  result;                    /* its call has ended: r0 is to be set */
    uint8_t  gone;                      /* the monitor has ended it */
    int32_t  value;
} tasks[TASKS];

static uint32_t last;                   /* who ran */

/* Leaves for the next task that does not sleep; if all do, waits for the next interrupt. */
static void __attribute__((noreturn)) leave(void)
{
    uint32_t i, next;

    for (i = 1; i <= TASKS; i++) {
        next = (last + i) % TASKS;
        if (tasks[next].gone || tasks[next].sleep > 0)
            continue;
        last = next;
        hc_dispatch(next, tasks[next].value, tasks[next].result ? DISPATCH_RESULT : 0);
        tasks[next].gone = 1;           /* still here: refused */
    }
    for (i = 0; i < TASKS; i++)         /* over whom the interrupt comes does not matter */
        if (!tasks[i].gone)
            hc_dispatch(i, 0, DISPATCH_WAIT);
    for (;;)
        hc_halt(0);
}

/* A call of a task; its registers are with the monitor. */
void __attribute__((noreturn)) kernel_call(uint32_t r0, uint32_t r1, uint32_t r2, uint32_t number)
{
    last = VMI_INFO->cur_task;
    tasks[last].result = 1;
    tasks[last].value = -1;
    if (number == 1)
        tasks[last].value = hc_console_write(r0, r1);
    if (number == 2)
        tasks[last].value = tasks[last].sleep = r0;
    leave();
}

/* A virtual interrupt: it came over the task in CUR_TASK. Without sources: after a recovery. */
void __attribute__((noreturn)) kernel_irq(uint32_t sources, uint32_t ticks)
{
    uint32_t i;

    last = VMI_INFO->cur_task;
    if (tasks[last].sleep == 0)
        tasks[last].result = 0;         /* it was running */
    for (i = 0; i < TASKS && (sources & 1u << VIRQ_TIMER); i++)
        tasks[i].sleep -= tasks[i].sleep < ticks ? tasks[i].sleep : ticks;
    leave();
}

/*
 * A task has been rolled back, and has made this call since its checkpoint. No call here takes
 * anything that would have to be given back; to say so is enough for its tasks to be recovered alone.
 */
static void undo(uint32_t task, uint32_t number, uint32_t argument, uint32_t result)
{
    hc_undone();
}

void __attribute__((noreturn)) kernel_start(void)
{
    static const uint8_t kinds[64] = { [1] = CALL_PRODUCING, [2] = CALL_NEUTRAL };
    extern char          vectors[], kernel_stack_end[];

    hc_setup((uint32_t)vectors, (uint32_t)kernel_stack_end);
    hc_journal((uint32_t)undo, (uint32_t)kinds);
    hc_task_create((uint32_t)ping, 0, 1, 0);
    hc_task_create((uint32_t)pong, 0, 2, 0);
    hc_task_create((uint32_t)rude, 0, 3, 0);
    hc_timer_set(TICK);
    last = TASKS - 1;
    leave();
}
