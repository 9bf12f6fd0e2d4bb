/*
 * The monitor's hand-written routines, as a monitor of machine code would have them. The emulated one
 * acts in their place (core/paths.ts) and is charged what these cost: `bench calibrate` executes them on
 * the timed core, in the state in which the monitor is entered, and compares cycles, memory and
 * registers.
 *
 * r13_svc holds the address of the context to be saved in, so that an entry begins with one STM; bit 4
 * of it tells kernel mode from task mode. r13_irq holds the address of the global record, r13_abt and
 * r13_und that of a short stack.
 *
 * What is not the usual case goes to `compiled`: there a monitor would call C.
 */
#include "monitor.h"

/* First way of the data cache that a copy goes through. */
#define COPY_WAY 8

        .arm
        .text

/* The user registers and what the exception has put into lr and SPSR. */
        .macro  restore
        ldmdb   sp, {r1, lr}                    @ CPSR, PC
        bic     r1, r1, #0xdf                   @ a damaged context can't raise privilege
        orr     r1, r1, #USER_CPSR
        msr     spsr_cxsf, r1
        ldmia   sp, {r0-r14}^
        nop                                     @ no banked register right after it
        ldr     sp, [sp, #CONTEXT_NEXT]
        movs    pc, lr
        .endm

        .global vector
vector:
        b       compiled                        @ 00 reset
        b       compiled                        @ 04 undefined instruction
        b       which_mode                      @ 08 SWI
        b       prefetch_abort                  @ 0c prefetch abort
        b       abort_entry                     @ 10 data abort
        b       compiled                        @ 14
        b       save_irq                        @ 18 IRQ
        b       compiled                        @ 1c FIQ

/* SWI. In task mode a kernel call: the task's context is saved. */
        .global which_mode
which_mode:
        tst     sp, #CONTEXT_KERNEL
        bne     hypercall
        .global save_call
save_call:
        stmia   sp, {r0-r14}^
        cmp     r12, #63
        mrs     r4, spsr
        stmdb   sp, {r4, lr}

/* The guest's kernel is entered, if the call's kind is neutral. r0-r3 and r12 are the task's. */
        .global kernel_call
kernel_call:
        mov     r5, #GLOBAL
        ldr     r6, [r5, #GLOBAL_CURRENT]
        mov     r9, #USER_CPSR
        addls   r7, r6, r12
        ldrlsb  r7, [r7, #VM_CALL_KINDS]
        ldr     r8, [r6, #VM_CUR_UNIT]
        ldr     r10, [r6, #VM_INFO]
        cmpls   r7, #0
        tsteq   r4, #0x0f
        bne     compiled                        @ journalled, a number above 63, not User mode
        ldr     r11, [r8, #UNIT_TASK]
        ldr     r7, [r8, #UNIT_DACR_KERNEL]
        ldr     lr, [r6, #VM_VECTORS]
        str     r11, [r10, #INFO_CUR_TASK]
        str     sp, [r8, #UNIT_SLOT]
        add     sp, r6, #VM_KERNEL_CONTEXT
        ldmib   r6, {r13, r14}^                 @ KERNEL_SP, KERNEL_LR
        mcr     p15, 0, r7, c3, c0, 0
        msr     spsr_cxsf, r9
        add     lr, lr, #8
        movs    pc, lr

/* SWI in kernel mode. */
        .global hypercall
hypercall:
        cmp     r12, #HC_DISPATCH
        bne     compiled
        mrs     r3, spsr
        tst     r3, #0x0f
        bne     compiled                        @ not User mode

/*
 * HC_DISPATCH(r0 = task, r1 = result, r2 = flags). FAST is above every EPOCH when the VM has something
 * else to be looked at, EPOCH is below FAST when the task has. On an error r1, r2 and r4-r11 are kept.
 */
        .global dispatch
dispatch:
        cmp     r0, #25
        add     r3, sp, r0, lsl #9
        ldrls   r12, [r3, #UNIT_TASKS - VM_KERNEL_CONTEXT]!     @ EPOCH
        ldrls   r0, [sp, #VM_FAST - VM_KERNEL_CONTEXT]
        cmpls   r2, #1
        cmpls   r0, r12
        bhi     compiled
        ldr     r7, [sp, #VM_CUR_UNIT - VM_KERNEL_CONTEXT]
        ldr     r9, [r3, #UNIT_DACR_TASK]
        mov     r8, #GLOBAL
        ldr     r8, [r8, #GLOBAL_NOW]
        cmp     r7, r3
        str     r3, [sp, #VM_CUR_UNIT - VM_KERNEL_CONTEXT]
        ldrne   r10, [sp, #VM_TASK_SWITCHES - VM_KERNEL_CONTEXT]
        ldr     r11, [r7, #UNIT_DUE]
        addne   r10, r10, #1
        strne   r10, [sp, #VM_TASK_SWITCHES - VM_KERNEL_CONTEXT]
        cmpne   r8, r11
        bhi     task_due
        .global dispatched
dispatched:
        tst     r2, #DISPATCH_RESULT
        ldr     sp, [r3, #UNIT_SLOT]
        mcr     p15, 0, r9, c3, c0, 0
        strne   r1, [sp]
        .global restore_task
restore_task:
        restore

/* The task that leaves owes a checkpoint: it is declared, the image with which it goes on is closed. */
        .global task_due
task_due:
        tst     r8, #EAGER
        bne     compiled
        mov     r10, #DACR_MONITOR
        str     r10, [r7, #UNIT_DACR_TASK]
        str     r8, [r7, #UNIT_DUE]
        tst     r2, #DISPATCH_RESULT
        ldr     sp, [r3, #UNIT_SLOT]
        mcr     p15, 0, r9, c3, c0, 0
        strne   r1, [sp]
        .global restore_due
restore_due:
        restore

/* IRQ: who runs is saved, and the mode is SVC from here on. */
        .global save_irq
save_irq:
        sub     lr, lr, #4
        str     lr, [sp, #GLOBAL_ENTRY_PC]
        mrs     lr, spsr
        str     lr, [sp, #GLOBAL_ENTRY_CPSR]
        msr     cpsr_c, #0xd3
        stmia   sp, {r0-r14}^
        mov     r5, #GLOBAL
        ldmia   r5, {r1, r2}                    @ ENTRY_CPSR, ENTRY_PC
        stmdb   sp, {r1, r2}

/* The interrupt controller: r7 = source. The timer's tick and the UART are for C. */
        .global acknowledge
acknowledge:
        mov     r6, #INTC
        ldr     r7, [r6, #INTC_INTOFFSET]
        mov     r8, #1
        mov     r8, r8, lsl r7
        str     r8, [r6, #INTC_SRCPND]
        str     r8, [r6, #INTC_INTPND]
        b       compiled                        @ the tick, the UART

/* The current VM leaves, the first of the active set enters. r5 = GLOBAL. */
        .global switch_vm
switch_vm:
        ldr     r6, [r5, #GLOBAL_CURRENT]
        ldr     r8, [r5, #GLOBAL_ACTIVE]
        ldr     r7, [r5, #GLOBAL_NOW]
        ldr     r9, [r6, #VM_DUE]
        ldr     r10, [r8, #RUN_SET_GROUPS]
        add     r11, r5, #GLOBAL_LOWEST
        cmp     r7, r9
        ldrb    r10, [r11, r10]                 @ the group
        bhi     cut_due
        mrc     p15, 0, r9, c3, c0, 0
        .global choose
choose:
        add     r8, r8, r10
        ldrb    r4, [r8, #RUN_SET_BYTES]
        str     sp, [r6, #VM_SLOT]
        add     r10, r5, r10, lsl #5
        ldrb    r4, [r11, r4]                   @ the VM in its group
        add     r10, r10, #VM_TABLE - GLOBAL
        ldr     r3, [r5, #GLOBAL_DOMAIN_EPOCH]
        ldr     r7, [r10, r4, lsl #2]
        str     r9, [r6, #VM_DACR]
        cmp     r7, r6
        beq     compiled                        @ the same one
        .global enter
enter:
        ldr     r0, [r7, #VM_FAST]
        ldr     r12, [r7, #VM_PID]
        ldr     r4, [r7, #VM_DACR]
        ldr     r1, [r7, #VM_SWITCHES]
        cmp     r0, r3
        bne     compiled                        @ nobody, or something to be looked at
        ldr     sp, [r7, #VM_SLOT]
        mcr     p15, 0, r12, c13, c0, 0
        str     r7, [r5, #GLOBAL_CURRENT]
        add     r1, r1, #1
        mcr     p15, 0, r4, c3, c0, 0
        str     r1, [r7, #VM_SWITCHES]
        .global restore_vm
restore_vm:
        restore

/* The VM that leaves owes a cut: it is declared, the VM goes on with nothing open. */
        .global cut_due
cut_due:
        mov     r9, #DACR_MONITOR
        tst     r7, #EAGER
        bne     compiled
        str     r9, [r6, #VM_CUT_DUE]           @ CUT_DUE_DECLARED
        str     r7, [r6, #VM_DUE]
        b       choose

/* Back to the VM that was interrupted. r5 = GLOBAL. */
        .global resume
resume:
        ldr     r6, [r5, #GLOBAL_CURRENT]
        ldr     r3, [r5, #GLOBAL_DOMAIN_EPOCH]
        ldr     r0, [r6, #VM_FAST]
        cmp     r0, r3                          @ one cycle late
        bne     compiled
        .global restore_resume
restore_resume:
        restore

/* An abort: what C may change is kept on the stack of the mode. */
        .global abort_entry
abort_entry:
        sub     lr, lr, #8
        stmdb   sp!, {r0-r3, r12, lr}
        mrs     r0, spsr
        str     r0, [sp, #-4]!
aborted:
        bl      compiled
        .global abort_return
abort_return:
        ldr     r0, [sp], #4
        msr     spsr_cxsf, r0                   @ one cycle late
        ldmia   sp!, {r0-r3, r12, pc}^

prefetch_abort:
        sub     lr, lr, #4
        stmdb   sp!, {r0-r3, r12, lr}
        mrs     r0, spsr
        str     r0, [sp, #-4]!
        b       aborted

/* Here a monitor would go on in C. */
        .global compiled
compiled:
        b       compiled

/* ---- called from C ------------------------------------------------------------------------- */

/* Writes the first-level word of a piece: r0 = VM, r1 = unit, r2 = piece. */
        .global install_piece
install_piece:
        ldr     r3, [r0, #VM_ID]
        ldr     r12, [r2, #PIECE_VA]
        ldr     r1, [r1, #UNIT_DOMAIN]
        ldr     r2, [r2, #PIECE_A_TABLE]
        add     r3, r3, #SLOT_PID
        mov     r3, r3, lsl #7                  @ 32 words a slot
        add     r3, r3, r12, lsr #18
        add     r3, r3, #MASTER & 0xff000000
        add     r3, r3, #MASTER & 0x00ff0000
        orr     r2, r2, r1, lsl #5
        orr     r2, r2, #0x11
        str     r2, [r3]
        mov     pc, lr

/* Descriptors that were written come into force. */
        .global publish
publish:
        mcr     p15, 0, r0, c7, c10, 4          @ drain
        mcr     p15, 0, r0, c8, c6, 0           @ data TLB
        mov     pc, lr

/*
 * The spare takes the place of the active table in each piece of a unit, whose pages are clean from now
 * on: r0 = VM, r1 = unit. This is what a checkpoint of cow does to the tables.
 */
        .global protect
protect:
        stmdb   sp!, {r4-r7, lr}
        mov     r4, r0
        mov     r5, r1
        ldr     r6, [r0, #VM_PIECES]
        ldr     r2, [r1, #UNIT_FIRST_PIECE]
        ldr     r7, [r1, #UNIT_PIECE_COUNT]
        add     r6, r6, r2, lsl #5
1:      ldr     r0, [r6, #PIECE_A_TABLE]
        ldr     r1, [r6, #PIECE_C_TABLE]
        str     r0, [r6, #PIECE_C_TABLE]
        str     r1, [r6, #PIECE_A_TABLE]
        mov     r0, r4
        mov     r1, r5
        mov     r2, r6
        bl      install_piece
        add     r6, r6, #PIECE_SIZE
        subs    r7, r7, #1
        bne     1b
        ldr     r0, [r5, #UNIT_DIRTY_HEAD]
        mov     r1, #0
        str     r1, [r5, #UNIT_DIRTY_HEAD]
        str     r0, [r5, #UNIT_REPAIR_HEAD]
        ldmia   sp!, {r4-r7, lr}
        b       publish

/*
 * Copies a page: r0 = where the guest has it (it may be read there: tried with its permission), r1 =
 * frame. An eighth of the data cache is kept out of it (c9): what is used all the time stays there.
 *
 * Eight lines come first, one after the other; a fill waits for the write buffer. Then they go out of the
 * cache, a line each 40 cycles, which is what the buffer takes for one: the LDMs whose words are not used
 * let it go on until the next STM finds room for a whole burst.
 */
        .global page_copy
page_copy:
        stmdb   sp!, {r4-r11, lr}
        ldrt    r3, [r0], #0
        mov     r2, #COPY_WAY << 26
        mcr     p15, 0, r2, c9, c0, 0           @ what may be displaced
1:      ldmia   r0!, {r3-r10}
        ldr     r11, [r0]
        ldr     r11, [r0, #32]
        ldr     r11, [r0, #64]
        ldr     r11, [r0, #96]
        ldr     r11, [r0, #128]
        ldr     r11, [r0, #160]
        ldr     r11, [r0, #192]
        mov     r2, #7
2:      stmia   r1!, {r3-r10}
        ldmia   r0, {r3-r10}
        ldmia   r0, {r3-r10}
        ldmia   r0, {r3-r4}
        ldmia   r0!, {r3-r10}
        subs    r2, r2, #1
        bne     2b
        movs    r2, r0, lsl #20                 @ the end of the page
        stmia   r1!, {r3-r10}
        bne     1b
        mov     r3, #0
        mov     r2, #COPY_WAY << 26
        mcr     p15, 0, r3, c9, c0, 0
        mcr     p15, 0, r2, c9, c1, 0           @ the next victim is outside that eighth
        ldmia   sp!, {r4-r11, pc}

/* Copies a frame: r0 = from, r1 = to. */
        .global frame_copy
frame_copy:
        stmdb   sp!, {r4-r10, lr}
        mov     r2, #4096 / 32
1:      ldmia   r0!, {r3-r10}
        subs    r2, r2, #1
        stmia   r1!, {r3-r10}
        bne     1b
        ldmia   sp!, {r4-r10, pc}

/* Copies a frame to where a guest has its page, with its permission: r0 = frame, r1 = page. */
        .global page_restore
page_restore:
        stmdb   sp!, {r4-r10, lr}
        mov     r2, #4096 / 32
1:      ldmia   r0!, {r3-r10}
        subs    r2, r2, #1
        strt    r3, [r1], #4
        strt    r4, [r1], #4
        strt    r5, [r1], #4
        strt    r6, [r1], #4
        strt    r7, [r1], #4
        strt    r8, [r1], #4
        strt    r9, [r1], #4
        strt    r10, [r1], #4
        bne     1b
        ldmia   sp!, {r4-r10, pc}

/* A line at r0 in both caches: an operation on that of data, the other is dropped. */
        .macro  line crm
        mcr     p15, 0, r0, c7, \crm, 1
        mcr     p15, 0, r0, c7, c5, 1
        add     r0, r0, #32
        .endm

/* Drops the lines of a page from both caches, without cleaning: r0 = its address. */
        .global discard_lines
discard_lines:
        mov     r1, #4096 / 128
1:
        .rept   3
        line    c6
        .endr
        subs    r1, r1, #1
        line    c6
        bne     1b
        mov     pc, lr

/* Cleans the lines of a page and drops them from both caches: r0 = its address. */
        .global flush_lines
flush_lines:
        mov     r1, #4096 / 128
1:
        .rept   3
        line    c14
        .endr
        subs    r1, r1, #1
        line    c14
        bne     1b
        mov     pc, lr

/* Cleans and drops the whole data cache: 8 segments of 64 lines. */
        .global flush_cache
flush_cache:
        mov     r0, #7 << 5
1:      mcr     p15, 0, r0, c7, c14, 2
        add     r0, r0, #1 << 26
        mcr     p15, 0, r0, c7, c14, 2
        add     r0, r0, #1 << 26
        mcr     p15, 0, r0, c7, c14, 2
        add     r0, r0, #1 << 26
        mcr     p15, 0, r0, c7, c14, 2
        adds    r0, r0, #1 << 26
        bcc     1b
        subs    r0, r0, #1 << 5
        bcs     1b
        mov     pc, lr

/* Fills a page with 0: r0 = its address. */
        .global page_clear
page_clear:
        stmdb   sp!, {r4-r9, lr}
        mov     r1, #4096 / 32
        mov     r2, #0
        mov     r3, #0
        mov     r4, #0
        mov     r5, #0
        mov     r6, #0
        mov     r7, #0
        mov     r8, #0
        mov     r9, #0
1:      subs    r1, r1, #1
        stmia   r0!, {r2-r9}
        bne     1b
        ldmia   sp!, {r4-r9, pc}

        .end
