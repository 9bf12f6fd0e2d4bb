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
#define OS_PRIO_SELF            0xff
#define OS_MAX_EVENTS           24      /* semaphores, mutexes, mailboxes, queues, flag groups */
#define OS_MAX_QS               4
#define OS_MAX_Q_SIZE           16      /* messages in a queue */
#define OS_MAX_MEM_PART         4
#define OS_MAX_MEM_BLKS         32      /* blocks in a partition */
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
#define OS_ERR_OWNER            202     /* a memory block that is not the caller's */
#define OS_ERR_LOCKED           203     /* the caller would wait with the scheduler locked */
#define OS_ERR_ISOLATED         204     /* asks about memory of another task */
#define OS_ERR_VM               205     /* no such VM, or a message of no allowed length */
#define OS_ERR_VM_FULL          206     /* the other VM has no room for a message now */

/* OSTCBStat: what a task waits for. */
#define OS_STAT_RDY             0x00
#define OS_STAT_SEM             0x01
#define OS_STAT_MBOX            0x02
#define OS_STAT_Q               0x04
#define OS_STAT_SUSPEND         0x08
#define OS_STAT_MUTEX           0x10
#define OS_STAT_FLAG            0x20

/* OSEventType: what an event control block is. */
#define OS_EVENT_TYPE_UNUSED    0
#define OS_EVENT_TYPE_MBOX      1
#define OS_EVENT_TYPE_Q         2
#define OS_EVENT_TYPE_SEM       3
#define OS_EVENT_TYPE_MUTEX     4
#define OS_EVENT_TYPE_FLAG      5

/* Options. */
#define OS_TASK_OPT_STK_CHK     0x0001
#define OS_TASK_OPT_STK_CLR     0x0002
#define OS_TASK_OPT_SAVE_FP     0x0004
#define OS_DEL_NO_PEND          0
#define OS_DEL_ALWAYS           1
#define OS_POST_OPT_NONE        0x00
#define OS_POST_OPT_BROADCAST   0x01
#define OS_POST_OPT_LIFO        0x02
#define OS_FLAG_WAIT_CLR_ALL    0
#define OS_FLAG_WAIT_CLR_AND    0
#define OS_FLAG_WAIT_CLR_ANY    1
#define OS_FLAG_WAIT_CLR_OR     1
#define OS_FLAG_WAIT_SET_ALL    2
#define OS_FLAG_WAIT_SET_AND    2
#define OS_FLAG_WAIT_SET_ANY    3
#define OS_FLAG_WAIT_SET_OR     3
#define OS_FLAG_CONSUME         0x80
#define OS_FLAG_CLR             0
#define OS_FLAG_SET             1

typedef INT16U OS_FLAGS;

/*
 * An event control block. Tasks hold its address as a handle and can't look inside.
 * A flag group is one too: OSEventCnt holds its flags.
 */
typedef struct os_event {
    INT8U  OSEventType;
    INT8U  OSEventGrp;                  /* bit y: someone of priorities 8y..8y+7 waits */
    INT16U OSEventCnt;                  /* semaphore: count; mutex: PIP and owner's priority */
    void  *OSEventPtr;                  /* mailbox: message; queue: its OS_Q; mutex: owner; free: next */
    INT8U  OSEventTbl[OS_EVENT_TBL_SIZE];
} OS_EVENT;

typedef OS_EVENT OS_FLAG_GRP;

/* A memory partition; a handle too. */
typedef struct os_mem OS_MEM;

/* A task control block. OSTaskQuery() gives a copy. */
typedef struct os_tcb {
    struct os_tcb *OSTCBNext;           /* list of all tasks */
    struct os_tcb *OSTCBPrev;
    OS_EVENT      *OSTCBEventPtr;       /* what the task waits for */
    void          *OSTCBExtPtr;
    OS_STK        *OSTCBStkBottom;
    INT32U         OSTCBStkSize;        /* in OS_STK */
    INT32U         OSTCBResult;         /* of its last call */
    INT16U         OSTCBOpt;
    INT16U         OSTCBId;
    INT16U         OSTCBDly;            /* ticks still to wait, 0: no limit */
    OS_FLAGS       OSTCBFlagsWait;      /* flags waited for, and how */
    INT8U          OSTCBFlagsType;
    INT8U          OSTCBStat;
    INT8U          OSTCBPrio;           /* at present */
    INT8U          OSTCBBasePrio;       /* without what a mutex lends */
    INT8U          OSTCBDelReq;
    INT8U          OSTCBDeliver;        /* OSTCBResult is still to be put in its r0 */
} OS_TCB;

/* What the queries fill. */
typedef struct os_sem_data {
    INT16U OSCnt;
    INT8U  OSEventTbl[OS_EVENT_TBL_SIZE];
    INT8U  OSEventGrp;
} OS_SEM_DATA;

typedef struct os_mutex_data {
    INT8U OSEventTbl[OS_EVENT_TBL_SIZE];
    INT8U OSEventGrp;
    INT8U OSValue;                      /* 1: free */
    INT8U OSOwnerPrio;
    INT8U OSMutexPIP;
} OS_MUTEX_DATA;

typedef struct os_mbox_data {
    void *OSMsg;
    INT8U OSEventTbl[OS_EVENT_TBL_SIZE];
    INT8U OSEventGrp;
} OS_MBOX_DATA;

typedef struct os_q_data {
    void  *OSMsg;                       /* the next to be taken */
    INT16U OSNMsgs;
    INT16U OSQSize;
    INT8U  OSEventTbl[OS_EVENT_TBL_SIZE];
    INT8U  OSEventGrp;
} OS_Q_DATA;

typedef struct os_mem_data {
    void  *OSAddr;
    void  *OSFreeList;                  /* the next to be given, NULL: none */
    INT32U OSBlkSize;
    INT32U OSNBlks;
    INT32U OSNFree;
    INT32U OSNUsed;
} OS_MEM_DATA;

typedef struct os_stk_data {
    INT32U OSFree;                      /* bytes never used */
    INT32U OSUsed;
} OS_STK_DATA;

/* Tasks. The stack of a task is that of its area: ptos, pbos and stk_size are accepted, not used. */
INT8U     OSTaskCreate(void (*task)(void *pd), void *pdata, OS_STK *ptos, INT8U prio);
INT8U     OSTaskCreateExt(void (*task)(void *pd), void *pdata, OS_STK *ptos, INT8U prio, INT16U id,
                          OS_STK *pbos, INT32U stk_size, void *pext, INT16U opt);
INT8U     OSTaskDel(INT8U prio);
INT8U     OSTaskDelReq(INT8U prio);
INT8U     OSTaskChangePrio(INT8U oldprio, INT8U newprio);
INT8U     OSTaskSuspend(INT8U prio);
INT8U     OSTaskResume(INT8U prio);
INT8U     OSTaskStkChk(INT8U prio, OS_STK_DATA *pdata);
INT8U     OSTaskQuery(INT8U prio, OS_TCB *pdata);

/* Time. */
void      OSTimeDly(INT16U ticks);
INT8U     OSTimeDlyHMSM(INT8U hours, INT8U minutes, INT8U seconds, INT16U milli);
INT8U     OSTimeDlyResume(INT8U prio);
INT32U    OSTimeGet(void);
void      OSTimeSet(INT32U ticks);

/* Semaphores. */
OS_EVENT *OSSemCreate(INT16U cnt);
OS_EVENT *OSSemDel(OS_EVENT *pevent, INT8U opt, INT8U *err);
void      OSSemPend(OS_EVENT *pevent, INT16U timeout, INT8U *err);
INT8U     OSSemPost(OS_EVENT *pevent);
INT16U    OSSemAccept(OS_EVENT *pevent);
INT8U     OSSemQuery(OS_EVENT *pevent, OS_SEM_DATA *pdata);

/* Mutexes; prio is the priority that the owner inherits. */
OS_EVENT *OSMutexCreate(INT8U prio, INT8U *err);
OS_EVENT *OSMutexDel(OS_EVENT *pevent, INT8U opt, INT8U *err);
void      OSMutexPend(OS_EVENT *pevent, INT16U timeout, INT8U *err);
INT8U     OSMutexPost(OS_EVENT *pevent);
INT8U     OSMutexAccept(OS_EVENT *pevent, INT8U *err);
INT8U     OSMutexQuery(OS_EVENT *pevent, OS_MUTEX_DATA *pdata);

/* Event flags. */
OS_FLAG_GRP *OSFlagCreate(OS_FLAGS flags, INT8U *err);
OS_FLAG_GRP *OSFlagDel(OS_FLAG_GRP *pgrp, INT8U opt, INT8U *err);
OS_FLAGS  OSFlagPend(OS_FLAG_GRP *pgrp, OS_FLAGS flags, INT8U wait_type, INT16U timeout, INT8U *err);
OS_FLAGS  OSFlagPost(OS_FLAG_GRP *pgrp, OS_FLAGS flags, INT8U opt, INT8U *err);
OS_FLAGS  OSFlagAccept(OS_FLAG_GRP *pgrp, OS_FLAGS flags, INT8U wait_type, INT8U *err);
OS_FLAGS  OSFlagQuery(OS_FLAG_GRP *pgrp, INT8U *err);

/* Mailboxes. A message of the values 0xfffffe00..0xfffffeff can't be sent: errors look like that. */
OS_EVENT *OSMboxCreate(void *msg);
OS_EVENT *OSMboxDel(OS_EVENT *pevent, INT8U opt, INT8U *err);
void     *OSMboxPend(OS_EVENT *pevent, INT16U timeout, INT8U *err);
INT8U     OSMboxPost(OS_EVENT *pevent, void *msg);
INT8U     OSMboxPostOpt(OS_EVENT *pevent, void *msg, INT8U opt);
void     *OSMboxAccept(OS_EVENT *pevent);
INT8U     OSMboxQuery(OS_EVENT *pevent, OS_MBOX_DATA *pdata);

/* Queues. The messages are kept in the kernel: start is accepted and not used. */
OS_EVENT *OSQCreate(void **start, INT16U size);
OS_EVENT *OSQDel(OS_EVENT *pevent, INT8U opt, INT8U *err);
void     *OSQPend(OS_EVENT *pevent, INT16U timeout, INT8U *err);
INT8U     OSQPost(OS_EVENT *pevent, void *msg);
INT8U     OSQPostFront(OS_EVENT *pevent, void *msg);
INT8U     OSQPostOpt(OS_EVENT *pevent, void *msg, INT8U opt);
void     *OSQAccept(OS_EVENT *pevent);
INT8U     OSQFlush(OS_EVENT *pevent);
INT8U     OSQQuery(OS_EVENT *pevent, OS_Q_DATA *pdata);

/* Memory partitions. A block belongs to who got it, and passes with a message that points to it. */
OS_MEM   *OSMemCreate(void *addr, INT32U nblks, INT32U blksize, INT8U *err);
void     *OSMemGet(OS_MEM *pmem, INT8U *err);
INT8U     OSMemPut(OS_MEM *pmem, void *pblk);
INT8U     OSMemQuery(OS_MEM *pmem, OS_MEM_DATA *pdata);

/* Scheduler and statistics. */
void      OSSchedLock(void);
void      OSSchedUnlock(void);
void      OSStatInit(void);
INT16U    OSVersion(void);

/* A task can't mask interrupts; it can keep other tasks out. */
#define OS_ENTER_CRITICAL()     OSSchedLock()
#define OS_EXIT_CRITICAL()      OSSchedUnlock()

/* Not in the standard. */
INT8S     OSCPUUsageGet(void);                                  /* percent, of the last second */
INT32U    OSTimeMicros(void);                                   /* microseconds, low 32 bits */
INT32S    OSPrint(const char *text, INT32U length);             /* to the VM's console */
INT32S    OSPrintf(const char *format, ...) __attribute__((format(printf, 1, 2)));
INT32S    OSGetChar(INT16U timeout, INT8U *err);                /* waits for a byte of input, or -1 */
INT32S    OSBootArg(char *buffer, INT32U size);                 /* the guest's boot argument */

/* Messages between VMs, of 1 to 240 bytes. OSVmReceive() waits; it gives the length, 0 on an error. */
INT8U     OSVmSend(INT8U vm, const void *buffer, INT16U length);
INT16U    OSVmReceive(INT8U *vm, void *buffer, INT16U size, INT16U timeout, INT8U *err);

#define OS_SHARED __attribute__((section(".bss.shared")))          /* a variable in the shared piece */

#endif
