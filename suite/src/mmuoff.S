/* The MMU switched off: addresses are physical, nothing but alignment is checked. */

#include "case.h"

        .text

.macro mmu_off bits=0
        ldr     r0, =control_off
        ldr     r0, [r0]
        ldr     r1, =(\bits)
        orr     r0, r0, r1
        mcr     p15, 0, r0, c1, c0, 0
        nops
.endm

/* FRAME(0) is mapped away to FRAME(1). */
case "mmu-off/addresses-are-physical"
        poke    FRAME(0), 0x11111111
        poke    FRAME(1), 0x22222222
        set_l1  FRAME(0), SECTION(FRAME(1), AP_FULL, 0)
        invalidate_tlbs
        peek    r4, FRAME(0)
        mmu_off
        peek    r5, FRAME(0)
        control 0
        peek    r6, FRAME(0)
        expect  r4, 0x22222222
        expect  r5, 0x11111111
        expect  r6, 0x22222222
        endcase

case "mmu-off/stores-are-physical"
        poke    FRAME(0), 0
        poke    FRAME(1), 0
        set_l1  FRAME(0), SECTION(FRAME(1), AP_FULL, 0)
        invalidate_tlbs
        mmu_off
        poke    FRAME(0), 0x33333333
        peek    r4, FRAME(1)
        control 0
        expect  r4, 0
        peek    r5, FRAME(0)
        expect  r5, 0
        endcase

case "mmu-off/fetches-are-physical"
        poke_code FRAME(0), 1
        poke_code FRAME(1), 2
        set_l1  FRAME(0), SECTION(FRAME(1), AP_FULL, 0)
        invalidate_tlbs
        call    FRAME(0)
        mov     r4, r0
        mmu_off
        call    FRAME(0)
        mov     r5, r0
        control 0
        expect  r4, 2
        expect  r5, 1
        endcase

case "mmu-off/domains-and-tables-are-not-looked-at"
        poke    FRAME(0), 0x11111111
        ldr     r4, =0
        mmu_off
        mcr     p15, 0, r4, c3, c0, 0
        ldr     r3, =FRAME(0)
        ldr     r5, [r3]
        ldr     r0, =DACR_CLIENT
        mcr     p15, 0, r0, c3, c0, 0
        control 0
        expect  r5, 0x11111111
        endcase

case "mmu-off/swi", NEEDS_PHYSVEC
        mmu_off
        attempt 1f, PSR_USR | 0x60000000
        expect_exception SWI, 1f + 4, PSR_USR | 0x60000000
        expect_cap BASE, VECTORS_PHYS
        control 0
        endcase
1:      done

case "mmu-off/undefined", NEEDS_PHYSVEC
        mmu_off
        attempt 1f
        expect_exception UNDEFINED, 1f + 4, PSR_USR
        expect_cap BASE, VECTORS_PHYS
        endcase
1:      .word   0xe7f000f0

.macro off_alignment name, instruction:vararg
case "mmu-off/alignment-\name", NEEDS_PHYSVEC
        poke    FRAME(0) + 0x40, 0x01d01d01
        setr    1, FRAME(0) + 0x41
        mmu_off C1_A
        attempt 1f
        expect_data_abort 1f, ALIGNMENT, FRAME(0) + 0x41
        expect_cap BASE, VECTORS_PHYS
        expect_registers_kept
        expect_word FRAME(0) + 0x40, 0x01d01d01
        endcase
1:      \instruction
        done
.endm
        off_alignment "ldr", ldr r0, [r1], #4
        off_alignment "str", str r0, [r1]
        off_alignment "ldrh", ldrh r0, [r1]
        off_alignment "strh", strh r0, [r1]
        off_alignment "ldm", ldmia r1!, {r0, r2}
        off_alignment "stm", stmia r1!, {r0, r2}
        off_alignment "swp", swp r0, r2, [r1]

case "mmu-off/user-reaches-everything", NEEDS_PHYSVEC
        set_l1  FRAME(0), SECTION(FRAME(0), AP_SR, 0)
        invalidate_tlbs
        setr    1, FRAME(0)
        mmu_off
        attempt 1f
        expect_done
        endcase
1:      ldr     r0, [r1]
        str     r0, [r1]
        done
        .ltorg
