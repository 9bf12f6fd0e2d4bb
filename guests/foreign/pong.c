#include "call.h"

void pong(void)
{
    SLEEP(2);
    for (;;) {
        PRINT("pong\n");
        SLEEP(5);
    }
}
