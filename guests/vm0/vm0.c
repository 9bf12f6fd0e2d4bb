/*
 * VM0: starts the other VMs and tells what becomes of them.
 *
 * A guest like the others, but the only one whose management calls the monitor accepts.
 */
#include "plain.h"

#define VMS 78                          /* slots, this VM's among them */

static uint8_t known[VMS];              /* the state last told */

static const char *const states[VM_STATES] = VM_STATE_NAMES;

/* A VM that waits for its next interrupt is as well as one that runs. */
static uint8_t state_of(uint32_t vm, struct vmi_vm_status *status)
{
    int32_t state = hc_vm_status(vm, (uint32_t)status);

    if (state < 0 || state >= VM_STATES)
        return VM_NONE;
    return state == VM_WAITING ? VM_RUNNING : state;
}

/* A VM changed its state: prints what has changed since the last look. */
void plain_irq(uint32_t sources, uint32_t ticks)
{
    struct vmi_vm_status status;
    uint32_t             vm;

    for (vm = 1; vm < VMS; vm++) {
        uint8_t state;

        if (known[vm] == VM_NONE)       /* not one of ours */
            continue;
        state = state_of(vm, &status);
        if (state == known[vm])
            continue;
        known[vm] = state;
        if (state == VM_NONE)
            print("vm0: VM %u is gone\n", vm);
        else
            print("vm0: VM %u, %s, is %s\n", vm, status.name, states[state]);
    }
}

/* Creates and starts the VM of one image. */
static void boot(uint32_t image)
{
    char    name[17];
    int32_t vm, error;

    name[16] = '\0';
    if (hc_image_name(image, (uint32_t)name) < 0 || name[0] == '\0')
        return;
    vm = hc_vm_create(image);
    if (vm < 0) {
        print("vm0: can't create %s: error %d\n", name, vm);
        return;
    }
    print("vm0: created %s as VM %d\n", name, vm);
    if (vm < VMS)
        known[vm] = VM_RUNNING;
    error = hc_vm_start(vm);
    if (error < 0) {
        print("vm0: can't start VM %d: error %d\n", vm, error);
        return;
    }
    print("vm0: started VM %d\n", vm);
}

int main(const char *argument)
{
    uint32_t images = VMI_INFO->images;
    uint32_t i;

    print("vm0: VM interface %u, %u guest%s in flash\n", VMI_INFO->version, images,
          images == 1 ? "" : "s");
    for (i = 0; i < images; i++)
        boot(i);
    for (;;)
        hc_wait();
}
