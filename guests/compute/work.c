/*
 * The work: small kernels that together use the instruction set as programs do.
 *
 * They keep what they need in static arrays, so that a round leaves nothing behind.
 */
#include "compute.h"

/* Sorting a list: loads that depend on loads, branches that nobody can guess. */

#define NODES 256

struct node {
    struct node *next;
    uint32_t     key;
};

static struct node nodes[NODES];

static struct node *merge(struct node *a, struct node *b)
{
    struct node *head = 0, **tail = &head;

    while (a && b) {
        struct node **least = a->key <= b->key ? &a : &b;

        *tail = *least;
        tail = &(*least)->next;
        *least = (*least)->next;
    }
    *tail = a ? a : b;
    return head;
}

static struct node *sort(struct node *list)
{
    struct node *slow = list, *fast = list, *half;

    if (!list || !list->next)
        return list;
    while (fast->next && fast->next->next) {
        slow = slow->next;
        fast = fast->next->next;
    }
    half = slow->next;
    slow->next = 0;
    return merge(sort(list), sort(half));
}

uint32_t work_list(uint32_t seed)
{
    uint32_t     sum = 0, previous = 0, i;
    struct node *n;

    for (i = 0; i < NODES; i++) {
        nodes[i].key = next_random(&seed);
        nodes[i].next = i + 1 < NODES ? &nodes[i + 1] : 0;
    }
    for (n = sort(nodes); n; n = n->next) {
        if (n->key < previous)
            return 0;
        previous = n->key;
        sum = sum * 31 + n->key;
    }
    return sum;
}

/* Multiplying matrices: MLA and regular loads. */

#define SIDE 20

static int32_t left[SIDE][SIDE], right[SIDE][SIDE], product[SIDE][SIDE];

uint32_t work_matrix(uint32_t seed)
{
    uint32_t sum = 0;
    int      i, j, k;

    for (i = 0; i < SIDE; i++)
        for (j = 0; j < SIDE; j++) {
            left[i][j] = (int32_t)next_random(&seed) >> 20;
            right[i][j] = (int32_t)next_random(&seed) >> 20;
        }
    for (i = 0; i < SIDE; i++)
        for (j = 0; j < SIDE; j++) {
            int32_t s = 0;

            for (k = 0; k < SIDE; k++)
                s += left[i][k] * right[k][j];
            product[i][j] = s;
        }
    for (i = 0; i < SIDE; i++)
        for (j = 0; j < SIDE; j++)
            sum = (sum << 1 | sum >> 31) ^ (uint32_t)product[i][j];
    return sum;
}

/* CRC-32: table look-ups by byte. */

static uint8_t  bytes[2048];
static uint32_t crc_table[256];

uint32_t work_crc(uint32_t seed)
{
    uint32_t crc = 0xffffffff, i, k;

    for (i = 0; i < 256; i++) {
        uint32_t c = i;

        for (k = 0; k < 8; k++)
            c = c & 1 ? c >> 1 ^ 0xedb88320 : c >> 1;
        crc_table[i] = c;
    }
    for (i = 0; i < sizeof bytes; i++)
        bytes[i] = next_random(&seed);
    for (i = 0; i < sizeof bytes; i++)
        crc = crc_table[(crc ^ bytes[i]) & 0xff] ^ crc >> 8;
    return ~crc;
}

/* Strings: byte loads and stores, short loops. */

static char text[512], copy[512];

static uint32_t string_copy(char *to, const char *from)
{
    char *start = to;

    while ((*to++ = *from++) != '\0')
        ;
    return to - start - 1;
}

static int string_compare(const char *a, const char *b)
{
    while (*a == *b && *a != '\0')
        a++, b++;
    return *a - *b;
}

uint32_t work_string(uint32_t seed)
{
    uint32_t sum = 0, i, length;

    for (i = 0; i < 8; i++) {
        length = 256 + next_random(&seed) % 255;
        text[length] = '\0';
        while (length-- > 0)
            text[length] = 'a' + (next_random(&seed) >> 8) % 26;
        sum = sum * 33 + string_copy(copy, text);
        if (string_compare(copy, text) != 0)
            return 0;
        sum += (uint8_t)copy[sum % 256];
    }
    return sum;
}

/* A state machine: a switch over characters. */

uint32_t work_state(uint32_t seed)
{
    static const char sample[] = "12 0x1f 3.75 -8 abc 1e9 0x 7. .5 42x +6 ";
    enum { START, SIGN, INTEGER, FRACTION, HEX, WORD } state = START;
    uint32_t count[6] = { 0 }, sum = 0, i, k;

    for (k = 0; k < 40; k++) {
        uint32_t shift = next_random(&seed) % (sizeof sample - 1);

        for (i = 0; i < sizeof sample - 1; i++) {
            char c = sample[(i + shift) % (sizeof sample - 1)];

            switch (state) {
            case START:
                state = c == '-' || c == '+' ? SIGN
                      : c >= '0' && c <= '9' ? INTEGER
                      : c == '.'             ? FRACTION
                      : c == ' '             ? START
                                             : WORD;
                break;
            case SIGN:
                state = c >= '0' && c <= '9' ? INTEGER : WORD;
                break;
            case INTEGER:
                if (c == '.')
                    state = FRACTION;
                else if (c == 'x')
                    state = HEX;
                else if (c == ' ')
                    state = START;
                else if (c < '0' || c > '9')
                    state = WORD;
                break;
            case FRACTION:
                if (c == ' ')
                    state = START;
                else if (c < '0' || c > '9')
                    state = WORD;
                break;
            case HEX:
                if (c == ' ')
                    state = START;
                else if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
                    state = WORD;
                break;
            case WORD:
                if (c == ' ')
                    state = START;
                break;
            }
            count[state]++;
        }
    }
    for (i = 0; i < 6; i++)
        sum = sum * 1009 + count[i];
    return sum;
}

/* Blocks: eight registers at a time, four in Thumb code. */

#define WORDS 1024

static uint32_t from[WORDS], to[WORDS];

static void block_copy(uint32_t *t, const uint32_t *f, uint32_t words)
{
    uint32_t *end = t + words;

#ifdef __thumb__
    __asm__ volatile("1: ldmia %[f]!, {r3-r6}\n\t"
                     "stmia %[t]!, {r3-r6}\n\t"
                     "cmp   %[t], %[end]\n\t"
                     "blo   1b"
                     : [f] "+l"(f), [t] "+l"(t)
                     : [end] "l"(end)
                     : "r3", "r4", "r5", "r6", "memory", "cc");
#else
    __asm__ volatile("1: ldmia %[f]!, {r3-r10}\n\t"
                     "stmia %[t]!, {r3-r10}\n\t"
                     "cmp   %[t], %[end]\n\t"
                     "blo   1b"
                     : [f] "+r"(f), [t] "+r"(t)
                     : [end] "r"(end)
                     : "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "memory", "cc");
#endif
}

uint32_t work_block(uint32_t seed)
{
    uint32_t sum = 0, i, k;

    for (i = 0; i < WORDS; i++)
        from[i] = seed + i * 0x9e3779b9;
    for (k = 0; k < 16; k++) {
        block_copy(to, from, WORDS);
        block_copy(from, to, WORDS);
        from[k] += sum;
        for (i = 0; i < WORDS; i += 64)
            sum += to[i] ^ k;
    }
    return sum;
}

/* Pointers to functions. */

static uint32_t add(uint32_t a, uint32_t b)
{
    return a + b;
}

static uint32_t turn(uint32_t a, uint32_t b)
{
    return a << (b & 31) | a >> (-b & 31);
}

static uint32_t times(uint32_t a, uint32_t b)
{
    return a * (b | 1);
}

static uint32_t mix(uint32_t a, uint32_t b)
{
    return a ^ b ^ a >> 15;
}

static uint32_t divide(uint32_t a, uint32_t b)
{
    return a / (b >> 20 | 1) + a % ((b & 0xff) | 1);
}

uint32_t work_pointers(uint32_t seed)
{
    static uint32_t (*const table[])(uint32_t, uint32_t) = { add, turn, times, mix, add, divide,
                                                             turn, mix };
    uint32_t sum = seed, i;

    for (i = 0; i < 1500; i++) {
        uint32_t value = next_random(&seed);

        sum = table[value >> 29](sum, value);
    }
    return sum;
}

/* Recursion. */

static uint32_t fibonacci(uint32_t n)
{
    return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

static uint32_t ackermann(uint32_t m, uint32_t n)
{
    if (m == 0)
        return n + 1;
    return n == 0 ? ackermann(m - 1, 1) : ackermann(m - 1, ackermann(m, n - 1));
}

uint32_t work_recursion(uint32_t seed)
{
    return fibonacci(14 + (seed & 1)) * 31 + ackermann(2, 4 + (seed & 3));
}
