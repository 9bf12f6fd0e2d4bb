/* A guest without tasks: all of it runs in kernel mode. */
#ifndef PLAIN_H
#define PLAIN_H

#include "vmi.h"

/* Virtual interrupt sources that came in since they were last looked at; set by the IRQ vector. */
extern volatile uint32_t plain_irqs;

/* Writes a formatted line to the console. */
void print(const char *text, ...) __attribute__((format(printf, 1, 2)));

/* Waits until a virtual interrupt has come in; returns and clears the sources. */
uint32_t plain_wait(void);

/* The guest's program; the VM halts with its result. */
int main(const char *argument);

#endif
