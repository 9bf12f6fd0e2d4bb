/* What the numeric tasks share. */
#ifndef NUMERIC_H
#define NUMERIC_H

#include "../bug.h"
#include "../crc.h"
#include "app.h"

/* Ticks from round to round (boot argument `every`; 10): fewer keep the CPU busier. */
static inline INT32U ticks_between(void)
{
    char argument[64];

    OSBootArg(argument, sizeof argument);
    return argument_number(argument, "every", 10);
}

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
