/*
 * Memory partitions.
 */
#include "conformance.h"

static INT32U memory[4][8], more[3][2];

void test_mem(void)
{
    OS_MEM     *mem, *other, *all[OS_MAX_MEM_PART];
    OS_MEM_DATA data;
    INT8U       err;
    INT32U     *block[5];
    INT32U      i, n;

    /* Create. */
    CHECK(OSMemCreate(memory, 1, 32, &err) == NULL && err == OS_MEM_INVALID_BLKS);
    CHECK(OSMemCreate(memory, OS_MAX_MEM_BLKS + 1, 4, &err) == NULL && err == OS_MEM_INVALID_BLKS);
    CHECK(OSMemCreate(memory, 4, 3, &err) == NULL && err == OS_MEM_INVALID_SIZE);
    CHECK(OSMemCreate(memory, 4, 0xffffffff, &err) == NULL && err == OS_MEM_INVALID_SIZE);
    CHECK(OSMemCreate(NULL, 4, 32, &err) == NULL && err == OS_MEM_INVALID_ADDR);
    CHECK(OSMemCreate((char *)memory + 2, 2, 32, &err) == NULL && err == OS_MEM_INVALID_ADDR);
    CHECK(OSMemCreate(Sem, 4, 32, &err) == NULL && err == OS_ERR_ADDRESS);
    CHECK(OSMemCreate((void *)0xfffffff0, 4, 32, &err) == NULL && err == OS_ERR_ADDRESS);
    CHECK(OSMemCreate((void *)((INT32U)test_mem & ~3), 2, 4, &err) == NULL && err == OS_ERR_ADDRESS);
    mem = OSMemCreate(memory, 4, sizeof memory[0], &err);
    CHECK(mem != NULL && err == OS_NO_ERR);
    CHECK(OSMemQuery(mem, &data) == OS_NO_ERR);
    CHECK(data.OSAddr == memory && data.OSBlkSize == 32 && data.OSNBlks == 4);
    CHECK(data.OSNFree == 4 && data.OSNUsed == 0 && data.OSFreeList == memory);

    /* Get and put: the last given back is the first to be given. */
    for (i = 0; i < 4; i++)
        CHECK((block[i] = OSMemGet(mem, &err)) == memory[i] && err == OS_NO_ERR);
    CHECK(OSMemGet(mem, &err) == NULL && err == OS_MEM_NO_FREE_BLKS);
    for (i = 0; i < 4; i++)
        block[i][0] = block[i][7] = 0xffffffff;         /* a block has no secrets */
    CHECK(OSMemPut(mem, block[2]) == OS_NO_ERR && OSMemPut(mem, block[1]) == OS_NO_ERR);
    CHECK(OSMemQuery(mem, &data) == OS_NO_ERR && data.OSNFree == 2 && data.OSFreeList == block[1]);
    CHECK(OSMemGet(mem, &err) == block[1] && OSMemGet(mem, &err) == block[2]);

    /* What is not a block, or not ours any more. */
    CHECK(OSMemPut(mem, NULL) == OS_MEM_INVALID_PBLK);
    CHECK(OSMemPut(mem, (char *)block[0] + 4) == OS_MEM_INVALID_PBLK);
    CHECK(OSMemPut(mem, (char *)memory + sizeof memory) == OS_MEM_INVALID_PBLK);
    CHECK(OSMemPut(mem, block[0]) == OS_NO_ERR);
    CHECK(OSMemPut(mem, block[0]) == OS_ERR_OWNER);     /* a double free */
    CHECK(OSMboxPost(Box, block[0]) == OS_ERR_OWNER);   /* a use after free */
    CHECK((block[0] = OSMemGet(mem, &err)) != NULL);

    /* A block goes with its message. */
    CHECK(OSMboxPost(Box, block[0]) == OS_NO_ERR);
    CHECK(OSMemPut(mem, block[0]) == OS_ERR_OWNER);
    CHECK(OSMboxAccept(Box) == block[0]);
    CHECK(OSQPost(Queue, block[0]) == OS_NO_ERR && OSQPost(Queue, block[0]) == OS_ERR_OWNER);
    CHECK(OSQPend(Queue, 0, &err) == block[0]);
    start(HIGH, TAKE_BLOCK);
    CHECK(OSMboxPost(Box, block[0]) == OS_NO_ERR);      /* it has it now */
    CHECK(OSMemPut(mem, block[0]) == OS_ERR_OWNER);
    CHECK(OSMboxPost(Box, mem) == OS_NO_ERR);           /* and gives it back */
    CHECK(result(1) == OS_NO_ERR);
    wait_end(HIGH);
    CHECK(OSMemQuery(mem, &data) == OS_NO_ERR && data.OSNFree == 1);

    /* What a deleted task had, and what a flushed queue held, is free again: not so in the standard. */
    start(HIGH, PEND_BOX);
    CHECK(OSMboxPost(Box, block[1]) == OS_NO_ERR);
    CHECK(result(1) == (INT32S)block[1]);
    wait_end(HIGH);
    CHECK(OSMemQuery(mem, &data) == OS_NO_ERR && data.OSNFree == 2);
    CHECK(OSQPost(Queue, block[2]) == OS_NO_ERR && OSQFlush(Queue) == OS_NO_ERR);
    CHECK(OSMemQuery(mem, &data) == OS_NO_ERR && data.OSNFree == 3);
    CHECK(OSMemPut(mem, block[3]) == OS_NO_ERR);
    CHECK(OSMemPut(mem, block[3]) == OS_MEM_FULL);

    /* The same with a second partition. */
    other = OSMemCreate(more, 3, sizeof more[0], &err);
    CHECK(other != NULL && other != mem);
    CHECK((block[0] = OSMemGet(other, &err)) == more[0]);
    CHECK(OSMemPut(mem, block[0]) == OS_MEM_INVALID_PBLK || OSMemPut(mem, block[0]) == OS_MEM_FULL);
    start(HIGH, PEND_BOX);
    CHECK(OSMboxPost(Box, block[0]) == OS_NO_ERR);
    CHECK(result(1) == (INT32S)block[0]);
    wait_end(HIGH);
    CHECK(OSMemQuery(other, &data) == OS_NO_ERR && data.OSNFree == 3);
    CHECK((block[1] = OSMemGet(mem, &err)) != NULL);
    CHECK(OSMemPut(other, block[1]) == OS_MEM_FULL);
    CHECK((block[0] = OSMemGet(other, &err)) != NULL);
    CHECK(OSMemPut(other, block[1]) == OS_MEM_INVALID_PBLK);
    CHECK(OSMemPut(mem, block[1]) == OS_NO_ERR && OSMemPut(other, block[0]) == OS_NO_ERR);

    /* Errors. */
    CHECK(OSMemGet(NULL, &err) == NULL && err == OS_MEM_INVALID_PMEM);
    CHECK(OSMemGet((OS_MEM *)Sem, &err) == NULL && err == OS_MEM_INVALID_PMEM);
    CHECK(OSMemGet((OS_MEM *)((INT32U)mem + 4), &err) == NULL && err == OS_MEM_INVALID_PMEM);
    CHECK(OSMemPut(NULL, block[0]) == OS_MEM_INVALID_PMEM);
    CHECK(OSMemQuery(NULL, &data) == OS_MEM_INVALID_PMEM);
    CHECK(OSMemQuery(mem, NULL) == OS_MEM_INVALID_PDATA);
    CHECK(OSMemQuery(mem, (OS_MEM_DATA *)mem) == OS_ERR_ADDRESS);
    for (n = 0; (all[n % OS_MAX_MEM_PART] = OSMemCreate(memory, 2, 4, &err)) != NULL; n++)
        ;
    CHECK(n == OS_MAX_MEM_PART - 2 && err == OS_MEM_INVALID_PART);
}
