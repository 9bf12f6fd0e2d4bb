/*
 * The helper of lower priority.
 */
#include "helper.h"

void helper_low(void *pdata)
{
    helper((enum command)pdata);
}
