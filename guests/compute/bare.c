/*
 * The compute guest on a bare machine: rounds from the command line that the debugger's interface
 * gives (its last word), 8 if there is none.
 */
#include "compute.h"
#include "format.h"

#define SYS_WRITE0      0x04
#define SYS_GET_CMDLINE 0x15

int      main(void);
uint32_t bare_call(uint32_t operation, void *argument);

static void print(const char *text, ...)
{
    char     line[129];
    va_list  arguments;

    va_start(arguments, text);
    line[format(line, sizeof line - 1, text, arguments)] = '\0';
    va_end(arguments);
    bare_call(SYS_WRITE0, line);
}

int main(void)
{
    static char command[256];
    struct {
        char    *text;
        uint32_t length;
    } line = { command, sizeof command };
    uint32_t rounds = 0, round;
    char    *at;

    if (bare_call(SYS_GET_CMDLINE, &line) == 0)
        for (at = command; *at != '\0'; at++)
            rounds = *at >= '0' && *at <= '9' ? rounds * 10 + (*at - '0') : 0;
    if (rounds == 0)
        rounds = 8;
    for (round = 1; round <= rounds; round++)
        print("compute: round %u checksum %08x\n", round, compute_round(round));
    return 0;
}
