/* The signal that is measured: a triangle with some noise, a function of the sample's number. */
#ifndef SIGNAL_H
#define SIGNAL_H

#include "ucos_ii.h"

static inline INT32S signal(INT32U sample)
{
    INT32S phase = sample % 40;
    INT32S noise = (sample * 2654435761u >> 26) - 32;

    return (phase < 20 ? phase : 40 - phase) * 50 + noise;
}

#endif
