/* What the parts of the conformance program share. */
#ifndef CONFORMANCE_H
#define CONFORMANCE_H

#include "app.h"

#define SELF            10      /* priorities */
#define LOW             20
#define HIGH            5
#define NOWHERE         40      /* nobody's */

/* What a helper does; it gets the number as its argument and deletes itself at the end. */
enum command {
    NOTHING,
    PEND_SEM,                   /* waits for Sem, reports the error */
    PEND_SEM_SHORT,             /* the same for 5 ticks at most */
    PEND_SEM_LONG,              /* the same for 100 ticks at most */
    POST_SEM,
    DELAY,                      /* waits for 50 ticks, reports how many it were */
    HOLD_MUTEX,                 /* takes Mutex, reports 1, waits for Gate, gives it back, reports 2 */
    HOLD_BOTH,                  /* the same with Outer and then Mutex; reports 3 between the two */
    PEND_MUTEX,                 /* waits for Mutex, reports the error, gives it back */
    PEND_OUTER,
    PEND_MUTEX_SHORT,           /* waits for Mutex for 5 ticks at most, reports the error */
    PEND_FLAGS_ALL,             /* waits for flags 3, takes them, reports the error and what is left */
    PEND_FLAGS_ANY,             /* waits for one of 0x30 */
    PEND_FLAGS_CLEAR,           /* waits until flags 3 are clear */
    PEND_BOX,                   /* waits for a message in Box, reports it or the error */
    PEND_BOX_SHORT,
    PEND_QUEUE,
    PEND_QUEUE_SHORT,
    SPIN,                       /* counts until it is asked to delete itself, reports 1 */
    REPORT,                     /* reports 77 */
    TAKE_BLOCK,                 /* takes a block from Box and gives it back, reports the error */
    POST_GATE,                  /* posts Gate, reports 5 */
    LOCK,                       /* locks the scheduler */
    HOLD_AND_WAIT               /* takes Mutex, reports 1, then waits for ever */
};

/* A report of a helper, as a message that is never 0. */
#define REPORTED(value)         ((void *)((value) + 0x10000))

/* Counts a check and prints its line if it failed. */
void   check(BOOLEAN passed, INT32U line);
#define CHECK(condition)        check(condition, __LINE__)

INT32S result(INT16U timeout);  /* the next report, -1 if none comes in so many ticks */
void   start(INT8U prio, enum command command);
void   wait_end(INT8U prio);    /* until the helper has deleted itself */

void   test_task(void);
void   test_time(void);
void   test_sem(void);
void   test_mutex(void);
void   test_flag(void);
void   test_mbox(void);
void   test_q(void);
void   test_mem(void);
void   test_misc(void);
void   test_isr(void);

#endif
