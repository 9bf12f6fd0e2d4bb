/*
 * The relay guest: tasks in a ring, each waits for its turn, writes a word in some of its pages and
 * hands the turn on. Nothing else is done, so that what is measured is the switches. Each area has
 * this file as its task; the first one creates the others.
 *
 * Boot argument: tasks (1 to 24), pages that a turn writes (0 to 64; the first task has 64, the others
 * one), then 1 for a store to an address of nobody at the end of the first task's turn. "2 1" unless
 * given.
 */
#include "app.h"

#define JOIN(a, b)      a##b
#define TASK(area)      JOIN(relay, area)
#define WORDS           (4096 / sizeof(INT32U))
#define TASKS           24
#define FIRST_PRIO      10
#if APP_AREA == 0
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

/* What the boot argument says: tasks, pages << 8, bug << 16. Creates the other tasks. */
static INT32U begin(void)
{
    char        argument[32];
    const char *at = argument;
    INT32U      count, write, bug, i;

    OSBootArg(argument, sizeof argument);
    count = number(&at, 2);
    write = number(&at, 1);
    bug = number(&at, 0);
    if (count < 1 || count > TASKS)
        count = TASKS;
    if (write > PAGES)
        write = PAGES;
    for (i = 1; i < count; i++)
        OSTaskCreate(tasks[i], (void *)(count | (write > 1 ? 1 : write) << 8), NULL, FIRST_PRIO + i);
    return count | write << 8 | bug << 16;
}
#endif

void TASK(APP_AREA)(void *pdata)
{
#if APP_AREA == 0
    INT32U what = begin();
#else
    INT32U what = (INT32U)pdata;
#endif
    INT32U count = what & 0xff, write = what >> 8 & 0xff;
    INT32U turn, page;
    INT8U  err;

    for (turn = 1;; turn++) {
        OSSemPend(&OSEventTbl[APP_AREA], 0, &err);
        for (page = 0; page < write; page++)
            pages[page][turn % WORDS] = turn;
#if APP_AREA == 0
        if (what >> 16)
            *(volatile INT32U *)NOWHERE = turn;
#endif
        OSSemPost(&OSEventTbl[APP_AREA + 1 < count ? APP_AREA + 1 : 0]);
    }
}
