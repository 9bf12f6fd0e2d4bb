/*
 * The sweep guest: writes one word in each of so many pages, round after round, and computes in
 * between. What a backup strategy costs depends on the number of distinct pages that are written in
 * a period, and on nothing else of a guest; here that number is the boot argument.
 *
 * Boot argument: pages (1 to 64), then rounds, as in "16 400"; without rounds it goes on for ever.
 */
#include "plain.h"

#define PAGES 64
#define WORDS (VMI_PAGE / sizeof(uint32_t))

/* Computing in a round: about 50000 instructions. */
#define WORK  10000

/* Nobody reads it. */
static volatile uint32_t pages[PAGES][WORDS] __attribute__((aligned(VMI_PAGE)));

/* The next number of a text; the text goes on behind it. */
static uint32_t number(const char **text)
{
    uint32_t value = 0;

    while (**text != '\0' && (**text < '0' || **text > '9'))
        ++*text;
    while (**text >= '0' && **text <= '9')
        value = value * 10 + (*(*text)++ - '0');
    return value;
}

/* Work that touches registers only. */
static uint32_t work(uint32_t x)
{
    uint32_t i;

    for (i = 0; i < WORK; i++) {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
    }
    return x;
}

int main(const char *argument)
{
    uint32_t count = number(&argument);
    uint32_t rounds = number(&argument);
    uint32_t round, page, x = 1;

    if (count < 1 || count > PAGES)
        count = PAGES;
    for (round = 1; rounds == 0 || round <= rounds; round++) {
        x = work(x);
        for (page = 0; page < count; page++)
            pages[page][round % WORDS] = x + page;
    }
    print("sweep: %u rounds over %u pages, checksum %08x\n", rounds, count, x);
    return 0;
}
