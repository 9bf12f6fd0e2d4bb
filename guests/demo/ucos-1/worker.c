/*
 * A step of work every 100 ms: adds up what it has done, so that a lost or repeated step shows.
 */
#include "app.h"

void worker(void *pdata)
{
    INT32U step, sum = 0;

    for (step = 1;; step++) {
        sum += step;
        OSPrintf("worker: step %u, sum %u\n", step, sum);
        OSTimeDly(10);
    }
}
