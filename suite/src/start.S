/*
 * Entry, the fixture before each case, the runner, and the report.
 */

#include "case.h"

        .section .start, "ax"
        .global _start
_start:
        b       start
        /* what a host needs to know of the image: see readCases() in suite.ts */
        .word   RESULT_MAGIC, RESULT_VERSION, cases, cases_end, RESULTS
start:  mrs     r10, cpsr
        mrc     p15, 0, r11, c1, c0, 0
        msr     cpsr_c, #PSR_SVC
        ldr     sp, =STACK_TOP
        ldr     r0, =bss
        ldr     r1, =bss_end
        mov     r2, #0
1:      cmp     r0, r1
        strlo   r2, [r0], #4
        blo     1b
        ldr     r0, =reset_cpsr
        str     r10, [r0]
        ldr     r0, =reset_control
        str     r11, [r0]

        /* c1 with all that the cases switch off, and the bits that read as 1 written as 1 */
        ldr     r1, =(C1_M | C1_A | C1_C | C1_S | C1_R | C1_I | C1_V | C1_RR)
        bic     r1, r11, r1
        orr     r1, r1, #0x78
        ldr     r0, =control_off
        str     r1, [r0]
        orr     r1, r1, #C1_M
        ldr     r0, =control_value
        str     r1, [r0]
        bl      leave_mmu

        ldr     r0, =PAGE_LOW
        ldr     r1, =vectors_low
        bl      copy_vectors
        ldr     r0, =PAGE_HIGH
        ldr     r1, =vectors_high
        bl      copy_vectors
        ldr     r0, =PAGE_PID
        ldr     r1, =vectors_pid
        bl      copy_vectors
        bl      probe

        board_init
        b       report_start
        .ltorg

copy_vectors:
        mov     r2, #16
1:      ldr     r3, [r1], #4
        str     r3, [r0], #4
        subs    r2, r2, #1
        bne     1b
        mov     pc, lr

/* What this machine has: vectors that were loaded at physical 0, and the registers that not every
   core with this MMU has. */
probe:
        stmfd   sp!, {r4, lr}
        mov     r4, #0
#ifdef BOARD_HAS_IRQ
        orr     r4, r4, #NEEDS_IRQ
#endif
        mov     r0, #0
        ldr     r1, [r0]
        ldr     r2, =0xe59ff018
        cmp     r1, r2
        ldreq   r1, [r0, #0x30]
        ldreq   r2, =enter_phys + 0x10 * 8
        cmpeq   r1, r2
        orreq   r4, r4, #NEEDS_PHYSVEC
        ldr     r0, =board_has
        str     r4, [r0]

        bl      fixture
        attempt 1f, PSR_SVC
        ldr     r3, =has_ifsr
        bl      note_if_done
        attempt 2f, PSR_SVC
        ldr     r3, =has_c9
        bl      note_if_done
        attempt 3f, PSR_SVC
        ldr     r3, =has_c10
        bl      note_if_done
#ifdef BOARD_ABORT
        set_l1  VA(0), SECTION(BOARD_ABORT, AP_FULL, 1)
        attempt 4f, PSR_SVC
        ldr     r0, =captures
        ldr     r0, [r0, #CAP_KIND]
        cmp     r0, #DATA
        ldreq   r0, =board_has
        ldreq   r1, [r0]
        orreq   r1, r1, #NEEDS_EXTABORT
        streq   r1, [r0]
#endif
        bl      leave_mmu
        ldmfd   sp!, {r4, pc}

1:      mov     r0, #FSR_BEFORE
        mcr     p15, 0, r0, c5, c0, 0
        mov     r0, #IFSR_BEFORE
        mcr     p15, 0, r0, c5, c0, 1
        mrc     p15, 0, r0, c5, c0, 0
        and     r0, r0, #0xff
        cmp     r0, #FSR_BEFORE
        .word   0x17f000f0              /* not a register of its own: undefined if not equal */
        done
2:      mrc     p15, 0, r0, c9, c0, 0
        mcr     p15, 0, r0, c9, c0, 0
        mrc     p15, 0, r0, c9, c0, 1
        mcr     p15, 0, r0, c9, c0, 1
        done
#ifdef BOARD_ABORT
4:      ldr     r0, =VA(0)
        ldr     r0, [r0]
        done
#endif
3:      mrc     p15, 0, r0, c10, c0, 0
        mcr     p15, 0, r0, c10, c0, 0
        mrc     p15, 0, r0, c10, c0, 1
        mcr     p15, 0, r0, c10, c0, 1
        done

note_if_done:
        ldr     r0, =captures
        ldr     r0, [r0, #CAP_KIND]
        cmp     r0, #SWI
        moveq   r0, #1
        movne   r0, #0
        str     r0, [r3]
        mov     pc, lr

/* MMU and caches off. VA = PA here, so the switch cannot be seen. */
leave_mmu:
        ldr     r0, =control_off
        ldr     r0, [r0]
        mcr     p15, 0, r0, c1, c0, 0
        nops
        mov     r0, #0
        mcr     p15, 0, r0, c7, c7, 0
        mcr     p15, 0, r0, c8, c7, 0
        mov     pc, lr

/* The state a case finds. */
fixture:
        stmfd   sp!, {r4-r11, lr}
        bl      leave_mmu
        ldr     r0, =L1_TABLE
        ldr     r1, =L1_TABLE + 0x4000
        bl      zero
        ldr     r0, =COARSE(0)
        ldr     r1, =FINE(4)
        bl      zero

        /* RAM of the suite and its frames */
        ldr     r0, =SECTION(RAM_BASE, AP_FULL, 0)
        ldr     r1, =L1_TABLE + (RAM_BASE >> 18)
        mov     r2, #HOME_MB
1:      str     r0, [r1], #4
        add     r0, r0, #0x100000
        subs    r2, r2, #1
        bne     1b
        /* devices, for privileged modes */
        ldr     r3, =devices
        ldr     r4, =devices_end
        ldr     r5, =L1_TABLE
2:      cmp     r3, r4
        beq     3f
        ldr     r0, [r3], #4
        mov     r1, r0, lsr #20
        ldr     r2, =SECTION(0, AP_PRIV, 0)
        orr     r0, r0, r2
        str     r0, [r5, r1, lsl #2]
        b       2b
3:      /* vectors */
        set_l1  0, COARSE_TABLE(14, 0)
        set_coarse 14, 0, SMALL(PAGE_LOW, AP_PRIV)
        set_l1  0xfff00000, COARSE_TABLE(15, 0)
        ldr     r0, =COARSE_HIGH
        ldr     r1, =SMALL(0xfff00000, AP_PRIV)
        mov     r2, #0xf0
4:      str     r1, [r0], #4
        add     r1, r1, #0x1000
        subs    r2, r2, #1
        bne     4b
        set_coarse 15, 0xffff0000, SMALL(PAGE_HIGH, AP_PRIV)

        ldr     r0, =L1_TABLE
        mcr     p15, 0, r0, c2, c0, 0
        ldr     r0, =DACR_CLIENT
        mcr     p15, 0, r0, c3, c0, 0
        mov     r0, #0
        mcr     p15, 0, r0, c13, c0, 0
        ldr     r1, =has_c9
        ldr     r1, [r1]
        cmp     r1, #0
        mcrne   p15, 0, r0, c9, c0, 0
        mcrne   p15, 0, r0, c9, c0, 1
        ldr     r1, =has_c10
        ldr     r1, [r1]
        cmp     r1, #0
        mcrne   p15, 0, r0, c10, c0, 0
        mcrne   p15, 0, r0, c10, c0, 1

        ldr     r0, =registers
        ldr     r1, =0xa0a0a000
        mov     r2, #15
5:      str     r1, [r0], #4
        add     r1, r1, #1
        subs    r2, r2, #1
        bne     5b
        ldr     r0, =hooks
        add     r1, r0, #20
        bl      zero_words
        ldr     r0, =check
        mov     r1, #0
        str     r1, [r0]
        bl      clear_captures

        mov     r0, #0
        mcr     p15, 0, r0, c7, c10, 4
        mcr     p15, 0, r0, c8, c7, 0
        ldr     r0, =control_value
        ldr     r0, [r0]
        mcr     p15, 0, r0, c1, c0, 0
        nops
        ldmfd   sp!, {r4-r11, pc}

/* Zeroes [r0, r1), a multiple of 32 bytes. */
zero:
        mov     r2, #0
        mov     r3, #0
        mov     r4, #0
        mov     r5, #0
        mov     r6, #0
        mov     r7, #0
        mov     r8, #0
        mov     r9, #0
1:      stmia   r0!, {r2-r9}
        cmp     r0, r1
        blo     1b
        mov     pc, lr

zero_words:
        mov     r2, #0
1:      str     r2, [r0], #4
        cmp     r0, r1
        blo     1b
        mov     pc, lr

/* Fills r2 words at r0 with r1. */
        .global fill_words
fill_words:
        str     r1, [r0], #4
        subs    r2, r2, #1
        bne     fill_words
        mov     pc, lr

/* Copies the first-level table to L1_OTHER. */
        .global copy_l1
copy_l1:
        ldr     r0, =L1_TABLE
        ldr     r1, =L1_OTHER
        ldr     r3, =L1_OTHER
1:      ldr     r2, [r0], #4
        str     r2, [r1], #4
        cmp     r0, r3
        bne     1b
        mov     pc, lr

        .global call_r3
call_r3:
        bx      r3

        .ltorg
devices:
        board_devices
devices_end:

/* --- the runner ---------------------------------------------------------------------------------- */

report_start:
        ldr     r0, =text_title
        bl      print
        ldr     r0, =text_plan
        bl      print
        ldr     r6, =cases
        ldr     r7, =cases_end
        sub     r0, r7, r6
        mov     r0, r0, lsr #4
        ldr     r4, =RESULTS
        ldr     r1, =RESULT_MAGIC
        str     r1, [r4]
        mov     r1, #RESULT_VERSION
        str     r1, [r4, #4]
        str     r0, [r4, #8]
        mov     r1, #0
        str     r1, [r4, #12]           /* passed */
        str     r1, [r4, #16]           /* failed */
        str     r1, [r4, #20]           /* skipped */
        str     r1, [r4, #24]           /* 1 when the suite is done */
        str     r1, [r4, #28]
        bl      print_decimal
        bl      newline
        ldr     r0, =case_entry
        str     r6, [r0]
        b       run_case

/* The next case: 4 words at case_entry: name, code, flags, parameter. */
next_case:
        ldr     r0, =case_entry
        ldr     r6, [r0]
        add     r6, r6, #16
        str     r6, [r0]
run_case:
        ldr     r1, =cases_end
        cmp     r6, r1
        beq     report_end
        ldr     sp, =STACK_TOP
        ldr     r0, [r6, #8]
        ldr     r1, =board_has
        ldr     r1, [r1]
        bic     r0, r0, r1
        tst     r0, #0xff
        bne     case_skipped
        bl      fixture
        ldr     r0, [r6, #12]
        ldr     pc, [r6, #4]

        .global case_passed
case_passed:
        mov     r3, #PASSED
        mov     r0, #0
        mov     r1, #0
        mov     r2, #0
        b       case_over

case_skipped:
        mov     r3, #SKIPPED
        mov     r0, #0
        mov     r1, #0
        mov     r2, #0
        b       case_over

/* r0 = number of the check, r1 = what was found, r2 = what was expected. */
        .global check_failed
check_failed:
        mov     r3, #FAILED

case_over:
        ldr     sp, =STACK_TOP
        mov     r8, r0
        mov     r9, r1
        mov     r10, r2
        mov     r11, r3
        bl      leave_mmu
#ifdef BOARD_HAS_IRQ
        ldr     r0, =case_entry
        ldr     r0, [r0]
        ldr     r0, [r0, #8]
        tst     r0, #NEEDS_IRQ
        beq     1f
        board_irq_clear
1:
#endif
        /* the entry of the result table */
        ldr     r6, =case_entry
        ldr     r6, [r6]
        ldr     r0, =cases
        sub     r7, r6, r0
        mov     r7, r7, lsr #4          /* index */
        ldr     r4, =RESULTS
        add     r0, r4, r11, lsl #2
        ldr     r1, [r0, #8]
        add     r1, r1, #1
        str     r1, [r0, #8]
        add     r4, r4, #RESULT_HEADER
        add     r4, r4, r7, lsl #6
        add     r7, r7, #1
        ldr     r5, =captures
        str     r7, [r4, #0x00]
        str     r11, [r4, #0x04]
        str     r8, [r4, #0x08]
        str     r9, [r4, #0x0c]
        str     r10, [r4, #0x10]
        ldr     r0, [r5, #CAP_KIND]
        ldr     r1, [r5, #CAP_BASE]
        orr     r0, r0, r1
        str     r0, [r4, #0x14]
        ldr     r0, [r5, #CAP_LR]
        str     r0, [r4, #0x18]
        ldr     r0, [r5, #CAP_SPSR]
        str     r0, [r4, #0x1c]
        ldr     r0, [r5, #CAP_CPSR]
        str     r0, [r4, #0x20]
        ldr     r0, [r5, #CAP_FSR]
        str     r0, [r4, #0x24]
        ldr     r0, [r5, #CAP_IFSR]
        str     r0, [r4, #0x28]
        ldr     r0, [r5, #CAP_FAR]
        str     r0, [r4, #0x2c]
        ldmia   r5, {r0-r3}
        add     r5, r4, #0x30
        stmia   r5, {r0-r3}

        /* the line */
        ldr     r0, =text_ok
        cmp     r11, #FAILED
        ldreq   r0, =text_not_ok
        bl      print
        mov     r0, r7
        bl      print_decimal
        ldr     r0, =text_dash
        bl      print
        ldr     r0, [r6]
        bl      print
        cmp     r11, #SKIPPED
        bne     1f
        ldr     r0, =text_skip
        bl      print
        b       3f
1:      cmp     r11, #FAILED
        bne     2f
        ldr     r0, =text_check
        bl      print
        mov     r0, r8
        bl      print_decimal
        ldr     r5, =text_got
        add     r6, r4, #0x0c
        bl      print_field
        ldr     r5, =text_want
        bl      print_field
        b       4f
2:      ldr     r0, [r4, #0x14]
        cmp     r0, #0
        beq     3f
        ldr     r0, =text_comment
        bl      print
4:      ldr     r5, =text_vector
        add     r6, r4, #0x14
        bl      print_field
        bl      print_field             /* lr */
        bl      print_field             /* spsr */
        bl      print_field             /* cpsr */
        bl      print_field             /* fsr */
        bl      print_field             /* ifsr */
        bl      print_field             /* far */
3:      bl      newline
        b       next_case

report_end:
        ldr     r4, =RESULTS
        mov     r0, #1
        str     r0, [r4, #24]
        ldr     r0, =text_passed
        bl      print
        ldr     r0, [r4, #12]
        bl      print_decimal
        ldr     r0, =text_failed
        bl      print
        ldr     r0, [r4, #16]
        bl      print_decimal
        ldr     r0, =text_skipped
        bl      print
        ldr     r0, [r4, #20]
        bl      print_decimal
        ldr     r0, =text_end
        bl      print
        board_stop
1:      b       1b
        .ltorg

/* --- text ---------------------------------------------------------------------------------------- */

/* Prints the label at r5 and the word at r6 in hexadecimal; steps both. */
print_field:
        stmfd   sp!, {lr}
        mov     r0, r5
        bl      print
        mov     r5, r0
        ldr     r0, [r6], #4
        bl      print_hex
        ldmfd   sp!, {pc}

/* Prints the string at r0; returns the address after it. */
print:
        stmfd   sp!, {r4, lr}
        mov     r4, r0
1:      ldrb    r0, [r4], #1
        cmp     r0, #0
        beq     2f
        bl      putc
        b       1b
2:      mov     r0, r4
        ldmfd   sp!, {r4, pc}

/* Without leading zeros. */
print_hex:
        stmfd   sp!, {r4, r5, lr}
        mov     r4, r0
        mov     r5, #8
1:      cmp     r5, #1
        cmpne   r4, #0x10000000
        movlo   r4, r4, lsl #4
        sublo   r5, r5, #1
        blo     1b
2:      mov     r0, r4, lsr #28
        mov     r4, r4, lsl #4
        cmp     r0, #10
        addlo   r0, r0, #48
        addhs   r0, r0, #87
        bl      putc
        subs    r5, r5, #1
        bne     2b
        ldmfd   sp!, {r4, r5, pc}

print_decimal:
        stmfd   sp!, {r4-r6, lr}
        mov     r4, r0
        ldr     r5, =powers
        mov     r6, #0
1:      ldr     r1, [r5], #4
        mov     r0, #48
2:      cmp     r4, r1
        subhs   r4, r4, r1
        addhs   r0, r0, #1
        bhs     2b
        cmp     r0, #48
        movne   r6, #1                  /* the leading zeros are over */
        cmp     r1, #1
        moveq   r6, #1                  /* and the last digit always counts */
        cmp     r6, #0
        blne    putc
        cmp     r1, #1
        bne     1b
        ldmfd   sp!, {r4-r6, pc}

newline:
        mov     r0, #10
putc:
        stmfd   sp!, {r1-r2, lr}
        board_putc
        ldmfd   sp!, {r1-r2, pc}
        .ltorg

        .section .rodata
        .balign 4
powers: .word   1000, 100, 10, 1
text_title:
        .ascii  "# ARMv4T MMU, CP15 and abort suite 1 on "
        .ascii  BOARD_NAME
        .asciz  "\n"
text_plan:
        .asciz  "1.."
text_ok:
        .asciz  "ok "
text_not_ok:
        .asciz  "not ok "
text_dash:
        .asciz  " - "
text_skip:
        .asciz  " # SKIP the machine cannot do this"
text_comment:
        .asciz  " #"
text_check:
        .asciz  " # check="
text_got:
        .asciz  " got="
text_want:
        .asciz  " want="
text_vector:
        .asciz  " vector=", " lr=", " spsr=", " cpsr=", " fsr=", " ifsr=", " far="
text_passed:
        .asciz  "# passed "
text_failed:
        .asciz  ", failed "
text_skipped:
        .asciz  ", skipped "
text_end:
        .asciz  "\n# end\n"

        .bss
        .balign 4
        .global reset_cpsr, reset_control, control_off, control_value, board_has
case_entry:
        .space  4
reset_cpsr:
        .space  4
reset_control:
        .space  4
control_off:
        .space  4
control_value:
        .space  4
board_has:
        .space  4
has_c9: .space  4
has_c10:
        .space  4
