/*
 * What a guest without tasks needs beside its program.
 */
#include "plain.h"

#include "format.h"

void print(const char *text, ...)
{
    char     line[128];
    uint32_t length;
    va_list  arguments;

    va_start(arguments, text);
    length = format(line, sizeof line, text, arguments);
    va_end(arguments);
    hc_console_write((uint32_t)line, length);
}

void __attribute__((weak)) plain_irq(uint32_t sources, uint32_t ticks)
{
}
