/*
 * The plant: a first-order lag with a dead time of two steps. Each tick it shows its output and takes
 * what the controller sets. Every tenth step is told, with the checksum of all steps so far.
 */
#include "../crc.h"
#include "pid.h"

void plant(void *pdata)
{
    INT32S output = 0, late[2] = { 0, 0 }, input = 0;
    INT32U step, crc = 0, missed = 0;
    INT8U  err;

    for (step = 0;; step++) {
        void *message;

        OSMboxPost(Measured, MESSAGE(output));
        message = OSMboxPend(Control, 3, &err);
        if (err == OS_NO_ERR)
            input = VALUE(message);
        else
            missed++;                   /* the last input stays */
        output += (late[1] * 16 / 10 - output) / 8;
        late[1] = late[0];
        late[0] = input;
        crc = crc32(crc, &output, sizeof output);
        if (step % 10 == 9)
            OSPrintf("pid: step %u set %d out %d in %d missed %u crc %08x\n", step + 1, set_point(step),
                     output, input, missed, crc);
        OSTimeDly(1);
    }
}
