/* What the numeric tasks share. */
#ifndef NUMERIC_H
#define NUMERIC_H

#include "../crc.h"
#include "app.h"

/* A round is over: told under the mutex of the printer. */
static inline void tell(const char *format, INT32U round, INT32U checksum, BOOLEAN good)
{
    INT8U err;

    OSMutexPend(Printer, 0, &err);
    OSPrintf(format, round, checksum, good ? "good" : "BAD");
    OSMutexPost(Printer);
}

static inline INT32U next_random(INT32U *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

#endif
