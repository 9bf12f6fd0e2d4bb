/*
 * Looks for primes, a stretch of numbers every 100 ms.
 */
#include "app.h"

#define STRETCH 50

static BOOLEAN prime(INT32U n)
{
    INT32U d;

    for (d = 2; d * d <= n; d++)
        if (n % d == 0)
            return FALSE;
    return n > 1;
}

void primes(void *pdata)
{
    INT32U n, found = 0, largest = 0;

    for (n = 0;; n++) {
        if (prime(n)) {
            found++;
            largest = n;
        }
        if (n % STRETCH == STRETCH - 1) {
            OSPrintf("primes: %u up to %u, the largest %u\n", found, n, largest);
            OSTimeDly(10);
        }
    }
}
