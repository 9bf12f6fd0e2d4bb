/* The blocks of the pipeline, in the shared piece. */
#ifndef PIPELINE_H
#define PIPELINE_H

#include "../crc.h"
#include "app.h"

#define BLOCKS 12
#define WORDS  14

struct block {
    INT32U number;
    INT32U data[WORDS];
    INT32U crc;                         /* of what is before */
};

static inline INT32U block_crc(const struct block *block)
{
    return crc32(0, block, offsetof(struct block, crc));
}

#endif
