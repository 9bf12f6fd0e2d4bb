/*
 * Prefetch aborts: every kind of fault, the address in LR, what is recorded and what is not, and
 * that only an executed instruction aborts.
 */

#include "case.h"

        .text

/* The tables for each kind of fault of a fetch at VA(0), domain 5. */
.macro fault_translation_section
.endm
.macro fault_translation_coarse
        set_l1  VA(0), COARSE_TABLE(0, 5)
.endm
.macro fault_translation_fine
        set_l1  VA(0), FINE_TABLE(0, 5)
.endm
.macro fault_domain_section
        set_l1  VA(0), SECTION(FRAME(0), AP_FULL, 5)
        domains DOMAIN_ACCESS(5, NO_ACCESS)
.endm
.macro fault_domain_reserved_section
        set_l1  VA(0), SECTION(FRAME(0), AP_FULL, 5)
        domains DOMAIN_ACCESS(5, RESERVED)
.endm
.macro fault_domain_page
        set_l1  VA(0), COARSE_TABLE(0, 5)
        set_coarse 0, VA(0), SMALL(FRAME(0), AP_FULL)
        domains DOMAIN_ACCESS(5, NO_ACCESS)
.endm
.macro fault_permission_section
        set_l1  VA(0), SECTION(FRAME(0), AP_PRIV, 5)
.endm
.macro fault_permission_small
        set_l1  VA(0), COARSE_TABLE(0, 5)
        set_coarse 0, VA(0), SMALL(FRAME(0), AP_PRIV)
.endm
.macro fault_permission_large
        set_l1  VA(0), COARSE_TABLE(0, 5)
        set_large 0, VA(0), LARGE(FRAME(0), AP_PRIV)
.endm
.macro fault_permission_tiny
        set_l1  VA(0), FINE_TABLE(0, 5)
        set_fine 0, VA(0), TINY(FRAME(0), AP_PRIV)
.endm

.macro prefetch_case name, status, tables
case "prefetch-abort/\name"
        poke    FRAME(0), CODE_DONE
        \tables
        attempt VA(0)
        expect_prefetch_abort VA(0)
        expect_registers_kept
        endcase

case "prefetch-abort/ifsr/\name"
        poke    FRAME(0), CODE_DONE
        \tables
        attempt VA(0)
        expect_cap KIND, PREFETCH
        .if \status == TRANSLATION_SECTION
        expect_cap_masked IFSR, 0xf, \status
        .else
        expect_cap IFSR, FSR(5, \status)
        .endif
        endcase
.endm

        prefetch_case "translation-section", TRANSLATION_SECTION, fault_translation_section
        prefetch_case "translation-page-coarse", TRANSLATION_PAGE, fault_translation_coarse
        prefetch_case "translation-page-fine", TRANSLATION_PAGE, fault_translation_fine
        prefetch_case "domain-section", DOMAIN_SECTION, fault_domain_section
        prefetch_case "domain-reserved-section", DOMAIN_SECTION, fault_domain_reserved_section
        prefetch_case "domain-page", DOMAIN_PAGE, fault_domain_page
        prefetch_case "permission-section", PERMISSION_SECTION, fault_permission_section
        prefetch_case "permission-small-page", PERMISSION_PAGE, fault_permission_small
        prefetch_case "permission-large-page", PERMISSION_PAGE, fault_permission_large
        prefetch_case "permission-tiny-page", PERMISSION_PAGE, fault_permission_tiny

case "prefetch-abort/ifsr/data-abort-leaves-it"
        setr    1, VA(0)
        attempt 1f
        expect_cap KIND, DATA
        expect_cap IFSR, IFSR_BEFORE
        endcase
1:      ldr     r0, [r1]
        done

/* Two pages; only the first is mapped. */
.macro two_pages
        set_l1  VA(0), COARSE_TABLE(0, 5)
        set_coarse 0, VA(0), SMALL(FRAME(0), AP_FULL)
.endm

case "prefetch-abort/runs-off-the-page"
        two_pages
        poke    FRAME(0) + 0xffc, 0xe3a00007    /* mov r0, #7 */
        attempt VA(0) + 0xffc
        expect_prefetch_abort VA(0) + 0x1000
        expect_cap R0, 7
        endcase

case "prefetch-abort/runs-off-the-page-thumb"
        two_pages
        poke    FRAME(0) + 0xffc, 0x20072007    /* mov r0, #7, twice */
        attempt VA(0) + 0xffe + 1
        expect_prefetch_abort VA(0) + 0x1000, PSR_USR | PSR_T
        expect_cap R0, 7
        endcase

case "prefetch-abort/not-executed-does-not-abort"
        two_pages
        poke    FRAME(0) + 0xff8, CODE_DONE
        poke    FRAME(0) + 0xffc, 0xeafffffd    /* b .-4 */
        attempt VA(0) + 0xffc
        expect_exception SWI, VA(0) + 0xffc, PSR_USR
        endcase

case "prefetch-abort/untaken-branch-does-not-abort"
        attempt 1f, PSR_USR | 0x40000000
        expect_exception SWI, 1f + 12, PSR_USR | 0x40000000
        endcase
1:      ldrne   pc, 2f
        movne   pc, #0x70000000
        done
2:      .word   VA(0)

case "prefetch-abort/bl-sets-lr-first"
        two_pages
        poke    FRAME(0) + 0xff0, 0xeb000002    /* bl VA(0) + 0x1000 */
        attempt VA(0) + 0xff0
        expect_prefetch_abort VA(0) + 0x1000
        expect_cap R14, VA(0) + 0xff4
        endcase

case "prefetch-abort/bx-to-thumb"
        setr    1, VA(0) + 0x102 + 1
        attempt 1f
        expect_prefetch_abort VA(0) + 0x102, PSR_USR | PSR_T
        endcase
1:      bx      r1

case "prefetch-abort/ldr-pc"
        setr    1, FRAME(0)
        poke    FRAME(0), VA(0) + 0x20
        attempt 1f
        expect_prefetch_abort VA(0) + 0x20
        expect_registers_kept
        endcase
1:      ldr     pc, [r1]

case "prefetch-abort/ldm-pc-writes-back"
        setr    1, FRAME(0)
        poke    FRAME(0), 0x12345678
        poke    FRAME(0) + 4, VA(0) + 0x20
        attempt 1f
        expect_prefetch_abort VA(0) + 0x20
        expect_cap R0, 0x12345678
        expect_cap R1, FRAME(0) + 8
        endcase
1:      ldmia   r1!, {r0, pc}

case "prefetch-abort/exception-return-into-fault"
        setr    14, VA(0) + 0x40
        hook    0, 2f
        attempt 1f
        expect_cap KIND, SWI
        expect_prefetch_abort VA(0) + 0x40, PSR_USR, 1
        endcase
1:      swi     1
2:      ldr     lr, =VA(0) + 0x40
        movs    pc, lr

case "prefetch-abort/user-returns-to-privileged-page"
        set_l1  VA(0), SECTION(FRAME(0), AP_PRIV, 5)
        poke    FRAME(0), 0xe10f0000            /* mrs r0, cpsr */
        poke    FRAME(0) + 4, 0xe321f0d0        /* msr cpsr_c, #0xd0 */
        poke    FRAME(0) + 8, 0xe1a00000
        poke    FRAME(0) + 12, 0xe1a00000
        poke    FRAME(0) + 16, 0xe1a00000
        poke    FRAME(0) + 20, CODE_DONE
        attempt VA(0), PSR_SVC
        expect_cap KIND, PREFETCH
        expect_cap_masked SPSR, 0xff, PSR_USR
        endcase

case "prefetch-abort/beats-undefined-and-swi"
        set_l1  VA(0), SECTION(FRAME(0), AP_PRIV, 5)
        poke    FRAME(0), 0xe7f000f0
        attempt VA(0)
        expect_prefetch_abort VA(0)
        endcase

case "prefetch-abort/last-word-of-memory-map-region"
        set_l1  VA(0), SECTION(FRAME(0), AP_FULL, 5)
        poke    FRAME(0) + 0xffffc, 0xe3a00007
        attempt VA(0) + 0xffffc
        expect_prefetch_abort VA(1)
        expect_cap R0, 7
        endcase
        .ltorg
