/*
 * Event flags. A group is an event control block whose OSEventCnt holds the flags.
 */
#include "os.h"

/* Result of a call that gives flags and an error. */
#define FLAGS(flags, err)       ((INT32U)(err) << 16 | (flags))

/* The flags of `wanted` that a wait of that type is after, in their present state. */
static OS_FLAGS found(OS_FLAGS flags, OS_FLAGS wanted, INT8U type)
{
    return (type & OS_FLAG_WAIT_SET_ALL ? flags : ~flags) & wanted;
}

/* Is the wait over? The low bit of a type says that one flag is enough. */
static BOOLEAN met(OS_FLAGS flags, OS_FLAGS wanted, INT8U type)
{
    OS_FLAGS there = found(flags, wanted, type);

    return type & OS_FLAG_WAIT_CLR_ANY ? there != 0 : there == wanted;
}

/* What taking the flags leaves in the group. */
static void take(OS_EVENT *group, OS_FLAGS wanted, INT8U type)
{
    OS_FLAGS there = found(group->OSEventCnt, wanted, type);

    if (!(type & OS_FLAG_CONSUME))
        return;
    if (type & OS_FLAG_WAIT_SET_ALL)
        group->OSEventCnt &= ~there;
    else
        group->OSEventCnt |= there;
}

static INT8U check_type(INT32U type)
{
    return (type & ~(INT32U)OS_FLAG_CONSUME) > OS_FLAG_WAIT_SET_ANY ? OS_FLAG_ERR_WAIT_TYPE : OS_NO_ERR;
}

/* OSFlagCreate(flags, err) */
INT32U call_flag_create(INT32U flags, INT32U b, INT32U c, INT32U d)
{
    OS_EVENT *group = os_event_new(OS_EVENT_TYPE_FLAG);

    if (OSIntNesting > 0)
        return OS_RESULT_ERR(OS_ERR_CREATE_ISR);
    if (group == NULL)
        return OS_RESULT_ERR(OS_FLAG_GRP_DEPLETED);
    group->OSEventCnt = flags;
    return (INT32U)group;
}

/* OSFlagDel(pgrp, opt, err); the result is *err. */
INT32U call_flag_del(INT32U pgrp, INT32U opt, INT32U c, INT32U d)
{
    OS_EVENT *group = (OS_EVENT *)pgrp;
    INT8U     err = os_event_check(pgrp, OS_EVENT_TYPE_FLAG);

    if (err == OS_NO_ERR)
        err = os_event_check_delete(group, opt);
    if (err == OS_NO_ERR)
        os_event_delete(group, FLAGS(0, OS_NO_ERR));
    return err;
}

/* OSFlagPend(pgrp, flags, wait_type, timeout, err): flags | wait_type << 16 */
INT32U call_flag_pend(INT32U pgrp, INT32U flags_type, INT32U timeout, INT32U d)
{
    OS_EVENT *group = (OS_EVENT *)pgrp;
    OS_FLAGS  flags = flags_type;
    INT8U     type = flags_type >> 16;
    INT8U     err = os_event_check_pend(pgrp, OS_EVENT_TYPE_FLAG);

    if (err == OS_NO_ERR)
        err = check_type(flags_type >> 16);
    if (err != OS_NO_ERR)
        return FLAGS(0, err);
    if (met(group->OSEventCnt, flags, type)) {
        take(group, flags, type);
        return FLAGS(group->OSEventCnt, OS_NO_ERR);
    }
    OSTCBCur->OSTCBFlagsWait = flags;
    OSTCBCur->OSTCBFlagsType = type;
    return FLAGS(0, os_event_wait(group, OS_STAT_FLAG, timeout));
}

/* OSFlagPost(pgrp, flags, opt, err): who has what it waits for goes on, the highest first. */
INT32U call_flag_post(INT32U pgrp, INT32U flags, INT32U opt, INT32U d)
{
    OS_EVENT *group = (OS_EVENT *)pgrp;
    INT8U     err = os_event_check(pgrp, OS_EVENT_TYPE_FLAG);
    INT8U     y, x;

    if (err == OS_NO_ERR && opt > OS_FLAG_SET)
        err = OS_FLAG_INVALID_OPT;
    if (err != OS_NO_ERR)
        return FLAGS(0, err);
    if (opt == OS_FLAG_SET)
        group->OSEventCnt |= flags;
    else
        group->OSEventCnt &= ~flags;
    for (y = 0; y < OS_EVENT_TBL_SIZE; y++)
        for (x = 0; x < 8; x++) {
            OS_TCB *tcb = OSTCBPrioTbl[y * 8 + x];

            if (!(group->OSEventTbl[y] >> x & 1))
                continue;
            if (!met(group->OSEventCnt, tcb->OSTCBFlagsWait, tcb->OSTCBFlagsType))
                continue;
            take(group, tcb->OSTCBFlagsWait, tcb->OSTCBFlagsType);
            os_event_leave(tcb);
            tcb->OSTCBResult = FLAGS(group->OSEventCnt, OS_NO_ERR);
            os_ready(tcb);
        }
    return FLAGS(group->OSEventCnt, OS_NO_ERR);
}

/* OSFlagAccept(pgrp, flags, wait_type, err): flags | wait_type << 16 */
INT32U call_flag_accept(INT32U pgrp, INT32U flags_type, INT32U c, INT32U d)
{
    OS_EVENT *group = (OS_EVENT *)pgrp;
    OS_FLAGS  flags = flags_type;
    INT8U     type = flags_type >> 16;
    INT8U     err = os_event_check(pgrp, OS_EVENT_TYPE_FLAG);

    if (err == OS_NO_ERR)
        err = check_type(flags_type >> 16);
    if (err != OS_NO_ERR)
        return FLAGS(0, err);
    if (!met(group->OSEventCnt, flags, type))
        return FLAGS(group->OSEventCnt, OS_FLAG_ERR_NOT_RDY);
    take(group, flags, type);
    return FLAGS(group->OSEventCnt, OS_NO_ERR);
}

/* OSFlagQuery(pgrp, err) */
INT32U call_flag_query(INT32U pgrp, INT32U b, INT32U c, INT32U d)
{
    INT8U err = os_event_check(pgrp, OS_EVENT_TYPE_FLAG);

    return FLAGS(err == OS_NO_ERR ? ((OS_EVENT *)pgrp)->OSEventCnt : 0, err);
}
