/*
 * A round of the compute guest.
 */
#include "compute.h"

uint32_t compute_round(uint32_t round)
{
    static uint32_t (*const works[])(uint32_t) = { work_list,  work_matrix, work_crc,      work_string,
                                                   work_state, work_block,  work_pointers, work_recursion };
    uint32_t sum = 0, i;

    for (i = 0; i < sizeof works / sizeof works[0]; i++)
        sum = (sum << 5 | sum >> 27) ^ works[i](0x2545f491 + round * 8 + i);
    return sum;
}
