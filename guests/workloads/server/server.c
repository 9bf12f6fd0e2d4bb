/*
 * Answers each request with the sum of its words.
 */
#include "../bug.h"
#include "message.h"

void server(void *pdata)
{
    INT32U answered = 0, bad = 0, i;

    bug_arm();
    for (;;) {
        struct request request;
        struct answer  answer = { 0, 0, 0 };
        INT8U          vm, err;
        INT16U         length = OSVmReceive(&vm, &request, sizeof request, 0, &err);

        if (err != OS_NO_ERR)
            continue;
        if (length != sizeof request
            || request.crc != crc32(0, &request, offsetof(struct request, crc))) {
            bad++;
            continue;
        }
        answer.number = request.number;
        for (i = 0; i < WORDS; i++)
            answer.sum += request.words[i];
        switch (bug_step()) {
        case BUG_CORRUPT:
            answer.sum ^= 0x10;
            break;
        case BUG_NEVER_POSTED:
            continue;
        default:
            break;
        }
        answer.crc = crc32(0, &answer, offsetof(struct answer, crc));
        while (OSVmSend(vm, &answer, sizeof answer) == OS_ERR_VM_FULL)
            OSTimeDly(1);
        if (++answered % 10 == 0)
            OSPrintf("server: %u answered, %u bad, the last from VM %u\n", answered, bad, vm);
    }
}
