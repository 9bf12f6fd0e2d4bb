/*
 * Asks VM `to` (boot argument; 1) every 20 ms, and checks number, checksum and sum of the answer.
 */
#include "../bug.h"
#include "../server/message.h"

void client(void *pdata)
{
    char   argument[64];
    INT32U number, seed = 1, right = 0, wrong = 0, missing = 0, i;
    INT8U  to;

    OSBootArg(argument, sizeof argument);
    to = argument_number(argument, "to", 1);
    bug_arm();
    for (number = 1;; number++) {
        struct request request = { .number = number };
        struct answer  answer;
        INT32U         sum = 0;
        INT8U          vm, err;
        INT16U         length;

        for (i = 0; i < WORDS; i++) {
            seed = seed * 1664525 + 1013904223;
            sum += request.words[i] = seed;
        }
        request.crc = crc32(0, &request, offsetof(struct request, crc));
        if (bug_step() == BUG_CORRUPT)
            request.words[number % WORDS] ^= 1;
        while ((err = OSVmSend(to, &request, sizeof request)) == OS_ERR_VM_FULL)
            OSTimeDly(1);
        length = OSVmReceive(&vm, &answer, sizeof answer, 20, &err);
        if (err == OS_TIMEOUT)
            missing++;
        else if (length == sizeof answer && answer.number == number && answer.sum == sum
                 && answer.crc == crc32(0, &answer, offsetof(struct answer, crc)))
            right++;
        else
            wrong++;
        if (number % 10 == 0)
            OSPrintf("client: %u asked, %u right, %u wrong, %u missing, seed %08x\n", number, right, wrong,
                     missing, seed);
        OSTimeDly(2);
    }
}
