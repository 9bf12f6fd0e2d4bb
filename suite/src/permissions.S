/*
 * Access permissions: AP x S x R x privilege x kind of access, for every kind of mapping; sub-pages;
 * the unprivileged loads and stores. ARM920T manual, table of AP, S and R.
 */

#include "case.h"

        .text

/* Parameter of a matrix case. */
#define P_AP(ap)    (ap)
#define P_S         0x004
#define P_R         0x008
#define P_USER      0x010
#define P_READ      0x000
#define P_WRITE     0x020
#define P_FETCH     0x040
#define P_LDRT      0x060
#define P_STRT      0x080
#define P_ACCESS    0x0e0
#define P_KIND      0x700
#define P_SECTION   0x000
#define P_LARGE     0x100
#define P_SMALL     0x200
#define P_TINY      0x300
#define P_FAULT     0x800

.macro matrix_case kind, place, ap, sr, bits, who, access, fault
        .pushsection .names, "a"
.Lname\@:
        .asciz "permission/\kind/ap\ap-s\sr/\who-\access"
        .popsection
        .pushsection .cases, "a"
        .word .Lname\@, permission_case, 0, (\place) | P_AP(0b\ap) | (\bits) | (\fault)
        .popsection
.endm

/* One row of the manual's table: what privileged and User mode may do (none, ro, rw). */
.macro matrix_row kind, place, ap, sr, bits, privileged, user
        .irp what, none, ro, rw
        .ifc \what, \privileged
        matrix_who \kind, \place, \ap, \sr, \bits, privileged, \what
        .endif
        .ifc \what, \user
        matrix_who \kind, \place, \ap, \sr, (\bits) | P_USER, user, \what
        .endif
        .endr
.endm

.macro matrix_who kind, place, ap, sr, bits, who, what
        .ifc \what, none
        matrix_case \kind, \place, \ap, \sr, (\bits) | P_READ, \who, read, P_FAULT
        matrix_case \kind, \place, \ap, \sr, (\bits) | P_FETCH, \who, fetch, P_FAULT
        .else
        matrix_case \kind, \place, \ap, \sr, (\bits) | P_READ, \who, read, 0
        matrix_case \kind, \place, \ap, \sr, (\bits) | P_FETCH, \who, fetch, 0
        .endif
        .ifc \what, rw
        matrix_case \kind, \place, \ap, \sr, (\bits) | P_WRITE, \who, write, 0
        .else
        matrix_case \kind, \place, \ap, \sr, (\bits) | P_WRITE, \who, write, P_FAULT
        .endif
.endm

.macro matrix kind, place
        matrix_row \kind, \place, 00, 0-r0, 0, none, none
        matrix_row \kind, \place, 00, 1-r0, P_S, ro, none
        matrix_row \kind, \place, 00, 0-r1, P_R, ro, ro
        matrix_row \kind, \place, 01, 0-r0, 0, rw, none
        matrix_row \kind, \place, 01, 1-r0, P_S, rw, none
        matrix_row \kind, \place, 01, 0-r1, P_R, rw, none
        matrix_row \kind, \place, 10, 0-r0, 0, rw, ro
        matrix_row \kind, \place, 10, 1-r0, P_S, rw, ro
        matrix_row \kind, \place, 10, 0-r1, P_R, rw, ro
        matrix_row \kind, \place, 11, 0-r0, 0, rw, rw
        matrix_row \kind, \place, 11, 1-r0, P_S, rw, rw
        matrix_row \kind, \place, 11, 0-r1, P_R, rw, rw
.endm

        matrix  section, P_SECTION
        matrix  large-page, P_LARGE
        matrix  small-page, P_SMALL
        matrix  tiny-page, P_TINY

/* LDRT and STRT from Supervisor mode are checked like User mode. */
.macro matrix_unprivileged kind, place, ap, sr, bits, load, store
        matrix_case \kind, \place, \ap, \sr, (\bits) | P_LDRT, svc, ldrt, \load
        matrix_case \kind, \place, \ap, \sr, (\bits) | P_STRT, svc, strt, \store
.endm
.macro unprivileged kind, place
        matrix_unprivileged \kind, \place, 00, 0-r0, 0, P_FAULT, P_FAULT
        matrix_unprivileged \kind, \place, 00, 1-r0, P_S, P_FAULT, P_FAULT
        matrix_unprivileged \kind, \place, 00, 0-r1, P_R, 0, P_FAULT
        matrix_unprivileged \kind, \place, 01, 0-r0, 0, P_FAULT, P_FAULT
        matrix_unprivileged \kind, \place, 01, 1-r0, P_S, P_FAULT, P_FAULT
        matrix_unprivileged \kind, \place, 10, 0-r0, 0, 0, P_FAULT
        matrix_unprivileged \kind, \place, 10, 0-r1, P_R, 0, P_FAULT
        matrix_unprivileged \kind, \place, 11, 0-r0, 0, 0, 0
.endm
        unprivileged section, P_SECTION
        unprivileged small-page, P_SMALL

#define WHERE (VA(0) + 0x120)

/* The code of all matrix cases; r0 = parameter. Domain 5. */
permission_case:
        mov     r4, r0
        poke    FRAME(0) + 0x120, CODE_DONE
        and     r5, r4, #3              /* AP */
        mov     r6, r5, lsl #2
        orr     r6, r6, r5
        orr     r6, r6, r6, lsl #4      /* AP four times */
        ldr     r8, =P_KIND
        and     r7, r4, r8
        cmp     r7, #P_SECTION
        bne     1f
        ldr     r0, =SECTION(FRAME(0), 0, 5)
        orr     r0, r0, r5, lsl #10
        ldr     r1, =L1_TABLE + (VA(0) >> 18)
        str     r0, [r1]
        mov     r9, #FSR(5, PERMISSION_SECTION)
        b       5f
1:      mov     r9, #FSR(5, PERMISSION_PAGE)
        cmp     r7, #P_TINY
        beq     3f
        set_l1  VA(0), COARSE_TABLE(0, 5)
        cmp     r7, #P_LARGE
        bne     2f
        ldr     r1, =FRAME(0) | 1
        orr     r1, r1, r6, lsl #4
        ldr     r0, =COARSE(0)
        mov     r2, #16
        bl      fill_words
        b       5f
2:      ldr     r1, =FRAME(0) | 2
        orr     r1, r1, r6, lsl #4
        ldr     r0, =COARSE(0)
        str     r1, [r0]
        b       5f
3:      set_l1  VA(0), FINE_TABLE(0, 5)
        ldr     r1, =FRAME(0) | 3
        orr     r1, r1, r5, lsl #4
        ldr     r0, =FINE(0)
        str     r1, [r0]
5:      ldr     r0, =control_value
        ldr     r0, [r0]
        tst     r4, #P_S
        orrne   r0, r0, #C1_S
        tst     r4, #P_R
        orrne   r0, r0, #C1_R
        mcr     p15, 0, r0, c1, c0, 0
        nops
        setr    1, WHERE
        setr    2, 0xd00dfeed
        mov     r1, #PSR_SVC
        tst     r4, #P_USER
        movne   r1, #PSR_USR
        mov     r10, r1
        and     r7, r4, #P_ACCESS
        adr     r0, permission_targets
        ldr     r0, [r0, r7, lsr #3]
        mov     r11, r0
        bl      attempt_run

        cmp     r7, #P_FETCH
        beq     7f
        tst     r4, #P_FAULT
        beq     6f
        /* a data access that must fault */
        expect_cap KIND, DATA
        ldr     r3, =captures
        ldr     r1, [r3, #CAP_LR]
        add     r2, r11, #8
        compare
        ldr     r3, =captures
        ldr     r1, [r3, #CAP_FSR]
        mov     r2, r9
        compare
        expect_cap FAR, WHERE
        expect_registers_kept
        expect_word FRAME(0) + 0x120, CODE_DONE
        b       9f
6:      /* one that must pass */
        expect_done
        cmp     r7, #P_WRITE
        cmpne   r7, #P_STRT
        beq     8f
        expect_cap R0, CODE_DONE
        b       9f
8:      expect_word FRAME(0) + 0x120, 0xd00dfeed
        b       9f
7:      expect_cap LR, WHERE + 4
        ldr     r3, =captures
        ldr     r1, [r3, #CAP_KIND]
        tst     r4, #P_FAULT
        moveq   r2, #SWI
        movne   r2, #PREFETCH
        compare
        expect_cap FAR, FAR_BEFORE
9:      ldr     r3, =captures
        ldr     r1, [r3, #CAP_SPSR]
        and     r1, r1, #0xff
        mov     r2, r10
        compare
        endcase

permission_targets:
        .word   permission_read, permission_write, WHERE, permission_ldrt, permission_strt
permission_read:
        ldr     r0, [r1]
        done
permission_write:
        str     r2, [r1]
        done
permission_ldrt:
        ldrt    r0, [r1], #0
        done
permission_strt:
        strt    r2, [r1], #0
        done
        .ltorg

/* --- every privileged mode is privileged --------------------------------------------------------------- */

.macro privileged_mode mode, psr
case "permission/mode/\mode"
        set_l1  VA(0), SECTION(FRAME(0), AP_PRIV, 5)
        setr    1, WHERE
        attempt 1f, \psr
        expect_done
        endcase
1:      ldr     r0, [r1]
        str     r0, [r1]
        done
.endm
        privileged_mode sys, PSR_SYS
        privileged_mode svc, PSR_SVC
        privileged_mode abt, PSR_ABT
        privileged_mode und, PSR_UND
        privileged_mode irq, PSR_IRQ
        privileged_mode fiq, PSR_FIQ

/* What a privileged access has put into the TLB is checked again for User mode, and the other way. */
case "permission/mode/privileged-access-opens-nothing"
        set_l1  VA(0), SECTION(FRAME(0), AP_PRIV, 5)
        setr    1, WHERE
        attempt 1f, PSR_SVC
        expect_done
        attempt 1f
        expect_data_abort 1f, FSR(5, PERMISSION_SECTION), WHERE
        attempt 1f, PSR_SYS
        expect_done
        endcase
1:      ldr     r0, [r1]
        str     r0, [r1]
        done

case "permission/mode/privileged-write-opens-nothing"
        set_l1  VA(0), COARSE_TABLE(0, 5)
        set_coarse 0, VA(0), SMALL(FRAME(0), AP_UREAD)
        setr    1, WHERE
        attempt 1f, PSR_SVC
        expect_done
        attempt 1f
        expect_data_abort 1f + 4, FSR(5, PERMISSION_PAGE), WHERE
        endcase
1:      ldr     r0, [r1]
        str     r0, [r1]
        done

case "permission/mode/privileged-fetch-opens-nothing"
        set_l1  VA(0), SECTION(FRAME(0), AP_PRIV, 5)
        poke    FRAME(0), CODE_DONE
        attempt VA(0), PSR_SVC
        expect_exception SWI, VA(0) + 4, PSR_SVC
        attempt VA(0)
        expect_prefetch_abort VA(0)
        attempt VA(0), PSR_SVC
        expect_exception SWI, VA(0) + 4, PSR_SVC
        endcase

case "permission/mode/ldr-opens-nothing-for-ldrt"
        set_l1  VA(0), SECTION(FRAME(0), AP_PRIV, 5)
        setr    1, WHERE
        attempt 1f, PSR_SVC
        expect_data_abort 1f + 4, FSR(5, PERMISSION_SECTION), WHERE, PSR_SVC
        endcase
1:      ldr     r0, [r1]
        ldrt    r0, [r1], #4
        done

case "permission/mode/read-opens-nothing-for-write"
        set_l1  VA(0), SECTION(FRAME(0), AP_UREAD, 5)
        poke    FRAME(0) + 0x120, 0x01d01d01
        setr    1, WHERE
        attempt 1f
        expect_data_abort 1f + 4, FSR(5, PERMISSION_SECTION), WHERE
        expect_word FRAME(0) + 0x120, 0x01d01d01
        endcase
1:      ldr     r0, [r1]
        strb    r1, [r1]
        done

.macro unprivileged_form name, instruction:vararg
case "permission/unprivileged/\name"
        set_l1  VA(0), SECTION(FRAME(0), AP_PRIV, 5)
        setr    1, WHERE
        setr    2, 4
        attempt 1f, PSR_SYS
        expect_data_abort 1f, FSR(5, PERMISSION_SECTION), WHERE, PSR_SYS
        expect_registers_kept
        endcase
1:      \instruction
        done
.endm
        unprivileged_form "ldrt-immediate", ldrt r0, [r1], #4
        unprivileged_form "ldrt-register", ldrt r0, [r1], r2
        unprivileged_form "ldrbt-immediate", ldrbt r0, [r1], #1
        unprivileged_form "ldrbt-register", ldrbt r0, [r1], -r2, lsl #1
        unprivileged_form "strt-immediate", strt r0, [r1], #4
        unprivileged_form "strt-register", strt r0, [r1], r2
        unprivileged_form "strbt-immediate", strbt r0, [r1], #1
        unprivileged_form "strbt-register", strbt r0, [r1], r2

case "permission/unprivileged/next-access-is-privileged-again"
        set_l1  VA(0), SECTION(FRAME(0), AP_PRIV, 5)
        set_l1  VA(1), SECTION(FRAME(1), AP_FULL, 5)
        poke    FRAME(0) + 0x120, 0x600dda7a
        setr    1, WHERE
        setr    2, VA(1)
        attempt 1f, PSR_SVC
        expect_done
        expect_cap R0, 0x600dda7a
        endcase
1:      ldrt    r3, [r2], #4
        ldr     r0, [r1]
        strt    r3, [r2], #4
        str     r0, [r1]
        done

case "permission/unprivileged/ldm-user-bank-is-privileged"
        set_l1  VA(0), SECTION(FRAME(0), AP_PRIV, 5)
        poke    FRAME(0) + 0x120, 0x600dda7a
        setr    1, WHERE
        attempt 1f, PSR_SVC
        expect_done
        expect_cap R0, 0x600dda7a
        endcase
1:      ldmia   r1, {r0, sp, lr}^
        nop
        stmia   r1, {r0, sp, lr}^
        done

/* --- sub-pages: APs 0 (none), 1 (privileged), 2 (User reads), 3 (all) from the lowest quarter up ----------- */

.macro subpage_tables_small
        set_l1  VA(0), COARSE_TABLE(0, 5)
        set_coarse 0, VA(0), (FRAME(0) | APS(0, 1, 2, 3) | 2)
.endm
.macro subpage_tables_large
        set_l1  VA(0), COARSE_TABLE(0, 5)
        set_large 0, VA(0), (FRAME(0) | APS(0, 1, 2, 3) | 1)
.endm
.macro subpage_tables_small_in_fine
        set_l1  VA(0), FINE_TABLE(0, 5)
        repeat_entry FINE(0), (FRAME(0) | APS(0, 1, 2, 3) | 2), 4
.endm
.macro subpage_tables_large_in_fine
        set_l1  VA(0), FINE_TABLE(0, 5)
        repeat_entry FINE(0), (FRAME(0) | APS(0, 1, 2, 3) | 1), 64
.endm

.macro subpage_pass kind, who, psr, access, quarter, end, offset, instruction:vararg
case "permission/subpage/\kind/\who-\access-\quarter-\end"
        subpage_tables_\kind
        poke    FRAME(0) + (\offset), 0x600dda7a
        setr    1, VA(0) + (\offset)
        setr    0, 0x600dda7a
        attempt 1f, \psr
        expect_done
        expect_cap R0, 0x600dda7a
        endcase
1:      \instruction
        done
.endm
.macro subpage_fault kind, who, psr, access, quarter, end, offset, instruction:vararg
case "permission/subpage/\kind/\who-\access-\quarter-\end"
        subpage_tables_\kind
        setr    1, VA(0) + (\offset)
        attempt 1f, \psr
        expect_data_abort 1f, FSR(5, PERMISSION_PAGE), VA(0) + (\offset), \psr
        expect_registers_kept
        endcase
1:      \instruction
        done
.endm

.macro subpage_cases kind, size
        subpage_fault \kind, svc, PSR_SVC, read, 0, first, 0, ldr r0, [r1]
        subpage_fault \kind, svc, PSR_SVC, read, 0, last, \size - 4, ldr r0, [r1]
        subpage_pass \kind, svc, PSR_SVC, write, 1, first, \size, str r0, [r1]
        subpage_fault \kind, user, PSR_USR, read, 1, first, \size, ldr r0, [r1]
        subpage_fault \kind, user, PSR_USR, read, 1, last, 2 * \size - 4, ldr r0, [r1]
        subpage_pass \kind, user, PSR_USR, read, 2, first, 2 * \size, ldr r0, [r1]
        subpage_fault \kind, user, PSR_USR, write, 2, first, 2 * \size, str r0, [r1]
        subpage_fault \kind, user, PSR_USR, write, 2, last, 3 * \size - 4, str r0, [r1]
        subpage_pass \kind, user, PSR_USR, write, 3, first, 3 * \size, str r0, [r1]
        subpage_pass \kind, user, PSR_USR, write, 3, last, 4 * \size - 4, str r0, [r1]
.endm
        subpage_cases small, 0x400
        subpage_cases large, 0x4000
        subpage_cases small_in_fine, 0x400
        subpage_cases large_in_fine, 0x4000

case "permission/subpage/ldm-crosses-into-closed-quarter"
        set_l1  VA(0), COARSE_TABLE(0, 5)
        set_coarse 0, VA(0), (FRAME(0) | APS(3, 1, 3, 3) | 2)
        setr    1, VA(0) + 0x3fc
        attempt 1f
        expect_data_abort 1f, FSR(5, PERMISSION_PAGE), VA(0) + 0x400
        expect_cap R1, VA(0) + 0x3fc
        expect_cap R3, 0xa0a0a003
        endcase
1:      ldmia   r1!, {r0, r3}
        done

case "permission/subpage/fetch-runs-into-closed-quarter"
        set_l1  VA(0), COARSE_TABLE(0, 5)
        set_coarse 0, VA(0), (FRAME(0) | APS(3, 1, 3, 3) | 2)
        poke    FRAME(0) + 0x3fc, 0xe3a00007
        attempt VA(0) + 0x3fc
        expect_prefetch_abort VA(0) + 0x400
        expect_cap R0, 7
        endcase

/* --- S and R act at the access, TLB or not -------------------------------------------------------------------- */

case "permission/control/s-takes-effect-without-invalidation"
        set_l1  VA(0), SECTION(FRAME(0), AP_SR, 5)
        setr    1, WHERE
        control C1_S
        attempt 1f, PSR_SVC
        expect_done
        control 0
        attempt 1f, PSR_SVC
        expect_data_abort 1f, FSR(5, PERMISSION_SECTION), WHERE, PSR_SVC
        control C1_S
        attempt 1f, PSR_SVC
        expect_done
        endcase
1:      ldr     r0, [r1]
        done

case "permission/control/r-takes-effect-without-invalidation"
        set_l1  VA(0), SECTION(FRAME(0), AP_SR, 5)
        setr    1, WHERE
        control C1_R
        attempt 1f
        expect_done
        control C1_S
        attempt 1f
        expect_data_abort 1f, FSR(5, PERMISSION_SECTION), WHERE
        control C1_R
        attempt 1f
        expect_done
        endcase
1:      ldr     r0, [r1]
        done

case "permission/control/r-takes-effect-on-fetch"
        set_l1  VA(0), SECTION(FRAME(0), AP_SR, 5)
        poke    FRAME(0), CODE_DONE
        control C1_R
        attempt VA(0)
        expect_done
        control 0
        attempt VA(0)
        expect_prefetch_abort VA(0)
        endcase
        .ltorg
