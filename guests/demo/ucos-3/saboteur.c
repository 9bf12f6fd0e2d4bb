/*
 * Works for 300 ms, then stores 0 to OSTime, a variable of the kernel. It lies in the kernel's piece,
 * which is closed while a task runs: the store is a data abort.
 */
#include "app.h"

#define LAST_STEP 6

extern volatile INT32U OSTime;

void saboteur(void *pdata)
{
    INT32U step;

    for (step = 1;; step++) {
        if (step == LAST_STEP) {
            OSPrintf("saboteur: step %u, now 0 to the kernel's OSTime\n", step);
            OSTime = 0;
        }
        OSPrintf("saboteur: step %u\n", step);
        OSTimeDly(6);
    }
}
