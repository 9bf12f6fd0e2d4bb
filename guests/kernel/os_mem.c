/*
 * Memory partitions.
 *
 * Which blocks are free and whose the others are is kept here, not in the blocks: what a task writes
 * into a block can't damage the partition. A block belongs to the task that got it, then to the
 * message that points to it, then to who takes the message; only its owner can give it back.
 */
#include "os.h"

#define OWNER_FREE      0
#define OWNER_MESSAGE   0xff
#define MAX_BLKSIZE     0x100000                /* so that no product overflows */
#define OWNER(tcb)      ((INT8U)((tcb) - OSTCBTbl + 1))

struct os_mem {
    INT32U addr;
    INT32U blksize;
    INT8U  nblks;                               /* 0: the partition is free */
    INT8U  nfree;
    INT8U  free[OS_MAX_MEM_BLKS];               /* numbers of the free blocks, the next one last */
    INT8U  owner[OS_MAX_MEM_BLKS];
};

static OS_MEM OSMemTbl[OS_MAX_MEM_PART];

/* The block at an address. */
static INT8U *block_at(INT32U address, OS_MEM **pmem)
{
    INT8U i;

    for (i = 0; i < OS_MAX_MEM_PART; i++) {
        OS_MEM *mem = &OSMemTbl[i];
        INT32U  offset = address - mem->addr;

        if (mem->nblks == 0 || offset >= mem->nblks * mem->blksize)
            continue;
        if (offset % mem->blksize != 0)
            return NULL;
        *pmem = mem;
        return &mem->owner[offset / mem->blksize];
    }
    return NULL;
}

static void put(OS_MEM *mem, INT8U *owner)
{
    *owner = OWNER_FREE;
    mem->free[mem->nfree++] = owner - mem->owner;
}

static BOOLEAN is_partition(INT32U pmem)
{
    INT32U offset = pmem - (INT32U)OSMemTbl;

    return offset < sizeof OSMemTbl && offset % sizeof(OS_MEM) == 0 && ((OS_MEM *)pmem)->nblks != 0;
}

/* A message goes out: a block that it points to must be the sender's. */
INT8U os_block_send(INT32U msg)
{
    OS_MEM *mem;
    INT8U  *owner = block_at(msg, &mem);

    if (owner == NULL)
        return OS_NO_ERR;
    if (OSIntNesting == 0 && *owner != OWNER(OSTCBCur))
        return OS_ERR_OWNER;
    *owner = OWNER_MESSAGE;
    return OS_NO_ERR;
}

/* A message comes in. */
void os_block_take(INT32U msg, const OS_TCB *taker)
{
    OS_MEM *mem;
    INT8U  *owner = block_at(msg, &mem);

    if (owner != NULL && *owner == OWNER_MESSAGE)
        *owner = OWNER(taker);
}

/* A message is thrown away. */
void os_block_drop(INT32U msg)
{
    OS_MEM *mem;
    INT8U  *owner = block_at(msg, &mem);

    if (owner != NULL && *owner == OWNER_MESSAGE)
        put(mem, owner);
}

/* A task that goes leaves its blocks. */
void os_block_forget(const OS_TCB *tcb)
{
    INT8U i, k;

    for (i = 0; i < OS_MAX_MEM_PART; i++)
        for (k = 0; k < OSMemTbl[i].nblks; k++)
            if (OSMemTbl[i].owner[k] == OWNER(tcb))
                put(&OSMemTbl[i], &OSMemTbl[i].owner[k]);
}

/* OSMemCreate(addr, nblks, blksize, err) */
INT32U call_mem_create(INT32U addr, INT32U nblks, INT32U blksize, INT32U d)
{
    OS_MEM *mem;
    INT8U   i;

    if (nblks < 2 || nblks > OS_MAX_MEM_BLKS)
        return OS_RESULT_ERR(OS_MEM_INVALID_BLKS);
    if (blksize < sizeof(void *) || blksize > MAX_BLKSIZE)
        return OS_RESULT_ERR(OS_MEM_INVALID_SIZE);
    if (addr == 0 || addr % 4 != 0)
        return OS_RESULT_ERR(OS_MEM_INVALID_ADDR);
    if (!os_writable(addr, nblks * blksize))
        return OS_RESULT_ERR(OS_ERR_ADDRESS);
    for (mem = OSMemTbl; mem < OSMemTbl + OS_MAX_MEM_PART && mem->nblks != 0; mem++)
        ;
    if (mem == OSMemTbl + OS_MAX_MEM_PART)
        return OS_RESULT_ERR(OS_MEM_INVALID_PART);
    *mem = (OS_MEM){ .addr = addr, .blksize = blksize, .nblks = nblks };
    for (i = nblks; i-- > 0;)
        put(mem, &mem->owner[i]);
    return (INT32U)mem;
}

/* OSMemGet(pmem, err) */
INT32U call_mem_get(INT32U pmem, INT32U b, INT32U c, INT32U d)
{
    OS_MEM *mem = (OS_MEM *)pmem;
    INT8U   block;

    if (!is_partition(pmem))
        return OS_RESULT_ERR(OS_MEM_INVALID_PMEM);
    if (mem->nfree == 0)
        return OS_RESULT_ERR(OS_MEM_NO_FREE_BLKS);
    block = mem->free[--mem->nfree];
    mem->owner[block] = OWNER(OSTCBCur);
    return mem->addr + block * mem->blksize;
}

/* OSMemPut(pmem, pblk) */
INT32U call_mem_put(INT32U pmem, INT32U pblk, INT32U c, INT32U d)
{
    OS_MEM *mem = (OS_MEM *)pmem, *of = NULL;
    INT8U  *owner;

    if (!is_partition(pmem))
        return OS_MEM_INVALID_PMEM;
    if (pblk == 0)
        return OS_MEM_INVALID_PBLK;
    if (mem->nfree == mem->nblks)
        return OS_MEM_FULL;
    owner = block_at(pblk, &of);
    if (owner == NULL || of != mem)
        return OS_MEM_INVALID_PBLK;
    if (*owner != OWNER(OSTCBCur))
        return OS_ERR_OWNER;
    put(mem, owner);
    return OS_NO_ERR;
}

/* OSMemQuery(pmem, pdata) */
INT32U call_mem_query(INT32U pmem, INT32U pdata, INT32U c, INT32U d)
{
    OS_MEM      *mem = (OS_MEM *)pmem;
    OS_MEM_DATA *data = (OS_MEM_DATA *)pdata;

    if (!is_partition(pmem))
        return OS_MEM_INVALID_PMEM;
    if (pdata == 0)
        return OS_MEM_INVALID_PDATA;
    if (pdata % 4 != 0 || !os_writable(pdata, sizeof *data))
        return OS_ERR_ADDRESS;
    data->OSAddr = (void *)mem->addr;
    data->OSFreeList = mem->nfree > 0 ? (void *)(mem->addr + mem->free[mem->nfree - 1] * mem->blksize)
                                      : NULL;
    data->OSBlkSize = mem->blksize;
    data->OSNBlks = mem->nblks;
    data->OSNFree = mem->nfree;
    data->OSNUsed = mem->nblks - mem->nfree;
    return OS_NO_ERR;
}
