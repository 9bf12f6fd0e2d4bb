/*
 * The kernel's interface to tasks: names, types and error codes as published for MicroC/OS-II 2.52.
 *
 * Written from the published interface; no line of the original is in it. Where isolation changes
 * the standard behaviour the line says so.
 */
#ifndef UCOS_II_H
#define UCOS_II_H

#include <stddef.h>
#include <stdint.h>

#define OS_VERSION              252     /* 2.52 */

typedef uint8_t  BOOLEAN;
typedef uint8_t  INT8U;
typedef int8_t   INT8S;
typedef uint16_t INT16U;
typedef int16_t  INT16S;
typedef unsigned int INT32U;
typedef int      INT32S;
typedef INT32U   OS_STK;

#define FALSE                   0
#define TRUE                    1

/* Configuration. */
#define OS_TICKS_PER_SEC        100
#define OS_LOWEST_PRIO          63
#define OS_IDLE_PRIO            OS_LOWEST_PRIO
#define OS_MAX_TASKS            26      /* task areas of a slot */
#define OS_MAX_EVENTS           16
#define OS_PRIO_SELF            0xff
#define OS_EVENT_TBL_SIZE       8
#define OS_RDY_TBL_SIZE         8

/* Error codes. */
#define OS_NO_ERR               0
#define OS_ERR_EVENT_TYPE       1
#define OS_ERR_PEND_ISR         2
#define OS_ERR_POST_NULL_PTR    3
#define OS_ERR_PEVENT_NULL      4
#define OS_ERR_POST_ISR         5
#define OS_ERR_QUERY_ISR        6
#define OS_ERR_INVALID_OPT      7
#define OS_ERR_TASK_WAITING     8
#define OS_TIMEOUT              10
#define OS_TASK_NOT_EXIST       11
#define OS_MBOX_FULL            20
#define OS_Q_FULL               30
#define OS_PRIO_EXIST           40
#define OS_PRIO_ERR             41
#define OS_PRIO_INVALID         42
#define OS_SEM_OVF              50
#define OS_TASK_DEL_ERR         60
#define OS_TASK_DEL_IDLE        61
#define OS_TASK_DEL_REQ         62
#define OS_TASK_DEL_ISR         63
#define OS_NO_MORE_TCB          70
#define OS_TIME_NOT_DLY         80
#define OS_TIME_INVALID_MINUTES 81
#define OS_TIME_INVALID_SECONDS 82
#define OS_TIME_INVALID_MILLI   83
#define OS_TIME_ZERO_DLY        84
#define OS_TASK_SUSPEND_PRIO    90
#define OS_TASK_SUSPEND_IDLE    91
#define OS_TASK_RESUME_PRIO     100
#define OS_TASK_NOT_SUSPENDED   101
#define OS_MEM_INVALID_PART     110
#define OS_MEM_INVALID_BLKS     111
#define OS_MEM_INVALID_SIZE     112
#define OS_MEM_NO_FREE_BLKS     113
#define OS_MEM_FULL             114
#define OS_MEM_INVALID_PBLK     115
#define OS_MEM_INVALID_PMEM     116
#define OS_MEM_INVALID_PDATA    117
#define OS_MEM_INVALID_ADDR     118
#define OS_ERR_NOT_MUTEX_OWNER  120
#define OS_TASK_OPT_ERR         130
#define OS_ERR_DEL_ISR          140
#define OS_ERR_CREATE_ISR       141
#define OS_FLAG_INVALID_PGRP    150
#define OS_FLAG_ERR_WAIT_TYPE   151
#define OS_FLAG_ERR_NOT_RDY     152
#define OS_FLAG_INVALID_OPT     153
#define OS_FLAG_GRP_DEPLETED    154
/* Not in the standard: what isolation adds. */
#define OS_ERR_ADDRESS          200     /* a pointer outside what the caller may touch */
#define OS_ERR_CALL             201     /* no kernel call of that number */

/* What an OS_EVENT is. */
#define OS_EVENT_TYPE_UNUSED    0
#define OS_EVENT_TYPE_MBOX      1
#define OS_EVENT_TYPE_Q         2
#define OS_EVENT_TYPE_SEM       3
#define OS_EVENT_TYPE_MUTEX     4
#define OS_EVENT_TYPE_FLAG      5

/* An event control block. Tasks hold its address as a handle and can't look inside. */
typedef struct os_event {
    INT8U  OSEventType;
    INT8U  OSEventGrp;                  /* bit y: someone of priorities 8y..8y+7 waits */
    INT16U OSEventCnt;                  /* semaphore: its count */
    void  *OSEventPtr;                  /* mailbox: message; queue: its control block */
    INT8U  OSEventTbl[OS_EVENT_TBL_SIZE];
} OS_EVENT;

/* What OSSemQuery() fills. */
typedef struct os_sem_data {
    INT16U OSCnt;
    INT8U  OSEventTbl[OS_EVENT_TBL_SIZE];
    INT8U  OSEventGrp;
} OS_SEM_DATA;

/* Tasks. The stack of a task is that of its area: `ptos` is accepted and not used. */
INT8U     OSTaskCreate(void (*task)(void *pd), void *pdata, OS_STK *ptos, INT8U prio);
INT8U     OSTaskDel(INT8U prio);
INT8U     OSTaskSuspend(INT8U prio);
INT8U     OSTaskResume(INT8U prio);

/* Time. */
void      OSTimeDly(INT16U ticks);
INT32U    OSTimeGet(void);
void      OSTimeSet(INT32U ticks);

/* Semaphores. */
OS_EVENT *OSSemCreate(INT16U cnt);
void      OSSemPend(OS_EVENT *pevent, INT16U timeout, INT8U *err);
INT8U     OSSemPost(OS_EVENT *pevent);
INT16U    OSSemAccept(OS_EVENT *pevent);
INT8U     OSSemQuery(OS_EVENT *pevent, OS_SEM_DATA *pdata);

/* Miscellaneous. */
INT16U    OSVersion(void);

/* Not in the standard. */
INT32S    OSPrint(const char *text, INT32U length);             /* to the VM's console */
INT32S    OSPrintf(const char *format, ...) __attribute__((format(printf, 1, 2)));
INT32S    OSBootArg(char *buffer, INT32U size);                 /* the guest's boot argument */

#endif
