/*
 * The virtual exception vectors: first words of the guest. The monitor enters here in virtual kernel
 * mode with the kernel's stack; it has saved the task's registers, so nothing is saved here and
 * nothing returns: the kernel leaves by HC_DISPATCH.
 */
#include "vmi.h"

        .section .vectors, "ax", %progbits
        .arm
        .global vectors
        .type   vectors, %function
vectors:
        b       os_start                @ 00
        b       unexpected              @ 04 undefined instruction
        b       call                    @ 08 kernel call of a task
        b       unexpected              @ 0c prefetch abort
        b       unexpected              @ 10 data abort
        b       unexpected              @ 14
        b       os_enter_irq            @ 18 r0 = sources, r1 = ticks
        b       unexpected              @ 1c
        .size   vectors, . - vectors

        .type   call, %function
call:                                   @ r0-r3 = arguments, r12 = number
        str     r12, [sp, #-8]!         @ the fifth argument
        bl      os_enter_call
        .size   call, . - call

        .type   unexpected, %function
unexpected:                             @ the monitor handles aborts: this is a lost kernel
        mov     r0, #0xff
        mov     r12, #HC_HALT
        swi     0
        b       unexpected
        .size   unexpected, . - unexpected
