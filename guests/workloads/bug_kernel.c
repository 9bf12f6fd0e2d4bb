/*
 * The bugs of kernels, in a hook that the kernel calls at each tick. Their time counts from the start
 * of the guest.
 */
#include "bug.h"
#include "os.h"

static INT32U ticks, after;
static enum bug armed;

/* Hypercalls that no monitor should do: numbers that are none, management, arguments from nowhere. */
static void senseless_hypercalls(void)
{
#ifndef OS_NATIVE
    static INT32U seed = 1;
    INT32U        i;

    for (i = 0; i < 20; i++) {
        register INT32U r0 __asm__("r0") = seed;
        register INT32U r1 __asm__("r1") = seed << 5;
        register INT32U r2 __asm__("r2") = seed >> 7;
        register INT32U r3 __asm__("r3") = ~seed;
        register INT32U r12 __asm__("r12") = HC_VM_CREATE + (seed >> 8) % 1000;

        __asm__ volatile("swi 0" : "+r"(r0) : "r"(r1), "r"(r2), "r"(r3), "r"(r12) : "memory");
        hc_console_write(seed | 0x80000000, seed);
        hc_dispatch(seed | 0x100, 0, 0);
        seed = seed * 1664525 + 1013904223;
    }
#endif
}

void OSTimeTickHook(void)
{
    if (ticks++ == 0)
        armed = bug_parse(port_boot_arg(), &after);
    if (ticks <= after)
        return;
    switch (armed) {
    case BUG_KERNEL_LIST:
        OSTCBList->OSTCBNext = (OS_TCB *)0x5eadbee0;
        break;
    case BUG_KERNEL_LOOP:
        for (;;)
            ;
    case BUG_HYPERCALLS:
        senseless_hypercalls();
        break;
    default:
        break;
    }
}
