/*
 * The idle task: it has nothing to do but to wait inside the kernel for an interrupt.
 */
#include "os_call.h"

void OSTaskIdle(void *pdata);

void OSTaskIdle(void *pdata)
{
    for (;;)
        os_call(OS_CALL_idle, 0, 0, 0, 0);
}
