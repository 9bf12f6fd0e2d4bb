/*
 * Messages between VMs: not in the standard. The rings are the monitor's.
 *
 * A message is received in two steps. The first takes it out of the ring, keeps it here and tells
 * its number; the second copies it to the task, as often as a rolled-back task asks for it.
 */
#include "os.h"

#define KEPT  32                        /* messages */
#define BYTES 1536                      /* of messages */
#define MOST  240                       /* bytes of a message */

OS_EVENT OSVmEvent;                     /* who waits for a message */

static INT8U  bytes[BYTES];             /* a ring */
static INT32U end;                      /* bytes ever kept */

static struct {
    INT32U start;                       /* bytes kept before it */
    INT8U  length;
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
    static INT8U message[MOST];
    INT32U       result, i;

    if (size == 0 || !os_writable(buffer, size))
        return OS_RESULT_ERR(OS_ERR_ADDRESS);
    result = port_receive((INT32U)message, MOST);
    if (result == 0)
        return OS_RESULT_ERR(os_event_wait(&OSVmEvent, OS_STAT_MBOX, timeout));
    kept[next % KEPT].start = end;
    kept[next % KEPT].length = result & 0xff;
    for (i = 0; i < (result & 0xff); i++)
        bytes[end++ % BYTES] = message[i];
    return (INT32U)next++ << 16 | (result >> 16) << 8 | (result & 0xff);
}

/* Second step: the length of what fits, or an error if the message is not kept any more. */
INT32U call_vm_copy(INT32U buffer, INT32U size, INT32U number, INT32U d)
{
    INT32U start = kept[number % KEPT].start;
    INT8U *to = (INT8U *)buffer;
    INT32U i;

    if (!os_writable(buffer, size))
        return OS_RESULT_ERR(OS_ERR_ADDRESS);
    if ((INT8U)(next - 1 - number) >= KEPT || end - start > BYTES)
        return OS_RESULT_ERR(OS_ERR_VM);
    for (i = 0; i < size && i < kept[number % KEPT].length; i++)
        to[i] = bytes[(start + i) % BYTES];
    return i;
}
