/*
 * ARM Versatile/PB as QEMU models it (`-M versatilepb`): ARM926EJ-S, ARMv5TEJ with an MMU that uses
 * the same tables. RAM starts at 0 (so the vectors with the MMU off are RAM); the suite lives above
 * 32 MB.
 */

#define BOARD_NAME "versatilepb"
#define RAM_BASE   0x04000000

#define SYSREG     0x10000000
#define VIC        0x10140000
#define UART0      0x101f1000   /* PL011 */

.macro board_devices
        .word   0x10000000, 0x10100000
.endm

.macro board_init
.endm

/* Sends the character in r0; may use r1 and r2. */
.macro board_putc
        ldr     r1, =UART0
1:      ldr     r2, [r1, #0x18]
        tst     r2, #0x20
        bne     1b
        strb    r0, [r1]
.endm

/* Board reset, which ends QEMU under -no-reboot. */
.macro board_stop
        ldr     r0, =SYSREG
        ldr     r1, =0xa05f
        str     r1, [r0, #0x20]         /* SYS_LOCK */
        mov     r1, #0x104
        str     r1, [r0, #0x40]         /* SYS_RESETCTL */
.endm

/* Sources 1 (IRQ) and 2 (FIQ), raised by the controller's software interrupt register. */
#define BOARD_HAS_IRQ
.macro board_irq_raise
        ldr     r0, =VIC
        mov     r1, #4
        str     r1, [r0, #0x0c]         /* VICINTSELECT: source 2 is FIQ */
        mov     r1, #2
        str     r1, [r0, #0x10]         /* VICINTENABLE */
        str     r1, [r0, #0x18]         /* VICSOFTINT */
.endm

.macro board_fiq_raise
        ldr     r0, =VIC
        mov     r1, #4
        str     r1, [r0, #0x0c]
        str     r1, [r0, #0x10]
        str     r1, [r0, #0x18]
.endm

.macro board_irq_clear
        ldr     r0, =VIC
        mov     r1, #6
        str     r1, [r0, #0x1c]         /* VICSOFTINTCLEAR */
        str     r1, [r0, #0x14]         /* VICINTENCLEAR */
.endm
