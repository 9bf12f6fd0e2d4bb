/*
 * Mailboxes: one message.
 */
#include "os.h"

/* Takes the message out; 0 if there is none. What a rolled-back task gave back comes first. */
static INT32U out(OS_EVENT *event)
{
    INT32U msg = os_returned_take(event);

    if (msg == 0) {
        msg = (INT32U)event->OSEventPtr;
        event->OSEventPtr = NULL;
    }
    return msg;
}

/* OSMboxCreate(msg) */
INT32U call_mbox_create(INT32U msg, INT32U b, INT32U c, INT32U d)
{
    OS_EVENT *event = os_event_new(OS_EVENT_TYPE_MBOX);

    if (event != NULL)
        event->OSEventPtr = (void *)msg;
    return (INT32U)event;
}

/* OSMboxDel(pevent, opt, err); the result is *err. */
INT32U call_mbox_del(INT32U pevent, INT32U opt, INT32U c, INT32U d)
{
    OS_EVENT *event = (OS_EVENT *)pevent;
    INT8U     err = os_event_check(pevent, OS_EVENT_TYPE_MBOX);
    INT32U    msg;

    if (err == OS_NO_ERR)
        err = os_event_check_delete(event, opt);
    if (err != OS_NO_ERR)
        return err;
    while ((msg = out(event)) != 0)
        os_block_drop(msg);
    os_event_delete(event, OS_RESULT_ERR(OS_TIMEOUT));
    return OS_NO_ERR;
}

/* OSMboxPend(pevent, timeout, err) */
INT32U call_mbox_pend(INT32U pevent, INT32U timeout, INT32U c, INT32U d)
{
    OS_EVENT *event = (OS_EVENT *)pevent;
    INT8U     err = os_event_check_pend(pevent, OS_EVENT_TYPE_MBOX);
    INT32U    msg;

    if (err == OS_NO_ERR) {
        msg = out(event);
        if (msg != 0) {
            os_block_take(msg, OSTCBCur);
            return msg;
        }
        err = os_event_wait(event, OS_STAT_MBOX, timeout);
    }
    return OS_RESULT_ERR(err);
}

/* OSMboxPost(), OSMboxPostOpt(pevent, msg, opt) */
INT32U call_mbox_post(INT32U pevent, INT32U msg, INT32U opt, INT32U d)
{
    OS_EVENT *event = (OS_EVENT *)pevent;
    INT8U     err = os_event_check(pevent, OS_EVENT_TYPE_MBOX);
    OS_TCB   *taker;

    if (err != OS_NO_ERR)
        return err;
    if (msg == 0)
        return OS_ERR_POST_NULL_PTR;
    if (OS_RESULT_IS_ERR(msg))
        return OS_ERR_ADDRESS;
    if (event->OSEventGrp == 0 && event->OSEventPtr != NULL)
        return OS_MBOX_FULL;
    err = os_block_send(msg);
    if (err != OS_NO_ERR)
        return err;
    taker = os_event_wake(event, msg);
    if (taker == NULL) {
        event->OSEventPtr = (void *)msg;
        return OS_NO_ERR;
    }
    os_block_take(msg, taker);
    if (opt & OS_POST_OPT_BROADCAST)
        os_event_wake_all(event, msg);
    return OS_NO_ERR;
}

/* OSMboxAccept(pevent) */
INT32U call_mbox_accept(INT32U pevent, INT32U b, INT32U c, INT32U d)
{
    OS_EVENT *event = (OS_EVENT *)pevent;
    INT32U    msg;

    if (os_event_check(pevent, OS_EVENT_TYPE_MBOX) != OS_NO_ERR)
        return 0;
    msg = out(event);
    os_block_take(msg, OSTCBCur);
    return msg;
}

/* OSMboxQuery(pevent, pdata) */
INT32U call_mbox_query(INT32U pevent, INT32U pdata, INT32U c, INT32U d)
{
    OS_EVENT     *event = (OS_EVENT *)pevent;
    OS_MBOX_DATA *data = (OS_MBOX_DATA *)pdata;
    INT8U         err = os_event_check(pevent, OS_EVENT_TYPE_MBOX);
    INT32U        returned;

    if (err != OS_NO_ERR)
        return err;
    if (pdata % 4 != 0 || !os_writable(pdata, sizeof *data))
        return OS_ERR_ADDRESS;
    data->OSMsg = (void *)os_returned_peek(event, &returned);
    if (returned == 0)
        data->OSMsg = event->OSEventPtr;
    os_event_copy(event, data->OSEventTbl, &data->OSEventGrp);
    return OS_NO_ERR;
}
