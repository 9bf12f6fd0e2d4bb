/*
 * The native exception vectors and what is between them and C.
 *
 * While a task runs, sp of the supervisor and the IRQ mode point to its context: on entry its
 * registers are stored there without any other register being touched. The kernel has one stack,
 * and is on it from the first instruction of C to the return to a task; nothing returns here.
 */
        .equ    SVC_MODE, 0xd3          @ interrupts masked
        .equ    IRQ_MODE, 0xd2
        .equ    ABT_MODE, 0xd7
        .equ    UND_MODE, 0xdb
        .equ    PC, 60                  @ in struct port_context
        .equ    CPSR, 64

        .section .vectors, "ax", %progbits
        .arm
        .global vectors
        .type   vectors, %function
vectors:
        b       reset                   @ 00
        b       undefined               @ 04
        b       call                    @ 08
        b       prefetch_abort          @ 0c
        b       data_abort              @ 10
        b       unexpected              @ 14
        b       irq                     @ 18
unexpected:                             @ 1c FIQ
        mov     r0, #0x1c
        mov     r1, #0
        b       fault
        .size   vectors, . - vectors

        .type   reset, %function
reset:
        msr     cpsr_c, #ABT_MODE       @ stacks for faults only
        ldr     sp, =kernel_stack_end
        msr     cpsr_c, #UND_MODE
        ldr     sp, =kernel_stack_end
        msr     cpsr_c, #SVC_MODE
        bl      board_memory            @ uses no memory
        ldr     sp, =kernel_stack_end
        ldr     r0, =kernel_load
        ldr     r1, =kernel_data_start
        ldr     r2, =kernel_bss_start
        ldr     r3, =kernel_bss_end
1:      cmp     r1, r2                  @ data from flash
        ldrlo   r4, [r0], #4
        strlo   r4, [r1], #4
        blo     1b
        mov     r4, #0
2:      cmp     r1, r3                  @ the rest is 0
        strlo   r4, [r1], #4
        blo     2b
        ldr     r1, =shared_start
        ldr     r3, =shared_end
3:      cmp     r1, r3
        strlo   r4, [r1], #4
        blo     3b
        b       os_start
        .size   reset, . - reset

        .type   call, %function
call:                                   @ r0-r3 = arguments, r12 = number
        stmia   sp, {r0-r14}^
        nop                             @ no banked register right after
        str     lr, [sp, #PC]
        mrs     lr, spsr
        str     lr, [sp, #CPSR]
        ldr     sp, =kernel_stack_end
        str     r12, [sp, #-8]!         @ the fifth argument
        bl      os_enter_call
        .size   call, . - call

        .type   irq, %function
irq:
        stmia   sp, {r0-r14}^
        nop
        sub     lr, lr, #4
        str     lr, [sp, #PC]
        mrs     lr, spsr
        str     lr, [sp, #CPSR]
        msr     cpsr_c, #SVC_MODE
        ldr     sp, =kernel_stack_end
        bl      port_enter_irq
        .size   irq, . - irq

        .global port_resume
        .type   port_resume, %function
port_resume:                            @ r0 = context, r1 = wait for an interrupt first
        mov     r2, #0
        cmp     r1, #0
        mcrne   p15, 0, r2, c7, c0, 4   @ wakes for a masked one
        msr     cpsr_c, #IRQ_MODE
        mov     sp, r0
        msr     cpsr_c, #SVC_MODE
        mov     sp, r0
        ldr     lr, [sp, #PC]
        ldr     r1, [sp, #CPSR]
        msr     spsr_cxsf, r1
        ldmia   sp, {r0-r14}^
        nop
        movs    pc, lr
        .size   port_resume, . - port_resume

undefined:
        mov     r0, #0x04
        sub     r1, lr, #4
        b       fault
prefetch_abort:
        mov     r0, #0x0c
        sub     r1, lr, #4
        b       fault
data_abort:
        mov     r0, #0x10
        sub     r1, lr, #8
fault:
        ldr     sp, =kernel_stack_end
        bl      port_fault
        .ltorg
