/*
 * The compute guest on a bare Cortex-M0+: the same as bare_start.S in Thumb code. The debugger's calls
 * are breakpoints. Who starts it sets PC to its first instruction.
 */
        .syntax unified
        .section .vectors, "ax", %progbits
        .thumb
        .global vectors
        .thumb_func
vectors:
        ldr     r0, =stack_end
        mov     sp, r0
        ldr     r0, =bss_start
        ldr     r1, =bss_end
        movs    r2, #0
        b       2f
1:      stmia   r0!, {r2}
2:      cmp     r0, r1
        blo     1b
        bl      main
        b       bare_exit

        .global bare_call
        .thumb_func
        .type   bare_call, %function
bare_call:                              @ r0 = operation, r1 = argument
        bkpt    0xab
        bx      lr
        .size   bare_call, . - bare_call

        .global bare_exit
        .thumb_func
        .type   bare_exit, %function
bare_exit:
        movs    r0, #0x18               @ report exception: application exit
        ldr     r1, =0x20026
        bkpt    0xab
        b       bare_exit
        .size   bare_exit, . - bare_exit
        .ltorg
