/*
 * Data aborts, instruction by instruction: FSR, FAR, LR; the base register restored, the destination
 * untouched; load and store multiple over the edge of a page.
 */

#include "case.h"

        .text

/* VA(0) is a coarse table of domain 5 with the first page at FRAME(0) and nothing after it. */
.macro one_page
        set_l1  VA(0), COARSE_TABLE(0, 5)
        set_coarse 0, VA(0), SMALL(FRAME(0), AP_FULL)
.endm

#define HOLE (VA(0) + 0x2400)

/* --- each instruction at an address without a page: nothing may change ------------------------------ */

.macro abort_case name, far, instruction:vararg
case "data-abort/\name"
        one_page
        setr    1, HOLE
        setr    2, 0x10
        attempt 1f
        expect_data_abort 1f, FSR(5, TRANSLATION_PAGE), \far
        expect_registers_kept
        endcase
1:      \instruction
        done
.endm

        abort_case "ldr", HOLE, ldr r0, [r1]
        abort_case "ldr-offset", HOLE + 4, ldr r0, [r1, #4]
        abort_case "ldr-negative-offset", HOLE - 8, ldr r0, [r1, #-8]
        abort_case "ldr-pre", HOLE + 0x20, ldr r0, [r1, #0x20]!
        abort_case "ldr-pre-down", HOLE - 0x20, ldr r0, [r1, #-0x20]!
        abort_case "ldr-post", HOLE, ldr r0, [r1], #0x20
        abort_case "ldr-post-down", HOLE, ldr r0, [r1], #-0x20
        abort_case "ldr-register", HOLE + 0x10, ldr r0, [r1, r2]
        abort_case "ldr-register-down", HOLE - 0x10, ldr r0, [r1, -r2]
        abort_case "ldr-register-pre", HOLE + 0x10, ldr r0, [r1, r2]!
        abort_case "ldr-register-post", HOLE, ldr r0, [r1], r2
        abort_case "ldr-scaled-pre", HOLE + 0x40, ldr r0, [r1, r2, lsl #2]!
        abort_case "ldr-scaled-post", HOLE, ldr r0, [r1], -r2, lsr #1
        abort_case "ldr-into-its-base", HOLE, ldr r1, [r1]
        abort_case "ldrb", HOLE + 3, ldrb r0, [r1, #3]
        abort_case "ldrb-pre", HOLE + 3, ldrb r0, [r1, #3]!
        abort_case "ldrb-post", HOLE, ldrb r0, [r1], #1
        abort_case "ldrh", HOLE + 2, ldrh r0, [r1, #2]
        abort_case "ldrh-pre", HOLE + 2, ldrh r0, [r1, #2]!
        abort_case "ldrh-post", HOLE, ldrh r0, [r1], #2
        abort_case "ldrh-register-pre", HOLE + 0x10, ldrh r0, [r1, r2]!
        abort_case "ldrsb", HOLE + 1, ldrsb r0, [r1, #1]
        abort_case "ldrsb-post", HOLE, ldrsb r0, [r1], #1
        abort_case "ldrsh", HOLE + 2, ldrsh r0, [r1, #2]
        abort_case "ldrsh-pre", HOLE - 2, ldrsh r0, [r1, #-2]!
        abort_case "ldrt", HOLE, ldrt r0, [r1], #4
        abort_case "ldrbt", HOLE, ldrbt r0, [r1], r2
        abort_case "str", HOLE, str r0, [r1]
        abort_case "str-pre", HOLE + 0x20, str r0, [r1, #0x20]!
        abort_case "str-post", HOLE, str r0, [r1], #0x20
        abort_case "str-scaled-pre", HOLE - 0x40, str r0, [r1, -r2, lsl #2]!
        abort_case "strb-pre", HOLE + 1, strb r0, [r1, #1]!
        abort_case "strb-post", HOLE, strb r0, [r1], #1
        abort_case "strh-pre", HOLE + 2, strh r0, [r1, #2]!
        abort_case "strh-post", HOLE, strh r0, [r1], -r2
        abort_case "strt", HOLE, strt r0, [r1], #4
        abort_case "strbt", HOLE, strbt r0, [r1], r2
        abort_case "swp", HOLE, swp r0, r2, [r1]
        abort_case "swpb", HOLE, swpb r0, r2, [r1]
        abort_case "ldmia", HOLE, ldmia r1, {r0, r3, r4}
        abort_case "ldmia-writeback", HOLE, ldmia r1!, {r0, r3, r4}
        abort_case "ldmib-writeback", HOLE + 4, ldmib r1!, {r0, r3, r4}
        abort_case "ldmda-writeback", HOLE - 8, ldmda r1!, {r0, r3, r4}
        abort_case "ldmdb-writeback", HOLE - 12, ldmdb r1!, {r0, r3, r4}
        abort_case "ldm-base-in-list", HOLE, ldmia r1, {r0, r1, r2, r3}
        abort_case "ldm-pc", HOLE, ldmia r1!, {r0, pc}
        abort_case "stmia-writeback", HOLE, stmia r1!, {r0, r3, r4}
        abort_case "stmib-writeback", HOLE + 4, stmib r1!, {r0, r3, r4}
        abort_case "stmda-writeback", HOLE - 8, stmda r1!, {r0, r3, r4}
        abort_case "stmdb-writeback", HOLE - 12, stmdb r1!, {r0, r3, r4}
        abort_case "stm-all", HOLE, stmia r1, {r0-r14}
        abort_case "ldr-pc", HOLE, ldr pc, [r1], #4
        abort_case "str-pc", HOLE, str pc, [r1], #4

.macro abort_thumb name, far, instruction:vararg
case "data-abort/thumb/\name"
        one_page
        setr    1, HOLE
        setr    2, 0x10
        setr    13, HOLE
        attempt 1f + 1
        expect_data_abort 1f, FSR(5, TRANSLATION_PAGE), \far, PSR_USR | PSR_T
        expect_registers_kept
        expect_cap R13, HOLE
        endcase
        .thumb
        .balign 4
1:      \instruction
        done_thumb
        .arm
.endm

        abort_thumb "ldr", HOLE + 8, ldr r0, [r1, #8]
        abort_thumb "ldr-register", HOLE + 0x10, ldr r0, [r1, r2]
        abort_thumb "ldr-sp", HOLE + 12, ldr r0, [sp, #12]
        abort_thumb "ldrb", HOLE + 3, ldrb r0, [r1, #3]
        abort_thumb "ldrh", HOLE + 2, ldrh r0, [r1, #2]
        abort_thumb "ldsb", HOLE + 0x10, ldrsb r0, [r1, r2]
        abort_thumb "ldsh", HOLE + 0x10, ldrsh r0, [r1, r2]
        abort_thumb "str", HOLE + 8, str r0, [r1, #8]
        abort_thumb "str-sp", HOLE + 12, str r0, [sp, #12]
        abort_thumb "strb", HOLE + 3, strb r0, [r1, #3]
        abort_thumb "strh-register", HOLE + 0x10, strh r0, [r1, r2]
        abort_thumb "ldmia", HOLE, ldmia r1!, {r0, r3, r4}
        abort_thumb "stmia", HOLE, stmia r1!, {r0, r3, r4}
        abort_thumb "push", HOLE - 12, push {r0, r3, lr}
        abort_thumb "pop", HOLE, pop {r0, r3}
        abort_thumb "pop-pc", HOLE, pop {r0, pc}

/* --- the same from Supervisor mode ------------------------------------------------------------------ */

.macro abort_svc name, far, instruction:vararg
case "data-abort/svc/\name"
        one_page
        setr    1, HOLE
        attempt 1f, PSR_SVC
        expect_data_abort 1f, FSR(5, TRANSLATION_PAGE), \far, PSR_SVC
        expect_registers_kept
        endcase
1:      \instruction
        done
.endm

        abort_svc "ldr", HOLE, ldr r0, [r1], #4
        abort_svc "str", HOLE, str r0, [r1], #4
        abort_svc "ldrt", HOLE, ldrt r0, [r1], #4
        abort_svc "strt", HOLE, strt r0, [r1], #4
        abort_svc "ldm-user-bank", HOLE, ldmia r1, {r0, sp, lr}^
        abort_svc "stm-user-bank", HOLE, stmia r1, {r0, sp, lr}^

case "data-abort/svc/ldm-user-bank-untouched"
        one_page
        setr    1, HOLE
        setr    13, 0x13131313
        setr    14, 0x14141414
        attempt 1f, PSR_IRQ
        expect_data_abort 1f, FSR(5, TRANSLATION_PAGE), HOLE, PSR_IRQ
        msr     cpsr_c, #PSR_SYS
        mov     r4, sp
        mov     r5, lr
        msr     cpsr_c, #PSR_SVC
        expect  r4, 0x13131313
        expect  r5, 0x14141414
        endcase
1:      ldmia   r1, {r0, sp, lr}^
        done

case "data-abort/svc/ldm-with-spsr-keeps-cpsr"
        one_page
        setr    1, HOLE
        setr    3, PSR_USR
        attempt 1f, PSR_IRQ
        expect_data_abort 2f, FSR(5, TRANSLATION_PAGE), HOLE, PSR_IRQ
        expect_registers_kept
        endcase
1:      msr     spsr_cxsf, r3
2:      ldmia   r1!, {r0, pc}^
        done

/* --- every kind of fault on a load and on a store ----------------------------------------------------- */

.macro kind_case name, fsr, psr, tables:vararg
case "data-abort/kind/\name-load"
        \tables
        setr    1, VA(0) + 0x24
        attempt 1f, \psr
        expect_data_abort 1f, \fsr, VA(0) + 0x24, \psr
        expect_registers_kept
        endcase
1:      ldr     r0, [r1]
        done

case "data-abort/kind/\name-store"
        poke    FRAME(0) + 0x24, 0x01d01d01
        \tables
        setr    1, VA(0) + 0x24
        attempt 1f, \psr
        expect_data_abort 1f, \fsr, VA(0) + 0x24, \psr
        expect_registers_kept
        expect_word FRAME(0) + 0x24, 0x01d01d01
        endcase
1:      str     r0, [r1]
        done
.endm

.macro kind_translation_section
.endm
.macro kind_translation_coarse
        set_l1  VA(0), COARSE_TABLE(0, 7)
.endm
.macro kind_translation_fine
        set_l1  VA(0), FINE_TABLE(0, 7)
.endm
.macro kind_domain access
        set_l1  VA(0), SECTION(FRAME(0), AP_FULL, 7)
        domains DOMAIN_ACCESS(7, \access)
.endm
.macro kind_domain_small access
        set_l1  VA(0), COARSE_TABLE(0, 7)
        set_coarse 0, VA(0), SMALL(FRAME(0), AP_FULL)
        domains DOMAIN_ACCESS(7, \access)
.endm
.macro kind_domain_large access
        set_l1  VA(0), COARSE_TABLE(0, 7)
        set_large 0, VA(0), LARGE(FRAME(0), AP_FULL)
        domains DOMAIN_ACCESS(7, \access)
.endm
.macro kind_domain_tiny access
        set_l1  VA(0), FINE_TABLE(0, 7)
        set_fine 0, VA(0), TINY(FRAME(0), AP_FULL)
        domains DOMAIN_ACCESS(7, \access)
.endm
.macro kind_permission
        set_l1  VA(0), SECTION(FRAME(0), AP_PRIV, 7)
.endm
.macro kind_permission_small
        set_l1  VA(0), COARSE_TABLE(0, 7)
        set_coarse 0, VA(0), SMALL(FRAME(0), AP_PRIV)
.endm
.macro kind_permission_large
        set_l1  VA(0), COARSE_TABLE(0, 7)
        set_large 0, VA(0), LARGE(FRAME(0), AP_PRIV)
.endm
.macro kind_permission_tiny
        set_l1  VA(0), FINE_TABLE(0, 7)
        set_fine 0, VA(0), TINY(FRAME(0), AP_PRIV)
.endm

        kind_case "translation-section", TRANSLATION_SECTION, PSR_USR, kind_translation_section
        kind_case "translation-page-coarse", FSR(7, TRANSLATION_PAGE), PSR_USR, kind_translation_coarse
        kind_case "translation-page-fine", FSR(7, TRANSLATION_PAGE), PSR_USR, kind_translation_fine
        kind_case "domain-section", FSR(7, DOMAIN_SECTION), PSR_USR, kind_domain NO_ACCESS
        kind_case "domain-section-svc", FSR(7, DOMAIN_SECTION), PSR_SVC, kind_domain NO_ACCESS
        kind_case "domain-reserved-section", FSR(7, DOMAIN_SECTION), PSR_USR, kind_domain RESERVED
        kind_case "domain-small-page", FSR(7, DOMAIN_PAGE), PSR_USR, kind_domain_small NO_ACCESS
        kind_case "domain-small-page-svc", FSR(7, DOMAIN_PAGE), PSR_SVC, kind_domain_small NO_ACCESS
        kind_case "domain-reserved-page", FSR(7, DOMAIN_PAGE), PSR_USR, kind_domain_small RESERVED
        kind_case "domain-large-page", FSR(7, DOMAIN_PAGE), PSR_USR, kind_domain_large NO_ACCESS
        kind_case "domain-tiny-page", FSR(7, DOMAIN_PAGE), PSR_USR, kind_domain_tiny NO_ACCESS
        kind_case "permission-section", FSR(7, PERMISSION_SECTION), PSR_USR, kind_permission
        kind_case "permission-small-page", FSR(7, PERMISSION_PAGE), PSR_USR, kind_permission_small
        kind_case "permission-large-page", FSR(7, PERMISSION_PAGE), PSR_USR, kind_permission_large
        kind_case "permission-tiny-page", FSR(7, PERMISSION_PAGE), PSR_USR, kind_permission_tiny

/* --- every instruction under every kind of fault ------------------------------------------------------ */

/* Parameter of a case: kind in bits 2:0, instruction in bits 7:3. */
#define M_TRANSLATION_SECTION 0
#define M_TRANSLATION_PAGE    1
#define M_DOMAIN_SECTION      2
#define M_DOMAIN_PAGE         3
#define M_PERMISSION_SECTION  4
#define M_PERMISSION_PAGE     5

.macro matrix_kind name, kind
        .set    matrix_number, 0
        .irp    instruction, ldr-pre, ldrb-post, ldrh-pre, ldrsb-post, ldrsh-pre, ldm-writeback, ldrt, \
                ldrbt, str-post, strb-pre, strh-post, stm-writeback, strt, strbt, swp, swpb
        matrix_case \name, \instruction, (\kind) | (matrix_number << 3)
        .set    matrix_number, matrix_number + 1
        .endr
.endm
.macro matrix_case name, instruction, parameter
        .pushsection .names, "a"
.Lname\@:
        .asciz  "data-abort/\name/\instruction"
        .popsection
        .pushsection .cases, "a"
        .word   .Lname\@, abort_matrix, 0, \parameter
        .popsection
.endm
        matrix_kind "translation-section", M_TRANSLATION_SECTION
        matrix_kind "translation-page", M_TRANSLATION_PAGE
        matrix_kind "domain-section", M_DOMAIN_SECTION
        matrix_kind "domain-page", M_DOMAIN_PAGE
        matrix_kind "permission-section", M_PERMISSION_SECTION
        matrix_kind "permission-page", M_PERMISSION_PAGE

        .equ    MATRIX_AT, VA(0) + 0x840

/* The code of those cases; r0 = parameter. Domain 6, User mode. */
abort_matrix:
        mov     r4, r0
        poke    FRAME(0) + 0x838, 0x01d01d00
        poke    FRAME(0) + 0x840, 0x01d01d01
        poke    FRAME(0) + 0x844, 0x01d01d02
        setr    1, MATRIX_AT
        setr    2, 0x10
        and     r5, r4, #7
        adr     r0, 8f
        ldr     pc, [r0, r5, lsl #2]
8:      .word   10f, 11f, 12f, 13f, 14f, 15f
11:     set_l1  VA(0), COARSE_TABLE(0, 6)
        b       10f
12:     set_l1  VA(0), SECTION(FRAME(0), AP_FULL, 6)
        domains DOMAIN_ACCESS(6, NO_ACCESS)
        b       10f
13:     set_l1  VA(0), COARSE_TABLE(0, 6)
        set_coarse 0, VA(0), SMALL(FRAME(0), AP_FULL)
        domains DOMAIN_ACCESS(6, NO_ACCESS)
        b       10f
14:     set_l1  VA(0), SECTION(FRAME(0), AP_PRIV, 6)
        b       10f
15:     set_l1  VA(0), COARSE_TABLE(0, 6)
        set_coarse 0, VA(0), (FRAME(0) | APS(3, 3, 1, 3) | 2)
10:     mov     r6, r4, lsr #3
        ldr     r0, =abort_matrix_code
        add     r7, r0, r6, lsl #3
        mov     r0, r7
        mov     r1, #PSR_USR
        bl      attempt_run
        expect_cap KIND, DATA
        ldr     r3, =captures
        ldr     r1, [r3, #CAP_LR]
        add     r2, r7, #8
        compare
        adr     r3, 9f
        add     r3, r3, r5, lsl #1
        ldrh    r2, [r3]
        ldr     r3, =captures
        ldr     r1, [r3, #CAP_FSR]
        cmp     r5, #M_TRANSLATION_SECTION
        andeq   r1, r1, #0xf
        compare
        ldr     r3, =abort_matrix_offset
        ldrsb   r3, [r3, r6]
        ldr     r2, =MATRIX_AT
        add     r2, r2, r3
        ldr     r3, =captures
        ldr     r1, [r3, #CAP_FAR]
        compare
        expect_cap_masked SPSR, PSR_BITS, PSR_USR
        expect_registers_kept
        expect_word FRAME(0) + 0x838, 0x01d01d00
        expect_word FRAME(0) + 0x840, 0x01d01d01
        expect_word FRAME(0) + 0x844, 0x01d01d02
        endcase
9:      .hword  TRANSLATION_SECTION, FSR(6, TRANSLATION_PAGE), FSR(6, DOMAIN_SECTION)
        .hword  FSR(6, DOMAIN_PAGE), FSR(6, PERMISSION_SECTION), FSR(6, PERMISSION_PAGE)

/* What is added to MATRIX_AT by each, then the instructions: in the order of matrix_kind, two words each. */
abort_matrix_offset:
        .byte   4, 0, 4, 0, -4, 0, 0, 0, 0, 4, 0, -8, 0, 0, 0, 0
abort_matrix_code:
.macro matrix_instruction instruction:vararg
        \instruction
        done
.endm
        matrix_instruction ldr r0, [r1, #4]!
        matrix_instruction ldrb r0, [r1], #1
        matrix_instruction ldrh r0, [r1, #4]!
        matrix_instruction ldrsb r0, [r1], r2
        matrix_instruction ldrsh r0, [r1, #-4]!
        matrix_instruction ldmia r1!, {r0, r3}
        matrix_instruction ldrt r0, [r1], #4
        matrix_instruction ldrbt r0, [r1], r2
        matrix_instruction str r0, [r1], #4
        matrix_instruction strb r0, [r1, #4]!
        matrix_instruction strh r0, [r1], r2
        matrix_instruction stmdb r1!, {r0, r3}
        matrix_instruction strt r0, [r1], r2
        matrix_instruction strbt r0, [r1], #1
        matrix_instruction swp r0, r2, [r1]
        matrix_instruction swpb r0, r2, [r1]
        .ltorg

/* External aborts, where a board has an address that answers with one. */
#ifdef BOARD_ABORT
#define ABORT_ADDRESS BOARD_ABORT
#else
#define ABORT_ADDRESS 0
#endif

.macro external_case name, fsr, psr, instruction, tables:vararg
case "data-abort/external/\name", NEEDS_EXTABORT
        \tables
        setr    1, VA(0) + 0x24
        attempt 1f, \psr
        expect_data_abort 1f, \fsr, VA(0) + 0x24, \psr
        expect_registers_kept
        endcase
1:      \instruction
        done
.endm
.macro external_section
        set_l1  VA(0), SECTION(ABORT_ADDRESS, AP_FULL, 7)
.endm
.macro external_page
        set_l1  VA(0), COARSE_TABLE(0, 7)
        set_coarse 0, VA(0), SMALL(ABORT_ADDRESS, AP_FULL)
.endm
        external_case "section-read", FSR(7, EXTERNAL_SECTION), PSR_USR, "ldr r0, [r1], #4", external_section
        external_case "section-write", FSR(7, EXTERNAL_SECTION), PSR_USR, "str r0, [r1], #4", external_section
        external_case "page-read", FSR(7, EXTERNAL_PAGE), PSR_SVC, "ldrb r0, [r1], #4", external_page
        external_case "page-write", FSR(7, EXTERNAL_PAGE), PSR_SVC, "strh r0, [r1], #4", external_page

case "data-abort/external/fetch", NEEDS_EXTABORT
        external_section
        attempt VA(0)
        expect_prefetch_abort VA(0)
        expect_cap IFSR, FSR(7, EXTERNAL_SECTION)
        endcase

/* --- over the edge of a page --------------------------------------------------------------------------- */

/* Words 1 and 2 of 4 lie in the page, 3 and 4 behind it. What is loaded before the fault may already be
   in its register; what comes after must not. */
case "data-abort/crossing/ldmia-writeback"
        one_page
        setr    1, VA(0) + 0xff8
        attempt 1f
        expect_data_abort 1f, FSR(5, TRANSLATION_PAGE), VA(0) + 0x1000
        expect_cap R1, VA(0) + 0xff8
        expect_cap R5, 0xa0a0a005
        expect_cap R6, 0xa0a0a006
        endcase
1:      ldmia   r1!, {r3, r4, r5, r6}
        done

case "data-abort/crossing/ldmdb-writeback"
        one_page
        setr    1, VA(0) + 0x1008
        attempt 1f
        expect_data_abort 1f, FSR(5, TRANSLATION_PAGE), VA(0) + 0x1000
        expect_cap R1, VA(0) + 0x1008
        expect_cap R5, 0xa0a0a005
        expect_cap R6, 0xa0a0a006
        endcase
1:      ldmdb   r1!, {r3, r4, r5, r6}
        done

case "data-abort/crossing/ldm-base-loaded-first"
        one_page
        setr    2, VA(0) + 0xff8
        attempt 1f
        expect_data_abort 1f, FSR(5, TRANSLATION_PAGE), VA(0) + 0x1000
        expect_cap R2, VA(0) + 0xff8
        expect_cap R5, 0xa0a0a005
        expect_cap R6, 0xa0a0a006
        endcase
1:      ldmia   r2, {r2, r4, r5, r6}
        done

case "data-abort/crossing/ldm-pc-last"
        one_page
        poke    FRAME(0) + 0xffc, 0x600d0001
        setr    1, VA(0) + 0xffc
        attempt 1f
        expect_data_abort 1f, FSR(5, TRANSLATION_PAGE), VA(0) + 0x1000
        expect_cap R1, VA(0) + 0xffc
        endcase
1:      ldmia   r1!, {r3, pc}
        done

case "data-abort/crossing/ldm-pc-and-spsr"
        one_page
        setr    1, VA(0) + 0xffc
        attempt 1f, PSR_IRQ
        expect_data_abort 2f, FSR(5, TRANSLATION_PAGE), VA(0) + 0x1000, PSR_IRQ
        expect_cap R1, VA(0) + 0xffc
        endcase
1:      mov     r4, #PSR_USR
        msr     spsr_cxsf, r4
2:      ldmia   r1!, {r3, pc}^
        done

case "data-abort/crossing/ldm-descending-first-page-missing"
        set_l1  VA(0), COARSE_TABLE(0, 5)
        set_coarse 0, VA(0) + 0x1000, SMALL(FRAME(0), AP_FULL)
        setr    1, VA(0) + 0x1004
        attempt 1f
        expect_data_abort 1f, FSR(5, TRANSLATION_PAGE), VA(0) + 0xff8
        expect_registers_kept
        endcase
1:      ldmda   r1!, {r3, r4, r5, r6}
        done

case "data-abort/crossing/stmia-half-done"
        one_page
        set_coarse 0, VA(0) + 0x1000, SMALL(FRAME(1), AP_UREAD)
        poke    FRAME(0) + 0xff8, 0
        poke    FRAME(0) + 0xffc, 0
        poke    FRAME(1) + 0, 0x01d00001
        poke    FRAME(1) + 4, 0x01d00002
        setr    1, VA(0) + 0xff8
        attempt 1f
        expect_data_abort 1f, FSR(5, PERMISSION_PAGE), VA(0) + 0x1000
        expect_registers_kept
        expect_word FRAME(0) + 0xff8, 0xa0a0a003
        expect_word FRAME(0) + 0xffc, 0xa0a0a004
        expect_word FRAME(1) + 0, 0x01d00001
        expect_word FRAME(1) + 4, 0x01d00002
        endcase
1:      stmia   r1!, {r3, r4, r5, r6}
        done

case "data-abort/crossing/stmdb-half-done"
        one_page
        poke    FRAME(0) + 0xff8, 0
        poke    FRAME(0) + 0xffc, 0
        setr    1, VA(0) + 0x1004
        attempt 1f
        expect_data_abort 1f, FSR(5, TRANSLATION_PAGE), VA(0) + 0x1000
        expect_registers_kept
        expect_word FRAME(0) + 0xff8, 0xa0a0a003
        expect_word FRAME(0) + 0xffc, 0xa0a0a004
        endcase
1:      stmdb   r1!, {r3, r4, r5}
        done

case "data-abort/crossing/stm-sections"
        set_l1  VA(0), SECTION(FRAME(0), AP_FULL, 5)
        set_l1  VA(1), SECTION(FRAME(1), AP_PRIV, 6)
        poke    FRAME(0) + 0xffffc, 0
        poke    FRAME(1), 0x01d00001
        setr    1, VA(1) - 4
        attempt 1f
        expect_data_abort 1f, FSR(6, PERMISSION_SECTION), VA(1)
        expect_registers_kept
        expect_word FRAME(0) + 0xffffc, 0xa0a0a003
        expect_word FRAME(1), 0x01d00001
        endcase
1:      stmia   r1!, {r3, r4}
        done

case "data-abort/crossing/ldm-domains-differ"
        set_l1  VA(0), SECTION(FRAME(0), AP_FULL, 5)
        set_l1  VA(1), SECTION(FRAME(1), AP_FULL, 6)
        domains DOMAIN_ACCESS(6, NO_ACCESS)
        setr    1, VA(1) - 4
        attempt 1f
        expect_data_abort 1f, FSR(6, DOMAIN_SECTION), VA(1)
        expect_cap R1, VA(1) - 4
        expect_cap R4, 0xa0a0a004
        endcase
1:      ldmia   r1!, {r3, r4}
        done

case "data-abort/crossing/first-of-two-faults-counts"
        set_l1  VA(0), SECTION(FRAME(0), AP_PRIV, 5)
        domains DOMAIN_ACCESS(6, NO_ACCESS)
        set_l1  VA(1), SECTION(FRAME(1), AP_FULL, 6)
        setr    1, VA(1) - 4
        attempt 1f
        expect_data_abort 1f, FSR(5, PERMISSION_SECTION), VA(1) - 4
        expect_registers_kept
        endcase
1:      ldmia   r1!, {r3, r4}
        done

case "data-abort/crossing/thumb-ldmia"
        one_page
        setr    1, VA(0) + 0xff8
        attempt 1f + 1
        expect_data_abort 1f, FSR(5, TRANSLATION_PAGE), VA(0) + 0x1000, PSR_USR | PSR_T
        expect_cap R1, VA(0) + 0xff8
        expect_cap R5, 0xa0a0a005
        expect_cap R6, 0xa0a0a006
        endcase
        .thumb
1:      ldmia   r1!, {r3, r4, r5, r6}
        done_thumb
        .arm

case "data-abort/crossing/thumb-push"
        one_page
        poke    FRAME(0) + 0xffc, 0
        setr    13, VA(0) + 0x1004
        attempt 1f + 1
        expect_data_abort 1f, FSR(5, TRANSLATION_PAGE), VA(0) + 0x1000, PSR_USR | PSR_T
        expect_registers_kept
        expect_cap R13, VA(0) + 0x1004
        expect_word FRAME(0) + 0xffc, 0xa0a0a003
        endcase
        .thumb
1:      push    {r3, r4}
        done_thumb
        .arm

case "data-abort/crossing/thumb-pop-pc"
        one_page
        setr    13, VA(0) + 0xffc
        attempt 1f + 1
        expect_data_abort 1f, FSR(5, TRANSLATION_PAGE), VA(0) + 0x1000, PSR_USR | PSR_T
        expect_cap R13, VA(0) + 0xffc
        endcase
        .thumb
1:      pop     {r3, pc}
        done_thumb
        .arm

/* --- restart: the handler mends the table and returns to the instruction --------------------------------- */

.macro restart_case name, instruction, done_check
case "data-abort/restart/\name"
        one_page
        poke    FRAME(0) + 0xff8, 0x11111111
        poke    FRAME(0) + 0xffc, 0x22222222
        poke    FRAME(1) + 0, 0x33333333
        poke    FRAME(1) + 4, 0x44444444
        setr    1, VA(0) + 0xff8
        setr    2, VA(0) + 0x1000
        hook    0, mend_second_page
        attempt 1f
        expect_exception DATA, 1f + 8, PSR_USR
        expect_cap FAR, VA(0) + 0x1000
        expect_exception SWI, 1f + 8, PSR_USR, 1
        \done_check
        endcase
1:      \instruction
        done
.endm

.macro restart_ldm_done
        expect_cap R1, VA(0) + 0x1008, 1
        expect_cap R3, 0x11111111, 1
        expect_cap R4, 0x22222222, 1
        expect_cap R5, 0x33333333, 1
        expect_cap R6, 0x44444444, 1
.endm
.macro restart_ldm_base_done
        expect_cap R1, 0x11111111, 1
        expect_cap R4, 0x22222222, 1
        expect_cap R5, 0x33333333, 1
.endm
.macro restart_stm_done
        expect_cap R1, VA(0) + 0x1008, 1
        expect_word FRAME(0) + 0xff8, 0xa0a0a003
        expect_word FRAME(0) + 0xffc, 0xa0a0a004
        expect_word FRAME(1) + 0, 0xa0a0a005
        expect_word FRAME(1) + 4, 0xa0a0a006
.endm
.macro restart_ldr_done
        expect_cap R0, 0x33333333, 1
        expect_cap R1, VA(0) + 0x1000, 1
.endm
.macro restart_swp_done
        expect_cap R0, 0x33333333, 1
        expect_word FRAME(1), 0xa0a0a003
.endm

        restart_case "ldm", "ldmia r1!, {r3, r4, r5, r6}", restart_ldm_done
        restart_case "ldm-base-in-list", "ldmia r1, {r1, r4, r5}", restart_ldm_base_done
        restart_case "stm", "stmia r1!, {r3, r4, r5, r6}", restart_stm_done
        restart_case "ldr-pre", "ldr r0, [r1, #8]!", restart_ldr_done
        restart_case "swp", "swp r0, r3, [r2]", restart_swp_done

mend_second_page:
        hook_set_coarse 0, VA(0) + 0x1000, SMALL(FRAME(1), AP_FULL)
        hook_registers
        subs    pc, lr, #8
        .ltorg

/* --- swap ------------------------------------------------------------------------------------------------- */

case "data-abort/swp/read-only-page"
        set_l1  VA(0), SECTION(FRAME(0), AP_UREAD, 5)
        poke    FRAME(0), 0x01d00001
        setr    1, VA(0)
        attempt 1f
        expect_data_abort 1f, FSR(5, PERMISSION_SECTION), VA(0)
        expect_registers_kept
        expect_word FRAME(0), 0x01d00001
        endcase
1:      swp     r0, r2, [r1]
        done

case "data-abort/swp/read-only-page-same-register"
        set_l1  VA(0), SECTION(FRAME(0), AP_UREAD, 5)
        poke    FRAME(0), 0x01d00001
        setr    1, VA(0)
        attempt 1f
        expect_data_abort 1f, FSR(5, PERMISSION_SECTION), VA(0)
        expect_registers_kept
        expect_word FRAME(0), 0x01d00001
        endcase
1:      swpb    r2, r2, [r1]
        done

/* --- what is stored of the PC ------------------------------------------------------------------------------ */

case "data-abort/pc-store/str"
        setr    1, FRAME(0)
        attempt 1f
        expect_done
        expect_word FRAME(0), 1f + 12
        endcase
1:      str     pc, [r1]
        done

case "data-abort/pc-store/stm"
        setr    1, FRAME(0)
        attempt 1f
        expect_done
        expect_word FRAME(0), 0xa0a0a000
        expect_word FRAME(0) + 4, 1f + 12
        endcase
1:      stmia   r1, {r0, pc}
        done

/* --- nothing else touches the fault registers ---------------------------------------------------------------- */

case "data-abort/registers/swi-leaves-them"
        attempt 1f
        expect_cap FSR, FSR_BEFORE
        expect_cap FAR, FAR_BEFORE
        endcase
1:      done

case "data-abort/registers/undefined-leaves-them"
        attempt 1f
        expect_cap KIND, UNDEFINED
        expect_cap FSR, FSR_BEFORE
        expect_cap FAR, FAR_BEFORE
        endcase
1:      .word   0xe7f000f0

case "data-abort/registers/prefetch-abort-after-data-abort"
        one_page
        setr    1, HOLE
        hook    0, 2f
        attempt 1f
        expect_data_abort 1f, FSR(5, TRANSLATION_PAGE), HOLE
        expect_cap KIND, PREFETCH, 1
        expect_cap FSR, FSR(5, TRANSLATION_PAGE), 1
        expect_cap FAR, HOLE, 1
        endcase
1:      ldr     r0, [r1]
        done
2:      ldr     lr, =VA(1) + 4
        subs    pc, lr, #4

case "data-abort/registers/second-abort-replaces-first"
        one_page
        set_l1  VA(1), SECTION(FRAME(1), AP_UREAD, 6)
        setr    1, HOLE
        setr    2, VA(1) + 0x80
        hook    0, 2f
        attempt 1f
        expect_data_abort 1f, FSR(5, TRANSLATION_PAGE), HOLE
        expect_data_abort 1f + 4, FSR(6, PERMISSION_SECTION), VA(1) + 0x80, PSR_USR, 1
        endcase
1:      ldr     r0, [r1]
        str     r0, [r2]
        done
2:      subs    pc, lr, #4

case "data-abort/registers/far-last-byte-of-page"
        one_page
        setr    1, VA(0) + 0xfff
        attempt 1f
        expect_data_abort 2f, FSR(5, TRANSLATION_PAGE), VA(0) + 0x1000
        endcase
1:      ldrb    r0, [r1], #1
2:      ldrb    r0, [r1]
        done
        .ltorg
