/*
 * How a task calls the kernel.
 *
 * A call goes out with OS_NO_RESULT in r0. Mostly the kernel dispatches the caller with the result
 * in its place. But the monitor may itself resume a task that has become ready, for one after a
 * recovery, and knows nothing of results: then r0 is what it was, and the task asks for its result.
 */
#ifndef OS_CALL_H
#define OS_CALL_H

#define OS_NO_RESULT 0xa5000000         /* an ARM immediate */

#ifdef __ASSEMBLER__
#define CALL(number, name) .equ OS_CALL_##name, number;
#else
#define CALL(number, name) OS_CALL_##name = number,
enum {
#endif
#include "os_calls.def"
#ifndef __ASSEMBLER__
    OS_CALLS
};
#endif
#undef CALL

#ifndef __ASSEMBLER__
#include "ucos_ii.h"

static inline INT32U os_call(INT32U number, INT32U a, INT32U b, INT32U c)
{
    register INT32U r0 __asm__("r0") = OS_NO_RESULT;
    register INT32U r1 __asm__("r1") = a;
    register INT32U r2 __asm__("r2") = b;
    register INT32U r3 __asm__("r3") = c;
    register INT32U r12 __asm__("r12") = number;
    __asm__ volatile("swi   0\n\t"
                     "cmp   r0, %[none]\n\t"
                     "moveq r12, %[ask]\n\t"
                     "swieq 0"
                     : "+r"(r0), "+r"(r12)
                     : "r"(r1), "r"(r2), "r"(r3), [none] "I"(OS_NO_RESULT), [ask] "I"(OS_CALL_result)
                     : "memory", "cc");
    return r0;
}
#endif
#endif
