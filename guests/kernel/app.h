/*
 * The application: what APP_DEF lists.
 *
 *   APP_TASK(area, function, priority, stack bytes)   a task; OS_PRIO_SELF: not created at the start
 *   APP_SEM(number, name, count)                      a semaphore; tasks name it by `name`
 *
 * Areas and events are numbered from 0 without a gap. The idle task is the last area.
 */
#ifndef APP_H
#define APP_H

#include "ucos_ii.h"

extern OS_EVENT OSEventTbl[];

#define APP_TASK(area, function, priority, stack) void function(void *pdata);
#define APP_SEM(number, name, count) static OS_EVENT *const name = &OSEventTbl[number];
#include APP_DEF
#undef APP_TASK
#undef APP_SEM

#endif
