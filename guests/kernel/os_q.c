/*
 * Queues of messages. They are kept here, not in memory of a task: another task could not reach that.
 */
#include "os.h"

typedef struct os_q {
    struct os_q *OSQPtr;                        /* next free one */
    INT16U       OSQSize;
    INT16U       OSQEntries;
    INT16U       OSQOut;                        /* index of the next to be taken */
    INT32U       OSQMsgs[OS_MAX_Q_SIZE];
} OS_Q;

static OS_Q  OSQTbl[OS_MAX_QS];
static OS_Q *OSQFreeList;

void os_q_init(void)
{
    INT8U i;

    for (i = OS_MAX_QS; i-- > 0;) {
        OSQTbl[i].OSQPtr = OSQFreeList;
        OSQFreeList = &OSQTbl[i];
    }
}

/* Takes the next message out; 0 if there is none. What a rolled-back task gave back comes first. */
static INT32U out(const OS_EVENT *event)
{
    OS_Q  *q = event->OSEventPtr;
    INT32U msg = os_returned_take(event);

    if (msg != 0)
        return msg;
    if (q->OSQEntries == 0)
        return 0;
    msg = q->OSQMsgs[q->OSQOut];
    q->OSQOut = (q->OSQOut + 1) % q->OSQSize;
    q->OSQEntries--;
    return msg;
}

static void flush(const OS_EVENT *event)
{
    INT32U msg;

    while ((msg = out(event)) != 0)
        os_block_drop(msg);
}

/* OSQCreate(start, size) */
INT32U call_q_create(INT32U size, INT32U b, INT32U c, INT32U d)
{
    OS_Q     *q = OSQFreeList;
    OS_EVENT *event;

    if (size == 0 || size > OS_MAX_Q_SIZE || q == NULL)
        return 0;
    event = os_event_new(OS_EVENT_TYPE_Q);
    if (event == NULL)
        return 0;
    OSQFreeList = q->OSQPtr;
    *q = (OS_Q){ .OSQSize = size };
    event->OSEventPtr = q;
    return (INT32U)event;
}

/* OSQDel(pevent, opt, err); the result is *err. */
INT32U call_q_del(INT32U pevent, INT32U opt, INT32U c, INT32U d)
{
    OS_EVENT *event = (OS_EVENT *)pevent;
    INT8U     err = os_event_check(pevent, OS_EVENT_TYPE_Q);
    OS_Q     *q;

    if (err != OS_NO_ERR)
        return err;
    err = os_event_check_delete(event, opt);
    if (err != OS_NO_ERR)
        return err;
    q = event->OSEventPtr;
    flush(event);
    os_event_delete(event, OS_RESULT_ERR(OS_TIMEOUT));
    q->OSQPtr = OSQFreeList;
    OSQFreeList = q;
    return OS_NO_ERR;
}

/* OSQPend(pevent, timeout, err) */
INT32U call_q_pend(INT32U pevent, INT32U timeout, INT32U c, INT32U d)
{
    OS_EVENT *event = (OS_EVENT *)pevent;
    INT8U     err = os_event_check_pend(pevent, OS_EVENT_TYPE_Q);
    INT32U    msg;

    if (err == OS_NO_ERR) {
        msg = out(event);
        if (msg != 0) {
            os_block_take(msg, OSTCBCur);
            return msg;
        }
        err = os_event_wait(event, OS_STAT_Q, timeout);
    }
    return OS_RESULT_ERR(err);
}

/* OSQPost(), OSQPostFront(), OSQPostOpt(pevent, msg, opt) */
INT32U call_q_post(INT32U pevent, INT32U msg, INT32U opt, INT32U d)
{
    OS_EVENT *event = (OS_EVENT *)pevent;
    INT8U     err = os_event_check(pevent, OS_EVENT_TYPE_Q);
    OS_Q     *q = NULL;
    OS_TCB   *taker;

    if (err != OS_NO_ERR)
        return err;
    q = event->OSEventPtr;
    if (msg == 0)
        return OS_ERR_POST_NULL_PTR;
    if (OS_RESULT_IS_ERR(msg))
        return OS_ERR_ADDRESS;
    if (event->OSEventGrp == 0 && q->OSQEntries == q->OSQSize)
        return OS_Q_FULL;
    err = os_block_send(msg);
    if (err != OS_NO_ERR)
        return err;
    taker = os_event_wake(event, msg);
    if (taker != NULL) {
        os_block_take(msg, taker);
        if (opt & OS_POST_OPT_BROADCAST)
            os_event_wake_all(event, msg);
        return OS_NO_ERR;
    }
    if (opt & OS_POST_OPT_LIFO) {
        q->OSQOut = (q->OSQOut + q->OSQSize - 1) % q->OSQSize;
        q->OSQMsgs[q->OSQOut] = msg;
    } else {
        q->OSQMsgs[(q->OSQOut + q->OSQEntries) % q->OSQSize] = msg;
    }
    q->OSQEntries++;
    return OS_NO_ERR;
}

/* OSQAccept(pevent) */
INT32U call_q_accept(INT32U pevent, INT32U b, INT32U c, INT32U d)
{
    OS_EVENT *event = (OS_EVENT *)pevent;
    INT32U    msg;

    if (os_event_check(pevent, OS_EVENT_TYPE_Q) != OS_NO_ERR)
        return 0;
    msg = out(event);
    os_block_take(msg, OSTCBCur);
    return msg;
}

/* OSQFlush(pevent): blocks that the messages point to go back to their partitions. */
INT32U call_q_flush(INT32U pevent, INT32U b, INT32U c, INT32U d)
{
    INT8U err = os_event_check(pevent, OS_EVENT_TYPE_Q);

    if (err == OS_NO_ERR)
        flush((OS_EVENT *)pevent);
    return err;
}

/* OSQQuery(pevent, pdata) */
INT32U call_q_query(INT32U pevent, INT32U pdata, INT32U c, INT32U d)
{
    OS_EVENT  *event = (OS_EVENT *)pevent;
    OS_Q_DATA *data = (OS_Q_DATA *)pdata;
    INT8U      err = os_event_check(pevent, OS_EVENT_TYPE_Q);
    OS_Q      *q;
    INT32U     returned;

    if (err != OS_NO_ERR)
        return err;
    if (pdata % 4 != 0 || !os_writable(pdata, sizeof *data))
        return OS_ERR_ADDRESS;
    q = event->OSEventPtr;
    data->OSMsg = (void *)os_returned_peek(event, &returned);
    if (returned == 0 && q->OSQEntries > 0)
        data->OSMsg = (void *)q->OSQMsgs[q->OSQOut];
    data->OSNMsgs = q->OSQEntries + returned;
    data->OSQSize = q->OSQSize;
    os_event_copy(event, data->OSEventTbl, &data->OSEventGrp);
    return OS_NO_ERR;
}
