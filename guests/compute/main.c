/*
 * The compute guest on the VM interface: as many rounds as its boot argument says, 8 if it says
 * nothing, and the checksum of each.
 */
#include "compute.h"
#include "plain.h"

int main(const char *argument)
{
    uint32_t rounds = 0, round;

    for (; *argument >= '0' && *argument <= '9'; argument++)
        rounds = rounds * 10 + (*argument - '0');
    if (rounds == 0)
        rounds = 8;
    for (round = 1; round <= rounds; round++)
        print("compute: round %u checksum %08x\n", round, compute_round(round));
    return 0;
}
