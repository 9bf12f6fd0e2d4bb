/*
 * Turns the words of each block, after a look at its checksum, and sends it on with a new one.
 */
#include "../bug.h"
#include "pipeline.h"

void stage(void *pdata)
{
    INT8U   err;
    OS_MEM *partition = NULL;
    INT32U  i;

    bug_arm();
    for (;;) {
        struct block *block = OSQPend(Raw, 0, &err);

        if (err != OS_NO_ERR)
            continue;
        if (block_crc(block) != block->crc)
            OSPrintf("stage: block %u is damaged\n", block->number);
        for (i = 0; i < WORDS; i++)
            block->data[i] = block->data[i] << 7 | block->data[i] >> 25;
        block->crc = block_crc(block);
        switch (bug_step()) {
        case BUG_CORRUPT:
            block->data[block->number % WORDS] ^= 1u << block->number % 32;
            break;
        case BUG_DOUBLE_FREE:
            if (partition == NULL)
                partition = OSMboxPend(Partition, 1, &err);
            err = OSMemPut(partition, block);
            OSPrintf("stage: freed block %u: %u, and again: %u\n", block->number, err,
                     OSMemPut(partition, block));
            continue;
        case BUG_NEVER_POSTED:
            continue;
        default:
            break;
        }
        while (OSQPost(Cooked, block) == OS_Q_FULL)
            OSTimeDly(1);
    }
}
