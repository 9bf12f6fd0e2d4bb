/*
 * Caches and self-modifying code. VA(n) is mapped cacheable to FRAME(n), and the suite's own mapping
 * of the frame is the uncached alias through which memory itself is seen.
 *
 * Cases with NEEDS_DCACHE or NEEDS_ICACHE observe a line that memory does not agree with, so a machine
 * without that cache fails them. The others hold on every machine; with caches they show that the
 * maintenance works.
 */

#include "case.h"

        .text

#define OLD 0x01d01d01
#define NEW 0x2e2e2e2e
#define OTHER 0x3f3f3f3f

.macro clean_line mva
        ldr     r0, =(\mva)
        mcr     p15, 0, r0, c7, c10, 1
        drain
.endm
.macro clean_and_invalidate_line mva
        ldr     r0, =(\mva)
        mcr     p15, 0, r0, c7, c14, 1
        drain
.endm
.macro invalidate_data_line mva
        ldr     r0, =(\mva)
        mcr     p15, 0, r0, c7, c6, 1
.endm
.macro invalidate_data
        mov     r0, #0
        mcr     p15, 0, r0, c7, c6, 0
.endm
.macro invalidate_instruction_line mva
        ldr     r0, =(\mva)
        mcr     p15, 0, r0, c7, c5, 1
        nops
.endm
.macro invalidate_instruction
        mov     r0, #0
        mcr     p15, 0, r0, c7, c5, 0
        nops
.endm

/* 8 segments of 64 lines: all of them, by segment and index. */
clean_by_index:
        mov     r1, #0
1:      orr     r0, r1, #0xe0
2:      mcr     p15, 0, r0, c7, c10, 2
        subs    r2, r0, r1
        sub     r0, r0, #0x20
        bne     2b
        adds    r1, r1, #0x04000000
        bcc     1b
        b       drained
clean_and_invalidate_by_index:
        mov     r1, #0
1:      orr     r0, r1, #0xe0
2:      mcr     p15, 0, r0, c7, c14, 2
        subs    r2, r0, r1
        sub     r0, r0, #0x20
        bne     2b
        adds    r1, r1, #0x04000000
        bcc     1b
drained:
        mov     r0, #0
        mcr     p15, 0, r0, c7, c10, 4
        mov     pc, lr

/* Reads 128 lines that share a set with VA(0), from VA(0) + 0x100 on: twice what the set holds. */
displace:
        ldr     r0, =VA(0) + 0x100
        mov     r1, #128
1:      ldr     r2, [r0]
        add     r0, r0, #0x100
        subs    r1, r1, #1
        bne     1b
        b       drained

.macro data_cache attributes=WRITE_BACK
        set_l1  VA(0), SECTION(FRAME(0), AP_FULL, 5) | (\attributes)
        poke    FRAME(0), OLD
        poke    FRAME(0) + 4, OLD
        poke    FRAME(0) + 16, OLD
        poke    FRAME(0) + 28, OLD
        poke    FRAME(0) + 32, OLD
        control C1_C | C1_RR
.endm

.macro expect_read va, value
        peek    r4, (\va)
        expect  r4, \value
.endm

/* A line of VA(0) filled, then its first word written. */
.macro dirty_line
        data_cache
        expect_read VA(0), OLD
        poke    VA(0), NEW
.endm

/* --- write-back ------------------------------------------------------------------------------------------ */

case "cache/write-back/hit-stays-in-the-cache", NEEDS_DCACHE
        dirty_line
        drain
        expect_word FRAME(0), OLD
        expect_read VA(0), NEW
        endcase

case "cache/write-back/hit-is-read-back"
        dirty_line
        expect_read VA(0), NEW
        expect_read VA(0) + 4, OLD
        endcase

case "cache/write-back/clean-line"
        dirty_line
        clean_line VA(0)
        expect_word FRAME(0), NEW
        expect_read VA(0), NEW
        endcase

case "cache/write-back/clean-line-by-any-address-in-it"
        dirty_line
        clean_line VA(0) + 0x1c
        expect_word FRAME(0), NEW
        endcase

case "cache/write-back/clean-keeps-the-line", NEEDS_DCACHE
        dirty_line
        clean_line VA(0)
        poke    FRAME(0), OTHER
        expect_read VA(0), NEW
        endcase

case "cache/write-back/clean-is-not-repeated", NEEDS_DCACHE
        dirty_line
        clean_line VA(0)
        poke    FRAME(0), OTHER
        clean_line VA(0)
        expect_word FRAME(0), OTHER
        expect_read VA(0), NEW
        endcase

case "cache/write-back/clean-and-invalidate-line"
        dirty_line
        clean_and_invalidate_line VA(0)
        expect_word FRAME(0), NEW
        poke    FRAME(0), OTHER
        expect_read VA(0), OTHER
        endcase

case "cache/write-back/clean-by-index"
        dirty_line
        bl      clean_by_index
        expect_word FRAME(0), NEW
        expect_read VA(0), NEW
        endcase

case "cache/write-back/clean-by-index-every-set"
        data_cache
        ldr     r3, =VA(0)
        mov     r4, #0x4000
1:      ldr     r0, [r3]                /* fill 512 lines and write each */
        str     r3, [r3]
        add     r3, r3, #32
        subs    r4, r4, #32
        bne     1b
        bl      clean_by_index
        ldr     r6, =FRAME(0)
        ldr     r5, =VA(0)
        mov     r4, #0x4000
2:      ldr     r1, [r6]
        mov     r2, r5
        compare
        add     r6, r6, #32
        add     r5, r5, #32
        subs    r4, r4, #32
        bne     2b
        endcase

case "cache/write-back/clean-and-invalidate-by-index"
        dirty_line
        bl      clean_and_invalidate_by_index
        expect_word FRAME(0), NEW
        poke    FRAME(0), OTHER
        expect_read VA(0), OTHER
        endcase

case "cache/write-back/invalidate-line-drops-dirty-data", NEEDS_DCACHE
        dirty_line
        invalidate_data_line VA(0)
        expect_read VA(0), OLD
        expect_word FRAME(0), OLD
        endcase

case "cache/write-back/invalidate-all-drops-dirty-data", NEEDS_DCACHE
        dirty_line
        invalidate_data
        expect_read VA(0), OLD
        expect_word FRAME(0), OLD
        endcase

case "cache/write-back/miss-goes-to-memory"
        data_cache
        poke    VA(0), NEW
        drain
        expect_word FRAME(0), NEW
        endcase

case "cache/write-back/miss-does-not-allocate"
        data_cache
        poke    VA(0), NEW
        drain
        poke    FRAME(0), OTHER
        expect_read VA(0), OTHER
        endcase

case "cache/write-back/displaced-line-is-written"
        dirty_line
        bl      displace
        expect_word FRAME(0), NEW
        expect_read VA(0), NEW
        endcase

case "cache/write-back/bytes-and-halfwords"
        data_cache
        expect_read VA(0), OLD
        ldr     r3, =VA(0)
        mov     r4, #0x55
        strb    r4, [r3, #1]
        strh    r4, [r3, #6]
        expect_read VA(0), 0x01d05501
        expect_read VA(0) + 4, 0x00551d01
        clean_line VA(0)
        expect_word FRAME(0), 0x01d05501
        expect_word FRAME(0) + 4, 0x00551d01
        endcase

case "cache/write-back/stm-and-ldm-over-lines"
        data_cache
        ldr     r3, =VA(0) + 0x14
        ldmia   r3, {r4, r5, r6, r7, r8, r9}
        mov     r4, #4
        mov     r5, #5
        mov     r6, #6
        mov     r7, #7
        mov     r8, #8
        mov     r9, #9
        stmia   r3, {r4, r5, r6, r7, r8, r9}
        mov     r4, #0
        mov     r9, #0
        ldmia   r3, {r4, r5, r6, r7, r8, r9}
        expect  r4, 4
        expect  r9, 9
        clean_line VA(0)
        clean_line VA(0) + 0x20
        expect_word FRAME(0) + 0x14, 4
        expect_word FRAME(0) + 0x1c, 6
        expect_word FRAME(0) + 0x20, 7
        expect_word FRAME(0) + 0x28, 9
        endcase

/* Two dirty bits a line: a clean writes only the half that was written to. */
case "cache/write-back/clean-leaves-the-clean-upper-half"
        dirty_line
        poke    FRAME(0) + 16, OTHER
        poke    FRAME(0) + 28, OTHER
        clean_line VA(0)
        expect_word FRAME(0), NEW
        expect_word FRAME(0) + 16, OTHER
        expect_word FRAME(0) + 28, OTHER
        endcase

case "cache/write-back/clean-leaves-the-clean-lower-half"
        data_cache
        expect_read VA(0), OLD
        poke    VA(0) + 28, NEW
        poke    FRAME(0), OTHER
        clean_line VA(0)
        expect_word FRAME(0), OTHER
        expect_word FRAME(0) + 28, NEW
        endcase

case "cache/write-back/clean-writes-the-whole-dirty-half", NEEDS_DCACHE
        dirty_line
        poke    FRAME(0) + 4, OTHER
        clean_line VA(0)
        expect_word FRAME(0), NEW
        expect_word FRAME(0) + 4, OLD
        endcase

/* The line goes back to the physical address it came from. */
case "cache/write-back/clean-after-remapping", NEEDS_DCACHE
        dirty_line
        poke    FRAME(1), OTHER
        set_l1  VA(0), SECTION(FRAME(1), AP_FULL, 5) | WRITE_BACK
        invalidate_tlbs
        expect_word FRAME(0), OLD
        clean_line VA(0)
        expect_word FRAME(0), NEW
        expect_word FRAME(1), OTHER
        endcase

case "cache/write-back/displacement-after-remapping"
        dirty_line
        poke    FRAME(1), OTHER
        set_l1  VA(0), SECTION(FRAME(1), AP_FULL, 5) | WRITE_BACK
        invalidate_tlbs
        bl      displace
        expect_word FRAME(0), NEW
        expect_word FRAME(1), OTHER
        expect_read VA(0), OTHER
        endcase

case "cache/write-back/displacement-after-unmapping"
        dirty_line
        ldr     r5, =VA(0)
        set_l1  VA(1), SECTION(FRAME(1), AP_FULL, 5) | WRITE_BACK
        set_l1  VA(0), 0
        invalidate_tlbs
        ldr     r0, =VA(1)
        mov     r1, #128
1:      ldr     r2, [r0]
        add     r0, r0, #0x100
        subs    r1, r1, #1
        bne     1b
        drain
        expect_word FRAME(0), NEW
        endcase

/* --- write-through ------------------------------------------------------------------------------------------ */

case "cache/write-through/hit-goes-to-memory"
        data_cache WRITE_THROUGH
        expect_read VA(0), OLD
        poke    VA(0), NEW
        drain
        expect_word FRAME(0), NEW
        expect_read VA(0), NEW
        endcase

case "cache/write-through/hit-updates-the-line", NEEDS_DCACHE
        data_cache WRITE_THROUGH
        expect_read VA(0), OLD
        poke    VA(0), NEW
        drain
        poke    FRAME(0), OTHER
        expect_read VA(0), NEW
        endcase

case "cache/write-through/invalidation-loses-nothing"
        data_cache WRITE_THROUGH
        expect_read VA(0), OLD
        poke    VA(0), NEW
        drain
        invalidate_data_line VA(0)
        expect_read VA(0), NEW
        endcase

/* --- reads ----------------------------------------------------------------------------------------------------- */

case "cache/read/stale-until-invalidated", NEEDS_DCACHE
        data_cache
        expect_read VA(0), OLD
        poke    FRAME(0), NEW
        expect_read VA(0), OLD
        invalidate_data_line VA(0)
        expect_read VA(0), NEW
        endcase

case "cache/read/invalidate-line"
        data_cache
        expect_read VA(0), OLD
        poke    FRAME(0), NEW
        invalidate_data_line VA(0) + 8
        expect_read VA(0), NEW
        endcase

case "cache/read/invalidate-all"
        data_cache
        expect_read VA(0), OLD
        poke    FRAME(0), NEW
        invalidate_data
        expect_read VA(0), NEW
        endcase

case "cache/read/fills-8-words", NEEDS_DCACHE
        data_cache
        expect_read VA(0) + 16, OLD
        poke    FRAME(0), NEW
        poke    FRAME(0) + 28, NEW
        poke    FRAME(0) + 32, NEW
        expect_read VA(0), OLD
        expect_read VA(0) + 28, OLD
        expect_read VA(0) + 32, NEW
        endcase

case "cache/read/invalidation-of-another-line-leaves-it", NEEDS_DCACHE
        data_cache
        expect_read VA(0), OLD
        expect_read VA(0) + 32, OLD
        poke    FRAME(0), NEW
        poke    FRAME(0) + 32, NEW
        invalidate_data_line VA(0) + 32
        expect_read VA(0), OLD
        expect_read VA(0) + 32, NEW
        endcase

case "cache/read/64-lines-of-a-set-stay", NEEDS_DCACHE
        data_cache
        ldr     r3, =VA(0)
        mov     r4, #64
1:      ldr     r0, [r3]
        add     r3, r3, #0x100
        subs    r4, r4, #1
        bne     1b
        poke    FRAME(0), NEW
        expect_read VA(0), OLD
        endcase

case "cache/read/128-more-lines-of-a-set-displace-it"
        data_cache
        expect_read VA(0), OLD
        bl      displace
        poke    FRAME(0), NEW
        expect_read VA(0), NEW
        endcase

/* --- regions that are not cached ----------------------------------------------------------------------------------- */

case "cache/uncached/neither-c-nor-b"
        data_cache 0
        expect_read VA(0), OLD
        poke    FRAME(0), NEW
        expect_read VA(0), NEW
        poke    VA(0), OTHER
        expect_word FRAME(0), OTHER
        endcase

case "cache/uncached/bufferable"
        data_cache 4
        expect_read VA(0), OLD
        poke    FRAME(0), NEW
        expect_read VA(0), NEW
        poke    VA(0), OTHER
        drain
        expect_word FRAME(0), OTHER
        endcase

case "cache/uncached/control-bit-off"
        data_cache
        control 0
        expect_read VA(0), OLD
        poke    FRAME(0), NEW
        expect_read VA(0), NEW
        endcase

case "cache/uncached/switching-off-and-on-keeps-lines", NEEDS_DCACHE
        dirty_line
        control 0
        expect_read VA(0), OLD
        control C1_C | C1_RR
        expect_read VA(0), NEW
        endcase

/* What the ARM920T does on an unexpected hit in an uncached region (manual, implementation notes). */
case "cache/uncached/read-ignores-a-line", NEEDS_DCACHE
        data_cache
        expect_read VA(0), OLD
        poke    FRAME(0), NEW
        set_l1  VA(0), SECTION(FRAME(0), AP_FULL, 5)
        invalidate_tlbs
        expect_read VA(0), NEW
        set_l1  VA(0), SECTION(FRAME(0), AP_FULL, 5) | WRITE_BACK
        invalidate_tlbs
        expect_read VA(0), OLD
        endcase

case "cache/uncached/write-updates-a-line-and-memory"
        data_cache
        expect_read VA(0), OLD
        set_l1  VA(0), SECTION(FRAME(0), AP_FULL, 5)
        invalidate_tlbs
        poke    VA(0), NEW
        expect_word FRAME(0), NEW
        set_l1  VA(0), SECTION(FRAME(0), AP_FULL, 5) | WRITE_BACK
        invalidate_tlbs
        expect_read VA(0), NEW
        endcase

/* --- tagged by modified virtual address ------------------------------------------------------------------------------ */

case "cache/tag/remapping-hits-the-old-line", NEEDS_DCACHE
        data_cache
        expect_read VA(0), OLD
        poke    FRAME(1), NEW
        set_l1  VA(0), SECTION(FRAME(1), AP_FULL, 5) | WRITE_BACK
        invalidate_tlbs
        expect_read VA(0), OLD
        invalidate_data_line VA(0)
        expect_read VA(0), NEW
        endcase

case "cache/tag/aliases-are-two-lines", NEEDS_DCACHE
        data_cache
        set_l1  VA(1), SECTION(FRAME(0), AP_FULL, 5) | WRITE_BACK
        expect_read VA(0), OLD
        expect_read VA(1), OLD
        poke    VA(0), NEW
        expect_read VA(1), OLD
        clean_line VA(0)
        expect_read VA(1), OLD
        invalidate_data_line VA(1)
        expect_read VA(1), NEW
        endcase

case "cache/tag/processes-have-their-own-lines"
        set_l1  VA(1), SECTION(FRAME(1), AP_FULL, 5) | WRITE_BACK
        set_l1  VA(33), SECTION(FRAME(2), AP_FULL, 5) | WRITE_BACK
        poke    FRAME(1), OLD
        poke    FRAME(2), NEW
        control C1_C | C1_V
        process_id 0x38
        expect_read 0x00100000, OLD
        process_id 0x39
        expect_read 0x00100000, NEW
        poke    0x00100000, OTHER
        process_id 0x38
        expect_read 0x00100000, OLD
        process_id 0x39
        expect_read 0x00100000, OTHER
        clean_line VA(33)
        expect_word FRAME(2), OTHER
        expect_word FRAME(1), OLD
        endcase

case "cache/tag/moved-address-is-the-same-line"
        data_cache
        control C1_C | C1_V
        process_id 0x38
        expect_read 0x00000000, OLD
        poke    0x00000000, NEW
        expect_read VA(0), NEW
        process_id 0
        expect_read VA(0), NEW
        endcase

case "cache/tag/operations-do-not-move-the-address", NEEDS_DCACHE
        data_cache
        control C1_C | C1_V
        process_id 0x38
        expect_read 0x00000000, OLD
        poke    0x00000000, NEW
        clean_line 0x00000000
        expect_word FRAME(0), OLD
        clean_line VA(0)
        expect_word FRAME(0), NEW
        endcase

case "cache/tag/hit-still-checks-the-domain"
        dirty_line
        domains DOMAIN_ACCESS(5, NO_ACCESS)
        setr    1, VA(0)
        attempt 1f
        expect_data_abort 1f, FSR(5, DOMAIN_SECTION), VA(0)
        endcase
1:      ldr     r0, [r1]
        done

case "cache/tag/hit-still-checks-the-permission"
        set_l1  VA(0), SECTION(FRAME(0), AP_UREAD, 5) | WRITE_BACK
        poke    FRAME(0), OLD
        control C1_C
        expect_read VA(0), OLD
        setr    1, VA(0)
        attempt 1f
        expect_data_abort 1f, FSR(5, PERMISSION_SECTION), VA(0)
        expect_read VA(0), OLD
        clean_line VA(0)
        expect_word FRAME(0), OLD
        endcase
1:      str     r0, [r1]
        done

/* --- walks read memory, not the cache ----------------------------------------------------------------------------------- */

.macro cached_table
        set_l1  VA(1), SECTION(RAM_BASE, AP_FULL, 5) | WRITE_BACK
        control C1_C
        peek    r4, VA(1) + (L1_TABLE - RAM_BASE) + (VA(2) >> 18)
        poke    VA(1) + (L1_TABLE - RAM_BASE) + (VA(2) >> 18), SECTION(FRAME(2), AP_FULL, 5)
        setr    1, VA(2)
.endm

case "cache/walk/does-not-see-a-dirty-line", NEEDS_DCACHE
        cached_table
        attempt 1f
        expect_data_abort 1f, TRANSLATION_SECTION, VA(2)
        endcase
1:      ldr     r0, [r1]
        done

case "cache/walk/sees-a-cleaned-line"
        cached_table
        clean_line VA(1) + (L1_TABLE - RAM_BASE) + (VA(2) >> 18)
        attempt 1f
        expect_done
        endcase
1:      ldr     r0, [r1]
        done

/* --- data cache lockdown --------------------------------------------------------------------------------------------------- */

.macro victim_base n
        ldr     r0, =(\n) << 26
        mcr     p15, 0, r0, c9, c0, 0
.endm

case "cache/lockdown/locked-line-stays", NEEDS_DCACHE
        data_cache
        victim_base 0
        expect_read VA(0), OLD
        victim_base 1
        bl      displace
        poke    FRAME(0), NEW
        expect_read VA(0), OLD
        endcase

case "cache/lockdown/unlocked-line-goes"
        data_cache
        victim_base 0
        expect_read VA(0), OLD
        victim_base 1
        victim_base 0
        bl      displace
        poke    FRAME(0), NEW
        expect_read VA(0), NEW
        endcase

case "cache/lockdown/invalidation-takes-a-locked-line"
        data_cache
        victim_base 0
        expect_read VA(0), OLD
        victim_base 1
        poke    FRAME(0), NEW
        invalidate_data_line VA(0)
        expect_read VA(0), NEW
        endcase

/* --- instruction cache ---------------------------------------------------------------------------------------------------------- */

.macro instruction_cache bits=0
        poke_code FRAME(0), 1
        poke_code FRAME(0) + 0x20, 5
        set_l1  VA(0), SECTION(FRAME(0), AP_FULL, 5) | WRITE_BACK
        control C1_I | (\bits)
.endm

.macro expect_call va, value
        call    (\va)
        expect  r0, \value
.endm

case "cache/instruction/stale-code", NEEDS_ICACHE
        instruction_cache
        expect_call VA(0), 1
        poke_code FRAME(0), 2
        expect_call VA(0), 1
        endcase

case "cache/instruction/invalidate-all"
        instruction_cache
        expect_call VA(0), 1
        poke_code FRAME(0), 2
        invalidate_instruction
        expect_call VA(0), 2
        endcase

case "cache/instruction/invalidate-line"
        instruction_cache
        expect_call VA(0), 1
        poke_code FRAME(0), 2
        invalidate_instruction_line VA(0) + 0x1c
        expect_call VA(0), 2
        endcase

case "cache/instruction/invalidate-line-leaves-others", NEEDS_ICACHE
        instruction_cache
        expect_call VA(0), 1
        expect_call VA(0) + 0x20, 5
        poke_code FRAME(0), 2
        poke_code FRAME(0) + 0x20, 6
        invalidate_instruction_line VA(0) + 0x20
        expect_call VA(0), 1
        expect_call VA(0) + 0x20, 6
        endcase

case "cache/instruction/invalidate-both-caches"
        instruction_cache
        expect_call VA(0), 1
        poke_code FRAME(0), 2
        mov     r0, #0
        mcr     p15, 0, r0, c7, c7, 0
        nops
        expect_call VA(0), 2
        endcase

case "cache/instruction/data-invalidation-leaves-it", NEEDS_ICACHE
        instruction_cache
        expect_call VA(0), 1
        poke_code FRAME(0), 2
        invalidate_data
        invalidate_data_line VA(0)
        expect_call VA(0), 1
        endcase

case "cache/instruction/prefetch-line", NEEDS_ICACHE
        instruction_cache
        ldr     r0, =VA(0)
        mcr     p15, 0, r0, c7, c13, 1
        nops
        poke_code FRAME(0), 2
        expect_call VA(0), 1
        endcase

case "cache/instruction/uncached-page"
        poke_code FRAME(0), 1
        set_l1  VA(0), SECTION(FRAME(0), AP_FULL, 5)
        control C1_I
        expect_call VA(0), 1
        poke_code FRAME(0), 2
        expect_call VA(0), 2
        endcase

case "cache/instruction/control-bit-off"
        instruction_cache
        control 0
        expect_call VA(0), 1
        poke_code FRAME(0), 2
        expect_call VA(0), 2
        endcase

case "cache/instruction/remapping-hits-the-old-line", NEEDS_ICACHE
        instruction_cache
        expect_call VA(0), 1
        poke_code FRAME(1), 2
        set_l1  VA(0), SECTION(FRAME(1), AP_FULL, 5) | WRITE_BACK
        invalidate_tlbs
        expect_call VA(0), 1
        invalidate_instruction_line VA(0)
        expect_call VA(0), 2
        endcase

case "cache/instruction/processes-have-their-own-lines"
        poke_code FRAME(1), 1
        poke_code FRAME(2), 2
        set_l1  VA(1), SECTION(FRAME(1), AP_FULL, 5) | WRITE_BACK
        set_l1  VA(33), SECTION(FRAME(2), AP_FULL, 5) | WRITE_BACK
        control C1_I | C1_V
        process_id 0x38
        expect_call 0x00100000, 1
        process_id 0x39
        expect_call 0x00100000, 2
        process_id 0x38
        expect_call 0x00100000, 1
        endcase

case "cache/instruction/hit-still-checks-the-domain"
        instruction_cache
        expect_call VA(0), 1
        domains DOMAIN_ACCESS(5, NO_ACCESS)
        attempt VA(0)
        expect_prefetch_abort VA(0)
        endcase

/* --- self-modifying code ------------------------------------------------------------------------------------------------------------ */

case "cache/self-modifying/caches-off"
        poke_code FRAME(0), 1
        set_l1  VA(0), SECTION(FRAME(0), AP_FULL, 5)
        expect_call VA(0), 1
        poke_code VA(0), 2
        expect_call VA(0), 2
        endcase

case "cache/self-modifying/full-maintenance"
        instruction_cache C1_C
        expect_call VA(0), 1
        peek    r4, VA(0)
        poke_code VA(0), 2
        clean_line VA(0)
        invalidate_instruction_line VA(0)
        expect_call VA(0), 2
        endcase

case "cache/self-modifying/write-through-needs-no-clean"
        instruction_cache C1_C
        set_l1  VA(0), SECTION(FRAME(0), AP_FULL, 5) | WRITE_THROUGH
        invalidate_tlbs
        expect_call VA(0), 1
        peek    r4, VA(0)
        poke_code VA(0), 2
        drain
        invalidate_instruction_line VA(0)
        expect_call VA(0), 2
        endcase

case "cache/self-modifying/dirty-line-is-not-fetched", NEEDS_DCACHE
        instruction_cache C1_C
        expect_call VA(0), 1
        peek    r4, VA(0)
        poke_code VA(0), 2
        invalidate_instruction
        expect_call VA(0), 1
        endcase

case "cache/self-modifying/without-invalidation", NEEDS_ICACHE
        instruction_cache C1_C
        expect_call VA(0), 1
        peek    r4, VA(0)
        poke_code VA(0), 2
        clean_line VA(0)
        expect_call VA(0), 1
        endcase

case "cache/self-modifying/thumb"
        instruction_cache C1_C
        poke    VA(0) + 0x40, 0x47702001        /* mov r0, #1; bx lr */
        clean_line VA(0) + 0x40
        call    VA(0) + 0x41
        expect  r0, 1
        peek    r4, VA(0) + 0x40
        poke    VA(0) + 0x40, 0x47702002
        clean_line VA(0) + 0x40
        invalidate_instruction_line VA(0) + 0x40
        call    VA(0) + 0x41
        expect  r0, 2
        endcase

case "cache/self-modifying/whole-cache-maintenance"
        instruction_cache C1_C
        expect_call VA(0), 1
        peek    r4, VA(0)
        poke_code VA(0), 2
        bl      clean_by_index
        invalidate_instruction
        expect_call VA(0), 2
        endcase

/* Code at VA(0) that has run, changed by each kind of store; caches off, nothing to maintain. */
.macro modified_by name, code:vararg
case "cache/self-modifying/by-\name"
        poke_code FRAME(0), 1
        set_l1  VA(0), SECTION(FRAME(0), AP_FULL, 5)
        expect_call VA(0), 1
        expect_call VA(0), 1
        ldr     r3, =VA(0)
        ldr     r4, =0xe3a00002
        ldr     r5, =0xe1a0f00e
        \code
        expect_call VA(0), 2
        endcase
.endm
        modified_by "str", str r4, [r3]
        modified_by "strb", strb r4, [r3]
        modified_by "strh", strh r4, [r3]
        modified_by "stm", stmia r3, {r4, r5}
        modified_by "swp", swp r6, r4, [r3]
        modified_by "strt", strt r4, [r3], #0

case "cache/self-modifying/by-an-alias"
        poke_code FRAME(0), 1
        set_l1  VA(0), SECTION(FRAME(0), AP_FULL, 5)
        set_l1  VA(1), COARSE_TABLE(0, 6)
        set_coarse 0, VA(1) + 0x3000, SMALL(FRAME(0), AP_FULL)
        expect_call VA(0), 1
        poke    VA(1) + 0x3000, 0xe3a00002
        expect_call VA(0), 2
        poke    FRAME(0), 0xe3a00003
        expect_call VA(0), 3
        endcase

case "cache/self-modifying/seen-through-every-mapping"
        poke_code FRAME(0), 1
        set_l1  VA(0), SECTION(FRAME(0), AP_FULL, 5)
        set_l1  VA(1), SECTION(FRAME(0), AP_FULL, 6)
        expect_call VA(0), 1
        expect_call VA(1), 1
        poke    VA(0), 0xe3a00002
        expect_call VA(1), 2
        expect_call VA(0), 2
        endcase

case "cache/self-modifying/ahead-in-the-same-page"
        poke    FRAME(0) + 0, 0xe5810020        /* str r0, [r1, #0x20] */
        .irp    at, 0x04, 0x08, 0x0c, 0x10, 0x14, 0x18, 0x1c
        poke    FRAME(0) + \at, 0xe1a00000      /* nop */
        .endr
        poke    FRAME(0) + 0x20, 0xe3a02001     /* mov r2, #1 */
        poke    FRAME(0) + 0x24, CODE_DONE
        set_l1  VA(0), SECTION(FRAME(0), AP_FULL, 5)
        setr    0, 0xe3a02002                   /* mov r2, #2 */
        setr    1, VA(0)
        attempt VA(0)
        expect_exception SWI, VA(0) + 0x28, PSR_USR
        expect_cap R2, 2
        endcase

case "cache/self-modifying/loop-that-counts-in-its-own-code"
        poke    FRAME(0) + 0x00, 0xe5910020     /* ldr r0, [r1, #0x20] */
        poke    FRAME(0) + 0x04, 0xe2800001     /* add r0, r0, #1 */
        poke    FRAME(0) + 0x08, 0xe5810020     /* str r0, [r1, #0x20] */
        .irp    at, 0x0c, 0x10, 0x14, 0x18, 0x1c
        poke    FRAME(0) + \at, 0xe1a00000
        .endr
        poke    FRAME(0) + 0x20, 0xe3a02000     /* mov r2, #0 */
        poke    FRAME(0) + 0x24, 0xe3520064     /* cmp r2, #100 */
        poke    FRAME(0) + 0x28, 0x1afffff4     /* bne .-0x28 */
        poke    FRAME(0) + 0x2c, CODE_DONE
        set_l1  VA(0), SECTION(FRAME(0), AP_FULL, 5)
        setr    1, VA(0)
        attempt VA(0)
        expect_exception SWI, VA(0) + 0x30, PSR_USR | 0x60000000
        expect_cap R2, 100
        expect_word FRAME(0) + 0x20, 0xe3a02064
        endcase

case "cache/self-modifying/frame-changes-hands"
        poke_code FRAME(0), 1
        poke_code FRAME(1), 2
        set_l1  VA(0), COARSE_TABLE(0, 5)
        set_coarse 0, VA(0), SMALL(FRAME(0), AP_FULL)
        expect_call VA(0), 1
        set_coarse 0, VA(0), SMALL(FRAME(1), AP_FULL)
        invalidate_tlbs
        expect_call VA(0), 2
        poke    FRAME(0), 0xe3a00003
        expect_call VA(0), 2
        set_coarse 0, VA(0), SMALL(FRAME(0), AP_FULL)
        invalidate_tlbs
        expect_call VA(0), 3
        endcase

case "cache/self-modifying/arm-and-thumb-share-a-word"
        poke    FRAME(0), 0x47702009            /* Thumb: mov r0, #9; bx lr */
        set_l1  VA(0), SECTION(FRAME(0), AP_FULL, 5)
        call    VA(0) + 1
        expect  r0, 9
        poke_code FRAME(0), 1
        expect_call VA(0), 1
        poke    FRAME(0), 0x47702008
        call    VA(0) + 1
        expect  r0, 8
        endcase
        .ltorg
