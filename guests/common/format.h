/* A small formatter: %d %u %x %c %s %%, with a width and leading zeros. */
#ifndef FORMAT_H
#define FORMAT_H

#include <stdarg.h>
#include <stdint.h>

/* Formats into buffer, never past size; returns the length (no NUL is written). */
uint32_t format(char *buffer, uint32_t size, const char *text, va_list arguments);

#endif
