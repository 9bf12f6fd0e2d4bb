/* Entry into and return from every exception: vector, LR, SPSR, CPSR, banked registers. */

#include "case.h"

        .text

/* --- state at the start --------------------------------------------------------------------------- */

case "exception/reset/cpsr"
        peek    r4, reset_cpsr
        expect_masked r4, 0xff, PSR_SVC
        endcase

/* --- entry from every mode ------------------------------------------------------------------------ */

/* What entry does to CPSR: mode, T clear, I set; F set by FIQ only. */
.macro expect_entry kind, lr, psr, mode, fiq=0
        expect_exception \kind, \lr, \psr
        expect_cap BASE, VECTORS_LOW
        expect_cap_masked CPSR, 0xff, (\mode & 0x1f) | PSR_I | (\fiq) | ((\psr) & PSR_F)
.endm

.macro entry_cases mode, psr
case "exception/swi/from-\mode"
        attempt 1f, \psr | 0x60000000
        expect_entry SWI, 1f + 4, \psr | 0x60000000, PSR_SVC
        endcase
1:      swi     0x1234

case "exception/undefined/from-\mode"
        attempt 1f, \psr | 0x90000000
        expect_entry UNDEFINED, 1f + 4, \psr | 0x90000000, PSR_UND
        endcase
1:      .word   0xe7f000f0

case "exception/prefetch-abort/from-\mode"
        attempt VA(0), \psr | 0xa0000000
        expect_entry PREFETCH, VA(0) + 4, \psr | 0xa0000000, PSR_ABT
        endcase

case "exception/data-abort/from-\mode"
        setr    1, VA(0)
        attempt 1f, \psr | 0x50000000
        expect_entry DATA, 1f + 8, \psr | 0x50000000, PSR_ABT
        endcase
1:      ldr     r0, [r1]
        done

case "exception/irq/from-\mode", NEEDS_IRQ
        board_irq_raise
        attempt 1f, (\psr & ~PSR_I) | 0x30000000
        expect_entry IRQ, 1f + 4, (\psr & ~PSR_I) | 0x30000000, PSR_IRQ
        endcase
1:      b       1b

case "exception/fiq/from-\mode", NEEDS_IRQ
        board_fiq_raise
        attempt 1f, (\psr & ~PSR_F) | 0xc0000000
        expect_entry FIQ, 1f + 4, (\psr & ~PSR_F) | 0xc0000000, PSR_FIQ, PSR_F
        endcase
1:      b       1b
.endm

        entry_cases usr, PSR_USR
        entry_cases sys, PSR_SYS
        entry_cases svc, PSR_SVC
        entry_cases abt, PSR_ABT
        entry_cases und, PSR_UND
        entry_cases irq, PSR_IRQ
        entry_cases fiq, PSR_FIQ

/* --- entry from Thumb ------------------------------------------------------------------------------ */

case "exception/swi/from-thumb"
        attempt 1f + 1
        expect_entry SWI, 1f + 2, PSR_USR | PSR_T, PSR_SVC
        endcase
        .thumb
1:      swi     0x12
        .balign 4
        .arm

case "exception/swi/from-thumb-odd-halfword"
        attempt 1f + 1
        expect_entry SWI, 1f + 2, PSR_USR | PSR_T, PSR_SVC
        endcase
        .thumb
        nop
1:      swi     0x12
        .balign 4
        .arm

case "exception/undefined/from-thumb"
        attempt 1f + 1
        expect_entry UNDEFINED, 1f + 2, PSR_USR | PSR_T, PSR_UND
        endcase
        .thumb
1:      .hword  0xde00
        .balign 4
        .arm

case "exception/prefetch-abort/from-thumb"
        attempt VA(0) + 1
        expect_entry PREFETCH, VA(0) + 4, PSR_USR | PSR_T, PSR_ABT
        endcase

case "exception/prefetch-abort/from-thumb-odd-halfword"
        attempt VA(0) + 2 + 1
        expect_entry PREFETCH, VA(0) + 2 + 4, PSR_USR | PSR_T, PSR_ABT
        endcase

case "exception/data-abort/from-thumb"
        setr    1, VA(0)
        attempt 1f + 1
        expect_entry DATA, 1f + 8, PSR_USR | PSR_T, PSR_ABT
        endcase
        .thumb
1:      ldr     r0, [r1]
        done_thumb
        .arm

case "exception/irq/from-thumb", NEEDS_IRQ
        board_irq_raise
        attempt 1f + 1, PSR_USR & ~PSR_I
        expect_entry IRQ, 1f + 4, (PSR_USR & ~PSR_I) | PSR_T, PSR_IRQ
        endcase
        .thumb
1:      b       1b
        .balign 4
        .arm

case "exception/fiq/from-thumb", NEEDS_IRQ
        board_fiq_raise
        attempt 1f + 1, PSR_USR & ~PSR_F
        expect_entry FIQ, 1f + 4, (PSR_USR & ~PSR_F) | PSR_T, PSR_FIQ, PSR_F
        endcase
        .thumb
1:      b       1b
        .balign 4
        .arm

/* --- what entry masks ------------------------------------------------------------------------------ */

.macro mask_case name, kind, target, mode
case "exception/\name/masks-irq-not-fiq"
        setr    1, VA(0)
        attempt \target, 0x10
        expect_cap KIND, \kind
        expect_cap_masked SPSR, PSR_BITS, 0x10
        expect_cap_masked CPSR, 0xff, (\mode & 0x1f) | PSR_I
        endcase
.endm

        mask_case swi, SWI, mask_swi, PSR_SVC
        mask_case undefined, UNDEFINED, mask_undefined, PSR_UND
        mask_case prefetch-abort, PREFETCH, VA(0), PSR_ABT
        mask_case data-abort, DATA, mask_data, PSR_ABT
mask_swi:
        swi     1
mask_undefined:
        .word   0xe7f000f0
mask_data:
        ldr     r0, [r1]
        done

case "exception/irq/masks-irq-not-fiq", NEEDS_IRQ
        board_irq_raise
        attempt 1f, 0x10
        expect_cap KIND, IRQ
        expect_cap_masked CPSR, 0xff, (PSR_IRQ & 0x1f) | PSR_I
        endcase
1:      b       1b

case "exception/fiq/masks-irq-and-fiq", NEEDS_IRQ
        board_fiq_raise
        attempt 1f, 0x10
        expect_cap KIND, FIQ
        expect_cap_masked CPSR, 0xff, PSR_FIQ
        endcase
1:      b       1b

case "exception/irq/masked-is-not-taken", NEEDS_IRQ
        board_irq_raise
        attempt 1f, PSR_SVC
        expect_done
        endcase
1:      nops
        nops
        done

case "exception/fiq/masked-is-not-taken", NEEDS_IRQ
        board_fiq_raise
        attempt 1f, PSR_SVC
        expect_done
        endcase
1:      nops
        nops
        done

case "exception/irq/taken-when-msr-unmasks", NEEDS_IRQ
        board_irq_raise
        attempt 1f, PSR_SVC
        expect_cap KIND, IRQ
        expect_cap_masked SPSR, 0xff, PSR_SVC & ~PSR_I
        endcase
1:      msr     cpsr_c, #(PSR_SVC & ~PSR_I)
        nops
        nops
2:      b       2b

case "exception/fiq/taken-when-msr-unmasks", NEEDS_IRQ
        board_fiq_raise
        attempt 1f, PSR_SVC
        expect_cap KIND, FIQ
        expect_cap_masked SPSR, 0xff, PSR_SVC & ~PSR_F
        endcase
1:      msr     cpsr_c, #(PSR_SVC & ~PSR_F)
        nops
        nops
2:      b       2b

case "exception/irq/user-msr-cannot-unmask", NEEDS_IRQ
        board_irq_raise
        attempt 1f
        expect_done
        expect_cap_masked SPSR, 0xff, PSR_USR
        endcase
1:      msr     cpsr_cf, #0x10
        nops
        done

/* --- order of simultaneous exceptions --------------------------------------------------------------- */

case "exception/priority/fiq-before-irq", NEEDS_IRQ
        board_irq_raise
        board_fiq_raise
        hook    0, 2f
        attempt 1f, 0x10
        expect_exception FIQ, 1f + 4, 0x10
        expect_exception IRQ, 1f + 4, 0x50, 1
        endcase
1:      b       1b
2:      mrs     r8, spsr                /* FIQ stays pending, so return with F set */
        orr     r8, r8, #PSR_F
        msr     spsr_c, r8
        subs    pc, lr, #4
        .ltorg

.macro irq_first_case name, kind, target
case "exception/priority/irq-before-\name", NEEDS_IRQ
        board_irq_raise
        hook    0, return_irq_masked
        attempt \target, 0x50
        expect_exception IRQ, \target + 4, 0x50
        expect_cap KIND, \kind, 1
        expect_cap LR, \target + 4, 1
        endcase
.endm
        irq_first_case prefetch-abort, PREFETCH, VA(0)
        irq_first_case undefined, UNDEFINED, mask_undefined
        irq_first_case swi, SWI, mask_swi

return_irq_masked:
        mrs     r0, spsr
        orr     r0, r0, #PSR_I
        msr     spsr_c, r0
        ldmia   sp, {r0}
        subs    pc, lr, #4

/* --- return ------------------------------------------------------------------------------------------ */

case "exception/return/swi"
        hook    0, 2f
        attempt 1f, PSR_USR | 0x60000000
        expect_exception SWI, 1f + 4, PSR_USR | 0x60000000
        expect_exception SWI, 1f + 8, PSR_USR | 0x60000000, 1
        expect_registers_kept 1
        endcase
1:      swi     1
        done
2:      movs    pc, lr

case "exception/return/swi-thumb"
        hook    0, 2f
        attempt 1f + 1
        expect_exception SWI, 1f + 2, PSR_USR | PSR_T
        expect_exception SWI, 1f + 4, PSR_USR | PSR_T, 1
        endcase
        .thumb
1:      swi     1
        done_thumb
        .arm
2:      movs    pc, lr

case "exception/return/undefined-skips"
        hook    0, 2f
        attempt 1f, PSR_SYS | 0x80000000
        expect_exception UNDEFINED, 1f + 4, PSR_SYS | 0x80000000
        expect_exception SWI, 1f + 8, PSR_SYS | 0x80000000, 1
        endcase
1:      .word   0xe7f000f0
        done
2:      movs    pc, lr

case "exception/return/undefined-thumb-skips"
        hook    0, 2f
        attempt 1f + 1
        expect_exception UNDEFINED, 1f + 2, PSR_USR | PSR_T
        expect_exception SWI, 1f + 4, PSR_USR | PSR_T, 1
        endcase
        .thumb
1:      .hword  0xde00
        done_thumb
        .arm
2:      movs    pc, lr

case "exception/return/prefetch-abort-retries"
        poke    FRAME(0), CODE_DONE
        hook    0, 2f
        attempt VA(0)
        expect_exception PREFETCH, VA(0) + 4, PSR_USR
        expect_exception SWI, VA(0) + 4, PSR_USR, 1
        endcase
2:      hook_set_l1 VA(0), SECTION(FRAME(0), AP_FULL, 1)
        hook_registers
        subs    pc, lr, #4

case "exception/return/prefetch-abort-thumb-retries"
        poke    FRAME(0), 0xdf01df01
        hook    0, 2f
        attempt VA(0) + 2 + 1
        expect_exception PREFETCH, VA(0) + 2 + 4, PSR_USR | PSR_T
        expect_exception SWI, VA(0) + 4, PSR_USR | PSR_T, 1
        endcase
2:      hook_set_l1 VA(0), SECTION(FRAME(0), AP_FULL, 1)
        hook_registers
        subs    pc, lr, #4

case "exception/return/data-abort-retries"
        poke    FRAME(0), 0x600dda7a
        setr    1, VA(0)
        hook    0, 2f
        attempt 1f
        expect_exception DATA, 1f + 8, PSR_USR
        expect_exception SWI, 1f + 8, PSR_USR, 1
        expect_cap R0, 0x600dda7a, 1
        endcase
1:      ldr     r0, [r1]
        done
2:      hook_set_l1 VA(0), SECTION(FRAME(0), AP_FULL, 1)
        hook_registers
        subs    pc, lr, #8

case "exception/return/data-abort-thumb-retries"
        poke    FRAME(0), 0x600dda7a
        setr    1, VA(0)
        hook    0, 2f
        attempt 1f + 1
        expect_exception DATA, 1f + 8, PSR_USR | PSR_T
        expect_exception SWI, 1f + 4, PSR_USR | PSR_T, 1
        expect_cap R0, 0x600dda7a, 1
        endcase
        .thumb
1:      ldr     r0, [r1]
        done_thumb
        .arm
2:      hook_set_l1 VA(0), SECTION(FRAME(0), AP_FULL, 1)
        hook_registers
        subs    pc, lr, #8

case "exception/return/data-abort-skips"
        setr    1, VA(0)
        hook    0, 2f
        attempt 1f
        expect_exception SWI, 1f + 8, PSR_USR, 1
        expect_registers_kept 1
        endcase
1:      ldr     r0, [r1]
        done
2:      subs    pc, lr, #4

case "exception/return/irq", NEEDS_IRQ
        board_irq_raise
        hook    0, return_irq_masked
        attempt 1f, 0x50 | 0xa0000000
        expect_exception IRQ, 1f + 4, 0x50 | 0xa0000000
        expect_exception SWI, 1f + 4, PSR_USR | 0xa0000000, 1
        expect_registers_kept 1
        endcase
1:      done

case "exception/return/irq-thumb", NEEDS_IRQ
        board_irq_raise
        hook    0, return_irq_masked
        attempt 1f + 1, 0x50
        expect_exception IRQ, 1f + 4, 0x50 | PSR_T
        expect_exception SWI, 1f + 2, PSR_USR | PSR_T, 1
        endcase
        .thumb
        nop
1:      done_thumb
        .arm

case "exception/return/fiq-keeps-r8-r12", NEEDS_IRQ
        board_fiq_raise
        hook    0, 2f
        attempt 1f, 0x90
        expect_exception FIQ, 1f + 4, 0x90
        expect_exception SWI, 1f + 4, PSR_USR, 1
        expect_registers_kept 1
        endcase
1:      done
2:      mov     r8, #1
        mov     r9, #2
        mov     r10, #3
        mov     r11, #4
        mrs     r12, spsr
        orr     r12, r12, #PSR_F
        msr     spsr_c, r12
        subs    pc, lr, #4

/* LDM with ^ and the PC copies SPSR too. */
case "exception/return/ldm"
        hook    0, 2f
        attempt 1f, PSR_USR | 0x20000000
        expect_exception SWI, 3f + 4, PSR_USR | 0x20000000, 1
        expect_cap R0, 0x11, 1
        expect_cap R1, 0x22, 1
        endcase
1:      swi     1
3:      done
2:      ldr     r0, =4f
        ldmia   r0, {r0, r1, pc}^
        .balign 4
4:      .word   0x11, 0x22, 3b

case "exception/return/ldm-to-thumb"
        hook    0, 2f
        attempt 1f + 1
        expect_exception SWI, 3f + 2, PSR_USR | PSR_T, 1
        endcase
        .thumb
1:      swi     1
3:      swi     2
        .balign 4
        .arm
2:      ldr     r0, =4f
        ldmia   r0, {pc}^
4:      .word   3b

case "exception/return/subs-to-arm-drops-thumb"
        attempt 1f + 1
        expect_exception SWI, 2f + 4, PSR_USR
        endcase
        .thumb
        .balign 4
1:      bx      pc
        nop
        .arm
2:      swi     1

case "exception/return/every-mode"
        mov     r4, #0
        adr     r5, 9f
1:      ldr     r6, [r5, r4, lsl #2]
        ldr     r0, =2f
        mov     r1, r6
        bl      attempt_run
        ldr     r1, =captures + CAP_SPSR
        ldr     r1, [r1]
        mov     r2, r6
        compare
        add     r4, r4, #1
        cmp     r4, #7
        bne     1b
        endcase
2:      done
9:      .word   PSR_USR, PSR_FIQ, PSR_IRQ, PSR_SVC, PSR_ABT, PSR_UND, PSR_SYS

case "exception/return/restores-masks"
        hook    0, 2f
        attempt 1f, PSR_SVC
        expect_cap_masked SPSR, PSR_BITS, 0x10, 1
        endcase
1:      swi     1
3:      done
2:      mov     r0, #0x10
        msr     spsr_cxsf, r0
        movs    pc, lr

/* --- condition --------------------------------------------------------------------------------------- */

case "exception/condition/swi-not-taken"
        attempt 1f, PSR_USR | 0x40000000
        expect_exception SWI, 1f + 8, PSR_USR | 0x40000000
        endcase
1:      swine   1
        done

case "exception/condition/undefined-not-taken"
        attempt 1f, PSR_USR | 0x40000000
        expect_exception SWI, 1f + 8, PSR_USR | 0x40000000
        endcase
1:      .word   0x17f000f0
        done

case "exception/condition/data-abort-not-taken"
        setr    1, VA(0)
        attempt 1f, PSR_USR | 0x40000000
        expect_exception SWI, 1f + 8, PSR_USR | 0x40000000
        endcase
1:      ldrne   r0, [r1]
        done

case "exception/swi/comment-field-readable"
        attempt 1f
        expect_cap KIND, SWI
        ldr     r4, =captures
        ldr     r4, [r4, #CAP_LR]
        ldr     r4, [r4, #-4]
        expect  r4, 0xef123456
        endcase
1:      swi     0x123456

/* --- high vectors ------------------------------------------------------------------------------------- */

.macro high_case name, kind, target, flags=0, raise=
case "exception/high-vectors/\name", \flags
        \raise
        set_l1  0, 0
        setr    1, VA(0)
        control C1_V
        attempt \target, 0x10
        expect_cap KIND, \kind
        expect_cap BASE, VECTORS_HIGH
        endcase
.endm
        high_case undefined, UNDEFINED, mask_undefined
        high_case swi, SWI, mask_swi
        high_case prefetch-abort, PREFETCH, VA(0)
        high_case data-abort, DATA, mask_data
        high_case irq, IRQ, high_wait, NEEDS_IRQ, board_irq_raise
        high_case fiq, FIQ, high_wait, NEEDS_IRQ, board_fiq_raise
high_wait:
        b       high_wait

case "exception/high-vectors/and-back"
        control C1_V
        attempt 1f
        expect_cap BASE, VECTORS_HIGH
        control 0
        attempt 1f
        expect_cap BASE, VECTORS_LOW
        endcase
1:      done

/* --- banked registers ---------------------------------------------------------------------------------- */

case "exception/banks/r13-r14"
        mov     r4, #0
        adr     r5, 8f
1:      ldrb    r6, [r5, r4]
        msr     cpsr_c, r6
        add     sp, r4, #0x1300
        add     lr, r4, #0x1400
        add     r4, r4, #1
        cmp     r4, #5
        bne     1b
        mov     r4, #0
2:      ldrb    r6, [r5, r4]
        msr     cpsr_c, r6
        mov     r6, sp
        mov     r7, lr
        msr     cpsr_c, #PSR_SVC
        mov     r1, r6
        add     r2, r4, #0x1300
        compare
        mov     r1, r7
        add     r2, r4, #0x1400
        compare
        add     r4, r4, #1
        cmp     r4, #5
        bne     2b
        endcase
8:      .byte   PSR_SYS, PSR_IRQ, PSR_ABT, PSR_UND, PSR_FIQ
        .balign 4

case "exception/banks/fiq-r8-r12"
        attempt 1f, PSR_FIQ
        expect_cap KIND, SWI
        expect_cap R0, 0xa0a0a008
        expect_cap R1, 0xa0a0a009
        expect_cap R2, 0xa0a0a00a
        expect_cap R3, 0xa0a0a00b
        expect_cap R4, 0xa0a0a00c
        endcase
1:      mov     r8, #1
        mov     r9, #2
        mov     r10, #3
        mov     r11, #4
        mov     r12, #5
        msr     cpsr_c, #PSR_SYS
        mov     r0, r8
        mov     r1, r9
        mov     r2, r10
        mov     r3, r11
        mov     r4, r12
        done

case "exception/banks/spsr"
        mov     r4, #0
        adr     r5, 8f
1:      ldrb    r6, [r5, r4]
        msr     cpsr_c, r6
        orr     r7, r6, r4, lsl #28
        msr     spsr_cxsf, r7
        add     r4, r4, #1
        cmp     r4, #5
        bne     1b
        mov     r4, #0
2:      ldrb    r6, [r5, r4]
        msr     cpsr_c, r6
        mrs     r7, spsr
        msr     cpsr_c, #PSR_SVC
        mov     r1, r7
        orr     r2, r6, r4, lsl #28
        compare
        add     r4, r4, #1
        cmp     r4, #5
        bne     2b
        endcase
8:      .byte   PSR_SVC, PSR_IRQ, PSR_ABT, PSR_UND, PSR_FIQ
        .balign 4

case "exception/banks/stm-user"
        setr    0, FRAME(0)
        setr    13, 0x13131313
        setr    14, 0x14141414
        attempt 1f, PSR_IRQ
        expect_done
        expect_word FRAME(0) + 0, 0xa0a0a008
        expect_word FRAME(0) + 4, 0x13131313
        expect_word FRAME(0) + 8, 0x14141414
        endcase
1:      stmia   r0, {r8, sp, lr}^
        done

case "exception/banks/ldm-user"
        poke    FRAME(0) + 0, 0x08080808
        poke    FRAME(0) + 4, 0x13131313
        poke    FRAME(0) + 8, 0x14141414
        setr    0, FRAME(0)
        attempt 1f, PSR_FIQ
        expect_done
        expect_cap R1, 0x08080808
        expect_cap R13, 0x13131313
        expect_cap R14, 0x14141414
        endcase
1:      ldmia   r0, {r8, sp, lr}^
        nop
        msr     cpsr_c, #PSR_SYS
        mov     r1, r8
        done

/* --- status register transfers --------------------------------------------------------------------------- */

case "exception/status/user-msr-changes-flags-only"
        attempt 1f
        expect_done
        expect_cap_masked SPSR, PSR_BITS, 0xf0000000 | PSR_USR
        endcase
1:      ldr     r0, =0xf00000d3
        msr     cpsr_cf, r0
        done

case "exception/status/user-mrs-reads-all"
        attempt 1f, PSR_USR | 0x70000000
        expect_done
        ldr     r4, =captures
        ldr     r4, [r4]
        expect_masked r4, PSR_BITS, PSR_USR | 0x70000000
        endcase
1:      mrs     r0, cpsr
        done

case "exception/status/msr-flags-field-keeps-mode"
        attempt 1f, PSR_IRQ
        expect_done
        expect_cap_masked SPSR, PSR_BITS, 0x50000000 | PSR_IRQ
        endcase
1:      ldr     r0, =0x500000d3
        msr     cpsr_f, r0
        done

case "exception/status/msr-control-field-keeps-flags"
        attempt 1f, PSR_IRQ | 0x50000000
        expect_done
        expect_cap_masked SPSR, PSR_BITS, 0x50000000 | PSR_ABT
        endcase
1:      ldr     r0, =0xa0000000 | PSR_ABT
        msr     cpsr_c, r0
        done
        .ltorg
