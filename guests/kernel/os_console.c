/*
 * Console and boot argument: not in the standard.
 */
#include "os.h"

/* OSPrint(text, length): the machine checks the address; bytes written, or below zero. */
INT32U call_print(INT32U text, INT32U length, INT32U c)
{
    (void)c;
    if (!os_readable(text, length))
        return (INT32U)-1;
    return port_write(text, length);
}

/* OSBootArg(buffer, size): length of the argument, or below zero. */
INT32U call_boot_arg(INT32U buffer, INT32U size, INT32U c)
{
    const char *from = port_boot_arg();
    char       *to = (char *)buffer;
    INT32U      i = 0;

    (void)c;
    if (size == 0 || !os_writable(buffer, size))
        return (INT32U)-1;
    while (i < size - 1 && from[i] != '\0') {
        to[i] = from[i];
        i++;
    }
    to[i] = '\0';
    return i;
}
