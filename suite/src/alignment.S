/*
 * Alignment: faults with c1.A set, whatever the MMU would say; without it the ARM9 reads the aligned
 * word and rotates it, and writes the aligned word.
 */

#include "case.h"

        .text

#define PLACE (VA(0) + 0x40)

.macro readable
        set_l1  VA(0), SECTION(FRAME(0), AP_FULL, 5)
        poke    FRAME(0) + 0x3c, 0x03020100
        poke    FRAME(0) + 0x40, 0x44332211
        poke    FRAME(0) + 0x44, 0x88776655
        poke    FRAME(0) + 0x48, 0xccbbaa99
.endm

/* --- A = 1 ------------------------------------------------------------------------------------------- */

.macro misaligned name, address, instruction:vararg
case "alignment/fault/\name"
        readable
        control C1_A
        setr    1, (\address)
        setr    2, 0x10
        attempt 1f
        expect_data_abort 1f, ALIGNMENT, (\address)
        expect_registers_kept
        expect_word FRAME(0) + 0x3c, 0x03020100
        expect_word FRAME(0) + 0x40, 0x44332211
        expect_word FRAME(0) + 0x44, 0x88776655
        endcase
1:      \instruction
        done
.endm

        misaligned "ldr-1", PLACE + 1, ldr r0, [r1]
        misaligned "ldr-2", PLACE + 2, ldr r0, [r1]
        misaligned "ldr-3", PLACE + 3, ldr r0, [r1]
        misaligned "ldr-post", PLACE + 2, ldr r0, [r1], #2
        misaligned "ldr-into-its-base", PLACE + 2, ldr r1, [r1]
        misaligned "ldrt", PLACE + 1, ldrt r0, [r1], #4
        misaligned "ldrh-1", PLACE + 1, ldrh r0, [r1]
        misaligned "ldrh-3", PLACE + 3, ldrh r0, [r1]
        misaligned "ldrsh-1", PLACE + 1, ldrsh r0, [r1]
        misaligned "str-1", PLACE + 1, str r0, [r1]
        misaligned "str-2", PLACE + 2, str r0, [r1]
        misaligned "str-3", PLACE + 3, str r0, [r1], #4
        misaligned "strt", PLACE + 1, strt r0, [r1], #4
        misaligned "strh-1", PLACE + 1, strh r0, [r1]
        misaligned "ldm-1", PLACE + 1, ldmia r1!, {r0, r3}
        misaligned "ldm-2", PLACE + 2, ldmia r1, {r0, r3}
        misaligned "stm-1", PLACE + 1, stmia r1!, {r0, r3}
        misaligned "stm-2", PLACE + 2, stmia r1, {r0, r3}
        misaligned "swp-1", PLACE + 1, swp r0, r2, [r1]
        misaligned "swp-2", PLACE + 2, swp r0, r2, [r1]
        misaligned "ldr-pc", PLACE + 2, ldr pc, [r1]

case "alignment/fault/ldmdb-address-is-the-lowest"
        readable
        control C1_A
        setr    1, PLACE + 9
        attempt 1f
        expect_data_abort 1f, ALIGNMENT, PLACE + 1
        expect_registers_kept
        endcase
1:      ldmdb   r1!, {r0, r3}
        done

.macro misaligned_thumb name, address, instruction:vararg
case "alignment/fault/thumb-\name"
        readable
        control C1_A
        setr    1, (\address)
        setr    13, (\address)
        attempt 1f + 1
        expect_data_abort 1f, ALIGNMENT, (\address), PSR_USR | PSR_T
        expect_registers_kept
        endcase
        .thumb
1:      \instruction
        done_thumb
        .arm
.endm
        misaligned_thumb "ldr", PLACE + 2, ldr r0, [r1]
        misaligned_thumb "ldrh", PLACE + 1, ldrh r0, [r1]
        misaligned_thumb "str", PLACE + 1, str r0, [r1]
        misaligned_thumb "strh", PLACE + 3, strh r0, [r1]
        misaligned_thumb "ldmia", PLACE + 2, ldmia r1!, {r0, r3}
        misaligned_thumb "pop", PLACE + 2, pop {r0}

case "alignment/fault/svc"
        readable
        control C1_A
        setr    1, PLACE + 2
        attempt 1f, PSR_SVC
        expect_data_abort 1f, ALIGNMENT, PLACE + 2, PSR_SVC
        endcase
1:      ldr     r0, [r1]
        done

case "alignment/fault/before-translation"
        control C1_A
        setr    1, VA(0) + 2
        attempt 1f
        expect_data_abort 1f, ALIGNMENT, VA(0) + 2
        endcase
1:      ldr     r0, [r1]
        done

case "alignment/fault/before-domain"
        readable
        domains DOMAIN_ACCESS(5, NO_ACCESS)
        control C1_A
        setr    1, PLACE + 1
        attempt 1f
        expect_data_abort 1f, ALIGNMENT, PLACE + 1
        endcase
1:      strh    r0, [r1]
        done

case "alignment/fault/before-permission"
        set_l1  VA(0), SECTION(FRAME(0), AP_PRIV, 5)
        control C1_A
        setr    1, PLACE + 3
        attempt 1f
        expect_data_abort 1f, ALIGNMENT, PLACE + 3
        endcase
1:      ldr     r0, [r1]
        done

case "alignment/fault/in-manager-domain-too"
        readable
        domains DOMAIN_ACCESS(5, MANAGER)
        control C1_A
        setr    1, PLACE + 2
        attempt 1f
        expect_data_abort 1f, ALIGNMENT, PLACE + 2
        endcase
1:      ldr     r0, [r1]
        done

case "alignment/fault/aligned-ones-pass"
        readable
        control C1_A
        setr    1, PLACE
        attempt 1f
        expect_done
        expect_cap R0, 0x44332211
        expect_cap R2, 0x4433
        expect_cap R3, 0x33
        expect_cap R4, 0xffffff88
        endcase
1:      ldr     r0, [r1]
        ldrh    r2, [r1, #2]
        ldrb    r3, [r1, #2]
        ldrsb   r4, [r1, #7]
        strb    r0, [r1, #9]
        strh    r0, [r1, #10]
        swpb    r5, r0, [r1]
        done

case "alignment/fault/takes-effect-at-once"
        readable
        setr    1, PLACE
        setr    2, PLACE + 2
        attempt 1f
        expect_done
        control C1_A
        attempt 1f
        expect_done
        attempt 2f
        expect_data_abort 2f, ALIGNMENT, PLACE + 2
        endcase
1:      ldr     r0, [r1]
        done
2:      ldr     r0, [r2]
        done

case "alignment/fault/none-on-fetch"
        readable
        control C1_A
        setr    1, 1f + 2
        attempt 2f
        expect_exception SWI, 1f + 4, PSR_USR
        endcase
1:      done
2:      mov     pc, r1

/* --- A = 0 ------------------------------------------------------------------------------------------- */

.macro rotated name, address, value, instruction:vararg
case "alignment/rotate/\name"
        readable
        setr    1, (\address)
        attempt 1f
        expect_done
        expect_cap R0, (\value)
        endcase
1:      \instruction
        done
.endm
        rotated "ldr-0", PLACE, 0x44332211, ldr r0, [r1]
        rotated "ldr-1", PLACE + 1, 0x11443322, ldr r0, [r1]
        rotated "ldr-2", PLACE + 2, 0x22114433, ldr r0, [r1]
        rotated "ldr-3", PLACE + 3, 0x33221144, ldr r0, [r1]
        rotated "ldrt-1", PLACE + 1, 0x11443322, ldrt r0, [r1], #0
        rotated "swp-1", PLACE + 1, 0x11443322, swp r0, r2, [r1]
        rotated "ldm-1", PLACE + 1, 0x44332211, ldmia r1, {r0, r3}

case "alignment/rotate/ldr-thumb"
        readable
        setr    1, PLACE + 2
        attempt 1f + 1
        expect_done
        expect_cap R0, 0x22114433
        endcase
        .thumb
1:      ldr     r0, [r1]
        done_thumb
        .arm

case "alignment/rotate/last-word-of-page-stays-inside"
        set_l1  VA(0), COARSE_TABLE(0, 5)
        set_coarse 0, VA(0), SMALL(FRAME(0), AP_FULL)
        poke    FRAME(0) + 0xffc, 0x44332211
        setr    1, VA(0) + 0xffe
        attempt 1f
        expect_done
        expect_cap R0, 0x22114433
        endcase
1:      ldr     r0, [r1]
        done

.macro truncated name, address, instruction:vararg
case "alignment/truncate/\name"
        readable
        setr    1, (\address)
        setr    2, 0xd00dfeed
        attempt 1f
        expect_done
        expect_word FRAME(0) + 0x3c, 0x03020100
        expect_word FRAME(0) + 0x40, 0xd00dfeed
        expect_word FRAME(0) + 0x44, 0x88776655
        endcase
1:      \instruction
        done
.endm
        truncated "str-1", PLACE + 1, str r2, [r1]
        truncated "str-2", PLACE + 2, str r2, [r1]
        truncated "str-3", PLACE + 3, str r2, [r1]
        truncated "swp-2", PLACE + 2, swp r0, r2, [r1]
        truncated "stm-3", PLACE + 3, stmia r1, {r2}

case "alignment/truncate/ldm-writeback-keeps-low-bits"
        readable
        setr    1, PLACE + 2
        attempt 1f
        expect_done
        expect_cap R0, 0x44332211
        expect_cap R3, 0x88776655
        expect_cap R1, PLACE + 10
        endcase
1:      ldmia   r1!, {r0, r3}
        done
        .ltorg
