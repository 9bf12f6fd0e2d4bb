/* The calls of the foreign kernel. */
#ifndef CALL_H
#define CALL_H

#include <stdint.h>

static inline int32_t foreign_call(uint32_t number, uint32_t a, uint32_t b)
{
    register uint32_t r0 __asm__("r0") = a;
    register uint32_t r1 __asm__("r1") = b;
    register uint32_t r12 __asm__("r12") = number;

    __asm__ volatile("swi 0" : "+r"(r0) : "r"(r1), "r"(r12) : "memory");
    return r0;
}

#define PRINT(text)     foreign_call(1, (uint32_t)(text), sizeof(text) - 1)
#define SLEEP(ticks)    foreign_call(2, ticks, 0)

#endif
