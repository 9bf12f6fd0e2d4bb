/*
 * Where the monitor enters the foreign kernel: in virtual kernel mode, on the kernel's stack, with
 * nothing to save.
 */
#include "vmi.h"

        .section .vectors, "ax", %progbits
        .arm
        .global vectors
        .type   vectors, %function
vectors:
        b       kernel_start            @ 00
        b       .                       @ 04 undefined instructions: the monitor's
        b       call                    @ 08 SWI of a task
        b       .                       @ 0c prefetch aborts: the monitor's
        b       .                       @ 10 data aborts: the monitor's
        b       .                       @ 14
        b       kernel_irq              @ 18 r0 = sources, r1 = ticks
        b       .                       @ 1c
call:
        mov     r3, r12
        b       kernel_call
        .size   vectors, . - vectors
