/*
 * The hooks that do nothing. An application's kernel part may have its own of the same names.
 */
#include "os.h"

#define HOOK __attribute__((weak)) void

HOOK OSInitHookBegin(void) {}
HOOK OSInitHookEnd(void) {}
HOOK OSTaskCreateHook(OS_TCB *ptcb) {}
HOOK OSTaskDelHook(OS_TCB *ptcb) {}
HOOK OSTaskIdleHook(void) {}
HOOK OSTaskStatHook(void) {}
HOOK OSTaskSwHook(void) {}
HOOK OSTCBInitHook(OS_TCB *ptcb) {}
HOOK OSTimeTickHook(void) {}
HOOK OSVirqHook(INT32U sources) {}
