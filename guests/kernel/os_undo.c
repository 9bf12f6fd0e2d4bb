/*
 * Undoing what a task took from the kernel since its checkpoint, when it is rolled back.
 *
 * A count goes back to its semaphore, a block to its partition, a mutex to who waits for it, and with
 * it what it lent of priority. A message goes to who waits for one;
 * if nobody does it is put aside, before those in the mailbox or queue, where there may be no room
 * any more.
 */
#include "os.h"

#define MAX_RETURNED 32

static struct {
    const OS_EVENT *event;
    INT32U          msg;
} returned[MAX_RETURNED];               /* the last is the next to be taken */

static INT8U count;

/* Takes the next message that was given back to an event; 0 if there is none. */
INT32U os_returned_take(const OS_EVENT *event)
{
    INT8U  i, k;
    INT32U msg;

    for (i = count; i-- > 0;) {
        if (returned[i].event != event)
            continue;
        msg = returned[i].msg;
        for (k = i + 1; k < count; k++)
            returned[k - 1] = returned[k];
        count--;
        return msg;
    }
    return 0;
}

/* Looks at it, and counts how many there are. */
INT32U os_returned_peek(const OS_EVENT *event, INT32U *number)
{
    INT32U msg = 0;
    INT8U  i;

    *number = 0;
    for (i = 0; i < count; i++)
        if (returned[i].event == event) {
            msg = returned[i].msg;
            ++*number;
        }
    return msg;
}

/* A message goes back. If it was a block and the task has sent it on, it is not its to give. */
static void give_back(INT32U pevent, INT8U type, INT32U msg)
{
    OS_EVENT *event = (OS_EVENT *)pevent;
    OS_TCB   *taker;

    if (os_event_check(pevent, type) != OS_NO_ERR || os_block_send(msg) != OS_NO_ERR)
        return;
    taker = os_event_wake(event, msg);
    if (taker != NULL) {
        os_block_take(msg, taker);
    } else if (count < MAX_RETURNED) {
        returned[count].event = event;
        returned[count].msg = msg;
        count++;
    } else {
        os_block_drop(msg);
    }
}

/* Undoes call `number` of a task, whose first argument and result were these. */
void os_undo(OS_TCB *tcb, INT32U number, INT32U a, INT32U result)
{
    OSTCBCur = tcb;
    switch (number) {
    case OS_CALL_sem_pend:
        if (result == OS_NO_ERR)
            call_sem_post(a, 0, 0, 0);
        break;
    case OS_CALL_sem_accept:
        if (result != 0)
            call_sem_post(a, 0, 0, 0);
        break;
    case OS_CALL_mutex_pend:
        if (result == OS_NO_ERR)
            os_mutex_undo(a, tcb);
        break;
    case OS_CALL_mutex_accept:
        if (result >> 8)
            os_mutex_undo(a, tcb);
        break;
    case OS_CALL_mbox_pend:
    case OS_CALL_mbox_accept:
        if (result != 0 && !OS_RESULT_IS_ERR(result))
            give_back(a, OS_EVENT_TYPE_MBOX, result);
        break;
    case OS_CALL_q_pend:
    case OS_CALL_q_accept:
        if (result != 0 && !OS_RESULT_IS_ERR(result))
            give_back(a, OS_EVENT_TYPE_Q, result);
        break;
    case OS_CALL_mem_get:
        if (!OS_RESULT_IS_ERR(result))
            call_mem_put(a, result, 0, 0);
        break;
    }
}
