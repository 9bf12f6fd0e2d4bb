/*
 * A benchmark of what programs of systems do: records, strings, calls, branches, few loops. Of our
 * own making: its figures compare with nothing but themselves.
 *
 * Loops from the boot argument, 20000 if it says nothing.
 */
#include "plain.h"

enum kind { KIND_A, KIND_B, KIND_C, KIND_D };

struct record {
    struct record *next;
    enum kind      kind;
    int32_t        number;
    char           text[32];
};

static struct record first, second;
static int32_t       table[32], grid[8][8];
static int32_t       total;
static char          letter;

static void copy_text(char *to, const char *from)
{
    while ((*to++ = *from++) != '\0')
        ;
}

static int compare_text(const char *a, const char *b)
{
    while (*a == *b && *a != '\0')
        a++, b++;
    return *a - *b;
}

static enum kind __attribute__((noinline)) after(enum kind kind, int32_t number)
{
    switch (kind) {
    case KIND_A:
        return number > 10 ? KIND_B : KIND_D;
    case KIND_B:
        return number > 100 ? KIND_A : KIND_C;
    case KIND_C:
        return KIND_D;
    default:
        return KIND_A;
    }
}

static void __attribute__((noinline)) change_record(struct record *record)
{
    struct record *other = record->next;

    *other = *record;
    other->next = record;
    other->number = record->number + 7;
    other->kind = after(record->kind, other->number);
    record->number = other->kind == KIND_D ? other->number ^ 5 : other->number - 3;
}

static void __attribute__((noinline)) change_tables(int32_t at, int32_t value)
{
    int32_t i;

    table[at] = value;
    table[at + 1] = table[at] + 1;
    for (i = at; i < at + 2; i++)
        grid[at & 7][i & 7] = table[i];
    grid[at & 7][(at - 1) & 7]++;
    total += grid[at & 7][at & 7];
}

static int __attribute__((noinline)) judge(const char *a, const char *b, int32_t at)
{
    if (a[at] == b[at + 1])
        return 1;
    if (compare_text(a, b) > 0) {
        letter = a[at];
        return 1;
    }
    return 0;
}

static uint32_t run(uint32_t loops)
{
    char     text[32], other[32];
    uint32_t loop, check = 0;
    int32_t  x = 2, y = 3, z;

    first = (struct record){ .next = &second, .kind = KIND_A, .number = 1 };
    copy_text(first.text, "the quick brown fox jumps over");
    copy_text(text, "A STRING OF THIRTY CHARACTERS");
    copy_text(other, "A STRING OF THIRTY CHARACTEXS");
    for (loop = 1; loop <= loops; loop++) {
        text[28] = 'A' + loop % 26;
        if (judge(text, other, loop % 20))
            x++;
        z = (x * 5 - y) / (int32_t)(loop % 7 + 1);
        change_tables(loop % 24 + 4, z);
        change_record(&first);
        y = z & 0xff;
        if (first.kind == KIND_A)
            first.kind = after(second.kind, y);
        copy_text(second.text, text);
        check = (check << 3 | check >> 29) ^ (uint32_t)(first.number + second.number + total + y + letter);
    }
    return check;
}

int main(const char *argument)
{
    uint32_t loops = 0, check, micros;
    uint64_t start;

    for (; *argument >= '0' && *argument <= '9'; argument++)
        loops = loops * 10 + (*argument - '0');
    if (loops == 0)
        loops = 20000;
    start = hc_time();
    check = run(loops);
    micros = (hc_time() - start) / 1000;
    print("opmix: %u loops, check %08x\n", loops, check);
    print("opmix: %u us, %u loops a second\n", micros,
          micros == 0 ? 0 : (uint32_t)(loops * 1000000ull / micros));
    return 0;
}
