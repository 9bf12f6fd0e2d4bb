/*
 * Console and boot argument: not in the standard.
 */
#include "os.h"

OS_EVENT OSInputEvent;                  /* who waits for input */

#define REFUSED ((INT32U)-1)

/* OSPrint(text, length): bytes written, or below zero. */
INT32U call_print(INT32U text, INT32U length, INT32U c, INT32U d)
{
    return os_readable(text, length) ? (INT32U)port_write(text, length) : REFUSED;
}

/* OSGetChar(timeout, err): a byte, OS_RESULT_AGAIN after a wait, or an error. */
INT32U call_getc(INT32U timeout, INT32U b, INT32U c, INT32U d)
{
    INT8U byte;

    if (port_read((INT32U)&byte, 1) == 1)
        return byte;
    return OS_RESULT_ERR(os_event_wait(&OSInputEvent, OS_STAT_MBOX, timeout));
}

/* OSBootArg(buffer, size): length of the argument, or below zero. */
INT32U call_boot_arg(INT32U buffer, INT32U size, INT32U c, INT32U d)
{
    const volatile char *from = port_boot_arg();
    char                *to = (char *)buffer;
    INT32U               i = 0;

    if (size == 0 || !os_writable(buffer, size))
        return REFUSED;
    while (i < size - 1 && from[i] != '\0') {
        to[i] = from[i];
        i++;
    }
    to[i] = '\0';
    return i;
}
