/*
 * Vectors of a guest without tasks. The monitor enters at 00 with the stack set, the boot argument
 * in r0 and interrupts masked by nobody; at 18 with all registers of the interrupted code saved.
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
        b       irq                     @ 18 r0 = sources
unexpected:                             @ 1c
        mov     r0, #0xff
halt:
        mov     r12, #HC_HALT
        swi     0
        b       halt
        .size   vectors, . - vectors

        .type   start, %function
start:
        mov     r4, r0
        ldr     r0, =vectors
        ldr     r1, =kernel_stack_end
        mov     r12, #HC_SETUP
        swi     0
        mov     r0, r4
        bl      main
        b       halt
        .size   start, . - start

        .type   irq, %function
irq:                                    @ on the stack of who was interrupted, its registers saved
        ldr     r1, =plain_irqs
        ldr     r2, [r1]
        orr     r2, r2, r0
        str     r2, [r1]
        mov     r12, #HC_IRET
        swi     0
        b       unexpected
        .size   irq, . - irq
        .ltorg
