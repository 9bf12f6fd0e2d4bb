/*
 * A sign of life every 100 ms.
 */
#include "app.h"

void heartbeat(void *pdata)
{
    INT32U beat;

    for (beat = 1;; beat++) {
        OSPrintf("heartbeat: beat %u at tick %u\n", beat, OSTimeGet());
        OSTimeDly(10);
    }
}
