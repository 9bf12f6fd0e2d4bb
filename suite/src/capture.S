/*
 * Exception vectors, and what happens behind them: record the state, then end the attempt or go on
 * at the hook that the case has set for this exception.
 *
 * In every mode that an exception enters, sp points to attempt_block while an attempt runs.
 */

#include "case.h"

        .equ ATT_R0, 0x00               /* r0-r7 as the exception found them */
        .equ ATT_CAPTURE, 0x20          /* where the next capture goes */
        .equ ATT_HOOK, 0x24             /* next word of hooks */
        .equ ATT_SP, 0x28               /* stack of the case; 0: no attempt is running */
        .equ ATT_GO, 0x2c

.macro vector_page name, base
        .global vectors_\name
vectors_\name:
        .rept 8
        ldr     pc, [pc, #24]
        .endr
        .irp kind, 0x00, 0x04, 0x08, 0x0c, 0x10, 0x14, 0x18, 0x1c
        .word   enter_\name + (\kind) * 8
        .endr
.endm

/* Eight entries of 32 bytes. */
.macro vector_entries name, base
        .global enter_\name
enter_\name:
        .irp kind, 0x00, 0x04, 0x08, 0x0c, 0x10, 0x14, 0x18, 0x1c
        stmia   sp, {r0-r7}
        mov     r0, #\kind
        ldr     r1, 1f
        b       capture
1:      .word   \base
        .space  12
        .endr
.endm

        .section .vectors0, "ax"
        vector_page phys
        .section .rodata
        vector_page low
        vector_page high
        vector_page pid

        .text
        .balign 32
        vector_entries low, VECTORS_LOW
        vector_entries high, VECTORS_HIGH
        vector_entries pid, VECTORS_PID
        vector_entries phys, VECTORS_PHYS

/* r0 = vector offset, r1 = vector page; in the exception's mode. Uses r0-r7 only. */
capture:
        ldr     r6, [sp, #ATT_CAPTURE]
        str     r0, [r6, #CAP_KIND]
        str     r1, [r6, #CAP_BASE]
        str     lr, [r6, #CAP_LR]
        mrs     r1, spsr
        str     r1, [r6, #CAP_SPSR]
        mrs     r2, cpsr
        str     r2, [r6, #CAP_CPSR]
        mrc     p15, 0, r3, c5, c0, 0
        and     r3, r3, #0xff
        str     r3, [r6, #CAP_FSR]
        mrc     p15, 0, r3, c6, c0, 0
        str     r3, [r6, #CAP_FAR]
        ldr     r3, =has_ifsr
        ldr     r3, [r3]
        cmp     r3, #0
        beq     1f
        mrc     p15, 0, r3, c5, c0, 1
        and     r3, r3, #0xff
1:      str     r3, [r6, #CAP_IFSR]
        mov     r7, sp
        ldmia   r7!, {r0, r3, r4, r5}
        stmia   r6!, {r0, r3, r4, r5}
        ldmia   r7, {r0, r3, r4, r5}
        stmia   r6!, {r0, r3, r4, r5}
        sub     r7, r7, #16
        /* r8-r14 of the interrupted mode; System mode stands in for User. */
        and     r3, r1, #0x1f
        cmp     r3, #0x10
        moveq   r3, #0x1f
        orr     r3, r3, #(PSR_I | PSR_F)
        msr     cpsr_c, r3
        stmia   r6, {r8-r14}
        msr     cpsr_c, r2
        add     r6, r6, #(CAP_SIZE - CAP_R8)
        str     r6, [r7, #ATT_CAPTURE]
        ldr     r5, [r7, #ATT_HOOK]
        ldr     r4, [r5], #4
        str     r5, [r7, #ATT_HOOK]
        str     r4, [r7, #ATT_GO]
        cmp     r4, #0
        beq     finish
        ldmia   sp, {r0-r7}
        ldr     pc, [sp, #ATT_GO]

finish:
        msr     cpsr_c, #PSR_SVC
        ldr     r0, =attempt_block
        ldr     sp, [r0, #ATT_SP]
        mov     r1, #0
        str     r1, [r0, #ATT_SP]
        ldr     r2, =hooks
        str     r1, [r2]
        str     r1, [r2, #4]
        str     r1, [r2, #8]
        cmp     sp, #0
        ldmiane sp!, {r4-r11, pc}
        ldr     sp, =STACK_TOP
        ldr     r1, [r6, #(CAP_KIND - CAP_SIZE)]
        mov     r2, #0
        mov     r0, #CHECK_UNEXPECTED
        b       check_failed

/* Runs the snippet r0 (bit 0 set: Thumb) with CPSR = r1. Returns after its last exception. */
        .global attempt_run
attempt_run:
        stmfd   sp!, {r4-r11, lr}
        ldr     r2, =attempt_block
        str     sp, [r2, #ATT_SP]
        bl      clear_captures
        /* the User bank's r13 and r14 */
        ldr     r3, =registers
        ldr     r4, [r3, #(4 * 13)]
        ldr     r5, [r3, #(4 * 14)]
        msr     cpsr_c, #PSR_SYS
        mov     sp, r4
        mov     lr, r5
        msr     cpsr_c, #PSR_SVC
        mov     r4, #FSR_BEFORE
        mcr     p15, 0, r4, c5, c0, 0
        ldr     r4, =FAR_BEFORE
        mcr     p15, 0, r4, c6, c0, 0
        ldr     r4, =has_ifsr
        ldr     r4, [r4]
        cmp     r4, #0
        movne   r4, #IFSR_BEFORE
        mcrne   p15, 0, r4, c5, c0, 1
        tst     r0, #1
        orrne   r1, r1, #PSR_T
        bicne   r0, r0, #1
        mov     sp, r2
        msr     spsr_cxsf, r1
        mov     lr, r0
        ldmia   r3, {r0-r12}
        movs    pc, lr

/* Makes the next capture the first one, all zero, and the stacks of all exception modes ready.
   Keeps all registers but r2 (attempt_block), r3, r4. */
        .global clear_captures
clear_captures:
        ldr     r3, =captures
        ldr     r2, =captures + CAP_SIZE * CAPTURES
        mov     r4, #0
1:      str     r4, [r3], #4
        cmp     r3, r2
        bne     1b
        ldr     r2, =attempt_block
        ldr     r3, =captures
        str     r3, [r2, #ATT_CAPTURE]
        ldr     r3, =hooks
        str     r3, [r2, #ATT_HOOK]
        msr     cpsr_c, #PSR_FIQ
        ldr     sp, =attempt_block
        msr     cpsr_c, #PSR_IRQ
        ldr     sp, =attempt_block
        msr     cpsr_c, #PSR_ABT
        ldr     sp, =attempt_block
        msr     cpsr_c, #PSR_UND
        ldr     sp, =attempt_block
        msr     cpsr_c, #PSR_SVC
        mov     pc, lr

/* --- what the macros of case.h call: the operands follow the call ---------------------------------- */

        .global attempt_words, poke_words
attempt_words:
        ldr     r0, [lr], #4
        ldr     r1, [lr], #4
        b       attempt_run

poke_words:
        ldr     r0, [lr], #4
        ldr     r1, [lr], #4
        str     r1, [r0]
        mov     pc, lr

        .global expect_value, expect_masked_value, expect_memory
        .global expect_captured, expect_masked_captured, expect_registers, compare_words
expect_masked_captured:
        ldr     r1, [lr], #4
        ldr     r0, =captures
        ldr     r1, [r0, r1]
expect_masked_value:
        ldr     r2, [lr], #4
        and     r1, r1, r2
        b       expect_value
expect_captured:
        ldr     r1, [lr], #4
        ldr     r0, =captures
        ldr     r1, [r0, r1]
        b       expect_value
expect_memory:
        ldr     r1, [lr], #4
        ldr     r1, [r1]
expect_value:
        ldr     r2, [lr], #4
compare_words:
        ldr     r3, =check
        ldr     r0, [r3]
        add     r0, r0, #1
        str     r0, [r3]
        cmp     r1, r2
        moveq   pc, lr
        b       check_failed

/* r0-r12 of a capture against those of setr. */
expect_registers:
        ldr     r1, [lr], #4
        stmfd   sp!, {r4-r6, lr}
        ldr     r5, =captures
        add     r5, r5, r1
        ldr     r6, =registers
        ldr     r3, =check
        ldr     r0, [r3]
        add     r0, r0, #1
        str     r0, [r3]
        mov     r4, #13
1:      ldr     r1, [r5], #4
        ldr     r2, [r6], #4
        cmp     r1, r2
        bne     check_failed
        subs    r4, r4, #1
        bne     1b
        ldmfd   sp!, {r4-r6, pc}

        .ltorg

        .bss
        .balign 4
        .global captures, hooks, registers, has_ifsr, check
attempt_block:
        .space  0x30
captures:
        .space  CAP_SIZE * CAPTURES
hooks:  .space  20
registers:
        .space  4 * 15
has_ifsr:
        .space  4
check:  .space  4                       /* expectations of the running case so far */
