/*
 * Fast context switch extension: an address below 32 MB is moved by the process identifier; tables,
 * TLBs, FAR and the TLB operations know only the modified address (MVA).
 *
 * Process identifier 0x38 moves 0 to 0x70000000, which is VA(0). The exceptions of these cases go
 * through the high vectors, but for those that ask where the low ones are.
 */

#include "case.h"

        .text

#define PID 0x38
#define LOW(n) ((n) * 0x100000)         /* seen at VA(n) under PID */

.macro under_pid
        control C1_V
        process_id PID
.endm

case "fcse/pid/register"
        ldr     r0, =0xaa000000
        mcr     p15, 0, r0, c13, c0, 0
        nops
        mrc     p15, 0, r4, c13, c0, 0
        process_id 0x2a
        mrc     p15, 0, r5, c13, c0, 0
        process_id 0
        mrc     p15, 0, r6, c13, c0, 0
        expect_masked r4, 0xfe000000, 0xaa000000
        expect_masked r5, 0xfe000000, 0x54000000
        expect_masked r6, 0xfe000000, 0
        endcase

case "fcse/data/load-and-store"
        set_l1  VA(1), SECTION(FRAME(1), AP_FULL, 5)
        poke    FRAME(1) + 0x44, 0x11112222
        under_pid
        peek    r4, LOW(1) + 0x44
        expect  r4, 0x11112222
        poke    LOW(1) + 0x48, 0x33334444
        expect_word FRAME(1) + 0x48, 0x33334444
        peek    r4, VA(1) + 0x48
        expect  r4, 0x33334444
        endcase

case "fcse/data/every-size"
        set_l1  VA(1), SECTION(FRAME(1), AP_FULL, 5)
        poke    FRAME(1), 0x84838281
        under_pid
        ldr     r3, =LOW(1)
        ldrb    r4, [r3, #3]
        ldrh    r5, [r3, #2]
        ldrsb   r6, [r3, #1]
        mov     r8, #0x55
        strb    r8, [r3, #1]
        swp     r7, r8, [r3]
        expect  r4, 0x84
        expect  r5, 0x8483
        expect  r6, 0xffffff82
        expect  r7, 0x84835581
        expect_word FRAME(1), 0x55
        endcase

case "fcse/data/above-32-mb-is-not-moved"
        set_l1  VA(0), SECTION(FRAME(0), AP_FULL, 5)
        set_l1  0x02000000, SECTION(FRAME(2), AP_FULL, 5)
        poke    FRAME(0), 0x11111111
        poke    FRAME(2), 0x22222222
        under_pid
        peek    r4, VA(0)
        expect  r4, 0x11111111
        peek    r4, 0x02000000
        expect  r4, 0x22222222
        endcase

case "fcse/data/last-word-below-32-mb-is-moved"
        set_l1  VA(31), SECTION(FRAME(1), AP_FULL, 5)
        poke    FRAME(1) + 0xffffc, 0x11111111
        under_pid
        peek    r4, 0x01fffffc
        expect  r4, 0x11111111
        endcase

case "fcse/data/ldm-over-the-32-mb-edge"
        set_l1  VA(31), SECTION(FRAME(1), AP_FULL, 5)
        set_l1  0x02000000, SECTION(FRAME(2), AP_FULL, 5)
        poke    FRAME(1) + 0xffffc, 0x11111111
        poke    FRAME(2), 0x22222222
        under_pid
        ldr     r3, =0x01fffffc
        ldmia   r3, {r4, r5}
        expect  r4, 0x11111111
        expect  r5, 0x22222222
        endcase

case "fcse/data/ldm-far-over-the-32-mb-edge"
        set_l1  VA(31), SECTION(FRAME(1), AP_FULL, 5)
        under_pid
        setr    1, 0x01fffffc
        attempt 1f
        expect_data_abort 1f, TRANSLATION_SECTION, 0x02000000
        expect_cap R1, 0x01fffffc
        endcase
1:      ldmia   r1!, {r3, r4}
        done

case "fcse/data/pid-0-is-flat"
        set_l1  LOW(1), SECTION(FRAME(1), AP_FULL, 5)
        poke    FRAME(1), 0x11111111
        control C1_V
        peek    r4, LOW(1)
        expect  r4, 0x11111111
        endcase

case "fcse/data/highest-pid"
        set_l1  0xfe100000, SECTION(FRAME(1), AP_FULL, 5)
        poke    FRAME(1) + 0x80, 0x11111111
        control C1_V
        process_id 0x7f
        peek    r4, LOW(1) + 0x80
        expect  r4, 0x11111111
        endcase

case "fcse/data/two-processes-without-invalidation"
        set_l1  VA(1), SECTION(FRAME(1), AP_FULL, 5)
        set_l1  VA(33), SECTION(FRAME(2), AP_FULL, 5)
        poke    FRAME(1), 0x11111111
        poke    FRAME(2), 0x22222222
        under_pid
        peek    r4, LOW(1)
        expect  r4, 0x11111111
        process_id PID + 1
        peek    r4, LOW(1)
        expect  r4, 0x22222222
        process_id PID
        peek    r4, LOW(1)
        expect  r4, 0x11111111
        endcase

case "fcse/data/user-mode-and-ldrt"
        set_l1  VA(1), SECTION(FRAME(1), AP_UREAD, 5)
        poke    FRAME(1), 0x11111111
        setr    1, LOW(1)
        under_pid
        attempt 1f
        expect_done
        expect_cap R0, 0x11111111
        attempt 2f, PSR_SVC
        expect_done
        expect_cap R0, 0x11111111
        endcase
1:      ldr     r0, [r1]
        done
2:      ldrt    r0, [r1], #4
        done

/* --- faults ---------------------------------------------------------------------------------------------- */

.macro fcse_fault name, fsr, tables:vararg
case "fcse/fault/\name"
        \tables
        setr    1, LOW(2) + 0x24
        under_pid
        attempt 1f
        expect_exception DATA, 1f + 8, PSR_USR
        .if \fsr == TRANSLATION_SECTION
        expect_cap_masked FSR, 0xf, \fsr
        .else
        expect_cap FSR, \fsr
        .endif
        expect_registers_kept
        endcase
1:      ldr     r0, [r1]
        done

case "fcse/fault/\name-far-is-mva"
        \tables
        setr    1, LOW(2) + 0x24
        under_pid
        attempt 1f
        expect_cap KIND, DATA
        expect_cap FAR, VA(2) + 0x24
        endcase
1:      ldr     r0, [r1]
        done
.endm
.macro fcse_translation_section
.endm
.macro fcse_translation_page
        set_l1  VA(2), COARSE_TABLE(0, 6)
.endm
.macro fcse_domain
        set_l1  VA(2), SECTION(FRAME(2), AP_FULL, 6)
        set_l1  LOW(2), SECTION(FRAME(2), AP_FULL, 7)
        domains DOMAIN_ACCESS(6, NO_ACCESS)
.endm
.macro fcse_permission
        set_l1  VA(2), SECTION(FRAME(2), AP_PRIV, 6)
        set_l1  LOW(2), SECTION(FRAME(2), AP_FULL, 7)
.endm
        fcse_fault "translation-section", TRANSLATION_SECTION, fcse_translation_section
        fcse_fault "translation-page", FSR(6, TRANSLATION_PAGE), fcse_translation_page
        fcse_fault "domain", FSR(6, DOMAIN_SECTION), fcse_domain
        fcse_fault "permission", FSR(6, PERMISSION_SECTION), fcse_permission

case "fcse/fault/alignment-far-is-mva"
        set_l1  VA(2), SECTION(FRAME(2), AP_FULL, 6)
        setr    1, LOW(2) + 0x25
        control C1_V | C1_A
        process_id PID
        attempt 1f
        expect_data_abort 1f, ALIGNMENT, VA(2) + 0x25
        endcase
1:      ldr     r0, [r1]
        done

case "fcse/fault/above-32-mb-far-is-the-address"
        setr    1, VA(2) + 0x24
        under_pid
        attempt 1f
        expect_data_abort 1f, TRANSLATION_SECTION, VA(2) + 0x24
        endcase
1:      ldr     r0, [r1]
        done

case "fcse/fault/prefetch-lr-is-the-virtual-address"
        under_pid
        attempt LOW(3) + 0x20
        expect_prefetch_abort LOW(3) + 0x20
        endcase

/* --- fetches ----------------------------------------------------------------------------------------------- */

case "fcse/fetch/runs-moved-code"
        set_l1  VA(3), SECTION(FRAME(3), AP_FULL, 5)
        poke    FRAME(3) + 0x20, CODE_DONE
        under_pid
        attempt LOW(3) + 0x20
        expect_exception SWI, LOW(3) + 0x24, PSR_USR
        endcase

case "fcse/fetch/pc-is-the-virtual-address"
        set_l1  VA(3), SECTION(FRAME(3), AP_FULL, 5)
        poke    FRAME(3) + 0x20, 0xe1a0000f     /* mov r0, pc */
        poke    FRAME(3) + 0x24, 0xeb000000     /* bl .+8 */
        poke    FRAME(3) + 0x28, 0xe7f000f0
        poke    FRAME(3) + 0x2c, 0xe59f1000     /* ldr r1, [pc] */
        poke    FRAME(3) + 0x30, CODE_DONE
        poke    FRAME(3) + 0x34, 0x600dda7a
        under_pid
        attempt LOW(3) + 0x20
        expect_exception SWI, LOW(3) + 0x34, PSR_USR
        expect_cap R0, LOW(3) + 0x28
        expect_cap R14, LOW(3) + 0x28
        expect_cap R1, 0x600dda7a
        endcase

case "fcse/fetch/two-processes-without-invalidation"
        set_l1  VA(3), SECTION(FRAME(3), AP_FULL, 5)
        set_l1  VA(35), SECTION(FRAME(4), AP_FULL, 5)
        poke_code FRAME(3), 1
        poke_code FRAME(4), 2
        under_pid
        call    LOW(3)
        expect  r0, 1
        process_id PID + 1
        call    LOW(3)
        expect  r0, 2
        process_id PID
        call    LOW(3)
        expect  r0, 1
        endcase

/* --- vectors -------------------------------------------------------------------------------------------------- */

.macro pid_vectors
        set_l1  VA(0), COARSE_TABLE(0, 5)
        set_coarse 0, VA(0), SMALL(PAGE_PID, AP_PRIV)
        process_id PID
.endm

case "fcse/vectors/low-ones-are-moved-swi"
        pid_vectors
        attempt 1f
        expect_cap KIND, SWI
        expect_cap BASE, VECTORS_PID
        endcase
1:      done

case "fcse/vectors/low-ones-are-moved-abort"
        pid_vectors
        setr    1, VA(7)
        attempt 1f
        expect_data_abort 1f, TRANSLATION_SECTION, VA(7)
        expect_cap BASE, VECTORS_PID
        endcase
1:      ldr     r0, [r1]
        done

case "fcse/vectors/high-ones-are-not"
        under_pid
        attempt 1f
        expect_cap KIND, SWI
        expect_cap BASE, VECTORS_HIGH
        endcase
1:      done

/* --- TLB operations take the modified address, and do not modify it ------------------------------------------------ */

.macro stale_process
        set_l1  VA(1), SECTION(FRAME(1), AP_FULL, 5)
        poke    FRAME(1), 0x01d01d01
        poke    FRAME(2), 0x2e2e2e2e
        under_pid
        peek    r4, LOW(1)
        expect  r4, 0x01d01d01
        set_l1  VA(1), SECTION(FRAME(2), AP_FULL, 5)
.endm

case "fcse/tlb/entries-outlive-a-switch", NEEDS_TLB
        stale_process
        process_id 1
        process_id PID
        peek    r4, LOW(1)
        expect  r4, 0x01d01d01
        endcase

case "fcse/tlb/same-entry-from-above", NEEDS_TLB
        stale_process
        process_id 0
        peek    r4, VA(1)
        expect  r4, 0x01d01d01
        endcase

case "fcse/tlb/invalidate-entry-by-mva"
        stale_process
        invalidate_dtlb_entry VA(1)
        peek    r4, LOW(1)
        expect  r4, 0x2e2e2e2e
        endcase

case "fcse/tlb/invalidate-entry-by-va-misses", NEEDS_TLB
        stale_process
        invalidate_dtlb_entry LOW(1)
        peek    r4, LOW(1)
        expect  r4, 0x01d01d01
        endcase

case "fcse/tlb/invalidate-all"
        stale_process
        invalidate_dtlb
        peek    r4, LOW(1)
        expect  r4, 0x2e2e2e2e
        endcase
        .ltorg
