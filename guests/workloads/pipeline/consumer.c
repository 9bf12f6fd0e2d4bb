/*
 * Checks each block against what its number says it must hold, and gives it back.
 */
#include "pipeline.h"

void consumer(void *pdata)
{
    INT8U   err;
    OS_MEM *partition = OSMboxPend(Partition, 0, &err);
    INT32U  next = 0, lost = 0, doubled = 0, bad = 0, blocks = 0, sum = 0, i;

    OSMboxPost(Partition, partition);
    for (;;) {
        struct block *block = OSQPend(Cooked, 100, &err);

        if (err != OS_NO_ERR) {
            OSPrintf("pipeline: no block for a second after %u\n", blocks);
            continue;
        }
        blocks++;
        if (block->number < next)
            doubled++;
        else
            lost += block->number - next;
        next = block->number + 1;
        if (block_crc(block) != block->crc)
            bad++;
        for (i = 0; i < WORDS; i++) {
            INT32U word = (block->number * WORDS + i) * 2654435761u;

            if (block->data[i] != (word << 7 | word >> 25))
                bad++;
            sum = (sum << 1 | sum >> 31) ^ block->data[i];
        }
        OSMemPut(partition, block);
        if (blocks % 16 == 0)
            OSPrintf("pipeline: %u blocks, %u lost, %u doubled, %u bad, sum %08x\n", blocks, lost, doubled,
                     bad, sum);
    }
}
