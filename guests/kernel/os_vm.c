/*
 * Messages between VMs: not in the standard. The rings are the monitor's.
 *
 * A message is received in two steps. The first takes it out of the ring, keeps it here and tells
 * its number; the second copies it to the task, as often as a rolled-back task asks for it.
 */
#include "os.h"

#define KEPT  8
#define BYTES 240

OS_EVENT OSVmEvent;                     /* who waits for a message */

static struct {
    INT8U number;
    INT8U length;                       /* 0: none yet */
    INT8U data[BYTES];
} kept[KEPT];

static INT8U next;                      /* number of the next message */

/* OSVmSend(vm, buffer, length) */
INT32U call_vm_send(INT32U vm, INT32U buffer, INT32U length, INT32U d)
{
    return os_readable(buffer, length) ? port_send(vm, buffer, length) : OS_ERR_ADDRESS;
}

/* First step: length | vm << 8 | number << 16, OS_RESULT_AGAIN after a wait, or an error. */
INT32U call_vm_receive(INT32U buffer, INT32U size, INT32U timeout, INT32U d)
{
    INT8U  slot = next % KEPT;
    INT32U result;

    if (size == 0 || !os_writable(buffer, size))
        return OS_RESULT_ERR(OS_ERR_ADDRESS);
    result = port_receive((INT32U)kept[slot].data, BYTES);
    if (result == 0)
        return OS_RESULT_ERR(os_event_wait(&OSVmEvent, OS_STAT_MBOX, timeout));
    kept[slot].number = next;
    kept[slot].length = result & 0xff;
    return (INT32U)next++ << 16 | (result >> 16) << 8 | (result & 0xff);
}

/* Second step: the length of what fits, or an error. */
INT32U call_vm_copy(INT32U buffer, INT32U size, INT32U number, INT32U d)
{
    INT8U  slot = number % KEPT;
    INT8U *to = (INT8U *)buffer;
    INT32U i;

    if (!os_writable(buffer, size))
        return OS_RESULT_ERR(OS_ERR_ADDRESS);
    if (kept[slot].length == 0 || kept[slot].number != (INT8U)number)
        return OS_RESULT_ERR(OS_ERR_VM);
    for (i = 0; i < size && i < kept[slot].length; i++)
        to[i] = kept[slot].data[i];
    return i;
}
