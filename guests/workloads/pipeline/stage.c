/*
 * Turns the words of each block, after a look at its checksum, into another one, and sends that on.
 * The block that came in is not written to: what a task does to the shared piece stays done when the
 * task goes back to its checkpoint, and the block comes in again.
 */
#include "../bug.h"
#include "pipeline.h"

/* The producer's partition, from who has it. */
static OS_MEM *partition(void)
{
    INT8U   err;
    OS_MEM *found = OSMboxPend(Partition, 0, &err);

    OSMboxPost(Partition, found);
    return found;
}

static void turn(struct block *out, const struct block *in)
{
    INT32U i;

    if (block_crc(in) != in->crc)
        OSPrintf("stage: block %u is damaged\n", in->number);
    out->number = in->number;
    for (i = 0; i < WORDS; i++)
        out->data[i] = in->data[i] << 7 | in->data[i] >> 25;
    out->crc = block_crc(out);
}

void stage(void *pdata)
{
    OS_MEM *blocks = partition();
    INT8U   err;

    bug_arm();
    for (;;) {
        struct block *in = OSQPend(Raw, 0, &err);
        struct block *out;

        if (err != OS_NO_ERR)
            continue;
        while ((out = OSMemGet(blocks, &err)) == NULL)
            OSTimeDly(1);
        turn(out, in);
        switch (bug_step()) {
        case BUG_CORRUPT:
            out->data[out->number % WORDS] ^= 1u << out->number % 32;
            break;
        case BUG_DOUBLE_FREE:
            err = OSMemPut(blocks, out);
            OSPrintf("stage: freed block %u: %u, and again: %u\n", in->number, err,
                     OSMemPut(blocks, out));
            OSMemPut(blocks, in);
            continue;
        case BUG_NEVER_POSTED:
            OSMemPut(blocks, out);
            OSMemPut(blocks, in);
            continue;
        default:
            break;
        }
        while (OSQPost(Cooked, out) == OS_Q_FULL)
            OSTimeDly(1);
        OSMemPut(blocks, in);
    }
}
