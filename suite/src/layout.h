/*
 * Address map of the suite. Everything is relative to RAM_BASE, which the board file gives and
 * which must be a multiple of 1 MB at or above 32 MB, so that the suite's own code is never moved by
 * the FCSE. 12 MB of RAM are used.
 *
 *   +0x000000  unused (16 KB)
 *   +0x004000  first-level table, and one to switch to at +0x008000
 *   +0x00c000  16 coarse second-level tables; the last two belong to the suite
 *   +0x010000  4 fine second-level tables
 *   +0x018000  vector pages: seen at 0, at 0xffff0000, and at 0 under a process identifier
 *   +0x020000  image, data, stack
 *   +0x100000  result table
 *   +0x400000  8 frames of 1 MB to map and to break
 *
 * The suite runs at VA = PA in domain 0 (client, AP = 11), uncached. Addresses VA(0) and up are free
 * for the cases.
 */

#define L1_TABLE     (RAM_BASE + 0x004000)
#define L1_OTHER     (RAM_BASE + 0x008000)
#define COARSE(n)    (RAM_BASE + 0x00c000 + (n) * 0x400)
#define COARSE_LOW   COARSE(14)
#define COARSE_HIGH  COARSE(15)
#define FINE(n)      (RAM_BASE + 0x010000 + (n) * 0x1000)
#define PAGE_LOW     (RAM_BASE + 0x018000)
#define PAGE_HIGH    (RAM_BASE + 0x019000)
#define PAGE_PID     (RAM_BASE + 0x01a000)
#define IMAGE        (RAM_BASE + 0x020000)
#define STACK_TOP    (RAM_BASE + 0x0fff00)
#define RESULTS      (RAM_BASE + 0x100000)
#define FRAME(n)     (RAM_BASE + 0x400000 + (n) * 0x100000)
#define HOME_MB      12

#define VA(n)        (0x70000000 + (n) * 0x100000)

/* Descriptors, ARM920T manual 3.4. */
#define SECTION(pa, ap, domain)   ((pa) | ((ap) << 10) | ((domain) << 5) | 0x12)
#define COARSE_TABLE(n, domain)   (COARSE(n) | ((domain) << 5) | 0x11)
#define FINE_TABLE(n, domain)     (FINE(n) | ((domain) << 5) | 0x13)
#define APS(a0, a1, a2, a3)       (((a0) << 4) | ((a1) << 6) | ((a2) << 8) | ((a3) << 10))
#define LARGE(pa, ap)             ((pa) | APS(ap, ap, ap, ap) | 1)
#define SMALL(pa, ap)             ((pa) | APS(ap, ap, ap, ap) | 2)
#define TINY(pa, ap)              ((pa) | ((ap) << 4) | 3)
#define WRITE_BACK                0xc
#define WRITE_THROUGH             0x8

/* Control register c1. */
#define C1_M   0x0001
#define C1_A   0x0002
#define C1_C   0x0004
#define C1_S   0x0100
#define C1_R   0x0200
#define C1_I   0x1000
#define C1_V   0x2000
#define C1_RR  0x4000

/* Program status registers: the mode with both interrupts masked. */
#define PSR_USR 0xd0
#define PSR_FIQ 0xd1
#define PSR_IRQ 0xd2
#define PSR_SVC 0xd3
#define PSR_ABT 0xd7
#define PSR_UND 0xdb
#define PSR_SYS 0xdf
#define PSR_I   0x80
#define PSR_F   0x40
#define PSR_T   0x20
#define PSR_BITS 0xf00000ff

/* Vector offsets, as captured in KIND. */
#define UNDEFINED 0x04
#define SWI       0x08
#define PREFETCH  0x0c
#define DATA      0x10
#define IRQ       0x18
#define FIQ       0x1c

/* Which vector page an exception came through, as captured in BASE. */
#define VECTORS_LOW   0x00000000
#define VECTORS_HIGH  0xffff0000
#define VECTORS_PID   0x00000001
#define VECTORS_PHYS  0x00000002

/* Fault status, bits 3:0. */
#define ALIGNMENT            0x1
#define TRANSLATION_SECTION  0x5
#define TRANSLATION_PAGE     0x7
#define EXTERNAL_SECTION     0x8
#define DOMAIN_SECTION       0x9
#define EXTERNAL_PAGE        0xa
#define DOMAIN_PAGE          0xb
#define PERMISSION_SECTION   0xd
#define PERMISSION_PAGE      0xf
#define FSR(domain, status)  (((domain) << 4) | (status))

/* What stands in the fault registers before each attempt; no fault of the suite produces it. */
#define FSR_BEFORE   0xa0
#define IFSR_BEFORE  0xb0
#define FAR_BEFORE   0x5ea15ea0

/* Domain access control: all domains client. */
#define DACR_CLIENT  0x55555555
#define DOMAIN_ACCESS(domain, access) ((DACR_CLIENT & ~(3 << ((domain) * 2))) | ((access) << ((domain) * 2)))
#define NO_ACCESS 0
#define CLIENT    1
#define RESERVED  2
#define MANAGER   3

/* Access permissions. */
#define AP_SR    0
#define AP_PRIV  1
#define AP_UREAD 2
#define AP_FULL  3

/* Flags of a case. A machine without the first group skips the case; the second group only informs. */
#define NEEDS_IRQ       0x0001
#define NEEDS_PHYSVEC   0x0002
#define NEEDS_EXTABORT  0x0004
#define NEEDS_DCACHE    0x0100
#define NEEDS_ICACHE    0x0200
#define NEEDS_TLB       0x0400

/* Result table: a header of 32 bytes, then 64 bytes a case. */
#define RESULT_MAGIC    0x544d4d55  /* "UMMT" */
#define RESULT_VERSION  1
#define RESULT_HEADER   32
#define RESULT_SIZE     64
#define PASSED   1
#define FAILED   2
#define SKIPPED  3

/* Check number reported when an exception arrives that no attempt waits for. */
#define CHECK_UNEXPECTED 0xee
