/*
 * The bugs of tasks. Each task that may have one has this in its own text.
 */
#include "bug.h"

extern volatile INT32U OSTime;

static enum bug armed;
static INT32U   start, after;

static INT32U not_code[4] = { 0xe7f000f0, 0xe7f000f0, 0xe7f000f0, 0xe7f000f0 };

/* Hides a value from the compiler, which would see what is wrong with it. */
static INT32U opaque(INT32U value)
{
    __asm__ volatile("" : "+r"(value));
    return value;
}

static INT32U deeper(INT32U n)
{
    volatile INT32U here[16];

    here[n % 16] = n;
    if (opaque(n) == 0xffffffff)        /* never: the stack ends long before */
        return n;
    return deeper(n + 1) + here[n % 16];
}

/* Kernel calls that make no sense, 100 at a time. */
static void senseless_calls(void)
{
    static INT32U seed = 1;
    INT32U        i;

    for (i = 0; i < 100; i++) {
        register INT32U r0 __asm__("r0") = seed;
        register INT32U r1 __asm__("r1") = seed >> 3;
        register INT32U r2 __asm__("r2") = seed << 2;
        register INT32U r3 __asm__("r3") = ~seed;
        register INT32U r12 __asm__("r12") = 64 + (seed >> 8) % 1000;

        __asm__ volatile("swi 0" : "+r"(r0) : "r"(r1), "r"(r2), "r"(r3), "r"(r12) : "memory");
        seed = seed * 1664525 + 1013904223;
    }
}

void bug_arm(void)
{
    char argument[64];

    OSBootArg(argument, sizeof argument);
    armed = bug_parse(argument, &after);
    if (armed == BUG_UNKNOWN)
        OSPrintf("bug: the boot argument names none that there is\n");
    start = OSTimeGet();
}

enum bug bug_step(void)
{
    if (armed == BUG_NONE || OSTimeGet() - start < after)
        return BUG_NONE;
    switch (armed) {
    case BUG_KERNEL_WRITE:
        OSTime = 0;
        break;
    case BUG_WILD_POINTER:
        *(volatile INT32U *)opaque(0x5eadbee0) = armed;
        break;
    case BUG_NULL_CALL:
        ((void (*)(void))opaque(0))();
        break;
    case BUG_STACK_OVERFLOW:
        opaque(deeper(0));
        break;
    case BUG_UNDEFINED:
        __asm__ volatile(".word 0xe7f000f0");
        break;
    case BUG_JUMP_DATA:
        ((void (*)(void))opaque((INT32U)not_code))();
        break;
    case BUG_MISALIGNED:
        opaque(*(volatile INT32U *)opaque((INT32U)not_code + 1));
        break;
    case BUG_LOOP:
        for (;;)
            ;
    case BUG_CALLS:
        senseless_calls();
        break;
    case BUG_CORRUPT:
    case BUG_DOUBLE_FREE:
    case BUG_NEVER_POSTED:
        return armed;
    default:
        break;
    }
    return BUG_NONE;
}
