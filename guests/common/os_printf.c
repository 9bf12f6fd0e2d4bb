/*
 * OSPrintf(): one line at a time, formatted on the caller's stack.
 */
#include "format.h"
#include "ucos_ii.h"

INT32S OSPrintf(const char *text, ...)
{
    char    line[128];
    INT32U  length;
    va_list arguments;

    va_start(arguments, text);
    length = format(line, sizeof line, text, arguments);
    va_end(arguments);
    return OSPrint(line, length);
}
