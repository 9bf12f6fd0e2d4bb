/* What the numeric tasks share. */
#ifndef NUMERIC_H
#define NUMERIC_H

#include "../crc.h"
#include "app.h"

static inline INT32U next_random(INT32U *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

#endif
