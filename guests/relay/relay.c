/*
 * The relay guest: tasks in a ring, each waits for its turn, writes a word in its page and hands the
 * turn on. Nothing else is done, so that what is measured is the switches. Each area has this file as
 * its task; the first one creates the others.
 *
 * Boot argument: tasks (1 to 16), pages that a turn writes (0 to 64), 1 for a store to an address of
 * nobody at the end of a turn, then how many of the tasks are in the ring. "2 1 0 2" unless given. More
 * than one page, or the store, are the last task's, which is then the only one that does anything. One
 * task alone hands the turn to itself and asks for the time before.
 */
#include "app.h"

#define JOIN(a, b)      a##b
#define TASK(area)      JOIN(relay, area)
#define WORDS           (4096 / sizeof(INT32U))
#define TASKS           16
#define LAST            (TASKS - 1)
#define FIRST_PRIO      10
#if APP_AREA == LAST
#define PAGES           64
#else
#define PAGES           1
#endif
/* In the slot, and mapped by nobody. */
#define NOWHERE         0x01e00000

/* Nobody reads it. */
static volatile INT32U pages[PAGES][WORDS] __attribute__((aligned(4096)));

#if APP_AREA == 0
static void (*const tasks[])(void *) = {
#define APP_TASK(area, function, priority, stack) [area] = function,
#include "app_list.h"
};

/* The next number of a text, `otherwise` if there is none; the text goes on behind it. */
static INT32U number(const char **text, INT32U otherwise)
{
    INT32U value = 0;

    while (**text == ' ')
        ++*text;
    if (**text < '0' || **text > '9')
        return otherwise;
    while (**text >= '0' && **text <= '9')
        value = value * 10 + (*(*text)++ - '0');
    return value;
}

/* Creates what the boot argument says; ring | pages << 8. */
static INT32U begin(void)
{
    char        argument[32];
    const char *at = argument;
    INT32U      count, write, bug, ring, i;

    OSBootArg(argument, sizeof argument);
    count = number(&at, 2);
    write = number(&at, 1);
    bug = number(&at, 0);
    if (count < 1 || count > TASKS)
        count = TASKS;
    ring = number(&at, count);
    if (ring < 1 || ring > count)
        ring = count;
    for (i = 1; i < count; i++)
        OSTaskCreate(tasks[i], (void *)(ring | write << 8), NULL, FIRST_PRIO + i);
    if (write > 1 || bug) {
        OSTaskCreate(tasks[LAST], (void *)(write << 8 | bug << 16), NULL, FIRST_PRIO + LAST);
        OSTaskSuspend(OS_PRIO_SELF);
    }
    return ring | write << 8;
}
#endif

#if APP_AREA == LAST
/* Writes and breaks by itself: no call is made before the store. */
static void alone(INT32U write, INT32U bug)
{
    INT32U turn, page;

    for (turn = 1;; turn++) {
        for (page = 0; page < write && page < PAGES; page++)
            pages[page][turn % WORDS] = turn;
        if (bug)
            *(volatile INT32U *)NOWHERE = turn;
        OSTimeDly(1);
    }
}
#endif

void TASK(APP_AREA)(void *pdata)
{
#if APP_AREA == 0
    INT32U what = begin();
#else
    INT32U what = (INT32U)pdata;
#endif
    INT32U ring = what & 0xff, write = what >> 8 & 0xff;
    INT32U turn;
    INT8U  err;

#if APP_AREA == LAST
    if (ring == 0)
        alone(write, what >> 16);
#endif
    for (turn = 1;; turn++) {
        OSSemPend(&OSEventTbl[APP_AREA], 0, &err);
        if (write > 0)
            pages[0][turn % WORDS] = turn;
        if (ring == 1)
            OSTimeGet();
        OSSemPost(&OSEventTbl[APP_AREA + 1 < ring ? APP_AREA + 1 : 0]);
    }
}
