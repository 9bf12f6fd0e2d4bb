/*
 * The sweep guest: writes one word in each of so many pages, round after round, and computes in
 * between. What a backup strategy costs depends on the number of distinct pages that are written in
 * a period, and on nothing else of a guest; here that number is the boot argument.
 *
 * Boot argument: pages (1 to 64), rounds (0: for ever), then how much it computes in a round, then 1 for
 * a store to an address of nobody after the last round, then how many pages it has, if its image has
 * been given more than 64. As in "16 400"; what is left out is 0, 10000, 0, 64.
 */
#include "plain.h"

#define PAGES 64
#define WORDS (VMI_PAGE / sizeof(uint32_t))

/* Computing in a round: about 50000 instructions. */
#define WORK  10000

/* In the slot, and mapped by nobody. */
#define NOWHERE 0x01e00000

/* Nobody reads it. */
static volatile uint32_t pages[PAGES][WORDS] __attribute__((aligned(VMI_PAGE)));

/* The next number of a text, `otherwise` if there is none; the text goes on behind it. */
static uint32_t number(const char **text, uint32_t otherwise)
{
    uint32_t value = 0;

    while (**text != '\0' && (**text < '0' || **text > '9'))
        ++*text;
    if (**text == '\0')
        return otherwise;
    while (**text >= '0' && **text <= '9')
        value = value * 10 + (*(*text)++ - '0');
    return value;
}

/* Work that touches registers only. */
static uint32_t work(uint32_t x, uint32_t turns)
{
    uint32_t i;

    for (i = 0; i < turns; i++) {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
    }
    return x;
}

int main(const char *argument)
{
    uint32_t count = number(&argument, 0);
    uint32_t rounds = number(&argument, 0);
    uint32_t turns = number(&argument, WORK);
    uint32_t bug = number(&argument, 0);
    uint32_t most = number(&argument, PAGES);
    uint32_t round, page, x = 1;

    if (count < 1 || count > most)
        count = most;
    for (round = 1; rounds == 0 || round <= rounds; round++) {
        x = work(x, turns);
        for (page = 0; page < count; page++)
            pages[page][round % WORDS] = x + page;
    }
    if (bug)
        *(volatile uint32_t *)NOWHERE = x;
    print("sweep: %u rounds over %u pages, checksum %08x\n", rounds, count, x);
    return 0;
}
