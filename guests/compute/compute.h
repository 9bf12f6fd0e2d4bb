/* The kernels of the compute guest. Each returns a checksum of what it has computed. */
#ifndef COMPUTE_H
#define COMPUTE_H

#include <stdint.h>

uint32_t work_list(uint32_t seed);          /* sorts a linked list */
uint32_t work_matrix(uint32_t seed);        /* multiplies integer matrices */
uint32_t work_crc(uint32_t seed);           /* CRC-32 by table */
uint32_t work_string(uint32_t seed);        /* copies and compares strings */
uint32_t work_state(uint32_t seed);         /* runs a state machine over a text */
uint32_t work_block(uint32_t seed);         /* copies blocks by LDM and STM */
uint32_t work_pointers(uint32_t seed);      /* calls through a table of functions */
uint32_t work_recursion(uint32_t seed);     /* recurses */

/* One round of all; its checksum. */
uint32_t compute_round(uint32_t round);

/* A number from a seed, the next each time. */
static inline uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

#endif
