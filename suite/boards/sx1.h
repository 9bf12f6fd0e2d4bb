/*
 * Siemens SX1 as QEMU models it (`-M sx1`): OMAP310, core TI925T, which is ARMv4T with an MMU.
 * Flash is at 0; QEMU's ELF loader puts the suite's vector segment into it.
 */

#define BOARD_NAME "sx1"
#define RAM_BASE   0x10000000

#define UART1      0xfffb0000   /* 16550 with registers 4 bytes apart */
#define INTH1      0xfffecb00   /* level 1 interrupt handler */
#define ARM_RSTCT1 0xfffece10

/* Sections mapped at VA = PA besides RAM; all devices used are in the last megabyte, which the suite
   maps by pages anyhow. */
.macro board_devices
.endm

.macro board_init
.endm

/* Sends the character in r0; may use r1 and r2. */
.macro board_putc
        ldr     r1, =UART1
1:      ldrb    r2, [r1, #0x14]
        tst     r2, #0x20
        beq     1b
        strb    r0, [r1]
.endm

/* Software reset, which ends QEMU under -no-reboot. */
.macro board_stop
        ldr     r0, =ARM_RSTCT1
        mov     r1, #9
        strh    r1, [r0]
.endm

/* Lines 1 (as IRQ) and 2 (as FIQ) of the handler, raised by its software interrupt register. */
#define BOARD_HAS_IRQ
.macro inth_raise line, fiq
        ldr     r0, =INTH1
        mvn     r1, #(1 << \line)
        ldr     r2, [r0, #0x04]         /* MIR: 1 masks */
        and     r1, r1, r2
        str     r1, [r0, #0x04]
        mov     r1, #(2 | \fiq)         /* ILR: level sensitive, IRQ or FIQ */
        str     r1, [r0, #(0x1c + 4 * \line)]
        mov     r1, #(1 << \line)
        str     r1, [r0, #0x9c]         /* SISR */
.endm

.macro board_irq_raise
        inth_raise 1, 0
.endm

.macro board_fiq_raise
        inth_raise 2, 1
.endm

.macro board_irq_clear
        ldr     r0, =INTH1
        mvn     r1, #0
        str     r1, [r0, #0x04]
        mov     r1, #0
        str     r1, [r0, #0x00]         /* ITR */
        mov     r1, #3
        str     r1, [r0, #0x18]         /* new IRQ and FIQ agreement */
.endm
