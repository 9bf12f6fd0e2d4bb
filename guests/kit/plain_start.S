/*
 * Vectors of a guest without tasks. The monitor enters at 00 with a stack and the boot argument in
 * r0; at 18 with all registers of the interrupted code saved, on its stack.
 */
#include "vmi.h"

        .section .vectors, "ax", %progbits
        .arm
        .global vectors
        .type   vectors, %function
vectors:
        b       start                   @ 00 r0 = boot argument
        b       unexpected              @ 04 undefined instruction
        b       unexpected              @ 08
        b       unexpected              @ 0c prefetch abort
        b       unexpected              @ 10 data abort
        b       unexpected              @ 14
        b       irq                     @ 18 r0 = sources, r1 = ticks
        b       unexpected              @ 1c
        .size   vectors, . - vectors

        .type   start, %function
start:
        mov     r4, r0
        ldr     r0, =vectors
        mov     r1, sp
        mov     r12, #HC_SETUP
        swi     0
        mov     r0, r4
        bl      main
        b       halt
        .size   start, . - start

        .type   unexpected, %function
unexpected:
        mov     r0, #0xff
halt:
        mov     r12, #HC_HALT
        swi     0
        b       halt
        .size   unexpected, . - unexpected

        .type   irq, %function
irq:
        bic     sp, sp, #7              @ the interrupted sp comes back with HC_IRET
        bl      plain_irq
        mov     r12, #HC_IRET
        swi     0
        b       unexpected
        .size   irq, . - irq
        .ltorg
