/*
 * How a task calls the kernel: SWI with the number in r12, up to four arguments in r0-r3; one word
 * comes back in r0. So a call is done or not, and never half done when the task is rolled back.
 *
 * A call that gives a pointer and an error gives the pointer, or OS_RESULT_ERR(error).
 */
#ifndef OS_CALL_H
#define OS_CALL_H

#include "ucos_ii.h"

#define CALL(number, name, kind) OS_CALL_##name = number,
enum {
#include "os_calls.def"
    OS_CALLS
};
#undef CALL

/* The call has to be made again: what it waited for has come, and is still to be fetched. */
#define OS_RESULT_AGAIN         OS_RESULT_ERR(0xff)
#define OS_RESULT_ERR(error)    (0xfffffe00 | (error))
#define OS_RESULT_IS_ERR(word)  (((word) & 0xffffff00) == 0xfffffe00)

static inline INT32U os_call(INT32U number, INT32U a, INT32U b, INT32U c, INT32U d)
{
    register INT32U r0 __asm__("r0") = a;
    register INT32U r1 __asm__("r1") = b;
    register INT32U r2 __asm__("r2") = c;
    register INT32U r3 __asm__("r3") = d;
    register INT32U r12 __asm__("r12") = number;

    __asm__ volatile("swi 0"
                     : "+r"(r0)
                     : "r"(r1), "r"(r2), "r"(r3), "r"(r12)
                     : "memory");
    return r0;
}

#endif
