/*
 * CP15 registers: identification, what reads back, what does not, and MRC into the flags. Values are
 * those of the ARM920T.
 */

#include "case.h"

        .text

/* --- c0 ------------------------------------------------------------------------------------------------- */

case "cp15/c0/id"
        mrc     p15, 0, r4, c0, c0, 0
        expect  r4, 0x41129200
        endcase

case "cp15/c0/architecture-and-part"
        mrc     p15, 0, r4, c0, c0, 0
        expect_masked r4, 0xfffffff0, 0x41129200
        endcase

case "cp15/c0/cache-type"
        mrc     p15, 0, r4, c0, c0, 1
        expect  r4, 0x0d172172
        endcase

.macro id_alias n
case "cp15/c0/opcode-\n-is-the-id"
        mrc     p15, 0, r5, c0, c0, 0
        mrc     p15, 0, r4, c0, c0, \n
        mov     r1, r4
        mov     r2, r5
        compare
        endcase
.endm
        .irp    n, 2, 3, 4, 5, 6, 7
        id_alias \n
        .endr

/* --- c1 ------------------------------------------------------------------------------------------------- */

case "cp15/c1/reset"
        peek    r4, reset_control
        expect_masked r4, 0xc0007fff, 0x78
        endcase

case "cp15/c1/reset-all-off"
        peek    r4, reset_control
        expect_masked r4, C1_M | C1_A | C1_C | C1_S | C1_R | C1_I | C1_V, 0
        endcase

.macro control_bit name, bit
case "cp15/c1/\name"
        control \bit
        mrc     p15, 0, r4, c1, c0, 0
        control 0
        mrc     p15, 0, r5, c1, c0, 0
        expect_masked r4, \bit, \bit
        expect_masked r5, \bit, 0
        endcase
.endm
        control_bit "alignment", C1_A
        control_bit "data-cache", C1_C
        control_bit "system-protection", C1_S
        control_bit "rom-protection", C1_R
        control_bit "instruction-cache", C1_I
        control_bit "vectors", C1_V
        control_bit "round-robin", C1_RR

case "cp15/c1/all-at-once"
        control C1_A | C1_S | C1_V | C1_RR
        mrc     p15, 0, r4, c1, c0, 0
        control 0
        expect_masked r4, 0x7fff, 0x78 | C1_M | C1_A | C1_S | C1_V | C1_RR
        endcase

case "cp15/c1/bits-6-to-3-read-as-one"
        ldr     r3, =control_value
        ldr     r3, [r3]
        bic     r2, r3, #0x78
        mcr     p15, 0, r2, c1, c0, 0
        nops
        mrc     p15, 0, r4, c1, c0, 0
        mcr     p15, 0, r3, c1, c0, 0
        nops
        expect_masked r4, 0x78, 0x78
        endcase

case "cp15/c1/mmu-bit"
        mrc     p15, 0, r4, c1, c0, 0
        ldr     r3, =control_off
        ldr     r2, [r3]
        mcr     p15, 0, r2, c1, c0, 0
        nops
        mrc     p15, 0, r5, c1, c0, 0
        control 0
        expect_masked r4, C1_M, C1_M
        expect_masked r5, C1_M, 0
        endcase

/* --- c2, c3, c5, c6 ----------------------------------------------------------------------------------------- */

case "cp15/c2/table-base"
        bl      copy_l1
        ldr     r0, =L1_OTHER
        mcr     p15, 0, r0, c2, c0, 0
        nops
        mrc     p15, 0, r4, c2, c0, 0
        ldr     r0, =L1_TABLE
        mcr     p15, 0, r0, c2, c0, 0
        nops
        mrc     p15, 0, r5, c2, c0, 0
        expect_masked r4, 0xffffc000, L1_OTHER
        expect_masked r5, 0xffffc000, L1_TABLE
        endcase

.macro domain_value value
case "cp15/c3/\value"
        domains \value
        mrc     p15, 0, r4, c3, c0, 0
        expect  r4, \value
        endcase
.endm
        domain_value 0x00000001
        domain_value 0xffffffff
        domain_value 0x12345679
        domain_value 0xdcba4325

.macro status_value value
case "cp15/c5/data-status-\value"
        ldr     r0, =(\value)
        mcr     p15, 0, r0, c5, c0, 0
        mrc     p15, 0, r4, c5, c0, 0
        expect_masked r4, 0xff, \value
        endcase
case "cp15/c5/prefetch-status-\value"
        ldr     r0, =(\value)
        mcr     p15, 0, r0, c5, c0, 1
        mrc     p15, 0, r4, c5, c0, 1
        expect_masked r4, 0xff, \value
        endcase
.endm
        status_value 0x00
        status_value 0x5a
        status_value 0xf5

case "cp15/c5/statuses-are-separate"
        mov     r0, #0x35
        mov     r3, #0x7b
        mcr     p15, 0, r0, c5, c0, 0
        mcr     p15, 0, r3, c5, c0, 1
        mrc     p15, 0, r4, c5, c0, 0
        mrc     p15, 0, r5, c5, c0, 1
        expect_masked r4, 0xff, 0x35
        expect_masked r5, 0xff, 0x7b
        endcase

.macro address_value value
case "cp15/c6/\value"
        ldr     r0, =(\value)
        mcr     p15, 0, r0, c6, c0, 0
        mrc     p15, 0, r4, c6, c0, 0
        expect  r4, \value
        endcase
.endm
        address_value 0x00000000
        address_value 0xffffffff
        address_value 0x12345678

/* --- c9, c10 -------------------------------------------------------------------------------------------------- */

case "cp15/c9/data-lockdown-base"
        ldr     r0, =7 << 26
        mcr     p15, 0, r0, c9, c0, 0
        mrc     p15, 0, r4, c9, c0, 0
        mov     r0, #0
        mcr     p15, 0, r0, c9, c0, 0
        mrc     p15, 0, r5, c9, c0, 0
        expect_masked r4, 0xfc000000, 7 << 26
        expect_masked r5, 0xfc000000, 0
        endcase

case "cp15/c9/instruction-lockdown-base"
        ldr     r0, =63 << 26
        mcr     p15, 0, r0, c9, c0, 1
        mrc     p15, 0, r4, c9, c0, 1
        mrc     p15, 0, r5, c9, c0, 0
        mov     r0, #0
        mcr     p15, 0, r0, c9, c0, 1
        expect_masked r4, 0xfc000000, 63 << 26
        expect_masked r5, 0xfc000000, 0
        endcase

case "cp15/c10/data-lockdown"
        ldr     r0, =0x0c500001
        mcr     p15, 0, r0, c10, c0, 0
        mrc     p15, 0, r4, c10, c0, 0
        mov     r0, #0
        mcr     p15, 0, r0, c10, c0, 0
        expect_masked r4, 0xfff00001, 0x0c500001
        endcase

case "cp15/c10/instruction-lockdown"
        ldr     r0, =0x4bf00000
        mcr     p15, 0, r0, c10, c0, 1
        mrc     p15, 0, r4, c10, c0, 1
        mov     r0, #0
        mcr     p15, 0, r0, c10, c0, 1
        expect_masked r4, 0xfff00001, 0x4bf00000
        endcase

case "cp15/c10/sides-are-separate"
        ldr     r0, =0x0c500001
        mcr     p15, 0, r0, c10, c0, 0
        ldr     r0, =0x14700000
        mcr     p15, 0, r0, c10, c0, 1
        mrc     p15, 0, r4, c10, c0, 0
        mrc     p15, 0, r5, c10, c0, 1
        mov     r0, #0
        mcr     p15, 0, r0, c10, c0, 0
        mcr     p15, 0, r0, c10, c0, 1
        expect_masked r4, 0xfff00001, 0x0c500001
        expect_masked r5, 0xfff00001, 0x14700000
        endcase

/* --- MRC to r15: the flags take bits 31:28 ----------------------------------------------------------------------- */

.macro flags_case name, value, flags
case "cp15/mrc-flags/\name"
        ldr     r0, =(\value)
        mcr     p15, 0, r0, c6, c0, 0
        nops
        msr     cpsr_f, #((\flags) ^ 0xf0000000)
        mrc     p15, 0, apsr_nzcv, c6, c0, 0
        mrs     r4, cpsr
        expect_masked r4, 0xf00000ff, (\flags) | PSR_SVC
        endcase
.endm
        flags_case "none", 0x0fffffff, 0
        flags_case "n", 0x80000000, 0x80000000
        flags_case "z", 0x40000000, 0x40000000
        flags_case "c", 0x2fffffff, 0x20000000
        flags_case "v", 0x10000000, 0x10000000
        flags_case "nzcv", 0xf0000000, 0xf0000000

case "cp15/condition/mcr-not-executed"
        mov     r0, #0
        cmp     r0, #0
        mvn     r0, #0
        mcrne   p15, 0, r0, c6, c0, 0
        mcreq   p15, 0, r0, c5, c0, 0
        mrc     p15, 0, r4, c6, c0, 0
        mrc     p15, 0, r5, c5, c0, 0
        mov     r6, #0
        cmp     r4, r0
        moveq   r6, #1
        expect  r6, 0
        expect_masked r5, 0xff, 0xff
        endcase

/* --- maintenance operations that the ARM920T has must at least be accepted ------------------------------------------ */

.macro operation name, m, op, value
case "cp15/operation/\name"
        setr    0, \value
        attempt 1f, PSR_SVC
        expect_exception SWI, 1f + 8, PSR_SVC
        expect_registers_kept
        endcase
1:      mcr     p15, 0, r0, \m, \op
        done
.endm
        operation "c7-invalidate-both", "c7, c7", 0, 0
        operation "c7-invalidate-instruction", "c7, c5", 0, 0
        operation "c7-invalidate-instruction-line", "c7, c5", 1, FRAME(0)
        operation "c7-prefetch-instruction-line", "c7, c13", 1, FRAME(0)
        operation "c7-invalidate-data", "c7, c6", 0, 0
        operation "c7-invalidate-data-line", "c7, c6", 1, FRAME(0)
        operation "c7-clean-data-line", "c7, c10", 1, FRAME(0)
        operation "c7-clean-data-index", "c7, c10", 2, 0xfc0000e0
        operation "c7-clean-and-invalidate-line", "c7, c14", 1, FRAME(0)
        operation "c7-clean-and-invalidate-index", "c7, c14", 2, 0xfc0000e0
        operation "c7-drain-write-buffer", "c7, c10", 4, 0
        operation "c8-invalidate-both", "c8, c7", 0, 0
        operation "c8-invalidate-instruction", "c8, c5", 0, 0
        operation "c8-invalidate-instruction-entry", "c8, c5", 1, FRAME(0)
        operation "c8-invalidate-data", "c8, c6", 0, 0
        operation "c8-invalidate-data-entry", "c8, c6", 1, FRAME(0)

case "cp15/operation/c7-wait-for-interrupt-ends-with-a-masked-one", NEEDS_IRQ
        board_irq_raise
        setr    0, 0
        attempt 1f, PSR_SVC
        expect_exception SWI, 1f + 8, PSR_SVC
        endcase
1:      mcr     p15, 0, r0, c7, c0, 4
        done
        .ltorg
