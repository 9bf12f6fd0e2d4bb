/*
 * QEMU's Versatile/PB board: the kernel on a machine that is not ours. Memory needs no set-up.
 */
#include "board.h"

#define REG(address)    (*(volatile unsigned int *)(address))
#define UART_DATA       0x101f1000              /* PL011 */
#define UART_FLAGS      0x101f1018
#define TIMER_LOAD      0x101e2000              /* SP804, 1 MHz */
#define TIMER_VALUE     0x101e2004
#define TIMER_CONTROL   0x101e2008
#define TIMER_CLEAR     0x101e200c
#define TIMER_RAW       0x101e2010
#define VIC_ENABLE      0x10140010              /* PL190 */
#define VIC_DISABLE     0x10140014
#define VIC_TIMER       (1 << 4)
#define PERIOD          (1000000 / OS_TICKS_PER_SEC)

void board_memory(void);

void board_memory(void)
{
}

void board_start(void)
{
    REG(TIMER_LOAD) = PERIOD;
    REG(TIMER_CONTROL) = 0xe2;                  /* enabled, periodic, interrupt, 32 bits */
    REG(VIC_ENABLE) = VIC_TIMER;
}

BOOLEAN board_tick(void)
{
    if (!(REG(TIMER_RAW) & 1))
        return FALSE;
    REG(TIMER_CLEAR) = 1;
    return TRUE;
}

INT32U board_micros_in_tick(void)
{
    INT32U pending, count;

    do {
        pending = REG(TIMER_RAW) & 1;
        count = PERIOD - REG(TIMER_VALUE);
    } while ((REG(TIMER_RAW) & 1) != pending);
    return count + pending * PERIOD;
}

void board_put(char c)
{
    while (REG(UART_FLAGS) & 1 << 5)
        ;
    REG(UART_DATA) = c;
}

BOOLEAN board_input(void)
{
    return !(REG(UART_FLAGS) & 1 << 4);
}

INT32S board_get(void)
{
    return board_input() ? (INT32S)(REG(UART_DATA) & 0xff) : -1;
}

void board_stop(void)
{
    REG(VIC_DISABLE) = VIC_TIMER;
}
