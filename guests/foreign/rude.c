/*
 * Computes without a pause, so that the others live by preemption; after a while it reads what is
 * the kernel's.
 */
#include "call.h"

void rude(void)
{
    volatile uint32_t n = 0;
    volatile uint32_t *kernel = (volatile uint32_t *)0x00001000;

    PRINT("rude\n");
    for (;;)
        if (++n == 3000000)
            n = *kernel;
}
