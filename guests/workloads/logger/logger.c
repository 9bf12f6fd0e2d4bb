/*
 * A line every `every` ticks (boot argument; 5), with its number and the checksum of all before.
 */
#include "../bug.h"
#include "../crc.h"
#include "app.h"

void logger(void *pdata)
{
    char   argument[64];
    INT32U line, crc = 0, every;

    OSBootArg(argument, sizeof argument);
    every = argument_number(argument, "every", 5);
    bug_arm();
    for (line = 1;; line++) {
        crc = crc32(crc, &line, sizeof line);
        if (bug_step() == BUG_CORRUPT)
            crc ^= 1;
        OSPrintf("log %06u %08x\n", line, crc);
        OSTimeDly(every);
    }
}
