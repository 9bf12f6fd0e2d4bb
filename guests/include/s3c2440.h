/*
 * Registers of the S3C2440A: addresses, by the manual's names after the name of the device.
 *
 * Generated from core/s3c2440*.ts by `deno task headers`; not to be edited.
 */
#ifndef S3C2440_H
#define S3C2440_H

/* A register by its address. */
#define REG(address) (*(volatile unsigned int *)(address))

#define MEMC_BWSCON              0x48000000      /* bus width and wait status: ST, WS, DW of bank n in [4n+3:4n] */
#define MEMC_BANKCON0            0x48000004      /* Tacs [14:13] Tcos [12:11] Tacc [10:8] Tcoh [7:6] Tcah [5:4] Tacp [3:2] PMC [1:0] */
#define MEMC_BANKCON1            0x48000008      /* Tacs [14:13] Tcos [12:11] Tacc [10:8] Tcoh [7:6] Tcah [5:4] Tacp [3:2] PMC [1:0] */
#define MEMC_BANKCON2            0x4800000c      /* Tacs [14:13] Tcos [12:11] Tacc [10:8] Tcoh [7:6] Tcah [5:4] Tacp [3:2] PMC [1:0] */
#define MEMC_BANKCON3            0x48000010      /* Tacs [14:13] Tcos [12:11] Tacc [10:8] Tcoh [7:6] Tcah [5:4] Tacp [3:2] PMC [1:0] */
#define MEMC_BANKCON4            0x48000014      /* Tacs [14:13] Tcos [12:11] Tacc [10:8] Tcoh [7:6] Tcah [5:4] Tacp [3:2] PMC [1:0] */
#define MEMC_BANKCON5            0x48000018      /* Tacs [14:13] Tcos [12:11] Tacc [10:8] Tcoh [7:6] Tcah [5:4] Tacp [3:2] PMC [1:0] */
#define MEMC_BANKCON6            0x4800001c      /* memory type [16:15], 3 is SDRAM; then Trcd [3:2] SCAN [1:0] */
#define MEMC_BANKCON7            0x48000020      /* memory type [16:15], 3 is SDRAM; then Trcd [3:2] SCAN [1:0] */
#define MEMC_REFRESH             0x48000024      /* enable 23, self refresh 22, Trp [21:20], Tsrc [19:18], count [10:0] */
#define MEMC_BANKSIZE            0x48000028      /* burst 7, SCKE 5, SCLK 4, size of banks 6 and 7 [2:0] */
#define MEMC_MRSRB6              0x4800002c      /* SDRAM mode of bank 6 */
#define MEMC_MRSRB7              0x48000030      /* SDRAM mode of bank 7 */

#define INTC_SRCPND              0x4a000000      /* requests; write 1 clears */
#define INTC_INTMOD              0x4a000004      /* 1: the source is an FIQ */
#define INTC_INTMSK              0x4a000008      /* 1: the source is masked */
#define INTC_PRIORITY            0x4a00000c      /* ARB_MODE [6:0], ARB_SEL [20:7] */
#define INTC_INTPND              0x4a000010      /* the source being served, one bit; write 1 clears */
#define INTC_INTOFFSET           0x4a000014      /* number of the bit of INTPND */
#define INTC_SUBSRCPND           0x4a000018      /* requests of sub-sources; write 1 clears */
#define INTC_INTSUBMSK           0x4a00001c      /* 1: the sub-source is masked */

#define CLKPWR_LOCKTIME          0x4c000000      /* lock time: UPLL [31:16], MPLL [15:0] */
#define CLKPWR_MPLLCON           0x4c000004      /* MDIV [19:12] PDIV [9:4] SDIV [1:0] */
#define CLKPWR_UPLLCON           0x4c000008      /* MDIV [19:12] PDIV [9:4] SDIV [1:0] */
#define CLKPWR_CLKCON            0x4c00000c      /* clock gates [20:4], SLEEP 3, IDLE 2 */
#define CLKPWR_CLKSLOW           0x4c000010      /* UCLK off 7, MPLL off 5, SLOW 4, SLOW_VAL [2:0] */
#define CLKPWR_CLKDIVN           0x4c000014      /* DIVN_UPLL 3, HDIVN [2:1], PDIVN 0 */
#define CLKPWR_CAMDIVN           0x4c000018      /* DVS 12, HCLK4_HALF 9, HCLK3_HALF 8, CAM [4:0] */

#define UART0_ULCON              0x50000000      /* infrared 6, parity [5:3], stop bits 2, word length [1:0] */
#define UART0_UCON               0x50000004      /* modes, interrupt types and clock */
#define UART0_UFCON              0x50000008      /* Tx trigger [7:6], Rx trigger [5:4], Tx reset 2, Rx reset 1, FIFO 0 */
#define UART0_UMCON              0x5000000c      /* auto flow control 4, RTS 0 */
#define UART0_UTRSTAT            0x50000010      /* transmitter empty 2, Tx buffer empty 1, Rx data 0 */
#define UART0_UERSTAT            0x50000014      /* break 3, frame 2, parity 1, overrun 0; a read clears */
#define UART0_UFSTAT             0x50000018      /* Tx full 14, Tx count [13:8], Rx full 6, Rx count [5:0] */
#define UART0_UMSTAT             0x5000001c      /* delta CTS 4, CTS 0 */
#define UART0_UTXH               0x50000020      /* byte to send */
#define UART0_URXH               0x50000024      /* byte received */
#define UART0_UBRDIV             0x50000028      /* baud rate divisor - 1 */

#define UART1_ULCON              0x50004000      /* infrared 6, parity [5:3], stop bits 2, word length [1:0] */
#define UART1_UCON               0x50004004      /* modes, interrupt types and clock */
#define UART1_UFCON              0x50004008      /* Tx trigger [7:6], Rx trigger [5:4], Tx reset 2, Rx reset 1, FIFO 0 */
#define UART1_UMCON              0x5000400c      /* auto flow control 4, RTS 0 */
#define UART1_UTRSTAT            0x50004010      /* transmitter empty 2, Tx buffer empty 1, Rx data 0 */
#define UART1_UERSTAT            0x50004014      /* break 3, frame 2, parity 1, overrun 0; a read clears */
#define UART1_UFSTAT             0x50004018      /* Tx full 14, Tx count [13:8], Rx full 6, Rx count [5:0] */
#define UART1_UMSTAT             0x5000401c      /* delta CTS 4, CTS 0 */
#define UART1_UTXH               0x50004020      /* byte to send */
#define UART1_URXH               0x50004024      /* byte received */
#define UART1_UBRDIV             0x50004028      /* baud rate divisor - 1 */

#define UART2_ULCON              0x50008000      /* infrared 6, parity [5:3], stop bits 2, word length [1:0] */
#define UART2_UCON               0x50008004      /* modes, interrupt types and clock */
#define UART2_UFCON              0x50008008      /* Tx trigger [7:6], Rx trigger [5:4], Tx reset 2, Rx reset 1, FIFO 0 */
#define UART2_UTRSTAT            0x50008010      /* transmitter empty 2, Tx buffer empty 1, Rx data 0 */
#define UART2_UERSTAT            0x50008014      /* break 3, frame 2, parity 1, overrun 0; a read clears */
#define UART2_UFSTAT             0x50008018      /* Tx full 14, Tx count [13:8], Rx full 6, Rx count [5:0] */
#define UART2_UTXH               0x50008020      /* byte to send */
#define UART2_URXH               0x50008024      /* byte received */
#define UART2_UBRDIV             0x50008028      /* baud rate divisor - 1 */

#define PWM_TCFG0                0x51000000      /* dead zone [23:16], prescaler of timers 2-4 [15:8], of 0 and 1 [7:0] */
#define PWM_TCFG1                0x51000004      /* DMA timer [23:20], divider of timer n [4n+3:4n] */
#define PWM_TCON                 0x51000008      /* start, manual update, inverter, auto reload of each timer */
#define PWM_TCNTB0               0x5100000c      /* count buffer of timer 0 */
#define PWM_TCMPB0               0x51000010      /* compare buffer of timer 0 */
#define PWM_TCNTO0               0x51000014      /* count of timer 0 */
#define PWM_TCNTB1               0x51000018      /* count buffer of timer 1 */
#define PWM_TCMPB1               0x5100001c      /* compare buffer of timer 1 */
#define PWM_TCNTO1               0x51000020      /* count of timer 1 */
#define PWM_TCNTB2               0x51000024      /* count buffer of timer 2 */
#define PWM_TCMPB2               0x51000028      /* compare buffer of timer 2 */
#define PWM_TCNTO2               0x5100002c      /* count of timer 2 */
#define PWM_TCNTB3               0x51000030      /* count buffer of timer 3 */
#define PWM_TCMPB3               0x51000034      /* compare buffer of timer 3 */
#define PWM_TCNTO3               0x51000038      /* count of timer 3 */
#define PWM_TCNTB4               0x5100003c      /* count buffer of timer 4 */
#define PWM_TCNTO4               0x51000040      /* count of timer 4 */

#define WDT_WTCON                0x53000000      /* prescaler [15:8], enable 5, divider [4:3], interrupt 2, reset 0 */
#define WDT_WTDAT                0x53000004      /* reload value */
#define WDT_WTCNT                0x53000008      /* count */

#define GPIO_GPACON              0x56000000      /* mode of each pin */
#define GPIO_GPADAT              0x56000004      /* level of each pin */
#define GPIO_GPBCON              0x56000010      /* mode of each pin */
#define GPIO_GPBDAT              0x56000014      /* level of each pin */
#define GPIO_GPBUP               0x56000018      /* 1: pull-up off */
#define GPIO_GPCCON              0x56000020      /* mode of each pin */
#define GPIO_GPCDAT              0x56000024      /* level of each pin */
#define GPIO_GPCUP               0x56000028      /* 1: pull-up off */
#define GPIO_GPDCON              0x56000030      /* mode of each pin */
#define GPIO_GPDDAT              0x56000034      /* level of each pin */
#define GPIO_GPDUP               0x56000038      /* 1: pull-up off */
#define GPIO_GPECON              0x56000040      /* mode of each pin */
#define GPIO_GPEDAT              0x56000044      /* level of each pin */
#define GPIO_GPEUP               0x56000048      /* 1: pull-up off */
#define GPIO_GPFCON              0x56000050      /* mode of each pin */
#define GPIO_GPFDAT              0x56000054      /* level of each pin */
#define GPIO_GPFUP               0x56000058      /* 1: pull-up off */
#define GPIO_GPGCON              0x56000060      /* mode of each pin */
#define GPIO_GPGDAT              0x56000064      /* level of each pin */
#define GPIO_GPGUP               0x56000068      /* 1: pull-up off */
#define GPIO_GPHCON              0x56000070      /* mode of each pin */
#define GPIO_GPHDAT              0x56000074      /* level of each pin */
#define GPIO_GPHUP               0x56000078      /* 1: pull-up off */
#define GPIO_MISCCR              0x56000080      /* miscellaneous control */
#define GPIO_DCLKCON             0x56000084      /* DCLK0 and DCLK1 control */
#define GPIO_EXTINT0             0x56000088      /* signal of EINT0-7, 4 bits each */
#define GPIO_EXTINT1             0x5600008c      /* signal of EINT8-15 */
#define GPIO_EXTINT2             0x56000090      /* signal of EINT16-23 */
#define GPIO_EINTFLT0            0x56000094      /* reserved */
#define GPIO_EINTFLT1            0x56000098      /* reserved */
#define GPIO_EINTFLT2            0x5600009c      /* filter of EINT16-19 */
#define GPIO_EINTFLT3            0x560000a0      /* filter of EINT20-23 */
#define GPIO_EINTMASK            0x560000a4      /* 1: EINT4-23 masked */
#define GPIO_EINTPEND            0x560000a8      /* EINT4-23 pending; write 1 clears */
#define GPIO_GSTATUS0            0x560000ac      /* levels of nWAIT 3, NCON 2, RnB 1, nBATT_FLT 0 */
#define GPIO_GSTATUS1            0x560000b0      /* chip identification */
#define GPIO_GSTATUS2            0x560000b4      /* reset cause: watchdog 2, sleep 1, power on 0; write 1 clears */
#define GPIO_GSTATUS3            0x560000b8      /* kept over resets but power on */
#define GPIO_GSTATUS4            0x560000bc      /* kept over resets but power on */
#define GPIO_MSLCON              0x560000cc      /* memory sleep control */
#define GPIO_GPJCON              0x560000d0      /* mode of each pin */
#define GPIO_GPJDAT              0x560000d4      /* level of each pin */
#define GPIO_GPJUP               0x560000d8      /* 1: pull-up off */

#define RTC_RTCCON               0x57000040      /* CLKRST 3, CNTSEL 2, CLKSEL 1, RTCEN 0 */
#define RTC_TICNT                0x57000044      /* tick enable 7, period n + 1 of 1/128 s [6:0] */
#define RTC_RTCALM               0x57000050      /* enable 6, year 5, month 4, date 3, hour 2, minute 1, second 0 */
#define RTC_ALMSEC               0x57000054      /* alarm second */
#define RTC_ALMMIN               0x57000058      /* alarm minute */
#define RTC_ALMHOUR              0x5700005c      /* alarm hour */
#define RTC_ALMDATE              0x57000060      /* alarm day of the month */
#define RTC_ALMMON               0x57000064      /* alarm month */
#define RTC_ALMYEAR              0x57000068      /* alarm year */
#define RTC_RTCRST               0x5700006c      /* round reset */
#define RTC_BCDSEC               0x57000070      /* second */
#define RTC_BCDMIN               0x57000074      /* minute */
#define RTC_BCDHOUR              0x57000078      /* hour */
#define RTC_BCDDATE              0x5700007c      /* day of the month */
#define RTC_BCDDAY               0x57000080      /* day of the week, 1 Sunday */
#define RTC_BCDMON               0x57000084      /* month */
#define RTC_BCDYEAR              0x57000088      /* year of the century */

/* Interrupt sources: bits of SRCPND, INTMSK and INTPND. */
#define INT_EINT0                0
#define INT_EINT1                1
#define INT_EINT2                2
#define INT_EINT3                3
#define INT_EINT4_7              4
#define INT_EINT8_23             5
#define INT_CAM                  6
#define INT_nBATT_FLT            7
#define INT_TICK                 8
#define INT_WDT_AC97             9
#define INT_TIMER0               10
#define INT_TIMER1               11
#define INT_TIMER2               12
#define INT_TIMER3               13
#define INT_TIMER4               14
#define INT_UART2                15
#define INT_LCD                  16
#define INT_DMA0                 17
#define INT_DMA1                 18
#define INT_DMA2                 19
#define INT_DMA3                 20
#define INT_SDI                  21
#define INT_SPI0                 22
#define INT_UART1                23
#define INT_NFCON                24
#define INT_USBD                 25
#define INT_USBH                 26
#define INT_IIC                  27
#define INT_UART0                28
#define INT_SPI1                 29
#define INT_RTC                  30
#define INT_ADC                  31

/* Sub-sources: bits of SUBSRCPND and INTSUBMSK. */
#define SUB_RXD0                 0
#define SUB_TXD0                 1
#define SUB_ERR0                 2
#define SUB_RXD1                 3
#define SUB_TXD1                 4
#define SUB_ERR1                 5
#define SUB_RXD2                 6
#define SUB_TXD2                 7
#define SUB_ERR2                 8
#define SUB_TC                   9
#define SUB_ADC                  10
#define SUB_CAM_C                11
#define SUB_CAM_P                12
#define SUB_WDT                  13
#define SUB_AC97                 14

#endif
