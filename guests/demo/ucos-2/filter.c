/*
 * Smooths the samples as they come; tells every other mean, in 1/16.
 */
#include "app.h"
#include "signal.h"

void filter(void *pdata)
{
    INT32U sample;
    INT32S mean = 0;                    /* 16 times the mean */
    INT8U  err;

    for (sample = 1;; sample++) {
        OSSemPend(Samples, 0, &err);
        mean += signal(sample) - mean / 16;
        if (sample % 2 == 0)
            OSPrintf("filter: after %u samples the mean is %d\n", sample, mean / 16);
    }
}
