/*
 * Goes once through APP_DEF, the application's list. Who includes this has defined what an entry
 * gives; entries that it has not defined give nothing. No include guard: it is made to be repeated.
 *
 *   APP_TASK(area, function, priority, stack bytes)  a task; priority OS_PRIO_SELF: created later
 *   APP_SHARED                                       the application has variables with OS_SHARED
 *   APP_SEM(number, name, count)                     a semaphore
 *   APP_MUTEX(number, name, priority)                a mutex
 *   APP_FLAG(number, name, flags)                    a flag group
 *   APP_MBOX(number, name)                           a mailbox
 *   APP_Q(number, name, size)                        a queue
 *
 * Areas are numbered from 0 and the idle task is the last. Events of whatever kind are numbered from
 * 0 in the order of the list; tasks name them by name.
 */
#ifndef APP_TASK
#define APP_TASK(area, function, priority, stack)
#endif
#ifndef APP_SHARED
#define APP_SHARED
#endif
#ifndef APP_EVENT
#define APP_EVENT(number, name, create, argument)
#endif
#define APP_SEM(number, name, count)        APP_EVENT(number, name, sem_create, count)
#define APP_MUTEX(number, name, priority)   APP_EVENT(number, name, mutex_create, priority)
#define APP_FLAG(number, name, flags)       APP_EVENT(number, name, flag_create, flags)
#define APP_MBOX(number, name)              APP_EVENT(number, name, mbox_create, 0)
#define APP_Q(number, name, size)           APP_EVENT(number, name, q_create, size)
#include APP_DEF
#undef APP_TASK
#undef APP_SHARED
#undef APP_EVENT
#undef APP_SEM
#undef APP_MUTEX
#undef APP_FLAG
#undef APP_MBOX
#undef APP_Q
