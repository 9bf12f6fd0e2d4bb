/*
 * Works for 300 ms, then stores 0 to OSTime, a variable of the kernel. It lies in the kernel's piece,
 * which is closed while a task runs: the store is a data abort.
 *
 * With `bug=NAME@TIME` in the boot argument it has that bug instead.
 */
#include "app.h"
#include "bug.h"

#define LAST_STEP 6

extern volatile INT32U OSTime;

void saboteur(void *pdata)
{
    char    argument[64];
    INT32U  step, ticks;
    BOOLEAN other;

    OSBootArg(argument, sizeof argument);
    other = bug_parse(argument, &ticks) != BUG_NONE;
    bug_arm();
    for (step = 1;; step++) {
        if (step == LAST_STEP && !other) {
            OSPrintf("saboteur: step %u, now 0 to the kernel's OSTime\n", step);
            OSTime = 0;
        }
        OSPrintf("saboteur: step %u\n", step);
        OSTimeDly(6);
        bug_step();
    }
}
