/*
 * Which fault is reported when an access has several. Order of the ARM920T manual: alignment,
 * translation, domain, permission (alignment.S has the alignment side).
 */

#include "case.h"

        .text

.macro priority_case name, fsr, psr, tables:vararg
case "priority/\name-load"
        \tables
        setr    1, VA(0) + 0x10
        attempt 1f, \psr
        expect_data_abort 1f, \fsr, VA(0) + 0x10, \psr
        endcase
1:      ldr     r0, [r1]
        done
case "priority/\name-store"
        \tables
        setr    1, VA(0) + 0x10
        attempt 1f, \psr
        expect_data_abort 1f, \fsr, VA(0) + 0x10, \psr
        endcase
1:      str     r0, [r1]
        done
.endm

.macro domain_and_permission_section
        set_l1  VA(0), SECTION(FRAME(0), AP_PRIV, 5)
        domains DOMAIN_ACCESS(5, NO_ACCESS)
.endm
.macro domain_and_permission_page
        set_l1  VA(0), COARSE_TABLE(0, 5)
        set_coarse 0, VA(0), SMALL(FRAME(0), AP_SR)
        domains DOMAIN_ACCESS(5, NO_ACCESS)
.endm
.macro reserved_and_permission_page
        set_l1  VA(0), FINE_TABLE(0, 5)
        set_fine 0, VA(0), TINY(FRAME(0), AP_SR)
        domains DOMAIN_ACCESS(5, RESERVED)
.endm
.macro translation_and_domain_coarse
        set_l1  VA(0), COARSE_TABLE(0, 5)
        domains DOMAIN_ACCESS(5, NO_ACCESS)
.endm
.macro translation_and_domain_fine
        set_l1  VA(0), FINE_TABLE(0, 5)
        domains DOMAIN_ACCESS(5, NO_ACCESS)
.endm
.macro translation_section_all_closed
        domains 0x00000001
.endm

        priority_case "domain-before-permission-section", FSR(5, DOMAIN_SECTION), PSR_USR, domain_and_permission_section
        priority_case "domain-before-permission-page", FSR(5, DOMAIN_PAGE), PSR_SVC, domain_and_permission_page
        priority_case "reserved-before-permission-tiny", FSR(5, DOMAIN_PAGE), PSR_USR, reserved_and_permission_page
        priority_case "translation-before-domain-coarse", FSR(5, TRANSLATION_PAGE), PSR_USR, translation_and_domain_coarse
        priority_case "translation-before-domain-fine", FSR(5, TRANSLATION_PAGE), PSR_USR, translation_and_domain_fine
        priority_case "translation-section-before-domain", TRANSLATION_SECTION, PSR_USR, translation_section_all_closed

case "priority/fetch-translation-before-domain"
        translation_and_domain_coarse
        attempt VA(0)
        expect_prefetch_abort VA(0)
        expect_cap IFSR, FSR(5, TRANSLATION_PAGE)
        endcase

case "priority/fetch-domain-before-permission"
        domain_and_permission_section
        attempt VA(0)
        expect_prefetch_abort VA(0)
        expect_cap IFSR, FSR(5, DOMAIN_SECTION)
        endcase

case "priority/prefetch-abort-before-data-abort"
        set_l1  VA(0), SECTION(FRAME(0), AP_PRIV, 5)
        poke    FRAME(0), 0xe5910000    /* ldr r0, [r1] */
        setr    1, VA(1)
        attempt VA(0)
        expect_prefetch_abort VA(0)
        endcase

case "priority/data-abort-before-prefetch-abort-of-the-next"
        set_l1  VA(0), COARSE_TABLE(0, 5)
        set_coarse 0, VA(0), SMALL(FRAME(0), AP_FULL)
        poke    FRAME(0) + 0xffc, 0xe5910000    /* ldr r0, [r1], at the end of the page */
        setr    1, VA(1)
        hook    0, 2f
        attempt VA(0) + 0xffc
        expect_exception DATA, VA(0) + 0xffc + 8, PSR_USR
        expect_cap FAR, VA(1)
        expect_exception PREFETCH, VA(0) + 0x1000 + 4, PSR_USR, 1
        endcase
2:      subs    pc, lr, #4

case "priority/swp-reports-its-first-access"
        set_l1  VA(0), COARSE_TABLE(0, 5)
        setr    1, VA(0)
        attempt 1f
        expect_data_abort 1f, FSR(5, TRANSLATION_PAGE), VA(0)
        expect_registers_kept
        endcase
1:      swp     r0, r0, [r1]
        done
        .ltorg
