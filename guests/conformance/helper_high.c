/*
 * The helper of higher priority.
 */
#include "helper.h"

void helper_high(void *pdata)
{
    helper((enum command)pdata);
}
