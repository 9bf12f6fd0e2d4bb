/*
 * The controller: proportional, integral and derivative parts in 1/64, the integral bounded.
 */
#include "../bug.h"
#include "pid.h"

void controller(void *pdata)
{
    INT32S integral = 0, before = 0;
    INT32U step;
    INT8U  err;

    bug_arm();
    for (step = 0;; step++) {
        INT32S measured = VALUE(OSMboxPend(Measured, 0, &err));
        INT32S error = set_point(step) - measured;
        INT32S output;

        integral += error;
        if (integral > LIMIT * 16)
            integral = LIMIT * 16;
        if (integral < -LIMIT * 16)
            integral = -LIMIT * 16;
        output = (40 * error + 5 * integral + 20 * (before - measured)) / 64;
        before = measured;
        if (output < 0)
            output = 0;
        if (output > LIMIT)
            output = LIMIT;
        switch (bug_step()) {
        case BUG_CORRUPT:
            output ^= 0x100;
            break;
        case BUG_NEVER_POSTED:
            continue;
        default:
            break;
        }
        OSMboxPost(Control, MESSAGE(output));
    }
}
