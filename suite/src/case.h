/*
 * The vocabulary of the cases.
 *
 * A case is a subroutine in Supervisor mode with the MMU on, caches off, all domains client, TLBs
 * empty, and nothing mapped but the suite itself. It may use r0-r11; the macros below use r0-r3.
 *
 *   case "area/name", flags, parameter    opens a case (r0 = parameter)
 *   attempt target, psr                   runs the snippet at target with CPSR = psr and the
 *                                         registers of setr, until an exception ends it
 *   expect register, value                fails the case unless equal
 *   endcase                               passes the case
 *
 * A snippet that gets through ends with `done`, a SWI. The handler records r0-r14, LR, SPSR, CPSR,
 * the vector, FSR, IFSR and FAR in a capture; `hook n, label` makes the n-th exception of the next
 * attempt continue at label, in the exception's mode with all registers as they were, instead of
 * ending it.
 */

#include BOARD_FILE
#include "layout.h"

        .syntax unified
        .arch armv4t
        .arm

        .equ CAP_R0, 0x00
        .equ CAP_R1, 0x04
        .equ CAP_R2, 0x08
        .equ CAP_R3, 0x0c
        .equ CAP_R4, 0x10
        .equ CAP_R5, 0x14
        .equ CAP_R6, 0x18
        .equ CAP_R7, 0x1c
        .equ CAP_R8, 0x20
        .equ CAP_R9, 0x24
        .equ CAP_R10, 0x28
        .equ CAP_R11, 0x2c
        .equ CAP_R12, 0x30
        .equ CAP_R13, 0x34
        .equ CAP_R14, 0x38
        .equ CAP_LR, 0x3c
        .equ CAP_SPSR, 0x40
        .equ CAP_CPSR, 0x44
        .equ CAP_KIND, 0x48
        .equ CAP_BASE, 0x4c
        .equ CAP_FSR, 0x50
        .equ CAP_IFSR, 0x54
        .equ CAP_FAR, 0x58
        .equ CAP_SIZE, 0x5c
        .equ CAPTURES, 4

/* --- framing ----------------------------------------------------------------------------------- */

.macro case name, flags=0, param=0
        .ltorg
        .pushsection .names, "a"
.Lname\@:
        .asciz "\name"
        .popsection
        .pushsection .cases, "a"
        .word .Lname\@, .Lcase\@, (\flags), (\param)
        .popsection
.Lcase\@:
.endm

.macro endcase
        b       case_passed
.endm

.macro done
        swi     0xd0ed
.endm

.macro done_thumb
        swi     0xed
        .balign 4
.endm

/* --- expectations: a failure reports how many the case has met, this one included ------------------ */

/* r1 = found, r2 = expected */
.macro compare
        bl      compare_words
.endm

.macro expect register, value
        mov     r1, \register
        bl      expect_value
        .word   \value
.endm

.macro expect_masked register, mask, value
        mov     r1, \register
        bl      expect_masked_value
        .word   \mask, \value
.endm

.macro expect_cap field, value, n=0
        bl      expect_captured
        .word   \n * CAP_SIZE + CAP_\field, \value
.endm

.macro expect_cap_masked field, mask, value, n=0
        bl      expect_masked_captured
        .word   \n * CAP_SIZE + CAP_\field, \mask, \value
.endm

.macro expect_word address, value
        bl      expect_memory
        .word   \address, \value
.endm

/* The n-th exception: which vector, return address, saved status. */
.macro expect_exception kind, lr, psr, n=0
        expect_cap KIND, \kind, \n
        expect_cap LR, \lr, \n
        expect_cap_masked SPSR, PSR_BITS, \psr, \n
.endm

/* A data abort of the instruction at `at`; the domain field counts only where it is valid. */
.macro expect_data_abort at, fsr, far, psr=PSR_USR, n=0
        expect_exception DATA, \at + 8, \psr, \n
        .if (\fsr) == ALIGNMENT
        expect_cap_masked FSR, 0xd, ALIGNMENT, \n
        .elseif ((\fsr) & 0xf) == TRANSLATION_SECTION
        expect_cap_masked FSR, 0xf, TRANSLATION_SECTION, \n
        .else
        expect_cap FSR, \fsr, \n
        .endif
        expect_cap FAR, \far, \n
.endm

/* A prefetch abort of the instruction at `at`; the data side's registers must not have moved. */
.macro expect_prefetch_abort at, psr=PSR_USR, n=0
        expect_exception PREFETCH, \at + 4, \psr, \n
        expect_cap FSR, FSR_BEFORE, \n
        expect_cap FAR, FAR_BEFORE, \n
.endm

/* The snippet reached its `done` without an exception. */
.macro expect_done n=0
        expect_cap KIND, SWI, \n
.endm

/* r0-r12 as setr left them. */
.macro expect_registers_kept n=0
        bl      expect_registers
        .word   \n * CAP_SIZE
.endm

/* --- attempts ------------------------------------------------------------------------------------ */

.macro setr n, value
        poke    registers + \n * 4, \value
.endm

.macro hook n, label
        poke    hooks + \n * 4, \label
.endm

.macro attempt target, psr=PSR_USR
        bl      attempt_words
        .word   \target, \psr
.endm

/* --- memory and tables --------------------------------------------------------------------------- */

.macro poke address, value
        bl      poke_words
        .word   \address, \value
.endm

.macro peek register, address
        ldr     r0, =(\address)
        ldr     \register, [r0]
.endm

.macro set_l1 va, descriptor
        poke    L1_TABLE + (((\va) >> 18) & 0x3ffc), \descriptor
.endm

/* Second-level entries; `n` is the number of the table. */
.macro set_coarse n, va, descriptor
        poke    COARSE(\n) + (((\va) >> 10) & 0x3fc), \descriptor
.endm

.macro set_fine n, va, descriptor
        poke    FINE(\n) + (((\va) >> 8) & 0xffc), \descriptor
.endm

/* A descriptor repeated, as large pages (16 or 64 times) and small pages in fine tables (4) ask for. */
.macro repeat_entry address, descriptor, count
        ldr     r0, =(\address)
        ldr     r1, =(\descriptor)
        mov     r2, #\count
        bl      fill_words
.endm

.macro set_large n, va, descriptor
        repeat_entry COARSE(\n) + (((\va) >> 10) & 0x3c0), (\descriptor), 16
.endm

/* In a hook, where lr is the return address: the same stores, and r0-r7 brought back at the end. */
.macro hook_poke address, value
        ldr     r0, =(\address)
        ldr     r1, =(\value)
        str     r1, [r0]
.endm

.macro hook_set_l1 va, descriptor
        hook_poke L1_TABLE + (((\va) >> 18) & 0x3ffc), \descriptor
.endm

.macro hook_set_coarse n, va, descriptor
        hook_poke COARSE(\n) + (((\va) >> 10) & 0x3fc), \descriptor
.endm

.macro hook_registers
        ldmia   sp, {r0-r7}
.endm

/* --- system control ------------------------------------------------------------------------------ */

.macro nops
        nop
        nop
        nop
        nop
.endm

/* c1 = the suite's usual value with these bits set in addition. */
.macro control bits
        ldr     r0, =control_value
        ldr     r0, [r0]
        ldr     r1, =(\bits)
        orr     r0, r0, r1
        mcr     p15, 0, r0, c1, c0, 0
        nops
.endm

.macro domains value
        ldr     r0, =(\value)
        mcr     p15, 0, r0, c3, c0, 0
        nops
.endm

.macro process_id n
        ldr     r0, =(\n) << 25
        mcr     p15, 0, r0, c13, c0, 0
        nops
.endm

.macro invalidate_tlbs
        mov     r0, #0
        mcr     p15, 0, r0, c8, c7, 0
        nops
.endm

.macro invalidate_dtlb
        mov     r0, #0
        mcr     p15, 0, r0, c8, c6, 0
        nops
.endm

.macro invalidate_itlb
        mov     r0, #0
        mcr     p15, 0, r0, c8, c5, 0
        nops
.endm

.macro invalidate_dtlb_entry mva
        ldr     r0, =(\mva)
        mcr     p15, 0, r0, c8, c6, 1
        nops
.endm

.macro invalidate_itlb_entry mva
        ldr     r0, =(\mva)
        mcr     p15, 0, r0, c8, c5, 1
        nops
.endm

.macro drain
        mov     r0, #0
        mcr     p15, 0, r0, c7, c10, 4
.endm

/* Calls the code at an address; its r0 comes back. */
.macro call address
        ldr     r3, =(\address)
        bl      call_r3
.endm

/* Puts "mov r0, #n; mov pc, lr" at an address. */
.macro poke_code address, n
        poke    (\address), 0xe3a00000 | (\n)
        poke    (\address) + 4, 0xe1a0f00e
.endm

#define CODE_DONE 0xef00d0ed
