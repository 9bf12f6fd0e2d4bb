/*
 * What a guest without tasks needs: print and wait.
 */
#include "plain.h"

#include "format.h"

volatile uint32_t plain_irqs;

void print(const char *text, ...)
{
    char     line[128];
    uint32_t length;
    va_list  arguments;

    va_start(arguments, text);
    length = format(line, sizeof line, text, arguments);
    va_end(arguments);
    hc_console_write((uint32_t)line, length);
}

/*
 * Interrupts stay masked between the look at plain_irqs and the wait, or one could come in between
 * and be slept over. HC_WAIT wakes for a masked one; unmasked, it is taken at the next hypercall.
 */
uint32_t plain_wait(void)
{
    uint32_t irqs;

    VMI_CONTROL->v_i = 1;
    while (plain_irqs == 0) {
        hc_wait();
        VMI_CONTROL->v_i = 0;
        hc_version();
        VMI_CONTROL->v_i = 1;
    }
    irqs = plain_irqs;
    plain_irqs = 0;
    VMI_CONTROL->v_i = 0;
    return irqs;
}
