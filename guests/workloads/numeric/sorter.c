/*
 * Sorts numbers by heap and checks order and sum.
 */
#include "numeric.h"

#define COUNT 200

static INT32U numbers[COUNT];

static void sift(INT32U root, INT32U end)
{
    INT32U child;

    while ((child = 2 * root + 1) < end) {
        INT32U value = numbers[root];

        if (child + 1 < end && numbers[child] < numbers[child + 1])
            child++;
        if (value >= numbers[child])
            return;
        numbers[root] = numbers[child];
        numbers[child] = value;
        root = child;
    }
}

void sorter(void *pdata)
{
    INT32U round, i, seed = 2, every = ticks_between();

    for (round = 1;; round++) {
        INT32U  before = 0, after = 0;
        BOOLEAN good = TRUE;

        for (i = 0; i < COUNT; i++)
            before += numbers[i] = next_random(&seed);
        for (i = COUNT / 2; i-- > 0;)
            sift(i, COUNT);
        for (i = COUNT; i-- > 1;) {
            INT32U largest = numbers[0];

            numbers[0] = numbers[i];
            numbers[i] = largest;
            sift(0, i);
        }
        for (i = 0; i < COUNT; i++) {
            after += numbers[i];
            good &= i == 0 || numbers[i - 1] <= numbers[i];
        }
        good &= before == after;
        tell("sort: round %u checksum %08x %s\n", round, crc32(0, numbers, sizeof numbers), good);
        OSTimeDly(every);
    }
}
