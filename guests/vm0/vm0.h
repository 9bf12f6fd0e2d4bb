/* What the parts of VM0 share. */
#ifndef VM0_H
#define VM0_H

#include "plain.h"

#define VMS 78                          /* slots, this VM's among them */
#define NAME 16                         /* bytes of a name, without the NUL */

/* State of a VM with its figures; one that waits is as well as one that runs. */
uint32_t state_of(uint32_t vm, struct vmi_vm_status *status);
const char *state_name(uint32_t state);

int same(const char *a, const char *b);

/* Name of an image, NUL-terminated; 0 if there is no such image. */
int image_name(uint32_t image, char name[NAME + 1]);

/* Creates the VM of an image, and starts it; they tell what became of it. */
int32_t vm_create(uint32_t image);
void    vm_start(uint32_t vm);

/* Text of an error code. */
const char *error_text(int32_t error);

/* The shell: takes the console input that is there and carries out complete lines. */
void shell_input(void);

#endif
