/*
 * The compute guest on a bare machine: reset entry, and output and exit by the debugger's calls
 * (semihosting), which QEMU answers on every board. Supervisor mode, no MMU, no interrupts.
 */
        .section .vectors, "ax", %progbits
        .arm
        .global vectors
vectors:
        ldr     sp, =stack_end
        ldr     r0, =bss_start
        ldr     r1, =bss_end
        mov     r2, #0
1:      cmp     r0, r1
        strlo   r2, [r0], #4
        blo     1b
        bl      main
        b       bare_exit

        .global bare_call
        .type   bare_call, %function
bare_call:                              @ r0 = operation, r1 = argument
        push    {lr}                    @ supervisor mode: SWI writes lr
        swi     0x123456
        pop     {pc}
        .size   bare_call, . - bare_call

        .global bare_exit
        .type   bare_exit, %function
bare_exit:
        mov     r0, #0x18               @ report exception: application exit
        ldr     r1, =0x20026
        swi     0x123456
        b       bare_exit
        .size   bare_exit, . - bare_exit
        .ltorg
