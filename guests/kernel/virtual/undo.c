/*
 * The monitor's journal: a task has been rolled back, and what it took since its checkpoint is to be
 * given back. Entered once for each such call, the newest first.
 */
#include "os.h"

void port_enter_undo(INT32U area, INT32U number, INT32U a, INT32U result);

extern const INT8U port_kinds[64];

const INT8U port_kinds[64] = {
#define CALL(number, name, kind) [number] = CALL_##kind,
#include "os_calls.def"
#undef CALL
};

void port_enter_undo(INT32U area, INT32U number, INT32U a, INT32U result)
{
    if (area < OSAreas && OSTCBTbl[area].OSTCBStkSize != 0)
        os_undo(&OSTCBTbl[area], number, a, result);
    hc_undone();
}
