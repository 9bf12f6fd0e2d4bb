/*
 * Messages between VMs: not in the standard. The rings are the monitor's.
 */
#include "os.h"

OS_EVENT OSVmEvent;                     /* who waits for a message */

/* OSVmSend(vm, buffer, length) */
INT32U call_vm_send(INT32U vm, INT32U buffer, INT32U length, INT32U d)
{
    return os_readable(buffer, length) ? port_send(vm, buffer, length) : OS_ERR_ADDRESS;
}

/* OSVmReceive(vm, buffer, size, timeout, err): length | vm << 16, OS_RESULT_AGAIN, or an error. */
INT32U call_vm_receive(INT32U buffer, INT32U size, INT32U timeout, INT32U d)
{
    INT32U result;

    if (size == 0 || !os_writable(buffer, size))
        return OS_RESULT_ERR(OS_ERR_ADDRESS);
    result = port_receive(buffer, size);
    if (result != 0)
        return result;
    return OS_RESULT_ERR(os_event_wait(&OSVmEvent, OS_STAT_MBOX, timeout));
}
