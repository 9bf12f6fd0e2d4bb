/*
 * Undefined instructions: encodings that ARMv4T leaves free, coprocessors that are not there, and
 * CP15 out of User mode. The ARM9TDMI takes the exception for all extension spaces.
 */

#include "case.h"

        .text

.macro undefined_arm name, word
case "undefined/arm/\name"
        setr    1, FRAME(0)
        setr    2, FRAME(0)
        attempt 1f, PSR_SYS
        expect_exception UNDEFINED, 1f + 4, PSR_SYS
        expect_registers_kept
        endcase
1:      .word   \word
        done
.endm

.macro undefined_thumb name, halfword
case "undefined/thumb/\name"
        attempt 1f + 1, PSR_SYS
        expect_exception UNDEFINED, 1f + 2, PSR_SYS | PSR_T
        expect_registers_kept
        endcase
        .thumb
1:      .hword  \halfword
        done_thumb
        .arm
.endm

/* bits 27:25 = 011, bit 4 = 1: undefined in every architecture that knows no media instructions */
        undefined_arm "register-offset-space-lowest", 0xe6000010
        undefined_arm "register-offset-space-highest", 0xe7ffffff
        undefined_arm "media-parallel-add", 0xe6110f12
        undefined_arm "media-reverse", 0xe6bf0f31
        undefined_arm "media-extend", 0xe6ef0071
        undefined_arm "media-bit-field", 0xe7e00051

/* arithmetic extension space: the free multiplications */
        undefined_arm "umaal", 0xe0410392
        undefined_arm "mls", 0xe0600392
        undefined_arm "multiply-space-5", 0xe0500392
        undefined_arm "multiply-space-7", 0xe0700392

/* control extension space */
        undefined_arm "clz", 0xe16f0f11
        undefined_arm "bkpt", 0xe1200070
        undefined_arm "blx-register", 0xe12fff31
        undefined_arm "bxj", 0xe12fff21
        undefined_arm "qadd", 0xe1010052
        undefined_arm "qdsub", 0xe1610052
        undefined_arm "smlabb", 0xe1000281
        undefined_arm "smulwb", 0xe12002a1
        undefined_arm "smlalbb", 0xe1410281
        undefined_arm "movw", 0xe3000001
        undefined_arm "movt", 0xe3400001

/* load/store extension space */
        undefined_arm "ldrd", 0xe1c200d0
        undefined_arm "strd", 0xe1c200f0
        undefined_arm "ldrd-register", 0xe18240d5
        undefined_arm "strex", 0xe1820f91
        undefined_arm "ldrex", 0xe1920f9f

/* coprocessor extension space */
        undefined_arm "mcrr", 0xec410f02
        undefined_arm "mrrc", 0xec510f02

case "undefined/arm/umaal-condition-fails"
        attempt 1f, PSR_SYS | 0x40000000
        expect_exception SWI, 1f + 8, PSR_SYS | 0x40000000
        endcase
1:      .word   0x10410392
        done

        undefined_thumb "permanently-undefined", 0xdeff
        undefined_thumb "bkpt", 0xbe00
        undefined_thumb "blx-register", 0x4788
        undefined_thumb "blx-suffix", 0xe800
        undefined_thumb "cps", 0xb672
        undefined_thumb "extend", 0xb2c8
        undefined_thumb "reverse", 0xba08
        undefined_thumb "cbz", 0xb100
        undefined_thumb "if-then", 0xbf08

/* --- absent coprocessors -------------------------------------------------------------------------- */

.macro absent number
case "undefined/coprocessor/p\number-mcr"
        attempt 1f, PSR_SYS
        expect_exception UNDEFINED, 1f + 4, PSR_SYS
        endcase
1:      mcr     p\number, 0, r0, c0, c0, 0
        done

case "undefined/coprocessor/p\number-mrc"
        attempt 1f, PSR_SYS
        expect_exception UNDEFINED, 1f + 4, PSR_SYS
        expect_registers_kept
        endcase
1:      mrc     p\number, 0, r0, c0, c0, 0
        done

case "undefined/coprocessor/p\number-cdp"
        attempt 1f, PSR_USR
        expect_exception UNDEFINED, 1f + 4, PSR_USR
        endcase
1:      cdp     p\number, 0, c0, c0, c0, 0
        done

case "undefined/coprocessor/p\number-ldc-writeback"
        setr    1, FRAME(0)
        attempt 1f, PSR_USR
        expect_exception UNDEFINED, 1f + 4, PSR_USR
        expect_registers_kept
        endcase
1:      ldc     p\number, c0, [r1, #4]!
        done

case "undefined/coprocessor/p\number-stc-writeback"
        setr    1, FRAME(0)
        poke    FRAME(0) + 4, 0x57c57c57
        attempt 1f, PSR_USR
        expect_exception UNDEFINED, 1f + 4, PSR_USR
        expect_registers_kept
        expect_word FRAME(0) + 4, 0x57c57c57
        endcase
1:      stc     p\number, c0, [r1, #4]!
        done
.endm

        absent  0
        absent  4
        absent  7
        absent  9
        absent  13

case "undefined/coprocessor/ldc-comes-before-its-data-abort"
        setr    1, VA(0)
        attempt 1f
        expect_exception UNDEFINED, 1f + 4, PSR_USR
        expect_cap FAR, FAR_BEFORE
        endcase
1:      ldc     p7, c0, [r1]
        done

case "undefined/coprocessor/condition-fails"
        attempt 1f, PSR_SYS | 0x40000000
        expect_exception SWI, 1f + 8, PSR_SYS | 0x40000000
        endcase
1:      cdpne   p7, 0, c0, c0, c0, 0
        done

/* --- CP15 ------------------------------------------------------------------------------------------- */

case "undefined/cp15/cdp"
        attempt 1f, PSR_SYS
        expect_exception UNDEFINED, 1f + 4, PSR_SYS
        endcase
1:      cdp     p15, 0, c0, c0, c0, 0
        done

case "undefined/cp15/ldc"
        setr    1, FRAME(0)
        attempt 1f, PSR_SYS
        expect_exception UNDEFINED, 1f + 4, PSR_SYS
        expect_registers_kept
        endcase
1:      ldc     p15, c0, [r1], #4
        done

case "undefined/cp15/stc"
        setr    1, FRAME(0)
        attempt 1f, PSR_SYS
        expect_exception UNDEFINED, 1f + 4, PSR_SYS
        expect_registers_kept
        endcase
1:      stc     p15, c0, [r1], #4
        done

.macro user_read name, n, m, op
case "undefined/cp15/user-reads-\name"
        attempt 1f
        expect_exception UNDEFINED, 1f + 4, PSR_USR
        expect_registers_kept
        endcase
1:      mrc     p15, 0, r0, c\n, c\m, \op
        done
.endm

.macro user_write name, n, m, op
case "undefined/cp15/user-writes-\name"
        setr    0, 0
        attempt 1f
        expect_exception UNDEFINED, 1f + 4, PSR_USR
        expect_registers_kept
        endcase
1:      mcr     p15, 0, r0, c\n, c\m, \op
        done
.endm

        user_read "c0-id", 0, 0, 0
        user_read "c0-cache-type", 0, 0, 1
        user_read "c1", 1, 0, 0
        user_read "c2", 2, 0, 0
        user_read "c3", 3, 0, 0
        user_read "c5", 5, 0, 0
        user_read "c6", 6, 0, 0
        user_read "c13", 13, 0, 0
        user_write "c2", 2, 0, 0
        user_write "c5", 5, 0, 0
        user_write "c6", 6, 0, 0
        user_write "c7-invalidate-caches", 7, 7, 0
        user_write "c7-drain-write-buffer", 7, 10, 4
        user_write "c8-invalidate-tlbs", 8, 7, 0

case "undefined/cp15/user-cannot-switch-the-mmu-off"
        mrc     p15, 0, r4, c1, c0, 0
        setr    0, 0x78
        attempt 1f
        expect_exception UNDEFINED, 1f + 4, PSR_USR
        mrc     p15, 0, r5, c1, c0, 0
        mov     r1, r5
        mov     r2, r4
        compare
        endcase
1:      mcr     p15, 0, r0, c1, c0, 0
        done

case "undefined/cp15/user-cannot-open-domains"
        setr    0, 0xffffffff
        attempt 1f
        expect_exception UNDEFINED, 1f + 4, PSR_USR
        mrc     p15, 0, r5, c3, c0, 0
        expect  r5, DACR_CLIENT
        endcase
1:      mcr     p15, 0, r0, c3, c0, 0
        done

case "undefined/cp15/user-cannot-change-pid"
        setr    0, 0x02000000
        attempt 1f
        expect_exception UNDEFINED, 1f + 4, PSR_USR
        mrc     p15, 0, r5, c13, c0, 0
        expect  r5, 0
        endcase
1:      mcr     p15, 0, r0, c13, c0, 0
        done

.macro privileged_read mode, psr
case "undefined/cp15/\mode-may-read"
        attempt 1f, \psr
        expect_done
        expect_cap R0, DACR_CLIENT
        endcase
1:      mrc     p15, 0, r0, c3, c0, 0
        done
.endm
        privileged_read sys, PSR_SYS
        privileged_read svc, PSR_SVC
        privileged_read abt, PSR_ABT
        privileged_read und, PSR_UND
        privileged_read irq, PSR_IRQ
        privileged_read fiq, PSR_FIQ
        .ltorg
