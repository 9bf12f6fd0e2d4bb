/*
 * TLBs: an entry stands until it is invalidated or displaced, whatever becomes of the tables; I and D
 * sides are separate; 64 entries each, round robin; lockdown and preservation.
 *
 * The cases that depend on an entry staying need the ARM920T's TLB (NEEDS_TLB): an emulator with
 * another one may differ.
 */

#include "case.h"

        .text

#define OLD 0x01d01d01
#define NEW 0x2e2e2e2e

/* VA(0) mapped to FRAME(0) (OLD) and read once; the table then says FRAME(1) (NEW). */
.macro stale_section
        poke    FRAME(0), OLD
        poke    FRAME(1), NEW
        set_l1  VA(0), SECTION(FRAME(0), AP_FULL, 5)
        peek    r4, VA(0)
        expect  r4, OLD
        set_l1  VA(0), SECTION(FRAME(1), AP_FULL, 5)
.endm

/* The same with two small pages, VA(0) and VA(0) + 0x1000. */
.macro stale_pages
        poke    FRAME(0), OLD
        poke    FRAME(0) + 0x1000, OLD
        poke    FRAME(1), NEW
        poke    FRAME(1) + 0x1000, NEW
        set_l1  VA(0), COARSE_TABLE(0, 5)
        set_coarse 0, VA(0), SMALL(FRAME(0), AP_FULL)
        set_coarse 0, VA(0) + 0x1000, SMALL(FRAME(0) + 0x1000, AP_FULL)
        peek    r4, VA(0)
        expect  r4, OLD
        peek    r4, VA(0) + 0x1000
        expect  r4, OLD
        set_coarse 0, VA(0), SMALL(FRAME(1), AP_FULL)
        set_coarse 0, VA(0) + 0x1000, SMALL(FRAME(1) + 0x1000, AP_FULL)
.endm

.macro expect_read va, value
        peek    r4, (\va)
        expect  r4, (\value)
.endm

/* --- data side ------------------------------------------------------------------------------------------ */

case "tlb/data/stale-read", NEEDS_TLB
        stale_section
        expect_read VA(0), OLD
        endcase

case "tlb/data/stale-write", NEEDS_TLB
        stale_section
        poke    VA(0), 0x33333333
        expect_word FRAME(0), 0x33333333
        expect_word FRAME(1), NEW
        endcase

case "tlb/data/stale-page", NEEDS_TLB
        stale_pages
        expect_read VA(0), OLD
        expect_read VA(0) + 0x1000, OLD
        endcase

case "tlb/data/stale-after-unmapping", NEEDS_TLB
        stale_section
        set_l1  VA(0), 0
        expect_read VA(0), OLD
        invalidate_dtlb
        setr    1, VA(0)
        attempt 1f
        expect_data_abort 1f, TRANSLATION_SECTION, VA(0)
        endcase
1:      ldr     r0, [r1]
        done

case "tlb/data/stale-permission-keeps-closed", NEEDS_TLB
        set_l1  VA(0), SECTION(FRAME(0), AP_UREAD, 5)
        setr    1, VA(0)
        attempt 1f
        expect_data_abort 1f + 4, FSR(5, PERMISSION_SECTION), VA(0)
        set_l1  VA(0), SECTION(FRAME(0), AP_FULL, 5)
        attempt 1f
        expect_data_abort 1f + 4, FSR(5, PERMISSION_SECTION), VA(0)
        invalidate_dtlb_entry VA(0)
        attempt 1f
        expect_done
        endcase
1:      ldr     r0, [r1]
        str     r0, [r1]
        done

case "tlb/data/stale-permission-keeps-open", NEEDS_TLB
        set_l1  VA(0), SECTION(FRAME(0), AP_FULL, 5)
        setr    1, VA(0)
        attempt 1f
        expect_done
        set_l1  VA(0), SECTION(FRAME(0), AP_UREAD, 5)
        attempt 1f
        expect_done
        invalidate_dtlb_entry VA(0)
        attempt 1f
        expect_data_abort 1f + 4, FSR(5, PERMISSION_SECTION), VA(0)
        endcase
1:      ldr     r0, [r1]
        str     r0, [r1]
        done

case "tlb/data/stale-domain-number", NEEDS_TLB
        set_l1  VA(0), SECTION(FRAME(0), AP_FULL, 5)
        peek    r4, VA(0)
        set_l1  VA(0), SECTION(FRAME(0), AP_FULL, 6)
        domains DOMAIN_ACCESS(6, NO_ACCESS)
        setr    1, VA(0)
        attempt 1f
        expect_done
        domains DOMAIN_ACCESS(5, NO_ACCESS)
        attempt 1f
        expect_data_abort 1f, FSR(5, DOMAIN_SECTION), VA(0)
        endcase
1:      ldr     r0, [r1]
        done

case "tlb/data/stale-table-base", NEEDS_TLB
        poke    FRAME(0), OLD
        poke    FRAME(1), NEW
        set_l1  VA(0), SECTION(FRAME(0), AP_FULL, 5)
        peek    r4, VA(0)
        bl      copy_l1
        poke    L1_OTHER + (VA(0) >> 18), SECTION(FRAME(1), AP_FULL, 5)
        ldr     r0, =L1_OTHER
        mcr     p15, 0, r0, c2, c0, 0
        nops
        expect_read VA(0), OLD
        invalidate_dtlb_entry VA(0)
        expect_read VA(0), NEW
        endcase

case "tlb/data/stale-section-becomes-table", NEEDS_TLB
        stale_section
        set_l1  VA(0), COARSE_TABLE(0, 5)
        set_coarse 0, VA(0), SMALL(FRAME(1), AP_FULL)
        expect_read VA(0), OLD
        invalidate_dtlb_entry VA(0)
        expect_read VA(0), NEW
        endcase

case "tlb/data/translation-faults-are-not-kept"
        setr    1, VA(0)
        attempt 1f
        expect_data_abort 1f, TRANSLATION_SECTION, VA(0)
        set_l1  VA(0), COARSE_TABLE(0, 5)
        attempt 1f
        expect_data_abort 1f, FSR(5, TRANSLATION_PAGE), VA(0)
        set_coarse 0, VA(0), SMALL(FRAME(0), AP_FULL)
        attempt 1f
        expect_done
        endcase
1:      ldr     r0, [r1]
        done

case "tlb/data/survives-switching-the-mmu-off-and-on", NEEDS_TLB
        stale_section
        ldr     r3, =control_off
        ldr     r2, [r3]
        mcr     p15, 0, r2, c1, c0, 0
        nops
        control 0
        expect_read VA(0), OLD
        endcase

/* --- invalidation ------------------------------------------------------------------------------------------ */

case "tlb/data/invalidate-all"
        stale_section
        invalidate_dtlb
        expect_read VA(0), NEW
        endcase

case "tlb/data/invalidate-both"
        stale_pages
        invalidate_tlbs
        expect_read VA(0), NEW
        expect_read VA(0) + 0x1000, NEW
        endcase

case "tlb/data/invalidate-entry"
        stale_section
        invalidate_dtlb_entry VA(0)
        expect_read VA(0), NEW
        endcase

case "tlb/data/invalidate-entry-by-any-address-in-the-section"
        stale_section
        invalidate_dtlb_entry VA(0) + 0x7f000
        expect_read VA(0), NEW
        endcase

case "tlb/data/invalidate-entry-by-any-address-in-the-large-page"
        poke    FRAME(0), OLD
        poke    FRAME(1), NEW
        set_l1  VA(0), COARSE_TABLE(0, 5)
        set_large 0, VA(0), LARGE(FRAME(0), AP_FULL)
        expect_read VA(0), OLD
        set_large 0, VA(0), LARGE(FRAME(1), AP_FULL)
        invalidate_dtlb_entry VA(0) + 0xf000
        expect_read VA(0), NEW
        endcase

case "tlb/data/invalidate-entry-of-a-tiny-page"
        poke    FRAME(0), OLD
        poke    FRAME(1), NEW
        set_l1  VA(0), FINE_TABLE(0, 5)
        set_fine 0, VA(0), TINY(FRAME(0), AP_FULL)
        expect_read VA(0), OLD
        set_fine 0, VA(0), TINY(FRAME(1), AP_FULL)
        invalidate_dtlb_entry VA(0)
        expect_read VA(0), NEW
        endcase

case "tlb/data/invalidate-entry-leaves-other-entries", NEEDS_TLB
        stale_pages
        invalidate_dtlb_entry VA(0)
        expect_read VA(0), NEW
        expect_read VA(0) + 0x1000, OLD
        invalidate_dtlb_entry VA(0) + 0x1000
        expect_read VA(0) + 0x1000, NEW
        endcase

case "tlb/data/invalidate-entry-of-an-absent-address", NEEDS_TLB
        stale_section
        invalidate_dtlb_entry VA(5)
        expect_read VA(0), OLD
        endcase

case "tlb/data/invalidate-instruction-side-leaves-it", NEEDS_TLB
        stale_section
        invalidate_itlb
        expect_read VA(0), OLD
        invalidate_itlb_entry VA(0)
        expect_read VA(0), OLD
        endcase

/* A page whose sub-pages differ sits in the TLB as sub-pages, each to be invalidated by itself. */
.macro stale_subpages
        .irp    quarter, 0x000, 0x400, 0x800, 0xc00
        poke    FRAME(0) + \quarter, OLD
        poke    FRAME(1) + \quarter, NEW
        .endr
        set_l1  VA(0), COARSE_TABLE(0, 5)
        set_coarse 0, VA(0), (FRAME(0) | APS(3, 2, 3, 2) | 2)
        .irp    quarter, 0x000, 0x400, 0x800, 0xc00
        expect_read VA(0) + \quarter, OLD
        .endr
        set_coarse 0, VA(0), (FRAME(1) | APS(3, 2, 3, 2) | 2)
.endm

case "tlb/data/subpage-entries-are-separate", NEEDS_TLB
        stale_subpages
        invalidate_dtlb_entry VA(0) + 0x400
        expect_read VA(0), OLD
        expect_read VA(0) + 0x400, NEW
        expect_read VA(0) + 0x800, OLD
        expect_read VA(0) + 0xc00, OLD
        endcase

case "tlb/data/subpage-entries-take-four-invalidations"
        stale_subpages
        .irp    quarter, 0x000, 0x400, 0x800, 0xc00
        invalidate_dtlb_entry VA(0) + \quarter
        .endr
        .irp    quarter, 0x000, 0x400, 0x800, 0xc00
        expect_read VA(0) + \quarter, NEW
        .endr
        endcase

case "tlb/data/only-the-touched-subpage-is-entered", NEEDS_TLB
        poke    FRAME(0), OLD
        poke    FRAME(1), NEW
        poke    FRAME(1) + 0x400, NEW
        set_l1  VA(0), COARSE_TABLE(0, 5)
        set_coarse 0, VA(0), (FRAME(0) | APS(3, 2, 3, 2) | 2)
        expect_read VA(0), OLD
        set_coarse 0, VA(0), (FRAME(1) | APS(3, 2, 3, 2) | 2)
        expect_read VA(0), OLD
        expect_read VA(0) + 0x400, NEW
        endcase

case "tlb/data/equal-subpages-are-one-entry", NEEDS_TLB
        poke    FRAME(0), OLD
        poke    FRAME(0) + 0xc00, OLD
        poke    FRAME(1) + 0xc00, NEW
        set_l1  VA(0), COARSE_TABLE(0, 5)
        set_coarse 0, VA(0), SMALL(FRAME(0), AP_FULL)
        expect_read VA(0), OLD
        set_coarse 0, VA(0), SMALL(FRAME(1), AP_FULL)
        expect_read VA(0) + 0xc00, OLD
        endcase

case "tlb/data/section-is-one-entry", NEEDS_TLB
        stale_section
        poke    FRAME(0) + 0xf0000, OLD
        poke    FRAME(1) + 0xf0000, NEW
        expect_read VA(0) + 0xf0000, OLD
        endcase

case "tlb/data/large-page-is-one-entry", NEEDS_TLB
        poke    FRAME(0), OLD
        poke    FRAME(0) + 0xe000, OLD
        poke    FRAME(1) + 0xe000, NEW
        set_l1  VA(0), COARSE_TABLE(0, 5)
        set_large 0, VA(0), LARGE(FRAME(0), AP_FULL)
        expect_read VA(0), OLD
        set_large 0, VA(0), LARGE(FRAME(1), AP_FULL)
        expect_read VA(0) + 0xe000, OLD
        endcase

/* --- capacity ------------------------------------------------------------------------------------------------ */

/* 256 pages at VA(1), all of them FRAME(2); reads r1 of them. */
.macro many_pages
        set_l1  VA(1), COARSE_TABLE(1, 5)
        repeat_entry COARSE(1), SMALL(FRAME(2), AP_FULL), 256
.endm
read_pages:
        ldr     r0, =VA(1)
1:      ldr     r2, [r0]
        add     r0, r0, #0x1000
        subs    r1, r1, #1
        bne     1b
        mov     pc, lr

/* Fills the D TLB with the suite's own entry first, so that nothing else walks. */
.macro settle
        invalidate_tlbs
        ldr     r0, =registers
        ldr     r0, [r0]
.endm

case "tlb/data/60-other-pages-leave-it", NEEDS_TLB
        many_pages
        settle
        stale_section
        mov     r1, #60
        bl      read_pages
        expect_read VA(0), OLD
        endcase

case "tlb/data/64-other-pages-displace-it", NEEDS_TLB
        many_pages
        settle
        stale_section
        mov     r1, #64
        bl      read_pages
        expect_read VA(0), NEW
        endcase

case "tlb/data/200-other-pages-displace-it", NEEDS_TLB
        many_pages
        settle
        stale_section
        mov     r1, #200
        bl      read_pages
        expect_read VA(0), NEW
        endcase

/* --- instruction side ------------------------------------------------------------------------------------------ */

/* VA(0) holds code that returns 1; the table then names a frame with code that returns 2. */
.macro stale_code
        poke_code FRAME(0), 1
        poke_code FRAME(1), 2
        set_l1  VA(0), SECTION(FRAME(0), AP_FULL, 5)
        call    VA(0)
        expect  r0, 1
        set_l1  VA(0), SECTION(FRAME(1), AP_FULL, 5)
.endm

.macro expect_call va, value
        call    (\va)
        expect  r0, \value
.endm

case "tlb/instruction/stale-fetch", NEEDS_TLB
        stale_code
        expect_call VA(0), 1
        endcase

case "tlb/instruction/invalidate-all"
        stale_code
        invalidate_itlb
        expect_call VA(0), 2
        endcase

case "tlb/instruction/invalidate-both"
        stale_code
        invalidate_tlbs
        expect_call VA(0), 2
        endcase

case "tlb/instruction/invalidate-entry"
        stale_code
        invalidate_itlb_entry VA(0)
        expect_call VA(0), 2
        endcase

case "tlb/instruction/invalidate-entry-of-an-absent-address", NEEDS_TLB
        stale_code
        invalidate_itlb_entry VA(5)
        expect_call VA(0), 1
        endcase

case "tlb/instruction/invalidate-data-side-leaves-it", NEEDS_TLB
        stale_code
        invalidate_dtlb
        expect_call VA(0), 1
        invalidate_dtlb_entry VA(0)
        expect_call VA(0), 1
        endcase

case "tlb/instruction/data-access-does-not-refresh-it", NEEDS_TLB
        stale_code
        peek    r4, VA(0)
        expect  r4, 0xe3a00002
        expect_call VA(0), 1
        endcase

case "tlb/instruction/fetch-does-not-fill-the-data-side"
        poke_code FRAME(0), 1
        poke_code FRAME(1), 2
        set_l1  VA(0), SECTION(FRAME(0), AP_FULL, 5)
        expect_call VA(0), 1
        set_l1  VA(0), SECTION(FRAME(1), AP_FULL, 5)
        expect_read VA(0), 0xe3a00002
        endcase

case "tlb/instruction/stale-after-unmapping", NEEDS_TLB
        stale_code
        set_l1  VA(0), 0
        expect_call VA(0), 1
        invalidate_itlb
        attempt VA(0)
        expect_prefetch_abort VA(0)
        endcase

case "tlb/instruction/translation-faults-are-not-kept"
        poke    FRAME(0), CODE_DONE
        attempt VA(0)
        expect_prefetch_abort VA(0)
        set_l1  VA(0), SECTION(FRAME(0), AP_FULL, 5)
        attempt VA(0)
        expect_done
        endcase

/* Calls r4 pages from VA(1) on. */
call_pages:
        mov     r5, lr
        ldr     r3, =VA(1)
1:      bl      call_r3
        add     r3, r3, #0x1000
        subs    r4, r4, #1
        bne     1b
        mov     pc, r5

.macro many_code_pages
        poke_code FRAME(2), 3
        many_pages
.endm

case "tlb/instruction/60-other-pages-leave-it", NEEDS_TLB
        many_code_pages
        settle
        stale_code
        mov     r4, #60
        bl      call_pages
        expect_call VA(0), 1
        endcase

case "tlb/instruction/64-other-pages-displace-it", NEEDS_TLB
        many_code_pages
        settle
        stale_code
        mov     r4, #64
        bl      call_pages
        expect_call VA(0), 2
        endcase

/* --- lockdown ---------------------------------------------------------------------------------------------------- */

#define LOCKDOWN(base, victim, preserve) (((base) << 26) | ((victim) << 20) | (preserve))
#define LOCKDOWN_BITS 0xfff00001

.macro dtlb_lockdown value
        ldr     r0, =(\value)
        mcr     p15, 0, r0, c10, c0, 0
.endm
.macro itlb_lockdown value
        ldr     r0, =(\value)
        mcr     p15, 0, r0, c10, c0, 1
.endm

case "tlb/lockdown/data-victim-counts-walks", NEEDS_TLB
        set_l1  VA(0), SECTION(FRAME(0), AP_FULL, 5)
        settle
        ldr     r3, =VA(0)
        dtlb_lockdown LOCKDOWN(0, 5, 0)
        ldr     r4, [r3]
        mrc     p15, 0, r5, c10, c0, 0
        ldr     r4, [r3, #4]
        mrc     p15, 0, r6, c10, c0, 0
        expect_masked r5, LOCKDOWN_BITS, LOCKDOWN(0, 6, 0)
        expect_masked r6, LOCKDOWN_BITS, LOCKDOWN(0, 6, 0)
        endcase

case "tlb/lockdown/data-victim-wraps-to-base", NEEDS_TLB
        set_l1  VA(0), SECTION(FRAME(0), AP_FULL, 5)
        settle
        ldr     r3, =VA(0)
        dtlb_lockdown LOCKDOWN(9, 63, 0)
        ldr     r4, [r3]
        mrc     p15, 0, r5, c10, c0, 0
        expect_masked r5, LOCKDOWN_BITS, LOCKDOWN(9, 9, 0)
        endcase

case "tlb/lockdown/instruction-victim-counts-walks", NEEDS_TLB
        poke_code FRAME(0), 1
        set_l1  VA(0), SECTION(FRAME(0), AP_FULL, 5)
        settle
        itlb_lockdown LOCKDOWN(0, 7, 0)
        call    VA(0)
        mrc     p15, 0, r5, c10, c0, 1
        expect_masked r5, LOCKDOWN_BITS, LOCKDOWN(0, 8, 0)
        endcase

/* Enters VA(0) as entry 0 with the preserve bit p, then starts the victim at 1 above base b. */
.macro lock_entry p, b
        poke    FRAME(0), OLD
        poke    FRAME(1), NEW
        set_l1  VA(0), SECTION(FRAME(0), AP_FULL, 5)
        settle
        ldr     r3, =VA(0)
        dtlb_lockdown LOCKDOWN(0, 0, \p)
        ldr     r4, [r3]
        dtlb_lockdown LOCKDOWN(\b, 1, 0)
        set_l1  VA(0), SECTION(FRAME(1), AP_FULL, 5)
        expect  r4, OLD
.endm

case "tlb/lockdown/locked-entry-is-not-displaced", NEEDS_TLB
        many_pages
        lock_entry 0, 1
        mov     r1, #200
        bl      read_pages
        expect_read VA(0), OLD
        endcase

case "tlb/lockdown/unlocked-entry-is-displaced", NEEDS_TLB
        many_pages
        lock_entry 0, 0
        mov     r1, #64
        bl      read_pages
        expect_read VA(0), NEW
        endcase

case "tlb/lockdown/locked-but-not-preserved", NEEDS_TLB
        lock_entry 0, 1
        expect_read VA(0), OLD
        invalidate_dtlb
        expect_read VA(0), NEW
        endcase

case "tlb/lockdown/preserved-against-invalidate-data", NEEDS_TLB
        lock_entry 1, 1
        invalidate_dtlb
        expect_read VA(0), OLD
        endcase

case "tlb/lockdown/preserved-against-invalidate-both", NEEDS_TLB
        lock_entry 1, 1
        invalidate_tlbs
        expect_read VA(0), OLD
        endcase

case "tlb/lockdown/preserved-not-against-invalidate-entry", NEEDS_TLB
        lock_entry 1, 1
        invalidate_dtlb
        expect_read VA(0), OLD
        invalidate_dtlb_entry VA(0)
        expect_read VA(0), NEW
        endcase

case "tlb/lockdown/preserved-but-not-locked-is-displaced", NEEDS_TLB
        many_pages
        lock_entry 1, 0
        mov     r1, #64
        bl      read_pages
        expect_read VA(0), NEW
        endcase

case "tlb/lockdown/instruction-preserved", NEEDS_TLB
        poke_code FRAME(0), 1
        poke_code FRAME(1), 2
        set_l1  VA(0), SECTION(FRAME(0), AP_FULL, 5)
        settle
        itlb_lockdown LOCKDOWN(0, 0, 1)
        call    VA(0)
        itlb_lockdown LOCKDOWN(1, 1, 0)
        set_l1  VA(0), SECTION(FRAME(1), AP_FULL, 5)
        invalidate_itlb
        expect_call VA(0), 1
        invalidate_itlb_entry VA(0)
        expect_call VA(0), 2
        endcase

case "tlb/lockdown/instruction-locked-is-not-displaced", NEEDS_TLB
        many_code_pages
        poke_code FRAME(0), 1
        poke_code FRAME(1), 2
        set_l1  VA(0), SECTION(FRAME(0), AP_FULL, 5)
        settle
        itlb_lockdown LOCKDOWN(0, 0, 0)
        call    VA(0)
        itlb_lockdown LOCKDOWN(1, 1, 0)
        set_l1  VA(0), SECTION(FRAME(1), AP_FULL, 5)
        mov     r4, #200
        bl      call_pages
        expect_call VA(0), 1
        endcase
        .ltorg
