/* What plant and controller agree on. Values go through mailboxes as messages that are not 0. */
#ifndef PID_H
#define PID_H

#include "app.h"

#define MESSAGE(value)  ((void *)((value) + 0x10000))
#define VALUE(message)  ((INT32S)(message) - 0x10000)

#define LIMIT           4095            /* of the controller's output */

/* The set point of a step: one level, then another. */
static inline INT32S set_point(INT32U step)
{
    return step / 40 % 2 == 0 ? 1200 : 2000;
}

#endif
