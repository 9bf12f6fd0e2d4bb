/*
 * What the monitor does for the virtual build, on the bare board.
 */
#include "os.h"

#include "app.h"
#include "board.h"

#define USER_MODE       0x50            /* FIQ masked */

/* Where the fresh data of an area is, from the linker. */
typedef struct load {
    const char *from;                   /* in flash */
    char       *data, *bss;             /* data .. bss: a copy; bss .. end of area: 0 */
} LOAD;

void port_resume(PORT_CONTEXT *context, BOOLEAN idle) __attribute__((noreturn));
void port_enter_irq(void);
void port_fault(INT32U vector, INT32U address);

INT32U PortCurrent;
INT8U  PortRdyGrp;
INT8U  PortRdyTbl[OS_RDY_TBL_SIZE];

static INT32U ticks;                    /* since the start */

#define APP_TASK(area, function, priority, stack)                                                  \
    extern char task##area##_load[], task##area##_data_start[], task##area##_bss_start[];
#include "app_list.h"

static const LOAD loads[] = {
#define APP_TASK(area, function, priority, stack)                                                  \
    [area] = { task##area##_load, task##area##_data_start, task##area##_bss_start },
#include "app_list.h"
};

static PORT_CONTEXT contexts[sizeof loads / sizeof loads[0]];
static INT8U        priorities[sizeof loads / sizeof loads[0]];

static void set_ready(INT32U prio, BOOLEAN ready)
{
    INT8U y = prio >> 3, bit = 1u << (prio & 7);

    if (ready)
        PortRdyTbl[y] |= bit;
    else
        PortRdyTbl[y] &= ~bit;
    if (PortRdyTbl[y] != 0)
        PortRdyGrp |= 1u << y;
    else
        PortRdyGrp &= ~(1u << y);
}

void port_ready(INT32U set, INT32U clear)
{
    if (clear != PORT_NONE)
        set_ready(clear, FALSE);
    if (set != PORT_NONE)
        set_ready(set, TRUE);
}

/* A fresh context, fresh data and an empty stack. */
INT32S port_task_create(INT32U task, INT32U argument, INT8U prio)
{
    INT8U       i;
    char       *at;
    const char *from;

    for (i = 0; i < OSAreas; i++)
        if (task >= OSArea[i].text_start && task < OSArea[i].text_end)
            break;
    if (i == OSAreas)
        return -1;
    from = loads[i].from;
    for (at = loads[i].data; at < loads[i].bss;)
        *at++ = *from++;
    while (at < (char *)OSArea[i].data_end)
        *at++ = 0;
    for (at = (char *)OSArea[i].stack_start; at < (char *)OSArea[i].stack_end;)
        *at++ = 0;
    contexts[i] = (PORT_CONTEXT){ .pc = task, .cpsr = USER_MODE };
    contexts[i].r[0] = argument;
    contexts[i].r[13] = OSArea[i].stack_end;
    priorities[i] = prio;
    return i;
}

void port_task_delete(INT32U area)
{
    set_ready(priorities[area], FALSE);
}

void port_task_prio(INT32U area, INT8U prio)
{
    INT8U   old = priorities[area];
    BOOLEAN ready = PortRdyTbl[old >> 3] >> (old & 7) & 1;

    set_ready(old, FALSE);
    priorities[area] = prio;
    if (ready)
        set_ready(prio, TRUE);
}

/* The idle task waits for an interrupt first; it is taken when the task runs. */
void port_dispatch(INT32U area, INT32U result, BOOLEAN deliver, BOOLEAN idle)
{
    PORT_CONTEXT *context = &contexts[area];

    if (deliver)
        context->r[0] = result;
    PortCurrent = area;
    port_resume(context, idle);
}

/* An interrupt: it came while a task ran. */
void port_enter_irq(void)
{
    BOOLEAN tick = board_tick();

    ticks += tick;
    os_enter_irq((tick ? PORT_TICK : 0) | (board_input() ? PORT_INPUT : 0), tick);
}

INT32S port_write(INT32U text, INT32U length)
{
    const char *from = (const char *)text;
    INT32U      i;

    for (i = 0; i < length; i++)
        board_put(from[i]);
    return length;
}

INT32S port_read(INT32U buffer, INT32U size)
{
    char  *to = (char *)buffer;
    INT32U i;

    for (i = 0; i < size; i++) {
        INT32S c = board_get();

        if (c < 0)
            break;
        to[i] = c;
    }
    return i;
}

INT32U port_micros(void)
{
    return ticks * (1000000 / OS_TICKS_PER_SEC) + board_micros_in_tick();
}

void port_start(void)
{
    board_start();
}

static void say(const char *text)
{
    while (*text != '\0')
        board_put(*text++);
}

static void say_hex(INT32U value)
{
    INT32S shift;

    for (shift = 28; shift >= 0; shift -= 4)
        board_put("0123456789abcdef"[value >> shift & 0xf]);
}

/* An abort or an undefined instruction: nobody recovers here. */
void port_fault(INT32U vector, INT32U address)
{
    say("fault: vector ");
    say_hex(vector);
    say(" at ");
    say_hex(address);
    say("\n");
    port_halt(0xff);
}

void port_halt(INT32U code)
{
    board_stop();
    say("halted with code ");
    say_hex(code);
    say("\n");
    for (;;)
        __asm__ volatile("mcr p15, 0, %0, c7, c0, 4" : : "r"(0));       /* wait for an interrupt */
}
