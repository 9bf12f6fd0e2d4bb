/*
 * Samsung S3C2440A with SDRAM in bank 6 (Mini2440 and the like, and Understudy's emulated board):
 * ARM920T, the core the expectations are written for. Flash is at 0.
 */

#define BOARD_NAME "s3c2440"
#define RAM_BASE   0x30000000

/* An address that may answer with an external abort (nothing is selected there); the suite tries it
   before it runs the cases that need one. */
#define BOARD_ABORT 0x60000000

#define INTC       0x4a000000
#define UART0      0x50000000
#define PWM        0x51000000

.macro board_devices
        .word   INTC, UART0, PWM
.endm

.macro board_init
        ldr     r0, =UART0
        mov     r1, #3
        str     r1, [r0, #0x00]         /* ULCON0: 8N1 */
        mov     r1, #5
        str     r1, [r0, #0x04]         /* UCON0: polled */
        mov     r1, #0
        str     r1, [r0, #0x08]         /* UFCON0: no FIFO */
#ifndef UBRDIV
        str     r1, [r0, #0x28]         /* UBRDIV0: as fast as it goes */
#else
        mov     r1, #UBRDIV
        str     r1, [r0, #0x28]
#endif
        ldr     r0, =INTC
        mvn     r1, #0
        str     r1, [r0, #0x08]         /* INTMSK */
.endm

/* Sends the character in r0; may use r1 and r2. */
.macro board_putc
        ldr     r1, =UART0
1:      ldr     r2, [r1, #0x10]
        tst     r2, #2
        beq     1b
        strb    r0, [r1, #0x20]
.endm

/* Nothing to stop a board with: whoever runs it waits for the last line. */
.macro board_stop
.endm

/* INT_TIMER4 (14) as IRQ and INT_TIMER3 (13) as FIQ, by one run of the timer. */
#define BOARD_HAS_IRQ
.macro timer_raise source, count, update, start, mode
        ldr     r0, =PWM
        mov     r1, #1
        str     r1, [r0, #\count]
        ldr     r2, [r0, #0x08]         /* TCON */
        orr     r1, r2, #\update
        str     r1, [r0, #0x08]
        orr     r1, r2, #\start
        str     r1, [r0, #0x08]
        ldr     r0, =INTC
1:      ldr     r1, [r0]                /* SRCPND */
        tst     r1, #(1 << \source)
        beq     1b
        mov     r1, #(1 << 13)
        str     r1, [r0, #0x04]         /* INTMOD: timer 3 is FIQ */
        ldr     r1, [r0, #0x08]
        bic     r1, r1, #(1 << \source)
        str     r1, [r0, #0x08]
.endm

.macro board_irq_raise
        timer_raise 14, 0x3c, 0x200000, 0x100000, 0
.endm

.macro board_fiq_raise
        timer_raise 13, 0x30, 0x20000, 0x10000, 1
.endm

.macro board_irq_clear
        ldr     r0, =PWM
        mov     r1, #0
        str     r1, [r0, #0x08]
        ldr     r0, =INTC
        mvn     r1, #0
        str     r1, [r0, #0x08]
        mov     r1, #0x6000
        str     r1, [r0, #0x00]
        str     r1, [r0, #0x10]         /* INTPND */
.endm
