/*
 * First steps of the S3C2440A after reset: before this there is no SDRAM to put a stack in, so it is
 * assembly and uses registers only.
 */
#include "s3c2440.h"

        .text
        .arm
        .macro  set, address, value
        ldr     r0, =\address
        ldr     r1, =\value
        str     r1, [r0]
        .endm

        .global board_memory
        .type   board_memory, %function
board_memory:
        set     WDT_WTCON, 0
        set     INTC_INTMSK, 0xffffffff
        set     CLKPWR_LOCKTIME, 0xffffffff
        set     CLKPWR_CLKDIVN, 5               @ FCLK : HCLK : PCLK = 1 : 4 : 8
        mrc     p15, 0, r0, c1, c0, 0
        orr     r0, r0, #0xc0000000             @ asynchronous: the core runs at FCLK
        mcr     p15, 0, r0, c1, c0, 0
        set     CLKPWR_UPLLCON, 0x00038022      @ 48 MHz, before the other
        set     CLKPWR_MPLLCON, 0x0005c011      @ 400 MHz of 12 MHz
        set     MEMC_BWSCON, 0x220d0000         @ banks 6 and 7: 32 bits
        set     MEMC_BANKCON6, 0x00018005       @ SDRAM, RAS to CAS 3, columns 9
        set     MEMC_BANKCON7, 0x00018005
        set     MEMC_REFRESH, 0x009404eb
        set     MEMC_BANKSIZE, 0x000000b1       @ 64 MB
        set     MEMC_MRSRB6, 0x00000030         @ CAS latency 3
        set     MEMC_MRSRB7, 0x00000030
        mov     pc, lr
        .size   board_memory, . - board_memory
        .ltorg
