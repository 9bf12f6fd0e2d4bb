/*
 * What the application's list gives to its tasks: their functions and the names of its events.
 */
#ifndef APP_H
#define APP_H

#include "ucos_ii.h"

extern OS_EVENT OSEventTbl[];

#define APP_TASK(area, function, priority, stack) void function(void *pdata);
#define APP_EVENT(number, name, create, argument) static OS_EVENT *const name = &OSEventTbl[number];
#include "app_list.h"

#endif
