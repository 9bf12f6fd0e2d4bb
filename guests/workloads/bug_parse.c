/*
 * Reading the boot argument. For tasks and for the kernel's hooks; common text.
 */
#include "bug.h"

/* Where the text after `key=` starts, or NULL. Settings are separated by commas or spaces. */
static const volatile char *find(const volatile char *at, const char *key)
{
    while (*at != '\0') {
        INT32U i = 0;

        while (key[i] != '\0' && at[i] == key[i])
            i++;
        if (key[i] == '\0' && at[i] == '=')
            return at + i + 1;
        while (*at != '\0' && *at != ',' && *at != ' ')
            at++;
        while (*at == ',' || *at == ' ')
            at++;
    }
    return NULL;
}

static INT32U decimal(const volatile char **at)
{
    INT32U value = 0;

    for (; **at >= '0' && **at <= '9'; ++*at)
        value = value * 10 + (**at - '0');
    return value;
}

INT32U argument_number(const volatile char *argument, const char *key, INT32U otherwise)
{
    const volatile char *at = find(argument, key);

    return at != NULL && *at >= '0' && *at <= '9' ? decimal(&at) : otherwise;
}

enum bug bug_parse(const volatile char *argument, INT32U *ticks)
{
    static const char *const names[] = {
#define BUG(id, name) name,
        BUGS
#undef BUG
    };
    const volatile char *at = find(argument, "bug");
    INT32U               i, k, time;

    *ticks = 0;
    if (at == NULL)
        return BUG_NONE;
    for (i = 0; i < sizeof names / sizeof names[0]; i++) {
        for (k = 0; names[i][k] != '\0' && at[k] == names[i][k]; k++)
            ;
        if (names[i][k] != '\0' || (at[k] >= 'a' && at[k] <= 'z') || at[k] == '-')
            continue;
        if (at[k] == '@') {
            at += k + 1;
            time = decimal(&at);
            *ticks = at[0] == 's' ? time * OS_TICKS_PER_SEC : time * OS_TICKS_PER_SEC / 1000;
        }
        return 1 + i;
    }
    return BUG_UNKNOWN;
}
