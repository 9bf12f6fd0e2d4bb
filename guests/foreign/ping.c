#include "call.h"

void ping(void)
{
    for (;;) {
        PRINT("ping\n");
        SLEEP(5);
    }
}
