/*
 * The calls as tasks see them. Common text: every task runs this copy.
 */
#include "os_call.h"

/* A pointer, or NULL and an error. */
static void *pointer(INT32U word, INT8U *err)
{
    if (OS_RESULT_IS_ERR(word)) {
        *err = word & 0xff;
        return NULL;
    }
    *err = OS_NO_ERR;
    return (void *)word;
}

/* Flags and an error. */
static OS_FLAGS flags_of(INT32U word, INT8U *err)
{
    *err = word >> 16;
    return word;
}

/* The deletes give NULL, or the event if it is still there. */
static OS_EVENT *deleted(INT32U call, OS_EVENT *pevent, INT8U opt, INT8U *err)
{
    *err = os_call(call, (INT32U)pevent, opt, 0, 0);
    return *err == OS_NO_ERR ? NULL : pevent;
}

/* Tasks. */

INT8U OSTaskCreate(void (*task)(void *pd), void *pdata, OS_STK *ptos, INT8U prio)
{
    return os_call(OS_CALL_task_create, (INT32U)task, (INT32U)pdata, prio, 0);
}

INT8U OSTaskCreateExt(void (*task)(void *pd), void *pdata, OS_STK *ptos, INT8U prio, INT16U id,
                      OS_STK *pbos, INT32U stk_size, void *pext, INT16U opt)
{
    return os_call(OS_CALL_task_create, (INT32U)task, (INT32U)pdata,
                   prio | (opt & 0xff) << 8 | (INT32U)id << 16, (INT32U)pext);
}

INT8U OSTaskDel(INT8U prio)
{
    return os_call(OS_CALL_task_del, prio, 0, 0, 0);
}

INT8U OSTaskDelReq(INT8U prio)
{
    return os_call(OS_CALL_task_del_req, prio, 0, 0, 0);
}

INT8U OSTaskChangePrio(INT8U oldprio, INT8U newprio)
{
    return os_call(OS_CALL_task_change_prio, oldprio, newprio, 0, 0);
}

INT8U OSTaskSuspend(INT8U prio)
{
    return os_call(OS_CALL_task_suspend, prio, 0, 0, 0);
}

INT8U OSTaskResume(INT8U prio)
{
    return os_call(OS_CALL_task_resume, prio, 0, 0, 0);
}

INT8U OSTaskStkChk(INT8U prio, OS_STK_DATA *pdata)
{
    return os_call(OS_CALL_task_stk_chk, prio, (INT32U)pdata, 0, 0);
}

INT8U OSTaskQuery(INT8U prio, OS_TCB *pdata)
{
    return os_call(OS_CALL_task_query, prio, (INT32U)pdata, 0, 0);
}

/* Time. */

void OSTimeDly(INT16U ticks)
{
    os_call(OS_CALL_time_dly, ticks, 0, 0, 0);
}

/* Longer than 65535 ticks goes in parts: OSTimeDlyResume() ends one of them. */
INT8U OSTimeDlyHMSM(INT8U hours, INT8U minutes, INT8U seconds, INT16U milli)
{
    INT32U ticks;

    if (minutes > 59)
        return OS_TIME_INVALID_MINUTES;
    if (seconds > 59)
        return OS_TIME_INVALID_SECONDS;
    if (milli > 999)
        return OS_TIME_INVALID_MILLI;
    if (hours == 0 && minutes == 0 && seconds == 0 && milli == 0)
        return OS_TIME_ZERO_DLY;
    ticks = (hours * 3600u + minutes * 60u + seconds) * OS_TICKS_PER_SEC
          + (milli * OS_TICKS_PER_SEC + 500) / 1000;
    for (; ticks > 0xffff; ticks -= 0xffff)
        OSTimeDly(0xffff);
    OSTimeDly(ticks);
    return OS_NO_ERR;
}

INT8U OSTimeDlyResume(INT8U prio)
{
    return os_call(OS_CALL_time_dly_resume, prio, 0, 0, 0);
}

INT32U OSTimeGet(void)
{
    return os_call(OS_CALL_time_get, 0, 0, 0, 0);
}

void OSTimeSet(INT32U ticks)
{
    os_call(OS_CALL_time_set, ticks, 0, 0, 0);
}

/* Semaphores. */

OS_EVENT *OSSemCreate(INT16U cnt)
{
    return (OS_EVENT *)os_call(OS_CALL_sem_create, cnt, 0, 0, 0);
}

OS_EVENT *OSSemDel(OS_EVENT *pevent, INT8U opt, INT8U *err)
{
    return deleted(OS_CALL_sem_del, pevent, opt, err);
}

void OSSemPend(OS_EVENT *pevent, INT16U timeout, INT8U *err)
{
    *err = os_call(OS_CALL_sem_pend, (INT32U)pevent, timeout, 0, 0);
}

INT8U OSSemPost(OS_EVENT *pevent)
{
    return os_call(OS_CALL_sem_post, (INT32U)pevent, 0, 0, 0);
}

INT16U OSSemAccept(OS_EVENT *pevent)
{
    return os_call(OS_CALL_sem_accept, (INT32U)pevent, 0, 0, 0);
}

INT8U OSSemQuery(OS_EVENT *pevent, OS_SEM_DATA *pdata)
{
    return os_call(OS_CALL_sem_query, (INT32U)pevent, (INT32U)pdata, 0, 0);
}

/* Mutexes. */

OS_EVENT *OSMutexCreate(INT8U prio, INT8U *err)
{
    return pointer(os_call(OS_CALL_mutex_create, prio, 0, 0, 0), err);
}

OS_EVENT *OSMutexDel(OS_EVENT *pevent, INT8U opt, INT8U *err)
{
    return deleted(OS_CALL_mutex_del, pevent, opt, err);
}

void OSMutexPend(OS_EVENT *pevent, INT16U timeout, INT8U *err)
{
    *err = os_call(OS_CALL_mutex_pend, (INT32U)pevent, timeout, 0, 0);
}

INT8U OSMutexPost(OS_EVENT *pevent)
{
    return os_call(OS_CALL_mutex_post, (INT32U)pevent, 0, 0, 0);
}

INT8U OSMutexAccept(OS_EVENT *pevent, INT8U *err)
{
    INT32U word = os_call(OS_CALL_mutex_accept, (INT32U)pevent, 0, 0, 0);

    *err = word & 0xff;
    return word >> 8;
}

INT8U OSMutexQuery(OS_EVENT *pevent, OS_MUTEX_DATA *pdata)
{
    return os_call(OS_CALL_mutex_query, (INT32U)pevent, (INT32U)pdata, 0, 0);
}

/* Event flags. */

OS_FLAG_GRP *OSFlagCreate(OS_FLAGS flags, INT8U *err)
{
    return pointer(os_call(OS_CALL_flag_create, flags, 0, 0, 0), err);
}

OS_FLAG_GRP *OSFlagDel(OS_FLAG_GRP *pgrp, INT8U opt, INT8U *err)
{
    return deleted(OS_CALL_flag_del, pgrp, opt, err);
}

OS_FLAGS OSFlagPend(OS_FLAG_GRP *pgrp, OS_FLAGS flags, INT8U wait_type, INT16U timeout, INT8U *err)
{
    return flags_of(os_call(OS_CALL_flag_pend, (INT32U)pgrp, flags | (INT32U)wait_type << 16, timeout, 0),
                    err);
}

OS_FLAGS OSFlagPost(OS_FLAG_GRP *pgrp, OS_FLAGS flags, INT8U opt, INT8U *err)
{
    return flags_of(os_call(OS_CALL_flag_post, (INT32U)pgrp, flags, opt, 0), err);
}

OS_FLAGS OSFlagAccept(OS_FLAG_GRP *pgrp, OS_FLAGS flags, INT8U wait_type, INT8U *err)
{
    return flags_of(os_call(OS_CALL_flag_accept, (INT32U)pgrp, flags | (INT32U)wait_type << 16, 0, 0),
                    err);
}

OS_FLAGS OSFlagQuery(OS_FLAG_GRP *pgrp, INT8U *err)
{
    return flags_of(os_call(OS_CALL_flag_query, (INT32U)pgrp, 0, 0, 0), err);
}

/* Mailboxes. */

OS_EVENT *OSMboxCreate(void *msg)
{
    return (OS_EVENT *)os_call(OS_CALL_mbox_create, (INT32U)msg, 0, 0, 0);
}

OS_EVENT *OSMboxDel(OS_EVENT *pevent, INT8U opt, INT8U *err)
{
    return deleted(OS_CALL_mbox_del, pevent, opt, err);
}

void *OSMboxPend(OS_EVENT *pevent, INT16U timeout, INT8U *err)
{
    return pointer(os_call(OS_CALL_mbox_pend, (INT32U)pevent, timeout, 0, 0), err);
}

INT8U OSMboxPost(OS_EVENT *pevent, void *msg)
{
    return os_call(OS_CALL_mbox_post, (INT32U)pevent, (INT32U)msg, OS_POST_OPT_NONE, 0);
}

INT8U OSMboxPostOpt(OS_EVENT *pevent, void *msg, INT8U opt)
{
    return os_call(OS_CALL_mbox_post, (INT32U)pevent, (INT32U)msg, opt, 0);
}

void *OSMboxAccept(OS_EVENT *pevent)
{
    return (void *)os_call(OS_CALL_mbox_accept, (INT32U)pevent, 0, 0, 0);
}

INT8U OSMboxQuery(OS_EVENT *pevent, OS_MBOX_DATA *pdata)
{
    return os_call(OS_CALL_mbox_query, (INT32U)pevent, (INT32U)pdata, 0, 0);
}

/* Queues. */

OS_EVENT *OSQCreate(void **start, INT16U size)
{
    return (OS_EVENT *)os_call(OS_CALL_q_create, size, 0, 0, 0);
}

OS_EVENT *OSQDel(OS_EVENT *pevent, INT8U opt, INT8U *err)
{
    return deleted(OS_CALL_q_del, pevent, opt, err);
}

void *OSQPend(OS_EVENT *pevent, INT16U timeout, INT8U *err)
{
    return pointer(os_call(OS_CALL_q_pend, (INT32U)pevent, timeout, 0, 0), err);
}

INT8U OSQPost(OS_EVENT *pevent, void *msg)
{
    return os_call(OS_CALL_q_post, (INT32U)pevent, (INT32U)msg, OS_POST_OPT_NONE, 0);
}

INT8U OSQPostFront(OS_EVENT *pevent, void *msg)
{
    return os_call(OS_CALL_q_post, (INT32U)pevent, (INT32U)msg, OS_POST_OPT_LIFO, 0);
}

INT8U OSQPostOpt(OS_EVENT *pevent, void *msg, INT8U opt)
{
    return os_call(OS_CALL_q_post, (INT32U)pevent, (INT32U)msg, opt, 0);
}

void *OSQAccept(OS_EVENT *pevent)
{
    return (void *)os_call(OS_CALL_q_accept, (INT32U)pevent, 0, 0, 0);
}

INT8U OSQFlush(OS_EVENT *pevent)
{
    return os_call(OS_CALL_q_flush, (INT32U)pevent, 0, 0, 0);
}

INT8U OSQQuery(OS_EVENT *pevent, OS_Q_DATA *pdata)
{
    return os_call(OS_CALL_q_query, (INT32U)pevent, (INT32U)pdata, 0, 0);
}

/* Memory partitions. */

OS_MEM *OSMemCreate(void *addr, INT32U nblks, INT32U blksize, INT8U *err)
{
    return pointer(os_call(OS_CALL_mem_create, (INT32U)addr, nblks, blksize, 0), err);
}

void *OSMemGet(OS_MEM *pmem, INT8U *err)
{
    return pointer(os_call(OS_CALL_mem_get, (INT32U)pmem, 0, 0, 0), err);
}

INT8U OSMemPut(OS_MEM *pmem, void *pblk)
{
    return os_call(OS_CALL_mem_put, (INT32U)pmem, (INT32U)pblk, 0, 0);
}

INT8U OSMemQuery(OS_MEM *pmem, OS_MEM_DATA *pdata)
{
    return os_call(OS_CALL_mem_query, (INT32U)pmem, (INT32U)pdata, 0, 0);
}

/* Scheduler, statistics and what is not in the standard. */

void OSSchedLock(void)
{
    os_call(OS_CALL_sched_lock, 0, 0, 0, 0);
}

void OSSchedUnlock(void)
{
    os_call(OS_CALL_sched_unlock, 0, 0, 0, 0);
}

void OSStatInit(void)
{
    os_call(OS_CALL_stat_init, 0, 0, 0, 0);
}

INT8S OSCPUUsageGet(void)
{
    return os_call(OS_CALL_cpu_usage, 0, 0, 0, 0);
}

INT16U OSVersion(void)
{
    return OS_VERSION;
}

INT32U OSTimeMicros(void)
{
    return os_call(OS_CALL_micros, 0, 0, 0, 0);
}

INT32S OSPrint(const char *text, INT32U length)
{
    return os_call(OS_CALL_print, (INT32U)text, length, 0, 0);
}

/* What arrives wakes who waits, who then has to fetch it; another may have been faster. */
static INT32U fetch(INT32U number, INT32U a, INT32U b, INT32U c)
{
    INT32U word;

    do
        word = os_call(number, a, b, c, 0);
    while (word == OS_RESULT_AGAIN);
    return word;
}

INT32S OSGetChar(INT16U timeout, INT8U *err)
{
    INT32U word = fetch(OS_CALL_getc, timeout, 0, 0);

    *err = OS_RESULT_IS_ERR(word) ? word & 0xff : OS_NO_ERR;
    return *err == OS_NO_ERR ? (INT32S)word : -1;
}

INT8U OSVmSend(INT8U vm, const void *buffer, INT16U length)
{
    return os_call(OS_CALL_vm_send, vm, (INT32U)buffer, length, 0);
}

INT16U OSVmReceive(INT8U *vm, void *buffer, INT16U size, INT16U timeout, INT8U *err)
{
    INT32U word = fetch(OS_CALL_vm_receive, (INT32U)buffer, size, timeout);

    if (!OS_RESULT_IS_ERR(word)) {
        *vm = word >> 8;
        word = os_call(OS_CALL_vm_copy, (INT32U)buffer, size, word >> 16, 0);
    }
    *err = OS_RESULT_IS_ERR(word) ? word & 0xff : OS_NO_ERR;
    return *err == OS_NO_ERR ? word : 0;
}

INT32S OSBootArg(char *buffer, INT32U size)
{
    return os_call(OS_CALL_boot_arg, (INT32U)buffer, size, 0, 0);
}
