/* A guest without tasks: all of it runs in kernel mode, in one piece. */
#ifndef PLAIN_H
#define PLAIN_H

#include "vmi.h"

/* Writes a formatted line to the console. */
void print(const char *text, ...) __attribute__((format(printf, 1, 2)));

/* The guest's program; the VM halts with its result. */
int main(const char *argument);

/*
 * Called for virtual interrupts, between any two instructions of main(), and not again until it has
 * returned; does nothing unless the guest has one of its own. Main then only has to wait: what comes
 * in while this runs is delivered when it returns, so nothing is slept over.
 */
void plain_irq(uint32_t sources, uint32_t ticks);

#endif
