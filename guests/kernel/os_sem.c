/*
 * Counting semaphores.
 */
#include "os.h"

/* OSSemCreate(cnt) */
INT32U call_sem_create(INT32U cnt, INT32U b, INT32U c, INT32U d)
{
    OS_EVENT *event = os_event_new(OS_EVENT_TYPE_SEM);

    if (event != NULL)
        event->OSEventCnt = cnt;
    return (INT32U)event;
}

/* OSSemDel(pevent, opt, err); the result is *err. */
INT32U call_sem_del(INT32U pevent, INT32U opt, INT32U c, INT32U d)
{
    OS_EVENT *event = (OS_EVENT *)pevent;
    INT8U     err = os_event_check(pevent, OS_EVENT_TYPE_SEM);

    if (err == OS_NO_ERR)
        err = os_event_check_delete(event, opt);
    if (err == OS_NO_ERR)
        os_event_delete(event, OS_NO_ERR);
    return err;
}

/* OSSemPend(pevent, timeout, err); the result is *err. */
INT32U call_sem_pend(INT32U pevent, INT32U timeout, INT32U c, INT32U d)
{
    OS_EVENT *event = (OS_EVENT *)pevent;
    INT8U     err = os_event_check_pend(pevent, OS_EVENT_TYPE_SEM);

    if (err != OS_NO_ERR)
        return err;
    if (event->OSEventCnt > 0) {
        event->OSEventCnt--;
        return OS_NO_ERR;
    }
    return os_event_wait(event, OS_STAT_SEM, timeout);
}

/* OSSemPost(pevent) */
INT32U call_sem_post(INT32U pevent, INT32U b, INT32U c, INT32U d)
{
    OS_EVENT *event = (OS_EVENT *)pevent;
    INT8U     err = os_event_check(pevent, OS_EVENT_TYPE_SEM);

    if (err != OS_NO_ERR)
        return err;
    if (os_event_wake(event, OS_NO_ERR) != NULL)
        return OS_NO_ERR;
    if (event->OSEventCnt == 0xffff)
        return OS_SEM_OVF;
    event->OSEventCnt++;
    return OS_NO_ERR;
}

/* OSSemAccept(pevent): the count before, 0 if there was nothing to take. */
INT32U call_sem_accept(INT32U pevent, INT32U b, INT32U c, INT32U d)
{
    OS_EVENT *event = (OS_EVENT *)pevent;

    if (os_event_check(pevent, OS_EVENT_TYPE_SEM) != OS_NO_ERR || event->OSEventCnt == 0)
        return 0;
    return event->OSEventCnt--;
}

/* OSSemQuery(pevent, pdata) */
INT32U call_sem_query(INT32U pevent, INT32U pdata, INT32U c, INT32U d)
{
    OS_EVENT    *event = (OS_EVENT *)pevent;
    OS_SEM_DATA *data = (OS_SEM_DATA *)pdata;
    INT8U        err = os_event_check(pevent, OS_EVENT_TYPE_SEM);

    if (err != OS_NO_ERR)
        return err;
    if (pdata % _Alignof(OS_SEM_DATA) != 0 || !os_writable(pdata, sizeof *data))
        return OS_ERR_ADDRESS;
    data->OSCnt = event->OSEventCnt;
    os_event_copy(event, data->OSEventTbl, &data->OSEventGrp);
    return OS_NO_ERR;
}
