/* What the kernel asks of the machine under it. */
#ifndef PORT_H
#define PORT_H

#ifdef OS_NATIVE
#include "native/port_native.h"
#else
#include "virtual/port_vmi.h"
#endif

#endif
