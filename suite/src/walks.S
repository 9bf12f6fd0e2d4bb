/* Table walks: which descriptor is read, and which physical address comes out. */

#include "case.h"

        .text

/* Expects the word at va to be the one at pa, and a store to va to arrive there. */
.macro expect_maps va, pa
        poke    (\pa), 0x5a5a0000
        peek    r4, (\va)
        expect  r4, 0x5a5a0000
        poke    (\va), 0xa5a51111
        expect_word (\pa), 0xa5a51111
.endm

/* --- sections ------------------------------------------------------------------------------------------ */

case "walk/section/offsets"
        set_l1  VA(0), SECTION(FRAME(3), AP_FULL, 5)
        expect_maps VA(0), FRAME(3)
        expect_maps VA(0) + 0x12344, FRAME(3) + 0x12344
        expect_maps VA(0) + 0x80000, FRAME(3) + 0x80000
        expect_maps VA(0) + 0xffffc, FRAME(3) + 0xffffc
        endcase

case "walk/section/every-frame"
        .irp    n, 0, 1, 2, 3, 4, 5, 6, 7
        set_l1  VA(\n), SECTION(FRAME(7 - \n), AP_FULL, 5)
        .endr
        .irp    n, 0, 1, 2, 3, 4, 5, 6, 7
        expect_maps VA(\n) + 0x10, FRAME(7 - \n) + 0x10
        .endr
        endcase

.macro walk_index name, va
case "walk/section/index-\name"
        set_l1  (\va), SECTION(FRAME(2), AP_FULL, 5)
        expect_maps (\va) + 0x20, FRAME(2) + 0x20
        endcase
.endm
        walk_index "001", 0x00100000
        walk_index "01f", 0x01f00000
        walk_index "020", 0x02000000
        walk_index "555", 0x55500000
        walk_index "7ff", 0x7ff00000
        walk_index "800", 0x80000000
        walk_index "aaa", 0xaaa00000
        walk_index "ffe", 0xffe00000

case "walk/section/neighbours-are-not-mapped"
        set_l1  VA(1), SECTION(FRAME(2), AP_FULL, 5)
        setr    1, VA(0) + 0xffffc
        setr    2, VA(2)
        attempt 1f
        expect_data_abort 1f, TRANSLATION_SECTION, VA(0) + 0xffffc
        attempt 2f
        expect_data_abort 2f, TRANSLATION_SECTION, VA(2)
        endcase
1:      ldr     r0, [r1]
        done
2:      ldr     r0, [r2]
        done

/* --- coarse tables ---------------------------------------------------------------------------------------- */

case "walk/coarse/small-pages"
        set_l1  VA(0), COARSE_TABLE(0, 5)
        set_coarse 0, VA(0), SMALL(FRAME(1) + 0x5000, AP_FULL)
        set_coarse 0, VA(0) + 0x1000, SMALL(FRAME(1) + 0x3000, AP_FULL)
        set_coarse 0, VA(0) + 0x80000, SMALL(FRAME(2) + 0x1000, AP_FULL)
        set_coarse 0, VA(0) + 0xff000, SMALL(FRAME(3) + 0xff000, AP_FULL)
        expect_maps VA(0), FRAME(1) + 0x5000
        expect_maps VA(0) + 0xffc, FRAME(1) + 0x5ffc
        expect_maps VA(0) + 0x1000, FRAME(1) + 0x3000
        expect_maps VA(0) + 0x80440, FRAME(2) + 0x1440
        expect_maps VA(0) + 0xffffc, FRAME(3) + 0xffffc
        endcase

.macro walk_coarse_base n
case "walk/coarse/table-\n"
        set_l1  VA(0), COARSE_TABLE(\n, 5)
        set_coarse \n, VA(0) + 0x7000, SMALL(FRAME(1) + 0x2000, AP_FULL)
        expect_maps VA(0) + 0x7008, FRAME(1) + 0x2008
        endcase
.endm
        walk_coarse_base 1
        walk_coarse_base 2
        walk_coarse_base 3
        walk_coarse_base 12

case "walk/coarse/table-anywhere"
        set_l1  VA(0), (FRAME(7) + 0x87400) | (5 << 5) | 0x11
        poke    FRAME(7) + 0x87400 + 4 * 9, SMALL(FRAME(1), AP_FULL)
        expect_maps VA(0) + 0x9080, FRAME(1) + 0x80
        endcase

case "walk/coarse/two-sections-share-a-table"
        set_l1  VA(0), COARSE_TABLE(0, 5)
        set_l1  VA(1), COARSE_TABLE(0, 6)
        set_coarse 0, VA(0) + 0x1000, SMALL(FRAME(1), AP_PRIV)
        expect_maps VA(0) + 0x1000, FRAME(1)
        expect_maps VA(1) + 0x1004, FRAME(1) + 4
        setr    1, VA(0) + 0x1000
        attempt 1f
        expect_data_abort 1f, FSR(5, PERMISSION_PAGE), VA(0) + 0x1000
        setr    1, VA(1) + 0x1000
        attempt 1f
        expect_data_abort 1f, FSR(6, PERMISSION_PAGE), VA(1) + 0x1000
        endcase
1:      ldr     r0, [r1]
        done

case "walk/coarse/large-page"
        set_l1  VA(0), COARSE_TABLE(0, 5)
        set_large 0, VA(0) + 0x20000, LARGE(FRAME(1) + 0x50000, AP_FULL)
        expect_maps VA(0) + 0x20000, FRAME(1) + 0x50000
        expect_maps VA(0) + 0x21234, FRAME(1) + 0x51234
        expect_maps VA(0) + 0x2a004, FRAME(1) + 0x5a004
        expect_maps VA(0) + 0x2fffc, FRAME(1) + 0x5fffc
        setr    1, VA(0) + 0x30000
        attempt 1f
        expect_data_abort 1f, FSR(5, TRANSLATION_PAGE), VA(0) + 0x30000
        endcase
1:      ldr     r0, [r1]
        done

/* --- fine tables -------------------------------------------------------------------------------------------- */

case "walk/fine/tiny-pages"
        set_l1  VA(0), FINE_TABLE(0, 5)
        set_fine 0, VA(0), TINY(FRAME(1) + 0x1c00, AP_FULL)
        set_fine 0, VA(0) + 0x400, TINY(FRAME(1) + 0x0800, AP_FULL)
        set_fine 0, VA(0) + 0x800, TINY(FRAME(2) + 0x0400, AP_FULL)
        set_fine 0, VA(0) + 0xffc00, TINY(FRAME(3) + 0xffc00, AP_FULL)
        expect_maps VA(0), FRAME(1) + 0x1c00
        expect_maps VA(0) + 0x3fc, FRAME(1) + 0x1ffc
        expect_maps VA(0) + 0x400, FRAME(1) + 0x800
        expect_maps VA(0) + 0x8c0, FRAME(2) + 0x4c0
        expect_maps VA(0) + 0xffffc, FRAME(3) + 0xffffc
        setr    1, VA(0) + 0xc00
        attempt 1f
        expect_data_abort 1f, FSR(5, TRANSLATION_PAGE), VA(0) + 0xc00
        endcase
1:      ldr     r0, [r1]
        done

case "walk/fine/small-page"
        set_l1  VA(0), FINE_TABLE(0, 5)
        repeat_entry FINE(0) + 4 * 8, SMALL(FRAME(1) + 0x7000, AP_FULL), 4
        expect_maps VA(0) + 0x2000, FRAME(1) + 0x7000
        expect_maps VA(0) + 0x2404, FRAME(1) + 0x7404
        expect_maps VA(0) + 0x2ffc, FRAME(1) + 0x7ffc
        endcase

case "walk/fine/large-page"
        set_l1  VA(0), FINE_TABLE(0, 5)
        repeat_entry FINE(0) + 4 * 64, LARGE(FRAME(1) + 0x30000, AP_FULL), 64
        expect_maps VA(0) + 0x10000, FRAME(1) + 0x30000
        expect_maps VA(0) + 0x17404, FRAME(1) + 0x37404
        expect_maps VA(0) + 0x1fffc, FRAME(1) + 0x3fffc
        endcase

case "walk/fine/mixed-sizes"
        set_l1  VA(0), FINE_TABLE(1, 5)
        set_fine 1, VA(0), TINY(FRAME(1) + 0x400, AP_FULL)
        repeat_entry FINE(1) + 4 * 4, SMALL(FRAME(2) + 0x1000, AP_FULL), 4
        repeat_entry FINE(1) + 4 * 64, LARGE(FRAME(3), AP_FULL), 64
        expect_maps VA(0) + 4, FRAME(1) + 0x404
        expect_maps VA(0) + 0x1800, FRAME(2) + 0x1800
        expect_maps VA(0) + 0x18000, FRAME(3) + 0x8000
        endcase

.macro walk_fine_base n
case "walk/fine/table-\n"
        set_l1  VA(0), FINE_TABLE(\n, 5)
        set_fine \n, VA(0) + 0x7400, TINY(FRAME(1) + 0x2000, AP_FULL)
        expect_maps VA(0) + 0x7408, FRAME(1) + 0x2008
        endcase
.endm
        walk_fine_base 2
        walk_fine_base 3

/* --- entries of type 00 are faults whatever else they hold ------------------------------------------------------ */

case "walk/fault/first-level-other-bits"
        set_l1  VA(0), 0xfffffffc
        setr    1, VA(0)
        attempt 1f
        expect_data_abort 1f, TRANSLATION_SECTION, VA(0)
        endcase
1:      ldr     r0, [r1]
        done

case "walk/fault/coarse-other-bits"
        set_l1  VA(0), COARSE_TABLE(0, 9)
        set_coarse 0, VA(0), 0xfffffffc
        setr    1, VA(0)
        attempt 1f
        expect_data_abort 1f, FSR(9, TRANSLATION_PAGE), VA(0)
        endcase
1:      ldr     r0, [r1]
        done

case "walk/fault/fine-other-bits"
        set_l1  VA(0), FINE_TABLE(0, 10)
        set_fine 0, VA(0), 0xfffffffc
        setr    1, VA(0)
        attempt 1f
        expect_data_abort 1f, FSR(10, TRANSLATION_PAGE), VA(0)
        endcase
1:      ldr     r0, [r1]
        done

/* --- aliases and the translation table base ------------------------------------------------------------------------ */

case "walk/alias/one-frame-twice"
        set_l1  VA(0), SECTION(FRAME(1), AP_FULL, 5)
        set_l1  VA(1), COARSE_TABLE(0, 6)
        set_coarse 0, VA(1) + 0x3000, SMALL(FRAME(1) + 0x3000, AP_FULL)
        poke    VA(0) + 0x3010, 0x11112222
        peek    r4, VA(1) + 0x3010
        expect  r4, 0x11112222
        poke    VA(1) + 0x3010, 0x33334444
        peek    r4, VA(0) + 0x3010
        expect  r4, 0x33334444
        endcase

case "walk/base/switch-and-invalidate"
        set_l1  VA(0), SECTION(FRAME(1), AP_FULL, 5)
        poke    FRAME(1), 0x11111111
        poke    FRAME(2), 0x22222222
        bl      copy_l1
        poke    L1_OTHER + (VA(0) >> 18), SECTION(FRAME(2), AP_FULL, 5)
        peek    r4, VA(0)
        expect  r4, 0x11111111
        ldr     r0, =L1_OTHER
        mcr     p15, 0, r0, c2, c0, 0
        invalidate_tlbs
        peek    r4, VA(0)
        expect  r4, 0x22222222
        ldr     r0, =L1_TABLE
        mcr     p15, 0, r0, c2, c0, 0
        invalidate_tlbs
        peek    r4, VA(0)
        expect  r4, 0x11111111
        endcase

case "walk/base/table-that-maps-itself"
        set_l1  VA(0), COARSE_TABLE(0, 5)
        set_coarse 0, VA(0) + 0x4000, SMALL(L1_TABLE & ~0xfff, AP_PRIV)
        set_coarse 0, VA(0) + 0x5000, SMALL((L1_TABLE & ~0xfff) + 0x1000, AP_PRIV)
        ldr     r0, =VA(0) + 0x4000 + ((VA(1) >> 18) & 0xfff) + (((VA(1) >> 18) & 0x1000))
        ldr     r1, =SECTION(FRAME(2), AP_FULL, 5)
        str     r1, [r0]
        expect_maps VA(1) + 0x40, FRAME(2) + 0x40
        endcase

case "walk/size/bytes-and-halfwords"
        set_l1  VA(0), COARSE_TABLE(0, 5)
        set_coarse 0, VA(0), SMALL(FRAME(1) + 0x1000, AP_FULL)
        poke    FRAME(1) + 0x1000, 0x84838281
        ldr     r3, =VA(0)
        ldrb    r4, [r3, #3]
        ldrh    r5, [r3, #2]
        ldrsb   r6, [r3, #1]
        ldrsh   r7, [r3]
        mov     r8, #0x55
        strb    r8, [r3, #1]
        strh    r8, [r3, #2]
        expect  r4, 0x84
        expect  r5, 0x8483
        expect  r6, 0xffffff82
        expect  r7, 0xffff8281
        expect_word FRAME(1) + 0x1000, 0x00555581
        endcase

case "walk/attributes/cacheable-and-bufferable-do-not-matter-here"
        .irp    n, 0, 1, 2, 3
        set_l1  VA(\n), SECTION(FRAME(\n), AP_FULL, 5) | (\n << 2)
        .endr
        .irp    n, 0, 1, 2, 3
        expect_maps VA(\n) + 0x40, FRAME(\n) + 0x40
        .endr
        endcase
        .ltorg
