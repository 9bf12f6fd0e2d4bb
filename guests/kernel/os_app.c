/*
 * The application's list as tables of the kernel, with addresses from the linker.
 */
#include "os.h"

#include "app.h"

extern char shared_start[], shared_end[];

const OS_AREA OSSharedArea = { .data_start = (INT32U)shared_start, .data_end = (INT32U)shared_end };

#define APP_TASK(area, function, priority, stack)                                                  \
    extern char task##area##_text_start[], task##area##_text_end[];                                \
    extern char task##area##_data_start[], task##area##_data_end[];                                \
    extern char task##area##_stack_start[], task##area##_stack_end[];
#include "app_list.h"

const OS_AREA OSArea[] = {
#define APP_TASK(area, function, priority, stack)                                                  \
    [area] = { (INT32U)task##area##_text_start,  (INT32U)task##area##_text_end,                    \
               (INT32U)task##area##_data_start,  (INT32U)task##area##_data_end,                    \
               (INT32U)task##area##_stack_start, (INT32U)task##area##_stack_end },
#include "app_list.h"
};

const OS_APP_TASK OSAppTask[] = {
#define APP_TASK(area, function, priority, stack) [area] = { function, priority },
#include "app_list.h"
};

const INT8U OSAreas = sizeof OSArea / sizeof OSArea[0];

OS_TCB OSTCBTbl[sizeof OSArea / sizeof OSArea[0]];

/* Creates the events, so that a task can name them from the start. */
void os_app_events(void)
{
#define APP_EVENT(number, name, create, argument)                                                  \
    if (call_##create(argument, 0, 0, 0) != (INT32U)name)       /* the list is out of order */     \
        port_halt(5);
#include "app_list.h"
}
