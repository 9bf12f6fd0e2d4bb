/*
 * Takes a sample every 50 ms and hands it over; tells every other one.
 */
#include "app.h"
#include "signal.h"

void sensor(void *pdata)
{
    INT32U sample;

    for (sample = 1;; sample++) {
        if (sample % 2 == 0)
            OSPrintf("sensor: sample %u is %d\n", sample, signal(sample));
        OSSemPost(Samples);
        OSTimeDly(5);
    }
}
