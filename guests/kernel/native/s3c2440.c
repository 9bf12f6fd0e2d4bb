/*
 * The S3C2440A board: UART0 by polling, timer 4 as tick. PCLK is 50 MHz.
 */
#include "board.h"
#include "s3c2440.h"

#define PCLK            50000000
#define BAUD            115200
#define TIMER4_CLOCK    (PCLK / 16 / 2)         /* prescaler 16, divider 2 */
#define TIMER4_COUNTS   (TIMER4_CLOCK / OS_TICKS_PER_SEC)
#define TIMER4_START    (1 << 20)
#define TIMER4_UPDATE   (1 << 21)
#define TIMER4_RELOAD   (1 << 22)
#define RX_COUNT        0x7f                    /* UFSTAT */
#define TX_FULL         (1 << 14)

void board_start(void)
{
    REG(GPIO_GPHCON) = (REG(GPIO_GPHCON) & ~0xf0u) | 0xa0;      /* TXD0, RXD0 */
    REG(UART0_ULCON) = 3;                                       /* 8 bits, no parity */
    REG(UART0_UCON) = 5;                                        /* polling */
    REG(UART0_UFCON) = 1;
    REG(UART0_UBRDIV) = PCLK / (16 * BAUD) - 1;

    REG(PWM_TCFG0) = (REG(PWM_TCFG0) & ~0xff00u) | 15 << 8;
    REG(PWM_TCFG1) &= ~0xf0000u;
    REG(PWM_TCNTB4) = TIMER4_COUNTS - 1;
    REG(PWM_TCON) = (REG(PWM_TCON) & ~(TIMER4_START | TIMER4_UPDATE | TIMER4_RELOAD)) | TIMER4_UPDATE;
    REG(PWM_TCON) = (REG(PWM_TCON) & ~TIMER4_UPDATE) | TIMER4_RELOAD | TIMER4_START;
    REG(INTC_SRCPND) = 1 << INT_TIMER4;
    REG(INTC_INTPND) = 1 << INT_TIMER4;
    REG(INTC_INTMSK) = ~(1u << INT_TIMER4);
}

BOOLEAN board_tick(void)
{
    unsigned int source = REG(INTC_INTOFFSET);

    REG(INTC_SRCPND) = 1u << source;
    REG(INTC_INTPND) = 1u << source;
    return source == INT_TIMER4;
}

/* A tick that is pending has not been counted yet. It may come while this reads the count. */
INT32U board_micros_in_tick(void)
{
    INT32U pending, count;

    do {
        pending = REG(INTC_SRCPND) >> INT_TIMER4 & 1;
        count = TIMER4_COUNTS - 1 - REG(PWM_TCNTO4);
    } while ((REG(INTC_SRCPND) >> INT_TIMER4 & 1) != pending);
    return (count + pending * TIMER4_COUNTS) * 16 / (TIMER4_CLOCK / 62500);
}

void board_put(char c)
{
    while (REG(UART0_UFSTAT) & TX_FULL)
        ;
    REG(UART0_UTXH) = c;
}

BOOLEAN board_input(void)
{
    return (REG(UART0_UFSTAT) & RX_COUNT) != 0;
}

INT32S board_get(void)
{
    return board_input() ? (INT32S)(REG(UART0_URXH) & 0xff) : -1;
}

void board_stop(void)
{
    REG(INTC_INTMSK) = 0xffffffff;
    REG(PWM_TCON) &= ~TIMER4_START;
}
