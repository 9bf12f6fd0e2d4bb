/* What the kernel part of the conformance program writes down for the tests. */
#ifndef HOOKS_H
#define HOOKS_H

#include "ucos_ii.h"

enum hook { INIT_BEGIN, INIT_END, TCB_INIT, TASK_CREATE, TASK_DEL, TASK_SW, TASK_IDLE, TASK_STAT, TIME_TICK, HOOKS };

/* How often each was called. */
extern volatile INT32U HookCalls[HOOKS];

/* What calls gave inside an interrupt. */
struct isr {
    INT32U nesting, deeper, back;       /* OSIntNesting; after OSIntEnter(), after OSIntExit() */
    INT32U sem_pend, mutex_pend, mutex_accept, flag_pend, mbox_pend, q_pend;
    INT32U sem_create, mutex_create, flag_create, mbox_create, q_create;
    INT32U sem_del, mutex_del, flag_del, mbox_del, q_del, task_del;
    INT32U mutex_post, mutex_query;
    INT32U sem_post, mbox_post, q_post, flag_post;
};

extern volatile struct isr Isr;

/* 1: the next tick makes the calls, and makes it 2. */
extern volatile INT32U IsrAsked;

#endif
