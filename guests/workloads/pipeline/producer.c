/*
 * Fills blocks with numbers, four each 20 ms, and sends them on.
 */
#include "pipeline.h"

static struct block blocks[BLOCKS] OS_SHARED;

void producer(void *pdata)
{
    INT8U   err;
    OS_MEM *partition = OSMemCreate(blocks, BLOCKS, sizeof blocks[0], &err);
    INT32U  number, i, dry = 0;

    OSMboxPost(Partition, partition);
    for (number = 0;; number++) {
        struct block *block;

        while ((block = OSMemGet(partition, &err)) == NULL) {
            if (dry++ % 50 == 0)
                OSPrintf("producer: no free block\n");
            OSTimeDly(2);
        }
        block->number = number;
        for (i = 0; i < WORDS; i++)
            block->data[i] = (number * WORDS + i) * 2654435761u;
        block->crc = block_crc(block);
        while (OSQPost(Raw, block) == OS_Q_FULL)
            OSTimeDly(1);
        if (number % 4 == 3)
            OSTimeDly(2);
    }
}
