/*
 * What the compiler itself calls.
 */
#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int value, size_t n);
int   memcmp(const void *a, const void *b, size_t n);
void  __aeabi_idiv0(void);
void  __aeabi_ldiv0(void);

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
    char       *t = to;
    const char *f = from;

    while (n-- > 0)
        *t++ = *f++;
    return to;
}

void *memmove(void *to, const void *from, size_t n)
{
    char       *t = to;
    const char *f = from;

    if (t <= f)
        return memcpy(to, from, n);
    while (n-- > 0)
        t[n] = f[n];
    return to;
}

void *memset(void *to, int value, size_t n)
{
    char *t = to;

    while (n-- > 0)
        *t++ = value;
    return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const unsigned char *x = a, *y = b;

    for (; n > 0; n--, x++, y++)
        if (*x != *y)
            return *x - *y;
    return 0;
}

/* Division by zero gives what the division routine leaves. */
void __aeabi_idiv0(void)
{
}

void __aeabi_ldiv0(void)
{
}
