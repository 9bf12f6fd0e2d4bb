/* The body of both helpers. */
#include "conformance.h"

static void report(INT32U value)
{
    OSQPost(Results, REPORTED(value));
}

static void helper(enum command command)
{
    INT8U    err;
    INT32U   time;
    void    *msg;
    OS_FLAGS flags;

    switch (command) {
    case NOTHING:
        break;
    case PEND_SEM:
        OSSemPend(Sem, 0, &err);
        report(err);
        break;
    case PEND_SEM_SHORT:
        OSSemPend(Sem, 5, &err);
        report(err);
        break;
    case PEND_SEM_LONG:
        OSSemPend(Sem, 100, &err);
        report(err);
        break;
    case POST_SEM:
        OSSemPost(Sem);
        break;
    case DELAY:
        time = OSTimeGet();
        OSTimeDly(50);
        report(OSTimeGet() - time);
        break;
    case HOLD_MUTEX:
        OSMutexPend(Mutex, 0, &err);
        report(1);
        OSSemPend(Gate, 0, &err);
        OSMutexPost(Mutex);
        report(2);
        break;
    case HOLD_BOTH:
        OSMutexPend(Outer, 0, &err);
        OSMutexPend(Mutex, 0, &err);
        report(1);
        OSSemPend(Gate, 0, &err);
        OSMutexPost(Outer);
        report(3);
        OSSemPend(Gate, 0, &err);
        OSMutexPost(Mutex);
        report(2);
        break;
    case PEND_MUTEX:
        OSMutexPend(Mutex, 0, &err);
        report(err);
        OSMutexPost(Mutex);
        break;
    case PEND_OUTER:
        OSMutexPend(Outer, 0, &err);
        report(err);
        OSMutexPost(Outer);
        break;
    case PEND_MUTEX_SHORT:
        OSMutexPend(Mutex, 5, &err);
        report(err);
        break;
    case PEND_FLAGS_ALL:
        flags = OSFlagPend(Flags, 0x03, OS_FLAG_WAIT_SET_ALL | OS_FLAG_CONSUME, 0, &err);
        report(err << 8 | flags);
        break;
    case PEND_FLAGS_ANY:
        flags = OSFlagPend(Flags, 0x30, OS_FLAG_WAIT_SET_ANY, 0, &err);
        report(err << 8 | flags);
        break;
    case PEND_FLAGS_CLEAR:
        flags = OSFlagPend(Flags, 0x03, OS_FLAG_WAIT_CLR_ALL, 20, &err);
        report(err << 8 | flags);
        break;
    case PEND_BOX:
        msg = OSMboxPend(Box, 0, &err);
        report(msg != NULL ? (INT32U)msg : err);
        break;
    case PEND_BOX_SHORT:
        msg = OSMboxPend(Box, 5, &err);
        report(msg != NULL ? (INT32U)msg : err);
        break;
    case PEND_QUEUE:
        msg = OSQPend(Queue, 0, &err);
        report(msg != NULL ? (INT32U)msg : err);
        break;
    case PEND_QUEUE_SHORT:
        msg = OSQPend(Queue, 5, &err);
        report(msg != NULL ? (INT32U)msg : err);
        break;
    case SPIN:
        while (OSTaskDelReq(OS_PRIO_SELF) != OS_TASK_DEL_REQ)
            OSTimeDly(1);
        report(1);
        break;
    case REPORT:
        report(77);
        break;
    case TAKE_BLOCK:
        msg = OSMboxPend(Box, 0, &err);
        report(OSMemPut(OSMboxPend(Box, 0, &err), msg));
        break;
    case POST_GATE:
        OSSemPost(Gate);
        report(5);
        break;
    case LOCK:
        OSSchedLock();
        break;
    case HOLD_AND_WAIT:
        OSMutexPend(Mutex, 0, &err);
        report(1);
        for (;;)
            OSTimeDly(1000);
    }
    OSTaskDel(OS_PRIO_SELF);
}
