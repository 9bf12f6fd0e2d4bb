/*
 * The application table, from APP_DEF and the linker.
 */
#include "os.h"

#include "app.h"

#define APP_SEM(number, name, count)

#define APP_TASK(area, function, priority, stack)                                                  \
    extern char task##area##_text_start[], task##area##_text_end[];                                \
    extern char task##area##_data_start[], task##area##_data_end[];                                \
    extern char task##area##_stack_start[], task##area##_stack_end[];
#include APP_DEF
#undef APP_TASK

const OS_AREA OSArea[] = {
#define APP_TASK(area, function, priority, stack)                                                  \
    [area] = { (INT32U)task##area##_text_start,  (INT32U)task##area##_text_end,                    \
               (INT32U)task##area##_data_start,  (INT32U)task##area##_data_end,                    \
               (INT32U)task##area##_stack_start, (INT32U)task##area##_stack_end },
#include APP_DEF
#undef APP_TASK
};

const OS_APP_TASK OSAppTask[] = {
#define APP_TASK(area, function, priority, stack) [area] = { function, priority },
#include APP_DEF
#undef APP_TASK
};

const INT8U OSAreas = sizeof OSArea / sizeof OSArea[0];

#undef APP_SEM
/* Creates the events of the application, so that a task can name them from the start. */
void os_app_events(void)
{
#define APP_TASK(area, function, priority, stack)
#define APP_SEM(number, name, count) call_sem_create(count, 0, 0);
#include APP_DEF
}
