/* What the native port needs of a board: one file a board. */
#ifndef BOARD_H
#define BOARD_H

#include "ucos_ii.h"

void    board_start(void);              /* clocks, console, and a tick of OS_TICKS_PER_SEC */
BOOLEAN board_tick(void);               /* in an interrupt: acknowledges it; was it the tick? */
INT32U  board_micros_in_tick(void);     /* microseconds since the last tick, passed the next too */
void    board_put(char c);              /* waits while the console is full */
BOOLEAN board_input(void);              /* is there console input? polled at each tick */
INT32S  board_get(void);                /* a byte of console input, or below zero */
void    board_stop(void);               /* no interrupt from now on */

#endif
