/*
 * Domains: every number in the FSR; no access, reserved, client, manager; a change of c3 acts at once.
 */

#include "case.h"

        .text

.macro domain_numbers n
case "domain/number/section-\n"
        set_l1  VA(0), SECTION(FRAME(0), AP_FULL, \n)
        domains DOMAIN_ACCESS(\n, NO_ACCESS)
        setr    1, VA(0) + 8
        attempt 1f, PSR_SVC
        expect_data_abort 1f, FSR(\n, DOMAIN_SECTION), VA(0) + 8, PSR_SVC
        endcase
1:      ldr     r0, [r1]
        done

case "domain/number/page-\n"
        set_l1  VA(0), COARSE_TABLE(0, \n)
        set_coarse 0, VA(0), SMALL(FRAME(0), AP_FULL)
        domains DOMAIN_ACCESS(\n, NO_ACCESS)
        setr    1, VA(0) + 8
        attempt 1f
        expect_data_abort 1f, FSR(\n, DOMAIN_PAGE), VA(0) + 8
        endcase
1:      str     r0, [r1]
        done

case "domain/number/only-\n-is-closed"
        .irp i, 0, 1, 2, 3, 4, 5, 6, 7
        set_l1  VA(\i), SECTION(FRAME(\i), AP_FULL, (\i) * 2 + ((\n) & 1))
        .endr
        domains DOMAIN_ACCESS(\n, NO_ACCESS)
        setr    1, VA(0)
        setr    3, VA(8)
        hook    0, closed_seen
        attempt closed_walk
        expect_cap KIND, DATA
        expect_cap FAR, VA(((\n) >> 1))
        expect_cap FSR, FSR(\n, DOMAIN_SECTION)
        expect_cap KIND, SWI, 1
        expect_cap R1, VA(8), 1
        endcase
.endm

        .irp    n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        domain_numbers \n
        .endr

/* Reads a word of each of 8 sections. */
closed_walk:
        ldr     r0, [r1]
        add     r1, r1, #0x100000
        cmp     r1, r3
        bne     closed_walk
        done
closed_seen:
        subs    pc, lr, #4
        .ltorg

/* --- access types -------------------------------------------------------------------------------------- */

.macro access_case name, access, ap, psr, fsr, instruction:vararg
case "domain/access/\name"
        set_l1  VA(0), SECTION(FRAME(0), \ap, 5)
        poke    FRAME(0), CODE_DONE
        domains DOMAIN_ACCESS(5, \access)
        setr    1, VA(0)
        attempt 1f, \psr
        .if \fsr
        expect_data_abort 1f, \fsr, VA(0), \psr
        expect_registers_kept
        .else
        expect_done
        .endif
        endcase
1:      \instruction
        done
.endm
        access_case "none-closes-svc", NO_ACCESS, AP_FULL, PSR_SVC, FSR(5, DOMAIN_SECTION), ldr r0, [r1]
        access_case "none-closes-ldrt", NO_ACCESS, AP_FULL, PSR_SVC, FSR(5, DOMAIN_SECTION), ldrt r0, [r1], #4
        access_case "none-closes-swp", NO_ACCESS, AP_FULL, PSR_USR, FSR(5, DOMAIN_SECTION), swp r0, r0, [r1]
        access_case "none-closes-stm", NO_ACCESS, AP_FULL, PSR_USR, FSR(5, DOMAIN_SECTION), stmia r1!, {r0, r2}
        access_case "reserved-closes", RESERVED, AP_FULL, PSR_SVC, FSR(5, DOMAIN_SECTION), str r0, [r1]
        access_case "client-checks-read", CLIENT, AP_PRIV, PSR_USR, FSR(5, PERMISSION_SECTION), ldr r0, [r1]
        access_case "client-checks-write", CLIENT, AP_UREAD, PSR_USR, FSR(5, PERMISSION_SECTION), str r0, [r1]
        access_case "manager-reads-ap0", MANAGER, AP_SR, PSR_USR, 0, ldr r0, [r1]
        access_case "manager-writes-ap0", MANAGER, AP_SR, PSR_USR, 0, str r0, [r1]
        access_case "manager-writes-ap0-svc", MANAGER, AP_SR, PSR_SVC, 0, str r0, [r1]
        access_case "manager-writes-ap1-user", MANAGER, AP_PRIV, PSR_USR, 0, str r0, [r1]
        access_case "manager-writes-ap2-user", MANAGER, AP_UREAD, PSR_USR, 0, str r0, [r1]
        access_case "manager-ldrt-ap1", MANAGER, AP_PRIV, PSR_SVC, 0, ldrt r0, [r1], #4
        access_case "manager-strt-ap0", MANAGER, AP_SR, PSR_SVC, 0, strt r0, [r1], #4

.macro manager_page name, tables:vararg
case "domain/access/manager-\name"
        \tables
        poke    FRAME(0), CODE_DONE
        domains DOMAIN_ACCESS(5, MANAGER)
        setr    1, VA(0)
        attempt 1f
        expect_done
        attempt VA(0)
        expect_exception SWI, VA(0) + 4, PSR_USR
        endcase
1:      ldr     r0, [r1]
        str     r0, [r1]
        done
.endm
.macro manager_section
        set_l1  VA(0), SECTION(FRAME(0), AP_SR, 5)
.endm
.macro manager_small
        set_l1  VA(0), COARSE_TABLE(0, 5)
        set_coarse 0, VA(0), SMALL(FRAME(0), AP_SR)
.endm
.macro manager_large
        set_l1  VA(0), COARSE_TABLE(0, 5)
        set_large 0, VA(0), LARGE(FRAME(0), AP_SR)
.endm
.macro manager_tiny
        set_l1  VA(0), FINE_TABLE(0, 5)
        set_fine 0, VA(0), TINY(FRAME(0), AP_SR)
.endm
        manager_page "section-all", manager_section
        manager_page "small-page-all", manager_small
        manager_page "large-page-all", manager_large
        manager_page "tiny-page-all", manager_tiny

case "domain/access/manager-does-not-map"
        set_l1  VA(0), COARSE_TABLE(0, 5)
        domains DOMAIN_ACCESS(5, MANAGER)
        setr    1, VA(0)
        attempt 1f
        expect_data_abort 1f, FSR(5, TRANSLATION_PAGE), VA(0)
        endcase
1:      ldr     r0, [r1]
        done

case "domain/access/none-closes-fetch-svc"
        set_l1  VA(0), SECTION(FRAME(0), AP_FULL, 5)
        poke    FRAME(0), CODE_DONE
        domains DOMAIN_ACCESS(5, NO_ACCESS)
        attempt VA(0), PSR_SVC
        expect_prefetch_abort VA(0), PSR_SVC
        endcase

/* --- c3 acts on entries that are in the TLB ------------------------------------------------------------------ */

case "domain/change/close-data"
        set_l1  VA(0), SECTION(FRAME(0), AP_FULL, 5)
        setr    1, VA(0)
        attempt 1f
        expect_done
        domains DOMAIN_ACCESS(5, NO_ACCESS)
        attempt 1f
        expect_data_abort 1f, FSR(5, DOMAIN_SECTION), VA(0)
        domains DOMAIN_ACCESS(5, CLIENT)
        attempt 1f
        expect_done
        endcase
1:      ldr     r0, [r1]
        done

case "domain/change/close-page"
        set_l1  VA(0), COARSE_TABLE(0, 5)
        set_coarse 0, VA(0), SMALL(FRAME(0), AP_FULL)
        setr    1, VA(0)
        attempt 1f
        expect_done
        domains DOMAIN_ACCESS(5, NO_ACCESS)
        attempt 1f
        expect_data_abort 1f, FSR(5, DOMAIN_PAGE), VA(0)
        endcase
1:      str     r0, [r1]
        done

case "domain/change/close-fetch"
        set_l1  VA(0), SECTION(FRAME(0), AP_FULL, 5)
        poke    FRAME(0), CODE_DONE
        attempt VA(0)
        expect_done
        domains DOMAIN_ACCESS(5, NO_ACCESS)
        attempt VA(0)
        expect_prefetch_abort VA(0)
        domains DACR_CLIENT
        attempt VA(0)
        expect_done
        endcase

case "domain/change/manager-to-client"
        set_l1  VA(0), SECTION(FRAME(0), AP_PRIV, 5)
        setr    1, VA(0)
        domains DOMAIN_ACCESS(5, MANAGER)
        attempt 1f
        expect_done
        domains DACR_CLIENT
        attempt 1f
        expect_data_abort 1f, FSR(5, PERMISSION_SECTION), VA(0)
        endcase
1:      ldr     r0, [r1]
        done

case "domain/change/open-after-fault"
        set_l1  VA(0), SECTION(FRAME(0), AP_FULL, 5)
        setr    1, VA(0)
        domains DOMAIN_ACCESS(5, NO_ACCESS)
        hook    0, 2f
        attempt 1f
        expect_data_abort 1f, FSR(5, DOMAIN_SECTION), VA(0)
        expect_cap KIND, SWI, 1
        endcase
1:      ldr     r0, [r1]
        done
2:      domains DACR_CLIENT
        hook_registers
        subs    pc, lr, #8

case "domain/change/two-domains-swap"
        set_l1  VA(0), SECTION(FRAME(0), AP_FULL, 5)
        set_l1  VA(1), SECTION(FRAME(1), AP_FULL, 6)
        setr    1, VA(0)
        setr    2, VA(1)
        attempt 1f
        expect_done
        domains DOMAIN_ACCESS(5, NO_ACCESS)
        attempt 1f
        expect_data_abort 1f, FSR(5, DOMAIN_SECTION), VA(0)
        domains DOMAIN_ACCESS(6, NO_ACCESS)
        attempt 1f
        expect_data_abort 1f + 4, FSR(6, DOMAIN_SECTION), VA(1)
        endcase
1:      ldr     r0, [r1]
        ldr     r0, [r2]
        done
        .ltorg
